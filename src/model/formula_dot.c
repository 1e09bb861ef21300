/* formula_dot.c: "." becomes the sum of the columns that the formula does not name as response or group. And: names that the data
 * do not have. */
#include "model/formula_priv.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    bm_formula  *f;
    const char **name;        /* what "." stands for */
    size_t       n;
    bm_error    *err;
} dots;

static void add_response_vars(const bm_node *n, const char **v, size_t *nv)
{
    if (n->kind == BM_NODE_NAME) v[(*nv)++] = n->text;
    for (size_t k = 0; k < n->nkid; k++) add_response_vars(n->kid[k], v, nv);
}

static bool has(const char *const *v, size_t n, const char *s)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i], s) == 0) return true;
    return false;
}

/* The sum of the columns, at the place of the dot; in parentheses unless it stands by itself or first in a sum. */
static bm_status make_sum(const dots *d, size_t pos, bool bare, bm_node **out)
{
    bm_node  *name;
    bm_status st = BM_OK;

    for (size_t i = 0; i < d->n && st == BM_OK; i++) {
        if ((st = bm_node_new(d->f, &name, BM_NODE_NAME, pos, d->err)) != BM_OK) return st;
        if (!(name->text = bm_strdup(d->name[i]))) return bm_nomem(d->err);
        if (i == 0) *out = name;
        else st = bm_node_binary(d->f, out, BM_OP_PLUS, pos, *out, name, d->err);
    }
    if (st == BM_OK && d->n > 1 && !bare) st = bm_node_wrap(d->f, out, BM_NODE_PAREN, pos, *out, d->err);
    return st;
}

static bm_status replace(const dots *d, bm_node *n)
{
    bm_status st = BM_OK;

    for (size_t k = 0; k < n->nkid && st == BM_OK; k++) {
        bool bare = n->kind == BM_NODE_PAREN
                    || (n->kind == BM_NODE_BINARY && (n->op == BM_OP_OR || n->op == BM_OP_OR2 || n->op == BM_OP_TILDE))
                    || (n->kind == BM_NODE_UNARY && n->op == BM_OP_TILDE)
                    || (n->kind == BM_NODE_BINARY && k == 0 && (n->op == BM_OP_PLUS || n->op == BM_OP_MINUS));

        st = n->kid[k]->kind == BM_NODE_DOT ? make_sum(d, n->kid[k]->pos, bare, &n->kid[k]) : replace(d, n->kid[k]);
        if (n->kid[k]->depth >= n->depth) n->depth = n->kid[k]->depth + 1;
    }
    return st;
}

static size_t dot_pos(const bm_node *n)
{
    for (size_t k = 0; k < n->nkid; k++) {
        size_t pos = n->kid[k]->kind == BM_NODE_DOT ? n->kid[k]->pos : dot_pos(n->kid[k]);

        if (pos != SIZE_MAX) return pos;
    }
    return SIZE_MAX;
}

/* Grouping variables are left out too: as fixed effects they would take all that the group's effects are to explain. */
static bm_status choose(dots *d, const char *const *columns, size_t n, const char *const *except, size_t nexcept)
{
    bm_formula  *f = d->f;
    const char **response = bm_alloc(f->nall, sizeof *response);
    size_t       nresponse = 0;
    bm_status    st = response ? BM_OK : bm_nomem(d->err);

    if (st == BM_OK && f->lhs) add_response_vars(f->lhs, response, &nresponse);
    for (size_t i = 0; i < n && st == BM_OK; i++) {
        if (has(response, nresponse, columns[i]) || has(except, nexcept, columns[i])) continue;
        if (bm_strv_has(&f->group_vars, columns[i])) st = bm_strv_add(&f->dot_left_out, columns[i], d->err);
        else d->name[d->n++] = columns[i];
    }
    free(response);
    return st;
}

bm_status bm_formula_expand_dot(bm_formula *f, const char *const *columns, size_t n, const char *const *except, size_t nexcept,
                                bm_error *err)
{
    dots      d = { .f = f, .err = err };
    size_t    pos;
    bm_status st;

    if (!f->dot) return BM_OK;
    pos = dot_pos(f->tilde);
    if (!(d.name = bm_alloc(n, sizeof *d.name))) return bm_nomem(err);
    st = choose(&d, columns, n, except, nexcept);
    if (st == BM_OK && d.n == 0)
        st = bm_formula_fail(f, pos, err, BM_EINVAL, "formula: there is no column left for '.' to stand for");
    if (st == BM_OK && d.n > BM_MAX_DOT)
        st = bm_formula_fail(f, pos, err, BM_EINVAL,
                             "formula: '.' would stand for %zu columns; at most %d are possible: name those that matter",
                             d.n, BM_MAX_DOT);
    if (st == BM_OK) st = replace(&d, f->tilde);
    f->rhs = f->tilde->kid[f->tilde->nkid - 1];
    if (st == BM_OK) st = bm_formula_check(f, err);
    free(d.name);
    return st;
}
