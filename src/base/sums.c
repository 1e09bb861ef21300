/* sums.c: sums over long columns, sixteen side by side in SIMD registers: additions do not wait for one another. The order of the additions is fixed. */
#include "base/v8.h"

#include <math.h>

enum { LANES = V8_LANES, STEP = 2 * LANES };

BM_INLINE double total(v8 a)
{
    return ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]));
}

BM_CLONES static double sum_products(size_t n, const double *x, const double *y)
{
    v8     a = { 0 }, b = { 0 };
    double s = 0;
    size_t i = 0;

    for (; i + STEP <= n; i += STEP) {
        a += v8_load(x + i) * v8_load(y + i);
        b += v8_load(x + i + LANES) * v8_load(y + i + LANES);
    }
    for (; i < n; i++) s += x[i] * y[i];
    return total(a + b) + s;
}

BM_CLONES static double sum_weighted(size_t n, const double *w, const double *x, const double *y)
{
    v8     a = { 0 }, b = { 0 };
    double s = 0;
    size_t i = 0;

    for (; i + STEP <= n; i += STEP) {
        a += v8_load(w + i) * v8_load(x + i) * v8_load(y + i);
        b += v8_load(w + i + LANES) * v8_load(x + i + LANES) * v8_load(y + i + LANES);
    }
    for (; i < n; i++) s += w[i] * x[i] * y[i];
    return total(a + b) + s;
}

BM_CLONES static double sum_scaled(size_t n, const double *x, double scale)
{
    v8     a = { 0 }, b = { 0 };
    double s = 0;
    size_t i = 0;

    for (; i + STEP <= n; i += STEP) {
        a += v8_load(x + i) * scale;
        b += v8_load(x + i + LANES) * scale;
    }
    for (; i < n; i++) s += x[i] * scale;
    return total(a + b) + s;
}

BM_CLONES static void sums_about(size_t n, const double *x, double centre, double *sum, double *square)
{
    v8     a = { 0 }, b = { 0 };
    double s = 0, q = 0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        v8 d = v8_load(x + i) - centre;

        a += d;
        b += d * d;
    }
    for (; i < n; i++) {
        double d = x[i] - centre;

        s += d;
        q += d * d;
    }
    *sum = total(a) + s;
    *square = total(b) + q;
}

/* An exponent of ones carries into the sign. (Not by a comparison, which is compiled number by number.) */
BM_CLONES static bool all_finite(size_t n, const double *x)
{
    const uint64_t exponent = 0x7ff0000000000000, one = 0x0010000000000000;
    u8     bad = { 0 };
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) bad |= ((u8)v8_load(x + i) & exponent) + one;
    for (; i < n; i++)
        if (!isfinite(x[i])) return false;
    for (int l = 1; l < LANES; l++) bad[0] |= bad[l];
    return !(bad[0] >> 63);
}

BM_CLONES static bool all_equal(size_t n, const double *x)
{
    for (size_t i = 1; i < n; i++)
        if (x[i] != x[0]) return false;
    return true;
}

/* Twice the bits (without the sign), or their negative, have the highest bit. */
BM_CLONES static size_t count_nonzero(size_t n, const double *x)
{
    u8     many = { 0 };
    size_t i = 0, some = 0;

    for (; i + LANES <= n; i += LANES) {
        u8 bits = (u8)v8_load(x + i) + (u8)v8_load(x + i);

        many += (bits | -bits) >> 63;
    }
    for (; i < n; i++) some += x[i] != 0;
    for (int l = 0; l < LANES; l++) some += many[l];
    return some;
}

/* Functions with clones are static: others would be seen from outside the library. */

double bm_sum_products(size_t n, const double *x, const double *y)
{
    return sum_products(n, x, y);
}

double bm_sum_weighted(size_t n, const double *w, const double *x, const double *y)
{
    return sum_weighted(n, w, x, y);
}

double bm_sum_scaled(size_t n, const double *x, double scale)
{
    return sum_scaled(n, x, scale);
}

void bm_sums_about(size_t n, const double *x, double centre, double *sum, double *square)
{
    sums_about(n, x, centre, sum, square);
}

bool bm_all_finite(size_t n, const double *x)
{
    return all_finite(n, x);
}

bool bm_all_equal(size_t n, const double *x)
{
    return all_equal(n, x);
}

size_t bm_count_nonzero(size_t n, const double *x)
{
    return count_nonzero(n, x);
}
