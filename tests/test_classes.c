/* Groups that share their Z'WZ, evaluated by class, against the kernels that take them one by one. */
#include "testing.h"

#include "posterior/posterior_priv.h"

enum { J = 2003, KINDS = 5 };

typedef struct { bm_stats st; bm_facstat f; bm_packed *pk; double T[16], beta[4], Rinv[16]; } setting;

/* J groups with A = H H' from KINDS different H (positive definite), B and c at random. */
static void make(setting *s, size_t q, size_t p, size_t kinds, uint64_t seed)
{
    bm_rng   r;
    bm_error err = { 0 };

    bm_rng_key(&r, seed, q, p);
    *s = (setting){ .f = { .J = J, .q = q, .p = p, .A = calloc(J * q * q, sizeof(double)), .B = calloc(J * q * p + 1, sizeof(double)), .c = calloc(J * q, sizeof(double)) } };
    for (size_t j = 0; j < J; j++) {
        double H[16];
        bm_rng kind;

        bm_rng_key(&kind, seed, 77, j * 7 % kinds);
        bm_rng_normals(&kind, H, q * q);
        for (size_t b = 0; b < q; b++)
            for (size_t a = 0; a < q; a++)
                for (size_t l = 0; l < q; l++) s->f.A[j * q * q + a + b * q] += 3 * H[a + l * q] * H[b + l * q];
    }
    bm_rng_normals(&r, s->f.B, J * q * p);
    bm_rng_normals(&r, s->f.c, J * q);
    bm_rng_normals(&r, s->T, q * q);
    bm_rng_normals(&r, s->beta, 4);
    bm_rng_normals(&r, s->Rinv, 16);
    for (size_t b = 0; b < p; b++)
        for (size_t a = 0; a < b; a++) s->Rinv[a + b * p] = 0;
    s->st = (bm_stats){ .n = 1000, .p = p, .nfac = 1, .fac = &s->f };
    bm_assert_ok(bm_packed_new(&s->pk, &s->st, &err), err);
}

static void drop(setting *s)
{
    bm_packed_free(s->pk);
    free(s->f.A);
    free(s->f.B);
    free(s->f.c);
}

static void compare(setting *s, const bm_classes *k, const char *what)
{
    size_t  q = s->f.q, p1 = s->f.p + 1;
    double  SF[2][25] = { { 0 } }, G[2][16] = { { 0 } }, log_M[2], *scratch = aligned_alloc(64, (s->pk->scratch * sizeof *scratch + 63) / 64 * 64),
            part[32];
    bm_pack *pack = &s->pk->fac[0];
    bm_team  team = { 1, 0, scratch, part };

    print_message("q = %zu, p = %zu, %s\n", q, s->f.p, what);
    log_M[0] = bm_blocks_eval(pack, &team, s->T, SF[0]);
    log_M[1] = bm_classes_eval(k, s->T, SF[1], scratch);
    bm_assert_near(log_M[1], log_M[0], 1e-12);
    for (size_t b = 0; b < p1; b++)
        for (size_t a = b; a < p1; a++) assert_true(fabs(SF[1][a + b * p1] - SF[0][a + b * p1]) <= 1e-11 * (fabs(SF[0][p1 * p1 - 1]) + fabs(SF[0][a + b * p1])));
    for (int ml = 0; ml < 2; ml++) {
        memset(G, 0, sizeof G);
        bm_blocks_gradient(pack, &team, s->T, s->beta, ml ? NULL : s->Rinv, 1.3, G[0]);
        bm_classes_gradient(k, s->T, s->beta, ml ? NULL : s->Rinv, 1.3, G[1], scratch);
        for (size_t i = 0; i < q * q; i++) assert_true(fabs(G[1][i] - G[0][i]) <= 1e-10 * (1 + fabs(G[0][i])));
    }
    free(scratch);
}

static void test_classes_give_what_the_groups_one_by_one_give(void **state)
{
    (void)state;
    for (size_t q = 1; q <= 4; q++)
        for (size_t p = 0; p <= 3; p++) {
            setting s;

            make(&s, q, p, q > 2 && p > 1 ? 2 : KINDS, 11);
            if (!s.pk->fac[0].classes) {
                assert_true(q * p > 3);                           /* too dear there: the groups one by one cost less */
                drop(&s);
                continue;
            }
            compare(&s, s.pk->fac[0].classes, "as packed");
            drop(&s);
        }
}

/* Another response, as the factor-wise sampler has one in every sweep. */
static void test_a_new_response_replaces_the_old_one(void **state)
{
    (void)state;
    for (size_t q = 1; q <= 2; q++) {
        setting     s, t;
        bm_rng      r;
        bm_classes *k;

        make(&s, q, 2, KINDS, 12);
        make(&t, q, 2, KINDS, 12);
        assert_non_null(k = bm_classes_share(s.pk->fac[0].classes));
        bm_rng_key(&r, 5, 5, 5);
        bm_rng_normals(&r, t.f.c, J * q);
        bm_classes_response(k, s.f.B, t.f.c);
        bm_packed_free(t.pk);
        t.pk = NULL;
        bm_error err = { 0 };
        bm_assert_ok(bm_packed_new(&t.pk, &t.st, &err), err);
        compare(&t, k, "another response");
        compare(&s, s.pk->fac[0].classes, "the old one is as it was");
        bm_classes_unshare(k);
        drop(&s);
        drop(&t);
    }
}

static void test_different_groups_make_no_classes(void **state)
{
    setting s;

    (void)state;
    make(&s, 1, 1, 120, 13);
    assert_null(s.pk->fac[0].classes);
    drop(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes_give_what_the_groups_one_by_one_give),
        cmocka_unit_test(test_a_new_response_replaces_the_old_one),
        cmocka_unit_test(test_different_groups_make_no_classes),
    };

    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
