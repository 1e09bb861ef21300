/* test_design_faults.c: formulas and designs with the k-th allocation failing, k = 1, 2, ..., until a run succeeds: "out of memory" each
 * time, no result, and nothing left behind. glibc's own allocator is called below ours; not where a sanitizer has its own. */
#include "design_fixture.h"

#include "failing_malloc.h"

#ifdef BM_CAN_FAIL

static const char table[] = "y,x,f,g,h,w\n1,1,a,10,u,1\n3,2,b,2,v,1\n2,4,c,10,u,2\n7,3,a,9,v,1\n5,5,b,9,u,1\n6,6,c,2,v,3\n4,NA,a,2,u,1\n";

/* Parses, expands, prints and builds. */
static bm_status build(const char *text, const bm_spec *spec, const bm_frame *frame, bm_error *err)
{
    static const char *const columns[] = { "y", "x", "f", "g", "h", "w" }, *const except[] = { "w" };
    bm_formula *f;
    bm_design  *d = NULL;
    bm_buf      b = { 0 };
    bm_status   st = bm_formula_parse(&f, text, err);

    if (st == BM_OK) st = bm_formula_expand_dot(f, columns, 6, except, 1, err);
    if (st == BM_OK) st = bm_formula_match(f, columns, 6, err);
    if (st == BM_OK) st = bm_formula_print(f, &b, err);
    if (st == BM_OK) st = bm_design_new(&d, spec, f, frame, err);
    assert_true((d != NULL) == (st == BM_OK));
    bm_design_free(d);
    bm_buf_free(&b);
    bm_formula_free(f);
    return st;
}

/* want: the status of a run in which nothing fails. */
static void fail_in_turn(const char *text, const bm_spec *spec, bm_status want)
{
    bm_frame *frame = frame_of(table);
    bm_status st;
    long      k = 0;

    for (;; k++) {
        bm_error err = { 0 };
        long     before = held;
        bool     failed;

        left = k;
        st = build(text, spec, frame, &err);
        failed = left < 0;
        left = -1;
        assert_int_equal(held, before);
        if (!failed || st == want) {                 /* a message may lose its list, or a realloc that makes smaller may fail */
            assert_int_equal(st, want);
            if (!failed) break;
            continue;
        }
        assert_int_equal(st, BM_ENOMEM);
        bm_assert_says(err, "out of memory");
    }
    assert_true(k > 3);
    bm_frame_free(frame);
}

static void test_designs_survive_every_failing_allocation(void **state)
{
    char    weights[] = "w", se[] = "w";
    bm_strv factors = split("x", '|'), levels = split("f=c,a,b", '|'), contrasts = split("sum|h=helmert|q=sum", '|');

    (void)state;
    fail_in_turn("log(y + 1) ~ scale(x) * f + factor(g):h + offset(x / 2) + (x + f || g) + (1 | h/f)",
                 &(bm_spec){ .weights = weights }, BM_OK);
    fail_in_turn("y ~ . + x:f + (1 | g:h)",
                 &(bm_spec){ .factors = factors, .levels = levels, .contrasts = contrasts, .se = se }, BM_OK);
    fail_in_turn("y ~ (f + h + x)^2 / g - 1 + f %in% h + I(f == 'a' & x > 2) + log(x, base = 2) + (factor(x > 2) | h)",
                 &(bm_spec){ 0 }, BM_OK);
    bm_strv_free(&factors);
    bm_strv_free(&levels);
    bm_strv_free(&contrasts);
}

static void test_messages_survive_every_failing_allocation(void **state)
{
    char weights[] = "f";

    (void)state;
    fail_in_turn("y ~ x + log(f)", &(bm_spec){ 0 }, BM_EINVAL);
    fail_in_turn("y ~ lgo(x) + z", &(bm_spec){ 0 }, BM_EINVAL);
    fail_in_turn("y ~ x + xx", &(bm_spec){ 0 }, BM_EINVAL);
    fail_in_turn("y ~ log(x - 1)", &(bm_spec){ 0 }, BM_EINVAL);
    fail_in_turn("f ~ x", &(bm_spec){ 0 }, BM_EINVAL);
    fail_in_turn("y ~ x", &(bm_spec){ .weights = weights }, BM_EINVAL);
    fail_in_turn("y ~ x + (1 | g) + (x | g)", &(bm_spec){ 0 }, BM_EINVAL);
    fail_in_turn("y ~ x + `unfinished", &(bm_spec){ 0 }, BM_EPARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_designs_survive_every_failing_allocation),
        cmocka_unit_test(test_messages_survive_every_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return bm_cannot_fail();
}

#endif
