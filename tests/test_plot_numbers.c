/* test_plot_numbers.c: the numbers behind the pictures, and how text reaches gnuplot. What gnuplot makes of it: test_plot.sh. */
#include "testing.h"

#include "report/plot_priv.h"

#include <gsl/gsl_integration.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- kernel density ---- */

static double *draws(bm_rng *r, size_t n, bool positive)
{
    double *x = malloc(n * sizeof *x);

    for (size_t i = 0; i < n; i++) {
        x[i] = bm_rng_normal(r);
        if (positive) x[i] = fabs(x[i]);
    }
    return x;
}

static double trapezoid(const double *y, size_t m, double lo, double hi)
{
    double s = 0;

    for (size_t i = 1; i < m; i++) s += 0.5 * (y[i - 1] + y[i]);
    return s * (hi - lo) / (double)(m - 1);
}

static void test_density_integrates_to_one(void **state)
{
    enum { N = 500, M = 2001 };
    bm_rng  r;
    double *x, y[M];

    (void)state;
    bm_rng_key(&r, 1, 2, 3);
    x = draws(&r, N, false);
    assert_true(bm_kde(x, N, -INFINITY, INFINITY, -8, 8, M, y));
    bm_assert_near(trapezoid(y, M, -8, 8), 1, 1e-5);
    free(x);
}

static void test_density_is_the_sum_of_kernels(void **state)
{
    enum { N = 60, M = 41 };
    bm_rng  r;
    double *x, y[M], h;

    (void)state;
    bm_rng_key(&r, 1, 2, 4);
    x = draws(&r, N, false);
    h = bm_kde_bandwidth(x, N);
    assert_true(bm_kde(x, N, -INFINITY, INFINITY, -2, 2, M, y));
    for (size_t i = 0; i < M; i++) {
        double at = -2 + 4.0 * (double)i / (M - 1), want = 0;

        for (size_t k = 0; k < N; k++) want += exp(-0.5 * pow((at - x[k]) / h, 2)) / (N * h * sqrt(2 * M_PI));
        bm_assert_near(y[i], want, 1e-3);            /* kernels end at 4.5 bandwidths */
    }
    free(x);
}

static void test_density_does_not_leak_over_its_bound(void **state)
{
    enum { N = 4000, M = 4001 };
    bm_rng  r;
    double *x, y[M];

    (void)state;
    bm_rng_key(&r, 1, 2, 5);
    x = draws(&r, N, true);
    assert_true(bm_kde(x, N, 0, INFINITY, -1, 7, M, y));
    for (size_t i = 0; i < 500; i++) assert_true(y[i] == 0);             /* left of 0 */
    bm_assert_near(trapezoid(y + 500, M - 500, 0, 7), 1, 1e-4);
    bm_assert_near(y[500], 0.798, 0.1);              /* the half-normal's 2 / sqrt(2 pi): without reflection it would be half */
    free(x);
}

static void test_density_of_a_constant_is_refused(void **state)
{
    double x[] = { 3, 3, 3, 3 }, y[11], lo, hi;

    (void)state;
    assert_false(bm_kde(x, 4, -INFINITY, INFINITY, 0, 6, 11, y));
    assert_false(bm_kde_range(x, 4, -INFINITY, INFINITY, &lo, &hi));
}

/* ---- ranks, autocorrelations, choices ---- */

static void test_ranks_are_counted_by_chain(void **state)
{
    double x[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, count[4];

    (void)state;
    assert_int_equal(bm_rank_counts(x, 2, 4, 2, count, NULL), BM_OK);
    assert_true(count[0] == 4 && count[1] == 0 && count[2] == 0 && count[3] == 4);
}

static void test_ranks_of_ties_are_shared_evenly(void **state)
{
    double x[] = { 5, 5, 5, 5, 5, 5, 5, 5 }, count[4];

    (void)state;
    assert_int_equal(bm_rank_counts(x, 2, 4, 2, count, NULL), BM_OK);
    for (size_t i = 0; i < 4; i++) bm_assert_near(count[i], 2, 1e-12);
}

static void test_rank_counts_add_up_with_long_ties(void **state)
{
    enum { CHAINS = 3, ITER = 400, BINS = 20 };
    double x[CHAINS * ITER], count[CHAINS * BINS];
    bm_rng r;

    (void)state;
    bm_rng_key(&r, 7, 7, 7);
    for (size_t i = 0; i < CHAINS * ITER; i++) x[i] = floor(4 * bm_rng_uniform(&r));
    assert_int_equal(bm_rank_counts(x, CHAINS, ITER, BINS, count, NULL), BM_OK);
    for (size_t c = 0; c < CHAINS; c++) {
        double sum = 0;

        for (size_t i = 0; i < BINS; i++) sum += count[c * BINS + i];
        bm_assert_near(sum, ITER, 1e-9);
    }
}

static void test_autocorrelation_of_a_known_series(void **state)
{
    double x[] = { 1, -1, 1, -1 }, rho[3];

    (void)state;
    bm_autocorrelation(x, 4, 2, rho);
    bm_assert_near(rho[0], 1, 1e-15);
    bm_assert_near(rho[1], -0.75, 1e-15);
    bm_assert_near(rho[2], 0.5, 1e-15);
}

static void test_the_largest_come_in_order(void **state)
{
    double  x[] = { 0.5, -3, 2, -1, 4 };
    size_t *v;

    (void)state;
    assert_int_equal(bm_largest(&v, x, 5, 3, NULL), BM_OK);
    assert_true(v[0] == 1 && v[1] == 2 && v[2] == 4);
    free(v);
}

static void test_tics_are_round_numbers(void **state)
{
    (void)state;
    bm_assert_near(bm_nice_step(10, 5), 2, 1e-15);
    bm_assert_near(bm_nice_step(0.7, 5), 0.2, 1e-15);
    bm_assert_near(bm_nice_step(3000, 4), 1000, 1e-15);
    bm_assert_near(bm_nice_step(0, 4), 1, 1e-15);
}

/* ---- priors ---- */

static double prior_at(double x, void *p)
{
    return bm_plot_prior_density(p, x);
}

static void assert_integrates_to_one(bm_plot_prior *p, double lo, double hi)
{
    gsl_integration_workspace *w = gsl_integration_workspace_alloc(1000);
    gsl_function               f = { prior_at, p };
    double                     s, e;

    gsl_integration_qag(&f, lo, hi, 0, 1e-8, 1000, 6, w, &s, &e);
    bm_assert_near(s, 1, 1e-5);
    gsl_integration_workspace_free(w);
}

static void test_priors_integrate_to_one(void **state)
{
    bm_plot_prior normal = { .kind = BM_PRIOR_NORMAL, .a = { 1, 2 }, .least = -INFINITY, .most = INFINITY };
    bm_plot_prior t = { .kind = BM_PRIOR_T, .a = { 7, 1, 0.5 }, .least = -INFINITY, .most = INFINITY };
    bm_plot_prior cor = { .kind = BM_PRIOR_COR, .a = { 2.5, 2.5 }, .least = -1, .most = 1 };
    bm_plot_prior sd = { .kind = BM_PRIOR_SD, .dist = { .kind = BM_DIST_INV_GAMMA, .a = { 3, 2 } }, .least = 0, .most = INFINITY };

    (void)state;
    assert_integrates_to_one(&normal, -20, 20);
    assert_integrates_to_one(&t, -60, 60);
    assert_integrates_to_one(&cor, -1, 1);
    assert_integrates_to_one(&sd, 0, 200);
    assert_true(bm_plot_prior_density(&cor, 1.5) == 0);
}

static void test_the_intercepts_prior_is_moved_from_the_mean_of_the_predictors(void **state)
{
    char          intercept[] = "b_Intercept", slope[] = "b_x", *names[] = { intercept, slope };
    bm_dist       b[] = { { .kind = BM_DIST_NORMAL, .a = { 0, 1 } }, { .kind = BM_DIST_NORMAL, .a = { 1, 3 } } };
    double        xbar[] = { 0, 2 };
    bm_design     d = { .p = 2, .bnames = names, .intercept = 0 };
    bm_priors     pr = { .p = 2, .b = b, .centred = true, .intercept = { .kind = BM_DIST_NORMAL, .a = { 10, 4 } }, .xbar = xbar };
    bm_plot_input in = { .design = &d, .priors = &pr };
    bm_plot_prior p = bm_plot_prior_of(&in, "b_Intercept");

    (void)state;
    assert_int_equal(p.kind, BM_PRIOR_NORMAL);
    bm_assert_near(p.a[0], 10 - 2 * 1, 1e-15);
    bm_assert_near(p.a[1], sqrt(16 + 36), 1e-15);
    b[1].kind = BM_DIST_FLAT;
    assert_int_equal(bm_plot_prior_of(&in, "b_Intercept").kind, BM_NO_PRIOR);
    bm_assert_near(bm_plot_prior_of(&in, "sd_g__x").least, 0, 1e-15);    /* a name that the model does not have: its support */
}

/* ---- predicted data ---- */

/* Intercept 3, sigma 2 in every draw: the curves are estimates of N(3, 2^2), widened by the kernel. */
static void test_predicted_data_have_the_distribution_of_the_model(void **state)
{
    enum { N = 2000, DRAWS = 100 };
    char             b[] = "b_Intercept", x[] = "(Intercept)", y[] = "y", *bnames[] = { b }, *xnames[] = { x };
    const char      *names[] = { "b_Intercept", "sigma" };
    bm_design        d = { .n = N, .p = 1, .bnames = bnames, .xnames = xnames, .yname = y, .intercept = 0 };
    bm_plot_options  opt = BM_PLOT_OPTIONS_INIT;
    bm_plot_input    in = { .design = &d, .opt = &opt };
    bm_draws        *draw;
    bm_pictures      pictures = { 0 };
    bm_rng           r;
    double           sum = 0, want = 0, at, value, h;
    size_t           n = 0;

    (void)state;
    bm_rng_key(&r, 3, 2, 1);
    assert_int_equal(bm_draws_new(&draw, names, 2, 2, DRAWS / 2, NULL), BM_OK);
    for (size_t i = 0; i < DRAWS; i++) {
        draw->x[i] = 3;
        draw->x[DRAWS + i] = 2;
    }
    d.y = draws(&r, N, false);
    d.X = malloc(N * sizeof *d.X);
    for (size_t i = 0; i < N; i++) {
        d.X[i] = 1;
        d.y[i] = 3 + 2 * d.y[i];
    }
    in.draws = draw;
    h = bm_kde_bandwidth(d.y, N);
    assert_int_equal(bm_plot_predictive(&in, &pictures, NULL), BM_OK);
    assert_int_equal(pictures.n, 1);
    for (char *line = strtok(pictures.v[0].data[0].s, "\n"); line; line = strtok(NULL, "\n")) {
        assert_int_equal(sscanf(line, "%lf %lf", &at, &value), 2);
        if (fabs(at - 3) > 1) continue;
        sum += value;
        want += exp(-0.5 * (at - 3) * (at - 3) / (4 + h * h)) / sqrt(2 * M_PI * (4 + h * h));
        n++;
    }
    assert_true(n > 1000);
    bm_assert_near(sum, want, 0.01);                 /* 100,000 values: the share within 1 of the mean has a standard error of 0.4 % */
    bm_picture_free(&pictures.v[0]);
    free(pictures.v);
    free(d.X);
    free(d.y);
    bm_draws_free(draw);
}

/* ---- text ---- */

static void assert_quoted(const char *text, size_t columns, const char *want)
{
    bm_buf b = { 0 };

    bm_quote(&b, text, columns);
    assert_string_equal(b.s, want);
    bm_buf_free(&b);
}

static void test_text_is_quoted_so_that_nothing_is_interpreted(void **state)
{
    bm_buf b = { 0 };

    (void)state;
    assert_quoted("it's", 0, "'it''s'");
    assert_quoted("a\nb", 0, "'a\\nb'");
    assert_quoted("`id` @x $y \"z\" \\", 0, "'`id` @x $y \"z\" \\'");
    assert_quoted("\xff", 0, "'\\xff'");
    assert_quoted("abcdefgh", 5, "'ab\xe2\x80\xa6gh'");
    assert_quoted("abcdefgh", 6, "'abc\xe2\x80\xa6gh'");
    assert_quoted("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 3, "'\xc3\xa9\xe2\x80\xa6\xc3\xa9'");
    assert_quoted("it's i'ts", 5, "'it\xe2\x80\xa6ts'");
    assert_quoted("abcde", 5, "'abcde'");
    bm_quote_tic(&b, "50 %s", 0);
    assert_string_equal(b.s, "'50 %%s'");
    bm_buf_free(&b);
}

static void test_only_our_pictures_are_ours(void **state)
{
    (void)state;
    assert_true(bm_plot_is_picture("trace.svg"));
    assert_true(bm_plot_is_picture("density-12.pdf"));
    assert_false(bm_plot_is_picture("trace.txt"));
    assert_false(bm_plot_is_picture("trace-.svg"));
    assert_false(bm_plot_is_picture("thesis.svg"));
    assert_false(bm_plot_is_picture("trace-1a.svg"));
}

/* ---- options ---- */

static void test_an_unknown_kind_gets_the_closest_one(void **state)
{
    const char     *kinds[] = { "catterpillar" };
    bm_plot_options opt = BM_PLOT_OPTIONS_INIT;
    bm_error        err = { 0 };

    (void)state;
    opt.kinds = kinds;
    opt.nkinds = 1;
    assert_int_equal(bm_plot_check_kinds(&opt, &err), BM_EINVAL);
    bm_assert_says(err, "unknown kind of plot 'catterpillar'; did you mean 'caterpillar'?");
}

static void test_the_kinds_have_names_and_words(void **state)
{
    const char *what, *name;
    bool        usual;
    size_t      n = 0;

    (void)state;
    for (; (name = bm_plot_kind(n, &what, &usual)); n++) assert_true(*name && strlen(what) > 10);
    assert_true(n >= 12);
    assert_null(bm_plot_kind(n, NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_density_integrates_to_one),
        cmocka_unit_test(test_density_is_the_sum_of_kernels),
        cmocka_unit_test(test_density_does_not_leak_over_its_bound),
        cmocka_unit_test(test_density_of_a_constant_is_refused),
        cmocka_unit_test(test_ranks_are_counted_by_chain),
        cmocka_unit_test(test_ranks_of_ties_are_shared_evenly),
        cmocka_unit_test(test_rank_counts_add_up_with_long_ties),
        cmocka_unit_test(test_autocorrelation_of_a_known_series),
        cmocka_unit_test(test_the_largest_come_in_order),
        cmocka_unit_test(test_tics_are_round_numbers),
        cmocka_unit_test(test_priors_integrate_to_one),
        cmocka_unit_test(test_the_intercepts_prior_is_moved_from_the_mean_of_the_predictors),
        cmocka_unit_test(test_predicted_data_have_the_distribution_of_the_model),
        cmocka_unit_test(test_text_is_quoted_so_that_nothing_is_interpreted),
        cmocka_unit_test(test_only_our_pictures_are_ours),
        cmocka_unit_test(test_an_unknown_kind_gets_the_closest_one),
        cmocka_unit_test(test_the_kinds_have_names_and_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
