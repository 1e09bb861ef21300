/* report.c: the report of an output directory: reads it back, judges it, compares it with REML, and writes one HTML page. */
#include "api/compare_priv.h"

#include <stdlib.h>

/* What the page needs besides the saved results; owned. */
typedef struct {
    bm_saved        saved;
    bm_model       *model;
    bm_compare     *compare;     /* with REML; NULL: there is no such fit */
    bm_ranef_row   *ranef;   size_t nranef;
    bm_derived_row *derived; size_t nderived;
    bm_checks       checks;
    bm_predictive   predictive;
    double         *fitted;
} materials;

static void clear(materials *a)
{
    for (size_t i = 0; i < a->nderived; i++) {
        free(a->derived[i].name);
        free(a->derived[i].meaning);
    }
    free(a->derived);
    free(a->ranef);
    free(a->fitted);
    free(a->predictive.y);
    bm_checks_free(&a->checks);
    bm_compare_free(a->compare);
    bm_model_free(a->model);
    bm_saved_clear(&a->saved);
}

/* Lines over the data, and data drawn from the posterior. */
static bm_status gather_rows(materials *a, bm_error *err)
{
    bm_status st;

    if (bm_model_needs_rows(a->model, "this", NULL) != BM_OK)
        return bm_strv_addf(&a->saved.notes, err, "fitted lines and the posterior predictive check are left out: they are made of rows, and of data with more than %zu rows these "
                            "were not kept (--hold-rows)", a->model->held);
    st = bm_saved_fitted(&a->saved, a->model, a->ranef, a->nranef, &a->fitted, err);
    return st == BM_OK ? bm_saved_predictive(&a->saved, a->model, &a->predictive, err) : st;
}

static bm_status gather(materials *a, const char *dir, size_t hold, bm_error *why_no_reml, bm_error *err)
{
    bm_status st;

    if ((st = bm_saved_read(&a->saved, &dir, 1, err)) != BM_OK) return st;
    if (!a->saved.json) return bm_fail(err, BM_EINVAL, "%s is not an output directory of bmixed fit: a report needs its summary.json and model.json", dir);
    if ((st = bm_saved_model(&a->saved, hold, &a->model, err)) != BM_OK) return st;
    if ((st = bm_saved_ranef(a->saved.dir, a->model, &a->ranef, &a->nranef, err)) != BM_OK) return st;
    if ((st = bm_saved_derived(&a->saved, &a->derived, &a->nderived, err)) != BM_OK) return st;
    if ((st = bm_saved_checks(&a->saved, a->model, "", &a->checks, err)) != BM_OK) return st;
    if ((st = gather_rows(a, err)) != BM_OK) return st;
    st = bm_compare_saved(&a->compare, a->model, &a->saved, why_no_reml);
    return st == BM_ENOMEM ? bm_nomem(err) : BM_OK;
}

bm_status bm_report_write_streamed(const char *dir, size_t hold_rows, FILE *out, bm_error *err)
{
    materials a = { 0 };
    bm_error  why = { 0 };
    bm_status st = gather(&a, dir, hold_rows, &why, err);

    if (st == BM_OK) {
        bm_result     r = { .spec = a.model->spec, .frame_info = a.model->frame, .design = a.model->design, .priors = a.model->priors,
                            .options = &a.model->spec->fit, .draws = a.saved.draws, .nmonitored = a.model->monitored.n, .summary = a.saved.summary,
                            .ranef = a.ranef, .nranef = a.nranef, .derived = a.derived, .nderived = a.nderived, .run = &a.saved.run,
                            .notes = &a.saved.notes };
        bm_html_input in = { .result = &r, .checks = &a.checks, .comparison = a.compare ? &a.compare->view : NULL, .reml_missing = why.msg, .predictive = &a.predictive,
                             .fitted = a.fitted, .dir = dir, .command = a.saved.command, .version = a.saved.version, .hash = a.saved.hash };

        st = bm_report_html(&in, out, err);
    }
    clear(&a);
    return st;
}

bm_status bm_report_write(const char *dir, FILE *out, bm_error *err)
{
    return bm_report_write_streamed(dir, 0, out, err);
}
