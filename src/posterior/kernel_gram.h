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

/* The tiles that there are: what a width of register has no use for is not compiled. */
BM_INLINE void on_diagonal(size_t height, size_t rows, size_t n, const vec *F, size_t j, vec *acc)
{
    if (height > TRIANGLE && height <= HEIGHT + 1) add_tile(WIDTH, height, true, rows, n, F, j, j, acc);
}

BM_INLINE void below(size_t height, size_t rows, size_t n, const vec *F, size_t i, size_t j, vec *acc)
{
    if (height <= HEIGHT) add_tile(WIDTH, height, false, rows, n, F, i, j, acc);
}

BM_INLINE void last(size_t height, size_t rows, size_t n, const vec *F, size_t j, vec *acc)
{
    if (height <= TRIANGLE) add_tile(height, height, true, rows, n, F, j, j, acc);
}

/* acc += F'diag(w)F */
static __attribute__((noinline)) void add_gram(size_t rows, size_t n, const vec *F, vec *acc)
{
    size_t j = 0;

    for (; n - j > TRIANGLE; j += WIDTH) {
        size_t height = n - j < HEIGHT + 1 ? n - j : HEIGHT + 1;

        switch (height) {
        case 5: on_diagonal(5, rows, n, F, j, acc); break;
        case 6: on_diagonal(6, rows, n, F, j, acc); break;
        case 7: on_diagonal(7, rows, n, F, j, acc); break;
        default: break;
        }
        for (size_t i = j + height; i < n; i += height) {
            height = n - i < HEIGHT ? n - i : HEIGHT;
            switch (height) {
            case 1: below(1, rows, n, F, i, j, acc); break;
            case 2: below(2, rows, n, F, i, j, acc); break;
            case 3: below(3, rows, n, F, i, j, acc); break;
            case 4: below(4, rows, n, F, i, j, acc); break;
            case 5: below(5, rows, n, F, i, j, acc); break;
            case 6: below(6, rows, n, F, i, j, acc); break;
            default: break;
            }
        }
    }
    switch (n - j) {
    case 1: last(1, rows, n, F, j, acc); break;
    case 2: last(2, rows, n, F, j, acc); break;
    case 3: last(3, rows, n, F, j, acc); break;
    case 4: last(4, rows, n, F, j, acc); break;
    case 5: last(5, rows, n, F, j, acc); break;
    case 6: last(6, rows, n, F, j, acc); break;
    default: break;
    }
}

_Static_assert(HEIGHT <= 6 && WIDTH * HEIGHT <= SUMS, "a tile for every number of rows below the diagonal");
_Static_assert(TRIANGLE >= 4 && TRIANGLE <= 6 && WIDTH <= 4, "a tile for every number of rows on it");
