/* kernel.h: one grouping factor's share of the marginal likelihood, eight groups side by side. Private to this room.
 *
 * Shapes, per group: A q x q symmetric (Z'WZ), D = [B | c] q x (p + 1) (Z'W [X | y]), T q x q, any matrix with T T' = G / sigma^2.
 *     M = I + T'A T = C C',   F = [E | f] = C^-1 T'D
 * Groups are packed in batches of LANES: A as its lower triangle, column by column, then D column by column; element k of group l of a
 * batch at [k * LANES + l]. The last batch is filled up with groups of zeros, which contribute nothing (M = I, F = 0). */
#ifndef BM_KERNEL_H
#define BM_KERNEL_H

#include "base/base.h"

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

/* ---- the batches first .. upto - 1 of one factor (kernel_passes.h) ---- */

typedef enum {
    BM_PASS_EVAL,          /* out ((p+1) x (p+1), lower triangle) -= sum_j F_j'F_j;  returns sum_j log |M_j| = 2 sum_j log |C_j|, NaN if some M is not finite */
    BM_PASS_GRADIENT,      /* out (q x q) += sum_j of (I - W T') Y T M^-1 - W,   W = A T M^-1,   Y = H H' + g g' / sigma^2,   H = B R'^-1,   g = c - B beta: the
                              * gradient of the log marginal likelihood with respect to T (derivation in marginal.c). Rinv: p x p lower, NULL for ML (no H) */
    BM_PASS_EFFECTS,       /* out_j = Kz T C'^-1 [C^-1 T'(c - B beta) + sigma z_j]; out, z: J x q (effects of a level side by side), may be the same; z NULL: the
                              * conditional mean */
    BM_PASS_MOMENTS,       /* out, var: conditional means (beta at its conditional mode) and variances of u given theta, J x q. Rinv NULL: beta taken as known */
    BM_PASSES
} bm_pass;

typedef struct {
    const bm_pack *pack;
    size_t         first, upto;
    const double  *T, *Kz, *beta, *Rinv, *z;
    double         sigma;
    double        *out, *var, *scratch;
} bm_kernel_job;

double bm_kernel_run(bm_pass what, const bm_kernel_job *job);

/* The registers they use: the widest that the machine has, or that the limit allows (for tests: process-wide). */
typedef enum { BM_SIMD_BASELINE, BM_SIMD_AVX2, BM_SIMD_AVX512 } bm_simd;
bm_simd bm_kernel_simd(void);
void    bm_kernel_limit(bm_simd most);

/* ---- all groups, in blocks of fixed size that threads may share out; sums are those of the blocks in their order, so that they do not depend on the
 * number of threads (blocks.c) ---- */

typedef struct bm_team {
    int     threads;         /* 1: none but the caller's */
    size_t  each;            /* doubles of scratch of each thread */
    double *scratch;         /* threads x each */
    double *part;            /* bm_blocks_room(...): of each block */
} bm_team;

size_t bm_blocks_room(size_t J, size_t q, size_t p);
double bm_blocks_eval(const bm_pack *k, const bm_team *team, const double *T, double *SF);
void   bm_blocks_gradient(const bm_pack *k, const bm_team *team, const double *T, const double *beta, const double *Rinv, double sigma, double *G);
/* A draw of all effects; with more than one block each has a stream of its own, keyed by a number from rng. rng NULL: their conditional means. */
void   bm_blocks_effects(const bm_pack *k, const bm_team *team, const double *T, const double *Kz, const double *beta, double sigma, bm_rng *rng, double *u);
/* Conditional means and standard deviations. */
void   bm_blocks_moments(const bm_pack *k, const bm_team *team, const double *T, const double *Kz, const double *beta, const double *Rinv, double sigma, double *mean,
                         double *sd);

#endif
