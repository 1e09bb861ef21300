/* fuzz_draws.c: any bytes as files of draws (a byte 0xff starts another file), or, where the first byte is odd, as the labels beside Stan CSV files.
 * What reads is summarised. */
#include "fuzz.h"

#include "draws/read_priv.h"

enum { MOST_FILES = 4, MOST_VALUES = 200000 };

static void read_labels(const uint8_t *data, size_t size)
{
    fuzz_file f = fuzz_file_new(data, size);
    bm_strv   names = { 0 };
    bm_error  err = { 0 };
    bm_status st;

    if (bm_strv_add(&names, "lp__", &err) || bm_strv_add(&names, "r_g[1,1]", &err) || bm_strv_add(&names, "b_x", &err)) abort();
    st = bm_draws_relabel(&names, f.path, &err);
    if (st != BM_OK) fuzz_refused(st, &err);
    fuzz_must(names.n == 3, "%zu names", names.n);
    bm_strv_free(&names);
    fuzz_file_remove(&f);
}

static void summarise(const bm_draws *d)
{
    bm_summary_row *rows;
    bm_error        err = { 0 };

    fuzz_must(d->nvar > 0 && d->nchain > 0 && d->niter > 0, "%zu x %zu x %zu", d->nvar, d->nchain, d->niter);
    if (d->nvar * d->nchain * d->niter > MOST_VALUES) return;
    fuzz_must(bm_summarise(&rows, d, 1, &err) == BM_OK, "%s", err.msg);
    for (size_t v = 0; v < d->nvar; v++) fuzz_must(rows[v].name && rows[v].name[0], "variable %zu has no name", v);
    free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_file   file[MOST_FILES];
    const char *path[MOST_FILES];
    size_t      n = 0, at = 1;
    bm_draws   *d = NULL;
    bm_error    err = { 0 };
    bm_status   st;

    if (size == 0) return 0;
    if (data[0] & 1) {
        read_labels(data + 1, size - 1);
        return 0;
    }
    while (n < MOST_FILES && at <= size) {
        const uint8_t *end = memchr(data + at, 0xff, size - at);
        size_t         k = end ? (size_t)(end - data) - at : size - at;

        file[n] = fuzz_file_new(data + at, k);
        path[n] = file[n].path;
        n++;
        at += k + 1;
    }
    st = bm_draws_read(&d, path, n, &err);
    for (size_t i = 0; i < n; i++) fuzz_file_remove(&file[i]);
    if (st != BM_OK) fuzz_refused(st, &err);
    else summarise(d);
    bm_draws_free(d);
    return 0;
}
