/* mixture.c: fitting a mixture of multivariate t distributions to draws of the posterior.
 *
 * Expectation maximisation for t mixtures (Peel & McLachlan 2000, Statistics & Computing 10:339), components added where the ratio of target
 * to proposal is largest (Hoogerheide, Opschoor & van Dijk 2012, J. Econometrics 171:101). The target is symmetric under flipping the sign of an
 * sd (with its partial correlations), so the proposal is the average of its mirror images and the image of each draw is one more latent
 * variable of the fit. */
#include "fit/mixture.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bm_status bm_mixture_new(bm_mixture *m, const bm_theta *th, size_t d, bm_error *err)
{
    size_t nsd = th ? th->nsd : 0;

    *m = (bm_mixture){ .d = d, .nimage = 1 };
    m->mean = bm_alloc(BM_MIX_MAX * d, sizeof *m->mean);
    m->C = bm_alloc(BM_MIX_MAX * d * d, sizeof *m->C);
    m->rdiag = bm_alloc(BM_MIX_MAX * d, sizeof *m->rdiag);
    m->lane = bm_alloc((d + 2) * d * BM_MIX_LANES, sizeof *m->lane);
    m->sign = bm_alloc(d << BM_FLIP_MAX, sizeof *m->sign);
    m->cov = bm_alloc(d * d, sizeof *m->cov);
    m->work = bm_alloc(BM_MIX_MAX * BM_MIX_SUMS(d) * BM_MIX_LANES + d * d, sizeof *m->work);
    m->side = bm_alloc(nsd, sizeof *m->side);
    if (!m->mean || !m->C || !m->rdiag || !m->lane || !m->sign || !m->cov || !m->work || !m->side) {
        bm_mixture_free(m);
        return bm_nomem(err);
    }
    for (size_t i = 0; i < d; i++) m->sign[i] = 1;
    for (size_t i = 0; i < nsd; i++)
        if (th->sd_x[i] >= 0) m->side[m->nside++] = i;
    return BM_OK;
}

void bm_mixture_free(bm_mixture *m)
{
    free(m->mean);
    free(m->C);
    free(m->rdiag);
    free(m->lane);
    free(m->sign);
    free(m->cov);
    free(m->work);
    free(m->side);
    *m = (bm_mixture){ 0 };
}

static void set_constants(bm_mixture *m)
{
    double d = (double)m->d;

    m->top = -INFINITY;
    for (size_t k = 0; k < m->K; k++) {
        double nu = m->df[k];

        m->log_const[k] = log(m->weight[k]) + gsl_sf_lngamma((nu + d) / 2) - gsl_sf_lngamma(nu / 2) - d / 2 * log(nu * M_PI) - log((double)m->nimage);
        for (size_t i = 0; i < m->d; i++) {
            double diag = m->C[k * m->d * m->d + i * (m->d + 1)];

            m->log_const[k] -= log(diag);
            m->rdiag[k * m->d + i] = 1 / diag;
        }
        m->power[k] = (unsigned)(nu + d);
        m->top = fmax(m->top, m->log_const[k]);
    }
    for (size_t k = 0; k < m->K; k++) m->scale[k] = exp(m->log_const[k] - m->top);
}

bm_status bm_mixture_single(bm_mixture *m, const double *mean, const double *cov, double df)
{
    size_t d = m->d;

    m->K = 1;
    m->weight[0] = 1;
    m->df[0] = df;
    memcpy(m->mean, mean, d * sizeof *mean);
    memcpy(m->C, cov, d * d * sizeof *cov);
    memcpy(m->cov, cov, d * d * sizeof *cov);
    if (bm_chol(d, m->C) != BM_OK) return BM_NOT_PD;
    set_constants(m);
    bm_mixture_ready(m);
    return BM_OK;
}

/* ---- mirror images ---- */

void bm_mixture_mirror(bm_mixture *m, const bm_theta *th, const double *x, size_t n)
{
    size_t d = m->d, nflip = 0;
    struct { size_t sd; double reach; } near[BM_FLIP_MAX + 1];

    for (size_t s = 0; s < th->nsd; s++) {
        double mean = 0, sq = 0, reach;
        long   at = th->sd_x[s];

        if (at < 0) continue;
        for (size_t i = 0; i < n; i++) {
            double v = fabs(x[i * d + (size_t)at]);

            mean += v;
            sq += v * v;
        }
        mean /= (double)n;
        reach = mean / sqrt(sq / (double)n - mean * mean + 1e-300);      /* distance of 0 in standard deviations */
        if (reach > 4.5) continue;
        size_t at_rank = nflip < BM_FLIP_MAX ? nflip++ : BM_FLIP_MAX;    /* the nearest ones, where there are too many */
        while (at_rank > 0 && near[at_rank - 1].reach > reach) {
            near[at_rank] = near[at_rank - 1];
            at_rank--;
        }
        near[at_rank].sd = s;
        near[at_rank].reach = reach;
    }
    m->nimage = (size_t)1 << nflip;
    m->nside = 0;
    for (size_t s = 0; s < th->nsd; s++) {
        bool mirrored = th->sd_x[s] < 0;

        for (size_t b = 0; b < nflip; b++) mirrored |= near[b].sd == s;
        if (!mirrored) m->side[m->nside++] = s;
    }
    for (size_t f = 0; f < m->nimage; f++) {
        double *sign = m->sign + f * d;

        for (size_t i = 0; i < d; i++) sign[i] = 1;
        for (size_t b = 0; b < nflip; b++)
            if (f >> b & 1) bm_theta_flip(th, near[b].sd, sign);
    }
}

bool bm_mixture_inside(const bm_mixture *m, const bm_theta *th, const double *x)
{
    for (size_t i = 0; i < m->nside; i++)
        if (x[th->sd_x[m->side[i]]] < 0) return false;
    return true;
}

void bm_mixture_fold(const bm_mixture *m, const bm_theta *th, double *x)
{
    for (size_t i = 0; i < m->nside; i++)
        if (x[th->sd_x[m->side[i]]] < 0) bm_theta_flip(th, m->side[i], x);
}

/* ---- fitting ---- */

/* The draws, eight side by side; the last batch is filled up with zeros. */
static bm_status points_new(bm_mix_points *pts, const double *x, size_t n, size_t d)
{
    *pts = (bm_mix_points){ .n = n, .x = bm_alloc((n + BM_MIX_LANES - 1) / BM_MIX_LANES * BM_MIX_LANES * d, sizeof *pts->x) };
    if (!pts->x) return BM_ENOMEM;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) pts->x[(i / BM_MIX_LANES * d + j) * BM_MIX_LANES + i % BM_MIX_LANES] = x[i * d + j];
    return BM_OK;
}

static double lanes_sum(const double *x)
{
    double s = 0;

    for (size_t l = 0; l < BM_MIX_LANES; l++) s += x[l];
    return s;
}

/* Mean and scale of component k from its sums (see bm_mixture_em_sums), shrunk towards the overall covariance by a few pseudo-draws. */
static void update_component(bm_mixture *m, size_t k, const double *acc, size_t n)
{
    size_t        d = m->d;
    double       *mu = m->mean + k * d, *C = m->C + k * d * d, prior = 2 * (double)d, old_w = m->weight[k];
    double        mu_old[BM_MIX_DIM], *keep = m->work + BM_MIX_MAX * BM_MIX_SUMS(d) * BM_MIX_LANES;
    double        r = lanes_sum(acc), ru = lanes_sum(acc + BM_MIX_LANES);
    const double *s1 = acc + 2 * BM_MIX_LANES, *s2 = s1 + d * BM_MIX_LANES;

    if (!(r > (double)d)) {                          /* dying: keep its shape, let its weight fade */
        m->weight[k] = fmax(r / (double)n, 1e-3 * old_w);
        return;
    }
    memcpy(keep, C, d * d * sizeof *C);
    memcpy(mu_old, mu, d * sizeof *mu);
    for (size_t j = 0; j < d; j++) mu[j] = lanes_sum(s1 + j * BM_MIX_LANES) / ru;
    for (size_t j = 0; j < d; j++)
        for (size_t i = j; i < d; i++, s2 += BM_MIX_LANES)
            C[i + j * d] = (lanes_sum(s2) - ru * mu[i] * mu[j] + prior * m->cov[i + j * d]) / (r + prior);
    m->weight[k] = r / (double)n;
    if (bm_chol(d, C) == BM_OK) return;
    memcpy(C, keep, d * d * sizeof *C);
    memcpy(mu, mu_old, d * sizeof *mu);
}

/* One step of expectation maximisation. */
static void em_step(bm_mixture *m, const bm_mix_points *pts)
{
    size_t size = BM_MIX_SUMS(m->d) * BM_MIX_LANES;
    double total = 0;

    bm_mixture_em_sums(m, pts, m->work);
    for (size_t k = 0; k < m->K; k++) update_component(m, k, m->work + k * size, pts->n);
    for (size_t k = 0; k < m->K; k++) total += m->weight[k];
    for (size_t k = 0; k < m->K; k++) m->weight[k] /= total;
    set_constants(m);
}

/* Efficiency of the independence sampler, effective draws per draw. With v = q / pi at draws from pi, a state with value v is left with
 * probability a = E min(v', v) / E v', and stands for (2 - a) / a draws on average; heavy tails show as small a. */
static double expected_efficiency(const double *lp, const double *lq, size_t n, double *v, uint64_t *work)
{
    double top = -INFINITY, total = 0, below = 0, cost = 0;

    for (size_t i = 0; i < n; i++) top = fmax(top, lq[i] - lp[i]);
    for (size_t i = 0; i < n; i++) total += v[i] = exp(lq[i] - lp[i] - top);
    bm_sort(v, n, work);
    for (size_t i = 0; i < n; i++) {
        double a = (below + v[i] * (double)(n - i)) / total;

        below += v[i];
        cost += (2 - a) / a;
    }
    return (double)n / cost;
}

/* Overall mean (of the images with positive sds) and covariance. */
static bm_status moments(bm_mixture *m, const double *x, size_t n, double *mean)
{
    size_t d = m->d;

    memset(mean, 0, d * sizeof *mean);
    memset(m->cov, 0, d * d * sizeof *m->cov);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) mean[j] += x[i * d + j] / (double)n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            for (size_t l = j; l < d; l++) m->cov[l + j * d] += (x[i * d + j] - mean[j]) * (x[i * d + l] - mean[l]) / (double)n;
    for (size_t j = 0; j < d; j++) {
        if (!(m->cov[j + j * d] > 0)) return BM_NOT_PD;
        m->cov[j + j * d] *= 1 + 1e-9;
        for (size_t l = j + 1; l < d; l++) m->cov[j + l * d] = m->cov[l + j * d];
    }
    return BM_OK;
}

/* A new component around the tenth of the draws where the target exceeds the proposal most. */
static bool add_component(bm_mixture *m, const double *x, const double *lp, const double *lq, size_t n, double *v, uint64_t *work)
{
    size_t d = m->d, k = m->K;
    double cut, *mu = m->mean + k * d, count = 0;

    if (k == BM_MIX_MAX - 1) return false;           /* the last place is for the safety net */
    for (size_t i = 0; i < n; i++) v[i] = lp[i] - lq[i];
    bm_sort(v, n, work);
    cut = v[n - 1 - n / 10];
    memset(mu, 0, d * sizeof *mu);
    for (size_t i = 0; i < n; i++)
        if (lp[i] - lq[i] >= cut) {
            for (size_t j = 0; j < d; j++) mu[j] += x[i * d + j];
            count++;
        }
    for (size_t j = 0; j < d; j++) mu[j] /= count;
    double *C = m->C + k * d * d;
    memcpy(C, m->cov, d * d * sizeof *C);
    for (size_t j = 0; j < d * d; j++) C[j] *= 0.5;
    if (bm_chol(d, C) != BM_OK) return false;
    for (size_t j = 0; j < k; j++) m->weight[j] *= 0.85;
    m->weight[k] = 0.15;
    m->df[k] = m->df[0];
    m->K++;
    set_constants(m);
    return true;
}

static void copy_components(bm_mixture *to, const bm_mixture *from)
{
    size_t d = from->d;

    to->K = from->K;
    memcpy(to->df, from->df, sizeof to->df);
    memcpy(to->weight, from->weight, sizeof to->weight);
    memcpy(to->log_const, from->log_const, sizeof to->log_const);
    memcpy(to->scale, from->scale, sizeof to->scale);
    memcpy(to->power, from->power, sizeof to->power);
    to->top = from->top;
    memcpy(to->rdiag, from->rdiag, BM_MIX_MAX * d * sizeof *to->rdiag);
    memcpy(to->mean, from->mean, BM_MIX_MAX * d * sizeof *to->mean);
    memcpy(to->C, from->C, BM_MIX_MAX * d * d * sizeof *to->C);
}

/* The draws to fit to, and what is computed of them: log density of the proposal (lq), scratch (v, and work of 2 n). */
typedef struct { const double *x, *lp; size_t n; bm_mix_points pts; double *lq, *v; uint64_t *work; } fit_draws;

/* Steps of EM; returns the expected efficiency after them. */
static double polish(bm_mixture *m, const fit_draws *f, int steps)
{
    for (int i = 0; i < steps; i++) em_step(m, &f->pts);
    bm_mixture_densities(m, &f->pts, f->lq);
    for (size_t i = 0; i < f->n; i++) f->lq[i] = f->lq[i] > BM_MIX_UNDERFLOW ? m->top + log(f->lq[i]) : bm_mixture_far_logpdf(m, f->x + i * m->d);
    return expected_efficiency(f->lp, f->lq, f->n, f->v, f->work);
}

/* One component, with the degrees of freedom that suit best. */
static double fit_single(bm_mixture *m, const fit_draws *f, const double *mean, const double *cov)
{
    static const double df[] = { 4, 7, 14, 40 };
    double              best = 0, best_df = df[0];

    for (size_t k = 0; k < sizeof df / sizeof *df; k++) {
        if (bm_mixture_single(m, mean, cov, df[k]) != BM_OK) return 0;
        double e = polish(m, f, 2);

        if (e < best) break;                         /* it rises, and then falls */
        best = e;
        best_df = df[k];
    }
    bm_mixture_single(m, mean, cov, best_df);
    return polish(m, f, 6);
}

/* A wide component under the whole, lest a tail be missed: with it the ratio of target to proposal stays bounded where the fit is poor. */
static void spread_safety_net(bm_mixture *m, const double *mean, const double *cov)
{
    const double share = 0.04, wide = 1.5;
    size_t       d = m->d, k = m->K;
    double      *C = m->C + k * d * d;

    for (size_t i = 0; i < d * d; i++) C[i] = wide * wide * cov[i];
    if (bm_chol(d, C) != BM_OK) return;
    memcpy(m->mean + k * d, mean, d * sizeof *mean);
    for (size_t j = 0; j < k; j++) m->weight[j] *= 1 - share;
    m->weight[k] = share;
    m->df[k] = 3;
    m->K++;
    set_constants(m);
}

bm_status bm_mixture_fit(bm_mixture *m, const double *x, const double *lp, size_t n, double *expected, bm_error *err)
{
    size_t     d = m->d;
    double     best = 0, mean[BM_MIX_DIM], *cov = bm_alloc(d * d, sizeof *cov);
    fit_draws  f = { .x = x, .lp = lp, .n = n, .lq = bm_alloc(2 * n, sizeof *f.lq), .work = bm_alloc(2 * n, sizeof *f.work) };
    bm_mixture kept = { 0 };
    bm_status  st = BM_OK;

    if (!f.lq || !f.work || !cov || points_new(&f.pts, x, n, d) != BM_OK || bm_mixture_new(&kept, NULL, d, NULL) != BM_OK) {
        st = bm_nomem(err);
        goto done;
    }
    f.v = f.lq + n;
    if (moments(m, x, n, mean) != BM_OK) goto done;
    memcpy(cov, m->cov, d * d * sizeof *cov);
    best = fit_single(m, &f, mean, cov);
    while (best > 0 && best < 0.95 && n >= 40 * (m->K + 1) * d) {
        copy_components(&kept, m);
        if (!add_component(m, x, lp, f.lq, n, f.v, f.work)) break;
        double e = polish(m, &f, 8);
        if (e < best + 0.01) {
            copy_components(m, &kept);
            break;
        }
        best = e;
    }
    if (best > 0) {
        spread_safety_net(m, mean, cov);
        best = polish(m, &f, 0);
    }
done:
    bm_mixture_ready(m);
    free(f.lq);
    free(f.work);
    free(f.pts.x);
    free(cov);
    bm_mixture_free(&kept);
    *expected = best;
    return st;
}
