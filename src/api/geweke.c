/* geweke.c: the joint-distribution test of every kernel on its own.
 *
 * Geweke 2004, JASA 99:799, "Getting it right". Parameters from the prior and a response from the parameters are a draw from their joint distribution. A move of
 * the parameters given the response, by a kernel that leaves the posterior as it is, and then a new response given the parameters, leave that distribution as
 * it is. Here many short chains start from independent draws of it, so that each of their states has it exactly, and the chain's averages are independent
 * observations: nothing is assumed about mixing. A kernel that is wrong drifts, and the more so because the data follow.
 *
 * A kernel's proposals are adapted to the response of the moment by a warm-up with random numbers of its own, independent of the state, so that adaptation
 * does not spoil the invariance. What is compared: normal scores of every quantity's ranks among independent draws of the joint distribution, and of their
 * distances from the middle rank, which have a mean and a variance however heavy the tails of the priors, and no skewness (squares of scores have so much that means
 * of some dozens of them are not nearly normal); averaged over the later half of a chain, when it has drifted. The drift
 * grows with the length of a chain, its error falls with the root of their number: few long chains see more than many short ones. */
#include "api/geweke_priv.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARMUP = 120, WARMUP_HAMILTON = 60, TRIES = 1000, REFERENCE = 10, LEAST_REFERENCE = 4000, MOST = 100000 };

const bm_geweke_move bm_geweke_moves[BM_GEWEKE_KERNELS] = {
    { BM_MOVE_INDEPENDENCE, "independence proposals", "proposals", "independence" },
    { BM_MOVE_WALK, "random walk", "walk", "random_walk" },
    { BM_MOVE_HAMILTON, "Hamiltonian moves", "Hamilton", "hamiltonian" },
    { BM_MOVE_JUMPS, "Hamiltonian with jumps", "jumps", "hamiltonian_jumps" },
    { BM_MOVE_SWEEP, "factor by factor", "sweep", "factor_wise" },
    { BM_MOVE_EFFECTS, "coefficients and effects", "effects", "effects" },
};

typedef bm_geweke_job job;

static bool stopped(const job *j)
{
    return j->opt->stop && *j->opt->stop;
}

static void progress(job *j, size_t worker, const char *phase, uint64_t total)
{
    uint64_t done = __atomic_add_fetch(&j->done, 1, __ATOMIC_RELAXED);

    if (worker != 0 || !j->opt->progress) return;
    bm_progress p = { .phase = phase, .done = done, .total = total, .rhat = NAN, .ess = NAN };
    j->opt->progress(j->opt->progress_self, &p);
}

/* ---- a state: parameters, effects, a response, and the model of it ---- */

typedef struct { job *j; double *value, *u, *y, *now; bm_rng rng; bm_model *c; } state;

static void state_free(state *s)
{
    bm_model_free(s->c);
    free(s->value);
    *s = (state){ 0 };
}

static bm_status state_new(state *s, job *j, uint64_t stream, uint64_t i, bm_error *err)
{
    const bm_model *m = j->m;

    *s = (state){ .j = j, .value = bm_alloc(m->monitored.n + m->post->nu + m->design->n + j->q.n, sizeof *s->value) };
    if (!s->value) return bm_nomem(err);
    s->u = s->value + m->monitored.n;
    s->y = s->u + m->post->nu;
    s->now = s->y + m->design->n;
    bm_rng_key(&s->rng, j->opt->seed, stream, i + 1);
    return BM_OK;
}

/* A response (drawn by `draw`) that double precision can tell: drawn again where it cannot, which conditions the joint distribution on such responses. */
static bm_status respond(state *s, bm_status (*draw)(state *s, bm_error *err), bm_error *err)
{
    bm_status st = BM_ENUMERIC;

    for (int tries = 0; st == BM_ENUMERIC && tries < TRIES; tries++) {
        bm_model_free(s->c);
        s->c = NULL;
        *err = (bm_error){ 0 };
        if ((st = draw(s, err)) == BM_OK) st = bm_simulated_model(&s->c, s->j->m, s->j->basis, s->y, err);
        if (st == BM_ENUMERIC) __atomic_add_fetch(&s->j->refused, 1, __ATOMIC_RELAXED);
    }
    return st;
}

static bm_status everything(state *s, bm_error *err)
{
    bm_status st = bm_draw_prior(s->j->m, &s->rng, s->value, err);

    return st == BM_OK ? bm_simulate_response(s->j->m, s->value, &s->rng, s->y, s->u, err) : st;
}

static bm_status response_only(state *s, bm_error *err)
{
    (void)err;
    bm_simulate_residuals(s->j->m, s->value, s->u, &s->rng, s->y);
    return BM_OK;
}

/* ---- the joint distribution: independent draws ---- */

static void refer(void *self, size_t i, size_t worker)
{
    job      *j = self;
    state     s = { 0 };
    bm_error  err = { 0 };
    bm_status st;

    if (stopped(j) || j->why[worker].code) return;
    if ((st = state_new(&s, j, 5, i, &err)) == BM_OK && (st = respond(&s, everything, &err)) == BM_OK) {
        bm_quantities_at(&j->q, s.y, s.value, s.u, s.now);
        for (size_t k = 0; k < j->q.n; k++) j->ref[k * j->nref + i] = s.now[k];
    }
    if (st != BM_OK) j->why[worker] = err;
    state_free(&s);
    progress(j, worker, "draws", j->nref);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* How many of the sorted x are below v, or not above it. */
static size_t count_below(const double *x, size_t n, double v, bool equal)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (x[mid] < v || (equal && x[mid] == v)) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static size_t rank_of(const job *j, size_t k, double v)
{
    const double *x = j->ref + k * j->nref;

    return (count_below(x, j->nref, v, false) + count_below(x, j->nref, v, true)) / 2;
}

/* ---- a chain ---- */

typedef struct { const job *j; state *s; } catcher;

static void take(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    const catcher *c = self;
    size_t         p = c->j->m->design->p, np = c->j->m->monitored.n - 1;

    (void)chain;
    (void)iter;
    (void)lp;
    memcpy(c->s->value, b, p * sizeof *b);
    memcpy(c->s->value + p, natural, (np - p) * sizeof *b);
    memcpy(c->s->u, u, c->j->m->post->nu * sizeof *u);
}

/* Parameters and effects given the response, by one kernel. */
static bm_status move(state *s, bm_move kernel, uint64_t seed, bm_error *err)
{
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_mcmc       *mc = NULL;
    catcher        c = { s->j, s };
    bm_sink        sink = { .self = &c, .u_every = 1, .draw = take };
    bm_status      st;
    size_t         done;

    opt.chains = opt.threads = 1;
    opt.warmup = kernel == BM_MOVE_HAMILTON || kernel == BM_MOVE_JUMPS ? WARMUP_HAMILTON : WARMUP;      /* each of these costs several gradients */
    opt.thin = kernel == BM_MOVE_EFFECTS ? 1 : BM_GEWEKE_MOVES;
    opt.seed = seed;
    opt.sampler = kernel == BM_MOVE_SWEEP ? BM_SAMPLER_GIBBS : BM_SAMPLER_COLLAPSED;
    if ((st = bm_mcmc_new(&mc, s->c->post, &opt, err)) != BM_OK) return st;
    bm_mcmc_force(mc, kernel);
    st = bm_mcmc_warmup(mc, err);
    if (st == BM_OK && bm_mcmc_place(mc, s->value, s->value + s->j->m->design->p, s->u) != BM_OK)
        st = bm_fail(err, BM_ENUMERIC, "parameters drawn from their priors have no density that double precision can tell");
    if (st == BM_OK) st = bm_mcmc_run(mc, 1, &sink, &done, err);
    bm_mcmc_free(mc);
    return st;
}

static void add_scores(const state *s, double weight, double *sum)
{
    const job *j = s->j;

    bm_quantities_at(&j->q, s->y, s->value, s->u, s->now);
    for (size_t k = 0; k < j->q.n; k++) {
        size_t rank = rank_of(j, k, s->now[k]);

        sum[2 * k] += weight * j->normal[rank];
        sum[2 * k + 1] += weight * j->distance[rank];
    }
}

static bm_status chain(job *j, size_t i, size_t k, bm_error *err)
{
    state     s = { 0 };
    double   *sum = j->score + (i * j->nkernel + k) * j->q.n * 2;
    uint64_t  key = j->opt->seed + 1000003 * (uint64_t)(j->kernel[k] + 1) + i;
    int       first = j->opt->steps / 2;
    bm_status st = state_new(&s, j, 6 + (uint64_t)j->kernel[k], i, err);

    if (st == BM_OK) st = respond(&s, everything, err);
    for (int t = 0; t < j->opt->steps && st == BM_OK && !stopped(j); t++) {
        if ((st = move(&s, bm_geweke_moves[j->kernel[k]].move, bm_splitmix64(&key), err)) != BM_OK) break;
        if ((st = respond(&s, response_only, err)) == BM_OK && t >= first) add_scores(&s, 1.0 / (j->opt->steps - first), sum);
    }
    state_free(&s);
    return st;
}

static void chains(void *self, size_t i, size_t worker)
{
    job *j = self;

    for (size_t k = 0; k < j->nkernel; k++) {
        bm_error  err = { 0 };
        bm_geweke_outcome *o = &j->outcome[i * j->nkernel + k];

        if (stopped(j) || j->why[worker].code) return;
        bm_status st = chain(j, i, k, &err);
        if (stopped(j)) return;
        *o = st == BM_OK ? BM_GEWEKE_COUNTED : BM_GEWEKE_FAILED;
        if (st == BM_ENUMERIC) {
            pthread_mutex_lock(&j->lock);
            if (!*j->message[k]) snprintf(j->message[k], sizeof j->message[k], "%.255s", err.msg);
            pthread_mutex_unlock(&j->lock);
        } else if (st < 0) {
            j->why[worker] = err;
        }
    }
    progress(j, worker, "chains", (uint64_t)j->opt->reps);
}

/* ---- the run ---- */

static bm_status check_options(const bm_model *m, const bm_geweke_options *o, bm_error *err)
{
    if (o->reps < BM_GEWEKE_FEWEST || o->reps > MOST) return bm_fail(err, BM_EINVAL, "the number of chains (--reps) must be between %d and %d, not %d", BM_GEWEKE_FEWEST, MOST, o->reps);
    if (o->steps < 1 || o->steps > MOST) return bm_fail(err, BM_EINVAL, "the number of transitions (--steps) must be between 1 and %d, not %d", MOST, o->steps);
    if (!(o->alpha > 0 && o->alpha < 1)) return bm_fail(err, BM_EINVAL, "the chance of a false alarm must be between 0 and 1, not %g", o->alpha);
    return bm_check_simulable(m, "Geweke's test", false, err);
}

static bm_status job_new(job *j, const bm_model *m, const bm_geweke_options *opt, int threads, bm_basis **basis, bm_error *err)
{
    size_t    reps = (size_t)opt->reps;
    bm_status st;

    *j = (job){ .m = m, .opt = opt, .lock = PTHREAD_MUTEX_INITIALIZER, .nref = reps * REFERENCE > LEAST_REFERENCE ? reps * REFERENCE : LEAST_REFERENCE };
    if ((st = bm_quantities_new(&j->q, m, err)) != BM_OK || (st = bm_basis_new(basis, m->design, err)) != BM_OK) return st;
    j->basis = *basis;
    for (int k = 0; k < BM_GEWEKE_KERNELS; k++)
        if (bm_move_possible(m->post, bm_geweke_moves[k].move)) j->kernel[j->nkernel++] = k;
    j->ref = bm_alloc(j->nref * j->q.n, sizeof *j->ref);
    j->normal = bm_alloc(2 * (j->nref + 1), sizeof *j->normal);
    j->score = bm_alloc(reps * j->nkernel * j->q.n * 2, sizeof *j->score);
    j->outcome = bm_alloc(reps * j->nkernel, sizeof *j->outcome);
    j->message = bm_alloc(j->nkernel, sizeof *j->message);
    j->why = bm_alloc((size_t)threads, sizeof *j->why);
    if (!j->ref || !j->normal || !j->score || !j->outcome || !j->message || !j->why) return bm_nomem(err);
    j->distance = j->normal + j->nref + 1;
    for (size_t r = 0; r <= j->nref; r++) {
        double n = (double)(j->nref + 1);

        j->normal[r] = gsl_cdf_ugaussian_Pinv(((double)r + 0.5) / n);
        j->distance[r] = gsl_cdf_ugaussian_Pinv((fabs(2 * (double)r + 1 - n) + 0.5) / n);
    }
    return BM_OK;
}

static void job_free(job *j)
{
    bm_quantities_free(&j->q);
    free(j->ref);
    free(j->normal);
    free(j->score);
    free(j->outcome);
    free(j->message);
    free(j->why);
}

static bm_status run(job *j, size_t n, int threads, void (*piece)(void *self, size_t i, size_t worker), bm_error *err)
{
    j->done = 0;
    bm_parallel(n, threads, piece, j);
    for (int k = 0; k < threads; k++)
        if (j->why[k].code) return bm_fail(err, j->why[k].code, "%s", j->why[k].msg);
    return BM_OK;
}

bm_status bm_geweke_run(bm_geweke **out, const bm_model *m, const bm_geweke_options *opt, bm_error *err)
{
    static const bm_geweke_options defaults = BM_GEWEKE_OPTIONS_INIT;
    double     start = bm_clock();
    bm_geweke *g = NULL;
    bm_basis  *basis = NULL;
    job        j = { 0 };
    bm_status  st;

    *out = NULL;
    if (!opt) opt = &defaults;
    if ((st = bm_model_needs_rows(m, "Geweke's test", err)) != BM_OK || (st = check_options(m, opt, err)) != BM_OK) return st;
    int threads = opt->threads > 0 ? opt->threads : bm_cores();
    if ((st = job_new(&j, m, opt, threads, &basis, err)) != BM_OK) goto done;
    if ((st = run(&j, j.nref, threads, refer, err)) != BM_OK) goto done;
    for (size_t k = 0; k < j.q.n; k++) qsort(j.ref + k * j.nref, j.nref, sizeof *j.ref, ascending);
    if ((st = run(&j, (size_t)opt->reps, threads, chains, err)) != BM_OK) goto done;
    if (!(g = bm_alloc(1, sizeof *g))) {
        st = bm_nomem(err);
        goto done;
    }
    if ((st = bm_geweke_result(g, &j, err)) != BM_OK) goto done;
    g->seconds = bm_clock() - start;
    st = g->interrupted ? BM_INTERRUPTED : BM_OK;
    if (g->done) {
        *out = g;
        g = NULL;
    }
done:
    job_free(&j);
    bm_basis_free(basis);
    bm_geweke_free(g);
    return st;
}
