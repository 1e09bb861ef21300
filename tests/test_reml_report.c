/* What is printed and written of REML fits and likelihood-ratio tests. */
#include "reml_fixture.h"

#include "report/report.h"

#include <cjson/cJSON.h>
#include <sys/stat.h>
#include <unistd.h>

static fixture *sleepstudy(const char *x, const char *z, const char *blocks)
{
    return fixture_new("tests/data/sleepstudy.csv", "Reaction", x, z, "Subject", blocks);
}

typedef bm_status printer(const void *what, FILE *out, const bm_print_options *opt, bm_error *err);

static bm_status print_reml(const void *what, FILE *out, const bm_print_options *opt, bm_error *err)
{
    return bm_report_reml(what, out, opt, err);
}

static bm_status print_anova(const void *what, FILE *out, const bm_print_options *opt, bm_error *err)
{
    return bm_report_anova(what, out, opt, err);
}

static char *printed(printer *fn, const void *what, bool json, bool verbose)
{
    char            *text = NULL;
    size_t           n = 0;
    FILE            *f = open_memstream(&text, &n);
    bm_error         err = { 0 };
    bm_print_options opt = BM_PRINT_OPTIONS_INIT;

    opt.json = json;
    opt.verbose = verbose;
    opt.command = "bmixed reml";
    bm_assert_ok(fn(what, f, &opt, &err), err);
    fclose(f);
    return text;
}

static void has(const char *text, const char *line)
{
    if (strstr(text, line)) return;
    print_error("'%s' is not in:\n%s", line, text);
    fail();
}

static void test_summary_reads_like_lme4(void **state)
{
    fixture        *f = sleepstudy("1 Days", "1 Days", "2");
    bm_reml_options o = BM_REML_OPTIONS_INIT;
    bm_reml        *r;
    char           *text;

    (void)state;
    o.ci = BM_CI_PROFILE;
    r = fixture_fit(f, &o);
    r->formula = strdup("Reaction ~ Days + (Days | Subject)");
    r->data = strdup("sleepstudy.csv");
    text = printed(print_reml, r, false, true);
    has(text, "Linear mixed model fit by REML\nFormula: Reaction ~ Days + (Days | Subject)\n   Data: sleepstudy.csv\n");
    has(text, "REML criterion at convergence: 1743.6283   AIC 1755.6   BIC 1774.8   6 parameters\n");
    has(text, " Groups   Name        Variance Std.Dev. Corr\n"
              " Subject  (Intercept)   612.09   24.740\n"
              "          Days           35.07    5.922 0.07\n"
              " Residual               654.94   25.592\n");
    has(text, "Number of obs: 180, groups: Subject, 18\n");
    has(text, "            Estimate Std. Error    df t value Pr(>|t|)\n"
              "(Intercept)  251.405      6.825 17.00  36.838  < 2e-16 ***\n"
              "Days          10.467      1.546 17.00   6.771 3.26e-06 ***\n");
    has(text, "Correlation of fixed effects:\n     (Intr)\nDays -0.138\n");
    has(text, "95 % intervals (profile likelihood, of the ML fit):\n");
    has(text, "sd(Subject: (Intercept))");
    has(text, "cor(Subject: (Intercept), Days)");
    has(text, "Search: ");
    free(text);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_singular_fits_and_dropped_columns_are_said(void **state)
{
    fixture *f = fixture_new("tests/data/Dyestuff2.csv", "Yield", "1 1", "1", "Batch", "1");
    bm_reml *r = fixture_fit(f, NULL);
    char    *text = printed(print_reml, r, false, false);

    (void)state;
    has(text, "Singular fit: at the boundary is sd(Batch, (Intercept)) = 0\n");
    has(text, "rank deficient: dropped 1 column");
    has(text, " Batch    (Intercept)");
    free(text);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_linear_model_by_maximum_likelihood(void **state)
{
    fixture        *f = fixture_new("tests/data/sleepstudy.csv", "Reaction", "1 Days", NULL, NULL, "");
    bm_reml_options o = BM_REML_OPTIONS_INIT;
    bm_reml        *r;
    char           *text;

    (void)state;
    o.ml = true;
    r = fixture_fit(f, &o);
    text = printed(print_reml, r, false, false);
    has(text, "Linear model fit by maximum likelihood\n");
    has(text, "-2 log likelihood: 1900.2931   logLik -950.1465");
    has(text, "Number of obs: 180\n");
    free(text);
    bm_reml_free(r);
    fixture_free(f);
}

static double number(const cJSON *o, const char *a, const char *b, const char *c)
{
    o = cJSON_GetObjectItemCaseSensitive(o, a);
    if (b) o = cJSON_GetObjectItemCaseSensitive(o, b);
    if (c) o = cJSON_GetObjectItemCaseSensitive(o, c);
    assert_true(cJSON_IsNumber(o));
    return o->valuedouble;
}

static void test_json_holds_every_number(void **state)
{
    fixture *f = sleepstudy("1 Days", "1 Days", "2");
    bm_reml *r = fixture_fit(f, NULL);
    char    *text = printed(print_reml, r, true, false);
    cJSON   *j = cJSON_Parse(text), *c;

    (void)state;
    assert_non_null(j);
    assert_string_equal(cJSON_GetObjectItem(j, "method")->valuestring, "REML");
    assert_true(number(j, "criterion", NULL, NULL) == r->criterion);
    assert_true(number(j, "fixef", "(Intercept)", "estimate") == r->b[0]);
    assert_true(number(j, "fixef", "Days", "se") == r->se[1]);
    assert_true(number(j, "fixef", "Days", "df") == r->df[1]);
    assert_true(number(j, "sd", "Subject", "Days") == r->group[0].sd[1]);
    assert_true(number(j, "sigma", NULL, NULL) == r->sigma);
    assert_true(number(j, "n_groups", "Subject", NULL) == 18);
    assert_true(number(j, "n_par", NULL, NULL) == 6);
    assert_true(number(cJSON_GetObjectItem(j, "ranef"), "Subject", "309", "Days") == r->group[0].u[3]);
    assert_true(number(cJSON_GetObjectItem(j, "ranef_se"), "Subject", "309", "Days") == r->group[0].u_sd[3]);
    assert_true(number(j, "wald_ci", "Days", "upper") == r->interval[1].upper);
    assert_true(number(j, "optimizer", "evaluations", NULL) == r->search.evaluations);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(j, "singular")));
    c = cJSON_GetArrayItem(cJSON_GetObjectItem(cJSON_GetObjectItem(j, "cor"), "Subject"), 0);
    assert_string_equal(cJSON_GetObjectItem(c, "a")->valuestring, "(Intercept)");
    assert_true(cJSON_GetObjectItem(c, "value")->valuedouble == r->group[0].cor[1]);
    c = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "vcov"), 1);
    assert_true(cJSON_GetArrayItem(c, 0)->valuedouble == r->vcov[1]);
    cJSON_Delete(j);
    free(text);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_json_of_a_singular_fit_has_null_correlations_and_dropped_names(void **state)
{
    fixture *f = fixture_new("tests/data/Dyestuff2.csv", "Yield", "1 1", "1", "Batch", "1");
    bm_reml *r = fixture_fit(f, NULL);
    char    *text;
    cJSON   *j;

    (void)state;
    text = printed(print_reml, r, true, false);
    j = cJSON_Parse(text);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(j, "singular")));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "fixef_names")), 1);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "dropped")), 1);
    assert_string_equal(cJSON_GetArrayItem(cJSON_GetObjectItem(j, "boundary"), 0)->valuestring, "sd(Batch, (Intercept)) = 0");
    cJSON_Delete(j);
    free(text);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_profile_names_are_lme4s(void **state)
{
    fixture        *f = sleepstudy("1 Days", "1 Days", "2");
    bm_reml_options o = BM_REML_OPTIONS_INIT;
    bm_reml        *r;
    char           *text;
    cJSON          *j;

    (void)state;
    o.ci = BM_CI_PROFILE;
    r = fixture_fit(f, &o);
    text = printed(print_reml, r, true, false);
    j = cJSON_Parse(text);
    bm_assert_near(number(j, "profile_ci", "sd_(Intercept)|Subject", "lower"), 14.3814734812731, 1e-4);
    bm_assert_near(number(j, "profile_ci", "cor_Days.(Intercept)|Subject", "upper"), 0.68498625015103, 1e-4);
    bm_assert_near(number(j, "profile_ci", "sigma", "lower"), 22.8982668811125, 1e-4);
    cJSON_Delete(j);
    free(text);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_reml_json_is_written_once_and_replaced_only_by_force(void **state)
{
    fixture         *f = fixture_new("tests/data/Dyestuff.csv", "Yield", "1", "1", "Batch", "1");
    bm_reml         *r = fixture_fit(f, NULL);
    bm_write_options opt = BM_WRITE_OPTIONS_INIT;
    char             dir[] = "/tmp/bmixed-reml-XXXXXX", path[128], sub[64];
    bm_error         err = { 0 };
    struct stat      sb;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(sub, sizeof sub, "%s/new", dir);
    snprintf(path, sizeof path, "%s/reml.json", sub);
    bm_assert_ok(bm_report_reml_dir(r, sub, &opt, &err), err);
    assert_int_equal(stat(path, &sb), 0);
    assert_true(sb.st_size > 500);
    assert_int_equal(bm_report_reml_dir(r, sub, &opt, &err), BM_EINVAL);
    bm_assert_says(err, "reml.json' exists; --force replaces it");
    opt.force = true;
    err = (bm_error){ 0 };
    bm_assert_ok(bm_report_reml_dir(r, sub, &opt, &err), err);
    assert_int_equal(bm_report_reml_dir(r, "/proc/none/such", &opt, &err), BM_EIO);
    bm_assert_says(err, "cannot create the directory '/proc/none/such'");
    err = (bm_error){ 0 };
    assert_int_equal(bm_report_reml_dir(r, path, &opt, &err), BM_EIO);
    bm_assert_says(err, "cannot open the directory");
    unlink(path);
    assert_int_equal(rmdir(sub), 0);                 /* nothing else was left there */
    rmdir(dir);
    bm_reml_free(r);
    fixture_free(f);
}

static void test_anova_prints_both_models_and_the_mixture(void **state)
{
    fixture      *a = sleepstudy("1 Days", "1 Days", "2"), *b = sleepstudy("1 Days", "1", "1");
    bm_anova     *t = NULL;
    bm_error      err = { 0 };
    char         *text;
    cJSON        *j;

    (void)state;
    bm_assert_ok(fixture_stats(a, &err), err);
    bm_assert_ok(fixture_stats(b, &err), err);
    bm_anova_side one = { a->st, &a->d, "y ~ big" }, two = { b->st, &b->d, "y ~ small" };
    bm_assert_ok(bm_anova_fit(&t, &one, &two, NULL, &err), err);
    text = printed(print_anova, t, false, false);
    has(text, "Likelihood-ratio test of two models fitted by REML\n\nmodel 1: y ~ small\nmodel 2: y ~ big\n");
    has(text, "npar     AIC     BIC   logLik -2 logLik   Chisq Df Pr(>Chisq)\n");
    has(text, "model 2    6 1755.63 1774.79 -871.814  1743.628 42.8368  2   2.79e-10\n");
    has(text, "50:50 mixture of chi-square with 1 and 2 df");
    free(text);
    text = printed(print_anova, t, true, false);
    j = cJSON_Parse(text);
    assert_true(number(j, "p", NULL, NULL) == t->p);
    assert_true(number(j, "chisq", NULL, NULL) == t->chisq);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "models")), 2);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "mixture")), 2);
    cJSON_Delete(j);
    free(text);
    bm_anova_free(t);
    fixture_free(a);
    fixture_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary_reads_like_lme4),
        cmocka_unit_test(test_singular_fits_and_dropped_columns_are_said),
        cmocka_unit_test(test_linear_model_by_maximum_likelihood),
        cmocka_unit_test(test_json_holds_every_number),
        cmocka_unit_test(test_json_of_a_singular_fit_has_null_correlations_and_dropped_names),
        cmocka_unit_test(test_profile_names_are_lme4s),
        cmocka_unit_test(test_reml_json_is_written_once_and_replaced_only_by_force),
        cmocka_unit_test(test_anova_prints_both_models_and_the_mixture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
