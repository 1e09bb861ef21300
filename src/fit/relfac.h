/* relfac.h: coordinates of the relative covariance factor for optimisation. Private to this room. */
#ifndef BM_RELFAC_H
#define BM_RELFAC_H

#include "suffstat/suffstat.h"

/* Effects first .. first + s - 1 of one factor, correlated with one another. */
typedef struct {
    size_t  fac, first, s;
    size_t  L, ld;        /* where its s x s part of L begins, and the leading dimension there */
    size_t  x;            /* its first coordinate: s (s + 1) / 2 of them, the lower triangle of Theta, column by column */
    double *K0, *K;       /* s x s: L = sigma K Theta; K0: upper triangular, the first basis */
    double *size;         /* s: root mean square over the rows of sqrt(w) z: sigma-free size of an effect is sd / sigma * size */
} bm_relblock;

typedef struct {
    size_t       n, nL, nblock;
    bm_relblock *block;
} bm_relfac;

bm_status bm_relfac_new(bm_relfac **out, const bm_stats *st, const bm_design *d, bm_error *err);
void      bm_relfac_free(bm_relfac *r);
/* L (nL, all of it written) = sigma K Theta(x), block by block. */
void bm_relfac_L(const bm_relfac *r, const double *x, double sigma, double *L);
/* g (n): derivatives with respect to x at fixed sigma from those with respect to L. */
void bm_relfac_gradient(const bm_relfac *r, const double *dL, double sigma, double *g);
/* Theta = c I */
void bm_relfac_identity(const bm_relfac *r, double c, double *x);
/* Moves to the basis in which the relative covariance L L' (any square root, sigma = 1) is of size one, and sets x to it there. */
bm_status bm_relfac_rebase(bm_relfac *r, const double *L, double *x, bm_error *err);
/* Back to the first basis. */
void      bm_relfac_reset(bm_relfac *r);

#endif
