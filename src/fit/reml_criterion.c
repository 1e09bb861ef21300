/* reml_criterion.c: the REML or ML criterion, its gradient and its second derivatives in the coordinates of relfac.h.
 *
 * At fixed x (that is at fixed T = L / sigma) -2 log p = const(x) + df log sigma^2 + Q(x) / sigma^2, df = n - rank (REML) or n (ML). So
 * the best sigma^2 is Q / df, and by the envelope theorem the gradient of the profiled criterion is the one at fixed sigma. */
#include "fit/reml_priv.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double PERFECT = 1e-7;

static bm_status allocate(bm_criterion_at *c)
{
    size_t n = c->rf->n, N = n + 1, nL = c->rf->nL;

    c->L = bm_alloc(nL, sizeof *c->L);
    c->at_L = bm_alloc(nL, sizeof *c->at_L);
    c->curved_L = bm_alloc(nL, sizeof *c->curved_L);
    c->curved_x = bm_alloc(n, sizeof *c->curved_x);
    c->H = bm_alloc(N * N, sizeof *c->H);
    c->dvar = bm_alloc(c->st->p * N, sizeof *c->dvar);
    return c->L && c->at_L && c->curved_L && c->curved_x && c->H && c->dvar ? BM_OK : BM_ENOMEM;
}

bm_status bm_criterion_new(bm_criterion_at *c, const bm_stats *st, const bm_packed *pk, const bm_design *d, bool ml, bm_error *err)
{
    double    df = (double)st->n - (double)st->rank;
    bm_status status;

    *c = (bm_criterion_at){ .st = st, .d = d, .known_se = d->known_se, .sigma0 = 1 };
    if (!d->known_se && df > 0 && st->yy > 0) c->sigma0 = sqrt(st->yy / df);
    if ((status = bm_relfac_new(&c->rf, st, d, err)) != BM_OK) goto fail;
    if (!pk && (status = bm_packed_new(&c->own_pk, st, err)) != BM_OK) goto fail;
    c->pk = pk ? pk : c->own_pk;
    c->costly = bm_packed_seconds(c->pk) > 2e-3;
    if ((status = bm_marginal_new(&c->m, st, c->pk, NULL, ml ? BM_ML : BM_REML, err)) != BM_OK) goto fail;
    if (allocate(c) == BM_OK) return BM_OK;
    status = bm_nomem(err);
fail:
    bm_criterion_clear(c);
    return status;
}

void bm_criterion_clear(bm_criterion_at *c)
{
    bm_marginal_free(c->m);
    bm_packed_free(c->own_pk);
    bm_relfac_free(c->rf);
    free(c->L);
    free(c->at_L);
    free(c->curved_L);
    free(c->curved_x);
    free(c->H);
    free(c->dvar);
    *c = (bm_criterion_at){ 0 };
}

static bm_status gradient(bm_criterion_at *c, double *g)
{
    if (!c->have_dL && bm_marginal_gradient(c->m) != BM_OK) return BM_ENOMEM;
    c->have_dL = true;
    bm_relfac_gradient(c->rf, c->m->dL, c->m->sigma, g);
    for (size_t i = 0; i < c->rf->n; i++) g[i] *= -2;
    return BM_OK;
}

bm_status bm_criterion_full(bm_criterion_at *c, const double *x, double sigma, double *f, double *g)
{
    bm_status st;

    bm_criterion_moved(c);
    c->evaluations++;
    bm_relfac_L(c->rf, x, sigma, c->L);
    if ((st = bm_marginal_eval(c->m, c->L, sigma)) != BM_OK) return st;
    *f = -2 * c->m->logp;
    return g ? gradient(c, g) : BM_OK;
}

/* Equal to rounding: a move to another basis of the same point does not count. */
static bool same(const double *x, const double *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(x[i] - y[i]) <= 4 * DBL_EPSILON * fabs(x[i]))) return false;
    return true;
}

bm_status bm_criterion_profiled(void *self, const double *x, double *f, double *g)
{
    bm_criterion_at *c = self;
    bm_status        st;

    bm_relfac_L(c->rf, x, c->sigma0, c->L);
    if (c->here && same(c->L, c->at_L, c->rf->nL)) {
        *f = -2 * c->m->logp;
        return g ? gradient(c, g) : BM_OK;
    }
    if ((st = bm_criterion_full(c, x, c->sigma0, f, NULL)) != BM_OK) return st;
    if (!c->known_se && (bm_marginal_profile_sigma(c->m) != BM_OK || c->m->sigma < PERFECT * c->sigma0)) {
        c->perfect = true;
        return BM_NOT_PD;
    }
    memcpy(c->at_L, c->L, c->rf->nL * sizeof *c->L);
    c->here = true;
    c->have_dL = false;
    *f = -2 * c->m->logp;
    return g ? gradient(c, g) : BM_OK;
}

/* ---- second derivatives ---- */

typedef struct { double *g, *var, Q; } derived;      /* at one point: gradient in x, variances of b, Q */

static bm_status at_point(bm_criterion_at *c, const double *x, double sigma, derived *out)
{
    double    f;
    bm_status st = bm_criterion_full(c, x, sigma, &f, out->g);

    if (st != BM_OK) return st;
    out->Q = c->m->Q;
    bm_marginal_conditional(c->m, NULL, out->var, NULL, NULL);
    for (size_t i = 0; i < c->st->p; i++) out->var[i] *= out->var[i];
    return BM_OK;
}

/* Column i of H and dvar by central differences: of fourth order with steps h and 2h, or where that costs too much of second order. */
static bm_status differences(bm_criterion_at *c, double *x, size_t i, double sigma, double *H, double *dvar, derived *at)
{
    static const double weight[4] = { 1, -8, 8, -1 }, step[4] = { -2, -1, 1, 2 }, two[4] = { 0, -6, 6, 0 };
    size_t    n = c->rf->n, N = n + 1, p = c->st->p;
    double    x0 = x[i], h = 2e-3 * fmax(1, fabs(x[i])), dQ = 0;
    bm_status st = BM_OK;

    for (size_t k = 0; k < 4 && st == BM_OK; k++) {
        double w = (c->costly ? two[k] : weight[k]) / (12 * h);

        if (w == 0) continue;
        x[i] = x0 + step[k] * h;
        if ((st = at_point(c, x, sigma, at)) != BM_OK) break;
        for (size_t j = 0; j < n; j++) H[j + i * N] += w * at->g[j];
        dQ += w * at->Q;
        for (size_t j = 0; j < p; j++) dvar[j + i * p] += w * at->var[j];
    }
    x[i] = x0;
    if (!c->known_se) H[n + i * N] = -2 * dQ / (sigma * sigma);
    return st;
}

/* H and dvar at x, where c->m is and comes back to. */
static bm_status curve(bm_criterion_at *c, const double *x, double *H, double *dvar, double *block)
{
    size_t    n = c->rf->n, N = n + 1, p = c->st->p;
    double   *y = block, sigma = c->m->sigma, f;
    derived   at = { .g = block + n, .var = block + 2 * n };
    bm_status st = BM_OK;

    memcpy(y, x, n * sizeof *y);
    memset(H, 0, N * N * sizeof *H);
    memset(dvar, 0, p * N * sizeof *dvar);
    if (!c->known_se) {
        bm_marginal_conditional(c->m, NULL, at.var, NULL, NULL);
        for (size_t j = 0; j < p; j++) dvar[j + n * p] = 2 * at.var[j] * at.var[j];
        H[n + n * N] = 4 * c->m->Q / (sigma * sigma);
    }
    for (size_t i = 0; i < n && st == BM_OK; i++) st = differences(c, y, i, sigma, H, dvar, &at);
    if (st != BM_OK) return st;
    for (size_t j = 0; j < n; j++) {
        for (size_t i = j + 1; i < n; i++) H[i + j * N] = H[j + i * N] = 0.5 * (H[i + j * N] + H[j + i * N]);
        H[j + n * N] = H[n + j * N];
    }
    return bm_criterion_profiled(c, y, &f, NULL);
}

/* The same; the gradient at x, where it was known, is known again. */
static bm_status curve_keeping_gradient(bm_criterion_at *c, const double *x)
{
    size_t    n = c->rf->n, nL = c->rf->nL;
    double   *block = bm_alloc(2 * n + c->st->p + nL, sizeof *block), *dL = block + 2 * n + c->st->p, dlog_sigma = c->m->dlog_sigma;
    bool      known = c->have_dL;
    bm_status st;

    if (!block) return BM_ENOMEM;
    memcpy(dL, c->m->dL, nL * sizeof *dL);
    st = curve(c, x, c->H, c->dvar, block);
    if (st == BM_OK && known) {
        memcpy(c->m->dL, dL, nL * sizeof *dL);
        c->m->dlog_sigma = dlog_sigma;
        c->have_dL = true;
    }
    free(block);
    return st;
}

bm_status bm_criterion_curvature(bm_criterion_at *c, const double *x, double *H, double *dvar, bm_error *err)
{
    size_t    n = c->rf->n, N = n + 1;
    double    f;
    bm_status st = bm_criterion_profiled(c, x, &f, NULL);

    if (st != BM_OK) return st;
    if (!(c->have_curvature && same(x, c->curved_x, n) && same(c->at_L, c->curved_L, c->rf->nL))) {
        memcpy(c->curved_x, x, n * sizeof *x);
        memcpy(c->curved_L, c->at_L, c->rf->nL * sizeof *c->at_L);
        c->have_curvature = false;
        if ((st = curve_keeping_gradient(c, x)) == BM_ENOMEM) return bm_nomem(err);
        if (st != BM_OK) return st;
        c->have_curvature = true;
    }
    memcpy(H, c->H, N * N * sizeof *H);
    if (dvar) memcpy(dvar, c->dvar, c->st->p * N * sizeof *dvar);
    return BM_OK;
}

void bm_criterion_profile_hessian(const double *H, size_t n, bool known_se, double *Hp)
{
    size_t N = n + 1;

    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++)
            Hp[i + j * n] = H[i + j * N] - (known_se ? 0 : H[i + n * N] * H[n + j * N] / H[n + n * N]);
}
