/* chain.h: one Markov chain on theta and its kernels. Private to this room. */
#ifndef BM_CHAIN_H
#define BM_CHAIN_H

#include "fit/fit.h"
#include "fit/gibbs.h"
#include "fit/hmc.h"
#include "fit/mixture.h"

/* Conditional moments of u are taken at every fourth kept iteration: they cost as much as a move, and vary so much less than
 * draws do that their mean over a quarter of the thetas as a rule has a smaller Monte Carlo error than that of all draws (0.4 of it; 1.07 at worst where measured). */
enum { BM_RATIOS = 1 << 14 };

/* What later moves depend on is saved and read back by state.c. */
typedef struct {
    size_t    id;
    bm_rng    rng;
    bm_point *cur, *star;
    double    cur_lq;                /* log q at cur; NaN: not known, or of another q */
    double   *g_cur, *g, *p, *x0;    /* d each: gradients, momentum, scratch */
    double   *beta, *b, *u, *natural;
    uint64_t  evaluations, tried, accepted;
    bm_moments moments;
    double    held;                  /* iterations for which cur has stood since the moments of b were last taken */
    double   *log_ratio;             /* of independence proposals while sampling: every stride-th, at most BM_RATIOS of them */
    size_t    nratio, stride, seen;
    double    top, sum, square;      /* over all of them: the largest, and sums of exp(log_ratio - top) and of its square */
    double   *trail;                 /* warm-up: states, d + 1 numbers each (x, lp) */
    size_t    ntrail, before;        /* recorded, and how many of these in earlier rounds */
    size_t    iter;                  /* kept iterations delivered */
    size_t    moved;                 /* moves since the last one; of the factor-wise sampler's warm-up, since its beginning */
    bool      halted;                /* before the end of what was asked for */
    bm_gibbs_chain *gibbs;           /* the factor-wise sampler's state; then cur, star and what belongs to them are NULL */
} bm_chain;

/* gibbs NULL: the collapsed sampler. */
bm_status bm_chain_new(bm_chain *c, size_t id, const bm_post *post, const bm_gibbs *gibbs, const bm_fit_options *opt, bm_error *err);
void      bm_chain_free(bm_chain *c);
/* Room for the states of n iterations of warm-up. */
bm_status bm_chain_trail(bm_chain *c, size_t d, size_t n, bm_error *err);

/* The moments of b at the current point count for every iteration it stood (held): takes them now. */
void bm_chain_settle(bm_chain *c);
/* star becomes the current point. */
void bm_chain_accept(bm_chain *c);
/* Takes note of log p - log q at a proposal: for the evidence exactly, for the shape of the tail on an even sample. */
void bm_chain_note_ratio(bm_chain *c, double ratio);
/* theta* ~ q, accepted by the ratio of ratios. Returns log p - log q at theta*. */
double bm_independence_step(bm_chain *c, const bm_mixture *q);
/* theta* across q's middle (bm_mixture_opposite: reversible with respect to q), accepted by the same ratio. */
void bm_opposite_step(bm_chain *c, const bm_mixture *q, double correlation);
/* theta* ~ q beside other moves, which alone are counted. Is the current point another one, or folded to q's side? *ratio: log p - log q at theta*. */
bool bm_jump(bm_chain *c, const bm_mixture *q, double *ratio);
/* Random-walk step with covariance (scale^2 / d) C C', folded to q's side of the one-sided sds. */
void bm_local_step(bm_chain *c, const bm_mixture *q, const double *C, double scale);
/* A move by bm_polar_propose. Is the current point another one? */
bool bm_polar_step(bm_chain *c, long sd, const double *C);
/* Returns the acceptance probability. */
double bm_hmc_step(bm_chain *c, const bm_hmc *h);

#endif
