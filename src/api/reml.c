/* reml.c: REML, ML and likelihood-ratio tests of models. */
#include "api/api.h"

#include <string.h>

bm_status bm_reml_run(bm_reml **out, const bm_model *m, const bm_reml_options *opt, bm_error *err)
{
    bm_reml  *r = NULL;
    bm_status st = bm_reml_fit_packed(&r, m->stats, m->post ? m->post->pk : NULL, m->design, opt, err);

    *out = NULL;
    if (st != BM_OK) return st;
    if ((m->spec->formula && !(r->formula = bm_strdup(m->spec->formula))) || (m->spec->data && !(r->data = bm_strdup(m->spec->data)))) {
        bm_reml_free(r);
        return bm_nomem(err);
    }
    *out = r;
    return BM_OK;
}

bm_status bm_reml_print(const bm_reml *r, FILE *out, const bm_print_options *opt, bm_error *err)
{
    return bm_report_reml(r, out, opt, err);
}

bm_status bm_reml_write(const bm_reml *r, const char *dir, const bm_write_options *opt, bm_error *err)
{
    static const bm_write_options defaults = BM_WRITE_OPTIONS_INIT;

    return bm_report_reml_dir(r, dir, opt ? opt : &defaults, err);
}

bm_status bm_anova_run(bm_anova **out, const bm_model *a, const bm_model *b, const bm_reml_options *opt, bm_error *err)
{
    bm_anova_side one = { a->stats, a->design, a->spec->formula }, two = { b->stats, b->design, b->spec->formula };

    *out = NULL;
    if ((a->held || b->held) && strcmp(a->frame->hash, b->frame->hash) != 0)
        return bm_fail(err, BM_EINVAL, "the models are of different data, or these have changed in between: their likelihoods cannot be compared");
    return bm_anova_fit(out, &one, &two, opt, err);
}

bm_status bm_anova_print(const bm_anova *a, FILE *out, const bm_print_options *opt, bm_error *err)
{
    return bm_report_anova(a, out, opt, err);
}
