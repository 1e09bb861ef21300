/* uniform.c: are ranks uniform? Simultaneous confidence bands of the empirical distribution function, and the exact p-value behind them.
 *
 * Saeilynoja, Buerkner & Vehtari 2022, Statistics and Computing 32:32. At z_k = k / K the number of n uniform values up to z_k is binomial; pointwise
 * intervals of level 1 - gamma hold all of them together with a smaller probability, which the Markov chain of the counts gives exactly,
 *     C_{k+1} - C_k | C_k ~ binomial(n - C_k, 1 / (K - k)),
 * and gamma is lowered until that probability is the level wanted. With gamma at what the data just reach it is one minus their p-value.
 * Discrete ranks 0 .. L are exactly as continuous values where K divides L + 1. */
#include "draws/draws.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct bm_uniform {
    size_t  n, K;
    double *log_fact;        /* n + 1 */
    double *below, *above;   /* (K - 1) x (n + 1): P(C_k <= c), P(C_k >= c) */
    size_t *lo, *hi;         /* K - 1: scratch */
    double *scratch, *now, *next;    /* 2 (n + 1), its halves in turn */
};

static double binomial(const bm_uniform *u, size_t n, size_t k, double log_p, double log_q)
{
    double lp = u->log_fact[n] - u->log_fact[k] - u->log_fact[n - k];

    if (k) lp += (double)k * log_p;
    if (k < n) lp += (double)(n - k) * log_q;
    return exp(lp);
}

static void tails(bm_uniform *u, size_t k)
{
    size_t  n = u->n;
    double *below = u->below + k * (n + 1), *above = u->above + k * (n + 1), z = (double)(k + 1) / (double)u->K, sum = 0;

    for (size_t c = 0; c <= n; c++) {
        above[c] = binomial(u, n, c, log(z), log1p(-z));
        sum += above[c];
        below[c] = sum;
    }
    sum = 0;
    for (size_t c = n + 1; c-- > 0;) above[c] = sum += above[c];
}

bm_status bm_uniform_new(bm_uniform **out, size_t n, size_t K, bm_error *err)
{
    bm_uniform *u = bm_alloc(1, sizeof *u);

    *out = NULL;
    if (!u) return bm_nomem(err);
    u->n = n;
    u->K = K;
    u->log_fact = bm_alloc(n + 1, sizeof *u->log_fact);
    u->below = bm_alloc((K - 1) * (n + 1), sizeof *u->below);
    u->above = bm_alloc((K - 1) * (n + 1), sizeof *u->above);
    u->lo = bm_alloc(2 * K, sizeof *u->lo);
    u->scratch = bm_alloc(2 * (n + 1), sizeof *u->scratch);
    if (!u->log_fact || !u->below || !u->above || !u->lo || !u->scratch) {
        bm_uniform_free(u);
        return bm_nomem(err);
    }
    u->hi = u->lo + K;
    u->now = u->scratch;
    u->next = u->now + n + 1;
    for (size_t i = 1; i <= n; i++) u->log_fact[i] = u->log_fact[i - 1] + log((double)i);
    for (size_t k = 0; k + 1 < K; k++) tails(u, k);
    *out = u;
    return BM_OK;
}

void bm_uniform_free(bm_uniform *u)
{
    if (!u) return;
    free(u->log_fact);
    free(u->below);
    free(u->above);
    free(u->lo);
    free(u->scratch);
    free(u);
}

/* Counts whose both tails are above gamma / 2; lo > hi where there are none. */
static void intervals(const bm_uniform *u, double gamma, size_t *lo, size_t *hi)
{
    for (size_t k = 0; k + 1 < u->K; k++) {
        const double *below = u->below + k * (u->n + 1), *above = u->above + k * (u->n + 1);

        for (lo[k] = 0; lo[k] < u->n && !(below[lo[k]] > gamma / 2); lo[k]++) { }
        for (hi[k] = u->n; hi[k] > 0 && !(above[hi[k]] > gamma / 2); hi[k]--) { }
    }
}

/* P(lo_k <= C_k <= hi_k for all k). */
static double all_inside(bm_uniform *u, const size_t *lo, const size_t *hi)
{
    size_t from = 0, to = 0;
    double total = 0;

    u->now[0] = 1;                                   /* C_0 = 0 */
    for (size_t k = 0; k + 1 < u->K; k++) {
        double p = 1 / (double)(u->K - k), log_p = log(p), log_q = log1p(-p);

        if (lo[k] > hi[k]) return 0;
        for (size_t c = lo[k]; c <= hi[k]; c++) {
            double sum = 0;

            for (size_t b = from; b <= to && b <= c; b++)
                if (u->now[b] > 0) sum += u->now[b] * binomial(u, u->n - b, c - b, log_p, log_q);
            u->next[c] = sum;
        }
        from = lo[k];
        to = hi[k];
        double *t = u->now;
        u->now = u->next;
        u->next = t;
    }
    for (size_t c = from; c <= to; c++) total += u->now[c];
    return total;
}

double bm_uniform_pvalue(bm_uniform *u, const size_t *count)
{
    double gamma = 2;                                /* a tail includes the count itself: two of them may exceed 1 */

    for (size_t k = 0; k + 1 < u->K; k++) {
        double below = u->below[k * (u->n + 1) + count[k]], above = u->above[k * (u->n + 1) + count[k]];

        gamma = fmin(gamma, 2 * fmin(below, above));
    }
    intervals(u, gamma * (1 + 1e-9), u->lo, u->hi);  /* what the data reach is outside */
    return fmin(fmax(1 - all_inside(u, u->lo, u->hi), 0), 1);
}

void bm_uniform_bands(bm_uniform *u, double level, size_t *lo, size_t *hi)
{
    double narrow = 1, wide = (1 - level) / (double)u->K / 2;    /* Bonferroni's: wide enough */

    for (int i = 0; i < 40; i++) {
        double middle = sqrt(narrow * wide);

        intervals(u, middle, u->lo, u->hi);
        if (all_inside(u, u->lo, u->hi) < level) narrow = middle;
        else wide = middle;
    }
    intervals(u, wide, lo, hi);
}

void bm_rank_scores(const int *rank, size_t n, size_t stride, int L, double *mean, double *spread)
{
    double m2 = 0, m4 = 0, sum = 0, sq = 0;
    size_t used = 0;

    for (int r = 0; r <= L; r++) {
        double z = gsl_cdf_ugaussian_Pinv((r + 0.5) / (L + 1));

        m2 += z * z / (L + 1);
        m4 += z * z * z * z / (L + 1);
    }
    for (size_t i = 0; i < n; i++) {
        if (rank[i * stride] < 0) continue;
        double z = gsl_cdf_ugaussian_Pinv((rank[i * stride] + 0.5) / (L + 1));

        sum += z;
        sq += z * z - m2;
        used++;
    }
    *mean = sum / sqrt(m2 * (double)used);
    *spread = sq / sqrt((m4 - m2 * m2) * (double)used);
}
