/* test_rng.c: random streams against published values and exact distributions.
 * Statistical tests have fixed seeds, so they do not fail by chance; with any other seed each would raise a false alarm
 * with probability below 1e-7 (ALARM), all of them together below 1e-5. What they can see is tested too: draws off by 1 or
 * 2 % in scale must not pass. */
#include "base/base.h"
#include "base/ziggurat.h"
#include "testing.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>

#define ALARM 1e-7

static bool sigmas_fit(double z)                             /* z: standard normal under the null */
{
    return 2 * gsl_cdf_ugaussian_Q(fabs(z)) > ALARM;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Kolmogorov-Smirnov: u are the probabilities of the draws under their distribution; sorted here. */
static bool ks_fits(double *u, size_t n)
{
    double d = 0;

    qsort(u, n, sizeof *u, ascending);
    for (size_t i = 0; i < n; i++) d = fmax(d, fmax((double)(i + 1) / (double)n - u[i], u[i] - (double)i / (double)n));
    return 2 * exp(-2 * (double)n * d * d) > ALARM;
}

static bool chisq_fits(const double *seen, const double *expected, size_t n)
{
    double q = 0;

    for (size_t i = 0; i < n; i++) q += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
    return gsl_cdf_chisq_Q(q, (double)(n - 1)) > ALARM && gsl_cdf_chisq_P(q, (double)(n - 1)) > ALARM;
}

/* ---- the generator ---- */

/* First outputs of Vigna's splitmix64.c from state 1234567. */
static void test_splitmix64_gives_the_published_values(void **state)
{
    uint64_t s = 1234567, want[] = { 6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                     4593380528125082431u, 16408922859458223821u };

    (void)state;
    for (size_t i = 0; i < 5; i++) assert_true(bm_splitmix64(&s) == want[i]);
}

/* First outputs of Blackman and Vigna's xoshiro256plusplus.c from state 1, 2, 3, 4. */
static void test_xoshiro256pp_gives_the_published_values(void **state)
{
    bm_rng   r = { { 1, 2, 3, 4 } };
    uint64_t want[] = { 41943041u, 58720359u, 3588806011781223u, 3591011842654386u, 9228616714210784205u, 9973669472204895162u,
                        14011001112246962877u, 12406186145184390807u, 15849039046786891736u, 10450023813501588000u };

    (void)state;
    for (size_t i = 0; i < 10; i++) assert_true(bm_rng_u64(&r) == want[i]);
}

static void test_same_key_same_stream(void **state)
{
    bm_rng a, b;

    (void)state;
    bm_rng_key(&a, 7, 1, 2);
    bm_rng_key(&b, 7, 1, 2);
    assert_memory_equal(&a, &b, sizeof a);
    for (int i = 0; i < 100; i++) assert_true(bm_rng_normal(&a) == bm_rng_normal(&b));
    bm_rng_key(&a, 7, 1, 2);                                 /* the places of a key's parts matter */
    bm_rng_key(&b, 7, 2, 1);
    assert_true(bm_rng_u64(&a) != bm_rng_u64(&b));
    bm_rng_key(&b, 1, 7, 2);
    assert_true(bm_rng_u64(&a) != bm_rng_u64(&b));
}

/* Each of the 192 bits of a key, flipped, flips each of the 256 bits of state half the time. */
static void test_every_key_bit_stirs_every_state_bit(void **state)
{
    enum { TRIALS = 2048 };
    static int flips[192][256];
    bm_rng     key, r, s;
    double     worst = 0;

    (void)state;
    memset(flips, 0, sizeof flips);
    bm_rng_key(&key, 20, 1, 1);
    for (int t = 0; t < TRIALS; t++) {
        uint64_t k[3] = { t % 2 ? bm_rng_u64(&key) : (uint64_t)t, t % 3 ? bm_rng_u64(&key) : (uint64_t)t,
                          bm_rng_u64(&key) % 100 };

        bm_rng_key(&r, k[0], k[1], k[2]);
        for (int bit = 0; bit < 192; bit++) {
            k[bit / 64] ^= 1ull << (bit % 64);
            bm_rng_key(&s, k[0], k[1], k[2]);
            k[bit / 64] ^= 1ull << (bit % 64);
            for (int b = 0; b < 256; b++) flips[bit][b] += (int)((r.s[b / 64] ^ s.s[b / 64]) >> (b % 64) & 1);
        }
    }
    for (int i = 0; i < 192; i++)
        for (int j = 0; j < 256; j++) worst = fmax(worst, fabs(flips[i][j] - TRIALS / 2.0) / sqrt(TRIALS / 4.0));
    assert_true(192 * 256 * 2 * gsl_cdf_ugaussian_Q(worst) > ALARM);
}

/* Two streams of neighbouring keys: correlation of their normals. z is standard normal if there is none. */
static double stream_correlation(uint64_t seed, uint64_t a, uint64_t b, uint64_t dseed, uint64_t da, uint64_t db)
{
    enum { N = 20000 };
    bm_rng r, s;
    double sum = 0;

    bm_rng_key(&r, seed, a, b);
    bm_rng_key(&s, seed + dseed, a + da, b + db);
    for (int i = 0; i < N; i++) sum += bm_rng_normal(&r) * bm_rng_normal(&s);
    return sum / sqrt(N);
}

static void test_streams_of_neighbouring_keys_are_uncorrelated(void **state)
{
    double total = 0;
    int    pairs = 0;

    (void)state;
    for (uint64_t k = 0; k < 60; k++) {
        double z[3] = { stream_correlation(k, 0, 0, 1, 0, 0), stream_correlation(1, k, 3, 0, 1, 0),
                        stream_correlation(1, 3, k, 0, 0, 1) };

        for (int i = 0; i < 3; i++, pairs++) {
            assert_true(sigmas_fit(z[i]));
            total += z[i] * z[i];
        }
    }
    assert_true(gsl_cdf_chisq_Q(total, pairs) > ALARM);
}

/* The first draws of a run of keys are as good as the draws of one stream. */
static void test_first_draws_of_consecutive_keys_are_uniform(void **state)
{
    enum { N = 200000 };
    double *u = malloc(N * sizeof *u), serial = 0;
    bm_rng  r;

    (void)state;
    assert_non_null(u);
    for (int which = 0; which < 3; which++) {
        for (uint64_t i = 0; i < N; i++) {
            bm_rng_key(&r, which == 0 ? i : 1, which == 1 ? i : 5, which == 2 ? i : 9);
            u[i] = bm_rng_uniform(&r);
        }
        serial = 0;
        for (int i = 1; i < N; i++) serial += (u[i] - 0.5) * (u[i - 1] - 0.5) * 12;
        assert_true(sigmas_fit(serial / sqrt(N - 1)));
        assert_true(ks_fits(u, N));
    }
    free(u);
}

/* ---- uniform ---- */

static void test_uniform_is_never_0_or_1(void **state)
{
    bm_rng zeros = { { 0, 5, 6, 0 } }, ones = { { ~0ull, 5, 6, 1 } }, z = zeros, o = ones;

    (void)state;
    assert_true(bm_rng_u64(&z) == 0 && bm_rng_u64(&o) == ~0ull);   /* the extremes of what it is made from */
    assert_true(bm_rng_uniform(&zeros) == 0x1p-53);
    assert_true(bm_rng_uniform(&ones) == 1 - 0x1p-53);
}

static void test_uniform_is_uniform(void **state)
{
    enum { N = 1000000, BINS = 1024 };
    double *u = malloc(N * sizeof *u), seen[BINS] = { 0 }, low[BINS] = { 0 }, expected[BINS];
    bm_rng  r;

    (void)state;
    assert_non_null(u);
    bm_rng_key(&r, 1, 1, 1);
    for (int i = 0; i < N; i++) {
        u[i] = bm_rng_uniform(&r);
        seen[(int)(u[i] * BINS)]++;
        low[(int)(fmod(u[i] * 0x1p40, 1) * BINS)]++;         /* the 12 bits below 2^-40 */
    }
    for (int i = 0; i < BINS; i++) expected[i] = (double)N / BINS;
    assert_true(chisq_fits(seen, expected, BINS));
    assert_true(chisq_fits(low, expected, BINS));
    assert_true(ks_fits(u, N));
    free(u);
}

/* ---- normal ---- */

static void test_ziggurat_layers_have_equal_area(void **state)
{
    double r = zig_x[1], v = r * exp(-r * r / 2) + sqrt(2 * M_PI) * gsl_cdf_ugaussian_Q(r);

    (void)state;
    assert_true(zig_x[256] == 0 && zig_y[256] == 1);
    bm_assert_near(zig_x[0] * zig_y[1], v, 1e-14);
    for (int i = 0; i <= 256; i++) bm_assert_near(zig_y[i], exp(-zig_x[i] * zig_x[i] / 2), 1e-14);
    for (int i = 1; i < 256; i++) {
        assert_true(zig_x[i] > zig_x[i + 1]);
        bm_assert_near(zig_x[i] * (zig_y[i + 1] - zig_y[i]), v, 1e-12);
    }
}

/* Moments 1 to 6 and, between the edges of the ziggurat's layers, frequencies; z: n draws. */
static bool normal_fits(const double *z, size_t n)
{
    static const double moment[13] = { 1, 0, 1, 0, 3, 0, 15, 0, 105, 0, 945, 0, 10395 };
    double              m[7] = { 0 }, seen[512] = { 0 }, expected[512], N = (double)n;
    bool                fits = true;

    for (size_t i = 0; i < n; i++) {
        double p = 1, a = fabs(z[i]);
        int    lo = 0, hi = 256;                             /* the layer edge: zig_x[lo + 1] <= a < zig_x[lo] */

        for (int k = 1; k <= 6; k++) m[k] += p *= z[i];
        while (hi - lo > 1) {
            int mid = (lo + hi) / 2;

            if (a < zig_x[mid]) lo = mid;
            else hi = mid;
        }
        seen[z[i] < 0 ? lo : 256 + lo]++;
    }
    for (int k = 1; k <= 6; k++)
        fits = fits && sigmas_fit((m[k] / N - moment[k]) / sqrt((moment[2 * k] - moment[k] * moment[k]) / N));
    for (int i = 0; i < 256; i++) {
        double upper = i ? gsl_cdf_ugaussian_P(zig_x[i]) : 1;    /* the first takes all beyond zig_x[1] */

        expected[i] = expected[256 + i] = N * (upper - gsl_cdf_ugaussian_P(zig_x[i + 1]));
    }
    return chisq_fits(seen, expected, 512) && fits;
}

static void test_normal_is_normal_in_every_layer(void **state)
{
    enum { N = 4000000 };
    double *z = malloc(N * sizeof *z), *u = malloc(200000 * sizeof *u);
    bm_rng  r;

    (void)state;
    assert_true(z && u);
    bm_rng_key(&r, 2, 1, 1);
    bm_rng_normals(&r, z, N);
    assert_true(normal_fits(z, N));
    for (int i = 0; i < 200000; i++) u[i] = gsl_cdf_ugaussian_P(z[i]);
    assert_true(ks_fits(u, 200000));
    for (int i = 0; i < N; i++) z[i] *= 1.005;               /* what the test sees: half a per cent of scale, of shift */
    assert_false(normal_fits(z, N));
    for (int i = 0; i < N; i++) z[i] = z[i] / 1.005 + 0.005;
    assert_false(normal_fits(z, N));
    free(z);
    free(u);
}

/* Draws beyond r, where the ziggurat's last layer hands over: their number, their mean excess, their distribution. */
static bool tail_fits(double *tail, size_t m, double n, double stretch)
{
    double r = zig_x[1], p = 2 * gsl_cdf_ugaussian_Q(r), mills = exp(-r * r / 2) / sqrt(2 * M_PI) / gsl_cdf_ugaussian_Q(r),
        mean = 0;
    double var = 1 + r * mills - mills * mills;              /* of z | z > r, whose mean is mills */

    for (size_t i = 0; i < m; i++) {
        double z = r + stretch * (fabs(tail[i]) - r);

        mean += z / (double)m;
        tail[i] = gsl_cdf_ugaussian_Q(z) / gsl_cdf_ugaussian_Q(r);
    }
    return sigmas_fit(((double)m - n * p) / sqrt(n * p * (1 - p))) && sigmas_fit((mean - mills) / sqrt(var / (double)m))
        && ks_fits(tail, m);
}

static void test_normal_tail_is_exact(void **state)
{
    enum { N = 60000000, BLOCK = 1000, ROOM = 30000 };
    double z[BLOCK], *tail = malloc(ROOM * sizeof *tail), *copy = malloc(ROOM * sizeof *copy);
    size_t m = 0, negative = 0;
    bm_rng r;

    (void)state;
    assert_true(tail && copy);
    bm_rng_key(&r, 3, 1, 1);
    for (int i = 0; i < N; i += BLOCK) {
        bm_rng_normals(&r, z, BLOCK);
        for (int k = 0; k < BLOCK; k++)
            if (fabs(z[k]) > zig_x[1] && m < ROOM) {
                negative += z[k] < 0;
                tail[m++] = z[k];
            }
    }
    assert_true(sigmas_fit(((double)negative - 0.5 * (double)m) / sqrt(0.25 * (double)m)));
    memcpy(copy, tail, m * sizeof *tail);
    assert_false(tail_fits(copy, m, N, 1.05));               /* what the test sees: 5 % of the tail's length, ... */
    memcpy(copy, tail, m * sizeof *tail);
    assert_false(tail_fits(copy, m - m / 20, N, 1));         /* ... 5 % of its mass */
    assert_true(tail_fits(tail, m, N, 1));
    free(tail);
    free(copy);
}

static void test_one_by_one_and_in_blocks_are_the_same_normals(void **state)
{
    double z[1000];
    bm_rng a, b;

    (void)state;
    bm_rng_key(&a, 4, 1, 1);
    b = a;
    bm_rng_normals(&a, z, 1000);
    for (int i = 0; i < 1000; i++) assert_true(z[i] == bm_rng_normal(&b));
    assert_memory_equal(&a, &b, sizeof a);
}

/* ---- gamma, beta, chi-square ---- */

typedef double draw_fn(bm_rng *r, double a, double b);
typedef double cdf_fn(double x, double a, double b);

static double draw_gamma(bm_rng *r, double a, double b)
{
    (void)b;
    return bm_rng_gamma(r, a);
}

static double cdf_gamma(double x, double a, double b)
{
    (void)b;
    return gsl_cdf_gamma_P(x, a, 1);
}

static double draw_chisq(bm_rng *r, double a, double b)
{
    (void)b;
    return bm_rng_chisq(r, a);
}

static double cdf_chisq(double x, double a, double b)
{
    (void)b;
    return gsl_cdf_chisq_P(x, a);
}

/* Mean, variance (given with the fourth central moment) and distribution of N draws times scale. */
static bool draws_fit(draw_fn *draw, cdf_fn *cdf, double a, double b, double mean, double var, double m4, double scale)
{
    enum { N = 1000000, KS = 100000 };
    static double u[KS];
    double        s1 = 0, s2 = 0;
    bm_rng        r;

    bm_rng_key(&r, 5, (uint64_t)(a * 1000), (uint64_t)(b * 1000));
    for (int i = 0; i < N; i++) {
        double x = scale * draw(&r, a, b);

        s1 += x - mean;
        s2 += (x - mean) * (x - mean);
        if (i < KS) u[i] = cdf(x, a, b);
    }
    return sigmas_fit(s1 / N / sqrt(var / N)) && sigmas_fit((s2 / N - var) / sqrt((m4 - var * var) / N)) && ks_fits(u, KS);
}

static bool gamma_fits(double k, double scale)
{
    return draws_fit(draw_gamma, cdf_gamma, k, 0, k, k, 3 * k * k + 6 * k, scale);
}

static void test_gamma_has_its_distribution(void **state)
{
    double shape[] = { 0.05, 0.3, 0.999, 1, 1.5, 2.5, 50, 10000 };

    (void)state;
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        assert_true(gamma_fits(shape[i], 1));
        if (shape[i] > 0.1) assert_false(gamma_fits(shape[i], 1.02));   /* what the test sees: 2 % of scale */
        if (shape[i] > 2) assert_false(gamma_fits(shape[i], 1.01));
    }
}

static void test_chisq_has_its_distribution(void **state)
{
    double df[] = { 0.5, 1, 3, 20 };

    (void)state;
    for (size_t i = 0; i < sizeof df / sizeof *df; i++) {
        double k = df[i];

        assert_true(draws_fit(draw_chisq, cdf_chisq, k, 0, k, 2 * k, 12 * k * k + 48 * k, 1));
        assert_false(draws_fit(draw_chisq, cdf_chisq, k, 0, k, 2 * k, 12 * k * k + 48 * k, 0.98));
    }
}

static void test_beta_has_its_distribution(void **state)
{
    double par[][2] = { { 0.5, 0.5 }, { 2, 3 }, { 0.02, 3 }, { 30, 1 }, { 1, 1 }, { 0.7, 12 } };

    (void)state;
    for (size_t i = 0; i < sizeof par / sizeof *par; i++) {
        double a = par[i][0], b = par[i][1], s = a + b, mean = a / s, var = a * b / (s * s * (s + 1));
        double excess = 6 * ((a - b) * (a - b) * (s + 1) - a * b * (s + 2)) / (a * b * (s + 2) * (s + 3));

        assert_true(draws_fit(bm_rng_beta, gsl_cdf_beta_P, a, b, mean, var, (excess + 3) * var * var, 1));
        if (a > 0.1) assert_false(draws_fit(bm_rng_beta, gsl_cdf_beta_P, a, b, mean, var, (excess + 3) * var * var, 0.98));
    }
}

/* Both gamma variates of a beta with tiny parameters are often 0 in double: the ratio must not be 0/0. */
static void test_beta_of_tiny_parameters_is_a_number(void **state)
{
    bm_rng r;
    double ones = 0, N = 100000;

    (void)state;
    bm_rng_key(&r, 6, 1, 1);
    for (int i = 0; i < (int)N; i++) {
        double x = bm_rng_beta(&r, 1e-4, 3e-4);

        assert_true(x >= 0 && x <= 1);
        ones += x > 0.5;
    }
    assert_true(sigmas_fit((ones - 0.25 * N) / sqrt(N * 0.25 * 0.75 + 1)));   /* nearly Bernoulli(a / (a + b)) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splitmix64_gives_the_published_values),
        cmocka_unit_test(test_xoshiro256pp_gives_the_published_values),
        cmocka_unit_test(test_same_key_same_stream),
        cmocka_unit_test(test_every_key_bit_stirs_every_state_bit),
        cmocka_unit_test(test_streams_of_neighbouring_keys_are_uncorrelated),
        cmocka_unit_test(test_first_draws_of_consecutive_keys_are_uniform),
        cmocka_unit_test(test_uniform_is_never_0_or_1),
        cmocka_unit_test(test_uniform_is_uniform),
        cmocka_unit_test(test_ziggurat_layers_have_equal_area),
        cmocka_unit_test(test_normal_is_normal_in_every_layer),
        cmocka_unit_test(test_normal_tail_is_exact),
        cmocka_unit_test(test_one_by_one_and_in_blocks_are_the_same_normals),
        cmocka_unit_test(test_gamma_has_its_distribution),
        cmocka_unit_test(test_chisq_has_its_distribution),
        cmocka_unit_test(test_beta_has_its_distribution),
        cmocka_unit_test(test_beta_of_tiny_parameters_is_a_number),
    };

    gsl_set_error_handler_off();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
