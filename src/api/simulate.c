/* simulate.c: data from known parameters, or from the prior, on the model's own design. */
#include "api/api.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is set, what is drawn ---- */

typedef struct { size_t n; double *value; bool *set; } truth;    /* one per monitored parameter, lp__ aside */

static bm_status parse_set(const bm_model *m, truth *t, const char *text, bm_error *err)
{
    const char        *eq = strrchr(text, '=');
    const char *const *names = (const char *const *)m->monitored.v + 1;
    double             v;

    if (!eq || !bm_parse_double(eq + 1, strlen(eq + 1), &v))
        return bm_fail(err, BM_EINVAL, "--set %s: write NAME=NUMBER, such as sigma=2.5", text);
    for (size_t i = 0; i < t->n; i++)
        if (strlen(names[i]) == (size_t)(eq - text) && strncmp(names[i], text, (size_t)(eq - text)) == 0) {
            t->value[i] = v;
            t->set[i] = true;
            return BM_OK;
        }
    char       *name = bm_strndup(text, (size_t)(eq - text));
    const char *near = name ? bm_closest(name, names, t->n) : NULL;
    bm_buf      list = { 0 };
    for (size_t i = 0; i < t->n && i < 30; i++) bm_buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
    bm_status st = bm_fail(err, BM_EINVAL, "--set: there is no parameter '%s'%s%s%s; there are: %s", name ? name : "", near ? " (did you mean '" : "", near ? near : "",
                           near ? "'?)" : "", list.s ? list.s : "");
    bm_buf_free(&list);
    free(name);
    return st;
}

static bm_status draw_dist(const bm_model *m, size_t at, const bm_dist *d, bm_rng *rng, double *x, bm_error *err)
{
    const char *name = m->monitored.v[at + 1];

    switch (d->kind) {
    case BM_DIST_NORMAL: *x = d->a[0] + d->a[1] * bm_rng_normal(rng); return BM_OK;
    case BM_DIST_STUDENT_T: *x = d->a[1] + d->a[2] * bm_rng_normal(rng) / sqrt(bm_rng_chisq(rng, d->a[0]) / d->a[0]); return BM_OK;
    case BM_DIST_CONSTANT: *x = d->a[0]; return BM_OK;
    default: return bm_fail(err, BM_EINVAL, "%s has a flat prior, from which nothing can be drawn: give its value with --set %s=VALUE", name, name);
    }
}

static bm_status draw_sd(const bm_model *m, size_t at, const bm_dist *d, bm_rng *rng, double *x, bm_error *err)
{
    const char *name = m->monitored.v[at + 1];

    if (d->kind == BM_DIST_CONSTANT) {
        *x = d->a[0];
        return BM_OK;
    }
    if (bm_dist_sd_draw(d, rng, x) == BM_OK) return BM_OK;
    return bm_fail(err, BM_EINVAL, "%s has an improper prior, from which nothing can be drawn: give its value with --set %s=VALUE", name, name);
}

static bm_status draw_coefficients(const bm_model *m, truth *t, bm_rng *rng, bm_error *err)
{
    const bm_priors *pr = m->priors;
    long             centre = pr->centred ? m->design->intercept : -1;
    bm_status        st = BM_OK;

    for (size_t k = 0; k < pr->p && st == BM_OK; k++)
        if (!t->set[k] && (long)k != centre) st = draw_dist(m, k, &pr->b[k], rng, &t->value[k], err);
    if (st != BM_OK || centre < 0 || t->set[centre]) return st;
    if ((st = draw_dist(m, (size_t)centre, &pr->intercept, rng, &t->value[centre], err)) != BM_OK) return st;
    for (size_t k = 0; k < pr->p; k++)
        if ((long)k != centre) t->value[centre] -= pr->xbar[k] * t->value[k];
    return BM_OK;
}

/* Partial correlations of LKJ(eta) into a correlation matrix R (q x q): theta_prior.c. */
static void draw_lkj(size_t q, double eta, bm_rng *rng, double *R)
{
    double C[BM_BLOCK_MAX * BM_BLOCK_MAX] = { 0 };

    for (size_t i = 0; i < q; i++) {
        double rest = 1;

        for (size_t j = 0; j < i; j++) {
            double e = eta + ((double)q - 2 - (double)j) / 2, z = 2 * bm_rng_beta(rng, e, e) - 1;

            C[i + j * q] = rest * z;
            rest *= sqrt(1 - z * z);
        }
        C[i + i * q] = rest;
    }
    for (size_t i = 0; i < q; i++)
        for (size_t j = 0; j < q; j++) {
            double v = 0;

            for (size_t k = 0; k < q; k++) v += C[i + k * q] * C[j + k * q];
            R[i + j * q] = v;
        }
}

/* G ~ inverse Wishart(df, Psi): inverse of A A' with A = chol(Psi)^-T times a Bartlett factor. */
static bm_status draw_inv_wishart(size_t q, const bm_dist *w, bm_rng *rng, double *G)
{
    double P[BM_BLOCK_MAX * BM_BLOCK_MAX] = { 0 }, A[BM_BLOCK_MAX * BM_BLOCK_MAX] = { 0 };

    for (size_t i = 0; i < q; i++)
        for (size_t j = 0; j <= i; j++) P[i + j * q] = w->nscale == q ? w->scale[i + j * q] : i == j ? w->scale[0] : 0;
    if (bm_chol(q, P) != BM_OK) return BM_EINVAL;
    for (size_t i = 0; i < q; i++) {                 /* W = A A' ~ Wishart(df, I); G = P W^-1 P' ~ inverse Wishart(df, P P') */
        A[i + i * q] = sqrt(bm_rng_chisq(rng, w->a[0] - (double)i));
        for (size_t j = 0; j < i; j++) A[i + j * q] = bm_rng_normal(rng);
    }
    double H[BM_BLOCK_MAX * BM_BLOCK_MAX];           /* H = A^-1 P', G = H'H */
    for (size_t i = 0; i < q; i++)
        for (size_t j = 0; j < q; j++) H[i + j * q] = j >= i ? P[j + i * q] : 0;
    bm_solve_lower(q, q, A, H);
    for (size_t i = 0; i < q; i++)
        for (size_t j = 0; j < q; j++) G[i + j * q] = bm_dot(q, H + i * q, H + j * q);
    return BM_OK;
}

static bm_status draw_block(const bm_model *m, size_t k, size_t b, size_t sd, size_t cor, truth *t, bm_rng *rng, bm_error *err)
{
    const bm_block *blk = &m->design->fac[k].block[b];
    const bm_dist  *whole = &m->priors->cor[k][b];
    size_t          q = blk->size;
    double          R[BM_BLOCK_MAX * BM_BLOCK_MAX], s[BM_BLOCK_MAX];
    bm_status       st = BM_OK;

    if (q > BM_BLOCK_MAX) return bm_fail(err, BM_EINVAL, "simulate takes at most %d correlated effects", BM_BLOCK_MAX);
    if (whole->kind == BM_DIST_INV_WISHART) {
        if (draw_inv_wishart(q, whole, rng, R) != BM_OK) return bm_fail(err, BM_EINVAL, "the scale of an inv_wishart prior is not positive definite");
        for (size_t i = 0; i < q; i++) s[i] = sqrt(R[i + i * q]);
        for (size_t i = 0; i < q; i++)
            for (size_t j = 0; j < q; j++) R[i + j * q] /= s[i] * s[j];
    } else {
        if (q > 1) draw_lkj(q, whole->a[0], rng, R);
        for (size_t i = 0; i < q && st == BM_OK; i++)
            if (!t->set[sd + i]) st = draw_sd(m, sd + i, &m->priors->sd[k][blk->first + i], rng, &s[i], err);
    }
    for (size_t i = 0; i < q && st == BM_OK; i++) {
        if (!t->set[sd + i]) t->value[sd + i] = s[i];
        for (size_t j = 0; j < i; j++, cor++)
            if (!t->set[cor]) t->value[cor] = R[i + j * q];
    }
    return st;
}

static bm_status draw_truth(const bm_model *m, truth *t, bm_rng *rng, bm_error *err)
{
    const bm_design *d = m->design;
    size_t           sd = d->p, cor = d->p + m->post->th.nsd;
    bm_status        st = draw_coefficients(m, t, rng, err);

    for (size_t k = 0; k < d->nfac && st == BM_OK; k++)
        for (size_t b = 0; b < d->fac[k].nblock && st == BM_OK; b++) {
            st = draw_block(m, k, b, sd, cor, t, rng, err);
            sd += d->fac[k].block[b].size;
            cor += d->fac[k].block[b].size * (d->fac[k].block[b].size - 1) / 2;
        }
    if (st == BM_OK && m->priors->has_sigma && !t->set[t->n - 1]) st = draw_sd(m, t->n - 1, &m->priors->sigma, rng, &t->value[t->n - 1], err);
    return st;
}

bm_status bm_draw_prior(const bm_model *m, bm_rng *rng, double *value, bm_error *err)
{
    truth     t = { .n = m->monitored.n - 1, .value = value };
    bm_status st;

    if (!(t.set = bm_alloc(t.n, sizeof *t.set))) return bm_nomem(err);
    for (size_t k = 0; k < m->priors->p; k++) {
        bool centred = m->priors->centred && (long)k == (long)m->design->intercept;

        t.set[k] = (centred ? m->priors->intercept : m->priors->b[k]).kind == BM_DIST_FLAT;
        if (t.set[k]) value[k] = 0;
    }
    st = draw_truth(m, &t, rng, err);
    free(t.set);
    return st;
}

/* ---- the response ---- */

static bm_status check_truth(const bm_model *m, const truth *t, bm_error *err)
{
    size_t p = m->design->p;

    for (size_t i = p; i < t->n; i++) {
        bool cor = i >= p + m->post->th.nsd && i < p + m->post->th.nsd + m->post->th.ncor;

        if (cor ? fabs(t->value[i]) >= 1 : t->value[i] < 0)
            return bm_fail(err, BM_EINVAL, "--set %s=%g: %s", m->monitored.v[i + 1], t->value[i], cor ? "a correlation lies between -1 and 1" : "a standard deviation is not negative");
    }
    return BM_OK;
}

/* Draws the effects u (J x q) of factor k given its sds and correlations, and adds what they contribute to mu (n). */
static bm_status add_effects(const bm_model *m, size_t k, const double *sd, const double *cor, bm_rng *rng, double *mu, double *u, bm_error *err)
{
    const bm_group *g = &m->design->fac[k];
    size_t          n = m->design->n;
    double          C[BM_BLOCK_MAX * BM_BLOCK_MAX], z[BM_BLOCK_MAX];

    memset(u, 0, g->J * g->q * sizeof *u);
    for (size_t b = 0; b < g->nblock; b++) {
        size_t q = g->block[b].size, first = g->block[b].first;

        for (size_t i = 0; i < q; i++)
            for (size_t j = 0; j <= i; j++) C[i + j * q] = i == j ? 1 : *cor++;
        if (bm_chol(q, C) != BM_OK)
            return bm_fail(err, BM_EINVAL, "the correlations given for '%s' are not a correlation matrix (not positive definite)", g->name);
        for (size_t j = 0; j < g->J; j++) {
            bm_rng_normals(rng, z, q);
            for (size_t i = 0; i < q; i++)
                for (size_t l = 0; l <= i; l++) u[j * g->q + first + i] += sd[first + i] * C[i + l * q] * z[l];
        }
    }
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < g->q; i++) mu[r] += g->Z[r + i * n] * u[(size_t)g->code[r] * g->q + i];
    return BM_OK;
}

/* Residuals on top of the means in y. */
static void add_residuals(const bm_model *m, double sigma, bm_rng *rng, double *y)
{
    const bm_design *d = m->design;

    for (size_t i = 0; i < d->n; i++) y[i] += sigma / sqrt(d->w ? d->w[i] : 1) * bm_rng_normal(rng);
}

static void fixed_means(const bm_design *d, const double *b, double *y)
{
    for (size_t i = 0; i < d->n; i++) {
        y[i] = d->o ? d->o[i] : 0;
        for (size_t k = 0; k < d->p; k++) y[i] += d->X[i + k * d->n] * b[k];
    }
}

bm_status bm_simulate_response(const bm_model *m, const double *value, bm_rng *rng, double *y, double *u, bm_error *err)
{
    const bm_design *d = m->design;
    const double    *sd = value + d->p, *cor = sd + m->post->th.nsd;
    double           sigma = m->priors->has_sigma ? cor[m->post->th.ncor] : 1;
    bm_status        st = BM_OK;

    fixed_means(d, value, y);
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) {
        st = add_effects(m, k, sd, cor, rng, y, u, err);
        u += d->fac[k].J * d->fac[k].q;
        sd += d->fac[k].q;
        for (size_t b = 0; b < d->fac[k].nblock; b++) cor += d->fac[k].block[b].size * (d->fac[k].block[b].size - 1) / 2;
    }
    add_residuals(m, sigma, rng, y);
    return st;
}

void bm_simulate_residuals(const bm_model *m, const double *value, const double *u, bm_rng *rng, double *y)
{
    const bm_design *d = m->design;
    double           sigma = m->priors->has_sigma ? value[m->monitored.n - 2] : 1;

    fixed_means(d, value, y);
    for (size_t k = 0; k < d->nfac; u += d->fac[k].J * d->fac[k].q, k++)
        for (size_t r = 0; r < d->n; r++)
            for (size_t i = 0; i < d->fac[k].q; i++) y[r] += d->fac[k].Z[r + i * d->n] * u[(size_t)d->fac[k].code[r] * d->fac[k].q + i];
    add_residuals(m, sigma, rng, y);
}

/* ---- writing ---- */

static bm_status write_rows(const bm_model *m, FILE *out, const double *y, bm_error *err)
{
    const bm_column *response = bm_frame_col(m->frame, m->design->yname);
    bm_frame         view = *m->frame;
    bm_column       *col = bm_alloc(view.ncol + 1, sizeof *col);
    double          *x = bm_alloc(view.n, sizeof *x);
    bm_buf           b = { 0 };
    bm_status        st = BM_OK;

    if (!col || !x) {
        st = bm_nomem(err);
        goto done;
    }
    memcpy(col, view.col, view.ncol * sizeof *col);
    for (size_t i = 0; i < m->design->n; i++) x[m->design->row[i]] = y[i];
    view.col = col;
    for (size_t k = 0; k < view.ncol; k++)
        if (&m->frame->col[k] == response) {
            col[k].num = x;
            col[k].kind = BM_COL_NUMERIC;
        }
    bm_frame_write_header(&view, &b);
    bm_buf_putc(&b, '\n');
    for (size_t i = 0; i < m->design->n && st == BM_OK; i++) {
        bm_frame_write_row(&view, m->design->row[i], &b);
        bm_buf_putc(&b, '\n');
        if (b.failed) st = bm_nomem(err);
        else if (b.n > 65536 || i + 1 == m->design->n) {
            if (fwrite(b.s, 1, b.n, out) != b.n) st = bm_fail(err, BM_EIO, "cannot write the simulated data: %s", strerror(errno));
            b.n = 0;
        }
    }
done:
    bm_buf_free(&b);
    free(col);
    free(x);
    return st;
}

bm_status bm_simulate(const bm_model *m, FILE *out, const char *const *set, size_t nset, uint64_t seed, bm_error *err)
{
    truth     t = { .n = m->monitored.n - 1 };
    double   *y = bm_alloc(m->design->n, sizeof *y), *u = bm_alloc(m->post->nu, sizeof *u);
    bm_rng    rng;
    bm_status st = bm_model_needs_rows(m, "simulation", err);

    if (st != BM_OK) goto done;
    st = BM_ENOMEM;
    t.value = bm_alloc(t.n, sizeof *t.value);
    t.set = bm_alloc(t.n, sizeof *t.set);
    if (!y || !u || !t.value || !t.set) {
        bm_nomem(err);
        goto done;
    }
    bm_rng_key(&rng, seed, 0, 1);
    if (!bm_frame_col(m->frame, m->design->yname)) {
        st = bm_fail(err, BM_EINVAL, "simulate needs a column as the response; '%s' is a function of one", m->design->yname);
        goto done;
    }
    for (size_t i = 0; i < nset; i++)
        if ((st = parse_set(m, &t, set[i], err)) != BM_OK) goto done;
    if ((st = draw_truth(m, &t, &rng, err)) != BM_OK) goto done;
    if ((st = check_truth(m, &t, err)) != BM_OK) goto done;
    if ((st = bm_simulate_response(m, t.value, &rng, y, u, err)) != BM_OK) goto done;
    st = write_rows(m, out, y, err);
done:
    free(y);
    free(u);
    free(t.value);
    free(t.set);
    return st;
}
