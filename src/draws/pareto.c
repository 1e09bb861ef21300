/* pareto.c: how heavy the upper tail of importance weights is.
 * Zhang & Stephens (2009), Technometrics 51:316: the generalised Pareto's theta = -k / sigma averaged over its profile
 * likelihood on a grid; weakly informative prior and tail length of PSIS: Vehtari, Simpson, Gelman, Yao & Gabry (2024),
 * JMLR 25(72). Agrees with R's loo. */
#include "draws/draws_priv.h"

#include <math.h>
#include <stdlib.h>

enum { MIN_TAIL = 5, GRID_BASE = 30 };
/* Weights this close, relatively, are equal: log densities have rounding errors. */
static const double SAME = 1e-8;

/* Profile log likelihood of theta per observation, at its k = mean log(1 - theta x); at theta = 0 the exponential's. */
static double profile(double theta, const double *x, size_t n, double *k)
{
    double s = 0;

    for (size_t i = 0; i < n; i++) s += theta == 0 ? x[i] : log1p(-theta * x[i]);
    *k = theta == 0 ? 0 : s / (double)n;
    return (theta == 0 ? -log(s / (double)n) : log(-theta / *k)) - *k - 1;
}

/* k of n excesses x > 0, ascending. l: GRID_BASE + sqrt(n) numbers of scratch. */
static double gpd_shape(const double *x, size_t n, double *l, double *theta)
{
    size_t m = GRID_BASE + (size_t)sqrt((double)n);
    double quartile = x[(size_t)((double)n / 4 + 0.5) - 1], k, top = -INFINITY, total = 0, mean = 0;

    for (size_t j = 0; j < m; j++) {
        theta[j] = 1 / x[n - 1] + (1 - sqrt((double)m / ((double)j + 0.5))) / (3 * quartile);
        l[j] = (double)n * profile(theta[j], x, n, &k);
        top = fmax(top, l[j]);
    }
    for (size_t j = 0; j < m; j++) {
        double w = exp(l[j] - top);

        total += w;
        mean += w * theta[j];
    }
    profile(mean / total, x, n, &k);
    return ((double)n * k + 10 * 0.5) / ((double)n + 10);   /* as if ten more had k = 1/2 */
}

bm_status bm_pareto_k(double *out, const double *log_w, size_t n, bm_error *err)
{
    size_t   tail = (size_t)ceil(fmin(0.2 * (double)n, 3 * sqrt((double)n))), m = GRID_BASE + (size_t)sqrt((double)tail);
    bm_pair *a = bm_alloc(n, 2 * sizeof *a);
    double  *x = bm_alloc(tail + 2 * m, sizeof *x), top, cut, k = NAN;
    bm_status st = a && x ? BM_OK : bm_nomem(err);

    if (st != BM_OK || tail < MIN_TAIL) goto done;
    for (size_t i = 0; i < n; i++)
        if (isnan(log_w[i])) goto done;
    bm_pairs_set(a, log_w, n);
    bm_pairs_sort(a, a + n, n);
    top = bm_pair_value(a + n - 1);
    cut = bm_pair_value(a + n - tail - 1);
    k = INFINITY;
    if (!isfinite(top)) goto done;                       /* a weight beyond all others, or none above 0 */
    k = -INFINITY;
    if (top - bm_pair_value(a + n - tail) < SAME) goto done;
    for (size_t i = 0; i < tail; i++) x[i] = exp(bm_pair_value(a + n - tail + i) - top) - exp(cut - top);
    k = INFINITY;
    /* Else most of the tail is one weight, over and over. */
    if (x[(size_t)((double)tail / 4 + 0.5) - 1] > 0) k = gpd_shape(x, tail, x + tail, x + tail + m);
done:
    free(a);
    free(x);
    *out = k;
    return st;
}
