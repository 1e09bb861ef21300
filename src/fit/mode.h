/* mode.h: private to this room. */
#ifndef BM_MODE_H
#define BM_MODE_H

#include "posterior/posterior.h"

/* Mode (d) and an approximate covariance there (d x d). found: the curvature could be had; else cov is a guess. */
bm_status bm_find_mode(const bm_post *post, double *mode, double *cov, bool *found, uint64_t *evaluations, bm_error *err);

/* A start far from the mode whose log density exceeds the mode's by more than this is an artefact of rounding, not of the posterior. */
enum { BM_START_ABOVE = 100 };

#endif
