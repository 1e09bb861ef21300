/* commands.c: whole commands, started as a user starts them. */
#include "bench.h"

#include <stdlib.h>

static void bench_command(const char *title, char *const argv[], const bench_options *o, FILE *csv)
{
    double wall[BENCH_REPEATS_MAX], cpu[BENCH_REPEATS_MAX], mb = 0;
    size_t n = (size_t)o->repeats * 3;

    for (size_t i = 0; i < n; i++) {
        bench_usage u = bench_run(argv, -1, NULL, 0);

        if (u.status != 0) bench_die(title, NULL);
        wall[i] = u.wall;
        cpu[i] = u.cpu;
        if (u.mb > mb) mb = u.mb;
    }
    double c = bench_median(cpu, n), w = bench_median(wall, n);
    printf("%-44s %8.1f %8.1f %8.1f %8.1f %8.1f\n", title, 1e3 * c, 1e3 * cpu[0], 1e3 * w, 1e3 * wall[0], mb);
    if (csv) fprintf(csv, "%s,%zu,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.4g\n", title, n, c, cpu[0], cpu[n - 1], w, wall[0], wall[n - 1], mb);
}

int bench_commands(const bench_options *o)
{
    char *bmixed = bm_strdup(o->program);
    FILE *csv = o->csv ? fopen(o->csv, "w") : NULL;

    if (!bmixed || (o->csv && !csv)) bench_die("commands", NULL);
    printf("Start to finish, milliseconds and MB, medians of %d\n%-44s %8s %8s %8s %8s %8s\n", 3 * o->repeats, "command", "CPU", "least", "wall", "least", "peak MB");
    if (csv) fputs("command,runs,cpu_s,cpu_s_min,cpu_s_max,wall_s,wall_s_min,wall_s_max,peak_mb\n", csv);
    bench_command("bmixed --version", (char *[]){ bmixed, "--version", NULL }, o, csv);
    bench_command("bmixed fit sleepstudy -o DIR", (char *[]){ bmixed, "fit", "models/sleepstudy.json", "-q", "-o", "build/bench/out", "--force", NULL }, o, csv);
    bench_command("bmixed fit sleepstudy -o DIR --threads 1",
                  (char *[]){ bmixed, "fit", "models/sleepstudy.json", "-q", "-o", "build/bench/out", "--force", "--threads", "1", NULL }, o, csv);
    bench_command("bmixed reml sleepstudy", (char *[]){ bmixed, "reml", "models/sleepstudy.json", NULL }, o, csv);
    free(bmixed);
    if (csv && fclose(csv) != 0) bench_die(o->csv, NULL);
    return 0;
}
