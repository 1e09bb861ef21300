/* test_number.c: parsing and formatting of numbers against the C library (in the C locale), and the table of powers
 * against its definition. */
#include "base/base_priv.h"
#include "testing.h"

#include "data/data_priv.h"

#include <float.h>
#include <limits.h>

static uint64_t next(uint64_t *s)                    /* xorshift64 (Marsaglia 2003) */
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    return *s ^= *s << 17;
}

static double from_bits(uint64_t b)
{
    double x;

    memcpy(&x, &b, sizeof x);
    return x;
}

static bool same(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static double parsed(const char *s)
{
    double x = NAN;

    if (!bm_parse_double(s, strlen(s), &x)) fail_msg("'%s' is not taken for a number", s);
    return x;
}

/* Bit for bit what strtod says, or refused where strtod overflows. */
static void agrees(const char *s)
{
    double want = strtod(s, NULL), got = NAN;
    bool   ok = bm_parse_double(s, strlen(s), &got);

    if (isinf(want)) {
        if (ok) fail_msg("'%s' overflows but was read as %.17g", s, got);
    } else if (!ok || !same(got, want)) {
        fail_msg("'%s': got %.17g (%d), want %.17g", s, got, ok, want);
    }
}

static void test_powers_of_ten_are_truncated_to_128_bits(void **state)
{
    enum { N = 80 };                                 /* limbs of 32 bits: 10^343 and 2^1400 fit */

    (void)state;
    for (int k = BM_POW10_MIN; k <= BM_POW10_MAX; k++) {
        bm_pow10 g = bm_pow10_table[k - BM_POW10_MIN];
        int      r = bm_pow10_exp(k), top = 0;
        uint32_t left[N] = { 0 }, right[N] = { 0 };
        bool     up_is_more = false, down_is_enough = true, exact = false;

        /* floor: g 2^r <= 10^k < (g + 1) 2^r, with everything moved to where it is an integer */
        assert_true(g.hi >> 63);
        for (int one = 0; one < 2; one++) {
            bm_u128 v = ((bm_u128)g.hi << 64 | g.lo) + one;
            int     shift = k >= 0 && r < 0 ? 0 : k >= 0 ? r : 0, other = r < 0 ? -r : 0;

            memset(left, 0, sizeof left);
            memset(right, 0, sizeof right);
            for (int i = 0; i < 5; i++) {            /* left = v 2^shift */
                uint64_t limb = i < 4 ? (uint32_t)(v >> (32 * i)) : v == 0;      /* v + 1 = 2^128 wraps to 0 */

                left[i + shift / 32] |= (uint32_t)(limb << (shift % 32));
                if (shift % 32) left[i + 1 + shift / 32] |= (uint32_t)(limb >> (32 - shift % 32));
            }
            right[other / 32] = (uint32_t)1 << (other % 32);
            for (int j = 0; j < abs(k); j++) {       /* times 10^|k|, on the side where it is not a fraction */
                uint64_t carry = 0;
                uint32_t *x = k >= 0 ? right : left;

                for (int i = 0; i < N; i++) {
                    carry += (uint64_t)x[i] * 10;
                    x[i] = (uint32_t)carry;
                    carry >>= 32;
                }
                assert_int_equal(carry, 0);
            }
            for (top = N - 1; top > 0 && left[top] == right[top];) top--;
            if (one) up_is_more = left[top] > right[top];
            else down_is_enough = left[top] <= right[top];
            if (!one) exact = left[top] == right[top];
        }
        assert_true(up_is_more);
        assert_true(down_is_enough);
        assert_int_equal(exact, k >= 0 && k <= BM_POW10_EXACT);
    }
}

static void test_parse_takes_the_grammar_and_nothing_else(void **state)
{
    static const char *const no[] = { "", "+", "-", ".", "-.", "e5", "1e", "1e+", "1e-", " 1", "1 ", "1,5", "1.2.3", "--1", "+-1", "0x1p3",
        "0x10", "Inf", "inf", "-Inf", "NaN", "nan", "NA", "1e5.0", "1_000", "1d5", "1f", "1e5x", "12345678x", "1234567x1", "1\t", "1e999", "-1e400",
        "1e99999999999999999999" };

    (void)state;
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        double x = 42;

        if (bm_parse_double(no[i], strlen(no[i]), &x)) fail_msg("'%s' is taken for %g", no[i], x);
        assert_true(x == 42);
    }
    assert_true(same(parsed("0"), 0.0));
    assert_true(same(parsed("-0"), -0.0));
    assert_true(same(parsed("-0e99999999999"), -0.0));
    assert_true(same(parsed("+1.5E+2"), 150.0));
    assert_true(same(parsed(".5"), 0.5));
    assert_true(same(parsed("5."), 5.0));
    assert_true(same(parsed("1e-99999999999999999999"), 0.0));
    assert_true(same(parsed("1e-400"), 0.0));
}

static void test_parse_refuses_from_half_a_unit_above_the_largest_double(void **state)
{
    char   text[400];
    double x = 42;

    (void)state;
    snprintf(text, sizeof text, "%.3Lf", 0x1.fffffffffffff8p1023L);
    assert_false(bm_parse_double(text, strlen(text), &x));
    text[308]--;                                     /* the last digit before the point, an even one */
    assert_true(bm_parse_double(text, strlen(text), &x) && x == DBL_MAX);
}

static void test_parse_reads_only_the_bytes_given(void **state)
{
    double x;

    (void)state;
    assert_true(bm_parse_double("1234567890123456789", 3, &x) && x == 123);
    assert_true(bm_parse_double("1.5e10", 3, &x) && x == 1.5);
    assert_false(bm_parse_double("1.5e10", 4, &x));
    for (size_t n = 1; n <= 40; n++) {               /* exact size: the address sanitizer sees a byte too many */
        char *s = malloc(n);

        assert_non_null(s);
        memset(s, '1', n);
        assert_true(bm_parse_double(s, n, &x));
        free(s);
    }
}

static void test_parse_agrees_with_strtod_on_hard_cases(void **state)
{
    static const char *const hard[] = { "2.2250738585072011e-308", "2.2250738585072012e-308", "2.2250738585072014e-308", "4.9406564584124654e-324",
        "2.4703282292062327208e-324", "2.4703282292062328e-324", "2.47032822920623272e-324", "1.7976931348623157e308", "1.7976931348623158e308",
        "1.7976931348623159e308", "9007199254740993", "9007199254740992.5", "9007199254740993.00000000000000000000000000000000000000000000000001",
        "9007199254740991e22", "9007199254740993e22", "1e22", "1e23", "8.5e22", "123456789012345678901234567890", "0.1", "0.3", "1e-7",
        "7.8459735791271921e65", "3.571e266", "3.08984926168550152811e-32", "6.9294956446009195e15", "0.000000000000000000000000000000000000001",
        "00000000000000000000000000000000000000000000123.4500000000000000000000000000000000000000000", "18446744073709551615",
        "18446744073709551616", "9999999999999999999", "10000000000000000000", "99999999999999999999", "1e308", "1e309", "1e-308", "1e-323", "1e-324",
        "0.500000000000000166533453693773481063544750213623046875", "3.518437208883201171875e13", "62.5364939768271845828", "8.10109172351e-10",
        "1.50000000000000011102230246251565", "30078505129381147446200", "1777820000000000000001", "0.0000000000000000000000000000000000000000000000" };

    (void)state;
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) agrees(hard[i]);
}

static void test_parse_agrees_with_strtod_on_random_decimals(void **state)
{
    uint64_t s = 20260101;

    (void)state;
    for (int t = 0; t < 300000; t++) {
        char text[1200], *p = text;
        int  n = 1 + (int)(next(&s) % (t % 50 == 0 ? 900 : t % 5 == 0 ? 40 : 19)), point = (int)(next(&s) % (n + 1));

        if (next(&s) % 2) *p++ = '-';
        for (int i = 0; i < n; i++) {
            if (i == point) *p++ = '.';
            *p++ = (char)('0' + next(&s) % 10);
        }
        *p = '\0';
        if (next(&s) % 3) sprintf(p, "e%d", (int)(next(&s) % 700) - 350);
        agrees(text);
    }
}

/* The exact decimal of the point half-way between neighbouring doubles (glibc prints it exactly), itself and one digit to
 * either side. */
static void test_parse_rounds_halfway_cases_to_even(void **state)
{
    uint64_t s = 7;

    (void)state;
    for (int t = 0; t < 4000; t++) {
        char        text[2000];
        uint64_t    b = t % 4 == 0 ? next(&s) >> 12 : t % 4 == 1 ? (next(&s) & 0x3fffffffffffff) | 0x3fe0000000000000 : next(&s) & 0x7fffffffffffffff;
        double      x = from_bits(b), y = from_bits(b + 1);
        long double half;

        if (!isfinite(x) || !isfinite(y)) continue;
        half = ((long double)x + (long double)y) / 2;                        /* exact: 64 bits */
        snprintf(text, sizeof text, "%.1100Le", half);
        assert_true(same(parsed(text), b & 1 ? y : x));
        agrees(text);
        char *e = strchr(text, 'e'), tail[16];
        strcpy(tail, e);
        sprintf(e, "1%s", tail);                     /* a little above */
        assert_true(same(parsed(text), y));
        agrees(text);
        for (char *p = e - 1;; p--)                  /* a little below: one unit less in the last non-zero digit */
            if (*p != '0' && *p != '.') {
                (*p)--;
                break;
            }
        strcpy(e, tail);
        assert_true(same(parsed(text), x));
        agrees(text);
    }
}

static void test_parse_rounds_long_integers_to_even(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {                 /* 2^53 + odd, as an integer, with .5's worth of zeros behind */
        char text[128];

        sprintf(text, "%lld.%0*d", (1LL << 53) + i, 1 + i % 60, 0);
        agrees(text);
        sprintf(text, "%lld.%0*d", (1LL << 53) + i, 1 + i % 60, 1);
        agrees(text);
        sprintf(text, "%lld%0*de-%d", (1LL << 53) + i, 1 + i % 60, 0, 1 + i % 60);
        agrees(text);
    }
}

/* [+-]digits with one point at most among them, and at least one digit. */
static bool is_plain_decimal(const char *s)
{
    size_t points = 0, n;

    s += *s == '-' || *s == '+';
    n = strspn(s, "0123456789.");
    for (const char *p = s; *p; p++) points += *p == '.';
    return s[n] == '\0' && points <= 1 && n > points;
}

/* Decimals as draws are written: every number of digits before and behind the point, shortest texts, and texts with something else among the digits. */
static void test_parse_decimals_of_draws(void **state)
{
    uint64_t s = 21;
    char     text[64], digits[32];
    double   x;

    (void)state;
    for (int before = 0; before <= 9; before++)
        for (int behind = before == 0; behind <= 22; behind++)
            for (int i = 0; i < 500; i++) {
                sprintf(digits, "%025llu", (unsigned long long)next(&s));
                sprintf(text, "%s%.*s.%.*s", i % 2 ? "-" : "", before, i % 5 ? digits + 25 - before : "000000000", behind, i % 7 ? digits + i % 6 : "0000000000000000000000");
                agrees(text);
                text[next(&s) % strlen(text)] = "+- ./:9e"[i % 8];
                if (strchr(text, 'e')) continue;
                if (is_plain_decimal(text)) agrees(text);
                else assert_false(bm_parse_double(text, strlen(text), &x));
            }
    for (int e = -12; e < 24; e++)
        for (int i = 0; i < 4000; i++) {
            x = ldexp(1 + (double)(next(&s) >> 12) * 0x1p-52, e);
            bm_format_double(text, i % 2 ? -x : x);
            agrees(text);
            snprintf(text, sizeof text, "%.*f", 10 + i % 10, x);
            agrees(text);
        }
}

static void test_format_has_the_promised_style(void **state)
{
    static const struct { double x; const char *text; } cases[] = { { 0, "0" }, { -0.0, "-0" }, { 250, "250" }, { -7, "-7" }, { 0.1, "0.1" },
        { 1.5, "1.5" }, { 100, "100" }, { 1e14, "100000000000000" }, { 123456789012345, "123456789012345" }, { 1234567890123456, "1234567890123456" },
        { 1e15, "1e+15" }, { 9007199254740993e0, "9007199254740992" }, { 1e16, "1e+16" }, { 12345678901234568, "12345678901234568" }, { 1e22, "1e+22" },
        { 1e23, "1e+23" }, { 0.001, "0.001" }, { 0.0001, "0.0001" }, { 0.00012345, "0.00012345" }, { 0.00001, "1e-05" }, { 1.5e-7, "1.5e-07" },
        { 1e-300, "1e-300" }, { DBL_MAX, "1.7976931348623157e+308" }, { DBL_MIN, "2.2250738585072014e-308" }, { 4.9406564584124654e-324, "5e-324" },
        { -123.456, "-123.456" }, { 1.0 / 3, "0.3333333333333333" }, { 2.0 / 3, "0.6666666666666666" }, { 5e-324 * 3, "1.5e-323" },
        { 249.56, "249.56" }, { 9007199254740991, "9007199254740991" }, { NAN, "NA" }, { INFINITY, "Inf" }, { -INFINITY, "-Inf" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char   s[BM_NUMBER_MAX];
        size_t n = bm_format_double(s, cases[i].x);

        assert_string_equal(s, cases[i].text);
        assert_int_equal(n, strlen(s));
    }
}

/* Shortest of the C library's texts that read back; ours reads back (by both parsers) and is no longer. */
static void round_trip(double x)
{
    char   s[BM_NUMBER_MAX], c[64];
    size_t n = bm_format_double(s, x);

    assert_int_equal(n, strlen(s));
    assert_true(n < BM_NUMBER_MAX);
    if (!same(strtod(s, NULL), x)) fail_msg("%.17g printed as %s", x, s);
    if (!same(parsed(s), x)) fail_msg("%.17g printed as %s, read back as %.17g", x, s, parsed(s));
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(c, sizeof c, "%.*g", digits, x);
        if (strtod(c, NULL) == x) break;
    }
    if (n > strlen(c)) fail_msg("%s is longer than %s", s, c);
}

static void test_format_random_bits_read_back_and_are_short(void **state)
{
    uint64_t s = 88172645463325252;

    (void)state;
    for (int i = 0; i < 1000000; i++) {
        double x = from_bits(next(&s));

        if (isfinite(x)) round_trip(x);
    }
}

static void test_format_ordinary_numbers_read_back_and_are_short(void **state)
{
    uint64_t s = 99;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        double u = (double)(next(&s) >> 11);

        round_trip(u * 0x1p-53);
        round_trip((double)(next(&s) % 100000000) / 10000);
        round_trip(u);
        round_trip(u * 16);
        round_trip(-u * 0x1p-60);
    }
}

/* Where the interval is lopsided, and at both ends of the range. */
static void test_format_powers_of_two_and_neighbours_read_back(void **state)
{
    (void)state;
    for (int e = -1074; e <= 1023; e++) {
        double x = ldexp(1, e);

        round_trip(x);
        round_trip(nextafter(x, INFINITY));
        if (e > -1074) round_trip(nextafter(x, 0));
    }
    for (int e = -323; e <= 308; e++) {
        char text[16];

        sprintf(text, "1e%d", e);
        double x = parsed(text);
        char   s[BM_NUMBER_MAX];

        round_trip(x);
        bm_format_double(s, x);
        if (e < -4 || e > 15) {
            sprintf(text, "1e%+03d", e);
            assert_string_equal(s, text);
        }
    }
    round_trip(DBL_MAX);
    round_trip(nextafter(DBL_MIN, 0));
}

/* Of the shortest texts the nearest: no other decimal with as many digits is closer (tried with the exact %.{n}e of the C
 * library). */
static void test_format_takes_the_nearest_of_the_shortest(void **state)
{
    uint64_t s = 3;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        double x = from_bits(next(&s) & 0x7fffffffffffffff);
        char   ours[BM_NUMBER_MAX], theirs[64], digits[64];
        int    n = 0;

        if (!isfinite(x)) continue;
        bm_format_double(ours, x);
        for (const char *p = ours; *p && *p != 'e'; p++)
            if (*p != '.') digits[n++] = *p;
        if (ours[0] == '0' || !strchr(ours, 'e')) continue;
        digits[n] = '\0';
        snprintf(theirs, sizeof theirs, "%.*e", n - 1, x);                   /* correctly rounded to n digits */
        if (strtod(theirs, NULL) == x) bm_assert_near(parsed(ours), parsed(theirs), 0);
        if (strtod(theirs, NULL) == x && n > 1 && memcmp(theirs + 2, digits + 1, (size_t)n - 1) != 0)
            fail_msg("%s is nearer than %s", theirs, ours);
    }
}

/* Rows are written another way than single numbers: every text must be the same. */
static void row_agrees(const double *x, size_t n)
{
    char *got = malloc(n * BM_NUMBER_MAX + BM_NUMBER_ROOM), *p = got, *end = bm_format_row(got, x, n);

    *end = '\0';
    for (size_t i = 0; i < n; i++) {
        char   s[BM_NUMBER_MAX];
        size_t len = bm_format_double(s, x[i]);

        if (*p != ',' || strncmp(p + 1, s, len) != 0 || (p[1 + len] && p[1 + len] != ',')) fail_msg("%s is written '%.30s' in a row", s, p);
        p += 1 + len;
    }
    assert_ptr_equal(p, end);
    free(got);
}

static void test_format_rows_of_any_length_hold_what_single_numbers_give(void **state)
{
    uint64_t s = 11;
    double   x[1000] = { 0 };

    (void)state;
    for (size_t n = 0; n < 100; n++) {
        for (size_t i = 0; i < n; i++) x[i] = i % 7 == 3 ? from_bits(next(&s)) : i % 7 == 5 ? (double)i : (double)(next(&s) >> 11) * 0x1p-50 - 4;
        row_agrees(x, n);
    }
    for (int e = -20; e < 55; e++)                       /* every exponent that has its own power of ten, with one more on either side */
        for (int i = 0; i < 40000; i += 1000) {
            for (int k = 0; k < 1000; k++) x[k] = ldexp(1 + (double)(next(&s) >> 12) * 0x1p-52, e) * (k % 2 ? -1 : 1);
            row_agrees(x, 1000);
        }
}

/* Few digits, carries (0.9999999999999999), both ends of the range, and halves between two decimals, which are to go to the even one. */
static void test_format_rows_at_the_edges_hold_what_single_numbers_give(void **state)
{
    uint64_t s = 5;
    double   x[64];

    (void)state;
    for (int e = -6; e <= 16; e++)
        for (int digits = 1; digits <= 17; digits++)
            for (int i = 0; i < 40; i++) {
                for (int k = 0; k < 64; k++) {
                    double whole = k < 40 ? (double)(next(&s) % (uint64_t)pow(10, digits)) : pow(10, digits) - 1;
                    double near = whole * pow(10, e - digits);

                    for (int steps = k % 8; steps > 0; steps--) near = nextafter(near, k % 16 < 8 ? 0 : INFINITY);
                    x[k] = near;
                }
                row_agrees(x, 64);
            }
    for (int i = 0; i < 20000; i++) {
        for (int k = 0; k < 64; k++) x[k] = (0x1p52 + (double)(next(&s) >> 12)) / (k % 2 ? 8 : 16);
        row_agrees(x, 64);
    }
    for (int e = -1074; e <= 1023; e++) {
        double p = ldexp(1, e), some[] = { p, nextafter(p, INFINITY), nextafter(p, 0), -p, NAN, INFINITY, -INFINITY, 0, -0.0 };

        row_agrees(some, sizeof some / sizeof *some);
    }
}

static void test_parse_int_minds_the_whole_text_and_the_range(void **state)
{
    long long v = 42;

    (void)state;
    assert_true(bm_parse_int("12", 0, 100, &v) && v == 12);
    assert_true(bm_parse_int("-5", -10, 10, &v) && v == -5);
    assert_true(bm_parse_int("+7", 0, 10, &v) && v == 7);
    assert_true(bm_parse_int("9223372036854775807", LLONG_MIN, LLONG_MAX, &v) && v == LLONG_MAX);
    assert_true(bm_parse_int("-9223372036854775808", LLONG_MIN, LLONG_MAX, &v) && v == LLONG_MIN);
    v = 42;
    assert_false(bm_parse_int("9223372036854775808", LLONG_MIN, LLONG_MAX, &v));
    assert_false(bm_parse_int("-9223372036854775809", LLONG_MIN, LLONG_MAX, &v));
    assert_false(bm_parse_int("99999999999999999999", LLONG_MIN, LLONG_MAX, &v));
    assert_false(bm_parse_int("101", 0, 100, &v));
    assert_false(bm_parse_int("-1", 0, 100, &v));
    assert_false(bm_parse_int("", 0, 100, &v));
    assert_false(bm_parse_int("-", 0, 100, &v));
    assert_false(bm_parse_int("1.0", 0, 100, &v));
    assert_false(bm_parse_int("1e2", 0, 100, &v));
    assert_false(bm_parse_int(" 1", 0, 100, &v));
    assert_false(bm_parse_int("1 ", 0, 100, &v));
    assert_false(bm_parse_int("0x10", 0, 100, &v));
    assert_int_equal(v, 42);
}

/* ---- short numbers, side by side ---- */

enum { CELLS = 8 * 64 };
typedef struct { char text[CELLS * 40]; uint64_t from[CELLS], to[CELLS]; size_t n; } cells;

/* What stands before a number must not matter. */
static void put_cell(cells *c, const char *text, size_t n, size_t at, char before)
{
    size_t from = c->n ? c->to[c->n - 1] + 1 : at;

    memset(c->text + (c->n ? c->to[c->n - 1] : 0), before, from - (c->n ? c->to[c->n - 1] : 0));
    memcpy(c->text + from, text, n);
    c->from[c->n] = from;
    c->to[c->n++] = from + n;
}

/* The same bits as strtod's for what bm_parse_double takes, or left to others; how many were read. */
static size_t check_cells(const cells *c)
{
    double x[CELLS];
    size_t taken = 0;

    assert_int_equal(c->n, CELLS);
    bm_short_numbers(c->text, c->from, c->to, CELLS, x);
    for (size_t i = 0; i < CELLS; i++) {
        size_t n = c->to[i] - c->from[i];
        char   text[64];
        double want, other;

        if (isnan(x[i])) continue;
        memcpy(text, c->text + c->from[i], n);
        text[n] = 0;
        want = strtod(text, NULL);
        if (!bm_parse_double(text, n, &other) || memcmp(&other, &want, sizeof want) != 0 || memcmp(&x[i], &want, sizeof want) != 0) {
            print_error("'%s': got %.17g, want %.17g\n", text, x[i], want);
            fail();
        }
        taken++;
    }
    return taken;
}

static size_t random_cell(bm_rng *r, char *text, size_t t)
{
    size_t n = 0, widest = t % 4 < 2 ? 5 : 10, whole = bm_rng_u64(r) % widest, part = bm_rng_u64(r) % widest;

    if (bm_rng_u64(r) % 2) text[n++] = '-';
    for (size_t i = 0; i < whole; i++) text[n++] = (char)('0' + bm_rng_u64(r) % 10);
    if (part || bm_rng_u64(r) % 5 == 0) text[n++] = '.';
    for (size_t i = 0; i < part; i++) text[n++] = (char)('0' + bm_rng_u64(r) % 10);
    if (bm_rng_u64(r) % 16 == 0 && n) text[bm_rng_u64(r) % n] = (char)(32 + bm_rng_u64(r) % 95);
    if (bm_rng_u64(r) % 64 == 0) n += (size_t)sprintf(text + n, "e%d", (int)(bm_rng_u64(r) % 40) - 20);
    return n;
}

static void test_short_numbers_side_by_side_are_those_of_strtod(void **state)
{
    static cells c;
    bm_rng       r;
    size_t       taken = 0, all = 0;

    (void)state;
    bm_rng_key(&r, 7, 8, 9);
    for (size_t t = 0; t < 4000; t++) {
        c.n = 0;
        while (c.n < CELLS) {
            char   text[64];
            size_t n = random_cell(&r, text, t);

            put_cell(&c, text, n, bm_rng_u64(&r) % 20, "9.-0,\n"[bm_rng_u64(&r) % 6]);
        }
        taken += check_cells(&c);
        all += c.n;
    }
    assert_int_equal(all, 2048000);
    assert_true(taken > all / 4 * 3);
}

/* Every length, sign and place of the point; what looks like a number and is none. */
static void test_short_numbers_of_every_shape_are_read(void **state)
{
    static const char *const odd[] = { "", "-", ".", "-.", "+1", "1e3", "1.2.3", "..", "--1", "-1-", "1-", "1 2", "1,5", "NA", "12:4", "1/2", "1;", "5.-", "-5..", " 1", "1 ",
                                       "99999999999999.99", "9007199254740993", "9999999999999999", "-9007199254740993", "\x80", "1\xb0", "\xff\xff" };
    static cells c;

    (void)state;
    for (int negative = 0; negative < 2; negative++)
        for (size_t n = 1; n + (size_t)negative <= 16; n++)
            for (size_t point = 0; point <= n; point++) {            /* n: there is none */
                char   text[24] = "-";
                double x[CELLS];

                if (n == 1 && point == 0) continue;
                for (size_t i = 0; i < n; i++) text[(size_t)negative + i] = i == point ? '.' : (char)(n == 16 ? '8' - (char)(i % 9) : '1' + (char)(i % 9));
                c.n = 0;
                while (c.n < CELLS) put_cell(&c, text, n + (size_t)negative, 16, "9.-"[c.n % 3]);
                assert_int_equal(check_cells(&c), CELLS);
                for (size_t m = 0; m < 2; m++) {                     /* the first number is too near the beginning to be looked at */
                    c.from[0] = m ? 3 : 0;
                    c.to[0] = c.from[0] + n;
                    bm_short_numbers(c.text, c.from, c.to, 8, x);
                    assert_true(isnan(x[0]) || c.to[0] >= 16);
                }
            }
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
        c.n = 0;
        while (c.n < CELLS) put_cell(&c, c.n % 3 ? "1.5" : odd[k], c.n % 3 ? 3 : strlen(odd[k]), 16, '7');
        assert_int_equal(check_cells(&c), CELLS - (CELLS + 2) / 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_powers_of_ten_are_truncated_to_128_bits),
        cmocka_unit_test(test_parse_takes_the_grammar_and_nothing_else),
        cmocka_unit_test(test_parse_refuses_from_half_a_unit_above_the_largest_double),
        cmocka_unit_test(test_parse_reads_only_the_bytes_given),
        cmocka_unit_test(test_parse_agrees_with_strtod_on_hard_cases),
        cmocka_unit_test(test_parse_agrees_with_strtod_on_random_decimals),
        cmocka_unit_test(test_parse_rounds_halfway_cases_to_even),
        cmocka_unit_test(test_parse_rounds_long_integers_to_even),
        cmocka_unit_test(test_parse_decimals_of_draws),
        cmocka_unit_test(test_format_has_the_promised_style),
        cmocka_unit_test(test_format_random_bits_read_back_and_are_short),
        cmocka_unit_test(test_format_ordinary_numbers_read_back_and_are_short),
        cmocka_unit_test(test_format_powers_of_two_and_neighbours_read_back),
        cmocka_unit_test(test_format_takes_the_nearest_of_the_shortest),
        cmocka_unit_test(test_format_rows_of_any_length_hold_what_single_numbers_give),
        cmocka_unit_test(test_format_rows_at_the_edges_hold_what_single_numbers_give),
        cmocka_unit_test(test_parse_int_minds_the_whole_text_and_the_range),
        cmocka_unit_test(test_short_numbers_side_by_side_are_those_of_strtod),
        cmocka_unit_test(test_short_numbers_of_every_shape_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
