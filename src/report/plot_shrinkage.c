/* plot_shrinkage.c: how far the model moves each group from its own least-squares estimate (no pooling) towards the
 * coefficients (complete pooling). Coefficient of group j, effect k: that of the fixed column of the same name, if there is
 * one, plus u_jk. Without pooling: least squares of the group's rows on its Z, the rest of the fixed part taken from the
 * model; groups whose rows do not determine it are left out. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 50, MAX_ARROWS = 300, MAX_NAMES = 30, ROW = 17, LABEL = 24, QMAX = 32 };

typedef struct {
    const bm_plot_input *in;
    const bm_group      *g;
    bm_estimates         e;
    size_t               q;
    double              *fixed;          /* q: coefficient of the column of the same name, 0 without */
    double              *own, *pooled;   /* J x q; own: NaN where not determined */
} view;

static void fixed_parts(view *v, double *rest)
{
    const bm_design *d = v->in->design;

    for (size_t i = 0; i < d->n; i++) rest[i] = d->y[i] - v->e.fixed[i];
    for (size_t k = 0; k < v->q; k++)
        for (size_t c = 0; c < d->p; c++) {
            bool same = strcmp(d->xnames[c], v->g->znames[k]) == 0 || ((int)c == d->intercept && strcmp(v->g->znames[k],
                    "Intercept") == 0);

            if (!same) continue;
            v->fixed[k] = v->e.b[c];
            for (size_t i = 0; i < d->n; i++) rest[i] += d->X[i + c * d->n] * v->e.b[c];
        }
}

/* Normal equations of one group: A = Z'WZ in correlation form, so that collinear columns show. */
static void solve_group(double *A, double *c, size_t q, double *out)
{
    double s[QMAX];

    for (size_t k = 0; k < q; k++) {
        s[k] = sqrt(A[k + k * q]);
        out[k] = NAN;
    }
    for (size_t k = 0; k < q; k++) {
        if (!(s[k] > 0)) return;
        c[k] /= s[k];
        for (size_t l = 0; l < q; l++) A[k + l * q] /= s[k] * s[l];
    }
    if (bm_chol(q, A) != BM_OK) return;
    for (size_t k = 0; k < q; k++)
        if (A[k + k * q] < 1e-5) return;
    bm_solve_lower(q, 1, A, c);
    bm_solve_lower_t(q, 1, A, c);
    for (size_t k = 0; k < q; k++) out[k] = c[k] / s[k];
}

static bm_status estimate(view *v, bm_error *err)
{
    const bm_design *d = v->in->design;
    size_t           q = v->q, J = v->g->J, cell = q * q + q;
    double          *rest = bm_alloc(d->n, sizeof *rest), *sums = bm_alloc(J * cell, sizeof *sums);

    v->fixed = bm_alloc(q, sizeof *v->fixed);
    v->own = bm_alloc(J * q, sizeof *v->own);
    v->pooled = bm_alloc(J * q, sizeof *v->pooled);
    if (!rest || !sums || !v->fixed || !v->own || !v->pooled) {
        free(rest);
        free(sums);
        return bm_nomem(err);
    }
    fixed_parts(v, rest);
    for (size_t i = 0; i < d->n; i++) {
        double *A = sums + (size_t)v->g->code[i] * cell, w = d->w ? d->w[i] : 1;

        for (size_t k = 0; k < q; k++) {
            double z = v->g->Z[i + k * d->n];

            for (size_t l = 0; l < q; l++) A[k + l * q] += w * z * v->g->Z[i + l * d->n];
            A[q * q + k] += w * z * rest[i];
        }
    }
    for (size_t j = 0; j < J; j++) {
        solve_group(sums + j * cell, sums + j * cell + q * q, q, v->own + j * q);
        for (size_t k = 0; k < q; k++) v->pooled[j * q + k] = v->fixed[k] + v->e.u[0][j * q + k];
    }
    free(rest);
    free(sums);
    return BM_OK;
}

/* At most `most` groups, in order of the pooled estimate: those that move farthest, relative to the spread of each effect, or
 * (a cloud of which only the rim would show misleads) every k-th. */
static bm_status choose(const view *v, size_t most, bool farthest, size_t **level, size_t *n, size_t *determined, bm_error *err)
{
    size_t     J = v->g->J, q = v->q > 2 ? 2 : v->q, *far = NULL, step = (J + most - 1) / most;
    double    *move = bm_alloc(J, sizeof *move), *place = bm_alloc(J, sizeof *place), scale[2] = { 0, 0 };
    bm_status  st = move && place ? BM_OK : bm_nomem(err);

    *level = NULL;
    *determined = 0;
    for (size_t j = 0; st == BM_OK && j < J; j++)
        for (size_t k = 0; k < q; k++)
            if (isfinite(v->own[j * v->q])) scale[k] = fmax(scale[k], fabs(v->own[j * v->q + k] - v->fixed[k]));
    for (size_t j = 0; st == BM_OK && j < J; j++) {
        if (!isfinite(v->own[j * v->q])) continue;
        ++*determined;
        move[j] = 1e-300;
        if (!farthest && j % step == 0) move[j] = 1;
        for (size_t k = 0, at = j * v->q; farthest && k < q && scale[k] > 0; k++)
            move[j] += pow((v->own[at + k] - v->pooled[at + k]) / scale[k], 2);
    }
    *n = *determined < most ? *determined : most;
    if (st == BM_OK && *n == 0) st = bm_fail(err, BM_EINVAL, "no group has rows enough for an estimate of its own");
    if (st == BM_OK) st = bm_largest(&far, move, J, *n, err);
    for (size_t i = 0; st == BM_OK && i < *n; i++) place[i] = v->pooled[far[i] * v->q];
    if (st == BM_OK && (st = bm_largest(level, place, *n, *n, err)) == BM_OK)
        for (size_t i = 0; i < *n; i++) (*level)[i] = far[(*level)[i]];
    free(far);
    free(move);
    free(place);
    return st;
}

static void legend(bm_picture *p)
{
    bm_legend(p, 0, p->width - 390, 20, BM_LINE, "point6", "no pooling");
    bm_legend(p, 1, p->width - 280, 20, BM_BLUE, "point", "model");
    bm_legend(p, 2, p->width - 200, 20, BM_ORANGE, "dash", "coefficients only");
}

static void captions(bm_picture *p, const view *v, bool farthest, size_t n, size_t determined)
{
    if (n < determined) bm_buf_printf(&p->caption, farthest ? "The %zu of %zu groups that move farthest." : "A sample of %zu "
                                      "of %zu groups.", n, determined);
    if (determined < v->g->J)
        bm_buf_printf(&p->caption, "%s%zu of %zu groups have too few rows for an estimate of their own.", p->caption.n ? " "
                      "" : "", v->g->J - determined, v->g->J);
    bm_buf_printf(&p->alt, "Estimates of the levels of %s without pooling, and where the model moves them, towards the "
                  "coefficients.", v->g->name);
}

static void widen(double r[2], double x)
{
    r[0] = fmin(r[0], x);
    r[1] = fmax(r[1], x);
}

/* Two effects: a plane. */
static bm_status plane(const view *v, bm_pictures *out, bm_error *err)
{
    size_t     *level = NULL, n, determined, index;
    const char *size;
    double      x[2] = { INFINITY, -INFINITY }, y[2] = { INFINITY, -INFINITY };
    bm_status   st = choose(v, MAX_ARROWS, false, &level, &n, &determined, err);
    bm_picture *p = st == BM_OK ? bm_pictures_add(out, v->in, "Shrinkage", 600, err) : NULL;
    bm_buf     *b = p ? bm_picture_data(p, &index) : NULL;

    if (st == BM_OK && !b) st = bm_nomem(err);
    if (st != BM_OK) goto done;
    size = n > 60 ? "0.45" : "0.8";
    captions(p, v, false, n, determined);
    bm_panel(p, (bm_box){ 76, BM_PLOT_TOP + 10, p->width - 106, p->height - BM_PLOT_TOP - 84 });
    legend(p);
    for (size_t i = 0; i < n; i++) {
        const double *a = v->own + level[i] * v->q, *m = v->pooled + level[i] * v->q;
        double        row[] = { a[0], a[1], m[0], m[1], m[0] - a[0], m[1] - a[1] };

        bm_data_row(b, row, 6);
        widen(x, a[0]), widen(x, m[0]), widen(y, a[1]), widen(y, m[1]);
        if (n > MAX_NAMES) continue;
        bm_buf_puts(&p->script, "set label ");
        bm_quote(&p->script, v->g->levels[level[i]], 12);
        bm_buf_puts(&p->script, " at first ");
        bm_buf_num(&p->script, a[0]);
        bm_buf_puts(&p->script, ", first ");
        bm_buf_num(&p->script, a[1]);
        bm_buf_printf(&p->script, " %s, 0 font ',9' textcolor rgb '" BM_FAINT "'\n", m[0] > a[0] ? "right offset -0.7" : "left "
                      "offset 0.7");
    }
    bm_axis(p, 'x', x[0], x[1], 0.06, 8);
    bm_axis(p, 'y', y[0], y[1], 0.06, 7);
    bm_axis_label(p, 'x', v->g->znames[0], 430);
    bm_axis_label(p, 'y', v->g->znames[1], 430);
    for (int k = 0; k < 2; k++) {
        bm_buf_printf(&p->script, "set arrow %d from ", k + 1);
        if (k == 0) bm_buf_num(&p->script, v->fixed[0]), bm_buf_puts(&p->script, ", graph 0 to "), bm_buf_num(&p->script,
                v->fixed[0]), bm_buf_puts(&p->script, ", graph 1");
        else bm_buf_puts(&p->script, "graph 0, first "), bm_buf_num(&p->script, v->fixed[1]), bm_buf_puts(&p->script, " to "
                "graph 1, first "), bm_buf_num(&p->script, v->fixed[1]);
        bm_buf_puts(&p->script, " nohead back lw 1.2 dt (6,4) lc rgb '" BM_ORANGE "'\n");
    }
    bm_buf_printf(&p->script, "plot 'd%zu' using 1:2:5:6 with vectors head size screen 0.006, 20 filled lw 0.9 lc rgb "
                  "'#a6a6a6', '' using 1:2 with points pt 6 ps %s "
                              "lw 1.2 lc rgb '" BM_LINE "', '' using 3:4 with points pt 7 ps %s lc rgb '" BM_BLUE "'\n", index,
                              size, size);
done:
    free(level);
    return st;
}

/* One effect: a row per group. */
static bm_status ladder(const view *v, bm_pictures *out, bm_error *err)
{
    size_t     *level = NULL, n, determined, index;
    double      x[2] = { v->fixed[0], v->fixed[0] }, left;
    bm_status   st = choose(v, MAX_ROWS, true, &level, &n, &determined, err);
    bm_picture *p = st == BM_OK ? bm_pictures_add(out, v->in, "Shrinkage", BM_PLOT_TOP + 84 + ROW * (double)n, err) : NULL;
    bm_buf     *b = p ? bm_picture_data(p, &index) : NULL;

    if (st == BM_OK && !b) st = bm_nomem(err);
    if (st != BM_OK) goto done;
    captions(p, v, true, n, determined);
    left = 10 + bm_label_room((const char *const *)v->g->levels, level, n, LABEL);
    bm_panel(p, (bm_box){ left, BM_PLOT_TOP + 10, p->width - left - 30, ROW * (double)n });
    legend(p);
    for (size_t i = 0; i < n; i++) {
        double row[] = { v->own[level[i]], (double)(i + 1), v->pooled[level[i]] - v->own[level[i]], v->pooled[level[i]] };

        bm_data_row(b, row, 4);
        widen(x, row[0]), widen(x, row[3]);
    }
    bm_axis(p, 'x', x[0], x[1], 0.05, 7);
    bm_axis_label(p, 'x', v->g->znames[0], 430);
    bm_buf_puts(&p->script, "set ytics (");
    for (size_t i = 0; i < n; i++) {
        if (i) bm_buf_puts(&p->script, ", ");
        bm_quote_tic(&p->script, v->g->levels[level[i]], LABEL);
        bm_buf_printf(&p->script, " %zu", i + 1);
    }
    bm_buf_printf(&p->script, ") font ',9'\nset yrange [0.2:%zu.8]\nset border 1\nset grid xtics noytics\nset arrow 1 from ", n);
    bm_buf_num(&p->script, v->fixed[0]);
    bm_buf_puts(&p->script, ", graph 0 to ");
    bm_buf_num(&p->script, v->fixed[0]);
    bm_buf_printf(&p->script, ", graph 1 nohead back lw 1.2 dt (6,4) lc rgb '" BM_ORANGE "'\n"
                              "plot 'd%zu' using 1:2:3:(0) with vectors head size screen 0.006, 20 filled lw 0.9 lc rgb "
                              "'#a6a6a6', '' using 1:2 with points pt 6 ps 0.8 "
                              "lw 1.2 lc rgb '" BM_LINE "', '' using 4:2 with points pt 7 ps 0.8 lc rgb '" BM_BLUE "'\n", index);
done:
    free(level);
    return st;
}

bm_status bm_plot_shrinkage(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    view      v = { .in = in, .g = &in->design->fac[0], .q = in->design->fac[0].q };
    bm_status st;

    if (v.q > QMAX) return bm_fail(err, BM_EINVAL, "a group has more than %d effects", QMAX);
    if (in->design->nfac > 1) return bm_fail(err, BM_EINVAL, "with several grouping factors a group has no estimate of its own");
    if ((st = bm_estimates_new(&v.e, in, err)) == BM_OK && (st = estimate(&v, err)) == BM_OK) st = v.q == 1 ? ladder(&v, out,
            err) : plane(&v, out, err);
    bm_estimates_free(&v.e);
    free(v.fixed);
    free(v.own);
    free(v.pooled);
    return st;
}
