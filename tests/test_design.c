/* Designs against R: names and sizes of published fits, numbers of model.matrix, codings by hand, every message. */
#include "design_fixture.h"

/* ---- the models of the REML references ---- */

enum { MODEL, DATA, FORMULA, FACTORS, CONTRASTS, WEIGHTS, N_OBS, GROUPS, NAMES, NFIELDS };

/* Columns of X that do not depend on those before them: what lm and lmer keep (modified Gram-Schmidt, tolerance as R's qr, 1e-7). */
static bool *independent_columns(const bm_design *d)
{
    bool   *keep = bm_alloc(d->p, sizeof *keep);
    double *Q = bm_alloc(d->n * d->p, sizeof *Q);

    assert_true(keep && Q);
    for (size_t k = 0; k < d->p; k++) {
        double *q = Q + k * d->n, before, after;

        memcpy(q, d->X + k * d->n, d->n * sizeof *q);
        before = sqrt(bm_dot(d->n, q, q));
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < k; j++) {
                const double *e = Q + j * d->n;
                double        c = keep[j] ? bm_dot(d->n, q, e) : 0;

                for (size_t i = 0; i < d->n && keep[j]; i++) q[i] -= c * e[i];
            }
        after = sqrt(bm_dot(d->n, q, q));
        keep[k] = after > 1e-7 * before;
        for (size_t i = 0; i < d->n && keep[k]; i++) q[i] /= after;
    }
    free(Q);
    return keep;
}

static void check_fixef_names(const char *model, const bm_design *d, const char *want)
{
    bm_strv names = split(want, '|');
    bool   *keep = independent_columns(d);
    size_t  k = 0;

    for (size_t j = 0; j < d->p; j++) {
        if (!keep[j]) continue;
        if (k >= names.n || strcmp(names.v[k], d->xnames[j]) != 0)
            fail_msg("%s: column %zu is '%s', R has '%s'", model, k, d->xnames[j], k < names.n ? names.v[k] : "none");
        k++;
    }
    if (k != names.n) fail_msg("%s: %zu columns, R has %zu", model, k, names.n);
    bm_strv_free(&names);
    free(keep);
}

/* The group with these components in whatever order: lme4 calls a/b b:a. */
static const bm_group *find_group(const bm_design *d, const char *name)
{
    bm_strv         parts = split(name, ':');
    const bm_group *found = NULL;

    for (size_t g = 0; g < d->nfac && !found; g++) {
        bm_strv have = split(d->fac[g].name, ':');
        bool    same = have.n == parts.n;

        for (size_t k = 0; k < have.n && same; k++) same = bm_strv_has(&parts, have.v[k]);
        if (same) found = &d->fac[g];
        bm_strv_free(&have);
    }
    bm_strv_free(&parts);
    return found;
}

/* "Worker=6=(Intercept)|MachineB;..." */
static void check_groups(const char *model, const bm_design *d, const char *want)
{
    bm_strv groups = split(want, ';');

    if (groups.n != d->nfac) fail_msg("%s: %zu groups, lme4 has %zu", model, d->nfac, groups.n);
    for (size_t i = 0; i < groups.n; i++) {
        bm_strv         field = split(groups.v[i], '=');
        const bm_group *g = find_group(d, field.v[0]);
        bm_strv         terms = split(field.n > 2 ? field.v[2] : "", '|');

        if (!g) fail_msg("%s: no group %s", model, field.v[0]);
        if (g->J != (size_t)atoi(field.v[1])) fail_msg("%s: group %s has %zu levels, lme4 %s", model, g->name, g->J, field.v[1]);
        if (terms.n) assert_int_equal(g->q, terms.n);
        for (size_t k = 0; k < terms.n; k++)
            assert_string_equal(g->znames[k], strcmp(terms.v[k], "(Intercept)") == 0 ? "Intercept" : terms.v[k]);
        bm_strv_free(&field);
        bm_strv_free(&terms);
    }
    bm_strv_free(&groups);
}

static void check_model(const bm_field *v)
{
    char       *text[NFIELDS];
    bm_spec     spec = { 0 };
    bm_design  *d;
    bm_error    err = { 0 };
    bm_formula *f;
    bm_frame   *frame;
    bm_strv     contrasts;

    for (int k = 0; k < NFIELDS; k++) text[k] = bm_strndup(v[k].s, v[k].n);
    f = parse(text[FORMULA]);
    spec.factors = split(text[FACTORS], '|');
    contrasts = split(text[CONTRASTS], '|');
    spec.contrasts = contrasts;
    if (*text[WEIGHTS]) spec.weights = text[WEIGHTS];
    frame = read_frame(text[DATA], f, &spec.factors, text[WEIGHTS]);
    bm_assert_ok(*text[FORMULA] == '~' ? bm_design_rhs(&d, &spec, f, frame, &err) : bm_design_new(&d, &spec, f, frame, &err), err);
    if (d->n != (size_t)atoi(text[N_OBS])) fail_msg("%s: %zu rows, R has %s", text[MODEL], d->n, text[N_OBS]);
    check_fixef_names(text[MODEL], d, text[NAMES]);
    check_groups(text[MODEL], d, text[GROUPS]);
    bm_design_free(d);
    bm_frame_free(frame);
    bm_formula_free(f);
    bm_strv_free(&spec.factors);
    bm_strv_free(&contrasts);
    for (int k = 0; k < NFIELDS; k++) free(text[k]);
}

static void test_every_reference_model_has_the_columns_rows_and_groups_that_r_has(void **state)
{
    bm_csv         *csv;
    const bm_field *v;
    size_t          n, models = 0;
    bm_error        err = { 0 };

    (void)state;
    bm_assert_ok(bm_csv_open(&csv, "tests/data/fixef_names.csv", ',', &err), err);
    bm_assert_ok(bm_csv_next(csv, &v, &n, &err), err);
    for (;;) {
        bm_assert_ok(bm_csv_next(csv, &v, &n, &err), err);
        if (n == 0) break;
        assert_int_equal(n, NFIELDS);
        check_model(v);
        models++;
    }
    bm_csv_close(csv);
    assert_int_equal(models, 153);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_reference_model_has_the_columns_rows_and_groups_that_r_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
