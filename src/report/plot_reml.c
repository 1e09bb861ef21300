/* plot_reml.c: Bayes against REML: posterior median and 95 % interval beside REML's estimate and its 95 % interval, every
 * parameter on an axis of its own, since only the two are to be compared. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>

enum { CELL = 92, MAX_CELLS = 36 };

typedef struct { size_t var; double estimate, lower, upper; } entry;
typedef struct { entry v[MAX_CELLS]; size_t n, all; bm_buf name; } entries;

static const bm_interval *interval_of(const bm_reml *r, const char *kind, size_t group, size_t a, size_t b)
{
    for (size_t i = 0; i < r->ninterval; i++) {
        const bm_interval *v = &r->interval[i];
        bool               same = v->kind[0] == kind[0] && v->kind[1] == kind[1];

        if (same && v->group == group && ((v->a == a && v->b == b) || (kind[0] == 'c' && v->a == b && v->b == a))) return v;
    }
    return NULL;
}

static void add(entries *e, const bm_plot_input *in, const char *name, double estimate, const bm_interval *v)
{
    size_t var = bm_plot_var(in, name);

    if (var == SIZE_MAX || !isfinite(estimate)) return;
    if (e->all++ >= MAX_CELLS) return;
    e->v[e->n++] = (entry){ var, estimate, v ? v->lower : NAN, v ? v->upper : NAN };
}

static const char *named(entries *e, void (*put)(bm_buf *, const bm_group *, size_t), const bm_group *g, size_t i)
{
    e->name.n = 0;
    put(&e->name, g, i);
    return e->name.failed ? "" : e->name.s;
}

static void add_group(entries *e, const bm_plot_input *in, size_t k)
{
    const bm_reml_group *r = &in->reml->group[k];
    const bm_group      *g = &in->design->fac[k];

    for (size_t i = 0; i < g->q; i++) add(e, in, named(e, bm_sd_name, g, i), r->sd[i], interval_of(in->reml, "sd", k, i, 0));
    for (size_t c = 0; c < g->nblock; c++)
        for (size_t i = 1; i < g->block[c].size; i++)
            for (size_t j = 0; j < i; j++) {
                size_t a = g->block[c].first + j, b = g->block[c].first + i;

                e->name.n = 0;
                bm_cor_name(&e->name, g, a, b);
                if (!e->name.failed) add(e, in, e->name.s, r->cor[b + a * g->q], interval_of(in->reml, "cor", k, a, b));
            }
}

static void collect(entries *e, const bm_plot_input *in)
{
    const bm_reml   *r = in->reml;
    const bm_design *d = in->design;

    for (size_t k = 0; k < d->p && k < r->p; k++) {
        bm_interval wald = { "b", 0, k, 0, r->b[k] - 1.959963984540054 * r->se[k], r->b[k] + 1.959963984540054 * r->se[k] };

        add(e, in, d->bnames[k], r->b[k], &wald);
    }
    for (size_t k = 0; k < d->nfac && k < r->ngroup; k++)
        if (r->group[k].q == d->fac[k].q) add_group(e, in, k);
    if (!d->known_se) add(e, in, "sigma", r->sigma, interval_of(r, "sigma", 0, 0, 0));
}

static bm_status cell(bm_picture *p, const bm_plot_input *in, const entry *e, bm_box at, bm_error *err)
{
    static const double prob[] = { 0.025, 0.5, 0.975 };
    size_t              n = in->draws->nchain * in->draws->niter, index;
    double              bayes[] = { 2, 0, 0, 0 }, reml[] = { 1, e->lower, e->estimate, e->upper }, lo, hi;
    bm_buf             *b = bm_picture_data(p, &index);
    bm_status           st = b ? bm_plot_quantiles(in->draws->x + e->var * n, n, prob, 3, bayes + 1, err) : bm_nomem(err);

    if (st != BM_OK) return st;
    bm_data_row(b, bayes, 4);
    bm_buf_puts(b, "\n\n");
    bm_data_row(b, reml, 4);
    lo = fmin(fmin(bayes[1], e->estimate), isfinite(e->lower) ? e->lower : INFINITY);
    hi = fmax(fmax(bayes[3], e->estimate), isfinite(e->upper) ? e->upper : -INFINITY);
    bm_panel_title(p, at, in->draws->names[e->var]);
    bm_axis(p, 'x', lo, hi, 0.06, 4);
    bm_buf_puts(&p->script, "set yrange [0.3:2.7]\nunset ytics\nset border 1\n");
    for (int k = 0; k < 2; k++) {
        const char *colour = k == 0 ? BM_BLUE : BM_ORANGE;

        if (k == 1 && !(isfinite(e->lower) && isfinite(e->upper)))
            bm_buf_printf(&p->script, ", 'd%zu' index 1 using 3:1 with points pt 7 ps 0.9 lc rgb '%s'", index, colour);
        else
            bm_buf_printf(&p->script, "%s'd%zu' index %d using 2:1:($4-$2):(0) with vectors nohead lw 2.2 lc rgb '%s', '' "
                          "index %d using 3:1 with points pt 7 ps 0.9 lc rgb '%s'",
                          k ? ", " : "plot ", index, k, colour, k, colour);
    }
    bm_buf_putc(&p->script, '\n');
    return BM_OK;
}

bm_status bm_plot_reml(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    entries     e = { .n = 0 };
    size_t      cols;
    bm_picture *p;
    bm_status   st = BM_OK;

    collect(&e, in);
    if (e.name.failed) st = bm_nomem(err);
    else if (e.n == 0) st = bm_fail(err, BM_EINVAL, "the draws hold none of the parameters");
    if (st != BM_OK) goto done;
    cols = bm_columns_for(e.n) < 3 ? bm_columns_for(e.n) : 3;
    if (!(p = bm_pictures_add(out, in, "Bayes against REML", BM_PLOT_TOP + (double)((e.n + cols - 1) / cols) * CELL + 50, err))) {
        st = BM_ENOMEM;
        goto done;
    }
    bm_buf_printf(&p->caption, "Bayes: posterior median and 95 %% interval. REML: estimate and 95 %% interval, %s.",
                  in->reml->ci == BM_CI_PROFILE ? "of the coefficients from their standard errors, else from the profile "
                  "likelihood"
                                                : "of the coefficients only, from their standard errors");
    if (e.n < e.all) bm_buf_printf(&p->caption, " The first %zu of %zu parameters.", e.n, e.all);
    bm_buf_puts(&p->alt, "Posterior medians and 95 % intervals beside the REML estimates and intervals of each parameter.");
    for (size_t i = 0; i < e.n && st == BM_OK; i++) {
        bm_box at = bm_cell_box(p, i, cols, CELL, 14, 24);

        bm_panel(p, at);
        if (i == 0) bm_legend(p, 0, p->width - 180, 20, BM_BLUE, "line", "Bayes");
        if (i == 0) bm_legend(p, 1, p->width - 95, 20, BM_ORANGE, "line", "REML");
        st = cell(p, in, &e.v[i], at, err);
    }
done:
    bm_buf_free(&e.name);
    return st;
}
