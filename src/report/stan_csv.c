/* stan_csv.c: one Stan CSV file per chain, as CmdStan writes them with algorithm = fixed_param, and the labels beside them.
 * What the readers insist on (rstan::read_stan_csv, cmdstanr, cmdstanpy): "# key = value" lines with method, num_samples (before thinning),
 * num_warmup, save_warmup as 0 or 1, thin, id; sampler columns end in "__" and those of HMC are expected unless the algorithm is
 * fixed_param, though cmdstanpy before 1.2.5 asks for a metric all the same; a dot or colon in a name means an index, indices are integers, and arrays are in column-major order; nan, inf. */
#include "report/report_priv.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 32 };

/* The columns after lp__ and accept_stat__: their names, and the variables of the draws they hold. */
typedef struct {
    bm_strv names;
    size_t *var, cap;
    bool   *in_array;            /* per variable of the draws */
    bm_strv array;               /* per factor: name of its array, "" where its effects are not kept */
} columns;

static void columns_free(columns *c)
{
    bm_strv_free(&c->names);
    bm_strv_free(&c->array);
    free(c->var);
    free(c->in_array);
}

/* A Stan identifier for any name: letters, digits and underscores, beginning with a letter, not ending in one. Unlike any in taken. */
static bm_status identifier(bm_buf *b, const char *name, const bm_strv *taken, const bm_strv *taken_too, bm_error *err)
{
    size_t n;
    bool   gap = false;                                  /* runs of other characters become one underscore */

    b->n = 0;
    if (!isalpha((unsigned char)*name) || (unsigned char)*name > 127) bm_buf_puts(b, "v_");
    for (const char *s = name; *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool          good = c < 128 && (isalnum(c) || c == '_');

        if (good || !gap) bm_buf_putc(b, good ? *s : '_');
        gap = !good;
    }
    if (b->failed) return bm_nomem(err);
    while (b->n > 1 && b->s[b->n - 1] == '_') b->s[--b->n] = '\0';
    n = b->n;
    for (size_t k = 2; bm_strv_has(taken, b->s) || bm_strv_has(taken_too, b->s); k++) {
        b->n = n;
        bm_buf_printf(b, "_%zu", k);
        if (b->failed) return bm_nomem(err);
    }
    return BM_OK;
}

static bm_status add_column(columns *c, const char *name, size_t var, bm_error *err)
{
    size_t *v = bm_grow(c->var, &c->cap, c->names.n + 1, sizeof *v);

    if (!v) return bm_nomem(err);
    c->var = v;
    v[c->names.n] = var;
    return bm_strv_add(&c->names, name, err);
}

static bm_status add_scalars(columns *c, const bm_result *r, size_t from, size_t to, bm_error *err)
{
    bm_status st = BM_OK;
    bm_buf    id = { 0 };

    for (size_t k = from; k < to && st == BM_OK; k++) {
        if (c->in_array[k] || strcmp(r->draws->names[k], "lp__") == 0) continue;
        if ((st = identifier(&id, r->draws->names[k], &c->names, &c->array, err)) == BM_OK) st = add_column(c, id.s, k, err);
    }
    bm_buf_free(&id);
    return st;
}

/* r_GROUP.level.term, the level running fastest. */
static bm_status add_array(columns *c, const bm_result *r, size_t factor, bm_error *err)
{
    const bm_group *g = &r->design->fac[factor];
    size_t         *var = NULL;
    bool            all = false;
    bm_buf          raw = { 0 }, id = { 0 };
    bm_status       st = bm_ranef_vars(&var, &all, r, factor, err);

    if (st != BM_OK) goto done;
    if (!all) {
        st = bm_strv_add(&c->array, "", err);
        goto done;
    }
    bm_buf_printf(&raw, "r_%s", g->name);
    if (raw.failed) st = bm_nomem(err);
    if (st != BM_OK || (st = identifier(&id, raw.s, &c->names, &c->array, err)) != BM_OK) goto done;
    if ((st = bm_strv_add(&c->array, id.s, err)) != BM_OK) goto done;
    for (size_t k = 0; k < g->J * g->q && st == BM_OK; k++) {
        raw.n = 0;
        bm_buf_printf(&raw, "%s.%zu.%zu", id.s, k % g->J + 1, k / g->J + 1);
        st = raw.failed ? bm_nomem(err) : add_column(c, raw.s, var[k], err);
        c->in_array[var[k]] = true;
    }
done:
    bm_buf_free(&raw);
    bm_buf_free(&id);
    free(var);
    return st;
}

static bm_status columns_new(columns *c, const bm_result *r, bm_error *err)
{
    bm_status st = BM_OK;

    *c = (columns){ .in_array = bm_alloc(r->draws->nvar, sizeof(bool)) };
    if (!c->in_array) return bm_nomem(err);
    st = add_scalars(c, r, 0, r->nmonitored, err);
    for (size_t k = 0; k < r->design->nfac && st == BM_OK; k++) st = add_array(c, r, k, err);
    if (st == BM_OK) st = add_scalars(c, r, r->nmonitored, r->draws->nvar, err);
    return st;
}

static void add_header(bm_buf *b, const bm_result *r, size_t chain, const char *model)
{
    const bm_fit_options *o = r->options;
    int                   thin = o->thin > 0 ? o->thin : 1;

    bm_buf_puts(b, "# stan_version_major = 2\n# stan_version_minor = 33\n# stan_version_patch = 0\n");
    bm_buf_printf(b, "# model = %s\n# method = sample (Default)\n#   sample\n", model);
    bm_buf_printf(b, "#     num_samples = %zu\n#     num_warmup = %zu\n", r->draws->niter * (size_t)thin, r->run->warmup);
    bm_buf_printf(b, "#     save_warmup = 0 (Default)\n#     thin = %d\n", thin);
    bm_buf_puts(b, "#     adapt\n#       engaged = 0\n#     algorithm = fixed_param\n#       metric = diag_e\n");
    bm_buf_printf(b, "# id = %zu\n# random\n#   seed = %llu\n", chain + 1, (unsigned long long)o->seed);
    bm_buf_printf(b, "# written by bmixed %s: labels of the names and indices are in draws-labels.json\n", BM_VERSION);
}

static void add_number(bm_buf *b, double x)
{
    if (isfinite(x)) bm_buf_num(b, x);
    else bm_buf_puts(b, isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
}

static void add_row(bm_buf *b, const double *x, size_t n)
{
    if (bm_all_finite(n, x)) {
        bm_buf_row(b, x, n);
        return;
    }
    for (size_t k = 0; k < n; k++) {
        bm_buf_putc(b, ',');
        add_number(b, x[k]);
    }
}

static bm_status add_draws(bm_file *f, const bm_result *r, const columns *c, size_t chain, bm_error *err)
{
    const bm_draws *d = r->draws;
    size_t          n = c->names.n, lp = 0;
    double         *x = bm_alloc(n, ROWS * sizeof *x);
    bm_status       st = BM_OK;

    if (!x) return bm_nomem(err);
    while (lp < d->nvar && strcmp(d->names[lp], "lp__") != 0) lp++;
    for (size_t i = 0; i < d->niter && st == BM_OK; i += ROWS) {
        size_t nrow = d->niter - i < ROWS ? d->niter - i : ROWS;

        bm_draws_block(d, c->var, n, chain, i, nrow, x);
        for (size_t row = 0; row < nrow; row++) {
            add_number(&f->buf, lp < d->nvar ? d->x[(lp * d->nchain + chain) * d->niter + i + row] : 0);
            bm_buf_puts(&f->buf, ",0");
            add_row(&f->buf, x + row * n, n);
            bm_buf_putc(&f->buf, '\n');
        }
        st = bm_file_spill(f, err);
    }
    free(x);
    return st;
}

static void add_times(bm_buf *b, const bm_run_info *run)
{
    double w = isfinite(run->warmup_seconds) ? run->warmup_seconds : 0, s = isfinite(run->sampling_seconds) ? run->sampling_seconds : 0;

    bm_buf_printf(b, "# \n#  Elapsed Time: %.6g seconds (Warm-up)\n", w);
    bm_buf_printf(b, "#                %.6g seconds (Sampling)\n#                %.6g seconds (Total)\n# \n", s, w + s);
}

bm_status bm_write_stan_csv(bm_file *f, const bm_result *r, size_t chain, bm_error *err)
{
    const bm_strv none = { 0 };
    columns       c;
    bm_buf        model = { 0 };
    bm_status     st = columns_new(&c, r, err);

    if (st == BM_OK) st = identifier(&model, r->spec->name ? r->spec->name : "bmixed", &none, &none, err);
    if (st != BM_OK) goto done;
    bm_buf_puts(&model, "_model");
    add_header(&f->buf, r, chain, model.s);
    bm_buf_puts(&f->buf, "lp__,accept_stat__");
    for (size_t k = 0; k < c.names.n; k++) {
        bm_buf_putc(&f->buf, ',');
        bm_buf_puts(&f->buf, c.names.v[k]);
    }
    bm_buf_putc(&f->buf, '\n');
    if ((st = add_draws(f, r, &c, chain, err)) == BM_OK) add_times(&f->buf, r->run);
done:
    bm_buf_free(&model);
    columns_free(&c);
    return st;
}

bm_status bm_write_stan_labels(bm_file *f, const bm_result *r, bm_error *err)
{
    columns   c;
    bm_json   j = { .b = &f->buf };
    bm_status st = columns_new(&c, r, err);

    if (st != BM_OK) goto done;
    bm_json_open(&j, NULL, '{', false);
    bm_json_str(&j, "bmixed", BM_VERSION);
    bm_json_open(&j, "scalars", '{', false);
    for (size_t k = 0; k < c.names.n; k++)
        if (!c.in_array[c.var[k]]) bm_json_str(&j, c.names.v[k], r->draws->names[c.var[k]]);
    bm_json_close(&j, '}');
    bm_json_open(&j, "arrays", '{', false);
    for (size_t k = 0; k < c.array.n; k++) {
        const bm_group *g = &r->design->fac[k];

        if (!*c.array.v[k]) continue;
        bm_json_open(&j, c.array.v[k], '{', false);
        bm_json_str(&j, "group", g->name);
        bm_json_strv(&j, "level", (const char *const *)g->levels, g->J);
        bm_json_strv(&j, "term", (const char *const *)g->znames, g->q);
        bm_json_close(&j, '}');
    }
    bm_json_close(&j, '}');
    bm_json_close(&j, '}');
done:
    columns_free(&c);
    return st;
}
