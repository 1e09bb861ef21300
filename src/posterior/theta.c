/* theta.c: unconstrained coordinates x of the variance parameters, their prior and Jacobian, and the chain rule back to x.
 *
 * Per grouping factor G = D R D. Signed sd s = c sinh(x) with density p(|s|) / 2: linear in x through s = 0, logarithmic far from it. R by
 * canonical partial correlations z = tanh(x) in Cholesky form, row by row:
 *     LR[i][j] = z_ij prod_{k<j} sqrt(1 - z_ik^2),   LR[i][i] = prod_{k<i} sqrt(1 - z_ik^2)
 * Under LKJ(eta) the z_ij are independent with density (1 - z^2)^(e-1) / B(1/2, e), e = eta + (q - 2 - j) / 2, j from 0 (Lewandowski, Kurowicka
 * & Joe 2009, J. Multivariate Anal. 100:1989). Flipping the sign of s_i and of the z_i. and z_.i leaves G as it is. */
#include "posterior/posterior_priv.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t cor_index(size_t i, size_t j)          /* of (i, j), j < i, within its block */
{
    return i * (i - 1) / 2 + j;
}

/* ---- layout ---- */

/* The scale at which the data can tell an sd from 0: residual sd over the root of the mean information of a level. */
static double resolution(const bm_stats *st, const bm_facstat *f, size_t i)
{
    double info = 0, left = st->n > st->rank ? (double)(st->n - st->rank) : 1, s2 = st->yy / left;
    size_t q = f->q;

    for (size_t j = 0; j < f->J; j++) info += f->A[j * q * q + i + i * q];
    info /= (double)f->J;
    /* f->A is in the basis Kz, whose diagonal carries the column's scale */
    double c = f->Kz[i + i * q] * sqrt(s2 / (info > 0 ? info : 1));
    return c > 0 && isfinite(c) ? c : 1;
}

static bm_status allocate(bm_theta *th, size_t nblock)
{
    th->sd_x = bm_alloc(th->nsd, sizeof *th->sd_x);
    th->sd_c = bm_alloc(th->nsd, sizeof *th->sd_c);
    th->cor_x = bm_alloc(th->ncor, sizeof *th->cor_x);
    th->sd_prior = bm_alloc(th->nsd, sizeof *th->sd_prior);
    th->block = bm_alloc(nblock, sizeof *th->block);
    return th->sd_x && th->sd_c && th->cor_x && th->sd_prior && th->block ? BM_OK : BM_ENOMEM;
}

/* Log of the integral of |R|^(eta - 1) over correlation matrices of q, in canonical partial correlations (Lewandowski, Kurowicka & Joe 2009, sec. 3). */
static double log_lkj(size_t q, double eta)
{
    double v = 0;

    for (size_t i = 1; i < q; i++)
        for (size_t j = 0; j < i; j++) v += gsl_sf_lnbeta(0.5, eta + ((double)q - 2 - (double)j) / 2);
    return v;
}

static void lay_out_block(bm_theta *th, const bm_stats *st, const bm_priors *pr, size_t k, const bm_block *b, const bm_dist *prior, size_t L,
                          size_t *sd, size_t *cor)
{
    size_t         q = st->fac[k].q;
    bm_theta_block *t = &th->block[th->nblock++];

    *t = (bm_theta_block){ .q = b->size, .sd = *sd, .cor = *cor, .L = L + b->first + b->first * q, .ld = q, .prior = prior };
    if (prior && prior->kind == BM_DIST_LKJ) t->lkj = log_lkj(b->size, prior->a[0]);
    for (size_t i = 0; i < b->size; i++, (*sd)++) {
        const bm_dist *dist = &pr->sd[k][b->first + i];
        bool           whole = prior && prior->kind == BM_DIST_INV_WISHART, fixed = !whole && dist->kind == BM_DIST_CONSTANT;

        th->sd_prior[*sd] = whole ? NULL : dist;
        th->sd_x[*sd] = fixed ? -1 : (long)th->d++;
        th->sd_c[*sd] = fixed ? dist->a[0] : resolution(st, &st->fac[k], b->first + i);
    }
    for (size_t i = 0; i < b->size * (b->size - 1) / 2; i++, (*cor)++) th->cor_x[*cor] = (long)th->d++;
}

static bm_status lay_out(bm_theta *th, const bm_stats *st, const bm_priors *pr, const bm_design *d, bm_error *err)
{
    size_t nblock = 0, sd = 0, cor = 0, L = 0;

    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        if (g->q > BM_QMAX)
            return bm_fail(err, BM_EINVAL, "'%s' has %zu effects per level; at most %d are supported", g->name, g->q, BM_QMAX);
        th->nsd += g->q;
        nblock += g->nblock;
        for (size_t b = 0; b < g->nblock; b++) th->ncor += g->block[b].size * (g->block[b].size - 1) / 2;
    }
    if (allocate(th, nblock) != BM_OK) return bm_nomem(err);
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        for (size_t b = 0; b < g->nblock; b++) {
            bool whole = pr->cor[k][b].kind == BM_DIST_INV_WISHART;

            lay_out_block(th, st, pr, k, &g->block[b], g->block[b].size > 1 || whole ? &pr->cor[k][b] : NULL, L, &sd, &cor);
        }
        L += g->q * g->q;
    }
    th->nL = L;
    th->has_sigma = pr->has_sigma;
    th->sigma_x = -1;
    th->sigma_prior = &pr->sigma;
    th->fixed_sigma = !pr->has_sigma ? 1 : pr->sigma.a[0];
    if (pr->has_sigma && pr->sigma.kind != BM_DIST_CONSTANT) th->sigma_x = (long)th->d++;
    return BM_OK;
}

static bm_status pack(bm_packed **out, const bm_packed *like, const bm_stats *st, bm_error *err)
{
    bm_status status = like ? bm_packed_view(out, like, err) : bm_packed_new(out, st, err);

    if (like && status == BM_OK) bm_packed_refresh(*out, st);
    return status;
}

/* like: of the same cross-products but for the response, or NULL. */
static bm_status post_new(bm_post **out, const bm_packed *like, const bm_stats *st, const bm_priors *pr, const bm_design *d, bm_error *err)
{
    bm_post  *p = bm_alloc(1, sizeof *p);
    bm_status status = BM_ENOMEM;

    *out = NULL;
    if (!p) return bm_nomem(err);
    p->st = st;
    p->pr = pr;
    p->d = d;
    for (size_t k = 0; k < st->nfac; k++) p->nu += st->fac[k].J * st->fac[k].q;
    if ((status = lay_out(&p->th, st, pr, d, err)) != BM_OK) goto fail;
    if ((status = pack(&p->pk, like, st, err)) != BM_OK) goto fail;
    if ((status = bm_coef_prior_new(&p->cp, st, pr, d, err)) != BM_OK) goto fail;
    *out = p;
    return BM_OK;
fail:
    bm_post_free(p);
    return status;
}

bm_status bm_post_new(bm_post **out, const bm_stats *st, const bm_priors *pr, const bm_design *d, bm_error *err)
{
    return post_new(out, NULL, st, pr, d, err);
}

bm_status bm_post_respond(bm_post **out, const bm_post *from, const bm_stats *st, const bm_design *d, bm_error *err)
{
    return post_new(out, from->pk, st, from->pr, d, err);
}

void bm_post_free(bm_post *p)
{
    if (!p) return;
    free(p->th.sd_x);
    free(p->th.sd_c);
    free(p->th.cor_x);
    free(p->th.sd_prior);
    free(p->th.block);
    bm_packed_free(p->pk);
    bm_coef_prior_free(p->cp);
    free(p);
}

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
            double x = j < i ? pt->x[th->cor_x[b->cor + cor_index(i, j)]] : 0, v = j < i ? rest * tanh(x) : rest;

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

/* ---- priors: log density into *nat, log Jacobian into *jac; with g, the derivative of their sum by x, and by L into pt->dL ---- */

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
            long   at = th->cor_x[b->cor + cor_index(i, j)];
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

static void prior(bm_point *pt, double *nat, double *jac, double *g)
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
                long   cx = th->cor_x[b->cor + cor_index(i, j)];
                double t = tanh(pt->x[cx]), rest = 1;

                for (size_t l = 0; l < j; l++) rest /= cosh(pt->x[th->cor_x[b->cor + cor_index(i, l)]]);
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
    prior(pt, &nat, &jac, NULL);
    if (!isfinite(nat + jac)) return BM_NOT_PD;      /* outside the prior's support: no need for the data */
    if (bm_marginal_eval(pt->m, pt->L, pt->sigma) != BM_OK) return BM_NOT_PD;
    return finish(pt, nat, jac);
}

bm_status bm_point_prior(bm_point *pt)
{
    double jac;

    place(pt);
    prior(pt, &pt->lp_nat, &jac, NULL);
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
    prior(pt, &nat, &jac, g);
    if (!isfinite(nat + jac)) return BM_NOT_PD;
    if (bm_marginal_eval(pt->m, pt->L, pt->sigma) != BM_OK) return BM_NOT_PD;
    bm_marginal_gradient(pt->m);
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
                cor[b->cor + cor_index(i, j)] = r;
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
            for (size_t j = 0; j <= i; j++) R[i + j * q] = i == j ? 1 : cor[b->cor + cor_index(i, j)];
        if (bm_chol(q, R) != BM_OK) return BM_NOT_PD;
        for (size_t i = 1; i < q; i++) {
            double rest = 1;

            for (size_t j = 0; j < i; j++) {
                double z = R[i + j * q] / rest;

                x[th->cor_x[b->cor + cor_index(i, j)]] = atanh(z);
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
            long at = th->cor_x[b->cor + (i > me ? cor_index(i, me) : cor_index(me, i))];
            x[at] = -x[at];
        }
    }
}
