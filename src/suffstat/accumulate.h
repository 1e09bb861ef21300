/* accumulate.h: sums over rows that are not kept, between accumulate.c and accumulate_end.c. */
#ifndef BM_ACCUMULATE_H
#define BM_ACCUMULATE_H

#include "suffstat/suffstat_priv.h"

/* A record of sums: n, then q rows of width q + p + 1: w z_a (z, x, e), summed over the group's rows; zeros up to a multiple of four numbers. Records live in
 * chunks that never move, so that there is no copying, and none is cut by more cache lines than it must. */
typedef struct {
    size_t   q, width, stride, J;
    bm_track track;
    void   **chunk;              /* of 2^shift records each */
    size_t   nchunk, cap;
    unsigned shift;
    double  *Q;                  /* the rows at hand in the basis, n x q */
} bm_accum_factor;

static inline double *bm_record(const bm_accum_factor *f, size_t j)
{
    uintptr_t base = ((uintptr_t)f->chunk[j >> f->shift] + 63) & ~(uintptr_t)63;

    return (double *)base + (j & (((size_t)1 << f->shift) - 1)) * f->stride;
}

typedef struct {
    bm_interned index;           /* (code of k) << 32 | (code of l) */
    double     *sum;             /* per pair q_k x q_l, row after row */
    size_t      cap;
    double     *products;        /* q_k x q_l times (x'y, x'x, y'y) of the columns as they are */
} bm_accum_pair;

struct bm_accum {
    size_t           n, p, nfac;
    bm_track         track;      /* of X, with e as its last column */
    double          *b;          /* p: e = y - o - x'b */
    double           sum_log_w, y_scale;
    bm_accum_factor *fac;
    bm_accum_pair   *pair;       /* nfac x nfac, k < l used */
    double          *Q;          /* rows at hand, n x (p + 1) */
    double          *row;        /* one row: (z, x, e) */
    size_t           room;       /* rows that Q and the factors' Q have room for */
};

enum { BM_MOST_RENEWALS = 4 };   /* of a basis, for one portion */

/* The columns of X and e, or of factor k, change by M of their track; b follows before R does. */
void      bm_accum_map_fixed(bm_accum *a);
void      bm_accum_map_factor(bm_accum *a, size_t k);
bm_status bm_accum_renew_b(bm_accum *a, bm_error *err);
void      bm_accum_free_records(bm_accum_factor *f);
/* e = y - o - X b (n x p), each as if computed in twice the precision; o may be NULL. */
void      bm_residuals(const double *y, const double *o, const double *X, size_t n, size_t p, const double *b, double *e);
bm_status bm_accum_grow(bm_accum_factor *f, size_t J, bm_error *err);
/* The block (size numbers) of a pair of levels, made on first sight. */
bm_status bm_accum_pair_at(bm_accum_pair *x, uint64_t key, size_t size, double **sum);

#endif
