/* plan.c: what would be fitted, without fitting: data, terms, design sizes and non-zeros, groups, priors in numbers, parameters, sampler. */
#include "report/terminal_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t nonzeros_of_X(const bm_design *d)
{
    size_t n = 0;

    for (size_t k = 0; k < d->p; k++) n += d->xnonzero ? d->xnonzero[k] : bm_count_nonzero(d->n, d->X + k * d->n);
    return n;
}

static size_t nonzeros_of_Z(const bm_group *g, size_t n)
{
    return g->Z ? bm_count_nonzero(n * g->q, g->Z) : g->nonzero;
}

/* Rows per level: fewest, median, most. */
typedef struct { size_t least, most; double median; } counts;

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

static bm_status count_rows(counts *c, const bm_group *g, size_t n, bm_error *err)
{
    size_t *rows = bm_alloc(g->J, sizeof *rows);

    *c = (counts){ 0 };
    if (!rows) return bm_nomem(err);
    if (g->rows) memcpy(rows, g->rows, g->J * sizeof *rows);
    for (size_t i = 0; !g->rows && i < n; i++) rows[g->code[i]]++;
    if (g->J) {
        qsort(rows, g->J, sizeof *rows, by_size);
        *c = (counts){ rows[0], rows[g->J - 1], 0.5 * (double)(rows[(g->J - 1) / 2] + rows[g->J / 2]) };
    }
    free(rows);
    return BM_OK;
}

/* ---- text ---- */

static void add_names(bm_screen *s, char *const *names, size_t n, size_t most, size_t used, size_t indent)
{
    bm_buf text = { 0 };

    for (size_t i = 0; i < n; i++) {
        if (i == most && n > most + 1) {
            bm_buf_printf(&text, ", ... (%zu in all)", n);
            break;
        }
        bm_buf_printf(&text, "%s%s", i ? ", " : "", names[i]);
    }
    if (text.failed) s->b.failed = true;
    bm_safe_wrapped(&s->b, text.s ? text.s : "none", used, indent, s->width);
    bm_buf_putc(&s->b, '\n');
    bm_buf_free(&text);
}

static void add_matrix(bm_screen *s, const char *name, size_t n, size_t ncol, size_t nnz)
{
    double cells = (double)n * (double)ncol;

    bm_buf_printf(&s->b, "  %s  %zu x %zu, %zu non-zero", name, n, ncol, nnz);
    if (cells > 0) bm_buf_printf(&s->b, " (%.3g %%)", 100 * (double)nnz / cells);
}

static void add_design(bm_screen *s, const bm_plan *p)
{
    const bm_design *d = p->design;
    size_t           cols = 0, nnz = 0;
    size_t           most = s->opt->verbose ? SIZE_MAX : 60;

    bm_screen_title(s, "Design");
    bm_buf_puts(&s->b, "  y  ");
    bm_safe_text(&s->b, d->yname);
    bm_buf_printf(&s->b, ", mean %.4g, sd %.4g%s%s\n", d->ymean, d->ysd, d->o || d->had_o ? ", less the offset" : "", (d->w || d->had_w) && !d->known_se ? ", weighted" : "");
    add_matrix(s, "X", d->n, d->p, nonzeros_of_X(d));
    bm_buf_puts(&s->b, "\n     ");
    add_names(s, d->xnames, d->p, most, 5, 5);
    for (size_t k = 0; k < d->nfac; k++) {
        cols += d->fac[k].J * d->fac[k].q;
        nnz += nonzeros_of_Z(&d->fac[k], d->n);
    }
    if (!d->nfac) return;
    add_matrix(s, "Z", d->n, cols, nnz);
    bm_buf_putc(&s->b, '\n');
}

static void add_blocks(bm_buf *b, const bm_group *g)
{
    if (g->q < 2) return;
    if (g->nblock == 1) {
        bm_buf_puts(b, " (correlated)");
    } else if (g->nblock == g->q) {
        bm_buf_puts(b, " (uncorrelated)");
    } else {
        bm_buf_puts(b, " (correlated within");
        for (size_t k = 0; k < g->nblock; k++) {
            bm_buf_puts(b, k ? ", {" : " {");
            for (size_t i = 0; i < g->block[k].size; i++) bm_buf_printf(b, "%s%s", i ? ", " : "", g->znames[g->block[k].first + i]);
            bm_buf_putc(b, '}');
        }
        bm_buf_putc(b, ')');
    }
}

static bm_status add_groups(bm_screen *s, const bm_plan *p, bm_error *err)
{
    if (!p->design->nfac) return BM_OK;
    bm_screen_title(s, "Groups");
    for (size_t k = 0; k < p->design->nfac; k++) {
        const bm_group *g = &p->design->fac[k];
        bm_buf          text = { 0 };
        counts          c;

        if (count_rows(&c, g, p->design->n, err) != BM_OK) return BM_ENOMEM;
        bm_buf_printf(&text, "%s: %zu level%s, ", g->name, g->J, g->J == 1 ? "" : "s");
        if (c.least == c.most) bm_buf_printf(&text, "%zu row%s each; ", c.most, c.most == 1 ? "" : "s");
        else bm_buf_printf(&text, "%zu to %zu rows each, median %.6g; ", c.least, c.most, c.median);
        bm_buf_printf(&text, "%zu effect%s: ", g->q, g->q == 1 ? "" : "s");
        for (size_t i = 0; i < g->q; i++) bm_buf_printf(&text, "%s%s", i ? ", " : "", g->znames[i]);
        add_blocks(&text, g);
        if (text.failed) s->b.failed = true;
        bm_buf_puts(&s->b, "  ");
        bm_safe_wrapped(&s->b, text.s ? text.s : "", 2, 4, s->width);
        bm_buf_putc(&s->b, '\n');
        bm_buf_free(&text);
    }
    return BM_OK;
}

static void add_parameters(bm_screen *s, const bm_plan *p)
{
    bm_buf title = { 0 };

    bm_buf_printf(&title, "Parameters (%zu)", p->parameters->n);
    if (title.failed) s->b.failed = true;
    bm_screen_title(s, title.s ? title.s : "Parameters");
    bm_buf_free(&title);
    bm_buf_puts(&s->b, "  ");
    add_names(s, p->parameters->v, p->parameters->n, s->opt->verbose ? SIZE_MAX : 60, 2, 2);
}

static void add_sampler(bm_screen *s, const bm_plan *p)
{
    bm_buf text = { 0 };

    bm_screen_title(s, "Sampler");
    bm_buf_printf(&text, "%s%s%s; theta has %zu free dimension%s", p->sampler, p->why && *p->why ? ": " : "", p->why ? p->why : "", p->ntheta,
                  p->ntheta == 1 ? "" : "s");
    if (text.failed) s->b.failed = true;
    bm_buf_puts(&s->b, "  ");
    bm_safe_wrapped(&s->b, text.s ? text.s : "", 2, 2, s->width);
    bm_buf_putc(&s->b, '\n');
    bm_buf_free(&text);
}

/* ---- JSON ---- */

static void json_design(bm_json *j, const bm_design *d)
{
    bm_json_open(j, "response", '{', true);
    bm_json_str(j, "name", d->yname);
    bm_json_num(j, "mean", d->ymean);
    bm_json_num(j, "sd", d->ysd);
    bm_json_close(j, '}');
    bm_json_open(j, "X", '{', false);
    bm_json_int(j, "rows", d->n);
    bm_json_int(j, "columns", d->p);
    bm_json_int(j, "nonzeros", nonzeros_of_X(d));
    bm_json_strv(j, "names", (const char *const *)d->xnames, d->p);
    bm_json_close(j, '}');
}

static bm_status json_groups(bm_json *j, const bm_design *d, bm_error *err)
{

    bm_json_open(j, "groups", '[', false);
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];
        counts          c;

        if (count_rows(&c, g, d->n, err) != BM_OK) return BM_ENOMEM;
        bm_json_open(j, NULL, '{', true);
        bm_json_str(j, "name", g->name);
        bm_json_int(j, "levels", g->J);
        bm_json_int(j, "rows_least", c.least);
        bm_json_num(j, "rows_median", c.median);
        bm_json_int(j, "rows_most", c.most);
        bm_json_strv(j, "effects", (const char *const *)g->znames, g->q);
        bm_json_open(j, "blocks", '[', true);
        for (size_t b = 0; b < g->nblock; b++) bm_json_int(j, NULL, g->block[b].size);
        bm_json_close(j, ']');
        bm_json_int(j, "columns", g->J * g->q);
        bm_json_int(j, "nonzeros", nonzeros_of_Z(g, d->n));
        bm_json_close(j, '}');
    }
    bm_json_close(j, ']');
    return BM_OK;
}

static bm_status plan_json(bm_buf *b, const bm_plan *p, const bm_print_options *opt, bm_error *err)
{
    bm_json j = { .b = b };

    bm_json_open(&j, NULL, '{', false);
    bm_json_str(&j, "bmixed", BM_VERSION);
    bm_json_int(&j, "schema", 1);
    if (p->spec->name) bm_json_str(&j, "name", p->spec->name);
    if (p->spec->title) bm_json_str(&j, "title", p->spec->title);
    bm_json_str(&j, "formula", p->spec->formula);
    bm_json_str(&j, "family", p->spec->family ? p->spec->family : "gaussian");
    bm_json_data(&j, p->spec, p->frame_info, p->design);
    json_design(&j, p->design);
    if (json_groups(&j, p->design, err) != BM_OK) return BM_ENOMEM;
    bm_json_priors(&j, p->priors);
    bm_json_strv(&j, "parameters", (const char *const *)p->parameters->v, p->parameters->n);
    bm_json_open(&j, "sampler", '{', false);
    bm_json_str(&j, "algorithm", p->sampler);
    bm_json_str(&j, "why", p->why);
    bm_json_int(&j, "theta", p->ntheta);
    bm_json_close(&j, '}');
    bm_json_strv(&j, "notes", (const char *const *)p->design->notes.v, p->design->notes.n);
    if (opt->command) bm_json_str(&j, "command", opt->command);
    bm_json_close(&j, '}');
    return BM_OK;
}

bm_status bm_report_plan(const bm_plan *p, FILE *out, const bm_print_options *opt, bm_error *err)
{
    static const bm_print_options defaults = BM_PRINT_OPTIONS_INIT;
    bm_screen                     s;
    bm_status                     st = BM_OK;

    if (!opt) opt = &defaults;
    bm_screen_init(&s, opt);
    if (opt->json) {
        st = plan_json(&s.b, p, opt, err);
    } else {
        bm_screen_model(&s, p->spec, p->frame_info, p->design);
        add_design(&s, p);
        st = add_groups(&s, p, err);
        bm_screen_priors(&s, p->priors, SIZE_MAX);
        add_parameters(&s, p);
        add_sampler(&s, p);
        bm_screen_list(&s, "Notes", "-", &p->design->notes, false);
    }
    if (st == BM_OK) st = bm_emit(&s.b, out, err);
    bm_buf_free(&s.b);
    return st;
}
