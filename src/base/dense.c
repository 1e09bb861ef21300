/* dense.c: Cholesky factors and triangular solves. Column-major, lower triangles. Small ones by hand (a call to LAPACK costs more than a
 * 4 x 4 factorisation), larger ones by LAPACK. The only file that sees <cblas.h>, which does not compile beside GSL's. */
#include "base/base.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

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

/* Rotates rows and columns k < l of A and columns of V so that A[l, k] becomes 0 (Golub & Van Loan 2013, 8.5.2). */
static void rotate(size_t n, double *A, double *V, size_t k, size_t l)
{
    double tau = (A[l + l * n] - A[k + k * n]) / (2 * A[l + k * n]);
    double t = (tau >= 0 ? 1 : -1) / (fabs(tau) + hypot(1, tau)), c = 1 / sqrt(1 + t * t), s = t * c;

    for (size_t i = 0; i < n; i++) {
        double x = A[i + k * n], y = A[i + l * n], v = V[i + k * n], w = V[i + l * n];

        A[i + k * n] = c * x - s * y;
        A[i + l * n] = s * x + c * y;
        V[i + k * n] = c * v - s * w;
        V[i + l * n] = s * v + c * w;
    }
    for (size_t i = 0; i < n; i++) {
        double x = A[k + i * n], y = A[l + i * n];

        A[k + i * n] = c * x - s * y;
        A[l + i * n] = s * x + c * y;
    }
    A[l + k * n] = A[k + l * n] = 0;
}

/* Moves the smallest remaining eigenvalue to the front, again and again. */
static void sort_eigen(size_t n, double *V, double *values)
{
    for (size_t j = 0; j + 1 < n; j++) {
        size_t least = j;

        for (size_t i = j + 1; i < n; i++)
            if (values[i] < values[least]) least = i;
        double v = values[j];
        values[j] = values[least];
        values[least] = v;
        for (size_t i = 0; i < n; i++) {
            v = V[i + j * n];
            V[i + j * n] = V[i + least * n];
            V[i + least * n] = v;
        }
    }
}

/* Jacobi's cyclic method: a first call of LAPACK would wake up OpenBLAS's threads, which costs more than a small fit. */
static bm_status eigen_small(size_t n, double *A, double *values)
{
    enum { SWEEPS = 60 };
    double V[SMALL * SMALL] = { 0 }, norm = 0;

    for (size_t j = 0; j < n; j++) {
        V[j + j * n] = 1;
        for (size_t i = j; i < n; i++) {
            if (!isfinite(A[i + j * n])) return BM_NOT_PD;
            A[j + i * n] = A[i + j * n];             /* the lower triangle counts */
            norm = fmax(norm, fabs(A[i + j * n]));
        }
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        bool done = true;

        for (size_t k = 0; k + 1 < n; k++)
            for (size_t l = k + 1; l < n; l++) {
                double off = fabs(A[l + k * n]);

                if (off <= 1e-17 * sqrt(fabs(A[k + k * n])) * sqrt(fabs(A[l + l * n])) || off <= 1e-22 * norm) continue;
                rotate(n, A, V, k, l);
                done = false;
            }
        if (!done) continue;
        for (size_t j = 0; j < n; j++) values[j] = A[j + j * n];
        sort_eigen(n, V, values);
        memcpy(A, V, n * n * sizeof *A);
        return BM_OK;
    }
    return BM_NOT_PD;
}

bm_status bm_eigen(size_t n, double *A, double *values)
{
    if (n <= SMALL) return eigen_small(n, A, values);
    return LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'L', (lapack_int)n, A, (lapack_int)n, values) == 0 ? BM_OK : BM_NOT_PD;
}
