/* Output directories: what is in every file, read back by other means than it was written, and that they appear whole or not at all. */
#include "report/report_priv.h"
#include "report_fixture.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a place to write, and naive readers ---- */

typedef struct { char dir[64], path[128]; } place;

static int setup(void **state)
{
    place *p = calloc(1, sizeof *p);

    strcpy(p->dir, "/tmp/bmixed-report-XXXXXX");
    if (!mkdtemp(p->dir) || chmod(p->dir, 0777) != 0) return -1;
    snprintf(p->path, sizeof p->path, "%s/out", p->dir);
    *state = p;
    return 0;
}

static void remove_tree(const char *path)
{
    DIR           *d = opendir(path);
    struct dirent *e;
    char           sub[512];

    if (!d) {
        unlink(path);
        return;
    }
    while ((e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(sub, sizeof sub, "%s/%s", path, e->d_name);
        struct stat s;
        if (lstat(sub, &s) == 0 && S_ISDIR(s.st_mode)) {
            chmod(sub, 0700);
            remove_tree(sub);
        } else {
            unlink(sub);
        }
    }
    closedir(d);
    rmdir(path);
}

static int teardown(void **state)
{
    place *p = *state;

    remove_tree(p->dir);
    free(p);
    return 0;
}

static char *slurp(const char *dir, const char *name)
{
    char   path[512];
    FILE  *f;
    char  *s;
    size_t n;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    n = (size_t)ftell(f);
    rewind(f);
    s = calloc(n + 1, 1);
    assert_int_equal(fread(s, 1, n, f), n);
    fclose(f);
    return s;
}

static cJSON *slurp_json(const char *dir, const char *name)
{
    char  *s = slurp(dir, name);
    cJSON *j = cJSON_ParseWithOpts(s, NULL, true);

    assert_non_null(j);
    free(s);
    return j;
}

static void put(const char *dir, const char *name, const char *text)
{
    char  path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* Names in a directory, sorted, with blanks between. */
static char *list(const char *dir)
{
    struct dirent **e;
    int             n = scandir(dir, &e, NULL, alphasort);
    bm_buf          b = { 0 };

    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        if (strcmp(e[i]->d_name, ".") != 0 && strcmp(e[i]->d_name, "..") != 0) bm_buf_printf(&b, "%s%s", b.n ? " " : "", e[i]->d_name);
        free(e[i]);
    }
    free(e);
    bm_buf_puts(&b, "");
    return b.s;
}

static void assert_list(const char *dir, const char *want)
{
    char *got = list(dir);

    assert_string_equal(got, want);
    free(got);
}

/* RFC 4180, one field after the other: *s moves behind the field and its comma or newline; *last: it ended a record. */
static char *next_field(const char **s, bool *last)
{
    char       *out = calloc(strlen(*s) + 1, 1), *o = out;
    const char *p = *s;
    bool        quoted = *p == '"';

    if (quoted) p++;
    for (; *p; p++) {
        if (quoted && *p == '"' && p[1] == '"') p++;
        else if (quoted && *p == '"') { p++; break; }
        else if (!quoted && (*p == ',' || *p == '\n')) break;
        *o++ = *p;
    }
    assert_true(*p == ',' || *p == '\n');
    *last = *p == '\n';
    *s = p + 1;
    return out;
}

static void assert_field(const char **s, const char *want, bool ends)
{
    bool  last;
    char *got = next_field(s, &last);

    assert_string_equal(got, want);
    assert_int_equal(last, ends);
    free(got);
}

static double number_field(const char **s, bool *last)
{
    char  *f = next_field(s, last), *end;
    double x = strcmp(f, "NA") == 0 ? NAN : strtod(f, &end);

    free(f);
    return x;
}

/* Names with everything that some format or terminal takes for more than text. */
static const char *const hostile[] = { "a\"b", "new\nline", "comma, and space", "[br,ack]et", "esc\x1b[31m", "größe 日本", "bad\xff\xc3", "../../etc",
                                       "-dash", "<script>", "back\\slash", "tab\tcr\r\x7f" };
enum { NHOSTILE = sizeof hostile / sizeof *hostile };

static void hostile_fit(fake *f)
{
    static const char *const terms[] = { "(Intercept)", "I(x^2)", "I.x.2", "x\"y", "treatB:age" }, *const zterms[] = { "Intercept", "I(x^2)" };
    fake_group               g = { "sch\"ool:class", NHOSTILE, hostile, 2, zterms, false };

    fake_new(f, &(fake_shape){ .formula = "y ~ I(x^2) + `x\"y` + (1 | school:class)", .data = "no/such \"file\".csv", .p = 5, .terms = terms,
                               .nfac = 1, .fac = &g, .nchain = 2, .niter = 70, .keep = true });
}

/* ---- content ---- */

static void test_a_directory_holds_the_files_of_its_format(void **state)
{
    static const char *const want[] = {
        [BM_FORMAT_CSV] = "draws.csv model.json ranef.csv summary.csv summary.json",
        [BM_FORMAT_CMDSTAN] = "draws-1.csv draws-2.csv draws-3.csv draws-4.csv draws-labels.json model.json ranef.csv summary.csv summary.json",
        [BM_FORMAT_JSON] = "draws.json model.json ranef.csv summary.csv summary.json",
        [BM_FORMAT_NONE] = "model.json ranef.csv summary.csv summary.json" };
    place   *p = *state;
    fake     f;
    bm_error err = { 0 };

    fake_sleepstudy(&f, 10);
    for (int k = BM_FORMAT_CSV; k <= BM_FORMAT_NONE; k++) {
        bm_write_options opt = { .force = k > 0, .format = (bm_format)k };

        bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
        assert_list(p->path, want[k]);
        assert_list(p->dir, "out");
    }
    fake_free(&f);
}

static void test_an_unknown_format_is_refused(void **state)
{
    place           *p = *state;
    fake             f;
    bm_error         err = { 0 };
    bm_write_options opt = { .format = (bm_format)17 };

    fake_sleepstudy(&f, 10);
    assert_int_equal(bm_report_dir(&f.r, p->path, &opt, &err), BM_EINVAL);
    bm_assert_says(err, "unknown format 17");
    assert_list(p->dir, "");
    fake_free(&f);
}

static void test_draws_csv_byte_for_byte(void **state)
{
    static const char *const names[] = { "lp__", "b_x, y", "r_g[\"q\",Intercept]" };
    place                   *p = *state;
    bm_draws                *d;
    bm_error                 err = { 0 };

    bm_assert_ok(bm_draws_new(&d, names, 3, 2, 2, &err), err);
    for (size_t i = 0; i < 12; i++) d->x[i] = (double)i + 0.5;
    d->x[5] = -1e-300;
    bm_assert_ok(bm_report_draws_csv(d, p->path, &err), err);
    char *s = slurp(p->dir, "out");
    assert_string_equal(s, ".chain,.iteration,.draw,lp__,\"b_x, y\",\"r_g[\"\"q\"\",Intercept]\"\n"
                           "1,1,1,0.5,4.5,8.5\n1,2,2,1.5,-1e-300,9.5\n2,1,3,2.5,6.5,10.5\n2,2,4,3.5,7.5,11.5\n");
    free(s);
    bm_draws_free(d);
}

static void test_draws_csv_reads_back_to_the_same_bits_and_names(void **state)
{
    place   *p = *state;
    fake     f;
    bm_error err = { 0 };
    bool     last = false;

    hostile_fit(&f);
    bm_assert_ok(bm_report_dir(&f.r, p->path, NULL, &err), err);
    char           *text = slurp(p->path, "draws.csv");
    const char     *s = text;
    const bm_draws *d = f.draws;
    assert_field(&s, ".chain", false);
    assert_field(&s, ".iteration", false);
    assert_field(&s, ".draw", false);
    for (size_t k = 0; k < d->nvar; k++) assert_field(&s, d->names[k], k + 1 == d->nvar);
    for (size_t c = 0; c < d->nchain; c++) {
        for (size_t i = 0; i < d->niter; i++) {
            assert_true(number_field(&s, &last) == (double)(c + 1));
            assert_true(number_field(&s, &last) == (double)(i + 1));
            assert_true(number_field(&s, &last) == (double)(c * d->niter + i + 1));
            for (size_t k = 0; k < d->nvar; k++) assert_true(number_field(&s, &last) == d->x[(k * d->nchain + c) * d->niter + i]);
            assert_true(last);
        }
    }
    assert_string_equal(s, "");
    free(text);
    fake_free(&f);
}

static void test_summary_csv_has_the_columns_of_posterior_and_every_digit(void **state)
{
    place   *p = *state;
    fake     f;
    bm_error err = { 0 };
    bool     last = false;

    hostile_fit(&f);
    f.summary[1].rhat = NAN;
    f.summary[2].ess_bulk = INFINITY;
    bm_assert_ok(bm_report_dir(&f.r, p->path, NULL, &err), err);
    char       *text = slurp(p->path, "summary.csv");
    const char *s = strchr(text, '\n') + 1;
    assert_memory_equal(text, "variable,mean,median,sd,mad,q5,q95,rhat,ess_bulk,ess_tail,mcse_mean,mcse_sd,q2.5,q97.5\n", (size_t)(s - text));
    for (size_t k = 0; k < f.draws->nvar; k++) {
        const bm_summary_row *r = &f.summary[k];
        const double          want[] = { r->mean, r->median, r->sd, r->mad, r->q5, r->q95, r->rhat, r->ess_bulk, r->ess_tail, r->mcse_mean,
                                         r->mcse_sd, r->q2_5, r->q97_5 };

        assert_field(&s, f.draws->names[k], false);
        for (size_t i = 0; i < 13; i++) {
            double got = number_field(&s, &last);

            assert_true(got == want[i] || (isnan(got) && isnan(want[i])));
            assert_int_equal(last, i == 12);
        }
    }
    assert_string_equal(s, "");
    free(text);
    fake_free(&f);
}

static void test_ranef_csv_names_every_effect_also_when_draws_are_not_kept(void **state)
{
    static const char *const levels[] = { "x,1", "x\"2" }, *const terms[] = { "Intercept" }, *const one[] = { "(Intercept)" };
    place                   *p = *state;
    fake_group               g = { "a:b", 2, levels, 1, terms, true };
    fake                     f;
    bm_error                 err = { 0 };

    fake_new(&f, &(fake_shape){ .formula = "y ~ (1 | a:b)", .data = "-", .p = 1, .terms = one, .nfac = 1, .fac = &g, .nchain = 1, .niter = 5 });
    bm_assert_ok(bm_report_dir(&f.r, p->path, NULL, &err), err);
    char *s = slurp(p->path, "ranef.csv");
    assert_string_equal(s, "group,level,term,mean,sd,q5,q50,q95\na:b,\"x,1\",Intercept,-8.5,1.5,-11,-8.5,-6\n"
                           "a:b,\"x\"\"2\",Intercept,-7.5,1.5,-10,-7.5,-5\n");
    free(s);
    fake_free(&f);
}

static double at(const cJSON *j, const char *key)
{
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(j, key);

    assert_non_null(x);
    return cJSON_IsNumber(x) ? x->valuedouble : NAN;
}

static const char *text_at(const cJSON *j, const char *key)
{
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(j, key);

    assert_non_null(x);
    return x->valuestring;
}

static const cJSON *item(const cJSON *j, const char *key)
{
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(j, key);

    assert_non_null(x);
    return x;
}

static void test_summary_json_has_the_shape_of_the_design(void **state)
{
    static const char *const keys[] = { "bmixed", "schema", "model", "data", "priors", "sampler", "parameters", "ranef", "derived", "diagnostics",
                                        "timing", "command" };
    place           *p = *state;
    fake             f;
    bm_error         err = { 0 };
    bm_write_options opt = { .command = "bmixed fit 'y ~ \"x\"' a.csv" };
    size_t           k = 0;

    fake_sleepstudy(&f, 50);
    f.summary[4].rhat = 1.25;
    f.summary[6].ess_tail = NAN;
    bm_assert_ok(bm_strv_add(&f.warnings, "sd_Subject__Days: R-hat 1.25", &err), err);
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    cJSON *j = slurp_json(p->path, "summary.json");
    for (const cJSON *x = j->child; x; x = x->next) assert_string_equal(x->string, keys[k++]);
    assert_int_equal(k, 12);
    assert_string_equal(text_at(j, "bmixed"), BM_VERSION);
    assert_true(at(j, "schema") == 1);
    assert_string_equal(text_at(j, "command"), opt.command);
    assert_string_equal(text_at(item(j, "model"), "formula"), "Reaction ~ Days + (Days | Subject)");
    assert_true(at(item(j, "data"), "rows_used") == 180 && at(item(j, "data"), "rows_read") == 183);
    assert_true(at(item(item(j, "data"), "rows_dropped"), "Reaction") == 2);
    assert_string_equal(text_at(item(j, "data"), "hash"), "0123456789abcdef");
    assert_int_equal(cJSON_GetArraySize(item(j, "parameters")), 7);
    assert_int_equal(cJSON_GetArraySize(item(j, "ranef")), 36);
    const cJSON *days = cJSON_GetArrayItem(item(j, "parameters"), 2);
    assert_string_equal(text_at(days, "name"), "b_Days");
    assert_true(at(days, "mean") == f.summary[2].mean && at(days, "q97.5") == f.summary[2].q97_5);
    assert_true(at(days, "rb_mean") == 10.4762238277 && at(days, "rb_sd") == 1.7199280371);
    assert_true(cJSON_IsNull(item(cJSON_GetArrayItem(item(j, "parameters"), 6), "ess_tail")));
    assert_true(at(item(item(j, "derived"), "icc_Subject"), "q2.5") == 0.583);
    assert_string_equal(text_at(item(j, "diagnostics"), "max_rhat_parameter"), "sd_Subject__Days");
    assert_true(at(item(j, "diagnostics"), "pareto_k") == 0.1234);
    assert_true(cJSON_GetArraySize(item(item(j, "diagnostics"), "untrusted")) >= 1);
    assert_string_equal(cJSON_GetArrayItem(item(item(j, "diagnostics"), "warnings"), 0)->valuestring, "sd_Subject__Days: R-hat 1.25");
    const cJSON *t = item(j, "timing");
    assert_true(at(t, "write_seconds") > 0 && at(t, "write_seconds") < 10);
    bm_assert_near(at(t, "total_seconds"), 0.02 + at(t, "write_seconds"), 1e-12);
    assert_true(at(t, "read_seconds") == 0.001 && at(t, "warmup_seconds") == 0.004 && at(t, "sampling_seconds") == 0.009);
    cJSON_Delete(j);
    fake_free(&f);
}

static void test_untrusted_names_what_fails_and_nothing_else(void **state)
{
    fake     f;
    bm_error err = { 0 };
    bm_buf   b = { 0 };

    (void)state;
    fake_sleepstudy(&f, 10);
    for (size_t k = 0; k < f.draws->nvar; k++) {
        f.summary[k].rhat = 1.01;
        f.summary[k].ess_bulk = f.summary[k].ess_tail = 400;
    }
    f.summary[1].rhat = 1.0101;
    f.summary[2].ess_bulk = 399;
    f.summary[3].ess_tail = 399;
    f.summary[4].rhat = f.summary[4].ess_bulk = f.summary[4].ess_tail = NAN;     /* a constant */
    f.summary[4].sd = 0;
    f.summary[5].ess_bulk = NAN;                                                 /* too few draws */
    bm_assert_ok(bm_report_summary_json(&f.r, NULL, &b, &err), err);
    cJSON       *j = cJSON_Parse(b.s);
    const cJSON *u = item(item(j, "diagnostics"), "untrusted");
    assert_int_equal(cJSON_GetArraySize(u), 4);
    assert_string_equal(cJSON_GetArrayItem(u, 3)->valuestring, f.summary[5].name);
    assert_string_equal(cJSON_GetArrayItem(u, 0)->valuestring, "b_Intercept");
    assert_string_equal(cJSON_GetArrayItem(u, 1)->valuestring, "b_Days");
    assert_string_equal(cJSON_GetArrayItem(u, 2)->valuestring, "sd_Subject__Intercept");
    assert_true(cJSON_IsNull(item(j, "command")));
    cJSON_Delete(j);
    bm_buf_free(&b);
    fake_free(&f);
}

static void test_hostile_names_come_back_from_json_as_they_were(void **state)
{
    place   *p = *state;
    fake     f;
    bm_error err = { 0 };

    hostile_fit(&f);
    bm_assert_ok(bm_report_dir(&f.r, p->path, NULL, &err), err);
    char *text = slurp(p->path, "summary.json");
    for (const char *s = text; *s;) {                    /* UTF-8 throughout, and no control characters */
        size_t n = bm_utf8(s, NULL);

        assert_true(n > 0 && (unsigned char)*s != 0x7F && ((unsigned char)*s >= 0x20 || *s == '\n'));
        s += n;
    }
    free(text);
    cJSON *j = slurp_json(p->path, "summary.json");
    for (int k = 0; k < NHOSTILE; k++) {
        const cJSON *u = cJSON_GetArrayItem(item(j, "ranef"), 2 * k);

        assert_string_equal(text_at(u, "level"), strncmp(hostile[k], "bad", 3) == 0 ? "bad\xef\xbf\xbd\xef\xbf\xbd" : hostile[k]);
        assert_string_equal(text_at(u, "group"), "sch\"ool:class");
    }
    cJSON_Delete(j);
    fake_free(&f);
}

static void test_timings_change_no_other_file_than_the_summary(void **state)
{
    static const char *const same[] = { "draws.csv", "summary.csv", "ranef.csv", "model.json" };
    place                   *p = *state;
    fake                     f;
    bm_error                 err = { 0 };
    char                     second[160];

    fake_sleepstudy(&f, 30);
    bm_assert_ok(bm_report_dir(&f.r, p->path, NULL, &err), err);
    f.run.read_seconds = f.run.sampling_seconds = f.run.total_seconds = 99;
    snprintf(second, sizeof second, "%s/again", p->dir);
    bm_assert_ok(bm_report_dir(&f.r, second, NULL, &err), err);
    for (size_t k = 0; k < 4; k++) {
        char *a = slurp(p->path, same[k]), *b = slurp(second, same[k]);

        assert_string_equal(a, b);
        free(a);
        free(b);
    }
    fake_free(&f);
}

/* ---- draws for Stan's readers and ArviZ ---- */

static char *line_with(const char *text, const char *start)
{
    const char *s = text;

    while (s && strncmp(s, start, strlen(start)) != 0) s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL;
    assert_non_null(s);
    return strndup(s, strcspn(s, "\n"));
}

static void test_stan_csv_is_what_its_readers_insist_on(void **state)
{
    static const char *const head[] = { "# model = ", "# method = sample", "#     num_samples = 210\n", "#     num_warmup = 1000\n",
                                        "#     save_warmup = 0", "#     thin = 3\n", "#     algorithm = fixed_param\n#       metric = ", "# id = 2\n",
                                        "#   seed = 20250612\n", "#  Elapsed Time: 0.004 seconds (Warm-up)\n" };
    place           *p = *state;
    fake             f;
    bm_error         err = { 0 };
    bm_write_options opt = { .format = BM_FORMAT_CMDSTAN };

    hostile_fit(&f);
    f.options.thin = 3;
    f.draws->x[(1 * 2 + 1) * 70] = NAN;
    f.draws->x[(2 * 2 + 1) * 70] = -INFINITY;
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    char *text = slurp(p->path, "draws-2.csv");
    for (size_t k = 0; k < sizeof head / sizeof *head; k++) assert_non_null(strstr(text, head[k]));
    char *names = line_with(text, "lp__");
    static const char start[] = "lp__,accept_stat__,b_Intercept,b_I_x_2,b_I_x_2_2,b_x_y,b_treatB_age,sd_sch_ool_class__Intercept,"
                                "sd_sch_ool_class__I_x_2,sigma,r_sch_ool_class.1.1,r_sch_ool_class.2.1,";
    assert_memory_equal(names, start, sizeof start - 1);
    assert_non_null(strstr(names, ",r_sch_ool_class.12.1,r_sch_ool_class.1.2,"));
    const char *s = strstr(text, names) + strlen(names) + 1;
    bool        last;
    for (size_t i = 0; i < 70; i++) {                    /* numbers as they are, effects with the level running fastest */
        assert_true(number_field(&s, &last) == f.draws->x[70 + i]);
        assert_true(number_field(&s, &last) == 0);
        for (size_t k = 1; k < 9; k++) {
            if (i == 0 && k <= 2) assert_field(&s, k == 1 ? "nan" : "-inf", false);
            else assert_true(number_field(&s, &last) == f.draws->x[(k * 2 + 1) * 70 + i]);
        }
        for (size_t t = 0; t < 2; t++)
            for (size_t l = 0; l < NHOSTILE; l++)
                assert_true(number_field(&s, &last) == f.draws->x[((9 + 2 * l + t) * 2 + 1) * 70 + i]);
        assert_true(last);
    }
    assert_int_equal(*s, '#');
    free(names);
    free(text);
    fake_free(&f);
}

static void test_stan_labels_say_what_each_name_and_index_means(void **state)
{
    place           *p = *state;
    fake             f;
    bm_error         err = { 0 };
    bm_write_options opt = { .format = BM_FORMAT_CMDSTAN };

    hostile_fit(&f);
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    cJSON *j = slurp_json(p->path, "draws-labels.json");
    assert_string_equal(text_at(item(j, "scalars"), "b_I_x_2"), "b_I(x^2)");
    assert_string_equal(text_at(item(j, "scalars"), "b_I_x_2_2"), "b_I.x.2");
    assert_string_equal(text_at(item(j, "scalars"), "sd_sch_ool_class__I_x_2"), "sd_sch\"ool:class__I(x^2)");
    const cJSON *a = item(item(j, "arrays"), "r_sch_ool_class");
    assert_string_equal(text_at(a, "group"), "sch\"ool:class");
    assert_string_equal(cJSON_GetArrayItem(item(a, "level"), 2)->valuestring, hostile[2]);
    assert_string_equal(cJSON_GetArrayItem(item(a, "term"), 1)->valuestring, "I(x^2)");
    cJSON_Delete(j);
    fake_free(&f);
}

/* Every variable under its name, whatever the order. */
static void assert_same_draws(const bm_draws *a, const bm_draws *b)
{
    size_t n = a->nchain * a->niter;

    assert_true(b->nchain == a->nchain && b->niter == a->niter);
    for (size_t k = 0; k < a->nvar; k++) {
        size_t i = 0;

        while (i < b->nvar && strcmp(a->names[k], b->names[i]) != 0) i++;
        assert_true(i < b->nvar);
        assert_memory_equal(a->x + k * n, b->x + i * n, n * sizeof(double));
    }
}

static void test_draws_read_back_from_a_directory_are_those_that_were_written(void **state)
{
    place   *p = *state;
    fake     f;
    bm_error err = { 0 };

    fake_sleepstudy(&f, 25);
    for (int k = BM_FORMAT_CSV; k <= BM_FORMAT_CMDSTAN; k++) {
        bm_write_options opt = { .force = true, .format = (bm_format)k };
        const char      *paths[] = { p->path };
        bm_draws        *d;

        bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
        bm_assert_ok(bm_draws_read(&d, paths, 1, &err), err);
        assert_same_draws(f.draws, d);
        bm_draws_free(d);
    }
    fake_free(&f);
}

static void test_group_effects_of_which_some_are_missing_become_scalars(void **state)
{
    place           *p = *state;
    fake             f;
    bm_error         err = { 0 };
    bm_write_options opt = { .format = BM_FORMAT_CMDSTAN };

    fake_sleepstudy(&f, 10);
    free(f.draws->names[7]);
    f.summary[7].name = f.draws->names[7] = bm_strdup("r_Other[1,__]");
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    char *text = slurp(p->path, "draws-1.csv"), *names = line_with(text, "lp__");
    assert_non_null(strstr(names, ",sigma,r_Other_1,r_Subject_308_Days,r_Subject_309_Intercept,"));
    assert_null(strchr(names, '.'));
    free(names);
    free(text);
    opt = (bm_write_options){ .format = BM_FORMAT_JSON, .force = true };
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    cJSON *j = slurp_json(p->path, "draws.json");
    assert_int_equal(cJSON_GetArraySize(item(item(j, "posterior"), "r_Subject[308,Days]")), 4);
    assert_int_equal(cJSON_GetArraySize(item(j, "coords")), 0);
    cJSON_Delete(j);
    fake_free(&f);
}

static void test_draws_json_is_chains_by_draws_as_from_dict_takes_it(void **state)
{
    place           *p = *state;
    fake             f;
    bm_error         err = { 0 };
    bm_write_options opt = { .format = BM_FORMAT_JSON };

    hostile_fit(&f);
    f.draws->x[1 * 140] = NAN;
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    cJSON       *j = slurp_json(p->path, "draws.json");
    const cJSON *post = item(j, "posterior"), *b = item(post, "b_I(x^2)");
    assert_int_equal(cJSON_GetArraySize(post), 9);       /* 5 b, 2 sd, sigma, r */
    assert_int_equal(cJSON_GetArraySize(b), 2);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetArrayItem(b, 1)), 70);
    assert_true(cJSON_GetArrayItem(cJSON_GetArrayItem(b, 1), 3)->valuedouble == f.draws->x[(2 * 2 + 1) * 70 + 3]);
    assert_true(cJSON_IsNull(cJSON_GetArrayItem(cJSON_GetArrayItem(item(post, "b_Intercept"), 0), 0)));
    assert_true(cJSON_GetArrayItem(cJSON_GetArrayItem(item(item(j, "sample_stats"), "lp"), 1), 69)->valuedouble == f.draws->x[139]);
    const cJSON *r = item(post, "r_sch\"ool:class"), *draw = cJSON_GetArrayItem(cJSON_GetArrayItem(r, 1), 4);
    assert_int_equal(cJSON_GetArraySize(draw), NHOSTILE);
    assert_true(cJSON_GetArrayItem(cJSON_GetArrayItem(draw, 3), 1)->valuedouble == f.draws->x[((9 + 2 * 3 + 1) * 2 + 1) * 70 + 4]);
    const cJSON *dims = item(item(j, "dims"), "r_sch\"ool:class"), *coords = item(j, "coords");
    assert_int_equal(cJSON_GetArraySize(item(coords, cJSON_GetArrayItem(dims, 0)->valuestring)), NHOSTILE);
    assert_int_equal(cJSON_GetArraySize(item(coords, cJSON_GetArrayItem(dims, 1)->valuestring)), 2);
    cJSON_Delete(j);
    fake_free(&f);
}

static void test_model_json_names_the_data_by_its_absolute_path(void **state)
{
    place   *p = *state;
    fake     f;
    bm_error err = { 0 };
    char     cwd[256], want[600];

    fake_sleepstudy(&f, 10);
    put(p->dir, "sleepstudy.csv", "Reaction,Days,Subject\n");
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(p->dir), 0);
    bm_assert_ok(bm_report_dir(&f.r, "out", NULL, &err), err);
    assert_int_equal(chdir(cwd), 0);
    cJSON *j = slurp_json(p->path, "model.json");
    snprintf(want, sizeof want, "%s/sleepstudy.csv", p->dir);
    assert_string_equal(text_at(j, "data"), want);
    assert_string_equal(text_at(j, "formula"), "Reaction ~ Days + (Days | Subject)");
    cJSON_Delete(j);
    fake_free(&f);
}

static void test_model_json_reads_back_as_the_specification_with_the_options_of_the_run(void **state)
{
    place   *p = *state;
    fake     f;
    bm_error err = { 0 };
    bm_spec *s;
    char     path[160];

    fake_sleepstudy(&f, 37);
    bm_assert_ok(bm_strv_add(&f.spec.priors, "b_Days ~ normal(0, 50)", &err), err);
    f.options.warmup = 123;
    bm_assert_ok(bm_report_dir(&f.r, p->path, NULL, &err), err);
    bm_strv_free(&f.spec.priors);
    snprintf(path, sizeof path, "%s/model.json", p->path);
    bm_assert_ok(bm_spec_read(&s, path, &err), err);
    assert_string_equal(s->formula, "Reaction ~ Days + (Days | Subject)");
    assert_true(s->fit.seed == 20250612 && s->fit.draws == 37 && s->fit.warmup == 123 && s->fit.chains == 4);
    assert_int_equal(s->priors.n, 1);
    assert_string_equal(s->priors.v[0], "b_Days ~ normal(0, 50)");
    bm_spec_free(s);
    fake_free(&f);
}

/* ---- whole or not at all ---- */

/* Root may write anywhere: for tests of permissions be nobody. */
static void as_nobody(void)
{
    if (getuid() == 0) assert_int_equal(seteuid(65534), 0);
}

static void as_before(void)
{
    if (getuid() == 0) assert_int_equal(seteuid(0), 0);
}

static void assert_refused(const char *dir, bool force, bm_status code, const char *says)
{
    bm_error err = { 0 };

    assert_int_equal(bm_report_check_dir(dir, force, &err), code);
    bm_assert_says(err, says);
}

static void test_names_that_cannot_be_an_output_directory_are_refused_early(void **state)
{
    place *p = *state;
    char   path[400], longname[300];

    assert_refused("", false, BM_EINVAL, "has no name");
    assert_refused(NULL, false, BM_EINVAL, "has no name");
    assert_refused(".", true, BM_EINVAL, "cannot be an output directory");
    assert_refused("a/..//", true, BM_EINVAL, "cannot be an output directory");
    assert_refused("/", true, BM_EINVAL, "cannot be an output directory");
    snprintf(path, sizeof path, "%s/none/out", p->dir);
    assert_refused(path, false, BM_EINVAL, "/none'; create it first");
    put(p->dir, "file", "precious");
    snprintf(path, sizeof path, "%s/file", p->dir);
    assert_refused(path, true, BM_EINVAL, "is a file, not a directory");
    snprintf(path, sizeof path, "%s/file/out", p->dir);
    assert_refused(path, true, BM_EINVAL, "/file' is not a directory");
    snprintf(path, sizeof path, "%s/file/deeper/out", p->dir);
    assert_refused(path, true, BM_EINVAL, "there is no directory");
    memset(longname, 'x', 299);
    longname[299] = '\0';
    snprintf(path, sizeof path, "%.60s/%.280s", p->dir, longname);
    assert_refused(path, false, BM_EIO, "File name too long");
    assert_int_equal(symlink("nowhere", p->path), 0);
    assert_refused(p->path, false, BM_EINVAL, "leads nowhere");
}

static void test_a_name_too_long_for_the_temporary_directory_says_so(void **state)
{
    place   *p = *state;
    fake     f;
    bm_error err = { 0 };
    char     path[400], longname[252];

    fake_sleepstudy(&f, 10);
    memset(longname, 'x', 251);
    longname[251] = '\0';
    snprintf(path, sizeof path, "%s/%s", p->dir, longname);
    assert_int_equal(bm_report_dir(&f.r, path, NULL, &err), BM_EIO);
    bm_assert_says(err, "cannot create the directory");
    fake_free(&f);
}

static void test_a_parent_that_is_not_writable_is_refused_early(void **state)
{
    place *p = *state;

    assert_int_equal(chmod(p->dir, 0555), 0);
    as_nobody();
    assert_refused(p->path, false, BM_EIO, "is not writable: Permission denied");
    as_before();
    chmod(p->dir, 0777);
}

static void test_an_existing_directory_needs_force(void **state)
{
    place   *p = *state;
    fake     f;
    bm_error err = { 0 }, err2 = { 0 };

    fake_sleepstudy(&f, 10);
    bm_assert_ok(bm_report_check_dir(p->path, false, &err), err);
    bm_assert_ok(bm_report_dir(&f.r, p->path, NULL, &err), err);
    assert_refused(p->path, false, BM_EINVAL, "exists: choose another one, or replace it with --force");
    bm_assert_ok(bm_report_check_dir(p->path, true, &err), err);
    assert_int_equal(bm_report_dir(&f.r, p->path, NULL, &err2), BM_EINVAL);
    bm_assert_says(err2, "--force");
    assert_list(p->dir, "out");
    fake_free(&f);
}

static void test_force_replaces_what_bmixed_wrote_and_an_empty_directory(void **state)
{
    place           *p = *state;
    fake             f;
    bm_error         err = { 0 };
    bm_write_options opt = { .force = true, .format = BM_FORMAT_NONE };

    fake_sleepstudy(&f, 10);
    assert_int_equal(mkdir(p->path, 0700), 0);
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    put(p->path, "reml.json", "{}");
    put(p->path, "draws-17.csv", "");
    opt.format = BM_FORMAT_CSV;
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    assert_list(p->path, "draws.csv model.json ranef.csv summary.csv summary.json");
    assert_list(p->dir, "out");
    fake_free(&f);
}

static void test_force_never_touches_what_bmixed_did_not_write(void **state)
{
    place           *p = *state;
    fake             f;
    bm_error         err = { 0 }, err2 = { 0 };
    bm_write_options opt = { .force = true };

    fake_sleepstudy(&f, 10);
    assert_int_equal(mkdir(p->path, 0777), 0);
    put(p->path, "summary.json", "{\"lme4\": 1, \"bmixed\": 2}");
    assert_int_equal(bm_report_dir(&f.r, p->path, &opt, &err), BM_EINVAL);
    bm_assert_says(err, "was not written by bmixed");
    assert_list(p->path, "summary.json");
    put(p->path, "summary.json", " {\n \"bmixed\": \"0\"}");
    put(p->path, "thesis.txt", "years of work");
    assert_int_equal(bm_report_dir(&f.r, p->path, &opt, &err2), BM_EINVAL);
    bm_assert_says(err2, "holds 'thesis.txt', which bmixed did not write");
    assert_list(p->path, "summary.json thesis.txt");
    assert_list(p->dir, "out");
    fake_free(&f);
}

static void test_a_file_that_appears_during_the_run_is_not_lost(void **state)
{
    place    *p = *state;
    bm_outdir o;
    bm_error  err = { 0 }, err2 = { 0 };

    bm_assert_ok(bm_outdir_open(&o, p->path, &(bm_write_options){ .force = false }, &err), err);
    assert_int_equal(mkdir(p->path, 0777), 0);
    put(p->path, "thesis.txt", "years of work");
    assert_int_equal(bm_outdir_commit(&o, &err), BM_EIO);
    bm_assert_says(err, "cannot create '");
    bm_outdir_close(&o);
    assert_list(p->dir, "out");
    remove_tree(p->path);
    assert_int_equal(mkdir(p->path, 0777), 0);
    bm_assert_ok(bm_outdir_open(&o, p->path, &(bm_write_options){ .force = true }, &err2), err2);
    put(p->path, "thesis.txt", "years of work");
    assert_int_equal(bm_outdir_commit(&o, &err2), BM_EINVAL);
    bm_assert_says(err2, "was not written by bmixed");
    bm_outdir_close(&o);
    assert_list(p->dir, "out");
    assert_list(p->path, "thesis.txt");
}

static void test_a_directory_that_cannot_be_read_is_not_replaced(void **state)
{
    place *p = *state;

    assert_int_equal(mkdir(p->path, 0000), 0);
    as_nobody();
    assert_refused(p->path, true, BM_EIO, "cannot read the directory");
    as_before();
}

static void test_replacing_works_where_names_cannot_be_exchanged(void **state)
{
    place    *p = *state;
    fake      f;
    bm_outdir o;
    bm_file   file;
    bm_error  err = { 0 };

    fake_sleepstudy(&f, 10);
    bm_assert_ok(bm_report_dir(&f.r, p->path, NULL, &err), err);
    bm_assert_ok(bm_outdir_open(&o, p->path, &(bm_write_options){ .force = true }, &err), err);
    o.by_steps = true;
    bm_assert_ok(bm_outdir_file(&o, &file, "model.json", &err), err);
    bm_buf_puts(&file.buf, "{}");
    bm_assert_ok(bm_file_close(&file, BM_OK, &err), err);
    bm_assert_ok(bm_outdir_commit(&o, &err), err);
    bm_outdir_close(&o);
    assert_list(p->path, "model.json");
    assert_list(p->dir, "out");
    fake_free(&f);
}

static void test_a_directory_of_somebody_else_is_not_replaced(void **state)
{
    place           *p = *state;
    fake             f;
    bm_error         err = { 0 };
    bm_write_options opt = { .force = true, .format = BM_FORMAT_NONE };

    if (getuid() != 0) skip();
    fake_sleepstudy(&f, 10);
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    assert_int_equal(chmod(p->dir, 01777), 0);
    for (int by_steps = 0; by_steps < 2; by_steps++) {
        bm_outdir o;
        bm_error  e = { 0 };

        as_nobody();
        bm_assert_ok(bm_outdir_open(&o, p->path, &(bm_write_options){ .force = true }, &e), e);
        o.by_steps = by_steps;
        assert_int_equal(bm_outdir_commit(&o, &e), BM_EIO);
        bm_assert_says(e, "cannot replace '");
        bm_outdir_close(&o);
        as_before();
        assert_list(p->dir, "out");
        assert_list(p->path, "model.json ranef.csv summary.csv summary.json");
    }
    fake_free(&f);
}

static void test_old_results_that_cannot_be_removed_are_named(void **state)
{
    place           *p = *state;
    fake             f;
    bm_error         err = { 0 };
    bm_write_options opt = { .force = true, .format = BM_FORMAT_NONE };

    fake_sleepstudy(&f, 10);
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    assert_int_equal(chmod(p->path, 0555), 0);
    opt.format = BM_FORMAT_CSV;
    as_nobody();
    assert_int_equal(bm_report_dir(&f.r, p->path, &opt, &err), BM_EIO);
    as_before();
    bm_assert_says(err, "what was there before could not be removed: it is now '");
    assert_list(p->path, "draws.csv model.json ranef.csv summary.csv summary.json");
    fake_free(&f);
}

static void test_a_symbolic_link_is_followed_and_stays(void **state)
{
    place           *p = *state;
    fake             f;
    bm_error         err = { 0 };
    bm_write_options opt = { .force = true, .format = BM_FORMAT_NONE };
    char             real[160];
    struct stat      s;

    fake_sleepstudy(&f, 10);
    snprintf(real, sizeof real, "%s/real", p->dir);
    assert_int_equal(mkdir(real, 0777), 0);
    assert_int_equal(symlink("real", p->path), 0);
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    assert_int_equal(lstat(p->path, &s), 0);
    assert_true(S_ISLNK(s.st_mode));
    assert_list(real, "model.json ranef.csv summary.csv summary.json");
    fake_free(&f);
}

static void test_permissions_are_those_of_the_umask_and_slashes_do_not_matter(void **state)
{
    place      *p = *state;
    fake        f;
    bm_error    err = { 0 };
    struct stat s;
    mode_t      old = umask(027);
    char        path[160];

    fake_sleepstudy(&f, 10);
    snprintf(path, sizeof path, "%s//", p->path);
    bm_assert_ok(bm_report_dir(&f.r, path, NULL, &err), err);
    umask(old);
    assert_int_equal(stat(p->path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0750);
    snprintf(path, sizeof path, "%s/draws.csv", p->path);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0640);
    fake_free(&f);
}

/* A disk that is full after `limit` bytes of a file. */
static bm_status write_with_limit(const fake *f, const char *path, const bm_write_options *opt, size_t limit, bm_error *err)
{
    struct rlimit old, now;
    bm_status     st;
    void        (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

    getrlimit(RLIMIT_FSIZE, &old);
    now = (struct rlimit){ limit, old.rlim_max };
    setrlimit(RLIMIT_FSIZE, &now);
    st = bm_report_dir(&f->r, path, opt, err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    return st;
}

static void test_a_disk_that_fills_up_at_any_point_leaves_nothing_behind(void **state)
{
    place *p = *state;
    fake   f;
    size_t failures = 0;

    fake_sleepstudy(&f, 40);
    for (int format = BM_FORMAT_CSV; format <= BM_FORMAT_NONE; format++) {
        for (size_t limit = 0;; limit = limit * 5 / 4 + 1) {
            bm_error         err = { 0 };
            bm_write_options opt = { .format = (bm_format)format };
            bm_status        st = write_with_limit(&f, p->path, &opt, limit, &err);

            if (st == BM_OK) break;
            failures++;
            assert_int_equal(st, BM_EIO);
            bm_assert_says(err, "cannot write '");
            assert_list(p->dir, "");
        }
        remove_tree(p->path);
    }
    assert_true(failures > 60);
    fake_free(&f);
}

static void test_a_disk_that_fills_up_leaves_the_old_results_as_they_were(void **state)
{
    place           *p = *state;
    fake             f, other;
    bm_error         err = { 0 };
    bm_write_options opt = { .force = true, .format = BM_FORMAT_NONE };

    fake_sleepstudy(&f, 40);
    hostile_fit(&other);
    bm_assert_ok(bm_report_dir(&f.r, p->path, &opt, &err), err);
    char *before = slurp(p->path, "summary.json");
    for (size_t limit = 0;; limit = limit * 2 + 1) {
        bm_error  e = { 0 };
        bm_status st = write_with_limit(&other, p->path, &opt, limit, &e);

        if (st == BM_OK) break;
        char *after = slurp(p->path, "summary.json");
        assert_string_equal(before, after);
        assert_list(p->dir, "out");
        assert_list(p->path, "model.json ranef.csv summary.csv summary.json");
        free(after);
    }
    free(before);
    fake_free(&f);
    fake_free(&other);
}

static void test_a_full_disk_is_an_error_of_the_draws_too(void **state)
{
    fake     f;
    bm_error err = { 0 }, err2 = { 0 };

    (void)state;
    fake_sleepstudy(&f, 500);
    assert_int_equal(bm_report_draws_csv(f.draws, "/dev/full", &err), BM_EIO);
    bm_assert_says(err, "cannot write '/dev/full': No space left on device");
    assert_int_equal(bm_report_draws_csv(f.draws, "/nowhere/draws.csv", &err2), BM_EIO);
    bm_assert_says(err2, "cannot create '/nowhere/draws.csv': No such file or directory");
    fake_free(&f);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_directory_holds_the_files_of_its_format),
        T(test_an_unknown_format_is_refused),
        T(test_draws_csv_byte_for_byte),
        T(test_draws_csv_reads_back_to_the_same_bits_and_names),
        T(test_summary_csv_has_the_columns_of_posterior_and_every_digit),
        T(test_ranef_csv_names_every_effect_also_when_draws_are_not_kept),
        T(test_summary_json_has_the_shape_of_the_design),
        T(test_untrusted_names_what_fails_and_nothing_else),
        T(test_hostile_names_come_back_from_json_as_they_were),
        T(test_timings_change_no_other_file_than_the_summary),
        T(test_stan_csv_is_what_its_readers_insist_on),
        T(test_stan_labels_say_what_each_name_and_index_means),
        T(test_draws_read_back_from_a_directory_are_those_that_were_written),
        T(test_group_effects_of_which_some_are_missing_become_scalars),
        T(test_draws_json_is_chains_by_draws_as_from_dict_takes_it),
        T(test_model_json_names_the_data_by_its_absolute_path),
        T(test_model_json_reads_back_as_the_specification_with_the_options_of_the_run),
        T(test_names_that_cannot_be_an_output_directory_are_refused_early),
        T(test_a_name_too_long_for_the_temporary_directory_says_so),
        T(test_a_parent_that_is_not_writable_is_refused_early),
        T(test_an_existing_directory_needs_force),
        T(test_force_replaces_what_bmixed_wrote_and_an_empty_directory),
        T(test_force_never_touches_what_bmixed_did_not_write),
        T(test_a_file_that_appears_during_the_run_is_not_lost),
        T(test_a_directory_that_cannot_be_read_is_not_replaced),
        T(test_replacing_works_where_names_cannot_be_exchanged),
        T(test_a_directory_of_somebody_else_is_not_replaced),
        T(test_old_results_that_cannot_be_removed_are_named),
        T(test_a_symbolic_link_is_followed_and_stays),
        T(test_permissions_are_those_of_the_umask_and_slashes_do_not_matter),
        T(test_a_disk_that_fills_up_at_any_point_leaves_nothing_behind),
        T(test_a_disk_that_fills_up_leaves_the_old_results_as_they_were),
        T(test_a_full_disk_is_an_error_of_the_draws_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
