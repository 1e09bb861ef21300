/* relfac.c: coordinates in which REML is well conditioned and its boundary is interior.
 *
 * The covariance of a block of correlated effects is G = L L', L = sigma K Theta, Theta lower triangular with entries of either sign. A zero
 * variance, a correlation of one, any singular G is an ordinary point: some entry on the diagonal is zero. K is upper triangular and makes
 * the block's columns of Z orthogonal, with a mean of one for the diagonal of a group's Z'WZ: so it takes away the location and scale
 * of covariates (days counted from 0 or from 5, in hours or years), and an entry of Theta near 1 is an effect that the data of one
 * group can just see. */
#include "fit/relfac.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* B (q x s) = columns first .. first+s-1 of Kz^-1: Z_block = Z~ B. */
static void block_columns(const bm_facstat *f, size_t first, size_t s, double *B)
{
    size_t q = f->q;

    for (size_t c = 0; c < s; c++) {
        double *b = B + c * q;

        memset(b, 0, q * sizeof *b);
        b[first + c] = 1;
        for (size_t r = q; r-- > 0;) {
            for (size_t k = r + 1; k < q; k++) b[r] -= f->Kz[r + k * q] * b[k];
            b[r] /= f->Kz[r + r * q];
        }
    }
}

/* total (q x q) = sum over the groups of Z~'WZ~. */
static void total_products(const bm_facstat *f, double *total)
{
    size_t qq = f->q * f->q;

    memset(total, 0, qq * sizeof *total);
    for (size_t j = 0; j < f->J; j++)
        for (size_t i = 0; i < qq; i++) total[i] += f->A[j * qq + i];
}

static double quadratic_form(const double *A, const double *v, size_t q)
{
    double total = 0;

    for (size_t j = 0; j < q; j++)
        for (size_t i = 0; i < q; i++) total += v[i] * A[i + j * q] * v[j];
    return total;
}

/* K (s x s, upper) that makes the columns of B K orthonormal; B is overwritten by them. Gram-Schmidt, twice. */
static void orthonormal_map(double *B, size_t q, size_t s, double *K)
{
    memset(K, 0, s * s * sizeof *K);
    for (size_t j = 0; j < s; j++) {
        double *b = B + j * q, *k = K + j * s, length;

        k[j] = 1;
        for (int pass = 0; pass < 2; pass++)
            for (size_t l = 0; l < j; l++) {
                double c = bm_dot(q, B + l * q, b);

                for (size_t i = 0; i < q; i++) b[i] -= c * B[i + l * q];
                for (size_t i = 0; i <= l; i++) k[i] -= c * K[i + l * s];
            }
        length = sqrt(bm_dot(q, b, b));
        if (!(length > 0)) length = 1;
        for (size_t i = 0; i < q; i++) b[i] /= length;
        for (size_t i = 0; i <= j; i++) k[i] /= length;
    }
}

static bm_status make_block(bm_relblock *b, const bm_stats *st, bm_error *err)
{
    const bm_facstat *f = &st->fac[b->fac];
    size_t            q = f->q, s = b->s;
    double           *B = bm_alloc(q * s, sizeof *B), *total = bm_alloc(q * q, sizeof *total), mean = 0;

    b->K = bm_alloc(s * s, sizeof *b->K);
    b->size = bm_alloc(s, sizeof *b->size);
    if (!B || !total || !b->K || !b->size) {
        free(B);
        free(total);
        return bm_nomem(err);
    }
    total_products(f, total);
    block_columns(f, b->first, s, B);
    for (size_t k = 0; k < s; k++) b->size[k] = sqrt(quadratic_form(total, B + k * q, q) / (double)st->n);
    orthonormal_map(B, q, s, b->K);
    for (size_t k = 0; k < s; k++) mean += quadratic_form(total, B + k * q, q) / (double)(f->J * s);
    for (size_t i = 0; i < s * s && mean > 0; i++) b->K[i] /= sqrt(mean);
    free(B);
    free(total);
    return BM_OK;
}

bm_status bm_relfac_new(bm_relfac **out, const bm_stats *st, const bm_design *d, bm_error *err)
{
    size_t     nblock = 0;
    bm_status  status = BM_OK;
    bm_relfac *r = bm_alloc(1, sizeof *r);

    *out = NULL;
    for (size_t k = 0; k < d->nfac; k++) nblock += d->fac[k].nblock;
    if (!r || !(r->block = bm_alloc(nblock, sizeof *r->block))) {
        free(r);
        return bm_nomem(err);
    }
    for (size_t k = 0; k < d->nfac; k++) {
        size_t q = st->fac[k].q;

        for (size_t i = 0; status == BM_OK && i < d->fac[k].nblock; i++) {
            bm_relblock *b = &r->block[r->nblock++];
            bm_block     from = d->fac[k].block[i];

            *b = (bm_relblock){ .fac = k, .first = from.first, .s = from.size, .L = r->nL + from.first * (q + 1), .ld = q, .x = r->n };
            r->n += b->s * (b->s + 1) / 2;
            status = make_block(b, st, err);
        }
        r->nL += q * q;
    }
    if (status != BM_OK) {
        bm_relfac_free(r);
        return status;
    }
    *out = r;
    return BM_OK;
}

void bm_relfac_free(bm_relfac *r)
{
    if (!r) return;
    for (size_t i = 0; i < r->nblock; i++) {
        free(r->block[i].K);
        free(r->block[i].size);
    }
    free(r->block);
    free(r);
}

void bm_relfac_L(const bm_relfac *r, const double *x, double sigma, double *L)
{
    memset(L, 0, r->nL * sizeof *L);
    for (size_t k = 0; k < r->nblock; k++) {
        const bm_relblock *b = &r->block[k];
        const double      *t = x + b->x;

        for (size_t j = 0; j < b->s; j++) {              /* t: column j of Theta, from its diagonal down */
            for (size_t l = j; l < b->s; l++)
                for (size_t i = 0; i <= l; i++) L[b->L + i + j * b->ld] += sigma * b->K[i + l * b->s] * t[l - j];
            t += b->s - j;
        }
    }
}

void bm_relfac_gradient(const bm_relfac *r, const double *dL, double sigma, double *g)
{
    for (size_t k = 0; k < r->nblock; k++) {
        const bm_relblock *b = &r->block[k];
        double            *t = g + b->x;

        for (size_t j = 0; j < b->s; j++)
            for (size_t l = j; l < b->s; l++) *t++ = sigma * bm_dot(l + 1, b->K + l * b->s, dL + b->L + j * b->ld);
    }
}

void bm_relfac_identity(const bm_relfac *r, double c, double *x)
{
    memset(x, 0, r->n * sizeof *x);
    for (size_t k = 0; k < r->nblock; k++) {
        double *t = x + r->block[k].x;

        for (size_t j = 0; j < r->block[k].s; j++) {
            *t = c;
            t += r->block[k].s - j;
        }
    }
}

double bm_relfac_row(const bm_relfac *r, const double *x, size_t i)
{
    for (size_t k = 0; k < r->nblock; k++) {
        const bm_relblock *b = &r->block[k];
        const double      *t = x + b->x;
        size_t             row = 0, at = b->x;
        double             total = 0;

        if (i < b->x || i >= b->x + b->s * (b->s + 1) / 2) continue;
        for (size_t j = 0; j < b->s; j++) {              /* which row coordinate i is in */
            if (i < at + b->s - j) {
                row = j + i - at;
                break;
            }
            at += b->s - j;
        }
        for (size_t j = 0; j <= row; j++) {
            total += t[row - j] * t[row - j];
            t += b->s - j;
        }
        return sqrt(total);
    }
    return 0;
}
