/* reml_profile.c: profile-likelihood intervals of standard deviations, correlations, sigma and coefficients, of the ML deviance as in lme4's
 * confint(method = "profile") (Bates et al. 2015, JSS 67(1), sec. 5.1).
 *
 * Covariance parameters. In a block whose effects are put in an order that begins with the ones in question, the lower Cholesky factor
 * has the first sd as its first entry; of the second effect the entries are (rho s, sqrt(1 - rho^2) s). So an sd or a correlation is
 * held fixed by holding or tying entries, and the others move freely, across the boundary too. They are searched in coordinates in which
 * the second derivatives at the estimate are the identity.
 *
 * Coefficients: with b_k known its column goes to the response (reml_fix.c) and the model is fitted anew. */
#include "fit/reml_priv.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EFFECTS = 32 };                           /* per block, as many as the marginal takes */

typedef enum { SIGMA, SD, COR } target_kind;

typedef struct {
    bm_criterion_at *c;
    target_kind      kind;
    size_t           n, nfree;            /* entries of all blocks and log sigma; coordinates that move */
    size_t          *index, *free;        /* n: where each entry is in L; nfree: entries that move */
    size_t           held;                /* SIGMA, SD: the entry held; COR: entry (1, 1), which stands for the second sd */
    size_t           tied;                /* COR: entry (1, 0) */
    double          *v, *scale, *g;       /* n: the estimate, the size of a unit, scratch */
    double          *z, *C;               /* nfree: the last minimum, for the next; nfree x nfree */
    double          *full, *L;            /* n; nL: scratch */
    double           value, minimum;
} profile;

static void profile_clear(profile *w)
{
    free(w->index);
    free(w->v);
    free(w->L);
}

static bm_status profile_allocate(profile *w, bm_criterion_at *c, bm_error *err)
{
    size_t m = c->rf->n + 1;

    *w = (profile){ .c = c, .n = m };
    w->index = bm_alloc(2 * m, sizeof *w->index);
    w->v = bm_alloc(m * m + 5 * m, sizeof *w->v);
    w->L = bm_alloc(c->rf->nL, sizeof *w->L);
    if (!w->index || !w->v || !w->L) return bm_nomem(err);
    w->free = w->index + m;
    w->scale = w->v + m;
    w->g = w->scale + m;
    w->z = w->g + m;
    w->full = w->z + m;
    w->C = w->full + m;
    return BM_OK;
}

/* ---- entries of L, the effects of a block in the order that the target asks for ---- */

/* What the data of one group can just see of effect i: a natural unit where its sd is zero. */
static double unit(const profile *w, const bm_relblock *b, size_t i)
{
    const bm_stats *st = w->c->st;
    double          rows = (double)st->n / (double)st->fac[b->fac].J;

    return b->size[i] > 0 ? w->c->m->sigma / (b->size[i] * sqrt(rows)) : 1;
}

/* Cholesky factor of the block's covariance with its effects in order perm, into the entries from `at` on; a pivot that vanishes leaves
 * zeros. */
static bm_status factor_block(profile *w, const bm_relblock *b, const double *L, const size_t *perm, size_t at, bm_error *err)
{
    size_t  s = b->s;
    double *C = bm_alloc(s * s + s, sizeof *C), *full = C + s * s;

    if (!C) return bm_nomem(err);
    for (size_t j = 0; j < s; j++)
        for (size_t i = j; i < s; i++)
            for (size_t k = 0; k < s; k++) C[i + j * s] += L[b->L + perm[i] + k * b->ld] * L[b->L + perm[j] + k * b->ld];
    for (size_t j = 0; j < s; j++) full[j] = C[j + j * s];
    for (size_t j = 0; j < s; j++) {
        double d = C[j + j * s] > 1e-13 * full[j] ? sqrt(C[j + j * s]) : 0;

        for (size_t i = j; i < s; i++) C[i + j * s] = d > 0 ? C[i + j * s] / d : 0;
        for (size_t k = j + 1; k < s; k++)
            for (size_t i = k; i < s; i++) C[i + k * s] -= C[i + j * s] * C[k + j * s];
        for (size_t i = j; i < s; i++, at++) {
            w->v[at] = C[i + j * s];
            w->scale[at] = sqrt(full[i]) + unit(w, b, perm[i]);
            w->index[at] = b->L + perm[i] + j * b->ld;
        }
    }
    free(C);
    return BM_OK;
}

/* All entries; the block of the target begins with effects a and (COR) second. */
static bm_status lay_out(profile *w, const double *L, const bm_relblock *target, size_t a, size_t second, bm_error *err)
{
    size_t    perm[MAX_EFFECTS], at = 0;
    bm_status st = BM_OK;

    for (size_t k = 0; k < w->c->rf->nblock && st == BM_OK; k++) {
        const bm_relblock *b = &w->c->rf->block[k];
        size_t             m = 0;

        if (b == target) {
            perm[m++] = a;
            if (w->kind == COR) perm[m++] = second;
            w->held = w->kind == COR ? at + b->s : at;
            w->tied = at + 1;
        }
        for (size_t i = 0; i < b->s; i++)
            if (b != target || (i != a && (w->kind != COR || i != second))) perm[m++] = i;
        st = factor_block(w, b, L, perm, at, err);
        at += b->s * (b->s + 1) / 2;
    }
    w->v[at] = log(w->c->m->sigma);
    w->scale[at] = 1;
    if (w->kind == SIGMA) w->held = at;
    if (w->kind == COR) {                            /* the second sd, with the sign of the entry that stays when rho does not vanish */
        double r = hypot(w->v[w->tied], w->v[w->held]);

        w->v[w->held] = r;
        w->scale[w->held] += r;
    }
    w->nfree = 0;
    for (size_t i = 0; i < w->n; i++) {
        bool still = w->kind == COR ? i == w->tied : i == w->held;

        if (!still && !(i == at && w->c->known_se)) w->free[w->nfree++] = i;
    }
    return st;
}

/* ---- the deviance with the target held ---- */

/* -2 log p at the entries full, and its derivatives with respect to them (held ones included). */
static bm_status at_entries(profile *w, const double *full, double *f, double *g)
{
    size_t    last = w->n - 1;
    double    rho = w->kind == COR ? w->value : 0, cosine = sqrt(fmax(0, 1 - rho * rho)), sigma = w->c->known_se ? 1 : exp(full[last]);
    bm_status st;

    memset(w->L, 0, w->c->rf->nL * sizeof *w->L);
    for (size_t i = 0; i < last; i++) w->L[w->index[i]] = full[i];
    if (w->kind == COR) {
        w->L[w->index[w->tied]] = rho * full[w->held];
        w->L[w->index[w->held]] = cosine * full[w->held];
    }
    w->c->evaluations++;
    bm_criterion_moved(w->c);
    if ((st = bm_marginal_eval(w->c->m, w->L, sigma)) != BM_OK) return st;
    *f = -2 * w->c->m->logp;
    if (!g) return BM_OK;
    if (bm_marginal_gradient(w->c->m) != BM_OK) return BM_ENOMEM;
    for (size_t i = 0; i < last; i++) g[i] = -2 * w->c->m->dL[w->index[i]];
    if (w->kind == COR) g[w->held] = cosine * g[w->held] + rho * g[w->tied];
    g[last] = -2 * w->c->m->dlog_sigma;
    return BM_OK;
}

static void hold(const profile *w, double *full)
{
    memcpy(full, w->v, w->n * sizeof *full);
    if (w->kind == SD) full[w->held] = w->value;
    if (w->kind == SIGMA) full[w->held] = log(w->value);
}

/* bm_objective in the free coordinates z: entries = estimate + scale C z. */
static bm_status objective(void *self, const double *z, double *f, double *g)
{
    profile  *w = self;
    size_t    m = w->nfree;
    bm_status st;

    hold(w, w->full);
    for (size_t k = 0; k < m; k++)
        for (size_t i = 0; i < m; i++) w->full[w->free[i]] += w->scale[w->free[i]] * w->C[i + k * m] * z[k];
    if ((st = at_entries(w, w->full, f, g ? w->g : NULL)) != BM_OK || !g) return st;
    for (size_t k = 0; k < m; k++) {
        g[k] = 0;
        for (size_t i = 0; i < m; i++) g[k] += w->g[w->free[i]] * w->scale[w->free[i]] * w->C[i + k * m];
    }
    return BM_OK;
}

/* C from the second derivatives at the estimate, by central differences; directions with little curvature are taken for what they are. */
static bm_status whiten(profile *w, bm_error *err)
{
    size_t       m = w->nfree, n = w->n;
    const double h = 1e-4;
    double      *H = bm_alloc(m * m + 2 * n + m, sizeof *H), *up = H + m * m, *values = up + 2 * n, f;
    bm_status    st = BM_OK;

    if (!H) return bm_nomem(err);
    hold(w, w->full);
    for (size_t k = 0; k < m && st == BM_OK; k++) {
        size_t e = w->free[k];
        double x0 = w->full[e];

        w->full[e] = x0 + h * w->scale[e];
        st = at_entries(w, w->full, &f, up);
        w->full[e] = x0 - h * w->scale[e];
        if (st == BM_OK) st = at_entries(w, w->full, &f, w->g);
        w->full[e] = x0;
        for (size_t i = 0; i < m; i++) H[i + k * m] = (up[w->free[i]] - w->g[w->free[i]]) * w->scale[w->free[i]] / (2 * h);
    }
    for (size_t j = 0; j < m; j++)
        for (size_t i = 0; i < j; i++) H[i + j * m] = H[j + i * m] = 0.5 * (H[i + j * m] + H[j + i * m]);
    if (st == BM_OK && m && bm_eigen(m, H, values) != BM_OK) st = BM_NOT_PD;
    for (size_t k = 0; k < m && st == BM_OK; k++) {
        double curvature = fmax(values[k], 1e-4 * fmax(values[m - 1], 1));

        for (size_t i = 0; i < m; i++) w->C[i + k * m] = H[i + k * m] * sqrt(2 / curvature);
    }
    free(H);
    return st;
}

/* ---- a bm_profile_fn: how much the deviance rises when the target is held at value ---- */

static bm_status rise_covariance(void *self, double value, double *rise, bm_error *err)
{
    profile            *w = self;
    bm_minimise_options opt = BM_MINIMISE_OPTIONS_INIT;
    bm_optimum          o;
    bm_status           st;

    opt.gtol = 1e-5;
    w->value = value;
    st = bm_minimise(objective, w, w->z, w->nfree, &opt, &o, err);
    if (st > 0) {                                    /* the last minimum is no start: from the estimate */
        memset(w->z, 0, w->nfree * sizeof *w->z);
        st = bm_minimise(objective, w, w->z, w->nfree, &opt, &o, err);
    }
    if (st > 0) return bm_fail(err, BM_ENUMERIC, "a profile of the likelihood left its domain");
    *rise = o.f - w->minimum;
    return st;
}

typedef struct { const bm_stats *st; const bm_design *d; double *x, *L; size_t k, n, nL; double minimum; } coefficient;   /* L: the last minimum, relative */

static bm_status rise_coefficient(void *self, double value, double *rise, bm_error *err)
{
    coefficient    *w = self;
    bm_criterion_at c = { 0 };
    bm_stats       *fixed = NULL;
    bm_reml_search  search;
    double          f;
    bm_status       st = bm_stats_fix_coefficient(&fixed, w->st, w->k, value, err);

    if (st == BM_OK) st = bm_criterion_new(&c, fixed, NULL, w->d, true, err);
    if (st == BM_OK) st = bm_reml_minimise(&c, w->x, w->L, 1, &search, err);
    if (st == BM_OK) st = bm_criterion_profiled(&c, w->x, &f, NULL);
    if (st > 0)
        st = bm_fail(err, BM_ENUMERIC, "the profile of '%s' left the domain of the likelihood", w->d->xnames[w->k]);
    if (st == BM_OK) {
        *rise = f - w->minimum;
        bm_relfac_L(c.rf, w->x, 1, w->L);
    }
    bm_criterion_clear(&c);
    bm_stats_free(fixed);
    return st;
}

/* ---- the intervals ---- */

typedef struct { bm_reml *r; bm_criterion_at c; double *x, *L, root, minimum, sigma; } whole;

/* Both ends of one target of the covariance parameters. */
static bm_status interval(whole *a, target_kind kind, const bm_relblock *b, size_t i, size_t j, bm_interval *out, bm_error *err)
{
    static const double limits[3][2] = { { 0, INFINITY }, { 0, INFINITY }, { -1, 1 } };
    profile   w;
    double    estimate, step;
    bm_status st = profile_allocate(&w, &a->c, err);

    w.kind = kind;
    w.minimum = a->minimum;
    bm_criterion_moved(&a->c);
    if (st == BM_OK) st = bm_marginal_eval(a->c.m, a->L, a->sigma);
    if (st == BM_OK) st = lay_out(&w, a->L, b, i, j, err);
    if (st != BM_OK) goto done;
    if (kind == SIGMA) {
        estimate = a->sigma;
        step = 0.5 * a->root * estimate / sqrt(2 * (double)a->c.st->n);
    } else if (kind == SD) {
        estimate = w.v[w.held];
        step = 0.3 * w.scale[w.held];
    } else {
        const double *row = a->L + b->L;
        double        gij = 0, gii = 0, gjj = 0;

        for (size_t k = 0; k < b->s; k++) {
            gij += row[i + k * b->ld] * row[j + k * b->ld];
            gii += row[i + k * b->ld] * row[i + k * b->ld];
            gjj += row[j + k * b->ld] * row[j + k * b->ld];
        }
        estimate = gii > 0 && gjj > 0 ? gij / sqrt(gii * gjj) : NAN;
        step = 0.2;
    }
    out->lower = limits[kind][0];
    out->upper = limits[kind][1];
    if (isnan(estimate)) goto done;                  /* a correlation with an effect that does not vary: anything goes */
    if (kind == COR) estimate = fmin(1, fmax(-1, estimate));
    w.value = estimate;
    if ((st = whiten(&w, err)) != BM_OK) goto done;
    if ((st = bm_profile_bound(rise_covariance, &w, estimate, -step, limits[kind][0], a->root, &out->lower, err)) != BM_OK) goto done;
    memset(w.z, 0, w.nfree * sizeof *w.z);
    st = bm_profile_bound(rise_covariance, &w, estimate, step, limits[kind][1], a->root, &out->upper, err);
done:
    if (st > 0) st = bm_fail(err, BM_ENUMERIC, "a profile of the likelihood cannot be computed at the estimate");
    profile_clear(&w);
    return st;
}

static bm_status covariance_intervals(whole *a, bm_error *err)
{
    bm_reml  *r = a->r;
    bm_status st = BM_OK;

    for (size_t k = 0; k < a->c.rf->nblock && st == BM_OK; k++) {
        const bm_relblock *b = &a->c.rf->block[k];

        for (size_t i = 0; i < b->s && st == BM_OK; i++) {
            bm_interval *out = &r->interval[r->ninterval++];

            *out = (bm_interval){ .kind = "sd", .group = b->fac, .a = b->first + i };
            st = interval(a, SD, b, i, 0, out, err);
        }
        for (size_t j = 0; j < b->s; j++)
            for (size_t i = j + 1; i < b->s && st == BM_OK; i++) {
                bm_interval *out = &r->interval[r->ninterval++];

                *out = (bm_interval){ .kind = "cor", .group = b->fac, .a = b->first + j, .b = b->first + i };
                st = interval(a, COR, b, j, i, out, err);
            }
    }
    if (st == BM_OK && !r->known_se) {
        bm_interval *out = &r->interval[r->ninterval++];

        *out = (bm_interval){ .kind = "sigma" };
        st = interval(a, SIGMA, NULL, 0, 0, out, err);
    }
    return st;
}

static bm_status coefficient_intervals(whole *a, const double *b, const double *se, const bm_design *d, bm_error *err)
{
    bm_reml    *r = a->r;
    coefficient w = { .st = a->c.st, .d = d, .n = a->c.rf->n, .nL = a->c.rf->nL, .minimum = a->minimum };
    bm_status   st = BM_OK;

    if (!(w.x = bm_alloc(w.n + w.nL, sizeof *w.x))) return bm_nomem(err);
    w.L = w.x + w.n;
    for (w.k = 0; w.k < r->p && st == BM_OK; w.k++) {
        bm_interval *out = &r->interval[r->ninterval];

        if (r->aliased[w.k]) continue;
        *out = (bm_interval){ .kind = "b", .a = w.k };
        bm_relfac_L(a->c.rf, a->x, 1, w.L);
        st = bm_profile_bound(rise_coefficient, &w, b[w.k], -0.8 * a->root * se[w.k], -INFINITY, a->root, &out->lower, err);
        bm_relfac_L(a->c.rf, a->x, 1, w.L);
        if (st == BM_OK) st = bm_profile_bound(rise_coefficient, &w, b[w.k], 0.8 * a->root * se[w.k], INFINITY, a->root, &out->upper, err);
        r->ninterval++;
    }
    free(w.x);
    return st;
}

bm_status bm_reml_profile(bm_reml *r, const bm_stats *st, const bm_design *d, double level, bm_error *err)
{
    whole          a = { .r = r, .root = sqrt(gsl_cdf_chisq_Pinv(level, 1)) };
    bm_reml_search search;
    size_t         most = r->p + 1;
    double        *b = bm_alloc(2 * r->p, sizeof *b);
    bm_status      status = b ? bm_criterion_new(&a.c, st, NULL, d, true, err) : bm_nomem(err);

    if (status != BM_OK) goto done;
    for (size_t k = 0; k < a.c.rf->nblock; k++) most += a.c.rf->block[k].s * (a.c.rf->block[k].s + 1) / 2;
    a.x = bm_alloc(a.c.rf->n, sizeof *a.x);
    a.L = bm_alloc(a.c.rf->nL, sizeof *a.L);
    r->interval = bm_alloc(most, sizeof *r->interval);
    if (!a.x || !a.L || !r->interval) {
        status = bm_nomem(err);
        goto done;
    }
    if ((status = bm_reml_minimise(&a.c, a.x, NULL, 0, &search, err)) != BM_OK) goto done;
    a.minimum = -2 * a.c.m->logp;
    a.sigma = a.c.m->sigma;
    bm_relfac_L(a.c.rf, a.x, a.sigma, a.L);
    bm_marginal_conditional(a.c.m, b, b + r->p, NULL, NULL);
    if ((status = covariance_intervals(&a, err)) != BM_OK) goto done;
    status = coefficient_intervals(&a, b, b + r->p, d, err);
done:
    if (status > 0) status = bm_fail(err, BM_ENUMERIC, "the profile of the likelihood left its domain");
    bm_criterion_clear(&a.c);
    free(a.x);
    free(a.L);
    free(b);
    return status;
}
