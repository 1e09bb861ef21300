/* soak_posterior.h: theta of a random model (sds, correlations, sigma), the density of its prior, and its posterior by brute force: a grid in up to two
 * dimensions, random-walk Metropolis in more, both on the dense density. What is compared are probabilities below cuts: bounded, so that they have
 * standard errors whatever the tails are. */
#ifndef BM_SOAK_POSTERIOR_H
#define BM_SOAK_POSTERIOR_H

#include "dense_oracle.h"
#include "soak_model.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>

enum { SOAK_THETA = 16, SOAK_QUANTITIES = 24, SOAK_CUTS = 3, SOAK_NODES = 150, SOAK_WALKS = 32, SOAK_STEPS = 3000, SOAK_BURN = 1500 };
typedef enum { SOAK_SD, SOAK_COR, SOAK_SIGMA, SOAK_COEF, SOAK_EFFECT, SOAK_KINDS } soak_kind;

/* A difference beyond these happens by chance less than once in 10^10 (one probability), in 10^9 (all systematic ones). */
#define SOAK_MOST_Z 6.5
#define SOAK_MOST_SYSTEMATIC 6.5

typedef struct {
    const soak_model *m;
    size_t    n, most_effects;
    soak_kind kind[SOAK_THETA];
    size_t    factor[SOAK_THETA], a[SOAK_THETA], b[SOAK_THETA];
    double    scale[SOAK_THETA];
} soak_theta;

static inline soak_theta soak_theta_of(const soak_model *m)
{
    soak_theta t = { .m = m, .most_effects = 1 };

    for (size_t k = 0; k < m->d.nfac; k++)
        for (size_t i = 0; i < m->g[k].q; i++, t.n++) {
            double mean = soak_mean(m->g[k].Z + i * m->n, m->n), sd = soak_sd(m->g[k].Z + i * m->n, m->n);

            t.kind[t.n] = SOAK_SD;
            t.factor[t.n] = k;
            t.a[t.n] = i;
            t.scale[t.n] = 0.5 * m->d.ysd / sqrt(mean * mean + sd * sd);
            if (m->g[k].q > t.most_effects) t.most_effects = m->g[k].q;
        }
    for (size_t k = 0; k < m->d.nfac; k++)
        for (size_t i = 1; i < m->g[k].q && m->g[k].nblock == 1; i++)
            for (size_t j = 0; j < i; j++, t.n++) {
                t.kind[t.n] = SOAK_COR;
                t.factor[t.n] = k;
                t.a[t.n] = i;
                t.b[t.n] = j;
            }
    if (!m->se) {
        t.kind[t.n] = SOAK_SIGMA;
        t.scale[t.n++] = 0.7 * m->d.ysd;
    }
    return t;
}

/* R of factor k, q x q. */
static inline void soak_correlations(const soak_theta *t, const double *natural, size_t k, double *R)
{
    size_t q = t->m->g[k].q;

    for (size_t i = 0; i < q * q; i++) R[i] = i % (q + 1) == 0;
    for (size_t i = 0; i < t->n; i++)
        if (t->kind[i] == SOAK_COR && t->factor[i] == k) R[t->a[i] + t->b[i] * q] = R[t->b[i] + t->a[i] * q] = natural[i];
}

static inline bool soak_chol(size_t q, double *A)
{
    real C[SOAK_EFFECTS * SOAK_EFFECTS];
    bool ok;

    for (size_t i = 0; i < q * q; i++) C[i] = A[i];
    ok = oracle_chol(q, C);
    for (size_t i = 0; i < q * q; i++) A[i] = (double)C[i];
    return ok;
}

/* Cholesky factors of every G, one after the other. False: not positive definite. */
static inline bool soak_factors(const soak_theta *t, const double *natural, double *L, double *sigma)
{
    *sigma = t->m->se ? 1 : natural[t->n - 1];
    for (size_t k = 0, at = 0; k < t->m->d.nfac; k++) {
        size_t  q = t->m->g[k].q;
        double *C = L;

        soak_correlations(t, natural, k, C);
        if (!soak_chol(q, C)) return false;
        for (size_t i = 0; i < q; i++, at++)
            for (size_t j = 0; j < q; j++) C[i + j * q] = j <= i ? C[i + j * q] * natural[at] : 0;
        L += q * q;
    }
    return true;
}

/* ---- unconstrained coordinates: logs and atanh ---- */

static inline bool soak_natural(const soak_theta *t, const double *x, double *natural)
{
    double R[SOAK_EFFECTS * SOAK_EFFECTS];

    for (size_t i = 0; i < t->n; i++) {
        natural[i] = t->kind[i] == SOAK_COR ? tanh(x[i]) : t->scale[i] * exp(x[i]);
        if (!(fabs(x[i]) < (t->kind[i] == SOAK_COR ? 18 : 60))) return false;
    }
    for (size_t k = 0; k < t->m->d.nfac; k++) {
        soak_correlations(t, natural, k, R);
        if (!soak_chol(t->m->g[k].q, R)) return false;
    }
    return true;
}

static inline void soak_unconstrain(const soak_theta *t, const double *natural, double *x)
{
    for (size_t i = 0; i < t->n; i++) x[i] = t->kind[i] == SOAK_COR ? atanh((1 - 1e-8) * natural[i]) : log(natural[i] / t->scale[i]);
}

/* ---- priors, written out again ---- */

static inline double soak_logpdf(const bm_dist *d, double x)
{
    double a = d->a[0], b = d->a[1], s = d->a[2], v = x * x;

    switch (d->kind) {
    case BM_DIST_HALF_CAUCHY: return log(2 / (M_PI * b * (1 + v / (b * b))));
    case BM_DIST_HALF_NORMAL: return 0.5 * log(2 / M_PI) - log(b) - 0.5 * v / (b * b);
    case BM_DIST_HALF_T: return log(2) + lgamma((a + 1) / 2) - lgamma(a / 2) - 0.5 * log(a * M_PI) - log(s) - (a + 1) / 2 * log(1 + v / (a * s * s));
    case BM_DIST_EXPONENTIAL: return log(a) - a * x;
    case BM_DIST_GAMMA: return a * log(b) - lgamma(a) + (a - 1) * log(x) - b * x;
    case BM_DIST_LOGNORMAL: return -log(x * b) - 0.5 * log(2 * M_PI) - 0.5 * (log(x) - a) * (log(x) - a) / (b * b);
    case BM_DIST_UNIFORM: return x >= a && x <= b ? -log(b - a) : -INFINITY;
    case BM_DIST_INV_GAMMA: return a * log(b) - lgamma(a) - (a + 1) * log(v) - b / v + log(2 * x);
    default: fail_msg("no density of this kind (%d)", (int)d->kind);
    }
    return NAN;
}

/* Normalising constant of |R|^(eta - 1) over correlation matrices (Lewandowski, Kurowicka & Joe 2009, eq. 16). */
static inline double soak_log_lkj(double eta, size_t q)
{
    double v = 0;

    for (size_t k = 1; k < q; k++) {
        double e = eta + 0.5 * (double)(q - k - 1);

        v += (double)(q - k) * ((2 * eta - 2 + (double)(q - k)) * log(2) + 2 * lgamma(e) - lgamma(2 * e));
    }
    return v;
}

/* Inverse Wishart density of G with scale v I. */
static inline double soak_log_inv_wishart(double df, double v, const double *G, size_t q)
{
    double gamma = 0.25 * (double)(q * (q - 1)) * log(M_PI);
    real   C[SOAK_EFFECTS * SOAK_EFFECTS], e[SOAK_EFFECTS], logdet = 0, trace = 0;

    for (size_t i = 0; i < q * q; i++) C[i] = G[i];
    oracle_chol(q, C);
    for (size_t i = 0; i < q; i++) {
        for (size_t j = 0; j < q; j++) e[j] = i == j;
        oracle_solve(q, C, e);
        trace += v * oracle_dot(q, e, e);
        logdet += 2 * logl(C[i + i * q]);
        gamma += lgamma(0.5 * df - 0.5 * (double)i);
    }
    return 0.5 * df * (double)q * log(v / 2) - gamma - 0.5 * (df + (double)q + 1) * (double)logdet - 0.5 * (double)trace;
}

/* Log density of sds, correlations (inverse Wishart: of G) and sigma. */
static inline double soak_prior_density(const soak_model *m, const soak_theta *t, const double *natural)
{
    double lp = m->se ? 0 : soak_logpdf(&m->pr.sigma, natural[t->n - 1]), R[SOAK_EFFECTS * SOAK_EFFECTS], C[SOAK_EFFECTS * SOAK_EFFECTS];

    for (size_t k = 0, at = 0; k < m->d.nfac; k++) {
        size_t q = m->g[k].q;
        bool   wishart = m->cor[k].kind == BM_DIST_INV_WISHART;

        soak_correlations(t, natural, k, R);
        memcpy(C, R, sizeof C);
        soak_chol(q, C);
        if (!wishart && m->g[k].nblock == 1 && q > 1) {
            lp -= soak_log_lkj(m->cor[k].a[0], q);
            for (size_t i = 0; i < q; i++) lp += 2 * (m->cor[k].a[0] - 1) * log(C[i + i * q]);
        }
        for (size_t i = 0; i < q; i++) {
            if (!wishart) lp += soak_logpdf(&m->sd[k][i], natural[at + i]);
            for (size_t j = 0; j < q; j++) R[i + j * q] *= natural[at + i] * natural[at + j];
        }
        if (wishart) lp += soak_log_inv_wishart(m->cor[k].a[0], m->cor[k].scale[0], R, q);
        at += q;
    }
    return lp;
}

/* The posterior density of the unconstrained coordinates; *o, unless NULL, the dense model there. */
static inline double soak_density(const soak_theta *t, const double *x, double *natural, oracle **o)
{
    const soak_model *m = t->m;
    double  L[SOAK_GROUPS * SOAK_EFFECTS * SOAK_EFFECTS], sigma, lp;
    oracle *here;

    if (o) *o = NULL;
    if (!soak_natural(t, x, natural) || !soak_factors(t, natural, L, &sigma)) return -INFINITY;
    lp = soak_prior_density(m, t, natural);
    if (!(lp > -INFINITY) || !(here = oracle_try(&m->d, &m->pr, L, sigma))) return -INFINITY;
    lp += oracle_logp(here, m->d.y);
    for (size_t i = 0; i < t->n; i++) {
        lp += t->kind[i] == SOAK_COR ? log(1 - natural[i] * natural[i]) : log(natural[i]);
        if (t->kind[i] == SOAK_SD && m->cor[t->factor[i]].kind == BM_DIST_INV_WISHART)
            lp += log(2) + (double)m->g[t->factor[i]].q * log(natural[i]);      /* dG = 2^q prod s^q ds dR */
    }
    if (o) *o = here;
    else oracle_free(here);
    return lp;
}

/* ---- a simplex search (Nelder & Mead 1965) ---- */

static inline double soak_simplex(double (*f)(void *, const double *), void *self, size_t n, const double *start, double step, int evaluations)
{
    double x[SOAK_THETA + 1][SOAK_THETA], v[SOAK_THETA + 1], c[SOAK_THETA], y[SOAK_THETA], w;

    for (size_t k = 0; k <= n; k++) {
        for (size_t i = 0; i < n; i++) x[k][i] = start[i] + (k == i + 1 ? step : 0);
        v[k] = f(self, x[k]);
    }
    for (int e = 0; e < evaluations && n; e++) {
        size_t best = 0, worst = 0;

        for (size_t k = 1; k <= n; k++) {
            if (v[k] < v[best]) best = k;
            if (!(v[k] < v[worst])) worst = k;
        }
        for (size_t i = 0; i < n; i++) {
            c[i] = 0;
            for (size_t k = 0; k <= n; k++) c[i] += k == worst ? 0 : x[k][i] / (double)n;
            y[i] = 2 * c[i] - x[worst][i];
        }
        if ((w = f(self, y)) < v[best]) {
            double z[SOAK_THETA], further;

            for (size_t i = 0; i < n; i++) z[i] = 3 * c[i] - 2 * x[worst][i];
            further = f(self, z);
            memcpy(x[worst], further < w ? z : y, sizeof z);
            v[worst] = fmin(further, w);
            continue;
        }
        if (!(w < v[worst])) {
            for (size_t i = 0; i < n; i++) y[i] = 0.5 * (c[i] + x[worst][i]);
            w = f(self, y);
        }
        if (w < v[worst]) {
            memcpy(x[worst], y, sizeof y);
            v[worst] = w;
            continue;
        }
        for (size_t k = 0; k <= n; k++)
            if (k != best) {
                for (size_t i = 0; i < n; i++) x[k][i] = 0.5 * (x[k][i] + x[best][i]);
                v[k] = f(self, x[k]);
            }
    }
    for (size_t k = 1; k <= n; k++) v[0] = fmin(v[0], v[k]);
    return v[0];
}

/* ---- probabilities below cuts ---- */

typedef struct {
    soak_model   *m;
    soak_theta    t;
    size_t        nq, ndraw, chains;                 /* quantities: theta, then b, then effects of the first factor */
    const char   *name[SOAK_QUANTITIES];
    const double *draws[SOAK_QUANTITIES];            /* ndraw each, chain after chain */
    double        cut[SOAK_QUANTITIES][SOAK_CUTS], got[SOAK_QUANTITIES][SOAK_CUTS], got_se[SOAK_QUANTITIES][SOAK_CUTS];
    double        want[SOAK_QUANTITIES][SOAK_CUTS], want_se[SOAK_QUANTITIES][SOAK_CUTS];
    const char   *how;
} soak_target;

static inline int soak_ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Mean and standard error of the mean of n independent values. */
static inline void soak_mean_se(const double *x, size_t n, double *mean, double *se)
{
    *mean = soak_mean(x, n);
    *se = soak_sd(x, n) / sqrt((double)n);
}

/* Cuts at quantiles of the draws, and the share of every chain's draws below them. */
static inline void soak_cuts(soak_target *s)
{
    static const double prob[SOAK_CUTS] = { 0.1, 0.5, 0.9 };
    double *sorted = malloc(s->ndraw * sizeof *sorted), share[64];
    size_t  each = s->ndraw / s->chains;

    for (size_t k = 0; k < s->nq; k++) {
        memcpy(sorted, s->draws[k], s->ndraw * sizeof *sorted);
        qsort(sorted, s->ndraw, sizeof *sorted, soak_ascending);
        for (int c = 0; c < SOAK_CUTS; c++) {
            s->cut[k][c] = sorted[(size_t)(prob[c] * (double)s->ndraw)];
            for (size_t j = 0; j < s->chains; j++) {
                share[j] = 0;
                for (size_t i = 0; i < each; i++) share[j] += (s->draws[k][j * each + i] < s->cut[k][c]) / (double)each;
            }
            soak_mean_se(share, s->chains, &s->got[k][c], &s->got_se[k][c]);
        }
    }
    free(sorted);
}

/* Adds weight times the probabilities of coefficients and effects at the dense model o. */
static inline void soak_add_effects(soak_target *s, const oracle *o, double weight, double sum[][SOAK_CUTS])
{
    double mean[SOAK_QUANTITIES], sd[SOAK_QUANTITIES];
    size_t n = s->nq - s->t.n;

    oracle_moments(o, s->m->d.y, 0, n, mean, sd);
    for (size_t k = 0; k < n; k++)
        for (int c = 0; c < SOAK_CUTS; c++) {
            double z = s->cut[s->t.n + k][c] - mean[k];

            sum[s->t.n + k][c] += weight * (sd[k] > 0 ? gsl_cdf_ugaussian_P(z / sd[k]) : z > 0);
        }
}

/* Where a uniform prior ends, the grid must end too. */
static inline double soak_edge(const soak_theta *t, size_t i, double hi)
{
    const bm_dist *d = t->kind[i] == SOAK_SIGMA ? &t->m->pr.sigma : &t->m->sd[t->factor[i]][t->a[i]];

    return i < t->n && d->kind == BM_DIST_UNIFORM ? fmin(hi, log(d->a[1] / t->scale[i])) : hi;
}

/* In up to two dimensions: a coarse grid finds where the density is, a fine one integrates it. Within a cell theta is taken as uniform. */
static inline void soak_grid(soak_target *s)
{
    size_t d = s->t.n, nodes[2] = { d > 0 ? SOAK_NODES : 1, d > 1 ? SOAK_NODES : 1 };
    double lo[2] = { -16, -16 }, hi[2] = { 12, 12 }, natural[SOAK_THETA], x[2] = { 0, 0 }, total = 0, top = -INFINITY;
    double *lp = malloc(SOAK_NODES * SOAK_NODES * sizeof *lp);

    s->how = "quadrature";
    for (size_t k = 0; k < d; k++) hi[k] = soak_edge(&s->t, k, hi[k]);
    for (int pass = 0; pass < 2; pass++) {
        double h[2] = { (hi[0] - lo[0]) / (double)nodes[0], (hi[1] - lo[1]) / (double)nodes[1] }, from[2] = { lo[0], lo[1] }, next[4] = { 1e9, -1e9, 1e9, -1e9 };

        top = pass ? top : -INFINITY;
        for (size_t i = 0; i < nodes[0]; i++)
            for (size_t j = 0; j < nodes[1]; j++) {
                oracle *o = NULL;
                double  w;

                x[0] = from[0] + ((double)i + 0.5) * h[0];
                x[1] = from[1] + ((double)j + 0.5) * h[1];
                lp[i * nodes[1] + j] = w = soak_density(&s->t, x, natural, pass ? &o : NULL);
                if (!pass) top = fmax(top, w);
                else if ((w = exp(w - top)) > 1e-12) {
                    total += w;
                    for (size_t k = 0; k < d; k++)
                        for (int c = 0; c < SOAK_CUTS; c++) {
                            double at = log(s->cut[k][c] / s->t.scale[k]);

                            s->want[k][c] += w * fmin(1, fmax(0, (at - x[k]) / h[k] + 0.5));
                        }
                    soak_add_effects(s, o, w, s->want);
                }
                oracle_free(o);
            }
        for (size_t i = 0; i < nodes[0] && !pass; i++)
            for (size_t j = 0; j < nodes[1]; j++) {
                if (lp[i * nodes[1] + j] < top - 14) continue;      /* a millionth of the mass */
                next[0] = fmin(next[0], from[0] + ((double)i - 0.5) * h[0]);
                next[1] = fmax(next[1], from[0] + ((double)i + 1.5) * h[0]);
                next[2] = fmin(next[2], from[1] + ((double)j - 0.5) * h[1]);
                next[3] = fmax(next[3], from[1] + ((double)j + 1.5) * h[1]);
            }
        lo[0] = next[0], hi[0] = fmin(next[1], hi[0]), lo[1] = next[2], hi[1] = fmin(next[3], hi[1]);
    }
    for (size_t k = 0; k < s->nq; k++)
        for (int c = 0; c < SOAK_CUTS; c++) s->want[k][c] /= total;
    free(lp);
}

/* Random-walk Metropolis, one coordinate at a time, step sizes adapted during the burn-in only; walks from dispersed points. */
static inline void soak_walk(soak_target *s, size_t walk, double share[][SOAK_CUTS])
{
    size_t  d = s->t.n, kept = 0;
    double  x[SOAK_THETA], y[SOAK_THETA], step[SOAK_THETA], natural[SOAK_THETA], proposed[SOAK_THETA], lp, lq;
    oracle *o = NULL, *q;
    bm_rng  r;

    bm_rng_key(&r, s->m->seed + 77, s->m->index, walk);
    do {
        for (size_t i = 0; i < d; i++) x[i] = 0.7 * bm_rng_normal(&r);
        oracle_free(o);
        lp = soak_density(&s->t, x, natural, &o);
    } while (lp == -INFINITY);
    for (size_t i = 0; i < d; i++) step[i] = 1;
    for (size_t k = 0; k < SOAK_BURN + SOAK_STEPS; k++) {
        size_t i = k % d;
        bool   accept;

        memcpy(y, x, sizeof y);
        y[i] += step[i] * bm_rng_normal(&r) * (bm_rng_u64(&r) % 5 == 0 ? 4 : 1);
        lq = soak_density(&s->t, y, proposed, &q);
        accept = log(bm_rng_uniform(&r)) < lq - lp;
        oracle_free(accept ? o : q);
        if (accept) {
            memcpy(x, y, sizeof x);
            memcpy(natural, proposed, sizeof natural);
            lp = lq;
            o = q;
        }
        if (k < SOAK_BURN) {
            step[i] *= exp((accept ? 0.6 : -0.4) / sqrt(1 + (double)(k / d) / 5));
            continue;
        }
        if (i) continue;
        kept++;
        for (size_t v = 0; v < d; v++)
            for (int c = 0; c < SOAK_CUTS; c++) share[v][c] += natural[v] < s->cut[v][c];
        soak_add_effects(s, o, 1, share);
    }
    for (size_t v = 0; v < s->nq; v++)
        for (int c = 0; c < SOAK_CUTS; c++) share[v][c] /= (double)kept;
    oracle_free(o);
}

static inline void soak_walks(soak_target *s)
{
    static double share[SOAK_WALKS][SOAK_QUANTITIES][SOAK_CUTS];
    double        x[SOAK_WALKS];

    s->how = "random-walk Metropolis";
    memset(share, 0, sizeof share);
    for (size_t w = 0; w < SOAK_WALKS; w++) soak_walk(s, w, share[w]);
    for (size_t k = 0; k < s->nq; k++)
        for (int c = 0; c < SOAK_CUTS; c++) {
            for (size_t w = 0; w < SOAK_WALKS; w++) x[w] = share[w][k][c];
            soak_mean_se(x, SOAK_WALKS, &s->want[k][c], &s->want_se[k][c]);
        }
}

static inline void soak_reference(soak_target *s)
{
    soak_cuts(s);
    if (s->t.n <= 2 && !(s->t.n == 2 && s->t.kind[1] == SOAK_COR)) soak_grid(s);
    else soak_walks(s);
}

/* The difference as a normal score, by Welch's t; 0.001 is granted to the grid and to the burn-in. */
static inline double soak_compare(const soak_target *s, size_t k, int c)
{
    double a = s->got_se[k][c] * s->got_se[k][c], b = s->want_se[k][c] * s->want_se[k][c], e = 0.001 * 0.001, t = (s->got[k][c] - s->want[k][c]) / sqrt(a + b + e);
    double df = (a + b + e) * (a + b + e) / (a * a / (double)(s->chains - 1) + b * b / (SOAK_WALKS - 1) + 1e-300);
    double p = gsl_cdf_tdist_Q(fabs(t), fmin(df, 1e6));

    return copysign(p > 1e-300 ? gsl_cdf_ugaussian_Qinv(p) : 40, t);
}

/* ---- what all models say together: one quantity of each kind and model, so that what is added up is independent ---- */

typedef struct { double sum[SOAK_KINDS][SOAK_CUTS]; size_t n[SOAK_KINDS]; } soak_scores;

static inline void soak_score(soak_scores *a, const soak_target *s)
{
    for (int kind = 0; kind < SOAK_KINDS; kind++) {
        size_t of[SOAK_QUANTITIES], n = 0, k;

        for (k = 0; k < s->nq; k++)
            if ((k < s->t.n ? s->t.kind[k] : k < s->t.n + s->m->d.p ? SOAK_COEF : SOAK_EFFECT) == (soak_kind)kind) of[n++] = k;
        if (!n) continue;
        k = of[soak_pick(s->m, n)];
        a->n[kind]++;
        for (int c = 0; c < SOAK_CUTS; c++) a->sum[kind][c] += soak_compare(s, k, c);
    }
}

/* The largest of them, in standard errors; *kind and *cut: where. */
static inline double soak_worst(const soak_scores *a, int *kind, int *cut)
{
    double worst = 0;

    *kind = *cut = 0;
    for (int k = 0; k < SOAK_KINDS; k++)
        for (int c = 0; c < SOAK_CUTS && a->n[k]; c++) {
            double z = a->sum[k][c] / sqrt((double)a->n[k]);

            if (!(fabs(z) > fabs(worst))) continue;
            worst = z;
            *kind = k;
            *cut = c;
        }
    return worst;
}

#endif
