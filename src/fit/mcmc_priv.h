/* mcmc_priv.h: what the two halves of the sampler (warmup.c, mcmc.c) share. Private to this room. */
#ifndef BM_MCMC_PRIV_H
#define BM_MCMC_PRIV_H

#include "fit/chain.h"

typedef enum { BM_KERNEL_FIXED, BM_KERNEL_INDEPENDENCE, BM_KERNEL_HMC, BM_KERNEL_GIBBS } bm_kernel;

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
    bm_gibbs      *gibbs;            /* NULL: collapsed */
    char           why[256];         /* the choice between the two */
};

bool bm_mcmc_stopped(const bm_mcmc *s);
void bm_mcmc_progress(const bm_mcmc *s, const char *phase, uint64_t done, uint64_t total);

/* The factor-wise sampler's halves of bm_mcmc_warmup, bm_mcmc_run and the report (gibbs_run.c). */
bm_status bm_gibbs_warmup(bm_mcmc *s, bm_error *err);
void      bm_gibbs_run_chain(bm_mcmc *s, bm_chain *c, size_t draws, const bm_sink *sink);
void      bm_gibbs_describe(const bm_mcmc *s, char *text, size_t size);

#endif
