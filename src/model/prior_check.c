/* prior_check.c: refuses priors that make the posterior improper.
 *
 * Coefficients: where the priors leave directions free (flat), X must determine them: the columns of X on those directions must be independent.
 * Sds: let a set of s scales with flat priors (sds of one factor, perhaps sigma) grow together to t. The likelihood falls as t^-(m - r), m the
 * number of dimensions that their effects span and r those of them that free coefficients absorb, while the volume grows as t^(s - 1) dt: the
 * integral is finite where m - r > s. For one factor and a flat intercept that is Gelman's (2006, Bayesian Analysis 1:515) rule of at least 3
 * groups. Sets looked at: each sd alone, all of a factor, all of a factor with sigma, sigma alone. Fewer than 3 groups are refused always:
 * with 2 and a proper intercept the posterior of the sd would be proper, but without a mean.
 *
 * Ranks are asked for only where flat priors meet an X of deficient rank or an sd. */
#include "model/prior_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- free directions of the coefficients ---- */

static bool is_free(const bm_priors *p, const bm_design *d, size_t k)
{
    bool centred = p->centred && (int)k == d->intercept;

    return (centred ? p->intercept.kind : p->b[k].kind) == BM_DIST_FLAT;
}

static void directions_clear(bm_directions *f)
{
    free(f->column);
    free(f->centre);
    *f = (bm_directions){ 0 };
}

/* With a proper prior on Intercept the intercept follows the free coefficients: their columns are centred. */
static bm_status directions_new(bm_directions *f, const bm_priors *p, const bm_design *d, bm_error *err)
{
    bool centre = p->centred && d->intercept >= 0 && !is_free(p, d, (size_t)d->intercept);

    *f = (bm_directions){ .column = bm_alloc(p->p, sizeof *f->column), .centre = bm_alloc(p->p, sizeof *f->centre), .intercept = d->intercept };
    if (!f->column || !f->centre) {
        directions_clear(f);
        return bm_nomem(err);
    }
    for (size_t k = 0; k < p->p; k++) {
        if (!is_free(p, d, k)) continue;
        f->centre[f->m] = centre ? p->xbar[k] : 0;
        f->column[f->m++] = k;
    }
    return BM_OK;
}

static bm_status undetermined(const bm_design *d, const bool *aliased, bm_error *err)
{
    bm_buf      list = { 0 };
    size_t      n = 0, first = 0;
    bm_status   st;

    for (size_t k = d->p; k-- > 0;) {
        n += aliased[k];
        if (aliased[k]) first = k;
    }
    for (size_t k = first, seen = 0; k < d->p && seen < 6; k++)
        if (aliased[k]) bm_buf_printf(&list, "%s%.60s", seen++ ? ", " : "", d->bnames[k]);
    st = bm_fail(err, BM_EINVAL, "the posterior is improper: under flat priors the data do not determine %s%s, as %s of X depend%s on the columns before; leave the term "
                                 "out, or give it a proper prior such as '%.60s ~ normal(0, 10)'",
                 list.s ? list.s : "", n > 6 ? ", ..." : "", n > 1 ? "these columns" : "this column", n > 1 ? "" : "s", d->bnames[first]);
    bm_buf_free(&list);
    return st;
}

static bm_status check_coefficients(const bm_directions *f, const bm_design *d, const bool *aliased, size_t rank, const bm_ranks *by, bm_error *err)
{
    bool     *dependent = NULL, *alias = NULL, any = false;
    bm_status st;

    if (!f->m || rank == d->p) return BM_OK;
    if (f->m == d->p) return undetermined(d, aliased, err);
    dependent = bm_alloc(f->m, sizeof *dependent);
    alias = bm_alloc(d->p, sizeof *alias);
    st = dependent && alias ? by->dependent(by->self, f, dependent, err) : bm_nomem(err);
    for (size_t c = 0; c < f->m && st == BM_OK; c++) any |= alias[f->column[c]] = dependent[c];
    if (any) st = undetermined(d, alias, err);
    free(dependent);
    free(alias);
    return st;
}

/* ---- standard deviations ---- */

static bm_status too_few(const bm_group *g, const size_t *effects, size_t m, const bm_span *s, size_t need, bm_error *err)
{
    bm_buf    who = { 0 };
    char      absorbed[160] = "";
    bm_status st;

    for (size_t k = 0; k < m && k < 4; k++) bm_buf_printf(&who, "%ssd_%.60s__%.60s", k ? ", " : "", g->name, g->znames[effects[k]]);
    if (s->absorbed)
        snprintf(absorbed, sizeof absorbed, ", of which %zu go%s into coefficients with flat priors", s->absorbed, s->absorbed == 1 ? "es" : "");
    st = bm_fail(err, BM_EINVAL, "the posterior is improper, or has no mean: the prior of %s%s is flat, which takes at least %zu group effects; '%.60s' has %zu that the data "
                                 "inform%s. Use a proper prior such as half_cauchy, the default",
                 who.s ? who.s : "", m > 4 ? ", ..." : "", need, g->name, s->spanned, absorbed);
    bm_buf_free(&who);
    return st;
}

static bm_status check_set(const bm_design *d, size_t k, const size_t *effects, size_t m, const bm_directions *f, const bm_ranks *by, bm_error *err)
{
    bm_span   s = { 0 };
    size_t    need;
    bm_status st = by->span(by->self, f, k, effects, m, &s, err);

    if (st != BM_OK) return st;
    need = s.absorbed + m + 1;
    if (m == 1 && need < 3) need = 3;
    return s.spanned >= need ? BM_OK : too_few(&d->fac[k], effects, m, &s, need, err);
}

/* The effects of factor k with flat sds, to out (q). */
static size_t flat_effects(const bm_priors *p, const bm_group *g, size_t k, size_t *out)
{
    size_t m = 0;

    for (size_t b = 0; b < g->nblock; b++)
        for (size_t i = g->block[b].first; i < g->block[b].first + g->block[b].size; i++)
            if (p->cor[k][b].kind != BM_DIST_INV_WISHART && p->sd[k][i].kind == BM_DIST_FLAT) out[m++] = i;
    return m;
}

static bm_status too_few_rows(const bm_design *d, size_t nfree, size_t nsd, bm_error *err)
{
    char with[80] = "";

    if (nsd) snprintf(with, sizeof with, " and of %zu standard deviation%s of group effects", nsd, nsd > 1 ? "s" : "");
    return bm_fail(err, BM_EINVAL, "the posterior is improper: the prior of sigma%s is flat, which takes at least %zu rows more than the %zu coefficient%s with flat priors; "
                                   "there are %zu rows. Use a proper prior such as half_cauchy, the default",
                   with, nsd + 2, nfree, nfree == 1 ? "" : "s", d->n);
}

static bm_status check_sds(const bm_priors *p, const bm_design *d, const bm_directions *f, const bm_ranks *by, bm_error *err)
{
    bool      flat_sigma = p->has_sigma && p->sigma.kind == BM_DIST_FLAT;
    bm_status st = BM_OK;

    if (flat_sigma && d->n < f->m + 2) return too_few_rows(d, f->m, 0, err);
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) {
        size_t *effects = bm_alloc(d->fac[k].q, sizeof *effects), nflat;

        if (!effects) return bm_nomem(err);
        nflat = flat_effects(p, &d->fac[k], k, effects);
        for (size_t i = 0; i < nflat && st == BM_OK; i++) st = check_set(d, k, effects + i, 1, f, by, err);
        if (st == BM_OK && nflat > 1) st = check_set(d, k, effects, nflat, f, by, err);
        if (st == BM_OK && nflat && flat_sigma && d->n < f->m + nflat + 2) st = too_few_rows(d, f->m, nflat, err);
        free(effects);
    }
    return st;
}

bm_status bm_priors_check(const bm_priors *p, const bm_design *d, const bool *aliased, size_t rank, const bm_ranks *by, bm_error *err)
{
    bm_directions f;
    bm_status     st = directions_new(&f, p, d, err);

    if (st == BM_OK) st = check_coefficients(&f, d, aliased, rank, by, err);
    if (st == BM_OK) st = check_sds(p, d, &f, by, err);
    directions_clear(&f);
    return st;
}

bool bm_priors_all_proper(const bm_priors *p)
{
    bool proper = !p->has_sigma || bm_dist_proper(&p->sigma);

    for (size_t k = 0; k < p->p; k++) proper = proper && bm_dist_proper(&p->b[k]);
    for (size_t k = 0; k < p->nfac; k++) {
        bool whole = p->nblock[k] && p->cor[k][0].kind == BM_DIST_INV_WISHART;

        for (size_t i = 0; i < p->q[k] && !whole; i++) proper = proper && bm_dist_proper(&p->sd[k][i]);
        for (size_t b = 0; b < p->nblock[k]; b++) proper = proper && bm_dist_proper(&p->cor[k][b]);
    }
    return proper;
}
