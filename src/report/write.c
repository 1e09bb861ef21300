/* write.c: the files of an output directory, and their order: what depends only on seed, data and model first, the summary with its
 * timings last. */
#include "report/report_priv.h"

#include <fcntl.h>
#include <time.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bm_status write_stan(bm_outdir *o, const bm_result *r, bm_error *err)
{
    bm_status st = BM_OK;
    bm_file   f;

    for (size_t c = 0; c < r->draws->nchain && st == BM_OK; c++) {
        char name[40];

        snprintf(name, sizeof name, "draws-%zu.csv", c + 1);
        if ((st = bm_outdir_file(o, &f, name, err)) != BM_OK) return st;
        st = bm_file_close(&f, bm_write_stan_csv(&f, r, c, err), err);
    }
    if (st != BM_OK || (st = bm_outdir_file(o, &f, "draws-labels.json", err)) != BM_OK) return st;
    return bm_file_close(&f, bm_write_stan_labels(&f, r, err), err);
}

static bm_status write_draws(bm_outdir *o, const bm_result *r, bm_format format, bm_error *err)
{
    bm_file   f;
    bm_status st;

    switch (format) {
    case BM_FORMAT_NONE:
        return BM_OK;
    case BM_FORMAT_CMDSTAN:
        return write_stan(o, r, err);
    case BM_FORMAT_JSON:
        if ((st = bm_outdir_file(o, &f, "draws.json", err)) != BM_OK) return st;
        return bm_file_close(&f, bm_write_draws_json(&f, r, err), err);
    case BM_FORMAT_CSV:
        if ((st = bm_outdir_file(o, &f, "draws.csv", err)) != BM_OK) return st;
        return bm_file_close(&f, bm_write_draws_csv(&f, r->draws, err), err);
    }
    return bm_fail(err, BM_EINVAL, "unknown format %d for the draws", (int)format);
}

static bm_status write_tables(bm_outdir *o, const bm_result *r, bm_error *err)
{
    bm_file   f;
    bm_status st;

    if ((st = bm_outdir_file(o, &f, "summary.csv", err)) != BM_OK) return st;
    if ((st = bm_file_close(&f, bm_write_summary_csv(&f, r->summary, r->draws->nvar, err), err)) != BM_OK) return st;
    if ((st = bm_outdir_file(o, &f, "ranef.csv", err)) != BM_OK) return st;
    if ((st = bm_file_close(&f, bm_write_ranef_csv(&f, r, err), err)) != BM_OK) return st;
    if ((st = bm_outdir_file(o, &f, "model.json", err)) != BM_OK) return st;
    return bm_file_close(&f, bm_write_model_json(&f, r, err), err);
}

/* The time spent writing is known only now. */
static bm_status write_summary(bm_outdir *o, const bm_result *r, const char *command, double seconds, bm_error *err)
{
    bm_run_info run = *r->run;
    bm_result   timed = *r;
    bm_file     f;
    bm_status   st;

    run.write_seconds = seconds;
    run.total_seconds += seconds;
    timed.run = &run;
    if ((st = bm_outdir_file(o, &f, "summary.json", err)) != BM_OK) return st;
    return bm_file_close(&f, bm_write_summary_json(&f, &timed, command, err), err);
}

bm_status bm_report_dir(const bm_result *r, const char *dir, const bm_write_options *opt, bm_error *err)
{
    static const bm_write_options defaults = BM_WRITE_OPTIONS_INIT;
    double                        start = now();
    bm_outdir                     o;
    bm_status                     st;

    if (!opt) opt = &defaults;
    if ((st = bm_outdir_open(&o, dir, opt, err)) != BM_OK) goto done;
    if ((st = write_draws(&o, r, opt->format, err)) != BM_OK) goto done;
    if ((st = write_tables(&o, r, err)) != BM_OK) goto done;
    if ((st = write_summary(&o, r, opt->command, now() - start, err)) != BM_OK) goto done;
    st = bm_outdir_commit(&o, err);
done:
    bm_outdir_close(&o);
    return st;
}

bm_status bm_report_draws_csv(const bm_draws *d, const char *path, bm_error *err)
{
    bm_file   f;
    bm_status st = bm_file_open(&f, AT_FDCWD, NULL, path, err);

    if (st != BM_OK) return st;
    return bm_file_close(&f, bm_write_draws_csv(&f, d, err), err);
}
