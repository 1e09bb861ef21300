/* warmup.h: private to this room. */
#ifndef BM_WARMUP_H
#define BM_WARMUP_H

#include "fit/mcmc_priv.h"

bm_status bm_warmup(bm_mcmc *s, bm_error *err);

#endif
