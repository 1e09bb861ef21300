/* blocks.c: the kernels over all groups of a factor, block after block, or by several threads at once where that is more than starting them costs. */
#include "posterior/kernel.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 512 };                                /* batches */
static const double WORTH = 4e-4;                    /* seconds of work from which threads are started: ten times what that takes */

typedef struct {
    bm_pass              what;
    const bm_kernel_job *job;
    const bm_team       *team;
    size_t               size;                       /* numbers of a block's part; 0: its output is its own */
    bm_rng              *rng;                        /* effects: of the chain, or NULL */
    uint64_t             key;
} work;

static size_t blocks(const bm_pack *k)
{
    return (k->nbatch + BLOCK - 1) / BLOCK;
}

/* A block's part of a sum, and what its kernel returns behind it. */
static size_t part_of(size_t q, size_t p)
{
    size_t SF = (p + 1) * (p + 1), G = q * q;

    return (SF > G ? SF : G) + 1;
}

size_t bm_blocks_room(size_t J, size_t q, size_t p)
{
    const size_t groups = (size_t)BLOCK * BM_LANES;

    return (J + groups - 1) / groups * part_of(q, p);
}

/* Of one pass over all groups, roughly: a multiplication of eight groups in a nanosecond, memory at 12 GB/s. */
static double seconds(const bm_pack *k)
{
    double q = (double)k->q, p1 = (double)k->p + 1;

    return (double)k->J * 1e-9 * (0.1 * (q * q * q + q * q * p1 + q * p1 * p1 / 2) + 8.0 / 12 * (q * (q + 1) / 2 + q * p1));
}

static void draw_noise(const work *w, size_t block, size_t first, size_t n, double *z)
{
    bm_rng own;

    if (blocks(w->job->pack) == 1) {
        bm_rng_normals(w->rng, z + first, n);
        return;
    }
    bm_rng_key(&own, w->key, block, 0);
    bm_rng_normals(&own, z + first, n);
}

static void one_block(void *self, size_t i, size_t worker)
{
    const work    *w = self;
    const bm_pack *k = w->job->pack;
    bm_kernel_job  a = *w->job;
    size_t         first, n;

    a.first = i * BLOCK;
    a.upto = a.first + BLOCK < k->nbatch ? a.first + BLOCK : k->nbatch;
    a.scratch = w->team->scratch + worker * w->team->each;
    if (w->size) {
        a.out = w->team->part + i * w->size;
        memset(a.out, 0, w->size * sizeof *a.out);
        a.out[w->size - 1] = bm_kernel_run(w->what, &a);
        return;
    }
    first = a.first * BM_LANES * k->q;
    n = (a.upto * BM_LANES < k->J ? a.upto * BM_LANES : k->J) * k->q - first;
    if (w->rng) draw_noise(w, i, first, n, a.out);
    bm_kernel_run(w->what, &a);
    for (size_t e = first; a.var && e < first + n; e++) a.var[e] = sqrt(a.var[e]);
}

static void run(work *w)
{
    size_t n = blocks(w->job->pack);

    bm_parallel(n, seconds(w->job->pack) > WORTH ? w->team->threads : 1, one_block, w);
}

/* lower: only the lower triangle of m x m. Returns the sum of what the kernels returned. */
static double add_up(const work *w, size_t m, bool lower, double *out)
{
    double total = 0;

    for (size_t i = 0; i < blocks(w->job->pack); i++) {
        const double *part = w->team->part + i * w->size;

        for (size_t c = 0; c < m; c++)
            for (size_t r = lower ? c : 0; r < m; r++) out[r + c * m] += part[r + c * m];
        total += part[w->size - 1];
    }
    return total;
}

double bm_blocks_eval(const bm_pack *k, const bm_team *team, const double *T, double *SF)
{
    bm_kernel_job a = { .pack = k, .T = T };
    work          w = { BM_PASS_EVAL, &a, team, part_of(k->q, k->p), NULL, 0 };

    run(&w);
    return add_up(&w, k->p + 1, true, SF);
}

void bm_blocks_gradient(const bm_pack *k, const bm_team *team, const double *T, const double *beta, const double *Rinv, double sigma, double *G)
{
    bm_kernel_job a = { .pack = k, .T = T, .beta = beta, .Rinv = Rinv, .sigma = sigma };
    work          w = { BM_PASS_GRADIENT, &a, team, part_of(k->q, k->p), NULL, 0 };

    run(&w);
    add_up(&w, k->q, false, G);
}

void bm_blocks_effects(const bm_pack *k, const bm_team *team, const double *T, const double *Kz, const double *beta, double sigma, bm_rng *rng, double *u)
{
    bm_kernel_job a = { .pack = k, .T = T, .Kz = Kz, .beta = beta, .sigma = sigma, .z = rng ? u : NULL, .out = u };    /* z in place of u: every group reads
                                                                                                                        * its own before it is written */
    work          w = { BM_PASS_EFFECTS, &a, team, 0, rng, rng && blocks(k) > 1 ? bm_rng_u64(rng) : 0 };

    run(&w);
}

void bm_blocks_moments(const bm_pack *k, const bm_team *team, const double *T, const double *Kz, const double *beta, const double *Rinv, double sigma, double *mean,
                       double *sd)
{
    bm_kernel_job a = { .pack = k, .T = T, .Kz = Kz, .beta = beta, .Rinv = Rinv, .sigma = sigma, .out = mean, .var = sd };
    work          w = { BM_PASS_MOMENTS, &a, team, 0, NULL, 0 };

    run(&w);
}
