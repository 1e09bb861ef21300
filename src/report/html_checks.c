/* html_checks.c: can the computation be trusted? Traffic lights in words, traces and ranks.
 * Rank histograms: Vehtari et al. (2021), Bayesian Analysis 16:667. */
#include "report/html_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PANELS = 8, TRACE = 220, RANK_BINS = 20, CHAINS = 8 };

static const char *const light[] = { "good", "watch", "bad", "none" };
static const char *const mark[] = { "✓", "!", "✕", "–" };
static const char *const say[] = { "Good", "Look", "Bad", "Not checked" };

static void lights(bm_page *p)
{
    const bm_checks *c = p->in->checks;
    bm_buf          *b = p->b;

    bm_buf_puts(b, "<ul class=\"lights\">\n");
    for (size_t i = 0; i < c->n; i++) {
        const bm_check *k = &c->v[i];

        bm_html(b, "<li class=\"%S\"><span class=\"lamp\" aria-hidden=\"true\">%S</span><div><strong>%s</strong> <span class=\"word\">%S</span><br>%s", light[k->level],
                mark[k->level], k->title, say[k->level], k->verdict.s ? k->verdict.s : "");
        if (k->advice.n) bm_html(b, "<br><span class=\"todo\">What to do: %s</span>", k->advice.s);
        bm_buf_puts(b, "</div></li>\n");
    }
    bm_buf_puts(b, "</ul>\n");
}

/* ---- traces ---- */

/* At most TRACE points of a chain: of each stretch the first value, so that what is seen is real draws. */
static void trace(bm_svg *s, const bm_draws *d, size_t var, size_t chain, double *x, double *y)
{
    const double *v = d->x + (var * d->nchain + chain) * d->niter;
    size_t        m = d->niter < TRACE ? d->niter : TRACE;
    char          class[24];

    for (size_t i = 0; i < m; i++) {
        size_t at = i * d->niter / m;

        x[i] = (double)(at + 1);
        y[i] = v[at];
    }
    snprintf(class, sizeof class, "trace c%zu", chain % CHAINS);
    bm_svg_line(s, class, x, y, m);
}

static void trace_panel(bm_page *p, size_t var)
{
    const bm_draws *d = p->in->result->draws;
    const double   *v = bm_draws_values(d, var);
    double          lo = INFINITY, hi = -INFINITY, x[TRACE], y[TRACE];
    char            shown[160], title[200];
    bm_svg          s;

    for (size_t i = 0; i < d->nchain * d->niter; i++) {
        lo = fmin(lo, v[i]);
        hi = fmax(hi, v[i]);
    }
    snprintf(title, sizeof title, "Trace of %.120s over iterations, %zu chains", d->names[var], d->nchain);
    bm_svg_open(&s, p->b, 360, 150, title);
    bm_short_text(shown, sizeof shown, d->names[var], 46);
    bm_svg_text(&s, "title", 6, 15, "start", shown);
    bm_svg_area(&s, 52, 26, 300, 96, 1, (double)d->niter, lo, hi);
    bm_svg_axis_y(&s, 4, true);
    for (size_t c = 0; c < d->nchain; c++) trace(&s, d, var, c, x, y);
    bm_svg_axis_x(&s, 5, NULL);
    bm_svg_close(&s);
}

/* ---- ranks ---- */

typedef struct { double v; size_t chain; } ranked;

static int by_value(const void *a, const void *b)
{
    double x = ((const ranked *)a)->v, y = ((const ranked *)b)->v;

    return x < y ? -1 : x > y;
}

static bm_status rank_panel(bm_page *p, size_t var, bm_error *err)
{
    const bm_draws *d = p->in->result->draws;
    size_t          n = d->nchain * d->niter;
    ranked         *r = bm_alloc(n, sizeof *r);
    double         *count = bm_alloc(d->nchain * RANK_BINS, sizeof *count), expect = (double)d->niter / RANK_BINS, top = 2 * expect;
    char            shown[160], title[200], class[24];
    bm_svg          s;

    if (!r || !count) {
        free(r);
        free(count);
        return bm_nomem(err);
    }
    for (size_t i = 0; i < n; i++) r[i] = (ranked){ bm_draws_values(d, var)[i], i / d->niter };
    qsort(r, n, sizeof *r, by_value);
    for (size_t i = 0; i < n; i++) count[r[i].chain * RANK_BINS + i * RANK_BINS / n]++;
    for (size_t i = 0; i < d->nchain * RANK_BINS; i++) top = fmax(top, count[i]);
    snprintf(title, sizeof title, "Ranks of %.120s by chain: even where chains agree", d->names[var]);
    bm_svg_open(&s, p->b, 360, 150, title);
    bm_short_text(shown, sizeof shown, d->names[var], 40);
    bm_svg_text(&s, "title", 6, 15, "start", shown);
    bm_svg_area(&s, 52, 26, 300, 96, 0, RANK_BINS, 0, top * 1.05);
    bm_svg_axis_y(&s, 3, true);
    bm_svg_segment(&s, "zero", 0, expect, RANK_BINS, expect);
    for (size_t c = 0; c < d->nchain; c++) {
        double x[2 * RANK_BINS], y[2 * RANK_BINS];

        for (size_t i = 0; i < RANK_BINS; i++) {
            x[2 * i] = (double)i;
            x[2 * i + 1] = (double)i + 1;
            y[2 * i] = y[2 * i + 1] = count[c * RANK_BINS + i];
        }
        snprintf(class, sizeof class, "trace c%zu", c % CHAINS);
        bm_svg_line(&s, class, x, y, 2 * RANK_BINS);
    }
    bm_svg_text(&s, "tick", s.left, s.top + s.ph + 15, "start", "lowest draws");
    bm_svg_text(&s, "tick", s.left + s.pw, s.top + s.ph + 15, "end", "highest draws");
    bm_svg_close(&s);
    free(r);
    free(count);
    return BM_OK;
}

/* The variables that are worst off, by R-hat. */
static size_t choose(const bm_page *p, size_t *var)
{
    const bm_result *r = p->in->result;
    size_t           n = 0;

    for (size_t v = 0; v < r->nmonitored; v++) {
        double rhat = r->summary[v].rhat;
        size_t at = n;

        if (isnan(rhat)) continue;
        while (at > 0 && r->summary[var[at - 1]].rhat < rhat) at--;
        if (at >= PANELS) continue;
        if (n < PANELS) n++;
        memmove(var + at + 1, var + at, (n - at - 1) * sizeof *var);
        var[at] = v;
    }
    return n;
}

static void chain_key(bm_page *p)
{
    size_t n = p->in->result->draws->nchain;

    bm_buf_puts(p->b, "<p class=\"key\">");
    for (size_t c = 0; c < n && c < CHAINS; c++) bm_html(p->b, "<span class=\"k%zu\"></span>chain %zu ", c, c + 1);
    bm_buf_puts(p->b, "</p>\n");
}

bm_status bm_page_checks(bm_page *p, bm_error *err)
{
    size_t    var[PANELS + 1], n = choose(p, var);
    bm_status st = BM_OK;

    bm_page_section(p, "checks", "Can the computation be trusted?");
    lights(p);
    if (n) {
        chain_key(p);
        bm_page_figure(p, "grid");
        for (size_t i = 0; i < n; i++) trace_panel(p, var[i]);
        bm_page_caption(p, "Traces of the %zu variables with the largest R-hat: where chains agree they cannot be told apart.", n);
        bm_page_figure(p, "grid");
        for (size_t i = 0; i < n && st == BM_OK; i++) st = rank_panel(p, var[i], err);
        bm_page_caption(p, "Ranks of the same variables: how many draws of each chain fall into each twentieth of all draws. The line is what agreement would give.");
    }
    bm_page_section_end(p);
    return st;
}
