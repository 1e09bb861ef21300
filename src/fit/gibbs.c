/* gibbs.c: one sweep of the factor-wise collapsed Gibbs sampler, on cross-products alone.
 *
 * With theta_P, sigma and the coefficients drawn afresh in every part this is the collapsed Gibbs sampler of Papaspiliopoulos, Roberts & Zanella 2020,
 * Biometrika 107:25, extended to the variances. */
#include "fit/gibbs.h"

#include "fit/hmc.h"
#include "fit/polar.h"

#include <math.h>
#include <string.h>

/* ---- theta of a part ---- */

/* Random-walk Metropolis steps; returns the mean acceptance probability. */
static double move_theta(bm_gibbs_chain *c, size_t i, bm_rng *rng)
{
    bm_part_state *s = c->part[i];
    size_t         d = s->post.th.d;
    double         sum = 0, scale = 2.4 * c->scale[i] / sqrt((double)d);

    for (int t = 0; d && t < c->g->steps[i]; t++) {
        bm_rng_normals(rng, c->x, d);
        bm_gibbs_step(s->cur->x, c->g->C + c->g->C_at[i], d, scale, c->x, s->star->x);
        double u = bm_rng_uniform(rng), gain = bm_point_eval(s->star) == BM_OK ? s->star->lp - s->cur->lp : -INFINITY;
        c->evaluations++;
        c->tried++;
        sum += gain >= 0 ? 1 : exp(gain);
        if (!(log(u) < gain)) continue;
        bm_point *t2 = s->cur;
        s->cur = s->star;
        s->star = t2;
        c->accepted++;
    }
    return d ? sum / c->g->steps[i] : 1;
}

/* The same by Hamiltonian trajectories. */
static double move_by_gradient(bm_gibbs_chain *c, size_t i, bm_rng *rng)
{
    bm_part_state *s = c->part[i];
    size_t         d = s->post.th.d;
    bm_hmc         h = { .d = d, .max_steps = 5, .step = 0.5 * c->scale[i], .C = c->g->C + c->g->C_at[i] };
    double        *g_cur = c->x, *g = g_cur + d, *p = g + d, sum = 0;

    bm_point_gradient(s->cur, g_cur);
    for (int t = 0; t < c->g->steps[i]; t++) {
        bool accepted;

        sum += bm_hmc_trajectory(&h, s->cur, g_cur, s->star, g, p, rng, &c->evaluations, &accepted);
        c->tried++;
        if (!accepted) continue;
        bm_point *other = s->cur;
        s->cur = s->star;
        s->star = other;
        memcpy(g_cur, g, d * sizeof *g);
        c->accepted++;
    }
    return sum / c->g->steps[i];
}

/* For a factor with a level for every row, before the others. */
static void move_polar(bm_gibbs_chain *c, size_t i, bm_rng *rng)
{
    enum { STEPS = 2 };
    bm_part_state *s = c->part[i];

    for (int t = 0; c->g->polar[i] >= 0 && t < STEPS; t++) {
        double adjust = bm_polar_propose(&s->post, c->g->polar[i], c->g->C + c->g->C_at[i], s->cur->x, rng, s->star->x), u = bm_rng_uniform(rng);

        c->evaluations++;
        if (bm_point_eval(s->star) != BM_OK || !(log(u) < s->star->lp - s->cur->lp + adjust)) continue;
        bm_point *other = s->cur;
        s->cur = s->star;
        s->star = other;
    }
}

/* ---- moments ---- */

static void part_moments(bm_gibbs_chain *c, size_t i, bm_moments *a)
{
    bm_part_state *s = c->part[i];
    size_t         nu = s->post.nu, at = 0;

    bm_marginal_conditional(s->cur->m, a->now, a->now_sd, c->part_u, c->part_u + nu);
    for (size_t f = 0; f < s->part->nfac; f++) {
        size_t n = s->st.fac[f].J * s->st.fac[f].q, to = a->nb + c->g->first[s->part->fac[f]];

        memcpy(a->now + to, c->part_u + at, n * sizeof *a->now);
        memcpy(a->now_sd + to, c->part_u + nu + at, n * sizeof *a->now);
        at += n;
    }
}

/* Student-t priors: new mixing precisions given the coefficients, the same at every point. */
static void mix_priors(bm_gibbs_chain *c, bm_rng *rng)
{
    bm_coef_prior *cp = c->part[0]->cur->m->cp;

    if (!cp->any_t) return;
    bm_coef_prior_mix(cp, c->beta, rng);
    for (size_t i = 0; i < c->g->npart; i++) {
        bm_coef_prior *other[2] = { c->part[i]->cur->m->cp, c->part[i]->star->m->cp };

        for (int k = 0; k < 2; k++) {
            if (other[k] != cp) memcpy(other[k]->prec, cp->prec, cp->p * sizeof *cp->prec);
            bm_coef_prior_refresh(other[k]);
        }
    }
}

/* ---- a sweep ---- */

void bm_gibbs_sweep(bm_gibbs_chain *c, bm_rng *rng, double adapt, bm_moments *moments)
{
    for (size_t i = 0; i < c->g->npart; i++) {
        double accept, target = c->g->hmc[i] ? 0.8 : 0.35;

        bm_gibbs_take_others(c, i);                            /* the part's response                              */
        bm_gibbs_theta_in(c, i);
        bm_point_eval(c->part[i]->cur);
        c->evaluations++;
        move_polar(c, i, rng);                                 /* theta_P, sigma | u_O, y   (b, u_P integrated out) */
        accept = c->g->hmc[i] ? move_by_gradient(c, i, rng) : move_theta(c, i, rng);
        if (adapt > 0) c->scale[i] *= exp(adapt * (accept - target));
        bm_gibbs_theta_out(c, i);
        bm_gibbs_effects(c, i, rng);                           /* b, u_P | theta_P, sigma, u_O, y                  */
        if (moments) part_moments(c, i, moments);
    }
    mix_priors(c, rng);
    if (moments) bm_moments_add(moments, 1);
}

void bm_gibbs_place(bm_gibbs_chain *c, const double *u, const double *beta, bm_rng *rng)
{
    memcpy(c->beta, beta, c->g->post->st->p * sizeof *beta);
    bm_gibbs_set_effects(c, u);
    mix_priors(c, rng);
}

/* ---- the density ---- */

/* log density of the effects of one factor: sum over levels of log N(u; 0, L L'). An effect whose sd is 0 counts nothing. */
static double effects_logpdf(const bm_facstat *f, const double *L, const double *u)
{
    size_t q = f->q, free_effects = 0;
    double sum = 0, log_det = 0, z[64];

    for (size_t i = 0; i < q; i++) {
        free_effects += L[i + i * q] != 0;
        log_det += L[i + i * q] != 0 ? log(fabs(L[i + i * q])) : 0;
    }
    for (size_t j = 0; j < f->J; j++, u += q)
        for (size_t i = 0; i < q; i++) {
            z[i] = u[i];
            for (size_t k = 0; k < i; k++) z[i] -= L[i + k * q] * z[k];
            z[i] = L[i + i * q] != 0 ? z[i] / L[i + i * q] : 0;
            sum += z[i] * z[i];
        }
    return -(double)f->J * (log_det + 0.5 * (double)free_effects * log(2 * M_PI)) - 0.5 * sum;
}

double bm_gibbs_lp(bm_gibbs_chain *c)
{
    const bm_stats      *st = c->g->post->st;
    const bm_coef_prior *cp = c->part[0]->cur->m->cp;
    size_t               p = st->p, at = 0;
    double               lp, rss = c->rss, s2;

    bm_point_prior(c->whole);
    s2 = c->whole->sigma * c->whole->sigma;
    lp = c->whole->lp_nat + cp->log_norm;
    for (size_t m = 0; m < cp->nform; m++) {
        double e = bm_dot(p, cp->form + m * p, c->beta) - cp->gap[m];

        lp -= 0.5 * cp->prec[m] * e * e;
    }
    for (size_t k = 0; k < st->nfac; k++) {
        lp += effects_logpdf(&st->fac[k], c->whole->L + at, c->u + c->g->first[k]);
        rss += 2 * bm_dot(p, c->beta, c->Bv + k * p);
        at += st->fac[k].q * st->fac[k].q;
    }
    for (size_t k = 0; k < p; k++) rss += c->beta[k] * (bm_dot(p, st->XX + k * p, c->beta) - 2 * st->Xy[k]);
    return lp - 0.5 * ((double)st->n * log(2 * M_PI * s2) - st->sum_log_w + rss / s2);
}
