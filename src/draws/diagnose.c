/* diagnose.c: convergence diagnostics of one variable: R-hat, effective sample sizes, Monte Carlo standard errors.
 * Vehtari et al. (2021), Bayesian Analysis 16:667, of a quantile's standard error section 4.4; that of an sd: Kenney &
 * Keeping (1951), p. 141, as in R's posterior. The variable is sorted once; ranks, folded ranks, quantiles and the mad all
 * come from that order (scores.c). */
#include "draws/draws_priv.h"

#include <float.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

bm_status bm_diag_init(bm_diag *d, size_t nchain, size_t niter, double *score)
{
    size_t n = nchain * niter, S = 2 * nchain * (niter / 2);

    *d = (bm_diag){ .n = n, .score = score };
    if (bm_split_init(&d->split, nchain, niter) != BM_OK) return BM_ENOMEM;
    d->draws = bm_split_series(&d->split);
    d->series = bm_split_series(&d->split);
    d->ends = bm_alloc(n + 2, sizeof *d->ends);
    d->order = bm_alloc(n, sizeof *d->order);
    d->folded = bm_alloc(n, sizeof *d->folded);
    d->folded_order = bm_alloc(n, sizeof *d->folded_order);
    d->work = bm_alloc(n, 2 * sizeof *d->work);
    if (!score) d->score = d->own_score = bm_alloc(S, sizeof *d->score);
    if (!d->draws || !d->series || !d->ends || !d->order || !d->folded || !d->folded_order || !d->work || !d->score) {
        bm_diag_clear(d);
        return BM_ENOMEM;
    }
    d->ends[0] = -INFINITY;
    d->ends[n + 1] = INFINITY;
    d->sorted = d->ends + 1;
    if (!score) bm_normal_scores(d->score, S);
    return BM_OK;
}

void bm_diag_clear(bm_diag *d)
{
    bm_split_clear(&d->split);
    free(d->own_score);
    free(d->draws);
    free(d->series);
    free(d->ends);
    free(d->order);
    free(d->folded);
    free(d->folded_order);
    free(d->work);
    *d = (bm_diag){ 0 };
}

static void look_for_odd_ones(bm_diag *d)
{
    for (size_t i = 0; i < d->n; i++) {
        d->has_nan = d->has_nan || isnan(d->x[i]);
        d->has_inf = d->has_inf || isinf(d->x[i]);
    }
}

void bm_diag_load(bm_diag *d, const double *x)
{
    d->x = x;
    d->has_nan = d->has_inf = false;
    if (!bm_all_finite(d->n, x)) look_for_odd_ones(d);
    d->mean = d->has_nan ? NAN : bm_mean(x, d->n);
    d->median = NAN;
    bm_split_arrange(&d->split, x, d->draws);
    if (d->has_nan) return;
    bm_rank(d->sorted, d->order, x, d->split.place, d->draws, d->n, d->work);
    d->median = bm_median_sorted(d->sorted, d->n);
}

/* NaN anywhere makes all NA (posterior looks only at the split chains). Inf is a rank like any other. */
void bm_diag_rank(bm_diag *d, double *rhat, double *ess_bulk)
{
    double bulk = NAN, tail = NAN, ess = NAN;

    if (!d->has_nan) {
        bm_diag_scores(d);
        if (bm_split_load(&d->split, d->series)) {
            bulk = bm_split_rhat(&d->split);
            if (ess_bulk) ess = bm_split_ess(&d->split);
        }
    }
    if (rhat && !d->has_nan && isfinite(d->median)) {
        bm_diag_folded_scores(d);
        if (bm_split_load(&d->split, d->series)) tail = bm_split_rhat(&d->split);
    }
    if (rhat) *rhat = isnan(bulk) || isnan(tail) ? NAN : fmax(bulk, tail);
    if (ess_bulk) *ess_bulk = ess;
}

/* Effective number of draws for the mean of f(x), from the series f(x). */
static double ess_of(bm_diag *d, const double *series)
{
    return bm_split_load(&d->split, series) ? bm_split_ess(&d->split) : NAN;
}

double bm_diag_ess_quantile(bm_diag *d, double prob)
{
    double q;

    if (d->n == 0 || d->has_nan || d->has_inf || !(prob >= 0 && prob <= 1)) return NAN;
    if (d->sorted[d->n - 1] - d->sorted[0] < DBL_EPSILON) return NAN;
    if (prob == 1) prob = ((double)d->n - 0.5) / (double)d->n;
    q = bm_quantile_sorted(d->sorted, d->n, prob);
    return bm_split_load_below(&d->split, d->x, q) ? bm_split_ess(&d->split) : NAN;
}

double bm_diag_ess_tail(bm_diag *d)
{
    double lo = bm_diag_ess_quantile(d, 0.05), hi = bm_diag_ess_quantile(d, 0.95);

    return isnan(lo) || isnan(hi) ? NAN : fmin(lo, hi);
}

double bm_diag_ess_mean(bm_diag *d)
{
    return d->has_nan ? NAN : ess_of(d, d->draws);
}

double bm_diag_sd(const bm_diag *d)
{
    double sum, square;

    if (d->n < 2) return NAN;
    bm_sums_about(d->n, d->x, d->mean, &sum, &square);
    return sqrt(square / (double)(d->n - 1));
}

double bm_diag_mcse_mean(bm_diag *d)
{
    return bm_diag_sd(d) / sqrt(bm_diag_ess_mean(d));
}

/* Squares of small draws differ by less than DBL_EPSILON, which would count as constant: so in units of a power of two near their range, which changes no bit. */
double bm_diag_mcse_sd(bm_diag *d)
{
    double m2, m4, n = (double)d->n, range = d->n ? d->sorted[d->n - 1] - d->sorted[0] : NAN;
    int    unit;

    if (d->has_nan || !isfinite(range) || range < DBL_EPSILON) return NAN;
    (void)frexp(range, &unit);
    bm_split_squares(&d->split, d->draws, d->mean, ldexp(1, -unit), d->series, &m2, &m4);
    m2 /= n;
    m4 /= n;
    return ldexp(sqrt((m4 - m2 * m2) / ess_of(d, d->series) / m2 / 4), unit);
}

/* gsl_cdf_beta_Pinv calls the error handler where it does not converge: bisection always does. Where even gsl_cdf_beta_P
 * fails, with millions of draws, the normal with a term for the skewness (Cornish & Fisher) is right to 1 / (a + b) of a
 * standard deviation. */
static double beta_quantile(double p, double a, double b)
{
    double lo = 0, hi = 1, s = a + b;

    if (s > 1e6) {
        double z = gsl_cdf_ugaussian_Pinv(p), skew = 2 * (b - a) * sqrt(s + 1) / ((s + 2) * sqrt(a * b));

        return a / s + sqrt(a * b / (s + 1)) / s * (z + skew * (z * z - 1) / 6);
    }
    for (int i = 0; i < 64 && lo < hi; i++) {
        double m = 0.5 * (lo + hi);

        if (gsl_cdf_beta_P(m, a, b) < p) lo = m;
        else hi = m;
    }
    return 0.5 * (lo + hi);
}

/* Half the width of the central 68 % interval of the order statistic that the quantile is. */
double bm_diag_mcse_quantile(bm_diag *d, double prob)
{
    double ess = bm_diag_ess_quantile(d, prob), S = (double)d->n, a, b;

    if (isnan(ess)) return NAN;
    a = floor(S * beta_quantile(0.1586553, ess * prob + 1, ess * (1 - prob) + 1));
    b = ceil(S * beta_quantile(0.8413447, ess * prob + 1, ess * (1 - prob) + 1));
    return (d->sorted[(size_t)fmin(b, S) - 1] - d->sorted[(size_t)fmax(a, 1) - 1]) / 2;
}

double bm_diag_quantile(const bm_diag *d, double prob)
{
    return d->has_nan ? NAN : bm_quantile_sorted(d->sorted, d->n, prob);
}

typedef enum { RHAT, ESS_BULK, ESS_TAIL, ESS_MEAN, MCSE_MEAN, MCSE_SD, MCSE_QUANTILE } measure;

/* One measure of one variable; NaN also where there is no memory for it. */
static double one(measure what, const double *x, size_t nchain, size_t niter, double prob)
{
    bm_diag d;
    double  v = NAN;

    if (bm_diag_init(&d, nchain, niter, NULL) != BM_OK) return NAN;
    bm_diag_load(&d, x);
    switch (what) {
    case RHAT: bm_diag_rank(&d, &v, NULL); break;
    case ESS_BULK: bm_diag_rank(&d, NULL, &v); break;
    case ESS_TAIL: v = bm_diag_ess_tail(&d); break;
    case ESS_MEAN: v = bm_diag_ess_mean(&d); break;
    case MCSE_MEAN: v = bm_diag_mcse_mean(&d); break;
    case MCSE_SD: v = bm_diag_mcse_sd(&d); break;
    case MCSE_QUANTILE: v = bm_diag_mcse_quantile(&d, prob); break;
    }
    bm_diag_clear(&d);
    return v;
}

double bm_rhat(const double *x, size_t nchain, size_t niter)
{
    return one(RHAT, x, nchain, niter, 0);
}

double bm_ess_bulk(const double *x, size_t nchain, size_t niter)
{
    return one(ESS_BULK, x, nchain, niter, 0);
}

double bm_ess_tail(const double *x, size_t nchain, size_t niter)
{
    return one(ESS_TAIL, x, nchain, niter, 0);
}

double bm_ess_mean(const double *x, size_t nchain, size_t niter)
{
    return one(ESS_MEAN, x, nchain, niter, 0);
}

double bm_mcse_mean(const double *x, size_t nchain, size_t niter)
{
    return one(MCSE_MEAN, x, nchain, niter, 0);
}

double bm_mcse_sd(const double *x, size_t nchain, size_t niter)
{
    return one(MCSE_SD, x, nchain, niter, 0);
}

double bm_mcse_quantile(const double *x, size_t nchain, size_t niter, double prob)
{
    return one(MCSE_QUANTILE, x, nchain, niter, prob);
}
