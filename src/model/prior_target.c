/* prior_target.c: the targets that a model has, and which prior of the user's is on which. */
#include "model/prior_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

static bool correlated(const bm_group *g)
{
    for (size_t b = 0; b < g->nblock; b++)
        if (g->block[b].size > 1) return true;
    return false;
}

/* What is in b becomes a target; b is emptied. */
static bm_status add(bm_targets *t, bm_buf *b, bm_prior_use use, long *slot, bm_error *err)
{
    if (b->failed) {
        bm_buf_free(b);
        return bm_nomem(err);
    }
    t->v[t->n++] = (bm_target){ b->s, use, slot };
    *b = (bm_buf){ 0 };
    return BM_OK;
}

static bm_status add_text(bm_targets *t, const char *text, bm_prior_use use, long *slot, bm_error *err)
{
    bm_buf b = { 0 };

    bm_buf_puts(&b, text);
    return add(t, &b, use, slot, err);
}

static bm_status add_group(bm_targets *t, const bm_design *d, size_t k, long *term, bm_error *err)
{
    const bm_group *g = &d->fac[k];
    bm_buf          b = { 0 };
    bm_status       st;

    bm_buf_printf(&b, "sd(%s)", g->name);
    if ((st = add(t, &b, BM_FOR_SD, &t->sd_group[k], err)) != BM_OK) return st;
    for (size_t i = 0; i < g->q; i++) {
        bm_sd_name(&b, g, i);
        if ((st = add(t, &b, BM_FOR_SD, &term[i], err)) != BM_OK) return st;
    }
    if (correlated(g)) {
        bm_buf_printf(&b, "cor(%s)", g->name);
        if ((st = add(t, &b, BM_FOR_COR, &t->cor_group[k], err)) != BM_OK) return st;
    }
    bm_buf_printf(&b, "cov(%s)", g->name);
    return add(t, &b, BM_FOR_COV, &t->cov[k], err);
}

static bm_status add_all(bm_targets *t, const bm_design *d, bm_error *err)
{
    long     *term = t->sd_term;
    bool      any_cor = false;
    bm_status st = BM_OK;

    if (d->p) st = add_text(t, "b", BM_FOR_COEF, t->b, err);
    for (size_t k = 0; k < d->p && st == BM_OK; k++) st = add_text(t, d->bnames[k], BM_FOR_COEF, &t->coef[k], err);
    if (st == BM_OK && d->intercept >= 0) st = add_text(t, "Intercept", BM_FOR_COEF, t->intercept, err);
    for (size_t k = 0; k < d->nfac; k++) any_cor |= correlated(&d->fac[k]);
    if (st == BM_OK && d->nfac) st = add_text(t, "sd", BM_FOR_SD, t->sd, err);
    if (st == BM_OK && any_cor) st = add_text(t, "cor", BM_FOR_COR, t->cor, err);
    for (size_t k = 0; k < d->nfac && st == BM_OK; term += d->fac[k].q, k++) st = add_group(t, d, k, term, err);
    if (st == BM_OK && !d->known_se) st = add_text(t, "sigma", BM_FOR_SIGMA, t->sigma, err);
    return st;
}

bm_status bm_targets_new(bm_targets *t, const bm_design *d, bm_error *err)
{
    size_t    q = 0, n;
    bm_status st;

    *t = (bm_targets){ 0 };
    for (size_t k = 0; k < d->nfac; k++) q += d->fac[k].q;
    n = 5 + d->p + 3 * d->nfac + q;                  /* every target has a slot of its own */
    t->slots = bm_alloc(n, sizeof *t->slots);
    t->v = bm_alloc(n, sizeof *t->v);
    if (!t->slots || !t->v) {
        bm_targets_clear(t);
        return bm_nomem(err);
    }
    for (size_t i = 0; i < n; i++) t->slots[i] = -1;
    t->b = t->slots;
    t->intercept = t->b + 1;
    t->sd = t->b + 2;
    t->cor = t->b + 3;
    t->sigma = t->b + 4;
    t->coef = t->b + 5;
    t->sd_group = t->coef + d->p;
    t->cor_group = t->sd_group + d->nfac;
    t->cov = t->cor_group + d->nfac;
    t->sd_term = t->cov + d->nfac;
    if ((st = add_all(t, d, err)) != BM_OK) bm_targets_clear(t);
    return st;
}

void bm_targets_clear(bm_targets *t)
{
    for (size_t i = 0; i < t->n; i++) free(t->v[i].text);
    free(t->v);
    free(t->slots);
    *t = (bm_targets){ 0 };
}

/* ---- finding ---- */

/* Equal but for blanks: names such as I(Days ^ 2) are written with and without. */
static bool same_target(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == ' ' || *a == '\t') a++;
        while (*b == ' ' || *b == '\t') b++;
        if (*a != *b) return false;
        if (!*a) return true;
    }
}

static const bm_target *find(const bm_targets *t, const char *text)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->v[i].text, text) == 0) return &t->v[i];
    for (size_t i = 0; i < t->n; i++)
        if (same_target(t->v[i].text, text)) return &t->v[i];
    return NULL;
}

static bool starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

/* Why there is no such target, where that can be told. */
static const char *reason(const bm_design *d, const char *target)
{
    size_t n = strlen(target);

    if (d->known_se && strcmp(target, "sigma") == 0) return "the residual standard deviations are known (se), so there is no sigma";
    if (d->intercept < 0 && (strcmp(target, "Intercept") == 0 || strcmp(target, "b_Intercept") == 0)) return "the model has no intercept";
    if (!d->p && (strcmp(target, "b") == 0 || starts(target, "b_"))) return "the model has no coefficients";
    if (starts(target, "r_")) return "group effects have no prior of their own; their standard deviations do (sd)";
    if (!d->nfac && (starts(target, "sd") || starts(target, "cor") || starts(target, "cov"))) return "the formula has no group effects such as (1 | g)";
    if (!starts(target, "cor")) return NULL;
    for (size_t k = 0; k < d->nfac; k++)
        if (correlated(&d->fac[k]) && (strcmp(target, "cor") == 0 || (n == strlen(d->fac[k].name) + 5 && strstr(target, d->fac[k].name)))) return NULL;
    if (strcmp(target, "cor") == 0) return "no group has correlated effects";
    for (size_t k = 0; k < d->nfac; k++)
        if (n == strlen(d->fac[k].name) + 5 && strstr(target, d->fac[k].name)) return "the effects of this group are not correlated";
    return NULL;
}

static bm_status no_target(const bm_targets *t, const bm_design *d, const bm_prior *p, bm_error *err)
{
    const char  *why = reason(d, p->target), *near;
    const char **names = bm_alloc(t->n, sizeof *names);
    bm_buf       list = { 0 };
    bm_status    st;

    if (!names) return bm_nomem(err);
    for (size_t i = 0; i < t->n; i++) names[i] = t->v[i].text;
    near = why ? NULL : bm_closest(p->target, names, t->n);
    for (size_t i = 0; i < t->n && !list.failed; i++) {
        if (i > 0 && list.n + strlen(names[i]) > 360) {
            bm_buf_printf(&list, ", ... (%zu in all)", t->n);
            break;
        }
        bm_buf_printf(&list, "%s%.200s", i ? ", " : "", names[i]);
    }
    st = bm_prior_fail(err, p->text, p->target_at, "there is no '%.80s' in this model%s%s%s%.80s%s can be set on %s", p->target, why ? ": " : "", why ? why : "",
                       near ? "; did you mean '" : "", near ? near : "", near ? "'? Priors" : "; priors", list.s ? list.s : "nothing");
    bm_buf_free(&list);
    free(names);
    return st;
}

/* ---- which distribution fits ---- */

static bool fits(bm_prior_use use, bm_dist_kind kind)
{
    switch (use) {
    case BM_FOR_COEF:
        return kind == BM_DIST_NORMAL || kind == BM_DIST_STUDENT_T || kind == BM_DIST_FLAT || kind == BM_DIST_CONSTANT;
    case BM_FOR_SD:
    case BM_FOR_SIGMA: return kind != BM_DIST_LKJ && kind != BM_DIST_INV_WISHART;
    case BM_FOR_COR: return kind == BM_DIST_LKJ;
    case BM_FOR_COV: return kind == BM_DIST_INV_WISHART;
    }
    return false;
}

static bm_status check_kind(const bm_prior *p, bm_prior_use use, bm_error *err)
{
    static const char *const takes[] = {
        [BM_FOR_COEF] = "a coefficient takes normal, student_t, cauchy, flat or constant",
        [BM_FOR_SD] = ("a standard deviation takes half_cauchy, half_normal, half_t, normal, student_t or cauchy (cut off at 0), exponential, gamma, lognormal, "
                       "uniform, inv_gamma, flat or constant"),
        [BM_FOR_COR] = "correlations take lkj(eta)",
        [BM_FOR_COV] = "a covariance matrix takes inv_wishart(df, scale)",
    };

    if (fits(use, p->dist.kind)) return BM_OK;
    return bm_prior_fail(err, p->text, p->dist_at, "%s", takes[use == BM_FOR_SIGMA ? BM_FOR_SD : use]);
}

/* What a positive parameter asks of a distribution; its constant is computed once. */
static bm_status check_positive(bm_prior *p, bm_prior_use use, bm_error *err)
{
    bm_dist *d = &p->dist;

    if (d->kind == BM_DIST_UNIFORM && d->a[0] < 0)
        return bm_prior_fail(err, p->text, p->dist_at, "a standard deviation is never negative: uniform(lower, upper) needs lower >= 0 here");
    if (d->kind == BM_DIST_CONSTANT && d->a[0] < 0) return bm_prior_fail(err, p->text, p->dist_at, "a standard deviation is never negative");
    if (d->kind == BM_DIST_CONSTANT && use == BM_FOR_SIGMA && d->a[0] == 0)
        return bm_prior_fail(err, p->text, p->dist_at, "sigma cannot be 0: there would be no residuals");
    d->norm = bm_dist_sd_norm(d);
    d->has_norm = true;
    if (!isfinite(d->norm)) return bm_prior_fail(err, p->text, p->dist_at, "next to nothing of this distribution is above 0, where a standard deviation must be");
    return BM_OK;
}

/* inv_wishart is on each block of effects of the group. */
static bm_status check_cov(const bm_prior *p, const bm_group *g, bm_error *err)
{
    for (size_t b = 0; b < g->nblock; b++) {
        size_t q = g->block[b].size;

        if (p->dist.nscale != 1 && p->dist.nscale != q)
            return bm_prior_fail(err, p->text, p->dist_at, "the scale has %zu numbers, but %s%zu correlated effect%s of '%.80s': give %zu, or one number for a multiple of the identity",
                                 p->dist.nscale, g->nblock > 1 ? "it is for each block and there is one of " : "there are ", q, q == 1 ? "" : "s", g->name, q);
        if (!(p->dist.a[0] > (double)q - 1))
            return bm_prior_fail(err, p->text, p->dist_at, "inv_wishart on %zu effects is proper only with more than %zu degrees of freedom; %zu makes correlations uniform", q, q - 1,
                                 q + 1);
    }
    return BM_OK;
}

bm_status bm_targets_assign(bm_targets *t, const bm_design *d, bm_prior *priors, size_t n, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t i = 0; i < n && st == BM_OK; i++) {
        const bm_target *target = find(t, priors[i].target);

        if (!target) return no_target(t, d, &priors[i], err);
        *target->slot = (long)i;
        st = check_kind(&priors[i], target->use, err);
        if (st == BM_OK && (target->use == BM_FOR_SD || target->use == BM_FOR_SIGMA)) st = check_positive(&priors[i], target->use, err);
        if (st == BM_OK && target->use == BM_FOR_COV) st = check_cov(&priors[i], &d->fac[target->slot - t->cov], err);
    }
    return st;
}
