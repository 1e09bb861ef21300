/* design_input.c: the columns a model uses, and the rows in which none of them is missing. */
#include "model/design_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- --factor and --levels ---- */

static bm_status make_factor(bm_input *in, size_t n, const char *levels, bm_error *err)
{
    bm_strv   list = { 0 };
    bm_status st = bm_column_as_factor(&in->own, in->col, n, err);

    if (st == BM_OK && levels) st = bm_levels_split(&list, levels, err);
    if (st == BM_OK && levels) st = bm_column_relevel(&in->own, n, (const char *const *)list.v, list.n, err);
    in->col = &in->own;
    bm_strv_free(&list);
    return st;
}

static bm_status add_input(bm_recipe *r, size_t *out, const bm_column *col, size_t pos, bm_error *err)
{
    const char *levels = r->portions ? NULL : bm_spec_levels(r->spec, col->name);
    bm_input   *in = bm_grow(r->input, &r->cap_input, r->ninput + 1, sizeof *in);

    if (!in) return bm_nomem(err);
    r->input = in;
    for (size_t k = 0; k < r->ninput; k++)           /* own columns may have moved */
        if (in[k].own.name) in[k].col = &in[k].own;
    *out = r->ninput++;
    in += *out;
    *in = (bm_input){ .col = col, .pos = pos };
    if (!levels && !(col->kind == BM_COL_NUMERIC && bm_strv_has(&r->spec->factors, col->name))) return BM_OK;
    return make_factor(in, r->frame->n, levels, err);
}

/* ---- by name ---- */

static const char *closest_column(const bm_frame *frame, const char *name)
{
    const char **names = bm_alloc(frame->ncol, sizeof *names), *close = NULL;

    if (!names) return NULL;
    for (size_t k = 0; k < frame->ncol; k++) names[k] = frame->col[k].name;
    close = bm_closest(name, names, frame->ncol);
    free(names);
    return close;
}

static const bm_column *known(bm_recipe *r, size_t *out, const char *name)
{
    for (size_t k = 0; k < r->ninput; k++)
        if (strcmp(r->input[k].col->name, name) == 0) {
            *out = k;
            return r->input[k].col;
        }
    *out = SIZE_MAX;
    return bm_frame_col(r->frame, name);
}

bm_status bm_input_find(bm_recipe *r, size_t *out, const bm_node *name, bm_error *err)
{
    const bm_column *col = known(r, out, name->text);
    const char      *close;

    if (*out != SIZE_MAX) return BM_OK;
    if (col) return add_input(r, out, col, name->pos, err);
    close = closest_column(r->frame, name->text);
    return bm_formula_fail(r->f, name->pos, err, BM_EINVAL, "formula: the data have no column '%.100s'%s%.100s%s", name->text,
                           close ? "; did you mean '" : "", close ? close : "", close ? "'?" : "");
}

bm_status bm_formula_match(const bm_formula *f, const char *const *columns, size_t n, bm_error *err)
{
    for (size_t i = 0; i < f->nall; i++) {
        const bm_node *v = f->all[i];
        const char    *close;
        bool           found = false;

        if (v->kind != BM_NODE_NAME || !bm_strv_has(&f->vars, v->text)) continue;
        for (size_t k = 0; k < n && !found; k++) found = strcmp(columns[k], v->text) == 0;
        if (found) continue;
        close = bm_closest(v->text, columns, n);
        return bm_formula_fail(f, v->pos, err, BM_EINVAL, "formula: the data have no column '%.100s'%s%.100s%s", v->text,
                               close ? "; did you mean '" : "", close ? close : "", close ? "'?" : "");
    }
    return BM_OK;
}

bm_status bm_input_setting(bm_recipe *r, size_t *out, const char *what, const char *name, bm_error *err)
{
    const bm_column *col = known(r, out, name);
    const char      *close;
    bm_status        st;

    if (!col) {
        close = closest_column(r->frame, name);
        return bm_fail(err, BM_EINVAL, "%s: the data have no column '%.100s'%s%.100s%s", what, name,
                       close ? "; did you mean '" : "",
                       close ? close : "", close ? "'?" : "");
    }
    if (*out == SIZE_MAX && (st = add_input(r, out, col, SIZE_MAX, err)) != BM_OK) return st;
    if (r->input[*out].col->kind == BM_COL_FACTOR) {
        bm_buf why = { 0 };

        bm_input_why_text(r, &r->input[*out], &why);
        bm_fail(err, BM_EINVAL, "%s: %s", what, why.failed ? name : why.s);
        bm_buf_free(&why);
        return BM_EINVAL;
    }
    return BM_OK;
}

void bm_input_why_text(const bm_recipe *r, const bm_input *in, bm_buf *b)
{
    const bm_column *c = in->col;

    bm_buf_printf(b, "the column '%.100s' is not numeric", c->name);
    if (c->text_line && c->text_cell) {
        bool piped = !r->frame->path || strcmp(r->frame->path, "-") == 0;

        bm_buf_printf(b, ": %s:%zu has '%.60s'", piped ? "standard input" : r->frame->path, c->text_line, c->text_cell);
        if (c->text_hint) bm_buf_printf(b, " (%s)", c->text_hint);
    } else if (c->numeric_levels) bm_buf_puts(b, ": it is declared a factor");
    else if (c->nlevels) bm_buf_printf(b, ": it has the label '%.60s'", c->levels[0]);
}

/* ---- complete rows ---- */

static bool is_missing(const bm_column *c, size_t i)
{
    return c->kind == BM_COL_NUMERIC ? isnan(c->num[i]) : c->code[i] < 0;
}

static bm_status count_missing(const bm_recipe *r, bm_design *d, bm_error *err)
{
    if (!(d->dropped = bm_alloc(r->ninput, sizeof *d->dropped))) return bm_nomem(err);
    for (size_t k = 0; k < r->ninput; k++) {
        size_t count = 0;

        for (size_t i = 0; i < r->frame->n; i++) count += is_missing(r->input[k].col, i);
        if (count == 0) continue;
        if (!(d->dropped[d->ndropped].name = bm_strdup(r->input[k].col->name))) return bm_nomem(err);
        d->dropped[d->ndropped++].n = count;
    }
    return BM_OK;
}

/* --na fail */
static bm_status refuse_missing(const bm_recipe *r, const bm_design *d, bm_error *err)
{
    size_t row = 0;

    while (row + 1 < r->frame->n) {
        bool complete = true;

        for (size_t k = 0; k < r->ninput && complete; k++) complete = !is_missing(r->input[k].col, row);
        if (!complete) break;
        row++;
    }
    for (size_t k = 0; k < r->ninput; k++)
        if (is_missing(r->input[k].col, row)) {
            for (size_t j = 0; j < d->ndropped; j++)
                if (strcmp(d->dropped[j].name, r->input[k].col->name) == 0)
                    return bm_fail(err, BM_EINVAL,
                                   "missing values: '%.100s' is missing in data row %zu (%zu row%s in all), and na is 'fail'",
                                   r->input[k].col->name, row + 1, d->dropped[j].n, d->dropped[j].n > 1 ? "s" : "");
        }
    return BM_OK;
}

bm_status bm_nothing_left(size_t n_read, const bm_design *d, bm_error *err)
{
    bm_buf b = { 0 };

    for (size_t j = 0; j < d->ndropped && j < 8; j++)
        bm_buf_printf(&b, "%s'%.60s' in %zu", j ? ", " : "", d->dropped[j].name, d->dropped[j].n);
    bm_fail(err, BM_EINVAL, "no row is left: every one of the %zu has a missing value (%s)", n_read, b.failed ? "" : b.s);
    bm_buf_free(&b);
    return BM_EINVAL;
}

bm_status bm_complete_rows(bm_recipe *r, bm_design *d, bm_error *err)
{
    bm_status st = count_missing(r, d, err);

    if (st != BM_OK) return st;
    if (r->frame->n == 0) return bm_fail(err, BM_EINVAL, "the data have no rows");
    if (d->ndropped && r->spec->na_fail) return refuse_missing(r, d, err);
    if (!(r->row = bm_alloc(r->frame->n, sizeof *r->row))) return bm_nomem(err);
    for (size_t i = 0; i < r->frame->n; i++) {
        bool complete = true;

        for (size_t k = 0; k < r->ninput && complete && d->ndropped; k++) complete = !is_missing(r->input[k].col, i);
        if (complete) r->row[r->n++] = i;
    }
    return r->n ? BM_OK : bm_nothing_left(r->frame->n, d, err);
}
