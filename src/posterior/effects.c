/* effects.c: coefficients and group effects given theta: exact joint draws and exact conditional moments.
 *
 * Given theta, beta ~ N(S^-1 r, sigma^2 S^-1) and u_j | beta = Kz T C_j'^-1 [C_j^-1 T'(c_j - B_j beta) + sigma z], z ~ N(0, I). */
#include "posterior/posterior_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* b = b0 + K beta */
static void to_user_basis(const bm_stats *st, const double *beta, double *b)
{
    size_t p = st->p;

    for (size_t i = 0; i < p; i++) {
        double v = 0;

        for (size_t k = i; k < p; k++) v += st->K[i + k * p] * beta[k];
        b[i] = st->b0[i] + v;
    }
}

void bm_marginal_draw(bm_marginal *m, bm_rng *rng, double *b, double *u, double *beta)
{
    const bm_stats *st = m->st;
    size_t          p = m->p, at = 0, from = 0;

    bm_noise(rng, beta, p);
    bm_solve_lower_t(p, 1, m->S, beta);
    for (size_t k = 0; k < p; k++) beta[k] = m->beta[k] + m->sigma * beta[k];
    to_user_basis(st, beta, b);
    if (u && st->nfac > 1) {
        if (m->joint) bm_joint_effects(m, beta, rng, u);
        else bm_thin_draw(m->pk->thin, m->thin, st, beta, m->sigma, rng, u);
        return;
    }
    for (size_t k = 0; u && k < st->nfac; k++) {
        const bm_facstat *f = &st->fac[k];
        double           *uk = u + from;

        bm_blocks_effects(&m->pk->fac[k], m->team, m->T + at, f->Kz, beta, m->sigma, rng, uk);
        at += f->q * f->q;
        from += f->J * f->q;
    }
}

/* Means and sds of the effects of several factors. BM_ENOMEM: they are NaN. */
static bm_status joint_moments(bm_marginal *m, const double *Rinv, double *u, double *u_sd)
{
    size_t n = m->thin ? m->pk->thin->nv : m->pk->joint->nv;
    bool   done = (m->thin ? bm_thin_moments(m->pk->thin, m->thin, m->st, m->beta, Rinv, m->sigma, u, u_sd) : bm_joint_moments(m, Rinv, u, u_sd)) == BM_OK;

    for (size_t i = 0; i < n; i++) u_sd[i] = done ? sqrt(u_sd[i]) : NAN;
    for (size_t i = 0; i < n && !done; i++) u[i] = NAN;
    return done ? BM_OK : BM_ENOMEM;
}

bm_status bm_marginal_conditional(bm_marginal *m, double *b, double *b_sd, double *u, double *u_sd)
{
    const bm_stats *st = m->st;
    size_t          p = m->p, at = 0, from = 0;

    bm_marginal_invert(m);
    if (b) to_user_basis(st, m->beta, b);
    for (size_t i = 0; b_sd && i < p; i++) {         /* row i of K R'^-1 */
        double total = 0;

        for (size_t k = i; k < p; k++) {
            double v = 0;

            for (size_t l = i; l <= k; l++) v += st->K[i + l * p] * m->Rinv[k + l * p];
            total += v * v;
        }
        b_sd[i] = m->sigma * sqrt(total);
    }
    if (u && st->nfac > 1) return joint_moments(m, m->Rinv, u, u_sd);
    for (size_t k = 0; u && k < st->nfac; k++) {
        const bm_facstat *f = &st->fac[k];

        bm_blocks_moments(&m->pk->fac[k], m->team, m->T + at, f->Kz, m->beta, m->Rinv, m->sigma, u + from, u_sd + from);
        at += f->q * f->q;
        from += f->J * f->q;
    }
    return BM_OK;
}

void bm_marginal_b_cov(bm_marginal *m, double *V)
{
    const double *K = m->st->K;
    size_t        p = m->p;
    double       *H = m->scratch, s2 = m->sigma * m->sigma;       /* column k of H: column k of K R'^-1, p x p */

    bm_marginal_invert(m);
    for (size_t k = 0; k < p; k++)
        for (size_t i = 0; i < p; i++) {
            double v = 0;

            for (size_t l = i; l <= k; l++) v += K[i + l * p] * m->Rinv[k + l * p];
            H[i + k * p] = v;
        }
    for (size_t j = 0; j < p; j++)
        for (size_t i = j; i < p; i++) {
            double v = 0;

            for (size_t k = 0; k < p; k++) v += H[i + k * p] * H[j + k * p];
            V[i + j * p] = V[j + i * p] = s2 * v;
        }
}

bm_status bm_marginal_effects_given_b(bm_marginal *m, double *u, double *u_sd)
{
    const bm_stats *st = m->st;
    size_t          at = 0, from = 0;

    if (st->nfac > 1) return joint_moments(m, NULL, u, u_sd);
    for (size_t k = 0; k < st->nfac; k++) {
        const bm_facstat *f = &st->fac[k];

        bm_blocks_moments(&m->pk->fac[k], m->team, m->T + at, f->Kz, m->beta, NULL, m->sigma, u + from, u_sd + from);
        at += f->q * f->q;
        from += f->J * f->q;
    }
    return BM_OK;
}

/* ---- Rao-Blackwell: averages of conditional moments ---- */

bm_status bm_moments_new(bm_moments *a, size_t nb, size_t nu, bm_error *err)
{
    *a = (bm_moments){ .nb = nb, .nu = nu };
    a->mean = bm_alloc(nb + nu, sizeof *a->mean);
    a->mean2 = bm_alloc(nb + nu, sizeof *a->mean2);
    a->var = bm_alloc(nb + nu, sizeof *a->var);
    a->now = bm_alloc(nb + nu, sizeof *a->now);
    a->now_sd = bm_alloc(nb + nu, sizeof *a->now_sd);
    a->origin = bm_alloc(nb + nu, sizeof *a->origin);
    if (a->mean && a->mean2 && a->var && a->now && a->now_sd && a->origin) return BM_OK;
    bm_moments_free(a);
    return bm_fail(err, BM_ENOMEM, "out of memory for the moments of %zu group effects", nu);
}

void bm_moments_free(bm_moments *a)
{
    free(a->mean);
    free(a->mean2);
    free(a->var);
    free(a->now);
    free(a->now_sd);
    free(a->origin);
    *a = (bm_moments){ 0 };
}

enum { RUN = 1 << 15 };                              /* moments that a thread adds at a time */
typedef struct { bm_moments *acc; double weight; size_t first, upto; bool fresh; } adding;

static void add_run(void *self, size_t k, size_t worker)
{
    const adding *w = self;
    bm_moments   *acc = w->acc;
    size_t        first = w->first + k * RUN, upto = first + RUN < w->upto ? first + RUN : w->upto;

    (void)worker;
    if (w->fresh) memcpy(acc->origin + first, acc->now + first, (upto - first) * sizeof *acc->now);
    for (size_t i = first; i < upto; i++) {
        double d = acc->now[i] - acc->origin[i];

        acc->mean[i] += w->weight * d;
        acc->mean2[i] += w->weight * d * d;
        acc->var[i] += w->weight * acc->now_sd[i] * acc->now_sd[i];
    }
}

/* Those of first .. upto - 1 of b and u, whose weights so far are in sum. */
static void add_moments(bm_moments *acc, double *sum, double weight, size_t first, size_t upto, int threads)
{
    adding w = { acc, weight, first, upto, *sum == 0 };
    size_t runs = (upto - first + RUN - 1) / RUN;

    bm_parallel(runs, runs >= 4 ? threads : 1, add_run, &w);
    *sum += weight;
}

void bm_marginal_moments_b(bm_marginal *m, bm_moments *acc, double weight)
{
    bm_marginal_conditional(m, acc->now, acc->now_sd, NULL, NULL);
    add_moments(acc, &acc->weight, weight, 0, acc->nb, 1);
}

void bm_marginal_moments_u(bm_marginal *m, bm_moments *acc, double weight)
{
    if (!acc->nu) return;
    if (bm_marginal_conditional(m, NULL, NULL, acc->now + acc->nb, acc->now_sd + acc->nb) != BM_OK) acc->no_memory = true;
    add_moments(acc, &acc->weight_u, weight, acc->nb, acc->nb + acc->nu, m->team->threads);
}

void bm_moments_add(bm_moments *acc, double weight)
{
    add_moments(acc, &acc->weight, weight, 0, acc->nb, 1);
    add_moments(acc, &acc->weight_u, weight, acc->nb, acc->nb + acc->nu, 1);
}

static void merge_part(bm_moments *into, double *sum, const bm_moments *from, double weight, size_t first, size_t upto)
{
    if (weight == 0) return;
    if (*sum == 0) memcpy(into->origin + first, from->origin + first, (upto - first) * sizeof *into->origin);
    *sum += weight;
    for (size_t i = first; i < upto; i++) {
        double d = from->origin[i] - into->origin[i], mean = from->mean[i];

        into->mean[i] += mean + weight * d;
        into->mean2[i] += from->mean2[i] + 2 * d * mean + weight * d * d;
        into->var[i] += from->var[i];
    }
}

void bm_moments_merge(bm_moments *into, const bm_moments *from)
{
    into->no_memory |= from->no_memory;
    merge_part(into, &into->weight, from, from->weight, 0, into->nb);
    merge_part(into, &into->weight_u, from, from->weight_u, into->nb, into->nb + into->nu);
}

static double weight_of(const bm_moments *a, size_t i)
{
    return i < a->nb ? a->weight : a->weight_u;
}

double bm_moments_mean(const bm_moments *a, size_t i)
{
    return a->origin[i] + a->mean[i] / weight_of(a, i);
}

double bm_moments_sd(const bm_moments *a, size_t i)
{
    double weight = weight_of(a, i), mean = a->mean[i] / weight, between = a->mean2[i] / weight - mean * mean;

    return sqrt(a->var[i] / weight + (between > 0 ? between : 0));
}
