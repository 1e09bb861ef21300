/* Models whose numbers are hard (hard_model.h): the density of the variance parameters, the means and sds of coefficients and group effects given them, the restricted
 * likelihood and its optimum, against dense algebra in quadruple precision. Then a million rows of which there are few different ones. */
#define BM_ORACLE_QUAD
#include "hard_model.h"

static void check(const hard_model *m, const char *what, double got, double want, double tolerance)
{
    if (fabs(got - want) <= tolerance * m->loss) return;
    print_error("%s: %s: got %.17g, want %.17g\n", m->name, what, got, want);
    fail();
}

static void check_moments(const hard_model *m, const oracle *o, bm_marginal *marginal)
{
    double *mean = calloc(4 * o->e, sizeof *mean), *sd = mean + o->e, *want = sd + o->e, *want_sd = want + o->e;

    bm_marginal_conditional(marginal, mean, sd, mean + o->p, sd + o->p);
    oracle_moments(o, m->d.y, 0, o->e, want, want_sd);
    for (size_t k = 0; k < o->e; k++) {
        check(m, k < o->p ? "mean of b" : "mean of u", mean[k], want[k], 1e-6 * want_sd[k]);
        check(m, k < o->p ? "sd of b" : "sd of u", sd[k], want_sd[k], 1e-6 * want_sd[k]);
    }
    free(mean);
}

static void test_densities_and_moments_are_those_of_quadruple_precision(void **state)
{
    static const double factor[] = { 0.03, 1, 10 };

    (void)state;
    for (size_t k = 0; k < NHARD; k++) {
        hard_model *m = hard_new(k);
        bm_model   *model = hard_library(m);
        bm_point   *pt;
        bm_error    err = { 0 };

        bm_assert_ok(bm_point_new(&pt, model->post, &err), err);
        for (size_t i = 0; i < 9; i++) {
            double  natural[3] = { m->sd_scale[0] * factor[i % 3], m->sd_scale[1] * factor[i % 3] };
            natural[m->q] = m->sigma_scale * factor[i / 3];
            oracle *o = hard_oracle(m, natural, false);
            double  want = hard_log_density(m, o, natural);

            assert_int_equal(bm_theta_from_natural(&model->post->th, natural, pt->x), BM_OK);
            assert_int_equal(bm_point_eval(pt), BM_OK);
            check(m, "log density", pt->lp_nat, want, 1e-8 * fmax(1, fabs(want)));
            check_moments(m, o, pt->m);
            oracle_free(o);
        }
        bm_point_free(pt);
        bm_model_free(model);
        free(m);
    }
}

/* -2 log restricted likelihood at log sd, log sigma. */
static double criterion(const hard_model *m, const double *x)
{
    double  natural[2] = { exp(x[0]), exp(x[1]) }, v;
    oracle *o = hard_oracle(m, natural, true);

    v = -2 * oracle_logp(o, m->d.y);
    oracle_free(o);
    return v;
}

/* The criterion is what quadruple precision says at the optimum; its slope is zero there, and it curves upwards on all sides; coefficients and their standard errors are
 * those of generalised least squares. */
static void test_reml_is_that_of_quadruple_precision(void **state)
{
    const double h = 1e-3;
    size_t       done = 0;

    (void)state;
    for (size_t k = 0; k < NHARD; k++) {
        hard_model     *m = hard_new(k);
        bm_model       *model = hard_library(m);
        bm_reml_options opt = BM_REML_OPTIONS_INIT;
        bm_reml        *r = NULL;
        bm_error        err = { 0 };
        double          natural[2], x[2], at, mean[COLUMNS], sd[COLUMNS];

        opt.ci = BM_CI_NONE;
        if (!m->no_reml) {
            bm_assert_ok(bm_reml_run(&r, model, &opt, &err), err);
            bm_reml_natural(r, natural);
            assert_true(natural[0] > 0 && natural[1] > 0);
            for (int i = 0; i < 2; i++) x[i] = log(natural[i]);
            at = criterion(m, x);
            check(m, "REML criterion", r->criterion, at, 1e-8 * fmax(1, fabs(at)));
            for (int i = 0; i < 8; i++) {
                double y[2] = { x[0] + h * cos(i * M_PI / 4), x[1] + h * sin(i * M_PI / 4) }, z[2] = { 2 * x[0] - y[0], 2 * x[1] - y[1] };
                double up = criterion(m, y) - at, down = criterion(m, z) - at, step = (up - down) / (2 * (up + down)) * h;   /* to the minimum on this line */

                assert_true(up > 0 && down > 0);
                check(m, "way to the optimum in log sd and log sigma", step, 0, 2e-5);
            }
            oracle *o = hard_oracle(m, natural, true);
            oracle_moments(o, m->d.y, 0, m->p, mean, sd);
            for (size_t i = 0; i < m->p; i++) {
                check(m, "REML coefficient", r->b[i], mean[i], 1e-6 * sd[i]);
                check(m, "its standard error", r->se[i], sd[i], 1e-6 * sd[i]);
            }
            oracle_free(o);
            bm_reml_free(r);
            done++;
        }
        bm_model_free(model);
        free(m);
    }
    assert_int_equal(done, 9);
}

/* Every row of the first group 62,500 times, the other group a single row. Repeated rows say what one row of that weight says, but for the constant
 * of their densities: -(c - 1) / 2 log(2 pi sigma^2) - log(c) / 2 for c of them. */
static void test_a_million_rows_in_one_group_and_one_in_another(void **state)
{
    enum { DIFFERENT = 16, TIMES = 62500, MANY = DIFFERENT * TIMES + 1 };
    static double  y[MANY], x[MANY];
    static const char *g[MANY];
    hard_model    *m = hard_new(0);
    bm_frame      *f;
    bm_spec       *s;
    bm_model      *model;
    bm_point      *pt;
    bm_error       err = { 0 };

    (void)state;
    m->n = DIFFERENT + 1;
    m->J = 2;
    m->weights = true;
    m->loss = 1000;
    for (size_t i = 0; i < m->n; i++) {
        m->code[i] = i == DIFFERENT;
        m->w[i] = i == DIFFERENT ? 1 : TIMES;
    }
    hard_meaning(m);
    for (size_t i = 0; i < MANY; i++) {
        size_t from = i == MANY - 1 ? DIFFERENT : i % DIFFERENT;

        y[i] = m->y[from];
        x[i] = m->x[from];
        g[i] = i == MANY - 1 ? "one" : "million";
    }
    m->gcode[DIFFERENT] = 1;
    bm_assert_ok(bm_frame_new(&f, MANY, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "y", y, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x", x, &err), err);
    bm_assert_ok(bm_frame_add_factor(f, "g", g, &err), err);
    bm_assert_ok(bm_spec_new(&s, &err), err);
    hard_set(s, "formula", "y ~ x + (1 | g)");
    hard_set(s, "prior", "b_Intercept ~ normal(1, 2)");
    hard_set(s, "prior", "b_x ~ normal(0, 1)");
    hard_set(s, "prior", "sd ~ half_normal(0, 1)");
    hard_set(s, "prior", "sigma ~ half_normal(0, 1)");
    bm_assert_ok(bm_model_new(&model, s, f, &err), err);
    bm_assert_ok(bm_point_new(&pt, model->post, &err), err);
    for (int i = 0; i < 4; i++) {
        double  natural[2] = { i % 2 ? 0.2 : 3, i / 2 ? 0.5 : 1.3 };
        oracle *o = hard_oracle(m, natural, false);
        double  want = hard_log_density(m, o, natural) - DIFFERENT * (0.5 * (TIMES - 1) * log(2 * M_PI * natural[1] * natural[1]) + 0.5 * log(TIMES));

        assert_int_equal(bm_theta_from_natural(&model->post->th, natural, pt->x), BM_OK);
        assert_int_equal(bm_point_eval(pt), BM_OK);
        check(m, "log density of a million rows", pt->lp_nat, want, 1e-12 * fabs(want));
        check_moments(m, o, pt->m);
        oracle_free(o);
    }
    bm_point_free(pt);
    bm_model_free(model);
    bm_spec_free(s);
    bm_frame_free(f);
    free(m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_densities_and_moments_are_those_of_quadruple_precision),
        cmocka_unit_test(test_reml_is_that_of_quadruple_precision),
        cmocka_unit_test(test_a_million_rows_in_one_group_and_one_in_another),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
