/* warmup.h: private to this room. */
#ifndef BM_WARMUP_H
#define BM_WARMUP_H

#include "fit/mcmc_priv.h"

enum { BM_MIXTURE_UP_TO = 12 };                      /* dimensions of theta; beyond, independence proposals die */

bm_status bm_warmup(bm_mcmc *s, bm_error *err);

#endif
