/* thin_pattern.c: where every number is, once the order of elimination is known (thin_order.c). */
#include "posterior/thin_priv.h"

#include "posterior/joint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Seconds: of a number that is scattered, of a level beside, of a multiplication in a panel, of a panel. Rough, of a 2020s core. */
static const double SCATTERED = 1.2e-9, LEVEL = 4e-9, DENSE = 0.03e-9, PANEL = 0.3e-6;

/* ---- where numbers are ---- */

/* Where the number of places r >= c is. */
static uint32_t find(const bm_thin *th, uint32_t r, uint32_t c)
{
    size_t lo, hi;

    if (c >= th->nmid) return (uint32_t)(th->rest_val + bm_panels_at(th->rest, r - th->nmid, c - th->nmid));
    if (r == c) return (uint32_t)th->mid_val[c];
    lo = th->mid_ptr[c];
    hi = th->mid_ptr[c + 1];
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (th->mid_nbr[mid] < r) lo = mid + 1;
        else hi = mid;
    }
    return (uint32_t)(th->mid_val[c] + 1 + lo - th->mid_ptr[c]);
}

/* For each neighbour, for each from it on. */
static uint32_t *pairs_of(const bm_thin *th, const uint32_t *nbr, size_t n, uint32_t *at)
{
    for (size_t a = 0; a < n; a++)
        for (size_t b = a; b < n; b++) *at++ = find(th, nbr[b], nbr[a]);
    return at;
}

/* The columns of one factor between, from place *i on; cap: of mid_nbr. */
static bm_status lay_stage(bm_thin *th, const bm_stats *st, size_t k, size_t *i, size_t *cap)
{
    bm_thin_lists l = { 0 };
    bm_status     status = bm_thin_neighbours(th, st, k, 0, &l);
    size_t        nbr = th->mid_ptr[*i];
    uint32_t     *grown = status == BM_OK ? bm_grow(th->mid_nbr, cap, nbr + l.ptr[st->fac[k].J] + 1, sizeof *grown) : NULL;

    if (!grown) {
        bm_thin_lists_free(&l);
        return BM_ENOMEM;
    }
    th->mid_nbr = grown;
    memcpy(grown + nbr, l.nbr, l.ptr[st->fac[k].J] * sizeof *grown);
    for (size_t j = 0; j < st->fac[k].J; j++, (*i)++) {
        size_t n = l.ptr[j + 1] - l.ptr[j];

        th->mid_ptr[*i + 1] = th->mid_ptr[*i] + n;
        th->rhs[*i] = th->mid_val[*i] + 1 + n;
        th->mid_val[*i + 1] = th->rhs[*i] + th->p1;
        th->mid_pair[*i + 1] = th->mid_pair[*i] + n * (n + 1) / 2;
        if (n > th->mid_most) th->mid_most = n;
    }
    bm_thin_lists_free(&l);
    return BM_OK;
}

/* The columns of the factors between, then the panels. */
static bm_status lay_columns(bm_thin *th, const bm_stats *st)
{
    size_t cap = 0, i = 0;

    th->mid_ptr = bm_alloc(th->nmid + 1, sizeof *th->mid_ptr);
    th->mid_val = bm_alloc(th->nmid + 1, sizeof *th->mid_val);
    th->mid_pair = bm_alloc(th->nmid + 1, sizeof *th->mid_pair);
    th->fac = bm_alloc(th->nplace, sizeof *th->fac);
    th->lev = bm_alloc(th->nplace, sizeof *th->lev);
    th->rhs = bm_alloc(th->nplace, sizeof *th->rhs);
    th->diagonal = bm_alloc(th->nplace, sizeof *th->diagonal);
    if (!th->mid_ptr || !th->mid_val || !th->mid_pair || !th->fac || !th->lev || !th->rhs || !th->diagonal) return BM_ENOMEM;
    for (size_t k = 0; k < st->nfac; k++)
        for (size_t j = 0; k != th->stage[0] && j < st->fac[k].J; j++) {
            th->fac[th->place[k][j]] = (uint32_t)k;
            th->lev[th->place[k][j]] = (uint32_t)j;
        }
    for (size_t s = 1; s < th->nstage; s++)
        if (lay_stage(th, st, th->stage[s], &i, &cap) != BM_OK) return BM_ENOMEM;
    th->rest_val = th->mid_val[th->nmid];
    th->nval = th->rest_val + th->rest->val[th->rest->n];
    for (size_t r = 0; r < th->m; r++) th->rhs[th->nmid + r] = th->rest_val + bm_panels_rhs(th->rest, r);
    for (uint32_t r = 0; r < th->nplace; r++) th->diagonal[r] = find(th, r, r);
    return BM_OK;
}

/* The numbers that the statistics put into columns and panels. */
static bm_status lay_base(bm_thin *th, const bm_stats *st)
{
    size_t most = th->nplace, n = 0;

    for (size_t k = 0; k < st->nfac; k++)
        for (size_t l = k + 1; l < st->nfac; l++)
            if (k != th->stage[0] && l != th->stage[0]) most += bm_stats_cross(st, k, l)->nnz;
    th->base_at = bm_alloc(most, sizeof *th->base_at);
    th->base = bm_alloc(most, sizeof *th->base);
    if (!th->base_at || !th->base) return BM_ENOMEM;
    for (uint32_t i = 0; i < th->nplace; i++) {
        th->base_at[n] = (uint32_t)th->diagonal[i];
        th->base[n++] = st->fac[th->fac[i]].A[th->lev[i]];
    }
    for (size_t k = 0; k < st->nfac; k++)
        for (size_t l = k + 1; l < st->nfac; l++) {
            const bm_cross *c = bm_stats_cross(st, k, l);

            for (size_t a = 0; k != th->stage[0] && l != th->stage[0] && a < c->J; a++)
                for (size_t e = c->ptr[a]; e < c->ptr[a + 1]; e++, n++) {
                    uint32_t p = th->place[k][a], q = th->place[l][c->lev[e]];

                    th->base_at[n] = p > q ? find(th, p, q) : find(th, q, p);
                    th->base[n] = c->X[e];
                }
        }
    th->nbase = n;
    return BM_OK;
}

static bm_status lay_pairs(bm_thin *th)
{
    uint32_t *at;

    th->pair = bm_alloc(th->nrun + 1, sizeof *th->pair);
    if (!th->pair) return BM_ENOMEM;
    for (size_t r = 0; r < th->nrun; r++) {
        size_t n = th->nbr_ptr[r + 1] - th->nbr_ptr[r];

        th->pair[r + 1] = th->pair[r] + n * (n + 1) / 2;
    }
    th->pair_at = bm_alloc(th->pair[th->nrun], sizeof *th->pair_at);
    th->mid_pair_at = bm_alloc(th->mid_pair[th->nmid], sizeof *th->mid_pair_at);
    if (!th->pair_at || !th->mid_pair_at) return BM_ENOMEM;
    at = th->pair_at;
    for (size_t r = 0; r < th->nrun; r++) at = pairs_of(th, th->nbr + th->nbr_ptr[r], th->nbr_ptr[r + 1] - th->nbr_ptr[r], at);
    at = th->mid_pair_at;
    for (size_t i = 0; i < th->nmid; i++) at = pairs_of(th, th->mid_nbr + th->mid_ptr[i], th->mid_ptr[i + 1] - th->mid_ptr[i], at);
    return BM_OK;
}

/* ---- the whole ---- */

static void estimate(bm_thin *th)
{
    double pairs = 0, p1 = (double)th->p1;

    for (size_t r = 0; r < th->nrun; r++) {
        double n = (double)(th->run[r + 1] - th->run[r]), each = (double)(th->pair[r + 1] - th->pair[r]) + (double)(th->nbr_ptr[r + 1] - th->nbr_ptr[r]) * p1;

        pairs += each * (1 + (n - 1) / 4);
    }
    pairs += (double)th->mid_pair[th->nmid] + (double)th->mid_ptr[th->nmid] * p1;
    th->seconds = SCATTERED * pairs + LEVEL * (double)(th->nkind + th->nrun + th->nmid) * (1 + p1 / 4) + DENSE * th->rest->flops
                  + PANEL * (double)th->rest->n + 1e-9 * (double)th->nval;
}

static bm_status build(bm_thin *th, const bm_stats *st, bool *staged, size_t bytes)
{
    double    most = (double)bytes / (3 * sizeof(double)), pairs;
    bm_thin_lists l = { 0 };
    bm_status status;

    if (bm_thin_stages(th, st, staged) != BM_OK || !(th->place = bm_alloc(st->nfac, sizeof *th->place))) return BM_ENOMEM;
    for (size_t k = 0; k < st->nfac; k++) {
        th->nv += st->fac[k].J;
        if (k != th->stage[0] && !(th->place[k] = bm_alloc(st->fac[k].J, sizeof **th->place))) return BM_ENOMEM;
    }
    if ((pairs = bm_thin_pairs(th, st)) * 4 > (double)bytes / 2) return BM_NOT_PD;
    if ((status = bm_thin_places(th, st, staged, most)) != BM_OK) return status;
    if (lay_columns(th, st) != BM_OK) return BM_ENOMEM;
    if ((double)th->nval * 3 * sizeof(double) + pairs * 4 > (double)bytes || th->nval > UINT32_MAX) return BM_NOT_PD;
    status = bm_thin_neighbours(th, st, th->stage[0], 0, &l);
    if (status == BM_OK) status = bm_thin_items(th, &st->fac[th->stage[0]], &l);
    bm_thin_lists_free(&l);
    if (status != BM_OK || lay_base(th, st) != BM_OK || lay_pairs(th) != BM_OK) return BM_ENOMEM;
    if (!(th->d = bm_alloc(th->nplace * th->p1, sizeof *th->d))) return BM_ENOMEM;
    bm_thin_fill(th, st, true);
    estimate(th);
    return BM_OK;
}

bm_status bm_thin_new(bm_thin **out, const bm_stats *st, size_t bytes, bm_error *err)
{
    bm_thin  *th = bm_alloc(1, sizeof *th);
    bool     *staged = bm_alloc(st->nfac, sizeof *staged);
    bm_status status = BM_ENOMEM;

    *out = NULL;
    if (th && staged) {
        *th = (bm_thin){ .nfac = st->nfac, .p = st->p, .p1 = st->p + 1 };
        status = build(th, st, staged, bytes);
    }
    free(staged);
    if (status == BM_OK) *out = th;
    else bm_thin_free(th);
    return status == BM_ENOMEM ? bm_fail(err, status, "out of memory for the factorisation of %zu grouping factors", st->nfac) : status;
}

bm_thin *bm_thin_share(const bm_thin *from)
{
    bm_thin *th = bm_alloc(1, sizeof *th);
    size_t   products = from->merged ? from->nkind * (from->p1 * (from->p1 + 1) / 2) : 1;

    if (!th) return NULL;
    *th = *from;
    th->view = true;
    th->sum = bm_alloc(th->nitem * th->p1, sizeof *th->sum);
    th->G = bm_alloc(products, sizeof *th->G);
    th->d = bm_alloc(th->nplace * th->p1, sizeof *th->d);
    th->level_d = bm_alloc(th->n0 * th->p1, sizeof *th->level_d);
    if (!th->sum || !th->G || !th->d || !th->level_d) {
        bm_thin_free(th);
        return NULL;
    }
    memcpy(th->sum, from->sum, th->nitem * th->p1 * sizeof *th->sum);
    memcpy(th->G, from->G, products * sizeof *th->G);
    memcpy(th->level_d, from->level_d, th->n0 * th->p1 * sizeof *th->level_d);
    memcpy(th->d, from->d, th->nplace * th->p1 * sizeof *th->d);
    return th;
}

void bm_thin_response(bm_thin *th, const bm_stats *st)
{
    bm_thin_fill(th, st, false);
}

static void free_pattern(bm_thin *th)
{
    for (size_t k = 0; th->place && k < th->nfac; k++) free(th->place[k]);
    void *blocks[] = { th->stage, th->place, th->fac, th->lev, th->order, th->level_item, th->item, th->run, th->x_at, th->x, th->nbr_ptr, th->nbr, th->pair, th->pair_at,
                       th->kind, th->count, th->kind_a, th->kind_count, th->mid_ptr, th->mid_nbr, th->mid_val, th->mid_pair, th->mid_pair_at, th->rhs, th->diagonal,
                       th->base_at, th->base };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
    bm_panels_free(th->rest);
}

void bm_thin_free(bm_thin *th)
{
    if (!th) return;
    free(th->sum);
    free(th->G);
    free(th->d);
    free(th->level_d);
    if (!th->view) free_pattern(th);
    free(th);
}
