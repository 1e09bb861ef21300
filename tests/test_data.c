/* test_data.c: typed columns from files, frames from memory, factor levels, and every message that they can give. */
#include "data/data_priv.h"
#include "data_files.h"

typedef struct { bm_frame *f; bm_error err; char path[64]; } reading;

/* Reads all columns, or those that want lists (up to NULL). */
static reading read_text_as(const char *text, size_t n, const bm_read_options *opt, const char *const *want)
{
    scratch_file       f = scratch_new(text, n);
    reading            r = { 0 };
    bm_source         *s;
    size_t             nwant = 0;
    const char *const *names;
    bm_status          st = bm_source_open(&s, f.path, opt, &r.err);

    strcpy(r.path, f.path);
    if (st == BM_OK) {
        names = bm_source_names(s, &nwant);
        if (want)
            for (nwant = 0; want[nwant];) nwant++;
        st = bm_source_read(s, &r.f, want ? want : names, nwant, &r.err);
        bm_source_close(s);
    } else {
        assert_null(s);
    }
    assert_int_equal(st, r.err.code);
    assert_true((st == BM_OK) == (r.f != NULL));
    scratch_remove(&f);
    return r;
}

static reading read_text(const char *text)
{
    return read_text_as(text, strlen(text), NULL, NULL);
}

static void done(reading *r)
{
    bm_frame_free(r->f);
}

/* The whole message, with @ for the path. */
static void says(const reading *r, const char *want)
{
    bm_buf msg = { 0 };

    for (; *want; want++) {
        if (*want == '@') bm_buf_puts(&msg, r->path);
        else bm_buf_putc(&msg, *want);
    }
    assert_string_equal(r->err.msg, msg.s);
    bm_buf_free(&msg);
}

static void refuses(const char *text, const char *msg)
{
    reading r = read_text(text);

    says(&r, msg);
    assert_int_equal(r.err.code, BM_EPARSE);
}

static const bm_column *col(const reading *r, const char *name)
{
    const bm_column *c;

    if (!r->f) fail_msg("%s", r->err.msg);
    c = bm_frame_col(r->f, name);
    assert_non_null(c);
    return c;
}

static void numbers_are(const bm_column *c, size_t n, const double *want)
{
    assert_int_equal(c->kind, BM_COL_NUMERIC);
    assert_null(c->code);
    for (size_t i = 0; i < n; i++) {
        if (isnan(want[i])) assert_true(isnan(c->num[i]));
        else assert_true(c->num[i] == want[i]);
    }
}

/* labels in the order of rows (NULL: missing); levels in their order, up to NULL. */
static void labels_are(const bm_column *c, size_t n, const char *const *labels, const char *const *levels)
{
    size_t k = 0;

    assert_int_equal(c->kind, BM_COL_FACTOR);
    assert_null(c->num);
    for (size_t i = 0; i < n; i++) {
        if (!labels[i]) assert_int_equal(c->code[i], -1);
        else assert_string_equal(c->levels[c->code[i]], labels[i]);
    }
    for (; levels[k]; k++) assert_string_equal(c->levels[k], levels[k]);
    assert_int_equal(c->nlevels, k);
}

#define LIST(...) (const char *const[]){ __VA_ARGS__, NULL }
#define NUMBERS(...) (const double[]){ __VA_ARGS__ }

/* ---- real files ---- */

static reading read_file(const char *path, const char *factor)
{
    reading            r = { 0 };
    bm_source         *s;
    bm_read_options    opt = { .factors = &factor, .nfactors = factor ? 1 : 0 };
    size_t             n;
    const char *const *names;

    bm_assert_ok(bm_source_open(&s, path, &opt, &r.err), r.err);
    names = bm_source_names(s, &n);
    bm_assert_ok(bm_source_read(s, &r.f, names, n, &r.err), r.err);
    bm_source_close(s);
    return r;
}

static void test_sleepstudy_has_180_rows_and_18_subjects(void **state)
{
    reading          r = read_file("tests/data/sleepstudy.csv", "Subject");
    const bm_column *y = col(&r, "Reaction"), *g = col(&r, "Subject");
    double           sum = 0;

    (void)state;
    assert_int_equal(bm_frame_rows(r.f), 180);
    assert_int_equal(r.f->ncol, 3);
    assert_string_equal(r.f->path, "tests/data/sleepstudy.csv");
    assert_int_equal(strlen(r.f->hash), 16);
    for (size_t i = 0; i < 180; i++) sum += y->num[i];
    bm_assert_near(sum / 180, 298.50789, 1e-7);      /* the mean reaction time as R prints it */
    assert_int_equal(g->nlevels, 18);
    assert_true(g->numeric_levels);
    assert_string_equal(g->levels[0], "308");
    assert_string_equal(g->levels[17], "372");
    done(&r);
}

static void test_oats_has_quoted_labels_in_byte_order(void **state)
{
    reading r = read_file("tests/data/Oats.csv", NULL);

    (void)state;
    assert_int_equal(bm_frame_rows(r.f), 72);
    labels_are(col(&r, "Variety"), 1, LIST("Victory"), LIST("Golden Rain", "Marvellous", "Victory"));
    labels_are(col(&r, "Block"), 1, LIST("I"), LIST("I", "II", "III", "IV", "V", "VI"));
    numbers_are(col(&r, "nitro"), 4, NUMBERS(0, 0.2, 0.4, 0.6));
    done(&r);
}

static void test_pastes_has_labels_with_colons(void **state)
{
    reading r = read_file("tests/data/Pastes.csv", NULL);

    (void)state;
    assert_int_equal(col(&r, "sample")->nlevels, 30);
    assert_string_equal(col(&r, "sample")->levels[0], "A:a");
    assert_int_equal(col(&r, "sample")->text_line, 2);
    assert_string_equal(col(&r, "sample")->text_cell, "A:a");
    done(&r);
}

/* Goldstein et al. report 1905 students in 73 schools, 202 without the written paper and 180 without coursework. */
static void test_gcsemv_has_its_missing_values(void **state)
{
    reading   r = read_file("tests/data/Gcsemv.csv", NULL);
    bm_column g;

    (void)state;
    assert_int_equal(bm_frame_rows(r.f), 1905);
    assert_int_equal(col(&r, "written")->nmissing, 202);
    assert_int_equal(col(&r, "course")->nmissing, 180);
    assert_int_equal(col(&r, "course")->kind, BM_COL_NUMERIC);
    assert_int_equal(col(&r, "course")->text_line, 0);
    bm_assert_ok(bm_column_as_factor(&g, col(&r, "school"), 1905, &r.err), r.err);
    assert_int_equal(g.nlevels, 73);
    bm_column_clear(&g);
    done(&r);
}

/* ---- the kind of a column ---- */

static void test_column_is_numeric_if_every_value_is_a_number(void **state)
{
    reading r = read_text("a,b,c\n1, -2.5e3 ,\n+.5,NA,NA\n\"7\",\" 8 \",\"\"\n");

    (void)state;
    numbers_are(col(&r, "a"), 3, NUMBERS(1, 0.5, 7));
    numbers_are(col(&r, "b"), 3, NUMBERS(-2500, NAN, 8));
    numbers_are(col(&r, "c"), 3, NUMBERS(NAN, NAN, NAN));
    assert_int_equal(col(&r, "b")->nmissing, 1);
    assert_int_equal(col(&r, "c")->nmissing, 3);
    done(&r);
}

static void test_column_with_text_is_a_factor_and_keeps_its_labels(void **state)
{
    reading r = read_text("id,x\n007,1\n7,2\n1.50,3\nNA,4\n\"a,b\",5\n007,6\n\xc3\xa4,7\nZ,8\n");

    (void)state;
    labels_are(col(&r, "id"), 8, (const char *const[]){ "007", "7", "1.50", NULL, "a,b", "007", "\xc3\xa4", "Z" },
               LIST("007", "1.50", "7", "Z", "a,b", "\xc3\xa4"));
    assert_int_equal(col(&r, "id")->nmissing, 1);
    assert_int_equal(col(&r, "id")->text_line, 6);
    assert_string_equal(col(&r, "id")->text_cell, "a,b");
    assert_false(col(&r, "id")->numeric_levels);
    done(&r);
}

static void test_factor_asked_for_has_numeric_order(void **state)
{
    bm_read_options opt = { .factors = LIST("g"), .nfactors = 1 };
    const char     *text = "g,x\n10,1\n9,2\n-1,3\n010,4\n1e1,5\nNA,6\n";
    reading         r = read_text_as(text, strlen(text), &opt, NULL);

    (void)state;
    labels_are(col(&r, "g"), 6, (const char *const[]){ "10", "9", "-1", "010", "1e1", NULL }, LIST("-1", "9", "010", "10", "1e1"));
    assert_true(col(&r, "g")->numeric_levels);
    assert_int_equal(col(&r, "g")->text_line, 0);
    done(&r);
}

static void test_strings_for_missing_may_be_chosen(void **state)
{
    bm_read_options opt = { .na = LIST("-99", "."), .nna = 2 };
    const char     *text = "a,b\n-99,x\n.,.\n-99.0,NA\n,\n";
    reading         r = read_text_as(text, strlen(text), &opt, NULL);

    (void)state;
    numbers_are(col(&r, "a"), 4, NUMBERS(NAN, NAN, -99, NAN));
    labels_are(col(&r, "b"), 4, (const char *const[]){ "x", NULL, "NA", NULL }, LIST("NA", "x"));
    done(&r);
}

static void test_unwanted_columns_are_not_converted(void **state)
{
    const char *text = "a,b,c,d\n1,\xff,2,x\n3,oops,4,y\n";
    reading     r = read_text_as(text, strlen(text), NULL, LIST("c", "a", "c"));

    (void)state;
    numbers_are(col(&r, "c"), 2, NUMBERS(2, 4));
    assert_int_equal(r.f->ncol, 2);
    assert_string_equal(r.f->col[0].name, "c");
    assert_null(bm_frame_col(r.f, "b"));
    done(&r);
}

static void test_empty_lines_are_skipped_among_several_columns(void **state)
{
    reading r = read_text("\n\na,b\n1,2\n\n  \r\n3,4\n\n\n");

    (void)state;
    assert_int_equal(bm_frame_rows(r.f), 2);
    numbers_are(col(&r, "b"), 2, NUMBERS(2, 4));
    done(&r);
}

static void test_empty_lines_of_one_column_are_missing_but_at_the_end(void **state)
{
    reading r = read_text("a\n1\n\n\n2\n\"\"\n\n\n");

    (void)state;
    assert_int_equal(bm_frame_rows(r.f), 5);
    numbers_are(col(&r, "a"), 5, NUMBERS(1, NAN, NAN, 2, NAN));
    done(&r);
}

static void test_many_levels_are_told_apart(void **state)
{
    bm_buf  text = { 0 };
    reading r;
    int     n = 200000;

    (void)state;
    bm_buf_puts(&text, "g\n");
    for (int i = 0; i < n; i++) bm_buf_printf(&text, i % 3 ? "k%d\n" : "a-long-label-number-%d\n", i % 70001);
    r = read_text_as(text.s, text.n, NULL, NULL);
    for (int i = 0; i < n; i++) {
        char want[64];

        sprintf(want, i % 3 ? "k%d" : "a-long-label-number-%d", i % 70001);
        if (strcmp(col(&r, "g")->levels[col(&r, "g")->code[i]], want) != 0) fail_msg("row %d", i);
    }
    for (size_t k = 1; k < col(&r, "g")->nlevels; k++)
        assert_true(strcmp(col(&r, "g")->levels[k - 1], col(&r, "g")->levels[k]) < 0);
    bm_buf_free(&text);
    done(&r);
}

/* Labels that share their first bytes, lengths around the eight that a slot of the table holds. */
static void test_similar_labels_are_told_apart(void **state)
{
    bm_levels lv = { 0 };
    bm_error  err = { 0 };
    int32_t   code;
    bool      added;
    char      text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    (void)state;
    assert_false(bm_levels_find(&lv, "a", 1, &code));
    for (int twice = 0; twice < 2; twice++)
        for (int n = 1; n <= 40; n++) {
            bm_assert_ok(bm_levels_code(&lv, text, (size_t)n, &code, &added, &err), err);
            assert_true(added == !twice);
            assert_int_equal(code, n - 1);
            assert_int_equal(strlen(bm_levels_label(&lv, (size_t)code)), n);
        }
    assert_true(bm_levels_find(&lv, "aaaaaaaa", 8, &code) && code == 7);
    assert_false(bm_levels_find(&lv, "aaaaaaab", 8, &code));
    bm_levels_free(&lv);
}

/* ---- refused: columns ---- */

static void test_stray_text_among_numbers_is_an_error_that_helps(void **state)
{
    (void)state;
    refuses("x,age\n1,1\n1,2\n1,3\n1,4\n1,unknown\n1,6\n1,7\n1,8\n1,9\n1,10\n1,?\n1,12\n1,13\n1,14\n1,15\n1,16\n1,17\n1,18\n1,19\n1,20\n",
            "@:6: column 'age': 'unknown' is not a number, but 18 of the column's 20 values are; if it stands for a missing value use "
            "--na-strings 'NA,unknown'; if the column holds labels use --factor 'age'");
    refuses("age\nunknown\n1\n2\n3\n4\n5\n6\n7\n8\n9\n",
            "@:2: column 'age': 'unknown' is not a number, but 9 of the column's 10 values are; if it stands for a missing value use "
            "--na-strings 'NA,unknown'; if the column holds labels use --factor 'age'");
}

static void test_mixture_below_nine_tenths_or_short_is_a_factor(void **state)
{
    reading r = read_text("age\nunknown\n1\n2\n3\n4\n5\n6\n7\n8\n"), s = read_text("a\n1\n2\n3\n4\n5\n6\n7\n8\nx\ny\n");

    (void)state;
    assert_int_equal(col(&r, "age")->nlevels, 9);
    assert_int_equal(col(&s, "a")->nlevels, 10);
    done(&r);
    done(&s);
}

static void test_stray_text_is_a_label_where_a_factor_is_asked_for(void **state)
{
    bm_read_options opt = { .factors = LIST("a"), .nfactors = 1 };
    const char     *text = "a\n1\n2\n3\n4\n5\n6\n7\n8\n9\nx\n";
    reading         r = read_text_as(text, strlen(text), &opt, NULL);

    (void)state;
    assert_int_equal(col(&r, "a")->nlevels, 10);
    assert_int_equal(col(&r, "a")->text_line, 11);
    done(&r);
}

static void test_what_only_looks_like_a_number_says_why_it_is_none(void **state)
{
    (void)state;
    refuses("x;y\n1,5;2\n2,25;3\n", "@:2: column 'x': '1,5' is not a number (numbers need a decimal point, not a comma); if the column "
            "holds labels use --factor 'x'");
    refuses("x,y\n1,\"1,234.5\"\n2,\"12,000\"\n3,5\n", "@:2: column 'y': '1,234.5' is not a number (numbers are written without commas), but "
            "1 of the column's 3 values are; if the column holds labels use --factor 'y'");
    refuses("x\n1\n1e999\n3\n", "@:3: column 'x': '1e999' is not a number (it is too large for a double), but 2 of the column's 3 values are; "
            "if it stands for a missing value use --na-strings 'NA,1e999'; if the column holds labels use --factor 'x'");
    refuses("x\n1\n-Inf\n3\n", "@:3: column 'x': '-Inf' is not a number (a number must be finite), but 2 of the column's 3 values are; "
            "if it stands for a missing value use --na-strings 'NA,-Inf'; if the column holds labels use --factor 'x'");
    refuses("x\nnan\nNaN\n", "@:2: column 'x': 'nan' is not a number (NaN is not a value); if it stands for a missing value use --na-strings "
            "'NA,nan'; if the column holds labels use --factor 'x'");
    refuses("x\n1\n2\n3\n4\n5\n6\n7\n8\n9\n0x1p3\n", "@:11: column 'x': '0x1p3' is not a number (hexadecimal numbers are not read), but 9 of "
            "the column's 10 values are; if it stands for a missing value use --na-strings 'NA,0x1p3'; if the column holds labels use "
            "--factor 'x'");
}

static void test_hints_are_kept_with_a_factor(void **state)
{
    reading r = read_text("x;h;c\n1,5;0x1f;a\n2;0x2f;b\nc;0x3f;d,e\n");

    (void)state;
    assert_string_equal(col(&r, "x")->text_cell, "1,5");
    assert_string_equal(col(&r, "x")->text_hint, "numbers need a decimal point, not a comma");
    assert_string_equal(col(&r, "h")->text_hint, "hexadecimal numbers are not read");
    assert_null(col(&r, "c")->text_hint);
    done(&r);
}

static void test_hints_are_given_only_where_a_number_was_meant(void **state)
{
    static const char *const none[] = { "", "a", "1,2,3", "1,23", "1,2345", ",123", "12,", "1,234,56", "info", "nano", "0x", "0xg", "-", "e5", "1e",
        "1ee5", "1.2.3", "2020-01-01", "1 234" };

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (bm_cell_hint(none[i], strlen(none[i]), ',')) fail_msg("'%s'", none[i]);
    assert_non_null(bm_cell_hint("1,234,567", 9, ','));
    assert_non_null(bm_cell_hint("-1,234", 6, ','));
    assert_non_null(bm_cell_hint("+Infinity", 9, ','));
    assert_non_null(bm_cell_hint("1,5e3", 5, '\t'));
    assert_non_null(bm_cell_hint("1.0E+400", 8, ','));
}

/* More text before it than is kept: the labels are lost, so there is an answer only if they were to be numbers. */
static void test_text_after_very_many_numbers_is_an_error(void **state)
{
    bm_buf  text = { 0 };
    int     n = 1300000;
    reading r;

    (void)state;
    bm_buf_puts(&text, "x\n");
    for (int i = 0; i < n; i++) bm_buf_puts(&text, "123456\n");
    bm_buf_puts(&text, "abc\n");
    r = read_text_as(text.s, text.n, NULL, NULL);
    says(&r, "@:1300002: column 'x': 'abc' is not a number, but 1300000 of the column's 1300001 values are; if it stands for a missing value use "
             "--na-strings 'NA,abc'; if the column holds labels use --factor 'x'");
    for (int i = 0; i < n / 2; i++) bm_buf_puts(&text, "d\n");
    r = read_text_as(text.s, text.n, NULL, NULL);
    says(&r, "@:1300002: column 'x' holds numbers up to here, then text ('abc'): if these are labels use --factor 'x'");
    bm_buf_free(&text);
}

static void test_wanted_column_that_is_not_there_lists_those_that_are(void **state)
{
    const char *text = "Reaction,Days,Subject\n1,2,3\n", *one = "a|b|c\n1|2|3\n";
    reading     r = read_text_as(text, strlen(text), NULL, LIST("Reaction", "days"));
    bm_buf      wide = { 0 };

    (void)state;
    says(&r, "@: there is no column 'days'; did you mean 'Days'?; columns: Reaction, Days, Subject");
    assert_int_equal(r.err.code, BM_EINVAL);
    r = read_text_as(text, strlen(text), NULL, LIST("qqqqqqqqqqq"));
    says(&r, "@: there is no column 'qqqqqqqqqqq'; columns: Reaction, Days, Subject");
    r = read_text_as(one, strlen(one), NULL, LIST("wwwww"));
    says(&r, "@: there is no column 'wwwww'; columns: a|b|c (only one: is it another delimiter? see --delim)");
    for (int i = 1; i <= 25; i++) bm_buf_printf(&wide, "%sc%d", i > 1 ? "," : "", i);
    bm_buf_puts(&wide, "\n");
    r = read_text_as(wide.s, wide.n, NULL, LIST("zzz"));
    says(&r, "@: there is no column 'zzz'; columns: c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, "
             "... (25 in all)");
    bm_buf_free(&wide);
}

static void test_factor_option_for_no_column_is_an_error(void **state)
{
    bm_read_options opt = { .factors = LIST("Subjet"), .nfactors = 1 };
    const char     *text = "Days,Subject\n1,2\n";
    reading         r = read_text_as(text, strlen(text), &opt, NULL);

    (void)state;
    says(&r, "@: there is no column 'Subjet' to read as a factor; did you mean 'Subject'?; columns: Days, Subject");
    assert_int_equal(r.err.code, BM_EINVAL);
}

/* ---- refused: files ---- */

static void test_ragged_row_names_line_and_counts(void **state)
{
    (void)state;
    refuses("a,b,c\n1,2,3\n4,5\n", "@:3: 2 fields where the header has 3");
    refuses("a,b,c\n1,\"2\n\",3\n4\n", "@:4: 1 field where the header has 3");
    refuses("a,b\n1,2,\n", "@:2: 3 fields where the header has 2 (the line ends with a delimiter)");
    refuses("a,b\n1,2,3\n", "@:2: 3 fields where the header has 2 (row names without a name in the header, or a delimiter within an unquoted "
            "field?)");
    refuses("a,b\n1,2,3,4\n", "@:2: 4 fields where the header has 2 (a delimiter within an unquoted field?)");
}

static void test_header_without_a_name_is_refused(void **state)
{
    (void)state;
    refuses("\"\"\n1\n2\n", "@:1: column 1 has no name");
    refuses(",,a\n1,2,3\n", "@:1: column 2 has no name");
    refuses("a, ,b\n1,2,3\n", "@:1: column 2 has no name");
    refuses("a,b,\n1,2,3\n", "@:1: column 3 has no name");
}

/* R's write.csv and pandas' to_csv put row names into a first column without a name. */
static void test_row_names_are_left_out(void **state)
{
    static const char *const files[] = { "\"\",\"a\",\"b\"\n\"r1\",1,x\n\"r2\",2,y\n", ",a,b\n0,1,x\n1,2,y\n" };

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        reading r = read_text(files[k]);

        numbers_are(col(&r, "a"), 2, (double[]){ 1, 2 });
        assert_int_equal(col(&r, "b")->kind, BM_COL_FACTOR);
        assert_null(bm_frame_col(r.f, ""));
        done(&r);
    }
    reading r = read_text_as(",a\n1,2\n", 7, NULL, (const char *const[]){ "c", NULL });
    says(&r, "@: there is no column 'c'; columns: a (only one: is it another delimiter? see --delim)");
}

static void test_header_with_a_name_twice_is_refused(void **state)
{
    (void)state;
    refuses("x,y,x\n1,2,3\n", "@:1: columns 1 and 3 have the same name 'x'");
    refuses("\nx, x\n1,2\n", "@:2: columns 1 and 2 have the same name 'x'");
}

static void test_empty_and_header_only_files_are_refused(void **state)
{
    (void)state;
    refuses("", "@ is empty");
    refuses("\n\n", "@ is empty");
    refuses("a,b\n", "@ has a header but no rows");
    refuses("a\n\n\n", "@ has a header but no rows");
}

static void test_carriage_returns_alone_are_refused(void **state)
{
    (void)state;
    refuses("a,b\r1,2\r3,4\r", "@:1: the lines end in a carriage return alone; convert the file with tr '\\r' '\\n'");
}

static void test_bytes_that_are_not_utf8_are_refused_where_used(void **state)
{
    (void)state;
    refuses("x,ann\xe9" "e\n1,2\n", "@:1: column name 'ann\\xe9e': byte 4 (0xE9) is not UTF-8; convert the file, perhaps with iconv -f LATIN1 "
            "-t UTF-8");
    refuses("x,y\n1,a\n2,M\xfcller\n", "@:3: column 'y', the label 'M\\xfcller': byte 2 (0xFC) is not UTF-8; convert the file, perhaps with iconv "
            "-f LATIN1 -t UTF-8");
}

static void test_utf8_is_told_from_what_is_not(void **state)
{
    static const char *const good[] = { "", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf" };
    static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xf0\x9f\x98" };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_int_equal(bm_utf8_bad(good[i], strlen(good[i])), strlen(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[16];

        sprintf(text, "ab%s", bad[i]);
        assert_int_equal(bm_utf8_bad(text, strlen(text)), 2);
    }
}

static void test_messages_show_control_characters_escaped_and_long_text_cut(void **state)
{
    char     text[300];
    bm_shown s = bm_show("a\x1b[31m\n\x7f\xc2\x9b\xff\xc3\xa9", 13);

    (void)state;
    assert_string_equal(s.s, "a\\x1b[31m\\x0a\\x7f\\xc2\\x9b\\xff\xc3\xa9");
    for (size_t n = 0; n < sizeof text; n++) {
        memset(text, n % 3 == 0 ? 'x' : n % 3 == 1 ? '\x01' : '\xff', sizeof text);
        s = bm_show(text, n);
        assert_true(strlen(s.s) < BM_SHOW_MAX);
        if (n > BM_SHOW_MAX) assert_string_equal(s.s + strlen(s.s) - 3, "...");
        if (n % 3 == 0 && n < 60) assert_int_equal(strlen(s.s), n);
    }
    for (size_t n = 0; n < 100; n++) {               /* not cut within a character */
        for (size_t k = 0; k < 100; k++) memcpy(text + 3 * k, "\xe2\x82\xac", 3);
        s = bm_show(text, 3 * n);
        assert_int_equal(bm_utf8_bad(s.s, strlen(s.s)), strlen(s.s));
    }
}

/* ---- frames from memory ---- */

static void test_frame_from_memory(void **state)
{
    bm_frame *f;
    bm_error  err = { 0 };
    double    x[] = { 1.5, NAN, -3 };

    (void)state;
    bm_assert_ok(bm_frame_new(&f, 3, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x", x, &err), err);
    bm_assert_ok(bm_frame_add_factor(f, "g", (const char *const[]){ "b", NULL, "a" }, &err), err);
    bm_assert_ok(bm_frame_add_factor(f, "h", (const char *const[]){ "10", "9", "10" }, &err), err);
    x[0] = 99;                                       /* inputs are copied */
    assert_int_equal(bm_frame_rows(f), 3);
    numbers_are(bm_frame_col(f, "x"), 3, NUMBERS(1.5, NAN, -3));
    labels_are(bm_frame_col(f, "g"), 3, (const char *const[]){ "b", NULL, "a" }, LIST("a", "b"));
    labels_are(bm_frame_col(f, "h"), 3, LIST("10", "9", "10"), LIST("9", "10"));
    assert_int_equal(bm_frame_col(f, "x")->nmissing, 1);
    assert_int_equal(bm_frame_col(f, "g")->nmissing, 1);
    assert_true(bm_frame_col(f, "h")->numeric_levels);
    assert_string_equal(f->hash, "");
    assert_null(f->path);
    assert_null(bm_frame_col(f, "X"));
    bm_frame_free(f);
    bm_frame_free(NULL);
}

static void memory_refuses(const char *name, const double *x, const char *const *labels, const char *msg)
{
    bm_frame *f;
    bm_error  err = { 0 };
    double    zero[2] = { 0, 0 };
    bm_status st;

    bm_assert_ok(bm_frame_new(&f, 2, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "first", zero, &err), err);
    if (x) st = bm_frame_add_numeric(f, name, x, &err);
    else st = bm_frame_add_factor(f, name, labels, &err);
    assert_int_equal(st, BM_EINVAL);
    assert_string_equal(err.msg, msg);
    assert_int_equal(f->ncol, 1);
    bm_frame_free(f);
}

static void test_frame_from_memory_refuses_what_no_file_could_hold(void **state)
{
    (void)state;
    memory_refuses("first", NUMBERS(1, 2), NULL, "there are two columns 'first'");
    memory_refuses("first", NULL, LIST("a", "b"), "there are two columns 'first'");
    memory_refuses("", NUMBERS(1, 2), NULL, "a column needs a name");
    memory_refuses("\xff", NULL, LIST("a", "b"), "the column name '\\xff' is not UTF-8");
    memory_refuses("x", NUMBERS(1, -INFINITY), NULL, "column 'x': row 2 is infinite; a missing value is NaN");
    memory_refuses("x", NULL, LIST("a", ""), "column 'x': row 2 is an empty label; a missing value is NULL");
    memory_refuses("x", NULL, LIST("\xc3", "a"), "column 'x': row 1, the label '\\xc3', is not UTF-8");
}

static void test_frame_without_rows(void **state)
{
    bm_frame *f;
    bm_error  err = { 0 };

    (void)state;
    bm_assert_ok(bm_frame_new(&f, 0, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x", NULL, &err), err);
    bm_assert_ok(bm_frame_add_factor(f, "g", NULL, &err), err);
    assert_int_equal(bm_frame_col(f, "g")->nlevels, 0);
    bm_frame_free(f);
}

/* ---- columns as factors, and the order of levels ---- */

static void test_numbers_as_factor_have_shortest_labels_in_numeric_order(void **state)
{
    double    x[] = { 10, 2, 0.1, -0.0, 0, NAN, 1e20, 2, 10 };
    bm_column c = { .name = (char *)(uintptr_t)"x", .kind = BM_COL_NUMERIC, .num = x, .nmissing = 1 }, g;
    bm_error  err = { 0 };

    (void)state;
    bm_assert_ok(bm_column_as_factor(&g, &c, 9, &err), err);
    labels_are(&g, 9, (const char *const[]){ "10", "2", "0.1", "0", "0", NULL, "1e+20", "2", "10" }, LIST("0", "0.1", "2", "10", "1e+20"));
    assert_string_equal(g.name, "x");
    assert_true(g.numeric_levels);
    assert_int_equal(g.nmissing, 1);
    bm_column_clear(&g);
    bm_column_clear(&g);                             /* again: nothing left */
}

static void test_factor_as_factor_is_a_copy(void **state)
{
    reading   r = read_text("g,x\nb,1\n\"1,000\",2\nNA,3\n");
    bm_column g;

    (void)state;
    bm_assert_ok(bm_column_as_factor(&g, col(&r, "g"), 3, &r.err), r.err);
    done(&r);
    labels_are(&g, 3, (const char *const[]){ "b", "1,000", NULL }, LIST("1,000", "b"));
    assert_int_equal(g.text_line, 2);
    assert_string_equal(g.text_cell, "b");
    assert_int_equal(g.nmissing, 1);
    bm_column_clear(&g);
}

static bm_column factor(const char *const *labels, size_t n)
{
    bm_frame *f;
    bm_error  err = { 0 };
    bm_column c;

    bm_assert_ok(bm_frame_new(&f, n, &err), err);
    bm_assert_ok(bm_frame_add_factor(f, "g", labels, &err), err);
    c = f->col[0];
    f->ncol = 0;
    bm_frame_free(f);
    return c;
}

static void test_relevel_orders_levels_and_drops_those_without_rows(void **state)
{
    const char *const rows[] = { "low", "high", "mid", NULL, "high" };
    bm_column         c = factor(rows, 5);
    bm_error          err = { 0 };

    (void)state;
    bm_assert_ok(bm_column_relevel(&c, 5, LIST("none", "low", "mid", "high", "extreme"), 5, &err), err);
    labels_are(&c, 5, rows, LIST("low", "mid", "high"));
    bm_assert_ok(bm_column_relevel(&c, 5, LIST("high", "low", "mid"), 3, &err), err);
    labels_are(&c, 5, rows, LIST("high", "low", "mid"));
    c.code[1] = c.code[4] = -1;                      /* rows dropped: their level need not be listed */
    bm_assert_ok(bm_column_relevel(&c, 5, LIST("mid", "low"), 2, &err), err);
    assert_int_equal(c.nlevels, 2);
    bm_column_clear(&c);
}

static void test_relevel_refuses_levels_not_listed_or_listed_twice(void **state)
{
    const char *const rows[] = { "low", "high", "mid" };
    bm_column         c = factor(rows, 3);
    bm_error          err = { 0 }, err2 = { 0 }, err3 = { 0 };

    (void)state;
    assert_int_equal(bm_column_relevel(&c, 3, LIST("low", "High", "mid"), 3, &err), BM_EINVAL);
    assert_string_equal(err.msg, "levels of 'g': the data have a level 'high' that is not listed; does 'High' stand for it?");
    assert_int_equal(bm_column_relevel(&c, 3, LIST("low", "mid"), 2, &err2), BM_EINVAL);
    assert_string_equal(err2.msg, "levels of 'g': the data have a level 'high' that is not listed");
    assert_int_equal(bm_column_relevel(&c, 3, LIST("low", "mid", "low"), 3, &err3), BM_EINVAL);
    assert_string_equal(err3.msg, "levels of 'g': 'low' is listed twice");
    labels_are(&c, 3, rows, LIST("high", "low", "mid"));                     /* as it was */
    bm_column_clear(&c);
}

/* ---- writing ---- */

static void test_fields_are_quoted_where_reading_needs_it(void **state)
{
    static const struct { const char *s, *want; } cases[] = { { "a", "a" }, { "", "" }, { "a b", "a b" }, { "a,b", "\"a,b\"" }, { "a;b", "\"a;b\"" },
        { "say \"hi\"", "\"say \"\"hi\"\"\"" }, { "\"", "\"\"\"\"" }, { " a", "\" a\"" }, { "a\t", "\"a\t\"" }, { "a\nb", "\"a\nb\"" },
        { "a\rb", "\"a\rb\"" }, { "\xc3\xa9", "\xc3\xa9" }, { "\xef\xbb\xbfx", "\"\xef\xbb\xbfx\"" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bm_buf b = { 0 };

        bm_csv_quote(&b, cases[i].s);
        bm_buf_puts(&b, "");
        assert_string_equal(b.s, cases[i].want);
        bm_buf_free(&b);
    }
}

static void test_frame_written_reads_back_the_same(void **state)
{
    const char *const labels[] = { "plain", "with, comma", NULL, "\"quoted\"", " blank ", "two\nlines", "x;y", "\xe2\x82\xac", "tab\t", "007" };
    const double      x[] = { 0.1, -1e-300, NAN, 1.0 / 3, 250, 1e22, -0.0, 123456789.123, 5e-324, 2 };
    bm_frame         *f;
    bm_error          err = { 0 };
    bm_buf            b = { 0 };
    reading           r;

    (void)state;
    bm_assert_ok(bm_frame_new(&f, 10, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "a \"value\"", x, &err), err);
    bm_assert_ok(bm_frame_add_factor(f, "label, of row", labels, &err), err);
    bm_frame_write_header(f, &b);
    assert_string_equal(b.s, "\"a \"\"value\"\"\",\"label, of row\"");
    for (size_t i = 0; i < 10; i++) {
        bm_buf_putc(&b, '\n');
        bm_frame_write_row(f, i, &b);
    }
    r = read_text(b.s);
    numbers_are(col(&r, "a \"value\""), 10, x);
    labels_are(col(&r, "label, of row"), 10, labels,
               LIST(" blank ", "\"quoted\"", "007", "plain", "tab\t", "two\nlines", "with, comma", "x;y", "\xe2\x82\xac"));
    bm_buf_free(&b);
    bm_frame_free(f);
    done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sleepstudy_has_180_rows_and_18_subjects),
        cmocka_unit_test(test_oats_has_quoted_labels_in_byte_order),
        cmocka_unit_test(test_pastes_has_labels_with_colons),
        cmocka_unit_test(test_gcsemv_has_its_missing_values),
        cmocka_unit_test(test_column_is_numeric_if_every_value_is_a_number),
        cmocka_unit_test(test_column_with_text_is_a_factor_and_keeps_its_labels),
        cmocka_unit_test(test_factor_asked_for_has_numeric_order),
        cmocka_unit_test(test_strings_for_missing_may_be_chosen),
        cmocka_unit_test(test_unwanted_columns_are_not_converted),
        cmocka_unit_test(test_empty_lines_are_skipped_among_several_columns),
        cmocka_unit_test(test_empty_lines_of_one_column_are_missing_but_at_the_end),
        cmocka_unit_test(test_many_levels_are_told_apart),
        cmocka_unit_test(test_similar_labels_are_told_apart),
        cmocka_unit_test(test_stray_text_among_numbers_is_an_error_that_helps),
        cmocka_unit_test(test_mixture_below_nine_tenths_or_short_is_a_factor),
        cmocka_unit_test(test_stray_text_is_a_label_where_a_factor_is_asked_for),
        cmocka_unit_test(test_what_only_looks_like_a_number_says_why_it_is_none),
        cmocka_unit_test(test_hints_are_kept_with_a_factor),
        cmocka_unit_test(test_hints_are_given_only_where_a_number_was_meant),
        cmocka_unit_test(test_text_after_very_many_numbers_is_an_error),
        cmocka_unit_test(test_wanted_column_that_is_not_there_lists_those_that_are),
        cmocka_unit_test(test_factor_option_for_no_column_is_an_error),
        cmocka_unit_test(test_ragged_row_names_line_and_counts),
        cmocka_unit_test(test_header_without_a_name_is_refused),
        cmocka_unit_test(test_row_names_are_left_out),
        cmocka_unit_test(test_header_with_a_name_twice_is_refused),
        cmocka_unit_test(test_empty_and_header_only_files_are_refused),
        cmocka_unit_test(test_carriage_returns_alone_are_refused),
        cmocka_unit_test(test_bytes_that_are_not_utf8_are_refused_where_used),
        cmocka_unit_test(test_utf8_is_told_from_what_is_not),
        cmocka_unit_test(test_messages_show_control_characters_escaped_and_long_text_cut),
        cmocka_unit_test(test_frame_from_memory),
        cmocka_unit_test(test_frame_from_memory_refuses_what_no_file_could_hold),
        cmocka_unit_test(test_frame_without_rows),
        cmocka_unit_test(test_numbers_as_factor_have_shortest_labels_in_numeric_order),
        cmocka_unit_test(test_factor_as_factor_is_a_copy),
        cmocka_unit_test(test_relevel_orders_levels_and_drops_those_without_rows),
        cmocka_unit_test(test_relevel_refuses_levels_not_listed_or_listed_twice),
        cmocka_unit_test(test_fields_are_quoted_where_reading_needs_it),
        cmocka_unit_test(test_frame_written_reads_back_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
