/* Distributions of group effects whose draws are not kept: as a run grows longer and is cut short, every place holds that of its iteration; and how much memory
 * they take. */
#include "testing.h"

#include "api/fit_priv.h"

enum { GROUPS = 100000, FEW = 10, CHAINS = 4 };      /* 3.2 MB per iteration: 82 iterations and the origins fill the memory granted */

static bm_model *model_of_many_groups(void)
{
    bm_error     err = { 0 };
    bm_frame    *frame = NULL;
    bm_spec     *s = NULL;
    bm_model    *m = NULL;
    size_t       n = 2 * GROUPS;
    double      *y = calloc(n, sizeof *y);
    const char **g = calloc(n, sizeof *g), **h = calloc(n, sizeof *h);
    char       (*text)[8] = calloc(GROUPS, sizeof *text);

    for (size_t i = 0; i < n; i++) {
        if (i < GROUPS) snprintf(text[i], sizeof text[i], "%zu", i);
        g[i] = text[i % GROUPS];
        h[i] = text[i * 31 % 1009 % FEW];
        y[i] = (double)(i * 7919 % 1013);
    }
    bm_assert_ok(bm_frame_new(&frame, n, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "y", y, &err), err);
    bm_assert_ok(bm_frame_add_factor(frame, "g", g, &err), err);
    bm_assert_ok(bm_frame_add_factor(frame, "h", h, &err), err);
    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", "y ~ 1 + (1 | g) + (1 | h)", &err), err);
    bm_assert_ok(bm_model_new(&m, s, frame, &err), err);
    bm_spec_free(s);
    bm_frame_free(frame);
    free(y);
    free(g);
    free(h);
    free(text);
    return m;
}

static double mean_at(size_t chain, size_t iter, size_t k)
{
    return 1e9 + (double)(1000 * chain + k) + 1e-3 * (double)iter;       /* too large for a float to tell iterations apart */
}

static double sd_at(size_t chain, size_t iter, size_t k)
{
    return (double)(1 + iter + 1000 * chain + k % 7);
}

/* Iterations from .. to of every chain, as the sampler delivers them. */
static void deliver(bm_store *s, size_t from, size_t to, double *mean, double *sd)
{
    double  natural[3] = { 1, 1, 1 }, b = 0;
    bm_sink sink = bm_store_sink(s);

    for (size_t c = 0; c < CHAINS; c++)
        for (size_t i = from; i < to; i++) {
            for (size_t k = 0; i % sink.effects_every == 0 && k < s->nu; k++) {
                mean[k] = mean_at(c, i, k);
                sd[k] = sd_at(c, i, k);
            }
            if (i % sink.effects_every == 0) sink.effects(sink.self, c, i, mean, sd);
            sink.draw(sink.self, c, i, 0, &b, natural, NULL);
        }
}

static void check(const bm_store *s, size_t done)
{
    for (size_t j = 0; j < s->cond.nfac; j++) {
        const bm_conditional *f = &s->cond.fac[j];

        assert_true((done + f->every - 1) / f->every <= f->most);
        assert_int_equal(f->every % s->cond.every, 0);
        for (size_t c = 0; c < CHAINS; c++)
            for (size_t i = 0; i * f->every < done; i++)
                for (size_t k = 0; k < f->n; k += 9) {
                    size_t at = (c * f->most + i) * f->n + k;
                    double mean = f->origin[c * f->n + k] + f->unit[0] * (double)f->mean[at], sd = f->unit[0] * (double)f->sd[at];

                    assert_true(fabs(mean - mean_at(c, i * f->every, f->first + k)) < 5e-7);
                    bm_assert_near(sd, sd_at(c, i * f->every, f->first + k), 1e-6);
                }
    }
}

static void test_every_distribution_is_that_of_its_iteration(void **state)
{
    bm_model *m = model_of_many_groups();
    bm_fit    f = { .model = m, .nmonitored = m->monitored.n, .opt = BM_FIT_OPTIONS_INIT };
    double   *mean = calloc(GROUPS + FEW, sizeof *mean), *sd = calloc(GROUPS + FEW, sizeof *sd);
    bm_error  err = { 0 };
    bm_store  s;

    (void)state;
    f.opt.draws = 600;
    bm_assert_ok(bm_store_new(&s, &f, 600, &err), err);
    assert_int_equal(s.cond.fac[0].every, 8);
    assert_int_equal(s.cond.fac[1].every, 4);                        /* few levels: more of them */
    assert_int_equal(bm_store_sink(&s).effects_every, 4);
    deliver(&s, 0, 600, mean, sd);
    check(&s, 600);
    bm_assert_ok(bm_store_resize(&s, &f, 880, 600, &err), err);      /* one in twelve would do, were every fourth there */
    assert_int_equal(s.cond.fac[0].every, 16);
    assert_int_equal(bm_store_sink(&s).effects_every, 8);
    deliver(&s, 600, 880, mean, sd);
    check(&s, 880);
    bm_assert_ok(bm_store_resize(&s, &f, 41, 41, &err), err);        /* interrupted: all would fit, but are not there */
    assert_int_equal(s.cond.fac[0].every, 16);
    check(&s, 41);
    bm_store_free(&s);
    bm_model_free(m);
    free(mean);
    free(sd);
}

/* Whatever the chains and the run's length: within the bytes granted, a thousand distributions at most, one of every chain at least, and the steps are the shortest
 * for that. */
static void test_memory_is_bounded(void **state)
{
    static const size_t bytes[] = { 0, 1 << 20, 16 << 20, 100 << 20, 1u << 30 }, chains[] = { 1, 3, 4, 64, 2000 }, iterations[] = { 1, 7, 250, 1000, 100001 };
    bm_model *m = model_of_many_groups();
    bm_error  err = { 0 };

    (void)state;
    for (size_t b = 0; b < 5; b++)
        for (size_t c = 0; c < 5; c++)
            for (size_t i = 0; i < 5; i++) {
                const bm_conditional *g;
                bm_conditionals       a;
                double                least = 16.0 * (double)chains[c] * (GROUPS + FEW);

                if (least > 8e8) continue;
                bm_assert_ok(bm_conditionals_new(&a, m->post, chains[c], iterations[i], bytes[b], &err), err);
                assert_true(bm_conditionals_bytes(&a) <= fmax((double)bytes[b], least));
                for (size_t k = 0; k < 2; k++) {
                    g = &a.fac[k];
                    assert_true(g->most >= 1 && g->most <= 1000);
                    assert_true((iterations[i] + g->every - 1) / g->every <= g->most);
                }
                assert_true(a.fac[1].most >= a.fac[0].most);
                assert_int_equal(a.every % 4, 0);
                if (a.every > 4) assert_true((iterations[i] + a.every - 5) / (a.every - 4) > a.fac[1].most);
                bm_conditionals_free(&a);
            }
    bm_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_distribution_is_that_of_its_iteration), cmocka_unit_test(test_memory_is_bounded) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
