/* html_lines.c: fitted lines over the data: a panel per group where these are few, else all lines in one drawing. */
#include "report/html_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PANELS = 24, LINES = 150, POINTS = 1500, PANEL_POINTS = 80 };

/* What is drawn. */
typedef struct {
    const bm_design *d;
    const double    *fitted;
    const char      *name;       /* of the predictor */
    double          *x;          /* n */
    const bm_group  *g;          /* NULL: no groups */
    bool             curve;      /* fitted values are a function of x within a group */
    size_t          *order, *first;      /* rows group after group, within by x; J + 1 */
    size_t           J;
    double           x0, x1, y0, y1;
} lines;

static bool in_effects(const bm_design *d, const char *x, const bm_group **g)
{
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t i = 0; i < d->fac[k].q; i++)
            if (bm_html_names(d->fac[k].znames[i], x) == strlen(d->fac[k].znames[i])) {
                *g = &d->fac[k];
                return true;
            }
    return false;
}

/* The numeric column to draw over: one whose slope varies between groups if there is one. */
static const bm_column *predictor(const bm_result *r, const bm_group **g)
{
    const bm_column *first = NULL;

    *g = r->design->nfac ? &r->design->fac[0] : NULL;
    for (size_t k = 0; r->frame_info && k < r->design->p; k++) {
        const bm_column *c = bm_html_column(r->frame_info, r->design->xnames[k]);

        if (!c || c->kind != BM_COL_NUMERIC || !(r->design->xsd[k] > 0)) continue;
        if (in_effects(r->design, c->name, g)) return c;
        if (!first) first = c;
    }
    return first;
}

/* Does no column but those of this variable enter the coefficients? */
static bool only_predictor(const bm_result *r, const char *name)
{
    const bm_frame *f = r->frame_info;

    for (size_t k = 0; k < r->design->p; k++)
        for (size_t c = 0; c < f->ncol; c++)
            if (strcmp(f->col[c].name, name) != 0 && (f->col[c].kind == BM_COL_FACTOR ? strstr(r->design->xnames[k], f->col[c].name) != NULL :
                                                      bm_html_mentions(r->design->xnames[k], f->col[c].name)))
                return false;
    return true;
}

typedef struct { size_t group, row; double x; } place;

static int by_place(const void *a, const void *b)
{
    const place *p = a, *q = b;

    if (p->group != q->group) return p->group < q->group ? -1 : 1;
    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    return p->row < q->row ? -1 : p->row > q->row;
}

static bm_status arrange(lines *l, const bm_column *c, bm_error *err)
{
    size_t n = l->d->n;
    place *at = bm_alloc(n, sizeof *at);

    l->J = l->g ? l->g->J : 1;
    l->x = bm_alloc(n, sizeof *l->x);
    l->order = bm_alloc(n, sizeof *l->order);
    l->first = bm_alloc(l->J + 1, sizeof *l->first);
    if (!at || !l->x || !l->order || !l->first) {
        free(at);
        return bm_nomem(err);
    }
    l->x0 = l->y0 = INFINITY;
    l->x1 = l->y1 = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        l->x[i] = c->num[l->d->row[i]];
        at[i] = (place){ l->g ? (size_t)l->g->code[i] : 0, i, l->x[i] };
        l->x0 = fmin(l->x0, l->x[i]);
        l->x1 = fmax(l->x1, l->x[i]);
        l->y0 = fmin(l->y0, fmin(l->d->y[i], l->fitted[i]));
        l->y1 = fmax(l->y1, fmax(l->d->y[i], l->fitted[i]));
    }
    qsort(at, n, sizeof *at, by_place);
    for (size_t i = 0, j = 0; i < n; i++) {
        l->order[i] = at[i].row;
        while (j < at[i].group) l->first[++j] = i;
    }
    l->first[l->J] = n;
    for (size_t j = l->J; j-- > 1;)
        if (!l->first[j]) l->first[j] = l->first[j + 1];         /* levels after the last one with rows */
    l->first[0] = 0;
    free(at);
    return BM_OK;
}

/* The line of rows [from, to): through the fitted values, or least squares of them on x where other predictors move them too. */
static void draw_line(bm_svg *s, const lines *l, const char *class, size_t from, size_t to)
{
    double mx = 0, my = 0, sxx = 0, sxy = 0, n = (double)(to - from), x[200], y[200];
    size_t k = 0, step = (to - from) / 199 + 1;

    if (to <= from) return;
    if (l->curve) {
        for (size_t i = from; i < to && k < 199; i += step, k++) {
            x[k] = l->x[l->order[i]];
            y[k] = l->fitted[l->order[i]];
        }
        x[k] = l->x[l->order[to - 1]];
        y[k] = l->fitted[l->order[to - 1]];
        bm_svg_line(s, class, x, y, k + 1);
        return;
    }
    for (size_t i = from; i < to; i++) {
        mx += l->x[l->order[i]] / n;
        my += l->fitted[l->order[i]] / n;
    }
    for (size_t i = from; i < to; i++) {
        double dx = l->x[l->order[i]] - mx;

        sxx += dx * dx;
        sxy += dx * (l->fitted[l->order[i]] - my);
    }
    double slope = sxx > 0 ? sxy / sxx : 0, a = l->x[l->order[from]], z = l->x[l->order[to - 1]];
    bm_svg_segment(s, class, a, my + slope * (a - mx), z, my + slope * (z - mx));
}

/* At most `most` points of rows [from, to), spread by the golden ratio: an even stride would keep step with groups of one size. */
static bm_status draw_points(bm_svg *s, const lines *l, size_t from, size_t to, size_t most, const char *class, bm_error *err)
{
    size_t  n = to - from, m = n < most ? n : most;
    double *x = bm_alloc(2 * m, sizeof *x);

    if (!x) return bm_nomem(err);
    for (size_t i = 0; i < m; i++) {
        double part = 0.6180339887498949 * (double)i;
        size_t row = l->order[from + (n > m ? (size_t)((part - floor(part)) * (double)n) : i)];

        x[i] = l->x[row];
        x[m + i] = l->d->y[row];
    }
    bm_svg_points(s, class, x, x + m, m);
    free(x);
    return BM_OK;
}

static void widen(lines *l)
{
    double dx = 0.03 * (l->x1 - l->x0), dy = 0.04 * (l->y1 - l->y0);

    l->x0 -= dx;
    l->x1 += dx;
    l->y0 -= dy;
    l->y1 += dy;
}

static bm_status panels(bm_page *p, const lines *l, bm_error *err)
{
    bm_status st = BM_OK;

    bm_page_figure(p, "panels");
    for (size_t j = 0; j < l->J && st == BM_OK; j++) {
        char   title[300], shown[120];
        bm_svg s;

        snprintf(title, sizeof title, "%.100s over %.100s, level %.60s", l->d->yname, l->name, l->g->levels[j]);
        bm_svg_open(&s, p->b, 180, 140, title);
        bm_short_text(shown, sizeof shown, l->g->levels[j], 20);
        bm_svg_text(&s, "title", 38, 13, "start", shown);
        bm_svg_area(&s, 38, 20, 138, 98, l->x0, l->x1, l->y0, l->y1);
        bm_svg_axis_y(&s, 3, true);
        if ((st = draw_points(&s, l, l->first[j], l->first[j + 1], PANEL_POINTS, "pts", err)) == BM_OK) draw_line(&s, l, "post", l->first[j], l->first[j + 1]);
        bm_svg_axis_x(&s, 3, NULL);
        bm_svg_close(&s);
    }
    bm_page_caption(p, "%s over %s for each level of %s: data and posterior mean%S.", l->d->yname, l->name, l->g->name,
                    l->curve ? "" : " (least-squares line through the fitted values, which other predictors move too)");
    return st;
}

static bm_status together(bm_page *p, const lines *l, bm_error *err)
{
    size_t    shown = l->g ? l->J < LINES ? l->J : LINES : 0, points = l->d->n < POINTS ? l->d->n : POINTS;
    char      title[300], label[120];
    bm_svg    s;
    bm_status st;

    bm_page_figure(p, "one");
    snprintf(title, sizeof title, "%.100s over %.100s with fitted lines", l->d->yname, l->name);
    bm_svg_open(&s, p->b, 360, 270, title);
    bm_svg_area(&s, 46, 20, 306, 206, l->x0, l->x1, l->y0, l->y1);
    bm_short_text(label, sizeof label, l->d->yname, 40);
    bm_svg_text(&s, "label", 4, 12, "start", label);
    bm_svg_axis_y(&s, 5, true);
    if ((st = draw_points(&s, l, 0, l->d->n, POINTS, points > 300 ? "pts many" : "pts", err)) != BM_OK) return st;
    for (size_t i = 0; i < shown; i++) {
        size_t j = i * l->J / shown;

        draw_line(&s, l, "spaghetti", l->first[j], l->first[j + 1]);
    }
    if (!l->g) draw_line(&s, l, "post", 0, l->d->n);
    bm_short_text(label, sizeof label, l->name, 40);
    bm_svg_axis_x(&s, 5, label);
    bm_svg_close(&s);
    if (l->g) bm_page_caption(p, "Posterior mean lines of %zu of %zu levels of %s over %zu of %zu observations%S.", shown, l->J, l->g->name, points, l->d->n,
                              l->curve ? "" : "; least-squares lines through the fitted values, which other predictors move too");
    else bm_page_caption(p, "Posterior mean line over %zu of %zu observations%S.", points, l->d->n,
                         l->curve ? "" : "; the least-squares line through the fitted values, which other predictors move too");
    return BM_OK;
}

bool bm_page_has_lines(const bm_page *p)
{
    const bm_group *g;

    return predictor(p->in->result, &g) && p->in->fitted && p->in->result->design->n;
}

bm_status bm_page_lines(bm_page *p, bm_error *err)
{
    const bm_result *r = p->in->result;
    lines            l = { .d = r->design, .fitted = p->in->fitted };
    const bm_column *c = predictor(r, &l.g);
    bm_status        st;

    if (!c || !l.fitted || !l.d->n) return BM_OK;
    l.name = c->name;
    l.curve = only_predictor(r, c->name);
    if ((st = arrange(&l, c, err)) != BM_OK) goto done;
    widen(&l);
    bm_page_section(p, "lines", "Fitted lines");
    st = l.g && l.J <= PANELS ? panels(p, &l, err) : together(p, &l, err);
    bm_page_section_end(p);
done:
    free(l.x);
    free(l.order);
    free(l.first);
    return st;
}
