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

#endif
