/* prior_margin.c: the marginal prior of every monitored parameter: its density, and how far out in it a value lies.
 * Marginals of LKJ: Lewandowski, Kurowicka & Joe (2009), J. Multivariate Analysis 100:1989; of the inverse Wishart: Barnard, McCulloch & Meng
 * (2000), Statistica Sinica 10:1281. */
#include "model/model.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>

/* ---- what it is ---- */

static bm_margin location(const bm_dist *d)
{
    bool known = d->kind == BM_DIST_NORMAL || d->kind == BM_DIST_STUDENT_T;

    return (bm_margin){ known ? BM_MARGIN_LOCATION : BM_MARGIN_NONE, *d };
}

/* b_Intercept = Intercept - sum xbar_k b_k, where all of these are normal. */
static bm_margin intercept(const bm_priors *p, size_t at)
{
    bm_dist d = p->intercept;
    double  v = d.a[1] * d.a[1];

    if (!p->centred) return location(&p->b[at]);
    if (d.kind != BM_DIST_NORMAL) return (bm_margin){ .kind = BM_MARGIN_NONE };
    for (size_t k = 0; k < p->p; k++) {
        if (k == at || p->xbar[k] == 0) continue;
        if (p->b[k].kind != BM_DIST_NORMAL) return (bm_margin){ .kind = BM_MARGIN_NONE };
        d.a[0] -= p->xbar[k] * p->b[k].a[0];
        v += p->xbar[k] * p->b[k].a[1] * p->xbar[k] * p->b[k].a[1];
    }
    d.a[1] = sqrt(v);
    return (bm_margin){ BM_MARGIN_LOCATION, d };
}

static bm_margin of_sd(const bm_dist *d)
{
    bm_margin m = { BM_MARGIN_SD, *d };

    if (d->kind == BM_DIST_CONSTANT || d->kind == BM_DIST_FLAT || !bm_dist_proper(d)) m.kind = BM_MARGIN_NONE;
    m.dist.norm = bm_dist_sd_norm(d);
    m.dist.has_norm = true;
    return m;
}

static bool diagonal(const bm_dist *d)
{
    for (size_t i = 0; i < d->nscale; i++)
        for (size_t j = 0; j < i; j++)
            if (d->scale[i + j * d->nscale] != 0) return false;
    return true;
}

/* One sd of a block whose covariance is inverse Wishart: an inverse gamma on the variance. */
static bm_margin wishart_sd(const bm_dist *d, size_t q, size_t i)
{
    double  scale = d->nscale == q ? d->scale[i + i * q] : d->scale[0];
    bm_dist g = { .kind = BM_DIST_INV_GAMMA, .a = { (d->a[0] - (double)q + 1) / 2, scale / 2 } };

    return of_sd(&g);
}

static bm_margin of_cor(const bm_dist *d, size_t q)
{
    double shape = d->kind == BM_DIST_LKJ ? d->a[0] - 1 + (double)q / 2 : (d->a[0] - (double)q + 1) / 2;

    if (d->kind == BM_DIST_INV_WISHART && !diagonal(d)) return (bm_margin){ .kind = BM_MARGIN_NONE };
    return (bm_margin){ BM_MARGIN_COR, { .kind = BM_DIST_LKJ, .a = { shape } } };
}

bm_status bm_margins_new(bm_margin **out, size_t *n, const bm_priors *p, const bm_design *d, bm_error *err)
{
    size_t     total = p->p + p->has_sigma, at = p->p;
    bm_margin *m;

    for (size_t k = 0; k < d->nfac; k++) total += d->fac[k].q + d->fac[k].q * d->fac[k].q;
    if (!(*out = m = bm_alloc(total, sizeof *m))) return bm_nomem(err);
    for (size_t k = 0; k < p->p; k++) m[k] = (int)k == d->intercept ? intercept(p, k) : location(&p->b[k]);
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t b = 0; b < d->fac[k].nblock; b++) {
            const bm_block *blk = &d->fac[k].block[b];
            const bm_dist  *whole = &p->cor[k][b];

            for (size_t i = 0; i < blk->size; i++)
                m[at++] = whole->kind == BM_DIST_INV_WISHART ? wishart_sd(whole, blk->size, i) : of_sd(&p->sd[k][blk->first + i]);
        }
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t b = 0; b < d->fac[k].nblock; b++) {
            size_t q = d->fac[k].block[b].size;

            for (size_t i = 0; i < q * (q - 1) / 2; i++) m[at++] = of_cor(&p->cor[k][b], q);
        }
    if (p->has_sigma) m[at++] = of_sd(&p->sigma);
    *n = at;
    return BM_OK;
}

/* ---- density and distribution ---- */

double bm_margin_density(const bm_margin *m, double x)
{
    const double *a = m->dist.a;

    switch (m->kind) {
    case BM_MARGIN_LOCATION:
        if (m->dist.kind == BM_DIST_NORMAL) return gsl_ran_gaussian_pdf(x - a[0], a[1]);
        return gsl_ran_tdist_pdf((x - a[1]) / a[2], a[0]) / a[2];
    case BM_MARGIN_SD: return exp(bm_dist_sd_logpdf(&m->dist, x, NULL));
    case BM_MARGIN_COR: return x <= -1 || x >= 1 ? 0 : gsl_ran_beta_pdf((x + 1) / 2, a[0], a[0]) / 2;
    case BM_MARGIN_NONE: break;
    }
    return NAN;
}

/* P(sd > x). */
static double sd_above(const bm_dist *d, double x)
{
    const double *a = d->a;

    switch (d->kind) {
    case BM_DIST_NORMAL: return gsl_cdf_gaussian_Q(x - a[0], a[1]) / gsl_cdf_gaussian_Q(-a[0], a[1]);
    case BM_DIST_STUDENT_T: return gsl_cdf_tdist_Q((x - a[1]) / a[2], a[0]) / gsl_cdf_tdist_Q(-a[1] / a[2], a[0]);
    case BM_DIST_HALF_CAUCHY: return 2 * gsl_cdf_cauchy_Q(x, a[1]);
    case BM_DIST_HALF_NORMAL: return 2 * gsl_cdf_gaussian_Q(x, a[1]);
    case BM_DIST_HALF_T: return 2 * gsl_cdf_tdist_Q(x / a[2], a[0]);
    case BM_DIST_EXPONENTIAL: return exp(-a[0] * x);
    case BM_DIST_GAMMA: return gsl_cdf_gamma_Q(x, a[0], 1 / a[1]);
    case BM_DIST_LOGNORMAL: return gsl_cdf_lognormal_Q(x, a[0], a[1]);
    case BM_DIST_UNIFORM: return fmin(fmax((a[1] - x) / (a[1] - a[0]), 0), 1);
    case BM_DIST_INV_GAMMA: return x > 0 ? gsl_cdf_gamma_P(1 / (x * x), a[0], 1 / a[1]) : 1;
    default: return NAN;
    }
}

double bm_margin_above(const bm_margin *m, double x)
{
    const double *a = m->dist.a;

    switch (m->kind) {
    case BM_MARGIN_LOCATION: return m->dist.kind == BM_DIST_NORMAL ? gsl_cdf_gaussian_Q(x - a[0], a[1]) : gsl_cdf_tdist_Q((x - a[1]) / a[2], a[0]);
    case BM_MARGIN_SD: return sd_above(&m->dist, x);
    case BM_MARGIN_COR: return x <= -1 ? 1 : x >= 1 ? 0 : gsl_cdf_beta_Q((x + 1) / 2, a[0], a[0]);
    case BM_MARGIN_NONE: break;
    }
    return NAN;
}

/* A prior that falls from 0 on has one tail; the others two. */
double bm_margin_tail(const bm_margin *m, double x)
{
    double above = bm_margin_above(m, x);
    bool   falls = m->kind == BM_MARGIN_SD &&
                   (m->dist.kind == BM_DIST_HALF_CAUCHY || m->dist.kind == BM_DIST_HALF_NORMAL || m->dist.kind == BM_DIST_HALF_T ||
                    m->dist.kind == BM_DIST_EXPONENTIAL || (m->dist.kind == BM_DIST_GAMMA && m->dist.a[0] <= 1) ||
                    (m->dist.kind == BM_DIST_NORMAL && m->dist.a[0] <= 0));

    if (falls || isnan(above)) return above;
    if (m->kind == BM_MARGIN_LOCATION) return 2 * fmin(above, m->dist.kind == BM_DIST_NORMAL ? gsl_cdf_gaussian_P(x - m->dist.a[0], m->dist.a[1])
                                                                                          : gsl_cdf_tdist_P((x - m->dist.a[1]) / m->dist.a[2], m->dist.a[0]));
    return 2 * fmin(above, 1 - above);
}
