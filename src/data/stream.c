/* stream.c: the rest of a file in portions, parsed by threads.
 *
 * Three stages, each on a batch of its own, side by side: the caller uses the portions of one batch while threads parse the blocks of the next and one
 * reads (and hashes) the bytes of the one after that. Blocks are cut by size at the end of a record and used in the order of the file, so that nothing
 * depends on the number of threads. A parsed cell of a factor is where its text is; it becomes a code when the portion is used, in the order of the file. */
#include "data/data_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 19, BATCH = 8, STAGES = 3, AHEAD = 8 };       /* bytes of a block; blocks of a batch; rows, of fetching */

typedef struct { const char *s; uint32_t n; bm_label_hash hash; } span;      /* s NULL: missing */

/* The cells of one column. */
typedef struct { double *num; span *label; size_t nmissing; } cells;

typedef struct {
    bm_block  block;
    bm_csv   *csv;
    cells    *col;                   /* per column in the making */
    uint32_t *line;                  /* of each row, from the block's first */
    size_t    n, cap;                /* rows */
    bm_status st;
    bm_error  err;
} portion;

typedef struct { portion p[BATCH]; size_t n; bool last; bm_status st; bm_error err; } batch;     /* last, st: of reading */

typedef struct {
    bm_source *s;
    batch     *at[STAGES];           /* to be read into, to be parsed, to be used */
    bm_frame   frame;                /* what use() sees */
    int32_t  **code;                 /* per column: codes of the portion in use */
    size_t     cap_code;
    int32_t  **rank;                 /* per column: codes of the head's labels in the order of the frame; NULL for numbers */
    size_t    *nhead;
    bm_status (*use)(void *self, const bm_frame *rows, bm_error *err);
    void      *self;
    bm_status  st;
    bm_error   err;
} stream;

/* ---- parsing ---- */

static bool grow_portion(portion *p, const bm_source *s)
{
    size_t    cap = p->cap ? 2 * p->cap : 4096;
    uint32_t *line = realloc(p->line, cap * sizeof *line);

    if (!line) return false;
    p->line = line;
    for (size_t k = 0; k < s->nb; k++) {
        bool   labels = s->b[k].as == BM_LABELS;
        void **at = labels ? (void **)&p->col[k].label : (void **)&p->col[k].num;
        void  *more = realloc(*at, cap * (labels ? sizeof(span) : sizeof(double)));

        if (!more) return false;
        *at = more;
    }
    p->cap = cap;
    return true;
}

static bm_status parse_cell(portion *p, const bm_source *s, size_t k, const bm_field *f)
{
    const bm_builder *b = &s->b[k];
    cells            *c = &p->col[k];
    bm_cell           cell;

    if (b->as == BM_LABELS) {
        bool missing = bm_cell_missing(&s->rules, f);

        c->nmissing += missing;
        c->label[p->n] = missing ? (span){ .s = NULL } : (span){ .s = f->s, .n = (uint32_t)f->n, .hash = bm_hash_of_label(f->s, f->n) };
        return BM_OK;
    }
    c->num[p->n] = NAN;
    cell = bm_cell_read(&s->rules, f, &c->num[p->n]);
    c->nmissing += cell == BM_CELL_MISSING;
    if (cell != BM_CELL_TEXT) return BM_OK;
    return bm_text_among_numbers(s, bm_csv_line(p->csv), b->col.name, bm_show(f->s, f->n).s, &p->err);
}

static bm_status parse_rows(portion *p, const bm_source *s)
{
    const bm_field *f;
    size_t          nfield, ncol = s->name.n;
    bm_status       st;

    for (size_t k = 0; k < s->nb; k++) p->col[k].nmissing = 0;
    for (p->n = 0;;) {
        if ((st = bm_csv_next(p->csv, &f, &nfield, &p->err)) != BM_OK) return st;
        if (nfield == 0) return BM_OK;
        if (nfield == 1 && f->n == 0 && !f->quoted) continue;    /* an empty line */
        if (nfield != ncol) return bm_ragged(s, bm_csv_line(p->csv), f, nfield, &p->err);
        if (p->n == p->cap && !grow_portion(p, s)) return bm_nomem(&p->err);
        p->line[p->n] = (uint32_t)(bm_csv_line(p->csv) - p->block.line);
        for (size_t k = 0; k < s->nb; k++)
            if ((st = parse_cell(p, s, k, &f[s->b[k].field])) != BM_OK) return st;
        p->n++;
    }
}

static void parse(portion *p, const bm_source *s)
{
    p->err = (bm_error){ 0 };
    bm_csv_over(p->csv, &p->block);
    p->st = parse_rows(p, s);
}

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

static bm_status check_label(const stream *t, const portion *p, size_t k, const span *x, size_t row, bm_error *err)
{
    bm_buf    what = { 0 };
    bm_status st;

    if (bm_utf8_bad(x->s, x->n) == x->n) return BM_OK;
    bm_buf_printf(&what, "column '%s', the label", bm_show(t->s->b[k].col.name, strlen(t->s->b[k].col.name)).s);
    st = bm_not_utf8(t->s, p->block.line + p->line[row], what.s ? what.s : "the label", x->s, x->n, err);
    bm_buf_free(&what);
    return st;
}

static bm_status codes_of(stream *t, const portion *p, size_t k, bm_error *err)
{
    bm_levels     *lv = &t->s->b[k].levels;
    const span    *x = p->col[k].label;
    const int32_t *rank = t->rank[k];
    int32_t       *code = t->code[k], c = 0, nhead = (int32_t)t->nhead[k];
    bm_status      st = BM_OK;
    bool           added;

    for (size_t i = 0; i < p->n && st == BM_OK; i++) {
        if (i + AHEAD < p->n && x[i + AHEAD].s) bm_levels_fetch(lv, x[i + AHEAD].hash.h);
        code[i] = -1;
        if (!x[i].s) continue;
        st = bm_levels_code_of(lv, x[i].s, x[i].n, x[i].hash, &c, &added, err);
        if (st == BM_OK && added) st = check_label(t, p, k, &x[i], i, err);
        code[i] = c < nhead ? rank[c] : c;
    }
    return st;
}

static bm_status use_portion(stream *t, const portion *p, bm_error *err)
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
    t->frame.n = p->n;
    for (size_t k = 0; k < s->nb && st == BM_OK; k++) {
        bm_column *c = &t->frame.col[k];

        c->num = p->col[k].num;
        c->code = t->code[k];
        c->nmissing = p->col[k].nmissing;
        if (t->rank[k]) st = codes_of(t, p, k, err);
        c->nlevels = s->b[k].levels.n;
    }
    if (st != BM_OK) return st;
    s->rows += p->n;
    return p->n ? t->use(t->self, &t->frame, err) : BM_OK;
}

/* Stops at the first thing that went wrong, in the order of the file. */
static void use_batch(stream *t, batch *b)
{
    for (size_t i = 0; i < b->n && t->st == BM_OK; i++) {
        portion *p = &b->p[i];

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
    else if (i >= 2) parse(&t->at[1]->p[i - 2], t->s);
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
        if (st == BM_OK) st = bm_labels_order(label, b->levels.n, t->rank[k], &t->frame.col[k].numeric_levels, err);
    }
    free(label);
    return st;
}

static bm_status new_portion(portion *p, const bm_source *s, bm_error *err)
{
    if (!(p->col = bm_alloc(s->nb, sizeof *p->col))) return bm_nomem(err);
    return bm_csv_twin(&p->csv, s->csv, err);
}

static bm_status begin(stream *t, bm_error *err)
{
    size_t    nb = t->s->nb;
    bm_status st = BM_OK;

    t->frame.ncol = nb;
    t->frame.col = bm_alloc(nb, sizeof *t->frame.col);
    t->code = bm_alloc(nb, sizeof *t->code);
    t->rank = bm_alloc(nb, sizeof *t->rank);
    t->nhead = bm_alloc(nb, sizeof *t->nhead);
    if (!t->frame.col || !t->code || !t->rank || !t->nhead) return bm_nomem(err);
    for (size_t i = 0; i < STAGES && st == BM_OK; i++) {
        if (!(t->at[i] = bm_alloc(1, sizeof *t->at[i]))) return bm_nomem(err);
        for (size_t j = 0; j < BATCH && st == BM_OK; j++) st = new_portion(&t->at[i]->p[j], t->s, err);
    }
    for (size_t k = 0; k < nb && st == BM_OK; k++) st = head_column(t, k, err);
    return st;
}

static void end(stream *t)
{
    for (size_t i = 0; i < STAGES; i++) {
        for (size_t j = 0; t->at[i] && j < BATCH; j++) {
            portion *p = &t->at[i]->p[j];

            for (size_t k = 0; p->col && k < t->s->nb; k++) {
                free(p->col[k].num);
                free(p->col[k].label);
            }
            free(p->col);
            free(p->line);
            free(p->block.buf);
            bm_csv_close(p->csv);
        }
        free(t->at[i]);
    }
    for (size_t k = 0; k < t->s->nb; k++) {
        if (t->code) free(t->code[k]);
        if (t->rank) free(t->rank[k]);
    }
    free(t->code);
    free(t->rank);
    free(t->nhead);
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
