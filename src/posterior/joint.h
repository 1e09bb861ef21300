/* joint.h: the marginal likelihood of several grouping factors: a sparse Cholesky factor of M = I + T'Z'WZT over all of them. Private to
 * this room.
 *
 * Levels are eliminated one by one in an order that keeps the factor sparse (approximate minimum degree: leaves of nested factors and the
 * larger of two crossed factors come first, without fill among themselves); the last ones, among which everything is connected, make a dense
 * tail for LAPACK. Where every level has one effect thin.h does it better. The column of an eliminated level is a dense panel of h x q numbers: its own q x q lower factor, then the rows of
 * the levels it is connected with. */
#ifndef BM_JOINT_H
#define BM_JOINT_H

#include "posterior/posterior.h"

#include <string.h>

/* What follows from the pattern alone. Read-only, shared. A level's `place` is its rank in the order of elimination. */
typedef struct bm_joint {
    size_t    nfac, N, nv;     /* factors; levels in all; effects in all */
    size_t    nlead, m, t0;    /* levels before the tail; effects in the tail; effects before it (nv - m) */
    size_t   *base;            /* nfac + 1: first level of each factor among all levels */
    uint32_t *fac, *lev;       /* N: factor and level at each place */
    uint32_t *place;           /* N: place of each level, factor after factor */
    size_t   *at;              /* N + 1: first effect of each place */
    size_t   *ptr;             /* nlead + 1: rows of each column */
    uint32_t *row;             /* places */
    uint32_t *pos;             /* where each row begins in the panel */
    size_t   *val;             /* nlead + 1: first number of each panel */
    size_t   *h;               /* nlead: rows of each panel */
    size_t   *pair;            /* nlead + 1: first entry of pair_pos */
    uint32_t *pair_pos;        /* for each column, for each pair of its rows (a, b >= a) with a before the tail: where b begins in the panel of a */
    uint32_t **dst;            /* nfac x nfac, per entry of the cross-products (k, l): where l's level begins in the panel of k's level (for the
                                * tail: anything), or BM_JOINT_NONE when l's level comes first */
    double    seconds;         /* estimate of one evaluation */
} bm_joint;

#define BM_JOINT_NONE UINT32_MAX
enum { BM_FACTORS_MAX = 64 };

/* Fills place, fac, lev, which with base and N are there; height: N, connected levels of each place, its own included (joint_order.c). constrained: the
 * levels of the factor that has most of them come first. BM_ENOMEM. */
bm_status bm_joint_order(bm_joint *j, const bm_stats *st, bool constrained, size_t *height);
/* The pattern for the factors of st. BM_NOT_PD: the factor would not fit in `bytes` of memory. */
bm_status bm_joint_new(bm_joint **out, const bm_stats *st, size_t bytes, bm_error *err);
void      bm_joint_free(bm_joint *j);

/* One point's numbers. */
typedef struct bm_joint_work {
    double *val, *tail;        /* panels; m x m */
    double *F;                 /* nv x (p + 1), row after row: C^-1 T'[B | c] */
    double *inv, *inv_tail;    /* M^-1 on the pattern of the factor; made on demand, NULL until then */
    bool    have_inv;
    double *E;                 /* nv x (p + 1), scratch, NULL until needed */
    double *pack;              /* max(m x (p + 1), (p + 1)^2), scratch */
} bm_joint_work;

bm_status bm_joint_work_new(bm_joint_work **out, const bm_joint *j, size_t p, bm_error *err);
void      bm_joint_work_free(bm_joint_work *w);

/* As bm_kernel_eval: SF ((p+1) x (p+1), lower) -= F'F; returns log |M|, NaN if M is not positive definite. T: per factor q x q. */
double bm_joint_eval(const bm_joint *j, bm_joint_work *w, const bm_stats *st, const double *T, double *SF);
/* X (nv x nrhs, row after row) <- C'^-1 X */
void   bm_joint_backsolve(const bm_joint *j, const bm_joint_work *w, double *X, size_t nrhs);
/* M^-1 where the factor has an entry. BM_ENOMEM. */
bm_status bm_joint_invert(const bm_joint *j, bm_joint_work *w);
/* The q x q block of M^-1 of one level (after bm_joint_invert). */
void   bm_joint_inverse_block(const bm_joint *j, const bm_joint_work *w, size_t k, size_t level, double *N);
/* G (per factor q x q) += the gradient with respect to T, as bm_kernel_gradient. BM_ENOMEM. */
bm_status bm_joint_gradient(const bm_joint *j, bm_joint_work *w, const bm_stats *st, const double *T, const double *beta, const double *Rinv,
                            double sigma, double *G);

/* n standard normals; without a generator zeros: a draw is then its mean. */
static inline void bm_noise(bm_rng *rng, double *z, size_t n)
{
    if (rng) bm_rng_normals(rng, z, n);
    else memset(z, 0, n * sizeof *z);
}

#endif
