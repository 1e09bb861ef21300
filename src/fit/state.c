/* state.c: the sampler between two moves, in bytes: streams, points, proposals, sums, counters. What can be computed again bit by bit (factors at a point)
 * is: that the density comes out as it was, to the last bit, shows that data, model and arithmetic are those of the run that was saved. */
#include "fit/mcmc_priv.h"

#include <math.h>
#include <string.h>

/* ---- parts ---- */

static void mixture_state(bm_mixture *m, size_t nsd, bm_state *io)
{
    size_t d = m->d;

    bm_state_count(io, &m->K, BM_MIX_MAX);
    bm_state_count(io, &m->nimage, (size_t)1 << BM_FLIP_MAX);
    bm_state_count(io, &m->nside, nsd);
    if (io->failed) return;
    BM_STATE(io, m->weight);
    BM_STATE(io, m->df);
    BM_STATE(io, m->log_const);
    BM_STATE(io, m->scale);
    BM_STATE(io, m->power);
    BM_STATE(io, m->top);
    bm_state_doubles(io, m->mean, m->K * d);
    bm_state_doubles(io, m->C, m->K * d * d);
    bm_state_doubles(io, m->rdiag, m->K * d);
    bm_state_doubles(io, m->sign, m->nimage * d);
    bm_state_doubles(io, m->cov, d * d);
    for (size_t i = 0; i < m->nside; i++) bm_state_count(io, &m->side[i], nsd - 1);
    if (io->reading && !io->failed) bm_mixture_ready(m);
}

static bool mixture_holds(const bm_mixture *m)
{
    bool holds = m->K >= 1 && m->d <= BM_MIX_DIM && m->nimage >= 1;

    for (size_t k = 0; k < m->K; k++) holds &= m->df[k] >= 1 && m->df[k] < 1e6 && m->weight[k] >= 0 && m->power[k] == (unsigned)m->df[k] + m->d;
    return holds;
}

static void hmc_state(bm_hmc *h, size_t d, bm_state *io)
{
    if (io->reading && !h->C && bm_hmc_new(h, d, NULL) != BM_OK) io->failed = io->no_memory = true;
    if (io->failed) return;
    bm_state_count(io, &h->max_steps, 1000);
    BM_STATE(io, h->step);
    BM_STATE(io, h->mu);
    BM_STATE(io, h->log_step_bar);
    BM_STATE(io, h->H_bar);
    BM_STATE(io, h->count);
    bm_state_doubles(io, h->C, d * d);
}

static void moments_state(bm_moments *a, bm_state *io)
{
    size_t n = a->nb + a->nu;

    BM_STATE(io, a->weight);
    BM_STATE(io, a->weight_u);
    bm_state_doubles(io, a->mean, n);
    bm_state_doubles(io, a->mean2, n);
    bm_state_doubles(io, a->var, n);
    bm_state_doubles(io, a->origin, n);
}

static void ratios_state(bm_chain *c, bm_state *io)
{
    BM_STATE(io, c->top);
    BM_STATE(io, c->sum);
    BM_STATE(io, c->square);
    bm_state_count(io, &c->stride, SIZE_MAX);
    bm_state_count(io, &c->seen, SIZE_MAX);
    bm_state_count(io, &c->nratio, BM_RATIOS);
    if (c->stride == 0) io->failed = true;
    if (io->reading && c->nratio && !c->log_ratio && !(c->log_ratio = bm_alloc(BM_RATIOS, sizeof *c->log_ratio))) io->failed = io->no_memory = true;
    if (!io->failed) bm_state_doubles(io, c->log_ratio, c->nratio);
}

/* ---- the collapsed sampler's chain ---- */

/* The current point: x and what Student-t priors have mixed; the rest is computed again. */
static bm_status point_state(bm_chain *c, bm_state *io, bm_error *err)
{
    bm_coef_prior *cp = c->cur->m->cp;
    double         lp = c->cur->lp;

    bm_state_doubles(io, c->cur->x, c->cur->post->th.d);
    bm_state_doubles(io, cp->prec, cp->nform);
    BM_STATE(io, lp);
    if (!io->reading || io->failed) return BM_OK;
    memcpy(c->star->m->cp->prec, cp->prec, cp->p * sizeof *cp->prec);
    bm_coef_prior_refresh(cp);
    bm_coef_prior_refresh(c->star->m->cp);
    bm_point_eval(c->cur);
    if (memcmp(&c->cur->lp, &lp, sizeof lp) == 0) return BM_OK;    /* NOLINT(bugprone-suspicious-memory-comparison,cert-*): bit for bit */
    return bm_fail(err, BM_EINVAL, "the posterior density where chain %zu stands is %.17g, and was %.17g: other data, another model, or a machine whose arithmetic "
                                   "differs in the last digits, so that the run cannot be continued draw for draw", c->id + 1, c->cur->lp, lp);
}

static void trail_state(bm_chain *c, size_t d, size_t warmup, bm_state *io)
{
    size_t n = c->ntrail, before = c->before;

    bm_state_count(io, &n, warmup);
    bm_state_count(io, &before, n);
    if (io->reading && !io->failed && bm_chain_trail(c, d, warmup, NULL) != BM_OK) io->failed = io->no_memory = true;
    if (io->failed) return;
    bm_state_doubles(io, c->trail, n * (d + 1));
    c->ntrail = n;
    c->before = before;
}

static bm_status collapsed_state(const bm_mcmc *s, bm_chain *c, bm_state *io, bm_error *err)
{
    size_t d = s->post->th.d;

    BM_STATE(io, c->cur_lq);
    BM_STATE(io, c->held);
    bm_state_doubles(io, c->g_cur, d);
    if (s->stage < BM_STAGE_SAMPLING) trail_state(c, d, (size_t)s->opt.warmup, io);
    ratios_state(c, io);
    return point_state(c, io, err);
}

/* ---- the factor-wise sampler's chain ---- */

static void priors_state(bm_gibbs_chain *c, bm_state *io)
{
    bm_coef_prior *first = c->part[0]->cur->m->cp;

    bm_state_doubles(io, first->prec, first->nform);
    for (size_t i = 0; io->reading && !io->failed && i < c->g->npart; i++) {
        bm_coef_prior *cp[2] = { c->part[i]->cur->m->cp, c->part[i]->star->m->cp };

        for (int k = 0; k < 2; k++) {
            if (cp[k] != first) memcpy(cp[k]->prec, first->prec, first->nform * sizeof *first->prec);
            bm_coef_prior_refresh(cp[k]);
        }
    }
}

/* Every sweep begins with theta of all factors (whole), effects and their cross-products: the parts' points follow from these. */
static void gibbs_state(bm_gibbs_chain *c, bm_state *io)
{
    const bm_post *post = c->g->post;
    size_t         p = post->st->p, n = c->g->npart;

    bm_state_doubles(io, c->scale, n);
    bm_state_doubles(io, c->log_scale_sum, n);
    bm_state_doubles(io, c->W, n);
    bm_state_doubles(io, c->whole->x, post->th.d);
    bm_state_doubles(io, c->u, post->nu);
    bm_state_doubles(io, c->v, post->nu);
    bm_state_doubles(io, c->Bv, post->st->nfac * p);
    bm_state_doubles(io, c->beta, p);
    bm_state_doubles(io, c->b, p);
    for (size_t i = 0; i < n; i++)
        if (!(c->scale[i] > 0 && c->scale[i] < INFINITY)) io->failed = true;
    BM_STATE(io, c->rss);
    BM_STATE(io, c->evaluations);
    BM_STATE(io, c->tried);
    BM_STATE(io, c->accepted);
    priors_state(c, io);
}

/* ---- all of it ---- */

static bm_status chain_state(const bm_mcmc *s, bm_chain *c, bm_state *io, bm_error *err)
{
    BM_STATE(io, c->rng);
    BM_STATE(io, c->evaluations);
    BM_STATE(io, c->tried);
    BM_STATE(io, c->accepted);
    bm_state_count(io, &c->iter, SIZE_MAX);
    bm_state_count(io, &c->moved, SIZE_MAX);
    moments_state(&c->moments, io);
    if (!s->gibbs) return collapsed_state(s, c, io, err);
    gibbs_state(c->gibbs, io);
    return BM_OK;
}

static size_t gibbs_shapes(const bm_gibbs *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->npart; i++) n += g->part[i]->post->th.d * g->part[i]->post->th.d;
    return n;
}

static void shared_state(bm_mcmc *s, bm_state *io)
{
    size_t d = s->post->th.d, kernel = s->kernel;

    bm_state_count(io, &s->round, 8);
    bm_state_count(io, &s->done, (size_t)s->opt.warmup);
    bm_state_count(io, &s->step, SIZE_MAX);
    bm_state_count(io, &s->spent, (size_t)s->opt.warmup);
    BM_STATE(io, s->local_share);
    BM_STATE(io, s->opposite);
    BM_STATE(io, s->jumps);
    BM_STATE(io, s->mode_found);
    BM_STATE(io, s->warmup_evaluations);
    BM_STATE(io, s->warmup_acceptance);
    bm_state_count(io, &kernel, BM_KERNEL_GIBBS);
    s->kernel = (bm_kernel)kernel;
    if (s->gibbs) {
        bm_state_doubles(io, s->gibbs->C, gibbs_shapes(s->gibbs));
        return;
    }
    bm_state_doubles(io, s->mode, d);
    bm_state_doubles(io, s->mode_cov, d * d);
    bm_state_doubles(io, s->local_C, d * d);
    mixture_state(&s->q, s->post->th.nsd, io);
    if (s->kernel == BM_KERNEL_HMC) hmc_state(&s->hmc, d, io);
}

/* What the loops take for granted: a file may have been made with care. */
static bool stage_holds(const bm_mcmc *s)
{
    bool mixes = s->stage == BM_STAGE_MIXTURE || (s->stage == BM_STAGE_SAMPLING && s->kernel == BM_KERNEL_INDEPENDENCE) || s->jumps;

    if (s->gibbs) return s->stage == BM_STAGE_GIBBS || (s->stage == BM_STAGE_SAMPLING && s->kernel == BM_KERNEL_GIBBS);
    if (s->stage == BM_STAGE_GIBBS || s->kernel == BM_KERNEL_GIBBS) return false;
    if (s->stage == BM_STAGE_SAMPLING && (s->kernel == BM_KERNEL_FIXED) != (s->post->th.d == 0)) return false;
    return (!mixes || mixture_holds(&s->q)) && (s->stage == BM_STAGE_SAMPLING || s->post->th.d > 0);
}

static void check_sizes(const bm_mcmc *s, bm_state *io)
{
    bm_state_same(io, s->post->th.d);
    bm_state_same(io, s->post->st->p);
    bm_state_same(io, s->post->nu);
    bm_state_same(io, s->nchain);
    bm_state_same(io, (uint64_t)s->opt.warmup);
    bm_state_same(io, (uint64_t)s->opt.thin);
    bm_state_same(io, s->gibbs ? s->gibbs->npart : 0);
}

bm_status bm_mcmc_state(bm_mcmc *s, bm_state *io, bm_error *err)
{
    size_t    stage = s->stage;
    bm_status st = BM_OK;

    check_sizes(s, io);
    bm_state_count(io, &stage, BM_STAGE_SAMPLING);
    s->stage = (bm_stage)stage;
    if (s->stage != BM_STAGE_START) {
        shared_state(s, io);
        if (!io->failed && !stage_holds(s)) io->failed = true;
        for (size_t k = 0; k < s->nchain && st == BM_OK && !io->failed; k++) st = chain_state(s, &s->chain[k], io, err);
    }
    if (st == BM_OK && io->no_memory) return bm_nomem(err);
    if (st == BM_OK && io->failed) st = bm_fail(err, BM_EPARSE, "not the state of a run of this model with these options");
    return st;
}
