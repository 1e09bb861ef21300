/* thin_effects.c: group effects given theta, their draws and moments: places by bm_thin_solve, then the first factor's levels side by side. */
#include "posterior/thin.h"

#include "posterior/posterior_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = BM_THIN_LONGEST };          /* levels side by side */

/* Where the effects of each factor begin. */
static void begin_at(const bm_stats *st, size_t *at)
{
    at[0] = 0;
    for (size_t k = 0; k + 1 < st->nfac; k++) at[k + 1] = at[k] + st->fac[k].J;
}

/* ---- the first factor: as many runs at a time as have at most SIDE items ---- */

typedef struct { size_t run, end; } span;

static span next_span(const bm_thin *th, size_t run)
{
    span s = { run, run + 1 };

    while (s.end < th->nrun && th->run[s.end + 1] - th->run[run] <= SIDE) s.end++;
    return s;
}

/* back (n columns of SIDE): y'E of each item. */
BM_INLINE void span_back(const bm_thin *th, const bm_thin_work *w, span s, size_t n, double *restrict back)
{
    for (size_t r = s.run; r < s.end; r++) {
        size_t          len = th->run[r + 1] - th->run[r], nn = th->nbr_ptr[r + 1] - th->nbr_ptr[r], at = th->run[r] - th->run[s.run];
        const uint32_t *nbr = th->nbr + th->nbr_ptr[r];
        const double   *x = th->x + th->x_at[r];

        for (size_t c = 0; c < n; c++)
            for (size_t a = 0; a < nn; a++) {
                double E = w->ts[th->fac[nbr[a]]] * w->E[nbr[a] * n + c], *b = back + c * SIDE + at;

                if (a == 0)
                    for (size_t i = 0; i < len; i++) b[i] = x[i] * E;
                else
                    for (size_t i = 0; i < len; i++) b[i] += x[a * len + i] * E;
            }
    }
}

/* N: y'Z y of each item. */
BM_INLINE void span_inverse(const bm_thin *th, const bm_thin_work *w, span s, double *restrict N)
{
    for (size_t r = s.run; r < s.end; r++) {
        size_t          len = th->run[r + 1] - th->run[r], nn = th->nbr_ptr[r + 1] - th->nbr_ptr[r];
        const uint32_t *nbr = th->nbr + th->nbr_ptr[r], *at = th->pair_at + th->pair[r];
        const double   *x = th->x + th->x_at[r];
        double         *v = N + th->run[r] - th->run[s.run];

        for (size_t i = 0; i < len; i++) v[i] = 0;
        for (size_t a = 0; a < nn; a++)
            for (size_t b = a; b < nn; b++) {
                double z = w->inv[*at++] * w->ts[th->fac[nbr[a]]] * w->ts[th->fac[nbr[b]]] * (a == b ? 1 : 2);

                for (size_t i = 0; i < len; i++) v[i] += x[a * len + i] * x[b * len + i] * z;
            }
    }
}

/* ---- draws ---- */

/* u (of the first factor) = Kz (w (c - B beta - y'E) + sigma sqrt(w) z) */
BM_CLONES static void draw_levels(const bm_thin *th, const bm_thin_work *w, const double *beta, double sigma, double kz, double *u)
{
    double back[SIDE], g[SIDE], wi[SIDE];

    for (span s = next_span(th, 0); s.run < th->nrun; s = next_span(th, s.end)) {
        size_t first = th->run[s.run], end = th->item[th->run[s.end]];

        span_back(th, w, s, 1, back);
        for (size_t from = th->item[first]; from < end; from += SIDE) {
            const uint32_t *of = th->level_item + from;
            const double   *d = th->level_d + from;
            size_t          n = end - from < SIDE ? end - from : SIDE;

            for (size_t i = 0; i < n; i++) wi[i] = w->w[th->kind[of[i]]];
            for (size_t i = 0; i < n; i++) g[i] = d[th->p * th->n0 + i] - back[of[i] - first];
            for (size_t c = 0; c < th->p; c++)
                for (size_t i = 0; i < n; i++) g[i] -= beta[c] * d[c * th->n0 + i];
            for (size_t i = 0; i < n; i++) g[i] = kz * (wi[i] * g[i] + sigma * sqrt(wi[i]) * w->z[from + i]);
            for (size_t i = 0; i < n; i++) u[th->order[from + i]] = g[i];
        }
        if (s.end == th->nrun) break;
    }
}

void bm_thin_draw(const bm_thin *th, bm_thin_work *w, const bm_stats *st, const double *beta, double sigma, bm_rng *rng, double *u)
{
    bm_thin_rhs s = { th->p, 1, beta, NULL, 1 };
    size_t      begin[BM_FACTORS_MAX];

    begin_at(st, begin);
    bm_noise(rng, w->z, th->nv);
    bm_thin_solve(th, w, &s, sigma, w->z + th->n0);
    draw_levels(th, w, beta, sigma, st->fac[th->stage[0]].Kz[0], u + begin[th->stage[0]]);
    for (size_t i = 0; i < th->nplace; i++) u[begin[th->fac[i]] + th->lev[i]] = st->fac[th->fac[i]].Kz[0] * w->ts[th->fac[i]] * w->E[i];
}

/* ---- moments ---- */

/* Levels from .. from + n - 1: mean: w times what is left of the response; square: what is left of the coefficients' columns in their metric, squared. */
BM_INLINE void level_moments(const bm_thin *th, const bm_thin_rhs *s, size_t from, size_t n, size_t first, const double *back, const double *wi,
                          double *restrict mean, double *restrict square)
{
    const uint32_t *of = th->level_item + from;
    const double   *d = th->level_d + from;
    double          v[SIDE];

    for (size_t i = 0; i < n; i++) {
        mean[i] = d[th->p * th->n0 + i] - back[(s->n - 1) * SIDE + of[i] - first];
        square[i] = 0;
    }
    for (size_t c = 0; c < th->p; c++)
        for (size_t i = 0; i < n; i++) mean[i] -= s->beta[c] * d[c * th->n0 + i];
    for (size_t i = 0; i < n; i++) mean[i] *= wi[i];
    for (size_t x = 0; s->Rinv && x < th->p; x++) {
        for (size_t i = 0; i < n; i++) v[i] = -back[x * SIDE + of[i] - first];
        for (size_t l = 0; l <= x; l++)
            for (size_t i = 0; i < n; i++) v[i] += s->Rinv[x + l * th->p] * d[l * th->n0 + i];
        for (size_t i = 0; i < n; i++) square[i] += v[i] * v[i];
    }
}

/* back: n x SIDE, scratch. */
BM_CLONES static void first_moments(const bm_thin *th, const bm_thin_work *w, const bm_thin_rhs *rhs, double sigma, double kz, double *back, double *mean,
                                 double *var)
{
    double N[SIDE], wi[SIDE], m[SIDE], v[SIDE], scale = sigma * sigma * kz * kz;

    for (span s = next_span(th, 0); s.run < th->nrun; s = next_span(th, s.end)) {
        size_t first = th->run[s.run], end = th->item[th->run[s.end]];

        span_back(th, w, s, rhs->n, back);
        span_inverse(th, w, s, N);
        for (size_t from = th->item[first]; from < end; from += SIDE) {
            const uint32_t *of = th->level_item + from;
            size_t          n = end - from < SIDE ? end - from : SIDE;

            for (size_t i = 0; i < n; i++) wi[i] = w->w[th->kind[of[i]]];
            level_moments(th, rhs, from, n, first, back, wi, m, v);
            for (size_t i = 0; i < n; i++) {
                m[i] *= kz;
                v[i] = scale * (wi[i] + wi[i] * wi[i] * (N[of[i] - first] + v[i]));
            }
            for (size_t i = 0; i < n; i++) {
                mean[th->order[from + i]] = m[i];
                var[th->order[from + i]] = v[i];
            }
        }
        if (s.end == th->nrun) break;
    }
}

bm_status bm_thin_moments(const bm_thin *th, bm_thin_work *w, const bm_stats *st, const double *beta, const double *Rinv, double sigma, double *mean,
                          double *var)
{
    bm_thin_rhs s = { th->p, Rinv ? th->p1 : 1, beta, Rinv, 1 };
    size_t      n = s.n, begin[BM_FACTORS_MAX], first = th->stage[0];

    if (!w->back && !(w->back = bm_alloc(th->p1 * SIDE, sizeof *w->back))) return BM_ENOMEM;
    if (bm_thin_invert(th, w) != BM_OK) return BM_ENOMEM;
    begin_at(st, begin);
    bm_thin_solve(th, w, &s, 0, NULL);
    for (size_t i = 0; i < th->nplace; i++) {
        const double *E = w->E + i * n;
        size_t        k = th->fac[i], at = begin[k] + th->lev[i];
        double        scale = st->fac[k].Kz[0] * w->ts[k], v = w->inv[th->diagonal[i]];

        for (size_t x = 0; x + 1 < n; x++) v += E[x] * E[x];
        mean[at] = scale * E[n - 1];
        var[at] = sigma * sigma * scale * scale * v;
    }
    first_moments(th, w, &s, sigma, st->fac[first].Kz[0], w->back, mean + begin[first], var + begin[first]);
    return BM_OK;
}
