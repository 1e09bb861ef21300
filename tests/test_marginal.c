/* The marginal likelihood, its gradient and the conditional moments against dense N x N Gaussian algebra on small random models. */
#include "small_model.h"

/* ---- the same model written out in full ---- */

/* Prior mean (p) and covariance (p x p) of b: forms B b = mean + s z, B unit upper or lower triangular after the intercept's row. */
static void prior_of_b(const model *m, double *mean, double *V)
{
    size_t p = m->d.p;

    memset(V, 0, p * p * sizeof *V);
    for (size_t k = 1; k < p; k++) {
        mean[k] = m->b[k].a[0];
        V[k + k * p] = m->b[k].a[1] * m->b[k].a[1];
    }
    if (!p) return;
    const bm_dist *d = m->pr.centred ? &m->pr.intercept : &m->b[0];
    mean[0] = d->a[0];
    V[0] = d->a[1] * d->a[1];
    for (size_t k = 1; m->pr.centred && k < p; k++) {                             /* b_0 = Intercept - sum xbar_k b_k */
        mean[0] -= m->pr.xbar[k] * mean[k];
        V[0] += m->pr.xbar[k] * m->pr.xbar[k] * V[k + k * p];
        V[k * p] = V[k] = -m->pr.xbar[k] * V[k + k * p];
    }
}

/* Joint covariance of (y, b, u): everything follows by conditioning. Layout: y n, b p, u J q. */
typedef struct { size_t n, p, nu, all; double *mean, *V; } joint;

static joint joint_make(const model *m)
{
    size_t n = m->d.n, p = m->d.p, q = m->g.q, J = m->g.J, nu = J * q, all = n + p + nu;
    joint  t = { n, p, nu, all, calloc(all + 1, sizeof(double)), calloc(all * all + 1, sizeof(double)) };
    double G[64] = { 0 }, *Vb = calloc(p * p + 1, sizeof *Vb), *mb = calloc(p + 1, sizeof *mb), *H = calloc(n * (p + nu) + 1, sizeof *H);

    prior_of_b(m, mb, Vb);
    for (size_t i = 0; i < q; i++)
        for (size_t j = 0; j < q; j++)
            for (size_t k = 0; k < q; k++) G[i + j * q] += m->L[i + k * q] * m->L[j + k * q];
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < p; k++) H[i + k * n] = m->d.X[i + k * n];
        for (size_t a = 0; a < q && J; a++) H[i + (p + (size_t)m->g.code[i] * q + a) * n] = m->g.Z[i + a * n];
    }
    for (size_t a = 0; a < p + nu; a++)
        for (size_t b = 0; b < p + nu; b++) {
            double v = 0;

            if (a < p && b < p) v = Vb[a + b * p];
            if (a >= p && b >= p && (a - p) / q == (b - p) / q) v = G[(a - p) % q + ((b - p) % q) * q];
            t.V[n + a + (n + b) * all] = v;
        }
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < p + nu; b++) {
            double v = 0;

            for (size_t a = 0; a < p + nu; a++) v += H[i + a * n] * t.V[n + a + (n + b) * all];
            t.V[i + (n + b) * all] = t.V[n + b + i * all] = v;
        }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            for (size_t a = 0; a < p + nu; a++) t.V[i + j * all] += t.V[i + (n + a) * all] * H[j + a * n];
        t.V[i + i * all] += m->sigma * m->sigma / (m->d.w ? m->d.w[i] : 1);
        t.mean[i] = m->d.o ? m->d.o[i] : 0;
        for (size_t k = 0; k < p; k++) t.mean[i] += H[i + k * n] * mb[k];
    }
    memcpy(t.mean + n, mb, p * sizeof *mb);
    free(Vb);
    free(mb);
    free(H);
    return t;
}

static void joint_free(joint *t)
{
    free(t->mean);
    free(t->V);
}

/* log N(y; mean, V) by a dense Cholesky factor; mean and sd of element `at` given y. */
static double dense_logp(const joint *t, const double *y, size_t at, double *cmean, double *csd)
{
    size_t  n = t->n;
    double *C = malloc(n * n * sizeof *C), *e = malloc(n * sizeof *e), *v = malloc(n * sizeof *v), logp = 0;

    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++) C[i + j * n] = t->V[i + j * t->all];
    assert_int_equal(bm_chol(n, C), BM_OK);
    for (size_t i = 0; i < n; i++) e[i] = y[i] - t->mean[i];
    bm_solve_lower(n, 1, C, e);
    for (size_t i = 0; i < n; i++) logp -= log(C[i + i * n]) + 0.5 * log(2 * M_PI) + 0.5 * e[i] * e[i];
    if (cmean) {
        for (size_t i = 0; i < n; i++) v[i] = t->V[i + at * t->all];
        bm_solve_lower(n, 1, C, v);
        *cmean = t->mean[at] + bm_dot(n, v, e);
        *csd = sqrt(t->V[at + at * t->all] - bm_dot(n, v, v));
    }
    free(C);
    free(e);
    free(v);
    return logp;
}

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
        joint  t = joint_make(&m);
        assert_int_equal(bm_marginal_eval(e.m, m.L, m.sigma), BM_OK);
        bm_assert_near(e.m->logp, dense_logp(&t, m.d.y, 0, NULL, NULL), 1e-10);
        joint_free(&t);
        engine_free(&e);
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
        joint   t = joint_make(&m);
        double *mean = calloc(t.p + t.nu + 1, sizeof *mean), *sd = calloc(t.p + t.nu + 1, sizeof *sd), want, want_sd;

        assert_int_equal(bm_marginal_eval(e.m, m.L, m.sigma), BM_OK);
        bm_marginal_conditional(e.m, mean, sd, mean + t.p, sd + t.p);
        for (size_t i = 0; i < t.p + t.nu; i++) {
            dense_logp(&t, m.d.y, t.n + i, &want, &want_sd);
            bm_assert_near(mean[i], want, 1e-8 * (1 + want_sd / fabs(want)));
            bm_assert_near(sd[i], want_sd, 1e-8);
        }
        free(mean);
        free(sd);
        joint_free(&t);
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
        cmocka_unit_test(test_conditional_moments_equal_dense_conditioning),
        cmocka_unit_test(test_gradient_equals_central_differences),
        cmocka_unit_test(test_marginal_dyestuff_matches_lme4_deviance),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
