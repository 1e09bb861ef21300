/* mixture.h: an independence proposal: a mixture of multivariate t's, mirrored where the posterior is. Private to this room. */
#ifndef BM_MIXTURE_H
#define BM_MIXTURE_H

#include "posterior/posterior.h"

enum { BM_MIX_MAX = 6, BM_FLIP_MAX = 5, BM_MIX_DIM = 128, BM_MIX_LANES = 8 };   /* components, mirrored sds, dimensions at most; draws side by side */
#define BM_MIX_UNDERFLOW 1e-250        /* of a density over exp(m->top): below, it is computed by logarithms */
#define BM_MIX_SUMS(d) (2 + (d) + (d) * ((d) + 1) / 2)      /* sums over the draws that a step of EM wants, per component */

typedef struct {
    size_t  d, K;
    double  weight[BM_MIX_MAX], df[BM_MIX_MAX];
    double  log_const[BM_MIX_MAX];     /* log weight + log of t's constant - log |C| - log(number of mirror images) */
    double *mean;                      /* K x d */
    double *C;                         /* K x (d x d): lower Cholesky factors of the scale matrices */
    double *rdiag;                     /* K x d: 1 / diagonal of C */
    double  top, scale[BM_MIX_MAX];    /* the largest log_const; exp(log_const - top) */
    unsigned power[BM_MIX_MAX];        /* df + d: degrees of freedom are whole numbers */
    double *lane;                      /* d means, d 1 / diagonals, d x d factors, LANES components side by side (bm_mixture_ready) */
    double  lane_scale[BM_MIX_LANES], lane_df[BM_MIX_LANES];            /* scale; 1 / df */
    int64_t lane_power[BM_MIX_LANES];
    size_t  nimage;                    /* mirror images: 2^(sds whose posterior reaches 0) */
    double *sign;                      /* nimage x d: +1 or -1 */
    size_t  nside;                     /* sds without mirror images: the target is taken on their positive side only */
    size_t *side;
    double *cov;                       /* d x d: overall covariance about the nearest image's mean: for local steps */
    double *work;                      /* scratch of fitting: sums of every component, LANES wide; d x d more */
} bm_mixture;

/* th NULL: no sds, for copies. Every sd begins one-sided. */
bm_status bm_mixture_new(bm_mixture *m, const bm_theta *th, size_t d, bm_error *err);
void      bm_mixture_free(bm_mixture *m);
/* One component. cov: d x d (lower triangle); df a whole number. BM_NOT_PD. */
bm_status bm_mixture_single(bm_mixture *m, const double *mean, const double *cov, double df);
/* Which sds of theta get mirror images: those whose draws (n x d, row after row) come near 0. */
void bm_mixture_mirror(bm_mixture *m, const bm_theta *th, const double *x, size_t n);
/* Fits to n draws x (n x d) of the posterior with log densities lp (n): components are added where lp exceeds the proposal's log density
 * most, as long as the expected efficiency gains; expectation maximisation in between. *expected: effective draws per draw (estimated on x), 0 for
 * draws without a covariance matrix, which leave the mixture as it was. It fails for want of memory only. */
bm_status bm_mixture_fit(bm_mixture *m, const double *x, const double *lp, size_t n, double *expected, bm_error *err);
void   bm_mixture_draw(const bm_mixture *m, bm_rng *rng, double *x);
/* Is x on the side of every one-sided sd? */
bool   bm_mixture_inside(const bm_mixture *m, const bm_theta *th, const double *x);
/* Folds x to that side: the target is the same there. */
void   bm_mixture_fold(const bm_mixture *m, const bm_theta *th, double *x);
double bm_mixture_logpdf(const bm_mixture *m, const double *x);
/* The same where bm_mixture_terms underflows: by logarithms. */
double bm_mixture_far_logpdf(const bm_mixture *m, const double *x);
/* to ~ K(x, .): normal scores of x, drawn given x, with `correlation` to those of `to`; image, component and scale drawn anew. K is reversible with respect to the
 * mixture q, q(x) K(x, to) = q(to) K(to, x), so that a proposal from it is accepted by the same ratio as one from q itself. */
void   bm_mixture_opposite(const bm_mixture *m, bm_rng *rng, double correlation, const double *x, double *to);

/* ---- many draws at once (mixture_em.c) ---- */

typedef struct { size_t n; double *x; } bm_mix_points;   /* draws in batches of LANES: coordinate i of draw b LANES + l at x[(b d + i) LANES + l] */

/* acc: K x BM_MIX_SUMS x LANES, the partial sums of one step of EM: of r, of r u, of r u x (d), of the lower triangle of r u x x'. */
void bm_mixture_em_sums(const bm_mixture *m, const bm_mix_points *pts, double *acc);
/* After the components have changed: lays them side by side for bm_mixture_terms, the density over exp(m->top) at one x. May underflow to 0 far out.
 * term (nimage x LANES): what each image and component contributes to it. */
void   bm_mixture_ready(bm_mixture *m);
double bm_mixture_terms(const bm_mixture *m, const double *x, double *term);
/* out (n): densities over exp(m->top). May underflow to 0 far out. */
void bm_mixture_densities(const bm_mixture *m, const bm_mix_points *pts, double *out);

#endif
