/* joint.c: the Cholesky factor C of M = I + T'Z'WZT over all levels of several grouping factors, and solves with it.
 *
 * Right-looking: level by level in the order of elimination, a panel is completed with what its own products say, factorised, and its
 * outer product taken from the panels of the levels it is connected with (Duff, Erisman & Reid 2017, ch. 4-5). The tail is LAPACK's. */
#include "posterior/joint.h"

#include "posterior/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t WIDE = 24;         /* columns of [B | c] from which F'F is left to dsyrk */

/* ---- memory ---- */

bm_status bm_joint_work_new(bm_joint_work **out, const bm_joint *j, size_t p, bm_error *err)
{
    size_t         p1 = p + 1, pack = (p1 > WIDE ? j->nv : j->m) * p1;
    bm_joint_work *w = bm_alloc(1, sizeof *w);

    *out = NULL;
    if (w) {
        w->val = bm_alloc(j->val[j->nlead], sizeof *w->val);
        w->tail = bm_alloc(j->m * j->m, sizeof *w->tail);
        w->F = bm_alloc(j->nv * p1, sizeof *w->F);
        w->pack = bm_alloc(pack > p1 * p1 ? pack : p1 * p1, sizeof *w->pack);
    }
    if (!w || !w->val || !w->tail || !w->F || !w->pack) {
        bm_joint_work_free(w);
        return bm_fail(err, BM_ENOMEM, "out of memory for a factorisation with %zu group effects", j->nv);
    }
    *out = w;
    return BM_OK;
}

void bm_joint_work_free(bm_joint_work *w)
{
    if (!w) return;
    free(w->val);
    free(w->tail);
    free(w->F);
    free(w->inv);
    free(w->inv_tail);
    free(w->E);
    free(w->pack);
    free(w);
}

/* ---- what a level's own products say ---- */

/* P (ld, upper left q x q, lower triangle) += I + T'A T */
static void add_diagonal(size_t q, const double *A, const double *T, double *P, size_t ld)
{
    for (size_t b = 0; b < q; b++) {
        double v[BM_QMAX];

        for (size_t i = 0; i < q; i++) {
            v[i] = 0;
            for (size_t l = 0; l < q; l++) v[i] += A[i + l * q] * T[l + b * q];
        }
        for (size_t a = b; a < q; a++) {
            double s = a == b;

            for (size_t i = 0; i < q; i++) s += T[i + a * q] * v[i];
            P[a + b * ld] += s;
        }
    }
}

/* P (r x q) += (Tk'X Tl)', X: q x r */
static void add_block(size_t q, size_t r, const double *X, const double *Tk, const double *Tl, double *P, size_t ld)
{
    for (size_t b = 0; b < r; b++) {
        double v[BM_QMAX];

        for (size_t i = 0; i < q; i++) {
            v[i] = 0;
            for (size_t l = 0; l < r; l++) v[i] += X[i + l * q] * Tl[l + b * r];
        }
        for (size_t a = 0; a < q; a++) {
            double s = 0;

            for (size_t i = 0; i < q; i++) s += Tk[i + a * q] * v[i];
            P[b + a * ld] += s;
        }
    }
}

/* F (q rows of p1) += T'[B | c] */
static void add_right(const bm_facstat *f, size_t lev, const double *T, double *F)
{
    size_t        q = f->q, p = f->p, p1 = p + 1;
    const double *B = f->B + lev * q * p, *c = f->c + lev * q;

    for (size_t a = 0; a < q; a++)
        for (size_t i = 0; i < q; i++) {
            double t = T[i + a * q], *row = F + a * p1;

            for (size_t k = 0; t != 0 && k < p; k++) row[k] += t * B[i + k * q];
            row[p] += t * c[i];
        }
}

/* Completes the panel (or the columns of the tail) of place i. */
static void assemble(const bm_joint *j, const bm_joint_work *w, const bm_stats *st, const double *const *T, size_t i)
{
    size_t            k = j->fac[i], lev = j->lev[i];
    const bm_facstat *f = &st->fac[k];
    bool              tail = i >= j->nlead;
    size_t            q = f->q, ld = tail ? j->m : j->h[i], p1 = st->p + 1, column = tail ? j->at[i] - j->t0 : 0;
    double           *P = tail ? w->tail + column * ld : w->val + j->val[i];

    add_diagonal(q, f->A + lev * q * q, T[k], P + column, ld);
    for (size_t l = 0; l < j->nfac; l++) {
        if (l == k) continue;
        const bm_cross *c = bm_stats_cross(st, k, l);
        const uint32_t *dst = j->dst[k * j->nfac + l], *place = j->place + j->base[l];
        size_t          r = st->fac[l].q;

        for (size_t e = c->ptr[lev]; e < c->ptr[lev + 1]; e++) {
            if (dst[e] == BM_JOINT_NONE) continue;
            size_t  to = tail ? j->at[place[c->lev[e]]] - j->t0 : dst[e];
            if (q == 1 && r == 1) P[to] += c->X[e] * T[k][0] * T[l][0];
            else add_block(q, r, c->X + e * q * r, T[k], T[l], P + to, ld);
        }
    }
    add_right(f, lev, T[k], w->F + j->at[i] * p1);
}

/* ---- elimination ---- */

static bool chol_panel(double *P, size_t q, size_t h)
{
    for (size_t c = 0; c < q; c++) {
        double *pc = P + c * h;

        for (size_t k = 0; k < c; k++) {
            const double *pk = P + k * h;
            double        l = pk[c];

            for (size_t i = c; i < h; i++) pc[i] -= l * pk[i];
        }
        if (!(pc[c] > 0) || !isfinite(pc[c])) return false;
        double d = sqrt(pc[c]), inv = 1 / d;
        pc[c] = d;
        for (size_t i = c + 1; i < h; i++) pc[i] *= inv;
    }
    return true;
}

/* F_i <- C^-1 F_i; F_r -= P_r F_i for the rows r of the panel. */
static void eliminate_right(const bm_joint *j, double *F, size_t n, const double *P, size_t i)
{
    size_t q = j->at[i + 1] - j->at[i], h = j->h[i];

    for (size_t c = 0; c < q; c++) {
        double *fc = F + (j->at[i] + c) * n, inv = 1 / P[c + c * h];

        for (size_t k = 0; k < c; k++) {
            const double *fk = fc - (c - k) * n;

            for (size_t x = 0; x < n; x++) fc[x] -= P[c + k * h] * fk[x];
        }
        for (size_t x = 0; x < n; x++) fc[x] *= inv;
        for (size_t e = j->ptr[i]; e < j->ptr[i + 1]; e++) {
            size_t        r = j->row[e], qr = j->at[r + 1] - j->at[r];
            const double *l = P + j->pos[e] + c * h;
            double       *fr = F + j->at[r] * n;

            for (size_t a = 0; a < qr; a++, fr += n)
                for (size_t x = 0; x < n; x++) fr[x] -= l[a] * fc[x];
        }
    }
}

/* P (rb x ra) -= L_b L_a', lower triangle only when they are the same level. */
static void update_block(size_t q, size_t h, const double *La, size_t ra, const double *Lb, size_t rb, bool same, double *P, size_t ld)
{
    for (size_t a = 0; a < ra; a++)
        for (size_t b = same ? a : 0; b < rb; b++) {
            double v = 0;

            for (size_t c = 0; c < q; c++) v += La[a + c * h] * Lb[b + c * h];
            P[b + a * ld] -= v;
        }
}

/* Takes the outer product of the panel of place i from the panels of its rows, and from the tail. */
static void update(const bm_joint *j, const bm_joint_work *w, size_t i)
{
    size_t        q = j->at[i + 1] - j->at[i], h = j->h[i], at = j->pair[i];
    const double *L = w->val + j->val[i];

    for (size_t a = j->ptr[i]; a < j->ptr[i + 1]; a++) {
        size_t ra = j->row[a], qa = j->at[ra + 1] - j->at[ra];
        bool   tail = ra >= j->nlead;

        for (size_t b = a; b < j->ptr[i + 1]; b++) {
            size_t  rb = j->row[b], qb = j->at[rb + 1] - j->at[rb];
            double *P = tail ? w->tail + (j->at[ra] - j->t0) * j->m + (j->at[rb] - j->t0) : w->val + j->val[ra] + j->pair_pos[at++];

            update_block(q, h, L + j->pos[a], qa, L + j->pos[b], qb, a == b, P, tail ? j->m : j->h[ra]);
        }
    }
}

/* ---- the factorisation ---- */

/* The rows of the tail, transposed into pack (m x n), and back. */
static void transpose_tail(const bm_joint *j, double *F, size_t n, double *pack, bool back)
{
    for (size_t i = 0; i < j->m; i++) {
        double *row = F + (j->t0 + i) * n;

        for (size_t x = 0; x < n; x++)
            if (back) row[x] = pack[i + x * j->m];
            else pack[i + x * j->m] = row[x];
    }
}

/* SF (lower) -= F'F */
static void square(const bm_joint *j, const bm_joint_work *w, size_t p1, double *SF)
{
    if (p1 > WIDE) {
        for (size_t i = 0; i < j->nv; i++)
            for (size_t x = 0; x < p1; x++) w->pack[i + x * j->nv] = w->F[i * p1 + x];
        bm_syrk(p1, j->nv, -1, w->pack, j->nv, SF);
        return;
    }
    memset(w->pack, 0, p1 * p1 * sizeof *w->pack);
    for (size_t i = 0; i < j->nv; i++) {
        const double *f = w->F + i * p1;

        for (size_t x = 0; x < p1; x++)
            for (size_t y = x; y < p1; y++) w->pack[y + x * p1] += f[x] * f[y];
    }
    for (size_t x = 0; x < p1; x++)
        for (size_t y = x; y < p1; y++) SF[y + x * p1] -= w->pack[y + x * p1];
}

/* A running product of positive numbers, whose logarithm is taken only when it leaves the range. */
static void multiply(double *product, double *log_sum, double x)
{
    *product *= x;
    if (*product > 1e-150 && *product < 1e150) return;
    *log_sum += log(*product);
    *product = 1;
}

static bm_status eliminate_all(const bm_joint *j, const bm_joint_work *w, const bm_stats *st, const double *const *T, double *log_C)
{
    double product = 1;
    size_t p1 = st->p + 1;

    for (size_t i = 0; i < j->nlead; i++) {
        size_t  q = j->at[i + 1] - j->at[i], h = j->h[i];
        double *P = w->val + j->val[i];

        assemble(j, w, st, T, i);
        if (!chol_panel(P, q, h)) return BM_NOT_PD;
        for (size_t c = 0; c < q; c++) multiply(&product, log_C, P[c + c * h]);
        eliminate_right(j, w->F, p1, P, i);
        update(j, w, i);
    }
    for (size_t i = j->nlead; i < j->N; i++) assemble(j, w, st, T, i);
    if (bm_chol(j->m, w->tail) != BM_OK) return BM_NOT_PD;
    for (size_t i = 0; i < j->m; i++) multiply(&product, log_C, w->tail[i + i * j->m]);
    *log_C += log(product);
    transpose_tail(j, w->F, p1, w->pack, false);
    bm_solve_lower(j->m, p1, w->tail, w->pack);
    transpose_tail(j, w->F, p1, w->pack, true);
    return BM_OK;
}

double bm_joint_eval(const bm_joint *j, bm_joint_work *w, const bm_stats *st, const double *T, double *SF)
{
    const double *Tk[BM_FACTORS_MAX];
    double        log_C = 0;

    for (size_t k = 0, at = 0; k < j->nfac; at += st->fac[k].q * st->fac[k].q, k++) Tk[k] = T + at;
    memset(w->val, 0, j->val[j->nlead] * sizeof *w->val);
    memset(w->tail, 0, j->m * j->m * sizeof *w->tail);
    memset(w->F, 0, j->nv * (st->p + 1) * sizeof *w->F);
    w->have_inv = false;
    if (eliminate_all(j, w, st, Tk, &log_C) != BM_OK) return NAN;
    square(j, w, st->p + 1, SF);
    return 2 * log_C;
}

void bm_joint_backsolve(const bm_joint *j, const bm_joint_work *w, double *X, size_t n)
{
    transpose_tail(j, X, n, w->pack, false);
    bm_solve_lower_t(j->m, n, w->tail, w->pack);
    transpose_tail(j, X, n, w->pack, true);
    for (size_t i = j->nlead; i-- > 0;) {
        size_t        q = j->at[i + 1] - j->at[i], h = j->h[i];
        const double *P = w->val + j->val[i];

        for (size_t c = q; c-- > 0;) {
            double *xc = X + (j->at[i] + c) * n, inv = 1 / P[c + c * h];

            for (size_t k = c + 1; k < q; k++)
                for (size_t x = 0; x < n; x++) xc[x] -= P[k + c * h] * xc[x + (k - c) * n];
            for (size_t e = j->ptr[i]; e < j->ptr[i + 1]; e++) {
                size_t        r = j->row[e], qr = j->at[r + 1] - j->at[r];
                const double *l = P + j->pos[e] + c * h, *xr = X + j->at[r] * n;

                for (size_t a = 0; a < qr; a++, xr += n)
                    for (size_t x = 0; x < n; x++) xc[x] -= l[a] * xr[x];
            }
            for (size_t x = 0; x < n; x++) xc[x] *= inv;
        }
    }
}
