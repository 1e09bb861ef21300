/* The public functions end to end, without the command line: every message of the engine, constants, targets, simulation. */
#include "testing.h"

#include "api/api.h"

enum { N = 24 };

/* y, x, x2 = 2 x, g (4 levels), h (3 levels), one (N levels), w; y_exact = 1 + 2 x; y_group constant within g. */
static bm_frame *make_frame(void)
{
    static const char *const letters[] = { "a", "b", "c", "d" };
    bm_frame   *f = NULL;
    bm_error    err = { 0 };
    bm_rng      r;
    double      y[N], x[N], x2[N], e[N], yg[N];
    const char *g[N], *h[N], *one[N];
    char        text[N][8];

    bm_rng_key(&r, 3, 3, 3);
    for (int i = 0; i < N; i++) {
        x[i] = bm_rng_normal(&r);
        y[i] = 1 + x[i] + bm_rng_normal(&r) + i % 4;
        x2[i] = 2 * x[i];
        e[i] = 1 + 2 * x[i];
        yg[i] = i % 4 * i % 4;
        g[i] = letters[i % 4];
        h[i] = letters[i % 3];
        snprintf(text[i], sizeof text[i], "r%d", i);
        one[i] = text[i];
    }
    bm_assert_ok(bm_frame_new(&f, N, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "y", y, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x", x, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x2", x2, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "exact", e, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "by_group", yg, &err), err);
    bm_assert_ok(bm_frame_add_factor(f, "g", g, &err), err);
    bm_assert_ok(bm_frame_add_factor(f, "h", h, &err), err);
    bm_assert_ok(bm_frame_add_factor(f, "one", one, &err), err);
    return f;
}

/* settings: "key=value" pairs separated by ';' */
static bm_status build(bm_model **m, const char *settings, bm_error *err)
{
    bm_frame *f = make_frame();
    bm_spec  *s = NULL;
    char     *copy = strdup(settings), *save = NULL;
    bm_status st = bm_spec_new(&s, err);

    for (char *p = strtok_r(copy, ";", &save); p && st == BM_OK; p = strtok_r(NULL, ";", &save)) {
        char *eq = strchr(p, '=');

        *eq = '\0';
        st = bm_spec_set(s, p, eq + 1, err);
    }
    if (st == BM_OK) st = bm_model_new(m, s, f, err);
    free(copy);
    bm_spec_free(s);
    bm_frame_free(f);
    return st;
}

static bm_fit *fit(bm_model **m, const char *settings)
{
    bm_error err = { 0 };
    bm_fit  *f = NULL;

    bm_assert_ok(build(m, settings, &err), err);
    bm_assert_ok(bm_fit_run(&f, *m, NULL, &err), err);
    return f;
}

static void refused(const char *settings, bm_status code, const char *text)
{
    bm_model *m = NULL;
    bm_error  err = { 0 };

    bm_status st = build(&m, settings, &err);
    bm_fit   *f = NULL;

    if (st == BM_OK) st = bm_fit_run(&f, m, NULL, &err);
    assert_int_equal(st, code);
    bm_assert_says(err, text);
    assert_null(f);
    bm_model_free(m);
}

static void test_models_that_cannot_be_are_refused_with_the_reason(void **state)
{
    (void)state;
    refused("data=x.csv", BM_EINVAL, "no formula");
    refused("formula=y ~ x + (1 | g);sampler=gibbs", BM_EINVAL, "--sampler gibbs");
    refused("formula=exact ~ x", BM_ENUMERIC, "perfect fit");
    refused("formula=exact ~ x + (1 | g)", BM_ENUMERIC, "perfect fit");
    refused("formula=by_group ~ 1 + (1 | g)", BM_ENUMERIC, "perfect fit");
    refused("formula=y ~ x + x2;prior=b ~ flat()", BM_EINVAL, "improper");
    refused("formula=y ~ z", BM_EINVAL, "z");
}

static void test_reml_needs_no_proper_posterior(void **state)
{
    bm_model *m = NULL;
    bm_reml  *r = NULL;
    bm_error  err = { 0 };

    (void)state;
    bm_assert_ok(build(&m, "formula=y ~ x + x2 + (1 | g);prior=b ~ flat();prior=sd ~ flat()", &err), err);
    bm_assert_ok(bm_reml_run(&r, m, NULL, &err), err);
    assert_true(isfinite(bm_reml_criterion(r)));
    bm_reml_free(r);
    bm_model_free(m);
}

static void test_no_data_is_an_error(void **state)
{
    bm_spec  *s = NULL;
    bm_model *m = NULL;
    bm_error  err = { 0 };

    (void)state;
    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", "y ~ x", &err), err);
    assert_int_equal(bm_model_new(&m, s, NULL, &err), BM_EINVAL);
    bm_assert_says(err, "no data: name a CSV file, or \"data\" in the model file");
    bm_spec_free(s);
}

static void test_a_perfect_fit_is_possible_under_a_prior_that_keeps_sigma_off_zero(void **state)
{
    bm_model *m = NULL;
    bm_fit   *f;

    (void)state;
    f = fit(&m, "formula=exact ~ x;prior=sigma ~ inv_gamma(2, 1)");
    bm_assert_near(f->summary[2].rb_mean, 2, 0.1);
    bm_fit_free(f);
    bm_model_free(m);
}

static void test_a_level_per_row_is_sampled(void **state)
{
    bm_model *m = NULL;
    bm_fit   *f;

    (void)state;
    f = fit(&m, "formula=y ~ x + (1 | one)");
    for (size_t v = 0; v < f->nmonitored; v++) assert_true(isfinite(f->summary[v].mean) && f->summary[v].rhat < 1.05);
    bm_fit_free(f);
    bm_model_free(m);
}

/* Supports far from what the data say, and narrow: the posterior piles up at their nearest edges. */
static void test_supports_far_from_the_data_are_sampled(void **state)
{
    bm_model *m = NULL;
    bm_fit   *f;

    (void)state;
    f = fit(&m, "formula=y ~ x + (1 | g);prior=sd ~ uniform(500, 510);prior=sigma ~ uniform(40, 41)");
    assert_true(f->summary[3].q2_5 >= 500 && f->summary[3].q97_5 <= 510 && f->summary[3].rhat < 1.05);
    assert_true(f->summary[4].q2_5 >= 40 && f->summary[4].mean < 40.5 && f->summary[4].rhat < 1.05);
    bm_fit_free(f);
    bm_model_free(m);
}

static void test_more_effects_than_the_kernels_take_are_refused(void **state)
{
    (void)state;
    refused("formula=y ~ x + (0 + one + one:x | g)", BM_EINVAL, "effects per level; at most 32 are supported");
}

static void test_options_out_of_range_are_refused(void **state)
{
    bm_model      *m = NULL;
    bm_fit        *f = NULL;
    bm_error       err = { 0 };
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;

    (void)state;
    bm_assert_ok(build(&m, "formula=y ~ x", &err), err);
    opt.chains = 0;
    assert_int_equal(bm_fit_run(&f, m, &opt, &err), BM_EINVAL);
    bm_assert_says(err, "chains, draws and thin must be at least 1 and warmup at least 0 (got 0, 1000, 1 and 1000)");
    bm_model_free(m);
}

/* A coefficient fixed at c is an offset c x. */
static void test_constant_coefficients_equal_an_offset(void **state)
{
    bm_model *a = NULL, *b = NULL;
    bm_fit   *f, *g;

    (void)state;
    f = fit(&a, "formula=y ~ x + (1 | g);prior=b_x ~ constant(0.5);prior=b_Intercept ~ normal(0, 5);prior=sd ~ half_normal(0, 2);prior=sigma ~ half_normal(0, 2)");
    g = fit(&b, "formula=y ~ offset(0.5 * x) + (1 | g);prior=b_Intercept ~ normal(0, 5);prior=sd ~ half_normal(0, 2);prior=sigma ~ half_normal(0, 2)");
    assert_int_equal(f->nmonitored, g->nmonitored);
    for (size_t v = 0; v < f->nmonitored; v++) {
        assert_string_equal(f->summary[v].name, g->summary[v].name);
        bm_assert_near(f->summary[v].mean, g->summary[v].mean, 1e-9);
    }
    bm_fit_free(f);
    bm_fit_free(g);
    bm_model_free(a);
    bm_model_free(b);
}

/* With every variance constant the posterior of b is normal in closed form: its exact moments and independent draws. */
static void test_constant_variances_leave_exact_independent_draws(void **state)
{
    bm_model *m = NULL;
    bm_fit   *f;

    (void)state;
    f = fit(&m, "formula=y ~ x + (1 | g);prior=sd(g) ~ constant(1.5);prior=sigma ~ constant(0.7);draws=2000");
    for (size_t v = 1; v <= 2; v++) {
        const bm_summary_row *r = &f->summary[v];

        assert_true(fabs(r->mean - r->rb_mean) < 6 * r->rb_sd / sqrt(8000));
        bm_assert_near(r->sd, r->rb_sd, 6 / sqrt(2 * 8000));
        assert_true(r->ess_bulk > 0.8 * 8000);
    }
    for (size_t v = 3; v <= 4; v++) assert_true(f->summary[v].sd == 0);
    bm_fit_free(f);
    bm_model_free(m);
}

static void test_target_ess_goes_on_until_it_is_there(void **state)
{
    bm_model *m = NULL;
    bm_fit   *f;

    (void)state;
    f = fit(&m, "formula=y ~ x + (1 | g);draws=200;target-ess=6000");
    assert_true(f->draws->niter > 1500);
    for (size_t v = 1; v < f->nmonitored; v++) assert_true(f->summary[v].ess_bulk >= 6000);
    bm_fit_free(f);
    bm_model_free(m);
}

static void test_group_effects_that_are_not_kept_have_the_same_summaries(void **state)
{
    bm_model *a = NULL, *b = NULL;
    bm_fit   *f = fit(&a, "formula=y ~ x + (x | g)"), *g = fit(&b, "formula=y ~ x + (x | g);ranef-draws=none");

    (void)state;
    assert_int_equal(g->draws->nvar, g->nmonitored);
    assert_int_equal(f->draws->nvar, f->nmonitored + 8);
    for (size_t i = 0; i < 8; i++) {
        double sd = f->ranef[i].sd;                  /* other draws: five standard errors or more apart. How near the truth: test_conditionals */

        assert_true(fabs(g->ranef[i].mean - f->ranef[i].mean) < 0.1 * sd);
        bm_assert_near(g->ranef[i].sd, sd, 0.1);
        assert_true(fabs(g->ranef[i].q5 - f->ranef[i].q5) < 0.2 * sd);
        assert_true(fabs(g->ranef[i].q50 - f->ranef[i].q50) < 0.12 * sd);
        assert_true(fabs(g->ranef[i].q95 - f->ranef[i].q95) < 0.2 * sd);
    }
    bm_fit_free(f);
    bm_fit_free(g);
    bm_model_free(a);
    bm_model_free(b);
}

/* ---- simulate ---- */

static bm_status simulate(const char *settings, const char *const *set, size_t n, char **text, bm_error *err)
{
    bm_model *m = NULL;
    size_t    size = 0;
    FILE     *out = open_memstream(text, &size);
    bm_status st = build(&m, settings, err);

    if (st == BM_OK) st = bm_simulate(m, out, set, n, 5, err);
    fclose(out);
    bm_model_free(m);
    return st;
}

static void cannot_simulate(const char *settings, const char *set, const char *says)
{
    char    *text = NULL;
    bm_error err = { 0 };

    assert_int_equal(simulate(settings, &set, set ? 1 : 0, &text, &err), BM_EINVAL);
    bm_assert_says(err, says);
    free(text);
}

static void test_what_cannot_be_simulated_says_why(void **state)
{
    (void)state;
    cannot_simulate("formula=y ~ x", "sigma", "NAME=NUMBER");
    cannot_simulate("formula=y ~ x", "sigma=abc", "NAME=NUMBER");
    cannot_simulate("formula=y ~ x", "b_X=1", "did you mean 'b_x'");
    cannot_simulate("formula=y ~ x;prior=b ~ flat()", NULL, "flat prior");
    cannot_simulate("formula=y ~ x;prior=sigma ~ flat()", NULL, "improper prior");
    cannot_simulate("formula=y ~ x", "sigma=-1", "not negative");
    cannot_simulate("formula=y ~ x + (x | g)", "cor_g__Intercept__x=1.5", "between -1 and 1");
    cannot_simulate("formula=I(y * 2) ~ x", NULL, "column as the response");
}

static void test_correlations_that_are_no_matrix_are_refused(void **state)
{
    static const char *const set[] = { "cor_g__Intercept__x=0.9", "cor_g__Intercept__x2=-0.9", "cor_g__x__x2=0.9" };
    char    *text = NULL;
    bm_error err = { 0 };

    (void)state;
    assert_int_equal(simulate("formula=y ~ x + (x + x2 | g)", set, 3, &text, &err), BM_EINVAL);
    bm_assert_says(err, "not a correlation matrix");
    free(text);
}

/* With no noise the response is the fixed part. */
static void test_simulated_response_follows_the_values_set(void **state)
{
    static const char *const set[] = { "b_Intercept=3", "b_x=-2", "sigma=0", "sd_g__Intercept=0" };
    char    *text = NULL, *save = NULL;
    bm_error err = { 0 };
    int      rows = 0;

    (void)state;
    bm_assert_ok(simulate("formula=y ~ x + (1 | g)", set, 4, &text, &err), err);
    for (char *line = strtok_r(text, "\n", &save); (line = strtok_r(NULL, "\n", &save)) != NULL; rows++) {
        char  *end;
        double y = strtod(line, &end), x = strtod(end + 1, NULL);

        bm_assert_near(1 + y, 1 + 3 - 2 * x, 1e-12);
    }
    assert_int_equal(rows, N);
    free(text);
}

static void test_simulated_data_that_cannot_be_written_are_an_error(void **state)
{
    static const char *const set[] = { "b_Intercept=3", "b_x=-2", "sigma=1" };
    bm_model *m = NULL;
    bm_error  err = { 0 };
    FILE     *full = fopen("/dev/full", "w");

    (void)state;
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    bm_assert_ok(build(&m, "formula=y ~ x", &err), err);
    assert_int_equal(bm_simulate(m, full, set, 3, 1, &err), BM_EIO);
    bm_assert_says(err, "cannot write the simulated data: No space left");
    fclose(full);
    bm_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_that_cannot_be_are_refused_with_the_reason),
        cmocka_unit_test(test_reml_needs_no_proper_posterior),
        cmocka_unit_test(test_no_data_is_an_error),
        cmocka_unit_test(test_a_perfect_fit_is_possible_under_a_prior_that_keeps_sigma_off_zero),
        cmocka_unit_test(test_a_level_per_row_is_sampled),
        cmocka_unit_test(test_supports_far_from_the_data_are_sampled),
        cmocka_unit_test(test_more_effects_than_the_kernels_take_are_refused),
        cmocka_unit_test(test_options_out_of_range_are_refused),
        cmocka_unit_test(test_constant_coefficients_equal_an_offset),
        cmocka_unit_test(test_constant_variances_leave_exact_independent_draws),
        cmocka_unit_test(test_target_ess_goes_on_until_it_is_there),
        cmocka_unit_test(test_group_effects_that_are_not_kept_have_the_same_summaries),
        cmocka_unit_test(test_what_cannot_be_simulated_says_why),
        cmocka_unit_test(test_correlations_that_are_no_matrix_are_refused),
        cmocka_unit_test(test_simulated_response_follows_the_values_set),
        cmocka_unit_test(test_simulated_data_that_cannot_be_written_are_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
