/* Priors: which one each parameter gets, defaults in numbers, every message, and which priors make the posterior improper. Designs are made by hand. */
#include "testing.h"

#include "suffstat/suffstat.h"

/* ---- designs by hand ---- */

enum { MOST = 8 };

typedef struct {
    bm_design d;
    bm_group  g[2];
    char     *xnames[MOST], *bnames[MOST], *znames[2][MOST];
    double    xmean[MOST], xsd[MOST], zsd[2][MOST];
    bm_block  block[2][MOST];
} fake;

/* 180 rows, y of mean 298.5 and sd 56.3; columns Intercept, Days, I(Days^2), treatB:age; Subject: (Intercept, Days) correlated. */
static void fake_make(fake *f)
{
    static const char *const names[] = { "b_Intercept", "b_Days", "b_I(Days^2)", "b_treatB:age" };
    static const double mean[] = { 1, 4.5, 28.5, 0.3 }, sd[] = { 0, 2.88, 26.9, 4 };

    memset(f, 0, sizeof *f);
    for (size_t k = 0; k < 4; k++) {
        f->bnames[k] = f->xnames[k] = (char *)(uintptr_t)names[k];
        f->xmean[k] = mean[k];
        f->xsd[k] = sd[k];
    }
    f->znames[0][0] = f->znames[1][0] = (char *)(uintptr_t)"Intercept";
    f->znames[0][1] = (char *)(uintptr_t)"Days";
    f->zsd[0][0] = f->zsd[1][0] = 1;
    f->zsd[0][1] = 2.88;
    f->block[0][0] = (bm_block){ 0, 2 };
    f->block[1][0] = (bm_block){ 0, 1 };
    f->g[0] = (bm_group){ .name = (char *)(uintptr_t)"Subject", .J = 18, .q = 2, .znames = f->znames[0], .zsd = f->zsd[0], .nblock = 1, .block = f->block[0] };
    f->g[1] = (bm_group){ .name = (char *)(uintptr_t)"a:b", .J = 9, .q = 1, .znames = f->znames[1], .zsd = f->zsd[1], .nblock = 1, .block = f->block[1] };
    f->d = (bm_design){ .n = 180, .p = 4, .xnames = f->xnames, .bnames = f->bnames, .xmean = f->xmean, .xsd = f->xsd, .intercept = 0, .ymean = 298.5079,
                        .ysd = 56.32876, .nfac = 2, .fac = f->g };
}

/* texts: priors separated by ';'. */
static bm_status resolve(bm_priors **p, const bm_design *d, const char *texts, bm_error *err)
{
    bm_spec  *s;
    bm_status st;

    *err = (bm_error){ 0 };
    bm_assert_ok(bm_spec_new(&s, err), *err);
    while (*texts) {
        size_t n = strcspn(texts, ";");

        bm_assert_ok(bm_strv_addf(&s->priors, err, "%.*s", (int)n, texts), *err);
        texts += n + (texts[n] == ';');
    }
    st = bm_priors_new(p, s, d, err);
    bm_spec_free(s);
    return st;
}

static bm_priors *must(const bm_design *d, const char *texts)
{
    bm_priors *p;
    bm_error   err;

    bm_assert_ok(resolve(&p, d, texts, &err), err);
    return p;
}

/* The resolved priors as "target ~ dist [origin]" lines. */
static void check_lines(const bm_design *d, const char *texts, const char *want)
{
    bm_priors *p = must(d, texts);
    bm_buf     b = { 0 };

    for (size_t i = 0; i < p->nline; i++) bm_buf_printf(&b, "%s ~ %s [%s]\n", p->line[i].target, p->line[i].dist, p->line[i].origin);
    assert_string_equal(b.s, want);
    bm_buf_free(&b);
    bm_priors_free(p);
}

static void refused(const bm_design *d, const char *texts, const char *says)
{
    bm_priors *p;
    bm_error   err;

    if (resolve(&p, d, texts, &err) != BM_EINVAL) fail_msg("%s: not refused", texts);
    assert_null(p);
    bm_assert_says(err, says);
}

/* ---- defaults ---- */

static void test_defaults_are_scaled_to_the_data_and_rounded_to_6_digits(void **state)
{
    fake f;

    (void)state;
    fake_make(&f);
    /* 2.5 * 56.32876 = 140.8219; / 2.88 = 48.89649; / 26.9 = 5.235015; / 4 = 35.20548 */
    check_lines(&f.d, "", "Intercept ~ normal(298.508, 140.822) [default]\n"
                          "b_Days ~ normal(0, 48.8965) [default]\n"
                          "b_I(Days^2) ~ normal(0, 5.23501) [default]\n"
                          "b_treatB:age ~ normal(0, 35.2055) [default]\n"
                          "sd_Subject__Intercept ~ half_cauchy(0, 140.822) [default]\n"
                          "sd_Subject__Days ~ half_cauchy(0, 48.8965) [default]\n"
                          "cor(Subject) ~ lkj(1) [default]\n"
                          "sd_a:b__Intercept ~ half_cauchy(0, 140.822) [default]\n"
                          "sigma ~ half_cauchy(0, 140.822) [default]\n");
}

static void test_what_is_printed_is_what_is_used(void **state)
{
    fake       f;
    bm_priors *p;

    (void)state;
    fake_make(&f);
    p = must(&f.d, "");
    bm_assert_near(p->intercept.a[0], 298.508, 0);
    bm_assert_near(p->intercept.a[1], 140.822, 0);
    bm_assert_near(p->sd[0][1].a[1], 48.8965, 0);
    bm_assert_near(p->sigma.a[1], 140.822, 0);
    assert_true(p->centred && p->has_sigma && p->nfac == 2 && p->p == 4);
    bm_assert_near(p->xbar[0], 0, 0);
    bm_assert_near(p->xbar[2], 28.5, 0);
    bm_priors_free(p);
}

static void test_a_mean_far_from_zero_keeps_the_digits_that_its_scale_needs(void **state)
{
    fake       f;
    bm_priors *p;

    (void)state;
    fake_make(&f);
    f.d.ymean = 1234567890.123456;
    f.d.ysd = 0.4;
    p = must(&f.d, "");
    bm_assert_near(p->intercept.a[0], 1234567890.12346, 1e-16);
    bm_priors_free(p);
    f.d.ymean = 0.000123456789;
    p = must(&f.d, "");
    bm_assert_near(p->intercept.a[0], 0.000123457, 1e-15);
    bm_priors_free(p);
    f.d.ymean = 0;
    p = must(&f.d, "");
    bm_assert_near(p->intercept.a[0], 0, 0);
    bm_priors_free(p);
}

static void test_defaults_of_constant_columns_and_responses_have_a_scale(void **state)
{
    fake f;

    (void)state;
    fake_make(&f);
    f.d.nfac = 0;
    f.d.ysd = 0;
    f.xsd[1] = 0;
    f.xmean[1] = -5;
    f.xsd[2] = 0;
    f.xmean[2] = 0;
    check_lines(&f.d, "", "Intercept ~ normal(298.5079, 2.5) [default]\nb_Days ~ normal(0, 0.5) [default]\nb_I(Days^2) ~ normal(0, 2.5) [default]\n"
                          "b_treatB:age ~ normal(0, 0.625) [default]\nsigma ~ half_cauchy(0, 2.5) [default]\n");
}

static void test_without_an_intercept_there_is_no_centring(void **state)
{
    fake f;

    (void)state;
    fake_make(&f);
    f.d.nfac = 0;
    f.d.intercept = -1;
    f.d.bnames = f.bnames + 1;
    f.d.xmean = f.xmean + 1;
    f.d.xsd = f.xsd + 1;
    f.d.p = 1;
    check_lines(&f.d, "", "b_Days ~ normal(0, 48.8965) [default]\nsigma ~ half_cauchy(0, 140.822) [default]\n");
    refused(&f.d, "Intercept ~ normal(0, 1)", "there is no 'Intercept' in this model: the model has no intercept; priors can be set on b, b_Days, sigma");
    refused(&f.d, "b_Intercept ~ normal(0, 1)", "the model has no intercept");
}

/* ---- which target wins ---- */

static void test_the_most_specific_target_wins_whatever_the_order(void **state)
{
    fake f;

    (void)state;
    fake_make(&f);
    check_lines(&f.d, "sd_Subject__Days ~ exponential(1);b_Days ~ student_t(3, 0, 7);sd(Subject) ~ half_normal(0, 2);sd ~ half_t(4, 0, 3);b ~ normal(0, 9);"
                      "cor(Subject) ~ lkj(4);cor ~ lkj(3);Intercept ~ cauchy(250, 20);sigma ~ gamma(2, 0.1)",
                "Intercept ~ cauchy(250, 20) [Intercept]\n"
                "b_Days ~ student_t(3, 0, 7) [b_Days]\n"
                "b_I(Days^2) ~ normal(0, 9) [b]\n"
                "b_treatB:age ~ normal(0, 9) [b]\n"
                "sd_Subject__Intercept ~ half_normal(0, 2) [sd(Subject)]\n"
                "sd_Subject__Days ~ exponential(1) [sd_Subject__Days]\n"
                "cor(Subject) ~ lkj(4) [cor(Subject)]\n"
                "sd_a:b__Intercept ~ half_t(4, 0, 3) [sd]\n"
                "sigma ~ gamma(2, 0.1) [sigma]\n");
}

static void test_the_later_of_two_priors_on_one_target_wins(void **state)
{
    fake       f;
    bm_priors *p;

    (void)state;
    fake_make(&f);
    p = must(&f.d, "sigma ~ half_normal(0, 1);sigma ~ half_normal(0, 2);sd ~ exponential(1);sd ~ exponential(2)");
    bm_assert_near(p->sigma.a[1], 2, 0);
    bm_assert_near(p->sd[0][0].a[0], 2, 0);
    bm_priors_free(p);
}

static void test_b_covers_the_uncentred_intercept(void **state)
{
    fake       f;
    bm_priors *p;

    (void)state;
    fake_make(&f);
    p = must(&f.d, "b ~ normal(0, 9)");
    assert_false(p->centred);
    bm_assert_near(p->b[0].a[1], 9, 0);
    assert_string_equal(p->line[0].target, "b_Intercept");
    bm_priors_free(p);
    p = must(&f.d, "b_Days ~ normal(0, 9)");
    assert_true(p->centred);
    bm_priors_free(p);
    p = must(&f.d, "b_Intercept ~ normal(250, 250);b ~ normal(0, 50)");
    assert_false(p->centred);
    bm_assert_near(p->b[0].a[0], 250, 0);
    bm_assert_near(p->b[1].a[1], 50, 0);
    bm_priors_free(p);
    p = must(&f.d, "b ~ flat();Intercept ~ normal(3, 4)");
    assert_true(p->centred);
    bm_assert_near(p->intercept.a[1], 4, 0);
    assert_int_equal(p->b[1].kind, BM_DIST_FLAT);
    bm_priors_free(p);
}

static void test_names_match_with_and_without_blanks(void **state)
{
    fake       f;
    bm_priors *p;

    (void)state;
    fake_make(&f);
    p = must(&f.d, " b_I( Days ^ 2 )~normal(0,3);b_treatB:age~normal(0, 4) ; sd( a:b ) ~ exponential(5);sd_a:b__Intercept~exponential(6)");
    bm_assert_near(p->b[2].a[1], 3, 0);
    bm_assert_near(p->b[3].a[1], 4, 0);
    bm_assert_near(p->sd[1][0].a[0], 6, 0);
    bm_priors_free(p);
}

static void test_a_name_with_a_tilde_is_split_at_the_last(void **state)
{
    fake       f;
    bm_priors *p;

    (void)state;
    fake_make(&f);
    f.bnames[1] = (char *)(uintptr_t)"b_a ~ b";
    p = must(&f.d, "b_a ~ b ~ normal(0, 3)");
    bm_assert_near(p->b[1].a[1], 3, 0);
    bm_priors_free(p);
}

/* Every line is a prior that can be written: all of them together give the same priors again. */
static void test_resolved_lines_read_back_as_the_same_priors(void **state)
{
    static const char *const texts[] = {
        "", "b ~ normal(0, 9)", "sd ~ half_t(3, 0, 2);cor ~ lkj(2)", "cov(Subject) ~ inv_wishart(4, c(1, 2))", "b ~ flat();sigma ~ inv_gamma(0.5, 3)",
        "b_Days ~ constant(10);sd_Subject__Days ~ constant(0)", "Intercept ~ flat()", "sigma ~ normal(3, 1);sd ~ uniform(0, 1e5);b ~ cauchy(0, 0.1)",
    };
    fake f;

    (void)state;
    fake_make(&f);
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        bm_priors *p = must(&f.d, texts[t]), *again;
        bm_buf     b = { 0 };

        for (size_t i = 0; i < p->nline; i++) bm_buf_printf(&b, "%s%s ~ %s", i ? ";" : "", p->line[i].target, p->line[i].dist);
        again = must(&f.d, b.s);
        assert_int_equal(again->nline, p->nline);
        assert_int_equal(again->centred, p->centred);
        for (size_t i = 0; i < p->nline; i++) {
            assert_string_equal(again->line[i].target, p->line[i].target);
            assert_string_equal(again->line[i].dist, p->line[i].dist);
            assert_string_equal(again->line[i].origin, p->line[i].target);
        }
        for (size_t k = 0; k < p->p; k++) assert_memory_equal(again->b[k].a, p->b[k].a, sizeof p->b[k].a);
        assert_memory_equal(again->intercept.a, p->intercept.a, sizeof p->intercept.a);
        bm_buf_free(&b);
        bm_priors_free(p);
        bm_priors_free(again);
    }
}

/* ---- covariance ---- */

static void test_cov_replaces_sds_and_correlations_of_its_group(void **state)
{
    fake       f;
    bm_priors *p;

    (void)state;
    fake_make(&f);
    p = must(&f.d, "cov(Subject) ~ inv_wishart(4, c(3, 5));sd ~ exponential(1)");
    assert_int_equal(p->cor[0][0].kind, BM_DIST_INV_WISHART);
    bm_assert_near(p->cor[0][0].scale[3], 5, 0);
    bm_assert_near(p->cor[0][0].scale[1], 0, 0);
    assert_int_equal(p->cor[1][0].kind, BM_DIST_LKJ);
    bm_assert_near(p->sd[1][0].a[0], 1, 0);
    assert_string_equal(p->line[4].target, "cov(Subject)");
    assert_string_equal(p->line[4].dist, "inv_wishart(4, c(3, 5))");
    assert_string_equal(p->line[5].target, "sd_a:b__Intercept");
    assert_int_equal(p->nline, 7);
    assert_true(bm_priors_all_proper(p));
    bm_priors_free(p);
    refused(&f.d, "cov(Subject) ~ inv_wishart(4, 1);sd(Subject) ~ exponential(1)",
            "cov(Subject) is the prior of the group's sds and correlations together: drop it, or the one on 'sd(Subject)'");
    refused(&f.d, "cov(Subject) ~ inv_wishart(4, 1);cor(Subject) ~ lkj(2)", "drop it, or the one on 'cor(Subject)'");
    refused(&f.d, "sd_Subject__Days ~ exponential(1);cov(Subject) ~ inv_wishart(4, 1)", "drop it, or the one on 'sd_Subject__Days'");
}

static void test_cov_is_checked_against_the_size_of_each_block(void **state)
{
    fake       f;
    bm_priors *p;

    (void)state;
    fake_make(&f);
    refused(&f.d, "cov(Subject) ~ inv_wishart(4, c(1, 2, 3))", "the scale has 3 numbers, but there are 2 correlated effects of 'Subject': give 2, or one number");
    refused(&f.d, "cov(Subject) ~ inv_wishart(1, 1)", "inv_wishart on 2 effects is proper only with more than 1 degrees of freedom; 3 makes correlations uniform");
    f.block[0][0] = (bm_block){ 0, 1 };
    f.block[0][1] = (bm_block){ 1, 1 };
    f.g[0].nblock = 2;
    p = must(&f.d, "cov(Subject) ~ inv_wishart(1, 2)");
    assert_int_equal(p->cor[0][1].kind, BM_DIST_INV_WISHART);
    bm_assert_near(p->cor[0][1].scale[0], 2, 0);
    bm_priors_free(p);
    refused(&f.d, "cov(Subject) ~ inv_wishart(4, c(1, 2))", "it is for each block and there is one of 1 correlated effect of 'Subject': give 1");
}

/* ---- targets that are not there ---- */

static void test_an_unknown_target_lists_those_that_exist_and_the_closest(void **state)
{
    fake f;

    (void)state;
    fake_make(&f);
    refused(&f.d, "b_Dayz ~ normal(0, 1)",
            "there is no 'b_Dayz' in this model; did you mean 'b_Days'? Priors can be set on b, b_Intercept, b_Days, b_I(Days^2), b_treatB:age, Intercept, sd, cor, sd(Subject), "
            "sd_Subject__Intercept, sd_Subject__Days, cor(Subject), cov(Subject), sd(a:b), sd_a:b__Intercept, cov(a:b), sigma\n  b_Dayz ~ normal(0, 1)\n  ^");
    refused(&f.d, "  sd(Sbject) ~ exponential(1)", "did you mean 'sd(Subject)'?");
    refused(&f.d, "  sd(Sbject) ~ exponential(1)", "\n    sd(Sbject) ~ exponential(1)\n    ^");
    refused(&f.d, "zzzzzzzzz ~ normal(0, 1)", "there is no 'zzzzzzzzz' in this model; priors can be set on b");
}

static void test_reasons_for_missing_targets_are_given(void **state)
{
    fake f;

    (void)state;
    fake_make(&f);
    refused(&f.d, "r_Subject[308,Days] ~ normal(0, 1)", "group effects have no prior of their own; their standard deviations do");
    refused(&f.d, "cor(a:b) ~ lkj(2)", "the effects of this group are not correlated");
    f.d.known_se = true;
    refused(&f.d, "sigma ~ half_normal(0, 1)", "the residual standard deviations are known (se), so there is no sigma");
    f.d.nfac = 1;
    f.d.fac = f.g + 1;
    refused(&f.d, "cor ~ lkj(2)", "no group has correlated effects");
    f.d.nfac = 0;
    refused(&f.d, "sd ~ exponential(1)", "the formula has no group effects such as (1 | g)");
    f.d.p = 0;
    f.d.intercept = -1;
    refused(&f.d, "b ~ normal(0, 1)", "the model has no coefficients; priors can be set on nothing");
}

static void test_known_standard_errors_leave_no_sigma(void **state)
{
    fake       f;
    bm_priors *p;

    (void)state;
    fake_make(&f);
    f.d.known_se = true;
    p = must(&f.d, "");
    assert_false(p->has_sigma);
    assert_string_equal(p->line[p->nline - 1].target, "sd_a:b__Intercept");
    assert_true(bm_priors_all_proper(p));
    bm_priors_free(p);
}

static void test_a_long_list_of_targets_is_cut(void **state)
{
    enum { P = 200 };
    fake     f;
    char     names[P][16], *bnames[P];
    double   one[P];
    bm_priors *p;
    bm_error err;

    (void)state;
    fake_make(&f);
    for (size_t k = 0; k < P; k++) {
        snprintf(names[k], sizeof names[k], "b_column%zu", k);
        bnames[k] = names[k];
        one[k] = 1;
    }
    f.d.p = P;
    f.d.bnames = bnames;
    f.d.xmean = f.d.xsd = one;
    assert_int_equal(resolve(&p, &f.d, "nonsense ~ normal(0, 1)", &err), BM_EINVAL);
    bm_assert_says(err, "b_column3, ");
    bm_assert_says(err, ", ... (213 in all)\n  nonsense");
}

/* ---- distributions that do not fit ---- */

static void test_the_wrong_kind_of_distribution_is_an_error_that_names_those_allowed(void **state)
{
    fake f;

    (void)state;
    fake_make(&f);
    refused(&f.d, "b ~ half_cauchy(0, 1)", "a coefficient takes normal, student_t, cauchy, flat or constant\n  b ~ half_cauchy(0, 1)\n      ^");
    refused(&f.d, "Intercept ~ lkj(1)", "a coefficient takes normal");
    refused(&f.d, "sd ~ lkj(2)", "a standard deviation takes half_cauchy, half_normal, half_t, normal, student_t or cauchy (cut off at 0), exponential, gamma, lognormal, uniform, "
                                 "inv_gamma, flat or constant");
    refused(&f.d, "sigma ~ inv_wishart(3, 1)", "a standard deviation takes half_cauchy");
    refused(&f.d, "cor ~ normal(0, 1)", "correlations take lkj(eta)");
    refused(&f.d, "cor ~ constant(0)", "correlations take lkj(eta)");
    refused(&f.d, "cov(Subject) ~ lkj(1)", "a covariance matrix takes inv_wishart(df, scale)");
}

static void test_sds_are_not_negative(void **state)
{
    fake f;

    (void)state;
    fake_make(&f);
    refused(&f.d, "sd ~ uniform(-1, 1)", "a standard deviation is never negative: uniform(lower, upper) needs lower >= 0 here");
    refused(&f.d, "sd ~ constant(-1)", "a standard deviation is never negative");
    refused(&f.d, "sigma ~ constant(0)", "sigma cannot be 0: there would be no residuals");
    refused(&f.d, "sd ~ student_t(1e6, -1e50, 1)", "next to nothing of this distribution is above 0, where a standard deviation must be");
    bm_priors_free(must(&f.d, "sd ~ constant(0);sigma ~ constant(25)"));
}

static void test_both_priors_of_the_intercept_are_one_too_many(void **state)
{
    fake f;

    (void)state;
    fake_make(&f);
    refused(&f.d, "Intercept ~ normal(0, 1);b_Intercept ~ normal(0, 1)",
            "there are priors on both Intercept (at the mean of the predictors) and b_Intercept (where they are 0): keep one");
}

static void test_constant_fixes_the_intercept_only_where_that_is_one_number(void **state)
{
    fake       f;
    bm_priors *p;

    (void)state;
    fake_make(&f);
    refused(&f.d, "Intercept ~ constant(3)", "Intercept is the intercept at the mean of the predictors, which constant cannot fix; fix b_Intercept");
    p = must(&f.d, "b_Intercept ~ constant(3)");
    assert_false(p->centred);
    assert_int_equal(p->b[0].kind, BM_DIST_CONSTANT);
    bm_priors_free(p);
    f.d.p = 1;
    p = must(&f.d, "Intercept ~ constant(3)");
    assert_false(p->centred);
    assert_int_equal(p->b[0].kind, BM_DIST_CONSTANT);
    bm_assert_near(p->b[0].a[0], 3, 0);
    bm_priors_free(p);
}

static void test_mistakes_in_the_text_of_a_prior_are_pointed_at(void **state)
{
    char  text[400];
    fake  f;

    (void)state;
    fake_make(&f);
    refused(&f.d, "sigma", "'~' is missing; it is TARGET ~ DISTRIBUTION, such as sd ~ half_cauchy(0, 5)\n  sigma\n       ^");
    refused(&f.d, " ~ normal(0, 1)", "there is no target before '~'");
    refused(&f.d, "sd ~ half_cauchy(0, -2)", "prior: the scale must be positive, not -2\n  sd ~ half_cauchy(0, -2)\n                      ^");
    /* under the character, not the byte */
    f.bnames[1] = (char *)(uintptr_t)"b_gr\xc3\xb6\xc3\x9f" "e";
    refused(&f.d, "b_gr\xc3\xb6\xc3\x9f" "e ~ normal(0, x)", "'x' is not a number\n  b_gr\xc3\xb6\xc3\x9f" "e ~ normal(0, x)\n                      ^");
    /* no caret into what is no short line */
    refused(&f.d, "sigma\n ~ normal(0, x)", "prior 'sigma\n ~ normal(0, x)': 'x' is not a number");
    snprintf(text, sizeof text, "sigma ~ %300s", "normal(0, x)");
    refused(&f.d, text, "...': 'x' is not a number");
}

/* ---- propriety ---- */

static bool all_proper(const bm_design *d, const char *texts)
{
    bm_priors *p = must(d, texts);
    bool       proper = bm_priors_all_proper(p);

    bm_priors_free(p);
    return proper;
}

static void test_one_flat_prior_makes_the_prior_improper(void **state)
{
    fake f;

    (void)state;
    fake_make(&f);
    assert_true(all_proper(&f.d, ""));
    assert_true(all_proper(&f.d, "b ~ normal(0, 1);sd ~ constant(1)"));
    assert_false(all_proper(&f.d, "b_Days ~ flat()"));
    assert_false(all_proper(&f.d, "Intercept ~ flat()"));
    assert_false(all_proper(&f.d, "sd_a:b__Intercept ~ flat()"));
    assert_false(all_proper(&f.d, "sigma ~ flat()"));
    assert_false(all_proper(&f.d, "sd ~ flat();cov(Subject) ~ inv_wishart(4, 1)"));      /* a:b is flat still */
    assert_true(all_proper(&f.d, "sd ~ flat();cov(Subject) ~ inv_wishart(4, 1);cov(a:b) ~ inv_wishart(2, 1)"));
}

/* A design with numbers: columns of X and Z given, n rows, group of each row. */
typedef struct { fake f; double X[MOST * 64], Z[MOST * 64], w[64]; int32_t code[64]; } full;

static void full_make(full *f, size_t n, size_t p, size_t q, size_t J)
{
    static const char *const names[] = { "b_Intercept", "b_x", "b_z", "b_v", "b_t" };

    memset(f, 0, sizeof *f);
    fake_make(&f->f);
    for (size_t k = 0; k < p; k++) f->f.bnames[k] = (char *)(uintptr_t)names[k];
    f->f.d.n = n;
    f->f.d.p = p;
    f->f.d.X = f->X;
    f->f.d.nfac = J > 0;
    f->f.g[0].Z = f->Z;
    f->f.g[0].J = J;
    f->f.g[0].q = q;
    f->f.g[0].code = f->code;
    f->f.block[0][0] = (bm_block){ 0, q };
    for (size_t i = 0; i < n; i++) {
        double x[] = { 1, sin((double)i), 0.1 * (double)(i * i % 17), (double)i, cos(2.0 * (double)i) };

        for (size_t k = 0; k < p; k++) f->X[i + k * n] = x[k];
        f->code[i] = (int32_t)(J ? i % J : 0);
        for (size_t k = 0; k < q; k++) f->Z[i + k * n] = k ? cos((double)(i * k)) : 1;
    }
}

static void means(full *f)
{
    const bm_design *d = &f->f.d;

    for (size_t k = 0; k < d->p; k++) {
        f->f.xmean[k] = f->f.xsd[k] = 0;
        for (size_t i = 0; i < d->n; i++) f->f.xmean[k] += d->X[i + k * d->n] / (double)d->n;
        for (size_t i = 0; i < d->n; i++) f->f.xsd[k] += pow(d->X[i + k * d->n] - f->f.xmean[k], 2);
        f->f.xsd[k] = sqrt(f->f.xsd[k] / (double)(d->n - 1));
    }
}

/* The same by cross-products, in the same words. */
static void same_by_stats(const bm_priors *p, const bm_design *of, const bool *aliased, size_t rank, bm_status want, const char *says)
{
    bm_design d = *of;
    bm_stats *s;
    bm_ranks  by;
    bm_error  err = { 0 };

    d.y = malloc(d.n * sizeof *d.y);
    for (size_t i = 0; i < d.n; i++) d.y[i] = sin(7.0 * (double)(i * i));
    bm_assert_ok(bm_stats_new(&s, &d, &err), err);
    by = bm_ranks_of_stats(s);
    if (bm_priors_check(p, of, aliased, rank, &by, &err) != want || strcmp(err.msg, says) != 0) fail_msg("by rows: '%s'; by cross-products: '%s'", says, err.msg);
    bm_stats_free(s);
    free(d.y);
}

/* aliased: as the statistics find it, in the order of the columns. */
static bm_status check(full *f, const char *texts, const bool *aliased, bm_error *err)
{
    bm_priors *p;
    size_t     rank = f->f.d.p;
    bm_status  st;

    means(f);
    p = must(&f->f.d, texts);
    for (size_t k = 0; k < f->f.d.p; k++) rank -= aliased[k];
    *err = (bm_error){ 0 };
    bm_ranks by = bm_ranks_of_rows(&f->f.d);

    st = bm_priors_check(p, &f->f.d, aliased, rank, &by, err);
    same_by_stats(p, &f->f.d, aliased, rank, st, err->msg);
    bm_priors_free(p);
    return st;
}

static void fine(full *f, const char *texts, const bool *aliased)
{
    bm_error err;

    bm_assert_ok(check(f, texts, aliased, &err), err);
}

static void improper(full *f, const char *texts, const bool *aliased, const char *says)
{
    bm_error err;

    if (check(f, texts, aliased, &err) != BM_EINVAL) fail_msg("%s: not refused", texts);
    bm_assert_says(err, says);
}

static const bool NONE[MOST];

static void test_flat_coefficients_need_columns_that_determine_them(void **state)
{
    full f;
    bool z[MOST] = { false, false, true };

    (void)state;
    full_make(&f, 20, 4, 0, 0);
    fine(&f, "b ~ flat();sigma ~ flat()", NONE);
    for (size_t i = 0; i < 20; i++) f.X[i + 40] = 3 - 2 * f.X[i + 20];       /* z = 3 - 2 x */
    improper(&f, "b ~ flat()", z, "the posterior is improper: under flat priors the data do not determine b_z, as this column of X depends on the columns before; leave the term "
                                  "out, or give it a proper prior such as 'b_z ~ normal(0, 10)'");
    fine(&f, "", z);
    fine(&f, "b ~ normal(0, 1)", z);
    fine(&f, "b ~ flat();b_z ~ normal(0, 1)", z);
    fine(&f, "b ~ flat();b_x ~ normal(0, 1)", z);          /* a proper prior on any of the columns that depend on each other */
    fine(&f, "b ~ flat();b_Intercept ~ normal(0, 1)", z);
    improper(&f, "b ~ flat();b_v ~ normal(0, 1)", z, "b_z");
    fine(&f, "b_z ~ flat()", z);                           /* the others have defaults, which are proper */
    /* a prior on the centred intercept leaves x and z free of each other only through their means: still dependent when centred */
    improper(&f, "b ~ flat();Intercept ~ normal(0, 1)", z, "b_z");
}

static void test_centring_is_what_a_prior_on_the_intercept_determines(void **state)
{
    full f;
    bool c[MOST] = { false, true };

    (void)state;
    full_make(&f, 20, 2, 0, 0);
    for (size_t i = 0; i < 20; i++) f.X[i + 20] = 4;       /* a constant column beside the intercept */
    improper(&f, "b ~ flat()", c, "b_x");
    improper(&f, "b ~ flat();Intercept ~ normal(0, 1)", c, "b_x");       /* Intercept = b_Intercept + 4 b_x is all that is known */
    fine(&f, "b ~ flat();b_Intercept ~ normal(0, 1)", c);
}

static void test_several_undetermined_columns_are_all_named(void **state)
{
    full f;
    bool zv[MOST] = { false, false, true, true };

    (void)state;
    full_make(&f, 20, 4, 0, 0);
    for (size_t i = 0; i < 20; i++) {
        f.X[i + 40] = 2 * f.X[i + 20];
        f.X[i + 60] = f.X[i + 20] + 1;
    }
    improper(&f, "b ~ flat()", zv, "do not determine b_z, b_v, as these columns of X depend on the columns before");
    improper(&f, "b ~ flat();b_v ~ normal(0, 1)", zv, "do not determine b_z, as this column");
}

static void test_a_flat_sigma_needs_two_rows_more_than_flat_coefficients(void **state)
{
    full f;

    (void)state;
    full_make(&f, 5, 4, 0, 0);
    improper(&f, "b ~ flat();sigma ~ flat()", NONE, "the prior of sigma is flat, which takes at least 2 rows more than the 4 coefficients with flat priors; there are 5 rows. Use a "
                                                    "proper prior such as half_cauchy, the default");
    fine(&f, "b ~ flat()", NONE);
    fine(&f, "sigma ~ flat()", NONE);
    full_make(&f, 6, 4, 0, 0);
    fine(&f, "b ~ flat();sigma ~ flat()", NONE);
}

static void test_a_flat_sd_needs_three_groups(void **state)
{
    full f;

    (void)state;
    full_make(&f, 20, 2, 1, 2);
    improper(&f, "sd ~ flat()", NONE, "the posterior is improper, or has no mean: the prior of sd_Subject__Intercept is flat, which takes at least 3 group effects; 'Subject' has 2 that "
                                      "the data inform. Use a proper prior such as half_cauchy, the default");
    improper(&f, "sd ~ flat();b ~ flat()", NONE, "at least 3 group effects; 'Subject' has 2 that the data inform, of which 1 goes into coefficients with flat priors");
    fine(&f, "", NONE);
    full_make(&f, 20, 2, 1, 3);
    fine(&f, "sd ~ flat()", NONE);
    fine(&f, "sd ~ flat();b ~ flat();sigma ~ flat()", NONE);
}

/* A coefficient that is constant within groups takes a group's worth of information. */
static void test_flat_coefficients_between_groups_take_groups(void **state)
{
    full f;

    (void)state;
    full_make(&f, 24, 3, 1, 4);
    for (size_t i = 0; i < 24; i++) {
        f.X[i + 24] = i % 4 < 2;
        f.X[i + 48] = (double)(i % 4);
    }
    improper(&f, "sd ~ flat();b ~ flat()", NONE, "at least 5 group effects; 'Subject' has 4 that the data inform, of which 3 go into coefficients with flat priors");
    fine(&f, "sd ~ flat();b ~ flat();b_z ~ normal(0, 1)", NONE);
    fine(&f, "sd ~ flat()", NONE);
}

static void test_groups_without_information_do_not_count(void **state)
{
    full f;

    (void)state;
    full_make(&f, 24, 1, 2, 6);
    fine(&f, "sd ~ flat();b ~ flat()", NONE);
    for (size_t i = 0; i < 24; i++) f.Z[i + 24] = i % 6 < 2 ? sin((double)i) : 0;          /* the slope is seen in two groups only */
    improper(&f, "sd ~ flat()", NONE, "the prior of sd_Subject__Days is flat, which takes at least 3 group effects; 'Subject' has 2 that");
    fine(&f, "sd_Subject__Intercept ~ flat()", NONE);
}

/* One row per group: intercepts and slopes share one number in each, 3 or 4 in all for 2 sds and a flat intercept. */
static void test_sds_of_one_factor_are_looked_at_together(void **state)
{
    full f;

    (void)state;
    full_make(&f, 3, 1, 2, 3);
    improper(&f, "sd ~ flat();b ~ flat()", NONE, "the prior of sd_Subject__Intercept, sd_Subject__Days is flat, which takes at least 4 group effects; 'Subject' has 3");
    full_make(&f, 4, 1, 2, 4);
    fine(&f, "sd ~ flat();b ~ flat()", NONE);
    improper(&f, "sd ~ flat();b ~ flat();sigma ~ flat()", NONE,
             "the prior of sigma and of 2 standard deviations of group effects is flat, which takes at least 4 rows more than the 1 coefficient with flat priors; there are 4 rows");
    full_make(&f, 5, 1, 2, 5);
    fine(&f, "sd ~ flat();b ~ flat();sigma ~ flat()", NONE);
}

static void test_weights_change_nothing_in_what_is_determined(void **state)
{
    full f;
    bool z[MOST] = { false, false, true };

    (void)state;
    full_make(&f, 20, 3, 1, 3);
    for (size_t i = 0; i < 20; i++) {
        f.w[i] = exp(sin(3.0 * (double)i));
        f.X[i + 40] = 3 - 2 * f.X[i + 20];
    }
    f.f.d.w = f.w;
    improper(&f, "b ~ flat();Intercept ~ normal(0, 1)", z, "b_z");
    fine(&f, "b ~ flat();b_Intercept ~ normal(0, 1)", z);
    fine(&f, "sd ~ flat();b_x ~ flat()", z);
}

/* Scales: the same answers for columns of 1e-13 and 1e8. */
static void test_units_change_nothing_in_what_is_determined(void **state)
{
    full f;
    bool z[MOST] = { false, false, true };

    (void)state;
    full_make(&f, 20, 3, 2, 3);
    for (size_t i = 0; i < 20; i++) {
        f.X[i + 20] *= 1e8;
        f.X[i + 40] = 1e-8 * (3 - 2e-8 * f.X[i + 20]);
        f.Z[i + 20] *= 1e-13;
    }
    improper(&f, "b ~ flat()", z, "b_z");
    improper(&f, "b_x ~ flat();b_z ~ flat()", z, "b_z");
    fine(&f, "b_x ~ flat();sd ~ flat()", z);
}

static void test_cov_needs_no_number_of_groups(void **state)
{
    full f;

    (void)state;
    full_make(&f, 20, 1, 2, 2);
    improper(&f, "sd ~ flat()", NONE, "at least 3");
    fine(&f, "sd ~ flat();cov(Subject) ~ inv_wishart(3, 1)", NONE);
}

/* ---- a second way: how the likelihood falls ---- */

/* log p(y | t) under flat coefficients, the sds of the effects in `use` all t, sigma = 1, by the dense N x N covariance. */
static double dense_log_likelihood(const full *f, const bool *use, double t)
{
    const bm_design *d = &f->f.d;
    size_t n = d->n, p = d->p;
    double V[32 * 32] = { 0 }, A[32 * 6], S[36] = { 0 }, value = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            V[i + j * n] = i == j;
            for (size_t k = 0; k < f->f.g[0].q; k++)
                if (use[k] && f->code[i] == f->code[j]) V[i + j * n] += t * t * f->Z[i + k * n] * f->Z[j + k * n];
        }
    assert_int_equal(bm_chol(n, V), BM_OK);
    memcpy(A, f->X, n * p * sizeof *A);
    for (size_t i = 0; i < n; i++) A[i + n * p] = sin(7.0 * (double)i) + 0.1 * (double)(i % 5);      /* y */
    bm_solve_lower(n, p + 1, V, A);
    for (size_t i = 0; i <= p; i++)
        for (size_t j = 0; j <= p; j++) S[i + j * (p + 1)] = bm_dot(n, A + i * n, A + j * n);
    assert_int_equal(bm_chol(p + 1, S), BM_OK);
    for (size_t i = 0; i < n; i++) value -= log(V[i + i * n]);
    for (size_t i = 0; i < p; i++) value -= log(S[i + i * (p + 1)]);
    return value - 0.5 * S[p + p * (p + 1)] * S[p + p * (p + 1)];
}

/* The power of t with which it falls, a whole number; flat priors on those sds need it to exceed their number. */
static int falls_by(const full *f, const bool *use)
{
    double slope = (dense_log_likelihood(f, use, 1e4) - dense_log_likelihood(f, use, 1e5)) / log(10);

    if (!(fabs(slope - round(slope)) < 0.01)) fail_msg("slope %g is not a whole number", slope);
    return (int)round(slope);
}

static void random_design(full *f, bm_rng *r)
{
    size_t n = 8 + bm_rng_u64(r) % 10, J = 2 + bm_rng_u64(r) % 5, q = 1 + bm_rng_u64(r) % 2, p = 1 + bm_rng_u64(r) % 4, between = 1;

    full_make(f, n, p, q, J);
    for (size_t i = 0; i < n; i++) f->code[i] = (int32_t)(i < J ? i : bm_rng_u64(r) % J);
    for (size_t k = 1; k < p; k++) {
        bool   constant = between < J && bm_rng_uniform(r) < 0.6;
        double level[8];

        between += constant;
        for (size_t j = 0; j < J; j++) level[j] = bm_rng_normal(r);
        for (size_t i = 0; i < n; i++) f->X[i + k * n] = constant ? level[f->code[i]] : bm_rng_normal(r);
    }
    for (size_t i = 0; q > 1 && i < n; i++) f->Z[i + n] = (size_t)f->code[i] < 1 + J / 2 ? bm_rng_normal(r) : 0;
}

static void test_flat_sds_are_accepted_where_the_dense_likelihood_falls_fast_enough(void **state)
{
    int    accepted = 0, rejected = 0;
    bm_rng r;

    (void)state;
    bm_rng_key(&r, 7, 7, 7);
    for (int rep = 0; rep < 400; rep++) {
        full     f;
        bm_error err;
        bool     proper = true, both[2] = { true, true };

        random_design(&f, &r);
        for (size_t k = 0; k < f.f.g[0].q; k++) {
            bool   one[2] = { k == 0, k == 1 };
            size_t informed = 0;

            for (size_t j = 0; j < f.f.g[0].J; j++) {
                bool any = false;

                for (size_t i = 0; i < f.f.d.n; i++) any |= (size_t)f.code[i] == j && f.Z[i + k * f.f.d.n] != 0;
                informed += any;
            }
            proper = proper && informed >= 3 && falls_by(&f, one) > 1;
        }
        if (f.f.g[0].q == 2) proper = proper && falls_by(&f, both) > 2;
        if ((check(&f, "sd ~ flat();b ~ flat()", NONE, &err) == BM_OK) != proper) fail_msg("replication %d: %s", rep, proper ? err.msg : "accepted, but improper");
        accepted += proper;
        rejected += !proper;
    }
    assert_true(accepted > 100 && rejected > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_scaled_to_the_data_and_rounded_to_6_digits),
        cmocka_unit_test(test_what_is_printed_is_what_is_used),
        cmocka_unit_test(test_a_mean_far_from_zero_keeps_the_digits_that_its_scale_needs),
        cmocka_unit_test(test_defaults_of_constant_columns_and_responses_have_a_scale),
        cmocka_unit_test(test_without_an_intercept_there_is_no_centring),
        cmocka_unit_test(test_the_most_specific_target_wins_whatever_the_order),
        cmocka_unit_test(test_the_later_of_two_priors_on_one_target_wins),
        cmocka_unit_test(test_b_covers_the_uncentred_intercept),
        cmocka_unit_test(test_names_match_with_and_without_blanks),
        cmocka_unit_test(test_a_name_with_a_tilde_is_split_at_the_last),
        cmocka_unit_test(test_resolved_lines_read_back_as_the_same_priors),
        cmocka_unit_test(test_cov_replaces_sds_and_correlations_of_its_group),
        cmocka_unit_test(test_cov_is_checked_against_the_size_of_each_block),
        cmocka_unit_test(test_an_unknown_target_lists_those_that_exist_and_the_closest),
        cmocka_unit_test(test_reasons_for_missing_targets_are_given),
        cmocka_unit_test(test_known_standard_errors_leave_no_sigma),
        cmocka_unit_test(test_a_long_list_of_targets_is_cut),
        cmocka_unit_test(test_the_wrong_kind_of_distribution_is_an_error_that_names_those_allowed),
        cmocka_unit_test(test_sds_are_not_negative),
        cmocka_unit_test(test_both_priors_of_the_intercept_are_one_too_many),
        cmocka_unit_test(test_constant_fixes_the_intercept_only_where_that_is_one_number),
        cmocka_unit_test(test_mistakes_in_the_text_of_a_prior_are_pointed_at),
        cmocka_unit_test(test_one_flat_prior_makes_the_prior_improper),
        cmocka_unit_test(test_flat_coefficients_need_columns_that_determine_them),
        cmocka_unit_test(test_centring_is_what_a_prior_on_the_intercept_determines),
        cmocka_unit_test(test_several_undetermined_columns_are_all_named),
        cmocka_unit_test(test_a_flat_sigma_needs_two_rows_more_than_flat_coefficients),
        cmocka_unit_test(test_a_flat_sd_needs_three_groups),
        cmocka_unit_test(test_flat_coefficients_between_groups_take_groups),
        cmocka_unit_test(test_groups_without_information_do_not_count),
        cmocka_unit_test(test_sds_of_one_factor_are_looked_at_together),
        cmocka_unit_test(test_weights_change_nothing_in_what_is_determined),
        cmocka_unit_test(test_units_change_nothing_in_what_is_determined),
        cmocka_unit_test(test_cov_needs_no_number_of_groups),
        cmocka_unit_test(test_flat_sds_are_accepted_where_the_dense_likelihood_falls_fast_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
