/* predictive.c: data drawn from the posterior, and fitted values at the posterior means. */
#include "api/api.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 20, MOST = 200, LEAST = 20 };
static const double BUDGET = 2e7;                    /* values drawn for the statistics */

static size_t count_effects(const bm_design *d)
{
    size_t n = 0;

    for (size_t k = 0; k < d->nfac; k++) n += d->fac[k].J * d->fac[k].q;
    return n;
}

/* Where the draws of the group effects begin among the variables; SIZE_MAX: they were not kept, or not all. */
static size_t first_effect(const bm_saved *s, const bm_model *m)
{
    return s->draws->nvar == m->monitored.n + count_effects(m->design) ? m->monitored.n : SIZE_MAX;
}

/* mu = o + X b + Z u; u in the order of the variables: factor after factor, level after level, effect after effect. */
static void linear_predictor(const bm_model *m, const double *b, const double *u, double *mu)
{
    const bm_design *d = m->design;

    for (size_t i = 0; i < d->n; i++) mu[i] = d->o ? d->o[i] : 0;
    for (size_t k = 0; k < d->p; k++)
        for (size_t i = 0; i < d->n; i++) mu[i] += d->X[i + k * d->n] * b[k];
    for (size_t f = 0; f < d->nfac; f++) {
        const bm_group *g = &d->fac[f];

        for (size_t q = 0; q < g->q; q++)
            for (size_t i = 0; i < d->n; i++) mu[i] += g->Z[i + q * d->n] * u[(size_t)g->code[i] * g->q + q];
        u += g->J * g->q;
    }
}

bm_status bm_saved_fitted(const bm_saved *s, const bm_model *m, const bm_ranef_row *ranef, size_t nranef, double **out, bm_error *err)
{
    double *b = bm_alloc(m->design->p, sizeof *b), *u = bm_alloc(nranef, sizeof *u);

    *out = bm_alloc(m->design->n, sizeof **out);
    if (!b || !u || !*out) {
        free(b);
        free(u);
        return bm_nomem(err);
    }
    for (size_t k = 0; k < m->design->p; k++) {
        const bm_summary_row *r = &s->summary[k + 1];

        b[k] = isfinite(r->rb_mean) ? r->rb_mean : r->mean;
    }
    for (size_t i = 0; i < nranef; i++) u[i] = ranef[i].mean;
    linear_predictor(m, b, u, *out);
    free(b);
    free(u);
    return BM_OK;
}

/* ---- statistics ---- */

typedef enum { MEAN, SD, MIN, MAX, SKEW, NSTAT } statistic;
static const char *const names[NSTAT] = { "mean", "sd", "smallest", "largest", "skewness" };

static void statistics(const double *y, size_t n, double *out)
{
    double m = 0, m2 = 0, m3 = 0;

    out[MIN] = INFINITY;
    out[MAX] = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        m += y[i] / (double)n;
        out[MIN] = fmin(out[MIN], y[i]);
        out[MAX] = fmax(out[MAX], y[i]);
    }
    for (size_t i = 0; i < n; i++) {
        m2 += (y[i] - m) * (y[i] - m) / (double)n;
        m3 += pow(y[i] - m, 3) / (double)n;
    }
    out[MEAN] = m;
    out[SD] = sqrt(m2);
    out[SKEW] = m2 > 0 ? m3 / pow(m2, 1.5) : 0;
}

static void compare(bm_predictive *pp, double *rep, const double *observed)
{
    static const double prob[] = { 0.025, 0.5, 0.975 };

    for (size_t k = 0; k < NSTAT; k++) {
        bm_predictive_stat *t = &pp->stat[pp->nstat++];
        double             *v = rep + k * pp->nsim, q[3];
        size_t              above = 0;

        for (size_t r = 0; r < pp->nsim; r++) above += v[r] >= observed[k];
        bm_quantiles(v, pp->nsim, prob, 3, q);
        *t = (bm_predictive_stat){ names[k], observed[k], q[0], q[1], q[2], (double)above / (double)pp->nsim };
    }
}

/* ---- replications ---- */

typedef struct { const bm_saved *s; const bm_model *m; size_t effects; bm_rng rng; double *value, *u; } source;

/* Data from one draw: with its own group effects where they were kept, else with new ones. */
static bm_status replicate(source *src, size_t draw, double *y, bm_error *err)
{
    const bm_model  *m = src->m;
    const bm_design *d = m->design;
    const bm_draws  *dr = src->s->draws;
    size_t           n = dr->nchain * dr->niter, nmon = m->monitored.n;

    for (size_t v = 1; v < nmon; v++) src->value[v - 1] = dr->x[v * n + draw];
    if (src->effects == SIZE_MAX) return bm_simulate_response(m, src->value, &src->rng, y, src->u, err);
    for (size_t i = 0; i < count_effects(d); i++) src->u[i] = dr->x[(src->effects + i) * n + draw];
    linear_predictor(m, src->value, src->u, y);
    double sigma = m->priors->has_sigma ? src->value[nmon - 2] : 1;
    for (size_t i = 0; i < d->n; i++) y[i] += sigma / sqrt(d->w ? d->w[i] : 1) * bm_rng_normal(&src->rng);
    return BM_OK;
}

bm_status bm_saved_predictive(const bm_saved *s, const bm_model *m, bm_predictive *pp, bm_error *err)
{
    size_t    n = m->design->n, ndraw = s->draws->nchain * s->draws->niter, sim = (size_t)(BUDGET / (double)(n ? n : 1));
    source    src = { .s = s, .m = m, .effects = first_effect(s, m) };
    double   *rep = NULL, *y = NULL, observed[NSTAT], stat[NSTAT];
    bm_status st = BM_ENOMEM;

    pp->nsim = sim > MOST ? MOST : sim < LEAST ? LEAST : sim;
    if (pp->nsim > ndraw) pp->nsim = ndraw;
    pp->nrep = pp->nsim < SHOWN ? pp->nsim : SHOWN;
    pp->new_groups = src.effects == SIZE_MAX;
    pp->y = bm_alloc(pp->nrep * n, sizeof *pp->y);
    src.value = bm_alloc(m->monitored.n, sizeof *src.value);
    src.u = bm_alloc(count_effects(m->design), sizeof *src.u);
    rep = bm_alloc(NSTAT * pp->nsim, sizeof *rep);
    y = bm_alloc(n, sizeof *y);
    if (!pp->y || !src.value || !src.u || !rep || !y) {
        bm_nomem(err);
        goto done;
    }
    bm_rng_key(&src.rng, m->spec->fit.seed, 0x7265706c, 1);          /* a stream of its own: the page is the same each time */
    st = BM_OK;
    for (size_t r = 0; r < pp->nsim && st == BM_OK; r++) {
        double *to = r < pp->nrep ? pp->y + r * n : y;

        if ((st = replicate(&src, r * ndraw / pp->nsim, to, err)) != BM_OK) break;
        statistics(to, n, stat);
        for (size_t k = 0; k < NSTAT; k++) rep[k * pp->nsim + r] = stat[k];
    }
    if (st == BM_OK) {
        statistics(m->design->y, n, observed);
        compare(pp, rep, observed);
    }
done:
    free(src.value);
    free(src.u);
    free(rep);
    free(y);
    return st;
}
