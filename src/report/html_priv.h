/* html_priv.h: what the parts of the HTML report share: text that is safe in HTML, drawings in SVG, sections. */
#ifndef BM_REPORT_HTML_PRIV_H
#define BM_REPORT_HTML_PRIV_H

#include <stdarg.h>

#include "fit/fit.h"
#include "report/report_priv.h"

/* ---- text (html_text.c): all that comes from data or names goes through bm_html_text ---- */

void bm_html_text(bm_buf *b, const char *s);                       /* escaped; control characters visible */
void bm_html_num(bm_buf *b, double x, int decimals);               /* with a real minus sign; NaN: a dash */
void bm_html_count(bm_buf *b, size_t n);                           /* 73,421 */
int  bm_html_decimals(double sd);                                  /* that show two digits of sd */
/* printf in which %s is escaped and %S is not; %d int, %zu size_t, %.*f and %.2f (one digit) double, %c char, %%. */
void bm_html(bm_buf *b, const char *fmt, ...);
void bm_html_v(bm_buf *b, const char *fmt, va_list ap);

/* ---- drawings (svg.c) ---- */

/* A drawing of w x h units (about pixels on a phone) with one plot area: left, top, pw, ph; data x0..x1, y0..y1. */
typedef struct { bm_buf *b; double w, h, left, top, pw, ph, x0, x1, y0, y1; } bm_svg;

void   bm_svg_open(bm_svg *s, bm_buf *b, double w, double h, const char *title);   /* title: alternative text */
void   bm_svg_area(bm_svg *s, double left, double top, double pw, double ph, double x0, double x1, double y0, double y1);
double bm_svg_x(const bm_svg *s, double x);
double bm_svg_y(const bm_svg *s, double y);
void   bm_svg_axis_x(bm_svg *s, int most, const char *label);      /* ticks below the area, about `most` of them; label may be NULL */
void   bm_svg_axis_y(bm_svg *s, int most, bool grid);
void   bm_svg_line(bm_svg *s, const char *class, const double *x, const double *y, size_t n);
void   bm_svg_fill(bm_svg *s, const char *class, const double *x, const double *y, size_t n);   /* from the line down to y0 */
void   bm_svg_points(bm_svg *s, const char *class, const double *x, const double *y, size_t n);
void   bm_svg_segment(bm_svg *s, const char *class, double xa, double ya, double xb, double yb); /* in data units */
void   bm_svg_dot(bm_svg *s, const char *class, double x, double y, double r);
void   bm_svg_text(bm_svg *s, const char *class, double px, double py, const char *anchor, const char *text);  /* in drawing units */
void   bm_svg_close(bm_svg *s);
/* A text of at most n characters, an ellipsis in its middle if it is longer. */
void   bm_short_text(char *dst, size_t room, const char *s, size_t n);

/* ---- densities (density.c) ---- */

enum { BM_DENSITY = 160 };
/* Kernel density of n values on BM_DENSITY points from lo to hi, reflected at the bounds lo_bound and hi_bound (infinite: none). */
bm_status bm_density(const double *v, size_t n, double lo, double hi, double lo_bound, double hi_bound, double *x, double *y, bm_error *err);
/* Where to draw it: from the smallest to the largest, but not beyond four quartile distances from the quartiles. */
void      bm_density_range(double *sorted, size_t n, double *lo, double *hi);

/* ---- sections ---- */

typedef struct {
    const bm_html_input *in;
    bm_buf              *b;
    size_t               figure;           /* number of the last one */
    bm_margin           *margin;  size_t nmargin;
} bm_page;

void      bm_page_section(bm_page *p, const char *id, const char *title);
void      bm_page_section_end(bm_page *p);
/* <figure class="class">; its caption closes it. */
void      bm_page_figure(bm_page *p, const char *class);
void      bm_page_caption(bm_page *p, const char *fmt, ...);       /* as bm_html */
void      bm_html_style(bm_buf *b);                                /* html_style.c */

/* The variable of the draws with the monitored parameter of the summary; what a reader would call it. */
void      bm_page_label(bm_buf *b, const bm_page *p, size_t var);
double    bm_page_estimate(const bm_summary_row *r);               /* exact mean where there is one, else that of the draws */
/* REML's estimate of monitored variable var; NaN where there is none. lower, upper: its 95 % interval, may be NULL. */
/* How much of the beginning of a column of the design matrix is this variable, backquoted or not; 0: none. */
size_t    bm_html_names(const char *x, const char *name);
/* The variable that a column of the design matrix is, or NULL. */
const bm_column *bm_html_column(const bm_frame *f, const char *x);
double    bm_page_reml(const bm_page *p, size_t var, double *lower, double *upper);
/* First monitored variable of kind: the sd of effect i of factor k; the correlation of effects i > j (SIZE_MAX where there is none); sigma. */
size_t    bm_page_sd(const bm_page *p, size_t k, size_t i);
size_t    bm_page_cor(const bm_page *p, size_t k, size_t i, size_t j);
size_t    bm_page_sigma(const bm_page *p);

void      bm_page_question(bm_page *p);                            /* html_model.c */
void      bm_page_data(bm_page *p);
void      bm_page_priors(bm_page *p);
void      bm_page_sentences(bm_page *p);                           /* html_sentences.c */
bool      bm_html_mentions(const char *x, const char *var);       /* is the variable a word of the column name x? */
bm_status bm_page_results(bm_page *p, bm_error *err);              /* html_results.c */
void      bm_page_bayes_reml(bm_page *p);
bm_status bm_page_groups(bm_page *p, bm_error *err);               /* html_groups.c */
bm_status bm_page_lines(bm_page *p, bm_error *err);                /* html_lines.c */
bool      bm_page_has_lines(const bm_page *p);
bm_status bm_page_predictive(bm_page *p, bm_error *err);           /* html_predictive.c */
bm_status bm_page_checks(bm_page *p, bm_error *err);               /* html_checks.c */

#endif
