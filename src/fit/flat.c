/* flat.c: what the prior does to a posterior, seen from draws of theta: the weights that take the prior of one of its parameters away, and the
 * coefficients as they would be, at the same theta, under a flat prior. */
#include "fit/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EFFECTS = 32 };

static size_t cor_index(size_t i, size_t j)
{
    return i * (i - 1) / 2 + j;
}

static double at(const bm_theta_draws *d, size_t v, size_t i)
{
    return d->x[v * d->stride + i];
}

/* Cholesky factor of the block's correlation matrix at draw i, s x s; a pivot that rounding made negative is 0. */
static void block_factor(const bm_theta *th, const bm_theta_block *b, const bm_theta_draws *d, size_t i, double *C)
{
    size_t q = b->q;

    for (size_t c = 0; c < q; c++) {
        double pivot = 1;

        for (size_t k = 0; k < c; k++) pivot -= C[c + k * q] * C[c + k * q];
        pivot = sqrt(fmax(pivot, 0));
        for (size_t r = 0; r < c; r++) C[r + c * q] = 0;
        C[c + c * q] = pivot;
        for (size_t r = c + 1; r < q; r++) {
            double v = at(d, th->nsd + b->cor + cor_index(r, c), i);

            for (size_t k = 0; k < c; k++) v -= C[r + k * q] * C[c + k * q];
            C[r + c * q] = pivot > 0 ? v / pivot : 0;
        }
    }
}

void bm_theta_factor(const bm_theta *th, const bm_theta_draws *d, size_t i, double *L, double *sigma)
{
    double C[MAX_EFFECTS * MAX_EFFECTS];

    memset(L, 0, th->nL * sizeof *L);
    for (size_t k = 0; k < th->nblock; k++) {
        const bm_theta_block *b = &th->block[k];

        block_factor(th, b, d, i, C);
        for (size_t c = 0; c < b->q; c++)
            for (size_t r = c; r < b->q; r++) L[b->L + r + c * b->ld] = at(d, b->sd + r, i) * C[r + c * b->q];
    }
    *sigma = th->has_sigma ? at(d, th->nsd + th->ncor, i) : th->fixed_sigma;
}

/* ---- weights without a prior ---- */

/* Log density of an inverse Wishart in (sds, correlations), up to a constant. */
static double inv_wishart(const bm_theta *th, const bm_theta_block *b, const bm_theta_draws *d, size_t i)
{
    const bm_dist *w = b->prior;
    size_t         q = b->q;
    double         L[MAX_EFFECTS * MAX_EFFECTS], Psi[MAX_EFFECTS * MAX_EFFECTS], lp = 0;

    block_factor(th, b, d, i, L);
    for (size_t r = 0; r < q; r++) {
        double s = at(d, b->sd + r, i);

        for (size_t c = 0; c <= r; c++) L[r + c * q] *= s;
        lp += (double)q * log(s) - (w->a[0] + (double)q + 1) * log(L[r + r * q]);
        for (size_t c = 0; c < q; c++) Psi[r + c * q] = w->nscale == q ? w->scale[r + c * q] : r == c ? w->scale[0] : 0;
    }
    if (bm_chol(q, Psi) != BM_OK) return NAN;
    for (size_t c = 1; c < q; c++)
        for (size_t r = 0; r < c; r++) Psi[r + c * q] = 0;
    bm_solve_lower(q, q, L, Psi);
    return lp - 0.5 * bm_dot(q * q, Psi, Psi);
}

static double lkj(const bm_theta *th, const bm_theta_block *b, const bm_theta_draws *d, size_t i)
{
    double C[MAX_EFFECTS * MAX_EFFECTS], log_det = 0;

    block_factor(th, b, d, i, C);
    for (size_t k = 0; k < b->q; k++) log_det += 2 * log(C[k + k * b->q]);
    return (b->prior->a[0] - 1) * log_det;
}

static const bm_theta_block *block_with(const bm_theta *th, size_t v)
{
    for (size_t k = 0; k < th->nblock; k++) {
        const bm_theta_block *b = &th->block[k];

        if (v < th->nsd ? v >= b->sd && v < b->sd + b->q : v - th->nsd >= b->cor && v - th->nsd < b->cor + b->q * (b->q - 1) / 2) return b;
    }
    return NULL;
}

bm_prior_part bm_prior_of(const bm_theta *th, size_t v)
{
    const bm_theta_block *b = v < th->nsd + th->ncor ? block_with(th, v) : NULL;

    if (b && b->prior && b->prior->kind == BM_DIST_INV_WISHART) return BM_PRIOR_COVARIANCE;
    if (v < th->nsd) return th->sd_x[v] < 0 ? BM_PRIOR_CONSTANT : th->sd_prior[v]->kind == BM_DIST_FLAT ? BM_PRIOR_NONE : BM_PRIOR_OWN;
    if (v < th->nsd + th->ncor) return b->prior->a[0] == 1 ? BM_PRIOR_NONE : BM_PRIOR_OWN;
    if (th->sigma_x < 0) return BM_PRIOR_CONSTANT;
    return th->sigma_prior->kind == BM_DIST_FLAT ? BM_PRIOR_NONE : BM_PRIOR_OWN;
}

void bm_prior_weights(const bm_theta *th, const bm_theta_draws *d, size_t v, double *log_w)
{
    const bm_theta_block *b = v < th->nsd + th->ncor ? block_with(th, v) : NULL;
    bm_prior_part         part = bm_prior_of(th, v);

    for (size_t i = 0; i < d->n; i++) {
        if (part == BM_PRIOR_CONSTANT || part == BM_PRIOR_NONE) log_w[i] = 0;
        else if (part == BM_PRIOR_COVARIANCE) log_w[i] = -inv_wishart(th, b, d, i);
        else if (v < th->nsd) log_w[i] = -bm_dist_sd_logpdf(th->sd_prior[v], at(d, v, i), NULL);
        else if (v < th->nsd + th->ncor) log_w[i] = -lkj(th, b, d, i);
        else log_w[i] = -bm_dist_sd_logpdf(th->sigma_prior, at(d, v, i), NULL);
    }
}

/* ---- coefficients without their prior, and how far the groups are pulled ---- */

/* How many draws, at least 200 if there are that many (100 where several factors are evaluated together), so that the work stays bounded. */
static size_t step_of(const bm_post *post, size_t n)
{
    double work = 16;

    for (size_t k = 0; k < post->st->nfac; k++) {
        const bm_facstat *f = &post->st->fac[k];

        work += (double)f->J * (double)(f->q * (f->q + post->st->p));
    }
    double most = fmax(200, 2e8 / work), seconds = post->st->nfac > 1 ? bm_packed_seconds(post->pk) : 0;
    if (seconds > 0) most = fmin(most, fmax(100, 2 / seconds));
    return (double)n <= most ? 1 : (size_t)ceil((double)n / most);
}

/* Conditional variance over variance, added up over the draws. */
static void add_shrinkage(const bm_post *post, const double *L, const double *u_sd, double *shrink)
{
    size_t from = 0, Lat = 0;

    for (size_t k = 0; k < post->st->nfac; k++) {
        const bm_facstat *f = &post->st->fac[k];
        size_t            q = f->q;
        double            var[MAX_EFFECTS];

        for (size_t r = 0; r < q; r++) {
            var[r] = 0;
            for (size_t c = 0; c < q; c++) var[r] += L[Lat + r + c * q] * L[Lat + r + c * q];
        }
        for (size_t j = 0; j < f->J; j++)
            for (size_t r = 0; r < q; r++, from++) shrink[from] += var[r] > 0 ? fmin(1, u_sd[from] * u_sd[from] / var[r]) : 1;
        Lat += q * q;
    }
}

bm_status bm_flat_moments(const bm_post *post, const bm_theta_draws *d, double *b, double *shrink, size_t *used, bm_error *err)
{
    size_t       p = post->st->p, nu = post->nu, step = step_of(post, d->n);
    bm_marginal *m = NULL;
    double      *now = bm_alloc(p + 2 * nu + post->th.nL, sizeof *now), *u = now + p, *u_sd = u + nu, *L = u_sd + nu, sigma;
    bm_status    st = now ? bm_marginal_new(&m, post->st, post->pk, NULL, BM_REML, err) : bm_nomem(err);

    *used = 0;
    memset(b, 0, p * sizeof *b);
    if (shrink) memset(shrink, 0, nu * sizeof *shrink);
    for (size_t i = 0; st == BM_OK && i < d->n; i += step) {
        bm_theta_factor(&post->th, d, i, L, &sigma);
        if (bm_marginal_eval(m, L, sigma) != BM_OK) continue;
        bm_marginal_conditional(m, now, NULL, NULL, NULL);
        for (size_t k = 0; k < p; k++) b[k] += now[k] - post->st->b0[k];
        if (shrink) {
            if (bm_marginal_effects_given_b(m, u, u_sd) != BM_OK) st = bm_nomem(err);
            add_shrinkage(post, L, u_sd, shrink);
        }
        ++*used;
    }
    for (size_t k = 0; k < p; k++) b[k] = *used && !post->st->aliased[k] ? post->st->b0[k] + b[k] / (double)*used : NAN;
    for (size_t k = 0; shrink && k < nu; k++) shrink[k] /= *used ? (double)*used : NAN;
    bm_marginal_free(m);
    free(now);
    return st;
}
