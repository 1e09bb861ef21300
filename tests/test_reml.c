/* REML and ML fits: against lme4 and lmerTest (R 4.2.2, lme4 1.1-31), NIST's one-way layouts, closed forms, and identities. */
#include "reml_fixture.h"

#include "fit/optim.h"

static const bm_reml_options reml = BM_REML_OPTIONS_INIT;

static bm_reml_options with_ml(void)
{
    bm_reml_options o = reml;

    o.ml = true;
    return o;
}

static bm_reml_options with_profile(void)
{
    bm_reml_options o = reml;

    o.ci = BM_CI_PROFILE;
    return o;
}

static fixture *sleepstudy(const char *x, const char *z, const char *blocks)
{
    return fixture_new("tests/data/sleepstudy.csv", "Reaction", x, z, "Subject", blocks);
}

/* ---- lme4 ---- */

static void test_sleepstudy_slope_agrees_with_lme4(void **state)
{
    fixture *f = sleepstudy("1 Days", "1 Days", "2");
    bm_reml *r = fixture_fit(f, &reml);

    (void)state;
    bm_assert_near(r->criterion, 1743.62827195849, 1e-11);
    bm_assert_near(r->b[0], 251.405104848484, 1e-9);
    bm_assert_near(r->b[1], 10.4672859595956, 1e-9);
    bm_assert_near(r->se[0], 6.82455653202919, 1e-7);
    bm_assert_near(r->se[1], 1.54578889629167, 1e-7);
    bm_assert_near(r->vcov[1], -1.45109570578315, 1e-6);
    bm_assert_near(r->group[0].sd[0], 24.7404514641983, 1e-7);
    bm_assert_near(r->group[0].sd[1], 5.92213310371643, 1e-7);
    bm_assert_near(r->group[0].cor[1], 0.0655513196648663, 1e-5);
    bm_assert_near(r->sigma, 25.5918156267465, 1e-8);
    bm_assert_near(r->df[0], 16.9997262884927, 1e-4);            /* lmerTest differentiates twice by differences; 17 is exact */
    bm_assert_near(r->df[1], 16.9999837255917, 1e-4);
    bm_assert_near(r->df[0], 17, 1e-7);
    bm_assert_near(r->aic, 1755.62827195849, 1e-10);
    bm_assert_near(r->bic, 1774.78601306383, 1e-10);
    assert_string_equal(r->group[0].levels[0], "308");
    bm_assert_near(r->group[0].u[0], 2.25856554995138, 1e-5);
    bm_assert_near(r->group[0].u[1], 9.19897187949188, 1e-6);
    bm_assert_near(r->group[0].u_sd[0], 12.0708369083498, 1e-6);
    bm_assert_near(r->group[0].u_sd[1], 2.30483701522094, 1e-6);
    assert_false(r->singular);
    assert_int_equal(r->npar, 6);
    assert_true(r->search.converged && r->search.gnorm < 1e-8);
    bm_reml_free(r);
    fixture_free(f);
}

/* Few rows: lme4 1.1-31 as it comes ends in a minimum at 98.55966; of 200 random starts of its criterion (minqa's bobyqa) the best end here. */
static void test_the_lowest_of_several_minima_is_found(void **state)
{
    fixture *f = fixture_new("tests/data/two_optima.csv", "y", "1 x3 x2", "1 x1", "g", "2");
    bm_reml *r = fixture_fit(f, &reml);

    (void)state;
    bm_assert_near(r->criterion, 95.4717191620, 1e-8);
    bm_assert_near(r->group[0].sd[0] / r->sigma, 4.5461970253, 1e-5);
    assert_true(r->search.starts > r->search.agree);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_sleepstudy_by_maximum_likelihood_agrees_with_lme4(void **state)
{
    fixture        *f = sleepstudy("1 Days", "1 Days", "2");
    bm_reml_options o = with_ml();
    bm_reml        *r = fixture_fit(f, &o);

    (void)state;
    bm_assert_near(r->criterion, 1751.93934446320, 1e-12);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_sleepstudy_intervals_agree_with_lme4(void **state)
{
    /* confint(fm, method = "profile"): sds, correlation, sigma, b */
    static const double profile[6][2] = { { 14.3814734812731, 37.7159917916023 }, { 3.80116426904329, 8.75338304645803 }, { -0.481500761103802, 0.68498625015103 },
                                          { 22.8982668811125, 28.8579965113368 }, { 237.680695505234, 265.129514680174 }, { 7.35865327511699, 13.5759187517082 } };
    static const char *const kind[6] = { "sd", "sd", "cor", "sigma", "b", "b" };
    static const double wald[2][2] = { { 238.029141117362, 264.781068579608 }, { 7.43759392986527, 13.4969779893267 } };
    fixture        *f = sleepstudy("1 Days", "1 Days", "2");
    bm_reml_options o = with_profile();
    bm_reml        *r = fixture_fit(f, &reml);

    (void)state;
    assert_int_equal(r->ninterval, 2);
    for (size_t i = 0; i < 2; i++) {
        bm_assert_near(r->interval[i].lower, wald[i][0], 1e-5);
        bm_assert_near(r->interval[i].upper, wald[i][1], 1e-5);
    }
    bm_reml_free(r);
    r = fixture_fit(f, &o);
    assert_int_equal(r->ninterval, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(r->interval[i].kind, kind[i]);
        bm_assert_near(r->interval[i].lower, profile[i][0], 1e-4);      /* lme4 interpolates */
        bm_assert_near(r->interval[i].upper, profile[i][1], 1e-4);
    }
    bm_reml_free(r);
    fixture_free(f);
}

static void test_q3_reaches_the_optimum_that_lme4_misses(void **state)
{
    fixture *f = sleepstudy("1 Days Days^2", "1 Days Days^2", "3");
    bm_reml *r = fixture_fit(f, &reml);

    (void)state;
    assert_true(r->criterion < 1729.27112015366 + 1e-6);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_weights_and_offset_agree_with_lme4(void **state)
{
    fixture *f = fixture_new("tests/data/sleepstudy_w.csv", "Reaction", "1 Days", "1 Days", "Subject", "2");
    bm_reml *r;

    (void)state;
    f->d.w = calloc(f->d.n, sizeof(double));
    table_num(&f->t, "w", f->d.w);
    r = fixture_fit(f, &reml);
    bm_assert_near(r->criterion, 1795.37992261622, 1e-11);
    bm_reml_free(r);
    free(f->d.w);
    f->d.w = NULL;
    f->d.o = calloc(f->d.n, sizeof(double));
    table_num(&f->t, "off", f->d.o);
    r = fixture_fit(f, &reml);
    bm_assert_near(r->criterion, 1748.77851582097, 1e-11);
    bm_reml_free(r);
    fixture_free(f);
}

/* ---- the boundary ---- */

static void test_dyestuff2_has_no_variance_between_batches(void **state)
{
    fixture        *f = fixture_new("tests/data/Dyestuff2.csv", "Yield", "1", "1", "Batch", "1");
    bm_reml_options o = with_profile();
    bm_reml        *r = fixture_fit(f, &o);

    (void)state;
    bm_assert_near(r->criterion, 161.828277812288, 1e-11);
    assert_true(r->singular);
    assert_true(r->group[0].sd[0] == 0);
    assert_int_equal(r->boundary.n, 1);
    assert_string_equal(r->boundary.v[0], "sd(Batch, (Intercept)) = 0");
    for (size_t j = 0; j < 6; j++) assert_true(r->group[0].u[j] == 0 && r->group[0].u_sd[j] == 0);
    assert_true(r->interval[0].lower == 0 && r->interval[0].upper > 0.5);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_a_correlation_of_one_is_found_and_named(void **state)
{
    fixture *f = fixture_new("tests/data/nclus50.csv", "y", "1 x", "1 x", "cluster", "2");
    bm_reml *r = fixture_fit(f, &reml);

    (void)state;
    assert_true(fabs(r->criterion - 787.588137986807) < 1e-6);
    assert_true(r->singular);
    assert_string_equal(r->boundary.v[0], "cor(cluster: (Intercept), x) = 1");
    bm_assert_near(r->group[0].cor[1], 1, 1e-9);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_a_covariance_matrix_without_full_rank_is_named(void **state)
{
    fixture *f = sleepstudy("1 Days", "1 Days Days^2", "3");
    bm_reml *r;

    (void)state;
    for (size_t i = 0; i < f->d.n; i++) {            /* y whose effects lie in a plane: a line through the origin of (slope, curve) */
        double u = sin(7.0 * f->g.code[i]), v = cos(11.0 * f->g.code[i]), t = f->g.Z[i + f->d.n];

        f->d.y[i] = 10 * u + 3 * v * (t - 4) + 2 * (u + v) * t * t + 0.5 * sin(100.0 * (double)i * (double)i);
    }
    r = fixture_fit(f, &reml);
    assert_true(r->singular);
    assert_true(r->boundary.n >= 1);
    assert_true(strstr(r->boundary.v[0], "no full rank") || strstr(r->boundary.v[0], "cor("));
    bm_reml_free(r);
    fixture_free(f);
}

static void test_units_and_origin_of_a_covariate_do_not_matter(void **state)
{
    bm_reml_options o = with_ml();
    double          want = 1751.93934446320;

    (void)state;
    for (int k = 0; k < 3; k++) {
        static const double scale[] = { 1e6, 1e-6, 1 }, shift[] = { 0, 0, 1000 };
        fixture *f = sleepstudy("1 Days", "1 Days", "2");
        bm_reml *r;

        for (size_t i = 0; i < f->d.n; i++) {
            double x = scale[k] * f->d.X[i + f->d.n] + shift[k];

            f->d.X[i + f->d.n] = f->g.Z[i + f->d.n] = x;
        }
        r = fixture_fit(f, &o);
        bm_assert_near(r->criterion, want, 1e-10);
        bm_assert_near(r->group[0].sd[1] * scale[k], 5.71683, 1e-5);
        assert_false(r->singular && k < 2);
        bm_reml_free(r);
        fixture_free(f);
    }
}

/* ---- closed forms ---- */

static void test_linear_model_is_least_squares(void **state)
{
    fixture *f = fixture_new("tests/data/sleepstudy.csv", "Reaction", "1 Days", NULL, NULL, "");
    bm_reml *r = fixture_fit(f, &reml);

    (void)state;                                     /* R: summary(lm(Reaction ~ Days, sleepstudy)); REML criterion by gls() */
    bm_assert_near(r->criterion, 1893.66366347211, 1e-12);
    bm_assert_near(r->b[0], 251.40510484848453, 1e-12);
    bm_assert_near(r->b[1], 10.467285959595964, 1e-12);
    bm_assert_near(r->se[0], 6.61015404428758, 1e-9);
    bm_assert_near(r->df[0], 178, 1e-9);
    bm_assert_near(r->sigma, 47.7147197437785, 1e-9);
    bm_reml_free(r);
    fixture_free(f);
}

/* Balanced one-way layout: sigma^2 is the mean square within, sigma^2 + n tau^2 the one between; where that is the smaller, tau is 0 and
 * sigma^2 pools both. https://www.itl.nist.gov/div898/strd/anova/anova.html */
static void test_mean_squares_of_nist_layouts(void **state)
{
    static const struct { const char *name; double between, within, rtol; } sets[] = {
        { "SiRstv", 0.0127865654, 0.010831828, 1e-09 },
        { "SmLs01", 0.21, 0.01, 1e-09 },
        { "SmLs02", 2.01, 0.01, 1e-09 },
        { "SmLs03", 20.01, 0.01, 1e-09 },
        { "SmLs04", 0.21, 0.01, 1e-08 },
        { "SmLs05", 2.01, 0.01, 1e-08 },
        { "SmLs06", 20.01, 0.01, 1e-08 },
        { "SmLs07", 0.21, 0.01, 0.002 },
        { "AtmWtAg", 3.638341875e-09, 2.28155932971014e-10, 1e-09 },
    };

    (void)state;
    for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
        char     path[64];
        fixture *f;
        bm_reml *r;
        double   J, n, between, within;

        snprintf(path, sizeof path, "tests/data/nist/%s.csv", sets[k].name);
        f = fixture_new(path, "y", "1", "1", "group", "1");
        r = fixture_fit(f, &reml);
        J = (double)f->g.J;
        n = (double)f->d.n / J;
        within = r->sigma * r->sigma;
        between = within + n * r->group[0].G[0];
        if (sets[k].between >= sets[k].within) {
            bm_assert_near(within, sets[k].within, sets[k].rtol);
            bm_assert_near(between, sets[k].between, sets[k].rtol);
            assert_false(r->singular);
        } else {
            assert_true(r->singular);
            bm_assert_near(within, ((J - 1) * sets[k].between + J * (n - 1) * sets[k].within) / (J * n - 1), sets[k].rtol);
        }
        bm_reml_free(r);
        fixture_free(f);
    }
}

/* Known standard errors, one row per school: -2 log likelihood by the textbook formula, minimised by scanning tau. */
static double meta_criterion(const fixture *f, double tau, bool ml)
{
    double sw = 0, swy = 0, c = 0, mu;

    for (size_t i = 0; i < f->d.n; i++) {
        double v = 1 / f->d.w[i] + tau * tau;

        sw += 1 / v;
        swy += f->d.y[i] / v;
    }
    mu = swy / sw;
    for (size_t i = 0; i < f->d.n; i++) {
        double v = 1 / f->d.w[i] + tau * tau;

        c += log(2 * M_PI * v) + (f->d.y[i] - mu) * (f->d.y[i] - mu) / v;
    }
    return ml ? c : c + log(sw) - log(2 * M_PI);
}

static void test_known_standard_errors_against_a_scan(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        fixture        *f = fixture_new("tests/data/eight_schools.csv", "y", "1", "1", "school", "1");
        bm_reml_options o = reml;
        bm_reml        *r;
        double          best = INFINITY, at = 0;

        o.ml = k % 2;
        f->d.known_se = true;
        f->d.w = calloc(f->d.n, sizeof(double));
        table_num(&f->t, "se", f->d.w);
        for (size_t i = 0; i < f->d.n; i++) {
            f->d.w[i] = 1 / (f->d.w[i] * f->d.w[i]);
            if (k >= 2) f->d.y[i] *= 3;              /* as they are tau is zero */
        }
        for (double tau = 0; tau < 60; tau += 0.001) {
            double c = meta_criterion(f, tau, o.ml);

            if (c < best) {
                best = c;
                at = tau;
            }
        }
        r = fixture_fit(f, &o);
        assert_true(fabs(r->criterion - best) < 1e-7);
        assert_true(fabs(r->group[0].sd[0] - at) < 1.1e-3);
        assert_int_equal(r->npar, 2);
        assert_int_equal(r->singular, k < 2);
        bm_assert_near(r->sigma, 1, 1e-15);
        bm_reml_free(r);
        fixture_free(f);
    }
}

/* ---- identities ---- */

/* The collapsed posterior of (L, log sigma) with flat coefficients and a flat prior on (L, sigma): its log density, on its own coordinates. */
typedef struct { bm_marginal *m; size_t q; } collapsed;

static bm_status minus_log_posterior(void *self, const double *x, double *f, double *g)
{
    collapsed *c = self;
    size_t     q = c->q, at = 0;
    double     L[16] = { 0 };
    bm_status  st;

    for (size_t j = 0; j < q; j++)
        for (size_t i = j; i < q; i++) L[i + j * q] = x[at++] * (i ? 5 : 30);
    if ((st = bm_marginal_eval(c->m, L, 30 * exp(x[at]))) != BM_OK) return st;
    *f = -c->m->logp;
    if (!g) return BM_OK;
    assert_int_equal(bm_marginal_gradient(c->m), BM_OK);
    at = 0;
    for (size_t j = 0; j < q; j++)
        for (size_t i = j; i < q; i++) g[at++] = -c->m->dL[i + j * q] * (i ? 5 : 30);
    g[at] = -c->m->dlog_sigma;
    return BM_OK;
}

static void test_mode_of_the_collapsed_posterior_under_flat_priors_is_the_reml_estimate(void **state)
{
    fixture      *f = sleepstudy("1 Days", "1 Days", "2");
    bm_reml      *r = fixture_fit(f, &reml);
    bm_dist       flat[2] = { { .kind = BM_DIST_FLAT }, { .kind = BM_DIST_FLAT } };
    bm_priors     pr = { .p = 2, .b = flat };
    bm_coef_prior *cp = NULL;
    bm_packed    *pk = NULL;
    collapsed     c = { .q = 2 };
    bm_error      err = { 0 };
    bm_optimum    o;
    double        x[4] = { 0.5, 0.1, 0.9, 0.3 }, b[2], sd[2];
    bm_minimise_options opt = BM_MINIMISE_OPTIONS_INIT;

    (void)state;
    opt.gtol = 1e-9;
    bm_assert_ok(bm_packed_new(&pk, f->st, &err), err);
    bm_assert_ok(bm_coef_prior_new(&cp, f->st, &pr, &f->d, &err), err);
    bm_assert_ok(bm_marginal_new(&c.m, f->st, pk, cp, BM_BAYES, &err), err);
    bm_assert_ok(bm_minimise(minus_log_posterior, &c, x, 4, &opt, &o, &err), err);
    bm_assert_near(30 * fabs(x[0]), r->group[0].sd[0], 1e-7);
    bm_assert_near(5 * hypot(x[1], x[2]), r->group[0].sd[1], 1e-7);
    bm_assert_near(30 * exp(x[3]), r->sigma, 1e-8);
    bm_assert_near(2 * o.f, r->criterion, 1e-12);
    minus_log_posterior(&c, x, &o.f, NULL);
    bm_marginal_conditional(c.m, b, sd, NULL, NULL);
    for (int k = 0; k < 2; k++) {
        bm_assert_near(b[k], r->b[k], 1e-9);
        bm_assert_near(sd[k], r->se[k], 1e-7);
    }
    bm_marginal_free(c.m);
    bm_coef_prior_free(cp);
    bm_packed_free(pk);
    bm_reml_free(r);
    fixture_free(f);
}

/* A profile interval's ends, found by fitting with the coefficient's column in the offset. */
static void test_profile_interval_of_a_coefficient_is_where_the_deviance_has_risen(void **state)
{
    fixture        *f = fixture_new("tests/data/nclus50.csv", "y", "1 x", "1", "cluster", "1");
    bm_reml_options o = with_profile(), m = with_ml();
    bm_reml        *r = fixture_fit(f, &o), *full = fixture_fit(f, &m), *held;
    double          ends[2] = { r->interval[3].lower, r->interval[3].upper };

    (void)state;
    assert_int_equal(r->interval[3].a, 1);
    for (int k = 0; k < 2; k++) {
        fixture *g = fixture_new("tests/data/nclus50.csv", "y", "1", "1", "cluster", "1");

        g->d.o = calloc(g->d.n, sizeof(double));
        for (size_t i = 0; i < g->d.n; i++) g->d.o[i] = ends[k] * f->d.X[i + f->d.n];
        held = fixture_fit(g, &m);
        bm_assert_near(held->criterion - full->criterion, 3.841458820694124, 1e-5);
        bm_reml_free(held);
        fixture_free(g);
    }
    bm_reml_free(full);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_aliased_columns_are_dropped_with_a_note(void **state)
{
    fixture *f = sleepstudy("1 Days Days", "1 Days", "2");
    bm_reml *r = fixture_fit(f, &reml);

    (void)state;
    bm_assert_near(r->criterion, 1743.62827195849, 1e-11);
    bm_assert_near(r->se[1], 1.54578889629167, 1e-7);
    assert_true(r->aliased[2] && isnan(r->b[2]) && isnan(r->se[2]));
    assert_int_equal(r->npar, 6);
    assert_int_equal(r->notes.n, 1);
    assert_non_null(strstr(r->notes.v[0], "rank deficient: dropped 1 column that depends on the ones before: Days"));
    bm_reml_free(r);
    fixture_free(f);
}

/* ---- what cannot be fitted ---- */

static void says(fixture *f, const bm_reml_options *o, const char *text)
{
    bm_reml *r = NULL;
    bm_error err = { 0 };

    bm_assert_ok(fixture_stats(f, &err), err);
    assert_true(bm_reml_fit(&r, f->st, &f->d, o, &err) < 0);
    bm_assert_says(err, text);
    assert_null(r);
}

static void test_what_cannot_be_fitted_is_named(void **state)
{
    fixture        *f = sleepstudy("1 Days", "1", "1");
    bm_reml_options o = reml;

    (void)state;
    o.level = 1;
    says(f, &o, "the level of intervals is 1; it must be between 0 and 1");
    for (size_t i = 0; i < f->d.n; i++) f->d.y[i] = 3 + 2 * f->d.X[i + f->d.n];
    says(f, &reml, "perfect fit: the coefficients explain 'Reaction' to the last digit");
    for (size_t i = 0; i < f->d.n; i++) f->d.y[i] = 3 + sin(f->g.code[i] * 5.0);
    says(f, &reml, "perfect fit: coefficients and effects of 'Subject' explain 'Reaction'");
    fixture_free(f);
    f = fixture_new("tests/data/eight_schools.csv", "y", "1", "1", "school", "1");
    says(f, &reml, "every row is a level of 'school' of its own (8 levels, 8 rows)");
    f->d.n = 1;
    says(f, &reml, "1 rows for 1 coefficients: nothing is left");
    f->d.n = 8;
    f->d.known_se = true;
    f->g.Z[3] = INFINITY;
    says(f, &reml, "the criterion is not finite at any starting point");
    fixture_free(f);
}

/* ---- likelihood-ratio tests ---- */

static bm_status anova(bm_anova **out, fixture *a, fixture *b, const bm_reml_options *o, bm_error *err)
{
    bm_assert_ok(fixture_stats(a, err), *err);
    bm_assert_ok(fixture_stats(b, err), *err);
    bm_anova_side one = { a->st, &a->d, "A" }, two = { b->st, &b->d, "B" };

    return bm_anova_fit(out, &one, &two, o, err);
}

static double chisq1(double x) { return erfc(sqrt(x / 2)); }
static double chisq2(double x) { return exp(-x / 2); }

static void test_anova_of_a_correlated_slope_uses_the_mixture(void **state)
{
    fixture  *a = sleepstudy("1 Days", "1 Days", "2"), *b = sleepstudy("1 Days", "1", "1"), *c = sleepstudy("1 Days", "1 Days", "11");
    bm_anova *t = NULL;
    bm_error  err = { 0 };
    double    x;

    (void)state;                                     /* lme4: REML criteria 1786.4650853949, 1743.6692935813, 1743.62827195849 */
    bm_assert_ok(anova(&t, a, b, &reml, &err), err);
    x = 1786.4650853949 - 1743.62827195849;
    bm_assert_near(t->chisq, x, 1e-9);
    assert_int_equal(t->df, 2);
    bm_assert_near(t->p, 0.5 * chisq1(x) + 0.5 * chisq2(x), 1e-7);
    bm_assert_near(t->p_chisq, chisq2(x), 1e-7);
    assert_false(t->fit[0]->ml);
    assert_string_equal(t->fit[0]->formula, "B");
    assert_non_null(strstr(t->notes.v[0], "50:50 mixture of chi-square with 1 and 2 df"));
    bm_anova_free(t);
    bm_assert_ok(anova(&t, b, c, &reml, &err), err);
    x = 1786.4650853949 - 1743.6692935813;
    bm_assert_near(t->p, 0.5 * chisq1(x), 1e-7);
    bm_anova_free(t);
    bm_assert_ok(anova(&t, a, c, &reml, &err), err);             /* a correlation alone: not at a boundary */
    x = 1743.6692935813 - 1743.62827195849;
    bm_assert_near(t->p, chisq1(x), 1e-7);
    assert_int_equal(t->npart, 0);
    bm_anova_free(t);
    fixture_free(a);
    fixture_free(b);
    fixture_free(c);
}

static void test_anova_of_coefficients_fits_by_maximum_likelihood(void **state)
{
    fixture  *a = sleepstudy("1", "1 Days", "2"), *b = sleepstudy("1 Days", "1 Days", "2");
    bm_anova *t = NULL;
    bm_error  err = { 0 };

    (void)state;                                     /* anova() in lme4 */
    bm_assert_ok(anova(&t, b, a, &reml, &err), err);
    bm_assert_near(t->chisq, 1775.47588196108 - 1751.93934446320, 1e-9);
    bm_assert_near(t->p, 1.2256e-06, 1e-4);
    assert_int_equal(t->df, 1);
    assert_true(t->fit[0]->ml);
    assert_non_null(strstr(t->notes.v[0], "the coefficients differ: both models were fitted by maximum likelihood"));
    bm_anova_free(t);
    fixture_free(a);
    fixture_free(b);
}

static void test_anova_against_no_group_effects_and_several_at_once(void **state)
{
    fixture  *lm = fixture_new("tests/data/sleepstudy.csv", "Reaction", "1 Days", NULL, NULL, ""), *a = sleepstudy("1 Days", "1", "1");
    fixture  *two = sleepstudy("1 Days", "1 Days", "11"), *cor = sleepstudy("1 Days", "1 Days", "2");
    bm_anova *t = NULL;
    bm_error  err = { 0 };
    double    x = 1893.66366347211 - 1786.4650853949;

    (void)state;
    bm_assert_ok(anova(&t, lm, a, &reml, &err), err);
    bm_assert_near(t->p, 0.5 * chisq1(x), 1e-6);
    bm_anova_free(t);
    bm_assert_ok(anova(&t, lm, two, &reml, &err), err);
    x = 1893.66366347211 - 1743.6692935813;
    bm_assert_near(t->p, 0.5 * chisq1(x) + 0.25 * chisq2(x), 1e-6);
    assert_non_null(strstr(t->notes.v[0], "2 variances are zero under the smaller model"));
    bm_anova_free(t);
    bm_assert_ok(anova(&t, lm, cor, &reml, &err), err);
    assert_int_equal(t->npart, 0);
    assert_non_null(strstr(t->notes.v[0], "no simple mixture applies"));
    bm_anova_free(t);
    fixture_free(lm);
    fixture_free(a);
    fixture_free(two);
    fixture_free(cor);
}

static void refuses(fixture *a, fixture *b, const char *text)
{
    bm_anova *t = NULL;
    bm_error  err = { 0 };

    assert_true(anova(&t, a, b, &reml, &err) < 0);
    bm_assert_says(err, text);
    assert_null(t);
    fixture_free(a);
    fixture_free(b);
}

static void test_anova_refuses_what_it_cannot_compare(void **state)
{
    fixture *a, *b;

    (void)state;
    refuses(sleepstudy("1 Days", "1", "1"), sleepstudy("1 Days", "1", "1"), "there is nothing to test");
    refuses(sleepstudy("1", "1", "1"), fixture_new("tests/data/Dyestuff.csv", "Yield", "1", "1", "Batch", "1"), "the models use different rows (180 and 30): a variable of one of them has missing values");
    refuses(sleepstudy("1 Days", "1", "1"), sleepstudy("1 Days^2", "1 Days", "2"), "the column 'Days' of the smaller one is not a combination");
    refuses(sleepstudy("1", "Days", "1"), sleepstudy("1 Days", "1", "1"), "the effect of 'Days' that varies by 'Subject' is in the smaller one only");
    refuses(sleepstudy("1", "1 Days", "2"), sleepstudy("1 Days Days^2", "1 Days", "11"), "'Intercept' and 'Days' are correlated by 'Subject' in the smaller one only");
    refuses(sleepstudy("1", "1", "1"), fixture_new("tests/data/sleepstudy.csv", "Reaction", "1 Days Days^2", NULL, NULL, ""),
            "the smaller one has effects of 'Subject', the larger one has none");
    a = sleepstudy("1", "1", "1");
    b = sleepstudy("1 Days", "1", "1");
    b->d.y[17] += 1;
    refuses(a, b, "the models have different responses ('Reaction' and 'Reaction')");
    a = sleepstudy("1", "1", "1");
    b = sleepstudy("1 Days", "1", "1");
    b->d.w = calloc(b->d.n, sizeof(double));
    for (size_t i = 0; i < b->d.n; i++) b->d.w[i] = 2;
    refuses(a, b, "the models have different weights");
    a = sleepstudy("1", "1", "1");
    b = sleepstudy("1 Days", "1", "1");
    b->d.o = calloc(b->d.n, sizeof(double));
    b->d.o[3] = 1;
    refuses(a, b, "the models have different offsets");
    a = sleepstudy("1", "1", "1");
    b = sleepstudy("1 Days", "1", "1");
    a->d.row = calloc(a->d.n, sizeof(size_t));
    b->d.row = calloc(b->d.n, sizeof(size_t));
    for (size_t i = 0; i < a->d.n; i++) a->d.row[i] = i, b->d.row[i] = i + (i > 4);
    refuses(a, b, "row 6 of the data is in one of them only");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sleepstudy_slope_agrees_with_lme4),
        cmocka_unit_test(test_the_lowest_of_several_minima_is_found),
        cmocka_unit_test(test_sleepstudy_by_maximum_likelihood_agrees_with_lme4),
        cmocka_unit_test(test_sleepstudy_intervals_agree_with_lme4),
        cmocka_unit_test(test_q3_reaches_the_optimum_that_lme4_misses),
        cmocka_unit_test(test_weights_and_offset_agree_with_lme4),
        cmocka_unit_test(test_dyestuff2_has_no_variance_between_batches),
        cmocka_unit_test(test_a_correlation_of_one_is_found_and_named),
        cmocka_unit_test(test_a_covariance_matrix_without_full_rank_is_named),
        cmocka_unit_test(test_units_and_origin_of_a_covariate_do_not_matter),
        cmocka_unit_test(test_linear_model_is_least_squares),
        cmocka_unit_test(test_mean_squares_of_nist_layouts),
        cmocka_unit_test(test_known_standard_errors_against_a_scan),
        cmocka_unit_test(test_mode_of_the_collapsed_posterior_under_flat_priors_is_the_reml_estimate),
        cmocka_unit_test(test_profile_interval_of_a_coefficient_is_where_the_deviance_has_risen),
        cmocka_unit_test(test_aliased_columns_are_dropped_with_a_note),
        cmocka_unit_test(test_what_cannot_be_fitted_is_named),
        cmocka_unit_test(test_anova_of_a_correlated_slope_uses_the_mixture),
        cmocka_unit_test(test_anova_of_coefficients_fits_by_maximum_likelihood),
        cmocka_unit_test(test_anova_against_no_group_effects_and_several_at_once),
        cmocka_unit_test(test_anova_refuses_what_it_cannot_compare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
