/* panels.c: Cholesky factor by panels, the inverse on its pattern, and solves.
 *
 * Right-looking: a panel is factorised, and the outer product of its rows below taken from the panels whose columns they are (Duff, Erisman & Reid
 * 2017, ch. 11). The inverse by Takahashi's recurrence (Erisman & Tinney 1975, Commun. ACM 18:177), from the last panel to the first: with the
 * diagonal block D and the rows below B, Y = B D^-1,
 *     Z_RJ = -Z_RR Y,   Z_JJ = (D D')^-1 - Y'Z_RJ,
 * where all of Z_RR that is wanted is on the pattern already. */
#include "posterior/panels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct { size_t w, nb, h; const uint32_t *row; } shape;

static shape shape_of(const bm_panels *p, size_t j)
{
    size_t w = p->first[j + 1] - p->first[j], nb = p->ptr[j + 1] - p->ptr[j];

    return (shape){ w, nb, w + nb + p->extra, p->row + p->ptr[j] };
}

size_t bm_panels_at(const bm_panels *p, size_t r, size_t c)
{
    size_t j = p->of[c], lo = p->ptr[j], hi = p->ptr[j + 1];
    shape  s = shape_of(p, j);
    size_t column = p->val[j] + (c - p->first[j]) * s.h;

    if (r < p->first[j + 1]) return column + r - p->first[j];
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (p->row[mid] < r) lo = mid + 1;
        else hi = mid;
    }
    return column + s.w + lo - p->ptr[j];
}

size_t bm_panels_rhs(const bm_panels *p, size_t c)
{
    size_t j = p->of[c];
    shape  s = shape_of(p, j);

    return p->val[j] + (c - p->first[j]) * s.h + s.w + s.nb;
}

size_t bm_panels_scratch(const bm_panels *p, size_t nrhs)
{
    size_t outer = p->below * p->below, inverse = p->below * p->below + p->below * p->wide + p->wide * p->wide, solve = (p->below + p->wide) * nrhs;

    return (outer > inverse ? outer : inverse) + solve + 1;
}

/* ---- the factor ---- */

/* Takes U (lower triangle, nb + extra rows) from the panels of the rows below, and from SF what the right-hand sides have among themselves. */
static void scatter(const bm_panels *p, size_t j, shape s, const double *U, double *F, double *SF)
{
    size_t n = s.nb + p->extra;

    for (size_t l = p->link[j]; l < p->link[j + 1]; l++) {
        const bm_panel_link *k = &p->links[l];
        const uint32_t      *rel = p->rel + k->rel;
        shape                t = shape_of(p, k->to);

        for (size_t b = k->from; b < k->upto; b++) {
            double       *column = F + p->val[k->to] + (s.row[b] - p->first[k->to]) * t.h;
            const double *u = U + b * n;

            for (size_t i = b; i < n; i++) column[rel[i - k->from]] -= u[i];
        }
    }
    for (size_t x = 0; x < p->extra; x++)
        for (size_t y = x; y < p->extra; y++) SF[y + x * p->extra] -= U[s.nb + y + (s.nb + x) * n];
}

double bm_panels_factor(const bm_panels *p, double *F, double *SF, double *scratch)
{
    double product = 1, total = 0;

    for (size_t j = 0; j < p->n; j++) {
        shape   s = shape_of(p, j);
        double *P = F + p->val[j];

        if (bm_chol_panel(s.h, s.w, P) != BM_OK) return NAN;
        for (size_t c = 0; c < s.w; c++) {           /* the logarithm of the product, taken only when it leaves the range */
            product *= P[c + c * s.h];
            if (product > 1e-150 && product < 1e150) continue;
            total += log(product);
            product = 1;
        }
        if (s.h == s.w) continue;
        bm_outer_lower(s.h - s.w, s.w, P + s.w, s.h, scratch);
        scatter(p, j, s, scratch, F, SF);
    }
    return total + log(product);
}

/* ---- solves ---- */

static double dot4(size_t n, const double *x, const double *y)
{
    double s[4] = { 0 };
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++) s[k] += x[i + k] * y[i + k];
    for (; i < n; i++) s[0] += x[i] * y[i];
    return s[0] + s[1] + s[2] + s[3];
}

/* A panel with nothing below it: in place, the rows of X side by side. */
static void backsolve_last(shape s, const double *P, double *X, size_t n)
{
    for (size_t c = s.w; c-- > 0;) {
        const double *column = P + c * s.h;
        double       *v = X + c * n, inv = 1 / column[c];

        for (size_t i = c + 1; i < s.w; i++)
            for (size_t x = 0; x < n; x++) v[x] -= column[i] * X[i * n + x];
        for (size_t x = 0; x < n; x++) v[x] *= inv;
    }
}

void bm_panels_backsolve(const bm_panels *p, const double *F, double *X, size_t n, double *scratch)
{
    for (size_t j = p->n; j-- > 0;) {
        shape         s = shape_of(p, j);
        const double *P = F + p->val[j];
        double       *own = X + p->first[j] * n;
        size_t        h = s.w + s.nb;

        if (s.nb == 0 && s.w <= 32) {
            backsolve_last(s, P, own, n);
            continue;
        }
        for (size_t x = 0; x < n; x++) {
            double *v = scratch + x * h;

            for (size_t i = 0; i < s.w; i++) v[i] = own[i * n + x];
            for (size_t i = 0; i < s.nb; i++) v[s.w + i] = X[s.row[i] * n + x];
            for (size_t c = s.w; c-- > 0;) {
                const double *column = P + c * s.h;

                v[c] = (v[c] - dot4(h - c - 1, column + c + 1, v + c + 1)) / column[c];
            }
            for (size_t i = 0; i < s.w; i++) own[i * n + x] = v[i];
        }
    }
}

/* ---- the inverse ---- */

/* The upper triangle of R from its lower one, in blocks that stay in the cache. */
static void mirror(size_t n, double *R)
{
    const size_t block = 32;

    for (size_t c0 = 0; c0 < n; c0 += block)
        for (size_t r0 = c0; r0 < n; r0 += block)
            for (size_t c = c0; c < c0 + block && c < n; c++)
                for (size_t r = r0 > c ? r0 : c + 1; r < r0 + block && r < n; r++) R[c + r * n] = R[r + c * n];
}

/* R (nb x nb, both triangles) <- Z_RR */
static void gather(const bm_panels *p, size_t j, shape s, const double *Z, double *R)
{
    for (size_t l = p->link[j]; l < p->link[j + 1]; l++) {
        const bm_panel_link *k = &p->links[l];
        const uint32_t      *rel = p->rel + k->rel;
        shape                t = shape_of(p, k->to);

        for (size_t b = k->from; b < k->upto; b++) {
            const double *column = Z + p->val[k->to] + (s.row[b] - p->first[k->to]) * t.h;
            double       *r = R + b * s.nb;

            for (size_t i = b; i < s.nb; i++) r[i] = column[rel[i - k->from]];
        }
    }
    mirror(s.nb, R);
}

void bm_panels_invert(const bm_panels *p, const double *F, double *Z, double *scratch)
{
    for (size_t j = p->n; j-- > 0;) {
        shape         s = shape_of(p, j);
        const double *P = F + p->val[j];
        double       *N = Z + p->val[j], *D = scratch, *Y = D + s.w * s.w, *R = Y + s.nb * s.w;

        for (size_t c = 0; c < s.w; c++) memcpy(D + c * s.w, P + c * s.h, s.w * sizeof *D);
        if (s.nb) {
            for (size_t c = 0; c < s.w; c++) memcpy(Y + c * s.nb, P + s.w + c * s.h, s.nb * sizeof *Y);
            bm_solve_right(s.nb, s.w, D, s.w, Y, s.nb);
            gather(p, j, s, Z, R);
            bm_product_minus(s.nb, s.w, R, Y, s.nb, N + s.w, s.h);
        }
        bm_chol_inverse(s.w, D);
        if (s.nb) bm_gemm_minus(s.w, s.nb, Y, s.nb, N + s.w, s.h, D);
        for (size_t c = 0; c < s.w; c++) memcpy(N + c + c * s.h, D + c + c * s.w, (s.w - c) * sizeof *N);
    }
}
