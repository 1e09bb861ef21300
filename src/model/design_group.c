/* design_group.c: random terms become groups. Terms on the same grouping factor share a group; each is a block of correlated effects,
 * or with || one block per column (Bates et al. 2015, JSS 67(1), section 2.2; nesting: a/b is a and a:b). */
#include "model/design_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- the factors to the right of a bar ---- */

typedef struct { size_t n, *var; } crossing;                  /* variables that are crossed */
typedef struct { size_t n, cap; crossing *v; } crossings;

static void crossings_clear(crossings *a)
{
    for (size_t i = 0; i < a->n; i++) free(a->v[i].var);
    free(a->v);
    *a = (crossings){ 0 };
}

/* Appends a crossed with b, each variable once. */
static bm_status add_crossing(crossings *out, const crossing *a, const crossing *b, bm_error *err)
{
    crossing *v = bm_grow(out->v, &out->cap, out->n + 1, sizeof *v), *c;
    size_t    nb = b ? b->n : 0;

    if (!v) return bm_nomem(err);
    out->v = v;
    c = v + out->n;
    *c = (crossing){ .var = bm_alloc(a->n + nb, sizeof *c->var) };
    if (!c->var) return bm_nomem(err);
    out->n++;
    for (size_t i = 0; i < a->n + nb; i++) {
        size_t k = i < a->n ? a->var[i] : b->var[i - a->n], j = 0;

        while (j < c->n && c->var[j] != k) j++;
        if (j == c->n) c->var[c->n++] = k;
    }
    return BM_OK;
}

static bm_status expand_group(bm_recipe *r, const bm_node *n, crossings *out, bm_error *err);

/* a/b: a, then all of a crossed with each of b. a:b: each with each. */
static bm_status expand_pair(bm_recipe *r, const bm_node *n, crossings *out, bm_error *err)
{
    crossings a = { 0 }, b = { 0 };
    bm_status st = expand_group(r, n->kid[0], &a, err);

    if (st == BM_OK) st = expand_group(r, n->kid[1], &b, err);
    if (n->op == BM_OP_DIVIDE) {
        for (size_t i = 0; i < a.n && st == BM_OK; i++) st = add_crossing(out, &a.v[i], NULL, err);
        for (size_t j = 0; j < b.n && st == BM_OK; j++) st = add_crossing(out, &a.v[a.n - 1], &b.v[j], err);
    } else
        for (size_t i = 0; i < a.n; i++)
            for (size_t j = 0; j < b.n && st == BM_OK; j++) st = add_crossing(out, &a.v[i], &b.v[j], err);
    crossings_clear(&a);
    crossings_clear(&b);
    return st;
}

static bm_status expand_group(bm_recipe *r, const bm_node *n, crossings *out, bm_error *err)
{
    crossing  one = { .n = 1 };
    size_t    k;
    bm_status st;

    if (n->kind == BM_NODE_PAREN) return expand_group(r, n->kid[0], out, err);
    if (n->kind == BM_NODE_BINARY) return expand_pair(r, n, out, err);
    if ((st = bm_var_find(r, &k, n, true, err)) != BM_OK) return st;
    one.var = &k;
    return add_crossing(out, &one, NULL, err);
}

/* ---- the plan ---- */

static bool same_factors(const bm_grouping *g, const crossing *c)
{
    size_t found = 0;

    if (g->ncomp != c->n) return false;
    for (size_t i = 0; i < c->n; i++)
        for (size_t j = 0; j < g->ncomp; j++) found += g->comp[j] == c->var[i];
    return found == c->n;
}

/* The group of these factors (in whatever order they are written), made on first use. */
static bm_status find_group(bm_recipe *r, size_t *out, const crossing *c, bm_error *err)
{
    bm_grouping *g;
    bm_buf       name = { 0 };

    for (*out = 0; *out < r->ngroup; ++*out)
        if (same_factors(&r->group[*out], c)) return BM_OK;
    if (!(g = bm_grow(r->group, &r->cap_group, r->ngroup + 1, sizeof *g))) return bm_nomem(err);
    r->group = g;
    g += r->ngroup++;
    *g = (bm_grouping){ .ncomp = c->n, .comp = bm_alloc(c->n, sizeof *g->comp) };
    if (!g->comp) return bm_nomem(err);
    memcpy(g->comp, c->var, c->n * sizeof *g->comp);
    for (size_t k = 0; k < c->n; k++) bm_buf_printf(&name, "%s%s", k ? ":" : "", r->var[c->var[k]].name);
    g->name = name.s;
    return name.failed ? bm_nomem(err) : BM_OK;
}

static bm_status add_to_group(bm_recipe *r, const crossing *c, size_t which, bm_error *err)
{
    size_t       k, *term;
    bm_grouping *g;
    bm_status    st = find_group(r, &k, c, err);

    if (st != BM_OK) return st;
    g = &r->group[k];
    if (!(term = bm_grow(g->term, &g->cap, g->nterm + 1, sizeof *term))) return bm_nomem(err);
    g->term = term;
    term[g->nterm++] = which;
    return BM_OK;
}

static bm_status plan_effects(bm_recipe *r, bm_effects *e, bm_error *err)
{
    bm_status st = bm_terms_new(&e->terms, r->f, e->bar->terms, err);

    if (st != BM_OK) return st;
    e->nvar = e->terms.nvar;
    if (!(e->var = bm_alloc(e->nvar, sizeof *e->var))) return bm_nomem(err);
    if (!e->terms.intercept && e->terms.nterm == 0)
        return bm_formula_fail(r->f, e->bar->self->pos, err, BM_EINVAL, "formula: this random term has no effects");
    return bm_terms_vars(r, &e->terms, e->var, err);
}

bm_status bm_groups_plan(bm_recipe *r, bm_error *err)
{
    bm_status st = BM_OK;

    if (!(r->effects = bm_alloc(r->f->nbar, sizeof *r->effects))) return bm_nomem(err);
    for (size_t i = 0; i < r->f->nbar && st == BM_OK; i++) {
        crossings c = { 0 };

        r->effects[i].bar = &r->f->bar[i];
        r->neffects = i + 1;
        st = plan_effects(r, &r->effects[i], err);
        if (st == BM_OK) st = expand_group(r, r->f->bar[i].group, &c, err);
        for (size_t k = 0; k < c.n && st == BM_OK; k++) st = add_to_group(r, &c.v[k], i, err);
        crossings_clear(&c);
    }
    return st;
}

/* ---- levels ---- */

typedef struct { uint64_t key; size_t row; } keyed;

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const keyed *)a)->key, y = ((const keyed *)b)->key;

    return (x > y) - (x < y);
}

/* Crosses the group's codes with those of one more variable: levels are the pairs that occur, in order of the first, then the second. */
static bm_status cross(bm_group *g, const bm_var *v, const int32_t *code, size_t n, bm_error *err)
{
    keyed    *k = bm_alloc(n, sizeof *k);
    char    **levels = bm_alloc(n, sizeof *levels);
    size_t    J = 0;
    bm_status st = k && levels ? BM_OK : bm_nomem(err);

    for (size_t i = 0; i < n && st == BM_OK; i++) k[i] = (keyed){ .key = (uint64_t)g->code[i] << 32 | (uint32_t)code[i], .row = i };
    if (st == BM_OK) qsort(k, n, sizeof *k, by_key);
    for (size_t i = 0; i < n && st == BM_OK; i++) {
        if (i == 0 || k[i].key != k[i - 1].key) {
            bm_buf label = { 0 };

            bm_buf_printf(&label, "%s:%s", g->levels[k[i].key >> 32], v->levels[k[i].key & UINT32_MAX]);
            levels[J++] = label.s;
            if (label.failed) st = bm_nomem(err);
        }
        g->code[k[i].row] = (int32_t)(J - 1);
    }
    free(k);
    if (st != BM_OK) {
        for (size_t j = 0; levels && j < J; j++) free(levels[j]);
        free(levels);
        return st;
    }
    for (size_t j = 0; j < g->J; j++) free(g->levels[j]);
    free(g->levels);
    g->levels = levels;
    g->J = J;
    return BM_OK;
}

static bm_status first_levels(bm_group *g, const bm_var *v, bm_error *err)
{
    if (!(g->levels = bm_alloc(v->nlevels, sizeof *g->levels))) return bm_nomem(err);
    for (; g->J < v->nlevels; g->J++)
        if (!(g->levels[g->J] = bm_strdup(v->levels[g->J]))) return bm_nomem(err);
    return BM_OK;
}

static bm_status group_levels(const bm_recipe *r, const bm_grouping *p, bm_group *g, bm_error *err)
{
    const bm_var *v = &r->var[p->comp[0]];
    int32_t      *code = bm_alloc(r->n, sizeof *code);
    bm_status     st = code && (g->code = bm_alloc(r->n, sizeof *g->code)) ? first_levels(g, v, err) : bm_nomem(err);

    if (st == BM_OK) st = bm_var_codes(r, v, r->row, r->n, g->code, err);
    for (size_t k = 1; k < p->ncomp && st == BM_OK; k++) {
        v = &r->var[p->comp[k]];
        st = bm_var_codes(r, v, r->row, r->n, code, err);
        if (st == BM_OK) st = cross(g, v, code, r->n, err);
    }
    free(code);
    return st == BM_OK ? bm_group_check(r, p, g, err) : st;
}

bm_status bm_group_check(const bm_recipe *r, const bm_grouping *p, const bm_group *g, bm_error *err)
{
    if (g->J > 1) return BM_OK;
    return bm_formula_fail(r->f, r->var[p->comp[p->ncomp - 1]].node->pos, err, BM_EINVAL,
                           "formula: the group '%.100s' has only one level ('%.60s') in the rows used: how levels vary cannot be estimated", g->name, g->levels[0]);
}

/* ---- effects ---- */

/* "Intercept" for R's "(Intercept)". */
static const char *effect_name(const bm_coding *c, size_t k)
{
    return (int)k == c->intercept ? "Intercept" : c->col[k].name;
}

static bm_status check_duplicate(const bm_recipe *r, const bm_group *g, const bm_bar *bar, const char *name, bm_error *err)
{
    for (size_t i = 0; i < g->q; i++)
        if (strcmp(g->znames[i], name) == 0)
            return bm_formula_fail(r->f, bar->self->pos, err, BM_EINVAL,
                                   "formula: the group '%.100s' has the effect '%.100s' twice; %s", g->name, name,
                                   strcmp(name, "Intercept") == 0 ? "write (0 + x | g) in the second term"
                                                                  : "take it out of one of its terms");
    return BM_OK;
}

static bm_status add_effects(const bm_recipe *r, bm_group *g, const bm_effects *e, bm_error *err)
{
    const bm_coding *c = &e->coding;
    size_t           first = g->q;
    bm_status        st = BM_OK;

    for (size_t k = 0; k < c->ncol && st == BM_OK; k++) {
        st = check_duplicate(r, g, e->bar, effect_name(c, k), err);
        if (st == BM_OK && !(g->znames[g->q++] = bm_strdup(effect_name(c, k)))) st = bm_nomem(err);
        if (e->bar->independent) g->block[g->nblock++] = (bm_block){ .first = first + k, .size = 1 };
    }
    if (!e->bar->independent) g->block[g->nblock++] = (bm_block){ .first = first, .size = c->ncol };
    return st;
}

bm_status bm_note_constant_effect(const bm_group *g, size_t k, double value, bm_design *d, bm_error *err)
{
    const char *says = value == 0 ? "is 0 in every row: its sd is known from its prior only" : "is constant: it acts as an intercept";

    if (strcmp(g->znames[k], "Intercept") == 0) return BM_OK;
    return bm_strv_addf(&d->notes, err, "the effect '%s' of '%s' %s", g->znames[k], g->name, says);
}

bm_status bm_group_columns(const bm_recipe *r, const bm_grouping *p, bm_group *g, bm_error *err)
{
    size_t    q = 0;
    bm_status st = BM_OK;

    for (size_t i = 0; i < p->nterm; i++) q += r->effects[p->term[i]].coding.ncol;
    g->znames = bm_alloc(q, sizeof *g->znames);
    g->block = bm_alloc(q, sizeof *g->block);
    g->zsd = bm_alloc(q, sizeof *g->zsd);
    if (!g->znames || !g->block || !g->zsd) return bm_nomem(err);
    for (size_t i = 0; i < p->nterm && st == BM_OK; i++) st = add_effects(r, g, &r->effects[p->term[i]], err);
    return st;
}

static bm_status make_group(const bm_recipe *r, const bm_grouping *p, bm_group *g, bm_design *d, bm_error *err)
{
    size_t    n = r->n, at = 0;
    bm_status st;

    if (!(g->name = bm_strdup(p->name))) return bm_nomem(err);
    if ((st = group_levels(r, p, g, err)) != BM_OK || (st = bm_group_columns(r, p, g, err)) != BM_OK) return st;
    if (n > SIZE_MAX / sizeof(double) / g->q || !(g->Z = bm_alloc(g->q * n, sizeof *g->Z))) return bm_nomem(err);
    for (size_t i = 0; i < p->nterm && st == BM_OK; i++) {
        const bm_coding *c = &r->effects[p->term[i]].coding;

        st = bm_coding_eval(c, r, r->row, n, g->Z + at * n, err);
        at += c->ncol;
    }
    for (size_t k = 0; k < g->q && st == BM_OK; k++) {
        bm_moments m = bm_moments_of(g->Z + k * n, n);

        g->zsd[k] = m.constant || !(m.sd > 0) ? 1 : m.sd;
        if (m.constant) st = bm_note_constant_effect(g, k, m.mean, d, err);
    }
    return st;
}

/* || on a factor: where we part from lme4. */
static bm_status note_double_bar(const bm_recipe *r, const bm_effects *e, bm_design *d, bm_error *err)
{
    bm_buf    text = { 0 };
    bm_status st = BM_OK;

    bm_node_print(e->bar->self, BM_PRINT_R, &text);
    for (size_t k = 0; k < e->nvar && st == BM_OK; k++)
        if (e->var[k] != SIZE_MAX && r->var[e->var[k]].factor && !text.failed) {
            st = bm_strv_addf(&d->notes, err,
                              "(%s): the columns of the factor '%s' are uncorrelated too; lme4 keeps them correlated, one per level",
                              text.s, r->var[e->var[k]].name);
            break;
        }
    bm_buf_free(&text);
    return st;
}

bm_status bm_note_saturated(const bm_recipe *r, const bm_group *g, bm_design *d, bm_error *err)
{
    if (g->J < d->n || r->se != SIZE_MAX) return BM_OK;
    return bm_strv_addf(&d->notes, err,
                        "the group '%s' has as many levels as there are rows: only the priors tell its sd and sigma apart", g->name);
}

bm_status bm_effects_columns(bm_recipe *r, bm_design *d, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t i = 0; i < r->neffects && st == BM_OK; i++) {
        bm_effects *e = &r->effects[i];

        st = bm_coding_new(&e->coding, r, &e->terms, e->var, "this random term", BM_MAX_EFFECTS, err);
        if (st == BM_OK && e->bar->independent) st = note_double_bar(r, e, d, err);
    }
    return st;
}

bm_status bm_groups_eval(bm_recipe *r, bm_design *d, bm_error *err)
{
    bm_status st = bm_effects_columns(r, d, err);

    if (st == BM_OK && r->ngroup && !(d->fac = bm_alloc(r->ngroup, sizeof *d->fac))) st = bm_nomem(err);
    for (size_t i = 0; i < r->ngroup && st == BM_OK; i++) {
        d->nfac = i + 1;
        st = make_group(r, &r->group[i], &d->fac[i], d, err);
        if (st == BM_OK) st = bm_note_saturated(r, &d->fac[i], d, err);
    }
    return st;
}
