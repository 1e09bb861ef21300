/* write.c: rows of a frame as CSV (RFC 4180) that read.c reads back to the same values. */
#include "data/data_priv.h"

#include <string.h>

void bm_csv_quote(bm_buf *b, const char *s)
{
    size_t n = strlen(s);
    bool   quote = n > 0 && (strchr(" \t", s[0]) || strchr(" \t", s[n - 1]));        /* reading takes blanks off */

    quote = quote || strncmp(s, "\xef\xbb\xbf", 3) == 0;                              /* and a byte order mark */
    if (!quote && !strpbrk(s, ",;\t\"\r\n")) {       /* semicolons and tabs too: no sniffing is misled */
        bm_buf_add(b, s, n);
        return;
    }
    bm_buf_putc(b, '"');
    for (const char *q; (q = strchr(s, '"')); s = q + 1) {
        bm_buf_add(b, s, (size_t)(q - s) + 1);
        bm_buf_putc(b, '"');
    }
    bm_buf_puts(b, s);
    bm_buf_putc(b, '"');
}

void bm_frame_write_header(const bm_frame *f, bm_buf *b)
{
    for (size_t k = 0; k < f->ncol; k++) {
        if (k > 0) bm_buf_putc(b, ',');
        bm_csv_quote(b, f->col[k].name);
    }
}

void bm_frame_write_row(const bm_frame *f, size_t row, bm_buf *b)
{
    for (size_t k = 0; k < f->ncol; k++) {
        const bm_column *c = &f->col[k];

        if (k > 0) bm_buf_putc(b, ',');
        if (c->kind == BM_COL_NUMERIC) bm_buf_num(b, c->num[row]);           /* NA for NaN */
        else if (c->code[row] < 0) bm_buf_puts(b, "NA");
        else bm_csv_quote(b, c->levels[c->code[row]]);
    }
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f) return true;
    return false;
}

bm_status bm_columns_print(const char *path, FILE *out, bm_error *err)
{
    bm_source         *s = NULL;
    const char *const *names;
    size_t             n;
    bm_status          st = bm_source_open(&s, path, NULL, err);

    if (st != BM_OK) return st;
    names = bm_source_names(s, &n);
    for (size_t k = 0; k < n; k++)
        if (!has_control(names[k])) fprintf(out, "%s\n", names[k]);    /* others are no lines, or no sight for a terminal */
    bm_source_close(s);
    return BM_OK;
}
