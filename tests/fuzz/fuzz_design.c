/* fuzz_design.c: lines of text as settings of a model on a small table: the first a formula, the others KEY=VALUE. The model is refused with one
 * message, or its design and priors are numbers, it can be shown, its posterior density and gradient are numbers, it is fitted by REML or refused with a
 * message, and its file is that of the same model. */
#include "fuzz.h"

#include "api/api.h"

#include <math.h>

enum { ROWS = 12 };

static bm_frame *small_table(void)
{
    static const double y[ROWS] = { 1, 2.5, 3, 2, 7, 1, 0.5, 4, 9, 3, 5, 2 }, x[ROWS] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1e5 };
    static const double w[ROWS] = { 1, 2, 1, 1, 0.5, 1, 1, 3, 1, NAN, 1, 1 }, i[ROWS] = { 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4 };
    static const char *const g[ROWS] = { "a", "a", "a", "b", "b", "b", "c", "c", NULL, "d", "d", "d" };
    static const char *const h[ROWS] = { "u", "v,", "w\"", "u", "v,", "w\"", "u", "v,", "w\"", "u", "v,", "u" };
    bm_frame *f;
    bm_error  err = { 0 };

    if (bm_frame_new(&f, ROWS, &err) || bm_frame_add_numeric(f, "y", y, &err) || bm_frame_add_numeric(f, "x", x, &err) ||
        bm_frame_add_numeric(f, "w", w, &err) || bm_frame_add_numeric(f, "i", i, &err) || bm_frame_add_factor(f, "g", g, &err) ||
        bm_frame_add_factor(f, "h", h, &err)) abort();
    return f;
}

static void check_numbers(const char *what, const double *x, size_t n)
{
    for (size_t i = 0; x && i < n; i++) fuzz_must(isfinite(x[i]), "%s[%zu] = %g", what, i, x[i]);
}

static void check_design(const bm_design *d)
{
    fuzz_must(d->n > 0 && d->n <= ROWS, "%zu rows", d->n);
    check_numbers("X", d->X, d->n * d->p);
    check_numbers("y", d->y, d->n);
    check_numbers("w", d->w, d->n);
    check_numbers("o", d->o, d->n);
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        check_numbers("Z", g->Z, d->n * g->q);
        for (size_t i = 0; i < d->n; i++) fuzz_must(g->code[i] >= 0 && (size_t)g->code[i] < g->J, "code %d", g->code[i]);
        for (size_t j = 0; j < g->J; j++) fuzz_must(g->levels[j], "level %zu", j);
    }
}

static void show(const bm_model *m, bool json)
{
    bm_print_options opt = BM_PRINT_OPTIONS_INIT;
    char            *text = NULL;
    size_t           n;
    FILE            *out = open_memstream(&text, &n);
    bm_error         err = { 0 };
    bm_status        st;

    fuzz_must(out, "out of memory");
    opt.json = json;
    st = bm_model_print(m, out, &opt, &err);
    fclose(out);
    if (st != BM_OK) {                               /* only where there is no posterior: a perfect fit, say */
        fuzz_refused(st, &err);
        fuzz_must(st == m->refusal.code && n == 0, "status %d after %zu bytes: %s", (int)st, n, err.msg);
    }
    for (size_t i = 0; i < n; i++) fuzz_must(text[i] == '\n' || ((unsigned char)text[i] >= ' ' && text[i] != 0x7f), "byte %d shown", text[i]);
    free(text);
}

static bm_status set_lines(bm_spec *s, char *text, bm_error *err)
{
    bm_status st;
    char     *next = strchr(text, '\n'), *value;

    if (next) *next++ = '\0';
    st = bm_spec_set(s, "formula", text, err);
    while (st == BM_OK && next) {
        char *line = next;

        if ((next = strchr(line, '\n'))) *next++ = '\0';
        if (!(value = strchr(line, '='))) continue;
        *value++ = '\0';
        if (strcmp(line, "data") != 0) st = bm_spec_set(s, line, value, err);
    }
    return st;
}

/* Density and gradient where every coordinate is `at`: numbers, or no density. */
static void check_density(const bm_model *m, double at)
{
    bm_point *pt;
    double   *g;
    bm_error  err = { 0 };
    size_t    d = m->post->th.d;

    if (bm_point_new(&pt, m->post, &err) != BM_OK || !(g = bm_alloc(d, sizeof *g))) abort();
    for (size_t i = 0; i < d; i++) pt->x[i] = at;
    if (bm_point_gradient(pt, g) == BM_OK) {
        fuzz_must(isfinite(pt->lp), "log density %g at %g", pt->lp, at);
        check_numbers("gradient", g, d);
    }
    free(g);
    bm_point_free(pt);
}

static void check_reml(const bm_model *m)
{
    bm_reml_options opt = BM_REML_OPTIONS_INIT;
    bm_reml        *r = NULL;
    bm_error        err = { 0 };
    bm_status       st;

    opt.starts = 1;
    st = bm_reml_run(&r, m, &opt, &err);
    if (st < 0) fuzz_refused(st, &err);
    else fuzz_must(isfinite(bm_reml_criterion(r)), "criterion %g", bm_reml_criterion(r));
    bm_reml_free(r);
}

static char *resolved(const bm_model *m, size_t *n)
{
    bm_print_options opt = BM_PRINT_OPTIONS_INIT;
    char            *text = NULL;
    FILE            *out = open_memstream(&text, n);
    bm_error         err = { 0 };

    fuzz_must(out, "out of memory");
    fuzz_must(bm_model_print(m, out, &opt, &err) == BM_OK, "%s", err.msg);
    fclose(out);
    return text;
}

/* Written as a model file and read back, it is the same model. */
static void check_file(const bm_spec *s, const bm_frame *frame, const bm_model *m)
{
    bm_buf     json = { 0 };
    bm_spec   *t = NULL;
    bm_model  *k = NULL;
    bm_error   err = { 0 };
    fuzz_file  f;
    char      *a, *b;
    size_t     na, nb;

    fuzz_must(bm_spec_json(s, &json, &err) == BM_OK, "%s", err.msg);
    f = fuzz_file_new(json.s, json.n);
    fuzz_must(bm_spec_read(&t, f.path, &err) == BM_OK, "%s\ndoes not read back: %s", json.s, err.msg);
    fuzz_file_remove(&f);
    fuzz_must(bm_model_new(&k, t, frame, &err) == BM_OK, "%s\nis no model: %s", json.s, err.msg);
    fuzz_must(k->refusal.code == m->refusal.code, "%s\nis refused: %s", json.s, k->refusal.msg);
    a = resolved(m, &na);
    b = resolved(k, &nb);
    fuzz_must(na == nb && memcmp(a, b, na) == 0, "%s\nthen\n%s", a, b);
    free(a);
    free(b);
    bm_model_free(k);
    bm_spec_free(t);
    bm_buf_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bm_frame *frame;
    char            *text = fuzz_text(data, size);
    bm_spec         *s;
    bm_model        *m = NULL;
    bm_error         err = { 0 };
    bm_status        st;

    if (!frame) frame = small_table();
    if (bm_spec_new(&s, &err) != BM_OK) abort();
    st = set_lines(s, text, &err);
    if (st == BM_OK) st = bm_model_new(&m, s, frame, &err);
    if (st != BM_OK) fuzz_refused(st, &err);
    else {
        check_design(m->design);
        show(m, false);
        show(m, true);
        if (size % 4 == 0) check_reml(m);            /* slow */
        if (m->refusal.code == BM_OK) {
            check_density(m, 0);
            check_density(m, -1.3);
            check_file(s, frame, m);
        }
    }
    bm_model_free(m);
    bm_spec_free(s);
    free(text);
    return 0;
}
