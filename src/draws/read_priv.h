/* read_priv.h: what the parts of reading draws share. */
#ifndef BM_DRAWS_READ_PRIV_H
#define BM_DRAWS_READ_PRIV_H

#include "data/data.h"
#include "draws/draws_priv.h"

/* ---- Stan CSV (stan_csv.c) ---- */

/* What the comment lines of a Stan CSV file say. */
typedef struct {
    bool      comments;          /* there were some before the header: the file is Stan's */
    long long num_warmup, thin;
    bool      save_warmup, fixed_param, variational;
} bm_stan_settings;
#define BM_STAN_SETTINGS_INIT { .num_warmup = -1, .thin = 1 }

void      bm_stan_comment(bm_stan_settings *s, const char *line, size_t n);   /* one comment line, # included */
size_t    bm_stan_rows_to_skip(const bm_stan_settings *s);                    /* at the start of the file, that are no draws */
bool      bm_stan_sampler_column(const char *name, bool stan);                /* the sampler's, not the model's; not lp__ */
void      bm_stan_name(bm_buf *b, const char *name);                          /* beta.1.2 as beta[1,2] */

bool      bm_whole_number(const char *s, size_t n, long long lo, long long hi, long long *out);   /* the whole of s[0..n) */

/* ---- one file (draws_file.c) ---- */

typedef struct { long long id, last_iter; size_t ndraw; } bm_chain_rows;

typedef struct {
    const char    *path;         /* borrowed */
    bm_strv        names;        /* of the variables */
    size_t         ncol;         /* of the file */
    size_t        *to;           /* ncol: the variable that a column holds, or one of the marks in draws_file.c */
    bool           has_chain, has_iter;
    double        *x;            /* nrow x names.n, row by row */
    uint32_t      *chain;        /* nrow: index into chains */
    size_t         nrow, cap_x, cap_row;
    bm_chain_rows *chains;       /* by id once read */
    size_t         nchain, cap_chain;
    size_t         warmup;       /* rows skipped */
} bm_draws_file;

/* f: zeroed; to be cleared also after a failure. */
bm_status bm_draws_file_read(bm_draws_file *f, const char *path, bm_error *err);
void      bm_draws_file_clear(bm_draws_file *f);

/* ---- labels (labels.c) ---- */

/* Gives variables read from the Stan CSV files of an output directory of ours the names that its draws-labels.json has. */
bm_status bm_draws_relabel(bm_strv *names, const char *labels_path, bm_error *err);

#endif
