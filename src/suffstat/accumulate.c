/* accumulate.c: the statistics of stats.c from portions of the rows that are not kept. Memory: O(groups (q^2 + q p)) and, with several factors, the pairs
 * of levels that occur.
 *
 * A group's sums are one record: n, then for each effect a of its q the row sum w z_a (z, x, e) of q + p + 1 numbers, so that a row of the data touches
 * one place in memory. Bases follow track.c; e is y - o - x'b with b the least squares of the rows so far, in extended precision. */
#include "suffstat/accumulate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AHEAD = 32, TILE = 64, NARROW = 64, CHUNK = 1 << 16 };        /* rows: of fetching records from memory, of a tile; numbers: of a record, of a chunk */

/* ---- making ---- */

static bm_status factor_new(bm_accum_factor *f, size_t q, size_t p, bm_error *err)
{
    f->q = q;
    f->width = q + p + 1;
    f->stride = (1 + q * f->width + 3) & ~(size_t)3;
    while (f->stride << (f->shift + 1) <= CHUNK) f->shift++;
    return bm_track_new(&f->track, q, q, err);
}

bm_status bm_accum_new(bm_accum **out, size_t p, size_t nfac, const size_t *q, bm_error *err)
{
    bm_accum *a = bm_alloc(1, sizeof *a);
    size_t    wide = 0;
    bm_status st;

    *out = NULL;
    if (!a) return bm_nomem(err);
    a->p = p;
    a->nfac = nfac;
    a->b = bm_alloc(p, sizeof *a->b);
    a->fac = bm_alloc(nfac, sizeof *a->fac);
    a->pair = bm_alloc(nfac * nfac, sizeof *a->pair);
    st = a->b && a->fac && a->pair ? bm_track_new(&a->track, p + 1, p, err) : bm_nomem(err);
    for (size_t k = 0; k < nfac && st == BM_OK; k++) {
        st = factor_new(&a->fac[k], q[k], p, err);
        if (a->fac[k].width > wide) wide = a->fac[k].width;
    }
    if (st == BM_OK && !(a->row = bm_alloc(wide, sizeof *a->row))) st = bm_nomem(err);
    for (size_t k = 0; k < nfac && st == BM_OK; k++)
        for (size_t l = k + 1; l < nfac && st == BM_OK; l++)
            if (!(a->pair[k * nfac + l].products = bm_alloc(3 * q[k] * q[l], sizeof(double)))) st = bm_nomem(err);
    if (st == BM_OK) *out = a;
    else bm_accum_free(a);
    return st;
}

void bm_accum_free_records(bm_accum_factor *f)
{
    for (size_t i = 0; i < f->nchunk; i++) free(f->chunk[i]);
    free(f->chunk);
    f->chunk = NULL;
    f->nchunk = f->cap = f->J = 0;
}

void bm_accum_free(bm_accum *a)
{
    if (!a) return;
    bm_track_clear(&a->track);
    for (size_t k = 0; a->fac && k < a->nfac; k++) {
        bm_track_clear(&a->fac[k].track);
        bm_accum_free_records(&a->fac[k]);
        free(a->fac[k].Q);
    }
    for (size_t k = 0; a->pair && k < a->nfac * a->nfac; k++) {
        bm_interned_free(&a->pair[k].index);
        free(a->pair[k].sum);
        free(a->pair[k].products);
    }
    free(a->pair);
    free(a->fac);
    free(a->b);
    free(a->Q);
    free(a->row);
    free(a);
}

/* ---- a change of basis carries the sums along ---- */

/* v (k) <- M'v, M upper triangular with leading dimension m; in place, from the last on. */
static void map_vector(double *v, const double *M, size_t m, size_t k)
{
    for (size_t j = k; j-- > 0;) {
        double s = 0;

        for (size_t l = 0; l <= j; l++) s += M[l + j * m] * v[l];
        v[j] = s;
    }
}

/* The columns of X and e change. M: (p + 1) x (p + 1), with 1 in its corner. */
void bm_accum_map_fixed(bm_accum *a)
{
    for (size_t k = 0; k < a->nfac; k++) {
        bm_accum_factor *f = &a->fac[k];

        for (size_t j = 0; j < f->J; j++)
            for (size_t i = 0; i < f->q; i++) map_vector(bm_record(f, j) + 1 + i * f->width + f->q, a->track.M, a->p + 1, a->p + 1);
    }
}

/* The columns of factor k change: both sides of A, one of the rest and of the pairs. */
void bm_accum_map_factor(bm_accum *a, size_t k)
{
    bm_accum_factor *f = &a->fac[k];
    const double    *M = f->track.M;
    size_t           q = f->q;

    for (size_t j = 0; j < f->J; j++) {
        double *r = bm_record(f, j) + 1;

        for (size_t i = 0; i < q; i++) map_vector(r + i * f->width, M, q, q);
        for (size_t i = q; i-- > 0;)                 /* rows: r_i <- sum_l M_li r_l */
            for (size_t c = 0; c < f->width; c++) {
                double s = 0;

                for (size_t l = 0; l <= i; l++) s += M[l + i * q] * r[l * f->width + c];
                r[i * f->width + c] = s;
            }
    }
    for (size_t l = 0; l < a->nfac; l++) {
        size_t        lo = l < k ? l : k, hi = l < k ? k : l, ql, qh;
        bm_accum_pair *x = &a->pair[lo * a->nfac + hi];

        if (l == k) continue;
        ql = a->fac[lo].q;
        qh = a->fac[hi].q;
        for (size_t e = 0; e < x->index.n; e++) {
            double *X = x->sum + e * ql * qh;        /* ql x qh, row after row */

            if (hi == k) for (size_t i = 0; i < ql; i++) map_vector(X + i * qh, M, q, q);
            else
                for (size_t c = 0; c < qh; c++)
                    for (size_t i = q; i-- > 0;) {
                        double s = 0;

                        for (size_t h = 0; h <= i; h++) s += M[h + i * q] * X[h * qh + c];
                        X[i * qh + c] = s;
                    }
        }
    }
}

/* e_new = e + sum_l M_lp q_l and q = R^-T x: what is taken off is x'R^-1 (-M_p). R is still the old one. */
bm_status bm_accum_renew_b(bm_accum *a, bm_error *err)
{
    size_t  p = a->p, m = p + 1;
    double *c = bm_alloc(p, sizeof *c);

    if (!c) return bm_nomem(err);
    for (size_t i = p; i-- > 0;) {
        double s = -a->track.M[i + p * m];

        for (size_t l = i + 1; l < p; l++) s -= a->track.R[i + l * m] * c[l];
        c[i] = s / a->track.R[i + i * m];
    }
    for (size_t i = 0; i < p; i++) a->b[i] += c[i];
    free(c);
    return BM_OK;
}

/* ---- rows in the basis ---- */

/* Q and e of these rows in a basis that is good for them too. */
static bm_status fixed_rows(bm_accum *a, const bm_design *d, bm_error *err)
{
    bm_track *t = &a->track;
    bool      good = false;
    bm_status st;

    for (int renewals = 0;; renewals++) {
        bm_track_rows(t, d->X, d->n, a->Q);
        bm_residuals(d->y, d->o, d->X, d->n, a->p, a->b, a->Q + a->p * d->n);
        bm_track_measure(t, d->X, a->Q, d->w, d->n);
        if ((st = bm_track_good(t, &good, err)) != BM_OK) return st;
        if (good || renewals == BM_MOST_RENEWALS) break;
        if ((st = bm_track_renew(t, a->Q, d->w, d->n, err)) != BM_OK || (st = bm_accum_renew_b(a, err)) != BM_OK) return st;
        bm_accum_map_fixed(a);
        if ((st = bm_track_change(t, err)) != BM_OK) return st;
    }
    bm_track_add(t);
    return BM_OK;
}

static bm_status factor_rows(bm_accum *a, size_t k, const bm_design *d, bm_error *err)
{
    bm_accum_factor *f = &a->fac[k];
    bool             good = false;
    bm_status        st;

    for (int renewals = 0;; renewals++) {
        bm_track_rows(&f->track, d->fac[k].Z, d->n, f->Q);
        bm_track_measure(&f->track, d->fac[k].Z, f->Q, NULL, d->n);
        if ((st = bm_track_good(&f->track, &good, err)) != BM_OK) return st;
        if (good || renewals == BM_MOST_RENEWALS) break;
        if ((st = bm_track_renew(&f->track, f->Q, NULL, d->n, err)) != BM_OK) return st;
        bm_accum_map_factor(a, k);
        if ((st = bm_track_change(&f->track, err)) != BM_OK) return st;
    }
    bm_track_add(&f->track);
    return BM_OK;
}

/* ---- adding up ---- */

bm_status bm_accum_grow(bm_accum_factor *f, size_t J, bm_error *err)
{
    while (f->nchunk << f->shift < J) {
        void **chunk = bm_grow(f->chunk, &f->cap, f->nchunk + 1, sizeof *chunk);

        if (chunk) f->chunk = chunk;
        if (!chunk || !(chunk[f->nchunk] = bm_alloc((f->stride << f->shift) + 8, sizeof(double))))
            return bm_fail(err, BM_ENOMEM, "out of memory for the cross-products of %zu groups", J);
        f->nchunk++;
    }
    if (J > f->J) f->J = J;
    return BM_OK;
}

bm_status bm_accum_pair_at(bm_accum_pair *x, uint64_t key, size_t size, double **sum)
{
    size_t at;
    bool   added;

    if (!bm_intern(&x->index, key, &at, &added)) return BM_ENOMEM;
    if (added) {
        double *X = bm_grow(x->sum, &x->cap, (at + 1) * size, sizeof *X);

        if (!X) return BM_ENOMEM;
        x->sum = X;
        memset(X + at * size, 0, size * sizeof *X);
    }
    *sum = x->sum + at * size;
    return BM_OK;
}

static bm_status make_room(bm_accum *a, const bm_design *d, bm_error *err)
{
    size_t n = d->n;

    if (n > a->room) {
        double *Q = realloc(a->Q, n * (a->p + 1) * sizeof *Q);

        if (!Q) return bm_nomem(err);
        a->Q = Q;
        for (size_t k = 0; k < a->nfac; k++) {
            if (!(Q = realloc(a->fac[k].Q, n * a->fac[k].q * sizeof *Q))) return bm_nomem(err);
            a->fac[k].Q = Q;
        }
        a->room = n;
    }
    for (size_t k = 0; k < a->nfac; k++)
        if (bm_accum_grow(&a->fac[k], d->fac[k].J, err) != BM_OK) return BM_ENOMEM;
    return BM_OK;
}

/* Columns of (z, x, e), ld n. */
static const double *column(const bm_accum *a, const bm_accum_factor *f, size_t c, size_t n)
{
    return c < f->q ? f->Q + c * n : a->Q + (c - f->q) * n;
}

/* What each of m rows from i on adds to its record, record after record. */
BM_CLONES static void fill_tile(const bm_accum *a, const bm_accum_factor *f, const double *w, size_t i, size_t m, size_t n, double *tile)
{
    for (size_t c = 0; c < f->q; c++) {
        const double *z = column(a, f, c, n) + i;
        double        wz[TILE], *to = tile + 1 + c * f->width;

        for (size_t h = 0; h < m; h++) wz[h] = w ? w[i + h] * z[h] : z[h];
        for (size_t l = 0; l < f->width; l++) {
            const double *v = column(a, f, l, n) + i;

            for (size_t h = 0; h < m; h++) to[h * f->stride + l] = wz[h] * v[h];
        }
    }
}

typedef double v4 __attribute__((vector_size(32)));

BM_CLONES static void add_tile(const bm_accum_factor *f, const int32_t *code, size_t i, size_t m, size_t n, const double *tile)
{
    const size_t stride = f->stride;

    for (size_t h = 0; h < m; h++, tile += stride) {
        double *r = bm_record(f, (size_t)code[i + h]);

        if (i + h + AHEAD < n) __builtin_prefetch(bm_record(f, (size_t)code[i + h + AHEAD]), 1);
        for (size_t l = 0; l < stride; l += 4) *(v4 *)(void *)(r + l) += *(const v4 *)(const void *)(tile + l);
    }
}

/* Short records: what rows add is computed column by column, then added record by record. */
static void add_narrow(const bm_accum *a, const bm_accum_factor *f, const bm_group *g, const double *w, size_t n)
{
    double tile[TILE * NARROW] __attribute__((aligned(64)));

    for (size_t h = 0; h < TILE; h++) {
        memset(tile + h * f->stride, 0, f->stride * sizeof *tile);
        tile[h * f->stride] = 1;
    }
    for (size_t i = 0; i < n; i += TILE) {
        size_t m = n - i < TILE ? n - i : TILE;

        fill_tile(a, f, w, i, m, n, tile);
        add_tile(f, g->code, i, m, n, tile);
    }
}

static void add_wide(const bm_accum *a, const bm_accum_factor *f, const bm_group *g, const double *w, size_t n)
{
    size_t  width = f->width;
    double *v = a->row;

    for (size_t i = 0; i < n; i++) {
        double *r = bm_record(f, (size_t)g->code[i]);

        if (i + 1 < n) __builtin_prefetch(bm_record(f, (size_t)g->code[i + 1]), 1);
        for (size_t c = 0; c < width; c++) v[c] = column(a, f, c, n)[i];
        *r++ += 1;
        for (size_t c = 0; c < f->q; c++, r += width) {
            double wz = (w ? w[i] : 1) * v[c];

            for (size_t l = 0; l < width; l++) r[l] += wz * v[l];
        }
    }
}

static void add_groups(const bm_accum *a, const bm_accum_factor *f, const bm_group *g, const double *w, size_t n)
{
    if (f->stride <= NARROW) add_narrow(a, f, g, w, n);
    else add_wide(a, f, g, w, n);
}

/* Z_k'W Z_l of the pairs of levels, and products of the columns as they are, over all rows. */
static bm_status add_pairs(bm_accum *a, size_t k, size_t l, const bm_design *d, bm_error *err)
{
    bm_accum_pair *x = &a->pair[k * a->nfac + l];
    const bm_group *g = &d->fac[k], *h = &d->fac[l];
    const double   *Q = a->fac[k].Q, *S = a->fac[l].Q;
    size_t          n = d->n, q = g->q, r = h->q;

    for (size_t i = 0; i < n; i++) {
        double *X;

        if (bm_accum_pair_at(x, (uint64_t)(uint32_t)g->code[i] << 32 | (uint32_t)h->code[i], q * r, &X) != BM_OK) goto nomem;
        for (size_t b = 0; b < q; b++)
            for (size_t c = 0; c < r; c++) X[b * r + c] += (d->w ? d->w[i] : 1) * Q[i + b * n] * S[i + c * n];
    }
    for (size_t b = 0; b < q; b++)
        for (size_t c = 0; c < r; c++) {
            double *s = x->products + 3 * (b * r + c);

            s[0] += bm_sum_products(n, g->Z + b * n, h->Z + c * n);
            s[1] += bm_sum_products(n, g->Z + b * n, g->Z + b * n);
            s[2] += bm_sum_products(n, h->Z + c * n, h->Z + c * n);
        }
    return BM_OK;
nomem:
    return bm_fail(err, BM_ENOMEM, "out of memory for the cross-products of '%s' and '%s' (%zu pairs of levels)", g->name, h->name, x->index.n);
}

/* The response's size, in tiles to have y - o at hand. */
static void add_response(bm_accum *a, const bm_design *d)
{
    double y[TILE];

    for (size_t i = 0; i < d->n; i += TILE) {
        size_t m = d->n - i < TILE ? d->n - i : TILE;

        for (size_t h = 0; h < m; h++) y[h] = d->y[i + h] - (d->o ? d->o[i + h] : 0);
        a->y_scale += d->w ? bm_sum_weighted(m, d->w + i, y, y) : bm_sum_products(m, y, y);
    }
    for (size_t i = 0; d->w && i < d->n; i++) a->sum_log_w += log(d->w[i]);
}

bm_status bm_accum_add(bm_accum *a, const bm_design *d, bm_error *err)
{
    bm_status st;

    if (d->n == 0) return BM_OK;
    if ((st = make_room(a, d, err)) != BM_OK || (st = fixed_rows(a, d, err)) != BM_OK) return st;
    for (size_t k = 0; k < a->nfac && st == BM_OK; k++) st = factor_rows(a, k, d, err);
    for (size_t k = 0; k < a->nfac && st == BM_OK; k++) {
        add_groups(a, &a->fac[k], &d->fac[k], d->w, d->n);
        for (size_t l = k + 1; l < a->nfac && st == BM_OK; l++) st = add_pairs(a, k, l, d, err);
    }
    a->n += d->n;
    add_response(a, d);
    return st;
}

bool bm_accum_same(const bm_accum *a, size_t k, size_t l, size_t *i)
{
    const bm_accum_pair *x = &a->pair[k * a->nfac + l];
    size_t               q = a->fac[k].q, r = a->fac[l].q;

    if (x->index.n != a->fac[k].J || x->index.n != a->fac[l].J) return false;
    for (*i = 0; *i < q; ++*i)
        for (size_t j = 0; j < r; j++) {
            const double *s = x->products + 3 * (*i * r + j);

            if (s[0] * s[0] >= (1 - 1e-12) * s[1] * s[2]) return true;
        }
    return false;
}
