/* normals.c: quantiles of mixtures of normal distributions, eight mixtures side by side.
 *
 * F(x) = mean over k of Phi((x - mean_k) / sd_k) = p has its root between the least and the largest of the components' own quantiles, mean_k + z_p sd_k.
 * Halley's iteration, which begins at the quantile by skewness and kurtosis, finds it in one or two steps where the mixture is nearly normal; where it leaves
 * what is known to hold the root, that is halved. Phi is Hart's rational approximation (Hart et al. 1968, Computer Approximations, no. 5666; West 2005, Wilmott), right to
 * 1e-14. */
#include "draws/draws.h"

#include "base/v8.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

static const double FAR = 7.07106781186547;              /* sds: beyond, Phi is 0 or 1 to 1e-12 */
static const double NEAR = 1e-6;                         /* sds: a step of Newton's so short lands on the root */
static const double SHARPEST = 1e-8;                     /* the least sd of a component, in sds of its mixture */

/* exp(-t) for 0 <= t < 700, to 2e-13: 2^-k exp(-r), |r| <= log(2) / 2 */
BM_INLINE v8 exp_minus(v8 t)
{
    const double round = 0x1.8p52;                       /* a number added to it has its nearest whole number in the last bits */
    v8           n = t * 1.4426950408889634 + round, r = (n - round) * 0.6931471805599453 - t, e = r / 3628800 + 1.0 / 362880;

    e = e * r + 1.0 / 40320;
    e = e * r + 1.0 / 5040;
    e = e * r + 1.0 / 720;
    e = e * r + 1.0 / 120;
    e = e * r + 1.0 / 24;
    e = e * r + 1.0 / 6;
    e = e * r + 0.5;
    e = e * r + 1;
    e = e * r + 1;
    return e * (v8)(((i8){ 0 } + 1023 - (i8)n) << 52);
}

/* c[0] t^(n-1) + ... + c[n-1] */
BM_INLINE v8 polynomial(v8 t, const double *c, int n)
{
    v8 v = t * c[0] + c[1];

    for (int k = 2; k < n; k++) v = v * t + c[k];
    return v;
}

/* Phi(a); density: exp(-a^2 / 2) */
BM_INLINE v8 normal_cdf(v8 a, v8 *density)
{
    static const double NUM[] = { 0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931, 220.206867912376 };
    static const double DEN[] = { 0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831, 793.826512519948, 440.413735824752 };
    v8 t = v8_choose(a < 0, -a, a), tail;
    i8 near = t < FAR;

    t = v8_choose(near, t, v8_splat(FAR));
    *density = (v8)((i8)exp_minus(0.5 * t * t) & near);
    tail = *density * polynomial(t, NUM, 7) / polynomial(t, DEN, 8);
    return v8_choose(a < 0, tail, 1 - tail);
}

/* Mixtures j .. j + 7 of n: component k has mean d[k n] and 1/sd w[k n]. Standardised: their skewness and excess kurtosis. */
typedef struct { size_t K, n; double *d, *w; v8 skew, kurtosis; } side;

/* Every mixture to mean 0 and sd 1; sds to their inverses. */
BM_INLINE void standardise(side *s)
{
    v8 mean = v8_splat(0), var = v8_splat(0), scale = var;
    i8 some;

    for (size_t k = 0; k < s->K; k++) mean += v8_load(s->d + k * s->n);
    mean /= (double)s->K;
    for (size_t k = 0; k < s->K; k++) {
        v8 d = v8_load(s->d + k * s->n) - mean, sd = v8_load(s->w + k * s->n);

        var += d * d + sd * sd;
    }
    var /= (double)s->K;
    some = var > 0;
    for (int l = 0; l < V8_LANES; l++) scale[l] = some[l] ? 1 / sqrt(var[l]) : 0;
    s->skew = s->kurtosis = v8_splat(0);
    for (size_t k = 0; k < s->K; k++) {
        v8 sd = v8_load(s->w + k * s->n) * scale, d = (v8_load(s->d + k * s->n) - mean) * scale, dd = d * d, ss = sd * sd;

        s->skew += d * (dd + 3 * ss);
        s->kurtosis += dd * (dd + 6 * ss) + 3 * ss * ss;
        v8_store(s->d + k * s->n, d);
        sd = v8_choose(sd > SHARPEST, sd, v8_splat(SHARPEST));
        v8_store(s->w + k * s->n, v8_choose(some, 1 / sd, v8_splat(1)));     /* all in one point: q follows the normal */
    }
    s->skew = v8_choose(some, s->skew / (double)s->K, v8_splat(0));
    s->kurtosis = v8_choose(some, s->kurtosis / (double)s->K - 3, v8_splat(0));
}

/* Where the quantile of a nearly normal distribution lies: z bent by skewness and kurtosis (Cornish & Fisher 1938). */
BM_INLINE v8 guess(const side *s, double z)
{
    return z + s->skew * ((z * z - 1) / 6) + s->kurtosis * ((z * z * z - 3 * z) / 24) - s->skew * s->skew * ((2 * z * z * z - 5 * z) / 36);
}

/* F, F' and F'' at x. */
BM_INLINE void curve(const side *s, v8 x, v8 *F, v8 *slope, v8 *bend)
{
    v8 f = v8_splat(0), f1 = f, f2 = f;

    for (size_t k = 0; k < s->K; k++) {
        v8 w = v8_load(s->w + k * s->n), a = (x - v8_load(s->d + k * s->n)) * w, e;

        f += normal_cdf(a, &e);
        e *= w;
        f1 += e;
        f2 -= a * w * e;
    }
    *F = f / (double)s->K;
    *slope = f1 * (M_2_SQRTPI * M_SQRT1_2 / 2 / (double)s->K);
    *bend = f2 * (M_2_SQRTPI * M_SQRT1_2 / 2 / (double)s->K);
}

/* The next step would be its cube. A NaN has done with moving. */
BM_INLINE bool any_far(v8 newton, v8 width)
{
    bool far = false;

    for (int l = 0; l < V8_LANES; l++) far |= fabs(newton[l]) > NEAR && width[l] > 1e-13;
    return far;
}

/* slope: F' there */
BM_INLINE v8 root(const side *s, double p, double z, v8 *slope)
{
    v8 lo = v8_splat(INFINITY), hi = -lo, x = guess(s, z);

    for (size_t k = 0; k < s->K; k++) {
        v8 q = v8_load(s->d + k * s->n) + z / v8_load(s->w + k * s->n);

        lo = v8_choose(q < lo, q, lo);
        hi = v8_choose(q > hi, q, hi);
    }
    x = v8_choose(x < lo, lo, x);
    x = v8_choose(x > hi, hi, x);
    for (int i = 0; i < 100; i++) {
        v8 F, bend, newton, h, next;

        curve(s, x, &F, slope, &bend);
        F -= p;
        lo = v8_choose(F > 0, lo, x);
        hi = v8_choose(F > 0, x, hi);
        newton = F / *slope;
        h = newton * bend / *slope * 0.5;
        h = v8_choose(h < -0.5, v8_splat(-0.5), h);
        h = v8_choose(h > 0.5, v8_splat(0.5), h);                            /* a step between two thirds of Newton's and twice that */
        next = x - newton / (1 - h);
        next = v8_choose(((next > lo) & (next < hi)) | ((newton < NEAR) & (newton > -NEAR)), next, 0.5 * (lo + hi));
        x = v8_choose(F != 0, next, x);
        if (!any_far(newton, hi - lo)) break;
    }
    return x;
}

/* After the mixture has been standardised, the components an independent sample: what one of them adds to the root, less what it adds to it by the mixture's mean
 * and sd. shape: standard error of the root; moments: sd of the other. */
BM_INLINE void root_error(const side *s, double p, v8 x, v8 slope, double *shape, double *moments)
{
    v8 a = v8_splat(0), b = a;

    for (size_t k = 0; k < s->K; k++) {
        v8 w = v8_load(s->w + k * s->n), d = v8_load(s->d + k * s->n), e, v = d + 0.5 * x * (d * d + 1 / (w * w) - 1);

        b += v * v;
        v = (p - normal_cdf((x - d) * w, &e)) / slope - v;
        a += v * v;
    }
    for (int l = 0; l < V8_LANES; l++) {
        shape[l] = sqrt(a[l] / (double)s->K / (double)(s->K > 1 ? s->K - 1 : 1));
        moments[l] = sqrt(b[l] / (double)(s->K > 1 ? s->K - 1 : 1));
    }
}

/* (Clones are exported whatever their visibility: they are static, behind plain functions.) */
BM_CLONES static void quantiles(size_t K, size_t n, double *mean, double *sd, const double *prob, const double *z, size_t nprob, double *q, double *se)
{
    for (size_t j = 0; j < n; j += V8_LANES) {
        side s = { .K = K, .n = n, .d = mean + j, .w = sd + j };

        standardise(&s);
        for (size_t i = 0; i < nprob; i++) {
            v8 slope, x = root(&s, prob[i], z[i], &slope);

            v8_store(q + i * n + j, x);
            if (se) root_error(&s, prob[i], x, slope, se + i * n + j, se + (nprob + i) * n + j);
        }
    }
}

void bm_normals_quantiles(size_t K, size_t n, double *mean, double *sd, const double *prob, size_t nprob, double *q, double *se)
{
    double z[BM_NORMALS_PROBS];

    for (size_t i = 0; i < nprob; i++) z[i] = gsl_cdf_ugaussian_Pinv(prob[i]);
    quantiles(K, n, mean, sd, prob, z, nprob, q, se);
}
