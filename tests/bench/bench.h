/* bench.h: shared by the files of the benchmark. Programs may look inside the library here: what is timed is not all public. */
#ifndef BM_BENCH_H
#define BM_BENCH_H

#include "api/api.h"

enum { BENCH_FIELDS = 5, BENCH_REPEATS_MAX = 64 };

/* One line of models.tsv or reml_models.tsv. */
typedef struct { char line[1024], *field[BENCH_FIELDS]; } bench_row;
enum { ROW_NAME, ROW_DATA, ROW_FORMULA, ROW_FACTORS, ROW_PRIORS };

typedef struct {
    bool        quick;
    int         repeats;
    double      max_rows;      /* of the growth of reading */
    double      groups;        /* of threads */
    int         draws;         /* of models: per chain */
    const char *only;          /* one model; NULL: all */
    const char *csv;           /* where the numbers go */
    const char *program;       /* build/.../bmixed */
} bench_options;

double bench_cpu(void);        /* seconds of this process, all threads */
/* Median of v (n, sorted in place); its ends are then v[0] and v[n - 1]. */
double bench_median(double *v, size_t n);
void   bench_die(const char *what, const bm_error *err);
/* The next row that is not a comment; false at the end. */
bool   bench_next(FILE *f, bench_row *row);
/* The specification of a row, priors included where it has some. */
bm_spec *bench_spec(const bench_row *row);
/* Runs argv and waits: status, seconds on the clock and of CPU, peak memory in MB. Output is thrown away unless out is not NULL, which takes its first bytes. */
typedef struct { int status; double wall, cpu, mb; } bench_usage;
bench_usage bench_run(char *const argv[], int in, char *out, size_t size);

/* The path of this program. */
void bench_self(char path[static 1024]);

int bench_models(const bench_options *o);                    /* models.c */
int bench_reml(const bench_options *o);                      /* reml.c */
int bench_kernel(const bench_options *o);                    /* kernel.c */
int bench_growth(const bench_options *o);                    /* growth.c */
int bench_threads(const bench_options *o);                   /* threads.c */
bm_frame *bench_frame(size_t groups);                        /* growth.c: four rows each, for p = 6, q = 2 */
int bench_commands(const bench_options *o);                  /* commands.c */
int bench_crossed(const bench_options *o);                   /* crossed.c */
int bench_ratings(double rows, double raters, double items); /* crossed.c: the children of crossed */
int bench_fit_ratings(int warmup, int draws);
int bench_generate(double rows, double groups);              /* growth.c: the children of growth */
int bench_table(double rows, double groups);                 /* table.c */
int bench_read_rows(void);
int bench_groups(double groups);

#endif
