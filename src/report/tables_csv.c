/* tables_csv.c: summary.csv (the columns of R's posterior::summarise_draws, then Monte Carlo errors and the central 95 %) and ranef.csv. */
#include "report/report_priv.h"

static void add_numbers(bm_buf *b, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bm_buf_putc(b, ',');
        bm_buf_num(b, x[i]);
    }
    bm_buf_putc(b, '\n');
}

void bm_summary_csv_header(bm_buf *b)
{
    bm_buf_puts(b, "variable,mean,median,sd,mad,q5,q95,rhat,ess_bulk,ess_tail,mcse_mean,mcse_sd,q2.5,q97.5\n");
}

void bm_summary_csv_row(bm_buf *b, const bm_summary_row *s)
{
    const double x[] = { s->mean, s->median, s->sd, s->mad, s->q5, s->q95, s->rhat, s->ess_bulk, s->ess_tail, s->mcse_mean, s->mcse_sd,
                         s->q2_5, s->q97_5 };

    bm_csv_quote(b, s->name);
    add_numbers(b, x, sizeof x / sizeof *x);
}

bm_status bm_write_summary_csv(bm_file *f, const bm_summary_row *rows, size_t n, bm_error *err)
{
    bm_status st = BM_OK;

    bm_summary_csv_header(&f->buf);
    for (size_t i = 0; i < n && st == BM_OK; i++) {
        bm_summary_csv_row(&f->buf, &rows[i]);
        st = bm_file_spill(f, err);
    }
    return st;
}

bm_status bm_write_ranef_csv(bm_file *f, const bm_result *r, bm_error *err)
{
    bm_status st = BM_OK;

    bm_buf_puts(&f->buf, "group,level,term,mean,sd,q5,q50,q95\n");
    for (size_t i = 0; i < r->nranef && st == BM_OK; i++) {
        const bm_ranef_row *u = &r->ranef[i];
        const bm_group     *g = &r->design->fac[u->factor];
        const double        x[] = { u->mean, u->sd, u->q5, u->q50, u->q95 };

        bm_csv_quote(&f->buf, g->name);
        bm_buf_putc(&f->buf, ',');
        bm_csv_quote(&f->buf, g->levels[u->level]);
        bm_buf_putc(&f->buf, ',');
        bm_csv_quote(&f->buf, g->znames[u->term]);
        add_numbers(&f->buf, x, sizeof x / sizeof *x);
        st = bm_file_spill(f, err);
    }
    return st;
}
