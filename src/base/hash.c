/* hash.c: XXH64 with seed 0, by pieces (Y. Collet, "xxHash fast digest algorithm", version 0.1.1): it says whether a fit
 * was made from this file. */
#include "base/base.h"

#include <string.h>

static const uint64_t P1 = 11400714785074694791u, P2 = 14029467366897019727u, P3 = 1609587929392839161u,
                      P4 = 9650029242287828579u, P5 = 2870177450012600261u;

static inline uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

static inline uint64_t read_64(const unsigned char *s)
{
    uint64_t x;

    memcpy(&x, s, sizeof x);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

static inline uint64_t mix(uint64_t v, uint64_t x)
{
    return rotl(v + x * P2, 31) * P1;
}

static inline void stripe(uint64_t v[4], const unsigned char *s)
{
    for (int i = 0; i < 4; i++) v[i] = mix(v[i], read_64(s + 8 * i));
}

void bm_hash_start(bm_hash *h)
{
    *h = (bm_hash){ .v = { P1 + P2, P2, 0, 0 - P1 } };
}

void bm_hash_add(bm_hash *h, const void *data, size_t n)
{
    const unsigned char *s = data;
    size_t               first = h->n ? sizeof h->tail - h->n : 0;

    if (n == 0) return;
    h->total += n;
    if (first > n) first = n;
    memcpy(h->tail + h->n, s, first);
    h->n += first;
    s += first;
    n -= first;
    if (h->n == sizeof h->tail) {
        stripe(h->v, h->tail);
        h->n = 0;
    }
    for (; n >= sizeof h->tail; n -= sizeof h->tail, s += sizeof h->tail) stripe(h->v, s);
    memcpy(h->tail + h->n, s, n);
    h->n += n;
}

uint64_t bm_hash_value(const bm_hash *h)
{
    const unsigned char *s = h->tail, *end = s + h->n;
    uint64_t             x = P5;

    if (h->total >= sizeof h->tail) {
        x = rotl(h->v[0], 1) + rotl(h->v[1], 7) + rotl(h->v[2], 12) + rotl(h->v[3], 18);
        for (int i = 0; i < 4; i++) x = (x ^ mix(0, h->v[i])) * P1 + P4;
    }
    x += h->total;
    for (; end - s >= 8; s += 8) x = rotl(x ^ mix(0, read_64(s)), 27) * P1 + P4;
    if (end - s >= 4) {
        uint64_t four = s[0] | (uint64_t)s[1] << 8 | (uint64_t)s[2] << 16 | (uint64_t)s[3] << 24;

        x = rotl(x ^ four * P1, 23) * P2 + P3;
        s += 4;
    }
    for (; s < end; s++) x = rotl(x ^ *s * P5, 11) * P1;
    x = (x ^ x >> 33) * P2;
    x = (x ^ x >> 29) * P3;
    return x ^ x >> 32;
}
