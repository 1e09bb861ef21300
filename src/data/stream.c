/* stream.c: the rest of a file in portions, parsed by threads.
 *
 * Three stages, each on a batch of its own, side by side: the caller uses the portions of one batch while threads parse the blocks of the next and one
 * reads (and hashes) the bytes of the one after that. Blocks are cut by size at the end of a record and used in the order of the file, so that nothing
 * depends on the number of threads. A parsed cell of a factor is where its text is; it becomes a code when the portion is used, in the order of the file. */
#include "data/data_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a block and blocks of a batch: what is in work stays in a cache. Rows of a call of use(). */
enum { ROOM = 1 << 16, BATCH = 8, STAGES = 3, SLICE = 4096 };

typedef struct { bm_portion p[BATCH]; size_t n; bool last; bm_status st; bm_error err; } batch;     /* last, st: of reading */

typedef struct bm_portions {
    bm_source *s;
    batch     *at[STAGES];           /* to be read into, to be parsed, to be used */
    bm_frame   frame;                /* what use() sees */
    int32_t  **code;                 /* per column: codes of the portion in use */
    size_t     cap_code;
    int32_t  **rank, **unrank;       /* per column: codes of the head's labels in the order of the frame, and back; NULL for numbers */
    size_t    *nhead;
    int       *of_field;             /* per field of a record: its column, -1 for none */
    bm_status (*use)(void *self, const bm_frame *rows, bm_error *err);
    void      *self;
    bm_status  st;
    bm_error   err;
} stream;

/* ---- reading ---- */

static void read_batch(batch *b, const bm_source *s)
{
    b->err = (bm_error){ 0 };
    b->st = BM_OK;
    for (b->n = 0; b->n < BATCH; b->n++) {
        b->st = bm_csv_block(s->csv, &b->p[b->n].block, ROOM, &b->err);
        b->last = b->st != BM_OK || b->p[b->n].block.len == 0;
        if (b->last) return;
    }
}

/* ---- using ---- */

static bm_status check_label(const stream *t, const bm_portion *p, size_t k, const bm_span *x, size_t row, bm_error *err)
{
    bm_buf    what = { 0 };
    bm_status st;

    if (bm_utf8_bad(x->s, x->n) == x->n) return BM_OK;
    bm_buf_printf(&what, "column '%s', the label", bm_show(t->s->b[k].col.name, strlen(t->s->b[k].col.name)).s);
    st = bm_not_utf8(t->s, p->block.line + p->line[row], what.s ? what.s : "the label", x->s, x->n, err);
    bm_buf_free(&what);
    return st;
}

static bm_status codes_of(stream *t, const bm_portion *p, size_t k, bm_error *err)
{
    bm_levels     *lv = &t->s->b[k].levels;
    const bm_span *x = p->col[k].label;
    const int32_t *rank = t->rank[k];
    int32_t       *code = t->code[k], nhead = (int32_t)t->nhead[k];
    bm_status      st = BM_OK;
    bool           added;

    for (size_t i = 0; (i = bm_levels_known(lv, x, i, p->n, code)) < p->n; i++) {
        st = bm_levels_code_of(lv, x[i].s, x[i].n, x[i].hash, &code[i], &added, err);
        if (st != BM_OK || (st = check_label(t, p, k, &x[i], i, err)) != BM_OK) return st;
    }
    for (size_t i = 0; i < p->n; i++)
        if (code[i] >= 0 && code[i] < nhead) code[i] = rank[code[i]];
    return BM_OK;
}

const char *bm_frame_label(const bm_frame *f, const bm_column *c, size_t code)
{
    const stream *t = f->portions;
    size_t        k = (size_t)(c - f->col);

    if (!t) return c->levels[code];
    return bm_levels_label(&t->s->b[k].levels, code < t->nhead[k] ? (size_t)t->unrank[k][code] : code);
}

static size_t count_missing(const bm_column *c, size_t n)
{
    size_t m = 0;

    for (size_t i = 0; i < n; i++) m += c->code ? c->code[i] < 0 : isnan(c->num[i]);
    return m;
}

/* As many rows as a cache holds. */
static bm_status use_slice(stream *t, const bm_portion *p, size_t first, size_t n, bm_error *err)
{
    t->frame.n = n;
    for (size_t k = 0; k < t->s->nb; k++) {
        bm_column *c = &t->frame.col[k];

        c->num = t->rank[k] ? NULL : p->col[k].num + first;
        c->code = t->rank[k] ? t->code[k] + first : NULL;
        c->nmissing = p->col[k].nmissing ? count_missing(c, n) : 0;
        c->nlevels = t->s->b[k].levels.n;
    }
    t->s->rows += n;
    return t->use(t->self, &t->frame, err);
}

static bm_status use_portion(stream *t, const bm_portion *p, bm_error *err)
{
    bm_source *s = t->s;
    bm_status  st = BM_OK;

    if (p->n > t->cap_code) {
        for (size_t k = 0; k < s->nb; k++) {
            int32_t *code = t->rank[k] ? realloc(t->code[k], p->n * sizeof *code) : NULL;

            if (t->rank[k] && !code) return bm_nomem(err);
            t->code[k] = code;
        }
        t->cap_code = p->n;
    }
    for (size_t k = 0; k < s->nb && st == BM_OK; k++)
        if (t->rank[k]) st = codes_of(t, p, k, err);
    for (size_t i = 0; i < p->n && st == BM_OK; i += SLICE) st = use_slice(t, p, i, p->n - i < SLICE ? p->n - i : SLICE, err);
    return st;
}

/* Stops at the first thing that went wrong, in the order of the file. */
static void use_batch(stream *t, batch *b)
{
    for (size_t i = 0; i < b->n && t->st == BM_OK; i++) {
        bm_portion *p = &b->p[i];

        if (p->st != BM_OK && p->n == 0) t->st = bm_fail(&t->err, p->st, "%s", p->err.msg);
        else t->st = use_portion(t, p, &t->err);
        if (t->st == BM_OK && p->st != BM_OK) t->st = bm_fail(&t->err, p->st, "%s", p->err.msg);
    }
    if (t->st == BM_OK && b->st != BM_OK) t->st = bm_fail(&t->err, b->st, "%s", b->err.msg);
}

/* ---- side by side ---- */

static void piece(void *self, size_t i, size_t worker)
{
    stream *t = self;

    (void)worker;
    if (i == 0) use_batch(t, t->at[2]);
    else if (i == 1 && !t->at[1]->last) read_batch(t->at[0], t->s);
    else if (i >= 2) bm_portion_parse(&t->at[1]->p[i - 2], t->s, t->of_field);
}

static void run(stream *t, int threads)
{
    read_batch(t->at[1], t->s);
    while (t->st == BM_OK) {
        bool   done = t->at[1]->last;
        batch *free_one = t->at[2];

        bm_parallel(2 + t->at[1]->n, threads, piece, t);
        t->at[2] = t->at[1];
        t->at[1] = t->at[0];
        t->at[0] = free_one;
        if (!done) continue;
        if (t->st == BM_OK) use_batch(t, t->at[2]);
        return;
    }
}

/* ---- before and after ---- */

static bm_status head_column(stream *t, size_t k, bm_error *err)
{
    const bm_builder *b = &t->s->b[k];
    const char      **label = bm_alloc(b->levels.n, sizeof *label);
    bm_status         st = BM_OK;

    t->frame.col[k] = (bm_column){ .name = b->col.name, .kind = b->as == BM_LABELS ? BM_COL_FACTOR : BM_COL_NUMERIC, .text_line = b->col.text_line,
                                   .text_cell = b->col.text_cell, .text_hint = b->col.text_hint };
    t->nhead[k] = b->levels.n;
    if (b->as == BM_LABELS) {
        if (!label || !(t->rank[k] = bm_alloc(b->levels.n, sizeof **t->rank))) st = bm_nomem(err);
        for (size_t i = 0; i < b->levels.n && st == BM_OK; i++) label[i] = bm_levels_label(&b->levels, i);
        if (st == BM_OK && !(t->unrank[k] = bm_alloc(b->levels.n, sizeof **t->unrank))) st = bm_nomem(err);
        if (st == BM_OK) st = bm_labels_order(label, b->levels.n, t->rank[k], &t->frame.col[k].numeric_levels, err);
        for (size_t i = 0; i < b->levels.n && st == BM_OK; i++) t->unrank[k][t->rank[k][i]] = (int32_t)i;
    }
    free(label);
    return st;
}

static bm_status begin(stream *t, bm_error *err)
{
    size_t    nb = t->s->nb;
    bm_status st = BM_OK;

    t->frame.ncol = nb;
    t->frame.col = bm_alloc(nb, sizeof *t->frame.col);
    t->code = bm_alloc(nb, sizeof *t->code);
    t->rank = bm_alloc(nb, sizeof *t->rank);
    t->unrank = bm_alloc(nb, sizeof *t->unrank);
    t->frame.portions = t;
    t->nhead = bm_alloc(nb, sizeof *t->nhead);
    t->of_field = bm_alloc(t->s->name.n, sizeof *t->of_field);
    if (!t->frame.col || !t->code || !t->rank || !t->unrank || !t->nhead || !t->of_field) return bm_nomem(err);
    for (size_t k = 0; k < t->s->name.n; k++) t->of_field[k] = -1;
    for (size_t k = 0; k < nb; k++) t->of_field[t->s->b[k].field] = (int)k;
    for (size_t i = 0; i < STAGES && st == BM_OK; i++) {
        if (!(t->at[i] = bm_alloc(1, sizeof *t->at[i]))) return bm_nomem(err);
        for (size_t j = 0; j < BATCH && st == BM_OK; j++) st = bm_portion_new(&t->at[i]->p[j], t->s, err);
    }
    for (size_t k = 0; k < nb && st == BM_OK; k++) st = head_column(t, k, err);
    return st;
}

static void end(stream *t)
{
    for (size_t i = 0; i < STAGES; i++) {
        for (size_t j = 0; t->at[i] && j < BATCH; j++) bm_portion_clear(&t->at[i]->p[j], t->s);
        free(t->at[i]);
    }
    for (size_t k = 0; k < t->s->nb; k++) {
        if (t->code) free(t->code[k]);
        if (t->rank) free(t->rank[k]);
        if (t->unrank) free(t->unrank[k]);
    }
    free(t->code);
    free(t->rank);
    free(t->unrank);
    free(t->nhead);
    free(t->of_field);
    free(t->frame.col);
}

/* A column without rows, but with its labels in the order of the codes. */
static bm_status last_column(const stream *t, size_t k, bm_column *c, bm_error *err)
{
    const bm_levels *lv = &t->s->b[k].levels;

    *c = (bm_column){ .name = bm_strdup(t->frame.col[k].name), .kind = t->frame.col[k].kind };
    if (!c->name) return bm_nomem(err);
    if (c->kind == BM_COL_NUMERIC) return BM_OK;
    if (!(c->levels = bm_alloc(lv->n, sizeof *c->levels))) return bm_nomem(err);
    c->nlevels = lv->n;
    for (size_t i = 0; i < lv->n; i++)
        if (!(c->levels[i < t->nhead[k] ? (size_t)t->rank[k][i] : i] = bm_strdup(bm_levels_label(lv, i)))) return bm_nomem(err);
    return BM_OK;
}

static bm_status last_frame(const stream *t, bm_frame **out, bm_error *err)
{
    bm_frame *f = NULL;
    bm_status st = bm_frame_new(&f, t->s->rows, err);

    if (st == BM_OK && !(f->path = bm_strdup(bm_csv_path(t->s->csv)))) st = bm_nomem(err);
    for (size_t k = 0; k < t->s->nb && st == BM_OK; k++) {
        bm_column c = { 0 };

        st = last_column(t, k, &c, err);
        if (st == BM_OK) st = bm_frame_add(f, &c, err);
        bm_column_clear(&c);
    }
    if (st == BM_OK) bm_csv_hash(t->s->csv, f->hash);
    if (st == BM_OK) *out = f;
    else bm_frame_free(f);
    return st;
}

bm_status bm_source_stream(bm_source *s, int threads, bm_status (*use)(void *self, const bm_frame *rows, bm_error *err), void *self, bm_frame **out, bm_error *err)
{
    stream    t = { .s = s, .use = use, .self = self };
    bm_status st = BM_OK;

    *out = NULL;
    for (size_t k = 0; k < s->nb && st == BM_OK; k++) st = bm_builder_check(&s->b[k], s, s->rows, err);
    if (st == BM_OK) st = begin(&t, err);
    if (st == BM_OK) {
        run(&t, threads);
        st = t.st == BM_OK ? BM_OK : bm_fail(err, t.st, "%s", t.err.msg);
    }
    if (st == BM_OK) st = last_frame(&t, out, err);
    end(&t);
    return st;
}
