/* compare_why.c: why an estimate and a posterior differ, from numbers: what is at the boundary, how few groups there are, how skewed the posterior
 * is, what the prior did, what averaging over theta did, and what is Monte Carlo error. */
#include "api/compare_priv.h"

#include <math.h>
#include <string.h>

static const double MATTERS = 0.1;       /* posterior sds: smaller contributions are not mentioned */
enum { FEW = 20 };

static const char *noun(const bm_compare_row *r)
{
    return r->kind == BM_PARAM_COR ? "correlation" : "sd";
}

static bm_status boundary(bm_compare_row *r, bm_error *err)
{
    if (!r->boundary) return BM_OK;
    if (isnan(r->reml))
        return bm_strv_add(&r->why, "REML has no estimate of it: an sd that it belongs to is estimated at 0", err);
    return bm_strv_addf(&r->why, err, "the REML estimate is on the boundary (%g); the posterior gives weight to every value it allows, 95 %% of it to %.3g .. %.3g", r->reml,
                        r->q2_5, r->q97_5);
}

static bm_status few(const bm_compare *c, bm_compare_row *r, bm_error *err)
{
    const bm_model *m = c->model;
    size_t          df = m->stats->n - m->stats->rank;

    if (r->kind == BM_PARAM_SIGMA && df < FEW)
        return bm_strv_addf(&r->why, err, "few residual degrees of freedom: %zu rows, %zu coefficients", m->stats->n, m->stats->rank);
    if (r->kind != BM_PARAM_SD && r->kind != BM_PARAM_COR) return BM_OK;
    size_t J = m->design->fac[r->factor].J;
    if (J >= FEW || J < 2) return BM_OK;
    if (r->kind == BM_PARAM_COR)
        return bm_strv_addf(&r->why, err, "few groups: %zu levels of %s; a correlation of %zu pairs that were observed exactly would still have a standard error of %.2f near 0",
                            J, m->design->fac[r->factor].name, J, 1 / sqrt((double)(J - 1)));
    return bm_strv_addf(&r->why, err, "few groups: %zu levels of %s; effects that were observed exactly would still leave their sd uncertain by %.0f %%", J,
                        m->design->fac[r->factor].name, 100 / sqrt(2 * (double)(J - 1)));
}

/* The mean of a skewed posterior lies away from its mode, near which the estimate is. */
static bm_status skewed(bm_compare_row *r, bm_error *err)
{
    double gap = (r->mean - r->mode) / r->sd;

    if (r->kind == BM_PARAM_B || !(fabs(gap) > MATTERS)) return BM_OK;
    return bm_strv_addf(&r->why, err, "the posterior of this %s is skewed: mode %.4g, median %.4g, mean %.4g; the mean is %.2f posterior sd %s the mode", noun(r), r->mode,
                        r->median, r->mean, fabs(gap), gap > 0 ? "above" : "below");
}

static bm_status prior_moved(bm_compare_row *r, bm_error *err)
{
    if (r->flat == BM_FLAT_REFUSED && r->kind == BM_PARAM_B)
        return bm_strv_add(&r->why, "the data do not determine it without the prior: its column depends on the ones before", err);
    if (r->flat == BM_FLAT_REFUSED)
        return bm_strv_addf(&r->why, err, "how far its prior moved it cannot be said from these draws: without the prior their weights degenerate (Pareto k %.2f > 0.7)",
                            r->flat_k);
    if (r->flat == BM_FLAT_NONE || !(fabs(r->prior_shift) > MATTERS)) return BM_OK;
    if (r->flat == BM_FLAT_EXACT)
        return bm_strv_addf(&r->why, err, "the prior of the coefficients moved the mean by %+.2f posterior sd: under a flat one it is %.4g (exact given each draw of theta)",
                            r->prior_shift, r->flat_mean);
    return bm_strv_addf(&r->why, err, "its prior moved the mean by %+.2f posterior sd: under a flat one it is %.4g (draws reweighted, effective sample size %.0f)",
                        r->prior_shift, r->flat_mean, r->flat_ess);
}

/* Correlations: where one of their sds is small they mean nothing, and there the posterior spreads. sd: the variable of each. */
static bm_status undetermined(const bm_compare *c, bm_compare_row *r, const size_t sd[2], const double reml[2], size_t variable, bm_error *err)
{
    const bm_draws *d = c->fit->draws;
    size_t          n = d->nchain * d->niter, count = 0, which = 0;
    double          mean = 0, most = INFINITY;

    for (size_t k = 0; k < 2; k++) {                 /* the one that is nearest to 0, in its own posterior sds */
        const bm_summary_row *s = &c->fit->summary[sd[k]];

        if (s->mean / s->sd < most) {
            most = s->mean / s->sd;
            which = k;
        }
    }
    if (!(reml[which] > 0) || isnan(r->reml)) return BM_OK;
    for (size_t i = 0; i < n; i++) {
        if (d->x[sd[which] * n + i] < reml[which]) continue;
        mean += d->x[variable * n + i];
        count++;
    }
    if (count < 20) return BM_OK;
    mean /= (double)count;
    if (!(fabs(mean - r->reml) < fabs(r->mean - r->reml) - MATTERS * r->sd)) return BM_OK;
    return bm_strv_addf(&r->why, err, "it is averaged over small values of %s, which leave it undetermined: over the draws in which that sd is at least its estimate %.3g "
                                      "(%.0f %% of them) the mean is %.3g", d->names[sd[which]], reml[which], 100 * (double)count / (double)n, mean);
}

/* The estimate is the mode of a joint density, the posterior of one parameter averages over the others. */
static bm_status marginal_mode(bm_compare_row *r, bm_error *err)
{
    double gap = (r->mode - r->reml) / r->sd;

    if (r->kind == BM_PARAM_B || r->boundary || !(fabs(gap) > MATTERS)) return BM_OK;
    return bm_strv_addf(&r->why, err, "its own posterior mode, %.4g, is %+.2f posterior sd from the estimate: REML sets the other parameters to their best values, the "
                                      "posterior averages over them%s", r->mode, gap, r->flat == BM_FLAT_NONE ? "" : " (and the prior counts)");
}

/* Coefficients: mean - estimate = what the prior did + what averaging over theta did. */
static bm_status averaged(bm_compare_row *r, bm_error *err)
{
    double shift = (r->flat_mean - r->reml) / r->sd;

    if (r->kind != BM_PARAM_B || !(fabs(shift) > MATTERS)) return BM_OK;
    return bm_strv_addf(&r->why, err, "averaging over sds, correlations and sigma, where REML fixes them at their estimates, moves it by %+.2f posterior sd", shift);
}

static bm_status noise(bm_compare_row *r, bm_error *err)
{
    if (!(r->mcse > MATTERS * r->sd)) return BM_OK;
    return bm_strv_addf(&r->why, err, "the posterior mean has a Monte Carlo error of %.2f posterior sd: more draws would sharpen it", r->mcse / r->sd);
}

/* Which sds a correlation belongs to: in the order of the parameters. */
static bm_status correlation(const bm_compare *c, bm_compare_row *r, bm_error *err)
{
    const bm_design *d = c->model->design;
    size_t           sd = 1 + c->model->stats->p, cor = sd + c->model->post->th.nsd;

    if (r->kind != BM_PARAM_COR) return BM_OK;
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        for (size_t b = 0; b < g->nblock; b++)
            for (size_t i = g->block[b].first + 1; i < g->block[b].first + g->block[b].size; i++)
                for (size_t j = g->block[b].first; j < i; j++, cor++) {
                    const size_t pair[2] = { sd + j, sd + i };
                    const double reml[2] = { c->reml->group[k].sd[j], c->reml->group[k].sd[i] };

                    if (strcmp(c->fit->draws->names[cor], r->name) == 0) return undetermined(c, r, pair, reml, cor, err);
                }
        sd += g->q;
    }
    return BM_OK;
}

static bm_status explain(const bm_compare *c, bm_compare_row *r, bm_error *err)
{
    bm_status st;

    if ((st = boundary(r, err)) != BM_OK) return st;
    if ((st = few(c, r, err)) != BM_OK) return st;
    if ((st = skewed(r, err)) != BM_OK) return st;
    if ((st = prior_moved(r, err)) != BM_OK) return st;
    if ((st = averaged(r, err)) != BM_OK) return st;
    if ((st = marginal_mode(r, err)) != BM_OK) return st;
    if ((st = correlation(c, r, err)) != BM_OK) return st;
    if ((st = noise(r, err)) != BM_OK || r->why.n) return st;
    return bm_strv_add(&r->why, "none of the usual reasons alone: not the boundary, few groups, skewness, the prior or Monte Carlo error", err);
}

bm_status bm_compare_explain(bm_compare *c, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t i = 0; i < c->view.nrow && st == BM_OK; i++)
        if (c->view.row[i].differs) st = explain(c, &c->view.row[i], err);
    return st;
}
