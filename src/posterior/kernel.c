/* kernel.c: which of the kernels' widths runs, and the room that all of them want. */
#include "posterior/kernel_priv.h"

#include <stdatomic.h>

static bm_kernel_pass *const *const widths[] = {
    [BM_SIMD_BASELINE] = bm_kernel_baseline,
#ifdef BM_KERNEL_WIDER
    [BM_SIMD_AVX2] = bm_kernel_avx2,
    [BM_SIMD_AVX512] = bm_kernel_avx512,
#endif
};

static atomic_int limit = BM_SIMD_AVX512;

size_t bm_kernel_scratch(size_t q, size_t p)
{
    size_t p1 = p + 1, panel = p1 > BM_KERNEL_WIDE ? BM_KERNEL_PANEL * q * p1 : 0, rows = p1 > BM_KERNEL_WIDEST ? 0 : BM_KERNEL_ROWS * (p1 + 1) + p1 * (p1 + 1) / 2;

    return (5 * q * q + 4 * q + q * p1 + (panel > rows ? panel : rows)) * BM_LANES + 64;
}

bm_simd bm_kernel_simd(void)
{
    bm_simd most = BM_SIMD_BASELINE, allowed = (bm_simd)atomic_load_explicit(&limit, memory_order_relaxed);

#ifdef BM_KERNEL_WIDER
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) most = BM_SIMD_AVX2;
    if (most == BM_SIMD_AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        most = BM_SIMD_AVX512;
#endif
    return most < allowed ? most : allowed;
}

void bm_kernel_limit(bm_simd most)
{
    atomic_store(&limit, (int)most);
}

double bm_kernel_run(bm_pass what, const bm_kernel_job *job)
{
    return widths[bm_kernel_simd()][what](job);
}
