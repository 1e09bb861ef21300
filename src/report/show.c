/* show.c: names and messages as a terminal may see them: nothing in a data file can move the cursor, change colours or reorder text, and
 * columns line up whatever alphabet the names are written in. */
#include "report/report_priv.h"

#include <stdlib.h>
#include <string.h>

size_t bm_utf8(const char *text, uint32_t *code)
{
    const unsigned char *s = (const unsigned char *)text;
    uint32_t             c;
    size_t               n = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;

    if (!n) return 0;
    c = n == 1 ? s[0] : s[0] & (0x7FU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;             /* also the end of the text */
        c = c << 6 | (s[i] & 0x3F);
    }
    if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return 0;
    if (code) *code = c;
    return n;
}

typedef struct { uint32_t from, to; } range;

static bool in_ranges(uint32_t c, const range *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= r[i].from && c <= r[i].to) return true;
    return false;
}
#define IN(c, ranges) in_ranges((c), (ranges), sizeof(ranges) / sizeof *(ranges))

/* Controls, and marks that change the direction of text or break lines. */
static bool unsafe(uint32_t c)
{
    static const range bad[] = { { 0, 0x1F }, { 0x7F, 0x9F }, { 0x61C, 0x61C }, { 0x200E, 0x200F }, { 0x2028, 0x202E }, { 0x2066, 0x2069 },
        { 0xFEFF, 0xFEFF }, { 0xFFF9, 0xFFFB }, { 0xE0000, 0xE0FFF } };

    return IN(c, bad);
}

/* Combining marks take no column; East Asian wide characters and pictographs two (the main ranges of Unicode's EastAsianWidth). */
static size_t columns_of(uint32_t c)
{
    static const range none[] = { { 0x300, 0x36F }, { 0x483, 0x489 }, { 0x591, 0x5BD }, { 0x610, 0x61A }, { 0x64B, 0x65F }, { 0x6D6, 0x6DC },
        { 0x93C, 0x93C }, { 0x941, 0x948 }, { 0x94D, 0x94D }, { 0xE31, 0xE31 }, { 0xE34, 0xE3A }, { 0xE47, 0xE4E }, { 0x1AB0, 0x1AFF },
        { 0x1DC0, 0x1DFF }, { 0x200B, 0x200D }, { 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F } };
    static const range wide[] = { { 0x1100, 0x115F }, { 0x2E80, 0x303E }, { 0x3041, 0xA4CF }, { 0xA960, 0xA97F }, { 0xAC00, 0xD7A3 },
        { 0xF900, 0xFAFF }, { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1F64F }, { 0x1F680, 0x1F6FF },
        { 0x1F900, 0x1F9FF }, { 0x20000, 0x3FFFD } };

    if (c < 0x300) return 1;
    return IN(c, none) ? 0 : IN(c, wide) ? 2 : 1;
}

static void add_escaped(bm_buf *b, uint32_t c)
{
    if (c == '\n') bm_buf_puts(b, "\\n");
    else if (c == '\t') bm_buf_puts(b, "\\t");
    else if (c == '\r') bm_buf_puts(b, "\\r");
    else if (c < 0x100) bm_buf_printf(b, "\\x%02x", (unsigned)c);
    else bm_buf_printf(b, c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
}

static void show_part(bm_buf *b, const char *s, size_t n)
{
    const char *end = s + n;

    while (s < end) {
        uint32_t c;
        size_t   k = bm_utf8(s, &c);

        if (k && !unsafe(c)) {
            bm_buf_add(b, s, k);
        } else {
            add_escaped(b, k ? c : (unsigned char)*s);
        }
        s += k ? k : 1;
    }
}

void bm_safe_text(bm_buf *b, const char *s)
{
    show_part(b, s, strlen(s));
}

size_t bm_width(const char *s)
{
    size_t n = 0;

    while (*s) {
        uint32_t c = 0;
        size_t   k = bm_utf8(s, &c);

        n += k ? columns_of(c) : 1;
        s += k ? k : 1;
    }
    return n;
}

void bm_safe_wrapped(bm_buf *b, const char *s, size_t used, size_t indent, size_t width)
{
    bool first = true;

    while (*s) {
        size_t n = strcspn(s, " "), start, w;

        if (n) {
            if (!first) bm_buf_putc(b, ' ');
            start = b->n;
            show_part(b, s, n);
            if (b->failed) return;
            w = bm_width(b->s + start);
            if (!first && used + 1 + w > width) {           /* the blank before the word becomes the line break */
                char *word = bm_strdup(b->s + start);

                if (!word) {
                    b->failed = true;
                    return;
                }
                b->n = start - 1;
                bm_buf_printf(b, "\n%*s%s", (int)indent, "", word);
                free(word);
                used = indent + w;
            } else {
                used += w + !first;
            }
            first = false;
        }
        s += n;
        s += strspn(s, " ");
    }
}
