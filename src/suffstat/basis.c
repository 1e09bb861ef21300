/* basis.c: a well-conditioned basis for the columns of a design matrix. */
#include "suffstat/suffstat_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double dot_w(size_t n, const double *x, const double *y, const double *w)
{
    double s = 0;

    if (!w) return bm_dot(n, x, y);
    for (size_t i = 0; i < n; i++) s += w[i] * x[i] * y[i];
    return s;
}

/* One pass: takes from q its components along columns 0 .. j-1 and adds the combination that was taken to k (j coefficients). */
static void project_out(double *q, double *k, const double *Q, const bool *dependent, size_t n, size_t j, const double *w, double norm2)
{
    for (size_t l = 0; l < j; l++) {
        const double *ql = Q + l * n;

        if (dependent[l]) continue;
        double c = dot_w(n, ql, q, w) / norm2;
        for (size_t i = 0; i < n; i++) q[i] -= c * ql[i];
        k[l] += c;
    }
}

/* Column j of K from the coefficients r on the orthogonal columns: x~_j = (x_j - sum_l r_l x~_l) * scale. */
static void map_column(double *K, const double *r, size_t m, size_t j, double scale)
{
    double *kj = K + j * m;

    for (size_t l = 0; l < j; l++) {
        const double *kl = K + l * m;

        for (size_t i = 0; i <= l; i++) kj[i] -= r[l] * kl[i];
    }
    for (size_t i = 0; i < j; i++) kj[i] *= scale;
    kj[j] = scale;
}

bm_status bm_orthogonalise(double *Q, double *K, bool *dependent, size_t n, size_t m, const double *w, double norm2, double tol,
                           bm_error *err)
{
    double *r = bm_alloc(m, sizeof *r);

    if (!r) return bm_nomem(err);
    memset(K, 0, m * m * sizeof *K);
    for (size_t j = 0; j < m; j++) {
        double *q = Q + j * n, length = sqrt(dot_w(n, q, q, w));

        memset(r, 0, m * sizeof *r);
        project_out(q, r, Q, dependent, n, j, w, norm2);
        project_out(q, r, Q, dependent, n, j, w, norm2);
        double left = sqrt(dot_w(n, q, q, w));
        dependent[j] = !(left > tol * length);
        if (dependent[j]) {                          /* x~_j is what is left over: nothing. Scaled to be of the others' size */
            memset(q, 0, n * sizeof *q);
            map_column(K, r, m, j, length > 0 ? sqrt(norm2) / length : 1);
            continue;
        }
        double scale = sqrt(norm2) / left;
        for (size_t i = 0; i < n; i++) q[i] *= scale;
        map_column(K, r, m, j, scale);
    }
    free(r);
    return BM_OK;
}
