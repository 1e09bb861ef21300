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

bm_status bm_mixture_new(bm_mixture *m, size_t d, bm_error *err)
{
    *m = (bm_mixture){ .d = d, .nimage = 1, .df = 5 };
    m->mean = bm_alloc(BM_MIX_MAX * d, sizeof *m->mean);
    m->C = bm_alloc(BM_MIX_MAX * d * d, sizeof *m->C);
    m->sign = bm_alloc(d << BM_FLIP_MAX, sizeof *m->sign);
    m->cov = bm_alloc(d * d, sizeof *m->cov);
    m->work = bm_alloc((BM_MIX_MAX + 2) * (d * d + 2 * d), sizeof *m->work);
    if (!m->mean || !m->C || !m->sign || !m->cov || !m->work) {
        bm_mixture_free(m);
        return bm_nomem(err);
    }
    for (size_t i = 0; i < d; i++) m->sign[i] = 1;
    return BM_OK;
}

void bm_mixture_free(bm_mixture *m)
{
    free(m->mean);
    free(m->C);
    free(m->sign);
    free(m->cov);
    free(m->work);
    *m = (bm_mixture){ 0 };
}

static void set_constants(bm_mixture *m)
{
    double d = (double)m->d, nu = m->df;
    double t = gsl_sf_lngamma((nu + d) / 2) - gsl_sf_lngamma(nu / 2) - d / 2 * log(nu * M_PI) - log((double)m->nimage);

    for (size_t k = 0; k < m->K; k++) {
        m->log_const[k] = log(m->weight[k]) + t;
        for (size_t i = 0; i < m->d; i++) m->log_const[k] -= log(m->C[k * m->d * m->d + i * (m->d + 1)]);
    }
}

bm_status bm_mixture_single(bm_mixture *m, const double *mean, const double *cov, double df)
{
    size_t d = m->d;

    m->K = 1;
    m->weight[0] = 1;
    m->df = df;
    memcpy(m->mean, mean, d * sizeof *mean);
    memcpy(m->C, cov, d * d * sizeof *cov);
    memcpy(m->cov, cov, d * d * sizeof *cov);
    if (bm_chol(d, m->C) != BM_OK) return BM_NOT_PD;
    set_constants(m);
    return BM_OK;
}

/* |C_k^-1 (sign x - mean_k)|^2 */
static double distance(const bm_mixture *m, size_t k, const double *sign, const double *x, double *e)
{
    size_t        d = m->d;
    const double *mu = m->mean + k * d, *C = m->C + k * d * d;
    double        s = 0;

    for (size_t i = 0; i < d; i++) e[i] = sign[i] * x[i] - mu[i];
    for (size_t j = 0; j < d; j++) {
        double v = e[j] /= C[j + j * d];

        s += v * v;
        for (size_t i = j + 1; i < d; i++) e[i] -= v * C[i + j * d];
    }
    return s;
}

static double log_t(const bm_mixture *m, size_t k, double dist)
{
    return m->log_const[k] - 0.5 * (m->df + (double)m->d) * log1p(dist / m->df);
}

double bm_mixture_logpdf(const bm_mixture *m, const double *x)
{
    double e[128], l[BM_MIX_MAX << BM_FLIP_MAX], top = -INFINITY, sum = 0;
    size_t n = 0;

    for (size_t k = 0; k < m->K; k++)
        for (size_t f = 0; f < m->nimage; f++) {
            double v = l[n++] = log_t(m, k, distance(m, k, m->sign + f * m->d, x, e));

            if (v > top) top = v;
        }
    if (!isfinite(top)) return -INFINITY;
    for (size_t i = 0; i < n; i++) sum += l[i] == top ? 1 : exp(l[i] - top);
    return top + log(sum);
}

void bm_mixture_draw(const bm_mixture *m, bm_rng *rng, double *x)
{
    size_t        d = m->d, k = 0;
    double        u = bm_rng_uniform(rng), z[128];
    const double *sign = m->sign + (bm_rng_u64(rng) >> 32) % m->nimage * d, *C;

    while (k + 1 < m->K && u > m->weight[k]) u -= m->weight[k++];
    C = m->C + k * d * d;
    bm_rng_normals(rng, z, d);
    double scale = sqrt(m->df / bm_rng_chisq(rng, m->df));
    for (size_t i = 0; i < d; i++) {
        double v = 0;

        for (size_t j = 0; j <= i; j++) v += C[i + j * d] * z[j];
        x[i] = sign[i] * (m->mean[k * d + i] + scale * v);
    }
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
    for (size_t f = 0; f < m->nimage; f++) {
        double *sign = m->sign + f * d;

        for (size_t i = 0; i < d; i++) sign[i] = 1;
        for (size_t b = 0; b < nflip; b++)
            if (f >> b & 1) bm_theta_flip(th, near[b].sd, sign);
    }
}

/* ---- fitting ---- */

typedef struct { double r, ru, *s1, *s2; } sums;     /* responsibilities, with t's weights; sums of x and x x' */

static void sums_of(const bm_mixture *m, size_t k, sums *s, double *block)
{
    size_t d = m->d, size = d * d + d;

    s->r = s->ru = 0;
    s->s1 = block + k * size;
    s->s2 = s->s1 + d;
    memset(s->s1, 0, size * sizeof *s->s1);
}

static void add_point(sums *s, const double *sign, const double *x, size_t d, double r, double u)
{
    s->r += r;
    s->ru += r * u;
    for (size_t j = 0; j < d; j++) {
        double v = r * u * sign[j] * x[j];

        s->s1[j] += v;
        for (size_t i = j; i < d; i++) s->s2[i + j * d] += v * sign[i] * x[i];
    }
}

/* Mean and scale of component k from its sums, shrunk towards the overall covariance by a few pseudo-draws. */
static void update_component(bm_mixture *m, size_t k, const sums *s, size_t n)
{
    size_t  d = m->d;
    double *mu = m->mean + k * d, *C = m->C + k * d * d, prior = 2 * (double)d, old_w = m->weight[k];
    double  mu_old[128], *keep = m->work + (BM_MIX_MAX + 1) * (d * d + d);

    if (!(s->r > (double)d)) {                       /* dying: keep its shape, let its weight fade */
        m->weight[k] = fmax(s->r / (double)n, 1e-3 * old_w);
        return;
    }
    memcpy(keep, C, d * d * sizeof *C);
    memcpy(mu_old, mu, d * sizeof *mu);
    for (size_t j = 0; j < d; j++) mu[j] = s->s1[j] / s->ru;
    for (size_t j = 0; j < d; j++)
        for (size_t i = j; i < d; i++)
            C[i + j * d] = (s->s2[i + j * d] - s->ru * mu[i] * mu[j] + prior * m->cov[i + j * d]) / (s->r + prior);
    m->weight[k] = s->r / (double)n;
    if (bm_chol(d, C) == BM_OK) return;
    memcpy(C, keep, d * d * sizeof *C);
    memcpy(mu, mu_old, d * sizeof *mu);
}

/* One step of expectation maximisation; log q at every draw into lq. */
static void em_step(bm_mixture *m, const double *x, size_t n, double *lq)
{
    sums   s[BM_MIX_MAX];
    double e[128], l[BM_MIX_MAX << BM_FLIP_MAX], dist[BM_MIX_MAX << BM_FLIP_MAX], total = 0;
    size_t d = m->d;

    for (size_t k = 0; k < m->K; k++) sums_of(m, k, &s[k], m->work);
    for (size_t i = 0; i < n; i++) {
        double top = -INFINITY, sum = 0;
        size_t c = 0;

        for (size_t k = 0; k < m->K; k++)
            for (size_t f = 0; f < m->nimage; f++, c++) {
                dist[c] = distance(m, k, m->sign + f * d, x + i * d, e);
                l[c] = log_t(m, k, dist[c]);
                if (l[c] > top) top = l[c];
            }
        for (size_t j = 0; j < c; j++) sum += l[j] = exp(l[j] - top);
        lq[i] = top + log(sum);
        for (size_t j = 0; j < c; j++) {
            double r = l[j] / sum;

            if (r > 1e-6) add_point(&s[j / m->nimage], m->sign + j % m->nimage * d, x + i * d, d, r, (m->df + (double)d) / (m->df + dist[j]));
        }
    }
    for (size_t k = 0; k < m->K; k++) update_component(m, k, &s[k], n);
    for (size_t k = 0; k < m->K; k++) total += m->weight[k];
    for (size_t k = 0; k < m->K; k++) m->weight[k] /= total;
    set_constants(m);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Acceptance rate of the independence sampler: with v = q / pi at draws from pi, E min(v, v') / E v over pairs. */
static double expected_acceptance(const double *lp, const double *lq, size_t n, double *v)
{
    double top = -INFINITY, total = 0, pairs = 0;

    for (size_t i = 0; i < n; i++) top = fmax(top, lq[i] - lp[i]);
    for (size_t i = 0; i < n; i++) total += v[i] = exp(lq[i] - lp[i] - top);
    qsort(v, n, sizeof *v, ascending);
    for (size_t i = 0; i < n; i++) pairs += v[i] * (2 * (double)(n - 1 - i) + 1);
    return pairs / ((double)n * total);
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
static bool add_component(bm_mixture *m, const double *x, const double *lp, const double *lq, size_t n, double *v)
{
    size_t d = m->d, k = m->K;
    double cut, *mu = m->mean + k * d, count = 0;

    if (k == BM_MIX_MAX) return false;
    for (size_t i = 0; i < n; i++) v[i] = lp[i] - lq[i];
    qsort(v, n, sizeof *v, ascending);
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
    m->K++;
    set_constants(m);
    return true;
}

static void copy_components(bm_mixture *to, const bm_mixture *from)
{
    size_t d = from->d;

    to->K = from->K;
    to->df = from->df;
    memcpy(to->weight, from->weight, sizeof to->weight);
    memcpy(to->log_const, from->log_const, sizeof to->log_const);
    memcpy(to->mean, from->mean, BM_MIX_MAX * d * sizeof *to->mean);
    memcpy(to->C, from->C, BM_MIX_MAX * d * d * sizeof *to->C);
}

double bm_mixture_fit(bm_mixture *m, const double *x, const double *lp, size_t n)
{
    double     rate = 0, best = 0, mean[128], *lq = bm_alloc(2 * n, sizeof *lq), *v = lq + n;
    bm_mixture kept = { 0 };

    if (!lq || bm_mixture_new(&kept, m->d, NULL) != BM_OK) goto done;
    if (moments(m, x, n, mean) != BM_OK) goto done;
    memcpy(v, m->cov, 0);
    double *cov = bm_alloc(m->d * m->d, sizeof *cov);
    if (!cov) goto done;
    memcpy(cov, m->cov, m->d * m->d * sizeof *cov);
    bm_status st = bm_mixture_single(m, mean, cov, m->d > 6 ? 12 : 8);
    free(cov);
    if (st != BM_OK) goto done;
    for (size_t step = 0;; step++) {
        for (int i = 0; i < 8; i++) em_step(m, x, n, lq);
        for (size_t i = 0; i < n; i++) lq[i] = bm_mixture_logpdf(m, x + i * m->d);
        rate = expected_acceptance(lp, lq, n, v);
        if (rate < best + 0.01) {
            if (best > 0) copy_components(m, &kept);
            break;
        }
        best = rate;
        copy_components(&kept, m);
        if (best > 0.97 || n < 40 * (m->K + 1) * m->d || !add_component(m, x, lp, lq, n, v)) break;
    }
done:
    free(lq);
    bm_mixture_free(&kept);
    return best;
}
