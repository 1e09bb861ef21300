/* fuzz_csv.c: any bytes as a table. The first byte chooses options. What is read keeps the frame's promises, and written as CSV it reads back equal. */
#include "fuzz.h"

#include "data/data.h"

#include <math.h>

enum { MOST_COLUMNS = 200 };

static bm_status read_table(bm_frame **out, const bm_read_options *opt, const void *bytes, size_t n, bool all_factors, bm_error *err)
{
    fuzz_file          f = fuzz_file_new(bytes, n);
    bm_source         *s;
    size_t             ncol;
    const char *const *names;
    bm_status          st = bm_source_open(&s, f.path, opt, err);

    *out = NULL;
    if (st == BM_OK) {
        names = bm_source_names(s, &ncol);
        fuzz_must(ncol > 0, "a header without names");
        if (all_factors) st = bm_source_add_factors(s, names, ncol, err);
        if (st == BM_OK) st = bm_source_read(s, out, names, ncol < MOST_COLUMNS ? ncol : MOST_COLUMNS, err);
    }
    bm_source_close(s);
    fuzz_file_remove(&f);
    fuzz_must((*out != NULL) == (st == BM_OK), "status %d", (int)st);
    return st;
}

static void check_column(const bm_column *c, size_t n)
{
    size_t missing = 0;
    bool  *seen = bm_alloc(c->nlevels, sizeof *seen);

    fuzz_must(seen, "out of memory");
    for (size_t i = 0; i < n; i++) {
        if (c->kind == BM_COL_NUMERIC) {
            fuzz_must(!isinf(c->num[i]), "an infinite number");
            missing += isnan(c->num[i]);
        } else {
            fuzz_must(c->code[i] >= -1 && c->code[i] < (long)c->nlevels, "code %d of %zu", c->code[i], c->nlevels);
            missing += c->code[i] < 0;
            if (c->code[i] >= 0) seen[c->code[i]] = true;
        }
    }
    fuzz_must(missing == c->nmissing, "%zu missing, %zu counted", missing, c->nmissing);
    for (size_t k = 0; k < c->nlevels; k++) {
        fuzz_must(seen[k], "level %zu has no row", k);
        for (size_t l = 0; l < k && k < 50; l++) fuzz_must(strcmp(c->levels[k], c->levels[l]) != 0, "level '%s' twice", c->levels[k]);
    }
    free(seen);
}

static void write_table(const bm_frame *f, bm_buf *b)
{
    bm_frame_write_header(f, b);
    bm_buf_putc(b, '\n');
    for (size_t i = 0; i < f->n; i++) {
        bm_frame_write_row(f, i, b);
        bm_buf_putc(b, '\n');
    }
    fuzz_must(!b->failed, "out of memory");
}

static void check_round_trip(const bm_frame *f)
{
    bm_read_options opt = { .delim = ',' };
    bm_buf          a = { 0 }, b = { 0 };
    bm_frame       *g;
    bm_error        err = { 0 };

    bm_buf_puts(&a, "\xef\xbb\xbf");                /* or a name could make the mark of another format */
    write_table(f, &a);
    fuzz_must(read_table(&g, &opt, a.s, a.n, true, &err) == BM_OK, "does not read back: %s", err.msg);
    bm_buf_puts(&b, "\xef\xbb\xbf");
    write_table(g, &b);
    fuzz_must(a.n == b.n && memcmp(a.s, b.s, a.n) == 0, "not equal:\n%s\n%s", a.s, b.s);
    bm_frame_free(g);
    bm_buf_free(&a);
    bm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char        delim[] = { 0, 0, ',', ';', '\t' };
    static const char *const na[] = { "NA", ".", "-99" };
    bm_read_options          opt = { 0 };
    bm_frame                *f;
    bm_error                 err = { 0 };
    bm_status                st;

    if (size == 0) return 0;
    opt.delim = delim[data[0] % sizeof delim];
    if (data[0] & 64) {
        opt.na = na;
        opt.nna = 3;
    }
    st = read_table(&f, &opt, data + 1, size - 1, data[0] & 128, &err);
    if (st != BM_OK) {
        fuzz_refused(st, &err);
        return 0;
    }
    for (size_t k = 0; k < f->ncol; k++) check_column(&f->col[k], f->n);
    if (!(data[0] & 64)) check_round_trip(f);
    bm_frame_free(f);
    return 0;
}
