/* bench.c: how fast, part by part: bench models|reml|kernel|growth|threads|crossed|commands [--quick] [--only MODEL] [--draws N] [--csv FILE] [--rows MOST] [--groups N] [--program BMIXED].
 *
 * Times are seconds of CPU unless said; each number is the median of several runs, with the smallest and largest beside it in the CSV. One thread. */
#include "bench.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double bench_cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, ascending);
    return n ? 0.5 * (v[(n - 1) / 2] + v[n / 2]) : NAN;
}

void bench_die(const char *what, const bm_error *err)
{
    fprintf(stderr, "bench: %s: %s\n", what, err && err->msg[0] ? err->msg : "failed");
    exit(1);
}

bool bench_next(FILE *f, bench_row *row)
{
    while (fgets(row->line, sizeof row->line, f)) {
        char *at = row->line;

        if (*at == '#' || *at == '\n') continue;
        at[strcspn(at, "\n")] = 0;
        for (int i = 0; i < BENCH_FIELDS; i++) row->field[i] = at ? strsep(&at, "\t") : NULL;
        return true;
    }
    return false;
}

static void set(bm_spec *s, const char *key, const char *value)
{
    bm_error err = { 0 };

    if (bm_spec_set(s, key, value, &err) != BM_OK) bench_die(value, &err);
}

bm_spec *bench_spec(const bench_row *row)
{
    bm_spec *s = NULL;
    bm_error err = { 0 };

    if (bm_spec_new(&s, &err) != BM_OK) bench_die("out of memory", &err);
    set(s, "data", row->field[ROW_DATA]);
    set(s, "formula", row->field[ROW_FORMULA]);
    set(s, "factor", row->field[ROW_FACTORS]);
    if (row->field[ROW_PRIORS]) {
        char *copy = bm_strdup(row->field[ROW_PRIORS]), *rest = copy, *one;

        while ((one = strsep(&rest, ";"))) set(s, "prior", one + strspn(one, " "));
        free(copy);
    }
    return s;
}

bench_usage bench_run(char *const argv[], int in, char *out, size_t size)
{
    bench_usage   u = { 0 };
    struct rusage ru;
    int           fd[2];
    double        t0 = bm_clock();
    size_t        n = 0;

    if (pipe(fd) != 0) bench_die("pipe", NULL);
    pid_t pid = fork();
    if (pid < 0) bench_die("fork", NULL);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);

        dup2(in >= 0 ? in : null, 0);
        dup2(out ? fd[1] : null, 1);
        if (!out) dup2(null, 2);
        close(fd[0]);
        close(fd[1]);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(fd[1]);
    for (ssize_t got; out && n + 1 < size && (got = read(fd[0], out + n, size - n - 1)) > 0;) n += (size_t)got;
    if (out) out[n] = 0;
    close(fd[0]);
    if (wait4(pid, &u.status, 0, &ru) < 0) bench_die("wait", NULL);
    u.wall = bm_clock() - t0;
    u.cpu = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) + 1e-6 * (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec);
    u.mb = (double)ru.ru_maxrss / 1024;
    return u;
}

void bench_self(char path[static 1024])
{
    ssize_t n = readlink("/proc/self/exe", path, 1023);

    if (n < 0) bench_die("/proc/self/exe", NULL);
    path[n] = 0;
}

static int usage(void)
{
    fputs("usage: bench models|reml|kernel|growth|threads|crossed|commands [--quick] [--only MODEL] [--draws N] [--csv FILE] [--rows MOST] [--groups N] [--program BMIXED]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    bench_options o = { .repeats = 7, .max_rows = 1e7, .groups = 1e6, .draws = 1000, .program = "build/bmixed" };
    const char   *what = argc > 1 ? argv[1] : "";

    if (!strcmp(what, "generate") && argc == 4) return bench_generate(atof(argv[2]), atof(argv[3]));
    if (!strcmp(what, "table") && argc == 4) return bench_table(atof(argv[2]), atof(argv[3]));
    if (!strcmp(what, "read-rows")) return bench_read_rows();
    if (!strcmp(what, "groups") && argc == 3) return bench_groups(atof(argv[2]));
    if (!strcmp(what, "ratings") && argc == 5) return bench_ratings(atof(argv[2]), atof(argv[3]), atof(argv[4]));
    if (!strcmp(what, "fit-ratings") && argc == 4) return bench_fit_ratings(atoi(argv[2]), atoi(argv[3]));
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--quick")) {
            o.quick = true;
            o.repeats = 3;
        }
        else if (!strcmp(argv[i], "--only") && i + 1 < argc) o.only = argv[++i];
        else if (!strcmp(argv[i], "--csv") && i + 1 < argc) o.csv = argv[++i];
        else if (!strcmp(argv[i], "--rows") && i + 1 < argc) o.max_rows = atof(argv[++i]);
        else if (!strcmp(argv[i], "--groups") && i + 1 < argc) o.groups = atof(argv[++i]);
        else if (!strcmp(argv[i], "--draws") && i + 1 < argc) o.draws = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--program") && i + 1 < argc) o.program = argv[++i];
        else return usage();
    }
    if (o.quick && o.max_rows > 1e6) o.max_rows = 1e6;
    if (!strcmp(what, "models")) return bench_models(&o);
    if (!strcmp(what, "reml")) return bench_reml(&o);
    if (!strcmp(what, "kernel")) return bench_kernel(&o);
    if (!strcmp(what, "growth")) return bench_growth(&o);
    if (!strcmp(what, "threads")) return bench_threads(&o);
    if (!strcmp(what, "crossed")) return bench_crossed(&o);
    if (!strcmp(what, "commands")) return bench_commands(&o);
    return usage();
}
