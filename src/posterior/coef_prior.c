/* coef_prior.c: the normal prior of the coefficients, carried into the basis of the statistics.
 *
 * A Student-t prior is a normal one with a random precision, lambda / s^2, lambda ~ Gamma(df/2, df/2) (Andrews & Mallows 1974): given
 * lambda everything stays conjugate, and given the coefficients lambda is a Gamma again. */
#include "posterior/posterior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bm_status allocate(bm_coef_prior *c, size_t p)
{
    c->p = p;
    c->form = bm_alloc(p * p, sizeof *c->form);
    c->gap = bm_alloc(p, sizeof *c->gap);
    c->prec = bm_alloc(p, sizeof *c->prec);
    c->base_prec = bm_alloc(p, sizeof *c->base_prec);
    c->df = bm_alloc(p, sizeof *c->df);
    c->P = bm_alloc(p * p, sizeof *c->P);
    c->h = bm_alloc(p, sizeof *c->h);
    return c->form && c->gap && c->prec && c->base_prec && c->df && c->P && c->h ? BM_OK : BM_ENOMEM;
}

/* Adds the form v'b ~ dist; v (p) in the user's units. */
static void add_form(bm_coef_prior *c, const bm_stats *st, const bm_dist *dist, const double *v)
{
    size_t  p = c->p, m = c->nform;
    bool    t = dist->kind == BM_DIST_STUDENT_T;
    double  mean = t ? dist->a[1] : dist->a[0], s = t ? dist->a[2] : dist->a[1];
    double *f = c->form + m * p;

    if (dist->kind == BM_DIST_FLAT) return;
    c->gap[m] = mean - bm_dot(p, v, st->b0);
    for (size_t k = 0; k < p; k++) f[k] = bm_dot(k + 1, st->K + k * p, v);
    c->prec[m] = c->base_prec[m] = 1 / (s * s);
    c->df[m] = t ? dist->a[0] : 0;
    c->any_t |= t;
    c->nform++;
}

bm_status bm_coef_prior_new(bm_coef_prior **out, const bm_stats *st, const bm_priors *pr, const bm_design *d, bm_error *err)
{
    size_t         p = st->p;
    bm_status      status = BM_ENOMEM;
    bm_coef_prior *c = bm_alloc(1, sizeof *c);
    double        *v = bm_alloc(p, sizeof *v);

    *out = NULL;
    if (!c || !v || allocate(c, p) != BM_OK) {
        bm_nomem(err);
        goto done;
    }
    for (size_t k = 0; k < p; k++) {
        bool centred = pr->centred && (int)k == d->intercept;

        if (centred) memcpy(v, pr->xbar, p * sizeof *v);
        v[k] = 1;
        add_form(c, st, centred ? &pr->intercept : &pr->b[k], v);
        memset(v, 0, p * sizeof *v);
    }
    bm_coef_prior_refresh(c);
    *out = c;
    c = NULL;
    status = BM_OK;
done:
    free(v);
    bm_coef_prior_free(c);
    return status;
}

bm_status bm_coef_prior_copy(bm_coef_prior **out, const bm_coef_prior *from, bm_error *err)
{
    size_t         p = from->p;
    bm_coef_prior *c = bm_alloc(1, sizeof *c);

    *out = NULL;
    if (!c || allocate(c, p) != BM_OK) {
        bm_coef_prior_free(c);
        return bm_nomem(err);
    }
    c->nform = from->nform;
    c->any_t = from->any_t;
    memcpy(c->form, from->form, p * p * sizeof *c->form);
    memcpy(c->gap, from->gap, p * sizeof *c->gap);
    memcpy(c->prec, from->prec, p * sizeof *c->prec);
    memcpy(c->base_prec, from->base_prec, p * sizeof *c->base_prec);
    memcpy(c->df, from->df, p * sizeof *c->df);
    bm_coef_prior_refresh(c);
    *out = c;
    return BM_OK;
}

void bm_coef_prior_refresh(bm_coef_prior *c)
{
    size_t p = c->p;

    memset(c->P, 0, p * p * sizeof *c->P);
    memset(c->h, 0, p * sizeof *c->h);
    c->c0 = c->log_norm = 0;
    for (size_t m = 0; m < c->nform; m++) {
        const double *f = c->form + m * p;
        double        w = c->prec[m];

        for (size_t j = 0; j < p; j++) {
            if (f[j] == 0) continue;
            for (size_t i = 0; i < p; i++) c->P[i + j * p] += w * f[i] * f[j];
            c->h[j] += w * c->gap[m] * f[j];
        }
        c->c0 += w * c->gap[m] * c->gap[m];
        c->log_norm += 0.5 * log(w / (2 * M_PI));
    }
}

void bm_coef_prior_mix(bm_coef_prior *c, const double *beta, bm_rng *rng)
{
    for (size_t m = 0; m < c->nform; m++) {
        double df = c->df[m], e = bm_dot(c->p, c->form + m * c->p, beta) - c->gap[m];

        if (!(df > 0)) continue;
        c->prec[m] = c->base_prec[m] * bm_rng_gamma(rng, (df + 1) / 2) / ((df + e * e * c->base_prec[m]) / 2);
    }
    bm_coef_prior_refresh(c);
}

void bm_coef_prior_free(bm_coef_prior *c)
{
    if (!c) return;
    free(c->form);
    free(c->gap);
    free(c->prec);
    free(c->base_prec);
    free(c->df);
    free(c->P);
    free(c->h);
    free(c);
}
