/* format.c: numbers to the shortest decimal text that reads back as the same double; of several, the one nearest to it.
 *
 * Schubfach: R. Giulietti, "The Schubfach way to render doubles" (2020), sections 7-9, with the 128-bit tables of
 * pow10.c: a double c 2^q owns the interval of reals that round to it; scaled by the power of ten just below the
 * interval's width, four candidates are left. */
#include "base/base_priv.h"

#include <math.h>
#include <string.h>

typedef struct { uint64_t digits; int exponent; } shortest;      /* digits 10^exponent */

/* floor(g x 2^-128), its last bit set where anything was cut off below it (so that comparisons stay right); g <= 2^128 -
 * 1. */
static inline uint64_t round_to_odd(bm_pow10 g, uint64_t x)
{
    bm_u128  a = (bm_u128)g.lo * x, b = (bm_u128)g.hi * x + (uint64_t)(a >> 64);
    uint64_t low = (uint64_t)b;

    return (uint64_t)(b >> 64) | (low > 1);
}

/* 10^k rounded up, as the proof needs it. */
static inline bm_pow10 pow10_up(int k)
{
    bm_pow10 g = bm_pow10_table[k - BM_POW10_MIN];

    if (k < 0 || k > BM_POW10_EXACT)
        if (++g.lo == 0) g.hi++;
    return g;
}

/* x = c 2^q > 0. At a power of two (but the smallest) the double below is only half as far away as the one above. */
static shortest schubfach(uint64_t c, int q, bool near_below)
{
    int            k = (int)(((int64_t)q * 1262611 - (near_below ? 524031 : 0)) >> 22);     /* floor(log10 of its width) */
    int            h = q + bm_log2_pow10(-k) + 1;
    const bm_pow10 g = pow10_up(-k);
    uint64_t       left = round_to_odd(g, (4 * c - 2 + near_below) << h), right = round_to_odd(g, (4 * c + 2) << h);
    uint64_t       x = round_to_odd(g, (4 * c) << h), s = x / 4, mid;
    uint64_t       lower = left + (c & 1), upper = right - (c & 1);           /* ends belong to even c (ties to even) */
    bool           down, up;

    if (s >= 10) {
        uint64_t t = s / 10;

        down = lower <= 40 * t;
        up = 40 * t + 40 <= upper;
        if (down != up) return (shortest){ t + up, k + 1 };
    }
    down = lower <= 4 * s;
    up = 4 * s + 4 <= upper;
    if (down != up) return (shortest){ s + up, k };
    mid = 4 * s + 2;
    return (shortest){ s + (x > mid || (x == mid && (s & 1))), k };
}

static const char two_digits[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* Writes v right-aligned so that it ends before end; returns its start. */
static inline char *write_digits(char *end, uint64_t v)
{
    while (v >= 100) {
        end -= 2;
        memcpy(end, two_digits + 2 * (v % 100), 2);
        v /= 100;
    }
    if (v >= 10) {
        end -= 2;
        memcpy(end, two_digits + 2 * v, 2);
    } else {
        *--end = (char)('0' + v);
    }
    return end;
}

static size_t write_integer(char *dst, uint64_t v)
{
    char   text[24], *end = text + sizeof text, *s = write_digits(end, v);
    size_t n = (size_t)(end - s);

    memcpy(dst, s, n);
    return n;
}

static inline void strip_zeros(shortest *d)
{
    if (d->digits % 100000000 == 0) {                /* numbers of few digits, the usual data, end in many */
        d->digits /= 100000000;
        d->exponent += 8;
    }
    while (d->digits % 100 == 0) {
        d->digits /= 100;
        d->exponent += 2;
    }
    if (d->digits % 10 == 0) {
        d->digits /= 10;
        d->exponent++;
    }
}

/* d.ddde-07, at least two digits in the exponent as printf has it. */
static size_t write_scientific(char *dst, const char *s, int n, int x)
{
    char *p = dst;

    *p++ = s[0];
    if (n > 1) {
        *p++ = '.';
        memcpy(p, s + 1, (size_t)n - 1);
        p += n - 1;
    }
    *p++ = 'e';
    *p++ = x < 0 ? '-' : '+';
    if (x < 0) x = -x;
    if (x >= 100) *p++ = (char)('0' + x / 100);
    memcpy(p, two_digits + 2 * (x % 100), 2);
    return (size_t)(p + 2 - dst);
}

/* Copies have fixed lengths where what is too much fits and is overwritten: digits then cost no call. s: with SPARE bytes behind its n <= 17 digits; dst: of
 * BM_NUMBER_MAX, one perhaps taken by a sign. */
enum { DIGITS = 20, SPARE = 24 };

static size_t write_plain(char *dst, const char *s, int n, int x)
{
    char *p = dst;

    if (x < 0) {
        memcpy(p, "0.000", 5);                       /* x >= -4. NOLINT(bugprone-not-null-terminated-result): the caller ends the text */
        p += 1 - x;
        memcpy(p, s, SPARE);                         /* 1 + 5 + 24 < 32 */
        return (size_t)(p + n - dst);
    }
    if (n <= x + 1) {
        memcpy(p, s, (size_t)n);
        memset(p + n, '0', (size_t)(x + 1 - n));
        return (size_t)x + 1;
    }
    if (x < 12) {
        memcpy(p, s, 16);
        memcpy(p + x + 2, s + x + 1, 16);            /* 1 + 13 + 16 < 32 */
    } else {
        memcpy(p, s, (size_t)x + 1);
        memcpy(p + x + 2, s + x + 1, (size_t)(n - x - 1));
    }
    p[x + 1] = '.';
    return (size_t)n + 1;
}

/* The shorter of the two forms where they may differ either way; otherwise as %g. */
static size_t write_decimal(char *dst, shortest d)
{
    char  text[DIGITS + SPARE + 1] = { 0 }, *end = text + DIGITS, *s = write_digits(end, d.digits);
    int   n = (int)(end - s), x = d.exponent + n - 1;            /* x: of the first digit */

    if (x < -4 || x > 16) return write_scientific(dst, s, n, x);
    if (x >= 15 && (n > x + 1 ? n + 1 : x + 1) > n + (n > 1) + 4) return write_scientific(dst, s, n, x);
    return write_plain(dst, s, n, x);
}

size_t bm_format_double(char dst[BM_NUMBER_MAX], double x)
{
    uint64_t bits, m;
    int      field;
    char    *p = dst;
    size_t   n;

    memcpy(&bits, &x, sizeof bits);
    field = (int)(bits >> 52 & 0x7ff);
    m = bits & (((uint64_t)1 << 52) - 1);
    if (field == 0x7ff) {
        const char *s = m ? "NA" : bits >> 63 ? "-Inf" : "Inf";

        n = strlen(s);
        memcpy(dst, s, n + 1);
        return n;
    }
    if (bits >> 63) *p++ = '-';
    x = fabs(x);
    if (x < 1e15 && x == (double)(uint64_t)x) {
        n = write_integer(p, (uint64_t)x);
    } else {
        shortest d = field ? schubfach(m | (uint64_t)1 << 52, field - 1075, m == 0 && field > 1) : schubfach(m, -1074, false);

        strip_zeros(&d);
        n = write_decimal(p, d);
    }
    p[n] = '\0';
    return (size_t)(p - dst) + n;
}
