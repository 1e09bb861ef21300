/* residual.c: y - o - x'b of many rows, as if in twice the precision and rounded once: every rounding of a product and of a sum is itself computed exactly and
 * added up (Dekker 1971, Numerische Mathematik 18:224; Ogita, Rump & Oishi 2005, SIAM Journal on Scientific Computing 26:1955). Eight rows side by side; the
 * same bits whatever the registers. This file is compiled without contraction: a fused multiply-add in place of a product and a sum would break the identities. */
#include "suffstat/accumulate.h"

#include "base/v8.h"

#include <math.h>
#include <string.h>

enum { LANES = V8_LANES };

/* The upper 26 bits, rounded; what is left has 26 bits and a sign: products of such halves are exact. */
BM_INLINE v8 upper(v8 x)
{
    return (v8)(((i8)x + 0x4000000) & ~(int64_t)0x7ffffff);
}

/* (high, low) -= x b */
BM_INLINE void take_product(v8 *high, v8 *low, v8 x, double b)
{
    v8 wide = v8_splat(b), p = x * b, x1 = upper(x), x2 = x - x1, b1 = upper(wide), b2 = wide - b1;
    v8 left = (((x1 * b1 - p) + x1 * b2) + x2 * b1) + x2 * b2;               /* x b - p, exactly */
    v8 s = *high - p, t = s - *high;

    *low += ((*high - (s - t)) - (p + t)) - left;
    *high = s;
}

BM_INLINE void take(v8 *high, v8 *low, v8 x)
{
    v8 s = *high - x, t = s - *high;

    *low += (*high - (s - t)) - (x + t);
    *high = s;
}

/* Where a product overflows though what it is part of does not: a wider exponent. */
static double far_out(const double *y, const double *o, const double *X, size_t n, size_t p, const double *b)
{
    long double v = *y;

    if (o) v -= *o;
    for (size_t k = 0; k < p; k++) v -= (long double)X[k * n] * b[k];
    return (double)v;
}

BM_CLONES static void residuals(const double *y, const double *o, const double *X, size_t n, size_t p, const double *b, double *e)
{
    for (size_t i = 0; i < n; i += LANES) {
        size_t m = n - i < LANES ? n - i : LANES;
        v8     high = { 0 }, low = { 0 }, x = { 0 };

        memcpy(&high, y + i, m * sizeof *y);
        if (o) {
            memcpy(&x, o + i, m * sizeof *o);
            take(&high, &low, x);
        }
        for (size_t k = 0; k < p; k++) {
            if (m == LANES) x = v8_load(X + i + k * n);
            else memcpy(&x, X + i + k * n, m * sizeof x[0]);
            take_product(&high, &low, x, b[k]);
        }
        high += low;
        memcpy(e + i, &high, m * sizeof *e);
    }
    if (bm_all_finite(n, e)) return;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(e[i])) e[i] = far_out(y + i, o ? o + i : NULL, X + i, n, p, b);
}

void bm_residuals(const double *y, const double *o, const double *X, size_t n, size_t p, const double *b, double *e)
{
    residuals(y, o, X, n, p, b, e);
}
