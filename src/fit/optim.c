/* optim.c: BFGS with a line search for the strong Wolfe conditions.
 *
 * Nocedal & Wright, Numerical Optimization (2006): the update of the inverse Hessian (6.17), its first scaling (6.20), the line search by
 * bracketing and cubic interpolation (algorithms 3.5 and 3.6). Two additions. A step out of the domain counts as f = infinity: it becomes
 * the far end of the bracket, which is then bisected. And close to the minimum, where differences of f drown in rounding, a step counts
 * as descent by its slopes alone (the approximate Wolfe conditions of Hager & Zhang 2005, SIAM J. Optim. 16:170), so that the gradient goes
 * on falling after f has stopped to. */
#include "fit/optim.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double ARMIJO = 1e-4, CURVATURE = 0.9;
enum { MAX_BRACKET = 60, MAX_ZOOM = 40 };

typedef struct { double step, f, slope; bool inside; } trial;   /* a point on the line: f(x + step d), its derivative along d */

typedef struct {
    bm_objective              *fn;
    void                      *self;
    size_t                     n;
    const bm_minimise_options *opt;
    int                        evaluations;
    double                    *H;                               /* n x n: inverse Hessian */
    double                    *x, *g, *d, *xt, *gt, *s, *y, *Hy;
    double                     f;
    trial                      best;                            /* the lowest on this line; its point and gradient: */
    double                    *xb, *gb;
    bm_status                  failed;                          /* negative once the objective gave up */
} search;

static double norm_inf(const double *v, size_t n)
{
    double m = 0;

    for (size_t i = 0; i < n; i++) {
        double a = fabs(v[i]);

        if (!(a <= m)) m = a;                                   /* NaN goes through */
    }
    return m;
}

static bool gradient_finite(const double *g, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(g[i])) return false;
    return true;
}

/* Evaluates at x + step d; false when the objective gave up or evaluations ran out. */
static bool try_step(search *s, double step, trial *t)
{
    bm_status st;

    if (s->evaluations >= s->opt->max_evaluations) return false;
    s->evaluations++;
    for (size_t i = 0; i < s->n; i++) s->xt[i] = s->x[i] + step * s->d[i];
    *t = (trial){ .step = step, .f = INFINITY };
    if ((st = s->fn(s->self, s->xt, &t->f, s->gt)) < 0) {
        s->failed = st;
        return false;
    }
    t->inside = st == BM_OK && isfinite(t->f) && gradient_finite(s->gt, s->n);
    if (!t->inside) {
        t->f = INFINITY;
        return true;
    }
    t->slope = bm_dot(s->n, s->gt, s->d);
    if (t->f < s->best.f) {
        s->best = *t;
        memcpy(s->xb, s->xt, s->n * sizeof *s->xb);
        memcpy(s->gb, s->gt, s->n * sizeof *s->gb);
    }
    return true;
}

/* The point just tried becomes the step taken. */
static void accept(search *s, const trial *t)
{
    s->best = *t;
    memcpy(s->xb, s->xt, s->n * sizeof *s->xb);
    memcpy(s->gb, s->gt, s->n * sizeof *s->gb);
}

static double rounding(const search *s)
{
    return 16 * DBL_EPSILON * (1 + fabs(s->f));
}

/* Enough lower than the start of the line, or level with it to rounding and past less than half of the way to the bottom. */
static bool descends(const search *s, const trial *t, double slope0)
{
    if (!t->inside) return false;
    if (t->f <= s->f + ARMIJO * t->step * slope0) return true;
    return t->f <= s->f + rounding(s) && t->slope <= (2 * 0.1 - 1) * slope0;
}

/* Minimum of the cubic through two points with their slopes, kept off both ends (N&W 3.59); the middle where one end is outside. */
static double interpolate(const trial *a, const trial *b)
{
    double w = b->step - a->step, lo, hi, d1, rad, at, middle = a->step + 0.5 * w;

    if (!b->inside || !a->inside) return a->step + 0.2 * w;
    d1 = a->slope + b->slope - 3 * (a->f - b->f) / (a->step - b->step);
    rad = d1 * d1 - a->slope * b->slope;
    if (!(rad >= 0)) return middle;
    at = b->step - w * (b->slope + copysign(sqrt(rad), w) - d1) / (b->slope - a->slope + 2 * copysign(sqrt(rad), w));
    lo = fmin(a->step, b->step) + 0.1 * fabs(w);
    hi = fmax(a->step, b->step) - 0.1 * fabs(w);
    return isfinite(at) ? fmin(fmax(at, lo), hi) : middle;
}

/* Between lo (descends) and hi: a step that satisfies the strong Wolfe conditions. */
static bool zoom(search *s, trial lo, trial hi, double slope0)
{
    trial t;

    for (int k = 0; k < MAX_ZOOM; k++) {
        if (!try_step(s, interpolate(&lo, &hi), &t)) return false;
        if (!descends(s, &t, slope0) || t.f > lo.f + rounding(s)) {
            hi = t;
            continue;
        }
        if (fabs(t.slope) <= -CURVATURE * slope0) {
            accept(s, &t);
            return true;
        }
        if (t.slope * (hi.step - lo.step) >= 0) hi = lo;
        lo = t;
        if (fabs(hi.step - lo.step) <= 1e-14 * fabs(lo.step)) break;
    }
    return false;
}

/* A step along s->d from `first`; the result is in s->best. True also when the Wolfe conditions could not be met but f fell. */
static bool line_search(search *s, double first, double longest)
{
    double slope0 = bm_dot(s->n, s->g, s->d), step = first;
    trial  prev = { .step = 0, .f = s->f, .slope = slope0, .inside = true }, t;

    s->best = prev;
    for (int k = 0; k < MAX_BRACKET; k++) {
        if (!try_step(s, step, &t)) break;
        if (!descends(s, &t, slope0) || (k > 0 && t.f > prev.f + rounding(s))) {
            if (zoom(s, prev, t, slope0)) return true;
            break;
        }
        if (fabs(t.slope) <= -CURVATURE * slope0) {
            accept(s, &t);
            return true;
        }
        if (t.slope >= 0) {
            if (zoom(s, t, prev, slope0)) return true;
            break;
        }
        prev = t;
        if (step >= longest) break;
        step = fmin(longest, 3 * step);
    }
    return s->failed == BM_OK && s->best.step > 0 && s->best.f < s->f;
}

/* ---- the inverse Hessian ---- */

static void reset(search *s, double scale)
{
    memset(s->H, 0, s->n * s->n * sizeof *s->H);
    for (size_t i = 0; i < s->n; i++) s->H[i + i * s->n] = scale;
}

/* H <- (I - rho s y') H (I - rho y s') + rho s s', skipped where the curvature along s is not clearly positive. */
static void update(search *s, bool first)
{
    size_t n = s->n;
    double sy = bm_dot(n, s->s, s->y), yy = bm_dot(n, s->y, s->y), ss = bm_dot(n, s->s, s->s), yHy;

    if (!(sy > 1e-12 * sqrt(yy * ss))) return;
    if (first) reset(s, sy / yy);
    for (size_t i = 0; i < n; i++) s->Hy[i] = bm_dot(n, s->H + i * n, s->y);
    yHy = bm_dot(n, s->y, s->Hy);
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++)
            s->H[i + j * n] += (1 + yHy / sy) * s->s[i] * s->s[j] / sy - (s->Hy[i] * s->s[j] + s->s[i] * s->Hy[j]) / sy;
}

/* d = -H g; false where that does not descend. */
static bool direction(search *s)
{
    for (size_t i = 0; i < s->n; i++) s->d[i] = -bm_dot(s->n, s->H + i * s->n, s->g);
    return bm_dot(s->n, s->d, s->g) < 0 && gradient_finite(s->d, s->n);
}

/* ---- the loop ---- */

static double first_scale(const search *s)
{
    return 1 / fmax(1, sqrt(bm_dot(s->n, s->g, s->g)));          /* variables are of order one: a first step of length one at most */
}

/* Takes the step found: moves x, f, g and updates H. */
static void take(search *s, bool first)
{
    for (size_t i = 0; i < s->n; i++) {
        s->s[i] = s->xb[i] - s->x[i];
        s->y[i] = s->gb[i] - s->g[i];
    }
    s->f = s->best.f;
    memcpy(s->x, s->xb, s->n * sizeof *s->x);
    memcpy(s->g, s->gb, s->n * sizeof *s->g);
    update(s, first);
}

/* True: converged. */
static bool descend(search *s)
{
    const bm_minimise_options *opt = s->opt;
    bool                       fresh = true;
    int                        stalled = 0;

    reset(s, first_scale(s));
    for (size_t i = 0; opt->curvature && i < s->n; i++)
        if (opt->curvature[i] > 0) s->H[i + i * s->n] = 1 / opt->curvature[i];
    while (norm_inf(s->g, s->n) > opt->gtol) {
        double f0 = s->f, longest = INFINITY;

        if (!direction(s)) {
            if (fresh) return false;
            reset(s, first_scale(s));
            fresh = true;
            continue;
        }
        if (opt->max_step > 0) longest = opt->max_step / norm_inf(s->d, s->n);
        if (!line_search(s, fmin(1, longest), longest)) {
            if (fresh || s->failed || s->evaluations >= opt->max_evaluations) return false;
            reset(s, first_scale(s));                           /* the curvature gathered so far misleads: once more from scratch */
            fresh = true;
            continue;
        }
        take(s, fresh && !opt->curvature);
        fresh = false;
        stalled = f0 - s->f <= opt->ftol * (1 + fabs(s->f)) && opt->ftol > 0 ? stalled + 1 : 0;
        if (stalled == 3) return true;
    }
    return true;
}

bm_status bm_minimise(bm_objective *fn, void *self, double *x, size_t n, const bm_minimise_options *opt, bm_optimum *out, bm_error *err)
{
    static const bm_minimise_options defaults = BM_MINIMISE_OPTIONS_INIT;
    search    s = { .fn = fn, .self = self, .n = n, .opt = opt ? opt : &defaults, .x = x };
    double   *block = bm_alloc(n * n + 9 * n, sizeof *block), **part[] = { &s.g, &s.d, &s.xt, &s.gt, &s.s, &s.y, &s.Hy, &s.xb, &s.gb };
    bm_status st;

    *out = (bm_optimum){ .f = INFINITY, .gnorm = INFINITY };
    if (!block) return bm_nomem(err);
    s.H = block;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) *part[i] = block + n * n + i * n;
    s.evaluations = 1;
    st = fn(self, x, &s.f, s.g);
    if (st == BM_OK && !(isfinite(s.f) && gradient_finite(s.g, n))) st = BM_NOT_PD;
    if (st == BM_OK) {
        out->converged = descend(&s);
        out->f = s.f;
        out->gnorm = norm_inf(s.g, n);
        st = s.failed < 0 ? s.failed : BM_OK;
    }
    out->evaluations = s.evaluations;
    free(block);
    return st;
}
