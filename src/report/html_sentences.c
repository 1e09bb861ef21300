/* html_sentences.c: the results in plain language. What a sentence says follows from the coefficient's column: a number, a level of a factor
 * against its reference, a product; where the column's meaning is not certain the sentence keeps to what is. */
#include "report/html_priv.h"

#include <math.h>
#include <string.h>

static bool word_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

/* Is var a word of the column name x? */
bool bm_html_mentions(const char *x, const char *var)
{
    size_t n = strlen(var);

    for (const char *s = strstr(x, var); n && s; s = strstr(s + 1, var))
        if ((s == x || !word_char(s[-1])) && !word_char(s[n])) return true;
    return false;
}

/* Does another column hold the same variable, so that "all else equal" cannot be meant literally? */
static bool shared(const bm_design *d, size_t k, const char *var)
{
    for (size_t i = 0; i < d->p; i++)
        if (i != k && (bm_html_mentions(d->xnames[i], var) || (strchr(d->xnames[i], ':') && strstr(d->xnames[i], var)))) return true;
    return false;
}

/* "10.5 (95 % interval 7.0 to 13.8)" */
static void estimate(bm_buf *b, double x, double lo, double hi, double sd)
{
    int d = bm_html_decimals(sd);

    bm_html(b, "<strong>%.*f</strong> (95&nbsp;%% interval %.*f to %.*f)", d, x, d, lo, d, hi);
}

/* The share of draws above 0. */
static double above_zero(const bm_draws *d, size_t var)
{
    const double *x = bm_draws_values(d, var);
    size_t        n = d->nchain * d->niter, k = 0;

    for (size_t i = 0; i < n; i++) k += x[i] > 0;
    return (double)k / (double)n;
}

static void sign_sentence(bm_buf *b, double above, size_t n)
{
    double sure = fmax(above, 1 - above), most = 1 - 1 / (double)n;

    if (sure >= 0.975) {
        if (sure > most || sure > 0.9995) bm_buf_puts(b, " The direction is beyond doubt in this model (posterior probability above 99.9&nbsp;%).");
        else bm_html(b, " The posterior probability of this direction is %.*f&nbsp;%%.", 1, 100 * sure);
    } else {
        bm_html(b, " The data leave the direction open: the probability that it is positive is %.*f&nbsp;%%.", 0, 100 * above);
    }
}

/* ---- coefficients ---- */

/* A factor's column: the frame's factor whose name begins x and one of whose levels is the rest. */
static const bm_column *factor_of(const bm_page *p, const char *x, const char **level)
{
    const bm_frame *f = p->in->result->frame_info;

    for (size_t c = 0; f && c < f->ncol; c++) {
        const bm_column *col = &f->col[c];
        size_t           n = bm_html_names(x, col->name);

        if (col->kind != BM_COL_FACTOR || !n) continue;
        for (size_t l = 0; l < col->nlevels; l++)
            if (strcmp(col->levels[l], x + n) == 0) {
                *level = col->levels[l];
                return col;
            }
    }
    return NULL;
}

static bool any_factor(const bm_page *p)
{
    const bm_design *d = p->in->result->design;
    const char      *level;

    for (size_t k = 0; k < d->p; k++)
        if (factor_of(p, d->xnames[k], &level)) return true;
    return false;
}

static bool treatment_coded(const bm_spec *s)
{
    for (size_t i = 0; i < s->contrasts.n; i++)
        if (!strstr(s->contrasts.v[i], "treatment")) return false;
    return true;
}

static void about_number(bm_buf *b, const bm_page *p, size_t k, const bm_summary_row *r, double x)
{
    const bm_design *d = p->in->result->design;
    double           up = x >= 0 ? 1 : -1;

    bm_html(b, "Each further unit of <em>%s</em> goes with a <em>%s</em> that is %S by ", d->xnames[k], d->yname, x >= 0 ? "higher" : "lower");
    estimate(b, up * x, up > 0 ? r->q2_5 : -r->q97_5, up > 0 ? r->q97_5 : -r->q2_5, r->sd);
    if (shared(d, k, d->xnames[k])) bm_html(b, ", where the other terms that involve <em>%s</em> are 0", d->xnames[k]);
    else if (d->p > 2) bm_buf_puts(b, ", all other predictors being equal");
    bm_buf_putc(b, '.');
}

static void about_level(bm_buf *b, const bm_page *p, size_t k, const bm_column *f, const char *level, const bm_summary_row *r, double x)
{
    const bm_design *d = p->in->result->design;
    double           up = x >= 0 ? 1 : -1;

    bm_html(b, "With <em>%s</em> = %s instead of %s, <em>%s</em> is %S by ", f->name, level, f->levels[0], d->yname, x >= 0 ? "higher" : "lower");
    estimate(b, up * x, up > 0 ? r->q2_5 : -r->q97_5, up > 0 ? r->q97_5 : -r->q2_5, r->sd);
    if (shared(d, k, d->xnames[k])) bm_html(b, ", where the other terms that involve <em>%s</em> are 0", f->name);
    else if (d->p > 2) bm_buf_puts(b, ", all other predictors being equal");
    bm_buf_putc(b, '.');
}

static void coefficient(bm_page *p, size_t k)
{
    const bm_result      *res = p->in->result;
    const bm_design      *d = res->design;
    const bm_summary_row *r = &res->summary[k + 1];
    const bm_column      *col = bm_html_column(res->frame_info, d->xnames[k]), *f;
    const char           *level = NULL, *colon = strchr(d->xnames[k], ':');
    double                x = bm_page_estimate(r);
    bm_buf               *b = p->b;

    bm_buf_puts(b, "<li>");
    if ((int)k == d->intercept) {
        if (d->p == 1) bm_html(b, "<em>%s</em> is on average ", d->yname);
        else bm_html(b, "Where all predictors are 0%S, <em>%s</em> is on average ", any_factor(p) ? " (factors: at their reference level)" : "", d->yname);
        estimate(b, x, r->q2_5, r->q97_5, r->sd);
        bm_buf_puts(b, ".</li>\n");
        return;
    }
    if (col && col->kind == BM_COL_NUMERIC) {
        about_number(b, p, k, r, x);
    } else if (!colon && treatment_coded(res->spec) && (f = factor_of(p, d->xnames[k], &level)) && strcmp(level, f->levels[0]) != 0) {
        about_level(b, p, k, f, level, r, x);
    } else if (colon) {
        bm_html(b, "Interaction <em>%s</em>: where its parts come together, <em>%s</em> changes by a further ", d->xnames[k], d->yname);
        estimate(b, x, r->q2_5, r->q97_5, r->sd);
        bm_buf_puts(b, " per unit of their product.");
    } else {
        bm_html(b, "The coefficient of <em>%s</em> is ", d->xnames[k]);
        estimate(b, x, r->q2_5, r->q97_5, r->sd);
        bm_buf_putc(b, '.');
    }
    if (bm_checks_worst(p->in->checks) != BM_CHECK_BAD) sign_sentence(b, above_zero(res->draws, k + 1), res->draws->nchain * res->draws->niter);
    bm_buf_puts(b, "</li>\n");
}

/* ---- groups ---- */

static double coefficient_named(const bm_page *p, const char *z)
{
    const bm_design *d = p->in->result->design;

    for (size_t k = 0; k < d->p; k++)
        if (strcmp(d->xnames[k], z) == 0 || (strcmp(z, "Intercept") == 0 && (int)k == d->intercept))
            return bm_page_estimate(&p->in->result->summary[k + 1]);
    return NAN;
}

static void spread(bm_page *p, size_t k, size_t i)
{
    const bm_group       *g = &p->in->result->design->fac[k];
    const bm_summary_row *r = &p->in->result->summary[bm_page_sd(p, k, i)];
    double                centre = coefficient_named(p, g->znames[i]);
    int                   d = bm_html_decimals(r->mean);
    bm_buf               *b = p->b;

    if (!(r->sd > 0)) return;
    bm_html(b, "<li>Levels of <em>%s</em> differ in %S<em>%s</em> with a standard deviation of ", g->name, strcmp(g->znames[i], "Intercept") == 0 ? "their " : "the effect of ",
            strcmp(g->znames[i], "Intercept") == 0 ? "intercept" : g->znames[i]);
    estimate(b, r->mean, r->q2_5, r->q97_5, r->sd);
    if (isfinite(centre))
        bm_html(b, ": about 95&nbsp;%% of such levels lie between %.*f and %.*f", d, centre - 1.96 * r->mean, d, centre + 1.96 * r->mean);
    bm_buf_puts(b, ".</li>\n");
}

static void together(bm_page *p, size_t k, size_t i, size_t j)
{
    const bm_group *g = &p->in->result->design->fac[k];
    size_t          var = bm_page_cor(p, k, i, j);
    bm_buf         *b = p->b;

    if (var == SIZE_MAX) return;
    const bm_summary_row *r = &p->in->result->summary[var];
    bm_html(b, "<li>Across levels of <em>%s</em>, <em>%s</em> and <em>%s</em> are correlated by ", g->name, g->znames[j], g->znames[i]);
    estimate(b, r->mean, r->q2_5, r->q97_5, r->sd);
    bm_html(b, "%S</li>\n", r->q2_5 > 0 ? ": levels with more of one have more of the other." : r->q97_5 < 0 ? ": levels with more of one have less of the other." :
                            ": the data leave the direction open.");
}

void bm_page_sentences(bm_page *p)
{
    enum { MOST = 14 };
    const bm_result *r = p->in->result;
    const bm_design *d = r->design;
    bm_buf          *b = p->b;
    size_t           sigma = bm_page_sigma(p), pairs = 0;

    if (bm_checks_worst(p->in->checks) == BM_CHECK_BAD)
        bm_buf_puts(b, "<p class=\"note\">Provisional: the draws cannot be trusted yet, and neither can these numbers.</p>\n");
    bm_buf_puts(b, "<ul class=\"says\">\n");
    for (size_t k = 0; k < d->p && k < MOST; k++) coefficient(p, k);
    if (d->p > MOST) bm_html(b, "<li>%zu further coefficients are in the table.</li>\n", d->p - MOST);
    for (size_t k = 0; k < d->nfac; k++) {
        for (size_t i = 0; i < d->fac[k].q && i < MOST; i++) spread(p, k, i);
        for (size_t i = 1; i < d->fac[k].q; i++)
            for (size_t j = 0; j < i; j++)
                if (pairs++ < 6) together(p, k, i, j);
    }
    if (sigma != SIZE_MAX && r->summary[sigma].sd > 0) {
        const bm_summary_row *s = &r->summary[sigma];

        bm_html(b, "<li>What the model does not explain scatters about its line with a standard deviation of ");
        estimate(b, s->mean, s->q2_5, s->q97_5, s->sd);
        bm_html(b, "; <em>%s</em> itself has %.*f.</li>\n", d->yname, bm_html_decimals(d->ysd), d->ysd);
    }
    for (size_t i = 0; i < r->nderived; i++) {
        const bm_derived_row *x = &r->derived[i];

        if (strcmp(x->name, "share_residual") == 0 || !x->meaning) continue;
        int digits = 100 * (x->q97_5 - x->q2_5) < 4;     /* "6 % (6 to 6 %)" says nothing */
        bm_html(b, "<li><strong>%.*f&nbsp;%%</strong> (95&nbsp;%% interval %.*f to %.*f&nbsp;%%): %s.</li>\n", digits, 100 * x->mean, digits, 100 * x->q2_5, digits,
                100 * x->q97_5, x->meaning);
    }
    bm_buf_puts(b, "</ul>\n");
}
