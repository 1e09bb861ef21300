/* compare_priv.h: shared by the files that compose a comparison. */
#ifndef BM_API_COMPARE_PRIV_H
#define BM_API_COMPARE_PRIV_H

#include "api/api.h"

struct bm_compare {
    const bm_model    *model;
    bm_compare_options opt;
    bm_fit_options     fit_opt;
    bm_fit            *fit;
    bm_fit             saved;          /* what fit points to where the draws are not ours: only what the parameters need */
    bm_reml           *reml;
    double            *natural_se;     /* of REML's sds, correlations, sigma */
    double            *shrink;         /* of every group effect, averaged over the draws */
    double            *flat_b;         /* coefficients under a flat prior at the same theta */
    bm_strv            notes, warnings;
    char              *eps_rule;
    bm_comparison      view;
};

/* The draws of theta, as the functions of fit take them. */
bm_theta_draws bm_compare_theta(const bm_compare *c);

/* The parameters, and why they differ, of a fit that was read back; it must outlive *out. m: its model. */
bm_status bm_compare_saved(bm_compare **out, const bm_model *m, const bm_saved *s, bm_error *err);
bm_status bm_compare_rows(bm_compare *c, bm_error *err);                     /* compare_rows.c: parameters, shares */
bm_status bm_compare_effects(bm_compare *c, bm_error *err);                  /* compare_effects.c */
bm_status bm_compare_explain(bm_compare *c, bm_error *err);                  /* compare_why.c */
bm_status bm_compare_pool(bm_compare *c, bm_error *err);                     /* compare_pool.c */
bm_status bm_compare_tests(bm_compare *c, bm_error *err);                    /* compare_tests.c */

/* log p(y) of a posterior with proper priors, from proposals until its Monte Carlo error is below target (or enough have been made). *none: why
 * there is none (evidence.c). BM_INTERRUPTED. */
bm_status bm_estimate_evidence(bm_evidence *out, const char **none, const bm_post *post, const bm_fit_options *opt, double target, bm_error *err);

/* A model without one group-level effect: its design (without Z of that factor), statistics and posterior; the other priors as they are (reduced.c). */
typedef struct {
    bm_design design;      /* arrays that are not below are the model's */
    bm_priors priors;
    bm_group *fac;
    bm_block *block;
    char    **znames;
    double   *zsd, *scale;
    bm_dist **sd, **cor, *sd_row, *cor_row;
    bm_stats *stats;
    bm_post  *post;
} bm_reduced;
bm_status bm_reduced_new(bm_reduced *r, const bm_model *m, size_t factor, size_t effect, bm_error *err);
void      bm_reduced_free(bm_reduced *r);

#endif
