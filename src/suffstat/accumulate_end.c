/* accumulate_end.c: sums over rows that were not kept become statistics: the last change of basis, levels in their order. */
#include "suffstat/accumulate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- X and y ---- */

/* The coefficients on the old basis that take from e what X explains, c = M M'G_e; b0 = b + R^-1 c. */
static void last_step(const bm_accum *a, const bool *aliased, double *c, double *b0)
{
    const bm_track *t = &a->track;
    size_t          p = a->p, m = p + 1;

    memset(c, 0, p * sizeof *c);
    for (size_t j = 0; j < p; j++) {
        double s = 0;

        if (aliased[j]) continue;
        for (size_t l = 0; l <= j; l++) s += t->M[l + j * m] * t->G[l + p * m];
        for (size_t l = 0; l <= j; l++) c[l] += s * t->M[l + j * m];
    }
    for (size_t i = p; i-- > 0;) {
        double s = c[i];

        for (size_t l = i + 1; l < p; l++) s -= t->R[i + l * m] * b0[l];
        b0[i] = s / t->R[i + i * m];
    }
    for (size_t i = 0; i < p; i++) b0[i] += a->b[i];
}

/* b0 has zeros where columns are aliased: what they had goes to the columns they depend on. */
static void fixed_products(const bm_accum *a, bm_stats *s, const double *c)
{
    const bm_track *t = &a->track;
    size_t          p = a->p, m = p + 1;

    s->yy = t->G[p + p * m];
    for (size_t i = 0; i < p; i++) {
        double g = t->G[i + p * m], Gc = 0;

        for (size_t l = 0; l < p; l++) Gc += t->G[i + l * m] * c[l];
        s->yy -= c[i] * (2 * g - Gc);
    }
    if (s->yy < 0) s->yy = 0;
    for (size_t j = 0; j < p; j++)
        for (size_t i = 0; i < p; i++) {
            double v = 0;

            if (s->aliased[i] || s->aliased[j]) continue;
            for (size_t k = 0; k <= i; k++)
                for (size_t l = 0; l <= j; l++) v += t->M[k + i * m] * t->G[k + l * m] * t->M[l + j * m];
            s->XX[i + j * p] = v;
        }
    for (size_t j = 0; j < p; j++) {
        if (s->aliased[j]) continue;
        for (size_t l = 0; l <= j; l++) {
            double v = t->G[l + p * m];

            for (size_t k = 0; k < p; k++) v -= t->G[l + k * m] * c[k];
            s->Xy[j] += t->M[l + j * m] * v;
        }
    }
}

static bm_status fixed_part(bm_accum *a, bm_stats *s, double *c, bm_error *err)
{
    bm_status st = bm_track_end(&a->track, 1, s->aliased, err);

    if (st != BM_OK) return st;
    bm_track_K(&a->track, s->K);
    for (size_t k = 0; k < a->p; k++) {
        s->log_det_K += log(s->K[k + k * a->p]);
        if (s->aliased[k]) continue;
        s->log_det_K1 += log(s->K[k + k * a->p]);
        s->rank++;
    }
    last_step(a, s->aliased, c, s->b0);
    fixed_products(a, s, c);
    return BM_OK;
}

/* ---- factors ---- */

/* v' = M'v for one basis, into out; what depends on others is zero. */
static void map_into(double *out, size_t step, const double *v, size_t k, const double *M, size_t m, const bool *dependent)
{
    for (size_t j = 0; j < k; j++) {
        double s = 0;

        for (size_t l = 0; l <= j && !dependent[j]; l++) s += M[l + j * m] * v[l];
        out[j * step] = s;
    }
}

/* One record, its rows mapped by M_z on the left, its columns by M_z (A) and M_x (B), and c after the last step of b. */
static void end_record(const bm_accum *a, const bm_accum_factor *f, const double *r, const bool *dependent, const bool *aliased, const double *c,
                       double *row, double *A, double *B, double *cj)
{
    size_t q = f->q, p = a->p;

    for (size_t i = 0; i < q; i++) {
        memset(row, 0, f->width * sizeof *row);
        for (size_t l = 0; l <= i && !dependent[i]; l++)
            for (size_t k = 0; k < f->width; k++) row[k] += f->track.M[l + i * q] * r[l * f->width + k];
        map_into(A + i, q, row, q, f->track.M, q, dependent);
        map_into(B + i, q, row + q, p, a->track.M, p + 1, aliased);
        cj[i] = row[q + p];
        for (size_t k = 0; k < p; k++) cj[i] -= row[q + k] * c[k];
    }
}

static bm_status end_factor(bm_accum *a, size_t k, const bool *aliased, const double *c, const int32_t *order, size_t J, bm_facstat *out, bool *dependent,
                            bm_error *err)
{
    bm_accum_factor *f = &a->fac[k];
    size_t           q = f->q, p = a->p;
    double          *row = bm_alloc(f->width, sizeof *row);
    bm_status        st;

    *out = (bm_facstat){ .J = J, .q = q, .p = p, .Kz = bm_alloc(q * q, sizeof(double)), .A = bm_alloc(J * q * q, sizeof(double)),
                         .B = bm_alloc(J * q * p, sizeof(double)), .c = bm_alloc(J * q, sizeof(double)), .n = bm_alloc(J, sizeof *out->n) };
    if (!row || !out->Kz || !out->A || !out->B || !out->c || !out->n) {
        free(row);
        return bm_fail(err, BM_ENOMEM, "out of memory for %zu groups", J);
    }
    if ((st = bm_track_end(&f->track, f->track.total, dependent, err)) == BM_OK) {
        bm_track_K(&f->track, out->Kz);
        for (size_t j = 0; j < f->J; j++) {
            size_t        to = (size_t)order[j];
            const double *r = bm_record(f, j);

            out->n[to] = (size_t)*r;
            end_record(a, f, r + 1, dependent, aliased, c, row, out->A + to * q * q, out->B + to * q * p, out->c + to * q);
        }
    }
    free(row);
    bm_accum_free_records(f);
    return st;
}

/* ---- pairs of factors ---- */

/* Where each level's entries begin: start (J + 1) from the codes of one side, in the new order. */
static void begin_levels(const bm_interned *index, unsigned shift, const int32_t *order, size_t J, size_t *start)
{
    memset(start, 0, (J + 1) * sizeof *start);
    for (size_t e = 0; e < index->n; e++) start[(size_t)order[(uint32_t)(index->key[e] >> shift)] + 1]++;
    for (size_t j = 0; j < J; j++) start[j + 1] += start[j];
}

/* X (q x r, or where turned r x q) of one entry. */
static void end_block(const bm_accum *a, size_t k, size_t l, const double *S, bool turned, bool *const *dependent, double *X)
{
    size_t q = a->fac[k].q, r = a->fac[l].q;

    for (size_t i = 0; i < q; i++)
        for (size_t j = 0; j < r; j++) {
            double s = 0;

            if (dependent[k][i] || dependent[l][j]) continue;
            for (size_t g = 0; g <= i; g++)
                for (size_t h = 0; h <= j; h++) s += a->fac[k].track.M[g + i * q] * S[g * r + h] * a->fac[l].track.M[h + j * r];
            X[turned ? j + i * r : i + j * q] = s;
        }
}

/* One direction: levels of `from` (which is k where not turned) by levels of the other, ascending: a counting sort by the other, then by `from`. */
static bm_status end_cross(bm_cross *c, const bm_accum *a, size_t k, size_t l, bool turned, const int32_t *const *order, const size_t *J, bool *const *dependent,
                           bm_error *err)
{
    const bm_accum_pair *x = &a->pair[k * a->nfac + l];
    size_t               n = x->index.n, block = a->fac[k].q * a->fac[l].q, from = turned ? l : k, to = turned ? k : l;
    unsigned             from_bits = turned ? 0 : 32, to_bits = turned ? 32 : 0;
    uint32_t            *by_to = n <= UINT32_MAX ? bm_alloc(n, sizeof *by_to) : NULL;
    size_t              *at = bm_alloc((J[from] > J[to] ? J[from] : J[to]) + 1, sizeof *at);
    bm_status            st = BM_ENOMEM;

    *c = (bm_cross){ .J = J[from], .nnz = n, .ptr = bm_alloc(J[from] + 1, sizeof *c->ptr), .lev = bm_alloc(n, sizeof *c->lev), .X = bm_alloc(n * block, sizeof *c->X),
                     .nested = n == J[from] };
    if (!by_to || !at || !c->ptr || !c->lev || !c->X) goto done;
    begin_levels(&x->index, to_bits, order[to], J[to], at);
    for (size_t e = 0; e < n; e++) by_to[at[order[to][(uint32_t)(x->index.key[e] >> to_bits)]]++] = (uint32_t)e;
    begin_levels(&x->index, from_bits, order[from], J[from], c->ptr);
    memcpy(at, c->ptr, J[from] * sizeof *at);
    for (size_t i = 0; i < n; i++) {
        size_t   e = by_to[i], here = at[order[from][(uint32_t)(x->index.key[e] >> from_bits)]]++;

        c->lev[here] = (uint32_t)order[to][(uint32_t)(x->index.key[e] >> to_bits)];
        end_block(a, k, l, x->sum + e * block, turned, dependent, c->X + here * block);
    }
    st = BM_OK;
done:
    free(by_to);
    free(at);
    return st == BM_OK ? st : bm_nomem(err);
}

static bm_status end_pairs(bm_accum *a, bm_stats *s, const int32_t *const *order, const size_t *J, bool *const *dependent, bm_error *err)
{
    size_t    K = a->nfac;
    bm_status st = BM_OK;

    if (K < 2) return BM_OK;
    if (!(s->cross = bm_alloc(K * K, sizeof *s->cross))) return bm_nomem(err);
    s->owns_cross = true;
    for (size_t k = 0; k < K; k++)
        for (size_t l = k + 1; l < K && st == BM_OK; l++) {
            bm_accum_pair *x = &a->pair[k * K + l];

            free(x->index.slot);                     /* nothing is looked up any more: these are the largest arrays of crossed data */
            x->index.slot = NULL;
            x->index.nslot = 0;
            st = end_cross(&s->cross[k * K + l], a, k, l, false, order, J, dependent, err);
            if (st == BM_OK) st = end_cross(&s->cross[l * K + k], a, k, l, true, order, J, dependent, err);
            free(x->sum);
            x->sum = NULL;
        }
    return st;
}

/* ---- all ---- */

bm_status bm_accum_end(bm_accum *a, const int32_t *const *order, const size_t *J, bm_stats **out, bm_error *err)
{
    size_t    p = a->p, wide = 1;
    bm_stats *s = bm_stats_alloc(a->n, p, a->nfac);
    double   *c = bm_alloc(p, sizeof *c);
    bool    **dependent = bm_alloc(a->nfac, sizeof *dependent), *flags;
    bm_status st = BM_ENOMEM;

    for (size_t k = 0; k < a->nfac; k++) wide += a->fac[k].q;
    flags = bm_alloc(wide, sizeof *flags);
    *out = NULL;
    if (!s || !c || !dependent || !flags) goto done;
    s->sum_log_w = a->sum_log_w;
    s->y_scale = a->y_scale;
    st = fixed_part(a, s, c, err);
    for (size_t k = 0, at = 0; k < a->nfac && st == BM_OK; at += a->fac[k].q, k++) {
        dependent[k] = flags + at;
        st = end_factor(a, k, s->aliased, c, order[k], J[k], &s->fac[k], dependent[k], err);
    }
    if (st == BM_OK) st = end_pairs(a, s, order, J, dependent, err);
    if (st == BM_OK) {
        *out = s;
        s = NULL;
    }
done:
    if (st == BM_ENOMEM) bm_nomem(err);
    free(c);
    free(dependent);
    free(flags);
    bm_stats_free(s);
    return st;
}
