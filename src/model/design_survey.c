/* design_survey.c: what the plan of a design takes from all rows, where these come in portions: labels as they come, the levels of factors among the coefficients,
 * what scale() measures. A pass over the rows finds out what the first ones do not tell, and the next begins with it. */
#include "model/design_stream_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct bm_survey {
    size_t         nscale, nvar;
    bm_running    *scale;
    bool          *measured;      /* nscale */
    bm_level_list *var;
};

const bm_running *bm_survey_scale(const bm_survey *s, size_t k)
{
    return s && s->measured[k] ? &s->scale[k] : NULL;
}

const bm_level_list *bm_survey_levels(const bm_survey *s, size_t var)
{
    return s && s->var[var].known ? &s->var[var] : NULL;
}

size_t bm_survey_size(const bm_survey *s)
{
    size_t n = 0;

    for (size_t k = 0; s && k < s->nscale; k++) n += s->measured[k];
    for (size_t k = 0; s && k < s->nvar; k++) n += s->var[k].known;
    return n;
}

void bm_survey_free(bm_survey *s)
{
    if (!s) return;
    for (size_t k = 0; s->var && k < s->nvar; k++) {
        bm_strv_free(&s->var[k].label);
        free(s->var[k].value);
    }
    free(s->var);
    free(s->scale);
    free(s->measured);
    free(s);
}

/* ---- the plan ---- */

/* Known from a survey, listed by --levels (of which each is taken to occur until the end says otherwise), or those of the first rows. */
bm_status bm_plan_levels(bm_recipe *r, size_t k, bm_error *err)
{
    bm_var              *v = &r->var[k];
    const bm_level_list *known = bm_survey_levels(r->survey, k);
    const char          *levels = v->input != SIZE_MAX ? bm_spec_levels(r->spec, r->input[v->input].col->name) : NULL;
    bm_strv              list = { 0 };
    bm_status            st;

    if (known && known->value) return bm_var_set_values(v, known->value, known->nvalue, err);
    if (known) return bm_var_set_labels(r, v, (const char *const *)known->label.v, known->label.n, err);
    if (!levels) return bm_var_levels(r, v, err);
    st = bm_levels_split(&list, levels, err);
    if (st == BM_OK) st = bm_var_set_labels(r, v, (const char *const *)list.v, list.n, err);
    bm_strv_free(&list);
    return st;
}

/* ---- labels as they come ---- */

/* Is the variable a factor whose levels decide on columns and depend on the rows? */
static bool decides(const bm_var *v)
{
    return !v->group && v->factor && bm_var_levels_vary(v);
}

bm_status bm_watch_new(bm_design_stream *s, bm_error *err)
{
    const bm_recipe *r = &s->r;

    if (!(s->watch = bm_alloc(r->ninput, sizeof *s->watch))) return bm_nomem(err);
    for (size_t k = 0; k < r->ninput; k++) {
        bm_watch *w = &s->watch[k];

        for (size_t j = 0; j < r->nvar; j++) w->on = w->on || (decides(&r->var[j]) && r->var[j].input == k) || bm_program_compares(&r->var[j].prog, k);
        w->n = r->input[k].col->nlevels;
        if (w->on && !(w->seen = bm_alloc(w->n, sizeof *w->seen))) return bm_nomem(err);
    }
    return BM_OK;
}

static bm_status grow_map(bm_var *v, size_t n, bm_error *err)
{
    int32_t *map = realloc(v->map, n * sizeof *map);

    if (!map) return bm_nomem(err);
    v->map = map;
    return BM_OK;
}

/* Code c of input k has this label. */
static void add_label(bm_recipe *r, size_t k, size_t c, const char *label)
{
    for (size_t j = 0; j < r->nvar; j++) {
        bm_var *v = &r->var[j];

        bm_program_label(&v->prog, k, (int32_t)c, label);
        if (v->input == k && v->map) v->map[v->nmap++] = bm_var_place(v, label);
    }
    for (size_t j = 0; j < r->nscale; j++) bm_program_label(&r->scale[j].x, k, (int32_t)c, label);
}

bm_status bm_watch_labels(bm_design_stream *s, const bm_frame *rows, bm_error *err)
{
    bm_recipe *r = &s->r;

    for (size_t k = 0; k < r->ninput; k++) {
        bm_watch        *w = &s->watch[k];
        const bm_column *c = r->input[k].col;
        bool            *seen;

        if (!w->on || c->nlevels <= w->n) continue;
        if (!(seen = realloc(w->seen, c->nlevels * sizeof *seen))) return bm_nomem(err);
        w->seen = seen;
        for (size_t j = 0; j < r->nvar; j++)
            if (r->var[j].input == k && r->var[j].map && grow_map(&r->var[j], c->nlevels, err) != BM_OK) return BM_ENOMEM;
        for (; w->n < c->nlevels; w->n++) {
            seen[w->n] = false;
            add_label(r, k, w->n, bm_frame_label(rows, c, w->n));
        }
    }
    return BM_OK;
}

/* ---- levels that the plan does not have ---- */

/* What this pass has seen of values so far: those of the first rows. */
static bm_status begin_survey(bm_design_stream *s, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t k = 0; k < s->r.nvar; k++) {
        const bm_var *v = &s->r.var[k];
        int32_t       code;

        if (!decides(v) || v->input != SIZE_MAX) continue;
        for (size_t i = 0; i < v->nlevels && st == BM_OK; i++) st = bm_value_code(&s->var[k].value, v->value[i], v->name, &code, err);
    }
    return st;
}

static bm_status late_level(bm_design_stream *s, const bm_var *v, size_t i, bm_error *err)
{
    snprintf(s->waits, sizeof s->waits, "a level of '%.100s' first occurs in data row %zu", v->name, s->r.first + s->r.row[i] + 1);
    return begin_survey(s, err);
}

/* A factor made of numbers. */
static bm_status check_values(bm_design_stream *s, const bm_var *v, bm_error *err)
{
    int32_t  *code = bm_alloc(s->r.n, sizeof *code);
    bm_status st = code ? bm_var_codes(&s->r, v, s->r.row, s->r.n, code, err) : bm_nomem(err);

    for (size_t i = 0; i < s->r.n && st == BM_OK && !*s->waits; i++)
        if (code[i] < 0) st = late_level(s, v, i, err);
    free(code);
    return st;
}

/* --levels has to list it. */
static bm_status check_listed(const bm_design_stream *s, const bm_frame *rows, const bm_column *c, size_t code, bm_error *err)
{
    const char *levels = bm_spec_levels(s->r.spec, c->name);
    char       *label = levels ? bm_strdup(bm_frame_label(rows, c, code)) : NULL;
    bm_strv     list = { 0 };
    int32_t     place;
    bm_status   st;

    if (!levels) return BM_OK;
    st = label ? bm_levels_split(&list, levels, err) : bm_nomem(err);
    if (st == BM_OK) st = bm_labels_place(c->name, &label, 1, (const char *const *)list.v, list.n, &place, err);
    bm_strv_free(&list);
    free(label);
    return st;
}

static bm_status check_labels(bm_design_stream *s, const bm_frame *rows, const bm_var *v, bm_error *err)
{
    const bm_recipe *r = &s->r;
    const bm_column *c = r->input[v->input].col;
    bool            *seen = s->watch[v->input].seen;

    for (size_t i = 0; i < r->n; i++) {
        size_t    code = (size_t)c->code[r->row[i]];
        bm_status st;

        seen[code] = true;
        if (v->map[code] >= 0) continue;
        return (st = check_listed(s, rows, c, code, err)) == BM_OK ? late_level(s, v, i, err) : st;
    }
    return BM_OK;
}

bm_status bm_watch_levels(bm_design_stream *s, const bm_frame *rows, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t k = 0; k < s->r.nvar && st == BM_OK && !*s->waits; k++) {
        const bm_var *v = &s->r.var[k];

        if (decides(v)) st = v->input == SIZE_MAX ? check_values(s, v, err) : check_labels(s, rows, v, err);
    }
    return st;
}

static bm_status check_all_occur(bm_design_stream *s, const bm_var *v, bm_error *err)
{
    const bm_watch *w = &s->watch[v->input];
    bool           *occurs = bm_alloc(v->nlevels, sizeof *occurs);

    if (!occurs) return bm_nomem(err);
    for (size_t c = 0; c < w->n; c++)
        if (w->seen[c]) occurs[v->map[c]] = true;
    for (size_t j = v->nlevels; j-- > 0;)
        if (!occurs[j]) snprintf(s->waits, sizeof s->waits, "no complete row has the level '%.60s' of '%.100s', which is listed", v->levels[j], v->name);
    free(occurs);
    return *s->waits ? begin_survey(s, err) : BM_OK;
}

bm_status bm_watch_end(bm_design_stream *s, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t k = 0; k < s->r.nvar && st == BM_OK && !*s->waits; k++)
        if (decides(&s->r.var[k]) && s->r.var[k].input != SIZE_MAX) st = check_all_occur(s, &s->r.var[k], err);
    return st;
}

/* ---- a pass that only looks ---- */

static bm_status measure(bm_design_stream *s, bm_scale *one, size_t n, bm_error *err)
{
    double *stack = bm_alloc(one->x.depth * BM_CHUNK, sizeof *stack);
    size_t  m = 0;

    if (!stack) return bm_nomem(err);
    for (size_t i = 0; i < n; i += BM_CHUNK) {
        size_t k = n - i < BM_CHUNK ? n - i : BM_CHUNK;

        bm_program_run(&one->x, s->r.input, NULL, i, k, stack);
        for (size_t j = 0; j < k; j++)
            if (!isnan(stack[j])) s->e[m++] = stack[j];
    }
    bm_running_add(&one->seen, s->e, m);
    free(stack);
    return BM_OK;
}

static bm_status see_levels(bm_design_stream *s, size_t k, bm_error *err)
{
    const bm_recipe *r = &s->r;
    const bm_var    *v = &r->var[k];
    bm_status        st;
    int32_t          code;

    if (v->input != SIZE_MAX) {
        for (size_t i = 0; i < r->n; i++) s->watch[v->input].seen[r->input[v->input].col->code[r->row[i]]] = true;
        return BM_OK;
    }
    if (v->prog.waits) return BM_OK;
    st = bm_var_numbers(r, v, r->row, r->n, s->e, err);
    for (size_t i = 0; i < r->n && st == BM_OK; i++) st = bm_value_code(&s->var[k].value, s->e[i], v->name, &code, err);
    return st;
}

bm_status bm_survey_rows(bm_design_stream *s, const bm_frame *rows, bm_error *err)
{
    bm_recipe *r = &s->r;
    bm_status  st = BM_OK;

    for (size_t k = 0; k < r->nscale && st == BM_OK; k++)
        if (!bm_survey_scale(r->survey, k) && !r->scale[k].x.waits) st = measure(s, &r->scale[k], rows->n, err);
    for (size_t k = 0; k < r->nvar && st == BM_OK; k++)
        if (decides(&r->var[k]) && !bm_survey_levels(r->survey, k)) st = see_levels(s, k, err);
    return st;
}

/* ---- what it has found out ---- */

static bm_status copy_list(bm_level_list *to, const bm_level_list *from, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t i = 0; i < from->label.n && st == BM_OK; i++) st = bm_strv_add(&to->label, from->label.v[i], err);
    if (st != BM_OK || !from->value) return st;
    if (!(to->value = bm_alloc(from->nvalue, sizeof *to->value))) return bm_nomem(err);
    memcpy(to->value, from->value, from->nvalue * sizeof *to->value);
    to->nvalue = from->nvalue;
    return BM_OK;
}

/* Labels in their order, of codes that have been seen. */
static bm_status list_labels(bm_level_list *to, const bm_design_stream *s, const bm_column *c, const bool *seen, bm_error *err)
{
    int32_t    *rank = bm_alloc(c->nlevels, sizeof *rank);
    size_t     *at = NULL, n = 0;
    bm_status   st = rank ? bm_stream_rank(s, c, rank, err) : bm_nomem(err);

    for (size_t i = 0; i < c->nlevels && st == BM_OK; i++)
        if ((size_t)rank[i] >= n) n = (size_t)rank[i] + 1;
    if (st == BM_OK && !(at = bm_alloc(n, sizeof *at))) st = bm_nomem(err);
    for (size_t i = 0; i < c->nlevels && st == BM_OK; i++)
        if (seen[i]) at[rank[i]] = i + 1;
    for (size_t i = 0; i < n && st == BM_OK; i++)
        if (at[i]) st = bm_strv_add(&to->label, c->levels[at[i] - 1], err);
    free(rank);
    free(at);
    return st;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static bm_status list_values(bm_level_list *to, const bm_interned *value, bm_error *err)
{
    if (!(to->value = bm_alloc(value->n, sizeof *to->value))) return bm_nomem(err);
    memcpy(to->value, value->key, value->n * sizeof *to->value);
    to->nvalue = value->n;
    qsort(to->value, to->nvalue, sizeof *to->value, by_value);
    return BM_OK;
}

static bm_status list_levels(bm_level_list *to, const bm_design_stream *s, size_t k, const bm_frame *labels, bm_error *err)
{
    const bm_var        *v = &s->r.var[k];
    const bm_level_list *before = bm_survey_levels(s->r.survey, k);

    if (!decides(v) || (!before && v->prog.waits)) return BM_OK;
    to->known = true;
    if (before) return copy_list(to, before, err);
    if (v->input == SIZE_MAX) return list_values(to, &s->var[k].value, err);
    return list_labels(to, s, bm_frame_col(labels, s->column[v->input]), s->watch[v->input].seen, err);
}

bm_status bm_design_stream_survey(const bm_design_stream *s, const bm_frame *labels, bm_survey **out, bm_error *err)
{
    const bm_recipe *r = &s->r;
    bm_survey       *y = bm_alloc(1, sizeof *y);
    bm_status        st = BM_OK;

    *out = NULL;
    if (!y) return bm_nomem(err);
    *y = (bm_survey){ .nscale = r->nscale, .nvar = r->nvar, .scale = bm_alloc(r->nscale, sizeof *y->scale), .measured = bm_alloc(r->nscale, sizeof *y->measured),
                      .var = bm_alloc(r->nvar, sizeof *y->var) };
    if (!y->scale || !y->measured || !y->var) st = bm_nomem(err);
    for (size_t k = 0; k < r->nscale && st == BM_OK; k++) {
        y->scale[k] = r->scale[k].seen;
        y->measured[k] = !r->scale[k].x.waits;
    }
    for (size_t k = 0; k < r->nvar && st == BM_OK; k++) st = list_levels(&y->var[k], s, k, labels, err);
    if (st == BM_OK) *out = y;
    else bm_survey_free(y);
    return st;
}
