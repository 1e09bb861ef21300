/* relfac.h: coordinates of the relative covariance factor for optimisation. Private to this room. */
#ifndef BM_RELFAC_H
#define BM_RELFAC_H

#include "suffstat/suffstat.h"

/* Effects first .. first + s - 1 of one factor, correlated with one another. */
typedef struct {
    size_t  fac, first, s;
    size_t  L, ld;        /* where its s x s part of L begins, and the leading dimension there */
    size_t  x;            /* its first coordinate: s (s + 1) / 2 of them, the lower triangle of Theta, column by column */
    double *K;            /* s x s, upper triangular: L = sigma K Theta */
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
/* Length of the row of Theta in which coordinate i stands: the size of the effect it belongs to. */
double bm_relfac_row(const bm_relfac *r, const double *x, size_t i);

#endif
