/* html_report.c: report.html: one self-contained page about a fit. No scripts, no network: text, tables and drawings. */
#include "report/html_priv.h"
#include "report/terminal_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- sections and figures ---- */

void bm_page_section(bm_page *p, const char *id, const char *title)
{
    bm_html(p->b, "<section aria-labelledby=\"%S\">\n<h2 id=\"%S\">%S</h2>\n", id, id, title);
}

void bm_page_section_end(bm_page *p)
{
    bm_buf_puts(p->b, "</section>\n");
}

void bm_page_figure(bm_page *p, const char *class)
{
    p->figure++;
    bm_html(p->b, "<figure class=\"%S\" aria-labelledby=\"fig%zu\">\n", class, p->figure);
}

void bm_page_caption(bm_page *p, const char *fmt, ...)
{
    va_list ap;

    bm_html(p->b, "<figcaption id=\"fig%zu\"><b>Figure %zu.</b> ", p->figure, p->figure);
    va_start(ap, fmt);
    bm_html_v(p->b, fmt, ap);
    va_end(ap);
    bm_buf_puts(p->b, "</figcaption>\n</figure>\n");
}

/* ---- head ---- */

static const char *title_of(const bm_spec *s)
{
    return s->title ? s->title : s->name ? s->name : s->formula;
}

static void head(bm_page *p)
{
    const bm_result *r = p->in->result;
    bm_buf          *b = p->b;

    bm_html(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"generator\" content=\"bmixed %s\">\n<link rel=\"icon\" href=\"data:,\">\n<title>%s</title>\n<style>\n", BM_VERSION, title_of(r->spec));
    bm_html_style(b);
    bm_html(b, "</style>\n</head>\n<body>\n"
               "<a class=\"skip\" href=\"#main\">To the content</a>\n<header>\n<h1>%s</h1>\n<p class=\"lead\">Bayesian mixed model, %s: %zu rows", title_of(r->spec), r->spec->family ? r->spec->family : "gaussian", r->design->n);
    for (size_t k = 0; k < r->design->nfac; k++) bm_html(b, ", %zu levels of %s", r->design->fac[k].J, r->design->fac[k].name);
    bm_html(b, "; %zu chains of %zu draws</p>\n</header>\n", r->draws->nchain, r->draws->niter);
}

static void verdict(bm_page *p)
{
    static const char *const class[] = { "good", "watch", "bad" };
    static const char *const mark[] = { "✓", "!", "✕" };
    const bm_checks         *c = p->in->checks;
    bm_check_level           worst = bm_checks_worst(c);
    bm_buf                  *b = p->b;
    size_t                   n = 0;

    bm_html(b, "<div class=\"verdict %S %S\" role=\"note\"><span class=\"lamp\" aria-hidden=\"true\">%S</span><p><strong>%s</strong>", class[worst], class[worst], mark[worst],
            bm_checks_overall(c));
    for (size_t i = 0; i < c->n; i++)
        if (worst != BM_CHECK_GOOD && (c->v[i].level == BM_CHECK_WATCH || c->v[i].level == BM_CHECK_BAD))
            bm_html(b, "%S%s", n++ ? "; " : " See: ", c->v[i].title);
    bm_html(b, "%S</p></div>\n", n ? " (<a href=\"#checks\">diagnostics</a>)." : "");
}

static void contents(bm_page *p)
{
    static const struct { const char *id, *title; } all[] = { { "question", "Question" }, { "data", "Data" }, { "results", "Results" }, { "groups", "Groups" },
        { "lines", "Lines" }, { "predictive", "Fit" }, { "checks", "Trust" }, { "priors", "Priors" }, { "reml", "REML" }, { "reproduce", "Reproduce" } };

    bm_buf_puts(p->b, "<nav aria-label=\"Contents\"><ul>\n");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool groups = strcmp(all[i].id, "groups") == 0, fit = strcmp(all[i].id, "predictive") == 0, lines = strcmp(all[i].id, "lines") == 0;

        if ((groups && !p->in->result->nranef) || (fit && (!p->in->predictive || !p->in->predictive->nrep)) || (lines && !bm_page_has_lines(p))) continue;
        bm_html(p->b, "<li><a href=\"#%S\">%S</a></li>\n", all[i].id, all[i].title);
    }
    bm_buf_puts(p->b, "</ul></nav>\n");
}

/* ---- foot ---- */

static void reproduce(bm_page *p)
{
    const bm_html_input *in = p->in;
    const bm_result     *r = in->result;
    bm_buf              *b = p->b;

    bm_page_section(p, "reproduce", "How to reproduce");
    if (in->command) bm_html(b, "<p>This fit was made by</p>\n<div class=\"scroll\"><pre><code>%s</code></pre></div>\n", in->command);
    if (in->dir) bm_html(b, "<p>The resolved model is in the output directory; this repeats the fit, draw for draw:</p>\n<div class=\"scroll\"><pre><code>bmixed fit %s</code></pre></div>\n", in->dir);
    bm_html(b, "<div class=\"scroll\"><table class=\"plain\">\n<tr><th scope=\"row\">bmixed</th><td>%s</td></tr>\n", in->version ? in->version : BM_VERSION);
    bm_buf_printf(b, "<tr><th scope=\"row\">Seed</th><td>%llu</td></tr>\n", (unsigned long long)r->options->seed);
    if (in->hash) bm_html(b, "<tr><th scope=\"row\">Data</th><td>XXH64 <code>%s</code></td></tr>\n", in->hash);
    bm_html(b, "<tr><th scope=\"row\">Chains</th><td>%zu of %zu warm-up and %zu kept draws", r->draws->nchain, r->run->warmup, r->draws->niter);
    if (r->options->thin > 1) bm_html(b, ", every %dth", r->options->thin);
    bm_html(b, "</td></tr>\n<tr><th scope=\"row\">Sampler</th><td>%s: %s (%s)</td></tr>\n", r->run->sampler, r->run->kernel, r->run->why);
    if (isfinite(r->run->total_seconds)) bm_html(b, "<tr><th scope=\"row\">Time</th><td>%.*f s</td></tr>\n", r->run->total_seconds < 10 ? 2 : 0, r->run->total_seconds);
    bm_buf_puts(b, "</table></div>\n");
    if (r->notes && r->notes->n) {
        bm_buf_puts(b, "<h3>Notes</h3>\n<ul>\n");
        for (size_t i = 0; i < r->notes->n; i++) bm_html(b, "<li>%s</li>\n", r->notes->v[i]);
        bm_buf_puts(b, "</ul>\n");
    }
    bm_page_section_end(p);
}

static bm_status sections(bm_page *p, bm_error *err)
{
    bm_status st;

    bm_page_question(p);
    bm_page_data(p);
    if ((st = bm_page_results(p, err)) != BM_OK) return st;
    if ((st = bm_page_groups(p, err)) != BM_OK) return st;
    if ((st = bm_page_lines(p, err)) != BM_OK) return st;
    if ((st = bm_page_predictive(p, err)) != BM_OK) return st;
    if ((st = bm_page_checks(p, err)) != BM_OK) return st;
    bm_page_priors(p);
    bm_page_bayes_reml(p);
    reproduce(p);
    return BM_OK;
}

bm_status bm_report_html(const bm_html_input *in, FILE *out, bm_error *err)
{
    bm_buf    b = { 0 };
    bm_page   p = { .in = in, .b = &b };
    bm_status st = bm_margins_new(&p.margin, &p.nmargin, in->result->priors, in->result->design, err);

    if (st != BM_OK) return st;
    head(&p);
    contents(&p);
    bm_buf_puts(&b, "<main id=\"main\">\n");
    verdict(&p);
    st = sections(&p, err);
    bm_html(&b, "</main>\n<footer>Written by bmixed %s. Diagnostics: Vehtari, Gelman, Simpson, Carpenter &amp; Bürkner (2021), Bayesian Analysis 16:667.</footer>\n</body>\n</html>\n",
            BM_VERSION);
    if (st == BM_OK && b.failed) st = bm_nomem(err);
    if (st == BM_OK) st = bm_emit(&b, out, err);
    bm_buf_free(&b);
    free(p.margin);
    return st;
}
