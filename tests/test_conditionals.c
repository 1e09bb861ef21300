/* Quantiles of group effects whose draws are not kept, against quadrature over the sds, in models with little information where the effects' posteriors are
 * far from normal: their error from few kept distributions, in every sampler; that many draws say the same; and that to ask for the distributions changes no draw. */
#include "testing.h"

#include "api/fit_priv.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_linalg.h>

enum { CHAINS = 4, ROWS_MAX = 40, E_MAX = 16 };
static const double PRIOR_SCALE = 10, P[] = { 0.05, 0.5, 0.95 };

/* ---- two models: eight schools; and a few ratings, crossed, some missing. Known residual sds, a flat intercept, half-Cauchy sds. ---- */

typedef struct { size_t n, nfac, J[2]; double y[ROWS_MAX], se[ROWS_MAX]; size_t code[2][ROWS_MAX]; } rows;

static rows eight_schools(void)
{
    return (rows){ .n = 8, .nfac = 1, .J = { 8 }, .y = { 28, 8, -3, 7, -1, 1, 18, 12 }, .se = { 15, 10, 16, 11, 9, 11, 10, 18 }, .code = { { 0, 1, 2, 3, 4, 5, 6, 7 } } };
}

static rows ratings(void)
{
    rows r = { .nfac = 2, .J = { 7, 4 } };

    for (size_t i = 0; i < 7; i++)
        for (size_t j = 0; j < 4; j++) {
            if ((i * 5 + j * 3) % 4 == 1) continue;
            r.y[r.n] = 6 * sin((double)(3 * i)) + 9 * cos((double)(2 * j)) + 7 * sin((double)(i * 11 + j * 17));
            r.se[r.n] = 6;
            r.code[0][r.n] = i;
            r.code[1][r.n++] = j;
        }
    return r;
}

static bm_model *model_with(const rows *r, const char *formula)
{
    static const char *const priors[] = { "b ~ flat()", "sd ~ half_cauchy(0, 10)" };
    static const char *const names[] = { "0", "1", "2", "3", "4", "5", "6", "7" };
    bm_error    err = { 0 };
    bm_frame   *frame = NULL;
    bm_spec    *s = NULL;
    bm_model   *m = NULL;
    const char *level[ROWS_MAX];
    double      x[ROWS_MAX];

    for (size_t i = 0; i < r->n; i++) x[i] = (double)(i * 7 % 5);
    bm_assert_ok(bm_frame_new(&frame, r->n, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "x", x, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "y", r->y, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "se", r->se, &err), err);
    for (size_t k = 0; k < r->nfac; k++) {
        for (size_t i = 0; i < r->n; i++) level[i] = names[r->code[k][i]];
        bm_assert_ok(bm_frame_add_factor(frame, k ? "h" : "g", level, &err), err);
    }
    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", formula, &err), err);
    bm_assert_ok(bm_spec_set(s, "se", "se", &err), err);
    for (size_t i = 0; i < 2; i++) bm_assert_ok(bm_spec_set(s, "prior", priors[i], &err), err);
    bm_assert_ok(bm_model_new(&m, s, frame, &err), err);
    bm_spec_free(s);
    bm_frame_free(frame);
    return m;
}

static bm_model *model_of(const rows *r)
{
    return model_with(r, r->nfac > 1 ? "y ~ 1 + (1 | g) + (1 | h)" : "y ~ 1 + (1 | g)");
}

/* ---- the truth: effects are normal given the sds; over these, quadrature in t = 2/pi arctan(sd / scale), in which the prior is uniform ---- */

enum { GRID1 = 3000, GRID2 = 250, POINTS = GRID2 * GRID2 };
typedef struct { size_t n, ne; double w[POINTS], m[POINTS][E_MAX], s[POINTS][E_MAX], q[E_MAX][3], sd[E_MAX]; } truth;

/* Intercept and effects together at these sds: their precision matrix, mode and log marginal density. */
static void at_point(const rows *r, const double *sd, truth *t)
{
    size_t      e = 1 + t->ne, k = t->n++;
    double      Q[(E_MAX + 1) * (E_MAX + 1)] = { 0 }, v[E_MAX + 1] = { 0 }, lp = 0, square = 0;
    gsl_matrix_view A = gsl_matrix_view_array(Q, e, e);
    gsl_vector_view x = gsl_vector_view_array(v, e);

    for (size_t i = 0; i < r->n; i++) {
        size_t at[3] = { 0, 1 + r->code[0][i], 1 + r->J[0] + r->code[1][i] };

        for (size_t a = 0; a <= r->nfac; a++) {
            v[at[a]] += r->y[i] / (r->se[i] * r->se[i]);
            for (size_t b = 0; b <= r->nfac; b++) Q[at[a] * e + at[b]] += 1 / (r->se[i] * r->se[i]);
        }
    }
    for (size_t f = 0, at = 1; f < r->nfac; f++)
        for (size_t j = 0; j < r->J[f]; j++, at++) {
            Q[at * (e + 1)] += 1 / (sd[f] * sd[f]);
            lp -= log(sd[f]);
        }
    gsl_linalg_cholesky_decomp1(&A.matrix);
    for (size_t i = 0; i < e; i++) lp -= log(Q[i * (e + 1)]);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, &A.matrix, &x.vector);
    for (size_t i = 0; i < e; i++) square += v[i] * v[i];
    gsl_blas_dtrsv(CblasLower, CblasTrans, CblasNonUnit, &A.matrix, &x.vector);
    t->w[k] = lp + square / 2;
    for (size_t i = 1; i < e; i++) t->m[k][i - 1] = v[i];
    gsl_linalg_cholesky_invert(&A.matrix);
    for (size_t i = 1; i < e; i++) t->s[k][i - 1] = sqrt(Q[i * (e + 1)]);
}

static double true_cdf(const truth *t, size_t e, double x)
{
    double F = 0;

    for (size_t k = 0; k < t->n; k++) F += t->w[k] * 0.5 * erfc(-(x - t->m[k][e]) / t->s[k][e] * M_SQRT1_2);
    return F;
}

static double sd_at(size_t i, size_t n)
{
    return PRIOR_SCALE * tan(M_PI_2 * ((double)i + 0.5) / (double)n);
}

static truth *truth_of(const rows *r)
{
    truth *t = calloc(1, sizeof *t);
    double top = -INFINITY, sum = 0;

    for (size_t f = 0; f < r->nfac; f++) t->ne += r->J[f];
    for (size_t i = 0; r->nfac == 1 && i < GRID1; i++) at_point(r, (double[]){ sd_at(i, GRID1) }, t);
    for (size_t i = 0; r->nfac == 2 && i < POINTS; i++) at_point(r, (double[]){ sd_at(i / GRID2, GRID2), sd_at(i % GRID2, GRID2) }, t);
    for (size_t k = 0; k < t->n; k++) top = fmax(top, t->w[k]);
    for (size_t k = 0; k < t->n; k++) sum += t->w[k] = exp(t->w[k] - top);
    for (size_t k = 0; k < t->n; k++) t->w[k] /= sum;
    for (size_t e = 0; e < t->ne; e++) {
        double m = 0, v = 0;

        for (size_t k = 0; k < t->n; k++) m += t->w[k] * t->m[k][e];
        for (size_t k = 0; k < t->n; k++) v += t->w[k] * ((t->m[k][e] - m) * (t->m[k][e] - m) + t->s[k][e] * t->s[k][e]);
        t->sd[e] = sqrt(v);
        for (size_t i = 0; i < 3; i++) {
            double lo = m - 50 * t->sd[e], hi = m + 50 * t->sd[e];

            for (int n = 0; n < 60; n++) {
                double mid = (lo + hi) / 2;

                if (true_cdf(t, e, mid) > P[i]) hi = mid;
                else lo = mid;
            }
            t->q[e][i] = lo;
        }
    }
    return t;
}

/* ---- what the sampler says ---- */

typedef struct { bm_conditionals c; size_t niter; double *u, *b; size_t nu; } sink_state;

static void take_draw(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    sink_state *s = self;

    (void)lp;
    (void)natural;
    if (s->b) s->b[chain * s->niter + iter] = b[0];
    for (size_t e = 0; u && e < s->nu; e++) s->u[(e * CHAINS + chain) * s->niter + iter] = u[e];
}

static void take_effects(void *self, size_t chain, size_t iter, const double *mean, const double *sd)
{
    sink_state *s = self;

    bm_conditionals_take(&s->c, chain, iter, mean, sd);
}

/* Quantiles (nu rows) of a run with so many normals of each effect and chain; u (nu x CHAINS x niter): all draws, or NULL. */
static bm_behind run(const bm_model *m, bm_sampler sampler, uint64_t seed, size_t niter, size_t normals, bm_ranef_row *row, double *u)
{
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_error       err = { 0 };
    bm_mcmc       *mc = NULL;
    bm_mcmc_info   info;
    bm_behind      b;
    size_t         done, p = m->post->st->p;
    sink_state     s = { .niter = niter, .u = u, .nu = m->post->nu };
    bm_sink        sink = { .self = &s, .draw = take_draw, .u_every = u != NULL, .effects = take_effects };

    opt.seed = seed;
    opt.threads = 2;
    opt.sampler = sampler;
    bm_assert_ok(bm_conditionals_new(&s.c, m->post, CHAINS, niter, (normals + 1) * CHAINS * s.nu * 8, &err), err);
    sink.effects_every = s.c.every;
    bm_assert_ok(bm_mcmc_new(&mc, m->post, &opt, &err), err);
    bm_assert_ok(bm_mcmc_warmup(mc, &err), err);
    bm_assert_ok(bm_mcmc_run(mc, niter, &sink, &done, &err), err);
    bm_assert_ok(bm_mcmc_report(mc, &info, &err), err);
    for (size_t e = 0; e < s.nu; e++) row[e] = (bm_ranef_row){ .mean = bm_moments_mean(info.moments, p + e), .sd = bm_moments_sd(info.moments, p + e) };
    bm_assert_ok(bm_conditionals_quantiles(&s.c, niter, row, 2, &b, &err), err);
    bm_mcmc_free(mc);
    bm_conditionals_free(&s.c);
    return b;
}

/* Over RUNS seeds, 1,000 draws of each of four chains, of which 16 have their distributions kept. From 64 draws an outer quantile would be off by 0.26 posterior sds.
 * Its mean over the runs may be off by 0.055 sds, a sixtieth of the interval: 0.02 of them because sds that come from few distributions are somewhat small, the rest five
 * standard errors (false alarms of some sixty numbers: below 4e-5, with fixed seeds). An interval that is 5 % too wide or too narrow has both ends off by 0.08. */
static void check_few(const rows *r, bm_sampler sampler, const char *name, double most)
{
    enum { RUNS = 60 };
    bm_model    *m = model_of(r);
    truth       *t = truth_of(r);
    bm_ranef_row row[E_MAX];
    double       mean[E_MAX][3] = { { 0 } }, square = 0, claimed = 0, worst = 0;

    for (size_t k = 0; k < RUNS; k++) {
        bm_behind b = run(m, sampler, 100 + k, 1000, 16, row, NULL);

        assert_true(b.normals <= 64);
        claimed += b.shape_error * b.shape_error / RUNS;
        for (size_t e = 0; e < t->ne; e++) {
            double q[] = { row[e].q5, row[e].q50, row[e].q95 };

            for (size_t i = 0; i < 3; i++) {
                double off = (q[i] - t->q[e][i]) / t->sd[e];

                mean[e][i] += off / RUNS;
                if (i != 1) square += off * off / (double)(2 * RUNS * t->ne);
            }
        }
    }
    for (size_t e = 0; e < t->ne; e++)
        for (size_t i = 0; i < 3; i++) worst = fmax(worst, fabs(mean[e][i]));
    print_message("%s: outer quantiles off by %.3f sds (root mean square), of the shape %.3f were claimed; means over %d runs by %.3f at most\n", name, sqrt(square),
                  sqrt(claimed), RUNS, worst);
    assert_true(sqrt(square) < most);
    assert_true(worst < 0.055);
    bm_model_free(m);
    free(t);
}

static void test_few_distributions_give_the_quantiles_of_quadrature(void **state)
{
    rows a = eight_schools(), b = ratings();

    (void)state;
    check_few(&a, BM_SAMPLER_COLLAPSED, "eight schools", 0.1);
    check_few(&b, BM_SAMPLER_COLLAPSED, "ratings, collapsed", 0.1);
    check_few(&b, BM_SAMPLER_GIBBS, "ratings, factor by factor", 0.15);
}

/* The same quantiles from 80,000 draws of the effects themselves: no further away than five standard errors of these (by their effective sample size), and 0.03 sds
 * for what a thousand distributions leave unknown. False alarms of some 60 numbers: below 1e-5, with a fixed seed. */
static void check_many(const rows *r, bm_sampler sampler)
{
    enum { NITER = 20000 };
    bm_model    *m = model_of(r);
    double      *u = calloc((size_t)E_MAX * CHAINS * NITER, sizeof *u), worst = 0;
    bm_ranef_row row[E_MAX];
    bm_behind    b = run(m, sampler, 7, NITER, 250, row, u);

    assert_int_equal(b.normals, 1000);
    for (size_t e = 0; e < m->post->nu; e++) {
        double *x = u + e * CHAINS * NITER, q[] = { row[e].q5, row[e].q50, row[e].q95 }, raw[3], se[3];

        for (size_t i = 0; i < 3; i++) se[i] = bm_mcse_quantile(x, CHAINS, NITER, P[i]);
        bm_quantiles(x, CHAINS * NITER, P, 3, raw);
        for (size_t i = 0; i < 3; i++) {
            worst = fmax(worst, fabs(q[i] - raw[i]) / row[e].sd);
            if (fabs(q[i] - raw[i]) > 5 * se[i] + 0.03 * row[e].sd)
                fail_msg("effect %zu, p = %g: %g from distributions, %g from draws (standard error %g; sd %g)", e, P[i], q[i], raw[i], se[i], row[e].sd);
        }
    }
    print_message("at most %.3f sds from quantiles of draws\n", worst);
    bm_model_free(m);
    free(u);
}

static void test_many_draws_say_the_same(void **state)
{
    rows a = eight_schools(), b = ratings();

    (void)state;
    check_many(&a, BM_SAMPLER_COLLAPSED);
    check_many(&b, BM_SAMPLER_COLLAPSED);
    check_many(&b, BM_SAMPLER_GIBBS);
}

static void ignore(void *self, size_t chain, size_t iter, const double *mean, const double *sd)
{
    (void)self;
    (void)chain;
    (void)iter;
    (void)mean;
    (void)sd;
}

/* b of 4 x 200 draws under one kernel, and the moments of the last effect. */
static void draws_of(const bm_model *m, bm_sampler sampler, bm_move kernel, size_t every, double *b, double *moments)
{
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_error       err = { 0 };
    bm_mcmc       *mc = NULL;
    bm_mcmc_info   info;
    size_t         done, last = m->post->st->p + m->post->nu - 1;
    sink_state     s = { .niter = 200, .b = b };
    bm_sink        sink = { .self = &s, .draw = take_draw, .effects = ignore, .effects_every = every };

    opt.thin = 2;
    opt.sampler = sampler;
    opt.threads = 1;
    bm_assert_ok(bm_mcmc_new(&mc, m->post, &opt, &err), err);
    bm_mcmc_force(mc, kernel);
    bm_assert_ok(bm_mcmc_warmup(mc, &err), err);
    bm_assert_ok(bm_mcmc_run(mc, s.niter, &sink, &done, &err), err);
    bm_assert_ok(bm_mcmc_report(mc, &info, &err), err);
    moments[0] = bm_moments_mean(info.moments, last);
    moments[1] = bm_moments_sd(info.moments, last);
    bm_mcmc_free(mc);
}

static void check_unchanged(const bm_model *m, bm_sampler sampler, bm_move kernel)
{
    static double without[CHAINS * 200], with[CHAINS * 200];
    double        before[2], after[2];

    draws_of(m, sampler, kernel, 0, without, before);
    for (size_t every = 4; every <= 12; every += 8) {
        draws_of(m, sampler, kernel, every, with, after);
        assert_memory_equal(with, without, sizeof with);
        assert_memory_equal(before, after, sizeof before);
    }
}

static void test_asking_for_distributions_changes_no_draw(void **state)
{
    rows      a = eight_schools(), b = ratings();
    bm_model *one = model_of(&a), *two = model_of(&b), *slopes = model_with(&b, "y ~ x + (x | g) + (1 | h)");

    (void)state;
    check_unchanged(one, BM_SAMPLER_COLLAPSED, BM_MOVE_INDEPENDENCE);
    check_unchanged(one, BM_SAMPLER_COLLAPSED, BM_MOVE_WALK);
    check_unchanged(one, BM_SAMPLER_COLLAPSED, BM_MOVE_HAMILTON);
    check_unchanged(two, BM_SAMPLER_COLLAPSED, BM_MOVE_INDEPENDENCE);
    check_unchanged(two, BM_SAMPLER_COLLAPSED, BM_MOVE_HAMILTON);
    check_unchanged(slopes, BM_SAMPLER_COLLAPSED, BM_MOVE_INDEPENDENCE);
    check_unchanged(slopes, BM_SAMPLER_COLLAPSED, BM_MOVE_HAMILTON);
    check_unchanged(two, BM_SAMPLER_GIBBS, BM_MOVE_CHOSEN);
    check_unchanged(slopes, BM_SAMPLER_GIBBS, BM_MOVE_CHOSEN);
    bm_model_free(slopes);
    bm_model_free(one);
    bm_model_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_few_distributions_give_the_quantiles_of_quadrature), cmocka_unit_test(test_many_draws_say_the_same),
                                        cmocka_unit_test(test_asking_for_distributions_changes_no_draw) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
