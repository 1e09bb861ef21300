/* Statistics from portions of the rows in one sum or merged from several, against statistics of all rows at once: another algorithm for the same numbers. */
#include "stats_compare.h"

typedef struct { size_t n, p, nfac, q[3], J[3]; bool weights, offset; } shape;

typedef struct { bm_design d; bm_group g[3]; } table;

static double *normals(bm_rng *r, size_t n)
{
    double *x = malloc((n + 1) * sizeof *x);

    bm_rng_normals(r, x, n);
    return x;
}

static void table_new(table *t, const shape *s, uint64_t seed)
{
    bm_rng r;

    bm_rng_key(&r, seed, 1, 2);
    *t = (table){ .d = { .n = s->n, .p = s->p, .nfac = s->nfac, .fac = NULL, .y = normals(&r, s->n), .X = normals(&r, s->n * s->p) } };
    if (s->weights) {
        t->d.w = normals(&r, s->n);
        for (size_t i = 0; i < s->n; i++) t->d.w[i] = exp(t->d.w[i]);
    }
    if (s->offset) t->d.o = normals(&r, s->n);
    for (size_t i = 0; s->p && i < s->n; i++) t->d.X[i] = 1;
    for (size_t k = 0; k < s->nfac; k++) {
        t->g[k] = (bm_group){ .J = s->J[k], .q = s->q[k], .Z = normals(&r, s->n * s->q[k]), .code = malloc(s->n * sizeof(int32_t)) };
        for (size_t i = 0; i < s->n; i++) {
            t->g[k].code[i] = (int32_t)(i < s->J[k] ? s->J[k] - 1 - i : bm_rng_u64(&r) % s->J[k]);
            t->g[k].Z[i] = 1;
        }
    }
    t->d.fac = t->g;
}

static void table_free(table *t)
{
    free(t->d.y);
    free(t->d.X);
    free(t->d.w);
    free(t->d.o);
    for (size_t k = 0; k < t->d.nfac; k++) {
        free(t->g[k].Z);
        free(t->g[k].code);
    }
}

static double *cut(const double *x, size_t n, size_t m, size_t first, size_t rows)
{
    double *y = malloc((rows * m + 1) * sizeof *y);

    for (size_t k = 0; x && k < m; k++) memcpy(y + k * rows, x + k * n + first, rows * sizeof *y);
    if (x) return y;
    free(y);
    return NULL;
}

/* Codes in the order of first sight, as a reader of a stream counts them. */
static int32_t *first_sight(const bm_group *g, size_t n, int32_t *order)
{
    int32_t *code = malloc(n * sizeof *code), *seen = malloc(g->J * sizeof *seen), J = 0;

    for (size_t j = 0; j < g->J; j++) seen[j] = -1;
    for (size_t i = 0; i < n; i++) {
        int32_t *s = &seen[g->code[i]];

        if (*s < 0) {
            *s = J;
            order[J++] = g->code[i];
        }
        code[i] = *s;
    }
    free(seen);
    return code;
}

/* Rows first .. end, in portions. Codes are those of the whole table. */
static bm_accum *sums_of(const bm_design *d, int32_t *const *code, size_t first, size_t end, size_t rows)
{
    bm_accum *a;
    bm_error  err = { 0 };
    size_t    q[3] = { 0 }, upto[3] = { 0 };

    for (size_t k = 0; k < d->nfac; k++) q[k] = d->fac[k].q;
    bm_assert_ok(bm_accum_new(&a, d->p, d->nfac, q, &err), err);
    for (size_t i = first; i < end; i += rows) {
        size_t    m = end - i < rows ? end - i : rows;
        bm_group  g[3];
        bm_design part = { .n = m, .p = d->p, .nfac = d->nfac, .fac = g, .y = cut(d->y, d->n, 1, i, m), .X = cut(d->X, d->n, d->p, i, m),
                           .w = cut(d->w, d->n, 1, i, m), .o = cut(d->o, d->n, 1, i, m) };

        for (size_t k = 0; k < d->nfac; k++) {
            g[k] = (bm_group){ .name = "g", .q = q[k], .Z = cut(d->fac[k].Z, d->n, q[k], i, m), .code = code[k] + i };
            for (size_t r = 0; r < m; r++)
                if ((size_t)code[k][i + r] >= upto[k]) upto[k] = (size_t)code[k][i + r] + 1;
            g[k].J = upto[k];
        }
        bm_assert_ok(bm_accum_add(a, &part, &err), err);
        for (size_t k = 0; k < d->nfac; k++) free(g[k].Z);
        free(part.y);
        free(part.X);
        free(part.w);
        free(part.o);
    }
    return a;
}

/* The whole in `shards` pieces, summed apart and merged, each with codes of its own: levels in the order of first sight in the piece. */
static bm_stats *in_portions(const bm_design *d, size_t rows, size_t shards)
{
    bm_accum *all = NULL;
    bm_stats *s;
    bm_error  err = { 0 };
    size_t    J[3], known[3] = { 0 };
    int32_t  *order[3], *place[3];                   /* order: level of each code of the whole; place: code of each level, -1 */

    for (size_t k = 0; k < d->nfac; k++) {
        J[k] = d->fac[k].J;
        order[k] = malloc(J[k] * sizeof **order);
        place[k] = malloc(J[k] * sizeof **place);
        for (size_t j = 0; j < J[k]; j++) place[k][j] = -1;
    }
    for (size_t i = 0; i < shards; i++) {
        size_t    first = i * d->n / shards, end = (i + 1) * d->n / shards;
        int32_t  *code[3], *level[3], *map[3];
        size_t    upto[3] = { 0 };

        for (size_t k = 0; k < d->nfac; k++) {
            bm_group piece = d->fac[k];

            level[k] = malloc(J[k] * sizeof **level);
            map[k] = malloc(J[k] * sizeof **map);
            code[k] = malloc(d->n * sizeof **code);
            piece.code += first;
            int32_t *seen = first_sight(&piece, end - first, level[k]);
            memcpy(code[k] + first, seen, (end - first) * sizeof *seen);
            for (size_t r = 0; r < end - first; r++)
                if ((size_t)seen[r] >= upto[k]) upto[k] = (size_t)seen[r] + 1;
            free(seen);
            for (size_t j = 0; j < upto[k]; j++) {
                int32_t *at = &place[k][level[k][j]];

                if (*at < 0) {
                    order[k][known[k]] = level[k][j];
                    *at = (int32_t)known[k]++;
                }
                map[k][j] = *at;
            }
        }
        bm_accum *a = sums_of(d, code, first, end, rows);
        if (!all) all = a;
        else {
            bm_assert_ok(bm_accum_merge(all, a, (const int32_t *const *)map, known, &err), err);
            bm_accum_free(a);
        }
        for (size_t k = 0; k < d->nfac; k++) {
            free(code[k]);
            free(level[k]);
            free(map[k]);
        }
    }
    bm_assert_ok(bm_accum_end(all, (const int32_t *const *)order, J, &s, &err), err);
    bm_accum_free(all);
    for (size_t k = 0; k < d->nfac; k++) {
        free(order[k]);
        free(place[k]);
    }
    return s;
}

static void compare(const bm_design *d, double tol)
{
    static const size_t rows[] = { 1, 7, 64, 1000000 };
    bm_stats *want;
    bm_error  err = { 0 };

    bm_assert_ok(bm_stats_new(&want, d, &err), err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t shards = 1; shards < 6; shards += 2) {
            bm_stats *got = in_portions(d, rows[i], shards);

            same_stats(got, want, tol);
            bm_stats_free(got);
        }
    }
    bm_stats_free(want);
}

static void test_portions_give_the_statistics_of_the_whole(void **state)
{
    static const shape shapes[] = { { 200, 3, 1, { 2 }, { 10 }, false, false }, { 200, 3, 1, { 2 }, { 10 }, true, true }, { 300, 5, 2, { 3, 2 }, { 20, 6 }, true, false },
                                    { 150, 1, 1, { 1 }, { 40 }, false, false }, { 240, 4, 3, { 1, 2, 1 }, { 12, 5, 30 }, false, true },
                                    { 100, 0, 1, { 1 }, { 5 }, false, false }, { 120, 4, 0, { 0 }, { 0 }, true, false } };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (uint64_t seed = 1; seed <= 5; seed++) {
            table t;

            table_new(&t, &shapes[i], seed);
            compare(&t.d, 1e-11);
            table_free(&t);
        }
}

/* Units of 1e9 and 1e-9, a large constant in the response, predictors far from their means. */
static void test_portions_in_any_units(void **state)
{
    static const double unit[] = { 1e9, 1e-9 };
    const shape         s = { 300, 3, 1, { 2 }, { 15 }, false, false };

    (void)state;
    for (size_t u = 0; u < 2; u++) {
        table t;

        table_new(&t, &s, 20 + u);
        for (size_t i = 0; i < s.n; i++) {
            t.d.y[i] += 1e9;
            t.d.X[i + s.n] *= unit[u];
            t.d.X[i + 2 * s.n] += 1e5;
            t.g[0].Z[i + s.n] = t.d.X[i + s.n];
        }
        compare(&t.d, 1e-9);                         /* 1e5 means from the mean: five digits are gone with either */
        table_free(&t);
    }
}

/* The first rows say little of the last: sorted by a predictor, constant for long, then far away. */
static void test_portions_of_sorted_rows(void **state)
{
    const shape s = { 400, 4, 1, { 2 }, { 8 }, false, false };

    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        table t;

        table_new(&t, &s, 40 + (uint64_t)kind);
        for (size_t i = 0; i < s.n; i++) {
            double *x = t.d.X + s.n + i, *z = x + s.n, *v = z + s.n;

            if (kind == 0) *x = (double)i * (double)i;
            if (kind == 1) *x = i < 200 ? 5 : 5 + *x;
            if (kind == 2) *x = i < 200 ? *x : 1e6 + *x;
            if (kind == 3) {                         /* nearly collinear, but not in the first half */
                double far = i < 200 ? 0 : 1e4 * *v;

                *x += far;
                *z += far;
            }
            if (kind == 4) *v = i < 390 ? *x + *z : *v;                 /* a column that depends on others almost to the end */
            t.g[0].Z[i + s.n] = *x;
            t.d.y[i] += 3 * *x;
        }
        compare(&t.d, 1e-9);
        table_free(&t);
    }
}

static void test_portions_tell_dependent_columns(void **state)
{
    const shape s = { 200, 5, 1, { 3 }, { 8 }, true, false };
    table       t;

    (void)state;
    table_new(&t, &s, 70);
    for (size_t i = 0; i < s.n; i++) {
        t.d.X[i + 2 * s.n] = 2 + 3 * t.d.X[i + s.n];
        t.d.X[i + 4 * s.n] = 0;
        t.g[0].Z[i + 2 * s.n] = t.g[0].Z[i + s.n] - 1;
    }
    compare(&t.d, 1e-10);
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_portions_give_the_statistics_of_the_whole),
        cmocka_unit_test(test_portions_in_any_units),
        cmocka_unit_test(test_portions_of_sorted_rows),
        cmocka_unit_test(test_portions_tell_dependent_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
