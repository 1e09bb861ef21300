/* relfac.c: coordinates in which REML is well conditioned and its boundary is interior.
 *
 * The covariance of a block of correlated effects is G = L L', L = sigma K Theta, Theta lower triangular with entries of either sign. A zero
 * variance, a correlation of one, any singular G is an ordinary point: some entry on the diagonal is zero. K is upper triangular and makes
 * the block's columns of Z orthogonal, with a mean of one for the diagonal of a group's Z'WZ: so it takes away the location and scale
 * of covariates (days counted from 0 or from 5, in hours or years), and an entry of Theta near 1 is an effect that the data of one
 * group can just see.
 *
 * Where effects are large and of very different sizes (raw polynomials) Theta is badly scaled all the same. So on the way the basis moves:
 * K K' = K0 K0' + G / sigma^2 at the current estimate makes what there is to estimate, effects and noise together, the identity. */
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
    b->K0 = bm_alloc(s * s, sizeof *b->K0);
    b->size = bm_alloc(s, sizeof *b->size);
    if (!B || !total || !b->K || !b->K0 || !b->size) {
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
    memcpy(b->K0, b->K, s * s * sizeof *b->K0);
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
        free(r->block[i].K0);
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
                for (size_t i = 0; i < b->s; i++) L[b->L + i + j * b->ld] += sigma * b->K[i + l * b->s] * t[l - j];
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
            for (size_t l = j; l < b->s; l++) *t++ = sigma * bm_dot(b->s, b->K + l * b->s, dL + b->L + j * b->ld);
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

void bm_relfac_reset(bm_relfac *r)
{
    for (size_t k = 0; k < r->nblock; k++) memcpy(r->block[k].K, r->block[k].K0, r->block[k].s * r->block[k].s * sizeof(double));
}

/* Lower Cholesky factor of a positive semidefinite V (s x s, lower triangle overwritten): a pivot lost in rounding leaves a column of zeros. */
static void semidefinite_factor(double *V, size_t s)
{
    double most = 0;

    for (size_t j = 0; j < s; j++) most = fmax(most, V[j + j * s]);
    for (size_t j = 0; j < s; j++) {
        double d = V[j + j * s] > 1e-15 * most ? sqrt(V[j + j * s]) : 0;

        for (size_t i = j; i < s; i++) V[i + j * s] = d > 0 ? V[i + j * s] / d : 0;
        for (size_t k = j + 1; k < s; k++)
            for (size_t i = k; i < s; i++) V[i + k * s] -= V[i + j * s] * V[k + j * s];
    }
}

/* A (s x s, lower) = X X' + (Y Y' where Y is not NULL); ld: leading dimension of X. */
static void sum_of_squares(const double *X, size_t ld, const double *Y, size_t s, double *A)
{
    for (size_t j = 0; j < s; j++)
        for (size_t i = j; i < s; i++) {
            double v = 0;

            for (size_t k = 0; k < s; k++) v += X[i + k * ld] * X[j + k * ld] + (Y ? Y[i + k * s] * Y[j + k * s] : 0);
            A[i + j * s] = v;
        }
}

static bool rebase_block(bm_relblock *b, const double *L, double *x, double *scratch)
{
    size_t  s = b->s, at = b->x;
    double *K = scratch, *W = scratch + s * s, *V = W + s * s;

    memset(K, 0, s * s * sizeof *K);
    sum_of_squares(L + b->L, b->ld, b->K0, s, K);
    if (bm_chol(s, K) != BM_OK) return false;
    for (size_t j = 0; j < s; j++)
        for (size_t i = 0; i < j; i++) K[i + j * s] = 0;
    for (size_t j = 0; j < s; j++) memcpy(W + j * s, L + b->L + j * b->ld, s * sizeof *W);
    bm_solve_lower(s, s, K, W);
    sum_of_squares(W, s, NULL, s, V);
    semidefinite_factor(V, s);
    memcpy(b->K, K, s * s * sizeof *K);
    for (size_t j = 0; j < s; j++)
        for (size_t i = j; i < s; i++) x[at++] = V[i + j * s];
    return true;
}

bm_status bm_relfac_rebase(bm_relfac *r, const double *L, double *x, bm_error *err)
{
    for (size_t k = 0; k < r->nblock; k++) {
        size_t  s = r->block[k].s;
        double *scratch = bm_alloc(3 * s * s, sizeof *scratch);
        bool    ok;

        if (!scratch) return bm_nomem(err);
        ok = rebase_block(&r->block[k], L, x, scratch);
        free(scratch);
        if (!ok) return BM_NOT_PD;
    }
    return BM_OK;
}
