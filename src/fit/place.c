/* place.c: one kernel at a time, from a state that the caller gives. What is tested of a kernel is that it leaves the posterior as it is: for that it must begin
 * with a draw from it, not where the warm-up came to. */
#include "fit/mcmc_priv.h"
#include "fit/warmup.h"

#include <math.h>
#include <string.h>

bool bm_move_possible(const bm_post *post, bm_move move)
{
    bool joint = post->st->nfac < 2 || isfinite(bm_packed_seconds(post->pk));

    switch (move) {
    case BM_MOVE_SWEEP: return post->st->nfac > 1;
    case BM_MOVE_INDEPENDENCE:
    case BM_MOVE_JUMPS:
    case BM_MOVE_WALK: return joint && post->th.d > 0 && post->th.d <= BM_MIXTURE_UP_TO;
    case BM_MOVE_HAMILTON: return joint && post->th.d > 0;
    case BM_MOVE_CHOSEN:
    case BM_MOVE_EFFECTS: return joint;
    }
    return false;
}

void bm_mcmc_force(bm_mcmc *s, bm_move move)
{
    s->forced = move;
}

/* beta = K^-1 (b - b0) */
static void to_stats_basis(const bm_stats *st, const double *b, double *beta)
{
    size_t p = st->p;

    for (size_t i = p; i-- > 0;) {
        beta[i] = b[i] - st->b0[i];
        for (size_t k = i + 1; k < p; k++) beta[i] -= st->K[i + k * p] * beta[k];
        beta[i] /= st->K[i + i * p];
    }
}

static bm_status place_collapsed(const bm_mcmc *s, bm_chain *c, const double *natural)
{
    const bm_theta *th = &s->post->th;
    bm_coef_prior  *cp = c->cur->m->cp;

    if (bm_theta_from_natural(th, natural, c->cur->x) != BM_OK) return BM_NOT_PD;
    if (s->kernel == BM_KERNEL_INDEPENDENCE || s->kernel == BM_KERNEL_WALK) bm_mixture_fold(&s->q, th, c->cur->x);
    if (cp->any_t) {
        bm_coef_prior_mix(cp, c->beta, &c->rng);
        memcpy(c->star->m->cp->prec, cp->prec, cp->p * sizeof *cp->prec);
        bm_coef_prior_refresh(c->star->m->cp);
    }
    c->cur_lq = NAN;
    c->held = 0;
    return s->kernel == BM_KERNEL_HMC ? bm_point_gradient(c->cur, c->g_cur) : bm_point_eval(c->cur);
}

bm_status bm_mcmc_place(bm_mcmc *s, const double *b, const double *natural, const double *u)
{
    bm_chain *c = &s->chain[0];

    if (s->kernel == BM_KERNEL_INDEPENDENCE && s->forced == BM_MOVE_WALK) s->kernel = BM_KERNEL_WALK;
    if (!s->gibbs) {
        to_stats_basis(s->post->st, b, c->beta);
        return place_collapsed(s, c, natural);
    }
    if (bm_theta_from_natural(&s->post->th, natural, c->gibbs->whole->x) != BM_OK) return BM_NOT_PD;
    to_stats_basis(s->post->st, b, c->gibbs->b);
    bm_gibbs_place(c->gibbs, u, c->gibbs->b, &c->rng);
    return BM_OK;
}
