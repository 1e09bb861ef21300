/* Draws of group effects that are kept for their quantiles only: as storage grows and shrinks, every place holds the draw of its iteration. */
#include "testing.h"

#include "api/fit_priv.h"

enum { GROUPS = 100000, CHAINS = 4 };                /* 3.2 MB per iteration: 83 iterations fill the memory granted */

static bm_model *model_of_many_groups(void)
{
    bm_error     err = { 0 };
    bm_frame    *frame = NULL;
    bm_spec     *s = NULL;
    bm_model    *m = NULL;
    size_t       n = 2 * GROUPS;
    double      *y = calloc(n, sizeof *y);
    const char **g = calloc(n, sizeof *g);
    char       (*text)[8] = calloc(GROUPS, sizeof *text);

    for (size_t i = 0; i < n; i++) {
        if (i < GROUPS) snprintf(text[i], sizeof text[i], "%zu", i);
        g[i] = text[i % GROUPS];
        y[i] = (double)(i * 7919 % 1013);
    }
    bm_assert_ok(bm_frame_new(&frame, n, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "y", y, &err), err);
    bm_assert_ok(bm_frame_add_factor(frame, "g", g, &err), err);
    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", "y ~ 1 + (1 | g)", &err), err);
    bm_assert_ok(bm_model_new(&m, s, frame, &err), err);
    bm_spec_free(s);
    bm_frame_free(frame);
    free(y);
    free(g);
    free(text);
    return m;
}

/* Iterations from .. to of every chain, as the sampler delivers them. */
static void deliver(bm_store *s, size_t from, size_t to, double *u)
{
    double natural[2] = { 1, 1 }, b = 0;

    for (size_t c = 0; c < CHAINS; c++)
        for (size_t i = from; i < to; i++) {
            bool want = i % s->every == 0;

            for (size_t k = 0; want && k < s->nu; k += 999) u[k] = (double)(1 + i + 1000 * c + k);
            bm_store_draw(s, c, i, 0, &b, natural, want ? u : NULL);
        }
}

static void check(const bm_store *s, size_t done)
{
    assert_true(s->slots >= (done + s->every - 1) / s->every);
    for (size_t c = 0; c < CHAINS; c++)
        for (size_t i = 0; i * s->every < done; i++)
            for (size_t k = 0; k < s->nu; k += 999)
                assert_true(s->u[(c * s->slots + i) * s->nu + k] == (double)(1 + i * s->every + 1000 * c + k));
}

static void test_every_kept_effect_is_that_of_its_iteration(void **state)
{
    bm_model *m = model_of_many_groups();
    bm_fit    f = { .model = m, .nmonitored = m->monitored.n, .opt = BM_FIT_OPTIONS_INIT };
    double   *u = calloc(GROUPS, sizeof *u);
    bm_error  err = { 0 };
    bm_store  s;

    (void)state;
    bm_assert_ok(bm_store_new(&s, &f, 150, 1, &err), err);
    assert_int_equal(s.every, 2);
    deliver(&s, 0, 150, u);
    check(&s, 150);
    bm_assert_ok(bm_store_resize(&s, &f, 220, 150, &err), err);      /* one in three would do, were every second there */
    assert_int_equal(s.every, 4);
    deliver(&s, 150, 220, u);
    check(&s, 220);
    bm_assert_ok(bm_store_resize(&s, &f, 41, 41, &err), err);        /* interrupted: all would fit, but are not there */
    assert_int_equal(s.every, 4);
    assert_int_equal(s.slots, 11);
    check(&s, 41);
    bm_store_free(&s);
    bm_model_free(m);
    free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_kept_effect_is_that_of_its_iteration) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
