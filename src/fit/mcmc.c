/* mcmc.c: chains on theta, coefficients and effects drawn exactly given it. */
#include "fit/mcmc_priv.h"

#include "fit/polar.h"

#include "fit/warmup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool bm_mcmc_stopped(const bm_mcmc *s)
{
    return s->opt.stop && *s->opt.stop;
}

void bm_mcmc_progress_from(bm_mcmc *s, const char *phase, uint64_t done, uint64_t total)
{
    uint64_t before = s->phase && strcmp(s->phase, phase) == 0 ? atomic_load(&s->moves) : 0;    /* not back, where the last steps were shorter than said */

    s->phase = phase;
    s->phase_total = total;
    atomic_store(&s->moves, done > before ? done : before);
}

/* While one chain tells, the others go on. */
void bm_mcmc_progress(bm_mcmc *s, uint64_t moves)
{
    bm_progress p = { .phase = s->phase, .done = atomic_fetch_add(&s->moves, moves), .total = s->phase_total, .rhat = NAN, .ess = NAN };

    if (!s->opt.progress || atomic_flag_test_and_set(&s->telling)) return;
    if (p.done > p.total) p.done = p.total;          /* the last step of a chain may be shorter than it said */
    s->opt.progress(s->opt.progress_self, &p);
    atomic_flag_clear(&s->telling);
}

bool bm_mcmc_halts(const bm_mcmc *s)
{
    return bm_mcmc_stopped(s) || (s->pause.save && bm_clock() >= s->due);
}

/* Saving takes a tenth of the time at most. */
bm_status bm_mcmc_halted(bm_mcmc *s, bm_error *err)
{
    double    begin = bm_clock(), end;
    bm_status st = s->pause.save ? s->pause.save(s->pause.self, err) : BM_OK;

    end = bm_clock();
    s->due = end + fmax(s->pause.every, 9 * (end - begin));
    return st == BM_OK && bm_mcmc_stopped(s) ? BM_INTERRUPTED : st;
}

bm_status bm_mcmc_chains(bm_mcmc *s, void (*piece)(void *self, size_t k, size_t worker), void *self, bm_error *err)
{
    for (;;) {
        bool      halted = false;
        bm_status st;

        bm_parallel(s->nchain, s->threads, piece, self);
        for (size_t k = 0; k < s->nchain; k++) halted |= s->chain[k].halted;
        if (!halted) return BM_OK;
        if ((st = bm_mcmc_halted(s, err)) != BM_OK) return st;
    }
}

void bm_mcmc_pause(bm_mcmc *s, const bm_pause *p)
{
    s->pause = *p;
    s->due = bm_clock() + p->every;
}

size_t bm_mcmc_delivered(const bm_mcmc *s, size_t chain)
{
    return s->chain[chain].iter;
}

/* Threads beyond one per chain go into the evaluations of each. */
static bm_status share_threads(bm_mcmc *s, bm_error *err)
{
    int each = s->threads / (int)s->nchain;

    for (size_t k = 0; each > 1 && !s->gibbs && k < s->nchain; k++)
        if (bm_marginal_threads(s->chain[k].cur->m, each) != BM_OK || bm_marginal_threads(s->chain[k].star->m, each) != BM_OK) return bm_nomem(err);
    return BM_OK;
}

bm_status bm_mcmc_new(bm_mcmc **out, const bm_post *post, const bm_fit_options *opt, bm_error *err)
{
    size_t      d = post->th.d;
    bm_status   st = BM_ENOMEM;
    bm_mcmc *s = bm_alloc(1, sizeof *s);
    bool        collapsed;

    *out = NULL;
    if (!s) return bm_nomem(err);
    s->post = post;
    s->opt = *opt;
    s->threads = opt->threads > 0 ? opt->threads : bm_cores();
    s->nchain = (size_t)opt->chains;
    s->polar = bm_polar_factor(post);
    s->chain = bm_alloc(s->nchain, sizeof *s->chain);
    s->mode = bm_alloc(d, sizeof *s->mode);
    s->mode_cov = bm_alloc(d * d, sizeof *s->mode_cov);
    s->local_C = bm_alloc(d * d, sizeof *s->local_C);
    s->acceptance = bm_alloc(s->nchain, sizeof *s->acceptance);
    if (!s->chain || !s->mode || !s->mode_cov || !s->local_C || !s->acceptance) {
        bm_nomem(err);
        goto fail;
    }
    if ((st = bm_choose_collapsed(post, opt->sampler, &collapsed, s->why, sizeof s->why, err)) != BM_OK) goto fail;
    if (!collapsed) {
        s->kernel = BM_KERNEL_GIBBS;
        if ((st = bm_gibbs_new(&s->gibbs, post, err)) != BM_OK) goto fail;
    }
    if ((st = bm_mixture_new(&s->q, &post->th, d, err)) != BM_OK) goto fail;
    for (size_t k = 0; k < s->nchain; k++)
        if ((st = bm_chain_new(&s->chain[k], k, post, s->gibbs, opt, err)) != BM_OK) goto fail;
    if ((st = share_threads(s, err)) != BM_OK) goto fail;
    *out = s;
    return BM_OK;
fail:
    bm_mcmc_free(s);
    return st;
}

void bm_mcmc_free(bm_mcmc *s)
{
    if (!s) return;
    for (size_t k = 0; s->chain && k < s->nchain; k++) bm_chain_free(&s->chain[k]);
    free(s->chain);
    bm_gibbs_free(s->gibbs);
    bm_mixture_free(&s->q);
    bm_hmc_free(&s->hmc);
    bm_moments_free(&s->moments);
    free(s->mode);
    free(s->mode_cov);
    free(s->local_C);
    free(s->ratios);
    free(s->acceptance);
    free(s);
}

static bm_status evaluate_constants(bm_mcmc *s, bm_error *err)
{
    for (size_t k = 0; k < s->nchain; k++)
        if (bm_point_eval(s->chain[k].cur) != BM_OK) return bm_fail(err, BM_ENUMERIC, "the posterior has no density at the constants given");
    return BM_OK;
}

/* Counters from zero. */
static void begin_sampling(bm_mcmc *s)
{
    for (size_t k = 0; k < s->nchain; k++) {
        bm_chain *c = &s->chain[k];

        s->warmup_evaluations += c->evaluations;
        c->evaluations = c->tried = c->accepted = 0;
        c->held = 0;
        c->moved = 0;
        free(c->trail);
        c->trail = NULL;
        c->ntrail = c->before = 0;
    }
    s->stage = BM_STAGE_SAMPLING;
}

bm_status bm_mcmc_warmup(bm_mcmc *s, bm_error *err)
{
    bm_status st;

    if (s->stage == BM_STAGE_SAMPLING) return BM_OK;        /* read back */
    if (s->gibbs) {
        st = bm_gibbs_warmup(s, err);
    } else if (s->forced == BM_MOVE_EFFECTS) {              /* theta stays where bm_mcmc_place puts it */
        s->kernel = BM_KERNEL_FIXED;
        st = BM_OK;
    } else if (s->post->th.d == 0) {                        /* nothing to move: every draw is exact and independent */
        s->kernel = BM_KERNEL_FIXED;
        st = evaluate_constants(s, err);
    } else {
        st = bm_warmup(s, err);
    }
    if (st != BM_OK) return st;
    begin_sampling(s);
    return bm_mcmc_stopped(s) ? bm_mcmc_halted(s, err) : BM_OK;
}

void bm_mcmc_polar(const bm_mcmc *s, bm_chain *c)
{
    if (s->polar < 0 || s->forced != BM_MOVE_CHOSEN || !bm_polar_step(c, s->polar, s->local_C)) return;
    if (s->kernel != BM_KERNEL_HMC) return;
    c->evaluations++;
    bm_point_gradient(c->cur, c->g_cur);
}

void bm_mcmc_hamilton(const bm_mcmc *s, bm_chain *c)
{
    double ratio;
    bool   moved;

    bm_hmc_step(c, &s->hmc);
    if (!s->jumps) return;
    moved = bm_jump(c, &s->q, &ratio);
    if (s->stage == BM_STAGE_SAMPLING) bm_chain_note_ratio(c, ratio);
    if (!moved) return;
    c->evaluations++;
    bm_point_gradient(c->cur, c->g_cur);
}

/* theta -> theta', leaving p(theta | y) invariant. */
static void move_theta(const bm_mcmc *s, bm_chain *c)
{
    switch (s->kernel) {
    case BM_KERNEL_FIXED: break;
    case BM_KERNEL_GIBBS: break;                     /* has a loop of its own */
    case BM_KERNEL_HMC: bm_mcmc_hamilton(s, c); break;
    case BM_KERNEL_WALK: bm_local_step(c, &s->q, s->local_C, 2.4); break;
    case BM_KERNEL_INDEPENDENCE:
        if (c->tried % 2 == 0) bm_chain_note_ratio(c, bm_independence_step(c, &s->q));
        else bm_opposite_step(c, &s->q, s->opposite);
        if (bm_rng_uniform(&c->rng) < s->local_share) bm_local_step(c, &s->q, s->local_C, 2.4);
        break;
    }
    if (s->kernel == BM_KERNEL_HMC || s->kernel == BM_KERNEL_INDEPENDENCE) bm_mcmc_polar(s, c);
}

/* Student-t priors: new mixing precisions given the coefficients just drawn, and the density of theta under them. */
static void mix_priors(const bm_mcmc *s, bm_chain *c)
{
    bm_coef_prior *cp = c->cur->m->cp;

    if (!cp->any_t) return;
    bm_chain_settle(c);
    bm_coef_prior_mix(cp, c->beta, &c->rng);
    memcpy(c->star->m->cp->prec, cp->prec, cp->p * sizeof *cp->prec);
    bm_coef_prior_refresh(c->star->m->cp);
    c->evaluations++;
    if (s->kernel == BM_KERNEL_HMC) bm_point_gradient(c->cur, c->g_cur);
    else bm_point_eval(c->cur);
}

void bm_tell_effects(const bm_chain *c, const bm_sink *sink)
{
    const bm_moments *a = &c->moments;

    if (sink->effects_every && c->iter % sink->effects_every == 0) sink->effects(sink->self, c->id, c->iter, a->now + a->nb, a->now_sd + a->nb);
}

/* A move of theta; with the last of `thin`, coefficients and effects given it, and the draw is delivered. */
static void advance(const bm_mcmc *s, bm_chain *c, const bm_sink *sink)
{
    bool    last = c->moved + 1 >= (size_t)s->opt.thin;
    double *u = last && sink->u_every && c->iter % sink->u_every == 0 ? c->u : NULL;

    move_theta(s, c);                                                                               /* theta | y             */
    c->held++;
    if (last && c->iter % BM_MOMENTS_EVERY == 0) {
        bm_marginal_moments_u(c->cur->m, &c->moments, 1);
        bm_tell_effects(c, sink);
    }
    if (last || c->cur->m->cp->any_t) bm_marginal_draw(c->cur->m, &c->rng, c->b, u, c->beta);       /* b, u | theta, y       */
    mix_priors(s, c);                                                                               /* Student-t scales | b  */
    c->moved++;
    if (!last) return;
    c->moved = 0;
    bm_point_natural(c->cur, c->natural);
    sink->draw(sink->self, c->id, c->iter++, c->cur->lp_nat, c->b, c->natural, u);
}

static void run_chain(bm_mcmc *s, bm_chain *c, size_t upto, const bm_sink *sink)
{
    uint64_t thin = (uint64_t)s->opt.thin;

    while (c->iter < upto && !c->halted) {
        uint64_t moves = c->iter * thin + c->moved;

        if (moves % 64 == 0) bm_mcmc_progress(s, 64);
        advance(s, c, sink);
        c->halted = bm_mcmc_halts(s);
    }
}

typedef struct { bm_mcmc *s; size_t upto; const bm_sink *sink; } run_job;

static void run_piece(void *self, size_t k, size_t worker)
{
    const run_job *job = self;

    (void)worker;
    job->s->chain[k].halted = false;
    if (job->s->gibbs) bm_gibbs_run_chain(job->s, &job->s->chain[k], job->upto, job->sink);
    else run_chain(job->s, &job->s->chain[k], job->upto, job->sink);
}

static bm_status room_for_ratios(bm_mcmc *s, bm_error *err)
{
    for (size_t k = 0; k < s->nchain && (s->kernel == BM_KERNEL_INDEPENDENCE || s->jumps); k++) {
        bm_chain *c = &s->chain[k];

        if (!c->log_ratio && !(c->log_ratio = bm_alloc(BM_RATIOS, sizeof *c->log_ratio))) return bm_nomem(err);
    }
    return BM_OK;
}

bm_status bm_mcmc_run(bm_mcmc *s, size_t upto, const bm_sink *sink, size_t *done, bm_error *err)
{
    size_t    least = SIZE_MAX;
    uint64_t  thin = (uint64_t)s->opt.thin, moves = 0;
    run_job   job = { s, upto, sink };
    bm_status st = room_for_ratios(s, err);

    if (st != BM_OK) return st;
    for (size_t k = 0; k < s->nchain; k++) moves += s->chain[k].iter * thin + s->chain[k].moved;
    bm_mcmc_progress_from(s, "sampling", moves, upto * thin * s->nchain);
    st = bm_mcmc_chains(s, run_piece, &job, err);
    for (size_t k = 0; k < s->nchain; k++) {
        bm_chain_settle(&s->chain[k]);
        if (s->chain[k].iter < least) least = s->chain[k].iter;
    }
    *done = least;
    return st;
}

static void describe(const bm_mcmc *s, char *text, size_t size)
{
    size_t d = s->post->th.d;

    if (s->gibbs) bm_gibbs_describe(s, text, size);
    if (s->kernel == BM_KERNEL_FIXED) snprintf(text, size, "exact independent draws: no variance parameter is free");
    if (s->kernel == BM_KERNEL_HMC)
        snprintf(text, size, "Hamiltonian moves on the %zu variance parameters, step %.3g, up to %zu steps%s", d, s->hmc.step, s->hmc.max_steps,
                 s->jumps ? ", with an independence proposal beside each" : "");
    if (s->kernel == BM_KERNEL_INDEPENDENCE)
        snprintf(text, size, "independence Metropolis on the %zu variance parameter%s (mixture of %zu t%s%s), every other proposal across its middle (correlation %.2f), "
                 "%.0f %% local steps", d, d == 1 ? "" : "s", s->q.K, s->q.K == 1 ? "" : "'s", s->q.nimage > 1 ? ", mirrored at sd = 0" : "", s->opposite, 100 * s->local_share);
}

/* `drawn` proposals were independent draws from q:
 * p(y) = E_q p(y | theta) p(theta) / q(theta). Proposals on the wrong side of a one-sided sd count as zeros, and each such sd stands for its two
 * sides. Meaningful only when every prior is proper, which the caller knows. */
static void evidence(const bm_mcmc *s, uint64_t drawn, bm_mcmc_info *info)
{
    double top = -INFINITY, sum = 0, sq = 0, n = (double)drawn;

    info->log_evidence = info->log_evidence_se = info->top_ratio = NAN;
    if (s->kernel == BM_KERNEL_FIXED && !s->post->cp->any_t) {   /* nothing to integrate over: exact */
        info->log_evidence = s->chain[0].cur->lp;
        info->log_evidence_se = 0;
    }
    if (!info->nratio) return;
    for (size_t k = 0; k < s->nchain; k++) top = fmax(top, s->chain[k].top);
    for (size_t k = 0; k < s->nchain; k++) {
        double shrink = exp(s->chain[k].top - top);

        sum += s->chain[k].sum * shrink;
        sq += s->chain[k].square * shrink * shrink;
    }
    info->top_ratio = n / sum;
    if (s->post->cp->any_t) return;
    info->log_evidence = top + log(sum / n) + (double)s->q.nside * M_LN2;
    info->log_evidence_se = sqrt(fmax(sq / n - (sum / n) * (sum / n), 0) / n) / (sum / n);
}

bm_status bm_mcmc_report(bm_mcmc *s, bm_mcmc_info *info, bm_error *err)
{
    size_t   n = 0, p = s->post->st->p;
    uint64_t drawn = 0;

    *info = (bm_mcmc_info){ .collapsed = !s->gibbs, .warmup = s->kernel == BM_KERNEL_INDEPENDENCE ? s->done : s->spent + (size_t)s->opt.warmup, .why = s->why, .acceptance = s->acceptance, .warmup_acceptance = s->warmup_acceptance,
                               .warmup_evaluations = s->warmup_evaluations, .jumps = s->jumps, .moments = &s->moments };
    describe(s, info->kernel, sizeof info->kernel);
    bm_moments_free(&s->moments);
    if (bm_moments_new(&s->moments, p, s->post->nu, err) != BM_OK) return BM_ENOMEM;
    for (size_t k = 0; k < s->nchain; k++) {
        const bm_chain *c = &s->chain[k];

        bm_moments_merge(&s->moments, &c->moments);
        if (s->moments.no_memory) return bm_nomem(err);
        info->evaluations += c->evaluations;
        s->acceptance[k] = c->tried ? (double)c->accepted / (double)c->tried : 1;
        drawn += s->jumps ? c->tried : (c->tried + 1) / 2;       /* one beside each move; or every other one, the first included, is independent of the chain */
        n += c->nratio;
    }
    free(s->ratios);
    if (!(s->ratios = bm_alloc(n, sizeof *s->ratios))) return bm_nomem(err);
    for (size_t k = 0, at = 0; k < s->nchain; k++) {
        if (s->chain[k].nratio) memcpy(s->ratios + at, s->chain[k].log_ratio, s->chain[k].nratio * sizeof *s->ratios);
        at += s->chain[k].nratio;
    }
    info->log_ratio = s->ratios;
    info->nratio = n;
    evidence(s, drawn, info);
    return BM_OK;
}
