/* sbc_quantities.c: what simulation-based calibration ranks: every parameter, the joint log-likelihood, the effects of the rarest level of every factor
 * (as they are, and in units of their sd, which sees effects drawn with another theta), and the mean of a cell. */
#include "api/sbc_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TERMS = 3 };                                  /* effects of a level that are followed, at most */

static size_t rarest(const bm_group *g, size_t n)
{
    size_t  best = 0, *count = bm_alloc(g->J, sizeof *count);

    for (size_t i = 0; count && i < n; i++) count[g->code[i]]++;
    for (size_t j = 1; count && j < g->J; j++)
        if (count[j] < count[best]) best = j;
    free(count);
    return best;
}

static bm_status add(bm_quantities *q, bm_quantity what, bm_buf *name, const char *meaning, bm_error *err)
{
    bm_quantity *v = name->failed ? NULL : bm_grow(q->v, &q->cap, q->n + 1, sizeof *v);

    if (!v) return bm_nomem(err);
    q->v = v;
    v[q->n] = what;
    v[q->n].meaning = meaning;
    v[q->n].name = bm_strdup(name->s);
    name->n = 0;
    return v[q->n++].name ? BM_OK : bm_nomem(err);
}

static bool is_constant(const bm_model *m, size_t i)
{
    const bm_theta *th = &m->post->th;
    size_t          p = m->design->p;

    if (i < p) return false;                         /* constant coefficients have left the design */
    if (i < p + th->nsd) return th->sd_x[i - p] < 0;
    return i >= p + th->nsd + th->ncor && th->sigma_x < 0;
}

static bm_status parameters(bm_quantities *q, const bm_model *m, bm_buf *name, bm_error *err)
{
    bm_status st = BM_OK;

    for (size_t i = 0; i + 1 < m->monitored.n && st == BM_OK; i++) {
        if (is_constant(m, i)) continue;
        bm_buf_puts(name, m->monitored.v[i + 1]);
        st = add(q, (bm_quantity){ .kind = BM_Q_PARAMETER, .at = i }, name, "parameter", err);
    }
    return st;
}

/* The effects of the rarest level of factor k; first: where the factor's effects and sds begin. */
static bm_status effects(bm_quantities *q, const bm_model *m, size_t k, size_t first_u, size_t first_sd, bm_buf *name, bm_error *err)
{
    const bm_group *g = &m->design->fac[k];
    size_t          level = rarest(g, m->design->n);
    bm_status       st = BM_OK;

    for (size_t i = 0; i < g->q && i < TERMS && st == BM_OK; i++) {
        bm_quantity what = { .kind = BM_Q_EFFECT, .at = first_u + level * g->q + i, .sd = m->design->p + first_sd + i };

        if (m->post->th.sd_x[first_sd + i] < 0 && m->post->th.sd_c[first_sd + i] == 0) continue;
        bm_ranef_name(name, g, level, i);
        if ((st = add(q, what, name, "effect of the rarest level", err)) != BM_OK) return st;
        what.kind = BM_Q_SCALED;
        bm_ranef_name(name, g, level, i);
        bm_buf_puts(name, "/sd");
        st = add(q, what, name, "the same in units of its sd", err);
    }
    return st;
}

/* A row of the rarest level of the first factor, or the first row. */
static size_t cell(const bm_design *d)
{
    size_t level = d->nfac ? rarest(&d->fac[0], d->n) : 0, row = 0;

    while (d->nfac && (size_t)d->fac[0].code[row] != level) row++;
    return row;
}

bm_status bm_quantities_new(bm_quantities *q, const bm_model *m, bm_error *err)
{
    bm_buf    name = { 0 };
    size_t    u = 0, sd = 0, row = cell(m->design);
    bm_status st;

    *q = (bm_quantities){ .m = m };
    if ((st = parameters(q, m, &name, err)) != BM_OK) goto done;
    bm_buf_puts(&name, "log_lik");
    if ((st = add(q, (bm_quantity){ .kind = BM_Q_LOG_LIK }, &name, "log density of the data given parameters and effects", err)) != BM_OK) goto done;
    for (size_t k = 0; k < m->design->nfac && st == BM_OK; k++) {
        st = effects(q, m, k, u, sd, &name, err);
        u += m->design->fac[k].J * m->design->fac[k].q;
        sd += m->design->fac[k].q;
    }
    if (st != BM_OK) goto done;
    bm_buf_printf(&name, "mean[row %zu]", m->design->row ? m->design->row[row] + 1 : row + 1);
    st = add(q, (bm_quantity){ .kind = BM_Q_CELL, .at = row }, &name, "expected response of a cell", err);
done:
    bm_buf_free(&name);
    return st;
}

void bm_quantities_free(bm_quantities *q)
{
    for (size_t i = 0; i < q->n; i++) free(q->v[i].name);
    free(q->v);
    *q = (bm_quantities){ 0 };
}

/* Expected response of one row. */
static double mean_of(const bm_design *d, size_t i, const double *b, const double *u)
{
    double mu = d->o ? d->o[i] : 0;

    for (size_t k = 0; k < d->p; k++) mu += d->X[i + k * d->n] * b[k];
    for (size_t f = 0; f < d->nfac; u += d->fac[f].J * d->fac[f].q, f++)
        for (size_t k = 0; k < d->fac[f].q; k++) mu += d->fac[f].Z[i + k * d->n] * u[(size_t)d->fac[f].code[i] * d->fac[f].q + k];
    return mu;
}

/* log p(y | b, u, sigma), row by row from the data themselves. */
static double log_lik(const bm_design *d, const double *y, const double *b, const double *u, double sigma)
{
    double lp = -(double)d->n * log(sigma);

    for (size_t i = 0; i < d->n; i++) {
        double e = (y[i] - mean_of(d, i, b, u)) / sigma, w = d->w ? d->w[i] : 1;

        lp += 0.5 * log(w / (2 * M_PI)) - 0.5 * w * e * e;
    }
    return lp;
}

void bm_quantities_at(const bm_quantities *q, const double *y, const double *value, const double *u, double *out)
{
    const bm_design *d = q->m->design;
    double           sigma = q->m->priors->has_sigma ? value[q->m->monitored.n - 2] : 1;

    for (size_t i = 0; i < q->n; i++) {
        const bm_quantity *v = &q->v[i];

        switch (v->kind) {
        case BM_Q_PARAMETER: out[i] = value[v->at]; break;
        case BM_Q_LOG_LIK: out[i] = log_lik(d, y, value, u, sigma); break;
        case BM_Q_EFFECT: out[i] = u[v->at]; break;
        case BM_Q_SCALED: out[i] = u[v->at] / value[v->sd]; break;
        case BM_Q_CELL: out[i] = mean_of(d, v->at, value, u); break;
        }
    }
}
