/* test_priors_faults.c: priors and model files with the k-th allocation failing, k = 1, 2, ..., until a run succeeds: a status and a message each
 * time, no result, and nothing left behind. */
#include "design_fixture.h"

#include "suffstat/suffstat.h"

#include "failing_malloc.h"

#ifdef BM_CAN_FAIL

#include <cjson/cJSON.h>

typedef bm_status (*attempt)(void *what, bm_error *err);

/* least: allocations that there must be, or the test is not one. */
static void fail_in_turn(attempt run, void *what, bm_status want, long least)
{
    bm_status st;
    long      k = 0;

    for (;; k++) {
        bm_error err = { 0 };
        long     before = held;
        bool     failed;

        left = k;
        st = run(what, &err);
        failed = left < 0;
        left = -1;
        assert_int_equal(held, before);
        if (!failed) break;
        if (st == want) continue;                    /* only a part of a message was lost */
        assert_true(st == BM_ENOMEM || st == BM_EIO);
        assert_true(strstr(err.msg, "out of memory") || strstr(err.msg, "Cannot allocate memory"));
    }
    assert_int_equal(st, want);
    assert_true(k >= least);
}

/* ---- priors ---- */

typedef struct { const bm_design *d; bm_ranks by; bm_spec spec; } asked;

static bm_status resolve_and_check(void *what, bm_error *err)
{
    const asked *a = what;
    bool         none[8] = { false };
    bm_priors   *p;
    bm_status    st = bm_priors_new(&p, &a->spec, a->d, err);

    assert_true((p != NULL) == (st == BM_OK));
    if (st == BM_OK) st = bm_priors_check(p, a->d, none, a->d->p - 1, &a->by, err);      /* as if X were deficient: the long way */
    bm_priors_free(p);
    return st;
}

static void try_priors(const char *texts, bm_status want, long least)
{
    static const char table[] = "y,x,f,g\n1,1,a,1\n2,2,b,2\n4,3,a,3\n3,7,b,4\n5,5,a,1\n6,4,b,2\n8,1,a,3\n9,2,b,4\n";
    bm_frame   *frame = frame_of(table);
    bm_formula *f = parse("y ~ x + f + (x | g)");
    bm_spec     none = { .factors = split("g", ';') };
    bm_design  *d;
    bm_error    err = { 0 };
    bm_stats   *s;
    asked       a = { .spec = { .priors = split(texts, ';') } };

    bm_assert_ok(bm_design_new(&d, &none, f, frame, &err), err);
    a.d = d;
    a.by = bm_ranks_of_rows(d);
    fail_in_turn(resolve_and_check, &a, want, least);
    bm_assert_ok(bm_stats_new(&s, d, &err), err);
    a.by = bm_ranks_of_stats(s);
    fail_in_turn(resolve_and_check, &a, want, least);
    bm_stats_free(s);
    bm_design_free(d);
    bm_formula_free(f);
    bm_frame_free(frame);
    bm_strv_free(&none.factors);
    bm_strv_free(&a.spec.priors);
}

static void test_priors_survive_every_failing_allocation(void **state)
{
    (void)state;
    try_priors("", BM_OK, 40);
    try_priors("b ~ flat();Intercept ~ normal(0, 1);sd ~ half_t(3, 1);sigma ~ flat();cor ~ lkj(2)", BM_OK, 50);
    try_priors("b_x ~ flat();sd_g__x ~ flat()", BM_OK, 50);
    try_priors("cov(g) ~ inv_wishart(4, c(1, 2));b_x ~ student_t(3, 0, 1)", BM_OK, 40);
}

static void test_messages_about_priors_survive_every_failing_allocation(void **state)
{
    (void)state;
    try_priors("b_z ~ normal(0, 1)", BM_EINVAL, 20);
    try_priors("b_x ~ nromal(0, 1)", BM_EINVAL, 8);
    try_priors("cov(g) ~ inv_wishart(4, c(1, 2, x))", BM_EINVAL, 8);
    try_priors("cov(g) ~ inv_wishart(4, 1);sd(g) ~ flat()", BM_EINVAL, 20);
    try_priors("b ~ flat()", BM_EINVAL, 40);          /* rank p - 1 */
}

/* ---- model files ---- */

static char path[] = "/tmp/bmixed-test-XXXXXX";

static void write_model(const char *text)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* Reads, copies, sets and writes. */
static bm_status round_trip(void *what, bm_error *err)
{
    bm_spec  *s, *c = NULL;
    bm_buf    b = { 0 };
    bm_status st = bm_spec_read(&s, path, err);

    (void)what;
    assert_true((s != NULL) == (st == BM_OK));
    if (st == BM_OK) st = bm_spec_copy(&c, s, err);
    if (st == BM_OK) st = bm_spec_set(c, "data", "other.csv", err);
    if (st == BM_OK) st = bm_spec_set(c, "factor", "a,b,c", err);
    if (st == BM_OK) st = bm_spec_set(c, "na-strings", ".,-", err);
    if (st == BM_OK) st = bm_spec_set(c, "levels", "f=z,y", err);
    if (st == BM_OK) st = bm_spec_json(c, &b, err);
    bm_buf_free(&b);
    bm_spec_free(s);
    bm_spec_free(c);
    return st;
}

static void test_model_files_survive_every_failing_allocation(void **state)
{
    cJSON_Hooks ours = { malloc, free };              /* a library's own calls do not reach our malloc */
    int         fd = mkstemp(path);

    (void)state;
    cJSON_InitHooks(&ours);
    assert_true(fd >= 0);
    close(fd);
    write_model("{\"name\": \"m\", \"data\": \"x.csv\", \"formula\": \"y ~ f\", \"priors\": [\"b ~ flat()\"], \"factors\": [\"f\", \"g\"], \"levels\": {\"f\": [\"a\", \"b, c\"]},"
                "\"contrasts\": {\"f\": \"sum\", \"g\": \"helmert\"}, \"na-strings\": [\"NA\"], \"sampler\": {\"chains\": 2, \"seed\": 3, \"type\": \"auto\"}}");
    fail_in_turn(round_trip, NULL, BM_OK, 100);
    write_model("{\"name\": \"m\", \"piror\": 3}");
    fail_in_turn(round_trip, NULL, BM_EPARSE, 10);
    write_model("{\"levels\": {\"f\": [\"a\", 3]}}");
    fail_in_turn(round_trip, NULL, BM_EPARSE, 10);
    write_model("{\"sampler\": {\"chains\": 99}}");
    fail_in_turn(round_trip, NULL, BM_EINVAL, 10);
    remove(path);
    cJSON_InitHooks(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priors_survive_every_failing_allocation),
        cmocka_unit_test(test_messages_about_priors_survive_every_failing_allocation),
        cmocka_unit_test(test_model_files_survive_every_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return bm_cannot_fail();
}

#endif
