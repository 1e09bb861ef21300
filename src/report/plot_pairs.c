/* plot_pairs.c: the variance parameters two by two: densities on the diagonal, draws below it, correlations above. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 7, DRAWS = 400, POINTS = 101 };

static bool is_theta(const char *name)
{
    return strncmp(name, "sd_", 3) == 0 || strncmp(name, "cor_", 4) == 0 || strcmp(name, "sigma") == 0;
}

/* Standard deviations, correlations and sigma; what --vars names; without any of them, the coefficients. */
static bm_status choose(size_t **var, size_t *n, const bm_plot_input *in, bm_error *err)
{
    size_t    all, k = 0;
    bm_status st = bm_plot_vars(var, &all, in, false, err);

    *n = all;
    if (st != BM_OK || in->opt->nvars) return st;
    for (size_t i = 0; i < all; i++)
        if (is_theta(in->draws->names[(*var)[i]])) {
            size_t v = (*var)[i];

            (*var)[i] = (*var)[k];
            (*var)[k++] = v;
        }
    if (k >= 2) *n = k;
    return BM_OK;
}

typedef struct { const bm_plot_input *in; const double *x; size_t var, n; double lo, hi; } axis;

static const double *values(const bm_plot_input *in, size_t var)
{
    return in->draws->x + var * in->draws->nchain * in->draws->niter;
}

static bool axis_of(axis *a, const bm_plot_input *in, size_t var)
{
    bm_plot_prior support = bm_plot_prior_of(in, in->draws->names[var]);

    *a = (axis){ in, values(in, var), var, in->draws->nchain * in->draws->niter, 0, 1 };
    return bm_kde_range(a->x, a->n, support.least, support.most, &a->lo, &a->hi);
}

static bm_status diagonal(bm_picture *p, const axis *a, bm_error *err)
{
    bm_plot_prior support = bm_plot_prior_of(a->in, a->in->draws->names[a->var]);
    double        y[POINTS], top = 0;
    size_t        index;
    bm_buf       *b = bm_picture_data(p, &index);

    if (!b) return bm_nomem(err);
    if (!bm_kde(a->x, a->n, support.least, support.most, a->lo, a->hi, POINTS, y))
        return bm_fail(err, BM_EINVAL, "the draws of '%s' hardly differ", a->in->draws->names[a->var]);
    for (size_t i = 0; i < POINTS; i++) {
        double row[] = { a->lo + (a->hi - a->lo) * (double)i / (POINTS - 1), y[i] };

        top = fmax(top, y[i]);
        bm_data_row(b, row, 2);
    }
    bm_buf_puts(&p->script, "set yrange [0:");
    bm_buf_num(&p->script, 1.08 * top);
    bm_buf_puts(&p->script, "]\n");
    bm_axis_bare(p, 'y');
    bm_buf_printf(&p->script, "plot 'd%zu' using 1:2 with filledcurves y1=0 lc rgb '#a0%s', '' using 1:2 with lines lw 1.4 lc "
                  "rgb '" BM_BLUE "'\n", index,
                  BM_BLUE_HEX);
    return BM_OK;
}

static bm_status cloud(bm_picture *p, const axis *x, const axis *y, bm_error *err)
{
    const bm_draws *d = x->in->draws;
    size_t          index, step = (x->n + DRAWS - 1) / DRAWS;
    bm_buf         *b = bm_picture_data(p, &index);

    if (!b) return bm_nomem(err);
    for (size_t i = 0; i < x->n; i += step) {
        double row[] = { x->x[i], y->x[i], (double)(i / d->niter) };

        bm_data_row(b, row, 3);
    }
    bm_axis(p, 'y', y->lo, y->hi, 0.01, 3);
    bm_buf_printf(&p->script, "plot 'd%zu' using 1:2 with points pt 7 ps 0.35 lc rgb '#80%s'\n", index, BM_BLUE_HEX);
    return BM_OK;
}

static void correlation(bm_picture *p, const axis *x, const axis *y, bm_box at)
{
    double mx = bm_average(x->x, x->n), my = bm_average(y->x, y->n), s = 0;
    char   text[40], style[80];

    for (size_t i = 0; i < x->n; i++) s += (x->x[i] - mx) * (y->x[i] - my);
    s /= (double)(x->n - 1) * bm_deviation(x->x, x->n) * bm_deviation(y->x, y->n);
    snprintf(text, sizeof text, "%s%.2f", s <= -0.005 ? "\xe2\x88\x92" : "", fabs(s));
    snprintf(style, sizeof style, "center font ',%d' textcolor rgb '%s'", 11 + (int)(9 * fabs(s)),
             fabs(s) < 0.3 ? BM_LINE : BM_INK);
    bm_text(p, at.x + at.w / 2, at.y + at.h / 2, text, 0, style);
    bm_buf_puts(&p->script, "unset border\nunset xtics\nunset ytics\nset yrange [0:1]\nset grid noxtics noytics\nplot NaN "
                "notitle\n");
}

static bm_status panel(bm_picture *p, const axis *a, size_t row, size_t col, size_t n, bm_error *err)
{
    double cell = (p->width - 60) / (double)n, high = cell * (n > 4 ? 0.8 : 0.62);
    bm_box at = { 46 + (double)col * cell, BM_PLOT_TOP + 24 + (double)row * high, cell - 12, high - 22 };

    bm_panel(p, at);
    if (row == col) bm_text(p, at.x + at.w / 2, at.y - 7, a[col].in->draws->names[a[col].var], (size_t)(at.w / 7), "center "
                            "font ',10' textcolor rgb '" BM_INK "'");
    bm_axis(p, 'x', a[col].lo, a[col].hi, 0.01, 3);
    if (row + 1 < n) bm_buf_puts(&p->script, "set format x ''\n");
    if (col > 0) bm_buf_puts(&p->script, "set format y ''\n");
    if (row == col) return diagonal(p, a + row, err);
    if (row > col) return cloud(p, a + col, a + row, err);
    correlation(p, a + col, a + row, at);
    return BM_OK;
}

bm_status bm_plot_pairs(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    size_t     *var = NULL, n, all;
    axis        a[MOST];
    double      cell;
    bm_picture *p;
    bm_status   st = choose(&var, &n, in, err);

    if (st != BM_OK) goto done;
    all = n;
    if (n > MOST) n = MOST;
    if (n < 2) {
        st = bm_fail(err, BM_EINVAL, "there are fewer than two parameters that vary");
        goto done;
    }
    for (size_t i = 0; i < n && st == BM_OK; i++)
        if (!axis_of(&a[i], in, var[i])) st = bm_fail(err, BM_EINVAL, "the draws of '%s' hardly differ",
                                                      in->draws->names[var[i]]);
    if (st != BM_OK) goto done;
    cell = (BM_PLOT_WIDTH - 60) / (double)n * (n > 4 ? 0.8 : 0.62);
    if (!(p = bm_pictures_add(out, in, "Parameters in pairs", BM_PLOT_TOP + 64 + (double)n * cell, err))) {
        st = BM_ENOMEM;
        goto done;
    }
    bm_buf_puts(&p->caption, "Diagonal: posterior densities; below: draws; above: their correlations.");
    if (n < all) bm_buf_printf(&p->caption, " The first %zu of %zu parameters; --vars chooses others.", n, all);
    bm_buf_printf(&p->alt, "Scatter plots of the draws of %zu parameters two by two, with their correlations.", n);
    for (size_t i = 0; i < n * n && st == BM_OK; i++) st = panel(p, a, i / n, i % n, n, err);
done:
    free(var);
    return st;
}
