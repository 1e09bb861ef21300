/* compare_effects.c: every group effect: REML's conditional mode and sd beside the posterior's mean and sd, and how far each is pulled. */
#include "api/compare_priv.h"

#include <math.h>

bm_status bm_compare_effects(bm_compare *c, bm_error *err)
{
    const bm_fit *f = c->fit;

    if (!f->nranef) return BM_OK;
    if (!(c->view.effect = bm_alloc(f->nranef, sizeof *c->view.effect))) return bm_fail(err, BM_ENOMEM, "out of memory for %zu group effects", f->nranef);
    for (size_t i = 0; i < f->nranef; i++) {
        const bm_ranef_row  *r = &f->ranef[i];
        const bm_reml_group *g = &c->reml->group[r->factor];
        bm_compare_effect   *e = &c->view.effect[c->view.neffect++];
        double               sd = g->sd[r->term];

        *e = (bm_compare_effect){ .factor = (uint32_t)r->factor, .level = (uint32_t)r->level, .term = (uint32_t)r->term, .mean = r->mean, .sd = r->sd };
        e->reml = g->u[r->level * g->q + r->term];
        e->se = g->u_sd[r->level * g->q + r->term];
        e->diff = e->sd > 0 ? (e->mean - e->reml) / e->sd : NAN;
        e->ratio = e->se > 0 ? e->sd / e->se : NAN;
        e->shrink_reml = sd > 0 ? fmin(1, e->se * e->se / (sd * sd)) : 1;
        e->shrink = c->shrink[i];
    }
    return BM_OK;
}
