/* html_reml.c: the posterior beside REML: the table, the drawing, and why parameters differ. */
#include "report/compare_priv.h"
#include "report/html_priv.h"

#include <math.h>

static void reml_row(bm_page *p, size_t var)
{
    const bm_summary_row *s = &p->in->result->summary[var];
    double                lo, hi, x = bm_page_reml(p, var, &lo, &hi);
    int                   d = bm_html_decimals(s->sd);

    bm_html(p->b, "<tr><th scope=\"row\"><code>%s</code></th><td>%.*f</td><td>%.*f to %.*f</td><td>%.*f</td><td>", s->name, d, bm_page_estimate(s), d, s->q2_5, d,
            s->q97_5, d, x);
    if (isfinite(lo)) bm_html(p->b, "%.*f to %.*f", d, lo, d, hi);
    else bm_buf_puts(p->b, "–");
    bm_html(p->b, "</td><td>%.*f</td></tr>\n", 2, (bm_page_estimate(s) - x) / s->sd);
}

/* Both on one line per parameter, in posterior sds from the posterior mean: parameters of any unit side by side. */
static void reml_figure(bm_page *p)
{
    const bm_result *r = p->in->result;
    size_t           rows = 0, most = 40, at = 0;
    double           span = 3;
    bm_svg           s;
    char             shown[160];

    for (size_t v = 1; v < r->nmonitored && rows < most; v++) {
        double lo, hi, x = bm_page_reml(p, v, &lo, &hi), sd = r->summary[v].sd, m = bm_page_estimate(&r->summary[v]);

        if (!isfinite(x) || !(sd > 0)) continue;
        rows++;
        span = fmax(span, fmin(6, fabs((isfinite(lo) ? lo : x) - m) / sd));
        span = fmax(span, fmin(6, fmax(fabs(r->summary[v].q2_5 - m), fabs(r->summary[v].q97_5 - m)) / sd));
    }
    if (!rows) return;
    bm_page_figure(p, "one");
    bm_svg_open(&s, p->b, 360, 50 + 38 * (double)rows, "Posterior means and 95 % intervals beside REML estimates, in posterior standard deviations");
    bm_svg_area(&s, 12, 6, 336, 38 * (double)rows, -1.05 * span, 1.05 * span, (double)rows, 0);
    bm_svg_segment(&s, "zero", 0, 0, 0, (double)rows);
    for (size_t v = 1; v < r->nmonitored && at < rows; v++) {
        const bm_summary_row *q = &r->summary[v];
        double                lo, hi, x = bm_page_reml(p, v, &lo, &hi), m = bm_page_estimate(q), y = (double)at;

        if (!isfinite(x) || !(q->sd > 0)) continue;
        at++;
        bm_short_text(shown, sizeof shown, q->name, 44);
        bm_svg_text(&s, "tick", 12, s.top + 38 * y + 12, "start", shown);
        bm_svg_segment(&s, "bar", (q->q2_5 - m) / q->sd, y + 0.58, (q->q97_5 - m) / q->sd, y + 0.58);
        bm_svg_dot(&s, "dot", 0, y + 0.58, 3.5);
        if (isfinite(lo)) bm_svg_segment(&s, "rbar", (lo - m) / q->sd, y + 0.82, (hi - m) / q->sd, y + 0.82);
        bm_svg_dot(&s, "rdot", fmax(-span, fmin(span, (x - m) / q->sd)), y + 0.82, 3.5);
    }
    bm_svg_axis_x(&s, 6, "posterior standard deviations from the posterior mean");
    bm_svg_close(&s);
    bm_page_caption(p, "Blue: posterior mean and 95 %% interval. Orange: REML estimate and 95 %% interval, where there is one.");
}

static const char *kind(const bm_reml *r)
{
    return r->ml ? "maximum likelihood" : "REML";
}

/* What kind of intervals REML's are. */
static void intervals(bm_buf *b, const bm_comparison *c)
{
    const char *coef = bm_compare_interval(c, true), *theta = bm_compare_interval(c, false);

    if (!coef && !theta) return;
    bm_buf_puts(b, "<p class=\"small\">Intervals of REML:");
    if (coef) bm_html(b, " coefficients %s", bm_compare_interval_words(coef));
    if (theta) bm_html(b, "%S sds, correlations and sigma %s", coef ? ";" : "", bm_compare_interval_words(theta));
    bm_buf_puts(b, ". Difference: posterior mean less REML estimate, in posterior standard deviations.</p>\n");
}

static void reasons(bm_buf *b, const bm_comparison *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->nrow; i++) n += c->row[i].differs;
    if (!n) {
        bm_html(b, "<p>No estimate is at the boundary, and none differs from the posterior mean by more than %.2f posterior standard deviations.</p>\n", c->differ);
        return;
    }
    bm_html(b, "<h3>Why they differ</h3>\n<p>By more than %.2f posterior standard deviations, or with the estimate at the boundary:</p>\n<ul class=\"why\">\n", c->differ);
    for (size_t i = 0; i < c->nrow; i++) {
        if (!c->row[i].differs) continue;
        bm_html(b, "<li><code>%s</code>\n<ul>\n", c->row[i].name);
        for (size_t k = 0; k < c->row[i].why.n; k++) bm_html(b, "<li>%s.</li>\n", c->row[i].why.v[k]);
        bm_buf_puts(b, "</ul></li>\n");
    }
    bm_buf_puts(b, "</ul>\n");
}

void bm_page_bayes_reml(bm_page *p)
{
    const bm_result *r = p->in->result;
    const bm_reml   *f = p->in->comparison ? p->in->comparison->reml : NULL;
    bm_buf          *b = p->b;

    bm_page_section(p, "reml", "Bayes against REML");
    if (!f) {
        bm_html(b, "<p>There is no REML fit of this model: %s</p>\n", p->in->reml_missing ? p->in->reml_missing : "not computed.");
        bm_page_section_end(p);
        return;
    }
    bm_html(b, "<p>The same model fitted by %S, which uses no priors.</p>\n", kind(f));
    if (f->singular)
        bm_buf_puts(b, "<p class=\"note\">The REML fit is singular: a variance is estimated as 0 or a correlation as ±1. The posterior averages over the values that "
                       "the data allow instead.</p>\n");
    if (!f->search.converged) bm_buf_puts(b, "<p class=\"note\">The search for the REML optimum did not converge.</p>\n");
    bm_buf_puts(b, "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Parameter</th><th scope=\"col\">Posterior mean</th><th scope=\"col\">95&nbsp;% interval</th>"
                   "<th scope=\"col\">REML</th><th scope=\"col\">95&nbsp;% of REML</th><th scope=\"col\">Difference in sd</th></tr></thead>\n<tbody>\n");
    for (size_t v = 1; v < r->nmonitored; v++)
        if (r->summary[v].sd > 0) reml_row(p, v);
    bm_buf_puts(b, "</tbody></table></div>\n");
    intervals(b, p->in->comparison);
    reml_figure(p);
    reasons(b, p->in->comparison);
    bm_page_section_end(p);
}
