/* gibbs_parts.c: which grouping factors the design says to sample together.
 *
 * A factor and the factors it is nested in determine one another's effects closely and eliminate without fill: one part. A factor of few levels
 * joins the parts whose levels each occur with few of its own: there its effects are confounded with sums of theirs. What is left to mix by sweeping are
 * factors that cross widely. */
#include "fit/gibbs.h"

#include "fit/polar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_EFFECTS = 64 };                         /* effects of all factors that join every part, at most */

static const double ENTRY = 1.0e-9, LEVEL = 8e-9, DRAW = 25e-9;      /* seconds per non-zero moved, per level evaluated, per effect drawn and passed on */

/* Coordinates of theta from which on a random walk is slower than Hamiltonian trajectories, for a part of one factor and of several, where a gradient is
 * dearer; what a trajectory costs, in evaluations. */
enum { GRADIENT_FROM = 3, GRADIENT_FROM_SEVERAL = 7, TRAJECTORY = 8 };

static size_t effects(const bm_stats *st, size_t k)
{
    return st->fac[k].J * st->fac[k].q;
}

/* k is nested in l; of two factors with the same grouping the later one counts as nested in the earlier. */
static bool nested_in(const bm_stats *st, size_t k, size_t l)
{
    return k != l && bm_stats_cross(st, k, l)->nested && (!bm_stats_cross(st, l, k)->nested || l < k);
}

static bool is_ancestor(const bm_stats *st, size_t l)
{
    for (size_t k = 0; k < st->nfac; k++)
        if (nested_in(st, k, l)) return true;
    return false;
}

/* The small ones among those that nothing is nested in: the smallest first, while two others are left. */
static void find_small(const bm_stats *st, bool *small)
{
    size_t total = 0, left = 0;

    for (size_t k = 0; k < st->nfac; k++) left += !is_ancestor(st, k);
    while (left > 2) {
        size_t best = st->nfac;

        for (size_t k = 0; k < st->nfac; k++)
            if (!small[k] && !is_ancestor(st, k) && (best == st->nfac || effects(st, k) < effects(st, best))) best = k;
        if (total + effects(st, best) > SMALL_EFFECTS) break;
        total += effects(st, best);
        small[best] = true;
        left--;
    }
    for (size_t k = 0; k < st->nfac; k++)            /* small ancestors join the parts that they are not nested into, too */
        if (is_ancestor(st, k) && total + effects(st, k) <= SMALL_EFFECTS) {
            small[k] = true;
            total += effects(st, k);
        }
}

/* The share of the levels of l that a level of k occurs with, on average. */
static double width(const bm_stats *st, size_t k, size_t l)
{
    return (double)bm_stats_cross(st, k, l)->nnz / ((double)st->fac[k].J * (double)st->fac[l].J);
}

/* Does the small factor l join the part of k? Where it is narrow, and in any case where it is narrowest. */
static bool joins(const bm_stats *st, size_t k, size_t l, const bool *small)
{
    const double narrow = 0.34;

    if (!small[l]) return false;
    if (width(st, k, l) <= narrow) return true;
    for (size_t m = 0; m < st->nfac; m++)
        if (!small[m] && m != k && m != l && !is_ancestor(st, m) && width(st, m, l) + 1e-9 * (double)m < width(st, k, l) + 1e-9 * (double)k) return false;
    return true;
}

bm_status bm_gibbs_design_sets(const bm_stats *st, bm_gibbs_sets *sets)
{
    size_t K = st->nfac;
    bool  *small = bm_alloc(K, sizeof *small);

    if (!small) return BM_ENOMEM;
    sets->n = 0;
    find_small(st, small);
    for (size_t k = 0; k < K; k++) {
        if (small[k] || is_ancestor(st, k)) continue;
        for (size_t l = 0; l < K; l++) sets->in[sets->n * K + l] = l == k || nested_in(st, k, l) || joins(st, k, l, small);
        sets->n++;
    }
    free(small);
    return BM_OK;
}

/* ---- parts ---- */

static bm_status add_part(bm_gibbs *g, const bool *in, size_t *fac, bm_error *err)
{
    size_t    n = 0;
    bm_status status;

    for (size_t l = 0; l < g->post->st->nfac; l++)
        if (in[l]) fac[n++] = l;
    if ((status = bm_part_new(&g->part[g->npart], g->post, fac, n, err)) != BM_OK) return status;
    g->npart++;
    return BM_OK;
}

static bool in_part(const bm_part *p, size_t k)
{
    for (size_t a = 0; a < p->nfac; a++)
        if (p->fac[a] == k) return true;
    return false;
}

/* Those that some part needs: of a factor of its own with one outside it. */
static bm_status add_tables(bm_gibbs *g)
{
    const bm_stats *st = g->post->st;
    size_t          K = st->nfac;

    for (size_t i = 0; i < g->npart; i++)
        for (size_t a = 0; a < g->part[i]->nfac; a++)
            for (size_t k = g->part[i]->fac[a], l = 0; l < K; l++) {
                bm_table *t = &g->table[k * K + l];

                if (in_part(g->part[i], l) || t->ptr) continue;
                if (bm_table_new(t, bm_stats_cross(st, k, l), st->fac[k].q, st->fac[l].q) != BM_OK) return BM_ENOMEM;
            }
    return BM_OK;
}

static void count_steps(bm_gibbs *g)
{
    const bm_stats *st = g->post->st;
    size_t         *in = bm_alloc(st->nfac, sizeof *in);

    for (size_t i = 0; i < g->npart; i++) {
        const bm_part *p = g->part[i];
        double         move = 0, eval = bm_packed_seconds(p->post->pk), d = (double)p->post->th.d;

        for (size_t a = 0; a < p->nfac; a++) {
            if (in && in[p->fac[a]]++) g->overlap = true;
            for (size_t l = 0; l < st->nfac; l++)
                if (l != p->fac[a]) move += ENTRY * (double)bm_stats_cross(st, p->fac[a], l)->nnz;
        }
        g->polar[i] = bm_polar_factor(p->post);
        g->hmc[i] = d >= (p->nfac == 1 ? GRADIENT_FROM : GRADIENT_FROM_SEVERAL);
        if (g->hmc[i]) eval *= TRAJECTORY;
        g->steps[i] = g->hmc[i] ? (int)fmin(fmax(move / eval, 1), 4) : (int)fmin(fmax(move / eval, 2 + d), 8 * d);
        g->seconds += move + (g->steps[i] + (g->hmc[i] ? 0.5 : 2)) * eval + DRAW * (double)p->post->nu;
    }
    g->overlap |= !in;
    free(in);
}

bm_status bm_gibbs_build(bm_gibbs **out, const bm_post *post, const bm_gibbs_sets *sets, bm_error *err)
{
    size_t    K = post->st->nfac, at = 0;
    bm_gibbs *g = bm_alloc(1, sizeof *g);
    size_t   *fac = bm_alloc(K, sizeof *fac);
    bm_status st = BM_ENOMEM;

    *out = NULL;
    if (!g || !fac) goto done;
    g->post = post;
    g->coupling = NAN;
    g->part = bm_alloc(sets->n, sizeof *g->part);
    g->first = bm_alloc(K, sizeof *g->first);
    g->steps = bm_alloc(sets->n, sizeof *g->steps);
    g->hmc = bm_alloc(sets->n, sizeof *g->hmc);
    g->polar = bm_alloc(sets->n, sizeof *g->polar);
    g->table = bm_alloc(K * K, sizeof *g->table);
    g->C_at = bm_alloc(sets->n, sizeof *g->C_at);
    if (!g->part || !g->table || !g->first || !g->steps || !g->hmc || !g->polar || !g->C_at) goto done;
    for (size_t k = 0; k < K; at += effects(post->st, k), k++) g->first[k] = at;
    for (size_t i = 0; i < sets->n; i++)
        if ((st = add_part(g, sets->in + i * K, fac, err)) != BM_OK) goto done;
    at = 0;
    for (size_t i = 0; i < g->npart; at += g->part[i]->post->th.d * g->part[i]->post->th.d, i++) g->C_at[i] = at;
    st = BM_ENOMEM;
    if (!(g->C = bm_alloc(at, sizeof *g->C)) || add_tables(g) != BM_OK) goto done;
    count_steps(g);
    *out = g;
    g = NULL;
    st = BM_OK;
done:
    free(fac);
    bm_gibbs_free(g);
    return st == BM_ENOMEM ? bm_nomem(err) : st;
}

void bm_gibbs_free(bm_gibbs *g)
{
    if (!g) return;
    for (size_t i = 0; i < g->npart; i++) bm_part_free(g->part[i]);
    for (size_t i = 0; g->table && i < g->post->st->nfac * g->post->st->nfac; i++) bm_table_clear(&g->table[i]);
    free(g->part);
    free(g->table);
    free(g->first);
    free(g->steps);
    free(g->hmc);
    free(g->polar);
    free(g->C);
    free(g->C_at);
    free(g);
}

double bm_gibbs_sweep_seconds(const bm_stats *st)
{
    double seconds = 0;

    for (size_t k = 0; k < st->nfac; k++) {
        seconds += 12 * LEVEL * (double)st->fac[k].J;
        for (size_t l = 0; l < st->nfac; l++)
            if (l != k) seconds += ENTRY * (double)bm_stats_cross(st, k, l)->nnz;
    }
    return seconds;
}
