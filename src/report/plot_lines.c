/* plot_lines.c: fitted lines per group over the raw data, along a numeric predictor. A panel per group where groups are few;
 * else all lines in one. Where the predictor enters as itself the lines are straight, other predictors at the group's means;
 * else (squares, interactions) the fitted values at the data are joined. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PANELS = 30, MAX_LINES = 300, MAX_POINTS = 3000 };

typedef struct {
    const bm_plot_input *in;
    const bm_design     *d;
    const bm_group      *g;              /* NULL: no groups */
    bm_estimates         e;
    size_t               x, z;           /* column of X (SIZE_MAX: none) and of Z (SIZE_MAX: none) that is the predictor */
    const char          *xname;
    const double        *value;          /* n */
    bool                 straight;
    size_t              *order, *start;  /* rows by group and predictor; J + 1 */
    size_t               J;
} view;

/* Is it a numeric column of the data, and not constant? */
static bool numeric(const char *name, const double *x, size_t n)
{
    bool differs = false;

    if (strcmp(name, "(Intercept)") == 0 || strcmp(name, "Intercept") == 0) return false;
    for (size_t i = 1; i < n && !differs; i++) differs = x[i] != x[0];
    return differs;
}

static bool more_than_two_values(const double *x, size_t n)
{
    double other = NAN;

    for (size_t i = 1; i < n; i++) {
        if (x[i] == x[0] || x[i] == other) continue;
        if (!isnan(other)) return true;
        other = x[i];
    }
    return false;
}

/* The predictor whose slope varies between groups, else the first numeric one; a dummy only where there is nothing else. */
static bool choose_predictor(view *v)
{
    const bm_design *d = v->d;

    v->x = v->z = SIZE_MAX;
    v->xname = NULL;
    for (int dummy = 0; dummy < 2 && !v->xname; dummy++) {
        for (size_t i = 0; v->g && i < v->g->q && !v->xname; i++)
            if (numeric(v->g->znames[i], v->g->Z + i * d->n, d->n) && (dummy || more_than_two_values(v->g->Z + i * d->n, d->n))) {
                v->xname = v->g->znames[i];
                v->value = v->g->Z + i * d->n;
            }
        for (size_t k = 0; k < d->p && !v->xname; k++)
            if (numeric(d->xnames[k], d->X + k * d->n, d->n) && (dummy || more_than_two_values(d->X + k * d->n, d->n))) {
                v->xname = d->xnames[k];
                v->value = d->X + k * d->n;
            }
    }
    if (!v->xname) return false;
    for (size_t k = 0; k < d->p; k++)
        if (strcmp(d->xnames[k], v->xname) == 0) v->x = k;
    for (size_t i = 0; v->g && i < v->g->q; i++)
        if (strcmp(v->g->znames[i], v->xname) == 0) v->z = i;
    return true;
}

/* Does any other column contain the predictor? */
static bool is_straight(const view *v)
{
    const bm_design *d = v->d;

    for (size_t k = 0; k < d->p; k++)
        if (k != v->x && strstr(d->xnames[k], v->xname)) return false;
    for (size_t i = 0; v->g && i < v->g->q; i++)
        if (i != v->z && strstr(v->g->znames[i], v->xname)) return false;
    return d->nfac <= 1;
}

typedef struct { int32_t code; double x; size_t row; } keyed;

static int by_group(const void *a, const void *b)
{
    const keyed *p = a, *q = b;

    if (p->code != q->code) return p->code < q->code ? -1 : 1;
    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    return p->row < q->row ? -1 : 1;
}

static bm_status sort_rows(view *v, bm_error *err)
{
    size_t n = v->d->n;
    keyed *key = bm_alloc(n, sizeof *key);

    v->J = v->g ? v->g->J : 1;
    v->order = bm_alloc(n, sizeof *v->order);
    v->start = bm_alloc(v->J + 1, sizeof *v->start);
    if (!key || !v->order || !v->start) {
        free(key);
        return bm_nomem(err);
    }
    for (size_t i = 0; i < n; i++) key[i] = (keyed){ v->g ? v->g->code[i] : 0, v->value[i], i };
    qsort(key, n, sizeof *key, by_group);
    for (size_t i = 0; i < n; i++) {
        v->order[i] = key[i].row;
        v->start[key[i].code + 1] = i + 1;
    }
    free(key);
    return BM_OK;
}

static void point(bm_buf *b, double x, double y)
{
    double row[] = { x, y };

    bm_data_row(b, row, 2);
}

/* The line of group j; fit: of each row. */
static void write_line(bm_buf *b, const view *v, size_t j, const double *fit, double slope)
{
    size_t first = v->start[j], n = v->start[j + 1] - first;
    double mx = 0, my = 0;

    if (!v->straight) {
        for (size_t i = 0; i < n;) {                 /* equal places: their mean */
            double x = v->value[v->order[first + i]], sum = 0;
            size_t same = 0;

            for (; i < n && v->value[v->order[first + i]] == x; i++, same++) sum += fit[v->order[first + i]];
            point(b, x, sum / (double)same);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        mx += v->value[v->order[first + i]] / (double)n;
        my += fit[v->order[first + i]] / (double)n;
    }
    double lo = v->value[v->order[first]], hi = v->value[v->order[first + n - 1]];
    point(b, lo, my + slope * (lo - mx));
    point(b, hi, my + slope * (hi - mx));
}

static double slope_of(const view *v, size_t j, bool own)
{
    double s = v->x == SIZE_MAX ? 0 : v->e.b[v->x];

    return own && v->z != SIZE_MAX ? s + v->e.u[0][j * v->g->q + v->z] : s;
}

static void ranges(const view *v, double r[4])
{
    r[0] = r[2] = INFINITY;
    r[1] = r[3] = -INFINITY;
    for (size_t i = 0; i < v->d->n; i++) {
        r[0] = fmin(r[0], v->value[i]);
        r[1] = fmax(r[1], v->value[i]);
        r[2] = fmin(r[2], v->d->y[i]);
        r[3] = fmax(r[3], v->d->y[i]);
    }
}

static bm_status facet(bm_picture *p, const view *v, size_t j, bm_box at, bool left, bool bottom, bm_error *err)
{
    double  r[4];
    size_t  points, own, pooled;
    bm_buf *b = bm_picture_data(p, &points);

    ranges(v, r);
    for (size_t i = v->start[j]; b && i < v->start[j + 1]; i++) point(b, v->value[v->order[i]], v->d->y[v->order[i]]);
    if (b && (b = bm_picture_data(p, &own))) write_line(b, v, j, v->e.fitted, slope_of(v, j, true));
    if (b && (b = bm_picture_data(p, &pooled))) write_line(b, v, j, v->e.fixed, slope_of(v, j, false));
    if (!b) return bm_nomem(err);
    bm_panel_title(p, at, v->g ? v->g->levels[j] : "");
    bm_axis(p, 'x', r[0], r[1], 0.05, 4);
    bm_axis(p, 'y', r[2], r[3], 0.05, 4);
    if (!left) bm_buf_puts(&p->script, "set format y ''\n");
    if (!bottom) bm_buf_puts(&p->script, "set format x ''\n");
    bm_buf_printf(&p->script, "plot 'd%zu' using 1:2 with points pt 7 ps 0.5 lc rgb '#60%s'", points, BM_INK_HEX);
    if (v->g) bm_buf_printf(&p->script, ", 'd%zu' using 1:2 with lines lw 1.4 dt (5,4) lc rgb '" BM_ORANGE "'", pooled);
    bm_buf_printf(&p->script, ", 'd%zu' using 1:2 with lines lw 2 lc rgb '" BM_BLUE "'\n", own);
    return BM_OK;
}

static void axis_names(bm_picture *p, const view *v)
{
    bm_text(p, p->width / 2, p->height - 36, v->xname, 60, "center font ',11' textcolor rgb '" BM_FAINT "'");
    bm_text(p, 16, (p->height - 60 + BM_PLOT_TOP) / 2, v->d->yname, 60, "center rotate font ',11' textcolor rgb '" BM_FAINT "'");
}

static void legend(bm_picture *p, const view *v, const char *pooled)
{
    bm_legend(p, 0, p->width - 400, 20, BM_INK, "point", "data");
    bm_legend(p, 1, p->width - 325, 20, BM_BLUE, "line", v->g ? "fitted, per group" : "fitted");
    if (v->g && *pooled) bm_legend(p, 2, p->width - 180, 20, BM_ORANGE, "dash", pooled);
}

static bm_status facets(bm_pictures *out, const view *v, bm_error *err)
{
    size_t      cols = v->J <= 6 ? 3 : v->J <= 12 ? 4 : v->J <= 20 ? 5 : 6, rows;
    double      high;
    bm_picture *p;
    bm_status   st = BM_OK;

    if (v->J < cols) cols = v->J;
    rows = (v->J + cols - 1) / cols;
    high = cols <= 2 ? 360 : cols == 3 ? 220 : 150;
    if (!(p = bm_pictures_add(out, v->in, "Fitted lines over the data", BM_PLOT_TOP + (double)rows * high + 76,
                              err))) return BM_ENOMEM;
    bm_buf_printf(&p->alt, "%s against %s, a panel per level of %s, with the fitted line of each and the line of the "
                  "coefficients.", v->d->yname, v->xname,
                  v->g ? v->g->name : "nothing");
    for (size_t j = 0; j < v->J && st == BM_OK; j++) {
        double w = (p->width - 78) / (double)cols;
        bm_box at = { 66 + (double)(j % cols) * w, BM_PLOT_TOP + 26 + (double)(j / cols) * high, w - 12, high - 28 };

        bm_panel(p, at);
        if (j == 0) {
            legend(p, v, "coefficients only");
            axis_names(p, v);
        }
        st = facet(p, v, j, at, j % cols == 0, j + cols >= v->J, err);
    }
    return st;
}

/* All lines over all points. */
static bm_status spaghetti(bm_pictures *out, const view *v, bm_error *err)
{
    size_t      n = v->d->n, step = (n + MAX_POINTS - 1) / MAX_POINTS, every = (v->J + MAX_LINES - 1) / MAX_LINES;
    size_t      points, lines, mean;
    double      r[4], mx = bm_average(v->value, n), my = bm_average(v->e.fixed, n), slope = slope_of(v, 0, false);
    bm_picture *p = bm_pictures_add(out, v->in, "Fitted lines over the data", 560, err);
    bm_buf     *b = p ? bm_picture_data(p, &points) : NULL;

    ranges(v, r);
    for (size_t i = 0; b && i < n; i += step) point(b, v->value[v->order[i]], v->d->y[v->order[i]]);
    if (b) b = bm_picture_data(p, &lines);
    for (size_t j = 0; b && j < v->J; j += every) {
        write_line(b, v, j, v->e.fitted, slope_of(v, j, true));
        bm_buf_puts(b, "\n");
    }
    if (b) b = bm_picture_data(p, &mean);
    if (!b) return bm_nomem(err);
    point(b, r[0], my + slope * (r[0] - mx));
    point(b, r[1], my + slope * (r[1] - mx));
    if (every > 1 || step > 1) bm_buf_printf(&p->caption, "Shown: %zu of %zu lines, %zu of %zu rows.",
                                             (v->J + every - 1) / every, v->J, (n + step - 1) / step, n);
    bm_buf_printf(&p->alt, "%s against %s with the fitted lines of the levels of %s.", v->d->yname, v->xname, v->g->name);
    bm_panel(p, (bm_box){ 66, BM_PLOT_TOP + 10, p->width - 90, p->height - BM_PLOT_TOP - 82 });
    legend(p, v, v->straight ? "coefficients only" : "");
    axis_names(p, v);
    bm_axis(p, 'x', r[0], r[1], 0.03, 8);
    bm_axis(p, 'y', r[2], r[3], 0.03, 7);
    bm_buf_printf(&p->script, "plot 'd%zu' using 1:2 with points pt 7 ps 0.3 lc rgb '#b0%s', 'd%zu' using 1:2 with lines lw "
                  "0.9 lc rgb '#80%s'", points, BM_INK_HEX,
                  lines, BM_BLUE_HEX);
    if (v->straight) bm_buf_printf(&p->script, ", 'd%zu' using 1:2 with lines lw 2.6 dt (6,4) lc rgb '" BM_ORANGE "'", mean);
    bm_buf_putc(&p->script, '\n');
    return BM_OK;
}

bm_status bm_plot_lines(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    view      v = { .in = in, .d = in->design, .g = in->design->nfac ? &in->design->fac[0] : NULL };
    bm_status st;

    if (!choose_predictor(&v)) return bm_fail(err, BM_EINVAL, "the model has no numeric predictor");
    v.straight = is_straight(&v);
    if ((st = bm_estimates_new(&v.e, in, err)) == BM_OK && (st = sort_rows(&v, err)) == BM_OK)
        st = v.J <= MAX_PANELS ? facets(out, &v, err) : spaghetti(out, &v, err);
    free(v.order);
    free(v.start);
    bm_estimates_free(&v.e);
    return st;
}
