/* test_report_faults.c: writing and printing with the k-th allocation failing, k = 1, 2, ..., until a run succeeds: a status and a message each
 * time, nothing leaked, and nothing left on the disk. glibc's own allocator is called below ours; not where a sanitizer has its own. */
#include "report_fixture.h"

#include "failing_malloc.h"

#include <sys/stat.h>
#include <unistd.h>

#ifdef BM_CAN_FAIL

typedef struct { char dir[64], path[80]; fake f; FILE *out; bm_print_options print; bm_summary_options table; bm_write_options write; } world;
typedef bm_status (*attempt)(world *w, bm_error *err);

static void fail_in_turn(attempt run, world *w)
{
    bm_status st = BM_ENOMEM;
    long      k = 0;

    for (; st != BM_OK && k < 100000; k++) {
        bm_error err = { 0 };
        long     before = held;

        left = k;
        st = run(w, &err);
        left = -1;
        assert_int_equal(held, before);
        if (st == BM_OK) break;
        assert_true(st == BM_ENOMEM || st == BM_EIO);        /* also "cannot read the directory: Cannot allocate memory" */
        bm_assert_says(err, "memory");
        assert_int_not_equal(access(w->path, F_OK), 0);
    }
    assert_int_equal(st, BM_OK);
    assert_true(k > 3);
}

static int setup(void **state)
{
    world *w = calloc(1, sizeof *w);

    strcpy(w->dir, "/tmp/bmixed-faults-XXXXXX");
    if (!mkdtemp(w->dir)) return -1;
    snprintf(w->path, sizeof w->path, "%s/out", w->dir);
    fake_sleepstudy(&w->f, 5);
    w->out = fopen("/dev/null", "w");
    fputs("a buffer of its own\n", w->out);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;
    int    st = rmdir(w->dir);                       /* fails if anything was left behind */

    fclose(w->out);
    fake_free(&w->f);
    free(w);
    return st;
}

static bm_status write_dir(world *w, bm_error *err)
{
    return bm_report_dir(&w->f.r, w->path, &w->write, err);
}

static bm_status print_fit(world *w, bm_error *err)
{
    return bm_report_fit(&w->f.r, w->out, &w->print, err);
}

static bm_status print_table(world *w, bm_error *err)
{
    return bm_report_summary_table(w->f.draws, w->f.summary, w->out, &w->table, &w->print, err);
}

static bm_status print_plan(world *w, bm_error *err)
{
    bm_plan p = { .spec = &w->f.spec, .frame_info = &w->f.frame, .design = &w->f.design, .priors = &w->f.priors, .sampler = "collapsed", .why = "so",
                  .ntheta = 4, .parameters = &w->f.names };

    return bm_report_plan(&p, w->out, &w->print, err);
}

static void test_writing_survives_every_failing_allocation(void **state)
{
    static const char *const files[] = { "draws.csv", "draws.json", "draws-1.csv", "draws-2.csv", "draws-3.csv", "draws-4.csv", "draws-labels.json",
                                         "summary.csv", "summary.json", "ranef.csv", "model.json" };
    world *w = *state;

    for (int format = BM_FORMAT_CSV; format <= BM_FORMAT_JSON; format++) {
        w->write.format = (bm_format)format;
        fail_in_turn(write_dir, w);
        for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
            char path[128];

            snprintf(path, sizeof path, "%s/%s", w->path, files[k]);
            unlink(path);
        }
        assert_int_equal(rmdir(w->path), 0);
    }
}

static void test_printing_survives_every_failing_allocation(void **state)
{
    static const char *const vars[] = { "b_*", "r_Subject" };
    static const double      probs[] = { 0.1, 0.9 };
    world                   *w = *state;

    w->table = (bm_summary_options){ .vars = vars, .nvars = 2, .probs = probs, .nprobs = 2 };
    for (int json = 0; json < 2; json++) {
        w->print.json = json;
        fail_in_turn(print_fit, w);
        fail_in_turn(print_table, w);
        fail_in_turn(print_plan, w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writing_survives_every_failing_allocation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_printing_survives_every_failing_allocation, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return bm_cannot_fail();
}

#endif
