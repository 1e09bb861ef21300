/* ranks.c: the ranks of a design that flat priors are judged by, from its cross-products.
 *
 * X = X~ inv(K) and Z_j = Z~_j inv(Kz), with X~'W X~ = I (0 for aliased columns): directions F of the coefficients are made orthonormal as columns of inv(K) F. Of
 * the effects S of a group, A_j = S'Z_j'W Z_j S has the rank; what of the directions is not in their span leaves the sums of squares F'F - sum B_j'inv(A_j) B_j. */
#include "suffstat/suffstat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TOL = 1e-10;                     /* lengths: as for the rank of X */
static const double NOTHING = 1e-10, ABSORBED = 1e-6;        /* squares: what is left of a group's effects, of a direction */

/* x <- inv(K) x, K n x n upper triangular. */
static void solve(const double *K, size_t n, double *x)
{
    for (size_t i = n; i-- > 0;) {
        for (size_t l = i + 1; l < n; l++) x[i] -= K[i + l * n] * x[l];
        x[i] /= K[i + i * n];
    }
}

static double length_of(const double *x, size_t n)
{
    double s = 0;

    for (size_t i = 0; i < n; i++) s += x[i] * x[i];
    return sqrt(s);
}

/* The m columns of Q (n x m) orthonormal, twice Gram and Schmidt; 0 where no more than TOL of its length is left, which is told. */
static void orthonormalise(double *Q, size_t n, size_t m, const double *length, bool *dependent)
{
    for (size_t k = 0; k < m; k++) {
        double *q = Q + k * n, left;

        for (size_t l = 0; l < 2 * k; l++) {
            const double *o = Q + l % k * n;
            double        c = 0;

            for (size_t i = 0; i < n; i++) c += o[i] * q[i];
            for (size_t i = 0; i < n; i++) q[i] -= c * o[i];
        }
        left = length_of(q, n);
        dependent[k] = !(left > TOL * length[k]);
        for (size_t i = 0; i < n; i++) q[i] = dependent[k] ? 0 : q[i] / left;
    }
}

/* ---- directions ---- */

/* F (p x m): the directions in the basis X~, orthonormal. */
static bm_status directions(double *F, const bm_stats *s, const bm_directions *f, bool *dependent, bm_error *err)
{
    double *length = bm_alloc(f->m, sizeof *length);

    if (!length) return bm_nomem(err);
    for (size_t c = 0; c < f->m; c++) {
        double *x = F + c * s->p;

        x[f->column[c]] = 1;
        solve(s->K, s->p, x);
        for (size_t i = 0; i < s->p; i++) x[i] = s->aliased[i] ? 0 : x[i];
        length[c] = length_of(x, s->p);
        if (f->centre[c] == 0) continue;
        memset(x, 0, s->p * sizeof *x);
        x[f->column[c]] = 1;
        x[f->intercept] -= f->centre[c];
        solve(s->K, s->p, x);
        for (size_t i = 0; i < s->p; i++) x[i] = s->aliased[i] ? 0 : x[i];
    }
    orthonormalise(F, s->p, f->m, length, dependent);
    free(length);
    return BM_OK;
}

static bm_status dependent_directions(const void *self, const bm_directions *f, bool *dependent, bm_error *err)
{
    const bm_stats *s = self;
    double         *F = bm_alloc(s->p * f->m, sizeof *F);
    bm_status       st = F ? directions(F, s, f, dependent, err) : bm_nomem(err);

    free(F);
    return st;
}

/* ---- effects ---- */

/* A (m x m) = L L' with the largest pivot first, as long as one is larger than tol; B (m x k) <- inv(L) B, its first rank rows in the order of the pivots. */
static size_t eliminate(double *A, double *B, size_t m, size_t k, double tol)
{
    for (size_t r = 0; r < m; r++) {
        size_t at = r;
        double root;

        for (size_t i = r + 1; i < m; i++)
            if (A[i + i * m] > A[at + at * m]) at = i;
        if (!(A[at + at * m] > tol)) return r;
        for (size_t i = 0; i < m && at != r; i++) {          /* rows, columns and right sides change places */
            double t = A[i + r * m];

            A[i + r * m] = A[i + at * m];
            A[i + at * m] = t;
        }
        for (size_t i = 0; i < m && at != r; i++) {
            double t = A[r + i * m];

            A[r + i * m] = A[at + i * m];
            A[at + i * m] = t;
        }
        for (size_t c = 0; c < k && at != r; c++) {
            double t = B[r + c * m];

            B[r + c * m] = B[at + c * m];
            B[at + c * m] = t;
        }
        root = sqrt(A[r + r * m]);
        for (size_t c = 0; c < k; c++) B[r + c * m] /= root;
        for (size_t i = r + 1; i < m; i++) {
            double l = A[i + r * m] / root;

            for (size_t c = 0; c < k; c++) B[i + c * m] -= l * B[r + c * m];
            for (size_t j = r + 1; j < m; j++) A[i + j * m] -= l * A[r + j * m] / root;
        }
    }
    return m;
}

/* C (m x k) = T'A F, A q x p, T q x m, F p x k. */
static void sandwich(double *C, const double *T, size_t q, size_t m, const double *A, const double *F, size_t p, size_t k, double *row)
{
    for (size_t i = 0; i < m; i++) {
        memset(row, 0, p * sizeof *row);
        for (size_t l = 0; l < p; l++)
            for (size_t h = 0; h < q; h++) row[l] += T[h + i * q] * A[h + l * q];
        for (size_t j = 0; j < k; j++) {
            C[i + j * m] = 0;
            for (size_t l = 0; l < p; l++) C[i + j * m] += row[l] * F[l + j * p];
        }
    }
}

typedef struct { double *F, *T, *A, *B, *G, *row, *length; bool *dependent; } room;

static bm_status room_new(room *w, size_t p, size_t q, size_t m, size_t k, bm_error *err)
{
    *w = (room){ .F = bm_alloc(p * k, sizeof(double)), .T = bm_alloc(q * m, sizeof(double)), .A = bm_alloc(m * m, sizeof(double)), .B = bm_alloc(m * k, sizeof(double)),
                 .G = bm_alloc(k * k, sizeof(double)), .row = bm_alloc(p + q, sizeof(double)), .length = bm_alloc(m, sizeof(double)),
                 .dependent = bm_alloc(m + k, sizeof(bool)) };
    return w->F && w->T && w->A && w->B && w->G && w->row && w->length && w->dependent ? BM_OK : bm_nomem(err);
}

static void room_clear(room *w)
{
    free(w->F);
    free(w->T);
    free(w->A);
    free(w->B);
    free(w->G);
    free(w->row);
    free(w->length);
    free(w->dependent);
}

static double largest(const double *A, size_t q)
{
    double x = 0;

    for (size_t i = 0; i < q; i++) x = A[i + i * q] > x ? A[i + i * q] : x;
    return x;
}

static bm_status spanned(const void *self, const bm_directions *f, size_t factor, const size_t *effects, size_t m, bm_span *out, bm_error *err)
{
    const bm_stats   *s = self;
    const bm_facstat *g = &s->fac[factor];
    size_t            p = s->p, q = g->q, k = f->m;
    room              w;
    bm_status         st = room_new(&w, p, q, m, k, err);

    *out = (bm_span){ 0 };
    if (st == BM_OK) st = directions(w.F, s, f, w.dependent, err);
    if (st != BM_OK) goto done;
    for (size_t i = 0; i < m; i++) {
        w.T[effects[i] + i * q] = 1;
        solve(g->Kz, q, w.T + i * q);
        w.length[i] = length_of(w.T + i * q, q);
    }
    orthonormalise(w.T, q, m, w.length, w.dependent);
    sandwich(w.G, w.F, p, k, s->XX, w.F, p, k, w.row);
    for (size_t j = 0; j < g->J; j++) {
        const double *A = g->A + j * q * q;
        size_t        rank;

        sandwich(w.A, w.T, q, m, A, w.T, q, m, w.row);
        sandwich(w.B, w.T, q, m, g->B + j * q * p, w.F, p, k, w.row);
        out->spanned += rank = eliminate(w.A, w.B, m, k, NOTHING * largest(A, q));
        for (size_t a = 0; a < k; a++)
            for (size_t b = 0; b < k; b++)
                for (size_t r = 0; r < rank; r++) w.G[a + b * k] -= w.B[r + a * m] * w.B[r + b * m];
    }
    out->absorbed = k - eliminate(w.G, NULL, k, 0, ABSORBED);
done:
    room_clear(&w);
    return st;
}

bm_ranks bm_ranks_of_stats(const bm_stats *s)
{
    return (bm_ranks){ .self = s, .dependent = dependent_directions, .span = spanned };
}
