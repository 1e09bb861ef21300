/* dense_oracle.h: a mixed model at one (L, sigma) written out in full, as the joint normal distribution of (y, b, u), for any number of factors. Slow and plain on
 * purpose, with nothing of the library's algebra in it: what the library says in O(J) is held against it.
 *
 *     V = Z G Z' + sigma^2 W^-1 (with known standard errors W^-1) + X Vb X',   G = L L' for every level
 *
 * Normal and constant priors of b are part of V and of the mean; columns with flat priors are integrated over Lebesgue measure (generalised least
 * squares, as in REML). In long doubles: where V is nearly singular, as with wide priors, dense algebra loses many digits more than the library does. Layout of the effects: b (p), then u factor after factor, level after level, effect after effect. */
#ifndef BM_DENSE_ORACLE_H
#define BM_DENSE_ORACLE_H

#include "testing.h"

#include "model/model.h"

/* BM_ORACLE_QUAD: in twice as many digits, where long doubles do not suffice. */
#if defined(BM_ORACLE_QUAD) && defined(__SIZEOF_FLOAT128__)
__extension__ typedef __float128 real;
#else
typedef long double real;
#endif

static inline real oracle_sqrt(real x)
{
    real s = (real)sqrtl((long double)x);

    return s > 0 ? (s + x / s) / 2 : s;              /* a step of Newton's: all digits of a quad, too */
}

typedef struct {
    size_t  n, p, nu, e, pf;   /* e = p + nu; pf: columns with flat priors */
    real *H;                 /* n x e: (X, Z); the effects' columns */
    real *Ve;                /* e x e: prior covariance of (b, u), zero for flat b */
    real *C;                 /* n x e: covariance of y and (b, u) */
    real *F;                 /* n x n: lower Cholesky factor of V */
    real *mean;              /* n: of y where flat b are 0 */
    real *mean_e;            /* e */
    real *XF;                /* n x pf: F^-1 times the flat columns */
    real *A;                 /* pf x pf: lower Cholesky factor of XF'XF */
    bool   *flat;              /* p */
} oracle;

/* ---- textbook algebra, column-major ---- */

/* False: not positive definite. */
static inline bool oracle_chol(size_t n, real *A)
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) {
            real s = A[i + j * n];

            for (size_t k = 0; k < j; k++) s -= A[i + k * n] * A[j + k * n];
            if (i == j && !(s > 0)) return false;
            A[i + j * n] = i == j ? oracle_sqrt(s) : s / A[j + j * n];
        }
    return true;
}

/* x <- F^-1 x */
static inline void oracle_solve(size_t n, const real *F, real *x)
{
    for (size_t j = 0; j < n; j++) {
        x[j] /= F[j + j * n];
        for (size_t i = j + 1; i < n; i++) x[i] -= F[i + j * n] * x[j];
    }
}

static inline real oracle_dot(size_t n, const real *x, const real *y)
{
    real s = 0;

    for (size_t i = 0; i < n; i++) s += x[i] * y[i];
    return s;
}

/* ---- the pieces ---- */

/* Prior means and covariance of b. Where the intercept's prior is on Intercept = b_0 + sum xbar_k b_k, b_0 depends on the others. */
static inline void oracle_prior(oracle *o, const bm_priors *pr, int intercept)
{
    size_t p = o->p, e = o->e;

    for (size_t k = 0; k < p; k++) {
        const bm_dist *d = pr->centred && (int)k == intercept ? &pr->intercept : &pr->b[k];

        if (d->kind == BM_DIST_FLAT) o->flat[k] = true;
        else if (d->kind == BM_DIST_CONSTANT) o->mean_e[k] = d->a[0];
        else if (d->kind == BM_DIST_NORMAL) {
            o->mean_e[k] = d->a[0];
            o->Ve[k + k * e] = d->a[1] * d->a[1];
        } else fail_msg("the dense model knows no coefficients of this kind of prior (%d)", (int)d->kind);
        o->pf += o->flat[k];
    }
    if (!pr->centred || intercept < 0) return;
    for (size_t k = 0, i = (size_t)intercept; k < p; k++)
        if (k != i) {
            real x = pr->xbar[k], v = o->Ve[k + k * e];

            if (o->flat[k] && x != 0 && !o->flat[i]) fail_msg("the dense model knows no centred intercept beside a flat coefficient");
            o->mean_e[i] -= x * o->mean_e[k];
            o->Ve[i + i * e] += x * x * v;
            o->Ve[i + k * e] = o->Ve[k + i * e] = -x * v;
        }
}

static inline void oracle_effects(oracle *o, const bm_design *d, const double *L)
{
    size_t n = o->n, e = o->e, at = o->p;

    for (size_t i = 0; i < n * o->p; i++) o->H[i] = d->X[i];
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];
        size_t          q = g->q;

        for (size_t i = 0; i < n; i++)
            for (size_t a = 0; a < q; a++) o->H[i + (at + (size_t)g->code[i] * q + a) * n] = g->Z[i + a * n];
        for (size_t j = 0; j < g->J; j++)
            for (size_t a = 0; a < q; a++)
                for (size_t b = 0; b < q; b++)
                    for (size_t c = 0; c < q; c++) o->Ve[at + j * q + a + (at + j * q + b) * e] += L[a + c * q] * L[b + c * q];
        at += g->J * q;
        L += q * q;
    }
}

static inline bool oracle_covariance(oracle *o, const bm_design *d, real sigma)
{
    size_t n = o->n, e = o->e;

    for (size_t b = 0; b < e; b++)
        for (size_t a = 0; a < e; a++)
            for (size_t i = 0; i < n && o->Ve[a + b * e] != 0; i++) o->C[i + b * n] += o->H[i + a * n] * o->Ve[a + b * e];
    for (size_t b = 0; b < e; b++)
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < n && o->H[j + b * n] != 0; i++) o->F[i + j * n] += o->C[i + b * n] * o->H[j + b * n];
    for (size_t i = 0; i < n; i++) {
        o->F[i + i * n] += sigma * sigma / (d->w ? d->w[i] : 1);
        o->mean[i] = d->o ? d->o[i] : 0;
        for (size_t a = 0; a < e; a++) o->mean[i] += o->H[i + a * n] * o->mean_e[a];
    }
    return oracle_chol(n, o->F);
}

static inline void oracle_free(oracle *o)
{
    if (!o) return;
    free(o->H);
    free(o->Ve);
    free(o->C);
    free(o->F);
    free(o->mean);
    free(o->mean_e);
    free(o->XF);
    free(o->A);
    free(o->flat);
    free(o);
}

/* pr NULL: all coefficients flat. L: as bm_marginal_eval takes it. NULL: V is not positive definite to rounding. */
static inline oracle *oracle_try(const bm_design *d, const bm_priors *pr, const double *L, double sigma)
{
    oracle *o = calloc(1, sizeof *o);
    size_t  n = d->n, p = d->p, nu = 0, e;
    bool    ok;

    for (size_t k = 0; k < d->nfac; k++) nu += d->fac[k].J * d->fac[k].q;
    e = p + nu;
    *o = (oracle){ .n = n, .p = p, .nu = nu, .e = e, .H = calloc(n * e + 1, sizeof(real)), .Ve = calloc(e * e + 1, sizeof(real)),
                   .C = calloc(n * e + 1, sizeof(real)), .F = calloc(n * n, sizeof(real)), .mean = calloc(n, sizeof(real)),
                   .mean_e = calloc(e + 1, sizeof(real)), .flat = calloc(p + 1, sizeof(bool)) };
    if (pr) oracle_prior(o, pr, d->intercept);
    for (size_t k = 0; !pr && k < p; k++) o->flat[k] = true;
    if (!pr) o->pf = p;
    oracle_effects(o, d, L);
    ok = oracle_covariance(o, d, sigma);
    o->XF = calloc(n * o->pf + 1, sizeof(real));
    o->A = calloc(o->pf * o->pf + 1, sizeof(real));
    for (size_t k = 0, f = 0; k < p; k++)
        if (ok && o->flat[k]) {
            memcpy(o->XF + f * n, o->H + k * n, n * sizeof(real));
            oracle_solve(n, o->F, o->XF + f++ * n);
        }
    for (size_t a = 0; a < o->pf; a++)
        for (size_t b = 0; b < o->pf; b++) o->A[a + b * o->pf] = oracle_dot(n, o->XF + a * n, o->XF + b * n);
    ok = ok && oracle_chol(o->pf, o->A);
    if (!ok) oracle_free(o);
    return ok ? o : NULL;
}

static inline oracle *oracle_new(const bm_design *d, const bm_priors *pr, const double *L, double sigma)
{
    oracle *o = oracle_try(d, pr, L, sigma);

    if (!o) fail_msg("the dense covariance matrix is not positive definite");
    return o;
}

/* ---- what it says ---- */

/* r = F^-1 (y - mean) and h = A^-1 XF'r: the whitened residual and what the flat columns take of it. */
static inline void oracle_residual(const oracle *o, const double *y, real *r, real *h)
{
    for (size_t i = 0; i < o->n; i++) r[i] = y[i] - o->mean[i];
    oracle_solve(o->n, o->F, r);
    for (size_t f = 0; f < o->pf; f++) h[f] = oracle_dot(o->n, o->XF + f * o->n, r);
    oracle_solve(o->pf, o->A, h);
}

/* log p(y): with flat columns the restricted likelihood, log of the integral of N(y; X b, V) over b. */
static inline double oracle_logp(const oracle *o, const double *y)
{
    real *r = calloc(o->n + o->pf, sizeof *r), *h = r + o->n, logp = -0.5 * (real)(o->n - o->pf) * logl(2 * M_PI);

    oracle_residual(o, y, r, h);
    logp -= 0.5 * (oracle_dot(o->n, r, r) - oracle_dot(o->pf, h, h));
    for (size_t i = 0; i < o->n; i++) logp -= logl((long double)o->F[i + i * o->n]);
    for (size_t f = 0; f < o->pf; f++) logp -= logl((long double)o->A[f + f * o->pf]);
    free(r);
    return (double)logp;
}

/* The log likelihood where the flat columns have their best coefficients: ML. */
static inline double oracle_profile_logp(const oracle *o, const double *y)
{
    real logp = oracle_logp(o, y) - 0.5 * (real)o->pf * logl(2 * M_PI);

    for (size_t f = 0; f < o->pf; f++) logp += logl((long double)o->A[f + f * o->pf]);
    return (double)logp;
}

/* Conditional means and sds of effects first .. first + count - 1 of (b, u) given y. */
static inline void oracle_moments(const oracle *o, const double *y, size_t first, size_t count, double *mean, double *sd)
{
    size_t  n = o->n, pf = o->pf;
    real *r = calloc(2 * n + 2 * pf, sizeof *r), *c = r + n, *h = c + n, *g = h + pf;

    oracle_residual(o, y, r, h);
    for (size_t k = first, flat = 0, seen = 0; k < first + count; k++) {
        bool   is_flat = k < o->p && o->flat[k];
        real v;

        for (; seen < k && seen < o->p; seen++) flat += o->flat[seen];
        memcpy(c, o->C + k * n, n * sizeof *c);
        oracle_solve(n, o->F, c);
        for (size_t f = 0; f < pf; f++) g[f] = is_flat ? -(real)(f == flat) : oracle_dot(n, o->XF + f * n, c);
        oracle_solve(pf, o->A, g);
        v = o->Ve[k + k * o->e] - oracle_dot(n, c, c) + oracle_dot(pf, g, g);
        mean[k - first] = (double)(o->mean_e[k] + oracle_dot(n, c, r) - oracle_dot(pf, g, h));
        sd[k - first] = (double)oracle_sqrt(v > 0 ? v : 0);
    }
    free(r);
}

#endif
