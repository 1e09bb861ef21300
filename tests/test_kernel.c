/* The kernels for every width of register against sums written out group by group; and that neither the draws nor the sums depend on the number of threads. */
#include "testing.h"

#include "api/api.h"
#include "posterior/posterior_priv.h"

typedef struct { bm_stats st; bm_facstat f; bm_packed *pk; double *T, *Kz, *beta, *Rinv, *z, sigma; } setting;

static double *normals(bm_rng *r, size_t n)
{
    double *x = calloc(n + 1, sizeof *x);

    bm_rng_normals(r, x, n);
    return x;
}

static void make(setting *s, size_t J, size_t q, size_t p)
{
    bm_rng   r;
    bm_error err = { 0 };

    bm_rng_key(&r, J, q, p);
    *s = (setting){ .sigma = 1.3, .f = { .J = J, .q = q, .p = p, .A = calloc(J * q * q, sizeof(double)) } };
    for (size_t j = 0; j < J; j++) {
        double H[64];

        bm_rng_normals(&r, H, q * q);
        for (size_t b = 0; b < q; b++)
            for (size_t a = 0; a < q; a++)
                for (size_t l = 0; l < q; l++) s->f.A[j * q * q + a + b * q] += H[a + l * q] * H[b + l * q];
    }
    s->f.B = normals(&r, J * q * p);
    s->f.c = normals(&r, J * q);
    s->T = normals(&r, q * q);
    s->Kz = normals(&r, q * q);
    s->beta = normals(&r, p);
    s->Rinv = normals(&r, p * p);
    s->z = normals(&r, J * q);
    for (size_t b = 0; b < q; b++)
        for (size_t a = b + 1; a < q; a++) s->Kz[a + b * q] = 0;
    for (size_t b = 0; b < p; b++)
        for (size_t a = 0; a < b; a++) s->Rinv[a + b * p] = 0;
    s->st = (bm_stats){ .n = 4 * J, .p = p, .nfac = 1, .fac = &s->f };
    bm_assert_ok(bm_packed_new(&s->pk, &s->st, &err), err);
}

static void drop(setting *s)
{
    bm_packed_free(s->pk);
    free(s->f.A);
    free(s->f.B);
    free(s->f.c);
    free(s->T);
    free(s->Kz);
    free(s->beta);
    free(s->Rinv);
    free(s->z);
}

/* What a pass over all groups gives. */
typedef struct { double log_M, *SF, *G, *G_ml, *u, *mean, *var; } outcome;

static outcome outcome_new(const setting *s)
{
    size_t p1 = s->f.p + 1, q = s->f.q, n = s->f.J * q;

    return (outcome){ 0, calloc(p1 * p1, sizeof(double)), calloc(q * q, sizeof(double)), calloc(q * q, sizeof(double)), calloc(n, sizeof(double)),
                      calloc(n, sizeof(double)), calloc(n, sizeof(double)) };
}

static void outcome_free(outcome *o)
{
    free(o->SF);
    free(o->G);
    free(o->G_ml);
    free(o->u);
    free(o->mean);
    free(o->var);
}

/* ---- group by group, by the definitions of kernel.h ---- */

/* C (m x n) = A (m x k) B (k x n) */
static void times(size_t m, size_t k, size_t n, const double *A, const double *B, double *C)
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < m; i++) {
            C[i + j * m] = 0;
            for (size_t l = 0; l < k; l++) C[i + j * m] += A[i + l * m] * B[l + j * k];
        }
}

static void transpose(size_t m, size_t n, const double *A, double *At)
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < m; i++) At[j + i * n] = A[i + j * m];
}

static void naive_gradient(size_t q, const double *A, const double *T, const double *Minv, const double *Y, double *G)
{
    double AT[64], W[64], TM[64], Tt[64], WT[64], P[64], YTM[64];

    times(q, q, q, A, T, AT);
    times(q, q, q, AT, Minv, W);
    times(q, q, q, T, Minv, TM);
    transpose(q, q, T, Tt);
    times(q, q, q, W, Tt, WT);
    times(q, q, q, Y, TM, YTM);
    times(q, q, q, WT, YTM, P);
    for (size_t i = 0; i < q * q; i++) G[i] += YTM[i] - P[i] - W[i];
}

static void naive_group(const setting *s, size_t j, outcome *o)
{
    size_t        q = s->f.q, p = s->f.p, p1 = p + 1;
    const double *A = s->f.A + j * q * q, *B = s->f.B + j * q * p, *c = s->f.c + j * q;
    double        Tt[64], AT[64], C[64], Minv[64], X[64], KT[64], Y[2][64] = { { 0 } }, *F = calloc(q * p1, sizeof *F), *E = calloc(q * p1, sizeof *E), g[8], t[8];

    transpose(q, q, s->T, Tt);
    times(q, q, q, A, s->T, AT);
    times(q, q, q, Tt, AT, C);
    for (size_t i = 0; i < q; i++) C[i + i * q] += 1;
    assert_int_equal(bm_chol(q, C), BM_OK);
    for (size_t i = 0; i < q; i++) o->log_M += 2 * log(C[i + i * q]);
    memset(Minv, 0, sizeof Minv);
    for (size_t i = 0; i < q; i++) Minv[i + i * q] = 1;
    bm_solve_lower(q, q, C, Minv);
    bm_solve_lower_t(q, q, C, Minv);

    times(q, q, p, Tt, B, F);
    times(q, q, 1, Tt, c, F + q * p);
    bm_solve_lower(q, p1, C, F);
    for (size_t a = 0; a < p1; a++)
        for (size_t b = 0; b <= a; b++)
            for (size_t i = 0; i < q; i++) o->SF[a + b * p1] -= F[i + a * q] * F[i + b * q];

    for (size_t i = 0; i < q; i++) {
        g[i] = c[i];
        for (size_t l = 0; l < p; l++) g[i] -= B[i + l * q] * s->beta[l];
    }
    for (size_t k = 0; k < p; k++)                   /* H = B R'^-1 */
        for (size_t i = 0; i < q; i++)
            for (size_t l = 0; l <= k; l++) E[i + k * q] += B[i + l * q] * s->Rinv[k + l * p];
    for (size_t a = 0; a < q; a++)
        for (size_t b = 0; b < q; b++) {
            Y[0][a + b * q] = Y[1][a + b * q] = g[a] * g[b] / (s->sigma * s->sigma);
            for (size_t k = 0; k < p; k++) Y[0][a + b * q] += E[a + k * q] * E[b + k * q];
        }
    naive_gradient(q, A, s->T, Minv, Y[0], o->G);
    naive_gradient(q, A, s->T, Minv, Y[1], o->G_ml);

    times(q, q, 1, Tt, g, t);
    bm_solve_lower(q, 1, C, t);
    transpose(q, q, s->Kz, KT);                      /* X = C^-1 T'Kz', u = X'(t + sigma z) */
    times(q, q, q, Tt, KT, X);
    bm_solve_lower(q, q, C, X);
    for (size_t i = 0; i < q; i++) {
        double mean = 0, noise = 0, var = 0;

        for (size_t a = 0; a < q; a++) {
            mean += X[a + i * q] * t[a];
            noise += X[a + i * q] * s->z[j * q + a];
            var += X[a + i * q] * X[a + i * q];
        }
        for (size_t k = 0; k < p; k++) {             /* X'F R'^-1 */
            double h = 0;

            for (size_t l = 0; l <= k; l++)
                for (size_t a = 0; a < q; a++) h += X[a + i * q] * F[a + l * q] * s->Rinv[k + l * p];
            var += h * h;
        }
        o->mean[j * q + i] = mean;
        o->u[j * q + i] = mean + s->sigma * noise;
        o->var[j * q + i] = s->sigma * s->sigma * var;
    }
    free(F);
    free(E);
}

/* ---- the same by the kernels ---- */

static outcome by_kernels(const setting *s)
{
    const bm_pack *k = &s->pk->fac[0];
    double        *scratch = aligned_alloc(64, (s->pk->scratch * sizeof *scratch + 63) / 64 * 64);
    outcome        o = outcome_new(s);
    bm_kernel_job  a = { .pack = k, .upto = k->nbatch, .T = s->T, .Kz = s->Kz, .beta = s->beta, .Rinv = s->Rinv, .sigma = s->sigma, .scratch = scratch };

    a.out = o.SF;
    o.log_M = bm_kernel_run(BM_PASS_EVAL, &a);
    a.out = o.G;
    bm_kernel_run(BM_PASS_GRADIENT, &a);
    a.out = o.mean;
    a.var = o.var;
    bm_kernel_run(BM_PASS_MOMENTS, &a);
    a.out = o.u;
    a.z = s->z;
    bm_kernel_run(BM_PASS_EFFECTS, &a);
    a.out = o.G_ml;
    a.Rinv = NULL;
    bm_kernel_run(BM_PASS_GRADIENT, &a);
    free(scratch);
    return o;
}

/* Within tol of the largest. */
static void assert_same(const double *got, const double *want, size_t n, double tol)
{
    double most = 1;

    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < n; i++) assert_true(fabs(got[i] - want[i]) <= tol * most);
}

static void assert_outcomes(const setting *s, const outcome *got, const outcome *want, double tol)
{
    size_t p1 = s->f.p + 1, q = s->f.q;

    assert_same(&got->log_M, &want->log_M, 1, tol);
    assert_same(got->SF, want->SF, p1 * p1, tol);
    assert_same(got->G, want->G, q * q, tol);
    assert_same(got->G_ml, want->G_ml, q * q, tol);
    assert_same(got->u, want->u, s->f.J * q, tol);
    assert_same(got->mean, want->mean, s->f.J * q, tol);
    assert_same(got->var, want->var, s->f.J * q, tol);
}

static void check(size_t J, size_t q, size_t p)
{
    static const char *const name[] = { "baseline", "AVX2", "AVX-512" };
    setting s;

    make(&s, J, q, p);
    outcome want = outcome_new(&s), first = { 0 };
    for (size_t j = 0; j < J; j++) naive_group(&s, j, &want);
    for (int width = BM_SIMD_BASELINE; width <= BM_SIMD_AVX512; width++) {
        bm_kernel_limit((bm_simd)width);
        if ((int)bm_kernel_simd() != width) {
            if (J == 1 && q == 1 && p == 0) print_message("this machine, or this build, has no %s\n", name[width]);
            continue;
        }
        outcome got = by_kernels(&s);

        assert_outcomes(&s, &got, &want, 1e-12);
        if (width == BM_SIMD_BASELINE) first = got;
        else {
            assert_outcomes(&s, &got, &first, 1e-12);
            outcome_free(&got);
        }
    }
    bm_kernel_limit(BM_SIMD_AVX512);
    outcome_free(&first);
    outcome_free(&want);
    drop(&s);
}

static void test_kernels_of_every_width_equal_sums_over_groups(void **state)
{
    static const size_t groups[] = { 1, 7, 8, 9, 150 }, columns[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 45, 70, 135 };

    (void)state;
    for (size_t q = 1; q <= 7; q++)
        for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
            for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) check(groups[g], q, columns[c]);
}

/* A group whose M = I + T'A T is not positive definite, or not finite, makes the whole sum NaN: whichever group, pivot and register it stands in. */
static void test_a_group_without_a_factor_is_seen(void **state)
{
    static const double pivot[] = { -3, -1, NAN, INFINITY, 1e308 };      /* T = 1: 1 + pivot; T = 10 for the last: an overflow */
    enum { GROUPS = 21 };

    (void)state;
    for (int width = BM_SIMD_BASELINE; width <= BM_SIMD_AVX512; width++)
        for (size_t p = 1; p <= 135; p += 67)
            for (size_t q = 1; q <= 5; q++)
                for (size_t k = 0; k < sizeof pivot / sizeof *pivot; k++)
                    for (size_t j = 0; j < GROUPS; j += 4) {
                        setting       s;
                        static double SF[136 * 136];

                        bm_kernel_limit((bm_simd)width);
                        make(&s, GROUPS, q, p);
                        bm_packed_free(s.pk);
                        for (size_t i = 0; i < q * q; i++) {
                            s.T[i] = i % (q + 1) ? 0 : k == 4 ? 10 : 1;
                            s.f.A[j * q * q + i] = i == q * q - 1 ? pivot[k] : 0;
                        }
                        bm_packed_new(&s.pk, &s.st, NULL);
                        bm_kernel_job a = { .pack = &s.pk->fac[0], .upto = s.pk->fac[0].nbatch, .T = s.T, .out = SF,
                                            .scratch = aligned_alloc(64, (s.pk->scratch * sizeof(double) + 63) / 64 * 64) };
                        assert_true(isnan(bm_kernel_run(BM_PASS_EVAL, &a)));
                        free(a.scratch);
                        drop(&s);
                    }
    bm_kernel_limit(BM_SIMD_AVX512);
}

/* ---- blocks and threads ---- */

enum { MANY = 60000, Q = 2, P = 3 };

/* Everything that a point of the marginal likelihood gives, one thing after the other. */
static double *everything(const setting *s, int threads, size_t *n)
{
    const bm_pack *k = &s->pk->fac[0];
    size_t         each = (s->pk->scratch + 7) / 8 * 8, nu = s->f.J * Q, SF = (P + 1) * (P + 1);
    bm_team        team = { threads, each, aligned_alloc(64, (size_t)threads * each * sizeof(double)), calloc(bm_blocks_room(s->f.J, Q, P), sizeof(double)) };
    double        *x = calloc(1 + SF + Q * Q + 3 * nu, sizeof *x), *G = x + 1 + SF, *u = G + Q * Q;
    bm_rng         r;

    *n = 1 + SF + Q * Q + 3 * nu;
    x[0] = bm_blocks_eval(k, &team, s->T, x + 1);
    bm_blocks_gradient(k, &team, s->T, s->beta, s->Rinv, s->sigma, G);
    bm_rng_key(&r, 5, 6, 7);
    bm_blocks_effects(k, &team, s->T, s->Kz, s->beta, s->sigma, &r, u);
    bm_blocks_moments(k, &team, s->T, s->Kz, s->beta, s->Rinv, s->sigma, u + nu, u + 2 * nu);
    free(team.scratch);
    free(team.part);
    return x;
}

static void test_sums_and_effects_of_many_groups_do_not_depend_on_threads(void **state)
{
    static const int threads[] = { 2, 3, 8 };
    setting          s;
    size_t           n;

    (void)state;
    make(&s, MANY, Q, P);
    double *one = everything(&s, 1, &n);
    outcome want = outcome_new(&s);
    for (size_t j = 0; j < MANY; j++) naive_group(&s, j, &want);
    assert_same(one, &want.log_M, 1, 1e-12);
    for (size_t b = 0; b <= P; b++) assert_same(one + 1 + b * (P + 1) + b, want.SF + b * (P + 1) + b, P + 1 - b, 1e-11);
    assert_same(one + 1 + (P + 1) * (P + 1), want.G, Q * Q, 1e-11);
    assert_same(one + n - 2 * MANY * Q, want.mean, MANY * Q, 1e-12);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        double *x = everything(&s, threads[i], &n);

        assert_memory_equal(x, one, n * sizeof *x);
        free(x);
    }
    outcome_free(&want);
    free(one);
    drop(&s);
}

/* The noise of the effects: with z = (u - mean) / what multiplies it, q = 1, blocks must be standard normal and unlike one another. Mean 0 and variance 1 of
 * 60000 numbers, and correlation 0 between numbers at the same place of two blocks, to 6 standard errors: a false alarm in 10^8. */
static void test_every_block_draws_noise_of_its_own(void **state)
{
    enum { GROUPS = 5 * 4096 };
    setting s;
    bm_rng  r;
    double  sum = 0, sq = 0, cross = 0, *u = calloc(GROUPS, sizeof *u), *mean = calloc(GROUPS, sizeof *mean), *sd = calloc(GROUPS, sizeof *sd);

    (void)state;
    make(&s, GROUPS, 1, 0);
    bm_team team = { 1, 0, aligned_alloc(64, (s.pk->scratch * sizeof(double) + 63) / 64 * 64), calloc(bm_blocks_room(GROUPS, 1, 0), sizeof(double)) };
    bm_rng_key(&r, 11, 0, 0);
    bm_blocks_effects(&s.pk->fac[0], &team, s.T, s.Kz, s.beta, s.sigma, &r, u);
    bm_blocks_moments(&s.pk->fac[0], &team, s.T, s.Kz, s.beta, NULL, s.sigma, mean, sd);
    for (size_t j = 0; j < GROUPS; j++) {
        u[j] = (u[j] - mean[j]) / sd[j];
        sum += u[j];
        sq += u[j] * u[j];
        if (j >= 4096) cross += u[j] * u[j - 4096];
    }
    assert_true(fabs(sum) < 6 * sqrt(GROUPS));
    assert_true(fabs(sq - GROUPS) < 6 * sqrt(2.0 * GROUPS));
    assert_true(fabs(cross) < 6 * sqrt(GROUPS - 4096.0));
    free(team.scratch);
    free(team.part);
    free(u);
    free(mean);
    free(sd);
    drop(&s);
}

/* ---- whole fits ---- */

static bm_model *model_of_many_groups(void)
{
    enum { ROWS = 3 * MANY };
    bm_frame *f = NULL;
    bm_spec  *spec = NULL;
    bm_model *m = NULL;
    bm_error  err = { 0 };
    double   *x = calloc(ROWS, sizeof *x), *y = calloc(ROWS, sizeof *y), *g = calloc(ROWS, sizeof *g);
    bm_rng    r;

    bm_rng_key(&r, 2, 2, 2);
    bm_rng_normals(&r, x, ROWS);
    bm_rng_normals(&r, y, ROWS);
    for (size_t j = 0; j < MANY; j++) {
        double u = bm_rng_normal(&r), v = 0.5 * bm_rng_normal(&r);

        for (size_t i = 3 * j; i < 3 * j + 3; i++) {
            g[i] = (double)j;
            y[i] += 1 + u + (1 + v) * x[i];
        }
    }
    bm_assert_ok(bm_frame_new(&f, ROWS, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "x", x, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "y", y, &err), err);
    bm_assert_ok(bm_frame_add_numeric(f, "g", g, &err), err);
    bm_assert_ok(bm_spec_new(&spec, &err), err);
    bm_assert_ok(bm_spec_set(spec, "formula", "y ~ x + (x | g)", &err), err);
    bm_assert_ok(bm_spec_set(spec, "data", "memory", &err), err);
    bm_assert_ok(bm_spec_set(spec, "factor", "g", &err), err);
    bm_assert_ok(bm_model_new(&m, spec, f, &err), err);
    bm_spec_free(spec);
    bm_frame_free(f);
    free(x);
    free(y);
    free(g);
    return m;
}

static void test_draws_do_not_depend_on_threads(void **state)
{
    static const int threads[] = { 1, 2, 3, 8 }, chains[] = { 1, 4 };
    bm_model        *m = model_of_many_groups();
    bm_error         err = { 0 };

    (void)state;
    for (size_t c = 0; c < 2; c++) {
        bm_fit *first = NULL;

        for (size_t t = 0; t < 4; t++) {
            bm_fit_options opt = BM_FIT_OPTIONS_INIT;
            bm_fit        *fit = NULL;

            opt.chains = chains[c];
            opt.threads = threads[t];
            opt.warmup = 40;
            opt.draws = 8;
            bm_assert_ok(bm_fit_run(&fit, m, &opt, &err), err);
            if (!first) {
                first = fit;
                continue;
            }
            assert_memory_equal(fit->draws->x, first->draws->x, fit->draws->nvar * fit->draws->nchain * fit->draws->niter * sizeof(double));
            for (size_t i = 0; i < fit->nranef; i++) assert_true(fit->ranef[i].mean == first->ranef[i].mean && fit->ranef[i].sd == first->ranef[i].sd &&
                                                                 fit->ranef[i].q5 == first->ranef[i].q5 && fit->ranef[i].q95 == first->ranef[i].q95);
            bm_fit_free(fit);
        }
        bm_fit_free(first);
    }
    bm_model_free(m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_of_every_width_equal_sums_over_groups),
        cmocka_unit_test(test_a_group_without_a_factor_is_seen),
        cmocka_unit_test(test_sums_and_effects_of_many_groups_do_not_depend_on_threads),
        cmocka_unit_test(test_every_block_draws_noise_of_its_own),
        cmocka_unit_test(test_draws_do_not_depend_on_threads),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
