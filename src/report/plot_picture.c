/* plot_picture.c: the building blocks of a picture, in gnuplot's language, and the one style of all pictures. Text of the
 * data (names, level labels) reaches a script only through bm_quote: made safe to show, then in single quotes, where gnuplot
 * interprets nothing. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *bm_chain_colour(size_t chain)
{
    static const char *const colours[] = { "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#000000" };

    return colours[chain % (sizeof colours / sizeof *colours)];
}

void bm_picture_free(bm_picture *p)
{
    for (size_t i = 0; i < p->ndata; i++) bm_buf_free(&p->data[i]);
    free(p->data);
    bm_buf_free(&p->script);
    bm_buf_free(&p->title);
    bm_buf_free(&p->subtitle);
    bm_buf_free(&p->alt);
    bm_buf_free(&p->caption);
    *p = (bm_picture){ 0 };
}

bool bm_picture_failed(const bm_picture *p)
{
    for (size_t i = 0; i < p->ndata; i++)
        if (p->data[i].failed) return true;
    return p->script.failed || p->title.failed || p->subtitle.failed || p->alt.failed || p->caption.failed;
}

/* ---- text ---- */

/* How many bytes of a safe text fit into so many columns. */
static size_t head(const char *s, size_t columns)
{
    size_t w = 0, i = 0;

    while (s[i]) {
        char   one[8] = "";
        size_t k = bm_utf8(s + i, NULL);

        if (!k) k = 1;
        memcpy(one, s + i, k);
        if ((w += bm_width(one)) > columns) break;
        i += k;
    }
    return i;
}

/* Where the end of a safe text begins that fits into so many columns. */
static size_t tail(const char *s, size_t columns)
{
    size_t i = 0;

    while (bm_width(s + i) > columns) {
        size_t k = bm_utf8(s + i, NULL);

        i += k ? k : 1;
    }
    return i;
}

static void put_quoted(bm_buf *b, const char *s, size_t n, bool tic)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\'' || (tic && s[i] == '%')) bm_buf_putc(b, s[i]);
        bm_buf_putc(b, s[i]);
    }
}

/* Names and labels differ at their ends as often as at their beginnings, so it is the middle that gives way. */
static void quote(bm_buf *b, const char *text, size_t columns, bool tic)
{
    bm_buf safe = { 0 };
    size_t rest;

    bm_safe_text(&safe, text);
    if (safe.failed || !safe.s) {
        b->failed |= safe.failed;
        bm_buf_puts(b, "''");
        bm_buf_free(&safe);
        return;
    }
    bm_buf_putc(b, '\'');
    if (columns && bm_width(safe.s) > columns) {
        put_quoted(b, safe.s, head(safe.s, columns / 2), tic);
        bm_buf_puts(b, "\xe2\x80\xa6");
        rest = tail(safe.s, columns - columns / 2 - 1);
        put_quoted(b, safe.s + rest, safe.n - rest, tic);
    } else put_quoted(b, safe.s, safe.n, tic);
    bm_buf_putc(b, '\'');
    bm_buf_free(&safe);
}

void bm_quote(bm_buf *b, const char *text, size_t columns)
{
    quote(b, text, columns, false);
}

void bm_quote_tic(bm_buf *b, const char *text, size_t columns)
{
    quote(b, text, columns, true);
}

static void num(bm_buf *b, double x)
{
    bm_buf_num(b, x);
}

void bm_text(bm_picture *p, double x, double y, const char *text, size_t columns, const char *style)
{
    bm_buf *b = &p->script;

    bm_buf_puts(b, "set label ");
    bm_quote(b, text, columns);
    bm_buf_puts(b, " at screen ");
    num(b, x / p->width);
    bm_buf_puts(b, ", screen ");
    num(b, 1 - y / p->height);
    bm_buf_printf(b, " front %s\n", style);
}

/* ---- data ---- */

bm_buf *bm_picture_data(bm_picture *p, size_t *index)
{
    bm_buf *d = bm_grow(p->data, &p->cap, p->ndata + 1, sizeof *d);

    if (!d) {
        p->script.failed = true;
        return NULL;
    }
    p->data = d;
    d[p->ndata] = (bm_buf){ 0 };
    *index = p->ndata++;
    return d + *index;
}

void bm_data_row(bm_buf *b, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i) bm_buf_putc(b, ' ');
        num(b, isfinite(x[i]) ? x[i] : NAN);
    }
    bm_buf_putc(b, '\n');
}

/* ---- panels ---- */

void bm_panel(bm_picture *p, bm_box at)
{
    static const char *const side[] = { "lmargin", "rmargin", "tmargin", "bmargin" };
    double where[] = { at.x / p->width, (at.x + at.w) / p->width, 1 - at.y / p->height, 1 - (at.y + at.h) / p->height };

    if (!p->first) bm_buf_puts(&p->script, "unset label\nunset object\nunset arrow\n");
    p->first = false;
    for (int i = 0; i < 4; i++) {
        bm_buf_printf(&p->script, "set %s at screen ", side[i]);
        num(&p->script, where[i]);
        bm_buf_putc(&p->script, '\n');
    }
    bm_buf_puts(&p->script, "set border 3\nset xlabel ''\nset ylabel ''\nset format '%h'\n"
                            "set tics nomirror out scale 0.4 font ',10' textcolor rgb '#4d4d4d'\n"
                            "set xtics autofreq nomirror offset 0, 0.3\nset ytics autofreq nomirror offset 0.6, 0\nset grid "
                            "xtics ytics\n");
}

void bm_panel_title(bm_picture *p, bm_box at, const char *text)
{
    bm_text(p, at.x, at.y - 9, text, (size_t)(at.w / 8.4), "left font ',11' textcolor rgb '" BM_INK "'");
}

void bm_axis(bm_picture *p, char axis, double lo, double hi, double pad, int n)
{
    bm_buf *b = &p->script;
    double  room = pad * (hi - lo);

    if (!(hi > lo)) {                                /* one value: some room around it */
        room = lo != 0 ? 0.1 * fabs(lo) : 1;
        hi = lo;
    }
    lo -= room;
    hi += room;
    bm_buf_printf(b, "set %crange [", axis);
    num(b, lo);
    bm_buf_putc(b, ':');
    num(b, hi);
    bm_buf_printf(b, "]\nset %ctics ", axis);
    num(b, bm_nice_step(hi - lo, n));
    bm_buf_putc(b, '\n');
}

void bm_axis_label(bm_picture *p, char axis, const char *text, double room)
{
    bm_buf_printf(&p->script, "set %clabel ", axis);
    bm_quote(&p->script, text, (size_t)(room / 7.2));
    bm_buf_printf(&p->script, " offset %s\n", axis == 'x' ? "0, 0.3" : "0.6, 0");
}

void bm_axis_bare(bm_picture *p, char axis)
{
    bm_buf_printf(&p->script, "unset %ctics\nset border %d\n", axis, axis == 'y' ? 1 : 2);
}

double bm_label_room(const char *const *labels, const size_t *which, size_t n, size_t columns)
{
    size_t widest = 4;

    for (size_t i = 0; i < n; i++) {
        bm_buf safe = { 0 };
        size_t w;

        bm_safe_text(&safe, labels[which[i]]);
        w = safe.s ? bm_width(safe.s) : 0;
        if (w > widest) widest = w;
        bm_buf_free(&safe);
    }
    return 30 + 6.4 * (double)(widest < columns ? widest : columns);
}

bm_box bm_cell_box(const bm_picture *p, size_t i, size_t cols, double cell_height, double left, double below)
{
    double w = (p->width - 24) / (double)cols;

    return (bm_box){ 8 + (double)(i % cols) * w + left, BM_PLOT_TOP + (double)(i / cols) * cell_height + 24, w - left - 10,
                    cell_height - below - 24 };
}

size_t bm_columns_for(size_t n)
{
    return n <= 1 ? 1 : n <= 4 ? 2 : n <= 12 ? 3 : n <= 24 ? 4 : 6;
}

void bm_legend(bm_picture *p, size_t i, double x, double y, const char *colour, const char *shape, const char *text)
{
    bm_buf *b = &p->script;
    double  x0 = x / p->width, x1 = (x + 22) / p->width, yy = 1 - y / p->height, h = 5 / p->height;

    if (strcmp(shape, "fill") == 0) {
        bm_buf_printf(b, "set object %zu rectangle from screen ", i + 1000);
        num(b, x0);
        bm_buf_puts(b, ", screen ");
        num(b, yy - h);
        bm_buf_puts(b, " to screen ");
        num(b, x1);
        bm_buf_puts(b, ", screen ");
        num(b, yy + h);
        bm_buf_printf(b, " front fillcolor rgb '%s' fillstyle solid noborder\n", colour);
    } else if (strncmp(shape, "point", 5) == 0) {
        bm_text(p, x + 11, y, "", 0, "");
        b->n--;                                      /* goes on in the same line */
        bm_buf_printf(b, " point pt %s ps 0.8 lc rgb '%s'\n", shape[5] ? shape + 5 : "7", colour);
    } else {
        bm_buf_printf(b, "set arrow %zu from screen ", i + 1000);
        num(b, x0);
        bm_buf_puts(b, ", screen ");
        num(b, yy);
        bm_buf_puts(b, " to screen ");
        num(b, x1);
        bm_buf_puts(b, ", screen ");
        num(b, yy);
        bm_buf_printf(b, " nohead front lw 2 lc rgb '%s'%s\n", colour, strcmp(shape, "dash") == 0 ? " dt (6,4)" : "");
    }
    bm_text(p, x + 28, y, text, 0, "left font ',10' textcolor rgb '" BM_INK "'");
}

/* ---- the whole ---- */

/* Text in lines of the picture's width, the last one at its foot. */
static void paragraph(bm_picture *p, const bm_buf *text, const char *style)
{
    bm_buf wrapped = { 0 };
    double y = p->height - 12;
    char  *line, *rest;

    if (!text->s) return;
    bm_safe_wrapped(&wrapped, text->s, 0, 0, (size_t)(p->width / 7.2));
    if (wrapped.failed) p->script.failed = true;
    for (size_t i = 0; i < wrapped.n; i++) y -= wrapped.s[i] == '\n' ? 15 : 0;
    for (line = wrapped.s; line && *line; line = rest, y += 15) {
        rest = line + strcspn(line, "\n");
        if (*rest) *rest++ = '\0';
        bm_text(p, 14, y, line, 0, style);
    }
    bm_buf_free(&wrapped);
}

static void terminal(const bm_picture *p, bm_plot_format format, bm_buf *out)
{
    const double inch = 96;

    switch (format) {
    case BM_PLOT_SVG:
        bm_buf_printf(out, "set terminal svg size %.0f,%.0f font 'sans-serif,12' fontscale 1.25 noenhanced background "
                      "'#ffffff'\n", p->width, p->height);
        break;
    case BM_PLOT_PNG:                                /* twice as fine, for screens that are */
        bm_buf_printf(out, "set terminal pngcairo size %.0f,%.0f font 'sans,9' fontscale 2 linewidth 2 pointscale 2 noenhanced "
                      "background '#ffffff'\n",
                      2 * p->width, 2 * p->height);
        break;
    case BM_PLOT_PDF:
        bm_buf_puts(out, "set terminal pdfcairo size ");
        num(out, p->width / inch);
        bm_buf_putc(out, ',');
        num(out, p->height / inch);
        bm_buf_puts(out, " font 'sans,9' noenhanced linewidth 1 background '#ffffff'\n");
        break;
    }
}

void bm_picture_script(const bm_picture *p, bm_plot_format format, bm_buf *out)
{
    bm_picture header = { .width = p->width, .height = p->height };

    terminal(p, format, out);
    bm_buf_puts(out, "set encoding utf8\nset output 'picture'\nset datafile missing 'NA'\nset decimalsign '.'\nset minussign\n"
                     "unset key\nset style fill solid noborder\nset border 3 lw 0.8 lc rgb '" BM_LINE "'\n"
                     "set grid lt 1 lw 0.6 lc rgb '#ececec' back\n"
                     "set xlabel font ',10' textcolor rgb '" BM_FAINT "'\nset ylabel font ',10' textcolor rgb '" BM_FAINT "'\n"
                     "set multiplot\n");
    if (p->title.s) bm_text(&header, 14, 20, p->title.s, p->title_columns ? p->title_columns : 80, format == BM_PLOT_SVG ? "left font 'sans-serif:Bold,14' textcolor "
                            "rgb '" BM_INK "'"
                                                                                             : "left font 'sans:Bold,14' "
                                                                                             "textcolor rgb '" BM_INK "'");
    if (p->subtitle.s) bm_text(&header, 14, 41, p->subtitle.s, (size_t)((p->width - 28) / 8), "left font ',11' textcolor rgb "
                               "'" BM_FAINT "'");
    paragraph(&header, &p->caption, "left font ',10' textcolor rgb '" BM_FAINT "'");
    bm_buf_puts(out, header.script.s ? header.script.s : "");
    out->failed |= header.script.failed;
    bm_buf_puts(out, p->script.s ? p->script.s : "");
    bm_buf_puts(out, "unset multiplot\nunset output\n");
    bm_picture_free(&header);
}
