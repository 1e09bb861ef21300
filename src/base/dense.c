/* dense.c: Cholesky factors and triangular solves. Column-major, lower triangles. Small ones by hand (a call to LAPACK costs more than a
 * 4 x 4 factorisation), larger ones by LAPACK. The only file that sees <cblas.h>, which does not compile beside GSL's. */
#include "base/base.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>

enum { SMALL = 24 };

static bm_status chol_small(size_t n, double *A)
{
    for (size_t j = 0; j < n; j++) {
        double *aj = A + j * n;

        for (size_t k = 0; k < j; k++) {
            const double *ak = A + k * n;
            double        l = ak[j];

            for (size_t i = j; i < n; i++) aj[i] -= l * ak[i];
        }
        if (!(aj[j] > 0) || !isfinite(aj[j])) return BM_NOT_PD;   /* also NaN, which LAPACK lets through */
        double d = sqrt(aj[j]);
        aj[j] = d;
        for (size_t i = j + 1; i < n; i++) aj[i] /= d;
    }
    return BM_OK;
}

bm_status bm_chol(size_t n, double *A)
{
    if (n <= SMALL) return chol_small(n, A);
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', (lapack_int)n, A, (lapack_int)n) != 0) return BM_NOT_PD;
    for (size_t i = 0; i < n; i++)
        if (!(A[i + i * n] > 0) || !isfinite(A[i + i * n])) return BM_NOT_PD;
    return BM_OK;
}

void bm_chol_inverse(size_t n, double *A)
{
    if (n) LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'L', (lapack_int)n, A, (lapack_int)n);    /* fails only on a zero pivot, which C has not */
}

void bm_solve_lower(size_t n, size_t m, const double *C, double *X)
{
    if (n > SMALL && m > 1) {
        cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)n, (int)m, 1.0, C, (int)n, X, (int)n);
        return;
    }
    for (size_t k = 0; k < m; k++) {
        double *x = X + k * n;

        for (size_t j = 0; j < n; j++) {
            const double *c = C + j * n;
            double        v = x[j] /= c[j];

            for (size_t i = j + 1; i < n; i++) x[i] -= v * c[i];
        }
    }
}

void bm_solve_lower_t(size_t n, size_t m, const double *C, double *X)
{
    if (n > SMALL && m > 1) {
        cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, (int)n, (int)m, 1.0, C, (int)n, X, (int)n);
        return;
    }
    for (size_t k = 0; k < m; k++) {
        double *x = X + k * n;

        for (size_t j = n; j-- > 0;) {
            const double *c = C + j * n;
            double        v = x[j];

            for (size_t i = j + 1; i < n; i++) v -= c[i] * x[i];
            x[j] = v / c[j];
        }
    }
}

void bm_syrk(size_t n, size_t k, double alpha, const double *A, size_t ld, double *C)
{
    cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, (int)n, (int)k, alpha, A, (int)ld, 1.0, C, (int)n);
}

void bm_blas_single(void)
{
    openblas_set_num_threads(1);
}

double bm_dot(size_t n, const double *x, const double *y)
{
    double s = 0;

    for (size_t i = 0; i < n; i++) s += x[i] * y[i];
    return s;
}

bm_status bm_eigen(size_t n, double *A, double *values)
{
    return LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'L', (lapack_int)n, A, (lapack_int)n, values) == 0 ? BM_OK : BM_NOT_PD;
}
