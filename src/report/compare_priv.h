/* compare_priv.h: what the files that print a comparison share. */
#ifndef BM_REPORT_COMPARE_PRIV_H
#define BM_REPORT_COMPARE_PRIV_H

#include "report/reml_priv.h"

/* Text filled to the width of the screen, and freed; dim: in faint letters. */
void bm_screen_paragraph(bm_screen *s, bm_buf *text, size_t indent);
void bm_screen_dim_paragraph(bm_screen *s, bm_buf *text);
/* A number into a grid, "-" where there is none, and no -0.00. */
void bm_compare_number(bm_grid *g, double x, int decimals);

/* The kind of REML's intervals of the coefficients, or of the other parameters; NULL: there are none. And in words. */
const char *bm_compare_interval(const bm_comparison *c, bool coefficients);
const char *bm_compare_interval_words(const char *interval);

bm_status bm_compare_print_effects(bm_screen *s, const bm_comparison *c, bm_error *err);     /* compare_effects_print.c */
void      bm_compare_print_pooling(bm_screen *s, const bm_comparison *c);                    /* compare_tests_print.c */
void      bm_compare_print_tests(bm_screen *s, const bm_comparison *c);

#endif
