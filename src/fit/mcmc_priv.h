/* mcmc_priv.h: what the two halves of the sampler (warmup.c, mcmc.c) share. Private to this room. */
#ifndef BM_MCMC_PRIV_H
#define BM_MCMC_PRIV_H

#include "fit/chain.h"

typedef enum { BM_KERNEL_FIXED, BM_KERNEL_INDEPENDENCE, BM_KERNEL_HMC } bm_kernel;

struct bm_mcmc {
    const bm_post *post;
    bm_fit_options opt;
    int            threads;
    size_t         nchain;
    bm_chain      *chain;
    bm_kernel      kernel;
    double         local_share;      /* of iterations with a local step beside the independence step */
    bm_mixture     q;
    double        *local_C;          /* d x d: Cholesky factor of the local steps' covariance */
    bm_hmc         hmc;
    double        *mode, *mode_cov;  /* d; d x d */
    bool           mode_found;
    uint64_t       warmup_evaluations;
    double         warmup_acceptance;
    double        *ratios;           /* of all chains, for the report */
    double        *acceptance;       /* nchain */
    bm_moments     moments;
};

bool bm_mcmc_stopped(const bm_mcmc *s);
void bm_mcmc_progress(const bm_mcmc *s, const char *phase, uint64_t done, uint64_t total);

#endif
