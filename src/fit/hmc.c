/* hmc.c: Hamiltonian moves on theta for when theta is too large for an independence proposal (Neal 2011, Handbook of MCMC, ch. 5).
 *
 * In coordinates z with x = C z the posterior is roughly N(0, I): leapfrog steps of size e, their number uniform on 1 .. max_steps. The
 * gradient is that of the exact marginal, so a trajectory moves all variance parameters at once, coefficients and effects integrated out. */
#include "fit/chain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bm_status bm_hmc_new(bm_hmc *h, size_t d, bm_error *err)
{
    *h = (bm_hmc){ .d = d, .max_steps = 5, .step = 0.5 };
    h->C = bm_alloc(d * d, sizeof *h->C);
    return h->C ? BM_OK : bm_nomem(err);
}

void bm_hmc_free(bm_hmc *h)
{
    free(h->C);
    *h = (bm_hmc){ 0 };
}

/* p += e C'g */
static void kick(const bm_hmc *h, double *p, const double *g, double e)
{
    for (size_t j = 0; j < h->d; j++) p[j] += e * bm_dot(h->d - j, h->C + j + j * h->d, g + j);
}

/* x += e C p */
static void drift(const bm_hmc *h, double *x, const double *p, double e)
{
    for (size_t j = 0; j < h->d; j++)
        for (size_t i = j; i < h->d; i++) x[i] += e * h->C[i + j * h->d] * p[j];
}

double bm_hmc_trajectory(const bm_hmc *h, const bm_point *cur, const double *g_cur, bm_point *star, double *g, double *p, bm_rng *rng, uint64_t *evaluations,
                         bool *accepted)
{
    size_t    d = h->d, steps = 1 + (size_t)(bm_rng_uniform(rng) * (double)h->max_steps);
    double    e = h->step * (0.9 + 0.2 * bm_rng_uniform(rng)), start, end;
    bm_status st = BM_OK;

    *accepted = false;
    bm_rng_normals(rng, p, d);
    double u = bm_rng_uniform(rng);
    start = cur->lp - 0.5 * bm_dot(d, p, p);
    memcpy(star->x, cur->x, d * sizeof *p);
    memcpy(g, g_cur, d * sizeof *g);
    kick(h, p, g, e / 2);
    for (size_t k = 0; k < steps && st == BM_OK; k++) {
        drift(h, star->x, p, e);
        ++*evaluations;
        st = bm_point_gradient(star, g);
        kick(h, p, g, k + 1 < steps ? e : e / 2);
    }
    if (st != BM_OK) return 0;
    end = star->lp - 0.5 * bm_dot(d, p, p);
    if (!isfinite(end)) return 0;
    *accepted = log(u) < end - start;
    return end > start ? 1 : exp(end - start);
}

double bm_hmc_step(bm_chain *c, const bm_hmc *h)
{
    bool   accepted;
    double chance = bm_hmc_trajectory(h, c->cur, c->g_cur, c->star, c->g, c->p, &c->rng, &c->evaluations, &accepted);

    c->tried++;
    if (!accepted) return chance;
    bm_chain_accept(c);
    memcpy(c->g_cur, c->g, h->d * sizeof *c->g);
    c->accepted++;
    return chance;
}

void bm_hmc_restart(bm_hmc *h, double step)
{
    h->step = step;
    h->mu = log(4 * step);
    h->log_step_bar = h->H_bar = h->count = 0;
}

void bm_hmc_adapt(bm_hmc *h, double accept)
{
    const double target = 0.8, gamma = 0.05, t0 = 10, kappa = 0.75;

    h->count++;
    h->H_bar += ((target - accept) - h->H_bar) / (h->count + t0);
    double log_step = h->mu - sqrt(h->count) / gamma * h->H_bar, w = pow(h->count, -kappa);
    h->step = exp(log_step);
    h->log_step_bar = w * log_step + (1 - w) * h->log_step_bar;
}

void bm_hmc_freeze(bm_hmc *h)
{
    if (h->count > 0) h->step = exp(h->log_step_bar);
}
