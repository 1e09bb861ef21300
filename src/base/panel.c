/* panel.c: panels, columns side by side with rows below them: factors, products and solutions, small ones by hand, larger ones by BLAS. */
#include "base/base_priv.h"

#include <math.h>

/* Below this many multiplications a call of BLAS costs more than it saves. */
static const size_t FEW = 2000;
static const double UNIT = 1, MINUS = -1, NOTHING = 0;

/* BLAS for so many multiplications, NULL where the loops here are used. */
static const bm_blas *blas_for(size_t multiplications)
{
    return multiplications >= FEW ? bm_blas_get() : NULL;
}

BM_CLONES static bm_status panel_small(size_t h, size_t w, double *P)
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
    const bm_blas *blas = w > BM_DENSE_PANEL ? bm_blas_get() : NULL;
    int            height = (int)h, width = (int)w, below = (int)(h - w), info;

    if (!blas) return panel_small(h, w, P);
    blas->potrf("L", &width, P, &height, &info, 1);
    if (info != 0) return BM_NOT_PD;
    for (size_t i = 0; i < w; i++)
        if (!(P[i + i * h] > 0) || !isfinite(P[i + i * h])) return BM_NOT_PD;
    if (h > w) blas->trsm("R", "L", "T", "N", &below, &width, &UNIT, P, &height, P + w, &height, 1, 1, 1, 1);
    return BM_OK;
}

BM_CLONES static void outer_small(size_t n, size_t k, const double *A, size_t lda, double *C)
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
    const bm_blas *blas = blas_for(n * n * k);
    int            size = (int)n, columns = (int)k, ld = (int)lda;

    if (blas) blas->syrk("L", "N", &size, &columns, &UNIT, A, &ld, &NOTHING, C, &size, 1, 1);
    else outer_small(n, k, A, lda, C);
}

void bm_solve_right(size_t m, size_t n, const double *C, size_t ldc, double *X, size_t ldx)
{
    const bm_blas *blas = blas_for(m * n * n);
    int            rows = (int)m, columns = (int)n, lda = (int)ldc, ldb = (int)ldx;

    if (blas) {
        blas->trsm("R", "L", "N", "N", &rows, &columns, &UNIT, C, &lda, X, &ldb, 1, 1, 1, 1);
        return;
    }
    for (size_t j = n; j-- > 0;) {
        double *x = X + j * ldx, inv = 1 / C[j + j * ldc];

        for (size_t k = j + 1; k < n; k++)
            for (size_t i = 0; i < m; i++) x[i] -= X[i + k * ldx] * C[k + j * ldc];
        for (size_t i = 0; i < m; i++) x[i] *= inv;
    }
}

void bm_product_minus(size_t m, size_t n, const double *S, const double *B, size_t ldb, double *C, size_t ldc)
{
    const bm_blas *blas = blas_for(m * m * n);
    int            rows = (int)m, columns = (int)n, lb = (int)ldb, lc = (int)ldc;

    if (blas) {
        blas->gemm("N", "N", &rows, &columns, &rows, &MINUS, S, &rows, B, &lb, &NOTHING, C, &lc, 1, 1);
        return;
    }
    for (size_t j = 0; j < n; j++) {
        const double *b = B + j * ldb;
        double       *c = C + j * ldc;

        for (size_t i = 0; i < m; i++) c[i] = 0;
        for (size_t k = 0; k < m; k++)
            for (size_t i = 0; i < m; i++) c[i] -= S[i + k * m] * b[k];
    }
}

void bm_gemm_minus(size_t n, size_t m, const double *A, size_t lda, const double *B, size_t ldb, double *C)
{
    const bm_blas *blas = blas_for(n * n * m);
    int            size = (int)n, rows = (int)m, la = (int)lda, lb = (int)ldb;

    if (blas) {
        blas->gemm("T", "N", &size, &size, &rows, &MINUS, A, &la, B, &lb, &UNIT, C, &size, 1, 1);
        return;
    }
    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) C[i + j * n] -= bm_dot(m, A + i * lda, B + j * ldb);
}
