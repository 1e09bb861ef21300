/* design_stream.c: a design whose rows come in portions. The plan and the coding are made on the first rows; a portion is evaluated by the same code as a
 * whole table. Levels of groups are counted as they come and put in order at the end; means and sds are merged (Chan, Golub & LeVeque 1983, The American
 * Statistician 37:242). */
#include "model/design_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct { double n, mean, square; bool varies; } running;             /* square: sum of squares about the mean */

typedef struct {
    bm_interned  value;           /* of a variable that is no column: its values (as bits) */
    int32_t     *code;            /* rows at hand */
} component;

typedef struct {
    int32_t     *of;              /* one component that is a column: the group's code + 1 of the column's, 0 where it has not occurred */
    size_t       n_of;
    int32_t     *column;          /* and back */
    size_t       cap;
    size_t       J;
    bm_interned *pair;            /* several: (code so far) << 32 | (code of the next component), for each after the first */
    int32_t     *order;           /* at the end */
    running     *z;
} level_set;

struct bm_design_stream {
    bm_recipe   r;
    bm_design  *d;                /* names, notes; at the end all that is known without rows */
    bm_design   part;
    size_t      room;             /* rows that the buffers of part hold */
    double     *e;
    size_t     *q;
    component  *var;              /* r.nvar */
    level_set  *level;            /* per group */
    running    *x, y;
    const char **column;          /* per input: its name in the head */
    size_t     *missing;
    int32_t   **order;
};

/* ---- the plan ---- */

static bm_status refuse(const bm_design_stream *s, bm_error *err)
{
    const bm_recipe *r = &s->r;

    if (r->measured) return bm_fail(err, BM_EINVAL, "scale() takes its mean and standard deviation from all rows");
    for (size_t k = 0; k < r->ninput; k++)
        if (r->input[k].own.name) return bm_fail(err, BM_EINVAL, "the levels of '%.100s' are put in order for all rows", r->input[k].own.name);
    return BM_OK;
}

/* Variables that are not groups: their levels decide on the columns. */
static bm_status plan_columns(bm_design_stream *s, bm_error *err)
{
    bm_recipe *r = &s->r;
    bm_design  seen = { 0 };      /* what is missing in the head is counted with the rest */
    bm_status  st = bm_complete_rows(r, &seen, err);

    for (size_t k = 0; k < seen.ndropped; k++) free(seen.dropped[k].name);
    free(seen.dropped);
    for (size_t k = 0; k < r->nvar && st == BM_OK; k++)
        if (!r->var[k].group) st = bm_var_levels(r, &r->var[k], err);
    if (st == BM_OK) st = bm_var_contrasts(r, &s->d->notes, err);
    if (st == BM_OK) st = bm_note_dot(r->f, s->d, err);
    if (st == BM_OK) st = bm_fixed_columns(r, s->d, err);
    if (st == BM_OK) st = bm_effects_columns(r, s->d, err);
    free(r->row);
    r->row = NULL;
    r->n = 0;
    return st;
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
    s->var = bm_alloc(r->nvar, sizeof *s->var);
    s->x = bm_alloc(d->p, sizeof *s->x);
    s->missing = bm_alloc(r->ninput, sizeof *s->missing);
    s->column = bm_alloc(r->ninput, sizeof *s->column);
    if (!d->fac || !s->part.fac || !s->level || !s->order || !s->q || !s->var || !s->x || !s->missing || !s->column) return bm_nomem(err);
    s->part.p = d->p;
    for (size_t k = 0; k < r->ninput; k++) s->column[k] = r->input[k].col->name;
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

bm_status bm_design_stream_new(bm_design_stream **out, const bm_spec *spec, const bm_formula *f, const bm_frame *head, bm_error *err)
{
    bm_design_stream *s = bm_alloc(1, sizeof *s);
    bm_status         st;

    *out = NULL;
    if (!s || !(s->d = bm_alloc(1, sizeof *s->d))) {
        free(s);
        return bm_nomem(err);
    }
    s->r = (bm_recipe){ .spec = spec, .f = f, .frame = head };
    st = bm_recipe_plan(&s->r, true, err);
    if (st == BM_OK) st = refuse(s, err);
    if (st == BM_OK) st = plan_columns(s, err);
    if (st == BM_OK) st = plan_groups(s, err);
    if (st == BM_OK && !(s->d->yname = bm_strdup(s->r.var[s->r.response].name))) st = bm_nomem(err);
    s->d->known_se = s->r.se != SIZE_MAX;
    if (st == BM_OK) *out = s;
    else bm_design_stream_free(s);
    return st;
}

void bm_design_stream_size(const bm_design_stream *s, size_t *p, size_t *nfac, const size_t **q)
{
    *p = s->d->p;
    *nfac = s->d->nfac;
    *q = s->q;
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
        level_set *l = &s->level[k];

        for (size_t c = 0; l->pair && c < s->r.group[k].ncomp; c++) bm_interned_free(&l->pair[c]);
        free(l->pair);
        free(l->of);
        free(l->column);
        free(l->order);
        free(l->z);
        if (!s->part.fac) continue;
        free(s->part.fac[k].Z);
        free(s->part.fac[k].code);
    }
    for (size_t k = 0; s->var && k < s->r.nvar; k++) {
        bm_interned_free(&s->var[k].value);
        free(s->var[k].code);
    }
    bm_recipe_clear(&s->r);
    bm_design_free(s->d);
    free(s->part.fac);
    free(s->level);
    free(s->order);
    free(s->q);
    free(s->var);
    free(s->x);
    free(s->missing);
    free(s->column);
    free(s->e);
    free(s);
}

/* ---- rows ---- */

static void add_running(running *a, const double *x, size_t n)
{
    double part[4] = { 0 }, more[4] = { 0 }, sum, square, low, high, rest, m = (double)n, mean, step;

    if (n == 0) return;
    low = high = x[0];
    for (size_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    for (size_t i = 0; i < n; i++) part[i % 4] += x[i] / m;          /* divided first: no overflow */
    sum = part[0] + part[1] + part[2] + part[3];
    memset(part, 0, sizeof part);
    for (size_t i = 0; i < n; i++) {
        part[i % 4] += x[i] - sum;
        more[i % 4] += (x[i] - sum) * (x[i] - sum);
    }
    rest = part[0] + part[1] + part[2] + part[3];
    square = more[0] + more[1] + more[2] + more[3];
    mean = low == high ? low : sum + rest / m;
    if (low == high) square = 0;
    step = mean - a->mean;
    a->varies = a->varies || low != high || (a->n > 0 && step != 0);
    a->square += square + (a->n > 0 ? step * step * a->n * m / (a->n + m) : 0);
    a->n += m;
    if (a->varies || a->n == m) a->mean += step * m / a->n;
}

static double running_sd(const running *a)
{
    return a->varies ? sqrt(a->square / (a->n - 1)) : 0;
}

/* Points the inputs at these rows and finds the complete ones. */
static bm_status take_rows(bm_design_stream *s, const bm_frame *rows, bm_error *err)
{
    bm_recipe *r = &s->r;
    size_t     n = rows->n;
    bool       any = false;

    r->frame = rows;
    if (n > s->room) {
        size_t *row = realloc(r->row, n * sizeof *row);
        double *e = row ? realloc(s->e, n * sizeof *e) : NULL, *X = e ? realloc(s->part.X, n * (s->d->p + 1) * sizeof *X) : NULL;

        if (row) r->row = row;
        if (e) s->e = e;
        if (!X) return bm_nomem(err);
        s->part.X = X;
        for (size_t k = 0; k < r->ngroup; k++) {
            bm_group *g = &s->part.fac[k];
            double   *Z = realloc(g->Z, n * g->q * sizeof *Z);
            int32_t  *code = Z ? realloc(g->code, n * sizeof *code) : NULL;

            if (Z) g->Z = Z;
            if (!code) return bm_nomem(err);
            g->code = code;
        }
        for (size_t k = 0; k < r->nvar; k++) {
            int32_t *code = r->var[k].group ? realloc(s->var[k].code, n * sizeof *code) : s->var[k].code;

            if (r->var[k].group && !code) return bm_nomem(err);
            s->var[k].code = code;
        }
        s->room = n;
    }
    for (size_t k = 0; k < r->ninput; k++) {
        bm_input *in = &r->input[k];

        in->col = bm_frame_col(rows, s->column[k]);
        s->missing[k] += in->col->nmissing;
        any = any || in->col->nmissing;
    }
    r->n = 0;
    for (size_t i = 0; i < n; i++) {
        bool complete = true;

        for (size_t k = 0; any && k < r->ninput && complete; k++) {
            const bm_column *c = r->input[k].col;

            complete = c->kind == BM_COL_NUMERIC ? !isnan(c->num[i]) : c->code[i] >= 0;
            if (!complete && r->spec->na_fail)
                return bm_fail(err, BM_EINVAL, "missing values: '%.100s' is missing in data row %zu, and na is 'fail'", c->name, r->first + i + 1);
        }
        if (complete) r->row[r->n++] = i;
    }
    return BM_OK;
}

static bm_status late_level(const bm_design_stream *s, const bm_var *v, size_t i, bool *late, bm_error *err)
{
    *late = true;
    return bm_fail(err, BM_EINVAL, "a level of '%.100s' first occurs in data row %zu", v->name, s->r.first + s->r.row[i] + 1);
}

/* The same of a factor made of numbers. */
static bm_status check_values(const bm_design_stream *s, const bm_var *v, bool *late, bm_error *err)
{
    int32_t  *code = bm_alloc(s->r.n, sizeof *code);
    bm_status st = code ? bm_var_codes(&s->r, v, s->r.row, s->r.n, code, err) : bm_nomem(err);

    for (size_t i = 0; i < s->r.n && st == BM_OK; i++)
        if (code[i] < 0) st = late_level(s, v, i, late, err);
    free(code);
    return st;
}

/* A factor of the fixed part or of an effect has only the levels that the head had. */
static bm_status check_levels(const bm_design_stream *s, bool *late, bm_error *err)
{
    const bm_recipe *r = &s->r;

    for (size_t k = 0; k < r->nvar; k++) {
        const bm_var    *v = &r->var[k];
        const bm_column *c;
        bm_status        st;

        if (v->group || !v->factor || v->logical) continue;
        if (v->input == SIZE_MAX) {
            if ((st = check_values(s, v, late, err)) != BM_OK) return st;
            continue;
        }
        c = r->input[v->input].col;
        for (size_t i = 0; i < r->n; i++) {
            int32_t code = c->code[r->row[i]];

            if ((size_t)code < v->nmap && v->map[code] >= 0) continue;
            return late_level(s, v, i, late, err);
        }
    }
    return BM_OK;
}

/* ---- levels of groups ---- */

static bm_status component_codes(bm_design_stream *s, size_t k, bm_error *err)
{
    const bm_recipe *r = &s->r;
    const bm_var    *v = &r->var[k];
    component       *c = &s->var[k];
    bm_status        st = BM_OK;

    if (v->input != SIZE_MAX) {
        const int32_t *from = r->input[v->input].col->code;

        for (size_t i = 0; i < r->n; i++) c->code[i] = from[r->row[i]];
        return BM_OK;
    }
    st = bm_var_numbers(r, v, r->row, r->n, s->e, err);
    for (size_t i = 0; i < r->n && st == BM_OK; i++) {
        double   x = s->e[i] + 0.0;                  /* no -0 */
        uint64_t bits;
        size_t   at;
        bool     added;

        memcpy(&bits, &x, sizeof bits);
        if (!bm_intern(&c->value, bits, &at, &added)) st = bm_nomem(err);
        else if (at >= INT32_MAX) st = bm_fail(err, BM_EINVAL, "'%.100s' has more than %d levels", v->name, INT32_MAX);
        else c->code[i] = (int32_t)at;
    }
    return st;
}

/* One component: a column's codes have gaps where levels occur in incomplete rows only. */
static bm_status count_levels(level_set *l, const int32_t *from, size_t n, int32_t *code, bm_error *err)
{
    for (size_t i = 0; i < n; i++) {
        size_t c = (size_t)from[i];

        if (c >= l->n_of) {
            size_t   want = 2 * (c + 1);
            int32_t *of = realloc(l->of, want * sizeof *of);

            if (!of) return bm_nomem(err);
            memset(of + l->n_of, 0, (want - l->n_of) * sizeof *of);
            l->of = of;
            l->n_of = want;
        }
        if (!l->of[c]) {
            int32_t *column = bm_grow(l->column, &l->cap, l->J + 1, sizeof *column);

            if (!column) return bm_nomem(err);
            l->column = column;
            column[l->J++] = (int32_t)c;
            l->of[c] = (int32_t)l->J;
        }
        code[i] = l->of[c] - 1;
    }
    return BM_OK;
}

static bm_status group_codes(bm_design_stream *s, size_t k, bm_error *err)
{
    const bm_grouping *p = &s->r.group[k];
    level_set         *l = &s->level[k];
    size_t             n = s->r.n;
    int32_t           *code = s->part.fac[k].code;
    bm_status          st = count_levels(l, s->var[p->comp[0]].code, n, code, err);

    for (size_t c = 1; c < p->ncomp && st == BM_OK; c++) {
        const int32_t *next = s->var[p->comp[c]].code;

        for (size_t i = 0; i < n && st == BM_OK; i++) {
            size_t at;
            bool   added;

            if (!bm_intern(&l->pair[c], (uint64_t)(uint32_t)code[i] << 32 | (uint32_t)next[i], &at, &added)) st = bm_nomem(err);
            else if (at >= INT32_MAX) st = bm_fail(err, BM_EINVAL, "'%.100s' has more than %d levels", p->name, INT32_MAX);
            else code[i] = (int32_t)at;
        }
    }
    s->part.fac[k].J = p->ncomp > 1 ? l->pair[p->ncomp - 1].n : l->J;
    return st;
}

static bm_status group_rows(bm_design_stream *s, size_t k, bm_error *err)
{
    const bm_grouping *p = &s->r.group[k];
    bm_group          *g = &s->part.fac[k];
    size_t             n = s->r.n, at = 0;
    bm_status          st = group_codes(s, k, err);

    for (size_t i = 0; i < p->nterm && st == BM_OK; i++) {
        const bm_coding *c = &s->r.effects[p->term[i]].coding;

        st = bm_coding_eval(c, &s->r, s->r.row, n, g->Z + at * n, err);
        at += c->ncol;
    }
    for (size_t i = 0; i < g->q && st == BM_OK; i++) {
        add_running(&s->level[k].z[i], g->Z + i * n, n);
        for (size_t j = 0; j < g->q; j++) s->d->fac[k].zz[i + j * g->q] += bm_dot(n, g->Z + i * n, g->Z + j * n);
    }
    return st;
}

bm_status bm_design_stream_next(bm_design_stream *s, const bm_frame *rows, const bm_design **part, bool *late, bm_error *err)
{
    bm_recipe *r = &s->r;
    bm_design *d = &s->part;
    bm_status  st;

    *part = d;
    *late = false;
    clear_part(d);
    if ((st = take_rows(s, rows, err)) == BM_OK) st = check_levels(s, late, err);
    d->n = r->n;
    if (st == BM_OK && r->noffset) st = bm_offsets_eval(r, d, err);
    if (st == BM_OK) st = bm_response_eval(r, d, s->e, err);
    if (st == BM_OK) add_running(&s->y, s->e, r->n);
    if (st == BM_OK && (r->weights != SIZE_MAX || r->se != SIZE_MAX)) st = bm_weights_eval(r, d, err);
    if (st == BM_OK && d->w) s->d->mean_variance += d->mean_variance * (double)r->n;
    if (st == BM_OK) st = bm_coding_eval(&r->coding, r, r->row, r->n, d->X, err);
    for (size_t k = 0; k < d->p && st == BM_OK; k++) add_running(&s->x[k], d->X + k * r->n, r->n);
    for (size_t k = 0; k < r->nvar && st == BM_OK; k++)
        if (r->var[k].group) st = component_codes(s, k, err);
    for (size_t k = 0; k < r->ngroup && st == BM_OK; k++) st = group_rows(s, k, err);
    r->first += rows->n;
    s->d->n += r->n;
    s->d->n_read += rows->n;
    return st;
}

/* ---- the end ---- */

/* For each code of a component the label and its place. */
typedef struct { char **label; int32_t *rank; size_t n; } legend;

static void legend_clear(legend *g)
{
    for (size_t i = 0; g->label && i < g->n; i++) free(g->label[i]);
    free(g->label);
    free(g->rank);
    *g = (legend){ 0 };
}

static int by_value(const void *a, const void *b)
{
    double x = **(const double *const *)a, y = **(const double *const *)b;

    return (x > y) - (x < y);
}

static bm_status legend_of_values(legend *g, const bm_interned *value, bool logical, bm_error *err)
{
    double        *x = bm_alloc(value->n, sizeof *x);
    const double **p = bm_alloc(value->n, sizeof *p);
    bm_status      st = x && p ? BM_OK : bm_nomem(err);

    for (size_t i = 0; i < value->n && st == BM_OK; i++) {
        char text[BM_NUMBER_MAX];

        memcpy(&x[i], &value->key[i], sizeof *x);
        p[i] = &x[i];
        if (logical) strcpy(text, x[i] != 0 ? "TRUE" : "FALSE");
        else bm_format_double(text, x[i]);
        if (!(g->label[i] = bm_strdup(text))) st = bm_nomem(err);
    }
    if (st == BM_OK) qsort(p, value->n, sizeof *p, by_value);
    for (size_t i = 0; i < value->n && st == BM_OK; i++) g->rank[p[i] - x] = (int32_t)i;
    free(p);
    free(x);
    return st;
}

static bm_status legend_new(legend *g, const bm_design_stream *s, size_t k, const bm_frame *labels, bm_error *err)
{
    const bm_var    *v = &s->r.var[k];
    const bm_column *c = v->input != SIZE_MAX ? bm_frame_col(labels, s->r.input[v->input].col->name) : NULL;
    bool             numeric;
    bm_status        st = BM_OK;

    *g = (legend){ .n = c ? c->nlevels : s->var[k].value.n };
    g->label = bm_alloc(g->n, sizeof *g->label);
    g->rank = bm_alloc(g->n, sizeof *g->rank);
    if (!g->label || !g->rank) return bm_nomem(err);
    if (!c) return legend_of_values(g, &s->var[k].value, v->logical, err);
    for (size_t i = 0; i < g->n && st == BM_OK; i++)
        if (!(g->label[i] = bm_strdup(c->levels[i]))) st = bm_nomem(err);
    return st == BM_OK ? bm_labels_order((const char *const *)g->label, g->n, g->rank, &numeric, err) : st;
}

typedef struct { uint64_t key; size_t code; } keyed;

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const keyed *)a)->key, y = ((const keyed *)b)->key;

    return (x > y) - (x < y);
}

/* Levels of the group in order: from those of the components so far (label, place) and of the next. */
static bm_status put_in_order(keyed *k, size_t n, int32_t **order, bm_error *err)
{
    if (!(*order = bm_alloc(n, sizeof **order))) return bm_nomem(err);
    qsort(k, n, sizeof *k, by_key);
    for (size_t i = 0; i < n; i++) (*order)[k[i].code] = (int32_t)i;
    return BM_OK;
}

static bm_status first_component(level_set *l, legend *so_far, legend *first, bm_error *err)
{
    keyed    *k = bm_alloc(l->J, sizeof *k);
    bm_status st = BM_OK;

    *so_far = (legend){ .n = l->J, .label = bm_alloc(l->J, sizeof *so_far->label) };
    if (!k || !so_far->label) st = bm_nomem(err);
    for (size_t j = 0; j < l->J && st == BM_OK; j++) {
        size_t c = (size_t)l->column[j];

        k[j] = (keyed){ .key = (uint64_t)first->rank[c], .code = j };
        so_far->label[j] = first->label[c];          /* a column's code is one level */
        first->label[c] = NULL;
    }
    if (st == BM_OK) st = put_in_order(k, l->J, &so_far->rank, err);
    free(k);
    return st;
}

static bm_status next_component(const bm_interned *pair, legend *so_far, const legend *next, bm_error *err)
{
    legend    all = { .n = pair->n, .label = bm_alloc(pair->n, sizeof *all.label) };
    keyed    *k = bm_alloc(pair->n, sizeof *k);
    bm_status st = k && all.label ? BM_OK : bm_nomem(err);

    for (size_t j = 0; j < pair->n && st == BM_OK; j++) {
        size_t a = (size_t)(pair->key[j] >> 32), b = (size_t)(pair->key[j] & UINT32_MAX);
        bm_buf label = { 0 };

        bm_buf_printf(&label, "%s:%s", so_far->label[a], next->label[b]);
        all.label[j] = label.s;
        if (label.failed) st = bm_nomem(err);
        k[j] = (keyed){ .key = (uint64_t)so_far->rank[a] << 32 | (uint32_t)next->rank[b], .code = j };
    }
    if (st == BM_OK) st = put_in_order(k, pair->n, &all.rank, err);
    free(k);
    legend_clear(so_far);
    *so_far = all;
    return st;
}

static bm_status end_group(bm_design_stream *s, size_t k, const bm_frame *labels, bm_error *err)
{
    const bm_grouping *p = &s->r.group[k];
    bm_group          *g = &s->d->fac[k];
    level_set         *l = &s->level[k];
    legend             all = { 0 }, one = { 0 };
    bm_status          st = legend_new(&one, s, p->comp[0], labels, err);

    if (st == BM_OK) st = first_component(l, &all, &one, err);
    for (size_t c = 1; c < p->ncomp && st == BM_OK; c++) {
        legend_clear(&one);
        if ((st = legend_new(&one, s, p->comp[c], labels, err)) == BM_OK) st = next_component(&l->pair[c], &all, &one, err);
    }
    if (st == BM_OK && !(g->levels = bm_alloc(all.n, sizeof *g->levels))) st = bm_nomem(err);
    if (st == BM_OK) {
        g->J = all.n;
        for (size_t j = 0; j < all.n; j++) {
            g->levels[all.rank[j]] = all.label[j];
            all.label[j] = NULL;
        }
        s->order[k] = l->order = all.rank;
        all.rank = NULL;
        st = bm_group_check(&s->r, p, g, err);
    }
    legend_clear(&one);
    legend_clear(&all);
    for (size_t i = 0; i < g->q * g->q; i++) g->zz[i] /= (double)s->d->n;
    for (size_t i = 0; i < g->q && st == BM_OK; i++) {
        const running *z = &l->z[i];
        double         sd = running_sd(z);

        g->zsd[i] = sd > 0 ? sd : 1;
        if (!z->varies) st = bm_note_constant_effect(g, i, z->mean, s->d, err);
    }
    return st == BM_OK ? bm_note_saturated(&s->r, g, s->d, err) : st;
}

static bm_status end_missing(bm_design_stream *s, bm_error *err)
{
    bm_design *d = s->d;

    if (!(d->dropped = bm_alloc(s->r.ninput, sizeof *d->dropped))) return bm_nomem(err);
    for (size_t k = 0; k < s->r.ninput; k++) {
        if (!s->missing[k]) continue;
        if (!(d->dropped[d->ndropped].name = bm_strdup(s->column[k]))) return bm_nomem(err);
        d->dropped[d->ndropped++].n = s->missing[k];
    }
    return BM_OK;
}

bm_status bm_design_stream_end(bm_design_stream *s, const bm_frame *labels, bm_design **out, const int32_t *const **order, bm_error *err)
{
    bm_design *d = s->d;
    bm_status  st = end_missing(s, err);

    *out = NULL;
    for (size_t k = 0; k < s->r.ninput; k++) s->r.input[k].col = bm_frame_col(labels, s->column[k]);
    d->ymean = s->y.mean;
    d->ysd = running_sd(&s->y);
    d->mean_variance = s->r.weights != SIZE_MAX || s->r.se != SIZE_MAX ? d->mean_variance / (double)d->n : 1;
    if (st == BM_OK) st = bm_response_check(&s->r, d, !s->y.varies, err);
    for (size_t k = 0; k < d->p && st == BM_OK; k++) {
        d->xmean[k] = s->x[k].mean;
        d->xsd[k] = running_sd(&s->x[k]);
        if (!s->x[k].varies && (int)k != d->intercept) st = bm_note_constant(d, k, &d->notes, err);
    }
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) st = end_group(s, k, labels, err);
    *order = (const int32_t *const *)s->order;
    if (st != BM_OK) return st;
    *out = d;
    s->d = NULL;
    return BM_OK;
}
