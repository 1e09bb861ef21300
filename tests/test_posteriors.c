/* Posteriors on which samplers fail, against quadrature: few groups, mass at sd = 0, heavy tails, supports that cut the mode off, modes at an edge,
 * densities that are infinite at 0, one row per group.
 *
 * One grouping factor with a single effect: theta has two dimensions, and the density that tests/test_marginal.c and tests/test_theta.c prove is summed on
 * a grid. Means within 5 Monte Carlo errors, sds within 3 % and 5 errors: with 2 parameters x 11 cases x 2 a false alarm has probability 3e-5 per seed, and
 * the seed is fixed; an error of 5 % of an sd is 5 errors at an ESS of 10,000. */
#include "small_model.h"

#include "draws/draws.h"
#include "fit/fit.h"

enum { DRAWS = 5000, CHAINS = 4 };

typedef struct { model m; bm_stats *st; bm_post *post; } set_up;

static const struct {
    const char *name;
    size_t      n, J;
    double      between, within;     /* spread that the data are given */
    bm_dist     sd, sigma;
} CASES[] = {
    { "three groups, half-Cauchy", 15, 3, 1, 1, { .kind = BM_DIST_HALF_CAUCHY, .a = { 0, 1 } }, { .kind = BM_DIST_HALF_CAUCHY, .a = { 0, 1 } } },
    { "no spread between groups", 40, 8, 0, 1, { .kind = BM_DIST_HALF_CAUCHY, .a = { 0, 2 } }, { .kind = BM_DIST_HALF_CAUCHY, .a = { 0, 2 } } },
    { "support cuts the mode off", 40, 8, 3, 1, { .kind = BM_DIST_UNIFORM, .a = { 0, 1 } }, { .kind = BM_DIST_HALF_NORMAL, .a = { 0, 2 } } },
    { "support away from 0", 40, 8, 0.2, 1, { .kind = BM_DIST_UNIFORM, .a = { 1, 2 } }, { .kind = BM_DIST_UNIFORM, .a = { 0.2, 1.2 } } },
    { "density infinite at 0", 40, 8, 0.3, 1, { .kind = BM_DIST_GAMMA, .a = { 0.5, 1 } }, { .kind = BM_DIST_HALF_NORMAL, .a = { 0, 2 } } },
    { "density 0 at 0", 40, 8, 0.1, 1, { .kind = BM_DIST_LOGNORMAL, .a = { -1, 0.5 } }, { .kind = BM_DIST_LOGNORMAL, .a = { 0, 1 } } },
    { "inverse gamma", 40, 8, 0.1, 1, { .kind = BM_DIST_INV_GAMMA, .a = { 0.5, 0.05 } }, { .kind = BM_DIST_INV_GAMMA, .a = { 1, 1 } } },
    { "heavy tail, five groups", 10, 5, 2, 0.5, { .kind = BM_DIST_HALF_CAUCHY, .a = { 0, 25 } }, { .kind = BM_DIST_HALF_CAUCHY, .a = { 0, 25 } } },
    { "a row per group", 12, 12, 1, 0.5, { .kind = BM_DIST_HALF_NORMAL, .a = { 0, 1 } }, { .kind = BM_DIST_HALF_NORMAL, .a = { 0, 1 } } },
    { "exponential, between far above within", 60, 6, 30, 0.1, { .kind = BM_DIST_EXPONENTIAL, .a = { 0.05 } }, { .kind = BM_DIST_EXPONENTIAL, .a = { 1 } } },
    { "half-t, large data", 600, 60, 0.7, 1, { .kind = BM_DIST_HALF_T, .a = { 3, 0, 1 } }, { .kind = BM_DIST_HALF_T, .a = { 3, 0, 1 } } },
};
enum { NCASE = sizeof CASES / sizeof *CASES };

static void make(set_up *s, size_t k)
{
    bm_error err = { 0 };
    bm_rng   r;
    double   u[64];

    memset(s, 0, sizeof *s);
    model_make(&s->m, 500 + k, CASES[k].n, 1, 1, CASES[k].J, false, false, false);
    bm_rng_key(&r, 900 + k, 0, 0);
    bm_rng_normals(&r, u, CASES[k].J);
    for (size_t i = 0; i < s->m.d.n; i++) s->m.d.y[i] = CASES[k].between * u[s->m.g.code[i]] + CASES[k].within * bm_rng_normal(&r);
    s->m.b[0] = (bm_dist){ .kind = BM_DIST_NORMAL, .a = { 0, 10 } };
    s->m.sds[0] = CASES[k].sd;
    s->m.pr.sd[0] = s->m.sds;
    s->m.pr.cor[0] = s->m.cors;
    s->m.pr.sigma = CASES[k].sigma;
    s->m.cors[0] = (bm_dist){ .kind = BM_DIST_LKJ, .a = { 1 } };
    bm_assert_ok(bm_stats_new(&s->st, &s->m.d, &err), err);
    bm_assert_ok(bm_post_new(&s->post, s->st, &s->m.pr, &s->m.d, &err), err);
}

static void drop(set_up *s)
{
    bm_post_free(s->post);
    bm_stats_free(s->st);
    model_free(&s->m);
}

/* Where log sd or log sigma may lie: a grid that ends inside a cell is off by half a cell of what is at the edge. */
static void support(const bm_dist *prior, double *lo, double *hi)
{
    bool bounded = prior->kind == BM_DIST_UNIFORM;

    *lo = bounded && prior->a[0] > 0 ? log(prior->a[0]) : -16;
    *hi = bounded ? log(prior->a[1]) : 9;
}

/* Means and sds of sd and sigma by a grid on log sd and log sigma. */
static void quadrature(const set_up *s, const bm_dist *const prior[2], double mean[2], double sd[2])
{
    enum { POINTS = 900 };
    double       lo[2], hi[2];
    bm_point    *pt = NULL;
    bm_error     err = { 0 };
    double       top = -INFINITY, total = 0, one[2] = { 0 }, two[2] = { 0 };
    double      *lp = malloc((size_t)POINTS * POINTS * sizeof *lp);

    for (int k = 0; k < 2; k++) support(prior[k], &lo[k], &hi[k]);
    bm_assert_ok(bm_point_new(&pt, s->post, &err), err);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < POINTS; i++)
            for (size_t j = 0; j < POINTS; j++) {
                double v[2] = { exp(lo[0] + (hi[0] - lo[0]) * ((double)i + 0.5) / POINTS), exp(lo[1] + (hi[1] - lo[1]) * ((double)j + 0.5) / POINTS) };

                if (pass == 0) {
                    lp[i * POINTS + j] = -INFINITY;
                    if (bm_theta_from_natural(&s->post->th, v, pt->x) != BM_OK || bm_point_eval(pt) != BM_OK) continue;
                    lp[i * POINTS + j] = pt->lp_nat + log(v[0]) + log(v[1]);     /* density of the logs */
                    top = fmax(top, lp[i * POINTS + j]);
                    continue;
                }
                double w = exp(lp[i * POINTS + j] - top);
                total += w;
                for (int k = 0; k < 2; k++) {
                    one[k] += w * v[k];
                    two[k] += w * v[k] * v[k];
                }
            }
    for (int k = 0; k < 2; k++) {
        mean[k] = one[k] / total;
        sd[k] = sqrt(two[k] / total - mean[k] * mean[k]);
    }
    free(lp);
    bm_point_free(pt);
}

typedef struct { double x[2][CHAINS * DRAWS]; } kept;

static void keep(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    kept *k = self;

    (void)lp;
    (void)b;
    (void)u;
    for (int i = 0; i < 2; i++) k->x[i][chain * DRAWS + iter] = natural[i];
}

static int check(size_t k)
{
    static kept    got;
    set_up         s;
    bm_mcmc       *mc = NULL;
    bm_error       err = { 0 };
    size_t         done;
    double         mean[2], sd[2];
    int            bad = 0;
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_sink        sink = { .self = &got, .draw = keep };

    make(&s, k);
    quadrature(&s, (const bm_dist *[]){ &CASES[k].sd, &CASES[k].sigma }, mean, sd);
    opt.seed = 77;
    bm_assert_ok(bm_mcmc_new(&mc, s.post, &opt, &err), err);
    bm_assert_ok(bm_mcmc_warmup(mc, &err), err);
    bm_assert_ok(bm_mcmc_run(mc, DRAWS, &sink, &done, &err), err);
    for (int i = 0; i < 2; i++) {
        const double *x = got.x[i];
        double        m = 0, v = 0, em = bm_mcse_mean(x, CHAINS, DRAWS), es = bm_mcse_sd(x, CHAINS, DRAWS), n = CHAINS * DRAWS;

        for (int j = 0; j < CHAINS * DRAWS; j++) m += x[j] / n;
        for (int j = 0; j < CHAINS * DRAWS; j++) v += (x[j] - m) * (x[j] - m) / (n - 1);
        if (fabs(m - mean[i]) <= 5 * em && fabs(sqrt(v) - sd[i]) <= fmax(0.03 * sd[i], 5 * es) && em < 0.05 * sd[i]) continue;
        print_error("%s, %s: mean %.5g (error %.2g), quadrature %.5g; sd %.5g (error %.2g), quadrature %.5g; ESS %.0f\n", CASES[k].name, i ? "sigma" : "sd", m, em,
                    mean[i], sqrt(v), es, sd[i], bm_ess_bulk(x, CHAINS, DRAWS));
        bad++;
    }
    bm_mcmc_free(mc);
    drop(&s);
    return bad;
}

static void test_hard_posteriors_equal_quadrature(void **state)
{
    int bad = 0;

    (void)state;
    for (size_t k = 0; k < NCASE; k++) bad += check(k);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_hard_posteriors_equal_quadrature) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
