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

#endif
