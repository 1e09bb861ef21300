/* The marginal likelihood, its gradient and the conditional moments against dense N x N Gaussian algebra on small random models. */
#include "marginal_checks.h"
#include "small_model.h"

/* Shapes that cross every path: q by template and general, groups below and above a batch, p = 0, p wide, weights, offset. */
static const struct { size_t n, p, q, J; bool w, o, centred; } SHAPES[] = {
    { 12, 2, 1, 4, false, false, false }, { 30, 3, 2, 5, true, true, true }, { 40, 4, 3, 9, true, false, true }, { 40, 1, 4, 7, false, true, false },
    { 50, 2, 5, 8, true, true, true }, { 60, 3, 7, 17, false, false, true }, { 20, 0, 2, 6, false, true, false }, { 25, 3, 0, 0, true, true, true },
    { 30, 2, 2, 25, false, false, true }, { 90, 7, 2, 30, true, false, true },
    { 170, 50, 2, 150, true, false, true },      /* p beyond which the kernel hands over to dsyrk; 150 groups: more than a panel */
};
enum { NSHAPE = sizeof SHAPES / sizeof *SHAPES };

static void make_shape(model *m, size_t k, uint64_t seed)
{
    model_make(m, seed, SHAPES[k].n, SHAPES[k].p, SHAPES[k].q, SHAPES[k].J, SHAPES[k].w, SHAPES[k].o, SHAPES[k].centred);
}

static void test_marginal_equals_the_dense_gaussian_density(void **state)
{
    (void)state;
    for (size_t k = 0; k < NSHAPE; k++) {
        model m;

        make_shape(&m, k, 100 + k);
        check_density(&m.d, &m.pr, m.L, m.sigma);
        model_free(&m);
    }
}

static void test_restricted_and_maximum_likelihood_equal_dense_least_squares(void **state)
{
    (void)state;
    for (size_t k = 0; k < NSHAPE; k++) {
        model m;

        make_shape(&m, k, 150 + k);
        check_reml_and_ml(&m.d, m.L, m.sigma);
        model_free(&m);
    }
}

static void test_conditional_moments_equal_dense_conditioning(void **state)
{
    (void)state;
    for (size_t k = 0; k < NSHAPE; k++) {
        model m;

        make_shape(&m, k, 200 + k);
        check_moments(&m.d, &m.pr, m.L, m.sigma, 1e-8);
        model_free(&m);
    }
}

static void test_gradient_equals_central_differences(void **state)
{
    (void)state;
    for (size_t k = 0; k < NSHAPE; k++)
        for (int kind = BM_BAYES; kind <= BM_ML; kind++) {
            model  m;
            size_t nL;

            make_shape(&m, k, 300 + k);
            nL = m.g.q * m.g.q;
            check_gradient(&m.d, &m.pr, m.L, nL, m.sigma, kind, 2e-6);
            for (size_t i = 0; i < m.g.q; i++) m.L[m.g.q - 1 + i * m.g.q] = 0;   /* a zero variance is an ordinary point */
            if (nL) check_gradient(&m.d, &m.pr, m.L, nL, m.sigma, kind, 2e-6);
            model_free(&m);
        }
}

/* lme4: Dyestuff, ML deviance at theta = 0.713 (its sigma profiled) is 327.34216280954615. */
static void test_marginal_dyestuff_matches_lme4_deviance(void **state)
{
    static double  yield[30] = { 1545, 1440, 1440, 1520, 1580, 1540, 1555, 1490, 1560, 1495, 1595, 1550, 1605, 1510, 1560, 1445, 1440, 1595, 1465, 1545, 1595,
                                 1630, 1515, 1635, 1625, 1520, 1455, 1450, 1480, 1445 }, one[30];
    static int32_t batch[30];
    bm_block       block = { 0, 1 };
    bm_group       g = { .J = 6, .q = 1, .Z = one, .code = batch, .nblock = 1, .block = &block };
    model          m = { .d = { .n = 30, .p = 1, .y = yield, .X = one, .nfac = 1, .fac = &g } };

    (void)state;
    for (int i = 0; i < 30; i++) {
        one[i] = 1;
        batch[i] = i / 5;
    }
    engine e = engine_make(&m.d, &m.pr, BM_ML);
    double sigma = 50, L;
    for (int i = 0; i < 60; i++) {                   /* at fixed theta = L / sigma the profiled sigma^2 is Q / n */
        L = 0.713 * sigma;
        assert_int_equal(bm_marginal_eval(e.m, &L, sigma), BM_OK);
        sigma = sqrt(e.m->Q / 30);
    }
    bm_assert_near(-2 * e.m->logp, 327.34216280954615, 1e-13);
    engine_free(&e);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marginal_equals_the_dense_gaussian_density),
        cmocka_unit_test(test_restricted_and_maximum_likelihood_equal_dense_least_squares),
        cmocka_unit_test(test_conditional_moments_equal_dense_conditioning),
        cmocka_unit_test(test_gradient_equals_central_differences),
        cmocka_unit_test(test_marginal_dyestuff_matches_lme4_deviance),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
