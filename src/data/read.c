/* read.c: a CSV file as a table of typed columns: its header, its rows. */
#include "data/data_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_NAMES = 20 };                            /* names in a message */

/* ---- messages ---- */

static bm_shown show(const char *s)
{
    return bm_show(s, strlen(s));
}

/* "there is no column 'x'; did you mean 'y'? ... columns: a, b" */
static bm_status no_column(const bm_source *s, const char *name, const char *why, bm_error *err)
{
    size_t             n;
    const char *const *names = bm_source_names(s, &n), *close = bm_closest(name, names, n);
    bm_buf             list = { 0 };
    bm_shown           shown = show(name);

    for (size_t k = 0; k < n && k < LIST_NAMES; k++) bm_buf_printf(&list, "%s%s", k ? ", " : "", show(names[k]).s);
    if (n > LIST_NAMES) bm_buf_printf(&list, ", ... (%zu in all)", n);
    if (n == 1) bm_buf_puts(&list, " (only one: is it another delimiter? see --delim)");
    bm_fail(err, BM_EINVAL, "%s: there is no column '%s'%s%s%s%s; columns: %s", bm_csv_name(s->csv), shown.s, why,
            close ? "; did you mean '" : "", close ? show(close).s : "", close ? "'?" : "", list.s ? list.s : "");
    bm_buf_free(&list);
    return BM_EINVAL;
}

/* ---- the header ---- */

static bool is_blank_line(const bm_field *field, size_t nfield)
{
    return nfield == 1 && field->n == 0 && !field->quoted;
}

/* Row names as R's write.csv and pandas' to_csv write them: the first of several columns may be without a name. */
static bool is_row_names(size_t k, const bm_field *f, size_t nfield)
{
    return k == 0 && nfield > 1 && f->n == 0;
}

static bm_status add_name(bm_source *s, const bm_field *f, size_t nfield, bm_error *err)
{
    size_t    k = s->name.n;
    int32_t   code;
    bool      added;
    char     *name;
    bm_status st;

    if (f->n == 0 && !is_row_names(k, f, nfield))
        return bm_fail(err, BM_EPARSE, "%s:%zu: column %zu has no name", bm_csv_name(s->csv), bm_csv_line(s->csv), k + 1);
    if (bm_utf8_bad(f->s, f->n) < f->n) return bm_not_utf8(s, bm_csv_line(s->csv), "column name", f->s, f->n, err);
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
        if ((st = add_name(s, &field[k], nfield, err)) != BM_OK) return st;
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
    size_t skip = s->name.n && !*s->name.v[0];          /* row names, which no formula can name */

    *n = s->name.n - skip;
    return (const char *const *)s->name.v + skip;
}

void bm_source_watch(bm_source *s, bm_watch_bytes *watch, void *self)
{
    bm_csv_watch(s->csv, watch, self);
}

void bm_source_close(bm_source *s)
{
    if (!s) return;
    bm_csv_close(s->csv);
    for (size_t k = 0; k < s->nb; k++) bm_builder_clear(&s->b[k]);
    free(s->b);
    bm_strv_free(&s->name);
    bm_levels_free(&s->index);
    bm_cell_rules_free(&s->rules);
    bm_strv_free(&s->factors);
    free(s);
}

/* ---- the table ---- */

static bm_status add_builder(const bm_source *s, bm_builder *b, size_t *n, bool *seen, const char *name, bm_error *err)
{
    int32_t k;

    if (!bm_levels_find(&s->index, name, strlen(name), &k)) return no_column(s, name, "", err);
    if (seen[k]) return BM_OK;
    seen[k] = true;
    b += (*n)++;
    b->field = (size_t)k;
    b->asked = bm_strv_has(&s->factors, name);
    b->as = b->asked ? BM_LABELS : BM_NUMBERS;
    b->kept = !b->asked;
    b->col.name = bm_strdup(name);
    return b->col.name ? BM_OK : bm_nomem(err);
}

/* A column in the making for each that is wanted, once. */
static bm_status make_builders(bm_source *s, const char *const *want, size_t nwant, bm_error *err)
{
    bool     *seen = bm_alloc(s->name.n, sizeof *seen);
    bm_status st = BM_OK;

    s->b = bm_alloc(nwant, sizeof *s->b);
    if (!s->b || !seen) {
        free(seen);
        return bm_nomem(err);
    }
    for (size_t i = 0; i < nwant && st == BM_OK; i++) st = add_builder(s, s->b, &s->nb, seen, want[i], err);
    free(seen);
    return st;
}

/* One more row of every column. */
static bm_status add_row(bm_source *s, const bm_field *field, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t k = 0; k < s->nb && st == BM_OK; k++) st = bm_builder_add(&s->b[k], s, &field[s->b[k].field], s->rows, err);
    s->rows++;
    return st;
}

/* Up to `most` rows in all. Empty lines are skipped; in a file with one column they are missing values, but for those at the end. */
static bm_status read_rows(bm_source *s, size_t most, bool *more, bm_error *err)
{
    static const bm_field nothing = { .s = "", .n = 0 };
    const bm_field       *field;
    size_t                nfield, ncol = s->name.n;
    bm_status             st;

    for (*more = false; s->rows < most;) {
        for (;; s->empty++) {
            if ((st = bm_csv_next(s->csv, &field, &nfield, err)) != BM_OK) return st;
            if (!is_blank_line(field, nfield)) break;
        }
        if (nfield == 0) return BM_OK;
        if (nfield != ncol) return bm_ragged(s, bm_csv_line(s->csv), field, nfield, err);
        for (; ncol == 1 && s->empty > 0; s->empty--)
            if ((st = add_row(s, &nothing, err)) != BM_OK) return st;
        if ((st = add_row(s, field, err)) != BM_OK) return st;
    }
    *more = true;
    return BM_OK;
}

/* An empty frame of the rows read so far. */
static bm_status new_frame(const bm_source *s, bm_frame **out, bm_error *err)
{
    bm_status st = s->rows ? bm_frame_new(out, s->rows, err) : bm_fail(err, BM_EPARSE, "%s has a header but no rows", bm_csv_name(s->csv));

    if (st == BM_OK && !((*out)->path = bm_strdup(bm_csv_path(s->csv)))) st = bm_nomem(err);
    return st;
}

bm_status bm_source_head(bm_source *s, bm_frame **out, bool *more, const char *const *want, size_t nwant, size_t most, bm_error *err)
{
    bm_frame *f = NULL;
    bm_status st = make_builders(s, want, nwant, err);

    *out = NULL;
    if (st == BM_OK) st = read_rows(s, s->name.n == 1 ? SIZE_MAX : most, more, err);
    if (st != BM_OK || !*more) return st;
    st = new_frame(s, &f, err);
    for (size_t k = 0; k < s->nb && st == BM_OK; k++) {
        bm_column c = { 0 };

        st = bm_builder_head(&s->b[k], s, s->rows, &c, err);
        if (st == BM_OK) st = bm_frame_add(f, &c, err);
        bm_column_clear(&c);
    }
    if (st == BM_OK) *out = f;
    else bm_frame_free(f);
    return st;
}

bm_status bm_source_read(bm_source *s, bm_frame **out, const char *const *want, size_t nwant, bm_error *err)
{
    bm_frame *f = NULL;
    bool      more;
    bm_status st = s->b ? BM_OK : make_builders(s, want, nwant, err);

    *out = NULL;
    if (st == BM_OK) st = read_rows(s, SIZE_MAX, &more, err);
    if (st == BM_OK) st = new_frame(s, &f, err);
    if (st == BM_OK) bm_csv_hash(s->csv, f->hash);
    for (size_t k = 0; k < s->nb && st == BM_OK; k++)
        if ((st = bm_builder_end(&s->b[k], s, s->rows, err)) == BM_OK) st = bm_frame_add(f, &s->b[k].col, err);
    if (st == BM_OK) *out = f;
    else bm_frame_free(f);
    return st;
}
