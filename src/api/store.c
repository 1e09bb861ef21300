/* store.c: the draws as they come in. */
#include "api/fit_priv.h"

#include <stdlib.h>
#include <string.h>

enum { RANEF_AUTO = 1000 };                          /* group effects whose draws are kept unless asked otherwise */

static void take_draw(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    bm_store *s = self;
    size_t    stride = s->d->nchain * s->d->niter, v = 0;
    double   *x = s->d->x + chain * s->d->niter + iter;

    x[stride * v++] = lp;
    for (size_t k = 0; k < s->p; k++) x[stride * v++] = b[k];
    for (size_t k = 0; k < s->nnat; k++) x[stride * v++] = natural[k];
    atomic_store_explicit(&s->count[chain], iter + 1, memory_order_release);
    for (size_t k = 0; u && k < s->nu; k++) x[stride * v++] = u[k];
}

static void take_effects(void *self, size_t chain, size_t iter, const double *mean, const double *sd)
{
    bm_store *s = self;

    bm_conditionals_take(&s->cond, chain, iter, mean, sd);
}

bm_sink bm_store_sink(bm_store *s)
{
    return (bm_sink){ .self = s, .draw = take_draw, .u_every = s->keep_u, .effects = take_effects, .effects_every = s->cond.every };
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
static bm_status check_memory(const bm_fit *f, size_t nvar, size_t niter, double more, bm_error *err)
{
    const double values = (double)f->opt.chains * (double)niter, d = (double)f->model->post->th.d;
    double       warmup = (double)f->opt.chains * f->opt.warmup * (d + 1) * sizeof(double);
    double       need = 1.05 * ((double)nvar + 8) * values * sizeof(double) + warmup + more, have = bm_memory_free();   /* 8: summaries sort copies */

    if (need < have) return BM_OK;
    return bm_fail(err, BM_ENOMEM, "%d chains with %zu draws of %zu variables%s need %.3g GB of memory, of which %.3g GB are free: fewer --draws or --chains, "
                                   "a larger --thin%s", f->opt.chains, niter, nvar, warmup > need / 2 ? ", and their warm-up," : "", need * 1e-9, have * 1e-9,
                   nvar > f->nmonitored ? ", or --ranef-draws none" : "");
}

/* more: bytes that will be wanted beside the draws. */
static bm_status room_for_draws(bm_store *s, const bm_fit *f, size_t niter, double more, bm_error *err)
{
    bm_strv   names = { 0 };
    bm_status st;

    if ((st = names_of(f->model, s->keep_u, &names, err)) == BM_OK) st = check_memory(f, names.n, niter, more, err);
    if (st == BM_OK)
        st = bm_draws_new(&s->d, (const char *const *)names.v, names.n, (size_t)f->opt.chains, niter, err);
    bm_strv_free(&names);
    if (st == BM_OK && !(s->count = bm_alloc((size_t)f->opt.chains, sizeof *s->count))) st = bm_nomem(err);
    return st;
}

bm_status bm_store_new(bm_store *s, const bm_fit *f, size_t niter, bm_error *err)
{
    const bm_post *post = f->model->post;
    bm_status      st;

    *s = (bm_store){ .p = post->st->p, .nnat = post->th.nsd + post->th.ncor + post->th.has_sigma, .nu = post->nu };
    s->keep_u = s->nu && (f->opt.ranef_draws == BM_RANEF_ALL || (f->opt.ranef_draws == BM_RANEF_AUTO && s->nu <= RANEF_AUTO));
    if (s->nu && !s->keep_u) {
        if ((st = bm_conditionals_new(&s->cond, post, (size_t)f->opt.chains, (size_t)f->opt.draws, BM_CONDITIONAL_BYTES, err)) != BM_OK) return st;
        bm_conditionals_lengthen(&s->cond, niter, 0);
    }
    return room_for_draws(s, f, niter, bm_conditionals_bytes(&s->cond), err);
}

void bm_store_free(bm_store *s)
{
    bm_draws_free(s->d);
    bm_conditionals_free(&s->cond);
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
    bm_store  t = *s;
    bm_status st;

    t.d = NULL;
    t.count = NULL;
    st = room_for_draws(&t, f, niter, 0, err);
    if (st == BM_OK) {
        copy_draws(t.d, s->d, done);
        bm_conditionals_lengthen(&s->cond, niter, done);
        t.cond = s->cond;
        s->cond = (bm_conditionals){ 0 };
        bm_store_free(s);
        *s = t;
        return BM_OK;
    }
    bm_draws_free(t.d);
    free(t.count);
    return st;
}
