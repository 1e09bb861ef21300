/* polar.h: a move of theta for a factor with a level for every row. Private to this room. */
#ifndef BM_POLAR_H
#define BM_POLAR_H

#include "posterior/posterior.h"

/* The sd of such a factor; -1: there is none. */
long   bm_polar_factor(const bm_post *post);
/* A proposal from x to `to` (d each); C: d x d, lower, whose rows' lengths are the sds of the coordinates. Returns what to add to the log ratio of the densities. */
double bm_polar_propose(const bm_post *post, long sd, const double *C, const double *x, bm_rng *rng, double *to);

#endif
