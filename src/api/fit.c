/* fit.c: runs the sampler, stores what it delivers, and goes on until enough has come. */
#include "api/api.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RANEF_AUTO = 1000 };                          /* group effects whose draws are kept unless asked otherwise */
static const size_t QUANTILE_BYTES = 256u << 20;     /* memory for the draws behind the quantiles of effects that are not kept */

/* ---- storage: the sampler's sink ---- */

typedef struct {
    bm_draws *d;
    size_t    p, nnat, nu;
    bool      keep_u;
    double   *u;            /* nchain x slots x nu: every `every`-th draw of the effects, where they are not kept; a draw in one piece */
    size_t    every, slots;
} store;

static void store_draw(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    store  *s = self;
    size_t  stride = s->d->nchain * s->d->niter, v = 0;
    double *x = s->d->x + chain * s->d->niter + iter;

    x[stride * v++] = lp;
    for (size_t k = 0; k < s->p; k++) x[stride * v++] = b[k];
    for (size_t k = 0; k < s->nnat; k++) x[stride * v++] = natural[k];
    if (!u) return;
    if (s->keep_u) {
        for (size_t k = 0; k < s->nu; k++) x[stride * v++] = u[k];
        return;
    }
    size_t slot = iter / s->every;
    if (slot < s->slots) memcpy(s->u + (chain * s->slots + slot) * s->nu, u, s->nu * sizeof *u);
}

static bm_status names_of(const bm_model *m, bool ranef, bm_strv *names, bm_error *err)
{
    bm_buf    b = { 0 };
    bm_status st = BM_OK;

    for (size_t i = 0; i < m->monitored.n && st == BM_OK; i++) st = bm_strv_add(names, m->monitored.v[i], err);
    for (size_t k = 0; ranef && k < m->design->nfac; k++) {
        const bm_group *g = &m->design->fac[k];

        for (size_t j = 0; j < g->J; j++)
            for (size_t i = 0; i < g->q && st == BM_OK; i++) {
                b.n = 0;
                bm_ranef_name(&b, g, j, i);
                st = b.failed ? bm_nomem(err) : bm_strv_add(names, b.s, err);
            }
    }
    bm_buf_free(&b);
    return st;
}

/* Refuses draws that the machine cannot hold, rather than be killed for them hours later. */
static bm_status check_memory(const bm_fit *f, size_t nvar, size_t niter, bm_error *err)
{
    const double values = (double)f->opt.chains * (double)niter, d = (double)f->model->post->th.d;
    double       warmup = (double)f->opt.chains * f->opt.warmup * (d + 1) * sizeof(double);
    double       need = 1.05 * ((double)nvar + 8) * values * sizeof(double) + warmup, have = bm_memory_free();   /* 8: summaries sort copies */

    if (need < have) return BM_OK;
    return bm_fail(err, BM_ENOMEM, "%d chains with %zu draws of %zu variables%s need %.3g GB of memory, of which %.3g GB are free: fewer --draws or --chains, "
                                   "a larger --thin%s", f->opt.chains, niter, nvar, warmup > need / 2 ? ", and their warm-up," : "", need * 1e-9, have * 1e-9,
                   nvar > f->nmonitored ? ", or --ranef-draws none" : "");
}

static bm_status store_new(store *s, const bm_fit *f, size_t niter, bm_error *err)
{
    const bm_post *post = f->model->post;
    bm_strv        names = { 0 };
    bm_status      st;

    *s = (store){ .p = post->st->p, .nnat = post->th.nsd + post->th.ncor + post->th.has_sigma, .nu = post->nu, .every = 1 };
    s->keep_u = f->opt.ranef_draws == BM_RANEF_ALL || (f->opt.ranef_draws == BM_RANEF_AUTO && post->nu <= RANEF_AUTO);
    if ((st = names_of(f->model, s->keep_u, &names, err)) == BM_OK) st = check_memory(f, names.n, niter, err);
    if (st == BM_OK)
        st = bm_draws_new(&s->d, (const char *const *)names.v, names.n, (size_t)f->opt.chains, niter, err);
    bm_strv_free(&names);
    if (st != BM_OK || s->keep_u || !s->nu) return st;
    size_t all = s->nu * (size_t)f->opt.chains * sizeof *s->u, most = QUANTILE_BYTES / all;
    s->every = most >= niter ? 1 : (niter + (most ? most : 1) - 1) / (most ? most : 1);
    s->slots = (niter + s->every - 1) / s->every;
    s->u = bm_alloc(s->nu * (size_t)f->opt.chains * s->slots, sizeof *s->u);
    return s->u ? BM_OK : bm_fail(err, BM_ENOMEM, "out of memory for the draws of %zu group effects", s->nu);
}

static void store_free(store *s)
{
    bm_draws_free(s->d);
    free(s->u);
    *s = (store){ 0 };
}

/* The first niter iterations of `from` (at most what both hold) into `to`. */
static void copy_draws(bm_draws *to, const bm_draws *from, size_t niter)
{
    for (size_t r = 0; r < to->nvar * to->nchain; r++) memcpy(to->x + r * to->niter, from->x + r * from->niter, niter * sizeof *to->x);
}

/* Room for niter iterations per chain, the first `done` of them kept. */
static bm_status store_resize(store *s, const bm_fit *f, size_t niter, size_t done, bm_error *err)
{
    store     t;
    bm_status st = store_new(&t, f, niter, err);

    if (st != BM_OK) {
        store_free(&t);
        return st;
    }
    copy_draws(t.d, s->d, done);
    for (size_t c = 0; t.u && c < t.d->nchain; c++)
        for (size_t i = 0; i < t.slots && i * t.every < done; i++)
            if (i * t.every % s->every == 0)
                memcpy(t.u + (c * t.slots + i) * t.nu, s->u + (c * s->slots + i * t.every / s->every) * t.nu, t.nu * sizeof *t.u);
    store_free(s);
    *s = t;
    return BM_OK;
}

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

static bm_status run_to_target(bm_fit *f, bm_mcmc *mc, store *s, bm_error *err)
{
    const size_t most = 200 * (size_t)f->opt.draws;
    bm_sink      sink = { .self = s, .draw = store_draw };
    size_t       done = 0, want = (size_t)f->opt.draws;
    bm_status    st;

    for (;;) {
        sink.u_every = s->nu ? s->every : 0;
        st = bm_mcmc_run(mc, want, &sink, &done, err);
        if (st == BM_INTERRUPTED) {
            bm_status st2 = store_resize(s, f, done, done, err);
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
        if ((st = store_resize(s, f, want, done, err)) != BM_OK) return st;
    }
}

/* ---- the run ---- */

static bm_status check_options(const bm_fit_options *o, bm_error *err)
{
    if (o->chains < 1 || o->warmup < 0 || o->draws < 1 || o->thin < 1)
        return bm_fail(err, BM_EINVAL, "chains, draws and thin must be at least 1 and warmup at least 0 (got %d, %d, %d and %d)", o->chains, o->draws, o->thin, o->warmup);
    return BM_OK;
}

static void run_information(bm_fit *f, const bm_mcmc_info *info)
{
    bm_run_info *r = &f->run;

    r->sampler = info->collapsed ? "collapsed" : "gibbs";
    snprintf(r->why, sizeof r->why, "%s", info->why);
    snprintf(r->kernel, sizeof r->kernel, "%s", info->kernel);
    r->nchain = (size_t)f->opt.chains;
    memcpy(r->acceptance, info->acceptance, r->nchain * sizeof *r->acceptance);
    r->pareto_k = info->nratio ? bm_pareto_k(info->log_ratio, info->nratio) : NAN;
    r->top_ratio = info->top_ratio;
    r->warmup_evaluations = info->warmup_evaluations;
    r->evaluations = info->evaluations + info->warmup_evaluations;
}

/* Proportional to nothing where a prior is improper: no number then. */
static void evidence(bm_fit *f, const bm_mcmc_info *info)
{
    bm_run_info *r = &f->run;

    r->log_evidence = r->log_evidence_se = NAN;
    if (!bm_priors_all_proper(f->model->priors)) {
        r->no_evidence = "a prior is improper (flat), so that p(y) has no scale";
    } else if (!isfinite(info->log_evidence)) {
        r->no_evidence = f->model->post->cp->any_t ? "a Student-t prior on coefficients is a mixture that the proposals do not integrate over"
                                                   : "the kernel makes no independent proposals to average over";
    } else {
        r->log_evidence = info->log_evidence;
        r->log_evidence_se = info->log_evidence_se;
        r->no_evidence = NULL;
    }
}

static bm_status sample(bm_fit *f, bm_error *err)
{
    double       t0 = bm_clock(), t1;
    bm_mcmc     *mc = NULL;
    store        s = { 0 };
    bm_mcmc_info info;
    bm_status    st, ran;

    if ((st = store_new(&s, f, (size_t)f->opt.draws, err)) != BM_OK) goto done;      /* before the warm-up: too much is known at once */
    if ((st = bm_mcmc_new(&mc, f->model->post, &f->opt, err)) != BM_OK) goto done;
    st = bm_mcmc_warmup(mc, err);
    if (st != BM_OK) goto done;
    t1 = bm_clock();
    f->run.warmup_seconds = t1 - t0;
    ran = st = run_to_target(f, mc, &s, err);
    if (st < 0) goto done;
    f->run.sampling_seconds = bm_clock() - t1;
    f->run.interrupted = ran == BM_INTERRUPTED;
    if (s.d->niter < 2) goto done;                   /* interrupted before there was anything */
    if ((st = bm_mcmc_report(mc, &info, err)) != BM_OK) goto done;
    run_information(f, &info);
    evidence(f, &info);
    f->draws = s.d;
    s.d = NULL;
    if ((st = bm_fit_results(f, &info, s.u, s.slots * (size_t)f->opt.chains, err)) == BM_OK) st = ran;
done:
    store_free(&s);
    bm_mcmc_free(mc);
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
    f->run.total_seconds = m->read_seconds + bm_clock() - start;
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
