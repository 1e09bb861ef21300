/* watch.c: what the draws so far say, while chains add to them: the worst R-hat and the smallest bulk effective sample size of the parameters. */
#include "api/fit_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEWEST = 100 };                               /* draws per chain that the numbers mean anything of */

/* Chains that have got at least half as far as the foremost (with few threads, others have not begun): how many, and the draws that all of them have. */
static size_t far_enough(const bm_store *s, bool *in, size_t *niter)
{
    size_t most = 0, nchain = 0;

    for (size_t c = 0; c < s->d->nchain; c++) {
        size_t n = atomic_load_explicit(&s->count[c], memory_order_acquire);

        if (n > most) most = n;
    }
    *niter = SIZE_MAX;
    for (size_t c = 0; c < s->d->nchain; c++) {
        size_t n = atomic_load_explicit(&s->count[c], memory_order_acquire);

        in[c] = 2 * n >= most;
        if (!in[c]) continue;
        nchain++;
        if (n < *niter) *niter = n;
    }
    return nchain;
}

static void look(bm_watch *w)
{
    const bm_draws *d = w->s->d;
    size_t          niter, nchain;
    bool           *in = bm_alloc(d->nchain, sizeof *in);
    double         *x = NULL, rhat = NAN, ess = NAN;

    if (!in || !(nchain = far_enough(w->s, in, &niter)) || niter < FEWEST || !(x = bm_alloc(nchain * niter, sizeof *x))) goto done;   /* a hint less */
    for (size_t v = 0; v < w->f->nmonitored; v++) {
        for (size_t c = 0, at = 0; c < d->nchain; c++)
            if (in[c]) memcpy(x + niter * at++, d->x + (v * d->nchain + c) * d->niter, niter * sizeof *x);
        rhat = fmax(rhat, bm_rhat(x, nchain, niter));           /* a constant has none: NaN, which fmax and fmin pass over */
        ess = fmin(ess, bm_ess_bulk(x, nchain, niter));
    }
    w->rhat = rhat;
    w->ess = ess;
done:
    free(in);
    free(x);
}

void bm_watch_progress(void *self, const bm_progress *p)
{
    bm_watch   *w = self;
    double      now = bm_clock();
    bm_progress more = *p;

    if (strcmp(p->phase, "sampling") == 0 && now >= w->due) {
        look(w);
        w->due = now + fmax(isnan(w->rhat) ? 0 : 1, 50 * (bm_clock() - now));
    }
    more.rhat = w->rhat;
    more.ess = w->ess;
    w->f->opt.progress(w->f->opt.progress_self, &more);
}
