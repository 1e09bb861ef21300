/* table.c: numbers to sensible digits, in columns aligned on the decimal point, with labels of any length. */
#include "report/report_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- digits ---- */

/* A decimal point, whatever the locale prints. */
static void plain_point(char *s)
{
    size_t digits = strspn(s, "-0123456789"), n = strspn(s + digits, "0123456789e+-");
    size_t other = n ? 0 : strcspn(s + digits, "0123456789e");

    if (!other) return;
    s[digits] = '.';
    memmove(s + digits + 1, s + digits + other, strlen(s + digits + other) + 1);
}

static void set_cell(bm_cell c, const char *fmt, int digits, double x)
{
    snprintf(c, sizeof(bm_cell), fmt, digits, x);
    plain_point(c);
}

static int magnitude(double x)
{
    return (int)floor(log10(fabs(x)));
}

/* Decimals to print where the posterior sd is given: two as usual, more so that small sds keep two digits, fewer for large sds and where the
 * last two would be Monte Carlo noise. Negative: digits before the point that do not matter. */
int bm_decimals(double x, double sd, double mcse)
{
    int d, m;

    if (!(isfinite(sd) && sd > 0)) sd = isfinite(x) && x != 0 ? fabs(x) / 10 : 1;
    m = magnitude(sd);
    d = m < -1 || m >= 3 ? 1 - m : m == 2 ? 1 : 2;
    if (isfinite(mcse) && mcse > 0 && mcse < sd)
        while (d > 0 && mcse > 100 * pow(10, -d)) d--;
    return d;
}

void bm_cell_number(bm_cell c, double x, int decimals)
{
    if (!isfinite(x)) {
        snprintf(c, sizeof(bm_cell), "%s", isnan(x) ? "NA" : x > 0 ? "Inf" : "-Inf");
    } else if (decimals > 5 || (x != 0 && magnitude(x) >= 7)) {       /* too long: as 1.23e-07, to the same absolute precision */
        int digits = x == 0 ? 0 : magnitude(x) + decimals;

        set_cell(c, x == 0 ? "%.*f" : "%.*e", digits < 0 ? 0 : digits > 5 ? 5 : digits, x);
    } else {
        set_cell(c, "%.*f", decimals < 0 ? 0 : decimals, x);
    }
}

static void mark(bm_cell c, bool on)
{
    if (!on) return;
    size_t n = strlen(c);
    c[n] = '!';
    c[n + 1] = '\0';
}

bool bm_cell_diagnostics(bm_cell c[3], const bm_summary_row *s, size_t nchain)
{
    double need = 100 * (double)nchain;                      /* NaN fails no comparison */
    bool   rhat = s->rhat > 1.01, bulk = s->ess_bulk < need, tail = s->ess_tail < need;

    bm_cell_number(c[0], s->rhat, s->rhat < 10 ? 3 : s->rhat < 100 ? 1 : 0);
    bm_cell_number(c[1], s->ess_bulk, 0);
    bm_cell_number(c[2], s->ess_tail, 0);
    mark(c[0], rhat);
    mark(c[1], bulk);
    mark(c[2], tail);
    return rhat || bulk || tail;
}

/* ---- tables ---- */

void bm_table_init(bm_table *t, const char *const *head, size_t ncol)
{
    *t = (bm_table){ .head = head, .ncol = ncol };
}

void bm_table_free(bm_table *t)
{
    bm_strv_free(&t->label);
    free(t->cell);
    free(t->flag);
    free(t->left);
    free(t->width);
    *t = (bm_table){ 0 };
}

bm_cell *bm_table_row(bm_table *t, const char *label, bm_error *err)
{
    size_t   n = t->label.n;
    bm_buf   safe = { 0 };
    bm_cell *cell = bm_grow(t->cell, &t->cell_cap, (n + 1) * t->ncol, sizeof *cell);
    bool    *flags = bm_grow(t->flag, &t->flag_cap, n + 1, sizeof *flags);

    if (cell) t->cell = cell;
    if (flags) t->flag = flags;
    bm_safe_text(&safe, label);
    if (!cell || !flags || safe.failed || bm_strv_add(&t->label, safe.s ? safe.s : "", err) != BM_OK) {
        bm_buf_free(&safe);
        bm_nomem(err);
        return NULL;
    }
    bm_buf_free(&safe);
    flags[n] = false;
    memset(cell + n * t->ncol, 0, t->ncol * sizeof *cell);
    return cell + n * t->ncol;
}

/* Length of a cell without the mark it may end in, which takes the blank after the column. */
static size_t cell_length(const char *s)
{
    size_t n = strlen(s);

    return n && s[n - 1] == '!' ? n - 1 : n;
}

static size_t before_point(const char *s)
{
    return strcspn(s, ".!");
}

static bool is_word(const char *s)
{
    return strchr(s, 'N') || strchr(s, 'I');                 /* NA, Inf, -Inf: flushed right */
}

/* Widths of a column: whole, and up to the decimal point; left 0: numbers so different in size that they are flushed right instead. */
static void measure_column(bm_table *t, size_t k)
{
    size_t left = 0, right = 0, longest = 0, head = strlen(t->head[k]);
    bool   aligned = true;

    for (size_t i = 0; i < t->label.n; i++) {
        const char *s = t->cell[i * t->ncol + k];
        size_t      l = before_point(s), n = cell_length(s);

        if (n > longest) longest = n;
        if (is_word(s)) continue;
        if (strchr(s, 'e')) aligned = false;
        if (l > left) left = l;
        if (n - l > right) right = n - l;
    }
    if (left + right > 11) aligned = false;
    if (aligned && left + right > longest) longest = left + right;
    if (k + 1 == t->ncol && t->flags) longest++, right++;    /* no blank follows the last column */
    t->width[k] = longest > head ? longest : head;
    t->left[k] = aligned ? t->width[k] - right : 0;          /* flushed to the right end of a wide heading */
}

bm_status bm_table_measure(bm_table *t, size_t width, bm_error *err)
{
    size_t numbers = 0, longest = 0;

    free(t->left);
    free(t->width);
    t->left = bm_alloc(t->ncol, sizeof *t->left);
    t->width = bm_alloc(t->ncol, sizeof *t->width);
    if (!t->left || !t->width) return bm_nomem(err);
    for (size_t k = 0; k < t->ncol; k++) {
        measure_column(t, k);
        numbers += t->width[k] + 1;
    }
    for (size_t i = 0; i < t->label.n; i++) {
        size_t w = bm_width(t->label.v[i]);

        if (w > longest) longest = w;
    }
    t->label_width = longest;
    if (longest + numbers > width) t->label_width = width > numbers + 8 ? width - numbers : 8;
    if (t->label_width > longest) t->label_width = longest;
    t->limit = width;
    return BM_OK;
}

static void add_blanks(bm_buf *b, size_t n)
{
    while (n--) bm_buf_putc(b, ' ');
}

/* A label of more than a line keeps its two ends. */
static void add_label(bm_buf *b, const char *s, size_t limit)
{
    size_t w = bm_width(s), skip, at = 0, head = (limit - 3) / 2;
    const char *p = s;

    if (w <= limit || limit < 8) {
        bm_buf_puts(b, s);
        return;
    }
    while (at < head) {
        uint32_t c;
        size_t   k = bm_utf8(p, &c);
        char     one[8] = { 0 };

        memcpy(one, p, k ? k : 1);
        at += bm_width(one);
        if (at <= head) p += k ? k : 1;
    }
    bm_buf_add(b, s, (size_t)(p - s));
    bm_buf_puts(b, "...");
    skip = w - (limit - 3 - head);
    for (at = 0, p = s; at < skip;) {
        uint32_t c;
        size_t   k = bm_utf8(p, &c);
        char     one[8] = { 0 };

        memcpy(one, p, k ? k : 1);
        at += bm_width(one);
        p += k ? k : 1;
    }
    bm_buf_puts(b, p);
}

void bm_table_flag(bm_table *t)
{
    t->flag[t->label.n - 1] = t->flags = true;
}

void bm_table_heading(const bm_table *t, bm_buf *b, const char *title, size_t from, size_t to)
{
    size_t w = bm_width(title);

    bm_buf_puts(b, title);
    add_blanks(b, w < t->label_width ? t->label_width - w : 0);
    for (size_t k = from; k < to; k++) {
        add_blanks(b, 1 + t->width[k] - strlen(t->head[k]));
        bm_buf_puts(b, t->head[k]);
    }
}

void bm_table_line(const bm_table *t, bm_buf *b, size_t row, size_t from, size_t to)
{
    const char *label = t->label.v[row];
    size_t      w = bm_width(label), pending;

    add_label(b, label, t->limit > t->label_width ? t->limit : t->label_width);
    if (w > t->label_width) {                            /* a long label has a line of its own */
        bm_buf_putc(b, '\n');
        w = 0;
    }
    pending = t->label_width - w;
    for (size_t k = from; k < to; k++) {
        const char *cell = t->cell[row * t->ncol + k];
        size_t      n = cell_length(cell), lead = t->width[k] - n;

        if (k + 1 == t->ncol && t->flags) lead--;
        if (t->left[k] && !is_word(cell)) lead = t->left[k] - before_point(cell);
        pending += 1 + lead;
        if (n) {
            add_blanks(b, pending);
            bm_buf_puts(b, cell);
            pending = t->width[k] - lead - n - (cell[n] == '!');
        } else {
            pending += t->width[k] - lead;
        }
    }
    bm_buf_putc(b, '\n');
}
