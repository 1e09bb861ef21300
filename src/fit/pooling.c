/* pooling.c: the coefficients of every group by complete pooling (least squares, groups ignored) and by no pooling (least squares with free
 * coefficients in every group) (Gelman & Hill 2007, ch. 12).
 *
 * A group's coefficients are those of its columns Z_j. Columns of X that Z_j spans in every group (the matching fixed effects, predictors
 * that are constant within groups) are absorbed: x_k = Z_j d_jk there. The others are common: with no pooling their coefficients are
 * estimated from what the groups' columns leave of them. All of it from the cross-products; only the groups' own residuals need the rows. */
#include "fit/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EFFECTS = 32 };
static const double DEPENDENT = 1e-9;                /* what is left of a sum of squares when a column depends on the ones before */

/* Cholesky factor of A (n x n, lower) in which dependent columns are left out (their diagonal is 0); returns the rank. full: n diagonals to judge by. */
static size_t factor(size_t n, double *A, const double *full)
{
    size_t rank = 0;

    for (size_t c = 0; c < n; c++) {
        double pivot = A[c + c * n] > DEPENDENT * full[c] && full[c] > 0 ? sqrt(A[c + c * n]) : 0;

        rank += pivot > 0;
        for (size_t r = c; r < n; r++) A[r + c * n] = pivot > 0 ? A[r + c * n] / pivot : 0;
        for (size_t k = c + 1; k < n; k++)
            for (size_t r = k; r < n; r++) A[r + k * n] -= A[r + c * n] * A[k + c * n];
    }
    return rank;
}

/* x <- A^+ x (the solution in which coefficients of dependent columns are 0), from its factor. */
static void solve(size_t n, const double *C, double *x)
{
    for (size_t r = 0; r < n; r++) {
        for (size_t k = 0; k < r; k++) x[r] -= C[r + k * n] * x[k];
        x[r] = C[r + r * n] > 0 ? x[r] / C[r + r * n] : 0;
    }
    for (size_t r = n; r-- > 0;) {
        for (size_t k = r + 1; k < n; k++) x[r] -= C[k + r * n] * x[k];
        x[r] = C[r + r * n] > 0 ? x[r] / C[r + r * n] : 0;
    }
}

/* M (m x p) <- M K^-1: from the basis of the statistics to the user's columns. */
static void to_user(size_t m, size_t p, double *M, const double *K)
{
    for (size_t c = 0; c < p; c++)
        for (size_t r = 0; r < m; r++) {
            double v = M[r + c * m];

            for (size_t k = 0; k < c; k++) v -= M[r + k * m] * K[k + c * p];
            M[r + c * m] = v / K[c + c * p];
        }
}

/* A <- A' */
static void transpose(size_t n, double *A)
{
    for (size_t c = 0; c < n; c++)
        for (size_t r = 0; r < c; r++) {
            double t = A[r + c * n];

            A[r + c * n] = A[c + r * n];
            A[c + r * n] = t;
        }
}

typedef struct {
    const bm_stats   *st;
    const bm_design  *d;
    const bm_facstat *f;
    bm_pooling       *out;
    double *C;              /* J x (q x q): factors of A_j */
    double *B;              /* J x (q x p): Z~_j'W X, the user's columns */
    double *S, *r, *full;   /* p x p, p: what the groups leave of X'WX and X'Wy~; diagonal of X'WX */
    double *same;           /* q x p: x_k = Z d_k with the same d_k in every group */
    bool   *matched;        /* p: is it so? */
    double *delta;          /* p: common coefficients, no pooling minus complete pooling */
    size_t  rank, groups;   /* of S over the common columns; of all groups together */
} work;

static void group_factors(work *w)
{
    size_t q = w->f->q;

    for (size_t j = 0; j < w->f->J; j++) {
        double full[MAX_EFFECTS], *C = w->C + j * q * q;

        memcpy(C, w->f->A + j * q * q, q * q * sizeof *C);
        for (size_t i = 0; i < q; i++) full[i] = C[i + i * q];
        size_t rank = factor(q, C, full);
        w->out->estimable[j] = rank == q;
        w->groups += rank;
    }
}

/* B in the user's columns, S and r, and which columns the groups absorb. */
static void leave_groups_out(work *w)
{
    const bm_stats *st = w->st;
    size_t          q = w->f->q, p = st->p;
    double          x[MAX_EFFECTS];

    memcpy(w->S, st->XX, p * p * sizeof *w->S);
    to_user(p, p, w->S, st->K);
    transpose(p, w->S);
    to_user(p, p, w->S, st->K);
    memcpy(w->r, st->Xy, p * sizeof *w->r);
    to_user(1, p, w->r, st->K);
    for (size_t k = 0; k < p; k++) w->full[k] = w->S[k + k * p];
    for (size_t j = 0; j < w->f->J; j++) {
        double *B = w->B + j * q * p;

        memcpy(B, w->f->B + j * q * p, q * p * sizeof *B);
        to_user(q, p, B, st->K);
        for (size_t k = 0; k <= p; k++) {
            memcpy(x, k < p ? B + k * q : w->f->c + j * q, q * sizeof *x);
            solve(q, w->C + j * q * q, x);
            for (size_t i = 0; i < p; i++) *(k < p ? &w->S[i + k * p] : &w->r[i]) -= bm_dot(q, B + i * q, x);
        }
    }
    for (size_t k = 0; k < p; k++) w->out->absorbed[k] = w->S[k + k * p] <= DEPENDENT * w->full[k];
}

/* Columns of X that are one combination of the columns of Z in all groups, such as the fixed effect that belongs to a group-level one: their
 * combination is known in groups too that have too few rows to show it. */
static void match_columns(work *w)
{
    size_t q = w->f->q, p = w->st->p;
    double A[MAX_EFFECTS * MAX_EFFECTS] = { 0 }, full[MAX_EFFECTS], x[MAX_EFFECTS], b[MAX_EFFECTS];

    for (size_t j = 0; j < w->f->J; j++)
        for (size_t i = 0; i < q * q; i++) A[i] += w->f->A[j * q * q + i];
    for (size_t i = 0; i < q; i++) full[i] = A[i + i * q];
    factor(q, A, full);
    for (size_t k = 0; k < p; k++) {
        memset(b, 0, sizeof b);
        for (size_t j = 0; j < w->f->J; j++)
            for (size_t i = 0; i < q; i++) b[i] += w->B[(j * p + k) * q + i];
        memcpy(x, b, sizeof x);
        solve(q, A, x);
        w->matched[k] = w->full[k] - bm_dot(q, b, x) <= DEPENDENT * w->full[k];
        memcpy(w->same + k * q, x, q * sizeof *x);
    }
}

static void common_coefficients(work *w)
{
    size_t p = w->st->p;

    for (size_t k = 0; k < p; k++) {
        w->delta[k] = w->out->absorbed[k] ? 0 : w->r[k];
        for (size_t i = 0; i < p; i++)
            if (w->out->absorbed[k] || w->out->absorbed[i]) w->S[i + k * p] = 0;
    }
    w->rank = factor(p, w->S, w->full);
    solve(p, w->S, w->delta);
    for (size_t k = 0; k < p; k++) w->out->b[k] = w->st->b0[k] + w->delta[k];
}

static double residual_variance(const work *w)
{
    const bm_stats *st = w->st;
    size_t          q = w->f->q;
    double          rss = st->yy, x[MAX_EFFECTS], df = (double)st->n - (double)w->groups - (double)w->rank;

    for (size_t j = 0; j < w->f->J; j++) {
        memcpy(x, w->f->c + j * q, q * sizeof *x);
        solve(q, w->C + j * q * q, x);
        rss -= bm_dot(q, w->f->c + j * q, x);
    }
    rss -= bm_dot(st->p, w->r, w->delta);
    return df > 0 ? fmax(rss, 0) / df : NAN;
}

/* out (q) = Kz x */
static void user_effects(const bm_facstat *f, const double *x, double *out)
{
    for (size_t i = 0; i < f->q; i++) {
        out[i] = 0;
        for (size_t k = i; k < f->q; k++) out[i] += f->Kz[i + k * f->q] * x[k];
    }
}

/* Variances of the group's coefficients for unit residual variance: own (common ones taken as known), and with theirs. v: p numbers of scratch. */
static void variances(const work *w, size_t j, double *own, double *all, double *v)
{
    size_t        q = w->f->q, p = w->st->p;
    const double *C = w->C + j * q * q, *B = w->B + j * q * p;
    double        x[MAX_EFFECTS], a[MAX_EFFECTS];

    for (size_t i = 0; i < q; i++) {
        for (size_t k = 0; k < q; k++) x[k] = k >= i ? w->f->Kz[i + k * q] : 0;     /* row i of Kz */
        memcpy(a, x, sizeof a);
        solve(q, C, a);
        own[i] = bm_dot(q, x, a);
        for (size_t k = 0; k < p; k++) v[k] = w->out->absorbed[k] ? 0 : bm_dot(q, B + k * q, a);
        all[i] = own[i];
        for (size_t r = 0; r < p; r++) {
            for (size_t k = 0; k < r; k++) v[r] -= w->S[r + k * p] * v[k];
            v[r] = w->S[r + r * p] > 0 ? v[r] / w->S[r + r * p] : 0;
            all[i] += v[r] * v[r];
        }
    }
}

static void group_coefficients(work *w, size_t j, double s2, double *v)
{
    bm_pooling   *out = w->out;
    size_t        q = w->f->q, p = w->st->p;
    const double *C = w->C + j * q * q, *B = w->B + j * q * p;
    double        x[MAX_EFFECTS], own[MAX_EFFECTS], all[MAX_EFFECTS];

    for (size_t k = 0; k < p; k++) {
        double *D = out->D + (j * p + k) * q;

        if (!out->absorbed[k]) continue;
        memcpy(x, w->matched[k] ? w->same + k * q : B + k * q, q * sizeof *x);
        if (!w->matched[k]) solve(q, C, x);
        user_effects(w->f, x, D);
        for (size_t i = 0; i < q; i++) out->complete[j * q + i] += D[i] * w->st->b0[k];
    }
    memcpy(x, w->f->c + j * q, q * sizeof *x);
    for (size_t k = 0; k < p; k++)
        for (size_t i = 0; i < q; i++) x[i] -= B[i + k * q] * w->delta[k];
    solve(q, C, x);
    user_effects(w->f, x, out->none + j * q);
    variances(w, j, own, all, v);
    for (size_t i = 0; i < q; i++) {
        out->none[j * q + i] += out->complete[j * q + i];
        out->none_se[j * q + i] = own[i];
        out->none_se_pooled[j * q + i] = sqrt(s2 * all[i]);
    }
}

/* Standard errors from each group's own residuals. */
static bm_status own_errors(work *w, bm_error *err)
{
    const bm_design *d = w->d;
    const bm_group  *g = &d->fac[w->f - w->st->fac];
    bm_pooling      *out = w->out;
    double          *rss = bm_alloc(g->J, sizeof *rss);

    if (!rss) return bm_nomem(err);
    for (size_t i = 0; i < d->n; i++) {
        size_t j = (size_t)g->code[i];
        double e = d->y[i] - (d->o ? d->o[i] : 0);

        for (size_t k = 0; k < d->p; k++)
            if (!out->absorbed[k]) e -= d->X[i + k * d->n] * out->b[k];
        for (size_t k = 0; k < g->q; k++) e -= g->Z[i + k * d->n] * out->none[j * g->q + k];
        rss[j] += (d->w ? d->w[i] : 1) * e * e;
    }
    for (size_t j = 0; j < g->J; j++)
        for (size_t k = 0; k < g->q; k++) {
            double *se = &out->none_se[j * g->q + k];

            if (d->known_se) *se = sqrt(*se);
            else *se = w->f->n[j] > g->q ? sqrt(*se * rss[j] / (double)(w->f->n[j] - g->q)) : NAN;
            if (!out->estimable[j]) out->none[j * g->q + k] = out->none_se_pooled[j * g->q + k] = *se = NAN;
        }
    free(rss);
    return BM_OK;
}

static bm_status allocate(work *w, bm_error *err)
{
    bm_pooling *o = w->out;
    size_t      J = w->f->J, q = w->f->q, p = w->st->p;

    o->J = J;
    o->q = q;
    o->p = p;
    o->complete = bm_alloc(4 * J * q, sizeof *o->complete);
    o->D = bm_alloc(J * q * p, sizeof *o->D);
    o->b = bm_alloc(p, sizeof *o->b);
    o->absorbed = bm_alloc(p, sizeof *o->absorbed);
    o->estimable = bm_alloc(J, sizeof *o->estimable);
    w->C = bm_alloc(J * q * (q + p) + q * p, sizeof *w->C);
    w->matched = bm_alloc(p, sizeof *w->matched);
    w->S = bm_alloc(p * p + 4 * p, sizeof *w->S);
    if (!o->complete || !o->D || !o->b || !o->absorbed || !o->estimable || !w->C || !w->S || !w->matched)
        return bm_fail(err, BM_ENOMEM, "out of memory for the coefficients of %zu groups", J);
    o->none = o->complete + J * q;
    o->none_se = o->none + J * q;
    o->none_se_pooled = o->none_se + J * q;
    w->B = w->C + J * q * q;
    w->same = w->B + J * q * p;
    w->r = w->S + p * p;
    w->full = w->r + p;
    w->delta = w->full + p;
    return BM_OK;
}

bm_status bm_pooling_new(bm_pooling **out, const bm_stats *st, const bm_design *d, size_t fac, bm_error *err)
{
    work      w = { .st = st, .d = d, .f = &st->fac[fac], .out = bm_alloc(1, sizeof *w.out) };
    bm_status status = w.out ? allocate(&w, err) : bm_nomem(err);

    *out = NULL;
    if (status != BM_OK) goto done;
    group_factors(&w);
    leave_groups_out(&w);
    match_columns(&w);
    common_coefficients(&w);
    double s2 = d->known_se ? 1 : residual_variance(&w);
    w.out->sigma = sqrt(s2);
    for (size_t j = 0; j < w.f->J; j++) group_coefficients(&w, j, s2, w.delta + st->p);
    if ((status = own_errors(&w, err)) != BM_OK) goto done;
    *out = w.out;
    w.out = NULL;
done:
    free(w.C);
    free(w.S);
    free(w.matched);
    bm_pooling_free(w.out);
    return status;
}

void bm_pooling_free(bm_pooling *p)
{
    if (!p) return;
    free(p->complete);
    free(p->D);
    free(p->b);
    free(p->absorbed);
    free(p->estimable);
    free(p);
}
