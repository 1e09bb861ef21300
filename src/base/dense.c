/* dense.c: Cholesky factors, triangular solves, eigenvalues. Column-major, lower triangles. Small ones by hand (a call to LAPACK costs more than a
 * 4 x 4 factorisation), larger ones by LAPACK. */
#include "base/base_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double UNIT = 1, MINUS = -1;

/* BLAS for matrices of n columns, NULL where the loops here are used. */
static const bm_blas *blas_for(size_t n)
{
    return n > BM_DENSE_SMALL ? bm_blas_get() : NULL;
}

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
    const bm_blas *blas = blas_for(n);
    int            size = (int)n, info;

    if (!blas) return chol_small(n, A);
    blas->potrf("L", &size, A, &size, &info, 1);
    if (info != 0) return BM_NOT_PD;
    for (size_t i = 0; i < n; i++)
        if (!(A[i + i * n] > 0) || !isfinite(A[i + i * n])) return BM_NOT_PD;
    return BM_OK;
}

/* C^-1 in place, leading dimension ld: the last column first. */
BM_CLONES static void triangle_small(size_t n, double *C, size_t ld)
{
    for (size_t j = n; j-- > 0;) {
        double *restrict x = C + j * ld, scale = x[j] = 1 / x[j];

        for (size_t k = n; k-- > j + 1;) {           /* x <- -(inverse of what stands right of it) x / C_jj */
            const double *c = C + k * ld;
            double        v = -scale * x[k];

            for (size_t i = k + 1; i < n; i++) x[i] += v * c[i];
            x[k] = v * c[k];
        }
    }
}

/* C^-1 in place by halves: [A 0; B D]^-1 = [A^-1 0; -D^-1 B A^-1 D^-1]. (OpenBLAS's dtrtri does its small blocks one vector at a time.) */
static void triangle(const bm_blas *blas, size_t n, double *C, size_t ld)
{
    size_t  half = n / 2;
    double *B = C + half, *D = C + half * (ld + 1);
    int     rows = (int)(n - half), columns = (int)half, stride = (int)ld;

    if (!blas || n <= BM_DENSE_PANEL) {
        triangle_small(n, C, ld);
        return;
    }
    blas->trsm("L", "L", "N", "N", &rows, &columns, &MINUS, D, &stride, B, &stride, 1, 1, 1, 1);
    blas->trsm("R", "L", "N", "N", &rows, &columns, &UNIT, C, &stride, B, &stride, 1, 1, 1, 1);
    triangle(blas, half, C, ld);
    triangle(blas, n - half, D, ld);
}

/* (C C')^-1 = C'^-1 C^-1 from C^-1, in place: an entry needs only what stands below it. */
static void square_small(size_t n, double *A)
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) {
            double v = 0;

            for (size_t k = i; k < n; k++) v += A[k + i * n] * A[k + j * n];
            A[i + j * n] = v;
        }
}

void bm_chol_inverse(size_t n, double *A)
{
    const bm_blas *blas = n > BM_DENSE_PANEL ? bm_blas_get() : NULL;
    int            size = (int)n, info;

    triangle(blas, n, A, n);
    if (blas) blas->lauum("L", &size, A, &size, &info, 1);
    else square_small(n, A);
}

void bm_solve_lower(size_t n, size_t m, const double *C, double *X)
{
    const bm_blas *blas = m > 1 ? blas_for(n) : NULL;
    int            size = (int)n, columns = (int)m;

    if (blas) {
        blas->trsm("L", "L", "N", "N", &size, &columns, &UNIT, C, &size, X, &size, 1, 1, 1, 1);
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
    const bm_blas *blas = m > 1 ? blas_for(n) : NULL;
    int            size = (int)n, columns = (int)m;

    if (blas) {
        blas->trsm("L", "L", "T", "N", &size, &columns, &UNIT, C, &size, X, &size, 1, 1, 1, 1);
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
    const bm_blas *blas = blas_for(n);
    int            size = (int)n, rows = (int)k, lda = (int)ld;

    if (blas) {
        blas->syrk("L", "T", &size, &rows, &alpha, A, &lda, &UNIT, C, &size, 1, 1);
        return;
    }
    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) C[i + j * n] += alpha * bm_dot(k, A + i * ld, A + j * ld);
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

/* Jacobi's cyclic method. V: n x n scratch. */
static bm_status eigen_jacobi(size_t n, double *A, double *V, double *values)
{
    enum { SWEEPS = 60 };
    double norm = 0;

    memset(V, 0, n * n * sizeof *V);
    for (size_t j = 0; j < n; j++) {
        V[j + j * n] = 1;
        for (size_t i = j; i < n; i++) {
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
    const bm_blas *blas = blas_for(n);
    double         small[BM_DENSE_SMALL * BM_DENSE_SMALL], *work = small;
    size_t         need = blas ? 34 * n : n * n;     /* LAPACK's blocks of 32 rows, and 2 */
    int            size = (int)n, lwork = (int)need, info = 0;
    bm_status      st;

    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++)
            if (!isfinite(A[i + j * n])) return BM_NOT_PD;
    if (n > BM_DENSE_SMALL && !(work = bm_alloc(need, sizeof *work))) return BM_ENOMEM;
    if (blas) {
        blas->syev("V", "L", &size, A, &size, values, work, &lwork, &info, 1, 1);
        st = info == 0 ? BM_OK : BM_NOT_PD;
    } else st = eigen_jacobi(n, A, work, values);
    if (work != small) free(work);
    return st;
}
