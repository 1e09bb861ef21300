/* plot_qq.c: standardised residuals, and the effects of each group divided by their estimated spread, against normal
 * quantiles, with the line of equality and a band that holds 95 % of each point. */
#include "report/plot_priv.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

enum { MIDDLE = 600, TAIL = 100, MAX_PANELS = 9, BAND = 60 };

static int ascending(const void *a, const void *b)
{
    const double *p = a, *q = b;

    return *p < *q ? -1 : *p > *q;
}

static double normal_quantile(double i, double n)
{
    return gsl_cdf_ugaussian_Pinv((i + 0.5) / n);
}

/* The band is that of order statistics, beta(i + 1, n - i). Returns the index of its data. */
static bool band(bm_picture *p, size_t n, size_t *index)
{
    bm_buf *b = bm_picture_data(p, index);

    for (size_t i = 0; b && i <= BAND; i++) {
        double z = normal_quantile(0, (double)n) * (1 - 2 * (double)i / BAND), at = gsl_cdf_ugaussian_P(z) * (double)n - 0.5;
        double row[] = { z, gsl_cdf_ugaussian_Pinv(gsl_cdf_beta_Pinv(0.025, at + 1, (double)n - at)),
                         gsl_cdf_ugaussian_Pinv(gsl_cdf_beta_Pinv(0.975, at + 1, (double)n - at)) };

        bm_data_row(b, row, 3);
    }
    return b != NULL;
}

/* x (n) is sorted in place; it should be standard normal. */
static bm_status panel(bm_picture *p, bm_box at, const char *title, double *x, size_t n, bm_error *err)
{
    size_t  points, edge, step = n > MIDDLE + 2 * TAIL ? (n - 2 * TAIL) / MIDDLE : 1;
    bm_buf *b;
    double  reach = fabs(normal_quantile(0, (double)n)), lo, hi;

    qsort(x, n, sizeof *x, ascending);
    if (!band(p, n, &edge) || !(b = bm_picture_data(p, &points))) return bm_nomem(err);
    for (size_t i = 0; i < n; i += i >= TAIL && i + TAIL + step < n ? step : 1) {
        double row[] = { normal_quantile((double)i, (double)n), x[i] };

        bm_data_row(b, row, 2);
    }
    lo = fmin(-reach, x[0]);
    hi = fmax(reach, x[n - 1]);
    bm_panel_title(p, at, title);
    bm_axis(p, 'x', -reach, reach, 0.04, 6);
    bm_axis(p, 'y', lo, hi, 0.06, 6);
    bm_axis_label(p, 'x', "normal quantile", 430);
    bm_buf_printf(&p->script, "plot 'd%zu' using 1:2:3 with filledcurves lc rgb '" BM_SHADE "', 'd%zu' using 1:1 with lines lw "
                  "1.2 lc rgb '" BM_ORANGE
                              "', 'd%zu' using 1:2 with points pt 7 ps 0.45 lc rgb '#40%s'\n", edge, edge, points, BM_BLUE_HEX);
    return BM_OK;
}

static bm_status residuals(bm_picture *p, const bm_plot_input *in, const bm_estimates *e, bm_box at, bm_error *err)
{
    const bm_design *d = in->design;
    double          *x = bm_alloc(d->n, sizeof *x);
    bm_status        st;

    if (!x) return bm_nomem(err);
    for (size_t i = 0; i < d->n; i++) x[i] = (d->y[i] - e->fitted[i]) * sqrt(d->w ? d->w[i] : 1) / e->sigma;
    st = panel(p, at, "residuals / sigma", x, d->n, err);
    free(x);
    return st;
}

/* Effects are pulled towards 0, so their own root mean square is the scale, not the sd of the model. */
static bm_status effects(bm_picture *p, const bm_plot_input *in, const bm_estimates *e, size_t k, size_t term, bm_box at,
                         bm_error *err)
{
    const bm_group *g = &in->design->fac[k];
    double         *x = bm_alloc(g->J, sizeof *x), rms = 0;
    bm_buf          title = { 0 };
    bm_status       st;

    if (!x) return bm_nomem(err);
    for (size_t j = 0; j < g->J; j++) rms += e->u[k][j * g->q + term] * e->u[k][j * g->q + term] / (double)g->J;
    for (size_t j = 0; j < g->J; j++) x[j] = rms > 0 ? e->u[k][j * g->q + term] / sqrt(rms) : 0;
    bm_buf_printf(&title, "%s: %s", g->name, g->znames[term]);
    st = title.failed ? bm_nomem(err) : panel(p, at, title.s, x, g->J, err);
    bm_buf_free(&title);
    free(x);
    return st;
}

bm_status bm_plot_qq(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    const bm_design *d = in->design;
    size_t           n = 1, cols, i = 0, all;
    bm_estimates     e;
    bm_picture      *p;
    bm_status        st = bm_estimates_new(&e, in, err);

    if (st != BM_OK) return st;
    for (size_t k = 0; k < d->nfac; k++) n += d->fac[k].q;
    all = n;
    if (n > MAX_PANELS) n = MAX_PANELS;
    cols = n < 3 ? n : 3;
    const double high = n == 1 ? 460 : 300;
    if (!(p = bm_pictures_add(out, in, "Residuals and group effects against the normal distribution",
                              BM_PLOT_TOP + (double)((n + cols - 1) / cols) * high + 24, err))) {
        bm_estimates_free(&e);
        return BM_ENOMEM;
    }
    bm_buf_puts(&p->caption, "The band holds 95 % of each point where the model is right. Effects are posterior means, divided "
                "by their root mean square.");
    if (n < all) bm_buf_printf(&p->caption, " The first %zu of %zu.", n, all);
    bm_buf_puts(&p->alt, "Quantiles of standardised residuals and of group effects against normal quantiles.");
    bm_panel(p, bm_cell_box(p, 0, cols, high, 44, 44));
    st = residuals(p, in, &e, bm_cell_box(p, i++, cols, high, 44, 44), err);
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t c = 0; c < d->fac[k].q && i < n && st == BM_OK; c++, i++) {
            bm_panel(p, bm_cell_box(p, i, cols, high, 44, 44));
            st = effects(p, in, &e, k, c, bm_cell_box(p, i, cols, high, 44, 44), err);
        }
    bm_estimates_free(&e);
    return st;
}
