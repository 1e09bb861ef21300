/* plot_trace.c: the draws in order, a line per chain. Long chains are shown by every k-th draw, and the caption says so. */
#include "report/plot_priv.h"

enum { POINTS = 1000 };                               /* per chain and panel */

static size_t stride(const bm_draws *d)
{
    return (d->niter + POINTS - 1) / POINTS;
}

static bm_status panel(bm_picture *p, const bm_plot_input *in, size_t var, bm_box at, bm_error *err)
{
    const bm_draws *d = in->draws;
    const double   *x = d->x + var * d->nchain * d->niter;
    double          lo = x[0], hi = x[0];
    size_t          index, step = stride(d);
    bm_buf         *b = bm_picture_data(p, &index);

    (void)at;
    if (!b) return bm_nomem(err);
    for (size_t i = 0; i < d->nchain * d->niter; i++) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
    }
    for (size_t c = 0; c < d->nchain; c++) {
        for (size_t i = 0; i < d->niter; i += step) {
            double row[] = { (double)i + 1, x[c * d->niter + i] };

            bm_data_row(b, row, 2);
        }
        bm_buf_puts(b, "\n\n");
    }
    bm_axis(p, 'x', 1, (double)d->niter, 0, 5);
    bm_axis(p, 'y', lo, hi, 0.04, 5);
    for (size_t c = 0; c < d->nchain; c++)
        bm_buf_printf(&p->script, "%s'd%zu' index %zu using 1:2 with lines lw 0.6 lc rgb '#%s%s'", c ? ", \\\n  " : "plot ",
                      index, c,
                      d->nchain > 1 ? "40" : "00", bm_chain_colour(c) + 1);
    bm_buf_putc(&p->script, '\n');
    return BM_OK;
}

static void dress(bm_picture *p, const bm_plot_input *in)
{
    if (stride(in->draws) > 1) bm_buf_printf(&p->caption, "%sOne draw in %zu of each chain is shown.", p->caption.n ? " " : "",
                                             stride(in->draws));
}

bm_status bm_plot_trace(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    static const bm_page_kind kind = { .title = "Trace of the draws", .alt = "Draws of each parameter in order, one line per "
                                      "chain.", .height = 170,
                                       .left = 64, .below = 26, .cols = 2, .rows = 4, .with_lp = true, .chains = true,
                                       .panel = panel, .dress = dress };

    return bm_plot_pages(in, out, &kind, err);
}
