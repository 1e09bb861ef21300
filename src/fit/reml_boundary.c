/* reml_boundary.c: which components of the covariance matrices are at the boundary.
 *
 * A fit is singular when the relative Cholesky factor of a block, with each effect in units of the root mean square of its (weighted)
 * covariate, has a diagonal entry below 1e-4: lme4's isSingular and its tolerance, made independent of the units of the covariates. */
#include "fit/reml_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TINY_SD = 1e-6;              /* an effect that small, relative to sigma, is zero but for rounding */
static const double TINY_DIAGONAL = 1e-4;

/* Lower Cholesky factor of a positive semidefinite matrix of relative covariances in units of the covariates' sizes. The smallest diagonal. */
static double smallest_diagonal(const double *V, size_t s, double *C)
{
    double least = INFINITY;

    memcpy(C, V, s * s * sizeof *C);
    for (size_t j = 0; j < s; j++) {
        double d = C[j + j * s] > 0 ? sqrt(C[j + j * s]) : 0;

        least = fmin(least, d);
        for (size_t i = j + 1; i < s; i++) C[i + j * s] = d > 1e-9 ? C[i + j * s] / d : 0;
        for (size_t k = j + 1; k < s; k++)
            for (size_t i = k; i < s; i++) C[i + k * s] -= C[i + j * s] * C[k + j * s];
    }
    return least;
}

static bm_status describe_block(bm_reml *r, const bm_reml_group *g, const bm_relblock *b, const double *V, bm_error *err)
{
    size_t    s = b->s, left = 0, at_one = 0;
    bm_status st = BM_OK;

    for (size_t i = 0; i < s; i++) {
        if (sqrt(fmax(0, V[i + i * s])) >= TINY_DIAGONAL) {
            left++;
            continue;
        }
        st = bm_strv_addf(&r->boundary, err, "sd(%s, %s) = 0", g->name, g->terms[b->first + i]);
        if (st != BM_OK) return st;
    }
    for (size_t j = 0; j < s && left > 1; j++)
        for (size_t i = j + 1; i < s; i++) {
            double v = V[i + j * s] / sqrt(V[i + i * s] * V[j + j * s]);

            if (!(V[i + i * s] >= TINY_DIAGONAL * TINY_DIAGONAL && V[j + j * s] >= TINY_DIAGONAL * TINY_DIAGONAL)) continue;
            if (!(fabs(v) > 1 - 1e-6)) continue;
            at_one++;
            st = bm_strv_addf(&r->boundary, err, "cor(%s: %s, %s) = %s1", g->name, g->terms[b->first + j], g->terms[b->first + i], v < 0 ? "-" : "");
            if (st != BM_OK) return st;
        }
    if (left == s && !at_one)
        st = bm_strv_addf(&r->boundary, err, "the covariance matrix of %s has no full rank: a combination of its %zu effects does not vary", g->name, s);
    return st;
}

/* V: relative covariance of a block in units of the covariates' sizes. */
static void relative_covariance(const bm_relblock *b, const double *L, double sigma, double *V)
{
    for (size_t j = 0; j < b->s; j++)
        for (size_t i = 0; i < b->s; i++) {
            double v = 0;

            for (size_t k = 0; k < b->s; k++) v += L[b->L + i + k * b->ld] * L[b->L + j + k * b->ld];
            V[i + j * b->s] = v * b->size[i] * b->size[j] / (sigma * sigma);
        }
}

bm_status bm_reml_find_boundary(bm_reml *r, const bm_criterion_at *c, const double *L, bm_error *err)
{
    double   *V = NULL;
    bm_status st = BM_OK;

    for (size_t k = 0; k < c->rf->nblock && st == BM_OK; k++) {
        const bm_relblock *b = &c->rf->block[k];
        size_t             s = b->s;

        if (!(V = bm_alloc(2 * s * s, sizeof *V))) return bm_nomem(err);
        relative_covariance(b, L, c->m->sigma, V);
        if (smallest_diagonal(V, s, V + s * s) < TINY_DIAGONAL) {
            r->singular = true;
            st = describe_block(r, &r->group[b->fac], b, V, err);
        }
        free(V);
    }
    return st;
}

/* Effects whose sd has vanished are set to zero exactly, unless the criterion minds. L: at the point where c->m is, and stays so. */
bm_status bm_reml_snap(bm_criterion_at *c, double *L)
{
    double    sigma = c->m->sigma, logp = c->m->logp;
    size_t    nL = c->rf->nL;
    bool      any = false;
    bm_status st;

    memcpy(c->L, L, nL * sizeof *L);
    for (size_t k = 0; k < c->rf->nblock; k++) {
        const bm_relblock *b = &c->rf->block[k];

        for (size_t i = 0; i < b->s; i++) {
            double total = 0, *row = L + b->L + i;

            for (size_t j = 0; j < b->s; j++) total += row[j * b->ld] * row[j * b->ld];
            if (total == 0 || sqrt(total) * b->size[i] > TINY_SD * sigma) continue;
            for (size_t j = 0; j < b->s; j++) row[j * b->ld] = 0;
            any = true;
        }
    }
    if (!any) return BM_OK;
    bm_criterion_moved(c);
    st = bm_marginal_eval(c->m, L, sigma);
    if (st == BM_OK && c->m->logp >= logp - 1e-9) return BM_OK;
    memcpy(L, c->L, nL * sizeof *L);
    return bm_marginal_eval(c->m, L, sigma);
}
