/* report_priv.h: what the files of this room share: files that check every write, JSON, text that is safe to show, tables. */
#ifndef BM_REPORT_PRIV_H
#define BM_REPORT_PRIV_H

#include "report/report.h"

/* ---- files (file.c): buffered, every write checked ---- */

/* A file being written, or (fd < 0) text that stays in memory. Append to buf, call bm_file_spill now and then. */
typedef struct {
    int     fd;
    char   *path;            /* for messages */
    bm_buf  buf;
    const volatile sig_atomic_t *stop;   /* non-zero: bm_file_spill says BM_INTERRUPTED; NULL: never */
} bm_file;

/* Creates dir/name (which must not exist) through dirfd; with dirfd AT_FDCWD and dir NULL name is a path, truncated if it exists. */
bm_status bm_file_open(bm_file *f, int dirfd, const char *dir, const char *name, bm_error *err);
/* Writes the buffer out once it holds a block; so the text in memory stays bounded. BM_INTERRUPTED: stop was asked for. */
bm_status bm_file_spill(bm_file *f, bm_error *err);
/* Writes what is left, closes and frees; st: what happened so far (a failure is passed on, the file closed all the same). */
bm_status bm_file_close(bm_file *f, bm_status st, bm_error *err);

/* ---- output directories (outdir.c): whole or not at all ---- */

typedef struct {
    char   *final, *tmp;     /* where it will be; where it is being written */
    int     fd;              /* of tmp */
    bool    force;
    bool    by_steps;        /* replace without renameat2, as where a file system does not have it */
    bm_strv files;           /* names written so far */
    const volatile sig_atomic_t *stop;   /* non-zero: give up, with BM_INTERRUPTED; NULL: never */
} bm_outdir;

bm_status bm_outdir_open(bm_outdir *o, const char *dir, const bm_write_options *opt, bm_error *err);
bm_status bm_outdir_file(bm_outdir *o, bm_file *f, const char *name, bm_error *err);
/* Everything on disk, then in place in one step. */
bm_status bm_outdir_commit(bm_outdir *o, bm_error *err);
/* Removes what was not committed; frees. */
void      bm_outdir_close(bm_outdir *o);

/* ---- files that go into a directory with others (place.c): each whole or not at all ---- */

typedef struct {
    char   *dir;
    int     fd;
    bool    made;            /* the directory; it goes again if nothing comes into it */
    bm_strv files;           /* written so far, under temporary names; the first `placed` are in place */
    size_t  placed;
    const volatile sig_atomic_t *stop;   /* non-zero: give up while none is in place, with BM_INTERRUPTED; NULL: never */
} bm_place;

/* dir is made if there is none. To be closed also after a failure. */
bm_status bm_place_open(bm_place *p, const char *dir, bm_error *err);
/* BM_EINVAL where there is a file of that name. */
bm_status bm_place_free(const bm_place *p, const char *name, bm_error *err);
bm_status bm_place_file(bm_place *p, bm_file *f, const char *name, bm_error *err);
bm_status bm_place_commit(bm_place *p, bm_error *err);
/* Removes what was not committed, from a fresh directory everything; frees. */
void      bm_place_close(bm_place *p);
/* name in dirfd, to the disk; shown: the directory, for messages. */
bm_status bm_sync_path(int dirfd, const char *name, const char *shown, bm_error *err);

/* ---- text that is safe to show (show.c) ---- */

/* Bytes of the UTF-8 sequence at s and its code point (may be NULL); 0 if it is none: overlong, surrogate, too large, cut short. */
size_t bm_utf8(const char *s, uint32_t *code);
/* Appends s for a terminal: control characters, bytes that are not UTF-8 and characters that reorder text become \x1b, \u202e, \n. */
void   bm_safe_text(bm_buf *b, const char *s);
/* Columns that a text without control characters takes. */
size_t bm_width(const char *s);
/* s word-wrapped to width columns, made safe, later lines after indent blanks; the first starts at column `used`. */
void   bm_safe_wrapped(bm_buf *b, const char *s, size_t used, size_t indent, size_t width);

/* ---- tables (table.c) ---- */

typedef char bm_cell[24];

/* Rows of numbers behind labels. Sections of one table share their column widths. */
typedef struct {
    const char *const *head;
    size_t   ncol;
    bm_strv  label;              /* safe to show */
    bm_cell *cell;               /* label.n x ncol */
    bool    *flag, flags;        /* rows not to be trusted; is there any */
    size_t   cell_cap, flag_cap;
    size_t   label_width, limit; /* of the label column; of a line */
    size_t  *left, *width;       /* ncol: columns up to the decimal point (0: flushed right), columns */
} bm_table;

int  bm_decimals(double x, double sd, double mcse);
void bm_cell_number(bm_cell c, double x, int decimals);
/* R-hat, bulk and tail ESS into three cells; those that fail (bm_summary_doubtful) marked with a !. Is any? */
bool bm_cell_diagnostics(bm_cell c[3], const bm_summary_row *s, size_t nchain);
void bm_table_init(bm_table *t, const char *const *head, size_t ncol);       /* head is borrowed */
void bm_table_free(bm_table *t);
bm_cell *bm_table_row(bm_table *t, const char *label, bm_error *err);        /* its ncol empty cells, NULL when out of memory */
void bm_table_flag(bm_table *t);                                             /* the last row */
bm_status bm_table_measure(bm_table *t, size_t width, bm_error *err);        /* once all rows are there */
void bm_table_heading(const bm_table *t, bm_buf *b, const char *title, size_t from, size_t to);   /* columns [from, to); no newline */
void bm_table_line(const bm_table *t, bm_buf *b, size_t row, size_t from, size_t to);

/* ---- JSON (json.c): a stream of values, indented; short objects on one line ---- */

enum { BM_JSON_DEPTH = 16 };
typedef struct { bm_buf *b; int depth, flat; bool any[BM_JSON_DEPTH]; } bm_json;   /* flat: depth from which all is on one line, 0: none */

void bm_json_open(bm_json *j, const char *key, char bracket, bool one_line);   /* '{' or '['; key NULL inside an array */
void bm_json_close(bm_json *j, char bracket);
void bm_json_num(bm_json *j, const char *key, double x);                       /* shortest round trip; NaN and Inf are null */
void bm_json_int(bm_json *j, const char *key, unsigned long long x);
void bm_json_bool(bm_json *j, const char *key, bool x);
void bm_json_str(bm_json *j, const char *key, const char *s);                  /* NULL is null */
void bm_json_strv(bm_json *j, const char *key, const char *const *v, size_t n);
void bm_json_quote(bm_buf *b, const char *s);                                  /* one string; what is not UTF-8 becomes U+FFFD */

/* ---- parts that several files use ---- */

bm_status bm_write_draws_csv(bm_file *f, const bm_draws *d, bm_error *err);                          /* draws_csv.c */
/* nrow rows of variables var[0..nvar) of one chain, from iteration first on, row-major. */
void      bm_draws_block(const bm_draws *d, const size_t *var, size_t nvar, size_t chain, size_t first, size_t nrow, double *out);
/* Which variable of the draws is the effect (factor, level, term)? out[(term * J) + level]; false where the draws hold not all of them. */
bm_status bm_ranef_vars(size_t **out, bool *all, const bm_result *r, size_t factor, bm_error *err);  /* ranef_vars.c */
bm_status bm_write_stan_csv(bm_file *f, const bm_result *r, size_t chain, bm_error *err);            /* stan_csv.c */
bm_status bm_write_stan_labels(bm_file *f, const bm_result *r, bm_error *err);
bm_status bm_write_draws_json(bm_file *f, const bm_result *r, bm_error *err);                        /* draws_json.c */
bm_status bm_write_summary_csv(bm_file *f, const bm_summary_row *rows, size_t n, bm_error *err);     /* tables_csv.c */
void      bm_summary_csv_header(bm_buf *b);
void      bm_summary_csv_row(bm_buf *b, const bm_summary_row *s);
bm_status bm_write_ranef_csv(bm_file *f, const bm_result *r, bm_error *err);
bm_status bm_write_summary_json(bm_file *f, const bm_result *r, const char *command, bm_error *err); /* summary_json.c */
void      bm_json_data(bm_json *j, const bm_spec *s, const bm_frame *f, const bm_design *d);
void      bm_json_priors(bm_json *j, const bm_priors *p);
void      bm_json_summary(bm_json *j, const bm_summary_row *s);
/* Is this the name of a picture that bmixed plot writes: trace.svg, density-2.png? */
bool      bm_plot_is_picture(const char *name);                                                      /* plot.c */
bm_status bm_write_model_json(bm_file *f, const bm_result *r, bm_error *err);                        /* model_json.c */

#endif
