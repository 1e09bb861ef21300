/* models.c: every model of models.tsv from its CSV file to a written output directory: seconds of each stage, effective draws a second, and how
 * far that is from the limit, one effective draw per bare evaluation of the marginal likelihood. Effective draws per second of CPU are those of the whole run; and
 * of warm-up and sampling alone ("sampler's"), which is what the fitting call of another program comprises. */
#include "bench.h"

#include "fit/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct { double read, warmup, sample, summary, write, cpu, wall, ess, evaluations, warmup_evaluations, eval_us; char worst[64]; } run;

enum { TIMES = 10, DEFAULT_DRAWS = 1000 };

/* ---- data that is simulated: 200 groups x 20 rows, six correlated effects per group ---- */

static void simulate_large_theta(const char *path)
{
    enum { J = 200, N = 20, Q = 6 };
    FILE  *f = fopen(path, "w");
    bm_rng r;

    if (!f) bench_die(path, NULL);
    bm_rng_key(&r, 7, 1, 0);
    fputs("y,x1,x2,x3,x4,x5,g\n", f);
    for (int j = 0; j < J; j++) {
        double u[Q], common = bm_rng_normal(&r);

        for (int k = 0; k < Q; k++) u[k] = (0.3 + 0.1 * k) * (0.5 * common + 0.87 * bm_rng_normal(&r));
        for (int i = 0; i < N; i++) {
            double x[Q] = { 1 }, y = bm_rng_normal(&r);

            for (int k = 0; k < Q; k++) {
                if (k) x[k] = bm_rng_normal(&r);
                y += x[k] * (0.5 * k - 1 + u[k]);
            }
            fprintf(f, "%.6f", y);
            for (int k = 1; k < Q; k++) fprintf(f, ",%.6f", x[k]);
            fprintf(f, ",g%d\n", j);
        }
    }
    if (fclose(f) != 0) bench_die(path, NULL);
}

/* ---- one run ---- */

static void smallest_ess(const bm_fit *fit, run *r)
{
    r->ess = INFINITY;
    for (size_t v = 1; v < fit->nmonitored; v++)     /* lp__ aside */
        if (fit->summary[v].ess_bulk < r->ess) {
            r->ess = fit->summary[v].ess_bulk;
            snprintf(r->worst, sizeof r->worst, "%s", fit->summary[v].name);
        }
}

/* Microseconds of one bare evaluation of the marginal likelihood, at the last draw: many in a row, the fastest of several rows. NaN where the
 * model is not sampled through it. */
static double evaluation_us(const bm_model *m, const bm_fit *fit)
{
    bm_point *pt = NULL;
    bm_error  err = { 0 };
    double    natural[128], best = INFINITY;
    size_t    p = m->design->p, n = m->post ? m->post->th.nsd + m->post->th.ncor + m->post->th.has_sigma : 0, per = fit->draws->nchain * fit->draws->niter;

    if (!m->post || strcmp(fit->run.sampler, "collapsed") != 0 || n > 128 || bm_point_new(&pt, m->post, &err) != BM_OK) return NAN;
    for (size_t i = 0; i < n; i++) natural[i] = fit->draws->x[(1 + p + i) * per + per - 1];
    if (bm_theta_from_natural(&m->post->th, natural, pt->x) != BM_OK || bm_point_eval(pt) != BM_OK) {
        bm_point_free(pt);
        return NAN;
    }
    for (int row = 0; row < TIMES; row++) {
        double t0 = bench_cpu(), t;
        size_t done = 0;

        do {
            for (int i = 0; i < 50; i++, done++)
                if (bm_marginal_eval(pt->m, pt->L, pt->sigma) != BM_OK) bench_die("the evaluation failed", NULL);
        } while ((t = bench_cpu() - t0) < 2e-3);
        best = fmin(best, 1e6 * t / (double)done);
    }
    bm_point_free(pt);
    return best;
}

/* The linker puts these before the sampler's two halves (--wrap): CPU time spent in each, draws stored included. */
bm_status __real_bm_mcmc_warmup(bm_mcmc *s, bm_error *err);
bm_status __wrap_bm_mcmc_warmup(bm_mcmc *s, bm_error *err);
bm_status __real_bm_mcmc_run(bm_mcmc *s, size_t upto, const bm_sink *sink, size_t *done, bm_error *err);
bm_status __wrap_bm_mcmc_run(bm_mcmc *s, size_t upto, const bm_sink *sink, size_t *done, bm_error *err);

static struct { double warmup, sample; } phase_cpu;

bm_status __wrap_bm_mcmc_warmup(bm_mcmc *s, bm_error *err)
{
    double    t0 = bench_cpu();
    bm_status st = __real_bm_mcmc_warmup(s, err);

    phase_cpu.warmup += bench_cpu() - t0;
    return st;
}

bm_status __wrap_bm_mcmc_run(bm_mcmc *s, size_t upto, const bm_sink *sink, size_t *done, bm_error *err)
{
    double    t0 = bench_cpu();
    bm_status st = __real_bm_mcmc_run(s, upto, sink, done, err);

    phase_cpu.sample += bench_cpu() - t0;
    return st;
}

/* False: refused, with the reason in err. */
static bool run_once(const bench_row *row, uint64_t seed, int draws, run *r, bm_error *err)
{
    bm_spec         *spec = bench_spec(row);
    bm_model        *m = NULL;
    bm_fit          *fit = NULL;
    bm_fit_options   opt = BM_FIT_OPTIONS_INIT;
    bm_write_options w = BM_WRITE_OPTIONS_INIT;
    double           wall = bm_clock(), t0 = bench_cpu(), t1, t2, t3;
    bool             ok = bm_model_new(&m, spec, NULL, err) == BM_OK;

    opt.threads = 1;
    opt.seed = seed;
    opt.draws = draws;
    if (draws != DEFAULT_DRAWS) {                    /* long runs: for the parameters, and what the group effects are */
        opt.ranef_draws = BM_RANEF_NONE;
        w.format = BM_FORMAT_NONE;
    }
    w.force = true;
    t1 = bench_cpu();
    phase_cpu.warmup = phase_cpu.sample = 0;
    if (ok && (ok = bm_fit_run(&fit, m, &opt, err) == BM_OK)) {
        t2 = bench_cpu();
        ok = bm_fit_write(fit, "build/bench/out", &w, err) == BM_OK;
        t3 = bench_cpu();
        *r = (run){ .read = t1 - t0, .warmup = phase_cpu.warmup, .sample = phase_cpu.sample, .write = t3 - t2, .cpu = t3 - t0, .wall = bm_clock() - wall,
                    .evaluations = (double)(fit->run.evaluations - fit->run.warmup_evaluations), .warmup_evaluations = (double)fit->run.warmup_evaluations };
        r->summary = t2 - t1 - r->warmup - r->sample;
        smallest_ess(fit, r);
        r->eval_us = evaluation_us(m, fit);
    }
    bm_fit_free(fit);
    bm_model_free(m);
    bm_spec_free(spec);
    return ok;
}

/* ---- the table ---- */

static double median_of(const run *r, size_t n, size_t offset)
{
    double v[BENCH_REPEATS_MAX];

    for (size_t i = 0; i < n; i++) v[i] = *(const double *)((const char *)&r[i] + offset);
    return bench_median(v, n);
}

#define MEDIAN(part) median_of(r, n, offsetof(run, part))

static void print_model(const char *name, const run *r, size_t n, FILE *csv)
{
    double per_cpu[BENCH_REPEATS_MAX], sampler[BENCH_REPEATS_MAX], per_wall[BENCH_REPEATS_MAX], limit[BENCH_REPEATS_MAX], bare[BENCH_REPEATS_MAX], rate, alone, fraction;

    for (size_t i = 0; i < n; i++) {
        per_cpu[i] = r[i].ess / r[i].cpu;
        sampler[i] = r[i].ess / (r[i].warmup + r[i].sample);
        per_wall[i] = r[i].ess / r[i].wall;
        limit[i] = per_cpu[i] * 1e-6 * r[i].eval_us;
        bare[i] = r[i].ess / r[i].sample * 1e-6 * r[i].eval_us;
    }
    rate = bench_median(per_cpu, n);
    alone = bench_median(sampler, n);
    fraction = bench_median(limit, n);
    printf("%-12s %8.1f %8.1f %8.1f %8.1f %8.1f %8.0f %9.0f %9.0f %9.0f %8.0f %8.0f %8.2f %9.2f %7.3f %7.3f\n", name, 1e3 * MEDIAN(read), 1e3 * MEDIAN(warmup),
           1e3 * MEDIAN(sample), 1e3 * MEDIAN(summary), 1e3 * MEDIAN(write), MEDIAN(ess), rate, alone, bench_median(per_wall, n), MEDIAN(warmup_evaluations),
           MEDIAN(evaluations), MEDIAN(ess) / MEDIAN(evaluations), MEDIAN(eval_us), fraction, bench_median(bare, n));
    fflush(stdout);
    if (csv)
        fprintf(csv, "%s,%zu,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%s,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g\n", name, n, MEDIAN(read), MEDIAN(warmup),
                MEDIAN(sample), MEDIAN(summary), MEDIAN(write), MEDIAN(cpu), MEDIAN(wall), MEDIAN(ess), MEDIAN(evaluations), r[0].worst, rate, per_cpu[0],
                per_cpu[n - 1], bench_median(per_wall, n), MEDIAN(eval_us), fraction, bench_median(bare, n), MEDIAN(warmup_evaluations), alone, sampler[0], sampler[n - 1]);
}

static void bench_model(const bench_row *row, const bench_options *o, FILE *csv)
{
    run      r[BENCH_REPEATS_MAX];
    bm_error err = { 0 };
    size_t   n = 0, want = (size_t)o->repeats;
    double   spent = bm_clock();

    while (n < want && (n < 2 || bm_clock() - spent < 20))      /* long ones: fewer times */
        if (!run_once(row, n + 1, o->draws, &r[n], &err)) {
            bool factors = strstr(err.msg, "grouping factor") != NULL;

            printf("%-12s not supported: %s\n", row->field[ROW_NAME], factors ? "needs several grouping factors" : err.msg);
            return;
        } else {
            n++;
        }
    print_model(row->field[ROW_NAME], r, n, csv);
}

int bench_models(const bench_options *o)
{
    FILE     *f = fopen("tests/bench/models.tsv", "r"), *csv = o->csv ? fopen(o->csv, "w") : NULL;
    bench_row row;

    if (!f) bench_die("tests/bench/models.tsv: run from the root of the repository", NULL);
    if (o->csv && !csv) bench_die(o->csv, NULL);
    mkdir("build/bench", 0777);                      /* there already, or what follows says so */
    simulate_large_theta("build/bench/large_theta.csv");
    printf("4 chains x (1000 + %d) draws, one thread, CSV file to output directory%s; medians of %d runs (fewer where they take long)\n", o->draws,
           o->draws == DEFAULT_DRAWS ? "" : " (summaries of all, no draws)", o->repeats);
    printf("%-12s %44s %8s %29s %26s %9s %15s\n", "", "-- milliseconds of CPU ------------------- ", "smallest", "-- effective draws per ------", "evaluations of the density", "bare", "of the limit");
    printf("%-12s %8s %8s %8s %8s %8s %8s %9s %9s %9s %8s %8s %8s %9s %7s %7s\n", "model", "read", "warm-up", "sample", "summary", "write", "bulk ESS", "CPU s", "sampler's", "wall s",
           "warm-up", "sample", "ESS/eval", "eval us", "all", "sample");
    if (csv)
        fputs("model,runs,read_s,warmup_s,sample_s,summary_s,write_s,cpu_s,wall_s,ess,evaluations,worst,ess_per_cpu,ess_per_cpu_min,ess_per_cpu_max,ess_per_wall,"
              "eval_us,of_limit,sampling_of_limit,warmup_evaluations,ess_per_sampler,ess_per_sampler_min,ess_per_sampler_max\n", csv);
    while (bench_next(f, &row))
        if (!o->only || !strcmp(o->only, row.field[ROW_NAME])) bench_model(&row, o, csv);
    fclose(f);
    if (csv && fclose(csv) != 0) bench_die(o->csv, NULL);
    return 0;
}
