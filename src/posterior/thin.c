/* thin.c: an evaluation of the marginal likelihood (thin.h says of what), with the first factor's items side by side. */
#include "posterior/thin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

bm_status bm_thin_work_new(bm_thin_work **out, const bm_thin *th, bm_error *err)
{
    size_t        p1 = th->p1, scratch = bm_panels_scratch(th->rest, p1);
    bm_thin_work *w = bm_alloc(1, sizeof *w);

    *out = NULL;
    if (w) {
        w->val = bm_alloc(th->nval, sizeof *w->val);
        w->fac = bm_alloc(th->nval - th->rest_val, sizeof *w->fac);
        w->w = bm_alloc(th->nkind, sizeof *w->w);
        w->SF = bm_alloc(p1 * p1, sizeof *w->SF);
        w->E = bm_alloc(th->nplace * p1, sizeof *w->E);
        w->scratch = bm_alloc(scratch > th->nplace ? scratch : th->nplace, sizeof *w->scratch);
        w->z = bm_alloc(th->nv, sizeof *w->z);
        w->item = bm_alloc(4 * p1, sizeof *w->item);
    }
    if (!w || !w->val || !w->fac || !w->w || !w->SF || !w->E || !w->scratch || !w->z || !w->item) {
        bm_thin_work_free(w);
        return bm_fail(err, BM_ENOMEM, "out of memory for a factorisation with %zu group effects", th->nv);
    }
    *out = w;
    return BM_OK;
}

void bm_thin_work_free(bm_thin_work *w)
{
    if (!w) return;
    free(w->val);
    free(w->fac);
    free(w->w);
    free(w->SF);
    free(w->inv);
    free(w->E);
    free(w->scratch);
    free(w->z);
    free(w->back);
    free(w->item);
    free(w);
}

/* ---- the first factor ---- */

/* w of each kind; returns log |M|, eight factors to a logarithm. */
BM_INLINE double kinds(const bm_thin *th, double t, double *w)
{
    double t2 = t * t, total = 0;
    size_t n = th->nkind, i = 0;

    for (size_t k = 0; k < n; k++) w[k] = t2 / (1 + t2 * th->kind_a[k]);
    for (; !th->merged && i + 8 <= n; i += 8) {
        double product = 1;

        for (size_t k = i; k < i + 8; k++) product *= 1 + t2 * th->kind_a[k];
        if (isfinite(product)) total += log(product);
        else
            for (size_t k = i; k < i + 8; k++) total += log1p(t2 * th->kind_a[k]);
    }
    for (; i < n; i++) total += th->kind_count[i] * log1p(t2 * th->kind_a[i]);
    return total;
}

BM_INLINE double sum_of_products(size_t n, const double *x, const double *y)
{
    double s[8] = { 0 }, total = 0;
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++) s[k] += x[i + k] * y[i + k];
    for (; i < n; i++) total += x[i] * y[i];
    return total + ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

/* SF -= sum of w d d' */
BM_INLINE void square_kinds(const bm_thin *th, const double *w, double *SF)
{
    const double *G = th->G;

    for (size_t x = 0; x < th->p1; x++)
        for (size_t y = x; y < th->p1; y++, G += th->nkind) SF[y + x * th->p1] -= sum_of_products(th->nkind, w, G);
}

/* A run of one item. */
BM_INLINE void single(const bm_thin *th, size_t r, double w, const double *d, double *val, double *SF)
{
    size_t          i = th->run[r], nn = th->nbr_ptr[r + 1] - th->nbr_ptr[r], p1 = th->p1;
    const uint32_t *nbr = th->nbr + th->nbr_ptr[r], *at = th->pair_at + th->pair[r];
    const double   *x = th->x + th->x_at[r];
    double          nw = w * th->count[i];

    for (size_t a = 0; a < nn; a++) {
        double xa = nw * x[a], wx = w * x[a], *rhs = val + th->rhs[nbr[a]];

        for (size_t b = a; b < nn; b++) val[*at++] -= xa * x[b];
        for (size_t c = 0; c < p1; c++) rhs[c] -= wx * d[c];
    }
    for (size_t x1 = 0; !th->merged && x1 < p1; x1++)
        for (size_t y = x1; y < p1; y++) SF[y + x1 * p1] -= w * d[x1] * d[y];
}

/* Many items side by side; v, scratch: as many numbers each. */
BM_INLINE void several(const bm_thin *th, size_t r, const double *w, const double *d, double *val, double *SF, double *wi, double *v)
{
    size_t          first = th->run[r], n = th->run[r + 1] - first, nn = th->nbr_ptr[r + 1] - th->nbr_ptr[r], p1 = th->p1;
    const uint32_t *nbr = th->nbr + th->nbr_ptr[r], *at = th->pair_at + th->pair[r];
    const double   *x = th->x + th->x_at[r];

    if (th->merged)
        for (size_t i = 0; i < n; i++) wi[i] = w[th->kind[first + i]];
    else memcpy(wi, w + first, n * sizeof *wi);
    for (size_t a = 0; a < nn; a++) {
        const double *xa = x + a * n;
        double       *rhs = val + th->rhs[nbr[a]];

        for (size_t i = 0; i < n; i++) v[i] = wi[i] * xa[i];
        for (size_t c = 0; c < p1; c++) rhs[c] -= sum_of_products(n, v, d + c * n);
        if (th->merged)
            for (size_t i = 0; i < n; i++) v[i] *= th->count[first + i];
        for (size_t b = a; b < nn; b++) val[*at++] -= sum_of_products(n, v, x + b * n);
    }
    for (size_t c = 0; !th->merged && c < p1; c++) {
        for (size_t i = 0; i < n; i++) v[i] = wi[i] * d[c * n + i];
        for (size_t y = c; y < p1; y++) SF[y + c * p1] -= sum_of_products(n, v, d + y * n);
    }
}

BM_CLONES static double first_factor(const bm_thin *th, bm_thin_work *w, double t)
{
    double        wi[BM_THIN_LONGEST], v[BM_THIN_LONGEST], log_M = kinds(th, t, w->w);
    const double *d = th->sum;

    if (th->merged) square_kinds(th, w->w, w->SF);
    for (size_t r = 0; r < th->nrun; r++) {
        size_t n = th->run[r + 1] - th->run[r];

        if (n == 1) single(th, r, w->w[th->kind[th->run[r]]], d, w->val, w->SF);
        else several(th, r, w->w, d, w->val, w->SF, wi, v);
        d += n * th->p1;
    }
    return log_M;
}

/* ---- the factors between ---- */

BM_CLONES static double columns(const bm_thin *th, bm_thin_work *work)
{
    size_t  p1 = th->p1;
    double  product = 1, total = 0, *val = work->val, *SF = work->SF;

    for (size_t i = 0; i < th->nmid; i++) {
        double         *column = val + th->mid_val[i], *x = column + 1, *d = val + th->rhs[i], t = work->t[th->fac[i]], m = 1 + t * t * column[0], w = t * t / m;
        const uint32_t *nbr = th->mid_nbr + th->mid_ptr[i], *at = th->mid_pair_at + th->mid_pair[i];
        size_t          nn = th->mid_ptr[i + 1] - th->mid_ptr[i];

        product *= m;
        if (!(product < 1e150)) {
            total += log(product);
            product = 1;
        }
        for (size_t a = 0; a < nn; a++) {
            double wx = w * x[a], *rhs = val + th->rhs[nbr[a]];

            for (size_t b = a; b < nn; b++) val[*at++] -= wx * x[b];
            for (size_t c = 0; c < p1; c++) rhs[c] -= wx * d[c];
        }
        for (size_t a = 0; a < p1; a++)
            for (size_t b = a; b < p1; b++) SF[b + a * p1] -= w * d[a] * d[b];
    }
    return total + log(product);
}

/* ---- the rest ---- */

/* fac <- I + T A T on the panels, right-hand sides T D. */
BM_CLONES static void scale(const bm_thin *th, bm_thin_work *w)
{
    const bm_panels *p = th->rest;
    double          *ts = w->scratch;

    for (size_t i = 0; i < th->m; i++) ts[i] = w->t[th->fac[th->nmid + i]];
    for (size_t j = 0; j < p->n; j++) {
        size_t          f = p->first[j], cw = p->first[j + 1] - f, nb = p->ptr[j + 1] - p->ptr[j], h = cw + nb + p->extra;
        const uint32_t *row = p->row + p->ptr[j];

        for (size_t c = 0; c < cw; c++) {
            const double *restrict A = w->val + th->rest_val + p->val[j] + c * h;
            double *restrict F = w->fac + p->val[j] + c * h, t = ts[f + c];

            for (size_t i = c; i < cw; i++) F[i] = t * ts[f + i] * A[i];
            F[c] += 1;
            for (size_t i = 0; i < nb; i++) F[cw + i] = t * ts[row[i]] * A[cw + i];
            for (size_t i = cw + nb; i < h; i++) F[i] = t * A[i];
        }
    }
}

/* ---- the whole ---- */

static void begin(const bm_thin *th, bm_thin_work *w, const double *T)
{
    size_t p1 = th->p1;

    for (size_t k = 0; k < th->nfac; k++) {
        w->t[k] = T[k];
        w->ts[k] = T[k];
    }
    for (size_t s = 0; s < th->nstage; s++) w->ts[th->stage[s]] = 1;
    memset(w->val, 0, th->nval * sizeof *w->val);
    memset(w->SF, 0, p1 * p1 * sizeof *w->SF);
    for (size_t e = 0; e < th->nbase; e++) w->val[th->base_at[e]] = th->base[e];
    for (size_t i = 0; i < th->nplace; i++) {
        double       *rhs = w->val + th->rhs[i];
        const double *d = th->d + i * p1;

        for (size_t c = 0; c < p1; c++) rhs[c] = d[c];
    }
    w->have_inv = false;
}

double bm_thin_eval(const bm_thin *th, bm_thin_work *w, const double *T, double *SF)
{
    double log_M;
    size_t p1 = th->p1;

    begin(th, w, T);
    log_M = first_factor(th, w, w->t[th->stage[0]]);
    if (th->nmid) log_M += columns(th, w);
    if (th->m) {
        scale(th, w);
        log_M += 2 * bm_panels_factor(th->rest, w->fac, w->SF, w->scratch);
    }
    for (size_t x = 0; x < p1; x++)
        for (size_t y = x; y < p1; y++) SF[y + x * p1] += w->SF[y + x * p1];
    return isfinite(log_M) ? log_M : NAN;
}
