/* gibbs_chain.c: what a chain of the factor-wise sampler holds, and how it moves between all factors and a part.
 *
 * For a part P with effects v_P, the others' effects v_O: the response of P is y - Z_O v_O, whose cross-products are
 *     Z_P'W(y - Z_O v_O) = c_P - A_PO v_O,   X'W(y - Z_O v_O) = X'Wy - B_O'v_O,
 *     |y - Z_O v_O|^2 = rss + 2 v_P'Z_P'W(y - Z_O v_O) - |Z_P v_P|^2,   rss = |y - Z v|^2 over all factors,
 * moved through the sparse tables A_PO = Z_P'W Z_O: the cost is their non-zeros, whatever the number of rows. */
#include "fit/gibbs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

bm_status bm_gibbs_chain_new(bm_gibbs_chain **out, const bm_gibbs *g, bm_error *err)
{
    const bm_post  *post = g->post;
    size_t          p = post->st->p, d = post->th.d;
    bm_gibbs_chain *c = bm_alloc(1, sizeof *c);
    bm_status       st = BM_ENOMEM;

    *out = NULL;
    if (!c) return bm_nomem(err);
    c->g = g;
    c->rss = post->st->yy;
    c->part = bm_alloc(g->npart, sizeof *c->part);
    c->scale = bm_alloc(3 * g->npart, sizeof *c->scale);
    c->u = bm_alloc(4 * post->nu, sizeof *c->u);
    c->Bv = bm_alloc(post->st->nfac * p, sizeof *c->Bv);
    c->beta = bm_alloc(2 * p + 4 * d, sizeof *c->beta);
    if (!c->part || !c->scale || !c->u || !c->Bv || !c->beta) {
        bm_nomem(err);
        goto fail;
    }
    c->log_scale_sum = c->scale + g->npart;
    c->W = c->log_scale_sum + g->npart;
    c->v = c->u + post->nu;
    c->part_u = c->v + post->nu;
    c->b = c->beta + p;
    c->x = c->b + p;
    for (size_t i = 0; i < g->npart; i++) c->scale[i] = 1;
    for (size_t i = 0; i < g->npart; i++)
        if ((st = bm_part_state_new(&c->part[i], g->part[i], err)) != BM_OK) goto fail;
    if ((st = bm_point_new_prior(&c->whole, post, err)) != BM_OK) goto fail;
    *out = c;
    return BM_OK;
fail:
    bm_gibbs_chain_free(c);
    return st;
}

void bm_gibbs_chain_free(bm_gibbs_chain *c)
{
    if (!c) return;
    for (size_t i = 0; c->part && i < c->g->npart; i++) bm_part_state_free(c->part[i]);
    bm_point_free(c->whole);
    free(c->part);
    free(c->scale);
    free(c->u);
    free(c->Bv);
    free(c->beta);
    free(c);
}

void bm_gibbs_clear(bm_gibbs_chain *c)
{
    memset(c->u, 0, 2 * c->g->post->nu * sizeof *c->u);          /* v, too */
    memset(c->Bv, 0, c->g->post->st->nfac * c->g->post->st->p * sizeof *c->Bv);
    memset(c->W, 0, c->g->npart * sizeof *c->W);
    c->rss = c->g->post->st->yy;
}

/* ---- products with the tables ---- */

/* v'Xw */
static double form(const bm_cross *X, size_t q, size_t r, const double *v, const double *w)
{
    double total = 0;

    for (size_t j = 0; j < X->J; j++)
        for (size_t e = X->ptr[j]; e < X->ptr[j + 1]; e++) {
            const double *B = X->X + e * q * r, *wl = w + X->lev[e] * r;

            for (size_t b = 0; b < r; b++)
                for (size_t a = 0; a < q; a++) total += v[j * q + a] * B[a + b * q] * wl[b];
        }
    return total;
}

double bm_gibbs_own_form(const bm_facstat *f, const double *v)
{
    size_t q = f->q;
    double total = 0;

    for (size_t j = 0; q == 1 && j < f->J; j++) total += f->A[j] * v[j] * v[j];
    for (size_t j = 0; q > 1 && j < f->J; j++) {
        const double *A = f->A + j * q * q, *vj = v + j * q;

        for (size_t b = 0; b < q; b++)
            for (size_t a = 0; a < q; a++) total += vj[a] * A[a + b * q] * vj[b];
    }
    return total;
}

/* |Z_P v_P|^2 of a part. */
static double part_form(const bm_gibbs_chain *c, const bm_part *p)
{
    const bm_stats *st = c->g->post->st;
    double          total = 0;

    for (size_t a = 0; a < p->nfac; a++) {
        size_t k = p->fac[a];

        total += bm_gibbs_own_form(&st->fac[k], c->v + c->g->first[k]);
        for (size_t b = a + 1; b < p->nfac; b++) {
            size_t l = p->fac[b];

            total += 2 * form(bm_stats_cross(st, k, l), st->fac[k].q, st->fac[l].q, c->v + c->g->first[k], c->v + c->g->first[l]);
        }
    }
    return total;
}

/* ---- a part's response ---- */

static bool in_part(const bm_part *p, size_t k)
{
    for (size_t a = 0; a < p->nfac; a++)
        if (p->fac[a] == k) return true;
    return false;
}

/* v_P'Z_P'W times the part's response. */
static double fitted_product(const bm_gibbs_chain *c, const bm_part_state *s)
{
    double total = 0;

    for (size_t a = 0; a < s->part->nfac; a++) {
        const bm_facstat *f = &s->st.fac[a];

        total += bm_dot(f->J * f->q, f->c, c->v + c->g->first[s->part->fac[a]]);
    }
    return total;
}

/* The statistics of what the other factors leave. */
void bm_gibbs_take_others(bm_gibbs_chain *c, size_t i)
{
    const bm_stats *st = c->g->post->st;
    bm_part_state  *s = c->part[i];
    const bm_part  *part = s->part;
    size_t          p = st->p;

    memcpy(s->st.Xy, st->Xy, p * sizeof *st->Xy);
    for (size_t l = 0; l < st->nfac; l++)
        for (size_t k = 0; !in_part(part, l) && k < p; k++) s->st.Xy[k] -= c->Bv[l * p + k];
    for (size_t a = 0; a < part->nfac; a++) {
        size_t      k = part->fac[a];
        bm_facstat *f = &s->st.fac[a];

        memcpy(f->c, st->fac[k].c, f->J * f->q * sizeof *f->c);
        for (size_t l = 0; l < st->nfac; l++)
            if (!in_part(part, l)) bm_table_take(&c->g->table[k * st->nfac + l], c->v + c->g->first[l], f->c);
    }
    if (c->g->overlap) c->W[i] = part_form(c, part);
    s->st.yy = part->nfac == st->nfac ? st->yy : fmax(c->rss + 2 * fitted_product(c, s) - c->W[i], 0);      /* without others: no rounding that adds up */
    bm_part_refresh(s);
}

/* B_k'v_k */
static void times_B(const bm_facstat *f, const double *v, double *Bv)
{
    size_t q = f->q, p = f->p;

    memset(Bv, 0, p * sizeof *Bv);
    for (size_t k0 = 0; q == 1 && k0 < p; k0 += 4) {             /* four sums at a time, in registers */
        double        s[4] = { 0 };
        const double *B = f->B + k0;
        size_t        n = p - k0 < 4 ? p - k0 : 4;

        for (size_t j = 0; n == 4 && j < f->J; j++)
            for (size_t k = 0; k < 4; k++) s[k] += B[j * p + k] * v[j];
        for (size_t k = 0; n < 4 && k < n; k++)
            for (size_t j = 0; j < f->J; j++) s[k] += B[j * p + k] * v[j];
        memcpy(Bv + k0, s, n * sizeof *s);
    }
    for (size_t j = 0; q > 1 && j < f->J; j++)
        for (size_t k = 0; k < p; k++)
            for (size_t a = 0; a < q; a++) Bv[k] += f->B[(j * p + k) * q + a] * v[j * q + a];
}

/* v = Kz^-1 u, level by level. */
static void to_basis(const bm_facstat *f, const double *u, double *v)
{
    size_t q = f->q;

    for (size_t j = 0; q == 1 && j < f->J; j++) v[j] = u[j] / *f->Kz;
    for (size_t j = 0; q > 1 && j < f->J; j++, u += q, v += q)
        for (size_t r = q; r-- > 0;) {
            v[r] = u[r];
            for (size_t k = r + 1; k < q; k++) v[r] -= f->Kz[r + k * q] * v[k];
            v[r] /= f->Kz[r + r * q];
        }
}

/* Coefficients and effects of the part from their conditional, and what follows for the others. */
void bm_gibbs_effects(bm_gibbs_chain *c, size_t i, bm_rng *rng)
{
    const bm_stats *st = c->g->post->st;
    bm_part_state  *s = c->part[i];
    const double   *from = c->part_u;

    bm_marginal_draw(s->cur->m, rng, c->b, c->part_u, c->beta);
    for (size_t a = 0; a < s->part->nfac; a++) {
        size_t            k = s->part->fac[a];
        const bm_facstat *f = &st->fac[k];
        double           *u = c->u + c->g->first[k], *v = c->v + c->g->first[k];

        memcpy(u, from, f->J * f->q * sizeof *u);
        from += f->J * f->q;
        to_basis(f, u, v);
        times_B(f, v, c->Bv + k * st->p);
    }
    c->W[i] = part_form(c, s->part);
    c->rss = s->st.yy - 2 * fitted_product(c, s) + c->W[i];
}

void bm_gibbs_recount(bm_gibbs_chain *c)
{
    const bm_stats *st = c->g->post->st;

    c->rss = st->yy;
    for (size_t k = 0; k < st->nfac; k++) {
        const bm_facstat *f = &st->fac[k];
        const double     *v = c->v + c->g->first[k];

        times_B(f, v, c->Bv + k * st->p);
        c->rss += bm_gibbs_own_form(f, v) - 2 * bm_dot(f->J * f->q, f->c, v);
        for (size_t l = k + 1; l < st->nfac; l++) c->rss += 2 * form(bm_stats_cross(st, k, l), f->q, st->fac[l].q, v, c->v + c->g->first[l]);
    }
    for (size_t i = 0; i < c->g->npart; i++) c->W[i] = part_form(c, c->g->part[i]);
}

void bm_gibbs_set_effects(bm_gibbs_chain *c, const double *u)
{
    const bm_stats *st = c->g->post->st;

    memcpy(c->u, u, c->g->post->nu * sizeof *u);
    for (size_t k = 0; k < st->nfac; k++) to_basis(&st->fac[k], c->u + c->g->first[k], c->v + c->g->first[k]);
    bm_gibbs_recount(c);
}

/* ---- theta of a part ---- */

void bm_gibbs_theta_in(bm_gibbs_chain *c, size_t i)
{
    bm_part_state *s = c->part[i];

    for (size_t k = 0; k < s->post.th.d; k++) s->cur->x[k] = c->whole->x[s->part->x[k]];
}

void bm_gibbs_theta_out(bm_gibbs_chain *c, size_t i)
{
    const bm_part_state *s = c->part[i];

    for (size_t k = 0; k < s->post.th.d; k++) c->whole->x[s->part->x[k]] = s->cur->x[k];
}

void bm_gibbs_step(const double *x, const double *C, size_t d, double scale, const double *z, double *to)
{
    for (size_t k = 0; k < d; k++) {
        double v = x[k];

        for (size_t l = 0; l <= k; l++) v += scale * C[k + l * d] * z[l];
        to[k] = v;
    }
}
