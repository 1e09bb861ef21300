/* sums.c: sums over long columns, sixteen side by side in SIMD registers: additions do not wait for one another. The order of the additions is fixed. */
#include "base/base.h"

#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi"     /* every function that takes a v8 is inlined: there is no ABI to differ */

enum { LANES = 8, STEP = 2 * LANES };
typedef double  v8 __attribute__((vector_size(64)));
typedef int64_t i8 __attribute__((vector_size(64)));

#define INLINE static inline __attribute__((always_inline))

INLINE v8 load(const double *x)
{
    v8 v;

    memcpy(&v, x, sizeof v);
    return v;
}

INLINE double total(v8 a)
{
    return ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]));
}

BM_CLONES double bm_sum_products(size_t n, const double *x, const double *y)
{
    v8     a = { 0 }, b = { 0 };
    double s = 0;
    size_t i = 0;

    for (; i + STEP <= n; i += STEP) {
        a += load(x + i) * load(y + i);
        b += load(x + i + LANES) * load(y + i + LANES);
    }
    for (; i < n; i++) s += x[i] * y[i];
    return total(a + b) + s;
}

BM_CLONES double bm_sum_weighted(size_t n, const double *w, const double *x, const double *y)
{
    v8     a = { 0 }, b = { 0 };
    double s = 0;
    size_t i = 0;

    for (; i + STEP <= n; i += STEP) {
        a += load(w + i) * load(x + i) * load(y + i);
        b += load(w + i + LANES) * load(x + i + LANES) * load(y + i + LANES);
    }
    for (; i < n; i++) s += w[i] * x[i] * y[i];
    return total(a + b) + s;
}

BM_CLONES double bm_sum_scaled(size_t n, const double *x, double scale)
{
    v8     a = { 0 }, b = { 0 };
    double s = 0;
    size_t i = 0;

    for (; i + STEP <= n; i += STEP) {
        a += load(x + i) * scale;
        b += load(x + i + LANES) * scale;
    }
    for (; i < n; i++) s += x[i] * scale;
    return total(a + b) + s;
}

BM_CLONES void bm_sums_about(size_t n, const double *x, double centre, double *sum, double *square)
{
    v8     a = { 0 }, b = { 0 };
    double s = 0, q = 0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        v8 d = load(x + i) - centre;

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

BM_CLONES bool bm_all_finite(size_t n, const double *x)
{
    i8     bad = { 0 };
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) bad |= load(x + i) - load(x + i) != 0;     /* NaN for what is not finite */
    for (; i < n; i++)
        if (!isfinite(x[i])) return false;
    for (int l = 1; l < LANES; l++) bad[0] |= bad[l];
    return !bad[0];
}

BM_CLONES bool bm_all_equal(size_t n, const double *x)
{
    for (size_t i = 1; i < n; i++)
        if (x[i] != x[0]) return false;
    return true;
}
