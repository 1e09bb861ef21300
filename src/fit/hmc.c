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

double bm_hmc_step(bm_chain *c, const bm_hmc *h)
{
    size_t    d = h->d, steps = 1 + (size_t)(bm_rng_uniform(&c->rng) * (double)h->max_steps);
    double    e = h->step * (0.9 + 0.2 * bm_rng_uniform(&c->rng)), start, end;
    bm_status st = BM_OK;

    bm_rng_normals(&c->rng, c->p, d);
    double u = bm_rng_uniform(&c->rng);
    c->tried++;
    start = c->cur->lp - 0.5 * bm_dot(d, c->p, c->p);
    memcpy(c->star->x, c->cur->x, d * sizeof *c->p);
    memcpy(c->g, c->g_cur, d * sizeof *c->g);
    kick(h, c->p, c->g, e / 2);
    for (size_t k = 0; k < steps && st == BM_OK; k++) {
        drift(h, c->star->x, c->p, e);
        c->evaluations++;
        st = bm_point_gradient(c->star, c->g);
        kick(h, c->p, c->g, k + 1 < steps ? e : e / 2);
    }
    if (st != BM_OK) return 0;
    end = c->star->lp - 0.5 * bm_dot(d, c->p, c->p);
    if (!isfinite(end)) return 0;
    if (log(u) < end - start) {
        bm_chain_accept(c);
        memcpy(c->g_cur, c->g, d * sizeof *c->g);
        c->accepted++;
    }
    return end > start ? 1 : exp(end - start);
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
