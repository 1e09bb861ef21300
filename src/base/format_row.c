/* format_row.c: what format.c writes, many numbers at once, for those that statistics are made of: 1e-4 <= |x| < 1e15, neither whole nor a power of two.
 *
 * A product of 64 by 64 bits scales x = c 2^-m by 10^n, n = ceil(log10 2^m): exactly, since powers of five have few bits there. The reals that round to x are
 * those within half a unit of c, w = 10^n 2^-(m+1) by then, 1/2 <= w < 5. So at most one multiple of 10 is among them, and is the shortest then; else it is the nearest
 * whole number, which always is. (That the last digit and the fraction decide is taken from yyjson, Guo 2020, and zmij, Zverovich 2025.) None of them is an end,
 * (2 c +- 1) w, since n < m + 1; where two are equally near, format.c decides. Digits are made eight at a time in the bytes of a word (Khuong 2017, How to print integers really
 * fast), and copied once before and once behind the point: hardly a branch depends on the number. All but the products is done for four numbers side by side. */
#include "base/base_priv.h"

#include <endian.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi"

enum { BATCH = 32, LANES = 4, E8 = 100000000 };

/* Four numbers side by side: gcc takes wider vectors of whole numbers to pieces where registers have 256 bits. */
typedef uint64_t u4 __attribute__((vector_size(32)));
typedef uint64_t unaligned_u4 __attribute__((vector_size(32), aligned(8), may_alias));
typedef double   v4 __attribute__((vector_size(32)));

/* Numbers on their way. Scaled by 10^n they are top 10^8 + low + fraction 2^-64; then top 10^8 + low are the decimals, sixteen digits or, with first, seventeen; then top
 * and low are text. */
typedef struct {
    uint64_t known[BATCH], c[BATCH], n[BATCH], scale[BATCH], first[BATCH], top[BATCH], low[BATCH], fraction[BATCH];
} batch;

static const uint64_t pow5[] = { 1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625, 48828125, 244140625, 1220703125, 6103515625, 30517578125,
    152587890625, 762939453125, 3814697265625, 19073486328125, 95367431640625 };

BM_INLINE u4 load(const void *x)
{
    return *(const unaligned_u4 *)x;
}

BM_INLINE void store(uint64_t *x, u4 v)
{
    *(unaligned_u4 *)x = v;
}

/* Products below 2^32. */
BM_INLINE u4 times(u4 v, uint32_t x)
{
    typedef uint32_t half __attribute__((vector_size(32)));

    return (u4)((half)v * x);
}

/* Masks of the sign, by arithmetic, since gcc compiles comparisons number by number. */
BM_INLINE u4 negative(u4 x)
{
    return -(x >> 63);
}

BM_INLINE u4 nonzero(u4 x)
{
    return negative(x | -x);
}

BM_INLINE void decode(batch *b, size_t i, u4 x)
{
    const uint64_t least = 0x3f1a36e2eb1c432d, end = 0x430c6bf526340000;     /* 1e-4 and 1e15 */
    u4 bits = x & 0x7fffffffffffffff, whole = (u4)(((v4)bits + 0x1p52) - 0x1p52), m, n;
    u4 known = negative(~(bits - least) & (bits - end)) & nonzero(bits ^ whole) & nonzero(bits << 12);

    bits = (bits & known) | (0x3ff8000000000000 & ~known);
    m = 1075 - (bits >> 52);                             /* c 2^-m */
    n = (times(m, 1262611) + 4194303) >> 22;             /* ceil(log10 2^m) */
    store(b->known + i, known);
    store(b->c + i, bits << 11 | 0x8000000000000000);    /* 2^11 c */
    store(b->n + i, n);
    store(b->scale + i, 53 + n - m);
}

BM_INLINE void multiply(batch *b, size_t i)
{
    uint64_t scale = pow5[b->n[i]] << b->scale[i], whole;
    bm_u128  x = (bm_u128)scale * b->c[i];

    whole = (uint64_t)(x >> 64);
    b->scale[i] = scale;
    b->fraction[i] = (uint64_t)x;
    b->top[i] = whole / E8;
    b->low[i] = whole - E8 * b->top[i];
}

/* v < 10^8 as eight digits, the first in the lowest byte. */
BM_INLINE u4 eight_digits(u4 v)
{
    u4 t = v * 109951163 >> 40;                          /* v / 10000, and so on: exact in their ranges */

    v = t | (v - times(t, 10000)) << 32;
    t = (times(v, 5243) >> 19) & 0x0000007f0000007f;
    v = t | (v - times(t, 100)) << 16;
    t = (times(v, 103) >> 10) & 0x000f000f000f000f;
    return t | (v - times(t, 10)) << 8;
}

BM_INLINE void decide(batch *b, size_t i)
{
    const uint64_t ten = (uint64_t)10 << 59;
    u4 top = load(b->top + i), low = load(b->low + i), fraction = load(b->fraction + i), last = low - times(low * 429496730 >> 32, 10);
    u4 rest = last << 59 | fraction >> 5, w = load(b->scale + i) << 5;       /* the last digit and the fraction, half a unit: in 2^-59 */
    u4 up = negative(ten - 1 - rest - w), shorter = up | negative(rest - w), carry, first;

    low += (((up & 10) - last) & shorter) | (fraction >> 63 & ~shorter);
    carry = ~negative(low - E8);
    low &= ~carry;
    top -= carry;
    first = top * 1441151881 >> 57;                      /* top / 10^8 */
    store(b->known + i, load(b->known + i) & nonzero(fraction ^ 0x8000000000000000));
    store(b->first + i, first);
    store(b->top + i, eight_digits(top - times(first, E8)));
    store(b->low + i, eight_digits(low));
}

BM_CLONES static void decimals(batch *b, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i += LANES) decode(b, i, load(x + i));
    for (size_t i = 0; i < n; i++) multiply(b, i);
    for (size_t i = 0; i < n; i += LANES) decide(b, i);
}

static inline void put(char *dst, bm_u128 bytes)
{
    uint64_t low = htole64((uint64_t)bytes), high = htole64((uint64_t)(bytes >> 64));

    memcpy(dst, &low, 8);
    memcpy(dst + 8, &high, 8);
}

/* Number i, |x| = 0.00ddd or ddd.ddd, without the zeros behind. */
static inline char *put_digits(char *dst, const batch *b, size_t i)
{
    const uint64_t ascii = 0x3030303030303030;
    uint64_t       top = b->top[i], low = b->low[i], first = b->first[i];
    bm_u128        text = (bm_u128)(low | ascii) << 64 | (top | ascii);
    /* more: is there a seventeenth digit? x: exponent of the first one; point: where it goes, behind all digits where x < 0; n: digits of text. */
    int            more = first != 0, x = 15 + more - (int)b->n[i], small = -(x < 0), point = ((x + 1) & ~small) | (17 & small), n = 0;

    if (low) n = 16 - (int)((unsigned)__builtin_clzll(low) / 8);
    else if (top) n = 8 - (int)((unsigned)__builtin_clzll(top) / 8);
    memset(dst, '0', 8);
    dst[1] = '.';
    dst += (1 - x) & small;
    *dst = (char)('0' + first);
    put(dst + more, text);
    dst[point] = '.';
    put(dst + point + 1, text >> (8 * (point - more) & 127));
    return dst + more + n + 1 + small;
}

static char *format_batch(char *dst, const double *x, size_t n)
{
    batch b;

    decimals(&b, x, (n + LANES - 1) & ~(size_t)(LANES - 1));
    for (size_t i = 0; i < n; i++) {
        *dst++ = ',';
        if (b.known[i]) {
            *dst = '-';
            dst = put_digits(dst + (x[i] < 0), &b, i);
        } else {
            dst += bm_format_double(dst, x[i]);
        }
    }
    return dst;
}

char *bm_format_row(char *dst, const double *x, size_t n)
{
    for (size_t at = 0, m; at < n; at += m) {
        double part[BATCH] = { 0 };

        m = n - at < BATCH ? n - at : BATCH;
        memcpy(part, x + at, m * sizeof *x);
        dst = format_batch(dst, part, m);
    }
    return dst;
}
