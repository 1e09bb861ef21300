/* kernel_baseline.c: the passes in registers of two numbers, which every machine has. */
#include "posterior/kernel_priv.h"

#define LANES 2
#define KEPT 4
#define WIDTH 2
#define HEIGHT 5
#define TRIANGLE 4
#define WIDE 40
#define PASSES bm_kernel_baseline
#include "posterior/kernel_passes.h"
