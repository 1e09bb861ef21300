/* html_results.c: the table of parameters, and posterior densities over their priors. */
#include "report/html_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIGURES = 24 };                               /* densities shown; the table has all */

static void table(bm_page *p)
{
    const bm_result *r = p->in->result;
    bm_buf          *b = p->b;

    bm_buf_puts(b, "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Parameter</th><th scope=\"col\">Mean</th><th scope=\"col\">SD</th>"
                   "<th scope=\"col\">2.5&nbsp;%</th><th scope=\"col\">97.5&nbsp;%</th><th scope=\"col\">R-hat</th><th scope=\"col\">ESS</th></tr></thead>\n<tbody>\n");
    for (size_t v = 1; v < r->nmonitored; v++) {
        const bm_summary_row *s = &r->summary[v];
        int                   d = bm_html_decimals(s->sd);

        bm_html(b, "<tr%S><th scope=\"row\"><code>%s</code></th><td>%.*f</td><td>%.*f</td><td>%.*f</td><td>%.*f</td><td>%.*f</td><td>",
                bm_summary_doubtful(s, r->draws->nchain) ? " class=\"doubt\"" : "", s->name, d, bm_page_estimate(s), d, isfinite(s->rb_sd) ? s->rb_sd : s->sd, d, s->q2_5,
                d, s->q97_5, 3, s->rhat);
        if (isfinite(s->ess_bulk)) bm_html_count(b, (size_t)fmin(s->ess_bulk, fmin(s->ess_tail, 1e15)));
        else bm_buf_puts(b, "–");
        bm_buf_puts(b, "</td></tr>\n");
    }
    bm_buf_puts(b, "</tbody></table></div>\n<p class=\"small\">Mean and sd of coefficients are averages of exact conditional moments; all else is computed "
                   "from the draws. ESS: the smaller of bulk and tail effective sample size.</p>\n");
}

/* ---- densities ---- */

/* Bounds of a parameter's values. */
static void bounds(const bm_page *p, size_t var, double *lo, double *hi)
{
    size_t p1 = p->in->result->design->p + 1, cor = bm_page_sd(p, p->in->result->design->nfac, 0), sigma = bm_page_sigma(p);

    *lo = -INFINITY;
    *hi = INFINITY;
    if (var >= p1 && (var < cor || var == sigma)) *lo = 0;
    if (var >= cor && var != sigma) {
        *lo = -1;
        *hi = 1;
    }
}

static void prior_curve(bm_svg *s, const bm_margin *m, double lo, double hi)
{
    double x[BM_DENSITY], y[BM_DENSITY];

    if (!m || m->kind == BM_MARGIN_NONE) return;
    for (size_t i = 0; i < BM_DENSITY; i++) {
        x[i] = lo + (hi - lo) * fmin(fmax((double)i / (BM_DENSITY - 1), 1e-4), 1 - 1e-4);    /* bounds themselves may have no density */
        y[i] = fmin(bm_margin_density(m, x[i]), 10 * s->y1);
    }
    bm_svg_line(s, "prior", x, y, BM_DENSITY);
}

static bm_status density_figure(bm_page *p, size_t var, bm_error *err)
{
    const bm_result      *r = p->in->result;
    const bm_summary_row *row = &r->summary[var];
    size_t                n = r->draws->nchain * r->draws->niter;
    double               *v = bm_alloc(n, sizeof *v), x[BM_DENSITY], y[BM_DENSITY], lo, hi, lob, hib, top = 0, reml = bm_page_reml(p, var, NULL, NULL);
    bm_buf                label = { 0 };
    char                  shown[160];
    bm_svg                s;
    bm_status             st;

    if (!v) return bm_nomem(err);
    memcpy(v, bm_draws_values(r->draws, var), n * sizeof *v);
    bm_density_range(v, n, &lo, &hi);
    bounds(p, var, &lob, &hib);
    if (isfinite(lob) && lo < lob + 0.25 * (hi - lob)) lo = lob;
    if ((st = bm_density(v, n, lo, hi, lob, hib, x, y, err)) != BM_OK) goto done;
    for (size_t i = 0; i < BM_DENSITY; i++) top = fmax(top, y[i]);
    bm_buf_printf(&label, "%s: posterior mean %.4g, 95 %% interval %.4g to %.4g%s", row->name, bm_page_estimate(row), row->q2_5, row->q97_5,
                  var - 1 < p->nmargin && p->margin[var - 1].kind != BM_MARGIN_NONE ? "; with its prior" : "");
    bm_svg_open(&s, p->b, 360, 190, label.s ? label.s : "");
    bm_svg_area(&s, 14, 30, 332, 118, lo, hi, 0, top * 1.06);
    bm_short_text(shown, sizeof shown, row->name, 46);
    bm_svg_text(&s, "title", 14, 17, "start", shown);
    bm_svg_fill(&s, "fill", x, y, BM_DENSITY);
    bm_svg_line(&s, "post", x, y, BM_DENSITY);
    if (var - 1 < p->nmargin) prior_curve(&s, &p->margin[var - 1], lo, hi);
    bm_svg_segment(&s, "bar", row->q2_5, top * 0.045, row->q97_5, top * 0.045);
    bm_svg_dot(&s, "dot", bm_page_estimate(row), top * 0.045, 4);
    if (isfinite(reml) && reml >= lo && reml <= hi) bm_svg_segment(&s, "reml", reml, 0, reml, top * 0.22);
    bm_svg_axis_x(&s, 5, NULL);
    bm_svg_close(&s);
    if (label.failed) st = bm_nomem(err);
done:
    bm_buf_free(&label);
    free(v);
    return st;
}

static bm_status densities(bm_page *p, bm_error *err)
{
    const bm_result *r = p->in->result;
    size_t           shown = 0, total = 0;
    bm_status        st = BM_OK;

    for (size_t v = 1; v < r->nmonitored; v++) total += r->summary[v].sd > 0;
    if (!total) return BM_OK;
    bm_page_figure(p, "grid");
    for (size_t v = 1; v < r->nmonitored && st == BM_OK && shown < FIGURES; v++) {
        if (!(r->summary[v].sd > 0)) continue;
        shown++;
        st = density_figure(p, v, err);
    }
    bm_page_caption(p, "Posterior densities (blue) with mean and 95 %% interval, over their priors (dashed)%S.%S", p->in->comparison ? "; the orange tick is the REML estimate" : "",
                    "");
    if (shown < total) bm_html(p->b, "<p class=\"small\">The first %zu of %zu parameters; all are in the table.</p>\n", shown, total);
    return st;
}

bm_status bm_page_results(bm_page *p, bm_error *err)
{
    bm_status st;

    bm_page_section(p, "results", "Results");
    bm_page_sentences(p);
    table(p);
    st = densities(p, err);
    bm_page_section_end(p);
    return st;
}
