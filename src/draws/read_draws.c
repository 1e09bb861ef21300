/* read_draws.c: draws from an output directory of ours, from a CSV file in the layout of draws.csv, or from Stan CSV files,
 * a chain each. */
#include "draws/read_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- which files ---- */

static bool in_dir(bm_buf *b, const char *dir, const char *name)
{
    size_t n = strlen(dir);

    b->n = 0;
    bm_buf_puts(b, dir);
    if (n > 0 && dir[n - 1] != '/') bm_buf_putc(b, '/');
    bm_buf_puts(b, name);
    return !b->failed && access(b->s, F_OK) == 0;
}

static bm_status add_file(bm_strv *files, bm_strv *labels, const char *file, const char *label, bm_error *err)
{
    bm_status st = bm_strv_add(files, file, err);

    return st == BM_OK ? bm_strv_add(labels, label, err) : st;
}

/* The files of draws in a directory of ours: draws.csv, or draws-1.csv, draws-2.csv, ... with the labels of their names. */
static bm_status files_in(bm_strv *files, bm_strv *labels, const char *dir, bm_error *err)
{
    bm_buf    b = { 0 }, label = { 0 };
    bm_status st = BM_OK;
    char      name[40];
    size_t    before = files->n;

    if (in_dir(&b, dir, "draws.csv")) st = add_file(files, labels, b.s, "", err);
    if (!in_dir(&label, dir, "draws-labels.json")) label.n = 0;
    for (size_t k = 1; st == BM_OK && (k > 1 || files->n == before); k++) {
        snprintf(name, sizeof name, "draws-%zu.csv", k);
        if (!in_dir(&b, dir, name)) break;
        st = add_file(files, labels, b.s, label.n ? label.s : "", err);
    }
    bool json = st == BM_OK && files->n == before && in_dir(&b, dir, "draws.json");
    if (b.failed || label.failed) st = bm_nomem(err);
    if (st == BM_OK && files->n == before) {
        if (json)
            st = bm_fail(err, BM_EINVAL, "%s: only draws.json, which is for other programs to read; fit with --format csv",
                         dir);
        else
            st = bm_fail(err, BM_EINVAL, "%s: no draws.csv in this directory (--format none keeps none); for Stan CSV files name "
                         "the files", dir);
    }
    bm_buf_free(&b);
    bm_buf_free(&label);
    return st;
}

/* files: every file to read; labels: for each the file of its labels, or "". */
static bm_status find_files(bm_strv *files, bm_strv *labels, const char *const *paths, size_t npaths, bm_error *err)
{
    bm_status   st = BM_OK;
    struct stat s;

    if (npaths == 0)
        return bm_fail(err, BM_EINVAL, "no draws to read: name an output directory, a CSV file of draws, or Stan CSV files");
    for (size_t i = 0; i < npaths && st == BM_OK; i++) {
        for (size_t j = 0; j < i; j++)
            if (strcmp(paths[i], paths[j]) == 0)
                return bm_fail(err, BM_EINVAL, "%s is given twice: the same chain counts once", paths[i]);
        if (stat(paths[i], &s) == 0 && S_ISDIR(s.st_mode)) st = files_in(files, labels, paths[i], err);
        else st = add_file(files, labels, paths[i], "", err);
    }
    return st;
}

/* ---- chains of one length, variables of one name ---- */

static bm_status check_names(const bm_draws_file *a, const bm_draws_file *b, bm_error *err)
{
    size_t n = a->names.n < b->names.n ? a->names.n : b->names.n;

    for (size_t i = 0; i < n; i++)
        if (strcmp(a->names.v[i], b->names.v[i]) != 0)
            return bm_fail(err, BM_EPARSE, "%s: variable %zu is '%s', but '%s' in %s: chains must hold the same variables in "
                           "the same order", b->path, i + 1, b->names.v[i], a->names.v[i], a->path);
    if (a->names.n == b->names.n) return BM_OK;
    return bm_fail(err, BM_EPARSE, "%s: %zu variables, but %zu in %s: chains must hold the same variables", b->path,
                   b->names.n, a->names.n, a->path);
}

static void chain_label(char *dst, size_t room, const bm_draws_file *f, size_t k)
{
    if (f->nchain == 1) snprintf(dst, room, "%s", f->path);
    else snprintf(dst, room, "chain %lld of %s", f->chains[k].id, f->path);
}

static bm_status check_lengths(const bm_draws_file *f, size_t nfile, size_t *nchain, bm_error *err)
{
    char a[300], b[300];

    *nchain = 0;
    for (size_t i = 0; i < nfile; i++)
        for (size_t k = 0; k < f[i].nchain; k++, (*nchain)++) {
            if (f[i].chains[k].ndraw == f[0].chains[0].ndraw) continue;
            chain_label(a, sizeof a, f, 0);
            chain_label(b, sizeof b, f + i, k);
            return bm_fail(err, BM_EPARSE, "%s has %zu draws, but %s has %zu: chains must be equally long", b,
                           f[i].chains[k].ndraw, a, f[0].chains[0].ndraw);
        }
    return BM_OK;
}

/* Rows of variables to variables of chains; first: the file's first chain in d. at: nchain, zeroed: where each chain stands. */
static void scatter(bm_draws *d, const bm_draws_file *f, size_t first, size_t *at)
{
    for (size_t i = 0; i < f->nrow; i++) {
        size_t        chain = first + f->chain[i];
        const double *row = f->x + i * d->nvar;
        double       *to = d->x + chain * d->niter + at[chain]++;

        for (size_t k = 0; k < d->nvar; k++) to[k * d->nchain * d->niter] = row[k];
    }
}

static bm_status assemble(bm_draws **out, bm_draws_file *f, size_t nfile, bm_error *err)
{
    bm_status st = BM_OK;
    size_t    nchain, first = 0, *at = NULL;
    bm_draws *d = NULL;

    for (size_t i = 1; i < nfile; i++)
        if ((st = check_names(f, f + i, err)) != BM_OK) return st;
    if ((st = check_lengths(f, nfile, &nchain, err)) != BM_OK) return st;
    if (!(at = bm_alloc(nchain, sizeof *at))) return bm_nomem(err);
    st = bm_draws_new(&d, (const char *const *)f->names.v, f->names.n, nchain, f->chains[0].ndraw, err);
    for (size_t i = 0; i < nfile && st == BM_OK; first += f[i++].nchain) scatter(d, f + i, first, at);
    free(at);
    *out = d;
    return st;
}

bm_status bm_draws_read(bm_draws **out, const char *const *paths, size_t npaths, bm_error *err)
{
    bm_strv        files = { 0 }, labels = { 0 };
    bm_draws_file *f = NULL;
    size_t         nread = 0;
    bm_status      st;

    *out = NULL;
    if ((st = find_files(&files, &labels, paths, npaths, err)) != BM_OK) goto done;
    if (!(f = bm_alloc(files.n, sizeof *f))) {
        st = bm_nomem(err);
        goto done;
    }
    while (nread < files.n && st == BM_OK) {
        st = bm_draws_file_read(f + nread, files.v[nread], err);
        if (st == BM_OK && *labels.v[nread]) st = bm_draws_relabel(&f[nread].names, labels.v[nread], err);
        nread++;
    }
    if (st == BM_OK) st = assemble(out, f, nread, err);
done:
    while (nread > 0) bm_draws_file_clear(f + --nread);
    free(f);
    bm_strv_free(&files);
    bm_strv_free(&labels);
    return st;
}
