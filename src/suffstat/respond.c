/* respond.c: the statistics of another response on the same rows. The basis, the cross-products of the columns and their pattern do not depend on y:
 * simulated data sets share them, and each costs O(n (p + q)). */
#include "suffstat/suffstat_priv.h"

#include <stdlib.h>
#include <string.h>

/* The columns of one matrix, as bm_stats_new makes them; the map is not needed again. */
static bm_status columns(double **out, const double *X, size_t n, size_t m, const double *w, double norm2, bm_error *err)
{
    double   *Q = *out = bm_alloc(n * m, sizeof *Q), *K = bm_alloc(m * m, sizeof *K);
    bool     *dependent = bm_alloc(m, sizeof *dependent);
    bm_status st = BM_ENOMEM;

    if (!Q || !K || !dependent) {
        bm_nomem(err);
    } else {
        if (m) memcpy(Q, X, n * m * sizeof *Q);
        st = bm_orthogonalise(Q, K, dependent, n, m, w, norm2, BM_RANK_TOL, err);
    }
    free(K);
    free(dependent);
    return st;
}

bm_status bm_basis_new(bm_basis **out, const bm_design *d, bm_error *err)
{
    bm_basis *b = bm_alloc(1, sizeof *b);
    bm_status st;

    *out = NULL;
    if (!b || !(b->Z = bm_alloc(d->nfac, sizeof *b->Z))) {
        bm_basis_free(b);
        return bm_nomem(err);
    }
    b->nfac = d->nfac;
    st = columns(&b->Q, d->X, d->n, d->p, d->w, 1, err);
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) st = columns(&b->Z[k], d->fac[k].Z, d->n, d->fac[k].q, NULL, (double)d->n, err);
    if (st == BM_OK) *out = b;
    else bm_basis_free(b);
    return st;
}

void bm_basis_free(bm_basis *b)
{
    if (!b) return;
    for (size_t k = 0; b->Z && k < b->nfac; k++) free(b->Z[k]);
    free(b->Z);
    free(b->Q);
    free(b);
}

/* c_j = Z_j'W e, row after row. */
static void group_response(bm_facstat *f, const bm_group *g, const double *Z, const double *e, const double *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double *c = f->c + (size_t)g->code[i] * f->q, weight = w ? w[i] : 1;

        for (size_t a = 0; a < f->q; a++) c[a] += weight * Z[i + a * n] * e[i];
    }
}

bm_status bm_stats_respond(bm_stats **out, const bm_stats *from, const bm_basis *b, const bm_design *d, bm_error *err)
{
    bm_stats *s = bm_alloc(1, sizeof *s);
    double   *e = bm_alloc(d->n, sizeof *e);

    *out = NULL;
    if (!s || !e) goto fail;
    *s = *from;
    s->borrows = true;
    s->owns_cross = false;
    s->yy = s->y_scale = 0;
    s->b0 = bm_alloc(s->p, sizeof *s->b0);
    s->Xy = bm_alloc(s->p, sizeof *s->Xy);
    if ((s->fac = bm_alloc(s->nfac, sizeof *s->fac)))
        for (size_t k = 0; k < s->nfac; k++) {
            s->fac[k] = from->fac[k];
            s->fac[k].c = bm_alloc(s->fac[k].J * s->fac[k].q, sizeof(double));
        }
    if (!s->b0 || !s->Xy || !s->fac) goto fail;
    for (size_t k = 0; k < s->nfac; k++)
        if (!s->fac[k].c) goto fail;
    bm_least_squares(s->b0, e, d, b->Q, s->K, s->aliased);
    bm_response_products(s, d, b->Q, e);
    for (size_t k = 0; k < s->nfac; k++) group_response(&s->fac[k], &d->fac[k], b->Z[k], e, d->w, d->n);
    free(e);
    *out = s;
    return BM_OK;
fail:
    free(e);
    if (s) s->borrows = true;
    bm_stats_free(s);
    return bm_nomem(err);
}
