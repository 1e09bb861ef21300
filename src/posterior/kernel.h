/* kernel.h: one grouping factor's share of the marginal likelihood, eight groups side by side. Private to this room.
 *
 * Shapes, per group: A q x q symmetric (Z'WZ), D = [B | c] q x (p + 1) (Z'W [X | y]), T q x q, any matrix with T T' = G / sigma^2.
 *     M = I + T'A T = C C',   F = [E | f] = C^-1 T'D
 * Groups are packed in batches of LANES: A as its lower triangle, column by column, then D column by column; element k of group l of a
 * batch at [k * LANES + l]. The last batch is filled up with groups of zeros, which contribute nothing (M = I, F = 0). */
#ifndef BM_KERNEL_H
#define BM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

enum { BM_LANES = 8, BM_QMAX = 32 };     /* groups side by side; effects per level of one factor, at most */

typedef struct {
    size_t  J, q, p, nbatch;
    double *A;       /* nbatch x q(q+1)/2 x LANES */
    double *D;       /* nbatch x q(p+1) x LANES */
    const double *c; /* NULL: c is in D; else a replacement for it, J x q in batches: nbatch x q x LANES */
    struct bm_classes *classes;  /* NULL, or what bm_kernel_eval and bm_kernel_gradient need of groups that share their A */
} bm_pack;

/* Doubles of scratch that the kernels want. */
size_t bm_kernel_scratch(size_t q, size_t p);

/* SF ((p+1) x (p+1), lower triangle) -= sum_j F_j'F_j;  returns sum_j log |M_j| = 2 sum_j log |C_j|, NaN if some M is not finite. */
double bm_kernel_eval(const bm_pack *k, const double *T, double *SF, double *scratch);

/* G (q x q) += sum_j of (I - W T') Y T M^-1 - W,   W = A T M^-1,   Y = H H' + g g' / sigma^2,   H = B R'^-1,   g = c - B beta:
 * the gradient of the log marginal likelihood with respect to T (derivation in marginal.c). Rinv: p x p lower, NULL for ML (no H). */
void bm_kernel_gradient(const bm_pack *k, const double *T, const double *beta, const double *Rinv, double sigma, double *G, double *scratch);

/* u_j = Kz T C'^-1 [C^-1 T'(c - B beta) + sigma z_j] for every group; z, u: J x q (effects of a level side by side). z may be NULL: the
 * conditional mean. */
void bm_kernel_effects(const bm_pack *k, const double *T, const double *Kz, const double *beta, double sigma, const double *z, double *u,
                       double *scratch);

/* Conditional means (beta at its conditional mode) and variances of u given theta: J x q each. Rinv NULL: beta taken as known. */
void bm_kernel_moments(const bm_pack *k, const double *T, const double *Kz, const double *beta, const double *Rinv, double sigma, double *mean,
                       double *var, double *scratch);

#endif
