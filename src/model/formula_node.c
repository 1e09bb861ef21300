/* formula_node.c: the nodes of a formula's tree, and the functions that there are. */
#include "model/formula_priv.h"

#include <math.h>
#include <string.h>

/* ---- functions ---- */

static double sign(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x;
}

/* R's round: half to even. */
static double round_even(double x)
{
    return nearbyint(x);
}

static const bm_fn functions[] = {
    { "log", BM_FN_LOG, 1, 2, NULL, { "x", "base" } },
    { "log2", BM_FN_MATH, 1, 1, log2, { "x" } },     { "log10", BM_FN_MATH, 1, 1, log10, { "x" } },
    { "log1p", BM_FN_MATH, 1, 1, log1p, { "x" } },   { "exp", BM_FN_MATH, 1, 1, exp, { "x" } },
    { "expm1", BM_FN_MATH, 1, 1, expm1, { "x" } },   { "sqrt", BM_FN_MATH, 1, 1, sqrt, { "x" } },
    { "abs", BM_FN_MATH, 1, 1, fabs, { "x" } },      { "sign", BM_FN_MATH, 1, 1, sign, { "x" } },
    { "floor", BM_FN_MATH, 1, 1, floor, { "x" } },   { "ceiling", BM_FN_MATH, 1, 1, ceil, { "x" } },
    { "round", BM_FN_MATH, 1, 1, round_even, { "x" } },
    { "sin", BM_FN_MATH, 1, 1, sin, { "x" } },       { "cos", BM_FN_MATH, 1, 1, cos, { "x" } },
    { "tan", BM_FN_MATH, 1, 1, tan, { "x" } },       { "tanh", BM_FN_MATH, 1, 1, tanh, { "x" } },
    { "scale", BM_FN_SCALE, 1, 3, NULL, { "x", "center", "scale" } },
    { "factor", BM_FN_FACTOR, 1, 1, NULL, { "x" } }, { "as.factor", BM_FN_FACTOR, 1, 1, NULL, { "x" } },
    { "I", BM_FN_I, 1, 1, NULL, { "x" } },           { "offset", BM_FN_OFFSET, 1, 1, NULL, { "object" } },
};

enum { NFUNCTIONS = sizeof functions / sizeof *functions };

const bm_fn *bm_fn_find(const char *name)
{
    for (size_t i = 0; i < NFUNCTIONS; i++)
        if (strcmp(functions[i].name, name) == 0) return &functions[i];
    return NULL;
}

void bm_fn_list(bm_buf *b)
{
    for (size_t i = 0; i < NFUNCTIONS; i++) bm_buf_printf(b, "%s%s", i ? " " : "", functions[i].name);
}

const char *bm_fn_closest(const char *name)
{
    const char *names[NFUNCTIONS];

    for (size_t i = 0; i < NFUNCTIONS; i++) names[i] = functions[i].name;
    return bm_closest(name, names, NFUNCTIONS);
}

/* As R matches them: named arguments first, the others fill what is left in order. */
const bm_node *bm_call_arg(const bm_node *call, size_t k)
{
    size_t place = 0;

    for (size_t i = 0; i < call->nkid; i++)
        if (call->arg[i] && strcmp(call->arg[i], call->fn->args[k]) == 0) return call->kid[i];
    for (size_t i = 0; i < k; i++) {                 /* unnamed ones before the k-th formal are taken by formals not named */
        bool named = false;

        for (size_t j = 0; j < call->nkid; j++)
            named = named || (call->arg[j] && strcmp(call->arg[j], call->fn->args[i]) == 0);
        place += !named;
    }
    for (size_t i = 0; i < call->nkid; i++)
        if (!call->arg[i] && place-- == 0) return call->kid[i];
    return NULL;
}

/* ---- nodes ---- */

bm_status bm_node_new(bm_formula *f, bm_node **out, bm_node_kind kind, size_t pos, bm_error *err)
{
    bm_node **all = bm_grow(f->all, &f->cap, f->nall + 1, sizeof *all);
    bm_node  *n;

    if (!all) return bm_nomem(err);
    f->all = all;
    if (!(n = bm_alloc(1, sizeof *n))) return bm_nomem(err);
    f->all[f->nall++] = n;
    n->kind = kind;
    n->pos = pos;
    n->depth = 1;
    *out = n;
    return BM_OK;
}

static bm_status add_kid(const bm_formula *f, bm_node *n, bm_node *kid, bm_error *err)
{
    n->kid[n->nkid++] = kid;
    if (kid->depth >= n->depth) n->depth = kid->depth + 1;
    if (n->depth > BM_MAX_DEPTH)
        return bm_formula_fail(f, n->pos, err, BM_EPARSE, "formula: more than %d operators in a row", BM_MAX_DEPTH);
    return BM_OK;
}

bm_status bm_node_wrap(bm_formula *f, bm_node **out, bm_node_kind kind, size_t pos, bm_node *kid, bm_error *err)
{
    bm_status st = bm_node_new(f, out, kind, pos, err);

    return st == BM_OK ? add_kid(f, *out, kid, err) : st;
}

bm_status bm_node_binary(bm_formula *f, bm_node **out, bm_op op, size_t pos, bm_node *left, bm_node *right, bm_error *err)
{
    bm_status st = bm_node_wrap(f, out, BM_NODE_BINARY, pos, left, err);

    if (st != BM_OK) return st;
    (*out)->op = op;
    return add_kid(f, *out, right, err);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool bm_node_equal(const bm_node *a, const bm_node *b)
{
    bool unlike = a->kind != b->kind || a->nkid != b->nkid || a->fn != b->fn || !same_text(a->text, b->text);

    if (unlike) return false;
    if ((a->kind == BM_NODE_UNARY || a->kind == BM_NODE_BINARY) && a->op != b->op) return false;
    if ((a->kind == BM_NODE_NUM || a->kind == BM_NODE_BOOL) && a->num != b->num) return false;
    for (size_t k = 0; k < a->nkid; k++)
        if (!same_text(a->arg[k], b->arg[k]) || !bm_node_equal(a->kid[k], b->kid[k])) return false;
    return true;
}
