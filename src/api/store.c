/* store.c: the draws as they come in, and those of group effects that are kept for their quantiles only. */
#include "api/fit_priv.h"

#include <stdlib.h>
#include <string.h>

enum { RANEF_AUTO = 1000 };                          /* group effects whose draws are kept unless asked otherwise */
static const size_t QUANTILE_BYTES = 256u << 20;     /* memory for the draws behind the quantiles of effects that are not kept */
static const size_t QUANTILE_DRAWS = 10000;          /* of each chain: with four of them a 5 % quantile is known to a hundredth of the sd */

void bm_store_draw(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    bm_store *s = self;
    size_t    stride = s->d->nchain * s->d->niter, v = 0;
    double   *x = s->d->x + chain * s->d->niter + iter;

    x[stride * v++] = lp;
    for (size_t k = 0; k < s->p; k++) x[stride * v++] = b[k];
    for (size_t k = 0; k < s->nnat; k++) x[stride * v++] = natural[k];
    atomic_store_explicit(&s->count[chain], iter + 1, memory_order_release);
    if (!u) return;
    if (s->keep_u) {
        for (size_t k = 0; k < s->nu; k++) x[stride * v++] = u[k];
        return;
    }
    size_t slot = iter / s->every;
    if (slot < s->slots) memcpy(s->u + (chain * s->slots + slot) * s->nu, u, s->nu * sizeof *u);
}

static bm_status names_of(const bm_model *m, bool ranef, bm_strv *names, bm_error *err)
{
    bm_buf    b = { 0 };
    bm_status st = BM_OK;

    for (size_t i = 0; i < m->monitored.n && st == BM_OK; i++) st = bm_strv_add(names, m->monitored.v[i], err);
    for (size_t k = 0; ranef && k < m->design->nfac; k++) {
        const bm_group *g = &m->design->fac[k];

        for (size_t j = 0; j < g->J; j++)
            for (size_t i = 0; i < g->q && st == BM_OK; i++) {
                b.n = 0;
                bm_ranef_name(&b, g, j, i);
                st = b.failed ? bm_nomem(err) : bm_strv_add(names, b.s, err);
            }
    }
    bm_buf_free(&b);
    return st;
}

/* Refuses draws that the machine cannot hold, rather than be killed for them hours later. */
static bm_status check_memory(const bm_fit *f, size_t nvar, size_t niter, bm_error *err)
{
    const double values = (double)f->opt.chains * (double)niter, d = (double)f->model->post->th.d;
    double       warmup = (double)f->opt.chains * f->opt.warmup * (d + 1) * sizeof(double);
    double       need = 1.05 * ((double)nvar + 8) * values * sizeof(double) + warmup, have = bm_memory_free();   /* 8: summaries sort copies */

    if (need < have) return BM_OK;
    return bm_fail(err, BM_ENOMEM, "%d chains with %zu draws of %zu variables%s need %.3g GB of memory, of which %.3g GB are free: fewer --draws or --chains, "
                                   "a larger --thin%s", f->opt.chains, niter, nvar, warmup > need / 2 ? ", and their warm-up," : "", need * 1e-9, have * 1e-9,
                   nvar > f->nmonitored ? ", or --ranef-draws none" : "");
}

bm_status bm_store_new(bm_store *s, const bm_fit *f, size_t niter, size_t step, bm_error *err)
{
    const bm_post *post = f->model->post;
    bm_strv        names = { 0 };
    bm_status      st;

    *s = (bm_store){ .p = post->st->p, .nnat = post->th.nsd + post->th.ncor + post->th.has_sigma, .nu = post->nu, .every = 1 };
    s->keep_u = f->opt.ranef_draws == BM_RANEF_ALL || (f->opt.ranef_draws == BM_RANEF_AUTO && post->nu <= RANEF_AUTO);
    if ((st = names_of(f->model, s->keep_u, &names, err)) == BM_OK) st = check_memory(f, names.n, niter, err);
    if (st == BM_OK)
        st = bm_draws_new(&s->d, (const char *const *)names.v, names.n, (size_t)f->opt.chains, niter, err);
    bm_strv_free(&names);
    if (st == BM_OK && !(s->count = bm_alloc((size_t)f->opt.chains, sizeof *s->count))) st = bm_nomem(err);
    if (st != BM_OK || s->keep_u || !s->nu) return st;
    size_t all = s->nu * (size_t)f->opt.chains * sizeof *s->u, most = QUANTILE_BYTES / all;
    if (most > QUANTILE_DRAWS) most = QUANTILE_DRAWS;
    if (!most) most = 1;
    s->every = (niter + most - 1) / most;
    s->every = (s->every + step - 1) / step * step;
    s->slots = (niter + s->every - 1) / s->every;
    s->u = bm_alloc(s->nu * (size_t)f->opt.chains * s->slots, sizeof *s->u);
    return s->u ? BM_OK : bm_fail(err, BM_ENOMEM, "out of memory for the draws of %zu group effects", s->nu);
}

void bm_store_free(bm_store *s)
{
    bm_draws_free(s->d);
    free(s->u);
    free(s->count);
    *s = (bm_store){ 0 };
}

/* The first niter iterations of `from` (at most what both hold) into `to`. */
static void copy_draws(bm_draws *to, const bm_draws *from, size_t niter)
{
    for (size_t r = 0; r < to->nvar * to->nchain; r++) memcpy(to->x + r * to->niter, from->x + r * from->niter, niter * sizeof *to->x);
}

bm_status bm_store_resize(bm_store *s, const bm_fit *f, size_t niter, size_t done, bm_error *err)
{
    bm_store  t;
    bm_status st = bm_store_new(&t, f, niter, s->every, err);

    if (st != BM_OK) {
        bm_store_free(&t);
        return st;
    }
    copy_draws(t.d, s->d, done);
    for (size_t c = 0; t.u && c < t.d->nchain; c++)
        for (size_t i = 0; i < t.slots && i * t.every < done; i++)
            memcpy(t.u + (c * t.slots + i) * t.nu, s->u + (c * s->slots + i * t.every / s->every) * t.nu, t.nu * sizeof *t.u);
    bm_store_free(s);
    *s = t;
    return BM_OK;
}
