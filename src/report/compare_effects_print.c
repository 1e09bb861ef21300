/* compare_effects_print.c: the group effects of a comparison on the terminal: how many differ, how far they are pulled, those that differ most. */
#include "report/compare_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_EFFECTS = 6 };

typedef struct { size_t index; double size; } ranked;

static int by_size(const void *a, const void *b)
{
    const ranked *x = a, *y = b;

    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static void effect_name(bm_buf *b, const bm_comparison *c, size_t factor, size_t level, size_t term)
{
    b->n = 0;
    bm_ranef_name(b, &c->design->fac[factor], level, term);
}

/* One line per term: how many differ, how far they are pulled. */
static void effect_summary(bm_screen *s, const bm_comparison *c)
{
    static const char *const head[] = { "", "levels", "differ", "max |diff|", "sd ratio", "pull REML", "pull Bayes" };
    bm_grid t = { .ncol = 7, .align = "lrrrrrr" };
    bm_buf  name = { 0 };

    for (size_t i = 0; i < 7; i++) bm_grid_add(&t, head[i]);
    for (size_t k = 0; k < c->design->nfac; k++)
        for (size_t i = 0; i < c->design->fac[k].q; i++) {
            double most = 0, ratio = 0, pr = 0, pb = 0, n = 0, nr = 0, differ = 0;

            for (size_t e = 0; e < c->neffect; e++) {
                const bm_compare_effect *f = &c->effect[e];

                if (f->factor != k || f->term != i) continue;
                most = fmax(most, fabs(f->diff));
                differ += fabs(f->diff) > c->differ;
                if (isfinite(f->ratio)) ratio += f->ratio, nr++;
                pr += f->shrink_reml;
                pb += f->shrink;
                n++;
            }
            name.n = 0;
            bm_buf_printf(&name, "r_%s[,%s]", c->design->fac[k].name, c->design->fac[k].znames[i]);
            bm_grid_add(&t, name.s ? name.s : "");
            bm_grid_num(&t, n, 0);
            bm_grid_num(&t, differ, 0);
            bm_grid_num(&t, most, 2);
            if (nr > 0) bm_grid_num(&t, ratio / nr, 2);
            else bm_grid_add(&t, "-");
            bm_grid_num(&t, pr / n, 2);
            bm_grid_num(&t, pb / n, 2);
        }
    if (name.failed) s->b.failed = true;
    bm_buf_free(&name);
    bm_grid_write(&t, &s->b, 0);
}

/* Why effects differ: the sd behind them. */
static void effect_reasons(bm_screen *s, const bm_comparison *c)
{
    for (size_t k = 0, row = 0; k < c->design->nfac; k++)
        for (size_t i = 0; i < c->design->fac[k].q; i++) {
            const bm_compare_row *r;
            size_t                differ = 0;
            bm_buf                text = { 0 };

            while (row < c->nrow && c->row[row].kind != BM_PARAM_SD) row++;
            if (row == c->nrow) return;
            r = &c->row[row++];
            for (size_t e = 0; e < c->neffect; e++) differ += c->effect[e].factor == k && c->effect[e].term == i && fabs(c->effect[e].diff) > c->differ;
            if (!differ) continue;
            if (r->reml > 0)
                bm_buf_printf(&text, "%zu differ%s by more than %g sd: REML takes %s to be %.3g, the posterior averages over %.3g .. %.3g (95 %%).", differ,
                              differ == 1 ? "s" : "", c->differ, r->name, r->reml, r->q2_5, r->q97_5);
            else
                bm_buf_printf(&text, "%zu differ%s by more than %g sd: REML takes %s to be 0, so that every effect is 0; the posterior averages over %.3g .. %.3g (95 %%).",
                              differ, differ == 1 ? "s" : "", c->differ, r->name, r->q2_5, r->q97_5);
            bm_screen_paragraph(s, &text, 0);
        }
}

/* Those that differ most, or all. */
static bm_status effect_table(bm_screen *s, const bm_comparison *c, size_t most, bm_error *err)
{
    static const char *const head[] = { "", "BLUP", "cond. sd", "mean", "sd", "diff", "pull REML", "pull Bayes" };
    bm_grid t = { .ncol = 8, .align = "lrrrrrrr" };
    bm_buf  name = { 0 };
    ranked *order = bm_alloc(c->neffect, sizeof *order);

    if (!order) return bm_nomem(err);
    for (size_t i = 0; i < c->neffect; i++) order[i] = (ranked){ i, isnan(c->effect[i].diff) ? 0 : fabs(c->effect[i].diff) };
    if (c->neffect > most) qsort(order, c->neffect, sizeof *order, by_size);
    for (size_t i = 0; i < 8; i++) bm_grid_add(&t, head[i]);
    for (size_t i = 0; i < c->neffect && i < most; i++) {
        const bm_compare_effect *f = &c->effect[order[i].index];
        int                      d = bm_decimals(f->mean, f->sd, NAN);

        effect_name(&name, c, f->factor, f->level, f->term);
        bm_grid_add(&t, name.s ? name.s : "");
        bm_compare_number(&t, f->reml, d);
        bm_compare_number(&t, f->se, d);
        bm_compare_number(&t, f->mean, d);
        bm_compare_number(&t, f->sd, d);
        bm_compare_number(&t, f->diff, 2);
        bm_grid_num(&t, f->shrink_reml, 2);
        bm_grid_num(&t, f->shrink, 2);
    }
    if (name.failed) s->b.failed = true;
    bm_buf_free(&name);
    free(order);
    bm_grid_write(&t, &s->b, 0);
    return BM_OK;
}

bm_status bm_compare_print_effects(bm_screen *s, const bm_comparison *c, bm_error *err)
{
    bm_buf    text = { 0 };
    bm_status st;
    bool      all = s->opt->verbose || c->neffect <= MOST_EFFECTS;

    if (!c->neffect) return BM_OK;
    bm_screen_title(s, "Group effects");
    effect_summary(s, c);
    bm_buf_puts(&text, "pull: conditional variance / variance, averaged: 0, each group speaks for itself; 1, it is pulled to the mean all the way.");
    bm_screen_dim_paragraph(s, &text);
    effect_reasons(s, c);
    if (!all) bm_buf_printf(&s->b, "\nThe %d of %zu that differ most (-v shows all)\n", MOST_EFFECTS, c->neffect);
    else bm_buf_putc(&s->b, '\n');
    if ((st = effect_table(s, c, all ? SIZE_MAX : MOST_EFFECTS, err)) != BM_OK) return st;
    return BM_OK;
}
