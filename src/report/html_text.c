/* html_text.c: text and numbers in HTML. Nothing from a data file, a name or a model file reaches the page but through here, so no markup
 * of theirs can. */
#include "report/html_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void escape_char(bm_buf *b, char c)
{
    switch (c) {
    case '&': bm_buf_puts(b, "&amp;"); break;
    case '<': bm_buf_puts(b, "&lt;"); break;
    case '>': bm_buf_puts(b, "&gt;"); break;
    case '"': bm_buf_puts(b, "&quot;"); break;
    case '\'': bm_buf_puts(b, "&#39;"); break;
    default: bm_buf_putc(b, c);
    }
}

void bm_html_text(bm_buf *b, const char *s)
{
    bm_buf safe = { 0 };

    if (!s) return;
    bm_safe_text(&safe, s);                          /* valid UTF-8 without controls */
    if (safe.failed) b->failed = true;
    for (size_t i = 0; !safe.failed && i < safe.n; i++) escape_char(b, safe.s[i]);
    bm_buf_free(&safe);
}

int bm_html_decimals(double sd)
{
    int d;

    if (!(isfinite(sd) && sd > 0)) return 2;
    d = 1 - (int)floor(log10(sd * 1.0000001));
    return d < 0 ? 0 : d > 12 ? 12 : d;
}

void bm_html_num(bm_buf *b, double x, int decimals)
{
    bm_cell c;

    if (!isfinite(x)) {
        bm_buf_puts(b, isnan(x) ? "–" : x > 0 ? "∞" : "−∞");
        return;
    }
    bm_cell_number(c, x, decimals);
    for (const char *s = c; *s; s++) {
        if (*s == '-' && strspn(c, "-0.") == strlen(c)) continue;      /* no -0.00 */
        if (*s == '-') bm_buf_puts(b, "−");
        else bm_buf_putc(b, *s);
    }
}

void bm_html_count(bm_buf *b, size_t n)
{
    char   s[32];
    size_t len = (size_t)snprintf(s, sizeof s, "%zu", n);

    for (size_t i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) bm_buf_putc(b, ',');
        bm_buf_putc(b, s[i]);
    }
}

void bm_html(bm_buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    bm_html_v(b, fmt, ap);
    va_end(ap);
}

void bm_html_v(bm_buf *b, const char *fmt, va_list ap)
{
    for (const char *p = fmt; *p; p++) {
        if (*p != '%') {
            bm_buf_putc(b, *p);
            continue;
        }
        switch (*++p) {
        case 's': bm_html_text(b, va_arg(ap, const char *)); break;
        case 'S': bm_buf_puts(b, va_arg(ap, const char *)); break;
        case 'c': escape_char(b, (char)va_arg(ap, int)); break;
        case 'd': bm_buf_printf(b, "%d", va_arg(ap, int)); break;
        case 'z':
            p++;
            bm_html_count(b, va_arg(ap, size_t));
            break;
        case '.': {
            int decimals = p[1] == '*' ? va_arg(ap, int) : p[1] - '0';

            p += 2;
            bm_html_num(b, va_arg(ap, double), decimals);
            break;
        }
        default: bm_buf_putc(b, *p);
        }
    }
}
