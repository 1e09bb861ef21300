/* spec_write.c: a specification as JSON, which bm_spec_read reads back to an equal one. Bytes are kept as they are: a file name or a column
 * that is not UTF-8 must still be found. */
#include "model/spec_priv.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

typedef struct { bm_buf *b; int depth; bool any; } writer;

static void quote(bm_buf *b, const char *s, size_t n)
{
    bm_buf_putc(b, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c == '"' || c == '\\') bm_buf_printf(b, "\\%c", c);
        else if (c == '\n') bm_buf_puts(b, "\\n");
        else if (c == '\t') bm_buf_puts(b, "\\t");
        else if (c < 0x20 || c == 0x7f) bm_buf_printf(b, "\\u%04x", c);
        else bm_buf_putc(b, (char)c);
    }
    bm_buf_putc(b, '"');
}

/* Comma, new line, indentation, key. */
static void key(writer *w, const char *name, size_t n)
{
    bm_buf_printf(w->b, "%s\n%*s", w->any ? "," : "", 2 * w->depth, "");
    w->any = true;
    quote(w->b, name, n);
    bm_buf_puts(w->b, ": ");
}

static void open(writer *w, const char *name)
{
    if (name) key(w, name, strlen(name));
    bm_buf_putc(w->b, '{');
    w->depth++;
    w->any = false;
}

static void close_object(writer *w)
{
    w->depth--;
    bm_buf_printf(w->b, "\n%*s}", 2 * w->depth, "");
    w->any = true;
}

static void text(writer *w, const char *name, const char *value)
{
    key(w, name, strlen(name));
    quote(w->b, value, strlen(value));
}

static void list(writer *w, const char *name, size_t n, const bm_strv *v, bool lines)
{
    key(w, name, n);
    bm_buf_putc(w->b, '[');
    for (size_t i = 0; i < v->n; i++) {
        if (lines) bm_buf_printf(w->b, "%s\n%*s", i ? "," : "", 2 * w->depth + 2, "");
        else if (i) bm_buf_puts(w->b, ", ");
        quote(w->b, v->v[i], strlen(v->v[i]));
    }
    if (lines) bm_buf_printf(w->b, "\n%*s", 2 * w->depth, "");
    bm_buf_putc(w->b, ']');
}

/* "COL=a,b,c" as "COL": ["a", "b", "c"]. */
static bm_status levels(writer *w, const bm_strv *v, bm_error *err)
{
    bm_status st = BM_OK;

    open(w, "levels");
    for (size_t i = 0; i < v->n && st == BM_OK; i++) {
        size_t  n = strcspn(v->v[i], "=");
        bm_strv labels = { 0 };

        if ((st = bm_levels_split(&labels, v->v[i] + n + 1, err)) == BM_OK) list(w, v->v[i], n, &labels, false);
        bm_strv_free(&labels);
    }
    close_object(w);
    return st;
}

/* The one kind for all factors as a string; with kinds of single columns an object, whose key "" is all others. */
static void contrasts(writer *w, const bm_strv *v)
{
    if (v->n == 1 && !strchr(v->v[0], '=')) {
        text(w, "contrasts", v->v[0]);
        return;
    }
    open(w, "contrasts");
    for (size_t i = 0; i < v->n; i++) {
        const char *eq = strrchr(v->v[i], '=');       /* a kind has none */

        key(w, v->v[i], eq ? (size_t)(eq - v->v[i]) : 0);
        quote(w->b, eq ? eq + 1 : v->v[i], strlen(eq ? eq + 1 : v->v[i]));
    }
    close_object(w);
}

/* Relative to the model file where it lies below its directory, absolute where it lies elsewhere. */
static void data(writer *w, const bm_spec *s)
{
    const char *slash = s->path ? strrchr(s->path, '/') : NULL;
    size_t      dir = slash ? (size_t)(slash - s->path) + 1 : 0;
    bm_buf      path = { 0 };
    char        cwd[PATH_MAX];

    if (dir && strncmp(s->path, s->data, dir) == 0 && s->data[dir] && s->data[dir] != '/') {
        text(w, "data", s->data + dir);
        return;
    }
    if (!dir || s->data[0] == '/' || strcmp(s->data, "-") == 0) {
        text(w, "data", s->data);
        return;
    }
    if (getcwd(cwd, sizeof cwd)) bm_buf_printf(&path, "%s/", cwd);
    bm_buf_puts(&path, s->data);
    if (path.failed) w->b->failed = true;
    else text(w, "data", path.s);
    bm_buf_free(&path);
}

static void sampler(writer *w, const bm_fit_options *o)
{
    static const char *const types[] = { "auto", "collapsed", "gibbs" }, *const effects[] = { "auto", "all", "none" };
    const struct { const char *name; int x; } ints[] = { { "chains", o->chains }, { "warmup", o->warmup }, { "draws", o->draws }, { "thin", o->thin }, { "threads", o->threads } };
    const char *q = o->seed > UINT64_C(1) << 53 ? "\"" : "";     /* readers of JSON round larger numbers */

    open(w, "sampler");
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        key(w, ints[i].name, strlen(ints[i].name));
        bm_buf_printf(w->b, "%d", ints[i].x);
    }
    key(w, "seed", 4);
    bm_buf_printf(w->b, "%s%llu%s", q, (unsigned long long)o->seed, q);
    key(w, "target-ess", 10);
    bm_buf_num(w->b, o->target_ess);
    text(w, "type", types[o->sampler]);
    text(w, "ranef-draws", effects[o->ranef_draws]);
    close_object(w);
}

bm_status bm_spec_json(const bm_spec *s, bm_buf *out, bm_error *err)
{
    writer    w = { .b = out };
    bm_status st;
    const struct { const char *name, *value; } texts[] = {
        { "name", s->name }, { "title", s->title }, { "description", s->description }, { "source", s->source },
        { "formula", s->formula }, { "family", s->family }, { "weights", s->weights }, { "se", s->se },
    };

    open(&w, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (i == 4 && s->data) data(&w, s);
        if (texts[i].value) text(&w, texts[i].name, texts[i].value);
    }
    if (s->priors.n) list(&w, "priors", 6, &s->priors, true);
    if (s->factors.n) list(&w, "factors", 7, &s->factors, false);
    if (s->levels.n && (st = levels(&w, &s->levels, err)) != BM_OK) return st;
    if (s->contrasts.n) contrasts(&w, &s->contrasts);
    if (s->na_fail) text(&w, "na", "fail");
    if (s->na_strings.n) list(&w, "na-strings", 10, &s->na_strings, false);
    if (s->delim) text(&w, "delim", s->delim == '\t' ? "tab" : s->delim == ' ' ? "space" : (char[]){ s->delim, '\0' });
    sampler(&w, &s->fit);
    close_object(&w);
    bm_buf_putc(out, '\n');
    return out->failed ? bm_nomem(err) : BM_OK;
}
