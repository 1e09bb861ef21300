/* kernel_avx2.c: the passes in registers of 4 numbers, AVX2's. */
#include "posterior/kernel_priv.h"

#ifdef BM_KERNEL_WIDER
#define LANES 4
#define KEPT 6
#define WIDTH 2
#define HEIGHT 6
#define TRIANGLE 4
#define TARGET "arch=x86-64-v3"
#define WIDE 64
#define PASSES bm_kernel_avx2
#include "posterior/kernel_passes.h"
#endif
