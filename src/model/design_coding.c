/* design_coding.c: the columns of a model matrix by the rules of R's model.matrix: a factor in a term is coded by contrasts if
 * the term's margin without it is in the model, else by one dummy per level; without an intercept the first factor of the
 * first term with a factor is coded by dummies. The first variable of a term varies fastest. Contrasts as R's contr.treatment,
 * contr.sum, contr.helmert. */
#include "model/design_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bm_coding       *c;
    const bm_recipe *r;
    const bm_terms  *t;
    const size_t    *var;
    const char      *what;
    size_t           max;
    bool            *dummies;     /* of the variables of the term at hand: all levels */
    size_t          *at;          /* and the column each is at */
    bm_error        *err;
} coder;

/* ---- which coding ---- */

/* The first factor in the first term that has one, where there is no intercept. */
static void find_first_factor(const coder *x, size_t *term, size_t *var)
{
    *term = *var = SIZE_MAX;
    if (x->t->intercept) return;
    for (size_t i = 0; i < x->t->nterm; i++)
        for (size_t k = 0; k < x->t->nvar; k++)
            if (bm_terms_has(x->t, i, k) && x->r->var[x->var[k]].factor) {
                *term = i;
                *var = k;
                return;
            }
}

static size_t columns_of(const coder *x, size_t k)
{
    const bm_var *v = &x->r->var[x->var[k]];

    return v->factor ? v->nlevels - !x->dummies[k] : 1;
}

/* ---- one column ---- */

static bm_part part_of(const coder *x, size_t k)
{
    const bm_var *v = &x->r->var[x->var[k]];
    bm_part       p = { .var = x->var[k], .k = (int32_t)x->at[k], .last = (int32_t)v->nlevels - 1 };

    if (!v->factor) p.kind = BM_PART_NUMBER;
    else if (x->dummies[k]) p.kind = BM_PART_DUMMY;
    else if (v->contrast == BM_CONTRAST_SUM) p.kind = BM_PART_SUM;
    else if (v->contrast == BM_CONTRAST_HELMERT) p.kind = BM_PART_HELMERT;
    else {                                           /* treatment: the dummies of all levels but the first */
        p.kind = BM_PART_DUMMY;
        p.k++;
    }
    return p;
}

static void add_part_name(const coder *x, const bm_part *p, bm_buf *b)
{
    const bm_var *v = &x->r->var[p->var];

    bm_buf_puts(b, v->name);
    if (p->kind == BM_PART_DUMMY) bm_buf_puts(b, v->levels[p->k]);
    else if (p->kind != BM_PART_NUMBER) bm_buf_printf(b, "%d", (int)p->k + 1);
}

static bm_status new_column(const coder *x, bm_xcol **out, size_t nparts)
{
    bm_coding *c = x->c;
    bm_xcol   *col = bm_grow(c->col, &c->cap, c->ncol + 1, sizeof *col);

    if (!col) return bm_nomem(x->err);
    c->col = col;
    *out = col + c->ncol++;
    **out = (bm_xcol){ .part = bm_alloc(nparts, sizeof *col->part) };
    return (*out)->part ? BM_OK : bm_nomem(x->err);
}

static bm_status add_column(const coder *x, size_t term, size_t nparts)
{
    bm_buf    name = { 0 };
    bm_xcol  *col;
    bm_status st = new_column(x, &col, nparts);

    if (st != BM_OK) return st;
    for (size_t k = 0; k < x->t->nvar; k++) {
        if (!bm_terms_has(x->t, term, k)) continue;
        if (col->npart) bm_buf_putc(&name, ':');
        col->part[col->npart] = part_of(x, k);
        add_part_name(x, &col->part[col->npart++], &name);
    }
    col->name = name.s;
    return name.failed ? bm_nomem(x->err) : BM_OK;
}

/* ---- one term ---- */

static bm_status check_factor(const coder *x, size_t k)
{
    const bm_var *v = &x->r->var[x->var[k]];

    if (v->nlevels == 1)
        return bm_formula_fail(x->r->f, v->node->pos, x->err, BM_EINVAL,
                               "formula: the factor '%.100s' has only one level ('%.60s') in the rows used: leave it out",
                               v->name, v->levels[0]);
    if (v->nlevels > BM_MAX_FIXED_LEVELS)
        return bm_formula_fail(x->r->f, v->node->pos, x->err, BM_EINVAL,
                               "formula: the factor '%.100s' has %zu levels, too many for separate coefficients; "
                               "make it a group: (1 | %.100s)",
                               v->name, v->nlevels, v->name);
    return BM_OK;
}

static bm_status too_wide(const coder *x, size_t term)
{
    bm_buf b = { 0 };
    size_t pos = SIZE_MAX;

    for (size_t k = 0; k < x->t->nvar; k++) {
        const bm_var *v = &x->r->var[x->var[k]];

        if (!bm_terms_has(x->t, term, k)) continue;
        bm_buf_printf(&b, "%s%.60s", b.n ? ":" : "", v->name);
        if (pos == SIZE_MAX || v->factor) pos = v->node->pos;
    }
    bm_formula_fail(x->r->f, pos, x->err, BM_EINVAL, "formula: %s would have more than %zu columns with the term %.200s; "
                    "a factor with many levels is better a group: (1 | factor)", x->what, x->max, b.failed ? "" : b.s);
    bm_buf_free(&b);
    return BM_EINVAL;
}

static bm_status code_term(const coder *x, size_t term)
{
    size_t    ncol = 1, nparts = 0, k;
    bm_status st = BM_OK;

    for (k = 0; k < x->t->nvar; k++) {
        if (!bm_terms_has(x->t, term, k)) continue;
        if (x->r->var[x->var[k]].factor && (st = check_factor(x, k)) != BM_OK) return st;
        ncol *= columns_of(x, k);                    /* at most max * 10^4 before the check */
        nparts++;
        x->at[k] = 0;
        if (ncol > x->max - x->c->ncol) return too_wide(x, term);
    }
    for (size_t j = 0; j < ncol && st == BM_OK; j++) {
        st = add_column(x, term, nparts);
        for (k = 0; k < x->t->nvar; k++) {           /* count up, first variable fastest */
            if (!bm_terms_has(x->t, term, k)) continue;
            if (++x->at[k] < columns_of(x, k)) break;
            x->at[k] = 0;
        }
    }
    return st;
}

bm_status bm_coding_new(bm_coding *c, const bm_recipe *r, const bm_terms *t, const size_t *var, const char *what, size_t max,
                        bm_error *err)
{
    coder     x = { .c = c, .r = r, .t = t, .var = var, .what = what, .max = max, .err = err };
    size_t    first_term, first_var;
    bm_xcol  *col;
    bm_status st = BM_OK;

    x.dummies = bm_alloc(t->nvar, sizeof *x.dummies);
    x.at = bm_alloc(t->nvar, sizeof *x.at);
    *c = (bm_coding){ .intercept = -1 };
    if (!x.dummies || !x.at) st = bm_nomem(err);
    if (st == BM_OK && t->intercept && (st = new_column(&x, &col, 0)) == BM_OK) {
        c->intercept = 0;
        if (!(col->name = bm_strdup("(Intercept)"))) st = bm_nomem(err);
    }
    find_first_factor(&x, &first_term, &first_var);
    for (size_t i = 0; i < t->nterm && st == BM_OK; i++) {
        for (size_t k = 0; k < t->nvar; k++)
            x.dummies[k] = bm_terms_has(t, i, k) && ((i == first_term && k == first_var) || !bm_terms_margin(t, i, k));
        st = code_term(&x, i);
    }
    free(x.dummies);
    free(x.at);
    if (st != BM_OK) bm_coding_clear(c);
    return st;
}

void bm_coding_clear(bm_coding *c)
{
    for (size_t k = 0; k < c->ncol; k++) {
        free(c->col[k].name);
        free(c->col[k].part);
    }
    free(c->col);
    *c = (bm_coding){ 0 };
}

/* ---- evaluation ---- */

typedef struct { double **x; int32_t **code; } values;       /* per variable of the plan: a chunk of rows */

static bm_status values_new(values *v, const bm_coding *c, const bm_recipe *r, bm_error *err)
{
    v->x = bm_alloc(r->nvar, sizeof *v->x);
    v->code = bm_alloc(r->nvar, sizeof *v->code);
    if (!v->x || !v->code) return bm_nomem(err);
    for (size_t j = 0; j < c->ncol; j++)
        for (size_t k = 0; k < c->col[j].npart; k++) {
            size_t at = c->col[j].part[k].var;

            if (v->x[at] || v->code[at]) continue;
            if (r->var[at].factor) v->code[at] = bm_alloc(BM_CHUNK, sizeof **v->code);
            else v->x[at] = bm_alloc(BM_CHUNK, sizeof **v->x);
            if (!v->x[at] && !v->code[at]) return bm_nomem(err);
        }
    return BM_OK;
}

static void values_clear(values *v, size_t n)
{
    for (size_t k = 0; v->x && v->code && k < n; k++) {
        free(v->x[k]);
        free(v->code[k]);
    }
    free(v->x);
    free(v->code);
}

static bm_status values_fill(values *v, const bm_recipe *r, const size_t *row, size_t n, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t k = 0; k < r->nvar && st == BM_OK; k++) {
        if (v->x[k]) st = bm_var_numbers(r, &r->var[k], row, n, v->x[k], err);
        if (v->code[k]) st = bm_var_codes(r, &r->var[k], row, n, v->code[k], err);
    }
    return st;
}

static void multiply(const bm_part *p, const values *v, size_t n, double *x)
{
    const double  *num = v->x[p->var];
    const int32_t *code = v->code[p->var];

    switch (p->kind) {
    case BM_PART_NUMBER:
        for (size_t i = 0; i < n; i++) x[i] *= num[i];
        break;
    case BM_PART_DUMMY:
        for (size_t i = 0; i < n; i++) x[i] = code[i] == p->k ? x[i] : 0;
        break;
    case BM_PART_SUM:
        for (size_t i = 0; i < n; i++) x[i] = code[i] == p->k ? x[i] : code[i] == p->last ? -x[i] : 0;
        break;
    case BM_PART_HELMERT:
        for (size_t i = 0; i < n; i++) x[i] = code[i] <= p->k ? -x[i] : code[i] == p->k + 1 ? (p->k + 1) * x[i] : 0;
        break;
    }
}

bm_status bm_coding_eval(const bm_coding *c, const bm_recipe *r, const size_t *row, size_t n, double *X, bm_error *err)
{
    values    v = { 0 };
    bm_status st = values_new(&v, c, r, err);

    for (size_t i = 0; i < n && st == BM_OK; i += BM_CHUNK) {
        size_t m = n - i < BM_CHUNK ? n - i : BM_CHUNK;

        st = values_fill(&v, r, row + i, m, err);
        for (size_t j = 0; j < c->ncol && st == BM_OK; j++) {
            double *x = X + j * n + i;

            for (size_t k = 0; k < m; k++) x[k] = 1;
            for (size_t k = 0; k < c->col[j].npart; k++) multiply(&c->col[j].part[k], &v, m, x);
            for (size_t k = bm_all_finite(m, x) ? m : 0; k < m && st == BM_OK; k++)
                if (!isfinite(x[k]))
                    st = bm_fail(err, BM_EINVAL, "the column '%.200s' overflows in data row %zu: scale its variables",
                                 c->col[j].name, r->first + row[i + k] + 1);
        }
    }
    values_clear(&v, r->nvar);
    return st;
}
