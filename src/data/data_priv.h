/* data_priv.h: what the files of this room share. */
#ifndef BM_DATA_PRIV_H
#define BM_DATA_PRIV_H

#include "data/data.h"

/* ---- input.c: the bytes of a file, of a gzip file's content, or of standard input ---- */

typedef struct bm_input bm_input;
bm_status   bm_input_open(bm_input **out, const char *path, bm_error *err);
/* Up to room bytes; *got = 0 at the end and only there. */
bm_status   bm_input_read(bm_input *in, char *dst, size_t room, size_t *got, bm_error *err);
const char *bm_input_name(const bm_input *in);       /* for messages */
const char *bm_input_path(const bm_input *in);
void        bm_input_watch(bm_input *in, bm_watch_bytes *watch, void *self);
uint64_t    bm_input_bytes(const bm_input *in);
uint64_t    bm_input_hash(const bm_input *in);
void        bm_input_close(bm_input *in);

/* ---- cell.c: what a cell means, apart from where it is kept ---- */

typedef enum { BM_CELL_NUMBER, BM_CELL_MISSING, BM_CELL_TEXT } bm_cell;
typedef struct {
    bm_strv na;
    bool    na_numbers;              /* some of them are (-99) */
    bool    first[256];              /* what a cell that is missing may begin with */
    char    delim;
} bm_cell_rules;

bm_status   bm_cell_rules_init(bm_cell_rules *r, const bm_read_options *opt, char delim, bm_error *err);
void        bm_cell_rules_free(bm_cell_rules *r);
/* An empty cell is always missing, as is one that equals a string for missing; *x is set for a number. */
bm_cell     bm_cell_read(const bm_cell_rules *r, const bm_field *f, double *x);
bool        bm_cell_missing(const bm_cell_rules *r, const bm_field *f);
/* Static text for messages on why the cell is no number, if it looks as if it were meant as one; else NULL. */
const char *bm_cell_hint(const char *s, size_t n, char delim);
/* The offset of the first byte that is not UTF-8 (RFC 3629); n if all are. */
size_t      bm_utf8_bad(const char *s, size_t n);
/* Text of the file as it may appear in a message: control characters and bytes that are not UTF-8 as \xNN, long text cut. */
enum { BM_SHOW_MAX = 80 };
typedef struct { char s[BM_SHOW_MAX]; } bm_shown;
bm_shown    bm_show(const char *s, size_t n);

/* ---- levels.c: distinct labels and their codes, in the order of first sight ---- */

typedef struct { uint64_t head; uint32_t tag, code1; } bm_slot;   /* first 8 bytes, upper half of the hash, code + 1 (0: empty) */
typedef struct {
    char    *text;  size_t ntext, cap_text;          /* all labels, each with a NUL */
    size_t  *at;    size_t n, cap;                   /* where each begins */
    bm_slot *slot;  size_t nslot;                    /* open addressing */
} bm_levels;

/* The code of a label, which is added if it is new (*added). Many at once: hash first, fetch the slots ahead of time. */
typedef struct { uint64_t head, h; } bm_label_hash;
typedef struct { const char *s; uint32_t n; bm_label_hash hash; } bm_span;          /* where a label's text is; s NULL: missing */
void        bm_spans_hash(bm_span *x, size_t n);
/* Codes of labels that are known, -1 where missing, from x[i] on; the first of which this is not so, or n. */
size_t      bm_levels_known(const bm_levels *lv, const bm_span *x, size_t i, size_t n, int32_t *code);
bm_status   bm_levels_code_of(bm_levels *lv, const char *s, size_t n, bm_label_hash of, int32_t *code, bool *added, bm_error *err);
bm_status   bm_levels_code(bm_levels *lv, const char *s, size_t n, int32_t *code, bool *added, bm_error *err);
bool        bm_levels_find(const bm_levels *lv, const char *s, size_t n, int32_t *code);
const char *bm_levels_label(const bm_levels *lv, size_t code);
/* Ends a factor: c gets the labels in numeric order (if all are numbers) or byte order, and c->code, n codes in the order of
 * first sight, is rewritten to match. */
bm_status   bm_levels_finish(const bm_levels *lv, bm_column *c, size_t n, bm_error *err);
void        bm_levels_free(bm_levels *lv);

/* ---- column.c: a column in the making ---- */

typedef enum { BM_NUMBERS, BM_LABELS, BM_LOST } bm_building;     /* lost: text came after the limit, so the labels before it are gone */

typedef struct {
    size_t      field;               /* position in the record */
    bm_building as;
    bool        asked;               /* to be a factor */
    bm_column   col;
    size_t      cap;                 /* of col.num or col.code */
    bm_buf      text;                /* numbers: the cells so far, each with a NUL */
    bool        kept;                /* text is complete */
    bm_levels   levels;
    size_t      lost;                /* lost: cells that are not numbers */
} bm_builder;

/* Stores one typed cell; row counts from 0. */
bm_status bm_builder_add(bm_builder *b, const bm_source *s, const bm_field *f, size_t row, bm_error *err);
/* Whether the column can be meant as what its cells so far make it; what it is, checked: into b->col. */
bm_status bm_builder_check(const bm_builder *b, const bm_source *s, size_t rows, bm_error *err);
bm_status bm_builder_end(bm_builder *b, const bm_source *s, size_t rows, bm_error *err);
/* The column as it would end here, without the checks; b goes on. */
bm_status bm_builder_head(const bm_builder *b, const bm_source *s, size_t rows, bm_column *out, bm_error *err);
/* Messages that both ways of reading have. */
bm_status bm_not_utf8(const bm_source *s, size_t line, const char *what, const char *text, size_t n, bm_error *err);
bm_status bm_text_among_numbers(const bm_source *s, size_t line, const char *column, const char *cell, bm_error *err);
bm_status bm_ragged(const bm_source *s, size_t line, const bm_field *field, size_t nfield, bm_error *err);
void      bm_builder_clear(bm_builder *b);

/* ---- an open file (read.c) ---- */

struct bm_source {
    bm_csv       *csv;
    bm_strv       name;
    bm_levels     index;             /* name to position */
    bm_cell_rules rules;
    bm_strv       factors;
    bm_builder   *b;                 /* nb columns in the making, one for each that is wanted */
    size_t        nb, rows;
    size_t        empty;             /* empty lines that have not been judged */
};

/* ---- csv.c, for stream.c: records in blocks of the file ---- */

/* Room bytes of the file at most, ending with a record, into *buf (malloc'ed, grown where a record is longer; with padding behind). *len 0: the end. */
typedef struct { char *buf; size_t cap, len, line, lines; } bm_block;
bm_status bm_csv_block(bm_csv *c, bm_block *b, size_t room, bm_error *err);
/* A parser over such a block (which it changes), named and delimited as c. It is to be given a block, by bm_csv_over, before each use. */
bm_status bm_csv_twin(bm_csv **out, const bm_csv *c, bm_error *err);
void      bm_csv_over(bm_csv *twin, const bm_block *b);
/* The twin's next record is at that offset of the block, on that line; and where it is. */
void      bm_csv_seek(bm_csv *twin, size_t at, size_t line);
void      bm_csv_tell(const bm_csv *twin, size_t *at, size_t *line);

/* ---- parse.c: the rows of a block as cells ---- */

typedef struct { double *num; bm_span *label; size_t nmissing; } bm_cells;

typedef struct {
    bm_block  block;
    bm_csv   *csv;
    bm_cells *col;                   /* per column in the making */
    uint32_t *line;                  /* of each row, from the block's first */
    size_t    n, cap;                /* rows */
    uint64_t *cut;                   /* per column: where the cells of the rows at hand begin, and where they end */
    bm_status st;
    bm_error  err;
} bm_portion;

bm_status bm_portion_new(bm_portion *p, const bm_source *s, bm_error *err);
void      bm_portion_clear(bm_portion *p, const bm_source *s);
/* of_field[k]: the column in the making that field k belongs to, -1 for none. What is wrong is in p->st and p->err; rows before it are there. */
void      bm_portion_parse(bm_portion *p, const bm_source *s, const int *of_field);

/* ---- numbers.c ---- */

/* n cells, a multiple of BM_NUMBER_LANES, cell i from buf + from[i] to buf + to[i]: its value, if it is a number of at most 16 characters, [-]digits[.digits];
 * NaN: to be read in another way. */
enum { BM_NUMBER_LANES = 8 };
void      bm_short_numbers(const char *buf, const uint64_t *from, const uint64_t *to, size_t n, double *x);

#endif
