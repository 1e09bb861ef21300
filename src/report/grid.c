/* grid.c: aligned columns of short texts. */
#include "report/reml_priv.h"

#include <math.h>
#include <string.h>

void bm_grid_add(bm_grid *g, const char *s)
{
    bm_buf safe = { 0 };

    if (g->st != BM_OK) return;
    bm_safe_text(&safe, s);
    g->st = safe.failed ? BM_ENOMEM : bm_strv_add(&g->cell, safe.s ? safe.s : "", NULL);
    bm_buf_free(&safe);
}

void bm_grid_num(bm_grid *g, double x, int decimals)
{
    bm_cell c = "";

    if (isfinite(x) && decimals > 5 && decimals <= 9 && fabs(x) < 1e4) {     /* bm_cell_number would turn to 1.23e-03 */
        snprintf(c, sizeof c, "%.*f", decimals, x);
        c[strcspn(c, ",.")] = '.';                   /* whatever the locale; there are decimals, so there is a point */
    } else if (!isnan(x)) {
        bm_cell_number(c, x, decimals);
    }
    bm_grid_add(g, c);
}

void bm_grid_p(bm_grid *g, double p)
{
    char s[32] = "";

    if (p < 2e-16) snprintf(s, sizeof s, "< 2e-16");
    else if (p < 1e-4) snprintf(s, sizeof s, "%.2e", p);
    else if (!isnan(p)) snprintf(s, sizeof s, "%.*f", p < 1e-3 ? 6 : p < 1e-2 ? 5 : 4, p);
    bm_grid_add(g, s);
}

int bm_grid_decimals(const double *x, size_t n, int digits)
{
    double least = INFINITY, most = 0;
    int    d, whole;

    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) continue;
        if (x[i] != 0) least = fmin(least, fabs(x[i]));
        most = fmax(most, fabs(x[i]));
    }
    if (!isfinite(least)) return 1;
    least = fmax(least, most * 1e-4);
    d = digits - 1 - (int)floor(log10(least));
    whole = most >= 1 ? 1 + (int)floor(log10(most)) : 0;
    if (whole && d + whole > 9) d = 9 - whole;
    return d < 0 ? 0 : d;
}

void bm_grid_write(bm_grid *g, bm_buf *b, size_t indent)
{
    size_t nrow = g->cell.n / g->ncol, width[24] = { 0 };

    if (g->st != BM_OK) b->failed = true;
    for (size_t i = 0; i < nrow * g->ncol; i++) {
        size_t w = bm_width(g->cell.v[i]);

        if (w > width[i % g->ncol]) width[i % g->ncol] = w;
    }
    for (size_t i = 0; i < nrow; i++) {
        size_t pending = indent;                     /* blanks before the next text: none at the end of a line */

        for (size_t k = 0; k < g->ncol; k++) {
            const char *s = g->cell.v[i * g->ncol + k];
            size_t      fill = width[k] - bm_width(s);

            if (k) pending++;
            if (g->align[k] == 'r') pending += fill;
            if (*s) {
                bm_buf_printf(b, "%*s%s", (int)pending, "", s);
                pending = 0;
            }
            if (g->align[k] != 'r') pending += fill;
        }
        bm_buf_putc(b, '\n');
    }
    bm_strv_free(&g->cell);
}
