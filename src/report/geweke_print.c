/* geweke_print.c: Geweke's test on the terminal and as JSON. */
#include "report/calibration.h"
#include "report/terminal_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = { "passed", "watch", "failed" };
static const char *const colours[] = { "32", "33", "31" };

/* ---- words ---- */

static bool passed(const bm_geweke *g)
{
    for (size_t k = 0; k < g->nkernel; k++)
        if (g->kernel[k].level == BM_NOT_CALIBRATED) return false;
    return true;
}

static void overall(bm_buf *b, const bm_geweke *g)
{
    if (passed(g)) {
        bm_buf_printf(b, "Passed: %s and new data in turn leave%s parameters and data distributed as the model has them", g->nkernel > 1 ? "every kernel" : "the kernel",
                      g->nkernel > 1 ? "" : "s");
        bm_buf_printf(b, ", in all %zu quantities.", g->nrow);
    } else {
        bm_buf_puts(b, "FAILED:");
        for (size_t k = 0, n = 0; k < g->nkernel; k++)
            if (g->kernel[k].level == BM_NOT_CALIBRATED) bm_buf_printf(b, "%s %s", n++ ? "," : "", g->kernel[k].name);
        bm_buf_printf(b, " and new data in turn do not leave parameters and data distributed as the model has them; a right sampler comes this far in one of %.3g runs.",
                      1 / g->alpha);
    }
    if (g->interrupted) bm_buf_printf(b, " Interrupted: %zu of %zu chains.", g->done, g->asked);
}

static double larger(const bm_geweke_cell *c)
{
    return fabs(c->spread) > fabs(c->location) ? c->spread : c->location;
}

/* The quantity that is farthest off. */
static size_t worst(const bm_geweke *g, const bm_geweke_kernel *k)
{
    size_t at = 0;

    for (size_t q = 1; q < g->nrow; q++)
        if (fabs(larger(&k->cell[q])) > fabs(larger(&k->cell[at]))) at = q;
    return at;
}

static const char *direction(const bm_geweke_cell *c)
{
    if (fabs(c->spread) > fabs(c->location)) return c->spread > 0 ? "drifts apart" : "drifts together";
    return c->location > 0 ? "drifts up" : "drifts down";
}

/* ---- the terminal ---- */

static void data(bm_screen *s, const bm_geweke *g)
{
    bm_buf text = { 0 };

    bm_buf_printf(&text, "%zu chains for every kernel, each %zu times %zu moves and new data; seed %llu", g->done, g->steps, g->moves, (unsigned long long)g->seed);
    bm_screen_field(s, "Chains", &text);
    bm_buf_printf(&text, "%zu independent draws of parameters and data", g->reference);
    if (g->refused) bm_buf_printf(&text, "; %zu more were beyond double precision", g->refused);
    bm_screen_field(s, "Against", &text);
    for (size_t k = 0; k < g->nkernel; k++) {
        if (!g->kernel[k].failed) continue;
        bm_buf_printf(&text, "%zu chains by %s could not be run (%s)", g->kernel[k].failed, g->kernel[k].name, g->kernel[k].failure);
        bm_screen_field(s, "Left out", &text);
    }
}

enum { COLUMN = 10 };
static void cell(bm_screen *s, const bm_geweke_cell *c)
{
    bool mark = s->opt->colour && c->level != BM_CALIBRATED;

    if (mark) bm_buf_printf(&s->b, "\x1b[%sm", colours[c->level]);
    bm_buf_printf(&s->b, "%*.1f%s", COLUMN - 1, larger(c), c->level == BM_NOT_CALIBRATED ? "*" : " ");
    if (mark) bm_buf_puts(&s->b, "\x1b[0m");
}

static void table(bm_screen *s, const bm_geweke *g)
{
    size_t width = 10;

    for (size_t q = 0; q < g->nrow; q++)
        if (bm_width(g->name[q]) > width) width = bm_width(g->name[q]);
    bm_screen_title(s, "Distance from the joint distribution, in standard errors");
    bm_buf_printf(&s->b, "  %*s", (int)width, "");
    for (size_t k = 0; k < g->nkernel; k++) bm_buf_printf(&s->b, "%*s ", COLUMN - 1, g->kernel[k].heading);
    bm_buf_putc(&s->b, '\n');
    for (size_t q = 0; q < g->nrow; q++) {
        size_t w = bm_width(g->name[q]);

        bm_buf_puts(&s->b, "  ");
        bm_safe_text(&s->b, g->name[q]);
        bm_buf_printf(&s->b, "%*s", (int)(w < width ? width - w : 0), "");
        for (size_t k = 0; k < g->nkernel; k++) cell(s, &g->kernel[k].cell[q]);
        bm_buf_putc(&s->b, '\n');
    }
    bm_screen_dim(s, true);
    bm_buf_puts(&s->b, "  ");
    bm_safe_wrapped(&s->b, "the larger of two: of the mean normal score of ranks, and of that of their distances from the middle", 2, 2, s->width);
    bm_screen_dim(s, false);
    bm_buf_putc(&s->b, '\n');
}

static void verdicts(bm_screen *s, const bm_geweke *g)
{
    bm_buf b = { 0 };

    bm_screen_title(s, "Kernels");
    for (size_t k = 0; k < g->nkernel; k++) {
        const bm_geweke_kernel *kern = &g->kernel[k];
        size_t                  q = worst(g, kern);

        bm_buf_printf(&s->b, "  %-26s", kern->name);
        b.n = 0;
        if (kern->level != BM_NOT_CALIBRATED) bm_buf_printf(&b, "passed (farthest: %s, %.1f standard errors)", g->name[q], larger(&kern->cell[q]));
        else bm_buf_printf(&b, "FAILED: %s %s (%.1f standard errors)", g->name[q], direction(&kern->cell[q]), larger(&kern->cell[q]));
        if (s->opt->colour) bm_buf_printf(&s->b, "\x1b[%sm", colours[kern->level]);
        bm_safe_wrapped(&s->b, b.s ? b.s : "", 28, 28, s->width);
        if (s->opt->colour) bm_buf_puts(&s->b, "\x1b[0m");
        bm_buf_putc(&s->b, '\n');
    }
    s->b.failed |= b.failed;
    bm_buf_free(&b);
}

static void text(bm_screen *s, const bm_geweke *g)
{
    bm_buf b = { 0 };

    bm_screen_model(s, g->spec, g->frame, g->design);
    data(s, g);
    bm_screen_priors(s, g->priors, 12);
    table(s, g);
    verdicts(s, g);
    overall(&b, g);
    bm_buf_putc(&s->b, '\n');
    bm_safe_wrapped(&s->b, b.s ? b.s : "", 0, 0, s->width);
    bm_buf_putc(&s->b, '\n');
    s->b.failed |= b.failed;
    bm_buf_free(&b);
}

/* ---- JSON ---- */

static void json_kernel(bm_json *j, const bm_geweke *g, const bm_geweke_kernel *k)
{
    bm_json_open(j, NULL, '{', false);
    bm_json_str(j, "name", k->word);
    bm_json_str(j, "level", words[k->level]);
    bm_json_int(j, "chains", k->counted);
    bm_json_int(j, "failed", k->failed);
    bm_json_str(j, "failed_why", k->failed ? k->failure : NULL);
    bm_json_open(j, "quantities", '[', false);
    for (size_t q = 0; q < g->nrow; q++) {
        bm_json_open(j, NULL, '{', true);
        bm_json_str(j, "name", g->name[q]);
        bm_json_str(j, "level", words[k->cell[q].level]);
        bm_json_num(j, "p", k->cell[q].p);
        bm_json_num(j, "location", k->cell[q].location);
        bm_json_num(j, "spread", k->cell[q].spread);
        bm_json_close(j, '}');
    }
    bm_json_close(j, ']');
    bm_json_close(j, '}');
}

static void json(bm_buf *b, const bm_geweke *g, const char *command)
{
    bm_json j = { .b = b };
    bm_buf  verdict = { 0 };

    overall(&verdict, g);
    bm_json_open(&j, NULL, '{', false);
    bm_json_str(&j, "bmixed", BM_VERSION);
    bm_json_int(&j, "schema", 1);
    bm_json_str(&j, "method", "joint-distribution test");
    bm_json_bool(&j, "passed", passed(g));
    bm_json_str(&j, "verdict", verdict.s);
    bm_json_str(&j, "formula", g->spec->formula);
    bm_json_data(&j, g->spec, g->frame, g->design);
    bm_json_priors(&j, g->priors);
    bm_json_bool(&j, "interrupted", g->interrupted);
    bm_json_int(&j, "chains", g->done);
    bm_json_int(&j, "steps", g->steps);
    bm_json_int(&j, "moves", g->moves);
    bm_json_int(&j, "reference_draws", g->reference);
    bm_json_int(&j, "beyond_precision", g->refused);
    bm_json_int(&j, "seed", g->seed);
    bm_json_num(&j, "alpha", g->alpha);
    bm_json_open(&j, "kernels", '[', false);
    for (size_t k = 0; k < g->nkernel; k++) json_kernel(&j, g, &g->kernel[k]);
    bm_json_close(&j, ']');
    bm_json_num(&j, "seconds", g->seconds);
    bm_json_str(&j, "command", command);
    bm_json_close(&j, '}');
    b->failed |= verdict.failed;
    bm_buf_free(&verdict);
}

bm_status bm_report_geweke(const bm_geweke *g, FILE *out, const bm_print_options *opt, bm_error *err)
{
    bm_screen s;
    bm_status st;

    bm_screen_init(&s, opt);
    if (opt->json) json(&s.b, g, opt->command);
    else text(&s, g);
    st = bm_emit(&s.b, out, err);
    bm_buf_free(&s.b);
    return st;
}
