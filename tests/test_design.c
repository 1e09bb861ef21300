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

/* ---- R's model.matrix on a small mixed table (tests/r/model_matrix_reference.R) ---- */

static void check_values(const char *formula, const bm_design *d, const char *values)
{
    bm_strv v = split(values, ' ');

    assert_int_equal(v.n, d->n * d->p);
    for (size_t i = 0; i < v.n; i++) {
        double want;

        assert_true(bm_parse_double(v.v[i], strlen(v.v[i]), &want));
        if (fabs(d->X[i] - want) > 1e-13 * fmax(1, fabs(want)))
            fail_msg("%s: column '%s' has %.17g in row %zu, R %.17g", formula, d->xnames[i / d->n], d->X[i], i % d->n, want);
    }
    bm_strv_free(&v);
}

static void check_names(const char *formula, const bm_design *d, const char *want)
{
    bm_strv names = split(want, ';');

    if (names.n != d->p) fail_msg("%s: %zu columns, R has %zu: %s", formula, d->p, names.n, want);
    for (size_t k = 0; k < d->p; k++)
        if (strcmp(names.v[k], d->xnames[k]) != 0) fail_msg("%s: column %zu is '%s', R has '%s'", formula, k, d->xnames[k],
                                                            names.v[k]);
    bm_strv_free(&names);
}

/* name=levels=effects=labels;... in lme4's order of groups, which is ours by name. */
static void check_lme4_groups(const char *formula, const bm_design *d, const char *want)
{
    bm_strv groups = split(want, ';');

    if (groups.n != d->nfac) fail_msg("%s: %zu groups, lme4 has %zu", formula, d->nfac, groups.n);
    for (size_t i = 0; i < groups.n; i++) {
        bm_strv         field = split(groups.v[i], '='), terms = split(field.v[2], '|'), labels = split(field.v[3], ',');
        const bm_group *g = find_group(d, field.v[0]);

        assert_non_null(g);
        assert_int_equal(g->J, labels.n);
        assert_int_equal(g->q, terms.n);
        for (size_t k = 0; k < terms.n; k++)
            assert_string_equal(g->znames[k], strcmp(terms.v[k], "(Intercept)") == 0 ? "Intercept" : terms.v[k]);
        for (size_t k = 0; k < labels.n; k++) assert_string_equal(g->levels[k], labels.v[k]);
        bm_strv_free(&field);
        bm_strv_free(&terms);
        bm_strv_free(&labels);
    }
    bm_strv_free(&groups);
}

static void check_against_r(const bm_field *v)
{
    char       *formula = bm_strndup(v[0].s, v[0].n), *contrast = bm_strndup(v[1].s, v[1].n), *n = bm_strndup(v[2].s, v[2].n);
    char       *names = bm_strndup(v[3].s, v[3].n), *values = bm_strndup(v[4].s, v[4].n), *groups = bm_strndup(v[5].s, v[5].n);
    bm_formula *f = parse(formula);
    bm_frame   *frame = read_frame("mixed.csv", f, NULL, NULL);
    bm_spec     spec = { .contrasts = { .v = &contrast, .n = 1 } };
    bm_design  *d;
    bm_error    err = { 0 };
    bm_status   st = bm_design_new(&d, &spec, f, frame, &err);

    if (st != BM_OK) fail_msg("%s: %s", formula, err.msg);
    assert_int_equal(d->n, atoi(n));
    check_names(formula, d, names);
    if (*values) check_values(formula, d, values);
    check_lme4_groups(formula, d, groups);
    bm_design_free(d);
    bm_frame_free(frame);
    bm_formula_free(f);
    free(formula);
    free(contrast);
    free(n);
    free(names);
    free(values);
    free(groups);
}

static void test_names_and_numbers_are_those_of_model_matrix_and_lme4(void **state)
{
    const char     *path = getenv("BM_MODEL_MATRIX");           /* a longer list, made by the same script */
    bm_csv         *csv;
    const bm_field *v;
    size_t          n, count = 0;
    bm_error        err = { 0 };

    (void)state;
    bm_assert_ok(bm_csv_open(&csv, path ? path : "tests/data/model_matrix.csv.gz", ',', &err), err);
    bm_assert_ok(bm_csv_next(csv, &v, &n, &err), err);
    for (;;) {
        bm_assert_ok(bm_csv_next(csv, &v, &n, &err), err);
        if (n == 0) break;
        assert_int_equal(n, 6);
        check_against_r(v);
        count++;
    }
    bm_csv_close(csv);
    assert_true(count >= 404);
}

/* ---- designs by hand ---- */

#define ONE(text) { .v = (char *[]){ (char[]){ text } }, .n = 1 }

/* The design of a formula on a table typed in; both are freed by the caller through done(). */
typedef struct { bm_formula *f; bm_frame *frame; bm_design *d; bm_error err; bm_status st; } made;

static made make(const char *formula, const char *csv, bm_spec spec)
{
    made m = { .f = parse(formula), .frame = frame_of(csv) };

    m.st = bm_design_new(&m.d, &spec, m.f, m.frame, &m.err);
    return m;
}

static made make_ok(const char *formula, const char *csv, bm_spec spec)
{
    made m = make(formula, csv, spec);

    bm_assert_ok(m.st, m.err);
    return m;
}

static void done(made *m)
{
    bm_design_free(m->d);
    bm_frame_free(m->frame);
    bm_formula_free(m->f);
}

static void assert_says(const char *formula, const char *csv, bm_spec spec, const char *text)
{
    made m = make(formula, csv, spec);

    assert_int_equal(m.st, BM_EINVAL);
    assert_null(m.d);
    if (!strstr(m.err.msg, text)) fail_msg("'%s': message '%s' does not contain '%s'", formula, m.err.msg, text);
    done(&m);
}

static void assert_column(const double *x, size_t n, const double *want)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != want[i]) fail_msg("row %zu is %.17g, not %.17g", i, x[i], want[i]);
}

static const char small[] = "y,x,f,g,h\n1,1,a,10,u\n3,2,b,2,v\n2,4,c,10,u\n7,3,a,9,v\n5,5,b,9,u\n6,6,c,2,v\n";

static void test_response_offset_and_moments_are_those_of_the_rows(void **state)
{
    made m = make_ok("log(y + 1) ~ x + offset(x / 2) + offset(y * 0)", small, (bm_spec){ 0 });

    (void)state;
    assert_string_equal(m.d->yname, "log(y + 1)");
    assert_int_equal(m.d->n, 6);
    bm_assert_near(m.d->y[3], log(8), 1e-15);
    assert_column(m.d->o, 6, (const double[]){ 0.5, 1, 2, 1.5, 2.5, 3 });
    bm_assert_near(m.d->ymean, (log(2) + log(4) + log(3) + log(8) + log(6) + log(7) - 10.5) / 6, 1e-14);
    assert_column(m.d->xmean, 2, (const double[]){ 1, 3.5 });
    bm_assert_near(m.d->xsd[1], sqrt(3.5), 1e-15);
    assert_true(m.d->xsd[0] == 0 && m.d->intercept == 0 && !m.d->w && !m.d->known_se);
    assert_string_equal(m.d->bnames[0], "b_Intercept");
    assert_string_equal(m.d->bnames[1], "b_x");
    done(&m);
}

static void test_groups_are_levels_that_occur_in_numeric_order(void **state)
{
    made            m = make_ok("y ~ 1 + (x | g)", small, (bm_spec){ 0 });
    const bm_group *g = m.d->fac;
    bm_buf          b = { 0 };

    (void)state;
    assert_int_equal(m.d->nfac, 1);
    assert_int_equal(g->J, 3);
    assert_string_equal(g->levels[0], "2");
    assert_string_equal(g->levels[1], "9");
    assert_string_equal(g->levels[2], "10");
    for (size_t i = 0; i < 6; i++) assert_int_equal(g->code[i], ((const int[]){ 2, 0, 2, 1, 1, 0 })[i]);
    assert_int_equal(g->q, 2);
    assert_int_equal(g->nblock, 1);
    assert_int_equal(g->block[0].size, 2);
    assert_column(g->Z, 6, (const double[]){ 1, 1, 1, 1, 1, 1 });
    assert_column(g->Z + 6, 6, (const double[]){ 1, 2, 4, 3, 5, 6 });
    bm_assert_near(g->zsd[1], sqrt(3.5), 1e-15);
    assert_true(g->zsd[0] == 1);
    bm_sd_name(&b, g, 1);
    bm_buf_putc(&b, ' ');
    bm_cor_name(&b, g, 0, 1);
    bm_buf_putc(&b, ' ');
    bm_ranef_name(&b, g, 2, 0);
    assert_string_equal(b.s, "sd_g__x cor_g__Intercept__x r_g[10,Intercept]");
    bm_buf_free(&b);
    done(&m);
}

static void test_nested_groups_are_the_outer_one_and_the_pairs_that_occur(void **state)
{
    made            m = make_ok("y ~ 1 + (1 | (h/(g)))", small, (bm_spec){ 0 });
    const bm_group *g;
    static const char *const want[] = { "u:9", "u:10", "v:2", "v:9" };

    (void)state;
    assert_int_equal(m.d->nfac, 2);
    assert_string_equal(m.d->fac[0].name, "h");
    g = &m.d->fac[1];
    assert_string_equal(g->name, "h:g");
    assert_int_equal(g->J, 4);
    for (size_t k = 0; k < 4; k++) assert_string_equal(g->levels[k], want[k]);
    for (size_t i = 0; i < 6; i++) assert_int_equal(g->code[i], ((const int[]){ 1, 2, 1, 3, 0, 2 })[i]);
    done(&m);
    m = make_ok("y ~ 1 + (1 | f/h/g)", small, (bm_spec){ 0 });
    assert_int_equal(m.d->nfac, 3);
    assert_string_equal(m.d->fac[1].name, "f:h");
    assert_string_equal(m.d->fac[2].name, "f:h:g");
    assert_string_equal(m.d->fac[2].levels[0], "a:u:10");
    done(&m);
}

static void test_terms_on_one_group_are_blocks_of_it(void **state)
{
    made            m = make_ok("y ~ x + (1 | g) + (1 | h) + (0 + x | g) + (0 + f || g)", small, (bm_spec){ 0 });
    const bm_group *g = m.d->fac;
    static const char *const names[] = { "Intercept", "x", "fa", "fb", "fc" };

    (void)state;
    assert_int_equal(m.d->nfac, 2);
    assert_int_equal(g->q, 5);
    assert_int_equal(g->nblock, 5);
    for (size_t k = 0; k < 5; k++) {
        assert_string_equal(g->znames[k], names[k]);
        assert_true(g->block[k].first == k && g->block[k].size == 1);
    }
    assert_string_equal(m.d->fac[1].name, "h");
    done(&m);
    m = make_ok("y ~ 1 + (x | g:h) + (0 + f | h:g)", small, (bm_spec){ 0 });
    assert_int_equal(m.d->nfac, 1);
    assert_string_equal(m.d->fac[0].name, "g:h");
    assert_int_equal(m.d->fac[0].nblock, 2);
    assert_true(m.d->fac[0].block[1].first == 2 && m.d->fac[0].block[1].size == 3);
    done(&m);
}

static void test_a_double_bar_separates_the_columns_of_a_factor_and_says_so(void **state)
{
    made m = make_ok("y ~ 1 + (x + f || g)", small, (bm_spec){ 0 });

    (void)state;
    assert_int_equal(m.d->fac[0].q, 4);
    assert_int_equal(m.d->fac[0].nblock, 4);
    assert_true(bm_strv_has(&m.d->notes,
                            "(x + f || g): the columns of the factor 'f' are uncorrelated too; lme4 keeps them correlated, one per level"));
    done(&m);
    m = make_ok("y ~ 1 + (x || g)", small, (bm_spec){ 0 });
    assert_int_equal(m.d->notes.n, 0);
    done(&m);
}

static void test_arithmetic_is_evaluated_row_by_row(void **state)
{
    static const struct { const char *term; double want[6]; } cases[] = {
        { "I((x - 1)^2)", { 0, 1, 9, 4, 16, 25 } },           { "abs(I(x) - 3)", { 2, 1, 1, 0, 2, 3 } },
        { "I(-x %% 4)", { 3, 2, 0, 1, 3, 2 } },               { "I(x %/% 2 + (x != 3))", { 1, 2, 3, 1, 3, 4 } },
        { "I(2 * (g == 10 | h == 'v'))", { 2, 2, 2, 2, 0, 2 } }, { "I((f != \"a\") + 1)", { 1, 2, 2, 1, 2, 2 } },
        { "I(-(x > 2 & x <= 5))", { 0, 0, -1, -1, -1, 0 } },  { "scale(x, center = 3, scale = -2)", { 1, 0.5, -0.5, 0, -1, -1.5 } },
        { "log(I(2^x), base = 2)", { 1, 2, 4, 3, 5, 6 } },    { "I(x + TRUE)", { 2, 3, 5, 4, 6, 7 } },
        { "scale(x, FALSE, FALSE)", { 1, 2, 4, 3, 5, 6 } },   { "I(!(x < 3) - 0 >= 1) ", { 0, 0, 1, 1, 1, 1 } },
    };
    const bm_spec spec = { .factors = ONE("g") };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[100];
        made m;

        snprintf(text, sizeof text, "y ~ %s", cases[i].term);
        m = make_ok(text, small, spec);
        assert_int_equal(m.d->p, 2);
        for (size_t k = 0; k < 6; k++) bm_assert_near(m.d->X[6 + k], cases[i].want[k], 1e-15);
        done(&m);
    }
}

static void test_a_group_can_be_a_numeric_predictor_too(void **state)
{
    made m = make_ok("y ~ g + (1 | g) + (1 | factor(x > 3))", small, (bm_spec){ 0 });

    (void)state;
    assert_int_equal(m.d->p, 2);
    assert_string_equal(m.d->xnames[1], "g");
    assert_string_equal(m.d->fac[0].levels[0], "2");
    assert_string_equal(m.d->fac[1].name, "factor(x > 3)");
    assert_string_equal(m.d->fac[1].levels[1], "TRUE");
    done(&m);
}

static void test_there_may_be_no_fixed_part_at_all(void **state)
{
    made m = make_ok("y ~ 0 + (1 | g)", small, (bm_spec){ 0 });

    (void)state;
    assert_int_equal(m.d->p, 0);
    assert_int_equal(m.d->intercept, -1);
    assert_int_equal(m.d->nfac, 1);
    done(&m);
}

static void test_settings_make_factors_order_levels_and_choose_contrasts(void **state)
{
    bm_strv factors = split("g", '|'), levels = split("f=c,a,b|h=v,\"u\"",
                                                      '|'), contrasts = split("sum|g=treatment|factor(x)=helmert", '|');
    made    m = make_ok("y ~ f + g + h", small, (bm_spec){ .factors = factors, .levels = levels, .contrasts = contrasts });
    static const char *const want[] = { "(Intercept)", "f1", "f2", "g9", "g10", "h1" };

    (void)state;
    assert_int_equal(m.d->p, 6);
    for (size_t k = 0; k < 6; k++) assert_string_equal(m.d->xnames[k], want[k]);
    assert_column(m.d->X + 6, 6, (const double[]){ 0, -1, 1, 0, -1, 1 });      /* f1: c 1, a 0, b -1 */
    assert_column(m.d->X + 30, 6, (const double[]){ -1, 1, -1, 1, -1, 1 });
    assert_true(bm_strv_has(&m.d->notes, "contrasts 'factor(x)=helmert' have no effect: the model has no factor 'factor(x)'"));
    done(&m);
    m = make_ok("y ~ x + factor(g) + factor(x)", "y,x,g\n1,1,1\n2,2,2\n4,3,3\n3,4,1\n5,1,2\n7,2,3\n",
                (bm_spec){ .contrasts = contrasts });
    assert_string_equal(m.d->xnames[2], "factor(g)2");
    assert_string_equal(m.d->xnames[4], "factor(x)1");
    done(&m);
    bm_strv_free(&levels);
    levels = split("g=10,9,2", '|');
    m = make_ok("y ~ g", small, (bm_spec){ .levels = levels });                 /* levels make a factor */
    assert_string_equal(m.d->xnames[1], "g9");
    done(&m);
    assert_says("y ~ f", small, (bm_spec){ .levels = ONE("f=a,b") }, "levels of 'f': the data have a level 'c' that is not listed");
    assert_says("y ~ f", small, (bm_spec){ .contrasts = ONE("summ") },
                "contrasts 'summ': 'summ' is not one of treatment, sum, helmert; did you mean 'sum'?");
    assert_says("y ~ f", small, (bm_spec){ .contrasts = ONE("f=poly") },
                "contrasts 'f=poly': 'poly' is not one of treatment, sum, helmert");
    assert_says("y ~ x", small, (bm_spec){ .contrasts = ONE("x=sum") },
                "contrasts 'x=sum': 'x' is not a factor; declare it one: --factor x");
    assert_says("y ~ factor(x)", small, (bm_spec){ .contrasts = ONE("factr(x)=sum") },
                "has no factor 'factr(x)'; did you mean 'factor(x)'?");
    bm_strv_free(&factors);
    bm_strv_free(&levels);
    bm_strv_free(&contrasts);
}

static void test_rows_with_missing_values_are_dropped_and_counted_per_variable(void **state)
{
    static const char csv[] = "y,x,f,g,w,o,unused\n1,1,a,1,1,0,NA\n2,NA,b,1,1,0,NA\n3,3,,2,1,0,NA\n5,2,a,2,NA,0,NA\n4,NA,b,NA,1,0,NA\n6,4,b,2,2,NA,NA\n"
                              "NA,1,a,1,1,0,NA\n8,1,b,1,1,0,NA\n9,2,a,2,3,1,NA\n";
    char  weights[] = "w";
    made  m = make_ok("y ~ x + f + offset(o) + (1 | g)", csv, (bm_spec){ .weights = weights });
    static const struct { const char *name; size_t n; } want[] = { { "y", 1 }, { "x", 2 }, { "f", 1 }, { "o", 1 }, { "g", 1 }, { "w", 1 } };

    (void)state;
    assert_int_equal(m.d->n_read, 9);
    assert_int_equal(m.d->n, 3);
    assert_true(m.d->row[0] == 0 && m.d->row[1] == 7 && m.d->row[2] == 8);
    assert_column(m.d->w, 3, (const double[]){ 1, 1, 3 });
    assert_int_equal(m.d->ndropped, 6);
    for (size_t k = 0; k < 6; k++) {
        assert_string_equal(m.d->dropped[k].name, want[k].name);
        assert_int_equal(m.d->dropped[k].n, want[k].n);
    }
    done(&m);
    assert_says("y ~ x + f", csv, (bm_spec){ .na_fail = true }, "'x' is missing in data row 2 (2 rows in all), and na is 'fail'");
    assert_says("y ~ x + I(y - y + unused)", csv, (bm_spec){ 0 },
                "no row is left: every one of the 9 has a missing value ('y' in 1, 'x' in 2, 'unused' in 9)");
}

static void test_a_frame_without_rows_is_refused(void **state)
{
    bm_frame   *frame;
    bm_design  *d;
    bm_spec     spec = { 0 };
    bm_formula *f = parse("y ~ 1");
    bm_error    err = { 0 };

    (void)state;
    bm_assert_ok(bm_frame_new(&frame, 0, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "y", NULL, &err), err);
    assert_int_equal(bm_design_new(&d, &spec, f, frame, &err), BM_EINVAL);
    bm_assert_says(err, "the data have no rows");
    bm_frame_free(frame);
    bm_formula_free(f);
}

static void test_levels_without_rows_are_dropped_also_when_missing_values_took_their_rows(void **state)
{
    made m = make_ok("y ~ f + (1 | g)", "y,f,g\n1,a,p\n2,b,q\n3,c,r\nNA,d,s\n4,a,q\n5,b,p\n7,c,r\n", (bm_spec){ 0 });

    (void)state;
    assert_int_equal(m.d->p, 3);
    assert_int_equal(m.d->fac[0].J, 3);
    done(&m);
}

static void test_scale_uses_all_rows_where_its_variable_is_there(void **state)
{
    made m = make_ok("y ~ scale(x) + z", "y,x,z\n1,1,1\n2,3,2\n4,NA,3\n3,8,NA\n5,4,1\n", (bm_spec){ 0 });

    (void)state;                                     /* mean 4, variance 26/3 over 1, 3, 8, 4, though 8 is not used */
    assert_int_equal(m.d->n, 3);
    bm_assert_near(m.d->X[3], -3 / sqrt(26.0 / 3), 1e-15);
    done(&m);
}

static void test_weights_and_standard_errors(void **state)
{
    static const char csv[] = "y,x,w,z,n,t\n1,1,2,1,1,a\n2,3,0.5,0,-1,b\n4,2,1,2,1,c\n";
    char  w[] = "w", z[] = "z", n[] = "n", t[] = "t", typo[] = "ww";
    made  m = make_ok("y ~ x", csv, (bm_spec){ .se = w });

    (void)state;
    assert_true(m.d->known_se);
    assert_column(m.d->w, 3, (const double[]){ 0.25, 4, 1 });
    done(&m);
    m = make_ok("y ~ x", csv, (bm_spec){ .weights = w });
    assert_false(m.d->known_se);
    assert_column(m.d->w, 3, (const double[]){ 2, 0.5, 1 });
    done(&m);
    assert_says("y ~ x", csv, (bm_spec){ .weights = z }, "weights: 'z' is 0 in data row 2; a weight is positive");
    assert_says("y ~ x", csv, (bm_spec){ .weights = n }, "weights: 'n' is -1 in data row 2");
    assert_says("y ~ x", csv, (bm_spec){ .se = z }, "se: 'z' is 0 in data row 2; a standard error is positive");
    assert_says("y ~ x", csv, (bm_spec){ .se = t }, "se: the column 't' is not numeric");
    assert_says("y ~ x", csv, (bm_spec){ .weights = typo }, "weights: the data have no column 'ww'; did you mean 'w'?");
    assert_says("y ~ x", csv, (bm_spec){ .weights = w, .se = w }, "weights and se are both given");
    assert_says("y ~ x", "y,x,s\n1,1,1\n2,3,1e-200\n", (bm_spec){ .se = (char[]){ "s" } },
                "se: 's' is 1e-200 in data row 2, which is out of range");
}

/* ---- messages ---- */

static void test_unknown_and_unfit_variables_are_named_with_their_place(void **state)
{
    (void)state;
    assert_says("y ~ xx + f", small, (bm_spec){ 0 }, "the data have no column 'xx'; did you mean 'x'?\n  y ~ xx + f\n      ^");
    assert_says("y ~ x + (1 | subject)", small, (bm_spec){ 0 }, "the data have no column 'subject'\n");
    assert_says("y ~ log(f)", small, (bm_spec){ 0 },
                "a number is needed here, but the column 'f' is not numeric: /tmp/bmixed-test-");
    assert_says("y ~ log(f)", small, (bm_spec){ 0 }, ":2 has 'a'\n  y ~ log(f)\n          ^");
    assert_says("y ~ x + f:log(factor(x))", small, (bm_spec){ 0 }, "a number is needed here, but factor() makes a factor");
    assert_says("y ~ log(g)", small, (bm_spec){ .factors = ONE("g") }, "the column 'g' is not numeric: it is declared a factor");
    assert_says("f ~ x", small, (bm_spec){ 0 }, "the response has to be numeric, but the column 'f' is not numeric");
    assert_says("factor(y) ~ x", small, (bm_spec){ 0 }, "the response has to be numeric, but factor(y) is a factor");
    assert_says("~ x", small, (bm_spec){ 0 }, "the response is missing: write response ~ terms");
    assert_says("y ~ x + offset(f)", small, (bm_spec){ 0 }, "an offset has to be numeric, but the column 'f' is not numeric");
    assert_says("y ~ x + offset(factor(x))", small, (bm_spec){ 0 }, "an offset has to be numeric, but factor(x) is a factor");
    assert_says("y ~ .", small, (bm_spec){ 0 }, "'.' is not expanded");
    assert_says("y ~ I(f == 'd')", small, (bm_spec){ 0 }, "the factor 'f' has no level 'd'");
    assert_says("y ~ I(f < 'b')", small, (bm_spec){ 0 }, "labels have no order here; 'f' can be compared by == and !=");
    assert_says("y ~ I(x == 'b')", small, (bm_spec){ 0 }, "a text can only be compared with a factor");
    assert_says("y ~ I('b' == x)", small, (bm_spec){ 0 }, "a text can only be compared with a factor");
    assert_says("y ~ log(x, base = -1)", small, (bm_spec){ 0 }, "the base of a logarithm is positive and not 1");
    assert_says("y ~ x + y", small, (bm_spec){ 0 }, "the response cannot be its own predictor");
    assert_says("y ~ x + (y | g)", small, (bm_spec){ 0 }, "the response cannot be its own predictor");
}

static void test_a_frame_in_memory_has_labels_instead_of_lines(void **state)
{
    bm_frame   *frame;
    bm_design  *d;
    bm_spec     spec = { 0 };
    bm_formula *f = parse("y ~ x");
    bm_error    err = { 0 };

    (void)state;
    bm_assert_ok(bm_frame_new(&frame, 2, &err), err);
    bm_assert_ok(bm_frame_add_factor(frame, "y", (const char *const[]){ "low", "high" }, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "x", (const double[]){ 1, 2 }, &err), err);
    assert_int_equal(bm_design_new(&d, &spec, f, frame, &err), BM_EINVAL);
    bm_assert_says(err, "the column 'y' is not numeric: it has the label 'high'");
    bm_frame_free(frame);
    bm_formula_free(f);
}

static void test_values_that_are_not_finite_are_named_with_their_row(void **state)
{
    static const char csv[] = "y,x,z\n1,1,2\n2,0,3\n3,2,-1\n4,5,1\n5,NA,-7\n";

    (void)state;
    assert_says("y ~ log(x)", csv, (bm_spec){ 0 }, "log(x) is -Inf in data row 2, where x = 0\n  y ~ log(x)\n      ^");
    assert_says("y ~ x + sqrt(z)", csv, (bm_spec){ 0 }, "sqrt(z) is NaN in data row 3, where z = -1");
    assert_says("y ~ I(z / x)", csv, (bm_spec){ 0 }, "I(z/x) is Inf in data row 2, where z = 3, x = 0");
    assert_says("log(x) ~ z", csv, (bm_spec){ 0 }, "log(x) is -Inf in data row 2, where x = 0");
    assert_says("y ~ z + offset(log(x))", csv, (bm_spec){ 0 }, "log(x) is -Inf in data row 2");
    assert_says("y ~ z + (log(x) | z)", csv, (bm_spec){ 0 }, "log(x) is -Inf in data row 2");
    assert_says("y ~ factor(log(x))", csv, (bm_spec){ 0 }, "factor(log(x)) is -Inf in data row 2");
    assert_says("y ~ scale(log(x))", csv, (bm_spec){ 0 }, "scale(log(x)) is NaN in data row 1");
    assert_says("y ~ I(x * 1e200):I(z * 1e200)", csv, (bm_spec){ 0 },
                "the column 'I(x * 1e+200):I(z * 1e+200)' overflows in data row 1");
    assert_says("y ~ x + offset(I(y * 1e308))", csv, (bm_spec){ 0 }, "I(y * 1e+308) is Inf in data row 2");
    assert_says("I(y * -4e307) ~ x + offset(I(y * 4e307))", csv, (bm_spec){ 0 },
                "the response minus the offset overflows in data row 3");
    assert_says("I(y * 3e307) ~ x", csv, (bm_spec){ 0 }, "the standard deviation of the response overflows");
}

static void test_an_infinite_number_in_memory_is_refused(void **state)
{
    bm_frame   *frame;
    bm_design  *d;
    bm_spec     spec = { 0 };
    bm_formula *f = parse("y ~ x");
    bm_error    err = { 0 };

    (void)state;
    bm_assert_ok(bm_frame_new(&frame, 3, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "y", (const double[]){ 1, 2, 4 }, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "x", (const double[]){ 1, 2, 3 }, &err), err);
    frame->col[1].num[2] = INFINITY;                 /* the room of data would not have taken it */
    assert_int_equal(bm_design_new(&d, &spec, f, frame, &err), BM_EINVAL);
    bm_assert_says(err, "the column 'x' is Inf in data row 3; it has to be a number");
    bm_frame_free(frame);
    bm_formula_free(f);
}

static void test_what_cannot_be_estimated_is_refused(void **state)
{
    static const char csv[] = "y,c,f,g,x\n1,2,a,p,1\n2,2,a,p,2\n4,2,a,p,3\n";

    (void)state;
    assert_says("y ~ x + f", csv, (bm_spec){ 0 },
                "the factor 'f' has only one level ('a') in the rows used: leave it out\n  y ~ x + f\n          ^");
    assert_says("y ~ x + (f | x)", csv, (bm_spec){ 0 }, "the factor 'f' has only one level");
    assert_says("y ~ x + (1 | g)", csv, (bm_spec){ 0 },
                "the group 'g' has only one level ('p') in the rows used: how levels vary cannot be estimated");
    assert_says("y ~ x + (1 | f:g)", csv, (bm_spec){ 0 }, "the group 'f:g' has only one level ('a:p')");
    assert_says("c ~ x", csv, (bm_spec){ 0 }, "the response c is constant (2 in all 3 rows): there is nothing to explain");
    assert_says("y ~ x", "y,x\n1,2\n", (bm_spec){ 0 }, "the response y is constant (1 in 1 row)");
    assert_says("y ~ offset(y)", csv, (bm_spec){ 0 }, "the response y minus the offset is constant (0 in all 3 rows)");
    assert_says("y ~ scale(c)", csv, (bm_spec){ 0 }, "scale() would divide by a standard deviation of 0: its argument is constant");
    assert_says("y ~ x + (0 | g)", csv, (bm_spec){ 0 }, "this random term has no effects");
    assert_says("y ~ 1 + (1 | x) + (c | x)", csv, (bm_spec){ 0 },
                "the group 'x' has the effect 'Intercept' twice; write (0 + x | g) in the second term\n  y ~ 1 + (1 | x) + (c | x)\n                       ^");
    assert_says("y ~ 1 + (c | x) + (0 + c | x)", csv, (bm_spec){ 0 },
                "the group 'x' has the effect 'c' twice; take it out of one of its terms");
    assert_says("y ~ 1 + (1 | x) + (1 | x/f)", "y,x,f\n1,1,a\n2,2,b\n3,1,b\n", (bm_spec){ 0 },
                "the group 'x' has the effect 'Intercept' twice");
}

/* n rows of y, f, h and z: f has a level per row, h k levels, z is i mod 7. */
static bm_frame *wide_frame(size_t n, size_t k)
{
    bm_frame    *frame;
    bm_error     err = { 0 };
    char        *text = malloc(2 * n * 16);
    const char **f = malloc(n * sizeof *f), **h = malloc(n * sizeof *h);
    double      *y = malloc(n * sizeof *y);

    assert_true(text && f && h && y);
    for (size_t i = 0; i < n; i++) {
        f[i] = text + 32 * i;
        h[i] = text + 32 * i + 16;
        sprintf(text + 32 * i, "L%zu", i);
        sprintf(text + 32 * i + 16, "H%zu", i % k);
        y[i] = (double)(i % 7);
    }
    bm_assert_ok(bm_frame_new(&frame, n, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "y", y, &err), err);
    bm_assert_ok(bm_frame_add_numeric(frame, "z", y, &err), err);
    bm_assert_ok(bm_frame_add_factor(frame, "f", f, &err), err);
    bm_assert_ok(bm_frame_add_factor(frame, "h", h, &err), err);
    free(text);
    free(f);
    free(h);
    free(y);
    return frame;
}

static void test_factors_with_too_many_levels_are_to_be_groups(void **state)
{
    static const struct { const char *formula, *says; } cases[] = {
        { "y ~ f", "the factor 'f' has 12000 levels, too many for separate coefficients; make it a group: (1 | f)" },
        { "y ~ z:factor(f)", "the factor 'factor(f)' has 12000 levels" },
        { "y ~ h * z", NULL },
        { "y ~ h + I(z == 1):h + I(z == 2):h + I(z == 3):h + I(z == 4):h", "the fixed part would have more than 5000 columns with the term" },
        { "y ~ z + (h | z)", "this random term would have more than 200 columns with the term h" },
        { "y ~ z + (1 | f) + (1 | f:h)", NULL },
    };
    bm_frame *frame = wide_frame(12000, 1300);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bm_formula *f = parse(cases[i].formula);
        bm_design  *d;
        bm_spec     spec = { 0 };
        bm_error    err = { 0 };
        bm_status   st = bm_design_new(&d, &spec, f, frame, &err);

        if (!cases[i].says) bm_assert_ok(st, err);
        else {
            assert_int_equal(st, BM_EINVAL);
            bm_assert_says(err, cases[i].says);
        }
        if (d && d->nfac == 2) assert_true(d->fac[0].J == 12000 && d->fac[1].J == 12000 && strcmp(d->fac[1].levels[2],
                                                                                                  "L10:H10") == 0);
        bm_design_free(d);
        bm_formula_free(f);
    }
    bm_frame_free(frame);
}

static void test_notes_name_what_the_data_cannot_tell(void **state)
{
    made m = make_ok("y ~ c + f:h + (c | g) + (1 | id)", "y,c,f,h,g,id\n1,2,a,u,p,1\n2,2,b,v,q,2\n4,2,a,u,q,3\n3,2,b,v,p,4\n",
                     (bm_spec){ 0 });

    (void)state;
    assert_true(bm_strv_has(&m.d->notes, "the column 'c' is constant (2): it cannot be told from the intercept"));
    assert_true(bm_strv_has(&m.d->notes, "the column 'fb:hu' is 0 in every row used: the data say nothing of its coefficient"));
    assert_true(bm_strv_has(&m.d->notes, "the effect 'c' of 'g' is constant: it acts as an intercept"));
    assert_true(bm_strv_has(&m.d->notes,
                            "the group 'id' has as many levels as there are rows: only the priors tell its sd and sigma apart"));
    assert_true(m.d->fac[0].zsd[1] == 1);
    done(&m);
    m = make_ok("y ~ 0 + c + (0 + I(c - 2) | g)", "y,c,g\n1,2,p\n2,2,q\n4,2,q\n", (bm_spec){ 0 });
    assert_true(bm_strv_has(&m.d->notes, "the column 'c' is constant (2)"));
    assert_true(bm_strv_has(&m.d->notes, "the effect 'I(c - 2)' of 'g' is 0 in every row: its sd is known from its prior only"));
    done(&m);
}

static void test_a_dot_leaves_grouping_variables_out_and_says_so(void **state)
{
    bm_formula *f = parse("y ~ . + (1 | g)");
    bm_frame   *frame = frame_of(small);
    bm_spec     spec = { 0 };
    bm_design  *d;
    bm_error    err = { 0 };

    (void)state;
    bm_assert_ok(bm_formula_expand_dot(f, (const char *const[]){ "y", "x", "f", "g", "h" }, 5, NULL, 0, &err), err);
    bm_assert_ok(bm_design_new(&d, &spec, f, frame, &err), err);
    assert_int_equal(d->p, 5);
    assert_true(bm_strv_has(&d->notes, "'.' does not stand for 'g', which is a grouping variable"));
    bm_design_free(d);
    bm_frame_free(frame);
    bm_formula_free(f);
}

/* More rows than a chunk, against numbers computed directly. */
static void test_rows_beyond_one_chunk_have_their_own_numbers(void **state)
{
    bm_frame   *frame = wide_frame(2000, 13);
    bm_formula *f = parse("y ~ I(z^2):h - 1 + (z | h:f)");
    bm_spec     spec = { 0 };
    bm_design  *d;
    bm_error    err = { 0 };

    (void)state;
    bm_assert_ok(bm_design_new(&d, &spec, f, frame, &err), err);
    assert_int_equal(d->p, 13);
    for (size_t k = 0; k < 13; k++)
        for (size_t i = 0; i < 2000; i++) {
            int level = atoi(strchr(d->xnames[k], 'h') + 2);

            assert_true(d->X[k * 2000 + i] == (i % 13 == (size_t)level ? (double)((i % 7) * (i % 7)) : 0));
        }
    for (size_t i = 0; i < 2000; i++) {
        char label[40];

        snprintf(label, sizeof label, "H%zu:L%zu", i % 13, i);
        assert_string_equal(d->fac[0].levels[d->fac[0].code[i]], label);
        assert_true(d->fac[0].Z[2000 + i] == (double)(i % 7));
    }
    bm_design_free(d);
    bm_frame_free(frame);
    bm_formula_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_reference_model_has_the_columns_rows_and_groups_that_r_has),
        cmocka_unit_test(test_names_and_numbers_are_those_of_model_matrix_and_lme4),
        cmocka_unit_test(test_response_offset_and_moments_are_those_of_the_rows),
        cmocka_unit_test(test_groups_are_levels_that_occur_in_numeric_order),
        cmocka_unit_test(test_nested_groups_are_the_outer_one_and_the_pairs_that_occur),
        cmocka_unit_test(test_terms_on_one_group_are_blocks_of_it),
        cmocka_unit_test(test_a_double_bar_separates_the_columns_of_a_factor_and_says_so),
        cmocka_unit_test(test_arithmetic_is_evaluated_row_by_row),
        cmocka_unit_test(test_a_group_can_be_a_numeric_predictor_too),
        cmocka_unit_test(test_there_may_be_no_fixed_part_at_all),
        cmocka_unit_test(test_settings_make_factors_order_levels_and_choose_contrasts),
        cmocka_unit_test(test_rows_with_missing_values_are_dropped_and_counted_per_variable),
        cmocka_unit_test(test_a_frame_without_rows_is_refused),
        cmocka_unit_test(test_levels_without_rows_are_dropped_also_when_missing_values_took_their_rows),
        cmocka_unit_test(test_scale_uses_all_rows_where_its_variable_is_there),
        cmocka_unit_test(test_weights_and_standard_errors),
        cmocka_unit_test(test_unknown_and_unfit_variables_are_named_with_their_place),
        cmocka_unit_test(test_a_frame_in_memory_has_labels_instead_of_lines),
        cmocka_unit_test(test_values_that_are_not_finite_are_named_with_their_row),
        cmocka_unit_test(test_an_infinite_number_in_memory_is_refused),
        cmocka_unit_test(test_what_cannot_be_estimated_is_refused),
        cmocka_unit_test(test_factors_with_too_many_levels_are_to_be_groups),
        cmocka_unit_test(test_notes_name_what_the_data_cannot_tell),
        cmocka_unit_test(test_a_dot_leaves_grouping_variables_out_and_says_so),
        cmocka_unit_test(test_rows_beyond_one_chunk_have_their_own_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
