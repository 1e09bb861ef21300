/* thin_items.c: the first factor's levels sorted: those with equal A and equal cross-products with the levels that are left make one item, items with
 * the same neighbours a run, side by side. */
#include "posterior/thin_priv.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const uint32_t *nbr;
    const double   *x;
    size_t          n;
    double          a;
    uint32_t        level;
} leaf;

static int by_neighbours(const leaf *l, const leaf *m)
{
    for (size_t i = 0; i < l->n && i < m->n; i++)
        if (l->nbr[i] != m->nbr[i]) return l->nbr[i] < m->nbr[i] ? -1 : 1;
    return (l->n > m->n) - (l->n < m->n);
}

static int by_products(const leaf *l, const leaf *m)
{
    if (l->a != m->a) return l->a < m->a ? -1 : 1;
    for (size_t i = 0; i < l->n; i++)
        if (l->x[i] != m->x[i]) return l->x[i] < m->x[i] ? -1 : 1;
    return 0;
}

static int by_all(const void *a, const void *b)
{
    const leaf *l = a, *m = b;
    int         c = by_neighbours(l, m);

    if (c == 0) c = by_products(l, m);
    return c ? c : (l->level > m->level) - (l->level < m->level);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The different A, ascending, into values (J); returns how many. */
static size_t different(const bm_facstat *f, double *values)
{
    size_t n = 0;

    memcpy(values, f->A, f->J * sizeof *values);
    qsort(values, f->J, sizeof *values, ascending);
    for (size_t j = 0; j < f->J; j++)
        if (j == 0 || values[j] != values[n - 1]) values[n++] = values[j];
    return n;
}

static bm_status allocate(bm_thin *th, size_t nnz)
{
    size_t n = th->n0;

    th->order = bm_alloc(n, sizeof *th->order);
    th->level_item = bm_alloc(n, sizeof *th->level_item);
    th->item = bm_alloc(n + 1, sizeof *th->item);
    th->run = bm_alloc(n + 1, sizeof *th->run);
    th->x_at = bm_alloc(n + 1, sizeof *th->x_at);
    th->x = bm_alloc(nnz, sizeof *th->x);
    th->nbr_ptr = bm_alloc(n + 1, sizeof *th->nbr_ptr);
    th->nbr = bm_alloc(nnz, sizeof *th->nbr);
    th->kind = bm_alloc(n, sizeof *th->kind);
    th->count = bm_alloc(n, sizeof *th->count);
    th->kind_a = bm_alloc(n, sizeof *th->kind_a);
    th->kind_count = bm_alloc(n, sizeof *th->kind_count);
    return th->order && th->level_item && th->item && th->run && th->x_at && th->x && th->nbr_ptr && th->nbr && th->kind && th->count && th->kind_a && th->kind_count
               ? BM_OK : BM_ENOMEM;
}

/* Items and runs from the sorted leaves; first: the leaf that stands for each item. */
static void cut(bm_thin *th, const leaf *l, size_t *first)
{
    for (size_t j = 0; j < th->n0; j++) {
        const leaf *before = j ? &l[j - 1] : NULL;
        bool        same_run = before && by_neighbours(before, &l[j]) == 0;

        th->order[j] = l[j].level;
        if (!(th->merged && same_run && by_products(before, &l[j]) == 0)) {
            if (!same_run || th->nitem - th->run[th->nrun - 1] == BM_THIN_LONGEST) th->run[th->nrun++] = th->nitem;
            th->item[th->nitem] = j;
            first[th->nitem++] = j;
        }
        th->level_item[j] = (uint32_t)th->nitem - 1;
        th->count[th->nitem - 1]++;
    }
    th->item[th->nitem] = th->n0;
    th->run[th->nrun] = th->nitem;
}

static void lay_out(bm_thin *th, const leaf *l, const size_t *first)
{
    size_t at = 0;

    for (size_t r = 0; r < th->nrun; r++) {
        size_t from = th->run[r], n = th->run[r + 1] - from, nn = l[first[from]].n;

        memcpy(th->nbr + th->nbr_ptr[r], l[first[from]].nbr, nn * sizeof *th->nbr);
        th->nbr_ptr[r + 1] = th->nbr_ptr[r] + nn;
        th->x_at[r] = at;
        for (size_t a = 0; a < nn; a++)
            for (size_t i = 0; i < n; i++) th->x[at++] = l[first[from + i]].x[a];
    }
}

static void find_kinds(bm_thin *th, const leaf *l, const size_t *first, const double *values, size_t nvalues)
{
    th->nkind = th->merged ? nvalues : th->n0;
    for (size_t i = 0; i < th->nitem; i++) {
        double        a = l[first[i]].a;
        const double *v = th->merged ? bsearch(&a, values, nvalues, sizeof a, ascending) : NULL;

        th->kind[i] = (uint32_t)(th->merged ? (size_t)(v - values) : i);
        th->kind_a[th->kind[i]] = a;
        th->kind_count[th->kind[i]] += th->count[i];
    }
}

bm_status bm_thin_items(bm_thin *th, const bm_facstat *f, const bm_thin_lists *of)
{
    leaf     *l = bm_alloc(f->J, sizeof *l);
    size_t   *first = bm_alloc(f->J, sizeof *first), nvalues, p1 = th->p1;
    double   *values = bm_alloc(f->J, sizeof *values);
    bm_status st = BM_ENOMEM;

    th->n0 = f->J;
    if (!l || !first || !values || allocate(th, of->ptr[f->J]) != BM_OK) goto done;
    nvalues = different(f, values);
    th->merged = 2 * nvalues <= f->J;
    for (size_t j = 0; j < f->J; j++) l[j] = (leaf){ of->nbr + of->ptr[j], of->x + of->ptr[j], of->ptr[j + 1] - of->ptr[j], f->A[j], (uint32_t)j };
    qsort(l, f->J, sizeof *l, by_all);
    cut(th, l, first);
    lay_out(th, l, first);
    find_kinds(th, l, first, values, nvalues);
    th->sum = bm_alloc(th->nitem * p1, sizeof *th->sum);
    th->G = bm_alloc(th->merged ? th->nkind * (p1 * (p1 + 1) / 2) : 1, sizeof *th->G);
    th->level_d = bm_alloc(th->n0 * p1, sizeof *th->level_d);
    if (th->sum && th->G && th->level_d) st = BM_OK;
done:
    free(l);
    free(first);
    free(values);
    return st;
}

/* ---- right-hand sides ---- */

static double column(const bm_facstat *f, size_t level, size_t c)
{
    return c < f->p ? f->B[level * f->p + c] : f->c[level];
}

/* G_xy of all kinds. */
static void fill_products(bm_thin *th, size_t x, size_t y, double *G)
{
    const double *dx = th->level_d + x * th->n0, *dy = th->level_d + y * th->n0;

    memset(G, 0, th->nkind * sizeof *G);
    for (size_t i = 0; i < th->nitem; i++)
        for (size_t j = th->item[i]; j < th->item[i + 1]; j++) G[th->kind[i]] += dx[j] * dy[j];
}

/* The sums of the items' levels. */
static void fill_sums(bm_thin *th, size_t c)
{
    const double *d = th->level_d + c * th->n0;

    for (size_t r = 0; r < th->nrun; r++) {
        size_t  n = th->run[r + 1] - th->run[r];
        double *sum = th->sum + th->run[r] * th->p1 + c * n;

        for (size_t i = 0; i < n; i++) {
            sum[i] = 0;
            for (size_t j = th->item[th->run[r] + i]; j < th->item[th->run[r] + i + 1]; j++) sum[i] += d[j];
        }
    }
}

void bm_thin_fill(bm_thin *th, const bm_stats *st, bool all)
{
    const bm_facstat *f = &st->fac[th->stage[0]];
    size_t            p = th->p, p1 = th->p1, from = all ? 0 : p;
    double           *G = th->G;

    for (size_t c = from; c < p1; c++) {
        for (size_t j = 0; j < th->n0; j++) th->level_d[c * th->n0 + j] = column(f, th->order[j], c);
        fill_sums(th, c);
    }
    for (size_t x = 0; th->merged && x < p1; x++)
        for (size_t y = x; y < p1; y++, G += th->nkind)
            if (all || y == p) fill_products(th, x, y, G);
    for (size_t i = 0; i < th->nplace; i++)
        for (size_t c = from; c < p1; c++) th->d[i * p1 + c] = column(&st->fac[th->fac[i]], th->lev[i], c);
}
