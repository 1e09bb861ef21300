/* screen.c: the parts that the summary of a fit and the description of a model share on the terminal. */
#include "report/terminal_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void bm_screen_init(bm_screen *s, const bm_print_options *opt)
{
    *s = (bm_screen){ .opt = opt, .width = opt->width <= 0 ? 80 : opt->width < 40 ? 40 : (size_t)opt->width };
}

static void paint(bm_screen *s, const char *code)
{
    if (s->opt->colour) bm_buf_printf(&s->b, "\x1b[%sm", code);
}

void bm_screen_title(bm_screen *s, const char *title)
{
    bm_buf_putc(&s->b, '\n');
    paint(s, "1");
    bm_safe_text(&s->b, title);
    paint(s, "0");
    bm_buf_putc(&s->b, '\n');
}

void bm_screen_dim(bm_screen *s, bool on)
{
    paint(s, on ? "2" : "0");
}

void bm_screen_field(bm_screen *s, const char *name, bm_buf *text)
{
    enum { INDENT = 9 };

    if (text->failed) s->b.failed = true;
    bm_buf_printf(&s->b, "%*s: ", INDENT - 2, name);
    bm_safe_wrapped(&s->b, text->s ? text->s : "", INDENT, INDENT, s->width);
    bm_buf_putc(&s->b, '\n');
    bm_buf_free(text);
}

static void field(bm_screen *s, const char *name, const char *value)
{
    bm_buf text = { 0 };

    bm_buf_puts(&text, value);
    bm_screen_field(s, name, &text);
}

static void rows_of_data(bm_screen *s, const bm_spec *spec, const bm_frame *f, const bm_design *d)
{
    const char *path = f && f->path ? f->path : spec->data;
    bm_buf      text = { 0 };

    bm_buf_puts(&text, !path ? "in memory" : strcmp(path, "-") == 0 ? "standard input" : path);
    bm_buf_printf(&text, " (%zu row%s", d->n, d->n == 1 ? "" : "s");
    if (d->n_read > d->n) bm_buf_printf(&text, " used of %zu; %zu dropped, missing:", d->n_read, d->n_read - d->n);
    for (size_t i = 0, k = 0; d->n_read > d->n && i < d->ndropped; i++)
        if (d->dropped[i].n) bm_buf_printf(&text, "%s %s in %zu", k++ ? "," : "", d->dropped[i].name, d->dropped[i].n);
    bm_buf_putc(&text, ')');
    bm_screen_field(s, "Data", &text);
}

void bm_screen_model(bm_screen *s, const bm_spec *spec, const bm_frame *f, const bm_design *d)
{
    if (spec->name || spec->title) {
        bm_buf text = { 0 };

        bm_buf_printf(&text, "%s%s%s", spec->name ? spec->name : "", spec->name && spec->title ? ": " : "", spec->title ? spec->title : "");
        bm_screen_field(s, "Model", &text);
    }
    field(s, "Family", spec->family ? spec->family : "gaussian");
    field(s, "Formula", spec->formula ? spec->formula : "");
    rows_of_data(s, spec, f, d);
    if (spec->weights) field(s, "Weights", spec->weights);
    if (spec->se) field(s, "SE", spec->se);
}

void bm_screen_line(bm_screen *s, const bm_table *t, size_t row, size_t from, size_t to)
{
    bool red = t->flag[row] && s->opt->colour;

    if (red) paint(s, "31");
    bm_table_line(t, &s->b, row, from, to);
    if (red) {
        s->b.n -= s->b.n > 0;                                /* the colour ends before the newline */
        bm_buf_puts(&s->b, "\x1b[0m\n");
    }
}

/* ---- priors ---- */

/* The numbers of a distribution to four digits: enough to read; files have them all. */
static void short_numbers(bm_buf *b, const char *dist)
{
    while (*dist) {
        size_t n = strspn(dist, "0123456789.");
        double x;

        if (n && dist[n] == 'e') n += 1 + strspn(dist + n + 1, "+-0123456789");
        if (n > 5 && bm_parse_double(dist, n, &x)) {
            char s[40];

            snprintf(s, sizeof s, "%.4g", x);
            for (char *p = s; *p; p++)
                if (*p == ',') *p = '.';
            bm_buf_puts(b, s);
        } else {
            bm_buf_add(b, dist, n ? n : 1);
        }
        dist += n ? n : 1;
    }
}

static bool same_prior(const bm_prior_line *a, const bm_prior_line *b)
{
    return strcmp(a->dist, b->dist) == 0 && strcmp(a->origin, b->origin) == 0;
}

/* "b_Days, b_x" and so on: targets i.. that follow each other with the same prior; returns the index after the last. */
static size_t targets(bm_buf *b, const bm_priors *p, size_t i)
{
    size_t k = i;

    for (; k < p->nline && same_prior(&p->line[i], &p->line[k]); k++) {
        if (k - i >= 3 && k + 1 < p->nline && same_prior(&p->line[i], &p->line[k + 1])) continue;   /* first three, and the last */
        if (k > i) bm_buf_puts(b, k - i > 3 ? ", ..., " : ", ");
        bm_buf_puts(b, p->line[k].target);
    }
    return k;
}

static void prior_line(bm_screen *s, const bm_priors *p, size_t i, const char *who)
{
    const bm_prior_line *line = &p->line[i];
    bm_buf               text = { 0 };

    bm_buf_printf(&text, "%s ~ ", who);
    short_numbers(&text, line->dist);
    if (strcmp(line->origin, "default") == 0) bm_buf_puts(&text, " (default)");
    if (text.failed) s->b.failed = true;
    bm_buf_puts(&s->b, "  ");
    bm_safe_wrapped(&s->b, text.s ? text.s : "", 2, 6, s->width);
    bm_buf_putc(&s->b, '\n');
    bm_buf_free(&text);
}

void bm_screen_priors(bm_screen *s, const bm_priors *p, size_t most)
{
    size_t shown = 0, i = 0;

    if (!p || !p->nline) return;
    bm_screen_title(s, "Priors");
    while (i < p->nline) {
        bm_buf who = { 0 };
        size_t next = targets(&who, p, i);

        if (who.failed) s->b.failed = true;
        if (shown++ == most && next < p->nline) {
            bm_buf_printf(&s->b, "  and %zu more: `bmixed model` lists all\n", p->nline - i);
            next = p->nline;
        } else {
            prior_line(s, p, i, who.s ? who.s : "");
        }
        bm_buf_free(&who);
        i = next;
    }
}

void bm_screen_list(bm_screen *s, const char *title, const char *bullet, const bm_strv *items, bool loud)
{
    if (!items || !items->n) return;
    bm_buf_putc(&s->b, '\n');
    paint(s, loud ? "1;31" : "1");
    bm_buf_puts(&s->b, title);
    paint(s, "0");
    bm_buf_putc(&s->b, '\n');
    for (size_t i = 0; i < items->n; i++) {
        size_t used = 3 + strlen(bullet);

        bm_buf_printf(&s->b, "  %s ", bullet);
        bm_safe_wrapped(&s->b, items->v[i], used, used, s->width);
        bm_buf_putc(&s->b, '\n');
    }
}

bm_status bm_emit(const bm_buf *b, FILE *out, bm_error *err)
{
    if (b->failed) return bm_nomem(err);
    if ((b->n && fwrite(b->s, 1, b->n, out) != b->n) || fflush(out) != 0)
        return bm_fail(err, BM_EIO, "cannot write the output: %s", strerror(errno));
    return BM_OK;
}
