/* dist.c: densities of standard deviations, and draws from them.
 *
 * Every density is that of x = sd on (0, inf): normal(m, s) and student_t(df, m, s) are cut off at 0 and normalised again; inv_gamma(a, b) is
 * stated on v = x^2, so the density of x has the Jacobian 2x. Tails beyond 0 are drawn by Marsaglia's (1964, Technometrics 6:101) method for the
 * normal and what it becomes for a t. */
#include "model/model.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_erf.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>

static const double LOG_SQRT_2PI = 0.91893853320467274178;

/* ---- constants ---- */

/* log of the constant of a t density on df degrees of freedom; the beta function keeps its digits where df is large. */
static double t_norm(double df, double s)
{
    return -gsl_sf_lnbeta(df / 2, 0.5) - 0.5 * log(df) - log(s);
}

/* log P(m + s z > 0), z standard normal. */
static double log_above_0(double m, double s)
{
    return gsl_sf_log_erfc(-m / s * M_SQRT1_2) - M_LN2;
}

double bm_dist_sd_norm(const bm_dist *d)
{
    const double *a = d->a;

    switch (d->kind) {
    case BM_DIST_NORMAL: return -LOG_SQRT_2PI - log(a[1]) - log_above_0(a[0], a[1]);
    case BM_DIST_STUDENT_T: return t_norm(a[0], a[2]) - log(gsl_cdf_tdist_P(a[1] / a[2], a[0]));
    case BM_DIST_HALF_CAUCHY: return M_LN2 - log(M_PI * a[1]);
    case BM_DIST_HALF_NORMAL: return M_LN2 - LOG_SQRT_2PI - log(a[1]);
    case BM_DIST_HALF_T: return M_LN2 + t_norm(a[0], a[2]);
    case BM_DIST_EXPONENTIAL: return log(a[0]);
    case BM_DIST_GAMMA: return a[0] * log(a[1]) - gsl_sf_lngamma(a[0]);
    case BM_DIST_LOGNORMAL: return -LOG_SQRT_2PI - log(a[1]);
    case BM_DIST_UNIFORM: return -log(a[1] - a[0]);
    case BM_DIST_INV_GAMMA: return a[0] * log(a[1]) - gsl_sf_lngamma(a[0]) + M_LN2;
    case BM_DIST_FLAT:
    case BM_DIST_CONSTANT: return 0;
    case BM_DIST_LKJ:
    case BM_DIST_INV_WISHART: break;
    }
    return NAN;                                      /* no distribution of an sd */
}

/* ---- densities without their constants ---- */

static double t_kernel(double z, double df, double s, double *dx)
{
    *dx = -(df + 1) * z / (s * (df + z * z));
    return -0.5 * (df + 1) * log1p(z * z / df);
}

static double normal_kernel(double z, double s, double *dx)
{
    *dx = -z / s;
    return -0.5 * z * z;
}

static double gamma_kernel(double x, double shape, double rate, double *dx)
{
    if (shape == 1) {                                /* also at 0, where 0 * log 0 is no number */
        *dx = -rate;
        return -rate * x;
    }
    *dx = (shape - 1) / x - rate;
    return (shape - 1) * log(x) - rate * x;
}

static double lognormal_kernel(double x, double m, double s, double *dx)
{
    double z = (log(x) - m) / s;

    *dx = -(1 + z / s) / x;
    return -log(x) - 0.5 * z * z;
}

static double inv_gamma_kernel(double x, double a, double b, double *dx)
{
    double v = b / (x * x);

    *dx = (2 * v - 2 * a - 1) / x;
    return -(2 * a + 1) * log(x) - v;
}

static bool in_support(const bm_dist *d, double x)
{
    if (!(x >= 0)) return false;
    switch (d->kind) {
    case BM_DIST_UNIFORM: return x >= d->a[0] && x <= d->a[1];
    case BM_DIST_LOGNORMAL:
    case BM_DIST_INV_GAMMA: return x > 0;            /* their limit at 0 is -inf */
    case BM_DIST_LKJ:
    case BM_DIST_INV_WISHART: return false;
    default: return true;
    }
}

double bm_dist_sd_logpdf(const bm_dist *d, double x, double *dx)
{
    const double *a = d->a;
    double        unused, lp = 0;

    if (!dx) dx = &unused;
    *dx = 0;
    if (!in_support(d, x)) return -INFINITY;
    switch (d->kind) {
    case BM_DIST_NORMAL:
    case BM_DIST_HALF_NORMAL: lp = normal_kernel((x - a[0]) / a[1], a[1], dx); break;
    case BM_DIST_STUDENT_T:
    case BM_DIST_HALF_T: lp = t_kernel((x - a[1]) / a[2], a[0], a[2], dx); break;
    case BM_DIST_HALF_CAUCHY: lp = t_kernel((x - a[0]) / a[1], 1, a[1], dx); break;
    case BM_DIST_EXPONENTIAL: lp = gamma_kernel(x, 1, a[0], dx); break;
    case BM_DIST_GAMMA: lp = gamma_kernel(x, a[0], a[1], dx); break;
    case BM_DIST_LOGNORMAL: lp = lognormal_kernel(x, a[0], a[1], dx); break;
    case BM_DIST_INV_GAMMA: lp = inv_gamma_kernel(x, a[0], a[1], dx); break;
    default: break;                                  /* uniform, flat, constant */
    }
    return lp + (d->has_norm ? d->norm : bm_dist_sd_norm(d));
}

bool bm_dist_proper(const bm_dist *d)
{
    const double *a = d->a;

    switch (d->kind) {
    case BM_DIST_FLAT: return false;
    case BM_DIST_GAMMA:
    case BM_DIST_INV_GAMMA: return a[0] > 0 && a[1] > 0;
    case BM_DIST_STUDENT_T:
    case BM_DIST_HALF_T: return a[0] > 0 && a[2] > 0;
    case BM_DIST_NORMAL:
    case BM_DIST_HALF_CAUCHY:
    case BM_DIST_HALF_NORMAL:
    case BM_DIST_LOGNORMAL: return a[1] > 0;
    case BM_DIST_EXPONENTIAL:
    case BM_DIST_LKJ:
    case BM_DIST_INV_WISHART: return a[0] > 0;
    case BM_DIST_UNIFORM: return a[0] < a[1];
    case BM_DIST_CONSTANT: return true;
    }
    return false;
}

/* ---- draws ---- */

static double draw_t(bm_rng *rng, double df)
{
    double z = bm_rng_normal(rng);

    return df < INFINITY ? z / sqrt(bm_rng_chisq(rng, df) / df) : z;
}

/* t on df degrees of freedom (INFINITY: normal), given t > low. Below 1 by trying; above, t = sqrt(df ((1 + low^2 / df) u^(-2 / df) - 1)) has a density
 * proportional to t (1 + t^2 / df)^(-(df + 2) / 2), and the t's own density over that falls in t: accepted in proportion. */
static double draw_t_above(bm_rng *rng, double df, double low)
{
    for (;;) {
        if (low < 1) {
            double t = draw_t(rng, df);

            if (t > low) return t;
            continue;
        }
        double e = -log(bm_rng_uniform(rng)), over = 1 / df;
        double t = sqrt(low * low + (over > 0 ? (df + low * low) * expm1(2 * e / df) : 2 * e));
        double u = bm_rng_uniform(rng);

        if (u * u * (1 / (low * low) + over) <= 1 / (t * t) + over) return t;
    }
}

/* v = b / gamma(a), as x = sqrt(v); small shapes on the log scale, where gamma(a) = gamma(a + 1) u^(1 / a) does not underflow. */
static double draw_inv_gamma_sd(bm_rng *rng, double a, double b)
{
    double log_g = log(bm_rng_gamma(rng, a + 1)) + log(bm_rng_uniform(rng)) / a;

    return exp(0.5 * (log(b) - log_g));
}

static double draw_once(const bm_dist *d, bm_rng *rng)
{
    const double *a = d->a;

    switch (d->kind) {
    case BM_DIST_NORMAL:
    case BM_DIST_HALF_NORMAL: return a[0] + a[1] * draw_t_above(rng, INFINITY, -a[0] / a[1]);
    case BM_DIST_STUDENT_T:
    case BM_DIST_HALF_T: return a[1] + a[2] * draw_t_above(rng, a[0], -a[1] / a[2]);
    case BM_DIST_HALF_CAUCHY: return a[1] * tan(M_PI_2 * bm_rng_uniform(rng));
    case BM_DIST_EXPONENTIAL: return -log(bm_rng_uniform(rng)) / a[0];
    case BM_DIST_GAMMA: return bm_rng_gamma(rng, a[0]) / a[1];
    case BM_DIST_LOGNORMAL: return exp(a[0] + a[1] * bm_rng_normal(rng));
    case BM_DIST_UNIFORM: return a[0] + (a[1] - a[0]) * bm_rng_uniform(rng);
    case BM_DIST_INV_GAMMA: return draw_inv_gamma_sd(rng, a[0], a[1]);
    case BM_DIST_CONSTANT: return a[0];
    default: return NAN;
    }
}

bm_status bm_dist_sd_draw(const bm_dist *d, bm_rng *rng, double *x)
{
    enum { TRIES = 1000 };

    if (!bm_dist_proper(d)) return BM_EINVAL;
    for (int i = 0; i < TRIES; i++) {                /* nearly always the first; inv_gamma(0.001, 0.001) often exceeds what squares to a number */
        *x = draw_once(d, rng);
        if (*x >= 0 && *x < 1e150) return BM_OK;
    }
    return BM_EINVAL;
}
