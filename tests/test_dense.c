/* Eigenvalues against their definition. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eigenvectors_of_random_matrices_are_what_they_should_be),
        cmocka_unit_test(test_zero_and_diagonal_matrices_come_back_sorted),
        cmocka_unit_test(test_what_is_not_a_number_has_no_eigenvalues),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
