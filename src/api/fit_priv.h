/* fit_priv.h: what the files behind bm_fit_run share: the draws as they come in. */
#ifndef BM_FIT_PRIV_H
#define BM_FIT_PRIV_H

#include "api/api.h"

/* ---- storage, the sampler's sink (store.c) ---- */

typedef struct {
    bm_draws *d;
    size_t    p, nnat, nu;
    bool      keep_u;
    double   *u;            /* nchain x slots x nu: every `every`-th draw of the effects, where they are not kept; a draw in one piece */
    size_t    every, slots;
} bm_store;

/* Room for niter iterations per chain. step: what `every` is a multiple of. */
bm_status bm_store_new(bm_store *s, const bm_fit *f, size_t niter, size_t step, bm_error *err);
/* Room for niter iterations per chain, the first `done` of them kept. */
bm_status bm_store_resize(bm_store *s, const bm_fit *f, size_t niter, size_t done, bm_error *err);
void      bm_store_free(bm_store *s);
void      bm_store_draw(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u);

#endif
