/* order.c: sorting doubles with their places, and quantiles of sorted values as R computes them. */
#include "draws/draws_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGIT = 11, BUCKETS = 1 << DIGIT, PASSES = 6, SMALL = 192 };

/* IEEE doubles compare like sign-magnitude integers: flip the sign bit of positive ones, all bits of negative ones. */
static uint64_t to_key(double v)
{
    uint64_t u;

    v += 0.0;                                            /* -0 becomes +0: they are ties */
    memcpy(&u, &v, sizeof u);
    return u & 1ull << 63 ? ~u : u | 1ull << 63;
}

double bm_pair_value(const bm_pair *a)
{
    uint64_t u = a->key & 1ull << 63 ? a->key & ~(1ull << 63) : ~a->key;
    double   v;

    memcpy(&v, &u, sizeof v);
    return v;
}

void bm_pairs_set(bm_pair *a, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) a[i] = (bm_pair){ to_key(x[i]), i };
}

static void insertion_sort(bm_pair *a, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        bm_pair p = a[i];
        size_t  j = i;

        for (; j > 0 && a[j - 1].key > p.key; j--) a[j] = a[j - 1];
        a[j] = p;
    }
}

/* Least significant digit first: six passes of 11 bits, fewer where a digit (of the exponent, mostly) is the same in all. */
void bm_pairs_sort(bm_pair *a, bm_pair *tmp, size_t n)
{
    size_t   count[PASSES][BUCKETS];
    bm_pair *from = a, *to = tmp;

    if (n <= SMALL) {
        insertion_sort(a, n);
        return;
    }
    memset(count, 0, sizeof count);
    for (size_t i = 0; i < n; i++)
        for (int p = 0; p < PASSES; p++) count[p][a[i].key >> (p * DIGIT) & (BUCKETS - 1)]++;
    for (int p = 0; p < PASSES; p++) {
        size_t *c = count[p], sum = 0;

        if (c[from[0].key >> (p * DIGIT) & (BUCKETS - 1)] == n) continue;
        for (size_t b = 0; b < BUCKETS; b++) {
            size_t k = c[b];

            c[b] = sum;
            sum += k;
        }
        for (size_t i = 0; i < n; i++) to[c[from[i].key >> (p * DIGIT) & (BUCKETS - 1)]++] = from[i];
        bm_pair *t = from;
        from = to;
        to = t;
    }
    if (from != a) memcpy(a, from, n * sizeof *a);
}

double bm_quantile_sorted(const double *s, size_t n, double prob)
{
    double at, lo, h;
    size_t i;

    if (n == 0 || !(prob >= 0 && prob <= 1)) return NAN;
    at = (double)(n - 1) * prob + 1;                     /* from 1, as R has it: the same rounding */
    lo = floor(at);
    i = (size_t)lo - 1;
    if (!(at > lo) || i + 1 >= n || s[i] == s[i + 1]) return s[i];
    h = at - lo;
    return (1 - h) * s[i] + h * s[i + 1];
}

/* The mean of two is taken in extended precision, as in R: whether |x - median| ties depends on its last bit. */
double bm_median_sorted(const double *s, size_t n)
{
    if (n == 0) return NAN;
    if (n % 2) return s[n / 2];
    long double a = s[n / 2 - 1], b = s[n / 2], m = (a + b) / 2;
    return isfinite((double)m) ? (double)(m + ((a - m) + (b - m)) / 2) : (double)m;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void sort_values(double *x, size_t n)
{
    bm_pair *a = bm_alloc(n, 2 * sizeof *a);

    if (!a) {                                            /* slower, in place: a quantile is no reason to fail */
        qsort(x, n, sizeof *x, by_value);
        return;
    }
    bm_pairs_set(a, x, n);
    bm_pairs_sort(a, a + n, n);
    for (size_t i = 0; i < n; i++) x[i] = bm_pair_value(a + i);
    free(a);
}

void bm_quantiles(double *x, size_t n, const double *prob, size_t nprob, double *out)
{
    bool nan = false;

    for (size_t i = 0; i < n; i++) nan = nan || isnan(x[i]);
    if (!nan) sort_values(x, n);
    for (size_t k = 0; k < nprob; k++) out[k] = nan ? NAN : bm_quantile_sorted(x, n, prob[k]);
}
