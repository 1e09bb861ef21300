/* compare.c: the REML fit and the posterior of one model, side by side. */
#include "api/compare_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Work of profiling all of a model's parameters that takes about a second: parameters^2 x the numbers behind one evaluation. */
static const double PROFILE_WORK = 2e6;
/* Evaluations with all factors together that profiling takes, over parameters^2. */
static const double PROFILE_EVALUATIONS = 50;

bm_theta_draws bm_compare_theta(const bm_compare *c)
{
    const bm_draws *d = c->fit->draws;
    size_t          n = d->nchain * d->niter;

    return (bm_theta_draws){ .x = d->x + (1 + c->model->stats->p) * n, .n = n, .stride = n };
}

/* ---- the REML fit ---- */

static bool profile_is_cheap(const bm_model *m)
{
    double npar = (double)(m->post->th.nsd + m->post->th.ncor + m->stats->p + 1), work = 100;

    if (m->stats->nfac > 1) return npar * npar * PROFILE_EVALUATIONS * bm_packed_seconds(m->post->pk) <= 1;
    for (size_t k = 0; k < m->stats->nfac; k++) work += (double)m->stats->fac[k].J * (double)(m->stats->fac[k].q * (m->stats->fac[k].q + m->stats->p));
    return npar * npar * work <= PROFILE_WORK;
}

static bm_status fit_reml(bm_compare *c, bm_error *err)
{
    const bm_model *m = c->model;
    bm_reml_options opt = BM_REML_OPTIONS_INIT;
    bm_error        own = { 0 };
    bm_status       st;

    if (c->opt.ci == BM_COMPARE_CI_PROFILE) {
        opt.ci = BM_CI_PROFILE;
        return bm_reml_fit_packed(&c->reml, m->stats, m->post ? m->post->pk : NULL, m->design, &opt, err);
    }
    if (c->opt.ci == BM_COMPARE_CI_AUTO && profile_is_cheap(m)) {
        opt.ci = BM_CI_PROFILE;
        st = bm_reml_fit_packed(&c->reml, m->stats, m->post ? m->post->pk : NULL, m->design, &opt, &own);
        if (st == BM_OK || st == BM_ENOMEM) return st == BM_OK ? BM_OK : bm_nomem(err);
    }
    opt.ci = BM_CI_NONE;                             /* Wald intervals are made from standard errors, here */
    if ((st = bm_reml_fit_packed(&c->reml, m->stats, m->post ? m->post->pk : NULL, m->design, &opt, err)) != BM_OK) return st;
    if (!own.msg[0]) return BM_OK;
    return bm_strv_addf(&c->notes, err, "REML intervals are Wald's, as the likelihood could not be profiled: %s", own.msg);
}

static bm_status classical(bm_compare *c, bm_error *err)
{
    const bm_theta *th = &c->model->post->th;
    bm_status       st = fit_reml(c, err);

    if (st != BM_OK) return st;
    if (!(c->natural_se = bm_alloc(th->nsd + th->ncor + 1, sizeof *c->natural_se))) return bm_nomem(err);
    return bm_reml_natural_se(c->natural_se, c->reml, c->model->stats, c->model->design, err);
}

/* ---- the posterior ---- */

static bm_status bayesian(bm_compare *c, bm_error *err)
{
    const bm_post *post = c->model->post;
    size_t         used;
    bm_theta_draws d;
    bm_status      st = bm_fit_run(&c->fit, c->model, &c->fit_opt, err);

    if (st != BM_OK) return st;
    c->flat_b = bm_alloc(post->st->p, sizeof *c->flat_b);
    c->shrink = bm_alloc(post->nu, sizeof *c->shrink);
    if (!c->flat_b || !c->shrink) return bm_fail(err, BM_ENOMEM, "out of memory for %zu group effects", post->nu);
    d = bm_compare_theta(c);
    return bm_flat_moments(post, &d, c->flat_b, c->shrink, &used, err);
}

/* ---- what the reports see ---- */

static void set_view(bm_compare *c)
{
    const bm_model    *m = c->model;
    const bm_run_info *run = &c->fit->run;
    bm_comparison     *v = &c->view;

    v->spec = m->spec;
    v->frame = m->frame;
    v->design = m->design;
    v->priors = m->priors;
    v->reml = c->reml;
    v->notes = &c->notes;
    v->warnings = &c->warnings;
    v->fit_notes = &c->fit->notes;
    v->fit_warnings = &c->fit->warnings;
    v->nchain = c->fit->draws->nchain;
    v->niter = c->fit->draws->niter;
    v->seed = c->fit_opt.seed;
    v->differ = c->opt.differ;
    v->no_evidence = run->no_evidence;
    v->evidence = (bm_evidence){ run->log_evidence, run->log_evidence_se, run->pareto_k, run->top_ratio, !run->no_evidence };
}

static bm_status note_reml(bm_compare *c, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t i = 0; i < c->reml->notes.n && st == BM_OK; i++)
        if (!bm_strv_has(&c->fit->notes, c->reml->notes.v[i])) st = bm_strv_addf(&c->notes, err, "REML: %s", c->reml->notes.v[i]);
    if (st == BM_OK && c->reml->singular) {
        bm_buf what = { 0 };

        for (size_t i = 0; i < c->reml->boundary.n; i++) bm_buf_printf(&what, "%s%s", i ? "; " : "", c->reml->boundary.v[i]);
        st = what.failed ? bm_nomem(err) : bm_strv_addf(&c->notes, err, "the REML fit is singular: at the boundary: %s", what.s ? what.s : "");
        bm_buf_free(&what);
    }
    return st;
}

static bm_status check(const bm_compare *c, bm_error *err)
{
    if (!(c->opt.differ >= 0) || !isfinite(c->opt.differ))
        return bm_fail(err, BM_EINVAL, "--differ %g: it is a number of posterior standard deviations, 0 or more", c->opt.differ);
    if (!(c->opt.eps >= 0) || !isfinite(c->opt.eps))
        return bm_fail(err, BM_EINVAL, "--eps %g: an sd below which a variance counts as zero is a positive number", c->opt.eps);
    return BM_OK;
}

bm_status bm_compare_saved(bm_compare **out, const bm_model *m, const bm_saved *s, bm_error *err)
{
    bm_status      st;
    size_t         used;
    bm_theta_draws d;
    bm_compare    *c = bm_alloc(1, sizeof *c);

    *out = NULL;
    if (!c) return bm_nomem(err);
    c->model = m;
    c->opt = (bm_compare_options)BM_COMPARE_OPTIONS_INIT;
    c->fit_opt = m->spec->fit;
    c->saved = (bm_fit){ .model = m, .opt = m->spec->fit, .draws = s->draws, .nmonitored = m->monitored.n, .summary = s->summary, .run = s->run };
    c->saved.run.no_evidence = "it was not computed";
    c->fit = &c->saved;
    if ((st = classical(c, err)) != BM_OK) goto done;
    if (!(c->flat_b = bm_alloc(m->post->st->p, sizeof *c->flat_b))) {
        st = bm_nomem(err);
        goto done;
    }
    d = bm_compare_theta(c);
    if ((st = bm_flat_moments(m->post, &d, c->flat_b, NULL, &used, err)) != BM_OK) goto done;
    set_view(c);
    if ((st = bm_compare_rows(c, err)) != BM_OK) goto done;
    if ((st = bm_compare_explain(c, err)) != BM_OK) goto done;
    *out = c;
    c = NULL;
done:
    bm_compare_free(c);
    return st;
}

bm_status bm_compare_run(bm_compare **out, const bm_model *m, const bm_compare_options *opt, bm_error *err)
{
    static const bm_compare_options defaults = BM_COMPARE_OPTIONS_INIT;
    double      start = bm_clock();
    bm_status   st;
    bm_compare *c = bm_alloc(1, sizeof *c);

    *out = NULL;
    if (!c) return bm_nomem(err);
    if (opt && opt->pooling && (st = bm_model_needs_rows(m, "the fit of each group by itself, for its residuals,", err)) != BM_OK) goto done;
    c->model = m;
    c->opt = opt ? *opt : defaults;
    c->fit_opt = c->opt.fit ? *c->opt.fit : m->spec->fit;
    if ((st = check(c, err)) != BM_OK) goto done;
    if ((st = classical(c, err)) != BM_OK) goto done;
    if ((st = bayesian(c, err)) != BM_OK) goto done;
    set_view(c);
    if ((st = note_reml(c, err)) != BM_OK) goto done;
    if ((st = bm_compare_rows(c, err)) != BM_OK) goto done;
    if ((st = bm_compare_effects(c, err)) != BM_OK) goto done;
    if ((st = bm_compare_explain(c, err)) != BM_OK) goto done;
    if (c->opt.pooling && (st = bm_compare_pool(c, err)) != BM_OK) goto done;
    if (c->opt.test_ranef && (st = bm_compare_tests(c, err)) != BM_OK) goto done;
    c->view.seconds = bm_clock() - start;
    *out = c;
    c = NULL;
done:
    bm_compare_free(c);
    return st;
}

void bm_compare_free(bm_compare *c)
{
    if (!c) return;
    for (size_t i = 0; c->view.row && i < c->view.nrow; i++) bm_strv_free(&c->view.row[i].why);
    for (size_t i = 0; c->view.test && i < c->view.ntest; i++) free(c->view.test[i].name);
    free(c->view.row);
    free(c->view.share);
    free(c->view.effect);
    free(c->view.pool);
    free(c->view.test);
    free(c->natural_se);
    free(c->shrink);
    free(c->flat_b);
    free(c->eps_rule);
    bm_strv_free(&c->notes);
    bm_strv_free(&c->warnings);
    bm_reml_free(c->reml);
    if (c->fit != &c->saved) bm_fit_free(c->fit);
    free(c);
}

bm_status bm_compare_print(const bm_compare *c, FILE *out, const bm_print_options *opt, bm_error *err)
{
    static const bm_print_options defaults = BM_PRINT_OPTIONS_INIT;

    return bm_report_compare(&c->view, out, opt ? opt : &defaults, err);
}

bm_status bm_compare_write(const bm_compare *c, const char *dir, const bm_write_options *opt, bm_error *err)
{
    static const bm_write_options defaults = BM_WRITE_OPTIONS_INIT;

    return bm_report_compare_dir(&c->view, dir, opt ? opt : &defaults, err);
}

bm_status bm_compare_check_output(const char *dir, bool force, bm_error *err)
{
    return bm_report_compare_check(dir, force, err);
}

size_t bm_compare_untrusted(const bm_compare *c)
{
    return bm_fit_untrusted(c->fit);
}

const char *bm_compare_untrusted_name(const bm_compare *c, size_t i)
{
    return bm_fit_untrusted_name(c->fit, i);
}
