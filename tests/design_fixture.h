/* design_fixture.h: for tests of formulas and designs: a table from CSV, a specification by hand, a design from both. */
#ifndef BM_DESIGN_FIXTURE_H
#define BM_DESIGN_FIXTURE_H

#include "model/model.h"
#include "testing.h"

#include <unistd.h>

static inline bm_formula *parse(const char *text)
{
    bm_formula *f;
    bm_error    err = { 0 };

    bm_assert_ok(bm_formula_parse(&f, text, &err), err);
    return f;
}

/* A list of the parts of s between separators; empty text gives none. */
static inline bm_strv split(const char *s, char sep)
{
    bm_strv  v = { 0 };
    bm_error err = { 0 };

    while (*s) {
        const char *e = strchr(s, sep);
        size_t      n = e ? (size_t)(e - s) : strlen(s);

        bm_assert_ok(bm_strv_addf(&v, &err, "%.*s", (int)n, s), err);
        s += n + (e != NULL);
    }
    return v;
}

/* tests/data/NAME or, where that is compressed, NAME.gz: the columns of the formula, its groups and the given factors as factors. */
static inline bm_frame *read_frame(const char *name, const bm_formula *f, const bm_strv *factors, const char *weights)
{
    char               path[200];
    size_t             nvars, ngroups;
    const char *const *vars = bm_formula_vars(f, &nvars), *const *groups = bm_formula_group_vars(f, &ngroups);
    bm_strv            asked = { 0 }, want = { 0 };
    bm_read_options    opt = { 0 };
    bm_source         *s;
    bm_frame          *frame;
    bm_error           err = { 0 };

    snprintf(path, sizeof path, "tests/data/%s", name);
    if (access(path, R_OK) != 0) snprintf(path, sizeof path, "tests/data/%s.gz", name);
    for (size_t i = 0; i < nvars; i++) bm_assert_ok(bm_strv_add(&want, vars[i], &err), err);
    if (weights && *weights) bm_assert_ok(bm_strv_add(&want, weights, &err), err);
    for (size_t i = 0; i < ngroups; i++) bm_assert_ok(bm_strv_add(&asked, groups[i], &err), err);
    for (size_t i = 0; factors && i < factors->n; i++)
        if (bm_strv_has(&want, factors->v[i]) && !bm_strv_has(&asked, factors->v[i])) bm_assert_ok(bm_strv_add(&asked,
                                                                                                               factors->v[i], &err), err);
    opt.factors = (const char *const *)asked.v;
    opt.nfactors = asked.n;
    bm_assert_ok(bm_source_open(&s, path, &opt, &err), err);
    bm_assert_ok(bm_source_read(s, &frame, (const char *const *)want.v, want.n, &err), err);
    bm_source_close(s);
    bm_strv_free(&asked);
    bm_strv_free(&want);
    return frame;
}

/* A table typed into a test: "x,f\n1,a\n2,b\n". */
static inline bm_frame *frame_of(const char *csv)
{
    char            path[] = "/tmp/bmixed-test-XXXXXX";
    int             fd = mkstemp(path);
    size_t          n;
    bm_read_options opt = { 0 };
    bm_source      *s;
    bm_frame       *frame;
    bm_error        err = { 0 };

    assert_true(fd >= 0);
    assert_int_equal(write(fd, csv, strlen(csv)), (ssize_t)strlen(csv));
    close(fd);
    bm_assert_ok(bm_source_open(&s, path, &opt, &err), err);
    const char *const *names = bm_source_names(s, &n);
    bm_assert_ok(bm_source_read(s, &frame, names, n, &err), err);
    bm_source_close(s);
    unlink(path);
    return frame;
}

#endif
