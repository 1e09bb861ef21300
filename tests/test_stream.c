/* Models of data that are not kept against models of the same data in memory. */
#include "stats_compare.h"

#include "api/api.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static bm_spec *spec_of(const char *formula, const char *data, const char *const *set)
{
    bm_spec *s;
    bm_error err = { 0 };

    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", formula, &err), err);
    bm_assert_ok(bm_spec_set(s, "data", data, &err), err);
    for (; set && *set; set += 2) bm_assert_ok(bm_spec_set(s, set[0], set[1], &err), err);
    return s;
}

static bm_model *streamed(const bm_spec *s, size_t hold)
{
    bm_model *m;
    bm_error  err = { 0 };

    bm_assert_ok(bm_model_new_streamed(&m, s, hold, &err), err);
    return m;
}

static void same_strings(char *const *a, char *const *b, size_t n)
{
    for (size_t i = 0; i < n; i++) assert_string_equal(a[i], b[i]);
}

static void same_groups(const bm_group *a, const bm_group *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->J, b->J);
    assert_int_equal(a->q, b->q);
    assert_int_equal(a->nblock, b->nblock);
    assert_memory_equal(a->block, b->block, b->nblock * sizeof *b->block);
    same_strings(a->levels, b->levels, b->J);
    same_strings(a->znames, b->znames, b->q);
    same("zsd", a->zsd, b->zsd, b->q, 0, 1e-12);
}

static void same_designs(const bm_design *a, const bm_design *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->n_read, b->n_read);
    assert_int_equal(a->p, b->p);
    assert_int_equal(a->intercept, b->intercept);
    assert_int_equal(a->known_se, b->known_se);
    assert_string_equal(a->yname, b->yname);
    same_strings(a->xnames, b->xnames, b->p);
    same_strings(a->bnames, b->bnames, b->p);
    for (size_t k = 0; k < b->p; k++) {
        same("xmean", &a->xmean[k], &b->xmean[k], 1, b->xsd[k], 1e-12);
        same("xsd", &a->xsd[k], &b->xsd[k], 1, 0, 1e-12);
    }
    same("ymean", &a->ymean, &b->ymean, 1, b->ysd, 1e-12);
    same("ysd", &a->ysd, &b->ysd, 1, 0, 1e-12);
    same("mean variance", &a->mean_variance, &b->mean_variance, 1, 0, 1e-12);
    assert_int_equal(a->ndropped, b->ndropped);
    for (size_t k = 0; k < b->ndropped; k++) {
        assert_string_equal(a->dropped[k].name, b->dropped[k].name);
        assert_int_equal(a->dropped[k].n, b->dropped[k].n);
    }
    assert_int_equal(a->notes.n, b->notes.n);
    same_strings(a->notes.v, b->notes.v, b->notes.n);
    bm_prints p = bm_design_prints(a), q = bm_design_prints(b);

    assert_true(p.left_out == q.left_out && p.w == q.w);
    assert_true(p.y == q.y || strncmp(a->yname, "scale", 5) == 0);
    assert_int_equal(a->nfac, b->nfac);
    for (size_t k = 0; k < b->nfac; k++) same_groups(&a->fac[k], &b->fac[k]);
}

static void same_priors(const bm_priors *a, const bm_priors *b)
{
    for (size_t k = 0; k < b->p; k++) {
        assert_int_equal(a->b[k].kind, b->b[k].kind);
        same("prior", a->b[k].a, b->b[k].a, 3, 0, 1e-11);
    }
    same("sigma", a->sigma.a, b->sigma.a, 3, 0, 1e-11);
}

static void compare(const char *formula, const char *data, const char *const *set, size_t hold, double tol)
{
    bm_spec  *s = spec_of(formula, data, set);
    bm_model *want, *got = streamed(s, hold);
    bm_error  err = { 0 };

    bm_assert_ok(bm_model_new(&want, s, NULL, &err), err);
    if (!strstr(bm_model_reading(got), "went into cross-products")) {
        print_error("%s: '%s'\n", formula, bm_model_reading(got));
        fail();
    }
    same_designs(got->design, want->design);
    same_stats(got->stats, want->stats, tol);
    same_priors(got->priors, want->priors);
    assert_string_equal(got->frame->hash, want->frame->hash);
    assert_int_equal(got->frame->n, want->frame->n);
    assert_int_equal(got->refusal.code, want->refusal.code);
    assert_string_equal(got->refusal.msg, want->refusal.msg);
    bm_model_free(got);
    bm_model_free(want);
    bm_spec_free(s);
}

static void test_models_of_many_kinds(void **state)
{
    static const char *const weights[] = { "weights", "w", NULL }, *const se[] = { "se", "se", NULL }, *const sum[] = { "contrasts", "sum", NULL };
    static const char *const recipes[] = { "levels", "recipe=C,D,A,B", "levels", "replicate=15,2,3,4,1,6,7,8,9,10,11,12,13,14,5,16", "contrasts", "helmert", NULL },
                      *const days[] = { "prior", "b_Days ~ constant(10)", "prior", "sigma ~ constant(30)", NULL }, *const none[] = { "prior", "Intercept ~ constant(300)", NULL },
                      *const some[] = { "prior", "b ~ constant(2)", "prior", "b_cses ~ normal(0, 3)", "prior", "Intercept ~ normal(13, 2)", NULL },
                      *const both[] = { "prior", "b ~ constant(-0.5)", "prior", "sd ~ constant(2)", "weights", "w", NULL },
                      *const ages[] = { "levels", "studage=8,2,6,4", "levels", "dept=14,15,1,2,3,4,5,6,7,8,9,10,11,12", "levels", "service=1,0", NULL };
    static const struct { const char *formula, *data; const char *const *set; size_t hold; } cases[] = {
        { "Reaction ~ Days + (Days | Subject)", "sleepstudy.csv", NULL, 20 },
        { "Reaction ~ Days + I(Days^2) + (Days || Subject)", "sleepstudy.csv", NULL, 11 },
        { "log(Reaction) ~ Days + offset(Days / 50) + (1 | Subject)", "sleepstudy.csv", NULL, 25 },
        { "Reaction ~ Days + (Days | Subject)", "sleepstudy_w.csv", weights, 20 },
        { "y ~ 1 + (1 | school)", "eight_schools.csv", se, 3 },
        { "diameter ~ 1 + (1 | plate) + (1 | sample)", "Penicillin.csv", NULL, 7 },
        { "strength ~ 1 + (1 | batch/cask)", "Pastes.csv", NULL, 5 },
        { "angle ~ recipe * temperature + (1 | recipe:replicate)", "cake.csv", sum, 40 },
        { "angle ~ recipe * temperature + (1 | recipe:replicate) + (1 | replicate)", "cake.csv", recipes, 100 },
        { "angle ~ scale(recipe == 'C') + I(recipe != 'A') * temperature + (1 | replicate:recipe)", "cake.csv", recipes, 40 },
        { "y ~ scale(studage == '4') * I(dept == 14) + (1 | s)", "InstEval.csv.gz", ages, 700 },
        { "y ~ service + studage + (service | dept) + (1 | dept:studage)", "InstEval.csv.gz", ages, 700 },
        { "Reaction ~ Days + (Days | Subject)", "sleepstudy.csv", days, 20 },
        { "Reaction ~ 1 + (Days | Subject)", "sleepstudy.csv", none, 20 },
        { "Reaction ~ Days + I(Days^2) + offset(Days * 2) + (1 | Subject)", "sleepstudy_w.csv", both, 40 },
        { "mAch ~ sx * cses + scale(meanses) + (1 | school)", "Hsb82.csv.gz", some, 500 },
        { "mAch ~ sx * cses + (cses | school)", "Hsb82.csv.gz", NULL, 100 },
        { "Reaction ~ scale(Days) + (scale(Days) | Subject)", "sleepstudy.csv", NULL, 20 },
        { "scale(Reaction) ~ scale(Days, TRUE, FALSE) + scale(log(Days + 1), 0.5) + (scale(Days, FALSE) || Subject)", "sleepstudy.csv", NULL, 15 },
        { "scale(mAch) ~ scale(I(cses * 2)) * sx + (scale(cses) | school)", "Hsb82.csv.gz", NULL, 100 },
        { "distance ~ age * Sex + (age | Subject)", "Orthodont.csv", NULL, 80 },
        { "Reaction ~ 0 + Days + (0 + Days | Subject) + (1 | Days)", "sleepstudy.csv", NULL, 12 },
        { "Reaction ~ Days + (1 | Days:Subject) + (1 | Subject)", "sleepstudy.csv", NULL, 12 },
        { "y ~ service + studage + (1 | s) + (1 | d) + (1 | dept:service)", "InstEval.csv.gz", NULL, 1000 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[200];

        snprintf(path, sizeof path, "tests/data/%s", cases[i].data);
        compare(cases[i].formula, path, cases[i].set, cases[i].hold, 1e-10);
    }
}

/* The same as held, and the streamed model to look at; it is of *s. */
static bm_model *compared(const char *formula, const char *data, const char *const *set, size_t hold, bm_spec **s)
{
    char path[200];

    snprintf(path, sizeof path, "tests/data/%s", data);
    compare(formula, path, set, hold, 1e-10);
    return streamed(*s = spec_of(formula, path, set), hold);
}

/* What the first rows do not tell a pass before finds out: levels that come late or not at all, what a scale() is of, one in another. */
static void test_a_pass_finds_out_what_the_next_has_to_know(void **state)
{
    static const char *const levels[] = { "levels", "recipe=D,C,A,B,E", "contrasts", "sum", NULL }, *const all[] = { "levels", "recipe=C,B,A", NULL };
    static const struct { const char *formula, *data, *says; const char *const *set; size_t hold; } cases[] = {
        { "Reaction ~ factor(Days) + (1 | Subject)", "sleepstudy.csv", "in 2 passes (a level of 'factor(Days)' first occurs in data row 6): 180 rows", NULL, 5 },
        { "Reaction ~ Days + (factor(Days > 4) | Subject)", "sleepstudy.csv", "in 2 passes (the first rows do not tell the levels: formula: the factor 'factor(Days > 4)' has only one level", NULL, 4 },
        { "Reaction ~ I(Days > 4) * Days + (1 | Subject)", "sleepstudy.csv", "in one pass", NULL, 4 },
        { "angle ~ recipe * temperature + (1 | replicate)", "cake.csv", "in 2 passes (the first rows do not tell the levels: formula: the factor 'recipe' has only one level", NULL, 5 },
        { "angle ~ recipe * temperature + (1 | replicate)", "cake.csv", "in 2 passes (a level of 'recipe' first occurs in data row 13)", NULL, 10 },
        { "angle ~ recipe * temp + (1 | replicate)", "cake.csv", "in one pass", all, 5 },
        { "Reaction ~ factor(Subject == 308) + factor(Days * (Subject > 308)) + (1 | Days)", "sleepstudy.csv", "in 2 passes (a level of", NULL, 12 },
        { "angle ~ recipe * factor(temp) + (recipe | replicate)", "cake.csv", "in 2 passes (no complete row has the level 'D' of 'recipe', which is listed)", levels, 6 },
        { "angle ~ I(recipe == 'C') + I(recipe != 'B') + temp + (1 | replicate)", "cake.csv", "in one pass", NULL, 3 },
        { "angle ~ scale(recipe == 'C') + (1 | replicate:recipe)", "cake.csv", "in 2 passes (scale() takes", NULL, 3 },
        { "Reaction ~ scale(Days * scale(Days)) + (1 | Subject)", "sleepstudy.csv", "in 3 passes (scale() takes", NULL, 5 },
        { "scale(Reaction) ~ factor(scale(Days) > scale(Days^2)) * scale(exp(scale(scale(Days) * 2))) + (1 | Subject)", "sleepstudy.csv", "in 4 passes (scale() takes", NULL, 1 },
        { "y ~ scale(studage) * service + factor(scale(lectage) > 0) + (1 | s)", "InstEval.csv.gz", "in 3 passes (scale() takes its mean and standard deviation from all rows; the first rows do not tell the levels: formula: the factor 'factor(scale(lectage) > 0)' has only one level", NULL, 2 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bm_spec  *s;
        bm_model *m = compared(cases[i].formula, cases[i].data, cases[i].set, cases[i].hold, &s);

        if (!strstr(bm_model_reading(m), cases[i].says)) {
            print_error("%s: '%s' does not say '%s'\n", cases[i].formula, bm_model_reading(m), cases[i].says);
            fail();
        }
        bm_model_free(m);
        bm_spec_free(s);
    }
}

/* ---- a file made for it ---- */

typedef struct { char path[40]; } file;

/* rows lines with what a CSV may hold: quoted cells with delimiters and line ends, missing values, blank lines, CRLF; groups come late and in odd order. */
static file file_new(size_t rows, bool quotes)
{
    file   f = { "/tmp/bmixed-stream-XXXXXX" };
    int    fd = mkstemp(f.path);
    FILE  *out = fdopen(fd, "w");
    bm_rng r;

    assert_non_null(out);
    bm_rng_key(&r, 11, 2, 3);
    fprintf(out, "y,x,g,h,v,w%s\n", quotes ? ",note" : "");
    for (size_t i = 0; i < rows; i++) {
        size_t g = (size_t)(bm_rng_u64(&r) % (1 + i / 20)), h = (size_t)(bm_rng_u64(&r) % 13);
        double x = bm_rng_normal(&r);

        if (i % 97 == 3) fprintf(out, "NA,");
        else fprintf(out, "%.6f,", 3 + x + 0.1 * (double)(g % 17) + bm_rng_normal(&r));
        if (i % 89 == 5) fprintf(out, ",");
        else fprintf(out, "%.9g,", x);
        if (quotes && i % 7 == 0) fprintf(out, "\"g,%zu\",", g);
        else fprintf(out, i % 101 == 7 ? "NA," : "g%zu,", g);
        fprintf(out, "%zu,%g,%.3f", h, bm_rng_normal(&r), 0.5 + bm_rng_uniform(&r));
        if (quotes) fprintf(out, i % 11 == 0 ? ",\"said \"\"no\"\"\nand left\"" : i % 13 == 0 ? ",5\" pipe" : ",");
        fprintf(out, i % 3 == 0 ? "\r\n" : i % 51 == 1 ? "\n\n" : "\n");
    }
    assert_int_equal(fclose(out), 0);
    return f;
}

static void test_missing_values_quotes_and_line_ends(void **state)
{
    static const char *const weights[] = { "weights", "w", NULL };

    (void)state;
    for (int quotes = 0; quotes < 2; quotes++) {
        file f = file_new(60000, quotes);

        compare("y ~ x + (x | g) + (1 | h)", f.path, weights, 500, 1e-10);
        compare("y ~ x * v + (1 | g:h)", f.path, NULL, 1, 1e-10);
        compare("y ~ scale(x) + scale(v, 0.25) + (scale(x) | g)", f.path, NULL, 700, 1e-10);
        unlink(f.path);
    }
}

static void test_threads_change_nothing(void **state)
{
    static const char *const one[] = { "threads", "1", NULL }, *const four[] = { "threads", "4", NULL };
    file      f = file_new(60000, true);
    bm_spec  *s1 = spec_of("y ~ x + (x | g) + (1 | h)", f.path, one), *s4 = spec_of("y ~ x + (x | g) + (1 | h)", f.path, four);
    bm_model *a = streamed(s1, 500), *b = streamed(s4, 500);

    (void)state;
    same_stats(a->stats, b->stats, 0);
    same_designs(a->design, b->design);
    bm_model_free(a);
    bm_model_free(b);
    bm_spec_free(s1);
    bm_spec_free(s4);
    unlink(f.path);
}

/* Called while the data are read: once reading has begun anew, a row is added. */
typedef struct { const char *path; uint64_t done; bool added; } meddler;

static void meddle(void *self, const bm_progress *p)
{
    meddler *m = self;

    if (p->done < m->done && !m->added) {
        FILE *f = fopen(m->path, "a");

        fprintf(f, "1,1,g1,1,1,1\n");
        fclose(f);
        m->added = true;
    }
    m->done = (uint64_t)p->done;
}

static void test_a_file_that_changes_between_two_passes_is_refused(void **state)
{
    file      f = file_new(60000, false);
    meddler   who = { .path = f.path };
    bm_spec  *s = spec_of("y ~ scale(x) + (1 | g)", f.path, NULL);
    bm_model *m = NULL;
    bm_error  err = { 0 };

    (void)state;
    bm_spec_on_progress(s, meddle, &who);
    assert_int_equal(bm_model_new_streamed(&m, s, 500, &err), BM_EIO);
    assert_true(who.added);
    assert_null(m);
    bm_assert_says(err, "has changed while it was read");
    bm_spec_free(s);
    unlink(f.path);
}

/* ---- where rows are kept after all, and what is wrong with a file ---- */

static void write_text(file *f, const char *text)
{
    int fd;

    strcpy(f->path, "/tmp/bmixed-stream-XXXXXX");
    fd = mkstemp(f->path);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* Is the posterior proper? In the same words, of rows and of cross-products. */
static void test_flat_priors_are_judged_alike(void **state)
{
    static const char *const sd[] = { "prior", "sd ~ flat()", NULL }, *const all[] = { "prior", "sd ~ flat()", "prior", "b ~ flat()", "prior", "sigma ~ flat()", NULL },
                      *const slope[] = { "prior", "sd_Subject__Days ~ flat()", "weights", "w", NULL }, *const b[] = { "prior", "b ~ flat()", "prior", "Intercept ~ normal(12, 3)", NULL };
    static const struct { const char *formula, *data; const char *const *set; size_t hold; const char *says; } cases[] = {
        { "Reaction ~ Days + (Days | Subject)", "sleepstudy.csv", sd, 20, "" },
        { "Reaction ~ Days + (Days | Subject)", "sleepstudy.csv", all, 20, "" },
        { "Reaction ~ Days + (Days || Subject)", "sleepstudy_w.csv", slope, 20, "" },
        { "strength ~ 1 + (1 | batch/cask)", "Pastes.csv", all, 5, "" },
        { "mAch ~ cses + (cses | sector) + (1 | school)", "Hsb82.csv.gz", sd, 3000, "'sector' has 2 that the data inform" },
        { "mAch ~ ses + cses + (1 | school)", "Hsb82.csv.gz", all, 300, "" },
        { "mAch ~ ses + meanses + I(2 * meanses - 1) + (1 | school)", "Hsb82.csv.gz", all, 300, "do not determine b_I(2 * meanses - 1)" },
        { "mAch ~ cses + meanses + I(2 * meanses - 1) + (1 | school)", "Hsb82.csv.gz", b, 300, "do not determine b_I(2 * meanses - 1)" },
        { "angle ~ factor(temp) * recipe + (1 | temp:recipe)", "cake.csv", all, 30, "which takes at least 20 group effects; 'temp:recipe' has 18 that the data inform, of which 18 go into" },
        { "y ~ service + (service | studage) + (1 | dept)", "InstEval.csv.gz", all, 100, "" },
        { "y ~ service + (service | studage) + factor(studage) + (1 | dept)", "InstEval.csv.gz", all, 100, "'studage' has 4 that the data inform, of which 4 go into" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bm_spec  *s;
        bm_model *m = compared(cases[i].formula, cases[i].data, cases[i].set, cases[i].hold, &s);

        if (!strstr(m->refusal.msg, cases[i].says) || !*m->refusal.msg != !*cases[i].says) {
            print_error("%s: '%s' is not '%s'\n", cases[i].formula, m->refusal.msg, cases[i].says);
            fail();
        }
        bm_model_free(m);
        bm_spec_free(s);
    }
}

static void test_errors_name_the_line(void **state)
{
    static const struct { const char *text, *says; } cases[] = {
        { "y,x,g\n1,2,a\n2,3,b\n3,oops,a\n", ":4: column 'x' holds numbers up to here, then text ('oops')" },
        { "y,x,g\n1,2,a\n2,3,b\n3,4,a,5\n", ":4: 4 fields where the header has 3" },
        { "y,x,g\n1,2,a\n2,3,b\n3,4,\"a\n", ":4: the quote opened on this line (field 3) is never closed" },
        { "y,x,g\n1,2,a\n2,3,b\n\n3,4,\"x\ny\"\n3,4,\xff\n", ":7: column 'g', the label '\\xff': byte 1 (0xFF) is not UTF-8" },
        { "y,x,g\n1,2,a\n1,3,b\n1,4,b\n", "the response y is constant (1 in all 3 rows)" },
        { "y,x,g\n1,2,a\n2,3,a\n3,4,a\n", "the group 'g' has only one level ('a')" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file      f;
        bm_error  err = { 0 };
        bm_model *m;

        write_text(&f, cases[i].text);
        bm_spec *s = spec_of("y ~ x + (1 | g)", f.path, NULL);
        assert_int_not_equal(bm_model_new_streamed(&m, s, 1, &err), BM_OK);
        bm_assert_says(err, cases[i].says);
        bm_spec_free(s);
        unlink(f.path);
    }
}

/* Also where it comes in a group, or in a column that is only compared with labels; held and not, in the same words. */
static void test_levels_that_are_not_listed_are_refused(void **state)
{
    static const char *const formulas[] = { "y ~ x + (1 | g)", "y ~ x + (1 | h:g)", "y ~ I(g == 'a') + (1 | h)", "y ~ scale(g == 'a') + (1 | h)" };
    static const char *const set[] = { "levels", "g=b,c,a,bb", NULL };
    file f;

    (void)state;
    write_text(&f, "y,x,g,h\n1,2,a,1\n2,3,b,1\n3,5,a,2\n4,4,c,2\n2,1,d,1\n3,3,BB,2\n4,3,a,2\n");
    for (size_t i = 0; i < sizeof formulas / sizeof *formulas; i++)
        for (size_t hold = 2; hold < 20; hold += 14) {
            bm_spec  *s = spec_of(formulas[i], f.path, set);
            bm_error  err = { 0 };
            bm_model *m;

            assert_int_equal(bm_model_new_streamed(&m, s, hold, &err), BM_EINVAL);
            bm_assert_says(err, "levels of 'g': the data have a level 'BB' that is not listed; does 'bb' stand for it?");
            bm_spec_free(s);
        }
    unlink(f.path);
}

/* Simulation and comparisons take rows: they say so. */
static void test_what_needs_rows_refuses(void **state)
{
    bm_spec    *s = spec_of("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", NULL);
    bm_model   *m = streamed(s, 20);
    enum { CALLS = 4 };
    bm_error    err[CALLS] = { 0 };
    bm_compare *c;
    bm_compare_options pooling = BM_COMPARE_OPTIONS_INIT;
    bm_sbc     *sbc;
    bm_geweke  *g;

    (void)state;
    assert_int_equal(bm_simulate(m, stdout, NULL, 0, 1, &err[0]), BM_EINVAL);
    pooling.pooling = true;
    assert_int_equal(bm_compare_run(&c, m, &pooling, &err[1]), BM_EINVAL);
    assert_int_equal(bm_sbc_run(&sbc, m, NULL, &err[2]), BM_EINVAL);
    assert_int_equal(bm_geweke_run(&g, m, NULL, &err[3]), BM_EINVAL);
    for (size_t i = 0; i < CALLS; i++) bm_assert_says(err[i], "needs the rows of the data");
    bm_model_free(m);
    bm_spec_free(s);
}

/* ---- smaller models ---- */

static bm_model *model_of(const char *formula, const char *const *set, const char *path, size_t hold)
{
    bm_spec  *s = spec_of(formula, path, set);
    bm_model *m = streamed(s, hold);

    bm_spec_free(s);
    return m;
}

static void test_statistics_without_an_effect_are_those_of_the_smaller_model(void **state)
{
    static const char *const w[] = { "weights", "w", NULL };
    static const struct { const char *all, *without; size_t factor, effect; const char *const *set; } cases[] = {
        { "y ~ x + (x + v | h)", "y ~ x + (0 + x + v | h)", 0, 0, NULL }, { "y ~ x + (x + v | h)", "y ~ x + (v | h)", 0, 1, w },
        { "y ~ x + (x + v | h)", "y ~ x + (x | h)", 0, 2, w },             { "y ~ x + v + (1 | h)", "y ~ x + v", 0, 0, w },
        { "y ~ x + (x | h) + (v | g)", "y ~ x + (1 | h) + (v | g)", 0, 1, w }, { "y ~ x + (x | h) + (v | g)", "y ~ x + (x | h) + (0 + v | g)", 1, 0, NULL },
        { "y ~ 0 + (x | h) + (1 | g) + (0 + v | h:g)", "y ~ 0 + (x | h) + (0 + v | h:g)", 1, 0, w },
        { "y ~ x + (x + I(2 * x) | h) + (1 | g)", "y ~ x + (I(2 * x) | h) + (1 | g)", 0, 1, NULL },
        { "y ~ x + (x + I(2 * x) | h) + (1 | g)", "y ~ x + (x | h) + (1 | g)", 0, 2, NULL },
        { "y ~ x + (x + I(2 * x) + v | h)", "y ~ x + (x + I(2 * x) | h)", 0, 3, w },
        { "y ~ I(x + 1e4) + (I(x + 1e4) + v | h)", "y ~ I(x + 1e4) + (0 + I(x + 1e4) + v | h)", 0, 0, w },
    };
    file     f = file_new(2000, false);
    bm_error err = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t hold = 50; hold < 100000; hold += 50000) {
            bm_model *all = model_of(cases[i].all, cases[i].set, f.path, hold), *want = model_of(cases[i].without, cases[i].set, f.path, 100000);
            bm_stats *got;

            bm_assert_ok(bm_stats_without(&got, all->stats, cases[i].factor, cases[i].effect, &err), err);
            same_stats(got, want->stats, strstr(cases[i].all, "1e4") ? 1e-7 : 1e-9);
            bm_stats_free(got);
            bm_model_free(all);
            bm_model_free(want);
        }
    unlink(f.path);
}

/* ---- tests of two models ---- */

/* says: the refusal, of rows that are not kept; "": the same test. held: what it is of rows that are kept, where it is not the same. */
typedef struct { const char *one, *two, *says, *held; const char *const *set_one, *const *set_two; } pair;

static void compare_anova(const pair *c, const char *path, size_t hold)
{
    bm_model *a = model_of(c->one, c->set_one, path, hold), *b = model_of(c->two, c->set_two, path, hold);
    bm_model *ha = model_of(c->one, c->set_one, path, 100000), *hb = model_of(c->two, c->set_two, path, 100000);
    bm_anova *got = NULL, *want = NULL;
    bm_error  err = { 0 }, herr = { 0 };
    bm_status st = bm_anova_run(&got, a, b, NULL, &err), hst = bm_anova_run(&want, ha, hb, NULL, &herr);

    assert_true(!a->design->y && !b->design->y && ha->design->y && hb->design->y);
    if (!strstr(err.msg, c->says) || !*err.msg != !*c->says) fail_msg("%s, %s: '%s' is not '%s'", c->one, c->two, err.msg, c->says);
    assert_int_equal(st, *c->says ? BM_EINVAL : BM_OK);
    if (c->held) bm_assert_says(herr, c->held);
    else if (!*c->says || hst != BM_OK) assert_string_equal(err.msg, herr.msg);
    if (st == BM_OK) {
        assert_int_equal(got->df, want->df);
        assert_int_equal(got->npart, want->npart);
        same("chi-square", &got->chisq, &want->chisq, 1, 1, 1e-5);
        same("p", &got->p, &want->p, 1, 1, 1e-5);
        assert_int_equal(got->notes.n, want->notes.n);
        same_strings(got->notes.v, want->notes.v, want->notes.n);
    }
    bm_anova_free(got);
    bm_anova_free(want);
    bm_model_free(a);
    bm_model_free(b);
    bm_model_free(ha);
    bm_model_free(hb);
}

static void test_two_models_are_compared_without_their_rows(void **state)
{
    static const char *const w[] = { "weights", "w", NULL }, *const se[] = { "se", "w", NULL }, *const ten[] = { "prior", "b_v ~ constant(10)", NULL },
                      *const nine[] = { "prior", "b_v ~ constant(9)", NULL };
    static const pair cases[] = {
        { "y ~ x + (x | g)", "y ~ x + (1 | g)", "", NULL, w, w },
        { "y ~ x + (1 | h)", "y ~ x * v + (1 | h)", "", NULL, NULL, NULL },
        { "y ~ x + v + (1 | h) + (1 | g)", "y ~ x + v + (1 | h)", "the models use different rows (", NULL, NULL, NULL },
        { "y ~ x + v + offset(v) + (x | h)", "y ~ x + v + offset(v) + (1 | h)", "", NULL, NULL, NULL },
        { "y ~ v + (v | h)", "y ~ v + (1 | h)", "", NULL, ten, ten },
        { "y ~ v + (v | h)", "y ~ v + (1 | h)", "the models have different offsets", NULL, ten, nine },
        { "y ~ v + (v | h)", "y ~ v + (1 | h)", "no column 'v' of that name", "nested: the column 'v' of the smaller one is not", ten, NULL },
        { "y ~ x + v + (x | h)", "y ~ x + v + offset(v) + (1 | h)", "the models have different offsets", NULL, NULL, NULL },
        { "y ~ x + (x | g)", "y ~ x + (1 | g)", "the models have different weights", NULL, w, NULL },
        { "y ~ x + (x | g)", "y ~ x + (1 | g)", "the models have different weights", NULL, w, se },
        { "y ~ x + (x | g)", "I(y * 2) ~ x + (1 | g)", "the models have different responses ('y' and 'I(y * 2)')", NULL, NULL, NULL },
        { "u ~ v + (1 | k)", "u ~ 1 + (1 | l)", "the models use different rows, though as many", "is in one of them only", NULL, NULL },
        { "y ~ x + v + (1 | g)", "y ~ I(2 * x) + (1 | g)", "'I(2 * x)' of that name: whether it is a combination", "", NULL, NULL },
        { "y ~ x + (x | g)", "y ~ x + (x | g)", "there is nothing to test", NULL, NULL, NULL },
    };
    file      f = file_new(3000, false);
    FILE     *from = fopen(f.path, "r"), *to;
    char      line[200], other[] = "/tmp/bmixed-stream-XXXXXX";
    bm_model *a, *b;
    bm_anova *t;
    bm_error  err = { 0 };

    (void)state;
    to = fdopen(mkstemp(other), "w");                /* k and l are missing in as many rows, not in the same */
    for (size_t i = 0; fgets(line, sizeof line, from);) {
        if (line[0] == '\n' || line[0] == '\r') continue;
        line[strcspn(line, "\r\n")] = '\0';
        i++;
        fprintf(to, i == 1 ? "%s,u,k,l\n" : "%s,%zu.5,%s,%s\n", line, i * i % 17, i % 50 == 1 ? "NA" : i % 2 ? "a" : "b", i % 50 == 2 ? "NA" : i % 3 ? "a" : "b");
    }
    fclose(from);
    fclose(to);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) compare_anova(&cases[i], other, 100);
    a = model_of("y ~ x + (1 | h)", NULL, other, 100);
    b = model_of("y ~ x + (1 | h)", NULL, f.path, 100);
    assert_int_equal(bm_anova_run(&t, a, b, NULL, &err), BM_EINVAL);
    bm_assert_says(err, "the models are of different data, or these have changed in between");
    bm_model_free(a);
    bm_model_free(b);
    unlink(other);
    unlink(f.path);
}

/* ---- memory ---- */

/* f has a level that comes in the last tenth, g a hundred. */
static file table_of(size_t rows)
{
    file   f = { "/tmp/bmixed-stream-XXXXXX" };
    FILE  *out = fdopen(mkstemp(f.path), "w");
    bm_rng r;

    bm_rng_key(&r, 5, 5, 5);
    fprintf(out, "y,x,f,g\n");
    for (size_t i = 0; i < rows; i++) {
        unsigned u = (unsigned)(bm_rng_u64(&r) % 1000);

        fprintf(out, "%u.%u,%u.%u,%c,%u\n", u % 7, u, u % 13, u % 100, i < rows - rows / 10 ? "ab"[u % 2] : "abc"[u % 3], u % 97);
    }
    assert_int_equal(fclose(out), 0);
    return f;
}

/* Peak memory of a process that makes the model and compares it with REML, in kB. */
static long peak(const char *formula, const char *const *set, const char *path, size_t hold)
{
    struct rusage used;
    int           status;
    pid_t         child = fork();

    if (child == 0) {
        bm_spec  *s = spec_of(formula, path, set);
        bm_reml  *r = NULL;
        bm_error  err = { 0 };
        bm_model *m;

        bm_assert_ok(bm_spec_set(s, "threads", "1", &err), err);         /* how many buffers are in use at once would be chance */
        m = streamed(s, hold);
        _exit(bm_reml_run(&r, m, NULL, &err) == BM_OK ? 0 : 1);
    }
    assert_true(child > 0);
    assert_int_equal(wait4(child, &status, 0, &used), child);
    assert_int_equal(status, 0);
    return used.ru_maxrss;
}

/* Ten times the rows: buffers of reading fill up, which is a few megabytes; the rows themselves would take forty. */
static void test_memory_does_not_grow_with_rows(void **state)
{
    static const char *const levels[] = { "levels", "f=c,b,a", NULL }, *const priors[] = { "prior", "b_x ~ constant(2)", "prior", "sd ~ flat()", NULL };
    static const struct { const char *formula; const char *const *set; } cases[] = {
        { "y ~ x + (1 | g)", NULL }, { "y ~ x * f + (1 | g)", NULL }, { "y ~ x + f + (1 | g)", levels }, { "y ~ scale(x * scale(x)) + (1 | g)", NULL }, { "y ~ x + f + (x | g)", priors },
    };
    file small = table_of(100000), large = table_of(1000000);

    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    unlink(small.path);
    unlink(large.path);
    skip();                                          /* what is freed stays */
#endif
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        long few = peak(cases[i].formula, cases[i].set, small.path, 1000), many = peak(cases[i].formula, cases[i].set, large.path, 1000);

        if (many > few + 4 * 1024) fail_msg("%s: %ld kB for 100,000 rows, %ld for a million", cases[i].formula, few, many);
    }
    assert_true(peak("y ~ x + (1 | g)", NULL, large.path, 2000000) > peak("y ~ x + (1 | g)", NULL, small.path, 2000000) + 40 * 1024);     /* it would be seen */
    unlink(small.path);
    unlink(large.path);
}

/* ---- what a file means does not depend on the way it is read ---- */

typedef struct { const bm_frame *all; size_t row; size_t nhead[4]; int32_t *shown[4]; } reader;

/* The rows of the stream are those of the table, bit by bit; codes stand for the same levels. */
static bm_status same_rows(void *self, const bm_frame *rows, bm_error *err)
{
    reader *r = self;

    (void)err;
    for (size_t k = 0; k < rows->ncol; k++) {
        const bm_column *a = &rows->col[k], *b = &r->all->col[k];

        assert_int_equal(a->kind, b->kind);
        for (size_t i = 0; i < rows->n; i++) {
            size_t at = r->row + i;

            assert_true(at < r->all->n);
            if (a->kind == BM_COL_NUMERIC && memcmp(&a->num[i], &b->num[at], sizeof *a->num) != 0 && !(isnan(a->num[i]) && isnan(b->num[at]))) {
                print_error("column %zu, row %zu: got %.17g, want %.17g\n", k, at, a->num[i], b->num[at]);
                fail();
            }
            if (a->kind == BM_COL_FACTOR) r->shown[k][at] = a->code[i];
        }
    }
    r->row += rows->n;
    return BM_OK;
}

static void compare_readings(const char *path, char delim)
{
    static const char *const want[] = { "a", "b", "c" };
    bm_read_options opt = { .delim = delim, .factors = (const char *const[]){ "c" }, .nfactors = 1 };
    bm_source *one, *two;
    bm_frame  *all, *head, *tail;
    bm_error   err = { 0 };
    bool       more;
    size_t     n;

    bm_assert_ok(bm_source_open(&one, path, &opt, &err), err);
    bm_assert_ok(bm_source_read(one, &all, want, 3, &err), err);
    bm_assert_ok(bm_source_open(&two, path, &opt, &err), err);
    bm_assert_ok(bm_source_head(two, &head, &more, want, 3, 5, &err), err);
    assert_true(more);
    reader r = { .all = all, .row = head->n };
    for (size_t k = 0; k < 3; k++) r.shown[k] = malloc(all->n * sizeof(int32_t));
    bm_assert_ok(bm_source_stream(two, 2, same_rows, &r, &tail, &err), err);
    assert_int_equal(r.row, all->n);
    assert_int_equal(tail->n, all->n);
    assert_string_equal(tail->hash, all->hash);
    n = all->col[2].nlevels;
    assert_int_equal(tail->col[2].nlevels, n);
    for (size_t i = head->n; i < all->n; i++) {
        int32_t got = r.shown[2][i], wanted = all->col[2].code[i];

        assert_int_equal(got < 0, wanted < 0);
        if (got >= 0) assert_string_equal(tail->col[2].levels[got], all->col[2].levels[wanted]);
    }
    for (size_t k = 0; k < 3; k++) free(r.shown[k]);
    bm_frame_free(all);
    bm_frame_free(head);
    bm_frame_free(tail);
    bm_source_close(one);
    bm_source_close(two);
}

static void test_every_way_of_reading_gives_the_same_cells(void **state)
{
    static const char *const numbers[] = { "1", "-2.5", "+3", "  4 ", "\t5", "1e3", "-1.25E-3", "NA", "", " ", "\"6\"", " \"7.5\" ", "0", "-0", "00012", "123456789012345678", "3.141592653589793",
                                           ".5", "5.", "-.25", "9007199254740993", "1234567.1234567", "12345678.12345678", "0.1", "99999999", "100000000", "-12345678" };
    static const char *const texts[] = { "x", "level 1", "\"a%cb\"", "\"line\nbreak\"", "\"say \"\"so\"\"\"", "5\" pipe", "NA", "", "\"NA\"", " padded ", "\"\"", "a\"b\"c", "12", "\xc3\xa9t\xc3\xa9",
                                         "\" in \"", "a much longer label than sixteen bytes and blanks" };
    static const char delims[] = { ',', ';', '\t' };
    bm_rng r;

    (void)state;
    bm_rng_key(&r, 3, 1, 4);
    for (int trial = 0; trial < 60; trial++) {
        char  delim = delims[trial % 3];
        file  f = { "/tmp/bmixed-stream-XXXXXX" };
        FILE *out = fdopen(mkstemp(f.path), "w");
        size_t rows = trial % 10 == 0 ? 40000 : 40;

        fprintf(out, "a%cunused%cb%cc\n", delim, delim, delim);
        for (size_t i = 0; i < rows; i++) {
            const char *a = i < 6 ? "1.5" : numbers[bm_rng_u64(&r) % (sizeof numbers / sizeof *numbers)], *b = i < 6 ? "2" : numbers[bm_rng_u64(&r) % (sizeof numbers / sizeof *numbers)];

            if (delim == '\t' && (*a == '\t' || *a == ' ')) a = "8";
            if (delim == '\t' && (*b == '\t' || *b == ' ')) b = "9";
            fprintf(out, "%s%c", a, delim);
            fprintf(out, texts[bm_rng_u64(&r) % (sizeof texts / sizeof *texts)], delim);
            fprintf(out, "%c%s%c", delim, b, delim);
            fprintf(out, texts[bm_rng_u64(&r) % (sizeof texts / sizeof *texts)], delim);
            if (i + 1 < rows || trial % 2) fprintf(out, bm_rng_u64(&r) % 4 == 0 ? "\r\n" : bm_rng_u64(&r) % 9 == 0 ? "\n\n" : "\n");
        }
        assert_int_equal(fclose(out), 0);
        compare_readings(f.path, delim);
        unlink(f.path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_of_many_kinds),
        cmocka_unit_test(test_a_pass_finds_out_what_the_next_has_to_know),
        cmocka_unit_test(test_missing_values_quotes_and_line_ends),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_a_file_that_changes_between_two_passes_is_refused),
        cmocka_unit_test(test_flat_priors_are_judged_alike),
        cmocka_unit_test(test_errors_name_the_line),
        cmocka_unit_test(test_levels_that_are_not_listed_are_refused),
        cmocka_unit_test(test_what_needs_rows_refuses),
        cmocka_unit_test(test_statistics_without_an_effect_are_those_of_the_smaller_model),
        cmocka_unit_test(test_two_models_are_compared_without_their_rows),
        cmocka_unit_test(test_memory_does_not_grow_with_rows),
        cmocka_unit_test(test_every_way_of_reading_gives_the_same_cells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
