/* reml_priv.h: the criterion as a function of the coordinates of relfac.h. Private to the files of REML. */
#ifndef BM_REML_PRIV_H
#define BM_REML_PRIV_H

#include "fit/optim.h"
#include "fit/relfac.h"
#include "fit/reml.h"

typedef struct {
    const bm_stats  *st;
    const bm_design *d;
    const bm_packed *pk;
    bm_packed       *own_pk;       /* NULL: pk is borrowed */
    bm_marginal    *m;
    bm_relfac      *rf;
    double         *L;            /* nL, scratch */
    double          sigma0;       /* where the marginal is evaluated before sigma is profiled: of the size of the residuals */
    bool            known_se;     /* sigma is 1 */
    bool            costly;       /* an evaluation takes milliseconds: one start, second derivatives by two points instead of four */
    bool            perfect;      /* somewhere sigma fell below 1e-7 sigma0, where the search turns round */
    int             evaluations;

    /* what is known already, so that nothing is computed twice */
    bool            here, have_dL;    /* c->m is at a profiled point, whose L at sigma0 is at_L; and has its gradient */
    double         *at_L;             /* nL */
    bool            have_curvature;   /* of the point x at at_L, in: */
    double         *curved_x, *curved_L, *H, *dvar;
} bm_criterion_at;

/* To be said when c->m is moved by other means than the functions below. */
static inline void bm_criterion_moved(bm_criterion_at *c) { c->here = c->have_dL = false; }

/* pk: of st, borrowed; NULL: made here. */
bm_status bm_criterion_new(bm_criterion_at *c, const bm_stats *st, const bm_packed *pk, const bm_design *d, bool ml, bm_error *err);
void      bm_criterion_clear(bm_criterion_at *c);
/* A bm_objective: -2 log p at x, sigma at its best value. c->m is left at that point. */
bm_status bm_criterion_profiled(void *c, const double *x, double *f, double *g);
/* The same at a given sigma. */
bm_status bm_criterion_full(bm_criterion_at *c, const double *x, double sigma, double *f, double *g);

/* Second derivatives of -2 log p in (x, log sigma) at the profiled point x, (n + 1) x (n + 1) (with known_se the last row and column are
 * zero), and, where dvar is not NULL, derivatives of the variances of b with respect to the same: p x (n + 1). Leaves c->m at x. */
bm_status bm_criterion_curvature(bm_criterion_at *c, const double *x, double *H, double *dvar, bm_error *err);
/* Second derivatives of the profiled criterion: n x n, from H. */
void bm_criterion_profile_hessian(const double *H, size_t n, bool known_se, double *Hp);

/* The search (reml_search.c): the best point over several starts, polished: x (n) in the basis where c->rf ends up. start: a relative factor
 * (nL, sigma = 1) to begin with, or NULL. starts 0: as many as it takes. BM_NOT_PD: the criterion is not finite at any start. */
bm_status bm_reml_minimise(bm_criterion_at *c, double *x, const double *start, int starts, bm_reml_search *out, bm_error *err);

/* Where the search may begin (reml_start.c): L (nL, relative), from each factor fitted alone; x and curvature (n each): coordinates and second derivatives
 * in those fits. Positive: there is none. */
bm_status bm_reml_start(const bm_criterion_at *c, double *L, double *x, double *curvature, bm_error *err);

/* What is at the boundary (reml_boundary.c): r->singular and r->boundary, from L at the point where c->m is. */
bm_status bm_reml_find_boundary(bm_reml *r, const bm_criterion_at *c, const double *L, bm_error *err);
bm_status bm_reml_snap(bm_criterion_at *c, double *L);

/* Profile-likelihood intervals (reml_profile.c) into r->interval, of the ML deviance. */
bm_status bm_reml_profile(bm_reml *r, const bm_stats *st, const bm_design *d, double level, bm_error *err);

/* How much the deviance rises over its minimum when a parameter is held at value. */
typedef bm_status bm_profile_fn(void *self, double value, double *rise, bm_error *err);
/* Where the rise reaches level_root^2, going from the estimate by steps in the direction of step; limit where it does not (reml_bound.c). */
bm_status bm_profile_bound(bm_profile_fn *fn, void *self, double estimate, double step, double limit, double level_root, double *out, bm_error *err);

/* Statistics of the model in which coefficient k (not aliased) is known, for ML; without a basis to read b off (reml_fix.c).
 * Borrows the factors' cross-products from `from`. */
bm_status bm_stats_fix_coefficient(bm_stats **out, const bm_stats *from, size_t k, double value, bm_error *err);

#endif
