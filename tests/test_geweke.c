/* The joint-distribution test (Geweke 2004, JASA 99:799) of every kernel: bm_geweke_run on small models of every structure.
 *
 * A right kernel fails with probability below 1e-7 per model (Bonferroni over kernels and quantities, fixed seeds). Priors are tight and data few, or
 * the drift of a wrong kernel would be small beside the spread of the priors; tests/mutants.sh breaks every kernel and demands that this test sees it. A
 * kernel that never moved would pass: that chains move is for the tests of calibration to see. */
#include "random_model.h"

#include "report/calibration.h"

typedef struct { shape s; int reps, steps; const char *kernels; } joint;

static const joint JOINTS[] = {
    { { "linear", "y ~ I(x + 3) + offset(x2)", { "b_I(x + 3) ~ student_t(3, 0, 0.5)", "Intercept ~ normal(0.5, 0.3)", "sigma ~ lognormal(-0.3, 0.3)" }, 8, 1, true, false, NULL, 1 },
      400, 24, "independence random_walk hamiltonian hamiltonian_jumps effects " },
    { { "slope", "y ~ x + (x | g)", { "b ~ normal(0, 0.5)", "sd ~ half_normal(0, 0.5)", "cor ~ lkj(3)", "sigma ~ exponential(1)" }, 24, 4, false, false, NULL, 1 }, 250, 24,
      "independence random_walk hamiltonian hamiltonian_jumps effects " },
    { { "inverse Wishart", "y ~ 1 + (x | g)", { "Intercept ~ normal(0, 1)", "cov(g) ~ inv_wishart(8, 4)" }, 24, 4, false, true, NULL, 1 }, 250, 24,
      "independence random_walk hamiltonian hamiltonian_jumps effects " },
    { { "crossed", "y ~ x + (x | g) + (1 | h)", { "b ~ student_t(4, 0, 0.5)", "sd ~ half_normal(0, 0.5)", "cor ~ lkj(2)", "sigma ~ lognormal(-0.3, 0.4)" }, 24, 4, true, false, NULL, 1 },
      120, 12, "independence random_walk hamiltonian hamiltonian_jumps factor_wise effects " },
    { { "nested", "y ~ 1 + (1 | g / h)", { "b ~ normal(0, 0.5)", "sd ~ half_normal(0, 0.5)", "sigma ~ lognormal(-0.3, 0.4)" }, 24, 4, false, false, NULL, 1 }, 120, 12,
      "independence random_walk hamiltonian hamiltonian_jumps factor_wise effects " },
};

static bm_geweke *test_of(const joint *j, bm_model **m, int threads)
{
    bm_geweke_options opt = BM_GEWEKE_OPTIONS_INIT;
    bm_geweke        *g = NULL;
    bm_error          err = { 0 };

    *m = random_model(&j->s, 1);
    opt.reps = j->reps;
    opt.steps = j->steps;
    opt.alpha = 1e-8;
    opt.threads = threads;
    bm_assert_ok(bm_geweke_run(&g, *m, &opt, &err), err);
    return g;
}

static void check(const joint *j)
{
    bm_model  *m = NULL;
    bm_geweke *g = test_of(j, &m, 0);
    char       kernels[256] = "";

    for (size_t k = 0; k < g->nkernel; k++) {
        const bm_geweke_kernel *kern = &g->kernel[k];

        snprintf(kernels + strlen(kernels), sizeof kernels - strlen(kernels), "%s ", kern->word);
        assert_int_equal(kern->failed, 0);
        for (size_t q = 0; q < g->nrow; q++)
            if (kern->cell[q].level == BM_NOT_CALIBRATED || getenv("VERBOSE"))
                print_error("%s, %s, %s: location %.1f, spread %.1f standard errors\n", j->s.name, kern->word, g->name[q], kern->cell[q].location, kern->cell[q].spread);
    }
    assert_string_equal(kernels, j->kernels);
    assert_true(bm_geweke_passed(g));
    bm_geweke_free(g);
    bm_model_free(m);
}

static void test_kernels_of_a_linear_model_keep_the_joint_distribution(void **state) { (void)state; check(&JOINTS[0]); }
static void test_kernels_of_a_correlated_slope_keep_the_joint_distribution(void **state) { (void)state; check(&JOINTS[1]); }
static void test_kernels_under_inverse_wishart_keep_the_joint_distribution(void **state) { (void)state; check(&JOINTS[2]); }
static void test_kernels_of_crossed_factors_keep_the_joint_distribution(void **state) { (void)state; check(&JOINTS[3]); }
static void test_kernels_of_nested_factors_keep_the_joint_distribution(void **state) { (void)state; check(&JOINTS[4]); }

static void test_the_result_does_not_depend_on_the_number_of_threads(void **state)
{
    joint      j = JOINTS[1];
    bm_model  *m = NULL;
    bm_geweke *g[2];

    (void)state;
    j.reps = 30;
    j.steps = 2;
    for (int i = 0; i < 2; i++) {
        g[i] = test_of(&j, &m, 1 + 2 * i);
        bm_model_free(m);
    }
    for (size_t k = 0; k < g[0]->nkernel; k++) assert_memory_equal(g[0]->kernel[k].cell, g[1]->kernel[k].cell, g[0]->nrow * sizeof(bm_geweke_cell));
    for (int i = 0; i < 2; i++) bm_geweke_free(g[i]);
}

/* A right sampler is called wrong in at most one of 100 runs, of few short chains, too: more than five of 30 have probability 6e-7. (Means of squared normal scores,
 * which are skewed, failed in a third of them.) */
static void test_few_chains_raise_no_false_alarm(void **state)
{
    bm_geweke_options opt = BM_GEWEKE_OPTIONS_INIT;
    bm_model         *m = random_model(&JOINTS[1].s, 1);
    bm_error          err = { 0 };
    int               alarms = 0;

    (void)state;
    opt.reps = 30;
    opt.steps = 1;
    for (opt.seed = 1; opt.seed <= 30; opt.seed++) {
        bm_geweke *g = NULL;

        bm_assert_ok(bm_geweke_run(&g, m, &opt, &err), err);
        alarms += !bm_geweke_passed(g);
        bm_geweke_free(g);
    }
    print_message("%d of 30 runs\n", alarms);
    assert_true(alarms <= 5);
    bm_model_free(m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_of_a_linear_model_keep_the_joint_distribution),
        cmocka_unit_test(test_kernels_of_a_correlated_slope_keep_the_joint_distribution),
        cmocka_unit_test(test_kernels_under_inverse_wishart_keep_the_joint_distribution),
        cmocka_unit_test(test_kernels_of_crossed_factors_keep_the_joint_distribution),
        cmocka_unit_test(test_kernels_of_nested_factors_keep_the_joint_distribution),
        cmocka_unit_test(test_few_chains_raise_no_false_alarm),
        cmocka_unit_test(test_the_result_does_not_depend_on_the_number_of_threads),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
