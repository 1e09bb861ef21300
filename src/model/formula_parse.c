/* formula_parse.c: from text to tree, by precedence climbing with R's precedences (R Language Definition, 10.4.2; ?Syntax). */
#include "model/formula_priv.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    bm_formula *f;
    bm_token    t;            /* the next one */
    size_t      nesting;
    bm_error   *err;
} parser;

enum { P_TILDE = 1, P_OR, P_AND, P_NOT, P_COMPARE, P_SUM, P_TIMES, P_PERCENT, P_COLON, P_SIGN, P_POWER };

static int precedence(bm_op op)
{
    static const char p[] = {
        [BM_OP_TILDE] = P_TILDE, [BM_OP_OR2] = P_OR, [BM_OP_OR] = P_OR, [BM_OP_AND2] = P_AND, [BM_OP_AND] = P_AND, [BM_OP_NOT] = P_NOT,
        [BM_OP_EQ] = P_COMPARE, [BM_OP_NE] = P_COMPARE, [BM_OP_LT] = P_COMPARE, [BM_OP_LE] = P_COMPARE, [BM_OP_GT] = P_COMPARE,
        [BM_OP_GE] = P_COMPARE, [BM_OP_PLUS] = P_SUM, [BM_OP_MINUS] = P_SUM, [BM_OP_TIMES] = P_TIMES, [BM_OP_DIVIDE] = P_TIMES,
        [BM_OP_IN] = P_PERCENT, [BM_OP_MOD] = P_PERCENT, [BM_OP_INTDIV] = P_PERCENT, [BM_OP_COLON] = P_COLON, [BM_OP_POWER] = P_POWER,
    };

    return p[op];
}

static bm_status parse_expr(parser *p, int lowest, bm_node **out);

static bm_status next(parser *p)
{
    return bm_lex(p->f, &p->t, p->err);
}

static bool at_op(const parser *p, bm_op op)
{
    return p->t.kind == BM_TOK_OP && p->t.op == op;
}

static bm_status expected(const parser *p, const char *what)
{
    return bm_formula_fail(p->f, p->t.pos, p->err, BM_EPARSE, "formula: %s expected here", what);
}

static bm_status take_text(parser *p, bm_node *n)
{
    return (n->text = bm_strdup(p->t.text.s)) ? BM_OK : bm_nomem(p->err);
}

/* ---- calls ---- */

static bm_status unknown_function(const parser *p, const char *name, size_t pos)
{
    const char *close = bm_fn_closest(name);
    bm_buf      list = { 0 };

    bm_fn_list(&list);
    bm_formula_fail(p->f, pos, p->err, BM_EINVAL, "formula: there is no function '%.60s'%s%s%s; there are: %s", name,
                    close ? "; did you mean '" : "", close ? close : "", close ? "'?" : "", list.failed ? "" : list.s);
    bm_buf_free(&list);
    return BM_EINVAL;
}

/* name = in front of an argument, if there. */
static bm_status parse_arg_name(parser *p, bm_node *call)
{
    bm_token ahead = { .end = p->t.end };
    bm_status st;
    size_t   k;

    if (p->t.kind != BM_TOK_NAME) return BM_OK;
    st = bm_lex(p->f, &ahead, p->err);
    bm_buf_free(&ahead.text);
    if (st != BM_OK || ahead.kind != BM_TOK_ASSIGN) return st;
    for (k = 0; k < call->fn->max; k++)
        if (strcmp(call->fn->args[k], p->t.text.s) == 0) break;
    if (k == call->fn->max)
        return bm_formula_fail(p->f, p->t.pos, p->err, BM_EINVAL, "formula: %s() has no argument '%.60s'", call->fn->name,
                               p->t.text.s);
    for (size_t j = 0; j < call->nkid; j++)
        if (call->arg[j] && strcmp(call->arg[j], p->t.text.s) == 0)
            return bm_formula_fail(p->f, p->t.pos, p->err, BM_EINVAL, "formula: the argument '%.60s' is given twice", p->t.text.s);
    if (!(call->arg[call->nkid] = bm_strdup(p->t.text.s))) return bm_nomem(p->err);
    if ((st = next(p)) != BM_OK) return st;
    return next(p);
}

static bm_status parse_args(parser *p, bm_node *call)
{
    bm_status st = BM_OK;

    while (p->t.kind != BM_TOK_CLOSE) {
        bm_node *arg;

        if (call->nkid == call->fn->max)
            return bm_formula_fail(p->f, p->t.pos, p->err, BM_EINVAL, "formula: %s() takes %s%zu argument%s", call->fn->name,
                                   call->fn->min < call->fn->max ? "at most " : "", call->fn->max, call->fn->max > 1 ? "s" : "");
        if ((st = parse_arg_name(p, call)) != BM_OK || (st = parse_expr(p, P_TILDE + 1, &arg)) != BM_OK) return st;
        call->kid[call->nkid++] = arg;
        if (arg->depth >= call->depth) call->depth = arg->depth + 1;
        if (p->t.kind == BM_TOK_CLOSE) break;
        if (p->t.kind != BM_TOK_COMMA) return expected(p, "',' or ')'");
        if ((st = next(p)) != BM_OK) return st;
        if (p->t.kind == BM_TOK_CLOSE) return expected(p, "an argument");
    }
    if (!bm_call_arg(call, 0))
        return bm_formula_fail(p->f, call->pos, p->err, BM_EINVAL, "formula: %s() needs an argument", call->fn->name);
    return next(p);
}

/* The parenthesis after the name is the next token. */
static bm_status parse_call(parser *p, const char *name, size_t pos, bm_node **out)
{
    const bm_fn *fn = bm_fn_find(name);
    bm_status    st;

    if (!fn) return unknown_function(p, name, pos);
    if ((st = bm_node_new(p->f, out, BM_NODE_CALL, pos, p->err)) != BM_OK || (st = next(p)) != BM_OK) return st;
    (*out)->fn = fn;
    return parse_args(p, *out);
}

/* ---- operands ---- */

static bm_status parse_name(parser *p, bm_node **out)
{
    size_t    pos = p->t.pos;
    bool      plain = !p->t.quoted;
    char     *name = bm_strdup(p->t.text.s);
    bm_status st = name ? next(p) : bm_nomem(p->err);

    if (st == BM_OK && plain && p->t.kind == BM_TOK_OPEN) st = parse_call(p, name, pos, out);
    else if (st == BM_OK && plain && strcmp(name, ".") == 0) st = bm_node_new(p->f, out, BM_NODE_DOT, pos, p->err);
    else if (st == BM_OK && plain && (strcmp(name, "TRUE") == 0 || strcmp(name, "FALSE") == 0)) {
        st = bm_node_new(p->f, out, BM_NODE_BOOL, pos, p->err);
        if (st == BM_OK) (*out)->num = *name == 'T';
    } else if (st == BM_OK) {
        st = bm_node_new(p->f, out, BM_NODE_NAME, pos, p->err);
        if (st == BM_OK) {
            (*out)->text = name;
            name = NULL;
        }
    }
    free(name);
    return st;
}

static bm_status parse_paren(parser *p, bm_node **out)
{
    size_t    pos = p->t.pos;
    bm_node  *inner;
    bm_status st = next(p);

    if (st != BM_OK || (st = parse_expr(p, P_TILDE, &inner)) != BM_OK) return st;
    if (p->t.kind != BM_TOK_CLOSE)
        return p->t.kind != BM_TOK_END ? expected(p, "an operator or ')'")
                                       : bm_formula_fail(p->f, pos, p->err, BM_EPARSE, "formula: this parenthesis is not closed");
    if ((st = bm_node_wrap(p->f, out, BM_NODE_PAREN, pos, inner, p->err)) != BM_OK) return st;
    return next(p);
}

static bm_status parse_literal(parser *p, bm_node_kind kind, bm_node **out)
{
    bm_status st = bm_node_new(p->f, out, kind, p->t.pos, p->err);

    if (st == BM_OK) (*out)->num = p->t.num;
    if (st == BM_OK && kind == BM_NODE_STRING) st = take_text(p, *out);
    return st == BM_OK ? next(p) : st;
}

static bm_status parse_unary(parser *p, bm_node **out)
{
    bm_op     op = p->t.op;
    size_t    pos = p->t.pos;
    int       prec = op == BM_OP_NOT ? P_NOT : op == BM_OP_TILDE ? P_TILDE + 1 : P_SIGN;
    bm_node  *operand;
    bm_status st = next(p);

    if (st != BM_OK || (st = parse_expr(p, prec, &operand)) != BM_OK) return st;
    if ((st = bm_node_wrap(p->f, out, BM_NODE_UNARY, pos, operand, p->err)) == BM_OK) (*out)->op = op;
    return st;
}

static bm_status parse_operand(parser *p, bm_node **out)
{
    if (at_op(p, BM_OP_PLUS) || at_op(p, BM_OP_MINUS) || at_op(p, BM_OP_NOT) || at_op(p, BM_OP_TILDE)) return parse_unary(p, out);
    switch (p->t.kind) {
    case BM_TOK_NUM: return parse_literal(p, BM_NODE_NUM, out);
    case BM_TOK_STRING: return parse_literal(p, BM_NODE_STRING, out);
    case BM_TOK_NAME: return parse_name(p, out);
    case BM_TOK_OPEN: return parse_paren(p, out);
    default: return expected(p, "a variable, a number, a function or '('");
    }
}

/* ---- expressions ---- */

/* Appends operators that bind at least as tightly as lowest. Powers group to the right, comparisons not at all, the rest
 * to the left. */
static bm_status parse_operators(parser *p, int lowest, bm_node **out)
{
    bm_status st = BM_OK;

    while (st == BM_OK && p->t.kind == BM_TOK_OP && p->t.op != BM_OP_NOT && precedence(p->t.op) >= lowest) {
        bm_op    op = p->t.op;
        int      prec = precedence(op);
        size_t   pos = p->t.pos;
        bm_node *left = *out, *right;

        if (prec == P_COMPARE && left->kind == BM_NODE_BINARY && precedence(left->op) == P_COMPARE)
            return bm_formula_fail(p->f, pos, p->err, BM_EPARSE, "formula: comparisons cannot be chained; write a < b & b < c");
        if ((st = next(p)) != BM_OK || (st = parse_expr(p, op == BM_OP_POWER ? prec : prec + 1, &right)) != BM_OK) return st;
        st = bm_node_binary(p->f, out, op, pos, left, right, p->err);
    }
    return st;
}

static bm_status parse_expr(parser *p, int lowest, bm_node **out)
{
    bm_status st;

    if (p->nesting >= BM_MAX_NESTING)
        return bm_formula_fail(p->f, p->t.pos, p->err, BM_EPARSE, "formula: nested more than %d deep", BM_MAX_NESTING);
    p->nesting++;
    if ((st = parse_operand(p, out)) == BM_OK) st = parse_operators(p, lowest, out);
    p->nesting--;
    return st;
}

/* The formula's text as it is kept and shown: white space is blank, no control characters (they would reach terminals), UTF-8. */
static bm_status clean_text(bm_formula *f, const char *text, bm_error *err)
{
    size_t n = strlen(text), follow = 0;

    if (n > BM_MAX_TEXT) return bm_fail(err, BM_EPARSE, "formula: longer than %d characters", BM_MAX_TEXT);
    if (!(f->text = bm_strdup(text))) return bm_nomem(err);
    for (char *s = f->text; *s; s++)
        if (*s == '\t' || *s == '\n' || *s == '\r') *s = ' ';
    for (size_t i = 0; i <= n; i++) {
        unsigned char c = (unsigned char)f->text[i];

        if (i < n && (c < 0x20 || c == 0x7f))
            return bm_fail(err, BM_EPARSE,
                           "formula: a control character (code %d) at character %zu; in backquotes it is written \\x%02x", c, i + 1, c);
        if ((follow > 0) != ((c & 0xc0) == 0x80) || c == 0xc0 || c == 0xc1 || c >= 0xf5)
            return bm_fail(err, BM_EPARSE, "formula: not UTF-8 at byte %zu", i + 1);
        follow = follow ? follow - 1 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    }
    return BM_OK;
}

static bm_status no_tilde(const parser *p)
{
    return bm_formula_fail(p->f, strlen(p->f->text), p->err, BM_EPARSE, "formula: no '~'; write response ~ terms");
}

static bm_status parse_formula(parser *p)
{
    bm_formula *f = p->f;
    bm_node    *root;
    bm_status   st = next(p);

    if (st == BM_OK && p->t.kind == BM_TOK_END) return bm_fail(p->err, BM_EPARSE, "formula: it is empty; write response ~ terms");
    if (st != BM_OK || (st = parse_expr(p, P_TILDE, &root)) != BM_OK) return st;
    if (p->t.kind == BM_TOK_CLOSE)
        return bm_formula_fail(f, p->t.pos, p->err, BM_EPARSE, "formula: this parenthesis was never opened");
    if (p->t.kind == BM_TOK_ASSIGN)
        return bm_formula_fail(f, p->t.pos, p->err, BM_EPARSE,
                               "formula: '=' has no meaning here; a formula has '~', a comparison '=='");
    if (p->t.kind != BM_TOK_END) return expected(p, "an operator");
    if ((root->kind != BM_NODE_UNARY && root->kind != BM_NODE_BINARY) || root->op != BM_OP_TILDE) return no_tilde(p);
    f->tilde = root;
    f->lhs = root->kind == BM_NODE_BINARY ? root->kid[0] : NULL;
    f->rhs = root->kid[root->nkid - 1];
    if (f->lhs && f->lhs->kind == BM_NODE_BINARY && f->lhs->op == BM_OP_TILDE)
        return bm_formula_fail(f, root->pos, p->err, BM_EPARSE, "formula: a formula has one '~'");
    return bm_formula_check(f, p->err);
}

bm_status bm_formula_parse(bm_formula **out, const char *text, bm_error *err)
{
    bm_formula *f = bm_alloc(1, sizeof *f);
    parser      p = { .f = f, .err = err };
    bm_status   st = f ? clean_text(f, text, err) : bm_nomem(err);

    *out = NULL;
    if (st == BM_OK) st = parse_formula(&p);
    if (st == BM_OK) {
        *out = f;
        f = NULL;
    }
    bm_buf_free(&p.t.text);
    bm_formula_free(f);
    return st;
}

void bm_formula_free(bm_formula *f)
{
    if (!f) return;
    for (size_t i = 0; i < f->nall; i++) {
        for (size_t k = 0; k < BM_MAX_ARGS; k++) free(f->all[i]->arg[k]);
        free(f->all[i]->text);
        free(f->all[i]);
    }
    free(f->all);
    free(f->bar);
    free(f->offset);
    free(f->text);
    bm_strv_free(&f->vars);
    bm_strv_free(&f->group_vars);
    bm_strv_free(&f->dot_left_out);
    free(f);
}

const char *const *bm_formula_vars(const bm_formula *f, size_t *n)
{
    *n = f->vars.n;
    return (const char *const *)f->vars.v;
}

const char *const *bm_formula_group_vars(const bm_formula *f, size_t *n)
{
    *n = f->group_vars.n;
    return (const char *const *)f->group_vars.v;
}
