/* kernel_avx512.c: the passes in registers of 8 numbers, AVX-512's. */
#include "posterior/kernel_priv.h"

#ifdef BM_KERNEL_WIDER
#define LANES 8
#define KEPT 6
#define WIDTH 4
#define HEIGHT 6
#define TRIANGLE 6
#define TARGET "arch=x86-64-v4"
#define WIDE 128
#define PASSES bm_kernel_avx512
#include "posterior/kernel_passes.h"
#endif
