/* classes.h: groups with the same A = Z'WZ share one factorisation. Private to this room.
 *
 * What an evaluation wants of a group beside A is quadratic in its D = [B | c], so that of a class of groups with equal A only their number and
 *     G = sum_j vec(D_j) vec(D_j)'
 * need be kept: balanced designs, and random intercepts without weights (where A is the number of rows), cost as much as there are different A.
 * Blocks of G: G_ab (q x q) = sum_j D_j[, a] D_j[, b]', columns a >= b of D, b by b (the lower triangle), those of all classes side by side. */
#ifndef BM_CLASSES_H
#define BM_CLASSES_H

#include "posterior/kernel.h"
#include "suffstat/suffstat.h"

typedef struct bm_classes {
    size_t    n, J, q, p;
    uint32_t *of;            /* J: the class of each group */
    double   *A, *count;     /* n x q x q; n */
    double   *G;             /* (p + 1)(p + 2) / 2 blocks x n x (q x q) */
} bm_classes;

/* *out stays NULL where that would not pay: too many different A. BM_ENOMEM. */
bm_status bm_classes_new(bm_classes **out, const bm_facstat *f);
/* Shares all but the blocks of c, which are to be filled in by bm_classes_response. NULL: out of memory. */
bm_classes *bm_classes_share(const bm_classes *c);
/* The blocks of G with c in them, for another c: J x q. B as in the statistics it was made from. */
void bm_classes_response(bm_classes *k, const double *B, const double *c);
void bm_classes_free(bm_classes *c);
void bm_classes_unshare(bm_classes *c);

/* As bm_blocks_eval and bm_blocks_gradient; scratch: n x q x q. */
double bm_classes_eval(const bm_classes *k, const double *T, double *SF, double *scratch);
void   bm_classes_gradient(const bm_classes *k, const double *T, const double *beta, const double *Rinv, double sigma, double *G, double *scratch);

#endif
