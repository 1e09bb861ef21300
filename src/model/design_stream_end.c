/* design_stream_end.c: a design whose rows came in portions, when no more come: levels of groups in order, means, sds and what is said about all rows. */
#include "model/design_stream_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

bm_status bm_stream_rank(const bm_design_stream *s, const bm_column *c, int32_t *rank, bm_error *err)
{
    const char *levels = bm_spec_levels(s->r.spec, c->name);
    bm_strv     list = { 0 };
    bool        numeric;
    bm_status   st;

    if (!levels) return bm_labels_order((const char *const *)c->levels, c->nlevels, rank, &numeric, err);
    st = bm_levels_split(&list, levels, err);
    if (st == BM_OK) st = bm_labels_place(c->name, c->levels, c->nlevels, (const char *const *)list.v, list.n, rank, err);
    bm_strv_free(&list);
    return st;
}

static bm_status legend_new(legend *g, const bm_design_stream *s, size_t k, const bm_frame *labels, bm_error *err)
{
    const bm_var    *v = &s->r.var[k];
    const bm_column *c = v->input != SIZE_MAX ? bm_frame_col(labels, s->r.input[v->input].col->name) : NULL;
    bm_status        st = BM_OK;

    *g = (legend){ .n = c ? c->nlevels : s->var[k].value.n };
    g->label = bm_alloc(g->n, sizeof *g->label);
    g->rank = bm_alloc(g->n, sizeof *g->rank);
    if (!g->label || !g->rank) return bm_nomem(err);
    if (!c) return legend_of_values(g, &s->var[k].value, v->logical, err);
    for (size_t i = 0; i < g->n && st == BM_OK; i++)
        if (!(g->label[i] = bm_strdup(c->levels[i]))) st = bm_nomem(err);
    return st == BM_OK ? bm_stream_rank(s, c, g->rank, err) : st;
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

static bm_status first_component(bm_level_set *l, legend *so_far, legend *first, bm_error *err)
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
    bm_level_set         *l = &s->level[k];
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
        const bm_running *z = &l->z[i];
        double         sd = bm_running_sd(z);

        g->zsd[i] = sd > 0 ? sd : 1;
        g->nonzero += z->nonzero;
        if (!z->varies) st = bm_note_constant_effect(g, i, z->mean, s->d, err);
    }
    return st == BM_OK ? bm_note_saturated(&s->r, g, s->d, err) : st;
}

/* Labels that --levels does not list, and those that the formula compares with and that have not come: whatever the columns are used for. */
static bm_status check_labels(const bm_design_stream *s, bm_error *err)
{
    const bm_recipe *r = &s->r;
    bm_status        st = BM_OK;

    for (size_t k = 0; k < r->ninput && st == BM_OK; k++) {
        const bm_column *c = r->input[k].col;
        int32_t         *rank = bm_alloc(c->nlevels, sizeof *rank);

        if (!rank) return bm_nomem(err);
        if (c->kind == BM_COL_FACTOR && bm_spec_levels(r->spec, c->name)) st = bm_stream_rank(s, c, rank, err);
        free(rank);
    }
    for (size_t k = 0; k < r->nvar && st == BM_OK; k++) st = bm_program_check_labels(r, &r->var[k].prog, err);
    return st;
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
    if (st == BM_OK && !d->n) st = bm_nothing_left(d->n_read, d, err);
    if (st == BM_OK) st = check_labels(s, err);
    if (st == BM_OK) st = bm_watch_end(s, err);
    if (st != BM_OK || *s->waits) return st;
    d->ymean = s->y.mean;
    d->ysd = bm_running_sd(&s->y);
    d->mean_variance = s->r.weights != SIZE_MAX || s->r.se != SIZE_MAX ? d->mean_variance / (double)d->n : 1;
    st = bm_response_check(&s->r, d, !s->y.varies, err);
    d->had_w = s->r.weights != SIZE_MAX || s->r.se != SIZE_MAX;
    d->had_o = s->r.noffset > 0;
    d->prints = (bm_prints){ bm_hash_value(&s->left_out), bm_hash_value(&s->print_y), bm_hash_value(&s->print_w), bm_hash_value(&s->print_o) };
    if (st == BM_OK && !(d->xnonzero = bm_alloc(d->p, sizeof *d->xnonzero))) st = bm_nomem(err);
    for (size_t k = 0; k < d->p && st == BM_OK; k++) {
        d->xnonzero[k] = s->x[k].nonzero;
        d->xmean[k] = s->x[k].mean;
        d->xsd[k] = bm_running_sd(&s->x[k]);
        if (!s->x[k].varies && (int)k != d->intercept) st = bm_note_constant(d, k, &d->notes, err);
    }
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) st = end_group(s, k, labels, err);
    *order = (const int32_t *const *)s->order;
    if (st != BM_OK) return st;
    *out = d;
    s->d = NULL;
    return BM_OK;
}