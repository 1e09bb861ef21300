/* plot_density.c: the posterior of each parameter, its prior as a dashed line, median and 95 % interval. */
#include "report/plot_priv.h"

#include <math.h>

enum { POINTS = 201 };

/* The curve of the posterior and, as third column, of the prior; their highest point. */
static bool curves(bm_buf *b, const double *x, size_t n, const bm_plot_prior *prior, double lo, double hi, double *top)
{
    double y[POINTS];

    if (!bm_kde(x, n, prior->least, prior->most, lo, hi, POINTS, y)) return false;
    *top = 0;
    for (size_t i = 0; i < POINTS; i++) *top = fmax(*top, y[i]);
    for (size_t i = 0; i < POINTS; i++) {
        double at = lo + (hi - lo) * (double)i / (POINTS - 1), row[] = { at, y[i], bm_plot_prior_density(prior, at) };

        if (row[2] > 1.6 * *top) row[2] = NAN;       /* an infinite density, or one far above the posterior */
        bm_data_row(b, row, 3);
        if (row[2] > *top) *top = row[2];
    }
    return true;
}

static void interval(bm_picture *p, const double q[3])
{
    bm_buf *b = &p->script;

    bm_buf_puts(b, "set arrow 1 from ");
    bm_buf_num(b, q[0]);
    bm_buf_puts(b, ", graph 0.05 to ");
    bm_buf_num(b, q[2]);
    bm_buf_puts(b, ", graph 0.05 nohead front lw 3 lc rgb '" BM_INK "'\nset label 500 '' at ");
    bm_buf_num(b, q[1]);
    bm_buf_puts(b, ", graph 0.05 front point pt 7 ps 0.7 lc rgb '" BM_INK "'\n");
}

static bm_status panel(bm_picture *p, const bm_plot_input *in, size_t var, bm_box at, bm_error *err)
{
    static const double prob[] = { 0.025, 0.5, 0.975 };
    const bm_draws     *d = in->draws;
    size_t              n = d->nchain * d->niter, index;
    const double       *x = d->x + var * n;
    bm_plot_prior       prior = bm_plot_prior_of(in, d->names[var]);
    double              lo, hi, top, q[3];
    bm_buf             *b = bm_picture_data(p, &index);
    bm_status           st;

    (void)at;
    if (!b) return bm_nomem(err);
    if (!bm_kde_range(x, n, prior.least, prior.most, &lo, &hi) || !curves(b, x, n, &prior, lo, hi, &top))
        return bm_fail(err, BM_EINVAL, "the draws of '%s' hardly differ", d->names[var]);
    if ((st = bm_plot_quantiles(x, n, prob, 3, q, err)) != BM_OK) return st;
    bm_axis(p, 'x', lo, hi, 0.01, 5);
    bm_buf_puts(&p->script, "set yrange [0:");
    bm_buf_num(&p->script, 1.08 * top);
    bm_buf_puts(&p->script, "]\n");
    bm_axis_bare(p, 'y');
    interval(p, q);
    bm_buf_printf(&p->script, "plot 'd%zu' using 1:2 with filledcurves y1=0 lc rgb '#a0%s', '' using 1:2 with lines lw 1.6 lc "
                  "rgb '" BM_BLUE "'", index,
                  BM_BLUE_HEX);
    if (prior.kind != BM_NO_PRIOR) bm_buf_puts(&p->script, ", '' using 1:3 with lines lw 1.8 dt (6,4) lc rgb '" BM_ORANGE "'");
    bm_buf_putc(&p->script, '\n');
    return BM_OK;
}

static void dress(bm_picture *p, const bm_plot_input *in)
{
    double x = p->width - 365;

    bm_legend(p, 0, x, 20, "#60" "0072b2", "fill", "posterior");
    if (in->priors) bm_legend(p, 1, x + 95, 20, BM_ORANGE, "dash", "prior");
    bm_legend(p, 2, x + 165, 20, BM_INK, "line", "95 % interval, median");
    if (!in->priors) bm_buf_printf(&p->caption, "%sPriors are not shown: %s.", p->caption.n ? " " : "",
                                   in->no_data ? in->no_data : "the model is not known");
}

bm_status bm_plot_density(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    static const bm_page_kind kind = { .title = "Posterior and prior", .alt = "Density of the posterior of each parameter with "
                                      "its 95 % interval, and of "
                                       "its prior.", .height = 165, .left = 12, .below = 26, .cols = 3, .rows = 4,
                                       .panel = panel, .dress = dress };

    return bm_plot_pages(in, out, &kind, err);
}
