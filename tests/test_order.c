/* The order of elimination of the levels of several factors: it is an order, and the numbers of connected levels are those of eliminating level by level
 * with everything written out. */
#include "testing.h"

#include "posterior/joint.h"

enum { MOST = 4, ROWS = 300 };

typedef struct { size_t nfac, J[MOST], spread; } shape;    /* spread: how many neighbouring levels a row's level is drawn from; 0: all */

static const shape SHAPES[] = {
    { 2, { 1, 3 }, 0 },       { 2, { 40, 7 }, 0 },         { 2, { 60, 50 }, 2 },       { 2, { 100, 90 }, 4 },    { 3, { 30, 20, 10 }, 0 },
    { 3, { 50, 80, 20 }, 2 }, { 4, { 20, 40, 60, 5 }, 1 }, { 4, { 30, 30, 30, 30 }, 3 }, { 2, { 150, 149 }, 1 },
};
enum { NSHAPE = sizeof SHAPES / sizeof *SHAPES };

/* Statistics with the pattern of random rows, and what bm_joint_order expects to find in j. */
static bm_stats *make(const shape *s, uint64_t seed, bm_joint *j)
{
    double    y[ROWS], Z[ROWS];
    int32_t   code[MOST][ROWS];
    bm_block  block = { 0, 1 };
    bm_group  g[MOST];
    bm_design d = { .n = ROWS, .y = y, .intercept = -1, .nfac = s->nfac, .fac = g };
    bm_stats *st;
    bm_rng    r;

    bm_rng_key(&r, seed, 0, 0);
    for (size_t i = 0; i < ROWS; i++) {
        y[i] = bm_rng_normal(&r);
        Z[i] = 1;
    }
    *j = (bm_joint){ .nfac = s->nfac, .base = calloc(MOST + 1, sizeof(size_t)) };
    for (size_t k = 0; k < s->nfac; k++) {
        size_t J = s->J[k];

        for (size_t i = 0; i < ROWS; i++) code[k][i] = (int32_t)(s->spread ? (i * J / ROWS + bm_rng_u64(&r) % s->spread) % J : bm_rng_u64(&r) % J);
        for (size_t l = 0; l < J; l++) code[k][l * ROWS / J] = (int32_t)l;               /* every level occurs */
        g[k] = (bm_group){ .name = (char *)"g", .q = 1, .J = J, .Z = Z, .code = code[k], .nblock = 1, .block = &block };
        j->base[k + 1] = j->base[k] + J;
    }
    j->N = j->nv = j->base[s->nfac];
    j->place = calloc(j->N, sizeof *j->place);
    j->fac = calloc(j->N, sizeof *j->fac);
    j->lev = calloc(j->N, sizeof *j->lev);
    assert_int_equal(bm_stats_new(&st, &d, NULL), BM_OK);
    return st;
}

/* connected[place]: rows of each column of the factor, by elimination in a full table of who is connected with whom. */
static void eliminate(const bm_joint *j, const bm_stats *st, size_t *connected)
{
    size_t N = j->N;
    bool  *A = calloc(N * N, sizeof *A);

    for (size_t k = 0; k < j->nfac; k++)
        for (size_t l = 0; l < j->nfac; l++) {
            const bm_cross *c = bm_stats_cross(st, k, l);

            for (size_t a = 0; k != l && a < c->J; a++)
                for (size_t e = c->ptr[a]; e < c->ptr[a + 1]; e++) A[j->place[j->base[k] + a] * N + j->place[j->base[l] + c->lev[e]]] = true;
        }
    for (size_t i = 0; i < N; i++) {
        connected[i] = 1;
        for (size_t a = i + 1; a < N; a++) {
            if (!A[i * N + a]) continue;
            connected[i]++;
            for (size_t b = i + 1; b < N; b++) A[a * N + b] |= A[i * N + b];
        }
    }
    free(A);
}

static size_t check(const shape *s, uint64_t seed, bool constrained)
{
    bm_joint  j;
    bm_stats *st = make(s, seed, &j);
    size_t   *height = calloc(j.N, sizeof *height), *connected = calloc(j.N, sizeof *connected), total = 0;
    bool     *taken = calloc(j.N, sizeof *taken);

    assert_int_equal(bm_joint_order(&j, st, constrained, height), BM_OK);
    for (size_t id = 0; id < j.N; id++) {
        size_t i = j.place[id];

        assert_true(i < j.N && !taken[i]);
        taken[i] = true;
        assert_int_equal(j.base[j.fac[i]] + j.lev[i], id);
    }
    eliminate(&j, st, connected);
    for (size_t i = 0; i < j.N; i++) {
        assert_int_equal(height[i], connected[i]);
        total += height[i];
    }
    free(taken);
    free(connected);
    free(height);
    bm_stats_free(st);
    free(j.base);
    free(j.place);
    free(j.fac);
    free(j.lev);
    return total;
}

static void test_connected_levels_are_those_of_eliminating_one_by_one(void **state)
{
    (void)state;
    for (size_t k = 0; k < NSHAPE; k++)
        for (uint64_t seed = 1; seed <= 5; seed++)
            for (int constrained = 0; constrained < 2; constrained++) check(&SHAPES[k], seed, constrained);
}

/* Levels of the larger of two factors have no fill among themselves when they come first. */
static void test_the_larger_factor_first_makes_no_fill_there(void **state)
{
    const shape wide = { 2, { 100, 10 }, 0 };
    bm_joint    j;
    bm_stats   *st = make(&wide, 3, &j);
    size_t      height[110];

    (void)state;
    assert_int_equal(bm_joint_order(&j, st, true, height), BM_OK);
    for (size_t a = 0; a < 100; a++) {
        const bm_cross *c = bm_stats_cross(st, 0, 1);

        assert_true(height[j.place[a]] <= 1 + c->ptr[a + 1] - c->ptr[a]);
    }
    bm_stats_free(st);
    free(j.base);
    free(j.place);
    free(j.fac);
    free(j.lev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connected_levels_are_those_of_eliminating_one_by_one),
        cmocka_unit_test(test_the_larger_factor_first_makes_no_fill_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
