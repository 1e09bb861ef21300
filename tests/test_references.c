/* Posteriors against public references: posteriordb's reference draws and long Stan runs (tests/data/posterior, each file names its source).
 *
 * Means of the monitored parameters must lie within 4 joint Monte Carlo standard errors (5 for the many group effects), standard deviations
 * within 3 % or 4 joint errors of their own. Some 190 monitored means: the chance that a right sampler fails at one fixed seed is about 1 %, once; the seed
 * is fixed. Power: with 20,000 draws an error of 5 % of a posterior sd in a mean is 5 to 7 joint errors where the reference has ESS 10,000. */
#include "testing.h"

#include "api/api.h"

#include <cjson/cJSON.h>
#include <dirent.h>

enum { DRAWS = 5000 };

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *s = calloc(1, 1 << 20);

    if (!f || !fread(s, 1, (1 << 20) - 1, f)) fail_msg("cannot read %s", path);
    fclose(f);
    return s;
}

static void set(bm_spec *s, const char *key, const cJSON *v)
{
    bm_error err = { 0 };

    if (cJSON_IsString(v)) bm_assert_ok(bm_spec_set(s, key, v->valuestring, &err), err);
    for (const cJSON *i = cJSON_IsArray(v) ? v->child : NULL; i; i = i->next) bm_assert_ok(bm_spec_set(s, key, i->valuestring, &err), err);
}

static void set_data(bm_spec *s, const char *name)
{
    char     path[256];
    bm_error err = { 0 };

    snprintf(path, sizeof path, "tests/data/%s", name);
    FILE *f = fopen(path, "r");
    if (f) fclose(f);
    else snprintf(path, sizeof path, "tests/data/%s.gz", name);
    bm_assert_ok(bm_spec_set(s, "data", path, &err), err);
}

static const bm_summary_row *row_named(const bm_fit *f, const char *name)
{
    char ours[128], *bracket, *joint;

    for (size_t v = 0; v < f->draws->nvar; v++)
        if (strcmp(f->summary[v].name, name) == 0) return &f->summary[v];
    snprintf(ours, sizeof ours, "%s", name);         /* the references write the level x:y of a:b as x_y */
    if ((bracket = strchr(ours, '[')) && (joint = strchr(bracket, '_'))) *joint = ':';
    for (size_t v = 0; v < f->draws->nvar; v++)
        if (strcmp(f->summary[v].name, ours) == 0) return &f->summary[v];
    fail_msg("there is no parameter %s", name);
    return NULL;
}

static double number(const cJSON *o, const char *key)
{
    return cJSON_GetObjectItem(o, key)->valuedouble;
}

/* Largest deviations over the parameters of one reference: of means in joint Monte Carlo errors (exact moments: in the reference's), of sds relative. */
typedef struct { size_t n; double mean, exact, sd; int bad; } agreement;

static void note(double *largest, double deviation)
{
    if (!(fabs(deviation) <= *largest)) *largest = fabs(deviation);
}

static agreement compare(const char *model, const bm_fit *f, const cJSON *parameters)
{
    agreement a = { 0 };

    for (const cJSON *p = parameters->child; p; p = p->next, a.n++) {
        const bm_summary_row *r = row_named(f, p->string);
        bool   effect = strncmp(p->string, "r_", 2) == 0;
        double mean = number(p, "mean"), sd = number(p, "sd"), err_mean = hypot(number(p, "mcse_mean"), r->mcse_mean);
        double err_sd = hypot(number(p, "mcse_sd"), r->mcse_sd), z = (r->mean - mean) / err_mean;
        double rb = isnan(r->rb_mean) ? 0 : (r->rb_mean - mean) / number(p, "mcse_mean");

        note(&a.mean, z);
        note(&a.exact, rb);
        note(&a.sd, r->sd / sd - 1);
        if (fabs(z) <= (effect ? 5 : 4) && fabs(rb) <= 5 && fabs(r->sd - sd) <= fmax(0.03 * sd, 4 * err_sd)) continue;
        print_error("%s, %s: mean %.6g, reference %.6g (%.1f joint errors; exact moments %.6g: %.1f); sd %.5g, reference %.5g\n", model, p->string, r->mean, mean, z,
                    r->rb_mean, rb, r->sd, sd);
        a.bad++;
    }
    return a;
}

static agreement check_reference(const char *name)
{
    char     path[256];
    bm_error err = { 0 };
    bm_spec *s = NULL;
    bm_model *m = NULL;
    bm_fit   *f = NULL;

    snprintf(path, sizeof path, "tests/data/posterior/%s.json", name);
    char  *text = read_file(path);
    cJSON *ref = cJSON_Parse(text);
    assert_non_null(ref);
    bm_assert_ok(bm_spec_new(&s, &err), err);
    set(s, "formula", cJSON_GetObjectItem(ref, "formula"));
    set(s, "prior", cJSON_GetObjectItem(ref, "priors"));
    set(s, "factor", cJSON_GetObjectItem(ref, "factors"));
    set(s, "se", cJSON_GetObjectItem(ref, "se"));
    set_data(s, cJSON_GetObjectItem(ref, "data")->valuestring);
    bm_assert_ok(bm_model_new(&m, s, NULL, &err), err);
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    opt.draws = DRAWS;
    opt.seed = 20260101;
    bm_assert_ok(bm_fit_run(&f, m, &opt, &err), err);
    agreement a = compare(name, f, cJSON_GetObjectItem(ref, "parameters"));
    if (bm_fit_untrusted(f)) {
        print_error("%s: %s\n", name, f->warnings.v[0]);
        a.bad++;
    }
    bm_fit_free(f);
    bm_model_free(m);
    bm_spec_free(s);
    cJSON_Delete(ref);
    free(text);
    return a;
}

static size_t checked;                               /* references that the tests have named */

static void check_all(const char *const *names, size_t n)
{
    int bad = 0;

    for (size_t i = 0; i < n; i++) bad += check_reference(names[i]).bad;
    checked += n;
    assert_int_equal(bad, 0);
}

#define CHECK(...) \
    static const char *const names[] = { __VA_ARGS__ }; \
    (void)state; \
    check_all(names, sizeof names / sizeof *names)

static void test_sleepstudy_posteriors_equal_stan(void **state)
{
    CHECK("sleepstudy_intercept", "sleepstudy_slope");
}

static void test_dyestuff_under_five_priors_equals_stan(void **state)
{
    CHECK("dyestuff", "dyestuff2", "dyestuff_half_normal", "dyestuff_half_t", "dyestuff_inv_gamma");
}

static void test_eight_schools_with_known_standard_errors_equals_posteriordb(void **state)
{
    CHECK("pdb_eight_schools");
}

static void test_rats_orthodont_hsb82_and_2000_groups_equal_their_references(void **state)
{
    CHECK("rats", "orthodont", "hsb82", "sim50k");
}

static void test_crossed_and_nested_factors_equal_stan(void **state)
{
    CHECK("penicillin", "machines_nested");
}

static void test_linear_models_equal_posteriordb(void **state)
{
    CHECK("pdb_diamonds_diamonds", "pdb_earnings_earn_height", "pdb_earnings_logearn_height", "pdb_earnings_logearn_interaction",
          "pdb_earnings_logearn_logheight_male", "pdb_kidiq_kidscore_momhs", "pdb_kidiq_kidscore_momhsiq",
          "pdb_kidiq_with_mom_work_kidscore_interaction_c", "pdb_kidiq_with_mom_work_kidscore_interaction_z", "pdb_kidiq_with_mom_work_kidscore_mom_work",
          "pdb_kilpisjarvi_mod_kilpisjarvi", "pdb_mesquite_logmesquite_logva", "pdb_mesquite_logmesquite_logvas", "pdb_mesquite_mesquite", "pdb_nes1972_nes",
          "pdb_nes1980_nes", "pdb_nes1988_nes", "pdb_nes1992_nes", "pdb_nes2000_nes", "pdb_sblri_blr");
}

static int is_json(const struct dirent *e)
{
    return strstr(e->d_name, ".json") != NULL;
}

/* The last of these tests: no file has been forgotten. */
static void test_every_reference_posterior_is_reached(void **state)
{
    struct dirent **list = NULL;
    int             n = scandir("tests/data/posterior", &list, is_json, alphasort);

    (void)state;
    for (int i = 0; i < n; i++) free(list[i]);
    free(list);
    assert_int_equal(checked, n);
}

/* ---- NIST Statistical Reference Datasets, linear regression: certified values ---- */

typedef struct { const char *file, *formula; double digits; size_t p; double b[6]; } nist;

static const nist NIST[] = {
    { "Norris", "y ~ x", 9, 2, { -0.262323073774029, 1.00211681802045 } },
    { "Pontius", "y ~ x + I(x^2)", 9, 3, { 0.673565789473684e-03, 0.732059160401003e-06, -0.316081871345029e-14 } },
    { "NoInt1", "y ~ 0 + x", 9, 1, { 2.07438016528926 } },
    { "NoInt2", "y ~ 0 + x", 9, 1, { 0.727272727272727 } },
    { "Wampler3", "y ~ x + I(x^2) + I(x^3) + I(x^4) + I(x^5)", 9, 6, { 1, 1, 1, 1, 1, 1 } },
    { "Wampler4", "y ~ x + I(x^2) + I(x^3) + I(x^4) + I(x^5)", 7, 6, { 1, 1, 1, 1, 1, 1 } },
};

static bm_status nist_model(bm_model **m, const char *file, const char *formula, bm_error *err)
{
    char     path[256];
    bm_spec *s = NULL;

    snprintf(path, sizeof path, "nist/%s.csv", file);
    bm_assert_ok(bm_spec_new(&s, err), *err);
    bm_assert_ok(bm_spec_set(s, "formula", formula, err), *err);
    bm_assert_ok(bm_spec_set(s, "prior", "b ~ flat()", err), *err);
    bm_assert_ok(bm_spec_set(s, "prior", "sigma ~ flat()", err), *err);
    set_data(s, path);
    bm_status st = bm_model_new(m, s, NULL, err);
    bm_spec_free(s);
    return st;
}

static void test_exact_moments_keep_the_certified_digits_of_nist(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof NIST / sizeof *NIST; k++) {
        bm_model *m = NULL;
        bm_fit   *f = NULL;
        bm_error  err = { 0 };

        bm_assert_ok(nist_model(&m, NIST[k].file, NIST[k].formula, &err), err);
        bm_assert_ok(bm_fit_run(&f, m, NULL, &err), err);
        for (size_t i = 0; i < NIST[k].p; i++) bm_assert_near(f->summary[1 + i].rb_mean, NIST[k].b[i], 0.5 * pow(10, -NIST[k].digits));
        bm_fit_free(f);
        bm_model_free(m);
    }
}

static void test_wampler_1_and_2_fit_perfectly_and_are_refused_by_name(void **state)
{
    static const char *const file[] = { "Wampler1", "Wampler2" };

    (void)state;
    for (int k = 0; k < 2; k++) {
        bm_model *m = NULL;
        bm_error  err = { 0 };

        bm_fit   *f = NULL;

        bm_assert_ok(nist_model(&m, file[k], NIST[4].formula, &err), err);
        assert_int_equal(bm_fit_run(&f, m, NULL, &err), BM_ENUMERIC);
        bm_assert_says(err, "perfect fit");
        bm_assert_says(err, "sigma");
        bm_model_free(m);
    }
}

/* The table of make check-references: a line for every file. */
static void table(void **state)
{
    struct dirent **list = NULL;
    int             n = scandir("tests/data/posterior", &list, is_json, alphasort), bad = 0;
    size_t          numbers = 0;

    (void)state;
    assert_true(n > 0);
    printf("Posteriors: posteriordb's reference draws and long Stan runs, against %d draws of each\n\n", 4 * DRAWS);
    printf("  %-46s %8s %14s %14s %9s  %s\n", "reference", "numbers", "means: largest", "exact: largest", "sds", "verdict");
    printf("  %-46s %8s %14s %14s %9s\n", "", "", "in MC errors", "in MC errors", "largest");
    for (int i = 0; i < n; i++) {
        char name[256];

        snprintf(name, sizeof name, "%.*s", (int)(strlen(list[i]->d_name) - strlen(".json")), list[i]->d_name);
        agreement a = check_reference(name);
        printf("  %-46s %8zu %14.1f %14.1f %7.1f %%  %s\n", name, 2 * a.n, a.mean, a.exact, 100 * a.sd, a.bad ? "DISAGREES" : "agrees");
        fflush(stdout);
        bad += a.bad > 0;
        numbers += 2 * a.n;
        free(list[i]);
    }
    free(list);
    printf("\n  %d of %d references agree in all their means and sds (%zu numbers): means within 4 joint Monte Carlo errors (5: group\n"
           "  effects, exact moments), sds within 3 %% or 4 of their errors.\n\n", n - bad, n, numbers);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sleepstudy_posteriors_equal_stan),
        cmocka_unit_test(test_dyestuff_under_five_priors_equals_stan),
        cmocka_unit_test(test_eight_schools_with_known_standard_errors_equals_posteriordb),
        cmocka_unit_test(test_rats_orthodont_hsb82_and_2000_groups_equal_their_references),
        cmocka_unit_test(test_crossed_and_nested_factors_equal_stan),
        cmocka_unit_test(test_linear_models_equal_posteriordb),
        cmocka_unit_test(test_every_reference_posterior_is_reached),
        cmocka_unit_test(test_exact_moments_keep_the_certified_digits_of_nist),
        cmocka_unit_test(test_wampler_1_and_2_fit_perfectly_and_are_refused_by_name),
    };

    const struct CMUnitTest tables[] = { cmocka_unit_test(table) };

    return argc > 1 && strcmp(argv[1], "--table") == 0 ? cmocka_run_group_tests(tables, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
}
