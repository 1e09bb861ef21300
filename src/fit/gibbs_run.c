/* gibbs_run.c: chains of the factor-wise sampler: warm-up, which tunes the proposals' scales and freezes them, and sampling. */
#include "fit/mcmc_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODE_SWEEPS = 3 };

/* Warm-up of one chain, what is left of it: steps tuned by Robbins & Monro, frozen at their mean over the second half. */
static void warm_chain(void *self, size_t k, size_t worker)
{
    bm_mcmc        *s = self;
    size_t          warmup = (size_t)s->opt.warmup, npart = s->gibbs->npart;
    bm_chain       *c = &s->chain[k];
    bm_gibbs_chain *g = c->gibbs;

    (void)worker;
    c->halted = false;
    while (c->moved < warmup && !c->halted) {
        size_t t = c->moved++;

        if (t % 16 == 0) bm_mcmc_progress(s, 16);
        if (t == warmup / 2) g->tried = g->accepted = 0;
        bm_gibbs_sweep(g, &c->rng, 1 / pow((double)(t + 4), 0.6), NULL);
        for (size_t i = 0; i < npart && t >= warmup / 2; i++) g->log_scale_sum[i] += log(g->scale[i]);
        c->halted = bm_mcmc_halts(s);
    }
}

/* Scales as they were on average, and counters from zero. */
static void freeze(bm_mcmc *s)
{
    double tried = 0, accepted = 0, late = (double)(s->opt.warmup - s->opt.warmup / 2);

    for (size_t k = 0; k < s->nchain; k++) {
        bm_gibbs_chain *g = s->chain[k].gibbs;

        for (size_t i = 0; i < s->gibbs->npart && late > 0; i++) g->scale[i] = exp(g->log_scale_sum[i] / late);
        tried += (double)g->tried;
        accepted += (double)g->accepted;
        s->chain[k].evaluations = g->evaluations;
        g->evaluations = g->tried = g->accepted = 0;
    }
    s->warmup_acceptance = tried > 0 ? accepted / tried : 0;
}

bm_status bm_gibbs_warmup(bm_mcmc *s, bm_error *err)
{
    bm_gibbs_chain *first = s->chain[0].gibbs;
    uint64_t        done = 0;
    bm_status       st;

    if (s->stage == BM_STAGE_START) {
        if ((st = bm_gibbs_find(first, s->gibbs, &s->chain[0].rng, MODE_SWEEPS, err)) != BM_OK) return st;
        for (size_t k = s->nchain; k-- > 0;) bm_gibbs_disperse(s->chain[k].gibbs, first, &s->chain[k].rng);
        s->stage = BM_STAGE_GIBBS;
    }
    for (size_t k = 0; k < s->nchain; k++) done += s->chain[k].moved;
    bm_mcmc_progress_from(s, "warm-up", done, (uint64_t)s->opt.warmup * s->nchain);
    if ((st = bm_mcmc_chains(s, warm_chain, s, err)) != BM_OK) return st;
    freeze(s);
    return BM_OK;
}

/* A sweep; with the last of `thin` the draw is delivered. */
static void advance(bm_mcmc *s, bm_chain *c, const bm_sink *sink)
{
    bm_gibbs_chain *g = c->gibbs;
    bool            last = c->moved + 1 >= (size_t)s->opt.thin, want_u = sink->u_every && c->iter % sink->u_every == 0;

    bm_gibbs_sweep(g, &c->rng, 0, last && c->iter % BM_MOMENTS_EVERY == 0 ? &c->moments : NULL);
    c->moved++;
    if (!last) return;
    c->moved = 0;
    bm_tell_effects(c, sink);
    double lp = bm_gibbs_lp(g);
    bm_point_natural(g->whole, c->natural);
    sink->draw(sink->self, c->id, c->iter++, lp, g->b, c->natural, want_u ? g->u : NULL);
}

void bm_gibbs_run_chain(bm_mcmc *s, bm_chain *c, size_t upto, const bm_sink *sink)
{
    uint64_t thin = (uint64_t)s->opt.thin;

    while (c->iter < upto && !c->halted) {
        uint64_t moves = c->iter * thin + c->moved;

        if (moves % 16 == 0) bm_mcmc_progress(s, 16);
        advance(s, c, sink);
        c->halted = bm_mcmc_halts(s);
    }
    c->evaluations = c->gibbs->evaluations;
    c->tried = c->gibbs->tried;
    c->accepted = c->gibbs->accepted;
}

void bm_gibbs_describe(const bm_mcmc *s, char *text, size_t size)
{
    const bm_gibbs *g = s->gibbs;
    size_t          at;

    snprintf(text, size, "factor-wise collapsed Gibbs:");
    for (size_t i = 0; i < g->npart; i++) {
        at = strlen(text);
        snprintf(text + at, size - at, "%s", i ? "; " : " ");
        for (size_t a = 0; a < g->part[i]->nfac; a++) {
            const char *name = g->part[i]->d.fac[a].name;

            at = strlen(text);
            snprintf(text + at, size - at, "%s%s", a ? " + " : "", name ? name : "");
        }
        at = strlen(text);
        if (g->hmc[i]) snprintf(text + at, size - at, " (%d Hamiltonian trajector%s)", g->steps[i], g->steps[i] == 1 ? "y" : "ies");
        else snprintf(text + at, size - at, " (%d Metropolis steps)", g->steps[i]);
    }
    at = strlen(text);
    if (g->joined[0]) snprintf(text + at, size - at, "; %s", g->joined);
    at = strlen(text);
    if (!isnan(g->coupling) && g->npart > 1) snprintf(text + at, size - at, "; a sweep leaves %.2f of the slowest direction", g->coupling);
}
