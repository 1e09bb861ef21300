/* compare.h: a REML fit and a posterior of the same model side by side: what the reports of it show. Everything is computed elsewhere. */
#ifndef BM_REPORT_COMPARE_H
#define BM_REPORT_COMPARE_H

#include "fit/fit.h"
#include "model/model.h"

typedef enum { BM_PARAM_SD, BM_PARAM_COR, BM_PARAM_B, BM_PARAM_SIGMA } bm_param_kind;

/* How the mean without a parameter's prior was had. */
typedef enum {
    BM_FLAT_NONE,        /* it has none to take away: flat, or a constant */
    BM_FLAT_EXACT,       /* a coefficient: conditional means under a flat prior at the same draws of theta */
    BM_FLAT_WEIGHTS,     /* draws reweighted */
    BM_FLAT_REFUSED      /* the weights degenerate */
} bm_flat_kind;

typedef struct {
    const char   *name;              /* borrowed from the draws */
    bm_param_kind kind;
    size_t        factor;            /* of sds and correlations */
    double        reml, se, lower, upper;
    const char   *interval;          /* "wald", "wald (log scale)", "wald (atanh scale)", "profile", or NULL */
    bool          boundary;          /* the estimate is at the boundary, or does not exist because of one */
    double        mean, median, mode, sd, q2_5, q97_5, mcse;
    double        diff, ratio;       /* (mean - reml) / sd; posterior width / REML width */
    bool          differs;           /* by more than the stated amount */
    bm_flat_kind  flat;
    double        flat_mean, flat_ess, flat_k;   /* ess, k: of the weights */
    double        prior_shift;       /* (mean - flat_mean) / sd */
    bm_strv       why;
} bm_compare_row;

typedef struct { const char *name, *meaning; double reml, mean, sd, q2_5, q50, q97_5, diff; } bm_compare_share;

/* shrink: conditional variance over variance; 0: the group speaks for itself, 1: pulled to the mean all the way. */
typedef struct { uint32_t factor, level, term; double reml, se, mean, sd, diff, ratio, shrink_reml, shrink; } bm_compare_effect;

typedef struct { uint32_t factor, level, term; size_t n; double complete, none, none_se, none_se_pooled, reml, mean, sd, q2_5, q97_5; } bm_pool_row;

typedef struct { double log, se, k, top; bool known; } bm_evidence;  /* of the ratios behind it: Pareto k, largest over mean; NaN where exact */

typedef struct {
    char       *name;                /* of the sd */
    size_t      factor, term;
    double      reml;
    double      chisq, p, p_chisq;
    size_t      df, npart;
    bm_mixture_part part[2];
    double      eps, prob, prob_se;  /* posterior probability that sd < eps */
    bm_evidence with, without;
    double      log_bf, log_bf_se;   /* for the term; NaN: none */
    const char *no_bf;               /* why there is none, or NULL */
} bm_term_test;

typedef struct {
    const bm_spec   *spec;
    const bm_frame  *frame;
    const bm_design *design;
    const bm_priors *priors;
    const bm_reml   *reml;
    const bm_strv   *notes, *warnings;
    const bm_strv   *fit_notes, *fit_warnings;
    size_t           nchain, niter;
    uint64_t         seed;
    double           differ;
    bm_compare_row  *row;    size_t nrow;
    bm_compare_share *share; size_t nshare;
    bm_compare_effect *effect; size_t neffect;
    bool             pooling, tests;
    bm_pool_row     *pool;   size_t npool;
    bm_term_test    *test;   size_t ntest;
    const char      *eps_rule;       /* what eps is, in words */
    bm_evidence      evidence;
    const char      *no_evidence;    /* why there is none, or NULL */
    double           seconds;
} bm_comparison;

bm_status bm_report_compare(const bm_comparison *c, FILE *out, const bm_print_options *opt, bm_error *err);
/* compare.csv and compare.json, with pooling pooling.csv, into directory dir, which is made if there is none. Each appears whole or not at all. */
bm_status bm_report_compare_dir(const bm_comparison *c, const char *dir, const bm_write_options *opt, bm_error *err);
/* Could they be written? */
bm_status bm_report_compare_check(const char *dir, bool force, bm_error *err);

#endif
