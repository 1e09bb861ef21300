/* parse.c: the rows of a block as cells. Plain rows, which have no quotes, are taken apart here: a mask of delimiters and newlines says where fields end
 * (scan.h), and short numbers, the usual ones, are read eight digits at a time without a loop (the idea of Lemire's fast_float and of simdjson). Any other
 * row goes to the parser of csv.c, any other cell to cell.c: what a file means does not depend on the way it takes. */
#include "data/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte))

/* Eight digits, the first in the lowest byte. */
static inline bool eight(uint64_t v, uint64_t *out)
{
    if (((v & EACH(0xf0)) | (((v + EACH(6)) & EACH(0xf0)) >> 4)) != EACH(0x33)) return false;
    v -= EACH('0');
    v = v * 10 + (v >> 8);
    *out = (uint32_t)(((v & 0x000000ff000000ff) * 0x000f424000000064 + ((v >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >> 32);
    return true;
}

/* The highest bit of the byte that is a point (the first, if there are more), or 0. */
static inline uint64_t point_of(uint64_t v)
{
    uint64_t t = v ^ EACH('.');

    return (t - EACH(1)) & ~t & EACH(0x80);
}

bool bm_short_number(const char *s, size_t n, double *x)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    static const double pow10[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16 };
    const char *end = s + n;
    bool        negative = n > 0 && *s == '-';
    uint64_t    high, low = EACH('0'), point, a, b = 0;
    unsigned    at, decimals = 0;

    n -= negative;
    if (n - 1 > 15) return false;
    memcpy(&high, end - 8, 8);
    if (n > 8) {
        memcpy(&low, end - 16, 8);
        at = 8 * (unsigned)(16 - n);                 /* what is before the number: zeros */
        low = low >> at << at | (EACH('0') & (((uint64_t)1 << at) - 1));
    } else {
        at = 8 * (unsigned)(8 - n);
        high = high >> at << at | (EACH('0') & (((uint64_t)1 << at) - 1));
    }
    /* The point goes, and what is before it moves up by one. */
    if ((point = n > 8 ? point_of(low) : 0)) {
        at = (unsigned)__builtin_ctzll(point) & 56;
        decimals = 15 - at / 8;
        low = (at == 56 ? 0 : low >> (at + 8) << (at + 8)) | (low & (((uint64_t)1 << at) - 1)) << 8 | '0';
    } else if ((point = point_of(high))) {
        at = (unsigned)__builtin_ctzll(point) & 56;
        decimals = 7 - at / 8;
        high = (at == 56 ? 0 : high >> (at + 8) << (at + 8)) | (high & (((uint64_t)1 << at) - 1)) << 8 | low >> 56;
        low = low << 8 | '0';
    }
    if (n == 1 && point) return false;
    if (!eight(high, &a) || (n > 8 && !eight(low, &b))) return false;
    a += b * 100000000;
    if (a > (uint64_t)1 << 53) return false;
    *x = (negative ? -1.0 : 1.0) * (double)a / pow10[decimals];  /* both exact: one rounding (Clinger 1990) */
    return true;
#else
    (void)s, (void)n, (void)x;
    return false;
#endif
}

/* ---- cells ---- */

static bool grow(bm_portion *p, const bm_source *s)
{
    size_t    cap = p->cap ? 2 * p->cap : 4096;
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

static bm_status parse_cell(bm_portion *p, const bm_source *s, size_t k, const bm_field *f, size_t line)
{
    const bm_builder *b = &s->b[k];
    bm_cells         *c = &p->col[k];
    bm_cell           cell;

    if (b->as == BM_LABELS) {
        bool missing = bm_cell_missing(&s->rules, f);

        c->nmissing += missing;
        c->label[p->n] = missing ? (bm_span){ .s = NULL } : (bm_span){ .s = f->s, .n = (uint32_t)f->n, .hash = bm_hash_of_label(f->s, f->n) };
        return BM_OK;
    }
    c->num[p->n] = NAN;
    cell = bm_cell_read(&s->rules, f, &c->num[p->n]);
    if (cell == BM_CELL_NUMBER) return BM_OK;
    c->num[p->n] = NAN;
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
        if ((st = parse_cell(p, s, k, &f[s->b[k].field], bm_csv_line(p->csv))) != BM_OK) return st;
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

static inline bm_status plain_cell(bm_portion *p, const bm_source *s, size_t k, const char *from, const char *end, char delim, size_t line)
{
    bm_cells *c = &p->col[k];

    if (s->b[k].as == BM_NUMBERS && !s->rules.na_numbers && end - p->block.buf >= 16 && bm_short_number(from, (size_t)(end - from), &c->num[p->n])) return BM_OK;
    while (from < end && is_blank(*from, delim)) from++;
    while (from < end && is_blank(end[-1], delim)) end--;
    return parse_cell(p, s, k, &(bm_field){ .s = from, .n = (size_t)(end - from) }, line);
}

/* One row from *at on; false: not by this way, nothing has been done (but missing cells counted). What is wrong is said by the other way. */
static inline bool plain_row(bm_portion *p, const bm_source *s, const int *of_field, scanner *c, size_t *at, size_t line)
{
    size_t ncol = s->name.n, from = *at;

    for (size_t k = 0; k < ncol; k++) {
        size_t      e = next_special(c);
        bool        ends = e == c->len || c->buf[e] == '\n';
        const char *end = c->buf + e;

        if (ends != (k + 1 == ncol) || (!ends && c->buf[e] == '"')) return false;
        if (ends && end > c->buf + from && end[-1] == '\r') end--;
        if (of_field[k] >= 0 && plain_cell(p, s, (size_t)of_field[k], c->buf + from, end, c->delim, line) != BM_OK) return false;
        from = e + 1;
    }
    *at = from < c->len ? from : c->len;
    return true;
}

/* A row that is given up half-way may have counted missing cells. */
static bm_status parse_rows(bm_portion *p, const bm_source *s, const int *of_field, size_t *missing)
{
    scanner   c = { .buf = p->block.buf, .len = p->block.len, .delim = bm_csv_delim(p->csv) };
    size_t    line = p->block.line;
    bm_status st = BM_OK;

    scan_from(&c, 0);
    for (size_t at = 0; at < c.len && st == BM_OK;) {
        if (p->n == p->cap && !grow(p, s)) return bm_nomem(&p->err);
        for (size_t k = 0; k < s->nb; k++) missing[k] = p->col[k].nmissing;
        if (plain_row(p, s, of_field, &c, &at, line)) {
            p->line[p->n++] = (uint32_t)(line - p->block.line);
            line++;
            continue;
        }
        for (size_t k = 0; k < s->nb; k++) p->col[k].nmissing = missing[k];
        p->err = (bm_error){ 0 };
        st = any_row(p, s, &at, &line);
        scan_from(&c, at);
    }
    return st;
}

void bm_portion_parse(bm_portion *p, const bm_source *s, const int *of_field)
{
    size_t *missing = bm_alloc(s->nb, sizeof *missing);

    p->err = (bm_error){ 0 };
    p->n = 0;
    for (size_t k = 0; k < s->nb; k++) p->col[k].nmissing = 0;
    bm_csv_over(p->csv, &p->block);
    p->st = missing ? parse_rows(p, s, of_field, missing) : bm_nomem(&p->err);
    free(missing);
}

/* ---- making ---- */

bm_status bm_portion_new(bm_portion *p, const bm_source *s, bm_error *err)
{
    if (!(p->col = bm_alloc(s->nb, sizeof *p->col))) return bm_nomem(err);
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
    free(p->block.buf);
    bm_csv_close(p->csv);
    *p = (bm_portion){ 0 };
}
