/* thin_priv.h: the steps of bm_thin_new. Included by the thin_*.c that take them. */
#ifndef BM_THIN_PRIV_H
#define BM_THIN_PRIV_H

#include "posterior/thin.h"

/* ---- thin_order.c ---- */

/* Fills stage and nstage: the largest factor none of whose levels touch each other, and again. staged (nfac, all false): those. BM_ENOMEM. */
bm_status bm_thin_stages(bm_thin *th, const bm_stats *st, bool *staged);
/* Pairs of neighbours of all levels that are eliminated one by one. */
double    bm_thin_pairs(const bm_thin *th, const bm_stats *st);
/* Fills place, nmid, m, nplace and rest, the panels of at most `most` numbers, else BM_NOT_PD. BM_ENOMEM. */
bm_status bm_thin_places(bm_thin *th, const bm_stats *st, const bool *staged, double most);

/* Of every level of a factor, the places of its neighbours among the levels eliminated later, ascending, and the cross-products with them. */
typedef struct { size_t *ptr; uint32_t *nbr; double *x; } bm_thin_lists;
/* Those with a place from `from` on, less `from`. BM_ENOMEM. */
bm_status bm_thin_neighbours(const bm_thin *th, const bm_stats *st, size_t k, size_t from, bm_thin_lists *out);
void      bm_thin_lists_free(bm_thin_lists *l);

/* ---- thin_items.c ---- */

/* The first factor's levels sorted into items, runs and kinds. BM_ENOMEM. */
bm_status bm_thin_items(bm_thin *th, const bm_facstat *f, const bm_thin_lists *l);
/* Fills sum, G, level_d and d; only what y has a part in unless `all`. */
void      bm_thin_fill(bm_thin *th, const bm_stats *st, bool all);

#endif
