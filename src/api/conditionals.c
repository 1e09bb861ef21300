/* conditionals.c: group effects whose draws are not kept, by the normal distributions that they have at some of the draws.
 *
 * Given theta (and, from the factor-wise sampler, the effects of the factors outside the part) a group effect is normal, coefficients integrated out: its
 * posterior is the mean of these normals over the draws. Means and sds of them are kept at iterations spread evenly over every chain, as many as memory is
 * granted for, and quantiles are those of their mixture, moved and scaled to the posterior mean and sd, which come from all draws. What the few draws decide
 * is then only the mixture's shape. Where conditional means vary by r posterior sds, a quantile is known to about r^3 / sqrt(K) of one, K the number of
 * normals; from as many draws it would be 2 / sqrt(K). */
#include "api/fit_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of an effect, in all chains: a thousand, more decide nothing that can be seen; of a factor with very many effects, whose quantiles take time, fewer. */
static size_t normals(size_t effects)
{
    const size_t most = 1000, least = 400, in_all = 1600000;

    if (in_all / effects >= most) return most;
    return in_all / effects > least ? in_all / effects : least;
}

/* ---- room ---- */

static size_t bytes_of_one(const bm_conditionals *c, const bm_conditional *f)
{
    return f->n * c->nchain * 2 * sizeof *f->mean;
}

/* One of every effect and chain, and its origin; then factors with few levels first: what they leave is the others'. */
static void grant(bm_conditionals *c, size_t bytes)
{
    size_t least = 0;

    for (size_t k = 0; k < c->nfac; k++) least += 2 * bytes_of_one(c, &c->fac[k]);
    bytes = bytes > least ? bytes - least : 0;
    for (size_t left = c->nfac; left > 0; left--) {
        bm_conditional *f = c->fac;
        size_t          more, cap;

        for (size_t k = 0; k < c->nfac; k++)
            if (!c->fac[k].most && (f->most || c->fac[k].n < f->n)) f = &c->fac[k];
        more = bytes / left / bytes_of_one(c, f);
        cap = normals(f->n) / c->nchain;
        if (cap < 1) cap = 1;
        if (more > cap - 1) more = cap - 1;
        f->most = 1 + more;
        bytes -= more * bytes_of_one(c, f);
    }
}

/* Of a run of niter iterations, the smallest steps for which memory is granted, all of them multiples of the least, and that of the iterations at which the sampler
 * has these distributions anyway. */
static void space(bm_conditionals *c, size_t niter)
{
    const bm_conditional *first = c->fac;

    for (size_t k = 1; k < c->nfac; k++)
        if (c->fac[k].most > first->most) first = &c->fac[k];
    c->every = (niter + first->most - 1) / first->most;
    c->every = (c->every + BM_MOMENTS_EVERY - 1) / BM_MOMENTS_EVERY * BM_MOMENTS_EVERY;
    for (size_t k = 0; k < c->nfac; k++) {
        bm_conditional *f = &c->fac[k];

        f->every = (niter + f->most - 1) / f->most;
        f->every = (f->every + c->every - 1) / c->every * c->every;
    }
}

/* By which the steps have to grow for a run that became longer. */
static size_t growth(const bm_conditionals *c, size_t niter)
{
    size_t times = 1;

    for (size_t k = 0; k < c->nfac; k++)
        while ((niter + times * c->fac[k].every - 1) / (times * c->fac[k].every) > c->fac[k].most) times *= 2;
    return times;
}

static bm_status allocate(bm_conditional *f, size_t nchain, const double *sd_c, bm_error *err)
{
    if (!(f->unit = bm_alloc(f->q, sizeof *f->unit))) return bm_nomem(err);
    for (size_t i = 0; i < f->q; i++) f->unit[i] = sd_c[i] > 0 ? sd_c[i] : 1;
    f->origin = bm_alloc(nchain * f->n, sizeof *f->origin);
    f->mean = bm_alloc(nchain * f->most * f->n, sizeof *f->mean);
    f->sd = bm_alloc(nchain * f->most * f->n, sizeof *f->sd);
    return f->origin && f->mean && f->sd ? BM_OK : bm_fail(err, BM_ENOMEM, "out of memory for the distributions of %zu group effects", f->n);
}

bm_status bm_conditionals_new(bm_conditionals *c, const bm_post *post, size_t nchain, size_t niter, size_t bytes, bm_error *err)
{
    const bm_stats *st = post->st;
    bm_status       status = BM_OK;
    size_t          sd = 0;

    *c = (bm_conditionals){ .nchain = nchain, .nfac = st->nfac };
    if (!(c->fac = bm_alloc(st->nfac, sizeof *c->fac))) return bm_nomem(err);
    for (size_t k = 0, at = 0; k < st->nfac; k++) {
        bm_conditional *f = &c->fac[k];

        f->first = at;
        f->q = st->fac[k].q;
        f->n = st->fac[k].J * f->q;
        at += f->n;
    }
    grant(c, bytes);
    space(c, niter);
    for (size_t k = 0; k < c->nfac && status == BM_OK; sd += c->fac[k++].q) status = allocate(&c->fac[k], nchain, post->th.sd_c + sd, err);
    return status;
}

double bm_conditionals_bytes(const bm_conditionals *c)
{
    double total = 0;

    for (size_t k = 0; k < c->nfac; k++) total += ((double)c->fac[k].most + 1) * (double)c->nchain * (double)c->fac[k].n * 2 * sizeof(float);
    return total;
}

void bm_conditionals_free(bm_conditionals *c)
{
    for (size_t k = 0; c->fac && k < c->nfac; k++) {
        free(c->fac[k].unit);
        free(c->fac[k].origin);
        free(c->fac[k].mean);
        free(c->fac[k].sd);
    }
    free(c->fac);
    *c = (bm_conditionals){ 0 };
}

/* ---- as they come ---- */

static size_t slots_of(const bm_conditional *f, size_t niter)
{
    return (niter + f->every - 1) / f->every;
}

void bm_conditionals_take(bm_conditionals *c, size_t chain, size_t iter, const double *mean, const double *sd)
{
    for (size_t k = 0; k < c->nfac; k++) {
        bm_conditional *f = &c->fac[k];
        double         *origin = f->origin + chain * f->n;
        const double   *m = mean + f->first, *s = sd + f->first;

        if (iter % f->every || iter / f->every >= f->most) continue;
        size_t at = (chain * f->most + iter / f->every) * f->n;
        if (iter == 0) memcpy(origin, m, f->n * sizeof *origin);
        for (size_t i = 0; i < f->q; i++)
            for (size_t j = i; j < f->n; j += f->q) {
                f->mean[at + j] = (float)((m[j] - origin[j]) / f->unit[i]);
                f->sd[at + j] = (float)(s[j] / f->unit[i]);
            }
    }
}

void bm_conditionals_lengthen(bm_conditionals *c, size_t niter, size_t done)
{
    size_t times = growth(c, niter);

    if (times == 1) return;
    c->every *= times;
    for (size_t k = 0; k < c->nfac; k++) {
        bm_conditional *f = &c->fac[k];

        f->every *= times;
        for (size_t chain = 0; chain < c->nchain; chain++)
            for (size_t i = 1; i < slots_of(f, done); i++) {
                size_t to = (chain * f->most + i) * f->n, from = (chain * f->most + i * times) * f->n;

                memcpy(f->mean + to, f->mean + from, f->n * sizeof *f->mean);
                memcpy(f->sd + to, f->sd + from, f->n * sizeof *f->sd);
            }
    }
}

void bm_conditionals_state(bm_conditionals *c, size_t chain, size_t done, bm_state *io)
{
    for (size_t k = 0; done && k < c->nfac; k++) {
        bm_conditional *f = &c->fac[k];
        size_t          at = chain * f->most * f->n, n = slots_of(f, done) * f->n;

        bm_state_doubles(io, f->origin + chain * f->n, f->n);
        bm_state_bytes(io, f->mean + at, n * sizeof *f->mean);
        bm_state_bytes(io, f->sd + at, n * sizeof *f->sd);
    }
}

/* ---- quantiles ---- */

enum { SIDE = 64, SAMPLED = 16 };                    /* effects read side by side; sets of them of which standard errors are found, of each factor */
static const double PROB[] = { 0.05, 0.5, 0.95 };

typedef struct {
    const bm_conditionals *c;
    const bm_conditional  *f;
    size_t                 slots, nset;
    bm_ranef_row          *row;      /* of the factor */
    double                *room;     /* for each thread */
    double                *square;   /* 2 nset: sums over a set of squared errors of its outer quantiles; 0 where they were not looked for */
} job;

static size_t room_of(const job *w)
{
    return 2 * w->c->nchain * w->slots * SIDE + 9 * SIDE;
}

/* Distances from the first chain's origin; columns beyond the last effect repeat it. */
static void gather(const job *w, size_t from, size_t n, double *mean, double *sd)
{
    const bm_conditional *f = w->f;

    for (size_t chain = 0; chain < w->c->nchain; chain++)
        for (size_t i = 0; i < w->slots; i++, mean += SIDE, sd += SIDE) {
            const double *o = f->origin + chain * f->n + from, *o0 = f->origin + from;
            const float  *m = f->mean + (chain * f->most + i) * f->n + from, *s = f->sd + (chain * f->most + i) * f->n + from;

            for (size_t j = 0; j < SIDE; j++) {
                size_t e = j < n ? j : n - 1;

                mean[j] = (double)m[e] + (o[e] - o0[e]) / f->unit[(from + e) % f->q];
                sd[j] = (double)s[e];
            }
        }
}

static void quantiles_of_set(void *self, size_t k, size_t worker)
{
    const job *w = self;
    size_t     from = k * SIDE, n = w->f->n - from < SIDE ? w->f->n - from : SIDE, K = w->c->nchain * w->slots;
    double    *mean = w->room + worker * room_of(w), *sd = mean + K * SIDE, *q = sd + K * SIDE, *se = q + 3 * SIDE;
    bool       judged = k % (1 + w->nset / SAMPLED) == 0;

    gather(w, from, n, mean, sd);
    bm_normals_quantiles(K, SIDE, mean, sd, PROB, 3, q, judged ? se : NULL);
    for (size_t j = 0; j < n; j++) {
        bm_ranef_row *r = &w->row[from + j];

        r->q5 = r->mean + r->sd * q[j];
        r->q50 = r->mean + r->sd * q[SIDE + j];
        r->q95 = r->mean + r->sd * q[2 * SIDE + j];
        for (size_t i = 0; judged && i < 6; i++)
            if (i % 3 != 1) w->square[2 * k + i / 3] += se[i * SIDE + j] * se[i * SIDE + j];
    }
}

/* which: 0, of the shape; 1, what one draw adds by mean and sd. */
static double typical_error(const job *w, size_t which)
{
    double sum = 0, n = 0;

    for (size_t k = 0; k < w->nset; k += 1 + w->nset / SAMPLED) {
        sum += w->square[2 * k + which];
        n += 2 * (double)(w->f->n - k * SIDE < SIDE ? w->f->n - k * SIDE : SIDE);
    }
    return sqrt(sum / n);
}

bm_status bm_conditionals_quantiles(const bm_conditionals *c, size_t niter, bm_ranef_row *row, int threads, bm_behind *b, bm_error *err)
{
    *b = (bm_behind){ .normals = SIZE_MAX };
    if (threads < 1) threads = bm_cores();
    for (size_t k = 0; k < c->nfac; k++) {
        const bm_conditional *f = &c->fac[k];
        job                   w = { .c = c, .f = f, .slots = slots_of(f, niter), .nset = (f->n + SIDE - 1) / SIDE, .row = row + f->first };

        w.room = bm_alloc((size_t)threads * room_of(&w), sizeof *w.room);
        w.square = bm_alloc(2 * w.nset, sizeof *w.square);
        if (w.room && w.square) {
            bm_parallel(w.nset, threads, quantiles_of_set, &w);
            if (c->nchain * w.slots < b->normals) b->normals = c->nchain * w.slots;
            b->shape_error = fmax(b->shape_error, typical_error(&w, 0));
            b->moments_sd = fmax(b->moments_sd, typical_error(&w, 1));
        }
        bool done = w.room && w.square;
        free(w.room);
        free(w.square);
        if (!done) return bm_fail(err, BM_ENOMEM, "out of memory for the quantiles of %zu group effects", f->n);
    }
    return BM_OK;
}
