/* formula_priv.h: the tree of a formula, as the parser leaves it and formula_*.c and design_*.c read it.
 *
 * Operators bind as in R (?Syntax), so the tree of a formula and that of arithmetic inside log() or I() are of one kind; what an
 * operator means depends on where it stands (formula_check.c). */
#ifndef BM_FORMULA_PRIV_H
#define BM_FORMULA_PRIV_H

#include "model/model.h"

typedef enum {
    BM_OP_TILDE, BM_OP_OR2, BM_OP_OR, BM_OP_AND2, BM_OP_AND, BM_OP_NOT, BM_OP_EQ, BM_OP_NE, BM_OP_LT, BM_OP_LE, BM_OP_GT, BM_OP_GE,
    BM_OP_PLUS, BM_OP_MINUS, BM_OP_TIMES, BM_OP_DIVIDE, BM_OP_IN, BM_OP_MOD, BM_OP_INTDIV, BM_OP_COLON, BM_OP_POWER
} bm_op;

typedef enum {
    BM_NODE_NUM, BM_NODE_STRING, BM_NODE_BOOL, BM_NODE_NAME, BM_NODE_DOT, BM_NODE_CALL, BM_NODE_PAREN, BM_NODE_UNARY, BM_NODE_BINARY
} bm_node_kind;

typedef enum { BM_FN_MATH, BM_FN_LOG, BM_FN_SCALE, BM_FN_FACTOR, BM_FN_I, BM_FN_OFFSET } bm_fn_kind;

enum { BM_MAX_ARGS = 3, BM_MAX_TEXT = 65536, BM_MAX_NESTING = 200, BM_MAX_DEPTH = 6000, BM_MAX_DOT = 4000 };

typedef struct {
    const char *name;
    bm_fn_kind  kind;
    size_t      min, max;                /* arguments */
    double    (*math)(double);           /* BM_FN_MATH */
    const char *args[BM_MAX_ARGS];       /* names that the arguments may be given by */
} bm_fn;

typedef struct bm_node {
    bm_node_kind    kind;
    bm_op           op;                  /* unary and binary */
    const bm_fn    *fn;                  /* call */
    double          num;                 /* number; 0 or 1 of FALSE and TRUE */
    char           *text;                /* name, string */
    size_t          pos;                 /* where it stands in the text, for the caret: an operator's own place */
    size_t          depth;               /* of the tree below, at most BM_MAX_DEPTH: walks may recurse */
    size_t          nkid;
    struct bm_node *kid[BM_MAX_ARGS];
    char           *arg[BM_MAX_ARGS];    /* names of the arguments where given, else NULL */
} bm_node;

/* (terms | group), or || where independent. */
typedef struct { const bm_node *terms, *group, *self; bool independent; } bm_bar;

struct bm_formula {
    char           *text;                /* as typed, blanks for line ends and tabs */
    bm_node       **all;                 /* owns every node, so that freeing needs no recursion */
    size_t          nall, cap;
    bm_node        *tilde, *lhs, *rhs;   /* lhs NULL: one-sided */
    bm_bar         *bar;
    size_t          nbar, cap_bar;
    const bm_node **offset;              /* the arguments of offset() */
    size_t          noffset, cap_offset;
    bool            dot;                 /* has a "." that is not expanded yet */
    bm_strv         vars, group_vars;
    bm_strv         dot_left_out;        /* grouping variables that "." does not stand for */
};

/* Why two nodes are one variable: the same tree, whatever the blanks. */
bool bm_node_equal(const bm_node *a, const bm_node *b);
/* The formula and a caret under pos (a byte offset) follow the message. */
bm_status bm_formula_fail(const bm_formula *f, size_t pos, bm_error *err, bm_status code, const char *fmt, ...) BM_PRINTF(5, 6);

/* ---- formula_lex.c ---- */

typedef enum {
    BM_TOK_END, BM_TOK_NUM, BM_TOK_STRING, BM_TOK_NAME, BM_TOK_OP, BM_TOK_OPEN, BM_TOK_CLOSE, BM_TOK_COMMA, BM_TOK_ASSIGN
} bm_tok_kind;

typedef struct {
    bm_tok_kind kind;
    bm_op       op;
    double      num;
    bm_buf      text;                    /* name, string: escapes undone */
    bool        quoted;                  /* name in backquotes */
    size_t      pos, end;
} bm_token;

/* Reads the token at t->end. */
bm_status bm_lex(const bm_formula *f, bm_token *t, bm_error *err);
/* A name that needs no backquotes, by R's rules. */
bool bm_is_syntactic(const char *name);

/* ---- formula_node.c: making nodes, the table of functions ---- */

bm_status bm_node_new(bm_formula *f, bm_node **out, bm_node_kind kind, size_t pos, bm_error *err);
bm_status bm_node_binary(bm_formula *f, bm_node **out, bm_op op, size_t pos, bm_node *left, bm_node *right, bm_error *err);
bm_status bm_node_wrap(bm_formula *f, bm_node **out, bm_node_kind kind, size_t pos, bm_node *kid, bm_error *err);
const bm_fn *bm_fn_find(const char *name);
void bm_fn_list(bm_buf *b);
const char *bm_fn_closest(const char *name);
/* The argument of a call by name or place, NULL where it is left out. */
const bm_node *bm_call_arg(const bm_node *call, size_t k);

/* ---- formula_check.c ---- */

/* Checks what stands where and fills bar, offset, vars, group_vars and dot. May be called again after the tree has changed. */
bm_status bm_formula_check(bm_formula *f, bm_error *err);

/* ---- formula_print.c ---- */

/* Numbers: 15 significant digits, as R deparses them; or what reads back exactly. */
typedef enum { BM_PRINT_R, BM_PRINT_EXACT } bm_print_style;
void bm_node_print(const bm_node *n, bm_print_style style, bm_buf *b);
void bm_print_name(const char *name, bm_buf *b);              /* backquoted where needed */

/* ---- formula_terms.c: R's terms.formula ---- */

typedef struct {
    size_t          nvar, cap_var;
    const bm_node **var;       /* in order of appearance */
    size_t          words;     /* 64-bit words per term */
    size_t          nterm;
    uint64_t       *term;      /* nterm x words: which variables; by degree, then appearance */
    bool            intercept;
} bm_terms;

enum { BM_MAX_COLUMNS = 5000 };

bm_status bm_terms_new(bm_terms *t, const bm_formula *f, const bm_node *rhs, bm_error *err);
void      bm_terms_clear(bm_terms *t);
bool      bm_terms_has(const bm_terms *t, size_t term, size_t var);
/* Whether a factor in a term is coded by contrasts: the term without it is empty, or within an earlier term. */
bool      bm_terms_margin(const bm_terms *t, size_t term, size_t var);

#endif
