/* plot.c: brings together what there is to draw: saved draws, the model and data behind them where those are still there and
 * still the same, the group effects written beside them, and a REML fit. */
#include "api/api.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    bm_spec      *spec;
    bm_model     *model;
    bm_ranef_row *ranef;
    bm_reml      *reml;
    bm_error      no_data, no_reml;
} sources;

static void sources_free(sources *s)
{
    bm_reml_free(s->reml);
    free(s->ranef);
    bm_model_free(s->model);
    bm_spec_free(s->spec);
}

/* ---- the model ---- */

/* A model that cannot be read back is no failure: the draws can still be drawn. */
static bm_status read_model(sources *s, const bm_draws *draws, const char *dir, size_t hold, bm_error *err)
{
    bm_saved  saved = { 0 };
    bm_status st = bm_saved_beside(&saved, draws, dir, &s->no_data);

    if (st == BM_OK) st = bm_saved_spec(&saved, &s->spec, &s->no_data);
    if (st == BM_OK) st = bm_saved_model_of(&saved, s->spec, hold, &s->model, &s->no_data);
    bm_saved_clear(&saved);
    return st == BM_ENOMEM ? bm_nomem(err) : BM_OK;
}

/* ---- ranef.csv, for group effects whose draws were not kept ---- */

/* A file that is missing or not of this model is no failure: the group effects are then not drawn. */
static bm_status read_ranef(sources *s, const char *dir, bm_error *err)
{
    size_t    n;
    bm_status st = bm_saved_ranef(dir, s->model, &s->ranef, &n, NULL);

    if (st == BM_OK) return BM_OK;
    free(s->ranef);
    s->ranef = NULL;
    return st == BM_ENOMEM ? bm_nomem(err) : BM_OK;
}

/* ---- REML ---- */

static bool has_intervals(const bm_reml *r)
{
    for (size_t i = 0; i < r->ninterval; i++)
        if (isfinite(r->interval[i].lower)) return true;
    return false;
}

/* With profile intervals where they can be had. */
static bm_status fit_reml(sources *s, bm_error *err)
{
    bm_reml_options opt = BM_REML_OPTIONS_INIT;
    bm_status       st;

    opt.ci = BM_CI_PROFILE;
    st = bm_reml_run(&s->reml, s->model, &opt, &s->no_reml);
    if (st == BM_OK && has_intervals(s->reml)) return BM_OK;
    bm_reml_free(s->reml);
    s->reml = NULL;
    s->no_reml = (bm_error){ 0 };
    opt.ci = BM_CI_WALD;
    st = bm_reml_run(&s->reml, s->model, &opt, &s->no_reml);
    return st == BM_ENOMEM ? bm_nomem(err) : BM_OK;
}

/* ---- the whole ---- */

static bm_status read_dir(sources *s, const bm_draws *draws, const char *dir, const bm_plot_options *opt, bm_error *err)
{
    bm_status st = read_model(s, draws, dir, bm_plot_wants_rows(opt) ? 0 : opt->hold_rows, err);

    if (st != BM_OK || !s->model) return st;
    if ((st = read_ranef(s, dir, err)) != BM_OK) return st;
    return bm_plot_wants_reml(opt) ? fit_reml(s, err) : BM_OK;
}

bm_status bm_plot_run(bm_plots **out, const bm_draws *draws, const char *dir, const bm_plot_options *opt, bm_error *err)
{
    static const bm_plot_options defaults = BM_PLOT_OPTIONS_INIT;
    sources       s = { 0 };
    bm_plot_input in = { 0 };
    bm_status     st;

    *out = NULL;
    if (!opt) opt = &defaults;
    if ((st = bm_plot_check_kinds(opt, err)) != BM_OK) goto done;
    if (dir) {
        if ((st = read_dir(&s, draws, dir, opt, err)) != BM_OK) goto done;
    } else bm_fail(&s.no_data, BM_EINVAL, "a file of draws does not say which model and data they are of; give the output "
                   "directory of a fit");
    in = (bm_plot_input){ .draws = draws, .spec = s.spec, .design = s.model ? s.model->design : NULL,
                         .priors = s.model ? s.model->priors : NULL,
                          .ranef = s.ranef, .reml = s.reml, .no_data = s.no_data.msg[0] ? s.no_data.msg : NULL,
                          .no_reml = s.no_reml.msg[0] ? s.no_reml.msg : NULL, .opt = opt };
    st = bm_report_plots(out, &in, err);
done:
    sources_free(&s);
    return st;
}
