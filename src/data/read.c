/* read.c: a CSV file as typed columns. What a column is shows only at its end, so it begins as numbers and keeps the text
 * of its cells beside them up to a limit; the first cell that is no number turns it into a factor, whose labels then are
 * what the file says ("007"). */
#include "data/data_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP_TEXT = 8 << 20, LIST_NAMES = 20 };       /* bytes of text per column; names in a message */

struct bm_source {
    bm_csv       *csv;
    bm_strv       name;
    bm_levels     index;             /* name to position */
    bm_cell_rules rules;
    bm_strv       factors;
};

typedef enum { NUMBERS, LABELS, LOST } building;     /* LOST: text came after the limit, so the labels before it are gone */

typedef struct {
    size_t    field;                 /* position in the record */
    building  as;
    bool      asked;                 /* to be a factor */
    bm_column col;
    size_t    cap;                   /* of col.num or col.code */
    bm_buf    text;                  /* NUMBERS: the cells so far, each with a NUL */
    bool      kept;                  /* text is complete */
    bm_levels levels;
    size_t    lost;                  /* LOST: cells that are not numbers */
} builder;

/* ---- messages ---- */

static bm_shown show(const char *s)
{
    return bm_show(s, strlen(s));
}

/* "there is no column 'x'; did you mean 'y'? ... columns: a, b" */
static bm_status no_column(const bm_source *s, const char *name, const char *why, bm_error *err)
{
    const char *const *names = (const char *const *)s->name.v, *close = bm_closest(name, names, s->name.n);
    bm_buf             list = { 0 };
    bm_shown           shown = show(name);

    for (size_t k = 0; k < s->name.n && k < LIST_NAMES; k++) bm_buf_printf(&list, "%s%s", k ? ", " : "", show(names[k]).s);
    if (s->name.n > LIST_NAMES) bm_buf_printf(&list, ", ... (%zu in all)", s->name.n);
    if (s->name.n == 1) bm_buf_puts(&list, " (only one: is it another delimiter? see --delim)");
    bm_fail(err, BM_EINVAL, "%s: there is no column '%s'%s%s%s%s; columns: %s", bm_csv_name(s->csv), shown.s, why,
            close ? "; did you mean '" : "", close ? show(close).s : "", close ? "'?" : "", list.s ? list.s : "");
    bm_buf_free(&list);
    return BM_EINVAL;
}

static bm_status not_utf8(const bm_source *s, const char *what, const char *text, size_t n, bm_error *err)
{
    size_t bad = bm_utf8_bad(text, n);

    return bm_fail(err, BM_EPARSE, "%s:%zu: %s '%s': byte %zu (0x%02X) is not UTF-8; convert the file, perhaps with "
                   "iconv -f LATIN1 -t UTF-8", bm_csv_name(s->csv), bm_csv_line(s->csv), what, bm_show(text, n).s, bad + 1,
                   (unsigned char)text[bad]);
}

static bm_status ragged(const bm_source *s, const bm_field *field, size_t nfield, bm_error *err)
{
    size_t      want = s->name.n;
    const char *hint = nfield == want + 1 && field[want].n == 0 && !field[want].quoted ? " (the line ends with a delimiter)"
                       : nfield == want + 1
                           ? " (row names without a name in the header, or a delimiter within an unquoted field?)"
                       : nfield > want ? " (a delimiter within an unquoted field?)" : "";

    return bm_fail(err, BM_EPARSE, "%s:%zu: %zu field%s where the header has %zu%s", bm_csv_name(s->csv), bm_csv_line(s->csv),
                   nfield, nfield == 1 ? "" : "s", want, hint);
}

/* ---- the header ---- */

static bool is_blank_line(const bm_field *field, size_t nfield)
{
    return nfield == 1 && field->n == 0 && !field->quoted;
}

static bm_status add_name(bm_source *s, const bm_field *f, bm_error *err)
{
    size_t    k = s->name.n;
    int32_t   code;
    bool      added;
    char     *name;
    bm_status st;

    if (f->n == 0)
        return bm_fail(err, BM_EPARSE, "%s:%zu: column %zu has no name%s", bm_csv_name(s->csv), bm_csv_line(s->csv), k + 1,
                       k == 0 ? " (R's row names? name it, or write the file with row.names = FALSE)" : "");
    if (bm_utf8_bad(f->s, f->n) < f->n) return not_utf8(s, "column name", f->s, f->n, err);
    if (!f->quoted && memchr(f->s, '\r', f->n))
        return bm_fail(err, BM_EPARSE, "%s:%zu: the lines end in a carriage return alone; convert the file with tr '\\r' '\\n'",
                       bm_csv_name(s->csv), bm_csv_line(s->csv));
    if ((st = bm_levels_code(&s->index, f->s, f->n, &code, &added, err)) != BM_OK) return st;
    if (!added)
        return bm_fail(err, BM_EPARSE, "%s:%zu: columns %d and %zu have the same name '%s'", bm_csv_name(s->csv),
                       bm_csv_line(s->csv), code + 1, k + 1, bm_show(f->s, f->n).s);
    if (!(name = bm_strndup(f->s, f->n))) return bm_nomem(err);
    st = bm_strv_add(&s->name, name, err);
    free(name);
    return st;
}

static bm_status read_header(bm_source *s, bm_error *err)
{
    const bm_field *field;
    size_t          nfield;
    bm_status       st;

    do {
        if ((st = bm_csv_next(s->csv, &field, &nfield, err)) != BM_OK) return st;
    } while (is_blank_line(field, nfield));
    if (nfield == 0) return bm_fail(err, BM_EPARSE, "%s is empty", bm_csv_name(s->csv));
    for (size_t k = 0; k < nfield; k++)
        if ((st = add_name(s, &field[k], err)) != BM_OK) return st;
    return BM_OK;
}

bm_status bm_source_add_factors(bm_source *s, const char *const *names, size_t n, bm_error *err)
{
    bm_status st;
    int32_t   k;

    for (size_t i = 0; i < n; i++) {
        if (!bm_levels_find(&s->index, names[i], strlen(names[i]), &k)) return no_column(s, names[i], " to read as a factor", err);
        if ((st = bm_strv_add(&s->factors, names[i], err)) != BM_OK) return st;
    }
    return BM_OK;
}

bm_status bm_source_open(bm_source **out, const char *path, const bm_read_options *opt, bm_error *err)
{
    static const bm_read_options usual = { 0 };
    bm_source                   *s = bm_alloc(1, sizeof *s);
    bm_status                    st;

    *out = NULL;
    if (!s) return bm_nomem(err);
    if (!opt) opt = &usual;
    st = bm_csv_open(&s->csv, path, opt->delim, err);
    if (st == BM_OK) st = bm_cell_rules_init(&s->rules, opt, bm_csv_delim(s->csv), err);
    if (st == BM_OK) st = read_header(s, err);
    if (st == BM_OK) st = bm_source_add_factors(s, opt->factors, opt->nfactors, err);
    if (st == BM_OK) *out = s;
    else bm_source_close(s);
    return st;
}

const char *const *bm_source_names(const bm_source *s, size_t *n)
{
    *n = s->name.n;
    return (const char *const *)s->name.v;
}

void bm_source_watch(bm_source *s, bm_watch_bytes *watch, void *self)
{
    bm_csv_watch(s->csv, watch, self);
}

void bm_source_close(bm_source *s)
{
    if (!s) return;
    bm_csv_close(s->csv);
    bm_strv_free(&s->name);
    bm_levels_free(&s->index);
    bm_cell_rules_free(&s->rules);
    bm_strv_free(&s->factors);
    free(s);
}

/* ---- one column in the making ---- */

static void builder_clear(builder *b)
{
    bm_column_clear(&b->col);
    bm_buf_free(&b->text);
    bm_levels_free(&b->levels);
}

static bm_status out_of_memory(const bm_source *s, size_t rows, bm_error *err)
{
    return bm_fail(err, BM_ENOMEM, "%s: out of memory after %zu rows", bm_csv_name(s->csv), rows);
}

static bm_status note_text(builder *b, const bm_source *s, const bm_field *f, bm_error *err)
{
    if (b->col.text_line) return BM_OK;
    b->col.text_line = bm_csv_line(s->csv);
    b->col.text_hint = bm_cell_hint(f->s, f->n, s->rules.delim);
    b->col.text_cell = bm_strdup(bm_show(f->s, f->n).s);
    return b->col.text_cell ? BM_OK : bm_nomem(err);
}

static bm_status label_code(builder *b, const bm_source *s, const bm_field *f, int32_t *code, bm_error *err)
{
    bool      added;
    double    x;
    bm_status st = bm_levels_code(&b->levels, f->s, f->n, code, &added, err);

    if (st != BM_OK || !added) return st;
    if (bm_utf8_bad(f->s, f->n) < f->n) {
        bm_buf what = { 0 };

        bm_buf_printf(&what, "column '%s', the label", show(b->col.name).s);
        st = not_utf8(s, what.s ? what.s : "the label", f->s, f->n, err);
        bm_buf_free(&what);
        return st;
    }
    return bm_cell_read(&s->rules, f, &x) == BM_CELL_TEXT ? note_text(b, s, f, err) : BM_OK;
}

/* From numbers to labels, at the first cell that is not a number: the cells so far are read again from the text kept. */
static bm_status turn_to_labels(builder *b, const bm_source *s, size_t rows, bm_error *err)
{
    const char *p = b->text.s;
    bm_status   st = BM_OK;

    if (!b->kept) {
        b->as = LOST;
        return BM_OK;
    }
    if (!(b->col.code = bm_alloc(b->cap, sizeof *b->col.code))) return out_of_memory(s, rows, err);
    for (size_t i = 0; i < rows && st == BM_OK; i++) {
        bm_field f = { .s = p, .n = strlen(p) };

        b->col.code[i] = -1;
        if (f.n) st = label_code(b, s, &f, &b->col.code[i], err);
        p += f.n + 1;
    }
    free(b->col.num);
    b->col.num = NULL;
    b->as = LABELS;
    bm_buf_free(&b->text);
    return st;
}

static bm_status keep_text(builder *b, const bm_source *s, const bm_field *f, size_t row, bool missing, bm_error *err)
{
    bm_buf *t = &b->text;
    size_t  n = missing ? 0 : f->n;

    if (t->n > KEEP_TEXT) {
        bm_buf_free(t);
        b->kept = false;
    } else if (t->cap - t->n > n + 1) {
        if (n) memcpy(t->s + t->n, f->s, n);
        t->s[t->n + n] = '\0';
        t->n += n + 1;
    } else {
        bm_buf_add(t, f->s, n);
        bm_buf_add(t, "", 1);
    }
    return t->failed ? out_of_memory(s, row, err) : BM_OK;
}

static bm_status add_label(builder *b, const bm_source *s, const bm_field *f, size_t row, bm_error *err)
{
    int32_t *code;

    if (row >= b->cap) {
        if (!(code = bm_grow(b->col.code, &b->cap, row + 1, sizeof *code))) return out_of_memory(s, row, err);
        b->col.code = code;
    }
    b->col.code[row] = -1;
    if (!bm_cell_missing(&s->rules, f)) return label_code(b, s, f, &b->col.code[row], err);
    b->col.nmissing++;
    return BM_OK;
}

/* Stores one typed cell; row counts from 0. */
static bm_status add_cell(builder *b, const bm_source *s, const bm_field *f, size_t row, bm_error *err)
{
    bm_status st;
    double    x = NAN, *num;
    bm_cell   cell;

    if (b->as == LABELS) return add_label(b, s, f, row, err);
    cell = bm_cell_read(&s->rules, f, &x);
    if (cell == BM_CELL_TEXT && b->as == NUMBERS) {
        if ((st = note_text(b, s, f, err)) != BM_OK || (st = turn_to_labels(b, s, row, err)) != BM_OK) return st;
        if (b->as == LABELS) return add_label(b, s, f, row, err);
    }
    if (row >= b->cap) {
        if (!(num = bm_grow(b->col.num, &b->cap, row + 1, sizeof *num))) return out_of_memory(s, row, err);
        b->col.num = num;
    }
    b->col.num[row] = cell == BM_CELL_NUMBER ? x : NAN;
    b->col.nmissing += cell == BM_CELL_MISSING;
    b->lost += cell == BM_CELL_TEXT;
    return b->kept ? keep_text(b, s, f, row, cell == BM_CELL_MISSING, err) : BM_OK;
}

/* ---- the end of a column ---- */

/* Hexadecimal words are more often labels than numbers. */
static bool is_meant_as_number(const char *label, size_t n, char delim)
{
    return bm_cell_hint(label, n, delim) && !strpbrk(label, "xX");
}

/* How many cells are numbers, and how many at least look as if they were meant as numbers (1,5 or 1e999). */
static bm_status count_numbers(const builder *b, const bm_source *s, size_t rows, size_t *numbers, size_t *meant, bm_error *err)
{
    size_t *count = bm_alloc(b->levels.n, sizeof *count);
    double  x;

    if (!count) return bm_nomem(err);
    for (size_t i = 0; i < rows; i++)
        if (b->col.code[i] >= 0) count[b->col.code[i]]++;
    *numbers = *meant = 0;
    for (size_t k = 0; k < b->levels.n; k++) {
        const char *label = bm_levels_label(&b->levels, k);
        bm_field    f = { .s = label, .n = strlen(label), .quoted = true };

        if (bm_cell_read(&s->rules, &f, &x) == BM_CELL_NUMBER) *numbers += count[k];
        else if (is_meant_as_number(label, f.n, s->rules.delim)) *meant += count[k];
    }
    *meant += *numbers;
    free(count);
    return BM_OK;
}

static bm_status not_numbers(const builder *b, const bm_source *s, size_t numbers, size_t cells, bm_error *err)
{
    const bm_column *c = &b->col;
    bm_buf           more = { 0 };
    bm_shown         name = show(c->name);

    if (c->text_hint) bm_buf_printf(&more, " (%s)", c->text_hint);
    if (numbers) bm_buf_printf(&more, ", but %zu of the column's %zu values are", numbers, cells);
    if (!strchr(c->text_cell, ',')) {
        bm_buf_puts(&more, "; if it stands for a missing value use --na-strings '");
        for (size_t i = 0; i < s->rules.na.n; i++) bm_buf_printf(&more, "%s,", show(s->rules.na.v[i]).s);
        bm_buf_printf(&more, "%s'", c->text_cell);
    }
    bm_fail(err, BM_EPARSE, "%s:%zu: column '%s': '%s' is not a number%s; if the column holds labels use --factor '%s'",
            bm_csv_name(s->csv), c->text_line, name.s, c->text_cell, more.s ? more.s : "", name.s);
    bm_buf_free(&more);
    return BM_EPARSE;
}

static bm_status finish_labels(builder *b, const bm_source *s, size_t rows, bm_error *err)
{
    size_t    cells = rows - b->col.nmissing, numbers = 0, meant = 0;
    int32_t  *code;
    bm_status st;

    if (!b->asked && cells > 0) {
        if ((st = count_numbers(b, s, rows, &numbers, &meant, err)) != BM_OK) return st;
        if (cells >= 10 && b->col.text_line && 10 * (unsigned long long)numbers >= 9 * (unsigned long long)cells)
            return not_numbers(b, s, numbers, cells, err);
        if (meant == cells && b->col.text_line) return not_numbers(b, s, numbers, cells, err);    /* 1,5 throughout */
    }
    if ((st = bm_levels_finish(&b->levels, &b->col, rows, err)) != BM_OK) return st;
    if (rows && (code = realloc(b->col.code, rows * sizeof *code))) b->col.code = code;
    return BM_OK;
}

static bm_status finish_column(builder *b, const bm_source *s, size_t rows, bm_error *err)
{
    double *num;
    size_t  cells = rows - b->col.nmissing;

    if (b->as == LABELS) return finish_labels(b, s, rows, err);
    if (b->as == LOST && 10 * (unsigned long long)b->lost <= cells) return not_numbers(b, s, cells - b->lost, cells, err);
    if (b->as == LOST)
        return bm_fail(err, BM_EPARSE, "%s:%zu: column '%s' holds numbers up to here, then text ('%s'): if these are labels use "
                       "--factor '%s'", bm_csv_name(s->csv), b->col.text_line, show(b->col.name).s, b->col.text_cell,
                       show(b->col.name).s);
    b->col.kind = BM_COL_NUMERIC;
    if (rows && (num = realloc(b->col.num, rows * sizeof *num))) b->col.num = num;
    return BM_OK;
}

/* ---- the table ---- */

static bm_status add_builder(const bm_source *s, builder *b, size_t *n, bool *seen, const char *name, bm_error *err)
{
    int32_t k;

    if (!bm_levels_find(&s->index, name, strlen(name), &k)) return no_column(s, name, "", err);
    if (seen[k]) return BM_OK;
    seen[k] = true;
    b += (*n)++;
    b->field = (size_t)k;
    b->asked = bm_strv_has(&s->factors, name);
    b->as = b->asked ? LABELS : NUMBERS;
    b->kept = !b->asked;
    b->col.name = bm_strdup(name);
    return b->col.name ? BM_OK : bm_nomem(err);
}

/* A builder for each wanted column, once. */
static bm_status make_builders(const bm_source *s, builder **out, size_t *n, const char *const *want, size_t nwant, bm_error *err)
{
    bool     *seen = bm_alloc(s->name.n, sizeof *seen);
    bm_status st = BM_OK;

    *n = 0;
    *out = bm_alloc(nwant, sizeof **out);
    if (!*out || !seen) {
        free(seen);
        return bm_nomem(err);
    }
    for (size_t i = 0; i < nwant && st == BM_OK; i++) st = add_builder(s, *out, n, seen, want[i], err);
    free(seen);
    return st;
}

/* One more row of every builder. */
static bm_status add_row(bm_source *s, builder *b, size_t nb, const bm_field *field, size_t row, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t k = 0; k < nb && st == BM_OK; k++) st = add_cell(&b[k], s, &field[b[k].field], row, err);
    return st;
}

/* Empty lines are skipped; in a file with one column they are missing values, but for those at the end. */
static bm_status read_rows(bm_source *s, builder *b, size_t nb, size_t *rows, bm_error *err)
{
    static const bm_field nothing = { .s = "", .n = 0 };
    const bm_field       *field;
    size_t                nfield, empty = 0, ncol = s->name.n;
    bm_status             st;

    for (*rows = 0;; (*rows)++) {
        for (;; empty++) {
            if ((st = bm_csv_next(s->csv, &field, &nfield, err)) != BM_OK) return st;
            if (!is_blank_line(field, nfield)) break;
        }
        if (nfield == 0) return BM_OK;
        if (nfield != ncol) return ragged(s, field, nfield, err);
        for (; ncol == 1 && empty > 0; empty--, (*rows)++)
            if ((st = add_row(s, b, nb, &nothing, *rows, err)) != BM_OK) return st;
        if ((st = add_row(s, b, nb, field, *rows, err)) != BM_OK) return st;
    }
}

bm_status bm_source_read(bm_source *s, bm_frame **out, const char *const *want, size_t nwant, bm_error *err)
{
    builder  *b = NULL;
    bm_frame *f = NULL;
    size_t    nb = 0, rows = 0;
    bm_status st;

    *out = NULL;
    if ((st = make_builders(s, &b, &nb, want, nwant, err)) != BM_OK) goto done;
    if ((st = read_rows(s, b, nb, &rows, err)) != BM_OK) goto done;
    if (rows == 0) {
        st = bm_fail(err, BM_EPARSE, "%s has a header but no rows", bm_csv_name(s->csv));
        goto done;
    }
    if ((st = bm_frame_new(&f, rows, err)) != BM_OK) goto done;
    if (!(f->path = bm_strdup(bm_csv_path(s->csv)))) {
        st = bm_nomem(err);
        goto done;
    }
    bm_csv_hash(s->csv, f->hash);
    for (size_t k = 0; k < nb && st == BM_OK; k++)
        if ((st = finish_column(&b[k], s, rows, err)) == BM_OK) st = bm_frame_add(f, &b[k].col, err);
    if (st != BM_OK) goto done;
    *out = f;
    f = NULL;
done:
    for (size_t k = 0; k < nb; k++) builder_clear(&b[k]);
    free(b);
    bm_frame_free(f);
    return st;
}
