/* data: CSV to typed columns and factor levels. Knows no formulas. */
#ifndef BM_DATA_H
#define BM_DATA_H

#include "base/base.h"

/* ---- columns (frame.c) ---- */

typedef enum { BM_COL_NUMERIC, BM_COL_FACTOR } bm_col_kind;

typedef struct {
    char       *name;
    bm_col_kind kind;
    double     *num;       /* numeric: n values, NaN = missing; factor: NULL */
    int32_t    *code;      /* factor: n codes from 0, -1 = missing; numeric: NULL */
    char      **levels;    /* factor: nlevels labels; numeric order when all are numbers, else byte order, or as asked for */
    size_t      nlevels;
    size_t      nmissing;
    bool        numeric_levels;   /* factor whose every label is a number */
    size_t      text_line;        /* line of the first cell that is not a number (0: none), for messages */
    char       *text_cell;        /* that cell as it may be shown (control characters as \xNN, long text cut), or NULL */
    const char *text_hint;        /* static text on why it is none though it looks like one ("NaN is not a value"), or NULL */
} bm_column;

struct bm_frame {
    const struct bm_portions *portions;    /* of bm_source_stream: where it has its labels */
    size_t     n, ncol, cap;
    bm_column *col;
    char      *path;       /* where it came from ("-" for standard input), or NULL */
    char       hash[17];   /* XXH64 of the bytes read (after decompression) as `xxhsum -H64` prints it; "" if made in memory */
};

const bm_column *bm_frame_col(const bm_frame *f, const char *name);      /* NULL if there is none */
/* The label of a code of a factor, also in the portions of bm_source_stream; borrowed until more is read. */
const char *bm_frame_label(const bm_frame *f, const bm_column *c, size_t code);
/* A numeric column seen as a factor (numeric order, labels as shortest decimals); a factor as it is. out is caller's: free
 * with bm_column_clear. Used for --factor, grouping factors and factor(). */
bm_status bm_column_as_factor(bm_column *out, const bm_column *c, size_t n, bm_error *err);
/* Puts a factor's levels in the order asked for; levels that are not listed are an error, listed ones without rows are
 * dropped. */
bm_status bm_labels_order(const char *const *label, size_t n, int32_t *rank, bool *numeric, bm_error *err);   /* rank[k]: place of label k: numeric order if
                                                                                                              all are numbers, else byte order */
/* place[k]: of label k in the list; a label that is not listed is an error (the first in the order of bm_labels_order), as is one listed twice. */
bm_status bm_labels_place(const char *column, char *const *label, size_t n, const char *const *list, size_t nlist, int32_t *place, bm_error *err);
bm_status bm_column_relevel(bm_column *c, size_t n, const char *const *levels, size_t nlevels, bm_error *err);
void bm_column_clear(bm_column *c);
/* Takes over the content of c (zeroing it) on success. A duplicate name is an error. */
bm_status bm_frame_add(bm_frame *f, bm_column *c, bm_error *err);
/* A copy of the named columns; a name that is not there is an error with the closest one. */
bm_status bm_frame_select(bm_frame **out, const bm_frame *f, const char *const *names, size_t n, bm_error *err);
/* CSV text of one row or the header (no newline), quoted where RFC 4180 needs it; a missing value is NA. */
void bm_frame_write_header(const bm_frame *f, bm_buf *b);
void bm_frame_write_row(const bm_frame *f, size_t row, bm_buf *b);
void bm_csv_quote(bm_buf *b, const char *s);                             /* one field, quoted if needed */

/* ---- reading (csv.c: records; read.c: typed columns) ---- */

/* Told how many bytes of a file have been read, as it is stored, of how many (0: unknown). */
typedef void bm_watch_bytes(void *self, uint64_t done, uint64_t total);

/* A pull parser over plain or gzip files and standard input: comma, tab or semicolon (sniffed on the header when delim is
 * 0), RFC 4180 quotes with embedded newlines, LF or CRLF, UTF-8 with or without BOM. Memory: one record and one block. */
typedef struct bm_csv bm_csv;
/* Borrowed until the next record; quotes undone, blanks around what is not quoted taken off. An empty line is one empty
 * field. */
typedef struct { const char *s; size_t n; bool quoted; } bm_field;
bm_status bm_csv_open(bm_csv **out, const char *path, char delim, bm_error *err);   /* path "-": standard input */
/* The next record: *nfield fields, 0 at the end of the file. */
bm_status bm_csv_next(bm_csv *c, const bm_field **fields, size_t *nfield, bm_error *err);
size_t    bm_csv_line(const bm_csv *c);                                  /* of the record's first byte, from 1 */
const char *bm_csv_path(const bm_csv *c);
const char *bm_csv_name(const bm_csv *c);                                /* for messages: the path, or "standard input" */
char      bm_csv_delim(const bm_csv *c);
void      bm_csv_hash(const bm_csv *c, char hex[17]);
void      bm_csv_watch(bm_csv *c, bm_watch_bytes *watch, void *self);
uint64_t  bm_csv_bytes(const bm_csv *c);                                 /* read so far */
void      bm_csv_close(bm_csv *c);

typedef struct {
    char               delim;       /* 0: sniff */
    const char *const *na;          /* strings that mean missing; NULL: "NA". An empty cell always is missing */
    size_t             nna;
    const char *const *factors;     /* columns to read as factors though they look numeric */
    size_t             nfactors;
} bm_read_options;

/* An open file whose header has been read and checked (no duplicate names, no empty ones but that of row names in the first column, which is left out). */
typedef struct bm_source bm_source;
bm_status bm_source_open(bm_source **out, const char *path, const bm_read_options *opt, bm_error *err);
const char *const *bm_source_names(const bm_source *s, size_t *n);
void bm_source_watch(bm_source *s, bm_watch_bytes *watch, void *self);
/* More columns to read as factors, once the header is known. */
bm_status bm_source_add_factors(bm_source *s, const char *const *names, size_t n, bm_error *err);
/* Reads the rest into typed columns; only the wanted columns are converted (the others are only counted as fields). A
 * column is numeric if every non-missing cell is a number, else a factor. Where that can hardly be meant it is an error
 * naming the first such cell, unless the column is among opt->factors: at least 90 % of 10 or more values are numbers, or
 * every value is a number or written as one that cannot be read (1,5 in a semicolon file; 1e999; NaN). A factor's labels
 * are the text of its cells ("007"). */
bm_status bm_source_read(bm_source *s, bm_frame **out, const char *const *want, size_t nwant, bm_error *err);
/* The first `most` rows, if there may be more (*more; *out NULL if not): to see what is in the file. Then either all rows, these included, by bm_source_read,
 * or the rest in portions by bm_source_stream. A file with a single column is never in portions. */
bm_status bm_source_head(bm_source *s, bm_frame **out, bool *more, const char *const *want, size_t nwant, size_t most, bm_error *err);
/* The rows after those of bm_source_head to use(), portion by portion in the order of the file, as frames with the same columns; they are gone when it
 * returns. What the columns are stays as in the head: text among numbers is an error. Factors have codes as in the head, labels first seen after it
 * are counted on; levels is NULL (see bm_frame_label). Portions depend on the file alone, not on threads, which parse while use() works (one call at a time). At the end
 * *out has no rows but the columns with all their labels (in the order of the codes), the hash, and n. */
bm_status bm_source_stream(bm_source *s, int threads, bm_status (*use)(void *self, const bm_frame *rows, bm_error *err), void *self, bm_frame **out, bm_error *err);
void bm_source_close(bm_source *s);

#endif
