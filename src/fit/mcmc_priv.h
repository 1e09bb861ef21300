/* mcmc_priv.h: what the two halves of the sampler (warmup.c, mcmc.c) share. Private to this room. */
#ifndef BM_MCMC_PRIV_H
#define BM_MCMC_PRIV_H

#include "fit/chain.h"

#include <stdatomic.h>

/* BM_KERNEL_WALK: random-walk steps alone, where they are asked for by bm_mcmc_force. */
typedef enum { BM_KERNEL_FIXED, BM_KERNEL_INDEPENDENCE, BM_KERNEL_HMC, BM_KERNEL_GIBBS, BM_KERNEL_WALK } bm_kernel;

/* How far a run has come: within warm-up, what is going on; afterwards, sampling. */
typedef enum { BM_STAGE_START, BM_STAGE_MIXTURE, BM_STAGE_TUNE, BM_STAGE_METRIC, BM_STAGE_GIBBS, BM_STAGE_SAMPLING } bm_stage;

/* What later moves depend on is saved and read back by state.c: a new field of that kind belongs there, too. */
struct bm_mcmc {
    const bm_post *post;
    bm_fit_options opt;
    int            threads;
    size_t         nchain;
    bm_chain      *chain;
    bm_kernel      kernel;
    bm_move        forced;
    double         local_share;      /* of iterations with a local step beside the independence step */
    bm_mixture     q;
    double         opposite;         /* correlation of every other proposal with the current point, in q's normal scores: below 0 */
    double        *local_C;          /* d x d: Cholesky factor of the local steps' covariance */
    bm_hmc         hmc;
    bool           jumps;            /* a proposal from q beside each Hamiltonian move */
    long           polar;            /* the sd of a factor with a level for every row, which has a move of its own; -1: none */
    double        *mode, *mode_cov;  /* d; d x d */
    bool           mode_found;
    uint64_t       warmup_evaluations;
    double         warmup_acceptance;
    double        *ratios;           /* of all chains, for the report */
    double        *acceptance;       /* nchain */
    bm_moments     moments;
    bm_gibbs      *gibbs;            /* NULL: collapsed */
    char           why[256];         /* the choice between the two */
    bm_stage       stage;
    size_t         round, done, step;    /* warm-up: the round, iterations per chain before it, steps made in tuning a step size */
    size_t         spent;            /* iterations per chain on proposals that were not kept, before Hamiltonian moves took over */
    bm_pause       pause;
    double         due;              /* when the next pause is, by bm_clock */
    const char    *phase;            /* for progress */
    uint64_t       phase_total;
    atomic_uint_fast64_t moves;      /* of the phase, by all chains */
    atomic_flag    telling;          /* progress is being told */
};

bool bm_mcmc_stopped(const bm_mcmc *s);
/* Asked between two moves: is it time to halt, to stop or to save the state? */
bool bm_mcmc_halts(const bm_mcmc *s);
/* All have halted: saves the state. BM_INTERRUPTED: and this is the end; BM_OK: goes on. */
bm_status bm_mcmc_halted(bm_mcmc *s, bm_error *err);
/* piece (a chain each) again and again until no chain says that it halted before its end. A piece makes at least one move. */
bm_status bm_mcmc_chains(bm_mcmc *s, void (*piece)(void *self, size_t k, size_t worker), void *self, bm_error *err);
/* A phase of the run begins, `done` of its `total` iterations (of all chains) made before; a chain, in it, is about to make `moves` more. */
void bm_mcmc_progress_from(bm_mcmc *s, const char *phase, uint64_t done, uint64_t total);
void bm_mcmc_progress(bm_mcmc *s, uint64_t moves);

/* A Hamiltonian move, and a jump where there are jumps. */
void bm_mcmc_hamilton(const bm_mcmc *s, bm_chain *c);
/* The move beside the main one that the design calls for, if any (mcmc.c). */
void bm_mcmc_polar(const bm_mcmc *s, bm_chain *c);

/* The factor-wise sampler's halves of bm_mcmc_warmup, bm_mcmc_run and the report (gibbs_run.c). */
bm_status bm_gibbs_warmup(bm_mcmc *s, bm_error *err);
/* The effects' distributions at the draw about to be delivered, where they are wanted. */
void      bm_tell_effects(const bm_chain *c, const bm_sink *sink);
void      bm_gibbs_run_chain(bm_mcmc *s, bm_chain *c, size_t upto, const bm_sink *sink);
void      bm_gibbs_describe(const bm_mcmc *s, char *text, size_t size);

#endif
