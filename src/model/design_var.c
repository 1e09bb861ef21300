/* design_var.c: the variables of the model frame: what kind they are, the levels that occur, their values in rows. */
#include "model/design_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void bm_var_clear(bm_var *v)
{
    for (size_t k = 0; v->levels && k < v->nlevels; k++) free(v->levels[k]);
    free(v->levels);
    free(v->value);
    free(v->map);
    free(v->prog.code);
    free(v->name);
    *v = (bm_var){ 0 };
}

/* ---- making ---- */

/* What is inside of I() and factor(). */
static const bm_node *unwrap(const bm_node *n)
{
    while (n->kind == BM_NODE_PAREN || (n->kind == BM_NODE_CALL && (n->fn->kind == BM_FN_FACTOR || n->fn->kind == BM_FN_I)))
        n = n->kid[0];
    return n;
}

static bool asks_for_factor(const bm_node *n)
{
    while (n->kind == BM_NODE_PAREN || (n->kind == BM_NODE_CALL && n->fn->kind == BM_FN_I)) n = n->kid[0];
    return n->kind == BM_NODE_CALL && n->fn->kind == BM_FN_FACTOR;
}

static bm_status make_var(bm_recipe *r, bm_var *v, bm_error *err)
{
    const bm_node *inner = unwrap(v->node);
    bm_type        type = BM_TYPE_NUMBER;
    bm_buf         text = { 0 };
    bm_status      st = BM_OK;

    v->input = SIZE_MAX;
    if (v->group && v->node->kind == BM_NODE_NAME) bm_buf_puts(&text, v->node->text);
    else bm_node_print(v->node, BM_PRINT_R, &text);
    v->name = text.s;
    if (text.failed) return bm_nomem(err);
    v->factor = v->group || asks_for_factor(v->node);
    if (inner->kind == BM_NODE_NAME) {
        size_t k;

        if ((st = bm_input_find(r, &k, inner, err)) != BM_OK) return st;
        if (r->input[k].col->kind == BM_COL_FACTOR) {
            v->factor = true;
            v->input = k;
            return BM_OK;
        }
    }
    st = bm_program_compile(r, &v->prog, &type, inner, err);
    v->logical = type == BM_TYPE_LOGICAL;
    v->factor = v->factor || v->logical;
    return st;
}

bm_status bm_var_find(bm_recipe *r, size_t *out, const bm_node *n, bool group, bm_error *err)
{
    bm_var   *var, v = { .node = n, .group = group };
    bm_status st;

    for (*out = 0; *out < r->nvar; ++*out)
        if (r->var[*out].group == group && bm_node_equal(r->var[*out].node, n)) return BM_OK;
    if ((st = make_var(r, &v, err)) != BM_OK) {
        bm_var_clear(&v);
        return st;
    }
    if (!(var = bm_grow(r->var, &r->cap_var, r->nvar + 1, sizeof *var))) {
        bm_var_clear(&v);
        return bm_nomem(err);
    }
    r->var = var;
    var[r->nvar++] = v;
    return BM_OK;
}

/* ---- values ---- */

/* ", where x = 0 and z = 3": the columns that the program read. */
static void add_where(const bm_recipe *r, const bm_var *v, size_t row, bm_buf *b)
{
    size_t shown = 0;

    for (size_t k = 0; k < r->ninput; k++) {
        bool used = false;

        for (size_t i = 0; i < v->prog.n; i++) used = used || (bm_instr_reads(&v->prog.code[i], k));
        if (!used || shown == 3) continue;
        bm_buf_printf(b, "%s%.60s = ", shown++ ? ", " : ", where ", r->input[k].col->name);
        bm_buf_num(b, r->input[k].col->num[row]);
    }
}

static bm_status not_finite(const bm_recipe *r, const bm_var *v, size_t row, double x, bm_error *err)
{
    bm_buf b = { 0 };

    if (v->node->kind == BM_NODE_NAME)
        bm_buf_printf(&b, "the column '%.100s' is %s in data row %zu; it has to be a number", v->name,
                      isnan(x) ? "NaN" : x > 0 ? "Inf" : "-Inf", r->first + row + 1);
    else {
        bm_buf_printf(&b, "%.200s is %s in data row %zu", v->name, isnan(x) ? "NaN" : x > 0 ? "Inf" : "-Inf", r->first + row + 1);
        add_where(r, v, row, &b);
    }
    bm_formula_fail(r->f, v->node->pos, err, BM_EINVAL, "%s", b.failed ? v->name : b.s);
    bm_buf_free(&b);
    return BM_EINVAL;
}

bm_status bm_var_numbers(const bm_recipe *r, const bm_var *v, const size_t *row, size_t n, double *x, bm_error *err)
{
    double   *stack = bm_alloc(v->prog.depth * BM_CHUNK, sizeof *stack);
    bm_status st = stack ? BM_OK : bm_nomem(err);

    for (size_t i = 0; i < n && st == BM_OK; i += BM_CHUNK) {
        size_t k = n - i < BM_CHUNK ? n - i : BM_CHUNK;

        bm_program_run(&v->prog, r->input, row + i, 0, k, stack);
        memcpy(x + i, stack, k * sizeof *x);
        for (size_t j = bm_all_finite(k, stack) ? k : 0; j < k && st == BM_OK; j++)
            if (!isfinite(stack[j])) st = not_finite(r, v, row[i + j], stack[j], err);
    }
    free(stack);
    return st;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

bm_status bm_var_codes(const bm_recipe *r, const bm_var *v, const size_t *row, size_t n, int32_t *code, bm_error *err)
{
    double    x[BM_CHUNK];
    bm_status st = BM_OK;

    if (v->input != SIZE_MAX) {
        const int32_t *from = r->input[v->input].col->code;

        for (size_t i = 0; i < n; i++) code[i] = v->map[from[row[i]]];
        return BM_OK;
    }
    for (size_t i = 0; i < n && st == BM_OK; i += BM_CHUNK) {
        size_t k = n - i < BM_CHUNK ? n - i : BM_CHUNK;

        st = bm_var_numbers(r, v, row + i, k, x, err);
        for (size_t j = 0; j < k && st == BM_OK; j++) {
            const double *at = bsearch(&x[j], v->value, v->nlevels, sizeof x[j], by_value);

            code[i + j] = at ? (int32_t)(at - v->value) : -1;
        }
    }
    return st;
}

/* ---- levels ---- */

static bm_status levels_of_column(const bm_recipe *r, bm_var *v, bm_error *err)
{
    const bm_column *c = r->input[v->input].col;

    v->map = bm_alloc(c->nlevels, sizeof *v->map);
    v->levels = bm_alloc(c->nlevels, sizeof *v->levels);
    if (!v->map || !v->levels) return bm_nomem(err);
    v->nmap = c->nlevels;
    for (size_t i = 0; i < r->n; i++) v->map[c->code[r->row[i]]] = 1;
    for (size_t k = 0; k < c->nlevels; k++) {
        if (!v->map[k]) {
            v->map[k] = -1;
            continue;
        }
        v->map[k] = (int32_t)v->nlevels;
        if (!(v->levels[v->nlevels++] = bm_strdup(c->levels[k]))) return bm_nomem(err);
    }
    return BM_OK;
}

/* A logical variable has both of its levels, but factor() and groups keep those that occur, as in R. */
bool bm_var_levels_vary(const bm_var *v)
{
    return !v->logical || v->group || asks_for_factor(v->node);
}

static bm_status values_of(const bm_recipe *r, bm_var *v, bm_error *err)
{
    size_t    n = 0;
    bm_status st;

    if (!(v->value = bm_alloc(r->n + 2, sizeof *v->value))) return bm_nomem(err);
    if ((st = bm_var_numbers(r, v, r->row, r->n, v->value, err)) != BM_OK) return st;
    if (!bm_var_levels_vary(v)) {
        v->value[0] = 0;
        v->value[1] = 1;
        v->nlevels = 2;
        return BM_OK;
    }
    for (size_t i = 0; i < r->n; i++) v->value[i] += 0.0;    /* no -0 */
    qsort(v->value, r->n, sizeof *v->value, by_value);
    for (size_t i = 0; i < r->n; i++)
        if (n == 0 || v->value[i] != v->value[n - 1]) v->value[n++] = v->value[i];
    v->nlevels = n;
    return BM_OK;
}

/* v->value has n of them. */
static bm_status label_values(bm_var *v, size_t n, bm_error *err)
{
    v->nlevels = 0;
    if (!(v->levels = bm_alloc(n, sizeof *v->levels))) return bm_nomem(err);
    for (; v->nlevels < n; v->nlevels++) {
        double x = v->value[v->nlevels];
        char   text[BM_NUMBER_MAX];

        if (v->logical) strcpy(text, x != 0 ? "TRUE" : "FALSE");
        else bm_format_double(text, x);
        if (!(v->levels[v->nlevels] = bm_strdup(text))) return bm_nomem(err);
    }
    return BM_OK;
}

static bm_status levels_of_numbers(const bm_recipe *r, bm_var *v, bm_error *err)
{
    double   *fewer;
    bm_status st = values_of(r, v, err);
    size_t    n = v->nlevels;

    v->nlevels = 0;
    if (st != BM_OK) return st;
    if (n > INT32_MAX) return bm_fail(err, BM_EINVAL, "'%.100s' has more than %d levels", v->name, INT32_MAX);
    if ((fewer = realloc(v->value, n * sizeof *fewer))) v->value = fewer;
    return label_values(v, n, err);
}

bm_status bm_var_set_values(bm_var *v, const double *value, size_t n, bm_error *err)
{
    if (!(v->value = bm_alloc(n, sizeof *v->value))) return bm_nomem(err);
    if (n) memcpy(v->value, value, n * sizeof *value);
    return label_values(v, n, err);
}

int32_t bm_var_place(const bm_var *v, const char *label)
{
    for (size_t k = 0; k < v->nlevels; k++)
        if (strcmp(v->levels[k], label) == 0) return (int32_t)k;
    return -1;
}

bm_status bm_var_set_labels(const bm_recipe *r, bm_var *v, const char *const *label, size_t n, bm_error *err)
{
    const bm_column *c = r->input[v->input].col;

    v->map = bm_alloc(c->nlevels, sizeof *v->map);
    v->levels = bm_alloc(n, sizeof *v->levels);
    if (!v->map || !v->levels) return bm_nomem(err);
    for (; v->nlevels < n; v->nlevels++)
        if (!(v->levels[v->nlevels] = bm_strdup(label[v->nlevels]))) return bm_nomem(err);
    for (v->nmap = 0; v->nmap < c->nlevels; v->nmap++) v->map[v->nmap] = bm_var_place(v, c->levels[v->nmap]);
    return BM_OK;
}

bm_status bm_var_levels(bm_recipe *r, bm_var *v, bm_error *err)
{
    if (!v->factor) return BM_OK;
    return v->input != SIZE_MAX ? levels_of_column(r, v, err) : levels_of_numbers(r, v, err);
}

/* ---- contrasts ---- */

static bm_status contrast_kind(const char *s, const char *setting, bm_contrast *out, bm_error *err)
{
    static const char *const names[] = { "treatment", "sum", "helmert" };
    const char              *close = bm_closest(s, names, 3);

    for (int k = 0; k < 3; k++)
        if (strcmp(s, names[k]) == 0) {
            *out = (bm_contrast)k;
            return BM_OK;
        }
    return bm_fail(err, BM_EINVAL, "contrasts '%.100s': '%.60s' is not one of treatment, sum, helmert%s%s%s", setting, s,
                   close ? "; did you mean '" : "", close ? close : "", close ? "'?" : "");
}

static bool is_called(const bm_var *v, const char *name, size_t n)
{
    const bm_node *inner = unwrap(v->node);

    return (strlen(v->name) == n && memcmp(v->name, name, n) == 0)
           || (inner->kind == BM_NODE_NAME && strlen(inner->text) == n && memcmp(inner->text, name, n) == 0);
}

/* COL=kind: for every variable of that name, or that wraps it; for nobody, it is a slip of the pen or of another formula. */
static bm_status contrast_for(bm_recipe *r, const char *setting, size_t len, bm_contrast kind, bm_strv *notes, bm_error *err)
{
    const char **factors = bm_alloc(r->nvar, sizeof *factors), *close;
    char         name[200];
    size_t       nfactors = 0;
    bool         found = false;
    bm_status    st = BM_OK;

    if (!factors) return bm_nomem(err);
    snprintf(name, sizeof name, "%.*s", (int)len, setting);
    for (size_t k = 0; k < r->nvar && st == BM_OK; k++) {
        bm_var *v = &r->var[k];

        if (v->group) continue;
        if (v->factor) factors[nfactors++] = v->name;
        if (!is_called(v, setting, len)) continue;
        found = true;
        if (v->factor) v->contrast = kind;
        else st = bm_fail(err, BM_EINVAL, "contrasts '%.100s': '%.100s' is not a factor; declare it one: --factor %.100s",
                          setting, name, name);
    }
    close = bm_closest(name, factors, nfactors);
    if (st == BM_OK && !found && close)
        st = bm_fail(err, BM_EINVAL, "contrasts '%.100s': the model has no factor '%.100s'; did you mean '%.100s'?", setting,
                     name, close);
    else if (st == BM_OK && !found)
        st = bm_strv_addf(notes, err, "contrasts '%s' have no effect: the model has no factor '%s'", setting, name);
    free(factors);
    return st;
}

bm_status bm_var_contrasts(bm_recipe *r, bm_strv *notes, bm_error *err)
{
    const bm_strv *c = &r->spec->contrasts;
    bm_contrast    kind = BM_CONTRAST_TREATMENT;
    bm_status      st = BM_OK;

    for (size_t i = 0; i < c->n && st == BM_OK; i++) {
        if (strchr(c->v[i], '=')) continue;
        st = contrast_kind(c->v[i], c->v[i], &kind, err);
        for (size_t k = 0; k < r->nvar && st == BM_OK; k++) r->var[k].contrast = kind;
    }
    for (size_t i = 0; i < c->n && st == BM_OK; i++) {
        const char *eq = strrchr(c->v[i], '=');

        if (!eq) continue;
        st = contrast_kind(eq + 1, c->v[i], &kind, err);
        if (st == BM_OK) st = contrast_for(r, c->v[i], (size_t)(eq - c->v[i]), kind, notes, err);
    }
    return st;
}
