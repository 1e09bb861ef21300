/* design_stream_priv.h: a design whose rows come in portions: between design_stream.c (the plan, the rows), design_stream_levels.c (the levels of groups as
 * they come), design_survey.c (what the first rows do not tell) and design_stream_end.c (all that is known when no more come). */
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

/* An input that is a factor and no group: labels as they come. */
typedef struct {
    bool   on;
    size_t n;                     /* codes whose labels are known to variables and comparisons */
    bool  *seen;                  /* n: in a complete row */
} bm_watch;

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
    bm_hash       left_out, print_y, print_w, print_o;
    const char  **column;         /* per input: its name in the head */
    size_t       *missing;
    bm_watch     *watch;          /* per input */
    char          waits[300];     /* why there will be no design; else "" */
    int32_t     **order;
};

/* The codes of variable k, which is a component of a group, for the rows at hand. */
bm_status bm_component_codes(bm_design_stream *s, size_t k, bm_error *err);
/* Codes (in the order of first sight) and J of group k in s->part. */
bm_status bm_group_codes(bm_design_stream *s, size_t k, bm_error *err);
void      bm_level_set_clear(bm_level_set *l, size_t ncomp);
/* The number of a value in the order of first sight; name: of the variable. */
bm_status bm_value_code(bm_interned *value, double x, const char *name, int32_t *code, bm_error *err);

/* ---- design_survey.c ---- */

bm_status bm_watch_new(bm_design_stream *s, bm_error *err);
/* Labels that these rows are the first to have. */
bm_status bm_watch_labels(bm_design_stream *s, const bm_frame *rows, bm_error *err);
/* Does every factor of the fixed part and of the effects have the levels of the plan? If not, the stream waits from here on. */
bm_status bm_watch_levels(bm_design_stream *s, const bm_frame *rows, bm_error *err);
/* At the end: levels that --levels lists and no complete row has. */
bm_status bm_watch_end(bm_design_stream *s, bm_error *err);
/* Rows of a stream that waits. */
bm_status bm_survey_rows(bm_design_stream *s, const bm_frame *rows, bm_error *err);
/* The levels of a variable of the plan, before the rows. */
bm_status bm_plan_levels(bm_recipe *r, size_t k, bm_error *err);

/* ---- design_stream_end.c ---- */

/* The order of a column's labels: that of --levels, else the usual one. */
bm_status bm_stream_rank(const bm_design_stream *s, const bm_column *c, int32_t *rank, bm_error *err);

#endif
