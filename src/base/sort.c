/* sort.c: doubles in ascending order, by the digits of their bits: draws come in no order, and each comparison that a processor cannot foresee costs it as
 * much as a pass over a digit. */
#include "base/base.h"

#include <string.h>

enum { DIGIT = 11, BUCKETS = 1 << DIGIT, FEW = 64 };

/* IEEE doubles compare like sign-magnitude integers: flip the sign bit of positive ones, all bits of negative ones. -0 comes before 0. */
static uint64_t to_key(double v)
{
    uint64_t u;

    memcpy(&u, &v, sizeof u);
    return u & 1ull << 63 ? ~u : u | 1ull << 63;
}

static double to_value(uint64_t u)
{
    double v;

    u = u & 1ull << 63 ? u & ~(1ull << 63) : ~u;
    memcpy(&v, &u, sizeof v);
    return v;
}

/* Gives up, with the same keys in some order, after so many moves. */
static bool insertion_sort(uint64_t *a, size_t n, size_t moves)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t p = a[i];
        size_t   j = i;

        for (; j > 0 && a[j - 1] > p; j--) a[j] = a[j - 1];
        a[j] = p;
        if (i - j > moves) return false;
        moves -= i - j;
    }
    return true;
}

/* Least significant digit first, from bit `from` of key - base on; passes where a digit is the same in all are left out. */
static void radix_sort(uint64_t *a, uint64_t *tmp, size_t n, uint64_t base, int from)
{
    size_t    count[BUCKETS];
    uint64_t *src = a, *dst = tmp, *t;

    for (int shift = from; shift < 64; shift += DIGIT) {
        size_t at = 0;

        memset(count, 0, sizeof count);
        for (size_t i = 0; i < n; i++) count[(src[i] - base) >> shift & (BUCKETS - 1)]++;
        if (count[(src[0] - base) >> shift & (BUCKETS - 1)] == n) continue;
        for (size_t b = 0; b < BUCKETS; b++) {
            size_t k = count[b];

            count[b] = at;
            at += k;
        }
        for (size_t i = 0; i < n; i++) dst[count[(src[i] - base) >> shift & (BUCKETS - 1)]++] = src[i];
        t = src;
        src = dst;
        dst = t;
    }
    if (src != a) memcpy(a, src, n * sizeof *a);
}

/* Draws hardly ever agree in the top 33 bits of their range, so three passes and a few moves do; where many agree, all six. */
static void sort_keys(uint64_t *a, uint64_t *tmp, size_t n)
{
    uint64_t lo = UINT64_MAX, hi = 0;
    int      top;

    if (n <= FEW) {
        insertion_sort(a, n, SIZE_MAX);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        lo = a[i] < lo ? a[i] : lo;
        hi = a[i] > hi ? a[i] : hi;
    }
    if (lo == hi) return;
    top = 64 - __builtin_clzll(hi - lo);
    radix_sort(a, tmp, n, lo, top > 3 * DIGIT ? top - 3 * DIGIT : 0);
    if (top > 3 * DIGIT && !insertion_sort(a, n, 4 * n)) radix_sort(a, tmp, n, lo, 0);
}

void bm_sort(double *x, size_t n, uint64_t *work)
{
    for (size_t i = 0; i < n; i++) work[i] = to_key(x[i]);
    sort_keys(work, work + n, n);
    for (size_t i = 0; i < n; i++) x[i] = to_value(work[i]);
}
