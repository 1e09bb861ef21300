/* sbc_priv.h: what simulation-based calibration and Geweke's test share. Private to this room. */
#ifndef BM_SBC_PRIV_H
#define BM_SBC_PRIV_H

#include "api/api.h"

/* ---- quantities (sbc_quantities.c) ---- */

typedef struct {
    enum { BM_Q_PARAMETER, BM_Q_LOG_LIK, BM_Q_EFFECT, BM_Q_SCALED, BM_Q_CELL } kind;
    size_t      at, sd;                  /* index of the parameter, the effect, or the row; of the effect's sd among the parameters */
    char       *name;
    const char *meaning;
} bm_quantity;

typedef struct { const bm_model *m; size_t n, cap; bm_quantity *v; } bm_quantities;

bm_status bm_quantities_new(bm_quantities *q, const bm_model *m, bm_error *err);
void      bm_quantities_free(bm_quantities *q);
/* out (n) at y, parameters (as bm_draw_prior orders them) and group effects. */
void      bm_quantities_at(const bm_quantities *q, const double *y, const double *value, const double *u, double *out);

/* Every parameter (flat_coefficients: but for coefficients) must have a prior from which it can be drawn: else BM_EINVAL, which names it and a prior to give
 * (sbc_prior.c). */
bm_status bm_check_simulable(const bm_model *m, const char *what, bool flat_coefficients, bm_error *err);

/* The model of a simulated response. BM_ENUMERIC: it is beyond double precision, which the response alone decides; *out is made or NULL either way, and the
 * caller's to free. */
bm_status bm_simulated_model(bm_model **out, const bm_model *m, const bm_basis *basis, const double *y, bm_error *err);

#endif
