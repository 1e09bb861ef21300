/* reml_search.c: the minimum of the REML or ML criterion.
 *
 * BFGS from several starts, because the criterion can have more than one minimum and, with entries of Theta of either sign, saddle
 * points where a component is zero: every point reached is tested by its second derivatives, and a direction of negative curvature is
 * followed down. Newton steps finish the best. */
#include "fit/reml_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double SAME = 1e-6;        /* criteria that differ by less are the same minimum */
enum { POLISH = 6, ESCAPES = 5 };

typedef struct {
    bm_criterion_at *c;
    size_t           n;
    double          *H, *Hp, *values, *g, *step, *trial;   /* (n+1)^2, n x n, n each */
} polish;

static bm_status polish_new(polish *w, bm_criterion_at *c, bm_error *err)
{
    size_t  n = c->rf->n, N = n + 1;
    double *block = bm_alloc(N * N + n * n + 4 * n, sizeof *block);

    *w = (polish){ .c = c, .n = n, .H = block };
    if (!block) return bm_nomem(err);
    w->Hp = block + N * N;
    w->values = w->Hp + n * n;
    w->g = w->values + n;
    w->step = w->g + n;
    w->trial = w->step + n;
    return BM_OK;
}

static double largest(const double *v, size_t n)
{
    double m = 0;

    for (size_t i = 0; i < n; i++) m = fmax(m, fabs(v[i]));
    return m;
}

/* Eigenvalues and vectors (in Hp) of the profiled criterion's second derivatives at x. */
static bm_status eigen_at(polish *w, const double *x, bm_error *err)
{
    bm_status st = w->n ? bm_criterion_curvature(w->c, x, w->H, NULL, err) : BM_OK;

    if (st != BM_OK || !w->n) return st;
    bm_criterion_profile_hessian(w->H, w->n, w->c->known_se, w->Hp);
    return bm_eigen(w->n, w->Hp, w->values);
}

/* Newton steps from the minimum that BFGS found: directions without curvature (a gauge at the boundary) are left alone. */
static bm_status newton(polish *w, double *x, double *f, double *gnorm, bm_error *err)
{
    size_t    n = w->n;
    bm_status st = BM_OK;

    for (int k = 0; k < POLISH; k++) {
        double ft, gt, flat;

        if ((st = eigen_at(w, x, err)) != BM_OK) break;
        if ((st = bm_criterion_profiled(w->c, x, f, w->g)) != BM_OK) break;
        *gnorm = largest(w->g, n);
        if (n == 0 || *gnorm <= 1e-10) break;
        flat = 1e-7 * fmax(1, w->values[n - 1]);
        memset(w->step, 0, n * sizeof *w->step);
        for (size_t l = 0; l < n; l++) {
            const double *v = w->Hp + l * n;
            double        a = w->values[l] > flat ? bm_dot(n, v, w->g) / w->values[l] : 0;

            for (size_t i = 0; i < n; i++) w->step[i] -= a * v[i];
        }
        for (size_t i = 0; i < n; i++) w->trial[i] = x[i] + w->step[i];
        st = bm_criterion_profiled(w->c, w->trial, &ft, w->g);
        if (st < 0) break;
        gt = st == BM_OK ? largest(w->g, n) : INFINITY;
        st = BM_OK;
        if (!(gt < *gnorm) || !(ft <= *f + 1e-9 * (1 + 1e-3 * fabs(*f)))) break;
        memcpy(x, w->trial, n * sizeof *x);
        *f = ft;
        *gnorm = gt;
    }
    return st;
}

/* From a saddle point down along the direction of most negative curvature. False: there is none. */
static bool escape(polish *w, double *x, double f)
{
    size_t n = w->n;
    double step = 1e-3, ft;
    bool   found = false;

    if (n == 0 || !(w->values[0] < -1e-5 * fmax(1, fabs(w->values[n - 1])))) return false;
    for (int k = 0; k < 12; k++, step *= 2.5) {
        for (size_t i = 0; i < n; i++) w->trial[i] = x[i] + step * w->Hp[i];
        if (bm_criterion_profiled(w->c, w->trial, &ft, NULL) != BM_OK || !(ft < f - 1e-9)) break;
        f = ft;
        found = true;
    }
    if (!found) return false;
    for (size_t i = 0; i < n; i++) x[i] += step / 2.5 * w->Hp[i];
    return true;
}

/* One start, down to a minimum. best: the lowest so far, known to be no saddle point; to reach it again needs no second look. */
static bm_status from_start(polish *w, double *x, double best, bm_optimum *o, bm_error *err)
{
    bm_minimise_options opt = BM_MINIMISE_OPTIONS_INIT;
    bm_status           st = BM_OK;

    opt.gtol = 1e-5;
    opt.max_evaluations = 500 + 200 * (int)w->n;
    for (int k = 0; k <= ESCAPES; k++) {
        if ((st = bm_minimise(bm_criterion_profiled, w->c, x, w->n, &opt, o, err)) != BM_OK) return st;
        if (fabs(o->f - best) < SAME) return BM_OK;
        if ((st = eigen_at(w, x, err)) != BM_OK) return st;
        if (!escape(w, x, o->f)) break;
    }
    return st;
}

/* Sizes of the effects at the starts: what one group can just see, a small one, a large one; then in between. */
static void start_at(const bm_criterion_at *c, int k, double *x)
{
    static const double size[] = { 1, 0.15, 4, 0.5, 12, 2, 40, 0.05 };
    int                 many = (int)(sizeof size / sizeof *size);

    bm_relfac_identity(c->rf, size[k % many], x);
    for (size_t i = 0; k >= 3 && i < c->rf->n; i++) x[i] += 0.3 * size[k % many] * sin((double)(i + 1) * (k + 1));   /* correlated effects */
}

/* An entry on the diagonal of Theta, or a direction, that has vanished: the smallest relative to the rest. */
static bool near_boundary(const bm_criterion_at *c, const double *x)
{
    for (size_t k = 0; k < c->rf->nblock; k++) {
        const bm_relblock *b = &c->rf->block[k];
        const double      *t = x + b->x;

        for (size_t j = 0; j < b->s; j++) {
            if (fabs(*t) < 1e-3) return true;
            t += b->s - j;
        }
    }
    return false;
}

bm_status bm_reml_minimise(bm_criterion_at *c, double *x, bool use_x, int starts, bm_reml_search *out, bm_error *err)
{
    size_t     n = c->rf->n;
    bm_status  st;
    polish     w;
    double    *now = bm_alloc(n, sizeof *now), best = INFINITY, f;
    int        want = starts > 0 ? starts : n == 0 ? 1 : 3;
    bm_optimum o = { 0 };

    *out = (bm_reml_search){ .gnorm = INFINITY };
    if ((st = polish_new(&w, c, err)) != BM_OK || !now) {
        st = bm_nomem(err);
        goto done;
    }
    for (int k = 0; k < want; k++) {
        if (use_x && k == 0) memcpy(now, x, n * sizeof *now);
        else start_at(c, use_x ? k - 1 : k, now);
        st = from_start(&w, now, best, &o, err);
        if (st < 0) goto done;
        out->starts++;
        if (st != BM_OK) continue;
        if (o.f < best - SAME) out->agree = 0;
        if (o.f < best + SAME) out->agree++;
        if (o.f < best) {
            best = o.f;
            memcpy(x, now, n * sizeof *x);
        }
        if (k == want - 1 && starts <= 0 && n > 0 && want == 3 && (near_boundary(c, x) || out->agree < 3)) want = n == 1 ? 5 : 8;
    }
    if (!isfinite(best)) {
        st = bm_fail(err, BM_ENUMERIC, "the criterion is not finite at any of %d starting points: look at the scale of the columns", out->starts);
        goto done;
    }
    if ((st = newton(&w, x, &f, &out->gnorm, err)) != BM_OK) goto done;
    out->converged = out->gnorm <= 1e-4;
    st = bm_criterion_profiled(c, x, &f, NULL);
done:
    out->evaluations = c->evaluations;
    free(now);
    free(w.H);
    return st;
}
