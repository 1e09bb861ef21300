/* terminal.c: the summary of a fit for somebody at a terminal, in the order and with the columns of brms: header, group-level effects by
 * grouping factor, population-level effects, residual, what follows from them, priors; notes and warnings last. */
#include "report/terminal_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NCOL = 7 };
static const char *const heads[NCOL] = { "Estimate", "Est.Error", "l-95% CI", "u-95% CI", "Rhat", "Bulk_ESS", "Tail_ESS" };

typedef struct { size_t from, to; } section;             /* rows of the table */

/* All tables of the summary are one, so that their columns line up from the first to the last. */
typedef struct {
    const bm_result *r;
    bm_table         t;
    bool            *shown;                              /* per monitored parameter */
    size_t           at;                                 /* where the next parameter is likely to be */
    section         *group, b, sigma, other, derived;    /* group: one per factor */
} layout;

/* ---- collecting rows ---- */

static bm_status add_parameter(layout *l, size_t i, const char *label, bm_error *err)
{
    const bm_summary_row *s = &l->r->summary[i];
    bool                  rb = isfinite(s->rb_mean) && isfinite(s->rb_sd);
    double                mean = rb ? s->rb_mean : s->mean, sd = rb ? s->rb_sd : s->sd;
    int                   d = bm_decimals(mean, sd, s->mcse_mean);
    bm_cell              *c = bm_table_row(&l->t, label, err);

    if (!c) return BM_ENOMEM;
    bm_cell_number(c[0], mean, d);
    bm_cell_number(c[1], sd, d);
    bm_cell_number(c[2], s->q2_5, d);
    bm_cell_number(c[3], s->q97_5, d);
    if (bm_cell_diagnostics(c + 4, s, l->r->draws->nchain)) bm_table_flag(&l->t);
    l->shown[i] = true;
    return BM_OK;
}

/* The parameter of this name under another label; none is no error. Parameters come in order, so the search starts after the last. */
static bm_status add_named(layout *l, const char *name, const char *label, bm_error *err)
{
    size_t n = l->r->nmonitored;

    for (size_t k = 0; k < n; k++) {
        size_t i = (l->at + k) % n;

        if (strcmp(l->r->draws->names[i], name) != 0) continue;
        l->at = (i + 1) % n;
        return add_parameter(l, i, label, err);
    }
    return BM_OK;
}

static bm_status add_group(layout *l, size_t k, bm_error *err)
{
    const bm_group *g = &l->r->design->fac[k];
    bm_buf          name = { 0 }, label = { 0 };
    bm_status       st = BM_OK;

    l->group[k].from = l->t.label.n;
    for (size_t i = 0; i < g->q && st == BM_OK; i++) {
        name.n = label.n = 0;
        bm_sd_name(&name, g, i);
        bm_buf_printf(&label, "sd(%s)", g->znames[i]);
        st = name.failed || label.failed ? bm_nomem(err) : add_named(l, name.s, label.s, err);
    }
    for (size_t b = 0; b < g->nblock; b++) {
        size_t first = g->block[b].first, end = first + g->block[b].size;

        for (size_t i = first; i < end; i++) {
            for (size_t j = i + 1; j < end && st == BM_OK; j++) {
                name.n = label.n = 0;
                bm_cor_name(&name, g, i, j);
                bm_buf_printf(&label, "cor(%s,%s)", g->znames[i], g->znames[j]);
                st = name.failed || label.failed ? bm_nomem(err) : add_named(l, name.s, label.s, err);
            }
        }
    }
    l->group[k].to = l->t.label.n;
    bm_buf_free(&name);
    bm_buf_free(&label);
    return st;
}

static bm_status add_derived(layout *l, bm_error *err)
{
    for (size_t i = 0; i < l->r->nderived; i++) {
        const bm_derived_row *d = &l->r->derived[i];
        int                   digits = bm_decimals(d->mean, d->sd, NAN);
        bm_cell              *c = bm_table_row(&l->t, d->name, err);

        if (!c) return BM_ENOMEM;
        bm_cell_number(c[0], d->mean, digits);
        bm_cell_number(c[1], d->sd, digits);
        bm_cell_number(c[2], d->q2_5, digits);
        bm_cell_number(c[3], d->q97_5, digits);
    }
    return BM_OK;
}

static bm_status collect(layout *l, bm_error *err)
{
    const bm_design *d = l->r->design;
    bm_status        st = BM_OK;

    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) st = add_group(l, k, err);
    l->b.from = l->t.label.n;
    for (size_t i = 0; i < d->p && st == BM_OK; i++)
        st = add_named(l, d->bnames[i], strncmp(d->bnames[i], "b_", 2) == 0 ? d->bnames[i] + 2 : d->bnames[i], err);
    l->b.to = l->sigma.from = l->t.label.n;
    if (st == BM_OK) st = add_named(l, "sigma", "sigma", err);
    l->sigma.to = l->other.from = l->t.label.n;
    for (size_t i = 0; i < l->r->nmonitored && st == BM_OK; i++)
        if (!l->shown[i] && strcmp(l->r->draws->names[i], "lp__") != 0) st = add_parameter(l, i, l->r->draws->names[i], err);
    l->other.to = l->derived.from = l->t.label.n;
    if (st == BM_OK) st = add_derived(l, err);
    l->derived.to = l->t.label.n;
    return st;
}

/* ---- printing ---- */

static void print_rows(const layout *l, bm_screen *s, const char *title, section x, size_t ncol)
{
    if (x.from == x.to) return;
    if (title) bm_screen_title(s, title);
    bm_table_heading(&l->t, &s->b, "", 0, ncol);
    bm_buf_putc(&s->b, '\n');
    for (size_t i = x.from; i < x.to; i++) bm_screen_line(s, &l->t, i, 0, ncol);
}

static void print_draws(bm_screen *s, const bm_result *r)
{
    const bm_fit_options *o = r->options;
    bm_buf                text = { 0 };

    bm_buf_printf(&text, "%zu chain%s x %zu kept", r->draws->nchain, r->draws->nchain == 1 ? "" : "s", r->draws->niter);
    if (r->draws->nchain > 1) bm_buf_printf(&text, " = %zu", r->draws->nchain * r->draws->niter);
    bm_buf_printf(&text, ", after %zu warm-up each", r->run->warmup);
    if (o->thin > 1) bm_buf_printf(&text, ", thin %d", o->thin);
    bm_buf_printf(&text, "; seed %llu", (unsigned long long)o->seed);
    if (r->run->interrupted) bm_buf_printf(&text, "; INTERRUPTED: %d per chain were asked for", o->draws);
    bm_screen_field(s, "Draws", &text);
}

static void print_sampler(bm_screen *s, const bm_result *r)
{
    const bm_run_info *run = r->run;
    double             lo = INFINITY, hi = -INFINITY;
    bm_buf             text = { 0 };

    bm_buf_puts(&text, run->sampler);
    for (size_t c = 0; run->acceptance && c < run->nchain; c++) {
        if (run->acceptance[c] < lo) lo = run->acceptance[c];
        if (run->acceptance[c] > hi) hi = run->acceptance[c];
    }
    if (lo <= hi && lo >= 0.005 && floor(lo * 100 + 0.5) == floor(hi * 100 + 0.5)) bm_buf_printf(&text, "; acceptance %.2f", lo);
    else if (lo <= hi) bm_buf_printf(&text, "; acceptance %.2g to %.2g", lo, hi);
    if (run->pareto_k > BM_HEAVY_TAIL && !bm_weights_degenerate(run->pareto_k, run->top_ratio))
        bm_buf_printf(&text, "; no posterior / proposal above %.2g times the mean", run->top_ratio);
    else if (isfinite(run->pareto_k)) bm_buf_printf(&text, "; Pareto k %.2f", run->pareto_k);
    if (s->opt->verbose && run->why[0]) bm_buf_printf(&text, "; chosen because: %s", run->why);
    if (s->opt->verbose && run->kernel[0]) bm_buf_printf(&text, "; %s", run->kernel);
    if (s->opt->verbose)
        bm_buf_printf(&text, "; %llu evaluations, %llu of them in warm-up; %.3g s reading, %.3g s warm-up, %.3g s sampling",
                      (unsigned long long)run->evaluations, (unsigned long long)run->warmup_evaluations, run->read_seconds,
                      run->warmup_seconds, run->sampling_seconds);
    if (s->opt->verbose && run->no_evidence) bm_buf_printf(&text, "; no evidence: %s", run->no_evidence);
    else if (s->opt->verbose && isfinite(run->log_evidence))
        bm_buf_printf(&text, "; log evidence %.3f (Monte Carlo error %.2g)", run->log_evidence, run->log_evidence_se);
    bm_screen_field(s, "Sampler", &text);
}

static void print_groups(const layout *l, bm_screen *s)
{
    for (size_t k = 0; k < l->r->design->nfac; k++) {
        const bm_group *g = &l->r->design->fac[k];

        if (k == 0) bm_screen_title(s, "Group-level effects");
        else bm_buf_putc(&s->b, '\n');
        bm_buf_putc(&s->b, '~');
        bm_safe_text(&s->b, g->name);
        bm_buf_printf(&s->b, " (%zu level%s)\n", g->J, g->J == 1 ? "" : "s");
        print_rows(l, s, NULL, l->group[k], NCOL);
    }
}

/* Which numbers are what: one paragraph under the tables. */
static void print_legend(const layout *l, bm_screen *s)
{
    bool   rb = false;
    bm_buf text = { 0 };

    for (size_t i = 0; i < l->r->nmonitored; i++) rb |= isfinite(l->r->summary[i].rb_mean) && isfinite(l->r->summary[i].rb_sd);
    if (rb) bm_buf_puts(&text, "Estimate and Est.Error of the coefficients are Rao-Blackwellised (averages of exact conditional moments); all "
                               "else is computed from the draws.");
    else bm_buf_puts(&text, "Estimate is the posterior mean, Est.Error the posterior standard deviation.");
    bm_buf_printf(&text, " Rhat should not exceed 1.01, and no ESS be below %zu (100 per chain)%s.", 100 * l->r->draws->nchain,
                  l->t.flags ? "; ! marks those that fail" : "");
    if (text.failed) s->b.failed = true;
    bm_buf_putc(&s->b, '\n');
    bm_screen_dim(s, true);
    bm_safe_wrapped(&s->b, text.s ? text.s : "", 0, 0, s->width);
    bm_screen_dim(s, false);
    bm_buf_putc(&s->b, '\n');
    bm_buf_free(&text);
}

static void print_derived(const layout *l, bm_screen *s)
{
    print_rows(l, s, "Derived quantities", l->derived, 4);
    for (size_t i = 0; i < l->r->nderived; i++) {
        const bm_derived_row *d = &l->r->derived[i];
        size_t                start;

        if (!d->meaning || !*d->meaning) continue;
        bm_screen_dim(s, true);
        start = s->b.n;
        bm_buf_puts(&s->b, "  ");
        bm_safe_text(&s->b, d->name);
        bm_buf_puts(&s->b, ": ");
        bm_safe_wrapped(&s->b, d->meaning, s->b.s ? bm_width(s->b.s + start) : 0, 4, s->width);
        bm_screen_dim(s, false);
        bm_buf_putc(&s->b, '\n');
    }
}

static void print_all(const layout *l, bm_screen *s)
{
    const bm_result *r = l->r;

    bm_screen_model(s, r->spec, r->frame_info, r->design);
    print_draws(s, r);
    print_sampler(s, r);
    print_groups(l, s);
    print_rows(l, s, r->design->nfac ? "Population-level effects" : "Regression coefficients", l->b, NCOL);
    print_rows(l, s, "Residual standard deviation", l->sigma, NCOL);
    if (r->design->known_se) {
        bm_screen_title(s, "Residual standard deviation");
        bm_buf_puts(&s->b, "known for each row: column ");
        bm_safe_text(&s->b, r->spec->se ? r->spec->se : "of standard errors");
        bm_buf_putc(&s->b, '\n');
    }
    print_rows(l, s, "Other parameters", l->other, NCOL);
    print_legend(l, s);
    print_derived(l, s);
    bm_screen_priors(s, r->priors, s->opt->verbose ? SIZE_MAX : 12);
    bm_screen_list(s, "Notes", "-", r->notes, false);
    bm_screen_list(s, r->warnings && r->warnings->n == 1 ? "Warning" : "Warnings", "!", r->warnings, true);
}

static bm_status print_json(const bm_result *r, FILE *out, const bm_print_options *opt, bm_error *err)
{
    bm_buf    b = { 0 };
    bm_status st = bm_report_summary_json(r, opt->command, &b, err);

    if (st == BM_OK) st = bm_emit(&b, out, err);
    bm_buf_free(&b);
    return st;
}

bm_status bm_report_fit(const bm_result *r, FILE *out, const bm_print_options *opt, bm_error *err)
{
    static const bm_print_options defaults = BM_PRINT_OPTIONS_INIT;
    layout                        l = { .r = r };
    bm_screen                     s;
    bm_status                     st;

    if (!opt) opt = &defaults;
    if (opt->json) return print_json(r, out, opt, err);
    bm_screen_init(&s, opt);
    bm_table_init(&l.t, heads, NCOL);
    l.shown = bm_alloc(r->nmonitored, sizeof *l.shown);
    l.group = bm_alloc(r->design->nfac, sizeof *l.group);
    st = l.shown && l.group ? collect(&l, err) : bm_nomem(err);
    if (st == BM_OK) st = bm_table_measure(&l.t, s.width, err);
    if (st == BM_OK) {
        print_all(&l, &s);
        st = bm_emit(&s.b, out, err);
    }
    bm_buf_free(&s.b);
    bm_table_free(&l.t);
    free(l.shown);
    free(l.group);
    return st;
}
