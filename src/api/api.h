/* api: the public functions: composes the rooms. Private header. */
#ifndef BM_API_ROOM_H
#define BM_API_ROOM_H

#include "draws/draws.h"
#include "fit/fit.h"
#include "posterior/posterior.h"
#include "report/report.h"

struct bm_model {
    bm_spec    *spec;          /* a copy */
    bm_formula *formula;
    bm_frame   *frame;         /* the model's columns */
    bm_design  *design;        /* without the columns whose coefficients are constants */
    bm_priors  *priors;
    bm_stats   *stats;
    bm_post    *post;
    bm_strv     monitored;     /* lp__, b_, sd_, cor_, sigma */
    double      read_seconds;
    size_t      held;          /* rows that were held to decide on the columns, where the others were not kept; 0: all are there */
    char        reading[400];  /* how the data were read, where that was a question; else "" */
    bm_error    refusal;       /* why there is no posterior to sample (improper, perfect fit); code 0: there is one */
    bool        borrows;       /* all but the response, stats and post belong to another model */
};

struct bm_fit {
    const bm_model *model;     /* must outlive the fit */
    bm_fit_options  opt;
    bm_draws       *draws;
    size_t          nmonitored;
    bm_summary_row *summary;
    bm_ranef_row   *ranef;  size_t nranef;
    bm_derived_row *derived; size_t nderived;
    bm_run_info     run;
    bm_strv         notes, warnings;
};

enum { BM_BLOCK_MAX = 32 };

/* bm_sbc_run by one kernel alone. */
bm_status bm_sbc_run_by(bm_sbc **out, const bm_model *m, const bm_sbc_options *opt, bm_move kernel, bm_error *err);

/* One draw of every monitored parameter (lp__ aside) from its prior; BM_EINVAL, named, where that is improper. Coefficients under flat priors: 0. */
bm_status bm_draw_prior(const bm_model *m, bm_rng *rng, double *value, bm_error *err);
/* y (n) given the parameters in that order; group effects u (in the order of bm_marginal_draw) and residuals are drawn. */
bm_status bm_simulate_response(const bm_model *m, const double *value, bm_rng *rng, double *y, double *u, bm_error *err);
/* y (n) given the parameters and the group effects. */
void      bm_simulate_residuals(const bm_model *m, const double *value, const double *u, bm_rng *rng, double *y);
/* The same model for another response y (n) on the same rows; priors stay as they are. It borrows from m, which must outlive it. basis: of m's design,
 * by which only what depends on y is computed anew; or NULL. */
bm_status bm_model_with_response(bm_model **out, const bm_model *m, const bm_basis *basis, const double *y, bm_error *err);

/* Do coefficients and group effects together leave nothing of the response but rounding? A property of the data alone. */
bm_status bm_model_fits_perfectly(const bm_model *m, bool *perfect, bm_error *err);
/* The reason why the model cannot be fitted, if there is one. REML and simulation do without a posterior. */
bm_status bm_model_refusal(const bm_model *m, bm_error *err);
/* The sampler that a fit of it would take, and why. Where costs do not settle it a pilot takes its time: only for those who want to know without a fit. */
typedef struct { bool collapsed; char why[256]; } bm_choice;
bm_status bm_model_choose(const bm_model *m, bm_choice *c, bm_error *err);

/* Does the prior fix coefficient k, so that its column moves to the offset? */
bool bm_model_fixes(const bm_priors *p, int intercept, size_t k);
/* It does so in the rows; names, moments and priors stay. There is an offset. */
void bm_model_fix_column(bm_design *d, size_t k, double value);

/* ---- data of which only cross-products are kept (model_stream.c) ---- */

/* The file of the model's data, opened; the columns that the model needs. */
bm_status bm_model_source(bm_model *m, bm_source **src, bm_strv *want, bm_error *err);
/* The source's first rows decide. *kept: the model needs all rows, or there are no more than `hold`; bm_source_read goes on. Else design, statistics and an
 * empty frame are the model's. src is replaced where the file has to be read again, after a level that came late. */
bm_status bm_model_stream(bm_model *m, bm_source **src, const bm_strv *want, size_t hold, bool *kept, bm_error *err);
/* BM_EINVAL where rows are needed and were not kept; what: "REML". */
bm_status bm_model_needs_rows(const bm_model *m, const char *what, bm_error *err);

/* ---- results on disk (saved.c) ---- */

/* An output directory read back, or draws of others: then only draws and summary are there. */
typedef struct {
    char           *dir;         /* NULL: draws of others */
    bm_draws       *draws;
    bm_summary_row *summary;
    void           *json;        /* cJSON of summary.json, or NULL */
    char           *hash, *command, *version;    /* of the data; of the fit. NULL where unknown */
    bm_run_info     run;         /* acceptance NULL, pareto_k NaN where unknown */
    bm_strv         notes;
    bool            borrows;     /* the draws are the caller's, and there is no summary of them */
} bm_saved;

/* s: zeroed; to be cleared also after a failure. */
bm_status bm_saved_read(bm_saved *s, const char *const *paths, size_t npaths, bm_error *err);
/* What dir holds beside draws that have been read already and outlive s. */
bm_status bm_saved_beside(bm_saved *s, const bm_draws *draws, const char *dir, bm_error *err);
/* model.json; the caller frees it. */
bm_status bm_saved_spec(const bm_saved *s, bm_spec **out, bm_error *err);
/* The model that was fitted, from model.json and the data. BM_EINVAL where these are not the data (by their hash) or not the parameters of
 * the draws. */
bm_status bm_saved_model(const bm_saved *s, size_t hold, bm_model **out, bm_error *err);      /* hold: as bm_model_new_streamed has it; 0: all rows */
bm_status bm_saved_model_of(const bm_saved *s, const bm_spec *spec, size_t hold, bm_model **out, bm_error *err);     /* the same, of a model.json that has been read */
char     *bm_saved_path(const char *dir, const char *name);      /* to be freed; NULL: out of memory */
/* ranef.csv of a directory and the derived quantities of summary.json; the caller frees. */
bm_status bm_saved_ranef(const char *dir, const bm_model *m, bm_ranef_row **out, size_t *n, bm_error *err);
bm_status bm_saved_derived(const bm_saved *s, bm_derived_row **out, size_t *n, bm_error *err);
/* Fitted values (n) at the posterior means; data drawn from the posterior (predictive.c). The caller frees *out, and out->y. */
bm_status bm_saved_fitted(const bm_saved *s, const bm_model *m, const bm_ranef_row *ranef, size_t nranef, double **out, bm_error *err);
bm_status bm_saved_predictive(const bm_saved *s, const bm_model *m, bm_predictive *out, bm_error *err);
void      bm_saved_clear(bm_saved *s);
/* All checks (diagnose.c). m: NULL where the model is not known, for the reason why. */
bm_status bm_saved_checks(const bm_saved *s, const bm_model *m, const char *why, bm_checks *out, bm_error *err);

struct bm_conditionals;
/* Fills in what follows from the draws: summary, ranef, derived, warnings. c: where quantiles of the group effects come from; NULL where draws has them. */
bm_status bm_fit_results(bm_fit *f, const bm_mcmc_info *info, const struct bm_conditionals *c, bm_error *err);
void      bm_fit_view(const bm_fit *f, bm_result *r);

#endif
