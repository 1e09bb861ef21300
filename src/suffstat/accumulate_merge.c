/* accumulate_merge.c: sums of two sets of rows become those of all. What was summed in one basis is mapped to the other, after that has been made good for
 * both: rows with the same sums of squares and products, a Cholesky factor, stand in for rows that are gone (see track.c). */
#include "suffstat/accumulate.h"

#include <stdlib.h>
#include <string.h>

/* The way from one basis to the other is from->track.M. */
static bm_status lead_fixed(bm_accum *into, bm_accum *from, double *gap, double *Q, bm_error *err)
{
    bm_track *t = &into->track;
    bool      good = false;
    bm_status st;

    for (int renewals = 0;; renewals++) {
        for (size_t k = 0; k < into->p; k++) gap[k] = from->b[k] - into->b[k];
        bm_track_lead(t, &from->track, gap);
        if ((st = bm_track_stand_in(t, &from->track, Q, err)) != BM_OK || (st = bm_track_good(t, &good, err)) != BM_OK) return st;
        if (good || renewals == BM_MOST_RENEWALS) break;
        if ((st = bm_track_renew(t, Q, NULL, t->m, err)) != BM_OK || (st = bm_accum_renew_b(into, err)) != BM_OK) return st;
        bm_accum_map_fixed(into);
        if ((st = bm_track_change(t, err)) != BM_OK) return st;
    }
    bm_track_add(t);
    bm_accum_map_fixed(from);
    return BM_OK;
}

static bm_status lead_factor(bm_accum *into, bm_accum *from, size_t k, double *Q, bm_error *err)
{
    bm_track *t = &into->fac[k].track;
    bool      good = false;
    bm_status st;

    for (int renewals = 0;; renewals++) {
        bm_track_lead(t, &from->fac[k].track, NULL);
        if ((st = bm_track_stand_in(t, &from->fac[k].track, Q, err)) != BM_OK || (st = bm_track_good(t, &good, err)) != BM_OK) return st;
        if (good || renewals == BM_MOST_RENEWALS) break;
        if ((st = bm_track_renew(t, Q, NULL, t->m, err)) != BM_OK) return st;
        bm_accum_map_factor(into, k);
        if ((st = bm_track_change(t, err)) != BM_OK) return st;
    }
    bm_track_add(t);
    bm_accum_map_factor(from, k);
    return BM_OK;
}

static bm_status add_records(bm_accum_factor *into, const bm_accum_factor *from, const int32_t *code, size_t J, bm_error *err)
{
    bm_status st = bm_accum_grow(into, J, err);

    for (size_t j = 0; j < from->J && st == BM_OK; j++) {
        double       *to = bm_record(into, (size_t)code[j]);
        const double *r = bm_record(from, j);

        for (size_t i = 0; i < into->stride; i++) to[i] += r[i];
    }
    return st;
}

static bm_status add_pair(bm_accum_pair *into, const bm_accum_pair *from, size_t size, const int32_t *k, const int32_t *l, bm_error *err)
{
    for (size_t e = 0; e < from->index.n; e++) {
        uint64_t key = from->index.key[e];
        double  *X;

        if (bm_accum_pair_at(into, (uint64_t)(uint32_t)k[key >> 32] << 32 | (uint32_t)l[key & UINT32_MAX], size, &X) != BM_OK) return bm_nomem(err);
        for (size_t i = 0; i < size; i++) X[i] += from->sum[e * size + i];
    }
    for (size_t i = 0; i < 3 * size; i++) into->products[i] += from->products[i];
    return BM_OK;
}

bm_status bm_accum_merge(bm_accum *into, bm_accum *from, const int32_t *const *code, const size_t *J, bm_error *err)
{
    size_t    wide = into->p + 1;
    double   *Q, *gap = bm_alloc(into->p, sizeof *gap);
    bm_status st;

    if (from->n == 0) {
        free(gap);
        return BM_OK;
    }
    for (size_t k = 0; k < into->nfac; k++)
        if (into->fac[k].q > wide) wide = into->fac[k].q;
    Q = bm_alloc(wide * wide, sizeof *Q);
    st = Q && gap ? lead_fixed(into, from, gap, Q, err) : bm_nomem(err);
    for (size_t k = 0; k < into->nfac && st == BM_OK; k++) st = lead_factor(into, from, k, Q, err);
    for (size_t k = 0; k < into->nfac && st == BM_OK; k++) {
        st = add_records(&into->fac[k], &from->fac[k], code[k], J[k], err);
        for (size_t l = k + 1; l < into->nfac && st == BM_OK; l++) {
            size_t at = k * into->nfac + l;

            st = add_pair(&into->pair[at], &from->pair[at], into->fac[k].q * into->fac[l].q, code[k], code[l], err);
        }
    }
    into->n += from->n;
    into->sum_log_w += from->sum_log_w;
    into->y_scale += from->y_scale;
    free(Q);
    free(gap);
    return st;
}
