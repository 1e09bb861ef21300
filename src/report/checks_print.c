/* checks_print.c: checks with their verdicts, on the terminal and as JSON. */
#include "report/terminal_priv.h"

static const char *const words[] = { "good", "watch", "bad", "skipped" };
static const char *const marks[] = { "ok", "look", "BAD", "-" };
static const char *const colours[] = { "32", "33", "31", "2" };

const char *bm_checks_overall(const bm_checks *c)
{
    switch (bm_checks_worst(c)) {
    case BM_CHECK_GOOD: return "Nothing speaks against trusting these draws.";
    case BM_CHECK_WATCH: return "These draws can be trusted; some things deserve a look.";
    default: return "Do not trust these draws yet.";
    }
}

static void one(bm_screen *s, const bm_check *c)
{
    enum { INDENT = 6 };
    bm_buf *b = &s->b;

    if (s->opt->colour) bm_buf_printf(b, "\x1b[%sm", colours[c->level]);
    bm_buf_printf(b, "%-*s", INDENT, marks[c->level]);
    if (s->opt->colour) bm_buf_puts(b, "\x1b[0m");
    bm_buf_printf(b, "%s\n%*s", c->title, INDENT, "");
    bm_safe_wrapped(b, c->verdict.s ? c->verdict.s : "", INDENT, INDENT, s->width);
    bm_buf_putc(b, '\n');
    if (!c->advice.n) return;
    bm_buf_printf(b, "%*s", INDENT, "");
    bm_buf_puts(b, "-> ");
    bm_safe_wrapped(b, c->advice.s, INDENT + 3, INDENT + 3, s->width);
    bm_buf_putc(b, '\n');
}

static void text(bm_screen *s, const bm_checks *c, const bm_draws *d)
{
    bm_buf_printf(&s->b, "%zu chain%s x %zu draws of %zu variables\n\n", d->nchain, d->nchain == 1 ? "" : "s", d->niter, d->nvar);
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].level != BM_CHECK_SKIPPED || s->opt->verbose) one(s, &c->v[i]);
    bm_screen_title(s, bm_checks_overall(c));
}

static void json(bm_buf *b, const bm_checks *c, const bm_draws *d, const char *command)
{
    bm_json j = { .b = b };

    bm_json_open(&j, NULL, '{', false);
    bm_json_str(&j, "bmixed", BM_VERSION);
    bm_json_int(&j, "schema", 1);
    bm_json_int(&j, "chains", d->nchain);
    bm_json_int(&j, "draws", d->niter);
    bm_json_bool(&j, "trusted", bm_checks_worst(c) != BM_CHECK_BAD);
    bm_json_str(&j, "verdict", bm_checks_overall(c));
    bm_json_open(&j, "checks", '[', false);
    for (size_t i = 0; i < c->n; i++) {
        const bm_check *k = &c->v[i];

        bm_json_open(&j, NULL, '{', false);
        bm_json_str(&j, "id", k->id);
        bm_json_str(&j, "title", k->title);
        bm_json_str(&j, "level", words[k->level]);
        bm_json_num(&j, "value", k->value);
        bm_json_str(&j, "parameter", k->parameter);
        bm_json_str(&j, "verdict", k->verdict.s);
        bm_json_str(&j, "advice", k->advice.n ? k->advice.s : NULL);
        bm_json_close(&j, '}');
    }
    bm_json_close(&j, ']');
    bm_json_str(&j, "command", command);
    bm_json_close(&j, '}');
}

bm_status bm_report_checks(const bm_checks *c, const bm_draws *d, FILE *out, const bm_print_options *opt, bm_error *err)
{
    bm_screen s;
    bm_status st;

    bm_screen_init(&s, opt);
    if (opt->json) json(&s.b, c, d, opt->command);
    else text(&s, c, d);
    st = bm_emit(&s.b, out, err);
    bm_buf_free(&s.b);
    return st;
}
