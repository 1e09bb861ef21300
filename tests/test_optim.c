/* The quasi-Newton minimiser on functions whose minima are known. */
#include "testing.h"

#include "fit/optim.h"

/* ---- objectives; self counts the evaluations ---- */

/* Rosenbrock (1960), chained over n variables; minimum 0 at ones. */
typedef struct { size_t n; int calls; } counted;

static bm_status rosenbrock(void *self, const double *x, double *f, double *g)
{
    counted *c = self;

    c->calls++;
    *f = 0;
    for (size_t i = 0; g && i < c->n; i++) g[i] = 0;
    for (size_t i = 0; i + 1 < c->n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];

        *f += 100 * a * a + b * b;
        if (!g) continue;
        g[i] += -400 * a * x[i] - 2 * b;
        g[i + 1] += 200 * a;
    }
    return BM_OK;
}

/* sum k (x_k - k)^2 with condition number cond. */
typedef struct { size_t n; double cond; } bowl;

static bm_status quadratic(void *self, const double *x, double *f, double *g)
{
    const bowl *b = self;

    *f = -3;
    for (size_t i = 0; i < b->n; i++) {
        double k = pow(b->cond, (double)i / (double)(b->n - 1)), e = x[i] - (double)i;

        *f += 0.5 * k * e * e;
        if (g) g[i] = k * e;
    }
    return BM_OK;
}

/* x - log x, defined for x > 0 only; minimum 1 at 1. */
static bm_status half_line(void *self, const double *x, double *f, double *g)
{
    (void)self;
    if (!(x[0] > 0)) return BM_NOT_PD;
    *f = x[0] - log(x[0]);
    if (g) g[0] = 1 - 1 / x[0];
    return BM_OK;
}

static bm_status nan_outside(void *self, const double *x, double *f, double *g)
{
    (void)self;
    *f = x[0] - log(x[0]);
    if (g) g[0] = 1 - 1 / x[0];
    return BM_OK;
}

static bm_status gives_up(void *self, const double *x, double *f, double *g)
{
    int *calls = self;

    if (++*calls > 3) return BM_ENUMERIC;
    *f = x[0];
    if (g) g[0] = 1;
    return BM_OK;
}

/* Powell's singular function: a Hessian of rank 2 at the minimum 0. */
static bm_status powell(void *self, const double *x, double *f, double *g)
{
    double a = x[0] + 10 * x[1], b = x[2] - x[3], c = x[1] - 2 * x[2], d = x[0] - x[3];

    (void)self;
    *f = a * a + 5 * b * b + pow(c, 4) + 10 * pow(d, 4);
    if (!g) return BM_OK;
    g[0] = 2 * a + 40 * pow(d, 3);
    g[1] = 20 * a + 4 * pow(c, 3);
    g[2] = 10 * b - 8 * pow(c, 3);
    g[3] = -10 * b - 40 * pow(d, 3);
    return BM_OK;
}

/* ---- tests ---- */

static void test_minimise_finds_the_bottom_of_rosenbrock_valley(void **state)
{
    (void)state;
    for (size_t n = 2; n <= 60; n = n * 2 + 1) {
        counted    c = { n, 0 };
        double     x[64];
        bm_optimum o;
        bm_error   err = { 0 };
        bm_minimise_options opt = BM_MINIMISE_OPTIONS_INIT;

        opt.gtol = 1e-8;
        opt.ftol = 0;
        for (size_t i = 0; i < n; i++) x[i] = i % 2 ? 1 : -1.2;
        if (n > 2)
            for (size_t i = 0; i < n; i++) x[i] = 0.5;      /* the chain has a second minimum near x_1 = -1 */
        bm_assert_ok(bm_minimise(rosenbrock, &c, x, n, &opt, &o, &err), err);
        assert_true(o.converged);
        assert_true(o.gnorm <= 1e-8);
        assert_int_equal(o.evaluations, c.calls);
        for (size_t i = 0; i < n; i++) bm_assert_near(x[i], 1, 1e-7);
        if (n == 2) assert_true(o.evaluations < 60);
    }
}

static void test_minimise_copes_with_a_badly_scaled_bowl(void **state)
{
    bowl       b = { 20, 1e8 };
    double     x[20] = { 0 };
    bm_optimum o;
    bm_error   err = { 0 };
    bm_minimise_options opt = BM_MINIMISE_OPTIONS_INIT;

    (void)state;
    opt.gtol = 1e-7;
    opt.ftol = 0;
    bm_assert_ok(bm_minimise(quadratic, &b, x, 20, &opt, &o, &err), err);
    assert_true(o.converged);
    bm_assert_near(o.f, -3, 1e-12);
    for (size_t i = 0; i < 20; i++) bm_assert_near(1 + x[i], 1 + (double)i, 1e-6);
}

/* With the second derivatives known the first step is Newton's: two evaluations, and one more for the rounding of the line search. */
static void test_minimise_begins_with_the_curvature_given(void **state)
{
    bowl       b = { 20, 1e8 };
    double     x[20] = { 0 }, curvature[20];
    bm_optimum o;
    bm_error   err = { 0 };
    bm_minimise_options opt = BM_MINIMISE_OPTIONS_INIT;

    (void)state;
    for (size_t i = 0; i < 20; i++) curvature[i] = pow(b.cond, (double)i / 19);
    opt.gtol = 1e-6;
    opt.curvature = curvature;
    bm_assert_ok(bm_minimise(quadratic, &b, x, 20, &opt, &o, &err), err);
    assert_true(o.converged);
    assert_true(o.evaluations <= 3);
    for (size_t i = 0; i < 20; i++) bm_assert_near(1 + x[i], 1 + (double)i, 1e-6);
}

static void test_minimise_shrinks_steps_that_leave_the_domain(void **state)
{
    bm_objective *fn[] = { half_line, nan_outside };

    (void)state;
    for (int k = 0; k < 2; k++) {
        double     x = 50;
        bm_optimum o;
        bm_error   err = { 0 };

        bm_assert_ok(bm_minimise(fn[k], NULL, &x, 1, NULL, &o, &err), err);
        assert_true(o.converged);
        bm_assert_near(x, 1, 1e-6);
        bm_assert_near(o.f, 1, 1e-12);
    }
}

static void test_minimise_reports_a_start_outside_the_domain(void **state)
{
    double     x = -1;
    bm_optimum o;
    bm_error   err = { 0 };

    (void)state;
    assert_int_equal(bm_minimise(half_line, NULL, &x, 1, NULL, &o, &err), BM_NOT_PD);
    assert_false(o.converged);
}

static void test_minimise_passes_a_failure_on(void **state)
{
    double     x = 0;
    int        calls = 0;
    bm_optimum o;
    bm_error   err = { 0 };

    (void)state;
    assert_int_equal(bm_minimise(gives_up, &calls, &x, 1, NULL, &o, &err), BM_ENUMERIC);
    assert_int_equal(calls, 4);
}

static void test_minimise_stops_when_evaluations_run_out_with_the_best_point(void **state)
{
    counted    c = { 2, 0 };
    double     x[2] = { -1.2, 1 }, f0;
    bm_optimum o;
    bm_error   err = { 0 };
    bm_minimise_options opt = BM_MINIMISE_OPTIONS_INIT;

    (void)state;
    opt.max_evaluations = 10;
    rosenbrock(&c, x, &f0, NULL);
    c.calls = 0;
    bm_assert_ok(bm_minimise(rosenbrock, &c, x, 2, &opt, &o, &err), err);
    assert_false(o.converged);
    assert_int_equal(c.calls, 10);
    assert_true(o.f < f0);
    rosenbrock(&c, x, &f0, NULL);
    bm_assert_near(o.f, f0, 1e-15);
}

static void test_minimise_follows_a_singular_hessian_down(void **state)
{
    double     x[4] = { 3, -1, 0, 1 };
    bm_optimum o;
    bm_error   err = { 0 };
    bm_minimise_options opt = BM_MINIMISE_OPTIONS_INIT;

    (void)state;
    opt.gtol = 1e-9;
    opt.ftol = 0;
    bm_assert_ok(bm_minimise(powell, NULL, x, 4, &opt, &o, &err), err);
    assert_true(o.converged);
    assert_true(o.f < 1e-10);
}

static void test_minimise_respects_the_longest_step(void **state)
{
    bowl       b = { 2, 1 };
    double     x[2] = { 100, 100 };
    bm_optimum o;
    bm_error   err = { 0 };
    bm_minimise_options opt = BM_MINIMISE_OPTIONS_INIT;

    (void)state;
    opt.max_step = 1;
    opt.max_evaluations = 11;
    bm_assert_ok(bm_minimise(quadratic, &b, x, 2, &opt, &o, &err), err);
    assert_false(o.converged);
    assert_true(x[0] >= 90 - 1e-9);
    opt.max_evaluations = 1000;
    bm_assert_ok(bm_minimise(quadratic, &b, x, 2, &opt, &o, &err), err);
    assert_true(o.converged);
    bm_assert_near(1 + x[0], 1, 1e-6);
    bm_assert_near(x[1], 1, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minimise_finds_the_bottom_of_rosenbrock_valley),
        cmocka_unit_test(test_minimise_copes_with_a_badly_scaled_bowl),
        cmocka_unit_test(test_minimise_begins_with_the_curvature_given),
        cmocka_unit_test(test_minimise_shrinks_steps_that_leave_the_domain),
        cmocka_unit_test(test_minimise_reports_a_start_outside_the_domain),
        cmocka_unit_test(test_minimise_passes_a_failure_on),
        cmocka_unit_test(test_minimise_stops_when_evaluations_run_out_with_the_best_point),
        cmocka_unit_test(test_minimise_follows_a_singular_hessian_down),
        cmocka_unit_test(test_minimise_respects_the_longest_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
