/* plot_predictive.c: the density of the response against those of responses that the fit predicts for the same rows, one per
 * draw (Gelman et al. 2013, Bayesian Data Analysis, sec. 6.3). Effects of the observed groups come from the draws; where
 * those were not kept, groups are drawn anew from the fitted distribution. */
#include "report/plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REPLICATES = 50, POINTS = 201, BLOCK = 32 };

/* Where the parameters are among the draws. */
typedef struct {
    const bm_plot_input *in;
    size_t  n, sigma, *b;        /* draws; SIZE_MAX: known standard errors */
    size_t **u;                  /* per factor: bm_ranef_vars */
    size_t **sd, **cor;          /* per factor, where the effects are not kept */
    bool    kept;
} places;

static void places_free(places *w)
{
    for (size_t k = 0; k < w->in->design->nfac; k++) {
        if (w->u) free(w->u[k]);
        if (w->sd) free(w->sd[k]);
        if (w->cor) free(w->cor[k]);
    }
    free(w->u);
    free(w->sd);
    free(w->cor);
    free(w->b);
}

static bm_status find(size_t *out, const bm_plot_input *in, bm_buf *name, bm_error *err)
{
    if (name->failed) return bm_nomem(err);
    *out = bm_plot_var(in, name->s);
    return *out == SIZE_MAX ? bm_fail(err, BM_EINVAL, "the draws hold no '%s', which the model has", name->s) : BM_OK;
}

/* Standard deviations (q) and correlations (q x q, of pairs in one block) of a factor's effects. */
static bm_status find_covariance(places *w, size_t k, bm_error *err)
{
    const bm_group *g = &w->in->design->fac[k];
    bm_buf          name = { 0 };
    bm_status       st = BM_OK;

    w->sd[k] = bm_alloc(g->q, sizeof **w->sd);
    w->cor[k] = bm_alloc(g->q * g->q, sizeof **w->cor);
    if (!w->sd[k] || !w->cor[k]) return bm_nomem(err);
    for (size_t i = 0; i < g->q && st == BM_OK; i++) {
        name.n = 0;
        bm_sd_name(&name, g, i);
        st = find(&w->sd[k][i], w->in, &name, err);
    }
    for (size_t c = 0; c < g->nblock; c++)
        for (size_t i = 0; i < g->block[c].size; i++)
            for (size_t j = 0; j < i && st == BM_OK; j++) {
                size_t a = g->block[c].first + i, b = g->block[c].first + j;

                name.n = 0;
                bm_cor_name(&name, g, b, a);
                st = find(&w->cor[k][a + b * g->q], w->in, &name, err);
            }
    bm_buf_free(&name);
    return st;
}

static bm_status places_new(places *w, const bm_plot_input *in, bm_error *err)
{
    const bm_design *d = in->design;
    bm_result        r = { .draws = in->draws, .design = d, .nmonitored = 0 };
    bm_status        st = BM_OK;

    *w = (places){ .in = in, .n = in->draws->nchain * in->draws->niter, .sigma = bm_plot_var(in, "sigma"), .kept = true };
    w->b = bm_alloc(d->p, sizeof *w->b);
    w->u = bm_alloc(d->nfac, sizeof *w->u);
    w->sd = bm_alloc(d->nfac, sizeof *w->sd);
    w->cor = bm_alloc(d->nfac, sizeof *w->cor);
    if (!w->b || !w->u || !w->sd || !w->cor) return bm_nomem(err);
    for (size_t k = 0; k < d->p && st == BM_OK; k++)
        if ((w->b[k] = bm_plot_var(in, d->bnames[k])) == SIZE_MAX)
            st = bm_fail(err, BM_EINVAL, "the draws hold no '%s', which the model has", d->bnames[k]);
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) {
        bool all;

        if ((st = bm_ranef_vars(&w->u[k], &all, &r, k, err)) == BM_OK) w->kept &= all;
    }
    for (size_t k = 0; !w->kept && k < d->nfac && st == BM_OK; k++) st = find_covariance(w, k, err);
    return st;
}

static double value(const places *w, size_t var, size_t draw)
{
    return w->in->draws->x[var * w->n + draw];
}

/* u (J x q) of factor k at a draw: kept, or drawn from N(0, G). */
static void effects_at(const places *w, size_t k, size_t draw, bm_rng *rng, double *u)
{
    const bm_group *g = &w->in->design->fac[k];
    double          C[BLOCK * BLOCK], z[BLOCK];

    if (w->kept) {
        for (size_t i = 0; i < g->q; i++)
            for (size_t j = 0; j < g->J; j++) u[j * g->q + i] = value(w, w->u[k][i * g->J + j], draw);
        return;
    }
    memset(u, 0, g->J * g->q * sizeof *u);
    for (size_t c = 0; c < g->nblock; c++) {
        size_t first = g->block[c].first, q = g->block[c].size;

        if (q > BLOCK) continue;
        for (size_t i = 0; i < q; i++)
            for (size_t j = 0; j <= i; j++) C[i + j * q] = i == j ? 1 + 1e-12 : value(w,
                                                                                      w->cor[k][first + i + (first + j) * g->q],
                                                                                      draw);
        if (bm_chol(q, C) != BM_OK) continue;
        for (size_t l = 0; l < g->J; l++) {
            bm_rng_normals(rng, z, q);
            for (size_t i = 0; i < q; i++)
                for (size_t j = 0; j <= i; j++) u[l * g->q + first + i] += value(w, w->sd[k][first + i],
                                                                                 draw) * C[i + j * q] * z[j];
        }
    }
}

/* One response for all rows. u: room for the effects of the largest factor. */
static void replicate(const places *w, size_t draw, bm_rng *rng, double *u, double *y)
{
    const bm_design *d = w->in->design;
    double           sigma = w->sigma == SIZE_MAX ? 1 : value(w, w->sigma, draw);

    for (size_t i = 0; i < d->n; i++) y[i] = d->o ? d->o[i] : 0;
    for (size_t k = 0; k < d->p; k++) {
        double b = value(w, w->b[k], draw);

        for (size_t i = 0; i < d->n; i++) y[i] += d->X[i + k * d->n] * b;
    }
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];

        effects_at(w, k, draw, rng, u);
        for (size_t c = 0; c < g->q; c++)
            for (size_t i = 0; i < d->n; i++) y[i] += g->Z[i + c * d->n] * u[(size_t)g->code[i] * g->q + c];
    }
    for (size_t i = 0; i < d->n; i++) y[i] += sigma / sqrt(d->w ? d->w[i] : 1) * bm_rng_normal(rng);
}

static void write_curve(bm_buf *b, const double *x, size_t n, double lo, double hi, double *top)
{
    double y[POINTS];

    if (!bm_kde(x, n, -INFINITY, INFINITY, lo, hi, POINTS, y)) return;
    for (size_t i = 0; i < POINTS; i++) {
        double row[] = { lo + (hi - lo) * (double)i / (POINTS - 1), y[i] };

        *top = fmax(*top, y[i]);
        bm_data_row(b, row, 2);
    }
    bm_buf_puts(b, "\n");                            /* an empty line lifts the pen */
}

static bm_status curves(bm_picture *p, const places *w, double lo, double hi, bm_error *err)
{
    const bm_design *d = w->in->design;
    size_t           most = 1, many = w->n < REPLICATES ? w->n : REPLICATES, data, predicted;
    double          *y = bm_alloc(d->n, sizeof *y), *u = NULL, top = 0;
    bm_buf          *b;
    bm_rng           rng;
    bm_status        st = BM_ENOMEM;

    for (size_t k = 0; k < d->nfac; k++)
        if (d->fac[k].J * d->fac[k].q > most) most = d->fac[k].J * d->fac[k].q;
    if (!y || !(u = bm_alloc(most, sizeof *u)) || !(b = bm_picture_data(p, &predicted))) goto done;
    bm_rng_key(&rng, 20, 1, 1);
    for (size_t i = 0; i < many; i++) {
        replicate(w, (2 * i + 1) * w->n / (2 * many), &rng, u, y);
        write_curve(b, y, d->n, lo, hi, &top);
    }
    if (!(b = bm_picture_data(p, &data))) goto done;
    write_curve(b, d->y, d->n, lo, hi, &top);
    bm_buf_puts(&p->script, "set yrange [0:");
    bm_buf_num(&p->script, 1.06 * top);
    bm_buf_puts(&p->script, "]\n");
    bm_axis_bare(p, 'y');
    bm_buf_printf(&p->script, "plot 'd%zu' using 1:2 with lines lw 0.8 lc rgb '#70%s', 'd%zu' using 1:2 with lines lw 2.4 lc "
                  "rgb '" BM_INK "'\n", predicted,
                  BM_SKY_HEX, data);
    st = BM_OK;
done:
    if (st != BM_OK) bm_nomem(err);
    free(y);
    free(u);
    return st;
}

bm_status bm_plot_predictive(const bm_plot_input *in, bm_pictures *out, bm_error *err)
{
    const bm_design *d = in->design;
    places           w;
    bm_picture      *p;
    double           lo, hi, room;
    bm_status        st = places_new(&w, in, err);

    if (st != BM_OK) goto done;
    if (!bm_kde_range(d->y, d->n, -INFINITY, INFINITY, &lo, &hi)) {
        st = bm_fail(err, BM_EINVAL, "the response hardly varies");
        goto done;
    }
    room = 0.1 * (hi - lo);
    if (!(p = bm_pictures_add(out, in, "Posterior predictive check", 456, err))) {
        st = BM_ENOMEM;
        goto done;
    }
    bm_buf_printf(&p->caption, "Each thin line is a data set of the same rows drawn with one posterior draw%s",
                  w.kept ? "." : "; group effects are drawn anew, since "
                  "their draws were not kept.");
    bm_buf_printf(&p->alt, "Density of %s in the data against densities of %d data sets that the fit predicts.", d->yname,
                  REPLICATES);
    bm_box at = { 24, BM_PLOT_TOP + 10, p->width - 48, p->height - BM_PLOT_TOP - 96 };
    bm_panel(p, at);
    bm_legend(p, 0, p->width - 230, 20, BM_INK, "line", "data");
    bm_legend(p, 1, p->width - 150, 20, BM_SKY, "line", "predicted");
    bm_axis(p, 'x', lo - room, hi + room, 0, 8);
    bm_axis_label(p, 'x', d->yname, 430);
    st = curves(p, &w, lo - room, hi + room, err);
done:
    places_free(&w);
    return st;
}
