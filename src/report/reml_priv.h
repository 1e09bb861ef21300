/* reml_priv.h: what the reports of REML fits share. */
#ifndef BM_REPORT_REML_PRIV_H
#define BM_REPORT_REML_PRIV_H

#include "fit/fit.h"
#include "report/terminal_priv.h"

/* ---- aligned columns of short texts (grid.c) ---- */

typedef struct { size_t ncol; const char *align; bm_strv cell; bm_status st; } bm_grid;   /* align: one of l, r per column; st: the first failure */

void bm_grid_add(bm_grid *g, const char *s);                       /* the next cell, row after row */
void bm_grid_num(bm_grid *g, double x, int decimals);              /* "" for NaN */
void bm_grid_write(bm_grid *g, bm_buf *b, size_t indent);          /* and frees */
/* Decimals that show `digits` significant digits of the smallest of n numbers, but not below the size of their largest. */
int  bm_grid_decimals(const double *x, size_t n, int digits);
/* A p-value as R prints it: "< 2e-16", "0.00325", "3.3e-06". */
void bm_grid_p(bm_grid *g, double p);

/* The content of reml.json. */
void bm_json_reml(bm_buf *b, const bm_reml *r, const char *command);
/* The content of compare.json. */
void bm_json_compare(bm_buf *b, const bm_comparison *c, const char *command);

#endif
