/* cholmod_lib.h: CHOLMOD, loaded by the first model whose levels it orders. Private to this room. */
#ifndef BM_CHOLMOD_LIB_H
#define BM_CHOLMOD_LIB_H

#include "base/base.h"

#include <cholmod.h>

typedef struct {
    int             (*start)(cholmod_common *);
    int             (*finish)(cholmod_common *);
    cholmod_sparse *(*allocate_sparse)(size_t, size_t, size_t, int, int, int, int, cholmod_common *);
    int             (*free_sparse)(cholmod_sparse **, cholmod_common *);
    cholmod_sparse *(*aat)(cholmod_sparse *, int *, size_t, int, cholmod_common *);
    cholmod_sparse *(*copy)(cholmod_sparse *, int, int, cholmod_common *);
    cholmod_factor *(*analyze)(cholmod_sparse *, cholmod_common *);
    int             (*free_factor)(cholmod_factor **, cholmod_common *);
} bm_cholmod;

/* NULL after a message. */
const bm_cholmod *bm_cholmod_load(bm_error *err);

#endif
