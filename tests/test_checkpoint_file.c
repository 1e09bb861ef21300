/* Checkpoints through the public functions: a run that is stopped and goes on; files whose bytes were changed and whose checksum was put right again, which must
 * end in a message or in draws, never in a crash; every allocation failing. */
#include "testing.h"

#include "api/api.h"

#include "failing_malloc.h"

#include <sys/stat.h>
#include <unistd.h>

#ifdef BM_CAN_FAIL
enum { CAN_FAIL = 1 };
#else
enum { CAN_FAIL = 0 };
static long left, held;
#endif

typedef struct { char root[40], dir[48], file[60]; bm_model *m; bm_fit_options opt; volatile sig_atomic_t stop; int steps; } world;

static void count_down(void *self, const bm_progress *p)
{
    world *w = self;

    (void)p;
    if (w->steps >= 0 && w->steps-- == 0) w->stop = 1;
}

static int setup(void **state)
{
    world    *w = calloc(1, sizeof *w);
    bm_spec  *s = NULL;
    bm_error  err = { 0 };

    strcpy(w->root, "/tmp/bmixed-checkpoint-XXXXXX");
    if (!mkdtemp(w->root)) return -1;
    snprintf(w->dir, sizeof w->dir, "%s/out", w->root);
    snprintf(w->file, sizeof w->file, "%s.checkpoint", w->dir);
    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "data", "tests/data/sleepstudy.csv", &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", "Reaction ~ Days + (Days | Subject)", &err), err);
    bm_assert_ok(bm_model_new(&w->m, s, NULL, &err), err);
    bm_spec_fit_options(s, &w->opt);
    w->opt.chains = 2;
    w->opt.threads = 1;
    w->opt.warmup = w->opt.draws = 150;
    w->opt.progress = count_down;
    w->opt.progress_self = w;
    w->opt.stop = &w->stop;
    bm_spec_free(s);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;

    unlink(w->file);
    bm_model_free(w->m);
    rmdir(w->root);
    free(w);
    return 0;
}

/* Leaves a checkpoint, stopped after so many calls of progress. */
static void leave_one(world *w, int steps)
{
    bm_error       err = { 0 };
    bm_checkpoint *c = NULL;
    bm_fit        *f = NULL;

    bm_assert_ok(bm_checkpoint_new(&c, w->dir, 1e9, true, NULL, &err), err);
    w->opt.checkpoint = c;
    w->steps = steps;
    w->stop = 0;
    assert_int_equal(bm_fit_run(&f, w->m, &w->opt, &err), BM_INTERRUPTED);
    bm_fit_free(f);
    bm_checkpoint_free(c);
    w->opt.checkpoint = NULL;
}

static bm_status go_on(world *w, bm_fit **f, bm_error *err)
{
    bm_checkpoint *c = NULL;
    bm_status      st = bm_checkpoint_open(&c, w->dir, err);

    *f = NULL;
    w->steps = -1;
    w->stop = 0;
    w->opt.checkpoint = c;
    if (st == BM_OK) st = bm_fit_run(f, w->m, &w->opt, err);
    bm_checkpoint_free(c);
    w->opt.checkpoint = NULL;
    return st;
}

static void test_a_stopped_run_goes_on_to_the_same_bits(void **state)
{
    world    *w = *state;
    bm_error  err = { 0 };
    bm_fit   *whole = NULL, *f = NULL;

    w->steps = -1;
    bm_assert_ok(bm_fit_run(&whole, w->m, &w->opt, &err), err);
    for (int steps = 0; steps < 8; steps++) {
        leave_one(w, steps);
        bm_assert_ok(go_on(w, &f, &err), err);
        assert_int_equal(f->draws->niter, whole->draws->niter);
        assert_memory_equal(f->draws->x, whole->draws->x, f->draws->nvar * 2 * f->draws->niter * sizeof *f->draws->x);
        for (size_t k = 0; k < f->nranef; k++) assert_true(f->ranef[k].mean == whole->ranef[k].mean && f->ranef[k].sd == whole->ranef[k].sd);
        assert_int_equal(f->run.evaluations, whole->run.evaluations);
        bm_fit_free(f);
    }
    bm_fit_free(whole);
}

static unsigned char *read_file(const char *path, size_t *n)
{
    FILE          *f = fopen(path, "rb");
    unsigned char *s = malloc(1 << 22);

    *n = fread(s, 1, 1 << 22, f);
    fclose(f);
    return s;
}

static void write_with_checksum(const char *path, const unsigned char *s, size_t n)
{
    FILE    *f = fopen(path, "wb");
    bm_hash  h;
    uint64_t value;

    bm_hash_start(&h);
    bm_hash_add(&h, s, n - sizeof value);
    value = bm_hash_value(&h);
    fwrite(s, 1, n - sizeof value, f);
    fwrite(&value, sizeof value, 1, f);
    fclose(f);
}

/* The places: the text in front and the numbers of the run behind it more often than the draws between them. */
static void test_a_changed_file_with_the_right_checksum_does_no_harm(void **state)
{
    static const unsigned char odd[][8] = { { 0 }, { 255, 255, 255, 255, 255, 255, 255, 255 }, { 1 }, { 0, 0, 0, 0, 0, 0, 0, 128 }, { 0, 0, 0, 0, 1 }, { 0, 0, 0, 0, 0, 0, 248, 127 } };
    world   *w = *state;
    bm_rng   rng;
    int      refused = 0;

    bm_rng_key(&rng, 11, 0, 0);
    for (int round = 0; round < 2; round++) {
        size_t         n;
        unsigned char *s, *t;

        leave_one(w, round ? 6 : 1);                 /* while sampling; in warm-up */
        s = read_file(w->file, &n);
        t = malloc(n);
        for (int i = 0; i < 300; i++) {
            size_t   where = bm_rng_u64(&rng) % 3, at = where == 0 ? bm_rng_u64(&rng) % 1500 : where == 1 ? n - 9 - bm_rng_u64(&rng) % 4000 : bm_rng_u64(&rng) % (n - 8);
            bm_error err = { 0 };
            bm_fit  *f = NULL;

            memcpy(t, s, n);
            if (i % 2) t[at] ^= (unsigned char)(1u << bm_rng_u64(&rng) % 8);
            else memcpy(t + (at < n - 16 ? at : n - 16), odd[bm_rng_u64(&rng) % 6], 8);
            write_with_checksum(w->file, t, n);
            refused += go_on(w, &f, &err) < 0;
            if (refused && err.code) assert_true(err.msg[0]);
            bm_fit_free(f);
        }
        free(s);
        free(t);
    }
    assert_true(refused > 50);                      /* else the changes miss what is checked */
}

static void test_another_version_or_machine_is_named(void **state)
{
    world         *w = *state;
    bm_error       err = { 0 }, err2 = { 0 };
    bm_fit        *f = NULL;
    size_t         n;
    unsigned char *s;

    leave_one(w, 3);
    s = read_file(w->file, &n);
    s[18 + 8 + 8] = '9';                             /* after the first line, the mark of byte order, and a length */
    write_with_checksum(w->file, s, n);
    assert_int_equal(go_on(w, &f, &err), BM_EINVAL);
    bm_assert_says(err, "was written by bmixed 9.");
    s[18] ^= 1;
    write_with_checksum(w->file, s, n);
    assert_int_equal(go_on(w, &f, &err2), BM_EINVAL);
    bm_assert_says(err2, "on a machine of another kind");
    free(s);
}

/* From the third look at the progress on, a directory is in the way of the checkpoint. */
static void obstruct(void *self, const bm_progress *p)
{
    world *w = self;
    char   tmp[80];

    snprintf(tmp, sizeof tmp, "%s.tmp", w->file);
    if (strcmp(p->phase, "sampling") == 0) mkdir(tmp, 0777);
    count_down(self, p);
}

static void test_a_checkpoint_that_fails_later_is_a_warning_and_the_last_one_is_kept(void **state)
{
    world         *w = *state;
    bm_error       err = { 0 }, err2 = { 0 };
    bm_checkpoint *c = NULL;
    bm_fit        *f = NULL;
    char           tmp[80];

    snprintf(tmp, sizeof tmp, "%s.tmp", w->file);
    w->opt.progress = obstruct;
    w->opt.ranef_draws = BM_RANEF_NONE;
    /* Until the run is long enough for a checkpoint while sampling: they take a tenth of the time, and a disk may be slow. */
    for (w->opt.draws = 4000; w->opt.draws < 3000000; w->opt.draws *= 4) {
        bm_assert_ok(bm_checkpoint_new(&c, w->dir, 0, true, NULL, &err), err);
        w->opt.checkpoint = c;
        w->steps = -1;
        w->stop = 0;
        bm_assert_ok(bm_fit_run(&f, w->m, &w->opt, &err), err);
        if (f->warnings.n > 0 && strstr(f->warnings.v[0], "checkpoint")) break;
        bm_fit_free(f);
        bm_checkpoint_free(c);
        rmdir(tmp);
    }
    assert_true(w->opt.draws < 3000000);
    assert_non_null(strstr(f->warnings.v[0], "a checkpoint could not be written"));
    assert_int_equal(access(w->file, F_OK), 0);
    bm_fit_free(f);
    bm_checkpoint_free(c);
    rmdir(tmp);
    w->opt.progress = count_down;
    bm_assert_ok(go_on(w, &f, &err), err);
    bm_fit_free(f);

    w->opt.progress = obstruct;
    bm_assert_ok(bm_checkpoint_new(&c, w->dir, 0, true, NULL, &err), err);
    w->opt.checkpoint = c;
    w->steps = 30;
    w->stop = 0;
    assert_int_equal(bm_fit_run(&f, w->m, &w->opt, &err2), BM_EIO);
    bm_assert_says(err2, "the checkpoint before this moment is kept");
    bm_checkpoint_free(c);
    rmdir(tmp);
    w->opt.checkpoint = NULL;
    w->opt.progress = count_down;
    bm_assert_ok(go_on(w, &f, &err), err);
    bm_fit_free(f);
}

static void test_every_failing_allocation_is_a_message(void **state)
{
    world     *w = *state;
    bm_status  st = BM_ENOMEM;
    long       k = 0, mine;

    if (!CAN_FAIL) skip();
    leave_one(w, 6);
    for (; k < 5000 && st != BM_OK; k++) {
        bm_error err = { 0 };
        bm_fit  *f = NULL;
        bool     failed;

        mine = held;
        left = k;
        st = go_on(w, &f, &err);
        failed = left < 0;
        left = -1;
        bm_fit_free(f);
        assert_int_equal(held, mine);
        if (st == BM_OK && failed) st = BM_ENOMEM;   /* done without */
        else if (st != BM_OK) bm_assert_says(err, "memory");
        assert_int_equal(access(w->file, F_OK), 0);
    }
    assert_int_equal(st, BM_OK);
    assert_true(k > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_stopped_run_goes_on_to_the_same_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_changed_file_with_the_right_checksum_does_no_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_version_or_machine_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_checkpoint_that_fails_later_is_a_warning_and_the_last_one_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_failing_allocation_is_a_message, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
