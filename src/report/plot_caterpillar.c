/* plot_caterpillar.c: the effects of each group, ordered, with 50 % and 95 % intervals, and the BLUPs of REML where there is
 * such a fit. Where the levels are many, the largest effects are shown with their names, below a strip of all of them. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL = 22, ROW = 17, MAX_ROWS = 50, STRIP = 150, STRIP_POINTS = 1500 };

typedef struct { const bm_plot_input *in; const bm_estimates *e; size_t factor, term; } effect;

static size_t at_of(const effect *f, size_t level)
{
    return level * f->in->design->fac[f->factor].q + f->term;
}

static double blup(const effect *f, size_t level)
{
    const bm_reml *r = f->in->reml;
    const bm_group *g = &f->in->design->fac[f->factor];

    if (!r || f->factor >= r->ngroup || r->group[f->factor].J != g->J || r->group[f->factor].q != g->q) return NAN;
    return r->group[f->factor].u[at_of(f, level)];
}

/* place, four quantiles, mean, BLUP */
static void write_level(bm_buf *b, const effect *f, size_t level, double place)
{
    const double *q = f->e->q[f->factor] + 4 * at_of(f, level);
    double        row[] = { place, q[0], q[1], q[2], q[3], f->e->u[f->factor][at_of(f, level)], blup(f, level) };

    bm_data_row(b, row, 7);
}

static bm_status means_of(double **out, const effect *f, bm_error *err)
{
    size_t J = f->in->design->fac[f->factor].J;

    if (!(*out = bm_alloc(J, sizeof **out))) return bm_nomem(err);
    for (size_t j = 0; j < J; j++) (*out)[j] = f->e->u[f->factor][at_of(f, j)];
    return BM_OK;
}

static void range_of(const effect *f, const size_t *level, size_t n, double *lo, double *hi)
{
    *lo = 0;
    *hi = 0;
    for (size_t i = 0; i < n; i++) {
        const double *q = f->e->q[f->factor] + 4 * at_of(f, level[i]);

        *lo = fmin(*lo, q[0]);
        *hi = fmax(*hi, q[3]);
    }
}

/* All levels, in order: x the place, y the effect. */
static bm_status strip(bm_picture *p, const effect *f, const double *mean, bm_box at, bm_error *err)
{
    size_t    J = f->in->design->fac[f->factor].J, *order = NULL, index, step = (J + STRIP_POINTS - 1) / STRIP_POINTS;
    double    lo, hi;
    bm_buf   *b = bm_picture_data(p, &index);
    bm_status st = b ? bm_largest(&order, mean, J, J, err) : bm_nomem(err);

    if (st != BM_OK) return st;
    range_of(f, order, J, &lo, &hi);
    for (size_t i = 0; i < J; i += step) write_level(b, f, order[i], (double)(i + 1));
    bm_axis(p, 'x', 1, (double)J, 0.01, 5);
    bm_axis(p, 'y', lo, hi, 0.04, 4);
    (void)at;
    bm_buf_printf(&p->script, "plot 'd%zu' using 1:2:(0):($5-$2) with vectors nohead lw 0.7 lc rgb '#b0%s', 0 with lines lw 1 "
                  "lc rgb '" BM_LINE
                              "', '' using 1:6 with points pt 7 ps 0.25 lc rgb '" BM_BLUE "'\n", index, BM_BLUE_HEX);
    free(order);
    return BM_OK;
}

/* The unit of an effect: the response, or the response per unit of the predictor. */
static void unit_of(bm_picture *p, const effect *f, double room)
{
    const bm_design *d = f->in->design;
    const char      *z = d->fac[f->factor].znames[f->term];
    bm_buf           text = { 0 };

    bm_buf_puts(&text, d->yname);
    if (strcmp(z, "Intercept") != 0) bm_buf_printf(&text, " per unit of %s", z);
    if (text.s) bm_axis_label(p, 'x', text.s, room);
    p->script.failed |= text.failed;
    bm_buf_free(&text);
}

static bm_status named(bm_picture *p, const effect *f, const double *mean, size_t n, double width, bm_error *err)
{
    const bm_group *g = &f->in->design->fac[f->factor];
    size_t         *order = NULL, index;
    double          lo, hi;
    bm_buf         *b = bm_picture_data(p, &index);
    bm_status       st = b ? bm_largest(&order, mean, g->J, n, err) : bm_nomem(err);

    if (st != BM_OK) return st;
    range_of(f, order, n, &lo, &hi);
    bm_axis(p, 'x', lo, hi, 0.04, 5);
    unit_of(p, f, width);
    bm_buf_puts(&p->script, "set ytics (");
    for (size_t i = 0; i < n; i++) {
        write_level(b, f, order[i], (double)(i + 1));
        if (i) bm_buf_puts(&p->script, ", ");
        bm_quote_tic(&p->script, g->levels[order[i]], LABEL);
        bm_buf_printf(&p->script, " %zu", i + 1);
    }
    bm_buf_printf(&p->script, ") font ',9'\nset yrange [0.2:%zu.8]\nset border 1\nset grid xtics noytics\n"
                              "set arrow 1 from 0, graph 0 to 0, graph 1 nohead back lw 1 lc rgb '" BM_LINE "'\n", n);
    bm_buf_printf(&p->script, "plot 'd%zu' using 2:1:($5-$2):(0) with vectors nohead lw 1.3 lc rgb '" BM_BLUE "', '' using "
                  "3:1:($4-$3):(0) with vectors nohead "
                              "lw 3.6 lc rgb '" BM_BLUE "', '' using 6:1 with points pt 7 ps 0.75 lc rgb '#ffffff', '' using "
                              "6:1 with points pt 6 ps 0.75 lw 1.3 lc rgb '"
                              BM_BLUE "'", index);
    if (isfinite(blup(f, 0))) bm_buf_puts(&p->script, ", '' using 7:($1-0.34) with points pt 9 ps 0.55 lc rgb '" BM_ORANGE "'");
    bm_buf_puts(&p->script, "\nset ytics font ',10'\n");
    free(order);
    return BM_OK;
}

/* Legend and caption, with the first panel of a picture. */
static void dress(bm_picture *p, const effect *f, size_t shown)
{
    const bm_group *g = &f->in->design->fac[f->factor];

    bm_legend(p, 0, p->width - 330, 20, BM_BLUE, "line", "Bayes: mean, 50 %, 95 %");
    if (isfinite(blup(f, 0))) bm_legend(p, 1, p->width - 130, 20, BM_ORANGE, "point9", "REML (BLUP)");
    p->title_columns = 48;
    bm_buf_printf(&p->alt, "Effects of the levels of %s in order, with 50 %% and 95 %% intervals.", g->name);
    if (shown < g->J)
        bm_buf_printf(&p->caption, "Above: all %zu levels in order, 95 %% intervals. Below: the %zu with the largest effects; "
                      "ranef.csv has all. ", g->J, shown);
    if (!f->e->from_draws) bm_buf_puts(&p->caption, "Intervals are normal ones from mean and sd, since the draws of the "
                                       "effects were not kept.");
}

/* The longest label of those that will be shown, of any of the effects. */
static bm_status label_room(const bm_plot_input *in, const bm_estimates *e, size_t k, size_t first, size_t n, size_t shown,
                            double *out, bm_error *err)
{
    const bm_group *g = &in->design->fac[k];
    bm_status       st = BM_OK;

    *out = 0;
    for (size_t i = 0; i < n && st == BM_OK; i++) {
        effect  f = { in, e, k, first + i };
        double *mean = NULL, room;
        size_t *order = NULL;

        if ((st = means_of(&mean, &f, err)) == BM_OK && (st = bm_largest(&order, mean, g->J, shown, err)) == BM_OK) {
            room = bm_label_room((const char *const *)g->levels, order, shown, LABEL);
            *out = fmax(*out, room);
        }
        free(mean);
        free(order);
    }
    return st;
}

/* Up to three effects of a factor side by side on one picture. */
static bm_status one_picture(const bm_plot_input *in, const bm_estimates *e, size_t k, size_t first, size_t n, bm_pictures *out,
                             bm_error *err)
{
    const bm_group *g = &in->design->fac[k];
    size_t          shown = g->J < MAX_ROWS ? g->J : MAX_ROWS;
    double          above = g->J > MAX_ROWS ? STRIP + 44 : 0, left;
    bm_buf          title = { 0 };
    bm_picture     *p;
    bm_status       st = label_room(in, e, k, first, n, shown, &left, err);

    if (st != BM_OK) return st;
    bm_buf_printf(&title, "Group effects: %s", g->name);
    p = title.failed ? NULL : bm_pictures_add(out, in, title.s, BM_PLOT_TOP + 24 + above + ROW * (double)shown + 84, err);
    bm_buf_free(&title);
    if (!p) return bm_nomem(err);
    for (size_t i = 0; i < n && st == BM_OK; i++) {
        effect  f = { in, e, k, first + i };
        double *mean = NULL, cell = (p->width - 20) / (double)n;
        bm_box  strip_at = { 10 + (double)i * cell + 44, BM_PLOT_TOP + 24, cell - 60, STRIP };
        bm_box  at = { 10 + (double)i * cell + left, BM_PLOT_TOP + 24 + above, cell - left - 16, ROW * (double)shown };

        if ((st = means_of(&mean, &f, err)) != BM_OK) break;
        bm_panel(p, above > 0 ? strip_at : at);
        if (i == 0) dress(p, &f, shown);
        bm_panel_title(p, above > 0 ? strip_at : at, g->znames[f.term]);
        if (above > 0) {
            st = strip(p, &f, mean, strip_at, err);
            bm_panel(p, at);
        }
        if (st == BM_OK) st = named(p, &f, mean, shown, at.w, err);
        free(mean);
    }
    return st;
}

bm_status bm_plot_caterpillar(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    bm_estimates e;
    bm_status    st = bm_estimates_new(&e, in, err);

    if (st != BM_OK) return st;
    for (size_t k = 0; k < in->design->nfac; k++)
        for (size_t i = 0; i < in->design->fac[k].q && st == BM_OK; i += 3)
            st = one_picture(in, &e, k, i, in->design->fac[k].q - i < 3 ? in->design->fac[k].q - i : 3, out, err);
    bm_estimates_free(&e);
    return st;
}
