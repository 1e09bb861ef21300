/* gibbs_run.c: chains of the factor-wise sampler: warm-up, which tunes the proposals' scales and freezes them, and sampling. */
#include "fit/mcmc_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODE_SWEEPS = 3, MOMENTS_EVERY = 4 };         /* conditional moments of neighbouring sweeps say much the same */

/* Warm-up of one chain: steps tuned by Robbins & Monro, frozen at their mean over the second half. */
static void warm_chain(void *self, size_t k, size_t worker)
{
    bm_mcmc        *s = self;
    size_t          warmup = (size_t)s->opt.warmup, npart = s->gibbs->npart;
    bm_chain       *c = &s->chain[k];
    bm_gibbs_chain *g = c->gibbs;
    double          late = 0;

    (void)worker;
    for (size_t t = 0; t < warmup && !bm_mcmc_stopped(s); t++) {
        if (t == warmup / 2) g->tried = g->accepted = 0;
        bm_gibbs_sweep(g, &c->rng, 1 / pow((double)(t + 4), 0.6), NULL);
        for (size_t i = 0; i < npart && t >= warmup / 2; i++) g->log_scale_sum[i] += log(g->scale[i]);
        late += t >= warmup / 2;
        if (k == 0 && t % 16 == 0) bm_mcmc_progress(s, "warm-up", t * s->nchain, warmup * s->nchain);
    }
    for (size_t i = 0; i < npart && late > 0; i++) g->scale[i] = exp(g->log_scale_sum[i] / late);
}

bm_status bm_gibbs_warmup(bm_mcmc *s, bm_error *err)
{
    bm_gibbs_chain *first = s->chain[0].gibbs;
    bm_status       st;

    if ((st = bm_gibbs_find(first, s->gibbs, &s->chain[0].rng, MODE_SWEEPS, err)) != BM_OK) return st;
    for (size_t k = s->nchain; k-- > 0;) bm_gibbs_disperse(s->chain[k].gibbs, first, &s->chain[k].rng);
    bm_parallel(s->nchain, s->threads, warm_chain, s);
    double tried = 0, accepted = 0;
    for (size_t k = 0; k < s->nchain; k++) {
        bm_gibbs_chain *g = s->chain[k].gibbs;

        tried += (double)g->tried;
        accepted += (double)g->accepted;
        s->chain[k].evaluations = g->evaluations;
        g->evaluations = g->tried = g->accepted = 0;
    }
    s->warmup_acceptance = tried > 0 ? accepted / tried : 0;
    return BM_OK;
}

void bm_gibbs_run_chain(bm_mcmc *s, bm_chain *c, size_t draws, const bm_sink *sink)
{
    bm_gibbs_chain *g = c->gibbs;

    for (size_t t = 0; t < draws && !bm_mcmc_stopped(s); t++) {
        bool want_u = sink->u_every && c->iter % sink->u_every == 0;

        for (int k = 0; k < s->opt.thin && !bm_mcmc_stopped(s); k++)
            bm_gibbs_sweep(g, &c->rng, 0, k == s->opt.thin - 1 && c->iter % MOMENTS_EVERY == 0 ? &c->moments : NULL);
        double lp = bm_gibbs_lp(g);
        bm_point_natural(g->whole, c->natural);
        sink->draw(sink->self, c->id, c->iter++, lp, g->b, c->natural, want_u ? g->u : NULL);
        if (c->id == 0 && t % 16 == 0) bm_mcmc_progress(s, "sampling", t * s->nchain, draws * s->nchain);
    }
    c->evaluations = g->evaluations;
    c->tried = g->tried;
    c->accepted = g->accepted;
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
        snprintf(text + at, size - at, " (%d Metropolis steps)", g->steps[i]);
    }
}
