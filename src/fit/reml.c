/* reml.c: a REML or ML fit from its minimum: estimates, standard errors, group effects, what is at the boundary.
 *
 * Bates et al. 2015, JSS 67(1): the criterion, condVar, the covariance of b. Kuznetsova, Brockhoff & Christensen 2017, JSS 82(13): the
 * degrees of freedom of a t statistic after Satterthwaite (1946), 2 v^2 / (g'A g) with v the variance of the coefficient, g its
 * derivatives with respect to the covariance parameters and A their covariance, twice the inverse of the criterion's second derivatives. */
#include "fit/reml_priv.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- memory ---- */

static bm_status copy_group(bm_reml_group *to, const bm_group *from, bm_error *err)
{
    size_t J = from->J, q = from->q;

    *to = (bm_reml_group){ .name = bm_strdup(from->name), .J = J, .q = q, .nblock = from->nblock };
    to->levels = bm_alloc(J, sizeof *to->levels);
    to->terms = bm_alloc(q, sizeof *to->terms);
    to->block = bm_alloc(from->nblock, sizeof *to->block);
    to->G = bm_alloc(q * q, sizeof *to->G);
    to->sd = bm_alloc(q, sizeof *to->sd);
    to->cor = bm_alloc(q * q, sizeof *to->cor);
    to->u = bm_alloc(J * q, sizeof *to->u);
    to->u_sd = bm_alloc(J * q, sizeof *to->u_sd);
    if (!to->name || !to->levels || !to->terms || !to->block || !to->G || !to->sd || !to->cor || !to->u || !to->u_sd) return bm_nomem(err);
    memcpy(to->block, from->block, from->nblock * sizeof *to->block);
    for (size_t j = 0; j < J; j++)
        if (!(to->levels[j] = bm_strdup(from->levels[j]))) return bm_nomem(err);
    for (size_t i = 0; i < q; i++)
        if (!(to->terms[i] = bm_strdup(strcmp(from->znames[i], "Intercept") ? from->znames[i] : "(Intercept)"))) return bm_nomem(err);
    return BM_OK;
}

static bm_status allocate(bm_reml *r, const bm_design *d, bm_error *err)
{
    size_t    p = d->p;
    double  **part[] = { &r->b, &r->se, &r->t, &r->df, &r->pvalue };
    bm_status st = BM_OK;

    r->yname = bm_strdup(d->yname ? d->yname : "y");
    r->xnames = bm_alloc(p, sizeof *r->xnames);
    r->aliased = bm_alloc(p, sizeof *r->aliased);
    r->vcov = bm_alloc(p * p, sizeof *r->vcov);
    r->group = bm_alloc(d->nfac, sizeof *r->group);
    if (!r->yname || !r->xnames || !r->aliased || !r->vcov || !r->group) return bm_nomem(err);
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        if (!(*part[i] = bm_alloc(p, sizeof **part[i]))) return bm_nomem(err);
    r->p = p;
    for (size_t k = 0; k < p; k++)
        if (!(r->xnames[k] = bm_strdup(d->xnames[k]))) return bm_nomem(err);
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) {
        r->ngroup++;
        st = copy_group(&r->group[k], &d->fac[k], err);
    }
    return st;
}

static void free_group(bm_reml_group *g)
{
    for (size_t j = 0; g->levels && j < g->J; j++) free(g->levels[j]);
    for (size_t i = 0; g->terms && i < g->q; i++) free(g->terms[i]);
    free(g->name);
    free(g->levels);
    free(g->terms);
    free(g->block);
    free(g->G);
    free(g->sd);
    free(g->cor);
    free(g->u);
    free(g->u_sd);
}

void bm_reml_free(bm_reml *r)
{
    if (!r) return;
    for (size_t k = 0; k < r->p; k++) free(r->xnames[k]);
    for (size_t k = 0; k < r->ngroup; k++) free_group(&r->group[k]);
    free(r->group);
    free(r->xnames);
    free(r->aliased);
    free(r->b);
    free(r->se);
    free(r->t);
    free(r->df);
    free(r->pvalue);
    free(r->vcov);
    free(r->interval);
    free(r->formula);
    free(r->data);
    free(r->yname);
    bm_strv_free(&r->boundary);
    bm_strv_free(&r->notes);
    free(r);
}

/* ---- what cannot be fitted ---- */

static bm_status check(const bm_stats *st, const bm_design *d, bm_error *err)
{
    if (st->n <= st->rank && !d->known_se)
        return bm_fail(err, BM_EINVAL, "%zu rows for %zu coefficients: nothing is left to estimate the residual variance from", st->n, st->rank);
    for (size_t k = 0; k < d->nfac && !d->known_se; k++)
        if (d->fac[k].J >= st->n)
            return bm_fail(err, BM_EINVAL, "every row is a level of '%s' of its own (%zu levels, %zu rows): its variance cannot be told from the residual variance; "
                           "drop the term, or give known standard errors (--se)", d->fac[k].name, d->fac[k].J, st->n);
    if (!d->known_se && !(st->yy > 1e-30 * st->y_scale))
        return bm_fail(err, BM_ENUMERIC, "perfect fit: the coefficients explain '%s' to the last digit, the residual variance is zero and the likelihood has no maximum",
                       d->yname);
    return BM_OK;
}

static bm_status no_minimum(const bm_criterion_at *c, const bm_design *d, bm_error *err)
{
    if (!c->perfect) return bm_fail(err, BM_ENUMERIC, "the criterion is not finite at any starting point: look at the scale of the columns");
    return bm_fail(err, BM_ENUMERIC, "perfect fit: coefficients and effects of '%s'%s explain '%s' to the last digit, the residual variance goes to zero and the likelihood "
                   "has no maximum", d->nfac ? d->fac[0].name : "", d->nfac > 1 ? " and the other groups" : "", d->yname);
}

static bm_status note_design(bm_reml *r, const bm_stats *st, const bm_design *d, bm_error *err)
{
    bm_status status = BM_OK;
    size_t    dropped = 0;
    bm_buf    names = { 0 };

    for (size_t i = 0; i < d->notes.n && status == BM_OK; i++) status = bm_strv_add(&r->notes, d->notes.v[i], err);
    for (size_t k = 0; k < st->p; k++) {
        if (!(r->aliased[k] = st->aliased[k])) continue;
        bm_buf_printf(&names, "%s%s", dropped++ ? ", " : "", d->xnames[k]);
    }
    if (status == BM_OK && dropped)
        status = bm_strv_addf(&r->notes, err, "the fixed-effect matrix is rank deficient: dropped %zu column%s that depend%s on the ones before: %s", dropped,
                              dropped == 1 ? "" : "s", dropped == 1 ? "s" : "", names.s ? names.s : "");
    bm_buf_free(&names);
    for (size_t k = 0; k < d->nfac && status == BM_OK && !d->known_se; k++)
        if (d->fac[k].J * d->fac[k].q >= st->n)
            status = bm_strv_addf(&r->notes, err, "as many effects of '%s' as rows (%zu x %zu, %zu rows): its covariance and the residual variance are probably not both "
                                  "identifiable", d->fac[k].name, d->fac[k].J, d->fac[k].q, st->n);
    return status;
}

/* ---- covariances and the boundary ---- */

static void covariance(bm_reml_group *g, const double *L)
{
    size_t q = g->q;

    for (size_t j = 0; j < q; j++)
        for (size_t i = 0; i < q; i++) {
            double v = 0;

            for (size_t k = 0; k < q; k++) v += L[i + k * q] * L[j + k * q];
            g->G[i + j * q] = v;
        }
    for (size_t i = 0; i < q; i++) g->sd[i] = sqrt(g->G[i + i * q]);
    for (size_t j = 0; j < q; j++)
        for (size_t i = 0; i < q; i++) {
            double v = g->sd[i] > 0 && g->sd[j] > 0 ? g->G[i + j * q] / (g->sd[i] * g->sd[j]) : NAN;

            g->cor[i + j * q] = i == j ? 1 : fmin(1, fmax(-1, v));
            if (isnan(v)) g->cor[i + j * q] = NAN;
        }
}

/* ---- coefficients ---- */

/* Degrees of freedom of every coefficient; H: second derivatives in (x, log sigma), dvar: of the variances of b. */
static bm_status satterthwaite(bm_reml *r, double *H, const double *dvar, size_t N, bool known_se, bm_error *err)
{
    double *values = bm_alloc(N, sizeof *values), tol;
    size_t  used = known_se ? N - 1 : N, p = r->p;

    if (!values) return bm_nomem(err);
    if (bm_eigen(N, H, values) != BM_OK) {
        free(values);
        return bm_fail(err, BM_ENUMERIC, "the second derivatives of the criterion have no eigenvalues");
    }
    tol = 1e-9 * fmax(values[N - 1], 1e-300);
    for (size_t k = 0; k < p; k++) {
        double v = r->se[k] * r->se[k], total = 0;

        for (size_t l = 0; l < N; l++) {             /* directions without curvature carry no information: lmerTest's pseudo-inverse */
            double a = 0;

            if (!(values[l] > tol)) continue;
            for (size_t i = 0; i < N; i++) a += H[i + l * N] * dvar[k + i * p];
            total += 2 * a * a / values[l];
        }
        r->df[k] = total > 0 ? 2 * v * v / total : INFINITY;
        if (used == 0 || !(r->df[k] < 1e8)) r->df[k] = INFINITY;
    }
    free(values);
    return BM_OK;
}

static void t_tests(bm_reml *r)
{
    for (size_t k = 0; k < r->p; k++) {
        if (r->aliased[k]) {
            r->b[k] = r->se[k] = r->t[k] = r->df[k] = r->pvalue[k] = NAN;
            for (size_t j = 0; j < r->p; j++) r->vcov[k + j * r->p] = r->vcov[j + k * r->p] = NAN;
            continue;
        }
        r->t[k] = r->b[k] / r->se[k];
        r->pvalue[k] = isinf(r->df[k]) ? 2 * gsl_cdf_ugaussian_Q(fabs(r->t[k])) : 2 * gsl_cdf_tdist_Q(fabs(r->t[k]), r->df[k]);
    }
}

/* H and dvar at x; then everything that is read off at the point (L, sigma), to which c->m is moved. */
static bm_status coefficients(bm_reml *r, bm_criterion_at *c, const double *x, double *L, bm_error *err)
{
    size_t    n = c->rf->n, N = n + 1, p = r->p;
    double   *H = bm_alloc(N * N, sizeof *H), *dvar = bm_alloc(p * N, sizeof *dvar);
    bm_status st = BM_ENOMEM;

    if (!H || !dvar) {
        bm_nomem(err);
        goto done;
    }
    if ((st = bm_criterion_curvature(c, x, H, dvar, err)) != BM_OK) goto done;
    bm_relfac_L(c->rf, x, c->m->sigma, L);
    if ((st = bm_reml_snap(c, L)) != BM_OK) goto done;
    bm_marginal_conditional(c->m, r->b, r->se, NULL, NULL);
    bm_marginal_b_cov(c->m, r->vcov);
    if ((st = satterthwaite(r, H, dvar, N, c->known_se, err)) != BM_OK) goto done;
    t_tests(r);
done:
    if (st > 0) st = bm_fail(err, BM_ENUMERIC, "the criterion has no finite second derivatives at its minimum");
    free(H);
    free(dvar);
    return st;
}

/* ---- group effects ---- */

static bm_status group_effects(bm_reml *r, bm_criterion_at *c, bm_error *err)
{
    size_t  total = 0, at = 0;
    double *u;

    for (size_t k = 0; k < r->ngroup; k++) total += r->group[k].J * r->group[k].q;
    if (!(u = bm_alloc(2 * total, sizeof *u))) return bm_fail(err, BM_ENOMEM, "out of memory for %zu group effects", total);
    if (bm_marginal_effects_given_b(c->m, u, u + total) != BM_OK) {
        free(u);
        return bm_nomem(err);
    }
    for (size_t k = 0; k < r->ngroup; k++) {
        size_t m = r->group[k].J * r->group[k].q;

        memcpy(r->group[k].u, u + at, m * sizeof *u);
        memcpy(r->group[k].u_sd, u + total + at, m * sizeof *u);
        at += m;
    }
    free(u);
    return BM_OK;
}

/* ---- the fit ---- */

static bm_status wald(bm_reml *r, double level, bm_error *err)
{
    double z = gsl_cdf_ugaussian_Qinv((1 - level) / 2);

    if (!(r->interval = bm_alloc(r->p, sizeof *r->interval))) return bm_nomem(err);
    for (size_t k = 0; k < r->p; k++)
        if (!r->aliased[k])
            r->interval[r->ninterval++] = (bm_interval){ .kind = "b", .a = k, .lower = r->b[k] - z * r->se[k], .upper = r->b[k] + z * r->se[k] };
    return BM_OK;
}

static void information(bm_reml *r, const bm_criterion_at *c)
{
    r->criterion = -2 * c->m->logp;
    r->logLik = c->m->logp;
    r->npar = r->rank + c->rf->n + (r->known_se ? 0 : 1);
    r->aic = r->criterion + 2 * (double)r->npar;
    r->bic = r->criterion + log((double)r->n) * (double)r->npar;
}

static bm_status fill(bm_reml *r, bm_criterion_at *c, const bm_stats *st, const bm_design *d, const bm_reml_options *opt, bm_error *err)
{
    double   *x = bm_alloc(c->rf->n, sizeof *x), *L = bm_alloc(c->rf->nL, sizeof *L);
    bm_status status = BM_ENOMEM;

    if (!x || !L) {
        bm_nomem(err);
        goto done;
    }
    status = bm_reml_minimise(c, x, NULL, opt->starts, &r->search, err);
    if (status > 0 || (status == BM_OK && c->perfect && c->m->sigma < 1e-5 * c->sigma0)) status = no_minimum(c, d, err);
    if (status != BM_OK) goto done;
    if ((status = coefficients(r, c, x, L, err)) != BM_OK) goto done;
    r->sigma = c->m->sigma;
    size_t at = 0;
    for (size_t k = 0; k < r->ngroup; k++) {
        covariance(&r->group[k], L + at);
        at += r->group[k].q * r->group[k].q;
    }
    information(r, c);
    if ((status = bm_reml_find_boundary(r, c, L, err)) != BM_OK) goto done;
    if ((status = group_effects(r, c, err)) != BM_OK) goto done;
    if (!r->search.converged)
        status = bm_strv_addf(&r->notes, err, "the search did not converge: the largest derivative of the criterion is %.2g after %d evaluations", r->search.gnorm,
                              r->search.evaluations);
    if (status == BM_OK && opt->ci == BM_CI_WALD) status = wald(r, opt->level, err);
    if (status == BM_OK && opt->ci == BM_CI_PROFILE) status = bm_reml_profile(r, st, d, opt->level, err);
done:
    if (status > 0) status = no_minimum(c, d, err);
    free(x);
    free(L);
    return status;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bm_status bm_reml_fit(bm_reml **out, const bm_stats *st, const bm_design *d, const bm_reml_options *opt, bm_error *err)
{
    return bm_reml_fit_packed(out, st, NULL, d, opt, err);
}

bm_status bm_reml_fit_packed(bm_reml **out, const bm_stats *st, const bm_packed *pk, const bm_design *d, const bm_reml_options *opt, bm_error *err)
{
    static const bm_reml_options defaults = BM_REML_OPTIONS_INIT;
    bm_criterion_at c = { 0 };
    double          start = seconds();
    bm_status       status;
    bm_reml        *r = bm_alloc(1, sizeof *r);

    *out = NULL;
    if (!r) return bm_nomem(err);
    if (!opt) opt = &defaults;
    *r = (bm_reml){ .ml = opt->ml, .known_se = d->known_se, .n = st->n, .n_read = d->n_read, .rank = st->rank, .ci = opt->ci, .level = opt->level };
    if (!(opt->level > 0 && opt->level < 1)) {
        status = bm_fail(err, BM_EINVAL, "the level of intervals is %g; it must be between 0 and 1", opt->level);
        goto done;
    }
    if ((status = check(st, d, err)) != BM_OK) goto done;
    if ((status = allocate(r, d, err)) != BM_OK) goto done;
    if ((status = note_design(r, st, d, err)) != BM_OK) goto done;
    if ((status = bm_criterion_new(&c, st, pk, d, opt->ml, err)) != BM_OK) goto done;
    if ((status = fill(r, &c, st, d, opt, err)) != BM_OK) goto done;
    r->search.seconds = seconds() - start;
    *out = r;
    r = NULL;
done:
    bm_criterion_clear(&c);
    bm_reml_free(r);
    return status;
}

double bm_reml_criterion(const bm_reml *r)
{
    return r->criterion;
}

bool bm_reml_singular(const bm_reml *r)
{
    return r->singular;
}

bool bm_reml_converged(const bm_reml *r)
{
    return r->search.converged;
}
