/* fit_state.c: all that the rest of a run depends on: the draws so far, how many are wanted, and the sampler between two moves. */
#include "api/fit_priv.h"

#include <math.h>

/* Room as the run that was saved had it. */
static bm_status room_state(bm_run *r, bm_state *io, bm_error *err)
{
    size_t want = r->s.d->niter;

    bm_state_count(io, &want, SIZE_MAX / 2);
    if (io->failed || !io->reading || want == r->s.d->niter) return BM_OK;
    bm_store_free(&r->s);
    return bm_store_new(&r->s, r->f, want, err);
}

static void clock_state(bm_run *r, bm_state *io)
{
    double now = bm_clock(), warmup = (r->t1 > 0 ? r->t1 : now) - r->t0, sampling = r->t1 > 0 ? now - r->t1 : 0;

    BM_STATE(io, warmup);
    BM_STATE(io, sampling);
    if (!io->reading || io->failed) return;
    r->t0 = now - warmup - sampling;
    r->t1 = sampling > 0 ? now - sampling : 0;
}

/* Of every chain, what it has delivered. */
static void draws_state(bm_run *r, bm_state *io)
{
    bm_store *s = &r->s;
    bm_draws *d = s->d;

    for (size_t c = 0; c < d->nchain && !io->failed; c++) {
        size_t n = bm_mcmc_delivered(r->mc, c);

        bm_state_count(io, &n, d->niter);
        if (io->failed) return;
        for (size_t v = 0; v < d->nvar; v++) bm_state_doubles(io, d->x + (v * d->nchain + c) * d->niter, n);
        bm_conditionals_state(&s->cond, c, n, io);
    }
}

bm_status bm_run_state(bm_run *r, bm_state *io, bm_error *err)
{
    bm_status st = room_state(r, io, err);

    if (st != BM_OK) return st;
    clock_state(r, io);
    draws_state(r, io);
    st = bm_mcmc_state(r->mc, io, err);
    for (size_t c = 0; c < r->s.d->nchain && st == BM_OK; c++)
        if (bm_mcmc_delivered(r->mc, c) > r->s.d->niter) st = bm_fail(err, BM_EPARSE, "not the state of a run of this model: more draws were delivered than it has room for");
    return st;
}

bm_status bm_run_save(void *self, bm_error *err)
{
    bm_run        *r = self;
    bm_checkpoint *c = r->f->opt.checkpoint;
    bool           stops = r->f->opt.stop && *r->f->opt.stop;
    bm_error       why = { 0 };
    bm_status      st = bm_checkpoint_write(c, r, &why);

    if (st == BM_OK) return st;
    if (!bm_checkpoint_written(c)) return bm_fail(err, st, "%s", why.msg);
    if (stops) return bm_fail(err, st, "%s: the checkpoint before this moment is kept", why.msg);
    if (r->told) return BM_OK;
    r->told = true;
    return bm_strv_addf(&r->f->warnings, err, "a checkpoint could not be written: %s; the run went on", why.msg);
}
