/* mixture_draw.c: draws from the mixture, its density at one point, and moves that leave it as it is. */
#include "fit/mixture.h"

#include <math.h>

/* C_k^-1 (sign x - mean_k) to z; returns its squared length. */
static double whiten(const bm_mixture *m, size_t k, const double *sign, const double *x, double *z)
{
    size_t        d = m->d;
    const double *mu = m->mean + k * d, *C = m->C + k * d * d, *rdiag = m->rdiag + k * d;
    double        s = 0;

    for (size_t i = 0; i < d; i++) z[i] = sign[i] * x[i] - mu[i];
    for (size_t j = 0; j < d; j++) {
        z[j] *= rdiag[j];
        s += z[j] * z[j];
        for (size_t i = j + 1; i < d; i++) z[i] -= z[j] * C[i + j * d];
    }
    return s;
}

/* Where densities underflow: those of every image and component (as bm_mixture_terms orders them), over exp(their largest logarithm), which is returned. */
static double far_terms(const bm_mixture *m, const double *x, double *term)
{
    size_t n = m->nimage * BM_MIX_LANES;
    double top = -INFINITY, z[BM_MIX_DIM];

    for (size_t i = 0; i < n; i++) term[i] = -INFINITY;              /* lanes without a component stay so */
    for (size_t k = 0; k < m->K; k++)
        for (size_t f = 0; f < m->nimage; f++) {
            double l = m->log_const[k] - 0.5 * (m->df[k] + (double)m->d) * log1p(whiten(m, k, m->sign + f * m->d, x, z) / m->df[k]);

            term[f * BM_MIX_LANES + k] = l;
            top = fmax(top, l);
        }
    for (size_t i = 0; i < n; i++) term[i] = top > -INFINITY ? exp(term[i] - top) : 0;
    return top;
}

double bm_mixture_far_logpdf(const bm_mixture *m, const double *x)
{
    double term[BM_MIX_LANES << BM_FLIP_MAX], sum = 0, top = far_terms(m, x, term);

    for (size_t i = 0; i < m->nimage * BM_MIX_LANES; i++) sum += term[i];
    return top > -INFINITY ? top + log(sum) : -INFINITY;
}

double bm_mixture_logpdf(const bm_mixture *m, const double *x)
{
    double term[BM_MIX_LANES << BM_FLIP_MAX], sum = bm_mixture_terms(m, x, term);

    return sum > BM_MIX_UNDERFLOW ? m->top + log(sum) : bm_mixture_far_logpdf(m, x);
}

/* The point that component k and an image, both drawn, make of normal scores z. */
static void place(const bm_mixture *m, bm_rng *rng, const double *z, double *x)
{
    size_t        d = m->d, k = 0;
    double        u = bm_rng_uniform(rng);
    const double *sign = m->sign + (bm_rng_u64(rng) >> 32) % m->nimage * d, *C;

    while (k + 1 < m->K && u > m->weight[k]) u -= m->weight[k++];
    C = m->C + k * d * d;
    double scale = sqrt(m->df[k] / bm_rng_chisq(rng, m->df[k]));
    for (size_t i = 0; i < d; i++) {
        double v = 0;

        for (size_t j = 0; j <= i; j++) v += C[i + j * d] * z[j];
        x[i] = sign[i] * (m->mean[k * d + i] + scale * v);
    }
}

void bm_mixture_draw(const bm_mixture *m, bm_rng *rng, double *x)
{
    double z[BM_MIX_DIM];

    bm_rng_normals(rng, z, m->d);
    place(m, rng, z, x);
}

/* Normal scores that x may have been placed from: image and component with the chances that they have, then the t's scale given x. */
static void scores_of(const bm_mixture *m, bm_rng *rng, const double *x, double *z)
{
    double term[BM_MIX_LANES << BM_FLIP_MAX], sum = bm_mixture_terms(m, x, term), u = bm_rng_uniform(rng), scale, distance;
    size_t last = m->nimage * BM_MIX_LANES - 1, at = 0, k;

    if (sum <= BM_MIX_UNDERFLOW) {
        far_terms(m, x, term);
        sum = 0;
        for (size_t i = 0; i <= last; i++) sum += term[i];
    }
    for (u *= sum; at < last && u > term[at]; at++) u -= term[at];
    while (at > 0 && term[at] <= 0) at--;            /* rounding, at the end of the sum */
    k = at % BM_MIX_LANES;
    distance = whiten(m, k, m->sign + at / BM_MIX_LANES * m->d, x, z);
    scale = sqrt(bm_rng_chisq(rng, m->df[k] + (double)m->d) / (m->df[k] + distance));
    for (size_t i = 0; i < m->d; i++) z[i] *= scale;
}

void bm_mixture_opposite(const bm_mixture *m, bm_rng *rng, double correlation, const double *x, double *to)
{
    double z[BM_MIX_DIM], fresh[BM_MIX_DIM], rest = sqrt(1 - correlation * correlation);

    scores_of(m, rng, x, z);
    bm_rng_normals(rng, fresh, m->d);
    for (size_t i = 0; i < m->d; i++) z[i] = correlation * z[i] + rest * fresh[i];
    place(m, rng, z, to);
}
