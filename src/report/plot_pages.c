/* plot_pages.c: one panel per variable, on as many pages as that takes: the frame of trace, rank, autocorrelation and density
 * plots. */
#include "report/plot_priv.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PAGES = 8 };

static void chain_legend(bm_picture *p, size_t nchain)
{
    double x = p->width - 14 - 86 * (double)(nchain < 7 ? nchain : 7);
    char   name[40];

    for (size_t c = 0; c < nchain && c < 7; c++) {
        snprintf(name, sizeof name, nchain > 7 && c == 6 ? "\xe2\x80\xa6 %zu" : "chain %zu",
                 nchain > 7 && c == 6 ? nchain : c + 1);
        bm_legend(p, c, x + 86 * (double)c, 20, bm_chain_colour(c), "line", name);
    }
}

static void describe(bm_picture *p, const bm_plot_input *in, const bm_page_kind *kind, const size_t *var, size_t n)
{
    bm_buf_printf(&p->alt, "%s Shown: ", kind->alt);
    for (size_t i = 0; i < n; i++) bm_buf_printf(&p->alt, "%s%s", i ? ", " : "", in->draws->names[var[i]]);
    bm_buf_putc(&p->alt, '.');
}

static bm_status page(const bm_plot_input *in, bm_pictures *out, const bm_page_kind *kind, const size_t *var, size_t n,
                      size_t which, size_t of,
                      const char *caption, bm_error *err)
{
    size_t      cols = bm_columns_for(n) < kind->cols ? bm_columns_for(n) : kind->cols;
    bm_buf      title = { 0 };
    bm_picture *p;
    bm_status   st = BM_OK;

    bm_buf_puts(&title, kind->title);
    if (of > 1) bm_buf_printf(&title, " (%zu of %zu)", which + 1, of);
    p = title.failed ? NULL : bm_pictures_add(out, in, title.s,
                                              BM_PLOT_TOP + (double)((n + cols - 1) / cols) * kind->height + 42, err);
    bm_buf_free(&title);
    if (!p) return bm_nomem(err);
    bm_buf_puts(&p->caption, caption);
    describe(p, in, kind, var, n);
    for (size_t i = 0; i < n && st == BM_OK; i++) {
        bm_box at = bm_cell_box(p, i, cols, kind->height, kind->left, kind->below);

        bm_panel(p, at);
        if (i == 0 && kind->chains) chain_legend(p, in->draws->nchain);
        if (i == 0 && kind->dress) kind->dress(p, in);
        bm_panel_title(p, at, in->draws->names[var[i]]);
        st = kind->panel(p, in, var[i], at, err);
    }
    return st;
}

bm_status bm_plot_pages(const bm_plot_input *in, bm_pictures *out, const bm_page_kind *kind, bm_error *err)
{
    size_t   *var = NULL, n, per = kind->cols * kind->rows, pages;
    bm_buf    caption = { 0 };
    bm_status st = bm_plot_vars(&var, &n, in, kind->with_lp, err);

    if (st == BM_OK && n == 0) st = bm_fail(err, BM_EINVAL, "every variable is constant");
    pages = (n + per - 1) / per;
    if (pages > MAX_PAGES) {
        bm_buf_printf(&caption, "The first %zu of %zu variables; --vars chooses others.", (size_t)MAX_PAGES * per, n);
        n = MAX_PAGES * per;
        pages = MAX_PAGES;
    }
    for (size_t i = 0; i < pages && st == BM_OK; i++)
        st = page(in, out, kind, var + i * per, n - i * per < per ? n - i * per : per, i, pages, caption.s ? caption.s : "", err);
    if (st == BM_OK && caption.failed) st = bm_nomem(err);
    bm_buf_free(&caption);
    free(var);
    return st;
}
