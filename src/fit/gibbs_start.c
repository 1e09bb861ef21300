/* gibbs_start.c: where the chains of the factor-wise sampler begin. */
#include "fit/gibbs.h"

#include "fit/mode.h"

#include <math.h>
#include <string.h>

bm_status bm_gibbs_find(bm_gibbs_chain *c, bm_gibbs *g, bm_rng *rng, int sweeps, bm_error *err)
{
    bm_status st = BM_OK;

    for (int t = 0; t < sweeps; t++)
        for (size_t i = 0; i < g->npart; i++) {
            bm_part_state *s = c->part[i];
            double        *C = g->C + g->C_at[i];
            size_t         d = s->post.th.d;
            bool           found;

            bm_gibbs_take_others(c, i);
            if (d && (st = bm_find_mode(&s->post, s->cur->x, C, &found, &c->evaluations, err)) != BM_OK) return st;
            if (d && bm_chol(d, C) != BM_OK)
                for (size_t k = 0; k < d * d; k++) C[k] = k % (d + 1) == 0 ? 0.3 : 0;
            if (bm_point_eval(s->cur) != BM_OK) return bm_fail(err, BM_ENUMERIC, "the posterior has no density where the sampler starts");
            bm_gibbs_theta_out(c, i);
            bm_gibbs_effects(c, i, rng);
        }
    return BM_OK;
}

void bm_gibbs_disperse(bm_gibbs_chain *c, const bm_gibbs_chain *from, bm_rng *rng)
{
    const bm_gibbs *g = c->g;
    const bm_stats *st = g->post->st;
    double          wide = 2;

    if (c != from) {
        memcpy(c->whole->x, from->whole->x, g->post->th.d * sizeof *c->x);
        memcpy(c->u, from->u, 2 * g->post->nu * sizeof *c->u);
        memcpy(c->Bv, from->Bv, st->nfac * st->p * sizeof *c->Bv);
        memcpy(c->W, from->W, g->npart * sizeof *c->W);
        c->rss = from->rss;
    }
    for (size_t i = 0; i < g->npart; i++) {
        bm_part_state *s = c->part[i];
        size_t         d = s->post.th.d;

        bm_gibbs_take_others(c, i);
        bm_gibbs_theta_in(c, i);
        double most = bm_point_eval(s->cur) == BM_OK ? s->cur->lp + BM_START_ABOVE : INFINITY;
        for (int tries = 0; d && tries < 100; tries++, wide *= 0.93) {
            bm_rng_normals(rng, c->x, d);
            bm_gibbs_theta_in(c, i);
            bm_gibbs_step(s->cur->x, g->C + g->C_at[i], d, wide * sqrt(3 / bm_rng_chisq(rng, 3)), c->x, s->cur->x);
            if (bm_point_eval(s->cur) == BM_OK && s->cur->lp <= most) break;
            bm_gibbs_theta_in(c, i);
        }
        bm_gibbs_theta_out(c, i);
    }
}
