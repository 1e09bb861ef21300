/* reml_se.c: approximate standard errors of the sds, correlations and sigma of a REML or ML fit.
 *
 * From the second derivatives H of the criterion at its minimum the covariance of the coordinates is 2 H^-1; the delta method carries it to
 * sds and correlations. An estimate at the boundary has no standard error. */
#include "fit/reml_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* sds, correlations, sigma at (x, log sigma), in the order of bm_point_natural. */
static void natural_at(const bm_design *d, const bm_relfac *rf, const double *x, double log_sigma, bool known_se, double *L, double *out)
{
    size_t at = 0, v = 0, cor;

    bm_relfac_L(rf, x, known_se ? 1 : exp(log_sigma), L);
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t i = 0; i < d->fac[k].q; i++, v++) {
            double s = 0;

            for (size_t c = 0; c < d->fac[k].q; c++) s += L[at + i + c * d->fac[k].q] * L[at + i + c * d->fac[k].q];
            out[v] = sqrt(s);
            if (i + 1 == d->fac[k].q) at += d->fac[k].q * d->fac[k].q;
        }
    cor = v;
    v = at = 0;
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        for (size_t b = 0; b < g->nblock; b++)
            for (size_t i = g->block[b].first + 1; i < g->block[b].first + g->block[b].size; i++)
                for (size_t j = g->block[b].first; j < i; j++) {
                    double s = 0;

                    for (size_t c = 0; c < g->q; c++) s += L[at + i + c * g->q] * L[at + j + c * g->q];
                    out[cor++] = s / (out[v + i] * out[v + j]);
                }
        v += g->q;
        at += g->q * g->q;
    }
    out[cor] = exp(log_sigma);
}

/* se (m) = sqrt diag(2 J H^+ J'), J: m x N derivatives of the natural parameters. */
static bm_status delta_method(const double *J, size_t m, double *H, size_t N, double *se, bm_error *err)
{
    double *values = bm_alloc(N, sizeof *values);

    if (!values) return bm_nomem(err);
    if (bm_eigen(N, H, values) != BM_OK) {
        free(values);
        return bm_fail(err, BM_ENUMERIC, "the second derivatives of the criterion have no eigenvalues");
    }
    for (size_t i = 0; i < m; i++) {
        double total = 0;

        for (size_t l = 0; l < N; l++) {
            double a = 0;

            if (!(values[l] > 1e-9 * fmax(values[N - 1], 1e-300))) continue;
            for (size_t k = 0; k < N; k++) a += J[i + k * m] * H[k + l * N];
            total += 2 * a * a / values[l];
        }
        se[i] = total > 0 ? sqrt(total) : NAN;
    }
    free(values);
    return BM_OK;
}

static void drop_boundary(const bm_design *d, const double *value, size_t nsd, double *se)
{
    size_t v = 0, cor = nsd;

    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        for (size_t i = 0; i < g->q; i++)
            if (!(value[v + i] > 0)) se[v + i] = NAN;
        for (size_t b = 0; b < g->nblock; b++)
            for (size_t i = 0; i < g->block[b].size * (g->block[b].size - 1) / 2; i++, cor++)
                if (!(fabs(value[cor]) < 1 - 1e-8)) se[cor] = NAN;
        v += g->q;
    }
}

void bm_reml_natural(const bm_reml *r, double *out)
{
    size_t v = 0;

    for (size_t k = 0; k < r->ngroup; k++)
        for (size_t i = 0; i < r->group[k].q; i++) out[v++] = r->group[k].sd[i];
    for (size_t k = 0; k < r->ngroup; k++) {
        const bm_reml_group *g = &r->group[k];

        for (size_t b = 0; b < g->nblock; b++)
            for (size_t i = g->block[b].first + 1; i < g->block[b].first + g->block[b].size; i++)
                for (size_t j = g->block[b].first; j < i; j++) out[v++] = g->cor[i + j * g->q];
    }
    if (!r->known_se) out[v] = r->sigma;
}

bm_status bm_reml_natural_se(double *se, const bm_reml *r, const bm_stats *st, const bm_design *d, bm_error *err)
{
    bm_criterion_at c = { 0 };
    bm_reml_search  search;
    size_t          nsd = 0, m = 1, n, N;
    double         *H = NULL, *x, *L, *J, *up, *down, *value;
    bm_status       status;

    for (size_t k = 0; k < d->nfac; k++) {
        nsd += d->fac[k].q;
        for (size_t b = 0; b < d->fac[k].nblock; b++) m += d->fac[k].block[b].size * (d->fac[k].block[b].size - 1) / 2;
    }
    m += nsd;
    if ((status = bm_criterion_new(&c, st, NULL, d, r->ml, err)) != BM_OK) goto done;
    n = c.rf->n;
    N = n + 1;
    if (!(H = bm_alloc(N * N + N + c.rf->nL + m * N + 3 * m, sizeof *H))) {
        status = bm_nomem(err);
        goto done;
    }
    x = H + N * N;
    L = x + N;
    J = L + c.rf->nL;
    up = J + m * N;
    down = up + m;
    value = down + m;
    if ((status = bm_reml_minimise(&c, x, false, 0, &search, err)) != BM_OK) goto done;
    if ((status = bm_criterion_curvature(&c, x, H, NULL, err)) != BM_OK) goto done;
    x[n] = c.known_se ? 0 : log(c.m->sigma);
    for (size_t k = 0; k < N - c.known_se; k++) {
        double x0 = x[k], h = 1e-5 * fmax(1, fabs(x0));

        x[k] = x0 + h;
        natural_at(d, c.rf, x, x[n], c.known_se, L, up);
        x[k] = x0 - h;
        natural_at(d, c.rf, x, x[n], c.known_se, L, down);
        x[k] = x0;
        for (size_t i = 0; i < m; i++) J[i + k * m] = (up[i] - down[i]) / (2 * h);
    }
    if ((status = delta_method(J, m - c.known_se, H, N, se, err)) != BM_OK) goto done;
    bm_reml_natural(r, value);
    drop_boundary(d, value, nsd, se);
done:
    if (status > 0) status = bm_fail(err, BM_ENUMERIC, "the criterion has no finite second derivatives at its minimum");
    bm_criterion_clear(&c);
    free(H);
    return status;
}
