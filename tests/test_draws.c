/* test_draws.c: diagnostics against R's posterior (tests/data/posterior_reference.csv, made by
 * tests/r/posterior_reference.R), naive second versions, and identities; Pareto k against R's loo and samples with known
 * shape. */
#include "draws/draws.h"
#include "testing.h"

#include <unistd.h>

/* Under AddressSanitizer an allocation that is too large gives NULL, as elsewhere, and is no reason to stop. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* ---- draws that R and C make alike: integer arithmetic and IEEE operations only ---- */

typedef struct { int64_t state; } lcg;

static double unif(lcg *g)
{
    g->state = g->state * 16807 % 2147483647;
    return (double)g->state / 2147483648.0;
}

static double noise(lcg *g)
{
    double a = unif(g), b = unif(g), c = unif(g), d = unif(g);

    return a + b + c + d - 2;
}

static double shape(const char *kind, lcg *g, double z, int chain, int iter)
{
    if (!strcmp(kind, "normal")) return z;
    if (!strcmp(kind, "heavy")) return z / unif(g);
    if (!strcmp(kind, "rounded")) return floor(4 * z);
    if (!strcmp(kind, "binary")) return z > 0.25;
    if (!strcmp(kind, "positive")) return z * z;
    if (!strcmp(kind, "trend")) return z + 0.00390625 * iter;
    if (!strcmp(kind, "shifted")) return z + 0.25 * chain;
    if (!strcmp(kind, "scaled")) return z * chain;
    if (!strcmp(kind, "offset")) return 1000000 + z;
    if (!strcmp(kind, "tiny")) return z * 0x1p-30;
    if (!strcmp(kind, "zeros")) return iter % 3 ? z : 0 * z;  /* 0 and -0 */
    if (!strcmp(kind, "atom")) return z * 0x1p-60;
    if (!strcmp(kind, "constant")) return 0.1;
    if (!strcmp(kind, "stuck")) return 0.1 * chain;
    if (!strcmp(kind, "onestuck")) return chain == 1 ? 0.5 : z;
    if (!strcmp(kind, "nan")) return iter == 1 ? (double)NAN : z;
    if (!strcmp(kind, "inf")) return iter == 1 && chain == 1 ? (double)INFINITY : z;
    fail_msg("no kind of draws is called '%s'", kind);
    return 0;
}

static double *make_draws(const char *kind, int nchain, int niter, double phi, int64_t seed)
{
    double *x = malloc((size_t)nchain * (size_t)niter * sizeof *x);
    lcg     g = { seed };

    assert_non_null(x);
    for (int c = 0; c < nchain; c++) {
        double z = noise(&g);

        for (int i = 0; i < niter; i++) {
            double e = noise(&g), move = phi * z;

            z = move + e;
            x[c * niter + i] = shape(kind, &g, z, c + 1, i + 1);
        }
    }
    return x;
}

static bm_draws *as_draws(const double *x, size_t nvar, size_t nchain, size_t niter)
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p" };
    bm_draws                *d;
    bm_error                 err = { 0 };

    assert_true(nvar <= sizeof names / sizeof *names);
    bm_assert_ok(bm_draws_new(&d, names, nvar, nchain, niter, &err), err);
    if (x) memcpy(d->x, x, nvar * nchain * niter * sizeof *x);
    return d;
}

/* ---- R's posterior ---- */

enum { MEAN, MEDIAN, SD, MAD, Q5, Q95, RHAT, BULK, TAIL, MCSE_MEAN, MCSE_SD, Q2_5, Q97_5, ESS_MEAN, MCSE_Q5, MCSE_Q50,
       MCSE_Q97_5, NANSWERS };
static const char *const answer[] = { "mean", "median", "sd", "mad", "q5", "q95", "rhat", "ess_bulk", "ess_tail",
                                      "mcse_mean", "mcse_sd",
                                      "q2.5", "q97.5", "ess_mean", "mcse_q5", "mcse_q50", "mcse_q97.5" };

static void row_answers(double *got, const bm_summary_row *r)
{
    double a[] = { r->mean, r->median, r->sd, r->mad, r->q5, r->q95, r->rhat, r->ess_bulk, r->ess_tail, r->mcse_mean,
                   r->mcse_sd, r->q2_5, r->q97_5 };

    memcpy(got, a, sizeof a);
}

static double cell(char **at)
{
    const char *s = strsep(at, ",\n");

    assert_non_null(s);
    return strcmp(s, "NA") == 0 ? (double)NAN : strtod(s, NULL);
}

/* posterior calls the squares of tiny draws constant: what it says of the same draws in larger units. */
static double mcse_sd_enlarged(const double *x, int nchain, int niter)
{
    double *y = malloc((size_t)(nchain * niter) * sizeof *y), v;

    for (int i = 0; i < nchain * niter; i++) y[i] = 1e9 * x[i];
    v = bm_mcse_sd(y, (size_t)nchain, (size_t)niter) / 1e9;
    free(y);
    return v;
}

/* One line of the reference: posterior's answers on draws made anew. Returns the largest relative difference. */
static double check_case(char *line)
{
    char    whole[600], *at = line;
    double  got[NANSWERS], worst = 0, probs[] = { 0.05, 0.5, 0.975 };
    snprintf(whole, sizeof whole, "%.*s", (int)strcspn(line, "\n"), line);
    const char *kind = strsep(&at, ",");
    int     nchain = (int)cell(&at), niter = (int)cell(&at), nx = nchain * niter;
    double  phi = cell(&at);
    double  tolerance = strcmp(kind, "offset") == 0 ? 1e-8 : 1e-10;          /* 1000000 + z: R's transform is short of digits */
    double *x = make_draws(kind, nchain, niter, phi, (int64_t)cell(&at));
    double  last = cell(&at);
    bm_draws       *d = as_draws(x, 1, (size_t)nchain, (size_t)niter);
    bm_summary_row *r;
    bm_error        err = { 0 };

    assert_true(x[nx - 1] == last || (isnan(last) && isnan(x[nx - 1])));   /* the same draws as in R */
    bm_assert_ok(bm_summarise(&r, d, 1, &err), err);
    row_answers(got, r);
    got[ESS_MEAN] = bm_ess_mean(x, (size_t)nchain, (size_t)niter);
    for (int k = 0; k < 3; k++) got[MCSE_Q5 + k] = bm_mcse_quantile(x, (size_t)nchain, (size_t)niter, probs[k]);
    for (int k = 0; k < NANSWERS; k++) {
        double want = cell(&at), diff;

        if (k == MCSE_SD && isnan(want) && strcmp(kind, "tiny") == 0) want = mcse_sd_enlarged(x, nchain, niter);
        diff = fabs(got[k] - want) / fmax(fabs(want), 1e-300);
        if ((isnan(want) && isnan(got[k])) || want == got[k]) continue;
        /* no variance within chains, but for R's rounding */
        if (k == RHAT && want > 1e12 && isinf(got[k])) continue;
        /* a location may cancel to nearly 0 */
        if (k <= Q95 || k == Q2_5 || k == Q97_5) diff = fabs(got[k] - want) / fmax(fabs(want), got[SD]);
        if (!(diff <= tolerance)) {
            print_error("%s: got %.17g, posterior has %.17g in %s\n", answer[k], got[k], want, whole);
            diff = INFINITY;
        }
        worst = fmax(worst, diff);
    }
    free(r);
    bm_draws_free(d);
    free(x);
    return worst;
}

static void test_every_number_agrees_with_posterior(void **state)
{
    char   line[1024];
    FILE  *f = fopen("tests/data/posterior_reference.csv", "r");
    double worst = 0;
    int    cases = 0;

    (void)state;
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    for (; fgets(line, sizeof line, f); cases++) worst = fmax(worst, check_case(line));
    fclose(f);
    print_message("%d cases, largest relative difference %.1e\n", cases, worst);
    assert_true(cases > 500);
    assert_true(worst < 1e-8);
}

/* ---- the same a second way ---- */

/* Effective sample size of the mean by the paper's formulas, straight: all autocovariances as double sums, then Geyer. n
 * even. */
static double naive_ess(const double *x, int nchain, int n)
{
    int     half = n / 2, m = 2 * nchain, t;
    double *rho = calloc((size_t)half + 2, sizeof *rho), *gamma = calloc((size_t)half, sizeof *gamma);
    double *mean = calloc((size_t)m, sizeof *mean);
    double  grand = 0, between = 0, plus, tau = 0, before = INFINITY;

    assert_true(rho && gamma && mean);
    for (int k = 0; k < m; k++) {
        for (int i = 0; i < half; i++) mean[k] += x[k * half + i] / half;
        for (int l = 0; l < half; l++)
            for (int i = k * half; i + l < (k + 1) * half; i++) gamma[l] += (x[i] - mean[k]) * (x[i + l] - mean[k]) / half / m;
        grand += mean[k] / m;
    }
    for (int k = 0; k < m; k++) between += (mean[k] - grand) * (mean[k] - grand) / (m - 1);
    plus = gamma[0] + between;
    for (int l = 0; l < half; l++) rho[l] = 1 - (gamma[0] * half / (half - 1.0) - gamma[l]) / plus;
    rho[0] = 1;
    for (t = 0; t + 5 < half && rho[t] + rho[t + 1] > 0; t += 2) {
        double pair = fmin(rho[t] + rho[t + 1], before);

        tau += 2 * pair;
        before = pair;
    }
    tau += fmax(rho[t], 0) - 1;                              /* the first pair that is not positive leaves its first half */
    free(rho);
    free(gamma);
    free(mean);
    return m * half / tau;
}

static void test_ess_of_slow_chains_agrees_with_double_sums(void **state)
{
    double phi[] = { 0.3, 0.9, 0.98, 0.995 };                /* a few lags, and more than sums of products are used for */

    (void)state;
    for (int i = 0; i < 4; i++)
        for (int nchain = 1; nchain <= 3; nchain += 2) {
            double *x = make_draws("normal", nchain, 3000, phi[i], 99 + i);

            bm_assert_near(bm_ess_mean(x, (size_t)nchain, 3000), naive_ess(x, nchain, 3000), 1e-10);
            free(x);
        }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Effective draws in the tails, of series of zeros and ones, whose autocovariances are counted and, beyond many lags, transformed. */
static void test_tail_ess_of_slow_chains_agrees_with_double_sums(void **state)
{
    double phi[] = { 0, 0.9, 0.99, 0.999, 0.99995 }, prob[] = { 0.05, 0.95 };

    (void)state;
    for (int i = 0; i < 5; i++)
        for (int nchain = 1; nchain <= 5; nchain += 2) {
            int     n = 3000 * nchain;
            double *x = make_draws("normal", nchain, 3000, phi[i], 7 + i), *y = malloc((size_t)n * sizeof *y), q[2], least = INFINITY;

            memcpy(y, x, (size_t)n * sizeof *y);
            bm_quantiles(y, (size_t)n, prob, 2, q);
            for (int k = 0; k < 2; k++) {
                for (int j = 0; j < n; j++) y[j] = x[j] <= q[k];
                least = fmin(least, naive_ess(y, nchain, 3000));
            }
            bm_assert_near(bm_ess_tail(x, (size_t)nchain, 3000), least, 1e-9);
            free(x);
            free(y);
        }
}

static const double *compared;                           /* by qsort */

static int by_value_then_place(const void *a, const void *b)
{
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    double x = compared[i], y = compared[j];

    if (x != y) return x < y ? -1 : 1;
    if (signbit(x) != signbit(y)) return signbit(x) ? -1 : 1;                /* -0 before 0 */
    return i < j ? -1 : 1;
}

/* Draws, ties, one far value that takes most of the range for itself, and ever the same. */
static void test_ranks_of_any_values_agree_with_qsort(void **state)
{
    size_t sizes[] = { 1, 2, 5, 128, 129, 1000, 4001, 30000 };
    bm_rng r;

    (void)state;
    bm_rng_key(&r, 4, 5, 6);
    for (int kind = 0; kind < 8; kind++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            size_t    n = sizes[k], *want = malloc(n * sizeof *want);
            double   *x = malloc(n * sizeof *x), *at = malloc(n * sizeof *at), *sorted = malloc(n * sizeof *sorted);
            uint32_t *place = malloc(n * sizeof *place), *order = malloc(n * sizeof *order);
            bm_pair  *work = malloc(2 * n * sizeof *work);

            assert_true(want && x && at && sorted && place && order && work);
            for (size_t i = 0; i < n; i++) {
                double z = bm_rng_normal(&r);

                if (kind == 0) x[i] = z;
                if (kind == 1) x[i] = floor(3 * z) * (i % 2 ? 0.0 : -1.0);
                if (kind == 2) x[i] = exp(200 * z);
                if (kind == 3) x[i] = i == n / 2 ? 1e300 : 1 + 1e-15 * z;
                if (kind == 4) x[i] = -(double)i;
                if (kind == 5) x[i] = i % 5 == 3 ? (double)-INFINITY : i % 7 == 6 ? (double)INFINITY : z;
                if (kind == 6) x[i] = i % 3 && i ? x[i - 1] : 1000 * z;      /* a sampler that stays where it is */
                if (kind == 7) x[i] = 1.5;
                place[i] = (uint32_t)(n - 1 - i);
                at[place[i]] = x[i];
                want[i] = i;
            }
            compared = x;
            qsort(want, n, sizeof *want, by_value_then_place);
            bm_rank(sorted, order, x, place, at, n, work);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(order[i], place[want[i]]);
                assert_true(memcmp(sorted + i, x + want[i], sizeof *x) == 0);
            }
            free(want);
            free(x);
            free(at);
            free(sorted);
            free(place);
            free(order);
            free(work);
        }
}

/* R's definition of type 7, on values sorted by the C library. */
static void test_quantiles_of_any_values_agree_with_qsort(void **state)
{
    size_t sizes[] = { 1, 2, 3, 50, 128, 129, 1000, 20000 };
    double prob[] = { 0, 0.01, 0.05, 0.25, 0.5, 0.95, 0.999, 1 }, got[8];
    bm_rng r;

    (void)state;
    bm_rng_key(&r, 1, 2, 3);
    for (int kind = 0; kind < 6; kind++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            size_t  n = sizes[k];
            double *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y), any[8];

            assert_true(x && y);
            for (size_t i = 0; i < n; i++) {
                double z = bm_rng_normal(&r);

                if (kind == 0) x[i] = z;
                if (kind == 1) x[i] = floor(3 * z) * (i % 2 ? 0.0 : -1.0);     /* ties, 0 and -0 */
                if (kind == 2) x[i] = exp(200 * z);                            /* all exponents */
                if (kind == 3) x[i] = i == n / 2 ? 1e300 : 1 + 1e-15 * z;      /* equal in the bits looked at first */
                if (kind == 4) x[i] = -(double)i;
                if (kind == 5) x[i] = i % 5 == 3 ? (double)-INFINITY : i % 7 == 6 ? (double)INFINITY : z;
                y[i] = x[i];
            }
            qsort(y, n, sizeof *y, ascending);
            bm_quantiles_any(x, n, prob, 8, any);
            bm_quantiles(x, n, prob, 8, got);
            for (int p = 0; p < 8; p++) assert_true(any[p] == got[p] || (isnan(any[p]) && isnan(got[p])));
            for (size_t i = 0; i < n; i++) assert_true(x[i] == y[i]);
            for (int p = 0; p < 8; p++) {
                double at = (double)(n - 1) * prob[p], lo = floor(at), h = at - lo;
                double a = y[(size_t)lo], b = y[(size_t)ceil(at)], want = a == b || h == 0 ? a : (1 - h) * a + h * b;

                if (isinf(want)) assert_true(got[p] == want);
                else if (!isnan(want)) assert_true(fabs(got[p] - want) <= 1e-12 * (fabs(a) + fabs(b)));
            }
            free(x);
            free(y);
        }
}

static void test_quantiles_of_nothing_or_nan_are_nan(void **state)
{
    double x[3] = { 3, NAN, 1 }, prob = 0.5, out = 0, many[2000];

    (void)state;
    for (int i = 0; i < 2000; i++) many[i] = i == 1234 ? (double)NAN : (double)i;
    bm_quantiles_any(many, 2000, &prob, 1, &out);
    assert_true(isnan(out));
    out = 0;
    bm_quantiles(x, 3, &prob, 1, &out);
    assert_true(isnan(out));
    out = 0;
    bm_quantiles(x, 0, &prob, 1, &out);
    assert_true(isnan(out));
    out = 0;
    prob = 1.5;
    bm_quantiles(x, 1, &prob, 1, &out);
    assert_true(isnan(out));
}

/* Independent draws of density f at the quantile p have error sqrt(p (1 - p) / S) / f. 10 %: the two order statistics have
 * some 400 draws between them, and the effective sample size is an estimate too. The larger number is beyond what GSL's
 * beta distribution can do. */
static void test_mcse_of_a_quantile_of_many_draws(void **state)
{
    enum { N = 2000000 };
    double *x = malloc(N * sizeof *x);
    bm_rng  r;

    (void)state;
    assert_non_null(x);
    bm_rng_key(&r, 8, 1, 1);
    for (int i = 0; i < N; i++) x[i] = bm_rng_uniform(&r);
    for (int n = N / 10; n <= N; n *= 10) {
        bm_assert_near(bm_mcse_quantile(x, 4, (size_t)n / 4, 0.5), 0.5 / sqrt(n), 0.1);
        bm_assert_near(bm_mcse_quantile(x, 4, (size_t)n / 4, 0.05), sqrt(0.05 * 0.95 / n), 0.1);
    }
    free(x);
}

/* ---- identities ---- */

static void test_ranks_see_only_the_order(void **state)
{
    double *x = make_draws("heavy", 4, 501, 0.5, 12), *y = malloc(2004 * sizeof *y);

    (void)state;
    assert_non_null(y);
    for (int i = 0; i < 2004; i++) y[i] = atan(x[i]) * 10 + 3;
    bm_assert_near(bm_ess_bulk(y, 4, 501), bm_ess_bulk(x, 4, 501), 1e-15);
    bm_assert_near(bm_ess_tail(y, 4, 501), bm_ess_tail(x, 4, 501), 1e-15);
    free(x);
    free(y);
}

static void test_order_of_chains_does_not_matter(void **state)
{
    double *x = make_draws("shifted", 3, 200, 0.5, 13), y[600];

    (void)state;
    memcpy(y, x + 400, 200 * sizeof *y);
    memcpy(y + 200, x, 400 * sizeof *y);
    bm_assert_near(bm_rhat(y, 3, 200), bm_rhat(x, 3, 200), 1e-12);
    bm_assert_near(bm_ess_bulk(y, 3, 200), bm_ess_bulk(x, 3, 200), 1e-10);
    bm_assert_near(bm_mcse_mean(y, 3, 200), bm_mcse_mean(x, 3, 200), 1e-10);
    free(x);
}

static void test_summary_holds_the_single_measures(void **state)
{
    double         *x = make_draws("trend", 4, 333, 0.75, 14), q[4], prob[] = { 0.05, 0.95, 0.025, 0.975 };
    bm_draws       *d = as_draws(x, 1, 4, 333);
    bm_summary_row *r;
    bm_error        err = { 0 };

    (void)state;
    bm_assert_ok(bm_summarise(&r, d, 1, &err), err);
    assert_string_equal(r->name, "a");
    assert_true(r->rhat == bm_rhat(x, 4, 333));
    assert_true(r->ess_bulk == bm_ess_bulk(x, 4, 333) && r->ess_tail == bm_ess_tail(x, 4, 333));
    assert_true(r->mcse_mean == bm_mcse_mean(x, 4, 333) && r->mcse_sd == bm_mcse_sd(x, 4, 333));
    bm_quantiles(x, 4 * 333, prob, 4, q);
    assert_true(r->q5 == q[0] && r->q95 == q[1] && r->q2_5 == q[2] && r->q97_5 == q[3]);
    assert_true(isnan(r->rb_mean) && isnan(r->rb_sd));
    free(r);
    bm_draws_free(d);
    free(x);
}

static void test_summary_is_the_same_for_any_number_of_threads(void **state)
{
    enum { NVAR = 16, N = 4 * 1000 };
    double         *x = malloc(NVAR * N * sizeof *x);
    bm_draws       *d;
    bm_summary_row *one, *many;
    bm_error        err = { 0 };
    bm_rng          r;

    (void)state;
    assert_non_null(x);
    bm_rng_key(&r, 1, 2, 3);
    for (int v = 0; v < NVAR; v++)
        for (int i = 0; i < N; i++) x[v * N + i] = bm_rng_normal(&r) + (i > 0 && i % 1000 ? 0.06 * v * x[v * N + i - 1] : 0);
    d = as_draws(x, NVAR, 4, 1000);
    bm_assert_ok(bm_summarise(&one, d, 1, &err), err);
    for (int threads = 0; threads <= 3; threads++) {
        bm_assert_ok(bm_summarise(&many, d, threads, &err), err);
        assert_memory_equal(one, many, NVAR * sizeof *one);
        free(many);
    }
    free(one);
    bm_draws_free(d);
    free(x);
}

/* ---- storage ---- */

static void test_draws_give_back_what_was_put_in(void **state)
{
    double    x[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
    bm_draws *d = as_draws(x, 2, 3, 2);

    (void)state;
    assert_true(bm_draws_nvar(d) == 2 && bm_draws_nchain(d) == 3 && bm_draws_niter(d) == 2);
    assert_string_equal(bm_draws_name(d, 1), "b");
    assert_true(bm_draws_values(d, 1)[0] == 7 && bm_draws_values(d, 0)[5] == 6);
    bm_draws_free(d);
    bm_draws_free(NULL);
}

static void test_draws_too_large_for_memory_say_so(void **state)
{
    const char *name = "b_x";
    bm_draws   *d = (bm_draws *)&name;
    bm_error    err = { 0 };

    (void)state;
    assert_true(bm_draws_new(&d, &name, 1, SIZE_MAX / 2, 3, &err) == BM_ENOMEM);
    assert_null(d);
    bm_assert_says(err, "out of memory for the draws of 1 variables");
}

static void test_summary_without_memory_says_so(void **state)
{
    bm_draws        d = { .nvar = SIZE_MAX / 8, .nchain = 1, .niter = 0 };
    bm_summary_row *r;
    bm_error        err = { 0 };

    (void)state;
    assert_true(bm_summarise(&r, &d, 1, &err) == BM_ENOMEM);
    assert_null(r);
    bm_assert_says(err, "out of memory for the summary of");
}

static void test_no_draws_have_no_summary(void **state)
{
    bm_draws       *d = as_draws(NULL, 1, 0, 0);
    bm_summary_row *r;
    bm_error        err = { 0 };

    (void)state;
    bm_assert_ok(bm_summarise(&r, d, 2, &err), err);
    assert_true(isnan(r->mean) && isnan(r->median) && isnan(r->sd) && isnan(r->q5) && isnan(r->mad));
    assert_true(isnan(r->rhat) && isnan(r->ess_bulk) && isnan(r->ess_tail) && isnan(r->mcse_mean) && isnan(r->mcse_sd));
    free(r);
    bm_draws_free(d);
}

/* ---- Pareto k ---- */

static void unifs(double *u, size_t n, int64_t seed)
{
    lcg g = { seed };

    for (size_t i = 0; i < n; i++) u[i] = unif(&g);
}

static void log_weights(double *w, const char *kind, size_t n, double a, int64_t seed)
{
    double *u = malloc(n * sizeof *u);

    assert_non_null(u);
    unifs(w, n, seed);
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(kind, "pareto")) w[i] = -a * log(w[i]);
        else if (!strcmp(kind, "shifted")) w[i] = 1e5 - a * log(w[i]);
        else if (!strcmp(kind, "bounded")) w[i] = a * w[i];
        else if (!strcmp(kind, "ties")) w[i] = floor(200 * a * w[i]) / 100;
    }
    if (!strcmp(kind, "normal")) {
        for (int64_t s = 77; s <= 79; s++) {
            unifs(u, n, s);
            for (size_t i = 0; i < n; i++) w[i] += u[i];
        }
        for (size_t i = 0; i < n; i++) w[i] *= a;
    }
    free(u);
}

static double pareto_k(const double *w, size_t n)
{
    double   k;
    bm_error err = { 0 };

    bm_assert_ok(bm_pareto_k(&k, w, n, &err), err);
    return k;
}

static void test_pareto_k_agrees_with_loo(void **state)
{
    char  line[300];
    FILE *f = fopen("tests/data/pareto_reference.csv", "r");
    int   cases = 0;

    (void)state;
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    for (; fgets(line, sizeof line, f); cases++) {
        char       *at = line;
        const char *kind = strsep(&at, ",");
        size_t      n = (size_t)cell(&at);
        double      a = cell(&at), seed = cell(&at), want = cell(&at), *w = malloc(n * sizeof *w), got;

        assert_non_null(w);
        log_weights(w, kind, n, a, (int64_t)seed);
        got = pareto_k(w, n);
        /* all of the tail the same: loo gives up */
        if (!(got == want) && !(fabs(got - want) < 1e-8) && !(got == -INFINITY && want == INFINITY)) {
            print_error("k of %s, n = %zu, a = %g: got %.17g, loo has %.17g\n", kind, n, a, got, want);
            fail();
        }
        free(w);
    }
    fclose(f);
    assert_true(cases >= 140);
}

/* Weights with a Pareto tail of shape k exactly. The estimate is that of the m largest, drawn towards 1/2 as if by ten more. */
static void test_pareto_k_finds_a_known_shape(void **state)
{
    enum { N = 10000, REPS = 60 };
    double *w = malloc(N * sizeof *w), shapes[] = { 0.2, 0.5, 0.7, 1, 1.5 }, m = 300;
    bm_rng  r;

    (void)state;
    assert_non_null(w);
    for (int s = 0; s < 5; s++) {
        /* asymptotic sd of the shape of m excesses: (1 + k) / sqrt m */
        double k = shapes[s], sum = 0, se = (1 + k) / sqrt(m * REPS);

        bm_rng_key(&r, 11, (uint64_t)s, 0);
        for (int rep = 0; rep < REPS; rep++) {
            for (int i = 0; i < N; i++) w[i] = -k * log(bm_rng_uniform(&r)) - 700;
            sum += pareto_k(w, N) / REPS;
        }
        assert_true(fabs(sum - (m * k + 5) / (m + 10)) < 5 * se + 0.01);
    }
    free(w);
}

static void test_pareto_k_of_odd_weights(void **state)
{
    double w[400];

    (void)state;
    for (int i = 0; i < 400; i++) w[i] = 3;
    assert_true(pareto_k(w, 400) == -INFINITY);           /* a proposal that is the target */
    for (int i = 0; i < 400; i++) w[i] = 3 + 1e-11 * (i % 17);
    assert_true(pareto_k(w, 400) == -INFINITY);           /* ... but for rounding */
    w[7] = INFINITY;
    assert_true(pareto_k(w, 400) == INFINITY);
    w[7] = NAN;
    assert_true(isnan(pareto_k(w, 400)));
    assert_true(isnan(pareto_k(w, 20)) && isnan(pareto_k(w, 0)));
    for (int i = 0; i < 400; i++) w[i] = -INFINITY;
    assert_true(pareto_k(w, 400) == INFINITY);            /* no weight anywhere */
    for (int i = 0; i < 400; i++) w[i] = i < 200 ? 0 : i < 399 ? 1 : 5;
    assert_true(pareto_k(w, 400) == INFINITY);            /* a chain that stands still, then one large weight */
}

/* ---- R itself, where it is ---- */

static void test_R_reads_draws_and_finds_the_same_summary(void **state)
{
    const char     *kind[] = { "normal", "heavy", "rounded", "shifted" };
    const char     *name[] = { "b_I(Days^2)", "sd_g__x y", "r_g[a,Intercept]", "lp__" };
    char            dir[] = "/tmp/bm_test_XXXXXX", path[64], command[300];
    bm_summary_row *r;
    bm_error        err = { 0 };
    bm_draws       *d;
    FILE           *f;
    int             code;

    (void)state;
    if (system("Rscript -e 'library(posterior)' >/dev/null 2>&1") != 0) {
        print_message("skipped: needs R with the package posterior\n");
        skip();
    }
    assert_non_null(mkdtemp(dir));
    bm_assert_ok(bm_draws_new(&d, name, 4, 3, 101, &err), err);
    for (int v = 0; v < 4; v++) {
        double *x = make_draws(kind[v], 3, 101, 0.5, v + 1);

        memcpy(d->x + v * 303, x, 303 * sizeof *x);
        free(x);
    }
    bm_assert_ok(bm_summarise(&r, d, 1, &err), err);
    snprintf(path, sizeof path, "%s/draws.csv", dir);
    assert_non_null(f = fopen(path, "w"));
    fprintf(f, ".chain,.iteration,.draw,%s,%s,\"%s\",%s\n", name[0], name[1], name[2], name[3]);
    for (int i = 0; i < 303; i++)
        fprintf(f, "%d,%d,%d,%.17g,%.17g,%.17g,%.17g\n", i / 101 + 1, i % 101 + 1, i + 1, d->x[i], d->x[303 + i],
                d->x[606 + i], d->x[909 + i]);
    fclose(f);
    for (int wrong = 0; wrong <= 1; wrong++) {               /* and with one number off by 1e-5 it must say no */
        snprintf(path, sizeof path, "%s/summary.csv", dir);
        assert_non_null(f = fopen(path, "w"));
        fprintf(f, "variable,mean,median,sd,mad,q5,q95,rhat,ess_bulk,ess_tail,mcse_mean,mcse_sd,q2.5,q97.5\n");
        for (int v = 0; v < 4; v++) {
            double a[NANSWERS];

            row_answers(a, r + v);
            if (wrong && v == 2) a[TAIL] *= 1.00001;
            fprintf(f, "\"%s\"", name[v]);
            for (int k = 0; k <= Q97_5; k++) fprintf(f, ",%.17g", a[k]);
            fputc('\n', f);
        }
        fclose(f);
        snprintf(command, sizeof command, "Rscript tests/r/check_draws.R %s/draws.csv %s/summary.csv >%s/out 2>&1", dir,
                 dir, dir);
        code = system(command);
        assert_true(wrong ? code != 0 : code == 0);
    }
    snprintf(command, sizeof command, "grep -q 'ess_tail of r_g\\[a,Intercept\\]' %s/out && rm -r %s", dir, dir);
    assert_true(system(command) == 0);
    free(r);
    bm_draws_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_agrees_with_posterior),
        cmocka_unit_test(test_ess_of_slow_chains_agrees_with_double_sums),
        cmocka_unit_test(test_tail_ess_of_slow_chains_agrees_with_double_sums),
        cmocka_unit_test(test_ranks_of_any_values_agree_with_qsort),
        cmocka_unit_test(test_quantiles_of_any_values_agree_with_qsort),
        cmocka_unit_test(test_quantiles_of_nothing_or_nan_are_nan),
        cmocka_unit_test(test_mcse_of_a_quantile_of_many_draws),
        cmocka_unit_test(test_ranks_see_only_the_order),
        cmocka_unit_test(test_order_of_chains_does_not_matter),
        cmocka_unit_test(test_summary_holds_the_single_measures),
        cmocka_unit_test(test_summary_is_the_same_for_any_number_of_threads),
        cmocka_unit_test(test_draws_give_back_what_was_put_in),
        cmocka_unit_test(test_draws_too_large_for_memory_say_so),
        cmocka_unit_test(test_summary_without_memory_says_so),
        cmocka_unit_test(test_no_draws_have_no_summary),
        cmocka_unit_test(test_pareto_k_agrees_with_loo),
        cmocka_unit_test(test_pareto_k_finds_a_known_shape),
        cmocka_unit_test(test_pareto_k_of_odd_weights),
        cmocka_unit_test(test_R_reads_draws_and_finds_the_same_summary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
