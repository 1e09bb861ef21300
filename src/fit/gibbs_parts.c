/* gibbs_parts.c: which grouping factors are sampled together, and whether to sample factor by factor at all.
 *
 * A factor and the factors it is nested in determine one another's effects closely and eliminate without fill: one part. A factor of few levels
 * joins the parts whose levels each occur with few of its own: there its effects are confounded with sums of theirs. What is left to mix by sweeping are
 * factors that cross widely. */
#include "fit/gibbs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_EFFECTS = 64 };                         /* effects of all factors that join every part, at most */

static const double ENTRY = 1.0e-9, LEVEL = 8e-9;    /* seconds per non-zero moved, per level evaluated */

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

static bm_status add_part(bm_gibbs *g, size_t k, const bool *small, size_t *fac, bm_error *err)
{
    const bm_stats *st = g->post->st;
    size_t          n = 0;
    bm_status       status;

    for (size_t l = 0; l < st->nfac; l++)
        if (l == k || nested_in(st, k, l) || joins(st, k, l, small)) fac[n++] = l;
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
        g->steps[i] = (int)fmin(fmax(move / eval, 2 + d), 8 * d);
    }
    g->overlap |= !in;
    free(in);
}

bm_status bm_gibbs_new(bm_gibbs **out, const bm_post *post, bm_error *err)
{
    size_t    K = post->st->nfac, at = 0;
    bm_gibbs *g = bm_alloc(1, sizeof *g);
    bool     *small = bm_alloc(K, sizeof *small);
    size_t   *fac = bm_alloc(K, sizeof *fac);
    bm_status st = BM_ENOMEM;

    *out = NULL;
    if (!g || !small || !fac) goto done;
    g->post = post;
    g->part = bm_alloc(K, sizeof *g->part);
    g->first = bm_alloc(K, sizeof *g->first);
    g->steps = bm_alloc(K, sizeof *g->steps);
    g->table = bm_alloc(K * K, sizeof *g->table);
    g->C_at = bm_alloc(K, sizeof *g->C_at);
    if (!g->part || !g->table || !g->first || !g->steps || !g->C_at) goto done;
    for (size_t k = 0; k < K; at += effects(post->st, k), k++) g->first[k] = at;
    find_small(post->st, small);
    for (size_t k = 0; k < K; k++)
        if (!small[k] && !is_ancestor(post->st, k) && (st = add_part(g, k, small, fac, err)) != BM_OK) goto done;
    at = 0;
    for (size_t i = 0; i < g->npart; at += g->part[i]->post->th.d * g->part[i]->post->th.d, i++) g->C_at[i] = at;
    st = BM_ENOMEM;
    if (!(g->C = bm_alloc(at, sizeof *g->C)) || add_tables(g) != BM_OK) goto done;
    count_steps(g);
    *out = g;
    g = NULL;
    st = BM_OK;
done:
    free(small);
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
    free(g->C);
    free(g->C_at);
    free(g);
}

/* ---- the choice ---- */

/* A collapsed draw costs about three evaluations, half of them effective; a sweep gives about a third of an effective draw where factors cross. */
bool bm_choose_collapsed(const bm_post *post, bm_sampler asked, char *why, size_t size)
{
    const double    worth = 6;
    const bm_stats *st = post->st;
    double          joint = bm_packed_seconds(post->pk), sweep = 0;
    size_t          J = 0;

    for (size_t k = 0; k < st->nfac; k++) {
        J += st->fac[k].J;
        for (size_t l = 0; l < st->nfac; l++)
            if (l != k) sweep += ENTRY * (double)bm_stats_cross(st, k, l)->nnz;
    }
    sweep += 12 * LEVEL * (double)J;
    if (st->nfac < 2) {
        snprintf(why, size, "%s", st->nfac ? "one grouping factor: coefficients and group effects are integrated out exactly"
                                           : "no grouping factor: the coefficients are integrated out exactly");
        return true;
    }
    char   cost[64];
    if (isinf(joint)) snprintf(cost, sizeof cost, "does not fit in memory");
    else snprintf(cost, sizeof cost, "takes about %.2g ms", 1e3 * joint);
    bool   collapsed = asked == BM_SAMPLER_COLLAPSED || (asked == BM_SAMPLER_AUTO && joint <= worth * sweep);
    snprintf(why, size, "%zu grouping factors with %zu effects: integrating all of them out together %s, a sweep factor by factor %.2g ms%s", st->nfac, post->nu, cost,
             1e3 * sweep, asked == BM_SAMPLER_AUTO ? "" : "; chosen by --sampler");
    return collapsed;
}
