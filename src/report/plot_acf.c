/* plot_acf.c: autocorrelations of the draws, a line per chain. */
#include "report/plot_priv.h"

#include <math.h>

enum { LAGS = 30 };

static bm_status panel(bm_picture *p, const bm_plot_input *in, size_t var, bm_box at, bm_error *err)
{
    const bm_draws *d = in->draws;
    const double   *x = d->x + var * d->nchain * d->niter;
    size_t          nlag = d->niter - 1 < LAGS ? d->niter - 1 : LAGS, index;
    double          rho[LAGS + 1], half = 1.96 / sqrt((double)d->niter), least = -0.1;
    bm_buf         *b = bm_picture_data(p, &index);

    (void)at;
    if (!b) return bm_nomem(err);
    for (size_t c = 0; c < d->nchain; c++) {
        bm_autocorrelation(x + c * d->niter, d->niter, nlag, rho);
        for (size_t i = 0; i <= nlag; i++) {
            double row[] = { (double)i, rho[i] };

            if (rho[i] < least) least = rho[i];
            bm_data_row(b, row, 2);
        }
        bm_buf_puts(b, "\n\n");
    }
    bm_axis(p, 'x', 0, (double)nlag, 0.01, 4);
    bm_axis(p, 'y', fmin(least, -half), 1, 0.03, 4);
    bm_buf_puts(&p->script, "set object 1 rectangle from graph 0, first ");
    bm_buf_num(&p->script, -half);
    bm_buf_puts(&p->script, " to graph 1, first ");
    bm_buf_num(&p->script, half);
    bm_buf_puts(&p->script, " back fillcolor rgb '" BM_SHADE "' fillstyle solid noborder\n");
    for (size_t c = 0; c < d->nchain; c++)
        bm_buf_printf(&p->script, "%s'd%zu' index %zu using 1:2 with linespoints pt 7 ps 0.25 lw 1.2 lc rgb '%s'", c ? ", \\\n "
                      " " : "plot ", index, c,
                      bm_chain_colour(c));
    bm_buf_putc(&p->script, '\n');
    return BM_OK;
}

static void dress(bm_picture *p, const bm_plot_input *in)
{
    (void)in;
    bm_buf_printf(&p->caption, "%sCorrelation of draws so many steps apart. The band holds 95 %% of the values of independent "
                  "draws.", p->caption.n ? " " : "");
}

bm_status bm_plot_acf(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    static const bm_page_kind kind = { .title = "Autocorrelation of the draws", .alt = "Autocorrelation of the draws by lag, "
                                      "one line per chain.",
                                       .height = 165, .left = 40, .below = 26, .cols = 3, .rows = 4, .chains = true,
                                       .panel = panel, .dress = dress };

    return bm_plot_pages(in, out, &kind, err);
}
