/* Marginal priors of single parameters, against draws from the joint prior (which are made another way) and by quadrature. */
#include "testing.h"

#include "api/api.h"

enum { N = 40, DRAWS = 20000 };

static bm_model *build(const char *const *prior, size_t n)
{
    bm_frame   *f = NULL;
    bm_spec    *s = NULL;
    bm_model   *m = NULL;
    bm_error    err = { 0 };
    bm_rng      r;
    double      y[N], x[N];
    const char *g[N], *letters[] = { "a", "b", "c", "d", "e" };

    bm_rng_key(&r, 1, 2, 3);
    for (int i = 0; i < N; i++) {
        x[i] = 3 + bm_rng_normal(&r);
        y[i] = x[i] + bm_rng_normal(&r) + i % 5;
        g[i] = letters[i % 5];
    }
    bm_assert_ok(bm_frame_new(&f, N, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "y", y, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x", x, &err), err);
    bm_assert_ok(bm_frame_add_factor(f, "g", g, &err), err);
    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", "y ~ x + (x | g)", &err), err);
    for (size_t i = 0; i < n; i++) bm_assert_ok(bm_spec_set(s, "prior", prior[i], &err), err);
    bm_assert_ok(bm_model_new(&m, s, f, &err), err);
    bm_spec_free(s);
    bm_frame_free(f);
    return m;
}

/* P(parameter > x) at the quartiles of draws, for every parameter whose margin is known; returns how many are. */
static size_t compare(const char *const *prior, size_t n)
{
    bm_model  *m = build(prior, n);
    bm_margin *margin = NULL;
    bm_error   err = { 0 };
    bm_rng     r;
    size_t     np, known = 0;
    double    *draw, *one;

    bm_assert_ok(bm_margins_new(&margin, &np, m->priors, m->design, &err), err);
    assert_int_equal(np, m->monitored.n - 1);
    draw = bm_alloc(np * DRAWS, sizeof *draw);
    one = bm_alloc(np, sizeof *one);
    bm_rng_key(&r, 7, 7, 7);
    for (size_t t = 0; t < DRAWS; t++) {
        bm_assert_ok(bm_draw_prior(m, &r, one, &err), err);
        for (size_t i = 0; i < np; i++) draw[i * DRAWS + t] = one[i];
    }
    for (size_t i = 0; i < np; i++) {
        const double prob[] = { 0.02, 0.25, 0.5, 0.75, 0.98 };
        double       q[5];

        if (margin[i].kind == BM_MARGIN_NONE) continue;
        known++;
        bm_quantiles(draw + i * DRAWS, DRAWS, prob, 5, q);
        for (size_t k = 0; k < 5; k++) {
            double sd = sqrt(prob[k] * (1 - prob[k]) / DRAWS), h = 1e-5 * (q[4] - q[0]), got = bm_margin_above(&margin[i], q[k]);

            if (fabs(got - (1 - prob[k])) > 5 * sd) {            /* false alarms: 1 in 30,000 over all comparisons here */
                print_error("%s: P(> %g) = %g, draws say %g\n", m->monitored.v[i + 1], q[k], got, 1 - prob[k]);
                fail();
            }
            /* The density is the derivative. */
            bm_assert_near((bm_margin_above(&margin[i], q[k] - h) - bm_margin_above(&margin[i], q[k] + h)) / (2 * h), bm_margin_density(&margin[i], q[k]), 1e-3);
        }
    }
    free(draw);
    free(one);
    free(margin);
    bm_model_free(m);
    return known;
}

static void test_margins_agree_with_draws_from_the_prior(void **state)
{
    static const char *const sets[][4] = {
        { "b ~ normal(1, 2)", "Intercept ~ normal(0, 3)", "sd ~ half_cauchy(0, 2)", "sigma ~ half_normal(0, 2)" },
        { "b ~ normal(-1, 2)", "cor ~ lkj(3)", "sd ~ half_t(4, 0, 2)", "sigma ~ exponential(0.5)" },
        { "b ~ normal(0, 2)", "b_x ~ normal(2, 0.1)", "sd ~ gamma(2, 0.5)", "sigma ~ lognormal(1, 0.5)" },
        { "b ~ normal(0, 2)", "cor ~ lkj(0.5)", "sd ~ uniform(1, 4)", "sigma ~ inv_gamma(3, 2)" },
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) assert_int_equal(compare(sets[i], 4), 6);
}

static void test_margins_of_an_inverse_wishart_agree_with_draws(void **state)
{
    const char *const prior[] = { "b ~ normal(0, 1)", "cov(g) ~ inv_wishart(6, 2)" };

    (void)state;
    assert_int_equal(compare(prior, 2), 6);
}

static void test_a_flat_prior_has_no_margin(void **state)
{
    const char *const prior[] = { "b ~ flat()", "sigma ~ flat()" };
    bm_model  *m = build(prior, 2);
    bm_margin *margin = NULL;
    bm_error   err = { 0 };
    size_t     n;

    (void)state;
    bm_assert_ok(bm_margins_new(&margin, &n, m->priors, m->design, &err), err);
    assert_int_equal(margin[0].kind, BM_MARGIN_NONE);            /* the intercept: a sum with a flat part */
    assert_int_equal(margin[1].kind, BM_MARGIN_NONE);
    assert_int_equal(margin[n - 1].kind, BM_MARGIN_NONE);
    assert_true(isnan(bm_margin_density(&margin[1], 0)) && isnan(bm_margin_tail(&margin[1], 0)));
    free(margin);
    bm_model_free(m);
}

static void test_tails_are_one_sided_where_the_prior_falls_from_zero(void **state)
{
    bm_margin half = { BM_MARGIN_SD, { .kind = BM_DIST_HALF_NORMAL, .a = { 0, 2 } } };
    bm_margin normal = { BM_MARGIN_LOCATION, { .kind = BM_DIST_NORMAL, .a = { 5, 2 } } };

    (void)state;
    bm_assert_near(bm_margin_tail(&half, 1e-9), 1, 1e-8);
    bm_assert_near(bm_margin_tail(&half, 2 * 1.959963984540054), 0.05, 1e-12);
    bm_assert_near(bm_margin_tail(&normal, 5 - 2 * 1.959963984540054), 0.05, 1e-12);
    bm_assert_near(bm_margin_tail(&normal, 5 + 2 * 6.361340902404056), 2e-10, 1e-9);     /* R: qnorm(1e-10) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_margins_agree_with_draws_from_the_prior),
        cmocka_unit_test(test_margins_of_an_inverse_wishart_agree_with_draws),
        cmocka_unit_test(test_a_flat_prior_has_no_margin),
        cmocka_unit_test(test_tails_are_one_sided_where_the_prior_falls_from_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
