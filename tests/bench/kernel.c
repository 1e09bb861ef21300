/* kernel.c: one pass over a factor's groups, p = 6, q = 2, for every width of register; and how near a million groups come to reading memory. */
#include "bench.h"

#include "posterior/kernel.h"
#include "posterior/posterior_priv.h"

#include <math.h>
#include <stdlib.h>

enum { P = 6, Q = 2, SMALL = 2000, LARGE = 1000000 };

static const char *const WIDTH[] = { "baseline", "AVX2", "AVX-512" };

typedef struct { bm_stats st; bm_facstat f; bm_packed *pk; double T[Q * Q], *scratch; } setting;

static void make(setting *s, size_t J)
{
    bm_error err = { 0 };
    bm_rng   r;

    bm_rng_key(&r, 9, J, 0);
    *s = (setting){ .T = { 0.9, 0.2, 0, 0.4 }, .f = { .J = J, .q = Q, .p = P, .A = malloc(J * Q * Q * sizeof(double)), .B = malloc(J * Q * P * sizeof(double)),
                                                    .c = malloc(J * Q * sizeof(double)) } };
    if (!s->f.A || !s->f.B || !s->f.c) bench_die("out of memory", NULL);
    for (size_t j = 0; j < J; j++) {
        double a = bm_rng_normal(&r), b = bm_rng_normal(&r), *A = s->f.A + j * Q * Q;

        A[0] = 4 + a * a;
        A[1] = A[2] = a * b;
        A[3] = 4 + b * b;
    }
    bm_rng_normals(&r, s->f.B, J * Q * P);
    bm_rng_normals(&r, s->f.c, J * Q);
    s->st = (bm_stats){ .n = 4 * J, .p = P, .nfac = 1, .fac = &s->f };
    if (bm_packed_new(&s->pk, &s->st, &err) != BM_OK) bench_die("packing", &err);
    s->scratch = aligned_alloc(64, (s->pk->scratch * sizeof(double) + 63) / 64 * 64);
    if (!s->scratch) bench_die("out of memory", NULL);
}

static void drop(setting *s)
{
    bm_packed_free(s->pk);
    free(s->f.A);
    free(s->f.B);
    free(s->f.c);
    free(s->scratch);
}

/* Least of many: other work on the machine only adds. */
static double eval_seconds(const setting *s)
{
    const bm_pack *k = &s->pk->fac[0];
    double         best = INFINITY, SF[(P + 1) * (P + 1)], start = bench_cpu();

    for (int n = 0; n < 20 || bench_cpu() - start < 0.1; n++) {
        bm_kernel_job job = { .pack = k, .upto = k->nbatch, .T = s->T, .out = SF, .scratch = s->scratch };
        double        t0 = bench_cpu();

        for (size_t i = 0; i < (P + 1) * (P + 1); i++) SF[i] = 0;
        if (!isfinite(bm_kernel_run(BM_PASS_EVAL, &job))) bench_die("the evaluation failed", NULL);
        best = fmin(best, bench_cpu() - t0);
    }
    return best;
}

/* The same bytes read and added up, eight sums of eight numbers side by side. */
static double sum_of(const double *x, size_t n)
{
    typedef double v8 __attribute__((vector_size(64), aligned(8), may_alias));
    v8     s[8] = { { 0 } };
    double total = 0;

    for (size_t i = 0; i + 64 <= n; i += 64)
        for (size_t k = 0; k < 8; k++) s[k] += *(const v8 *)(x + i + 8 * k);
    for (size_t k = 0; k < 8; k++)
        for (size_t l = 0; l < 8; l++) total += s[k][l];
    return total;
}

static double read_seconds(const setting *s, size_t nA, size_t nD)
{
    const bm_pack  *k = &s->pk->fac[0];
    double          best = INFINITY, start = bench_cpu();
    volatile double sink = 0;

    for (int n = 0; n < 20 || bench_cpu() - start < 0.1; n++) {
        double t0 = bench_cpu();

        sink += sum_of(k->A, nA) + sum_of(k->D, nD);
        best = fmin(best, bench_cpu() - t0);
    }
    return best;
}

int bench_kernel(const bench_options *o)
{
    setting small, large;
    FILE   *csv = o->csv ? fopen(o->csv, "w") : NULL;
    size_t  nA, nD;
    double  gb, reading;

    if (o->csv && !csv) bench_die(o->csv, NULL);
    make(&small, SMALL);
    make(&large, LARGE);
    nA = large.pk->fac[0].nbatch * Q * (Q + 1) / 2 * BM_LANES;
    nD = large.pk->fac[0].nbatch * Q * (P + 1) * BM_LANES;
    gb = (double)(nA + nD) * sizeof(double) / 1e9;
    reading = read_seconds(&large, nA, nD);
    printf("One pass of the marginal likelihood (p = 6, q = 2), least CPU time; a million groups are %.2f GB, which a plain sum reads at %.1f GB/s\n", gb, gb / reading);
    printf("%-10s %22s %22s %10s %22s\n", "registers", "2,000 groups, us", "1,000,000 groups, ms", "GB/s", "of the plain sum");
    if (csv) fputs("registers,us_2000,ms_1000000,gb_per_s,plain_gb_per_s\n", csv);
    for (int width = BM_SIMD_BASELINE; width <= BM_SIMD_AVX512; width++) {
        double us, seconds;

        bm_kernel_limit((bm_simd)width);
        if ((int)bm_kernel_simd() != width) {
            printf("%-10s not on this machine\n", WIDTH[width]);
            continue;
        }
        us = 1e6 * eval_seconds(&small);
        seconds = eval_seconds(&large);
        printf("%-10s %22.1f %22.2f %10.1f %22.2f\n", WIDTH[width], us, 1e3 * seconds, gb / seconds, reading / seconds);
        if (csv) fprintf(csv, "%s,%.6g,%.6g,%.6g,%.6g\n", WIDTH[width], us, 1e3 * seconds, gb / seconds, gb / reading);
    }
    bm_kernel_limit(BM_SIMD_AVX512);
    drop(&small);
    drop(&large);
    if (csv && fclose(csv) != 0) bench_die(o->csv, NULL);
    return 0;
}
