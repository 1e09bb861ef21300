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
enum { POLISH = 25, ESCAPES = 5, FEW = 3, MANY = 15 };
enum { SMALL_DATA = 60 };               /* so many effects or fewer may leave more than one minimum between which FEW starts do not choose */

typedef struct {
    bm_criterion_at *c;
    size_t           n;
    double          *H, *Hp, *values;               /* (n+1)^2, n x n, n */
    double          *g, *step, *trial;              /* n each */
    double          *start, *alone, *curvature;     /* nL; n each: from bm_reml_start, NULL where it was not asked */
    bool             knows_curvature;               /* of the start that is being followed */
} polish;

static bm_status polish_new(polish *w, bm_criterion_at *c, bm_error *err)
{
    size_t  n = c->rf->n, N = n + 1;
    double *block = bm_alloc(N * N + n * n + 4 * n, sizeof *block), **part[] = { &w->values, &w->g, &w->step, &w->trial };

    *w = (polish){ .c = c, .n = n, .H = block };
    if (!block) return bm_nomem(err);
    w->Hp = block + N * N;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) *part[i] = w->Hp + n * n + i * n;
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
    size_t    n = w->n;
    bm_status st = n ? bm_criterion_curvature(w->c, x, w->H, NULL, err) : BM_OK;

    if (st != BM_OK || !n) return st;
    bm_criterion_profile_hessian(w->H, n, w->c->known_se, w->Hp);
    return bm_eigen(n, w->Hp, w->values);
}

/* The Newton step at x (gradient in w->g), directions without curvature (a gauge at the boundary) left alone; what it should gain. */
static double newton_step(polish *w)
{
    size_t n = w->n;
    double flat = 1e-8 * fmax(1, w->values[n - 1]), gain = 0;

    memset(w->step, 0, n * sizeof *w->step);
    for (size_t l = 0; l < n; l++) {
        const double *v = w->Hp + l * n;
        double        slope = bm_dot(n, v, w->g), a = fabs(w->values[l]) > flat ? slope / fabs(w->values[l]) : 0;

        for (size_t i = 0; i < n; i++) w->step[i] -= a * v[i];
        gain += 0.5 * a * slope;
    }
    return gain;
}

/* Newton steps, halved where the criterion does not fall, from the minimum that BFGS found. left: what a further
 * step promises. */
static bm_status newton(polish *w, double *x, double *f, double *gnorm, double *left, bm_error *err)
{
    size_t    n = w->n;
    bm_status st = bm_criterion_profiled(w->c, x, f, w->g);

    if (st != BM_OK) return st;
    *gnorm = *left = 0;
    if (w->c->costly && (*gnorm = largest(w->g, n)) <= 1e-4) return BM_OK;   /* a step would not show in the digits of the estimates */
    for (int k = 0; k < POLISH && n; k++) {
        double gain, ft = INFINITY, t = 1, gt;
        bool   settled;

        if ((st = eigen_at(w, x, err)) != BM_OK) return st;
        if ((st = bm_criterion_profiled(w->c, x, f, w->g)) != BM_OK) return st;
        *gnorm = largest(w->g, n);
        if (*gnorm <= 1e-10) break;
        *left = gain = newton_step(w);
        settled = gain < 1e-12 * (1 + fabs(*f));     /* f cannot tell any more: the gradient must fall */
        for (int half = 0; half < 12; half++, t /= 2) {
            for (size_t i = 0; i < n; i++) w->trial[i] = x[i] + t * w->step[i];
            st = bm_criterion_profiled(w->c, w->trial, &ft, w->g);
            if (st < 0) return st;
            if (st == BM_OK && (settled || ft < *f)) break;
            ft = INFINITY;
        }
        gt = isfinite(ft) ? largest(w->g, n) : INFINITY;
        if (!isfinite(ft) || (settled && !(gt < *gnorm))) break;
        memcpy(x, w->trial, n * sizeof *x);
        *f = ft;
        *gnorm = gt;
    }
    return BM_OK;
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

/* The basis moves to the estimate x. */
static bm_status rebase(polish *w, double *x, bm_error *err)
{
    bm_relfac_L(w->c->rf, x, 1, w->c->L);
    return bm_relfac_rebase(w->c->rf, w->c->L, x, err);
}

/* The second derivatives of the fits alone in the coordinates x of now: those in log L are what they share. */
static void scale_curvature(polish *w, const double *x)
{
    for (size_t k = 0; k < w->c->rf->nblock; k++) {
        const bm_relblock *b = &w->c->rf->block[k];
        double             ratio = b->s == 1 && x[b->x] != 0 ? w->alone[b->x] / x[b->x] : 1;

        for (size_t i = b->x; i < b->x + b->s * (b->s + 1) / 2; i++) w->curvature[i] *= ratio * ratio;
    }
}

/* BFGS, a while at a time, with the basis moved to the estimate in between. */
static bm_status descend(polish *w, double *x, bm_optimum *o, bm_error *err)
{
    bm_minimise_options opt = BM_MINIMISE_OPTIONS_INIT;
    bm_status           st = BM_OK;
    double              before = INFINITY;

    opt.gtol = w->c->costly ? 5e-5 : 1e-5;
    if (w->knows_curvature) opt.curvature = w->curvature;
    for (int k = 0; k < 8 && st == BM_OK; k++) {
        opt.max_evaluations = 30 + (10 << (k < 3 ? k : 3)) * (int)w->n;
        st = bm_minimise(bm_criterion_profiled, w->c, x, w->n, &opt, o, err);
        opt.curvature = NULL;
        if (st == BM_OK) st = rebase(w, x, err);
        if (o->converged && before - o->f < 1e-9) break;
        before = o->f;
    }
    return st;
}

/* One start, down to a minimum. best: the lowest so far, known to be no saddle point; to reach it again needs no second look. */
static bm_status from_start(polish *w, double *x, double best, bm_optimum *o, bm_error *err)
{
    bm_status st = BM_OK;

    for (int k = 0; k <= ESCAPES; k++) {
        if ((st = descend(w, x, o, err)) != BM_OK) return st;
        if (fabs(o->f - best) < SAME) return BM_OK;
        if ((st = eigen_at(w, x, err)) != BM_OK) return st;
        if (!escape(w, x, o->f)) break;
    }
    return st;
}

/* Point k of a sequence that fills the coordinates evenly (Kronecker's, with powers of the generalised golden ratio, g^(n + 1) = g + 1): the diagonal of
 * Theta between SMALL and LARGE, evenly in logs, what is below it likewise with either sign. */
static void scatter(const bm_criterion_at *c, int k, double *x)
{
    static const double SMALL = 0.05, LARGE = 40;
    double              g = 1.5, a = 1;

    for (int i = 0; i < 30; i++) g = pow(1 + g, 1 / (double)(c->rf->n + 1));
    for (size_t b = 0; b < c->rf->nblock; b++) {
        double *t = x + c->rf->block[b].x;

        for (size_t j = 0; j < c->rf->block[b].s; j++)
            for (size_t i = j; i < c->rf->block[b].s; i++) {
                double u = fmod(0.5 + (k + 1) * (a /= g), 1), v = i == j ? u : 2 * u - 1;

                *t++ = copysign(SMALL * pow(LARGE / SMALL, fabs(v)), v);
            }
    }
}

/* Sizes of the effects at the starts: what one group can just see, a small one, a large one; then scattered. */
static void start_at(const bm_criterion_at *c, int k, double *x)
{
    static const double size[FEW] = { 1, 0.15, 4 };

    if (k < FEW) bm_relfac_identity(c->rf, size[k], x);
    else scatter(c, k - FEW, x);
}

/* An entry on the diagonal of Theta has vanished. */
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

/* Start k of the search into x, in the basis that belongs to it. */
static bm_status begin(polish *w, int k, const double *start, double *x, bm_error *err)
{
    w->knows_curvature = false;
    if (start && k-- == 0) {
        bm_status st = bm_relfac_rebase(w->c->rf, start, x, err);

        w->knows_curvature = start == w->start;
        if (st == BM_OK && w->knows_curvature) scale_curvature(w, x);
        return st;
    }
    bm_relfac_reset(w->c->rf);
    start_at(w->c, k, x);
    return BM_OK;
}

static bool small_data(const bm_criterion_at *c)
{
    size_t effects = 0;

    for (size_t k = 0; k < c->st->nfac; k++) effects += c->st->fac[k].J * c->st->fac[k].q;
    return effects <= SMALL_DATA;
}

/* Every start; the best is left in best (nL, relative) and x. */
static bm_status all_starts(polish *w, const double *start, int starts, double *best, double *x, bm_reml_search *out, bm_error *err)
{
    int        few = w->n == 0 || w->c->costly ? 1 : FEW, want = starts > 0 ? starts : few > 1 && w->n > 1 && small_data(w->c) ? MANY : few;
    double     f = INFINITY;
    bm_optimum o = { 0 };
    bm_status  st;

    for (int k = 0; k < want; k++) {
        if ((st = begin(w, k, start, x, err)) == BM_OK) st = from_start(w, x, f, &o, err);
        if (st < 0) return st;
        out->starts++;
        if (st == BM_OK && o.f < f - SAME) out->agree = 0;
        if (st == BM_OK && o.f < f + SAME) out->agree++;
        if (st == BM_OK && o.f < f) {
            f = o.f;
            bm_relfac_L(w->c->rf, x, 1, best);
        }
        if (k == few - 1 && starts <= 0 && isfinite(f)) {
            if ((st = bm_relfac_rebase(w->c->rf, best, x, err)) != BM_OK) return st;
            if (near_boundary(w->c, x) || out->agree < few) want = w->c->costly ? FEW : w->n == 1 ? 5 : MANY;
        }
    }
    return isfinite(f) ? bm_relfac_rebase(w->c->rf, best, x, err) : BM_NOT_PD;
}

/* From the fits alone, where that saves dear evaluations. */
static bm_status find_start(polish *w, bm_error *err)
{
    size_t    nL = w->c->rf->nL, n = w->n;
    bm_error  own = { 0 };
    bm_status st;

    if (!w->c->costly || w->c->st->nfac < 2 || !n) return BM_OK;
    if (!(w->start = bm_alloc(nL + 2 * n, sizeof *w->start))) return bm_nomem(err);
    w->alone = w->start + nL;
    w->curvature = w->alone + n;
    st = bm_reml_start(w->c, w->start, w->alone, w->curvature, &own);
    if (st == BM_ENOMEM) return bm_nomem(err);
    if (st != BM_OK) {                               /* no such fit: begin as usual */
        free(w->start);
        w->start = NULL;
    }
    return BM_OK;
}

bm_status bm_reml_minimise(bm_criterion_at *c, double *x, const double *start, int starts, bm_reml_search *out, bm_error *err)
{
    bm_status st;
    polish    w;
    double   *best = bm_alloc(c->rf->nL, sizeof *best), f, left = 0;

    *out = (bm_reml_search){ .gnorm = INFINITY };
    if ((st = polish_new(&w, c, err)) != BM_OK || !best) {
        st = bm_nomem(err);
        goto done;
    }
    if (!start && (st = find_start(&w, err)) != BM_OK) goto done;
    if ((st = all_starts(&w, start ? start : w.start, starts, best, x, out, err)) != BM_OK) goto done;
    if ((st = newton(&w, x, &f, &out->gnorm, &left, err)) != BM_OK) goto done;
    out->converged = out->gnorm <= 1e-4 || left <= SAME;
    st = bm_criterion_profiled(c, x, &f, NULL);
done:
    out->evaluations = c->evaluations;
    free(best);
    free(w.H);
    free(w.start);
    return st;
}
