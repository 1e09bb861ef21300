/* compare_print.c: REML beside posterior on the terminal. All columns in one table where the screen is wide enough, else estimates first and
 * intervals below; then why parameters differ, group effects, shares, pooling and tests. */
#include "report/compare_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NCOL = 12, SPLIT = 7 };

void bm_screen_paragraph(bm_screen *s, bm_buf *text, size_t indent)
{
    if (text->failed) s->b.failed = true;
    bm_buf_printf(&s->b, "%*s", (int)indent, "");
    bm_safe_wrapped(&s->b, text->s ? text->s : "", indent, indent, s->width);
    bm_buf_putc(&s->b, '\n');
    bm_buf_free(text);
}

void bm_screen_dim_paragraph(bm_screen *s, bm_buf *text)
{
    bm_screen_dim(s, true);
    bm_screen_paragraph(s, text, 0);
    bm_screen_dim(s, false);
}

/* ---- header ---- */

const char *bm_compare_interval(const bm_comparison *c, bool coefficients)
{
    for (size_t i = 0; i < c->nrow; i++)
        if ((c->row[i].kind == BM_PARAM_B) == coefficients && c->row[i].interval) return c->row[i].interval;
    return NULL;
}

const char *bm_compare_interval_words(const char *interval)
{
    if (!interval) return "none";
    return strcmp(interval, "profile") == 0 ? "profile likelihood (ML deviance)" : strcmp(interval, "wald") == 0 ? "Wald" : "Wald on the log and atanh scale";
}

static void header(bm_screen *s, const bm_comparison *c)
{
    const bm_reml *r = c->reml;
    bm_buf         text = { 0 };
    const char    *theta = bm_compare_interval(c, false), *b = bm_compare_interval(c, true);

    bm_screen_model(s, c->spec, c->frame, c->design);
    bm_buf_printf(&text, "criterion %.4f%s; intervals:", r->criterion, r->singular ? "; singular fit" : "");
    if (b) bm_buf_printf(&text, " coefficients %s;", bm_compare_interval_words(b));
    bm_buf_printf(&text, " sds, correlations and sigma %s", bm_compare_interval_words(theta));
    bm_screen_field(s, "REML", &text);
    text = (bm_buf){ 0 };
    bm_buf_printf(&text, "%zu chain%s x %zu draws, seed %llu", c->nchain, c->nchain == 1 ? "" : "s", c->niter, (unsigned long long)c->seed);
    if (c->evidence.known) bm_buf_printf(&text, "; log evidence %.3f (Monte Carlo error %.2g)", c->evidence.log, c->evidence.se);
    else if (c->no_evidence) bm_buf_printf(&text, "; no evidence: %s", c->no_evidence);
    bm_screen_field(s, "Bayes", &text);
}

/* ---- parameters ---- */

/* No -0.00 */
static double tidy(double x, int decimals)
{
    return fabs(x) < 0.5 * pow(10, -decimals) ? 0 : x;
}

static void optional(bm_cell c, double x, int decimals)
{
    if (isnan(x)) strcpy(c, "-");
    else bm_cell_number(c, tidy(x, decimals), decimals);
}

void bm_compare_number(bm_grid *g, double x, int decimals)
{
    if (isnan(x)) bm_grid_add(g, "-");
    else bm_grid_num(g, tidy(x, decimals), decimals);
}

static void mark(bm_cell c)
{
    size_t n = strlen(c);

    c[n] = '!';
    c[n + 1] = '\0';
}

static bm_status add_row(bm_table *t, const bm_compare_row *r, bm_error *err)
{
    int      d = bm_decimals(r->mean, r->sd, r->mcse);
    bm_cell *c = bm_table_row(t, r->name, err);

    if (!c) return BM_ENOMEM;
    optional(c[0], r->reml, d);
    optional(c[1], r->se, d);
    optional(c[2], r->mean, d);
    optional(c[3], r->median, d);
    optional(c[4], r->sd, d);
    optional(c[5], r->diff, 2);
    optional(c[6], r->flat == BM_FLAT_NONE ? 0 : r->prior_shift, 2);
    optional(c[7], r->lower, d);
    optional(c[8], r->upper, d);
    optional(c[9], r->q2_5, d);
    optional(c[10], r->q97_5, d);
    optional(c[11], r->ratio, 2);
    if (r->differs) mark(c[5]);
    return BM_OK;
}

/* Columns [from, to) of all rows, with a line above that says whose they are. */
static void block(bm_screen *s, const bm_table *t, const bm_comparison *c, size_t from, size_t to)
{
    static const struct { size_t from, to; const char *text; } over[] = { { 0, 2, "REML" }, { 2, 5, "posterior" }, { 7, 9, "REML 95 %" }, { 9, 11, "posterior 95 %" } };
    size_t at = 0, column = t->label_width;

    for (size_t k = from; k < to; k++) {
        size_t start = column + 1;

        column += 1 + t->width[k];
        for (size_t i = 0; i < sizeof over / sizeof *over; i++) {
            size_t wide = 0, n = strlen(over[i].text), lead;

            if (over[i].from != k || over[i].to > to) continue;
            for (size_t m = over[i].from; m < over[i].to; m++) wide += t->width[m] + (m > over[i].from);
            lead = wide > n ? (wide - n + 1) / 2 : 0;
            if (start + lead < at + 1) lead = at + 1 - start;
            bm_buf_printf(&s->b, "%*s", (int)(start - at), "");
            for (size_t m = 0; m + 1 < lead; m++) bm_buf_putc(&s->b, '-');
            bm_buf_printf(&s->b, "%s%s", lead ? " " : "", over[i].text);
            if (wide > lead + n) bm_buf_putc(&s->b, ' ');
            for (size_t m = lead + n + 1; m < wide; m++) bm_buf_putc(&s->b, '-');
            at = start + (wide > lead + n ? wide : lead + n);
        }
    }
    bm_buf_putc(&s->b, '\n');
    bm_table_heading(t, &s->b, "", from, to);
    bm_buf_putc(&s->b, '\n');
    for (size_t i = 0; i < t->label.n; i++) bm_screen_line(s, t, i, from, to);
    (void)c;
}

static size_t total_width(const bm_table *t, size_t to)
{
    size_t w = t->label_width;

    for (size_t k = 0; k < to; k++) w += 1 + t->width[k];
    return w;
}

static bm_status parameters(bm_screen *s, const bm_comparison *c, bm_error *err)
{
    static const char *const head[NCOL] = { "estimate", "s.e.", "mean", "median", "sd", "diff", "prior", "lower", "upper", "lower", "upper", "ratio" };
    bm_table  t;
    bm_buf    text = { 0 };
    bm_status st = BM_OK;
    size_t    differ = 0, refused = 0;

    bm_table_init(&t, head, NCOL);
    for (size_t i = 0; i < c->nrow && st == BM_OK; i++) {
        differ += c->row[i].differs;
        refused += c->row[i].flat == BM_FLAT_REFUSED;
        st = add_row(&t, &c->row[i], err);
        if (st == BM_OK && c->row[i].differs) t.flag[t.label.n - 1] = true;
    }
    if (st == BM_OK) st = bm_table_measure(&t, SIZE_MAX, err);
    if (st != BM_OK) goto done;
    if (t.label_width > s->width / 2) t.label_width = s->width / 2;
    t.limit = s->width;
    bm_screen_title(s, "Parameters");
    if (total_width(&t, NCOL) <= s->width) {
        block(s, &t, c, 0, NCOL);
    } else {
        block(s, &t, c, 0, SPLIT);
        bm_buf_putc(&s->b, '\n');
        block(s, &t, c, SPLIT, NCOL);
    }
    bm_buf_printf(&text, "diff: (mean - REML estimate) / sd%s; prior: how far the prior moved the mean, in sds%s; ratio: width of the posterior interval / REML's.",
                  differ ? "; ! marks what is explained below" : "", refused ? " (- where the draws cannot tell)" : "");
    bm_buf_putc(&s->b, '\n');
    bm_screen_dim_paragraph(s, &text);
done:
    bm_table_free(&t);
    return st;
}

static void explanations(bm_screen *s, const bm_comparison *c)
{
    bm_buf title = { 0 };
    size_t n = 0;

    for (size_t i = 0; i < c->nrow; i++) n += c->row[i].differs;
    if (!n) {
        bm_buf_printf(&title, "No estimate is at the boundary, and none differs from the posterior mean by more than %g posterior sd.", c->differ);
        bm_buf_putc(&s->b, '\n');
        bm_screen_paragraph(s, &title, 0);
        return;
    }
    bm_buf_printf(&title, "Why they differ (by more than %g posterior sd, or at the boundary)", c->differ);
    bm_screen_title(s, title.s ? title.s : "");
    bm_buf_free(&title);
    for (size_t i = 0; i < c->nrow; i++) {
        if (!c->row[i].differs) continue;
        bm_buf_puts(&s->b, "  ");
        bm_safe_text(&s->b, c->row[i].name);
        bm_buf_putc(&s->b, '\n');
        for (size_t k = 0; k < c->row[i].why.n; k++) {
            bm_buf_puts(&s->b, "    - ");
            bm_safe_wrapped(&s->b, c->row[i].why.v[k], 6, 6, s->width);
            bm_buf_putc(&s->b, '\n');
        }
    }
}

/* ---- shares of variance ---- */

static void shares(bm_screen *s, const bm_comparison *c)
{
    static const char *const head[] = { "", "REML", "mean", "median", "sd", "2.5%", "97.5%", "diff" };
    bm_grid t = { .ncol = 8, .align = "lrrrrrrr" };

    if (!c->nshare) return;
    bm_screen_title(s, "Shares of variance");
    for (size_t i = 0; i < 8; i++) bm_grid_add(&t, head[i]);
    for (size_t i = 0; i < c->nshare; i++) {
        const bm_compare_share *r = &c->share[i];
        const double            x[] = { r->reml, r->mean, r->q50, r->sd, r->q2_5, r->q97_5 };

        bm_grid_add(&t, r->name);
        for (size_t k = 0; k < 6; k++) bm_compare_number(&t, x[k], 3);
        bm_compare_number(&t, r->diff, 2);
    }
    bm_grid_write(&t, &s->b, 0);
}

static bm_status text_report(bm_screen *s, const bm_comparison *c, bm_error *err)
{
    bm_status st;

    header(s, c);
    if ((st = parameters(s, c, err)) != BM_OK) return st;
    explanations(s, c);
    if ((st = bm_compare_print_effects(s, c, err)) != BM_OK) return st;
    shares(s, c);
    bm_compare_print_pooling(s, c);
    bm_compare_print_tests(s, c);
    bm_screen_list(s, "Notes", "-", c->fit_notes, false);
    bm_screen_list(s, c->fit_notes && c->fit_notes->n ? "Notes on the comparison" : "Notes", "-", c->notes, false);
    bm_screen_list(s, "Warnings", "!", c->fit_warnings, true);
    bm_screen_list(s, c->fit_warnings && c->fit_warnings->n ? "Warnings on the comparison" : "Warnings", "!", c->warnings, true);
    return BM_OK;
}

bm_status bm_report_compare(const bm_comparison *c, FILE *out, const bm_print_options *opt, bm_error *err)
{
    bm_screen s;
    bm_status st = BM_OK;

    bm_screen_init(&s, opt);
    if (opt->json) bm_json_compare(&s.b, c, opt->command);
    else st = text_report(&s, c, err);
    if (st == BM_OK) st = bm_emit(&s.b, out, err);
    bm_buf_free(&s.b);
    return st;
}
