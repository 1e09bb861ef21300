/* draws_priv.h: what the files of this room share: order statistics, autocovariances, and one variable's diagnostics that
 * use both. */
#ifndef BM_DRAWS_PRIV_H
#define BM_DRAWS_PRIV_H

#include "draws/draws.h"

/* ---- order statistics (order.c) ---- */

/* R's type 7 quantile and R's median of n sorted values. */
/* From the two values around it. */
double bm_quantile_between(double lower, double upper, size_t n, double prob);
double bm_quantile_sorted(const double *s, size_t n, double prob);
double bm_median_sorted(const double *s, size_t n);

/* ---- moments and autocovariances of split chains (split.c, lags.c) ---- */

enum { BM_LAGS = 4, BM_SPLIT_LANES = 8 };    /* so many autocovariances at a time, of so many chains */

/* Each chain of niter draws is split into its first and its last niter / 2; the middle one of an odd number is left out. A series of numbers, one for each draw, holds
 * the split chains side by side: block after block of eight chains, half x 8, 0 where there is no chain; behind them the middle ones. */
typedef struct {
    size_t    nchain, niter;
    size_t    half, nsplit;      /* draws per split chain; 2 nchain */
    size_t    nblock, size;      /* of a series */
    uint32_t *place;             /* nchain x niter: of each draw in a series */
    double    mean_var, var_means;   /* of the series now loaded: mean of the variances of the split chains, variance of their
                                      * means (both n - 1) */
    double   *mean;              /* nblock x 8 */
    double   *v;                 /* nblock x (half + BM_LAGS) x 8: centred, with zeros behind each block */
    bool      by_bits;           /* a series of zeros and ones, in bits instead of v */
    uint64_t *bits;              /* nsplit x nword, a word of zeros behind each chain */
    size_t    nword, *ones;
    double   *acov;              /* autocovariances (divided by half), mean over the split chains; the first nlag are known */
    size_t    nlag;
    double   *rho;               /* scratch of Geyer's sequences */
    size_t    nfft;              /* power of two >= 2 half */
    double   *fft, *twiddle;     /* allocated when first needed */
    bool      failed;            /* no memory for the transform: autocovariances stay sums of products */
} bm_split;

bm_status bm_split_init(bm_split *s, size_t nchain, size_t niter);       /* BM_ENOMEM, without message */
void      bm_split_clear(bm_split *s);
double   *bm_split_series(const bm_split *s);                            /* a new series, of zeros; NULL: out of memory */
void      bm_split_arrange(const bm_split *s, const double *x, double *series);
/* squares <- ((series - centre) scale)^2, and the sums of those and of their squares. */
void      bm_split_squares(const bm_split *s, const double *series, double centre, double scale, double *squares, double *sum, double *sum2);
/* False if the split chains hold NaN or Inf or are constant (to DBL_EPSILON, as in posterior): all is NA then. */
bool      bm_split_load(bm_split *s, const double *series);
bool      bm_split_load_below(bm_split *s, const double *x, double q);   /* the series x <= q; x: nchain x niter, no NaN */
double    bm_split_rhat(const bm_split *s);
double    bm_split_ess(bm_split *s);
double   *bm_split_block(const bm_split *s, size_t b);                   /* of v */
void      bm_split_more_lags(bm_split *s);

/* ---- one variable (diagnose.c) ---- */

typedef struct {
    size_t   n;                  /* nchain x niter */
    bm_split split;
    double  *score;              /* normal scores of the ranks 1 .. 2 nchain half; borrowed or own */
    double  *own_score;
    double  *draws;              /* the variable now loaded, as a series */
    double  *series;             /* scratch */
    double  *ends, *sorted;      /* n: its draws in order, between -inf and inf */
    uint32_t *order;             /* n: their places in a series */
    double  *folded;             /* n: |x - median| in order, where it is merged plainly (scores.c) */
    uint32_t *folded_order;
    bm_pair *work;               /* 2 n */
    bool     has_nan, has_inf;
    double   mean, median;
    const double *x;             /* the variable now loaded; borrowed */
} bm_diag;

/* score: from another bm_diag of the same size, or NULL: computed. */
bm_status bm_diag_init(bm_diag *d, size_t nchain, size_t niter, double *score);
void      bm_diag_clear(bm_diag *d);
void      bm_diag_load(bm_diag *d, const double *x);                     /* sorts; x is borrowed */
void      bm_diag_rank(bm_diag *d, double *rhat, double *ess_bulk);      /* each may be NULL */
double    bm_diag_ess_quantile(bm_diag *d, double prob);
double    bm_diag_ess_tail(bm_diag *d);
double    bm_diag_ess_mean(bm_diag *d);
double    bm_diag_sd(const bm_diag *d);
double    bm_diag_mcse_mean(bm_diag *d);
double    bm_diag_mcse_sd(bm_diag *d);
double    bm_diag_mcse_quantile(bm_diag *d, double prob);
double    bm_diag_mad(const bm_diag *d);
double    bm_diag_quantile(const bm_diag *d, double prob);

/* ---- normal scores of its ranks (scores.c) ---- */

void      bm_normal_scores(double *score, size_t S);                     /* of the ranks 1 .. S */
/* series <- scores of the average ranks of the draws in the split chains: of the draws, of |x - median| (a finite median). */
void      bm_diag_scores(bm_diag *d);
void      bm_diag_folded_scores(bm_diag *d);

double    bm_mean(const double *x, size_t n);

#endif
