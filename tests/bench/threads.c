/* threads.c: one chain over very many groups (four rows each, p = 6, q = 2) with one thread, two, and so on to the number of cores: time on the clock and of CPU of an
 * evaluation, of a draw of b and all effects, and of a whole short fit, whose draws must be the same bytes. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WARMUP = 200, DRAWS = 100, TIMES = 15 };

typedef struct { double wall, cpu; } cost;
typedef struct { cost eval, draw, fit; } costs;

static cost least(cost a, double wall, double cpu)
{
    return (cost){ fmin(a.wall, wall), fmin(a.cpu, cpu) };
}

/* Least of TIMES: other work on the machine only adds. */
static costs of_point(const bm_model *m, int threads)
{
    bm_point *pt = NULL;
    bm_error  err = { 0 };
    bm_rng    r;
    double    natural[] = { 1, 0.3, 0.1, 1 }, b[6], beta[6], *u = malloc(m->post->nu * sizeof *u);
    costs     c = { .eval = { INFINITY, INFINITY }, .draw = { INFINITY, INFINITY } };

    if (!u || bm_point_new(&pt, m->post, &err) != BM_OK || bm_marginal_threads(pt->m, threads) != BM_OK) bench_die("point", &err);
    if (bm_theta_from_natural(&m->post->th, natural, pt->x) != BM_OK || bm_point_eval(pt) != BM_OK) bench_die("theta", NULL);
    bm_rng_key(&r, 1, 1, 1);
    for (int i = 0; i < TIMES; i++) {
        double wall = bm_clock(), cpu = bench_cpu();

        if (bm_marginal_eval(pt->m, pt->L, pt->sigma) != BM_OK) bench_die("eval", NULL);
        c.eval = least(c.eval, bm_clock() - wall, bench_cpu() - cpu);
        wall = bm_clock();
        cpu = bench_cpu();
        bm_marginal_draw(pt->m, &r, b, u, beta);
        c.draw = least(c.draw, bm_clock() - wall, bench_cpu() - cpu);
    }
    free(u);
    bm_point_free(pt);
    return c;
}

static bm_fit *fit_of(const bm_model *m, int threads, cost *c)
{
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_fit        *fit = NULL;
    bm_error       err = { 0 };
    double         wall = bm_clock(), cpu = bench_cpu();

    opt.chains = 1;
    opt.threads = threads;
    opt.warmup = WARMUP;
    opt.draws = DRAWS;
    if (bm_fit_run(&fit, m, &opt, &err) != BM_OK) bench_die("fit", &err);
    *c = (cost){ bm_clock() - wall, bench_cpu() - cpu };
    return fit;
}

int bench_threads(const bench_options *o)
{
    size_t    groups = (size_t)(o->quick ? 1e5 : o->groups);
    bench_row row = { .field = { "", "memory", "y ~ x1 + x2 + x3 + x4 + x5 + (x1 | g)", "g", NULL } };
    bm_spec  *spec = bench_spec(&row);
    bm_frame *f = bench_frame(groups);
    bm_model *m = NULL;
    bm_fit   *first = NULL;
    bm_error  err = { 0 };
    costs     one = { 0 };
    FILE     *csv = o->csv ? fopen(o->csv, "w") : NULL;

    if (o->csv && !csv) bench_die(o->csv, NULL);
    if (bm_model_new(&m, spec, f, &err) != BM_OK) bench_die("model", &err);
    bm_frame_free(f);
    printf("One chain, %zu groups, p = 6, q = 2: milliseconds on the clock and of CPU; a fit is %d + %d iterations with its summaries\n", groups, WARMUP, DRAWS);
    printf("%8s %22s %22s %22s %30s\n%8s", "", "evaluation", "draw of b and u", "fit", "times as fast on the clock", "threads");
    for (int i = 0; i < 3; i++) printf(" %10s %11s", "clock", "CPU");
    printf(" %10s %9s %9s\n", "evaluation", "draw", "fit");
    if (csv) fputs("threads,groups,eval_wall,eval_cpu,draw_wall,draw_cpu,fit_wall,fit_cpu\n", csv);
    for (int t = 1, most = bm_cores(); t <= most; t = t < most && 2 * t > most ? most : 2 * t) {
        costs   c = of_point(m, t);
        bm_fit *fit = fit_of(m, t, &c.fit);

        if (t == 1) one = c;
        printf("%8d %10.2f %11.2f %10.2f %11.2f %10.0f %11.0f %10.2f %9.2f %9.2f\n", t, 1e3 * c.eval.wall, 1e3 * c.eval.cpu, 1e3 * c.draw.wall, 1e3 * c.draw.cpu, 1e3 * c.fit.wall,
               1e3 * c.fit.cpu, one.eval.wall / c.eval.wall, one.draw.wall / c.draw.wall, one.fit.wall / c.fit.wall);
        fflush(stdout);
        if (csv)
            fprintf(csv, "%d,%zu,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g\n", t, groups, c.eval.wall, c.eval.cpu, c.draw.wall, c.draw.cpu, c.fit.wall, c.fit.cpu);
        if (!first) {
            first = fit;
            continue;
        }
        if (memcmp(fit->draws->x, first->draws->x, first->draws->nvar * DRAWS * sizeof *first->draws->x) != 0) bench_die("the draws depend on the number of threads", NULL);
        bm_fit_free(fit);
    }
    bm_fit_free(first);
    bm_model_free(m);
    bm_spec_free(spec);
    if (csv && fclose(csv) != 0) bench_die(o->csv, NULL);
    return 0;
}
