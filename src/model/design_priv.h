/* design_priv.h: the plan of a design, apart from its evaluation.
 *
 *   inputs      columns of the data that the model uses, as it sees them (after --factor and --levels)
 *   variables   the variables of R's model frame: columns or calls, numbers or factors; a program each that works row by row
 *   coding      the columns of X, or of one random term's Z: a product of one part per variable
 *
 * The plan is made from kinds, levels and the few numbers that scale() needs; evaluation takes any rows of a frame, in any portions. */
#ifndef BM_DESIGN_PRIV_H
#define BM_DESIGN_PRIV_H

#include "model/formula_priv.h"

enum { BM_CHUNK = 512, BM_MAX_EFFECTS = 200, BM_MAX_FIXED_LEVELS = 10000 };

typedef struct {
    const bm_column *col;         /* the frame's column, or own */
    bm_column        own;         /* made a factor, or its levels put in order */
    size_t           pos;         /* where the formula first names it; SIZE_MAX: not in the formula */
} bm_input;

/* Postfix code on a stack of chunks of rows. Missing gives missing. */
typedef struct {
    int    op;                    /* an enum of design_program.c */
    size_t input;
    double a, b;
    double (*fn)(double);
    const bm_node *label;         /* of a comparison: what with */
} bm_instr;

typedef struct {
    bm_instr *code;
    size_t    n, cap, depth, height;
    bool      waits;              /* for a scale() that has not been measured: not to be run before */
} bm_program;

/* Mean and sum of squares about it of values that come in portions (running.c). */
typedef struct { double n, mean, square; size_t nonzero; bool varies; } bm_running;
void   bm_running_add(bm_running *a, const double *x, size_t n);
double bm_running_sd(const bm_running *a);

/* A scale() that takes its centre (or has a given one), its sd or both from all rows: its argument and the values that it had so far. */
typedef struct { bm_program x; bool centred; double centre; bm_running seen; } bm_scale;

typedef enum { BM_CONTRAST_TREATMENT, BM_CONTRAST_SUM, BM_CONTRAST_HELMERT } bm_contrast;

typedef struct {
    const bm_node *node;
    bool           group;         /* a grouping factor: a factor whatever it looks like */
    char          *name;          /* as R deparses it */
    bool           factor, logical;
    bm_program     prog;          /* numbers; FALSE 0, TRUE 1. Empty where a factor is a column */
    size_t         input;         /* of a factor that is a column, else SIZE_MAX */
    int32_t       *map;           /* the column's codes (nmap) to ours: only levels that occur; -1 else */
    size_t         nmap;
    double        *value;         /* of a factor made from numbers: those of the levels, ascending */
    size_t         nlevels;
    char         **levels;
    bm_contrast    contrast;
} bm_var;

/* One factor of the product that makes a column. */
typedef enum { BM_PART_NUMBER, BM_PART_DUMMY, BM_PART_SUM, BM_PART_HELMERT } bm_part_kind;
typedef struct { size_t var; bm_part_kind kind; int32_t k, last; } bm_part;
typedef struct { char *name; size_t npart; bm_part *part; } bm_xcol;
typedef struct { size_t ncol, cap; bm_xcol *col; int intercept; } bm_coding;

/* A random term: its columns, to be added to a group. */
typedef struct { const bm_bar *bar; bm_terms terms; size_t *var; size_t nvar; bm_coding coding; } bm_effects;
typedef struct {
    char       *name;
    size_t      ncomp, *comp;     /* variables that are crossed: a:b */
    size_t      nterm, cap;
    size_t     *term;             /* which random terms */
} bm_grouping;

typedef struct {
    const bm_spec    *spec;
    const bm_formula *f;
    const bm_frame   *frame;
    size_t       ninput, cap_input;
    bm_input    *input;
    size_t       nvar, cap_var;
    bm_var      *var;
    size_t       response;        /* a variable, or SIZE_MAX */
    size_t       noffset, *offset;
    size_t       weights, se;     /* inputs, or SIZE_MAX */
    bm_terms     terms;
    size_t      *fixed_var;       /* the plan's variable of each of terms.var, SIZE_MAX where no term has it */
    bm_coding    coding;
    size_t       neffects;
    bm_effects  *effects;         /* one per bar */
    size_t       ngroup, cap_group;
    bm_grouping *group;
    size_t       n, *row;         /* the rows used */
    size_t       first;           /* rows of the data before those of the frame */
    size_t       nscale, cap_scale;
    bm_scale    *scale;           /* in the order in which they are compiled */
    bool         portions;        /* the frame is the first rows, others follow; columns that --factor or --levels name are read as factors */
    const bm_survey *survey;      /* of portions: what an earlier pass over all rows has found out, or NULL */
} bm_recipe;

/* ---- design_input.c: columns and complete rows ---- */

bm_status bm_input_find(bm_recipe *r, size_t *out, const bm_node *name, bm_error *err);
/* A column that a setting names: what is "weights", "se". */
bm_status bm_input_setting(bm_recipe *r, size_t *out, const char *what, const char *name, bm_error *err);
/* Why a factor column is no number, ending in what to do. */
void      bm_input_why_text(const bm_recipe *r, const bm_input *in, bm_buf *b);
/* r->row and r->n; d->dropped; the frame must have rows and keep some. */
bm_status bm_complete_rows(bm_recipe *r, bm_design *d, bm_error *err);
bm_status bm_nothing_left(size_t n_read, const bm_design *d, bm_error *err);     /* says so */

/* ---- design_program.c ---- */

typedef enum { BM_TYPE_NUMBER, BM_TYPE_LOGICAL } bm_type;
bm_status bm_program_compile(bm_recipe *r, bm_program *p, bm_type *type, const bm_node *n, bm_error *err);
bool      bm_instr_reads(const bm_instr *in, size_t input);     /* a numeric column */
/* A new label of that input: the comparisons that wait for it know its code. */
void      bm_program_label(bm_program *p, size_t input, int32_t code, const char *label);
bool      bm_program_compares(const bm_program *p, size_t input);
/* A comparison with a label that has not come is an error. */
bm_status bm_program_check_labels(const bm_recipe *r, const bm_program *p, bm_error *err);
/* n rows, at most BM_CHUNK; row NULL: first, first + 1, ...; stack: p->depth x BM_CHUNK; the result is at its start. */
void      bm_program_run(const bm_program *p, const bm_input *in, const size_t *row, size_t first, size_t n, double *stack);

/* The centre and the sd of the recipe's next scale(): of what has been seen. */
void      bm_scale_of(const bm_scale *s, double *centre, double *sd);

/* ---- design_survey.c ---- */

/* Levels that occur in complete rows, in order: labels of a column, or values of numbers. */
typedef struct { bool known; bm_strv label; double *value; size_t nvalue; } bm_level_list;
/* NULL: not known. */
const bm_running    *bm_survey_scale(const bm_survey *s, size_t k);
const bm_level_list *bm_survey_levels(const bm_survey *s, size_t var);

/* ---- design_var.c ---- */

/* The variable of a node, made on first use. */
bm_status bm_var_find(bm_recipe *r, size_t *out, const bm_node *n, bool group, bm_error *err);
void      bm_var_clear(bm_var *v);
/* Once the rows are known: the levels that occur, in order; the contrasts asked for. */
bm_status bm_var_levels(bm_recipe *r, bm_var *v, bm_error *err);
/* The labels (n of them) or values of the levels are given. */
bm_status bm_var_set_labels(const bm_recipe *r, bm_var *v, const char *const *label, size_t n, bm_error *err);
bm_status bm_var_set_values(bm_var *v, const double *value, size_t n, bm_error *err);
/* Do they depend on the rows? Else they are FALSE and TRUE. */
bool      bm_var_levels_vary(const bm_var *v);
/* The place of a label among the levels, -1 for none. */
int32_t   bm_var_place(const bm_var *v, const char *label);
bm_status bm_var_contrasts(bm_recipe *r, bm_strv *notes, bm_error *err);
/* Values or codes in rows of the frame; what is not finite is an error. */
bm_status bm_var_numbers(const bm_recipe *r, const bm_var *v, const size_t *row, size_t n, double *x, bm_error *err);
bm_status bm_var_codes(const bm_recipe *r, const bm_var *v, const size_t *row, size_t n, int32_t *code, bm_error *err);

/* ---- design_coding.c ---- */

/* var[k]: the plan's variable of t->var[k]. what: "the fixed effects", or a random term; at most max columns. */
bm_status bm_coding_new(bm_coding *c, const bm_recipe *r, const bm_terms *t, const size_t *var, const char *what, size_t max,
                        bm_error *err);
void      bm_coding_clear(bm_coding *c);
/* X, n x ncol with ld n, for rows of the frame. */
bm_status bm_coding_eval(const bm_coding *c, const bm_recipe *r, const size_t *row, size_t n, double *X, bm_error *err);

/* ---- design.c ---- */

bm_status bm_recipe_plan(bm_recipe *r, bool response, bm_error *err);
void      bm_recipe_clear(bm_recipe *r);
/* Parts of the evaluation, for the rows of the recipe, and what is said about all rows in the end. */
bm_status bm_offsets_eval(const bm_recipe *r, bm_design *d, bm_error *err);
bm_status bm_response_eval(const bm_recipe *r, bm_design *d, double *e, bm_error *err);
bm_status bm_response_check(const bm_recipe *r, const bm_design *d, bool constant, bm_error *err);
bm_status bm_weights_eval(const bm_recipe *r, bm_design *d, bm_error *err);
bm_status bm_fixed_columns(bm_recipe *r, bm_design *d, bm_error *err);           /* coding, names, room for moments */
bm_status bm_note_constant(const bm_design *d, size_t k, bm_strv *notes, bm_error *err);
bm_status bm_note_dot(const bm_formula *f, bm_design *d, bm_error *err);
/* var[k]: the plan's variable of t->var[k]; SIZE_MAX where no term has it (any more). */
bm_status bm_terms_vars(bm_recipe *r, const bm_terms *t, size_t *var, bm_error *err);

/* ---- design_group.c ---- */

/* Terms and groups of every bar, before the rows are known. */
bm_status bm_groups_plan(bm_recipe *r, bm_error *err);
/* And after: codes, levels, Z. */
bm_status bm_groups_eval(bm_recipe *r, bm_design *d, bm_error *err);
/* Its parts: the coding of every random term; a group's name, effects and blocks; what is said in the end. */
bm_status bm_effects_columns(bm_recipe *r, bm_design *d, bm_error *err);
bm_status bm_group_columns(const bm_recipe *r, const bm_grouping *p, bm_group *g, bm_error *err);
bm_status bm_group_check(const bm_recipe *r, const bm_grouping *p, const bm_group *g, bm_error *err);
bm_status bm_note_constant_effect(const bm_group *g, size_t k, double value, bm_design *d, bm_error *err);
bm_status bm_note_saturated(const bm_recipe *r, const bm_group *g, bm_design *d, bm_error *err);

/* Mean and standard deviation (n - 1) in two passes; whether all values are equal. */
typedef struct { double mean, sd; bool constant; } bm_moments;
bm_moments bm_moments_of(const double *x, size_t n);

#endif
