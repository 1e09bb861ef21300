/* html_predictive.c: does the model produce data like the data? Gelman, Meng & Stern (1996), Statistica Sinica 6:733. */
#include "report/html_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CURVES = 20 };

static bm_status figure(bm_page *p, bm_error *err)
{
    const bm_design     *d = p->in->result->design;
    const bm_predictive *pp = p->in->predictive;
    size_t               m = pp->nrep < CURVES ? pp->nrep : CURVES;
    double              *v = bm_alloc(d->n, sizeof *v), *y = bm_alloc((m + 1) * BM_DENSITY, sizeof *y), x[BM_DENSITY], lo, hi, top = 0;
    char                 label[120];
    bm_status            st = BM_OK;
    bm_svg               s;

    if (!v || !y) {
        st = bm_nomem(err);
        goto done;
    }
    memcpy(v, d->y, d->n * sizeof *v);
    bm_density_range(v, d->n, &lo, &hi);
    lo -= 0.2 * (hi - lo);
    hi += 0.17 * (hi - lo);
    for (size_t r = 0; r <= m && st == BM_OK; r++)
        st = bm_density(r < m ? pp->y + r * d->n : d->y, d->n, lo, hi, -INFINITY, INFINITY, x, y + r * BM_DENSITY, err);
    for (size_t i = 0; i < (m + 1) * BM_DENSITY; i++) top = fmax(top, y[i]);
    if (st != BM_OK) goto done;
    bm_page_figure(p, "one");
    bm_svg_open(&s, p->b, 360, 220, "Density of the data over densities of data drawn from the posterior");
    bm_svg_area(&s, 12, 8, 336, 168, lo, hi, 0, top * 1.04);
    for (size_t r = 0; r < m; r++) bm_svg_line(&s, "rep", x, y + r * BM_DENSITY, BM_DENSITY);
    bm_svg_line(&s, "obs", x, y + m * BM_DENSITY, BM_DENSITY);
    bm_short_text(label, sizeof label, d->yname, 40);
    bm_svg_axis_x(&s, 6, label);
    bm_svg_close(&s);
    bm_page_caption(p, "Dark: the data. Thin: %zu data sets drawn from the posterior%S.", m, pp->new_groups ? ", with new levels of the groups" : "");
done:
    free(v);
    free(y);
    return st;
}

bm_status bm_page_predictive(bm_page *p, bm_error *err)
{
    const bm_predictive *pp = p->in->predictive;
    bm_buf              *b = p->b;
    size_t               odd = 0;
    bm_status            st;

    if (!pp || !pp->nrep) return BM_OK;
    bm_page_section(p, "predictive", "Does the model fit the data?");
    bm_buf_puts(b, "<p>If the model were right, data drawn from it would look like the data. Where they do not, the model misses something.</p>\n");
    if ((st = figure(p, err)) != BM_OK) return st;
    bm_buf_puts(b, "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Statistic</th><th scope=\"col\">Data</th><th scope=\"col\">Model</th>"
                   "<th scope=\"col\">95&nbsp;% of replications</th><th scope=\"col\">p</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < pp->nstat; i++) {
        const bm_predictive_stat *t = &pp->stat[i];
        int                       d = bm_html_decimals((t->q97_5 - t->q2_5) / 4);
        bool                      far = t->p < 0.01 || t->p > 0.99;

        odd += far;
        bm_html(b, "<tr%S><th scope=\"row\">%s</th><td>%.*f</td><td>%.*f</td><td>%.*f to %.*f</td><td>%.*f</td></tr>\n", far ? " class=\"doubt\"" : "", t->name, d, t->observed, d,
                t->q50, d, t->q2_5, d, t->q97_5, 2, t->p);
    }
    bm_html(b, "</tbody></table></div>\n<p>%S</p>\n<p class=\"small\">From %zu replications; p is the share of them that are at least as large as the data. Values near 0 or 1 point to "
               "what the model misses.</p>\n", odd ? "The marked statistics of the data lie outside what the model produces: look at a transformation of the response, other terms, or outliers."
                                                   : "None of these statistics of the data is out of the ordinary for this model.", pp->nsim);
    bm_page_section_end(p);
    return BM_OK;
}
