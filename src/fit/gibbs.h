/* gibbs.h: factor-wise collapsed Gibbs sampling for crossed grouping factors. Private to this room.
 *
 * A part is one factor with those it is nested in and small ones that are close to it. A sweep takes each part in turn: given the effects of the factors outside
 * it, (theta of the part, sigma), coefficients and the part's effects are drawn jointly, coefficients and effects integrated out of the Metropolis
 * steps on theta. */
#ifndef BM_GIBBS_H
#define BM_GIBBS_H

#include "fit/fit.h"

/* ---- the cross-tabulations as a sweep reads them (gibbs_tables.c) ---- */

typedef struct {
    size_t          J, q, r;
    const size_t   *ptr;     /* J + 1 */
    const uint32_t *lev;
    const double   *X;       /* q x r blocks; NULL: each is 1, and a level may come several times */
    size_t         *own_ptr;
    uint32_t       *own_lev; /* NULL where the statistics' are used */
} bm_table;

/* X stays the owner of what need not be rearranged. BM_ENOMEM. */
bm_status bm_table_new(bm_table *t, const bm_cross *X, size_t q, size_t r);
void      bm_table_clear(bm_table *t);
/* y (J x q) -= X v */
void      bm_table_take(const bm_table *t, const double *v, double *y);

/* Shared by the chains. */
typedef struct bm_gibbs {
    const bm_post *post;
    size_t         npart;
    bm_part      **part;
    bm_table      *table;    /* nfac x nfac, of (k, l): empty where no part has k without l */
    size_t        *first;    /* nfac: where a factor's effects begin */
    int           *steps;    /* npart: Metropolis steps, or Hamiltonian trajectories, on theta per sweep */
    bool          *hmc;      /* npart: which of the two */
    long          *polar;    /* npart: the sd of a factor with a level for every row, which has a move of its own; -1: none */
    bool           overlap;  /* some factor is in several parts */
    double        *C;        /* per part d x d, one after another: Cholesky factors of the proposals' covariances */
    size_t        *C_at;     /* npart */
    double         seconds;  /* estimated, of a sweep */
    double         coupling;         /* what a sweep leaves of the slowest direction of the effects; NaN: not measured */
    double         theta_sweeps;     /* autocorrelation time of theta's slowest coordinate, in a pilot */
    char           joined[144];      /* which factors are sampled together because of it, in words */
} bm_gibbs;

/* With the parts that the design and a pilot suggest. */
bm_status bm_gibbs_new(bm_gibbs **out, const bm_post *post, bm_error *err);
void      bm_gibbs_free(bm_gibbs *g);

/* ---- which factors together (gibbs_parts.c) ---- */

/* Sets of factors: does set i have factor k? (i nfac + k) */
typedef struct { size_t n; bool *in; } bm_gibbs_sets;

/* By the design alone: nested factors and small ones. in: room for nfac x nfac. */
bm_status bm_gibbs_design_sets(const bm_stats *st, bm_gibbs_sets *sets);
bm_status bm_gibbs_build(bm_gibbs **out, const bm_post *post, const bm_gibbs_sets *sets, bm_error *err);
/* Seconds of a sweep over all cross-tabulations, theta moved a few times. */
double    bm_gibbs_sweep_seconds(const bm_stats *st);

/* One chain's. v: effects in the basis of the statistics. What the next sweep depends on is saved and read back by state.c. */
typedef struct bm_gibbs_chain {
    const bm_gibbs *g;
    bm_part_state **part;
    double         *scale;   /* npart: of the proposals */
    double         *log_scale_sum;   /* npart: over the second half of warm-up */
    double         *W;       /* npart: |Z v|^2 in the weights, of the part's own effects */
    bm_point       *whole;   /* all of theta; no marginal */
    double         *u, *v;   /* nu each */
    double         *part_u;  /* nu: effects of a part as its marginal draws them; then their sds */
    double         *Bv;      /* nfac x p: B_k'v_k */
    double         *beta, *b, *x;    /* p; p; scratch, four times all coordinates */
    double          rss;     /* |y - Zv|^2 in the weights, over all factors */
    uint64_t        evaluations, tried, accepted;
} bm_gibbs_chain;

bm_status bm_gibbs_chain_new(bm_gibbs_chain **out, const bm_gibbs *g, bm_error *err);
void      bm_gibbs_chain_free(bm_gibbs_chain *c);

/* ---- between all factors and part i (gibbs_chain.c) ---- */

/* v'Av of one factor. */
double    bm_gibbs_own_form(const bm_facstat *f, const double *v);
/* No effects: the response is all that there is. */
void      bm_gibbs_clear(bm_gibbs_chain *c);
/* What follows from effects v that were put in from outside. */
void      bm_gibbs_recount(bm_gibbs_chain *c);
/* These effects, in the user's units, and what follows from them. */
void      bm_gibbs_set_effects(bm_gibbs_chain *c, const double *u);
/* The statistics of what the other factors leave. */
void      bm_gibbs_take_others(bm_gibbs_chain *c, size_t i);
/* theta of the part, from all of theta and back. */
void      bm_gibbs_theta_in(bm_gibbs_chain *c, size_t i);
void      bm_gibbs_theta_out(bm_gibbs_chain *c, size_t i);
/* Coefficients and effects of the part from their conditional at its current point (rng NULL: its mean), and what follows for the others. */
void      bm_gibbs_effects(bm_gibbs_chain *c, size_t i, bm_rng *rng);
/* to = x + scale C z */
void      bm_gibbs_step(const double *x, const double *C, size_t d, double scale, const double *z, double *to);

/* ---- the start (gibbs_start.c) and the sweeps (gibbs.c) ---- */

/* From nothing to where the posterior is: for each part its conditional mode, sweeps times; sets the proposals' shapes C (in g). */
bm_status bm_gibbs_find(bm_gibbs_chain *c, bm_gibbs *g, bm_rng *rng, int sweeps, bm_error *err);
/* c takes the state of `from`, theta moved away from it by draws of a wide t. */
void      bm_gibbs_disperse(bm_gibbs_chain *c, const bm_gibbs_chain *from, bm_rng *rng);
/* The state is that with these effects, and coefficients beta in the basis of the statistics; theta stands in whole->x. Student-t coefficients' precisions
 * are drawn given beta. */
void      bm_gibbs_place(bm_gibbs_chain *c, const double *u, const double *beta, bm_rng *rng);
/* One sweep; adapt > 0: the proposals' scales follow the acceptance with that gain. moments: NULL, or where the conditional moments go. */
void      bm_gibbs_sweep(bm_gibbs_chain *c, bm_rng *rng, double adapt, bm_moments *moments);
/* Log density of everything: y, coefficients, effects and (natural) variance parameters. */
double    bm_gibbs_lp(bm_gibbs_chain *c);

#endif
