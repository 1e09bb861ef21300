/* test_stream_faults.c: reading in one pass with the k-th allocation failing, k = 1, 2, ..., until a run succeeds: "out of memory" each time, no result,
 * nothing left behind. */
#include "testing.h"

#include "suffstat/suffstat.h"

#include <unistd.h>

#include "failing_malloc.h"

#ifdef BM_CAN_FAIL

typedef struct { bm_design_stream *design; bm_accum *sums; } consumer;

static bm_status use_rows(void *self, const bm_frame *rows, bm_error *err)
{
    consumer        *c = self;
    const bm_design *part;
    bm_status        st = bm_design_stream_next(c->design, rows, &part, err);

    return st == BM_OK && part->n ? bm_accum_add(c->sums, part, err) : st;
}

/* One pass: *survey is what is known before, and then after it. */
static bm_status consume(bm_source *src, const bm_spec *spec, const bm_formula *f, bm_survey **survey, bm_stats **out, bm_error *err)
{
    static const char *const want[] = { "y", "x", "g", "h", "w" };
    consumer              c = { 0 };
    bm_frame             *head = NULL, *labels = NULL;
    bm_survey            *found = NULL;
    bm_design            *d = NULL;
    const int32_t *const *order;
    size_t                J[8];
    const size_t         *q;
    bool                  more;
    bm_status             st = bm_source_head(src, &head, &more, want, 5, 4, err);

    if (st == BM_OK) st = bm_design_stream_new(&c.design, spec, f, head, *survey, err);
    if (st == BM_OK && !bm_design_stream_waits(c.design)) {
        const bm_design *plan = bm_design_stream_plan(c.design, &q);

        st = bm_accum_new(&c.sums, plan->p, plan->nfac, q, err);
    }
    if (st == BM_OK) st = use_rows(&c, head, err);
    if (st == BM_OK) st = bm_source_stream(src, 1, use_rows, &c, &labels, err);
    if (st == BM_OK) st = bm_design_stream_end(c.design, labels, &d, &order, err);
    for (size_t k = 0; st == BM_OK && d && k < d->nfac; k++) J[k] = d->fac[k].J;
    if (st == BM_OK && d) st = bm_accum_end(c.sums, order, J, out, err);
    if (st == BM_OK && !d) st = bm_design_stream_survey(c.design, labels, &found, err);
    bm_design_free(d);
    bm_frame_free(head);
    bm_frame_free(labels);
    bm_design_stream_free(c.design);
    bm_accum_free(c.sums);
    bm_survey_free(*survey);
    *survey = found;
    return st;
}

static bm_status run(const char *path, const char *formula, bm_error *err)
{
    bm_spec    *spec = NULL;
    bm_formula *f = NULL;
    bm_survey  *survey = NULL;
    bm_stats   *s = NULL;
    bm_status   st = bm_spec_new(&spec, err);

    if (st == BM_OK) st = bm_spec_set(spec, "weights", "w", err);
    if (st == BM_OK) st = bm_spec_set(spec, "levels", "g=g3,g5,g9,g1,g0,g2,g4", err);
    if (st == BM_OK) st = bm_formula_parse(&f, formula, err);
    while (st == BM_OK && !s) {
        bm_source *src = NULL;

        st = bm_source_open(&src, path, &(bm_read_options){ .factors = (const char *const[]){ "g" }, .nfactors = 1 }, err);
        if (st == BM_OK) st = consume(src, spec, f, &survey, &s, err);
        bm_source_close(src);
    }
    assert_true((s != NULL) == (st == BM_OK));
    bm_stats_free(s);
    bm_survey_free(survey);
    bm_formula_free(f);
    bm_spec_free(spec);
    return st;
}

static void test_out_of_memory_at_every_allocation(void **state)
{
    static const char *const formulas[] = { "y ~ x + (x | g)", "y ~ x + (1 | g:h) + (1 | h)", "scale(y) ~ scale(x + 1) * I(g == 'g2') + (1 | g)", "y ~ scale(x + scale(h)) * factor(w) + (1 | g)",
                                            "y ~ g + factor(x > 6) + (1 | h)" };
    char  path[] = "/tmp/bmixed-faults-XXXXXX";
    FILE *out = fdopen(mkstemp(path), "w");

    (void)state;
    fprintf(out, "y,x,g,h,w\n");
    for (int i = 0; i < 40; i++) fprintf(out, "%d.5,%d,\"g%d\",%d,%d\n", i * i % 13, i * 7 % 11, i % 5 + i / 20, i % 3, 1 + i % 4);
    fclose(out);
    for (size_t t = 0; t < sizeof formulas / sizeof *formulas; t++)
        for (long k = 0;; k++) {
            bm_error  err = { 0 };
            long      before = held;
            bm_status st;

            left = k;
            st = run(path, formulas[t], &err);
            bool failed = left < 0;
            left = -1;
            assert_int_equal(held, before);
            if (!failed) {
                assert_int_equal(st, BM_OK);
                assert_true(k > 100);
                break;
            }
            if (st == BM_OK) continue;               /* a realloc that makes smaller may fail */
            if (st != BM_ENOMEM || !strstr(err.msg, "out of memory")) {
                print_error("allocation %ld: %d, '%s'\n", k, (int)st, err.msg);
                fail();
            }
        }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_out_of_memory_at_every_allocation) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return bm_cannot_fail();
}

#endif
