/* prior_check.c: refuses priors that make the posterior improper.
 *
 * Coefficients: where the priors leave directions free (flat), X must determine them: the columns of X on those directions must be independent.
 * Sds: let a set of s scales with flat priors (sds of one factor, perhaps sigma) grow together to t. The likelihood falls as t^-(m - r), m the
 * number of dimensions that their effects span and r those of them that free coefficients absorb, while the volume grows as t^(s - 1) dt: the
 * integral is finite where m - r > s. For one factor and a flat intercept that is Gelman's (2006, Bayesian Analysis 1:515) rule of at least 3
 * groups. Sets looked at: each sd alone, all of a factor, all of a factor with sigma, sigma alone. Fewer than 3 groups are refused always:
 * with 2 and a proper intercept the posterior of the sd would be proper, but without a mean.
 *
 * The work is of order n (p + q)^2, and is done only where flat priors meet an X of deficient rank or an sd. */
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
    size_t *column;          /* m: which coefficient */
} free_part;

static void free_part_clear(free_part *f)
{
    free(f->X);
    free(f->length);
    free(f->column);
    *f = (free_part){ 0 };
}

static bool is_free(const bm_priors *p, const bm_design *d, size_t k)
{
    bool centred = p->centred && (int)k == d->intercept;

    return (centred ? p->intercept.kind : p->b[k].kind) == BM_DIST_FLAT;
}

static size_t count_free(const bm_priors *p, const bm_design *d)
{
    size_t m = 0;

    for (size_t k = 0; k < p->p; k++) m += is_free(p, d, k);
    return m;
}

/* With a proper prior on Intercept the intercept follows the free coefficients: their columns are centred. */
static bm_status free_part_new(free_part *f, const bm_priors *p, const bm_design *d, bm_error *err)
{
    bool   centre = p->centred && d->intercept >= 0 && !is_free(p, d, (size_t)d->intercept);
    size_t n = d->n, m = count_free(p, d), c = 0;

    *f = (free_part){ .n = n, .m = m };
    if (!d->X) return bm_fail(err, BM_EINVAL, "whether the posterior is proper under these flat priors is judged on all rows, which were not kept: see --hold-rows");
    f->X = bm_alloc(n * m, sizeof *f->X);
    f->length = bm_alloc(m, sizeof *f->length);
    f->column = bm_alloc(m, sizeof *f->column);
    if (!f->X || !f->length || !f->column) {
        free_part_clear(f);
        return bm_nomem(err);
    }
    for (size_t k = 0; k < p->p; k++) {
        if (!is_free(p, d, k)) continue;
        double *x = f->X + c * n, mean = centre ? p->xbar[k] : 0, length2 = 0;

        for (size_t i = 0; i < n; i++) {
            double w = d->w ? sqrt(d->w[i]) : 1, whole = d->X[i + k * n];

            x[i] = w * (whole - mean);
            length2 += w * w * whole * whole;
        }
        f->length[c] = sqrt(length2);
        f->column[c++] = k;
    }
    return BM_OK;
}

static bm_status undetermined(const bm_design *d, const bool *aliased, bm_error *err)
{
    bm_buf      list = { 0 };
    size_t      n = 0, first = 0;
    bm_status   st;

    for (size_t k = d->p; k-- > 0;) {
        n += aliased[k];
        if (aliased[k]) first = k;
    }
    for (size_t k = first, seen = 0; k < d->p && seen < 6; k++)
        if (aliased[k]) bm_buf_printf(&list, "%s%.60s", seen++ ? ", " : "", d->bnames[k]);
    st = bm_fail(err, BM_EINVAL, "the posterior is improper: under flat priors the data do not determine %s%s, as %s of X depend%s on the columns before; leave the term "
                                 "out, or give it a proper prior such as '%.60s ~ normal(0, 10)'",
                 list.s ? list.s : "", n > 6 ? ", ..." : "", n > 1 ? "these columns" : "this column", n > 1 ? "" : "s", d->bnames[first]);
    bm_buf_free(&list);
    return st;
}

static bm_status check_coefficients(const bm_priors *p, const bm_design *d, const bool *aliased, size_t rank, bm_error *err)
{
    size_t    m = count_free(p, d);
    free_part f = { 0 };
    groups    all = { 0 };
    bool     *dependent = NULL, *alias = NULL;
    bm_status st = BM_OK;

    if (!m || rank == d->p) return BM_OK;
    if (m == d->p) return undetermined(d, aliased, err);
    if ((st = free_part_new(&f, p, d, err)) != BM_OK) goto done;
    if ((st = groups_new(&all, d->n, 1, NULL, err)) != BM_OK) goto done;
    dependent = bm_alloc(m, sizeof *dependent);
    alias = bm_alloc(d->p, sizeof *alias);
    if (!dependent || !alias) {
        st = bm_nomem(err);
        goto done;
    }
    if (orthonormalise(&all, f.X, m, f.length, dependent) == m) goto done;
    for (size_t c = 0; c < m; c++) alias[f.column[c]] = dependent[c];
    st = undetermined(d, alias, err);
done:
    free_part_clear(&f);
    free(all.coef);
    free(dependent);
    free(alias);
    return st;
}

/* ---- standard deviations ---- */

/* Dimensions that effects span, and those of them that free coefficients absorb. */
typedef struct { size_t spanned, absorbed; } span;

/* effects (m) of factor g; free columns in f, orthonormal. */
static bm_status span_of(span *s, const bm_design *d, const bm_group *g, const size_t *effects, size_t m, const free_part *f, bm_error *err)
{
    size_t    n = d->n;
    groups    by = { 0 }, all = { 0 };
    double   *Z = bm_alloc(n * m, sizeof *Z), *rest = bm_alloc(n * f->m, sizeof *rest), *one = bm_alloc(f->m, sizeof *one);
    bm_status st = Z && rest && one ? BM_OK : bm_nomem(err);

    if (st != BM_OK) goto done;
    if ((st = groups_new(&by, n, g->J, g->code, err)) != BM_OK) goto done;
    if ((st = groups_new(&all, n, 1, NULL, err)) != BM_OK) goto done;
    for (size_t k = 0; k < m; k++)
        for (size_t i = 0; i < n; i++) Z[i + k * n] = g->Z[i + effects[k] * n] * (d->w ? sqrt(d->w[i]) : 1);
    s->spanned = orthonormalise(&by, Z, m, NULL, NULL);
    memcpy(rest, f->X, n * f->m * sizeof *rest);
    for (size_t c = 0; c < f->m; c++) {
        for (size_t k = 0; k < m; k++) project_out(&by, rest + c * n, Z + k * n);
        one[c] = 1;
    }
    s->absorbed = f->m - orthonormalise(&all, rest, f->m, one, NULL);
done:
    free(Z);
    free(rest);
    free(one);
    free(by.coef);
    free(all.coef);
    return st;
}

static bm_status too_few(const bm_group *g, const size_t *effects, size_t m, const span *s, size_t need, bm_error *err)
{
    bm_buf    who = { 0 };
    char      absorbed[160] = "";
    bm_status st;

    for (size_t k = 0; k < m && k < 4; k++) bm_buf_printf(&who, "%ssd_%.60s__%.60s", k ? ", " : "", g->name, g->znames[effects[k]]);
    if (s->absorbed)
        snprintf(absorbed, sizeof absorbed, ", of which %zu go%s into coefficients with flat priors", s->absorbed, s->absorbed == 1 ? "es" : "");
    st = bm_fail(err, BM_EINVAL, "the posterior is improper, or has no mean: the prior of %s%s is flat, which takes at least %zu group effects; '%.60s' has %zu that the data "
                                 "inform%s. Use a proper prior such as half_cauchy, the default",
                 who.s ? who.s : "", m > 4 ? ", ..." : "", need, g->name, s->spanned, absorbed);
    bm_buf_free(&who);
    return st;
}

static bm_status check_set(const bm_design *d, const bm_group *g, const size_t *effects, size_t m, const free_part *f, bm_error *err)
{
    span      s = { 0 };
    size_t    need;
    bm_status st = span_of(&s, d, g, effects, m, f, err);

    if (st != BM_OK) return st;
    need = s.absorbed + m + 1;
    if (m == 1 && need < 3) need = 3;
    return s.spanned >= need ? BM_OK : too_few(g, effects, m, &s, need, err);
}

/* The effects of factor k with flat sds, to out (q). */
static size_t flat_effects(const bm_priors *p, const bm_group *g, size_t k, size_t *out)
{
    size_t m = 0;

    for (size_t b = 0; b < g->nblock; b++)
        for (size_t i = g->block[b].first; i < g->block[b].first + g->block[b].size; i++)
            if (p->cor[k][b].kind != BM_DIST_INV_WISHART && p->sd[k][i].kind == BM_DIST_FLAT) out[m++] = i;
    return m;
}

static bm_status too_few_rows(const bm_design *d, size_t nfree, size_t nsd, bm_error *err)
{
    char with[80] = "";

    if (nsd) snprintf(with, sizeof with, " and of %zu standard deviation%s of group effects", nsd, nsd > 1 ? "s" : "");
    return bm_fail(err, BM_EINVAL, "the posterior is improper: the prior of sigma%s is flat, which takes at least %zu rows more than the %zu coefficient%s with flat priors; "
                                   "there are %zu rows. Use a proper prior such as half_cauchy, the default",
                   with, nsd + 2, nfree, nfree == 1 ? "" : "s", d->n);
}

static bm_status check_sds(const bm_priors *p, const bm_design *d, bm_error *err)
{
    size_t    m = count_free(p, d), *effects = NULL;
    bool      flat_sigma = p->has_sigma && p->sigma.kind == BM_DIST_FLAT;
    free_part f = { 0 };
    groups    all = { 0 };
    bm_status st = BM_OK;

    if (flat_sigma && d->n < m + 2) return too_few_rows(d, m, 0, err);
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) {
        const bm_group *g = &d->fac[k];
        size_t          nflat;

        if (!(effects = bm_alloc(g->q, sizeof *effects))) return bm_nomem(err);
        if (!(nflat = flat_effects(p, g, k, effects))) goto next;
        if (!all.coef) {
            if ((st = groups_new(&all, d->n, 1, NULL, err)) != BM_OK || (st = free_part_new(&f, p, d, err)) != BM_OK) goto next;
            orthonormalise(&all, f.X, f.m, f.length, NULL);
        }
        for (size_t i = 0; i < nflat && st == BM_OK; i++) st = check_set(d, g, effects + i, 1, &f, err);
        if (st == BM_OK && nflat > 1) st = check_set(d, g, effects, nflat, &f, err);
        if (st == BM_OK && flat_sigma && d->n < m + nflat + 2) st = too_few_rows(d, m, nflat, err);
next:
        free(effects);
    }
    free(all.coef);
    free_part_clear(&f);
    return st;
}

bm_status bm_priors_check(const bm_priors *p, const bm_design *d, const bool *aliased, size_t rank, bm_error *err)
{
    bm_status st = check_coefficients(p, d, aliased, rank, err);

    return st == BM_OK ? check_sds(p, d, err) : st;
}

bool bm_priors_all_proper(const bm_priors *p)
{
    bool proper = !p->has_sigma || bm_dist_proper(&p->sigma);

    for (size_t k = 0; k < p->p; k++) proper = proper && bm_dist_proper(&p->b[k]);
    for (size_t k = 0; k < p->nfac; k++) {
        bool whole = p->nblock[k] && p->cor[k][0].kind == BM_DIST_INV_WISHART;

        for (size_t i = 0; i < p->q[k] && !whole; i++) proper = proper && bm_dist_proper(&p->sd[k][i]);
        for (size_t b = 0; b < p->nblock[k]; b++) proper = proper && bm_dist_proper(&p->cor[k][b]);
    }
    return proper;
}
