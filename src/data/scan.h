/* scan.h: the bytes of a delimited text that matter, 64 at a time. */
#ifndef BM_SCAN_H
#define BM_SCAN_H

#include "data/data_priv.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BM_SCAN_PAD = 64 };           /* bytes that may be looked at behind the last one */

/* Bit i: s[i] is the delimiter, a newline or a quote. */
static inline uint64_t bm_find_specials(const char *s, char delim)
{
    uint64_t m = 0;

#ifdef __SSE2__
    const __m128i d = _mm_set1_epi8(delim), nl = _mm_set1_epi8('\n'), q = _mm_set1_epi8('"');

    for (int i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + 16 * i));
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, d), _mm_cmpeq_epi8(v, nl)), _mm_cmpeq_epi8(v, q));

        m |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << (16 * i);
    }
#else
    for (int i = 0; i < 64; i++) m |= (uint64_t)(s[i] == delim || s[i] == '\n' || s[i] == '"') << i;
#endif
    return m;
}

#endif
