/* geweke_priv.h: what the chains of Geweke's test (geweke.c) hand to its verdicts (geweke_result.c). */
#ifndef BM_GEWEKE_PRIV_H
#define BM_GEWEKE_PRIV_H

#include "api/sbc_priv.h"

#include <pthread.h>

enum { BM_GEWEKE_MOVES = 20, BM_GEWEKE_FEWEST = 20 };    /* moves of theta to a transition; chains that a verdict needs */

typedef struct { bm_move move; const char *name, *heading, *word; } bm_geweke_move;
extern const bm_geweke_move bm_geweke_moves[BM_GEWEKE_KERNELS];

typedef enum { BM_GEWEKE_NOT_RUN, BM_GEWEKE_COUNTED, BM_GEWEKE_FAILED } bm_geweke_outcome;

typedef struct {
    const bm_model          *m;
    const bm_geweke_options *opt;
    const bm_basis          *basis;
    bm_quantities            q;
    size_t                   nref, nkernel;
    int                      kernel[BM_GEWEKE_KERNELS];
    double                  *ref;            /* q.n x nref, each sorted */
    double                  *normal, *distance;      /* nref + 1 each: scores of a rank, and of its distance from the middle one */
    double                  *score;          /* reps x nkernel x q.n x 2: means over a chain of both */
    bm_geweke_outcome       *outcome;        /* reps x nkernel */
    char                   (*message)[256];  /* nkernel: the first failure */
    bm_error                *why;            /* per worker: a failure of ours */
    uint64_t                 done, refused;
    pthread_mutex_t          lock;           /* of message */
} bm_geweke_job;

/* Verdicts on every kernel that was run, and what was asked for; g: zeroed. BM_ENUMERIC: too few chains came to an end. */
bm_status bm_geweke_result(bm_geweke *g, const bm_geweke_job *j, bm_error *err);

#endif
