/* kernel.c: the small Cholesky factors of eight groups side by side in SIMD registers; kernel.h says what is computed.
 *
 * A v8 holds one number of eight groups. GCC's vector extension lowers it to one AVX-512, two AVX2 or four SSE2 registers; each
 * kernel is compiled for the three, and bm_kernel_run takes the one for the machine. The bodies are inlined with q constant for q = 1 .. 4. */
#include "posterior/kernel.h"

#include "base/base.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi"     /* every function that takes a v8 is inlined: there is no ABI to differ */

typedef double  v8 __attribute__((vector_size(64)));
typedef double  unaligned_v8 __attribute__((vector_size(64), aligned(8), may_alias));
typedef int64_t i8 __attribute__((vector_size(64)));


/* In front of the loops over the effects of a group, which are few: gcc leaves the larger ones as they are, and what they hold in memory, unless told. */
#ifdef __clang__
#define UNROLL _Pragma("unroll 4")
#else
#define UNROLL _Pragma("GCC unroll 4")
#endif

static const size_t FEW = 8;           /* batches whose products are summed in registers before they are added */
static const size_t PANEL = 16;        /* where p is large: batches whose F are gathered for one call of dsyrk */
static const size_t WIDE = 40;         /* columns from which that pays */

size_t bm_kernel_scratch(size_t q, size_t p)
{
    size_t p1 = p + 1, panel = (p1 > WIDE ? PANEL * q * p1 : 2 * FEW * q * p1 + p1 * (p1 + 1) / 2) * BM_LANES;

    return (8 * q * q + 4 * q + 3 * q * p1) * BM_LANES + panel + 64;
}

/* Not memcpy: gcc makes a detour by the stack of it where a v8 is more than one register. */
BM_INLINE v8 load(const double *x)
{
    return *(const unaligned_v8 *)x;
}

BM_INLINE void store(double *x, const v8 *v)
{
    *(unaligned_v8 *)x = *v;
}

BM_INLINE void sqrt8(v8 *y, const v8 *x)
{
    for (int l = 0; l < BM_LANES; l++) (*y)[l] = __builtin_sqrt((*x)[l]);
}

BM_INLINE v8 splat(double x)
{
    return (v8){ x, x, x, x, x, x, x, x };
}

/* A running product of positive numbers as mantissa and exponent: one logarithm at the end instead of one per group. */
typedef struct { v8 mantissa, bad; i8 exponent, sign; } product8;      /* bad: NaN once a factor was not finite; sign: negative once one was */
#define ONE8 { splat(1), splat(0), { 0 }, { 0 } }

BM_INLINE void multiply(product8 *p, v8 x)
{
    const int64_t bias = 1023, low = 0x000fffffffffffff, one = 0x3ff0000000000000;
    v8 m = p->mantissa * x;
    i8 bits;

    memcpy(&bits, &m, sizeof bits);
    p->sign |= bits;
    p->exponent += (bits >> 52) - bias;
    bits = (bits & low) | one;
    memcpy(&p->mantissa, &bits, sizeof bits);
}

/* NaN where a factor was not positive and finite. */
BM_INLINE double log_product(const product8 *p)
{
    double m = 0, e = 0;

    for (int l = 0; l < BM_LANES; l++) {
        m += log(p->mantissa[l]) + p->bad[l];
        if (p->sign[l] < 0) return NAN;
        e += (double)p->exponent[l];
    }
    return m + e * 0.693147180559945309417232121458;
}

BM_INLINE size_t tri(size_t q, size_t i, size_t j)      /* (i, j), i >= j, of a packed lower triangle */
{
    return i + j * q - j * (j + 1) / 2;
}

BM_INLINE v8 sym(const double *A, size_t q, size_t i, size_t j)
{
    return load(A + (i >= j ? tri(q, i, j) : tri(q, j, i)) * BM_LANES);
}

/* AT = A T (q x q), C (packed lower) with C C' = I + T'A T, inv = 1 / diag C; multiplies the pivots into det. */
BM_INLINE void factor(size_t q, const double *A, const double *T, v8 *AT, v8 *C, v8 *inv, product8 *det)
{
    for (size_t j = 0; j < q; j++)
        for (size_t i = 0; i < q; i++) {
            v8 v = splat(0);

            for (size_t k = 0; k < q; k++) v += sym(A, q, i, k) * T[k + j * q];
            AT[i + j * q] = v;
        }
    for (size_t j = 0; j < q; j++) {
        for (size_t i = j; i < q; i++) {
            v8 v = splat(i == j);

            for (size_t k = 0; k < q; k++) v += T[k + i * q] * AT[k + j * q];
            for (size_t k = 0; k < j; k++) v -= C[tri(q, i, k)] * C[tri(q, j, k)];
            C[tri(q, i, j)] = v;
        }
        v8 pivot = C[tri(q, j, j)], root;

        sqrt8(&root, &pivot);
        multiply(det, pivot);
        inv[j] = 1 / root;
        det->bad += 0 * (root + inv[j]);             /* NaN where the pivot was not positive and finite */
        C[tri(q, j, j)] = root;
        for (size_t i = j + 1; i < q; i++) C[tri(q, i, j)] *= inv[j];
    }
}

/* I + T'A T = L D L' with a unit diagonal (L packed lower, D on its diagonal), inv = 1 / D; multiplies D into det. No roots, and of the divisions, which
 * wait for one another, half as many as `factor` has. V: q, scratch. */
BM_INLINE void factor_ldl(size_t q, const double *A, const double *T, v8 *AT, v8 *V, v8 *L, v8 *inv, product8 *det)
{
    UNROLL for (size_t j = 0; j < q; j++)
        UNROLL for (size_t i = 0; i < q; i++) {
            v8 v = splat(0);

            for (size_t k = 0; k < q; k++) v += sym(A, q, i, k) * T[k + j * q];
            AT[i + j * q] = v;
        }
    UNROLL for (size_t j = 0; j < q; j++) {
        for (size_t k = 0; k < j; k++) V[k] = L[tri(q, j, k)] * L[tri(q, k, k)];
        UNROLL for (size_t i = j; i < q; i++) {
            v8 v = splat(i == j);

            for (size_t k = 0; k < q; k++) v += T[k + i * q] * AT[k + j * q];
            for (size_t k = 0; k < j; k++) v -= L[tri(q, i, k)] * V[k];
            L[tri(q, i, j)] = v;
        }
        v8 pivot = L[tri(q, j, j)];

        multiply(det, pivot);
        inv[j] = 1 / pivot;
        det->bad += 0 * (pivot + inv[j]);            /* NaN where the pivot was 0 or not finite */
        UNROLL for (size_t i = j + 1; i < q; i++) L[tri(q, i, j)] *= inv[j];
    }
}

/* x <- C^-1 x */
BM_INLINE void forward(size_t q, const v8 *C, const v8 *inv, v8 *x)
{
    for (size_t i = 0; i < q; i++) {
        v8 v = x[i];

        for (size_t k = 0; k < i; k++) v -= C[tri(q, i, k)] * x[k];
        x[i] = v * inv[i];
    }
}

/* x <- C'^-1 x */
BM_INLINE void backward(size_t q, const v8 *C, const v8 *inv, v8 *x)
{
    for (size_t i = q; i-- > 0;) {
        v8 v = x[i];

        for (size_t k = i + 1; k < q; k++) v -= C[tri(q, k, i)] * x[k];
        x[i] = v * inv[i];
    }
}

/* Where column k of D begins for batch b: the last one may be replaced. */
BM_INLINE const double *column(const bm_pack *k, size_t q, size_t b, size_t col)
{
    if (col == k->p && k->c) return k->c + b * q * BM_LANES;
    return k->D + (b * (k->p + 1) + col) * q * BM_LANES;
}

/* G (q x (p+1)) = L^-1 T'D, H = inv G: G'H = D'T (L D L')^-1 T'D */
BM_INLINE void unit_solve(size_t q, const bm_pack *k, size_t b, const double *T, const v8 *L, const v8 *inv, v8 *G, v8 *H)
{
    for (size_t col = 0; col <= k->p; col++) {
        const double *d = column(k, q, b, col);
        v8           *g = G + col * q, *h = H + col * q;

        UNROLL for (size_t i = 0; i < q; i++) {
            v8 v = splat(0);

            for (size_t a = 0; a < q; a++) v += T[a + i * q] * load(d + a * BM_LANES);
            for (size_t a = 0; a < i; a++) v -= L[tri(q, i, a)] * g[a];
            g[i] = v;
            h[i] = v * inv[i];
        }
    }
}

/* F (q x (p+1)) = C^-1 T'D */
BM_INLINE void half_solve(size_t q, const bm_pack *k, size_t b, const double *T, const v8 *C, const v8 *inv, v8 *F)
{
    for (size_t col = 0; col <= k->p; col++) {
        const double *d = column(k, q, b, col);
        v8           *f = F + col * q;

        for (size_t i = 0; i < q; i++) {
            v8 v = splat(0);

            for (size_t a = 0; a < q; a++) v += T[a + i * q] * load(d + a * BM_LANES);
            f[i] = v;
        }
        forward(q, C, inv, f);
    }
}

/* acc += sum of G'H over n batches, rows i .. i + ni - 1 and columns j .. j + nj - 1 of it (on the diagonal: its lower triangle), ni and nj at most SIDE_MAX:
 * these sums stay in registers. */
enum { SIDE_MAX = 4 };

BM_INLINE void add_tile(size_t q, size_t p1, size_t n, const v8 *G, const v8 *H, size_t i, size_t ni, size_t j, size_t nj, v8 *acc)
{
    v8 s[SIDE_MAX * SIDE_MAX];

    for (size_t c = 0; c < nj; c++)
        for (size_t r = i == j ? c : 0; r < ni; r++) s[r + c * SIDE_MAX] = splat(0);
    for (size_t b = 0; b < n; b++, G += q * p1, H += q * p1)
        for (size_t a = 0; a < q; a++)
            for (size_t c = 0; c < nj; c++)
                for (size_t r = i == j ? c : 0; r < ni; r++) s[r + c * SIDE_MAX] += G[a + (i + r) * q] * H[a + (j + c) * q];
    for (size_t c = 0; c < nj; c++)
        for (size_t r = i == j ? c : 0; r < ni; r++) acc[tri(p1, i + r, j + c)] += s[r + c * SIDE_MAX];
}

/* acc (packed lower triangle of (p+1) x (p+1)) += sum of G'H, which is symmetric, over n batches. side: of a tile, as many as the registers hold */
BM_INLINE void add_products(size_t q, size_t p1, size_t n, const v8 *G, const v8 *H, size_t side, v8 *acc)
{
    for (size_t j = 0; j < p1; j += side)
        for (size_t i = j; i < p1; i += side) {
            size_t left = p1 - i;

            if (i > j && left >= 4 && side == 4) add_tile(q, p1, n, G, H, i, 4, j, 4, acc);
            else if (i > j && left == 3 && side == 4) add_tile(q, p1, n, G, H, i, 3, j, 4, acc);
            else if (i > j && left >= 2) add_tile(q, p1, n, G, H, i, 2, j, side, acc);
            else if (i > j) add_tile(q, p1, n, G, H, i, 1, j, side, acc);
            else if (left >= 4 && side == 4) add_tile(q, p1, n, G, H, i, 4, i, 4, acc);
            else if (left == 3 && side == 4) add_tile(q, p1, n, G, H, i, 3, i, 3, acc);
            else if (left >= 2) add_tile(q, p1, n, G, H, i, 2, i, 2, acc);
            else add_tile(q, p1, n, G, H, i, 1, i, 1, acc);
        }
}

BM_INLINE double sum8(v8 x)
{
    return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
}

/* Where p is large: F of some batches side by side, then their products by BLAS. */
BM_INLINE double eval_wide(size_t q, const bm_kernel_job *a)
{
    const bm_pack *k = a->pack;
    const double  *T = a->T;
    size_t   p1 = k->p + 1, rows = PANEL * BM_LANES * q;
    v8      *AT = (v8 *)(void *)a->scratch, *C = AT + q * q, *inv = C + q * q, *F = inv + q;
    double  *panel = (double *)(void *)(F + q * p1);
    product8 det = ONE8;

    for (size_t b = a->first; b < a->upto; b++) {
        size_t in_panel = (b - a->first) % PANEL;

        factor(q, k->A + b * (q * (q + 1) / 2) * BM_LANES, T, AT, C, inv, &det);
        half_solve(q, k, b, T, C, inv, F);
        for (size_t col = 0; col < p1; col++)
            for (size_t i = 0; i < q; i++) store(panel + col * rows + (in_panel * q + i) * BM_LANES, &F[i + col * q]);
        if (in_panel == PANEL - 1 || b == a->upto - 1) bm_syrk(p1, (in_panel + 1) * BM_LANES * q, -1, panel, rows, a->out);
    }
    return log_product(&det);
}

BM_INLINE double eval_body(size_t q, const bm_kernel_job *a, size_t side)
{
    const bm_pack *k = a->pack;
    const double  *T = a->T;
    size_t   p1 = k->p + 1, at = 0, n = 0;
    v8      *AT = (v8 *)(void *)a->scratch, *V = AT + q * q, *L = V + q, *inv = L + q * q, *G = inv + q, *H = G + FEW * q * p1, *acc = H + FEW * q * p1;
    product8 det = ONE8;

    if (p1 > WIDE) return eval_wide(q, a);
    memset(acc, 0, p1 * (p1 + 1) / 2 * sizeof *acc);
    for (size_t b = a->first; b < a->upto; b++) {
        factor_ldl(q, k->A + b * (q * (q + 1) / 2) * BM_LANES, T, AT, V, L, inv, &det);
        unit_solve(q, k, b, T, L, inv, G + n * q * p1, H + n * q * p1);
        if (++n < FEW && b + 1 < a->upto) continue;
        add_products(q, p1, n, G, H, side, acc);
        n = 0;
    }
    for (size_t j = 0; j < p1; j++)
        for (size_t i = j; i < p1; i++) a->out[i + j * p1] -= sum8(acc[at++]);
    return log_product(&det);
}

/* M^-1 applied from the right to the rows of X (q x q): X <- X M^-1 */
BM_INLINE void rows_times_inverse(size_t q, const v8 *C, const v8 *inv, v8 *X)
{
    v8 row[BM_QMAX];

    for (size_t i = 0; i < q; i++) {
        for (size_t j = 0; j < q; j++) row[j] = X[i + j * q];
        forward(q, C, inv, row);
        backward(q, C, inv, row);
        for (size_t j = 0; j < q; j++) X[i + j * q] = row[j];
    }
}

/* g = c - B beta */
BM_INLINE void residual(size_t q, const bm_pack *k, size_t b, const double *beta, v8 *g)
{
    const double *c = column(k, q, b, k->p);

    for (size_t a = 0; a < q; a++) g[a] = load(c + a * BM_LANES);
    for (size_t l = 0; l < k->p; l++) {
        const double *d = column(k, q, b, l);

        for (size_t a = 0; a < q; a++) g[a] -= beta[l] * load(d + a * BM_LANES);
    }
}

/* Y = g g' / sigma^2 + H H',  H = B R'^-1 */
BM_INLINE void outer(size_t q, const bm_pack *k, size_t b, const v8 *g, const double *Rinv, double sigma, v8 *Y)
{
    v8 h[BM_QMAX];

    for (size_t j = 0; j < q; j++)
        for (size_t i = j; i < q; i++) Y[i + j * q] = g[i] * g[j] * (1 / (sigma * sigma));
    for (size_t col = 0; Rinv && col < k->p; col++) {
        for (size_t a = 0; a < q; a++) h[a] = splat(0);
        for (size_t l = 0; l <= col; l++) {
            const double *d = column(k, q, b, l);

            for (size_t a = 0; a < q; a++) h[a] += Rinv[col + l * k->p] * load(d + a * BM_LANES);
        }
        for (size_t j = 0; j < q; j++)
            for (size_t i = j; i < q; i++) Y[i + j * q] += h[i] * h[j];
    }
    for (size_t j = 0; j < q; j++)
        for (size_t i = 0; i < j; i++) Y[i + j * q] = Y[j + i * q];
}

BM_INLINE double gradient_body(size_t q, const bm_kernel_job *a, size_t side)
{
    (void)side;
    const bm_pack *k = a->pack;
    const double  *T = a->T;
    v8      *W = (v8 *)(void *)a->scratch, *C = W + q * q, *inv = C + q * q, *TM = inv + q, *Y = TM + q * q, *P = Y + q * q, *TP = P + q * q;
    v8      *acc = TP + q * q, *g = acc + q * q;
    product8 det = ONE8;

    memset(acc, 0, q * q * sizeof *acc);
    for (size_t b = a->first; b < a->upto; b++) {
        factor(q, k->A + b * (q * (q + 1) / 2) * BM_LANES, T, W, C, inv, &det);
        rows_times_inverse(q, C, inv, W);
        for (size_t i = 0; i < q * q; i++) TM[i] = splat(T[i]);
        rows_times_inverse(q, C, inv, TM);
        residual(q, k, b, a->beta, g);
        outer(q, k, b, g, a->Rinv, a->sigma, Y);
        for (size_t j = 0; j < q; j++)
            for (size_t i = 0; i < q; i++) {
                v8 v = splat(0);

                for (size_t l = 0; l < q; l++) v += Y[i + l * q] * TM[l + j * q];
                P[i + j * q] = v;
            }
        for (size_t j = 0; j < q; j++)
            for (size_t i = 0; i < q; i++) {
                v8 v = splat(0);

                for (size_t l = 0; l < q; l++) v += T[l + i * q] * P[l + j * q];
                TP[i + j * q] = v;
            }
        for (size_t j = 0; j < q; j++)
            for (size_t i = 0; i < q; i++) {
                v8 v = P[i + j * q] - W[i + j * q];

                for (size_t l = 0; l < q; l++) v -= W[i + l * q] * TP[l + j * q];
                acc[i + j * q] += v;
            }
    }
    for (size_t i = 0; i < q * q; i++) a->out[i] += sum8(acc[i]);
    return 0;
}

/* X (q x q) = C^-1 T'Kz': u = X'(...) */
BM_INLINE void to_user(size_t q, const double *T, const double *Kz, const v8 *C, const v8 *inv, v8 *X)
{
    for (size_t j = 0; j < q; j++) {
        for (size_t i = 0; i < q; i++) {
            double v = 0;

            for (size_t l = 0; l < q; l++) v += T[l + i * q] * Kz[j + l * q];
            X[i + j * q] = splat(v);
        }
        forward(q, C, inv, X + j * q);
    }
}

BM_INLINE size_t lanes_used(const bm_pack *k, size_t b)
{
    size_t left = k->J - b * BM_LANES;

    return left < BM_LANES ? left : BM_LANES;
}

BM_INLINE void scatter(const v8 *X, const v8 *t, size_t q, size_t lanes, double *u)
{
    for (size_t i = 0; i < q; i++) {
        v8 v = splat(0);

        for (size_t a = 0; a < q; a++) v += X[a + i * q] * t[a];
        for (size_t l = 0; l < lanes; l++) u[l * q + i] = v[l];
    }
}

/* t = C^-1 T'(c - B beta) */
BM_INLINE void centre(size_t q, const bm_pack *k, size_t b, const double *T, const double *beta, const v8 *C, const v8 *inv, v8 *g, v8 *t)
{
    residual(q, k, b, beta, g);
    for (size_t i = 0; i < q; i++) {
        t[i] = splat(0);
        for (size_t a = 0; a < q; a++) t[i] += T[a + i * q] * g[a];
    }
    forward(q, C, inv, t);
}

BM_INLINE double effects_body(size_t q, const bm_kernel_job *a, size_t side)
{
    (void)side;
    const bm_pack *k = a->pack;
    const double  *T = a->T, *z = a->z;
    v8      *AT = (v8 *)(void *)a->scratch, *C = AT + q * q, *inv = C + q * q, *X = inv + q, *g = X + q * q, *t = g + q;
    product8 det = ONE8;

    for (size_t b = a->first; b < a->upto; b++) {
        size_t lanes = lanes_used(k, b);

        factor(q, k->A + b * (q * (q + 1) / 2) * BM_LANES, T, AT, C, inv, &det);
        centre(q, k, b, T, a->beta, C, inv, g, t);
        for (size_t l = 0; z && l < lanes; l++)
            for (size_t i = 0; i < q; i++) t[i][l] += a->sigma * z[(b * BM_LANES + l) * q + i];
        to_user(q, T, a->Kz, C, inv, X);
        scatter(X, t, q, lanes, a->out + b * BM_LANES * q);
    }
    return 0;
}

BM_INLINE double moments_body(size_t q, const bm_kernel_job *a, size_t side)
{
    (void)side;
    const bm_pack *k = a->pack;
    const double  *T = a->T, *Rinv = a->Rinv;
    v8      *AT = (v8 *)(void *)a->scratch, *C = AT + q * q, *inv = C + q * q, *X = inv + q, *g = X + q * q, *t = g + q, *F = t + q, *N = F + q * (k->p + 1);
    product8 det = ONE8;

    for (size_t b = a->first; b < a->upto; b++) {
        size_t lanes = lanes_used(k, b);

        factor(q, k->A + b * (q * (q + 1) / 2) * BM_LANES, T, AT, C, inv, &det);
        centre(q, k, b, T, a->beta, C, inv, g, t);
        to_user(q, T, a->Kz, C, inv, X);
        scatter(X, t, q, lanes, a->out + b * BM_LANES * q);
        if (Rinv) half_solve(q, k, b, T, C, inv, F);
        for (size_t col = 0; Rinv && col < k->p; col++)
            for (size_t r = 0; r < q; r++) {
                v8 v = splat(0);

                for (size_t l = 0; l <= col; l++) v += Rinv[col + l * k->p] * F[r + l * q];
                N[r + col * q] = v;
            }
        for (size_t i = 0; i < q; i++) {
            v8 v = splat(0);

            for (size_t r = 0; r < q; r++) v += X[r + i * q] * X[r + i * q];
            for (size_t col = 0; Rinv && col < k->p; col++) {
                v8 h = splat(0);

                for (size_t r = 0; r < q; r++) h += X[r + i * q] * N[r + col * q];
                v += h * h;
            }
            v *= a->sigma * a->sigma;
            for (size_t l = 0; l < lanes; l++) a->var[(b * BM_LANES + l) * q + i] = v[l];
        }
    }
    return 0;
}

/* ---- one of three ---- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

/* The same code three times, and for each small q: with a sanitizer, which has nothing more to see in the others, they would take minutes to compile. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(SANITIZED)
#define WIDER
#endif

#ifdef SANITIZED
#define BY_Q(body, side) return body(a->pack->q, a, side);
#else
#define BY_Q(body, side) \
    switch (a->pack->q) { \
    case 1: return body(1, a, side); \
    case 2: return body(2, a, side); \
    case 3: return body(3, a, side); \
    case 4: return body(4, a, side); \
    default: return body(a->pack->q, a, side); \
    }
#endif

#ifdef WIDER
#define VARIANTS(name) \
    static double name##_baseline(const bm_kernel_job *a) { BY_Q(name##_body, 2) } \
    __attribute__((target("arch=x86-64-v3"))) static double name##_avx2(const bm_kernel_job *a) { BY_Q(name##_body, 2) } \
    __attribute__((target("arch=x86-64-v4"))) static double name##_avx512(const bm_kernel_job *a) { BY_Q(name##_body, 4) }
#else
#define VARIANTS(name) static double name##_baseline(const bm_kernel_job *a) { BY_Q(name##_body, 2) }
#endif

VARIANTS(eval)
VARIANTS(gradient)
VARIANTS(effects)
VARIANTS(moments)

static double (*const kernels[][BM_PASSES])(const bm_kernel_job *) = {
    [BM_SIMD_BASELINE] = { eval_baseline, gradient_baseline, effects_baseline, moments_baseline },
#ifdef WIDER
    [BM_SIMD_AVX2] = { eval_avx2, gradient_avx2, effects_avx2, moments_avx2 },
    [BM_SIMD_AVX512] = { eval_avx512, gradient_avx512, effects_avx512, moments_avx512 },
#endif
};

static atomic_int limit = BM_SIMD_AVX512;

bm_simd bm_kernel_simd(void)
{
    bm_simd most = BM_SIMD_BASELINE, allowed = (bm_simd)atomic_load_explicit(&limit, memory_order_relaxed);

#ifdef WIDER
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) most = BM_SIMD_AVX2;
    if (most == BM_SIMD_AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        most = BM_SIMD_AVX512;
#endif
    return most < allowed ? most : allowed;
}

void bm_kernel_limit(bm_simd most)
{
    atomic_store(&limit, (int)most);
}

double bm_kernel_run(bm_pass what, const bm_kernel_job *job)
{
    return kernels[bm_kernel_simd()][what](job);
}
