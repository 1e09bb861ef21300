/* formula_check.c: what may stand where. Operators mean one thing among terms (R's ?formula), another in arithmetic, a third to the
 * right of a bar; here each place is checked once, so that who reads the tree later need not ask. */
#include "model/formula_priv.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    bm_formula *f;
    bm_strv     plain;        /* variables used elsewhere than to the right of a bar */
    bool        in_bar;
    bm_error   *err;
} checker;

static bm_status fail(const checker *c, const bm_node *n, const char *msg)
{
    return bm_formula_fail(c->f, n->pos, c->err, BM_EINVAL, "formula: %s", msg);
}

static bm_status add_once(bm_strv *a, const char *s, bm_error *err)
{
    return bm_strv_has(a, s) ? BM_OK : bm_strv_add(a, s, err);
}

static bm_status use(checker *c, const bm_node *name, bool group)
{
    bm_status st = add_once(&c->f->vars, name->text, c->err);

    return st == BM_OK ? add_once(group ? &c->f->group_vars : &c->plain, name->text, c->err) : st;
}

/* ---- arithmetic: left sides and arguments of functions ---- */

static bm_status check_arith(checker *c, const bm_node *n);

static bool is_comparison(bm_op op)
{
    return op >= BM_OP_EQ && op <= BM_OP_GE;
}

static bm_status check_arith_binary(checker *c, const bm_node *n)
{
    bm_status st = BM_OK;

    switch (n->op) {
    case BM_OP_TILDE: return fail(c, n, "a formula has one '~'");
    case BM_OP_OR2: case BM_OP_AND2: return fail(c, n, "write & and | for row-wise 'and' and 'or'");
    case BM_OP_COLON: return fail(c, n, "':' is no arithmetic; interactions stand outside of functions");
    case BM_OP_IN: return fail(c, n, "'%in%' is no arithmetic here; write x == a | x == b");
    default: break;
    }
    for (size_t k = 0; k < 2 && st == BM_OK; k++)    /* a string is compared with a factor, and nothing else */
        if (n->kid[k]->kind != BM_NODE_STRING || !is_comparison(n->op)) st = check_arith(c, n->kid[k]);
    return st;
}

static bool is_constant(const bm_node *n)
{
    if (n->kind == BM_NODE_UNARY && n->op != BM_OP_NOT) n = n->kid[0];
    return n->kind == BM_NODE_NUM || n->kind == BM_NODE_BOOL;
}

static bm_status check_call(checker *c, const bm_node *n)
{
    const bm_node *x = bm_call_arg(n, 0);

    if (n->fn->kind == BM_FN_OFFSET) return fail(c, n, "offset() stands by itself, as one term of the sum");
    for (size_t k = 1; k < n->fn->max; k++) {
        const bm_node *a = bm_call_arg(n, k);

        if (a && !is_constant(a)) return fail(c, a, "a number, TRUE or FALSE expected here");
    }
    return check_arith(c, x);
}

static bm_status check_arith(checker *c, const bm_node *n)
{
    switch (n->kind) {
    case BM_NODE_NUM: case BM_NODE_BOOL: return BM_OK;
    case BM_NODE_NAME: return use(c, n, false);
    case BM_NODE_STRING: return fail(c, n, "a text can only be compared with a factor: f == \"a\"");
    case BM_NODE_DOT: return fail(c, n, "'.' stands for several columns and cannot be calculated with");
    case BM_NODE_CALL: return check_call(c, n);
    case BM_NODE_BINARY: return check_arith_binary(c, n);
    case BM_NODE_UNARY:
        if (n->op == BM_OP_TILDE) return fail(c, n, "a formula has one '~'");
        return check_arith(c, n->kid[0]);
    case BM_NODE_PAREN: return check_arith(c, n->kid[0]);
    }
    return BM_OK;
}

/* ---- groups: to the right of a bar ---- */

static bm_status check_group(checker *c, const bm_node *n)
{
    bm_status st;

    switch (n->kind) {
    case BM_NODE_NAME: return use(c, n, true);
    case BM_NODE_PAREN: return check_group(c, n->kid[0]);
    case BM_NODE_CALL: return check_call(c, n);
    case BM_NODE_BINARY:
        if (n->op == BM_OP_COLON || n->op == BM_OP_DIVIDE)
            return (st = check_group(c, n->kid[0])) == BM_OK ? check_group(c, n->kid[1]) : st;
        if (n->op == BM_OP_TIMES) return fail(c, n, "a grouping factor cannot be a * b; write (1 | a) + (1 | b) + (1 | a:b)");
        if (n->op == BM_OP_PLUS) return fail(c, n, "a grouping factor cannot be a + b; write (1 | a) + (1 | b)");
        return fail(c, n, "to the right of a bar there may be variables, ':' and '/' only");
    default: return fail(c, n, "a grouping variable expected to the right of the bar");
    }
}

/* ---- terms ---- */

static bm_status check_terms(checker *c, const bm_node *n, bool in_sum);

static bool is_bar(const bm_node *n)
{
    return n->kind == BM_NODE_BINARY && (n->op == BM_OP_OR || n->op == BM_OP_OR2);
}

static bm_status check_bar(checker *c, const bm_node *n, bool in_sum)
{
    bm_bar   *bar;
    bm_status st;

    if (c->in_bar) return fail(c, n, "a random term cannot stand in another one");
    if (!in_sum) return fail(c, n, "a random term (terms | group) can only be added: y ~ x + (x | g)");
    if (is_bar(n->kid[0]) || is_bar(n->kid[1])) return fail(c, n, "a random term has one bar");
    if (!(bar = bm_grow(c->f->bar, &c->f->cap_bar, c->f->nbar + 1, sizeof *bar))) return bm_nomem(c->err);
    c->f->bar = bar;
    bar[c->f->nbar++] = (bm_bar){ .terms = n->kid[0], .group = n->kid[1], .self = n, .independent = n->op == BM_OP_OR2 };
    c->in_bar = true;
    st = check_terms(c, n->kid[0], true);
    c->in_bar = false;
    return st == BM_OK ? check_group(c, n->kid[1]) : st;
}

static bm_status check_offset(checker *c, const bm_node *n, bool in_sum)
{
    const bm_node **offset;

    if (c->in_bar || !in_sum) return fail(c, n, "offset() can only be added to the fixed part: y ~ x + offset(o)");
    if (!(offset = bm_grow(c->f->offset, &c->f->cap_offset, c->f->noffset + 1, sizeof *offset))) return bm_nomem(c->err);
    c->f->offset = offset;
    offset[c->f->noffset++] = n;
    return check_arith(c, n->kid[0]);
}

static bm_status check_power(checker *c, const bm_node *n)
{
    const bm_node *k = n->kid[1];

    if (k->kind != BM_NODE_NUM || k->num < 1 || k->num > 100 || k->num != (int)k->num)
        return fail(c, k, "the power of terms is a whole number from 1 up; a power of a variable is written I(x^2)");
    return check_terms(c, n->kid[0], false);
}

static bm_status check_term_operator(checker *c, const bm_node *n, bool in_sum)
{
    bm_status st = BM_OK;

    switch (n->op) {
    case BM_OP_PLUS: case BM_OP_MINUS:
        if ((st = check_terms(c, n->kid[0], in_sum)) != BM_OK) return st;
        return check_terms(c, n->kid[1], in_sum && n->op == BM_OP_PLUS);
    case BM_OP_TIMES: case BM_OP_DIVIDE: case BM_OP_IN: case BM_OP_COLON:
        for (size_t k = 0; k < 2 && st == BM_OK; k++) {
            if (n->kid[k]->kind == BM_NODE_NUM)
                return fail(c, n->kid[k], "a number cannot be part of an interaction; arithmetic is written I(2 * x)");
            st = check_terms(c, n->kid[k], false);
        }
        return st;
    case BM_OP_POWER: return check_power(c, n);
    case BM_OP_OR: case BM_OP_OR2: return fail(c, n, "a random term needs parentheses: (1 | g)");
    case BM_OP_TILDE: return fail(c, n, "a formula has one '~'");
    default: return fail(c, n, "this operator is arithmetic; among terms it is written inside of I()");
    }
}

static bm_status check_terms(checker *c, const bm_node *n, bool in_sum)
{
    switch (n->kind) {
    case BM_NODE_NUM:
        if (n->num == 0 || n->num == 1) return BM_OK;
        return fail(c, n, "the only numbers among terms are 0 and 1, for the intercept; arithmetic is written inside of I()");
    case BM_NODE_STRING: case BM_NODE_BOOL: return fail(c, n, "a variable expected here");
    case BM_NODE_NAME: return use(c, n, false);
    case BM_NODE_DOT:
        c->f->dot = true;
        return BM_OK;
    case BM_NODE_CALL: return n->fn->kind == BM_FN_OFFSET ? check_offset(c, n, in_sum) : check_call(c, n);
    case BM_NODE_PAREN: return is_bar(n->kid[0]) ? check_bar(c, n->kid[0], in_sum) : check_terms(c, n->kid[0], in_sum);
    case BM_NODE_UNARY:
        if (n->op == BM_OP_PLUS) return check_terms(c, n->kid[0], in_sum);
        if (n->op == BM_OP_MINUS) return check_terms(c, n->kid[0], false);
        return fail(c, n,
                    n->op == BM_OP_TILDE ? "a formula has one '~'" : "'!' is arithmetic; among terms it is written inside of I()");
    case BM_NODE_BINARY: return check_term_operator(c, n, in_sum);
    }
    return BM_OK;
}

static bool group_only(const checker *c, const char *name)
{
    return !bm_strv_has(&c->plain, name);
}

/* A variable that is a predictor too is left to be what it looks like. */
static void keep_pure_groups(checker *c)
{
    bm_strv *g = &c->f->group_vars;
    size_t   n = 0;

    for (size_t i = 0; i < g->n; i++) {
        if (group_only(c, g->v[i])) g->v[n++] = g->v[i];
        else free(g->v[i]);
    }
    g->n = n;
}

bm_status bm_formula_check(bm_formula *f, bm_error *err)
{
    checker   c = { .f = f, .err = err };
    bm_status st = BM_OK;

    f->nbar = f->noffset = 0;
    f->dot = false;
    bm_strv_free(&f->vars);
    bm_strv_free(&f->group_vars);
    if (f->lhs) st = check_arith(&c, f->lhs);
    if (st == BM_OK) st = check_terms(&c, f->rhs, true);
    if (st == BM_OK) keep_pure_groups(&c);
    bm_strv_free(&c.plain);
    return st;
}
