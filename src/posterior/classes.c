/* classes.c: the kernels of kernel.h for groups that share their A = Z'WZ (classes.h).
 *
 * With N = T M^-1 T' of a class, F_j'F_j = D_j'N D_j, so that sum_j (F_j'F_j)_ab = tr(N G_ab'), and the gradient's sum_j Y_j, Y = B S^-1 B' + g g' / sigma^2
 * with g = c - B beta, is sum_ab K_ab G_ab with K = [S^-1, 0; 0, 0] + (-beta, 1)(-beta, 1)' / sigma^2. */
#include "posterior/classes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- which groups are alike ---- */

static uint64_t hash_of(const double *A, size_t n)
{
    uint64_t h = 0, word;

    for (size_t i = 0; i < n; i++) {
        memcpy(&word, A + i, sizeof word);
        h ^= word;
        h = bm_splitmix64(&h);
    }
    return h;
}

/* Numbers of G, per class. */
static size_t room_of_class(size_t q, size_t p) { return (p + 1) * (p + 2) / 2 * q * q; }

/* At most this many classes pay: half of what the groups one by one would cost. Measured with AVX-512, in multiplications of one group, eight of them side by
 * side: those of a class wait for one another, and it has logarithms and roots of its own; beside its groups an evaluation of them costs 2000. */
static size_t most_classes(const bm_facstat *f)
{
    size_t q = f->q, p1 = f->p + 1, group = p1 * q * q + p1 * (p1 + 1) / 2 * q + q * q * q, class = 4 * room_of_class(q, f->p) + 100 * q * q * q;

    return (f->J * group + 2000) / (2 * class);
}

/* Fills of, A, count. The classes in order of appearance. False: too many of them. */
static bool find_classes(bm_classes *k, const bm_facstat *f, size_t most, uint32_t *table, size_t size)
{
    size_t qq = f->q * f->q;

    for (size_t j = 0; j < f->J; j++) {
        const double *A = f->A + j * qq;
        size_t        at = (size_t)hash_of(A, qq) % size;

        while (table[at] && memcmp(k->A + (table[at] - 1) * qq, A, qq * sizeof *A) != 0) at = (at + 1) % size;
        if (!table[at]) {
            if (k->n == most || (j >= 256 && k->n > j / 2)) return false;
            memcpy(k->A + k->n * qq, A, qq * sizeof *A);
            table[at] = (uint32_t)++k->n;
        }
        k->of[j] = table[at] - 1;
        k->count[k->of[j]]++;
    }
    return true;
}

static size_t blocks(const bm_classes *k)
{
    return k->n * room_of_class(k->q, k->p);
}

/* G_ab of the first class, a >= b; the others follow it. */
static double *block(const bm_classes *k, size_t a, size_t b)
{
    return k->G + (b * (k->p + 1) - b * (b + 1) / 2 + a) * k->n * k->q * k->q;
}

/* G_ab += x y' for the columns x = D_j[, a], y = D_j[, b] */
static void add_outer(size_t q, const double *x, const double *y, double *G)
{
    for (size_t c = 0; c < q; c++)
        for (size_t r = 0; r < q; r++) G[r + c * q] += x[r] * y[c];
}

static void add_coefficients(bm_classes *k, const double *B)
{
    size_t q = k->q, p = k->p;

    for (size_t b = 0; b < p; b++)
        for (size_t a = b; a < p; a++) {
            double *G = block(k, a, b);

            for (size_t j = 0; j < k->J; j++) add_outer(q, B + (j * p + a) * q, B + (j * p + b) * q, G + k->of[j] * q * q);
        }
}

void bm_classes_response(bm_classes *k, const double *B, const double *c)
{
    size_t q = k->q, p = k->p;

    for (size_t b = 0; b <= p; b++) {
        double *G = block(k, p, b);

        memset(G, 0, k->n * q * q * sizeof *G);
        for (size_t j = 0; q == 1 && j < k->J; j++) G[k->of[j]] += c[j] * (b < p ? B[j * p + b] : c[j]);
        if (q == 1) continue;
        for (size_t j = 0; j < k->J; j++) add_outer(q, c + j * q, b < p ? B + (j * p + b) * q : c + j * q, G + k->of[j] * q * q);
    }
}

/* ---- memory ---- */

bm_status bm_classes_new(bm_classes **out, const bm_facstat *f)
{
    size_t      most = most_classes(f), size = 2 * most + 1;
    bm_classes *k;
    uint32_t   *table = NULL;
    bool        few = false;

    *out = NULL;
    if (most < 1 || f->J < 2 * BM_LANES) return BM_OK;
    if (!(k = bm_alloc(1, sizeof *k))) return BM_ENOMEM;
    *k = (bm_classes){ .J = f->J, .q = f->q, .p = f->p };
    table = bm_alloc(size, sizeof *table);
    k->of = bm_alloc(f->J, sizeof *k->of);
    k->A = bm_alloc(most * f->q * f->q, sizeof *k->A);
    k->count = bm_alloc(most, sizeof *k->count);
    if (!table || !k->of || !k->A || !k->count) goto nomem;
    few = find_classes(k, f, most, table, size);
    free(table);
    table = NULL;
    if (!few) {
        bm_classes_free(k);
        return BM_OK;
    }
    if (!(k->G = bm_alloc(blocks(k), sizeof *k->G))) goto nomem;
    add_coefficients(k, f->B);
    bm_classes_response(k, f->B, f->c);
    *out = k;
    return BM_OK;
nomem:
    free(table);
    bm_classes_free(k);
    return BM_ENOMEM;
}

bm_classes *bm_classes_share(const bm_classes *c)
{
    bm_classes *k = bm_alloc(1, sizeof *k);

    if (!k) return NULL;
    *k = *c;
    if (!(k->G = bm_alloc(blocks(k), sizeof *k->G))) {
        free(k);
        return NULL;
    }
    memcpy(k->G, c->G, blocks(k) * sizeof *k->G);
    return k;
}

void bm_classes_unshare(bm_classes *k)
{
    if (!k) return;
    free(k->G);
    free(k);
}

void bm_classes_free(bm_classes *k)
{
    if (!k) return;
    free(k->of);
    free(k->A);
    free(k->count);
    bm_classes_unshare(k);
}

/* ---- the kernels ---- */

/* C (q x q, lower) with C C' = I + T'A T; X = C^-1 T'. Returns log |C|, NaN where there is none. */
static double factor(size_t q, const double *A, const double *T, double *C, double *X)
{
    double AT[BM_QMAX * BM_QMAX], log_C = 0;

    for (size_t j = 0; j < q; j++)
        for (size_t i = 0; i < q; i++) {
            double v = 0;

            for (size_t l = 0; l < q; l++) v += A[i + l * q] * T[l + j * q];
            AT[i + j * q] = v;
            X[j + i * q] = T[i + j * q];
        }
    for (size_t j = 0; j < q; j++)
        for (size_t i = j; i < q; i++) {
            double v = i == j;

            for (size_t l = 0; l < q; l++) v += T[l + i * q] * AT[l + j * q];
            C[i + j * q] = v;
        }
    if (bm_chol(q, C) != BM_OK) return NAN;
    for (size_t j = 0; j < q; j++) log_C += log(C[j + j * q]);
    bm_solve_lower(q, q, C, X);
    return log_C;
}

double bm_classes_eval(const bm_classes *k, const double *T, double *SF, double *scratch)
{
    size_t q = k->q, p1 = k->p + 1;
    double log_M = 0, C[BM_QMAX * BM_QMAX], X[BM_QMAX * BM_QMAX], *N = scratch;

    for (size_t i = 0; q == 1 && i < k->n; i++) {                 /* numbers */
        double m = 1 + *T * *T * k->A[i];

        N[i] = *T * *T / m;
        log_M += k->count[i] * log(m);
    }
    for (size_t i = 0; q > 1 && i < k->n; i++, N += q * q) {
        log_M += 2 * k->count[i] * factor(q, k->A + i * q * q, T, C, X);
        for (size_t c = 0; c < q; c++)
            for (size_t r = 0; r < q; r++) N[r + c * q] = bm_dot(q, X + r * q, X + c * q);
    }
    for (size_t b = 0; b < p1; b++)
        for (size_t a = b; a < p1; a++) SF[a + b * p1] -= bm_sum_products(k->n * q * q, scratch, block(k, a, b));
    return isfinite(log_M) ? log_M : NAN;
}

/* K_ab of the head of this file. */
static double weight(const bm_classes *k, const double *beta, const double *Rinv, double sigma, size_t a, size_t b)
{
    size_t p = k->p;
    double v = (a < p ? -beta[a] : 1) * (b < p ? -beta[b] : 1) / (sigma * sigma);

    for (size_t l = 0; Rinv && a < p && b < p && l < p; l++) v += Rinv[l + a * p] * Rinv[l + b * p];
    return v;
}

BM_CLONES static void add_scaled(size_t n, double scale, const double *x, double *y)
{
    for (size_t i = 0; i < n; i++) y[i] += scale * x[i];
}

/* Y (n x q x q): of every class a matrix whose symmetric part is sum_j Y_j */
static void outer(const bm_classes *k, const double *beta, const double *Rinv, double sigma, double *Y)
{
    size_t p1 = k->p + 1, n = k->n * k->q * k->q;

    memset(Y, 0, n * sizeof *Y);
    for (size_t b = 0; b < p1; b++)
        for (size_t a = b; a < p1; a++) add_scaled(n, (a == b ? 1 : 2) * weight(k, beta, Rinv, sigma, a, b), block(k, a, b), Y);
}

static void make_symmetric(size_t q, double *Y)
{
    for (size_t c = 0; c < q; c++)
        for (size_t r = c + 1; r < q; r++) Y[r + c * q] = Y[c + r * q] = 0.5 * (Y[r + c * q] + Y[c + r * q]);
}

/* X (q x q) = A B */
static void times(size_t q, const double *A, const double *B, double *X)
{
    for (size_t c = 0; c < q; c++)
        for (size_t r = 0; r < q; r++) {
            X[r + c * q] = 0;
            for (size_t l = 0; l < q; l++) X[r + c * q] += A[r + l * q] * B[l + c * q];
        }
}

void bm_classes_gradient(const bm_classes *k, const double *T, const double *beta, const double *Rinv, double sigma, double *grad, double *scratch)
{
    size_t q = k->q;
    double C[BM_QMAX * BM_QMAX], X[BM_QMAX * BM_QMAX], TM[BM_QMAX * BM_QMAX], W[BM_QMAX * BM_QMAX], P[BM_QMAX * BM_QMAX],
        TP[BM_QMAX * BM_QMAX], WTP[BM_QMAX * BM_QMAX], Tt[BM_QMAX * BM_QMAX];

    for (size_t c = 0; c < q; c++)
        for (size_t r = 0; r < q; r++) Tt[r + c * q] = T[c + r * q];
    outer(k, beta, Rinv, sigma, scratch);
    for (size_t i = 0; i < k->n; i++) {
        double *Y = scratch + i * q * q;

        factor(q, k->A + i * q * q, T, C, X);
        bm_solve_lower_t(q, q, C, X);                             /* M^-1 T' */
        for (size_t c = 0; c < q; c++)
            for (size_t r = 0; r < q; r++) TM[r + c * q] = X[c + r * q];
        times(q, k->A + i * q * q, TM, W);
        make_symmetric(q, Y);
        times(q, Y, TM, P);
        times(q, Tt, P, TP);
        times(q, W, TP, WTP);
        for (size_t e = 0; e < q * q; e++) grad[e] += P[e] - WTP[e] - k->count[i] * W[e];
    }
}
