/* posterior_priv.h: shared by the files of this room only. */
#ifndef BM_POSTERIOR_PRIV_H
#define BM_POSTERIOR_PRIV_H

#include "posterior/classes.h"
#include "posterior/joint.h"
#include "posterior/kernel.h"
#include "posterior/posterior.h"
#include "posterior/thin.h"

struct bm_packed {
    size_t   nfac;
    bm_pack *fac;
    size_t    scratch;    /* doubles the kernels want */
    bm_joint *joint;      /* several factors: the pattern of their common factorisation; NULL where that would not fit in memory, */
    bm_thin  *thin;       /* or where each of them has one effect per level, which is simpler */
    bool      view;       /* of another's, which must live as long: only what depends on the response is its own */
};

/* The same cross-products with room for another c; it is written by bm_packed_refresh. bm_joint reads st->fac[k].c itself. */
bm_status bm_packed_view(bm_packed **out, const bm_packed *from, bm_error *err);
void      bm_packed_refresh(bm_packed *view, const bm_stats *st);

/* Where correlation (i, j), j < i, stands within its block. */
static inline size_t bm_cor_index(size_t i, size_t j)
{
    return i * (i - 1) / 2 + j;
}

/* At pt's s, LR, L and sigma: log density of the priors into *nat, log Jacobian into *jac; with g, the derivative of their sum by x is added to it, and by L to
 * pt->dL (theta_prior.c). */
void bm_theta_prior(bm_point *pt, double *nat, double *jac, double *g);

/* As bm_marginal_draw's u, and bm_kernel_moments (Rinv NULL: beta taken as known), for several factors (effects_joint.c); BM_ENOMEM. */
bm_status bm_joint_effects(bm_marginal *m, const double *beta, bm_rng *rng, double *u);
bm_status bm_joint_moments(bm_marginal *m, const double *Rinv, double *mean, double *var);

#endif
