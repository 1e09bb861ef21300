/* bmixed sbc over the matrix of structures, priors, options and kernels: a design in which every two levels of different factors that go together meet at
 * least once (a greedy covering of pairs, by a fixed seed).
 *
 * As a test: every third row, 100 data sets each. make check-calibration: all rows, 1000 data sets each, as a table, rows begun within CALIBRATION_SECONDS. Each row is
 * called wrong when it is right with probability 1e-8 (simultaneous over its quantities). Flat priors of coefficients stand as such, since there are ranks for them;
 * those of sds and sigma as uniform ones, from which data can be drawn (test_hard_posteriors has them without an end, against quadrature). */
#include "random_model.h"

#include "report/calibration.h"

enum { STRUCTURE, SD, COV, COEF, SIGMA, OPTION, KERNEL, NFACTOR, LEVELS_MOST = 8, ROWS = 200 };

static const struct { const char *name, *formula; int blocks; size_t n, J, nfac; } STRUCTURES[] = {
    { "linear", "y ~ x", 0, 14, 1, 0 },
    { "intercept", "y ~ x + (1 | g)", 0, 36, 6, 1 },
    { "slope", "y ~ x + (x | g)", 2, 44, 6, 1 },
    { "uncorrelated", "y ~ x + (x || g)", 0, 44, 6, 1 },
    { "q = 4", "y ~ x + (x + x2 + x3 | g)", 4, 64, 8, 1 },
    { "crossed", "y ~ x + (1 | g) + (1 | h)", 0, 44, 6, 2 },
    { "nested", "y ~ x + (1 | g / k)", 0, 44, 5, 2 },
    { "crossed slope", "y ~ x + (x | g) + (1 | h)", 2, 48, 6, 2 },
};
static const char *const SDS[] = { "half_cauchy(0, 1)", "half_normal(0, 1)", "exponential(1)", "inv_gamma(3, 2)", "lognormal(-0.5, 0.7)", "half_t(3, 0, 1)", "uniform(0, 3)" };
static const char *const COVS[] = { "lkj(1)", "lkj(4)", "inv_wishart" };
static const char *const COEFS[] = { "normal", "student_t", "flat", "centred" };
static const char *const SIGMAS[] = { "half_cauchy(0, 1)", "half_normal(0, 1)", "exponential(1)", "inv_gamma(3, 2)", "known (se)", "uniform(0, 3)" };
static const char *const OPTIONS[] = { "-", "weights", "offset", "weights, offset" };
static const char *const KERNELS[] = { "collapsed", "Hamiltonian", "factor by factor", "random walk" };
static const bm_move     MOVES[] = { BM_MOVE_INDEPENDENCE, BM_MOVE_HAMILTON, BM_MOVE_SWEEP, BM_MOVE_WALK };
static const int         LEVELS[NFACTOR] = { 8, 7, 3, 4, 6, 4, 4 };

typedef struct { int level[NFACTOR]; } row;

/* ---- the design ---- */

static bool applies(const row *r, int f)
{
    int s = r->level[STRUCTURE];

    if (f == SD) return STRUCTURES[s].nfac > 0 && !(STRUCTURES[s].blocks && r->level[COV] == 2);
    if (f == COV) return STRUCTURES[s].blocks > 0;
    return true;
}

static bool possible(const row *r)
{
    int  s = r->level[STRUCTURE];
    bool known = r->level[SIGMA] == 4, weighted = r->level[OPTION] == 1 || r->level[OPTION] == 3, single = STRUCTURES[s].nfac < 2;

    if (known && weighted) return false;                         /* standard errors are weights */
    if (known && STRUCTURES[s].nfac == 0) return false;          /* nothing to move */
    if (r->level[KERNEL] == 2 && single) return false;
    return !(r->level[KERNEL] == 3 && STRUCTURES[s].blocks == 4);   /* too slow alone in eleven dimensions */
}

typedef bool pair_table[NFACTOR][NFACTOR][LEVELS_MOST][LEVELS_MOST];

static int new_pairs(const row *r, pair_table *seen, bool mark)
{
    int n = 0;

    for (int a = 0; a < NFACTOR; a++)
        for (int b = a + 1; b < NFACTOR; b++) {
            bool *cell = &(*seen)[a][b][r->level[a]][r->level[b]];

            if (!applies(r, a) || !applies(r, b) || *cell) continue;
            n++;
            if (mark) *cell = true;
        }
    return n;
}

static row random_row(bm_rng *r)
{
    row c;

    do
        for (int f = 0; f < NFACTOR; f++) c.level[f] = (int)(bm_rng_u64(r) % (uint64_t)LEVELS[f]);
    while (!possible(&c));
    return c;
}

/* Returns the number of rows. */
static int design(row *rows)
{
    static pair_table seen;
    bm_rng            r;
    int               n = 0;

    memset(seen, 0, sizeof seen);
    bm_rng_key(&r, 7, 7, 7);
    for (;;) {
        row best = { { 0 } };
        int most = 0;

        for (int tries = 0; tries < 3000; tries++) {
            row c = random_row(&r);
            int k = new_pairs(&c, &seen, false);

            if (k <= most) continue;
            most = k;
            best = c;
        }
        if (!most) return n;
        assert_true(n < ROWS);
        new_pairs(&best, &seen, true);
        rows[n++] = best;
    }
}

/* ---- a row as a model ---- */

typedef struct { shape s; char formula[128], prior[6][64]; } recipe;

static void make_recipe(recipe *c, const row *r)
{
    int  s = r->level[STRUCTURE], n = 0;
    bool whole = STRUCTURES[s].blocks && r->level[COV] == 2;

    memset(c, 0, sizeof *c);
    snprintf(c->formula, sizeof c->formula, "%s%s", STRUCTURES[s].formula, r->level[OPTION] >= 2 ? " + offset(x2)" : "");
    if (r->level[COEF] == 0) snprintf(c->prior[n++], sizeof *c->prior, "b ~ normal(0.3, 1)");
    if (r->level[COEF] == 1) snprintf(c->prior[n++], sizeof *c->prior, "b ~ student_t(4, 0, 1)");
    if (r->level[COEF] == 2) snprintf(c->prior[n++], sizeof *c->prior, "b ~ flat()");
    if (r->level[COEF] == 3) {
        snprintf(c->prior[n++], sizeof *c->prior, "Intercept ~ normal(0.5, 1)");
        snprintf(c->prior[n++], sizeof *c->prior, "b_x ~ normal(0, 1)");
    }
    if (whole) snprintf(c->prior[n++], sizeof *c->prior, "cov(g) ~ inv_wishart(%d, 1)", STRUCTURES[s].blocks + 2);
    else if (STRUCTURES[s].blocks) snprintf(c->prior[n++], sizeof *c->prior, "cor ~ %s", COVS[r->level[COV]]);
    if (STRUCTURES[s].nfac && !(whole && STRUCTURES[s].nfac == 1)) snprintf(c->prior[n++], sizeof *c->prior, "sd%s ~ %s", whole ? "(h)" : "", SDS[r->level[SD]]);
    if (r->level[SIGMA] != 4) snprintf(c->prior[n++], sizeof *c->prior, "sigma ~ %s", SIGMAS[r->level[SIGMA]]);
    c->s = (shape){ .name = STRUCTURES[s].name, .formula = c->formula, .n = STRUCTURES[s].n, .J = STRUCTURES[s].J,
                    .weights = r->level[OPTION] == 1 || r->level[OPTION] == 3, .se = r->level[SIGMA] == 4,
                    .sampler = r->level[KERNEL] == 2 ? "gibbs" : STRUCTURES[s].nfac > 1 ? "collapsed" : NULL };
    for (int k = 0; k < n; k++) c->s.prior[k] = c->prior[k];
}

typedef struct { bool calibrated; double p; char worst[64]; size_t counted, refused, failed, slow; double thin; } finding;

static finding calibrate(const row *r, int reps)
{
    recipe         c;
    bm_sbc_options opt = BM_SBC_OPTIONS_INIT;
    bm_sbc        *s = NULL;
    bm_error       err = { 0 };
    finding        f = { .p = 1 };

    make_recipe(&c, r);
    bm_model *m = random_model(&c.s, 3);
    opt.reps = reps;
    opt.alpha = 1e-8;
    opt.sampler = r->level[KERNEL] == 2 ? BM_SAMPLER_GIBBS : STRUCTURES[r->level[STRUCTURE]].nfac > 1 ? BM_SAMPLER_COLLAPSED : BM_SAMPLER_AUTO;
    bm_assert_ok(bm_sbc_run_by(&s, m, &opt, r->level[KERNEL] == 0 ? BM_MOVE_CHOSEN : MOVES[r->level[KERNEL]], &err), err);
    f.calibrated = bm_sbc_calibrated(s);
    f.counted = s->counted;
    f.refused = s->refused;
    f.failed = s->failed;
    f.slow = s->slow;
    f.thin = s->thin;
    for (size_t q = 0; q < s->nrow; q++) {
        if (s->row[q].level == BM_NOT_CALIBRATED)
            print_error("%s, %s: %s (p = %.2g, bias %.1f, spread %.1f)\n", c.formula, s->row[q].name, s->row[q].verdict, s->row[q].p, s->row[q].bias, s->row[q].spread);
        if (s->row[q].p > f.p) continue;
        f.p = s->row[q].p;
        snprintf(f.worst, sizeof f.worst, "%s", s->row[q].name);
    }
    bm_sbc_free(s);
    bm_model_free(m);
    return f;
}

static void test_the_design_covers_every_pair(void **state)
{
    row    rows[ROWS];
    int    n = design(rows);
    bm_rng r;

    (void)state;
    static pair_table seen;
    for (int i = 0; i < n; i++) new_pairs(&rows[i], &seen, true);
    bm_rng_key(&r, 8, 8, 8);
    for (int i = 0; i < 200000; i++) {
        row c = random_row(&r);

        assert_int_equal(new_pairs(&c, &seen, false), 0);
    }
}

static void test_every_third_row_of_the_matrix_is_calibrated(void **state)
{
    row rows[ROWS];
    int n = design(rows), bad = 0;

    (void)state;
    for (int i = 0; i < n; i += 3) {
        finding f = calibrate(&rows[i], 100);

        bad += !f.calibrated || f.failed > 0;
    }
    assert_int_equal(bad, 0);
}

/* ---- make check-calibration ---- */

static double limit = 600;

static void table(void **state)
{
    row    rows[ROWS];
    int    n = design(rows), done = 0, bad = 0;
    double begin = bm_clock();

    (void)state;
    printf("Simulation-based calibration, 1000 data sets for every row; p: of the quantity that is farthest off, among some ten (wrong below 1e-9)\n\n");
    printf("  %-14s %-20s %-11s %-9s %-17s %-15s %-16s %5s %5s %8s  %s\n", "structure", "sd", "cor, cov", "b", "sigma", "options", "kernel", "thin", "slow", "p", "verdict");
    for (; done < n && bm_clock() - begin < limit; done++) {
        const row *r = &rows[done];
        finding    f = calibrate(r, 1000);
        bool       ok = f.calibrated && f.failed == 0;

        printf("  %-14s %-20s %-11s %-9s %-17s %-15s %-16s %5.1f %5zu %8.1g  %s\n", STRUCTURES[r->level[STRUCTURE]].name, applies(r, SD) ? SDS[r->level[SD]] : "-",
               applies(r, COV) ? COVS[r->level[COV]] : "-", COEFS[r->level[COEF]], SIGMAS[r->level[SIGMA]], OPTIONS[r->level[OPTION]], KERNELS[r->level[KERNEL]], f.thin,
               f.slow, f.p, ok ? "calibrated" : f.failed ? "FAILED" : "NOT CALIBRATED");
        fflush(stdout);
        bad += !ok;
    }
    printf("\n  %d of %d rows calibrated, %d of %d rows run (every pair of levels that go together is in some row).\n", done - bad, done, done, n);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_design_covers_every_pair),
        cmocka_unit_test(test_every_third_row_of_the_matrix_is_calibrated),
    };
    const struct CMUnitTest tables[] = { cmocka_unit_test(table) };

    if (argc > 2 && strcmp(argv[1], "--table") == 0) {
        limit = strtod(argv[2], NULL);
        return cmocka_run_group_tests(tables, NULL, NULL);
    }
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
