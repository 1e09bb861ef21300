/* scores.c: normal scores of ranks: those of the draws, and of their distances from the median, which are two runs of the sorted draws, merged from the median
 * outwards. */
#include "draws/draws_priv.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

/* Blom's score of a rank among S, with posterior's S + 1/4. */
static double normal_score(double rank, size_t S)
{
    return gsl_cdf_ugaussian_Pinv((rank - 0.375) / ((double)S + 0.25));
}

void bm_normal_scores(double *score, size_t S)
{
    for (size_t r = 1; r <= (S + 1) / 2; r++) {
        double z = normal_score((double)r, S);

        score[r - 1] = z;
        score[S - r] = -z;
    }
}

BM_CLONES static bool has_ties(const double *s, size_t n)
{
    uint64_t ties = 0;

    for (size_t i = 1; i < n; i++) ties += s[i] == s[i - 1];
    return ties > 0;
}

/* order: places in ascending order of s. */
static void scores_of(bm_diag *d, const uint32_t *order, const double *s)
{
    const bm_split *p = &d->split;
    size_t          S = p->nsplit * p->half, middle = p->nblock * p->half * BM_SPLIT_LANES, rank = 0;

    for (size_t i = 0, j; i < d->n; i = j) {
        size_t ties = 0;
        double z;

        for (j = i; j < d->n && s[j] == s[i]; j++) ties += order[j] < middle;
        if (ties % 2) z = d->score[rank + ties / 2];
        else z = ties ? normal_score((double)rank + 0.5 * (double)(ties + 1), S) : 0;
        for (size_t k = i; k < j; k++) d->series[order[k]] = z;
        rank += ties;
    }
}

void bm_diag_scores(bm_diag *d)
{
    if (d->split.niter % 2 || has_ties(d->sorted, d->n)) {
        scores_of(d, d->order, d->sorted);
        return;
    }
    for (size_t i = 0; i < d->n; i++) d->series[d->order[i]] = d->score[i];
}

/* The first draw not below the median. */
static size_t divide(const bm_diag *d)
{
    size_t lo = 0, hi = d->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (d->sorted[mid] < d->median) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* How many of the k draws nearest to the median are from `first` on? Of two as far as each other that above is the nearer one. */
static size_t nearest_above(const bm_diag *d, size_t first, size_t k)
{
    size_t lo = k > first ? k - first : 0, hi = k < d->n - first ? k : d->n - first;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (d->sorted[first + mid] - d->median <= d->median - d->sorted[first + mid - k]) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* The next draw after the k nearest, of which `up` are above: where it stands, and how far from the median. */
static size_t next_nearest(const bm_diag *d, size_t first, size_t k, size_t up, double *distance)
{
    size_t above = first + up, below = above - k;        /* the draw before this one */
    bool   nearer = below == 0 || (above < d->n && d->sorted[above] - d->median <= d->median - d->sorted[below - 1]);

    *distance = nearer ? d->sorted[above] - d->median : d->median - d->sorted[below - 1];
    return nearer ? above : below - 1;
}

/* One at a time, whatever the draws. */
static void merge_plainly(bm_diag *d, size_t first)
{
    for (size_t k = 0, up = 0; k < d->n; k++) {
        size_t at = next_nearest(d, first, k, up, d->folded + k);

        d->folded_order[k] = d->order[at];
        up += at >= first;
    }
    scores_of(d, d->folded_order, d->folded);
}

/* The first two are as far as each other where the median is the mean of both: then they share their ranks. */
static bool share_first_ranks(bm_diag *d, size_t first)
{
    double distance[2];
    size_t one = next_nearest(d, first, 0, 0, distance), other = next_nearest(d, first, 1, one >= first, distance + 1);

    if (distance[0] != distance[1]) return false;
    d->series[d->order[one]] = d->series[d->order[other]] = normal_score(1.5, d->n);
    return true;
}

/* Four merges that do not wait for one another, each of a quarter. False where that is not enough: infinite draws, ties but that of the first two. */
static bool merge(bm_diag *d, size_t first)
{
    enum { MERGES = 4 };
    const double   *s = d->sorted + first;
    const uint32_t *order = d->order + first;
    size_t          part = d->n / MERGES, ties = 0;
    ptrdiff_t       up[MERGES];
    double          median = d->median, last[MERGES], begin[MERGES];

    if (d->split.niter % 2 || d->has_inf || part == 0) return false;
    for (size_t m = 0; m < MERGES; m++) {
        up[m] = (ptrdiff_t)nearest_above(d, first, m * part);
        (void)next_nearest(d, first, m * part, (size_t)up[m], begin + m);
        last[m] = -1;
    }
    for (size_t k = 0; k < part; k++)
#pragma GCC unroll 4
        for (size_t m = 0; m < MERGES; m++) {            /* a coin's toss which is nearer: no branch depends on it */
            ptrdiff_t down = up[m] - (ptrdiff_t)(m * part + k) - 1, nearer;
            double    above = s[up[m]] - median, below = median - s[down];

            nearer = above <= below;
            d->series[order[down + ((up[m] - down) & -nearer)]] = d->score[m * part + k];
            above = above < below ? above : below;
            ties += above == last[m];
            last[m] = above;
            up[m] += nearer;
        }
    for (size_t m = 1; m < MERGES; m++) ties += begin[m] == last[m - 1];
    for (size_t k = MERGES * part; k < d->n; k++) {
        size_t at = next_nearest(d, first, k, (size_t)up[MERGES - 1], begin);

        d->series[d->order[at]] = d->score[k];
        ties += begin[0] == last[MERGES - 1];
        last[MERGES - 1] = begin[0];
        up[MERGES - 1] += at >= first;
    }
    return ties == share_first_ranks(d, first);
}

void bm_diag_folded_scores(bm_diag *d)
{
    size_t first = divide(d);

    if (!merge(d, first)) merge_plainly(d, first);
}

double bm_diag_mad(const bm_diag *d)
{
    size_t first, k = (d->n - 1) / 2, up;
    double middle[2];

    if (d->n == 0 || d->has_nan || !isfinite(d->median)) return NAN;
    first = divide(d);
    up = nearest_above(d, first, k);
    up += next_nearest(d, first, k, up, middle) >= first;
    if (d->n % 2) return 1.4826 * middle[0];
    (void)next_nearest(d, first, k + 1, up, middle + 1);
    return 1.4826 * bm_median_sorted(middle, 2);
}
