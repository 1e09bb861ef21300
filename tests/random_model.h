/* random_model.h: a model from a formula and priors on covariates, groups and weights drawn at random: what tests of calibration are made of. */
#ifndef BM_RANDOM_MODEL_H
#define BM_RANDOM_MODEL_H

#include "testing.h"

#include "api/api.h"

enum { ROWS_MOST = 64 };

typedef struct {
    const char *name, *formula;      /* of y, x, x2, x3, the groups g (J levels), h (4, unbalanced, crossed) and k (2) */
    const char *prior[6];
    size_t      n, J;
    bool        weights, se;
    const char *sampler;             /* NULL: auto */
    int         thin;
} shape;

static inline void random_columns(bm_frame *frame, const shape *s, uint64_t seed)
{
    static const char *const names[] = { "y", "x", "w", "x2", "x3" };
    bm_error    err = { 0 };
    bm_rng      r;
    double      v[5][ROWS_MOST];
    char        text[ROWS_MOST][8], htext[ROWS_MOST][8];
    const char *g[ROWS_MOST], *h[ROWS_MOST], *k[ROWS_MOST];

    bm_rng_key(&r, seed, 5, 5);
    for (size_t i = 0; i < s->n; i++) {
        v[1][i] = bm_rng_normal(&r);
        v[0][i] = bm_rng_normal(&r);
        v[2][i] = 0.3 + 2 * bm_rng_uniform(&r);
        snprintf(text[i], sizeof text[i], "g%d", (int)(i < s->J ? i : bm_rng_u64(&r) % s->J));
        snprintf(htext[i], sizeof htext[i], "h%d", (int)(4 * bm_rng_uniform(&r) * bm_rng_uniform(&r)));
        g[i] = text[i];
        h[i] = htext[i];
        k[i] = bm_rng_u64(&r) % 2 ? "k1" : "k2";
    }
    for (int c = 3; c < 5; c++)
        for (size_t i = 0; i < s->n; i++) v[c][i] = 0.5 * v[1][i] + bm_rng_normal(&r);
    for (int c = 0; c < 5; c++) bm_assert_ok(bm_frame_add_numeric(frame, names[c], v[c], &err), err);
    bm_assert_ok(bm_frame_add_factor(frame, "g", g, &err), err);
    bm_assert_ok(bm_frame_add_factor(frame, "h", h, &err), err);
    bm_assert_ok(bm_frame_add_factor(frame, "k", k, &err), err);
}

static inline bm_model *random_model(const shape *s, uint64_t seed)
{
    bm_frame *frame = NULL;
    bm_spec  *spec = NULL;
    bm_model *m = NULL;
    bm_error  err = { 0 };

    bm_assert_ok(bm_frame_new(&frame, s->n, &err), err);
    random_columns(frame, s, seed);
    bm_assert_ok(bm_spec_new(&spec, &err), err);
    if (s->sampler) bm_assert_ok(bm_spec_set(spec, "sampler", s->sampler, &err), err);
    bm_assert_ok(bm_spec_set(spec, "formula", s->formula, &err), err);
    if (s->weights) bm_assert_ok(bm_spec_set(spec, "weights", "w", &err), err);
    if (s->se) bm_assert_ok(bm_spec_set(spec, "se", "w", &err), err);
    for (size_t k = 0; k < 6 && s->prior[k]; k++) bm_assert_ok(bm_spec_set(spec, "prior", s->prior[k], &err), err);
    bm_assert_ok(bm_model_new(&m, spec, frame, &err), err);
    bm_spec_free(spec);
    bm_frame_free(frame);
    return m;
}

#endif
