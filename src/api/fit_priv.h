/* fit_priv.h: what the files behind bm_fit_run share: the draws as they come in. */
#ifndef BM_FIT_PRIV_H
#define BM_FIT_PRIV_H

#include "api/api.h"

#include <stdatomic.h>

/* ---- storage, the sampler's sink (store.c) ---- */

typedef struct {
    bm_draws *d;
    size_t    p, nnat, nu;
    bool      keep_u;
    double   *u;            /* nchain x slots x nu: every `every`-th draw of the effects, where they are not kept; a draw in one piece */
    size_t    every, slots;
    atomic_size_t *count;   /* nchain: draws that have come, for who looks at them meanwhile */
} bm_store;

/* Room for niter iterations per chain. step: what `every` is a multiple of. */
bm_status bm_store_new(bm_store *s, const bm_fit *f, size_t niter, size_t step, bm_error *err);
/* Room for niter iterations per chain, the first `done` of them kept. */
bm_status bm_store_resize(bm_store *s, const bm_fit *f, size_t niter, size_t done, bm_error *err);
void      bm_store_free(bm_store *s);
void      bm_store_draw(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u);

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
