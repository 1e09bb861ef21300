/* sbc_prior.c: can parameters be drawn from these priors, and can what they give be fitted? */
#include "api/sbc_priv.h"

#include <math.h>

static bm_status refuse(const bm_model *m, size_t at, const char *what, const char *such_as, double scale, bm_error *err)
{
    const char *name = m->monitored.v[at + 1];

    return bm_fail(err, BM_EINVAL, "%s draws parameters from their priors, but that of %s is improper (flat): give it one that is not, such as --prior '%s ~ %s%.3g)', or fix "
                   "it with --prior '%s ~ constant(...)'", what, name, name, such_as, scale, name);
}

/* A scale of the size of the default prior's. */
static double usual_scale(const bm_design *d, double column_sd)
{
    double s = 2.5 * d->ysd / (column_sd > 0 ? column_sd : 1);

    return s > 0 && isfinite(s) ? s : 1;
}

static bm_status check_coefficients(const bm_model *m, const char *what, bm_error *err)
{
    const bm_priors *pr = m->priors;

    for (size_t k = 0; k < pr->p; k++) {
        bool           centred = pr->centred && (long)k == (long)m->design->intercept;
        const bm_dist *d = centred ? &pr->intercept : &pr->b[k];

        if (d->kind == BM_DIST_FLAT) return refuse(m, k, what, "normal(0, ", usual_scale(m->design, m->design->xsd[k]), err);
    }
    return BM_OK;
}

bm_status bm_check_simulable(const bm_model *m, const char *what, bool flat_coefficients, bm_error *err)
{
    const bm_design *d = m->design;
    size_t           at = d->p;
    bm_status        st = flat_coefficients ? BM_OK : check_coefficients(m, what, err);

    for (size_t k = 0; k < d->nfac && st == BM_OK; k++)
        for (size_t b = 0; b < d->fac[k].nblock; b++) {
            bool whole = m->priors->cor[k][b].kind == BM_DIST_INV_WISHART;

            for (size_t i = 0; i < d->fac[k].block[b].size; i++, at++)
                if (!whole && !bm_dist_proper(&m->priors->sd[k][d->fac[k].block[b].first + i]) && st == BM_OK)
                    st = refuse(m, at, what, "half_normal(0, ", usual_scale(d, 0), err);
        }
    if (st == BM_OK && m->priors->has_sigma && !bm_dist_proper(&m->priors->sigma)) st = refuse(m, m->monitored.n - 2, what, "half_normal(0, ", usual_scale(d, 0), err);
    if (st != BM_OK) return st;
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t b = 0; b < d->fac[k].nblock; b++)
            if (d->fac[k].block[b].size > BM_BLOCK_MAX)
                return bm_fail(err, BM_EINVAL, "%s takes at most %d correlated effects; '%s' has %zu", what, BM_BLOCK_MAX, d->fac[k].name, d->fac[k].block[b].size);
    return BM_OK;
}

bm_status bm_simulated_model(bm_model **out, const bm_model *m, const bm_basis *basis, const double *y, bm_error *err)
{
    bool      perfect;
    bm_status st;

    *out = NULL;
    for (size_t k = 0; k < m->design->n; k++)
        if (!(fabs(y[k]) < 1e150)) return bm_fail(err, BM_ENUMERIC, "the simulated response is too large for floating point");
    st = bm_model_with_response(out, m, basis, y, err);
    if (st == BM_OK) st = bm_model_fits_perfectly(*out, &perfect, err);
    if (st == BM_OK && perfect) st = bm_fail(err, BM_ENUMERIC, "sigma is so small beside the rest of the simulated response that rounding hides it");
    return st;
}
