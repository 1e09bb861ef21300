/* Densities of standard deviations: they integrate to 1, their derivatives are those of central differences, they are GSL's where GSL has them, and
 * draws follow them; distributions as text. */
#include "testing.h"

#include "model/model.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_randist.h>

static bm_dist parse(const char *text)
{
    bm_dist  d;
    bm_error err = { 0 };

    bm_assert_ok(bm_dist_parse(&d, text, 0, &err), err);
    return d;
}

static const char *const PROPER[] = {
    "normal(3, 2)", "normal(-4, 1.5)", "normal(0, 1)", "normal(-9, 1)", "normal(50, 1)", "student_t(3, 2, 1.5)", "student_t(4, -3, 1)", "student_t(0.7, 1, 2)", "student_t(200, -6, 1)",
    "cauchy(1, 2)", "cauchy(-5, 1)", "half_cauchy(0, 5)", "half_cauchy(2.5)", "half_normal(0, 30)", "half_normal(0.01)", "half_t(3, 0, 50)", "half_t(7, 2)", "half_t(1e6, 0, 2)", "exponential(0.2)",
    "gamma(2, 0.1)", "gamma(0.6, 3)", "gamma(1, 2)", "gamma(40, 2)", "lognormal(1, 0.5)", "lognormal(-2, 1.5)", "uniform(0, 100)", "uniform(2, 3)", "inv_gamma(2, 2000)",
    "inv_gamma(0.5, 1)", "inv_gamma(10, 3)",
};
enum { NPROPER = sizeof PROPER / sizeof *PROPER };

/* ---- second ways ---- */

static double pdf(double x, void *d)
{
    return exp(bm_dist_sd_logpdf(d, x, NULL));
}

static double integral(bm_dist *d, double from, double to)
{
    gsl_integration_workspace *w = gsl_integration_workspace_alloc(4000);
    gsl_function f = { pdf, d };
    double       v, e;

    gsl_integration_qags(&f, from, to, 0, 1e-10, 4000, w, &v, &e);
    gsl_integration_workspace_free(w);
    return v;
}

static double tail(bm_dist *d, double from)
{
    gsl_integration_workspace *w = gsl_integration_workspace_alloc(4000);
    gsl_function f = { pdf, d };
    double       v, e;

    gsl_integration_qagiu(&f, from, 1e-14, 1e-10, 4000, w, &v, &e);
    gsl_integration_workspace_free(w);
    return v;
}

/* Where to cut (0, inf): about the middle of the distribution. */
static double middle(const bm_dist *d)
{
    const double *a = d->a;

    switch (d->kind) {
    case BM_DIST_NORMAL: return a[0] > a[1] ? a[0] : a[1] * a[1] / fmax(fabs(a[0]), a[1]);
    case BM_DIST_STUDENT_T: return fmax(a[1], a[2]);
    case BM_DIST_HALF_CAUCHY:
    case BM_DIST_HALF_NORMAL: return a[1];
    case BM_DIST_HALF_T: return a[2];
    case BM_DIST_EXPONENTIAL: return 1 / a[0];
    case BM_DIST_GAMMA: return a[0] / a[1];
    case BM_DIST_LOGNORMAL: return exp(a[0]);
    case BM_DIST_UNIFORM: return (a[0] + a[1]) / 2;
    default: return sqrt(a[1] / (a[0] + 0.5));       /* inv_gamma: the mode */
    }
}

static double whole(bm_dist *d)
{
    double m = middle(d);

    if (d->kind == BM_DIST_UNIFORM) return integral(d, d->a[0], d->a[1]);
    return integral(d, 0, m / 8) + integral(d, m / 8, m) + integral(d, m, 2 * m) + tail(d, 2 * m);
}

static void test_every_density_integrates_to_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < NPROPER; i++) {
        bm_dist d = parse(PROPER[i]);
        double  v = whole(&d);

        if (!(fabs(v - 1) < 1e-7)) fail_msg("%s integrates to %.12g", PROPER[i], v);
        assert_true(bm_dist_proper(&d));
    }
}

static void test_derivatives_are_central_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < NPROPER; i++) {
        bm_dist d = parse(PROPER[i]);
        double  m = middle(&d), dx;

        for (double x = 0.3 * m; x < 4 * m; x *= 1.37) {
            double h = 1e-5 * x, up = bm_dist_sd_logpdf(&d, x + h, NULL), down = bm_dist_sd_logpdf(&d, x - h, NULL);

            if (!isfinite(up) || !isfinite(down)) continue;      /* the ends of uniform */
            bm_dist_sd_logpdf(&d, x, &dx);
            double want = (up - down) / (2 * h), scale = fabs(want) + 1 / x;
            if (!(fabs(dx - want) < 1e-6 * scale)) fail_msg("%s at %g: %.10g, central difference %.10g", PROPER[i], x, dx, want);
        }
    }
}

static void test_a_constant_computed_once_is_the_constant_computed_each_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < NPROPER; i++) {
        bm_dist d = parse(PROPER[i]);
        double  x = middle(&d), lp = bm_dist_sd_logpdf(&d, x, NULL);

        assert_false(d.has_norm);
        d.norm = bm_dist_sd_norm(&d);
        d.has_norm = true;
        bm_assert_near(bm_dist_sd_logpdf(&d, x, NULL), lp, 0);
        d.norm += 1;
        bm_assert_near(bm_dist_sd_logpdf(&d, x, NULL), lp + 1, 1e-14);
    }
}

static void test_densities_are_those_of_gsl(void **state)
{
    bm_dist normal = parse("normal(-4, 1.5)"), t = parse("student_t(3, 2, 1.5)"), cauchy = parse("half_cauchy(0, 5)"), half = parse("half_normal(0, 2)"), ht = parse("half_t(3, 0, 5)");
    bm_dist expo = parse("exponential(0.2)"), gam = parse("gamma(2.5, 0.5)"), logn = parse("lognormal(1, 0.5)"), unif = parse("uniform(0.1, 20)"), inv = parse("inv_gamma(2, 3)");

    (void)state;
    for (double x = 0.11; x < 19; x *= 1.7) {
        bm_assert_near(pdf(x, &normal), gsl_ran_gaussian_tail_pdf(x + 4, 4, 1.5), 1e-9);
        bm_assert_near(pdf(x, &t), gsl_ran_tdist_pdf((x - 2) / 1.5, 3) / 1.5 / gsl_cdf_tdist_P(2 / 1.5, 3), 1e-12);
        bm_assert_near(pdf(x, &cauchy), 2 * gsl_ran_cauchy_pdf(x, 5), 1e-13);
        bm_assert_near(pdf(x, &half), 2 * gsl_ran_gaussian_pdf(x, 2), 1e-12);
        bm_assert_near(pdf(x, &ht), 2 * gsl_ran_tdist_pdf(x / 5, 3) / 5, 1e-12);
        bm_assert_near(pdf(x, &expo), gsl_ran_exponential_pdf(x, 5), 1e-13);
        bm_assert_near(pdf(x, &gam), gsl_ran_gamma_pdf(x, 2.5, 2), 1e-12);
        bm_assert_near(pdf(x, &logn), gsl_ran_lognormal_pdf(x, 1, 0.5), 1e-12);
        bm_assert_near(pdf(x, &unif), 1 / 19.9, 1e-13);
        /* 1 / x^2 is a gamma variable of rate 3; |d(1/x^2)/dx| = 2 / x^3 */
        bm_assert_near(pdf(x, &inv), gsl_ran_gamma_pdf(1 / (x * x), 2, 1.0 / 3) * 2 / (x * x * x), 1e-12);
    }
}

static void test_densities_at_zero_are_their_limits(void **state)
{
    static const char *const finite[] = { "half_cauchy(0, 5)", "half_normal(0, 2)", "half_t(3, 0, 5)", "exponential(0.2)", "normal(3, 2)", "student_t(3, 2, 1.5)", "gamma(1, 2)", "uniform(0, 2)" };
    static const char *const none[] = { "lognormal(1, 0.5)", "inv_gamma(2, 3)", "gamma(2, 1)", "uniform(1, 2)" };
    double dx;

    (void)state;
    for (size_t i = 0; i < sizeof finite / sizeof *finite; i++) {
        bm_dist d = parse(finite[i]);

        bm_assert_near(bm_dist_sd_logpdf(&d, 0, &dx), bm_dist_sd_logpdf(&d, 1e-12, NULL), 1e-10);
        assert_true(isfinite(dx));
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        bm_dist d = parse(none[i]);

        assert_true(bm_dist_sd_logpdf(&d, 0, NULL) == -INFINITY);
    }
    bm_dist d = parse("gamma(0.5, 1)");
    assert_true(bm_dist_sd_logpdf(&d, 0, NULL) == INFINITY);
}

static void test_outside_the_support_the_density_is_zero(void **state)
{
    bm_dist u = parse("uniform(1, 2)"), lkj = parse("lkj(2)"), flat = parse("flat()"), fixed = parse("constant(3)");
    double  dx = 7;

    (void)state;
    for (size_t i = 0; i < NPROPER; i++) {
        bm_dist d = parse(PROPER[i]);

        assert_true(bm_dist_sd_logpdf(&d, -1e-9, &dx) == -INFINITY);
        assert_true(dx == 0);
        assert_true(bm_dist_sd_logpdf(&d, NAN, NULL) == -INFINITY);
    }
    assert_true(bm_dist_sd_logpdf(&u, 0.99, NULL) == -INFINITY && bm_dist_sd_logpdf(&u, 2.01, NULL) == -INFINITY);
    assert_true(bm_dist_sd_logpdf(&lkj, 1, NULL) == -INFINITY);
    assert_true(isnan(bm_dist_sd_norm(&lkj)));
    assert_true(bm_dist_sd_logpdf(&flat, 1, &dx) == 0 && dx == 0);
    assert_true(bm_dist_sd_logpdf(&fixed, 3, NULL) == 0);
    assert_false(bm_dist_proper(&flat));
    assert_true(bm_dist_proper(&fixed) && bm_dist_proper(&lkj));
}

static void test_inv_gamma_with_a_zero_made_by_hand_is_improper(void **state)
{
    bm_dist d = { .kind = BM_DIST_INV_GAMMA, .a = { 0, 1 } };
    bm_rng  r;
    double  x;

    (void)state;
    bm_rng_key(&r, 1, 1, 1);
    assert_false(bm_dist_proper(&d));
    assert_int_equal(bm_dist_sd_draw(&d, &r, &x), BM_EINVAL);
}

/* ---- draws ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Kolmogorov's distance of N draws from the integral of the density, looked at every 50th draw, times sqrt(N). */
static double kolmogorov(bm_dist *d, uint64_t seed)
{
    enum { N = 20000, STEP = 50 };
    static double x[N];
    bm_rng        r;
    double        F = 0, worst = 0;

    bm_rng_key(&r, seed, 17, 0);
    for (size_t i = 0; i < N; i++) assert_int_equal(bm_dist_sd_draw(d, &r, &x[i]), BM_OK);
    qsort(x, N, sizeof *x, ascending);
    for (size_t i = STEP - 1; i < N; i += STEP) {
        double from = i < STEP ? 0 : x[i - STEP];

        if (d->kind == BM_DIST_UNIFORM) from = fmax(from, d->a[0]);
        F += integral(d, from, x[i]);
        worst = fmax(worst, fabs(F - (double)(i + 1) / N));
    }
    return sqrt((double)N) * worst;
}

/* 30 distributions; each fails beyond 2.6 with probability 2.7e-6 (Kolmogorov's limit law), all together 8e-5 over seeds, and the seed is fixed. */
static void test_draws_follow_their_density(void **state)
{
    (void)state;
    for (size_t i = 0; i < NPROPER; i++) {
        bm_dist d = parse(PROPER[i]);
        double  k = kolmogorov(&d, 20260101 + i);

        if (!(k < 2.6)) fail_msg("%s, seed %zu: sqrt(N) D = %g", PROPER[i], 20260101 + i, k);
    }
}

static void test_draws_are_numbers_however_heavy_the_tail(void **state)
{
    static const char *const wide[] = { "inv_gamma(0.001, 0.001)", "half_t(0.1, 0, 1)", "student_t(0.1, -5, 1)", "gamma(0.001, 1)", "lognormal(0, 100)" };
    bm_rng r;
    double x;

    (void)state;
    bm_rng_key(&r, 3, 1, 1);
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        bm_dist d = parse(wide[i]);

        for (int k = 0; k < 2000; k++) {
            assert_int_equal(bm_dist_sd_draw(&d, &r, &x), BM_OK);
            assert_true(x >= 0 && isfinite(x * x));
        }
    }
}

static void test_what_cannot_be_drawn_from_says_so(void **state)
{
    static const char *const none[] = { "flat()", "lkj(1)", "inv_gamma(1e-90, 1)" };
    bm_rng r;
    double x;

    (void)state;
    bm_rng_key(&r, 3, 1, 1);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        bm_dist d = parse(none[i]);

        assert_int_equal(bm_dist_sd_draw(&d, &r, &x), BM_EINVAL);
    }
    bm_dist d = parse("constant(3)");
    assert_int_equal(bm_dist_sd_draw(&d, &r, &x), BM_OK);
    bm_assert_near(x, 3, 0);
}

/* ---- text ---- */

static void check_print(const char *text, const char *want)
{
    bm_dist d = parse(text), again;
    bm_buf  b = { 0 };

    bm_dist_print(&b, &d);
    assert_string_equal(b.s, want);
    again = parse(b.s);
    assert_int_equal(again.kind, d.kind);
    assert_memory_equal(again.a, d.a, sizeof d.a);
    assert_int_equal(again.nscale, d.nscale);
    if (d.nscale) assert_memory_equal(again.scale, d.scale, d.nscale * d.nscale * sizeof *d.scale);
    free(d.scale);
    free(again.scale);
    bm_buf_free(&b);
}

static void test_every_distribution_prints_as_it_parses(void **state)
{
    (void)state;
    check_print("  normal( -1.50 ,\t2e1 ) ", "normal(-1.5, 20)");
    check_print("flat()", "flat()");
    check_print("flat( )", "flat()");
    check_print("half_cauchy(0, 2.5)", "half_cauchy(0, 2.5)");
    check_print("half_cauchy(2.5)", "half_cauchy(0, 2.5)");
    check_print("half_normal (3)", "half_normal(0, 3)");
    check_print("half_t(3, 10)", "half_t(3, 0, 10)");
    check_print("half_t(3, 0, 10)", "half_t(3, 0, 10)");
    check_print("student_t(3, 8, 10)", "student_t(3, 8, 10)");
    check_print("cauchy(1, 2)", "cauchy(1, 2)");
    check_print("student_t(1, 1, 2)", "cauchy(1, 2)");
    check_print("exponential(0.1)", "exponential(0.1)");
    check_print("gamma(2, 0.1)", "gamma(2, 0.1)");
    check_print("lognormal(0, 1)", "lognormal(0, 1)");
    check_print("uniform(0, 100)", "uniform(0, 100)");
    check_print("inv_gamma(0.001, 0.001)", "inv_gamma(0.001, 0.001)");
    check_print("constant(0)", "constant(0)");
    check_print("lkj(2)", "lkj(2)");
    check_print("inv_wishart(4, 1)", "inv_wishart(4, 1)");
    check_print("inv_wishart(4, c( 1 , 2.5 ))", "inv_wishart(4, c(1, 2.5))");
    check_print("inv_wishart(4, c(3))", "inv_wishart(4, 3)");
}

static void test_cauchy_is_student_t_on_one_degree_of_freedom(void **state)
{
    bm_dist d = parse("cauchy(1, 2)");

    (void)state;
    assert_int_equal(d.kind, BM_DIST_STUDENT_T);
    assert_true(d.a[0] == 1 && d.a[1] == 1 && d.a[2] == 2);
}

static void test_the_scale_of_inv_wishart_is_a_matrix(void **state)
{
    bm_dist d = parse("inv_wishart(5, c(1, 2, 3))");

    (void)state;
    assert_int_equal(d.nscale, 3);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) bm_assert_near(d.scale[i + 3 * j], i == j ? (double)i + 1 : 0, 0);
    free(d.scale);
}

static void test_every_mistake_in_a_distribution_is_named(void **state)
{
    static const struct { const char *text, *says; size_t caret; } wrong[] = {
        { "", "a distribution is missing", 0 },
        { "(1)", "a distribution is missing", 0 },
        { "nromal(0, 1)", "there is no distribution 'nromal'; did you mean 'normal'? There are flat, normal, student_t", 0 },
        { "wishbone(1)", "there is no distribution 'wishbone'; there are flat", 0 },
        { "normal", "'(' is missing: it is normal(mean, sd)", 6 },
        { "normal 0, 1", "'(' is missing: it is normal(mean, sd)", 7 },
        { "normal(0, 1", "the closing ')' is missing", 11 },
        { "normal(0)", "normal takes more: it is normal(mean, sd)", 8 },
        { "normal(0, 1, 2)", "too many arguments: it is normal(mean, sd)", 11 },
        { "normal(0, )", "a number is missing; it is normal(mean, sd)", 10 },
        { "normal()", "a number is missing", 7 },
        { "normal(0, sd)", "'sd' is not a number", 10 },
        { "normal(0, Inf)", "'Inf' is not a number", 10 },
        { "normal(0, 1) + 2", "nothing can follow the distribution", 13 },
        { "normal(0, 0)", "the scale must be positive, not 0", 10 },
        { "normal(0, -2)", "the scale must be positive, not -2", 10 },
        { "normal(0, 1e-200)", "1e-200 is out of range: from 1e-100 to 1e100", 10 },
        { "normal(1e200, 1)", "1e+200 is out of range: up to 1e100 in size", 7 },
        { "flat(1)", "too many arguments: it is flat()", 5 },
        { "half_cauchy(1, 2)", "half_cauchy is cut off at its centre, which must be 0, not 1; on a standard deviation student_t(df, m, s) allows any", 12 },
        { "half_normal(1, 2)", "which must be 0, not 1; on a standard deviation normal(m, s) allows any", 12 },
        { "half_t(3, 1, 2)", "half_t is cut off at its centre", 10 },
        { "half_t(3)", "half_t takes more", 8 },
        { "half_cauchy()", "a number is missing", 12 },
        { "student_t(0, 0, 1)", "the degrees of freedom must be positive, not 0", 10 },
        { "student_t(0.01, 0, 1)", "the degrees of freedom must be at least 0.1, not 0.01", 10 },
        { "exponential(-1)", "the rate must be positive, not -1", 12 },
        { "gamma(0, 1)", "the shape must be positive, not 0", 6 },
        { "uniform(2, 2)", "uniform needs lower < upper", 11 },
        { "inv_gamma(0, 1)", "a must be positive, not 0: with a or b = 0 the posterior is improper", 10 },
        { "inv_gamma(1, 0)", "b must be positive, not 0: with a or b = 0 the posterior is improper", 13 },
        { "inv_gamma(0, 0)", "half_cauchy(0, s) is weak and proper", 10 },
        { "lkj(0)", "eta must be positive, not 0", 4 },
        { "inv_wishart(4, c)", "c needs a list, such as c(1, 2)", 16 },
        { "inv_wishart(4, c(1, 2)", "the closing ')' is missing", 22 },
        { "inv_wishart(4, c(1, 2", "the list c( is not closed", 21 },
        { "inv_wishart(4, c(1, x))", "'x' is not a number", 20 },
        { "inv_wishart(4, c())", "a number is missing", 17 },
        { "inv_wishart(4, 0)", "the scale of inv_wishart must be positive", 15 },
        { "inv_wishart(4, 1e200)", "1e+200 is out of range", 15 },
        { "inv_wishart(4)", "inv_wishart takes more", 13 },
        { "inv_wishart(0, 1)", "the degrees of freedom must be positive", 12 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bm_dist  d;
        bm_error err = { 0 };
        char     line[300];

        assert_int_equal(bm_dist_parse(&d, wrong[i].text, 0, &err), BM_EINVAL);
        bm_assert_says(err, wrong[i].says);
        snprintf(line, sizeof line, "\n  %s\n  %*s^", wrong[i].text, (int)wrong[i].caret, "");
        if (strcmp(err.msg + strlen(err.msg) - strlen(line), line) != 0) fail_msg("the caret is elsewhere:%s\nwanted:%s", strchr(err.msg, '\n'), line);
        assert_null(d.scale);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_density_integrates_to_one),
        cmocka_unit_test(test_derivatives_are_central_differences),
        cmocka_unit_test(test_a_constant_computed_once_is_the_constant_computed_each_time),
        cmocka_unit_test(test_densities_are_those_of_gsl),
        cmocka_unit_test(test_densities_at_zero_are_their_limits),
        cmocka_unit_test(test_outside_the_support_the_density_is_zero),
        cmocka_unit_test(test_inv_gamma_with_a_zero_made_by_hand_is_improper),
        cmocka_unit_test(test_draws_follow_their_density),
        cmocka_unit_test(test_draws_are_numbers_however_heavy_the_tail),
        cmocka_unit_test(test_what_cannot_be_drawn_from_says_so),
        cmocka_unit_test(test_every_distribution_prints_as_it_parses),
        cmocka_unit_test(test_cauchy_is_student_t_on_one_degree_of_freedom),
        cmocka_unit_test(test_the_scale_of_inv_wishart_is_a_matrix),
        cmocka_unit_test(test_every_mistake_in_a_distribution_is_named),
    };

    gsl_set_error_handler_off();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
