/* svg.c: drawings as inline SVG: one plot area with axes, lines, areas, points. Colours and strokes are classes of the page's style sheet,
 * so that print and screen share one drawing. Drawn for a width of about 360 pixels: what is readable on a phone is so everywhere. */
#include "report/html_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* To a tenth of a unit, with a point whatever the locale. */
static void put(bm_buf *b, double v)
{
    long t = lround(v * 10);

    bm_buf_printf(b, "%s%ld", t < 0 ? "-" : "", labs(t) / 10);
    if (t % 10) bm_buf_printf(b, ".%ld", labs(t) % 10);
}

/* printf for a drawing: %n is a number, %s text that needs no escape. */
static void draw(bm_svg *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    for (const char *p = fmt; *p; p++) {
        if (*p != '%') bm_buf_putc(s->b, *p);
        else if (*++p == 'n') put(s->b, va_arg(ap, double));
        else bm_buf_puts(s->b, va_arg(ap, const char *));
    }
    va_end(ap);
}

void bm_svg_open(bm_svg *s, bm_buf *b, double w, double h, const char *title)
{
    *s = (bm_svg){ .b = b, .w = w, .h = h };
    draw(s, "<svg viewBox=\"0 0 %n %n\" role=\"img\" aria-label=\"", w, h);
    bm_html_text(b, title);
    bm_buf_puts(b, "\"><title>");
    bm_html_text(b, title);
    bm_buf_puts(b, "</title>\n");
}

void bm_svg_close(bm_svg *s)
{
    bm_buf_puts(s->b, "</svg>\n");
}

void bm_svg_area(bm_svg *s, double left, double top, double pw, double ph, double x0, double x1, double y0, double y1)
{
    if (x1 == x0) {                                  /* one value only: in the middle */
        x0 -= 0.5;
        x1 = x0 + 1;
    }
    if (y1 == y0) {
        y0 -= 0.5;
        y1 = y0 + 1;
    }
    s->left = left;
    s->top = top;
    s->pw = pw;
    s->ph = ph;
    s->x0 = x0;
    s->x1 = x1;
    s->y0 = y0;
    s->y1 = y1;
}

double bm_svg_x(const bm_svg *s, double x)
{
    return s->left + s->pw * (x - s->x0) / (s->x1 - s->x0);
}

double bm_svg_y(const bm_svg *s, double y)
{
    return s->top + s->ph * (1 - (y - s->y0) / (s->y1 - s->y0));
}

static double clamp(double v, double lo, double hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* Drawing coordinates to a tenth of a unit; a little outside the area is kept, far outside is not. */
static void put_point(bm_svg *s, char verb, double x, double y)
{
    bm_buf_putc(s->b, verb);
    draw(s, "%n %n", clamp(bm_svg_x(s, x), -9, s->w + 9), clamp(bm_svg_y(s, y), -9, s->h + 9));
}

void bm_svg_text(bm_svg *s, const char *class, double px, double py, const char *anchor, const char *text)
{
    draw(s, "<text class=\"%s\" x=\"%n\" y=\"%n\" text-anchor=\"%s\">", class, px, py, anchor);
    bm_html_text(s->b, text);
    bm_buf_puts(s->b, "</text>\n");
}

/* ---- axes ---- */

/* 1, 2 or 5 times a power of ten. */
static double tick_step(double range, int most)
{
    double raw = range / most, power = pow(10, floor(log10(raw))), f = raw / power;

    return power * (f <= 1 ? 1 : f <= 2 ? 2 : f <= 5 ? 5 : 10);
}

static void tick_label(char *dst, size_t room, double v, double step)
{
    int  decimals = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    char t[40];

    if (fabs(v) < step / 1e6) v = 0;
    if (fabs(v) >= 1e6 || decimals > 5) snprintf(t, sizeof t, "%.3g", v);
    else snprintf(t, sizeof t, "%.*f", decimals, v);
    for (char *p = t; *p; p++)
        if (*p == ',') *p = '.';                     /* the locale's */
    snprintf(dst, room, "%s%s", t[0] == '-' ? "−" : "", t + (t[0] == '-'));
}

void bm_svg_axis_x(bm_svg *s, int most, const char *label)
{
    double step = tick_step(s->x1 - s->x0, most), y = s->top + s->ph;
    char   text[48];

    draw(s, "<path class=\"axis\" d=\"M%n %nh%n\"/>\n", s->left, y, s->pw);
    for (double v = ceil(s->x0 / step - 1e-9) * step; v <= s->x1 + step * 1e-9; v += step) {
        draw(s, "<path class=\"axis\" d=\"M%n %nv4\"/>", bm_svg_x(s, v), y);
        tick_label(text, sizeof text, v, step);
        bm_svg_text(s, "tick", bm_svg_x(s, v), y + 15, "middle", text);
    }
    if (label) bm_svg_text(s, "label", s->left + s->pw / 2, y + 31, "middle", label);
}

void bm_svg_axis_y(bm_svg *s, int most, bool grid)
{
    double step = tick_step(s->y1 - s->y0, most);
    char   text[48];

    for (double v = ceil(s->y0 / step - 1e-9) * step; v <= s->y1 + step * 1e-9; v += step) {
        if (grid) draw(s, "<path class=\"grid\" d=\"M%n %nh%n\"/>", s->left, bm_svg_y(s, v), s->pw);
        tick_label(text, sizeof text, v, step);
        bm_svg_text(s, "tick", s->left - 5, bm_svg_y(s, v) + 4, "end", text);
    }
}

/* ---- marks ---- */

void bm_svg_line(bm_svg *s, const char *class, const double *x, const double *y, size_t n)
{
    bool pen = false;

    draw(s, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < n; i++) {
        bool ok = isfinite(x[i]) && isfinite(y[i]);

        if (ok) put_point(s, pen ? 'L' : 'M', x[i], y[i]);
        pen = ok;
    }
    bm_buf_puts(s->b, "\"/>\n");
}

void bm_svg_fill(bm_svg *s, const char *class, const double *x, const double *y, size_t n)
{
    if (!n) return;
    draw(s, "<path class=\"%s\" d=\"", class);
    put_point(s, 'M', x[0], s->y0);
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]) && isfinite(y[i])) put_point(s, 'L', x[i], y[i]);
    put_point(s, 'L', x[n - 1], s->y0);
    bm_buf_puts(s->b, "Z\"/>\n");
}

/* One path of strokes without length, which round caps make dots: a tenth of the size of as many circles. */
void bm_svg_points(bm_svg *s, const char *class, const double *x, const double *y, size_t n)
{
    draw(s, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) continue;
        put_point(s, 'M', x[i], y[i]);
        bm_buf_puts(s->b, "h0");
    }
    bm_buf_puts(s->b, "\"/>\n");
}

void bm_svg_segment(bm_svg *s, const char *class, double xa, double ya, double xb, double yb)
{
    const double x[] = { xa, xb }, y[] = { ya, yb };

    bm_svg_line(s, class, x, y, 2);
}

void bm_svg_dot(bm_svg *s, const char *class, double x, double y, double r)
{
    if (!isfinite(x) || !isfinite(y)) return;
    draw(s, "<circle class=\"%s\" cx=\"%n\" cy=\"%n\" r=\"%n\"/>", class, bm_svg_x(s, x), bm_svg_y(s, y), r);
}

/* ---- labels ---- */

static size_t characters(const char *s)
{
    size_t n = 0;

    for (; *s; s++) n += (*s & 0xC0) != 0x80;
    return n;
}

/* Bytes that the first n characters of s take. */
static size_t bytes_of(const char *s, size_t n)
{
    size_t i = 0;

    while (s[i] && (n || (s[i] & 0xC0) == 0x80)) {
        if ((s[i] & 0xC0) != 0x80) n--;
        i++;
    }
    return i;
}

void bm_short_text(char *dst, size_t room, const char *s, size_t n)
{
    size_t have = characters(s), head = n / 2;

    if (have <= n) snprintf(dst, room, "%s", s);
    else snprintf(dst, room, "%.*s…%s", (int)bytes_of(s, head), s, s + bytes_of(s, have - (n - head - 1)));
}
