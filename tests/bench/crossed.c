/* crossed.c: how the cost of two crossed factors grows: ratings of items by raters. A generator at one end of a pipe, a process that reads, cross-tabulates and
 * samples factor by factor at the other, so that its peak memory is its own.
 *
 * The shape is that of the public collections of ratings from 10^5 to 3.2 x 10^7 of them: 110 to 160 ratings per rater and 60 to 380 per item on average, both
 * skewed; rater after rater; nobody rates an item twice. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double raters_of(double rows) { return 200e3 * pow(rows / 32e6, 0.93); }
static double items_of(double rows) { return 84e3 * pow(rows / 32e6, 0.68); }

static const size_t HOLD_ROWS = 250000;                /* as bmixed fit does */
static const double SD_RATER = 0.43, SD_ITEM = 0.5, SIGMA = 0.85, MEAN = 3.5;

/* ---- the generator ---- */

/* Walker's alias method: item k with probability proportional to (k + 100)^-1.4. */
typedef struct { size_t n; double *cut; uint32_t *other; } urn;

static urn urn_new(size_t n)
{
    urn       a = { n, malloc(n * sizeof *a.cut), malloc(n * sizeof *a.other) };
    uint32_t *low = malloc(n * sizeof *low), *high = malloc(n * sizeof *high);
    size_t    nlow = 0, nhigh = 0;
    double    total = 0;

    if (!a.cut || !a.other || !low || !high) bench_die("out of memory", NULL);
    for (size_t k = 0; k < n; k++) total += a.cut[k] = pow((double)k + 100, -1.4);
    for (size_t k = 0; k < n; k++) {
        a.cut[k] *= (double)n / total;
        a.other[k] = (uint32_t)k;
        if (a.cut[k] < 1) low[nlow++] = (uint32_t)k;
        else high[nhigh++] = (uint32_t)k;
    }
    while (nlow && nhigh) {
        uint32_t l = low[--nlow], h = high[nhigh - 1];

        a.other[l] = h;
        a.cut[h] -= 1 - a.cut[l];
        if (a.cut[h] < 1) low[nlow++] = high[--nhigh];
    }
    free(low);
    free(high);
    return a;
}

static uint32_t urn_draw(const urn *a, bm_rng *r)
{
    uint32_t k = (uint32_t)(bm_rng_uniform(r) * (double)a->n);

    return bm_rng_uniform(r) < a->cut[k] ? k : a->other[k];
}

/* An item that this rater has not rated yet. */
static uint32_t fresh_item(const urn *a, bm_rng *r, uint32_t *last_rater, uint32_t rater)
{
    uint32_t k = urn_draw(a, r);

    for (int tries = 0; tries < 50 && last_rater[k] == rater; tries++) k = urn_draw(a, r);
    while (last_rater[k] == rater) k = k + 1 == a->n ? 0 : k + 1;
    last_rater[k] = rater;
    return k;
}

/* How many ratings each rater gives: log-normal, cut off where he would rate more than half of the items. */
static void activities(bm_rng *r, double rows, size_t raters, size_t items, double *share)
{
    for (size_t i = 0; i < raters; i++) share[i] = exp(1.1 * bm_rng_normal(r));
    for (int round = 0; round < 40; round++) {       /* what is cut off goes to the others */
        double total = 0;

        for (size_t i = 0; i < raters; i++) total += share[i];
        for (size_t i = 0; i < raters; i++) share[i] = fmin(rows * share[i] / total, 0.5 * (double)items);
    }
}

int bench_ratings(double rows, double raters, double items)
{
    size_t    I = (size_t)raters, J = (size_t)items, n = (size_t)rows, done = 0;
    double   *share = malloc(I * sizeof *share), *v = malloc(J * sizeof *v), due = 0;
    uint32_t *last = malloc(J * sizeof *last);
    urn       a = urn_new(J);
    bm_rng    r;

    if (!share || !v || !last) bench_die("out of memory", NULL);
    bm_rng_key(&r, 1, 2, 4);
    activities(&r, rows, I, J, share);
    bm_rng_normals(&r, v, J);
    memset(last, 0xff, J * sizeof *last);
    puts("y,rater,item");
    for (size_t i = 0; i < I; i++) {
        double u = SD_RATER * bm_rng_normal(&r);

        due += share[i];
        for (size_t upto = i + 1 == I ? n : (size_t)due, own = 0; done < upto && own < J; done++, own++) {
            uint32_t k = fresh_item(&a, &r, last, (uint32_t)i);

            printf("%.3f,%zu,%u\n", MEAN + u + SD_ITEM * v[k] + SIGMA * bm_rng_normal(&r), i + 1, k + 1);
        }
    }
    free(share);
    free(v);
    free(last);
    free(a.cut);
    free(a.other);
    return fflush(stdout) != 0;
}

/* ---- the child that fits ---- */

static double peak_mb(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024;
}

static double smallest_ess(const bm_fit *f)
{
    double least = INFINITY;

    for (size_t v = 1; v < f->nmonitored; v++) least = fmin(least, f->summary[v].ess_bulk);
    return least;
}

/* Standard input: rows, effects; CPU seconds and peak MB of reading and cross-tabulating; CPU and clock seconds, smallest ESS and peak MB of sampling. */
int bench_fit_ratings(int warmup, int draws)
{
    bench_row      row = { .field = { "", "-", "y ~ 1 + (1 | rater) + (1 | item)", "rater,item", NULL } };
    bm_spec       *spec = bench_spec(&row);
    bm_model      *m = NULL;
    bm_fit        *f = NULL;
    bm_error       err = { 0 };
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    double         cpu, clock;

    if (bm_model_new_streamed(&m, spec, HOLD_ROWS, &err) != BM_OK) bench_die("reading", &err);
    bm_spec_free(spec);
    printf("%zu %zu %.6g %.6g ", m->stats->n, m->post->nu, bench_cpu(), peak_mb());
    opt.warmup = warmup;
    opt.draws = draws;
    opt.sampler = BM_SAMPLER_GIBBS;
    opt.threads = 0;
    cpu = bench_cpu();
    clock = bm_clock();
    if (bm_fit_run(&f, m, &opt, &err) != BM_OK) bench_die("sampling", &err);
    printf("%.6g %.6g %.6g %.6g\n", bench_cpu() - cpu, bm_clock() - clock, smallest_ess(f), peak_mb());
    bm_fit_free(f);
    bm_model_free(m);
    return 0;
}

/* ---- the table ---- */

typedef struct { double rows, effects, read_cpu, read_mb, cpu, wall, ess, mb; } cost;

static bool cost_of(double rows, int warmup, int draws, cost *c)
{
    char  me[1024], n[32], a[32], b[32], w[16], d[16], out[256];
    int   fd[2];
    pid_t pid = -1;

    bench_self(me);
    snprintf(n, sizeof n, "%.0f", rows);
    snprintf(a, sizeof a, "%.0f", raters_of(rows));
    snprintf(b, sizeof b, "%.0f", items_of(rows));
    snprintf(w, sizeof w, "%d", warmup);
    snprintf(d, sizeof d, "%d", draws);
    if (pipe(fd) != 0 || (pid = fork()) < 0) bench_die("pipe", NULL);
    if (pid == 0) {
        dup2(fd[1], 1);
        close(fd[0]);
        close(fd[1]);
        execl(me, me, "ratings", n, a, b, (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    bench_usage u = bench_run((char *[]){ me, "fit-ratings", w, d, NULL }, fd[0], out, sizeof out);
    close(fd[0]);
    waitpid(pid, NULL, 0);
    return u.status == 0 && sscanf(out, "%lf %lf %lf %lf %lf %lf %lf %lf", &c->rows, &c->effects, &c->read_cpu, &c->read_mb, &c->cpu, &c->wall, &c->ess, &c->mb) == 8;
}

int bench_crossed(const bench_options *o)
{
    enum { WARMUP = 200, DRAWS = 400 };
    FILE *csv = o->csv ? fopen(o->csv, "w") : NULL;

    if (o->csv && !csv) bench_die(o->csv, NULL);
    if (csv) fputs("rows,effects,read_cpu_s,read_peak_mb,sample_cpu_s,sample_wall_s,smallest_ess,peak_mb\n", csv);
    printf("Ratings by (1 | rater) + (1 | item), factor by factor, 4 chains of %d + %d sweeps, all effects' moments kept\n%10s %9s %11s %9s %10s %10s %8s %11s %9s\n", WARMUP,
           DRAWS, "rows", "effects", "read CPU s", "MB", "sample CPU", "wall s", "ESS", "ESS/CPU s", "MB");
    for (double rows = 1e4, next; rows <= o->max_rows * 1.001; rows = next) {
        cost c;

        next = rows < o->max_rows * 0.999 ? fmin(10 * rows, o->max_rows) : INFINITY;
        if (!cost_of(rows, WARMUP, DRAWS, &c)) {
            printf("%10.0f failed\n", rows);
            continue;
        }
        printf("%10.0f %9.0f %11.2f %9.0f %10.2f %10.2f %8.0f %11.3g %9.0f\n", c.rows, c.effects, c.read_cpu, c.read_mb, c.cpu, c.wall, c.ess, c.ess / c.cpu, c.mb);
        fflush(stdout);
        if (csv) fprintf(csv, "%.0f,%.0f,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g\n", c.rows, c.effects, c.read_cpu, c.read_mb, c.cpu, c.wall, c.ess, c.mb);
    }
    if (csv && fclose(csv) != 0) bench_die(o->csv, NULL);
    return 0;
}
