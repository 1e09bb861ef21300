/* rank.c: values and their places in ascending order, by two passes over the digits of where between the least and the largest value they lie. That is the order of the
 * values but for those in the same of four million parts; they are put right by insertion. Where many are there, one far value having taken most of the
 * range for itself, the digits of the numbers' bits decide (sort.c). */
#include "base/base.h"

#include <math.h>
#include <string.h>

enum { DIGIT = 11, BUCKETS = 1 << DIGIT, FEW = 128, LANES = 8 };

/* Side by side, for -O3 does not change the order of comparisons of its own accord. */
BM_CLONES static void range(const double *x, size_t n, double *least, double *most)
{
    double lo[LANES], hi[LANES];
    size_t i = 0;

    for (int k = 0; k < LANES; k++) lo[k] = hi[k] = x[0];
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) {
            lo[k] = x[i + k] < lo[k] ? x[i + k] : lo[k];
            hi[k] = x[i + k] > hi[k] ? x[i + k] : hi[k];
        }
    for (; i < n; i++) {
        lo[0] = x[i] < lo[0] ? x[i] : lo[0];
        hi[0] = x[i] > hi[0] ? x[i] : hi[0];
    }
    *least = lo[0];
    *most = hi[0];
    for (int k = 1; k < LANES; k++) {
        *least = lo[k] < *least ? lo[k] : *least;
        *most = hi[k] > *most ? hi[k] : *most;
    }
}

BM_CLONES static void parts(uint32_t *restrict part, const double *restrict x, size_t n, double lo, double scale)
{
    for (size_t i = 0; i < n; i++) part[i] = (uint32_t)(int32_t)((x[i] - lo) * scale);
}

static void starts(uint32_t *count)
{
    uint32_t at = 0;

    for (size_t b = 0; b < BUCKETS; b++) {
        uint32_t k = count[b];

        count[b] = at;
        at += k;
    }
}

/* Least significant digit first; place by part, then by i. */
static void by_parts(uint32_t *order, const uint32_t *part, const uint32_t *place, size_t n, uint64_t *half)
{
    uint32_t low[BUCKETS] = { 0 }, high[BUCKETS] = { 0 };

    for (size_t i = 0; i < n; i++) {
        low[part[i] % BUCKETS]++;
        high[part[i] / BUCKETS]++;
    }
    starts(low);
    starts(high);
    for (size_t i = 0; i < n; i++) half[low[part[i] % BUCKETS]++] = (uint64_t)(part[i] / BUCKETS) << 32 | place[i];
    for (size_t i = 0; i < n; i++) order[high[half[i] >> 32]++] = (uint32_t)half[i];
}

/* Of two zeros that with a sign comes first. */
static inline bool precedes(double a, double b)
{
    return a < b || (a == 0 && b == 0 && signbit(a) && !signbit(b));
}

/* sorted <- values in the order of their places, which is put right by at most so many moves: false, it takes more. */
static bool settle(double *sorted, uint32_t *order, const double *at, size_t n, size_t moves)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t o = order[i];
        double   v = at[o];
        size_t   j = i;

        for (; j > 0 && v <= sorted[j - 1] && precedes(v, sorted[j - 1]); j--) {
            sorted[j] = sorted[j - 1];
            order[j] = order[j - 1];
        }
        sorted[j] = v;
        order[j] = o;
        if (i - j > moves) return false;
        moves -= i - j;
    }
    return true;
}

static void by_bits(double *sorted, uint32_t *order, const double *x, const uint32_t *place, size_t n, bm_pair *work)
{
    bm_pairs_set(work, x, n);
    bm_pairs_sort(work, work + n, n);
    for (size_t i = 0; i < n; i++) {
        sorted[i] = bm_pair_value(work + i);
        order[i] = place[work[i].i];
    }
}

void bm_rank(double *sorted, uint32_t *order, const double *x, const uint32_t *place, const double *at, size_t n, bm_pair *work)
{
    uint64_t *half = (uint64_t *)work;
    uint32_t *part = (uint32_t *)(half + n);
    double    lo = 0, hi = 0, scale = 0;

    if (n > FEW) range(x, n, &lo, &hi);
    if (hi > lo) scale = ((double)BUCKETS * BUCKETS - 1) / (hi - lo);
    if (scale > 0 && isfinite(scale)) {
        parts(part, x, n, lo, scale);
        by_parts(order, part, place, n, half);
        if (settle(sorted, order, at, n, 4 * n)) return;
    }
    by_bits(sorted, order, x, place, n, work);
}
