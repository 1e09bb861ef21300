/* order.c: quantiles of sorted values as R computes them. */
#include "draws/draws_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double bm_quantile_between(double lower, double upper, size_t n, double prob)
{
    double at, h;

    if (!(prob >= 0 && prob <= 1)) return NAN;
    at = (double)(n - 1) * prob + 1;                     /* from 1, as R has it: the same rounding */
    h = at - floor(at);
    return !(h > 0) || lower == upper ? lower : (1 - h) * lower + h * upper;
}

double bm_quantile_sorted(const double *s, size_t n, double prob)
{
    size_t i;

    if (n == 0 || !(prob >= 0 && prob <= 1)) return NAN;
    i = (size_t)floor((double)(n - 1) * prob + 1) - 1;
    return bm_quantile_between(s[i], s[i + 1 < n ? i + 1 : i], n, prob);
}

/* The mean of two is rounded once, as in R: whether two |x - median| are ties depends on its last bit. */
double bm_median_sorted(const double *s, size_t n)
{
    if (n == 0) return NAN;
    if (n % 2) return s[n / 2];
    return (double)(((long double)s[n / 2 - 1] + s[n / 2]) / 2);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void sort_values(double *x, size_t n)
{
    uint64_t *work = bm_alloc(n, 2 * sizeof *work);

    if (work) bm_sort(x, n, work);
    else qsort(x, n, sizeof *x, by_value);               /* slower, in place: a quantile is no reason to fail */
    free(work);
}

void bm_quantiles(double *x, size_t n, const double *prob, size_t nprob, double *out)
{
    bool nan = false;

    for (size_t i = 0; i < n; i++) nan = nan || isnan(x[i]);
    if (!nan) sort_values(x, n);
    for (size_t k = 0; k < nprob; k++) out[k] = nan ? NAN : bm_quantile_sorted(x, n, prob[k]);
}
