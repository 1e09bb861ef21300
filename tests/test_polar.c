/* A factor with a level for every row: the likelihood knows the sum of its variance and sigma's alone. With the same half-normal prior on both sds the posterior
 * density is a function of s^2 + sigma^2, so atan(s / sigma) is uniform on (0, pi / 2), whatever the data and the other factors: an exact reference.
 *
 * Mean and mean square of the angle, and the mean of the radius by quadrature, within 5.5 Monte Carlo errors, seeds fixed: 7 numbers, false alarm 3e-7. An error of 5 %
 * of the posterior sd of either is five such errors or more. */
#include "testing.h"

#include <stdlib.h>

#include "api/api.h"

#include <math.h>

enum { ROWS = 120 };

/* group may be NULL */
static void response(double *y, unsigned *group)
{
    bm_rng r;
    double u[9];

    bm_rng_key(&r, 2, 7, 1);
    bm_rng_normals(&r, u, 9);
    for (size_t i = 0; i < ROWS; i++) {
        unsigned g = (unsigned)(9 * bm_rng_uniform(&r)) % 9;

        y[i] = 3 + u[g] + 1.4 * bm_rng_normal(&r);
        if (group) group[i] = g;
    }
}

static bm_fit *fit(const char *formula, const char *sampler)
{
    bm_frame      *frame = NULL;
    bm_spec       *spec = NULL;
    bm_model      *m = NULL;
    bm_fit        *f = NULL;
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_error       err = { 0 };
    double         y[ROWS];
    unsigned       group[ROWS];
    char           text[2][ROWS][8];
    const char    *label[2][ROWS];

    response(y, group);
    for (unsigned i = 0; i < ROWS; i++) {
        snprintf(text[0][i], sizeof text[0][i], "g%u", group[i] % 10);
        snprintf(text[1][i], sizeof text[1][i], "i%u", i % 1000);
        for (int k = 0; k < 2; k++) label[k][i] = text[k][i];
    }
    bm_assert_ok(bm_frame_new(&frame, ROWS, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "y", y, &err), err);
    bm_assert_ok(bm_frame_add_factor(frame, "g", label[0], &err), err);
    bm_assert_ok(bm_frame_add_factor(frame, "id", label[1], &err), err);
    bm_assert_ok(bm_spec_new(&spec, &err), err);
    bm_assert_ok(bm_spec_set(spec, "formula", formula, &err), err);
    bm_assert_ok(bm_spec_set(spec, "prior", "sd ~ half_normal(0, 2)", &err), err);
    bm_assert_ok(bm_spec_set(spec, "prior", "sigma ~ half_normal(0, 2)", &err), err);
    bm_assert_ok(bm_spec_set(spec, "prior", "b ~ flat()", &err), err);
    bm_assert_ok(bm_spec_set(spec, "sampler", sampler, &err), err);
    bm_assert_ok(bm_model_new(&m, spec, frame, &err), err);
    bm_spec_fit_options(spec, &opt);
    opt.draws = 8000;
    bm_assert_ok(bm_fit_run(&f, m, &opt, &err), err);
    assert_string_equal(f->run.sampler, sampler);
    bm_spec_free(spec);
    bm_frame_free(frame);
    bm_model_free(m);
    return f;
}

static const double *variable(const bm_draws *d, const char *name)
{
    for (size_t v = 0; v < d->nvar; v++)
        if (strcmp(d->names[v], name) == 0) return d->x + v * d->nchain * d->niter;
    fail_msg("no variable %s", name);
    return NULL;
}

/* r = sqrt(s^2 + sigma^2) given y without other factors: density r exp(-r^2 / 8) r^-(n - 1) exp(-S / 2 r^2), S the sum of squares about the mean. */
static double mean_radius(void)
{
    double y[ROWS], mean = 0, S = 0, sum = 0, total = 0;

    response(y, NULL);
    for (size_t i = 0; i < ROWS; i++) mean += y[i] / ROWS;
    for (size_t i = 0; i < ROWS; i++) S += (y[i] - mean) * (y[i] - mean);
    for (double r = 0.5; r < 6; r += 1e-4) {
        double w = exp((2 - ROWS) * log(r / 1.7) - r * r / 8 - S / (2 * r * r) + 60);

        total += w;
        sum += w * r;
    }
    return sum / total;
}

static void check_radius(const double *s, const double *sigma, const bm_draws *d)
{
    size_t  n = d->nchain * d->niter;
    double *r = malloc(n * sizeof *r), mean = 0, want = mean_radius(), error;

    assert_non_null(r);
    for (size_t i = 0; i < n; i++) mean += (r[i] = hypot(s[i], sigma[i])) / (double)n;
    error = bm_mcse_mean(r, d->nchain, d->niter);
    if (!(fabs(mean - want) < 5.5 * error && error < 0.0015)) fail_msg("radius %.5f, not %.5f (error %.5f)", mean, want, error);
    free(r);
}

static void check(const char *formula, const char *sampler)
{
    bm_fit         *f = fit(formula, sampler);
    const bm_draws *d = f->draws;
    const double   *s = variable(d, "sd_id__Intercept"), *sigma = variable(d, "sigma");
    size_t          n = d->nchain * d->niter;
    double         *t = malloc(2 * n * sizeof *t), mean[2] = { 0 };

    assert_non_null(t);
    for (size_t i = 0; i < n; i++) {
        t[i] = atan2(s[i], sigma[i]) * M_2_PI;
        t[n + i] = t[i] * t[i];
        for (size_t k = 0; k < 2; k++) mean[k] += t[k * n + i] / (double)n;
    }
    for (size_t k = 0; k < 2; k++) {
        double want = k ? 1 / 3. : 0.5, error = bm_mcse_mean(t + k * n, d->nchain, d->niter);

        if (!(fabs(mean[k] - want) < 5.5 * error && error < 0.006)) fail_msg("%s, %s: moment %zu of the angle %.4f, not %.4f (error %.4f)", formula, sampler, k + 1, mean[k], want, error);
    }
    if (!strstr(formula, "g)")) check_radius(s, sigma, d);
    for (size_t v = 1; v < f->nmonitored; v++)
        if (f->summary[v].ess_bulk < 3200 || f->summary[v].rhat > 1.01)
            fail_msg("%s, %s: %s: effective sample size %.0f of 32000, R-hat %.3f", formula, sampler, f->summary[v].name, f->summary[v].ess_bulk, f->summary[v].rhat);
    free(t);
    bm_fit_free(f);
}

static void test_one_factor(void **state) { (void)state; check("y ~ 1 + (1 | id)", "collapsed"); }
static void test_two_factors_together(void **state) { (void)state; check("y ~ 1 + (1 | g) + (1 | id)", "collapsed"); }
static void test_two_factors_by_sweeps(void **state) { (void)state; check("y ~ 1 + (1 | g) + (1 | id)", "gibbs"); }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_factor),
        cmocka_unit_test(test_two_factors_together),
        cmocka_unit_test(test_two_factors_by_sweeps),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
