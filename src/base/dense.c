/* dense.c: Cholesky factors and triangular solves. Column-major, lower triangles. Small ones by hand (a call to LAPACK costs more than a
 * 4 x 4 factorisation), larger ones by LAPACK. The only file that sees <cblas.h>, which does not compile beside GSL's. */
#include "base/base.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GNUC__) && !defined(__clang__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

enum { SMALL = 24, PANEL = 64 };

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

/* C^-1, column by column, then (C C')^-1 = C'^-1 C^-1, row by row of its factors. */
CLONES static void inverse_small(size_t n, double *A)
{
    for (size_t j = 0; j < n; j++) {
        double *x = A + j * n, v[PANEL] = { 0 };

        v[j] = 1;                                    /* C v = e_j, C of the columns from j on, which are not overwritten yet */
        for (size_t k = j; k < n; k++) {
            const double *c = A + k * n;
            double        d = v[k] / c[k];

            v[k] = d;
            for (size_t i = k + 1; i < n; i++) v[i] -= d * c[i];
        }
        for (size_t i = j; i < n; i++) x[i] = v[i];
    }
    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) {
            double v = 0;

            for (size_t k = i; k < n; k++) v += A[k + i * n] * A[k + j * n];
            A[i + j * n] = v;                        /* of column j only rows above i have been used up */
        }
}

void bm_chol_inverse(size_t n, double *A)
{
    if (n <= PANEL) {
        inverse_small(n, A);
        return;
    }
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

/* ---- panels: columns side by side with rows below them ---- */

/* Below this many multiplications a call of BLAS costs more than it saves. */
static const size_t FEW = 2000;

CLONES static bm_status panel_small(size_t h, size_t w, double *P)
{
    for (size_t j = 0; j < w; j++) {
        double *pj = P + j * h;

        if (!(pj[j] > 0) || !isfinite(pj[j])) return BM_NOT_PD;
        double d = sqrt(pj[j]), inv = 1 / d;
        pj[j] = d;
        for (size_t i = j + 1; i < h; i++) pj[i] *= inv;
        for (size_t k = j + 1; k < w; k++) {
            double *restrict pk = P + k * h, l = pj[k];

            for (size_t i = k; i < h; i++) pk[i] -= l * pj[i];
        }
    }
    return BM_OK;
}

bm_status bm_chol_panel(size_t h, size_t w, double *P)
{
    if (w <= PANEL) return panel_small(h, w, P);
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', (lapack_int)w, P, (lapack_int)h) != 0) return BM_NOT_PD;
    for (size_t i = 0; i < w; i++)
        if (!(P[i + i * h] > 0) || !isfinite(P[i + i * h])) return BM_NOT_PD;
    if (h > w) cblas_dtrsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)(h - w), (int)w, 1.0, P, (int)h, P + w, (int)h);
    return BM_OK;
}

CLONES static void outer_small(size_t n, size_t k, const double *A, size_t lda, double *C)
{
    for (size_t j = 0; j < n; j++) {
        double *restrict c = C + j * n;

        for (size_t i = j; i < n; i++) c[i] = A[i] * A[j];
        for (size_t l = 1; l < k; l++) {
            const double *a = A + l * lda, x = a[j];

            for (size_t i = j; i < n; i++) c[i] += a[i] * x;
        }
    }
}

void bm_outer_lower(size_t n, size_t k, const double *A, size_t lda, double *C)
{
    if (n * n * k < FEW) outer_small(n, k, A, lda, C);
    else cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, (int)n, (int)k, 1.0, A, (int)lda, 0.0, C, (int)n);
}

void bm_solve_right(size_t m, size_t n, const double *C, size_t ldc, double *X, size_t ldx)
{
    if (m * n * n >= FEW) {
        cblas_dtrsm(CblasColMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, (int)m, (int)n, 1.0, C, (int)ldc, X, (int)ldx);
        return;
    }
    for (size_t j = n; j-- > 0;) {
        double *x = X + j * ldx, inv = 1 / C[j + j * ldc];

        for (size_t k = j + 1; k < n; k++)
            for (size_t i = 0; i < m; i++) x[i] -= X[i + k * ldx] * C[k + j * ldc];
        for (size_t i = 0; i < m; i++) x[i] *= inv;
    }
}

void bm_symm_minus(size_t m, size_t n, const double *S, const double *B, size_t ldb, double *C, size_t ldc)
{
    if (m * m * n >= FEW) {
        cblas_dsymm(CblasColMajor, CblasLeft, CblasLower, (int)m, (int)n, -1.0, S, (int)m, B, (int)ldb, 0.0, C, (int)ldc);
        return;
    }
    for (size_t j = 0; j < n; j++) {
        const double *b = B + j * ldb;
        double       *c = C + j * ldc;

        for (size_t i = 0; i < m; i++) c[i] = 0;
        for (size_t k = 0; k < m; k++) {
            const double *s = S + k * m;
            double        v = s[k] * b[k];

            for (size_t i = k + 1; i < m; i++) {
                c[i] -= s[i] * b[k];
                v += s[i] * b[i];
            }
            c[k] -= v;
        }
    }
}

void bm_gemm_minus(size_t n, size_t m, const double *A, size_t lda, const double *B, size_t ldb, double *C)
{
    if (n * n * m >= FEW) {
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, (int)n, (int)n, (int)m, -1.0, A, (int)lda, B, (int)ldb, 1.0, C, (int)n);
        return;
    }
    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) C[i + j * n] -= bm_dot(m, A + i * lda, B + j * ldb);
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
