/* select.c: quantiles of many values without sorting them all: counted into cells of equal width, of which only those that hold a wanted place are
 * sorted. */
#include "draws/draws_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS = 4096, MANY = 512, MOST = 8 };

typedef struct { double lo, scale; uint32_t count[CELLS]; bool wanted[CELLS]; } cells;

/* Does not fall as v grows, whatever the rounding. */
static size_t cell_of(const cells *c, double v)
{
    return (size_t)((v - c->lo) * c->scale);
}

/* False: not a number, all the same, or out of all proportion. */
static bool count_values(cells *c, const double *x, size_t n)
{
    double lo = x[0], hi = x[0];
    bool   nan = false;

    for (size_t i = 0; i < n; i++) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
        nan |= x[i] != x[i];
    }
    c->lo = lo;
    c->scale = (CELLS - 1) / (hi - lo);
    if (nan || !(hi > lo) || !isfinite(hi - lo) || !isfinite(c->scale)) return false;
    memset(c->count, 0, sizeof c->count);
    memset(c->wanted, 0, sizeof c->wanted);
    for (size_t i = 0; i < n; i++) c->count[cell_of(c, x[i])]++;
    return true;
}

/* Marks the cell of each place (ascending or not); returns how many values the marked cells hold. */
static size_t mark(cells *c, const size_t *place, size_t nplace)
{
    size_t total = 0;

    for (size_t k = 0; k < nplace; k++) {
        size_t cell = 0, below = 0;

        while (below + c->count[cell] <= place[k]) below += c->count[cell++];
        total += c->wanted[cell] ? 0 : c->count[cell];
        c->wanted[cell] = true;
    }
    return total;
}

/* How many values of cells that are not marked come before place k. */
static size_t passed_over(const cells *c, size_t place)
{
    size_t below = 0, skipped = 0;

    for (size_t cell = 0; below + c->count[cell] <= place; below += c->count[cell++])
        if (!c->wanted[cell]) skipped += c->count[cell];
    return skipped;
}

/* The values at the places, into out. False: x is to be sorted. */
static bool select_places(const double *x, size_t n, const size_t *place, size_t nplace, double *out)
{
    cells   c;
    size_t  total, at = 0;
    double *few = NULL;

    if (!count_values(&c, x, n) || (total = mark(&c, place, nplace)) > n / 2 || !(few = bm_alloc(3 * total, sizeof *few))) return false;
    for (size_t i = 0; i < n; i++)
        if (c.wanted[cell_of(&c, x[i])]) few[at++] = x[i];
    bm_sort(few, total, (uint64_t *)(few + total));
    for (size_t k = 0; k < nplace; k++) out[k] = few[place[k] - passed_over(&c, place[k])];
    free(few);
    return true;
}

void bm_quantiles_any(double *x, size_t n, const double *prob, size_t nprob, double *out)
{
    size_t place[2 * MOST] = { 0 };
    double value[2 * MOST];

    if (n >= MANY && n < UINT32_MAX && nprob <= MOST) {
        for (size_t k = 0; k < nprob; k++) {
            double at = prob[k] >= 0 && prob[k] <= 1 ? floor((double)(n - 1) * prob[k] + 1) : 1;

            place[2 * k] = (size_t)at - 1;
            place[2 * k + 1] = place[2 * k] + 1 < n ? place[2 * k] + 1 : n - 1;
        }
        if (select_places(x, n, place, 2 * nprob, value)) {
            for (size_t k = 0; k < nprob; k++) out[k] = bm_quantile_between(value[2 * k], value[2 * k + 1], n, prob[k]);
            return;
        }
    }
    bm_quantiles(x, n, prob, nprob, out);
}
