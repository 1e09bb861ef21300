/* results.c: what follows from the draws: summaries, group effects, shares of variance, and reasons not to trust them. */
#include "api/fit_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rao-Blackwellised moments beside the raw ones ---- */

static void add_exact_moments(bm_fit *f, const bm_moments *m)
{
    size_t p = f->model->stats->p;

    for (size_t v = 0; v < f->draws->nvar; v++) f->summary[v].rb_mean = f->summary[v].rb_sd = NAN;
    for (size_t k = 0; k < p; k++) {
        f->summary[1 + k].rb_mean = bm_moments_mean(m, k);
        f->summary[1 + k].rb_sd = bm_moments_sd(m, k);
    }
    for (size_t v = f->nmonitored, k = p; v < f->draws->nvar; v++, k++) {
        f->summary[v].rb_mean = bm_moments_mean(m, k);
        f->summary[v].rb_sd = bm_moments_sd(m, k);
    }
}

/* ---- group effects ---- */

/* Of an effect whose draws are a variable of the fit. */
static void quantiles_known(bm_ranef_row *r, const bm_summary_row *s)
{
    r->q5 = s->q5;
    r->q50 = s->median;
    r->q95 = s->q95;
}

/* The worst parameter's. */
static double smallest_ess(const bm_fit *f)
{
    double least = INFINITY;

    for (size_t v = 1; v < f->nmonitored; v++) least = fmin(least, f->summary[v].ess_bulk);       /* NaN, of a constant, is passed over */
    return least;
}

/* Where quantiles come from fewer draws than there are for want of memory, or are not known as well as what else is printed. */
static bm_status behind_quantiles(bm_fit *f, const bm_behind *b, bm_error *err)
{
    enum { ENOUGH = 250 };                           /* what room is made for, rounded down by the spacing of iterations */
    size_t all = f->draws->nchain * f->draws->niter;
    double ess = fmax(1, fmin(smallest_ess(f), (double)all)), shape = b->shape_error * sqrt(fmax(1, (double)b->normals / ess));
    double error = hypot(shape, b->moments_sd / sqrt(fmin(ess, fmax(1, (double)all / BM_MOMENTS_EVERY))));

    if ((b->normals >= ENOUGH || b->normals >= all / BM_MOMENTS_EVERY) && error < 0.02) return BM_OK;
    return bm_strv_addf(&f->notes, err, "quantiles of the %zu group effects are those of a mixture of their exact conditional distributions at %zu of the %zu draws, moved and "
                                        "scaled to means and sds that come from all exact conditional moments; they are known to %s%.1g of a posterior sd; --ranef-draws all keeps every draw",
                        f->nranef, b->normals, all, error < 0.001 ? "less than " : "about ", fmax(error, 0.001));
}

/* c: NULL where every draw is a variable of the fit */
static bm_status ranef_rows(bm_fit *f, const bm_moments *m, const bm_conditionals *c, bm_error *err)
{
    const bm_design *d = f->model->design;
    size_t           p = f->model->stats->p, at = 0;
    bm_behind        b;
    bm_status        st;

    f->nranef = f->model->post->nu;
    f->ranef = bm_alloc(f->nranef, sizeof *f->ranef);
    if (!f->ranef) return bm_fail(err, BM_ENOMEM, "out of memory for %zu group effects", f->nranef);
    for (size_t k = 0; k < d->nfac; k++)
        for (size_t j = 0; j < d->fac[k].J; j++)
            for (size_t i = 0; i < d->fac[k].q; i++, at++)
                f->ranef[at] = (bm_ranef_row){ .factor = k, .level = j, .term = i, .mean = bm_moments_mean(m, p + at), .sd = bm_moments_sd(m, p + at) };
    for (at = 0; !c && at < f->nranef; at++) quantiles_known(&f->ranef[at], &f->summary[f->nmonitored + at]);
    if (!c) return BM_OK;
    st = bm_conditionals_quantiles(c, f->draws->niter, f->ranef, f->opt.threads, &b, err);
    return st == BM_OK ? behind_quantiles(f, &b, err) : st;
}

/* ---- shares of variance ---- */

/* Mean over rows of z z' of one factor: with it, the mean variance that its effects give a row is tr(G mean zz'). */
static void mean_square(const bm_group *g, size_t n, double *M)
{
    for (size_t a = 0; a < g->q; a++)
        for (size_t b = 0; b < g->q; b++) M[a + b * g->q] = g->Z ? bm_dot(n, g->Z + a * n, g->Z + b * n) / (double)n : g->zz[a + b * g->q];
}

/* tr(G M) from the recorded sds and correlations of one draw; value(v) is monitored variable v of it. sd, cor: first variables. */
static double group_variance(const bm_group *g, const double *M, const double *x, size_t stride, size_t sd, size_t cor)
{
    double total = 0;

    for (size_t b = 0; b < g->nblock; b++) {
        const bm_block *blk = &g->block[b];

        for (size_t i = 0; i < blk->size; i++) {
            size_t gi = blk->first + i;
            double si = x[stride * (sd + gi)];

            total += si * si * M[gi + gi * g->q];
            for (size_t j = 0; j < i; j++, cor++) {
                size_t gj = blk->first + j;

                total += 2 * x[stride * cor] * si * x[stride * (sd + gj)] * M[gi + gj * g->q];
            }
        }
    }
    return total;
}

static double residual_variance(const bm_fit *f, const double *x, size_t stride)
{
    double s = f->model->priors->has_sigma ? x[stride * (f->nmonitored - 1)] : 1;

    return s * s * f->model->design->mean_variance;
}

static bm_status derived_row(bm_fit *f, char *name, char *meaning, double *share, size_t n, bm_error *err)
{
    static const double prob[] = { 0.025, 0.5, 0.975 };
    bm_derived_row     *r = &f->derived[f->nderived++];
    double              mean = 0, sq = 0, q[3];

    r->name = name;
    r->meaning = meaning;
    if (!name || !meaning) return bm_nomem(err);
    for (size_t i = 0; i < n; i++) mean += share[i] / (double)n;
    for (size_t i = 0; i < n; i++) sq += (share[i] - mean) * (share[i] - mean);
    bm_quantiles_any(share, n, prob, 3, q);
    r->mean = mean;
    r->sd = n > 1 ? sqrt(sq / (double)(n - 1)) : NAN;
    r->q2_5 = q[0];
    r->q50 = q[1];
    r->q97_5 = q[2];
    return BM_OK;
}

static char *text2(const char *fmt, const char *a)
{
    bm_buf b = { 0 };

    bm_buf_printf(&b, fmt, a);
    if (b.failed) bm_buf_free(&b);
    return b.s;
}

/* Variance that each factor and the residual make, for every draw: part (nfac + 1) x n. */
static bm_status variance_parts(const bm_fit *f, double *part, bm_error *err)
{
    const bm_design *d = f->model->design;
    size_t           n = f->draws->nchain * f->draws->niter, sd = 1 + d->p, cor = sd + f->model->post->th.nsd;

    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k];
        double         *M = bm_alloc(g->q * g->q, sizeof *M);

        if (!M) return bm_nomem(err);
        mean_square(g, d->n, M);
        for (size_t i = 0; i < n; i++) part[k * n + i] = group_variance(g, M, f->draws->x + i, n, sd, cor);
        free(M);
        sd += g->q;
        for (size_t b = 0; b < g->nblock; b++) cor += g->block[b].size * (g->block[b].size - 1) / 2;
    }
    for (size_t i = 0; i < n; i++) part[d->nfac * n + i] = residual_variance(f, f->draws->x + i, n);
    return BM_OK;
}

static bm_status derived_rows(bm_fit *f, bm_error *err)
{
    const bm_design *d = f->model->design;
    size_t           n = f->draws->nchain * f->draws->niter;
    double          *part;
    bm_status        st;

    if (!d->nfac) return BM_OK;
    part = bm_alloc((d->nfac + 1) * n, sizeof *part);
    f->derived = bm_alloc(d->nfac + 1, sizeof *f->derived);
    if (!part || !f->derived) {
        free(part);
        return bm_nomem(err);
    }
    st = variance_parts(f, part, err);
    for (size_t i = 0; i < n && st == BM_OK; i++) {
        double total = 0;

        for (size_t k = 0; k <= d->nfac; k++) total += part[k * n + i];
        for (size_t k = 0; k <= d->nfac; k++) part[k * n + i] /= total;
    }
    for (size_t k = 0; k < d->nfac && st == BM_OK; k++) {
        const bm_group *g = &d->fac[k];
        bool            icc = g->q == 1 && strcmp(g->znames[0], "Intercept") == 0;

        st = derived_row(f, text2(icc ? "icc_%s" : "share_%s", g->name),
                         text2(icc ? "intraclass correlation: share of the variance about the fixed part that lies between levels of %s"
                                   : "share of the variance about the fixed part that the effects of %s make, averaged over rows", g->name),
                         part + k * n, n, err);
    }
    if (st == BM_OK)
        st = derived_row(f, bm_strdup("share_residual"), bm_strdup("share of the variance about the fixed part that is residual"), part + d->nfac * n, n, err);
    free(part);
    return st;
}

/* ---- warnings ---- */

size_t bm_fit_untrusted(const bm_fit *f)
{
    size_t n = 0;

    for (size_t v = 0; v < f->nmonitored; v++) n += bm_summary_doubtful(&f->summary[v], f->draws->nchain);
    return n;
}

const char *bm_fit_untrusted_name(const bm_fit *f, size_t i)
{
    for (size_t v = 0; v < f->nmonitored; v++)
        if (bm_summary_doubtful(&f->summary[v], f->draws->nchain) && i-- == 0) return f->summary[v].name;
    return NULL;
}

static bm_status warn(bm_fit *f, bm_error *err)
{
    bm_status st = BM_OK;
    size_t    unjudged = 0;

    for (size_t v = 0; v < f->nmonitored && st == BM_OK; v++) {
        const bm_summary_row *r = &f->summary[v];

        if (!bm_summary_doubtful(r, f->draws->nchain)) continue;
        if (isnan(r->ess_bulk)) unjudged++;
        else
            st = bm_strv_addf(&f->warnings, err, "%s: R-hat %.3f, bulk ESS %.0f, tail ESS %.0f: do not trust it yet; raise --warmup and --draws", r->name, r->rhat,
                              r->ess_bulk, r->ess_tail);
    }
    if (st == BM_OK && unjudged)
        st = bm_strv_addf(&f->warnings, err, "%zu draw%s per chain cannot be judged: neither R-hat nor effective sample sizes are known; raise --draws", f->draws->niter,
                          f->draws->niter == 1 ? "" : "s");
    if (st == BM_OK && bm_weights_degenerate(f->run.pareto_k, f->run.top_ratio))
        st = bm_strv_addf(&f->warnings, err, "the proposal does not cover a tail of the posterior (Pareto k %.2f > 0.7): estimates may be off though R-hat is good; raise "
                                             "--warmup, or use a less heavy-tailed prior on the sds", f->run.pareto_k);
    if (st == BM_OK && f->run.interrupted)
        st = bm_strv_addf(&f->warnings, err, "interrupted: %zu of %d draws per chain", f->draws->niter, f->opt.draws);
    return st;
}

bm_status bm_fit_results(bm_fit *f, const bm_mcmc_info *info, const bm_conditionals *c, bm_error *err)
{
    bm_status st;

    if ((st = bm_summarise(&f->summary, f->draws, f->opt.threads, err)) != BM_OK) return st;
    add_exact_moments(f, info->moments);
    if ((st = ranef_rows(f, info->moments, c, err)) != BM_OK) return st;
    if ((st = derived_rows(f, err)) != BM_OK) return st;
    return warn(f, err);
}

/* ---- handing over to the reports ---- */

void bm_fit_view(const bm_fit *f, bm_result *r)
{
    const bm_model *m = f->model;

    *r = (bm_result){ .spec = m->spec, .frame_info = m->frame, .design = m->design, .priors = m->priors, .options = &f->opt, .draws = f->draws,
                      .nmonitored = f->nmonitored, .summary = f->summary, .ranef = f->ranef, .nranef = f->nranef, .derived = f->derived,
                      .nderived = f->nderived, .run = &f->run, .notes = &f->notes, .warnings = &f->warnings };
}

bm_status bm_fit_write(const bm_fit *f, const char *dir, const bm_write_options *opt, bm_error *err)
{
    const bm_write_options defaults = BM_WRITE_OPTIONS_INIT;
    bm_result              r;

    bm_fit_view(f, &r);
    return bm_report_dir(&r, dir, opt ? opt : &defaults, err);
}

bm_status bm_fit_print(const bm_fit *f, FILE *out, const bm_print_options *opt, bm_error *err)
{
    const bm_print_options defaults = BM_PRINT_OPTIONS_INIT;
    bm_result              r;

    bm_fit_view(f, &r);
    return bm_report_fit(&r, out, opt ? opt : &defaults, err);
}

bm_status bm_check_output(const char *dir, bool force, bm_error *err)
{
    return bm_report_check_dir(dir, force, err);
}

bm_status bm_draws_print(const bm_draws *d, FILE *out, const bm_summary_options *sopt, const bm_print_options *opt, bm_error *err)
{
    const bm_summary_options sdefaults = BM_SUMMARY_OPTIONS_INIT;
    const bm_print_options   defaults = BM_PRINT_OPTIONS_INIT;
    bm_summary_row          *rows = NULL;
    bm_status                st = bm_summarise(&rows, d, 0, err);

    if (st == BM_OK) st = bm_report_summary_table(d, rows, out, sopt ? sopt : &sdefaults, opt ? opt : &defaults, err);
    free(rows);
    return st;
}
