/* The sampler's kernels: draws of coefficients and effects against their exact conditional moments, frozen adaptation, streams. */
#include "small_model.h"

#include "api/api.h"
#include "fit/mcmc_priv.h"

typedef struct { model m; bm_stats *st; bm_post *post; } set_up;

/* Groups of very different sizes and a covariate that follows the size: the coefficients' factor is then far from diagonal. */
static void confound(model *m)
{
    size_t n = m->d.n, J = m->g.J;

    for (size_t i = J; i < n; i++) m->g.code[i] = (int32_t)((double)J * pow((double)(i - J) / (double)(n - J), 0.25));
    m->pr.xbar[1] = 0;
    for (size_t i = 0; i < n; i++) {
        m->d.X[i + n] = 30 + m->g.code[i] + 0.1 * m->d.X[i + n];
        m->pr.xbar[1] += m->d.X[i + n] / (double)n;
    }
}

static void make(set_up *s, size_t q, size_t J)
{
    bm_error err = { 0 };

    memset(s, 0, sizeof *s);
    model_make(&s->m, 21, 60, 2, q, J, true, true, true);
    confound(&s->m);
    for (size_t i = 0; i < q; i++) s->m.sds[i] = (bm_dist){ .kind = BM_DIST_HALF_CAUCHY, .a = { 0, 1 } };
    s->m.pr.sd[0] = s->m.sds;
    s->m.pr.cor[0] = s->m.cors;
    s->m.cors[0] = (bm_dist){ .kind = BM_DIST_LKJ, .a = { 1 } };
    s->m.pr.sigma = (bm_dist){ .kind = BM_DIST_HALF_CAUCHY, .a = { 0, 1 } };
    bm_assert_ok(bm_stats_new(&s->st, &s->m.d, &err), err);
    bm_assert_ok(bm_post_new(&s->post, s->st, &s->m.pr, &s->m.d, &err), err);
}

static void drop(set_up *s)
{
    bm_post_free(s->post);
    bm_stats_free(s->st);
    model_free(&s->m);
}

/* ---- standardised draws: (b - E[b | theta]) / sd(b | theta) is N(0, 1), and so is u's, at the theta recorded with the draw ---- */

enum { CHECKED = 3 };
typedef struct { const bm_post *post; bm_point *pt; double *b, *bsd, *u, *usd, sum[CHECKED], square[CHECKED]; size_t n; } standard;

static void standardise(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    standard *s = self;

    (void)chain;
    (void)iter;
    assert_int_equal(bm_theta_from_natural(&s->post->th, natural, s->pt->x), BM_OK);
    assert_int_equal(bm_point_eval(s->pt), BM_OK);
    bm_assert_near(s->pt->lp_nat, lp, 1e-6);
    bm_marginal_conditional(s->pt->m, s->b, s->bsd, s->u, s->usd);
    double V[4], x = 39;
    bm_marginal_b_cov(s->pt->m, V);
    double cell = (b[0] - s->b[0] + x * (b[1] - s->b[1])) / sqrt(V[0] + 2 * x * V[1] + x * x * V[3]);
    double z[CHECKED] = { (b[1] - s->b[1]) / s->bsd[1], (u[0] - s->u[0]) / s->usd[0], cell };
    for (int k = 0; k < CHECKED; k++) {
        s->sum[k] += z[k];
        s->square[k] += z[k] * z[k];
    }
    s->n++;
}

/* 8000 independent standard normals: mean and mean square within 6 standard errors (6 x 3 x 2e-9 for a false alarm); an sd off by 5 % is 6.3. */
static void test_draws_have_their_exact_conditional_moments(void **state)
{
    (void)state;
    for (size_t q = 1; q <= 3; q++) {
        set_up         s;
        bm_mcmc       *mc = NULL;
        bm_error       err = { 0 };
        size_t         done;
        bm_fit_options opt = BM_FIT_OPTIONS_INIT;

        make(&s, q, 11);
        standard t = { .post = s.post, .b = calloc(2, 8), .bsd = calloc(2, 8), .u = calloc(s.post->nu, 8), .usd = calloc(s.post->nu, 8) };
        bm_assert_ok(bm_point_new(&t.pt, s.post, &err), err);
        opt.chains = 1;
        opt.threads = 1;
        bm_assert_ok(bm_mcmc_new(&mc, s.post, &opt, &err), err);
        bm_assert_ok(bm_mcmc_warmup(mc, &err), err);
        bm_sink sink = { .self = &t, .u_every = 1, .draw = standardise };
        bm_assert_ok(bm_mcmc_run(mc, 8000, &sink, &done, &err), err);
        for (int k = 0; k < CHECKED; k++) {
            static const char *const what[CHECKED] = { "b", "u", "b_0 + 39 b_1" };
            double n = (double)t.n, mean = t.sum[k] / n, square = t.square[k] / n;

            if (fabs(mean) > 6 / sqrt(n) || fabs(square - 1) > 6 * sqrt(2 / n)) fail_msg("q = %zu, %s: mean %.4f, mean square %.4f", q, what[k], mean, square);
        }
        bm_mcmc_free(mc);
        bm_point_free(t.pt);
        free(t.b);
        free(t.bsd);
        free(t.u);
        free(t.usd);
        drop(&s);
    }
}

/* ---- streams and stopping ---- */

typedef struct { double x[4][300]; } kept;

static void keep(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    kept *k = self;

    (void)lp;
    (void)natural;
    k->x[chain][iter] = b[0] + u[1];
}

static void run(const set_up *s, int threads, size_t pieces, uint64_t seed, kept *k)
{
    bm_mcmc       *mc = NULL;
    bm_error       err = { 0 };
    size_t         done;
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_sink        sink = { .self = k, .u_every = 1, .draw = keep };

    opt.threads = threads;
    opt.seed = seed;
    opt.warmup = 300;
    bm_assert_ok(bm_mcmc_new(&mc, s->post, &opt, &err), err);
    bm_assert_ok(bm_mcmc_warmup(mc, &err), err);
    for (size_t i = 0; i < pieces; i++) bm_assert_ok(bm_mcmc_run(mc, 300 / pieces * (i + 1), &sink, &done, &err), err);
    assert_int_equal(done, 300);
    bm_mcmc_free(mc);
}

static void test_draws_are_the_same_bits_whatever_the_threads_and_the_pieces(void **state)
{
    set_up s;
    kept   a, b, c, d;

    (void)state;
    make(&s, 2, 11);
    run(&s, 1, 1, 5, &a);
    run(&s, 4, 1, 5, &b);
    run(&s, 2, 3, 5, &c);
    run(&s, 2, 1, 6, &d);
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_equal(&a, &c, sizeof a);
    assert_memory_not_equal(&a, &d, sizeof a);
    assert_memory_not_equal(a.x[0], a.x[1], sizeof a.x[0]);
    drop(&s);
}

static void test_a_stop_flag_ends_the_run_with_what_there_is(void **state)
{
    static volatile sig_atomic_t stop = 1;
    set_up         s;
    bm_mcmc       *mc = NULL;
    bm_error       err = { 0 };
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;

    (void)state;
    make(&s, 1, 11);
    opt.stop = &stop;
    bm_assert_ok(bm_mcmc_new(&mc, s.post, &opt, &err), err);
    assert_int_equal(bm_mcmc_warmup(mc, &err), BM_INTERRUPTED);
    bm_mcmc_free(mc);
    drop(&s);
}

static void nothing(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    (void)self, (void)chain, (void)iter, (void)lp, (void)b, (void)natural, (void)u;
}

/* A trajectory after a jump, which the chain does not see from outside: its first gradient is that of where the jump came to. */
static void test_after_jumps_trajectories_begin_with_the_gradient_there(void **state)
{
    enum { TIMES = 60 };
    set_up         s;
    bm_mcmc       *mc = NULL;
    bm_error       err = { 0 };
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_sink        sink = { .draw = nothing };
    double         g[8];
    size_t         done;

    (void)state;
    make(&s, 2, 11);
    assert_true(s.post->th.d <= 8);
    opt.chains = 1;
    opt.warmup = 200;
    bm_assert_ok(bm_mcmc_new(&mc, s.post, &opt, &err), err);
    bm_mcmc_force(mc, BM_MOVE_JUMPS);
    bm_assert_ok(bm_mcmc_warmup(mc, &err), err);
    for (size_t i = 1; i <= TIMES; i++) {
        const bm_chain *c = &mc->chain[0];

        bm_assert_ok(bm_mcmc_run(mc, i, &sink, &done, &err), err);
        assert_int_equal(bm_point_gradient(c->cur, g), BM_OK);
        for (size_t k = 0; k < s.post->th.d; k++) bm_assert_near(c->g_cur[k], g[k], 1e-12);
    }
    bm_mcmc_free(mc);
    drop(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws_have_their_exact_conditional_moments),
        cmocka_unit_test(test_draws_are_the_same_bits_whatever_the_threads_and_the_pieces),
        cmocka_unit_test(test_a_stop_flag_ends_the_run_with_what_there_is),
        cmocka_unit_test(test_after_jumps_trajectories_begin_with_the_gradient_there),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
