/* plot_prior.c: the marginal prior of a single parameter, to lay over its posterior.
 *   b_Intercept under a prior on the centred intercept: Intercept - sum xbar_k b_k, normal where all of these are
 *   correlations: LKJ(eta) of q effects: (r + 1) / 2 ~ Beta(a, a), a = eta + q/2 - 1 (Lewandowski et al. 2009, sec. 3.2)
 *   inverse Wishart(df, Psi) of q effects: G_ii ~ inverse gamma((df - q + 1) / 2, Psi_ii / 2); with diagonal Psi, r as LKJ with
 *   a = (df - q + 1) / 2 (Barnard, McCulloch & Meng 2000, Statistica Sinica 10:1281) */
#include "report/plot_priv.h"

#include <gsl/gsl_randist.h>
#include <math.h>
#include <string.h>

static bm_plot_prior of_dist(const bm_dist *d)
{
    bm_plot_prior p = { .kind = BM_NO_PRIOR, .least = -INFINITY, .most = INFINITY };

    if (d->kind == BM_DIST_NORMAL) p.kind = BM_PRIOR_NORMAL;
    if (d->kind == BM_DIST_STUDENT_T) p.kind = BM_PRIOR_T;
    memcpy(p.a, d->a, sizeof p.a);
    return p;
}

/* The intercept, where its prior is on the mean of the predictors. */
static bm_plot_prior of_centred_intercept(const bm_priors *pr, size_t at)
{
    bm_plot_prior p = of_dist(&pr->intercept);
    double        mean = pr->intercept.a[0], var = pr->intercept.a[1] * pr->intercept.a[1];
    bool          shifted = false;

    for (size_t k = 0; k < pr->p; k++) {
        if (k == at || pr->xbar[k] == 0) continue;
        shifted = true;
        if (pr->b[k].kind == BM_DIST_CONSTANT) {
            mean -= pr->xbar[k] * pr->b[k].a[0];
            continue;
        }
        if (pr->b[k].kind != BM_DIST_NORMAL) p.kind = BM_NO_PRIOR;
        mean -= pr->xbar[k] * pr->b[k].a[0];
        var += pow(pr->xbar[k] * pr->b[k].a[1], 2);
    }
    if (!shifted) return p;
    if (p.kind == BM_PRIOR_T) p.kind = BM_NO_PRIOR;          /* a sum of a t and normals is neither */
    p.a[0] = mean;
    p.a[1] = sqrt(var);
    return p;
}

static bm_plot_prior of_sd(const bm_dist *d)
{
    bm_plot_prior p = { .kind = BM_PRIOR_SD, .dist = *d, .least = 0, .most = INFINITY };

    if (d->kind == BM_DIST_FLAT || d->kind == BM_DIST_CONSTANT) p.kind = BM_NO_PRIOR;
    return p;
}

static double scale_at(const bm_dist *w, size_t i, size_t j)
{
    return w->nscale > 1 ? w->scale[i + j * w->nscale] : i == j ? w->scale[0] : 0;
}

static bm_plot_prior of_wishart_sd(const bm_dist *w, size_t q, size_t i)
{
    bm_dist d = { .kind = BM_DIST_INV_GAMMA, .a = { (w->a[0] - (double)q + 1) / 2, scale_at(w, i, i) / 2 } };

    return of_sd(&d);
}

static bm_plot_prior of_cor(const bm_dist *whole, size_t q)
{
    bm_plot_prior p = { .kind = BM_PRIOR_COR, .least = -1, .most = 1 };

    if (whole->kind == BM_DIST_LKJ) p.a[0] = p.a[1] = whole->a[0] + (double)q / 2 - 1;
    else if (whole->kind == BM_DIST_INV_WISHART) p.a[0] = p.a[1] = (whole->a[0] - (double)q + 1) / 2;
    else p.kind = BM_NO_PRIOR;
    for (size_t i = 0; whole->kind == BM_DIST_INV_WISHART && i < q; i++)
        for (size_t j = 0; j < i; j++)
            if (scale_at(whole, i, j) != 0) p.kind = BM_NO_PRIOR;
    return p;
}

static bool is_sd(const bm_group *g, size_t i, const char *name)
{
    bm_buf b = { 0 };
    bool   same;

    bm_sd_name(&b, g, i);
    same = !b.failed && strcmp(b.s, name) == 0;
    bm_buf_free(&b);
    return same;
}

static bool is_cor(const bm_group *g, size_t i, size_t j, const char *name)
{
    bm_buf b = { 0 };
    bool   same;

    bm_cor_name(&b, g, i, j);
    same = !b.failed && strcmp(b.s, name) == 0;
    bm_buf_free(&b);
    return same;
}

static bool find_in_block(bm_plot_prior *out, const bm_plot_input *in, size_t k, size_t b, const char *name)
{
    const bm_group *g = &in->design->fac[k];
    const bm_block *blk = &g->block[b];
    const bm_dist  *whole = &in->priors->cor[k][b];

    for (size_t i = 0; i < blk->size; i++) {
        if (is_sd(g, blk->first + i, name)) {
            *out = whole->kind == BM_DIST_INV_WISHART ? of_wishart_sd(whole, blk->size,
                                                                      i) : of_sd(&in->priors->sd[k][blk->first + i]);
            return true;
        }
        for (size_t j = 0; j < i; j++)
            if (is_cor(g, blk->first + j, blk->first + i, name)) {
                *out = of_cor(whole, blk->size);
                return true;
            }
    }
    return false;
}

/* Where only the name is known: the support. */
static bm_plot_prior by_name(const char *name)
{
    bm_plot_prior p = { .kind = BM_NO_PRIOR, .least = -INFINITY, .most = INFINITY };

    if (strncmp(name, "sd_", 3) == 0 || strcmp(name, "sigma") == 0) p.least = 0;
    if (strncmp(name, "cor_", 4) == 0) {
        p.least = -1;
        p.most = 1;
    }
    return p;
}

bm_plot_prior bm_plot_prior_of(const bm_plot_input *in, const char *name)
{
    const bm_design *d = in->design;
    bm_plot_prior    p = by_name(name);

    if (!d || !in->priors) return p;
    for (size_t k = 0; k < d->p; k++)
        if (strcmp(d->bnames[k], name) == 0)
            return in->priors->centred && (int)k == d->intercept ? of_centred_intercept(in->priors,
                                                                                        k) : of_dist(&in->priors->b[k]);
    if (in->priors->has_sigma && strcmp(name, "sigma") == 0) return of_sd(&in->priors->sigma);
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t b = 0; b < d->fac[k].nblock; b++)
            if (find_in_block(&p, in, k, b, name)) return p;
    return p;
}

double bm_plot_prior_density(const bm_plot_prior *p, double x)
{
    if (x < p->least || x > p->most) return 0;
    switch (p->kind) {
    case BM_PRIOR_NORMAL: return gsl_ran_gaussian_pdf(x - p->a[0], p->a[1]);
    case BM_PRIOR_T: return gsl_ran_tdist_pdf((x - p->a[1]) / p->a[2], p->a[0]) / p->a[2];
    case BM_PRIOR_SD: return exp(bm_dist_sd_logpdf(&p->dist, x, NULL));
    case BM_PRIOR_COR: return 0.5 * gsl_ran_beta_pdf((x + 1) / 2, p->a[0], p->a[1]);
    case BM_NO_PRIOR: break;
    }
    return NAN;
}
