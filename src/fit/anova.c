/* anova.c: the likelihood-ratio test of two nested models.
 *
 * A variance that is zero under the null hypothesis is on the boundary: for one variance the statistic is a 50:50 mixture of chi-squares
 * with one degree of freedom apart (Self & Liang 1987, JASA 82:605; Stram & Lee 1994, Biometrics 50:1171: a random effect added to q - 1
 * correlated ones: q - 1 and q degrees of freedom). Several independent variances: binomial weights, exact where their estimates are
 * uncorrelated. Otherwise the plain chi-square, which is conservative. */
#include "fit/reml_priv.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PARTS = sizeof((bm_anova *)0)->part / sizeof *((bm_anova *)0)->part };

static size_t covariance_parameters(const bm_design *d)
{
    size_t n = 0;

    for (size_t k = 0; k < d->nfac; k++)
        for (size_t i = 0; i < d->fac[k].nblock; i++) n += d->fac[k].block[i].size * (d->fac[k].block[i].size + 1) / 2;
    return n;
}

/* ---- same data ---- */

static bm_status different_responses(const bm_design *a, const bm_design *b, bm_error *err)
{
    return bm_fail(err, BM_EINVAL, "the models have different responses ('%s' and '%s'): their likelihoods cannot be compared", a->yname, b->yname);
}

static bm_status different_weights(bm_error *err)
{
    return bm_fail(err, BM_EINVAL, "the models have different weights: their likelihoods cannot be compared");
}

/* Of rows that are not kept. */
static bm_status same_prints(const bm_design *a, const bm_design *b, bm_error *err)
{
    bm_prints x = bm_design_prints(a), y = bm_design_prints(b);

    if (x.left_out != y.left_out)
        return bm_fail(err, BM_EINVAL, "the models use different rows, though as many: a variable of each has missing values where the other has none; fit both to the complete "
                       "rows");
    if (x.y != y.y) return different_responses(a, b, err);
    return x.w == y.w && a->known_se == b->known_se ? BM_OK : different_weights(err);
}

static bm_status same_rows(const bm_design *a, const bm_design *b, bm_error *err)
{
    if (a->n != b->n)
        return bm_fail(err, BM_EINVAL, "the models use different rows (%zu and %zu): a variable of one of them has missing values; fit both to the complete rows", a->n,
                       b->n);
    if (!a->y || !b->y) return same_prints(a, b, err);
    for (size_t i = 0; i < a->n; i++) {
        if (a->row && b->row && a->row[i] != b->row[i])
            return bm_fail(err, BM_EINVAL, "the models use different rows (row %zu of the data is in one of them only): a variable has missing values there; fit both to "
                           "the complete rows", (a->row[i] < b->row[i] ? a->row[i] : b->row[i]) + 1);
        if (a->y[i] != b->y[i]) return different_responses(a, b, err);
        if ((a->w ? a->w[i] : 1) != (b->w ? b->w[i] : 1) || a->known_se != b->known_se) return different_weights(err);
    }
    return BM_OK;
}

/* ---- nested fixed effects ---- */

static bool has_name(const bm_design *d, const char *name)
{
    for (size_t k = 0; k < d->p; k++)
        if (strcmp(d->xnames[k], name) == 0) return true;
    return false;
}

/* Column x (n) is a combination of the columns of big. */
static bm_status spanned(const bm_design *big, const double *x, bool *yes, bm_error *err)
{
    bm_design d = *big;
    bm_stats *st = NULL;
    bm_status status;

    d.nfac = 0;
    d.o = NULL;
    d.y = (double *)x;                               /* only read */
    if ((status = bm_stats_new(&st, &d, err)) != BM_OK) return status;
    *yes = st->yy <= 1e-16 * st->y_scale;
    bm_stats_free(st);
    return BM_OK;
}

static bool same_offset(const bm_design *a, const bm_design *b)
{
    if (!a->y || !b->y) return bm_design_prints(a).o == bm_design_prints(b).o;
    for (size_t i = 0; i < a->n; i++)
        if ((a->o ? a->o[i] : 0) != (b->o ? b->o[i] : 0)) return false;
    return true;
}

static bm_status fixed_nested(const bm_design *small, const bm_design *big, bm_error *err)
{
    bm_status st = BM_OK;
    bool      yes;

    for (size_t k = 0; k < small->p; k++) {
        if (has_name(big, small->xnames[k])) continue;
        if (!small->X || !big->X)
            return bm_fail(err, BM_EINVAL, "the larger model has no column '%s' of that name: whether it is a combination of those that it has is seen in the rows: keep them "
                           "(--hold-rows all)", small->xnames[k]);
        if ((st = spanned(big, small->X + k * small->n, &yes, err)) != BM_OK) return st;
        if (!yes)
            return bm_fail(err, BM_EINVAL, "the models are not nested: the column '%s' of the smaller one is not a combination of those of the larger one",
                           small->xnames[k]);
    }
    return same_offset(small, big) ? BM_OK : bm_fail(err, BM_EINVAL, "the models have different offsets: the test needs the same one in both");
}

/* The coefficients differ in more than their coding: the ranks do, or the smaller space is not all of the larger. */
static bool same_fixed(const bm_design *a, const bm_design *b)
{
    if (a->p != b->p) return false;
    for (size_t k = 0; k < a->p; k++)
        if (!has_name(b, a->xnames[k])) return false;
    return true;
}

/* ---- nested random effects ---- */

static const bm_group *factor_named(const bm_design *d, const char *name)
{
    for (size_t k = 0; k < d->nfac; k++)
        if (strcmp(d->fac[k].name, name) == 0) return &d->fac[k];
    return NULL;
}

static long effect_named(const bm_group *g, const char *name)
{
    for (size_t i = 0; i < g->q; i++)
        if (strcmp(g->znames[i], name) == 0) return (long)i;
    return -1;
}

static size_t block_of(const bm_group *g, size_t effect)
{
    size_t k = 0;

    while (k + 1 < g->nblock && effect >= g->block[k].first + g->block[k].size) k++;
    return k;
}

static bm_status random_nested(const bm_design *small, const bm_design *big, bm_error *err)
{
    for (size_t k = 0; k < small->nfac; k++) {
        const bm_group *s = &small->fac[k], *b = factor_named(big, s->name);

        if (!b) return bm_fail(err, BM_EINVAL, "the models are not nested: the smaller one has effects of '%s', the larger one has none", s->name);
        for (size_t i = 0; i < s->q; i++) {
            long at = effect_named(b, s->znames[i]);

            if (at < 0)
                return bm_fail(err, BM_EINVAL, "the models are not nested: the effect of '%s' that varies by '%s' is in the smaller one only", s->znames[i], s->name);
            for (size_t j = 0; j < i; j++) {         /* correlated in the smaller one: so in the larger one */
                long other = effect_named(b, s->znames[j]);

                if (block_of(s, i) == block_of(s, j) && block_of(b, (size_t)at) != block_of(b, (size_t)other))
                    return bm_fail(err, BM_EINVAL, "the models are not nested: '%s' and '%s' are correlated by '%s' in the smaller one only", s->znames[j], s->znames[i],
                                   s->name);
            }
        }
    }
    return BM_OK;
}

/* ---- the distribution under the null hypothesis ---- */

/* New variances of the larger model, and whether all of them stand alone, uncorrelated with anything. */
static size_t new_variances(const bm_design *small, const bm_design *big, bool *alone)
{
    size_t n = 0;

    *alone = true;
    for (size_t k = 0; k < big->nfac; k++) {
        const bm_group *b = &big->fac[k], *s = factor_named(small, b->name);

        for (size_t i = 0; i < b->q; i++) {
            if (s && effect_named(s, b->znames[i]) >= 0) continue;
            n++;
            *alone &= b->block[block_of(b, i)].size == 1;
        }
    }
    return n;
}

static size_t correlations(const bm_design *d)
{
    size_t n = 0;

    for (size_t k = 0; k < d->nfac; k++)
        for (size_t i = 0; i < d->fac[k].nblock; i++) n += d->fac[k].block[i].size * (d->fac[k].block[i].size - 1) / 2;
    return n;
}

static double tail(double x, size_t df)
{
    if (df == 0) return x > 0 ? 0 : 1;
    return gsl_cdf_chisq_Q(x, (double)df);
}

/* Correlations of the one new effect with old ones. */
static bool only_its_own_correlations(const bm_design *small, const bm_design *big)
{
    for (size_t k = 0; k < big->nfac; k++) {
        const bm_group *b = &big->fac[k], *s = factor_named(small, b->name);

        for (size_t i = 0; i < b->q; i++)
            if (!s || effect_named(s, b->znames[i]) < 0) return correlations(big) - correlations(small) == b->block[block_of(b, i)].size - 1;
    }
    return false;
}

static bm_status mixture(bm_anova *a, const bm_design *small, const bm_design *big, bm_error *err)
{
    bool   alone;
    size_t r = new_variances(small, big, &alone);

    a->p = a->p_chisq = tail(a->chisq, a->df);
    if (r == 0) return BM_OK;
    if (r == 1 && only_its_own_correlations(small, big)) {
        a->npart = 2;
        a->part[0] = (bm_mixture_part){ 0.5, a->df - 1 };
        a->part[1] = (bm_mixture_part){ 0.5, a->df };
    } else if (alone && correlations(big) == correlations(small) && r + 1 <= (size_t)MOST_PARTS) {
        a->npart = r + 1;
        for (size_t i = 0; i <= r; i++)
            a->part[i] = (bm_mixture_part){ exp(gsl_sf_lnchoose((unsigned)r, (unsigned)i) - (double)r * M_LN2), a->df - r + i };
    } else {
        return bm_strv_add(&a->notes, "variances are zero under the smaller model, on the boundary, and no simple mixture applies: the chi-square p-value is conservative",
                           err);
    }
    a->p = 0;
    for (size_t i = 0; i < a->npart; i++) a->p += a->part[i].weight * tail(a->chisq, a->part[i].df);
    if (r == 1)
        return bm_strv_addf(&a->notes, err, "a variance is zero under the smaller model, on the boundary: p-value from a 50:50 mixture of chi-square with %zu and %zu df",
                            a->df - 1, a->df);
    return bm_strv_addf(&a->notes, err, "%zu variances are zero under the smaller model, on the boundary: p-value from a binomial mixture of chi-square with %zu to %zu df",
                        r, a->df - r, a->df);
}

/* ---- the test ---- */

static bm_status compare(bm_anova *a, const bm_anova_side *small, const bm_anova_side *big, const bm_reml_options *opt, bm_error *err)
{
    bool            fixed_same = same_fixed(small->d, big->d);
    bm_reml_options o = *opt;
    bm_status       st;

    if ((st = fixed_nested(small->d, big->d, err)) != BM_OK) return st;
    if ((st = random_nested(small->d, big->d, err)) != BM_OK) return st;
    o.ml = opt->ml || !fixed_same;
    o.ci = BM_CI_NONE;
    if (!fixed_same && !opt->ml && (st = bm_strv_add(&a->notes, "the coefficients differ: both models were fitted by maximum likelihood", err)) != BM_OK) return st;
    if ((st = bm_reml_fit(&a->fit[0], small->st, small->d, &o, err)) != BM_OK) return st;
    if ((st = bm_reml_fit(&a->fit[1], big->st, big->d, &o, err)) != BM_OK) return st;
    for (int k = 0; k < 2; k++) {
        const char *f = k ? big->formula : small->formula;

        if (f && !(a->fit[k]->formula = bm_strdup(f))) return bm_nomem(err);
    }
    if (a->fit[1]->npar <= a->fit[0]->npar)
        return bm_fail(err, BM_EINVAL, "both models have %zu parameters and one is nested in the other: they are the same model, there is nothing to test", a->fit[0]->npar);
    a->df = a->fit[1]->npar - a->fit[0]->npar;
    a->chisq = fmax(0, a->fit[0]->criterion - a->fit[1]->criterion);
    return mixture(a, small->d, big->d, err);
}

bm_status bm_anova_fit(bm_anova **out, const bm_anova_side *one, const bm_anova_side *two, const bm_reml_options *opt, bm_error *err)
{
    static const bm_reml_options defaults = BM_REML_OPTIONS_INIT;
    size_t    n1 = one->st->rank + covariance_parameters(one->d), n2 = two->st->rank + covariance_parameters(two->d);
    bm_anova *a = bm_alloc(1, sizeof *a);
    bm_status st;

    *out = NULL;
    if (!a) return bm_nomem(err);
    st = same_rows(one->d, two->d, err);
    if (st == BM_OK) st = n1 <= n2 ? compare(a, one, two, opt ? opt : &defaults, err) : compare(a, two, one, opt ? opt : &defaults, err);
    if (st != BM_OK) {
        bm_anova_free(a);
        return st;
    }
    *out = a;
    return BM_OK;
}

void bm_anova_free(bm_anova *a)
{
    if (!a) return;
    bm_reml_free(a->fit[0]);
    bm_reml_free(a->fit[1]);
    bm_strv_free(&a->notes);
    free(a);
}
