/* bmixed.h: Bayesian mixed models from C. Copyright (C) 2026 the bmixed authors. GPL-3.0-or-later.
 *
 * Conventions.
 *  - Argument order: handle, outputs, inputs (a length right after its array), options, bm_error * last.
 *  - What comes through a `**out` is yours to free; what a function returns is borrowed and lives as long as its handle.
 *    Inputs are read or copied during the call and never kept. Every _free takes NULL.
 *  - A negative status is a failure, with one message in err (err may be NULL); a positive one is an outcome to act on.
 *  - Once built, a bm_frame, bm_spec, bm_model or bm_fit is only read, so threads may share it. No globals.
 *  - The library never prints (except to a FILE * it is handed), exits or aborts. GSL's error handler is the caller's affair.
 *  - Matrices are column-major. Missing numbers are NaN, missing factor codes are -1. */
#ifndef BMIXED_H
#define BMIXED_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BM_VERSION "0.1.0"

#if defined(__GNUC__)
#define BM_API __attribute__((visibility("default")))
#define BM_MUST_CHECK __attribute__((warn_unused_result))
#else
#define BM_API
#define BM_MUST_CHECK
#endif

/* ---- errors ----------------------------------------------------------------------------------------------------- */

typedef enum {
    BM_OK = 0,
    BM_ENOMEM = -1,   /* out of memory */
    BM_EINVAL = -2,   /* what was asked for is not possible: formula, priors, model, options */
    BM_EPARSE = -3,   /* text that cannot be read: CSV, formula, JSON */
    BM_EIO = -4,      /* the system refused: file, directory, pipe */
    BM_ENUMERIC = -5, /* the numbers do not work out: perfect fit, improper posterior found while fitting */
    BM_ELIBRARY = -6, /* a shared library that the model needs cannot be loaded */
    BM_NOT_PD = 1,    /* finished, but: not positive definite (a proposal to reject) */
    BM_INTERRUPTED = 2/* finished, but: stopped on request; what there is so far is valid */
} bm_status;

typedef struct { bm_status code; char msg[1024]; } bm_error;   /* zero it before use: the first message is kept */

BM_API const char *bm_version(void);

/* ---- data ------------------------------------------------------------------------------------------------------- */

typedef struct bm_frame bm_frame;   /* named columns of equal length, numeric or factor */

/* An empty frame of n rows, to be filled from memory. */
BM_API BM_MUST_CHECK bm_status bm_frame_new(bm_frame **out, size_t n, bm_error *err);
/* x: n numbers, NaN = missing. */
BM_API BM_MUST_CHECK bm_status bm_frame_add_numeric(bm_frame *f, const char *name, const double *x, bm_error *err);
/* labels: n strings, NULL = missing. Levels: numeric order when every label is a number, else byte order. */
BM_API BM_MUST_CHECK bm_status bm_frame_add_factor(bm_frame *f, const char *name, const char *const *labels, bm_error *err);
BM_API size_t bm_frame_rows(const bm_frame *f);
/* The names of the columns of a CSV file, one a line; nothing but its header is read. */
BM_API BM_MUST_CHECK bm_status bm_columns_print(const char *path, FILE *out, bm_error *err);
BM_API void   bm_frame_free(bm_frame *f);

/* ---- what is asked for: a specification ------------------------------------------------------------------------- */

typedef struct bm_spec bm_spec;

/* An empty specification; fill it with bm_spec_set. */
BM_API BM_MUST_CHECK bm_status bm_spec_new(bm_spec **out, bm_error *err);
/* From a model file (JSON). "data" is resolved relative to the file. */
BM_API BM_MUST_CHECK bm_status bm_spec_read(bm_spec **out, const char *path, bm_error *err);
/* Keys are the long options of the command line: formula, data, family, name, title, prior (adds one), factor (adds "a,b"),
 * levels (adds "COL=a,b,c"), contrasts ("sum", or adds "COL=sum"), na (omit|fail), na-strings, delim, weights, se, chains,
 * warmup, draws, thin, seed, threads, target-ess, sampler, ranef-draws. Values are text as typed. */
BM_API BM_MUST_CHECK bm_status bm_spec_set(bm_spec *s, const char *key, const char *value, bm_error *err);
/* The text of one key as bm_spec_set takes it, or NULL where it is unset or has several values. */
BM_API const char *bm_spec_get(const bm_spec *s, const char *key);
BM_API void bm_spec_free(bm_spec *s);

typedef struct {
    const char *phase;          /* "reading", "warm-up", "sampling", "data sets" */
    uint64_t    done, total;    /* bytes of the file; iterations over all chains; data sets. total 0: unknown */
    double      rhat, ess;      /* sampling: the largest R-hat and the smallest bulk ESS of the draws so far; NaN: not known yet */
} bm_progress;
/* To be told, from one thread at a time, how far bm_model_new has read the data that s names; bm_spec_fit_options passes it on. */
BM_API void bm_spec_on_progress(bm_spec *s, void (*progress)(void *self, const bm_progress *p), void *self);

/* ---- the model: specification and data brought together ---------------------------------------------------------- */

typedef struct bm_model bm_model;   /* design, priors in numbers, cross-products; read-only */

/* frame NULL: read the file that the specification names ("-": standard input). A model whose posterior is improper is made all the same:
 * bm_fit_run and bm_model_print then say why it cannot be fitted, REML and simulation do without. */
BM_API BM_MUST_CHECK bm_status bm_model_new(bm_model **out, const bm_spec *spec, const bm_frame *frame, bm_error *err);
/* The same from the file, of which, where it has more than hold_rows rows, only cross-products are kept if the model allows it: memory then grows with
 * groups and columns, not with rows. Such a model can be fitted; what needs the rows (plots, simulation, REML, ...) refuses it. */
#define BM_HOLD_ROWS 250000 /* what the command line holds */
BM_API BM_MUST_CHECK bm_status bm_model_new_streamed(bm_model **out, const bm_spec *spec, size_t hold_rows, bm_error *err);
/* Which way its data were read and why, or "" where there was no choice. */
BM_API const char *bm_model_reading(const bm_model *m);
BM_API void bm_model_free(bm_model *m);

typedef struct {
    int  width;     /* columns of the terminal; 0: 80 */
    bool colour;    /* ANSI colours */
    bool json;      /* JSON instead of text */
    bool verbose;
    const char *command;   /* the command line to record in JSON; may be NULL */
} bm_print_options;
#define BM_PRINT_OPTIONS_INIT { .width = 0, .colour = false, .json = false, .verbose = false, .command = NULL }

/* What would be fitted: terms, design sizes, non-zeros, priors in numbers, parameter names, sampler and why. */
BM_API BM_MUST_CHECK bm_status bm_model_print(const bm_model *m, FILE *out, const bm_print_options *opt, bm_error *err);

/* ---- the posterior ----------------------------------------------------------------------------------------------- */

typedef enum { BM_SAMPLER_AUTO, BM_SAMPLER_COLLAPSED, BM_SAMPLER_GIBBS } bm_sampler;
typedef enum { BM_RANEF_AUTO, BM_RANEF_ALL, BM_RANEF_NONE } bm_ranef_draws;


typedef struct bm_checkpoint bm_checkpoint;   /* where a long run keeps its state, to go on from after whatever ended it */

typedef struct {
    int            chains, warmup, draws, thin;   /* draws: kept, per chain */
    uint64_t       seed;                          /* same seed, data, build: same draws, whatever threads is */
    int            threads;                       /* 0: one per core */
    double         target_ess;                    /* 0: off; else go on until every monitored parameter has it */
    bm_sampler     sampler;
    bm_ranef_draws ranef_draws;                   /* auto: all up to 1000 group effects */
    void         (*progress)(void *self, const bm_progress *p);   /* NULL: none; called from one thread at a time */
    void          *progress_self;
    const volatile sig_atomic_t *stop;            /* non-zero: stop soon, with BM_INTERRUPTED; NULL: never */
    bm_checkpoint *checkpoint;                    /* NULL: none */
} bm_fit_options;
#define BM_FIT_OPTIONS_INIT { .chains = 4, .warmup = 1000, .draws = 1000, .thin = 1, .seed = 1, .threads = 0, \
    .target_ess = 0, .sampler = BM_SAMPLER_AUTO, .ranef_draws = BM_RANEF_AUTO, .progress = NULL, .progress_self = NULL, .stop = NULL, .checkpoint = NULL }

/* The options that a specification asks for (its "sampler" entry). */
BM_API void bm_spec_fit_options(const bm_spec *s, bm_fit_options *opt);

typedef struct bm_fit bm_fit;

/* opt NULL: those of the model's specification. BM_INTERRUPTED: *out holds the draws so far (possibly none: NULL). */
BM_API BM_MUST_CHECK bm_status bm_fit_run(bm_fit **out, const bm_model *m, const bm_fit_options *opt, bm_error *err);
BM_API void bm_fit_free(bm_fit *f);

typedef enum { BM_FORMAT_CSV, BM_FORMAT_CMDSTAN, BM_FORMAT_JSON, BM_FORMAT_NONE } bm_format;
typedef struct {
    bool        force;      /* replace an existing directory (only one that bmixed wrote) */
    bm_format   format;     /* of the draws */
    const char *command;    /* recorded in summary.json; may be NULL */
    const volatile sig_atomic_t *stop;   /* non-zero: what is not in place yet is given up, with BM_INTERRUPTED; NULL: never */
} bm_write_options;
#define BM_WRITE_OPTIONS_INIT { .force = false, .format = BM_FORMAT_CSV, .command = NULL, .stop = NULL }

/* A run whose results are to go to dir keeps its state in the file dir.checkpoint, which is replaced as a whole every so many seconds and when the run is
 * asked to stop (the state is saved first, then BM_INTERRUPTED). force: replaces one that an earlier run left. opt: kept there for the run that goes on. */
BM_API BM_MUST_CHECK bm_status bm_checkpoint_new(bm_checkpoint **out, const char *dir, double seconds, bool force, const bm_write_options *opt, bm_error *err);
/* The one that a run left behind: bm_fit_run, of the same model on the same data with the same options (threads apart), goes on from there, and its draws are
 * those of a run that nothing has ended, to the last bit. BM_EIO: there is none; BM_EPARSE: damaged; BM_EINVAL: of another version. */
BM_API BM_MUST_CHECK bm_status bm_checkpoint_open(bm_checkpoint **out, const char *dir, bm_error *err);
/* Of an opened one: model and options, for the caller to free; how results were to be written (text is borrowed). */
BM_API BM_MUST_CHECK bm_status bm_checkpoint_spec(bm_spec **out, const bm_checkpoint *c, bm_error *err);
BM_API void bm_checkpoint_write_options(const bm_checkpoint *c, bm_write_options *opt);
/* How the run's model is to be made again: by bm_model_new_streamed with that many rows; 0: by bm_model_new. */
BM_API size_t bm_checkpoint_hold_rows(const bm_checkpoint *c);
BM_API void bm_checkpoint_every(bm_checkpoint *c, double seconds);
/* Is there a state on disk to go on from? */
BM_API bool bm_checkpoint_written(const bm_checkpoint *c);
/* Once the results are written: removes the file. */
BM_API void bm_checkpoint_remove(bm_checkpoint *c);
BM_API void bm_checkpoint_free(bm_checkpoint *c);

/* Fails early if bm_fit_write could not create dir: call it before a long run. */
BM_API BM_MUST_CHECK bm_status bm_check_output(const char *dir, bool force, bm_error *err);
/* The output directory: appears whole or not at all. */
BM_API BM_MUST_CHECK bm_status bm_fit_write(const bm_fit *f, const char *dir, const bm_write_options *opt, bm_error *err);
/* The terminal summary, or with opt->json the content of summary.json. */
BM_API BM_MUST_CHECK bm_status bm_fit_print(const bm_fit *f, FILE *out, const bm_print_options *opt, bm_error *err);
/* How many monitored parameters have R-hat > 1.01, a bulk or tail ESS below 100 per chain, or too few draws to have one. */
BM_API size_t bm_fit_untrusted(const bm_fit *f);
/* The name of the i-th of them, NULL beyond the last. */
BM_API const char *bm_fit_untrusted_name(const bm_fit *f, size_t i);

/* ---- draws, ours or anybody's ------------------------------------------------------------------------------------ */

typedef struct bm_draws bm_draws;   /* named variables x chains x iterations */

/* paths: an output directory of ours, one CSV file in the layout of draws.csv, or Stan CSV files (one per chain). */
BM_API BM_MUST_CHECK bm_status bm_draws_read(bm_draws **out, const char *const *paths, size_t npaths, bm_error *err);
BM_API const bm_draws *bm_fit_draws(const bm_fit *f);
BM_API size_t bm_draws_nvar(const bm_draws *d);
BM_API size_t bm_draws_nchain(const bm_draws *d);
BM_API size_t bm_draws_niter(const bm_draws *d);                       /* per chain */
BM_API const char *bm_draws_name(const bm_draws *d, size_t var);
/* nchain x niter values of one variable, chain after chain. */
BM_API const double *bm_draws_values(const bm_draws *d, size_t var);
BM_API void bm_draws_free(bm_draws *d);

typedef struct {
    const double      *probs;  size_t nprobs;   /* quantiles in the table; NULL: 0.05 and 0.95 */
    const char *const *vars;   size_t nvars;    /* names or shell patterns (b_*); NULL: all */
    bool               csv;                     /* CSV as in summary.csv instead of a table; json in bm_print_options wins */
} bm_summary_options;
#define BM_SUMMARY_OPTIONS_INIT { .probs = NULL, .nprobs = 0, .vars = NULL, .nvars = 0, .csv = false }

BM_API BM_MUST_CHECK bm_status bm_draws_print(const bm_draws *d, FILE *out, const bm_summary_options *sopt,
                                              const bm_print_options *opt, bm_error *err);

/* ---- diagnosis --------------------------------------------------------------------------------------------------- */

typedef struct bm_diagnosis bm_diagnosis;   /* checks of draws, each with a verdict in words */

/* paths: as for bm_draws_read. Where they are an output directory of ours, the sampler and the priors are judged too. */
BM_API BM_MUST_CHECK bm_status bm_diagnose(bm_diagnosis **out, const char *const *paths, size_t npaths, bm_error *err);
/* The checks as text or JSON; with opt->verbose also those that could not be made. */
BM_API BM_MUST_CHECK bm_status bm_diagnosis_print(const bm_diagnosis *d, FILE *out, const bm_print_options *opt, bm_error *err);
/* False: some check says not to trust the draws. */
BM_API bool bm_diagnosis_trusted(const bm_diagnosis *d);
BM_API void bm_diagnosis_free(bm_diagnosis *d);

/* ---- Reports ----------------------------------------------------------------------------------------------------- */

/* One self-contained HTML page about the fit in dir, an output directory of bm_fit_write. The data are read again, and must be unchanged. */
BM_API BM_MUST_CHECK bm_status bm_report_write(const char *dir, FILE *out, bm_error *err);
/* The same of data of which, where they have more than hold_rows rows, only cross-products are kept: without fitted lines and the predictive check then. 0: all
 * rows are kept. */
BM_API BM_MUST_CHECK bm_status bm_report_write_streamed(const char *dir, size_t hold_rows, FILE *out, bm_error *err);

/* ---- simulation -------------------------------------------------------------------------------------------------- */

/* Writes the model's data (the rows used) as CSV with the response drawn anew. set: "NAME=VALUE" (b_Days=10, sd_Subject__Days=5,
 * cor_..., sigma=25); what is not set is drawn from its prior, or is an error where that is improper. */
BM_API BM_MUST_CHECK bm_status bm_simulate(const bm_model *m, FILE *out, const char *const *set, size_t nset, uint64_t seed,
                                           bm_error *err);

/* ---- REML and ML -------------------------------------------------------------------------------------------------- */

typedef enum { BM_CI_NONE, BM_CI_WALD, BM_CI_PROFILE } bm_ci;

typedef struct {
    bool   ml;        /* maximum likelihood; default: restricted maximum likelihood */
    bm_ci  ci;        /* wald: normal intervals of b; profile: likelihood intervals of sds, correlations, sigma and b (of the ML deviance) */
    double level;     /* of the intervals */
    int    starts;    /* starting points of the search; 0: three, and more where data are few or the best ends at the boundary */
} bm_reml_options;
#define BM_REML_OPTIONS_INIT { .ml = false, .ci = BM_CI_WALD, .level = 0.95, .starts = 0 }

typedef struct bm_reml bm_reml;   /* a classical fit; holds no pointer to its model */

/* opt NULL: the defaults. The priors of the model are not used. */
BM_API BM_MUST_CHECK bm_status bm_reml_run(bm_reml **out, const bm_model *m, const bm_reml_options *opt, bm_error *err);
BM_API void bm_reml_free(bm_reml *r);
/* The terminal summary, or with opt->json the content of reml.json. */
BM_API BM_MUST_CHECK bm_status bm_reml_print(const bm_reml *r, FILE *out, const bm_print_options *opt, bm_error *err);
/* reml.json in directory dir, which is made if there is none. The file appears whole or not at all; with opt->stop BM_INTERRUPTED. */
BM_API BM_MUST_CHECK bm_status bm_reml_write(const bm_reml *r, const char *dir, const bm_write_options *opt, bm_error *err);
BM_API double bm_reml_criterion(const bm_reml *r);   /* REML criterion or -2 log likelihood, with all constants, as in lme4 */
BM_API bool   bm_reml_singular(const bm_reml *r);
BM_API bool   bm_reml_converged(const bm_reml *r);

typedef struct bm_anova bm_anova; /* likelihood-ratio test of two nested models of the same rows */

/* Fits both models, by ML where their coefficients differ (or opt->ml), else by REML. Their order does not matter. */
BM_API BM_MUST_CHECK bm_status bm_anova_run(bm_anova **out, const bm_model *a, const bm_model *b, const bm_reml_options *opt, bm_error *err);
BM_API BM_MUST_CHECK bm_status bm_anova_print(const bm_anova *a, FILE *out, const bm_print_options *opt, bm_error *err);
BM_API void bm_anova_free(bm_anova *a);

/* ---- comparison: the REML fit beside the posterior --------------------------------------------------------------------- */

typedef enum { BM_COMPARE_CI_AUTO, BM_COMPARE_CI_WALD, BM_COMPARE_CI_PROFILE } bm_compare_ci;

typedef struct {
    double        differ;      /* parameters whose estimate and posterior mean differ by more posterior sds than this are explained */
    bm_compare_ci ci;          /* of sds, correlations and sigma; auto: profile where it is cheap, else Wald. Coefficients: Wald unless profile */
    bool          pooling;     /* coefficients of every group by complete, no and partial pooling */
    bool          test_ranef;  /* is the variance of each random term zero? */
    double        eps;         /* an sd below this is practically zero; 0: 0.05 sigma / sd(z) */
    const bm_fit_options *fit; /* how to sample; NULL: as the model's specification asks for */
} bm_compare_options;
#define BM_COMPARE_OPTIONS_INIT { .differ = 0.25, .ci = BM_COMPARE_CI_AUTO, .pooling = false, .test_ranef = false, .eps = 0, .fit = NULL }

typedef struct bm_compare bm_compare;

/* Fits both ways. m must outlive the comparison; opt NULL: the defaults. BM_INTERRUPTED: stopped on request, *out is NULL. */
BM_API BM_MUST_CHECK bm_status bm_compare_run(bm_compare **out, const bm_model *m, const bm_compare_options *opt, bm_error *err);
/* The terminal tables, or with opt->json the content of compare.json. */
BM_API BM_MUST_CHECK bm_status bm_compare_print(const bm_compare *c, FILE *out, const bm_print_options *opt, bm_error *err);
/* compare.csv and compare.json, with pooling also pooling.csv, in directory dir, which is made if there is none; with opt->stop BM_INTERRUPTED. */
BM_API BM_MUST_CHECK bm_status bm_compare_write(const bm_compare *c, const char *dir, const bm_write_options *opt, bm_error *err);
/* Fails early if bm_compare_write could not: call it before a long run. */
BM_API BM_MUST_CHECK bm_status bm_compare_check_output(const char *dir, bool force, bm_error *err);
/* As bm_fit_untrusted. */
BM_API size_t bm_compare_untrusted(const bm_compare *c);
BM_API const char *bm_compare_untrusted_name(const bm_compare *c, size_t i);
BM_API void   bm_compare_free(bm_compare *c);
/* ---- Plots -------------------------------------------------------------------------------------------------------- */

typedef enum { BM_PLOT_SVG, BM_PLOT_PNG, BM_PLOT_PDF } bm_plot_format;
typedef struct {
    const char *const *kinds;  size_t nkinds;   /* names of bm_plot_kind, or "all"; NULL: the useful ones that apply */
    const char *const *vars;   size_t nvars;    /* names or shell patterns (b_*) for the plots of parameters; NULL: all but group effects */
    bm_plot_format     format;
    const volatile sig_atomic_t *stop;          /* non-zero: stop soon, with BM_INTERRUPTED and no pictures; NULL: never */
    size_t             hold_rows;               /* of data of more rows those are not kept that no kind asked for by name is made of; 0: all are */
} bm_plot_options;
#define BM_PLOT_OPTIONS_INIT { .kinds = NULL, .nkinds = 0, .vars = NULL, .nvars = 0, .format = BM_PLOT_SVG, .stop = NULL, .hold_rows = 0 }

/* The i-th kind of plot: its name (NULL past the last), what it shows, and whether it is drawn unless asked otherwise; the last two may be NULL. */
BM_API const char *bm_plot_kind(size_t i, const char **what, bool *usual);

typedef struct bm_plots bm_plots;   /* pictures, in memory */

/* Draws pictures of draws by gnuplot. dir: the output directory that the draws are of, or NULL. The model in it is read back, and its data file
 * where that is still there and the same; kinds that need what is missing are left out with a note, or are an error where they were asked for. */
BM_API BM_MUST_CHECK bm_status bm_plot_run(bm_plots **out, const bm_draws *draws, const char *dir, const bm_plot_options *opt, bm_error *err);
BM_API size_t bm_plots_count(const bm_plots *p);
BM_API const char *bm_plots_file(const bm_plots *p, size_t i);    /* "trace.svg" */
BM_API const char *bm_plots_title(const bm_plots *p, size_t i);
BM_API const char *bm_plots_alt(const bm_plots *p, size_t i);     /* what it shows, for those who cannot see it */
BM_API const char *bm_plots_bytes(const bm_plots *p, size_t i, size_t *n);
BM_API const char *bm_plots_note(const bm_plots *p, size_t i);    /* what was left out and why; NULL past the last */
/* Into directory dir, which is made if there is none: all of them or, where one exists and force is not set, none. */
BM_API BM_MUST_CHECK bm_status bm_plots_write(const bm_plots *p, const char *dir, bool force, bm_error *err);
BM_API void bm_plots_free(bm_plots *p);

/* ---- is the sampler right for this model? ------------------------------------------------------------------------------ */

typedef struct {
    int      reps;                  /* data sets simulated */
    double   alpha;                 /* the chance that a right sampler is called wrong, over all quantities together */
    uint64_t seed;
    int      threads;               /* 0: one per core; the result does not depend on it */
    bm_sampler sampler;
    void   (*progress)(void *self, const bm_progress *p);
    void    *progress_self;
    const volatile sig_atomic_t *stop;
} bm_sbc_options;
#define BM_SBC_OPTIONS_INIT { .reps = 1000, .alpha = 0.01, .seed = 1, .threads = 0, .sampler = BM_SAMPLER_AUTO, .progress = NULL, \
    .progress_self = NULL, .stop = NULL }

typedef struct bm_sbc bm_sbc;       /* simulation-based calibration (Talts et al. 2018) of one model on its own design */

/* Parameters from the prior, a response from the parameters, and the rank of each truth among draws from its posterior. m must outlive *out; its response
 * is used only for the numbers in default priors. BM_INTERRUPTED: *out holds the data sets so far (NULL if there are none). */
BM_API BM_MUST_CHECK bm_status bm_sbc_run(bm_sbc **out, const bm_model *m, const bm_sbc_options *opt, bm_error *err);
/* False: some quantity's ranks are not uniform. */
BM_API bool bm_sbc_calibrated(const bm_sbc *s);
/* Verdicts as text, or with opt->json the content of sbc.json. */
BM_API BM_MUST_CHECK bm_status bm_sbc_print(const bm_sbc *s, FILE *out, const bm_print_options *opt, bm_error *err);
/* The picture: empirical distribution functions of the ranks in their bands. */
BM_API BM_MUST_CHECK bm_status bm_sbc_plot(bm_plots **out, const bm_sbc *s, const bm_plot_options *opt, bm_error *err);
/* A directory with ranks.csv, sbc.json and the pictures (NULL: none); it appears whole or not at all. */
BM_API BM_MUST_CHECK bm_status bm_sbc_write(const bm_sbc *s, const char *dir, const bm_write_options *opt, const bm_plots *pictures, bm_error *err);
/* Fails early if bm_sbc_write could not: call it before a long run. */
BM_API BM_MUST_CHECK bm_status bm_sbc_check_output(const char *dir, bool force, bm_error *err);
BM_API void bm_sbc_free(bm_sbc *s);

typedef struct {
    int      reps;                  /* independent chains per kernel */
    int      steps;                 /* transitions of each: parameters given data, data given parameters */
    double   alpha;                 /* the chance that a right sampler is called wrong, over all kernels and quantities together */
    uint64_t seed;
    int      threads;               /* 0: one per core; the result does not depend on it */
    void   (*progress)(void *self, const bm_progress *p);
    void    *progress_self;
    const volatile sig_atomic_t *stop;
} bm_geweke_options;
#define BM_GEWEKE_OPTIONS_INIT { .reps = 200, .steps = 24, .alpha = 0.01, .seed = 1, .threads = 0, .progress = NULL, .progress_self = NULL, .stop = NULL }

typedef struct bm_geweke bm_geweke; /* the joint-distribution test (Geweke 2004) of every kernel that can sample this model, on its own design */

/* m must outlive *out. BM_INTERRUPTED: *out holds the chains so far (NULL if there are too few). */
BM_API BM_MUST_CHECK bm_status bm_geweke_run(bm_geweke **out, const bm_model *m, const bm_geweke_options *opt, bm_error *err);
/* False: some kernel does not leave the joint distribution of parameters and data as it is. */
BM_API bool bm_geweke_passed(const bm_geweke *g);
/* Verdicts as text or, with opt->json, as JSON. */
BM_API BM_MUST_CHECK bm_status bm_geweke_print(const bm_geweke *g, FILE *out, const bm_print_options *opt, bm_error *err);
BM_API void bm_geweke_free(bm_geweke *g);

#ifdef __cplusplus
}
#endif
#endif
