/* model.c: from a specification and data to a posterior ready to be sampled. */
#include "api/api.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

/* The columns to convert: the formula's variables, weights, standard errors. */
static bm_status wanted(const bm_model *m, bm_strv *want, bm_strv *factors, bm_error *err)
{
    size_t             n, ng;
    const char *const *vars = bm_formula_vars(m->formula, &n), *const *groups = bm_formula_group_vars(m->formula, &ng);
    const char        *extra[] = { m->spec->weights, m->spec->se };
    bm_status          st = BM_OK;

    for (size_t i = 0; i < n && st == BM_OK; i++) st = bm_strv_add(want, vars[i], err);
    for (size_t i = 0; i < 2 && st == BM_OK; i++)
        if (extra[i] && !bm_strv_has(want, extra[i])) st = bm_strv_add(want, extra[i], err);
    for (size_t i = 0; i < m->spec->factors.n && st == BM_OK; i++) st = bm_strv_add(factors, m->spec->factors.v[i], err);
    for (size_t i = 0; i < ng && st == BM_OK; i++) st = bm_strv_add(factors, groups[i], err);
    for (size_t i = 0; i < n && st == BM_OK; i++)    /* whose levels are listed is a factor */
        if (bm_spec_levels(m->spec, vars[i]) && !bm_strv_has(factors, vars[i])) st = bm_strv_add(factors, vars[i], err);
    return st;
}

/* "." for the other columns; then every variable must be a column. */
static bm_status expand_dot(bm_model *m, const char *const *names, size_t n, bm_error *err)
{
    const char *except[2];
    size_t      k = 0;

    if (m->spec->weights) except[k++] = m->spec->weights;
    if (m->spec->se) except[k++] = m->spec->se;
    bm_status st = bm_formula_expand_dot(m->formula, names, n, except, k, err);
    return st == BM_OK ? bm_formula_match(m->formula, names, n, err) : st;
}

static void tell_reading(void *self, uint64_t done, uint64_t total)
{
    const bm_fit_options *o = &((const bm_model *)self)->spec->fit;
    bm_progress           p = { .phase = "reading", .done = done, .total = total, .rhat = NAN, .ess = NAN };

    o->progress(o->progress_self, &p);
}

bm_status bm_model_source(bm_model *m, bm_source **src, bm_strv *want, bm_error *err)
{
    const bm_spec     *s = m->spec;
    bm_strv            factors = { 0 };
    bm_read_options    opt = { .delim = s->delim, .na = (const char *const *)s->na_strings.v, .nna = s->na_strings.n };
    const char *const *names;
    size_t             n;
    bm_status          st;

    if (!s->data) return bm_fail(err, BM_EINVAL, "no data: name a CSV file, or \"data\" in the model file");
    if (!opt.nna) opt.na = NULL;
    if ((st = bm_source_open(src, s->data, &opt, err)) != BM_OK) return st;
    if (s->fit.progress) bm_source_watch(*src, tell_reading, m);
    names = bm_source_names(*src, &n);
    if ((st = expand_dot(m, names, n, err)) == BM_OK && (st = wanted(m, want, &factors, err)) == BM_OK)
        st = bm_source_add_factors(*src, (const char *const *)factors.v, factors.n, err);
    bm_strv_free(&factors);
    return st;
}

/* The table, or only its cross-products where it has more than hold rows. */
static bm_status read_data(bm_model *m, size_t hold, bm_error *err)
{
    bm_source *src = NULL;
    bm_strv    want = { 0 };
    bool       kept = true;
    bm_status  st = bm_model_source(m, &src, &want, err);

    if (st == BM_OK && hold) st = bm_model_stream(m, &src, &want, hold, &kept, err);
    if (st == BM_OK && kept) st = bm_source_read(src, &m->frame, (const char *const *)want.v, want.n, err);
    bm_source_close(src);
    bm_strv_free(&want);
    return st;
}

/* A frame handed in by the caller: the columns of the model are copied. */
static bm_status copy_frame(bm_model *m, const bm_frame *from, bm_error *err)
{
    bm_strv      want = { 0 }, factors = { 0 };
    const char **names = bm_alloc(from->ncol, sizeof *names);
    bm_status    st = BM_ENOMEM;

    if (!names) return bm_nomem(err);
    for (size_t i = 0; i < from->ncol; i++) names[i] = from->col[i].name;
    if ((st = expand_dot(m, names, from->ncol, err)) != BM_OK) goto done;
    if ((st = wanted(m, &want, &factors, err)) != BM_OK) goto done;
    st = bm_frame_select(&m->frame, from, (const char *const *)want.v, want.n, err);
done:
    free(names);
    bm_strv_free(&want);
    bm_strv_free(&factors);
    return st;
}

/* ---- coefficients fixed by constant(x): their columns move to the offset ---- */

bool bm_model_fixes(const bm_priors *p, int intercept, size_t k)
{
    bool centred = p->centred && (int)k == intercept;

    return !centred && p->b[k].kind == BM_DIST_CONSTANT;
}

void bm_model_fix_column(bm_design *d, size_t k, double value)
{
    size_t n = d->n;

    for (size_t i = 0; i < n; i++) d->o[i] += value * d->X[i + k * n];
    memmove(d->X + k * n, d->X + (k + 1) * n, (d->p - k - 1) * n * sizeof *d->X);
    d->p--;
}

/* The print of an offset that a column times a constant has been added to. */
static uint64_t with_constant(uint64_t print, const char *name, double value)
{
    bm_hash h;

    bm_hash_start(&h);
    bm_hash_add(&h, &print, sizeof print);
    bm_hash_add(&h, name, strlen(name));
    bm_hash_add(&h, &value, sizeof value);
    return bm_hash_value(&h);
}

/* Where rows are not kept their column has gone already. */
static bm_status fix_coefficient(bm_design *d, bm_priors *p, size_t k, bm_error *err)
{
    double value = p->b[k].a[0];
    size_t after = d->p - k - 1;

    if (d->X) {
        if (!d->o && !(d->o = bm_alloc(d->n, sizeof *d->o))) return bm_nomem(err);
        bm_model_fix_column(d, k, value);
    } else {
        d->had_o = true;
        d->prints.o = with_constant(d->prints.o, d->bnames[k], value);
        d->p--;
        memmove(d->xnonzero + k, d->xnonzero + k + 1, after * sizeof *d->xnonzero);
    }
    free(d->xnames[k]);
    free(d->bnames[k]);
    memmove(d->xnames + k, d->xnames + k + 1, after * sizeof *d->xnames);
    memmove(d->bnames + k, d->bnames + k + 1, after * sizeof *d->bnames);
    memmove(d->xmean + k, d->xmean + k + 1, after * sizeof *d->xmean);
    memmove(d->xsd + k, d->xsd + k + 1, after * sizeof *d->xsd);
    if (d->intercept == (int)k) d->intercept = -1;
    else if (d->intercept > (int)k) d->intercept--;
    if (p->centred) p->intercept.a[p->intercept.kind == BM_DIST_STUDENT_T] -= value * p->xbar[k];
    memmove(p->b + k, p->b + k + 1, after * sizeof *p->b);
    memmove(p->xbar + k, p->xbar + k + 1, after * sizeof *p->xbar);
    p->p--;
    return BM_OK;
}

static bm_status fix_constants(bm_model *m, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t k = m->priors->p; k-- > 0 && st == BM_OK;)
        if (bm_model_fixes(m->priors, m->design->intercept, k)) st = fix_coefficient(m->design, m->priors, k, err);
    return st;
}

/* ---- what no prior can cure ---- */

/* Columns that the group effects span: an upper bound. */
static size_t spanned(const bm_stats *s)
{
    size_t n = s->rank;

    for (size_t k = 0; k < s->nfac; k++)
        for (size_t j = 0; j < s->fac[k].J; j++) n += s->fac[k].n[j] < s->fac[k].q ? s->fac[k].n[j] : s->fac[k].q;
    return n;
}

/* Do coefficients and group effects together leave nothing but rounding? */
static bm_status leaves_nothing(const bm_model *m, bool *nothing, bm_error *err)
{
    const double    rounding = 50 * DBL_EPSILON, cancelled = 1e-11;   /* of y; of what the coefficients leave, which the kernels subtract from */
    const double    cheap = 0.1;                     /* seconds: where one evaluation with all factors together is not, only the coefficients are judged */
    const bm_stats *s = m->stats;
    bm_marginal    *g = NULL;
    double         *L = NULL;
    bm_status       st;
    size_t          at = 0;

    *nothing = s->yy <= rounding * rounding * s->y_scale;
    if (!s->nfac || *nothing || bm_packed_seconds(m->post->pk) > cheap) return BM_OK;
    if ((st = bm_marginal_new(&g, s, m->post->pk, NULL, BM_REML, err)) != BM_OK) return st;
    if (!(L = bm_alloc(g->nL, sizeof *L))) {
        bm_marginal_free(g);
        return bm_nomem(err);
    }
    for (size_t k = 0; k < s->nfac; at += s->fac[k].q * s->fac[k].q, k++)
        for (size_t i = 0; i < s->fac[k].q; i++) L[at + i * (s->fac[k].q + 1)] = 1e6 * s->fac[k].Kz[i * (s->fac[k].q + 1)];
    if (bm_marginal_eval(g, L, 1) == BM_OK) *nothing = g->Q <= cancelled * s->yy;
    free(L);
    bm_marginal_free(g);
    return BM_OK;
}

bm_status bm_model_fits_perfectly(const bm_model *m, bool *perfect, bm_error *err)
{
    *perfect = false;
    if (!m->priors->has_sigma || m->stats->n <= spanned(m->stats)) return BM_OK;    /* as many effects as rows: the sds share the variance out */
    return leaves_nothing(m, perfect, err);
}

static bm_status check_fit_possible(const bm_model *m, bm_error *err)
{
    bool      perfect;
    bm_status st;

    if (!m->priors->has_sigma || m->priors->sigma.kind == BM_DIST_CONSTANT) return BM_OK;
    if (m->priors->sigma.kind == BM_DIST_INV_GAMMA || m->priors->sigma.kind == BM_DIST_LOGNORMAL) return BM_OK;   /* no density at 0 */
    if ((st = bm_model_fits_perfectly(m, &perfect, err)) != BM_OK || !perfect) return st;
    return bm_fail(err, BM_ENUMERIC, "perfect fit: the model leaves no residuals beyond rounding, so the posterior of sigma piles up at 0 and has no finite "
                                     "density; is the response computed from the predictors? A prior that keeps sigma off 0, "
                                     "such as --prior 'sigma ~ inv_gamma(2, 1)', or constant(x), makes it proper");
}

/* Whether there is a posterior, from the rows where they are there. */
static void judge(bm_model *m)
{
    bm_ranks by = m->design->y ? bm_ranks_of_rows(m->design) : bm_ranks_of_stats(m->stats);

    if (bm_priors_check(m->priors, m->design, m->stats->aliased, m->stats->rank, &by, &m->refusal) == BM_OK) (void)check_fit_possible(m, &m->refusal);
}

/* ---- names ---- */

static bm_status add_buffer(bm_strv *v, bm_buf *b, bm_error *err)
{
    bm_status st = b->failed ? bm_nomem(err) : bm_strv_add(v, b->s, err);

    b->n = 0;
    return st;
}

static bm_status name_parameters(bm_model *m, bm_error *err)
{
    const bm_design *d = m->design;
    bm_buf           b = { 0 };
    bm_status        st = bm_strv_add(&m->monitored, "lp__", err);

    for (size_t k = 0; k < d->p && st == BM_OK; k++) st = bm_strv_add(&m->monitored, d->bnames[k], err);
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t i = 0; i < d->fac[k].q && st == BM_OK; i++) {
            bm_sd_name(&b, &d->fac[k], i);
            st = add_buffer(&m->monitored, &b, err);
        }
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t c = 0; c < d->fac[k].nblock; c++) {
            const bm_block *blk = &d->fac[k].block[c];

            for (size_t i = 1; i < blk->size; i++)
                for (size_t j = 0; j < i && st == BM_OK; j++) {
                    bm_cor_name(&b, &d->fac[k], blk->first + j, blk->first + i);
                    st = add_buffer(&m->monitored, &b, err);
                }
        }
    if (st == BM_OK && m->priors->has_sigma) st = bm_strv_add(&m->monitored, "sigma", err);
    bm_buf_free(&b);
    return st;
}

/* ---- the whole ---- */

static bm_status check_sampler(const bm_model *m, bm_error *err)
{
    if (m->spec->fit.sampler != BM_SAMPLER_GIBBS || m->design->nfac >= 2) return BM_OK;
    return bm_fail(err, BM_EINVAL, "--sampler gibbs moves one grouping factor at a time; this model has %s, where the collapsed sampler is exact and faster",
                   m->design->nfac ? "one" : "none");
}

bm_status bm_model_choose(const bm_model *m, bm_choice *c, bm_error *err)
{
    return bm_choose_collapsed(m->post, m->spec->fit.sampler, &c->collapsed, c->why, sizeof c->why, err);
}

static bm_status model_new(bm_model **out, const bm_spec *spec, const bm_frame *frame, size_t hold, bm_error *err)
{
    double    start = bm_clock();
    bm_status st = BM_ENOMEM;
    bm_model *m = bm_alloc(1, sizeof *m);

    *out = NULL;
    if (!m) return bm_nomem(err);
    if ((st = bm_spec_copy(&m->spec, spec, err)) != BM_OK) goto done;
    if (!m->spec->formula) {
        st = bm_fail(err, BM_EINVAL, "no formula: give one such as 'y ~ x + (1 | g)', or \"formula\" in the model file");
        goto done;
    }
    if ((st = bm_formula_parse(&m->formula, m->spec->formula, err)) != BM_OK) goto done;
    if ((st = frame ? copy_frame(m, frame, err) : read_data(m, hold, err)) != BM_OK) goto done;
    if (!m->design && (st = bm_design_new(&m->design, m->spec, m->formula, m->frame, err)) != BM_OK) goto done;
    m->read_seconds = bm_clock() - start;
    if ((st = bm_priors_new(&m->priors, m->spec, m->design, err)) != BM_OK) goto done;
    if ((st = fix_constants(m, err)) != BM_OK) goto done;
    if (!m->stats && (st = bm_stats_new(&m->stats, m->design, err)) != BM_OK) goto done;
    if ((st = bm_post_new(&m->post, m->stats, m->priors, m->design, err)) != BM_OK) goto done;
    if ((st = check_sampler(m, err)) != BM_OK) goto done;
    if ((st = name_parameters(m, err)) != BM_OK) goto done;
    judge(m);
    if (m->refusal.code == BM_ENOMEM) {
        st = bm_nomem(err);
        goto done;
    }
    *out = m;
    m = NULL;
done:
    bm_model_free(m);
    return st;
}

bm_status bm_model_new(bm_model **out, const bm_spec *spec, const bm_frame *frame, bm_error *err)
{
    return model_new(out, spec, frame, 0, err);
}

bm_status bm_model_new_streamed(bm_model **out, const bm_spec *spec, size_t hold_rows, bm_error *err)
{
    return model_new(out, spec, NULL, hold_rows ? hold_rows : 1, err);
}

const char *bm_model_reading(const bm_model *m)
{
    return m->reading;
}

/* Statistics and posterior of c's response. */
static bm_status respond(bm_model *c, const bm_model *m, const bm_basis *basis, bm_error *err)
{
    bm_status st = basis ? bm_stats_respond(&c->stats, m->stats, basis, c->design, err) : bm_stats_new(&c->stats, c->design, err);

    if (st != BM_OK) return st;
    st = basis ? bm_post_respond(&c->post, m->post, c->stats, c->design, err) : bm_post_new(&c->post, c->stats, c->priors, c->design, err);
    if (st != BM_OK) return st;
    c->refusal = (bm_error){ 0 };
    judge(c);
    return c->refusal.code == BM_ENOMEM ? bm_nomem(err) : BM_OK;
}

bm_status bm_model_with_response(bm_model **out, const bm_model *m, const bm_basis *basis, const double *y, bm_error *err)
{
    bm_model  *c = bm_alloc(1, sizeof *c);
    bm_design *d = bm_alloc(1, sizeof *d);
    bm_status  st = BM_ENOMEM;

    *out = NULL;
    if (!c || !d || !(d->y = bm_alloc(m->design->n, sizeof *d->y))) {
        bm_nomem(err);
        if (d) free(d->y);
        free(d);
        free(c);
        return st;
    }
    double *own = d->y;
    *c = *m;
    *d = *m->design;
    d->y = own;
    memcpy(own, y, d->n * sizeof *own);
    c->design = d;
    c->borrows = true;
    c->stats = NULL;
    c->post = NULL;
    if ((st = respond(c, m, basis, err)) == BM_OK) *out = c;
    else bm_model_free(c);
    return st;
}

void bm_model_free(bm_model *m)
{
    if (!m) return;
    bm_post_free(m->post);
    bm_stats_free(m->stats);
    if (m->borrows) {
        free(m->design->y);
        free(m->design);
        free(m);
        return;
    }
    bm_priors_free(m->priors);
    bm_design_free(m->design);
    bm_frame_free(m->frame);
    bm_formula_free(m->formula);
    bm_spec_free(m->spec);
    bm_strv_free(&m->monitored);
    free(m);
}

bm_status bm_model_refusal(const bm_model *m, bm_error *err)
{
    return m->refusal.code ? bm_fail(err, m->refusal.code, "%s", m->refusal.msg) : BM_OK;
}

bm_status bm_model_print(const bm_model *m, FILE *out, const bm_print_options *opt, bm_error *err)
{
    bm_choice choice;
    bm_plan   plan = { .spec = m->spec, .frame_info = m->frame, .design = m->design, .priors = m->priors, .why = choice.why, .ntheta = m->post->th.d,
                       .parameters = &m->monitored };
    bm_status st;

    if (bm_model_refusal(m, err) != BM_OK) return m->refusal.code;
    if ((st = bm_model_choose(m, &choice, err)) != BM_OK) return st;
    plan.sampler = choice.collapsed ? "collapsed" : "gibbs";
    return bm_report_plan(&plan, out, opt, err);
}
