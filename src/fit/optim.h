/* optim.h: a quasi-Newton minimiser for smooth functions of up to a few dozen variables of order one. */
#ifndef BM_OPTIM_H
#define BM_OPTIM_H

#include "base/base.h"

/* Value f and gradient g (NULL: value only) at x. BM_NOT_PD, or a value that is not finite: x is outside the domain. Negative: give up. */
typedef bm_status bm_objective(void *self, const double *x, double *f, double *g);

typedef struct {
    int    max_evaluations;
    double gtol;        /* done when no |g_i| is larger */
    double ftol;        /* done when f falls by less than ftol (1 + |f|) over three steps in a row; 0: never */
    double max_step;    /* longest step in any coordinate; 0: no limit */
    const double *curvature;   /* n: second derivatives to begin with, where positive; NULL: unknown */
} bm_minimise_options;
#define BM_MINIMISE_OPTIONS_INIT { .max_evaluations = 2000, .gtol = 1e-6, .ftol = 1e-14, .max_step = 0, .curvature = NULL }

typedef struct {
    double f, gnorm;    /* at the x handed back; gnorm: max |g_i| */
    int    evaluations;
    bool   converged;   /* by gtol or ftol; false: evaluations ran out, or no descent could be found */
} bm_optimum;

/* Minimises from x (n, overwritten by the best point found). opt NULL: the defaults. BM_NOT_PD: the start is outside the domain. */
bm_status bm_minimise(bm_objective *fn, void *self, double *x, size_t n, const bm_minimise_options *opt, bm_optimum *out, bm_error *err);

#endif
