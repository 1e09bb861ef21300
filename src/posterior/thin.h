/* thin.h: the marginal likelihood of several grouping factors with one effect per level each, eliminated factor by factor. Private to this room.
 *
 * With A = Z'WZ over all levels, D = Z'W [X | y] and t_k = L_k / sigma, wanted is N = T M^-1 T' (M = I + T A T): log |M| and D'N D. A factor none of whose
 * levels touch each other is eliminated level by level, where a level j with the row x' of A to the levels that are left has
 *     m = 1 + t^2 a,  w = t^2 / m:    log |M| += log m,   [X | y]'W[X | y] -= w d d',   D -= w x d',   A -= w x x'.
 * So nested factors go one after the other, and of crossed ones the largest. What is then left is factorised by panels.
 *
 * Of the first factor, levels with the same x and a (an item) are eliminated at once: of their d only the sum and, for all with the same a (a
 * kind), G = sum d d' are wanted. Items with the same neighbours (a run) stand side by side. */
#ifndef BM_THIN_H
#define BM_THIN_H

#include "posterior/panels.h"
#include "posterior/posterior.h"

/* What follows from the cross-products. Read-only, shared. Levels but those of the first factor have a place: those that are eliminated one by one
 * first (`nmid`, a column of numbers each: a, x, d), then the m of the panels. val: all columns, then the panels. */
typedef struct bm_thin {
    size_t     nfac, p, p1, nv;
    size_t     nstage, *stage;       /* factors eliminated level by level, in this order */
    size_t     nmid, m, nplace;
    uint32_t **place;                /* nfac: place of each level (first factor: NULL) */
    uint32_t  *fac, *lev;            /* nplace */

    size_t     n0, nitem, nrun, nkind;
    bool       merged;               /* kinds are fewer than levels, and G is kept; else every level is an item and a kind of its own */
    uint32_t  *order, *level_item;   /* n0: levels, item after item; the item of each of these */
    size_t    *item;                 /* nitem + 1: into order */
    size_t    *run;                  /* nrun + 1: items */
    size_t    *x_at;                 /* nrun: first number in x: neighbours x items */
    double    *x;
    size_t    *nbr_ptr;              /* nrun + 1 */
    uint32_t  *nbr;                  /* places, ascending */
    size_t    *pair;                 /* nrun + 1 */
    uint32_t  *pair_at;              /* into val: for each neighbour, for each from it on */
    uint32_t  *kind;                 /* nitem */
    double    *count;                /* nitem: levels */
    double    *kind_a, *kind_count;  /* nkind */

    size_t     mid_most;             /* most neighbours of one */
    size_t    *mid_ptr;              /* nmid + 1: neighbours */
    uint32_t  *mid_nbr;
    size_t    *mid_val;              /* nmid + 1: columns */
    size_t    *mid_pair;             /* nmid + 1 */
    uint32_t  *mid_pair_at;
    bm_panels *rest;
    size_t     rest_val, nval;       /* where the panels begin; numbers in all */
    size_t    *rhs, *diagonal;       /* nplace: where d is, and a */
    size_t     nbase;                /* A of the levels with a place */
    uint32_t  *base_at;
    double    *base;

    /* what depends on the response: its own in a view */
    double    *sum;                  /* run after run: p1 x items: sums of d */
    double    *G;                    /* p1 (p1 + 1) / 2 x nkind (merged only) */
    double    *d;                    /* nplace x p1 */
    double    *level_d;              /* p1 x n0: d of the first factor's levels, in their order here */
    bool       view;
    double     seconds;              /* estimate of one evaluation */
} bm_thin;

/* BM_NOT_PD: it would not fit in `bytes` of memory. */
bm_status bm_thin_new(bm_thin **out, const bm_stats *st, size_t bytes, bm_error *err);
/* Shares all but what depends on the response, which is to be filled in by bm_thin_response. NULL: out of memory. */
bm_thin  *bm_thin_share(const bm_thin *th);
/* For another c of every factor. */
void      bm_thin_response(bm_thin *th, const bm_stats *st);
void      bm_thin_free(bm_thin *th);

enum { BM_THIN_LONGEST = 512 };           /* items of a run: some numbers of each are kept on the stack */

/* One point's numbers. */
typedef struct bm_thin_work {
    double *val, *fac;         /* A and D as they stand when their level is eliminated; the panels' factor */
    double *w;                 /* nkind: w of each */
    double *SF;                /* p1 x p1 */
    double *inv;               /* N / (ts ts') on the pattern, as val, then scratch; NULL until wanted */
    bool    have_inv;
    double *E;                 /* nplace x p1: N D / ts */
    double *scratch;
    double *z;                 /* nv normals */
    double *back;              /* p1 x BM_THIN_LONGEST, NULL until wanted */
    double  t[64], ts[64];     /* of each factor; ts: 1 for those eliminated level by level */
    double *item;              /* p1, then p1, ...: scratch of one item */
} bm_thin_work;

bm_status bm_thin_work_new(bm_thin_work **out, const bm_thin *th, bm_error *err);
void      bm_thin_work_free(bm_thin_work *w);

/* As bm_joint_eval and bm_joint_gradient; T and G: a number per factor. */
double    bm_thin_eval(const bm_thin *th, bm_thin_work *w, const double *T, double *SF);
bm_status bm_thin_gradient(const bm_thin *th, bm_thin_work *w, const double *beta, const double *Rinv, double sigma, double *G);
/* What right-hand sides are made into: [B R'^-1 | (c - B beta) / sigma], n = p + 1, or without Rinv the last alone, n = 1. */
typedef struct { size_t p, n; const double *beta, *Rinv; double sigma; } bm_thin_rhs;
/* E (nplace x n); z (NULL: none): normals, place after place, for a draw with residual sd `noise` (n = 1). */
void      bm_thin_solve(const bm_thin *th, const bm_thin_work *w, const bm_thin_rhs *s, double noise, const double *z);
/* w->inv. BM_ENOMEM. */
bm_status bm_thin_invert(const bm_thin *th, bm_thin_work *w);

/* As bm_marginal_draw's u. */
void      bm_thin_draw(const bm_thin *th, bm_thin_work *w, const bm_stats *st, const double *beta, double sigma, bm_rng *rng, double *u);
/* As bm_kernel_moments. BM_ENOMEM. */
bm_status bm_thin_moments(const bm_thin *th, bm_thin_work *w, const bm_stats *st, const double *beta, const double *Rinv, double sigma, double *mean,
                          double *var);

#endif
