/* kernel_lanes.h: one number of LANES groups in a register (kernel_passes.h). A batch is read in PARTS slices of LANES groups. */
#pragma GCC diagnostic ignored "-Wpsabi"     /* every function that takes a vec is inlined: there is no ABI to differ */

typedef double   vec __attribute__((vector_size(8 * LANES)));
typedef double   unaligned_vec __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef uint64_t bits __attribute__((vector_size(8 * LANES)));

enum { PARTS = BM_LANES / LANES };

/* In front of loops over what is little where q is small: gcc leaves the larger ones as they are, and what they hold in memory, unless told. UNROLL8: of a
 * constant number of turns, at most 8. */
#ifdef __clang__
#define UNROLL
#define UNROLL8 _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 6")
#define UNROLL8 _Pragma("GCC unroll 8")
#endif

/* A loop over the effects of a group whose inner loops depend on i, written out where they are few: gcc unrolls the innermost loops first, and what they
 * compute stays in memory unless their bounds are constants by then. */
#define EACH(q, i, ...) \
    if ((q) > KEPT) { \
        for (size_t i = 0; i < (q); i++) __VA_ARGS__; \
    } else { \
        EACH_AT(0, q, i, __VA_ARGS__) EACH_AT(1, q, i, __VA_ARGS__) EACH_AT(2, q, i, __VA_ARGS__) EACH_AT(3, q, i, __VA_ARGS__) \
        EACH_AT(4, q, i, __VA_ARGS__) EACH_AT(5, q, i, __VA_ARGS__) \
    }
#define EACH_AT(at, q, i, ...) if ((q) > (at)) { const size_t i = at; __VA_ARGS__; }

BM_INLINE vec load(const double *x)
{
    return *(const unaligned_vec *)x;
}

BM_INLINE void store(double *x, vec v)
{
    *(unaligned_vec *)x = v;
}

BM_INLINE vec splat(double x)
{
    return x - (vec){ 0 };
}

BM_INLINE vec root(vec x)
{
    vec y = x;

    for (int l = 0; l < LANES; l++) y[l] = __builtin_sqrt(x[l]);
    return y;
}

BM_INLINE double sum(vec x)
{
    double s[LANES];

    memcpy(s, &x, sizeof s);
    for (int n = LANES / 2; n > 0; n /= 2)
        for (int l = 0; l < n; l++) s[l] += s[l + n];
    return s[0];
}

/* A running product of positive numbers as mantissa and exponent: one logarithm at the end instead of one per group. The exponent is a sum of what stands in
 * the numbers, each 1023 too large. bad: NaN once a factor was 0 or not finite; sign: set once one was negative. */
typedef struct { vec mantissa, bad; bits exponent, sign; uint64_t n; } product;
#define ONE { splat(1), splat(0), { 0 }, { 0 }, 0 }

BM_INLINE void multiply(product *p, vec x)
{
    const uint64_t low = 0x000fffffffffffff, one = 0x3ff0000000000000;
    bits b = (bits)(p->mantissa * x);

    p->sign |= b;
    p->exponent += b >> 52;
    p->mantissa = (vec)((b & low) | one);
    p->n++;
}

/* NaN where a factor was not positive and finite. */
BM_INLINE double log_product(const product *p)
{
    vec    mantissa = p->mantissa, bad = p->bad;     /* copies: what is read lane by lane lies in memory */
    bits   exponent = p->exponent, sign = p->sign;
    double m = 1, e = 0;                             /* m < 2^LANES */

    for (int l = 0; l < LANES; l++) {
        if (bad[l] != 0 || sign[l] >> 63) return NAN;
        m *= mantissa[l];
        e += (double)(int64_t)(exponent[l] - 1023 * p->n);
    }
    return log(m) + e * 0.693147180559945309417232121458;
}
