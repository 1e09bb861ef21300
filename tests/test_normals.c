/* Quantiles of mixtures of normal distributions: against a naive twin in long doubles (bisection of a sum of erfcl), for mixtures of every shape; and their
 * standard errors, against quantiles of very many samples of components. */
#include "testing.h"

#include "draws/draws.h"

#include <math.h>

static const double PROB[] = { 0.001, 0.025, 0.05, 0.25, 0.5, 0.9, 0.975, 0.999 };
enum { NPROB = 8 };

static long double naive_cdf(size_t K, const double *mean, const double *sd, size_t stride, long double x)
{
    long double F = 0;

    for (size_t k = 0; k < K; k++) F += 0.5L * erfcl(-(x - mean[k * stride]) / sd[k * stride] * sqrtl(0.5L));
    return F / (long double)K;
}

static double naive_quantile(size_t K, const double *mean, const double *sd, size_t stride, double p)
{
    long double lo = INFINITY, hi = -INFINITY;

    for (size_t k = 0; k < K; k++) {
        lo = fminl(lo, mean[k * stride] - 10 * (long double)sd[k * stride]);
        hi = fmaxl(hi, mean[k * stride] + 10 * (long double)sd[k * stride]);
    }
    for (int i = 0; i < 120; i++) {
        long double mid = 0.5L * (lo + hi);

        if (naive_cdf(K, mean, sd, stride, mid) > p) hi = mid;
        else lo = mid;
    }
    return (double)lo;
}

static void naive_moments(size_t K, const double *mean, const double *sd, size_t stride, double *m, double *s)
{
    long double a = 0, b = 0;

    for (size_t k = 0; k < K; k++) a += (long double)mean[k * stride] / (long double)K;
    for (size_t k = 0; k < K; k++)
        b += ((mean[k * stride] - a) * (mean[k * stride] - a) + (long double)sd[k * stride] * sd[k * stride]) / (long double)K;
    *m = (double)a;
    *s = (double)sqrtl(b);
}

enum { NEARLY_NORMAL, WIDE_SDS, FAR_APART, ONE_SPREAD, SHARP, SHIFTED, SHAPES };

static void component(bm_rng *rng, int shape, double *mean, double *sd)
{
    double z = bm_rng_normal(rng);

    switch (shape) {
    case NEARLY_NORMAL: *mean = 3 + 0.1 * z; *sd = exp(0.05 * bm_rng_normal(rng)); break;
    case WIDE_SDS: *mean = z; *sd = exp(2 * bm_rng_normal(rng)); break;
    case FAR_APART: *mean = z > 0 ? 40 : -40; *sd = 1 + 0.2 * bm_rng_uniform(rng); break;
    case ONE_SPREAD: *mean = z; *sd = bm_rng_uniform(rng) < 0.05 ? 100 : 0.1; break;
    case SHARP: *mean = z; *sd = 1e-4; break;
    default: *mean = 1e6 + z; *sd = 0.5; break;
    }
}

static void test_quantiles_agree_with_bisection(void **state)
{
    enum { N = 24, MOST = 300 };
    static const size_t sizes[] = { 1, 2, 7, 32, MOST };
    static double       mean[MOST * N], sd[MOST * N], m[MOST * N], s[MOST * N], q[NPROB * N];
    bm_rng              rng;
    size_t              compared = 0;

    (void)state;
    bm_rng_key(&rng, 11, 0, 0);
    for (int round = 0; round < 4; round++)
        for (size_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
            size_t K = sizes[c];

            for (size_t k = 0; k < K; k++)
                for (size_t j = 0; j < N; j++) component(&rng, (int)(j % SHAPES), &mean[k * N + j], &sd[k * N + j]);
            memcpy(m, mean, sizeof m);
            memcpy(s, sd, sizeof s);
            bm_normals_quantiles(K, N, m, s, PROB, NPROB, q, NULL);
            for (size_t j = 0; j < N; j++)
                for (size_t i = 0; i < NPROB; i++) {
                    double centre, scale, want = naive_quantile(K, mean + j, sd + j, N, PROB[i]), x;
                    double tol = j % SHAPES == SHIFTED ? 1e-9 : 1e-10;

                    naive_moments(K, mean + j, sd + j, N, &centre, &scale);
                    x = centre + scale * q[i * N + j];
                    compared++;
                    if (fabs(x - want) <= tol * scale) continue;
                    /* between two heaps the root may be anywhere that double precision cannot tell from it */
                    if (fabs((double)(naive_cdf(K, mean + j, sd + j, N, x) - PROB[i])) < 1e-11) continue;
                    fail_msg("shape %zu, %zu components, p = %g: %.17g, not %.17g (sd %g; F - p = %Lg)", j % SHAPES, K, PROB[i], x, want, scale, naive_cdf(K, mean + j, sd + j, N, x) - PROB[i]);
                }
        }
    assert_int_equal(compared, 4 * 5 * N * NPROB);
}

static void test_components_in_one_point_follow_the_normal(void **state)
{
    double mean[16], sd[16] = { 0 }, q[8], p = 0.975;

    (void)state;
    for (size_t i = 0; i < 16; i++) mean[i] = 7;
    sd[3] = sd[11] = NAN;
    bm_normals_quantiles(2, 8, mean, sd, &p, 1, q, NULL);
    for (size_t j = 0; j < 8; j++) bm_assert_near(q[j], 1.959963984540054, 1e-12);
}

/* Variance over SAMPLES samples of m + z s, the sums of whose moments these are. */
static double variance_of(const double *sum, double z)
{
    return sum[2] + 2 * z * sum[3] + z * z * sum[4] - (sum[0] + z * sum[1]) * (sum[0] + z * sum[1]);
}

/* Over SAMPLES samples of K components each the quantiles, mean and sd put right, spread by as much as their standard errors say; and so do mean + q sd for the
 * sds of what a single component adds. The ratio of two variances has a relative sd of sqrt(2 / SAMPLES) = 2.2 % where they are normal; 13 % is nearly six of them
 * (false alarms below 1e-7), and standard errors off by a tenth are off by a fifth in variance. */
static void test_standard_errors(void **state)
{
    enum { SAMPLES = 4000, K = 512, N = 8, OF = 2 };
    static const double p[] = { 0.05, 0.5, 0.975 };
    static double       m[K * N], s[K * N], q[3 * N], se[6 * N];
    double              sum[OF][3] = { { 0 } }, square[OF][3] = { { 0 } }, shape[OF][3] = { { 0 } }, moments[OF][3] = { { 0 } }, of[OF][5] = { { 0 } };
    bm_rng              rng;

    (void)state;
    bm_rng_key(&rng, 12, 0, 0);
    for (size_t r = 0; r < SAMPLES; r++) {
        for (size_t k = 0; k < K; k++)
            for (size_t j = 0; j < N; j++) {
                double z = bm_rng_normal(&rng);      /* half of the variance between the components; skew, and of many sds */

                m[k * N + j] = j == 0 ? z : fabs(z);
                s[k * N + j] = j == 0 ? 1 : 1 + 0.3 * fabs(z);
            }
        for (size_t j = 0; j < OF; j++) {
            double mean, sd;

            naive_moments(K, m + j, s + j, N, &mean, &sd);
            double now[] = { mean, sd, mean * mean, mean * sd, sd * sd };
            for (size_t i = 0; i < 5; i++) of[j][i] += now[i] / SAMPLES;
        }
        bm_normals_quantiles(K, N, m, s, p, 3, q, se);
        for (size_t j = 0; j < OF; j++)
            for (size_t i = 0; i < 3; i++) {
                sum[j][i] += q[i * N + j] / SAMPLES;
                square[j][i] += q[i * N + j] * q[i * N + j] / SAMPLES;
                shape[j][i] += se[i * N + j] * se[i * N + j] / SAMPLES;
                moments[j][i] += se[(3 + i) * N + j] * se[(3 + i) * N + j] / SAMPLES;
            }
    }
    for (size_t j = 0; j < OF; j++)
        for (size_t i = 0; i < 3; i++) {
            double spread = square[j][i] - sum[j][i] * sum[j][i], other = variance_of(of[j], sum[j][i]) / (of[j][1] * of[j][1]);

            print_message("%g: sd %.4f, ratio of variances %.3f; of mean and sd: %.4f, %.3f\n", p[i], sqrt(spread), shape[j][i] / spread, sqrt(other), moments[j][i] / K / other);
            assert_true(fabs(shape[j][i] / spread - 1) < 0.13);
            assert_true(fabs(moments[j][i] / K / other - 1) < 0.13);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_quantiles_agree_with_bisection), cmocka_unit_test(test_components_in_one_point_follow_the_normal),
                                        cmocka_unit_test(test_standard_errors) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
