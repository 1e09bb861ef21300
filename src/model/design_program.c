/* design_program.c: arithmetic of the formula as postfix code that runs over chunks of rows, with R's meaning of the operators. */
#include "model/design_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PUSH, COLUMN, LEVEL,                             /* a constant; a numeric column; 1 where a factor has code a */
    ADD, SUBTRACT, MULTIPLY, DIVIDE, RAISE, MODULO, WHOLE,
    EQUAL, UNEQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, BOTH, EITHER,
    NEGATE, NOT, CALL, STANDARDISE                   /* (x - a) / b */
};

static const double UNSEEN = -2;                     /* the code of a label that has not come */

/* ---- compiling ---- */

typedef struct { bm_recipe *r; bm_program *p; bm_error *err; } compiler;

static bm_status emit(const compiler *c, bm_instr in)
{
    bm_program *p = c->p;
    bm_instr   *code = bm_grow(p->code, &p->cap, p->n + 1, sizeof *code);

    if (!code) return bm_nomem(c->err);
    p->code = code;
    code[p->n++] = in;
    if (in.op <= LEVEL) p->height++;
    else if (in.op <= EITHER) p->height--;
    if (p->height > p->depth) p->depth = p->height;
    return BM_OK;
}

static bm_status compile(const compiler *c, bm_type *type, const bm_node *n);

static bm_status need_number(const compiler *c, const bm_node *name, const bm_input *in)
{
    bm_buf why = { 0 };

    bm_input_why_text(c->r, in, &why);
    bm_formula_fail(c->r->f, name->pos, c->err, BM_EINVAL, "formula: a number is needed here, but %s",
                    why.failed ? name->text : why.s);
    bm_buf_free(&why);
    return BM_EINVAL;
}

static bm_status compile_name(const compiler *c, const bm_node *n)
{
    size_t    k;
    bm_status st = bm_input_find(c->r, &k, n, c->err);

    if (st != BM_OK) return st;
    if (c->r->input[k].col->kind == BM_COL_FACTOR) return need_number(c, n, &c->r->input[k]);
    return emit(c, (bm_instr){ .op = COLUMN, .input = k });
}

static const char *label_text(const bm_node *label, char number[BM_NUMBER_MAX])
{
    if (label->kind != BM_NODE_NUM) return label->text;
    bm_format_double(number, label->num);
    return number;
}

static bm_status no_such_label(const bm_recipe *r, const bm_node *label, const bm_column *col, bm_error *err)
{
    char        number[BM_NUMBER_MAX];
    const char *text = label_text(label, number), *close = bm_closest(text, (const char *const *)col->levels, col->nlevels);

    return bm_formula_fail(r->f, label->pos, err, BM_EINVAL, "formula: the factor '%.100s' has no level '%.100s'%s%.100s%s", col->name, text,
                           close ? "; did you mean '" : "", close ? close : "", close ? "'?" : "");
}

/* f == "a": the label is one of the factor's, or in portions may be. */
static bm_status compile_label(const compiler *c, const bm_node *cmp, const bm_node *name, const bm_node *label)
{
    char             number[BM_NUMBER_MAX];
    const char      *text = label_text(label, number);
    const bm_column *col;
    size_t           k, j = 0;
    bm_status        st = bm_input_find(c->r, &k, name, c->err);

    if (st != BM_OK) return st;
    col = c->r->input[k].col;
    if (cmp->op != BM_OP_EQ && cmp->op != BM_OP_NE)
        return bm_formula_fail(c->r->f, cmp->pos, c->err, BM_EINVAL,
                               "formula: labels have no order here; '%.100s' can be compared by == and !=", name->text);
    while (j < col->nlevels && strcmp(col->levels[j], text) != 0) j++;
    if (j == col->nlevels && !c->r->portions) return no_such_label(c->r, label, col, c->err);
    st = emit(c, (bm_instr){ .op = LEVEL, .input = k, .a = j < col->nlevels ? (double)j : UNSEEN, .label = label });
    return st == BM_OK && cmp->op == BM_OP_NE ? emit(c, (bm_instr){ .op = NOT }) : st;
}

/* The factor column that a node names, if it does. */
static bool names_factor(const compiler *c, const bm_node *n, bm_status *st)
{
    size_t k;

    *st = BM_OK;
    if (n->kind != BM_NODE_NAME) return false;
    *st = bm_input_find(c->r, &k, n, c->err);
    return *st == BM_OK && c->r->input[k].col->kind == BM_COL_FACTOR;
}

static bm_status compile_comparison(const compiler *c, const bm_node *n, bool *done)
{
    bm_status st = BM_OK;

    *done = false;
    for (int side = 0; side < 2; side++) {
        const bm_node *a = n->kid[side], *b = n->kid[1 - side];
        bool           factor = names_factor(c, a, &st);

        if (st != BM_OK) return st;
        if (factor && (b->kind == BM_NODE_STRING || b->kind == BM_NODE_NUM)) {
            *done = true;
            return compile_label(c, n, a, b);
        }
        if (a->kind == BM_NODE_STRING && !names_factor(c, b, &st))
            return st == BM_OK ? bm_formula_fail(c->r->f, a->pos, c->err, BM_EINVAL,
                                                 "formula: a text can only be compared with a factor") : st;
    }
    return BM_OK;
}

static bm_status compile_binary(const compiler *c, bm_type *type, const bm_node *n)
{
    static const int ops[] = {
        [BM_OP_PLUS] = ADD, [BM_OP_MINUS] = SUBTRACT, [BM_OP_TIMES] = MULTIPLY, [BM_OP_DIVIDE] = DIVIDE, [BM_OP_POWER] = RAISE,
        [BM_OP_MOD] = MODULO, [BM_OP_INTDIV] = WHOLE, [BM_OP_EQ] = EQUAL, [BM_OP_NE] = UNEQUAL, [BM_OP_LT] = LESS, [BM_OP_LE] = LESS_EQUAL,
        [BM_OP_GT] = GREATER, [BM_OP_GE] = GREATER_EQUAL, [BM_OP_AND] = BOTH, [BM_OP_OR] = EITHER,
    };
    bool      comparison = n->op >= BM_OP_EQ && n->op <= BM_OP_GE, done = false;
    bm_type   ignored;
    bm_status st = comparison ? compile_comparison(c, n, &done) : BM_OK;

    *type = comparison || n->op == BM_OP_AND || n->op == BM_OP_OR ? BM_TYPE_LOGICAL : BM_TYPE_NUMBER;
    if (st != BM_OK || done) return st;
    if ((st = compile(c, &ignored, n->kid[0])) != BM_OK || (st = compile(c, &ignored, n->kid[1])) != BM_OK) return st;
    return emit(c, (bm_instr){ .op = ops[n->op] });
}

static double constant(const bm_node *n)
{
    return n->kind == BM_NODE_UNARY ? (n->op == BM_OP_MINUS ? -n->kid[0]->num : n->kid[0]->num) : n->num;
}

static bm_status compile_log(const compiler *c, const bm_node *n)
{
    const bm_node *base = bm_call_arg(n, 1);
    bm_status      st = emit(c, (bm_instr){ .op = CALL, .fn = log });

    if (st != BM_OK || !base) return st;
    if (!(constant(base) > 0) || constant(base) == 1)
        return bm_formula_fail(c->r->f, base->pos, c->err, BM_EINVAL, "formula: the base of a logarithm is positive and not 1");
    return emit(c, (bm_instr){ .op = STANDARDISE, .a = 0, .b = log(constant(base)) });
}

/* What the argument of a scale() is in the rows of the frame, also in those that another variable drops. */
static bm_status measure(const compiler *c, bm_scale *s)
{
    size_t    n = c->r->frame->n, m = 0;
    double   *stack = bm_alloc(s->x.depth * BM_CHUNK, sizeof *stack), *v = bm_alloc(n, sizeof *v);
    bm_status st = stack && v ? BM_OK : bm_nomem(c->err);

    for (size_t i = 0; i < n && st == BM_OK; i += BM_CHUNK) {
        size_t k = n - i < BM_CHUNK ? n - i : BM_CHUNK;

        bm_program_run(&s->x, c->r->input, NULL, i, k, stack);
        for (size_t j = 0; j < k; j++)
            if (!isnan(stack[j])) v[m++] = stack[j];
    }
    if (st == BM_OK) bm_running_add(&s->seen, v, m);
    free(stack);
    free(v);
    return st;
}

void bm_scale_of(const bm_scale *s, double *centre, double *sd)
{
    double off;

    if (s->centred) *centre = s->seen.mean;
    off = s->seen.mean - *centre;
    *sd = sqrt((s->seen.square + s->seen.n * off * off) / (s->seen.n > 1 ? s->seen.n - 1 : 1));
    if (s->centred && !s->seen.varies) *sd = 0;      /* whatever rounding has left */
}

/* The recipe takes over the program. */
static bm_status add_scale(const compiler *c, bm_program *x, bool centred, double centre, double *mean, double *sd)
{
    bm_recipe *r = c->r;
    bm_scale  *s = bm_grow(r->scale, &r->cap_scale, r->nscale + 1, sizeof *s);
    bm_status  st;

    if (!s) return bm_nomem(c->err);
    r->scale = s;
    s += r->nscale++;
    *s = (bm_scale){ .x = *x, .centred = centred, .centre = centre };
    *x = (bm_program){ 0 };
    if (r->portions) {
        const bm_running *seen = bm_survey_scale(r->survey, r->nscale - 1);

        c->p->waits = c->p->waits || !seen;
        if (!seen) return BM_OK;
        s->seen = *seen;
    } else if ((st = measure(c, s)) != BM_OK) return st;
    bm_scale_of(s, mean, sd);
    return BM_OK;
}

/* R's scale(). */
static bm_status compile_scale(const compiler *c, const bm_node *n)
{
    const bm_node *centre = bm_call_arg(n, 1), *by = bm_call_arg(n, 2);
    bool           measured_mean = !centre || (centre->kind == BM_NODE_BOOL && centre->num != 0);
    bool           measured_sd = !by || (by->kind == BM_NODE_BOOL && by->num != 0);
    double         mean = centre && centre->kind != BM_NODE_BOOL ? constant(centre) : 0, sd = 1;
    bm_program     x = { 0 };
    bm_type        ignored;
    bm_status      st = bm_program_compile(c->r, &x, &ignored, bm_call_arg(n, 0), c->err);

    for (size_t i = 0; i < x.n && st == BM_OK; i++) st = emit(c, x.code[i]);
    c->p->waits = c->p->waits || x.waits;
    if (st == BM_OK && (measured_mean || measured_sd)) st = add_scale(c, &x, measured_mean, mean, &mean, &sd);
    free(x.code);
    if (!measured_sd) sd = by->kind == BM_NODE_BOOL ? 1 : constant(by);
    if (st == BM_OK && sd == 0)
        st = bm_formula_fail(c->r->f, n->pos, c->err, BM_EINVAL,
                             "formula: scale() would divide by a standard deviation of 0: its argument is constant");
    return st == BM_OK ? emit(c, (bm_instr){ .op = STANDARDISE, .a = mean, .b = sd }) : st;
}

static bm_status compile_call(const compiler *c, bm_type *type, const bm_node *n)
{
    const bm_node *x = bm_call_arg(n, 0);
    bm_type        inner;
    bm_status      st;

    *type = BM_TYPE_NUMBER;
    switch (n->fn->kind) {
    case BM_FN_SCALE: return compile_scale(c, n);
    case BM_FN_I: return compile(c, type, x);
    case BM_FN_LOG: return (st = compile(c, &inner, x)) == BM_OK ? compile_log(c, n) : st;
    case BM_FN_MATH: return (st = compile(c, &inner, x)) == BM_OK ? emit(c, (bm_instr){ .op = CALL, .fn = n->fn->math }) : st;
    default:
        return bm_formula_fail(c->r->f, n->pos, c->err, BM_EINVAL, "formula: a number is needed here, but %s() makes a factor",
                               n->fn->name);
    }
}

static bm_status compile_unary(const compiler *c, bm_type *type, const bm_node *n)
{
    bm_type   inner;
    bm_status st = compile(c, &inner, n->kid[0]);

    *type = n->op == BM_OP_NOT ? BM_TYPE_LOGICAL : BM_TYPE_NUMBER;
    if (st != BM_OK || n->op == BM_OP_PLUS) return st;
    return emit(c, (bm_instr){ .op = n->op == BM_OP_NOT ? NOT : NEGATE });
}

static bm_status compile(const compiler *c, bm_type *type, const bm_node *n)
{
    *type = n->kind == BM_NODE_BOOL ? BM_TYPE_LOGICAL : BM_TYPE_NUMBER;
    switch (n->kind) {
    case BM_NODE_NUM: case BM_NODE_BOOL: return emit(c, (bm_instr){ .op = PUSH, .a = n->num });
    case BM_NODE_NAME: return compile_name(c, n);
    case BM_NODE_CALL: return compile_call(c, type, n);
    case BM_NODE_PAREN: return compile(c, type, n->kid[0]);
    case BM_NODE_UNARY: return compile_unary(c, type, n);
    case BM_NODE_BINARY: return compile_binary(c, type, n);
    default: return bm_formula_fail(c->r->f, n->pos, c->err, BM_EINVAL, "formula: a number is needed here");
    }
}

bm_status bm_program_compile(bm_recipe *r, bm_program *p, bm_type *type, const bm_node *n, bm_error *err)
{
    return compile(&(compiler){ .r = r, .p = p, .err = err }, type, n);
}

bool bm_instr_reads(const bm_instr *in, size_t input)
{
    return in->op == COLUMN && in->input == input;
}

void bm_program_label(bm_program *p, size_t input, int32_t code, const char *label)
{
    char number[BM_NUMBER_MAX];

    for (size_t i = 0; i < p->n; i++) {
        bm_instr *in = &p->code[i];

        if (in->op == LEVEL && in->input == input && in->a == UNSEEN && strcmp(label_text(in->label, number), label) == 0) in->a = code;
    }
}

bool bm_program_compares(const bm_program *p, size_t input)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->code[i].op == LEVEL && p->code[i].input == input) return true;
    return false;
}

bm_status bm_program_check_labels(const bm_recipe *r, const bm_program *p, bm_error *err)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->code[i].op == LEVEL && p->code[i].a == UNSEEN) return no_such_label(r, p->code[i].label, r->input[p->code[i].input].col, err);
    return BM_OK;
}

/* ---- running ---- */

static double binary(int op, double x, double y)
{
    if (isnan(x) || isnan(y)) return NAN;
    switch (op) {
    case ADD: return x + y;
    case SUBTRACT: return x - y;
    case MULTIPLY: return x * y;
    case DIVIDE: return x / y;
    case RAISE: return y == 2 ? x * x : pow(x, y);   /* as R does */
    case MODULO: return x - floor(x / y) * y;
    case WHOLE: return floor(x / y);
    case EQUAL: return x == y;
    case UNEQUAL: return x != y;
    case LESS: return x < y;
    case LESS_EQUAL: return x <= y;
    case GREATER: return x > y;
    case GREATER_EQUAL: return x >= y;
    case BOTH: return x != 0 && y != 0;
    default: return x != 0 || y != 0;
    }
}

static void load(const bm_instr *in, const bm_column *col, const size_t *row, size_t first, size_t n, double *x)
{
    if (in->op == PUSH) for (size_t i = 0; i < n; i++) x[i] = in->a;
    else if (in->op == COLUMN && row) for (size_t i = 0; i < n; i++) x[i] = col->num[row[i]];
    else if (in->op == COLUMN) memcpy(x, col->num + first, n * sizeof *x);
    else
        for (size_t i = 0; i < n; i++) {
            int32_t code = col->code[row ? row[i] : first + i];

            x[i] = code < 0 ? NAN : code == (int32_t)in->a;
        }
}

static void change(const bm_instr *in, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) {
        if (in->op == NEGATE) x[i] = -x[i];
        else if (in->op == NOT) x[i] = isnan(x[i]) ? NAN : x[i] == 0;
        else if (in->op == CALL) x[i] = in->fn(x[i]);
        else x[i] = (x[i] - in->a) / in->b;
    }
}

void bm_program_run(const bm_program *p, const bm_input *in, const size_t *row, size_t first, size_t n, double *stack)
{
    double *top = stack;                             /* one chunk above the last value */

    for (size_t k = 0; k < p->n; k++) {
        const bm_instr *c = &p->code[k];

        if (c->op <= LEVEL) {
            load(c, c->op == PUSH ? NULL : in[c->input].col, row, first, n, top);
            top += BM_CHUNK;
        } else if (c->op <= EITHER) {
            top -= BM_CHUNK;
            for (size_t i = 0; i < n; i++) (top - BM_CHUNK)[i] = binary(c->op, (top - BM_CHUNK)[i], top[i]);
        } else change(c, n, top - BM_CHUNK);
    }
}
