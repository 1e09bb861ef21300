/* part.c: the posterior of some of the grouping factors given the effects of the others: the model of what those leave of the response.
 *
 * Its statistics are the whole model's but for X'Wy, y'Wy and Z'Wy, which belong to that response; so everything that is known of one model
 * (marginal likelihood, gradient, draws, moments) is known of a part. Only these three change from one draw to the next. */
#include "posterior/posterior_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- shared ---- */

static bm_status views(bm_part *p, const bm_post *whole)
{
    size_t n = p->nfac;

    p->st = *whole->st;
    p->d = *whole->d;
    p->pr = *whole->pr;
    p->st.nfac = p->d.nfac = p->pr.nfac = n;
    p->st.owns_cross = false;
    p->st.fac = bm_alloc(n, sizeof *p->st.fac);
    p->d.fac = bm_alloc(n, sizeof *p->d.fac);
    p->pr.sd = bm_alloc(n, sizeof *p->pr.sd);
    p->pr.cor = bm_alloc(n, sizeof *p->pr.cor);
    p->st.cross = bm_alloc(n * n, sizeof *p->st.cross);
    if (!p->st.fac || !p->d.fac || !p->pr.sd || !p->pr.cor || !p->st.cross) return BM_ENOMEM;
    for (size_t k = 0; k < n; k++) {
        p->st.fac[k] = whole->st->fac[p->fac[k]];
        p->d.fac[k] = whole->d->fac[p->fac[k]];
        p->pr.sd[k] = whole->pr->sd[p->fac[k]];
        p->pr.cor[k] = whole->pr->cor[p->fac[k]];
        for (size_t l = 0; l < n; l++)
            if (l != k) p->st.cross[k * n + l] = *bm_stats_cross(whole->st, p->fac[k], p->fac[l]);
    }
    return BM_OK;
}

/* Coordinates come block by block, sds before correlations: the same order in both. */
static bm_status map_coordinates(bm_part *p, const bm_post *whole)
{
    const bm_theta *a = &p->post->th, *b = &whole->th;
    size_t          sd = 0, cor = 0;

    if (!(p->x = bm_alloc(a->d, sizeof *p->x))) return BM_ENOMEM;
    for (size_t k = 0, wsd = 0, wcor = 0, at = 0; k < whole->d->nfac; k++) {
        const bm_group *g = &whole->d->fac[k];
        size_t          ncor = 0;
        bool            in = at < p->nfac && p->fac[at] == k;

        for (size_t i = 0; i < g->nblock; i++) ncor += g->block[i].size * (g->block[i].size - 1) / 2;
        for (size_t i = 0; in && i < g->q; i++, sd++)
            if (a->sd_x[sd] >= 0) p->x[a->sd_x[sd]] = (size_t)b->sd_x[wsd + i];
        for (size_t i = 0; in && i < ncor; i++, cor++) p->x[a->cor_x[cor]] = (size_t)b->cor_x[wcor + i];
        wsd += g->q;
        wcor += ncor;
        at += in;
    }
    if (a->sigma_x >= 0) p->x[a->sigma_x] = (size_t)b->sigma_x;
    return BM_OK;
}

bm_status bm_part_new(bm_part **out, const bm_post *whole, const size_t *fac, size_t nfac, bm_error *err)
{
    bm_part  *p = bm_alloc(1, sizeof *p);
    bm_status st = BM_ENOMEM;

    *out = NULL;
    if (!p || !(p->fac = bm_alloc(nfac, sizeof *p->fac))) goto fail;
    p->nfac = nfac;
    memcpy(p->fac, fac, nfac * sizeof *fac);
    if (views(p, whole) != BM_OK) goto fail;
    if ((st = bm_post_new(&p->post, &p->st, &p->pr, &p->d, err)) != BM_OK) goto fail;
    if ((st = map_coordinates(p, whole)) != BM_OK) goto fail;
    *out = p;
    return BM_OK;
fail:
    bm_part_free(p);
    return st == BM_ENOMEM ? bm_nomem(err) : st;
}

void bm_part_free(bm_part *p)
{
    if (!p) return;
    bm_post_free(p->post);
    free(p->fac);
    free(p->x);
    free(p->st.fac);
    free(p->st.cross);
    free(p->d.fac);
    free(p->pr.sd);
    free(p->pr.cor);
    free(p);
}

/* ---- one thread's ---- */

bm_status bm_part_state_new(bm_part_state **out, const bm_part *p, bm_error *err)
{
    bm_part_state *s = bm_alloc(1, sizeof *s);
    bm_status      st = BM_ENOMEM;

    *out = NULL;
    if (!s) return bm_nomem(err);
    s->part = p;
    s->st = p->st;
    s->post = *p->post;
    s->post.st = &s->st;
    s->post.pk = NULL;
    s->st.Xy = bm_alloc(p->st.p, sizeof *s->st.Xy);
    s->st.fac = bm_alloc(p->nfac, sizeof *s->st.fac);
    if (!s->st.Xy || !s->st.fac || (st = bm_packed_view(&s->post.pk, p->post->pk, err)) != BM_OK) goto fail;
    st = BM_ENOMEM;
    for (size_t k = 0; k < p->nfac; k++) {
        s->st.fac[k] = p->st.fac[k];
        if (!(s->st.fac[k].c = bm_alloc(p->st.fac[k].J * p->st.fac[k].q, sizeof(double)))) goto fail;
    }
    if ((st = bm_point_new(&s->cur, &s->post, err)) != BM_OK) goto fail;
    if ((st = bm_point_new(&s->star, &s->post, err)) != BM_OK) goto fail;
    *out = s;
    return BM_OK;
fail:
    bm_part_state_free(s);
    return st == BM_ENOMEM ? bm_nomem(err) : st;
}

void bm_part_refresh(bm_part_state *s)
{
    bm_packed_refresh(s->post.pk, &s->st);
}

void bm_part_state_free(bm_part_state *s)
{
    if (!s) return;
    bm_point_free(s->cur);
    bm_point_free(s->star);
    free(s->st.Xy);
    for (size_t k = 0; s->st.fac && k < s->part->nfac; k++)
        if (s->st.fac[k].c != s->part->st.fac[k].c) free(s->st.fac[k].c);
    free(s->st.fac);
    bm_packed_free(s->post.pk);
    free(s);
}
