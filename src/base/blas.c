/* blas.c: BLAS and LAPACK for large matrices, through the Fortran interface, which every implementation has. */
#include "base/base_priv.h"

#include <pthread.h>
#include <stdatomic.h>

static pthread_mutex_t          lock = PTHREAD_MUTEX_INITIALIZER;
static bm_blas                  blas;
static _Atomic(const bm_blas *) ready;               /* &blas, once it is filled */

const bm_blas *bm_blas_get(void)
{
    return ready;
}

static bm_status fill(bm_error *err)
{
    void (*threads)(int), *library = bm_library("BMIXED_BLAS", "libopenblas.so.0", "BLAS and LAPACK", "libopenblas0", err);
    const struct { const char *name; void *f; } functions[] = {
        { "dpotrf_", &blas.potrf }, { "dlauum_", &blas.lauum }, { "dsyev_", &blas.syev }, { "dtrsm_", &blas.trsm },
        { "dsyrk_", &blas.syrk },   { "dgemm_", &blas.gemm },
    };

    if (!library) return BM_ELIBRARY;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (bm_library_function(library, functions[i].name, functions[i].f, err) != BM_OK) return BM_ELIBRARY;
    /* One thread: chains run in threads of their own, and small factorisations lose by sharing. */
    if (bm_library_function(library, "openblas_set_num_threads", &threads, NULL) == BM_OK) threads(1);
    ready = &blas;
    return BM_OK;
}

bm_status bm_blas_load(bm_error *err)
{
    bm_status st;

    pthread_mutex_lock(&lock);
    st = ready ? BM_OK : fill(err);
    pthread_mutex_unlock(&lock);
    return st;
}
