/* kernel_gram.h: F'diag(w)F, its sums kept in registers over many rows (kernel_passes.h). The registers hold a tile of WIDTH columns and HEIGHT rows of it beside
 * WIDTH + 2 numbers, and a triangle of TRIANGLE rows. F: rows x (n + 1), row by row, w in the last column. */

enum { SUMS = 36 };

/* acc (packed lower triangle of n x n) += columns j .. j + width - 1, rows i .. i + height - 1 of F'diag(w)F; where i == j, of that what is not above the
 * diagonal. */
BM_INLINE void add_tile(size_t width, size_t height, bool diagonal, size_t rows, size_t n, const vec *F, size_t i, size_t j, vec *acc)
{
    vec s[SUMS], y[SUMS];

    UNROLL8 for (size_t k = 0; k < width * height; k++) s[k] = splat(0);
    for (; rows > 0; rows--, F += n + 1) {
        UNROLL8 for (size_t c = 0; c < width; c++) y[c] = F[j + c] * F[n];
        UNROLL8 for (size_t r = 0; r < height; r++) {
            vec x = F[i + r];

            UNROLL8 for (size_t c = 0; c < width; c++)
                if (!diagonal || r >= c) s[r * width + c] += x * y[c];
        }
    }
    UNROLL8 for (size_t c = 0; c < width; c++)
        UNROLL8 for (size_t r = 0; r < height; r++)
            if (!diagonal || r >= c) acc[tri(n, i + r, j + c)] += s[r * width + c];
}

#define ON_DIAGONAL(height) case height: if (height > TRIANGLE && height <= HEIGHT + 1) add_tile(WIDTH, height, true, rows, n, F, j, j, acc); break;
#define BELOW(height) case height: if (height <= HEIGHT) add_tile(WIDTH, height, false, rows, n, F, i, j, acc); break;
#define LAST(height) case height: if (height <= TRIANGLE) add_tile(height, height, true, rows, n, F, j, j, acc); break;

/* acc += F'diag(w)F */
static __attribute__((noinline)) void add_gram(size_t rows, size_t n, const vec *F, vec *acc)
{
    size_t j = 0;

    for (; n - j > TRIANGLE; j += WIDTH) {
        size_t height = n - j < HEIGHT + 1 ? n - j : HEIGHT + 1;

        switch (height) { ON_DIAGONAL(5) ON_DIAGONAL(6) ON_DIAGONAL(7) ON_DIAGONAL(8) }
        for (size_t i = j + height; i < n; i += height) {
            height = n - i < HEIGHT ? n - i : HEIGHT;
            switch (height) { BELOW(1) BELOW(2) BELOW(3) BELOW(4) BELOW(5) BELOW(6) BELOW(7) }
        }
    }
    switch (n - j) { LAST(1) LAST(2) LAST(3) LAST(4) LAST(5) LAST(6) LAST(7) }
}
