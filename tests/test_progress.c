/* What a program is told of long work: of reading and of sampling, by all chains, with R-hat and ESS of the draws so far. */
#include "testing.h"

#include "api/api.h"

#include <stdatomic.h>
#include <unistd.h>

typedef struct {
    size_t      calls, known;        /* known: with R-hat and ESS */
    uint64_t    last, total, first_known;
    double      rhat, ess;           /* the first */
    bool        backward, beyond;
    atomic_bool inside, twice;       /* called while another call was not over */
    const char *phase;               /* the only one that counts */
} told;

static void listen(void *self, const bm_progress *p)
{
    told *t = self;

    if (atomic_exchange(&t->inside, true)) t->twice = true;
    if (strcmp(p->phase, t->phase) == 0) {
        t->calls++;
        t->backward |= p->done < t->last;
        t->beyond |= p->done > p->total;
        t->last = p->done;
        t->total = p->total;
        if (isfinite(p->rhat) && t->known++ == 0) {
            t->first_known = p->done;
            t->rhat = p->rhat;
            t->ess = p->ess;
        }
    }
    atomic_store(&t->inside, false);
}

/* A fit whose options are settings, "key=value;...". */
static bm_fit *fit(bm_model **model, told *t, const char *settings)
{
    bm_spec       *spec = NULL;
    bm_fit        *f = NULL;
    bm_error       err = { 0 };
    bm_fit_options opt;
    char          *copy = strdup(settings), *save = NULL;

    bm_assert_ok(bm_spec_new(&spec, &err), err);
    for (char *p = strtok_r(copy, ";", &save); p; p = strtok_r(NULL, ";", &save)) {
        char *eq = strchr(p, '=');

        *eq = '\0';
        bm_assert_ok(bm_spec_set(spec, p, eq + 1, &err), err);
    }
    bm_assert_ok(bm_model_new(model, spec, NULL, &err), err);
    bm_spec_on_progress(spec, listen, t);
    bm_spec_fit_options(spec, &opt);
    bm_assert_ok(bm_fit_run(&f, *model, &opt, &err), err);
    bm_spec_free(spec);
    free(copy);
    return f;
}

static const char SLEEP[] = "formula=Reaction ~ Days + (Days | Subject);data=tests/data/sleepstudy.csv;chains=4;draws=1500;warmup=600;threads=";
static const char CROSSED[] = "formula=diameter ~ 1 + (1 | plate) + (1 | sample);data=tests/data/Penicillin.csv;sampler=gibbs;chains=3;draws=400;warmup=200;threads=";

static void told_of_all_chains(const char *settings, const char *threads, const char *phase, uint64_t total, uint64_t step, size_t chains)
{
    told      t = { .phase = phase };
    bm_model *m = NULL;
    char      all[400];

    snprintf(all, sizeof all, "%s%s", settings, threads);
    bm_fit_free(fit(&m, &t, all));
    bm_model_free(m);
    assert_int_equal(t.total, total);
    assert_false(t.beyond);
    assert_false(t.twice);
    assert_true(t.last + (chains + 1) * step >= total);
    if (*threads != '1') return;                     /* with several, a call may be passed over while another is going on, and come late */
    assert_false(t.backward);
    assert_true(t.calls >= total / step);
}

static void test_sampling_is_told_by_every_chain(void **state)
{
    (void)state;
    told_of_all_chains(SLEEP, "1", "sampling", 6000, 64, 4);
    told_of_all_chains(SLEEP, "2", "sampling", 6000, 64, 4);
    told_of_all_chains(CROSSED, "1", "sampling", 1200, 16, 3);
}

static void test_so_is_warming_up(void **state)
{
    (void)state;
    told_of_all_chains(SLEEP, "1", "warm-up", 2400, 64, 4);
    told_of_all_chains(CROSSED, "1", "warm-up", 600, 16, 3);
}

/* With one thread the first chain goes first: the first numbers are those of its first draws. */
static void test_the_draws_so_far_are_judged(void **state)
{
    told            t = { .phase = "sampling" };
    bm_model       *m = NULL;
    char            all[400];
    double          rhat = 0, ess = INFINITY;
    bm_fit         *f;
    const bm_draws *d;
    size_t          n;

    (void)state;
    snprintf(all, sizeof all, "%s1", SLEEP);
    f = fit(&m, &t, all);
    d = bm_fit_draws(f);
    n = (size_t)t.first_known;
    assert_true(t.known > 0 && n >= 100 && n <= 1500);
    for (size_t v = 0; v < m->monitored.n; v++) {
        rhat = fmax(rhat, bm_rhat(bm_draws_values(d, v), 1, n));
        ess = fmin(ess, bm_ess_bulk(bm_draws_values(d, v), 1, n));
    }
    bm_assert_near(t.rhat, rhat, 0);
    bm_assert_near(t.ess, ess, 0);
    bm_fit_free(f);
    bm_model_free(m);
}

static void test_reading_is_told_to_the_end_of_the_file(void **state)
{
    char      path[] = "/tmp/bmixed-progress-XXXXXX";
    told      t = { .phase = "reading" };
    FILE     *f = fdopen(mkstemp(path), "w");
    bm_spec  *spec = NULL;
    bm_model *m = NULL;
    bm_error  err = { 0 };
    long      size;

    (void)state;
    assert_non_null(f);
    fputs("y,x\n", f);
    for (int i = 0; i < 100000; i++) fprintf(f, "%d,%d\n", (i * 7919) % 10007, i % 100);
    size = ftell(f);
    fclose(f);
    bm_assert_ok(bm_spec_new(&spec, &err), err);
    bm_assert_ok(bm_spec_set(spec, "formula", "y ~ x", &err), err);
    bm_assert_ok(bm_spec_set(spec, "data", path, &err), err);
    bm_spec_on_progress(spec, listen, &t);
    bm_assert_ok(bm_model_new(&m, spec, NULL, &err), err);
    assert_true(t.calls >= 3);
    assert_int_equal(t.total, size);
    assert_int_equal(t.last, size);
    assert_false(t.backward || t.beyond);
    bm_model_free(m);
    bm_spec_free(spec);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sampling_is_told_by_every_chain),
        cmocka_unit_test(test_so_is_warming_up),
        cmocka_unit_test(test_the_draws_so_far_are_judged),
        cmocka_unit_test(test_reading_is_told_to_the_end_of_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
