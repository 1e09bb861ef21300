/* effects_joint.c: effects of several grouping factors given theta, by their common Cholesky factor M = C C'.
 *
 * Given theta and beta, u = Kz T v with v ~ N(M^-1 T'(c - B beta), sigma^2 M^-1) over all levels together; beta integrated out, the
 * variance of v is sigma^2 (M^-1 + H H'), H = C'^-1 E R'^-1. */
#include "posterior/posterior_priv.h"

#include <stdlib.h>
#include <string.h>

/* X (q x q) = Kz T */
static void to_user(const bm_facstat *f, const double *T, double *X)
{
    size_t q = f->q;

    for (size_t b = 0; b < q; b++)
        for (size_t a = 0; a < q; a++) {
            double v = 0;

            for (size_t l = a; l < q; l++) v += f->Kz[a + l * q] * T[l + b * q];
            X[a + b * q] = v;
        }
}

/* u = Kz T v, level by level; v (nv, in the order of elimination) in rows of n, the last number of each. */
static void place_effects(const bm_marginal *m, const double *v, size_t n, double *u)
{
    const bm_joint *j = m->pk->joint;
    double          X[BM_QMAX * BM_QMAX];

    for (size_t k = 0, at = 0; k < j->nfac; k++) {
        const bm_facstat *f = &m->st->fac[k];
        size_t            q = f->q;

        to_user(f, m->T + at, X);
        for (size_t lev = 0; lev < f->J; lev++, u += q) {
            const double *vj = v + j->at[j->place[j->base[k] + lev]] * n + n - 1;

            for (size_t a = 0; a < q; a++) {
                u[a] = 0;
                for (size_t b = 0; b < q; b++) u[a] += X[a + b * q] * vj[b * n];
            }
        }
        at += q * q;
    }
}

static bm_status scratch(bm_marginal *m)
{
    bm_joint_work *w = m->joint;

    if (!w->E) w->E = bm_alloc(m->pk->joint->nv * (m->p + 1), sizeof *w->E);
    return w->E ? BM_OK : BM_ENOMEM;
}

bm_status bm_joint_effects(bm_marginal *m, const double *beta, bm_rng *rng, double *u)
{
    const bm_joint *j = m->pk->joint;
    size_t          p = m->p;
    double         *v;

    if (scratch(m) != BM_OK) return BM_ENOMEM;
    v = m->joint->E;
    bm_noise(rng, v, j->nv);
    for (size_t i = 0; i < j->nv; i++) {
        const double *f = m->joint->F + i * (p + 1);

        v[i] = m->sigma * v[i] + f[p] - bm_dot(p, f, beta);
    }
    bm_joint_backsolve(j, m->joint, v, 1);
    place_effects(m, v, 1, u);
    return BM_OK;
}

/* Variances of the q effects of one level: the diagonal of sigma^2 X (N + H H') X'. H: rows of n, the first p of each; NULL: none. */
static void level_variances(size_t q, size_t p, size_t n, const double *X, const double *N, const double *H, double s2, double *var)
{
    for (size_t a = 0; a < q; a++) {
        double total = 0;

        for (size_t c = 0; c < q; c++)
            for (size_t b = 0; b < q; b++) total += X[a + b * q] * N[b + c * q] * X[a + c * q];
        for (size_t x = 0; H && x < p; x++) {
            double h = 0;

            for (size_t b = 0; b < q; b++) h += X[a + b * q] * H[b * n + x];
            total += h * h;
        }
        var[a] = s2 * total;
    }
}

bm_status bm_joint_moments(bm_marginal *m, const double *Rinv, double *mean, double *var)
{
    const bm_joint *j = m->pk->joint;
    size_t          p = m->p, n = Rinv ? p + 1 : 1;
    double         *H, X[BM_QMAX * BM_QMAX], N[BM_QMAX * BM_QMAX];

    if (scratch(m) != BM_OK || bm_joint_invert(j, m->joint) != BM_OK) return BM_ENOMEM;
    H = m->joint->E;
    for (size_t i = 0; i < j->nv; i++) {
        const double *f = m->joint->F + i * (p + 1);

        for (size_t c = 0; Rinv && c < p; c++) {
            double v = 0;

            for (size_t l = 0; l <= c; l++) v += Rinv[c + l * p] * f[l];
            H[i * n + c] = v;
        }
        H[i * n + n - 1] = f[p] - bm_dot(p, f, m->beta);
    }
    bm_joint_backsolve(j, m->joint, H, n);
    place_effects(m, H, n, mean);
    for (size_t k = 0, at = 0; k < j->nfac; k++) {
        const bm_facstat *f = &m->st->fac[k];

        to_user(f, m->T + at, X);
        for (size_t lev = 0; lev < f->J; lev++, var += f->q) {
            bm_joint_inverse_block(j, m->joint, k, lev, N);
            level_variances(f->q, p, n, X, N, Rinv ? H + j->at[j->place[j->base[k] + lev]] * n : NULL, m->sigma * m->sigma, var);
        }
        at += f->q * f->q;
    }
    return BM_OK;
}
