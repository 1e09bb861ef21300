/* design_stream_levels.c: levels of groups in portions of the rows, counted as they come: a code is the order of first sight. */
#include "model/design_stream_priv.h"

#include <stdlib.h>
#include <string.h>

enum { AHEAD = 32 };                                 /* rows, of fetching from memory */

bm_status bm_value_code(bm_interned *value, double x, const char *name, int32_t *code, bm_error *err)
{
    uint64_t bits;
    size_t   at;
    bool     added;

    x += 0.0;                                        /* no -0 */
    memcpy(&bits, &x, sizeof bits);
    if (!bm_intern(value, bits, &at, &added)) return bm_nomem(err);
    if (at >= INT32_MAX) return bm_fail(err, BM_EINVAL, "'%.100s' has more than %d levels", name, INT32_MAX);
    *code = (int32_t)at;
    return BM_OK;
}

bm_status bm_component_codes(bm_design_stream *s, size_t k, bm_error *err)
{
    const bm_recipe *r = &s->r;
    const bm_var    *v = &r->var[k];
    bm_component       *c = &s->var[k];
    bm_status        st = BM_OK;

    if (v->input != SIZE_MAX) {
        const int32_t *from = r->input[v->input].col->code;

        for (size_t i = 0; i < r->n; i++) c->code[i] = from[r->row[i]];
        return BM_OK;
    }
    st = bm_var_numbers(r, v, r->row, r->n, s->e, err);
    for (size_t i = 0; i < r->n && st == BM_OK; i++) st = bm_value_code(&c->value, s->e[i], v->name, &c->code[i], err);
    return st;
}

/* A level of the column that has not occurred before. */
static bm_status add_level(bm_level_set *l, size_t c, bm_error *err)
{
    int32_t *column;

    if (c >= l->n_of) {
        size_t   want = 2 * (c + 1);
        int32_t *of = realloc(l->of, want * sizeof *of);

        if (!of) return bm_nomem(err);
        memset(of + l->n_of, 0, (want - l->n_of) * sizeof *of);
        l->of = of;
        l->n_of = want;
    }
    if (!(column = bm_grow(l->column, &l->cap, l->J + 1, sizeof *column))) return bm_nomem(err);
    l->column = column;
    column[l->J++] = (int32_t)c;
    l->of[c] = (int32_t)l->J;
    return BM_OK;
}

/* One component: a column's codes have gaps where levels occur in incomplete rows only. */
static bm_status count_levels(bm_level_set *l, const int32_t *from, size_t n, int32_t *code, bm_error *err)
{
    for (size_t i = 0; i < n; i++) {
        size_t    c = (size_t)from[i];
        bm_status st;

        if (i + AHEAD < n) __builtin_prefetch(l->of + from[i + AHEAD]);
        if ((c >= l->n_of || !l->of[c]) && (st = add_level(l, c, err)) != BM_OK) return st;
        code[i] = l->of[c] - 1;
    }
    return BM_OK;
}

bm_status bm_group_codes(bm_design_stream *s, size_t k, bm_error *err)
{
    const bm_grouping *p = &s->r.group[k];
    bm_level_set         *l = &s->level[k];
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

void bm_level_set_clear(bm_level_set *l, size_t ncomp)
{
    for (size_t c = 0; l->pair && c < ncomp; c++) bm_interned_free(&l->pair[c]);
    free(l->pair);
    free(l->of);
    free(l->column);
    free(l->order);
    free(l->z);
}
