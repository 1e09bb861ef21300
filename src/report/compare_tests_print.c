/* compare_tests_print.c: pooling per group and tests of random terms on the terminal. */
#include "report/compare_priv.h"

#include <math.h>
#include <string.h>

enum { MOST_GROUPS = 25 };

/* ---- pooling ---- */

static void pool_term(bm_screen *s, const bm_comparison *c, size_t factor, size_t term)
{
    static const char *const head[] = { "", "rows", "complete", "none", "s.e.", "REML", "mean", "sd", "2.5%", "97.5%" };
    const bm_group *g = &c->design->fac[factor];
    bm_grid         t = { .ncol = 10, .align = "lrrrrrrrrr" };
    size_t          shown = 0, most = s->opt->verbose ? SIZE_MAX : MOST_GROUPS;

    for (size_t i = 0; i < 10; i++) bm_grid_add(&t, head[i]);
    for (size_t i = 0; i < c->npool; i++) {
        const bm_pool_row *r = &c->pool[i];
        const double       x[] = { r->complete, r->none, r->none_se, r->reml, r->mean, r->sd, r->q2_5, r->q97_5 };
        int                d;

        if (r->factor != factor || r->term != term || shown >= most) continue;
        d = bm_decimals(r->mean, isnan(r->sd) ? r->none_se : r->sd, NAN);
        shown++;
        bm_grid_add(&t, g->levels[r->level]);
        bm_grid_num(&t, (double)r->n, 0);
        for (size_t k = 0; k < 8; k++) bm_compare_number(&t, x[k], d);
    }
    bm_buf_putc(&s->b, '\n');
    bm_safe_text(&s->b, g->znames[term]);
    bm_buf_puts(&s->b, " by ");
    bm_safe_text(&s->b, g->name);
    bm_buf_putc(&s->b, '\n');
    bm_grid_write(&t, &s->b, 0);
    if (g->J > shown) bm_buf_printf(&s->b, "... and %zu more (-v shows all)\n", g->J - shown);
}

void bm_compare_print_pooling(bm_screen *s, const bm_comparison *c)
{
    bm_buf text = { 0 };

    if (!c->pooling) return;
    bm_screen_title(s, "Pooling");
    if (!c->npool) {
        bm_buf_puts(&s->b, "The model has no groups.\n");
        return;
    }
    bm_buf_puts(&text, "Each group's coefficients: complete pooling (least squares, groups ignored), no pooling (least squares within the group, with standard error "
                       "from its own residuals), partial pooling by REML and by the posterior (mean, sd, 95 %).");
    bm_screen_dim_paragraph(s, &text);
    for (size_t k = 0; k < c->design->nfac; k++)
        for (size_t i = 0; i < c->design->fac[k].q; i++) pool_term(s, c, k, i);
}

/* ---- tests of random terms ---- */

static void bayes_words(bm_buf *b, const bm_term_test *t)
{
    double l = t->log_bf;

    if (t->no_bf) {
        bm_buf_printf(b, "none: %s", t->no_bf);
        return;
    }
    if (fabs(l) < 14) bm_buf_printf(b, "%.3g to 1 %s the term", exp(fabs(l)), l >= 0 ? "for" : "against");
    else bm_buf_printf(b, "e^%.1f to 1 %s the term", fabs(l), l >= 0 ? "for" : "against");
    bm_buf_printf(b, "; log %.3f (Monte Carlo error %.2g)", l, t->log_bf_se);
}

static void p_words(bm_buf *b, const bm_term_test *t)
{
    bm_buf_printf(b, "chi-square %.3f, ", t->chisq);
    if (t->p < 1e-4) bm_buf_printf(b, "p = %.2e", t->p);
    else bm_buf_printf(b, "p = %.4f", t->p);
    if (t->npart == 2)
        bm_buf_printf(b, " (half chi-square with %zu, half with %zu df; plain with %zu df: %.4g)", t->part[0].df, t->part[1].df, t->df, t->p_chisq);
    else bm_buf_printf(b, " (chi-square with %zu df: conservative)", t->df);
}

static void line(bm_screen *s, const char *name, bm_buf *text)
{
    enum { INDENT = 22 };

    if (text->failed) s->b.failed = true;
    bm_buf_printf(&s->b, "  %-*s", INDENT - 2, name);
    bm_safe_wrapped(&s->b, text->s ? text->s : "", INDENT, INDENT, s->width);
    bm_buf_putc(&s->b, '\n');
    bm_buf_free(text);
}

void bm_compare_print_tests(bm_screen *s, const bm_comparison *c)
{
    if (!c->tests) return;
    bm_screen_title(s, "Is the variance zero?");
    if (!c->ntest) bm_buf_puts(&s->b, "The model has no random terms.\n");
    for (size_t i = 0; i < c->ntest; i++) {
        const bm_term_test *t = &c->test[i];
        bm_buf              text = { 0 };

        if (i) bm_buf_putc(&s->b, '\n');
        bm_safe_text(&s->b, t->name);
        bm_buf_putc(&s->b, '\n');
        p_words(&text, t);
        line(s, "likelihood ratio", &text);
        text = (bm_buf){ 0 };
        bm_buf_printf(&text, "Pr(sd < %.3g) = %.4f (Monte Carlo error %.2g); %.3g is %s", t->eps, t->prob, t->prob_se, t->eps, c->eps_rule);
        line(s, "practically zero", &text);
        text = (bm_buf){ 0 };
        bayes_words(&text, t);
        line(s, "Bayes factor", &text);
        if (isfinite(t->log_bf)) {
            text = (bm_buf){ 0 };
            bm_buf_printf(&text, "%.3f (%.2g) with the term, %.3f (%.2g) without", t->with.log, t->with.se, t->without.log, t->without.se);
            line(s, "log evidence", &text);
        }
    }
}
