/* thin_gradient.c: what is wanted of N = T M^-1 T' beside the density: solutions, the inverse on the pattern, the gradient.
 *
 * From the levels eliminated last to the first: with V = N D, a level with w, x, d as they stood when it was eliminated, y = x ts, E = V / ts,
 *     V = w (d - y'E),   N_jj = w + w^2 y'Z y,   N_jr = -w (Z y)_r ts_r,   Z = N / (ts ts')
 * and as log p = -1/2 log |M| + 1/2 tr K D'N D + ..., K = [S^-1, 0; 0, 0] + (-beta, 1)(-beta, 1)' / sigma^2 (marginal.c),
 *     d log p / dt = -t a / m + 1/2 [y'Z y + (d - y'E) K (d - y'E)'] 2 t / m^2
 * for that level; an item sums over its levels. For the levels r of the rest, d log p / dt = [(D - A V) K E']_rr - (A T M^-1)_rr. */
#include "posterior/thin.h"

#include "posterior/joint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* out (n) = [B R'^-1 | (c - B beta) / sigma] of d = [B | c] */
static void to_standard(const bm_thin_rhs *s, const double *d, double *out)
{
    double g = d[s->p];

    for (size_t l = 0; l < s->p; l++) g -= d[l] * s->beta[l];
    out[s->n - 1] = g / s->sigma;
    for (size_t x = 0; s->Rinv && x < s->p; x++) {
        double v = 0;

        for (size_t l = 0; l <= x; l++) v += s->Rinv[x + l * s->p] * d[l];
        out[x] = v;
    }
}

/* ---- from the last level to the first ---- */

/* out (n) = sum over neighbours of x ts E */
static void gather(const bm_thin *th, const bm_thin_work *w, const uint32_t *nbr, const double *x, size_t stride, size_t nn, size_t n, double *out)
{
    for (size_t c = 0; c < n; c++) out[c] = 0;
    for (size_t a = 0; a < nn; a++) {
        double        y = x[a * stride] * w->ts[th->fac[nbr[a]]];
        const double *E = w->E + nbr[a] * n;

        for (size_t c = 0; c < n; c++) out[c] += y * E[c];
    }
}

static double mid_w(const bm_thin *th, const bm_thin_work *w, size_t i, double *m)
{
    double t = w->t[th->fac[i]];

    *m = 1 + t * t * w->val[th->mid_val[i]];
    return t * t / *m;
}

void bm_thin_solve(const bm_thin *th, const bm_thin_work *w, const bm_thin_rhs *s, double noise, const double *z)
{
    size_t  n = s->n;
    double *yE = w->item, *d = yE + th->p1;

    for (size_t i = 0; i < th->m; i++) {
        double *e = w->E + (th->nmid + i) * n;

        to_standard(s, w->fac + th->rhs[th->nmid + i] - th->rest_val, e);
        if (z) e[0] += noise * z[th->nmid + i];
    }
    bm_panels_backsolve(th->rest, w->fac, w->E + th->nmid * n, n, w->scratch);
    for (size_t i = th->nmid; i-- > 0;) {
        double m, wi = mid_w(th, w, i, &m), *e = w->E + i * n;

        gather(th, w, th->mid_nbr + th->mid_ptr[i], w->val + th->mid_val[i] + 1, 1, th->mid_ptr[i + 1] - th->mid_ptr[i], n, yE);
        to_standard(s, w->val + th->rhs[i], d);
        for (size_t c = 0; c < n; c++) e[c] = wi * (d[c] - yE[c]);
        if (z) e[0] += noise * sqrt(wi) * z[i];
    }
}

/* y'Z y over the pairs of neighbours; Zy (NULL: not wanted): Z y. */
static double quadratic(const bm_thin *th, const bm_thin_work *w, const uint32_t *nbr, const double *x, size_t stride, size_t nn, const uint32_t *at,
                        double *Zy)
{
    double total = 0;

    for (size_t a = 0; Zy && a < nn; a++) Zy[a] = 0;
    for (size_t a = 0; a < nn; a++) {
        double ya = x[a * stride] * w->ts[th->fac[nbr[a]]], z = w->inv[*at++], inner = 0.5 * z * ya;

        if (Zy) Zy[a] += z * ya;
        for (size_t b = a + 1; b < nn; b++) {
            double yb = x[b * stride] * w->ts[th->fac[nbr[b]]];

            z = w->inv[*at++];
            inner += z * yb;
            if (!Zy) continue;
            Zy[a] += z * yb;
            Zy[b] += z * ya;
        }
        total += 2 * ya * inner;
    }
    return total;
}

static double item_quadratic(const bm_thin *th, const bm_thin_work *w, size_t r, size_t i)
{
    return quadratic(th, w, th->nbr + th->nbr_ptr[r], th->x + th->x_at[r] + i, th->run[r + 1] - th->run[r], th->nbr_ptr[r + 1] - th->nbr_ptr[r],
                     th->pair_at + th->pair[r], NULL);
}

bm_status bm_thin_invert(const bm_thin *th, bm_thin_work *w)
{
    if (w->have_inv) return BM_OK;
    if (!w->inv && !(w->inv = bm_alloc(th->nval + th->mid_most, sizeof *w->inv))) return BM_ENOMEM;
    bm_panels_invert(th->rest, w->fac, w->inv + th->rest_val, w->scratch);
    for (size_t i = th->nmid; i-- > 0;) {
        const double *x = w->val + th->mid_val[i] + 1;
        size_t        nn = th->mid_ptr[i + 1] - th->mid_ptr[i];
        double        m, wi = mid_w(th, w, i, &m), *N = w->inv + th->mid_val[i], *Zy = w->inv + th->nval;

        N[0] = wi + wi * wi * quadratic(th, w, th->mid_nbr + th->mid_ptr[i], x, 1, nn, th->mid_pair_at + th->mid_pair[i], Zy);
        for (size_t a = 0; a < nn; a++) N[1 + a] = -wi * Zy[a];
    }
    w->have_inv = true;
    return BM_OK;
}

/* ---- the gradient ---- */

/* AV (m x n) = A V of the rest; trace[r] = (A T M^-1)_rr. */
static void multiply_rest(const bm_thin *th, const bm_thin_work *w, size_t n, double *AV, double *trace)
{
    const bm_panels *p = th->rest;
    const double    *E = w->E + th->nmid * n;

    for (size_t j = 0; j < p->n; j++) {
        size_t f = p->first[j], cw = p->first[j + 1] - f, nb = p->ptr[j + 1] - p->ptr[j], h = cw + nb + p->extra;

        for (size_t c = 0; c < cw; c++) {
            const double *A = w->val + th->rest_val + p->val[j] + c * h, *Z = w->inv + th->rest_val + p->val[j] + c * h;
            size_t        q = f + c;
            double        tq = w->t[th->fac[th->nmid + q]];

            for (size_t i = c; i < cw + nb; i++) {
                size_t r = i < cw ? f + i : p->row[p->ptr[j] + i - cw];
                double tr = w->t[th->fac[th->nmid + r]];

                if (A[i] == 0) continue;
                trace[q] += A[i] * tr * Z[i];
                for (size_t x = 0; x < n; x++) AV[q * n + x] += A[i] * tr * E[r * n + x];
                if (r == q) continue;
                trace[r] += A[i] * tq * Z[i];
                for (size_t x = 0; x < n; x++) AV[r * n + x] += A[i] * tq * E[q * n + x];
            }
        }
    }
}

/* Since T (A T M^-1) = I - M^-1 and T (D - A V) = E, both come from the diagonal, but for the digits that are lost where t is all but zero. */
static bool rest_from_diagonal(const bm_thin *th, const bm_thin_work *w, size_t n, double *G)
{
    double taken[BM_FACTORS_MAX] = { 0 }, square[BM_FACTORS_MAX] = { 0 }, levels[BM_FACTORS_MAX] = { 0 };

    for (size_t r = 0; r < th->m; r++) {
        size_t        k = th->fac[th->nmid + r];
        const double *E = w->E + (th->nmid + r) * n;

        levels[k]++;
        taken[k] += 1 - w->inv[th->diagonal[th->nmid + r]];
        for (size_t x = 0; x < n; x++) square[k] += E[x] * E[x];
    }
    for (size_t k = 0; k < th->nfac; k++)
        if (levels[k] > 0 && !(taken[k] > 1e-6 * levels[k])) return false;
    for (size_t k = 0; k < th->nfac; k++)
        if (levels[k] > 0) G[k] += (square[k] - taken[k]) / w->t[k];
    return true;
}

static bm_status rest_gradient(const bm_thin *th, const bm_thin_work *w, const bm_thin_rhs *s, double *G)
{
    size_t  n = s->n;
    double *AV, *trace, *d;

    if (rest_from_diagonal(th, w, n, G)) return BM_OK;
    if (!(AV = bm_alloc(th->m * (n + 1) + n, sizeof *AV))) return BM_ENOMEM;
    trace = AV + th->m * n;
    d = trace + th->m;
    multiply_rest(th, w, n, AV, trace);
    for (size_t r = 0; r < th->m; r++) {
        double       *g = &G[th->fac[th->nmid + r]];
        const double *E = w->E + (th->nmid + r) * n;

        to_standard(s, w->val + th->rhs[th->nmid + r], d);
        *g -= trace[r];
        for (size_t x = 0; x < n; x++) *g += (d[x] - AV[r * n + x]) * E[x];
    }
    free(AV);
    return BM_OK;
}

/* A level's or an item's part; square: the sum of (d - y'E) K (d - y'E)'. */
static double part(double t, double a, double count, double yZy, double square)
{
    double m = 1 + t * t * a;

    return t / (m * m) * (count * yZy + square) - count * t * a / m;
}

static void mid_gradient(const bm_thin *th, const bm_thin_work *w, const bm_thin_rhs *s, double *G)
{
    for (size_t i = 0; i < th->nmid; i++) {
        double t = w->t[th->fac[i]], square = 0, yZy, *d = w->item, *yE = d + th->p1, *x = w->val + th->mid_val[i] + 1;
        size_t nn = th->mid_ptr[i + 1] - th->mid_ptr[i];

        gather(th, w, th->mid_nbr + th->mid_ptr[i], x, 1, nn, s->n, yE);
        yZy = quadratic(th, w, th->mid_nbr + th->mid_ptr[i], x, 1, nn, th->mid_pair_at + th->mid_pair[i], NULL);
        to_standard(s, w->val + th->rhs[i], d);
        for (size_t c = 0; c < s->n; c++) square += (d[c] - yE[c]) * (d[c] - yE[c]);
        G[th->fac[i]] += part(t, w->val[th->mid_val[i]], 1, yZy, square);
    }
}

/* sum over the levels of a kind of d K d', from G. */
static double kind_square(const bm_thin *th, const bm_thin_rhs *s, size_t kind)
{
    const double *G = th->G + kind;
    size_t        p = th->p;
    double        total = 0;

    for (size_t x = 0; x <= p; x++)
        for (size_t y = x; y <= p; y++, G += th->nkind) {
            double k = (x < p ? -s->beta[x] : 1) * (y < p ? -s->beta[y] : 1) / (s->sigma * s->sigma);

            for (size_t l = y; s->Rinv && y < p && l < p; l++) k += s->Rinv[l + x * p] * s->Rinv[l + y * p];
            total += (x == y ? 1 : 2) * k * *G;
        }
    return total;
}

static void item_gradient(const bm_thin *th, const bm_thin_work *w, const bm_thin_rhs *s, double *G)
{
    double        t = w->t[th->stage[0]], total = 0, *d = w->item, *yE = d + th->p1, *raw = yE + th->p1;
    const double *sum = th->sum;

    for (size_t r = 0; r < th->nrun; r++) {
        size_t n = th->run[r + 1] - th->run[r], nn = th->nbr_ptr[r + 1] - th->nbr_ptr[r];

        for (size_t i = 0; i < n; i++) {
            size_t item = th->run[r] + i;
            double square = 0, count = th->count[item];

            gather(th, w, th->nbr + th->nbr_ptr[r], th->x + th->x_at[r] + i, n, nn, s->n, yE);
            for (size_t c = 0; c < th->p1; c++) raw[c] = sum[c * n + i];
            to_standard(s, raw, d);
            for (size_t c = 0; c < s->n; c++) square += th->merged ? (count * yE[c] - 2 * d[c]) * yE[c] : (d[c] - yE[c]) * (d[c] - yE[c]);
            total += part(t, th->kind_a[th->kind[item]], count, item_quadratic(th, w, r, i), square);
        }
        sum += n * th->p1;
    }
    for (size_t k = 0; th->merged && k < th->nkind; k++) {
        double m = 1 + t * t * th->kind_a[k];

        total += t / (m * m) * kind_square(th, s, k);
    }
    G[th->stage[0]] += total;
}

bm_status bm_thin_gradient(const bm_thin *th, bm_thin_work *w, const double *beta, const double *Rinv, double sigma, double *G)
{
    bm_thin_rhs s = { th->p, Rinv ? th->p1 : 1, beta, Rinv, sigma };

    if (bm_thin_invert(th, w) != BM_OK) return BM_ENOMEM;
    bm_thin_solve(th, w, &s, 0, NULL);
    item_gradient(th, w, &s, G);
    mid_gradient(th, w, &s, G);
    return rest_gradient(th, w, &s, G);
}
