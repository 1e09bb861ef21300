/* sbc.c: simulation-based calibration of a model on its own design.
 *
 * Talts, Betancourt, Simpson, Vehtari & Gelman 2018, arXiv:1804.06788: parameters from the prior, a response from the parameters, draws from the posterior
 * of that response: the rank of the truth among L independent draws is uniform on 0 .. L, whatever the quantity. Chains are thinned as in their algorithm
 * 2: a chain goes on until every quantity has about L effective draws, and L evenly spaced ones are kept. Data sets that cannot be fitted are
 * left out and counted. Whether one can is decided by the data alone, so that the ranks of the others stay uniform (Modrak et al. 2023, Bayesian Analysis,
 * doi 10.1214/23-BA1404, on rejections).
 *
 * A coefficient under a flat prior has the true value 0: its posterior follows any shift of the response along its column, and that of everything else
 * stays as it is, so that the ranks are uniform whatever the value is. */
#include "api/sbc_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { L = 99, WARMUP = 2000, FIRST = 8, MOST = 64, MAX_REPS = 100000 };   /* ranked among; warm-up steps; iterations per kept draw at first, at most */
static const double ENOUGH = 0.7, TOO_FEW = 0.35;    /* effective draws per L: go on below the first; slow if below the second at the end */

typedef enum { NOT_RUN, COUNTED, REFUSED, FAILED } outcome;

typedef struct {
    const bm_model       *m;
    const bm_sbc_options *opt;
    const bm_basis       *basis;
    bm_move               move;
    bm_sampler            sampler;       /* the same for all: not AUTO */
    bm_quantities         q;
    outcome              *outcome;       /* reps */
    double               *thin, *truth;  /* reps; reps x q.n */
    int                  *rank;
    bool                 *slow;
    bm_error             *why;           /* per worker: a failure of ours, not of the data */
    char                (*message)[256]; /* reps: why the sampler could not */
    char                  kernel[256];
    uint64_t              done;
} job;

static bool stopped(const job *j)
{
    return j->opt->stop && *j->opt->stop;
}

/* ---- one data set: draws ---- */

/* The quantities of every iteration: x[quantity * room + iteration]. */
typedef struct { const bm_quantities *q; const double *y; size_t p, nnat, n, room; double *x, *now, *value; } track;

static void record(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    track *t = self;

    (void)chain;
    (void)lp;
    memcpy(t->value, b, t->p * sizeof *b);
    memcpy(t->value + t->p, natural, t->nnat * sizeof *natural);
    bm_quantities_at(t->q, t->y, t->value, u, t->now);
    for (size_t k = 0; k < t->q->n; k++) t->x[k * t->room + iter] = t->now[k];
    t->n = iter + 1;
}

static double least_ess(const track *t)
{
    double least = INFINITY;

    for (size_t k = 0; k < t->q->n; k++) {
        double e = bm_ess_bulk(t->x + k * t->room, 1, t->n);

        if (e < least) least = e;                    /* NaN: constant */
    }
    return isfinite(least) ? least : (double)t->n;
}

/* Goes on until there are about L effective draws. */
static bm_status draw_enough(bm_mcmc *mc, track *t, double *ess, bm_error *err)
{
    bm_sink   sink = { .self = t, .u_every = 1, .draw = record };
    size_t    done = 0, want = FIRST * L;
    bm_status st;

    for (;;) {
        if ((st = bm_mcmc_run(mc, want - done, &sink, &done, err)) != BM_OK) return st;
        *ess = least_ess(t);
        if (*ess >= ENOUGH * L || want == MOST * L) return BM_OK;
        double factor = fmin(fmax(L / fmax(*ess, 1), 1.5), 4);
        want = (size_t)ceil(factor * (double)want / L) * L;
        if (want > MOST * L) want = MOST * L;
    }
}

/* The rank of the truth among L evenly spaced draws; equal values (a correlation that rounds to 1) share the ranks out at random. */
static int rank_of(const double *x, size_t n, double truth, bm_rng *rng)
{
    int below = 0, equal = 0;

    for (size_t i = 0; i < L; i++) {
        double v = x[(i + 1) * n / L - 1];

        below += v < truth;
        equal += v == truth;
    }
    return below + (equal ? (int)(bm_rng_uniform(rng) * (equal + 1)) : 0);
}

/* ---- one data set ---- */

typedef struct { double *y, *u, *value; bm_rng rng; bm_model *c; bm_mcmc *mc; track t; } replica;

static void replica_free(replica *r)
{
    bm_mcmc_free(r->mc);
    bm_model_free(r->c);
    free(r->y);
    free(r->t.x);
    *r = (replica){ 0 };
}

static bm_status replica_new(replica *r, const job *j, size_t i, bm_error *err)
{
    const bm_model *m = j->m;
    size_t          n = m->design->n, np = m->monitored.n;

    *r = (replica){ 0 };
    bm_rng_key(&r->rng, j->opt->seed, 3, i + 1);
    r->t = (track){ .q = &j->q, .p = m->design->p, .nnat = np - 1 - m->design->p, .room = MOST * L };
    r->y = bm_alloc(n + m->post->nu + 2 * np + j->q.n, sizeof *r->y);
    r->t.x = bm_alloc(r->t.room * j->q.n, sizeof *r->t.x);
    if (!r->y || !r->t.x) return bm_nomem(err);
    r->u = r->y + n;
    r->value = r->u + m->post->nu;
    r->t.value = r->value + np;
    r->t.now = r->t.value + np;
    r->t.y = r->y;
    return BM_OK;
}

static bm_status simulate(replica *r, const job *j, size_t i, bm_error *err)
{
    bm_status st = bm_draw_prior(j->m, &r->rng, r->value, err);

    if (st == BM_OK) st = bm_simulate_response(j->m, r->value, &r->rng, r->y, r->u, err);
    if (st != BM_OK) return st;
    bm_quantities_at(&j->q, r->y, r->value, r->u, j->truth + i * j->q.n);
    return BM_OK;
}

static bm_status choose_sampler(job *j, bm_error *err)
{
    bm_choice choice;
    bm_status st = BM_OK;

    j->sampler = j->opt->sampler;
    if (j->sampler != BM_SAMPLER_AUTO || (st = bm_model_choose(j->m, &choice, err)) != BM_OK) return st;
    j->sampler = choice.collapsed ? BM_SAMPLER_COLLAPSED : BM_SAMPLER_GIBBS;
    return BM_OK;
}

static bm_status sample(replica *r, const job *j, size_t i, double *ess, bm_error *err)
{
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    uint64_t       key = j->opt->seed;
    bm_status      st;

    opt.chains = opt.threads = 1;
    opt.warmup = WARMUP;
    opt.sampler = j->sampler;
    opt.seed = bm_splitmix64(&key) ^ (i + 1);
    opt.stop = j->opt->stop;
    if ((st = bm_mcmc_new(&r->mc, r->c->post, &opt, err)) != BM_OK) return st;
    bm_mcmc_force(r->mc, j->move);
    if ((st = bm_mcmc_warmup(r->mc, err)) != BM_OK) return st;
    return draw_enough(r->mc, &r->t, ess, err);
}

static void rank_all(replica *r, job *j, size_t i, double ess)
{
    for (size_t k = 0; k < j->q.n; k++) j->rank[i * j->q.n + k] = rank_of(r->t.x + k * r->t.room, r->t.n, j->truth[i * j->q.n + k], &r->rng);
    j->thin[i] = (double)r->t.n / L;
    j->slow[i] = ess < TOO_FEW * L;
    j->outcome[i] = COUNTED;
}

static void note_kernel(replica *r, job *j)
{
    bm_mcmc_info info;
    bm_error     err = { 0 };

    if (bm_mcmc_report(r->mc, &info, &err) == BM_OK) snprintf(j->kernel, sizeof j->kernel, "%s", info.kernel);
}

static void replicate(void *self, size_t i, size_t worker)
{
    job      *j = self;
    replica   r;
    bm_error  err = { 0 };
    outcome   bad = REFUSED;
    double    ess = 0;
    bm_status st;

    if (stopped(j) || j->why[worker].code) return;
    if ((st = replica_new(&r, j, i, &err)) == BM_OK && (st = simulate(&r, j, i, &err)) == BM_OK && (st = bm_simulated_model(&r.c, j->m, j->basis, r.y, &err)) == BM_OK) {
        bad = FAILED;
        st = sample(&r, j, i, &ess, &err);
    }
    if (st == BM_OK) rank_all(&r, j, i, ess);
    if (st == BM_OK && i == 0) note_kernel(&r, j);
    if (st == BM_ENUMERIC) {
        j->outcome[i] = bad;
        snprintf(j->message[i], sizeof j->message[i], "%.255s", err.msg);
    } else if (st < 0) {
        j->why[worker] = err;
    }
    replica_free(&r);
    uint64_t done = __atomic_add_fetch(&j->done, 1, __ATOMIC_RELAXED);
    if (worker == 0 && j->opt->progress) {
        bm_progress p = { .phase = "data sets", .done = done, .total = (uint64_t)j->opt->reps, .rhat = NAN, .ess = NAN };
        j->opt->progress(j->opt->progress_self, &p);
    }
}

/* ---- verdicts ---- */

static const char *direction(const bm_sbc_row *r)
{
    if (fabs(r->bias) > fabs(r->spread) && fabs(r->bias) > 2)
        return r->bias > 0 ? "draws lie too low: the truth is above most of them" : "draws lie too high: the truth is below most of them";
    if (fabs(r->spread) > 2)
        return r->spread > 0 ? "draws too close together: the truth is outside of them too often" : "draws too far apart: the truth is amid them too often";
    return "the ranks are uneven";
}

/* Bonferroni over the quantities, as the bands have it. */
static void judge(bm_sbc_row *r, size_t nrow, double alpha)
{
    r->level = r->p < alpha / (double)nrow ? BM_NOT_CALIBRATED : r->p < 0.05 ? BM_CALIBRATION_WATCH : BM_CALIBRATED;
    if (r->level == BM_CALIBRATED) snprintf(r->verdict, sizeof r->verdict, "calibrated");
    else if (r->level == BM_NOT_CALIBRATED) snprintf(r->verdict, sizeof r->verdict, "NOT CALIBRATED: %s", direction(r));
    else snprintf(r->verdict, sizeof r->verdict, "outside its own band, within that of all");
}

void bm_sbc_counts(const bm_sbc *s, size_t row, size_t *count)
{
    memset(count, 0, s->K * sizeof *count);
    for (size_t i = 0; i < s->done; i++)
        if (s->rank[i * s->nrow + row] >= 0) count[(size_t)s->rank[i * s->nrow + row] * s->K / (L + 1)]++;
    for (size_t k = 1; k < s->K; k++) count[k] += count[k - 1];
}

static bm_status verdicts(bm_sbc *s, bm_error *err)
{
    bm_uniform *u = NULL;
    size_t     *count = bm_alloc(s->K, sizeof *count);
    bm_status   st = count ? bm_uniform_new(&u, s->counted, s->K, err) : bm_nomem(err);

    if (st != BM_OK) goto done;
    bm_uniform_bands(u, 0.95, s->lo95, s->hi95);
    bm_uniform_bands(u, 1 - s->alpha / (double)s->nrow, s->lo, s->hi);
    for (size_t k = 0; k < s->nrow; k++) {
        bm_sbc_row *r = &s->row[k];

        bm_sbc_counts(s, k, count);
        r->p = bm_uniform_pvalue(u, count);
        bm_rank_scores(s->rank + k, s->done, s->nrow, L, &r->bias, &r->spread);
        judge(r, s->nrow, s->alpha);
    }
done:
    bm_uniform_free(u);
    free(count);
    return st;
}

static void count_outcomes(bm_sbc *s, const job *j)
{
    size_t reps = (size_t)j->opt->reps;

    while (s->done < reps && j->outcome[s->done] != NOT_RUN) s->done++;   /* later ones of an interrupted run are not a fair sample: the quick ones are among them */
    for (size_t i = 0; i < s->done; i++) {
        s->counted += j->outcome[i] == COUNTED;
        s->slow += j->outcome[i] == COUNTED && j->slow[i];
        s->thin += j->outcome[i] == COUNTED ? j->thin[i] : 0;
        if (j->outcome[i] == REFUSED && s->refused++ == 0) snprintf(s->refusal, sizeof s->refusal, "%s", j->message[i]);
        if (j->outcome[i] == FAILED && s->failed++ == 0) snprintf(s->failure, sizeof s->failure, "%s", j->message[i]);
        for (size_t k = 0; j->outcome[i] != COUNTED && k < j->q.n; k++) j->rank[i * j->q.n + k] = -1;
    }
    if (s->counted) s->thin /= (double)s->counted;
}

static bm_status result(bm_sbc *s, job *j, bm_error *err)
{
    const bm_model *m = j->m;

    s->spec = m->spec;
    s->design = m->design;
    s->priors = m->priors;
    s->frame = m->frame;
    s->asked = (size_t)j->opt->reps;
    s->L = L;
    s->K = L + 1;
    s->alpha = j->opt->alpha;
    s->seed = j->opt->seed;
    s->nrow = j->q.n;
    snprintf(s->kernel, sizeof s->kernel, "%s", j->kernel);
    count_outcomes(s, j);
    s->interrupted = s->done < s->asked;
    s->row = bm_alloc(s->nrow, sizeof *s->row);
    s->lo = bm_alloc(4 * s->K, sizeof *s->lo);
    if (!s->row || !s->lo) return bm_nomem(err);
    s->hi = s->lo + s->K;
    s->lo95 = s->hi + s->K;
    s->hi95 = s->lo95 + s->K;
    for (size_t k = 0; k < s->nrow; k++) {
        s->row[k].name = bm_strdup(j->q.v[k].name);
        s->row[k].meaning = bm_strdup(j->q.v[k].meaning);
        if (!s->row[k].name || !s->row[k].meaning) return bm_nomem(err);
    }
    s->rank = j->rank;
    s->truth = j->truth;
    j->rank = NULL;
    j->truth = NULL;
    if (s->counted == 0)
        return s->done == 0 ? BM_OK : bm_fail(err, BM_ENUMERIC, "none of %zu simulated data sets could be fitted: %s", s->done, s->failed ? s->failure : s->refusal);
    return verdicts(s, err);
}

/* ---- the run ---- */

static bm_status check_options(const bm_model *m, const bm_sbc_options *o, bm_error *err)
{
    if (o->reps < 20 || o->reps > MAX_REPS) return bm_fail(err, BM_EINVAL, "the number of data sets (--reps) must be between 20 and %d, not %d", MAX_REPS, o->reps);
    if (!(o->alpha > 0 && o->alpha < 1)) return bm_fail(err, BM_EINVAL, "the chance of a false alarm must be between 0 and 1, not %g", o->alpha);
    if (o->sampler == BM_SAMPLER_GIBBS && m->design->nfac < 2) return bm_fail(err, BM_EINVAL, "--sampler gibbs needs two grouping factors");
    return bm_check_simulable(m, "calibration", true, err);
}

static bm_status job_new(job *j, const bm_model *m, const bm_sbc_options *opt, int threads, bm_basis **basis, bm_error *err)
{
    size_t    reps = (size_t)opt->reps;
    bm_status st;

    *j = (job){ .m = m, .opt = opt };
    if ((st = bm_quantities_new(&j->q, m, err)) != BM_OK || (st = bm_basis_new(basis, m->design, err)) != BM_OK) return st;
    j->basis = *basis;
    j->outcome = bm_alloc(reps, sizeof *j->outcome);
    j->thin = bm_alloc(reps, sizeof *j->thin);
    j->slow = bm_alloc(reps, sizeof *j->slow);
    j->message = bm_alloc(reps, sizeof *j->message);
    j->truth = bm_alloc(reps * j->q.n, sizeof *j->truth);
    j->rank = bm_alloc(reps * j->q.n, sizeof *j->rank);
    j->why = bm_alloc((size_t)threads, sizeof *j->why);
    return j->outcome && j->thin && j->slow && j->message && j->truth && j->rank && j->why ? BM_OK : bm_nomem(err);
}

static void job_free(job *j)
{
    bm_quantities_free(&j->q);
    free(j->outcome);
    free(j->thin);
    free(j->slow);
    free(j->message);
    free(j->truth);
    free(j->rank);
    free(j->why);
}

bm_status bm_sbc_run_by(bm_sbc **out, const bm_model *m, const bm_sbc_options *opt, bm_move kernel, bm_error *err)
{
    static const bm_sbc_options defaults = BM_SBC_OPTIONS_INIT;
    double    start = bm_clock();
    bm_sbc   *s = NULL;
    bm_basis *basis = NULL;
    job       j = { 0 };
    bm_status st;

    *out = NULL;
    if (!opt) opt = &defaults;
    if ((st = bm_model_needs_rows(m, "simulation", err)) != BM_OK || (st = check_options(m, opt, err)) != BM_OK) return st;
    int threads = opt->threads > 0 ? opt->threads : bm_cores();
    if ((st = job_new(&j, m, opt, threads, &basis, err)) != BM_OK) goto done;
    j.move = kernel;
    if ((st = choose_sampler(&j, err)) != BM_OK) goto done;
    bm_parallel((size_t)opt->reps, threads, replicate, &j);
    for (int k = 0; k < threads; k++)
        if (j.why[k].code) {
            st = bm_fail(err, j.why[k].code, "%s", j.why[k].msg);
            goto done;
        }
    if (!(s = bm_alloc(1, sizeof *s))) {
        st = bm_nomem(err);
        goto done;
    }
    s->sampler = j.sampler == BM_SAMPLER_COLLAPSED ? "collapsed" : "gibbs";
    if ((st = result(s, &j, err)) != BM_OK) goto done;
    s->seconds = bm_clock() - start;
    st = s->interrupted ? BM_INTERRUPTED : BM_OK;
    if (s->counted) {
        *out = s;
        s = NULL;
    }
done:
    job_free(&j);
    bm_basis_free(basis);
    bm_sbc_free(s);
    return st;
}

bm_status bm_sbc_run(bm_sbc **out, const bm_model *m, const bm_sbc_options *opt, bm_error *err)
{
    return bm_sbc_run_by(out, m, opt, BM_MOVE_CHOSEN, err);
}

void bm_sbc_free(bm_sbc *s)
{
    if (!s) return;
    for (size_t k = 0; s->row && k < s->nrow; k++) {
        free(s->row[k].name);
        free(s->row[k].meaning);
    }
    free(s->row);
    free(s->lo);
    free(s->rank);
    free(s->truth);
    free(s);
}

bm_calibration_level bm_sbc_level(const bm_sbc *s)
{
    bm_calibration_level worst = BM_CALIBRATED;

    for (size_t k = 0; k < s->nrow; k++)
        if (s->row[k].level > worst) worst = s->row[k].level;
    return worst;
}

bool bm_sbc_calibrated(const bm_sbc *s)
{
    return bm_sbc_level(s) != BM_NOT_CALIBRATED;
}

bm_status bm_sbc_print(const bm_sbc *s, FILE *out, const bm_print_options *opt, bm_error *err)
{
    return bm_report_sbc(s, out, opt, err);
}

bm_status bm_sbc_plot(bm_plots **out, const bm_sbc *s, const bm_plot_options *opt, bm_error *err)
{
    return bm_report_sbc_plot(out, s, opt, err);
}

bm_status bm_sbc_write(const bm_sbc *s, const char *dir, const bm_write_options *opt, const bm_plots *pictures, bm_error *err)
{
    return bm_report_sbc_dir(s, dir, opt, pictures, err);
}

bm_status bm_sbc_check_output(const char *dir, bool force, bm_error *err)
{
    return bm_report_sbc_check(dir, force, err);
}
