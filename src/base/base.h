/* base: status and messages, memory, text, numbers, random streams, small dense kernels. Knows no statistics. */
#ifndef BM_BASE_H
#define BM_BASE_H

#include <bmixed.h>

/* A loop that gains from wider registers, compiled for three generations; the dynamic linker takes the one for the machine. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GNUC__) && !defined(__clang__)
#define BM_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define BM_CLONES
#endif

/* What such a loop calls: part of every clone, and of every call where an argument is a constant. */
#define BM_INLINE static inline __attribute__((always_inline))

#if defined(__GNUC__)
#define BM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define BM_PRINTF(fmt, args)
#endif

/* ---- errors and memory (error.c) ---- */

/* Records the message (the first one is kept; err may be NULL) and returns code, so that callers can `return bm_fail(...)`. */
bm_status bm_fail(bm_error *err, bm_status code, const char *fmt, ...) BM_PRINTF(3, 4);
/* text as it may be shown: control characters other than line ends, and bytes that are not UTF-8, as \xNN; cut between characters where dst is full. */
void      bm_visible(char *dst, size_t room, const char *text);
bm_status bm_nomem(bm_error *err);                       /* BM_ENOMEM, "out of memory" */

void *bm_alloc(size_t n, size_t size);                   /* zeroed, never of size 0; NULL when out of memory or n * size overflows */
void *bm_grow(void *p, size_t *cap, size_t need, size_t size);   /* p with room for at least need items (cap updated), or NULL: p is intact */
double bm_memory_free(void);                             /* bytes that may still be used (memory.c); INFINITY where the system does not say */
char *bm_strdup(const char *s);                          /* NULL gives NULL */
char *bm_strndup(const char *s, size_t n);

/* ---- lists of strings, text buffers (text.c) ---- */

typedef struct { char **v; size_t n, cap; } bm_strv;     /* owns its strings */
bm_status bm_strv_add(bm_strv *a, const char *s, bm_error *err);             /* copies s */
bm_status bm_strv_addf(bm_strv *a, bm_error *err, const char *fmt, ...) BM_PRINTF(3, 4);
bool      bm_strv_has(const bm_strv *a, const char *s);
void      bm_strv_free(bm_strv *a);                      /* frees the content and zeroes the list */

typedef struct { char *s; size_t n, cap; bool failed; } bm_buf;   /* growing text, always NUL-terminated; failed: out of memory, sticky */
void bm_buf_add(bm_buf *b, const char *s, size_t n);
void bm_buf_puts(bm_buf *b, const char *s);
void bm_buf_putc(bm_buf *b, char c);
void bm_buf_printf(bm_buf *b, const char *fmt, ...) BM_PRINTF(2, 3);
void bm_buf_num(bm_buf *b, double x);                    /* shortest text that reads back as x */
void bm_buf_row(bm_buf *b, const double *x, size_t n);   /* a comma and that, n times */
void bm_buf_free(bm_buf *b);

/* ---- numbers for keys, in the order of first sight (intern.c) ---- */

typedef struct { uint64_t *key; size_t n, cap; struct bm_intern_slot *slot; size_t nslot; } bm_interned;   /* zeroed: empty */
bool bm_intern(bm_interned *t, uint64_t key, size_t *at, bool *added);       /* false: out of memory */
void bm_interned_free(bm_interned *t);

/* The candidate closest to word (Damerau-Levenshtein, at most a third of its letters wrong, case apart), or NULL. */
const char *bm_closest(const char *word, const char *const *candidates, size_t n);

/* ---- numbers (number.c): independent of the locale, correctly rounded ---- */

/* The whole of s[0..n) as a decimal number: [+-]digits[.digits][e[+-]digits]; surrounding blanks are not part of a number.
 * No hex, no Inf, no NaN; false also where the value overflows. */
bool bm_parse_double(const char *s, size_t n, double *out);
/* The whole of s as an integer in [lo, hi]. */
bool bm_parse_int(const char *s, long long lo, long long hi, long long *out);
#define BM_NUMBER_MAX 32
/* Shortest decimal that reads back as exactly x ("0.1", "1e-300", "NA" for NaN, "Inf", "-Inf"); returns its length. */
size_t bm_format_double(char dst[BM_NUMBER_MAX], double x);
/* A comma and the same, n times; returns where that ends, without a NUL. dst: n BM_NUMBER_MAX + BM_NUMBER_ROOM bytes, all of which may be overwritten. */
#define BM_NUMBER_ROOM 64
char *bm_format_row(char *dst, const double *x, size_t n);

/* ---- sort.c ---- */

/* x in ascending order; no NaN; work: 2 n. */
void bm_sort(double *x, size_t n, uint64_t *work);

typedef struct { uint64_t key, i; } bm_pair;             /* a double as an integer of the same order, and where it stood */
void   bm_pairs_set(bm_pair *a, const double *x, size_t n);              /* x without NaN */
double bm_pair_value(const bm_pair *a);
void   bm_pairs_sort(bm_pair *a, bm_pair *tmp, size_t n);                /* by key, in their order where that is the same; tmp: n, scratch */

/* x in ascending order, and where they stand: of equal ones the first first. place[i]: where x[i] stands, at[place[i]] = x[i]; n < 2^32, no NaN; work: 2 n (rank.c). */
void   bm_rank(double *sorted, uint32_t *order, const double *x, const uint32_t *place, const double *at, size_t n, bm_pair *work);

/* ---- hash.c: XXH64 (Collet), so that `xxhsum -H64 FILE` shows the same ---- */

typedef struct { uint64_t v[4], total; size_t n; unsigned char tail[32]; } bm_hash;
void     bm_hash_start(bm_hash *h);
void     bm_hash_add(bm_hash *h, const void *s, size_t n);
uint64_t bm_hash_value(const bm_hash *h);

/* ---- threads (threads.c) ---- */

/* piece(self, i, worker) for every i < n, by up to `threads` threads, the caller's among them; returns when all are done. worker < threads: an index of
 * the thread, for workspaces. Which thread takes which piece is left to chance. */
void bm_parallel(size_t n, int threads, void (*piece)(void *self, size_t i, size_t worker), void *self);
int  bm_cores(void);                                     /* that this process may use */
double bm_clock(void);                                   /* seconds since some fixed moment */

/* ---- state (state.c): what a run depends on, written out and read back by the same lines of code, so that the two cannot drift apart ---- */

typedef struct {
    bool  reading, failed;                               /* failed is sticky: not written, or not what was written */
    bool  no_memory;                                     /* and this is why */
    void *self;
    bool (*move)(void *self, void *bytes, size_t n);     /* out of bytes when writing, into them when reading */
} bm_state;
void bm_state_bytes(bm_state *s, void *bytes, size_t n);
void bm_state_doubles(bm_state *s, double *x, size_t n);
/* A number that may be at most `most`. */
void bm_state_count(bm_state *s, size_t *n, size_t most);
/* A number that must be the same when it is read. */
void bm_state_same(bm_state *s, uint64_t value);
#define BM_STATE(s, variable) bm_state_bytes(s, &(variable), sizeof(variable))

/* ---- random streams (rng.c): xoshiro256++, keyed ---- */

typedef struct { uint64_t s[4]; } bm_rng;
/* The stream of (seed, a, b): streams with different keys are independent for all practical purposes (SplitMix64 hashing). */
void     bm_rng_key(bm_rng *r, uint64_t seed, uint64_t a, uint64_t b);
uint64_t bm_rng_u64(bm_rng *r);
uint64_t bm_splitmix64(uint64_t *state);                 /* advances *state: the hash behind the keys */
double   bm_rng_uniform(bm_rng *r);                      /* in (0, 1), never 0 or 1 */
double   bm_rng_normal(bm_rng *r);                       /* ziggurat, exact tails */
void     bm_rng_normals(bm_rng *r, double *z, size_t n);
double   bm_rng_gamma(bm_rng *r, double shape);          /* scale 1, shape > 0; shapes below 0.01 often underflow to 0 */
double   bm_rng_beta(bm_rng *r, double a, double b);     /* a, b > 0; may round to 0 or 1 where a or b is small */
double   bm_rng_chisq(bm_rng *r, double df);

/* ---- shared libraries that only some models need (library.c) ---- */

/* Loads the one that the environment variable names, else `name`, for `what` ("BLAS and LAPACK"), to be had from the Debian package. NULL after a
 * message. Loaded once more, it is the same. */
void *bm_library(const char *variable, const char *name, const char *what, const char *package, bm_error *err);
/* Points *f at a function of it. BM_ELIBRARY: it has none of that name. */
bm_status bm_library_function(void *library, const char *name, void *f, bm_error *err);

/* ---- small dense kernels (dense.c, panel.c): column-major, lower triangles, ld = rows unless said ---- */

/* Matrices larger than this go to BLAS and LAPACK (blas.c), a library that bm_blas_load loads, once. Whoever sets up a model that has such matrices calls
 * it first and passes its error on; without it the kernels below are slow, not wrong. BM_ELIBRARY: there is no such library. */
enum { BM_DENSE_SMALL = 24 };
bm_status bm_blas_load(bm_error *err);

/* A = C C', lower triangle of A (n x n, ld = n) overwritten by C, the upper left alone. BM_NOT_PD also on NaN. */
bm_status bm_chol(size_t n, double *A);
/* Lower triangle of A (n x n) holds C: overwritten by that of (C C')^-1; the upper left alone. */
void bm_chol_inverse(size_t n, double *A);
void bm_solve_lower(size_t n, size_t m, const double *C, double *X);     /* X (n x m) <- C^-1 X  */
void bm_solve_lower_t(size_t n, size_t m, const double *C, double *X);   /* X (n x m) <- C'^-1 X */
/* Lower triangle of C (n x n) += alpha A'A, A: k x n with leading dimension ld. */
void bm_syrk(size_t n, size_t k, double alpha, const double *A, size_t ld, double *C);
double bm_dot(size_t n, const double *x, const double *y);
/* Sums over long columns, in SIMD registers (sums.c): of x y; of w x y; of scale x; of x - centre and of its squares. */
double bm_sum_products(size_t n, const double *x, const double *y);
double bm_sum_weighted(size_t n, const double *w, const double *x, const double *y);
double bm_sum_scaled(size_t n, const double *x, double scale);
void   bm_sums_about(size_t n, const double *x, double centre, double *sum, double *square);
bool   bm_all_finite(size_t n, const double *x);
bool   bm_all_equal(size_t n, const double *x);
size_t bm_count_nonzero(size_t n, const double *x);
/* P (h x w, h >= w): its upper w x w block is symmetric, lower triangle given, = C C': overwritten by C, the rows below by themselves times C'^-1. */
bm_status bm_chol_panel(size_t h, size_t w, double *P);
/* Lower triangle of C (n x n, ld = n) <- A A', A: n x k with leading dimension lda. */
void bm_outer_lower(size_t n, size_t k, const double *A, size_t lda, double *C);
/* X (m x n, ldx) <- X C^-1, C: n x n lower with leading dimension ldc */
void bm_solve_right(size_t m, size_t n, const double *C, size_t ldc, double *X, size_t ldx);
/* C (m x n, ldc) <- -S B, S: m x m, ld = m; B: m x n with leading dimension ldb */
void bm_product_minus(size_t m, size_t n, const double *S, const double *B, size_t ldb, double *C, size_t ldc);
/* Lower triangle of C (n x n, ld = n) -= A'B, A and B: m x n */
void bm_gemm_minus(size_t n, size_t m, const double *A, size_t lda, const double *B, size_t ldb, double *C);
/* Eigenvalues (ascending) of symmetric A (n x n, overwritten by the eigenvectors, columns). */
bm_status bm_eigen(size_t n, double *A, double *values);

#endif
