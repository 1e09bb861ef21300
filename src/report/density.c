/* density.c: Gaussian kernel densities on a grid: values are binned finely first, so the cost does not grow with their number.
 * Bandwidth: Silverman (1986), Density Estimation, eq. 3.31. */
#include "report/html_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 1024 };

void bm_density_range(double *sorted, size_t n, double *lo, double *hi)
{
    const double prob[] = { 0, 0.25, 0.75, 1 };
    double       q[4], far;

    bm_quantiles(sorted, n, prob, 4, q);
    far = 4 * (q[2] - q[1]);
    *lo = fmax(q[0], q[1] - far);
    *hi = fmin(q[3], q[2] + far);
    if (!(*hi > *lo)) {
        *lo = q[0] - 0.5;
        *hi = q[0] + 0.5;
    }
}

static double bandwidth(const double *v, size_t n, double *copy)
{
    const double prob[] = { 0.25, 0.75 };
    double       q[2], mean = 0, ss = 0, sd, s;

    memcpy(copy, v, n * sizeof *copy);
    bm_quantiles(copy, n, prob, 2, q);
    for (size_t i = 0; i < n; i++) mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++) ss += (v[i] - mean) * (v[i] - mean);
    sd = n > 1 ? sqrt(ss / (double)(n - 1)) : 0;
    s = (q[1] - q[0]) / 1.34;
    if (!(s > 0) || sd < s) s = sd;
    return 0.9 * s * pow((double)n, -0.2);
}

/* count[i]: values near bin centre i, shared out linearly between the two bins next to a value. */
static void bin(const double *v, size_t n, double from, double step, double *count)
{
    for (size_t i = 0; i < n; i++) {
        double at = (v[i] - from) / step;

        if (!(at >= 0) || at >= BINS - 1) continue;
        count[(size_t)at] += 1 - (at - floor(at));
        count[(size_t)at + 1] += at - floor(at);
    }
}

bm_status bm_density(const double *v, size_t n, double lo, double hi, double lo_bound, double hi_bound, double *x, double *y, bm_error *err)
{
    double *copy = bm_alloc(n, sizeof *copy), *count = bm_alloc(BINS, sizeof *count);
    double  h, from, step;

    if (!copy || !count) {
        free(copy);
        free(count);
        return bm_nomem(err);
    }
    h = bandwidth(v, n, copy);
    if (!(h > (hi - lo) / 400)) h = (hi - lo) / 400;
    from = lo - 4 * h;
    step = (hi - lo + 8 * h) / (BINS - 1);
    bin(v, n, from, step, count);
    for (size_t k = 0; k < BM_DENSITY; k++) {
        double at = lo + (hi - lo) * (double)k / (BM_DENSITY - 1), sum = 0;

        for (size_t i = 0; i < BINS; i++) {
            double c = from + step * (double)i, z = (at - c) / h, low = (at + c - 2 * lo_bound) / h, high = (at + c - 2 * hi_bound) / h;

            if (count[i] == 0) continue;
            sum += count[i] * exp(-0.5 * z * z);
            if (isfinite(lo_bound)) sum += count[i] * exp(-0.5 * low * low);
            if (isfinite(hi_bound)) sum += count[i] * exp(-0.5 * high * high);
        }
        x[k] = at;
        y[k] = sum / ((double)n * h * sqrt(2 * M_PI));
    }
    free(copy);
    free(count);
    return BM_OK;
}
