/* compare_rows.c: parameters and shares of variance, REML beside posterior. */
#include "api/compare_priv.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double wald_z(void)
{
    return gsl_cdf_ugaussian_Qinv(0.025);
}

/* ---- REML's side ---- */

static const bm_interval *find_interval(const bm_reml *r, const char *kind, size_t group, size_t a, size_t b)
{
    for (size_t i = 0; i < r->ninterval; i++) {
        const bm_interval *v = &r->interval[i];

        if (strcmp(v->kind, kind) == 0 && v->group == group && v->a == a && v->b == b) return v;
    }
    return NULL;
}

static void set_profile(bm_compare_row *r, const bm_interval *v)
{
    if (!v) return;
    r->lower = v->lower;
    r->upper = v->upper;
    r->interval = "profile";
}

static void set_wald(bm_compare_row *r)
{
    double z = wald_z(), e = r->kind == BM_PARAM_COR ? r->se / (1 - r->reml * r->reml) : r->se / r->reml;

    r->lower = r->upper = NAN;
    r->interval = NULL;
    if (!isfinite(r->se)) return;
    if (r->kind == BM_PARAM_B) {
        r->lower = r->reml - z * r->se;
        r->upper = r->reml + z * r->se;
        r->interval = "wald";
    } else if (r->kind == BM_PARAM_COR) {
        r->lower = tanh(atanh(r->reml) - z * e);
        r->upper = tanh(atanh(r->reml) + z * e);
        r->interval = "wald (atanh scale)";
    } else {
        r->lower = r->reml * exp(-z * e);
        r->upper = r->reml * exp(z * e);
        r->interval = "wald (log scale)";
    }
}

/* ---- the posterior's side ---- */

static bm_status posterior(const bm_compare *c, bm_compare_row *r, size_t variable, bm_error *err)
{
    const bm_draws       *d = c->fit->draws;
    const bm_summary_row *s = &c->fit->summary[variable];
    bool                  rb = isfinite(s->rb_mean) && isfinite(s->rb_sd);
    size_t                n = d->nchain * d->niter;

    r->name = s->name;
    r->mean = rb ? s->rb_mean : s->mean;
    r->sd = rb ? s->rb_sd : s->sd;
    r->median = s->median;
    r->q2_5 = s->q2_5;
    r->q97_5 = s->q97_5;
    r->mcse = s->mcse_mean;
    return bm_density_mode(&r->mode, d->x + variable * n, n, r->kind == BM_PARAM_B ? -INFINITY : r->kind == BM_PARAM_COR ? -1 : 0,
                           r->kind == BM_PARAM_COR ? 1 : INFINITY, err);
}

/* ---- without its prior ---- */

static bool has_prior(const bm_priors *p, const bm_design *d, size_t k)
{
    return (p->centred && (int)k == d->intercept ? p->intercept.kind : p->b[k].kind) != BM_DIST_FLAT;
}

/* Coefficients: all of their priors at once, as they are correlated. */
static void coefficient_without_prior(const bm_compare *c, bm_compare_row *r, size_t k)
{
    const bm_model *m = c->model;
    bool            any = false;

    for (size_t i = 0; i < m->stats->p; i++) any |= has_prior(m->priors, m->design, i);
    r->flat = !any ? BM_FLAT_NONE : isfinite(c->flat_b[k]) ? BM_FLAT_EXACT : BM_FLAT_REFUSED;
    r->flat_mean = any ? c->flat_b[k] : r->mean;
    r->flat_ess = r->flat_k = NAN;
}

static bm_status theta_without_prior(const bm_compare *c, bm_compare_row *r, size_t v, double *log_w, bm_error *err)
{
    const bm_theta *th = &c->model->post->th;
    bm_theta_draws  d = bm_compare_theta(c);
    bm_prior_part   part = bm_prior_of(th, v);
    bm_weighted     w;

    r->flat_mean = r->mean;
    r->flat_ess = r->flat_k = NAN;
    r->flat = BM_FLAT_NONE;
    if (part == BM_PRIOR_NONE || part == BM_PRIOR_CONSTANT) return BM_OK;
    bm_prior_weights(th, &d, v, log_w);
    if (bm_weighted_moments(&w, d.x + v * d.stride, log_w, d.n, err) != BM_OK) return BM_ENOMEM;
    r->flat = isfinite(w.mean) && !bm_weights_degenerate(w.k, w.top) ? BM_FLAT_WEIGHTS : BM_FLAT_REFUSED;
    r->flat_mean = r->flat == BM_FLAT_WEIGHTS ? w.mean : NAN;
    r->flat_ess = w.ess;
    r->flat_k = w.k;
    return BM_OK;
}

/* ---- rows ---- */

static void finish(const bm_compare *c, bm_compare_row *r)
{
    r->diff = r->sd > 0 ? (r->mean - r->reml) / r->sd : NAN;
    r->ratio = r->upper > r->lower && isfinite(r->upper - r->lower) ? (r->q97_5 - r->q2_5) / (r->upper - r->lower) : NAN;
    r->differs = fabs(r->diff) > c->opt.differ || (r->boundary && r->sd > 0);
    r->prior_shift = r->sd > 0 ? (r->mean - r->flat_mean) / r->sd : NAN;
}

static bm_status add_theta(bm_compare *c, bm_compare_row r, double reml, size_t v, const bm_interval *profile, double *log_w, bm_error *err)
{
    bm_status st;

    r.reml = reml;
    r.se = c->natural_se[v];
    r.boundary = r.kind == BM_PARAM_COR ? !(fabs(reml) < 1 - 1e-8) : !(reml > 0);
    if (r.kind == BM_PARAM_COR && isnan(reml)) profile = NULL;
    if ((st = posterior(c, &r, 1 + c->model->stats->p + v, err)) != BM_OK) return st;
    set_wald(&r);
    set_profile(&r, profile);
    if ((st = theta_without_prior(c, &r, v, log_w, err)) != BM_OK) return st;
    finish(c, &r);
    c->view.row[c->view.nrow++] = r;
    return BM_OK;
}

static bm_status add_coefficient(bm_compare *c, size_t k, bm_error *err)
{
    bm_compare_row r = { .kind = BM_PARAM_B, .reml = c->reml->b[k], .se = c->reml->se[k] };

    if (posterior(c, &r, 1 + k, err) != BM_OK) return BM_ENOMEM;
    set_wald(&r);
    if (c->opt.ci == BM_COMPARE_CI_PROFILE) set_profile(&r, find_interval(c->reml, "b", 0, k, 0));
    coefficient_without_prior(c, &r, k);
    finish(c, &r);
    c->view.row[c->view.nrow++] = r;
    return BM_OK;
}

/* sds and correlations of factor k; sd and cor: where its first ones are among the natural parameters. */
static bm_status add_factor(bm_compare *c, size_t k, size_t sd, size_t *cor, double *log_w, bm_error *err)
{
    const bm_group      *g = &c->model->design->fac[k];
    const bm_reml_group *rg = &c->reml->group[k];
    bm_status            st = BM_OK;

    for (size_t i = 0; i < g->q && st == BM_OK; i++)
        st = add_theta(c, (bm_compare_row){ .kind = BM_PARAM_SD, .factor = k }, rg->sd[i], sd + i, find_interval(c->reml, "sd", k, i, 0), log_w, err);
    for (size_t b = 0; b < g->nblock; b++)
        for (size_t i = g->block[b].first + 1; i < g->block[b].first + g->block[b].size; i++)
            for (size_t j = g->block[b].first; j < i && st == BM_OK; j++)
                st = add_theta(c, (bm_compare_row){ .kind = BM_PARAM_COR, .factor = k }, rg->cor[i + j * g->q], (*cor)++, find_interval(c->reml, "cor", k, j, i), log_w,
                               err);
    return st;
}

static bm_status add_parameters(bm_compare *c, double *log_w, bm_error *err)
{
    const bm_design *d = c->model->design;
    const bm_theta  *th = &c->model->post->th;
    size_t           sd = 0, cor = th->nsd;
    bm_status        st = BM_OK;

    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) {
        st = add_factor(c, k, sd, &cor, log_w, err);
        sd += d->fac[k].q;
    }
    for (size_t k = 0; k < d->p && st == BM_OK; k++) st = add_coefficient(c, k, err);
    if (st == BM_OK && th->has_sigma)
        st = add_theta(c, (bm_compare_row){ .kind = BM_PARAM_SIGMA }, c->reml->sigma, th->nsd + th->ncor, find_interval(c->reml, "sigma", 0, 0, 0), log_w, err);
    return st;
}

/* ---- shares of variance ---- */

/* Mean over the rows of z'G z: the variance that the factor's effects give a row. */
static double group_variance(const bm_group *g, size_t n, const double *G)
{
    double total = 0;

    for (size_t a = 0; a < g->q; a++)
        for (size_t b = 0; b < g->q; b++) total += G[a + b * g->q] * (g->Z ? bm_dot(n, g->Z + a * n, g->Z + b * n) / (double)n : g->zz[a + b * g->q]);
    return total;
}

static bm_status add_shares(bm_compare *c, bm_error *err)
{
    const bm_design *d = c->model->design;
    double           total;
    double          *part;

    if (!d->nfac) return BM_OK;
    c->view.share = bm_alloc(c->fit->nderived, sizeof *c->view.share);
    part = bm_alloc(d->nfac + 1, sizeof *part);
    if (!c->view.share || !part) {
        free(part);
        return bm_nomem(err);
    }
    part[d->nfac] = total = d->mean_variance * c->reml->sigma * c->reml->sigma;
    for (size_t k = 0; k < d->nfac; k++) total += part[k] = group_variance(&d->fac[k], d->n, c->reml->group[k].G);
    for (size_t k = 0; k < c->fit->nderived && k <= d->nfac; k++) {      /* derived: one per factor, then the residual's */
        const bm_derived_row *r = &c->fit->derived[k];

        c->view.share[c->view.nshare++] = (bm_compare_share){ .name = r->name, .meaning = r->meaning, .reml = part[k] / total, .mean = r->mean, .sd = r->sd,
            .q2_5 = r->q2_5, .q50 = r->q50, .q97_5 = r->q97_5, .diff = r->sd > 0 ? (r->mean - part[k] / total) / r->sd : NAN };
    }
    free(part);
    return BM_OK;
}

bm_status bm_compare_rows(bm_compare *c, bm_error *err)
{
    double   *log_w = bm_alloc(c->fit->draws->nchain * c->fit->draws->niter, sizeof *log_w);
    bm_status st = BM_OK;

    c->view.row = bm_alloc(c->fit->nmonitored, sizeof *c->view.row);
    if (!log_w || !c->view.row) st = bm_nomem(err);
    if (st == BM_OK) st = add_parameters(c, log_w, err);
    if (st == BM_OK) st = add_shares(c, err);
    free(log_w);
    return st;
}
