/* warmup.c: from the mode to frozen proposals.
 *
 * Small theta: rounds of independence and random-walk steps; after each round the mixture is fitted to the states of all chains. The random
 * walk explores what the first proposal does not cover; the chains start dispersed, so that their agreement means something. Where after half of the
 * iterations the proposal fits, that is enough. Where it does not fit in the end, and with large theta: Hamiltonian moves, step size by dual averaging, metric from the
 * draws; beside each a jump by the proposal, now fitted to where they went. */
#include "fit/mode.h"
#include "fit/mcmc_priv.h"
#include "fit/warmup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FITS 0.5                                     /* acceptance from which a proposal finds most of the posterior by itself */
#define WELL 0.75                                    /* from which more warm-up is not worth its time */

/* Acceptance below which Hamiltonian moves take over. What independence proposals miss holds the chains for long where there are many dimensions: three correlated
 * effects per group, an sd near 0. */
static double keep_independence(size_t d)
{
    return d > 4 ? 0.7 : 0.4;
}

/* The image of x with all sds positive. */
static void canonical(const bm_theta *th, double *x)
{
    for (size_t i = 0; i < th->nsd; i++)
        if (th->sd_x[i] >= 0 && x[th->sd_x[i]] < 0) bm_theta_flip(th, i, x);
}

/* A start away from the mode: t with 3 degrees of freedom, twice as wide. */
static bm_status disperse(bm_mcmc *s, bm_chain *c, const double *C, bm_error *err)
{
    size_t d = s->post->th.d;
    double wide = 2, most;

    memcpy(c->star->x, s->mode, d * sizeof *s->mode);
    most = bm_point_eval(c->star) == BM_OK ? c->star->lp + BM_START_ABOVE : INFINITY;
    for (int tries = 0; tries < 200; tries++, wide *= 0.93) {
        double scale = wide * sqrt(3 / bm_rng_chisq(&c->rng, 3));

        bm_rng_normals(&c->rng, c->p, d);
        for (size_t i = 0; i < d; i++) {
            double v = s->mode[i];

            for (size_t j = 0; j <= i; j++) v += scale * C[i + j * d] * c->p[j];
            c->cur->x[i] = v;
        }
        canonical(&s->post->th, c->cur->x);
        c->evaluations++;
        if (bm_point_eval(c->cur) == BM_OK && c->cur->lp <= most) return BM_OK;
    }
    return bm_fail(err, BM_ENUMERIC, "chain %zu found no start with a positive posterior density near the mode", c->id + 1);
}

static void record(bm_chain *c, const bm_theta *th)
{
    double *to = c->trail + c->ntrail++ * (th->d + 1);

    memcpy(to, c->cur->x, th->d * sizeof *to);
    canonical(th, to);
    to[th->d] = c->cur->lp;
}

typedef struct { bm_mcmc *s; size_t steps; bool hmc; } round_job;

/* Of the iterations of a round, with a random-walk step beside the independence step: fewer once the proposal fits, but all where an sd may be zero: the
 * tail towards it is what a proposal misses. */
static double walk_share(const bm_mcmc *s)
{
    return s->round > 0 && s->warmup_acceptance >= FITS && s->q.nimage == 1 ? 0.3 : 1;
}

/* What is left of the round: ntrail - before iterations are made. */
static void chain_round(void *self, size_t k, size_t worker)
{
    const round_job *job = self;
    bm_mcmc         *s = job->s;
    bm_chain        *c = &s->chain[k];
    double           walks = walk_share(s);

    (void)worker;
    c->halted = false;
    while (c->ntrail - c->before < job->steps && !c->halted) {
        if (c->ntrail % 64 == 0) bm_mcmc_progress(s, 64);
        if (job->hmc) {
            bm_mcmc_hamilton(s, c);
        } else {
            bm_independence_step(c, &s->q);
            if (walks >= 1 || bm_rng_uniform(&c->rng) < walks) bm_local_step(c, &s->q, s->local_C, 2.4);
        }
        bm_mcmc_polar(s, c);
        record(c, &s->post->th);
        c->halted = bm_mcmc_halts(s);
    }
}

/* Runs `steps` iterations of every chain. */
static bm_status round_of(bm_mcmc *s, size_t steps, bool hmc, bm_error *err)
{
    round_job job = { s, steps, hmc };
    uint64_t  done = (uint64_t)s->done * s->nchain;

    for (size_t k = 0; k < s->nchain; k++) done += s->chain[k].ntrail - s->chain[k].before;
    bm_mcmc_progress_from(s, "warm-up", done, (uint64_t)s->opt.warmup * s->nchain);
    return bm_mcmc_chains(s, chain_round, &job, err);
}

/* keep: what was recorded is used in later rounds, too. */
static void next_round(bm_mcmc *s, size_t steps, bool keep)
{
    s->round++;
    s->done += steps;
    for (size_t k = 0; k < s->nchain; k++) {
        if (!keep) s->chain[k].ntrail = 0;
        s->chain[k].before = s->chain[k].ntrail;
        s->chain[k].tried = s->chain[k].accepted = 0;
    }
}

/* The states recorded of all chains, at most `most` of them, evenly spaced: x (n x d) and lp. */
static size_t gather(const bm_mcmc *s, size_t most, double *x, double *lp)
{
    size_t d = s->post->th.d, total = 0, stride, n = 0, at = 0;

    for (size_t k = 0; k < s->nchain; k++) total += s->chain[k].ntrail;
    stride = (total + most - 1) / most;
    for (size_t k = 0; k < s->nchain; k++)
        for (size_t i = 0; i < s->chain[k].ntrail; i++, at++) {
            const double *from = s->chain[k].trail + i * (d + 1);

            if (at % stride) continue;
            memcpy(x + n * d, from, d * sizeof *x);
            lp[n++] = from[d];
        }
    return n;
}

static double round_acceptance(const bm_mcmc *s)
{
    double tried = 0, accepted = 0;

    for (size_t k = 0; k < s->nchain; k++) {
        tried += (double)s->chain[k].tried;
        accepted += (double)s->chain[k].accepted;
    }
    return tried > 0 ? accepted / tried : 0;
}

/* An independence sampler that accepts with probability a is worth e = a / (2 - a) effective draws per draw: what is linear in theta has correlations that add up
 * to (1 / e - 1) / 2. Every other proposal on the other side of the middle, with correlation -c, takes a c / 2 away: this c leaves nothing. What is
 * quadratic pays a c^2 / 2 for it, so that c is bounded: at the bound, standard deviations lose a tenth of their effective draws, while means gain a half. */
static double opposite_for(double a)
{
    const double most = 0.5, e = fmax(a, 1e-3) / (2 - a);

    return -fmin(most, 0.5 * (1 / (e * e) - 1));
}

static void set_local(bm_mcmc *s)
{
    size_t d = s->post->th.d;

    memcpy(s->local_C, s->q.cov, d * d * sizeof *s->local_C);
    if (bm_chol(d, s->local_C) == BM_OK) return;
    memcpy(s->local_C, s->mode_cov, d * d * sizeof *s->local_C);
    if (bm_chol(d, s->local_C) != BM_OK)
        for (size_t i = 0; i < d * d; i++) s->local_C[i] = i % (d + 1) == 0 ? 0.1 : 0;
}

/* The state where the proposal now expects it: the same point of the posterior, evaluated again for its factors' signs. */
static void fold_state(bm_mcmc *s, bm_chain *c)
{
    c->cur_lq = NAN;                                 /* of the proposal before */
    if (bm_mixture_inside(&s->q, &s->post->th, c->cur->x)) return;
    bm_mixture_fold(&s->q, &s->post->th, c->cur->x);
    c->evaluations++;
    bm_point_eval(c->cur);
}

/* The proposal fitted to the states recorded; `most`: to at most so many of them. *expected: effective draws per draw to expect, 0 where it was not fitted. */
static bm_status refit(bm_mcmc *s, size_t most, double *x, double *lp, double *expected, bm_error *err)
{
    size_t d = s->post->th.d, n = gather(s, most, x, lp);

    *expected = 0;
    if (n < 20 * d) return BM_OK;                    /* too few to learn from */
    bm_mixture_mirror(&s->q, &s->post->th, x, n);
    if (bm_mixture_fit(&s->q, x, lp, n, expected, err) != BM_OK) return BM_ENOMEM;
    for (size_t k = 0; k < s->nchain; k++) fold_state(s, &s->chain[k]);
    set_local(s);
    return BM_OK;
}

/* Iterations after which a proposal may be good enough: 500 states per dimension in all, and half of what is to be sampled with it. */
static size_t enough(const bm_mcmc *s)
{
    double states = 500.0 * (double)s->post->th.d / (double)s->nchain, half = 0.5 * (double)s->opt.draws * s->opt.thin;

    return (size_t)fmin(ceil(fmax(states, half)), s->opt.warmup);
}

/* Did the proposal of the last round do well in every chain, is the new one expected to, and is there no tail towards sd = 0 to be missed? */
static bool fits(const bm_mcmc *s, double expected, double demand)
{
    double least = 1;

    for (size_t k = 0; k < s->nchain; k++) least = fmin(least, (double)s->chain[k].accepted / fmax((double)s->chain[k].tried, 1));
    return s->warmup_acceptance >= demand && least >= 0.6 * demand && expected >= demand && s->q.nimage == 1;
}

/* A round of warm-up ends after a share of `enough`, or of what is left beyond it; the proposal is then fitted to at most so many states (the early fits only
 * have to find the way; 0: as many as are of use), and is the last one if it does as well as demanded (2: never). */
static const struct { bool beyond; double end; size_t most; double demand; } ROUND[] = {
    { false, 0.10, 250, 2 }, { false, 0.25, 400, 2 }, { false, 0.50, 0, WELL }, { false, 1, 0, FITS },
    { true, 0.15, 0, 2 }, { true, 0.35, 0, 2 }, { true, 0.60, 0, 2 }, { true, 1, 0, 2 },
};

/* Of states to fit a proposal to, as many as are of use. */
static size_t most_states(size_t d)
{
    return 1600 + 200 * d;
}

static bm_status adapt_mixture(bm_mcmc *s, size_t warmup, bm_error *err)
{
    size_t    d = s->post->th.d, last = most_states(d), first = enough(s);
    double   *x = bm_alloc(last * (d + 1), sizeof *x), *lp = x + last * d, expected;
    bm_status st = BM_OK;

    if (!x) return bm_nomem(err);
    for (bool done = false; !done && s->round < sizeof ROUND / sizeof *ROUND && s->done < warmup;) {
        size_t r = s->round, end = ROUND[r].beyond ? first + (size_t)(ROUND[r].end * (double)(warmup - first)) : (size_t)(ROUND[r].end * (double)first);
        size_t steps = end - s->done;

        if ((st = round_of(s, steps, false, err)) != BM_OK) break;
        s->warmup_acceptance = round_acceptance(s);
        s->opposite = opposite_for(s->warmup_acceptance);
        if ((st = refit(s, ROUND[r].most ? ROUND[r].most : last, x, lp, &expected, err)) != BM_OK) break;
        done = fits(s, expected, ROUND[r].demand);
        next_round(s, steps, s->round > 0 && s->warmup_acceptance >= 0.8 * FITS);
    }
    free(x);
    return st;
}

/* Covariance of the last round's states, shrunk towards its diagonal, as the metric of the Hamiltonian moves. */
static bm_status learn_metric(bm_mcmc *s, bm_error *err)
{
    size_t  d = s->post->th.d, n = 0;
    double *cov = bm_alloc(d * d, sizeof *cov), *mean = bm_alloc(d, sizeof *mean);
    bm_status st = cov && mean ? BM_OK : bm_nomem(err);

    for (size_t k = 0; st == BM_OK && k < s->nchain; k++)
        for (size_t i = 0; i < s->chain[k].ntrail; i++, n++)
            for (size_t j = 0; j < d; j++) mean[j] += s->chain[k].trail[i * (d + 1) + j];
    if (st != BM_OK || n < 5 * d) goto done;
    for (size_t j = 0; j < d; j++) mean[j] /= (double)n;
    for (size_t k = 0; k < s->nchain; k++)
        for (size_t i = 0; i < s->chain[k].ntrail; i++) {
            const double *x = s->chain[k].trail + i * (d + 1);

            for (size_t j = 0; j < d; j++)
                for (size_t l = j; l < d; l++) cov[l + j * d] += (x[l] - mean[l]) * (x[j] - mean[j]) / (double)n;
        }
    double keep = (double)n / ((double)n + 5 * (double)d);
    for (size_t j = 0; j < d; j++)
        for (size_t l = j + 1; l < d; l++) cov[l + j * d] *= keep;
    if (bm_chol(d, cov) == BM_OK) memcpy(s->hmc.C, cov, d * d * sizeof *cov);
done:
    free(cov);
    free(mean);
    return st;
}

/* One step size for all chains, by dual averaging over each in turn; trajectories long enough to cross a whitened unit posterior. */
static bm_status tune_step(bm_mcmc *s, size_t steps, bm_error *err)
{
    const double length = 3;
    bm_status    st;

    if (s->step == 0) bm_hmc_restart(&s->hmc, s->hmc.step);
    while (s->step < steps) {
        bm_hmc_adapt(&s->hmc, bm_hmc_step(&s->chain[s->step % s->nchain], &s->hmc));
        s->hmc.max_steps = (size_t)fmin(fmax(ceil(length / s->hmc.step), 2), 40);
        s->step++;
        if (bm_mcmc_halts(s) && (st = bm_mcmc_halted(s, err)) != BM_OK) return st;
    }
    bm_hmc_freeze(&s->hmc);
    s->hmc.max_steps = (size_t)fmin(fmax(ceil(length / s->hmc.step), 2), 40);
    s->step = 0;
    return BM_OK;
}

static bm_status begin_hmc(bm_mcmc *s, bm_error *err)
{
    size_t d = s->post->th.d;

    if (!s->hmc.C && bm_hmc_new(&s->hmc, d, err) != BM_OK) return BM_ENOMEM;
    memcpy(s->hmc.C, s->mode_cov, d * d * sizeof *s->hmc.C);
    if (bm_chol(d, s->hmc.C) != BM_OK)
        for (size_t i = 0; i < d * d; i++) s->hmc.C[i] = i % (d + 1) == 0 ? 0.3 : 0;
    for (size_t k = 0; k < s->nchain; k++) {
        s->chain[k].ntrail = s->chain[k].before = 0;
        bm_status st = bm_point_gradient(s->chain[k].cur, s->chain[k].g_cur);

        if (st == BM_ENOMEM) return bm_nomem(err);
        if (st != BM_OK) return bm_fail(err, BM_ENUMERIC, "chain %zu has no gradient at its start", k + 1);
    }
    s->kernel = BM_KERNEL_HMC;
    s->stage = BM_STAGE_TUNE;
    s->spent = s->done;
    s->round = s->done = s->step = 0;
    return BM_OK;
}

/* The jumps' proposal fitted to where the Hamiltonian moves went. */
static bm_status refit_jumps(bm_mcmc *s, bm_error *err)
{
    size_t    d = s->post->th.d, most = most_states(d);
    double   *x = bm_alloc(most * (d + 1), sizeof *x), expected;
    bm_status st = x ? refit(s, most, x, x + most * d, &expected, err) : bm_nomem(err);

    free(x);
    for (size_t k = 0; st == BM_OK && k < s->nchain; k++)       /* a state may have been folded */
        if (bm_point_gradient(s->chain[k].cur, s->chain[k].g_cur) == BM_ENOMEM) st = bm_nomem(err);
    return st;
}

/* Three rounds, the step size tuned before each, and once more. */
static bm_status adapt_hmc(bm_mcmc *s, size_t warmup, bm_error *err)
{
    enum { ROUNDS = 3 };
    size_t    quarter = warmup / 4;
    bm_status st;

    for (;;) {
        if (s->stage == BM_STAGE_TUNE) {
            if ((st = tune_step(s, quarter / 2 + 20, err)) != BM_OK || s->round == ROUNDS) return st;
            s->stage = BM_STAGE_METRIC;
        }
        size_t steps = s->round == ROUNDS - 1 ? warmup - 2 * quarter : quarter;
        if ((st = round_of(s, steps, true, err)) != BM_OK) return st;
        s->warmup_acceptance = round_acceptance(s);
        if ((st = learn_metric(s, err)) != BM_OK) return st;
        if (s->jumps && s->round > 0 && (st = refit_jumps(s, err)) != BM_OK) return st;
        next_round(s, steps, false);
        s->stage = BM_STAGE_TUNE;
    }
}

static bm_status first_proposal(bm_mcmc *s)
{
    if (bm_mixture_single(&s->q, s->mode, s->mode_cov, 4) == BM_OK) return BM_OK;
    for (size_t i = 0, d = s->post->th.d; i < d * d; i++) s->mode_cov[i] = i % (d + 1) == 0 ? 0.25 : 0;
    return bm_mixture_single(&s->q, s->mode, s->mode_cov, 4);
}

/* From nothing to chains dispersed around the mode, and the first proposal. */
static bm_status begin(bm_mcmc *s, bm_error *err)
{
    bm_status st;

    if ((st = bm_find_mode(s->post, s->mode, s->mode_cov, &s->mode_found, &s->warmup_evaluations, err)) != BM_OK) return st;
    first_proposal(s);
    set_local(s);
    for (size_t k = 0; k < s->nchain; k++) {
        bm_chain *c = &s->chain[k];

        if ((st = bm_chain_trail(c, s->post->th.d, (size_t)s->opt.warmup, err)) != BM_OK) return st;
        if ((st = disperse(s, c, s->local_C, err)) != BM_OK) return st;
    }
    if (s->post->th.d > BM_MIXTURE_UP_TO || s->forced == BM_MOVE_HAMILTON) return begin_hmc(s, err);
    s->kernel = BM_KERNEL_INDEPENDENCE;
    s->stage = BM_STAGE_MIXTURE;
    return BM_OK;
}

bm_status bm_warmup(bm_mcmc *s, bm_error *err)
{
    size_t    warmup = (size_t)s->opt.warmup;
    bm_status st;

    if (s->stage == BM_STAGE_START && (st = begin(s, err)) != BM_OK) return st;
    if (s->stage == BM_STAGE_MIXTURE) {
        if ((st = adapt_mixture(s, warmup, err)) != BM_OK) return st;
        if (s->forced == BM_MOVE_INDEPENDENCE || s->forced == BM_MOVE_WALK) return BM_OK;
        s->local_share = s->warmup_acceptance > 0.4 ? 0.05 : 1;
        if (s->forced != BM_MOVE_JUMPS && (s->warmup_acceptance >= keep_independence(s->post->th.d) || warmup == 0)) return BM_OK;
        s->jumps = true;
        if ((st = begin_hmc(s, err)) != BM_OK) return st;
    }
    return adapt_hmc(s, warmup, err);
}
