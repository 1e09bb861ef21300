/* What a terminal shows: the summary of a fit, tables of draws, the description of a model; digits, alignment, and names that attack. */
#include "report/terminal_priv.h"
#include "report_fixture.h"

#include <cjson/cJSON.h>

/* ---- helpers ---- */

static char *read_all(FILE *f)
{
    long  n = ftell(f);
    char *s = calloc((size_t)n + 1, 1);

    rewind(f);
    assert_int_equal(fread(s, 1, (size_t)n, f), n);
    fclose(f);
    return s;
}

static char *show_fit(const fake *f, bm_print_options opt)
{
    FILE    *out = tmpfile();
    bm_error err = { 0 };

    bm_assert_ok(bm_report_fit(&f->r, out, &opt, &err), err);
    return read_all(out);
}

static char *show_table(const fake *f, const bm_summary_options *sopt, bm_print_options opt)
{
    FILE    *out = tmpfile();
    bm_error err = { 0 };

    bm_assert_ok(bm_report_summary_table(f->draws, f->summary, out, sopt, &opt, &err), err);
    return read_all(out);
}

static bm_plan plan_of(fake *f)
{
    return (bm_plan){ .spec = &f->spec, .frame_info = &f->frame, .design = &f->design, .priors = &f->priors, .sampler = "collapsed",
                      .why = "one grouping factor", .ntheta = 4, .parameters = &f->names };
}

static char *show_plan(fake *f, bm_print_options opt)
{
    FILE    *out = tmpfile();
    bm_error err = { 0 };
    bm_plan  p = plan_of(f);

    bm_assert_ok(bm_report_plan(&p, out, &opt, &err), err);
    return read_all(out);
}

static void assert_shows(const char *text, const char *part)
{
    assert_non_null(text);
    if (strstr(text, part)) return;
    print_error("'%s' is not in:\n%s", part, text);
    fail();
}

static void assert_hides(const char *text, const char *part)
{
    assert_non_null(text);
    if (!strstr(text, part)) return;
    print_error("'%s' is in:\n%s", part, text);
    fail();
}

/* No line is wider than this, and nothing but newlines and printable characters is in the text. */
static void assert_tidy(const char *text, size_t width)
{
    for (const char *s = text; *s; s++) assert_true((unsigned char)*s >= 0x20 || *s == '\n');
    while (*text) {
        size_t n = strcspn(text, "\n");
        char  *line = strndup(text, n);

        if (bm_width(line) > width) print_error("wider than %zu: '%s'\n", width, line);
        assert_true(bm_width(line) <= width);
        assert_true(n == 0 || line[n - 1] != ' ');
        free(line);
        text += n + (text[n] == '\n');
    }
}

static const bm_print_options plain = BM_PRINT_OPTIONS_INIT;

/* ---- digits ---- */

static void test_numbers_have_digits_that_fit_their_posterior_sd(void **state)
{
    static const struct { double x, sd, mcse; const char *want, *want_sd; } c[] = {
        { 251.43757, 7.4409, 0.12, "251.44", "7.44" },          /* two decimals, as brms */
        { 0.0865, 0.29959, 0.003, "0.09", "0.30" },
        { 0.00123, 0.000341, 1e-6, "0.00123", "0.00034" },      /* two digits of a small sd */
        { 1.6e-7, 2.31e-8, 1e-10, "1.60e-07", "2.3e-08" },
        { -1.6e-7, 2.31e-8, 1e-10, "-1.60e-07", "2.3e-08" },
        { 2510000, 12300, 100, "2510000", "12300" },
        { 3.2e9, 4.4e7, 1e5, "3.200e+09", "4.4e+07" },
        { 12.49, 140.3, 1, "12.5", "140.3" },
        { 12.49, 140.3, 30, "12", "140" },                      /* the decimals would be noise */
        { 0, 1e-12, 1e-14, "0", "1.0e-12" },
        { NAN, NAN, NAN, "NA", "NA" },
        { INFINITY, 1, 0.1, "Inf", "1.00" },
        { -INFINITY, 1, 0.1, "-Inf", "1.00" },
        { 5, 0, NAN, "5.00", "0.00" },                          /* a constant */
        { 0.001, 0, NAN, "0.00100", "0.00000" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        int     d = bm_decimals(c[i].x, c[i].sd, c[i].mcse);
        bm_cell x, sd;

        bm_cell_number(x, c[i].x, d);
        bm_cell_number(sd, c[i].sd, d);
        assert_string_equal(x, c[i].want);
        assert_string_equal(sd, c[i].want_sd);
    }
}

/* ---- safe text ---- */

static void test_text_is_shown_without_anything_a_terminal_would_obey(void **state)
{
    static const struct { const char *raw, *shown; size_t width; } c[] = {
        { "plain", "plain", 5 }, { "gr\xc3\xb6\xc3\x9f" "e", "gr\xc3\xb6\xc3\x9f" "e", 5 }, { "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", 4 },
        { "e\xcc\x81", "e\xcc\x81", 1 }, { "\x1b[31m", "\\x1b[31m", 8 }, { "a\nb\tc\rd", "a\\nb\\tc\\rd", 10 }, { "\x7f", "\\x7f", 4 },
        { "\xc2\x9b" "31m", "\\x9b31m", 7 }, { "bad\xff!", "bad\\xff!", 8 }, { "\xc0\xaf", "\\xc0\\xaf", 8 }, { "\xed\xa0\x80", "\\xed\\xa0\\x80", 12 },
        { "cut\xe6\x97", "cut\\xe6\\x97", 11 }, { "\xe2\x80\xaetxt", "\\u202etxt", 9 }, { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 2 },
        { "\xf3\xa0\x80\x81", "\\U000e0001", 10 }, { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 16 } };

    (void)state;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        bm_buf b = { 0 };

        bm_safe_text(&b, c[i].raw);
        assert_string_equal(b.s, c[i].shown);
        assert_int_equal(bm_width(b.s), c[i].width);
        bm_buf_free(&b);
    }
}

static void test_wrapped_text_keeps_its_words_and_its_margin(void **state)
{
    bm_buf b = { 0 };

    (void)state;
    bm_safe_wrapped(&b, "one two  three four-and-much-too-long five\n six", 4, 2, 12);
    assert_string_equal(b.s, "one two\n  three\n  four-and-much-too-long\n  five\\n six");
    bm_buf_free(&b);
}

/* ---- the summary of a fit ---- */

static void test_a_brms_user_finds_every_part_in_order(void **state)
{
    static const char *const parts[] = {
        " Family: gaussian\n", "Formula: Reaction ~ Days + (Days | Subject)\n", "   Data: sleepstudy.csv (180 rows used of 183; 3 dropped, missing: Reaction in\n         2, Days in 1)\n",
        "  Draws: 4 chains x 500 kept = 2000, after 1000 warm-up each; seed 20250612\n",
        "Sampler: collapsed; acceptance 0.71 to 0.74; Pareto k 0.12\n", "\nGroup-level effects\n~Subject (18 levels)\n",
        "                    Estimate Est.Error l-95% CI u-95% CI  Rhat Bulk_ESS Tail_ESS\n", "\nsd(Intercept) ", "\nsd(Days) ",
        "\ncor(Intercept,Days) ", "\nPopulation-level effects\n", "\nIntercept            251.44      7.44 ", "\nDays                  10.48      1.72 ",
        "\nResidual standard deviation\n", "\nsigma ", "coefficients are Rao-Blackwellised", "\nDerived quantities\n", "\nicc_Subject            0.721     0.063    0.583    0.831\n",
        "  icc_Subject: share of Var(y)", "\nPriors\n  Intercept ~ normal(298.5, 140.8) (default)\n  b_Days ~ normal(0, 48.76)\n",
        "  sd_Subject__Intercept, sd_Subject__Days ~ half_cauchy(0, 140.8) (default)\n", "\nNotes\n  - a thing to know\n",
        "\nWarning\n  ! a reason not to trust\n" };
    fake        f;
    bm_error    err = { 0 };

    (void)state;
    fake_sleepstudy(&f, 500);
    bm_assert_ok(bm_strv_add(&f.notes, "a thing to know", &err), err);
    bm_assert_ok(bm_strv_add(&f.warnings, "a reason not to trust", &err), err);
    char *text = show_fit(&f, plain), *s = text;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char *found = strstr(s, parts[i]);

        if (!found) print_error("'%s' is not where it should be in:\n%s", parts[i], text);
        assert_non_null(found);
        s = found;
    }
    assert_string_equal(s, parts[sizeof parts / sizeof *parts - 1]);     /* the warning is the last word */
    assert_tidy(text, 80);
    assert_hides(text, "r_Subject");
    assert_hides(text, "lp__");
    free(text);
    fake_free(&f);
}

/* Estimates are exact moments where there are some, intervals always those of the draws; all to the digits shown. */
static void test_the_numbers_of_a_row_are_those_of_the_summary(void **state)
{
    static const char *const labels[] = { "\nIntercept ", "\nDays ", "\nsd(Intercept) ", "\nsd(Days) ", "\ncor(Intercept,Days) ", "\nsigma " };
    fake                     f;

    (void)state;
    fake_sleepstudy(&f, 500);
    char *text = show_fit(&f, plain);
    for (size_t k = 0; k < 6; k++) {
        const bm_summary_row *s = &f.summary[k + 1];
        double                want[] = { k < 2 ? s->rb_mean : s->mean, k < 2 ? s->rb_sd : s->sd, s->q2_5, s->q97_5, s->rhat, s->ess_bulk, s->ess_tail };
        double                half[] = { 0.00501, 0.00501, 0.00501, 0.00501, 0.000501, 0.501, 0.501 };
        char                 *at = strstr(text, labels[k]);

        assert_non_null(at);
        at += strlen(labels[k]);
        for (size_t i = 0; i < 7; i++) {
            double got = strtod(at, &at);

            assert_true(fabs(got - want[i]) < half[i]);
        }
    }
    free(text);
    fake_free(&f);
}

static void test_every_point_of_a_column_is_in_the_same_place(void **state)
{
    fake   f;
    size_t column = 0, rows = 0;

    (void)state;
    fake_sleepstudy(&f, 500);
    char *text = show_fit(&f, plain);
    for (char *s = text; s; s = strchr(s, '\n')) {
        s += *s == '\n';
        size_t n = strcspn(s, "\n");
        if (n != 80 || memcmp(s + n - 8, "Tail_ESS", 8) == 0 || !memchr(s, '.', n)) continue;
        if (s[0] == ' ' || memchr(s, ':', n) || s[n - 1] > '9') continue;
        size_t at = strcspn(s, ".");
        if (rows++ == 0) column = at;
        assert_int_equal(at, column);
    }
    assert_int_equal(rows, 6);
    free(text);
    fake_free(&f);
}

static void test_a_model_without_groups_has_no_group_section(void **state)
{
    static const char *const terms[] = { "(Intercept)", "x" };
    fake                     f;

    (void)state;
    fake_new(&f, &(fake_shape){ .formula = "y ~ x", .data = "-", .p = 2, .terms = terms, .nchain = 1, .niter = 200 });
    for (size_t k = 0; k < f.draws->nvar; k++) f.summary[k].rb_mean = f.summary[k].rb_sd = NAN;
    f.run.acceptance = NULL;
    f.design.n_read = 180;
    char *text;

    f.run.pareto_k = 3.2;                                    /* the shape of ratios that are nearly equal says nothing */
    f.run.top_ratio = 1.63;
    text = show_fit(&f, plain);
    assert_shows(text, "Sampler: collapsed; no posterior / proposal above 1.6 times the mean\n");
    free(text);
    f.run.top_ratio = 50;
    text = show_fit(&f, plain);
    assert_shows(text, "Sampler: collapsed; Pareto k 3.20\n");
    free(text);
    f.run.pareto_k = NAN;
    text = show_fit(&f, plain);
    assert_hides(text, "Group-level");
    assert_shows(text, "\nRegression coefficients\n");
    assert_shows(text, "   Data: standard input (180 rows)\n");
    assert_shows(text, "  Draws: 1 chain x 200 kept, after");
    assert_shows(text, "Sampler: collapsed\n");
    assert_shows(text, "Estimate is the posterior mean, Est.Error the posterior standard deviation.");
    assert_hides(text, "Rao");
    assert_hides(text, "Derived");
    assert_hides(text, "Notes");
    assert_hides(text, "Warning");
    assert_tidy(text, 80);
    free(text);
    fake_free(&f);
}

static void test_forty_coefficients_and_long_names_stay_unambiguous(void **state)
{
    static const char *const z[] = { "Intercept" };
    const char              *terms[40];
    char                     name[40][100];
    fake_group               g = { "school", 2, fake_subjects, 1, z, true };
    fake                     f;

    (void)state;
    for (int i = 0; i < 40; i++) {
        snprintf(name[i], sizeof name[i], i == 7 ? "a_name_that_is_longer_than_the_column_but_not_than_a_line_%d" : i == 8 ?
                 "one_that_begins_like_others_and_goes_on_and_on_for_more_than_a_line_of_the_terminal_ends_%d" : "region%d", i);
        terms[i] = name[i];
    }
    fake_new(&f, &(fake_shape){ .formula = "y ~ .", .data = "d.csv", .p = 40, .terms = terms, .nfac = 1, .fac = &g, .nchain = 4, .niter = 300 });
    for (int width = 80; width <= 120; width += 40) {
        char *text = show_fit(&f, (bm_print_options){ .width = width });

        for (int i = 0; i < 40; i++) {
            char row[120];

            snprintf(row, sizeof row, "\n%.99s", name[i]);
            if (i != 8 || width == 120) assert_shows(text, row);
        }
        if (width == 80) assert_shows(text, "\na_name_that_is_longer_than_the_column_but_not_than_a_line_7\n                        1.00 ");
        if (width == 80) assert_shows(text, "\none_that_begins_like_others_and_goes_o...more_than_a_line_of_the_terminal_ends_8\n");
        assert_shows(text, "  b_region1, b_region2, b_region3, ..., b_region39 ~ normal(0, 48.76)\n");
        assert_tidy(text, (size_t)width);
        free(text);
    }
    fake_free(&f);
}

static void test_tiny_and_huge_scales_are_told_apart(void **state)
{
    static const char *const terms[] = { "(Intercept)", "tiny", "huge", "small" };
    static const double      mean[] = { 2510000, 1.6e-7, 3.2e9, 0.00123 }, sd[] = { 12300, 2.31e-8, 4.4e7, 0.00034 };
    fake                     f;

    (void)state;
    fake_new(&f, &(fake_shape){ .formula = "y ~ x", .data = "d.csv", .p = 4, .terms = terms, .mean = mean, .sd = sd, .nchain = 4, .niter = 500 });
    char *text = show_fit(&f, plain);
    assert_shows(text, "\nIntercept   2510000     12300 ");
    assert_shows(text, "\ntiny       1.60e-07   2.3e-08 ");
    assert_shows(text, "\nhuge      3.200e+09   4.4e+07 ");
    assert_shows(text, "\nsmall       0.00123   0.00034 ");
    assert_tidy(text, 80);
    free(text);
    fake_free(&f);
}

static void test_what_cannot_be_trusted_is_marked_and_nothing_else(void **state)
{
    fake f;

    (void)state;
    fake_sleepstudy(&f, 500);
    for (size_t k = 0; k < f.draws->nvar; k++) {
        f.summary[k].rhat = 1.004;
        f.summary[k].ess_bulk = f.summary[k].ess_tail = 1234;
    }
    char *text = show_fit(&f, plain);
    assert_hides(text, "!");
    free(text);
    f.summary[3].rhat = 1.0345;
    f.summary[6].ess_tail = 12;
    f.summary[2].rhat = f.summary[2].ess_bulk = f.summary[2].ess_tail = NAN;     /* a constant */
    text = show_fit(&f, plain);
    assert_shows(text, " 1.034!    1234    1234\n");
    assert_shows(text, " 1.004     1234      12!\n");
    assert_shows(text, "    NA       NA      NA\n");
    assert_shows(text, "no ESS be below 400 (100 per chain); ! marks");
    assert_tidy(text, 80);
    free(text);
    fake_free(&f);
}

static void test_an_interrupted_run_known_errors_and_other_parameters_are_stated(void **state)
{
    static const char *const one[] = { "(Intercept)" }, *const z[] = { "Intercept" };
    fake_group               g = { "school", 8, fake_subjects, 1, z, true };
    fake                     f;

    (void)state;
    fake_new(&f, &(fake_shape){ .formula = "y ~ 1 + (1 | school)", .data = "8.csv", .p = 1, .terms = one, .nfac = 1, .fac = &g, .nchain = 4,
                                .niter = 100, .known_se = true });
    f.run.interrupted = true;
    f.options.draws = 1000;
    f.options.thin = 5;
    f.spec.name = bm_strdup("eight");
    f.spec.title = bm_strdup("Eight schools");
    free(f.draws->names[2]);
    f.summary[2].name = f.draws->names[2] = bm_strdup("phi");
    char *text = show_fit(&f, plain);
    assert_shows(text, "  Model: eight: Eight schools\n");
    assert_shows(text, "4 chains x 100 kept = 400, after 1000 warm-up each, thin 5;");
    assert_shows(text, "INTERRUPTED: 1000 per");
    assert_shows(text, "\nResidual standard deviation\nknown for each row: column se\n");
    assert_shows(text, "\nOther parameters\n");
    assert_shows(text, "\nphi ");
    assert_hides(text, "sigma");
    free(text);
    fake_free(&f);
}

static void test_names_cannot_attack_the_terminal(void **state)
{
    static const char *const terms[] = { "(Intercept)", "x\x1b[2J", "new\nline", "\xe2\x80\xaeright" }, *const z[] = { "Inter\x07" "cept" };
    static const char *const levels[] = { "\x1b]0;title\x07", "b" };
    fake_group               g = { "sch\x1b[31mool", 2, levels, 1, z, true };
    fake                     f;
    bm_error                 err = { 0 };

    (void)state;
    fake_new(&f, &(fake_shape){ .formula = "y ~ `x\x1b[2J` + \n(1 | g)", .data = "d\x1b[1m.csv", .p = 4, .terms = terms, .nfac = 1, .fac = &g,
                                .nchain = 4, .niter = 100, .keep = true });
    bm_assert_ok(bm_strv_add(&f.notes, "column '\x1b[5m' is odd", &err), err);
    bm_assert_ok(bm_strv_add(&f.design.notes, "column '\x1b[5m' is odd", &err), err);
    f.r.nderived = 1;
    f.derived[0] = (bm_derived_row){ "icc_\x1b[31m", "of \x1b[31m", 0.5, 0.1, 0.3, 0.5, 0.7 };
    char *fit = show_fit(&f, plain), *plan = show_plan(&f, plain), *table = show_table(&f, NULL, plain);
    assert_tidy(fit, 1000);
    assert_tidy(plan, 1000);
    assert_tidy(table, 1000);
    assert_shows(fit, "x\\x1b[2J");
    assert_shows(fit, "new\\nline");
    assert_shows(fit, "\\u202eright");
    assert_shows(table, "r_sch\\x1b[31mool[\\x1b]0;title\\x07,Inter\\x07cept]");
    free(fit);
    free(plan);
    free(table);
    fake_free(&f);
}

static void test_colour_only_when_asked_for(void **state)
{
    fake     f;
    bm_error err = { 0 };

    (void)state;
    fake_sleepstudy(&f, 50);
    f.summary[3].rhat = 1.5;
    bm_assert_ok(bm_strv_add(&f.warnings, "w", &err), err);
    char *without = show_fit(&f, plain), *with = show_fit(&f, (bm_print_options){ .colour = true }), *to = with;
    assert_null(strchr(without, '\x1b'));
    assert_shows(with, "\x1b[1;31mWarning\x1b[0m\n");
    assert_shows(with, " 1.500! ");
    for (const char *s = with; *s; s++) {                /* the same text but for the colours */
        if (*s == '\x1b') s += strcspn(s, "m");
        else *to++ = *s;
    }
    *to = '\0';
    assert_string_equal(with, without);
    free(with);
    free(without);
    fake_free(&f);
}

static void test_verbose_adds_how_the_sampling_went(void **state)
{
    fake f;

    (void)state;
    fake_sleepstudy(&f, 50);
    char *quiet = show_fit(&f, plain), *verbose = show_fit(&f, (bm_print_options){ .verbose = true, .width = 500 });
    assert_hides(quiet, "8123");
    assert_shows(verbose, "chosen because: one grouping factor, 4 dimensions; independence Metropolis, mixture of 3 t's; 8123 evaluations, 4000 of them in "
                 "warm-up; 0.001 s reading, 0.004 s warm-up, 0.009 s sampling");
    free(quiet);
    free(verbose);
    fake_free(&f);
}

static void test_json_of_a_fit_is_that_of_the_file(void **state)
{
    fake     f;
    bm_buf   b = { 0 };
    bm_error err = { 0 };

    (void)state;
    fake_sleepstudy(&f, 50);
    char *text = show_fit(&f, (bm_print_options){ .json = true, .command = "bmixed fit --json" });
    bm_assert_ok(bm_report_summary_json(&f.r, "bmixed fit --json", &b, &err), err);
    assert_string_equal(text, b.s);
    free(text);
    bm_buf_free(&b);
    fake_free(&f);
}

static void test_a_full_disk_behind_the_output_is_an_error(void **state)
{
    fake     f;
    bm_error err[3] = { 0 };
    FILE    *full = fopen("/dev/full", "w");
    bm_plan  p;

    (void)state;
    assert_non_null(full);
    fake_sleepstudy(&f, 50);
    p = plan_of(&f);
    assert_int_equal(bm_report_fit(&f.r, full, NULL, &err[0]), BM_EIO);
    assert_int_equal(bm_report_summary_table(f.draws, f.summary, full, NULL, NULL, &err[1]), BM_EIO);
    assert_int_equal(bm_report_plan(&p, full, NULL, &err[2]), BM_EIO);
    for (int i = 0; i < 3; i++) bm_assert_says(err[i], "cannot write the output: No space left on device");
    fclose(full);
    fake_free(&f);
}

/* ---- tables of draws ---- */

static char *table_of(const fake *f, const char *const *vars, size_t nvars)
{
    bm_summary_options sopt = { .vars = vars, .nvars = nvars, .csv = true };

    return show_table(f, &sopt, plain);
}

/* The first fields of the rows, between blanks. */
static void assert_rows(char *csv, const char *want)
{
    bm_buf b = { 0 };

    for (char *s = strchr(csv, '\n'); s && s[1]; s = strchr(s + 1, '\n')) {
        if (b.n) bm_buf_putc(&b, ' ');
        bm_buf_add(&b, s + 1, s[1] == '"' ? strcspn(s + 2, "\"") + 2 : strcspn(s + 1, ","));
    }
    assert_string_equal(b.s, want);
    bm_buf_free(&b);
    free(csv);
}

static void test_variables_are_found_by_name_pattern_or_array_in_the_order_asked(void **state)
{
    static const char *const order[] = { "sigma", "b_*" }, *const exact[] = { "r_Subject[308,Days]" }, *const twice[] = { "b_Days", "b_*", "b_Days" };
    static const char *const brackets[] = { "r_Subject[37?,Days]" }, *const star[] = { "*[309,*" };
    const char              *array[] = { "r_Subject" };
    fake                     f;

    (void)state;
    fake_sleepstudy(&f, 20);
    assert_rows(table_of(&f, order, 2), "sigma b_Intercept b_Days");
    assert_rows(table_of(&f, exact, 1), "\"r_Subject[308,Days]\"");
    assert_rows(table_of(&f, twice, 3), "b_Days b_Intercept");
    assert_rows(table_of(&f, brackets, 1), "\"r_Subject[370,Days]\" \"r_Subject[371,Days]\" \"r_Subject[372,Days]\"");
    assert_rows(table_of(&f, star, 1), "\"r_Subject[309,Intercept]\" \"r_Subject[309,Days]\"");
    char *all = table_of(&f, array, 1);
    size_t lines = 0;
    for (char *s = all; *s; s++) lines += *s == '\n';
    assert_int_equal(lines, 37);
    free(all);
    fake_free(&f);
}

static void test_an_exact_name_wins_over_the_pattern_it_also_is(void **state)
{
    static const char *const terms[] = { "I(x*2)", "I(x^*2)" }, *const want[] = { "b_I(x*2)" };
    fake                     f;

    (void)state;
    fake_new(&f, &(fake_shape){ .formula = "y ~ x", .data = "d.csv", .p = 2, .terms = terms, .nchain = 2, .niter = 20 });
    assert_rows(table_of(&f, want, 1), "b_I(x*2)");
    fake_free(&f);
}

static void test_a_variable_that_is_not_there_gets_the_closest(void **state)
{
    const char        *wrong[] = { "b_Dayz" }, *nothing[] = { "zzz*" };
    bm_summary_options a = { .vars = wrong, .nvars = 1 }, b = { .vars = nothing, .nvars = 1 };
    FILE              *out = tmpfile();
    bm_error           err = { 0 }, err2 = { 0 };
    fake               f;

    (void)state;
    fake_sleepstudy(&f, 20);
    assert_int_equal(bm_report_summary_table(f.draws, f.summary, out, &a, NULL, &err), BM_EINVAL);
    bm_assert_says(err, "no variable matches 'b_Dayz'; did you mean 'b_Days'? There are: lp__, b_Intercept, ");
    bm_assert_says(err, "... (43 in all)");
    assert_int_equal(bm_report_summary_table(f.draws, f.summary, out, &b, NULL, &err2), BM_EINVAL);
    bm_assert_says(err2, "no variable matches 'zzz*'; there are: lp__");
    assert_int_equal(ftell(out), 0);
    fclose(out);
    fake_free(&f);
}

static void test_quantiles_are_those_asked_for(void **state)
{
    static const double probs[] = { 0.025, 0.5, 0.07, 1 };
    static const char  *vars[] = { "b_Days" };
    bm_summary_options  sopt = { .probs = probs, .nprobs = 4, .vars = vars, .nvars = 1, .csv = true };
    fake                f;
    double              x[4], q[4];

    (void)state;
    fake_sleepstudy(&f, 101);
    char *csv = show_table(&f, &sopt, plain), *s = strchr(csv, '\n') + 1;
    assert_memory_equal(csv, "variable,mean,median,sd,mad,q2.5,q50,q7,q100,rhat,ess_bulk,ess_tail,mcse_mean,mcse_sd\nb_Days,", (size_t)(s + 7 - csv));
    s += 7;
    for (int i = 0; i < 8; i++) {
        double v = strtod(s, &s);

        if (i >= 4) x[i - 4] = v;
        s++;
    }
    double *copy = malloc(404 * sizeof *copy);
    memcpy(copy, f.draws->x + 2 * 404, 404 * sizeof *copy);
    bm_quantiles(copy, 404, probs, 4, q);
    for (int i = 0; i < 4; i++) assert_true(x[i] == q[i]);
    assert_true(q[1] == f.summary[2].median && q[0] == f.summary[2].q2_5);
    free(copy);
    free(csv);
    sopt.csv = false;
    char *text = show_table(&f, &sopt, plain);
    assert_shows(text, "variable  mean median   sd  mad q2.5   q50   q7  q100  rhat ess_bulk ess_tail\n");
    assert_tidy(text, 80);
    free(text);
    fake_free(&f);
}

static void test_probabilities_beyond_one_are_refused(void **state)
{
    static const double probs[] = { 5, 95 };
    bm_summary_options  sopt = { .probs = probs, .nprobs = 2 };
    bm_error            err = { 0 };
    fake                f;

    (void)state;
    fake_sleepstudy(&f, 20);
    assert_int_equal(bm_report_summary_table(f.draws, f.summary, stdout, &sopt, NULL, &err), BM_EINVAL);
    bm_assert_says(err, "5 is not a probability: quantiles are asked for by numbers from 0 to 1, such as 0.05,0.95");
    fake_free(&f);
}

static void test_a_table_too_wide_continues_below_with_its_labels(void **state)
{
    static const char *const vars[] = { "b_*", "cor_*" };
    bm_summary_options       sopt = { .vars = vars, .nvars = 2 };
    fake                     f;

    (void)state;
    fake_sleepstudy(&f, 500);
    char *narrow = show_table(&f, &sopt, (bm_print_options){ .width = 60 }), *wide = show_table(&f, &sopt, (bm_print_options){ .width = 120 });
    assert_tidy(narrow, 60);
    assert_shows(narrow, "\nb_Intercept ");
    assert_shows(narrow, "\n\nvariable");
    assert_shows(strstr(narrow, "\n\nvariable"), "\ncor_Subject__Intercept__Days ");
    assert_shows(wide, "mad     q5    q95  rhat ess_bulk ess_tail\n");
    assert_null(strstr(wide, "\n\n"));
    free(narrow);
    free(wide);
    fake_free(&f);
}

static void test_json_of_a_table_holds_the_numbers(void **state)
{
    static const char *const vars[] = { "sigma" };
    static const double      probs[] = { 0.5 };
    bm_summary_options       sopt = { .vars = vars, .nvars = 1 };
    fake                     f;

    (void)state;
    fake_sleepstudy(&f, 50);
    char  *text = show_table(&f, &sopt, (bm_print_options){ .json = true, .command = "c" });
    cJSON *j = cJSON_Parse(text), *row = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "parameters"), 0);
    assert_string_equal(cJSON_GetObjectItem(row, "name")->valuestring, "sigma");
    assert_true(cJSON_GetObjectItemCaseSensitive(row, "q97.5")->valuedouble == f.summary[6].q97_5);
    assert_true(cJSON_GetObjectItemCaseSensitive(row, "ess_tail")->valuedouble == f.summary[6].ess_tail);
    cJSON_Delete(j);
    free(text);
    sopt.probs = probs;
    sopt.nprobs = 1;
    text = show_table(&f, &sopt, (bm_print_options){ .json = true });
    j = cJSON_Parse(text);
    row = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "parameters"), 0);
    assert_true(cJSON_GetObjectItemCaseSensitive(row, "q50")->valuedouble == f.summary[6].median);
    assert_null(cJSON_GetObjectItemCaseSensitive(row, "q5"));
    cJSON_Delete(j);
    free(text);
    fake_free(&f);
}

/* ---- the description of a model ---- */

static void test_a_plan_shows_sizes_groups_priors_and_the_sampler(void **state)
{
    static const char *const parts[] = {
        "Formula: Reaction ~ Days + (Days | Subject)\n", "\nDesign\n  y  Reaction, mean 298.5, sd 56.33\n  X  180 x 2, 342 non-zero (95 %)\n     (Intercept), Days\n",
        "  Z  180 x 36, 342 non-zero (5.28 %)\n", "\nGroups\n  Subject: 18 levels, 10 rows each; 2 effects: Intercept, Days (correlated)\n",
        "\nPriors\n", "  cor(Subject) ~ lkj(1)\n", "\nParameters (43)\n  lp__, b_Intercept, b_Days,",
        "\nSampler\n  collapsed: one grouping factor; theta has 4 free dimensions\n", "\nNotes\n  - || separates contrasts\n" };
    fake     f;
    bm_error err = { 0 };

    (void)state;
    fake_sleepstudy(&f, 10);
    bm_assert_ok(bm_strv_add(&f.design.notes, "|| separates contrasts", &err), err);
    char *text = show_plan(&f, plain), *s = text;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        assert_shows(s, parts[i]);
        s = strstr(s, parts[i]);
    }
    assert_tidy(text, 80);
    free(text);
    fake_free(&f);
}

static void test_a_plan_tells_uneven_groups_and_blocks_of_effects(void **state)
{
    static const char *const z[] = { "Intercept", "a", "b" }, *const one[] = { "(Intercept)" };
    fake_group               g[] = { { "school", 7, fake_subjects, 3, z, false }, { "x:y", 1, fake_subjects, 1, z, true } };
    fake                     f;

    (void)state;
    fake_new(&f, &(fake_shape){ .formula = "y ~ 1 + (1 | school)", .data = "d.csv", .p = 1, .terms = one, .nfac = 2, .fac = g, .nchain = 1, .niter = 10 });
    char *text = show_plan(&f, (bm_print_options){ .width = 120 });
    assert_shows(text, "  school: 7 levels, 25 to 26 rows each, median 26; 3 effects: Intercept, a, b (uncorrelated)\n");
    assert_shows(text, "  x:y: 1 level, 180 rows each; 1 effect: Intercept\n");
    free(text);
    f.design.fac[0].nblock = 2;
    f.design.fac[0].block[0] = (bm_block){ 0, 1 };
    f.design.fac[0].block[1] = (bm_block){ 1, 2 };
    text = show_plan(&f, (bm_print_options){ .width = 120 });
    assert_shows(text, "Intercept, a, b (correlated within {Intercept}, {a, b})\n");
    free(text);
    fake_free(&f);
}

static void test_json_of_a_plan_holds_the_same(void **state)
{
    fake f;

    (void)state;
    fake_sleepstudy(&f, 10);
    char  *text = show_plan(&f, (bm_print_options){ .json = true, .command = "bmixed model" });
    cJSON *j = cJSON_Parse(text), *x = cJSON_GetObjectItemCaseSensitive(j, "X"), *g = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "groups"), 0);
    assert_non_null(j);
    assert_true(cJSON_GetObjectItem(x, "nonzeros")->valuedouble == 342);
    assert_true(cJSON_GetObjectItem(g, "levels")->valuedouble == 18 && cJSON_GetObjectItem(g, "rows_median")->valuedouble == 10);
    assert_true(cJSON_GetObjectItem(g, "columns")->valuedouble == 36);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "priors")), 6);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "parameters")), 43);
    assert_true(cJSON_GetObjectItem(cJSON_GetObjectItem(j, "sampler"), "theta")->valuedouble == 4);
    assert_string_equal(cJSON_GetObjectItem(j, "command")->valuestring, "bmixed model");
    cJSON_Delete(j);
    free(text);
    fake_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_have_digits_that_fit_their_posterior_sd),
        cmocka_unit_test(test_text_is_shown_without_anything_a_terminal_would_obey),
        cmocka_unit_test(test_wrapped_text_keeps_its_words_and_its_margin),
        cmocka_unit_test(test_a_brms_user_finds_every_part_in_order),
        cmocka_unit_test(test_the_numbers_of_a_row_are_those_of_the_summary),
        cmocka_unit_test(test_every_point_of_a_column_is_in_the_same_place),
        cmocka_unit_test(test_a_model_without_groups_has_no_group_section),
        cmocka_unit_test(test_forty_coefficients_and_long_names_stay_unambiguous),
        cmocka_unit_test(test_tiny_and_huge_scales_are_told_apart),
        cmocka_unit_test(test_what_cannot_be_trusted_is_marked_and_nothing_else),
        cmocka_unit_test(test_an_interrupted_run_known_errors_and_other_parameters_are_stated),
        cmocka_unit_test(test_names_cannot_attack_the_terminal),
        cmocka_unit_test(test_colour_only_when_asked_for),
        cmocka_unit_test(test_verbose_adds_how_the_sampling_went),
        cmocka_unit_test(test_json_of_a_fit_is_that_of_the_file),
        cmocka_unit_test(test_a_full_disk_behind_the_output_is_an_error),
        cmocka_unit_test(test_variables_are_found_by_name_pattern_or_array_in_the_order_asked),
        cmocka_unit_test(test_an_exact_name_wins_over_the_pattern_it_also_is),
        cmocka_unit_test(test_a_variable_that_is_not_there_gets_the_closest),
        cmocka_unit_test(test_quantiles_are_those_asked_for),
        cmocka_unit_test(test_probabilities_beyond_one_are_refused),
        cmocka_unit_test(test_a_table_too_wide_continues_below_with_its_labels),
        cmocka_unit_test(test_json_of_a_table_holds_the_numbers),
        cmocka_unit_test(test_a_plan_shows_sizes_groups_priors_and_the_sampler),
        cmocka_unit_test(test_a_plan_tells_uneven_groups_and_blocks_of_effects),
        cmocka_unit_test(test_json_of_a_plan_holds_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
