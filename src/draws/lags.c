/* lags.c: autocovariances of split chains, as Geyer's sequence asks for them: chains that mix need a dozen lags, which sums of products give sooner than a
 * transform; from FFT_FROM lags on, a transform gives all of them. Of a series of zeros and ones they are counted in bits, 64 draws at once. */
#include "draws/draws_priv.h"

#include "base/v8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FFT_FROM = 64, FFT_FROM_BITS = 512 };

/* sum[l] += v of the draws i times those at i + lag + l, for eight chains side by side, i < n. The sums of a chain keep their order and are not fused
 * (Makefile): wider registers do not change a bit. */
BM_CLONES static void products(const double *v, size_t lag, size_t n, double sum[BM_LAGS][V8_LANES])
{
    v8 s[BM_LAGS] = { 0 };

    for (size_t i = 0; i < n; i++) {
        v8 y = v8_load(v + i * V8_LANES);

        for (int l = 0; l < BM_LAGS; l++) s[l] += y * v8_load(v + (i + lag + l) * V8_LANES);
    }
    for (int l = 0; l < BM_LAGS; l++) v8_store(sum[l], s[l]);
}

static void more_by_products(bm_split *s)
{
    double total[BM_LAGS] = { 0 }, sum[BM_LAGS][V8_LANES];

    for (size_t b = 0; b < s->nblock; b++) {
        products(bm_split_block(s, b), s->nlag, s->half - s->nlag, sum);
        for (int l = 0; l < BM_LAGS; l++)
            for (size_t k = 0; k < V8_LANES; k++) total[l] += sum[l][k];     /* 0 where there is no chain */
    }
    for (int l = 0; l < BM_LAGS; l++) s->acov[s->nlag + l] = total[l] / ((double)s->half * (double)s->nsplit);
}

/* How many bits are one, and so is that lag further on. w: with a word of zeros behind. */
BM_INLINE size_t count_pairs(const uint64_t *w, size_t nword, size_t lag)
{
    const uint64_t *far = w + lag / 64;
    unsigned        shift = lag % 64;
    size_t          n = 0;

    for (size_t i = 0; i + lag / 64 < nword; i++)
        n += (size_t)__builtin_popcountll(w[i] & (far[i] >> shift | far[i + 1] << 1 << (63 - shift)));
    return n;
}

/* How many of the first n bits. */
BM_INLINE size_t count_first(const uint64_t *w, size_t n)
{
    size_t k = 0;

    for (; n >= 64; n -= 64) k += (size_t)__builtin_popcountll(*w++);
    return n ? k + (size_t)__builtin_popcountll(*w << (64 - n)) : k;
}

/* sum of (b[i] - c/h) (b[i + lag] - c/h), h^2 times: whole numbers. */
BM_CLONES static double count_lag(const bm_split *s, size_t k, size_t lag)
{
    const uint64_t *w = s->bits + k * s->nword;
    double          h = (double)s->half, c = (double)s->ones[k], pairs = (double)count_pairs(w, s->nword - 1, lag);
    size_t          head = count_first(w, s->half - lag), tail = s->ones[k] - count_first(w, lag);

    return h * h * pairs - h * c * (double)(head + tail) + (h - (double)lag) * c * c;
}

static void more_by_bits(bm_split *s)
{
    double h = (double)s->half;

    for (size_t lag = s->nlag; lag < s->nlag + BM_LAGS; lag++) {
        double total = 0;

        for (size_t k = 0; k < s->nsplit && lag < s->half; k++) total += count_lag(s, k, lag);
        s->acov[lag] = total / (h * h * h * (double)s->nsplit);
    }
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

/* The centred draws of a series in bits. */
static void spread_bits(bm_split *s)
{
    for (size_t k = 0; k < s->nsplit; k++) {
        double *v = bm_split_block(s, k / V8_LANES) + k % V8_LANES;

        for (size_t i = 0; i < s->half; i++) v[i * V8_LANES] = (double)(s->bits[k * s->nword + i / 64] >> (i % 64) & 1) - s->mean[k];
    }
}

/* Wiener-Khinchin on zero-padded chains, two at a time as real and imaginary parts: of the squared modulus only the even
 * part, which is the sum of the two chains' power, reaches the real part of the inverse. */
static void all_by_transform(bm_split *s)
{
    size_t  m = s->nfft;
    double *z = s->fft, *power = s->fft + 2 * m, scale = (double)m * (double)s->half * (double)s->nsplit;

    if (s->by_bits) spread_bits(s);
    memset(power, 0, m * sizeof *power);
    for (size_t k = 0; k < s->nsplit; k += 2) {          /* an even number: halves of chains */
        const double *v = bm_split_block(s, k / V8_LANES) + k % V8_LANES;

        memset(z, 0, 2 * m * sizeof *z);
        for (size_t i = 0; i < s->half; i++) memcpy(z + 2 * i, v + i * V8_LANES, 2 * sizeof *z);
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

void bm_split_more_lags(bm_split *s)
{
    if (s->nlag >= (s->by_bits ? FFT_FROM_BITS : FFT_FROM) && fft_ready(s)) {
        all_by_transform(s);
        return;
    }
    if (s->by_bits) more_by_bits(s);
    else more_by_products(s);
    s->nlag += BM_LAGS;
}
