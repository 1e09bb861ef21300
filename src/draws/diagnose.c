/* diagnose.c: convergence diagnostics of one variable: R-hat, effective sample sizes, Monte Carlo standard errors.
 * Vehtari et al. (2021), Bayesian Analysis 16:667, of a quantile's standard error section 4.4; that of an sd: Kenney &
 * Keeping (1951), p. 141, as in R's posterior. The variable is sorted once; ranks, folded ranks, quantiles and the mad all
 * come from that order. */
#include "draws/draws_priv.h"

#include <float.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

/* Blom's score of a rank among S, with posterior's S + 1/4. */
static double normal_score(double rank, size_t S)
{
    return gsl_cdf_ugaussian_Pinv((rank - 0.375) / ((double)S + 0.25));
}

bm_status bm_diag_init(bm_diag *d, size_t nchain, size_t niter, double *score)
{
    size_t n = nchain * niter, S = 2 * nchain * (niter / 2);

    *d = (bm_diag){ .n = n, .score = score };
    if (bm_split_init(&d->split, nchain, niter) != BM_OK) return BM_ENOMEM;
    d->order = bm_alloc(n, sizeof *d->order);
    d->tmp = bm_alloc(n, sizeof *d->tmp);
    d->sorted = bm_alloc(n, sizeof *d->sorted);
    d->folded = bm_alloc(n, sizeof *d->folded);
    d->series = bm_alloc(n, sizeof *d->series);
    if (!score) d->score = d->own_score = bm_alloc(S, sizeof *d->score);
    if (!d->order || !d->tmp || !d->sorted || !d->folded || !d->series || !d->score) {
        bm_diag_clear(d);
        return BM_ENOMEM;
    }
    if (!score)
        for (size_t r = 1; r <= (S + 1) / 2; r++) {
            double z = normal_score((double)r, S);

            d->score[r - 1] = z;
            d->score[S - r] = -z;
        }
    return BM_OK;
}

void bm_diag_clear(bm_diag *d)
{
    bm_split_clear(&d->split);
    free(d->own_score);
    free(d->order);
    free(d->tmp);
    free(d->sorted);
    free(d->folded);
    free(d->series);
    *d = (bm_diag){ 0 };
}

void bm_diag_load(bm_diag *d, const double *x)
{
    d->x = x;
    d->has_nan = d->has_inf = d->is_folded = false;
    for (size_t i = 0; i < d->n; i++) {
        d->has_nan = d->has_nan || isnan(x[i]);
        d->has_inf = d->has_inf || isinf(x[i]);
    }
    d->mean = d->has_nan ? NAN : bm_mean(x, d->n);
    d->median = NAN;
    if (d->has_nan) return;
    bm_pairs_set(d->order, x, d->n);
    bm_pairs_sort(d->order, d->tmp, d->n);
    for (size_t i = 0; i < d->n; i++) d->sorted[i] = bm_pair_value(d->order + i);
    d->median = bm_median_sorted(d->sorted, d->n);
}

/* folded, tmp: |x - median| and its pairs in order: two runs of the sorted draws, merged from the median outwards. False
 * where the median is no number. */
static bool fold(bm_diag *d)
{
    const double *s = d->sorted;
    size_t        hi = 0, lo, n = d->n;

    if (d->is_folded) return true;
    if (d->has_nan || !isfinite(d->median)) return false;
    while (hi < n && s[hi] < d->median) hi++;
    lo = hi;                                             /* s[lo - 1] is the next one below */
    for (size_t k = 0; k < n; k++) {
        double below = lo > 0 ? d->median - s[lo - 1] : INFINITY, above = hi < n ? s[hi] - d->median : INFINITY;
        bool   up = lo == 0 || (hi < n && above <= below);   /* a coin's toss: no branch depends on it */

        d->folded[k] = up ? above : below;
        d->tmp[k] = d->order[up ? hi : lo - 1];
        hi += up;
        lo -= !up;
    }
    return d->is_folded = true;
}

/* series <- normal scores of the average ranks of the draws in the split chains. order: sorted; s: the values sorted by. */
static void normal_scores(bm_diag *d, const bm_pair *order, const double *s)
{
    const bm_split *p = &d->split;
    size_t          S = p->nsplit * p->half, rank = 0;
    bool            odd = p->niter % 2;

    for (size_t i = 0, j; i < d->n; i = j) {
        size_t ties = 0;
        double z;

        for (j = i; j < d->n && s[j] == s[i]; j++) ties += !(odd && order[j].i % p->niter == p->half);
        if (ties % 2) z = d->score[rank + ties / 2];
        else z = ties ? normal_score((double)rank + 0.5 * (double)(ties + 1), S) : 0;
        for (size_t k = i; k < j; k++) d->series[order[k].i] = z;
        rank += ties;
    }
}

/* NaN anywhere makes all NA (posterior looks only at the split chains). Inf is a rank like any other. */
void bm_diag_rank(bm_diag *d, double *rhat, double *ess_bulk)
{
    double bulk = NAN, tail = NAN, ess = NAN;

    if (!d->has_nan) {
        normal_scores(d, d->order, d->sorted);
        if (bm_split_load(&d->split, d->series)) {
            bulk = bm_split_rhat(&d->split);
            if (ess_bulk) ess = bm_split_ess(&d->split);
        }
    }
    if (rhat && fold(d)) {
        normal_scores(d, d->tmp, d->folded);
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
    for (size_t i = 0; i < d->n; i++) d->series[i] = d->x[i] <= q;
    return ess_of(d, d->series);
}

double bm_diag_ess_tail(bm_diag *d)
{
    double lo = bm_diag_ess_quantile(d, 0.05), hi = bm_diag_ess_quantile(d, 0.95);

    return isnan(lo) || isnan(hi) ? NAN : fmin(lo, hi);
}

double bm_diag_ess_mean(bm_diag *d)
{
    return d->has_nan ? NAN : ess_of(d, d->x);
}

double bm_diag_sd(const bm_diag *d)
{
    double ss = 0;

    for (size_t i = 0; i < d->n; i++) ss += (d->x[i] - d->mean) * (d->x[i] - d->mean);
    return d->n < 2 ? NAN : sqrt(ss / (double)(d->n - 1));
}

double bm_diag_mcse_mean(bm_diag *d)
{
    return bm_diag_sd(d) / sqrt(bm_diag_ess_mean(d));
}

/* Squares of small draws differ by less than DBL_EPSILON, which would count as constant: so in units of a power of two near their range, which changes no bit. */
double bm_diag_mcse_sd(bm_diag *d)
{
    double m2 = 0, m4 = 0, n = (double)d->n, range = d->n ? d->sorted[d->n - 1] - d->sorted[0] : NAN;
    int    unit;

    if (d->has_nan || !isfinite(range) || range < DBL_EPSILON) return NAN;
    (void)frexp(range, &unit);
    for (size_t i = 0; i < d->n; i++) {
        double c = ldexp(d->x[i] - d->mean, -unit), c2 = c * c;

        d->series[i] = c2;
        m2 += c2;
        m4 += c2 * c2;
    }
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

double bm_diag_mad(bm_diag *d)
{
    return fold(d) ? 1.4826 * bm_median_sorted(d->folded, d->n) : NAN;
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
