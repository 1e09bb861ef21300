/* theta.c: unconstrained coordinates x of the variance parameters: what they mean, the density there, and the chain rule back to x.
 *
 * Per grouping factor G = D R D. Signed sd s = c sinh(x) with density p(|s|) / 2: linear in x through s = 0, logarithmic far from it. R by
 * canonical partial correlations z = tanh(x) in Cholesky form, row by row:
 *     LR[i][j] = z_ij prod_{k<j} sqrt(1 - z_ik^2),   LR[i][i] = prod_{k<i} sqrt(1 - z_ik^2)
 * (Lewandowski, Kurowicka & Joe 2009, J. Multivariate Anal. 100:1989). Flipping the sign of s_i and of the z_i. and z_.i leaves G as it is. */
#include "posterior/posterior_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- a point ---- */

bm_status bm_point_new_prior(bm_point **out, const bm_post *post, bm_error *err)
{
    const bm_theta *th = &post->th;
    bm_point       *pt = bm_alloc(1, sizeof *pt);

    *out = NULL;
    if (!pt) return bm_nomem(err);
    pt->post = post;
    pt->x = bm_alloc(th->d, sizeof *pt->x);
    pt->s = bm_alloc(th->nsd, sizeof *pt->s);
    pt->LR = bm_alloc(th->nL, sizeof *pt->LR);
    pt->L = bm_alloc(th->nL, sizeof *pt->L);
    pt->dL = bm_alloc(th->nL, sizeof *pt->dL);
    if (!pt->x || !pt->s || !pt->LR || !pt->L || !pt->dL) {
        bm_point_free(pt);
        return bm_nomem(err);
    }
    *out = pt;
    return BM_OK;
}

bm_status bm_point_new(bm_point **out, const bm_post *post, bm_error *err)
{
    bm_status st = bm_point_new_prior(out, post, err);

    if (st != BM_OK) return st;
    if ((st = bm_marginal_new(&(*out)->m, post->st, post->pk, post->cp, BM_BAYES, err)) == BM_OK) return BM_OK;
    bm_point_free(*out);
    *out = NULL;
    return st;
}

void bm_point_free(bm_point *pt)
{
    if (!pt) return;
    bm_marginal_free(pt->m);
    free(pt->x);
    free(pt->s);
    free(pt->LR);
    free(pt->L);
    free(pt->dL);
    free(pt);
}

/* LR and L = D LR of one block from x. */
static void place_block(bm_point *pt, const bm_theta *th, const bm_theta_block *b)
{
    for (size_t i = 0; i < b->q; i++) {
        double rest = 1, s = pt->s[b->sd + i];

        for (size_t j = 0; j <= i; j++) {
            double x = j < i ? pt->x[th->cor_x[b->cor + bm_cor_index(i, j)]] : 0, v = j < i ? rest * tanh(x) : rest;

            pt->LR[b->L + i + j * b->ld] = v;
            pt->L[b->L + i + j * b->ld] = s * v;
            if (j < i) rest /= cosh(x);
        }
    }
}

static void place(bm_point *pt)
{
    const bm_theta *th = &pt->post->th;

    for (size_t i = 0; i < th->nsd; i++) pt->s[i] = th->sd_x[i] < 0 ? th->sd_c[i] : th->sd_c[i] * sinh(pt->x[th->sd_x[i]]);
    for (size_t k = 0; k < th->nblock; k++) place_block(pt, th, &th->block[k]);
    pt->sigma = th->sigma_x < 0 ? th->fixed_sigma : exp(pt->x[th->sigma_x]);
}

/* From d/dL (pt->dL) to d/dx. */
static void chain_rule(const bm_point *pt, double *g)
{
    const bm_theta *th = &pt->post->th;

    for (size_t k = 0; k < th->nblock; k++) {
        const bm_theta_block *b = &th->block[k];

        for (size_t i = 0; i < b->q; i++) {
            const double *dL = pt->dL + b->L + i, *R = pt->LR + b->L + i;
            long          at = th->sd_x[b->sd + i];
            double        ds = 0, s = pt->s[b->sd + i], tail = 0;

            for (size_t j = 0; j <= i; j++) ds += dL[j * b->ld] * R[j * b->ld];
            if (at >= 0) g[at] += ds * th->sd_c[b->sd + i] * cosh(pt->x[at]);
            tail = dL[i * b->ld] * R[i * b->ld];     /* sum over the columns after j */
            for (size_t j = i; j-- > 0;) {
                long   cx = th->cor_x[b->cor + bm_cor_index(i, j)];
                double t = tanh(pt->x[cx]), rest = 1;

                for (size_t l = 0; l < j; l++) rest /= cosh(pt->x[th->cor_x[b->cor + bm_cor_index(i, l)]]);
                g[cx] += s * (dL[j * b->ld] * rest * (1 - t * t) - t * tail);
                tail += dL[j * b->ld] * R[j * b->ld];
            }
        }
    }
}

static bm_status finish(bm_point *pt, double nat, double jac)
{
    pt->lp_nat = pt->m->logp + nat;
    pt->lp = pt->lp_nat + jac;
    if (isfinite(pt->lp)) return BM_OK;
    pt->lp = -INFINITY;
    return BM_NOT_PD;
}

bm_status bm_point_eval(bm_point *pt)
{
    double nat, jac;

    pt->lp = -INFINITY;
    place(pt);
    bm_theta_prior(pt, &nat, &jac, NULL);
    if (!isfinite(nat + jac)) return BM_NOT_PD;      /* outside the prior's support: no need for the data */
    if (bm_marginal_eval(pt->m, pt->L, pt->sigma) != BM_OK) return BM_NOT_PD;
    return finish(pt, nat, jac);
}

bm_status bm_point_prior(bm_point *pt)
{
    double jac;

    place(pt);
    bm_theta_prior(pt, &pt->lp_nat, &jac, NULL);
    return isfinite(pt->lp_nat) ? BM_OK : BM_NOT_PD;
}

bm_status bm_point_gradient(bm_point *pt, double *g)
{
    const bm_theta *th = &pt->post->th;
    double          nat, jac;

    memset(g, 0, th->d * sizeof *g);
    memset(pt->dL, 0, th->nL * sizeof *pt->dL);
    pt->lp = -INFINITY;
    place(pt);
    bm_theta_prior(pt, &nat, &jac, g);
    if (!isfinite(nat + jac)) return BM_NOT_PD;
    if (bm_marginal_eval(pt->m, pt->L, pt->sigma) != BM_OK) return BM_NOT_PD;
    if (bm_marginal_gradient(pt->m) != BM_OK) return BM_ENOMEM;
    for (size_t i = 0; i < th->nL; i++) pt->dL[i] += pt->m->dL[i];
    chain_rule(pt, g);
    if (th->sigma_x >= 0) g[th->sigma_x] += pt->m->dlog_sigma;
    for (size_t i = 0; i < th->d; i++)
        if (!isfinite(g[i])) return BM_NOT_PD;
    return finish(pt, nat, jac);
}

/* ---- natural parameters ---- */

void bm_point_natural(const bm_point *pt, double *out)
{
    const bm_theta *th = &pt->post->th;
    double         *cor = out + th->nsd;

    for (size_t i = 0; i < th->nsd; i++) out[i] = fabs(pt->s[i]);
    for (size_t k = 0; k < th->nblock; k++) {
        const bm_theta_block *b = &th->block[k];

        for (size_t i = 1; i < b->q; i++)
            for (size_t j = 0; j < i; j++) {
                double r = 0;

                for (size_t l = 0; l <= j; l++) r += pt->LR[b->L + i + l * b->ld] * pt->LR[b->L + j + l * b->ld];
                if ((pt->s[b->sd + i] < 0) != (pt->s[b->sd + j] < 0)) r = -r;
                cor[b->cor + bm_cor_index(i, j)] = r;
            }
    }
    if (th->has_sigma) cor[th->ncor] = pt->sigma;
}

bm_status bm_theta_from_natural(const bm_theta *th, const double *natural, double *x)
{
    const double *cor = natural + th->nsd;
    double        R[BM_QMAX * BM_QMAX];

    for (size_t i = 0; i < th->nsd; i++)
        if (th->sd_x[i] >= 0) x[th->sd_x[i]] = asinh(natural[i] / th->sd_c[i]);
    for (size_t k = 0; k < th->nblock; k++) {
        const bm_theta_block *b = &th->block[k];
        size_t                q = b->q;

        for (size_t i = 0; i < q; i++)
            for (size_t j = 0; j <= i; j++) R[i + j * q] = i == j ? 1 : cor[b->cor + bm_cor_index(i, j)];
        if (bm_chol(q, R) != BM_OK) return BM_NOT_PD;
        for (size_t i = 1; i < q; i++) {
            double rest = 1;

            for (size_t j = 0; j < i; j++) {
                double z = R[i + j * q] / rest;

                x[th->cor_x[b->cor + bm_cor_index(i, j)]] = atanh(z);
                rest *= sqrt(1 - z * z);
            }
        }
    }
    if (th->sigma_x >= 0) x[th->sigma_x] = log(cor[th->ncor]);
    for (size_t i = 0; i < th->d; i++)
        if (!isfinite(x[i])) return BM_NOT_PD;
    return BM_OK;
}

void bm_theta_flip(const bm_theta *th, size_t sd, double *x)
{
    if (th->sd_x[sd] < 0) return;
    x[th->sd_x[sd]] = -x[th->sd_x[sd]];
    for (size_t k = 0; k < th->nblock; k++) {
        const bm_theta_block *b = &th->block[k];

        if (sd < b->sd || sd >= b->sd + b->q) continue;
        for (size_t i = 0, me = sd - b->sd; i < b->q; i++) {
            if (i == me) continue;
            long at = th->cor_x[b->cor + (i > me ? bm_cor_index(i, me) : bm_cor_index(me, i))];
            x[at] = -x[at];
        }
    }
}
