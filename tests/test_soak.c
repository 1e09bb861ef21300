/* Random models, from the text of their formulas to the posterior, against slow and plain computations that share nothing with the library
 * (soak_model.h makes the models, dense_oracle.h the algebra):
 *   - formulas, priors and model files, written and read back;
 *   - design matrices, groups, default priors; the posterior density of theta; conditional means and sds of coefficients and group effects; the
 *     restricted and the maximum likelihood at random points; the REML and ML optimum, which a simplex search of the dense criterion cannot better;
 *   - posteriors of small models, by quadrature or by random-walk Metropolis on the dense density, against the sampler's draws.
 * The suite runs some of them with a fixed seed. `make soak` goes on for SOAK_SECONDS from SOAK_SEED (default: the clock) and prints both; any
 * disagreement names the model and how to have it again. */
#include "soak_model.h"
#include "soak_posterior.h"

#include "api/api.h"
#include "model/prior_priv.h"

#include <float.h>
#include <time.h>
#include <unistd.h>

typedef struct { size_t models, points, optima, posteriors, comparisons; } soak_tally;

/* ---- what the library makes of the same text ---- */

static bm_status make_model(const soak_model *m, bm_model **out, bm_error *err)
{
    bm_frame *f = soak_frame(m);
    bm_spec  *s = soak_spec(m);
    bm_status st = bm_model_new(out, s, f, err);

    bm_spec_free(s);
    bm_frame_free(f);
    return st;
}

#define soak_check(m, condition, ...) \
    do { \
        if (!(condition)) { \
            soak_describe(m); \
            print_error(__VA_ARGS__); \
            fail_msg("disagreement: %s", #condition); \
        } \
    } while (0)

/* Equal to a part in 10^d of the larger, or of scale. */
static void check_number(const soak_model *m, const char *what, size_t i, double got, double want, double scale, double tolerance)
{
    soak_check(m, fabs(got - want) <= tolerance * fmax(fabs(want), scale), "%s[%zu]: got %.17g, want %.17g\n", what, i, got, want);
}

/* ---- what is written reads back ---- */

static char *formula_text(const soak_model *m, const char *text)
{
    bm_formula *f;
    bm_buf      b = { 0 };
    bm_error    err = { 0 };
    bm_status   st = bm_formula_parse(&f, text, &err);

    soak_check(m, st == BM_OK, "'%s' does not parse: %s\n", text, err.msg);
    bm_assert_ok(bm_formula_print(f, &b, &err), err);
    bm_formula_free(f);
    return b.s;
}

static char *prior_text(const soak_model *m, const char *text)
{
    bm_prior  p;
    bm_buf    b = { 0 };
    bm_error  err = { 0 };
    bm_status st = bm_prior_parse(&p, text, &err);

    soak_check(m, st == BM_OK, "'%s' does not parse: %s\n", text, err.msg);
    bm_buf_printf(&b, "%s ~ ", p.target);
    bm_dist_print(&b, &p.dist);
    bm_prior_clear(&p);
    return b.s;
}

static char *json_text(const bm_spec *s)
{
    bm_buf   b = { 0 };
    bm_error err = { 0 };

    bm_assert_ok(bm_spec_json(s, &b, &err), err);
    return b.s;
}

static char *json_again(const soak_model *m, const char *json)
{
    char      path[] = "/tmp/bmixed-soak-XXXXXX", *text;
    int       fd = mkstemp(path);
    FILE     *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    bm_spec  *s;
    bm_error  err = { 0 };
    bm_status st;

    assert_non_null(f);
    fputs(json, f);
    assert_int_equal(fclose(f), 0);
    st = bm_spec_read(&s, path, &err);
    unlink(path);
    soak_check(m, st == BM_OK, "%s\ndoes not read back: %s\n", json, err.msg);
    text = json_text(s);
    bm_spec_free(s);
    return text;
}

static void check_same_text(const soak_model *m, char *one, char *two)
{
    soak_check(m, strcmp(one, two) == 0, "'%s', then '%s'\n", one, two);
    free(one);
    free(two);
}

static void check_round_trips(const soak_model *m)
{
    bm_spec *s = soak_spec(m);
    char    *one = formula_text(m, m->formula), *json = json_text(s);

    check_same_text(m, one, formula_text(m, one));
    check_same_text(m, json, json_again(m, json));
    for (size_t k = 0; k < m->nline; k++)
        if (strncmp(m->line[k], "prior=", 6) == 0) {
            one = prior_text(m, m->line[k] + 6);
            check_same_text(m, one, prior_text(m, one));
        }
    bm_spec_free(s);
}

/* ---- designs ---- */

static void check_design(const soak_model *m, const bm_design *d)
{
    const bm_design *w = &m->d;

    soak_check(m, d->n == w->n && d->p == w->p && d->nfac == w->nfac, "%zu rows, %zu columns, %zu factors\n", d->n, d->p, d->nfac);
    for (size_t i = 0; i < d->n; i++) {
        check_number(m, "y", i, d->y[i], w->y[i], 0, 1e-15);
        check_number(m, "weight", i, d->w ? d->w[i] : 1, w->w ? w->w[i] : 1, 0, 1e-14);
        check_number(m, "offset", i, d->o ? d->o[i] : 0, w->o ? w->o[i] : 0, 0, 1e-14);
    }
    for (size_t i = 0; i < d->n * d->p; i++) check_number(m, "X", i, d->X[i], w->X[i], 0, 1e-13);
    for (size_t k = 0; k < d->nfac; k++) {
        const bm_group *g = &d->fac[k], *v = &w->fac[k];

        soak_check(m, strcmp(g->name, v->name) == 0 && g->J == v->J && g->q == v->q && g->nblock == v->nblock, "group %s: %zu levels, %zu effects\n", g->name, g->J, g->q);
        for (size_t i = 0; i < d->n; i++) soak_check(m, g->code[i] == v->code[i], "code[%zu]: %d, want %d\n", i, g->code[i], v->code[i]);
        for (size_t i = 0; i < d->n * g->q; i++) check_number(m, "Z", i, g->Z[i], v->Z[i], 0, 1e-13);
    }
}

/* A coefficient held constant becomes an offset, as the library has it; the intercept's prior may be at the means of all columns. */
static void hold_constants(soak_model *m)
{
    size_t n = m->n;

    for (size_t k = 0; k < m->d.p; k++) {
        if (m->b[k].kind != BM_DIST_CONSTANT) continue;
        for (size_t i = 0; i < n; i++) m->oo[i] = (m->d.o ? m->oo[i] : 0) + m->b[k].a[0] * m->X[i + k * n];
        m->d.o = m->oo;
        m->d.p--;
        m->pr.p--;
        memmove(m->X + k * n, m->X + (k + 1) * n, (m->d.p - k) * n * sizeof(double));
        memmove(m->b + k, m->b + k + 1, (m->d.p - k) * sizeof *m->b);
        memmove(m->xbar + k, m->xbar + k + 1, (m->d.p - k) * sizeof(double));
        break;
    }
}

/* ---- densities and moments at random points ---- */

static void random_natural(soak_model *m, const soak_theta *t, double *natural)
{
    for (size_t i = 0; i < t->n; i++)
        natural[i] = t->kind[i] == SOAK_COR ? soak_uniform(m, -0.8, 0.8) / (double)t->most_effects : t->scale[i] * soak_scale(m, -0.7, 0.7);
}

static void check_point(soak_model *m, const bm_model *model, soak_tally *tally)
{
    soak_theta t = soak_theta_of(m);
    double     natural[SOAK_THETA], L[SOAK_GROUPS * SOAK_EFFECTS * SOAK_EFFECTS], sigma, lp;
    bm_point  *pt;
    oracle    *o;
    bm_error   err = { 0 };

    random_natural(m, &t, natural);
    lp = soak_prior_density(m, &t, natural);
    soak_factors(&t, natural, L, &sigma);
    bm_assert_ok(bm_point_new(&pt, model->post, &err), err);
    soak_check(m, t.n == model->post->th.nsd + model->post->th.ncor + model->post->th.has_sigma, "%zu parameters in theta\n", t.n);
    soak_check(m, bm_theta_from_natural(&model->post->th, natural, pt->x) == BM_OK, "theta is no covariance matrix\n");
    o = oracle_new(&m->d, &m->pr, L, sigma);
    lp += oracle_logp(o, m->d.y);
    if (lp == -INFINITY) soak_check(m, bm_point_eval(pt) == BM_NOT_PD, "a density where the prior has none\n");
    else {
        double *mean = calloc(4 * o->e + 1, sizeof *mean), *sd = mean + o->e, *want = sd + o->e, *want_sd = want + o->e;

        soak_check(m, bm_point_eval(pt) == BM_OK, "no density at theta\n");
        check_number(m, "log density", 0, pt->lp_nat, lp, 1, 1e-8);
        bm_marginal_conditional(pt->m, mean, sd, mean + o->p, sd + o->p);
        oracle_moments(o, m->d.y, 0, o->e, want, want_sd);
        for (size_t k = 0; k < o->e; k++) {
            check_number(m, k < o->p ? "E b" : "E u", k, mean[k], want[k], want_sd[k], 1e-6);
            check_number(m, k < o->p ? "sd b" : "sd u", k, sd[k], want_sd[k], 1e-9 * m->d.ysd, 1e-6);
        }
        free(mean);
    }
    tally->points++;
    oracle_free(o);
    bm_point_free(pt);
}

/* ---- optima ---- */

typedef struct { const soak_model *m; soak_theta t; bool ml; } criterion;

/* -2 log likelihood. */
static double criterion_at(const criterion *c, const double *natural)
{
    double  L[SOAK_GROUPS * SOAK_EFFECTS * SOAK_EFFECTS], sigma, v;
    oracle *o;

    if (!soak_factors(&c->t, natural, L, &sigma) || !(o = oracle_try(&c->m->d, NULL, L, sigma))) return INFINITY;
    v = -2 * (c->ml ? oracle_profile_logp(o, c->m->d.y) : oracle_logp(o, c->m->d.y));
    oracle_free(o);
    return v;
}

/* ... at unconstrained coordinates. */
static double dense_criterion(void *self, const double *x)
{
    const criterion *c = self;
    double           natural[SOAK_THETA];

    return soak_natural(&c->t, x, natural) ? criterion_at(c, natural) : INFINITY;
}

/* Coefficients and effects are as many as rows: sigma may go to zero. */
static bool saturated(const soak_model *m)
{
    size_t effects = m->d.p;

    for (size_t k = 0; k < m->d.nfac; k++) effects += m->g[k].J * m->g[k].q;
    return effects >= m->n;
}

/* What doubles can tell of the criterion: the covariance matrix of y has a condition number of about (largest sd / sigma)^2. */
static double attainable(const soak_theta *t, const double *natural)
{
    double most = 0, sigma = t->kind[t->n - 1] == SOAK_SIGMA ? natural[t->n - 1] : 1;

    for (size_t i = 0; i < t->n; i++)
        if (t->kind[i] == SOAK_SD) most = fmax(most, natural[i]);
    return 1e-6 + DBL_EPSILON * (most / sigma) * (most / sigma);
}

/* The library's optimum is what the dense criterion says at its estimates, and a simplex search of it from there or from elsewhere gets no lower. */
static void check_optimum(soak_model *m, const bm_model *model, bool ml, soak_tally *tally)
{
    bm_reml_options opt = BM_REML_OPTIONS_INIT;
    criterion       c = { m, soak_theta_of(m), ml };
    bm_reml        *r = NULL;
    bm_error        err = { 0 };
    double          natural[SOAK_THETA], x[SOAK_THETA], other, tolerance, least;
    bm_status       st;

    opt.ml = ml;
    opt.ci = BM_CI_NONE;
    st = bm_reml_run(&r, model, &opt, &err);
    if (st == BM_ENUMERIC && strstr(err.msg, "perfect fit") && saturated(m)) return;
    soak_check(m, st == BM_OK, "%s: %s\n", ml ? "ML" : "REML", err.msg);
    if (r->rank == r->p) {
        bm_reml_natural(r, natural);
        for (size_t i = 0; i < c.t.n; i++)           /* at a boundary: as near as doubles go; undefined correlations do not matter there */
            if (c.t.kind[i] == SOAK_COR) natural[i] = isnan(natural[i]) ? 0 : (1 - 1e-15) * natural[i];
            else natural[i] = fmax(natural[i], 1e-8 * c.t.scale[i]);
        other = criterion_at(&c, natural);           /* not by x, whose correlations stay 1e-8 off -1 and 1: large sds feel that */
        tolerance = attainable(&c.t, natural);
        least = r->criterion - 1e-5 - tolerance * fmax(fabs(r->criterion), 1);
        soak_unconstrain(&c.t, natural, x);
        check_number(m, ml ? "ML criterion" : "REML criterion", 0, r->criterion, other, 1, tolerance);
        other = soak_simplex(dense_criterion, &c, c.t.n, x, 0.3, 400);
        soak_check(m, other >= least, "%s criterion %.12g; %.12g is near there\n", ml ? "ML" : "REML", r->criterion, other);
        random_natural(m, &c.t, natural);
        soak_unconstrain(&c.t, natural, x);
        other = soak_simplex(dense_criterion, &c, c.t.n, x, 1, 400);
        soak_check(m, other >= least, "%s criterion %.12g; another start finds %.12g\n", ml ? "ML" : "REML", r->criterion, other);
        tally->optima++;
    }
    bm_reml_free(r);
}

/* ---- one model ---- */

/* Two factors that group the rows the same way with the same effects cannot be told apart, and are refused. */
static bool same_groups(const soak_model *m)
{
    for (size_t k = 1; k < m->d.nfac; k++)
        if (m->g[k].J == m->g[k - 1].J && memcmp(m->gcode[k], m->gcode[k - 1], m->n * sizeof(int32_t)) == 0) return true;
    return false;
}

static void check_dense(uint64_t seed, uint64_t index, soak_tally *tally)
{
    soak_model *m = soak_make(seed, index, false);
    bm_model   *model = NULL;
    bm_error    err = { 0 };
    bm_status   st = make_model(m, &model, &err);

    if (st != BM_OK && same_groups(m) && strstr(err.msg, "group the rows identically")) goto done;
    soak_check(m, st == BM_OK, "refused: %s\n", err.msg);
    check_round_trips(m);
    hold_constants(m);
    check_design(m, model->design);
    for (int k = 0; k < 3 && model->stats->rank == model->stats->p; k++) check_point(m, model, tally);
    check_optimum(m, model, index % 2, tally);
    tally->models++;
done:
    bm_model_free(model);
    soak_free(m);
}

/* ---- posteriors ---- */

static void check_posterior(uint64_t seed, uint64_t index, soak_tally *tally, soak_scores *scores)
{
    soak_model    *m = soak_make(seed, index, true);
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_model      *model = NULL;
    bm_fit        *fit = NULL;
    bm_error       err = { 0 };
    bm_status      st = make_model(m, &model, &err);
    soak_target    target;

    if (st != BM_OK && same_groups(m) && strstr(err.msg, "group the rows identically")) goto done;
    soak_check(m, st == BM_OK, "refused: %s\n", err.msg);
    hold_constants(m);
    opt.chains = 64;
    opt.warmup = 500;
    opt.draws = 250;
    opt.threads = 1;
    opt.seed = seed * 1000003 + index;
    opt.ranef_draws = BM_RANEF_ALL;
    if (soak_chance(m, 0.3) && m->d.nfac) opt.sampler = BM_SAMPLER_GIBBS;
    st = bm_fit_run(&fit, model, &opt, &err);
    soak_check(m, st == BM_OK, "not fitted: %s\n", err.msg);
    target = (soak_target){ .m = m, .t = soak_theta_of(m), .ndraw = fit->draws->nchain * fit->draws->niter };
    target.nq = target.t.n + m->d.p + (m->d.nfac ? m->g[0].J * m->g[0].q : 0);
    target.nq = target.nq < SOAK_QUANTITIES ? target.nq : SOAK_QUANTITIES;
    target.chains = fit->draws->nchain;
    for (size_t k = 0; k < target.nq; k++) {
        bm_buf name = { 0 };

        if (k < target.t.n) bm_buf_puts(&name, model->monitored.v[model->monitored.n - target.t.n + k]);
        else if (k < target.t.n + m->d.p) bm_buf_puts(&name, model->design->bnames[k - target.t.n]);
        else {
            const bm_group *g = &model->design->fac[0];
            size_t          u = k - target.t.n - m->d.p;

            bm_ranef_name(&name, g, u / g->q, u % g->q);
        }
        for (size_t v = 0; v < fit->draws->nvar; v++)
            if (strcmp(fit->draws->names[v], name.s) == 0) {
                target.name[k] = fit->draws->names[v];
                target.draws[k] = fit->draws->x + v * target.ndraw;
            }
        soak_check(m, target.name[k], "there are no draws of %s\n", name.s);
        bm_buf_free(&name);
    }
    soak_reference(&target);
    for (size_t k = 0; k < target.nq; k++)
        for (int c = 0; c < SOAK_CUTS; c++) {
            double z = soak_compare(&target, k, c);

            soak_check(m, fabs(z) < SOAK_MOST_Z, "P(%s < %.6g): %.5f in the draws (%s), %.5f by %s: %.1f standard errors\n", target.name[k], target.cut[k][c],
                       target.got[k][c], opt.sampler == BM_SAMPLER_GIBBS ? "factor by factor" : "joint", target.want[k][c], target.how, z);
            tally->comparisons++;
        }
    soak_score(scores, &target);
    tally->posteriors++;
done:
    bm_fit_free(fit);
    bm_model_free(model);
    soak_free(m);
}

/* ---- tests ---- */

static void say(const soak_tally *t, const soak_scores *s)
{
    static const char *const kinds[] = { "sds", "correlations", "sigma", "coefficients", "group effects" }, *const cuts[] = { "10 %", "50 %", "90 %" };
    int    kind, cut;
    double worst = soak_worst(s, &kind, &cut);

    printf("# %zu models (%zu points, %zu optima), %zu posteriors (%zu probabilities; all together off most at %s of %s, by %.1f standard errors)\n", t->models, t->points,
           t->optima, t->posteriors, t->comparisons, cuts[cut], kinds[kind], worst);
    fflush(stdout);
    assert_true(fabs(worst) < SOAK_MOST_SYSTEMATIC);
}

static void test_random_models_agree_with_dense_algebra(void **state)
{
    soak_tally t = { 0 };

    (void)state;
    for (uint64_t i = 0; i < 40; i++) check_dense(1, i, &t);
    assert_true(t.models > 30 && t.points > 80 && t.optima > 30);
}

static void test_posteriors_of_small_models_agree_with_brute_force(void **state)
{
    soak_tally  t = { 0 };
    soak_scores s = { 0 };

    (void)state;
    for (uint64_t i = 0; i < 2; i++) check_posterior(1, i, &t, &s);
    assert_true(t.posteriors > 0);
}

static void test_a_tilted_density_is_seen(void **state)
{
    soak_model *m = soak_make(1, 0, false);
    bm_model   *model = NULL;
    bm_error    err = { 0 };
    soak_theta  t;
    double      natural[SOAK_THETA], L[SOAK_GROUPS * SOAK_EFFECTS * SOAK_EFFECTS], sigma, a, b;
    oracle     *o;

    (void)state;
    bm_assert_ok(make_model(m, &model, &err), err);
    t = soak_theta_of(m);
    random_natural(m, &t, natural);
    soak_factors(&t, natural, L, &sigma);
    o = oracle_new(&m->d, &m->pr, L, sigma);
    a = oracle_logp(o, m->d.y);
    oracle_free(o);
    o = oracle_new(&m->d, &m->pr, L, sigma * 1.00001);
    b = oracle_logp(o, m->d.y);
    oracle_free(o);
    assert_true(fabs(a - b) > 1e-8 * fmax(1, fabs(a)));
    bm_model_free(model);
    soak_free(m);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);

    return s && *s ? strtoull(s, NULL, 10) : otherwise;
}

static void soak(void **state)
{
    uint64_t    seed = setting("SOAK_SEED", (uint64_t)time(NULL)), first = setting("SOAK_FIRST", 0), models = setting("SOAK_MODELS", UINT64_MAX);
    double      end = bm_clock() + (double)setting("SOAK_SECONDS", 1800), next = bm_clock() + 60;
    soak_tally  t = { 0 };
    soak_scores s = { 0 };

    (void)state;
    printf("# seed %llu\n", (unsigned long long)seed);
    for (uint64_t i = first; i - first < models && bm_clock() < end; i++) {
        check_dense(seed, i, &t);
        if (i % 4 == 0 || models == 1) check_posterior(seed, i, &t, &s);
        if (bm_clock() < next) continue;
        say(&t, &s);
        next += 60;
    }
    say(&t, &s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest slice[] = {
        cmocka_unit_test(test_random_models_agree_with_dense_algebra),
        cmocka_unit_test(test_posteriors_of_small_models_agree_with_brute_force),
        cmocka_unit_test(test_a_tilted_density_is_seen),
    };
    const struct CMUnitTest whole[] = { cmocka_unit_test(soak) };

    gsl_set_error_handler_off();
    if (argc > 1 && strcmp(argv[1], "--soak") == 0) return cmocka_run_group_tests(whole, NULL, NULL);
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(slice, NULL, NULL);
}
