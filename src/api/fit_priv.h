/* fit_priv.h: what the files behind bm_fit_run share: the draws as they come in. */
#ifndef BM_FIT_PRIV_H
#define BM_FIT_PRIV_H

#include "api/api.h"

#include <stdatomic.h>

/* ---- the normal distributions of effects whose draws are not kept (conditionals.c) ---- */

typedef struct {
    size_t  first, n, q;     /* of the effects of one factor: the first of all, how many, per level */
    size_t  most, every;     /* those of every `every`-th iteration are kept, at most so many per chain */
    double *unit;            /* q: what distances and sds are measured in: a float holds them then, whatever the units of y */
    double *origin;          /* nchain x n: conditional means at the first iteration, from which the later ones are measured */
    float  *mean, *sd;       /* nchain x most x n */
} bm_conditional;

typedef struct bm_conditionals {
    size_t          nchain, nfac, every;     /* every: all steps are multiples of it */
    bm_conditional *fac;
} bm_conditionals;

enum { BM_CONDITIONAL_BYTES = 256 << 20 };

/* For runs of niter iterations per chain, in so many bytes at most (but one normal of every effect and chain is always kept). c: to be freed also after a
 * failure. */
bm_status bm_conditionals_new(bm_conditionals *c, const bm_post *post, size_t nchain, size_t niter, size_t bytes, bm_error *err);
double    bm_conditionals_bytes(const bm_conditionals *c);
/* Conditional means and sds of all effects at an iteration that is a multiple of c->every; of each chain in order, from 0 on. */
void      bm_conditionals_take(bm_conditionals *c, size_t chain, size_t iter, const double *mean, const double *sd);
/* The run becomes niter iterations long, `done` of which have come: of those kept, every second goes, as often as it must. */
void      bm_conditionals_lengthen(bm_conditionals *c, size_t niter, size_t done);
/* Of one chain, what has come with its first `done` iterations. */
void      bm_conditionals_state(bm_conditionals *c, size_t chain, size_t done, bm_state *io);
/* Quantiles of the rows, of which means and sds are known, after niter iterations of every chain. What is behind them: the fewest normals of an effect; and of the
 * outer quantiles, in posterior sds (root mean squares of the worst factor), the standard error that these normals' shape has as an independent sample, and
 * the sd of what a single draw adds to mean and sd. */
typedef struct { size_t normals; double shape_error, moments_sd; } bm_behind;
bm_status bm_conditionals_quantiles(const bm_conditionals *c, size_t niter, bm_ranef_row *row, int threads, bm_behind *b, bm_error *err);
void      bm_conditionals_free(bm_conditionals *c);

/* ---- storage, the sampler's sink (store.c) ---- */

typedef struct {
    bm_draws *d;
    size_t    p, nnat, nu;
    bool      keep_u;
    bm_conditionals cond;   /* where effects are not kept */
    atomic_size_t *count;   /* nchain: draws that have come, for who looks at them meanwhile */
} bm_store;

/* Room for niter iterations per chain. */
bm_status bm_store_new(bm_store *s, const bm_fit *f, size_t niter, bm_error *err);
/* Room for niter iterations per chain, the first `done` of them kept. */
bm_status bm_store_resize(bm_store *s, const bm_fit *f, size_t niter, size_t done, bm_error *err);
void      bm_store_free(bm_store *s);
/* What the store wants of the sampler. */
bm_sink   bm_store_sink(bm_store *s);

/* ---- what the draws say while they come in (watch.c) ---- */

typedef struct {
    const bm_fit   *f;       /* who is to be told */
    const bm_store *s;
    double          due;     /* by bm_clock: when the numbers are to be had anew */
    double          rhat, ess;
} bm_watch;
/* For bm_fit_options; self: a bm_watch. Passes progress on, with R-hat and ESS of the draws so far, which take a fiftieth of the time at most. */
void bm_watch_progress(void *self, const bm_progress *p);

/* ---- a run and its state (fit.c, fit_state.c) ---- */

typedef struct {
    bm_fit   *f;
    bm_mcmc  *mc;
    bm_store  s;
    bm_watch  watch;
    double    t0, t1;        /* when warm-up and sampling began, by bm_clock, earlier sessions of the same run counted in; t1 0: not yet */
    bool      told;          /* that a checkpoint could not be written */
} bm_run;

/* Writes all that the rest of the run depends on, or reads it into a run of which mc and s are new. */
bm_status bm_run_state(bm_run *r, bm_state *io, bm_error *err);
/* For bm_pause; self: a bm_run. The first checkpoint must succeed, later ones must only where the run is asked to stop: the one before is there still. */
bm_status bm_run_save(void *self, bm_error *err);

/* ---- the file (checkpoint.c) ---- */

/* Does it go on with an earlier run? */
bool      bm_checkpoint_resumes(const bm_checkpoint *c);
double    bm_checkpoint_seconds(const bm_checkpoint *c);
/* Is the run of f the one that was saved? To be called before bm_checkpoint_read. */
bm_status bm_checkpoint_match(const bm_checkpoint *c, const bm_fit *f, bm_error *err);
bm_status bm_checkpoint_read(bm_checkpoint *c, bm_run *r, bm_error *err);
bm_status bm_checkpoint_write(bm_checkpoint *c, bm_run *r, bm_error *err);

#endif
