/* posterior: theta and its parametrisation, the marginal likelihood with coefficients and group effects integrated out, and their exact
 * conditional draws and moments given theta. Knows no files and no sampler.
 *
 *     -2 log p(y | theta) = N log(2 pi sigma^2) - sum log w + 2 sum_j log|C_j| + log|S| - p log sigma^2 - log|P| + Q / sigma^2
 *
 * with M_j = I + T'A_j T = C_j C_j', T = L / sigma, G = L L' and S, Q as in marginal.c. With P = 0 it is -1/2 the REML criterion; without
 * the terms of S it is ML. One function used three ways. */
#ifndef BM_POSTERIOR_H
#define BM_POSTERIOR_H

#include "suffstat/suffstat.h"


/* ---- the prior of the coefficients in the basis of the statistics (coef_prior.c) ---- */

/* Independent normals on linear forms v'b: precision * (v'b - mean)^2. In the basis b = b0 + K beta. */
typedef struct {
    size_t  p, nform;
    double *form;        /* p x nform: K'v */
    double *gap;         /* nform: mean - v'b0 */
    double *prec;        /* nform: precision now (a scale mixture changes it) */
    double *base_prec;   /* nform: 1 / s^2 */
    double *df;          /* nform: degrees of freedom of a Student-t form, 0 for a normal one */
    bool    any_t;
    double *P;           /* p x p: sum prec (K'v)(K'v)' */
    double *h;           /* p: sum prec (K'v) gap */
    double  c0;          /* sum prec gap^2 */
    double  log_norm;    /* sum 1/2 log(prec / 2 pi) */
} bm_coef_prior;

bm_status bm_coef_prior_new(bm_coef_prior **out, const bm_stats *st, const bm_priors *pr, const bm_design *d, bm_error *err);
bm_status bm_coef_prior_copy(bm_coef_prior **out, const bm_coef_prior *from, bm_error *err);
void      bm_coef_prior_refresh(bm_coef_prior *c);              /* P, h, c0, log_norm from prec */
/* One Gibbs draw of the mixing precisions of the Student-t forms given beta (p). Refreshes. */
void      bm_coef_prior_mix(bm_coef_prior *c, const double *beta, bm_rng *rng);
void      bm_coef_prior_free(bm_coef_prior *c);

/* ---- the marginal likelihood (marginal.c) ---- */

typedef enum { BM_BAYES, BM_REML, BM_ML } bm_criterion;

typedef struct bm_packed bm_packed;                             /* cross-products laid out for the kernels; read-only, shared */
bm_status bm_packed_new(bm_packed **out, const bm_stats *st, bm_error *err);
void      bm_packed_free(bm_packed *k);
/* Estimated seconds of one evaluation; infinite where the common factorisation of several factors would not fit in memory. The same on every
 * machine: what is decided by it can be repeated. */
double    bm_packed_seconds(const bm_packed *k);

/* A point of the marginal likelihood: results and scratch. One per thread. */
typedef struct {
    const bm_stats  *st;
    const bm_packed *pk;
    bm_coef_prior   *cp;         /* own copy; NULL for REML and ML */
    bm_criterion     kind;
    size_t           p, nL;      /* nL: sum of q^2 */
    double           sigma, logp, Q, sum_log_C;
    double          *T;          /* nL: Kz^-1 L / sigma, per factor q x q */
    double          *S;          /* p x p: Cholesky factor R of S, lower */
    double          *Rinv;       /* p x p: R^-1, lower; made on demand by bm_marginal_invert */
    bool             have_Rinv;
    double          *beta;       /* p: conditional mode of beta given theta */
    double          *dL;         /* nL: d logp / d L as a full matrix, after bm_marginal_gradient */
    double           dlog_sigma; /* d logp / d log sigma at fixed L */
    double          *scratch;    /* of the team, then (p + 1)^2 */
    struct bm_team  *team;       /* the threads of one evaluation */
    struct bm_joint_work *joint; /* several factors: their common factorisation; else NULL */
    struct bm_thin_work  *thin;  /* or this one */
} bm_marginal;

bm_status bm_marginal_new(bm_marginal **out, const bm_stats *st, const bm_packed *pk, const bm_coef_prior *cp, bm_criterion kind, bm_error *err);
/* From now on so many threads evaluate a factor with very many groups; what comes out does not depend on it. BM_ENOMEM: as before. */
bm_status bm_marginal_threads(bm_marginal *m, int threads);
void      bm_marginal_free(bm_marginal *m);
/* L: per factor q x q (lower, but any square root of G will do), in the user's units; sigma > 0. BM_NOT_PD: no density there. */
bm_status bm_marginal_eval(bm_marginal *m, const double *L, double sigma);
/* At the point of the last eval; BM_ENOMEM, without message. */
bm_status bm_marginal_gradient(bm_marginal *m);
void bm_marginal_invert(bm_marginal *m);
/* REML and ML: moves from the last point (L, sigma) along fixed L / sigma to the sigma that maximises logp there, sqrt(Q / df). BM_NOT_PD:
 * no such sigma (Q or the degrees of freedom are not positive). */
bm_status bm_marginal_profile_sigma(bm_marginal *m);

/* ---- coefficients and effects given theta (effects.c), at the point of the last eval ---- */

/* b (p) and u (factor after factor, level after level, effect after effect), a joint draw from their exact conditional; rng NULL: their means. u may be NULL.
 * beta (p) receives b in the basis of the statistics. */
void bm_marginal_draw(bm_marginal *m, bm_rng *rng, double *b, double *u, double *beta);
/* Averages over theta of exact conditional moments: sums of weight times the conditional mean (from a fixed origin, so that no digits are
 * lost), its square, and the conditional variance, for nb coefficients and then nu effects, which may be averaged over fewer thetas (weight_u).
 * Zeroed by bm_moments_new. no_memory: some could not be computed, and the averages are none. */
typedef struct { bool no_memory; size_t nb, nu; double weight, weight_u, *mean, *mean2, *var, *origin, *now, *now_sd; } bm_moments;
bm_status bm_moments_new(bm_moments *a, size_t nb, size_t nu, bm_error *err);
void      bm_moments_free(bm_moments *a);
void      bm_moments_merge(bm_moments *into, const bm_moments *from);
double    bm_moments_mean(const bm_moments *a, size_t i);
double    bm_moments_sd(const bm_moments *a, size_t i);         /* law of total variance */
void      bm_marginal_moments_b(bm_marginal *m, bm_moments *acc, double weight);
void      bm_marginal_moments_u(bm_marginal *m, bm_moments *acc, double weight);
/* Adds the conditional means and sds that stand in acc->now and acc->now_sd. */
void      bm_moments_add(bm_moments *acc, double weight);
/* The conditional means and sds at one theta: b (p each) and u; b, b_sd and u (then u_sd too) may be NULL. BM_ENOMEM, without
 * message: effects of several factors only. */
bm_status bm_marginal_conditional(bm_marginal *m, double *b, double *b_sd, double *u, double *u_sd);
/* The covariance matrix of b given theta (p x p); rows and columns of aliased columns are zero. */
void bm_marginal_b_cov(bm_marginal *m, double *V);
/* Means and sds of u given theta, b taken as known at its conditional mode: lme4's ranef and condVar. */
bm_status bm_marginal_effects_given_b(bm_marginal *m, double *u, double *u_sd);

/* ---- theta (theta.c): unconstrained coordinates x, d of them ---- */

/* Order of the natural parameters: sds factor after factor, effect after effect; correlations factor after factor, block after block,
 * (1,0), (2,0), (2,1), ...; sigma.
 * Coordinates: a *signed* sd s = c sinh(x): G = D R D with D = diag(s) does not change when a sign and its correlations flip together, so
 * the posterior is smooth and symmetric through s = 0, and far from 0 x is a log sd; correlations as atanh of canonical partial
 * correlations (Lewandowski, Kurowicka & Joe 2009), which flip sign likewise; log sigma. */
typedef struct {
    size_t         q, sd, cor;   /* size; index of its first sd and of its first correlation */
    size_t         L, ld;        /* where its q x q part of L begins, and the leading dimension there */
    double         lkj;          /* log of what the LKJ density has to be divided by, with an LKJ prior */
    const bm_dist *prior;        /* lkj, or inv_wishart on the whole block; NULL: a single effect with a prior on its sd */
} bm_theta_block;

typedef struct {
    size_t          d, nsd, ncor, nL;
    long           *sd_x;        /* nsd: coordinate, or -1 where constant */
    double         *sd_c;        /* nsd: scale c, or the constant value */
    const bm_dist **sd_prior;    /* nsd; NULL inside a block with an inverse-Wishart prior */
    long           *cor_x;       /* ncor: coordinate */
    size_t          nblock;
    bm_theta_block *block;
    bool            has_sigma;
    long            sigma_x;     /* coordinate of log sigma, or -1 */
    double          fixed_sigma; /* where it has no coordinate: 1 with known standard errors, or the constant */
    const bm_dist  *sigma_prior;
} bm_theta;

typedef struct {
    const bm_stats  *st;
    const bm_priors *pr;     /* what it was made from, borrowed */
    const bm_design *d;
    bm_packed       *pk;
    bm_coef_prior   *cp;
    bm_theta         th;
    size_t           nu;     /* group effects in all */
} bm_post;

bm_status bm_post_new(bm_post **out, const bm_stats *st, const bm_priors *pr, const bm_design *d, bm_error *err);
/* The posterior of another response (st by bm_stats_respond, d with its y): the layout of the cross-products is borrowed from `from`. */
bm_status bm_post_respond(bm_post **out, const bm_post *from, const bm_stats *st, const bm_design *d, bm_error *err);
void      bm_post_free(bm_post *p);

/* One value of theta and everything computed there. */
typedef struct {
    const bm_post *post;
    bm_marginal   *m;
    double        *x;        /* d */
    double         lp;       /* log density of x: log p(y | theta) + log p(theta) + log Jacobian */
    double         lp_nat;   /* the same without the Jacobian */
    double        *s, *LR, *L, sigma;   /* signed sds; Cholesky factors of the correlation matrices, in the layout of L; L = D LR */
    double        *dL;       /* nL, scratch: d lp / d L */
} bm_point;

bm_status bm_point_new(bm_point **out, const bm_post *post, bm_error *err);
void      bm_point_free(bm_point *pt);
/* Without a marginal likelihood: for bm_point_prior and bm_point_natural only. */
bm_status bm_point_new_prior(bm_point **out, const bm_post *post, bm_error *err);
/* Places theta at pt->x and sets lp_nat to the log density of its prior there, in the natural parameters. */
bm_status bm_point_prior(bm_point *pt);
/* The density at pt->x. BM_NOT_PD: none (lp = -inf). */
bm_status bm_point_eval(bm_point *pt);
/* Density and gradient g (d). */
bm_status bm_point_gradient(bm_point *pt, double *g);
/* sds (nsd), correlations (ncor), sigma if has_sigma: what is recorded. */
void      bm_point_natural(const bm_point *pt, double *out);
/* x from natural parameters (sds, correlations, sigma in the order of bm_point_natural). BM_NOT_PD where they are not a covariance. */
bm_status bm_theta_from_natural(const bm_theta *th, const double *natural, double *x);
/* Flips the sign of one sd and of its partial correlations: the density is the same. */
void      bm_theta_flip(const bm_theta *th, size_t sd, double *x);

/* ---- some of the factors, given the effects of the others (part.c) ---- */

/* The model of y - sum of the other factors' effects: a model of fewer factors with the same coefficients, sigma and priors. Read-only, shared. */
typedef struct {
    size_t     nfac, *fac;   /* which, ascending */
    bm_stats   st;           /* views of the whole model's */
    bm_design  d;
    bm_priors  pr;
    bm_post   *post;         /* of these factors alone */
    size_t    *x;            /* post->th.d: coordinates of the whole theta */
} bm_part;

bm_status bm_part_new(bm_part **out, const bm_post *whole, const size_t *fac, size_t nfac, bm_error *err);
void      bm_part_free(bm_part *p);

/* One thread's: two points, and the statistics of a response of its own. */
typedef struct {
    const bm_part *part;
    bm_stats   st;           /* st.Xy, st.yy and every st.fac[k].c are to be written, then bm_part_refresh called */
    bm_post    post;
    bm_point  *cur, *star;
} bm_part_state;

bm_status bm_part_state_new(bm_part_state **out, const bm_part *p, bm_error *err);
void      bm_part_refresh(bm_part_state *s);
void      bm_part_state_free(bm_part_state *s);

#endif
