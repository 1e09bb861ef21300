/* calibration.h: what checks of the sampler by simulated data found: `bmixed sbc` and `bmixed geweke`. Filled by api, shown by this room. */
#ifndef BM_CALIBRATION_H
#define BM_CALIBRATION_H

#include "draws/draws.h"
#include "model/model.h"

typedef enum { BM_CALIBRATED, BM_CALIBRATION_WATCH, BM_NOT_CALIBRATED } bm_calibration_level;

/* ---- simulation-based calibration ---- */

/* One quantity: the ranks of its true values. */
typedef struct {
    char                *name, *meaning;
    double               p;              /* of the empirical distribution function, over all its points */
    double               bias, spread;   /* of the ranks, in standard errors: see bm_rank_scores */
    bm_calibration_level level;
    char                 verdict[160];
} bm_sbc_row;

struct bm_sbc {
    const bm_spec   *spec;               /* of the model, which must outlive this; design and priors too */
    const bm_design *design;
    const bm_priors *priors;
    const bm_frame  *frame;
    size_t           asked, done;        /* data sets; those that came before the first one that was interrupted */
    size_t           counted, refused, failed, slow;   /* of done: with ranks; beyond double precision; sampler failed; of counted: few effective draws */
    char             refusal[256], failure[256];       /* the first message of each */
    int              L;                  /* draws that each truth is ranked among */
    double           thin;               /* iterations per kept draw, mean over the data sets */
    double           alpha;              /* chance of a false alarm over all quantities */
    uint64_t         seed;
    const char      *sampler;
    char             kernel[256];        /* of the first data set */
    size_t           nrow;
    bm_sbc_row      *row;
    int             *rank;               /* done x nrow; -1: not counted */
    double          *truth;              /* done x nrow */
    size_t           K, *lo, *hi, *lo95, *hi95;        /* bands of the counts: as the verdict takes them, and 95 % for one quantity */
    bool             interrupted;
    double           seconds;
};

bm_calibration_level bm_sbc_level(const bm_sbc *s);
/* How many counted ranks of a quantity lie in the first k + 1 of K cells. */
void      bm_sbc_counts(const bm_sbc *s, size_t row, size_t *count);
bm_status bm_report_sbc(const bm_sbc *s, FILE *out, const bm_print_options *opt, bm_error *err);
bm_status bm_report_sbc_dir(const bm_sbc *s, const char *dir, const bm_write_options *opt, const bm_plots *picture, bm_error *err);
bm_status bm_report_sbc_check(const char *dir, bool force, bm_error *err);
/* The picture (plot_ecdf.c). */
bm_status bm_report_sbc_plot(bm_plots **out, const bm_sbc *s, const bm_plot_options *opt, bm_error *err);

/* ---- Geweke's test ---- */

enum { BM_GEWEKE_KERNELS = 6 };

/* One quantity under one kernel: how far its normal scores lie from those of the joint distribution, in standard errors. */
typedef struct {
    double               location, spread;   /* of the mean score of ranks, and of that of their distances from the middle */
    double               p;                  /* of the larger one, two-sided */
    bm_calibration_level level;
} bm_geweke_cell;

typedef struct {
    const char          *name, *heading, *word;   /* in words; short; for JSON */
    size_t               counted, failed;    /* chains */
    char                 failure[256];       /* the first message */
    bm_geweke_cell      *cell;               /* nrow */
    bm_calibration_level level;
} bm_geweke_kernel;

struct bm_geweke {
    const bm_spec   *spec;                   /* of the model, which must outlive this; design and priors too */
    const bm_design *design;
    const bm_priors *priors;
    const bm_frame  *frame;
    size_t           asked, done, steps, moves, reference;   /* chains per kernel; transitions, moves in each; draws of the joint distribution to compare with */
    double           alpha;
    uint64_t         seed;
    size_t           refused;                /* responses beyond double precision, drawn again */
    size_t           nkernel, nrow;
    bm_geweke_kernel kernel[BM_GEWEKE_KERNELS];
    char           **name;                   /* nrow */
    const char     **meaning;
    bool             interrupted;
    double           seconds;
};

bm_status bm_report_geweke(const bm_geweke *g, FILE *out, const bm_print_options *opt, bm_error *err);

#endif
