/* test_data_faults.c: reading with the k-th allocation failing, k = 1, 2, ..., until a run succeeds (as CSparse's Tcov
 * does): a status and a message each time, no result, and nothing left behind. glibc's own allocator is called below
 * ours; not where a sanitizer has its own. */
#include "data/data_priv.h"
#include "data_files.h"

#include "failing_malloc.h"

#ifdef BM_CAN_FAIL

typedef bm_status (*attempt)(const char *path, bm_error *err);

/* least: allocations that there must be, or the test is not one. */
static void fail_in_turn(attempt run, const char *path, long least)
{
    bm_status st = BM_ENOMEM;
    long      k = 0;

    for (; k < 10000; k++) {
        bm_error err = { 0 };
        long     before = held;

        bool     failed;

        left = k;
        st = run(path, &err);
        failed = left < 0;
        left = -1;
        assert_int_equal(held, before);
        if (!failed) break;
        if (st == BM_OK) continue;                   /* a block could not be trimmed, say: the run has checked its result */
        assert_int_equal(st, BM_ENOMEM);
        bm_assert_says(err, "out of memory");
    }
    assert_int_equal(st, BM_OK);
    assert_true(k > least);
}

static const char *late_label(int i)
{
    return i == 40 ? "text" : i > 40 ? "more" : "1";
}

/* The frame of table(). */
static void check_frame(const bm_frame *f)
{
    const bm_column *c = f->col;

    assert_int_equal(f->ncol, 4);
    assert_int_equal(f->n, 300);
    for (int i = 0; i < 300; i++) {
        char q[16];

        assert_true(c[0].num[i] == i + 0.5);
        assert_int_equal(c[1].code[i], i % 100);     /* numeric order */
        assert_int_equal(atoi(c[1].levels[c[1].code[i]]), i % 100);
        assert_string_equal(c[2].levels[c[2].code[i]], late_label(i));
        snprintf(q, sizeof q, "a \"%d\"", i % 7);
        assert_string_equal(c[3].levels[c[3].code[i]], q);
    }
}

static bm_status read_all(const char *path, bm_error *err)
{
    static const char *const na[] = { "NA", "." }, *const factors[] = { "f" };
    bm_read_options          opt = { .na = na, .nna = 2, .factors = factors, .nfactors = 1 };
    bm_source               *s = NULL;
    bm_frame                *f = NULL;
    size_t                   n;
    const char *const       *names;
    bm_status                st = bm_source_open(&s, path, &opt, err);

    if (st == BM_OK) {
        names = bm_source_names(s, &n);
        st = bm_source_read(s, &f, names, n, err);
    }
    assert_true((f != NULL) == (st == BM_OK));
    if (f) check_frame(f);
    bm_frame_free(f);
    bm_source_close(s);
    return st;
}

static bm_buf table(void)
{
    bm_buf b = { 0 };

    bm_buf_puts(&b, "x,f,late,\"q\"\n");
    for (int i = 0; i < 300; i++)
        bm_buf_printf(&b, "%d.5,%d,%s,\"a \"\"%d\"\"\"\n", i, i % 100, late_label(i), i % 7);
    return b;
}

static void test_reading_survives_every_failing_allocation(void **state)
{
    bm_buf       b = table();
    scratch_file f = scratch_new(b.s, b.n);

    (void)state;
    fail_in_turn(read_all, f.path, 200);
    scratch_remove(&f);
    bm_buf_free(&b);
}

static void test_reading_gzip_survives_every_failing_allocation(void **state)
{
    bm_buf         b = table();
    size_t         n;
    unsigned char *z = gzip_bytes(b.s, b.n, &n);
    scratch_file   f = scratch_new(z, n);

    (void)state;
    fail_in_turn(read_all, f.path, 200);
    scratch_remove(&f);
    bm_buf_free(&b);
    free(z);
}

/* Messages of errors other than lack of memory may lose their lists, but not their status. */
static bm_status refuse(const char *path, bm_error *err)
{
    static const char *const want[] = { "late", "lately" };
    bm_source               *s = NULL;
    bm_frame                *f = NULL;
    bm_status                st = bm_source_open(&s, path, NULL, err);

    if (st == BM_OK) st = bm_source_read(s, &f, want, 2, err);
    bm_source_close(s);
    return st == BM_EINVAL ? BM_OK : st;
}

static void test_refusing_survives_every_failing_allocation(void **state)
{
    bm_buf       b = table();
    scratch_file f = scratch_new(b.s, b.n);

    (void)state;
    fail_in_turn(refuse, f.path, 20);
    scratch_remove(&f);
    bm_buf_free(&b);
}

static bm_status from_memory(const char *path, bm_error *err)
{
    static const double      x[] = { 3, 1, 2, 1 };
    static const char *const g[] = { "b", "a", NULL, "b" }, *const order[] = { "b", "c", "a" };
    bm_frame                *f = NULL;
    bm_column                c = { 0 };
    bm_status                st = bm_frame_new(&f, 4, err);

    (void)path;
    if (st == BM_OK) st = bm_frame_add_numeric(f, "x", x, err);
    if (st == BM_OK) st = bm_frame_add_factor(f, "g", g, err);
    if (st == BM_OK) st = bm_column_as_factor(&c, &f->col[0], 4, err);
    bm_column_clear(&c);
    if (st == BM_OK) st = bm_column_as_factor(&c, &f->col[1], 4, err);
    if (st == BM_OK) st = bm_column_relevel(&c, 4, order, 3, err);
    bm_column_clear(&c);
    bm_frame_free(f);
    return st;
}

static void test_frames_from_memory_survive_every_failing_allocation(void **state)
{
    (void)state;
    fail_in_turn(from_memory, NULL, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_survives_every_failing_allocation),
        cmocka_unit_test(test_reading_gzip_survives_every_failing_allocation),
        cmocka_unit_test(test_refusing_survives_every_failing_allocation),
        cmocka_unit_test(test_frames_from_memory_survive_every_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return bm_cannot_fail();
}

#endif
