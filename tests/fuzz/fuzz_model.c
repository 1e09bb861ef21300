/* fuzz_model.c: any bytes as a model file. What reads is written as JSON that reads back to the same JSON. */
#include "fuzz.h"

#include "model/model.h"

static bm_status read_spec(bm_spec **out, const void *bytes, size_t n, bm_error *err)
{
    fuzz_file f = fuzz_file_new(bytes, n);
    bm_status st = bm_spec_read(out, f.path, err);

    fuzz_file_remove(&f);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bm_spec  *s = NULL, *t = NULL;
    bm_buf    a = { 0 }, b = { 0 };
    bm_error  err = { 0 };
    bm_status st = read_spec(&s, data, size, &err);

    if (st != BM_OK) {
        fuzz_refused(st, &err);
        fuzz_must(!s, "a specification and a failure");
        return 0;
    }
    fuzz_must(bm_spec_json(s, &a, &err) == BM_OK, "%s", err.msg);
    fuzz_must(read_spec(&t, a.s, a.n, &err) == BM_OK, "%s\ndoes not read back: %s", a.s, err.msg);
    free(t->path);                                   /* both were read in the same place */
    t->path = bm_strdup(s->path);
    fuzz_must(bm_spec_json(t, &b, &err) == BM_OK, "%s", err.msg);
    fuzz_must(strcmp(a.s, b.s) == 0, "%s\nis written as\n%s", a.s, b.s);
    bm_spec_free(s);
    bm_spec_free(t);
    bm_buf_free(&a);
    bm_buf_free(&b);
    return 0;
}
