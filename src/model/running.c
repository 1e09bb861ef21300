/* running.c: mean and standard deviation of values that come in portions: each portion in two passes, then merged (Chan, Golub & LeVeque 1983, The American
 * Statistician 37:242). */
#include "model/design_stream_priv.h"

#include <math.h>

void bm_running_add(bm_running *a, const double *x, size_t n)
{
    double m = (double)n, mean, square = 0, step;
    bool   constant;

    if (n == 0) return;
    mean = x[0];
    if (!(constant = bm_all_equal(n, x))) {
        double centre = bm_sum_scaled(n, x, 1 / m), rest;        /* divided first: no overflow */

        bm_sums_about(n, x, centre, &rest, &square);
        mean = centre + rest / m;
    }
    a->nonzero += constant ? (x[0] != 0 ? n : 0) : bm_count_nonzero(n, x);
    step = mean - a->mean;
    a->varies = a->varies || !constant || (a->n > 0 && step != 0);
    a->square += square + (a->n > 0 ? step * step * a->n * m / (a->n + m) : 0);
    a->n += m;
    if (a->varies || a->n == m) a->mean += step * m / a->n;
}

double bm_running_sd(const bm_running *a)
{
    return a->varies ? sqrt(a->square / (a->n - 1)) : 0;
}
