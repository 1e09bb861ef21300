/* Every stored reference fit (tests/data/reml, R 4.2.2, lme4 1.1-31, from several tight optimiser runs): the criterion is as good or better,
 * and so the estimates agree. The model comes from formula and data, through the public interface. */
#include "testing.h"

#include "fit/fit.h"

#include <unistd.h>
#include <cjson/cJSON.h>
#include <dirent.h>

static char *read_file(const char *path)
{
    FILE  *f = fopen(path, "rb");
    char  *s = calloc(1, 1 << 20);
    size_t n;

    if (!f) fail_msg("cannot open %s", path);
    n = fread(s, 1, (1 << 20) - 1, f);
    s[n] = '\0';
    fclose(f);
    return s;
}

static const cJSON *get(const cJSON *o, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(o, key);
}

static void set(bm_spec *s, const char *key, const cJSON *value)
{
    bm_error err = { 0 };

    if (cJSON_IsString(value)) bm_assert_ok(bm_spec_set(s, key, value->valuestring, &err), err);
}

static bm_model *model_of(const cJSON *ref)
{
    bm_spec     *s = NULL;
    bm_model    *m = NULL;
    bm_error     err = { 0 };
    char         path[256];
    const cJSON *e;

    bm_assert_ok(bm_spec_new(&s, &err), err);
    snprintf(path, sizeof path, "tests/data/%s", get(ref, "data")->valuestring);
    if (access(path, R_OK) != 0) snprintf(path, sizeof path, "tests/data/%s.gz", get(ref, "data")->valuestring);
    bm_assert_ok(bm_spec_set(s, "data", path, &err), err);
    set(s, "name", get(ref, "name"));
    set(s, "formula", get(ref, "formula"));
    set(s, "contrasts", get(ref, "contrasts"));
    set(s, "weights", get(ref, "weights"));
    cJSON_ArrayForEach(e, get(ref, "factors")) set(s, "factor", e);
    bm_assert_ok(bm_model_new(&m, s, NULL, &err), err);
    bm_spec_free(s);
    return m;
}

/* ---- comparisons; each says which number of which model is off ---- */

static int bad;

/* Largest deviations of one fit: of the criterion (above the reference's only), coefficients in standard errors, sds, correlations and sigma relative, effects
 * in units of their sd. */
typedef struct { size_t n; double criterion, coefficient, sd, effect; } agreement;
static agreement now;

static double *largest;                              /* the one that near() adds to, or NULL */
static double  unit;

static void near(const char *name, const char *what, double got, double want, double tolerance)
{
    now.n++;
    if (largest && !(fabs(got - want) / unit <= *largest)) *largest = fabs(got - want) / unit;
    if (fabs(got - want) <= tolerance) return;       /* false for NaN */
    print_error("%s: %s is %.12g, want %.12g (%.2g)\n", name, what, got, want, tolerance);
    bad++;
}

static void measure(double *what, double in)
{
    largest = what;
    unit = in;
}

static void compare_coefficients(const char *name, const bm_reml *r, const cJSON *ref)
{
    const cJSON *names = get(ref, "fixef_names"), *df = get(ref, "satterthwaite_df");
    size_t       k = 0;

    for (int i = 0; i < cJSON_GetArraySize(names); i++, k++) {
        const char  *term = cJSON_GetArrayItem(names, i)->valuestring;
        const cJSON *want = get(get(ref, "fixef"), term);
        double       se = get(want, "se")->valuedouble;

        while (k < r->p && r->aliased[k]) k++;
        if (k >= r->p || strcmp(r->xnames[k], term) != 0) {
            print_error("%s: coefficient %zu is %s, want %s\n", name, k, k < r->p ? r->xnames[k] : "(none)", term);
            bad++;
            return;
        }
        measure(&now.coefficient, se);
        near(name, term, r->b[k], get(want, "estimate")->valuedouble, 1e-3 * se);
        measure(NULL, 1);
        near(name, "its standard error", r->se[k], se, 1e-4 * se);
        if (df && cJSON_IsNumber(get(df, term))) near(name, "its df", r->df[k], get(df, term)->valuedouble, 1e-3 * get(df, term)->valuedouble);
    }
}

static long term_index(const bm_reml_group *g, const char *term)
{
    for (size_t i = 0; i < g->q; i++)
        if (strcmp(g->terms[i], term) == 0) return (long)i;
    return -1;
}

/* The reference's name of a group: lme4 writes a:b of (1 | a/b) as b:a, and nested deeper c:(b:a). */
static const char *group_name(const cJSON *groups, const char *name)
{
    static char other[256];
    char        copy[256], *part[3];
    int         n = 0;

    if (get(groups, name)) return name;
    snprintf(copy, sizeof copy, "%s", name);
    for (char *p = strtok(copy, ":"); p && n < 3; p = strtok(NULL, ":")) part[n++] = p;
    if (n == 2) snprintf(other, sizeof other, "%s:%s", part[1], part[0]);
    if (n == 3) snprintf(other, sizeof other, "%s:(%s:%s)", part[2], part[1], part[0]);
    return n > 1 && get(groups, other) ? other : NULL;
}

/* Is b lme4's label of our level a, in a group whose name is turned round or not? */
static bool same_level(const char *a, const char *b, bool turned)
{
    char        copy[256];
    const char *first = strchr(a, ':'), *second = first ? strchr(first + 1, ':') : NULL;

    if (!turned || !first) return strcmp(a, b) == 0;
    if (second) snprintf(copy, sizeof copy, "%s:%.*s:%.*s", second + 1, (int)(second - first - 1), first + 1, (int)(first - a), a);
    else snprintf(copy, sizeof copy, "%s:%.*s", first + 1, (int)(first - a), a);
    return strcmp(copy, b) == 0;
}

static void compare_covariances(const char *name, const bm_reml *r, const cJSON *ref)
{
    const cJSON *e, *c;

    measure(&now.sd, r->sigma);
    near(name, "sigma", r->sigma, get(ref, "sigma")->valuedouble, 1e-4 * r->sigma);
    for (size_t k = 0; k < r->ngroup; k++) {
        const bm_reml_group *g = &r->group[k];
        const char          *group = group_name(get(ref, "sd"), g->name);

        if (!group) {
            print_error("%s: no group '%s' in the reference\n", name, g->name);
            bad++;
            return;
        }
        cJSON_ArrayForEach(e, get(get(ref, "sd"), group)) {
            long i = term_index(g, e->string);

            if (i < 0) print_error("%s: no effect '%s'\n", name, e->string), bad++;
            else {
                measure(&now.sd, fmax(e->valuedouble, 1e-4 * r->sigma));
                near(name, e->string, g->sd[i], e->valuedouble, 1e-4 * fmax(e->valuedouble, 1e-4 * r->sigma));
            }
        }
        if (r->singular) continue;
        measure(&now.sd, 1);
        cJSON_ArrayForEach(c, get(get(ref, "cor"), group)) {
            long a = term_index(g, get(c, "a")->valuestring), b = term_index(g, get(c, "b")->valuestring);

            if (a >= 0 && b >= 0) near(name, "correlation", g->cor[(size_t)b + (size_t)a * g->q], get(c, "value")->valuedouble, 1e-4);
        }
    }
}

static void compare_effects(const char *name, const bm_reml *r, const cJSON *ref)
{
    const cJSON *level, *e;

    for (size_t k = 0; k < r->ngroup; k++) {
        const bm_reml_group *g = &r->group[k];
        const char          *group = group_name(get(ref, "sd"), g->name);
        const cJSON         *levels = group ? get(get(ref, "ranef"), group) : NULL;

        cJSON_ArrayForEach(level, levels) {
            const cJSON *sds = get(get(get(ref, "ranef_se"), group), level->string);
            size_t       l = 0;

            while (l < g->J && !same_level(g->levels[l], level->string, strcmp(group, g->name) != 0)) l++;
            if (l == g->J) {
                print_error("%s: no level '%s' of '%s'\n", name, level->string, g->name);
                bad++;
                continue;
            }
            cJSON_ArrayForEach(e, level) {
                long i = term_index(g, e->string);

                if (i < 0) continue;
                measure(&now.effect, g->sd[i] + 1e-6 * r->sigma);
                near(name, level->string, g->u[l * g->q + (size_t)i], e->valuedouble, 1e-3 * (g->sd[i] + 1e-6 * r->sigma));
                near(name, "its sd", g->u_sd[l * g->q + (size_t)i], get(sds, e->string)->valuedouble, 1e-3 * (g->sd[i] + 1e-6 * r->sigma));
            }
        }
    }
}

static void compare_file(const char *path)
{
    char           *text = read_file(path);
    cJSON          *ref = cJSON_Parse(text);
    bm_model       *m = model_of(ref);
    bm_reml_options o = BM_REML_OPTIONS_INIT;
    const char     *name = get(ref, "name")->valuestring;
    double          want = get(ref, "criterion")->valuedouble;
    bm_error        err = { 0 };
    bm_reml        *r = NULL;

    now = (agreement){ 0, NAN, NAN, NAN, NAN };
    measure(NULL, 1);
    o.ml = strcmp(get(ref, "method")->valuestring, "ML") == 0;
    if (bm_reml_run(&r, m, &o, &err) != BM_OK) {
        print_error("%s: %s\n", name, err.msg);
        bad++;
    } else {
        now.criterion = r->criterion - want;
        if (!(r->criterion <= want + fmax(1e-6, 1e-8 * fabs(want)))) near(name, "criterion", r->criterion, want, 0);
        near(name, "criterion", r->criterion, want, 1e-4);       /* lower is better, but this much lower is another model */
        near(name, "rows", (double)r->n, get(ref, "n_obs")->valuedouble, 0);
        near(name, "parameters", (double)r->npar, get(ref, "n_par")->valuedouble, 0);
        near(name, "AIC", r->aic, get(ref, "AIC")->valuedouble, 1e-4);
        near(name, "BIC", r->bic, get(ref, "BIC")->valuedouble, 1e-4);
        near(name, "singular", r->singular, cJSON_IsTrue(get(ref, "singular")), 0);
        if (!r->search.converged) print_error("%s: did not converge\n", name), bad++;
        compare_coefficients(name, r, ref);
        compare_covariances(name, r, ref);
        compare_effects(name, r, ref);
    }
    measure(NULL, 1);
    bm_reml_free(r);
    bm_model_free(m);
    cJSON_Delete(ref);
    free(text);
}

static int is_json(const struct dirent *e)
{
    return strstr(e->d_name, ".json") != NULL;
}

static void test_every_reference_fit_is_reached(void **state)
{
    struct dirent **list = NULL;
    int             n = scandir("tests/data/reml", &list, is_json, alphasort);

    (void)state;
    assert_true(n > 80);
    for (int i = 0; i < n; i++) {
        char path[300];

        snprintf(path, sizeof path, "tests/data/reml/%s", list[i]->d_name);
        compare_file(path);
        free(list[i]);
    }
    free(list);
    assert_int_equal(bad, 0);
}

static void column(int width, double deviation)
{
    if (isnan(deviation)) printf(" %*s", width, "-");            /* none to compare */
    else printf(" %*.1e", width, deviation);
}

/* The table of make check-references: a line for every file. */
static void table(void **state)
{
    struct dirent **list = NULL;
    int             n = scandir("tests/data/reml", &list, is_json, alphasort), agree = 0;
    size_t          numbers = 0;

    (void)state;
    assert_true(n > 80);
    printf("REML and ML fits: lme4 (the best of several tight runs), nlme\n\n");
    printf("  %-30s %8s %14s %13s %11s %11s  %s\n", "reference", "numbers", "criterion less", "coefficients", "sds, cors", "effects", "verdict");
    printf("  %-30s %8s %14s %13s %11s %11s\n", "", "", "reference's", "in se", "relative", "in sds");
    for (int i = 0; i < n; i++) {
        char path[300];
        int  before = bad;

        snprintf(path, sizeof path, "tests/data/reml/%s", list[i]->d_name);
        compare_file(path);
        printf("  %-30.*s %8zu", (int)(strlen(list[i]->d_name) - strlen(".json")), list[i]->d_name, now.n);
        column(14, now.criterion);
        column(13, now.coefficient);
        column(11, now.sd);
        column(11, now.effect);
        printf("  %s\n", bad > before ? "DISAGREES" : "agrees");
        fflush(stdout);
        agree += bad == before;
        numbers += now.n;
        free(list[i]);
    }
    free(list);
    printf("\n  %d of %d references agree in all their %zu numbers: criterion within 1e-6 of the reference's or below, coefficients within a\n"
           "  thousandth of a standard error, sds and correlations within 1e-4, effects within a thousandth of their sd.\n\n", agree, n, numbers);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_reference_fit_is_reached) };
    const struct CMUnitTest tables[] = { cmocka_unit_test(table) };

    return argc > 1 && strcmp(argv[1], "--table") == 0 ? cmocka_run_group_tests(tables, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
}
