/* split.c: what R-hat and the effective sample size need of split chains: means, variances, autocovariances.
 * Vehtari et al. (2021), Bayesian Analysis 16:667, sections 3 and 4; Geyer (1992), Statistical Science 7:473. The order of
 * steps and the ends of the sequences are those of R's posterior.
 *
 * Autocovariances are computed as Geyer's sequence asks for them: chains that mix need a dozen lags, which sums of products
 * give sooner than a transform; from FFT_FROM lags on, a transform gives all of them. */
#include "draws/draws_priv.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 8, FFT_FROM = 64 };
typedef double quad __attribute__((vector_size(BATCH / 2 * sizeof(double))));
typedef double unaligned_quad __attribute__((vector_size(BATCH / 2 * sizeof(double)), aligned(sizeof(double)), may_alias));

/* Chosen when the program is loaded, which the sanitizers' run-time does not survive. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) \
    && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LANES __attribute__((target_clones("avx2", "default")))
#else
#define LANES
#endif

static size_t stride(const bm_split *s)
{
    return s->half + BATCH;                              /* zeros behind each chain let batches of lags run over its end */
}

bm_status bm_split_init(bm_split *s, size_t nchain, size_t niter)
{
    *s = (bm_split){ .nchain = nchain, .niter = niter, .half = niter / 2, .nsplit = 2 * nchain, .nfft = 1 };
    while (s->nfft < 2 * s->half) s->nfft *= 2;
    s->v = bm_alloc(s->nsplit, stride(s) * sizeof *s->v);
    s->mean = bm_alloc(s->nsplit, sizeof *s->mean);
    s->acov = bm_alloc(stride(s), sizeof *s->acov);
    s->rho = bm_alloc(stride(s), sizeof *s->rho);
    if (s->v && s->mean && s->acov && s->rho) return BM_OK;
    bm_split_clear(s);
    return BM_ENOMEM;
}

void bm_split_clear(bm_split *s)
{
    free(s->v);
    free(s->mean);
    free(s->acov);
    free(s->rho);
    free(s->fft);
    free(s->twiddle);
    *s = (bm_split){ 0 };
}

/* Four sums side by side: additions do not wait for one another. */
static double sum(const double *x, size_t n)
{
    double a[4] = { 0 };
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) a[k] += x[i + k];
    for (; i < n; i++) a[0] += x[i];
    return (a[0] + a[1]) + (a[2] + a[3]);
}

/* Corrected by the mean of what is left, so that the mean of equal numbers is that number. */
double bm_mean(const double *x, size_t n)
{
    double m = sum(x, n) / (double)n, left[4] = { 0 };
    size_t i = 0;

    if (!isfinite(m)) return m;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) left[k] += x[i + k] - m;
    for (; i < n; i++) left[0] += x[i] - m;
    return m + ((left[0] + left[1]) + (left[2] + left[3])) / (double)n;
}

static const double *split_chain(const bm_split *s, const double *x, size_t k)
{
    return x + k / 2 * s->niter + (k % 2 ? s->niter - s->half : 0);
}

/* NaN or Inf, or all the same to within DBL_EPSILON. */
static bool undefined(const bm_split *s, const double *x)
{
    double lo = INFINITY, hi = -INFINITY;

    for (size_t k = 0; k < s->nsplit; k++) {
        const double *c = split_chain(s, x, k);

        for (size_t i = 0; i < s->half; i++) {
            if (!isfinite(c[i])) return true;
            lo = fmin(lo, c[i]);
            hi = fmax(hi, c[i]);
        }
    }
    return hi - lo < DBL_EPSILON;
}

/* acc[l] += sum of v[i] w[i + l], i < n, for two chains, the one after the other: each loaded draw is used for all lags of a batch, and the sums of one
 * chain are added while the other's wait for theirs. The lanes are the lags, and each lag's sums keep their order, so wider registers do not change a bit. */
LANES static void lag_products(const double *v, const double *w, const double *v2, const double *w2, size_t n, double *acc)
{
    quad a = { 0 }, b = { 0 }, a2 = { 0 }, b2 = { 0 };

    for (size_t i = 0; i < n; i++) {
        a += v[i] * *(const unaligned_quad *)(w + i);
        b += v[i] * *(const unaligned_quad *)(w + i + BATCH / 2);
        a2 += v2[i] * *(const unaligned_quad *)(w2 + i);
        b2 += v2[i] * *(const unaligned_quad *)(w2 + i + BATCH / 2);
    }
    for (int l = 0; l < BATCH / 2; l++) {
        acc[l] = (acc[l] + a[l]) + a2[l];
        acc[l + BATCH / 2] = (acc[l + BATCH / 2] + b[l]) + b2[l];
    }
}

/* The next BATCH autocovariances. The chains are halves of chains: an even number. */
static void more_lags(bm_split *s)
{
    double total[BATCH] = { 0 };

    for (size_t k = 0; k < s->nsplit; k += 2) {
        const double *v = s->v + k * stride(s), *v2 = v + stride(s);

        lag_products(v, v + s->nlag, v2, v2 + s->nlag, s->half - s->nlag, total);
    }
    for (int l = 0; l < BATCH; l++) s->acov[s->nlag + l] = total[l] / ((double)s->half * (double)s->nsplit);
    s->nlag += BATCH;
}

bool bm_split_load(bm_split *s, const double *x)
{
    double n = (double)s->half, mean, ss = 0;

    s->nlag = 0;
    if (s->half < 2) return false;
    for (size_t k = 0; k < s->nsplit; k++) {
        const double *c = split_chain(s, x, k);
        double       *v = s->v + k * stride(s), m = bm_mean(c, s->half);

        for (size_t i = 0; i < s->half; i++) v[i] = c[i] - m;
        s->mean[k] = m;
    }
    mean = bm_mean(s->mean, s->nsplit);
    for (size_t k = 0; k < s->nsplit; k++) ss += (s->mean[k] - mean) * (s->mean[k] - mean);
    s->var_means = ss / (double)(s->nsplit - 1);
    more_lags(s);
    s->mean_var = s->acov[0] * n / (n - 1);
    /* Draws within DBL_EPSILON of one another have less variance than its square, so most need no second look. */
    return (isfinite(s->mean_var) && s->mean_var + s->var_means > DBL_EPSILON * DBL_EPSILON) || !undefined(s, x);
}

double bm_split_rhat(const bm_split *s)
{
    double n = (double)s->half;

    return sqrt((n * s->var_means / s->mean_var + n - 1) / n);
}

/* Decimation in frequency, natural order in, bit-reversed out: the inverse below takes that order, so nothing is ever
 * permuted. */
static void fft_forward(double *z, const double *w, size_t m)
{
    for (size_t len = m; len >= 2; len /= 2)
        for (size_t b = 0; b < m; b += len)
            for (size_t j = 0; j < len / 2; j++) {
                double *p = z + 2 * (b + j), *q = p + len, c = w[2 * j * (m / len)], d = w[2 * j * (m / len) + 1];
                double  re = p[0] - q[0], im = p[1] - q[1];

                p[0] += q[0];
                p[1] += q[1];
                q[0] = re * c - im * d;
                q[1] = re * d + im * c;
            }
}

/* Decimation in time, bit-reversed in, natural order out; not divided by m. */
static void fft_back(double *z, const double *w, size_t m)
{
    for (size_t len = 2; len <= m; len *= 2)
        for (size_t b = 0; b < m; b += len)
            for (size_t j = 0; j < len / 2; j++) {
                double *p = z + 2 * (b + j), *q = p + len, c = w[2 * j * (m / len)], d = -w[2 * j * (m / len) + 1];
                double  re = q[0] * c - q[1] * d, im = q[0] * d + q[1] * c;

                q[0] = p[0] - re;
                q[1] = p[1] - im;
                p[0] += re;
                p[1] += im;
            }
}

static bool fft_ready(bm_split *s)
{
    size_t m = s->nfft;

    if (s->fft) return true;
    if (s->failed) return false;
    s->fft = bm_alloc(3 * m, sizeof *s->fft);
    s->twiddle = bm_alloc(m, sizeof *s->twiddle);
    if (!s->fft || !s->twiddle) {
        free(s->fft);
        free(s->twiddle);
        s->fft = s->twiddle = NULL;
        s->failed = true;
        return false;
    }
    for (size_t j = 0; j < m / 2; j++) {
        s->twiddle[2 * j] = cos(2 * M_PI * (double)j / (double)m);
        s->twiddle[2 * j + 1] = -sin(2 * M_PI * (double)j / (double)m);
    }
    return true;
}

/* Wiener-Khinchin on zero-padded chains, two at a time as real and imaginary parts: of the squared modulus only the even
 * part, which is the sum of the two chains' power, reaches the real part of the inverse. */
static void all_lags(bm_split *s)
{
    size_t  m = s->nfft;
    double *z = s->fft, *power = s->fft + 2 * m, scale = (double)m * (double)s->half * (double)s->nsplit;

    memset(power, 0, m * sizeof *power);
    for (size_t k = 0; k < s->nsplit; k += 2) {          /* an even number: halves of chains */
        const double *a = s->v + k * stride(s), *b = a + stride(s);

        memset(z, 0, 2 * m * sizeof *z);
        for (size_t i = 0; i < s->half; i++) {
            z[2 * i] = a[i];
            z[2 * i + 1] = b[i];
        }
        fft_forward(z, s->twiddle, m);
        for (size_t i = 0; i < m; i++) power[i] += z[2 * i] * z[2 * i] + z[2 * i + 1] * z[2 * i + 1];
    }
    for (size_t i = 0; i < m; i++) {
        z[2 * i] = power[i];
        z[2 * i + 1] = 0;
    }
    fft_back(z, s->twiddle, m);
    for (; s->nlag < s->half; s->nlag++) s->acov[s->nlag] = z[2 * s->nlag] / scale;
}

static double rho(bm_split *s, double var_plus, size_t lag)
{
    while (lag >= s->nlag) {
        if (s->nlag >= FFT_FROM && fft_ready(s)) all_lags(s);
        else more_lags(s);
    }
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
