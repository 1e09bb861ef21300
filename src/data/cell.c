/* cell.c: what a cell means (a number, missing, text), apart from where it is kept; and how it may be shown in a message. */
#include "data/data_priv.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bm_status bm_cell_rules_init(bm_cell_rules *r, const bm_read_options *opt, char delim, bm_error *err)
{
    static const char *const usual[] = { "NA" };
    const char *const       *na = opt->na ? opt->na : usual;
    size_t                   n = opt->na ? opt->nna : 1;
    bm_status                st;
    double                   x;

    *r = (bm_cell_rules){ .delim = delim };
    r->first[' '] = r->first['\t'] = true;
    for (size_t i = 0; i < n; i++) {
        if ((st = bm_strv_add(&r->na, na[i], err)) != BM_OK) return st;
        if (bm_parse_double(na[i], strlen(na[i]), &x)) r->na_numbers = true;
        r->first[(unsigned char)na[i][0]] = true;
    }
    return BM_OK;
}

void bm_cell_rules_free(bm_cell_rules *r)
{
    bm_strv_free(&r->na);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool all_blank(const char *s, size_t n)
{
    while (n && is_blank(*s)) {
        s++;
        n--;
    }
    return n == 0;
}

bool bm_cell_missing(const bm_cell_rules *r, const bm_field *f)
{
    if (f->n && !r->first[(unsigned char)f->s[0]]) return false;
    if (all_blank(f->s, f->n)) return true;
    for (size_t i = 0; i < r->na.n; i++)
        if (r->na.v[i][0] == f->s[0] && strncmp(r->na.v[i], f->s, f->n) == 0 && r->na.v[i][f->n] == '\0') return true;
    return false;
}

bm_cell bm_cell_read(const bm_cell_rules *r, const bm_field *f, double *x)
{
    bm_field g = *f;

    if (bm_parse_double(f->s, f->n, x)) return r->na_numbers && bm_cell_missing(r, f) ? BM_CELL_MISSING : BM_CELL_NUMBER;
    if (bm_cell_missing(r, f)) return BM_CELL_MISSING;
    if (!f->quoted) return BM_CELL_TEXT;
    while (g.n && is_blank(g.s[0])) {                /* the parser has trimmed what is not quoted */
        g.s++;
        g.n--;
    }
    while (g.n && is_blank(g.s[g.n - 1])) g.n--;
    return g.n < f->n && bm_parse_double(g.s, g.n, x) ? BM_CELL_NUMBER : BM_CELL_TEXT;
}

/* 1,234 or 12,345,678.9: a comma, then three digits, as often as there are commas. */
static bool has_thousands(const char *s, size_t n)
{
    size_t i = 0, groups = 0;

    while (i < n && i < 3 && isdigit((unsigned char)s[i])) i++;
    if (i == 0) return false;
    for (; i + 3 < n && s[i] == ','; i += 4, groups++)
        for (int k = 1; k <= 3; k++)
            if (!isdigit((unsigned char)s[i + k])) return false;
    if (groups == 0) return false;
    if (i < n && s[i] == '.')
        for (i++; i < n && isdigit((unsigned char)s[i]);) i++;
    return i == n;
}

static bool has_decimal_comma(const char *s, size_t n)
{
    char        t[64];
    const char *comma = memchr(s, ',', n);
    double      x;

    if (!comma || n >= sizeof t) return false;
    memcpy(t, s, n);
    t[comma - s] = '.';
    return bm_parse_double(t, n, &x);
}

/* Has the grammar of a number, whatever its size. */
static bool is_decimal(const char *s, size_t n)
{
    const char *end = s + n;
    size_t      digits = 0, points = 0;

    for (; s < end && (isdigit((unsigned char)*s) || *s == '.'); s++) {
        digits += *s != '.';
        points += *s == '.';
    }
    if (digits == 0 || points > 1) return false;
    if (s == end) return true;
    if (*s++ != 'e' && s[-1] != 'E') return false;
    if (s < end && (*s == '+' || *s == '-')) s++;
    if (s == end) return false;
    while (s < end && isdigit((unsigned char)*s)) s++;
    return s == end;
}

const char *bm_cell_hint(const char *s, size_t n, char delim)
{
    bool        sign = n > 0 && (*s == '+' || *s == '-');
    const char *t = s + sign;
    size_t      m = n - sign;
    double      x;

    if (m == 3 && strncasecmp(t, "inf", 3) == 0) return "a number must be finite";
    if (m == 8 && strncasecmp(t, "infinity", 8) == 0) return "a number must be finite";
    if (m == 3 && strncasecmp(t, "nan", 3) == 0) return "NaN is not a value";
    if (m > 2 && t[0] == '0' && (t[1] == 'x' || t[1] == 'X') && isxdigit((unsigned char)t[2]))
        return "hexadecimal numbers are not read";
    if (is_decimal(t, m) && !bm_parse_double(s, n, &x)) return "it is too large for a double";
    if (delim != ',' && has_decimal_comma(s, n)) return "numbers need a decimal point, not a comma";
    return has_thousands(t, m) ? "numbers are written without commas" : NULL;
}

/* ---- text of the file in messages ---- */

/* The length of the UTF-8 sequence at s, 0 if there is none (overlong forms, surrogates and what lies above U+10FFFF are
 * none). */
static size_t utf8_length(const unsigned char *s, size_t n)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t                len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    uint32_t              c;

    if (len == 1) return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len > n) return 0;
    c = s[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : len;
}

size_t bm_utf8_bad(const char *s, size_t n)
{
    for (size_t i = 0, len; i < n; i += len)
        if ((len = utf8_length((const unsigned char *)s + i, n - i)) == 0) return i;
    return n;
}

bm_shown bm_show(const char *s, size_t n)
{
    enum { ROOM = BM_SHOW_MAX - 8 };                 /* a sequence or an escape, the dots and the NUL fit behind */
    bm_shown out;
    size_t   m = 0;

    for (size_t i = 0, len; i < n; i += len) {
        const unsigned char *u = (const unsigned char *)s + i;
        bool                 control;

        len = utf8_length(u, n - i);
        control = len == 0 || u[0] < 0x20 || u[0] == 0x7f || (len == 2 && u[0] == 0xc2 && u[1] < 0xa0);      /* C0, DEL, C1 */
        if (m > ROOM - 4) {
            memcpy(out.s + m, "...", 3);
            m += 3;
            break;
        }
        if (len == 0) len = 1;
        for (size_t k = 0; k < len; k++) {
            if (control) m += (size_t)snprintf(out.s + m, 5, "\\x%02x", u[k]);
            else out.s[m++] = s[i + k];
        }
    }
    out.s[m] = '\0';
    return out;
}
