/* mixture_em.c: densities of the mixture and steps of expectation maximisation, eight draws side by side in SIMD registers; the density at one point, its
 * components side by side.
 *
 * Peel & McLachlan (2000), Statistics & Computing 10:339: EM for mixtures of t distributions of known degrees of freedom. As these are whole
 * numbers, a density is a product and perhaps a square root: no logarithm per component. */
#include "fit/mixture.h"

#include "base/v8.h"

#include <math.h>
#include <string.h>

enum { LANES = BM_MIX_LANES };
_Static_assert((int)BM_MIX_LANES == (int)V8_LANES, "a block of draws fills a v8");

BM_INLINE void add(double *x, v8 v)
{
    v8_store(x, v8_load(x) + v);
}

/* a^(m/2) for 0 <= a <= 1 */
BM_INLINE v8 half_power(v8 a, unsigned m)
{
    v8 r = m & 1 ? v8_sqrt(a) : v8_splat(1);

    for (m >>= 1; m; m >>= 1, a *= a)
        if (m & 1) r *= a;
    return r;
}

/* Nearness 1 / (1 + squared distance / df) and density (over exp(m->top)) of eight draws x (d x LANES), component after component, image after image. */
BM_INLINE void densities(const bm_mixture *m, const double *x, v8 *near, v8 *dens)
{
    const size_t d = m->d;
    v8           e[BM_MIX_DIM];

    for (size_t k = 0, c = 0; k < m->K; k++) {
        const double *mu = m->mean + k * d, *C = m->C + k * d * d, *rdiag = m->rdiag + k * d;
        const double  per_df = 1 / m->df[k];

        for (size_t f = 0; f < m->nimage; f++, c++) {
            const double *sign = m->sign + f * d;
            v8            s = { 0 };

            for (size_t i = 0; i < d; i++) e[i] = sign[i] * v8_load(x + i * LANES) - mu[i];
            for (size_t j = 0; j < d; j++) {
                v8 v = e[j] * rdiag[j];

                s += v * v;
                for (size_t i = j + 1; i < d; i++) e[i] -= v * C[i + j * d];
            }
            near[c] = 1 / (1 + s * per_df);
            dens[c] = m->scale[k] * half_power(near[c], m->power[k]);
        }
    }
}

BM_INLINE bool negligible(v8 r)
{
    double most = 0;

    for (int l = 0; l < LANES; l++) most = r[l] > most ? r[l] : most;
    return most < 1e-6;
}

/* Adds eight draws to the sums of one component: r, r u, sum of r u x, lower triangle of sum of r u x x' (columns packed). */
BM_INLINE void accumulate(double *acc, v8 r, v8 ru, const double *sign, const double *x, size_t d)
{
    double *s2 = acc + (2 + d) * LANES;

    add(acc, r);
    add(acc + LANES, ru);
    for (size_t j = 0; j < d; j++) {
        v8 v = ru * sign[j] * v8_load(x + j * LANES);

        add(acc + (2 + j) * LANES, v);
        for (size_t i = j; i < d; i++, s2 += LANES) add(s2, v * sign[i] * v8_load(x + i * LANES));
    }
}

/* (Clones are exported whatever their visibility: they are static, behind plain functions.) */
BM_CLONES static void em_sums(const bm_mixture *m, const bm_mix_points *pts, double *acc)
{
    const size_t d = m->d, size = BM_MIX_SUMS(d) * LANES;
    v8           near[BM_MIX_MAX << BM_FLIP_MAX], dens[BM_MIX_MAX << BM_FLIP_MAX];

    memset(acc, 0, m->K * size * sizeof *acc);
    for (size_t b = 0; b * LANES < pts->n; b++) {
        const double *x = pts->x + b * d * LANES;
        v8            share = { 0 };
        size_t        c = 0;

        densities(m, x, near, dens);
        for (; c < m->K * m->nimage; c++) share += dens[c];
        for (size_t l = 0; l < LANES; l++) share[l] = b * LANES + l < pts->n && share[l] > 0 ? 1 / share[l] : 0;
        c = 0;
        for (size_t k = 0; k < m->K; k++) {
            const double most = 1 + (double)d / m->df[k];        /* u = (df + d) / (df + squared distance) */

            for (size_t f = 0; f < m->nimage; f++, c++) {
                v8 r = dens[c] * share;

                if (!negligible(r)) accumulate(acc + k * size, r, r * near[c] * most, m->sign + f * d, x, d);
            }
        }
    }
}

BM_CLONES static void all_densities(const bm_mixture *m, const bm_mix_points *pts, double *out)
{
    v8 near[BM_MIX_MAX << BM_FLIP_MAX], dens[BM_MIX_MAX << BM_FLIP_MAX];

    for (size_t b = 0; b * LANES < pts->n; b++) {
        v8     sum = { 0 };
        size_t left = pts->n - b * LANES;

        densities(m, pts->x + b * m->d * LANES, near, dens);
        for (size_t c = 0; c < m->K * m->nimage; c++) sum += dens[c];
        memcpy(out + b * LANES, &sum, (left < LANES ? left : LANES) * sizeof *out);
    }
}

void bm_mixture_em_sums(const bm_mixture *m, const bm_mix_points *pts, double *acc)
{
    em_sums(m, pts, acc);
}

void bm_mixture_densities(const bm_mixture *m, const bm_mix_points *pts, double *out)
{
    all_densities(m, pts, out);
}

/* ---- one point ---- */

void bm_mixture_ready(bm_mixture *m)
{
    const size_t d = m->d;
    double      *mean = m->lane, *rdiag = mean + d * LANES, *C = rdiag + d * LANES;

    memset(m->lane, 0, (d + 2) * d * LANES * sizeof *m->lane);
    for (size_t k = 0; k < LANES; k++) {             /* lanes without a component have no weight */
        m->lane_scale[k] = k < m->K ? m->scale[k] : 0;
        m->lane_df[k] = k < m->K ? 1 / m->df[k] : 0;
        m->lane_power[k] = k < m->K ? (int64_t)m->power[k] : 0;
        for (size_t i = 0; i < d && k < m->K; i++) {
            mean[i * LANES + k] = m->mean[k * d + i];
            rdiag[i * LANES + k] = m->rdiag[k * d + i];
            for (size_t j = 0; j < i; j++) C[(i + j * d) * LANES + k] = m->C[k * d * d + i + j * d];
        }
    }
}

/* The same, m of each lane. */
BM_INLINE v8 half_powers(v8 a, const int64_t *power)
{
    i8      m;
    v8      r;
    int64_t left = 0;

    memcpy(&m, power, sizeof m);
    for (int l = 0; l < LANES; l++) left |= power[l];
    r = v8_choose(-(m & 1), v8_sqrt(a), v8_splat(1));
    for (m >>= 1, left >>= 1; left; m >>= 1, left >>= 1, a *= a) r = v8_choose(-(m & 1), r * a, r);
    return r;
}

BM_CLONES static double terms(const bm_mixture *m, const double *x, double *term)
{
    const size_t  d = m->d;
    const double *mean = m->lane, *rdiag = mean + d * LANES, *C = rdiag + d * LANES;
    v8            e[BM_MIX_DIM], total = { 0 }, per_df = v8_load(m->lane_df), scale = v8_load(m->lane_scale);
    double        sum = 0;

    for (size_t f = 0; f < m->nimage; f++) {
        const double *sign = m->sign + f * d;
        v8            s = { 0 }, t;

        for (size_t i = 0; i < d; i++) e[i] = sign[i] * x[i] - v8_load(mean + i * LANES);
        for (size_t j = 0; j < d; j++) {
            v8 v = e[j] * v8_load(rdiag + j * LANES);

            s += v * v;
            for (size_t i = j + 1; i < d; i++) e[i] -= v * v8_load(C + (i + j * d) * LANES);
        }
        t = scale * half_powers(1 / (1 + s * per_df), m->lane_power);
        v8_store(term + f * LANES, t);
        total += t;
    }
    for (int l = 0; l < LANES; l++) sum += total[l];
    return sum;
}

double bm_mixture_terms(const bm_mixture *m, const double *x, double *term)
{
    return terms(m, x, term);
}
