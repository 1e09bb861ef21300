/* The factor-wise sampler against the collapsed one, on the same posteriors, and the choice between the two.
 *
 * 2 x 4 chains; means, sds and exact moments within 6 joint Monte Carlo errors: some 150 numbers, a false alarm with probability below 4e-7, once, for the
 * seeds are fixed. Power: a mean of coefficients or of sigma that is off by 5 % of its posterior sd is 6 such errors or more, where DETAIL says so; the test
 * demands that. */
#include "testing.h"

#include <stdlib.h>

#include "api/api.h"

enum { DETAIL = 10000 };                             /* draws per chain from which on a shift of 5 % is demanded to be seen */

typedef struct { const char *name, *data, *formula; int draws, thin; } example;     /* data NULL: simulated */

static const example EXAMPLES[] = {
    { "crossed, balanced", "Penicillin.csv", "diameter ~ 1 + (1 | plate) + (1 | sample)", DETAIL, 2 },
    { "crossed, unbalanced", NULL, "y ~ x + (1 | a) + (1 | b)", DETAIL, 2 },
    { "nested, three levels", NULL, "y ~ x + (1 | a / c)", DETAIL + 2500, 6 },
    { "crossed, correlated slope", NULL, "y ~ x + (x | a) + (1 | b)", DETAIL + 2500, 3 },
    { "partly nested, partly crossed", NULL, "y ~ x + (1 | a / c) + (1 | b)", DETAIL, 6 },
    { "crossed, six correlations", NULL, "y ~ x + (x + x2 + x3 | a) + (1 | b)", 4000, 1 },
    { "nested written as crossed", "Pastes.csv", "strength ~ 1 + (1 | batch) + (1 | sample)", 4000, 2 },
    { "nested slope", "Pixel.csv", "pixel ~ day + I(day^2) + (day | Dog) + (1 | Side:Dog)", 3000, 4 },
    { "three crossed factors", "patents.csv.gz", "logdays ~ small + (1 | applicant) + (1 | examiner) + (1 | technology)", 800, 2 },
};

/* 300 rows: a (20 levels) and b (7) cross, both skewed; c is nested in a. */
static bm_frame *simulated(void)
{
    enum { N = 300, A = 20, B = 7 };
    bm_frame   *f = NULL;
    bm_error    err = { 0 };
    bm_rng      r;
    double      ua[A], slope[A], ub[B], uc[2 * A], x[N], x2[N], x3[N], y[N];
    char        text[3][N][8];
    const char *label[3][N];

    bm_rng_key(&r, 5, 5, 1);
    bm_rng_normals(&r, ua, A);
    bm_rng_normals(&r, slope, A);
    bm_rng_normals(&r, ub, B);
    bm_rng_normals(&r, uc, 2 * A);
    for (size_t i = 0; i < N; i++) {
        size_t a = i < A ? i : (size_t)(A * bm_rng_uniform(&r) * bm_rng_uniform(&r)), b = (size_t)(B * bm_rng_uniform(&r) * bm_rng_uniform(&r));
        size_t c = 2 * a + (i < A || bm_rng_uniform(&r) < 0.4), at[3] = { a, b, c };

        x[i] = bm_rng_normal(&r);
        y[i] = 0.5 * x[i] + ua[a] + (0.3 * ua[a] + 0.5 * slope[a]) * x[i] + ub[b] + 0.6 * uc[c] + bm_rng_normal(&r);
        for (int k = 0; k < 3; k++) {
            snprintf(text[k][i], sizeof text[k][i], "%c%u", "abc"[k], (unsigned)at[k] % 1000);
            label[k][i] = text[k][i];
        }
    }
    bm_rng_normals(&r, x2, N);
    bm_rng_normals(&r, x3, N);
    bm_assert_ok(bm_frame_new(&f, N, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "y", y, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x", x, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x2", x2, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x3", x3, &err), err);
    for (int k = 0; k < 3; k++) bm_assert_ok(bm_frame_add_factor(f, (char[]){ "abc"[k], 0 }, label[k], &err), err);
    return f;
}

static bm_model *model_of(const example *e)
{
    bm_spec  *s = NULL;
    bm_model *m = NULL;
    bm_frame *f = e->data ? NULL : simulated();
    bm_error  err = { 0 };
    char      path[256];

    bm_assert_ok(bm_spec_new(&s, &err), err);
    if (e->data) {
        snprintf(path, sizeof path, "tests/data/%s", e->data);
        bm_assert_ok(bm_spec_set(s, "data", path, &err), err);
    }
    bm_assert_ok(bm_spec_set(s, "formula", e->formula, &err), err);
    bm_assert_ok(bm_model_new(&m, s, f, &err), err);
    bm_frame_free(f);
    bm_spec_free(s);
    return m;
}

static bm_fit *run(const bm_model *m, const example *e, bm_sampler sampler, int threads)
{
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_fit        *f = NULL;
    bm_error       err = { 0 };

    opt.draws = e->draws;
    opt.thin = sampler == BM_SAMPLER_GIBBS ? e->thin : 1;
    opt.sampler = sampler;
    opt.threads = threads;
    bm_assert_ok(bm_fit_run(&f, m, &opt, &err), err);
    return f;
}

static int compare(const example *e, const bm_fit *a, const bm_fit *b)
{
    const double limit = 6;
    int          bad = 0;

    for (size_t v = 1; v < a->nmonitored; v++) {                                  /* lp__ is another density */
        const bm_summary_row *x = &a->summary[v], *y = &b->summary[v];
        double z = (x->mean - y->mean) / hypot(x->mcse_mean, y->mcse_mean), zs = (x->sd - y->sd) / hypot(x->mcse_sd, y->mcse_sd);
        double rb = isnan(x->rb_mean) ? 0 : (x->rb_mean - y->rb_mean) / hypot(x->mcse_mean, y->mcse_mean);

        bool   coarse = e->draws >= DETAIL && (x->name[0] == 'b' || strcmp(x->name, "sigma") == 0) && 0.05 * x->sd < limit * hypot(x->mcse_mean, y->mcse_mean);

        if (getenv("VERBOSE")) print_message("%-30s %-20s ESS %6.0f %6.0f: %5.1f %5.1f %5.1f\n", e->name, x->name, x->ess_bulk, y->ess_bulk, z, zs, rb);
        if (coarse) print_error("%s, %s: an error of 5 %% would not be seen: ESS %.0f and %.0f\n", e->name, x->name, x->ess_bulk, y->ess_bulk);
        bad += coarse;
        if (fabs(z) <= limit && fabs(zs) <= limit && fabs(rb) <= limit) continue;
        print_error("%s, %s: means %.6g and %.6g (%.1f), sds %.5g and %.5g (%.1f), exact moments %.1f\n", e->formula, x->name, x->mean, y->mean, z, x->sd, y->sd, zs, rb);
        bad++;
    }
    for (size_t k = 0; k < a->nranef; k++) {
        double sd = a->ranef[k].sd;

        if (fabs(a->ranef[k].mean - b->ranef[k].mean) <= 0.15 * sd && fabs(b->ranef[k].sd / sd - 1) <= 0.1) continue;
        print_error("%s, effect %zu: %.5g (%.4g) and %.5g (%.4g)\n", e->formula, k, a->ranef[k].mean, sd, b->ranef[k].mean, b->ranef[k].sd);
        bad++;
    }
    return bad;
}

static void test_both_samplers_agree_on_nine_designs(void **state)
{
    int bad = 0;

    (void)state;
    for (size_t i = 0; i < sizeof EXAMPLES / sizeof *EXAMPLES; i++) {
        bm_model *m = model_of(&EXAMPLES[i]);
        bm_fit   *a = run(m, &EXAMPLES[i], BM_SAMPLER_COLLAPSED, 0), *b = run(m, &EXAMPLES[i], BM_SAMPLER_GIBBS, 0);

        assert_string_equal(a->run.sampler, "collapsed");
        assert_string_equal(b->run.sampler, "gibbs");
        assert_non_null(strstr(b->run.kernel, "factor-wise collapsed Gibbs"));
        bad += compare(&EXAMPLES[i], a, b);
        bm_fit_free(a);
        bm_fit_free(b);
        bm_model_free(m);
    }
    assert_int_equal(bad, 0);
}

/* Of four effects per level a sweep moves theta by the gradient: a random walk of as many evaluations gets a quarter of the draws. */
static void test_theta_of_many_correlations_mixes(void **state)
{
    example   e = { "six correlations", NULL, "y ~ x + (x + x2 + x3 | a) + (1 | b)", 1000, 1 };
    bm_model *m = model_of(&e);
    bm_fit   *f = run(m, &e, BM_SAMPLER_GIBBS, 0);

    (void)state;
    if (!strstr(f->run.kernel, "Gibbs: a (") || !strstr(f->run.kernel, "Hamiltonian trajectory); b (")) fail_msg("%s", f->run.kernel);
    for (size_t v = 1; v < f->nmonitored; v++)
        if (f->summary[v].ess_bulk < 1400 || f->summary[v].rhat > 1.01)
            fail_msg("%s: effective sample size %.0f of 4000, R-hat %.3f", f->summary[v].name, f->summary[v].ess_bulk, f->summary[v].rhat);
    bm_fit_free(f);
    bm_model_free(m);
}

static void test_draws_do_not_depend_on_the_number_of_threads(void **state)
{
    example   e = EXAMPLES[0];
    bm_model *m = model_of(&e);

    (void)state;
    e.draws = 50;
    bm_fit *a = run(m, &e, BM_SAMPLER_GIBBS, 1), *b = run(m, &e, BM_SAMPLER_GIBBS, 3);
    assert_memory_equal(a->draws->x, b->draws->x, a->draws->nvar * a->draws->nchain * a->draws->niter * sizeof(double));
    bm_fit_free(a);
    bm_fit_free(b);
    bm_model_free(m);
}

static void test_the_choice_says_why(void **state)
{
    bm_model *m = model_of(&EXAMPLES[0]), *large = model_of(&(example){ .data = "InstEval.csv.gz", .formula = "y ~ 1 + (1 | s) + (1 | d)" });
    char      why[256];
    bool      collapsed;
    bm_choice choice;
    bm_error  err = { 0 };

    (void)state;
    bm_assert_ok(bm_choose_collapsed(m->post, BM_SAMPLER_AUTO, &collapsed, why, sizeof why, &err), err);
    assert_true(collapsed);
    assert_non_null(strstr(why, "2 grouping factors with 30 effects: integrating all of them out together takes about"));
    bm_assert_ok(bm_choose_collapsed(m->post, BM_SAMPLER_GIBBS, &collapsed, why, sizeof why, &err), err);
    assert_false(collapsed);
    assert_non_null(strstr(why, "chosen by --sampler"));
    bm_assert_ok(bm_model_choose(m, &choice, &err), err);
    assert_true(choice.collapsed);
    bm_assert_ok(bm_model_choose(large, &choice, &err), err);
    assert_false(choice.collapsed);
    assert_non_null(strstr(choice.why, "a sweep factor by factor"));
    assert_non_null(strstr(choice.why, "; pilot: "));
    bm_model_free(m);
    bm_model_free(large);
}

static void test_gibbs_for_one_factor_is_refused(void **state)
{
    bm_spec  *s = NULL;
    bm_model *m = NULL;
    bm_error  err = { 0 };

    (void)state;
    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "data", "tests/data/Pastes.csv", &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", "strength ~ 1 + (1 | batch)", &err), err);
    bm_assert_ok(bm_spec_set(s, "sampler", "gibbs", &err), err);
    assert_int_equal(bm_model_new(&m, s, NULL, &err), BM_EINVAL);
    bm_assert_says(err, "--sampler gibbs moves one grouping factor at a time; this model has one");
    bm_spec_free(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_samplers_agree_on_nine_designs),
        cmocka_unit_test(test_theta_of_many_correlations_mixes),
        cmocka_unit_test(test_draws_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(test_the_choice_says_why),
        cmocka_unit_test(test_gibbs_for_one_factor_is_refused),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
