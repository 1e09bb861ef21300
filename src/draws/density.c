/* density.c: where the density of draws is highest.
 *
 * Gaussian kernel with Silverman's (1986, sec. 3.4.2) bandwidth on binned draws, mirrored at the ends of the support so that a mode at a
 * boundary (an sd at 0, a correlation at 1) is found there; the best of the grid is refined by a parabola. */
#include "draws/draws_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GRID = 512 };

typedef struct { double from, step, lower, upper, h; double count[GRID]; } bins;

static double bandwidth(double *sorted, size_t n)
{
    static const double prob[] = { 0.25, 0.75 };
    double              q[2], mean = 0, sq = 0, spread;

    bm_quantiles(sorted, n, prob, 2, q);
    for (size_t i = 0; i < n; i++) mean += (sorted[i] - sorted[0]) / (double)n;
    for (size_t i = 0; i < n; i++) sq += (sorted[i] - sorted[0] - mean) * (sorted[i] - sorted[0] - mean);
    spread = sqrt(sq / (double)n);
    if (q[1] > q[0]) spread = fmin(spread, (q[1] - q[0]) / 1.34);
    return 0.9 * spread * pow((double)n, -0.2);
}

static double density_at(const bins *b, double x)
{
    double total = 0;

    for (size_t k = 0; k < GRID; k++) {
        double at = b->from + ((double)k + 0.5) * b->step, z[3] = { x - at, x + at - 2 * b->lower, x + at - 2 * b->upper };

        if (b->count[k] == 0) continue;
        for (int i = 0; i < 3; i++)                  /* itself and its images: infinitely far where there is no bound */
            if (fabs(z[i]) < 6 * b->h) total += b->count[k] * exp(-0.5 * z[i] * z[i] / (b->h * b->h));
    }
    return total;
}

bm_status bm_density_mode(double *out, const double *x, size_t n, double lower, double upper, bm_error *err)
{
    static const double ends[] = { 0.005, 0.995 };
    double              q[2], best = -INFINITY, mode = NAN, *copy;
    bins                b = { .lower = lower, .upper = upper };

    *out = NAN;
    if (n < 2) return BM_OK;
    if (!(copy = bm_alloc(n, sizeof *copy))) return bm_nomem(err);
    memcpy(copy, x, n * sizeof *copy);
    b.h = bandwidth(copy, n);                        /* sorts */
    bm_quantiles(copy, n, ends, 2, q);
    b.from = fmax(lower, q[0] - b.h);
    b.step = (fmin(upper, q[1] + b.h) - b.from) / GRID;
    if (!(b.h > 0) || !(b.step > 0) || !isfinite(b.step)) {
        *out = copy[0] == copy[n - 1] ? copy[0] : NAN;
        free(copy);
        return BM_OK;
    }
    for (size_t i = 0; i < n; i++) {
        double k = floor((copy[i] - b.from) / b.step);

        if (k >= 0 && k < GRID) b.count[(size_t)k]++;
    }
    free(copy);
    for (int k = 0; k <= GRID; k++) {
        double at = b.from + k * b.step, d = density_at(&b, at);

        if (d <= best) continue;
        best = d;
        mode = at;
    }
    *out = mode;
    if (mode <= b.from || mode >= b.from + GRID * b.step) return BM_OK;
    double l = density_at(&b, mode - b.step), r = density_at(&b, mode + b.step), bend = l - 2 * best + r;
    if (bend < 0) *out = mode + 0.5 * b.step * (l - r) / bend;
    return BM_OK;
}
