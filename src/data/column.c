/* column.c: one column of a file in the making. What it is shows only at its end, so it begins as numbers and keeps the text of its cells beside them up
 * to a limit; the first cell that is no number turns it into a factor, whose labels then are what the file says ("007"). */
#include "data/data_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP_TEXT = 8 << 20 };                        /* bytes of text per column */

/* ---- messages ---- */

static bm_shown show(const char *s)
{
    return bm_show(s, strlen(s));
}

bm_status bm_not_utf8(const bm_source *s, size_t line, const char *what, const char *text, size_t n, bm_error *err)
{
    size_t bad = bm_utf8_bad(text, n);

    return bm_fail(err, BM_EPARSE, "%s:%zu: %s '%s': byte %zu (0x%02X) is not UTF-8; convert the file, perhaps with "
                   "iconv -f LATIN1 -t UTF-8", bm_csv_name(s->csv), line, what, bm_show(text, n).s, bad + 1,
                   (unsigned char)text[bad]);
}

bm_status bm_text_among_numbers(const bm_source *s, size_t line, const char *column, const char *cell, bm_error *err)
{
    return bm_fail(err, BM_EPARSE, "%s:%zu: column '%s' holds numbers up to here, then text ('%s'): if these are labels use --factor '%s'",
                   bm_csv_name(s->csv), line, show(column).s, cell, show(column).s);
}

bm_status bm_ragged(const bm_source *s, size_t line, const bm_field *field, size_t nfield, bm_error *err)
{
    size_t      want = s->name.n;
    const char *hint = nfield == want + 1 && field[want].n == 0 && !field[want].quoted ? " (the line ends with a delimiter)"
                       : nfield == want + 1
                           ? " (row names without a name in the header, or a delimiter within an unquoted field?)"
                       : nfield > want ? " (a delimiter within an unquoted field?)" : "";

    return bm_fail(err, BM_EPARSE, "%s:%zu: %zu field%s where the header has %zu%s", bm_csv_name(s->csv), line,
                   nfield, nfield == 1 ? "" : "s", want, hint);
}

/* ---- cells ---- */

void bm_builder_clear(bm_builder *b)
{
    bm_column_clear(&b->col);
    bm_buf_free(&b->text);
    bm_levels_free(&b->levels);
}

static bm_status out_of_memory(const bm_source *s, size_t rows, bm_error *err)
{
    return bm_fail(err, BM_ENOMEM, "%s: out of memory after %zu rows", bm_csv_name(s->csv), rows);
}

static bm_status note_text(bm_builder *b, const bm_source *s, const bm_field *f, bm_error *err)
{
    if (b->col.text_line) return BM_OK;
    b->col.text_line = bm_csv_line(s->csv);
    b->col.text_hint = bm_cell_hint(f->s, f->n, s->rules.delim);
    b->col.text_cell = bm_strdup(bm_show(f->s, f->n).s);
    return b->col.text_cell ? BM_OK : bm_nomem(err);
}

static bm_status label_code(bm_builder *b, const bm_source *s, const bm_field *f, int32_t *code, bm_error *err)
{
    bool      added;
    double    x;
    bm_status st = bm_levels_code(&b->levels, f->s, f->n, code, &added, err);

    if (st != BM_OK || !added) return st;
    if (bm_utf8_bad(f->s, f->n) < f->n) {
        bm_buf what = { 0 };

        bm_buf_printf(&what, "column '%s', the label", show(b->col.name).s);
        st = bm_not_utf8(s, bm_csv_line(s->csv), what.s ? what.s : "the label", f->s, f->n, err);
        bm_buf_free(&what);
        return st;
    }
    return bm_cell_read(&s->rules, f, &x) == BM_CELL_TEXT ? note_text(b, s, f, err) : BM_OK;
}

/* From numbers to labels, at the first cell that is not a number: the cells so far are read again from the text kept. */
static bm_status turn_to_labels(bm_builder *b, const bm_source *s, size_t rows, bm_error *err)
{
    const char *p = b->text.s;
    bm_status   st = BM_OK;

    if (!b->kept) {
        b->as = BM_LOST;
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
    b->as = BM_LABELS;
    bm_buf_free(&b->text);
    return st;
}

static bm_status keep_text(bm_builder *b, const bm_source *s, const bm_field *f, size_t row, bool missing, bm_error *err)
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

static bm_status add_label(bm_builder *b, const bm_source *s, const bm_field *f, size_t row, bm_error *err)
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
bm_status bm_builder_add(bm_builder *b, const bm_source *s, const bm_field *f, size_t row, bm_error *err)
{
    bm_status st;
    double    x = NAN, *num;
    bm_cell   cell;

    if (b->as == BM_LABELS) return add_label(b, s, f, row, err);
    cell = bm_cell_read(&s->rules, f, &x);
    if (cell == BM_CELL_TEXT && b->as == BM_NUMBERS) {
        if ((st = note_text(b, s, f, err)) != BM_OK || (st = turn_to_labels(b, s, row, err)) != BM_OK) return st;
        if (b->as == BM_LABELS) return add_label(b, s, f, row, err);
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
static bm_status count_numbers(const bm_builder *b, const bm_source *s, size_t rows, size_t *numbers, size_t *meant, bm_error *err)
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

static bm_status not_numbers(const bm_builder *b, const bm_source *s, size_t numbers, size_t cells, bm_error *err)
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

bm_status bm_builder_check(const bm_builder *b, const bm_source *s, size_t rows, bm_error *err)
{
    size_t    cells = rows - b->col.nmissing, numbers = 0, meant = 0;
    bm_status st;

    if (b->as == BM_LOST && 10 * (unsigned long long)b->lost <= cells) return not_numbers(b, s, cells - b->lost, cells, err);
    if (b->as == BM_LOST) return bm_text_among_numbers(s, b->col.text_line, b->col.name, b->col.text_cell, err);
    if (b->as == BM_NUMBERS || b->asked || cells == 0) return BM_OK;
    if ((st = count_numbers(b, s, rows, &numbers, &meant, err)) != BM_OK) return st;
    if (cells >= 10 && b->col.text_line && 10 * (unsigned long long)numbers >= 9 * (unsigned long long)cells) return not_numbers(b, s, numbers, cells, err);
    return meant == cells && b->col.text_line ? not_numbers(b, s, numbers, cells, err) : BM_OK;         /* 1,5 throughout */
}

bm_status bm_builder_end(bm_builder *b, const bm_source *s, size_t rows, bm_error *err)
{
    bm_column *c = &b->col;
    bm_status  st = bm_builder_check(b, s, rows, err);
    void      *fewer;

    if (st == BM_OK && b->as == BM_LABELS) st = bm_levels_finish(&b->levels, c, rows, err);
    else c->kind = BM_COL_NUMERIC;
    if (st != BM_OK) return st;
    if (c->num && (fewer = realloc(c->num, rows * sizeof *c->num))) c->num = fewer;
    if (c->code && (fewer = realloc(c->code, rows * sizeof *c->code))) c->code = fewer;
    return BM_OK;
}

/* ---- as far as it has come ---- */

bm_status bm_builder_head(const bm_builder *b, const bm_source *s, size_t rows, bm_column *out, bm_error *err)
{
    const bm_column *c = &b->col;
    bm_status        st = BM_OK;

    if (b->as == BM_LOST) return bm_text_among_numbers(s, c->text_line, c->name, c->text_cell, err);
    *out = (bm_column){ .kind = BM_COL_NUMERIC, .name = bm_strdup(c->name), .nmissing = c->nmissing, .text_line = c->text_line, .text_hint = c->text_hint };
    if (c->text_cell && !(out->text_cell = bm_strdup(c->text_cell))) st = bm_nomem(err);
    if (b->as == BM_LABELS) out->code = bm_alloc(rows, sizeof *out->code);
    else out->num = bm_alloc(rows, sizeof *out->num);
    if (st != BM_OK || !out->name || !(out->code || out->num)) st = bm_nomem(err);
    else if (b->as == BM_LABELS) {
        memcpy(out->code, c->code, rows * sizeof *out->code);
        st = bm_levels_finish(&b->levels, out, rows, err);
    } else memcpy(out->num, c->num, rows * sizeof *out->num);
    if (st != BM_OK) bm_column_clear(out);
    return st;
}
