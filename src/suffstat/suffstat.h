/* suffstat: the cross-products of a design, all that the posterior needs of the data. They add up: see bm_accum.
 *
 * Cross-products square the condition number, so they are taken in a good basis, not in the user's columns:
 *   x~ = K'x (columns of X K orthonormal in the weights, or exactly zero where a column of X depends on earlier ones),
 *   y~ = y - o - x'b0 (b0: weighted least squares), z~_k = Kz_k' z_k.
 * So b = b0 + K beta, u_k = Kz_k v_k, and G_k = Kz_k Gv_k Kz_k'. */
#ifndef BM_SUFFSTAT_H
#define BM_SUFFSTAT_H

#include "model/model.h"

/* One grouping factor's cross-products. */
typedef struct {
    size_t  J, q, p;
    double *Kz;     /* q x q, upper triangular */
    double *A;      /* J x (q x q): Z~_j'W Z~_j, symmetric */
    double *B;      /* J x (q x p): Z~_j'W X~_j */
    double *c;      /* J x q: Z~_j'W y~_j */
    size_t *n;      /* J: rows */
} bm_facstat;

/* Cross-products of two factors k and l: for every level of k the levels of l that occur with it, ascending. */
typedef struct {
    size_t    J, nnz;
    size_t   *ptr;    /* J + 1 */
    uint32_t *lev;    /* nnz */
    double   *X;      /* nnz x (q_k x q_l): Z~_kj'W Z~_lj' */
    bool      nested; /* every level of k occurs with one level of l */
} bm_cross;

typedef struct {
    size_t      n, p, rank;     /* rows; columns of X; numerical rank of X */
    double     *K;              /* p x p, upper triangular */
    double     *b0;             /* p */
    double      log_det_K;      /* log |det K| */
    double      log_det_K1;     /* the same over the columns that are not aliased */
    bool       *aliased;        /* p: depends on the columns before it */
    double      sum_log_w;
    double     *XX;             /* p x p: X~'W X~: the identity to rounding, but for zero rows of aliased columns */
    double     *Xy;             /* p: X~'W y~: zero to rounding */
    double      yy;             /* y~'W y~ */
    double      y_scale;        /* sum w (y - o)^2, to judge what yy = 0 means */
    size_t      nfac;
    bm_facstat *fac;
    bm_cross   *cross;          /* nfac x nfac, both directions (see bm_stats_cross); NULL with fewer than two factors */
    bool        owns_cross;     /* else they belong to other statistics, which must live as long */
    bool        borrows;        /* so does all that does not depend on the response */
} bm_stats;

static inline const bm_cross *bm_stats_cross(const bm_stats *s, size_t k, size_t l)
{
    return &s->cross[k * s->nfac + l];
}

bm_status bm_stats_new(bm_stats **out, const bm_design *d, bm_error *err);
void      bm_stats_free(bm_stats *s);

/* Those of the design without an effect of a factor; without the factor, where it is the only one. */
bm_status bm_stats_without(bm_stats **out, const bm_stats *s, size_t factor, size_t effect, bm_error *err);

/* Ranks by which flat priors are judged (ranks.c). From sums of squares: of a group's effects what is less than 1e-5 of its size is nothing, of a direction what
 * is less than a thousandth of it lies in the effects. */
bm_ranks  bm_ranks_of_stats(const bm_stats *s);

/* ---- the same from portions of the rows, none of which is kept (accumulate.c) ---- */

typedef struct bm_accum bm_accum;
/* For designs of p columns and nfac factors with q[k] effects each. */
bm_status bm_accum_new(bm_accum **out, size_t p, size_t nfac, const size_t *q, bm_error *err);
/* More rows: y, o, w, X and, per factor, Z, code and J (codes seen so far, in any order; J may grow). */
bm_status bm_accum_add(bm_accum *a, const bm_design *rows, bm_error *err);
/* The sums of other rows (of the same columns) are added; code[k]: the code in `into` of each code of factor k in `from`; J[k]: codes of `into` from now on.
 * `from` is used up. To rounding the sums of all rows at once. */
bm_status bm_accum_merge(bm_accum *into, bm_accum *from, const int32_t *const *code, const size_t *J, bm_error *err);
/* order[k]: for each code of factor k its place among the J[k] levels. To rounding the statistics of all rows at once. */
bm_status bm_accum_end(bm_accum *a, const int32_t *const *order, const size_t *J, bm_stats **out, bm_error *err);
/* Factors k < l group the rows alike, and a column of one is, scale apart, a column of the other (effect *i of k): their effects cannot be told apart. */
bool      bm_accum_same(const bm_accum *a, size_t k, size_t l, size_t *i);
bm_status bm_same_groups(const bm_group *a, const bm_group *b, const char *effect, bm_error *err);    /* says so */
void      bm_accum_free(bm_accum *a);

/* ---- another response on the same rows (respond.c) ---- */

/* The columns of X and of every Z in the basis of the statistics. Read-only, shared. */
typedef struct { size_t nfac; double *Q, **Z; } bm_basis;
bm_status bm_basis_new(bm_basis **out, const bm_design *d, bm_error *err);
void      bm_basis_free(bm_basis *b);
/* The statistics of d, which is the design of `from` but for its y: only what depends on y is computed, the rest is borrowed. */
bm_status bm_stats_respond(bm_stats **out, const bm_stats *from, const bm_basis *b, const bm_design *d, bm_error *err);

#endif
