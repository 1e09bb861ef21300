/* track.c: a good basis for columns whose rows come in portions and are not kept.
 *
 * The basis is that of the rows so far. Where a new portion would make it a bad one (the columns of all rows would be nearly collinear in it) it is
 * changed before the portion is added up, by an orthogonalisation of the portion below a Cholesky factor of what was added before. Sums so far follow
 * by a linear map. They were taken in a basis in which they are of size one, and rows only add to a sum of squares: the map never magnifies their
 * rounding. So no digits are lost, however different the first rows are from the last. */
#include "suffstat/suffstat_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double GOOD = 0.01;                     /* the least part of a column's sum of squares that the ones before it may leave */

bm_status bm_track_new(bm_track *t, size_t m, size_t fixed, bm_error *err)
{
    *t = (bm_track){ .m = m, .fixed = fixed, .R = bm_alloc(m * m, sizeof *t->R), .G = bm_alloc(m * m, sizeof *t->G), .G1 = bm_alloc(m * m, sizeof *t->G1),
                     .M = bm_alloc(m * m, sizeof *t->M), .length2 = bm_alloc(m, sizeof *t->length2), .length2_1 = bm_alloc(m, sizeof *t->length2_1) };
    if (!t->R || !t->G || !t->G1 || !t->M || !t->length2 || !t->length2_1) return bm_nomem(err);
    for (size_t k = 0; k < m; k++) t->R[k + k * m] = 1;
    return BM_OK;
}

void bm_track_clear(bm_track *t)
{
    free(t->R);
    free(t->G);
    free(t->G1);
    free(t->M);
    free(t->length2);
    free(t->length2_1);
    *t = (bm_track){ 0 };
}

void bm_track_rows(const bm_track *t, const double *X, size_t n, double *Q)
{
    for (size_t j = 0; j < t->fixed; j++) {
        double *q = Q + j * n, last = t->R[j + j * t->m];

        memcpy(q, X + j * n, n * sizeof *q);
        for (size_t l = 0; l < j; l++) {
            const double *ql = Q + l * n, r = t->R[l + j * t->m];

            if (r == 0) continue;
            for (size_t i = 0; i < n; i++) q[i] -= r * ql[i];
        }
        if (last == 1) continue;
        for (size_t i = 0; i < n; i++) q[i] /= last;
    }
}

static double products(const double *w, const double *x, const double *y, size_t n)
{
    return w ? bm_sum_weighted(n, w, x, y) : bm_sum_products(n, x, y);
}

void bm_track_measure(bm_track *t, const double *X, const double *Q, const double *w, size_t n)
{
    t->total1 = w ? bm_sum_scaled(n, w, 1) : (double)n;
    for (size_t j = 0; j < t->m; j++) {
        const double *x = X + j * n, *qj = Q + j * n;

        t->length2_1[j] = j < t->fixed ? products(w, x, x, n) : 0;
        for (size_t l = 0; l <= j; l++) t->G1[l + j * t->m] = t->G1[j + l * t->m] = products(w, Q + l * n, qj, n);
    }
}

/* Is there more to column j than what the ones before it explain (and rounding)? */
static bool is_live(const bm_track *t, size_t j, double square, double length2)
{
    double r = t->R[j + j * t->m];

    return j < t->fixed ? square * r * r > BM_RANK_TOL * BM_RANK_TOL * length2 : square > 0;
}

/* Whether the columns of all rows, these included, are far enough from collinear in this basis. */
bm_status bm_track_good(const bm_track *t, bool *good, bm_error *err)
{
    size_t    m = t->m;
    double   *C = bm_alloc(m * m, sizeof *C);
    bool     *live = bm_alloc(m, sizeof *live);

    *good = t->started;
    if (!C || !live) {
        free(C);
        free(live);
        return bm_nomem(err);
    }
    for (size_t j = 0; j < m && *good; j++) {        /* a Cholesky factor of the correlations, row after row */
        double own = t->G[j + j * m] + t->G1[j + j * m], left = 1;

        live[j] = is_live(t, j, own, t->length2[j] + t->length2_1[j]);
        if (!live[j]) continue;
        for (size_t l = 0; l < j; l++) {
            if (!live[l]) continue;
            double s = (t->G[l + j * m] + t->G1[l + j * m]) / sqrt(own * (t->G[l + l * m] + t->G1[l + l * m]));
            for (size_t k = 0; k < l; k++)
                if (live[k]) s -= C[j + k * m] * C[l + k * m];
            C[j + l * m] = s / C[l + l * m];
            left -= C[j + l * m] * C[j + l * m];
        }
        *good = left > GOOD;
        C[j + j * m] = sqrt(fmax(left, GOOD));
    }
    free(C);
    free(live);
    return BM_OK;
}

/* Rows whose sum of squares and products is G: a Cholesky factor, upside up (k x k, upper). Columns that are zero but for rounding stay zero. */
static void rows_of(const bm_track *t, const size_t *live, size_t k, double *Q, size_t ld)
{
    for (size_t j = 0; j < k; j++) {
        for (size_t l = 0; l <= j; l++) {
            double s = t->G[live[l] + live[j] * t->m];

            for (size_t i = 0; i < l; i++) s -= Q[i + l * ld] * Q[i + j * ld];
            if (l < j) Q[l + j * ld] = Q[l + l * ld] > 0 ? s / Q[l + l * ld] : 0;
            else Q[j + j * ld] = s > 0 ? sqrt(s) : 0;
        }
    }
}

/* R <- M^-1 R (fixed columns only): x = R'q = (M^-1 R)' M'q. */
static void renew_R(bm_track *t)
{
    size_t m = t->m;

    for (size_t j = 0; j < t->fixed; j++)
        for (size_t i = j + 1; i-- > 0;) {
            double s = t->R[i + j * m];

            for (size_t l = i + 1; l <= j; l++) s -= t->M[i + l * m] * t->R[l + j * m];
            t->R[i + j * m] = s / t->M[i + i * m];
        }
}

static bm_status map_G(bm_track *t, bm_error *err)
{
    size_t  m = t->m;
    double *H = bm_alloc(m * m, sizeof *H);

    if (!H) return bm_nomem(err);
    for (size_t j = 0; j < m; j++)                   /* H = G M */
        for (size_t i = 0; i < m; i++)
            for (size_t l = 0; l <= j; l++) H[i + j * m] += t->G[i + l * m] * t->M[l + j * m];
    for (size_t j = 0; j < m; j++)
        for (size_t i = 0; i <= j; i++) {
            double s = 0;

            for (size_t l = 0; l <= i; l++) s += t->M[l + i * m] * H[l + j * m];
            t->G[i + j * m] = t->G[j + i * m] = s;
        }
    free(H);
    return BM_OK;
}

bm_status bm_track_renew(bm_track *t, const double *Q, const double *w, size_t n, bm_error *err)
{
    size_t    m = t->m, k = 0, *live = bm_alloc(m, sizeof *live), rows;
    double   *S = NULL, *K = NULL, total = t->total + t->total1;
    bool     *dependent = bm_alloc(m, sizeof *dependent);
    bm_status st = live && dependent ? BM_OK : bm_nomem(err);

    for (size_t j = 0; j < m && st == BM_OK; j++)
        if (!t->started || is_live(t, j, t->G[j + j * m] + t->G1[j + j * m], t->length2[j] + t->length2_1[j])) live[k++] = j;
    rows = n + k;
    if (st == BM_OK && (!(S = bm_alloc(rows * k, sizeof *S)) || !(K = bm_alloc(k * k, sizeof *K)))) st = bm_nomem(err);
    if (st != BM_OK) goto done;
    rows_of(t, live, k, S, rows);
    for (size_t j = 0; j < k; j++)
        for (size_t i = 0; i < n; i++) S[k + i + j * rows] = (w ? sqrt(w[i]) : 1) * Q[i + live[j] * n];
    if ((st = bm_orthogonalise(S, K, dependent, rows, k, NULL, total, BM_RANK_TOL, err)) != BM_OK) goto done;
    memset(t->M, 0, m * m * sizeof *t->M);
    for (size_t j = 0; j < m; j++) t->M[j + j * m] = 1;
    for (size_t j = 0; j < k; j++) {
        double scale = live[j] >= t->fixed ? 1 / K[j + j * k] : 1;           /* the response keeps its unit */

        for (size_t i = 0; i <= j; i++) t->M[live[i] + live[j] * m] = scale * K[i + j * k];
    }
    t->started = true;
done:
    free(S);
    free(K);
    free(live);
    free(dependent);
    return st;
}

bm_status bm_track_change(bm_track *t, bm_error *err)
{
    renew_R(t);
    return map_G(t, err);
}

void bm_track_add(bm_track *t)
{
    for (size_t i = 0; i < t->m * t->m; i++) t->G[i] += t->G1[i];
    for (size_t j = 0; j < t->m; j++) t->length2[j] += t->length2_1[j];
    t->total += t->total1;
}

/* ---- sums of other rows, in another basis ---- */

void bm_track_lead(const bm_track *into, bm_track *from, const double *gap)
{
    size_t  m = from->m, p = from->fixed;
    double *T = from->M;

    memset(T, 0, m * m * sizeof *T);
    for (size_t j = p; j < m; j++) {
        T[j + j * m] = 1;
        for (size_t i = 0; i < p; i++)
            for (size_t l = i; l < p; l++) T[i + j * m] += from->R[i + l * m] * gap[l];
    }
    for (size_t j = 0; j < p; j++)                   /* T R_into = R_from */
        for (size_t i = 0; i <= j; i++) {
            double s = from->R[i + j * m];

            for (size_t l = i; l < j; l++) s -= T[i + l * m] * into->R[l + j * m];
            T[i + j * m] = s / into->R[j + j * m];
        }
}

/* Rows that have the sums of `from`, in the basis of into (m x m), and their measure. */
bm_status bm_track_stand_in(bm_track *into, const bm_track *from, double *Q, bm_error *err)
{
    size_t  m = from->m, *all = bm_alloc(m, sizeof *all);
    double *S = bm_alloc(m * m, sizeof *S);

    if (!all || !S) {
        free(all);
        free(S);
        return bm_nomem(err);
    }
    for (size_t j = 0; j < m; j++) all[j] = j;
    rows_of(from, all, m, S, m);
    for (size_t j = 0; j < m; j++)
        for (size_t i = 0; i < m; i++) {
            Q[i + j * m] = 0;
            for (size_t l = i; l <= j; l++) Q[i + j * m] += S[i + l * m] * from->M[l + j * m];
        }
    for (size_t j = 0; j < m; j++)
        for (size_t i = 0; i < m; i++) into->G1[i + j * m] = bm_dot(m, Q + i * m, Q + j * m);
    memcpy(into->length2_1, from->length2, m * sizeof *from->length2);
    into->total1 = from->total;
    free(all);
    free(S);
    return BM_OK;
}

/* The last basis: M with Q M orthogonal, sums of squares norm2; columns that depend on others are told. */
bm_status bm_track_end(bm_track *t, double norm2, bool *dependent, bm_error *err)
{
    size_t  m = t->m, p = t->fixed;
    double *C = bm_alloc(m * m, sizeof *C), *M = t->M;

    if (!C) return bm_nomem(err);
    memset(M, 0, m * m * sizeof *M);
    for (size_t j = 0; j < p; j++) {                 /* C: an upper factor of G; columns that depend are left out */
        double own = t->G[j + j * m], left = own, r = t->R[j + j * m];

        for (size_t l = 0; l < j; l++) {
            double s = t->G[l + j * m];

            if (dependent[l]) continue;
            for (size_t i = 0; i < l; i++) s -= C[i + l * m] * C[i + j * m];
            C[l + j * m] = s / C[l + l * m];
            left -= C[l + j * m] * C[l + j * m];
        }
        dependent[j] = !(left * r * r > BM_RANK_TOL * BM_RANK_TOL * t->length2[j]);
        /* As bm_orthogonalise: such a column is scaled by its own length. */
        C[j + j * m] = dependent[j] ? (t->length2[j] > 0 ? sqrt(t->length2[j]) / r : 1 / r) : sqrt(left);
    }
    for (size_t j = 0; j < p; j++) {                 /* M = C^-1 sqrt(norm2) */
        M[j + j * m] = (t->length2[j] > 0 || !dependent[j] ? sqrt(norm2) : 1) / C[j + j * m];
        for (size_t i = j; i-- > 0;) {
            double s = 0;

            if (dependent[i]) continue;
            for (size_t l = i + 1; l <= j; l++)
                if (l == j || !dependent[l]) s += C[i + l * m] * M[l + j * m];
            M[i + j * m] = -s / C[i + i * m];
        }
    }
    free(C);
    return BM_OK;
}

/* K = R^-1 M, p x p: x~ = K'x. */
void bm_track_K(const bm_track *t, double *K)
{
    size_t m = t->m, p = t->fixed;

    for (size_t j = 0; j < p; j++)
        for (size_t i = p; i-- > 0;) {
            double s = i <= j ? t->M[i + j * m] : 0;

            for (size_t l = i + 1; l <= j && l < p; l++) s -= t->R[i + l * m] * K[l + j * p];
            K[i + j * p] = i <= j ? s / t->R[i + i * m] : 0;
        }
}
