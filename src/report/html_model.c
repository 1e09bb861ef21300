/* html_model.c: the question: the model in words, in lme4's notation and as equations by level; the data; the priors. */
#include "report/html_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TERMS_SHOWN = 6 };                            /* in an equation; beyond that x'b */

static bool is_intercept(const char *x)
{
    return strcmp(x, "(Intercept)") == 0 || strcmp(x, "Intercept") == 0;
}

/* ---- MathML ---- */

static void name_in_math(bm_buf *b, const char *s)
{
    char t[120];

    bm_short_text(t, sizeof t, s, 26);
    bm_html(b, "<mtext class=\"v\">%s</mtext>", t);
}

static void open_math(bm_buf *b)
{
    bm_buf_puts(b, "<div class=\"scroll eq\"><math display=\"block\"><mrow>");
}

static void close_math(bm_buf *b)
{
    bm_buf_puts(b, "</mrow></math></div>\n");
}

static void plus(bm_buf *b)
{
    bm_buf_puts(b, "<mo>+</mo>");
}

/* Group effects of factor k for row i: u_0,Subject[i] + u_1,Subject[i] Days_i. */
static void group_terms(bm_buf *b, const bm_group *g)
{
    for (size_t i = 0; i < g->q && g->q <= TERMS_SHOWN; i++) {
        plus(b);
        bm_html(b, "<msub><mi>u</mi><mrow><mn>%zu</mn><mo>,</mo><mtext class=\"v\">%s</mtext><mo stretchy=\"false\">[</mo><mi>i</mi><mo stretchy=\"false\">]</mo></mrow></msub>", i, g->name);
        if (is_intercept(g->znames[i])) continue;
        bm_buf_puts(b, "<mo>&#x2062;</mo><msub>");
        name_in_math(b, g->znames[i]);
        bm_buf_puts(b, "<mi>i</mi></msub>");
    }
    if (g->q > TERMS_SHOWN)
        bm_html(b, "<mo>+</mo><msubsup><mi mathvariant=\"bold\">z</mi><mi>i</mi><mo>′</mo></msubsup><msub><mi mathvariant=\"bold\">u</mi><mrow>"
                   "<mtext class=\"v\">%s</mtext><mo stretchy=\"false\">[</mo><mi>i</mi><mo stretchy=\"false\">]</mo></mrow></msub>", g->name);
}

static void observations(bm_page *p)
{
    const bm_design *d = p->in->result->design;
    bm_buf          *b = p->b;

    open_math(b);
    bm_buf_puts(b, "<msub>");
    name_in_math(b, d->yname);
    bm_buf_puts(b, "<mi>i</mi></msub><mo>=</mo>");
    if (d->o || d->had_o) bm_buf_puts(b, "<msub><mi>o</mi><mi>i</mi></msub><mo>+</mo>");
    for (size_t k = 0; k < d->p && d->p <= TERMS_SHOWN; k++) {
        if (k) plus(b);
        bm_html(b, "<msub><mi>β</mi><mn>%zu</mn></msub>", k);
        if (is_intercept(d->xnames[k])) continue;
        bm_buf_puts(b, "<mo>&#x2062;</mo><msub>");
        name_in_math(b, d->xnames[k]);
        bm_buf_puts(b, "<mi>i</mi></msub>");
    }
    if (d->p > TERMS_SHOWN) bm_buf_puts(b, "<msubsup><mi mathvariant=\"bold\">x</mi><mi>i</mi><mo>′</mo></msubsup><mi mathvariant=\"bold\">β</mi>");
    for (size_t k = 0; k < d->nfac; k++) group_terms(b, &d->fac[k]);
    bm_buf_puts(b, "<mo>+</mo><msub><mi>ε</mi><mi>i</mi></msub>");
    close_math(b);
    open_math(b);
    bm_buf_puts(b, "<msub><mi>ε</mi><mi>i</mi></msub><mo>∼</mo><mi>N</mi>"
                   "<mo stretchy=\"false\">(</mo><mn>0</mn><mo>,</mo>");
    if (d->known_se) bm_buf_puts(b, "<msubsup><mtext>se</mtext><mi>i</mi><mn>2</mn></msubsup>");
    else bm_buf_puts(b, "<msup><mi>σ</mi><mn>2</mn></msup>");
    if ((d->w || d->had_w) && !d->known_se) bm_buf_puts(b, "<mo>/</mo><msub><mi>w</mi><mi>i</mi></msub>");
    bm_buf_puts(b, "<mo stretchy=\"false\">)</mo>");
    close_math(b);
}

/* Index i of a factor's sd, with the factor's name where there are several. */
static void tau(bm_buf *b, const bm_group *g, size_t i, bool named)
{
    bm_html(b, "<msub><mi>τ</mi><mrow><mn>%zu</mn>", i);
    if (named) bm_html(b, "<mo>,</mo><mtext class=\"v\">%s</mtext>", g->name);
    bm_buf_puts(b, "</mrow></msub>");
}

/* One block of correlated effects of a level j. */
static void block_equation(bm_buf *b, const bm_group *g, const bm_block *blk, bool named)
{
    bool many = blk->size > 4;

    open_math(b);
    if (blk->size > 1) bm_buf_puts(b, "<mo stretchy=\"false\">(</mo>");
    for (size_t i = 0; i < blk->size; i++) {
        if (many && i == 2) {
            bm_buf_puts(b, "<mo>,</mo><mo>…</mo>");
            i = blk->size - 1;
        }
        if (i) bm_buf_puts(b, "<mo>,</mo>");
        bm_html(b, "<msub><mi>u</mi><mrow><mn>%zu</mn><mo>,</mo>", blk->first + i);
        if (named) bm_html(b, "<mtext class=\"v\">%s</mtext><mo>,</mo>", g->name);
        bm_buf_puts(b, "<mi>j</mi></mrow></msub>");
    }
    if (blk->size > 1) bm_buf_puts(b, "<mo stretchy=\"false\">)</mo>");
    bm_buf_puts(b, "<mo>∼</mo><mi>N</mi><mo stretchy=\"false\">(</mo><mn>0</mn><mo>,</mo>");
    if (blk->size == 1) {
        bm_buf_puts(b, "<msup>");
        tau(b, g, blk->first, named);
        bm_buf_puts(b, "<mn>2</mn></msup>");
    } else bm_buf_puts(b, "<mi mathvariant=\"bold\">D</mi><mo>&#x2062;</mo><mi mathvariant=\"bold\">R</mi><mo>&#x2062;</mo><mi mathvariant=\"bold\">D</mi>");
    bm_buf_puts(b, "<mo stretchy=\"false\">)</mo><mo>,</mo><mspace width=\"1em\"/><mi>j</mi><mo>=</mo><mn>1</mn><mo>,</mo><mo>…</mo><mo>,</mo>");
    bm_html(b, "<mn>%zu</mn>", g->J);
    if (blk->size > 1) {
        bm_buf_puts(b, "<mo>,</mo><mspace width=\"1em\"/><mi mathvariant=\"bold\">D</mi><mo>=</mo><mi>diag</mi><mo stretchy=\"false\">(</mo>");
        tau(b, g, blk->first, named);
        bm_buf_puts(b, blk->size > 2 ? "<mo>,</mo><mo>…</mo><mo>,</mo>" : "<mo>,</mo>");
        tau(b, g, blk->first + blk->size - 1, named);
        bm_buf_puts(b, "<mo stretchy=\"false\">)</mo>");
    }
    close_math(b);
}

/* ---- the model in words ---- */

static void in_words(bm_page *p)
{
    const bm_design *d = p->in->result->design;
    bm_buf          *b = p->b;
    size_t           terms = d->p - (d->intercept >= 0);

    bm_html(b, "<p><strong>%s</strong> is described by ", d->yname);
    if (d->intercept >= 0) bm_buf_puts(b, "an intercept");
    if (terms) bm_html(b, "%S%zu coefficient%S (", d->intercept >= 0 ? " and " : "", terms, terms == 1 ? "" : "s");
    for (size_t k = 0, n = 0; k < d->p; k++) {
        if ((int)k == d->intercept) continue;
        if (n < 8) bm_html(b, "%S<em>%s</em>", n ? ", " : "", d->xnames[k]);
        if (n++ == 8) bm_buf_puts(b, ", …");
    }
    if (terms) bm_buf_putc(b, ')');
    if (!terms && d->intercept < 0) bm_buf_puts(b, "no coefficients");
    bm_buf_puts(b, terms ? " that hold for all observations" : " that holds for all observations");
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        bm_html(b, "; by deviations of each of the %zu levels of <em>%s</em> in ", g->J, g->name);
        for (size_t i = 0; i < g->q; i++)
            bm_html(b, "%S%S<em>%s</em>", i == 0 ? "" : i + 1 == g->q ? " and " : ", ", is_intercept(g->znames[i]) ? "the " : "the slope of ",
                    is_intercept(g->znames[i]) ? "intercept" : g->znames[i]);
        if (g->nblock < g->q) bm_buf_puts(b, ", which may be correlated");
    }
    bm_buf_puts(b, d->known_se ? "; and by errors whose standard deviations are known." : "; and by normal residuals.");
    bm_buf_puts(b, "</p>\n");
}

static void legend(bm_page *p)
{
    const bm_design *d = p->in->result->design;
    bm_buf          *b = p->b;

    if (d->p <= TERMS_SHOWN && d->nfac == 0) return;
    bm_buf_puts(b, "<p class=\"small\">");
    if (d->p > TERMS_SHOWN) bm_html(b, "<b>x</b><sub>i</sub> holds the %zu columns of the design matrix. ", d->p);
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        for (size_t i = 0; i < g->q && i < 6; i++) {
            size_t var = bm_page_sd(p, k, i);

            bm_html(b, "τ<sub>%zu%S%s</sub> is <code>%s</code>. ", i, d->nfac > 1 ? "," : "", d->nfac > 1 ? g->name : "", p->in->result->draws->names[var]);
        }
        if (g->nblock < g->q) bm_html(b, "<b>R</b> is the correlation matrix of the effects of %s. ", g->name);
    }
    bm_buf_puts(b, "</p>\n");
}

void bm_page_question(bm_page *p)
{
    const bm_result *r = p->in->result;
    const bm_design *d = r->design;
    bm_buf          *b = p->b;

    bm_page_section(p, "question", "The question");
    if (r->spec->description) bm_html(b, "<p>%s</p>\n", r->spec->description);
    in_words(p);
    bm_html(b, "<p>In the notation of lme4:</p>\n<div class=\"scroll\"><pre><code>%s</code></pre></div>\n", r->spec->formula);
    bm_html(b, "<h3>Level 1: observations</h3>\n");
    observations(p);
    for (size_t k = 0; k < d->nfac; k++) {
        bm_html(b, "<h3>Level 2: %s</h3>\n", d->fac[k].name);
        for (size_t i = 0; i < d->fac[k].nblock; i++) block_equation(b, &d->fac[k], &d->fac[k].block[i], d->nfac > 1);
    }
    legend(p);
    bm_page_section_end(p);
}

/* ---- data ---- */

static void row(bm_buf *b, const char *name, const char *value)
{
    if (value) bm_html(b, "<tr><th scope=\"row\">%S</th><td>%s</td></tr>\n", name, value);
}

void bm_page_data(bm_page *p)
{
    const bm_result *r = p->in->result;
    const bm_design *d = r->design;
    bm_buf          *b = p->b;

    bm_page_section(p, "data", "The data");
    bm_buf_puts(b, "<div class=\"scroll\"><table class=\"plain\">\n");
    row(b, "File", r->spec->data);
    row(b, "Source", r->spec->source);
    bm_html(b, "<tr><th scope=\"row\">Rows used</th><td>%zu of %zu</td></tr>\n", d->n, d->n_read);
    bm_html(b, "<tr><th scope=\"row\">Rows dropped</th><td>");
    if (d->n == d->n_read) bm_buf_puts(b, "none");
    else bm_html(b, "%zu, because values are missing: ", d->n_read - d->n);
    for (size_t i = 0, n = 0; d->n < d->n_read && i < d->ndropped; i++)
        if (d->dropped[i].n) bm_html(b, "%S<em>%s</em> in %zu", n++ ? ", " : "", d->dropped[i].name, d->dropped[i].n);
    bm_buf_puts(b, "</td></tr>\n");
    bm_html(b, "<tr><th scope=\"row\">Response</th><td><em>%s</em>: mean %.*f, sd %.*f</td></tr>\n", d->yname, bm_html_decimals(d->ysd), d->ymean,
            bm_html_decimals(d->ysd), d->ysd);
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];
        size_t         *count = bm_alloc(g->J, sizeof *count), least = SIZE_MAX, most = 0;

        if (count && g->rows) memcpy(count, g->rows, g->J * sizeof *count);
        for (size_t i = 0; count && !g->rows && i < d->n; i++) count[g->code[i]]++;
        for (size_t j = 0; count && j < g->J; j++) {
            least = count[j] < least ? count[j] : least;
            most = count[j] > most ? count[j] : most;
        }
        if (!count) b->failed = true;
        else if (least == most) bm_html(b, "<tr><th scope=\"row\">Groups</th><td><em>%s</em>: %zu levels with %zu row%S each</td></tr>\n", d->fac[k].name, d->fac[k].J, most, most == 1 ? "" : "s");
        else bm_html(b, "<tr><th scope=\"row\">Groups</th><td><em>%s</em>: %zu levels with %zu to %zu rows</td></tr>\n", d->fac[k].name, d->fac[k].J, least, most);
        free(count);
    }
    row(b, "Weights", r->spec->weights);
    row(b, "Known standard errors", r->spec->se);
    bm_buf_puts(b, "</table></div>\n");
    bm_page_section_end(p);
}

/* ---- priors ---- */

/* Distributions of defaults have many digits: four are enough to read. */
static void short_dist(bm_buf *b, const char *s)
{
    while (*s) {
        size_t n = strspn(s, "0123456789.");
        double x;

        if (n && s[n] == 'e') n += 1 + strspn(s + n + 1, "+-0123456789");
        if (n > 5 && bm_parse_double(s, n, &x)) bm_buf_printf(b, "%.4g", x);
        else for (size_t i = 0; i < (n ? n : 1); i++) bm_html(b, "%c", s[i]);
        s += n ? n : 1;
    }
}

void bm_page_priors(bm_page *p)
{
    const bm_priors *pr = p->in->result->priors;
    bm_buf          *b = p->b;

    bm_page_section(p, "priors", "Priors");
    bm_buf_puts(b, "<p>What was assumed before the data were seen; the dashed curves of the figures above.</p>\n<div class=\"scroll\"><table>\n"
                   "<thead><tr><th scope=\"col\">Parameter</th><th scope=\"col\">Prior</th><th scope=\"col\">Set by</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < pr->nline; i++) {
        bm_html(b, "<tr><th scope=\"row\"><code>%s</code></th><td><code>", pr->line[i].target);
        short_dist(b, pr->line[i].dist);
        bm_html(b, "</code></td><td>%s</td></tr>\n", strcmp(pr->line[i].origin, "default") == 0 ? "default, scaled to the data" : pr->line[i].origin);
    }
    bm_buf_puts(b, "</tbody></table></div>\n");
    if (pr->centred)
        bm_buf_puts(b, "<p class=\"small\"><code>Intercept</code> is the expected response at the means of the predictors; <code>b_Intercept</code> is that at "
                       "their zeros.</p>\n");
    bm_page_section_end(p);
}
