/* Eigenvalues, panels, Cholesky factors, inverses and solutions against their definitions, on both sides of the size where LAPACK takes over. */
#include "testing.h"

#include "base/base.h"

enum { N = 30 };

/* A V = V diag(values), V'V = I, values ascending. */
static void assert_eigen(size_t n, const double *A, const double *V, const double *values, double scale)
{
    for (size_t j = 0; j < n; j++) {
        assert_true(j == 0 || values[j - 1] <= values[j]);
        for (size_t i = 0; i < n; i++) {
            double av = 0, vv = 0;

            for (size_t k = 0; k < n; k++) {
                av += (i >= k ? A[i + k * n] : A[k + i * n]) * V[k + j * n];
                vv += V[k + i * n] * V[k + j * n];
            }
            assert_true(fabs(av - values[j] * V[i + j * n]) <= 1e-14 * (double)n * scale);
            assert_true(fabs(vv - (i == j)) <= 1e-14 * (double)n);
        }
    }
}

static void test_eigenvectors_of_random_matrices_are_what_they_should_be(void **state)
{
    double A[N * N], V[N * N], values[N];
    bm_rng r;

    (void)state;
    bm_rng_key(&r, 5, 0, 0);
    for (size_t n = 1; n <= N; n++)
        for (int rank = 0; rank < 3; rank++) {       /* any; singular; graded over 20 orders of magnitude */
            double scale = 0;

            for (size_t i = 0; i < n * n; i++) A[i] = bm_rng_normal(&r);
            if (rank == 1)
                for (size_t i = 0; i < n; i++)
                    for (size_t j = 0; j < n; j++) A[i + j * n] = (double)((i + 1) * (j + 1));
            if (rank == 2)
                for (size_t i = 0; i < n; i++)
                    for (size_t j = 0; j < n; j++) A[i + j * n] *= pow(10, -10.0 * (double)(i + j) / (double)n);
            for (size_t i = 0; i < n * n; i++) scale = fmax(scale, fabs(A[i]));
            memcpy(V, A, sizeof A);
            assert_int_equal(bm_eigen(n, V, values), BM_OK);
            assert_eigen(n, A, V, values, scale * (double)n);
        }
}

static void test_zero_and_diagonal_matrices_come_back_sorted(void **state)
{
    double A[] = { 3, 0, 0, 0, -1, 0, 0, 0, 2 }, zero[4] = { 0 }, values[3];

    (void)state;
    assert_int_equal(bm_eigen(3, A, values), BM_OK);
    assert_true(values[0] == -1 && values[1] == 2 && values[2] == 3);
    assert_int_equal(bm_eigen(2, zero, values), BM_OK);
    assert_true(values[0] == 0 && values[1] == 0);
}

static void test_what_is_not_a_number_has_no_eigenvalues(void **state)
{
    double A[] = { 1, NAN, 0, 1 }, B[] = { INFINITY, 0, 0, 1 }, values[2];

    (void)state;
    assert_int_equal(bm_eigen(2, A, values), BM_NOT_PD);
    assert_int_equal(bm_eigen(2, B, values), BM_NOT_PD);
}

enum { LARGE = 70 };

/* A = B B' + I, symmetric and positive definite. */
static void positive(bm_rng *r, size_t n, double *A)
{
    double B[LARGE * LARGE];

    bm_rng_normals(r, B, n * n);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++) {
            A[i + j * n] = i == j;
            for (size_t k = 0; k < n; k++) A[i + j * n] += B[i + k * n] * B[j + k * n];
        }
}

static double lower(const double *C, size_t n, size_t i, size_t j)
{
    return i >= j ? C[i + j * n] : 0;
}

static void test_factor_inverse_and_solutions_multiply_back(void **state)
{
    const size_t sizes[] = { 1, 2, 3, 7, 24, 25, 26, LARGE }, m = 5;
    double       A[LARGE * LARGE], C[LARGE * LARGE], V[LARGE * LARGE], X[LARGE * 5], B[LARGE * 5];
    bm_rng       r;

    (void)state;
    assert_int_equal(bm_blas_load(NULL), BM_OK);
    bm_rng_key(&r, 6, 0, 0);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        double tol = 1e-13 * (double)(n * n);

        positive(&r, n, A);
        memcpy(C, A, sizeof A);
        assert_int_equal(bm_chol(n, C), BM_OK);
        memcpy(V, C, sizeof C);
        bm_chol_inverse(n, V);
        bm_rng_normals(&r, B, n * m);
        for (size_t j = 0; j < n; j++)
            for (size_t i = j; i < n; i++) {
                double cc = 0, av = 0;

                for (size_t k = 0; k < n; k++) {
                    cc += lower(C, n, i, k) * lower(C, n, j, k);
                    av += A[i + k * n] * (k >= j ? V[k + j * n] : V[j + k * n]);
                }
                assert_true(fabs(cc - A[i + j * n]) <= tol * A[i + i * n]);
                assert_true(fabs(av - (i == j)) <= tol * 100);
                if (i > j) assert_true(V[j + i * n] == A[j + i * n]);          /* the upper triangle is left alone */
            }
        for (int transposed = 0; transposed < 2; transposed++) {
            memcpy(X, B, sizeof B);
            if (transposed) bm_solve_lower_t(n, m, C, X);
            else bm_solve_lower(n, m, C, X);
            for (size_t c = 0; c < m; c++)
                for (size_t i = 0; i < n; i++) {
                    double v = 0;

                    for (size_t k = 0; k < n; k++) v += (transposed ? lower(C, n, k, i) : lower(C, n, i, k)) * X[k + c * n];
                    assert_true(fabs(v - B[i + c * n]) <= tol * 10);
                }
        }
        C[n - 1 + (n - 1) * n] = A[n - 1 + (n - 1) * n] = -1;
        assert_int_equal(bm_chol(n, A), BM_NOT_PD);
    }
}

static void test_syrk_equals_its_definition(void **state)
{
    const size_t sizes[] = { 1, 5, 24, 25, LARGE }, k = 31, ld = 33;
    double       A[33 * LARGE], C[LARGE * LARGE], D[LARGE * LARGE];
    bm_rng       r;

    (void)state;
    bm_rng_key(&r, 8, 0, 0);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];

        bm_rng_normals(&r, A, ld * n);
        bm_rng_normals(&r, C, n * n);
        memcpy(D, C, sizeof C);
        bm_syrk(n, k, -0.5, A, ld, D);
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < n; i++) {
                double want = C[i + j * n];

                for (size_t l = 0; l < k && i >= j; l++) want -= 0.5 * A[l + i * ld] * A[l + j * ld];
                assert_true(fabs(D[i + j * n] - want) <= 1e-13 * (double)k);
            }
    }
}

/* ---- panels: small ones by hand, large ones by LAPACK ---- */

enum { H = 150 };
static const size_t HEIGHT[] = { 1, 2, 7, 30, 64, H }, WIDTH[] = { 1, 2, 3, 30, 60, 90 };

static void random_panel(bm_rng *r, size_t h, size_t w, double *P)
{
    bm_rng_normals(r, P, h * w);
    for (size_t j = 0; j < w; j++) P[j + j * h] = 2 * (double)w + 3;
}

static double row_product(const double *A, size_t lda, size_t i, size_t j, size_t n)
{
    double v = 0;

    for (size_t k = 0; k < n; k++) v += A[i + k * lda] * A[j + k * lda];
    return v;
}

static void test_panel_factors_multiply_back(void **state)
{
    static double P[H * H], C[H * H];
    bm_rng        r;

    (void)state;
    bm_rng_key(&r, 6, 0, 0);
    for (size_t t = 0; t < sizeof WIDTH / sizeof *WIDTH; t++) {
        size_t h = HEIGHT[t], w = WIDTH[t];

        random_panel(&r, h, w, P);
        memcpy(C, P, h * w * sizeof *C);
        assert_int_equal(bm_chol_panel(h, w, C), BM_OK);
        for (size_t j = 0; j < w; j++)
            for (size_t i = j; i < h; i++) assert_true(fabs(row_product(C, h, i, j, j + 1) - P[i + j * h]) < 1e-12 * (double)w);
        memcpy(C, P, h * w * sizeof *C);
        C[(w - 1) * (h + 1)] = -1;
        assert_int_equal(bm_chol_panel(h, w, C), BM_NOT_PD);
        C[0] = NAN;
        assert_int_equal(bm_chol_panel(h, w, C), BM_NOT_PD);
    }
}

static void test_inverses_from_cholesky_factors_are_inverses(void **state)
{
    static double P[H * H], C[H * H];
    const size_t  size[] = { 1, 2, 3, 24, 25, 64, 65, 120 };
    bm_rng        r;

    (void)state;
    bm_rng_key(&r, 7, 0, 0);
    for (size_t t = 0; t < sizeof size / sizeof *size; t++) {
        size_t n = size[t];

        random_panel(&r, n, n, P);
        memcpy(C, P, n * n * sizeof *C);
        assert_int_equal(bm_chol(n, C), BM_OK);
        bm_chol_inverse(n, C);
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < n; i++) {
                double v = 0;

                for (size_t k = 0; k < n; k++) v += (i >= k ? P[i + k * n] : P[k + i * n]) * (k >= j ? C[k + j * n] : C[j + k * n]);
                assert_true(fabs(v - (i == j)) < 1e-13 * (double)n);
            }
    }
}

static void test_products_and_solves_of_panels(void **state)
{
    static double A[H * H], B[H * H], X[H * H], out[H * H];
    bm_rng        r;

    (void)state;
    bm_rng_key(&r, 8, 0, 0);
    for (size_t t = 0; t < sizeof WIDTH / sizeof *WIDTH; t++) {
        size_t h = HEIGHT[t], w = WIDTH[t];

        random_panel(&r, h, w, A);
        random_panel(&r, h, w, B);
        bm_outer_lower(h, w, A, h, out);
        for (size_t j = 0; j < h; j++)
            for (size_t i = j; i < h; i++) assert_true(fabs(out[i + j * h] - row_product(A, h, i, j, w)) < 1e-10);
        for (size_t i = 0; i < w * w; i++) out[i] = (double)i;
        bm_gemm_minus(w, h, A, h, B, h, out);
        for (size_t j = 0; j < w; j++)
            for (size_t i = j; i < w; i++) assert_true(fabs(out[i + j * w] - (double)(i + j * w) + bm_dot(h, A + i * h, B + j * h)) < 1e-10);
        random_panel(&r, h, h, X);
        bm_product_minus(h, w, X, B, h, out, h);
        for (size_t j = 0; j < w; j++)
            for (size_t i = 0; i < h; i++) {
                double v = out[i + j * h];

                for (size_t k = 0; k < h; k++) v += X[i + k * h] * B[k + j * h];
                assert_true(fabs(v) < 1e-10);
            }
        memcpy(out, B, h * w * sizeof *out);         /* the upper w x w of A as C */
        bm_solve_right(h, w, A, h, out, h);
        for (size_t j = 0; j < w; j++)
            for (size_t i = 0; i < h; i++) {
                double v = -B[i + j * h];

                for (size_t k = j; k < w; k++) v += out[i + k * h] * A[k + j * h];
                assert_true(fabs(v) < 1e-11);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eigenvectors_of_random_matrices_are_what_they_should_be),
        cmocka_unit_test(test_zero_and_diagonal_matrices_come_back_sorted),
        cmocka_unit_test(test_what_is_not_a_number_has_no_eigenvalues),
        cmocka_unit_test(test_panel_factors_multiply_back),
        cmocka_unit_test(test_inverses_from_cholesky_factors_are_inverses),
        cmocka_unit_test(test_products_and_solves_of_panels),
        cmocka_unit_test(test_factor_inverse_and_solutions_multiply_back),
        cmocka_unit_test(test_syrk_equals_its_definition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
