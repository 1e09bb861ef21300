/* REML beside posterior. Oracles: quadrature over theta with naive dense Gaussian densities (evidence, Bayes factors), fits under flat priors
 * (reweighting), least squares group by group and R's lm (pooling), closed forms of the balanced one-way layout. */
#include "testing.h"

#include "api/compare_priv.h"
#include "data/data.h"

#include <cjson/cJSON.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- making models ---- */

static bm_model *model_with(const char *formula, const char *data, const char *const *priors, size_t npriors, const char *draws)
{
    bm_error  err = { 0 };
    bm_spec  *s = NULL;
    bm_model *m = NULL;

    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", formula, &err), err);
    bm_assert_ok(bm_spec_set(s, "data", data, &err), err);
    for (size_t i = 0; i < npriors; i++) bm_assert_ok(bm_spec_set(s, "prior", priors[i], &err), err);
    if (draws) bm_assert_ok(bm_spec_set(s, "draws", draws, &err), err);
    bm_assert_ok(bm_spec_set(s, "threads", "2", &err), err);
    bm_assert_ok(bm_model_new(&m, s, NULL, &err), err);
    bm_spec_free(s);
    return m;
}

static bm_compare *compare_with(const bm_model *m, const bm_compare_options *opt)
{
    bm_error    err = { 0 };
    bm_compare *c = NULL;

    bm_assert_ok(bm_compare_run(&c, m, opt, &err), err);
    return c;
}

static const bm_compare_row *row_named(const bm_compare *c, const char *name)
{
    for (size_t i = 0; i < c->view.nrow; i++)
        if (strcmp(c->view.row[i].name, name) == 0) return &c->view.row[i];
    fail_msg("there is no parameter %s", name);
    return NULL;
}

static bool explained_by(const bm_compare_row *r, const char *text)
{
    for (size_t i = 0; i < r->why.n; i++)
        if (strstr(r->why.v[i], text)) return true;
    return false;
}

static void assert_why(const bm_compare_row *r, const char *text)
{
    if (explained_by(r, text)) return;
    for (size_t i = 0; i < r->why.n; i++) print_error("%s: %s\n", r->name, r->why.v[i]);
    fail_msg("%s is not explained by '%s'", r->name, text);
}

static char *printed(const bm_compare *c, const bm_print_options *opt)
{
    char    *text = NULL;
    size_t   n;
    bm_error err = { 0 };
    FILE    *f = open_memstream(&text, &n);

    bm_assert_ok(bm_compare_print(c, f, opt, &err), err);
    fclose(f);
    return text;
}

/* Lines are filled: any blanks count as one. */
static char *one_line(const char *text)
{
    char *s = malloc(strlen(text) + 1), *to = s;

    for (; *text; text++) {
        bool blank = *text == ' ' || *text == '\n';

        if (!blank) *to++ = *text;
        else if (to > s && to[-1] != ' ') *to++ = ' ';
    }
    *to = '\0';
    return s;
}

static void assert_prints(const char *text, const char *part)
{
    char *line = one_line(text);
    bool  found = strstr(line, part) != NULL;

    free(line);
    if (found) return;
    print_error("%s\n", text);
    fail_msg("does not print '%s'", part);
}

/* ---- evidence by quadrature: y ~ N(mean, sigma^2 I + tau^2 ZZ' + X V X'), dense ---- */

typedef struct {
    size_t        n, p;
    const double *y, *X, *m, *v;         /* X: n x p, prior means and variances of its coefficients */
    const int    *group;                 /* NULL: none */
    double        sd_scale, sigma_scale; /* half-Cauchy */
} naive;

static double log_gauss(const naive *a, double tau, double sigma, double *S, double *e)
{
    size_t n = a->n;
    double l = 0;

    for (size_t j = 0; j < n; j++) {
        e[j] = a->y[j];
        for (size_t k = 0; k < a->p; k++) e[j] -= a->X[j + k * n] * a->m[k];
        for (size_t i = j; i < n; i++) {
            double s = i == j ? sigma * sigma : 0;

            if (a->group && a->group[i] == a->group[j]) s += tau * tau;
            for (size_t k = 0; k < a->p; k++) s += a->X[i + k * n] * a->X[j + k * n] * a->v[k];
            S[i + j * n] = s;
        }
    }
    for (size_t j = 0; j < n; j++) {                 /* Cholesky and forward substitution, column by column */
        double d = sqrt(S[j + j * n]);

        e[j] /= d;
        for (size_t i = j; i < n; i++) S[i + j * n] /= d;
        for (size_t k = j + 1; k < n; k++) {
            e[k] -= S[k + j * n] * e[j];
            for (size_t i = k; i < n; i++) S[i + k * n] -= S[i + j * n] * S[k + j * n];
        }
        l -= log(d) + 0.5 * e[j] * e[j];
    }
    return l - 0.5 * (double)n * log(2 * M_PI);
}

static double log_half_cauchy(double x, double s)
{
    return log(2 / (M_PI * s)) - log1p(x * x / (s * s));
}

typedef struct { double from, to, step; } axis;

/* Trapezoids on log sigma and, with groups, log sd: both ends are deep in the tails. */
static double log_evidence(const naive *a, axis sigma, axis sd)
{
    double *S = malloc((a->n * a->n + a->n) * sizeof *S), *e = S + a->n * a->n, top = -INFINITY, total = 0;
    size_t  n = 0, cap = 1u << 20;
    double *l = malloc(cap * sizeof *l);

    for (double ls = sigma.from; ls < sigma.to; ls += sigma.step)
        for (double lt = a->group ? sd.from : 0; lt < (a->group ? sd.to : 0.5); lt += a->group ? sd.step : 1) {
            double v = log_gauss(a, a->group ? exp(lt) : 0, exp(ls), S, e) + log_half_cauchy(exp(ls), a->sigma_scale) + ls;

            if (a->group) v += log_half_cauchy(exp(lt), a->sd_scale) + lt + log(sd.step);
            assert_true(n < cap);
            l[n++] = v;
            top = fmax(top, v);
        }
    for (size_t i = 0; i < n; i++) total += exp(l[i] - top);
    free(S);
    free(l);
    return top + log(total) + log(sigma.step);
}

static bm_evidence sharp_evidence(const bm_post *post, double target)
{
    bm_fit_options opt = BM_FIT_OPTIONS_INIT;
    bm_evidence    e;
    const char    *none;
    bm_error       err = { 0 };

    opt.threads = 2;
    bm_assert_ok(bm_estimate_evidence(&e, &none, post, &opt, target, &err), err);
    assert_null(none);
    assert_true(e.known);
    assert_true(e.se <= target);
    return e;
}

static void assert_evidence(const char *what, bm_evidence e, double want)
{
    if (fabs(e.log - want) <= 1e-3 + 4 * e.se) return;
    fail_msg("%s: log evidence %.6f (error %.1e), quadrature %.6f", what, e.log, e.se, want);
}

static void test_evidence_of_a_linear_model_is_that_of_quadrature_over_sigma(void **state)
{
    static const char *const priors[] = { "Intercept ~ normal(250, 100)", "b_Days ~ normal(5, 20)", "sigma ~ half_cauchy(0, 40)" };
    static const double mean[] = { 250, 5 }, var[] = { 1e4, 400 };
    bm_model        *m = model_with("Reaction ~ Days", "tests/data/sleepstudy.csv", priors, COUNT(priors), NULL);
    const bm_design *d = m->design;
    double          *X = malloc(2 * d->n * sizeof *X), mx = 0;

    (void)state;
    for (size_t i = 0; i < d->n; i++) mx += d->X[i + d->n] / (double)d->n;
    for (size_t i = 0; i < d->n; i++) {
        X[i] = 1;
        X[i + d->n] = d->X[i + d->n] - mx;
    }
    naive a = { .n = d->n, .p = 2, .y = d->y, .X = X, .m = mean, .v = var, .sigma_scale = 40 };
    assert_evidence("sleepstudy lm", sharp_evidence(m->post, 3e-4), log_evidence(&a, (axis){ 3, 5, 0.02 }, (axis){ 0 }));
    free(X);
    bm_model_free(m);
}

/* A one-way layout with the default priors in numbers: with and without its groups. */
static void check_one_way(const char *formula, const char *data, double sd_scale, double mean, double spread, axis sigma, axis sd, axis alone, double *log_bf)
{
    char        text[3][80];
    const char *priors[3] = { text[0], text[1], text[2] };
    bm_error    err = { 0 };
    bm_reduced  r;
    double      var = spread * spread;

    snprintf(text[0], sizeof *text, "Intercept ~ normal(%.17g, %.17g)", mean, spread);
    snprintf(text[1], sizeof *text, "sd ~ half_cauchy(0, %.17g)", sd_scale);
    snprintf(text[2], sizeof *text, "sigma ~ half_cauchy(0, %.17g)", sd_scale);
    bm_model        *m = model_with(formula, data, priors, 3, NULL);
    const bm_design *d = m->design;
    double          *X = malloc(d->n * sizeof *X);
    int             *group = malloc(d->n * sizeof *group);

    for (size_t i = 0; i < d->n; i++) {
        X[i] = 1;
        group[i] = d->fac[0].code[i];
    }
    naive a = { .n = d->n, .p = 1, .y = d->y, .X = X, .m = &mean, .v = &var, .group = group, .sd_scale = sd_scale, .sigma_scale = sd_scale };
    double with = log_evidence(&a, sigma, sd);
    a.group = NULL;
    double without = log_evidence(&a, alone, (axis){ 0 });
    assert_evidence(data, sharp_evidence(m->post, 3e-4), with);
    bm_assert_ok(bm_reduced_new(&r, m, 0, 0, &err), err);
    assert_evidence(data, sharp_evidence(r.post, 3e-4), without);
    bm_reduced_free(&r);

    bm_compare_options opt = BM_COMPARE_OPTIONS_INIT;   /* and as bmixed compare reports it */
    opt.test_ranef = true;
    bm_compare *c = compare_with(m, &opt);
    const bm_term_test *t = &c->view.test[0];
    assert_int_equal(c->view.ntest, 1);
    assert_true(t->log_bf_se < 0.05);
    if (!(fabs(t->log_bf - (with - without)) <= 1e-3 + 4 * t->log_bf_se))
        fail_msg("%s: log Bayes factor %.5f (error %.1e), quadrature %.5f", data, t->log_bf, t->log_bf_se, with - without);
    *log_bf = with - without;
    bm_compare_free(c);
    free(X);
    free(group);
    bm_model_free(m);
}

static void test_evidence_and_bayes_factor_of_dyestuff_are_those_of_quadrature(void **state)
{
    double bf;

    (void)state;
    check_one_way("Yield ~ 1 + (1 | Batch)", "tests/data/Dyestuff.csv", 150, 1527.5, 150, (axis){ 3, 5.5, 0.03 }, (axis){ -5, 9, 0.1 }, (axis){ 3, 6, 0.02 }, &bf);
    assert_true(bf > 0);
}

static void test_evidence_and_bayes_factor_of_dyestuff2_are_those_of_quadrature(void **state)
{
    double bf;

    (void)state;
    check_one_way("Yield ~ 1 + (1 | Batch)", "tests/data/Dyestuff2.csv", 9, 5.7, 9, (axis){ 0.3, 2.6, 0.03 }, (axis){ -9, 6, 0.1 }, (axis){ 0.3, 2.8, 0.02 }, &bf);
    assert_true(bf < 0);                             /* the estimate is 0: the simpler model predicts better */
}

static void test_evidence_and_bayes_factor_of_estrone_are_those_of_quadrature(void **state)
{
    double bf;

    (void)state;
    check_one_way("log10_estrone ~ 1 + (1 | woman)", "tests/data/estrone.csv", 0.35, 1.3, 0.35, (axis){ -3.4, -2.2, 0.02 }, (axis){ -4, 3, 0.1 },
                  (axis){ -2.8, -1.2, 0.02 }, &bf);
    assert_true(bf > 0);
}

static void test_evidence_and_bayes_factor_of_the_measured_estrone_are_those_of_quadrature(void **state)
{
    double bf;

    (void)state;
    check_one_way("log10(estrone) ~ 1 + (1 | subject)", "tests/data/estrone_real.csv", 0.35, 1.3, 0.35, (axis){ -4, -1.5, 0.03 }, (axis){ -4.5, 3, 0.1 },
                  (axis){ -3, -0.5, 0.02 }, &bf);
    assert_true(bf > 0);
}

static void test_evidence_without_free_variance_parameters_is_exact(void **state)
{
    static const char *const priors[] = { "Intercept ~ normal(8, 10)" };
    static const double mean = 8, var = 100;
    bm_error  err = { 0 };
    bm_spec  *s = NULL;
    bm_model *m = NULL;
    double    l = 0, S[64], e[8];

    (void)state;
    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", "y ~ 1", &err), err);
    bm_assert_ok(bm_spec_set(s, "data", "tests/data/eight_schools.csv", &err), err);
    bm_assert_ok(bm_spec_set(s, "se", "se", &err), err);
    bm_assert_ok(bm_spec_set(s, "prior", priors[0], &err), err);
    bm_assert_ok(bm_model_new(&m, s, NULL, &err), err);
    const bm_design *d = m->design;
    for (size_t j = 0; j < 8; j++) {
        e[j] = d->y[j] - mean;
        for (size_t i = 0; i < 8; i++) S[i + 8 * j] = var + (i == j ? 1 / d->w[i] : 0);
    }
    for (size_t j = 0; j < 8; j++) {
        double r = sqrt(S[j + 8 * j]);

        e[j] /= r;
        for (size_t i = j; i < 8; i++) S[i + 8 * j] /= r;
        for (size_t k = j + 1; k < 8; k++) {
            e[k] -= S[k + 8 * j] * e[j];
            for (size_t i = k; i < 8; i++) S[i + 8 * k] -= S[i + 8 * j] * S[k + 8 * j];
        }
        l -= log(r) + 0.5 * e[j] * e[j] + 0.5 * log(2 * M_PI);
    }
    bm_evidence got = sharp_evidence(m->post, 1e-9);
    bm_assert_near(got.log, l, 1e-12);
    assert_true(got.se == 0);
    bm_fit *f = NULL;
    bm_assert_ok(bm_fit_run(&f, m, NULL, &err), err);
    assert_null(f->run.no_evidence);
    bm_assert_near(f->run.log_evidence, l, 1e-12);
    bm_fit_free(f);
    bm_model_free(m);
    bm_spec_free(s);
}

static void test_models_without_an_evidence_say_why(void **state)
{
    static const char *const flat[] = { "Intercept ~ flat()" }, *const student[] = { "b_Days ~ student_t(3, 0, 20)" };
    bm_compare_options opt = BM_COMPARE_OPTIONS_INIT;
    bm_error           err = { 0 };
    bm_evidence        e;
    const char        *none;
    bm_fit_options     fopt = BM_FIT_OPTIONS_INIT;
    char              *text;

    (void)state;
    opt.test_ranef = true;
    bm_model   *m = model_with("Reaction ~ Days + (1 | Subject)", "tests/data/sleepstudy.csv", flat, 1, NULL);
    bm_compare *c = compare_with(m, &opt);
    assert_true(isnan(c->view.test[0].log_bf));
    assert_true(isfinite(c->view.test[0].p) && isfinite(c->view.test[0].prob));
    text = printed(c, NULL);
    assert_prints(text, "no evidence: a prior is improper (flat), so that");
    assert_prints(text, "Bayes factor none: a prior is improper (flat)");
    free(text);
    bm_compare_free(c);
    bm_model_free(m);

    m = model_with("Reaction ~ Days + (1 | Subject)", "tests/data/sleepstudy.csv", student, 1, NULL);
    c = compare_with(m, &opt);
    text = printed(c, NULL);
    assert_prints(text, "a Student-t prior on coefficients is a mixture");
    free(text);
    bm_compare_free(c);
    bm_assert_ok(bm_estimate_evidence(&e, &none, m->post, &fopt, 0.1, &err), err);
    assert_true(isnan(e.log) && strstr(none, "Student-t"));
    bm_model_free(m);
}

static void test_summary_json_has_the_evidence(void **state)
{
    bm_model *m = model_with("Yield ~ 1 + (1 | Batch)", "tests/data/Dyestuff.csv", NULL, 0, NULL);
    bm_print_options opt = BM_PRINT_OPTIONS_INIT;
    bm_error  err = { 0 };
    bm_fit   *f = NULL;
    char     *text = NULL;
    size_t    n;
    FILE     *out = open_memstream(&text, &n);

    (void)state;
    opt.json = true;
    bm_assert_ok(bm_fit_run(&f, m, NULL, &err), err);
    bm_assert_ok(bm_fit_print(f, out, &opt, &err), err);
    fclose(out);
    cJSON *j = cJSON_Parse(text), *s = cJSON_GetObjectItem(j, "sampler");
    bm_assert_near(cJSON_GetObjectItem(s, "log_evidence")->valuedouble, f->run.log_evidence, 1e-15);
    assert_true(cJSON_GetObjectItem(s, "log_evidence_se")->valuedouble > 0);
    cJSON_Delete(j);
    free(text);
    opt = (bm_print_options)BM_PRINT_OPTIONS_INIT;
    opt.verbose = true;
    out = open_memstream(&text, &n);
    bm_assert_ok(bm_fit_print(f, out, &opt, &err), err);
    fclose(out);
    assert_prints(text, "log evidence -");
    free(text);
    bm_fit_free(f);
    bm_model_free(m);
}

/* ---- without a prior ---- */

/* Means under the prior `with` reweighted to flat against a fit with the prior `flat`: within 4 joint Monte Carlo errors. */
static void check_flat(const char *with, const char *const *flat, size_t nflat, const char *const *names, size_t n)
{
    bm_error    err = { 0 };
    bm_model   *a = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", &with, 1, "20000");
    bm_model   *b = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", flat, nflat, "20000");
    bm_compare *c = compare_with(a, NULL);
    bm_fit     *f = NULL;

    bm_assert_ok(bm_fit_run(&f, b, NULL, &err), err);
    for (size_t i = 0; i < n; i++) {
        const bm_compare_row *r = row_named(c, names[i]);
        const bm_summary_row *s = NULL;

        for (size_t v = 0; v < f->nmonitored; v++)
            if (strcmp(f->summary[v].name, names[i]) == 0) s = &f->summary[v];
        assert_non_null(s);
        assert_int_equal(r->flat, BM_FLAT_WEIGHTS);
        assert_true(r->flat_ess > 100 && r->flat_k <= 0.7);
        double error = hypot(s->sd / sqrt(r->flat_ess * 0.3), s->mcse_mean);     /* the draws are correlated */
        if (!(fabs(r->flat_mean - s->mean) <= 4 * error))
            fail_msg("%s under %s: reweighted %.5g, fitted %.5g, error %.2g", names[i], with, r->flat_mean, s->mean, error);
        bm_assert_near(r->prior_shift, (r->mean - r->flat_mean) / r->sd, 1e-12);
    }
    bm_fit_free(f);
    bm_compare_free(c);
    bm_model_free(a);
    bm_model_free(b);
}

static void test_reweighting_agrees_with_fits_under_flat_priors(void **state)
{
    static const char *const sd[] = { "sd_Subject__Days ~ flat()" }, *const sigma[] = { "sigma ~ flat()" }, *const cor[] = { "cor ~ lkj(1)" };
    static const char *const cov[] = { "sd ~ flat()", "cor ~ lkj(1)" };
    static const char *const days = "sd_Subject__Days", *const s = "sigma", *const r = "cor_Subject__Intercept__Days";
    static const char *const all[] = { "sd_Subject__Intercept", "sd_Subject__Days", "cor_Subject__Intercept__Days" };

    (void)state;
    check_flat("sd_Subject__Days ~ half_normal(0, 6)", sd, 1, &days, 1);
    check_flat("sigma ~ inv_gamma(20, 11000)", sigma, 1, &s, 1);
    check_flat("cor ~ lkj(3)", cor, 1, &r, 1);
    check_flat("cov(Subject) ~ inv_wishart(5, 60)", cov, 2, all, 3);
}

static void test_flat_and_constant_priors_have_nothing_to_remove(void **state)
{
    static const char *const priors[] = { "sd_Subject__Days ~ flat()", "sigma ~ constant(25)", "b ~ flat()", "Intercept ~ flat()" };
    bm_model   *m = model_with("Reaction ~ Days + (Days || Subject)", "tests/data/sleepstudy.csv", priors, COUNT(priors), NULL);
    bm_compare *c = compare_with(m, NULL);

    (void)state;
    assert_int_equal(row_named(c, "sd_Subject__Days")->flat, BM_FLAT_NONE);
    assert_int_equal(row_named(c, "sigma")->flat, BM_FLAT_NONE);
    assert_int_equal(row_named(c, "b_Days")->flat, BM_FLAT_NONE);
    assert_int_equal(row_named(c, "sd_Subject__Intercept")->flat, BM_FLAT_WEIGHTS);
    assert_true(isnan(row_named(c, "sigma")->diff));                 /* its posterior has no sd */
    assert_false(row_named(c, "sigma")->differs);
    bm_compare_free(c);
    bm_model_free(m);
}

/* The prior excludes what the data say: the draws cannot tell what would be without it. */
static void test_degenerate_weights_are_refused(void **state)
{
    static const char *const priors[] = { "sd_Batch__Intercept ~ half_normal(0, 5)" };
    bm_model         *m = model_with("Yield ~ 1 + (1 | Batch)", "tests/data/Dyestuff.csv", priors, 1, NULL);
    bm_compare       *c = compare_with(m, NULL);
    bm_print_options  opt = BM_PRINT_OPTIONS_INIT;

    (void)state;
    const bm_compare_row *r = row_named(c, "sd_Batch__Intercept");
    assert_int_equal(r->flat, BM_FLAT_REFUSED);
    assert_true(isnan(r->flat_mean) && isnan(r->prior_shift) && r->flat_k > 0.7);
    assert_true(r->differs);
    assert_why(r, "without the prior their weights degenerate (Pareto k ");
    char *text = printed(c, &opt);
    assert_prints(text, "(- where the");
    free(text);
    bm_compare_free(c);
    bm_model_free(m);
}

/* E[b | theta] = (X'V^-1 X)^-1 X'V^-1 y with dense V, averaged over the draws. */
static void test_coefficients_without_priors_are_generalised_least_squares_over_the_draws(void **state)
{
    static const char *const priors[] = { "b_Days ~ normal(0, 1)", "Intercept ~ normal(200, 5)" };
    bm_model        *m = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", priors, 2, "10");
    bm_compare      *c = compare_with(m, NULL);
    const bm_design *d = m->design;
    const bm_draws  *x = c->fit->draws;
    size_t           n = d->n, total = x->nchain * x->niter;
    double          *V = malloc(n * n * sizeof *V), *W = malloc(3 * n * sizeof *W), b[2] = { 0, 0 };

    (void)state;
    for (size_t t = 0; t < total; t++) {
        double s0 = x->x[3 * total + t], s1 = x->x[4 * total + t], r = x->x[5 * total + t], sigma = x->x[6 * total + t];
        double A[2][2] = { { 0 } }, h[2] = { 0 };

        for (size_t j = 0; j < n; j++) {
            for (size_t i = j; i < n; i++) {
                double zi = d->X[i + n], zj = d->X[j + n];
                bool   same = d->fac[0].code[i] == d->fac[0].code[j];

                V[i + j * n] = (i == j ? sigma * sigma : 0) + (same ? s0 * s0 + r * s0 * s1 * (zi + zj) + s1 * s1 * zi * zj : 0);
            }
            W[j] = 1;
            W[j + n] = d->X[j + n];
            W[j + 2 * n] = d->y[j];
        }
        assert_int_equal(bm_chol(n, V), BM_OK);
        bm_solve_lower(n, 3, V, W);
        for (size_t i = 0; i < 2; i++) {
            h[i] = bm_dot(n, W + i * n, W + 2 * n);
            for (size_t k = 0; k < 2; k++) A[i][k] = bm_dot(n, W + i * n, W + k * n);
        }
        double det = A[0][0] * A[1][1] - A[0][1] * A[1][0];
        b[0] += (A[1][1] * h[0] - A[0][1] * h[1]) / det / (double)total;
        b[1] += (A[0][0] * h[1] - A[1][0] * h[0]) / det / (double)total;
    }
    assert_int_equal(row_named(c, "b_Days")->flat, BM_FLAT_EXACT);
    bm_assert_near(row_named(c, "b_Intercept")->flat_mean, b[0], 1e-9);
    bm_assert_near(row_named(c, "b_Days")->flat_mean, b[1], 1e-9);
    assert_why(row_named(c, "b_Days"), "the prior of the coefficients moved the mean by -");
    free(V);
    free(W);
    bm_compare_free(c);
    bm_model_free(m);
}

/* Balanced random intercepts: conditional variance over variance is sigma^2 / (sigma^2 + n tau^2). */
static void test_shrinkage_of_a_balanced_layout_has_its_closed_form(void **state)
{
    bm_model       *m = model_with("Yield ~ 1 + (1 | Batch)", "tests/data/Dyestuff.csv", NULL, 0, NULL);
    bm_compare     *c = compare_with(m, NULL);
    const bm_draws *x = c->fit->draws;
    size_t          total = x->nchain * x->niter;
    double          want = 0, tau = c->reml->group[0].sd[0], sigma = c->reml->sigma;

    (void)state;
    for (size_t t = 0; t < total; t++) {
        double s = x->x[2 * total + t], e = x->x[3 * total + t];

        want += e * e / (e * e + 5 * s * s) / (double)total;
    }
    assert_int_equal(c->view.neffect, 6);
    for (size_t i = 0; i < 6; i++) {
        const bm_compare_effect *e = &c->view.effect[i];

        bm_assert_near(e->shrink, want, 1e-9);
        bm_assert_near(e->shrink_reml, sigma * sigma / (sigma * sigma + 5 * tau * tau), 1e-9);
        bm_assert_near(e->diff, (e->mean - e->reml) / e->sd, 1e-12);
        bm_assert_near(e->ratio, e->sd / e->se, 1e-12);
    }
    bm_compare_free(c);
    bm_model_free(m);
}

/* ---- REML's side ---- */

/* Balanced one-way layout: the mean squares are independent chi-squares, so that var(tau^2) and var(sigma^2) are known. */
static void test_standard_errors_of_a_balanced_layout_have_their_closed_form(void **state)
{
    bm_model   *m = model_with("Yield ~ 1 + (1 | Batch)", "tests/data/Dyestuff.csv", NULL, 0, NULL);
    bm_compare *c = compare_with(m, NULL);
    double      tau = c->reml->group[0].sd[0], sigma = c->reml->sigma, within = sigma * sigma, between = within + 5 * tau * tau;
    double      var_tau2 = (2 * between * between / 5 + 2 * within * within / 24) / 25, var_sigma2 = 2 * within * within / 24;

    (void)state;
    bm_assert_near(row_named(c, "sd_Batch__Intercept")->se, sqrt(var_tau2) / (2 * tau), 1e-4);
    bm_assert_near(row_named(c, "sigma")->se, sqrt(var_sigma2) / (2 * sigma), 1e-4);
    bm_compare_free(c);
    bm_model_free(m);
}

static void test_intervals_are_profiles_or_wald_and_say_so(void **state)
{
    bm_model           *m = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", NULL, 0, NULL);
    bm_compare_options  opt = BM_COMPARE_OPTIONS_INIT;
    bm_compare         *c = compare_with(m, &opt);

    (void)state;
    assert_string_equal(row_named(c, "sd_Subject__Days")->interval, "profile");
    bm_assert_near(row_named(c, "sd_Subject__Days")->lower, 3.801, 1e-3);        /* lme4's confint(), in its vignette */
    bm_assert_near(row_named(c, "sd_Subject__Days")->upper, 8.753, 1e-3);
    assert_string_equal(row_named(c, "b_Days")->interval, "wald");
    bm_assert_near(row_named(c, "b_Days")->lower, 10.46729 - 1.959964 * 1.54579, 1e-4);
    bm_compare_free(c);
    opt.ci = BM_COMPARE_CI_PROFILE;
    c = compare_with(m, &opt);
    assert_string_equal(row_named(c, "b_Days")->interval, "profile");
    bm_assert_near(row_named(c, "b_Days")->lower, 7.359, 1e-3);
    bm_compare_free(c);
    opt.ci = BM_COMPARE_CI_WALD;
    c = compare_with(m, &opt);
    const bm_compare_row *r = row_named(c, "sd_Subject__Days");
    assert_string_equal(r->interval, "wald (log scale)");
    bm_assert_near(sqrt(r->lower * r->upper), r->reml, 1e-12);
    bm_assert_near(log(r->upper / r->reml), 1.9599639845400545 * r->se / r->reml, 1e-12);
    r = row_named(c, "cor_Subject__Intercept__Days");
    assert_string_equal(r->interval, "wald (atanh scale)");
    bm_assert_near(tanh(0.5 * (atanh(r->lower) + atanh(r->upper))), r->reml, 1e-9);
    char *text = printed(c, NULL);
    assert_prints(text, "Wald on the log and atanh");
    free(text);
    bm_compare_free(c);
    bm_model_free(m);
}

static void test_shares_of_reml_are_those_of_its_variances(void **state)
{
    bm_model   *m = model_with("Yield ~ 1 + (1 | Batch)", "tests/data/Dyestuff.csv", NULL, 0, NULL);
    bm_compare *c = compare_with(m, NULL);
    double      t2 = pow(c->reml->group[0].sd[0], 2), s2 = pow(c->reml->sigma, 2);

    (void)state;
    assert_int_equal(c->view.nshare, 2);
    assert_string_equal(c->view.share[0].name, "icc_Batch");
    bm_assert_near(c->view.share[0].reml, t2 / (t2 + s2), 1e-12);
    bm_assert_near(c->view.share[1].reml, s2 / (t2 + s2), 1e-12);
    bm_compare_free(c);
    bm_model_free(m);
}

/* ---- reasons ---- */

static void test_reasons_are_those_that_hold(void **state)
{
    static const char *const strong[] = { "sd_Subject__Days ~ half_normal(0, 1.5)" };
    static const char *const moved[] = { "b_Days ~ normal(0, 2)", "sd ~ half_normal(0, 10)" };
    bm_model   *m = model_with("Yield ~ 1 + (1 | Batch)", "tests/data/Dyestuff2.csv", NULL, 0, NULL);
    bm_compare *c = compare_with(m, NULL);

    (void)state;
    const bm_compare_row *r = row_named(c, "sd_Batch__Intercept");
    assert_true(r->boundary && r->differs && r->reml == 0 && isnan(r->se));
    assert_why(r, "the REML estimate is on the boundary (0)");
    assert_why(r, "few groups: 6 levels of Batch; effects that were observed exactly would still leave their sd uncertain by 32 %");
    assert_why(r, "the posterior of this sd is skewed: mode ");
    assert_true(r->mode < r->median && r->median < r->mean);
    assert_false(row_named(c, "b_Intercept")->differs);
    assert_int_equal(row_named(c, "b_Intercept")->why.n, 0);
    bm_compare_free(c);
    bm_model_free(m);

    m = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", strong, 1, NULL);
    c = compare_with(m, NULL);
    r = row_named(c, "sd_Subject__Days");
    assert_true(r->prior_shift < -0.1 || r->flat == BM_FLAT_REFUSED);
    bm_compare_free(c);
    bm_model_free(m);

    m = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", moved, 2, NULL);
    c = compare_with(m, NULL);
    assert_why(row_named(c, "b_Days"), "the prior of the coefficients moved the mean by -");
    assert_why(row_named(c, "b_Days"), "under a flat one it is 10.");
    bm_compare_free(c);
    bm_model_free(m);
}

static void test_priors_that_move_sds_are_quantified(void **state)
{
    static const char *const priors[] = { "sd_woman__Intercept ~ half_cauchy(0, 0.1)" };
    bm_model   *m = model_with("log10_estrone ~ 1 + (1 | woman)", "tests/data/estrone.csv", priors, 1, NULL);
    bm_compare *c = compare_with(m, NULL);

    (void)state;
    assert_why(row_named(c, "sd_woman__Intercept"), "its prior moved the mean by -0.");
    assert_why(row_named(c, "sd_woman__Intercept"), "(draws reweighted, effective sample size ");
    bm_compare_free(c);
    bm_model_free(m);
}

static void test_correlations_of_effects_that_do_not_vary_have_no_estimate(void **state)
{
    static const char csv[] = "y,x,g\n";
    char   path[] = "/tmp/bm_compare_XXXXXX";
    FILE  *f = fdopen(mkstemp(path), "w");
    bm_rng rng;

    (void)state;
    fputs(csv, f);
    bm_rng_key(&rng, 4, 0, 0);
    for (int g = 0; g < 6; g++) {
        double u = 0;

        for (int i = 0; i < 6; i++) {                /* residuals that cancel within groups: no group varies */
            double e = i < 5 ? bm_rng_normal(&rng) : -u;

            if (i < 5) u += e;
            fprintf(f, "%.6f,%d,%d\n", 0.2 * i + e, i - 3, g);
        }
    }
    fclose(f);
    bm_model   *m = model_with("y ~ x + (1 + x | g)", path, NULL, 0, NULL);
    bm_compare *c = compare_with(m, NULL);
    const bm_compare_row *r = row_named(c, "cor_g__Intercept__x");
    assert_true(r->boundary && r->differs);
    if (isnan(r->reml)) assert_why(r, "REML has no estimate of it");
    else assert_why(r, "the REML estimate is on the boundary");
    assert_why(r, "few groups: 6 levels of g; a correlation of 6 pairs");
    assert_true(c->notes.n >= 1);
    char *text = printed(c, NULL);
    assert_prints(text, "the REML fit is singular: at the boundary: ");
    free(text);
    bm_compare_free(c);
    bm_model_free(m);
    unlink(path);
}

static void test_few_residual_degrees_of_freedom_and_noise_are_reasons(void **state)
{
    static const char *const priors[] = { "b ~ normal(0, 1)" };
    char  path[] = "/tmp/bm_compare_XXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");
    bm_compare_options opt = BM_COMPARE_OPTIONS_INIT;

    (void)state;
    fputs("y,x\n1,1\n2.2,2\n2.7,3\n4.4,4\n4.9,5\n", f);
    fclose(f);
    bm_model   *m = model_with("y ~ x", path, priors, 1, "12");
    bm_compare *c = compare_with(m, NULL);
    assert_why(row_named(c, "sigma"), "few residual degrees of freedom: 5 rows, 2 coefficients");
    assert_why(row_named(c, "sigma"), "the posterior mean has a Monte Carlo error of 0.");
    bm_compare_free(c);
    opt.differ = 1e6;
    c = compare_with(m, &opt);
    char *text = printed(c, NULL);
    assert_prints(text, "No estimate is at the boundary, and none differs from the posterior mean by more than 1e+06 posterior sd.");
    free(text);
    bm_compare_free(c);
    bm_model_free(m);
    unlink(path);
}

/* ---- pooling ---- */

static const bm_pool_row *pool_row(const bm_compare *c, const char *level, size_t term)
{
    for (size_t i = 0; i < c->view.npool; i++) {
        const bm_pool_row *r = &c->view.pool[i];

        if (strcmp(c->model->design->fac[r->factor].levels[r->level], level) == 0 && r->term == term) return r;
    }
    fail_msg("no group %s", level);
    return NULL;
}

static void test_no_pooling_of_sleepstudy_is_lm_by_subject(void **state)
{
    /* R 4.2.2: lm(Reaction ~ Days) of each subject: intercept, se, slope, se */
    static const struct { const char *level; double a, sa, b, sb; } lm[] = {
#include "data/sleepstudy_nopool.inc"
    };
    bm_model           *m = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", NULL, 0, NULL);
    bm_compare_options  opt = BM_COMPARE_OPTIONS_INIT;

    (void)state;
    opt.pooling = true;
    bm_compare *c = compare_with(m, &opt);
    assert_int_equal(c->view.npool, 36);
    for (size_t i = 0; i < COUNT(lm); i++) {
        const bm_pool_row *a = pool_row(c, lm[i].level, 0), *b = pool_row(c, lm[i].level, 1);

        assert_int_equal(a->n, 10);
        bm_assert_near(a->none, lm[i].a, 1e-10);
        bm_assert_near(b->none, lm[i].b, 1e-10);
        bm_assert_near(a->none_se, lm[i].sa, 1e-10);
        bm_assert_near(b->none_se, lm[i].sb, 1e-10);
        bm_assert_near(a->none_se_pooled, 15.0416872327141, 1e-10);      /* lm(Reaction ~ 0 + Subject + Subject:Days) */
        bm_assert_near(a->complete, 251.4051, 1e-6);                     /* lm(Reaction ~ Days) */
        bm_assert_near(b->complete, 10.46729, 1e-6);
    }
    const bm_pool_row *r = pool_row(c, "308", 1);                        /* coef(lmer(...))$Subject */
    bm_assert_near(r->reml, 19.66626, 1e-5);
    bm_assert_near(pool_row(c, "308", 0)->reml, 253.6635, 1e-5);
    assert_true(r->q2_5 < r->mean && r->mean < r->q97_5 && r->sd > 0);
    bm_compare_free(c);
    bm_model_free(m);
}

/* Solves the normal equations of y on the columns of D (n x m) by elimination with pivoting. */
static void naive_least_squares(const double *D, size_t n, size_t m, const double *y, double *out)
{
    size_t       w = m + 1;
    long double *A = calloc(m * w, sizeof *A);

    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= m; j++)
            for (size_t r = 0; r < n; r++) A[i * w + j] += (long double)D[r + i * n] * (j < m ? D[r + j * n] : y[r]);
    for (size_t c = 0; c < m; c++) {
        size_t best = c;

        for (size_t r = c; r < m; r++)
            if (fabsl(A[r * w + c]) > fabsl(A[best * w + c])) best = r;
        for (size_t j = 0; j <= m; j++) {
            long double t = A[c * w + j];

            A[c * w + j] = A[best * w + j];
            A[best * w + j] = t;
        }
        for (size_t r = 0; r < m; r++) {
            long double f = A[r * w + c] / A[c * w + c];

            if (r == c) continue;
            for (size_t j = 0; j <= m; j++) A[r * w + j] -= f * A[c * w + j];
        }
    }
    for (size_t c = 0; c < m; c++) out[c] = (double)(A[c * w + m] / A[c * w + c]);
    free(A);
}

/* A predictor that varies within groups is common to them, one that does not is absorbed: y on a dummy per group and the common columns. */
static void test_no_pooling_with_common_and_absorbed_predictors_is_least_squares_on_dummies(void **state)
{
    bm_model           *m = model_with("distance ~ age + Sex + I(age^2) + (age | Subject)", "tests/data/Orthodont.csv", NULL, 0, NULL);
    bm_compare_options  opt = BM_COMPARE_OPTIONS_INIT;
    const bm_design    *d = m->design;
    size_t              n = d->n, J = d->fac[0].J, k = 2 * J + 1;
    double             *D = calloc(n * k, sizeof *D), *b = malloc(k * sizeof *b);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        size_t j = (size_t)d->fac[0].code[i];
        double age = d->fac[0].Z[i + n];

        D[i + 2 * j * n] = 1;
        D[i + (2 * j + 1) * n] = age;
        D[i + 2 * J * n] = age * age;
    }
    naive_least_squares(D, n, k, d->y, b);
    opt.pooling = true;
    bm_compare *c = compare_with(m, &opt);
    for (size_t j = 0; j < J; j++) {
        bm_assert_near(pool_row(c, d->fac[0].levels[j], 0)->none, b[2 * j], 1e-6);
        bm_assert_near(pool_row(c, d->fac[0].levels[j], 1)->none, b[2 * j + 1], 1e-6);
    }
    /* partial pooling of an absorbed predictor: its part belongs to the group */
    const bm_reml *r = c->reml;
    size_t         sex = 2;
    const bm_pool_row *row = &c->view.pool[2 * (size_t)d->fac[0].code[0]];      /* the group of the first row of the data */
    bm_assert_near(row->reml, r->b[0] + r->b[sex] * d->X[0 + sex * n] + r->group[0].u[row->level * 2], 1e-9);
    char *text = printed(c, NULL);
    assert_prints(text, "no pooling by Subject: the coefficients that do not belong to a group");
    free(text);
    free(D);
    free(b);
    bm_compare_free(c);
    bm_model_free(m);
}

static void test_groups_with_too_few_rows_have_no_estimate_of_their_own(void **state)
{
    char  path[] = "/tmp/bm_compare_XXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");
    bm_compare_options opt = BM_COMPARE_OPTIONS_INIT;
    bm_rng rng;

    (void)state;
    fputs("y,x,g\n", f);
    bm_rng_key(&rng, 9, 0, 0);
    for (int g = 0; g < 8; g++)
        for (int i = 0; i < (g == 0 ? 1 : g == 1 ? 2 : 5); i++) fprintf(f, "%.6f,%d,g%d\n", g + i + bm_rng_normal(&rng), i, g);
    fclose(f);
    opt.pooling = true;
    bm_model   *m = model_with("y ~ x + (x | g)", path, NULL, 0, NULL);
    bm_compare *c = compare_with(m, &opt);
    assert_true(isnan(pool_row(c, "g0", 0)->none) && isnan(pool_row(c, "g0", 1)->none_se_pooled));
    assert_true(isfinite(pool_row(c, "g1", 0)->none) && isnan(pool_row(c, "g1", 0)->none_se) && isfinite(pool_row(c, "g1", 0)->none_se_pooled));
    assert_true(isfinite(pool_row(c, "g0", 0)->reml) && isfinite(pool_row(c, "g0", 1)->mean) && isfinite(pool_row(c, "g0", 1)->complete));
    bm_assert_near(pool_row(c, "g0", 1)->complete, pool_row(c, "g7", 1)->complete, 1e-9);
    char *text = printed(c, NULL);
    assert_prints(text, "1 of 8 groups have too few rows");
    free(text);
    bm_compare_free(c);
    bm_model_free(m);
    unlink(path);
}

static void test_linear_models_have_no_groups_to_pool_or_test(void **state)
{
    bm_model           *m = model_with("Reaction ~ Days", "tests/data/sleepstudy.csv", NULL, 0, NULL);
    bm_compare_options  opt = BM_COMPARE_OPTIONS_INIT;

    (void)state;
    opt.pooling = opt.test_ranef = true;
    bm_compare *c = compare_with(m, &opt);
    char *text = printed(c, NULL);
    assert_prints(text, "The model has no groups.");
    assert_prints(text, "The model has no random terms.");
    assert_null(strstr(text, "Group effects"));
    free(text);
    bm_compare_free(c);
    bm_model_free(m);
}

/* ---- is the variance zero? ---- */

static void test_tests_of_random_terms_agree_with_fits_of_the_smaller_models(void **state)
{
    bm_model           *m = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", NULL, 0, NULL);
    bm_model           *s = model_with("Reaction ~ Days + (1 | Subject)", "tests/data/sleepstudy.csv", NULL, 0, NULL);
    bm_model           *t = model_with("Reaction ~ Days + (0 + Days | Subject)", "tests/data/sleepstudy.csv", NULL, 0, NULL);
    const bm_model     *smaller[] = { t, s };
    bm_compare_options  opt = BM_COMPARE_OPTIONS_INIT;
    bm_error            err = { 0 };

    (void)state;
    opt.test_ranef = true;
    opt.eps = 4;
    bm_compare *c = compare_with(m, &opt);
    assert_int_equal(c->view.ntest, 2);
    for (size_t i = 0; i < 2; i++) {
        const bm_term_test *x = &c->view.test[i];
        bm_evidence         with = sharp_evidence(m->post, 2e-3), without = sharp_evidence(smaller[i]->post, 2e-3);
        bm_anova           *a = NULL;

        bm_assert_ok(bm_anova_run(&a, m, smaller[i], NULL, &err), err);
        bm_assert_near(x->chisq, a->chisq, 1e-7);
        bm_assert_near(x->p, a->p, 1e-6);
        bm_anova_free(a);
        if (!(fabs(x->log_bf - (with.log - without.log)) <= 4 * hypot(x->log_bf_se, hypot(with.se, without.se))))
            fail_msg("%s: log Bayes factor %.4f, from separate fits %.4f", x->name, x->log_bf, with.log - without.log);
        bm_assert_near(x->eps, 4, 1e-15);
    }
    double x2 = c->view.test[1].chisq;               /* half chi-square with 1, half with 2 df */
    bm_assert_near(c->view.test[1].p, 0.5 * erfc(sqrt(x2 / 2)) + 0.5 * exp(-x2 / 2), 1e-6);
    const bm_draws *d = c->fit->draws;
    size_t n = d->nchain * d->niter, below = 0;
    for (size_t i = 0; i < n; i++) below += d->x[4 * n + i] < 4;
    bm_assert_near(c->view.test[1].prob, (double)below / (double)n, 1e-12);
    assert_true(c->view.test[1].prob_se > 0);
    char *text = printed(c, NULL);
    assert_prints(text, "4 is as asked for");
    assert_prints(text, "(half chi-square with 1,");
    free(text);
    bm_compare_free(c);
    bm_model_free(m);
    bm_model_free(s);
    bm_model_free(t);
}

/* Without one row and column an inverse Wishart is one again, with a degree of freedom less. */
static void test_wishart_priors_of_smaller_models_are_their_marginals(void **state)
{
    static const char *const priors[] = { "cov(Subject) ~ inv_wishart(6, 40)" };
    bm_model   *m = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", priors, 1, NULL);
    bm_error    err = { 0 };
    bm_reduced  r;

    (void)state;
    bm_assert_ok(bm_reduced_new(&r, m, 0, 1, &err), err);
    assert_int_equal(r.design.fac[0].q, 1);
    assert_int_equal(r.design.fac[0].nblock, 1);
    assert_string_equal(r.design.fac[0].znames[0], "Intercept");
    assert_int_equal(r.priors.cor[0][0].kind, BM_DIST_INV_WISHART);
    bm_assert_near(r.priors.cor[0][0].a[0], 5, 0);
    assert_true(isfinite(sharp_evidence(r.post, 0.02).log));
    bm_reduced_free(&r);
    bm_model_free(m);
}

/* ---- refusals, interruption ---- */

static void test_options_out_of_range_are_refused(void **state)
{
    bm_model           *m = model_with("Reaction ~ Days", "tests/data/sleepstudy.csv", NULL, 0, NULL);
    bm_compare_options  opt = BM_COMPARE_OPTIONS_INIT;
    bm_compare         *c = NULL;
    bm_error            err = { 0 };

    (void)state;
    opt.differ = -1;
    assert_int_equal(bm_compare_run(&c, m, &opt, &err), BM_EINVAL);
    bm_assert_says(err, "--differ -1: it is a number of posterior standard deviations, 0 or more");
    opt.differ = 0.25;
    opt.eps = NAN;
    err = (bm_error){ 0 };
    assert_int_equal(bm_compare_run(&c, m, &opt, &err), BM_EINVAL);
    bm_assert_says(err, "--eps nan: an sd below which a variance counts as zero is a positive number");
    assert_null(c);
    bm_model_free(m);
}

static void test_stopped_comparisons_return_nothing(void **state)
{
    static volatile sig_atomic_t stop = 1;
    bm_model           *m = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", NULL, 0, NULL);
    bm_fit_options      fit = BM_FIT_OPTIONS_INIT;
    bm_compare_options  opt = BM_COMPARE_OPTIONS_INIT;
    bm_compare         *c = NULL;
    bm_error            err = { 0 };

    (void)state;
    fit.stop = &stop;
    opt.fit = &fit;
    assert_int_equal(bm_compare_run(&c, m, &opt, &err), BM_INTERRUPTED);
    assert_null(c);
    bm_model_free(m);
}

/* ---- files ---- */

static char *slurp(const char *dir, const char *name)
{
    char  path[256];
    char *s = calloc(1, 1 << 20);

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    if (!f) {
        free(s);
        return NULL;
    }
    if (!fread(s, 1, (1 << 20) - 1, f)) fail_msg("%s is empty", path);
    fclose(f);
    return s;
}

static void test_files_hold_every_number_and_are_not_overwritten(void **state)
{
    char     dir[] = "/tmp/bm_compare_XXXXXX", path[128];
    bm_error err = { 0 };
    bm_model *m = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", NULL, 0, NULL);
    bm_compare_options opt = BM_COMPARE_OPTIONS_INIT;
    bm_write_options   w = BM_WRITE_OPTIONS_INIT;

    (void)state;
    assert_non_null(mkdtemp(dir));
    opt.pooling = opt.test_ranef = true;
    bm_compare *c = compare_with(m, &opt);
    w.command = "bmixed compare";
    bm_assert_ok(bm_compare_check_output(dir, false, &err), err);
    bm_assert_ok(bm_compare_write(c, dir, &w, &err), err);
    assert_int_equal(bm_compare_write(c, dir, &w, &err), BM_EINVAL);
    bm_assert_says(err, "/compare.csv' exists; --force replaces it");
    err = (bm_error){ 0 };
    assert_int_equal(bm_compare_check_output(dir, false, &err), BM_EINVAL);
    bm_assert_says(err, "/compare.csv' exists; --force replaces it");
    err = (bm_error){ 0 };
    bm_assert_ok(bm_compare_check_output(dir, true, &err), err);

    char  *text = slurp(dir, "compare.json");
    cJSON *j = cJSON_Parse(text), *p = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "parameters"), 1);
    const bm_compare_row *r = &c->view.row[1];
    assert_string_equal(cJSON_GetObjectItem(p, "name")->valuestring, "sd_Subject__Days");
    bm_assert_near(cJSON_GetObjectItem(p, "reml")->valuedouble, r->reml, 1e-15);
    bm_assert_near(cJSON_GetObjectItem(p, "q97.5")->valuedouble, r->q97_5, 1e-15);
    bm_assert_near(cJSON_GetObjectItem(cJSON_GetObjectItem(p, "without_prior"), "mean")->valuedouble, r->flat_mean, 1e-15);
    assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(p, "why")) >= 1);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "ranef")), 36);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "pooling")), 36);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "test_ranef")), 2);
    assert_string_equal(cJSON_GetObjectItem(j, "command")->valuestring, "bmixed compare");
    cJSON_Delete(j);
    free(text);

    bm_csv         *csv = NULL;                      /* every record has as many fields as the header */
    const bm_field *field;
    size_t          n, want = 0, records = 0;
    const char     *name[] = { "compare.csv", "pooling.csv" };
    const size_t    lines[] = { 1 + 6 + 2 + 36, 1 + 36 };
    for (size_t k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/%s", dir, name[k]);
        bm_assert_ok(bm_csv_open(&csv, path, ',', &err), err);
        for (records = 0; bm_csv_next(csv, &field, &n, &err) == BM_OK && n; records++) {
            if (!records) want = n;
            assert_int_equal(n, want);
        }
        assert_int_equal(records, lines[k]);
        bm_csv_close(csv);
    }
    bm_compare_free(c);

    opt.pooling = false;                             /* the pooling of an earlier comparison goes away with it */
    c = compare_with(m, &opt);
    w.force = true;
    bm_assert_ok(bm_compare_write(c, dir, &w, &err), err);
    assert_null(slurp(dir, "pooling.csv"));
    bm_compare_free(c);
    bm_model_free(m);
    for (size_t k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/%s", dir, k ? "compare.json" : "compare.csv");
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(dir), 0);                 /* nothing else was left */
}

static void test_directories_that_cannot_be_written_are_refused_early(void **state)
{
    bm_error    err = { 0 };
    bm_model   *m = model_with("Reaction ~ Days", "tests/data/sleepstudy.csv", NULL, 0, NULL);
    bm_compare *c = compare_with(m, NULL);

    (void)state;
    assert_int_equal(bm_compare_check_output("tests/data/sleepstudy.csv", false, &err), BM_EINVAL);
    bm_assert_says(err, "is a file, not a directory");
    err = (bm_error){ 0 };
    assert_int_equal(bm_compare_check_output("/tmp/no/such/place", false, &err), BM_EINVAL);
    bm_assert_says(err, "there is no directory '/tmp/no/such'");
    err = (bm_error){ 0 };
    assert_int_equal(bm_compare_write(c, "/tmp/no/such/place", NULL, &err), BM_EIO);
    bm_assert_says(err, "cannot create the directory '/tmp/no/such/place'");
    err = (bm_error){ 0 };
    assert_int_equal(bm_compare_write(c, "tests/data/sleepstudy.csv", NULL, &err), BM_EIO);
    bm_assert_says(err, "cannot open the directory 'tests/data/sleepstudy.csv'");
    if (geteuid() != 0) {
        char dir[] = "/tmp/bm_compare_XXXXXX";

        assert_non_null(mkdtemp(dir));
        chmod(dir, 0500);
        err = (bm_error){ 0 };
        assert_int_equal(bm_compare_check_output(dir, false, &err), BM_EIO);
        bm_assert_says(err, "is not writable");
        rmdir(dir);
    }
    bm_compare_free(c);
    bm_model_free(m);
}

/* ---- the terminal ---- */

static void test_tables_fit_the_terminal(void **state)
{
    static const int widths[] = { 80, 120 };
    bm_model           *m = model_with("Reaction ~ Days + (Days | Subject)", "tests/data/sleepstudy.csv", NULL, 0, NULL);
    bm_compare_options  opt = BM_COMPARE_OPTIONS_INIT;

    (void)state;
    opt.pooling = opt.test_ranef = true;
    bm_compare *c = compare_with(m, &opt);
    for (size_t k = 0; k < COUNT(widths); k++) {
        bm_print_options p = BM_PRINT_OPTIONS_INIT;
        char            *text, *save = NULL;

        p.width = widths[k];
        text = printed(c, &p);
        assert_null(strstr(text, "-0.00 "));
        assert_null(strstr(text, "nan"));
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
            if (strlen(line) > (size_t)widths[k]) fail_msg("%zu columns on a terminal of %d: %s", strlen(line), widths[k], line);
        free(text);
    }
    bm_compare_free(c);
    bm_model_free(m);
}

/* ---- statistics of draws ---- */

static void test_weighted_moments_are_sums(void **state)
{
    double x[400], l[400], s = 0, m = 0, v = 0, sq = 0;
    bm_error    err = { 0 };
    double      k;
    bm_rng rng;
    bm_weighted w;

    (void)state;
    bm_rng_key(&rng, 1, 2, 3);
    for (size_t i = 0; i < 400; i++) {
        x[i] = 1e6 + bm_rng_normal(&rng);
        l[i] = 500 + bm_rng_normal(&rng);
    }
    for (size_t i = 0; i < 400; i++) {
        double a = exp(l[i] - 500);

        s += a;
        sq += a * a;
        m += a * (x[i] - 1e6);
    }
    m /= s;
    for (size_t i = 0; i < 400; i++) v += exp(l[i] - 500) * pow(x[i] - 1e6 - m, 2);
    bm_assert_ok(bm_weighted_moments(&w, x, l, 400, &err), err);
    bm_assert_near(w.mean - 1e6, m, 1e-8);
    bm_assert_near(w.sd, sqrt(v / s), 1e-8);
    bm_assert_near(w.ess, s * s / sq, 1e-10);
    bm_assert_ok(bm_pareto_k(&k, l, 400, &err), err);
    bm_assert_near(w.k, k, 0);
    for (size_t i = 0; i < 400; i++) l[i] = -3;
    bm_assert_ok(bm_weighted_moments(&w, x, l, 400, &err), err);
    bm_assert_near(w.ess, 400, 1e-12);
    bm_assert_near(w.top, 1, 1e-12);
    for (size_t i = 0; i < 400; i++) l[i] = -INFINITY;
    bm_assert_ok(bm_weighted_moments(&w, x, l, 400, &err), err);
    assert_true(isnan(w.mean) && w.ess == 0);
}

static void test_weights_degenerate_only_where_a_tail_carries_weight(void **state)
{
    (void)state;
    assert_true(bm_weights_degenerate(0.71, 50));
    assert_false(bm_weights_degenerate(0.69, 50));
    assert_false(bm_weights_degenerate(2.6, 1.2));
    assert_true(bm_weights_degenerate(INFINITY, INFINITY));
    assert_false(bm_weights_degenerate(NAN, NAN));
}

static double density_mode(const double *x, size_t n, double lower, double upper)
{
    double   mode;
    bm_error err = { 0 };

    bm_assert_ok(bm_density_mode(&mode, x, n, lower, upper, &err), err);
    return mode;
}

static void test_modes_are_found_inside_and_at_bounds(void **state)
{
    enum { N = 40000 };
    double *x = malloc(N * sizeof *x);
    bm_rng  rng;

    (void)state;
    bm_rng_key(&rng, 7, 0, 0);
    for (size_t i = 0; i < N; i++) x[i] = 3 + 2 * bm_rng_normal(&rng);
    assert_true(fabs(density_mode(x, N, -INFINITY, INFINITY) - 3) < 0.3);
    for (size_t i = 0; i < N; i++) x[i] = fabs(bm_rng_normal(&rng));
    assert_true(density_mode(x, N, 0, INFINITY) < 0.15);
    for (size_t i = 0; i < N; i++) x[i] = bm_rng_gamma(&rng, 3);         /* mode 2 */
    assert_true(fabs(density_mode(x, N, 0, INFINITY) - 2) < 0.25);
    for (size_t i = 0; i < N; i++) x[i] = -bm_rng_beta(&rng, 3, 1);      /* mode -1 */
    assert_true(density_mode(x, N, -1, 1) < -0.97);
    for (size_t i = 0; i < 50; i++) x[i] = 4;
    bm_assert_near(density_mode(x, 50, 0, INFINITY), 4, 0);
    assert_true(isnan(density_mode(x, 1, 0, INFINITY)));
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evidence_of_a_linear_model_is_that_of_quadrature_over_sigma),
        cmocka_unit_test(test_evidence_and_bayes_factor_of_dyestuff_are_those_of_quadrature),
        cmocka_unit_test(test_evidence_and_bayes_factor_of_dyestuff2_are_those_of_quadrature),
        cmocka_unit_test(test_evidence_and_bayes_factor_of_estrone_are_those_of_quadrature),
        cmocka_unit_test(test_evidence_and_bayes_factor_of_the_measured_estrone_are_those_of_quadrature),
        cmocka_unit_test(test_evidence_without_free_variance_parameters_is_exact),
        cmocka_unit_test(test_models_without_an_evidence_say_why),
        cmocka_unit_test(test_summary_json_has_the_evidence),
        cmocka_unit_test(test_reweighting_agrees_with_fits_under_flat_priors),
        cmocka_unit_test(test_flat_and_constant_priors_have_nothing_to_remove),
        cmocka_unit_test(test_degenerate_weights_are_refused),
        cmocka_unit_test(test_coefficients_without_priors_are_generalised_least_squares_over_the_draws),
        cmocka_unit_test(test_shrinkage_of_a_balanced_layout_has_its_closed_form),
        cmocka_unit_test(test_standard_errors_of_a_balanced_layout_have_their_closed_form),
        cmocka_unit_test(test_intervals_are_profiles_or_wald_and_say_so),
        cmocka_unit_test(test_shares_of_reml_are_those_of_its_variances),
        cmocka_unit_test(test_reasons_are_those_that_hold),
        cmocka_unit_test(test_priors_that_move_sds_are_quantified),
        cmocka_unit_test(test_correlations_of_effects_that_do_not_vary_have_no_estimate),
        cmocka_unit_test(test_few_residual_degrees_of_freedom_and_noise_are_reasons),
        cmocka_unit_test(test_no_pooling_of_sleepstudy_is_lm_by_subject),
        cmocka_unit_test(test_no_pooling_with_common_and_absorbed_predictors_is_least_squares_on_dummies),
        cmocka_unit_test(test_groups_with_too_few_rows_have_no_estimate_of_their_own),
        cmocka_unit_test(test_linear_models_have_no_groups_to_pool_or_test),
        cmocka_unit_test(test_tests_of_random_terms_agree_with_fits_of_the_smaller_models),
        cmocka_unit_test(test_wishart_priors_of_smaller_models_are_their_marginals),
        cmocka_unit_test(test_options_out_of_range_are_refused),
        cmocka_unit_test(test_stopped_comparisons_return_nothing),
        cmocka_unit_test(test_files_hold_every_number_and_are_not_overwritten),
        cmocka_unit_test(test_directories_that_cannot_be_written_are_refused_early),
        cmocka_unit_test(test_tables_fit_the_terminal),
        cmocka_unit_test(test_weighted_moments_are_sums),
        cmocka_unit_test(test_weights_degenerate_only_where_a_tail_carries_weight),
        cmocka_unit_test(test_modes_are_found_inside_and_at_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
