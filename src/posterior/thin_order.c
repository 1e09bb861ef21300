/* thin_order.c: which factors are eliminated level by level, the neighbours of their levels, and in what order the levels that are left come. */
#include "posterior/thin_priv.h"

#include "posterior/joint.h"

#include <stdlib.h>
#include <string.h>

/* ---- the factors ---- */

/* What is eliminated connects levels of every factor it is not nested in. */
bm_status bm_thin_stages(bm_thin *th, const bm_stats *st, bool *staged)
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

void bm_thin_lists_free(bm_thin_lists *l)
{
    free(l->ptr);
    free(l->nbr);
    free(l->x);
    *l = (bm_thin_lists){ 0 };
}

/* Whether k's levels are eliminated before l's; factors of the rest: as they are numbered. */
static bool before(const bm_thin *th, size_t k, size_t l)
{
    size_t a = rank_of(th, k), b = rank_of(th, l);

    return a < b || (a == b && k < l);
}

bm_status bm_thin_neighbours(const bm_thin *th, const bm_stats *st, size_t k, size_t from, bm_thin_lists *out)
{
    size_t J = st->fac[k].J, most = 0, n = 0, nlater = 0, later[BM_FACTORS_MAX];

    for (size_t l = 0; l < st->nfac; l++)
        if (before(th, k, l)) {
            later[nlater++] = l;
            most += bm_stats_cross(st, k, l)->nnz;
        }
    *out = (bm_thin_lists){ bm_alloc(J + 1, sizeof *out->ptr), bm_alloc(most, sizeof *out->nbr), bm_alloc(most, sizeof *out->x) };
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
        bm_thin_lists l = { 0 };
        bool   staged = rank_of(th, k) < th->nstage, ok = bm_thin_neighbours(th, st, k, th->nmid, &l) == BM_OK;

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
        bm_thin_lists_free(&l);
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

bm_status bm_thin_places(bm_thin *th, const bm_stats *st, const bool *staged, double most)
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

double bm_thin_pairs(const bm_thin *th, const bm_stats *st)
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
