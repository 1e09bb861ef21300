/* reduced.c: a model without one of its group-level effects. Whatever it can share with the model it borrows. */
#include "api/compare_priv.h"

#include <stdlib.h>
#include <string.h>

void bm_reduced_free(bm_reduced *r)
{
    bm_post_free(r->post);
    bm_stats_free(r->stats);
    free(r->fac);
    free(r->block);
    free(r->znames);
    free(r->zsd);
    free(r->scale);
    free(r->sd);
    free(r->cor);
    free(r->sd_row);
    free(r->cor_row);
    *r = (bm_reduced){ 0 };
}

static bm_status allocate(bm_reduced *r, const bm_design *d, const bm_group *g, bm_error *err)
{
    r->fac = bm_alloc(d->nfac, sizeof *r->fac);
    r->block = bm_alloc(g->nblock, sizeof *r->block);
    r->znames = bm_alloc(g->q, sizeof *r->znames);
    r->zsd = bm_alloc(g->q, sizeof *r->zsd);
    r->scale = bm_alloc(g->q * g->q, sizeof *r->scale);
    r->sd = bm_alloc(d->nfac, sizeof *r->sd);
    r->cor = bm_alloc(d->nfac, sizeof *r->cor);
    r->sd_row = bm_alloc(g->q, sizeof *r->sd_row);
    r->cor_row = bm_alloc(g->nblock, sizeof *r->cor_row);
    if (r->fac && r->block && r->znames && r->zsd && r->scale && r->sd && r->cor && r->sd_row && r->cor_row) return BM_OK;
    return bm_nomem(err);
}

/* An inverse Wishart without row and column i: the distribution of what is left of the matrix, with one degree of freedom less. */
static void marginal_wishart(bm_reduced *r, bm_dist *dist, size_t size, size_t i)
{
    size_t at = 0, n = size - 1;

    dist->a[0] -= 1;
    if (dist->nscale != size || size == 1) return;
    for (size_t b = 0; b < size; b++)
        for (size_t a = 0; a < size; a++)
            if (a != i && b != i) r->scale[at++] = dist->scale[a + b * size];
    dist->nscale = n;
    dist->scale = r->scale;
}

/* The factor's blocks and their priors without the effect. */
static size_t blocks_without(bm_reduced *r, const bm_group *g, const bm_dist *cor, size_t effect)
{
    size_t n = 0;

    for (size_t b = 0; b < g->nblock; b++) {
        bm_block *to = &r->block[n];
        bool      here = effect >= g->block[b].first && effect < g->block[b].first + g->block[b].size;

        *to = g->block[b];
        to->first -= to->first > effect;
        to->size -= here;
        if (!to->size) continue;
        r->cor_row[n] = cor[b];
        if (here && cor[b].kind == BM_DIST_INV_WISHART) marginal_wishart(r, &r->cor_row[n], g->block[b].size, effect - g->block[b].first);
        n++;
    }
    return n;
}

static void drop_effect(bm_reduced *r, const bm_model *m, size_t factor, size_t effect)
{
    const bm_group *g = &m->design->fac[factor];
    bm_group       *to = &r->fac[factor];
    size_t          at = 0;

    for (size_t i = 0; i < g->q; i++) {
        if (i == effect) continue;
        r->znames[at] = g->znames[i];
        r->zsd[at] = g->zsd[i];
        r->sd_row[at] = m->priors->sd[factor][i];
        at++;
    }
    to->q = at;
    to->znames = r->znames;
    to->Z = NULL;
    to->zsd = r->zsd;
    to->nblock = blocks_without(r, g, m->priors->cor[factor], effect);
    to->block = r->block;
    r->sd[factor] = r->sd_row;
    r->cor[factor] = r->cor_row;
}

bm_status bm_reduced_new(bm_reduced *r, const bm_model *m, size_t factor, size_t effect, bm_error *err)
{
    const bm_design *d = m->design;
    bm_status        st;
    size_t           nfac = 0;

    *r = (bm_reduced){ .design = *d, .priors = *m->priors };
    if ((st = allocate(r, d, &d->fac[factor], err)) != BM_OK) goto fail;
    for (size_t k = 0; k < d->nfac; k++) {
        r->fac[nfac] = d->fac[k];
        r->sd[nfac] = m->priors->sd[k];
        r->cor[nfac] = m->priors->cor[k];
        if (k == factor && d->fac[k].q == 1) continue;       /* nothing is left of the factor */
        if (k == factor) drop_effect(r, m, factor, effect);
        nfac++;
    }
    r->design.fac = r->fac;
    r->design.nfac = r->priors.nfac = nfac;
    r->priors.sd = r->sd;
    r->priors.cor = r->cor;
    if ((st = bm_stats_without(&r->stats, m->stats, factor, effect, err)) != BM_OK) goto fail;
    if ((st = bm_post_new(&r->post, r->stats, &r->priors, &r->design, err)) != BM_OK) goto fail;
    return BM_OK;
fail:
    bm_reduced_free(r);
    return st;
}
