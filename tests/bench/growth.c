/* growth.c: how cost grows: reading with rows, an evaluation and a draw with groups, memory beside both. Every size runs in a process of its own, so
 * that its peak memory is its own. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- rows: a generator at one end of a pipe, the reader at the other ---- */

static size_t put_group(char *to, unsigned long g)
{
    char   digits[24];
    size_t n = 0;

    do digits[n++] = (char)('0' + g % 10); while ((g /= 10));
    for (size_t i = 0; i < n; i++) to[i] = digits[n - 1 - i];
    return n;
}

/* y,x,g: numbers with six decimals from a table, groups in order. Fast enough not to be what is measured. */
int bench_generate(double rows, double groups)
{
    enum { TABLE = 4096, BLOCK = 1 << 16 };
    char   (*text)[16] = malloc(TABLE * sizeof *text), *buf = malloc(BLOCK + 128);
    size_t   at = 0, n = (size_t)rows, per = (size_t)(rows / groups) ? (size_t)(rows / groups) : 1;
    bm_rng   r;

    if (!text || !buf) return 1;
    bm_rng_key(&r, 1, 2, 3);
    for (size_t i = 0; i < TABLE; i++) snprintf(text[i], sizeof *text, "%09.6f", fabs(bm_rng_normal(&r)));
    at = (size_t)sprintf(buf, "y,x,g\n");
    for (size_t i = 0; i < n; i++) {
        uint64_t u = bm_rng_u64(&r);

        memcpy(buf + at, text[u % TABLE], 9);
        buf[at + 9] = ',';
        memcpy(buf + at + 10, text[(u >> 20) % TABLE], 9);
        buf[at + 19] = ',';
        at += 20 + put_group(buf + at + 20, i / per);
        buf[at++] = '\n';
        if (at >= BLOCK || i + 1 == n) {
            if (fwrite(buf, 1, at, stdout) != at) return 1;
            at = 0;
        }
    }
    free(text);
    free(buf);
    return fflush(stdout) != 0;
}

/* In the child: reads standard input into a model as `bmixed fit` does, more than 250,000 rows in one pass; says how many rows. */
int bench_read_rows(void)
{
    bench_row row = { .field = { "", "-", "y ~ x + (x | g)", "g", NULL } };
    bm_spec  *spec = bench_spec(&row);
    bm_model *m = NULL;
    bm_error  err = { 0 };

    if (bm_model_new_streamed(&m, spec, 250000, &err) != BM_OK) bench_die("reading", &err);
    printf("%zu %zu\n", m->stats->n, m->stats->fac[0].J);
    bm_model_free(m);
    bm_spec_free(spec);
    return 0;
}

static bool read_of(double rows, double groups, bench_usage *u)
{
    char  me[1024], a[32], b[32], out[64];
    int   fd[2];
    pid_t pid = -1;

    bench_self(me);
    snprintf(a, sizeof a, "%.0f", rows);
    snprintf(b, sizeof b, "%.0f", groups);
    if (pipe(fd) != 0 || (pid = fork()) < 0) bench_die("pipe", NULL);
    if (pid == 0) {
        dup2(fd[1], 1);
        close(fd[0]);
        close(fd[1]);
        execl(me, me, "generate", a, b, (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    *u = bench_run((char *[]){ me, "read-rows", NULL }, fd[0], out, sizeof out);
    close(fd[0]);
    waitpid(pid, NULL, 0);
    return u->status == 0 && atof(out) == rows;
}

static double megabytes(double rows, double groups)
{
    return rows * (21 + fmax(1, floor(log10(groups)))) / 1e6;
}

static void grow_rows(const bench_options *o, FILE *csv)
{
    printf("Reading y,x,g from a pipe into the cross-products of y ~ x + (x | g), a hundred rows per group\n%12s %10s %10s %10s %10s %10s %10s\n", "rows", "groups", "CPU s",
           "wall s", "MB/CPU s", "ns/row", "peak MB");
    for (double rows = 1e4; rows <= o->max_rows * 1.001; rows *= 10) {
        bench_usage u;

        if (!read_of(rows, rows / 100, &u)) {
            printf("%12.0f failed\n", rows);
            continue;
        }
        printf("%12.0f %10.0f %10.3f %10.3f %10.0f %10.0f %10.0f\n", rows, rows / 100, u.cpu, u.wall, megabytes(rows, rows / 100) / u.cpu, 1e9 * u.cpu / rows, u.mb);
        fflush(stdout);
        if (csv) fprintf(csv, "read_rows,%.0f,%.6g,%.6g,%.6g\n", rows, u.cpu, u.wall, u.mb);
    }
}

/* ---- groups: four rows each, p = 6, q = 2 ---- */

bm_frame *bench_frame(size_t groups)
{
    enum { PER = 4, P = 6 };
    size_t    n = groups * PER;
    double   *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);
    bm_frame *f = NULL;
    bm_error  err = { 0 };
    bm_rng    r;
    bm_status st = bm_frame_new(&f, n, &err);

    if (!x || !y || st != BM_OK) bench_die("out of memory", NULL);
    bm_rng_key(&r, 3, 1, 0);
    bm_rng_normals(&r, y, n);
    for (int k = 1; k < P && st == BM_OK; k++) {
        char name[8];

        snprintf(name, sizeof name, "x%d", k);
        bm_rng_normals(&r, x, n);
        for (size_t i = 0; i < n; i++) y[i] += 0.1 * k * x[i];
        for (size_t i = 0; k == 1 && i < n; i += PER) {              /* slopes differ between groups */
            double v = 0.5 * bm_rng_normal(&r);

            for (size_t l = i; l < i + PER; l++) y[l] += v * x[l];
        }
        st = bm_frame_add_numeric(f, name, x, &err);
    }
    for (size_t j = 0; j < groups; j++) {
        double u = bm_rng_normal(&r);

        for (size_t i = j * PER; i < (j + 1) * PER; i++) {
            x[i] = (double)j;
            y[i] += u;
        }
    }
    if (st == BM_OK) st = bm_frame_add_numeric(f, "g", x, &err);
    if (st == BM_OK) st = bm_frame_add_numeric(f, "y", y, &err);
    if (st != BM_OK) bench_die("frame", &err);
    free(x);
    free(y);
    return f;
}

/* Least CPU time of f over at least 5 calls and 50 ms. */
#define LEAST(best, call) \
    do { \
        double start_ = bench_cpu(); \
        int    n_ = 0; \
        for (best = INFINITY; n_ < 5 || bench_cpu() - start_ < 0.05; n_++) { \
            double t_ = bench_cpu(); \
            call; \
            best = fmin(best, bench_cpu() - t_); \
        } \
    } while (0)

/* In the child: one number per line: bytes of cross-products, seconds of an evaluation, of a gradient, of a draw of b and all effects. */
int bench_groups(double groups)
{
    bench_row row = { .field = { "", "memory", "y ~ x1 + x2 + x3 + x4 + x5 + (x1 | g)", "g", NULL } };
    bm_spec  *spec = bench_spec(&row);
    bm_frame *f = bench_frame((size_t)groups);
    bm_model *m = NULL;
    bm_point *pt = NULL;
    bm_error  err = { 0 };
    bm_rng    r;
    double    natural[] = { 1, 0.3, 0.1, 1 }, b[6], beta[6], eval, gradient, draw;

    if (bm_model_new(&m, spec, f, &err) != BM_OK) bench_die("model", &err);
    bm_frame_free(f);
    double *u = malloc(m->post->nu * sizeof *u);
    if (!u || bm_point_new(&pt, m->post, &err) != BM_OK) bench_die("point", &err);
    if (bm_theta_from_natural(&m->post->th, natural, pt->x) != BM_OK || bm_point_eval(pt) != BM_OK) bench_die("theta", NULL);
    bm_rng_key(&r, 1, 1, 1);
    LEAST(eval, if (bm_marginal_eval(pt->m, pt->L, pt->sigma) != BM_OK) bench_die("eval", NULL));
    LEAST(gradient, bm_marginal_gradient(pt->m));
    LEAST(draw, bm_marginal_draw(pt->m, &r, b, u, beta));
    printf("%.9g %.9g %.9g\n", eval, gradient, draw);
    free(u);
    bm_point_free(pt);
    bm_model_free(m);
    bm_spec_free(spec);
    return 0;
}

static void grow_groups(const bench_options *o, FILE *csv)
{
    printf("\nGroups (four rows each, p = 6, q = 2), microseconds of CPU\n%12s %12s %12s %12s %14s %10s\n", "groups", "evaluation", "gradient", "draw b, u", "ns/group (ev.)",
           "peak MB");
    for (double groups = 1e2; groups <= (o->quick ? 1e5 : 1e6); groups *= 10) {
        char   me[1024], a[32], out[128];
        double eval, gradient, draw;

        bench_self(me);
        snprintf(a, sizeof a, "%.0f", groups);
        bench_usage u = bench_run((char *[]){ me, "groups", a, NULL }, -1, out, sizeof out);
        if (u.status != 0 || sscanf(out, "%lf %lf %lf", &eval, &gradient, &draw) != 3) {
            printf("%12.0f failed\n", groups);
            continue;
        }
        printf("%12.0f %12.2f %12.2f %12.2f %14.2f %10.0f\n", groups, 1e6 * eval, 1e6 * gradient, 1e6 * draw, 1e9 * eval / groups, u.mb);
        fflush(stdout);
        if (csv)
            fprintf(csv, "evaluation,%.0f,%.6g,,%.6g\ngradient,%.0f,%.6g,,%.6g\ndraw,%.0f,%.6g,,%.6g\n", groups, eval, u.mb, groups, gradient, u.mb, groups, draw, u.mb);
    }
}

int bench_growth(const bench_options *o)
{
    FILE *csv = o->csv ? fopen(o->csv, "w") : NULL;

    if (o->csv && !csv) bench_die(o->csv, NULL);
    if (csv) fputs("what,size,cpu_s,wall_s,peak_mb\n", csv);
    grow_rows(o, csv);
    grow_groups(o, csv);
    if (csv && fclose(csv) != 0) bench_die(o->csv, NULL);
    return 0;
}
