/* Bands and p-values of ranks against every case: all K^n ways that n values can fall into K cells; scores against their definition. */
#include "testing.h"

#include "draws/draws.h"

#include <gsl/gsl_cdf.h>

enum { N = 6, K = 4, ALL = 4096 };                   /* K^N */

static void counts_of(int code, size_t *count)
{
    memset(count, 0, K * sizeof *count);
    for (int i = 0; i < N; i++, code /= K) count[code % K]++;
    for (int k = 1; k < K; k++) count[k] += count[k - 1];
}

/* The smaller of both pointwise tail probabilities, where it is smallest: what Saeilynoja et al. call gamma / 2. */
static double extremity(const size_t *count)
{
    double least = 1;

    for (unsigned k = 0; k + 1 < K; k++) {
        double z = (k + 1) / (double)K, below = gsl_cdf_binomial_P((unsigned)count[k], z, N);
        double above = count[k] ? gsl_cdf_binomial_Q((unsigned)count[k] - 1, z, N) : 1;

        least = fmin(least, fmin(below, above));
    }
    return least;
}

static void test_pvalue_is_the_share_of_all_cases_that_are_as_extreme(void **state)
{
    static double extreme[ALL];
    bm_uniform   *u = NULL;
    bm_error      err = { 0 };
    size_t        count[K];

    (void)state;
    bm_assert_ok(bm_uniform_new(&u, N, K, &err), err);
    for (int i = 0; i < ALL; i++) {
        counts_of(i, count);
        extreme[i] = extremity(count);
    }
    for (int i = 0; i < ALL; i += 7) {
        int as = 0;

        for (int j = 0; j < ALL; j++) as += extreme[j] <= extreme[i] * (1 + 1e-7);
        counts_of(i, count);
        bm_assert_near(bm_uniform_pvalue(u, count), as / (double)ALL, 1e-9);
    }
    bm_uniform_free(u);
}

static double coverage(const size_t *lo, const size_t *hi)
{
    size_t count[K];
    int    inside = 0;

    for (int i = 0; i < ALL; i++) {
        bool in = true;

        counts_of(i, count);
        for (int k = 0; k + 1 < K; k++) in &= count[k] >= lo[k] && count[k] <= hi[k];
        inside += in;
    }
    return inside / (double)ALL;
}

static void test_bands_hold_at_least_their_level_of_all_cases_and_no_narrower_ones_do(void **state)
{
    static const double level[] = { 0.5, 0.8, 0.9, 0.95, 0.99 };
    bm_uniform *u = NULL;
    bm_error    err = { 0 };

    (void)state;
    bm_assert_ok(bm_uniform_new(&u, N, K, &err), err);
    for (int i = 0; i < 5; i++) {
        size_t lo[K], hi[K], count[K];
        double least = 1;                            /* what is on the edge of the bands */

        bm_uniform_bands(u, level[i], lo, hi);
        assert_true(coverage(lo, hi) >= level[i]);
        for (int c = 0; c < ALL; c++) {
            bool in = true;

            counts_of(c, count);
            for (int k = 0; k + 1 < K; k++) in &= count[k] >= lo[k] && count[k] <= hi[k];
            if (in) least = fmin(least, extremity(count));
        }
        for (unsigned k = 0; k + 1 < K; k++) {       /* without those the level is missed */
            double z = (k + 1) / (double)K;

            while (fmin(gsl_cdf_binomial_P((unsigned)lo[k], z, N), 1) <= least * (1 + 1e-9)) lo[k]++;
            while (hi[k] && gsl_cdf_binomial_Q((unsigned)hi[k] - 1, z, N) <= least * (1 + 1e-9)) hi[k]--;
        }
        assert_true(coverage(lo, hi) < level[i]);
    }
    bm_uniform_free(u);
}

/* At n = 1000 and 100 cells, by simulation: 4000 sets, 95 % bands; 5 standard errors (two-sided 6e-7). */
static void test_bands_of_a_thousand_ranks_have_their_level(void **state)
{
    enum { SETS = 4000, VALUES = 1000, CELLS = 100 };
    size_t      lo[CELLS], hi[CELLS], inside = 0;
    bm_uniform *u = NULL;
    bm_error    err = { 0 };
    bm_rng      rng;

    (void)state;
    bm_rng_key(&rng, 11, 1, 1);
    bm_assert_ok(bm_uniform_new(&u, VALUES, CELLS, &err), err);
    bm_uniform_bands(u, 0.95, lo, hi);
    for (int s = 0; s < SETS; s++) {
        size_t count[CELLS] = { 0 }, sum = 0;
        bool   in = true;

        for (int i = 0; i < VALUES; i++) count[(size_t)(bm_rng_uniform(&rng) * CELLS)]++;
        for (int k = 0; k + 1 < CELLS; k++) {
            sum += count[k];
            in &= sum >= lo[k] && sum <= hi[k];
        }
        inside += in;
    }
    double share = (double)inside / SETS;
    if (fabs(share - 0.95) > 5 * sqrt(0.95 * 0.05 / SETS) + 0.002) fail_msg("%.4f of the sets are inside", share);   /* 0.002: counts are whole numbers */
    bm_uniform_free(u);
}

static void test_scores_see_shifts_and_spreads_in_standard_errors(void **state)
{
    enum { L = 99, n = 2000 };
    static int rank[n];
    double     mean, spread;
    bm_rng     rng;

    (void)state;
    bm_rng_key(&rng, 3, 1, 1);
    for (int i = 0; i < n; i++) rank[i] = i % (L + 1);
    bm_rank_scores(rank, n, 1, L, &mean, &spread);
    assert_true(fabs(mean) < 1e-9 && fabs(spread) < 1e-9);           /* exactly even */
    for (int i = 0; i < n; i++) rank[i] = (int)(gsl_cdf_ugaussian_P(0.2 + bm_rng_normal(&rng)) * (L + 1));
    bm_rank_scores(rank, n, 1, L, &mean, &spread);
    bm_assert_near(mean, 0.2 * sqrt(n), 0.25);
    for (int i = 0; i < n; i++) rank[i] = (int)(gsl_cdf_ugaussian_P(1.2 * bm_rng_normal(&rng)) * (L + 1));
    bm_rank_scores(rank, n, 1, L, &mean, &spread);
    bm_assert_near(spread, 0.44 * sqrt(n / 2.0), 0.25);              /* E z^2 - 1 over its standard error */
    for (int i = 0; i < n; i += 2) rank[i] = -1;
    bm_rank_scores(rank, n, 1, L, &mean, &spread);
    bm_assert_near(spread, 0.44 * sqrt(n / 4.0), 0.35);              /* those that do not count are passed over */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pvalue_is_the_share_of_all_cases_that_are_as_extreme),
        cmocka_unit_test(test_bands_hold_at_least_their_level_of_all_cases_and_no_narrower_ones_do),
        cmocka_unit_test(test_bands_of_a_thousand_ranks_have_their_level),
        cmocka_unit_test(test_scores_see_shifts_and_spreads_in_standard_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
