/* fuzz_formula.c: any text as a formula. What parses prints as a formula that parses to the same, before and after "." is expanded. */
#include "fuzz.h"

#include "model/model.h"

static void print(const bm_formula *f, bm_buf *b)
{
    bm_error err = { 0 };

    fuzz_must(bm_formula_print(f, b, &err) == BM_OK, "%s", err.msg);
}

static void same_names(const char *const *a, size_t na, const char *const *b, size_t nb)
{
    fuzz_must(na == nb, "%zu names, then %zu", na, nb);
    for (size_t i = 0; i < na; i++) fuzz_must(strcmp(a[i], b[i]) == 0, "'%s', then '%s'", a[i], b[i]);
}

static void check_round_trip(const bm_formula *f)
{
    bm_buf             a = { 0 }, b = { 0 };
    bm_formula        *g;
    bm_error           err = { 0 };
    size_t             nf, ng;
    const char *const *vf, *const *vg;

    print(f, &a);
    if (a.n > 60000) goto done;                      /* near the longest text that is taken: quoting may have made it longer */
    fuzz_must(bm_formula_parse(&g, a.s, &err) == BM_OK, "'%s' does not parse: %s", a.s, err.msg);
    print(g, &b);
    fuzz_must(strcmp(a.s, b.s) == 0, "'%s' prints as '%s'", a.s, b.s);
    vf = bm_formula_vars(f, &nf);
    vg = bm_formula_vars(g, &ng);
    same_names(vf, nf, vg, ng);
    vf = bm_formula_group_vars(f, &nf);
    vg = bm_formula_group_vars(g, &ng);
    same_names(vf, nf, vg, ng);
    bm_formula_free(g);
done:
    bm_buf_free(&a);
    bm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const columns[] = { "y", "x", "a b", "g", "if", "h", "`" }, *const except[] = { "w" };
    char                    *text = fuzz_text(data, size);
    bm_formula              *f;
    bm_error                 err = { 0 };
    bm_status                st = bm_formula_parse(&f, text, &err);

    if (st != BM_OK) {
        fuzz_refused(st, &err);
        fuzz_must(!f, "a formula and a failure");
    } else {
        check_round_trip(f);
        st = bm_formula_expand_dot(f, columns, 7, except, 1, &err);
        if (st != BM_OK) fuzz_refused(st, &err);
        else {
            check_round_trip(f);
            if ((st = bm_formula_match(f, columns, 7, &err)) != BM_OK) fuzz_refused(st, &err);
        }
    }
    bm_formula_free(f);
    free(text);
    return 0;
}
