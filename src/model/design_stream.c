/* design_stream.c: a design whose rows come in portions. The plan and the coding are made on the first rows and on what earlier passes have found out; a portion
 * is evaluated by the same code as a whole table. */
#include "model/design_stream_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the plan ---- */

static bool waits_for_scale(const bm_recipe *r)
{
    for (size_t k = 0; k < r->nvar; k++)
        if (r->var[k].prog.waits) return true;
    return false;
}

/* Do levels that decide on the columns come from the first rows? */
static bool may_learn(const bm_recipe *r)
{
    for (size_t k = 0; k < r->nvar; k++)
        if (!r->var[k].group && r->var[k].factor && bm_var_levels_vary(&r->var[k]) && !bm_survey_levels(r->survey, k)) return true;
    return false;
}

/* Variables that are not groups: their levels decide on the columns. */
static bm_status plan_columns(bm_design_stream *s, bm_error *err)
{
    bm_recipe *r = &s->r;
    bm_design  seen = { 0 };      /* what is missing in the head is counted with the rest */
    bm_status  st = may_learn(r) ? bm_complete_rows(r, &seen, err) : BM_OK;

    for (size_t k = 0; k < seen.ndropped; k++) free(seen.dropped[k].name);
    free(seen.dropped);
    for (size_t k = 0; k < r->nvar && st == BM_OK; k++)
        if (!r->var[k].group && r->var[k].factor) st = bm_plan_levels(r, k, err);
    if (st == BM_OK) st = bm_var_contrasts(r, &s->d->notes, err);
    if (st == BM_OK) st = bm_note_dot(r->f, s->d, err);
    if (st == BM_OK) st = bm_fixed_columns(r, s->d, err);
    if (st == BM_OK) st = bm_effects_columns(r, s->d, err);
    free(r->row);
    r->row = NULL;
    r->n = 0;
    return st;
}

static bm_status plan_inputs(bm_design_stream *s, bm_error *err)
{
    const bm_recipe *r = &s->r;

    s->missing = bm_alloc(r->ninput, sizeof *s->missing);
    s->column = bm_alloc(r->ninput, sizeof *s->column);
    s->var = bm_alloc(r->nvar, sizeof *s->var);
    if (!s->missing || !s->column || !s->var) return bm_nomem(err);
    for (size_t k = 0; k < r->ninput; k++) s->column[k] = r->input[k].col->name;
    return bm_watch_new(s, err);
}

static bm_status plan_groups(bm_design_stream *s, bm_error *err)
{
    bm_recipe *r = &s->r;
    bm_design *d = s->d;
    bm_status  st = BM_OK;

    d->fac = bm_alloc(r->ngroup, sizeof *d->fac);
    s->part.fac = bm_alloc(r->ngroup, sizeof *s->part.fac);
    s->level = bm_alloc(r->ngroup, sizeof *s->level);
    s->order = bm_alloc(r->ngroup, sizeof *s->order);
    s->q = bm_alloc(r->ngroup, sizeof *s->q);
    s->x = bm_alloc(d->p, sizeof *s->x);
    if (!d->fac || !s->part.fac || !s->level || !s->order || !s->q || !s->x) return bm_nomem(err);
    s->part.p = d->p;
    for (size_t k = 0; k < r->ngroup && st == BM_OK; k++) {
        bm_group *g = &d->fac[k];

        d->nfac = s->part.nfac = k + 1;
        if (!(g->name = bm_strdup(r->group[k].name))) return bm_nomem(err);
        st = bm_group_columns(r, &r->group[k], g, err);
        s->q[k] = s->part.fac[k].q = g->q;
        s->part.fac[k].name = g->name;
        s->level[k].z = bm_alloc(g->q, sizeof *s->level[k].z);
        s->level[k].pair = bm_alloc(r->group[k].ncomp, sizeof *s->level[k].pair);
        g->zz = bm_alloc(g->q * g->q, sizeof *g->zz);
        if (!s->level[k].z || !s->level[k].pair || !g->zz) return bm_nomem(err);
    }
    return st;
}

/* waits: why the stream is to make a survey, or NULL where it need not. *learn: what is wrong may be so in the first rows only. */
static bm_status stream_new(bm_design_stream **out, const bm_recipe *of, const char *waits, bool *learn, bm_error *err)
{
    bm_design_stream *s = bm_alloc(1, sizeof *s);
    bm_status         st;

    *out = NULL;
    *learn = false;
    if (!s || !(s->d = bm_alloc(1, sizeof *s->d))) {
        free(s);
        return bm_nomem(err);
    }
    s->r = *of;
    bm_hash_start(&s->left_out);
    bm_hash_start(&s->print_y);
    bm_hash_start(&s->print_w);
    bm_hash_start(&s->print_o);
    st = bm_recipe_plan(&s->r, true, err);
    if (st == BM_OK) st = plan_inputs(s, err);
    if (st == BM_OK && waits) snprintf(s->waits, sizeof s->waits, "%s", waits);
    if (st == BM_OK && waits_for_scale(&s->r)) snprintf(s->waits, sizeof s->waits, "scale() takes its mean and standard deviation from all rows");
    if (st == BM_OK && !*s->waits) {
        *learn = may_learn(&s->r);
        st = plan_columns(s, err);
        if (st == BM_OK) st = plan_groups(s, err);
        if (st == BM_OK && !(s->d->yname = bm_strdup(s->r.var[s->r.response].name))) st = bm_nomem(err);
        s->d->known_se = s->r.se != SIZE_MAX;
    }
    if (st == BM_OK) *out = s;
    else bm_design_stream_free(s);
    return st;
}

bm_status bm_design_stream_new(bm_design_stream **out, const bm_spec *spec, const bm_formula *f, const bm_frame *head, const bm_survey *known, bm_error *err)
{
    bm_recipe r = { .spec = spec, .f = f, .frame = head, .portions = true, .survey = known };
    bm_error  why = { 0 };
    bool      learn;
    bm_status st = stream_new(out, &r, NULL, &learn, &why);

    if (st == BM_EINVAL && learn) {
        char of_head[sizeof why.msg + 40];

        snprintf(of_head, sizeof of_head, "the first rows do not tell the levels: %.*s", (int)strcspn(why.msg, "\n"), why.msg);
        return stream_new(out, &r, of_head, &learn, err);
    }
    return st == BM_OK ? st : bm_fail(err, st, "%s", why.msg);
}

const char *bm_design_stream_waits(const bm_design_stream *s)
{
    return *s->waits ? s->waits : NULL;
}

const bm_design *bm_design_stream_plan(const bm_design_stream *s, const size_t **q)
{
    *q = s->q;
    return s->d;
}

static void clear_part(bm_design *part)
{
    free(part->y);
    free(part->w);
    free(part->o);
    part->y = part->w = part->o = NULL;
}

void bm_design_stream_free(bm_design_stream *s)
{
    if (!s) return;
    clear_part(&s->part);
    free(s->part.X);
    for (size_t k = 0; s->level && k < s->r.ngroup; k++) {
        bm_level_set_clear(&s->level[k], s->r.group[k].ncomp);
        if (!s->part.fac) continue;
        free(s->part.fac[k].Z);
        free(s->part.fac[k].code);
    }
    for (size_t k = 0; s->var && k < s->r.nvar; k++) {
        bm_interned_free(&s->var[k].value);
        free(s->var[k].code);
    }
    for (size_t k = 0; s->watch && k < s->r.ninput; k++) free(s->watch[k].seen);
    bm_recipe_clear(&s->r);
    bm_design_free(s->d);
    free(s->part.fac);
    free(s->level);
    free(s->order);
    free(s->q);
    free(s->var);
    free(s->x);
    free(s->missing);
    free(s->watch);
    free(s->column);
    free(s->e);
    free(s);
}

/* ---- rows ---- */

static bool grow(void *at, size_t n, size_t size)
{
    void *old, *more;

    memcpy(&old, at, sizeof old);
    if (!(more = realloc(old, n * size))) return false;
    memcpy(at, &more, sizeof more);
    return true;
}

static bm_status make_room(bm_design_stream *s, size_t n, bm_error *err)
{
    bm_recipe *r = &s->r;

    if (n <= s->room) return BM_OK;
    if (!grow(&r->row, n, sizeof *r->row) || !grow(&s->e, n, sizeof *s->e) || !grow(&s->part.X, n * (s->d->p + 1), sizeof(double))) return bm_nomem(err);
    for (size_t k = 0; s->part.fac && k < r->ngroup; k++) {
        bm_group *g = &s->part.fac[k];

        if (!grow(&g->Z, n * g->q, sizeof *g->Z) || !grow(&g->code, n, sizeof *g->code)) return bm_nomem(err);
    }
    for (size_t k = 0; k < r->nvar; k++)
        if (r->var[k].group && !grow(&s->var[k].code, n, sizeof(int32_t))) return bm_nomem(err);
    s->room = n;
    return BM_OK;
}

/* Points the inputs at these rows; any: something is missing in them. */
static void point_inputs(bm_design_stream *s, const bm_frame *rows, bool *any)
{
    bm_recipe *r = &s->r;

    r->frame = rows;
    *any = false;
    for (size_t k = 0; k < r->ninput; k++) {
        bm_input *in = &r->input[k];

        in->col = bm_frame_col(rows, s->column[k]);
        s->missing[k] += in->col->nmissing;
        *any = *any || in->col->nmissing;
    }
}

/* The column that lacks row i, NULL where the row is complete. */
static const bm_column *lacking(const bm_recipe *r, size_t i)
{
    for (size_t k = 0; k < r->ninput; k++) {
        const bm_column *c = r->input[k].col;

        if (c->kind == BM_COL_NUMERIC ? isnan(c->num[i]) : c->code[i] < 0) return c;
    }
    return NULL;
}

static bm_status take_rows(bm_design_stream *s, const bm_frame *rows, bm_error *err)
{
    bm_recipe *r = &s->r;
    bm_status  st = make_room(s, rows->n, err);
    bool       any;

    if (st != BM_OK) return st;
    point_inputs(s, rows, &any);
    r->n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const bm_column *c = any ? lacking(r, i) : NULL;

        size_t at = r->first + i;

        if (!c) r->row[r->n++] = i;
        else bm_hash_add(&s->left_out, &at, sizeof at);
        if (!c) continue;
        if (r->spec->na_fail)
            return bm_fail(err, BM_EINVAL, "missing values: '%.100s' is missing in data row %zu, and na is 'fail'", c->name, r->first + i + 1);
    }
    return BM_OK;
}

static bm_status group_rows(bm_design_stream *s, size_t k, bm_error *err)
{
    const bm_grouping *p = &s->r.group[k];
    bm_group          *g = &s->part.fac[k];
    size_t             n = s->r.n, at = 0;
    bm_status          st = bm_group_codes(s, k, err);

    for (size_t i = 0; i < p->nterm && st == BM_OK; i++) {
        const bm_coding *c = &s->r.effects[p->term[i]].coding;

        st = bm_coding_eval(c, &s->r, s->r.row, n, g->Z + at * n, err);
        at += c->ncol;
    }
    for (size_t i = 0; i < g->q && st == BM_OK; i++) {
        bm_running_add(&s->level[k].z[i], g->Z + i * n, n);
        for (size_t j = 0; j < g->q; j++) s->d->fac[k].zz[i + j * g->q] += bm_sum_products(n, g->Z + i * n, g->Z + j * n);
    }
    return st;
}

bm_status bm_design_stream_next(bm_design_stream *s, const bm_frame *rows, const bm_design **part, bm_error *err)
{
    bm_recipe *r = &s->r;
    bm_design *d = &s->part;
    bm_status  st;

    *part = d;
    clear_part(d);
    st = take_rows(s, rows, err);
    if (st == BM_OK) st = bm_watch_labels(s, rows, err);
    if (st == BM_OK && !*s->waits) st = bm_watch_levels(s, rows, err);
    if (st == BM_OK && *s->waits) {
        d->n = 0;
        st = bm_survey_rows(s, rows, err);
        goto done;
    }
    d->n = r->n;
    if (st == BM_OK && r->noffset) st = bm_offsets_eval(r, d, err);
    if (st == BM_OK) st = bm_response_eval(r, d, s->e, err);
    if (st == BM_OK) bm_running_add(&s->y, s->e, r->n);
    if (st == BM_OK && (r->weights != SIZE_MAX || r->se != SIZE_MAX)) st = bm_weights_eval(r, d, err);
    if (st == BM_OK) {
        bm_hash_add(&s->print_y, d->y, d->n * sizeof *d->y);
        if (d->w) bm_hash_add(&s->print_w, d->w, d->n * sizeof *d->w);
        if (d->o) bm_hash_add(&s->print_o, d->o, d->n * sizeof *d->o);
    }
    if (st == BM_OK && d->w) s->d->mean_variance += d->mean_variance * (double)r->n;
    if (st == BM_OK) st = bm_coding_eval(&r->coding, r, r->row, r->n, d->X, err);
    for (size_t k = 0; k < d->p && st == BM_OK; k++) bm_running_add(&s->x[k], d->X + k * r->n, r->n);
    for (size_t k = 0; k < r->nvar && st == BM_OK; k++)
        if (r->var[k].group) st = bm_component_codes(s, k, err);
    for (size_t k = 0; k < r->ngroup && st == BM_OK; k++) st = group_rows(s, k, err);
done:
    r->first += rows->n;
    s->d->n += r->n;
    s->d->n_read += rows->n;
    return st;
}
