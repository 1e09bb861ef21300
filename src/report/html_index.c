/* html_index.c: which monitored variable is which: coefficients, sds, correlations, sigma, in the order in which the model names them. */
#include "report/html_priv.h"

#include <math.h>
#include <string.h>

size_t bm_page_sd(const bm_page *p, size_t k, size_t i)
{
    const bm_design *d = p->in->result->design;
    size_t           at = 1 + d->p;

    for (size_t f = 0; f < k; f++) at += d->fac[f].q;
    return at + i;
}

size_t bm_page_cor(const bm_page *p, size_t k, size_t i, size_t j)
{
    const bm_design *d = p->in->result->design;
    size_t           at = bm_page_sd(p, d->nfac, 0);

    for (size_t f = 0; f <= k && f < d->nfac; f++)
        for (size_t b = 0; b < d->fac[f].nblock; b++) {
            const bm_block *blk = &d->fac[f].block[b];
            size_t          a = i - blk->first, c = j - blk->first;

            if (f == k && i >= blk->first && j >= blk->first && a < blk->size && c < a) return at + a * (a - 1) / 2 + c;
            at += blk->size * (blk->size - 1) / 2;
        }
    return SIZE_MAX;
}

size_t bm_page_sigma(const bm_page *p)
{
    return p->in->result->priors->has_sigma ? p->in->result->nmonitored - 1 : SIZE_MAX;
}

double bm_page_estimate(const bm_summary_row *r)
{
    return isfinite(r->rb_mean) ? r->rb_mean : r->mean;
}

size_t bm_html_names(const char *x, const char *name)
{
    size_t n = strlen(name);

    if (strncmp(x, name, n) == 0) return n;
    return x[0] == '`' && strncmp(x + 1, name, n) == 0 && x[n + 1] == '`' ? n + 2 : 0;
}

const bm_column *bm_html_column(const bm_frame *f, const char *x)
{
    for (size_t c = 0; f && c < f->ncol; c++)
        if (bm_html_names(x, f->col[c].name) == strlen(x)) return &f->col[c];
    return NULL;
}

static const char *plain(const char *x)
{
    return strcmp(x, "(Intercept)") == 0 ? "Intercept" : x;
}

void bm_page_label(bm_buf *b, const bm_page *p, size_t var)
{
    const bm_design *d = p->in->result->design;

    if (var == 0) {
        bm_buf_puts(b, "log posterior");
        return;
    }
    if (var <= d->p) {
        bm_buf_puts(b, plain(d->xnames[var - 1]));
        return;
    }
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t i = 0; i < d->fac[k].q; i++) {
            if (var == bm_page_sd(p, k, i)) bm_buf_printf(b, "sd of %s across %s", d->fac[k].znames[i], d->fac[k].name);
            for (size_t j = 0; j < i; j++)
                if (var == bm_page_cor(p, k, i, j))
                    bm_buf_printf(b, "correlation of %s and %s across %s", d->fac[k].znames[j], d->fac[k].znames[i], d->fac[k].name);
        }
    if (var == bm_page_sigma(p)) bm_buf_puts(b, "residual sd");
}

double bm_page_reml(const bm_page *p, size_t var, double *lower, double *upper)
{
    const bm_comparison *c = p->in->comparison;
    const char          *name = p->in->result->summary[var].name;

    if (lower) *lower = NAN;
    if (upper) *upper = NAN;
    for (size_t i = 0; c && i < c->nrow; i++) {
        if (strcmp(c->row[i].name, name) != 0) continue;
        if (lower) *lower = c->row[i].lower;
        if (upper) *upper = c->row[i].upper;
        return c->row[i].reml;
    }
    return NAN;
}
