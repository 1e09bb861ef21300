/* prior_resolve.c: every parameter gets the prior of the most specific target that the user set, or a default scaled to the data.
 *
 * Defaults are weak and scaled as rstanarm's: 2.5 sd(y) / sd(x) (Gelman, Hill & Vehtari 2020, Regression and Other Stories, sec. 9.5). They are
 * rounded to 6 digits before they are used, so that what is printed is what was used. */
#include "model/prior_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bm_priors       *p;
    const bm_design *d;
    bm_prior        *user;
    size_t           nuser;
    bm_targets       t;
    size_t           caplines;
    bm_error        *err;
} resolver;

/* ---- defaults ---- */

static double round_to(double x, int digits)
{
    char s[40];

    snprintf(s, sizeof s, "%.*e", digits - 1, x);
    return strtod(s, NULL);                          /* of the same locale as snprintf */
}

/* 2.5 sd(y) / sx, in bounds that distributions can work with. */
static double default_scale(const bm_design *d, double sx)
{
    double sy = d->ysd > 0 && isfinite(d->ysd) ? d->ysd : 1, s = 2.5 * sy / (sx > 0 && isfinite(sx) ? sx : 1);

    return round_to(fmin(fmax(s, 1e-100), 1e100), 6);
}

/* m to 6 digits of itself and of s, whichever is finer. */
static double default_mean(double m, double s)
{
    int digits = 6;

    if (!isfinite(m)) return 0;
    if (m != 0) digits += (int)floor(log10(fabs(m))) - (int)floor(log10(s));
    return round_to(m, digits < 6 ? 6 : digits > 17 ? 17 : digits);
}

/* The unit of column k: its sd, or where it is constant its size. */
static double column_unit(const bm_design *d, size_t k)
{
    double sd = d->xsd[k], m = fabs(d->xmean[k]);

    if (sd > 1e-14 * m) return sd;
    return m > 0 ? m : 1;
}

static bm_dist half_cauchy(double s)
{
    bm_dist d = { .kind = BM_DIST_HALF_CAUCHY, .a = { 0, s } };

    d.norm = bm_dist_sd_norm(&d);
    d.has_norm = true;
    return d;
}

static bm_dist normal(double m, double s)
{
    return (bm_dist){ .kind = BM_DIST_NORMAL, .a = { m, s } };
}

/* ---- lines ---- */

/* target is taken over. who: the user's prior, NULL for a default. */
static bm_status add_line(resolver *r, bm_buf *target, const bm_dist *dist, const bm_prior *who)
{
    bm_prior_line *line = bm_grow(r->p->line, &r->caplines, r->p->nline + 1, sizeof *line);
    bm_buf         text = { 0 };

    bm_dist_print(&text, dist);
    if (line) r->p->line = line;
    if (!line || target->failed || text.failed) {
        bm_buf_free(target);
        bm_buf_free(&text);
        return bm_nomem(r->err);
    }
    line[r->p->nline++] = (bm_prior_line){ target->s, text.s, bm_strdup(who ? who->target : "default") };
    *target = (bm_buf){ 0 };
    return line[r->p->nline - 1].origin ? BM_OK : bm_nomem(r->err);
}

/* ---- parameters ---- */

/* The first of the targets, most specific first, that the user set; NULL: none. */
static const bm_prior *first_set(const resolver *r, const long *const *slots, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (*slots[i] >= 0) return &r->user[*slots[i]];
    return NULL;
}
#define FIRST_SET(r, ...) first_set(r, (const long *const[]){ __VA_ARGS__ }, sizeof((const long *const[]){ __VA_ARGS__ }) / sizeof(long *))

/* Intercept ~ constant(x) fixes a combination of coefficients, unless the intercept is alone. */
static bm_status fix_centred(resolver *r, const bm_prior *who)
{
    const bm_design *d = r->d;

    if (d->p > 1)
        return bm_prior_fail(r->err, who->text, who->target_at, "Intercept is the intercept at the mean of the predictors, which constant cannot fix; fix b_Intercept, or "
                                                                "subtract the value from the response");
    r->p->centred = false;
    return BM_OK;
}

static bm_status resolve_intercept(resolver *r)
{
    bm_priors       *p = r->p;
    const bm_design *d = r->d;
    const bm_targets *t = &r->t;
    size_t           k = (size_t)d->intercept;
    const bm_prior  *who;
    bm_buf           name = { 0 };
    bm_status        st = BM_OK;

    if (t->coef[k] >= 0 && *t->intercept >= 0) {
        who = &r->user[*t->intercept > t->coef[k] ? *t->intercept : t->coef[k]];
        return bm_prior_fail(r->err, who->text, who->target_at,
                             "there are priors on both Intercept (at the mean of the predictors) and b_Intercept (where they are 0): keep one");
    }
    who = FIRST_SET(r, &t->coef[k], t->intercept, t->b);
    p->centred = *t->intercept >= 0 || !who;
    if (p->centred) {
        double s = default_scale(d, 1);

        p->intercept = who ? who->dist : normal(default_mean(d->ymean, s), s);
        p->b[k] = p->intercept;
        if (who && who->dist.kind == BM_DIST_CONSTANT) st = fix_centred(r, who);
    } else {
        p->b[k] = who->dist;
    }
    if (st != BM_OK) return st;
    bm_buf_puts(&name, p->centred ? "Intercept" : d->bnames[k]);
    return add_line(r, &name, p->centred ? &p->intercept : &p->b[k], who);
}

static bm_status resolve_coefficients(resolver *r)
{
    const bm_design *d = r->d;
    bm_status        st = BM_OK;

    for (size_t k = 0; k < d->p && st == BM_OK; k++) {
        const bm_prior *who = FIRST_SET(r, &r->t.coef[k], r->t.b);
        bm_buf          name = { 0 };

        r->p->xbar[k] = (int)k == d->intercept ? 0 : d->xmean[k];
        if ((int)k == d->intercept) {
            st = resolve_intercept(r);
            continue;
        }
        r->p->b[k] = who ? who->dist : normal(0, default_scale(d, column_unit(d, k)));
        bm_buf_puts(&name, d->bnames[k]);
        st = add_line(r, &name, &r->p->b[k], who);
    }
    return st;
}

static bm_status resolve_sds(resolver *r, size_t k, size_t term0)
{
    const bm_group *g = &r->d->fac[k];
    bm_status       st = BM_OK;

    for (size_t i = 0; i < g->q && st == BM_OK; i++) {
        const bm_prior *who = FIRST_SET(r, &r->t.sd_term[term0 + i], &r->t.sd_group[k], r->t.sd);
        bm_buf          name = { 0 };

        r->p->sd[k][i] = who ? who->dist : half_cauchy(default_scale(r->d, g->zsd[i]));
        bm_sd_name(&name, g, i);
        st = add_line(r, &name, &r->p->sd[k][i], who);
    }
    return st;
}

/* The blocks of a group share their prior: no target tells them apart. */
static bm_status resolve_cor(resolver *r, size_t k)
{
    const bm_group *g = &r->d->fac[k];
    const bm_prior *who = FIRST_SET(r, &r->t.cor_group[k], r->t.cor);
    bm_dist         lkj = { .kind = BM_DIST_LKJ, .a = { 1 } };
    bm_buf          name = { 0 };
    bool            any = false;

    for (size_t b = 0; b < g->nblock; b++) {
        r->p->cor[k][b] = who ? who->dist : lkj;
        any |= g->block[b].size > 1;
    }
    if (!any) return BM_OK;
    bm_buf_printf(&name, "cor(%s)", g->name);
    return add_line(r, &name, who ? &who->dist : &lkj, who);
}

static bm_status resolve_cov(resolver *r, size_t k, size_t term0)
{
    const bm_group *g = &r->d->fac[k];
    const bm_prior *who = &r->user[r->t.cov[k]], *other = FIRST_SET(r, &r->t.cor_group[k], &r->t.sd_group[k]);
    bm_buf          name = { 0 };

    for (size_t i = 0; i < g->q && !other; i++) other = FIRST_SET(r, &r->t.sd_term[term0 + i]);
    if (other)
        return bm_prior_fail(r->err, other->text, other->target_at, "cov(%.80s) is the prior of the group's sds and correlations together: drop it, or the one on '%.80s'",
                             g->name, other->target);
    for (size_t b = 0; b < g->nblock; b++) {
        size_t   n = who->dist.nscale * who->dist.nscale;
        bm_dist *to = &r->p->cor[k][b];

        *to = who->dist;
        if (!(to->scale = bm_alloc(n, sizeof *to->scale))) return bm_nomem(r->err);
        memcpy(to->scale, who->dist.scale, n * sizeof *to->scale);
    }
    bm_buf_printf(&name, "cov(%s)", g->name);
    return add_line(r, &name, &who->dist, who);
}

static bm_status resolve_groups(resolver *r)
{
    size_t    term0 = 0;
    bm_status st = BM_OK;

    for (size_t k = 0; k < r->d->nfac && st == BM_OK; term0 += r->d->fac[k].q, k++) {
        if (r->t.cov[k] >= 0) {
            st = resolve_cov(r, k, term0);
            continue;
        }
        if ((st = resolve_sds(r, k, term0)) == BM_OK) st = resolve_cor(r, k);
    }
    return st;
}

static bm_status resolve_sigma(resolver *r)
{
    const bm_prior *who = FIRST_SET(r, r->t.sigma);
    bm_buf          name = { 0 };

    r->p->has_sigma = !r->d->known_se;
    if (r->d->known_se) return BM_OK;
    r->p->sigma = who ? who->dist : half_cauchy(default_scale(r->d, 1));
    bm_buf_puts(&name, "sigma");
    return add_line(r, &name, &r->p->sigma, who);
}

/* ---- the whole ---- */

static bm_status allocate(bm_priors *p, const bm_design *d)
{
    p->p = d->p;
    p->b = bm_alloc(d->p, sizeof *p->b);
    p->xbar = bm_alloc(d->p, sizeof *p->xbar);
    p->sd = bm_alloc(d->nfac, sizeof *p->sd);
    p->cor = bm_alloc(d->nfac, sizeof *p->cor);
    if (!p->b || !p->xbar || !p->sd || !p->cor) return BM_ENOMEM;
    p->nfac = d->nfac;
    p->nblock = bm_alloc(d->nfac, sizeof *p->nblock);
    p->q = bm_alloc(d->nfac, sizeof *p->q);
    if (!p->nblock || !p->q) return BM_ENOMEM;
    for (size_t k = 0; k < d->nfac; k++) {
        p->q[k] = d->fac[k].q;
        p->sd[k] = bm_alloc(d->fac[k].q, sizeof **p->sd);
        p->cor[k] = bm_alloc(d->fac[k].nblock, sizeof **p->cor);
        if (!p->sd[k] || !p->cor[k]) return BM_ENOMEM;
        p->nblock[k] = d->fac[k].nblock;
    }
    return BM_OK;
}

static bm_status parse_all(resolver *r, const bm_strv *texts)
{
    bm_status st = BM_OK;

    if (!(r->user = bm_alloc(texts->n, sizeof *r->user))) return bm_nomem(r->err);
    for (; r->nuser < texts->n && st == BM_OK; r->nuser++) st = bm_prior_parse(&r->user[r->nuser], texts->v[r->nuser], r->err);
    return st;
}

bm_status bm_priors_new(bm_priors **out, const bm_spec *s, const bm_design *d, bm_error *err)
{
    bm_priors *p = bm_alloc(1, sizeof *p);
    resolver   r = { .p = p, .d = d, .err = err };
    bm_status  st = BM_ENOMEM;

    *out = NULL;
    if (!p || allocate(p, d) != BM_OK) {
        bm_nomem(err);
        goto done;
    }
    if ((st = parse_all(&r, &s->priors)) != BM_OK) goto done;
    if ((st = bm_targets_new(&r.t, d, err)) != BM_OK) goto done;
    if ((st = bm_targets_assign(&r.t, d, r.user, r.nuser, err)) != BM_OK) goto done;
    if ((st = resolve_coefficients(&r)) != BM_OK) goto done;
    if ((st = resolve_groups(&r)) != BM_OK) goto done;
    if ((st = resolve_sigma(&r)) != BM_OK) goto done;
    *out = p;
    p = NULL;
done:
    for (size_t i = 0; i < r.nuser; i++) bm_prior_clear(&r.user[i]);
    free(r.user);
    bm_targets_clear(&r.t);
    bm_priors_free(p);
    return st;
}

void bm_priors_free(bm_priors *p)
{
    if (!p) return;
    for (size_t k = 0; k < p->nfac; k++) {
        for (size_t b = 0; p->cor[k] && p->nblock && b < p->nblock[k]; b++) free(p->cor[k][b].scale);
        free(p->sd[k]);
        free(p->cor[k]);
    }
    for (size_t i = 0; i < p->nline; i++) {
        free(p->line[i].target);
        free(p->line[i].dist);
        free(p->line[i].origin);
    }
    free(p->line);
    free(p->b);
    free(p->xbar);
    free(p->sd);
    free(p->cor);
    free(p->nblock);
    free(p->q);
    free(p);
}
