/* gibbs_coupling.c: how slowly the sweeps mix, what is done about it, and whether to sample factor by factor at all.
 *
 * At fixed theta a sweep is a Gibbs sampler on a normal distribution: its rate of convergence is that of the same sweep of conditional means (Gauss-Seidel;
 * Roberts & Sahu 1997, JRSS B 59:291), which a pilot iterates without noise. Where a sweep leaves much of the slowest direction and the common Cholesky factor
 * of the parts is sparse enough to pay, the parts become one. theta is taken where confounded factors couple most: each sd as large as the data allow. */
#include "fit/gibbs.h"

#include "fit/mode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sweeps per effective draw of theta: at least where nothing is confounded; beyond LONG a short pilot sees no end of it. */
static const double LEAST = 2, LONG = 15;
/* Sweeps in the time of an evaluation of all factors together: then nothing is to be chosen, whatever a pilot would say. */
static const double HOPELESS = 2000;

/* Of a direction of which a sweep leaves so much. */
static double sweeps_per_draw(double left)
{
    return (1 + left) / (1 - left);
}

/* Seconds per effective draw of theta; that the effects' slowest direction lags behind by some is put up with. */
static double price(const bm_gibbs *g)
{
    const double lag = 5;
    double       sweeps = LEAST;

    if (!isnan(g->coupling)) {
        sweeps = fmax(g->theta_sweeps, sweeps_per_draw(g->coupling) / lag);
        if (g->theta_sweeps > LONG) sweeps = fmax(sweeps, sweeps_per_draw(g->coupling));
    }
    return g->seconds * fmax(sweeps, LEAST);
}

static bool slow(const bm_gibbs *g)
{
    return price(g) > 3 * LEAST * g->seconds;
}

/* ---- theta of the pilot ---- */

/* Conditional mode of each part as if it were alone; the larger sds are kept (x: of the whole). */
static bm_status largest_sds(bm_gibbs_chain *c, double *x, double *cov, bm_error *err)
{
    bool      found;
    bm_status st = BM_OK;

    for (size_t i = 0; i < c->g->npart && st == BM_OK; i++) {
        bm_part_state *s = c->part[i];

        if (s->post.th.d == 0) continue;
        bm_gibbs_clear(c);
        bm_gibbs_take_others(c, i);
        if ((st = bm_find_mode(&s->post, s->cur->x, cov, &found, &c->evaluations, err)) != BM_OK) break;
        for (size_t k = 0; k < s->post.th.nsd; k++) {
            long at = s->post.th.sd_x[k];

            if (at >= 0) x[s->part->x[at]] = fmax(x[s->part->x[at]], fabs(s->cur->x[at]));
        }
    }
    return st;
}

/* theta and effects that are no fixed point of the means. */
static bm_status place(bm_gibbs_chain *c, bm_gibbs *g, bm_rng *rng, bm_error *err)
{
    const bm_theta *th = &g->post->th;
    double         *x = bm_alloc(th->d + th->d * th->d, sizeof *x);
    bm_status       st = BM_ENOMEM;

    if (!x) return bm_nomem(err);
    if ((st = largest_sds(c, x, x + th->d, err)) != BM_OK) goto done;
    bm_gibbs_clear(c);
    if ((st = bm_gibbs_find(c, g, rng, 2, err)) != BM_OK) goto done;
    for (size_t k = 0; k < th->nsd; k++) {
        double *at = th->sd_x[k] >= 0 ? &c->whole->x[th->sd_x[k]] : NULL;

        if (at && fabs(*at) < x[th->sd_x[k]]) *at = copysign(x[th->sd_x[k]], *at);
    }
done:
    free(x);
    return st;
}

/* ---- the pilot ---- */

static double distance(const bm_gibbs_chain *c, const double *old)
{
    const bm_stats *st = c->g->post->st;
    double          total = 0;

    for (size_t k = 0; k < st->nfac; k++) total += bm_gibbs_own_form(&st->fac[k], old + c->g->first[k]);
    return sqrt(total);
}

/* One sweep of conditional means. part: which are swept; NULL: all. */
static bool sweep_means(bm_gibbs_chain *c, const bool *part)
{
    for (size_t i = 0; i < c->g->npart; i++) {
        if (part && !part[i]) continue;
        bm_gibbs_take_others(c, i);
        bm_gibbs_theta_in(c, i);
        if (bm_point_eval(c->part[i]->cur) != BM_OK) return false;
        bm_gibbs_effects(c, i, NULL);
    }
    return true;
}

/* The share of the change of one sweep of means that is left in the next, at last. old: nu, scratch. */
static double rate(bm_gibbs_chain *c, const bool *part, double *old)
{
    enum { MOST = 120, FEWEST = 8 };
    const double rounding = 1e-9;                    /* of the first step: smaller ones soon are nothing but rounding, and do not shrink */
    double       step = 0, first = 0, r = 0;

    for (int t = 0; t < MOST; t++) {
        double before = step, last = r;

        memcpy(old, c->v, c->g->post->nu * sizeof *old);
        if (!sweep_means(c, part)) return 0;
        for (size_t k = 0; k < c->g->post->nu; k++) old[k] -= c->v[k];
        step = distance(c, old);
        if (t == 0) first = step;
        if (!(step > rounding * first)) break;
        if (t == 0) continue;
        r = step / before;
        if (t >= FEWEST && fabs(r - last) < 0.002 * (1 - r)) break;      /* many slow directions: it creeps */
    }
    return fmin(r, 1);
}

/* Integrated autocorrelation time of x (n): Geyer's initial positive sequence. */
static double autocorrelation_time(const double *x, size_t n)
{
    double mean = 0, var = 0, sum = 0;

    for (size_t i = 0; i < n; i++) mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++) var += (x[i] - mean) * (x[i] - mean);
    if (!(var > 0)) return 1;
    for (size_t lag = 0; lag + 1 < n / 2; lag += 2) {
        double pair = 0;

        for (size_t h = lag; h < lag + 2; h++)
            for (size_t i = 0; i + h < n; i++) pair += (x[i] - mean) * (x[i + h] - mean) / var;
        if (pair <= 0) break;
        sum += pair;
    }
    return fmax(2 * sum - 1, 1);
}

/* The longest autocorrelation time of theta's coordinates over n sweeps (x: room for each coordinate); the signs of sds mean nothing. */
static double longest_time(const bm_theta *th, double *x, size_t n, size_t room)
{
    double longest = 1;

    for (size_t k = 0; k < th->nsd; k++)
        for (size_t t = 0; t < n && th->sd_x[k] >= 0; t++) x[(size_t)th->sd_x[k] * room + t] = fabs(x[(size_t)th->sd_x[k] * room + t]);
    for (size_t k = 0; k < th->d; k++) longest = fmax(longest, autocorrelation_time(x + k * room, n));
    return longest;
}

/* Sweeps per effective draw of theta's slowest coordinate in a short run; a longer one where that is not soon clear. NaN: no memory. */
static double slowest_theta(bm_gibbs_chain *c, bm_rng *rng)
{
    enum { TUNE = 60, BRIEF = 200, SWEEPS = 800 };
    const double    clear = 2.5;
    const bm_theta *th = &c->g->post->th;
    double         *x = bm_alloc(th->d * SWEEPS, sizeof *x), longest = 1;

    if (!x) return NAN;
    for (size_t t = 0; t < TUNE + SWEEPS && th->d; t++) {
        bm_gibbs_sweep(c, rng, 1 / pow((double)(t + 4), 0.6), NULL);
        for (size_t k = 0; k < th->d && t >= TUNE; k++) x[k * SWEEPS + t - TUNE] = c->whole->x[k];
        if (t + 1 != TUNE + BRIEF && t + 1 != TUNE + SWEEPS) continue;
        longest = longest_time(th, x, t + 1 - TUNE, SWEEPS);
        if (longest < clear) break;
    }
    free(x);
    return longest;
}

/* The two parts that hold each other most. */
static void closest(bm_gibbs_chain *c, bool *part, double *old, const double *start, size_t pair[2])
{
    double most = -1;

    for (size_t i = 0; i < c->g->npart; i++)
        for (size_t j = i + 1; j < c->g->npart; j++) {
            memset(part, 0, c->g->npart * sizeof *part);
            part[i] = part[j] = true;
            for (size_t k = 0; k < c->g->post->nu; k++) c->v[k] += start[k];
            bm_gibbs_recount(c);
            double r = rate(c, part, old);
            if (r <= most) continue;
            most = r;
            pair[0] = i;
            pair[1] = j;
        }
}

/* Sets g->coupling; pair (may be NULL): the parts to join first. */
static bm_status measure(bm_gibbs *g, size_t pair[2], bm_error *err)
{
    size_t          nu = g->post->nu;
    bm_gibbs_chain *c = NULL;
    double         *old = bm_alloc(2 * nu, sizeof *old);
    bool           *part = bm_alloc(g->npart, sizeof *part);
    bm_rng          rng;
    bm_status       st = BM_ENOMEM;

    bm_rng_key(&rng, 0x9119, 0, 0);                  /* always the same: the choice is no matter of luck */
    if (!old || !part) bm_nomem(err);
    else if ((st = bm_gibbs_chain_new(&c, g, err)) == BM_OK && (st = place(c, g, &rng, err)) == BM_OK) {
        memcpy(old + nu, c->v, nu * sizeof *old);
        g->coupling = rate(c, NULL, old);
        pair[0] = 0;
        pair[1] = 1;
        g->theta_sweeps = slowest_theta(c, &rng);
        if (g->npart > 2 && slow(g)) closest(c, part, old, old + nu, pair);
    }
    bm_gibbs_chain_free(c);
    free(old);
    free(part);
    return st;
}

/* ---- what is done about it ---- */

static void join(bm_gibbs_sets *sets, size_t K, const size_t pair[2])
{
    bool *a = sets->in + pair[0] * K, *b = sets->in + pair[1] * K;

    for (size_t k = 0; k < K; k++) a[k] |= b[k];
    memmove(b, b + K, (sets->n - pair[1] - 1) * K * sizeof *b);
    sets->n--;
}

/* g after the pair has become one part, if that pays. */
static bm_status try_join(bm_gibbs **g, bm_gibbs_sets *sets, size_t pair[2], bool *paid, bm_error *err)
{
    const bm_post *post = (*g)->post;
    bm_gibbs      *other = NULL;
    bm_status      st;

    *paid = false;
    join(sets, post->st->nfac, pair);
    if ((st = bm_gibbs_build(&other, post, sets, err)) != BM_OK) return st;
    snprintf(other->joined, sizeof other->joined, "joined because a draw took %.1f sweeps one by one, each leaving %.2f of the slowest direction", (*g)->theta_sweeps,
             (*g)->coupling);
    if (price(other) < price(*g)) {                  /* at best */
        st = measure(other, pair, err);
        *paid = st == BM_OK && price(other) < price(*g);
    }
    if (*paid) {
        bm_gibbs *t = *g;

        *g = other;
        other = t;
    }
    bm_gibbs_free(other);
    return st;
}

bm_status bm_gibbs_new(bm_gibbs **out, const bm_post *post, bm_error *err)
{
    size_t        K = post->st->nfac, pair[2] = { 0, 1 };
    bm_gibbs_sets sets = { 0, bm_alloc(K * K, sizeof *sets.in) };
    bm_gibbs     *g = NULL;
    bool          paid = true;
    bm_status     st = BM_ENOMEM;

    *out = NULL;
    if (!sets.in || bm_gibbs_design_sets(post->st, &sets) != BM_OK) {
        bm_nomem(err);
        goto done;
    }
    if ((st = bm_gibbs_build(&g, post, &sets, err)) != BM_OK) goto done;
    if (g->npart > 1 && (K > 2 || bm_packed_seconds(post->pk) < HOPELESS * g->seconds)) st = measure(g, pair, err);
    while (st == BM_OK && paid && g->npart > 1 && slow(g)) st = try_join(&g, &sets, pair, &paid, err);
    if (st != BM_OK) goto done;
    *out = g;
    g = NULL;
done:
    free(sets.in);
    bm_gibbs_free(g);
    return st;
}

/* ---- the choice ---- */

static bm_status pilot(const bm_post *post, double *draw, char *said, size_t size, bm_error *err)
{
    bm_gibbs *g = NULL;
    bm_status st = bm_gibbs_new(&g, post, err);

    if (st != BM_OK) return st;
    *draw = price(g);
    if (g->joined[0]) snprintf(said, size, "; pilot: %s", g->joined);
    else if (!isnan(g->coupling)) snprintf(said, size, "; pilot: %.1f sweeps per effective draw, %.2f of the slowest direction left by each", g->theta_sweeps, g->coupling);
    bm_gibbs_free(g);
    return BM_OK;
}

/* The collapsed sampler also knows the evidence and its own tail (Pareto k): it may cost three times as much, and where it is cheap nothing is compared. */
bm_status bm_choose_collapsed(const bm_post *post, bm_sampler asked, bool *collapsed, char *why, size_t size, bm_error *err)
{
    const double    evaluations = 3, prefer = 3, cheap = 1.5e-4;         /* the first: per effective draw, beside those of a warm-up as long */
    const bm_stats *st = post->st;
    double          joint = bm_packed_seconds(post->pk), sweep = bm_gibbs_sweep_seconds(st), draw = 0;
    char            cost[64], said[192] = "";
    bm_status       status = BM_OK;

    *collapsed = true;
    if (st->nfac < 2) {
        snprintf(why, size, "%s", st->nfac ? "one grouping factor: coefficients and group effects are integrated out exactly"
                                           : "no grouping factor: the coefficients are integrated out exactly");
        return BM_OK;
    }
    *collapsed = asked == BM_SAMPLER_COLLAPSED || (asked == BM_SAMPLER_AUTO && joint <= fmax(cheap, sweep));
    if (asked == BM_SAMPLER_AUTO && !*collapsed && joint < HOPELESS * sweep) {
        if ((status = pilot(post, &draw, said, sizeof said, err)) != BM_OK) return status;
        *collapsed = evaluations * joint <= prefer * draw;
    }
    if (isinf(joint)) snprintf(cost, sizeof cost, "does not fit in memory");
    else snprintf(cost, sizeof cost, "takes about %.2g ms", 1e3 * joint);
    snprintf(why, size, "%zu grouping factors with %zu effects: integrating all of them out together %s, a sweep factor by factor %.2g ms%s%s", st->nfac, post->nu, cost,
             1e3 * sweep, said, asked == BM_SAMPLER_AUTO ? "" : "; chosen by --sampler");
    return BM_OK;
}
