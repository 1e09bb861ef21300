/* reml.h: REML and ML fits of a design. Knows no printing.
 *
 * The criterion is lme4's, with all constants (Bates et al. 2015, JSS 67(1), sec. 3): REML: -2 log of the likelihood with b integrated out
 * under a flat density; ML: -2 log likelihood. */
#ifndef BM_REML_H
#define BM_REML_H

#include "posterior/posterior.h"

/* One grouping factor in a fit. */
typedef struct {
    char    *name;
    size_t   J, q;
    char   **levels, **terms;     /* J; q, R's names: "(Intercept)" */
    size_t   nblock;
    bm_block *block;
    double  *G;                   /* q x q covariance matrix, units of y */
    double  *sd;                  /* q */
    double  *cor;                 /* q x q; NaN where an sd is zero; pairs in different blocks are not in the model */
    double  *u, *u_sd;            /* J x q, effects of a level side by side: conditional mean and sd given theta, b and sigma */
} bm_reml_group;

/* An interval: of "sd", "cor", "sigma" or "b". */
typedef struct {
    const char *kind;
    size_t      group, a, b;      /* sd: effect a of the group; cor: effects a and b; b: coefficient a */
    double      lower, upper;
} bm_interval;

typedef struct {
    int    evaluations, starts, agree;   /* agree: starts that reached the best criterion to 1e-6 */
    double gnorm;                 /* largest derivative of the criterion in the coordinates of relfac.h */
    bool   converged;
    double seconds;
} bm_reml_search;

struct bm_reml {
    bool            ml, known_se;
    char           *formula, *data, *yname;     /* formula and data: NULL unless set by who knows */
    size_t          n, n_read;
    size_t          p, rank;
    char          **xnames;       /* p */
    bool           *aliased;      /* p: dropped, its numbers are NaN */
    double         *b, *se, *t, *df, *pvalue;   /* p; df: Satterthwaite */
    double         *vcov;         /* p x p */
    size_t          ngroup;
    bm_reml_group  *group;
    double          sigma;        /* 1 with known standard errors */
    double          criterion, logLik, aic, bic;
    size_t          npar;         /* coefficients, (co)variances, sigma */
    bool            singular;
    bm_strv         boundary;     /* what is at the boundary, in words */
    bm_strv         notes;
    bm_reml_search  search;
    bm_ci           ci;
    double          level;
    size_t          ninterval;
    bm_interval    *interval;
};

/* A fit of the design from its statistics. */
bm_status bm_reml_fit(bm_reml **out, const bm_stats *st, const bm_design *d, const bm_reml_options *opt, bm_error *err);
/* The same where st has been laid out for the kernels already. */
bm_status bm_reml_fit_packed(bm_reml **out, const bm_stats *st, const bm_packed *pk, const bm_design *d, const bm_reml_options *opt, bm_error *err);

/* sds, correlations, sigma (in the order of bm_point_natural) and their approximate standard errors, NaN at the boundary (reml_se.c). */
void      bm_reml_natural(const bm_reml *r, double *out);
bm_status bm_reml_natural_se(double *se, const bm_reml *r, const bm_stats *st, const bm_design *d, bm_error *err);

/* ---- likelihood-ratio test (anova.c) ---- */

typedef struct { double weight; size_t df; } bm_mixture_part;   /* of a chi-square distribution; df 0: a point mass at 0 */

struct bm_anova {
    bm_reml        *fit[2];       /* the smaller model first */
    double          chisq;        /* -2 log likelihood ratio, at least 0 */
    size_t          df;
    double          p_chisq;      /* by chi-square with df degrees of freedom */
    double          p;            /* by the mixture, where the null hypothesis is on the boundary; else p_chisq */
    size_t          npart;        /* 0: no mixture */
    bm_mixture_part part[12];
    bm_strv         notes;
};

typedef struct { const bm_stats *st; const bm_design *d; const char *formula; } bm_anova_side;
bm_status bm_anova_fit(bm_anova **out, const bm_anova_side *a, const bm_anova_side *b, const bm_reml_options *opt, bm_error *err);

#endif
