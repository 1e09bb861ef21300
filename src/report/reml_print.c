/* reml_print.c: a REML or ML fit on the terminal, in the layout of R's summary(lmer). */
#include "report/reml_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CORRELATED = 10, DIGITS = 4 };

static void header(bm_buf *b, const bm_reml *r)
{
    bm_buf_printf(b, "%s fit by %s\n", r->ngroup ? "Linear mixed model" : "Linear model", r->ml ? "maximum likelihood" : "REML");
    if (r->formula) {
        bm_buf_puts(b, "Formula: ");
        bm_safe_text(b, r->formula);
        bm_buf_putc(b, '\n');
    }
    if (r->data) {
        bm_buf_puts(b, "   Data: ");
        bm_safe_text(b, r->data);
        bm_buf_putc(b, '\n');
    }
    bm_buf_putc(b, '\n');
    if (!r->ml) bm_buf_printf(b, "REML criterion at convergence: %.4f   AIC %.1f   BIC %.1f   %zu parameters\n", r->criterion, r->aic, r->bic, r->npar);
    else bm_buf_printf(b, "-2 log likelihood: %.4f   logLik %.4f   AIC %.1f   BIC %.1f   %zu parameters\n", r->criterion, r->logLik, r->aic, r->bic, r->npar);
}

/* ---- random effects ---- */

static bool correlated(const bm_reml_group *g, size_t i, size_t j)
{
    for (size_t c = 0; c < g->nblock; c++) {
        size_t first = g->block[c].first, end = first + g->block[c].size;

        if (i >= first && i < end) return j >= first && j < end;
    }
    return false;
}

/* Largest number of correlations in a row. */
static size_t correlation_columns(const bm_reml *r)
{
    size_t most = 0;

    for (size_t k = 0; k < r->ngroup; k++)
        for (size_t c = 0; c < r->group[k].nblock; c++)
            if (r->group[k].block[c].size - 1 > most) most = r->group[k].block[c].size - 1;
    return most > MOST_CORRELATED ? MOST_CORRELATED : most;
}

static void correlation_cells(bm_grid *t, const bm_reml_group *g, size_t i, size_t ncor)
{
    size_t used = 0;

    for (size_t j = 0; j < i && used < ncor; j++) {
        if (!correlated(g, i, j)) continue;
        if (isnan(g->cor[i + j * g->q])) bm_grid_add(t, "-");
        else bm_grid_num(t, g->cor[i + j * g->q], 2);
        used++;
    }
    for (; used < ncor; used++) bm_grid_add(t, "");
}

static void random_effects(bm_buf *b, const bm_reml *r)
{
    size_t  ncor = correlation_columns(r), n = 0;
    double  sd[512] = { 0 }, var[512];
    char    align[8 + MOST_CORRELATED] = "llrr";
    bm_grid t = { .ncol = 4 + ncor, .align = align };
    int     dv, ds;

    for (size_t k = 0; k < ncor; k++) align[4 + k] = 'r';
    for (size_t k = 0; k < r->ngroup; k++)
        for (size_t i = 0; i < r->group[k].q && n < 510; i++) sd[n++] = r->group[k].sd[i];
    if (!r->known_se) sd[n++] = r->sigma;
    for (size_t i = 0; i < n; i++) var[i] = sd[i] * sd[i];
    ds = bm_grid_decimals(sd, n, DIGITS);
    dv = bm_grid_decimals(var, n, DIGITS);
    bm_buf_puts(b, "\nRandom effects:\n");
    bm_grid_add(&t, "Groups");
    bm_grid_add(&t, "Name");
    bm_grid_add(&t, "Variance");
    bm_grid_add(&t, "Std.Dev.");
    for (size_t k = 0; k < ncor; k++) bm_grid_add(&t, k ? "" : "Corr");
    for (size_t k = 0; k < r->ngroup; k++)
        for (size_t i = 0; i < r->group[k].q; i++) {
            const bm_reml_group *g = &r->group[k];

            bm_grid_add(&t, i ? "" : g->name);
            bm_grid_add(&t, g->terms[i]);
            bm_grid_num(&t, g->sd[i] * g->sd[i], dv);
            bm_grid_num(&t, g->sd[i], ds);
            correlation_cells(&t, g, i, ncor);
        }
    if (!r->known_se) {
        bm_grid_add(&t, "Residual");
        bm_grid_add(&t, "");
        bm_grid_num(&t, r->sigma * r->sigma, dv);
        bm_grid_num(&t, r->sigma, ds);
        for (size_t k = 0; k < ncor; k++) bm_grid_add(&t, "");
    }
    bm_grid_write(&t, b, 1);
    bm_buf_printf(b, "Number of obs: %zu", r->n);
    for (size_t k = 0; k < r->ngroup; k++) {
        bm_buf_puts(b, k ? "; " : ", groups: ");
        bm_safe_text(b, r->group[k].name);
        bm_buf_printf(b, ", %zu", r->group[k].J);
    }
    if (r->known_se) bm_buf_puts(b, "; residual standard errors known");
    bm_buf_putc(b, '\n');
}

/* ---- fixed effects ---- */

static const char *stars(double p)
{
    return p < 0.001 ? "***" : p < 0.01 ? "**" : p < 0.05 ? "*" : p < 0.1 ? "." : "";
}

static void fixed_effects(bm_buf *b, const bm_reml *r)
{
    static const char *const head[] = { "", "Estimate", "Std. Error", "df", "t value", "Pr(>|t|)", "" };
    bm_grid t = { .ncol = 7, .align = "lrrrrrl" };
    bool    any = false;
    int     d = bm_grid_decimals(r->se, r->p, DIGITS);

    if (r->rank == 0) return;
    bm_buf_puts(b, "\nFixed effects:\n");
    for (size_t i = 0; i < 7; i++) bm_grid_add(&t, head[i]);
    for (size_t k = 0; k < r->p; k++) {
        if (r->aliased[k]) continue;
        bm_grid_add(&t, r->xnames[k]);
        bm_grid_num(&t, r->b[k], d);
        bm_grid_num(&t, r->se[k], d);
        bm_grid_num(&t, r->df[k], r->df[k] < 1e4 ? 2 : 0);
        bm_grid_num(&t, r->t[k], 3);
        bm_grid_p(&t, r->pvalue[k]);
        bm_grid_add(&t, stars(r->pvalue[k]));
        any |= *stars(r->pvalue[k]) != 0;
    }
    bm_grid_write(&t, b, 0);
    if (any) bm_buf_puts(b, "---\nSignif. codes:  0 '***' 0.001 '**' 0.01 '*' 0.05 '.' 0.1 ' ' 1\n");
    bm_buf_puts(b, "df: Satterthwaite's method\n");
}

/* The first six characters of a name: enough to tell columns apart, as R does it. */
static void add_short(bm_grid *t, const char *name)
{
    char   s[32];
    size_t n = 0, chars = 0;

    while (name[n] && chars < 6 && n < sizeof s - 5) {
        size_t step = bm_utf8(name + n, NULL);

        memcpy(s + n, name + n, step ? step : 1);
        n += step ? step : 1;
        chars++;
    }
    s[n] = '\0';
    bm_grid_add(t, name[0] == '(' && strcmp(name, "(Intercept)") == 0 ? "(Intr)" : s);
}

static void fixed_correlations(bm_buf *b, const bm_reml *r)
{
    size_t  kept[MOST_CORRELATED], n = 0;
    bm_grid t = { .align = "lrrrrrrrrrrrr" };

    if (r->rank < 2 || r->rank > MOST_CORRELATED) return;
    for (size_t k = 0; k < r->p; k++)
        if (!r->aliased[k]) kept[n++] = k;
    t.ncol = n;
    bm_buf_puts(b, "\nCorrelation of fixed effects:\n");
    bm_grid_add(&t, "");
    for (size_t j = 0; j + 1 < n; j++) add_short(&t, r->xnames[kept[j]]);
    for (size_t i = 1; i < n; i++) {
        bm_grid_add(&t, r->xnames[kept[i]]);
        for (size_t j = 0; j + 1 < n; j++) {
            size_t a = kept[i], c = kept[j];

            bm_grid_num(&t, j < i ? r->vcov[a + c * r->p] / (r->se[a] * r->se[c]) : NAN, 3);
        }
    }
    bm_grid_write(&t, b, 0);
}

/* ---- intervals ---- */

static void interval_label(bm_buf *name, const bm_reml *r, const bm_interval *v)
{
    const bm_reml_group *g = r->ngroup ? &r->group[v->group] : NULL;

    name->n = 0;
    if (strcmp(v->kind, "sd") == 0) bm_buf_printf(name, "sd(%s: %s)", g->name, g->terms[v->a]);
    else if (strcmp(v->kind, "cor") == 0) bm_buf_printf(name, "cor(%s: %s, %s)", g->name, g->terms[v->a], g->terms[v->b]);
    else bm_buf_puts(name, strcmp(v->kind, "b") == 0 ? r->xnames[v->a] : "sigma");
}

static double interval_estimate(const bm_reml *r, const bm_interval *v)
{
    if (strcmp(v->kind, "sd") == 0) return r->group[v->group].sd[v->a];
    if (strcmp(v->kind, "cor") == 0) return r->group[v->group].cor[v->b + v->a * r->group[v->group].q];
    return strcmp(v->kind, "b") == 0 ? r->b[v->a] : r->sigma;
}

static void intervals(bm_buf *b, const bm_reml *r)
{
    bm_grid t = { .ncol = 4, .align = "lrrr" };
    bm_buf  name = { 0 };

    if (r->ninterval == 0) return;
    bm_buf_printf(b, "\n%g %% intervals (%s):\n", 100 * r->level,
                  r->ci == BM_CI_PROFILE ? r->ml ? "profile likelihood" : "profile likelihood, of the ML fit" : "normal");
    bm_grid_add(&t, "");
    bm_grid_add(&t, "Estimate");
    bm_grid_add(&t, "Lower");
    bm_grid_add(&t, "Upper");
    for (size_t i = 0; i < r->ninterval; i++) {
        const bm_interval *v = &r->interval[i];
        double             width = v->upper - v->lower;
        int                d = isfinite(width) && width > 0 ? bm_grid_decimals(&width, 1, DIGITS) : 4;

        interval_label(&name, r, v);
        bm_grid_add(&t, name.s ? name.s : "");
        bm_grid_num(&t, interval_estimate(r, v), d);
        bm_grid_num(&t, v->lower, d);
        bm_grid_num(&t, v->upper, d);
    }
    bm_grid_write(&t, b, 0);
    if (name.failed) b->failed = true;
    bm_buf_free(&name);
}

static void notes(bm_screen *s, const bm_reml *r, const bm_print_options *opt)
{
    if (r->singular) {
        bm_buf_puts(&s->b, "\nSingular fit: at the boundary ");
        bm_buf_puts(&s->b, r->boundary.n == 1 ? "is " : "are ");
        for (size_t i = 0; i < r->boundary.n; i++) {
            if (i) bm_buf_puts(&s->b, "; ");
            bm_safe_text(&s->b, r->boundary.v[i]);
        }
        bm_buf_putc(&s->b, '\n');
    }
    if (r->notes.n) bm_screen_list(s, "Notes", "-", &r->notes, false);
    if (opt->verbose)
        bm_buf_printf(&s->b, "\nSearch: %d evaluations from %d starts, %d of which reached the optimum; largest derivative %.1e; %.4f s\n", r->search.evaluations,
                      r->search.starts, r->search.agree, r->search.gnorm, r->search.seconds);
}

bm_status bm_report_reml(const bm_reml *r, FILE *out, const bm_print_options *opt, bm_error *err)
{
    static const bm_print_options defaults = BM_PRINT_OPTIONS_INIT;
    bm_screen s;
    bm_status st;

    if (!opt) opt = &defaults;
    bm_screen_init(&s, opt);
    if (opt->json) {
        bm_json_reml(&s.b, r, opt->command);
    } else {
        header(&s.b, r);
        random_effects(&s.b, r);
        fixed_effects(&s.b, r);
        fixed_correlations(&s.b, r);
        if (r->ci == BM_CI_PROFILE || opt->verbose) intervals(&s.b, r);
        notes(&s, r, opt);
    }
    st = bm_emit(&s.b, out, err);
    bm_buf_free(&s.b);
    return st;
}
