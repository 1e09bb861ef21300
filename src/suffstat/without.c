/* without.c: the statistics of a design without one group-level effect, from those of the design: Z without a column is Z~ inv(Kz) without it, and made orthogonal
 * again in the basis Z~ it is Z~ Q. The rows are not needed. */
#include "suffstat/suffstat_priv.h"

#include <stdlib.h>
#include <string.h>

/* Q (q x (q - 1)) and the factor's new Kz. */
static bm_status basis_without(double *Q, double *Kz, const bm_facstat *f, size_t effect, bm_error *err)
{
    size_t    q = f->q, m = q - 1;
    bool     *zero = bm_alloc(q, sizeof *zero), *dependent = bm_alloc(m, sizeof *dependent);
    bm_status st = zero && dependent ? BM_OK : bm_nomem(err);

    for (size_t i = 0; i < q && st == BM_OK; i++) {          /* columns of Z~ that depended on others */
        double all = 0;

        for (size_t j = 0; j < f->J; j++) all += f->A[j * q * q + i * (q + 1)];
        zero[i] = all == 0;
    }
    for (size_t k = 0; k < m && st == BM_OK; k++) {          /* inv(Kz) e */
        double *t = Q + k * q;

        t[k + (k >= effect)] = 1;
        for (size_t i = q; i-- > 0;) {
            for (size_t l = i + 1; l < q; l++) t[i] -= f->Kz[i + l * q] * t[l];
            t[i] /= f->Kz[i + i * q];
        }
        for (size_t i = 0; i < q; i++) t[i] = zero[i] ? 0 : t[i];
    }
    if (st == BM_OK) st = bm_orthogonalise(Q, Kz, dependent, q, m, NULL, 1, BM_RANK_TOL, err);
    free(zero);
    free(dependent);
    return st;
}

/* C (m x k) = Q'A, A q x k. */
static void from_left(double *C, const double *Q, size_t q, size_t m, const double *A, size_t k)
{
    for (size_t c = 0; c < k; c++)
        for (size_t i = 0; i < m; i++) {
            double s = 0;

            for (size_t l = 0; l < q; l++) s += Q[l + i * q] * A[l + c * q];
            C[i + c * m] = s;
        }
}

/* C (k x m) = A Q, A k x q. */
static void from_right(double *C, const double *Q, size_t q, size_t m, const double *A, size_t k)
{
    for (size_t i = 0; i < m; i++)
        for (size_t c = 0; c < k; c++) {
            double s = 0;

            for (size_t l = 0; l < q; l++) s += A[c + l * k] * Q[l + i * q];
            C[c + i * k] = s;
        }
}

/* Q NULL: all effects stay. */
static bm_status factor_without(bm_facstat *to, const bm_facstat *f, const double *Q, bm_error *err)
{
    size_t  q = f->q, m = Q ? q - 1 : q, p = f->p, J = f->J;
    double *half = bm_alloc(q * q, sizeof *half);

    *to = (bm_facstat){ .J = J, .q = m, .p = p, .Kz = bm_alloc(m * m, sizeof(double)), .A = bm_alloc(J * m * m, sizeof(double)), .B = bm_alloc(J * m * p, sizeof(double)),
                        .c = bm_alloc(J * m, sizeof(double)), .n = bm_alloc(J, sizeof *to->n) };
    if (!half || !to->Kz || !to->A || !to->B || !to->c || !to->n) {
        free(half);
        return bm_fail(err, BM_ENOMEM, "out of memory for %zu groups", J);
    }
    memcpy(to->n, f->n, J * sizeof *f->n);
    if (!Q) {
        memcpy(to->Kz, f->Kz, q * q * sizeof *f->Kz);
        memcpy(to->A, f->A, J * q * q * sizeof *f->A);
        memcpy(to->B, f->B, J * q * p * sizeof *f->B);
        memcpy(to->c, f->c, J * q * sizeof *f->c);
    }
    for (size_t j = 0; j < J && Q; j++) {
        from_left(half, Q, q, m, f->A + j * q * q, q);
        from_right(to->A + j * m * m, Q, q, m, half, m);
        from_left(to->B + j * m * p, Q, q, m, f->B + j * q * p, p);
        from_left(to->c + j * m, Q, q, m, f->c + j * q, 1);
    }
    free(half);
    return BM_OK;
}

/* left, right: Q of the side that loses an effect, or NULL. */
static bm_status cross_without(bm_cross *to, const bm_cross *x, size_t q, size_t r, const double *left, const double *right, bm_error *err)
{
    size_t a = left ? q - 1 : q, b = right ? r - 1 : r;

    *to = (bm_cross){ .J = x->J, .nnz = x->nnz, .ptr = bm_alloc(x->J + 1, sizeof *to->ptr), .lev = bm_alloc(x->nnz, sizeof *to->lev),
                      .X = bm_alloc(x->nnz * a * b, sizeof *to->X), .nested = x->nested };
    if (!to->ptr || !to->lev || !to->X) return bm_nomem(err);
    memcpy(to->ptr, x->ptr, (x->J + 1) * sizeof *x->ptr);
    memcpy(to->lev, x->lev, x->nnz * sizeof *x->lev);
    if (!left && !right) memcpy(to->X, x->X, x->nnz * q * r * sizeof *x->X);
    for (size_t e = 0; e < x->nnz && left; e++) from_left(to->X + e * a * b, left, q, a, x->X + e * q * r, r);
    for (size_t e = 0; e < x->nnz && right; e++) from_right(to->X + e * a * b, right, r, b, x->X + e * q * r, q);
    return BM_OK;
}

static void fixed_part(bm_stats *to, const bm_stats *s)
{
    size_t p = s->p;

    to->rank = s->rank;
    to->log_det_K = s->log_det_K;
    to->log_det_K1 = s->log_det_K1;
    to->sum_log_w = s->sum_log_w;
    to->yy = s->yy;
    to->y_scale = s->y_scale;
    if (!p) return;
    memcpy(to->K, s->K, p * p * sizeof *s->K);
    memcpy(to->b0, s->b0, p * sizeof *s->b0);
    memcpy(to->aliased, s->aliased, p * sizeof *s->aliased);
    memcpy(to->XX, s->XX, p * p * sizeof *s->XX);
    memcpy(to->Xy, s->Xy, p * sizeof *s->Xy);
}

bm_status bm_stats_without(bm_stats **out, const bm_stats *s, size_t factor, size_t effect, bm_error *err)
{
    size_t    q = s->fac[factor].q, gone = q == 1 ? factor : SIZE_MAX, K = s->nfac - (q == 1);
    bm_stats *to = bm_stats_alloc(s->n, s->p, K);
    double   *Q = bm_alloc(q * (q - 1), sizeof *Q), *Kz = bm_alloc((q - 1) * (q - 1), sizeof *Kz);
    bm_status st = to && Q && Kz ? BM_OK : bm_nomem(err);

    *out = NULL;
    if (st == BM_OK) fixed_part(to, s);
    if (st == BM_OK && q > 1) st = basis_without(Q, Kz, &s->fac[factor], effect, err);
    if (st == BM_OK && K > 1) {
        if ((to->cross = bm_alloc(K * K, sizeof *to->cross))) to->owns_cross = true;
        else st = bm_nomem(err);
    }
    for (size_t k = 0, at = 0; k < s->nfac && st == BM_OK; k++) {
        if (k == gone) continue;
        st = factor_without(&to->fac[at], &s->fac[k], k == factor ? Q : NULL, err);
        if (st == BM_OK && k == factor) memcpy(to->fac[at].Kz, Kz, (q - 1) * (q - 1) * sizeof *Kz);
        for (size_t l = 0, bt = 0; l < s->nfac && K > 1 && st == BM_OK; l++) {
            if (l == gone) continue;
            if (l != k)
                st = cross_without(&to->cross[at * K + bt], bm_stats_cross(s, k, l), s->fac[k].q, s->fac[l].q, k == factor ? Q : NULL, l == factor ? Q : NULL, err);
            bt++;
        }
        at++;
    }
    free(Q);
    free(Kz);
    if (st == BM_OK) *out = to;
    else bm_stats_free(to);
    return st;
}
