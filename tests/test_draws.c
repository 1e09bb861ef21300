/* test_draws.c: diagnostics against R's posterior (tests/data/posterior_reference.csv, made by tests/r/posterior_reference.R), naive second
 * versions, and identities; Pareto k against R's loo and samples with known shape. */
#include "draws/draws.h"
#include "testing.h"

#include <float.h>

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
    memcpy(d->x, x, nvar * nchain * niter * sizeof *x);
    return d;
}

/* ---- R's posterior ---- */

enum { MEAN, MEDIAN, SD, MAD, Q5, Q95, RHAT, BULK, TAIL, MCSE_MEAN, MCSE_SD, Q2_5, Q97_5, ESS_MEAN, MCSE_Q5, MCSE_Q50, MCSE_Q97_5, NANSWERS };
static const char *const answer[] = { "mean", "median", "sd", "mad", "q5", "q95", "rhat", "ess_bulk", "ess_tail", "mcse_mean", "mcse_sd",
                                      "q2.5", "q97.5", "ess_mean", "mcse_q5", "mcse_q50", "mcse_q97.5" };

static void row_answers(double *got, const bm_summary_row *r)
{
    double a[] = { r->mean, r->median, r->sd, r->mad, r->q5, r->q95, r->rhat, r->ess_bulk, r->ess_tail, r->mcse_mean, r->mcse_sd, r->q2_5, r->q97_5 };

    memcpy(got, a, sizeof a);
}

static double cell(char **at)
{
    const char *s = strsep(at, ",\n");

    assert_non_null(s);
    return strcmp(s, "NA") == 0 ? (double)NAN : strtod(s, NULL);
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
        double want = cell(&at), diff = fabs(got[k] - want) / fmax(fabs(want), 1e-300);

        if ((isnan(want) && isnan(got[k])) || want == got[k]) continue;
        if (k == RHAT && want > 1e12 && isinf(got[k])) continue;            /* no variance within chains, but for R's rounding */
        if (k <= Q95 || k == Q2_5 || k == Q97_5) diff = fabs(got[k] - want) / fmax(fabs(want), got[SD]);   /* may cancel to nearly 0 */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_agrees_with_posterior),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
