/* order.c: sorting doubles with their places, and quantiles of sorted values as R computes them. */
#include "draws/draws_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIGIT = 11, BUCKETS = 1 << DIGIT, SMALL = 128 };

/* IEEE doubles compare like sign-magnitude integers: flip the sign bit of positive ones, all bits of negative ones. -0
 * comes before 0. */
static uint64_t to_key(double v)
{
    uint64_t u;

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

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const bm_pair *)a)->key, y = ((const bm_pair *)b)->key;

    return (x > y) - (x < y);
}

/* Gives up, with the same pairs in some order, after so many moves. */
static bool insertion_sort(bm_pair *a, size_t n, size_t moves)
{
    for (size_t i = 1; i < n; i++) {
        bm_pair p = a[i];
        size_t  j = i;

        for (; j > 0 && a[j - 1].key > p.key; j--) a[j] = a[j - 1];
        a[j] = p;
        if (i - j > moves) return false;
        moves -= i - j;
    }
    return true;
}

/* Least significant digit first, passes of 11 bits from bit `from` of key - base on; fewer where a digit is the same in all. */
static void radix_sort(bm_pair *a, bm_pair *tmp, size_t n, uint64_t base, int from)
{
    uint32_t count[BUCKETS];
    bm_pair *src = a, *dst = tmp;

    for (int shift = from; shift < 64; shift += DIGIT) {
        uint32_t at = 0;

        memset(count, 0, sizeof count);
        for (size_t i = 0; i < n; i++) count[(src[i].key - base) >> shift & (BUCKETS - 1)]++;
        if (count[(src[0].key - base) >> shift & (BUCKETS - 1)] == n) continue;
        for (size_t b = 0; b < BUCKETS; b++) {
            uint32_t k = count[b];

            count[b] = at;
            at += k;
        }
        for (size_t i = 0; i < n; i++) dst[count[(src[i].key - base) >> shift & (BUCKETS - 1)]++] = src[i];
        bm_pair *t = src;
        src = dst;
        dst = t;
    }
    if (src != a) memcpy(a, src, n * sizeof *a);
}

/* Draws hardly ever agree in the top 33 bits of their range, so three passes and a few moves do; where many agree, all six. */
void bm_pairs_sort(bm_pair *a, bm_pair *tmp, size_t n)
{
    uint64_t lo = UINT64_MAX, hi = 0;
    int      top;

    if (n <= SMALL || n > UINT32_MAX) {
        if (n <= SMALL) insertion_sort(a, n, SIZE_MAX);
        else qsort(a, n, sizeof *a, by_key);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        lo = a[i].key < lo ? a[i].key : lo;
        hi = a[i].key > hi ? a[i].key : hi;
    }
    if (lo == hi) return;
    top = 64 - __builtin_clzll(hi - lo);
    radix_sort(a, tmp, n, lo, top > 3 * DIGIT ? top - 3 * DIGIT : 0);
    if (top > 3 * DIGIT && !insertion_sort(a, n, 4 * n)) radix_sort(a, tmp, n, lo, 0);
}

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
