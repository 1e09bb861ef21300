/* kernel_passes.h: the passes of kernel.h for one width of register. Included by kernel_baseline.c, kernel_avx2.c and kernel_avx512.c, which define
 *     LANES    numbers in a register: groups side by side
 *     TARGET   the machine compiled for, unless it is the compiler's own
 *     KEPT     q (4 or 6) up to which the bodies are compiled for each, and what is small is kept in registers or on the stack
 *     WIDTH, HEIGHT, TRIANGLE    tiles of sums (kernel_gram.h)
 *     WIDE     columns of D beyond which BLAS is faster
 *     PASSES   the table's name */
#include "base/base.h"

#include <math.h>
#include <string.h>

/* What is declared from here on is for that machine: gcc splits a register's operations by the machine of the function that they are written in, not of
 * the one that it is inlined into. */
#ifdef TARGET
#define PRAGMA(x) _Pragma(#x)
#ifdef __clang__
#define FOR_TARGET(name) PRAGMA(clang attribute push(__attribute__((target(name))), apply_to = function))
#else
#define FOR_TARGET(name) PRAGMA(GCC target(name))
#endif
FOR_TARGET(TARGET)
#endif

#include "posterior/kernel_lanes.h"
#include "posterior/kernel_factor.h"
#include "posterior/kernel_gram.h"
#include "posterior/kernel_eval.h"
#include "posterior/kernel_gradient.h"
#include "posterior/kernel_effects.h"

#if KEPT == 6
#define UP_TO_KEPT(name) case 5: return name##_body(5, a); case 6: return name##_body(6, a);
#elif KEPT == 4
#define UP_TO_KEPT(name)
#endif

#ifdef BM_KERNEL_SANITIZED
#define PASS(name) static double name(const bm_kernel_job *a) { return name##_body(a->pack->q, a); }
#else
#define PASS(name) \
    static double name(const bm_kernel_job *a) \
    { \
        switch (a->pack->q) { \
        case 1: return name##_body(1, a); \
        case 2: return name##_body(2, a); \
        case 3: return name##_body(3, a); \
        case 4: return name##_body(4, a); \
        UP_TO_KEPT(name) \
        default: return name##_body(a->pack->q, a); \
        } \
    }
#endif

PASS(eval)
PASS(gradient)
PASS(effects)
PASS(moments)

bm_kernel_pass *const PASSES[BM_PASSES] = { eval, gradient, effects, moments };

#if defined(TARGET) && defined(__clang__)
#pragma clang attribute pop
#endif
