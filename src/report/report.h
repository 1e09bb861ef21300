/* report: what people and other programs read: output directories, CSV, JSON, terminal tables. Knows nothing of sampling. */
#ifndef BM_REPORT_H
#define BM_REPORT_H

#include "draws/draws.h"
#include "model/model.h"
#include "report/calibration.h"
#include "report/compare.h"

/* Posterior of one group effect. */
typedef struct {
    size_t factor, level, term;      /* indices into the design */
    double mean, sd;                 /* Rao-Blackwellised: averages of exact conditional moments */
    double q5, q50, q95;             /* from kept draws where those are kept, else from the conditional moments' mixture (normal) */
} bm_ranef_row;

/* A quantity computed from the draws: "icc_Subject", "share_Subject__Intercept", ... */
typedef struct { char *name, *meaning; double mean, sd, q2_5, q50, q97_5; } bm_derived_row;

/* How the sampling went. */
typedef struct {
    const char *sampler;             /* "collapsed", "gibbs" */
    char        why[256];            /* why that one */
    char        kernel[256];         /* in words: "independence Metropolis, mixture of 3 t's; 5 % local steps" */
    size_t      nchain;
    size_t      warmup;              /* iterations of each chain that adapted the sampler: what was asked for, or fewer where the proposal fitted sooner */
    double     *acceptance;          /* nchain: of the main kernel, after warm-up */
    double      pareto_k;            /* of posterior / proposal over the kept draws; NaN if the kernel has no independence proposal */
    uint64_t    evaluations;         /* of the marginal posterior, warm-up included */
    uint64_t    warmup_evaluations;
    double      top_ratio;           /* the largest posterior / proposal over its mean; NaN as pareto_k */
    double      log_evidence, log_evidence_se;   /* log p(y); NaN where a prior is improper or the kernel has no independence proposal */
    const char *no_evidence;         /* why there is none, or NULL */
    double      read_seconds, warmup_seconds, sampling_seconds, write_seconds, total_seconds;
    bool        interrupted;
} bm_run_info;

/* Everything known at the end of a fit. Borrowed pointers: the fit owns them. */
typedef struct {
    const bm_spec        *spec;
    const bm_frame       *frame_info;    /* path, hash, n (columns may be gone); may be NULL */
    const bm_design      *design;
    const bm_priors      *priors;
    const bm_fit_options *options;
    const bm_draws       *draws;         /* lp__, b_, sd_, cor_, sigma, then r_ if kept */
    size_t                nmonitored;    /* the first variables of draws: all but r_ */
    const bm_summary_row *summary;       /* one per variable of draws */
    const bm_ranef_row   *ranef;  size_t nranef;
    const bm_derived_row *derived; size_t nderived;
    const bm_run_info    *run;
    const bm_strv        *notes;         /* things to know */
    const bm_strv        *warnings;      /* reasons not to trust the result */
} bm_result;

/* ---- files (write.c, one file per format) ---- */
bm_status bm_report_dir(const bm_result *r, const char *dir, const bm_write_options *opt, bm_error *err);   /* whole or not at all */
bm_status bm_report_check_dir(const char *dir, bool force, bm_error *err);
/* The name of an output directory as it is meant (a symbolic link followed), and tail after it. The caller frees *out. */
bm_status bm_report_beside(char **out, const char *dir, const char *tail, bm_error *err);
bm_status bm_report_model_json(const bm_spec *spec, const bm_fit_options *options, bm_buf *out, bm_error *err);
bm_status bm_report_draws_csv(const bm_draws *d, const char *path, bm_error *err);
bm_status bm_report_summary_json(const bm_result *r, const char *command, bm_buf *out, bm_error *err);
/* ---- reading draws back (read_draws.c) is in draws ---- */

/* ---- terminal (terminal.c) ---- */
bm_status bm_report_fit(const bm_result *r, FILE *out, const bm_print_options *opt, bm_error *err);
bm_status bm_report_summary_table(const bm_draws *d, const bm_summary_row *rows, FILE *out, const bm_summary_options *sopt,
                                  const bm_print_options *opt, bm_error *err);

/* What would be fitted. why: sampler and reason. */
typedef struct {
    const bm_spec *spec; const bm_frame *frame_info; const bm_design *design; const bm_priors *priors;
    const char *sampler, *why;
    size_t ntheta;                   /* free dimensions of theta */
    const bm_strv *parameters;       /* names of the monitored parameters */
} bm_plan;
bm_status bm_report_plan(const bm_plan *p, FILE *out, const bm_print_options *opt, bm_error *err);

/* ---- checks (checks_print.c) ---- */
const char *bm_checks_overall(const bm_checks *c);       /* one sentence */
bm_status   bm_report_checks(const bm_checks *c, const bm_draws *d, FILE *out, const bm_print_options *opt, bm_error *err);

/* ---- the report in HTML (html_report.c and its parts) ---- */

/* Data drawn from the posterior beside the data. */
typedef struct { const char *name; double observed, q2_5, q50, q97_5, p; } bm_predictive_stat;   /* p: share of replications >= observed */
typedef struct {
    size_t             nrep;             /* shown */
    double            *y;                /* nrep x n */
    size_t             nsim;             /* simulated for the statistics */
    size_t             nstat;
    bm_predictive_stat stat[6];
    bool               new_groups;       /* group effects drawn anew, since their draws were not kept */
} bm_predictive;

/* Everything that the page shows; borrowed. */
typedef struct {
    const bm_result     *result;
    const bm_checks     *checks;
    const bm_comparison *comparison;     /* with REML: parameters and why they differ; NULL: for the reason reml_missing */
    const char          *reml_missing;
    const bm_predictive *predictive;
    const double        *fitted;         /* n: at the posterior means */
    const char          *dir, *command, *version, *hash;     /* of the fit; NULL where unknown */
} bm_html_input;
bm_status bm_report_html(const bm_html_input *in, FILE *out, bm_error *err);

/* ---- REML and ML (reml_print.c, reml_json.c, anova_print.c): opt->json chooses between text and JSON ---- */
bm_status bm_report_reml(const bm_reml *r, FILE *out, const bm_print_options *opt, bm_error *err);
bm_status bm_report_reml_dir(const bm_reml *r, const char *dir, const bm_write_options *opt, bm_error *err);    /* dir/reml.json */
bm_status bm_report_anova(const bm_anova *a, FILE *out, const bm_print_options *opt, bm_error *err);

/* ---- plots (plot.c; one file per kind) ---- */

/* What there is to draw. Only the draws are always there. */
typedef struct {
    const bm_draws     *draws;
    const bm_spec      *spec;            /* NULL: the model is not known */
    const bm_design    *design;          /* NULL, as priors: no model or no data; then no_data says why */
    const bm_priors    *priors;
    const bm_ranef_row *ranef;           /* of every group effect, factor by factor, level by level; for where their draws were not kept; may be NULL */
    const bm_reml      *reml;            /* NULL: not wanted, or it failed; then no_reml may say why */
    const char         *no_data, *no_reml;
    const bm_plot_options *opt;
} bm_plot_input;

struct bm_plots {
    struct bm_plot_file { char *file, *title, *alt, *bytes; size_t n; } *v;
    size_t  n, cap;
    bm_strv notes;
};

/* An unknown kind is an error with the closest one. */
bm_status bm_plot_check_kinds(const bm_plot_options *opt, bm_error *err);
/* Does any of the kinds asked for need a REML fit? */
bool      bm_plot_wants_reml(const bm_plot_options *opt);
bool      bm_plot_wants_rows(const bm_plot_options *opt);     /* of kinds that were asked for by name */
bm_status bm_report_plots(bm_plots **out, const bm_plot_input *in, bm_error *err);

#endif
