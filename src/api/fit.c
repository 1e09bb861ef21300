/* fit.c: runs the sampler and goes on until enough draws have come. */
#include "api/fit_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- going on until every monitored parameter has its effective draws ---- */

static double smallest_ess(const bm_fit *f, const bm_draws *d)
{
    double least = INFINITY;

    for (size_t v = 1; v < f->nmonitored; v++) {     /* lp__ aside */
        double e = bm_ess_bulk(d->x + v * d->nchain * d->niter, d->nchain, d->niter);

        if (e < least) least = e;
    }
    return isfinite(least) ? least : 0;
}

static bm_status run_to_target(bm_run *r, bm_error *err)
{
    bm_fit      *f = r->f;
    bm_store    *s = &r->s;
    const size_t most = 200 * (size_t)f->opt.draws;
    size_t       done = 0, want = s->d->niter;
    bm_status    st;

    for (;;) {
        bm_sink sink = bm_store_sink(s);

        st = bm_mcmc_run(r->mc, want, &sink, &done, err);
        if (st == BM_INTERRUPTED) {
            bm_status st2 = bm_store_resize(s, f, done, done, err);
            return st2 == BM_OK ? st : st2;
        }
        if (st != BM_OK || !(f->opt.target_ess > 0)) return st;
        double ess = smallest_ess(f, s->d);
        if (ess >= f->opt.target_ess) return BM_OK;
        if (done >= most)
            return bm_strv_addf(&f->warnings, err, "the smallest bulk ESS is %.0f, below the target of %.0f, after %zu draws per chain; stopped there", ess, f->opt.target_ess, done);
        double factor = ess > 0 ? 1.1 * f->opt.target_ess / ess : 4;
        want = (size_t)((double)done * fmin(fmax(factor, 1.2), 4)) + 1;
        if (want > most) want = most;
        if ((st = bm_store_resize(s, f, want, done, err)) != BM_OK) return st;
    }
}

/* ---- the run ---- */

static bm_status check_options(const bm_fit_options *o, bm_error *err)
{
    if (o->chains < 1 || o->warmup < 0 || o->draws < 1 || o->thin < 1)
        return bm_fail(err, BM_EINVAL, "chains, draws and thin must be at least 1 and warmup at least 0 (got %d, %d, %d and %d)", o->chains, o->draws, o->thin, o->warmup);
    return BM_OK;
}

static bm_status run_information(bm_fit *f, const bm_mcmc_info *info, bm_error *err)
{
    bm_run_info *r = &f->run;

    r->sampler = info->collapsed ? "collapsed" : "gibbs";
    snprintf(r->why, sizeof r->why, "%s", info->why);
    snprintf(r->kernel, sizeof r->kernel, "%s", info->kernel);
    r->nchain = (size_t)f->opt.chains;
    r->warmup = info->warmup;
    memcpy(r->acceptance, info->acceptance, r->nchain * sizeof *r->acceptance);
    r->pareto_k = NAN;
    r->top_ratio = info->top_ratio;
    r->warmup_evaluations = info->warmup_evaluations;
    r->evaluations = info->evaluations + info->warmup_evaluations;
    return info->nratio && !info->jumps ? bm_pareto_k(&r->pareto_k, info->log_ratio, info->nratio, err) : BM_OK;
}

/* Proportional to nothing where a prior is improper: no number then. */
static bm_status evidence(bm_fit *f, const bm_mcmc_info *info, bm_error *err)
{
    bm_run_info *r = &f->run;
    double       k = NAN;

    r->log_evidence = r->log_evidence_se = NAN;
    if (info->jumps && info->nratio && bm_pareto_k(&k, info->log_ratio, info->nratio, err) != BM_OK) return BM_ENOMEM;
    if (!bm_priors_all_proper(f->model->priors)) {
        r->no_evidence = "a prior is improper (flat), so that p(y) has no scale";
    } else if (!isfinite(info->log_evidence)) {
        r->no_evidence = f->model->post->cp->any_t ? "a Student-t prior on coefficients is a mixture that the proposals do not integrate over"
                                                   : "the kernel makes no independent proposals to average over";
    } else if (bm_weights_degenerate(k, info->top_ratio)) {
        r->no_evidence = "the proposals beside the Hamiltonian moves miss a tail of the posterior (Pareto k)";
    } else {
        r->log_evidence = info->log_evidence;
        r->log_evidence_se = info->log_evidence_se;
        r->no_evidence = NULL;
    }
    return BM_OK;
}

/* A sampler and room for its draws, as they are at the start or as a checkpoint has them. */
static bm_status begin(bm_run *r, bm_error *err)
{
    bm_fit        *f = r->f;
    bm_checkpoint *c = f->opt.checkpoint;
    bm_fit_options opt = f->opt;
    bm_status      st;

    if (c && bm_checkpoint_resumes(c) && (st = bm_checkpoint_match(c, f, err)) != BM_OK) return st;
    if ((st = bm_store_new(&r->s, f, (size_t)f->opt.draws, err)) != BM_OK) return st;       /* before the warm-up: too much is known at once */
    r->watch = (bm_watch){ .f = f, .s = &r->s, .rhat = NAN, .ess = NAN };
    if (opt.progress) {
        opt.progress = bm_watch_progress;
        opt.progress_self = &r->watch;
    }
    if ((st = bm_mcmc_new(&r->mc, f->model->post, &opt, err)) != BM_OK) return st;
    r->t0 = bm_clock();
    if (!c) return BM_OK;
    if (bm_checkpoint_resumes(c) && (st = bm_checkpoint_read(c, r, err)) != BM_OK) return st;
    f->run.total_seconds = bm_clock() - r->t0;      /* of earlier sessions */
    bm_mcmc_pause(r->mc, &(bm_pause){ .every = bm_checkpoint_seconds(c), .self = r, .save = bm_run_save });
    return BM_OK;
}

static bm_status sample(bm_fit *f, bm_error *err)
{
    bm_run       r = { .f = f };
    bm_mcmc_info info;
    bm_status    st, ran;

    if ((st = begin(&r, err)) != BM_OK) goto done;
    if ((st = bm_mcmc_warmup(r.mc, err)) != BM_OK) goto done;
    if (!(r.t1 > 0)) r.t1 = bm_clock();
    f->run.warmup_seconds = r.t1 - r.t0;
    ran = st = run_to_target(&r, err);
    if (st < 0) goto done;
    f->run.sampling_seconds = bm_clock() - r.t1;
    f->run.interrupted = ran == BM_INTERRUPTED;
    if (f->run.interrupted && r.s.d->niter < 2) goto done;   /* before there was anything */
    if ((st = bm_mcmc_report(r.mc, &info, err)) != BM_OK) goto done;
    if ((st = run_information(f, &info, err)) != BM_OK) goto done;
    if ((st = evidence(f, &info, err)) != BM_OK) goto done;
    f->draws = r.s.d;
    r.s.d = NULL;
    if ((st = bm_fit_results(f, &info, r.s.nu && !r.s.keep_u ? &r.s.cond : NULL, err)) == BM_OK) st = ran;
done:
    bm_store_free(&r.s);
    bm_mcmc_free(r.mc);
    return st;
}

bm_status bm_fit_run(bm_fit **out, const bm_model *m, const bm_fit_options *opt, bm_error *err)
{
    double    start = bm_clock();
    bm_status st;
    bm_fit   *f = bm_alloc(1, sizeof *f);

    *out = NULL;
    if (!f) return bm_nomem(err);
    f->model = m;
    f->opt = opt ? *opt : m->spec->fit;
    f->nmonitored = m->monitored.n;
    if ((st = bm_model_refusal(m, err)) != BM_OK) goto done;
    if ((st = check_options(&f->opt, err)) != BM_OK) goto done;
    if (!(f->run.acceptance = bm_alloc((size_t)f->opt.chains, sizeof *f->run.acceptance))) {
        st = bm_nomem(err);
        goto done;
    }
    f->run.read_seconds = m->read_seconds;
    for (size_t i = 0; i < m->design->notes.n; i++)
        if ((st = bm_strv_add(&f->notes, m->design->notes.v[i], err)) != BM_OK) goto done;
    st = sample(f, err);
    f->run.total_seconds += m->read_seconds + bm_clock() - start;
    if (st < 0 || !f->draws) goto done;
    *out = f;
    f = NULL;
done:
    bm_fit_free(f);
    return st;
}

void bm_fit_free(bm_fit *f)
{
    if (!f) return;
    bm_draws_free(f->draws);
    free(f->summary);
    free(f->ranef);
    for (size_t i = 0; i < f->nderived; i++) {
        free(f->derived[i].name);
        free(f->derived[i].meaning);
    }
    free(f->derived);
    free(f->run.acceptance);
    bm_strv_free(&f->notes);
    bm_strv_free(&f->warnings);
    free(f);
}

const bm_draws *bm_fit_draws(const bm_fit *f)
{
    return f->draws;
}
