/* diagnose.c: can these draws be trusted? The checks of the draws, and where the fit is ours, of the sampler and of the priors. */
#include "api/api.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double RATE_WATCH = 0.1, RATE_BAD = 0.01;
static const double TAIL_WATCH = 0.01, TAIL_BAD = 1e-4;

struct bm_diagnosis { bm_saved saved; bm_checks checks; };

/* ---- the sampler ---- */

static void check_acceptance(bm_checks *c, const bm_run_info *run)
{
    bm_check *k = bm_checks_add(c, "acceptance", "Acceptance of proposals");
    double    lo = INFINITY, hi = 0;
    size_t    worst = 0;

    for (size_t i = 0; i < run->nchain; i++) {
        if (isnan(run->acceptance[i])) continue;
        if (run->acceptance[i] < lo) {
            lo = run->acceptance[i];
            worst = i;
        }
        hi = fmax(hi, run->acceptance[i]);
    }
    if (!(lo <= hi)) {
        k->level = BM_CHECK_SKIPPED;
        bm_buf_puts(&k->verdict, "No acceptance rates are recorded with these draws.");
        return;
    }
    k->value = lo;
    bm_buf_printf(&k->verdict, "Between %.0f and %.0f %% of the proposals were accepted after warm-up.", 100 * lo, 100 * hi);
    if (lo >= RATE_WATCH) return;
    k->level = lo < RATE_BAD ? BM_CHECK_BAD : BM_CHECK_WATCH;
    bm_buf_printf(&k->verdict, " Chain %zu hardly moved.", worst + 1);
    bm_buf_puts(&k->advice, "The proposal fits the posterior badly: raise --warmup, so that it is learned better.");
}

static void check_pareto(bm_checks *c, const bm_run_info *run)
{
    bm_check *k = bm_checks_add(c, "pareto_k", "Coverage by the proposal (Pareto k)");

    k->value = run->pareto_k;
    if (isnan(run->pareto_k)) {
        k->level = BM_CHECK_SKIPPED;
        bm_buf_puts(&k->verdict, "Only fits of bmixed with an independence proposal record it.");
        return;
    }
    bm_buf_printf(&k->verdict, "Pareto k of posterior over proposal is %.2f; the limit is %.1f.", run->pareto_k, BM_HEAVY_TAIL);
    if (!(run->pareto_k > BM_HEAVY_TAIL)) return;
    if (!bm_weights_degenerate(run->pareto_k, run->top_ratio)) {
        bm_buf_printf(&k->verdict, " It does not matter here: no ratio is more than %.2g times their mean.", run->top_ratio);
        return;
    }
    k->level = BM_CHECK_BAD;
    bm_buf_puts(&k->verdict, " A tail of the posterior is hardly ever proposed, and so may be missing.");
    bm_buf_puts(&k->advice, "Estimates may be off though R-hat is good: raise --warmup, or use a less heavy-tailed prior on the sds.");
}

static void check_complete(bm_checks *c, const bm_saved *s)
{
    bm_check *k = bm_checks_add(c, "complete", "Completeness of the run");

    if (!s->json) {
        k->level = BM_CHECK_SKIPPED;
        bm_buf_puts(&k->verdict, "These draws come without a record of their run.");
        return;
    }
    if (!s->run.interrupted) {
        bm_buf_printf(&k->verdict, "%zu chain%s of %zu kept draws each.", s->draws->nchain, s->draws->nchain == 1 ? "" : "s", s->draws->niter);
        return;
    }
    k->level = BM_CHECK_WATCH;
    bm_buf_printf(&k->verdict, "It was interrupted after %zu draws per chain.", s->draws->niter);
    bm_buf_puts(&k->advice, "What is there is valid, only less of it; run again to have all.");
}

/* ---- the priors ---- */

/* How surprising the estimate that uses no prior is under the normal prior of coefficient i: estimate ~ N(m, s^2 + se^2). A posterior can
 * yield to a prior altogether (the sds make up for it), and then does not show the conflict (Evans & Moshonov 2006, Bayesian Analysis 1:893). */
static double estimate_tail(const bm_margin *prior, const bm_reml *reml, size_t i)
{
    if (!reml || i >= reml->p || prior->kind != BM_MARGIN_LOCATION || prior->dist.kind != BM_DIST_NORMAL || !(reml->se[i] > 0)) return NAN;
    return erfc(fabs(reml->b[i] - prior->dist.a[0]) / hypot(prior->dist.a[1], reml->se[i]) * M_SQRT1_2);
}

static void say_conflict(bm_check *k, const bm_summary_row *r, double tail, double estimate, const bm_reml *reml, size_t i)
{
    if (k->verdict.n) bm_buf_putc(&k->verdict, ' ');
    if (estimate < tail)
        bm_buf_printf(&k->verdict, "%s is %.4g by REML, which uses no prior; its prior gives estimates that far out a probability of %.1g.", r->name,
                      reml->b[i], estimate);
    else
        bm_buf_printf(&k->verdict, "%s is estimated at %.4g; its prior gives values that far out a probability of %.1g.", r->name, r->median, tail);
}

static bm_status prior_conflicts(bm_check *k, const bm_saved *s, const bm_model *m, bm_error *err)
{
    const bm_reml_options opt = BM_REML_OPTIONS_INIT;
    bm_reml   *reml = NULL;
    bm_margin *margin = NULL;
    size_t     n = 0, judged = 0, found = 0;
    double     least = INFINITY;
    bm_status  st = bm_margins_new(&margin, &n, m->priors, m->design, err);

    if (st == BM_OK && bm_reml_run(&reml, m, &opt, NULL) != BM_OK) reml = NULL;      /* then the posterior has to do */
    for (size_t i = 0; st == BM_OK && i < n && i + 1 < s->draws->nvar; i++) {
        const bm_summary_row *r = &s->summary[i + 1];
        double                posterior = bm_margin_tail(&margin[i], r->median), estimate = estimate_tail(&margin[i], reml, i);
        double                tail = fmin(posterior, estimate);

        if (isnan(tail) || !(r->sd > 0)) continue;
        judged++;
        if (tail < least) {
            least = tail;
            free(k->parameter);
            if (!(k->parameter = bm_strdup(r->name))) st = bm_nomem(err);
        }
        if (tail < TAIL_BAD) k->level = BM_CHECK_BAD;
        else if (tail < TAIL_WATCH && k->level == BM_CHECK_GOOD) k->level = BM_CHECK_WATCH;
        if (tail < TAIL_WATCH && found++ < 5) say_conflict(k, r, posterior, estimate, reml, i);
    }
    if (found > 5) bm_buf_printf(&k->verdict, " And %zu more parameters.", found - 5);
    free(margin);
    bm_reml_free(reml);
    k->value = judged ? least : NAN;
    if (st == BM_OK && !judged) {
        k->level = BM_CHECK_SKIPPED;
        bm_buf_puts(&k->verdict, "No parameter has a prior that could be contradicted (all are flat or fixed).");
    } else if (st == BM_OK && !found) {
        bm_buf_printf(&k->verdict, "No estimate lies in the tail of its prior: for the farthest out, %s, the prior tail probability is %.2g.", k->parameter, least);
    }
    return st;
}

static bm_status check_priors(bm_checks *c, const bm_saved *s, const bm_model *m, const char *why, bm_error *err)
{
    bm_check *k = bm_checks_add(c, "prior", "Priors against data");
    bm_status st = BM_OK;

    if (m) {
        st = prior_conflicts(k, s, m, err);
        if (k->level == BM_CHECK_WATCH || k->level == BM_CHECK_BAD)
            bm_buf_puts(&k->advice, "The data contradict what the prior says, and the answer is a compromise of the two: check units and coding of the data, "
                                    "then widen the prior, or say why it should hold against the data.");
    } else {
        k->level = BM_CHECK_SKIPPED;
        bm_buf_printf(&k->verdict, "The priors are not known here: %s.", why);
    }
    return st;
}

bm_status bm_saved_checks(const bm_saved *s, const bm_model *m, const char *why, bm_checks *out, bm_error *err)
{
    bm_status st = bm_checks_draws(out, s->draws, s->summary, err);

    if (st != BM_OK) return st;
    check_acceptance(out, &s->run);
    check_pareto(out, &s->run);
    check_complete(out, s);
    if ((st = check_priors(out, s, m, why, err)) != BM_OK) return st;
    return bm_checks_complete(out) ? BM_OK : bm_nomem(err);
}

/* ---- the public functions ---- */

bm_status bm_diagnose(bm_diagnosis **out, const char *const *paths, size_t npaths, bm_error *err)
{
    bm_diagnosis *d = bm_alloc(1, sizeof *d);
    bm_model     *m = NULL;
    bm_error      why = { 0 };
    bm_status     st;

    *out = NULL;
    if (!d) return bm_nomem(err);
    if ((st = bm_saved_read(&d->saved, paths, npaths, err)) != BM_OK) goto done;
    if (bm_saved_model(&d->saved, BM_HOLD_ROWS, &m, &why) == BM_ENOMEM) {          /* else: without a model the draws can still be judged */
        st = bm_nomem(err);
        goto done;
    }
    if ((st = bm_saved_checks(&d->saved, m, why.msg, &d->checks, err)) != BM_OK) goto done;
    *out = d;
    d = NULL;
done:
    bm_model_free(m);
    bm_diagnosis_free(d);
    return st;
}

bool bm_diagnosis_trusted(const bm_diagnosis *d)
{
    return bm_checks_worst(&d->checks) != BM_CHECK_BAD;
}

bm_status bm_diagnosis_print(const bm_diagnosis *d, FILE *out, const bm_print_options *opt, bm_error *err)
{
    const bm_print_options defaults = BM_PRINT_OPTIONS_INIT;

    return bm_report_checks(&d->checks, d->saved.draws, out, opt ? opt : &defaults, err);
}

void bm_diagnosis_free(bm_diagnosis *d)
{
    if (!d) return;
    bm_checks_free(&d->checks);
    bm_saved_clear(&d->saved);
    free(d);
}
