/* sort.c: doubles, with their places or without, in ascending order, by the digits of their bits: draws come in no order, and each comparison that a processor cannot
 * foresee costs it as much as a pass over a digit. */
#include "base/base.h"

#include <string.h>

enum { DIGIT = 11, BUCKETS = 1 << DIGIT };

/* IEEE doubles compare like sign-magnitude integers: flip the sign bit of positive ones, all bits of negative ones. -0 comes before 0. */
static inline uint64_t to_key(double v)
{
    uint64_t u;

    memcpy(&u, &v, sizeof u);
    return u & 1ull << 63 ? ~u : u | 1ull << 63;
}

static inline double to_value(uint64_t u)
{
    double v;

    u = u & 1ull << 63 ? u & ~(1ull << 63) : ~u;
    memcpy(&v, &u, sizeof v);
    return v;
}

#define ITEM uint64_t
#define KEY(item) (item)
#define SORT sort_keys
#include "base/sort_items.h"

#define ITEM bm_pair
#define KEY(item) (item).key
#define SORT sort_pairs
#include "base/sort_items.h"

void bm_sort(double *x, size_t n, uint64_t *work)
{
    for (size_t i = 0; i < n; i++) work[i] = to_key(x[i]);
    sort_keys(work, work + n, n, 64);
    for (size_t i = 0; i < n; i++) x[i] = to_value(work[i]);
}

void bm_pairs_set(bm_pair *a, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) a[i] = (bm_pair){ to_key(x[i]), i };
}

double bm_pair_value(const bm_pair *a)
{
    return to_value(a->key);
}

void bm_pairs_sort(bm_pair *a, bm_pair *tmp, size_t n)
{
    sort_pairs(a, tmp, n, 128);
}
