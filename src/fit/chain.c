/* chain.c: the kernels that move theta, coefficients and effects integrated out. */
#include "fit/chain.h"

#include "fit/polar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bm_status bm_chain_new(bm_chain *c, size_t id, const bm_post *post, const bm_gibbs *gibbs, const bm_fit_options *opt, bm_error *err)
{
    size_t    d = post->th.d, p = post->st->p;
    bm_status st;

    *c = (bm_chain){ .id = id, .stride = 1, .top = -INFINITY, .cur_lq = NAN };
    bm_rng_key(&c->rng, opt->seed, id + 1, 0);
    if ((st = bm_moments_new(&c->moments, p, post->nu, err)) != BM_OK) return st;
    if (gibbs) {
        if ((st = bm_gibbs_chain_new(&c->gibbs, gibbs, err)) != BM_OK) return st;
        c->natural = bm_alloc(post->th.nsd + post->th.ncor + 1, sizeof *c->natural);
        return c->natural ? BM_OK : bm_nomem(err);
    }
    if ((st = bm_point_new(&c->cur, post, err)) != BM_OK) return st;
    if ((st = bm_point_new(&c->star, post, err)) != BM_OK) return st;
    c->g_cur = bm_alloc(4 * d, sizeof *c->g_cur);
    c->beta = bm_alloc(2 * p, sizeof *c->beta);
    c->u = bm_alloc(post->nu, sizeof *c->u);
    c->natural = bm_alloc(post->th.nsd + post->th.ncor + 1, sizeof *c->natural);
    if (!c->g_cur || !c->beta || !c->u || !c->natural) return bm_nomem(err);
    c->g = c->g_cur + d;
    c->p = c->g + d;
    c->x0 = c->p + d;
    c->b = c->beta + p;
    return BM_OK;
}

void bm_chain_free(bm_chain *c)
{
    bm_gibbs_chain_free(c->gibbs);
    bm_point_free(c->cur);
    bm_point_free(c->star);
    bm_moments_free(&c->moments);
    free(c->g_cur);
    free(c->beta);
    free(c->u);
    free(c->natural);
    free(c->log_ratio);
    free(c->trail);
    *c = (bm_chain){ 0 };
}

bm_status bm_chain_trail(bm_chain *c, size_t d, size_t n, bm_error *err)
{
    free(c->trail);
    c->ntrail = c->before = 0;
    c->trail = bm_alloc(n * (d + 1), sizeof *c->trail);
    return c->trail ? BM_OK : bm_nomem(err);
}

void bm_chain_settle(bm_chain *c)
{
    if (c->held > 0) bm_marginal_moments_b(c->cur->m, &c->moments, c->held);
    c->held = 0;
}

void bm_chain_accept(bm_chain *c)
{
    bm_point *t = c->cur;

    bm_chain_settle(c);
    c->cur = c->star;                                /* pointers: the factors come along, nothing is copied */
    c->star = t;
    c->cur_lq = NAN;
}

static bm_status evaluate(bm_chain *c, bm_point *pt)
{
    c->evaluations++;
    return bm_point_eval(pt);
}

/* Half of the sample goes when it is full, and every other proposal from then on is passed over. */
static void sample_ratio(bm_chain *c, double ratio)
{
    if (c->nratio == BM_RATIOS) {
        for (size_t i = 0; i < BM_RATIOS / 2; i++) c->log_ratio[i] = c->log_ratio[2 * i];
        c->nratio /= 2;
        c->stride *= 2;
    }
    if (c->seen++ % c->stride == 0) c->log_ratio[c->nratio++] = ratio;
}

void bm_chain_note_ratio(bm_chain *c, double ratio)
{
    double w;

    if (!isfinite(ratio)) return;                    /* a zero in the sums */
    if (ratio > c->top) {
        double shrink = exp(c->top - ratio);

        c->sum *= shrink;
        c->square *= shrink * shrink;
        c->top = ratio;
    }
    w = exp(ratio - c->top);
    c->sum += w;
    c->square += w * w;
    sample_ratio(c, ratio);
}

/* Accepts star, a proposal reversible with respect to q, by the ratio of ratios. Returns log p - log q at star. */
static double accept_by_ratio(bm_chain *c, const bm_mixture *q, bool *accepted)
{
    double u = bm_rng_uniform(&c->rng), lq_star = bm_mixture_logpdf(q, c->star->x), ratio;

    *accepted = false;
    if (!bm_mixture_inside(q, &c->star->post->th, c->star->x)) return -INFINITY;
    if (evaluate(c, c->star) != BM_OK) return -INFINITY;
    ratio = c->star->lp - lq_star;
    if (isnan(c->cur_lq)) c->cur_lq = bm_mixture_logpdf(q, c->cur->x);
    if (log(u) < ratio - (c->cur->lp - c->cur_lq)) {
        bm_chain_accept(c);
        c->cur_lq = lq_star;
        *accepted = true;
    }
    return ratio;
}

static void count(bm_chain *c, bool accepted)
{
    c->tried++;
    c->accepted += accepted;
}

double bm_independence_step(bm_chain *c, const bm_mixture *q)
{
    bool   accepted;
    double ratio;

    bm_mixture_draw(q, &c->rng, c->star->x);
    ratio = accept_by_ratio(c, q, &accepted);
    count(c, accepted);
    return ratio;
}

bool bm_jump(bm_chain *c, const bm_mixture *q, double *ratio)
{
    bool folded = !bm_mixture_inside(q, &c->cur->post->th, c->cur->x), accepted;

    if (folded) {                                    /* the same point of the posterior: its factors' signs come with an evaluation */
        bm_mixture_fold(q, &c->cur->post->th, c->cur->x);
        evaluate(c, c->cur);
    }
    c->cur_lq = NAN;
    bm_mixture_draw(q, &c->rng, c->star->x);
    *ratio = accept_by_ratio(c, q, &accepted);
    return folded || accepted;
}

void bm_opposite_step(bm_chain *c, const bm_mixture *q, double correlation)
{
    bool accepted;

    bm_mixture_opposite(q, &c->rng, correlation, c->cur->x, c->star->x);
    accept_by_ratio(c, q, &accepted);
    count(c, accepted);
}

void bm_local_step(bm_chain *c, const bm_mixture *q, const double *C, double scale)
{
    size_t d = c->cur->post->th.d;
    double s = scale / sqrt((double)d), *z = c->p;

    bm_rng_normals(&c->rng, z, d);
    double u = bm_rng_uniform(&c->rng);
    for (size_t i = 0; i < d; i++) {
        double v = c->cur->x[i];

        for (size_t j = 0; j <= i; j++) v += s * C[i + j * d] * z[j];
        c->star->x[i] = v;
    }
    bm_mixture_fold(q, &c->cur->post->th, c->star->x);
    if (evaluate(c, c->star) == BM_OK && log(u) < c->star->lp - c->cur->lp) bm_chain_accept(c);
}

bool bm_polar_step(bm_chain *c, long sd, const double *C)
{
    double adjust = bm_polar_propose(c->cur->post, sd, C, c->cur->x, &c->rng, c->star->x), u = bm_rng_uniform(&c->rng);

    if (evaluate(c, c->star) != BM_OK || !(log(u) < c->star->lp - c->cur->lp + adjust)) return false;
    bm_chain_accept(c);
    return true;
}
