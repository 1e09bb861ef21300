/* draws.c: storage of draws, variable by variable and chain after chain, and the public accessors. */
#include "draws/draws_priv.h"

#include <stdlib.h>

bm_status bm_draws_new(bm_draws **out, const char *const *names, size_t nvar, size_t nchain, size_t niter, bm_error *err)
{
    bm_status st = BM_ENOMEM;
    bm_draws *d = bm_alloc(1, sizeof *d);
    size_t    n;

    *out = NULL;
    if (!d || __builtin_mul_overflow(nchain, niter, &n) || __builtin_mul_overflow(n, nvar, &n)) goto done;
    d->nvar = nvar;
    d->nchain = nchain;
    d->niter = niter;
    d->names = bm_alloc(nvar, sizeof *d->names);
    d->x = bm_alloc(n, sizeof *d->x);
    if (!d->names || !d->x) goto done;
    for (size_t i = 0; i < nvar; i++)
        if (!(d->names[i] = bm_strdup(names[i]))) goto done;
    *out = d;
    d = NULL;
    st = BM_OK;
done:
    if (st != BM_OK) bm_fail(err, st, "out of memory for the draws of %zu variables, %zu chains of %zu", nvar, nchain, niter);
    bm_draws_free(d);
    return st;
}

size_t bm_draws_nvar(const bm_draws *d)
{
    return d->nvar;
}

size_t bm_draws_nchain(const bm_draws *d)
{
    return d->nchain;
}

size_t bm_draws_niter(const bm_draws *d)
{
    return d->niter;
}

const char *bm_draws_name(const bm_draws *d, size_t var)
{
    return d->names[var];
}

const double *bm_draws_values(const bm_draws *d, size_t var)
{
    return d->x + var * d->nchain * d->niter;
}

void bm_draws_free(bm_draws *d)
{
    if (!d) return;
    for (size_t i = 0; d->names && i < d->nvar; i++) free(d->names[i]);
    free(d->names);
    free(d->x);
    free(d);
}
