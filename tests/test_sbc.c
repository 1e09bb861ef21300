/* Simulation-based calibration (Talts, Betancourt, Simpson, Vehtari & Gelman 2018, arXiv:1804.06788): parameters from the prior, a response from the
 * parameters, the posterior of each: the rank of the truth among L thinned draws is uniform on 0 .. L, for every parameter, the log-likelihood, and a
 * group effect.
 *
 * Six shapes of one grouping factor, three of crossed and nested ones, by both samplers, x 1000 replications, L = 63, ranks in 16 bins. Each quantity fails beyond a chi-square of 68 (p = 1e-8 on 15 degrees of freedom) or beyond
 * 5.9 standard errors in the mean or the mean square of the ranks' normal scores (p = 4e-9 each): with some 90 quantities the chance of a false alarm is
 * below 1e-6 over all seeds, and the seeds are fixed. Power: a posterior too wide or narrow by 15 %, or shifted by 0.2 sd, fails; tests/mutants.sh
 * breaks the code in the ways that matter (a Jacobian left out, a proposal density of the wrong scale, ...) and demands that this test sees it. */
#include "random_model.h"

#include <gsl/gsl_cdf.h>

enum { REPS = 1000, L = 63, BINS = 16, MOST = 24 };
static const double CHI2_LIMIT = 68, Z_LIMIT = 5.9;

static const shape SHAPES[] = {
    { "linear", "y ~ x", { "b ~ normal(0, 1)", "sigma ~ half_cauchy(0, 1)" }, 12, 1, false, false, NULL, 5 },
    { "intercept, weights", "y ~ x + (1 | g)", { "b ~ normal(0, 1)", "sd ~ half_cauchy(0, 1)", "sigma ~ half_normal(0, 1)" }, 30, 5, true, false, NULL, 5 },
    { "slope", "y ~ x + (x | g)", { "b ~ normal(0, 1)", "sd ~ half_normal(0, 1)", "cor ~ lkj(2)", "sigma ~ exponential(1)" }, 40, 6, false, false, NULL, 5 },
    { "uncorrelated", "y ~ x + (x || g)", { "b ~ student_t(4, 0, 1)", "sd ~ half_t(3, 0, 1)", "sigma ~ inv_gamma(3, 2)" }, 40, 6, false, false, NULL, 5 },
    { "inverse Wishart", "y ~ 1 + (x | g)", { "Intercept ~ normal(0, 1)", "cov(g) ~ inv_wishart(4, 1)", "sigma ~ half_cauchy(0, 1)" }, 40, 6, false, false, NULL, 5 },
    { "known standard errors", "y ~ 1 + (1 | g)", { "b ~ normal(0, 2)", "sd ~ half_cauchy(0, 1)" }, 8, 8, false, true, NULL, 5 },
#define CROSSED "y ~ x + (1 | g) + (1 | h)", { "b ~ normal(0, 1)", "sd ~ half_cauchy(0, 1)", "sigma ~ half_normal(0, 1)" }, 40, 6, true, false
#define NESTED "y ~ 1 + (1 | g / h / k)", { "b ~ normal(0, 1)", "sd ~ half_normal(0, 1)", "sigma ~ half_cauchy(0, 1)" }, 48, 4, false, false
    { "crossed, together", CROSSED, "collapsed", 5 },
    { "crossed, factor by factor", CROSSED, "gibbs", 10 },
    { "nested, together", NESTED, "collapsed", 5 },
    { "nested, by random walk", NESTED, "gibbs", 6 },
#define SLOPE "y ~ x + (x | g) + (1 | h)", { "b ~ student_t(4, 0, 1)", "sd ~ half_normal(0, 1)", "cor ~ lkj(2)", "sigma ~ exponential(1)" }, 48, 6, false, false
    { "crossed slope, factor by factor", SLOPE, "gibbs", 20 },
    { "crossed slope, together", SLOPE, "collapsed", 5 },
};

/* ---- one replication ---- */

/* log p(y | b, u, sigma) by rows. */
static double log_likelihood(const bm_design *d, const double *y, const double *b, const double *u, double sigma)
{
    double lp = 0;

    for (size_t i = 0; i < d->n; i++) {
        double mu = d->o ? d->o[i] : 0, v = sigma * sigma / (d->w ? d->w[i] : 1);

        for (size_t k = 0; k < d->p; k++) mu += d->X[i + k * d->n] * b[k];
        for (size_t f = 0, first = 0; f < d->nfac; first += d->fac[f].J * d->fac[f].q, f++)
            for (size_t k = 0; k < d->fac[f].q; k++) mu += d->fac[f].Z[i + k * d->n] * u[first + (size_t)d->fac[f].code[i] * d->fac[f].q + k];
        lp -= 0.5 * log(v) + 0.5 * (y[i] - mu) * (y[i] - mu) / v;
    }
    return lp;
}

typedef struct {
    const bm_model *m;
    size_t          p, nnat, nq;     /* quantities: parameters, log-likelihood, two group effects */
    const double   *y;
    double          truth[MOST];
    int             rank[MOST];
} replication;

static void quantities(const replication *r, const double *b, const double *natural, const double *u, double *q)
{
    double sigma = r->m->priors->has_sigma ? natural[r->nnat - 1] : 1;

    memcpy(q, b, r->p * sizeof *q);
    memcpy(q + r->p, natural, r->nnat * sizeof *q);
    q[r->p + r->nnat] = log_likelihood(r->m->design, r->y, b, u, sigma);
    if (!r->m->design->nfac) return;
    q[r->p + r->nnat + 1] = u[r->m->post->nu - 1];
    q[r->p + r->nnat + 2] = u[0] / natural[0];       /* an effect in units of its sd: sees effects drawn with another theta */
}

static void count(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    replication *r = self;
    double       q[MOST];

    (void)chain;
    (void)iter;
    (void)lp;
    quantities(r, b, natural, u, q);
    for (size_t k = 0; k < r->nq; k++) r->rank[k] += q[k] < r->truth[k];
}

/* Adds the ranks of one replication to the counts (MOST x BINS). Returns the number of quantities. */
static size_t replicate(const bm_model *m, int thin, uint64_t seed, int counts[MOST][BINS])
{
    bm_error    err = { 0 };
    bm_rng      rng;
    bm_model   *c = NULL;
    bm_mcmc    *mc = NULL;
    replication r = { .p = m->stats->p, .nnat = m->post->th.nsd + m->post->th.ncor + m->post->th.has_sigma };
    double      value[MOST], y[64], u[64] = { 0 };
    size_t      done;

    bm_rng_key(&rng, seed, 3, 3);
    bm_assert_ok(bm_draw_prior(m, &rng, value, &err), err);
    bm_assert_ok(bm_simulate_response(m, value, &rng, y, u, &err), err);
    bm_assert_ok(bm_model_with_response(&c, m, NULL, y, &err), err);
    r.m = c;
    r.y = y;
    r.nq = r.p + r.nnat + 1 + 2 * (m->design->nfac > 0);
    quantities(&r, value, value + r.p, u, r.truth);
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    opt.chains = 1;
    opt.warmup = 600;
    opt.thin = thin;
    opt.sampler = m->spec->fit.sampler;
    opt.threads = 1;
    opt.seed = seed;
    bm_assert_ok(bm_mcmc_new(&mc, c->post, &opt, &err), err);
    bm_assert_ok(bm_mcmc_warmup(mc, &err), err);
    bm_sink sink = { .self = &r, .u_every = 1, .draw = count };
    bm_assert_ok(bm_mcmc_run(mc, L, &sink, &done, &err), err);
    for (size_t k = 0; k < r.nq; k++)
#pragma omp atomic
        counts[k][r.rank[k] * BINS / (L + 1)]++;
    bm_mcmc_free(mc);
    bm_model_free(c);
    return r.nq;
}

/* How far the counts are from uniform: a chi-square, and the mean and the mean square of the ranks' normal scores in standard errors (the last sees
 * posteriors that are too wide or too narrow long before the chi-square does). */
typedef struct { double chi2, mean, square; } verdict;

static verdict judge(const int *count, int reps)
{
    verdict v = { 0, 0, 0 };
    double  m2 = 0, m4 = 0, expect = (double)reps / BINS;

    for (int b = 0; b < BINS; b++) {
        double z = gsl_cdf_ugaussian_Pinv((b + 0.5) / BINS), c = count[b];

        v.chi2 += (c - expect) * (c - expect) / expect;
        v.mean += c * z;
        v.square += c * z * z;
        m2 += z * z / BINS;
        m4 += z * z * z * z / BINS;
    }
    v.mean /= sqrt(m2 * reps);
    v.square = (v.square - reps * m2) / sqrt((m4 - m2 * m2) * reps);
    return v;
}

/* How many quantities of a shape are not calibrated. */
static int calibrate(const shape *s, int reps)
{
    bm_model *m = random_model(s, 1);
    int       counts[MOST][BINS] = { { 0 } }, bad = 0;
    size_t    nq = 0;

#pragma omp parallel for schedule(dynamic, 4) reduction(max : nq)
    for (int i = 0; i < reps; i++) nq = replicate(m, s->thin, 1000 + (uint64_t)i, counts);
    for (size_t k = 0; k < nq; k++) {
        verdict v = judge(counts[k], reps);
        bool    off = v.chi2 > CHI2_LIMIT || fabs(v.mean) > Z_LIMIT || fabs(v.square) > Z_LIMIT;

        bad += off;
        if (off || getenv("VERBOSE"))
            print_error("%s: quantity %zu: chi-square %.1f on %d degrees of freedom; mean %.1f, spread %.1f standard errors\n", s->name, k, v.chi2, BINS - 1, v.mean, v.square);
    }
    bm_model_free(m);
    return bad;
}

static void check_shape(size_t k)
{
    assert_int_equal(calibrate(&SHAPES[k], REPS), 0);
}

static void test_linear_model_is_calibrated(void **state) { (void)state; check_shape(0); }
static void test_random_intercept_with_weights_is_calibrated(void **state) { (void)state; check_shape(1); }
static void test_correlated_slope_is_calibrated(void **state) { (void)state; check_shape(2); }
static void test_uncorrelated_slope_with_student_t_prior_is_calibrated(void **state) { (void)state; check_shape(3); }
static void test_inverse_wishart_is_calibrated(void **state) { (void)state; check_shape(4); }
static void test_known_standard_errors_are_calibrated(void **state) { (void)state; check_shape(5); }
static void test_crossed_factors_together_are_calibrated(void **state) { (void)state; check_shape(6); }
static void test_crossed_factors_one_by_one_are_calibrated(void **state) { (void)state; check_shape(7); }
static void test_three_nested_factors_together_are_calibrated(void **state) { (void)state; check_shape(8); }
static void test_three_nested_factors_by_random_walk_are_calibrated(void **state) { (void)state; check_shape(9); }
static void test_a_slope_crossed_with_an_intercept_is_calibrated(void **state) { (void)state; check_shape(10); }
static void test_a_slope_crossed_with_an_intercept_together_is_calibrated(void **state) { (void)state; check_shape(11); }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_model_is_calibrated),
        cmocka_unit_test(test_random_intercept_with_weights_is_calibrated),
        cmocka_unit_test(test_correlated_slope_is_calibrated),
        cmocka_unit_test(test_uncorrelated_slope_with_student_t_prior_is_calibrated),
        cmocka_unit_test(test_inverse_wishart_is_calibrated),
        cmocka_unit_test(test_known_standard_errors_are_calibrated),
        cmocka_unit_test(test_crossed_factors_together_are_calibrated),
        cmocka_unit_test(test_crossed_factors_one_by_one_are_calibrated),
        cmocka_unit_test(test_three_nested_factors_together_are_calibrated),
        cmocka_unit_test(test_three_nested_factors_by_random_walk_are_calibrated),
        cmocka_unit_test(test_a_slope_crossed_with_an_intercept_is_calibrated),
        cmocka_unit_test(test_a_slope_crossed_with_an_intercept_together_is_calibrated),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
