/* test_csv.c: bytes and records: plain, gzip and standard input; RFC 4180 against a slow second parser; what is refused,
 * and how it is said. */
#include "data/data_priv.h"
#include "data_files.h"

#include <sys/stat.h>

/* All records of a file as one text: fields in <>, quoted ones in [], records ended by |. */
static bm_status records(bm_buf *out, const char *path, char delim, bm_error *err)
{
    bm_csv         *c;
    const bm_field *f;
    size_t          n;
    bm_status       st = bm_csv_open(&c, path, delim, err);

    if (st != BM_OK) {
        assert_null(c);
        return st;
    }
    while ((st = bm_csv_next(c, &f, &n, err)) == BM_OK && n > 0) {
        for (size_t i = 0; i < n; i++) {
            bm_buf_putc(out, f[i].quoted ? '[' : '<');
            bm_buf_add(out, f[i].s, f[i].n);
            bm_buf_putc(out, f[i].quoted ? ']' : '>');
        }
        bm_buf_putc(out, '|');
    }
    bm_csv_close(c);
    return st;
}

static void parses_as(const char *text, char delim, const char *want)
{
    scratch_file f = scratch_new(text, strlen(text));
    bm_buf       got = { 0 };
    bm_error     err = { 0 };

    bm_assert_ok(records(&got, f.path, delim, &err), err);
    assert_string_equal(got.s ? got.s : "", want);
    bm_buf_free(&got);
    scratch_remove(&f);
}

/* The message, with @ for the path. */
static void refuses(const void *bytes, size_t n, bm_status want, const char *says)
{
    scratch_file f = scratch_new(bytes, n);
    bm_buf       got = { 0 }, msg = { 0 };
    bm_error     err = { 0 };

    assert_int_equal(records(&got, f.path, 0, &err), want);
    for (; *says; says++) {
        if (*says == '@') bm_buf_puts(&msg, f.path);
        else bm_buf_putc(&msg, *says);
    }
    bm_assert_says(err, msg.s);
    bm_buf_free(&got);
    bm_buf_free(&msg);
    scratch_remove(&f);
}

static void refuses_text(const char *text, const char *says)
{
    refuses(text, strlen(text), BM_EPARSE, says);
}

static void test_records_of_plain_lines(void **state)
{
    (void)state;
    parses_as("a,b\n1,2\n3,4\n", 0, "<a><b>|<1><2>|<3><4>|");
    parses_as("a,b\r\n1,2\r\n3,4", 0, "<a><b>|<1><2>|<3><4>|");
    parses_as("a,b\r\n1,\r\n,\r", 0, "<a><b>|<1><>|<><>|");
    parses_as("\xef\xbb\xbf" "a,b\n1,2\n", 0, "<a><b>|<1><2>|");
    parses_as("a\n\n1\n", 0, "<a>|<>|<1>|");
    parses_as(" a , b\t\n 1,\t2 3 \n  \n", 0, "<a><b>|<1><2 3>|<>|");
    parses_as("a", 0, "<a>|");
    parses_as("\n", 0, "<>|");
    parses_as("a,", 0, "<a><>|");
}

static void test_records_with_quotes(void **state)
{
    (void)state;
    parses_as("\"a\",\"b,c\"\n\"\",\" x \"\n", 0, "[a][b,c]|[][ x ]|");
    parses_as("\"a\nb\",c\r\n\"d\r\ne\",\"f\"\r\n", 0, "[a\nb]<c>|[d\r\ne][f]|");
    parses_as("\"say \"\"hi\"\"\",\"\"\"\"\n\"\"\"a\"\"\",\"\"\"\"\"\"", 0, "[say \"hi\"][\"]|[\"a\"][\"\"]|");
    parses_as("a,b\n \"x,y\" ,\t\"z\"\t\n", 0, "<a><b>|[x,y][z]|");
    parses_as("h\n5'10\"\nit is \"so\"\n", 0, "<h>|<5'10\">|<it is \"so\">|");
    parses_as("\"a\"\r", 0, "[a]|");
}

static void test_delimiter_is_sniffed_on_header_and_next_line(void **state)
{
    (void)state;
    parses_as("a;b\n1,5;2\n", 0, "<a><b>|<1,5><2>|");
    parses_as("a\tb\n1\t2\n", 0, "<a><b>|<1><2>|");
    parses_as("length, mm\twidth, mm\tn, k\n1\t2\t3\n", 0, "<length, mm><width, mm><n, k>|<1><2><3>|");
    parses_as("\"a;b;c\",d\n1,2\n", 0, "[a;b;c]<d>|<1><2>|");
    parses_as("a,b;c;d\n", 0, "<a,b><c><d>|");
    parses_as("a b\n", 0, "<a b>|");
    parses_as("\n\na;b\n1;2\n", 0, "<>|<>|<a><b>|<1><2>|");
    parses_as("a\t,b\n1,2\n", 0, "<a><b>|<1><2>|");
}

static void test_delimiter_may_be_given(void **state)
{
    (void)state;
    parses_as("a,b|c\n1|2\n", '|', "<a,b><c>|<1><2>|");
    parses_as("a b\n\"x y\" 2\n", ' ', "<a><b>|[x y]<2>|");
    parses_as("a\tb\n \t2\n", '\t', "<a><b>|<><2>|");
}

static void test_delimiter_that_cannot_be_one_is_refused(void **state)
{
    static const char bad[] = "\"\n\r.+-a7\xe9";
    bm_csv           *c;

    (void)state;
    for (const char *d = bad; *d; d++) {
        bm_error err = { 0 };

        assert_int_equal(bm_csv_open(&c, "tests/data/sleepstudy.csv", *d, &err), BM_EINVAL);
        bm_assert_says(err, "cannot separate fields; use a comma");
    }
}

static void test_line_numbers_count_newlines_within_quotes(void **state)
{
    const char     *text = "a,b\n\"1\n1\",2\n3,4\r\n\"5\"\"\n\n\"\"\",6\n7,8";
    const size_t    want[] = { 1, 2, 4, 5, 8 };
    scratch_file    f = scratch_new(text, strlen(text));
    bm_csv         *c;
    const bm_field *field;
    size_t          n;
    bm_error        err = { 0 };

    (void)state;
    bm_assert_ok(bm_csv_open(&c, f.path, 0, &err), err);
    assert_string_equal(bm_csv_path(c), f.path);
    assert_int_equal(bm_csv_delim(c), ',');
    for (size_t i = 0; i < 5; i++) {
        bm_assert_ok(bm_csv_next(c, &field, &n, &err), err);
        assert_int_equal(n, 2);
        assert_int_equal(bm_csv_line(c), want[i]);
    }
    for (int again = 0; again < 2; again++) {
        bm_assert_ok(bm_csv_next(c, &field, &n, &err), err);
        assert_int_equal(n, 0);
    }
    assert_int_equal(bm_csv_bytes(c), strlen(text));
    bm_csv_close(c);
    scratch_remove(&f);
}

/* ---- a second parser, byte by byte ---- */

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The same as records(), or false where the text is not CSV. */
static bool naive(bm_buf *out, const char *s)
{
    while (*s) {
        bool quoted = false;
        char end;

        const char *start = s;
        while (blank(*s)) s++;
        if (*s == '"') {
            quoted = true;
            bm_buf_putc(out, '[');
            for (s++; *s && (*s != '"' || s[1] == '"'); s++) {
                if (*s == '"') s++;
                bm_buf_putc(out, *s);
            }
            if (!*s++) return false;
            while (blank(*s)) s++;
            if (*s == '\r' && (s[1] == '\n' || !s[1])) s++;
            if (*s && *s != ',' && *s != '\n') return false;
        } else {
            const char *last = s = start;

            while (*s && *s != ',' && *s != '\n') s++;
            last = s;
            if (*s != ',' && last > start && last[-1] == '\r') last--;
            while (start < last && blank(*start)) start++;
            while (start < last && blank(last[-1])) last--;
            bm_buf_putc(out, '<');
            bm_buf_add(out, start, (size_t)(last - start));
        }
        bm_buf_putc(out, quoted ? ']' : '>');
        end = *s;
        if (end) s++;
        if (end == ',' && !*s) bm_buf_puts(out, "<>");
        if (end != ',' || !*s) bm_buf_putc(out, '|');
    }
    return true;
}

static uint64_t next(uint64_t *s)                    /* xorshift64 (Marsaglia 2003) */
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    return *s ^= *s << 17;
}

static void agrees_with_naive(const char *text)
{
    scratch_file f = scratch_new(text, strlen(text));
    bm_buf       got = { 0 }, want = { 0 };
    bm_error     err = { 0 };
    bool         ok = naive(&want, text);
    bm_status    st = records(&got, f.path, ',', &err);

    if ((st == BM_OK) != ok) fail_msg("status %d (%s) for: %s", st, err.msg, text);
    if (ok) assert_string_equal(got.s ? got.s : "", want.s ? want.s : "");
    bm_buf_free(&got);
    bm_buf_free(&want);
    scratch_remove(&f);
}

static void test_random_text_parses_as_byte_by_byte(void **state)
{
    static const char alphabet[] = "ab,,\"\"\"\n\n\r ";
    uint64_t          s = 4180;

    (void)state;
    for (int t = 0; t < 20000; t++) {
        char   text[300];
        size_t n = 1 + next(&s) % (t % 10 ? 24 : 299);

        for (size_t i = 0; i < n; i++) text[i] = alphabet[next(&s) % (sizeof alphabet - 1)];
        text[n] = '\0';
        agrees_with_naive(text);
    }
}

/* Larger than several blocks, with long fields, so that records and quotes lie across their borders. */
static void test_records_across_blocks_parse_as_byte_by_byte(void **state)
{
    static const char inside[] = "ab, \n\r\t";
    uint64_t          s = 1;

    (void)state;
    for (int t = 0; t < 6; t++) {
        bm_buf text = { 0 };

        while (text.n < 1500000) {
            size_t fields = 1 + next(&s) % 6;

            for (size_t k = 0; k < fields; k++) {
                bool   quoted = next(&s) % 3 == 0;
                size_t n = next(&s) % (next(&s) % 50 == 0 ? 100000 : 40);

                if (k) bm_buf_putc(&text, ',');
                if (quoted) bm_buf_putc(&text, '"');
                for (size_t i = 0; i < n; i++) {
                    if (quoted && next(&s) % 8 == 0) bm_buf_puts(&text, "\"\"");
                    else bm_buf_putc(&text, inside[next(&s) % (quoted ? 7 : 2)]);
                }
                if (quoted) bm_buf_putc(&text, '"');
            }
            bm_buf_puts(&text, t % 2 ? "\r\n" : "\n");
        }
        agrees_with_naive(text.s);
        bm_buf_free(&text);
    }
}

/* The block grows while fields of the record lie in it. */
static void test_fields_before_a_long_one_stay_right(void **state)
{
    for (size_t n = 250000; n < 1200000; n += 99991) {
        bm_buf text = { 0 };

        bm_buf_puts(&text, "first,\"second \"\"2\"\"\",");
        for (size_t i = 0; i < n; i++) bm_buf_putc(&text, "abcdefghij"[i % 10]);
        bm_buf_puts(&text, ",\"");
        for (size_t i = 0; i < n; i++) bm_buf_putc(&text, "klmno\n,rs "[i % 10]);
        bm_buf_puts(&text, "\",last\n1,2,3,4,5\n");
        agrees_with_naive(text.s);
        bm_buf_free(&text);
    }
    (void)state;
}

/* ---- where bytes come from ---- */

static void test_gzip_reads_as_the_plain_file(void **state)
{
    const char    *text = "a,b\n1,\"x\ny\"\n";
    size_t         n, m;
    unsigned char *z = gzip_bytes(text, strlen(text), &n), *z2 = gzip_bytes("3,4\n", 4, &m), *both = malloc(n + m + 600);
    bm_buf         got = { 0 };
    bm_error       err = { 0 };
    scratch_file   f = scratch_new(z, n), g;

    (void)state;
    bm_assert_ok(records(&got, f.path, 0, &err), err);
    assert_string_equal(got.s, "<a><b>|<1>[x\ny]|");
    bm_buf_free(&got);

    memcpy(both, z, n);                              /* two members, and zeros behind as block devices leave them */
    memcpy(both + n, z2, m);
    memset(both + n + m, 0, 600);
    g = scratch_new(both, n + m + 600);
    bm_assert_ok(records(&got, g.path, 0, &err), err);
    assert_string_equal(got.s, "<a><b>|<1>[x\ny]|<3><4>|");
    bm_buf_free(&got);
    scratch_remove(&f);
    scratch_remove(&g);
    free(z);
    free(z2);
    free(both);
}

static void test_large_gzip_has_the_hash_of_its_content(void **state)
{
    bm_buf         text = { 0 };
    uint64_t       s = 3;
    size_t         n;
    unsigned char *z;
    char           hex[2][17];
    bm_error       err = { 0 };

    (void)state;
    bm_buf_puts(&text, "a,b\n");
    while (text.n < 1000000) bm_buf_printf(&text, "%d,%d\n", (int)(next(&s) % 1000000), (int)(next(&s) % 1000));
    z = gzip_bytes(text.s, text.n, &n);
    for (int k = 0; k < 2; k++) {
        scratch_file    f = k ? scratch_new(z, n) : scratch_new(text.s, text.n);
        bm_csv         *c;
        const bm_field *field;
        size_t          nf;

        bm_assert_ok(bm_csv_open(&c, f.path, 0, &err), err);
        do bm_assert_ok(bm_csv_next(c, &field, &nf, &err), err);
        while (nf);
        bm_csv_hash(c, hex[k]);
        assert_int_equal(bm_csv_bytes(c), text.n);
        bm_csv_close(c);
        scratch_remove(&f);
    }
    assert_string_equal(hex[0], hex[1]);
    bm_buf_free(&text);
    free(z);
}

/* Values that the reference implementation publishes for its 64-bit hash, seed 0. */
static void test_hash_is_xxh64(void **state)
{
    static const struct { const char *s; uint64_t h; } known[] = { { "", 0xef46db3751d8e999 }, { "a", 0xd24ec4f1a98c6e5b },
        { "abc", 0x44bc2cf5ad770999 }, { "Nobody inspects the spammish repetition", 0xfbcea83c8a378bf1 } };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (size_t piece = 1; piece < 40; piece++) {
            bm_hash h;
            size_t  n = strlen(known[i].s);

            bm_hash_start(&h);
            for (size_t k = 0; k < n; k += piece) bm_hash_add(&h, known[i].s + k, n - k < piece ? n - k : piece);
            assert_true(bm_hash_value(&h) == known[i].h);
        }
}

static void test_standard_input_is_read_as_a_dash(void **state)
{
    const char  *text = "a,b\n1,2\n";
    scratch_file f = scratch_new(text, strlen(text)), empty = scratch_new("", 0);
    bm_buf       got = { 0 };
    bm_error     err = { 0 };
    int          old = stdin_from(f.path);

    (void)state;
    bm_assert_ok(records(&got, "-", 0, &err), err);
    assert_string_equal(got.s, "<a><b>|<1><2>|");
    stdin_restore(old);
    old = stdin_from(empty.path);
    assert_int_equal(records(&got, "-", 0, &err), BM_EPARSE);
    bm_assert_says(err, "standard input is empty");
    stdin_restore(old);
    bm_buf_free(&got);
    scratch_remove(&f);
    scratch_remove(&empty);
}

/* A pipe that gives a few bytes at a time. */
static void test_pipe_in_small_pieces_reads_as_the_file(void **state)
{
    const char *text = "name;x\n\"a;\n\"\"b\";1\nc;2\r\n";
    int         ends[2], old = dup(STDIN_FILENO);
    pid_t       child;
    bm_buf      got = { 0 };
    bm_error    err = { 0 };

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (const char *s = text; *s; s++) {
            if (write(ends[1], s, 1) != 1) _exit(1);
            usleep(300);
        }
        _exit(0);
    }
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    bm_assert_ok(records(&got, "-", 0, &err), err);
    assert_string_equal(got.s, "<name><x>|[a;\n\"b]<1>|<c><2>|");
    stdin_restore(old);
    bm_buf_free(&got);
}

/* ---- what is refused ---- */

static void test_missing_file_and_directory_are_named(void **state)
{
    bm_csv  *c;
    bm_error err = { 0 }, err2 = { 0 };

    (void)state;
    assert_int_equal(bm_csv_open(&c, "tests/data/no-such-file.csv", 0, &err), BM_EIO);
    bm_assert_says(err, "cannot open tests/data/no-such-file.csv: No such file or directory");
    assert_int_equal(bm_csv_open(&c, "tests/data", 0, &err2), BM_EIO);
    bm_assert_says(err2, "tests/data is a directory, not a data file");
}

static void test_read_error_says_what_the_system_says(void **state)
{
    bm_csv  *c;
    bm_error err = { 0 };
    int      old = dup(STDIN_FILENO), fd = open("/dev/null", O_WRONLY);

    (void)state;
    dup2(fd, STDIN_FILENO);                          /* open, but not for reading */
    close(fd);
    assert_int_equal(bm_csv_open(&c, "-", 0, &err), BM_EIO);
    bm_assert_says(err, "cannot read standard input: Bad file descriptor");
    stdin_restore(old);
}

static void test_empty_files_are_refused(void **state)
{
    (void)state;
    refuses_text("", "@ is empty");
    refuses_text("\xef\xbb\xbf", "@ is empty");
}

static void test_damaged_gzip_is_told_apart(void **state)
{
    bm_buf         text = { 0 };
    uint64_t       s = 9;
    size_t         n;
    unsigned char *z;

    (void)state;
    bm_buf_puts(&text, "a,b\n");
    for (int i = 0; i < 20000; i++) bm_buf_printf(&text, "%d,%d\n", i, (int)(next(&s) % 100000));
    z = gzip_bytes(text.s, text.n, &n);
    refuses(z, n / 2, BM_EIO, "@: the gzip data are cut short");
    refuses(z, n - 1, BM_EIO, "@: the gzip data are cut short");
    refuses(z, 5, BM_EIO, "@: the gzip data are cut short");
    z[n - 6] ^= 1;                                   /* the checksum */
    refuses(z, n, BM_EIO, "@: the gzip data are corrupt (incorrect data check)");
    z[n - 6] ^= 1;
    memset(z + n / 2, 0xff, 40);
    refuses(z, n, BM_EIO, "@: the gzip data are corrupt (");
    free(z);
    z = gzip_bytes("a\n1\n", 4, &n);
    memcpy(z + n, "junk", 4);
    refuses(z, n + 4, BM_EIO, "@: there is something else after the end of the gzip data");
    free(z);
    bm_buf_free(&text);
}

static void test_other_formats_are_named_with_a_way_out(void **state)
{
    (void)state;
    refuses("\xff\xfe" "a\0,\0", 6, BM_EPARSE, "@ is UTF-16 text: convert it with iconv");
    refuses("\xfe\xff\0a\0,", 6, BM_EPARSE, "@ is UTF-16 text: convert it with iconv");
    refuses("\x28\xb5\x2f\xfd....", 8, BM_EPARSE, "@ is compressed with zstd: use zstd -dc");
    refuses("\xfd" "7zXZ\0..", 8, BM_EPARSE, "@ is compressed with xz: use xz -dc");
    refuses("BZh91AY&SY..", 12, BM_EPARSE, "@ is compressed with bzip2: use bzip2 -dc");
    refuses("PK\x03\x04....", 8, BM_EPARSE, "@ is a zip archive or a spreadsheet");
    refuses("\xd0\xcf\x11\xe0....", 8, BM_EPARSE, "@ is a spreadsheet in the old Excel format");
    refuses("PAR1\x15....", 9, BM_EPARSE, "@ is a Parquet file");
    refuses("RDX2\nX\n...", 10, BM_EPARSE, "@ is an R data file");
    parses_as("PAR1,PAR2\n", 0, "<PAR1><PAR2>|");
    parses_as("BZhours,b\n", 0, "<BZhours><b>|");
    parses_as("RDX3\n1\n", 0, "<RDX3>|<1>|");
    refuses("RDX3\nX\n...", 10, BM_EPARSE, "@ is an R data file");
}

static void test_nul_byte_is_named_with_line_and_byte(void **state)
{
    (void)state;
    refuses("a,b\n1,2\n3,\0\n", 12, BM_EPARSE, "@:3: byte 3 of the line is NUL");
    refuses("a\0b\n", 4, BM_EPARSE, "@:1: byte 2 of the line is NUL");
}

static void test_quote_that_is_not_closed_names_its_line(void **state)
{
    (void)state;
    refuses_text("a,b\n1,2\n3,\"x\n4,5\n6,7\n", "@:3: the quote opened on this line (field 2) is never closed");
    refuses_text("a,b\n1,2\n\"p\nq\",\"x\n4,5\n", "@:4: the quote opened on this line (field 2) is never closed");
    refuses_text("\"a", "@:1: the quote opened on this line (field 1) is never closed");
}

static void test_text_after_a_closing_quote_is_refused(void **state)
{
    (void)state;
    refuses_text("a,b\n1,\"x\"y\n", "@:2: field 2 goes on after its closing quote; a quote within quotes is written \"\"");
    refuses_text("a,b\n1,\"x\n\"y\n", "@:3: field 2 goes on after its closing quote");
    refuses_text("a,b\n1,\"x\"\r2\n", "@:2: field 2 goes on after its closing quote");
}

static void test_record_above_the_limit_is_refused(void **state)
{
    size_t n = ((size_t)64 << 20) + 100;
    char  *text = malloc(n);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', n);
    memcpy(text, "a,b\n1,2\n3,\"", 11);
    refuses(text, n, BM_EPARSE, "@:3: this record is longer than 64 MB; is a quote not closed");
    free(text);
}

static void test_more_than_a_million_fields_are_refused(void **state)
{
    size_t   n = 1000001;
    char    *text = malloc(n);
    bm_csv  *c;
    bm_error err = { 0 };
    const bm_field *field;
    size_t   nf;

    (void)state;
    assert_non_null(text);
    memset(text, ',', n);
    refuses(text, n, BM_EPARSE, "@:1: this line has more than 1000000 fields");
    scratch_file f = scratch_new(text, 999999);
    bm_assert_ok(bm_csv_open(&c, f.path, 0, &err), err);
    bm_assert_ok(bm_csv_next(c, &field, &nf, &err), err);
    assert_int_equal(nf, 1000000);
    bm_csv_close(c);
    scratch_remove(&f);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_of_plain_lines),
        cmocka_unit_test(test_records_with_quotes),
        cmocka_unit_test(test_delimiter_is_sniffed_on_header_and_next_line),
        cmocka_unit_test(test_delimiter_may_be_given),
        cmocka_unit_test(test_delimiter_that_cannot_be_one_is_refused),
        cmocka_unit_test(test_line_numbers_count_newlines_within_quotes),
        cmocka_unit_test(test_random_text_parses_as_byte_by_byte),
        cmocka_unit_test(test_records_across_blocks_parse_as_byte_by_byte),
        cmocka_unit_test(test_fields_before_a_long_one_stay_right),
        cmocka_unit_test(test_gzip_reads_as_the_plain_file),
        cmocka_unit_test(test_large_gzip_has_the_hash_of_its_content),
        cmocka_unit_test(test_hash_is_xxh64),
        cmocka_unit_test(test_standard_input_is_read_as_a_dash),
        cmocka_unit_test(test_pipe_in_small_pieces_reads_as_the_file),
        cmocka_unit_test(test_missing_file_and_directory_are_named),
        cmocka_unit_test(test_read_error_says_what_the_system_says),
        cmocka_unit_test(test_empty_files_are_refused),
        cmocka_unit_test(test_damaged_gzip_is_told_apart),
        cmocka_unit_test(test_other_formats_are_named_with_a_way_out),
        cmocka_unit_test(test_nul_byte_is_named_with_line_and_byte),
        cmocka_unit_test(test_quote_that_is_not_closed_names_its_line),
        cmocka_unit_test(test_text_after_a_closing_quote_is_refused),
        cmocka_unit_test(test_record_above_the_limit_is_refused),
        cmocka_unit_test(test_more_than_a_million_fields_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
