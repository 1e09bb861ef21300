/* v8.h: eight doubles side by side, for loops that a compiler does not make so by itself. GCC's vector extension lowers a v8 to one AVX-512, two AVX2 or
 * four SSE2 registers. Included by .c files only; what takes or returns a v8 is to be inlined (BM_INLINE): there is no ABI to differ then. */
#ifndef BM_V8_H
#define BM_V8_H

#include "base/base.h"

#include <stdint.h>

#pragma GCC diagnostic ignored "-Wpsabi"

enum { V8_LANES = 8 };
typedef double  v8 __attribute__((vector_size(64)));
typedef double  unaligned_v8 __attribute__((vector_size(64), aligned(8), may_alias));
typedef int64_t i8 __attribute__((vector_size(64)));
typedef uint64_t u8 __attribute__((vector_size(64)));

/* Not memcpy: gcc makes a detour by the stack of it where a v8 is more than one register. */
BM_INLINE v8 v8_load(const double *x)
{
    return *(const unaligned_v8 *)x;
}

BM_INLINE void v8_store(double *x, v8 v)
{
    *(unaligned_v8 *)x = v;
}

BM_INLINE v8 v8_splat(double x)
{
    return (v8){ x, x, x, x, x, x, x, x };
}

/* By way of memory, which the compiler sees through; lanes taken out one by one stay so. */
BM_INLINE v8 v8_sqrt(v8 x)
{
    double y[V8_LANES];

    v8_store(y, x);
    for (int l = 0; l < V8_LANES; l++) y[l] = __builtin_sqrt(y[l]);
    return v8_load(y);
}

/* a where the mask (of a comparison) is set, b elsewhere. */
BM_INLINE v8 v8_choose(i8 mask, v8 a, v8 b)
{
    return (v8)(((i8)a & mask) | ((i8)b & ~mask));
}

#endif
