/* terminal_priv.h: the parts that the summary of a fit and the description of a model share on the terminal (screen.c). */
#ifndef BM_TERMINAL_PRIV_H
#define BM_TERMINAL_PRIV_H

#include "report/report_priv.h"

typedef struct { bm_buf b; size_t width; const bm_print_options *opt; } bm_screen;

void bm_screen_init(bm_screen *s, const bm_print_options *opt);
void bm_screen_title(bm_screen *s, const char *title);                       /* an empty line, then the title */
void bm_screen_dim(bm_screen *s, bool on);
/* "  Draws: text", wrapped; frees text. */
void bm_screen_field(bm_screen *s, const char *name, bm_buf *text);
/* Name, family, formula, data and rows dropped. */
void bm_screen_model(bm_screen *s, const bm_spec *spec, const bm_frame *f, const bm_design *d);
void bm_screen_line(bm_screen *s, const bm_table *t, size_t row, size_t from, size_t to);
/* Priors in numbers; equal ones together; at most `most` lines. */
void bm_screen_priors(bm_screen *s, const bm_priors *p, size_t most);
void bm_screen_list(bm_screen *s, const char *title, const char *bullet, const bm_strv *items, bool loud);
/* Everything at once to out, checked. */
bm_status bm_emit(const bm_buf *b, FILE *out, bm_error *err);

#endif
