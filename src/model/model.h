/* model: formula grammar, design matrices, priors, model files. Knows nothing of sampling. */
#ifndef BM_MODEL_H
#define BM_MODEL_H

#include "data/data.h"

/* ---- specification (spec.c: settings and text; spec_json.c: model files) ---- */

enum { BM_SPEC_WORDS = 11 };             /* keys whose value is one word */

struct bm_spec {
    char   *path;                        /* the model file it came from, or NULL */
    char   *name, *title, *description, *source;   /* free text */
    char   *formula, *data, *family;     /* family: "gaussian" */
    char   *weights, *se;                /* column names or NULL */
    bm_strv priors;                      /* "TARGET ~ DIST(args)", later ones win over earlier ones with the same target */
    bm_strv factors;                     /* column names */
    bm_strv levels;                      /* "COL=a,b,c", labels with commas or quotes quoted as in CSV; one per column */
    bm_strv contrasts;                   /* "treatment" | "sum" | "helmert" | "COL=sum" */
    bm_strv na_strings;                  /* empty: "NA" and the empty cell */
    bool    na_fail;
    char    delim;                       /* 0: sniff */
    bm_fit_options fit;
    char    text[BM_SPEC_WORDS][BM_NUMBER_MAX];   /* na, delim and the options of fit as they were typed ("": unset), for bm_spec_get */
};
/* The labels of "a,b,c", RFC 4180 quotes undone. */
/* What --levels says of this column, for bm_levels_split, or NULL. Names may contain '='. */
const char *bm_spec_levels(const bm_spec *s, const char *column);
bm_status bm_levels_split(bm_strv *out, const char *text, bm_error *err);
bm_status bm_spec_copy(bm_spec **out, const bm_spec *s, bm_error *err);
/* JSON of the specification (spec_write.c): what bm_spec_read reads back to an equal one, from the directory of s->path if it has one, else from
 * the working directory. */
bm_status bm_spec_json(const bm_spec *s, bm_buf *out, bm_error *err);
/* The way back from n bytes that need not be a file's: path is for messages. */
bm_status bm_spec_parse(bm_spec **out, const char *json, size_t n, const char *path, bm_error *err);
/* The first key in which the two ask for different draws, or NULL; where the data lie, how many threads there are, and what the model is called
 * make no difference. Values as text into a and b. */
const char *bm_spec_difference(const bm_spec *s, const bm_spec *t, bm_buf *a, bm_buf *b);

/* NULL where text is JSON; else why it is not, and at which byte (json_scan.c). cJSON does not say whether it was the text or memory that failed it. */
const char *bm_json_scan(const char *text, size_t *at);

/* ---- formula (formula_parse.c, formula_terms.c) ---- */

typedef struct bm_formula bm_formula;
/* Errors carry the formula and a caret line under the place. "." is kept until bm_formula_expand_dot. A formula without a left side
 * parses, but only bm_design_rhs takes it. */
bm_status   bm_formula_parse(bm_formula **out, const char *text, bm_error *err);
/* Replaces "." by the columns of the data that are not in the response (nor weights, se: `except`), nor grouping variables. */
bm_status   bm_formula_expand_dot(bm_formula *f, const char *const *columns, size_t n, const char *const *except, size_t nexcept, bm_error *err);
/* Variable names used anywhere, each once, in order of appearance. */
const char *const *bm_formula_vars(const bm_formula *f, size_t *n);
/* Those used as grouping variables only (to the right of a bar): read them as factors. One that is also a predictor stays what it is
 * and is made a factor for the group by bm_design_new. */
const char *const *bm_formula_group_vars(const bm_formula *f, size_t *n);
/* Every variable is one of these columns; otherwise an error with the place and the column that was probably meant. */
bm_status   bm_formula_match(const bm_formula *f, const char *const *columns, size_t n, bm_error *err);
bm_status   bm_formula_print(const bm_formula *f, bm_buf *out, bm_error *err);   /* parses back to an equal formula */
void        bm_formula_free(bm_formula *f);

/* ---- design (design.c and its parts) ---- */

typedef struct { size_t first, size; } bm_block;   /* effects first .. first+size-1 share a correlation matrix (size 1: none) */

/* One grouping factor with all its effects: q per level. */
typedef struct {
    char      *name;        /* "Subject", "a:b" */
    size_t     J;           /* levels that occur */
    char     **levels;      /* J labels, "x:y" for interactions */
    int32_t   *code;        /* n codes, 0 .. J-1 */
    size_t     q;
    char     **znames;      /* q: "Intercept", "Days", R's column names otherwise */
    double    *Z;           /* n x q */
    double    *zz;          /* q x q: mean of z z' over the rows, where Z is not kept; else NULL */
    size_t     nonzero;     /* entries of Z that are not 0, where it is not kept */
    size_t    *rows;        /* J: of each level, where code is not kept; else NULL */
    double    *zsd;         /* q: sd of the column over the rows used (n-1 in the denominator); 1 for a constant column */
    size_t     nblock;
    bm_block  *block;       /* in order, covering 0 .. q-1 */
} bm_group;

/* Hashes of which rows of the data are not used, and of the response, weights and offset of those that are: alike where these are. */
typedef struct { uint64_t left_out, y, w, o; } bm_prints;

typedef struct {
    size_t    n;            /* rows used */
    size_t    n_read;       /* rows in the file */
    size_t   *row;          /* n: index in the frame of each row used */
    char     *yname;        /* text of the left side: "Reaction", "log(y + 1)" */
    double   *y;            /* n */
    double   *w;            /* n precision weights, or NULL for ones; with se: 1/se^2 */
    double   *o;            /* n offsets, or NULL */
    double    mean_variance;   /* mean of 1 / w */
    bool      known_se;     /* residual sds are known: no sigma */
    size_t    p;
    char    **xnames;       /* p: R's model.matrix names, "(Intercept)" included */
    char    **bnames;       /* p: "b_Intercept", "b_Days", ... */
    double   *X;            /* n x p */
    size_t   *xnonzero;     /* p: entries that are not 0, where X is not kept; else NULL */
    bool      had_w, had_o; /* where rows are not kept: they had weights, an offset */
    bm_prints prints;       /* where rows are not kept */
    int       intercept;    /* column of the intercept, -1 without */
    double   *xmean, *xsd;  /* p: unweighted, over the rows used (n-1) */
    double    ymean, ysd;   /* of y - o */
    size_t    nfac;
    bm_group *fac;          /* in order of first appearance in the formula; a/b gives a, then a:b */
    struct { char *name; size_t n; } *dropped;   /* per variable: rows dropped because it is missing there */
    size_t    ndropped;
    bm_strv   notes;        /* things to tell the user: "|| also separates the contrasts of 'f'; lme4 keeps them correlated", ... */
} bm_design;

/* Every number of the design matrices for the frame's complete rows, coded by R's rules. */
bm_status bm_design_new(bm_design **out, const bm_spec *s, const bm_formula *f, const bm_frame *frame, bm_error *err);
/* The right side only, whatever the response is: y, yname are NULL, ymean and ysd 0. */
bm_status bm_design_rhs(bm_design **out, const bm_spec *s, const bm_formula *f, const bm_frame *frame, bm_error *err);
void      bm_design_free(bm_design *d);
/* The prints of the rows, whether they are kept or not. */
bm_prints bm_design_prints(const bm_design *d);

/* ---- a design whose rows come in portions and are not kept (design_stream.c) ---- */

/* Planned on the first rows of the data, `head`, which must live as long, as must known (what passes before this one have found out, or NULL). BM_EINVAL: there
 * is no such model. */
typedef struct bm_survey bm_survey;
typedef struct bm_design_stream bm_design_stream;
bm_status bm_design_stream_new(bm_design_stream **out, const bm_spec *s, const bm_formula *f, const bm_frame *head, const bm_survey *known, bm_error *err);
/* Why this pass over the rows makes no design but a survey for the next (what scale() measures; levels of factors among the coefficients that the first rows
 * do not show); NULL: it makes one, until a row says otherwise. */
const char *bm_design_stream_waits(const bm_design_stream *s);
/* Columns, groups and their effects, all but levels, means and sds; *q: effects of each group. Not where it waits. */
const bm_design *bm_design_stream_plan(const bm_design_stream *s, const size_t **q);
/* The next rows, of which a column is as in the head but may have more codes: *part is good for y, w, o, X and of every group J (so far), Z and code (in the
 * order of first sight), until the next call. Its n may be 0, and is where the stream waits. */
bm_status bm_design_stream_next(bm_design_stream *s, const bm_frame *rows, const bm_design **part, bm_error *err);
/* labels: columns as in the head, with all levels in the order of the codes. *out has no rows: X, y, w, o, row and, per group, Z and code are NULL; it is NULL
 * where the stream waits. order[k]: for each code of factor k its place among the levels; borrowed from s. */
bm_status bm_design_stream_end(bm_design_stream *s, const bm_frame *labels, bm_design **out, const int32_t *const **order, bm_error *err);
/* After the end of a stream that waits: what it was told and has found out itself. */
bm_status bm_design_stream_survey(const bm_design_stream *s, const bm_frame *labels, bm_survey **out, bm_error *err);
void      bm_design_stream_free(bm_design_stream *s);
size_t    bm_survey_size(const bm_survey *s);      /* things that it knows; it may be NULL */
void      bm_survey_free(bm_survey *s);
/* Parameter names: sd_GROUP__TERM, cor_GROUP__A__B, r_GROUP[level,term]. */
void bm_sd_name(bm_buf *b, const bm_group *g, size_t i);
void bm_cor_name(bm_buf *b, const bm_group *g, size_t i, size_t j);
void bm_ranef_name(bm_buf *b, const bm_group *g, size_t level, size_t i);

/* ---- distributions (dist.c: densities and draws; dist_parse.c: text) ---- */

typedef enum {
    BM_DIST_FLAT, BM_DIST_NORMAL, BM_DIST_STUDENT_T, BM_DIST_HALF_CAUCHY, BM_DIST_HALF_NORMAL, BM_DIST_HALF_T, BM_DIST_EXPONENTIAL, BM_DIST_GAMMA,
    BM_DIST_LOGNORMAL, BM_DIST_UNIFORM, BM_DIST_INV_GAMMA, BM_DIST_CONSTANT, BM_DIST_LKJ, BM_DIST_INV_WISHART
} bm_dist_kind;

/* Arguments in the order written: normal(m, s), student_t(df, m, s), half_t(df, 0, s), inv_gamma(a, b) on the variance, ... */
typedef struct {
    bm_dist_kind kind;
    double       a[3];
    size_t       nscale;     /* inv_wishart: scale is nscale x nscale (1: a multiple of the identity) */
    double      *scale;      /* inv_wishart only, owned by the priors */
    bool         has_norm;   /* norm is known: the constant of the log density of an sd; made by hand without it, it is computed each time */
    double       norm;
} bm_dist;

/* Log density of a standard deviation x > 0 (also at 0, its limit) and, where dx is not NULL, its derivative. Normalised over (0, inf);
 * flat is 0. normal(m, s) and student_t on an sd are truncated at 0. inv_gamma(a, b) is stated on x^2. -inf outside the support. */
double bm_dist_sd_logpdf(const bm_dist *d, double x, double *dx);
double bm_dist_sd_norm(const bm_dist *d);                               /* that constant */
bool   bm_dist_proper(const bm_dist *d);
bm_status bm_dist_sd_draw(const bm_dist *d, bm_rng *rng, double *x);   /* BM_EINVAL when improper (or so wide that no draw is a number) */
void   bm_dist_print(bm_buf *b, const bm_dist *d);                      /* "half_cauchy(0, 2.5)", which parses back to d */
/* Reads the distribution that starts at text + at and takes the rest of text; messages quote the whole text with a caret. d->scale is the caller's. */
bm_status bm_dist_parse(bm_dist *d, const char *text, size_t at, bm_error *err);

/* ---- priors (prior.c: targets; prior_resolve.c: which prior each parameter gets, defaults; prior_check.c: is the posterior proper?) ---- */

typedef struct { char *target, *dist, *origin; } bm_prior_line;   /* origin: "default" or the target the user wrote */

/* Every prior in numbers. */
typedef struct {
    size_t    p;
    bm_dist  *b;             /* p; of kind flat, normal, student_t or constant. The intercept's entry is a copy of intercept when centred */
    bool      centred;       /* the intercept's prior is on Intercept = b_Intercept + sum_k xbar_k b_k */
    bm_dist   intercept;     /* used when centred */
    double   *xbar;          /* p: column means, 0 at the intercept */
    bool      has_sigma;
    bm_dist   sigma;
    size_t    nfac;
    size_t   *q, *nblock;    /* nfac: effects and blocks of each factor */
    bm_dist **sd;            /* [factor][effect]; unused in a block with inv_wishart */
    bm_dist **cor;           /* [factor][block]: lkj, or inv_wishart on the whole covariance of the block */
    bm_prior_line *line;     /* resolved, for printing: one per coefficient, sd, group with correlations (or cov), sigma. Each reads back as a prior */
    size_t    nline;
} bm_priors;

/* Resolves the user's priors on the design's parameters: the most specific target wins; defaults scaled to the data. */
bm_status bm_priors_new(bm_priors **out, const bm_spec *s, const bm_design *d, bm_error *err);
void      bm_priors_free(bm_priors *p);
/* Refuses priors under which the posterior is improper: BM_EINVAL, with the reason and what to do. aliased (p) and rank: of X, as the statistics
 * found them. Coefficients that are constants may be among p->b or already be gone from both p and d. */
typedef struct bm_ranks bm_ranks;
bm_status bm_priors_check(const bm_priors *p, const bm_design *d, const bool *aliased, size_t rank, const bm_ranks *by, bm_error *err);
/* The ranks that decide, found from rows (prior_rows.c) or from cross-products (suffstat). Directions: columns of X, from which centre[c] times that of the
 * intercept is taken. dependent[c]: nothing is left of direction c but what those before have. */
typedef struct { size_t m, *column; double *centre; int intercept; } bm_directions;
/* Dimensions that some effects of a factor span over its levels, and how many of those of the directions lie in them. */
typedef struct { size_t spanned, absorbed; } bm_span;
struct bm_ranks {
    const void *self;
    bm_status (*dependent)(const void *self, const bm_directions *f, bool *dependent, bm_error *err);
    bm_status (*span)(const void *self, const bm_directions *f, size_t factor, const size_t *effects, size_t m, bm_span *s, bm_error *err);
};
bm_ranks  bm_ranks_of_rows(const bm_design *d);
bool      bm_priors_all_proper(const bm_priors *p);      /* then the prior can be drawn from, and the model has an evidence */

/* ---- marginal priors of single parameters (prior_margin.c) ---- */

typedef enum { BM_MARGIN_NONE, BM_MARGIN_LOCATION, BM_MARGIN_SD, BM_MARGIN_COR } bm_margin_kind;   /* none: flat, constant, or of no simple form */
typedef struct { bm_margin_kind kind; bm_dist dist; } bm_margin;         /* cor: lkj(a) stands for 2 beta(a, a) - 1; dist.scale is not to be used */

/* In the order of the monitored parameters: coefficients, sds, correlations, sigma. The caller frees *out. */
bm_status bm_margins_new(bm_margin **out, size_t *n, const bm_priors *p, const bm_design *d, bm_error *err);
double    bm_margin_density(const bm_margin *m, double x);
double    bm_margin_above(const bm_margin *m, double x);                 /* P(parameter > x) */
/* Prior probability of values as far out as x or farther: one tail where the prior falls from 0 on, else twice the smaller tail. */
double    bm_margin_tail(const bm_margin *m, double x);

#endif
