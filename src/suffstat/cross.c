/* cross.c: cross-products of the effects of two grouping factors, Z~_k'W Z~_l, as a sparse table of q_k x q_l blocks.
 *
 * Two passes over the rows, sorted by the level of k: first which levels of l occur with each, then the sums. O(n) work and O(non-zeros)
 * memory; the rows are not needed again. */
#include "suffstat/suffstat_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- rows by level: a counting sort ---- */

static bm_status sort_rows(const bm_group *g, size_t n, size_t **start, size_t **rows)
{
    size_t *at = bm_alloc(g->J + 1, sizeof *at), *row = bm_alloc(n, sizeof *row);

    *start = at;
    *rows = row;
    if (!at || !row) return BM_ENOMEM;
    for (size_t i = 0; i < n; i++) at[g->code[i] + 1]++;
    for (size_t j = 0; j < g->J; j++) at[j + 1] += at[j];
    for (size_t i = 0; i < n; i++) row[at[g->code[i]]++] = i;
    memmove(at + 1, at, g->J * sizeof *at);          /* each had moved on to the next one's start */
    at[0] = 0;
    return BM_OK;
}

static int by_level(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Which levels of `to` occur with every level of `from`. mark: to->J zeros, left as zeros. */
static bm_status find_pairs(bm_cross *c, const bm_group *from, const bm_group *to, const size_t *start, const size_t *rows, uint32_t *mark)
{
    size_t cap = 0;

    for (size_t j = 0; j < from->J; j++) {
        size_t first = c->nnz;

        c->ptr[j] = first;
        for (size_t i = start[j]; i < start[j + 1]; i++) {
            uint32_t l = (uint32_t)to->code[rows[i]];

            if (mark[l]) continue;
            mark[l] = 1;
            uint32_t *lev = bm_grow(c->lev, &cap, c->nnz + 1, sizeof *lev);
            if (!lev) return BM_ENOMEM;
            c->lev = lev;
            lev[c->nnz++] = l;
        }
        for (size_t i = first; i < c->nnz; i++) mark[c->lev[i]] = 0;
        qsort(c->lev + first, c->nnz - first, sizeof *c->lev, by_level);
    }
    c->ptr[from->J] = c->nnz;
    c->nested = c->nnz == from->J;
    return BM_OK;
}

/* The blocks. where: to->J, scratch. */
static void add_rows(bm_cross *c, const bm_cross_side *from, const bm_cross_side *to, const double *weight, size_t n, const size_t *start,
                     const size_t *rows, uint32_t *where)
{
    size_t q = from->g->q, r = to->g->q;

    for (size_t j = 0; j < c->J; j++) {
        for (size_t e = c->ptr[j]; e < c->ptr[j + 1]; e++) where[c->lev[e]] = (uint32_t)(e - c->ptr[j]);
        for (size_t i = start[j]; i < start[j + 1]; i++) {
            size_t  row = rows[i];
            double *X = c->X + (c->ptr[j] + where[to->g->code[row]]) * q * r, w = weight ? weight[row] : 1;

            for (size_t b = 0; b < r; b++)
                for (size_t a = 0; a < q; a++) X[a + b * q] += w * from->Z[row + a * n] * to->Z[row + b * n];
        }
    }
}

bm_status bm_cross_new(bm_cross *c, const bm_cross_side *from, const bm_cross_side *to, const double *weight, size_t n, bm_error *err)
{
    bm_status st = BM_ENOMEM;
    size_t   *start = NULL, *rows = NULL;
    uint32_t *mark = bm_alloc(to->g->J, sizeof *mark);

    *c = (bm_cross){ .J = from->g->J, .ptr = bm_alloc(from->g->J + 1, sizeof *c->ptr) };
    if (!mark || !c->ptr || sort_rows(from->g, n, &start, &rows) != BM_OK) goto done;
    if (find_pairs(c, from->g, to->g, start, rows, mark) != BM_OK) goto done;
    if (!(c->X = bm_alloc(c->nnz * from->g->q * to->g->q, sizeof *c->X))) goto done;
    add_rows(c, from, to, weight, n, start, rows, mark);
    st = BM_OK;
done:
    free(start);
    free(rows);
    free(mark);
    if (st != BM_OK)
        return bm_fail(err, st, "out of memory for the cross-products of '%s' and '%s' (%zu rows)", from->g->name, to->g->name, n);
    return BM_OK;
}

void bm_cross_clear(bm_cross *c)
{
    free(c->ptr);
    free(c->lev);
    free(c->X);
    *c = (bm_cross){ 0 };
}

/* ---- all pairs of a design ---- */

/* A column of one that is, scale apart, a column of the other: together on the same levels their effects are one effect. */
static const char *shared_column(const bm_group *a, const bm_group *b, size_t n)
{
    for (size_t i = 0; i < a->q; i++)
        for (size_t j = 0; j < b->q; j++) {
            const double *x = a->Z + i * n, *y = b->Z + j * n;
            double        xy = bm_dot(n, x, y), xx = bm_dot(n, x, x), yy = bm_dot(n, y, y);

            if (xy * xy >= (1 - 1e-12) * xx * yy) return a->znames ? a->znames[i] : "";
        }
    return NULL;
}

bm_status bm_same_groups(const bm_group *a, const bm_group *b, const char *effect, bm_error *err)
{
    return bm_fail(err, BM_EINVAL, "'%s' and '%s' group the rows identically (%zu levels each), and the effect '%s' varies by both: the two cannot be told apart; "
                                   "drop one of the terms", a->name, b->name, a->J, effect);
}

static bm_status check_pair(const bm_stats *s, const bm_design *d, size_t k, size_t l, bm_error *err)
{
    const bm_group *a = &d->fac[k], *b = &d->fac[l];
    const char     *what;

    if (!bm_stats_cross(s, k, l)->nested || !bm_stats_cross(s, l, k)->nested) return BM_OK;
    if (!(what = shared_column(a, b, d->n))) return BM_OK;
    return bm_same_groups(a, b, what, err);
}

bm_status bm_stats_add_cross(bm_stats *s, const bm_design *d, double *const *Z, bm_error *err)
{
    size_t    K = d->nfac;
    bm_status st = BM_OK;

    if (K < 2) return BM_OK;
    if (!(s->cross = bm_alloc(K * K, sizeof *s->cross))) return bm_nomem(err);
    s->owns_cross = true;
    for (size_t k = 0; k < K; k++)
        for (size_t l = 0; l < K && st == BM_OK; l++)
            if (l != k)
                st = bm_cross_new(&s->cross[k * K + l], &(bm_cross_side){ &d->fac[k], Z[k] }, &(bm_cross_side){ &d->fac[l], Z[l] }, d->w, d->n, err);
    for (size_t k = 0; k < K && st == BM_OK; k++)
        for (size_t l = 0; l < k && st == BM_OK; l++) st = check_pair(s, d, l, k, err);
    return st;
}
