/* posterior_priv.h: shared by the files of this room only. */
#ifndef BM_POSTERIOR_PRIV_H
#define BM_POSTERIOR_PRIV_H

#include "posterior/kernel.h"
#include "posterior/posterior.h"

struct bm_packed {
    size_t   nfac;
    bm_pack *fac;
    size_t   scratch;     /* doubles the kernels want */
};

#endif
