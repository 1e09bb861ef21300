/* Sums over long columns, and residuals in twice the precision, against the same in __float128. */
#include "testing.h"

#include "base/base.h"
#include "suffstat/accumulate.h"

#include <float.h>

__extension__ typedef __float128 quad;

enum { N = 97 };

static void test_sums_of_any_length_are_those_in_quadruple_precision(void **state)
{
    double x[N], y[N], w[N];
    bm_rng r;

    (void)state;
    bm_rng_key(&r, 1, 2, 3);
    for (size_t n = 0; n <= N; n++) {
        quad   xy = 0, wxy = 0, scaled = 0, about = 0, square = 0, size = 0;
        double sum, squares;

        for (size_t i = 0; i < n; i++) {
            x[i] = bm_rng_normal(&r);
            y[i] = bm_rng_normal(&r);
            w[i] = exp(bm_rng_normal(&r));
            xy += (quad)x[i] * y[i];
            wxy += (quad)w[i] * x[i] * y[i];
            scaled += (quad)x[i] * 0.3;
            about += (quad)x[i] - 0.25;
            square += ((quad)x[i] - 0.25) * ((quad)x[i] - 0.25);
            size += fabs(x[i]) * (fabs(y[i]) * (1 + w[i]) + 1) + 1;
        }
        double tol = 8 * DBL_EPSILON * (double)size;

        bm_sums_about(n, x, 0.25, &sum, &squares);
        assert_true(fabs((double)(bm_sum_products(n, x, y) - xy)) <= tol);
        assert_true(fabs((double)(bm_sum_weighted(n, w, x, y) - wxy)) <= tol);
        assert_true(fabs((double)(bm_sum_scaled(n, x, 0.3) - scaled)) <= tol);
        assert_true(fabs((double)(sum - about)) <= tol);
        assert_true(fabs((double)(squares - square)) <= 8 * DBL_EPSILON * (double)square);
    }
}

static void test_one_number_that_is_not_finite_or_differs_is_seen_anywhere(void **state)
{
    static const double odd[] = { NAN, INFINITY, -INFINITY };
    double x[N];

    (void)state;
    for (size_t n = 1; n <= N; n++)
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < n; k++) x[k] = 3.5;
            assert_true(bm_all_finite(n, x) && bm_all_equal(n, x));
            for (size_t k = 0; k < 3; k++) {
                x[i] = odd[k];
                assert_false(bm_all_finite(n, x));
                assert_true(n == 1 || !bm_all_equal(n, x));
            }
            x[i] = i % 2 ? DBL_MAX : nextafter(3.5, 4);
            assert_true(bm_all_finite(n, x));
            assert_true(n == 1 || !bm_all_equal(n, x));
        }
}

static void test_numbers_that_are_not_zero_are_counted(void **state)
{
    static const double some[] = { 0, -0.0, 5e-324, -5e-324, 1, -1e308, INFINITY, NAN };
    double x[N];
    size_t want = 0;

    (void)state;
    for (size_t n = 0; n < N; n++) {
        assert_int_equal(bm_count_nonzero(n, x), want);
        x[n] = some[n * n % 11 % 8];
        want += x[n] != 0;
    }
}

/* Rounded once from what quadruple precision gives, but for a 2^-100 of the terms: no digit is lost where they cancel. */
static void check_residuals(const double *y, const double *o, const double *X, size_t n, size_t p, const double *b)
{
    double e[N];

    bm_residuals(y, o, X, n, p, b, e);
    for (size_t i = 0; i < n; i++) {
        quad exact = (quad)y[i] - (o ? o[i] : 0), size = fabs(y[i]) + (o ? fabs(o[i]) : 0), off;

        for (size_t k = 0; k < p; k++) {
            exact -= (quad)X[i + k * n] * b[k];
            size += fabs(X[i + k * n] * b[k]);
        }
        off = e[i] > exact ? e[i] - exact : exact - e[i];
        if (off <= 0.501 * DBL_EPSILON * fabs((double)exact) + size * 0x1p-100) continue;
        print_error("n %zu, p %zu, row %zu: %.17g, exactly %.17g\n", n, p, i, e[i], (double)exact);
        fail();
    }
}

static void test_residuals_lose_no_digits_where_terms_cancel(void **state)
{
    enum { P = 6 };
    bm_rng r;

    (void)state;
    bm_rng_key(&r, 4, 5, 6);
    for (size_t t = 0; t < 2000; t++) {
        double y[N], o[N], X[N * P], b[P];
        size_t n = 1 + bm_rng_u64(&r) % N, p = bm_rng_u64(&r) % (P + 1);
        bool   offset = t % 2;

        for (size_t k = 0; k < p; k++) b[k] = bm_rng_normal(&r) * exp(10 * bm_rng_normal(&r));
        for (size_t i = 0; i < n; i++) {
            quad fitted = o[i] = bm_rng_normal(&r) * 1e6;

            if (!offset) fitted = 0;
            for (size_t k = 0; k < p; k++) {
                X[i + k * n] = bm_rng_normal(&r) * exp(5 * bm_rng_normal(&r));
                fitted += (quad)X[i + k * n] * b[k];
            }
            y[i] = (double)fitted;                   /* the response is fitted to its last digit: the residual is what rounding has left */
            if (t % 3 == 0) y[i] += bm_rng_normal(&r) * 1e-9;
        }
        check_residuals(y, offset ? o : NULL, X, n, p, b);
    }
}

/* A product overflows, the residual does not. */
static void test_residuals_of_huge_terms_are_finite(void **state)
{
    double y[9], X[18], b[2] = { 2, -1.9375 }, e[9];

    (void)state;
    for (size_t i = 0; i < 9; i++) {
        y[i] = (double)i;
        X[i] = X[9 + i] = i % 3 ? 1 : 0x1.8p1023;
    }
    bm_residuals(y, NULL, X, 9, 2, b, e);
    for (size_t i = 0; i < 9; i++) assert_true(e[i] == (i % 3 ? (double)i - 0.0625 : (double)((long double)y[i] - 0x1.8p1019L)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_of_any_length_are_those_in_quadruple_precision),
        cmocka_unit_test(test_one_number_that_is_not_finite_or_differs_is_seen_anywhere),
        cmocka_unit_test(test_numbers_that_are_not_zero_are_counted),
        cmocka_unit_test(test_residuals_lose_no_digits_where_terms_cancel),
        cmocka_unit_test(test_residuals_of_huge_terms_are_finite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
