/* small_model.h: random small models built by hand, without formulas or files. */
#ifndef BM_SMALL_MODEL_H
#define BM_SMALL_MODEL_H

#include "testing.h"

#include "posterior/posterior.h"

typedef struct {
    bm_design d;
    bm_group  g;
    bm_priors pr;
    bm_dist   b[64], *sd[1], sds[8], *cor[1], cors[8];
    bm_block  block[8];
    double    L[64], sigma;   /* a point */
} model;

static inline double *normals(bm_rng *r, size_t n)
{
    double *x = malloc((n + 1) * sizeof *x);

    bm_rng_normals(r, x, n);
    return x;
}

static inline void model_make(model *m, uint64_t seed, size_t n, size_t p, size_t q, size_t J, bool weights, bool offset, bool centred)
{
    bm_rng r;

    memset(m, 0, sizeof *m);
    bm_rng_key(&r, seed, 1, 0);
    m->d = (bm_design){ .n = n, .p = p, .y = normals(&r, n), .X = normals(&r, n * p), .intercept = -1, .nfac = J ? 1 : 0, .fac = &m->g };
    if (p) m->d.intercept = 0;
    for (size_t i = 0; p && i < n; i++) m->d.X[i] = 1;
    for (size_t i = 0; p > 1 && i < n; i++) m->d.X[i + n] += 30;                 /* a column far from its mean */
    if (weights) {
        m->d.w = normals(&r, n);
        for (size_t i = 0; i < n; i++) m->d.w[i] = exp(m->d.w[i]);
    }
    if (offset) m->d.o = normals(&r, n);
    m->g = (bm_group){ .J = J, .q = q, .Z = normals(&r, n * q), .code = malloc(n * sizeof(int32_t)), .nblock = 1, .block = m->block };
    m->block[0] = (bm_block){ 0, q };
    for (size_t i = 0; i < n; i++) {
        m->g.code[i] = (int32_t)(J ? (i < J ? i : bm_rng_u64(&r) % J) : 0);
        if (q) m->g.Z[i] = 1;
        if (q > 1) m->g.Z[i + n] += 5;
    }
    m->pr = (bm_priors){ .p = p, .b = m->b, .centred = centred, .xbar = calloc(p + 1, sizeof(double)), .nfac = J ? 1 : 0, .has_sigma = true, .sd = m->sd, .cor = m->cor };
    m->pr.intercept = (bm_dist){ .kind = BM_DIST_NORMAL, .a = { 0.3, 1.7 } };
    for (size_t k = 0; k < p; k++) {
        m->b[k] = (bm_dist){ .kind = BM_DIST_NORMAL, .a = { 0.2 * (double)k - 0.1, 0.5 + (double)k } };
        for (size_t i = 0; k && i < n; i++) m->pr.xbar[k] += m->d.X[i + k * n] / (double)n;
    }
    for (size_t i = 0; i < q * q; i++) m->L[i] = bm_rng_normal(&r);
    for (size_t j = 1; j < q; j++)
        for (size_t i = 0; i < j; i++) m->L[i + j * q] = 0;
    m->sigma = 0.5 + bm_rng_uniform(&r);
}

static inline void model_free(model *m)
{
    free(m->d.y);
    free(m->d.X);
    free(m->d.w);
    free(m->d.o);
    free(m->g.Z);
    free(m->g.code);
    free(m->pr.xbar);
}

#endif
