/* post.c: a posterior: the coordinates of theta laid out, by its blocks and priors, and what evaluations of it share. theta.c says what the coordinates are. */
#include "posterior/posterior_priv.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>

/* ---- layout ---- */

/* The scale at which the data can tell an sd from 0: residual sd over the root of the mean information of a level. */
static double resolution(const bm_stats *st, const bm_facstat *f, size_t i)
{
    double info = 0, left = st->n > st->rank ? (double)(st->n - st->rank) : 1, s2 = st->yy / left;
    size_t q = f->q;

    for (size_t j = 0; j < f->J; j++) info += f->A[j * q * q + i + i * q];
    info /= (double)f->J;
    /* f->A is in the basis Kz, whose diagonal carries the column's scale */
    double c = f->Kz[i + i * q] * sqrt(s2 / (info > 0 ? info : 1));
    return c > 0 && isfinite(c) ? c : 1;
}

static bm_status allocate(bm_theta *th, size_t nblock)
{
    th->sd_x = bm_alloc(th->nsd, sizeof *th->sd_x);
    th->sd_c = bm_alloc(th->nsd, sizeof *th->sd_c);
    th->cor_x = bm_alloc(th->ncor, sizeof *th->cor_x);
    th->sd_prior = bm_alloc(th->nsd, sizeof *th->sd_prior);
    th->block = bm_alloc(nblock, sizeof *th->block);
    return th->sd_x && th->sd_c && th->cor_x && th->sd_prior && th->block ? BM_OK : BM_ENOMEM;
}

/* Log of the integral of |R|^(eta - 1) over correlation matrices of q, in canonical partial correlations (Lewandowski, Kurowicka & Joe 2009, sec. 3). */
static double log_lkj(size_t q, double eta)
{
    double v = 0;

    for (size_t i = 1; i < q; i++)
        for (size_t j = 0; j < i; j++) v += gsl_sf_lnbeta(0.5, eta + ((double)q - 2 - (double)j) / 2);
    return v;
}

static void lay_out_block(bm_theta *th, const bm_stats *st, const bm_priors *pr, size_t k, const bm_block *b, const bm_dist *prior, size_t L,
                          size_t *sd, size_t *cor)
{
    size_t         q = st->fac[k].q;
    bm_theta_block *t = &th->block[th->nblock++];

    *t = (bm_theta_block){ .q = b->size, .sd = *sd, .cor = *cor, .L = L + b->first + b->first * q, .ld = q, .prior = prior };
    if (prior && prior->kind == BM_DIST_LKJ) t->lkj = log_lkj(b->size, prior->a[0]);
    for (size_t i = 0; i < b->size; i++, (*sd)++) {
        const bm_dist *dist = &pr->sd[k][b->first + i];
        bool           whole = prior && prior->kind == BM_DIST_INV_WISHART, fixed = !whole && dist->kind == BM_DIST_CONSTANT;

        th->sd_prior[*sd] = whole ? NULL : dist;
        th->sd_x[*sd] = fixed ? -1 : (long)th->d++;
        th->sd_c[*sd] = fixed ? dist->a[0] : resolution(st, &st->fac[k], b->first + i);
    }
    for (size_t i = 0; i < b->size * (b->size - 1) / 2; i++, (*cor)++) th->cor_x[*cor] = (long)th->d++;
}

static bm_status lay_out(bm_theta *th, const bm_stats *st, const bm_priors *pr, const bm_design *d, bm_error *err)
{
    size_t nblock = 0, sd = 0, cor = 0, L = 0;

    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        if (g->q > BM_QMAX)
            return bm_fail(err, BM_EINVAL, "'%s' has %zu effects per level; at most %d are supported", g->name, g->q, BM_QMAX);
        th->nsd += g->q;
        nblock += g->nblock;
        for (size_t b = 0; b < g->nblock; b++) th->ncor += g->block[b].size * (g->block[b].size - 1) / 2;
    }
    if (allocate(th, nblock) != BM_OK) return bm_nomem(err);
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        for (size_t b = 0; b < g->nblock; b++) {
            bool whole = pr->cor[k][b].kind == BM_DIST_INV_WISHART;

            lay_out_block(th, st, pr, k, &g->block[b], g->block[b].size > 1 || whole ? &pr->cor[k][b] : NULL, L, &sd, &cor);
        }
        L += g->q * g->q;
    }
    th->nL = L;
    th->has_sigma = pr->has_sigma;
    th->sigma_x = -1;
    th->sigma_prior = &pr->sigma;
    th->fixed_sigma = !pr->has_sigma ? 1 : pr->sigma.a[0];
    if (pr->has_sigma && pr->sigma.kind != BM_DIST_CONSTANT) th->sigma_x = (long)th->d++;
    return BM_OK;
}

static bm_status pack(bm_packed **out, const bm_packed *like, const bm_stats *st, bm_error *err)
{
    bm_status status = like ? bm_packed_view(out, like, err) : bm_packed_new(out, st, err);

    if (like && status == BM_OK) bm_packed_refresh(*out, st);
    return status;
}

/* like: of the same cross-products but for the response, or NULL. */
static bm_status post_new(bm_post **out, const bm_packed *like, const bm_stats *st, const bm_priors *pr, const bm_design *d, bm_error *err)
{
    bm_post  *p = bm_alloc(1, sizeof *p);
    bm_status status = BM_ENOMEM;

    *out = NULL;
    if (!p) return bm_nomem(err);
    p->st = st;
    p->pr = pr;
    p->d = d;
    for (size_t k = 0; k < st->nfac; k++) p->nu += st->fac[k].J * st->fac[k].q;
    if ((status = lay_out(&p->th, st, pr, d, err)) != BM_OK) goto fail;
    if ((status = pack(&p->pk, like, st, err)) != BM_OK) goto fail;
    if ((status = bm_coef_prior_new(&p->cp, st, pr, d, err)) != BM_OK) goto fail;
    *out = p;
    return BM_OK;
fail:
    bm_post_free(p);
    return status;
}

bm_status bm_post_new(bm_post **out, const bm_stats *st, const bm_priors *pr, const bm_design *d, bm_error *err)
{
    return post_new(out, NULL, st, pr, d, err);
}

bm_status bm_post_respond(bm_post **out, const bm_post *from, const bm_stats *st, const bm_design *d, bm_error *err)
{
    return post_new(out, from->pk, st, from->pr, d, err);
}

void bm_post_free(bm_post *p)
{
    if (!p) return;
    free(p->th.sd_x);
    free(p->th.sd_c);
    free(p->th.cor_x);
    free(p->th.sd_prior);
    free(p->th.block);
    bm_packed_free(p->pk);
    bm_coef_prior_free(p->cp);
    free(p);
}
