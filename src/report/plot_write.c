/* plot_write.c: finished pictures in memory, and their way into a directory. */
#include "report/plot_priv.h"

#include <stdlib.h>

void bm_plots_free(bm_plots *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->n; i++) {
        free(p->v[i].file);
        free(p->v[i].title);
        free(p->v[i].alt);
        free(p->v[i].bytes);
    }
    free(p->v);
    bm_strv_free(&p->notes);
    free(p);
}

size_t bm_plots_count(const bm_plots *p)
{
    return p->n;
}

const char *bm_plots_file(const bm_plots *p, size_t i)
{
    return i < p->n ? p->v[i].file : NULL;
}

const char *bm_plots_title(const bm_plots *p, size_t i)
{
    return i < p->n ? p->v[i].title : NULL;
}

const char *bm_plots_alt(const bm_plots *p, size_t i)
{
    return i < p->n ? p->v[i].alt : NULL;
}

const char *bm_plots_bytes(const bm_plots *p, size_t i, size_t *n)
{
    *n = i < p->n ? p->v[i].n : 0;
    return i < p->n ? p->v[i].bytes : NULL;
}

const char *bm_plots_note(const bm_plots *p, size_t i)
{
    return i < p->notes.n ? p->notes.v[i] : NULL;
}

bm_status bm_plots_write(const bm_plots *p, const char *dir, bool force, bm_error *err)
{
    bm_place  to;
    bm_file   f;
    bm_status st = bm_place_open(&to, dir, err);

    for (size_t i = 0; i < p->n && st == BM_OK && !force; i++) st = bm_place_free(&to, p->v[i].file, err);
    for (size_t i = 0; i < p->n && st == BM_OK; i++) {
        if ((st = bm_place_file(&to, &f, p->v[i].file, err)) != BM_OK) break;
        bm_buf_add(&f.buf, p->v[i].bytes, p->v[i].n);
        st = bm_file_close(&f, BM_OK, err);
    }
    if (st == BM_OK) st = bm_place_commit(&to, err);
    bm_place_close(&to);
    return st;
}
