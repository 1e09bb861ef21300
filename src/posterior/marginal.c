/* marginal.c: the marginal likelihood of (L, sigma), coefficients and group effects integrated out, and its exact gradient.
 *
 * In the basis of the statistics, with A_j = Z_j'W Z_j, D_j = Z_j'W [X | y], T = Kz^-1 L / sigma:
 *     M_j = I + T'A_j T = C_j C_j',   F_j = [E_j | f_j] = C_j^-1 T'D_j
 *     S = X'WX - sum E'E + sigma^2 P = R R',   r = X'Wy - sum E'f + sigma^2 h,   beta = S^-1 r
 *     Q = y'Wy - sum f'f + sigma^2 c0 - r'beta
 *     log p = -1/2 [N log(2 pi sigma^2) - sum log w + 2 sum log|C_j| + log|S| - p log(2 pi sigma^2) + Q / sigma^2] + log|K| + log_norm
 * (b integrated over b = b0 + K beta, hence |K|; log_norm normalises the prior: coef_prior.c). Bates et al. 2015, JSS 67(1), sec. 3 for P = 0.
 *
 * Gradient. With W_j = A_j T M_j^-1, g_j = c_j - B_j beta, Y_j = B_j S^-1 B_j' + g_j g_j' / sigma^2, from d log|M| = 2 tr(M^-1 T'A dT) and
 * d(T M^-1 T') = (I - T M^-1 T'A) dT M^-1 T' + transpose:
 *     d log p / dT = sum_j (I - W_j T') Y_j T M_j^-1 - W_j
 * (ML: Y without its first term). And at fixed T, from dQ / d sigma^2 = (b - m)'P(b - m) at the conditional mode:
 *     d log p / d log sigma = -[N - p + sigma^2 tr(S^-1 P) - Q / sigma^2 + (b - m)'P(b - m)].
 * No T^-1 anywhere: a zero variance and a correlation of one are ordinary points.
 *
 * Several grouping factors: the same with M = I + T'Z'WZT over all of them, which is no longer block diagonal (joint.c). */
#include "posterior/posterior_priv.h"

#include "posterior/cholmod_lib.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- packing ---- */

static void pack_group(const bm_pack *k, const bm_facstat *f, size_t j)
{
    size_t  q = f->q, p = f->p, lane = j % BM_LANES, b = j / BM_LANES, at = 0;
    double *A = k->A + b * (q * (q + 1) / 2) * BM_LANES + lane, *D = k->D + b * q * (p + 1) * BM_LANES + lane;

    for (size_t c = 0; c < q; c++)
        for (size_t r = c; r < q; r++) A[at++ * BM_LANES] = f->A[j * q * q + r + c * q];
    for (size_t i = 0; i < q * p; i++) D[i * BM_LANES] = f->B[j * q * p + i];
    for (size_t i = 0; i < q; i++) D[(q * p + i) * BM_LANES] = f->c[j * q + i];
}

static bm_status pack_factor(bm_pack *k, const bm_facstat *f, bool alone)
{
    k->J = f->J;
    k->q = f->q;
    k->p = f->p;
    k->nbatch = (f->J + BM_LANES - 1) / BM_LANES;
    k->A = bm_alloc(k->nbatch * (f->q * (f->q + 1) / 2) * BM_LANES, sizeof *k->A);
    k->D = bm_alloc(k->nbatch * f->q * (f->p + 1) * BM_LANES, sizeof *k->D);
    if (!k->A || !k->D) return BM_ENOMEM;
    for (size_t j = 0; j < f->J; j++) pack_group(k, f, j);
    return alone ? bm_classes_new(&k->classes, f) : BM_OK;
}

static bool one_effect_each(const bm_stats *st)
{
    for (size_t k = 0; k < st->nfac; k++)
        if (st->fac[k].q != 1) return false;
    return true;
}

/* The pattern of the common factorisation, or none where it would be out of all proportion. */
static bm_status pack_joint(bm_packed *k, const bm_stats *st, bm_error *err)
{
    const size_t most_bytes = (size_t)2 << 30, most_entries = 20u << 20;
    size_t       nnz = 0;
    bm_status    status;

    if (st->nfac > BM_FACTORS_MAX)
        return bm_fail(err, BM_EINVAL, "the formula has %zu grouping factors; at most %d are supported", st->nfac, BM_FACTORS_MAX);
    for (size_t i = 0; i < st->nfac; i++)
        for (size_t l = i + 1; l < st->nfac; l++) nnz += bm_stats_cross(st, i, l)->nnz;
    if (nnz > most_entries) return BM_OK;
    status = one_effect_each(st) ? bm_thin_new(&k->thin, st, most_bytes, err) : bm_joint_new(&k->joint, st, most_bytes, err);
    return status == BM_NOT_PD ? BM_OK : status;
}

/* Loads the libraries of a model with matrices too large for the loops of base: those of coefficients, of theta, of both, of the levels of several factors. */
static bm_status load_libraries(const bm_stats *st, bm_error *err)
{
    const size_t few = 64;
    size_t       n = st->p + 2, levels = 0;

    for (size_t i = 0; i < st->nfac; i++) {
        n += st->fac[i].q * (st->fac[i].q + 1) / 2;
        levels += st->nfac > 1 ? st->fac[i].J * st->fac[i].q : 0;
    }
    if (levels > few && !bm_cholmod_load(err)) return BM_ELIBRARY;
    return n > BM_DENSE_SMALL || levels > few ? bm_blas_load(err) : BM_OK;
}

bm_status bm_packed_new(bm_packed **out, const bm_stats *st, bm_error *err)
{
    bm_packed *k = bm_alloc(1, sizeof *k);

    *out = NULL;
    if (!k || !(k->fac = bm_alloc(st->nfac, sizeof *k->fac))) goto fail;
    k->nfac = st->nfac;
    k->scratch = 64;
    if (load_libraries(st, err) != BM_OK) goto fail;
    if (st->nfac > 1 && pack_joint(k, st, err) != BM_OK) goto fail;
    for (size_t i = 0; i < st->nfac; i++) {
        size_t want = bm_kernel_scratch(st->fac[i].q, st->p);

        if (pack_factor(&k->fac[i], &st->fac[i], st->nfac == 1) != BM_OK) goto fail;
        if (k->fac[i].classes) want += k->fac[i].classes->n * st->fac[i].q * st->fac[i].q;
        if (want > k->scratch) k->scratch = want;
    }
    *out = k;
    return BM_OK;
fail:
    bm_packed_free(k);
    return err && err->code != BM_OK ? err->code : bm_nomem(err);
}

bm_status bm_packed_view(bm_packed **out, const bm_packed *from, bm_error *err)
{
    bm_packed *k = bm_alloc(1, sizeof *k);
    size_t     own = 0;

    *out = NULL;
    if (!k) return bm_nomem(err);
    *k = *from;
    k->view = true;
    if (from->thin && !(k->thin = bm_thin_share(from->thin))) {
        free(k);
        return bm_nomem(err);
    }
    if ((k->fac = bm_alloc(k->nfac, sizeof *k->fac)))
        for (; own < k->nfac; own++) {
            bm_pack *f = &k->fac[own];

            *f = from->fac[own];
            f->c = bm_alloc(f->nbatch * f->q * BM_LANES, sizeof(double));
            f->classes = from->joint || !f->classes ? NULL : bm_classes_share(f->classes);
            if (f->c && (f->classes || from->joint || !from->fac[own].classes)) continue;
            free((double *)f->c);
            break;
        }
    if (k->fac && own == k->nfac) {
        *out = k;
        return BM_OK;
    }
    k->nfac = own;                                   /* those that are its own */
    bm_packed_free(k);
    return bm_nomem(err);
}

void bm_packed_refresh(bm_packed *view, const bm_stats *st)
{
    if (view->thin) bm_thin_response(view->thin, st);
    for (size_t k = 0; k < st->nfac; k++) {
        const bm_facstat *f = &st->fac[k];
        double           *c = (double *)view->fac[k].c;
        size_t            q = f->q;

        for (size_t j = 0; j < f->J; j++)
            for (size_t i = 0; i < q; i++) c[(j / BM_LANES * q + i) * BM_LANES + j % BM_LANES] = f->c[j * q + i];
        if (view->fac[k].classes) bm_classes_response(view->fac[k].classes, f->B, f->c);
    }
}

double bm_packed_seconds(const bm_packed *k)
{
    const double      level = 8e-9, class = 15e-9;
    const bm_classes *c;

    if (k->nfac > 1) return k->thin ? k->thin->seconds : k->joint ? k->joint->seconds : INFINITY;
    if (k->nfac == 0) return 0;
    c = k->fac->classes;
    return (c ? class * (double)c->n : level * (double)k->fac->J) * (double)(k->fac->q * k->fac->q);
}

void bm_packed_free(bm_packed *k)
{
    if (!k) return;
    if (!k->view) bm_joint_free(k->joint);
    bm_thin_free(k->thin);
    for (size_t i = 0; k->fac && i < k->nfac; i++) {
        if (k->view) {
            free((double *)k->fac[i].c);
            bm_classes_unshare(k->fac[i].classes);
            continue;
        }
        free(k->fac[i].A);
        free(k->fac[i].D);
        bm_classes_free(k->fac[i].classes);
    }
    free(k->fac);
    free(k);
}

/* ---- a point ---- */

bm_status bm_marginal_new(bm_marginal **out, const bm_stats *st, const bm_packed *pk, const bm_coef_prior *cp, bm_criterion kind, bm_error *err)
{
    size_t       p = st->p, part = 0;
    bm_marginal *m = bm_alloc(1, sizeof *m);

    *out = NULL;
    if (!m) return bm_nomem(err);
    m->st = st;
    m->pk = pk;
    m->kind = kind;
    m->p = p;
    for (size_t k = 0; k < st->nfac; k++) m->nL += st->fac[k].q * st->fac[k].q;
    m->T = bm_alloc(m->nL, sizeof *m->T);
    m->S = bm_alloc(p * p, sizeof *m->S);
    m->Rinv = bm_alloc(p * p, sizeof *m->Rinv);
    m->beta = bm_alloc(p, sizeof *m->beta);
    m->dL = bm_alloc(m->nL, sizeof *m->dL);
    m->team = bm_alloc(1, sizeof *m->team);
    for (size_t k = 0; k < st->nfac; k++) part += bm_blocks_room(st->fac[k].J, st->fac[k].q, p);
    if (!m->T || !m->S || !m->Rinv || !m->beta || !m->dL || !m->team || !(m->team->part = bm_alloc(part, sizeof *m->team->part))) goto fail;
    if (bm_marginal_threads(m, 1) != BM_OK) goto fail;
    if (cp && bm_coef_prior_copy(&m->cp, cp, err) != BM_OK) goto fail;
    if (st->nfac > 1 && !pk->joint && !pk->thin) {
        bm_marginal_free(m);
        return bm_fail(err, BM_EINVAL, "%zu grouping factors that are crossed as widely as these do not fit in memory for an exact joint factorisation; "
                                       "fit samples them one at a time with --sampler gibbs", st->nfac);
    }
    if (pk->joint && bm_joint_work_new(&m->joint, pk->joint, p, err) != BM_OK) goto fail;
    if (pk->thin && bm_thin_work_new(&m->thin, pk->thin, err) != BM_OK) goto fail;
    *out = m;
    return BM_OK;
fail:
    bm_marginal_free(m);
    return bm_nomem(err);
}

bm_status bm_marginal_threads(bm_marginal *m, int threads)
{
    size_t  each = (m->pk->scratch + BM_LANES - 1) / BM_LANES * BM_LANES, n = (size_t)threads * each + (m->p + 1) * (m->p + 1);
    double *scratch = aligned_alloc(64, (n * sizeof *scratch + 63) / 64 * 64);

    if (!scratch) return BM_ENOMEM;
    free(m->scratch);
    m->scratch = m->team->scratch = scratch;
    m->team->threads = threads;
    m->team->each = each;
    return BM_OK;
}

void bm_marginal_free(bm_marginal *m)
{
    if (!m) return;
    bm_coef_prior_free(m->cp);
    bm_joint_work_free(m->joint);
    bm_thin_work_free(m->thin);
    free(m->T);
    free(m->S);
    free(m->Rinv);
    free(m->beta);
    free(m->dL);
    if (m->team) free(m->team->part);
    free(m->team);
    free(m->scratch);
    free(m);
}

/* T = Kz^-1 L / sigma by back substitution in the upper triangular Kz. */
static void scale_factor(const bm_facstat *f, const double *L, double sigma, double *T)
{
    size_t q = f->q;

    for (size_t c = 0; c < q; c++)
        for (size_t r = q; r-- > 0;) {
            double v = L[r + c * q] / sigma;

            for (size_t k = r + 1; k < q; k++) v -= f->Kz[r + k * q] * T[k + c * q];
            T[r + c * q] = v / f->Kz[r + r * q];
        }
}

/* SF ((p+1) x (p+1), lower): what is left of [X | y]'W[X | y] when the groups' share is taken out, plus the prior's. */
static void left_over(const bm_marginal *m, double *SF)
{
    size_t          p = m->p, p1 = p + 1;
    const bm_stats *st = m->st;
    double          s2 = m->sigma * m->sigma;

    for (size_t j = 0; j < p; j++) {
        for (size_t i = j; i < p; i++) SF[i + j * p1] = st->XX[i + j * p] + (m->cp ? s2 * m->cp->P[i + j * p] : 0);
        SF[p + j * p1] = st->Xy[j] + (m->cp ? s2 * m->cp->h[j] : 0);
    }
    SF[p + p * p1] = st->yy + (m->cp ? s2 * m->cp->c0 : 0);
}

/* Factorises S, solves for beta, and sets Q. */
static bm_status solve_fixed(bm_marginal *m, const double *SF)
{
    size_t p = m->p, p1 = p + 1;

    for (size_t j = 0; j < p; j++) {
        for (size_t i = j; i < p; i++) m->S[i + j * p] = SF[i + j * p1];
        m->beta[j] = SF[p + j * p1];
    }
    for (size_t j = 0; !m->cp && j < p; j++)
        if (m->st->aliased[j]) {                     /* an aliased column is left out: its coefficient stays at b0 */
            for (size_t i = 0; i < p; i++) m->S[i >= j ? i + j * p : j + i * p] = 0;
            m->S[j + j * p] = 1;
            m->beta[j] = 0;
        }
    if (bm_chol(p, m->S) != BM_OK) return BM_NOT_PD;
    bm_solve_lower(p, 1, m->S, m->beta);
    m->Q = SF[p + p * p1] - bm_dot(p, m->beta, m->beta);
    bm_solve_lower_t(p, 1, m->S, m->beta);
    return BM_OK;
}

static double factor_eval(const bm_pack *k, const bm_team *team, const double *T, double *SF)
{
    return k->classes ? bm_classes_eval(k->classes, T, SF, team->scratch) : bm_blocks_eval(k, team, T, SF);
}

bm_status bm_marginal_eval(bm_marginal *m, const double *L, double sigma)
{
    const bm_stats *st = m->st;
    double         *SF = m->scratch + (size_t)m->team->threads * m->team->each, log_M = 0, log_S = 0, l2s = log(2 * M_PI * sigma * sigma);
    size_t          p = m->p, at = 0;

    m->sigma = sigma;
    m->have_Rinv = false;
    m->logp = -INFINITY;
    if (!(sigma > 0) || !isfinite(sigma)) return BM_NOT_PD;
    left_over(m, SF);
    for (size_t k = 0; k < st->nfac; k++) {
        size_t q = st->fac[k].q;

        scale_factor(&st->fac[k], L + at, sigma, m->T + at);
        if (st->nfac == 1) log_M += factor_eval(&m->pk->fac[k], m->team, m->T + at, SF);
        at += q * q;
    }
    if (m->joint) log_M = bm_joint_eval(m->pk->joint, m->joint, st, m->T, SF);
    if (m->thin) log_M = bm_thin_eval(m->pk->thin, m->thin, m->T, SF);
    if (!isfinite(log_M)) return BM_NOT_PD;
    if (solve_fixed(m, SF) != BM_OK) return BM_NOT_PD;
    if (m->kind == BM_BAYES && m->Q < -sigma * sigma) return BM_NOT_PD;      /* a sum of squares: lost in rounding, at a sigma far below the sds */
    m->sum_log_C = log_M / 2;
    for (size_t j = 0; j < p; j++) log_S += 2 * log(m->S[j + j * p]);
    m->logp = -0.5 * ((double)st->n * l2s - st->sum_log_w + log_M + m->Q / (sigma * sigma));
    if (m->kind == BM_BAYES) m->logp += -0.5 * (log_S - (double)p * l2s) + st->log_det_K + m->cp->log_norm;
    if (m->kind == BM_REML) m->logp += -0.5 * (log_S - (double)st->rank * l2s) + st->log_det_K1;
    if (!isfinite(m->logp)) {
        m->logp = -INFINITY;
        return BM_NOT_PD;
    }
    return BM_OK;
}

bm_status bm_marginal_profile_sigma(bm_marginal *m)
{
    double df = (double)m->st->n - (m->kind == BM_REML ? (double)m->st->rank : 0), s2 = m->sigma * m->sigma;

    if (!(df > 0) || !(m->Q > 0) || !isfinite(m->Q / df)) return BM_NOT_PD;
    m->logp += 0.5 * (m->Q / s2 - df - df * log(m->Q / df / s2));
    m->sigma = sqrt(m->Q / df);
    return BM_OK;
}

void bm_marginal_invert(bm_marginal *m)
{
    size_t p = m->p;

    if (m->have_Rinv) return;
    memset(m->Rinv, 0, p * p * sizeof *m->Rinv);
    for (size_t j = 0; j < p; j++) m->Rinv[j + j * p] = 1;
    bm_solve_lower(p, p, m->S, m->Rinv);
    for (size_t j = 0; !m->cp && j < p; j++)
        if (m->st->aliased[j]) m->Rinv[j + j * p] = 0;
    m->have_Rinv = true;
}

/* sigma^2 tr(S^-1 P) + (b - m)'P(b - m) */
static double prior_pull(const bm_marginal *m)
{
    const bm_coef_prior *c = m->cp;
    size_t               p = m->p;
    double               total = 0, *v = m->scratch;

    for (size_t f = 0; c && f < c->nform; f++) {
        const double *form = c->form + f * p;
        double        e = bm_dot(p, form, m->beta) - c->gap[f];

        memcpy(v, form, p * sizeof *v);
        bm_solve_lower(p, 1, m->S, v);
        total += c->prec[f] * (m->sigma * m->sigma * bm_dot(p, v, v) + e * e);
    }
    return total;
}

/* dL = Kz'^-1 G / sigma; returns tr(G'T). */
static double back_to_L(const bm_facstat *f, const double *G, const double *T, double sigma, double *dL)
{
    size_t q = f->q;

    for (size_t c = 0; c < q; c++)
        for (size_t r = 0; r < q; r++) {
            double v = G[r + c * q] / sigma;

            for (size_t k = 0; k < r; k++) v -= f->Kz[k + r * q] * dL[k + c * q];
            dL[r + c * q] = v / f->Kz[r + r * q];
        }
    return bm_dot(q * q, G, T);
}

bm_status bm_marginal_gradient(bm_marginal *m)
{
    const bm_stats *st = m->st;
    size_t          at = 0;
    double          s2 = m->sigma * m->sigma, G[BM_QMAX * BM_QMAX], *all = NULL, *Rinv = m->kind == BM_ML ? NULL : m->Rinv;
    size_t          df = m->kind == BM_ML ? 0 : m->kind == BM_REML ? st->rank : m->p;

    if (m->kind != BM_ML) bm_marginal_invert(m);
    m->dlog_sigma = -((double)st->n - (double)df - m->Q / s2 + (m->cp ? prior_pull(m) : 0));
    if (st->nfac > 1) {
        bm_status done = (all = bm_alloc(m->nL, sizeof *all)) ? BM_OK : BM_ENOMEM;

        if (done == BM_OK && m->joint) done = bm_joint_gradient(m->pk->joint, m->joint, st, m->T, m->beta, Rinv, m->sigma, all);
        else if (done == BM_OK) done = bm_thin_gradient(m->pk->thin, m->thin, m->beta, Rinv, m->sigma, all);
        if (done != BM_OK) {
            free(all);
            return done;
        }
    }
    for (size_t k = 0; k < st->nfac; k++) {
        size_t q = st->fac[k].q;

        memset(G, 0, q * q * sizeof *G);
        if (!all && m->pk->fac[k].classes) bm_classes_gradient(m->pk->fac[k].classes, m->T + at, m->beta, Rinv, m->sigma, G, m->team->scratch);
        else if (!all) bm_blocks_gradient(&m->pk->fac[k], m->team, m->T + at, m->beta, Rinv, m->sigma, G);
        m->dlog_sigma -= back_to_L(&st->fac[k], all ? all + at : G, m->T + at, m->sigma, m->dL + at);
        at += q * q;
    }
    free(all);
    return BM_OK;
}
