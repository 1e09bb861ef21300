/* fit: chains over theta: proposals, adaptation, kernels. Knows no files and prints nothing. */
#ifndef BM_FIT_H
#define BM_FIT_H

#include "fit/reml.h"
#include "posterior/posterior.h"

/* Conditional moments of the group effects are taken at every so many kept iterations. */
enum { BM_MOMENTS_EVERY = 4 };

/* Where draws go: the sampler never sees a file. Called by each chain from its own thread, iterations in order. lp: of theta, coefficients and effects
 * integrated out; from the factor-wise sampler, which never has that, of theta, coefficients and effects together. u: all group effects in the
 * order of bm_marginal_draw, or NULL where they were not wanted. */
typedef struct {
    void  *self;
    size_t u_every;      /* draw the group effects at every u_every-th kept iteration; 0: never */
    void (*draw)(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u);
    size_t effects_every;    /* call effects, before draw, at every such kept iteration; 0: never. A multiple of BM_MOMENTS_EVERY */
    /* Means and sds of all group effects given theta; from the factor-wise sampler, given the effects of the factors outside the part, too. */
    void (*effects)(void *self, size_t chain, size_t iter, const double *mean, const double *sd);
} bm_sink;

typedef struct {
    bool     collapsed;             /* else: factor-wise Gibbs */
    const char *why;                /* why that one */
    char     kernel[256];           /* in words */
    double  *acceptance;            /* per chain, of the main kernel, while sampling */
    double   warmup_acceptance;     /* over the last round of warm-up */
    size_t   warmup;                /* iterations of each chain: what was asked for, fewer where the proposal fitted sooner, up to twice as many where none did */
    uint64_t warmup_evaluations, evaluations;    /* of the marginal (a gradient counts as one); the second: while sampling, all chains */
    const double *log_ratio;        /* log posterior - log proposal at the independent proposals made while sampling; none of gradient kernels alone */
    size_t   nratio;
    bool     jumps;                 /* these come beside Hamiltonian moves, which reach what they miss */
    double   top_ratio;             /* the largest of these ratios over their mean; NaN without any */
    double   log_evidence;          /* log p(y): mean ratio over the proposals made; NaN where the kernel makes none */
    double   log_evidence_se;       /* its standard error: the proposals are independent */
    bm_moments *moments;            /* averages over all chains, of b and then of u */
} bm_mcmc_info;

typedef struct bm_mcmc bm_mcmc;

/* Which sampler for the asked one: the collapsed one, or factor by factor; the reason in words. Where the costs do not settle it, a pilot does. */
bm_status bm_choose_collapsed(const bm_post *post, bm_sampler asked, bool *collapsed, char *why, size_t size, bm_error *err);

bm_status bm_mcmc_new(bm_mcmc **out, const bm_post *post, const bm_fit_options *opt, bm_error *err);
/* Finds the mode, starts the chains dispersed around it, adapts the proposals and freezes them. */
bm_status bm_mcmc_warmup(bm_mcmc *s, bm_error *err);
/* Goes on until every chain has delivered `upto` kept iterations. BM_INTERRUPTED: *done iterations of every chain were delivered. */
bm_status bm_mcmc_run(bm_mcmc *s, size_t upto, const bm_sink *sink, size_t *done, bm_error *err);
/* Valid until the next run. */
bm_status bm_mcmc_report(bm_mcmc *s, bm_mcmc_info *info, bm_error *err);
void      bm_mcmc_free(bm_mcmc *s);

/* ---- one kernel at a time, from a state given (place.c): for tests of the kernels ---- */

typedef enum { BM_MOVE_CHOSEN, BM_MOVE_INDEPENDENCE, BM_MOVE_WALK, BM_MOVE_HAMILTON, BM_MOVE_JUMPS, BM_MOVE_EFFECTS, BM_MOVE_SWEEP } bm_move;
/* Can this posterior be moved that way? */
bool      bm_move_possible(const bm_post *post, bm_move move);
/* Before the warm-up: theta is moved by this kernel alone (EFFECTS: not at all). SWEEP needs the factor-wise sampler, the others the collapsed one. */
void      bm_mcmc_force(bm_mcmc *s, bm_move move);
/* After the warm-up: the (only) chain goes on from here. Student-t coefficients' precisions are drawn given b. BM_NOT_PD: no density there that
 * double precision can tell. */
bm_status bm_mcmc_place(bm_mcmc *s, const double *b, const double *natural, const double *u);

/* Pauses: every so many seconds, and when asked to stop, all chains halt between two moves, save is called, and they go on as if nothing had been.
 * save uses bm_mcmc_state. */
typedef struct { double every; void *self; bm_status (*save)(void *self, bm_error *err); } bm_pause;
void      bm_mcmc_pause(bm_mcmc *s, const bm_pause *p);
/* Writes, or into a new sampler of the same model and options reads, all that the run from here on depends on: bm_mcmc_warmup then makes what
 * is left of the warm-up, bm_mcmc_run the rest of the iterations. BM_EPARSE: not such a state; BM_EINVAL: this machine computes other digits. */
bm_status bm_mcmc_state(bm_mcmc *s, bm_state *io, bm_error *err);
/* Kept iterations that a chain has delivered. */
size_t    bm_mcmc_delivered(const bm_mcmc *s, size_t chain);

/* ---- what the priors do (flat.c) ---- */

/* n draws of the natural parameters (in the order of bm_point_natural): parameter v of draw i is x[v * stride + i]. */
typedef struct { const double *x; size_t n, stride; } bm_theta_draws;

/* L and sigma of draw i: what bm_marginal_eval takes. */
void bm_theta_factor(const bm_theta *th, const bm_theta_draws *d, size_t i, double *L, double *sigma);
/* Where the prior of parameter v stands: nowhere (it is flat), on the parameter itself (a correlation: on its matrix), on the whole covariance
 * matrix of its block, or it is a constant. */
typedef enum { BM_PRIOR_NONE, BM_PRIOR_OWN, BM_PRIOR_COVARIANCE, BM_PRIOR_CONSTANT } bm_prior_part;
bm_prior_part bm_prior_of(const bm_theta *th, size_t v);
/* Log weights (n, up to a constant) that turn the draws into draws of the posterior in which that prior is flat (in sds, correlations, sigma). */
void bm_prior_weights(const bm_theta *th, const bm_theta_draws *d, size_t v, double *log_w);
/* Averages over the draws, at most some hundred where groups are many (*used): E[b | theta, y] under a flat prior on b (p; NaN where aliased), and,
 * unless NULL, each group effect's conditional variance (given theta and b) over its variance (nu): 0, the group speaks for itself; 1, it is pulled
 * to the mean all the way. */
bm_status bm_flat_moments(const bm_post *post, const bm_theta_draws *d, double *b, double *shrink, size_t *used, bm_error *err);

/* ---- groups without pooling, and without groups (pooling.c) ---- */

typedef struct {
    size_t  J, q, p;
    bool   *absorbed;         /* p: the groups' columns span this column of X in every group */
    bool   *estimable;        /* J: the group's columns are independent over its rows */
    double *D;                /* J x p x (q): x_k = Z_j D_jk where absorbed; else 0 */
    double *complete;         /* J x q: least squares over all rows, groups ignored */
    double *none;             /* J x q: free coefficients in every group; NaN where not estimable */
    double *none_se;          /* J x q: by the group's own residuals, as a fit to its rows alone gives; NaN with no residual degree of freedom */
    double *none_se_pooled;   /* J x q: by the residuals of all groups */
    double *b;                /* p: coefficients of the columns that are not absorbed, with no pooling */
    double  sigma;            /* residual sd with no pooling; 1 with known standard errors */
} bm_pooling;
bm_status bm_pooling_new(bm_pooling **out, const bm_stats *st, const bm_design *d, size_t fac, bm_error *err);
void      bm_pooling_free(bm_pooling *p);

#endif
