/* number.c: decimal text to numbers, correctly rounded (to nearest, ties to even) and independent of the locale.
 *
 * Three ways, each tried only where the one before cannot decide:
 *  1. At most 2^53 times or over a power of ten up to 10^22: both are doubles, so one rounding is all there is (Clinger
 *     1990, PLDI: How to read floating point numbers accurately).
 *  2. The decimal lies between two products of 64 and 128 bits; where both ends round to the same double, that is it. The
 *     idea is that of Eisel and Lemire (Lemire 2021, Software: Practice and Experience 51:1700), the interval our own.
 *  3. The two neighbouring doubles are known by then; all digits are compared with the point half-way between them in
 *     unlimited integers. */
#include "base/base_priv.h"

#include <math.h>
#include <string.h>

/* value = w 10^q, or between w 10^q and (w + 1) 10^q where digits were cut off. */
typedef struct {
    uint64_t    w;
    long long   q;
    bool        negative, cut;
    const char *first, *end;    /* the digits and the point, from the first non-zero digit */
    long long   q_end;          /* exponent of the last of all digits */
} decimal;

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Eight digits at once (Lemire's fast_float, parse_eight_digits; here for little-endian machines). */
static inline bool eight_in(uint64_t v, uint64_t *out)
{
    if (((v & 0xf0f0f0f0f0f0f0f0) | (((v + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4)) != 0x3333333333333333) return false;
    v -= 0x3030303030303030;
    v = v * 10 + (v >> 8);
    v = ((v & 0x000000ff000000ff) * 0x000f424000000064 + ((v >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >> 32;
    *out = (uint32_t)v;
    return true;
}

static inline bool eight_digits(const char *s, uint64_t *out)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t v;

    memcpy(&v, s, 8);
    return eight_in(v, out);
#else
    uint64_t v = 0;

    for (int i = 0; i < 8; i++) {
        if (!is_digit(s[i])) return false;
        v = v * 10 + (uint64_t)(s[i] - '0');
    }
    *out = v;
    return true;
#endif
}

static inline const char *digits(const char *s, const char *end, uint64_t *w)
{
    uint64_t v = *w, eight;

    while (end - s >= 8 && eight_digits(s, &eight)) {
        v = v * 100000000 + eight;
        s += 8;
    }
    for (; s < end && is_digit(*s); s++) v = v * 10 + (uint64_t)(*s - '0');
    *w = v;
    return s;
}

/* e[+-]digits up to the end; the value stops growing where nothing finite or non-zero is left. */
static bool exponent(const char *s, const char *end, long long *e)
{
    bool      negative = false;
    long long v = 0;

    if (s < end && (*s == '+' || *s == '-')) negative = *s++ == '-';
    if (s == end) return false;
    for (; s < end; s++) {
        if (!is_digit(*s)) return false;
        if (v < 1000000000000000) v = v * 10 + (*s - '0');
    }
    *e = negative ? -v : v;
    return true;
}

/* Keeps the first 19 of more digits (leading zeros do not count). */
static void keep_19(decimal *d)
{
    const char *s = d->first;
    int         n = 0;
    long long   left = 0;

    d->w = 0;
    for (; s < d->end && n < 19; s++)
        if (*s != '.') {
            d->w = d->w * 10 + (uint64_t)(*s - '0');
            n++;
        }
    for (; s < d->end; s++)
        if (*s != '.') {
            left++;
            if (*s != '0') d->cut = true;
        }
    d->q = d->q_end + left;
}

static bool scan(const char *s, const char *end, decimal *d)
{
    const char *start, *point = NULL, *p;
    uint64_t    w = 0;
    long long   e = 0;
    ptrdiff_t   n;

    d->negative = s < end && *s == '-';
    d->cut = false;
    if (s < end && (*s == '-' || *s == '+')) s++;
    start = s;
    p = digits(s, end, &w);
    n = p - start;
    if (p < end && *p == '.') {
        point = p + 1;
        p = digits(point, end, &w);
        n += p - point;
    }
    if (n == 0) return false;
    d->first = start;
    d->end = p;
    if (p < end && ((*p != 'e' && *p != 'E') || !exponent(p + 1, end, &e))) return false;
    d->w = w;
    d->q = d->q_end = point ? e - (d->end - point) : e;
    if (n > 19) {
        while (d->first < d->end && (*d->first == '0' || *d->first == '.')) d->first++;
        keep_19(d);
    }
    return true;
}

/* The bits of the double nearest to (a + a bit where sticky) 2^e; a has its top bit set. 0x7ff0... where it overflows. */
static uint64_t round_bits(bm_u128 a, bool sticky, int e)
{
    int      top = e + 127, shift = 128 - 53;
    uint64_t m, bits;
    bm_u128  rest, half;

    if (top > 1023) return (uint64_t)0x7ff << 52;
    if (top < -1022) shift += -1022 - top;           /* subnormal: fewer bits are kept */
    if (shift > 128) return 0;
    m = shift < 128 ? (uint64_t)(a >> shift) : 0;
    rest = shift < 128 ? a - ((bm_u128)m << shift) : a;
    half = (bm_u128)1 << (shift - 1);
    if (rest > half || (rest == half && (sticky || (m & 1)))) m++;
    bits = top < -1022 ? 0 : (uint64_t)(top + 1022) << 52;
    return bits + m;                                 /* the hidden bit, or a carry, raises the exponent */
}

static uint64_t round_shifted(bm_u128 a, bool sticky, int e)
{
    return a >> 127 ? round_bits(a, sticky, e) : round_bits(a << 1, sticky, e - 1);
}

/* The doubles (as bits) that the smallest and the largest value in question round to. */
static void enclose(const decimal *d, uint64_t *low, uint64_t *high)
{
    int            q = (int)d->q, lead = __builtin_clzll(d->w), e = bm_pow10_exp(q) + 64 - lead;
    const bm_pow10 p = bm_pow10_table[q - BM_POW10_MIN];
    uint64_t       w = d->w << lead;
    bm_u128        a = (bm_u128)w * p.hi, b = (bm_u128)w * p.lo, slack = 0;
    bool           exact = q >= 0 && q <= BM_POW10_EXACT && !d->cut;

    a += b >> 64;                                    /* w P = a 2^64 + the lower half of b */
    *low = round_shifted(a, (uint64_t)b != 0, e);
    if (exact) {
        *high = *low;
        return;
    }
    if (!(q >= 0 && q <= BM_POW10_EXACT)) slack = 2;                         /* w (P + 1) < (a + 2) 2^64 */
    if (d->cut) slack += ((bm_u128)1 << (64 + lead)) + 2;                    /* 2^lead (P + 1) <= 2^(lead + 128) */
    if (a + slack < a) *high = round_bits((a + slack) >> 1 | (bm_u128)1 << 127, true, e + 1);
    else *high = round_shifted(a + slack, true, e);
}

/* ---- unlimited integers, for the last way ---- */

enum { LIMBS = 192, MAX_DIGITS = 800 };              /* the point half-way between two doubles has at most 767 digits */
typedef struct { size_t n; uint32_t v[LIMBS]; } big; /* 6144 bits; the largest met have about 5200 */

static void big_mul_add(big *b, uint32_t m, uint32_t add)
{
    uint64_t carry = add;

    for (size_t i = 0; i < b->n; i++) {
        carry += (uint64_t)b->v[i] * m;
        b->v[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry) b->v[b->n++] = (uint32_t)carry;
}

static void big_mul_pow5(big *b, long long k)
{
    for (; k >= 13; k -= 13) big_mul_add(b, 1220703125, 0);
    for (; k > 0; k--) big_mul_add(b, 5, 0);
}

static void big_shift(big *b, long long k)
{
    size_t limbs = (size_t)(k / 32);

    big_mul_add(b, (uint32_t)1 << (k % 32), 0);
    memmove(b->v + limbs, b->v, b->n * sizeof *b->v);
    memset(b->v, 0, limbs * sizeof *b->v);
    b->n += limbs;
}

static int big_compare(const big *a, const big *b)
{
    if (a->n != b->n) return a->n > b->n ? 1 : -1;
    for (size_t i = a->n; i-- > 0;)
        if (a->v[i] != b->v[i]) return a->v[i] > b->v[i] ? 1 : -1;
    return 0;
}

/* All digits (as far as they can matter) as an integer; *q its exponent; true if a non-zero digit was left out. */
static bool big_digits(big *b, const decimal *d, long long *q)
{
    long long n = 0, left = 0;
    bool      more = false;

    b->n = 0;
    for (const char *s = d->first; s < d->end; s++) {
        if (*s == '.') continue;
        if (n < MAX_DIGITS) {
            big_mul_add(b, 10, (uint32_t)(*s - '0'));
            n += b->n > 0;
        } else {
            left++;
            more |= *s != '0';
        }
    }
    *q = d->q_end + left;
    return more;
}

/* Sign of (decimal - the point half-way between the double with these bits and the next one up). */
static int compare_half(const decimal *d, uint64_t bits)
{
    int       field = (int)(bits >> 52);
    uint64_t  m = (bits & (((uint64_t)1 << 52) - 1)) | (field ? (uint64_t)1 << 52 : 0), h = 2 * m + 1;
    long long q, two, e = (field ? field : 1) - 1075 - 1;
    big       left, right = { .n = 2, .v = { (uint32_t)h, (uint32_t)(h >> 32) } };
    bool      more = big_digits(&left, d, &q);
    int       sign;

    if (!right.v[1]) right.n = 1;
    if (q >= 0) big_mul_pow5(&left, q);              /* digits 5^q 2^q against h 2^e */
    else big_mul_pow5(&right, -q);
    two = q - e;
    if (two >= 0) big_shift(&left, two);
    else big_shift(&right, -two);
    sign = big_compare(&left, &right);
    return sign == 0 && more ? 1 : sign;
}

static uint64_t nearest_bits(const decimal *d)
{
    uint64_t low, high;
    int      sign;

    enclose(d, &low, &high);
    if (low == high) return low;
    sign = compare_half(d, low);
    return low + (sign > 0 || (sign == 0 && (low & 1)));
}

static const double exact_pow10[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/* The last n of eight bytes, 0 < n <= 8, behind zeros. */
static inline uint64_t last_of(uint64_t bytes, size_t n)
{
    return bytes >> (64 - 8 * n) << (64 - 8 * n) | (n < 8 ? 0x3030303030303030 >> 8 * n : 0);
}

static inline uint64_t word(const char *s)
{
    uint64_t v;

    memcpy(&v, s, 8);
    return v;
}

/* w 10^-f, w > 0, 0 < f < 20, by the second way, with one rounding. False where the upper end might round otherwise. */
static inline bool scale_down(uint64_t w, size_t f, double *out)
{
    int            lead = __builtin_clzll(w), e = bm_pow10_exp(-(int)f) + 64 - lead, low;
    const bm_pow10 p = bm_pow10_table[-(int)f - BM_POW10_MIN];
    bm_u128        a = (bm_u128)(w << lead) * p.hi + (uint64_t)((bm_u128)(w << lead) * p.lo >> 64);
    uint64_t       top, rest, bits;

    low = !(a >> 127);
    a <<= low;
    e -= low;
    top = (uint64_t)(a >> 64);
    rest = top & 0x7ff;
    if ((rest == 0x3ff && (uint64_t)a >= (uint64_t)-8) || (rest == 0x400 && (uint64_t)a < 8)) return false;
    bits = ((uint64_t)(e + 127 + 1022) << 52) + (top >> 11) + (rest >> 10);
    memcpy(out, &bits, sizeof bits);
    return true;
}

/* What most draws look like, [-]ddd.ddddddddddddd: one to seven digits, a point, nine digits or more, nineteen at most in all but a zero before the point. The digits are read in whole
 * words, so that no branch depends on how many there are. False: something else. */
static inline bool long_decimal(const char *s, size_t n, double *out)
{
    static const uint64_t pow10[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000 };
    bool        negative = *s == '-';
    const char *end = s + n;
    uint64_t    head = word(s += negative), dots = head ^ 0x2e2e2e2e2e2e2e2e, whole, some, more, middle = 0, w;
    size_t      before, f, left;
    double      x;

    dots = (dots - 0x0101010101010101) & ~dots & 0x8080808080808080;
    if (!dots) return false;
    before = (size_t)__builtin_ctzll(dots) / 8;
    f = (size_t)(end - s) - before - 1;
    if (before == 0 || f < 9 || f > 19 || before + f > 20) return false;
    left = f - 8;
    if (!eight_in(last_of(head << (64 - 8 * before), before), &whole) || !eight_in(word(s + before + 1), &some)) return false;
    if (left > 8) {
        if (!eight_in(word(s + before + 9), &middle)) return false;
        left -= 8;
    }
    if (!eight_in(last_of(word(end - 8), left), &more)) return false;
    if (before + f == 20 && whole) return false;
    w = whole * 100000000 + some;
    if (f > 16) w = w * 100000000 + middle;
    w = w * pow10[left] + more;
    if (w == 0 || !scale_down(w, f, &x)) return false;
    *out = negative ? -x : x;
    return true;
}

#else

static bool long_decimal(const char *s, size_t n, double *out)
{
    return (void)s, (void)n, (void)out, false;
}

#endif

static __attribute__((noinline)) bool any_decimal(const char *s, size_t n, double *out)
{
    decimal  d;
    uint64_t bits = 0;
    double   x;

    if (!scan(s, s + n, &d)) return false;
    if (!d.cut && d.w <= (uint64_t)1 << 53 && d.q >= -22 && d.q <= 22) {
        x = (double)d.w;
        x = d.q < 0 ? x / exact_pow10[-d.q] : x * exact_pow10[d.q];
    } else {
        if (d.w != 0 && d.q > 308) return false;
        if (d.w != 0 && d.q >= BM_POW10_MIN) bits = nearest_bits(&d);        /* else less than half the smallest double */
        if (bits >> 52 == 0x7ff) return false;
        memcpy(&x, &bits, sizeof x);
    }
    *out = d.negative ? -x : x;
    return true;
}

bool bm_parse_double(const char *s, size_t n, double *out)
{
    return (n >= 12 && n <= 22 && long_decimal(s, n, out)) || any_decimal(s, n, out);
}

bool bm_parse_int(const char *s, long long lo, long long hi, long long *out)
{
    bool      negative = *s == '-';
    long long v = 0;

    if (*s == '-' || *s == '+') s++;
    if (!*s) return false;
    for (; *s; s++) {
        if (!is_digit(*s)) return false;
        if (__builtin_mul_overflow(v, 10, &v)) return false;
        if (__builtin_add_overflow(v, negative ? '0' - *s : *s - '0', &v)) return false;
    }
    if (v < lo || v > hi) return false;
    *out = v;
    return true;
}
