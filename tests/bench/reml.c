/* reml.c: REML fits of reml_models.tsv: reading apart from fitting. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

/* Intervals aside: lme4 makes none either. */
static bool fit_once(const bench_row *row, double *read, double *fit, double *criterion, bm_error *err)
{
    bm_spec        *spec = bench_spec(row);
    bm_model       *m = NULL;
    bm_reml        *r = NULL;
    bm_reml_options opt = BM_REML_OPTIONS_INIT;
    double          t0 = bench_cpu(), t1;
    bool            ok = bm_model_new(&m, spec, NULL, err) == BM_OK;

    opt.ci = BM_CI_NONE;
    t1 = bench_cpu();
    if (ok && (ok = bm_reml_run(&r, m, &opt, err) == BM_OK)) {
        *read = t1 - t0;
        *fit = bench_cpu() - t1;
        *criterion = bm_reml_criterion(r);
    }
    bm_reml_free(r);
    bm_model_free(m);
    bm_spec_free(spec);
    return ok;
}

static void bench_one(const bench_row *row, const bench_options *o, FILE *csv)
{
    double   read[BENCH_REPEATS_MAX], fit[BENCH_REPEATS_MAX], criterion = 0;
    bm_error err = { 0 };
    size_t   n = (size_t)o->repeats * 3;

    for (size_t i = 0; i < n; i++)
        if (!fit_once(row, &read[i], &fit[i], &criterion, &err)) {
            printf("%-12s not supported: %s\n", row->field[ROW_NAME], err.msg);
            return;
        }
    double middle = bench_median(fit, n), reading = bench_median(read, n);
    printf("%-12s %10.2f %10.2f %10.2f %10.2f %16.6f\n", row->field[ROW_NAME], 1e3 * reading, 1e3 * middle, 1e3 * fit[0], 1e3 * fit[n - 1], criterion);
    if (csv) fprintf(csv, "%s,%zu,%.6g,%.6g,%.6g,%.6g,%.10g\n", row->field[ROW_NAME], n, reading, middle, fit[0], fit[n - 1], criterion);
}

int bench_reml(const bench_options *o)
{
    FILE     *f = fopen("tests/bench/reml_models.tsv", "r"), *csv = o->csv ? fopen(o->csv, "w") : NULL;
    bench_row row;

    if (!f) bench_die("tests/bench/reml_models.tsv: run from the root of the repository", NULL);
    if (o->csv && !csv) bench_die(o->csv, NULL);
    printf("REML, milliseconds of CPU, medians of %d\n%-12s %10s %10s %10s %10s %16s\n", 3 * o->repeats, "model", "read", "fit", "fit min", "fit max", "criterion");
    if (csv) fputs("model,runs,read_s,fit_s,fit_s_min,fit_s_max,criterion\n", csv);
    while (bench_next(f, &row))
        if (!o->only || !strcmp(o->only, row.field[ROW_NAME])) bench_one(&row, o, csv);
    fclose(f);
    if (csv && fclose(csv) != 0) bench_die(o->csv, NULL);
    return 0;
}
