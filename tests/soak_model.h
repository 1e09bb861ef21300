/* soak_model.h: a random mixed model from a generator: columns, a formula, priors and settings as text for the library, and beside them, by the
 * shortest way and without the library, the design and the priors that they mean. The same (seed, index) gives the same model.
 *
 * Formulas: intercept or not; numeric variables, a power and a logarithm; factors with treatment or sum contrasts; interactions with their margins;
 * group effects of one to three terms, correlated or not, on one, two crossed or nested factors. Settings: weights or known standard errors, an offset,
 * rows with missing values, priors by default or one of many kinds, coefficients held constant. */
#ifndef BM_SOAK_MODEL_H
#define BM_SOAK_MODEL_H

#include "testing.h"

#include "model/model.h"

enum { SOAK_ROWS = 60, SOAK_COLUMNS = 40, SOAK_GROUPS = 3, SOAK_EFFECTS = 4, SOAK_LINES = 12 };
enum { X1, X2, X3, VF, VH, NVAR };
enum { VG, VS, VK, NGROUPVAR };

typedef struct { int nvar, var[2]; } soak_term;      /* var -1: I(x1^2) */

typedef struct {
    uint64_t seed, index;
    bm_rng   r;
    bool     small;                                  /* for posteriors by brute force */
    size_t   n_read, n;
    double   y[SOAK_ROWS], x[3][SOAK_ROWS], w[SOAK_ROWS], o[SOAK_ROWS];
    int      code[NVAR][SOAK_ROWS], group[NGROUPVAR][SOAK_ROWS];     /* -1: missing */
    size_t   used[SOAK_ROWS];                        /* n rows without missing values */
    bool     intercept, weights, se, offset, sum;
    soak_term term[12];
    size_t   nterm;
    char     formula[400], line[SOAK_LINES][120];    /* settings KEY=VALUE */
    size_t   nline;

    bm_design d;                                     /* what they mean */
    bm_group  g[SOAK_GROUPS];
    bm_block  block[SOAK_GROUPS][SOAK_EFFECTS];
    bm_priors pr;
    bm_dist   b[SOAK_COLUMNS], sd[SOAK_GROUPS][SOAK_EFFECTS], cor[SOAK_GROUPS];
    double    xbar[SOAK_COLUMNS], X[SOAK_ROWS * SOAK_COLUMNS], Z[SOAK_GROUPS][SOAK_ROWS * SOAK_EFFECTS], yy[SOAK_ROWS], ww[SOAK_ROWS], oo[SOAK_ROWS];
    int32_t   gcode[SOAK_GROUPS][SOAK_ROWS];
    bool      has_flat;
} soak_model;

static inline double soak_uniform(soak_model *m, double lo, double hi) { return lo + (hi - lo) * bm_rng_uniform(&m->r); }
static inline bool soak_chance(soak_model *m, double p) { return bm_rng_uniform(&m->r) < p; }
static inline size_t soak_pick(soak_model *m, size_t n) { return (size_t)(bm_rng_u64(&m->r) % n); }
static inline double soak_scale(soak_model *m, double lo, double hi) { return pow(10, soak_uniform(m, lo, hi)); }

__attribute__((format(printf, 2, 3))) static inline void soak_line(soak_model *m, const char *fmt, ...)
{
    va_list ap;

    if (m->nline == SOAK_LINES) fail_msg("too many settings");
    va_start(ap, fmt);
    vsnprintf(m->line[m->nline++], sizeof *m->line, fmt, ap);
    va_end(ap);
}

/* ---- columns ---- */

static inline void soak_columns(soak_model *m)
{
    size_t L = 2 + soak_pick(m, 2), n = m->n_read = m->small ? 9 + soak_pick(m, 8) : 20 + soak_pick(m, SOAK_ROWS - 19);
    size_t J[NGROUPVAR] = { m->small ? 3 + soak_pick(m, 3) : 3 + soak_pick(m, 6), 3 + soak_pick(m, m->small ? 2 : 5), 2 + soak_pick(m, 2) };
    double scale[3], shift[3], sy = soak_scale(m, -1, 2), level[9];

    for (int k = 0; k < 3; k++) {
        scale[k] = soak_scale(m, -1.5, 1.5);
        shift[k] = soak_chance(m, 0.5) ? 0 : soak_uniform(m, -3, 3) * scale[k];
    }
    for (int k = 0; k < 9; k++) level[k] = bm_rng_normal(&m->r);
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 2; k++) m->x[k][i] = shift[k] + scale[k] * bm_rng_normal(&m->r);
        m->x[X3][i] = exp(bm_rng_normal(&m->r));
        m->code[VF][i] = (int)(i < 2 * L ? i % L : soak_pick(m, L));
        m->code[VH][i] = (int)(i < 4 ? i / 2 : soak_pick(m, 2));
        for (int k = 0; k < NGROUPVAR; k++) m->group[k][i] = (int)soak_pick(m, J[k]);
        m->w[i] = m->se ? soak_scale(m, -0.5, 0.5) * sy : soak_scale(m, -1, 1);
        m->o[i] = sy * bm_rng_normal(&m->r);
        m->y[i] = sy * (bm_rng_normal(&m->r) + level[m->group[VG][i]] + 0.5 * (m->x[X1][i] - shift[X1]) / scale[X1] + (m->offset ? m->o[i] / sy : 0));
        if (i >= 8 && !m->small && soak_chance(m, 0.02)) m->y[i] = NAN;
        if (i >= 8 && !m->small && soak_chance(m, 0.02)) m->group[VG][i] = -1;
        if (i >= 8 && !m->small && soak_chance(m, 0.02)) m->x[X1][i] = NAN;
    }
}

/* ---- the fixed part ---- */

static const char *const soak_name[] = { "x1", "x2", "log(x3)", "f", "h" };

static inline bool soak_has(const soak_model *m, int var)
{
    for (size_t k = 0; k < m->nterm; k++)
        if (m->term[k].nvar == 1 && m->term[k].var[0] == var) return true;
    return false;
}

/* In a term of two variables the one that comes first in the formula is first. */
static inline void soak_interact(soak_model *m, int a, int b, double p, size_t nmain)
{
    if (!soak_has(m, a) || !soak_has(m, b) || !soak_chance(m, p)) return;
    for (size_t k = 0; k < nmain; k++)
        if (m->term[k].var[0] == b || m->term[k].var[0] == a) {
            if (m->term[k].var[0] == b) { int t = a; a = b; b = t; }
            break;
        }
    m->term[m->nterm++] = (soak_term){ 2, { a, b } };
    sprintf(m->formula + strlen(m->formula), soak_chance(m, 0.5) ? " + %s:%s" : " + %s * %s", soak_name[a], soak_name[b]);
}

static inline void soak_fixed(soak_model *m)
{
    static const double often[] = { 0.6, 0.5, 0.25, 0.4, 0.3 };
    int order[] = { X1, X2, X3, VF, VH, -1 };

    for (size_t k = 5; k > 0; k--) {
        size_t l = soak_pick(m, k + 1);
        int    t = order[k];

        order[k] = order[l];
        order[l] = t;
    }
    m->intercept = soak_chance(m, 0.85);
    sprintf(m->formula, "y ~ %s", m->intercept ? soak_chance(m, 0.5) ? "1" : "" : "0");
    for (size_t k = 0; k < 6 && m->nterm < (m->small ? 2 : 6); k++) {
        if (!soak_chance(m, (order[k] < 0 ? 0.25 : often[order[k]]) * (m->small ? 0.5 : 1))) continue;
        m->term[m->nterm++] = (soak_term){ 1, { order[k], 0 } };
        sprintf(m->formula + strlen(m->formula), "%s%s", m->formula[4] ? " + " : "", order[k] < 0 ? "I(x1^2)" : soak_name[order[k]]);
    }
    if (!m->small) {
        size_t nmain = m->nterm;

        soak_interact(m, X1, X2, 0.4, nmain);
        soak_interact(m, X1, VF, 0.4, nmain);
        soak_interact(m, VF, VH, 0.4, nmain);
    }
    if (!m->formula[4]) strcat(m->formula, "1");
    if (m->offset) strcat(m->formula, " + offset(o)");
}

/* ---- the group part ---- */

typedef struct { int a, b; const char *name; const char *text; int terms[3], nterm; bool correlated; } soak_part;
enum { ONE = -2 };

/* Which factors with which effects; text is what stands in the formula. */
static inline size_t soak_parts(soak_model *m, soak_part *p)
{
    static const soak_part one[] = {
        { VG, -1, "g", "(1 | g)", { ONE }, 1, true }, { VG, -1, "g", "(x1 | g)", { ONE, X1 }, 2, true }, { VG, -1, "g", "(1 + x1 || g)", { ONE, X1 }, 2, false },
        { VG, -1, "g", "(0 + x1 | g)", { X1 }, 1, true }, { VG, -1, "g", "(1 | g) + (0 + x2 | g)", { ONE, X2 }, 2, false }, { VG, -1, "g", "(x1 + x2 | g)", { ONE, X1, X2 }, 3, true },
    };
    static const soak_part two[][2] = {
        { { VG, -1, "g", "(1 | g)", { ONE }, 1, true }, { VS, -1, "s", " + (1 | s)", { ONE }, 1, true } },
        { { VG, -1, "g", "(1 | g/k)", { ONE }, 1, true }, { VG, VK, "g:k", "", { ONE }, 1, true } },
        { { VS, -1, "s", "(x1 | s)", { ONE, X1 }, 2, true }, { VG, VK, "g:k", " + (1 | g:k)", { ONE }, 1, true } },
        { { VG, -1, "g", "(1 + x2 || g)", { ONE, X2 }, 2, false }, { VS, -1, "s", " + (x1 | s)", { ONE, X1 }, 2, true } },
    };

    if (soak_chance(m, m->small ? 0.05 : 0.04)) return 0;
    if (soak_chance(m, m->small ? 0.8 : 0.55)) {
        p[0] = one[soak_pick(m, m->small ? 4 : 6)];
        return 1;
    }
    memcpy(p, two[soak_pick(m, m->small ? 1 : 4)], sizeof two[0]);
    return 2;
}

/* ---- what they mean: rows, columns, codes ---- */

static inline void soak_rows(soak_model *m, const soak_part *part, size_t npart)
{
    bool x1 = false, x2 = false, g = false;

    for (size_t k = 0; k < m->nterm; k++)
        for (int v = 0; v < m->term[k].nvar; v++) {
            x1 |= m->term[k].var[v] == X1 || m->term[k].var[v] == -1;
            x2 |= m->term[k].var[v] == X2;
        }
    for (size_t k = 0; k < npart; k++) {
        g |= part[k].a == VG;
        for (int t = 0; t < part[k].nterm; t++) x1 |= part[k].terms[t] == X1;
    }
    for (size_t i = 0; i < m->n_read; i++)
        if (!isnan(m->y[i]) && !(x1 && isnan(m->x[X1][i])) && !(g && m->group[VG][i] < 0)) m->used[m->n++] = i;
}

/* The columns of a variable: itself, or a factor's dummies. full: all levels. Returns how many. */
static inline size_t soak_variable(const soak_model *m, int var, bool full, double *out)
{
    size_t n = m->n, L = 0, count;

    if (var < VF) {
        for (size_t i = 0; i < n; i++) {
            double x = m->x[var < 0 ? X1 : var][m->used[i]];

            out[i] = var < 0 ? x * x : var == X3 ? log(x) : x;
        }
        return 1;
    }
    for (size_t i = 0; i < n; i++) L = (size_t)m->code[var][m->used[i]] + 1 > L ? (size_t)m->code[var][m->used[i]] + 1 : L;
    count = full ? L : L - 1;
    for (size_t c = 0; c < count; c++)
        for (size_t i = 0; i < n; i++) {
            size_t l = (size_t)m->code[var][m->used[i]];

            if (full) out[i + c * n] = l == c;
            else if (m->sum) out[i + c * n] = l == c ? 1 : l == L - 1 ? -1 : 0;
            else out[i + c * n] = l == c + 1;
        }
    return count;
}

static inline void soak_X(soak_model *m)
{
    static double a[SOAK_ROWS * 4], b[SOAK_ROWS * 4];
    bool   spanned = m->intercept;                   /* a factor's dummies, all of them, stand for the intercept once */
    size_t n = m->n;

    m->d.intercept = m->intercept ? 0 : -1;
    if (m->intercept) for (size_t i = 0; i < n; i++) m->X[i] = 1;
    m->d.p = m->intercept;
    for (size_t k = 0; k < m->nterm; k++) {
        const soak_term *t = &m->term[k];
        size_t na = soak_variable(m, t->var[0], t->nvar == 1 && !spanned && t->var[0] >= VF, a), nb = 1;

        if (t->nvar == 1 && t->var[0] >= VF) spanned = true;
        if (t->nvar == 2) nb = soak_variable(m, t->var[1], false, b);
        for (size_t y = 0; y < nb; y++)
            for (size_t x = 0; x < na; x++, m->d.p++)
                for (size_t i = 0; i < n; i++) m->X[i + m->d.p * n] = a[i + x * n] * (t->nvar == 2 ? b[i + y * n] : 1);
    }
}

static inline void soak_group(soak_model *m, const soak_part *p, size_t k)
{
    bm_group *g = &m->g[k];
    int       map[100];

    *g = (bm_group){ .name = (char *)(uintptr_t)p->name, .q = (size_t)p->nterm, .Z = m->Z[k], .code = m->gcode[k], .block = m->block[k] };
    for (int j = 0; j < 100; j++) map[j] = -1;
    for (size_t i = 0; i < m->n; i++) {
        m->gcode[k][i] = m->group[p->a][m->used[i]] * (p->b < 0 ? 1 : 10) + (p->b < 0 ? 0 : m->group[p->b][m->used[i]]);
        map[m->gcode[k][i]] = 0;
    }
    for (int j = 0; j < 100; j++)
        if (map[j] == 0) map[j] = (int)g->J++;
    for (size_t i = 0; i < m->n; i++) m->gcode[k][i] = map[m->gcode[k][i]];
    for (size_t t = 0; t < g->q; t++)
        for (size_t i = 0; i < m->n; i++) m->Z[k][i + t * m->n] = p->terms[t] == ONE ? 1 : m->x[p->terms[t]][m->used[i]];
    if (p->correlated) m->block[k][g->nblock++] = (bm_block){ 0, g->q };
    else
        for (size_t t = 0; t < g->q; t++) m->block[k][g->nblock++] = (bm_block){ t, 1 };
}

/* ---- priors ---- */

static inline double soak_mean(const double *x, size_t n)
{
    double s = 0;

    for (size_t i = 0; i < n; i++) s += x[i] / (double)n;
    return s;
}

static inline double soak_sd(const double *x, size_t n)
{
    double mean = soak_mean(x, n), s = 0;

    for (size_t i = 0; i < n; i++) s += (x[i] - mean) * (x[i] - mean);
    return sqrt(s / (double)(n - 1));
}

static inline double soak_round(double x, int digits)
{
    char s[40];

    snprintf(s, sizeof s, "%.*e", digits - 1, x);
    return strtod(s, NULL);
}

/* 2.5 sd(y) / sd(x) to six digits; a constant column counts by its size. */
static inline double soak_default(const soak_model *m, const double *x)
{
    double sx = 1;

    if (x && (sx = soak_sd(x, m->n)) <= 1e-14 * fabs(soak_mean(x, m->n))) sx = soak_mean(x, m->n) != 0 ? fabs(soak_mean(x, m->n)) : 1;
    return soak_round(2.5 * m->d.ysd / sx, 6);
}

/* A prior of an sd around s; its text. Numbers have three digits, so that text and number are the same. */
static inline bm_dist soak_sd_prior(soak_model *m, double s, char *text)
{
    bm_dist d = { 0 };

    s = soak_round(s * soak_scale(m, -0.5, 0.5), 3);
    switch (soak_pick(m, 8)) {
    case 0: d = (bm_dist){ .kind = BM_DIST_HALF_CAUCHY, .a = { 0, s } }; sprintf(text, "half_cauchy(0, %.17g)", s); break;
    case 1: d = (bm_dist){ .kind = BM_DIST_HALF_NORMAL, .a = { 0, s } }; sprintf(text, "half_normal(0, %.17g)", s); break;
    case 2: d = (bm_dist){ .kind = BM_DIST_HALF_T, .a = { 4, 0, s } }; sprintf(text, "half_t(4, 0, %.17g)", s); break;
    case 3: d = (bm_dist){ .kind = BM_DIST_EXPONENTIAL, .a = { soak_round(1 / s, 3) } }; sprintf(text, "exponential(%.17g)", d.a[0]); break;
    case 4: d = (bm_dist){ .kind = BM_DIST_GAMMA, .a = { 2, soak_round(1 / s, 3) } }; sprintf(text, "gamma(2, %.17g)", d.a[1]); break;
    case 5: d = (bm_dist){ .kind = BM_DIST_LOGNORMAL, .a = { soak_round(log(s), 3), 0.75 } }; sprintf(text, "lognormal(%.17g, 0.75)", d.a[0]); break;
    case 6: d = (bm_dist){ .kind = BM_DIST_UNIFORM, .a = { 0, soak_round(4 * s, 3) } }; sprintf(text, "uniform(0, %.17g)", d.a[1]); break;
    default: d = (bm_dist){ .kind = BM_DIST_INV_GAMMA, .a = { 2, soak_round(s * s, 3) } }; sprintf(text, "inv_gamma(2, %.17g)", d.a[1]); break;
    }
    return d;
}

static inline void soak_prior_b(soak_model *m)
{
    bm_priors *pr = &m->pr;
    size_t     n = m->n, p = m->d.p, i0 = (size_t)m->d.intercept;
    int        how = (int)soak_pick(m, m->small ? 2 : 4);
    double     s = soak_round(m->d.ysd * soak_scale(m, 0, 0.7), 3), mean = soak_round(0.3 * s * bm_rng_normal(&m->r), 3);

    *pr = (bm_priors){ .p = p, .b = m->b, .xbar = m->xbar, .has_sigma = !m->se, .nfac = m->d.nfac };
    for (size_t k = 0; k < p; k++) {
        m->xbar[k] = k == i0 ? 0 : soak_mean(m->X + k * n, n);
        m->b[k] = (bm_dist){ .kind = BM_DIST_NORMAL, .a = { 0, soak_default(m, m->X + k * n) } };
    }
    pr->centred = m->intercept && how != 1 && how != 2;
    if (m->intercept) {
        double sy = soak_default(m, NULL), my = m->d.ymean;
        int    digits = 6 + (my != 0 ? (int)floor(log10(fabs(my))) - (int)floor(log10(sy)) : 0);

        pr->intercept = (bm_dist){ .kind = BM_DIST_NORMAL, .a = { soak_round(my, digits < 6 ? 6 : digits), sy } };
    }
    if (how == 1) {                                  /* b ~ normal */
        soak_line(m, "prior=b ~ normal(%.17g, %.17g)", mean, s);
        for (size_t k = 0; k < p; k++) m->b[k].a[0] = mean, m->b[k].a[1] = s;
    } else if (how == 2) {                           /* b ~ flat */
        soak_line(m, "prior=b ~ flat()");
        for (size_t k = 0; k < p; k++) m->b[k].kind = BM_DIST_FLAT;
        m->has_flat = p > 0;
    } else if (how == 3 && m->intercept) {
        soak_line(m, "prior=Intercept ~ normal(%.17g, %.17g)", mean, s);
        pr->intercept = (bm_dist){ .kind = BM_DIST_NORMAL, .a = { mean, s } };
    }
    if (how == 1 && soak_has(m, X1) && soak_chance(m, 0.3)) {
        size_t k = m->intercept;

        for (size_t t = 0; m->term[t].var[0] != X1; t++) {
            static double scratch[SOAK_ROWS * 4];
            bool          first = !m->intercept;

            for (size_t u = 0; u < t; u++) first &= m->term[u].var[0] < VF;
            k += soak_variable(m, m->term[t].var[0], m->term[t].var[0] >= VF && first, scratch);
        }
        soak_line(m, "prior=b_x1 ~ constant(%.17g)", mean);
        m->b[k] = (bm_dist){ .kind = BM_DIST_CONSTANT, .a = { mean } };
    }
    if (how == 1 && p == 0) m->nline--;              /* a prior without a coefficient is refused */
    if (how == 2 && p == 0) m->nline--;
}

static inline void soak_prior_theta(soak_model *m)
{
    char text[90];

    for (size_t k = 0; k < m->d.nfac; k++) {
        bm_group *g = &m->g[k];

        for (size_t t = 0; t < g->q; t++) m->sd[k][t] = (bm_dist){ .kind = BM_DIST_HALF_CAUCHY, .a = { 0, soak_default(m, g->Z + t * m->n) } };
        m->cor[k] = (bm_dist){ .kind = BM_DIST_LKJ, .a = { 1 } };
        if (g->nblock == 1 && g->q > 1 && soak_chance(m, 0.2)) {
            double scale = soak_round(m->d.ysd * m->d.ysd, 3);

            m->cor[k] = (bm_dist){ .kind = BM_DIST_INV_WISHART, .a = { (double)g->q + 2 }, .nscale = 1, .scale = calloc(1, sizeof(double)) };
            m->cor[k].scale[0] = scale;
            soak_line(m, "prior=cov(%s) ~ inv_wishart(%zu, %.17g)", g->name, g->q + 2, scale);
            continue;
        }
        if (soak_chance(m, 0.6)) {
            bm_dist d = soak_sd_prior(m, m->d.ysd / (g->q == 1 && soak_sd(g->Z, m->n) > 1e-9 ? soak_sd(g->Z, m->n) : 1), text);

            soak_line(m, "prior=sd(%s) ~ %s", g->name, text);
            for (size_t t = 0; t < g->q; t++) m->sd[k][t] = d;
        }
        if (g->nblock == 1 && g->q > 1 && soak_chance(m, 0.5)) {
            m->cor[k].a[0] = soak_round(soak_scale(m, -0.2, 0.7), 2);
            soak_line(m, "prior=cor(%s) ~ lkj(%.17g)", g->name, m->cor[k].a[0]);
        }
    }
    if (m->se) return;
    m->pr.sigma = (bm_dist){ .kind = BM_DIST_HALF_CAUCHY, .a = { 0, soak_default(m, NULL) } };
    if (!soak_chance(m, 0.6)) return;
    m->pr.sigma = soak_sd_prior(m, m->d.ysd, text);
    soak_line(m, "prior=sigma ~ %s", text);
}

/* ---- the whole ---- */

static inline soak_model *soak_make(uint64_t seed, uint64_t index, bool small)
{
    soak_model *m = calloc(1, sizeof *m);
    soak_part   part[2];
    double      rest[SOAK_ROWS];

    m->seed = seed;
    m->index = index;
    m->small = small;
    bm_rng_key(&m->r, seed, index, small);
    m->weights = soak_chance(m, 0.3);
    m->se = m->weights && soak_chance(m, 0.3);
    m->offset = soak_chance(m, 0.2);
    m->sum = soak_chance(m, 0.2);
    soak_columns(m);
    soak_fixed(m);
    m->d.nfac = soak_parts(m, part);
    for (size_t k = 0; k < m->d.nfac; k++) sprintf(m->formula + strlen(m->formula), "%s%s", k ? "" : " + ", part[k].text);
    if (m->weights) soak_line(m, m->se ? "se=w" : "weights=w");
    if (m->sum) soak_line(m, "contrasts=sum");
    soak_rows(m, part, m->d.nfac);
    soak_X(m);
    for (size_t i = 0; i < m->n; i++) {
        m->yy[i] = m->y[m->used[i]];
        m->oo[i] = m->o[m->used[i]];
        m->ww[i] = m->se ? 1 / (m->w[m->used[i]] * m->w[m->used[i]]) : m->w[m->used[i]];
        rest[i] = m->yy[i] - (m->offset ? m->oo[i] : 0);
    }
    m->d = (bm_design){ .n = m->n, .p = m->d.p, .X = m->X, .y = m->yy, .w = m->weights ? m->ww : NULL, .o = m->offset ? m->oo : NULL, .known_se = m->se,
                        .intercept = m->d.intercept, .nfac = m->d.nfac, .fac = m->g, .ymean = soak_mean(rest, m->n), .ysd = soak_sd(rest, m->n) };
    for (size_t k = 0; k < m->d.nfac; k++) soak_group(m, &part[k], k);
    soak_prior_b(m);
    soak_prior_theta(m);
    return m;
}

static inline void soak_free(soak_model *m)
{
    for (size_t k = 0; k < m->d.nfac; k++) free(m->cor[k].scale);
    free(m);
}

static inline void soak_describe(const soak_model *m)
{
    print_error("model %llu of seed %llu%s: %s (%zu rows)\n", (unsigned long long)m->index, (unsigned long long)m->seed, m->small ? ", small" : "", m->formula, m->n);
    for (size_t k = 0; k < m->nline; k++) print_error("    %s\n", m->line[k]);
    print_error("again: SOAK_SEED=%llu SOAK_FIRST=%llu SOAK_MODELS=1 make soak\n", (unsigned long long)m->seed, (unsigned long long)m->index);
}

/* ---- as the library takes it ---- */

static inline void soak_add_factor(bm_frame *f, const soak_model *m, const char *name, const int *code)
{
    char        labels[SOAK_ROWS][12];
    const char *p[SOAK_ROWS];
    bm_error    err = { 0 };

    for (size_t i = 0; i < m->n_read; i++) {
        snprintf(labels[i], sizeof labels[i], "%s%d", name, code[i]);
        p[i] = code[i] < 0 ? NULL : labels[i];
    }
    bm_assert_ok(bm_frame_add_factor(f, name, p, &err), err);
}

static inline bm_frame *soak_frame(const soak_model *m)
{
    bm_frame *f;
    bm_error  err = { 0 };

    bm_assert_ok(bm_frame_new(&f, m->n_read, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "y", m->y, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x1", m->x[X1], &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x2", m->x[X2], &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x3", m->x[X3], &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "w", m->w, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "o", m->o, &err), err);
    soak_add_factor(f, m, "f", m->code[VF]);
    soak_add_factor(f, m, "h", m->code[VH]);
    soak_add_factor(f, m, "g", m->group[VG]);
    soak_add_factor(f, m, "s", m->group[VS]);
    soak_add_factor(f, m, "k", m->group[VK]);
    return f;
}

static inline bm_spec *soak_spec(const soak_model *m)
{
    bm_spec *s;
    bm_error err = { 0 };

    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", m->formula, &err), err);
    for (size_t k = 0; k < m->nline; k++) {
        char        key[20];
        const char *value = strchr(m->line[k], '=') + 1;

        snprintf(key, sizeof key, "%.*s", (int)(value - 1 - m->line[k]), m->line[k]);
        bm_assert_ok(bm_spec_set(s, key, value, &err), err);
    }
    return s;
}

#endif
