/* reml_bound.c: the ends of a profile-likelihood interval: where the profiled deviance has risen by a quantile of chi-square. */
#include "fit/reml_priv.h"

#include <math.h>

enum { EXPAND = 60, REFINE = 60 };

/* The signed root of the rise is nearly linear in the parameter: so a secant on the root, kept in its bracket (Illinois). */
static bm_status refine(bm_profile_fn *fn, void *self, double a, double za, double b, double zb, double want, double *out,
                        bm_error *err)
{
    double    lo = za - want, hi = zb - want, at = b, rise;
    bm_status st;
    int       side = 0;

    for (int k = 0; k < REFINE; k++) {
        at = (a * hi - b * lo) / (hi - lo);
        if (!(at > fmin(a, b) && at < fmax(a, b))) at = 0.5 * (a + b);
        if ((st = fn(self, at, &rise, err)) != BM_OK) return st;
        double z = sqrt(fmax(rise, 0)) - want;

        if (fabs(z) < 1e-7 || fabs(b - a) <= 1e-10 * (fabs(a) + fabs(b))) break;
        if (z < 0) {
            a = at;
            lo = z;
            if (side == -1) hi /= 2;
            side = -1;
        } else {
            b = at;
            hi = z;
            if (side == 1) lo /= 2;
            side = 1;
        }
    }
    *out = at;
    return BM_OK;
}

bm_status bm_profile_bound(bm_profile_fn *fn, void *self, double estimate, double step, double limit, double level_root, double *out,
                           bm_error *err)
{
    double    a = estimate, za = 0, b, rise;
    bm_status st;

    *out = limit;
    if (estimate == limit) return BM_OK;
    for (int k = 0; k < EXPAND; k++) {
        b = a + step;
        if ((step > 0 && b >= limit) || (step < 0 && b <= limit)) b = limit;
        if (!isfinite(b)) return BM_OK;
        if ((st = fn(self, b, &rise, err)) != BM_OK) return st;
        double zb = sqrt(fmax(rise, 0));

        if (zb >= level_root) return refine(fn, self, a, za, b, zb, level_root, out, err);
        if (b == limit) return BM_OK;
        step *= zb > 0.25 * level_root ? fmin(2, 1.2 * (level_root - zb) / (zb - za > 0 ? zb - za : level_root) + 0.1) : 2;
        a = b;
        za = zb;
    }
    return BM_OK;                                    /* it never rises enough: no bound on this side */
}
