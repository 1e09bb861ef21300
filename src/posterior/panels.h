/* panels.h: Cholesky factor of a sparse symmetric positive definite matrix by panels (supernodes): columns side by side that share their rows
 * below. Right-hand sides are further rows of every panel, so that factorising solves for them too. Private to this room.
 *
 * A panel is h x w, column-major: w columns; its w x w diagonal block (lower triangle), then nb rows below, then `extra` rows of right-hand sides. */
#ifndef BM_PANELS_H
#define BM_PANELS_H

#include "base/base.h"

/* Rows from .. upto - 1 below the diagonal of a panel are columns of panel `to`. rel: in the panel's list of where in a column of `to` each of its
 * rows from `from` on stands, right-hand sides included. */
typedef struct { size_t to, from, upto, rel; } bm_panel_link;

typedef struct {
    size_t         m, n, extra;   /* columns; panels; right-hand sides */
    size_t        *first;         /* n + 1: first column of each panel */
    size_t        *ptr;           /* n + 1: rows below */
    uint32_t      *row;           /* ascending within a panel */
    size_t        *val;           /* n + 1: first number of each panel */
    uint32_t      *of;            /* m: the panel of each column */
    size_t        *link;          /* n + 1 */
    bm_panel_link *links;
    uint32_t      *rel;
    size_t         below, wide;   /* most rows below, right-hand sides included; most columns */
    double         flops;         /* of a factorisation */
} bm_panels;

/* The pattern of a sum of cliques: clique c connects member[ptr[c]] .. member[ptr[c + 1] - 1], all below m. place (m): where each column comes in the
 * order of elimination, found here. BM_NOT_PD: more than `most` numbers. BM_ENOMEM. */
bm_status bm_panels_new(bm_panels **out, size_t m, size_t extra, size_t nclique, const size_t *ptr, const uint32_t *member, double most, uint32_t *place);
void      bm_panels_free(bm_panels *p);
/* Where the number of row r and column c (places, r >= c) is; right-hand side x of column c at bm_panels_rhs(p, c) + x. */
size_t bm_panels_at(const bm_panels *p, size_t r, size_t c);
size_t bm_panels_rhs(const bm_panels *p, size_t c);
/* Doubles of scratch for what follows; nrhs: most columns of X. */
size_t bm_panels_scratch(const bm_panels *p, size_t nrhs);

/* F (the matrix, lower triangle, on the pattern) = C C': overwritten by C, its right-hand sides D' by (C^-1 D)'. SF (extra x extra, lower) -= their
 * product with themselves. Returns log |C|; NaN if F is not positive definite. */
double bm_panels_factor(const bm_panels *p, double *F, double *SF, double *scratch);
/* X (m x n, row after row) <- C'^-1 X */
void   bm_panels_backsolve(const bm_panels *p, const double *F, double *X, size_t n, double *scratch);
/* Z <- (C C')^-1 on the pattern (right-hand sides aside). */
void   bm_panels_invert(const bm_panels *p, const double *F, double *Z, double *scratch);

#endif
