/* scales.c: what scale() takes from all rows, measured on portions of them in a pass of its own, so that the next pass need not keep any. */
#include "model/design_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct bm_scales {
    bm_recipe    r;
    const char **column;          /* per input: its name in the head */
    double      *stack, *v;       /* a chunk of values; those of a portion that are there */
    size_t       room;
};

/* The programs are compiled on the head, and forget what they have seen there. */
bm_status bm_scales_new(bm_scales **out, const bm_spec *spec, const bm_formula *f, const bm_frame *head, bm_error *err)
{
    bm_scales *s = bm_alloc(1, sizeof *s);
    size_t     depth = 1;
    bm_status  st;

    *out = NULL;
    if (!s) return bm_nomem(err);
    s->r = (bm_recipe){ .spec = spec, .f = f, .frame = head };
    if ((st = bm_recipe_plan(&s->r, true, err)) != BM_OK || !s->r.nscale || s->r.nested) goto done;
    if ((st = bm_inputs_as_read(&s->r, err)) != BM_OK) goto done;
    for (size_t k = 0; k < s->r.nscale; k++) {
        bm_scale *one = &s->r.scale[k];

        one->seen = (bm_running){ 0 };
        if (one->x.depth > depth) depth = one->x.depth;
    }
    s->column = bm_alloc(s->r.ninput, sizeof *s->column);
    s->stack = bm_alloc(depth * BM_CHUNK, sizeof *s->stack);
    st = s->column && s->stack ? BM_OK : bm_nomem(err);
    for (size_t k = 0; k < s->r.ninput && st == BM_OK; k++) s->column[k] = s->r.input[k].col->name;
    if (st == BM_OK) {
        *out = s;
        s = NULL;
    }
done:
    bm_scales_free(s);
    return st;
}

static void measure(bm_scales *s, bm_scale *one, size_t n)
{
    size_t m = 0;

    for (size_t i = 0; i < n; i += BM_CHUNK) {
        size_t k = n - i < BM_CHUNK ? n - i : BM_CHUNK;

        bm_program_run(&one->x, s->r.input, NULL, i, k, s->stack);
        for (size_t j = 0; j < k; j++)
            if (!isnan(s->stack[j])) s->v[m++] = s->stack[j];
    }
    bm_running_add(&one->seen, s->v, m);
}

bm_status bm_scales_next(bm_scales *s, const bm_frame *rows, bm_error *err)
{
    if (rows->n > s->room) {
        double *v = realloc(s->v, rows->n * sizeof *v);

        if (!v) return bm_nomem(err);
        s->v = v;
        s->room = rows->n;
    }
    for (size_t k = 0; k < s->r.ninput; k++) s->r.input[k].col = bm_frame_col(rows, s->column[k]);
    for (size_t k = 0; k < s->r.nscale; k++) measure(s, &s->r.scale[k], rows->n);
    return BM_OK;
}

const bm_scale *bm_scales_at(const bm_scales *s, size_t k)
{
    return &s->r.scale[k];
}

void bm_scales_free(bm_scales *s)
{
    if (!s) return;
    bm_recipe_clear(&s->r);
    free(s->column);
    free(s->stack);
    free(s->v);
    free(s);
}
