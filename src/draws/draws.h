/* draws: storage of draws, convergence diagnostics, summaries. Source of every diagnostic: Vehtari, Gelman, Simpson,
 * Carpenter, Buerkner (2021), Bayesian Analysis 16:667; numbers agree with R's posterior package (normal scores with S +
 * 1/4) to 1e-6. */
#ifndef BM_DRAWS_H
#define BM_DRAWS_H

#include "base/base.h"

struct bm_draws {
    size_t   nvar, nchain, niter;    /* niter: kept, per chain */
    char   **names;                  /* nvar */
    double  *x;                      /* nvar x nchain x niter values: x[(var * nchain + chain) * niter + iter] */
};

/* names are copied; x zeroed. */
bm_status bm_draws_new(bm_draws **out, const char *const *names, size_t nvar, size_t nchain, size_t niter, bm_error *err);

/* One variable: x is nchain x niter, chain after chain. NaN where undefined (draws that are constant to 2e-16, NaN or
 * infinite, chains shorter than 4 for R-hat, 6 for the others), as posterior gives NA; NaN also without memory.
 * bm_summarise shares work between them. */
double bm_rhat(const double *x, size_t nchain, size_t niter);            /* rank-normalised split: max of bulk and folded */
double bm_ess_bulk(const double *x, size_t nchain, size_t niter);
double bm_ess_tail(const double *x, size_t nchain, size_t niter);
double bm_ess_mean(const double *x, size_t nchain, size_t niter);
double bm_mcse_mean(const double *x, size_t nchain, size_t niter);
double bm_mcse_sd(const double *x, size_t nchain, size_t niter);
double bm_mcse_quantile(const double *x, size_t nchain, size_t niter, double prob);
/* R's type-7 quantiles of n values; x is sorted in place first. */
void   bm_quantiles(double *x, size_t n, const double *prob, size_t nprob, double *out);
/* The same, faster where there are many values and few quantiles: x is sorted or left as it was. */
void   bm_quantiles_any(double *x, size_t n, const double *prob, size_t nprob, double *out);
/* Quantiles of n mixtures of K normal distributions with equal weights (normals.c). mean, sd: K x n, component after component, the mixtures of one side by
 * side; both are overwritten. n: a multiple of 8. prob: at most BM_NORMALS_PROBS, in (0, 1). q (nprob x n): quantiles less the mixture's mean, over its sd. se
 * (2 nprob x n; or NULL), where the components are a sample of those of the true distribution: standard errors of q; then sds of what a single one adds to a
 * quantile by the mixture's mean and sd, which are left out of q. */
enum { BM_NORMALS_PROBS = 8 };
void   bm_normals_quantiles(size_t K, size_t n, double *mean, double *sd, const double *prob, size_t nprob, double *q, double *se);
/* Shape k of a generalised Pareto fitted to the largest of n log weights (Zhang & Stephens 2009, with PSIS's prior and tail
 * length: min(n/5, 3 sqrt n)). -inf where the tail is constant, inf where a weight is infinite or most of the tail one and
 * the same, NaN where a weight is NaN or n < 21. */
bm_status bm_pareto_k(double *k, const double *log_w, size_t n, bm_error *err);

/* Moments of x (n draws of one distribution) under another, whose density is exp(log_w) times that of the draws, up to a constant; the number of
 * equally weighted draws they are worth; Pareto k of the weights and the largest of them over their mean: see bm_weights_degenerate. */
typedef struct { double mean, sd, ess, k, top; } bm_weighted;
#define BM_HEAVY_TAIL 0.7                /* Pareto k from which a mean over weighted draws is not to be trusted: Vehtari et al. (2024), JMLR 25(72) */
/* Does a Pareto tail with k > BM_HEAVY_TAIL carry weight? Not where the largest weight is below 10 times the mean: k is the shape of differences then that do
 * not matter. */
bool   bm_weights_degenerate(double k, double top);
bm_status bm_weighted_moments(bm_weighted *out, const double *x, const double *log_w, size_t n, bm_error *err);
/* Mode of the density that n draws come from, on (lower, upper), which may be infinite. NaN for less than two draws. */
bm_status bm_density_mode(double *out, const double *x, size_t n, double lower, double upper, bm_error *err);

/* ---- are ranks uniform? (uniform.c) ---- */

/* n values on K equal cells: count[k], k < K - 1, is how many lie in the first k + 1. */
typedef struct bm_uniform bm_uniform;
bm_status bm_uniform_new(bm_uniform **out, size_t n, size_t K, bm_error *err);
/* The chance that the counts of uniform values come as far out of line anywhere: exact. */
double    bm_uniform_pvalue(bm_uniform *u, const size_t *count);
/* Counts (K - 1) between which those of uniform values stay everywhere with at least that probability. */
void      bm_uniform_bands(bm_uniform *u, double level, size_t *lo, size_t *hi);
void      bm_uniform_free(bm_uniform *u);
/* Mean and mean square of the normal scores of n ranks 0 .. L (rank[i * stride]; negative: not counted), in standard errors from what uniform ranks
 * give. The second is positive where ranks gather at the ends. */
void      bm_rank_scores(const int *rank, size_t n, size_t stride, int L, double *mean, double *spread);

typedef struct {
    const char *name;                                /* borrowed from the draws */
    double mean, median, sd, mad, q5, q95, rhat, ess_bulk, ess_tail, mcse_mean, mcse_sd, q2_5, q97_5;
    double rb_mean, rb_sd;                           /* Rao-Blackwellised, NaN where there is none (filled by who knows) */
} bm_summary_row;

/* nvar rows, in the order of the draws. threads: 0 = one per core. The caller frees *out. */
bm_status bm_summarise(bm_summary_row **out, const bm_draws *d, int threads, bm_error *err);

/* ---- can they be trusted? (check.c) ---- */

/* R-hat > 1.01, a bulk or tail ESS below 100 per chain, or too few draws to have one. Constants have none to have. */
bool bm_summary_doubtful(const bm_summary_row *s, size_t nchain);

typedef enum { BM_CHECK_GOOD, BM_CHECK_WATCH, BM_CHECK_BAD, BM_CHECK_SKIPPED } bm_check_level;

/* One check and its verdict. */
typedef struct {
    const char    *id, *title;                       /* "rhat", "Chains agree": static text */
    bm_check_level level;
    double         value;                            /* the number behind the verdict, NaN where there is none */
    char          *parameter;                        /* the worst one; NULL where there is none */
    bm_buf         verdict, advice;                  /* sentences; advice is empty where there is nothing to do */
} bm_check;

enum { BM_CHECKS_MAX = 16 };
typedef struct { size_t n; bm_check v[BM_CHECKS_MAX]; } bm_checks;

/* An empty check, to be filled; its level is GOOD. */
bm_check      *bm_checks_add(bm_checks *c, const char *id, const char *title);
/* Everything that the draws themselves tell. s: their summary. */
bm_status      bm_checks_draws(bm_checks *c, const bm_draws *d, const bm_summary_row *s, bm_error *err);
bm_check_level bm_checks_worst(const bm_checks *c);  /* GOOD, WATCH or BAD */
bool           bm_checks_complete(const bm_checks *c);   /* false: out of memory on the way */
void           bm_checks_free(bm_checks *c);
/* Group effects, r_GROUP[level,term]: there may be many, and single ones decide nothing. */
bool           bm_draws_is_effect(const char *name);

#endif
