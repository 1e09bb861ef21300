/* draws_json.c: draws.json, one to one what ArviZ's from_dict takes: "posterior" and "sample_stats" hold chains x draws arrays, group effects
 * chains x draws x levels x terms, "coords" and "dims" name those. */
#include "report/report_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_number(bm_buf *b, double x)
{
    if (isfinite(x)) bm_buf_num(b, x);
    else bm_buf_puts(b, "null");
}

/* n > 0 numbers and the commas between them. */
static void add_numbers(bm_buf *b, const double *x, size_t n)
{
    bool finite = bm_all_finite(n, x);

    add_number(b, x[0]);
    if (finite) bm_buf_row(b, x + 1, n - 1);
    for (size_t i = 1; i < n && !finite; i++) {
        bm_buf_putc(b, ',');
        add_number(b, x[i]);
    }
}

static bm_status add_scalar(bm_file *f, bm_json *j, const bm_draws *d, const char *name, size_t var, bm_error *err)
{
    bm_status st = BM_OK;

    bm_json_open(j, name, '[', true);
    for (size_t c = 0; c < d->nchain && st == BM_OK; c++) {
        const double *x = d->x + (var * d->nchain + c) * d->niter;

        bm_buf_puts(j->b, c ? ", [" : "[");
        if (d->niter) add_numbers(j->b, x, d->niter);
        bm_buf_putc(j->b, ']');
        st = bm_file_spill(f, err);
    }
    bm_json_close(j, ']');
    return st;
}

/* One draw of a factor's effects: J x q. */
static void add_effects(bm_buf *b, const bm_draws *d, const bm_group *g, const size_t *var, size_t at)
{
    bm_buf_putc(b, '[');
    for (size_t l = 0; l < g->J; l++) {
        bm_buf_puts(b, l ? ",[" : "[");
        for (size_t t = 0; t < g->q; t++) {
            if (t) bm_buf_putc(b, ',');
            add_number(b, d->x[var[t * g->J + l] * d->nchain * d->niter + at]);
        }
        bm_buf_putc(b, ']');
    }
    bm_buf_putc(b, ']');
}

static bm_status add_factor(bm_file *f, bm_json *j, const bm_draws *d, const bm_group *g, const char *name, const size_t *var, bm_error *err)
{
    bm_status st = BM_OK;

    bm_json_open(j, name, '[', true);
    for (size_t c = 0; c < d->nchain; c++) {
        bm_buf_puts(j->b, c ? ", [" : "[");
        for (size_t i = 0; i < d->niter && st == BM_OK; i++) {
            if (i) bm_buf_putc(j->b, ',');
            add_effects(j->b, d, g, var, c * d->niter + i);
            st = bm_file_spill(f, err);
        }
        bm_buf_putc(j->b, ']');
    }
    bm_json_close(j, ']');
    return st;
}

/* Group effects of every factor whose draws are kept; what is left over (in_array false) is written by name. */
static bm_status add_all_effects(bm_file *f, bm_json *j, const bm_result *r, bool *in_array, bool *kept, bm_error *err)
{
    bm_status st = BM_OK;
    bm_buf    name = { 0 };

    for (size_t k = 0; k < r->design->nfac && st == BM_OK; k++) {
        const bm_group *g = &r->design->fac[k];
        size_t         *var;

        if ((st = bm_ranef_vars(&var, &kept[k], r, k, err)) != BM_OK) break;
        if (kept[k]) {
            name.n = 0;
            bm_buf_printf(&name, "r_%s", g->name);
            for (size_t i = 0; i < g->J * g->q; i++) in_array[var[i]] = true;
            st = name.failed ? bm_nomem(err) : add_factor(f, j, r->draws, g, name.s, var, err);
        }
        free(var);
    }
    bm_buf_free(&name);
    return st;
}

/* The labels of the dimensions of r_GROUP: GROUP (levels) and GROUP__term. */
static void add_labels(bm_json *j, const bm_result *r, const bool *kept)
{
    bm_buf term = { 0 }, effect = { 0 };

    bm_json_open(j, "coords", '{', false);
    for (size_t k = 0; k < r->design->nfac; k++) {
        const bm_group *g = &r->design->fac[k];

        if (!kept[k]) continue;
        term.n = 0;
        bm_buf_printf(&term, "%s__term", g->name);
        bm_json_strv(j, g->name, (const char *const *)g->levels, g->J);
        if (term.s) bm_json_strv(j, term.s, (const char *const *)g->znames, g->q);
    }
    bm_json_close(j, '}');
    bm_json_open(j, "dims", '{', false);
    for (size_t k = 0; k < r->design->nfac; k++) {
        const bm_group *g = &r->design->fac[k];

        if (!kept[k]) continue;
        term.n = effect.n = 0;
        bm_buf_printf(&term, "%s__term", g->name);
        bm_buf_printf(&effect, "r_%s", g->name);
        if (term.s && effect.s) bm_json_strv(j, effect.s, (const char *const[]){ g->name, term.s }, 2);
    }
    bm_json_close(j, '}');
    if (term.failed || effect.failed) j->b->failed = true;
    bm_buf_free(&term);
    bm_buf_free(&effect);
}

bm_status bm_write_draws_json(bm_file *f, const bm_result *r, bm_error *err)
{
    const bm_draws *d = r->draws;
    bm_json         j = { .b = &f->buf };
    bool           *in_array = bm_alloc(d->nvar, sizeof *in_array), *kept = bm_alloc(r->design->nfac, sizeof *kept);
    size_t          lp = 0;
    bm_status       st = BM_OK;

    if (!in_array || !kept) {
        st = BM_ENOMEM;
        bm_nomem(err);
        goto done;
    }
    while (lp < d->nvar && strcmp(d->names[lp], "lp__") != 0) lp++;
    bm_json_open(&j, NULL, '{', false);
    bm_json_open(&j, "posterior", '{', false);
    for (size_t k = 0; k < r->nmonitored && st == BM_OK; k++)
        if (k != lp) st = add_scalar(f, &j, d, d->names[k], k, err);
    if (st == BM_OK) st = add_all_effects(f, &j, r, in_array, kept, err);
    for (size_t k = r->nmonitored; k < d->nvar && st == BM_OK; k++)
        if (!in_array[k]) st = add_scalar(f, &j, d, d->names[k], k, err);
    if (st != BM_OK) goto done;
    bm_json_close(&j, '}');
    if (lp < d->nvar) {
        bm_json_open(&j, "sample_stats", '{', false);
        st = add_scalar(f, &j, d, "lp", lp, err);
        bm_json_close(&j, '}');
    }
    add_labels(&j, r, kept);
    bm_json_close(&j, '}');
done:
    free(in_array);
    free(kept);
    return st;
}
