/* marginal_checks.h: the marginal likelihood, its gradient and the conditional moments of a model at one (L, sigma), against the dense oracle and central differences. */
#ifndef BM_MARGINAL_CHECKS_H
#define BM_MARGINAL_CHECKS_H

#include "dense_oracle.h"

#include "posterior/posterior.h"

typedef struct { bm_stats *st; bm_packed *pk; bm_coef_prior *cp; bm_marginal *m; } engine;

static inline engine engine_make(const bm_design *d, const bm_priors *pr, bm_criterion kind)
{
    engine   e = { 0 };
    bm_error err = { 0 };

    bm_assert_ok(bm_stats_new(&e.st, d, &err), err);
    bm_assert_ok(bm_packed_new(&e.pk, e.st, &err), err);
    if (kind == BM_BAYES) bm_assert_ok(bm_coef_prior_new(&e.cp, e.st, pr, d, &err), err);
    bm_assert_ok(bm_marginal_new(&e.m, e.st, e.pk, e.cp, kind, &err), err);
    return e;
}

static inline void engine_free(engine *e)
{
    bm_marginal_free(e->m);
    bm_coef_prior_free(e->cp);
    bm_packed_free(e->pk);
    bm_stats_free(e->st);
}

static inline void check_density(const bm_design *d, const bm_priors *pr, const double *L, double sigma)
{
    engine  e = engine_make(d, pr, BM_BAYES);
    oracle *o = oracle_new(d, pr, L, sigma);

    assert_int_equal(bm_marginal_eval(e.m, L, sigma), BM_OK);
    bm_assert_near(e.m->logp, oracle_logp(o, d->y), 1e-10);
    oracle_free(o);
    engine_free(&e);
}

static inline void check_reml_and_ml(const bm_design *d, const double *L, double sigma)
{
    oracle *o = oracle_new(d, NULL, L, sigma);

    for (int ml = 0; ml <= 1; ml++) {
        engine e = engine_make(d, NULL, ml ? BM_ML : BM_REML);

        assert_int_equal(bm_marginal_eval(e.m, L, sigma), BM_OK);
        bm_assert_near(e.m->logp, ml ? oracle_profile_logp(o, d->y) : oracle_logp(o, d->y), 1e-9);
        engine_free(&e);
    }
    oracle_free(o);
}

static inline void check_moments(const bm_design *d, const bm_priors *pr, const double *L, double sigma, double rtol)
{
    engine  e = engine_make(d, pr, BM_BAYES);
    oracle *o = oracle_new(d, pr, L, sigma);
    double *mean = calloc(4 * o->e + 1, sizeof *mean), *sd = mean + o->e, *want = sd + o->e, *want_sd = want + o->e;

    assert_int_equal(bm_marginal_eval(e.m, L, sigma), BM_OK);
    bm_marginal_conditional(e.m, mean, sd, mean + o->p, sd + o->p);
    oracle_moments(o, d->y, 0, o->e, want, want_sd);
    for (size_t i = 0; i < o->e; i++) {
        bm_assert_near(mean[i], want[i], rtol * (1 + want_sd[i] / fabs(want[i])));
        bm_assert_near(sd[i], want_sd[i], rtol);
    }
    free(mean);
    oracle_free(o);
    engine_free(&e);
}

/* L (nL) comes back as it was. */
static inline void check_gradient(const bm_design *d, const bm_priors *pr, double *L, size_t nL, double sigma, bm_criterion kind, double rtol)
{
    engine       e = engine_make(d, pr, kind);
    const double h = 1e-5;
    double       dL[64], ds, up, down;

    assert_true(nL <= sizeof dL / sizeof *dL);
    assert_int_equal(bm_marginal_eval(e.m, L, sigma), BM_OK);
    bm_marginal_gradient(e.m);
    memcpy(dL, e.m->dL, nL * sizeof *dL);
    ds = e.m->dlog_sigma;
    for (size_t i = 0; i < nL; i++) {
        double L0 = L[i];

        L[i] = L0 + h;
        bm_marginal_eval(e.m, L, sigma);
        up = e.m->logp;
        L[i] = L0 - h;
        bm_marginal_eval(e.m, L, sigma);
        down = e.m->logp;
        L[i] = L0;
        bm_assert_near(1 + dL[i], 1 + (up - down) / (2 * h), rtol * (1 + fabs(dL[i])));
    }
    bm_marginal_eval(e.m, L, sigma * exp(h));
    up = e.m->logp;
    bm_marginal_eval(e.m, L, sigma * exp(-h));
    down = e.m->logp;
    bm_assert_near(1 + ds, 1 + (up - down) / (2 * h), rtol * (1 + fabs(ds)));
    engine_free(&e);
}

#endif
