/* design.c: every number of a model's design: response, weights, offset, X, groups, and their moments. */
#include "model/design_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bm_moments bm_moments_of(const double *x, size_t n)
{
    bm_moments m = { .constant = true };
    double     sum = 0, rest = 0, square = 0;

    for (size_t i = 0; i < n; i++) {
        sum += x[i] / (double)n;                     /* divided first: no overflow */
        m.constant = m.constant && x[i] == x[0];
    }
    for (size_t i = 0; i < n; i++) rest += (x[i] - sum) / (double)n;
    m.mean = m.constant && n ? x[0] : sum + rest;
    for (size_t i = 0; i < n; i++) square += (x[i] - m.mean) * (x[i] - m.mean);
    m.sd = m.constant ? 0 : sqrt(square / (double)(n - 1));
    return m;
}

/* ---- the plan ---- */

/* The plan's variable of each variable of some terms; SIZE_MAX for those that no term has any more. */
bm_status bm_terms_vars(bm_recipe *r, const bm_terms *t, size_t *var, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t k = 0; k < t->nvar && st == BM_OK; k++) {
        bool used = false;

        var[k] = SIZE_MAX;
        for (size_t i = 0; i < t->nterm && !used; i++) used = bm_terms_has(t, i, k);
        if (used) st = bm_var_find(r, &var[k], t->var[k], false, err);
    }
    return st;
}

static bm_status plan_response(bm_recipe *r, bm_error *err)
{
    const bm_var *v;
    const bm_node *lhs = r->f->lhs;
    bm_buf        why = { 0 };
    bm_status     st;

    if (!lhs) return bm_formula_fail(r->f, 0, err, BM_EINVAL, "formula: the response is missing: write response ~ terms");
    if ((st = bm_var_find(r, &r->response, lhs, false, err)) != BM_OK) return st;
    v = &r->var[r->response];
    if (!v->factor || v->logical) return BM_OK;
    if (v->input != SIZE_MAX) bm_input_why_text(r, &r->input[v->input], &why);
    else bm_buf_printf(&why, "%.100s is a factor", v->name);
    bm_formula_fail(r->f, lhs->pos, err, BM_EINVAL, "formula: the response has to be numeric, but %s",
                    why.failed ? v->name : why.s);
    bm_buf_free(&why);
    return BM_EINVAL;
}

static bm_status plan_offsets(bm_recipe *r, bm_error *err)
{
    bm_status st = BM_OK;

    if (!(r->offset = bm_alloc(r->f->noffset, sizeof *r->offset))) return bm_nomem(err);
    for (size_t i = 0; i < r->f->noffset && st == BM_OK; i++) {
        const bm_node *n = r->f->offset[i]->kid[0];

        st = bm_var_find(r, &r->offset[i], n, false, err);
        if (st == BM_OK && r->var[r->offset[i]].factor && !r->var[r->offset[i]].logical) {
            const bm_var *v = &r->var[r->offset[i]];
            bm_buf        why = { 0 };

            if (v->input != SIZE_MAX) bm_input_why_text(r, &r->input[v->input], &why);
            else bm_buf_printf(&why, "%.100s is a factor", v->name);
            st = bm_formula_fail(r->f, n->pos, err, BM_EINVAL, "formula: an offset has to be numeric, but %s",
                                 why.failed ? v->name : why.s);
            bm_buf_free(&why);
        }
        r->noffset++;
    }
    return st;
}

static bm_status plan_settings(bm_recipe *r, bm_error *err)
{
    bm_status st = BM_OK;

    if (r->spec->weights && r->spec->se)
        return bm_fail(err, BM_EINVAL,
                       "weights and se are both given; se are the known residual standard deviations, weights scale an unknown one");
    if (r->spec->weights) st = bm_input_setting(r, &r->weights, "weights", r->spec->weights, err);
    if (st == BM_OK && r->spec->se) st = bm_input_setting(r, &r->se, "se", r->spec->se, err);
    return st;
}

bm_status bm_recipe_plan(bm_recipe *r, bool response, bm_error *err)
{
    bm_status st = r->f->dot ? bm_formula_fail(r->f, 0, err, BM_EINVAL, "formula: '.' is not expanded") : BM_OK;

    r->response = r->weights = r->se = SIZE_MAX;
    if (st == BM_OK && response) st = plan_response(r, err);
    if (st == BM_OK) st = bm_terms_new(&r->terms, r->f, r->f->rhs, err);
    if (st == BM_OK && !(r->fixed_var = bm_alloc(r->terms.nvar, sizeof *r->fixed_var))) st = bm_nomem(err);
    if (st == BM_OK) st = bm_terms_vars(r, &r->terms, r->fixed_var, err);
    if (st == BM_OK) st = plan_offsets(r, err);
    if (st == BM_OK) st = bm_groups_plan(r, err);
    if (st == BM_OK) st = plan_settings(r, err);
    return st;
}

void bm_recipe_clear(bm_recipe *r)
{
    for (size_t k = 0; k < r->ninput; k++) bm_column_clear(&r->input[k].own);
    for (size_t k = 0; k < r->nvar; k++) bm_var_clear(&r->var[k]);
    for (size_t k = 0; k < r->neffects; k++) {
        bm_terms_clear(&r->effects[k].terms);
        bm_coding_clear(&r->effects[k].coding);
        free(r->effects[k].var);
    }
    for (size_t k = 0; k < r->ngroup; k++) {
        free(r->group[k].name);
        free(r->group[k].comp);
        free(r->group[k].term);
    }
    for (size_t k = 0; k < r->nscale; k++) free(r->scale[k].x.code);
    bm_terms_clear(&r->terms);
    bm_coding_clear(&r->coding);
    free(r->scale);
    free(r->input);
    free(r->var);
    free(r->offset);
    free(r->fixed_var);
    free(r->effects);
    free(r->group);
    free(r->row);
}

/* ---- the left side ---- */

bm_status bm_offsets_eval(const bm_recipe *r, bm_design *d, bm_error *err)
{
    double   *o = bm_alloc(r->n, sizeof *o);
    bm_status st = o && (d->o = bm_alloc(r->n, sizeof *d->o)) ? BM_OK : bm_nomem(err);

    for (size_t k = 0; k < r->noffset && st == BM_OK; k++) {
        st = bm_var_numbers(r, &r->var[r->offset[k]], r->row, r->n, o, err);
        for (size_t i = 0; i < r->n && st == BM_OK; i++) d->o[i] += o[i];
    }
    free(o);
    return st;
}

bm_status bm_response_check(const bm_recipe *r, const bm_design *d, bool constant, bm_error *err)
{
    const bm_var *v = &r->var[r->response];

    if (constant)
        return bm_formula_fail(r->f, r->f->lhs->pos, err, BM_EINVAL,
                               "formula: the response %.100s%s is constant (%.15g in %s%zu row%s): there is nothing to explain", v->name,
                               r->noffset ? " minus the offset" : "", d->ymean, d->n > 1 ? "all " : "", d->n, d->n > 1 ? "s" : "");
    if (!isfinite(d->ysd)) return bm_fail(err, BM_EINVAL, "the standard deviation of the response overflows: divide %.100s by something", v->name);
    return BM_OK;
}

/* d->y, and e = y - o. */
bm_status bm_response_eval(const bm_recipe *r, bm_design *d, double *e, bm_error *err)
{
    bm_status st = (d->y = bm_alloc(r->n, sizeof *d->y)) ? bm_var_numbers(r, &r->var[r->response], r->row, r->n, d->y, err) : bm_nomem(err);

    for (size_t i = 0; i < r->n && st == BM_OK; i++) e[i] = d->o ? d->y[i] - d->o[i] : d->y[i];
    if (st != BM_OK || bm_all_finite(r->n, e)) return st;
    for (size_t i = 0; i < r->n && st == BM_OK; i++) {
        if (!isfinite(e[i])) st = bm_fail(err, BM_EINVAL, "the response minus the offset overflows in data row %zu", r->first + r->row[i] + 1);
    }
    return st;
}

static bm_status eval_response(const bm_recipe *r, bm_design *d, bm_error *err)
{
    double    *e = bm_alloc(r->n, sizeof *e);
    bm_moments m;
    bm_status  st = e && (d->yname = bm_strdup(r->var[r->response].name)) ? bm_response_eval(r, d, e, err) : bm_nomem(err);

    if (st == BM_OK) {
        m = bm_moments_of(e, r->n);
        d->ymean = m.mean;
        d->ysd = m.sd;
        st = bm_response_check(r, d, m.constant, err);
    }
    free(e);
    return st;
}

/* Precision weights; a known standard error is one over its square. */
bm_status bm_weights_eval(const bm_recipe *r, bm_design *d, bm_error *err)
{
    bool             se = r->se != SIZE_MAX;
    const bm_column *c = r->input[se ? r->se : r->weights].col;

    d->known_se = se;
    if (!(d->w = bm_alloc(r->n, sizeof *d->w))) return bm_nomem(err);
    d->mean_variance = 0;
    for (size_t i = 0; i < r->n; i++) {
        double x = c->num[r->row[i]];

        d->w[i] = se ? 1 / (x * x) : x;
        if (!(x > 0)) {
            bm_buf value = { 0 };

            bm_buf_num(&value, x);
            bm_fail(err, BM_EINVAL, "%s: '%.100s' is %s in data row %zu; %s", se ? "se" : "weights", c->name,
                    value.failed ? "?" : value.s,
                    r->first + r->row[i] + 1, se ? "a standard error is positive" : "a weight is positive; take the row out to give it none");
            bm_buf_free(&value);
            return BM_EINVAL;
        }
        if (!isfinite(d->w[i]) || !(d->w[i] > 0))
            return bm_fail(err, BM_EINVAL, "%s: '%.100s' is %g in data row %zu, which is out of range", se ? "se" : "weights",
                           c->name, x, r->first + r->row[i] + 1);
        d->mean_variance += 1 / d->w[i] / (double)r->n;
    }
    return BM_OK;
}

/* ---- X ---- */

bm_status bm_note_constant(const bm_design *d, size_t k, bm_strv *notes, bm_error *err)
{
    double x = d->xmean[k];

    if (x == 0)
        return bm_strv_addf(notes, err, "the column '%s' is 0 in every row used: the data say nothing of its coefficient",
                            d->xnames[k]);
    return bm_strv_addf(notes, err, "the column '%s' is constant (%.15g)%s", d->xnames[k], x,
                        d->intercept >= 0 ? ": it cannot be told from the intercept" : "");
}

static bm_status name_columns(const bm_recipe *r, bm_design *d, bm_error *err)
{
    for (size_t k = 0; k < d->p; k++) {
        const char *name = r->coding.col[k].name;
        bm_buf      b = { 0 };

        bm_buf_printf(&b, "b_%s", (int)k == d->intercept ? "Intercept" : name);
        d->bnames[k] = b.s;
        if (b.failed || !(d->xnames[k] = bm_strdup(name))) return bm_nomem(err);
    }
    return BM_OK;
}

bm_status bm_fixed_columns(bm_recipe *r, bm_design *d, bm_error *err)
{
    bm_status st = bm_coding_new(&r->coding, r, &r->terms, r->fixed_var, "the fixed part", BM_MAX_COLUMNS, err);

    if (st != BM_OK) return st;
    d->p = r->coding.ncol;
    d->intercept = r->coding.intercept;
    d->xnames = bm_alloc(d->p, sizeof *d->xnames);
    d->bnames = bm_alloc(d->p, sizeof *d->bnames);
    d->xmean = bm_alloc(d->p, sizeof *d->xmean);
    d->xsd = bm_alloc(d->p, sizeof *d->xsd);
    if (!d->xnames || !d->bnames || !d->xmean || !d->xsd) return bm_nomem(err);
    return name_columns(r, d, err);
}

static bm_status eval_fixed(bm_recipe *r, bm_design *d, bm_error *err)
{
    bm_status st = bm_fixed_columns(r, d, err);

    if (st != BM_OK) return st;
    if (d->p && r->n > (SIZE_MAX >> 1) / sizeof(double) / d->p) return bm_nomem(err);
    if (!(d->X = bm_alloc(r->n * d->p, sizeof *d->X))) return bm_fail(err, BM_ENOMEM, "out of memory: X has %zu rows and %zu columns", r->n, d->p);
    st = bm_coding_eval(&r->coding, r, r->row, r->n, d->X, err);
    for (size_t k = 0; k < d->p && st == BM_OK; k++) {
        bm_moments m = bm_moments_of(d->X + k * r->n, r->n);

        d->xmean[k] = m.mean;
        d->xsd[k] = m.sd;
        if (m.constant && (int)k != d->intercept) st = bm_note_constant(d, k, &d->notes, err);
    }
    return st;
}

bm_status bm_note_dot(const bm_formula *f, bm_design *d, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t k = 0; k < f->dot_left_out.n && st == BM_OK; k++)
        st = bm_strv_addf(&d->notes, err, "'.' does not stand for '%s', which is a grouping variable", f->dot_left_out.v[k]);
    return st;
}

/* ---- all of it ---- */

static bm_status eval(bm_recipe *r, bm_design *d, bm_error *err)
{
    bm_status st = bm_complete_rows(r, d, err);

    d->n = r->n;
    d->mean_variance = 1;
    for (size_t k = 0; k < r->nvar && st == BM_OK; k++) st = bm_var_levels(r, &r->var[k], err);
    if (st == BM_OK) st = bm_var_contrasts(r, &d->notes, err);
    if (st == BM_OK && r->noffset) st = bm_offsets_eval(r, d, err);
    if (st == BM_OK && r->response != SIZE_MAX) st = eval_response(r, d, err);
    if (st == BM_OK && (r->weights != SIZE_MAX || r->se != SIZE_MAX)) st = bm_weights_eval(r, d, err);
    if (st == BM_OK) st = bm_note_dot(r->f, d, err);
    if (st == BM_OK) st = eval_fixed(r, d, err);
    if (st == BM_OK) st = bm_groups_eval(r, d, err);
    d->n_read = r->frame->n;
    d->row = r->row;                                 /* handed over */
    r->row = NULL;
    return st;
}

static bm_status design_new(bm_design **out, const bm_spec *s, const bm_formula *f, const bm_frame *frame, bool response,
                            bm_error *err)
{
    bm_recipe  r = { .spec = s, .f = f, .frame = frame };
    bm_design *d = bm_alloc(1, sizeof *d);
    bm_status  st = d ? bm_recipe_plan(&r, response, err) : bm_nomem(err);

    *out = NULL;
    if (st == BM_OK) st = eval(&r, d, err);
    if (st == BM_OK) {
        *out = d;
        d = NULL;
    }
    bm_recipe_clear(&r);
    bm_design_free(d);
    return st;
}

bm_status bm_design_new(bm_design **out, const bm_spec *s, const bm_formula *f, const bm_frame *frame, bm_error *err)
{
    return design_new(out, s, f, frame, true, err);
}

bm_status bm_design_rhs(bm_design **out, const bm_spec *s, const bm_formula *f, const bm_frame *frame, bm_error *err)
{
    return design_new(out, s, f, frame, false, err);
}

static uint64_t hash_of(const double *x, size_t n)
{
    bm_hash h;

    bm_hash_start(&h);
    if (x) bm_hash_add(&h, x, n * sizeof *x);
    return bm_hash_value(&h);
}

bm_prints bm_design_prints(const bm_design *d)
{
    bm_prints p = { .y = hash_of(d->y, d->n), .w = hash_of(d->w, d->n), .o = hash_of(d->o, d->n) };
    bm_hash   h;

    if (!d->y) return d->prints;
    bm_hash_start(&h);
    for (size_t at = 0, i = 0; at < d->n_read; at++)
        if (!d->row || (i < d->n && d->row[i] == at)) i++;
        else bm_hash_add(&h, &at, sizeof at);
    p.left_out = bm_hash_value(&h);
    return p;
}

static void free_strings(char **v, size_t n)
{
    for (size_t k = 0; v && k < n; k++) free(v[k]);
    free(v);
}

static void free_group(bm_group *g)
{
    free(g->name);
    free_strings(g->levels, g->J);
    free_strings(g->znames, g->q);
    free(g->code);
    free(g->Z);
    free(g->zsd);
    free(g->zz);
    free(g->rows);
    free(g->block);
}

void bm_design_free(bm_design *d)
{
    if (!d) return;
    for (size_t k = 0; k < d->nfac; k++) free_group(&d->fac[k]);
    for (size_t k = 0; k < d->ndropped; k++) free(d->dropped[k].name);
    free(d->fac);
    free(d->dropped);
    free(d->row);
    free(d->yname);
    free(d->y);
    free(d->w);
    free(d->o);
    free_strings(d->xnames, d->p);
    free_strings(d->bnames, d->p);
    free(d->X);
    free(d->xnonzero);
    free(d->xmean);
    free(d->xsd);
    bm_strv_free(&d->notes);
    free(d);
}
