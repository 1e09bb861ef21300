/* thin_pattern.c: which factors are eliminated level by level, in what order the levels that are left come, and where every number is. */
#include "posterior/thin.h"

#include "posterior/joint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Seconds: of a number that is scattered, of a level beside, of a multiplication in a panel, of a panel. Rough, of a 2020s core. */
static const double SCATTERED = 1.2e-9, LEVEL = 4e-9, DENSE = 0.03e-9, PANEL = 0.3e-6;

/* ---- the factors ---- */

/* The largest factor none of whose levels touch each other, and again; what is eliminated connects levels of every factor it is not nested in. */
static bm_status choose_stages(bm_thin *th, const bm_stats *st, bool *staged)
{
    bool *connected = bm_alloc(st->nfac, sizeof *connected);

    if (!connected || !(th->stage = bm_alloc(st->nfac, sizeof *th->stage))) {
        free(connected);
        return BM_ENOMEM;
    }
    for (;;) {
        size_t best = st->nfac;

        for (size_t k = 0; k < st->nfac; k++)
            if (!staged[k] && !connected[k] && (best == st->nfac || st->fac[k].J > st->fac[best].J)) best = k;
        if (best == st->nfac) break;
        staged[best] = true;
        th->stage[th->nstage++] = best;
        for (size_t l = 0; l < st->nfac; l++)
            if (!staged[l] && !bm_stats_cross(st, best, l)->nested) connected[l] = true;
    }
    free(connected);
    return BM_OK;
}

static size_t rank_of(const bm_thin *th, size_t k)
{
    size_t s = 0;

    while (s < th->nstage && th->stage[s] != k) s++;
    return s;
}

/* ---- neighbours: of every level of factor k, levels of the factors eliminated later, and the cross-products with them ---- */

typedef struct { size_t *ptr; uint32_t *nbr; double *x; } lists;

static void lists_free(lists *l)
{
    free(l->ptr);
    free(l->nbr);
    free(l->x);
    *l = (lists){ 0 };
}

/* Whether k's levels are eliminated before l's; factors of the rest: as they are numbered. */
static bool before(const bm_thin *th, size_t k, size_t l)
{
    size_t a = rank_of(th, k), b = rank_of(th, l);

    return a < b || (a == b && k < l);
}

/* The place of each neighbour, those from `from` on, less `from`: ascending. */
static bm_status neighbours(const bm_thin *th, const bm_stats *st, size_t k, size_t from, lists *out)
{
    size_t J = st->fac[k].J, most = 0, n = 0, nlater = 0, later[BM_FACTORS_MAX];

    for (size_t l = 0; l < st->nfac; l++)
        if (before(th, k, l)) {
            later[nlater++] = l;
            most += bm_stats_cross(st, k, l)->nnz;
        }
    *out = (lists){ bm_alloc(J + 1, sizeof *out->ptr), bm_alloc(most, sizeof *out->nbr), bm_alloc(most, sizeof *out->x) };
    if (!out->ptr || !out->nbr || !out->x) return BM_ENOMEM;
    for (size_t a = 0; a < J; a++) {
        for (size_t i = 0; i < nlater; i++) {
            const bm_cross *c = bm_stats_cross(st, k, later[i]);

            for (size_t e = c->ptr[a]; e < c->ptr[a + 1]; e++) {
                uint32_t place = th->place[later[i]][c->lev[e]];
                size_t   at = n;

                if (place < from) continue;
                for (; at > out->ptr[a] && out->nbr[at - 1] > place - from; at--) {
                    out->nbr[at] = out->nbr[at - 1];
                    out->x[at] = out->x[at - 1];
                }
                out->nbr[at] = (uint32_t)(place - from);
                out->x[at] = c->X[e];
                n++;
            }
        }
        out->ptr[a + 1] = n;
    }
    return BM_OK;
}

/* ---- the order of the rest ---- */

/* The cliques that elimination makes among the levels of the rest, and the pairs that the rest has of itself. */
static bm_status cliques(const bm_thin *th, const bm_stats *st, size_t *ncliques, size_t **ptr, uint32_t **member)
{
    size_t   cap_p = 0, cap_m = 0, n = 0, at = 0;
    size_t  *p = bm_grow(NULL, &cap_p, 1, sizeof *p);
    uint32_t *m = NULL;

    if (!p) return BM_ENOMEM;
    p[0] = 0;
    for (size_t k = 0; k < st->nfac; k++) {
        lists  l = { 0 };
        bool   staged = rank_of(th, k) < th->nstage, ok = neighbours(th, st, k, th->nmid, &l) == BM_OK;

        for (size_t a = 0; ok && a < st->fac[k].J; a++)
            for (size_t e = l.ptr[a]; ok && e < l.ptr[a + 1];) {
                size_t    take = staged ? l.ptr[a + 1] - e : 1;
                size_t   *bp = bm_grow(p, &cap_p, n + 2, sizeof *bp);
                uint32_t *bm = bp ? bm_grow(m, &cap_m, at + take + 1, sizeof *bm) : NULL;

                if (bp) p = bp;
                if (bm) m = bm;
                if (!(ok = bp && bm)) break;
                if (!staged) m[at++] = th->place[k][a] - (uint32_t)th->nmid;
                memcpy(m + at, l.nbr + e, take * sizeof *m);
                at += take;
                e += take;
                p[++n] = at;
            }
        lists_free(&l);
        *ptr = p;
        *member = m;
        if (!ok) return BM_ENOMEM;
    }
    *ncliques = n;
    *ptr = p;
    *member = m;
    return BM_OK;
}

/* Levels of the stages but the first, then those of the rest in the order given: place[0 .. m - 1] of the rest, NULL: as they come. */
static void assign_places(bm_thin *th, const bm_stats *st, const bool *staged, const uint32_t *rest)
{
    size_t at = 0, i = 0;

    for (size_t s = 1; s < th->nstage; s++)
        for (size_t j = 0; j < st->fac[th->stage[s]].J; j++) th->place[th->stage[s]][j] = (uint32_t)at++;
    th->nmid = at;
    for (size_t k = 0; k < st->nfac; k++)
        for (size_t j = 0; !staged[k] && j < st->fac[k].J; j++, i++) th->place[k][j] = (uint32_t)(at + (rest ? rest[i] : i));
    th->m = i;
    th->nplace = at + i;
}

static bm_status order_rest(bm_thin *th, const bm_stats *st, const bool *staged, double most)
{
    size_t    ncliques = 0, *ptr = NULL;
    uint32_t *member = NULL, *place = NULL;
    bm_status status = BM_OK;

    assign_places(th, st, staged, NULL);
    if (!(place = bm_alloc(th->m, sizeof *place))) status = BM_ENOMEM;
    if (status == BM_OK && th->m) status = cliques(th, st, &ncliques, &ptr, &member);
    if (status == BM_OK) status = bm_panels_new(&th->rest, th->m, th->p1, ncliques, ptr, member, most, place);
    if (status == BM_OK) assign_places(th, st, staged, place);
    free(ptr);
    free(member);
    free(place);
    return status;
}

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

/* The columns of the factors between, and the numbers that the statistics put there and into the panels. */
static bm_status lay_columns(bm_thin *th, const bm_stats *st)
{
    size_t    cap = 0, nbr = 0;
    bm_status status = BM_OK;

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
    for (size_t s = 1, i = 0; s < th->nstage && status == BM_OK; s++) {
        lists l = { 0 };

        if ((status = neighbours(th, st, th->stage[s], 0, &l)) != BM_OK) {
            lists_free(&l);
            break;
        }
        for (size_t j = 0; j < st->fac[th->stage[s]].J; j++, i++) {
            size_t    n = l.ptr[j + 1] - l.ptr[j];
            uint32_t *grown = bm_grow(th->mid_nbr, &cap, nbr + n + 1, sizeof *grown);

            if (!grown) {
                status = BM_ENOMEM;
                break;
            }
            th->mid_nbr = grown;
            memcpy(grown + nbr, l.nbr + l.ptr[j], n * sizeof *grown);
            nbr += n;
            th->mid_ptr[i + 1] = nbr;
            if (n > th->mid_most) th->mid_most = n;
            th->rhs[i] = th->mid_val[i] + 1 + n;
            th->mid_val[i + 1] = th->rhs[i] + th->p1;
            th->mid_pair[i + 1] = th->mid_pair[i] + n * (n + 1) / 2;
        }
        lists_free(&l);
    }
    if (status != BM_OK) return status;
    th->rest_val = th->mid_val[th->nmid];
    th->nval = th->rest_val + th->rest->val[th->rest->n];
    for (size_t i = 0; i < th->m; i++) th->rhs[th->nmid + i] = th->rest_val + bm_panels_rhs(th->rest, i);
    for (uint32_t i = 0; i < th->nplace; i++) th->diagonal[i] = find(th, i, i);
    return BM_OK;
}

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

/* Pairs of neighbours of all levels that are eliminated one by one. */
static double pairs_wanted(const bm_thin *th, const bm_stats *st)
{
    double total = 0;

    for (size_t s = 0; s < th->nstage; s++) {
        size_t k = th->stage[s];

        for (size_t j = 0; j < st->fac[k].J; j++) {
            double n = 0;

            for (size_t l = 0; l < st->nfac; l++)
                if (before(th, k, l)) n += (double)(bm_stats_cross(st, k, l)->ptr[j + 1] - bm_stats_cross(st, k, l)->ptr[j]);
            total += n * (n + 1) / 2;
        }
    }
    return total;
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
    lists     l = { 0 };
    bm_status status;

    if (choose_stages(th, st, staged) != BM_OK || !(th->place = bm_alloc(st->nfac, sizeof *th->place))) return BM_ENOMEM;
    for (size_t k = 0; k < st->nfac; k++) {
        th->nv += st->fac[k].J;
        if (k != th->stage[0] && !(th->place[k] = bm_alloc(st->fac[k].J, sizeof **th->place))) return BM_ENOMEM;
    }
    if ((pairs = pairs_wanted(th, st)) * 4 > (double)bytes / 2) return BM_NOT_PD;
    if ((status = order_rest(th, st, staged, most)) != BM_OK) return status;
    if (lay_columns(th, st) != BM_OK) return BM_ENOMEM;
    if ((double)th->nval * 3 * sizeof(double) + pairs * 4 > (double)bytes || th->nval > UINT32_MAX) return BM_NOT_PD;
    status = neighbours(th, st, th->stage[0], 0, &l);
    if (status == BM_OK) status = bm_thin_items(th, &st->fac[th->stage[0]], l.ptr, l.nbr, l.x);
    lists_free(&l);
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
