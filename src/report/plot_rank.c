/* plot_rank.c: histograms of the ranks of the draws over all chains, a step line per chain (Vehtari et al. 2021, sec. 3.3):
 * chains that draw from one distribution have flat ones. The band holds 95 % of the bars of chains whose draws are
 * independent and agree. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>

static size_t bins(const bm_draws *d)
{
    return d->nchain * d->niter >= 800 ? 20 : 10;
}

/* Steps: each bin's count at both of its ends. */
static void steps(bm_buf *b, const double *count, size_t nbin, double width)
{
    for (size_t i = 0; i < nbin; i++) {
        double left[] = { (double)i * width, count[i] }, right[] = { (double)(i + 1) * width, count[i] };

        bm_data_row(b, left, 2);
        bm_data_row(b, right, 2);
    }
    bm_buf_puts(b, "\n\n");
}

static bm_status panel(bm_picture *p, const bm_plot_input *in, size_t var, bm_box at, bm_error *err)
{
    const bm_draws *d = in->draws;
    size_t          nbin = bins(d), n = d->nchain * d->niter, index;
    double         *count = bm_alloc(d->nchain * nbin, sizeof *count), expected = (double)d->niter / (double)nbin, most = 0, half;
    bm_buf         *b = bm_picture_data(p, &index);
    bm_status       st = count && b ? BM_OK : bm_nomem(err);

    (void)at;
    if (st == BM_OK) st = bm_rank_counts(d->x + var * n, d->nchain, d->niter, nbin, count, err);
    if (st != BM_OK) goto done;
    half = 1.96 * sqrt(expected * (1 - 1 / (double)nbin));
    for (size_t i = 0; i < d->nchain * nbin; i++) most = fmax(most, count[i]);
    for (size_t c = 0; c < d->nchain; c++) steps(b, count + c * nbin, nbin, (double)n / (double)nbin);
    bm_axis(p, 'x', 0, (double)n, 0, 4);
    bm_axis(p, 'y', 0, fmax(1.05 * most, 2 * expected), 0, 4);
    bm_buf_printf(&p->script, "set object 1 rectangle from 0, ");
    bm_buf_num(&p->script, fmax(0, expected - half));
    bm_buf_printf(&p->script, " to %zu, ", n);
    bm_buf_num(&p->script, expected + half);
    bm_buf_puts(&p->script, " back fillcolor rgb '" BM_SHADE "' fillstyle solid noborder\n");
    for (size_t c = 0; c < d->nchain; c++)
        bm_buf_printf(&p->script, "%s'd%zu' index %zu using 1:2 with lines lw 1.4 lc rgb '%s'", c ? ", \\\n  " : "plot ", index,
                      c, bm_chain_colour(c));
    bm_buf_putc(&p->script, '\n');
done:
    free(count);
    return st;
}

static void dress(bm_picture *p, const bm_plot_input *in)
{
    (void)in;
    bm_buf_printf(&p->caption, "%sRanks over all chains. The band holds 95 %% of the bars if draws are independent; lines that "
                  "slope or gather at the "
                               "ends are chains that disagree.", p->caption.n ? " " : "");
}

bm_status bm_plot_rank(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    static const bm_page_kind kind = { .title = "Ranks of the draws by chain", .alt = "Histograms of the ranks of the draws, "
                                      "one line per chain; flat lines "
                                       "mean that the chains agree.", .height = 165, .left = 40, .below = 26, .cols = 3,
                                       .rows = 4, .chains = true,
                                       .panel = panel, .dress = dress };

    return bm_plot_pages(in, out, &kind, err);
}
