/* theta_prior.c: log density of the priors of theta, its Jacobian to the coordinates x (theta.c), and the derivatives of both.
 *
 * Under LKJ(eta) the partial correlations z_ij are independent with density (1 - z^2)^(e-1) / B(1/2, e), e = eta + (q - 2 - j) / 2, j from 0 (Lewandowski,
 * Kurowicka & Joe 2009, J. Multivariate Anal. 100:1989). */
#include "posterior/posterior_priv.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <string.h>

static void prior_sds(const bm_point *pt, double *nat, double *jac, double *g)
{
    const bm_theta *th = &pt->post->th;

    for (size_t i = 0; i < th->nsd; i++) {
        double dp = 0, s = pt->s[i];
        long   at = th->sd_x[i];

        if (at < 0) continue;
        if (th->sd_prior[i]) *nat += bm_dist_sd_logpdf(th->sd_prior[i], fabs(s), g ? &dp : NULL);
        double c = th->sd_c[i] * cosh(pt->x[at]);
        *jac += log(c) - M_LN2;                      /* half the density on each side of 0 */
        if (g) g[at] += (s < 0 ? -dp : dp) * c + tanh(pt->x[at]);
    }
}

/* log (1 - tanh(x)^2), without cancellation */
static double log_sech2(double x)
{
    double a = fabs(x);

    return 2 * (M_LN2 - a - log1p(exp(-2 * a)));
}

static void prior_lkj(const bm_point *pt, const bm_theta_block *b, double eta, double *nat, double *jac, double *g)
{
    const bm_theta *th = &pt->post->th;

    for (size_t i = 1; i < b->q; i++)
        for (size_t j = 0; j < i; j++) {
            long   at = th->cor_x[b->cor + bm_cor_index(i, j)];
            double tree = ((double)b->q - 2 - (double)j) / 2, e = eta + tree, l = log_sech2(pt->x[at]);

            /* density of R is (1 - z^2)^(eta - 1) in these terms; dR / dz gives (1 - z^2)^tree, dz / dx one more */
            *nat += (eta - 1) * l;
            *jac += (tree + 1) * l;
            if (g) g[at] += -2 * e * tanh(pt->x[at]);
        }
}

static double log_multigamma(double a, size_t q)
{
    double v = 0.25 * (double)(q * (q - 1)) * log(M_PI);

    for (size_t i = 0; i < q; i++) v += gsl_sf_lngamma(a - 0.5 * (double)i);
    return v;
}

/* Inverse Wishart on the block's G: |Psi|^(v/2) |G|^-((v+q+1)/2) exp(-tr(Psi G^-1) / 2) / (2^(vq/2) Gamma_q(v/2)); dG = 2^q prod |s|^q ds dR. */
static void prior_inv_wishart(bm_point *pt, const bm_theta_block *b, double *nat, double *jac, double *g)
{
    const bm_theta *th = &pt->post->th;
    const bm_dist  *w = b->prior;
    size_t          q = b->q, n = w->nscale;
    double          v = w->a[0], log_G = 0, log_Psi = 0, X[BM_QMAX * BM_QMAX], Psi[BM_QMAX * BM_QMAX], L[BM_QMAX * BM_QMAX];

    for (size_t i = 0; i < q; i++) {
        log_G += 2 * log(fabs(pt->L[b->L + i + i * b->ld]));
        *jac += (double)q * log(fabs(pt->s[b->sd + i])) + M_LN2;
        for (size_t j = 0; j < q; j++) {
            Psi[i + j * q] = n == q ? w->scale[i + j * q] : i == j ? w->scale[0] : 0;
            L[i + j * q] = pt->L[b->L + i + j * b->ld];
        }
    }
    prior_lkj(pt, b, 1, &(double){ 0 }, jac, g);     /* dR / dx only */
    memcpy(X, Psi, q * q * sizeof *X);
    if (bm_chol(q, X) != BM_OK) {
        *nat = NAN;
        return;
    }
    for (size_t i = 0; i < q; i++) {
        log_Psi += 2 * log(X[i + i * q]);
        for (size_t j = i + 1; j < q; j++) X[i + j * q] = 0;
    }
    bm_solve_lower(q, q, L, X);                      /* tr(Psi G^-1) = |L^-1 chol(Psi)|^2 */
    *nat += 0.5 * v * log_Psi - 0.5 * (v + (double)q + 1) * log_G - 0.5 * bm_dot(q * q, X, X) - 0.5 * v * (double)q * M_LN2 - log_multigamma(v / 2, q);
    if (!g) return;
    for (size_t i = 0; i < q; i++) {
        long at = th->sd_x[b->sd + i];

        g[at] += (double)q * th->sd_c[b->sd + i] * cosh(pt->x[at]) / pt->s[b->sd + i];
    }
    memcpy(X, Psi, q * q * sizeof *X);               /* d/dL: G^-1 Psi G^-1 L - (v + q + 1) L'^-1 = L'^-1 [L^-1 Psi L'^-1 - (v + q + 1) I] */
    bm_solve_lower(q, q, L, X);
    for (size_t i = 0; i < q; i++)                   /* (L^-1 Psi) L'^-1: the rows of X */
        for (size_t j = 0; j < q; j++) {
            double t = X[i + j * q];

            for (size_t k = 0; k < j; k++) t -= L[j + k * q] * X[i + k * q];
            X[i + j * q] = t / L[j + j * q];
        }
    for (size_t i = 0; i < q; i++) X[i + i * q] -= v + (double)q + 1;
    bm_solve_lower_t(q, q, L, X);
    for (size_t j = 0; j < q; j++)
        for (size_t i = 0; i < q; i++) pt->dL[b->L + i + j * b->ld] += X[i + j * q];
}

void bm_theta_prior(bm_point *pt, double *nat, double *jac, double *g)
{
    const bm_theta *th = &pt->post->th;

    *nat = *jac = 0;
    prior_sds(pt, nat, jac, g);
    for (size_t k = 0; k < th->nblock; k++) {
        const bm_theta_block *b = &th->block[k];

        if (b->prior && b->prior->kind == BM_DIST_INV_WISHART) prior_inv_wishart(pt, b, nat, jac, g);
        else if (b->q > 1) {
            prior_lkj(pt, b, b->prior->a[0], nat, jac, g);
            *nat -= b->lkj;
        }
    }
    if (th->sigma_x < 0) return;
    double dp = 0;
    *nat += bm_dist_sd_logpdf(th->sigma_prior, pt->sigma, g ? &dp : NULL);
    *jac += pt->x[th->sigma_x];
    if (g) g[th->sigma_x] += dp * pt->sigma + 1;
}
