/* Another response on the same rows: what bm_stats_respond computes, and the posterior made of it, against the same made from scratch. */
#include "testing.h"

#include "small_model.h"

typedef struct { size_t n, p, q, J; bool weights, offset, aliased, crossed; } shape;

static const shape SHAPES[] = {
    { 12, 2, 0, 0, false, false, false, false },     /* no grouping factor */
    { 40, 3, 1, 6, true, false, false, false },
    { 60, 2, 3, 7, true, true, false, false },
    { 90, 4, 2, 30, false, true, true, false },      /* a column that depends on others; several batches of groups */
    { 70, 0, 1, 20, true, false, false, false },     /* no coefficient */
    { 64, 2, 1, 32, false, false, false, false },    /* balanced: groups that share a factorisation */
    { 80, 3, 2, 9, true, true, true, true },
    { 80, 2, 1, 12, false, false, false, true },
};

/* A second factor with one effect per level, crossed with the first. */
static void add_factor(model *m, bm_group fac[2], bm_block *block, bm_dist *sd)
{
    size_t n = m->d.n;
    static bm_dist *sds[2], *cors[2];
    static bm_dist  none;

    fac[0] = m->g;
    fac[1] = (bm_group){ .J = 5, .q = 1, .Z = malloc(n * sizeof(double)), .code = malloc(n * sizeof(int32_t)), .nblock = 1, .block = block };
    *block = (bm_block){ 0, 1 };
    for (size_t i = 0; i < n; i++) {
        fac[1].Z[i] = 1;
        fac[1].code[i] = (int32_t)((i * i + i / 7) % 5);
    }
    for (size_t i = 0; i < 5; i++) fac[1].code[i] = (int32_t)i;
    m->d.fac = fac;
    m->d.nfac = m->pr.nfac = 2;
    sds[0] = m->pr.sd[0];
    sds[1] = sd;
    cors[0] = m->pr.cor[0];
    cors[1] = &none;
    m->pr.sd = sds;
    m->pr.cor = cors;
}

static void vary(model *m, const shape *s)
{
    for (size_t i = 0; s->aliased && i < s->n; i++) m->d.X[i + (s->p - 1) * s->n] = 2 * m->d.X[i] - m->d.X[i + s->n];
    for (size_t i = 0; s->n == 2 * s->J && i < s->n; i++) m->g.code[i] = (int32_t)(i % s->J);
    m->sds[0] = m->sds[1] = m->sds[2] = (bm_dist){ .kind = BM_DIST_HALF_NORMAL, .a = { 0, 2 } };
    m->cors[0] = (bm_dist){ .kind = BM_DIST_LKJ, .a = { 2 } };
    m->sd[0] = m->sds;
    m->cor[0] = m->cors;
    m->pr.sigma = (bm_dist){ .kind = BM_DIST_EXPONENTIAL, .a = { 1 } };
}

static void same(const double *a, const double *b, size_t n, double size, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        if (fabs(a[i] - b[i]) <= 1e-12 * size) continue;
        print_error("%s[%zu]: %.17g, from scratch %.17g\n", what, i, a[i], b[i]);
        fail();
    }
}

static void compare_stats(const bm_stats *got, const bm_stats *want)
{
    double size = sqrt(want->y_scale);

    assert_int_equal(got->n, want->n);
    assert_int_equal(got->rank, want->rank);
    bm_assert_near(got->yy, want->yy, 1e-12);
    bm_assert_near(got->y_scale, want->y_scale, 1e-14);
    bm_assert_near(got->sum_log_w, want->sum_log_w, 1e-15);
    bm_assert_near(got->log_det_K, want->log_det_K, 1e-15);
    same(got->b0, want->b0, got->p, size, "b0");
    same(got->Xy, want->Xy, got->p, size, "Xy");
    same(got->XX, want->XX, got->p * got->p, 1, "XX");
    same(got->K, want->K, got->p * got->p, 1, "K");
    for (size_t k = 0; k < got->nfac; k++) {
        const bm_facstat *a = &got->fac[k], *b = &want->fac[k];

        same(a->c, b->c, a->J * a->q, size * (double)got->n, "c");
        same(a->A, b->A, a->J * a->q * a->q, (double)got->n, "A");
        same(a->B, b->B, a->J * a->q * a->p, (double)got->n, "B");
    }
}

/* The density and its gradient at a few points. */
static void compare_posteriors(const bm_post *a, const bm_post *b)
{
    bm_point *x = NULL, *y = NULL;
    bm_error  err = { 0 };
    bm_rng    r;
    double    g[32], h[32];

    bm_rng_key(&r, 5, 5, 5);
    bm_assert_ok(bm_point_new(&x, a, &err), err);
    bm_assert_ok(bm_point_new(&y, b, &err), err);
    for (int t = 0; t < 5; t++) {
        for (size_t i = 0; i < a->th.d; i++) {
            long sd = -1;

            x->x[i] = bm_rng_normal(&r);
            for (size_t s = 0; s < a->th.nsd; s++)
                if (a->th.sd_x[s] == (long)i) sd = (long)s;
            /* sd = c sinh(x), and c is a matter of the response */
            y->x[i] = sd < 0 ? x->x[i] : asinh(a->th.sd_c[sd] / b->th.sd_c[sd] * sinh(x->x[i]));
        }
        bm_assert_ok(bm_point_gradient(x, g), err);
        bm_assert_ok(bm_point_gradient(y, h), err);
        bm_assert_near(x->lp_nat, y->lp_nat, 1e-11);
        for (size_t i = 0; i < a->th.d; i++) assert_true(fabs(g[i] - h[i]) <= 1e-9 * (1 + fabs(h[i])));
    }
    bm_point_free(x);
    bm_point_free(y);
}

static void check(const shape *s, uint64_t seed)
{
    model     m;
    bm_group  fac[2];
    bm_block  block;
    bm_dist   sd = { .kind = BM_DIST_HALF_NORMAL, .a = { 0, 2 } };
    bm_basis *basis = NULL;
    bm_stats *first = NULL, *got = NULL, *want = NULL;
    bm_post  *post = NULL, *a = NULL, *b = NULL;
    bm_error  err = { 0 };
    bm_rng    r;

    model_make(&m, seed, s->n, s->p, s->q, s->J, s->weights, s->offset, s->p > 1 && !s->aliased);
    vary(&m, s);
    if (s->crossed) add_factor(&m, fac, &block, &sd);
    bm_assert_ok(bm_stats_new(&first, &m.d, &err), err);
    bm_assert_ok(bm_basis_new(&basis, &m.d, &err), err);
    bm_assert_ok(bm_post_new(&post, first, &m.pr, &m.d, &err), err);
    bm_design other = m.d;
    other.y = malloc(s->n * sizeof(double));
    bm_rng_key(&r, seed, 8, 8);
    for (size_t i = 0; i < s->n; i++) other.y[i] = 1e3 + 40 * bm_rng_normal(&r);
    bm_assert_ok(bm_stats_respond(&got, first, basis, &other, &err), err);
    bm_assert_ok(bm_stats_new(&want, &other, &err), err);
    compare_stats(got, want);
    bm_assert_ok(bm_post_respond(&a, post, got, &other, &err), err);
    bm_assert_ok(bm_post_new(&b, want, &m.pr, &other, &err), err);
    compare_posteriors(a, b);
    bm_post_free(a);
    bm_post_free(b);
    bm_post_free(post);
    bm_stats_free(got);
    bm_stats_free(want);
    bm_stats_free(first);
    bm_basis_free(basis);
    free(other.y);
    if (s->crossed) {
        free(fac[1].Z);
        free(fac[1].code);
    }
    model_free(&m);
}

static void test_another_response_gives_the_statistics_and_the_posterior_made_from_scratch(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof SHAPES / sizeof *SHAPES; k++)
        for (uint64_t seed = 1; seed <= 3; seed++) check(&SHAPES[k], seed);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_another_response_gives_the_statistics_and_the_posterior_made_from_scratch) };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
