/* joint_inverse.c: M^-1 on the pattern of its Cholesky factor, and with it the gradient of the marginal likelihood.
 *
 * Takahashi's recurrence by panels (Takahashi, Fagan & Chen 1973; Erisman & Tinney 1975, Commun. ACM 18:177), from the last level to the
 * first: with column i of C split into its diagonal block D and the rows P below, and Y = P D^-1,
 *     N_Ri = -N_RR Y,   N_ii = (D D')^-1 - Y'N_Ri,
 * where all of N_RR that is wanted is on the pattern already. */
#include "posterior/joint.h"

#include "posterior/kernel.h"

#include <stdlib.h>
#include <string.h>

/* ---- the inverse ---- */

/* The tail, both triangles: blocks of the transpose, which would otherwise miss the cache at every step. */
static void invert_tail(const bm_joint *j, bm_joint_work *w)
{
    const size_t block = 32;
    size_t       m = j->m;
    double      *N = w->inv_tail;

    memcpy(N, w->tail, m * m * sizeof *N);
    bm_chol_inverse(m, N);
    for (size_t c0 = 0; c0 < m; c0 += block)
        for (size_t r0 = c0; r0 < m; r0 += block)
            for (size_t c = c0; c < c0 + block && c < m; c++)
                for (size_t r = r0 > c ? r0 : c + 1; r < r0 + block && r < m; r++) N[c + r * m] = N[r + c * m];
}

/* Where block (b, a) of N is, b >= a in the order, and the leading dimension there. */
static const double *block_of(const bm_joint *j, const bm_joint_work *w, size_t ra, size_t rb, size_t *pair, size_t *ld)
{
    if (ra >= j->nlead) {
        *ld = j->m;
        return w->inv_tail + (j->at[ra] - j->t0) * j->m + (j->at[rb] - j->t0);
    }
    *ld = j->h[ra];
    return w->inv + j->val[ra] + j->pair_pos[(*pair)++];
}

/* N_Ri -= N_RR Y; Y: h x q with its first q rows unused. */
static void multiply_rows(const bm_joint *j, const bm_joint_work *w, size_t i, const double *Y, double *N)
{
    size_t q = j->at[i + 1] - j->at[i], h = j->h[i], pair = j->pair[i];

    for (size_t a = j->ptr[i]; a < j->ptr[i + 1]; a++) {
        size_t ra = j->row[a], qa = j->at[ra + 1] - j->at[ra], pa = j->pos[a];

        for (size_t b = a; b < j->ptr[i + 1]; b++) {
            size_t        rb = j->row[b], qb = j->at[rb + 1] - j->at[rb], pb = j->pos[b], ld;
            const double *S = block_of(j, w, ra, rb, &pair, &ld);

            for (size_t c = 0; c < q; c++) {
                const double *y = Y + c * h;
                double       *n = N + c * h;

                for (size_t x = 0; x < qa; x++)
                    for (size_t z = 0; z < qb; z++) {
                        n[pb + z] -= S[z + x * ld] * y[pa + x];
                        if (a != b) n[pa + x] -= S[z + x * ld] * y[pb + z];
                    }
            }
        }
    }
}

/* The panel of place i. Y: scratch, h x q. */
static void invert_panel(const bm_joint *j, const bm_joint_work *w, size_t i, double *Y)
{
    size_t        q = j->at[i + 1] - j->at[i], h = j->h[i];
    const double *P = w->val + j->val[i];
    double       *N = w->inv + j->val[i], D[BM_QMAX * BM_QMAX];

    for (size_t c = q; c-- > 0;)                     /* Y D = P: columns from the last */
        for (size_t r = q; r < h; r++) {
            double v = P[r + c * h];

            for (size_t k = c + 1; k < q; k++) v -= Y[r + k * h] * P[k + c * h];
            Y[r + c * h] = v / P[c + c * h];
        }
    memset(N, 0, h * q * sizeof *N);
    multiply_rows(j, w, i, Y, N);
    for (size_t c = 0; c < q; c++) {                 /* D: columns of the inverse of the diagonal block's factor */
        for (size_t r = 0; r < q; r++) {
            double v = r == c;

            for (size_t k = c; k < r; k++) v -= P[r + k * h] * D[k + c * q];
            D[r + c * q] = r < c ? 0 : v / P[r + r * h];
        }
    }
    for (size_t c = 0; c < q; c++)
        for (size_t r = 0; r < q; r++) {
            double v = bm_dot(q, D + r * q, D + c * q);

            for (size_t k = q; k < h; k++) v -= Y[k + r * h] * N[k + c * h];
            N[r + c * h] = v;
        }
}

bm_status bm_joint_invert(const bm_joint *j, bm_joint_work *w)
{
    size_t  most = 0;
    double *Y;

    if (w->have_inv) return BM_OK;
    for (size_t i = 0; i < j->nlead; i++)
        if (j->val[i + 1] - j->val[i] > most) most = j->val[i + 1] - j->val[i];
    Y = bm_alloc(most, sizeof *Y);
    if (!w->inv) w->inv = bm_alloc(j->val[j->nlead], sizeof *w->inv);
    if (!w->inv_tail) w->inv_tail = bm_alloc(j->m * j->m, sizeof *w->inv_tail);
    if (!Y || !w->inv || !w->inv_tail) {
        free(Y);
        return BM_ENOMEM;
    }
    invert_tail(j, w);
    for (size_t i = j->nlead; i-- > 0;) invert_panel(j, w, i, Y);
    w->have_inv = true;
    free(Y);
    return BM_OK;
}

void bm_joint_inverse_block(const bm_joint *j, const bm_joint_work *w, size_t k, size_t level, double *N)
{
    size_t        i = j->place[j->base[k] + level], q = j->at[i + 1] - j->at[i];
    bool          tail = i >= j->nlead;
    size_t        ld = tail ? j->m : j->h[i];
    const double *S = tail ? w->inv_tail + (j->at[i] - j->t0) * (ld + 1) : w->inv + j->val[i];

    for (size_t c = 0; c < q; c++) memcpy(N + c * q, S + c * ld, q * sizeof *N);
}

/* ---- the gradient ---- */

/* G (q x s) += alpha X Y, X: q x r with leading dimension ldx, Y: r x s; or Y' of an s x r one. */
static void add_product(size_t q, size_t r, size_t s, double alpha, const double *X, const double *Y, bool transposed, size_t ldy, double *G)
{
    for (size_t c = 0; c < s; c++)
        for (size_t l = 0; l < r; l++) {
            double y = alpha * (transposed ? Y[c + l * ldy] : Y[l + c * ldy]);

            for (size_t a = 0; a < q; a++) G[a + c * q] += y * X[a + l * q];
        }
}

/* G_k -= sum over the levels of k of (A T M^-1)_jj: what the level's own products and those with other levels contribute. */
static void log_det_part(const bm_joint *j, const bm_joint_work *w, const bm_stats *st, const double *const *T, double *const *G)
{
    double AT[BM_QMAX * BM_QMAX], N[BM_QMAX * BM_QMAX];

    for (size_t i = 0; i < j->N; i++) {
        size_t            k = j->fac[i], lev = j->lev[i];
        const bm_facstat *f = &st->fac[k];
        size_t            q = f->q, ld = i < j->nlead ? j->h[i] : j->m;

        memset(AT, 0, q * q * sizeof *AT);
        add_product(q, q, q, 1, f->A + lev * q * q, T[k], false, q, AT);
        bm_joint_inverse_block(j, w, k, lev, N);
        add_product(q, q, q, -1, AT, N, false, q, G[k]);
        for (size_t l = 0; l < j->nfac; l++) {
            if (l == k) continue;
            const bm_cross *c = bm_stats_cross(st, k, l);
            const uint32_t *dst = j->dst[k * j->nfac + l], *place = j->place + j->base[l];
            size_t          r = st->fac[l].q;

            for (size_t e = c->ptr[lev]; e < c->ptr[lev + 1]; e++) {
                if (dst[e] == BM_JOINT_NONE) continue;
                const double *X = c->X + e * q * r;      /* q x r; S: block (l's level, k's level) of M^-1, r x q */
                const double *S = i < j->nlead ? w->inv + j->val[i] + dst[e]
                                               : w->inv_tail + (j->at[i] - j->t0) * j->m + (j->at[place[c->lev[e]]] - j->t0);

                memset(AT, 0, q * r * sizeof *AT);       /* X T_l, q x r */
                add_product(q, r, r, 1, X, T[l], false, r, AT);
                add_product(q, r, q, -1, AT, S, false, ld, G[k]);
                memset(AT, 0, q * r * sizeof *AT);       /* X'T_k, r x q */
                for (size_t b = 0; b < q; b++)
                    for (size_t a = 0; a < r; a++)
                        for (size_t x = 0; x < q; x++) AT[a + b * r] += X[x + a * q] * T[k][x + b * q];
                add_product(r, q, r, -1, AT, S, true, ld, G[l]);
            }
        }
    }
}

/* E (nv x n) = M^-1 T'V, V = [B R'^-1 | (c - B beta) / sigma], n = p + 1; without Rinv V is its last column alone, n = 1. */
static void solve_right(const bm_joint *j, const bm_joint_work *w, const bm_stats *st, const double *beta, const double *Rinv, double sigma)
{
    size_t p = st->p, p1 = p + 1, n = Rinv ? p1 : 1;

    for (size_t i = 0; i < j->nv; i++) {
        const double *f = w->F + i * p1;
        double       *e = w->E + i * n, g = f[p] - bm_dot(p, f, beta);

        for (size_t c = 0; Rinv && c < p; c++) {
            double v = 0;

            for (size_t l = 0; l <= c; l++) v += Rinv[c + l * p] * f[l];
            e[c] = v;
        }
        e[n - 1] = g / sigma;
    }
    bm_joint_backsolve(j, w, w->E, n);
}

/* V_j (q x n, row after row) of one level. */
static void right_of(const bm_facstat *f, size_t lev, const double *beta, const double *Rinv, double sigma, double *V)
{
    size_t        q = f->q, p = f->p, n = Rinv ? p + 1 : 1;
    const double *B = f->B + lev * q * p, *c = f->c + lev * q;

    for (size_t a = 0; a < q; a++) {
        double g = c[a];

        for (size_t k = 0; k < p; k++) g -= B[a + k * q] * beta[k];
        V[a * n + n - 1] = g / sigma;
        for (size_t x = 0; Rinv && x < p; x++) {
            double v = 0;

            for (size_t l = 0; l <= x; l++) v += Rinv[x + l * p] * B[a + l * q];
            V[a * n + x] = v;
        }
    }
}

/* V_j (q x n) -= X T E_l,  X: q x r */
static void take(size_t q, size_t r, size_t n, const double *X, const double *T, const double *E, double *V)
{
    for (size_t b = 0; b < r; b++)
        for (size_t a = 0; a < q; a++) {
            double xt = 0;

            for (size_t l = 0; l < r; l++) xt += X[a + l * q] * T[l + b * r];
            for (size_t x = 0; x < n; x++) V[a * n + x] -= xt * E[b * n + x];
        }
}

/* G_k += sum over levels of (V - A T E) E' on the level's block. V: scratch, BM_QMAX x n. */
static void quadratic_part(const bm_joint *j, const bm_joint_work *w, const bm_stats *st, const double *const *T, const double *beta,
                           const double *Rinv, double sigma, double *V, double *const *G)
{
    size_t n = Rinv ? st->p + 1 : 1;

    for (size_t i = 0; i < j->N; i++) {
        size_t            k = j->fac[i], lev = j->lev[i];
        const bm_facstat *f = &st->fac[k];
        size_t            q = f->q;
        const double     *E = w->E + j->at[i] * n;

        right_of(f, lev, beta, Rinv, sigma, V);
        take(q, q, n, f->A + lev * q * q, T[k], E, V);
        for (size_t l = 0; l < j->nfac; l++) {
            if (l == k) continue;
            const bm_cross *c = bm_stats_cross(st, k, l);
            size_t          r = st->fac[l].q;

            for (size_t e = c->ptr[lev]; e < c->ptr[lev + 1]; e++)
                take(q, r, n, c->X + e * q * r, T[l], w->E + j->at[j->place[j->base[l] + c->lev[e]]] * n, V);
        }
        for (size_t a = 0; a < q; a++)
            for (size_t b = 0; b < q; b++) G[k][a + b * q] += bm_dot(n, V + a * n, E + b * n);
    }
}

bm_status bm_joint_gradient(const bm_joint *j, bm_joint_work *w, const bm_stats *st, const double *T, const double *beta, const double *Rinv,
                            double sigma, double *G)
{
    const double *Tk[BM_FACTORS_MAX];
    double       *Gk[BM_FACTORS_MAX], *V;
    size_t        n = st->p + 1;

    if (!w->E && !(w->E = bm_alloc(j->nv * n, sizeof *w->E))) return BM_ENOMEM;
    if (bm_joint_invert(j, w) != BM_OK || !(V = bm_alloc(BM_QMAX * n, sizeof *V))) return BM_ENOMEM;
    for (size_t k = 0, at = 0; k < j->nfac; at += st->fac[k].q * st->fac[k].q, k++) {
        Tk[k] = T + at;
        Gk[k] = G + at;
    }
    log_det_part(j, w, st, Tk, Gk);
    solve_right(j, w, st, beta, Rinv, sigma);
    quadratic_part(j, w, st, Tk, beta, Rinv, sigma, V, Gk);
    free(V);
    return BM_OK;
}
