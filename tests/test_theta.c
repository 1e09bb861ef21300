/* theta's coordinates: gradient, mirror symmetry, round trips, and priors that integrate to one. */
#include "small_model.h"

#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sf_psi.h>

typedef struct { model m; bm_stats *st; bm_post *post; bm_point *pt; bm_dist scale; double Psi[16]; } set_up;

/* kind: 0 correlated block, LKJ; 1 uncorrelated; 2 inverse Wishart; 3 a constant sd in a correlated block; 4 blocks of two and one */
static void make(set_up *s, int kind, size_t q, uint64_t seed)
{
    bm_error err = { 0 };

    memset(s, 0, sizeof *s);
    model_make(&s->m, seed, 60, 2, q, 9, false, false, true);
    s->m.pr.sd[0] = s->m.sds;
    for (size_t i = 0; i < q; i++) s->m.sds[i] = (bm_dist){ .kind = i % 2 ? BM_DIST_HALF_NORMAL : BM_DIST_HALF_CAUCHY, .a = { 0, 0.7 + (double)i } };
    s->m.pr.sigma = (bm_dist){ .kind = BM_DIST_INV_GAMMA, .a = { 2, 1.5 } };
    s->m.pr.cor[0] = s->m.cors;
    for (size_t b = 0; b < 8; b++) s->m.cors[b] = (bm_dist){ .kind = BM_DIST_LKJ, .a = { 1.8 } };
    if (kind == 1) {
        s->m.g.nblock = q;
        for (size_t i = 0; i < q; i++) s->m.block[i] = (bm_block){ i, 1 };
    }
    if (kind == 2) {
        for (size_t i = 0; i < q; i++)
            for (size_t j = 0; j < q; j++) s->Psi[i + j * q] = i == j ? 1.5 + (double)i : 0.3;
        s->m.cors[0] = (bm_dist){ .kind = BM_DIST_INV_WISHART, .a = { (double)q + 1.5 }, .nscale = q, .scale = s->Psi };
    }
    if (kind == 3) s->m.sds[0] = (bm_dist){ .kind = BM_DIST_CONSTANT, .a = { 0.8 } };
    if (kind == 4) {
        s->m.g.nblock = 2;
        s->m.block[0] = (bm_block){ 0, 2 };
        s->m.block[1] = (bm_block){ 2, q - 2 };
    }
    bm_assert_ok(bm_stats_new(&s->st, &s->m.d, &err), err);
    bm_assert_ok(bm_post_new(&s->post, s->st, &s->m.pr, &s->m.d, &err), err);
    bm_assert_ok(bm_point_new(&s->pt, s->post, &err), err);
}

static void drop(set_up *s)
{
    bm_point_free(s->pt);
    bm_post_free(s->post);
    bm_stats_free(s->st);
    model_free(&s->m);
}

static const struct { int kind; size_t q; } CASES[] = { { 0, 1 }, { 0, 2 }, { 0, 4 }, { 1, 3 }, { 2, 1 }, { 2, 3 }, { 3, 3 }, { 4, 3 } };
enum { NCASE = sizeof CASES / sizeof *CASES };

static void random_x(set_up *s, bm_rng *r)
{
    for (size_t i = 0; i < s->post->th.d; i++) s->pt->x[i] = 0.8 * bm_rng_normal(r);
}

static void test_gradient_of_the_log_posterior_equals_central_differences(void **state)
{
    bm_rng       r;
    const double h = 1e-5;
    double       g[32];

    (void)state;
    bm_rng_key(&r, 8, 0, 0);
    for (size_t c = 0; c < NCASE; c++) {
        set_up s;

        make(&s, CASES[c].kind, CASES[c].q, 40 + c);
        for (int rep = 0; rep < 5; rep++) {
            random_x(&s, &r);
            assert_int_equal(bm_point_gradient(s.pt, g), BM_OK);
            for (size_t i = 0; i < s.post->th.d; i++) {
                double x0 = s.pt->x[i], up, down;

                s.pt->x[i] = x0 + h;
                bm_point_eval(s.pt);
                up = s.pt->lp;
                s.pt->x[i] = x0 - h;
                bm_point_eval(s.pt);
                down = s.pt->lp;
                s.pt->x[i] = x0;
                bm_assert_near(1 + g[i], 1 + (up - down) / (2 * h), 1e-5 * (1 + fabs(g[i])));
            }
        }
        drop(&s);
    }
}

static void test_density_does_not_change_when_a_sign_and_its_correlations_flip(void **state)
{
    bm_rng r;

    (void)state;
    bm_rng_key(&r, 9, 0, 0);
    for (size_t c = 0; c < NCASE; c++) {
        set_up s;
        double before[32], after[32];

        make(&s, CASES[c].kind, CASES[c].q, 60 + c);
        random_x(&s, &r);
        for (size_t i = 0; i < s.post->th.nsd; i++) {
            assert_int_equal(bm_point_eval(s.pt), BM_OK);
            double lp = s.pt->lp;

            bm_point_natural(s.pt, before);
            bm_theta_flip(&s.post->th, i, s.pt->x);
            assert_int_equal(bm_point_eval(s.pt), BM_OK);
            bm_assert_near(s.pt->lp, lp, 1e-12);
            bm_point_natural(s.pt, after);
            for (size_t k = 0; k < s.post->th.nsd + s.post->th.ncor + 1; k++) bm_assert_near(after[k], before[k], 1e-12);
        }
        drop(&s);
    }
}

static void test_natural_parameters_come_back_from_the_coordinates_made_of_them(void **state)
{
    bm_rng r;

    (void)state;
    bm_rng_key(&r, 10, 0, 0);
    for (size_t c = 0; c < NCASE; c++) {
        set_up s;
        double want[32], got[32];

        make(&s, CASES[c].kind, CASES[c].q, 80 + c);
        random_x(&s, &r);
        bm_point_eval(s.pt);
        bm_point_natural(s.pt, want);
        assert_int_equal(bm_theta_from_natural(&s.post->th, want, s.pt->x), BM_OK);
        bm_point_eval(s.pt);
        bm_point_natural(s.pt, got);
        for (size_t k = 0; k < s.post->th.nsd + s.post->th.ncor + 1; k++) bm_assert_near(got[k], want[k], 1e-10);
        drop(&s);
    }
}

/* lp - log p(y | theta) is the prior's density of x: on a grid wide enough its exponential sums to one. One grouping factor, q effects, d <= 3
 * coordinates besides sigma, which is held: the density of log sigma, known in closed form, is divided out. */
static double prior_mass(set_up *s, double half_width, int points)
{
    size_t d = s->post->th.d - 1;
    double h = 2 * half_width / points, total = 0, at[4];
    long   cells = 1;

    s->pt->x[d] = 0.1;
    double sigma = exp(s->pt->x[d]), sigma_lp = bm_dist_sd_logpdf(&s->m.pr.sigma, sigma, NULL) + s->pt->x[d];
    for (size_t i = 0; i < d; i++) cells *= points;
    for (long c = 0; c < cells; c++) {
        long k = c;

        for (size_t i = 0; i < d; i++, k /= points) s->pt->x[i] = at[i] = -half_width + h * ((double)(k % points) + 0.5);
        if (bm_point_eval(s->pt) != BM_OK) continue;
        total += exp(s->pt->lp - s->pt->m->logp - sigma_lp);
    }
    return total * pow(h, (double)d);
}

static void test_priors_of_sds_and_correlations_integrate_to_one(void **state)
{
    set_up s;

    (void)state;
    make(&s, 0, 1, 5);                               /* half-Cauchy: tails e^-|x| */
    bm_assert_near(prior_mass(&s, 30, 4000), 1, 1e-6);
    drop(&s);
    make(&s, 2, 1, 6);                               /* inverse Wishart in one dimension: an inverse gamma on the variance */
    bm_assert_near(prior_mass(&s, 30, 4000), 1, 1e-6);
    drop(&s);
    make(&s, 0, 2, 7);
    bm_assert_near(prior_mass(&s, 14, 160), 1, 2e-3);
    drop(&s);
    make(&s, 2, 2, 8);
    bm_assert_near(prior_mass(&s, 12, 160), 1, 5e-3);
    drop(&s);
}

/* Correlations of LKJ(eta) in q dimensions are Beta(a, a) on (-1, 1) with a = eta + (q - 2) / 2: second moment 1 / (2 a + 1), each of them, also those that
 * are products of several partial correlations. */
static void test_lkj_correlations_have_their_known_variance(void **state)
{
    const size_t q = 4;
    const int    n = 200000;
    bm_rng       r;
    set_up       s;
    double       sum[6] = { 0 }, natural[32], eta = 1.8;

    (void)state;
    make(&s, 0, q, 11);
    bm_rng_key(&r, 12, 0, 0);
    for (int i = 0; i < n; i++) {
        size_t at = 0;

        for (size_t a = 1; a < q; a++)
            for (size_t b = 0; b < a; b++, at++) {
                double e = eta + ((double)q - 2 - (double)b) / 2;

                s.pt->x[s.post->th.cor_x[at]] = atanh(2 * bm_rng_beta(&r, e, e) - 1);
            }
        bm_point_eval(s.pt);
        bm_point_natural(s.pt, natural);
        for (size_t k = 0; k < 6; k++) sum[k] += natural[q + k] * natural[q + k];
    }
    double a = eta + ((double)q - 2) / 2, want = 1 / (2 * a + 1);
    for (size_t k = 0; k < 6; k++) bm_assert_near(sum[k] / n, want, 0.02);       /* standard error about 0.3 %: 6.5 of them */
    drop(&s);
}

/* log density of a correlation matrix under LKJ(eta): (eta - 1) log |R| - log c, c as in Lewandowski, Kurowicka & Joe 2009, eq. 16. */
static double lkj_log_density(size_t q, double eta, double log_det)
{
    double log_c = 0;

    for (size_t k = 1; k < q; k++) {
        double rest = (double)(q - k), a = eta + (rest - 1) / 2;

        log_c += (2 * (eta - 1) + rest) * rest * M_LN2 + rest * gsl_sf_lnbeta(a, a);
    }
    return (eta - 1) * log_det - log_c;
}

static void test_density_of_a_correlation_matrix_is_the_published_one(void **state)
{
    bm_rng r;

    (void)state;
    bm_rng_key(&r, 13, 0, 0);
    for (size_t q = 2; q <= 4; q++) {
        set_up s;

        make(&s, 0, q, 90 + q);
        for (int rep = 0; rep < 5; rep++) {
            double rest, log_det = 0;

            random_x(&s, &r);
            assert_int_equal(bm_point_eval(s.pt), BM_OK);
            rest = s.pt->lp_nat - s.pt->m->logp - bm_dist_sd_logpdf(&s.m.pr.sigma, s.pt->sigma, NULL);
            for (size_t i = 0; i < q; i++) {
                rest -= bm_dist_sd_logpdf(&s.m.sds[i], fabs(s.pt->s[i]), NULL);
                log_det += 2 * log(s.pt->LR[i + i * q]);
            }
            bm_assert_near(rest, lkj_log_density(q, 1.8, log_det), 1e-9);
        }
        drop(&s);
    }
}

/* ---- Student-t coefficients as normal ones of random precision ---- */

/* b ~ t(df, m, s), lambda | b: then e = lambda (b - m)^2 / s^2 is chi-square on 1 degree of freedom, lambda Gamma(df / 2, df / 2), and the two are independent.
 * 4 x 400,000 draws: means of lambda, log lambda, e, lambda e within 6 standard errors (a false alarm: 4e-9 each); lambda off by 1 % is 8 or more. */
static void test_precisions_given_coefficients_make_student_t_of_normal(void **state)
{
    enum { N = 400000, WHAT = 4 };
    static const double DF[] = { 2, 4, 7, 30 };

    (void)state;
    for (size_t k = 0; k < sizeof DF / sizeof *DF; k++) {
        set_up         s;
        bm_coef_prior *cp = NULL;
        bm_error       err = { 0 };
        bm_rng         r;
        double         df = DF[k], sum[WHAT] = { 0 }, square[WHAT] = { 0 };
        const double   want[WHAT] = { 1, gsl_sf_psi(df / 2) - log(df / 2), 1, 1 };

        make(&s, 0, 1, 3);
        s.m.pr.centred = false;
        s.m.b[1] = (bm_dist){ .kind = BM_DIST_STUDENT_T, .a = { df, 0.4, 1.3 } };
        bm_assert_ok(bm_coef_prior_new(&cp, s.st, &s.m.pr, &s.m.d, &err), err);
        bm_rng_key(&r, 11, k, 1);
        for (int i = 0; i < N; i++) {
            double z = bm_rng_normal(&r) / sqrt(bm_rng_chisq(&r, df) / df), beta[2] = { 0, 0 };

            beta[1] = (1.3 * z + cp->gap[1]) / cp->form[1 + 2];      /* form[1] does not depend on beta[0] */
            bm_coef_prior_mix(cp, beta, &r);
            double lambda = cp->prec[1] * 1.3 * 1.3, x[WHAT] = { lambda, log(lambda), lambda * z * z, lambda * lambda * z * z };
            for (int w = 0; w < WHAT; w++) {
                sum[w] += x[w];
                square[w] += x[w] * x[w];
            }
        }
        for (int w = 0; w < WHAT; w++) {
            double mean = sum[w] / N, error = sqrt((square[w] / N - mean * mean) / N);

            if (!(fabs(mean - want[w]) < 6 * error)) fail_msg("df %g, number %d: %.5f, not %.5f (standard error %.5f)", df, w, mean, want[w], error);
        }
        bm_coef_prior_free(cp);
        drop(&s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precisions_given_coefficients_make_student_t_of_normal),
        cmocka_unit_test(test_gradient_of_the_log_posterior_equals_central_differences),
        cmocka_unit_test(test_density_does_not_change_when_a_sign_and_its_correlations_flip),
        cmocka_unit_test(test_natural_parameters_come_back_from_the_coordinates_made_of_them),
        cmocka_unit_test(test_priors_of_sds_and_correlations_integrate_to_one),
        cmocka_unit_test(test_density_of_a_correlation_matrix_is_the_published_one),
        cmocka_unit_test(test_lkj_correlations_have_their_known_variance),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
