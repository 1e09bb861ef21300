/* hard_model.h: small models whose numbers are hard for double precision, as text for the library and, beside it, as the design and the priors that they mean, for
 * dense_oracle.h. */
#ifndef BM_HARD_MODEL_H
#define BM_HARD_MODEL_H

#include "dense_oracle.h"

#include "api/api.h"

enum { ROWS = 24, GROUPS = 5, COLUMNS = 3 };

typedef struct hard_model {
    const char *name, *formula, *bar;                /* bar: the group part */
    size_t      n, J, p, q;
    double      y[ROWS], x[ROWS], x2[ROWS], z[ROWS], w[ROWS];
    int         code[ROWS];
    bool        weights, no_reml;                    /* no_reml: only proper priors make sense of it */
    bool        flat;                                /* all priors are */
    double      loss;                                /* how much more than usual is lost in cross-products: about eps times the largest (sd / sigma)^2 of a group */
    double      sd_scale[2], sigma_scale;            /* about the size of the sds and of sigma: scales of their half-normal priors, too */
    double      b_mean[COLUMNS], b_sd[COLUMNS];
    bm_design   d;
    bm_group    g;
    bm_block    block[2];
    bm_priors   pr;
    bm_dist     b[COLUMNS], sd[2], *sds[1];
    double      X[ROWS * COLUMNS], Z[ROWS * 2], xbar[COLUMNS];
    int32_t     gcode[ROWS];
} hard_model;

/* ---- what is hard ---- */

static inline void hard_as_it_is(hard_model *m) { (void)m; }

static inline void hard_scale_x(hard_model *m, double by)
{
    for (size_t i = 0; i < m->n; i++) m->x[i] *= by;
    m->b_sd[1] /= by;
}

static inline void hard_x_large(hard_model *m) { hard_scale_x(m, 1e9); }
static inline void hard_x_small(hard_model *m) { hard_scale_x(m, 1e-9); }

static inline void hard_x_far(hard_model *m)
{
    for (size_t i = 0; i < m->n; i++) m->x[i] += 1e6;
    m->b_sd[0] = 1e7;
}

static inline void hard_y_far(hard_model *m)
{
    for (size_t i = 0; i < m->n; i++) m->y[i] += 1e9;
    m->b_mean[0] += 1e9;
}

/* From 1e-6 to 1e6, in an order of their own. */
static inline void hard_weights(hard_model *m)
{
    m->weights = true;
    for (size_t i = 0; i < m->n; i++) m->w[i] = pow(10, 12 * (double)(i * 11 % m->n) / (double)(m->n - 1) - 6);
    for (size_t i = 0; i < m->n; i++) m->y[i] = 1 + 0.5 * m->x[i] + 0.4 * (double)(m->code[i] - 2) + sin(37.0 * (double)i) / sqrt(m->w[i]);
}

/* A group of rows that say nothing, one of rows that say all. */
static inline void hard_group_weights(hard_model *m)
{
    m->weights = true;
    m->loss = 10;
    for (size_t i = 0; i < m->n; i++) m->w[i] = pow(10, 12 * (double)m->code[i] / (GROUPS - 1) - 6);
    for (size_t i = 0; i < m->n; i++) m->y[i] = 1 + 0.5 * m->x[i] + 0.4 * (double)(m->code[i] - 2) + sin(37.0 * (double)i) / sqrt(m->w[i]);
}

static inline void hard_collinear(hard_model *m)
{
    m->formula = "y ~ x + x2 + (1 | g)";
    m->p = 3;
    m->no_reml = true;
    for (size_t i = 0; i < m->n; i++) m->x2[i] = 2 * m->x[i] + 1;
}

static inline void hard_nearly_collinear(hard_model *m)
{
    m->formula = "y ~ x + x2 + (1 | g)";
    m->p = 3;
    for (size_t i = 0; i < m->n; i++) m->x2[i] = m->x[i] + 1e-5 * sin(91.0 * (double)i);
    m->b_sd[1] = m->b_sd[2] = 1e5;
}

static inline void hard_zero_column(hard_model *m)
{
    m->formula = "y ~ x + (1 | g) + (0 + z | g)";
    m->q = 2;
    m->no_reml = true;
}

static inline void hard_group_per_row(hard_model *m)
{
    m->J = m->n;
    m->no_reml = true;
    for (size_t i = 0; i < m->n; i++) m->code[i] = (int)i;
}

static inline void hard_nearly_exact(hard_model *m)
{
    m->loss = 3000;                                          /* ten times eps (sd / sigma)^2 at the hardest point */
    m->sigma_scale = 1e-4;
    for (size_t i = 0; i < m->n; i++) m->y[i] = 1 + 0.5 * m->x[i] + 0.4 * (double)(m->code[i] - 2) + 1e-4 * sin(37.0 * (double)i);
}

static const struct { const char *name; void (*make)(hard_model *m); } HARD[] = {
    { "as it is", hard_as_it_is }, { "x in thousand-millionths", hard_x_large }, { "x in thousand millions", hard_x_small }, { "x a million away from zero", hard_x_far },
    { "y + 1e9", hard_y_far }, { "weights over 12 orders of magnitude", hard_weights }, { "groups' weights over 12 orders of magnitude", hard_group_weights },
    { "collinear columns", hard_collinear }, { "nearly collinear columns", hard_nearly_collinear }, { "an effect's column of zeros", hard_zero_column },
    { "a group for each row", hard_group_per_row }, { "a nearly perfect fit", hard_nearly_exact },
};
enum { NHARD = sizeof HARD / sizeof *HARD };

/* ---- the model ---- */

static inline void hard_mean(hard_model *m)
{
    double mean = 0;

    for (size_t i = 0; i < m->n; i++) mean += m->y[i] / (double)m->n;
    m->d.ymean = mean;
    for (size_t i = 0; i < m->n; i++) m->d.ysd += (m->y[i] - mean) * (m->y[i] - mean);
    m->d.ysd = sqrt(m->d.ysd / (double)(m->n - 1));
}

static inline void hard_meaning(hard_model *m)
{
    const double *column[COLUMNS] = { NULL, m->x, m->x2 };

    for (size_t i = 0; i < m->n; i++) {
        for (size_t k = 0; k < m->p; k++) m->X[i + k * m->n] = k ? column[k][i] : 1;
        m->Z[i] = 1;
        m->Z[i + m->n] = m->z[i];
        m->gcode[i] = m->code[i];
    }
    m->g = (bm_group){ .name = (char[]){ "g" }, .J = m->J, .q = m->q, .Z = m->Z, .code = m->gcode, .nblock = m->q, .block = m->block };
    m->block[0] = (bm_block){ 0, 1 };
    m->block[1] = (bm_block){ 1, 1 };
    m->d = (bm_design){ .n = m->n, .p = m->p, .X = m->X, .y = m->y, .w = m->weights ? m->w : NULL, .intercept = 0, .nfac = 1, .fac = &m->g };
    hard_mean(m);
    m->sds[0] = m->sd;
    for (size_t t = 0; t < m->q; t++) m->sd[t] = (bm_dist){ .kind = BM_DIST_HALF_NORMAL, .a = { 0, m->sd_scale[t] } };
    for (size_t k = 0; k < m->p; k++) m->b[k] = (bm_dist){ .kind = m->flat ? BM_DIST_FLAT : BM_DIST_NORMAL, .a = { m->b_mean[k], m->b_sd[k] } };
    m->pr = (bm_priors){ .p = m->p, .b = m->b, .xbar = m->xbar, .has_sigma = true, .nfac = 1, .sd = m->sds,
                         .sigma = { .kind = BM_DIST_HALF_NORMAL, .a = { 0, m->sigma_scale } } };
}

static inline hard_model *hard_new(size_t which)
{
    hard_model *m = calloc(1, sizeof *m);
    bm_rng      r;

    *m = (hard_model){ .name = HARD[which].name, .formula = "y ~ x + (1 | g)", .n = ROWS, .J = GROUPS, .p = 2, .q = 1, .loss = 1, .sd_scale = { 1, 1 }, .sigma_scale = 1,
                       .b_mean = { 1, 0, 0 }, .b_sd = { 2, 1, 1 } };
    bm_rng_key(&r, 77, 1, 1);
    for (size_t i = 0; i < m->n; i++) {
        m->code[i] = (int)(i % GROUPS);
        m->x[i] = bm_rng_normal(&r);
        m->w[i] = 1;
        m->y[i] = 1 + 0.5 * m->x[i] + 0.4 * (double)(m->code[i] - 2) + 0.8 * bm_rng_normal(&r);
    }
    HARD[which].make(m);
    hard_meaning(m);
    return m;
}

/* ---- as the library takes it ---- */

static inline bm_frame *hard_frame(const hard_model *m)
{
    bm_frame   *f;
    bm_error    err = { 0 };
    char        label[ROWS][8];
    const char *p[ROWS];

    for (size_t i = 0; i < m->n; i++) {
        snprintf(label[i], sizeof label[i], "g%02d", m->code[i]);
        p[i] = label[i];
    }
    bm_assert_ok(bm_frame_new(&f, m->n, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "y", m->y, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x", m->x, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x2", m->x2, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "z", m->z, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "w", m->w, &err), err);
    bm_assert_ok(bm_frame_add_factor(f, "g", p, &err), err);
    return f;
}

__attribute__((format(printf, 3, 4))) static inline void hard_set(bm_spec *s, const char *key, const char *fmt, ...)
{
    char     text[120];
    bm_error err = { 0 };
    va_list  ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    bm_assert_ok(bm_spec_set(s, key, text, &err), err);
}

static inline bm_model *hard_library(const hard_model *m)
{
    static const char *const b[COLUMNS] = { "b_Intercept", "b_x", "b_x2" }, *const sd[2] = { "sd_g__Intercept", "sd_g__z" };
    bm_frame *f = hard_frame(m);
    bm_spec  *s;
    bm_model *out;
    bm_error  err = { 0 };

    bm_assert_ok(bm_spec_new(&s, &err), err);
    hard_set(s, "formula", "%s", m->formula);
    if (m->weights) hard_set(s, "weights", "w");
    for (size_t k = 0; k < 3 && m->flat; k++) hard_set(s, "prior", "%s ~ flat()", (const char *[]){ "b", "sd", "sigma" }[k]);
    for (size_t k = 0; k < m->p && !m->flat; k++) hard_set(s, "prior", "%s ~ normal(%.17g, %.17g)", b[k], m->b_mean[k], m->b_sd[k]);
    for (size_t t = 0; t < m->q && !m->flat; t++) hard_set(s, "prior", "%s ~ half_normal(0, %.17g)", sd[t], m->sd_scale[t]);
    if (!m->flat) hard_set(s, "prior", "sigma ~ half_normal(0, %.17g)", m->sigma_scale);
    bm_assert_ok(bm_model_new(&out, s, f, &err), err);
    bm_spec_free(s);
    bm_frame_free(f);
    return out;
}

static inline double hard_half_normal(double x, double s)
{
    return 0.5 * log(2 / M_PI) - log(s) - 0.5 * (x / s) * (x / s);
}

/* natural: the sds, then sigma. NULL: flat coefficients and no density of theta, as in REML. */
static inline oracle *hard_oracle(const hard_model *m, const double *natural, bool reml)
{
    double L[4] = { natural[0], 0, 0, m->q > 1 ? natural[1] : 0 };

    return oracle_new(&m->d, reml ? NULL : &m->pr, L, natural[m->q]);
}

static inline double hard_log_density(const hard_model *m, const oracle *o, const double *natural)
{
    double lp = oracle_logp(o, m->d.y) + (m->flat ? 0 : hard_half_normal(natural[m->q], m->sigma_scale));

    for (size_t t = 0; t < m->q && !m->flat; t++) lp += hard_half_normal(natural[t], m->sd_scale[t]);
    return lp;
}

#endif
