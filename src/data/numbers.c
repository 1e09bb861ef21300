/* numbers.c: short decimal numbers, the usual cells, eight side by side in SIMD registers and without a branch (the steps for one are those of Lemire's
 * fast_float and of simdjson). A number of at most 16 characters, [-]digits[.digits], is a whole number below 2^53 over a power of ten up to 10^15: both are
 * doubles, so one rounding is all there is (Clinger 1990). Whatever else a cell is, it is left to the caller.
 *
 * Conditions are kept in a sign bit, and masks are made of it by arithmetic: comparisons of vectors wider than the oldest machine's registers are compiled
 * number by number. */
#include "data/data_priv.h"

#include <math.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi"     /* every function that takes a vector is inlined: there is no ABI to differ */

enum { LANES = BM_NUMBER_LANES };
typedef uint64_t u64x8 __attribute__((vector_size(64)));
typedef uint16_t u16x32 __attribute__((vector_size(64)));
typedef double   f64x8 __attribute__((vector_size(64)));

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte))
#define ALL(x) ((u64x8){ 0 } + (uint64_t)(x))
#define ALL_DOUBLE(x) ((u64x8)((f64x8){ 0 } + (double)(x)))

enum { MINUS = '-' ^ '0', POINT = '.' ^ '0' };               /* characters are taken as digits: xor '0' */

/* All bits where the sign bit is set. */
BM_INLINE u64x8 by_sign(u64x8 v)
{
    return -(v >> 63);
}

BM_INLINE u64x8 non_zero(u64x8 v)
{
    return by_sign(v | -v);
}

BM_INLINE u64x8 pick(u64x8 mask, u64x8 yes, u64x8 no)
{
    return (mask & yes) | (~mask & no);
}

BM_INLINE f64x8 factor(u64x8 bits, double yes)
{
    return (f64x8)pick(non_zero(bits), ALL_DOUBLE(yes), ALL_DOUBLE(1));
}

/* 1 in the lowest byte that is a point, or 0. */
BM_INLINE u64x8 point_of(u64x8 v)
{
    u64x8 t = v ^ EACH(POINT), z = (t - EACH(1)) & ~t & EACH(0x80);          /* true zeros, and perhaps bytes above one */

    return (z & -z) >> 7;
}

/* The point goes, and what is before it moves up by a byte. */
BM_INLINE u64x8 close_up(u64x8 v, u64x8 one)
{
    u64x8 below = one - 1, at = (one << 8) - one;

    return ((v & below) << 8) | (v & ~(below | at));
}

/* The value of eight digits, the first in the lowest byte; the sign of *bad: some are none. */
BM_INLINE f64x8 eight_digits(u64x8 v, u64x8 *bad)
{
    u64x8 high, wrong = ((v + EACH(0x76)) | v) & EACH(0x80);
    f64x8 magic = (f64x8)ALL_DOUBLE(0x1p52);

    *bad |= wrong | -wrong;
    v = ((v << 3) + (v << 1) + (v >> 8)) & 0x00ff00ff00ff00ff;
    v = ((u64x8)((u16x32)v * 100) + (v >> 16)) & 0x0000ffff0000ffff;
    high = v & 0xffffffff;                                   /* the first four */
    return ((f64x8)(high | (u64x8)magic) - magic) * 1e4 + ((f64x8)((v >> 32) | (u64x8)magic) - magic);
}

/* 10^decimals, from where the point is. */
BM_INLINE f64x8 scale_of(u64x8 low, u64x8 high)
{
    u64x8 one = low | high;
    f64x8 s = factor(one & 0x0001000100010001, 10) * factor(one & 0x0000010100000101, 100) * factor(one & 0x0000000001010101, 1e4);

    return s * factor(low, 1e8);
}

/* Words that end with the numbers' last characters, and the words before those (not looked at where !wide). */
BM_INLINE f64x8 read_eight(u64x8 before, u64x8 word, u64x8 length, u64x8 bad, bool wide)
{
    const uint64_t most = wide ? 16 : 8;
    u64x8          low = before ^ EACH('0'), high = word ^ EACH('0'), start = (most - length) * 8, first, keep, negative, low_point = ALL(0), high_point, in_high, in_low;
    f64x8          x;

    bad |= most - length;
    first = high >> (start & 63);
    if (wide) first = pick(by_sign(start - 64), low >> (start & 63), first);
    negative = by_sign(((first & 0xff) ^ MINUS) - 1);
    start += negative & 8;                                   /* the first digit */
    keep = ~(uint64_t)0 << (start & 63);
    if (wide) {
        u64x8 two = by_sign(start - 64);                     /* the digits begin in the first word */

        low &= two & keep;
        keep |= two;
        low_point = point_of(low);
    }
    high &= keep;
    in_low = non_zero(low_point);
    high_point = point_of(high) & ~in_low;
    in_high = non_zero(high_point);
    bad |= length + negative + in_high + in_low - 1;         /* there are digits */
    high = pick(in_high, close_up(high, high_point) | (wide ? low >> 56 : ALL(0)), high);
    x = eight_digits(high, &bad);
    if (wide) {
        low = pick(in_low, close_up(low, low_point), pick(in_high, low << 8, low));
        x += eight_digits(low, &bad) * 1e8;                  /* a multiple of 256: exact */
        bad |= ALL_DOUBLE(0x1p53) - 1 - (u64x8)x;
    }
    x /= scale_of(low_point, high_point);
    return (f64x8)pick(by_sign(bad), ALL_DOUBLE(NAN), (u64x8)x | (negative & (uint64_t)1 << 63));
}

BM_INLINE uint64_t word_at(const char *s)
{
    uint64_t w;

    memcpy(&w, s, sizeof w);
    return w;
}

/* Eight words that end at to[l] - back; from offset 16 on, before which there is nothing. */
BM_INLINE u64x8 words(const char *buf, const uint64_t *to, size_t back)
{
    uint64_t at[LANES];

    for (int l = 0; l < LANES; l++) at[l] = (to[l] < 16 ? 16 : to[l]) - back - 8;
    return (u64x8){ word_at(buf + at[0]), word_at(buf + at[1]), word_at(buf + at[2]), word_at(buf + at[3]),
                    word_at(buf + at[4]), word_at(buf + at[5]), word_at(buf + at[6]), word_at(buf + at[7]) };
}

BM_CLONES static void short_numbers(const char *buf, const uint64_t *from, const uint64_t *to, size_t n, double *x)
{
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    (void)buf, (void)from, (void)to;
    for (size_t i = 0; i < n; i++) x[i] = NAN;
    return;
#endif
    for (size_t i = 0; i < n; i += LANES) {
        u64x8    begin, end, length, bad;
        uint64_t any = 0;
        f64x8    got;

        memcpy(&begin, from + i, sizeof begin);
        memcpy(&end, to + i, sizeof end);
        length = end - begin;
        bad = end - 16;
        for (int l = 0; l < LANES; l++) any |= to[i + l] - from[i + l] - 1;          /* above 7: one is empty or longer than 8 */
        if (any <= 7) got = read_eight(ALL(0), words(buf, to + i, 0), length, bad, false);
        else got = read_eight(words(buf, to + i, 8), words(buf, to + i, 0), length, bad, true);
        memcpy(x + i, &got, sizeof got);
    }
}

void bm_short_numbers(const char *buf, const uint64_t *from, const uint64_t *to, size_t n, double *x)
{
    short_numbers(buf, from, to, n, x);
}
