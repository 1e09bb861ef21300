/* hmc.h: Hamiltonian moves on theta. Private to this room. */
#ifndef BM_HMC_H
#define BM_HMC_H

#include "posterior/posterior.h"

/* Hamiltonian moves in coordinates whitened by a covariance. */
typedef struct {
    size_t  d, max_steps;
    double  step;            /* step size */
    double *C;               /* d x d lower: covariance = C C' */
    /* dual averaging (Hoffman & Gelman 2014, JMLR 15:1593) */
    double  mu, log_step_bar, H_bar, count;
} bm_hmc;

bm_status bm_hmc_new(bm_hmc *h, size_t d, bm_error *err);
void bm_hmc_free(bm_hmc *h);
void bm_hmc_restart(bm_hmc *h, double step);
void bm_hmc_adapt(bm_hmc *h, double accept);
void bm_hmc_freeze(bm_hmc *h);

/* A trajectory from cur, where the gradient is g_cur, to star, where it is left in g; p: d, scratch. Returns the probability of acceptance; *accepted: with it. */
double bm_hmc_trajectory(const bm_hmc *h, const bm_point *cur, const double *g_cur, bm_point *star, double *g, double *p, bm_rng *rng, uint64_t *evaluations,
                         bool *accepted);

#endif
