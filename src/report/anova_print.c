/* anova_print.c: a likelihood-ratio test on the terminal, as R's anova() shows it, and as JSON. */
#include "report/reml_priv.h"

#include <math.h>
#include <string.h>

static void text(bm_screen *s, const bm_anova *a)
{
    static const char *const head[] = { "", "npar", "AIC", "BIC", "logLik", "-2 logLik", "Chisq", "Df", "Pr(>Chisq)" };
    bm_grid t = { .ncol = 9, .align = "lrrrrrrrr" };
    bm_buf *b = &s->b;

    bm_buf_printf(b, "Likelihood-ratio test of two models fitted by %s\n\n", a->fit[0]->ml ? "maximum likelihood" : "REML");
    for (int k = 0; k < 2; k++) {
        bm_buf_printf(b, "model %d: ", k + 1);
        bm_safe_text(b, a->fit[k]->formula ? a->fit[k]->formula : "");
        bm_buf_putc(b, '\n');
    }
    bm_buf_putc(b, '\n');
    for (size_t i = 0; i < 9; i++) bm_grid_add(&t, head[i]);
    for (int k = 0; k < 2; k++) {
        const bm_reml *r = a->fit[k];

        bm_grid_add(&t, k ? "model 2" : "model 1");
        bm_grid_num(&t, (double)r->npar, 0);
        bm_grid_num(&t, r->aic, 2);
        bm_grid_num(&t, r->bic, 2);
        bm_grid_num(&t, r->logLik, 3);
        bm_grid_num(&t, r->criterion, 3);
        bm_grid_num(&t, k ? a->chisq : NAN, 4);
        bm_grid_num(&t, k ? (double)a->df : NAN, 0);
        if (k) bm_grid_p(&t, a->p);
        else bm_grid_add(&t, "");
    }
    bm_grid_write(&t, b, 0);
    if (a->npart) bm_buf_printf(b, "\nPlain chi-square with %zu df would give p = %.4g.\n", a->df, a->p_chisq);
    if (a->notes.n) bm_screen_list(s, "Notes", "-", &a->notes, false);
    for (int k = 0; k < 2; k++)
        if (a->fit[k]->singular) bm_buf_printf(b, "model %d is a singular fit.\n", k + 1);
}

static void model(bm_json *j, const bm_reml *r)
{
    bm_json_open(j, NULL, '{', true);
    bm_json_str(j, "formula", r->formula);
    bm_json_int(j, "n_par", r->npar);
    bm_json_num(j, "criterion", r->criterion);
    bm_json_num(j, "logLik", r->logLik);
    bm_json_num(j, "AIC", r->aic);
    bm_json_num(j, "BIC", r->bic);
    bm_json_bool(j, "singular", r->singular);
    bm_json_close(j, '}');
}

static void json(bm_buf *b, const bm_anova *a, const char *command)
{
    bm_json j = { .b = b };

    bm_json_open(&j, NULL, '{', false);
    bm_json_str(&j, "bmixed", BM_VERSION);
    bm_json_int(&j, "schema", 1);
    if (command) bm_json_str(&j, "command", command);
    bm_json_str(&j, "method", a->fit[0]->ml ? "ML" : "REML");
    bm_json_int(&j, "n_obs", a->fit[0]->n);
    bm_json_open(&j, "models", '[', false);
    model(&j, a->fit[0]);
    model(&j, a->fit[1]);
    bm_json_close(&j, ']');
    bm_json_num(&j, "chisq", a->chisq);
    bm_json_int(&j, "df", a->df);
    bm_json_num(&j, "p", a->p);
    bm_json_num(&j, "p_chisq", a->p_chisq);
    bm_json_open(&j, "mixture", '[', false);
    for (size_t i = 0; i < a->npart; i++) {
        bm_json_open(&j, NULL, '{', true);
        bm_json_num(&j, "weight", a->part[i].weight);
        bm_json_int(&j, "df", a->part[i].df);
        bm_json_close(&j, '}');
    }
    bm_json_close(&j, ']');
    bm_json_strv(&j, "notes", (const char *const *)a->notes.v, a->notes.n);
    bm_json_close(&j, '}');
    bm_buf_putc(b, '\n');
}

bm_status bm_report_anova(const bm_anova *a, FILE *out, const bm_print_options *opt, bm_error *err)
{
    static const bm_print_options defaults = BM_PRINT_OPTIONS_INIT;
    bm_screen s;
    bm_status st;

    if (!opt) opt = &defaults;
    bm_screen_init(&s, opt);
    if (opt->json) json(&s.b, a, opt->command);
    else text(&s, a);
    st = bm_emit(&s.b, out, err);
    bm_buf_free(&s.b);
    return st;
}
