/* Several grouping factors together: the marginal likelihood, its gradient, conditional moments and draws against dense N x N Gaussian algebra
 * on small random models: crossed, nested, partly crossed, disconnected, a factor with a level per row, several effects per level. */
#include "marginal_checks.h"

#include "posterior/posterior.h"

enum { MOST = 4 };

typedef struct { size_t J, q; int how; } factor;    /* how: CROSSED at random, NESTED in the one before, LOCAL: near the diagonal, BLOCKS: two halves apart, ROWS,
                                                     * GRID: every combination with the one before,
                                                     * NEAR: the one before, but for a row in 29 */
enum { CROSSED, NESTED, LOCAL, BLOCKS, ROWS, GRID, NEAR };

typedef struct {
    const char *name;
    size_t      n, p, nfac;
    factor      f[MOST];
    bool        weights;
} shape;

static const shape SHAPES[] = {
    { "two crossed intercepts", 40, 2, 2, { { 9, 1, CROSSED }, { 5, 1, CROSSED } }, false },
    { "nested, three levels", 60, 2, 3, { { 3, 1, CROSSED }, { 9, 1, NESTED }, { 25, 1, NESTED } }, true },
    { "crossed slopes", 70, 3, 2, { { 7, 2, CROSSED }, { 6, 3, CROSSED } }, true },
    { "three factors, one nested", 80, 1, 3, { { 6, 1, CROSSED }, { 5, 2, CROSSED }, { 14, 1, NESTED } }, false },
    { "disconnected", 50, 2, 2, { { 8, 1, BLOCKS }, { 10, 1, BLOCKS } }, false },
    { "a level for every row", 30, 2, 2, { { 5, 1, CROSSED }, { 30, 1, ROWS } }, false },
    { "partly crossed", 120, 2, 2, { { 40, 1, LOCAL }, { 30, 1, LOCAL } }, true },
    { "partly crossed, slopes", 120, 2, 3, { { 30, 2, LOCAL }, { 20, 1, LOCAL }, { 25, 2, LOCAL } }, false },
    { "no coefficients", 40, 0, 2, { { 9, 1, CROSSED }, { 6, 2, CROSSED } }, false },
    { "many coefficients", 100, 30, 2, { { 12, 1, CROSSED }, { 8, 2, CROSSED } }, true },
    { "partly crossed, mostly sparse", 400, 2, 2, { { 150, 1, LOCAL }, { 140, 2, LOCAL } }, false },
    { "a tail for LAPACK", 260, 2, 2, { { 60, 1, CROSSED }, { 50, 1, CROSSED } }, false },
    { "fully crossed, alike", 96, 1, 2, { { 24, 1, GRID }, { 4, 1, GRID } }, false },
    { "fully crossed, weights", 96, 2, 2, { { 24, 1, GRID }, { 4, 1, GRID } }, true },
    { "no coefficients, one effect each", 60, 0, 2, { { 20, 1, GRID }, { 3, 1, GRID } }, false },
    { "nearly confounded", 90, 2, 2, { { 9, 1, CROSSED }, { 9, 1, NEAR } }, false },
    { "nearly confounded, slopes", 120, 2, 2, { { 9, 2, CROSSED }, { 9, 1, NEAR } }, true },
    { "the smaller one first", 60, 2, 2, { { 5, 1, CROSSED }, { 11, 1, CROSSED } }, false },
    { "two smaller ones first", 120, 1, 3, { { 4, 1, CROSSED }, { 6, 1, CROSSED }, { 15, 1, CROSSED } }, false },
    { "panels", 400, 2, 2, { { 150, 1, LOCAL }, { 140, 1, LOCAL } }, true },
    { "panels, three factors", 400, 3, 3, { { 110, 1, CROSSED }, { 80, 1, CROSSED }, { 5, 1, CROSSED } }, false },
    { "nested beside crossed", 200, 2, 4, { { 4, 1, CROSSED }, { 12, 1, NESTED }, { 48, 1, NESTED }, { 7, 1, CROSSED } }, false },
    { "many in one, alike", 400, 2, 2, { { 2, 1, GRID }, { 100, 1, NESTED } }, false },
    { "more than stand side by side", 700, 2, 2, { { 1, 1, CROSSED }, { 690, 1, ROWS } }, true },
};
enum { NSHAPE = sizeof SHAPES / sizeof *SHAPES };

typedef struct {
    bm_design d;
    bm_group  g[MOST];
    bm_block  block[MOST];
    bm_priors pr;
    bm_dist   b[64];
    double    L[64], sigma;
    size_t    nL, nu;
} model;

static double *normals(bm_rng *r, size_t n)
{
    double *x = malloc((n + 1) * sizeof *x);

    bm_rng_normals(r, x, n);
    return x;
}

static int32_t level_of(const factor *f, const factor *parent, int32_t parent_code, size_t i, size_t n, bm_rng *r)
{
    uint64_t any = bm_rng_u64(r);

    switch (f->how) {
    case NEAR: return (int32_t)(((size_t)parent_code + (i % 29 == 0)) % f->J);
    case ROWS: return (int32_t)(i % f->J);
    case GRID: return (int32_t)((parent ? i / parent->J : i) % f->J);
    case NESTED: {                                   /* level = parent + k * parents: each belongs to one */
        size_t each = f->J / parent->J;
        return (int32_t)((size_t)parent_code + parent->J * (any % (each ? each : 1)));
    }
    case LOCAL: return (int32_t)((i * f->J / n + any % 3) % f->J);
    case BLOCKS: return (int32_t)(i < n / 2 ? any % (f->J / 2) : f->J / 2 + any % (f->J - f->J / 2));
    default: return (int32_t)(any % f->J);
    }
}

/* Codes 0 .. J-1 for the levels that occur. */
static size_t compact(int32_t *code, size_t n, size_t J)
{
    int32_t *map = malloc(J * sizeof *map), next = 0;

    for (size_t j = 0; j < J; j++) map[j] = -1;
    for (size_t i = 0; i < n; i++) {
        if (map[code[i]] < 0) map[code[i]] = next++;
        code[i] = map[code[i]];
    }
    free(map);
    return (size_t)next;
}

static void model_make(model *m, const shape *s, uint64_t seed)
{
    size_t n = s->n, p = s->p;
    bm_rng r;

    memset(m, 0, sizeof *m);
    bm_rng_key(&r, seed, 7, 0);
    m->d = (bm_design){ .n = n, .p = p, .y = normals(&r, n), .X = normals(&r, n * p), .intercept = p ? 0 : -1, .nfac = s->nfac, .fac = m->g };
    for (size_t i = 0; p && i < n; i++) m->d.X[i] = 1;
    if (s->weights) {
        m->d.w = normals(&r, n);
        for (size_t i = 0; i < n; i++) m->d.w[i] = exp(m->d.w[i]);
    }
    for (size_t k = 0; k < s->nfac; k++) {
        bm_group *g = &m->g[k];

        *g = (bm_group){ .name = (char *)"g", .q = s->f[k].q, .Z = normals(&r, n * s->f[k].q), .code = malloc(n * sizeof(int32_t)), .nblock = 1, .block = &m->block[k] };
        m->block[k] = (bm_block){ 0, g->q };
        for (size_t i = 0; i < n; i++) {
            g->code[i] = level_of(&s->f[k], k ? &s->f[k - 1] : NULL, k ? m->g[k - 1].code[i] : 0, i, n, &r);
            g->Z[i] = 1;
        }
    }
    for (size_t k = 0; k < s->nfac; k++) {
        bm_group *g = &m->g[k];

        g->J = compact(g->code, n, s->f[k].J);
        m->nu += g->J * g->q;
        for (size_t c = 0; c < g->q; c++)
            for (size_t a = 0; a < g->q; a++) m->L[m->nL++] = a >= c ? bm_rng_normal(&r) : 0;
    }
    m->pr = (bm_priors){ .p = p, .b = m->b, .xbar = calloc(p + 1, sizeof(double)), .nfac = s->nfac, .has_sigma = true };
    for (size_t k = 0; k < p; k++) m->b[k] = (bm_dist){ .kind = BM_DIST_NORMAL, .a = { 0.2 * (double)(k % 7) - 0.1, 0.5 + (double)(k % 5) } };
    m->sigma = 0.5 + bm_rng_uniform(&r);
}

static void model_free(model *m)
{
    free(m->d.y);
    free(m->d.X);
    free(m->d.w);
    free(m->pr.xbar);
    for (size_t k = 0; k < m->d.nfac; k++) {
        free(m->g[k].Z);
        free(m->g[k].code);
    }
}

/* The first factor's covariance singular: its last effect has no variance. */
static void make_singular(model *m)
{
    for (size_t i = 0, q = m->g[0].q; i < q; i++) m->L[q - 1 + i * q] = 0;
}

static void test_joint_marginal_equals_the_dense_gaussian_density(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2 * NSHAPE; k++) {
        model m;

        model_make(&m, &SHAPES[k / 2], 100 + k);
        if (k % 2) make_singular(&m);
        check_density(&m.d, &m.pr, m.L, m.sigma);
        model_free(&m);
    }
}

static void test_joint_restricted_and_maximum_likelihood_equal_dense_least_squares(void **state)
{
    (void)state;
    for (size_t k = 0; k < NSHAPE; k++) {
        model m;

        model_make(&m, &SHAPES[k], 150 + k);
        check_reml_and_ml(&m.d, m.L, m.sigma);
        model_free(&m);
    }
}

static void test_joint_conditional_moments_equal_dense_conditioning(void **state)
{
    (void)state;
    for (size_t k = 0; k < NSHAPE; k++) {
        model m;

        model_make(&m, &SHAPES[k], 200 + k);
        check_moments(&m.d, &m.pr, m.L, m.sigma, 1e-7);
        model_free(&m);
    }
}

static void test_joint_gradient_equals_central_differences(void **state)
{
    (void)state;
    for (size_t k = 0; k < NSHAPE; k++)
        for (int kind = BM_BAYES; kind <= BM_ML; kind++) {
            model m;

            model_make(&m, &SHAPES[k], 300 + k);
            check_gradient(&m.d, &m.pr, m.L, m.nL, m.sigma, kind, 4e-6);
            make_singular(&m);
            check_gradient(&m.d, &m.pr, m.L, m.nL, m.sigma, kind, 4e-6);
            m.L[0] = 1e-4;                           /* all but singular, where 1 - M^-1 has lost its digits */
            check_gradient(&m.d, &m.pr, m.L, m.nL, m.sigma, kind, 4e-6);
            model_free(&m);
        }
}

/* 20,000 draws: means within 5 standard errors, variances within 5 of theirs (2 sqrt(2 / n)); some 600 numbers, false alarm below 4e-4. */
static void test_joint_draws_have_the_conditional_moments(void **state)
{
    enum { DRAWS = 20000 };

    (void)state;
    for (size_t k = 0; k < 4; k++) {
        model  m;
        bm_rng rng;

        model_make(&m, &SHAPES[k], 400 + k);
        engine  e = engine_make(&m.d, &m.pr, BM_BAYES);
        size_t  p = m.d.p, all = p + m.nu;
        double *mean = calloc(5 * all + p, sizeof *mean), *sd = mean + all, *x = sd + all, *s1 = x + all, *s2 = s1 + all, *beta = s2 + all;
        bm_rng_key(&rng, 11, k, 0);
        assert_int_equal(bm_marginal_eval(e.m, m.L, m.sigma), BM_OK);
        bm_marginal_conditional(e.m, mean, sd, mean + p, sd + p);
        for (int i = 0; i < DRAWS; i++) {
            bm_marginal_draw(e.m, &rng, x, x + p, beta);
            for (size_t a = 0; a < all; a++) {
                double z = (x[a] - mean[a]) / sd[a];

                s1[a] += z / DRAWS;
                s2[a] += z * z / DRAWS;
            }
        }
        for (size_t a = 0; a < all; a++) {
            assert_true(fabs(s1[a]) < 5 / sqrt(DRAWS));
            assert_true(fabs(s2[a] - 1) < 5 * sqrt(2.0 / DRAWS));
        }
        free(mean);
        engine_free(&e);
        model_free(&m);
    }
}

static void test_factors_that_group_the_rows_identically_are_refused(void **state)
{
    model     m;
    bm_stats *st = NULL;
    bm_error  err = { 0 };

    (void)state;
    model_make(&m, &SHAPES[0], 5);
    memcpy(m.g[1].code, m.g[0].code, m.d.n * sizeof(int32_t));
    m.g[1].J = m.g[0].J;
    m.g[0].name = (char *)"plot";
    m.g[1].name = (char *)"field";
    assert_int_equal(bm_stats_new(&st, &m.d, &err), BM_EINVAL);
    bm_assert_says(err, "'plot' and 'field' group the rows identically");
    bm_assert_says(err, "drop one of the terms");
    assert_null(st);
    for (size_t i = 0; i < m.d.n; i++) m.g[1].Z[i] = m.d.X[i + m.d.n];      /* a slope on the same grouping is another effect */
    err = (bm_error){ 0 };
    bm_assert_ok(bm_stats_new(&st, &m.d, &err), err);
    bm_stats_free(st);
    model_free(&m);
}

static void test_nesting_is_recognised(void **state)
{
    model     m;
    bm_stats *st = NULL;
    bm_error  err = { 0 };

    (void)state;
    model_make(&m, &SHAPES[1], 6);
    bm_assert_ok(bm_stats_new(&st, &m.d, &err), err);
    assert_true(bm_stats_cross(st, 2, 1)->nested);
    assert_true(bm_stats_cross(st, 2, 0)->nested);
    assert_true(bm_stats_cross(st, 1, 0)->nested);
    assert_false(bm_stats_cross(st, 0, 1)->nested);
    bm_stats_free(st);
    model_free(&m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joint_marginal_equals_the_dense_gaussian_density),
        cmocka_unit_test(test_joint_restricted_and_maximum_likelihood_equal_dense_least_squares),
        cmocka_unit_test(test_joint_conditional_moments_equal_dense_conditioning),
        cmocka_unit_test(test_joint_gradient_equals_central_differences),
        cmocka_unit_test(test_joint_draws_have_the_conditional_moments),
        cmocka_unit_test(test_factors_that_group_the_rows_identically_are_refused),
        cmocka_unit_test(test_nesting_is_recognised),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
