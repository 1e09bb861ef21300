/* base_priv.h: what the files of this room share. */
#ifndef BM_BASE_PRIV_H
#define BM_BASE_PRIV_H

#include "base/base.h"

__extension__ typedef unsigned __int128 bm_u128;

/* 10^k = (hi 2^64 + lo + a bit) 2^r, r = bm_pow10_exp(k): truncated to 128 bits, the top one set; exact for 0 <= k <= 55
 * (pow10.c). */
enum { BM_POW10_MIN = -343, BM_POW10_MAX = 324, BM_POW10_EXACT = 55 };
typedef struct { uint64_t hi, lo; } bm_pow10;
extern const bm_pow10 bm_pow10_table[BM_POW10_MAX - BM_POW10_MIN + 1];

/* floor(log2 10^k), exact for |k| <= 1650. The shift of a negative number is arithmetic in gcc and clang. */
static inline int bm_log2_pow10(int k)
{
    return (int)(((int64_t)k * 1741647) >> 19);
}

static inline int bm_pow10_exp(int k)
{
    return bm_log2_pow10(k) - 127;
}

/* Columns from which LAPACK factorises and inverts panels. */
enum { BM_DENSE_PANEL = 64 };

/* Column-major; sizes by address; the length of every text argument at the end, as Fortran compilers pass it. */
typedef struct {
    void (*potrf)(const char *uplo, const int *n, double *A, const int *lda, int *info, size_t);
    void (*lauum)(const char *uplo, const int *n, double *A, const int *lda, int *info, size_t);
    void (*syev)(const char *job, const char *uplo, const int *n, double *A, const int *lda, double *values, double *work, const int *lwork, int *info,
                 size_t, size_t);
    void (*trsm)(const char *side, const char *uplo, const char *trans, const char *diag, const int *m, const int *n, const double *alpha,
                 const double *A, const int *lda, double *B, const int *ldb, size_t, size_t, size_t, size_t);
    void (*syrk)(const char *uplo, const char *trans, const int *n, const int *k, const double *alpha, const double *A, const int *lda,
                 const double *beta, double *C, const int *ldc, size_t, size_t);
    void (*gemm)(const char *transa, const char *transb, const int *m, const int *n, const int *k, const double *alpha, const double *A, const int *lda,
                 const double *B, const int *ldb, const double *beta, double *C, const int *ldc, size_t, size_t);
} bm_blas;
const bm_blas *bm_blas_get(void);                    /* NULL before bm_blas_load */

#endif
