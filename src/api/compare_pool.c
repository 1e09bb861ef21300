/* compare_pool.c: every group's coefficients by complete, no and partial pooling. */
#include "api/compare_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Draws of the group's coefficient i: sum of D b over the absorbed columns, plus its effect; moments and quantiles from them. */
static void from_draws(const bm_compare *c, bm_pool_row *r, const double *D, size_t q, size_t effect, double *x)
{
    static const double prob[] = { 0.025, 0.975 };
    const bm_draws     *d = c->fit->draws;
    size_t              n = d->nchain * d->niter, p = c->model->stats->p;
    const double       *u = d->x + (c->fit->nmonitored + effect) * n;
    double              sq = 0, quantile[2];

    for (size_t i = 0; i < n; i++) x[i] = u[i];
    for (size_t k = 0; k < p; k++) {
        double dk = D[k * q];

        for (size_t i = 0; dk != 0 && i < n; i++) x[i] += dk * d->x[(1 + k) * n + i];
    }
    double mean = 0;
    for (size_t i = 0; i < n; i++) mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++) sq += (x[i] - mean) * (x[i] - mean);
    r->sd = sqrt(sq / (double)(n - 1));
    bm_quantiles(x, n, prob, 2, quantile);
    r->q2_5 = quantile[0];
    r->q97_5 = quantile[1];
}

static void fill_row(const bm_compare *c, bm_pool_row *r, const bm_pooling *pool, size_t j, size_t i, size_t effect, double *x)
{
    size_t        p = pool->p, q = pool->q;
    const double *D = pool->D + j * p * q + i;
    bool          kept = c->fit->draws->nvar > c->fit->nmonitored;

    r->complete = pool->complete[j * q + i];
    r->none = pool->none[j * q + i];
    r->none_se = pool->none_se[j * q + i];
    r->none_se_pooled = pool->none_se_pooled[j * q + i];
    r->reml = c->view.effect[effect].reml;
    r->mean = c->view.effect[effect].mean;
    for (size_t k = 0; k < p; k++) {
        const bm_summary_row *s = &c->fit->summary[1 + k];

        if (D[k * q] == 0) continue;
        r->reml += D[k * q] * (c->reml->aliased[k] ? 0 : c->reml->b[k]);
        r->mean += D[k * q] * (isfinite(s->rb_mean) ? s->rb_mean : s->mean);
    }
    r->sd = r->q2_5 = r->q97_5 = NAN;
    if (kept) from_draws(c, r, D, q, effect, x);
}

static bm_status note_common(bm_compare *c, const bm_group *g, const bm_pooling *pool, bm_error *err)
{
    const bm_design *d = c->model->design;
    bm_buf           names = { 0 };
    size_t           common = 0, lost = 0;
    bm_status        st = BM_OK;

    for (size_t k = 0; k < pool->p; k++)
        if (!pool->absorbed[k]) bm_buf_printf(&names, "%s%s", common++ ? ", " : "", d->bnames[k]);
    for (size_t j = 0; j < pool->J; j++) lost += !pool->estimable[j];
    if (names.failed) st = bm_nomem(err);
    else if (common)
        st = bm_strv_addf(&c->notes, err, "no pooling by %s: the coefficients that do not belong to a group (%s) are common to all groups, estimated within groups", g->name,
                          names.s);
    if (st == BM_OK && lost)
        st = bm_strv_addf(&c->notes, err, "no pooling by %s: %zu of %zu groups have too few rows (or too little variation) for their own coefficients", g->name, lost, pool->J);
    bm_buf_free(&names);
    return st;
}

static bm_status pool_factor(bm_compare *c, size_t k, size_t *effect, double *x, bm_error *err)
{
    const bm_group *g = &c->model->design->fac[k];
    bm_pooling     *pool = NULL;
    bm_status       st = bm_pooling_new(&pool, c->model->stats, c->model->design, k, err);

    for (size_t j = 0; st == BM_OK && j < g->J; j++)
        for (size_t i = 0; i < g->q; i++, ++*effect) {
            bm_pool_row *r = &c->view.pool[c->view.npool++];

            *r = (bm_pool_row){ .factor = (uint32_t)k, .level = (uint32_t)j, .term = (uint32_t)i, .n = c->model->stats->fac[k].n[j] };
            fill_row(c, r, pool, j, i, *effect, x);
        }
    if (st == BM_OK) st = note_common(c, g, pool, err);
    bm_pooling_free(pool);
    return st;
}

bm_status bm_compare_pool(bm_compare *c, bm_error *err)
{
    const bm_design *d = c->model->design;
    size_t           effect = 0;
    double          *x = bm_alloc(c->fit->draws->nchain * c->fit->draws->niter, sizeof *x);
    bm_status        st = BM_OK;

    c->view.pool = bm_alloc(c->model->post->nu, sizeof *c->view.pool);
    c->view.pooling = true;
    if (!x || !c->view.pool) st = bm_fail(err, BM_ENOMEM, "out of memory for %zu group effects", c->model->post->nu);
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) st = pool_factor(c, k, &effect, x, err);
    free(x);
    return st;
}
