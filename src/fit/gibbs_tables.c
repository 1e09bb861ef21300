/* gibbs_tables.c: the cross-tabulations as a sweep reads them.
 *
 * A sweep is bound by the passage through their entries. Where the blocks are small whole numbers (two factors of intercepts without weights: how often
 * two levels occur together) an entry is repeated as often as it says, and no value is read, held or multiplied. */
#include "fit/gibbs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double MOST_REPEATS = 2;        /* entries for one of the table, at most: 4 bytes each against 12 */

/* How many entries of value one say the same; 0: no number of them does, or too many. */
static size_t repeated(const bm_cross *X, size_t q, size_t r)
{
    double n = 0;

    if (q != 1 || r != 1) return 0;
    for (size_t e = 0; X->X && e < X->nnz; e++) {
        if (!(X->X[e] >= 1 && X->X[e] <= 64) || X->X[e] != floor(X->X[e])) return 0;
        n += X->X[e];
    }
    return n <= MOST_REPEATS * (double)X->nnz ? (size_t)n : 0;
}

static bm_status repeat(bm_table *t, const bm_cross *X, size_t n)
{
    size_t at = 0;

    t->own_ptr = bm_alloc(X->J + 1, sizeof *t->own_ptr);
    t->own_lev = bm_alloc(n, sizeof *t->own_lev);
    if (!t->own_ptr || !t->own_lev) return BM_ENOMEM;
    for (size_t j = 0; j < X->J; j++) {
        for (size_t e = X->ptr[j]; e < X->ptr[j + 1]; e++)
            for (int k = (int)X->X[e]; k > 0; k--) t->own_lev[at++] = X->lev[e];
        t->own_ptr[j + 1] = at;
    }
    t->ptr = t->own_ptr;
    t->lev = t->own_lev;
    t->X = NULL;
    return BM_OK;
}

bm_status bm_table_new(bm_table *t, const bm_cross *X, size_t q, size_t r)
{
    size_t n = X->X ? repeated(X, q, r) : 0;

    *t = (bm_table){ .J = X->J, .q = q, .r = r, .ptr = X->ptr, .lev = X->lev, .X = n == X->nnz ? NULL : X->X };      /* each is one */
    return n > X->nnz ? repeat(t, X, n) : BM_OK;
}

void bm_table_clear(bm_table *t)
{
    free(t->own_ptr);
    free(t->own_lev);
    *t = (bm_table){ 0 };
}

/* sum of v over the levels lev .. end: four sums, for the additions to overlap */
static double gather(const uint32_t *lev, const uint32_t *end, const double *v)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;

    for (; end - lev >= 4; lev += 4) {
        s0 += v[lev[0]];
        s1 += v[lev[1]];
        s2 += v[lev[2]];
        s3 += v[lev[3]];
    }
    for (; lev < end; lev++) s0 += v[*lev];
    return (s0 + s1) + (s2 + s3);
}

static double weighted_gather(const uint32_t *lev, const uint32_t *end, const double *X, const double *v)
{
    double s0 = 0, s1 = 0;

    for (; end - lev >= 2; lev += 2, X += 2) {
        s0 += X[0] * v[lev[0]];
        s1 += X[1] * v[lev[1]];
    }
    return lev < end ? s0 + *X * v[*lev] + s1 : s0 + s1;
}

void bm_table_take(const bm_table *t, const double *v, double *y)
{
    size_t q = t->q, r = t->r;

    for (size_t j = 0; j < t->J; j++) {
        const uint32_t *lev = t->lev + t->ptr[j], *end = t->lev + t->ptr[j + 1];
        const double   *B = t->X ? t->X + t->ptr[j] * q * r : NULL;

        if (q == 1 && r == 1) {
            y[j] -= B ? weighted_gather(lev, end, B, v) : gather(lev, end, v);
            continue;
        }
        for (; lev < end; lev++, B += q * r)
            for (size_t b = 0; b < r; b++)
                for (size_t a = 0; a < q; a++) y[j * q + a] -= B[a + b * q] * v[*lev * r + b];
    }
}
