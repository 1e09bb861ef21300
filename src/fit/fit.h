/* fit: chains over theta: proposals, adaptation, kernels. Knows no files and prints nothing. */
#ifndef BM_FIT_H
#define BM_FIT_H

#include "fit/reml.h"
#include "posterior/posterior.h"

/* Where draws go: the sampler never sees a file. Called by each chain from its own thread, iterations in order. lp: of theta, coefficients and effects
 * integrated out; from the factor-wise sampler, which never has that, of theta, coefficients and effects together. u: all group effects in the
 * order of bm_marginal_draw, or NULL where they were not wanted. */
typedef struct {
    void  *self;
    size_t u_every;      /* draw the group effects at every u_every-th kept iteration; 0: never */
    void (*draw)(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u);
} bm_sink;

typedef struct {
    bool     collapsed;             /* else: factor-wise Gibbs */
    const char *why;                /* why that one */
    char     kernel[256];           /* in words */
    double  *acceptance;            /* per chain, of the main kernel, while sampling */
    double   warmup_acceptance;     /* over the last round of warm-up */
    uint64_t warmup_evaluations, evaluations;    /* of the marginal (a gradient counts as one); the second: while sampling, all chains */
    const double *log_ratio;        /* log posterior - log proposal at the proposals made while sampling; empty for gradient kernels */
    size_t   nratio;
    double   log_evidence;          /* log p(y): mean ratio over the proposals made; NaN where the kernel makes none */
    double   log_evidence_se;       /* its standard error: the proposals are independent */
    bm_moments *moments;            /* averages over all chains, of b and then of u */
} bm_mcmc_info;

typedef struct bm_mcmc bm_mcmc;

/* Which sampler for the asked one: the collapsed one (true), or factor by factor; the reason in words. */
bool      bm_choose_collapsed(const bm_post *post, bm_sampler asked, char *why, size_t size);

bm_status bm_mcmc_new(bm_mcmc **out, const bm_post *post, const bm_fit_options *opt, bm_error *err);
/* Finds the mode, starts the chains dispersed around it, adapts the proposals and freezes them. */
bm_status bm_mcmc_warmup(bm_mcmc *s, bm_error *err);
/* Goes on for `draws` kept iterations per chain. BM_INTERRUPTED: *done iterations of every chain were delivered. */
bm_status bm_mcmc_run(bm_mcmc *s, size_t draws, const bm_sink *sink, size_t *done, bm_error *err);
/* Valid until the next run. */
bm_status bm_mcmc_report(bm_mcmc *s, bm_mcmc_info *info, bm_error *err);
void      bm_mcmc_free(bm_mcmc *s);

#endif
