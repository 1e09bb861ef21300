/* running.c: mean and standard deviation of values that come in portions: each portion in two passes, then merged (Chan, Golub & LeVeque 1983, The American
 * Statistician 37:242). */
#include "model/design_stream_priv.h"

#include <math.h>
#include <string.h>

void bm_running_add(bm_running *a, const double *x, size_t n)
{
    double part[4] = { 0 }, more[4] = { 0 }, sum, square, low, high, rest, m = (double)n, mean, step;

    if (n == 0) return;
    low = high = x[0];
    for (size_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    for (size_t i = 0; i < n; i++) part[i % 4] += x[i] / m;          /* divided first: no overflow */
    sum = part[0] + part[1] + part[2] + part[3];
    memset(part, 0, sizeof part);
    for (size_t i = 0; i < n; i++) {
        part[i % 4] += x[i] - sum;
        more[i % 4] += (x[i] - sum) * (x[i] - sum);
    }
    rest = part[0] + part[1] + part[2] + part[3];
    square = more[0] + more[1] + more[2] + more[3];
    mean = low == high ? low : sum + rest / m;
    if (low == high) square = 0;
    step = mean - a->mean;
    a->varies = a->varies || low != high || (a->n > 0 && step != 0);
    a->square += square + (a->n > 0 ? step * step * a->n * m / (a->n + m) : 0);
    a->n += m;
    if (a->varies || a->n == m) a->mean += step * m / a->n;
}

double bm_running_sd(const bm_running *a)
{
    return a->varies ? sqrt(a->square / (a->n - 1)) : 0;
}
