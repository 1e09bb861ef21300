/* The marginal likelihood, its gradient and the conditional moments against dense N x N Gaussian algebra on small random models. */
#include "dense_oracle.h"
#include "small_model.h"

typedef struct { bm_stats *st; bm_packed *pk; bm_coef_prior *cp; bm_marginal *m; } engine;

static engine engine_make(const model *m, bm_criterion kind)
{
    engine   e = { 0 };
    bm_error err = { 0 };

    bm_assert_ok(bm_stats_new(&e.st, &m->d, &err), err);
    bm_assert_ok(bm_packed_new(&e.pk, e.st, &err), err);
    if (kind == BM_BAYES) bm_assert_ok(bm_coef_prior_new(&e.cp, e.st, &m->pr, &m->d, &err), err);
    bm_assert_ok(bm_marginal_new(&e.m, e.st, e.pk, e.cp, kind, &err), err);
    return e;
}

static void engine_free(engine *e)
{
    bm_marginal_free(e->m);
    bm_coef_prior_free(e->cp);
    bm_packed_free(e->pk);
    bm_stats_free(e->st);
}

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
        engine e = engine_make(&m, BM_BAYES);
        oracle *o = oracle_new(&m.d, &m.pr, m.L, m.sigma);

        assert_int_equal(bm_marginal_eval(e.m, m.L, m.sigma), BM_OK);
        bm_assert_near(e.m->logp, oracle_logp(o, m.d.y), 1e-10);
        oracle_free(o);
        engine_free(&e);
        model_free(&m);
    }
}

static void test_restricted_and_maximum_likelihood_equal_dense_least_squares(void **state)
{
    (void)state;
    for (size_t k = 0; k < NSHAPE; k++) {
        model m;

        make_shape(&m, k, 150 + k);
        oracle *o = oracle_new(&m.d, NULL, m.L, m.sigma);
        for (int ml = 0; ml <= 1; ml++) {
            engine e = engine_make(&m, ml ? BM_ML : BM_REML);

            assert_int_equal(bm_marginal_eval(e.m, m.L, m.sigma), BM_OK);
            bm_assert_near(e.m->logp, ml ? oracle_profile_logp(o, m.d.y) : oracle_logp(o, m.d.y), 1e-9);
            engine_free(&e);
        }
        oracle_free(o);
        model_free(&m);
    }
}

static void test_conditional_moments_equal_dense_conditioning(void **state)
{
    (void)state;
    for (size_t k = 0; k < NSHAPE; k++) {
        model m;

        make_shape(&m, k, 200 + k);
        engine  e = engine_make(&m, BM_BAYES);
        oracle *o = oracle_new(&m.d, &m.pr, m.L, m.sigma);
        double *mean = calloc(4 * o->e + 1, sizeof *mean), *sd = mean + o->e, *want = sd + o->e, *want_sd = want + o->e;

        assert_int_equal(bm_marginal_eval(e.m, m.L, m.sigma), BM_OK);
        bm_marginal_conditional(e.m, mean, sd, mean + o->p, sd + o->p);
        oracle_moments(o, m.d.y, 0, o->e, want, want_sd);
        for (size_t i = 0; i < o->e; i++) {
            bm_assert_near(mean[i], want[i], 1e-8 * (1 + want_sd[i] / fabs(want[i])));
            bm_assert_near(sd[i], want_sd[i], 1e-8);
        }
        free(mean);
        oracle_free(o);
        engine_free(&e);
        model_free(&m);
    }
}

static void check_gradient(model *m, bm_criterion kind)
{
    engine       e = engine_make(m, kind);
    size_t       nL = m->g.q * m->g.q;
    const double h = 1e-5;
    double       dL[64], ds, up, down;

    assert_int_equal(bm_marginal_eval(e.m, m->L, m->sigma), BM_OK);
    bm_marginal_gradient(e.m);
    memcpy(dL, e.m->dL, nL * sizeof *dL);
    ds = e.m->dlog_sigma;
    for (size_t i = 0; i < nL; i++) {
        double L0 = m->L[i];

        m->L[i] = L0 + h;
        bm_marginal_eval(e.m, m->L, m->sigma);
        up = e.m->logp;
        m->L[i] = L0 - h;
        bm_marginal_eval(e.m, m->L, m->sigma);
        down = e.m->logp;
        m->L[i] = L0;
        bm_assert_near(1 + dL[i], 1 + (up - down) / (2 * h), 2e-6 * (1 + fabs(dL[i])));
    }
    bm_marginal_eval(e.m, m->L, m->sigma * exp(h));
    up = e.m->logp;
    bm_marginal_eval(e.m, m->L, m->sigma * exp(-h));
    down = e.m->logp;
    bm_assert_near(1 + ds, 1 + (up - down) / (2 * h), 2e-6 * (1 + fabs(ds)));
    engine_free(&e);
}

static void test_gradient_equals_central_differences(void **state)
{
    (void)state;
    for (size_t k = 0; k < NSHAPE; k++)
        for (int kind = BM_BAYES; kind <= BM_ML; kind++) {
            model m;

            make_shape(&m, k, 300 + k);
            check_gradient(&m, kind);
            for (size_t i = 0; i < m.g.q; i++) m.L[m.g.q - 1 + i * m.g.q] = 0;   /* a zero variance is an ordinary point */
            if (m.g.q) check_gradient(&m, kind);
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
    engine e = engine_make(&m, BM_ML);
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
