/* html_groups.c: group effects: a caterpillar per factor and effect, and the table behind it. */
#include "report/html_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 50, LISTED = 200, EFFECTS = 8, LETTERS = 25 };

static int by_size(const void *a, const void *b)
{
    double x = fabs((*(const bm_ranef_row *const *)a)->mean), y = fabs((*(const bm_ranef_row *const *)b)->mean);

    return x < y ? 1 : x > y ? -1 : 0;
}

static int by_mean(const void *a, const void *b)
{
    double x = (*(const bm_ranef_row *const *)a)->mean, y = (*(const bm_ranef_row *const *)b)->mean;

    return x < y ? 1 : x > y ? -1 : 0;
}

static void caterpillar(bm_page *p, const bm_group *g, size_t term, const bm_ranef_row **row, size_t n)
{
    double      lo = 0, hi = 0, step = n > 30 ? 13 : 16;
    size_t      letters = 4;
    char        shown[200], title[400];
    bm_svg      s;
    const char *what = g->znames[term];

    for (size_t i = 0; i < n; i++) {
        lo = fmin(lo, row[i]->q5);
        hi = fmax(hi, row[i]->q95);
        letters = bm_width(g->levels[row[i]->level]) > letters ? bm_width(g->levels[row[i]->level]) : letters;
    }
    if (letters > LETTERS) letters = LETTERS;
    double left = 16 + 5.8 * (double)letters;
    snprintf(title, sizeof title, "Effects of %.120s on %.120s with 90 %% intervals, %zu levels, from the largest to the smallest", g->name, what, n);
    bm_svg_open(&s, p->b, 360, 30 + step * (double)n + 24, title);
    bm_short_text(shown, sizeof shown, what, 44);
    bm_svg_text(&s, "title", 6, 16, "start", shown);
    bm_svg_area(&s, left, 28, 352 - left, step * (double)n, lo - 0.02 * (hi - lo), hi + 0.02 * (hi - lo), (double)n, 0);
    bm_svg_segment(&s, "zero", 0, 0, 0, (double)n);
    for (size_t i = 0; i < n; i++) {
        double y = (double)i + 0.5;
        bool   far = row[i]->q5 > 0 || row[i]->q95 < 0;

        bm_short_text(shown, sizeof shown, g->levels[row[i]->level], letters);
        bm_svg_text(&s, "tick", left - 6, bm_svg_y(&s, y) + 4, "end", shown);
        bm_svg_segment(&s, far ? "cbar far" : "cbar", row[i]->q5, y, row[i]->q95, y);
        bm_svg_dot(&s, far ? "dot" : "dot near", row[i]->mean, y, 3);
    }
    bm_svg_axis_x(&s, 5, NULL);
    bm_svg_close(&s);
}

/* Rows of one factor: [term][level]; the caller frees. */
static const bm_ranef_row **rows_of(const bm_result *r, size_t k)
{
    const bm_group      *g = &r->design->fac[k];
    const bm_ranef_row **row = bm_alloc(g->J * g->q, sizeof *row);

    for (size_t i = 0; row && i < r->nranef; i++)
        if (r->ranef[i].factor == k) row[r->ranef[i].term * g->J + r->ranef[i].level] = &r->ranef[i];
    return row;
}

/* A number of an effect in its cell: two digits of its own sd. */
static void table(bm_page *p, const bm_group *g, const bm_ranef_row **row)
{
    bm_buf *b = p->b;
    size_t  levels = g->J < LISTED ? g->J : LISTED;

    bm_html(b, "<details><summary>Table: %zu of %zu levels of %s</summary>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Level</th>", levels, g->J, g->name);
    for (size_t i = 0; i < g->q && i < EFFECTS; i++) bm_html(b, "<th scope=\"col\">%s</th><th scope=\"col\">SD</th><th scope=\"col\">90&nbsp;%%</th>", g->znames[i]);
    bm_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t j = 0; j < levels; j++) {
        bm_html(b, "<tr><th scope=\"row\">%s</th>", g->levels[j]);
        for (size_t i = 0; i < g->q && i < EFFECTS; i++) {
            const bm_ranef_row *u = row[i * g->J + j];
            int                 d = u ? bm_html_decimals(u->sd) : 2;

            if (u) bm_html(b, "<td>%.*f</td><td>%.*f</td><td>%.*f to %.*f</td>", d, u->mean, d, u->sd, d, u->q5, d, u->q95);
        }
        bm_buf_puts(b, "</tr>\n");
    }
    bm_buf_puts(b, "</tbody></table></div>\n</details>\n");
}

static bm_status factor(bm_page *p, size_t k, bm_error *err)
{
    const bm_result     *r = p->in->result;
    const bm_group      *g = &r->design->fac[k];
    const bm_ranef_row **row = rows_of(r, k), **some = bm_alloc(g->J, sizeof *some);
    size_t               n = g->J < SHOWN ? g->J : SHOWN;
    bool                 whole = true;
    bm_status            st = BM_OK;

    if (!row || !some) {
        st = bm_nomem(err);
        goto done;
    }
    for (size_t i = 0; i < g->J * g->q; i++) whole = whole && row[i];
    if (!whole) goto done;
    bm_html(p->b, "<h3>%s</h3>\n", g->name);
    bm_page_figure(p, g->q > 1 ? "pair" : "one");
    for (size_t i = 0; i < g->q && i < EFFECTS; i++) {
        memcpy(some, row + i * g->J, g->J * sizeof *some);
        qsort(some, g->J, sizeof *some, by_size);
        qsort(some, n, sizeof *some, by_mean);
        caterpillar(p, g, i, some, n);
    }
    if (g->J > n) bm_page_caption(p, "How levels of %s deviate from the average: posterior means with 90 %% intervals. The %zu largest of %zu levels; the others lie closer to 0. "
                                     "Filled: the interval does not hold 0.", g->name, n, g->J);
    else bm_page_caption(p, "How levels of %s deviate from the average: posterior means with 90 %% intervals. Filled: the interval does not hold 0.", g->name);
    table(p, g, row);
    if (g->J > LISTED) bm_html(p->b, "<p class=\"small\">All %zu levels are in <code>ranef.csv</code>.</p>\n", g->J);
done:
    free(row);
    free(some);
    return st;
}

bm_status bm_page_groups(bm_page *p, bm_error *err)
{
    const bm_design *d = p->in->result->design;
    bm_status        st = BM_OK;

    if (!d->nfac || !p->in->result->nranef) return BM_OK;
    bm_page_section(p, "groups", "Group effects");
    bm_buf_puts(p->b, "<p>Each level is shrunk towards the average, the more so the fewer data it has: that is what the model learns from all levels together.</p>\n");
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) st = factor(p, k, err);
    bm_page_section_end(p);
    return st;
}
