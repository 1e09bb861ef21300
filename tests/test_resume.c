/* A run that is stopped anywhere, its state written out, read back into a new sampler and continued, gives the draws of an undisturbed run, bit by bit:
 * every kernel, in warm-up and while sampling, also stopped again and again. States that are not of this run are refused. */
#include "testing.h"

#include "api/api.h"

typedef struct { const char *name, *data, *formula, *option[4][2]; int draws, warmup, thin; } example;

static const example EXAMPLES[] = {
    { "mixture of t's", "sleepstudy.csv", "Reaction ~ Days + (Days | Subject)", { { "seed", "3" } }, 60, 200, 3 },
    { "Student-t priors", "sleepstudy.csv", "Reaction ~ Days + (1 | Subject)", { { "prior", "b ~ student_t(4, 0, 100)" } }, 60, 200, 2 },
    { "nothing to move", "sleepstudy.csv", "Reaction ~ Days", { { "prior", "sigma ~ constant(30)" } }, 300, 10, 1 },
    { "Hamiltonian", "cake.csv", "angle ~ recipe + temperature + (temperature | recipe:replicate)", { { "factor", "temperature" } }, 30, 80, 2 },
    { "Hamiltonian, Student-t priors", "cake.csv", "angle ~ recipe + temperature + (temperature | recipe:replicate)",
      { { "factor", "temperature" }, { "prior", "b ~ student_t(4, 0, 100)" } }, 30, 80, 1 },
    { "Hamiltonian with jumps", "Machines.csv", "score ~ Machine + (Machine | Worker)", { { "prior", "b ~ student_t(4, 0, 100)" } }, 40, 120, 2 },
    { "factor by factor", "Penicillin.csv", "diameter ~ 1 + (1 | plate) + (1 | sample)", { { "sampler", "gibbs" } }, 60, 60, 2 },
    { "factor by factor, slopes and nesting", "Pixel.csv", "pixel ~ day + (day | Dog) + (1 | Side:Dog)", { { "sampler", "gibbs" }, { "prior", "b ~ student_t(3, 0, 900)" } }, 40, 60, 1 },
};
enum { NEXAMPLE = sizeof EXAMPLES / sizeof *EXAMPLES, CHAINS = 3 };

static bm_model *model_of(const example *e, bm_fit_options *opt)
{
    bm_spec  *s = NULL;
    bm_model *m = NULL;
    bm_error  err = { 0 };
    char      path[256];

    snprintf(path, sizeof path, "tests/data/%s", e->data);
    bm_assert_ok(bm_spec_new(&s, &err), err);
    bm_assert_ok(bm_spec_set(s, "data", path, &err), err);
    bm_assert_ok(bm_spec_set(s, "formula", e->formula, &err), err);
    for (int i = 0; i < 4 && e->option[i][0]; i++) bm_assert_ok(bm_spec_set(s, e->option[i][0], e->option[i][1], &err), err);
    bm_assert_ok(bm_model_new(&m, s, NULL, &err), err);
    bm_spec_fit_options(s, opt);
    opt->chains = CHAINS;
    opt->threads = 2;
    opt->draws = e->draws;
    opt->warmup = e->warmup;
    opt->thin = e->thin;
    bm_spec_free(s);
    return m;
}

/* ---- states in memory ---- */

typedef struct { unsigned char *bytes; size_t n, cap, at; } tape;

static bool to_tape(void *self, void *bytes, size_t n)
{
    tape *t = self;

    if (t->n + n > t->cap) t->bytes = realloc(t->bytes, t->cap = 2 * (t->n + n));
    memcpy(t->bytes + t->n, bytes, n);
    t->n += n;
    return true;
}

static bool from_tape(void *self, void *bytes, size_t n)
{
    tape *t = self;

    if (t->at + n > t->n) return false;
    memcpy(bytes, t->bytes + t->at, n);
    t->at += n;
    return true;
}

/* ---- a run: what it delivers, and when it is stopped ---- */

typedef struct {
    bm_mcmc *mc;
    double  *x;                      /* every number delivered */
    size_t   nb, nnat, nu, size, draws;
    tape     saved;
    long     steps;                  /* calls of progress until the stop; negative: none */
    volatile sig_atomic_t stop;
    size_t   saves;
} world;

static void keep(void *self, size_t chain, size_t iter, double lp, const double *b, const double *natural, const double *u)
{
    world  *w = self;
    double *x = w->x + (chain * w->draws + iter) * w->size;

    assert_true(iter < w->draws);
    *x++ = lp;
    memcpy(x, b, w->nb * sizeof *x);
    memcpy(x + w->nb, natural, w->nnat * sizeof *x);
    memcpy(x + w->nb + w->nnat, u, w->nu * sizeof *x);
}

static bm_status save(void *self, bm_error *err)
{
    world   *w = self;
    bm_state io = { .self = &w->saved, .move = to_tape };

    w->saved.n = w->saved.at = 0;
    w->saves++;
    return bm_mcmc_state(w->mc, &io, err);
}

static void count_down(void *self, const bm_progress *p)
{
    world *w = self;

    (void)p;
    if (w->steps >= 0 && w->steps-- == 0) w->stop = 1;
}

/* From the start, or from the saved state. BM_INTERRUPTED: stopped by w->steps. */
static bm_status go(world *w, const bm_model *m, const bm_fit_options *opt, bool resume, double every, bm_mcmc_info *info)
{
    bm_fit_options o = *opt;
    bm_pause       pause = { .every = every, .self = w, .save = save };
    bm_sink        sink = { .self = w, .u_every = 1, .draw = keep };
    bm_state       io = { .reading = true, .self = &w->saved, .move = from_tape };
    bm_error       err = { 0 };
    size_t         done = 0;
    bm_status      st;

    o.stop = &w->stop;
    o.progress = count_down;
    o.progress_self = w;
    w->stop = 0;
    bm_assert_ok(bm_mcmc_new(&w->mc, m->post, &o, &err), err);
    if (resume) {
        bm_assert_ok(bm_mcmc_state(w->mc, &io, &err), err);
        assert_int_equal(w->saved.at, w->saved.n);
    }
    bm_mcmc_pause(w->mc, &pause);
    st = bm_mcmc_warmup(w->mc, &err);
    if (st == BM_OK) st = bm_mcmc_run(w->mc, (size_t)o.draws, &sink, &done, &err);
    if (st < 0) print_error("%s\n", err.msg);
    assert_true(st >= 0);
    if (info && st == BM_OK) bm_assert_ok(bm_mcmc_report(w->mc, info, &err), err);
    else bm_mcmc_free(w->mc);
    return st;
}

static void world_new(world *w, const bm_model *m, const bm_fit_options *opt)
{
    *w = (world){ .nb = m->post->st->p, .nnat = m->post->th.nsd + m->post->th.ncor + m->post->th.has_sigma, .nu = m->post->nu, .steps = -1, .draws = (size_t)opt->draws };
    w->size = 1 + w->nb + w->nnat + w->nu;
    w->x = calloc(CHAINS * w->draws * w->size, sizeof *w->x);
}

static void world_free(world *w)
{
    free(w->x);
    free(w->saved.bytes);
}

/* ---- what must be the same ---- */

static bool same_numbers(const double *a, const double *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

static void assert_same(const example *e, long steps, const world *a, const bm_mcmc_info *x, const world *b, const bm_mcmc_info *y)
{
    size_t n = x->moments->nb + x->moments->nu;
    bool   same = same_numbers(a->x, b->x, CHAINS * a->draws * a->size);

    if (!same) print_error("%s, stopped after %ld steps: other draws\n", e->name, steps);
    assert_true(same);
    assert_string_equal(x->kernel, y->kernel);
    assert_int_equal(x->evaluations, y->evaluations);
    assert_int_equal(x->warmup_evaluations, y->warmup_evaluations);
    assert_int_equal(x->nratio, y->nratio);
    assert_true(same_numbers(x->log_ratio, y->log_ratio, x->nratio));
    assert_true(same_numbers(x->acceptance, y->acceptance, CHAINS));
    assert_true(same_numbers(&x->log_evidence, &y->log_evidence, 1));
    assert_true(same_numbers(&x->top_ratio, &y->top_ratio, 1));
    assert_true(same_numbers(x->moments->mean, y->moments->mean, n));
    assert_true(same_numbers(x->moments->mean2, y->moments->mean2, n));
    assert_true(same_numbers(x->moments->var, y->moments->var, n));
}

/* Stopped once, after 0, 1, 2, 4, 7, ... calls of progress, until a run comes to its end before. */
static void test_a_run_stopped_anywhere_and_continued_gives_the_same_bits(void **state)
{
    (void)state;
    for (size_t k = 0; k < NEXAMPLE; k++) {
        const example *e = &EXAMPLES[k];
        bm_fit_options opt = BM_FIT_OPTIONS_INIT;
        bm_model      *m = model_of(e, &opt);
        bm_mcmc_info   x, y;
        world          whole, cut;
        long           steps = 0;
        bm_status      st = BM_INTERRUPTED;

        world_new(&whole, m, &opt);
        assert_int_equal(go(&whole, m, &opt, false, INFINITY, &x), BM_OK);
        for (; st == BM_INTERRUPTED; steps += 1 + steps / 3) {
            world_new(&cut, m, &opt);
            cut.steps = steps;
            st = go(&cut, m, &opt, false, INFINITY, NULL);
            if (st == BM_INTERRUPTED) {
                assert_int_equal(cut.saves, 1);
                cut.steps = -1;
                assert_int_equal(go(&cut, m, &opt, true, INFINITY, &y), BM_OK);
                assert_same(e, steps, &whole, &x, &cut, &y);
                bm_mcmc_free(cut.mc);
            }
            world_free(&cut);
        }
        assert_true(steps > 6);
        bm_mcmc_free(whole.mc);
        world_free(&whole);
        bm_model_free(m);
    }
}

/* Saved as often as it goes, and stopped after every few steps. */
static void test_pauses_and_many_stops_change_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < NEXAMPLE; k++) {
        const example *e = &EXAMPLES[k];
        bm_fit_options opt = BM_FIT_OPTIONS_INIT;
        bm_model      *m = model_of(e, &opt);
        bm_mcmc_info   x, y;
        world          whole, cut, often;
        bm_status      st;

        world_new(&whole, m, &opt);
        world_new(&often, m, &opt);
        world_new(&cut, m, &opt);
        assert_int_equal(go(&whole, m, &opt, false, INFINITY, &x), BM_OK);
        assert_int_equal(go(&often, m, &opt, false, 0, &y), BM_OK);
        assert_true(often.saves > 3);
        assert_same(e, -1, &whole, &x, &often, &y);
        bm_mcmc_free(often.mc);
        cut.steps = 2;
        st = go(&cut, m, &opt, false, INFINITY, NULL);
        while (st == BM_INTERRUPTED) {
            cut.steps = 2;
            bm_mcmc_info now;
            st = go(&cut, m, &opt, true, INFINITY, &now);
            if (st == BM_OK) y = now;
        }
        assert_int_equal(st, BM_OK);
        assert_true(cut.saves > 0);
        assert_same(e, -2, &whole, &x, &cut, &y);
        bm_mcmc_free(cut.mc);
        bm_mcmc_free(whole.mc);
        world_free(&whole);
        world_free(&often);
        world_free(&cut);
        bm_model_free(m);
    }
}

static bm_status read_back(const world *w, const bm_model *m, const bm_fit_options *opt, size_t n, bm_error *err)
{
    tape      t = { .bytes = w->saved.bytes, .n = n };
    bm_state  io = { .reading = true, .self = &t, .move = from_tape };
    bm_mcmc  *mc = NULL;
    bm_status st;

    bm_assert_ok(bm_mcmc_new(&mc, m->post, opt, err), *err);
    st = bm_mcmc_state(mc, &io, err);
    bm_mcmc_free(mc);
    return st;
}

static void test_the_state_of_another_run_is_refused(void **state)
{
    const example  other = { "", "sleepstudy.csv", "Reaction ~ I(Days + 0.1 * Days^2) + (Days | Subject)", { { "seed", "3" } }, 60, 200, 3 };
    bm_fit_options opt = BM_FIT_OPTIONS_INIT, chains;
    bm_model      *m = model_of(&EXAMPLES[0], &opt), *m2 = model_of(&other, &chains);
    bm_error       err = { 0 }, err2 = { 0 }, err3 = { 0 };
    world          w;

    (void)state;
    world_new(&w, m, &opt);
    w.steps = 5;
    assert_int_equal(go(&w, m, &opt, false, INFINITY, NULL), BM_INTERRUPTED);
    bm_assert_ok(read_back(&w, m, &opt, w.saved.n, &err), err);
    assert_int_equal(read_back(&w, m2, &opt, w.saved.n, &err), BM_EINVAL);
    bm_assert_says(err, "other data, another model");
    chains = opt;
    chains.chains = 2;
    assert_int_equal(read_back(&w, m, &chains, w.saved.n, &err2), BM_EPARSE);
    for (size_t n = 0; n < w.saved.n; n += 1 + w.saved.n / 300) {                   /* cut short */
        bm_error e = { 0 };

        assert_int_equal(read_back(&w, m, &opt, n, &e), BM_EPARSE);
    }
    memset(w.saved.bytes, 0xff, w.saved.n);
    assert_int_equal(read_back(&w, m, &opt, w.saved.n, &err3), BM_EPARSE);
    world_free(&w);
    bm_model_free(m);
    bm_model_free(m2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_stopped_anywhere_and_continued_gives_the_same_bits),
        cmocka_unit_test(test_pauses_and_many_stops_change_nothing),
        cmocka_unit_test(test_the_state_of_another_run_is_refused),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
