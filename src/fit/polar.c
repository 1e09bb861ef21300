/* polar.c: a move for a factor with a level for every row.
 *
 * Its sd s and sigma enter the likelihood as s^2 + sigma^2 alone (nearly so with weights): the posterior is a thin arc, which neither ellipses nor mixtures of
 * them cover. In polar coordinates (s, sigma) = r (sin a, cos a) it is a rectangle: a is drawn anew, uniformly; r and all else make a small step. Any such
 * move is right for any posterior, for it is accepted by the ratio of densities; with ds dsigma = r dr da and log r stepped, that is times (r' / r)^2. */
#include "fit/polar.h"

#include <math.h>

long bm_polar_factor(const bm_post *post)
{
    const bm_theta *th = &post->th;

    if (th->sigma_x < 0) return -1;
    for (size_t k = 0, sd = 0; k < post->st->nfac; sd += post->st->fac[k].q, k++)
        if (post->st->fac[k].q == 1 && post->st->fac[k].J == post->st->n && th->sd_x[sd] >= 0) return (long)sd;
    return -1;
}

/* log |d natural / d x| of the two. */
static double log_jacobian(const bm_theta *th, size_t sd, double s, double sigma)
{
    return 0.5 * log(th->sd_c[sd] * th->sd_c[sd] + s * s) + log(sigma);
}

double bm_polar_propose(const bm_post *post, long sd, const double *C, const double *x, bm_rng *rng, double *to)
{
    const bm_theta *th = &post->th;
    size_t          d = th->d, at = (size_t)th->sd_x[sd];
    double          c = th->sd_c[sd], s = c * sinh(x[at]), sigma = exp(x[th->sigma_x]), scale = 2.4 / sqrt((double)d);

    for (size_t i = 0; i < d; i++) {
        double var = 0;

        for (size_t l = 0; l <= i; l++) var += C[i + l * d] * C[i + l * d];
        to[i] = x[i] + scale * sqrt(var) * bm_rng_normal(rng);
    }
    double a = M_PI_2 * bm_rng_uniform(rng), log_r = scale / sqrt(2 * (double)post->st->n) * bm_rng_normal(rng), r = hypot(s, sigma) * exp(log_r);
    double s2 = copysign(r * sin(a), s), sigma2 = r * cos(a);
    to[at] = asinh(s2 / c);
    to[th->sigma_x] = log(sigma2);
    return 2 * log_r + log_jacobian(th, (size_t)sd, s, sigma) - log_jacobian(th, (size_t)sd, s2, sigma2);
}
