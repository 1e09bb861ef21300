/* weights.c: what draws say of another distribution than the one they come from, by importance weights.
 *
 * Effective sample size after Kish (1965). When the largest weights have a Pareto tail with k > 0.7 their average is not to be trusted, however
 * many draws there are (Vehtari, Simpson, Gelman, Yao & Gabry 2024, JMLR 25(72)): the caller judges by k. */
#include "draws/draws_priv.h"

#include <math.h>

static const double HEAVY_WEIGHT = 10;

bool bm_weights_degenerate(double k, double top)
{
    return k > BM_HEAVY_TAIL && !(top < HEAVY_WEIGHT);
}

bm_status bm_weighted_moments(bm_weighted *out, const double *x, const double *log_w, size_t n, bm_error *err)
{
    double top = -INFINITY, sum = 0, sq = 0, mean = 0, var = 0;

    *out = (bm_weighted){ .mean = NAN, .sd = NAN, .ess = 0 };
    if (bm_pareto_k(&out->k, log_w, n, err) != BM_OK) return BM_ENOMEM;
    for (size_t i = 0; i < n; i++) top = fmax(top, log_w[i]);
    if (!isfinite(top)) return BM_OK;
    for (size_t i = 0; i < n; i++) {
        double w = exp(log_w[i] - top);

        sum += w;
        sq += w * w;
        mean += w * (x[i] - x[0]);                   /* from the first draw, so that no digits are lost */
    }
    mean /= sum;
    for (size_t i = 0; i < n; i++) {
        double e = x[i] - x[0] - mean;

        var += exp(log_w[i] - top) * e * e;
    }
    out->mean = x[0] + mean;
    out->sd = sqrt(var / sum);
    out->ess = sum * sum / sq;
    out->top = (double)n / sum;
    return BM_OK;
}
