/* parse.c: the rows of a block as cells. Plain rows, which have no quotes, are taken apart here, many at a time: a mask of delimiters and newlines says where
 * fields end (scan.h), then the cells are read column by column, short numbers, the usual ones, side by side (numbers.c). Any other row goes to the parser of
 * csv.c, any other cell to cell.c: what a file means does not depend on the way it takes. */
#include "data/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 128 };                 /* that are cut into cells before the cells are read, a multiple of BM_NUMBER_LANES */

/* ---- cells ---- */

static bool grow(bm_portion *p, const bm_source *s)
{
    size_t    cap = p->cap ? 2 * p->cap : 4096;      /* a multiple of BM_NUMBER_LANES */
    uint32_t *line = realloc(p->line, cap * sizeof *line);

    if (!line) return false;
    p->line = line;
    for (size_t k = 0; k < s->nb; k++) {
        bool  labels = s->b[k].as == BM_LABELS;
        void *old = labels ? (void *)p->col[k].label : (void *)p->col[k].num, *more = realloc(old, cap * (labels ? sizeof(bm_span) : sizeof(double)));

        if (!more) return false;
        if (labels) p->col[k].label = more;
        else p->col[k].num = more;
    }
    p->cap = cap;
    return true;
}

/* Cell k of row i. */
static bm_status parse_cell(bm_portion *p, const bm_source *s, size_t k, size_t i, const bm_field *f, size_t line)
{
    const bm_builder *b = &s->b[k];
    bm_cells         *c = &p->col[k];
    bm_cell           cell;

    if (b->as == BM_LABELS) {
        bool missing = bm_cell_missing(&s->rules, f);

        c->nmissing += missing;
        c->label[i] = missing ? (bm_span){ .s = NULL } : (bm_span){ .s = f->s, .n = (uint32_t)f->n };
        return BM_OK;
    }
    c->num[i] = NAN;
    cell = bm_cell_read(&s->rules, f, &c->num[i]);
    if (cell == BM_CELL_NUMBER) return BM_OK;
    c->num[i] = NAN;
    c->nmissing += cell == BM_CELL_MISSING;
    if (cell == BM_CELL_MISSING) return BM_OK;
    return bm_text_among_numbers(s, line, b->col.name, bm_show(f->s, f->n).s, &p->err);
}

/* ---- rows of any kind ---- */

/* The record at *at, on *line; both move on. */
static bm_status any_row(bm_portion *p, const bm_source *s, size_t *at, size_t *line)
{
    const bm_field *f;
    size_t          nfield;
    bm_status       st;

    bm_csv_seek(p->csv, *at, *line);
    if ((st = bm_csv_next(p->csv, &f, &nfield, &p->err)) != BM_OK) return st;
    bm_csv_tell(p->csv, at, line);
    if (nfield == 0 || (nfield == 1 && f->n == 0 && !f->quoted)) return BM_OK;       /* an empty line */
    if (nfield != s->name.n) return bm_ragged(s, bm_csv_line(p->csv), f, nfield, &p->err);
    p->line[p->n] = (uint32_t)(bm_csv_line(p->csv) - p->block.line);
    for (size_t k = 0; k < s->nb; k++)
        if ((st = parse_cell(p, s, k, p->n, &f[s->b[k].field], bm_csv_line(p->csv))) != BM_OK) return st;
    for (size_t k = 0; k < s->nb; k++)
        if (s->b[k].as == BM_LABELS) bm_spans_hash(p->col[k].label + p->n, 1);
    p->n++;
    return BM_OK;
}

/* ---- plain rows ---- */

typedef struct { const char *buf; size_t len, base; uint64_t mask; char delim; } scanner;

static void scan_from(scanner *c, size_t at)
{
    c->base = at;
    c->mask = at < c->len ? bm_find_specials(c->buf + at, c->delim) : 0;
}

/* Where the next delimiter, newline or quote is; len if there is none. */
static inline size_t next_special(scanner *c)
{
    size_t at;

    while (!c->mask) {
        if (c->base + 64 >= c->len) return c->len;
        c->base += 64;
        c->mask = bm_find_specials(c->buf + c->base, c->delim);
    }
    at = c->base + (size_t)__builtin_ctzll(c->mask);
    c->mask &= c->mask - 1;
    return at;
}

static inline bool is_blank(char byte, char delim)
{
    return (byte == ' ' || byte == '\t') && byte != delim;
}

/* Where the cells of column k begin in the block, and ROWS further on where they end. */
static inline uint64_t *cells_of(const bm_portion *p, size_t k)
{
    return p->cut + k * 2 * ROWS;
}

/* One row as row i of those at hand; where the next one begins, or 0: this one is not plain. */
static inline size_t cut_row(bm_portion *p, const bm_source *s, const int *of_field, scanner *c, size_t i, size_t from)
{
    size_t ncol = s->name.n;

    for (size_t k = 0; k < ncol; k++) {
        size_t e = next_special(c), end = e;
        bool   ends = e == c->len || c->buf[e] == '\n';

        if (ends != (k + 1 == ncol) || (!ends && c->buf[e] == '"')) return 0;
        if (ends && end > from && c->buf[end - 1] == '\r') end--;
        if (of_field[k] >= 0) {
            uint64_t *cell = cells_of(p, (size_t)of_field[k]) + i;

            cell[0] = from;
            cell[ROWS] = end;
        }
        from = e + 1;
    }
    return from < c->len ? from : c->len;
}

static bm_field field_of(const bm_portion *p, size_t k, size_t i, char delim)
{
    const uint64_t *cell = cells_of(p, k) + i;
    const char     *from = p->block.buf + cell[0], *end = p->block.buf + cell[ROWS];

    while (from < end && is_blank(*from, delim)) from++;
    while (from < end && is_blank(end[-1], delim)) end--;
    return (bm_field){ .s = from, .n = (size_t)(end - from) };
}

/* The cells of m rows at hand, which follow p->n; the first row of which one is wrong, or m. */
static size_t read_numbers(bm_portion *p, const bm_source *s, size_t k, size_t m, size_t line, char delim)
{
    const uint64_t *cells = cells_of(p, k);
    double         *num = p->col[k].num + p->n;
    bool            quick = !s->rules.na_numbers;

    if (quick) bm_short_numbers(p->block.buf, cells, cells + ROWS, (m + BM_NUMBER_LANES - 1) / BM_NUMBER_LANES * BM_NUMBER_LANES, num);
    for (size_t i = 0; i < m; i++) {
        bm_field f;

        if (quick && !isnan(num[i])) continue;
        f = field_of(p, k, i, delim);
        if (parse_cell(p, s, k, p->n + i, &f, line + i) != BM_OK) return i;
    }
    return m;
}

static size_t read_labels(bm_portion *p, const bm_source *s, size_t k, size_t m, size_t line, char delim)
{
    const uint64_t *cells = cells_of(p, k);
    bm_span        *label = p->col[k].label + p->n;

    for (size_t i = 0; i < m; i++) {
        const char *from = p->block.buf + cells[i], *end = p->block.buf + cells[i + ROWS];

        if (from < end && !s->rules.first[(unsigned char)*from] && !is_blank(end[-1], delim)) label[i] = (bm_span){ .s = from, .n = (uint32_t)(end - from) };
        else {
            bm_field f = field_of(p, k, i, delim);

            if (parse_cell(p, s, k, p->n + i, &f, line + i) != BM_OK) return i;
        }
    }
    bm_spans_hash(label, m);
    return m;
}

/* Plain rows from *at on, up to ROWS; stops before one that is not, or that has a cell that is wrong: what is wrong is said by the other way. */
static size_t plain_rows(bm_portion *p, const bm_source *s, const int *of_field, scanner *c, size_t *at, size_t line)
{
    size_t start[ROWS + 1], cut = 0, m;

    start[0] = *at;
    while (cut < ROWS && start[cut] < c->len && (start[cut + 1] = cut_row(p, s, of_field, c, cut, start[cut]))) cut++;
    m = cut;
    for (size_t k = 0; k < s->nb && m; k++) m = (s->b[k].as == BM_LABELS ? read_labels : read_numbers)(p, s, k, m, line, c->delim);
    for (size_t i = 0; i < m; i++) p->line[p->n + i] = (uint32_t)(line + i - p->block.line);
    p->n += m;
    *at = start[m];
    return m;
}

static bm_status parse_rows(bm_portion *p, const bm_source *s, const int *of_field)
{
    scanner   c = { .buf = p->block.buf, .len = p->block.len, .delim = bm_csv_delim(p->csv) };
    size_t    line = p->block.line;
    bm_status st = BM_OK;

    scan_from(&c, 0);
    for (size_t at = 0; at < c.len && st == BM_OK;) {
        size_t m;

        if (p->n + ROWS > p->cap && !grow(p, s)) return bm_nomem(&p->err);
        m = plain_rows(p, s, of_field, &c, &at, line);
        line += m;
        if (m == ROWS || at >= c.len) continue;
        p->err = (bm_error){ 0 };
        st = any_row(p, s, &at, &line);
        scan_from(&c, at);
    }
    return st;
}

void bm_portion_parse(bm_portion *p, const bm_source *s, const int *of_field)
{
    p->err = (bm_error){ 0 };
    p->n = 0;
    for (size_t k = 0; k < s->nb; k++) p->col[k].nmissing = 0;
    bm_csv_over(p->csv, &p->block);
    p->st = parse_rows(p, s, of_field);
}

/* ---- making ---- */

bm_status bm_portion_new(bm_portion *p, const bm_source *s, bm_error *err)
{
    p->col = bm_alloc(s->nb, sizeof *p->col);
    p->cut = bm_alloc(s->nb * 2 * ROWS, sizeof *p->cut);
    if (!p->col || !p->cut) return bm_nomem(err);
    return bm_csv_twin(&p->csv, s->csv, err);
}

void bm_portion_clear(bm_portion *p, const bm_source *s)
{
    for (size_t k = 0; p->col && k < s->nb; k++) {
        free(p->col[k].num);
        free(p->col[k].label);
    }
    free(p->col);
    free(p->line);
    free(p->cut);
    free(p->block.buf);
    bm_csv_close(p->csv);
    *p = (bm_portion){ 0 };
}
