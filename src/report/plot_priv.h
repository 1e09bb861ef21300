/* plot_priv.h: what the files of the plots share. A picture is a gnuplot script and data files that a kind of plot builds
 * (plot_KIND.c) from the draws and the model; plot_gnuplot.c has it drawn. Positions are pixels from the upper left corner of
 * the picture. */
#ifndef BM_PLOT_PRIV_H
#define BM_PLOT_PRIV_H

#include "fit/fit.h"
#include "report/report_priv.h"

/* ---- the style of all pictures: quiet greys, and colours of Okabe & Ito (2008) that colour-blind readers tell apart ---- */

#define BM_INK_HEX  "333333"            /* for shades: "#80" BM_INK_HEX lets half of what is below through */
#define BM_BLUE_HEX "0072b2"
#define BM_SKY_HEX  "56b4e9"
#define BM_INK    "#" BM_INK_HEX        /* text, data */
#define BM_FAINT  "#767676"             /* secondary text */
#define BM_LINE   "#8c8c8c"             /* reference lines */
#define BM_SHADE  "#e8e8e8"             /* bands */
#define BM_BLUE   "#" BM_BLUE_HEX       /* the posterior */
#define BM_SKY    "#" BM_SKY_HEX
#define BM_ORANGE "#d55e00"             /* what it is compared with: prior, REML, pooled line */
const char *bm_chain_colour(size_t chain);

enum { BM_PLOT_WIDTH = 900, BM_PLOT_TOP = 62, BM_PLOT_LABEL = 28 };      /* pixels; pixels above the first panel; longest label, columns */

/* ---- a picture (plot_picture.c) ---- */

typedef struct {
    bm_buf  script;              /* after the common header */
    bm_buf *data;                /* files d0, d1, ... beside it: numbers only */
    size_t  ndata, cap;
    double  width, height;
    bm_buf  title, subtitle, alt, caption;
    bool    first;               /* no panel yet */
    size_t  title_columns;       /* that a legend beside it leaves; 0: all */
} bm_picture;

typedef struct { double x, y, w, h; } bm_box;

void bm_picture_free(bm_picture *p);
bool bm_picture_failed(const bm_picture *p);
/* The whole script, which writes ./picture. */
void bm_picture_script(const bm_picture *p, bm_plot_format format, bm_buf *out);
/* 'text' for gnuplot: nothing in it is interpreted; long text loses its middle to an ellipsis (columns 0: never). */
void bm_quote(bm_buf *b, const char *text, size_t columns);
/* The same for the label of a tic, where % would be a format. */
void bm_quote_tic(bm_buf *b, const char *text, size_t columns);
/* Another data file; its index. The buffer is p->data[index], good until the next call; NULL without memory (the picture has
 * failed). */
bm_buf *bm_picture_data(bm_picture *p, size_t *index);
void bm_data_row(bm_buf *b, const double *x, size_t n);
/* What follows is drawn into this box, axes outside of it. Ranges, tics and labels are as new. */
void bm_panel(bm_picture *p, bm_box at);
/* A heading above the panel, at its left edge. */
void bm_panel_title(bm_picture *p, bm_box at, const char *text);
/* Text within the picture; style: gnuplot's (left, right, colour, font), may be "". */
void bm_text(bm_picture *p, double x, double y, const char *text, size_t columns, const char *style);
/* The ranges with some room, at most n tics. axis: 'x' or 'y'. pad: of the range, on either side. */
void bm_axis(bm_picture *p, char axis, double lo, double hi, double pad, int n);
void bm_axis_label(bm_picture *p, char axis, const char *text, double room);     /* room: pixels for it */
void bm_axis_bare(bm_picture *p, char axis);                              /* no tics, no labels */
/* Box i of a grid that starts below the heading; room: left and below of each for its labels. */
bm_box bm_cell_box(const bm_picture *p, size_t i, size_t cols, double cell_height, double left, double below);
/* Pixels left of an axis for the longest of n labels in small type, each cut to so many columns. */
double bm_label_room(const char *const *labels, const size_t *which, size_t n, size_t columns);
size_t bm_columns_for(size_t n);                                         /* of a grid of n panels */
/* shape: "line", "dash", "fill", or "point" followed by the number of gnuplot's point type (7 without). */
void bm_legend(bm_picture *p, size_t i, double x, double y, const char *colour, const char *shape, const char *text);

/* ---- a list of pictures, and what plots look at (plot.c) ---- */

typedef struct { bm_picture *v; size_t n, cap; } bm_pictures;
/* A new picture of that height, titled; the subtitle is the model. NULL without memory. */
bm_picture *bm_pictures_add(bm_pictures *a, const bm_plot_input *in, const char *title, double height, bm_error *err);
/* Draws a picture and adds it to out, as KIND.svg, KIND-2.svg, ... */
bm_status bm_plots_keep(bm_plots *out, const bm_picture *p, const char *kind, size_t page, const bm_plot_options *opt, bm_error *err);
/* Variables to show: what opt->vars names, else all but group effects (and lp__ unless with_lp); constants are left out.
 * Frees: caller. */
bm_status bm_plot_vars(size_t **out, size_t *n, const bm_plot_input *in, bool with_lp, bm_error *err);
/* SIZE_MAX where the draws have none of that name. */
size_t bm_plot_var(const bm_plot_input *in, const char *name);

typedef bm_status bm_plot_fn(const bm_plot_input *in, bm_pictures *out, bm_error *err);
bm_plot_fn bm_plot_trace, bm_plot_rank, bm_plot_acf, bm_plot_density, bm_plot_intervals, bm_plot_pairs, bm_plot_caterpillar,
    bm_plot_predictive,
    bm_plot_lines, bm_plot_shrinkage, bm_plot_reml, bm_plot_qq;

/* One panel per variable, several pages where there are many: what trace, rank, autocorrelation and density share
 * (plot_pages.c). */
typedef struct {
    const char *title, *alt;
    double      height, left, below;         /* of a panel; for labels left and below */
    size_t      cols, rows;                  /* at most, per page */
    bool        with_lp, chains;             /* chains: the legend names them */
    bm_status (*panel)(bm_picture *p, const bm_plot_input *in, size_t var, bm_box at, bm_error *err);
    void      (*dress)(bm_picture *p, const bm_plot_input *in);          /* a legend or a caption; may be NULL */
} bm_page_kind;
bm_status bm_plot_pages(const bm_plot_input *in, bm_pictures *out, const bm_page_kind *kind, bm_error *err);

/* ---- numbers (plot_math.c) ---- */

/* Density of n values on an even grid of m points from lo to hi: Gaussian kernel, Silverman's bandwidth; what would leak over
 * the bounds (-inf, inf: none) is reflected. False where the values are constant or there is no memory. */
bool   bm_kde(const double *x, size_t n, double least, double most, double lo, double hi, size_t m, double *out);
double bm_kde_bandwidth(const double *x, size_t n);                      /* 0 where constant, NaN without memory */
/* Where to draw a density from and to: nearly all values, within the bounds. */
bool   bm_kde_range(const double *x, size_t n, double least, double most, double *lo, double *hi);
/* How many of the ranks of each chain (over all chains; ties share by order) fall into each of nbin bins: count[chain * nbin
 * + bin]. */
bm_status bm_rank_counts(const double *x, size_t nchain, size_t niter, size_t nbin, double *count, bm_error *err);
/* Autocorrelations at lags 0 .. nlag of one chain. */
void   bm_autocorrelation(const double *x, size_t n, size_t nlag, double *out);
double bm_nice_step(double range, int n);
double bm_average(const double *x, size_t n);
double bm_deviation(const double *x, size_t n);                          /* n - 1 */
/* Quantiles of one variable, which stays as it is. */
bm_status bm_plot_quantiles(const double *x, size_t n, const double *prob, size_t nprob, double *out, bm_error *err);
/* Indices of the k largest of |x|, then in ascending order of x. k <= n. Frees: caller. */
bm_status bm_largest(size_t **out, const double *x, size_t n, size_t k, bm_error *err);

/* ---- priors (plot_prior.c) ---- */

typedef struct {
    enum { BM_NO_PRIOR, BM_PRIOR_NORMAL, BM_PRIOR_T, BM_PRIOR_SD, BM_PRIOR_COR } kind;
    double  a[3];                /* normal: mean, sd; t: df, mean, scale; cor: both parameters of the beta distribution of (r + 1) / 2 */
    bm_dist dist;                /* of an sd */
    double  least, most;         /* the support of the parameter, also where there is no prior to show */
} bm_plot_prior;
/* The marginal prior of a parameter. */
bm_plot_prior bm_plot_prior_of(const bm_plot_input *in, const char *name);
double bm_plot_prior_density(const bm_plot_prior *p, double x);

/* ---- point estimates (plot_effects.c) ---- */

/* Posterior means of coefficients and of the effects of each factor, u[factor][level * q + effect]; sds and quantiles of the
 * effects. */
typedef struct {
    size_t   nfac;
    double  *b, **u, **sd;
    double **q;                  /* 2.5, 25, 75, 97.5 %: q[factor][(level * q + effect) * 4 + i] */
    double  *fixed, *fitted;     /* n: o + X b; with the group effects */
    double   sigma;              /* mean; 1 with known standard errors */
    bool     from_draws;         /* the quantiles; else normal ones from mean and sd */
} bm_estimates;
bm_status bm_estimates_new(bm_estimates *e, const bm_plot_input *in, bm_error *err);
void      bm_estimates_free(bm_estimates *e);

/* ---- gnuplot (plot_gnuplot.c) ---- */

/* Draws a picture in opt's format; *bytes is the caller's; *boxed: letters that no font has were drawn as boxes. BM_EIO with what to install where there
 * is no gnuplot. */
bm_status bm_gnuplot(const bm_picture *p, const bm_plot_options *opt, char **bytes, size_t *n, bool *boxed, bm_error *err);

/* Puts a box for every letter that no font has; were there any (plot_fonts.c)? */
bool bm_box_unknown(bm_buf *text);

#endif
