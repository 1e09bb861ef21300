/* plot_math.c: the numbers behind the pictures: kernel densities, ranks, autocorrelations. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double bm_average(const double *x, size_t n)
{
    double s = 0;

    for (size_t i = 0; i < n; i++) s += x[i];
    return s / (double)n;
}

double bm_deviation(const double *x, size_t n)
{
    double mean = bm_average(x, n), s = 0;

    for (size_t i = 0; i < n; i++) s += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? sqrt(s / (double)(n - 1)) : 0;
}

bm_status bm_plot_quantiles(const double *x, size_t n, const double *prob, size_t nprob, double *out, bm_error *err)
{
    double *copy = bm_alloc(n, sizeof *copy);

    if (!copy) return bm_nomem(err);
    memcpy(copy, x, n * sizeof *copy);
    bm_quantiles(copy, n, prob, nprob, out);
    free(copy);
    return BM_OK;
}

/* ---- kernel density (bandwidth: Silverman 1986, sec. 3.4.2; reflection: sec. 2.10) ---- */

double bm_kde_bandwidth(const double *x, size_t n)
{
    static const double prob[] = { 0.25, 0.75 };
    double              q[2], sd = bm_deviation(x, n), spread;

    if (bm_plot_quantiles(x, n, prob, 2, q, NULL) != BM_OK) return NAN;
    spread = (q[1] - q[0]) / 1.34;
    if (!(spread > 0) || spread > sd) spread = sd;
    return 1.06 * spread * pow((double)n, -0.2);
}

/* Adds one kernel, normalised, to the points that it reaches. */
static void add_kernel(double centre, double h, double weight, double lo, double step, size_t m, double *out)
{
    double from = ceil((centre - 4.5 * h - lo) / step), to = floor((centre + 4.5 * h - lo) / step);

    for (double i = from < 0 ? 0 : from; i <= to && i < (double)m; i++) {
        double z = (lo + i * step - centre) / h;

        out[(size_t)i] += weight * exp(-0.5 * z * z);
    }
}

bool bm_kde(const double *x, size_t n, double least, double most, double lo, double hi, size_t m, double *out)
{
    double h = bm_kde_bandwidth(x, n), step = (hi - lo) / (double)(m - 1), weight;

    memset(out, 0, m * sizeof *out);
    if (!(h > 1e-13 * fabs(x[0])) || !(h > 0) || !(step > 0)) return false;
    weight = 1 / ((double)n * h * sqrt(2 * M_PI));
    for (size_t i = 0; i < n; i++) {
        add_kernel(x[i], h, weight, lo, step, m, out);
        if (x[i] - least < 9 * h) add_kernel(2 * least - x[i], h, weight, lo, step, m, out);
        if (most - x[i] < 9 * h) add_kernel(2 * most - x[i], h, weight, lo, step, m, out);
    }
    for (size_t i = 0; i < m; i++)
        if (lo + (double)i * step < least - 1e-9 * step || lo + (double)i * step > most + 1e-9 * step) out[i] = 0;
    return true;
}

bool bm_kde_range(const double *x, size_t n, double least, double most, double *lo, double *hi)
{
    static const double prob[] = { 0.002, 0.998 };
    double              q[2], h = bm_kde_bandwidth(x, n);

    if (!(h > 1e-13 * fabs(x[0])) || bm_plot_quantiles(x, n, prob, 2, q, NULL) != BM_OK) return false;
    *lo = fmax(q[0] - 3 * h, least);
    *hi = fmin(q[1] + 3 * h, most);
    return *hi > *lo;
}

/* ---- ranks ---- */

typedef struct { double x; size_t at; } ranked;

static int by_value(const void *a, const void *b)
{
    const ranked *p = a, *q = b;

    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    return p->at < q->at ? -1 : p->at > q->at;
}

/* Tied draws (a Metropolis step that was rejected) take the places of their tie evenly, whatever chain they are of. */
bm_status bm_rank_counts(const double *x, size_t nchain, size_t niter, size_t nbin, double *count, bm_error *err)
{
    size_t  n = nchain * niter;
    ranked *r = bm_alloc(n, sizeof *r);

    if (!r) return bm_nomem(err);
    for (size_t i = 0; i < n; i++) r[i] = (ranked){ x[i], i };
    qsort(r, n, sizeof *r, by_value);
    memset(count, 0, nchain * nbin * sizeof *count);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && r[j].x == r[i].x; j++) continue;
        for (size_t k = i; k < j; k++)
            for (size_t place = i; place < j; place += 1 + (j - i) / 64) {       /* a sample of the places of a long tie */
                size_t places = (j - i + (j - i) / 64) / (1 + (j - i) / 64);

                count[r[k].at / niter * nbin + place * nbin / n] += 1 / (double)places;
            }
    }
    free(r);
    return BM_OK;
}

void bm_autocorrelation(const double *x, size_t n, size_t nlag, double *out)
{
    double mean = bm_average(x, n), var = 0;

    for (size_t i = 0; i < n; i++) var += (x[i] - mean) * (x[i] - mean);
    for (size_t lag = 0; lag <= nlag; lag++) {
        double s = 0;

        for (size_t i = lag; i < n; i++) s += (x[i] - mean) * (x[i - lag] - mean);
        out[lag] = var > 0 ? s / var : NAN;
    }
}

/* ---- axes, choices ---- */

double bm_nice_step(double range, int n)
{
    double raw = range / (n > 0 ? n : 1), power = pow(10, floor(log10(raw))), f = raw / power;

    if (!(raw > 0) || !isfinite(raw)) return 1;
    return power * (f <= 1 ? 1 : f <= 2 ? 2 : f <= 5 ? 5 : 10);
}

static int by_size(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    double        s = fabs(p->x), t = fabs(q->x);

    if (s != t) return s > t ? -1 : 1;
    return p->at < q->at ? -1 : p->at > q->at;
}

bm_status bm_largest(size_t **out, const double *x, size_t n, size_t k, bm_error *err)
{
    ranked *r = bm_alloc(n, sizeof *r);
    size_t *v = bm_alloc(k, sizeof *v);

    *out = NULL;
    if (!r || !v) {
        free(r);
        free(v);
        return bm_nomem(err);
    }
    for (size_t i = 0; i < n; i++) r[i] = (ranked){ x[i], i };
    if (k < n) qsort(r, n, sizeof *r, by_size);
    qsort(r, k, sizeof *r, by_value);
    for (size_t i = 0; i < k; i++) v[i] = r[i].at;
    free(r);
    *out = v;
    return BM_OK;
}
