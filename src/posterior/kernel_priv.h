/* kernel_priv.h: the passes of kernel.h by width of register: one table of functions each, from the same text (kernel_passes.h). */
#ifndef BM_KERNEL_PRIV_H
#define BM_KERNEL_PRIV_H

#include "posterior/kernel.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BM_KERNEL_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BM_KERNEL_SANITIZED
#endif

/* The same code three times, and for each small q: with a sanitizer, which has nothing more to see in the others, they would take minutes to compile. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(BM_KERNEL_SANITIZED)
#define BM_KERNEL_WIDER
#endif

typedef double bm_kernel_pass(const bm_kernel_job *job);

extern bm_kernel_pass *const bm_kernel_baseline[BM_PASSES];
#ifdef BM_KERNEL_WIDER
extern bm_kernel_pass *const bm_kernel_avx2[BM_PASSES], *const bm_kernel_avx512[BM_PASSES];
#endif

/* Of eval. */
enum {
    BM_KERNEL_ROWS = 32,       /* of F, whose products are summed in registers before they are added: at least BM_QMAX */
    BM_KERNEL_PANEL = 16,      /* where p is large: batches whose F are gathered for one call of dsyrk */
    BM_KERNEL_WIDE = 40,       /* columns up to which no width of register leaves the products to BLAS */
    BM_KERNEL_WIDEST = 128     /* columns beyond which every width does */
};

#endif
