/* compare_tests.c: is the variance of a random term zero? Three answers: the likelihood-ratio test, the posterior probability that the sd is
 * practically zero, and the Bayes factor against the model without the term. */
#include "api/compare_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TARGET = 0.03;       /* of the error of each log evidence, so that a difference has less than 0.05 */

/* Residual sd of a typical row, for eps. */
static double residual_sd(const bm_compare *c)
{
    const bm_design *d = c->model->design;

    return d->known_se ? sqrt(d->mean_variance) : c->reml->sigma;
}

static bm_status set_eps_rule(bm_compare *c, bm_error *err)
{
    bm_buf b = { 0 };

    if (c->opt.eps > 0) bm_buf_printf(&b, "as asked for");
    else if (c->model->design->known_se) bm_buf_printf(&b, "0.05 x the root mean square of the known standard errors / sd(z)");
    else bm_buf_printf(&b, "0.05 x sigma (REML) / sd(z)");
    if (b.failed) {
        bm_buf_free(&b);
        return bm_nomem(err);
    }
    c->eps_rule = b.s;
    c->view.eps_rule = b.s;
    return BM_OK;
}

static bm_status likelihood_ratio(bm_compare *c, bm_term_test *t, const bm_reduced *r, bm_error *err)
{
    const bm_model *m = c->model;
    bm_anova_side   with = { m->stats, m->design, NULL }, without = { r->stats, &r->design, NULL };
    bm_reml_options opt = BM_REML_OPTIONS_INIT;
    bm_anova       *a = NULL;
    bm_status       st;

    opt.ci = BM_CI_NONE;
    if ((st = bm_anova_fit(&a, &with, &without, &opt, err)) != BM_OK) return st;
    t->chisq = a->chisq;
    t->df = a->df;
    t->p = a->p;
    t->p_chisq = a->p_chisq;
    t->npart = a->npart <= 2 ? a->npart : 0;
    memcpy(t->part, a->part, t->npart * sizeof *t->part);
    bm_anova_free(a);
    return BM_OK;
}

/* Share of the draws below eps, and its Monte Carlo error. */
static bm_status practically_zero(const bm_compare *c, bm_term_test *t, size_t variable, bm_error *err)
{
    const bm_draws *d = c->fit->draws;
    size_t          n = d->nchain * d->niter;
    const double   *x = d->x + variable * n;
    double         *below = bm_alloc(n, sizeof *below), count = 0, ess;

    if (!below) return bm_nomem(err);
    for (size_t i = 0; i < n; i++) count += below[i] = x[i] < t->eps;
    t->prob = count / (double)n;
    ess = bm_ess_mean(below, d->nchain, d->niter);
    if (!isfinite(ess)) ess = (double)n;             /* all draws on one side */
    double p = (count + 0.5) / ((double)n + 1);      /* an error of 0 would say too much */
    t->prob_se = sqrt(p * (1 - p) / ess);
    free(below);
    return BM_OK;
}

/* The evidence of the model itself: from the fit if that is sharp enough. */
static bm_status full_evidence(bm_compare *c, bm_error *err)
{
    bm_comparison *v = &c->view;

    if (v->no_evidence || v->evidence.se <= TARGET) return BM_OK;
    return bm_estimate_evidence(&v->evidence, &v->no_evidence, c->model->post, &c->fit_opt, TARGET, err);
}

static bm_status bayes_factor(bm_compare *c, bm_term_test *t, const bm_reduced *r, bm_error *err)
{
    bm_status st;

    t->log_bf = t->log_bf_se = NAN;
    t->with = c->view.evidence;
    t->without = (bm_evidence){ NAN, NAN, NAN, NAN, false };
    if ((t->no_bf = c->view.no_evidence)) return BM_OK;
    if ((st = bm_estimate_evidence(&t->without, &t->no_bf, r->post, &c->fit_opt, TARGET, err)) != BM_OK || t->no_bf) return st;
    t->log_bf = t->with.log - t->without.log;
    t->log_bf_se = hypot(t->with.se, t->without.se);
    return BM_OK;
}

static bm_status warn_about(bm_compare *c, const bm_term_test *t, bm_error *err)
{
    if (!isfinite(t->log_bf)) return BM_OK;
    bool with = bm_weights_degenerate(t->with.k, t->with.top), without = bm_weights_degenerate(t->without.k, t->without.top);
    if (with || without)
        return bm_strv_addf(&c->warnings, err, "the Bayes factor of %s rests on proposals that miss a tail of the posterior (Pareto k %.2f > 0.7): its Monte Carlo error "
                                               "may be larger than stated", t->name, with ? t->with.k : t->without.k);
    if (t->log_bf_se > 0.05)
        return bm_strv_addf(&c->warnings, err, "the log Bayes factor of %s has a Monte Carlo error of %.2g, above 0.05, after as many proposals as are made at most", t->name,
                            t->log_bf_se);
    return BM_OK;
}

static bm_status test_term(bm_compare *c, bm_term_test *t, size_t factor, size_t effect, size_t index, bm_error *err)
{
    const bm_group *g = &c->model->design->fac[factor];
    bm_reduced      r;
    bm_buf          name = { 0 };
    bm_status       st;

    *t = (bm_term_test){ .factor = factor, .term = effect, .reml = c->reml->group[factor].sd[effect] };
    bm_sd_name(&name, g, effect);
    t->name = name.s;
    if (name.failed) return bm_nomem(err);
    t->eps = c->opt.eps > 0 ? c->opt.eps : 0.05 * residual_sd(c) / (g->zsd[effect] > 0 ? g->zsd[effect] : 1);
    if ((st = bm_reduced_new(&r, c->model, factor, effect, err)) != BM_OK) return st;
    if ((st = likelihood_ratio(c, t, &r, err)) != BM_OK) goto done;
    if ((st = practically_zero(c, t, 1 + c->model->stats->p + index, err)) != BM_OK) goto done;
    if ((st = bayes_factor(c, t, &r, err)) != BM_OK) goto done;
    st = warn_about(c, t, err);
done:
    bm_reduced_free(&r);
    return st;
}

bm_status bm_compare_tests(bm_compare *c, bm_error *err)
{
    const bm_design *d = c->model->design;
    size_t           n = 0;
    bm_status        st;

    for (size_t k = 0; k < d->nfac; k++) n += d->fac[k].q;
    if ((st = set_eps_rule(c, err)) != BM_OK) return st;
    if (!(c->view.test = bm_alloc(n, sizeof *c->view.test))) return bm_nomem(err);
    c->view.tests = true;
    if (n && (st = full_evidence(c, err)) != BM_OK) return st;
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t i = 0; i < d->fac[k].q; i++) {
            size_t at = c->view.ntest++;

            if ((st = test_term(c, &c->view.test[at], k, i, at, err)) != BM_OK) return st;
        }
    return BM_OK;
}
