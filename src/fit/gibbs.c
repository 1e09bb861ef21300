/* gibbs.c: one sweep of the factor-wise collapsed Gibbs sampler, on cross-products alone.
 *
 * For a part P with effects v_P, the others' effects v_O: the response of P is y - Z_O v_O, whose cross-products are
 *     Z_P'W(y - Z_O v_O) = c_P - A_PO v_O,   X'W(y - Z_O v_O) = X'Wy - B_O'v_O,
 *     |y - Z_O v_O|^2 = rss + 2 v_P'Z_P'W(y - Z_O v_O) - |Z_P v_P|^2,   rss = |y - Z v|^2 over all factors,
 * moved through the sparse tables A_PO = Z_P'W Z_O: the cost of a sweep is their non-zeros, whatever the number of rows. With theta_P, sigma and
 * the coefficients drawn afresh in every part this is the collapsed Gibbs sampler of Papaspiliopoulos, Roberts & Zanella 2020, Biometrika 107:25,
 * extended to the variances. */
#include "fit/gibbs.h"

#include "fit/mode.h"

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
    c->beta = bm_alloc(2 * p + 2 * d, sizeof *c->beta);
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

/* v'Av of one factor. */
static double own_form(const bm_facstat *f, const double *v)
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

        total += own_form(&st->fac[k], c->v + c->g->first[k]);
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
static void take_others(bm_gibbs_chain *c, size_t i)
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
    s->st.yy = fmax(c->rss + 2 * fitted_product(c, s) - c->W[i], 0);
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
static void draw_effects(bm_gibbs_chain *c, size_t i, bm_rng *rng)
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

/* ---- theta of a part ---- */

static void theta_from_whole(bm_gibbs_chain *c, size_t i)
{
    bm_part_state *s = c->part[i];

    for (size_t k = 0; k < s->post.th.d; k++) s->cur->x[k] = c->whole->x[s->part->x[k]];
}

static void theta_to_whole(bm_gibbs_chain *c, size_t i)
{
    const bm_part_state *s = c->part[i];

    for (size_t k = 0; k < s->post.th.d; k++) c->whole->x[s->part->x[k]] = s->cur->x[k];
}

static void step_from(const double *x, const double *C, size_t d, double scale, const double *z, double *to)
{
    for (size_t k = 0; k < d; k++) {
        double v = x[k];

        for (size_t l = 0; l <= k; l++) v += scale * C[k + l * d] * z[l];
        to[k] = v;
    }
}

/* Random-walk Metropolis steps; returns the mean acceptance probability. */
static double move_theta(bm_gibbs_chain *c, size_t i, bm_rng *rng)
{
    bm_part_state *s = c->part[i];
    size_t         d = s->post.th.d;
    double         sum = 0, scale = 2.4 * c->scale[i] / sqrt((double)d);

    for (int t = 0; d && t < c->g->steps[i]; t++) {
        bm_rng_normals(rng, c->x, d);
        step_from(s->cur->x, c->g->C + c->g->C_at[i], d, scale, c->x, s->star->x);
        double u = bm_rng_uniform(rng), gain = bm_point_eval(s->star) == BM_OK ? s->star->lp - s->cur->lp : -INFINITY;
        c->evaluations++;
        c->tried++;
        sum += gain >= 0 ? 1 : exp(gain);
        if (!(log(u) < gain)) continue;
        bm_point *t2 = s->cur;
        s->cur = s->star;
        s->star = t2;
        c->accepted++;
    }
    return d ? sum / c->g->steps[i] : 1;
}

/* ---- moments ---- */

static void part_moments(bm_gibbs_chain *c, size_t i, bm_moments *a)
{
    bm_part_state *s = c->part[i];
    size_t         nu = s->post.nu, at = 0;

    bm_marginal_conditional(s->cur->m, a->now, a->now_sd, c->part_u, c->part_u + nu);
    for (size_t f = 0; f < s->part->nfac; f++) {
        size_t n = s->st.fac[f].J * s->st.fac[f].q, to = a->nb + c->g->first[s->part->fac[f]];

        memcpy(a->now + to, c->part_u + at, n * sizeof *a->now);
        memcpy(a->now_sd + to, c->part_u + nu + at, n * sizeof *a->now);
        at += n;
    }
}

/* Student-t priors: new mixing precisions given the coefficients, the same at every point. */
static void mix_priors(bm_gibbs_chain *c, bm_rng *rng)
{
    bm_coef_prior *cp = c->part[0]->cur->m->cp;

    if (!cp->any_t) return;
    bm_coef_prior_mix(cp, c->beta, rng);
    for (size_t i = 0; i < c->g->npart; i++) {
        bm_coef_prior *other[2] = { c->part[i]->cur->m->cp, c->part[i]->star->m->cp };

        for (int k = 0; k < 2; k++) {
            if (other[k] != cp) memcpy(other[k]->prec, cp->prec, cp->p * sizeof *cp->prec);
            bm_coef_prior_refresh(other[k]);
        }
    }
}

/* ---- a sweep ---- */

void bm_gibbs_sweep(bm_gibbs_chain *c, bm_rng *rng, double adapt, bm_moments *moments)
{
    const double target = 0.35;

    for (size_t i = 0; i < c->g->npart; i++) {
        take_others(c, i);                                     /* the part's response                              */
        theta_from_whole(c, i);
        bm_point_eval(c->part[i]->cur);
        c->evaluations++;
        double accept = move_theta(c, i, rng);                 /* theta_P, sigma | u_O, y   (b, u_P integrated out) */
        if (adapt > 0) c->scale[i] *= exp(adapt * (accept - target));
        theta_to_whole(c, i);
        draw_effects(c, i, rng);                               /* b, u_P | theta_P, sigma, u_O, y                  */
        if (moments) part_moments(c, i, moments);
    }
    mix_priors(c, rng);
    if (moments) bm_moments_add(moments, 1);
}

/* ---- the start ---- */

bm_status bm_gibbs_find(bm_gibbs_chain *c, bm_gibbs *g, bm_rng *rng, int sweeps, bm_error *err)
{
    bm_status st = BM_OK;

    for (int t = 0; t < sweeps; t++)
        for (size_t i = 0; i < g->npart; i++) {
            bm_part_state *s = c->part[i];
            double        *C = g->C + g->C_at[i];
            size_t         d = s->post.th.d;
            bool           found;

            take_others(c, i);
            if (d && (st = bm_find_mode(&s->post, s->cur->x, C, &found, &c->evaluations, err)) != BM_OK) return st;
            if (d && bm_chol(d, C) != BM_OK)
                for (size_t k = 0; k < d * d; k++) C[k] = k % (d + 1) == 0 ? 0.3 : 0;
            if (bm_point_eval(s->cur) != BM_OK) return bm_fail(err, BM_ENUMERIC, "the posterior has no density where the sampler starts");
            theta_to_whole(c, i);
            draw_effects(c, i, rng);
        }
    return BM_OK;
}

void bm_gibbs_disperse(bm_gibbs_chain *c, const bm_gibbs_chain *from, bm_rng *rng)
{
    const bm_gibbs *g = c->g;
    const bm_stats *st = g->post->st;
    double          wide = 2;

    if (c != from) {
        memcpy(c->whole->x, from->whole->x, g->post->th.d * sizeof *c->x);
        memcpy(c->u, from->u, 2 * g->post->nu * sizeof *c->u);
        memcpy(c->Bv, from->Bv, st->nfac * st->p * sizeof *c->Bv);
        memcpy(c->W, from->W, g->npart * sizeof *c->W);
        c->rss = from->rss;
    }
    for (size_t i = 0; i < g->npart; i++) {
        bm_part_state *s = c->part[i];
        size_t         d = s->post.th.d;

        take_others(c, i);
        for (int tries = 0; d && tries < 100; tries++, wide *= 0.93) {
            bm_rng_normals(rng, c->x, d);
            theta_from_whole(c, i);
            step_from(s->cur->x, g->C + g->C_at[i], d, wide * sqrt(3 / bm_rng_chisq(rng, 3)), c->x, s->cur->x);
            if (bm_point_eval(s->cur) == BM_OK) break;
            theta_from_whole(c, i);
        }
        theta_to_whole(c, i);
    }
}

/* ---- the density ---- */

/* log density of the effects of one factor: sum over levels of log N(u; 0, L L'). An effect whose sd is 0 counts nothing. */
static double effects_logpdf(const bm_facstat *f, const double *L, const double *u)
{
    size_t q = f->q, free_effects = 0;
    double sum = 0, log_det = 0, z[64];

    for (size_t i = 0; i < q; i++) {
        free_effects += L[i + i * q] != 0;
        log_det += L[i + i * q] != 0 ? log(fabs(L[i + i * q])) : 0;
    }
    for (size_t j = 0; j < f->J; j++, u += q)
        for (size_t i = 0; i < q; i++) {
            z[i] = u[i];
            for (size_t k = 0; k < i; k++) z[i] -= L[i + k * q] * z[k];
            z[i] = L[i + i * q] != 0 ? z[i] / L[i + i * q] : 0;
            sum += z[i] * z[i];
        }
    return -(double)f->J * (log_det + 0.5 * (double)free_effects * log(2 * M_PI)) - 0.5 * sum;
}

double bm_gibbs_lp(bm_gibbs_chain *c)
{
    const bm_stats      *st = c->g->post->st;
    const bm_coef_prior *cp = c->part[0]->cur->m->cp;
    size_t               p = st->p, at = 0;
    double               lp, rss = c->rss, s2;

    bm_point_prior(c->whole);
    s2 = c->whole->sigma * c->whole->sigma;
    lp = c->whole->lp_nat + cp->log_norm;
    for (size_t m = 0; m < cp->nform; m++) {
        double e = bm_dot(p, cp->form + m * p, c->beta) - cp->gap[m];

        lp -= 0.5 * cp->prec[m] * e * e;
    }
    for (size_t k = 0; k < st->nfac; k++) {
        lp += effects_logpdf(&st->fac[k], c->whole->L + at, c->u + c->g->first[k]);
        rss += 2 * bm_dot(p, c->beta, c->Bv + k * p);
        at += st->fac[k].q * st->fac[k].q;
    }
    for (size_t k = 0; k < p; k++) rss += c->beta[k] * (bm_dot(p, st->XX + k * p, c->beta) - 2 * st->Xy[k]);
    return lp - 0.5 * ((double)st->n * log(2 * M_PI * s2) - st->sum_log_w + rss / s2);
}
