/* frame.c: named columns of equal length, from a file or from memory, and the views that models take of them. */
#include "data/data_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bm_status bm_frame_new(bm_frame **out, size_t n, bm_error *err)
{
    bm_frame *f = bm_alloc(1, sizeof *f);

    *out = f;
    if (!f) return bm_nomem(err);
    f->n = n;
    return BM_OK;
}

size_t bm_frame_rows(const bm_frame *f)
{
    return f->n;
}

void bm_column_clear(bm_column *c)
{
    for (size_t k = 0; c->levels && k < c->nlevels; k++) free(c->levels[k]);
    free(c->levels);
    free(c->name);
    free(c->num);
    free(c->code);
    free(c->text_cell);
    *c = (bm_column){ 0 };
}

void bm_frame_free(bm_frame *f)
{
    if (!f) return;
    for (size_t k = 0; k < f->ncol; k++) bm_column_clear(&f->col[k]);
    free(f->col);
    free(f->path);
    free(f);
}

const bm_column *bm_frame_col(const bm_frame *f, const char *name)
{
    for (size_t k = 0; k < f->ncol; k++)
        if (strcmp(f->col[k].name, name) == 0) return &f->col[k];
    return NULL;
}

bm_status bm_frame_add(bm_frame *f, bm_column *c, bm_error *err)
{
    bm_column *col;

    if (bm_frame_col(f, c->name)) {
        bm_shown s = bm_show(c->name, strlen(c->name));

        return bm_fail(err, BM_EINVAL, "there are two columns '%s'", s.s);
    }
    if (!(col = bm_grow(f->col, &f->cap, f->ncol + 1, sizeof *col))) return bm_nomem(err);
    f->col = col;
    f->col[f->ncol++] = *c;
    *c = (bm_column){ 0 };
    return BM_OK;
}

/* ---- from memory ---- */

static bm_status check_name(const char *name, bm_error *err)
{
    bm_shown s = bm_show(name, strlen(name));

    if (!*name) return bm_fail(err, BM_EINVAL, "a column needs a name");
    if (bm_utf8_bad(name, strlen(name)) < strlen(name)) return bm_fail(err, BM_EINVAL, "the column name '%s' is not UTF-8", s.s);
    return BM_OK;
}

bm_status bm_frame_add_numeric(bm_frame *f, const char *name, const double *x, bm_error *err)
{
    bm_column c = { .kind = BM_COL_NUMERIC };
    bm_status st = check_name(name, err);

    if (st != BM_OK) return st;
    if (!(c.name = bm_strdup(name)) || !(c.num = bm_alloc(f->n, sizeof *c.num))) {
        st = bm_nomem(err);
        goto done;
    }
    for (size_t i = 0; i < f->n; i++) {
        if (isinf(x[i])) {
            bm_shown s = bm_show(name, strlen(name));

            st = bm_fail(err, BM_EINVAL, "column '%s': row %zu is infinite; a missing value is NaN", s.s, i + 1);
            goto done;
        }
        c.num[i] = x[i];
        c.nmissing += isnan(x[i]);
    }
    st = bm_frame_add(f, &c, err);
done:
    bm_column_clear(&c);
    return st;
}

static bm_status label_code(bm_levels *lv, const char *name, const char *label, size_t row, int32_t *code, bm_error *err)
{
    size_t   n = strlen(label);
    bool     added;
    bm_shown col = bm_show(name, strlen(name)), cell = bm_show(label, n);

    if (n == 0) return bm_fail(err, BM_EINVAL, "column '%s': row %zu is an empty label; a missing value is NULL", col.s, row + 1);
    if (bm_utf8_bad(label, n) < n)
        return bm_fail(err, BM_EINVAL, "column '%s': row %zu, the label '%s', is not UTF-8", col.s, row + 1, cell.s);
    return bm_levels_code(lv, label, n, code, &added, err);
}

bm_status bm_frame_add_factor(bm_frame *f, const char *name, const char *const *labels, bm_error *err)
{
    bm_column c = { .kind = BM_COL_FACTOR };
    bm_levels lv = { 0 };
    bm_status st = check_name(name, err);

    if (st != BM_OK) return st;
    if (!(c.name = bm_strdup(name)) || !(c.code = bm_alloc(f->n, sizeof *c.code))) {
        st = bm_nomem(err);
        goto done;
    }
    for (size_t i = 0; i < f->n; i++) {
        c.code[i] = -1;
        if (!labels[i]) c.nmissing++;
        else if ((st = label_code(&lv, name, labels[i], i, &c.code[i], err)) != BM_OK) goto done;
    }
    if ((st = bm_levels_finish(&lv, &c, f->n, err)) == BM_OK) st = bm_frame_add(f, &c, err);
done:
    bm_levels_free(&lv);
    bm_column_clear(&c);
    return st;
}

/* ---- views ---- */

static bm_status copy_factor(bm_column *out, const bm_column *c, size_t n, bm_error *err)
{
    out->levels = bm_alloc(c->nlevels, sizeof *out->levels);
    if (!out->levels || !(out->code = bm_alloc(n, sizeof *out->code))) return bm_nomem(err);
    if (n) memcpy(out->code, c->code, n * sizeof *out->code);
    for (; out->nlevels < c->nlevels; out->nlevels++)
        if (!(out->levels[out->nlevels] = bm_strdup(c->levels[out->nlevels]))) return bm_nomem(err);
    out->numeric_levels = c->numeric_levels;
    out->text_line = c->text_line;
    out->text_hint = c->text_hint;
    if (c->text_cell && !(out->text_cell = bm_strdup(c->text_cell))) return bm_nomem(err);
    return BM_OK;
}

/* Equal numbers give equal texts (but 0 and -0, which are one), so that labels can be told apart by their text. */
static bm_status numbers_to_codes(bm_column *out, const bm_column *c, size_t n, bm_error *err)
{
    bm_levels lv = { 0 };
    bm_status st = BM_OK;
    bool      added;

    if (!(out->code = bm_alloc(n, sizeof *out->code))) return bm_nomem(err);
    for (size_t i = 0; i < n && st == BM_OK; i++) {
        char text[BM_NUMBER_MAX];

        out->code[i] = -1;
        if (isnan(c->num[i])) continue;
        if (i > 0 && c->num[i] == c->num[i - 1]) {   /* rows of a group often follow one another */
            out->code[i] = out->code[i - 1];
            continue;
        }
        st = bm_levels_code(&lv, text, bm_format_double(text, c->num[i] + 0.0), &out->code[i], &added, err);
    }
    if (st == BM_OK) st = bm_levels_finish(&lv, out, n, err);
    bm_levels_free(&lv);
    return st;
}

bm_status bm_column_as_factor(bm_column *out, const bm_column *c, size_t n, bm_error *err)
{
    bm_status st = BM_OK;

    *out = (bm_column){ .kind = BM_COL_FACTOR, .nmissing = c->nmissing };
    if (c->name && !(out->name = bm_strdup(c->name))) st = bm_nomem(err);
    if (st == BM_OK) st = c->kind == BM_COL_FACTOR ? copy_factor(out, c, n, err) : numbers_to_codes(out, c, n, err);
    if (st != BM_OK) bm_column_clear(out);
    return st;
}

/* The position in the list asked for of each level of c; -1 where it is not listed. */
static bm_status match_levels(int32_t *place, const char *column, char *const *label, size_t n, const char *const *levels, size_t nlevels, bm_error *err)
{
    bm_levels lv = { 0 };
    bm_status st = BM_OK;

    for (size_t k = 0; k < nlevels && st == BM_OK; k++) {
        int32_t code;
        bool    added;

        st = bm_levels_code(&lv, levels[k], strlen(levels[k]), &code, &added, err);
        if (st == BM_OK && !added) {
            bm_shown col = bm_show(column, strlen(column)), s = bm_show(levels[k], strlen(levels[k]));

            st = bm_fail(err, BM_EINVAL, "levels of '%s': '%s' is listed twice", col.s, s.s);
        }
    }
    for (size_t k = 0; k < n && st == BM_OK; k++)
        if (!bm_levels_find(&lv, label[k], strlen(label[k]), &place[k])) place[k] = -1;
    bm_levels_free(&lv);
    return st;
}

static bm_status not_listed(const char *column, const char *label, const char *const *levels, size_t nlevels, bm_error *err)
{
    const char *close = bm_closest(label, levels, nlevels);
    bm_shown    col = bm_show(column, strlen(column)), s = bm_show(label, strlen(label));
    bm_shown    meant = bm_show(close, close ? strlen(close) : 0);

    return bm_fail(err, BM_EINVAL, "levels of '%s': the data have a level '%s' that is not listed%s%s%s", col.s, s.s,
                   close ? "; does '" : "", meant.s, close ? "' stand for it?" : "");
}

bm_status bm_labels_place(const char *column, char *const *label, size_t n, const char *const *list, size_t nlist, int32_t *place, bm_error *err)
{
    int32_t  *rank = bm_alloc(n, sizeof *rank);
    size_t    first = SIZE_MAX;
    bool      numeric;
    bm_status st = rank ? match_levels(place, column, label, n, list, nlist, err) : bm_nomem(err);

    if (st == BM_OK) st = bm_labels_order((const char *const *)label, n, rank, &numeric, err);
    for (size_t k = 0; k < n && st == BM_OK; k++)
        if (place[k] < 0 && (first == SIZE_MAX || rank[k] < rank[first])) first = k;
    if (st == BM_OK && first != SIZE_MAX) st = not_listed(column, label[first], list, nlist, err);
    free(rank);
    return st;
}

/* Which old level (plus one) comes at each place; 0 where the listed level has no rows. */
static bm_status order_levels(size_t *old, const bm_column *c, size_t n, const char *const *levels, size_t nlevels, bm_error *err)
{
    int32_t  *place = bm_alloc(c->nlevels, sizeof *place);
    bool     *used = bm_alloc(c->nlevels, sizeof *used);
    bm_status st = BM_ENOMEM;

    if (!place || !used) {
        bm_nomem(err);
        goto done;
    }
    if ((st = match_levels(place, c->name, c->levels, c->nlevels, levels, nlevels, err)) != BM_OK) goto done;
    for (size_t i = 0; i < n; i++)
        if (c->code[i] >= 0) used[c->code[i]] = true;
    for (size_t k = 0; k < c->nlevels && st == BM_OK; k++) {
        if (used[k] && place[k] < 0) st = not_listed(c->name, c->levels[k], levels, nlevels, err);
        else if (used[k]) old[place[k]] = k + 1;
    }
done:
    free(place);
    free(used);
    return st;
}

bm_status bm_column_relevel(bm_column *c, size_t n, const char *const *levels, size_t nlevels, bm_error *err)
{
    size_t   *old = bm_alloc(nlevels, sizeof *old), m = 0;
    int32_t  *now = bm_alloc(c->nlevels, sizeof *now);
    char    **labels = bm_alloc(nlevels, sizeof *labels);
    bm_status st = BM_ENOMEM;

    if (!old || !now || !labels) {
        bm_nomem(err);
        goto done;
    }
    if ((st = order_levels(old, c, n, levels, nlevels, err)) != BM_OK) goto done;
    for (size_t j = 0; j < nlevels; j++) {           /* labels move, those that are left are without rows */
        if (!old[j]) continue;
        now[old[j] - 1] = (int32_t)m;
        labels[m++] = c->levels[old[j] - 1];
        c->levels[old[j] - 1] = NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (c->code[i] >= 0) c->code[i] = now[c->code[i]];
    for (size_t k = 0; k < c->nlevels; k++) free(c->levels[k]);
    free(c->levels);
    c->levels = labels;
    c->nlevels = m;
    labels = NULL;
done:
    free(labels);
    free(now);
    free(old);
    return st;
}

/* ---- a choice of columns ---- */

static bm_status copy_column(bm_column *out, const bm_column *c, size_t n, bm_error *err)
{
    bm_status st = BM_OK;

    *out = (bm_column){ 0 };
    if (c->kind == BM_COL_FACTOR) {
        st = bm_column_as_factor(out, c, n, err);
    } else {
        *out = (bm_column){ .kind = c->kind, .nmissing = c->nmissing, .name = bm_strdup(c->name), .num = bm_alloc(n, sizeof *out->num) };
        if (!out->name || !out->num) st = bm_nomem(err);
        else memcpy(out->num, c->num, n * sizeof *out->num);
    }
    if (st != BM_OK) bm_column_clear(out);
    return st;
}

static bm_status no_such_column(const bm_frame *f, const char *name, bm_error *err)
{
    const char **names = bm_alloc(f->ncol, sizeof *names), *close;

    if (!names) return bm_nomem(err);
    for (size_t k = 0; k < f->ncol; k++) names[k] = f->col[k].name;
    close = bm_closest(name, names, f->ncol);
    bm_fail(err, BM_EINVAL, "there is no column '%s'%s%s%s", bm_show(name, strlen(name)).s, close ? "; did you mean '" : "",
            close ? bm_show(close, strlen(close)).s : "", close ? "'?" : "");
    free(names);
    return BM_EINVAL;
}

bm_status bm_frame_select(bm_frame **out, const bm_frame *f, const char *const *names, size_t n, bm_error *err)
{
    bm_frame *g = NULL;
    bm_status st = bm_frame_new(&g, f->n, err);

    *out = NULL;
    for (size_t i = 0; i < n && st == BM_OK; i++) {
        const bm_column *c = bm_frame_col(f, names[i]);
        bm_column        copy = { 0 };

        st = c ? copy_column(&copy, c, f->n, err) : no_such_column(f, names[i], err);
        if (st == BM_OK) st = bm_frame_add(g, &copy, err);
        bm_column_clear(&copy);
    }
    if (st == BM_OK) *out = g;
    else bm_frame_free(g);
    return st;
}
