/* design_stream_priv.h: a design whose rows come in portions: between design_stream.c (the plan, the rows), design_stream_levels.c (the levels of groups as
 * they come) and design_stream_end.c (all that is known when no more come). */
#ifndef BM_DESIGN_STREAM_PRIV_H
#define BM_DESIGN_STREAM_PRIV_H

#include "model/design_priv.h"

typedef struct {
    bm_interned  value;           /* of a variable that is no column: its values (as bits) */
    int32_t     *code;            /* rows at hand */
} bm_component;

typedef struct {
    int32_t     *of;              /* one component that is a column: the group's code + 1 of the column's, 0 where it has not occurred */
    size_t       n_of;
    int32_t     *column;          /* and back */
    size_t       cap;
    size_t       J;
    bm_interned *pair;            /* several: (code so far) << 32 | (code of the next component), for each after the first */
    int32_t     *order;           /* at the end */
    bm_running  *z;
} bm_level_set;

struct bm_design_stream {
    bm_recipe     r;
    bm_design    *d;              /* names, notes; at the end all that is known without rows */
    bm_design     part;
    size_t        room;           /* rows that the buffers of part hold */
    double       *e;
    size_t       *q;
    bm_component *var;            /* r.nvar */
    bm_level_set *level;          /* per group */
    bm_running   *x, y;
    const char  **column;         /* per input: its name in the head */
    size_t       *missing;
    int32_t     **order;
};

/* The codes of variable k, which is a component of a group, for the rows at hand. */
bm_status bm_component_codes(bm_design_stream *s, size_t k, bm_error *err);
/* Codes (in the order of first sight) and J of group k in s->part. */
bm_status bm_group_codes(bm_design_stream *s, size_t k, bm_error *err);
void      bm_level_set_clear(bm_level_set *l, size_t ncomp);

#endif
