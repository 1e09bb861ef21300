/* stats.c: cross-products of a design, in the basis of basis.c. */
#include "suffstat/suffstat_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* y~ = y - o - X b in extended precision: the digits of a response with a large constant part are in the difference. */
static void residuals(double *e, const bm_design *d, const double *b)
{
    for (size_t i = 0; i < d->n; i++) {
        long double v = d->y[i];

        if (d->o) v -= d->o[i];
        for (size_t k = 0; k < d->p; k++) v -= (long double)d->X[i + k * d->n] * b[k];
        e[i] = (double)v;
    }
}

void bm_least_squares(double *b0, double *e, const bm_design *d, const double *Q, const double *K, const bool *aliased)
{
    memset(b0, 0, d->p * sizeof *b0);
    residuals(e, d, b0);
    for (int pass = 0; pass < 3; pass++) {
        for (size_t k = 0; k < d->p; k++) {
            const double *q = Q + k * d->n;
            long double   c = 0;

            if (aliased[k]) continue;
            for (size_t i = 0; i < d->n; i++) c += (long double)q[i] * (d->w ? d->w[i] : 1) * e[i];
            for (size_t i = 0; i <= k; i++) b0[i] += (double)c * K[i + k * d->p];
        }
        residuals(e, d, b0);
    }
}

void bm_response_products(bm_stats *s, const bm_design *d, const double *Q, const double *e)
{
    size_t n = s->n, p = s->p;

    for (size_t i = 0; i < n; i++) {
        double w = d->w ? d->w[i] : 1, y = d->y[i] - (d->o ? d->o[i] : 0);

        s->yy += w * e[i] * e[i];
        s->y_scale += w * y * y;
    }
    for (size_t k = 0; k < p; k++)
        for (size_t i = 0; i < n; i++) s->Xy[k] += (d->w ? d->w[i] : 1) * Q[i + k * n] * e[i];
}

static void design_products(bm_stats *s, const bm_design *d, const double *Q)
{
    size_t n = s->n, p = s->p;

    for (size_t i = 0; i < n; i++) s->sum_log_w += d->w ? log(d->w[i]) : 0;
    for (size_t k = 0; k < p; k++) {
        const double *qk = Q + k * n;

        for (size_t l = 0; l <= k; l++) {
            const double *ql = Q + l * n;
            double        v = 0;

            for (size_t i = 0; i < n; i++) v += (d->w ? d->w[i] : 1) * qk[i] * ql[i];
            s->XX[k + l * p] = s->XX[l + k * p] = v;
        }
    }
}

static bm_status fixed_part(bm_stats *s, double *Q, double *e, const bm_design *d, bm_error *err)
{
    bm_status st;

    if (d->p) memcpy(Q, d->X, d->n * d->p * sizeof *Q);
    if ((st = bm_orthogonalise(Q, s->K, s->aliased, d->n, d->p, d->w, 1, BM_RANK_TOL, err)) != BM_OK) return st;
    for (size_t k = 0; k < d->p; k++) {
        s->log_det_K += log(s->K[k + k * d->p]);
        if (s->aliased[k]) continue;
        s->log_det_K1 += log(s->K[k + k * d->p]);
        s->rank++;
    }
    bm_least_squares(s->b0, e, d, Q, s->K, s->aliased);
    design_products(s, d, Q);
    bm_response_products(s, d, Q, e);
    return BM_OK;
}

/* Row after row into its group's products. */
static void group_products(bm_facstat *f, const bm_group *g, const double *Zq, const double *Q, const double *e, const double *weight,
                           size_t n)
{
    size_t q = f->q, p = f->p;

    for (size_t i = 0; i < n; i++) {
        size_t  j = (size_t)g->code[i];
        double  w = weight ? weight[i] : 1;
        double *A = f->A + j * q * q, *Bj = f->B + j * q * p, *c = f->c + j * q;

        f->n[j]++;
        for (size_t a = 0; a < q; a++) {
            double wz = w * Zq[i + a * n];

            c[a] += wz * e[i];
            for (size_t k = 0; k < q; k++) A[a + k * q] += wz * Zq[i + k * n];
            for (size_t k = 0; k < p; k++) Bj[a + k * q] += wz * Q[i + k * n];
        }
    }
}

/* *Z: the factor's columns in the basis of the statistics (n x q), the caller's to free. */
static bm_status factor_part(bm_facstat *f, double **Z, const bm_group *g, const bm_design *d, const double *Q, const double *e, bm_error *err)
{
    size_t    n = d->n, q = g->q, p = d->p;
    bm_status st = BM_ENOMEM;
    double   *Zq = *Z = bm_alloc(n * q, sizeof *Zq);
    bool     *dependent = bm_alloc(q, sizeof *dependent);

    f->J = g->J;
    f->q = q;
    f->p = p;
    f->Kz = bm_alloc(q * q, sizeof *f->Kz);
    f->A = bm_alloc(g->J * q * q, sizeof *f->A);
    f->B = bm_alloc(g->J * q * p, sizeof *f->B);
    f->c = bm_alloc(g->J * q, sizeof *f->c);
    f->n = bm_alloc(g->J, sizeof *f->n);
    if (!Zq || !dependent || !f->Kz || !f->A || !f->B || !f->c || !f->n) {
        bm_fail(err, st, "out of memory for %zu rows and %zu groups of '%s'", n, g->J, g->name);
        goto done;
    }
    memcpy(Zq, g->Z, n * q * sizeof *Zq);
    if ((st = bm_orthogonalise(Zq, f->Kz, dependent, n, q, NULL, (double)n, BM_RANK_TOL, err)) != BM_OK) goto done;
    group_products(f, g, Zq, Q, e, d->w, n);
done:
    free(dependent);
    return st;
}

static bm_status all_factors(bm_stats *s, const bm_design *d, const double *Q, const double *e, bm_error *err)
{
    bm_status st = BM_OK;
    double  **Z = bm_alloc(d->nfac, sizeof *Z);

    if (!Z) return bm_nomem(err);
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) {
        st = factor_part(&s->fac[k], &Z[k], &d->fac[k], d, Q, e, err);
        if (d->nfac > 1) continue;
        free(Z[k]);
        Z[k] = NULL;
    }
    if (st == BM_OK) st = bm_stats_add_cross(s, d, Z, err);
    for (size_t k = 0; k < d->nfac; k++) free(Z[k]);
    free(Z);
    return st;
}

bm_stats *bm_stats_alloc(size_t n, size_t p, size_t nfac)
{
    bm_stats *s = bm_alloc(1, sizeof *s);

    if (!s) return NULL;
    *s = (bm_stats){ .n = n, .p = p, .nfac = nfac };
    s->K = bm_alloc(p * p, sizeof *s->K);
    s->b0 = bm_alloc(p, sizeof *s->b0);
    s->aliased = bm_alloc(p, sizeof *s->aliased);
    s->XX = bm_alloc(p * p, sizeof *s->XX);
    s->Xy = bm_alloc(p, sizeof *s->Xy);
    s->fac = bm_alloc(nfac, sizeof *s->fac);
    if (s->K && s->b0 && s->aliased && s->XX && s->Xy && s->fac) return s;
    bm_stats_free(s);
    return NULL;
}

bm_status bm_stats_new(bm_stats **out, const bm_design *d, bm_error *err)
{
    bm_status st = BM_ENOMEM;
    size_t    n = d->n, p = d->p;
    bm_stats *s = bm_stats_alloc(n, p, d->nfac);
    double   *Q = bm_alloc(n * p, sizeof *Q), *e = bm_alloc(n, sizeof *e);

    *out = NULL;
    if (!s || !Q || !e) goto done;
    if ((st = fixed_part(s, Q, e, d, err)) != BM_OK) goto done;
    if ((st = all_factors(s, d, Q, e, err)) != BM_OK) goto done;
    *out = s;
    s = NULL;
done:
    if (st == BM_ENOMEM) bm_fail(err, st, "out of memory for %zu rows and %zu columns", n, p);
    free(Q);
    free(e);
    bm_stats_free(s);
    return st;
}

void bm_stats_free(bm_stats *s)
{
    if (!s) return;
    for (size_t k = 0; s->fac && k < s->nfac; k++) {
        free(s->fac[k].c);
        if (s->borrows) continue;
        free(s->fac[k].Kz);
        free(s->fac[k].A);
        free(s->fac[k].B);
        free(s->fac[k].n);
    }
    for (size_t i = 0; s->cross && s->owns_cross && i < s->nfac * s->nfac; i++) bm_cross_clear(&s->cross[i]);
    if (s->owns_cross) free(s->cross);
    free(s->b0);
    free(s->Xy);
    free(s->fac);
    if (!s->borrows) {
        free(s->K);
        free(s->aliased);
        free(s->XX);
    }
    free(s);
}
