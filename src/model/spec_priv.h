/* spec_priv.h: the table of a specification's keys, which setting, copying, reading and writing share. */
#ifndef BM_SPEC_PRIV_H
#define BM_SPEC_PRIV_H

#include "model/model.h"

typedef enum {
    BM_KEY_TEXT,             /* char *: replaced */
    BM_KEY_ADD,              /* bm_strv: one more */
    BM_KEY_SPLIT,            /* bm_strv: "a,b,c" adds three */
    BM_KEY_PAIR,             /* bm_strv: "COL=..." replaces that of the same column; contrasts also without a column */
    BM_KEY_NA_STRINGS,       /* bm_strv: "a,b,c" replaces all */
    BM_KEY_INT, BM_KEY_U64, BM_KEY_DOUBLE, BM_KEY_WORD,    /* options of fit */
    BM_KEY_NA, BM_KEY_DELIM
} bm_key_kind;

typedef struct {
    const char *name;        /* as on the command line */
    const char *json;        /* in a model file */
    bool        sampler;     /* there inside "sampler" */
    bm_key_kind kind;
    size_t      at;          /* offset in bm_spec */
    int         text;        /* index in bm_spec.text, -1: none */
    long long   lo, hi;
    const char *words;       /* BM_KEY_WORD: "auto|all|none", in the order of the enumeration */
} bm_key;

extern const bm_key bm_keys[];
extern const size_t bm_nkeys;

#endif
