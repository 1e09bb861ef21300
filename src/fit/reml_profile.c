/* reml_profile.c: profile-likelihood intervals. */
#include "fit/reml_priv.h"
bm_status bm_reml_profile(bm_reml *r, const bm_stats *st, const bm_design *d, double level, bm_error *err)
{
    (void)r; (void)st; (void)d; (void)level; (void)err;
    return BM_OK;
}
