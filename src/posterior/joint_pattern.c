/* joint_pattern.c: pattern of the Cholesky factor over all levels of several grouping factors.
 *
 * Two orders are tried: approximate minimum degree, and the same constrained to take the factor with most levels first: where factors cross
 * widely, levels of two factors mixed make each other dense. Where the dense tail begins is chosen so that the estimated time is least, and the
 * order that has the less. */
#include "posterior/joint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Seconds: a column of the panel part, per multiplication there, per multiplication of a dense factorisation. Rough, of a 2020s core. */
static const double COLUMN = 40e-9, SCATTERED = 1.5e-9, DENSE = 0.045e-9;

/* ---- the order ---- */

/* Where the tail begins: the cheapest place. */
static void choose_tail(bm_joint *j, const bm_stats *st, const size_t *height)
{
    double q = (double)j->nv / (double)(j->N ? j->N : 1), before = 0, best = INFINITY, m = (double)j->nv;

    for (size_t i = 0; i <= j->N; i++) {
        double cost = before + DENSE * m * m * m / 3 + 1e-9 * m * m;

        if (cost <= best) {
            best = cost;
            j->nlead = i;
        }
        if (i == j->N) break;
        double h = (double)height[i] * q, qi = (double)st->fac[j->fac[i]].q;
        before += COLUMN + SCATTERED * qi * h * h / 2 + 1e-9 * qi * h * (double)(st->p + 1);
        m -= qi;
    }
    j->seconds = best;
}

/* The better of the two orders. */
static bm_status best_order(bm_joint *j, const bm_stats *st, size_t *height)
{
    double    seconds;
    bm_status status = bm_joint_order(j, st, false, height);

    if (status != BM_OK) return status;
    choose_tail(j, st, height);
    seconds = j->seconds;
    if ((status = bm_joint_order(j, st, true, height)) != BM_OK) return status;
    choose_tail(j, st, height);
    if (j->seconds <= seconds) return BM_OK;
    if ((status = bm_joint_order(j, st, false, height)) == BM_OK) choose_tail(j, st, height);
    return status;
}

/* ---- the pattern of the columns before the tail ---- */

typedef struct { size_t n, cap; uint32_t *v; } list;

static bm_status push(list *l, uint32_t x)
{
    uint32_t *v = bm_grow(l->v, &l->cap, l->n + 1, sizeof *v);

    if (!v) return BM_ENOMEM;
    l->v = v;
    v[l->n++] = x;
    return BM_OK;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Rows of column i: its neighbours that come later, and the rows of its children in the elimination tree. mark[r] = i + 1: r is in. */
static bm_status column_rows(bm_joint *j, const bm_stats *st, size_t i, const uint32_t *child, const uint32_t *sibling, uint32_t *mark, list *rows)
{
    size_t k = j->fac[i], lev = j->lev[i], first = rows->n;

    mark[i] = (uint32_t)i + 1;
    for (size_t l = 0; l < j->nfac; l++) {
        const bm_cross *c = bm_stats_cross(st, k, l);

        for (size_t e = l == k ? 0 : c->ptr[lev]; l != k && e < c->ptr[lev + 1]; e++) {
            uint32_t r = j->place[j->base[l] + c->lev[e]];

            if (r <= i || mark[r] == i + 1) continue;
            mark[r] = (uint32_t)i + 1;
            if (push(rows, r) != BM_OK) return BM_ENOMEM;
        }
    }
    for (uint32_t c = child[i]; c != BM_JOINT_NONE; c = sibling[c])
        for (size_t e = j->ptr[c]; e < j->ptr[c + 1]; e++) {
            uint32_t r = rows->v[e];

            if (r <= i || mark[r] == i + 1) continue;
            mark[r] = (uint32_t)i + 1;
            if (push(rows, r) != BM_OK) return BM_ENOMEM;
        }
    qsort(rows->v + first, rows->n - first, sizeof *rows->v, ascending);
    return BM_OK;
}

static bm_status find_rows(bm_joint *j, const bm_stats *st)
{
    list      rows = { 0 };
    uint32_t *child = bm_alloc(3 * j->N, sizeof *child), *sibling = child + j->N, *mark = sibling + j->N;
    bm_status status = child ? BM_OK : BM_ENOMEM;

    for (size_t i = 0; child && i < 2 * j->N; i++) child[i] = BM_JOINT_NONE;
    for (size_t i = 0; i < j->nlead && status == BM_OK; i++) {
        j->ptr[i] = rows.n;
        if ((status = column_rows(j, st, i, child, sibling, mark, &rows)) != BM_OK) break;
        j->ptr[i + 1] = rows.n;
        if (rows.n == j->ptr[i]) continue;
        uint32_t parent = rows.v[j->ptr[i]];
        sibling[i] = child[parent];
        child[parent] = (uint32_t)i;
    }
    j->row = rows.v;
    free(child);
    return status;
}

static size_t size_at(const bm_joint *j, size_t i)
{
    return j->at[i + 1] - j->at[i];
}

/* ---- where things are ---- */

static bm_status lay_out(bm_joint *j)
{
    size_t npair = 0;

    if (!(j->pos = bm_alloc(j->ptr[j->nlead], sizeof *j->pos))) return BM_ENOMEM;
    for (size_t i = 0; i < j->nlead; i++) {
        size_t q = size_at(j, i), h = q, inner = 0, n = j->ptr[i + 1] - j->ptr[i];

        for (size_t e = j->ptr[i]; e < j->ptr[i + 1]; e++) {
            j->pos[e] = (uint32_t)h;
            h += size_at(j, j->row[e]);
            inner += j->row[e] < j->nlead;
        }
        j->h[i] = h;
        j->val[i + 1] = j->val[i] + h * q;
        npair += inner * n - inner * (inner - (inner > 0)) / 2;
        j->pair[i + 1] = npair;
    }
    return BM_OK;
}

/* Where place b begins in the panel of column a. */
static uint32_t find(const bm_joint *j, size_t a, uint32_t b)
{
    size_t lo = j->ptr[a], hi = j->ptr[a + 1];

    if (a == b) return 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (j->row[mid] < b) lo = mid + 1;
        else hi = mid;
    }
    return j->pos[lo];
}

static bm_status find_pairs(bm_joint *j)
{
    size_t at = 0;

    if (!(j->pair_pos = bm_alloc(j->pair[j->nlead], sizeof *j->pair_pos))) return BM_ENOMEM;
    for (size_t i = 0; i < j->nlead; i++)
        for (size_t a = j->ptr[i]; a < j->ptr[i + 1] && j->row[a] < j->nlead; a++)
            for (size_t b = a; b < j->ptr[i + 1]; b++) j->pair_pos[at++] = find(j, j->row[a], j->row[b]);
    return BM_OK;
}

static bm_status find_entries(bm_joint *j, const bm_stats *st)
{
    for (size_t k = 0; k < j->nfac; k++)
        for (size_t l = 0; l < j->nfac; l++) {
            if (l == k) continue;
            const bm_cross *c = bm_stats_cross(st, k, l);
            uint32_t       *d = j->dst[k * j->nfac + l] = bm_alloc(c->nnz, sizeof *d);

            if (!d) return BM_ENOMEM;
            for (size_t a = 0; a < c->J; a++)
                for (size_t e = c->ptr[a]; e < c->ptr[a + 1]; e++) {
                    uint32_t i = j->place[j->base[k] + a], r = j->place[j->base[l] + c->lev[e]];

                    d[e] = r < i ? BM_JOINT_NONE : i < j->nlead ? find(j, i, r) : 0;
                }
        }
    return BM_OK;
}

/* ---- the whole ---- */

static bm_status allocate(bm_joint *j, const bm_stats *st)
{
    j->nfac = st->nfac;
    if (!(j->base = bm_alloc(st->nfac + 1, sizeof *j->base))) return BM_ENOMEM;
    for (size_t k = 0; k < st->nfac; k++) {
        j->base[k + 1] = j->base[k] + st->fac[k].J;
        j->nv += st->fac[k].J * st->fac[k].q;
    }
    j->N = j->base[st->nfac];
    j->fac = bm_alloc(j->N, sizeof *j->fac);
    j->lev = bm_alloc(j->N, sizeof *j->lev);
    j->place = bm_alloc(j->N, sizeof *j->place);
    j->at = bm_alloc(j->N + 1, sizeof *j->at);
    j->ptr = bm_alloc(j->N + 1, sizeof *j->ptr);
    j->val = bm_alloc(j->N + 1, sizeof *j->val);
    j->h = bm_alloc(j->N, sizeof *j->h);
    j->pair = bm_alloc(j->N + 1, sizeof *j->pair);
    j->dst = bm_alloc(st->nfac * st->nfac, sizeof *j->dst);
    return j->fac && j->lev && j->place && j->at && j->ptr && j->val && j->h && j->pair && j->dst ? BM_OK : BM_ENOMEM;
}

/* Bytes of one point's numbers and of the pattern, from the number of connected levels. */
static double bytes_wanted(const bm_joint *j, const bm_stats *st, const size_t *height)
{
    double q = (double)j->nv / (double)(j->N ? j->N : 1), total = 16 * (double)j->m * (double)j->m;

    for (size_t i = 0; i < j->nlead; i++) total += ((double)height[i] * q * 16 + 8) * q;
    return total + 16 * (double)j->nv * (double)(st->p + 1);
}

bm_status bm_joint_new(bm_joint **out, const bm_stats *st, size_t bytes, bm_error *err)
{
    bm_joint *j = bm_alloc(1, sizeof *j);
    size_t   *height = NULL;
    bm_status status = BM_ENOMEM;

    *out = NULL;
    if (!j || allocate(j, st) != BM_OK) goto done;
    if (!(height = bm_alloc(j->N, sizeof *height)) || best_order(j, st, height) != BM_OK) goto done;
    for (size_t i = 0; i < j->N; i++) j->at[i + 1] = j->at[i] + st->fac[j->fac[i]].q;
    j->t0 = j->at[j->nlead];
    j->m = j->nv - j->t0;
    if (bytes_wanted(j, st, height) > (double)bytes) {
        status = BM_NOT_PD;
        goto done;
    }
    if (find_rows(j, st) != BM_OK || lay_out(j) != BM_OK || find_pairs(j) != BM_OK || find_entries(j, st) != BM_OK) goto done;
    *out = j;
    j = NULL;
    status = BM_OK;
done:
    free(height);
    bm_joint_free(j);
    return status == BM_ENOMEM ? bm_fail(err, status, "out of memory for the factorisation of %zu grouping factors", st->nfac) : status;
}

void bm_joint_free(bm_joint *j)
{
    if (!j) return;
    for (size_t i = 0; j->dst && i < j->nfac * j->nfac; i++) free(j->dst[i]);
    free(j->base);
    free(j->fac);
    free(j->lev);
    free(j->place);
    free(j->at);
    free(j->ptr);
    free(j->row);
    free(j->pos);
    free(j->val);
    free(j->h);
    free(j->pair);
    free(j->pair_pos);
    free(j->dst);
    free(j);
}
