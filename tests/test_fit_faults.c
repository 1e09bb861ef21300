/* test_fit_faults.c: a whole fit through the public functions (settings, model, sampling, files, printing) with the k-th allocation failing, k = 0, 1,
 * 2, ..., until a run succeeds: a message each time, nothing leaked, and no directory, or the whole of it. glibc's own allocator is called below ours;
 * not where a sanitizer has its own. Allocations of other libraries (cJSON, GSL, OpenMP's pool) fail like ours. */
#include "testing.h"

#include "api/api.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPLACED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define REPLACED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(REPLACED)

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void  __libc_free(void *);

static long left = -1;                               /* allocations until one fails; negative: none does */
static long held;                                    /* blocks in use */

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

void *malloc(size_t n)
{
    void *p = fails() ? NULL : __libc_malloc(n);

    held += p != NULL;
    if (!p) errno = ENOMEM;
    return p;
}

void *calloc(size_t n, size_t size)
{
    void *p = fails() ? NULL : __libc_calloc(n, size);

    held += p != NULL;
    if (!p) errno = ENOMEM;
    return p;
}

void *realloc(void *old, size_t n)
{
    void *p = fails() ? NULL : __libc_realloc(old, n);

    held += p != NULL && old == NULL;
    if (!p) errno = ENOMEM;
    return p;
}

int posix_memalign(void **p, size_t align, size_t n)
{
    *p = fails() ? NULL : __libc_memalign(align, n);
    held += *p != NULL;
    return *p ? 0 : ENOMEM;
}

void *aligned_alloc(size_t align, size_t n)
{
    void *p = NULL;

    errno = posix_memalign(&p, align, n);
    return p;
}

void free(void *p)
{
    held -= p != NULL;
    __libc_free(p);
}

enum { ROWS = 20 };

typedef struct { char dir[64], path[80]; bm_frame *frame; FILE *out; const char *formula; double draws; } world;   /* draws: the last one */
typedef bm_status (*attempt)(world *w, bm_error *err);

static void fail_in_turn(attempt run, world *w, long least)
{
    bm_status st = BM_ENOMEM;
    long      k = 0;

    for (; k < 100000; k++) {
        bm_error err = { 0 };
        long     before = held;
        bool     failed;

        left = k;
        st = run(w, &err);
        failed = left < 0;
        left = -1;
        if (held != before) print_error("allocation %ld: %ld blocks leaked, status %d: %s\n", k, held - before, (int)st, err.msg);
        assert_int_equal(held, before);
        if (!failed) break;
        if (st == BM_OK) continue;                   /* something that can be done without: run has looked at its result */
        if (st != BM_ENOMEM) print_error("allocation %ld: status %d: %s\n", k, (int)st, err.msg);
        assert_true(st == BM_ENOMEM || st == BM_EIO);
        bm_assert_says(err, "memory");
    }
    assert_int_equal(st, BM_OK);
    assert_true(k > least);
}

static bm_status settings(world *w, bm_spec **s, bm_error *err)
{
    static const char *const set[][2] = { { "chains", "2" }, { "warmup", "60" }, { "draws", "30" }, { "threads", "1" }, { "factor", "h" },
        { "prior", "sd ~ half_normal(0, 2)" }, { "prior", "b ~ student_t(4, 0, 5)" }, { "levels", "h=3,1,2" }, { "title", "a test" } };
    bm_status st = bm_spec_new(s, err);

    if (st == BM_OK) st = bm_spec_set(*s, "formula", w->formula, err);
    for (size_t i = 0; i < sizeof set / sizeof *set && st == BM_OK; i++) st = bm_spec_set(*s, set[i][0], set[i][1], err);
    return st;
}

/* No number has got lost for want of memory, and no other way was taken. */
static void check_numbers(world *w, const bm_fit *f)
{
    size_t n = f->draws->nvar * f->draws->nchain * f->draws->niter;

    assert_true(w->draws == 0 || f->draws->x[n - 1] == w->draws);
    w->draws = f->draws->x[n - 1];
    for (size_t v = 0; v < f->draws->nvar; v++) {
        const bm_summary_row *r = &f->summary[v];

        if (!isfinite(r->mean + r->sd + r->q5 + r->rhat + r->ess_bulk + r->ess_tail + r->mcse_mean + r->mcse_sd))
            print_error("%s: %g %g %g %g %g %g\n", r->name, r->mean, r->sd, r->q5, r->rhat, r->ess_bulk, r->ess_tail);
        assert_true(isfinite(r->mean + r->sd + r->q5 + r->rhat + r->ess_bulk + r->ess_tail + r->mcse_mean + r->mcse_sd));
    }
    for (size_t k = 0; k < f->nranef; k++) assert_true(isfinite(f->ranef[k].mean + f->ranef[k].sd + f->ranef[k].q5 + f->ranef[k].q95));
    for (size_t k = 0; k < f->nderived; k++) assert_true(isfinite(f->derived[k].mean + f->derived[k].sd + f->derived[k].q97_5));
}

static bm_status fit_and_write(world *w, bm_error *err)
{
    bm_write_options write = BM_WRITE_OPTIONS_INIT;
    bm_spec         *s = NULL;
    bm_model        *m = NULL;
    bm_fit          *f = NULL;
    bm_status        st = settings(w, &s, err);
    char             file[200];

    if (st == BM_OK) st = bm_model_new(&m, s, w->frame, err);
    if (st == BM_OK) st = bm_model_print(m, w->out, NULL, err);
    if (st == BM_OK) st = bm_check_output(w->path, false, err);
    if (st == BM_OK) st = bm_fit_run(&f, m, NULL, err);
    if (st == BM_OK) check_numbers(w, f);
    if (st == BM_OK) st = bm_fit_print(f, w->out, NULL, err);
    if (st == BM_OK) {
        st = bm_fit_write(f, w->path, &write, err);
        if (st != BM_OK) assert_int_not_equal(access(w->path, F_OK), 0);
    }
    if (st == BM_OK) {
        snprintf(file, sizeof file, "rm -r %s", w->path);
        assert_int_equal(system(file), 0);
    }
    bm_fit_free(f);
    bm_model_free(m);
    bm_spec_free(s);
    return st;
}

static bm_status reml(world *w, bm_error *err)
{
    bm_reml_options opt = BM_REML_OPTIONS_INIT;
    bm_spec        *s = NULL;
    bm_model       *m = NULL;
    bm_reml        *r = NULL;
    bm_status       st = settings(w, &s, err);

    opt.ci = BM_CI_PROFILE;
    if (st == BM_OK) st = bm_model_new(&m, s, w->frame, err);
    if (st == BM_OK) st = bm_reml_run(&r, m, &opt, err);
    if (st == BM_OK) st = bm_reml_print(r, w->out, NULL, err);
    bm_reml_free(r);
    bm_model_free(m);
    bm_spec_free(s);
    return st;
}

static bm_status simulate(world *w, bm_error *err)
{
    static const char *const set[] = { "b_Intercept=1", "sigma=2" };
    bm_spec   *s = NULL;
    bm_model  *m = NULL;
    bm_status  st = settings(w, &s, err);

    if (st == BM_OK) st = bm_model_new(&m, s, w->frame, err);
    if (st == BM_OK) st = bm_simulate(m, w->out, set, 2, 7, err);
    bm_model_free(m);
    bm_spec_free(s);
    return st;
}

static void make_frame(world *w)
{
    double      y[ROWS], x[ROWS], h[ROWS];
    char        text[ROWS][4];
    const char *g[ROWS];
    bm_error    err = { 0 };
    bm_rng      rng;

    bm_rng_key(&rng, 1, 1, 1);
    for (int i = 0; i < ROWS; i++) {
        x[i] = bm_rng_normal(&rng);
        y[i] = x[i] + bm_rng_normal(&rng);
        h[i] = 1 + i % 3;
        snprintf(text[i], sizeof text[i], "g%d", i % 4);
        g[i] = text[i];
    }
    y[7] = NAN;
    bm_assert_ok(bm_frame_new(&w->frame, ROWS, &err), err);
    bm_assert_ok(bm_frame_add_numeric(w->frame, "y", y, &err), err);
    bm_assert_ok(bm_frame_add_numeric(w->frame, "x", x, &err), err);
    bm_assert_ok(bm_frame_add_numeric(w->frame, "h", h, &err), err);
    bm_assert_ok(bm_frame_add_factor(w->frame, "g", g, &err), err);
}

static int setup(void **state)
{
    world *w = calloc(1, sizeof *w);

    strcpy(w->dir, "/tmp/bmixed-faults-XXXXXX");
    if (!mkdtemp(w->dir)) return -1;
    snprintf(w->path, sizeof w->path, "%s/out", w->dir);
    make_frame(w);
    w->formula = "y ~ x + factor(h) + (x | g)";
    w->out = fopen("/dev/null", "w");
    fputs("a buffer of its own\n", w->out);
    *state = w;
    bm_error err = { 0 };                            /* threads, caches: what is made once and kept */
    if (fit_and_write(w, &err) != BM_OK || reml(w, &err) != BM_OK) print_error("%s\n", err.msg);
    return err.code;
}

static int teardown(void **state)
{
    world *w = *state;
    int    st = rmdir(w->dir);                       /* fails if anything was left behind */

    fclose(w->out);
    bm_frame_free(w->frame);
    free(w);
    return st;
}

static void test_a_fit_survives_every_failing_allocation(void **state)
{
    fail_in_turn(fit_and_write, *state, 500);
}

static void test_reml_survives_every_failing_allocation(void **state)
{
    fail_in_turn(reml, *state, 200);
}

static void test_simulation_survives_every_failing_allocation(void **state)
{
    fail_in_turn(simulate, *state, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_fit_survives_every_failing_allocation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reml_survives_every_failing_allocation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_simulation_survives_every_failing_allocation, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    printf("1..1\nok 1 - skipped # SKIP allocations cannot be made to fail here\n");
    return 0;
}

#endif
