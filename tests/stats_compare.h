/* stats_compare.h: are two statistics the same, to rounding? */
#ifndef BM_STATS_COMPARE_H
#define BM_STATS_COMPARE_H

#include "testing.h"

#include "suffstat/suffstat.h"

static inline void same(const char *what, const double *got, const double *want, size_t n, double scale, double tol)
{
    for (size_t i = 0; i < n; i++) scale = fmax(scale, fabs(want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= tol * scale)) {
            print_error("%s[%zu]: got %.17g, want %.17g, of a size of %g\n", what, i, got[i], want[i], scale);
            fail();
        }
}

/* Coefficients count in units of their standard errors. */
static inline void same_b(const bm_stats *a, const bm_stats *b, double rounded, double tol)
{
    for (size_t k = 0; k < b->p; k++) {
        double K2 = 0, se;

        for (size_t l = k; l < b->p; l++)
            if (!b->aliased[l]) K2 += b->K[k + l * b->p] * b->K[k + l * b->p];
        se = sqrt(K2) * (sqrt(b->yy / (double)b->n) + rounded);
        if (!(fabs(a->b0[k] - b->b0[k]) <= tol * (se + fabs(b->b0[k])))) {
            print_error("b0[%zu]: got %.17g, want %.17g, se %g\n", k, a->b0[k], b->b0[k], se);
            fail();
        }
    }
}

static inline void same_stats(const bm_stats *a, const bm_stats *b, double tol)
{
    const double rounded = tol > 0 ? 4 * 2.2e-16 * sqrt(b->y_scale) / tol : 0;     /* b0 is rounded, and with it what it leaves of a response far from zero */

    assert_int_equal(a->n, b->n);
    assert_int_equal(a->rank, b->rank);
    assert_memory_equal(a->aliased, b->aliased, b->p * sizeof *b->aliased);
    for (size_t k = 0; k < b->p; k++) same("K", a->K + k * b->p, b->K + k * b->p, b->p, 0, tol);
    same("XX", a->XX, b->XX, b->p * b->p, 1, tol);
    same("Xy", a->Xy, b->Xy, b->p, fmax(sqrt(b->yy), rounded), tol);
    same("log det K", &a->log_det_K, &b->log_det_K, 1, 1, tol);
    same("log det K1", &a->log_det_K1, &b->log_det_K1, 1, 1, tol);
    same("yy", &a->yy, &b->yy, 1, 1e-15 * b->y_scale, tol);
    same("y_scale", &a->y_scale, &b->y_scale, 1, 0, tol);
    same("sum log w", &a->sum_log_w, &b->sum_log_w, 1, 1, tol);
    same_b(a, b, rounded, tol);
    for (size_t k = 0; k < b->nfac; k++) {
        const bm_facstat *f = &a->fac[k], *g = &b->fac[k];

        assert_int_equal(f->J, g->J);
        assert_memory_equal(f->n, g->n, g->J * sizeof *g->n);
        for (size_t c = 0; c < g->q; c++) same("Kz", f->Kz + c * g->q, g->Kz + c * g->q, g->q, 0, tol);
        same("A", f->A, g->A, g->J * g->q * g->q, 0, tol);
        same("B", f->B, g->B, g->J * g->q * g->p, 0, tol);
        same("c", f->c, g->c, g->J * g->q, rounded, tol);
        for (size_t l = 0; l < b->nfac; l++) {
            if (l == k) continue;
            const bm_cross *x = bm_stats_cross(a, k, l), *y = bm_stats_cross(b, k, l);

            assert_int_equal(x->nnz, y->nnz);
            assert_int_equal(x->nested, y->nested);
            assert_memory_equal(x->ptr, y->ptr, (y->J + 1) * sizeof *y->ptr);
            assert_memory_equal(x->lev, y->lev, y->nnz * sizeof *y->lev);
            same("cross", x->X, y->X, y->nnz * g->q * b->fac[l].q, 0, tol);
        }
    }
}

#endif
