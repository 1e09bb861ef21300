/* reml_start.c: where to begin when an evaluation with all grouping factors is dear: each factor fitted alone, which is cheap.
 *
 * Fitted alone, a factor's covariance is nearly what it is beside the others where the factors cross; the residual variance then contains the others'
 * share, which is taken out again. The second derivatives of the fits alone are those that the search begins with. */
#include "fit/reml_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LEAST = 0.15;      /* of the size that one group can just see: a factor that alone has no variance may have one beside the others */

/* Mean over the rows of the variance that a factor's effects give, L (s x s part at b->L) in units of y. */
static double share(const bm_relblock *b, const double *L)
{
    double total = 0;

    for (size_t i = 0; i < b->s; i++)
        for (size_t j = 0; j < b->s; j++) total += L[b->L + i + j * b->ld] * L[b->L + i + j * b->ld] * b->size[i] * b->size[i];
    return total;
}

/* Factor k alone: L (its q x q) in units of y, x and curvature of its coordinates, the residual variance. */
static bm_status alone(const bm_criterion_at *c, size_t k, double *L, double *x, double *curvature, double *s2, double *explained, bm_error *err)
{
    bm_stats        st = *c->st;
    bm_design       d = *c->d;
    bm_criterion_at one = { 0 };
    bm_reml_search  search;
    double         *H = NULL, *Hp = NULL;
    size_t          n;
    bm_status       status;

    st.nfac = d.nfac = 1;
    st.fac = &c->st->fac[k];
    d.fac = &c->d->fac[k];
    st.cross = NULL;
    st.owns_cross = false;
    if ((status = bm_criterion_new(&one, &st, NULL, &d, c->m->kind == BM_ML, err)) != BM_OK) return status;
    n = one.rf->n;
    H = bm_alloc((n + 1) * (n + 1), sizeof *H);
    Hp = bm_alloc(n * n, sizeof *Hp);
    status = H && Hp ? bm_reml_minimise(&one, x, NULL, 1, &search, err) : bm_nomem(err);
    if (status == BM_OK) status = bm_criterion_curvature(&one, x, H, NULL, err);
    if (status == BM_OK) {
        bm_criterion_profile_hessian(H, n, one.known_se, Hp);
        for (size_t i = 0; i < n; i++) curvature[i] = Hp[i + i * n];
        *s2 = one.m->sigma * one.m->sigma;
        bm_relfac_L(one.rf, x, one.m->sigma, L);
        *explained = 0;
        for (size_t b = 0; b < one.rf->nblock; b++) *explained += share(&one.rf->block[b], L);
    }
    free(H);
    free(Hp);
    bm_criterion_clear(&one);
    return status;
}

/* sigma^2 beside all factors, from the fits alone. */
static double residual(const double *s2, const double *explained, size_t nfac)
{
    double total = 0, mean = 0, least = INFINITY;

    for (size_t k = 0; k < nfac; k++) total += explained[k];
    for (size_t k = 0; k < nfac; k++) {
        mean += (s2[k] - (total - explained[k])) / (double)nfac;
        least = fmin(least, s2[k]);
    }
    return fmax(mean, 0.2 * least);
}

bm_status bm_reml_start(const bm_criterion_at *c, double *L, double *x, double *curvature, bm_error *err)
{
    size_t    nfac = c->st->nfac, atL = 0, atx = 0, block = 0;
    double   *s2 = bm_alloc(2 * nfac, sizeof *s2), *explained = s2 + nfac, sigma;
    bm_status st = s2 ? BM_OK : bm_nomem(err);

    for (size_t k = 0; k < nfac && st == BM_OK; k++) {
        st = alone(c, k, L + atL, x + atx, curvature + atx, &s2[k], &explained[k], err);
        atL += c->st->fac[k].q * c->st->fac[k].q;
        for (; block < c->rf->nblock && c->rf->block[block].fac == k; block++) atx += c->rf->block[block].s * (c->rf->block[block].s + 1) / 2;
    }
    if (st == BM_OK) {
        sigma = c->known_se ? 1 : sqrt(residual(s2, explained, nfac));
        for (size_t i = 0; i < atL; i++) L[i] /= sigma;
        for (size_t b = 0; b < c->rf->nblock; b++) {
            const bm_relblock *r = &c->rf->block[b];

            for (size_t i = 0; i < r->s; i++) {
                double *d = &L[r->L + i * (r->ld + 1)], least = LEAST * fabs(r->K0[i * (r->s + 1)]);

                if (fabs(*d) < least) *d = least;
            }
        }
    }
    free(s2);
    return st;
}
