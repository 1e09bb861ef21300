/* draws_file.c: one CSV file of draws, in the layout of draws.csv or Stan's, into rows of variables and the chains they
 * belong to. */
#include "draws/read_priv.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 40, MAX_CHAINS = 9999 };
static const size_t DROP = SIZE_MAX, CHAIN = SIZE_MAX - 1, ITER = SIZE_MAX - 2;   /* marks in f->to */

/* A cell as it may stand in a message: printable, and not the whole of a novel. */
typedef struct { char s[SHOWN + 4]; } shown_cell;

static shown_cell shown(const bm_field *cell)
{
    shown_cell out = { "" };
    size_t     n = cell->n < SHOWN ? cell->n : SHOWN;

    for (size_t i = 0; i < n; i++) out.s[i] = iscntrl((unsigned char)cell->s[i]) ? '?' : cell->s[i];
    if (n < cell->n) memcpy(out.s + n, "...", 3);
    return out;
}

void bm_draws_file_clear(bm_draws_file *f)
{
    bm_strv_free(&f->names);
    free(f->to);
    free(f->x);
    free(f->chain);
    free(f->chains);
    *f = (bm_draws_file){ 0 };
}

/* ---- the header ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bm_status check_duplicates(const bm_draws_file *f, bm_error *err)
{
    size_t    n = f->names.n;
    char    **v = bm_alloc(n, sizeof *v);
    bm_status st = BM_OK;

    if (!v) return bm_nomem(err);
    for (size_t i = 0; i < n; i++) v[i] = f->names.v[i];
    qsort(v, n, sizeof *v, by_text);
    for (size_t i = 1; i < n && st == BM_OK; i++)
        if (strcmp(v[i - 1], v[i]) == 0) st = bm_fail(err, BM_EPARSE, "%s: two columns are called '%s'", f->path, v[i]);
    free(v);
    return st;
}

/* Where column j goes; a variable's name is added to f->names. */
static bm_status add_column(bm_draws_file *f, size_t j, const char *name, bool stan, bm_error *err)
{
    bm_buf    b = { 0 };
    bm_status st = BM_OK;
    bool     *seen = strcmp(name, ".chain") == 0 ? &f->has_chain : strcmp(name, ".iteration") == 0 ? &f->has_iter : NULL;

    f->to[j] = DROP;
    if (!*name && j > 0) return bm_fail(err, BM_EPARSE, "%s: column %zu has no name", f->path, j + 1);
    /* A nameless first column: R's row names. */
    if (!*name || strcmp(name, ".draw") == 0 || bm_stan_sampler_column(name, stan)) return BM_OK;
    if (seen) {
        if (*seen) return bm_fail(err, BM_EPARSE, "%s: two columns are called '%s'", f->path, name);
        *seen = true;
        f->to[j] = seen == &f->has_chain ? CHAIN : ITER;
        return BM_OK;
    }
    f->to[j] = f->names.n;
    if (stan) bm_stan_name(&b, name);
    else bm_buf_puts(&b, name);
    st = b.failed ? bm_nomem(err) : bm_strv_add(&f->names, b.s, err);
    bm_buf_free(&b);
    return st;
}

static bm_status read_header(bm_draws_file *f, const bm_field *cell, size_t n, bool comments, bm_error *err)
{
    bool      stan = comments;
    bm_status st = BM_OK;

    if (n == 1 && (memchr(cell[0].s, ';', cell[0].n) || memchr(cell[0].s, '\t', cell[0].n)))
        return bm_fail(err, BM_EPARSE, "%s: the columns of draws must be separated by commas", f->path);
    f->ncol = n;
    if (!(f->to = bm_alloc(n, sizeof *f->to))) return bm_nomem(err);
    for (size_t j = 0; j < n && st == BM_OK; j++) {
        char *name = bm_strndup(cell[j].s, cell[j].n);

        if (!name) return bm_nomem(err);
        stan = stan || strcmp(name, "accept_stat__") == 0;   /* Stan's second column, where its comments have been removed */
        st = add_column(f, j, name, stan, err);
        free(name);
    }
    if (st == BM_OK && f->names.n == 0) st = bm_fail(err, BM_EPARSE, "%s: its header names no variable", f->path);
    return st == BM_OK ? check_duplicates(f, err) : st;
}

/* ---- rows ---- */

static bool special_number(const char *s, size_t n, double *x)
{
    double sign = 1;

    if (n > 0 && (*s == '-' || *s == '+')) {
        sign = *s == '-' ? -1 : 1;
        s++, n--;
    }
    if ((n == 3 && strncasecmp(s, "inf", n) == 0) || (n == 8 && strncasecmp(s, "infinity", n) == 0)) *x = sign * INFINITY;
    else if ((n == 3 && strncasecmp(s, "nan", n) == 0) || (n == 2 && strncasecmp(s, "NA", n) == 0)) *x = NAN;
    else return false;
    return true;
}

static bm_status read_number(const bm_draws_file *f, const bm_csv *csv, size_t j, const bm_field *cell, double *x,
                             bm_error *err)
{
    const char *name = f->names.v[f->to[j]];

    if (bm_parse_double(cell->s, cell->n, x) || special_number(cell->s, cell->n, x)) return BM_OK;
    if (cell->n == 0)
        return bm_fail(err, BM_EPARSE, "%s:%zu:%zu: the cell of column '%s' is empty", f->path, bm_csv_line(csv), j + 1, name);
    return bm_fail(err, BM_EPARSE, "%s:%zu:%zu: '%s' in column '%s' is not a number", f->path, bm_csv_line(csv), j + 1,
                   shown(cell).s, name);
}

static bm_status read_count(const bm_draws_file *f, const bm_csv *csv, size_t j, const bm_field *cell, long long *x,
                            bm_error *err)
{
    bool      chain = f->to[j] == CHAIN;
    long long most = chain ? MAX_CHAINS : 1000000000000;

    if (bm_whole_number(cell->s, cell->n, 0, most, x)) return BM_OK;
    return bm_fail(err, BM_EPARSE, "%s:%zu:%zu: '%s' in column '%s' is not a whole number from 0 to %lld", f->path,
                   bm_csv_line(csv), j + 1,
                   shown(cell).s, chain ? ".chain" : ".iteration", most);
}

/* The index of the chain with this id, added when it is new. Rows mostly come chain by chain. */
static bm_status find_chain(bm_draws_file *f, long long id, uint32_t *at, bm_error *err)
{
    bm_chain_rows *c;
    size_t         k = f->nrow > 0 ? f->chain[f->nrow - 1] : 0;

    if (!(k < f->nchain && f->chains[k].id == id)) {
        for (k = 0; k < f->nchain && f->chains[k].id != id;) k++;
    }
    if (k == f->nchain) {
        if (!(c = bm_grow(f->chains, &f->cap_chain, k + 1, sizeof *c))) return bm_nomem(err);
        f->chains = c;
        f->chains[f->nchain++] = (bm_chain_rows){ .id = id, .last_iter = -1 };
    }
    *at = (uint32_t)k;
    return BM_OK;
}

/* Iterations of a chain must go up: a step back means several chains in one, rows sorted by something else, or twice the
 * same rows. */
static bm_status check_iteration(const bm_draws_file *f, bm_chain_rows *c, long long iter, size_t line, bm_error *err)
{
    if (iter > c->last_iter) {
        c->last_iter = iter;
        return BM_OK;
    }
    if (!f->has_chain)
        return bm_fail(err, BM_EPARSE, "%s:%zu: .iteration %lld comes after %lld; several chains in one file need a column "
                       ".chain", f->path, line, iter, c->last_iter);
    return bm_fail(err, BM_EPARSE, "%s:%zu: .iteration %lld of chain %lld comes after %lld; the rows of a chain must be in "
                   "order, each once", f->path, line, iter, c->id, c->last_iter);
}

static bm_status room_for_row(bm_draws_file *f, bm_error *err)
{
    size_t    need;
    double   *x;
    uint32_t *chain;

    if (__builtin_mul_overflow(f->nrow + 1, f->names.n, &need) || !(x = bm_grow(f->x, &f->cap_x, need, sizeof *x))) goto nomem;
    f->x = x;
    if (!(chain = bm_grow(f->chain, &f->cap_row, f->nrow + 1, sizeof *chain))) goto nomem;
    f->chain = chain;
    return BM_OK;
nomem:
    return bm_fail(err, BM_ENOMEM, "%s: out of memory for %zu draws of %zu variables", f->path, f->nrow + 1, f->names.n);
}

static bm_status read_row(bm_draws_file *f, const bm_csv *csv, const bm_field *cell, size_t n, bm_error *err)
{
    long long id = 1, iter = -1;
    double   *x;
    bm_status st;

    if (n != f->ncol)
        return bm_fail(err, BM_EPARSE, "%s:%zu: the row has %zu cells, the header %zu%s", f->path, bm_csv_line(csv), n, f->ncol,
                       n < f->ncol ? "; was the run stopped while writing it?" : "");
    if ((st = room_for_row(f, err)) != BM_OK) return st;
    x = f->x + f->nrow * f->names.n;
    for (size_t j = 0; j < n && st == BM_OK; j++) {
        if (f->to[j] == DROP) continue;
        if (f->to[j] == CHAIN) st = read_count(f, csv, j, cell + j, &id, err);
        else if (f->to[j] == ITER) st = read_count(f, csv, j, cell + j, &iter, err);
        else st = read_number(f, csv, j, cell + j, x + f->to[j], err);
    }
    if (st != BM_OK || (st = find_chain(f, id, f->chain + f->nrow, err)) != BM_OK) return st;
    bm_chain_rows *c = f->chains + f->chain[f->nrow];
    if (f->has_iter && (st = check_iteration(f, c, iter, bm_csv_line(csv), err)) != BM_OK) return st;
    c->ndraw++;
    f->nrow++;
    return BM_OK;
}

/* ---- the file ---- */

static bool is_comment(const bm_field *cell, size_t n)
{
    return n > 0 && cell[0].n > 0 && !cell[0].quoted && cell[0].s[0] == '#';
}

static bool is_empty(const bm_field *cell, size_t n)
{
    return n == 1 && cell[0].n == 0 && !cell[0].quoted;
}

static int by_id(const void *a, const void *b)
{
    long long x = ((const bm_chain_rows *)a)->id, y = ((const bm_chain_rows *)b)->id;

    return (x > y) - (x < y);
}

/* Chains in the order of their ids, which must be 1, 2, ... (or 0, 1, ..., as Python counts): one left out is a file cut or
 * glued badly. */
static bm_status order_chains(bm_draws_file *f, bm_error *err)
{
    bm_status st = BM_ENOMEM;
    size_t    n = f->nchain;
    uint32_t *place = bm_alloc(n, sizeof *place);
    long long *id = bm_alloc(n, sizeof *id);

    if (!place || !id) {
        bm_nomem(err);
        goto done;
    }
    for (size_t k = 0; k < n; k++) id[k] = f->chains[k].id;
    qsort(f->chains, n, sizeof *f->chains, by_id);
    for (size_t k = 0; k < n; k++) {
        long long first = f->chains[0].id == 0 ? 0 : 1;

        if (f->chains[k].id != first + (long long)k) {
            st = bm_fail(err, BM_EPARSE, "%s: chain %lld is missing: .chain goes up to %lld", f->path,
                         first + (long long)k, f->chains[n - 1].id);
            goto done;
        }
        for (size_t i = 0; i < n; i++)
            if (id[i] == f->chains[k].id) place[i] = (uint32_t)k;
    }
    for (size_t i = 0; i < f->nrow; i++) f->chain[i] = place[f->chain[i]];
    st = BM_OK;
done:
    free(place);
    free(id);
    return st;
}

bm_status bm_draws_file_read(bm_draws_file *f, const char *path, bm_error *err)
{
    bm_stan_settings settings = BM_STAN_SETTINGS_INIT;
    const bm_field  *cell;
    size_t           n, skip = 0;
    bm_csv          *csv = NULL;
    bm_status        st;

    f->path = strcmp(path, "-") == 0 ? "standard input" : path;
    if ((st = bm_csv_open(&csv, path, ',', err)) != BM_OK) return st;
    while ((st = bm_csv_next(csv, &cell, &n, err)) == BM_OK && n > 0) {
        if (is_comment(cell, n)) {
            if (!f->to) bm_stan_comment(&settings, cell[0].s, cell[0].n);
        } else if (is_empty(cell, n)) {
            continue;
        } else if (!f->to) {
            st = read_header(f, cell, n, settings.comments, err);
            skip = bm_stan_rows_to_skip(&settings);
        } else if (f->warmup < skip) {
            f->warmup++;
        } else {
            st = read_row(f, csv, cell, n, err);
        }
        if (st != BM_OK) break;
    }
    bm_csv_close(csv);
    if (st != BM_OK) return st;
    if (!f->to) return bm_fail(err, BM_EPARSE, "%s: there is no header, only comments", f->path);
    if (f->nrow == 0 && f->warmup > 0)
        return bm_fail(err, BM_EPARSE, "%s: no draws: all its %zu rows are warm-up", f->path, f->warmup);
    if (f->nrow == 0) return bm_fail(err, BM_EPARSE, "%s: no draws: there is nothing below the header", f->path);
    return order_chains(f, err);
}
