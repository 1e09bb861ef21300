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

#endif
