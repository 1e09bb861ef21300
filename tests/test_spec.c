/* Specifications: keys as the command line sets them, model files, and the way back to JSON. */
#include "testing.h"

#include "model/model.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/bmixed-test-spec-XXXXXX";

/* ---- helpers ---- */

static const char *write_file(const char *name, const char *text, size_t n)
{
    static char path[200];
    FILE       *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    return path;
}

static bm_spec *must_read(const char *text)
{
    bm_spec *s;
    bm_error err = { 0 };

    bm_assert_ok(bm_spec_read(&s, write_file("m.json", text, strlen(text)), &err), err);
    return s;
}

static void bad_file(const char *text, size_t n, const char *says)
{
    bm_spec *s;
    bm_error err = { 0 };

    if (bm_spec_read(&s, write_file("m.json", text, n), &err) >= 0) fail_msg("read: %s", text);
    assert_null(s);
    bm_assert_says(err, says);
}

static void refuses(const char *text, const char *says)
{
    bad_file(text, strlen(text), says);
}

static bm_spec *fresh(void)
{
    bm_spec *s;
    bm_error err = { 0 };

    bm_assert_ok(bm_spec_new(&s, &err), err);
    return s;
}

static void set(bm_spec *s, const char *key, const char *value)
{
    bm_error err = { 0 };

    bm_assert_ok(bm_spec_set(s, key, value, &err), err);
}

static void refuses_value(const char *key, const char *value, const char *says)
{
    bm_spec *s = fresh();
    bm_error err = { 0 };

    if (bm_spec_set(s, key, value, &err) != BM_EINVAL) fail_msg("%s = '%s' is not refused", key, value);
    bm_assert_says(err, says);
    bm_spec_free(s);
}

static void same_text(const char *a, const char *b)
{
    if (a && b) assert_string_equal(a, b);
    else assert_true(!a && !b);
}

static void same_list(const bm_strv *a, const bm_strv *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) assert_string_equal(a->v[i], b->v[i]);
}

static void same(const bm_spec *a, const bm_spec *b)
{
    same_text(a->name, b->name);
    same_text(a->title, b->title);
    same_text(a->description, b->description);
    same_text(a->source, b->source);
    same_text(a->formula, b->formula);
    same_text(a->data, b->data);
    same_text(a->family, b->family);
    same_text(a->weights, b->weights);
    same_text(a->se, b->se);
    same_list(&a->priors, &b->priors);
    same_list(&a->factors, &b->factors);
    same_list(&a->levels, &b->levels);
    same_list(&a->contrasts, &b->contrasts);
    same_list(&a->na_strings, &b->na_strings);
    assert_true(a->na_fail == b->na_fail && a->delim == b->delim);
    assert_true(a->fit.chains == b->fit.chains && a->fit.warmup == b->fit.warmup && a->fit.draws == b->fit.draws && a->fit.thin == b->fit.thin);
    assert_true(a->fit.seed == b->fit.seed && a->fit.threads == b->fit.threads && a->fit.target_ess == b->fit.target_ess);
    assert_true(a->fit.sampler == b->fit.sampler && a->fit.ranef_draws == b->fit.ranef_draws);
}

static char *json_of(const bm_spec *s)
{
    bm_buf   b = { 0 };
    bm_error err = { 0 };

    bm_assert_ok(bm_spec_json(s, &b, &err), err);
    return b.s;
}

/* ---- keys ---- */

static void test_a_fresh_specification_has_the_defaults(void **state)
{
    bm_spec             *s = fresh();
    bm_fit_options       opt = { 0 };
    const bm_fit_options def = BM_FIT_OPTIONS_INIT;

    (void)state;
    bm_spec_fit_options(s, &opt);
    assert_true(opt.chains == def.chains && opt.warmup == def.warmup && opt.draws == def.draws && opt.thin == def.thin && opt.seed == def.seed);
    assert_true(opt.threads == 0 && opt.target_ess == 0 && opt.sampler == BM_SAMPLER_AUTO && opt.ranef_draws == BM_RANEF_AUTO && !opt.progress && !opt.stop);
    assert_null(bm_spec_get(s, "formula"));
    assert_null(bm_spec_get(s, "chains"));
    assert_null(bm_spec_get(s, "nonsense"));
    bm_spec_free(s);
    bm_spec_free(NULL);
}

static void test_every_key_is_set_and_got_as_typed(void **state)
{
    static const char *const pairs[][2] = {
        { "formula", "y ~ x + (1 | g)" }, { "data", "-" }, { "family", "gaussian" }, { "name", "n" }, { "title", "" }, { "description", "d" }, { "source", "s" },
        { "prior", "b ~ flat()" }, { "factor", "g" }, { "levels", "g=a,b" }, { "contrasts", "sum" }, { "na", "fail" }, { "na-strings", "." }, { "delim", "tab" },
        { "weights", "w" }, { "se", "s" }, { "chains", "64" }, { "warmup", "0" }, { "draws", "10000000" }, { "thin", "3" }, { "seed", "9223372036854775807" },
        { "threads", "0" }, { "target-ess", "400.5" }, { "sampler", "gibbs" }, { "ranef-draws", "none" },
    };
    bm_spec *s = fresh();

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        set(s, pairs[i][0], pairs[i][1]);
        assert_string_equal(bm_spec_get(s, pairs[i][0]), pairs[i][1]);
    }
    assert_true(s->fit.chains == 64 && s->fit.warmup == 0 && s->fit.draws == 10000000 && s->fit.thin == 3 && s->fit.seed == INT64_MAX && s->fit.threads == 0);
    assert_true(s->fit.target_ess == 400.5 && s->fit.sampler == BM_SAMPLER_GIBBS && s->fit.ranef_draws == BM_RANEF_NONE);
    assert_true(s->na_fail && s->delim == '\t');
    bm_spec_free(s);
}

static void test_lists_grow_and_single_values_are_replaced(void **state)
{
    bm_spec *s = fresh();

    (void)state;
    set(s, "prior", "b ~ flat()");
    set(s, "prior", "b ~ flat()");
    assert_int_equal(s->priors.n, 2);
    assert_null(bm_spec_get(s, "prior"));
    set(s, "factor", "a, b ,c");
    set(s, "factor", "b,d");
    assert_int_equal(s->factors.n, 4);
    assert_string_equal(s->factors.v[1], "b");
    assert_string_equal(s->factors.v[3], "d");
    set(s, "formula", "y ~ a");
    set(s, "formula", "y ~ b");
    assert_string_equal(s->formula, "y ~ b");
    set(s, "na-strings", "NA, . ,");
    assert_int_equal(s->na_strings.n, 3);
    assert_string_equal(s->na_strings.v[1], ".");
    assert_string_equal(s->na_strings.v[2], "");
    set(s, "na-strings", "-9");
    assert_int_equal(s->na_strings.n, 1);
    set(s, "na", "fail");
    set(s, "na", "omit");
    assert_false(s->na_fail);
    bm_spec_free(s);
}

static void test_levels_and_contrasts_of_one_column_are_replaced(void **state)
{
    bm_spec *s = fresh();

    (void)state;
    set(s, "levels", "sex=m,f");
    set(s, "levels", "se=1,2");
    set(s, "levels", "sex=f,m");
    assert_int_equal(s->levels.n, 2);
    assert_string_equal(s->levels.v[0], "sex=f,m");
    set(s, "contrasts", "sum");
    set(s, "contrasts", "sex=helmert");
    set(s, "contrasts", "treatment");
    set(s, "contrasts", "sex=sum");
    set(s, "contrasts", "a=b=sum");
    set(s, "contrasts", "a=c=helmert");
    assert_int_equal(s->contrasts.n, 4);
    assert_string_equal(s->contrasts.v[0], "treatment");
    assert_string_equal(s->contrasts.v[1], "sex=sum");
    assert_string_equal(s->contrasts.v[2], "a=b=sum");
    bm_spec_free(s);
}

static void check_split(const char *text, size_t n, const char *const *want)
{
    bm_strv  v = { 0 };
    bm_error err = { 0 };

    bm_assert_ok(bm_levels_split(&v, text, &err), err);
    assert_int_equal(v.n, n);
    for (size_t i = 0; i < n; i++) assert_string_equal(v.v[i], want[i]);
    bm_strv_free(&v);
}

static void test_levels_are_split_as_csv_is(void **state)
{
    (void)state;
    check_split("a,b c,", 3, (const char *const[]){ "a", "b c", "" });
    check_split("\"a,b\",\"say \"\"x\"\"\",c", 3, (const char *const[]){ "a,b", "say \"x\"", "c" });
    check_split("\"a", 1, (const char *const[]){ "a" });
    check_split("", 1, (const char *const[]){ "" });
}

static void test_delimiters_have_names(void **state)
{
    static const struct { const char *text; char c; } good[] = { { ",", ',' }, { ";", ';' }, { "\t", '\t' }, { "\\t", '\t' }, { "tab", '\t' }, { "comma", ',' }, { "semicolon", ';' },
                                                               { "space", ' ' }, { " ", ' ' }, { "|", '|' }, { "auto", 0 } };
    bm_spec *s = fresh();

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        set(s, "delim", good[i].text);
        assert_int_equal(s->delim, good[i].c);
    }
    bm_spec_free(s);
}

static void test_values_out_of_range_name_the_option_the_value_and_the_range(void **state)
{
    (void)state;
    refuses_value("chains", "0", "chains: '0' is not a whole number from 1 to 64");
    refuses_value("chains", "65", "chains: '65' is not a whole number from 1 to 64");
    refuses_value("chains", "4.5", "chains: '4.5' is not a whole number");
    refuses_value("chains", "many", "chains: 'many' is not a whole number from 1 to 64");
    refuses_value("chains", "", "chains: '' is not a whole number from 1 to 64");
    refuses_value("warmup", "-1", "warmup: '-1' is not a whole number from 0 to 10000000");
    refuses_value("draws", "0", "draws: '0' is not a whole number from 1 to 10000000");
    refuses_value("draws", "10000001", "draws: '10000001' is not a whole number from 1 to 10000000");
    refuses_value("thin", "0", "thin: '0' is not a whole number from 1");
    refuses_value("seed", "-1", "seed: '-1' is not a whole number from 0 to 9223372036854775807");
    refuses_value("seed", "9223372036854775808", "seed: '9223372036854775808' is not a whole number");
    refuses_value("threads", "1025", "threads: '1025' is not a whole number from 0 to 1024");
    refuses_value("target-ess", "-1", "target-ess: '-1' is not a number from 0");
    refuses_value("target-ess", "high", "target-ess: 'high' is not a number from 0");
    refuses_value("sampler", "nuts", "sampler: 'nuts' is none of auto|collapsed|gibbs");
    refuses_value("sampler", "", "sampler: '' is none of auto|collapsed|gibbs");
    refuses_value("ranef-draws", "some", "ranef-draws: 'some' is none of auto|all|none");
    refuses_value("na", "drop", "na: 'drop' is none of omit|fail");
    refuses_value("delim", "ab", "delim: 'ab' is not one character that can separate fields");
    refuses_value("delim", "", "delim: '' is not one character");
    refuses_value("delim", "a", "delim: 'a' is not one character");
    refuses_value("delim", "\"", "is not one character that can separate fields");
    refuses_value("formula", "", "formula: the value is empty");
    refuses_value("weights", "", "weights: the value is empty");
    refuses_value("family", "binomial", "family 'binomial': only gaussian is supported so far");
    refuses_value("factor", "a,,b", "factor: 'a,,b': a name is missing; it is a list such as a,b,c");
    refuses_value("factor", "", "factor: '': a name is missing");
    refuses_value("levels", "a,b", "levels: 'a,b': it is COL=a,b,c");
    refuses_value("levels", "=a,b", "levels: '=a,b': it is COL=a,b,c");
    refuses_value("levels", "g=", "levels: 'g=': it is COL=a,b,c");
    refuses_value("levels", "g=a,b,a", "levels: 'g=a,b,a': the level 'a' is there twice");
    refuses_value("contrasts", "sun", "contrasts: 'sun': it is treatment, sum or helmert, for all factors or as COL=sum for one; did you mean 'sum'?");
    refuses_value("contrasts", "g=poly", "contrasts: 'g=poly': it is treatment, sum or helmert");
    refuses_value("contrasts", "=sum", "contrasts: '=sum': it is treatment");
    refuses_value("chain", "4", "there is no option 'chain'; did you mean 'chains'?");
    refuses_value("zzzzzzzzzz", "4", "there is no option 'zzzzzzzzzz'");
}

static void test_a_refused_value_leaves_the_old_one(void **state)
{
    bm_spec *s = fresh();
    bm_error err = { 0 };

    (void)state;
    set(s, "chains", "2");
    set(s, "na-strings", ".");
    set(s, "family", "gaussian");
    assert_int_equal(bm_spec_set(s, "chains", "none", &err), BM_EINVAL);
    assert_int_equal(bm_spec_set(s, "family", "poisson", NULL), BM_EINVAL);
    assert_int_equal(s->fit.chains, 2);
    assert_string_equal(bm_spec_get(s, "chains"), "2");
    assert_string_equal(s->family, "gaussian");
    bm_spec_free(s);
}

/* ---- model files ---- */

static const char WHOLE[] =
    "{\"name\": \"m\", \"title\": \"t \\\"quoted\\\" \\u00e9\", \"description\": \"two\\nlines\\ttab \\\\\", \"source\": \"s\\u0001\", \"data\": \"sub/x.csv\",\n"
    " \"formula\": \"y ~ a + (1 | g)\", \"family\": \"gaussian\", \"priors\": [\"b ~ flat()\", \"sigma ~ exponential(1)\"],\n"
    " \"factors\": [\"g\", \"a,b\"], \"levels\": {\"a\": [\"x, y\", \"say \\\"z\\\"\", \" b\"], \"g\": [\"1\"]},\n"
    " \"contrasts\": {\"a\": \"sum\", \"\": \"helmert\"}, \"weights\": \"w\", \"se\": null, \"na\": \"fail\", \"na-strings\": [\"\", \"NA\", \"a,b\"], \"delim\": \";\",\n"
    " \"sampler\": {\"chains\": 3, \"warmup\": 1e3, \"draws\": 20, \"thin\": 2, \"seed\": 12, \"threads\": 1, \"target-ess\": 400.5, \"type\": \"collapsed\",\n"
    "   \"ranef-draws\": \"all\"}}\n";

static void test_every_key_of_a_model_file_is_read(void **state)
{
    bm_spec *s = must_read(WHOLE);
    char     data[220];

    (void)state;
    snprintf(data, sizeof data, "%s/sub/x.csv", dir);
    assert_string_equal(s->data, data);
    assert_string_equal(s->title, "t \"quoted\" \xc3\xa9");
    assert_string_equal(s->description, "two\nlines\ttab \\");
    assert_string_equal(s->source, "s\x01");
    assert_string_equal(s->formula, "y ~ a + (1 | g)");
    assert_string_equal(s->priors.v[1], "sigma ~ exponential(1)");
    assert_string_equal(s->factors.v[1], "a,b");
    assert_string_equal(s->levels.v[0], "a=\"x, y\",\"say \"\"z\"\"\",\" b\"");
    assert_string_equal(s->contrasts.v[0], "a=sum");
    assert_string_equal(s->contrasts.v[1], "helmert");
    assert_null(s->se);
    assert_int_equal(s->na_strings.n, 3);
    assert_string_equal(s->na_strings.v[2], "a,b");
    assert_true(s->na_fail && s->delim == ';');
    assert_true(s->fit.chains == 3 && s->fit.warmup == 1000 && s->fit.draws == 20 && s->fit.thin == 2 && s->fit.seed == 12 && s->fit.threads == 1);
    assert_true(s->fit.target_ess == 400.5 && s->fit.sampler == BM_SAMPLER_COLLAPSED && s->fit.ranef_draws == BM_RANEF_ALL);
    bm_spec_free(s);
}

static void test_reading_what_was_written_gives_the_same_specification(void **state)
{
    static const char *const texts[] = { WHOLE, "{}", "{\"data\": \"/abs/x.csv\"}", "{\"data\": \"-\"}", "{\"contrasts\": \"sum\"}", "{\"contrasts\": {\"f\": \"sum\"}}",
                                         "{\"contrasts\": {\"a=b\": \"sum\", \"a=c\": \"helmert\"}}",
                                         "{\"delim\": \"tab\"}", "{\"delim\": \"space\"}", "{\"levels\": {\"a\": [\"c=d\", \"\"], \"b\": [\"\"]}}",
                                         "{\"sampler\": {\"seed\": \"9223372036854775807\"}}", "{\"sampler\": {\"seed\": 9007199254740992}}",
                                         "{\"name\": \"\x7f\xff\", \"priors\": [], \"sampler\": null}" };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bm_spec *s = must_read(texts[i]), *again;
        char    *json = json_of(s), *twice;

        again = must_read(json);
        same(again, s);
        twice = json_of(again);
        assert_string_equal(twice, json);
        free(json);
        free(twice);
        bm_spec_free(s);
        bm_spec_free(again);
    }
}

static void test_json_reads_like_a_model_file_made_by_hand(void **state)
{
    bm_spec *s = fresh();
    char    *json;

    (void)state;
    set(s, "formula", "y ~ x");
    set(s, "data", "x.csv");
    set(s, "prior", "b ~ flat()");
    set(s, "levels", "g=a,b");
    set(s, "factor", "g");
    json = json_of(s);
    assert_string_equal(json, "{\n  \"data\": \"x.csv\",\n  \"formula\": \"y ~ x\",\n  \"priors\": [\n    \"b ~ flat()\"\n  ],\n  \"factors\": [\"g\"],\n"
                              "  \"levels\": {\n    \"g\": [\"a\", \"b\"]\n  },\n  \"sampler\": {\n    \"chains\": 4,\n    \"warmup\": 1000,\n    \"draws\": 1000,\n"
                              "    \"thin\": 1,\n    \"threads\": 0,\n    \"seed\": 1,\n    \"target-ess\": 0,\n    \"type\": \"auto\",\n    \"ranef-draws\": \"auto\"\n  }\n}\n");
    free(json);
    bm_spec_free(s);
}

static void test_data_set_later_keeps_its_place_in_json(void **state)
{
    bm_spec *s = must_read("{\"data\": \"x.csv\"}");
    char    *json, cwd[4096], want[4200];

    (void)state;
    json = json_of(s);
    assert_non_null(strstr(json, "\"data\": \"x.csv\""));
    free(json);
    set(s, "data", "tests/data/y.csv");              /* relative to the working directory, as on the command line */
    json = json_of(s);
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(want, sizeof want, "\"data\": \"%s/tests/data/y.csv\"", cwd);
    assert_non_null(strstr(json, want));
    free(json);
    bm_spec_free(s);
}

static void test_a_copy_is_equal_and_its_own(void **state)
{
    bm_spec *s = must_read(WHOLE), *c;
    bm_error err = { 0 };

    (void)state;
    bm_assert_ok(bm_spec_copy(&c, s, &err), err);
    same(c, s);
    assert_string_equal(c->path, s->path);
    assert_string_equal(bm_spec_get(c, "chains"), "3");
    assert_ptr_not_equal(c->formula, s->formula);
    bm_spec_free(s);
    assert_string_equal(c->formula, "y ~ a + (1 | g)");
    bm_spec_free(c);
}

static void test_options_given_later_win_over_the_file(void **state)
{
    bm_spec *s = must_read(WHOLE);

    (void)state;
    assert_string_equal(bm_spec_get(s, "chains"), "3");
    set(s, "chains", "5");
    set(s, "prior", "b ~ normal(0, 1)");
    assert_int_equal(s->fit.chains, 5);
    assert_string_equal(s->priors.v[2], "b ~ normal(0, 1)");
    bm_spec_free(s);
}

static void test_a_byte_order_mark_is_skipped(void **state)
{
    bm_spec *s = must_read("\xef\xbb\xbf{\"formula\": \"y ~ x\"}\n\n");

    (void)state;
    assert_string_equal(s->formula, "y ~ x");
    bm_spec_free(s);
    refuses("\xef\xbb\xbf{,}", "m.json:1:2: this is not JSON, at ',}'");
}

/* ---- what is wrong with a file ---- */

static void test_syntax_errors_name_line_column_and_reason(void **state)
{
    (void)state;
    refuses("", "m.json:1:1: this is not JSON: the file ends too early: a value is missing");
    refuses("  \n ", "m.json:2:2: this is not JSON: the file ends too early");
    refuses("{", "m.json:1:2: this is not JSON: the file ends too early: a bracket is not closed");
    refuses("{\"a\": 1", "m.json:1:8: this is not JSON: the file ends too early: a bracket is not closed");
    refuses("{\n  \"a\": 1,\n}", "m.json:3:1: this is not JSON, at '}': a comma before the closing bracket");
    refuses("{,}", "m.json:1:2: this is not JSON, at ',}': expected a key in double quotes");
    refuses("{a: 1}", "m.json:1:2: this is not JSON, at 'a: 1}': expected a key in double quotes");
    refuses("{\"a\" 1}", "m.json:1:6: this is not JSON, at '1}': a colon is missing after the key");
    refuses("{\n  \"formula\": \"y ~ x\"\n  \"data\": \"x\"\n}", "m.json:3:3: this is not JSON, at '\"data\": \"x\"': a comma is missing before this");
    refuses("{'a': 1}", "m.json:1:2: this is not JSON, at ''a': 1}': strings need double quotes");
    refuses("{\"a\": 'b'}", "m.json:1:7: this is not JSON, at ''b'}': strings need double quotes");
    refuses("{\"a\": \"b}\n", "m.json:1:7: this is not JSON, at '\"b}': this quote is not closed");
    refuses("{ // comment\n}", "m.json:1:3: this is not JSON, at '// comment': JSON has no comments");
    refuses("{\"a\": # comment\n1}", "JSON has no comments");
    refuses("{\"a\": 1 # comment\n}", "JSON has no comments");
    refuses("{\"priors\": [\"b\",]}", "m.json:1:17: this is not JSON, at ']}': a comma before the closing bracket");
    refuses("{\"a\": [1}", "m.json:1:9: this is not JSON, at '}': the wrong bracket: [ is closed by ]");
    refuses("{\"a\": 1]", "m.json:1:8: this is not JSON, at ']': the wrong bracket: { is closed by }");
    refuses("{\"a\": }", "m.json:1:7: this is not JSON, at '}': a value is missing");
    refuses("{\"a\": yes}", "m.json:1:7: this is not JSON, at 'yes}': expected a value: a string in double quotes, a number, true, false, null, a list or an object");
    refuses("{\"a\": 01}", "m.json:1:7: this is not JSON, at '01}': this is not a number as JSON has them");
    refuses("{\"a\": 1.}", "this is not a number as JSON has them");
    refuses("{\"a\": -}", "this is not a number as JSON has them");
    refuses("{\"a\": 1e+}", "this is not a number as JSON has them");
    refuses("{\"a\": \"C:\\data\"}", "m.json:1:11: this is not JSON, at 'data\"}': no such escape; a backslash is written \\\\");
    refuses("{\"a\": \"\\u12g4\"}", "\\u takes four hexadecimal digits");
    refuses("{\"a\": \"\\u0000\"}", "a string cannot contain \\u0000");
    refuses("{\"a\": \"\\ud83d\"}", "half of a pair of \\u escapes");
    refuses("{\"a\": \"\\ude00\"}", "half of a pair of \\u escapes");
    refuses("{\"a\": \"\t\"}", "a control character in a string; a tab is written \\t");
    refuses("{} {}", "m.json:1:4: this is not JSON, at '{}': nothing can follow the closing bracket");
    refuses("{\"t\": \"\xc3\xb6\xc3\xb6\xc3\xb6\" x}", "m.json:1:13: this is not JSON, at 'x}'");       /* characters, not bytes */
}

static void test_all_that_json_allows_is_read(void **state)
{
    bm_spec *s = must_read(" {\t\"name\" :\r\n\"\\ud83d\\uDE00 \\/ \\b\\f\\n\\r\\t\", \"sampler\": { }, \"factors\": [ ], \"contrasts\": {}, \"title\": null } ");

    (void)state;
    assert_string_equal(s->name, "\xf0\x9f\x98\x80 / \b\f\n\r\t");
    bm_spec_free(s);
    s = must_read("{\"sampler\": {\"target-ess\": 1.25E+2, \"warmup\": 0, \"chains\": 2e0, \"draws\": 0.5e1}}");
    assert_true(s->fit.target_ess == 125 && s->fit.warmup == 0 && s->fit.chains == 2 && s->fit.draws == 5);
    bm_spec_free(s);
}

static void test_depth_is_bounded(void **state)
{
    enum { N = 100000 };
    char *deep = malloc(N + 1);

    (void)state;
    memset(deep, '[', N);
    deep[N] = '\0';
    bad_file(deep, N, "m.json:1:101: this is not JSON, at '[[[[[[[[[[[[[[[[[[[[[[[[': brackets are nested too deeply");
    free(deep);
}

static void test_files_that_are_no_model_files_are_named(void **state)
{
    enum { BIG = (16 << 20) + 1 };
    char    *big = malloc(BIG);
    bm_spec *s;
    bm_error err = { 0 };

    (void)state;
    memset(big, ' ', BIG);
    bad_file(big, BIG, "m.json has more than 16 MB: this is no model file; is it the data?");
    free(big);
    bad_file("{}\0{}", 5, "m.json has NUL bytes: this is no model file (JSON in UTF-8)");
    refuses("[1]", "m.json: a model file is an object {\"formula\": ..., \"data\": ...}, not a list");
    refuses("3", "not a number");
    refuses("null", "not null");
    refuses("true", "not true or false");
    assert_int_equal(bm_spec_read(&s, "tests/none.json", &err), BM_EIO);
    bm_assert_says(err, "cannot read tests/none.json: No such file or directory");
    err = (bm_error){ 0 };
    assert_int_equal(bm_spec_read(&s, "tests", &err), BM_EIO);
    bm_assert_says(err, "cannot read tests: Is a directory");
    assert_null(s);
}

static void test_unknown_keys_name_the_line_and_the_closest_one(void **state)
{
    (void)state;
    refuses("{\"formula\": \"y ~ x\",\n \"piror\": []}", "m.json:2: there is no key \"piror\"; did you mean \"priors\"? There are name, title, description, source, data, formula, "
                                                       "family, priors, factors, levels, contrasts, weights, se, na, na-strings, delim, sampler");
    refuses("{\"prior\": []}", "did you mean \"priors\"?");
    refuses("{\"chains\": 3}", "m.json:1: there is no key \"chains\"; did you mean \"sampler\"?");
    refuses("{\"na_strings\": []}", "did you mean \"na-strings\"?");
    refuses("{\"zzzzzzzzzz\": []}", "there is no key \"zzzzzzzzzz\"; there are name");
    refuses("{\"sampler\":\n {\"chain\": 3}}", "m.json:2: there is no key \"chain\" in \"sampler\"; did you mean \"chains\"? There are chains, warmup, draws, thin, seed, threads, "
                                               "target-ess, type, ranef-draws");
    refuses("{\"sampler\": {\"formula\": 3}}", "there is no key \"formula\" in \"sampler\"");
    refuses("{\"\\u0041bc\": 3}", "m.json: there is no key \"Abc\"");         /* written with an escape: no line */
}

static void test_duplicate_keys_are_errors(void **state)
{
    (void)state;
    refuses("{\"data\": \"a\",\n \"data\": \"b\"}", "m.json:2: the key \"data\" is there twice");
    refuses("{\"sampler\": {\"seed\": 1,\n\n \"seed\": 1}}", "m.json:3: the key \"seed\" is there twice");
    refuses("{\"levels\": {\"a\": [\"x\"], \"a\": [\"y\"]}}", "the key \"a\" is there twice");
}

static void test_wrong_types_are_named(void **state)
{
    (void)state;
    refuses("{\"formula\": 3}", "m.json:1: \"formula\" must be a string, not a number");
    refuses("{\"data\": [\"x\"]}", "\"data\" must be a string, not a list");
    refuses("{\"priors\": \"b ~ flat()\"}", "\"priors\" must be a list of strings, not a string");
    refuses("{\"priors\": [\"b ~ flat()\", 3]}", "\"priors\" must be a list of strings, not a number");
    refuses("{\"na\": true}", "\"na\" must be a string, not true or false");
    refuses("{\"levels\": [\"a\"]}", "\"levels\" must be an object such as {\"COLUMN\": [\"a\", \"b\"]}, not a list");
    refuses("{\"levels\": {\"a\": \"x\"}}", "\"a\" must be a list of strings, the levels of the column in order, not a string");
    refuses("{\"levels\": {\"a\": [1, 2]}}", "\"a\" must be a list of strings, the levels of the column in order, not a number");
    refuses("{\"contrasts\": 3}", "\"contrasts\" must be a string, or an object such as {\"COLUMN\": \"sum\"}, not a number");
    refuses("{\"contrasts\": {\"a\": {}}}", "\"a\" must be a string: treatment, sum or helmert, not an object");
    refuses("{\"sampler\": \"gibbs\"}", "\"sampler\" must be an object such as {\"chains\": 4}, not a string");
    refuses("{\"sampler\": {\"chains\": [4]}}", "\"chains\" must be a number, not a list");
    refuses("{\"sampler\": {\"type\": 4}}", "\"type\" must be a string, not a number");
    refuses("{\"sampler\": {\"sampler\": 4}}", "\"sampler\" must be a string, not a number");
}

static void test_wrong_values_name_the_line(void **state)
{
    (void)state;
    refuses("{\"formula\": \"y ~ x\",\n \"family\": \"poisson\"}", "m.json:2: family 'poisson': only gaussian is supported so far");
    refuses("{\"sampler\":\n {\"chains\": 0}}", "m.json:2: chains: '0' is not a whole number from 1 to 64");
    refuses("{\"sampler\": {\"chains\": 2.5}}", "chains: '2.5' is not a whole number");
    refuses("{\"sampler\": {\"chains\": 1e99}}", "is not a whole number from 1 to 64");
    refuses("{\"sampler\": {\"seed\": 9007199254740994}}", "m.json:1: \"seed\": a number above 2^53 needs quotes, or JSON readers round it");
    refuses("{\"sampler\": {\"type\": \"nuts\"}}", "sampler: 'nuts' is none of auto|collapsed|gibbs");
    refuses("{\"sampler\": {\"target-ess\": -5}}", "target-ess: '-5' is not a number from 0");
    refuses("{\"levels\": {\"a\": []}}", "levels: 'a=': it is COL=a,b,c");
    refuses("{\"levels\": {\"a\": [\"x\", \"x\"]}}", "the level 'x' is there twice");
    refuses("{\"levels\": {\"a=b\": [\"x\"]}}", "levels cannot be given for the column 'a=b': its name has a '='; rename it");
    refuses("{\"contrasts\": {\"a\": \"sums\"}}", "contrasts: 'a=sums': it is treatment, sum or helmert");
    refuses("{\"formula\": \"\"}", "formula: the value is empty");
    refuses("{\"data\": \"\"}", "data: the value is empty");
    refuses("{\"delim\": \"xx\"}", "delim: 'xx' is not one character");
}

static void test_sampler_is_another_name_of_type(void **state)
{
    bm_spec *s = must_read("{\"sampler\": {\"sampler\": \"gibbs\", \"chains\": \"2\"}}");

    (void)state;
    assert_int_equal(s->fit.sampler, BM_SAMPLER_GIBBS);
    assert_int_equal(s->fit.chains, 2);
    bm_spec_free(s);
}

static void test_data_is_found_from_the_directory_of_the_model_file(void **state)
{
    static const char text[] = "{\"data\": \"../x.csv\"}";
    bm_spec *s;
    bm_error err = { 0 };
    char     cwd[4096], want[300];

    (void)state;
    snprintf(want, sizeof want, "%s/../x.csv", dir);
    s = must_read(text);
    assert_string_equal(s->data, want);
    bm_spec_free(s);
    assert_non_null(getcwd(cwd, sizeof cwd));
    write_file("m.json", text, sizeof text - 1);
    assert_int_equal(chdir(dir), 0);
    bm_status st = bm_spec_read(&s, "m.json", &err);
    assert_int_equal(chdir(cwd), 0);
    bm_assert_ok(st, err);
    assert_string_equal(s->data, "../x.csv");
    bm_spec_free(s);
}

/* Damaged files: every prefix, and every byte replaced by some others, is read or refused, never more. */
static void test_damaged_files_are_read_or_refused(void **state)
{
    static const char bytes[] = "\"{}[],:\\0\xff";
    char     text[sizeof WHOLE];
    bm_spec *s;

    (void)state;
    for (size_t n = 0; n < sizeof WHOLE; n += 3) {
        bm_error err = { 0 };

        if (bm_spec_read(&s, write_file("m.json", WHOLE, n), &err) != BM_OK) assert_true(err.msg[0]);
        bm_spec_free(s);
    }
    for (size_t i = 0; i < sizeof WHOLE - 1; i++) {
        bm_error err = { 0 };

        memcpy(text, WHOLE, sizeof WHOLE);
        text[i] = bytes[i % (sizeof bytes - 1)];
        if (bm_spec_read(&s, write_file("m.json", text, sizeof WHOLE - 1), &err) != BM_OK) assert_true(err.msg[0]);
        bm_spec_free(s);
    }
}

static void test_the_models_that_come_along_are_read(void **state)
{
    static const char *const names[] = { "sleepstudy", "sleepstudy_intercept", "sleepstudy_uncorrelated", "eight_schools", "dyestuff", "radon", "orthodont", "hsb82", "kidiq" };
    char path[200];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bm_spec *s;
        bm_error err = { 0 };

        snprintf(path, sizeof path, "models/%s.json", names[i]);
        bm_assert_ok(bm_spec_read(&s, path, &err), err);
        assert_string_equal(s->name, names[i]);
        assert_true(s->title && s->description && s->source && s->formula && s->priors.n);
        assert_int_equal(access(s->data, R_OK), 0);
        bm_spec_free(s);
    }
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char path[200];

    (void)state;
    snprintf(path, sizeof path, "%s/m.json", dir);
    remove(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fresh_specification_has_the_defaults),
        cmocka_unit_test(test_every_key_is_set_and_got_as_typed),
        cmocka_unit_test(test_lists_grow_and_single_values_are_replaced),
        cmocka_unit_test(test_levels_and_contrasts_of_one_column_are_replaced),
        cmocka_unit_test(test_levels_are_split_as_csv_is),
        cmocka_unit_test(test_delimiters_have_names),
        cmocka_unit_test(test_values_out_of_range_name_the_option_the_value_and_the_range),
        cmocka_unit_test(test_a_refused_value_leaves_the_old_one),
        cmocka_unit_test(test_every_key_of_a_model_file_is_read),
        cmocka_unit_test(test_reading_what_was_written_gives_the_same_specification),
        cmocka_unit_test(test_json_reads_like_a_model_file_made_by_hand),
        cmocka_unit_test(test_data_set_later_keeps_its_place_in_json),
        cmocka_unit_test(test_a_copy_is_equal_and_its_own),
        cmocka_unit_test(test_options_given_later_win_over_the_file),
        cmocka_unit_test(test_a_byte_order_mark_is_skipped),
        cmocka_unit_test(test_syntax_errors_name_line_column_and_reason),
        cmocka_unit_test(test_all_that_json_allows_is_read),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_files_that_are_no_model_files_are_named),
        cmocka_unit_test(test_unknown_keys_name_the_line_and_the_closest_one),
        cmocka_unit_test(test_duplicate_keys_are_errors),
        cmocka_unit_test(test_wrong_types_are_named),
        cmocka_unit_test(test_wrong_values_name_the_line),
        cmocka_unit_test(test_sampler_is_another_name_of_type),
        cmocka_unit_test(test_data_is_found_from_the_directory_of_the_model_file),
        cmocka_unit_test(test_damaged_files_are_read_or_refused),
        cmocka_unit_test(test_the_models_that_come_along_are_read),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
