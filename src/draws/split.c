/* split.c: what R-hat and the effective sample size need of split chains: means, variances, autocovariances (lags.c).
 * Vehtari et al. (2021), Bayesian Analysis 16:667, sections 3 and 4; Geyer (1992), Statistical Science 7:473. The order of
 * steps and the ends of the sequences are those of R's posterior. */
#include "draws/draws_priv.h"

#include "base/v8.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void set_places(bm_split *s)
{
    size_t end = s->nblock * s->half * V8_LANES;

    for (size_t c = 0; c < s->nchain; c++)
        for (size_t i = 0; i < s->niter; i++) {
            size_t late = i >= s->half, row = late ? i - (s->niter - s->half) : i, k = 2 * c + late;
            bool   middle = late && i < s->niter - s->half;

            s->place[c * s->niter + i] = (uint32_t)(middle ? end + c : (k / V8_LANES * s->half + row) * V8_LANES + k % V8_LANES);
        }
}

/* n zeros, on lines of the cache; NULL: out of memory. */
static double *lines(size_t n)
{
    size_t  bytes = n > SIZE_MAX / 16 ? 0 : (n * sizeof(double) + 64) / 64 * 64;
    double *x = bytes ? aligned_alloc(64, bytes) : NULL;

    return x ? memset(x, 0, bytes) : NULL;
}

double *bm_split_series(const bm_split *s)
{
    return lines(s->size);
}

bm_status bm_split_init(bm_split *s, size_t nchain, size_t niter)
{
    *s = (bm_split){ .nchain = nchain, .niter = niter, .half = niter / 2, .nsplit = 2 * nchain, .nfft = 1 };
    while (s->nfft < 2 * s->half) s->nfft *= 2;
    s->nblock = (s->nsplit + V8_LANES - 1) / V8_LANES;
    s->size = s->nblock * s->half * V8_LANES + (niter % 2 ? nchain : 0);
    s->nword = s->half / 64 + 2;
    s->place = s->size > UINT32_MAX ? NULL : bm_alloc(nchain * niter, sizeof *s->place);
    s->v = lines(s->nblock * (s->half + BM_LAGS) * V8_LANES);
    s->mean = bm_alloc(s->nblock, V8_LANES * sizeof *s->mean);
    s->bits = bm_alloc(s->nsplit, s->nword * sizeof *s->bits);
    s->ones = bm_alloc(s->nsplit, sizeof *s->ones);
    s->acov = bm_alloc(s->half + BM_LAGS, sizeof *s->acov);
    s->rho = bm_alloc(s->half + BM_LAGS, sizeof *s->rho);
    if (!s->place || !s->v || !s->mean || !s->bits || !s->ones || !s->acov || !s->rho) {
        bm_split_clear(s);
        return BM_ENOMEM;
    }
    set_places(s);
    return BM_OK;
}

void bm_split_clear(bm_split *s)
{
    free(s->place);
    free(s->v);
    free(s->mean);
    free(s->bits);
    free(s->ones);
    free(s->acov);
    free(s->rho);
    free(s->fft);
    free(s->twiddle);
    *s = (bm_split){ 0 };
}

double *bm_split_block(const bm_split *s, size_t b)
{
    return s->v + b * (s->half + BM_LAGS) * V8_LANES;
}

void bm_split_arrange(const bm_split *s, const double *x, double *series)
{
    for (size_t i = 0; i < s->nchain * s->niter; i++) series[s->place[i]] = x[i];
}

/* Corrected by the mean of what is left, so that the mean of equal numbers is that number. */
double bm_mean(const double *x, size_t n)
{
    double m = bm_sum_scaled(n, x, 1) / (double)n, left, squares;

    if (!isfinite(m)) return m;
    bm_sums_about(n, x, m, &left, &squares);
    return m + left / (double)n;
}

/* Means of eight chains side by side, and what is left of the draws. Means are corrected by those of what is left, so that the mean of equal numbers is that number. Four sums
 * of each: additions do not wait for one another. */
BM_CLONES static void centre(const double *x, size_t n, double *mean, double *v)
{
    v8     a[4] = { 0 }, m;
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++) a[k] += v8_load(x + (i + k) * V8_LANES);
    for (; i < n; i++) a[0] += v8_load(x + i * V8_LANES);
    m = ((a[0] + a[1]) + (a[2] + a[3])) / (double)n;
    for (size_t k = 0; k < 4; k++) a[k] = v8_splat(0);
    for (i = 0; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++) a[k] += v8_load(x + (i + k) * V8_LANES) - m;
    for (; i < n; i++) a[0] += v8_load(x + i * V8_LANES) - m;
    a[0] = ((a[0] + a[1]) + (a[2] + a[3])) / (double)n;
    for (size_t k = 0; k < V8_LANES; k++)
        if (isfinite(m[k])) m[k] += a[0][k];
    v8_store(mean, m);
    for (i = 0; i < n; i++) v8_store(v + i * V8_LANES, v8_load(x + i * V8_LANES) - m);
}

/* Rows of eight, those of chains that there are (kept 1, else 0). */
BM_CLONES static void squares(const double *x, size_t n, double centre, double scale, const double *kept, double *square, double *sum, double *sum2)
{
    v8 keep = v8_load(kept), a = { 0 }, b = { 0 };

    for (size_t i = 0; i < n * V8_LANES; i += V8_LANES) {
        v8 c = (v8_load(x + i) - centre) * scale, c2 = c * c * keep;

        v8_store(square + i, c2);
        a += c2;
        b += c2 * c2;
    }
    for (size_t k = 0; k < V8_LANES; k++) {
        *sum += a[k];
        *sum2 += b[k];
    }
}

void bm_split_squares(const bm_split *s, const double *series, double centre, double scale, double *square, double *sum, double *sum2)
{
    size_t end = s->nblock * s->half * V8_LANES;

    *sum = *sum2 = 0;
    for (size_t b = 0; b < s->nblock; b++) {
        double kept[V8_LANES];

        for (size_t k = 0; k < V8_LANES; k++) kept[k] = b * V8_LANES + k < s->nsplit;
        squares(series + b * s->half * V8_LANES, s->half, centre, scale, kept, square + b * s->half * V8_LANES, sum, sum2);
    }
    for (size_t i = end; i < s->size; i++) {             /* the middle ones */
        double c = (series[i] - centre) * scale, c2 = c * c;

        square[i] = c2;
        *sum += c2;
        *sum2 += c2 * c2;
    }
}

/* NaN or Inf, or all the same to within DBL_EPSILON. */
static bool undefined(const bm_split *s, const double *series)
{
    double lo = INFINITY, hi = -INFINITY;

    for (size_t i = 0; i < s->nchain * s->niter; i++) {
        double x = series[s->place[i]];

        if (s->place[i] >= s->nblock * s->half * V8_LANES) continue;
        if (!isfinite(x)) return true;
        lo = fmin(lo, x);
        hi = fmax(hi, x);
    }
    return hi - lo < DBL_EPSILON;
}

/* With the means known. */
static void set_variances(bm_split *s)
{
    double n = (double)s->half, mean = bm_mean(s->mean, s->nsplit), ss = 0;

    for (size_t k = 0; k < s->nsplit; k++) ss += (s->mean[k] - mean) * (s->mean[k] - mean);
    s->var_means = ss / (double)(s->nsplit - 1);
    s->nlag = 0;
    bm_split_more_lags(s);
    s->mean_var = s->acov[0] * n / (n - 1);
}

bool bm_split_load(bm_split *s, const double *series)
{
    s->by_bits = false;
    if (s->half < 2) return false;
    for (size_t b = 0; b < s->nblock; b++) centre(series + b * s->half * V8_LANES, s->half, s->mean + b * V8_LANES, bm_split_block(s, b));
    set_variances(s);
    /* Draws within DBL_EPSILON of one another have less variance than its square, so most need no second look. */
    return (isfinite(s->mean_var) && s->mean_var + s->var_means > DBL_EPSILON * DBL_EPSILON) || !undefined(s, series);
}

/* Bit i: is x[i] <= q? */
BM_CLONES static size_t set_bits(uint64_t *w, const double *x, size_t n, double q)
{
    size_t ones = 0;

    for (size_t i = 0; i < n; i += 64, w++) {
        size_t   m = n - i < 64 ? n - i : 64;
        uint64_t bits = 0;

        for (size_t k = 0; k < m; k++) bits |= (uint64_t)(x[i + k] <= q) << k;
        ones += (size_t)__builtin_popcountll(*w = bits);
    }
    return ones;
}

bool bm_split_load_below(bm_split *s, const double *x, double q)
{
    size_t total = 0;

    s->by_bits = true;
    if (s->half < 2) return false;
    for (size_t k = 0; k < s->nsplit; k++) {
        s->ones[k] = set_bits(s->bits + k * s->nword, x + k / 2 * s->niter + (k % 2 ? s->niter - s->half : 0), s->half, q);
        s->mean[k] = (double)s->ones[k] / (double)s->half;
        total += s->ones[k];
    }
    set_variances(s);
    return total > 0 && total < s->nsplit * s->half;
}

double bm_split_rhat(const bm_split *s)
{
    double n = (double)s->half;

    return sqrt((n * s->var_means / s->mean_var + n - 1) / n);
}

static double rho(bm_split *s, double var_plus, size_t lag)
{
    while (lag >= s->nlag) bm_split_more_lags(s);
    return 1 - (s->mean_var - s->acov[lag]) / var_plus;
}

/* Geyer's initial positive sequence of sums of pairs rho[t] + rho[t + 1], t even. Returns where it ends, with what is left
 * of its last pair in r[end]. */
static size_t initial_positive(bm_split *s, double var_plus, double *r)
{
    double even = 1, odd = rho(s, var_plus, 1);
    size_t t = 0;

    r[0] = even;
    r[1] = odd;
    while (t + 5 < s->half && even + odd > 0) {          /* not NaN */
        t += 2;
        even = rho(s, var_plus, t);
        odd = rho(s, var_plus, t + 1);
        r[t] = r[t + 1] = 0;
        if (even + odd >= 0) {
            r[t] = even;
            r[t + 1] = odd;
        }
    }
    if (even > 0) r[t] = even;
    return t;
}

/* Then made monotone: no pair above the one before it. */
static void initial_monotone(double *r, size_t end)
{
    for (size_t t = 2; t + 2 <= end; t += 2)
        if (r[t] + r[t + 1] > r[t - 2] + r[t - 1]) r[t] = r[t + 1] = (r[t - 2] + r[t - 1]) / 2;
}

double bm_split_ess(bm_split *s)
{
    double n = (double)s->half, draws = n * (double)s->nsplit, var_plus, tau, bound = 1 / log10(draws);
    size_t end;

    if (s->half < 3) return NAN;
    var_plus = s->mean_var * (n - 1) / n + s->var_means;
    end = initial_positive(s, var_plus, s->rho);
    initial_monotone(s->rho, end);
    tau = -1 + s->rho[end];
    /* With end = 0 the first is taken once: R's 1:0 counts down. */
    for (size_t t = 0; t < (end ? end : 1); t++) tau += 2 * s->rho[t];
    if (isnan(tau)) return NAN;
    return draws / fmax(tau, bound);
}
