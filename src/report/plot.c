/* plot.c: the kinds of plots: which there are, which can be drawn, and the drawing of those asked for, one after the other. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEEDS_DATA = 1, NEEDS_GROUPS = 2, NEEDS_REML = 4, NEEDS_ROWS = 8 };

static const struct {
    const char *name, *what;
    bool        usual;
    unsigned    needs;
    bm_plot_fn *draw;
} kinds[] = {
    { "trace", "draws in order, a line per chain: chains that mix look alike", true, 0, bm_plot_trace },
    { "rank", "ranks of the draws, a line per chain: flat where chains agree", true, 0, bm_plot_rank },
    { "density", "posterior of each parameter, its prior overlaid", true, 0, bm_plot_density },
    { "intervals", "medians with 50 % and 95 % intervals of the parameters", true, 0, bm_plot_intervals },
    { "caterpillar", "group effects in order, with 50 % and 95 % intervals and the BLUPs of REML", true,
     NEEDS_DATA | NEEDS_GROUPS, bm_plot_caterpillar },
    { "lines", "fitted lines per group over the data, for a numeric predictor", true, NEEDS_DATA | NEEDS_ROWS, bm_plot_lines },
    { "shrinkage", "from estimates without pooling to those of the model", true, NEEDS_DATA | NEEDS_ROWS | NEEDS_GROUPS, bm_plot_shrinkage },
    { "predictive", "density of the data against data that the fit predicts", true, NEEDS_DATA | NEEDS_ROWS, bm_plot_predictive },
    { "reml", "Bayes against REML: estimates and 95 % intervals", false, NEEDS_DATA | NEEDS_REML, bm_plot_reml },
    { "pairs", "sds, correlations and sigma two by two", false, 0, bm_plot_pairs },
    { "qq", "residuals and group effects against normal quantiles", false, NEEDS_DATA | NEEDS_ROWS, bm_plot_qq },
    { "acf", "autocorrelation of the draws", false, 0, bm_plot_acf },
};
enum { NKINDS = sizeof kinds / sizeof *kinds };

const char *bm_plot_kind(size_t i, const char **what, bool *usual)
{
    if (i >= NKINDS) return NULL;
    if (what) *what = kinds[i].what;
    if (usual) *usual = kinds[i].usual;
    return kinds[i].name;
}

bool bm_plot_is_picture(const char *name)
{
    static const char *const ending[] = { ".svg", ".png", ".pdf" };

    for (size_t k = 0; k < NKINDS; k++) {
        size_t n = strlen(kinds[k].name);

        if (strncmp(name, kinds[k].name, n) != 0) continue;    /* NOLINT(bugprone-not-null-terminated-result): a beginning is compared */
        if (name[n] == '-' && name[n + 1] >= '1' && name[n + 1] <= '9') n += 1 + strspn(name + n + 1, "0123456789");
        for (size_t i = 0; i < 3; i++)
            if (strcmp(name + n, ending[i]) == 0) return true;
    }
    return false;
}

static bm_status unknown_kind(const char *word, bm_error *err)
{
    const char *names[NKINDS + 1] = { "all" }, *near;
    bm_buf      list = { 0 };
    bm_status   st;

    for (size_t i = 0; i < NKINDS; i++) {
        names[i + 1] = kinds[i].name;
        bm_buf_printf(&list, "%s%s", i ? ", " : "", kinds[i].name);
    }
    near = bm_closest(word, names, NKINDS + 1);
    st = bm_fail(err, BM_EINVAL, "unknown kind of plot '%s'%s%s%s; there are %s, and all", word, near ? "; did you mean '" : "",
                 near ? near : "",
                 near ? "'?" : "", list.s ? list.s : "");
    bm_buf_free(&list);
    return st;
}

bm_status bm_plot_check_kinds(const bm_plot_options *opt, bm_error *err)
{
    for (size_t i = 0; i < opt->nkinds; i++) {
        bool known = strcmp(opt->kinds[i], "all") == 0;

        for (size_t k = 0; k < NKINDS; k++) known |= strcmp(opt->kinds[i], kinds[k].name) == 0;
        if (!known) return unknown_kind(opt->kinds[i], err);
    }
    return BM_OK;
}

/* 0: not asked for; 1: among the usual ones or all; 2: by name. */
static int asked(const bm_plot_options *opt, size_t k)
{
    int how = opt->nkinds == 0 && kinds[k].usual;

    for (size_t i = 0; i < opt->nkinds; i++) {
        if (strcmp(opt->kinds[i], kinds[k].name) == 0) return 2;
        if (strcmp(opt->kinds[i], "all") == 0) how = 1;
    }
    return how;
}

bool bm_plot_wants_reml(const bm_plot_options *opt)
{
    for (size_t k = 0; k < NKINDS; k++)
        if (asked(opt, k) && ((kinds[k].needs & NEEDS_REML) || kinds[k].draw == bm_plot_caterpillar)) return true;
    return false;
}

bool bm_plot_wants_rows(const bm_plot_options *opt)
{
    for (size_t k = 0; k < NKINDS; k++)
        if (asked(opt, k) == 2 && (kinds[k].needs & NEEDS_ROWS)) return true;
    return false;
}

/* ---- what the kinds look at ---- */

/* Shell patterns with * and ? only: brackets are part of names such as r_Subject[308,Days]. */
static bool matches(const char *pattern, const char *s)
{
    const char *star = NULL, *from = s;

    while (*s) {
        if (*pattern == '*') {
            star = pattern++;
            from = s;
        } else if (*pattern == '?' || *pattern == *s) {
            pattern++;
            s++;
        } else if (star) {
            pattern = star + 1;
            s = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

size_t bm_plot_var(const bm_plot_input *in, const char *name)
{
    for (size_t v = 0; v < in->draws->nvar; v++)
        if (strcmp(in->draws->names[v], name) == 0) return v;
    return SIZE_MAX;
}

static bool is_constant(const bm_draws *d, size_t v)
{
    size_t        n = d->nchain * d->niter;
    const double *x = d->x + v * n;

    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return true;            /* nothing to draw either */
        if (x[i] != x[0]) return false;
    }
    return true;
}

static bool by_default(const char *name, bool with_lp)
{
    size_t n = strlen(name);

    if (strcmp(name, "lp__") == 0) return with_lp;
    return strncmp(name, "r_", 2) != 0 && !(n > 2 && strcmp(name + n - 2, "__") == 0);
}

static bm_status check_vars(const bm_plot_input *in, bm_error *err)
{
    const bm_draws *d = in->draws;

    for (size_t i = 0; i < in->opt->nvars; i++) {
        const char *word = in->opt->vars[i], *near;
        size_t      found = 0;

        for (size_t v = 0; v < d->nvar; v++) found += matches(word, d->names[v]);
        if (found) continue;
        near = bm_closest(word, (const char *const *)d->names, d->nvar);
        return bm_fail(err, BM_EINVAL, "no variable matches '%s'%s%s%s", word, near ? "; did you mean '" : "", near ? near : "",
                       near ? "'?" : "");
    }
    return BM_OK;
}

bm_status bm_plot_vars(size_t **out, size_t *n, const bm_plot_input *in, bool with_lp, bm_error *err)
{
    const bm_draws *d = in->draws;

    *n = 0;
    if (!(*out = bm_alloc(d->nvar, sizeof **out))) return bm_nomem(err);
    for (size_t v = 0; v < d->nvar; v++) {
        bool want = in->opt->nvars == 0 && by_default(d->names[v], with_lp);

        for (size_t i = 0; i < in->opt->nvars; i++) want |= matches(in->opt->vars[i], d->names[v]);
        if (want && !is_constant(d, v)) (*out)[(*n)++] = v;
    }
    return BM_OK;
}

static void model_in_words(bm_buf *b, const bm_plot_input *in)
{
    if (!in->spec) return;
    if (in->spec->name) bm_buf_printf(b, "%s: ", in->spec->name);
    if (in->spec->formula) bm_buf_puts(b, in->spec->formula);
}

bm_picture *bm_pictures_add(bm_pictures *a, const bm_plot_input *in, const char *title, double height, bm_error *err)
{
    bm_picture *v = bm_grow(a->v, &a->cap, a->n + 1, sizeof *v), *p;

    if (!v) {
        bm_nomem(err);
        return NULL;
    }
    a->v = v;
    p = v + a->n++;
    *p = (bm_picture){ .width = BM_PLOT_WIDTH, .height = height, .first = true };
    bm_buf_puts(&p->title, title);
    model_in_words(&p->subtitle, in);
    return p;
}

/* ---- what can be drawn ---- */

/* Why not, or NULL. */
static const char *obstacle(const bm_plot_input *in, unsigned needs)
{
    if ((needs & NEEDS_DATA) && !in->design) return in->no_data ? in->no_data : "the model and its data are not known";
    if ((needs & NEEDS_ROWS) && !in->design->y) return "it is made of the rows of the data, of which there are too many to keep unasked (--hold-rows, or --kind with its name)";
    if ((needs & NEEDS_GROUPS) && in->design->nfac == 0) return "the model has no group effects";
    if ((needs & NEEDS_REML) && !in->reml) return in->no_reml ? in->no_reml : "there is no REML fit";
    return NULL;
}

bm_status bm_plots_keep(bm_plots *out, const bm_picture *p, const char *kind, size_t page, const bm_plot_options *opt,
                      bm_error *err)
{
    static const char *const ending[] = { "svg", "png", "pdf" };
    static const char        boxes[] = "some letters are in no font that is installed here and are drawn as boxes; --format svg leaves them to the reader's fonts";
    struct bm_plot_file     *v = bm_grow(out->v, &out->cap, out->n + 1, sizeof *v), *f;
    bm_buf                   name = { 0 };
    bool                     boxed;
    bm_status                st;

    if (!v) return bm_nomem(err);
    out->v = v;
    f = v + out->n;
    *f = (struct bm_plot_file){ 0 };
    out->n++;
    bm_buf_puts(&name, kind);
    if (page) bm_buf_printf(&name, "-%zu", page + 1);
    bm_buf_printf(&name, ".%s", ending[opt->format]);
    f->file = name.s;
    f->title = bm_strdup(p->title.s);
    f->alt = bm_strdup(p->alt.s ? p->alt.s : p->title.s);
    if (name.failed || !f->title || !f->alt) return bm_nomem(err);
    if ((st = bm_gnuplot(p, opt, &f->bytes, &f->n, &boxed, err)) != BM_OK || !boxed || bm_strv_has(&out->notes, boxes)) return st;
    return bm_strv_add(&out->notes, boxes, err);
}

static bool stopped(const bm_plot_options *opt)
{
    return opt->stop && *opt->stop;
}

static bm_status draw_kind(bm_plots *out, const bm_plot_input *in, size_t k, bm_error *err)
{
    bm_pictures pictures = { 0 };
    bm_status   st = kinds[k].draw(in, &pictures, err);

    for (size_t i = 0; i < pictures.n && st == BM_OK; i++) {
        st = stopped(in->opt) ? BM_INTERRUPTED : bm_plots_keep(out, &pictures.v[i], kinds[k].name, i, in->opt, err);
        if (st != BM_OK && stopped(in->opt)) st = BM_INTERRUPTED;         /* the signal ended gnuplot too */
    }
    for (size_t i = 0; i < pictures.n; i++) bm_picture_free(&pictures.v[i]);
    free(pictures.v);
    return st;
}

/* One kind: drawn, or passed over with a note where it was not asked for by name. */
static bm_status try_kind(bm_plots *out, const bm_plot_input *in, size_t k, bm_error *err)
{
    bool        named = asked(in->opt, k) == 2;
    const char *why = obstacle(in, kinds[k].needs);
    bm_error    own = { 0 };
    bm_status   st;

    if (why && named) return bm_fail(err, BM_EINVAL, "%s cannot be drawn: %s", kinds[k].name, why);
    if (why) return bm_strv_addf(&out->notes, err, "%s is not drawn: %s", kinds[k].name, why);
    st = draw_kind(out, in, k, &own);
    if (st == BM_EINVAL && !named) return bm_strv_addf(&out->notes, err, "%s is not drawn: %s", kinds[k].name, own.msg);
    if (st == BM_EINVAL) return bm_fail(err, st, "%s cannot be drawn: %s", kinds[k].name, own.msg);
    return st < 0 ? bm_fail(err, st, "%s", own.msg) : st;
}

bm_status bm_report_plots(bm_plots **out, const bm_plot_input *in, bm_error *err)
{
    bm_plots *p = bm_alloc(1, sizeof *p);
    bm_status st;

    *out = NULL;
    if (!p) return bm_nomem(err);
    if ((st = bm_plot_check_kinds(in->opt, err)) == BM_OK) st = check_vars(in, err);
    if (st == BM_OK && in->draws->niter < 2) st = bm_fail(err, BM_EINVAL, "there is nothing to draw: a chain needs at least 2 "
                                                          "draws");
    for (size_t k = 0; k < NKINDS && st == BM_OK; k++)
        if (asked(in->opt, k)) st = try_kind(p, in, k, err);
    if (st == BM_OK) {
        *out = p;
        return BM_OK;
    }
    bm_plots_free(p);
    return st;
}
