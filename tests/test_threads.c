/* bm_parallel: every piece once, whatever the number of threads. */
#include "testing.h"

#include "base/base.h"

#include <stdatomic.h>

enum { N = 1000 };
typedef struct { atomic_int times[N], worst; } count;

static void one(void *self, size_t i, size_t worker)
{
    count *c = self;

    atomic_fetch_add(&c->times[i], 1);
    if ((int)worker > atomic_load(&c->worst)) atomic_store(&c->worst, (int)worker);
}

static void test_every_piece_is_done_once_by_a_worker_that_there_is(void **state)
{
    static const int threads[] = { -1, 0, 1, 2, 7, 2000 };
    static count     c;

    (void)state;
    for (size_t k = 0; k < sizeof threads / sizeof *threads; k++)
        for (size_t n = 0; n <= N; n = n * 3 + 1) {
            memset(&c, 0, sizeof c);
            bm_parallel(n, threads[k], one, &c);
            for (size_t i = 0; i < N; i++) assert_int_equal(c.times[i], i < n);
            assert_true(c.worst < (threads[k] < 1 ? 1 : threads[k]));
            assert_true(n == 0 || (size_t)c.worst < n);
        }
}

static void test_there_is_a_core(void **state)
{
    (void)state;
    assert_true(bm_cores() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_piece_is_done_once_by_a_worker_that_there_is),
        cmocka_unit_test(test_there_is_a_core),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
