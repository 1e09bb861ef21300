/* plot_intervals.c: medians with 50 % and 95 % intervals, parameters of one kind on one axis: the intercept, coefficients,
 * standard deviations, correlations. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROW = 24, MAX_ROWS = 60 };

typedef enum { INTERCEPT, COEFFICIENTS, SDS, CORRELATIONS, OTHERS, NSECTIONS } section;
static const char *const headings[] = { "intercept", "coefficients", "standard deviations", "correlations", "others" };

static section section_of(const char *name)
{
    if (strcmp(name, "b_Intercept") == 0) return INTERCEPT;
    if (strncmp(name, "b_", 2) == 0) return COEFFICIENTS;
    if (strncmp(name, "sd_", 3) == 0 || strcmp(name, "sigma") == 0) return SDS;
    return strncmp(name, "cor_", 4) == 0 ? CORRELATIONS : OTHERS;
}

typedef struct { size_t var[MAX_ROWS], n; } rows;

static bm_status quantile_rows(bm_buf *b, const bm_plot_input *in, const rows *r, double *lo, double *hi, bm_error *err)
{
    static const double prob[] = { 0.025, 0.25, 0.5, 0.75, 0.975 };
    size_t              n = in->draws->nchain * in->draws->niter;

    *lo = INFINITY;
    *hi = -INFINITY;
    for (size_t i = 0; i < r->n; i++) {
        double    row[6] = { (double)(r->n - i) };
        bm_status st = bm_plot_quantiles(in->draws->x + r->var[i] * n, n, prob, 5, row + 1, err);

        if (st != BM_OK) return st;
        *lo = fmin(*lo, row[1]);
        *hi = fmax(*hi, row[5]);
        bm_data_row(b, row, 6);
    }
    return BM_OK;
}

static void names_on_axis(bm_picture *p, const bm_plot_input *in, const rows *r)
{
    bm_buf_puts(&p->script, "set ytics (");
    for (size_t i = 0; i < r->n; i++) {
        if (i) bm_buf_puts(&p->script, ", ");
        bm_quote_tic(&p->script, in->draws->names[r->var[i]], BM_PLOT_LABEL);
        bm_buf_printf(&p->script, " %zu", r->n - i);
    }
    bm_buf_printf(&p->script, ")\nset yrange [0.4:%zu.6]\nset border 1\nset grid xtics noytics\n", r->n);
}

static bm_status panel(bm_picture *p, const bm_plot_input *in, const rows *r, section s, bm_box at, bm_error *err)
{
    double    lo = 0, hi = 1;
    size_t    index;
    bm_buf   *b = bm_picture_data(p, &index);
    bm_status st = b ? quantile_rows(b, in, r, &lo, &hi, err) : bm_nomem(err);

    if (st != BM_OK) return st;
    if (s == SDS) lo = 0;
    if (s == CORRELATIONS) {
        lo = -1;
        hi = 1;
    }
    bm_panel(p, at);
    bm_panel_title(p, at, headings[s]);
    bm_axis(p, 'x', lo, hi, s == CORRELATIONS ? 0 : s == SDS ? 0.02 : 0.06, 7);
    if (s == SDS) bm_buf_puts(&p->script, "set xrange [0:]\n");
    names_on_axis(p, in, r);
    if (lo < 0 && hi > 0) bm_buf_puts(&p->script, "set arrow 1 from 0, graph 0 to 0, graph 1 nohead back lw 1 lc rgb "
                                      "'" BM_LINE "'\n");
    bm_buf_printf(&p->script, "plot 'd%zu' using 2:1:($6-$2):(0) with vectors nohead lw 1.6 lc rgb '" BM_BLUE "', '' using "
                  "3:1:($5-$3):(0) with vectors "
                              "nohead lw 5 lc rgb '" BM_BLUE "', '' using 4:1 with points pt 7 ps 1 lc rgb '#ffffff', '' using "
                              "4:1 with points pt 6 ps 1 lw 1.6 lc rgb '"
                              BM_BLUE "'\n", index);
    return BM_OK;
}

static size_t sort_out(rows r[NSECTIONS], const bm_plot_input *in, const size_t *var, size_t n)
{
    size_t shown = 0;

    memset(r, 0, NSECTIONS * sizeof *r);
    for (size_t i = 0; i < n && shown < MAX_ROWS; i++, shown++) {
        rows *to = &r[section_of(in->draws->names[var[i]])];

        to->var[to->n++] = var[i];
    }
    if (r[INTERCEPT].n && r[COEFFICIENTS].n == 0) r[COEFFICIENTS] = r[INTERCEPT], r[INTERCEPT].n = 0;
    return shown;
}

bm_status bm_plot_intervals(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    size_t     *var = NULL, n, shown;
    rows        r[NSECTIONS];
    double      y = BM_PLOT_TOP, height = BM_PLOT_TOP + 20;
    bm_picture *p = NULL;
    bm_status   st = bm_plot_vars(&var, &n, in, false, err);

    if (st == BM_OK && n == 0) st = bm_fail(err, BM_EINVAL, "every variable is constant");
    if (st != BM_OK) goto done;
    shown = sort_out(r, in, var, n);
    for (section s = 0; s < NSECTIONS; s++)
        if (r[s].n) height += 24 + 34 + ROW * (double)r[s].n;
    if (!(p = bm_pictures_add(out, in, "Posterior intervals", height, err))) {
        st = BM_ENOMEM;
        goto done;
    }
    bm_buf_printf(&p->caption, "Median, 50 %% (thick) and 95 %% interval (thin).");
    if (shown < n) bm_buf_printf(&p->caption, " The first %zu of %zu variables; --vars chooses others.", shown, n);
    bm_buf_printf(&p->alt, "Medians with 50 %% and 95 %% posterior intervals of %zu parameters.", shown);
    for (section s = 0; s < NSECTIONS && st == BM_OK; s++) {
        if (!r[s].n) continue;
        y += 24;
        st = panel(p, in, &r[s], s, (bm_box){ 222, y, p->width - 247, ROW * (double)r[s].n }, err);
        y += 34 + ROW * (double)r[s].n;
    }
done:
    free(var);
    return st;
}
