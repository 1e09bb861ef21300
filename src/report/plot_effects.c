/* plot_effects.c: posterior means of coefficients and group effects, intervals of the effects, fitted values: from the draws,
 * or, for effects whose draws were not kept, from the moments that were written beside them. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void bm_estimates_free(bm_estimates *e)
{
    for (size_t k = 0; k < e->nfac; k++) {
        if (e->u) free(e->u[k]);
        if (e->sd) free(e->sd[k]);
        if (e->q) free(e->q[k]);
    }
    free(e->u);
    free(e->sd);
    free(e->q);
    free(e->b);
    free(e->fixed);
    free(e->fitted);
    *e = (bm_estimates){ 0 };
}

static bm_status allocate(bm_estimates *e, const bm_design *d, bm_error *err)
{
    size_t n = d->y ? d->n : 0;                      /* rows may not be kept */
    bool   ok;

    *e = (bm_estimates){ .nfac = d->nfac, .sigma = 1 };
    e->b = bm_alloc(d->p, sizeof *e->b);
    e->u = bm_alloc(d->nfac, sizeof *e->u);
    e->sd = bm_alloc(d->nfac, sizeof *e->sd);
    e->q = bm_alloc(d->nfac, sizeof *e->q);
    e->fixed = bm_alloc(n, sizeof *e->fixed);
    e->fitted = bm_alloc(n, sizeof *e->fitted);
    ok = e->b && e->u && e->sd && e->q && e->fixed && e->fitted;
    for (size_t k = 0; ok && k < d->nfac; k++) {
        size_t nu = d->fac[k].J * d->fac[k].q;

        e->u[k] = bm_alloc(nu, sizeof **e->u);
        e->sd[k] = bm_alloc(nu, sizeof **e->sd);
        e->q[k] = bm_alloc(4 * nu, sizeof **e->q);
        ok = e->u[k] && e->sd[k] && e->q[k];
    }
    return ok ? BM_OK : bm_nomem(err);
}

static double mean_of(const bm_plot_input *in, size_t var)
{
    size_t n = in->draws->nchain * in->draws->niter;

    return bm_average(in->draws->x + var * n, n);
}

/* Are the effects among the draws? */
static bm_status from_draws(bm_estimates *e, const bm_plot_input *in, size_t k, bm_error *err)
{
    static const double prob[] = { 0.025, 0.25, 0.75, 0.975 };
    const bm_group     *g = &in->design->fac[k];
    bm_result           r = { .draws = in->draws, .design = in->design, .nmonitored = 0 };
    size_t             *var = NULL, n = in->draws->nchain * in->draws->niter;
    bm_status           st = bm_ranef_vars(&var, &e->from_draws, &r, k, err);

    for (size_t j = 0; st == BM_OK && e->from_draws && j < g->J; j++)
        for (size_t i = 0; i < g->q && st == BM_OK; i++) {
            const double *x = in->draws->x + var[i * g->J + j] * n;
            size_t        at = j * g->q + i;

            e->u[k][at] = bm_average(x, n);
            e->sd[k][at] = bm_deviation(x, n);
            st = bm_plot_quantiles(x, n, prob, 4, e->q[k] + 4 * at, err);
        }
    free(var);
    return st;
}

static bm_status from_moments(bm_estimates *e, const bm_plot_input *in, size_t k, const bm_ranef_row *row)
{
    static const double z[] = { -1.959963984540054, -0.6744897501960817, 0.6744897501960817, 1.959963984540054 };
    const bm_group     *g = &in->design->fac[k];

    for (size_t at = 0; at < g->J * g->q; at++) {
        e->u[k][at] = row[at].mean;
        e->sd[k][at] = row[at].sd;
        for (size_t i = 0; i < 4; i++) e->q[k][4 * at + i] = row[at].mean + z[i] * row[at].sd;
    }
    return BM_OK;
}

/* Where rows are kept. */
static void fit_rows(bm_estimates *e, const bm_design *d)
{
    if (!d->y) return;
    for (size_t i = 0; i < d->n; i++) e->fixed[i] = d->o ? d->o[i] : 0;
    for (size_t k = 0; k < d->p; k++)
        for (size_t i = 0; i < d->n; i++) e->fixed[i] += d->X[i + k * d->n] * e->b[k];
    memcpy(e->fitted, e->fixed, d->n * sizeof *e->fitted);
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        for (size_t c = 0; c < g->q; c++)
            for (size_t i = 0; i < d->n; i++) e->fitted[i] += g->Z[i + c * d->n] * e->u[k][(size_t)g->code[i] * g->q + c];
    }
}

bm_status bm_estimates_new(bm_estimates *e, const bm_plot_input *in, bm_error *err)
{
    const bm_design    *d = in->design;
    const bm_ranef_row *row = in->ranef;
    size_t              sigma = bm_plot_var(in, "sigma");
    bm_status           st = allocate(e, d, err);

    for (size_t k = 0; k < d->p && st == BM_OK; k++) {
        size_t var = bm_plot_var(in, d->bnames[k]);

        if (var == SIZE_MAX) st = bm_fail(err, BM_EINVAL, "the draws hold no '%s', which the model has", d->bnames[k]);
        else e->b[k] = mean_of(in, var);
    }
    if (sigma != SIZE_MAX) e->sigma = mean_of(in, sigma);
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) {
        st = from_draws(e, in, k, err);
        if (st == BM_OK && !e->from_draws) {
            if (row) st = from_moments(e, in, k, row);
            else st = bm_fail(err, BM_EINVAL, "the effects of '%s' are neither among the draws nor in a ranef.csv beside them: "
                              "fit again with "
                                              "--ranef-draws all", d->fac[k].name);
        }
        if (row) row += d->fac[k].J * d->fac[k].q;
    }
    if (st == BM_OK) fit_rows(e, d);
    if (st != BM_OK) bm_estimates_free(e);
    return st;
}
