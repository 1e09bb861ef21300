/* suffstat_priv.h: shared by the files of this room only. */
#ifndef BM_SUFFSTAT_PRIV_H
#define BM_SUFFSTAT_PRIV_H

#include "suffstat/suffstat.h"

/* Gram-Schmidt, twice, on the columns of Q (n x m), in order. On return the columns are orthogonal, each with sum of squares norm2, or
 * exactly zero where a column depends on the ones before it (what is left of it is below tol of its length). K (m x m, upper triangular)
 * is the map: Q_out = Q_in K; dependent columns are only scaled by their own length. w: n weights of the inner product, or NULL.
 * dependent: m flags. "Twice is enough": Giraud, Langou & Rozloznik 2005, Comput. Math. Appl. 50:1069. */
bm_status bm_orthogonalise(double *Q, double *K, bool *dependent, size_t n, size_t m, const double *w, double norm2, double tol,
                           bm_error *err);

#define BM_RANK_TOL 1e-10   /* a column of which less is left after projection on the others depends on them */

/* Weighted least squares by the orthonormal columns Q, refined twice on its residuals e. */
void bm_least_squares(double *b0, double *e, const bm_design *d, const double *Q, const double *K, const bool *aliased);
/* Adds up yy, y_scale and Xy. */
void bm_response_products(bm_stats *s, const bm_design *d, const double *Q, const double *e);

/* One side of a cross-tabulation: a factor and its columns in the basis of the statistics (n x q). */
typedef struct { const bm_group *g; const double *Z; } bm_cross_side;

bm_status bm_cross_new(bm_cross *c, const bm_cross_side *from, const bm_cross_side *to, const double *weight, size_t n, bm_error *err);
void      bm_cross_clear(bm_cross *c);
/* Every ordered pair of factors of d into s->cross; Z: per factor n x q, in the basis of the statistics. */
bm_status bm_stats_add_cross(bm_stats *s, const bm_design *d, double *const *Z, bm_error *err);

/* ---- track.c: a basis for columns whose rows are not kept ---- */

/* m columns, of which the first `fixed` are columns of a matrix, x = R'q with R upper triangular; a last one, if there is one more, is brought by the
 * caller (what the response leaves). */
typedef struct {
    size_t  m, fixed;
    bool    started;     /* there is a basis */
    double  total;       /* sum of weights */
    double *R;           /* m x m */
    double *G;           /* m x m: sum w q q' */
    double *length2;     /* m: sum w x^2 */
    double  total1;      /* the same of the portion at hand */
    double *G1, *length2_1;
    double *M;           /* m x m, upper triangular: the last change of basis, q_new = M'q */
} bm_track;

bm_status bm_track_new(bm_track *t, size_t m, size_t fixed, bm_error *err);
void      bm_track_clear(bm_track *t);
/* Q (n x m; the fixed columns) for the rows X (n x fixed), ld n. */
void      bm_track_rows(const bm_track *t, const double *X, size_t n, double *Q);
/* G1, total1 and length2_1. w: n weights or NULL. */
void      bm_track_measure(bm_track *t, const double *X, const double *Q, const double *w, size_t n);
/* Whether the basis is good for all rows including these (Q, n x m). If not: find a better one, t->M from the old; map sums of the caller by M; change to
 * it; transform and measure the rows anew. Then add the portion up. */
bm_status bm_track_good(const bm_track *t, bool *good, bm_error *err);
bm_status bm_track_renew(bm_track *t, const double *Q, const double *w, size_t n, bm_error *err);
bm_status bm_track_change(bm_track *t, bm_error *err);
void      bm_track_add(bm_track *t);
/* Two sets of rows: from->M is made the way from its basis to that of into; gap (fixed): b of from less b of into, where there is a response. */
void      bm_track_lead(const bm_track *into, bm_track *from, const double *gap);
bm_status bm_track_stand_in(bm_track *into, const bm_track *from, double *Q, bm_error *err);
/* At the end: t->M leads to an orthogonal basis with sums of squares norm2; dependent (fixed, false): columns that the ones before explain. */
bm_status bm_track_end(bm_track *t, double norm2, bool *dependent, bm_error *err);
void      bm_track_K(const bm_track *t, double *K);      /* fixed x fixed: q M = K'x */

/* Room for the fixed part and nfac factors, all zero; NULL: out of memory. */
bm_stats *bm_stats_alloc(size_t n, size_t p, size_t nfac);

#endif
