/* plot_ecdf.c: empirical distribution functions of ranks, less what uniform ranks have: flat within the bands if the draws are calibrated (Saeilynoja,
 * Buerkner & Vehtari 2022, Statistics and Computing 32:32, sec. 4). */
#include "report/calibration.h"
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>

enum { COLS = 3, ROWS = 4 };

typedef struct { const bm_sbc *s; size_t *count; } ranks;

/* Columns: z, difference, both bands. */
static void curve(bm_buf *b, const ranks *r, size_t row, double *most)
{
    const bm_sbc *s = r->s;
    double        n = (double)s->counted, start[6] = { 0 }, end[6] = { 1 };

    bm_sbc_counts(s, row, r->count);
    bm_data_row(b, start, 6);
    for (size_t k = 0; k + 1 < s->K; k++) {
        double z = (double)(k + 1) / (double)s->K;
        double v[] = { z, (double)r->count[k] / n - z, (double)s->lo[k] / n - z, (double)s->hi[k] / n - z, (double)s->lo95[k] / n - z, (double)s->hi95[k] / n - z };

        bm_data_row(b, v, 6);
        for (int i = 1; i < 6; i++) *most = fmax(*most, fabs(v[i]));
    }
    bm_data_row(b, end, 6);
}

static bm_status panel(bm_picture *p, const ranks *r, size_t row, bm_box at, bm_error *err)
{
    const bm_sbc_row *v = &r->s->row[row];
    size_t            index;
    bm_buf           *b = bm_picture_data(p, &index);
    double            most = 0;

    if (!b) return bm_nomem(err);
    bm_panel_title(p, at, v->name);
    curve(b, r, row, &most);
    bm_axis(p, 'x', 0, 1, 0, 4);
    bm_axis(p, 'y', -most, most, 0.08, 4);
    bm_buf_printf(&p->script, "plot 'd%zu' using 1:3:4 with filledcurves lc rgb '" BM_SHADE "', \\\n  'd%zu' using 1:5:6 with filledcurves lc rgb '#cfcfcf', \\\n"
                              "  0 with lines lw 0.8 lc rgb '" BM_LINE "', \\\n  'd%zu' using 1:2 with lines lw 1.6 lc rgb '%s'\n",
                  index, index, index, v->level == BM_NOT_CALIBRATED ? BM_ORANGE : BM_BLUE);
    return BM_OK;
}

static void dress(bm_picture *p, const ranks *r, size_t first, size_t n)
{
    bm_legend(p, 0, p->width - 462, 20, "#cfcfcf", "fill", "95 % for one quantity");
    bm_legend(p, 1, p->width - 286, 20, BM_SHADE, "fill", "all quantities together");
    bm_legend(p, 2, p->width - 104, 20, BM_BLUE, "line", "ranks");
    bm_buf_printf(&p->caption, "Share of the %zu data sets whose truth has a relative rank up to z among the draws, less z. Right draws stay within the outer band everywhere in all "
                               "but one of %.3g runs.", r->s->counted, 1 / r->s->alpha);
    bm_buf_puts(&p->alt, "Distribution functions of the ranks of the truth less those of uniform ranks, in simultaneous bands. Outside: ");
    size_t bad = 0;
    for (size_t k = first; k < first + n; k++)
        if (r->s->row[k].level == BM_NOT_CALIBRATED) bm_buf_printf(&p->alt, "%s%s", bad++ ? ", " : "", r->s->row[k].name);
    bm_buf_puts(&p->alt, bad ? "." : "none.");
}

static bm_status page(bm_pictures *out, const bm_plot_input *in, const ranks *r, size_t first, size_t n, bm_error *err)
{
    const double height = 175;
    size_t       cols = bm_columns_for(n) < COLS ? bm_columns_for(n) : COLS;
    bm_picture  *p = bm_pictures_add(out, in, "Calibration: ranks of the truth", BM_PLOT_TOP + (double)((n + cols - 1) / cols) * height + 48, err);
    bm_status    st = BM_OK;

    if (!p) return BM_ENOMEM;
    for (size_t i = 0; i < n && st == BM_OK; i++) {
        bm_box at = bm_cell_box(p, i, cols, height, 48, 26);

        bm_panel(p, at);
        if (i == 0) dress(p, r, first, n);
        st = panel(p, r, first + i, at, err);
    }
    return st;
}

bm_status bm_report_sbc_plot(bm_plots **out, const bm_sbc *s, const bm_plot_options *opt, bm_error *err)
{
    enum { PER = COLS * ROWS };
    bm_plot_input in = { .spec = s->spec, .opt = opt };
    bm_pictures   a = { 0 };
    bm_plots     *p = bm_alloc(1, sizeof *p);
    ranks         r = { s, bm_alloc(s->K, sizeof(size_t)) };
    bm_status     st = p && r.count ? BM_OK : bm_nomem(err);

    *out = NULL;
    for (size_t first = 0; first < s->nrow && st == BM_OK; first += PER) st = page(&a, &in, &r, first, s->nrow - first < PER ? s->nrow - first : PER, err);
    for (size_t i = 0; i < a.n && st == BM_OK; i++) st = opt->stop && *opt->stop ? BM_INTERRUPTED : bm_plots_keep(p, &a.v[i], "sbc", i, opt, err);
    for (size_t i = 0; i < a.n; i++) bm_picture_free(&a.v[i]);
    free(a.v);
    free(r.count);
    if (st == BM_OK) *out = p;
    else bm_plots_free(p);
    return st;
}
