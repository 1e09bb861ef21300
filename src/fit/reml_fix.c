/* reml_fix.c: the statistics of a model in which one coefficient is known.
 *
 * b_k = b0_k + e'beta, e the k-th row of K. A reflection H (Householder) that takes e to |e| times the k-th axis turns the constraint into
 * a value c for one coordinate of H beta: that column of X~H moves, times c, into the response, and the others stay. */
#include "fit/reml_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct { size_t p, k; double *v, vv, c; } reflection;   /* H = I - 2 v v' / vv */

static bm_status reflection_new(reflection *h, const bm_stats *s, size_t k, double value, bm_error *err)
{
    size_t p = s->p;
    double length = 0;

    *h = (reflection){ .p = p, .k = k, .v = bm_alloc(p, sizeof *h->v) };
    if (!h->v) return bm_nomem(err);
    for (size_t i = k; i < p; i++) h->v[i] = s->aliased[i] ? 0 : s->K[k + i * p];
    length = sqrt(bm_dot(p, h->v, h->v));
    h->c = (value - s->b0[k]) / length * (h->v[k] > 0 ? -1 : 1);     /* H e = -sign(e_k) |e| axis_k: no cancellation in v */
    h->v[k] += h->v[k] > 0 ? length : -length;
    h->vv = bm_dot(p, h->v, h->v);
    return BM_OK;
}

/* Row i of A (rows x p, leading dimension ld) times H. */
static void reflect_row(const reflection *h, double *a, size_t ld)
{
    double t = 0;

    for (size_t j = 0; j < h->p; j++) t += a[j * ld] * h->v[j];
    t *= 2 / h->vv;
    for (size_t j = 0; j < h->p; j++) a[j * ld] -= t * h->v[j];
}

static void drop_column(double *A, size_t rows, size_t p, size_t k)
{
    memmove(A + k * rows, A + (k + 1) * rows, (p - k - 1) * rows * sizeof *A);
}

/* B, c of every group. */
static bm_status fix_factor(bm_facstat *to, const bm_facstat *from, const reflection *h, bm_error *err)
{
    size_t  J = from->J, q = from->q, p = from->p;
    double *B = bm_alloc(q * p, sizeof *B);

    *to = (bm_facstat){ .J = J, .q = q, .p = p - 1 };
    to->Kz = bm_alloc(q * q, sizeof *to->Kz);
    to->A = bm_alloc(J * q * q, sizeof *to->A);
    to->B = bm_alloc(J * q * (p - 1), sizeof *to->B);
    to->c = bm_alloc(J * q, sizeof *to->c);
    to->n = bm_alloc(J, sizeof *to->n);
    if (!B || !to->Kz || !to->A || !to->B || !to->c || !to->n) {
        free(B);
        return bm_nomem(err);
    }
    memcpy(to->Kz, from->Kz, q * q * sizeof *to->Kz);
    memcpy(to->A, from->A, J * q * q * sizeof *to->A);
    memcpy(to->n, from->n, J * sizeof *to->n);
    for (size_t j = 0; j < J; j++) {
        memcpy(B, from->B + j * q * p, q * p * sizeof *B);
        for (size_t i = 0; i < q; i++) {
            reflect_row(h, B + i, q);
            to->c[j * q + i] = from->c[j * q + i] - h->c * B[i + h->k * q];
        }
        drop_column(B, q, p, h->k);
        memcpy(to->B + j * q * (p - 1), B, q * (p - 1) * sizeof *B);
    }
    free(B);
    return BM_OK;
}

/* X'X, X'y, y'y. */
static bm_status fix_fixed(bm_stats *to, const bm_stats *from, const reflection *h, bm_error *err)
{
    size_t  p = from->p, k = h->k, at = 0;
    double *XX = bm_alloc(p * p, sizeof *XX), *Xy = bm_alloc(p, sizeof *Xy);

    if (!XX || !Xy) {
        free(XX);
        free(Xy);
        return bm_nomem(err);
    }
    memcpy(XX, from->XX, p * p * sizeof *XX);
    memcpy(Xy, from->Xy, p * sizeof *Xy);
    for (size_t i = 0; i < p; i++) reflect_row(h, XX + i, p);
    for (size_t j = 0; j < p; j++) reflect_row(h, XX + j * p, 1);
    reflect_row(h, Xy, 1);
    to->yy = from->yy - 2 * h->c * Xy[k] + h->c * h->c * XX[k + k * p];
    for (size_t j = 0; j < p; j++) {
        if (j == k) continue;
        for (size_t i = 0, r = 0; i < p; i++)
            if (i != k) to->XX[r++ + at * (p - 1)] = XX[i + j * p];
        to->aliased[at] = from->aliased[j];
        to->K[at + at * (p - 1)] = 1;                /* the basis is lost: b is not read off a model with a known coefficient */
        to->Xy[at++] = Xy[j] - h->c * XX[j + k * p];
    }
    free(XX);
    free(Xy);
    return BM_OK;
}

bm_status bm_stats_fix_coefficient(bm_stats **out, const bm_stats *from, size_t k, double value, bm_error *err)
{
    size_t     p1 = from->p - 1;
    reflection h;
    bm_status  st = reflection_new(&h, from, k, value, err);
    bm_stats  *s = bm_alloc(1, sizeof *s);

    *out = NULL;
    if (st != BM_OK || !s) {
        st = bm_nomem(err);
        goto done;
    }
    *s = (bm_stats){ .n = from->n, .p = p1, .rank = from->rank - 1, .sum_log_w = from->sum_log_w, .y_scale = from->y_scale };
    s->K = bm_alloc(p1 * p1, sizeof *s->K);
    s->b0 = bm_alloc(p1, sizeof *s->b0);
    s->aliased = bm_alloc(p1, sizeof *s->aliased);
    s->XX = bm_alloc(p1 * p1, sizeof *s->XX);
    s->Xy = bm_alloc(p1, sizeof *s->Xy);
    s->fac = bm_alloc(from->nfac, sizeof *s->fac);
    if (!s->K || !s->b0 || !s->aliased || !s->XX || !s->Xy || !s->fac) {
        st = bm_nomem(err);
        goto done;
    }
    if ((st = fix_fixed(s, from, &h, err)) != BM_OK) goto done;
    for (size_t f = 0; f < from->nfac; f++) {
        s->nfac++;
        if ((st = fix_factor(&s->fac[f], &from->fac[f], &h, err)) != BM_OK) goto done;
    }
    s->cross = from->cross;                          /* X is no part of them */
    *out = s;
    s = NULL;
done:
    free(h.v);
    bm_stats_free(s);
    return st;
}
