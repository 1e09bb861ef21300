/* draws_csv.c: draws.csv as R's posterior and pandas read it, one row per draw: .chain,.iteration,.draw, then every variable. */
#include "report/report_priv.h"

#include <stdlib.h>

enum { ROWS = 32 };

void bm_draws_block(const bm_draws *d, const size_t *var, size_t nvar, size_t chain, size_t first, size_t nrow, double *out)
{
    for (size_t k = 0; k < nvar; k++) {
        const double *x = d->x + ((var ? var[k] : k) * d->nchain + chain) * d->niter + first;

        for (size_t i = 0; i < nrow; i++) out[i * nvar + k] = x[i];
    }
}

static void add_uint(bm_buf *b, size_t x)
{
    char  s[24], *p = s + sizeof s;
    char *end = p;

    do *--p = (char)('0' + x % 10);
    while (x /= 10);
    bm_buf_add(b, p, (size_t)(end - p));
}

static void add_rows(bm_buf *b, const bm_draws *d, size_t chain, size_t first, size_t nrow, const double *x)
{
    for (size_t i = 0; i < nrow; i++) {
        size_t iter = first + i + 1;

        add_uint(b, chain + 1);
        bm_buf_putc(b, ',');
        add_uint(b, iter);
        bm_buf_putc(b, ',');
        add_uint(b, chain * d->niter + iter);
        bm_buf_row(b, x + i * d->nvar, d->nvar);
        bm_buf_putc(b, '\n');
    }
}

bm_status bm_write_draws_csv(bm_file *f, const bm_draws *d, bm_error *err)
{
    double   *x = bm_alloc(d->nvar, ROWS * sizeof *x);
    bm_status st = BM_OK;

    if (!x) return bm_nomem(err);
    bm_buf_puts(&f->buf, ".chain,.iteration,.draw");
    for (size_t k = 0; k < d->nvar; k++) {
        bm_buf_putc(&f->buf, ',');
        bm_csv_quote(&f->buf, d->names[k]);
    }
    bm_buf_putc(&f->buf, '\n');
    for (size_t c = 0; c < d->nchain; c++) {
        for (size_t i = 0; i < d->niter && st == BM_OK; i += ROWS) {
            size_t nrow = d->niter - i < ROWS ? d->niter - i : ROWS;

            bm_draws_block(d, NULL, d->nvar, c, i, nrow, x);
            add_rows(&f->buf, d, c, i, nrow, x);
            st = bm_file_spill(f, err);
        }
    }
    free(x);
    return st;
}
