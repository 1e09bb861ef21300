/* How slowly the factor-wise sweeps mix: the pilot's rate against the spectral radius of the sweep, from dense matrices; and what is done about confounded
 * factors: sampled together they have the posterior of the collapsed sampler, and mix.
 *
 * Monte Carlo: 2 x 4 chains, seeds fixed, means and sds within 5 joint Monte Carlo errors: 10 numbers, false alarm below 1e-5, once; an error of 5 % in an sd is 6. */
#include "testing.h"

#include <stdlib.h>

#include "api/api.h"
#include "fit/gibbs.h"

enum { G = 30, ROWS = 900 };

/* g, its near copy h (a share of rows moved elsewhere), k crossed with both. */
static bm_model *confounded(size_t J, size_t rows, double moved, const char *formula, const char *priors[])
{
    bm_frame   *frame = NULL;
    bm_spec    *spec = NULL;
    bm_model   *m = NULL;
    bm_error    err = { 0 };
    bm_rng      r;
    double     *u = malloc((2 * J + rows) * sizeof *u), *v = u + J, *y = v + J, w[6];
    char      (*text[3])[8];
    const char **label[3];

    assert_non_null(u);
    for (int f = 0; f < 3; f++) {
        assert_non_null(text[f] = malloc(rows * sizeof *text[f]));
        assert_non_null(label[f] = malloc(rows * sizeof *label[f]));
    }
    bm_rng_key(&r, 11, 0, 1);
    bm_rng_normals(&r, u, J);
    bm_rng_normals(&r, v, J);
    bm_rng_normals(&r, w, 6);
    for (size_t i = 0; i < rows; i++) {
        size_t g = i % J, h = bm_rng_uniform(&r) < moved ? (size_t)(bm_rng_uniform(&r) * (double)J) : g, k = (size_t)(6 * bm_rng_uniform(&r) * bm_rng_uniform(&r));
        size_t at[3] = { g, h, k };

        y[i] = 2 * u[g] + 2 * v[h] + w[k] + bm_rng_normal(&r);
        for (int f = 0; f < 3; f++) {
            snprintf(text[f][i], sizeof text[f][i], "%c%u", "ghk"[f], (unsigned)at[f] & 0xffff);
            label[f][i] = text[f][i];
        }
    }
    bm_assert_ok(bm_frame_new(&frame, rows, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "y", y, &err), err);
    for (int f = 0; f < 3; f++) bm_assert_ok(bm_frame_add_factor(frame, (char[]){ "ghk"[f], 0 }, label[f], &err), err);
    bm_assert_ok(bm_spec_new(&spec, &err), err);
    bm_assert_ok(bm_spec_set(spec, "formula", formula, &err), err);
    for (size_t k = 0; priors && priors[k]; k++) bm_assert_ok(bm_spec_set(spec, "prior", priors[k], &err), err);
    bm_assert_ok(bm_model_new(&m, spec, frame, &err), err);
    bm_spec_free(spec);
    bm_frame_free(frame);
    for (int f = 0; f < 3; f++) {
        free(text[f]);
        free(label[f]);
    }
    free(u);
    return m;
}

/* ---- the rate, by dense matrices: A of (g, h) with the intercept integrated out under a flat prior, plus 1 / sd^2, sigma = 1 ---- */

static void precision(const bm_design *d, double sd, double Q[2 * G][2 * G])
{
    double n[2 * G] = { 0 };

    memset(Q, 0, sizeof(double[2 * G][2 * G]));
    for (size_t i = 0; i < d->n; i++) {
        size_t a = (size_t)d->fac[0].code[i], b = G + (size_t)d->fac[1].code[i];

        n[a]++;
        n[b]++;
        Q[a][a]++;
        Q[b][b]++;
        Q[a][b]++;
        Q[b][a]++;
    }
    for (size_t a = 0; a < 2 * G; a++) {
        for (size_t b = 0; b < 2 * G; b++) Q[a][b] -= n[a] * n[b] / (double)d->n;
        Q[a][a] += 1 / (sd * sd);
    }
}

/* x <- -Q_kk^-1 Q_kl x_l by plain elimination */
static void solve_block(double Q[2 * G][2 * G], size_t k, size_t l, double *x)
{
    double A[G][G + 1];

    for (size_t a = 0; a < G; a++) {
        A[a][G] = 0;
        for (size_t b = 0; b < G; b++) {
            A[a][b] = Q[k + a][k + b];
            A[a][G] -= Q[k + a][l + b] * x[l + b];
        }
    }
    for (size_t a = 0; a < G; a++)
        for (size_t b = a + 1; b < G; b++) {
            double f = A[b][a] / A[a][a];

            for (size_t c = a; c <= G; c++) A[b][c] -= f * A[a][c];
        }
    for (size_t a = G; a-- > 0;) {
        x[k + a] = A[a][G];
        for (size_t b = a + 1; b < G; b++) x[k + a] -= A[a][b] * x[k + b];
        x[k + a] /= A[a][a];
    }
}

static double spectral_radius(const bm_design *d, double sd)
{
    double Q[2 * G][2 * G], x[2 * G], size = 1;

    precision(d, sd, Q);
    for (size_t a = 0; a < 2 * G; a++) x[a] = sin(1 + (double)(a * a));
    for (int t = 0; t < 3000; t++) {
        solve_block(Q, 0, G, x);
        solve_block(Q, G, 0, x);
        size = sqrt(bm_dot(G, x + G, x + G));
        for (size_t a = 0; a < 2 * G; a++) x[a] /= size;
    }
    return size;
}

static void test_the_pilot_finds_the_rate_of_the_sweep(void **state)
{
    static const double moved[] = { 0.9, 0.4, 0.15 };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const char *priors[] = { "sd ~ constant(0.6)", "sigma ~ constant(1)", NULL };
        bm_model   *m = confounded(G, ROWS, moved[i], "y ~ 1 + (1 | g) + (1 | h)", priors);
        bm_gibbs   *g = NULL;
        bm_error    err = { 0 };
        double      want = spectral_radius(m->design, 0.6);

        bm_assert_ok(bm_gibbs_new(&g, m->post, &err), err);
        assert_int_equal(g->npart, 2);
        if (fabs(g->coupling - want) > 0.05 * (1 - want)) fail_msg("%g of the rows moved: rate %.5f, by dense matrices %.5f", moved[i], g->coupling, want);
        bm_gibbs_free(g);
        bm_model_free(m);
    }
}

/* ---- what is done about it ---- */

static bm_fit *fit(const bm_model *m, bm_sampler sampler)
{
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_fit        *f = NULL;
    bm_error       err = { 0 };

    opt.draws = 4000;
    opt.sampler = sampler;
    opt.seed = 3;
    bm_assert_ok(bm_fit_run(&f, m, &opt, &err), err);
    return f;
}

static void test_confounded_factors_are_sampled_together(void **state)
{
    static const struct { const char *formula, *parts; } cases[] = {
        { "y ~ 1 + (1 | g) + (1 | h)", "collapsed Gibbs: g + h (" },
        { "y ~ 1 + (1 | g) + (1 | k) + (1 | h)", "; joined because a draw took " },
    };
    int bad = 0;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        bm_model *m = confounded(G, ROWS, 0.02, cases[i].formula, NULL);
        bm_fit   *a = fit(m, BM_SAMPLER_COLLAPSED), *b = fit(m, BM_SAMPLER_GIBBS);

        assert_string_equal(b->run.sampler, "gibbs");
        if (!strstr(b->run.kernel, cases[i].parts)) fail_msg("%s", b->run.kernel);
        for (size_t v = 1; v < a->nmonitored; v++) {
            const bm_summary_row *x = &a->summary[v], *y = &b->summary[v];
            double z = (x->mean - y->mean) / hypot(x->mcse_mean, y->mcse_mean), zs = (x->sd - y->sd) / hypot(x->mcse_sd, y->mcse_sd);

            if (y->ess_bulk >= 1600 && y->rhat < 1.01 && fabs(z) < 5 && fabs(zs) < 5) continue;
            print_error("%s, %s: mean %.4g and %.4g (%.1f), sd %.4g and %.4g (%.1f), ESS %.0f, R-hat %.3f\n", cases[i].formula, x->name, x->mean, y->mean, z, x->sd, y->sd, zs,
                        y->ess_bulk, y->rhat);
            bad++;
        }
        bm_fit_free(a);
        bm_fit_free(b);
        bm_model_free(m);
    }
    assert_int_equal(bad, 0);
}

static void test_factors_that_cross_widely_stay_apart(void **state)
{
    bm_model *m = confounded(G, ROWS, 1, "y ~ 1 + (1 | g) + (1 | h)", NULL);
    bm_gibbs *g = NULL;
    bm_error  err = { 0 };

    (void)state;
    bm_assert_ok(bm_gibbs_new(&g, m->post, &err), err);
    assert_int_equal(g->npart, 2);
    assert_true(g->coupling < 0.6);
    assert_true(g->joined[0] == 0);
    bm_gibbs_free(g);
    bm_model_free(m);
}

/* Costs alone do not settle these two: both are twice as dear together as a sweep. */
/* Many rows for each pair of levels: a sweep leaves a thousandth, and after a few of them there is only rounding to be seen. */
static void test_rounding_is_no_slow_direction(void **state)
{
    bm_model *m = confounded(6, 60000, 1, "y ~ 1 + (1 | g) + (1 | h)", NULL);
    bm_gibbs *g;
    bm_error  err = { 0 };

    (void)state;
    bm_assert_ok(bm_gibbs_new(&g, m->post, &err), err);
    assert_int_equal(g->npart, 2);
    assert_true(g->coupling < 0.1);
    bm_gibbs_free(g);
    bm_model_free(m);
}

static void test_a_pilot_settles_what_costs_do_not(void **state)
{
    static const struct { size_t J, rows; double moved; bool collapsed; } cases[] = { { 1500, 15000, 0.13, true }, { 1000, 40000, 0.1, false } };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        bm_model *m = confounded(cases[i].J, cases[i].rows, cases[i].moved, "y ~ 1 + (1 | g) + (1 | h)", NULL);

        bm_choice c;
        bm_error  err = { 0 };

        bm_assert_ok(bm_model_choose(m, &c, &err), err);
        if (c.collapsed != cases[i].collapsed || !strstr(c.why, "; pilot: ")) fail_msg("%zu rows: %s: %s", cases[i].rows, c.collapsed ? "collapsed" : "gibbs", c.why);
        assert_non_null(strstr(c.why, " sweeps per effective draw"));
        bm_model_free(m);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_pilot_finds_the_rate_of_the_sweep),
        cmocka_unit_test(test_confounded_factors_are_sampled_together),
        cmocka_unit_test(test_factors_that_cross_widely_stay_apart),
        cmocka_unit_test(test_rounding_is_no_slow_direction),
        cmocka_unit_test(test_a_pilot_settles_what_costs_do_not),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
