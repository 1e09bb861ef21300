/* prior_priv.h: what the files on priors share. */
#ifndef BM_PRIOR_PRIV_H
#define BM_PRIOR_PRIV_H

#include "model/model.h"

/* "prior: what", then the text of the prior and a caret under the byte at. BM_EINVAL. */
bm_status bm_prior_fail(bm_error *err, const char *text, size_t at, const char *fmt, ...) BM_PRINTF(4, 5);

/* "TARGET ~ DIST(args)" taken apart. */
typedef struct {
    const char *text;        /* borrowed */
    char       *target;      /* blanks around it removed */
    size_t      target_at, dist_at;   /* where in text */
    bm_dist     dist;
} bm_prior;

bm_status bm_prior_parse(bm_prior *p, const char *text, bm_error *err);
void      bm_prior_clear(bm_prior *p);

/* ---- targets (prior_target.c) ---- */

typedef enum { BM_FOR_COEF, BM_FOR_SD, BM_FOR_SIGMA, BM_FOR_COR, BM_FOR_COV } bm_prior_use;

/* A target that exists in a model; *slot: index of the user's prior on it, -1 for none. */
typedef struct { char *text; bm_prior_use use; long *slot; } bm_target;

typedef struct {
    bm_target *v;
    size_t     n;
    long      *slots;        /* storage of what follows */
    long      *b, *intercept, *sd, *cor, *sigma;
    long      *coef;         /* p */
    long      *sd_group, *cor_group, *cov;   /* nfac */
    long      *sd_term;      /* effects of all factors, one after the other */
} bm_targets;

bm_status bm_targets_new(bm_targets *t, const bm_design *d, bm_error *err);
/* Gives each prior to its target: the later of two on the same one wins. Errors: no such target, a distribution that does not fit it. */
bm_status bm_targets_assign(bm_targets *t, const bm_design *d, bm_prior *priors, size_t n, bm_error *err);
void      bm_targets_clear(bm_targets *t);

#endif
