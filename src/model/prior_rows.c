/* prior_rows.c: the ranks of a design that flat priors are judged by, from its rows: of order n (p + q)^2. */
#include "model/prior_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TOL = 1e-10;                     /* as for the rank of X: what is left of a dependent column */

/* ---- orthogonal columns, group by group ---- */

/* The rows belong to groups, and columns are orthogonal if they are so within each; one group (code NULL): as usual. */
typedef struct {
    size_t         n, J;
    const int32_t *code;
    double        *coef, *before, *left;     /* J each, scratch */
} groups;

static bm_status groups_new(groups *g, size_t n, size_t J, const int32_t *code, bm_error *err)
{
    *g = (groups){ .n = n, .J = J, .code = code, .coef = bm_alloc(3 * J, sizeof *g->coef) };
    if (!g->coef) return bm_nomem(err);
    g->before = g->coef + J;
    g->left = g->coef + 2 * J;
    return BM_OK;
}

static void free_groups(groups *g)
{
    free(g->coef);
    *g = (groups){ 0 };
}

static inline size_t group_of(const groups *g, size_t i)
{
    return g->code ? (size_t)g->code[i] : 0;
}

/* x minus its projection on q, whose part in each group has length 1 or 0. Twice is enough (Giraud, Langou & Rozloznik 2005). */
static void project_out(const groups *g, double *x, const double *q)
{
    for (int pass = 0; pass < 2; pass++) {
        memset(g->coef, 0, g->J * sizeof *g->coef);
        for (size_t i = 0; i < g->n; i++) g->coef[group_of(g, i)] += q[i] * x[i];
        for (size_t i = 0; i < g->n; i++) x[i] -= g->coef[group_of(g, i)] * q[i];
    }
}

static void lengths(const groups *g, const double *x, double *out)
{
    memset(out, 0, g->J * sizeof *out);
    for (size_t i = 0; i < g->n; i++) out[group_of(g, i)] += x[i] * x[i];
    for (size_t j = 0; j < g->J; j++) out[j] = sqrt(out[j]);
}

/* Makes the m columns of Q orthonormal within groups; parts that depend on earlier columns become 0. Returns the number of the others, over all
 * columns and groups. length (m, or NULL for that of each part): what the rest is measured by. dependent (m, or NULL): nothing is left. */
static size_t orthonormalise(const groups *g, double *Q, size_t m, const double *length, bool *dependent)
{
    size_t rank = 0;

    for (size_t k = 0; k < m; k++) {
        double *q = Q + k * g->n;
        size_t  parts = 0;

        lengths(g, q, g->before);
        for (size_t l = 0; l < k; l++) project_out(g, q, Q + l * g->n);
        lengths(g, q, g->left);
        for (size_t j = 0; j < g->J; j++) {
            bool left = g->left[j] > TOL * (length ? length[k] : g->before[j]);

            parts += left;
            g->left[j] = left ? 1 / g->left[j] : 0;
        }
        for (size_t i = 0; i < g->n; i++) q[i] *= g->left[group_of(g, i)];
        rank += parts;
        if (dependent) dependent[k] = parts == 0;
    }
    return rank;
}

/* ---- free directions of the coefficients ---- */

/* Columns of X on the directions that the priors leave free, rows in units of the residual sd. */
typedef struct {
    size_t  n, m;
    double *X;               /* n x m */
    double *length;          /* m: of the user's column */
} free_part;

static void free_part_clear(free_part *f)
{
    free(f->X);
    free(f->length);
    *f = (free_part){ 0 };
}

static bm_status free_part_new(free_part *f, const bm_design *d, const bm_directions *on, bm_error *err)
{
    size_t n = d->n, m = on->m;

    *f = (free_part){ .n = n, .m = m };
    f->X = bm_alloc(n * m, sizeof *f->X);
    f->length = bm_alloc(m, sizeof *f->length);
    if (!f->X || !f->length) {
        free_part_clear(f);
        return bm_nomem(err);
    }
    for (size_t c = 0; c < m; c++) {
        size_t  k = on->column[c];
        double *x = f->X + c * n, length2 = 0;

        for (size_t i = 0; i < n; i++) {
            double w = d->w ? sqrt(d->w[i]) : 1, whole = d->X[i + k * n];

            x[i] = w * (whole - on->centre[c]);
            length2 += w * w * whole * whole;
        }
        f->length[c] = sqrt(length2);
    }
    return BM_OK;
}

static bm_status dependent_columns(const void *self, const bm_directions *on, bool *dependent, bm_error *err)
{
    const bm_design *d = self;
    free_part        f = { 0 };
    groups           all = { 0 };
    bm_status        st = free_part_new(&f, d, on, err);

    if (st == BM_OK) st = groups_new(&all, d->n, 1, NULL, err);
    if (st == BM_OK) orthonormalise(&all, f.X, f.m, f.length, dependent);
    free_part_clear(&f);
    free_groups(&all);
    return st;
}

/* ---- effects ---- */

static bm_status spanned(const void *self, const bm_directions *on, size_t factor, const size_t *effects, size_t m, bm_span *s, bm_error *err)
{
    const bm_design *d = self;
    const bm_group  *g = &d->fac[factor];
    size_t           n = d->n;
    free_part        f = { 0 };
    groups           by = { 0 }, all = { 0 };
    double          *Z = bm_alloc(n * m, sizeof *Z), *one = bm_alloc(on->m, sizeof *one);
    bm_status        st = Z && one ? free_part_new(&f, d, on, err) : bm_nomem(err);

    if (st == BM_OK) st = groups_new(&by, n, g->J, g->code, err);
    if (st == BM_OK) st = groups_new(&all, n, 1, NULL, err);
    if (st != BM_OK) goto done;
    orthonormalise(&all, f.X, f.m, f.length, NULL);
    for (size_t k = 0; k < m; k++)
        for (size_t i = 0; i < n; i++) Z[i + k * n] = g->Z[i + effects[k] * n] * (d->w ? sqrt(d->w[i]) : 1);
    s->spanned = orthonormalise(&by, Z, m, NULL, NULL);
    for (size_t c = 0; c < f.m; c++) {
        for (size_t k = 0; k < m; k++) project_out(&by, f.X + c * n, Z + k * n);
        one[c] = 1;
    }
    s->absorbed = f.m - orthonormalise(&all, f.X, f.m, one, NULL);
done:
    free(Z);
    free(one);
    free_part_clear(&f);
    free_groups(&by);
    free_groups(&all);
    return st;
}

bm_ranks bm_ranks_of_rows(const bm_design *d)
{
    return (bm_ranks){ .self = d, .dependent = dependent_columns, .span = spanned };
}
