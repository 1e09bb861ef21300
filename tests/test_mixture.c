/* The independence proposal: its density, components side by side, against the formula of the multivariate t written out; and its draws against its density. */
#include "testing.h"

#include "fit/mixture.h"

enum { N = 3000, D_MAX = 5 };

/* Fitted to draws around two centres, tails on one side: several components. */
static void make(bm_mixture *m, size_t d)
{
    static double x[N * D_MAX], lp[N];
    double        expected;
    bm_error      err = { 0 };
    bm_rng        r;

    bm_rng_key(&r, 3, d, 0);
    bm_rng_normals(&r, x, N * d);
    for (size_t i = 0; i < N; i++) {
        lp[i] = 0;
        for (size_t j = 0; j < d; j++) lp[i] -= 0.5 * x[i * d + j] * x[i * d + j] + x[i * d + j];
        for (size_t j = 0; j < d; j++) x[i * d + j] = exp(x[i * d + j]) + (i % 3 ? 0 : 6) + (j ? 0.5 * x[i * d] : 0);
    }
    bm_assert_ok(bm_mixture_new(m, NULL, d, &err), err);
    bm_assert_ok(bm_mixture_fit(m, x, lp, N, &expected, &err), err);
    assert_true(expected > 0);
}

/* In the first coordinate. */
static void mirror(bm_mixture *m)
{
    m->nimage = 2;
    for (size_t j = 0; j < m->d; j++) m->sign[m->d + j] = j ? 1 : -1;
    for (size_t k = 0; k < m->K; k++) m->log_const[k] -= log(2);
    m->top -= log(2);
}

/* Sum over components and mirror images of weight times the density of the t, C lower triangular. */
static double naive_logpdf(const bm_mixture *m, const double *x)
{
    long double sum = 0;
    size_t      d = m->d;

    for (size_t k = 0; k < m->K; k++)
        for (size_t f = 0; f < m->nimage; f++) {
            const double *C = m->C + k * d * d;
            long double   v[D_MAX], s = 0, det = 1, nu = m->df[k];

            for (size_t i = 0; i < d; i++) {
                v[i] = (long double)(m->sign[f * d + i] * x[i]) - m->mean[k * d + i];
                for (size_t j = 0; j < i; j++) v[i] -= C[i + j * d] * v[j];
                v[i] /= C[i + i * d];
                s += v[i] * v[i];
                det *= C[i + i * d];
            }
            sum += m->weight[k] / (long double)m->nimage *
                   expl(lgammal((nu + d) / 2) - lgammal(nu / 2) - 0.5L * d * logl(nu * 3.14159265358979323846L) - 0.5L * (nu + d) * log1pl(s / nu)) / det;
        }
    return (double)logl(sum);
}

static void test_density_is_that_of_the_formula(void **state)
{
    size_t most = 0;

    (void)state;
    for (size_t d = 1; d <= D_MAX; d++) {
        bm_mixture m;
        bm_rng     r;

        make(&m, d);
        if (m.K > most) most = m.K;
        bm_rng_key(&r, 4, d, 0);
        for (int mirrored = 0; mirrored < 2; mirrored++) {
            for (int i = 0; i < 2000; i++) {
                double x[D_MAX];

                if (i % 2) bm_mixture_draw(&m, &r, x);
                else bm_rng_normals(&r, x, d);
                for (size_t j = 0; i % 4 == 0 && j < d; j++) x[j] *= pow(10, i % 7);      /* far out */
                bm_assert_near(bm_mixture_logpdf(&m, x), naive_logpdf(&m, x), 1e-11);
            }
            if (!mirrored) mirror(&m);
        }
        bm_mixture_free(&m);
    }
    assert_true(most >= 3);
}

/* The mean of target / proposal over draws of the proposal is the integral of the target: 1 for the normal density with the first component's centre and scale. Of 160,000 draws with ratios whose sd is
 * measured, six standard errors: a false alarm in 10^8; a density off by 5 % is seen. */
static void test_draws_are_from_the_density(void **state)
{
    enum { DRAWS = 160000 };

    (void)state;
    for (size_t d = 1; d <= D_MAX; d++) {
        bm_mixture m;
        bm_rng     r;
        double     sum = 0, sq = 0, x[D_MAX], z[D_MAX];

        make(&m, d);
        bm_rng_key(&r, 5, d, 0);
        for (int i = 0; i < DRAWS; i++) {
            double l = 0, w;

            bm_mixture_draw(&m, &r, x);
            for (size_t j = 0; j < d; j++) x[j] -= m.mean[j];
            memcpy(z, x, d * sizeof *x);
            bm_solve_lower(d, 1, m.C, z);
            for (size_t j = 0; j < d; j++) l -= 0.5 * z[j] * z[j] + log(m.C[j * (d + 1)]) + 0.91893853320467274178;
            for (size_t j = 0; j < d; j++) x[j] += m.mean[j];
            w = exp(l - bm_mixture_logpdf(&m, x));
            sum += w / DRAWS;
            sq += w * w / DRAWS;
        }
        double se = sqrt((sq - sum * sum) / DRAWS);

        assert_true(fabs(sum - 1) < 6 * se);
        assert_true(se < 0.05 / 6);
        bm_mixture_free(&m);
    }
}

/* K of bm_mixture_opposite leaves q as it is: x ~ q, to ~ K(x, .), and then `to` is from q, as above. It is reversible: f(x) g(to) and g(x) f(to) have the same mean; f and
 * g are bounded, differ between coordinates and are curved. The states are fresh for each of 160,000 pairs; six standard errors: a false alarm in 10^7 over twenty checks. */
static void check_other_side(const bm_mixture *m, uint64_t seed)
{
    enum { DRAWS = 160000 };
    const size_t d = m->d;
    bm_rng       r;
    double       mean = 0, mean_sq = 0, turn = 0, turn_sq = 0, x[D_MAX], to[D_MAX];

    bm_rng_key(&r, 6, seed, 0);
    for (int i = 0; i < DRAWS; i++) {
        double f[2], g[2], gap, v;

        bm_mixture_draw(m, &r, x);
        bm_mixture_opposite(m, &r, -0.7, x, to);
        for (int k = 0; k < 2; k++) {
            const double *at = k ? to : x;
            double        z = (at[0] - m->mean[0]) / m->C[0];

            f[k] = tanh(z);
            g[k] = 1 / (1 + z * z) + (d > 1 ? tanh(at[d - 1] - m->mean[d - 1]) : 0);
        }
        gap = f[0] * g[1] - g[0] * f[1];
        turn += gap / DRAWS;
        turn_sq += gap * gap / DRAWS;
        v = f[1] - f[0] + 0.5 * (g[1] - g[0]);
        mean += v / DRAWS;
        mean_sq += v * v / DRAWS;
    }
    assert_true(fabs(turn) < 6 * sqrt(turn_sq / DRAWS));
    assert_true(fabs(mean) < 6 * sqrt(mean_sq / DRAWS));
    assert_true(sqrt(turn_sq / DRAWS) < 0.01 && sqrt(mean_sq / DRAWS) < 0.01);
}

static void test_the_other_side_leaves_the_mixture_as_it_is(void **state)
{
    (void)state;
    for (size_t d = 1; d <= D_MAX; d++) {
        bm_mixture m;

        make(&m, d);
        check_other_side(&m, d);
        mirror(&m);
        check_other_side(&m, D_MAX + d);
        bm_mixture_free(&m);
    }
}

/* One t with nu degrees of freedom: x = mean + C z / s with s^2 = chi^2_nu / nu independent of z, so that E[x - mean | z] = C z E[1 / s], and x and `to` are
 * correlated by c E[1 / s]^2 / E[1 / s^2]. Far out, too, where the density underflows. */
static void test_the_other_side_is_as_far_as_said(void **state)
{
    enum { DRAWS = 400000 };
    const double nu = 9, c = -0.4, mean[2] = { 3, -1 }, cov[4] = { 2, 0.7, 0.7, 1.5 }, e1 = sqrt(nu / 2) * exp(lgamma((nu - 1) / 2) - lgamma(nu / 2));
    bm_mixture   m;
    bm_error     err = { 0 };
    bm_rng       r;
    double       xy[2] = { 0 }, far = 0, x[2], to[2];

    (void)state;
    bm_assert_ok(bm_mixture_new(&m, NULL, 2, &err), err);
    assert_int_equal(bm_mixture_single(&m, mean, cov, nu), BM_OK);
    bm_rng_key(&r, 8, 1, 0);
    for (int i = 0; i < DRAWS; i++) {
        bm_mixture_draw(&m, &r, x);
        bm_mixture_opposite(&m, &r, c, x, to);
        for (int k = 0; k < 2; k++) xy[k] += (x[k] - mean[k]) * (to[k] - mean[k]) / DRAWS;
    }
    for (int k = 0; k < 2; k++) {                    /* an sd of the product of 1.7 at most: 6 standard errors are 0.017 of the variance, a twentieth of what is expected */
        double correlation = xy[k] / (cov[k * 3] * nu / (nu - 2));

        assert_true(fabs(correlation - c * e1 * e1 / (nu / (nu - 2))) < 0.0175);
    }
    for (int i = 0; i < 20000; i++) {                /* from far out in the first direction the scores are those of a large scale: they stay of the order of sqrt(nu + 2) */
        x[0] = 1e60;
        x[1] = 0.35e60;
        bm_mixture_opposite(&m, &r, -0.99, x, to);
        assert_true(isfinite(to[0]) && isfinite(to[1]));
        far += (to[0] - mean[0]) / 20000;
    }
    assert_true(far < -2 && far > -8);
    bm_mixture_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_density_is_that_of_the_formula),
        cmocka_unit_test(test_draws_are_from_the_density),
        cmocka_unit_test(test_the_other_side_leaves_the_mixture_as_it_is),
        cmocka_unit_test(test_the_other_side_is_as_far_as_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
