/* design_names.c: the names of group-level parameters, in brms's shape: sd_GROUP__TERM, cor_GROUP__A__B, r_GROUP[level,term]. */
#include "model/model.h"

void bm_sd_name(bm_buf *b, const bm_group *g, size_t i)
{
    bm_buf_printf(b, "sd_%s__%s", g->name, g->znames[i]);
}

void bm_cor_name(bm_buf *b, const bm_group *g, size_t i, size_t j)
{
    bm_buf_printf(b, "cor_%s__%s__%s", g->name, g->znames[i], g->znames[j]);
}

void bm_ranef_name(bm_buf *b, const bm_group *g, size_t level, size_t i)
{
    bm_buf_printf(b, "r_%s[%s,%s]", g->name, g->levels[level], g->znames[i]);
}
