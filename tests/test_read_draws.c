/* test_read_draws.c: reading draws back: draws.csv, output directories, Stan CSV files, and every message about what is
 * wrong with them. */
#include "draws/read_priv.h"
#include "testing.h"

#include <sys/stat.h>
#include <unistd.h>

/* ---- memory that fails when told to ---- */

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define CAN_FAIL_ALLOCATIONS
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
static long allocations_left = -1;                           /* -1: all succeed */

static bool fails(void)
{
    return allocations_left >= 0 && allocations_left-- == 0;
}

void *malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return fails() ? NULL : __libc_realloc(p, n);
}
#endif

/* ---- files ---- */

static char dir[] = "/tmp/bm_draws_XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[100];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

/* The path of a file in the test's directory, written anew. Borrowed until the eighth next call. */
static const char *put(const char *name, const char *text)
{
    static char path[8][120];
    static int  next;
    char       *p = path[next++ % 8];
    FILE       *f;

    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    assert_non_null(f = fopen(p, "w"));
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    return p;
}

static const char *subdir(const char *name)
{
    static char path[120];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0777), 0);
    return path;
}

static bm_draws *read_all(const char *const *paths, size_t n)
{
    bm_draws *d;
    bm_error  err = { 0 };

    bm_assert_ok(bm_draws_read(&d, paths, n, &err), err);
    return d;
}

static bm_draws *read_one(const char *text)
{
    const char *path = put("one.csv", text);

    return read_all(&path, 1);
}

/* Reading these files fails with this code, and the message contains this text. */
static void assert_refused_all(const char *const *paths, size_t n, bm_status code, const char *says)
{
    bm_draws *d = (bm_draws *)paths;
    bm_error  err = { 0 };

    assert_int_equal(bm_draws_read(&d, paths, n, &err), code);
    assert_null(d);
    bm_assert_says(err, says);
}

static void assert_refused(const char *text, const char *says)
{
    const char *path = put("bad.csv", text);

    assert_refused_all(&path, 1, BM_EPARSE, says);
}

static double value(const bm_draws *d, size_t var, size_t chain, size_t iter)
{
    return bm_draws_values(d, var)[chain * bm_draws_niter(d) + iter];
}

/* ---- the layout of draws.csv ---- */

static void test_draws_csv_comes_back_to_the_last_bit(void **state)
{
    enum { NVAR = 5, NCHAIN = 3, NITER = 57 };
    const char *name[NVAR] = { "lp__", "b_a,b", "sd_g__say \"x\"", "r_g[two\nlines,Intercept]", "b_x.1" };
    char       *text = malloc(200000), *p = text;
    double      x[NVAR][NCHAIN * NITER];
    bm_draws   *d;
    bm_rng      r;

    (void)state;
    assert_non_null(text);
    bm_rng_key(&r, 1, 1, 1);
    p += sprintf(p, ".chain,.iteration,.draw,lp__,\"b_a,b\",\"sd_g__say \"\"x\"\"\",\"r_g[two\nlines,Intercept]\",b_x.1\r\n");
    for (int i = 0; i < NCHAIN * NITER; i++) {
        p += sprintf(p, "%d,%d,%d", i / NITER + 1, i % NITER + 1, i + 1);
        for (int v = 0; v < NVAR; v++) {
            x[v][i] = bm_rng_normal(&r) * pow(10, 20 * v - 40);
            p += sprintf(p, ",%.17g", x[v][i]);
        }
        p += sprintf(p, "\r\n");
    }
    d = read_one(text);
    assert_true(bm_draws_nvar(d) == NVAR && bm_draws_nchain(d) == NCHAIN && bm_draws_niter(d) == NITER);
    for (int v = 0; v < NVAR; v++) {
        assert_string_equal(bm_draws_name(d, v), name[v]);
        assert_memory_equal(bm_draws_values(d, v), x[v], sizeof x[v]);
    }
    bm_draws_free(d);
    free(text);
}

static void test_columns_for_chains_may_be_missing(void **state)
{
    bm_draws *d = read_one("b_x,sigma\n1,2\n3,4\n5,6\n");

    (void)state;
    assert_true(bm_draws_nvar(d) == 2 && bm_draws_nchain(d) == 1 && bm_draws_niter(d) == 3);
    assert_true(value(d, 1, 0, 2) == 6);
    bm_draws_free(d);
}

/* Rows of the chains in turn, as some programs write them; chains counted from 0 as Python does; R's row names in a column
 * without name. */
static void test_chains_may_be_interleaved_counted_from_0_and_have_row_names(void **state)
{
    bm_draws *d = read_one("\"\",\"x\",\".chain\",\".iteration\"\n\"1\",10,1,5\n\"2\",20,0,5\n\"3\",11,1,6\n\"4\",21,0,7\n");

    (void)state;
    assert_true(bm_draws_nvar(d) == 1 && bm_draws_nchain(d) == 2 && bm_draws_niter(d) == 2);
    assert_true(value(d, 0, 0, 0) == 20 && value(d, 0, 0, 1) == 21 && value(d, 0, 1, 0) == 10 && value(d, 0, 1, 1) == 11);
    bm_draws_free(d);
}

static void test_infinite_and_missing_draws_are_read(void **state)
{
    bm_draws *d = read_one("x\nInf\n-inf\nNA\nnan\n+Infinity\n-1e-3\n");

    (void)state;
    assert_true(value(d, 0, 0, 0) == INFINITY && value(d, 0, 0, 1) == -INFINITY && value(d, 0, 0, 4) == INFINITY);
    assert_true(isnan(value(d, 0, 0, 2)) && isnan(value(d, 0, 0, 3)) && value(d, 0, 0, 5) == -0.001);
    bm_draws_free(d);
}

static void test_sampler_columns_of_other_programs_are_left_out(void **state)
{
    bm_draws *d = read_one(".chain,.iteration,.draw,lp__,b_x__,treedepth__,divergent__\n1,1,1,-3,4,5,0\n");

    (void)state;
    assert_true(bm_draws_nvar(d) == 2);
    assert_string_equal(bm_draws_name(d, 0), "lp__");
    assert_string_equal(bm_draws_name(d, 1), "b_x__");       /* ends like Stan's, but is not Stan's */
    bm_draws_free(d);
}

static void test_quoted_hash_is_a_name_and_not_a_comment(void **state)
{
    bm_draws *d = read_one("\"#x\",y\n1,2\n");

    (void)state;
    assert_string_equal(bm_draws_name(d, 0), "#x");
    bm_draws_free(d);
}

static void test_several_files_are_chains_one_after_another(void **state)
{
    const char *paths[] = { put("a.csv", "x,y\n1,2\n3,4\n"),
                            put("b.csv", ".chain,.iteration,x,y\n1,1,5,6\n2,1,9,10\n1,2,7,8\n2,2,11,12\n") };
    bm_draws   *d = read_all(paths, 2);

    (void)state;
    assert_true(bm_draws_nchain(d) == 3 && bm_draws_niter(d) == 2);
    assert_true(value(d, 0, 0, 1) == 3 && value(d, 0, 1, 1) == 7 && value(d, 1, 2, 0) == 10);
    bm_draws_free(d);
}

/* ---- output directories ---- */

static void test_directory_gives_its_draws_csv(void **state)
{
    const char *path = subdir("sleep");
    bm_draws   *d;

    (void)state;
    put("sleep/draws.csv", ".chain,.iteration,.draw,b_x\n1,1,1,0.5\n");
    d = read_all(&path, 1);
    assert_true(bm_draws_nvar(d) == 1 && value(d, 0, 0, 0) == 0.5);
    bm_draws_free(d);
}

static void test_directory_of_stan_files_gives_the_names_of_its_labels(void **state)
{
    const char *path = subdir("stan");
    bm_draws   *d;

    (void)state;
#define COLUMNS "# algorithm = fixed_param\nlp__,accept_stat__,sd_g_x,r_g.1.1,r_g.2.1,r_g.1.2,odd.3,r_g.9.1\n"
    put("stan/draws-1.csv", COLUMNS "-1,0,2,3,4,5,6,7\n");
    put("stan/draws-2.csv", COLUMNS "-2,0,3,4,5,6,7,8\n");
    put("stan/draws-labels.json",
        "{\"bmixed\":\"0.1.0\",\"scalars\":{\"sd_g_x\":\"sd_g__x\"},\"arrays\":"
        "{\"r_h\":{},\"r_g\":{\"group\":\"g\",\"level\":[\"308\",\"a, b\"],\"term\":[\"Intercept\",\"x\"]}}}");
    d = read_all(&path, 1);
    const char *want[] = { "lp__", "sd_g__x", "r_g[308,Intercept]", "r_g[a, b,Intercept]", "r_g[308,x]", "odd[3]", "r_g[9,1]" };
    assert_true(bm_draws_nvar(d) == 7 && bm_draws_nchain(d) == 2);
    for (size_t v = 0; v < 7; v++) assert_string_equal(bm_draws_name(d, v), want[v]);
    assert_true(value(d, 3, 1, 0) == 5);
    bm_draws_free(d);
    put("stan/draws-labels.json", "{\"scalars\":");
    assert_refused_all(&path, 1, BM_EPARSE, "stan/draws-labels.json: not JSON; remove it");
}

static void test_labels_that_cannot_be_read_say_so(void **state)
{
    bm_strv  names = { 0 };
    bm_error err = { 0 };

    (void)state;
    assert_int_equal(bm_draws_relabel(&names, "/nowhere/draws-labels.json", &err), BM_EIO);
    bm_assert_says(err, "/nowhere/draws-labels.json: No such file");
    err = (bm_error){ 0 };
    assert_int_equal(bm_draws_relabel(&names, dir, &err), BM_EIO);
    bm_assert_says(err, "cannot be read to its end");
}

static void test_directory_without_draws_csv_says_what_to_do(void **state)
{
    const char *path = subdir("none");

    (void)state;
    assert_refused_all(&path, 1, BM_EINVAL, "/none: no draws.csv in this directory (--format none keeps none)");
    put("none/draws.json", "{}");
    assert_refused_all(&path, 1, BM_EINVAL, "/none: only draws.json, which is for other programs to read");
}

/* ---- Stan CSV ---- */

#define STAN_HEAD \
    "# stan_version_major = 2\n# stan_version_minor = 31\n# model = \"eight_schools\"_model\n" \
    "# method = sample (Default)\n#   sample\n#     num_samples = 3\n"
#define STAN_COLUMNS "lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__," \
    "mu,theta.1,theta.2,L.1.2,z.1.real\n"
#define STAN_TUNED "# Adaptation terminated\n# Step size = 0.4\n# Diagonal elements of inverse mass matrix:\n# 1.1, 0.9, 2.2\n"
#define STAN_TIMES "# \n#  Elapsed Time: 0.02 seconds (Warm-up)\n#                0.01 seconds (Sampling)\n#\n"
#define STAN_ROW(n) "-" #n ",0.9,0.4,3,7,0,9.9," #n ".5,1,2,3,4\n"

static void test_stan_csv_gives_variables_by_their_stan_names(void **state)
{
    bm_draws   *d = read_one(STAN_HEAD "#     num_warmup = 1000 (Default)\n#     save_warmup = 0 (Default)\n" STAN_COLUMNS
                             STAN_TUNED STAN_ROW(1) STAN_ROW(2) STAN_ROW(3) STAN_TIMES);
    const char *want[] = { "lp__", "mu", "theta[1]", "theta[2]", "L[1,2]", "z.1.real" };

    (void)state;
    assert_true(bm_draws_nvar(d) == 6 && bm_draws_nchain(d) == 1 && bm_draws_niter(d) == 3);
    for (size_t v = 0; v < 6; v++) assert_string_equal(bm_draws_name(d, v), want[v]);
    assert_true(value(d, 0, 0, 2) == -3 && value(d, 1, 0, 1) == 2.5 && value(d, 4, 0, 0) == 3);
    bm_draws_free(d);
}

static void test_saved_warmup_is_left_out(void **state)
{
    /* what is said about warm-up, and how many of five rows are draws */
    struct { const char *said; size_t draws; } c[] = {
        { "#     num_warmup = 2\n#     save_warmup = 1\n#     thin = 1 (Default)\n", 3 },
        { "#     num_warmup = 3\n#     save_warmup = true\n#     thin = 2\n", 3 },     /* iterations 1 and 3 */
        { "#     num_warmup = 2\n#     save_warmup = 0 (Default)\n", 5 },
        { "#     num_warmup = 2\n#     save_warmup = false (Default)\n", 5 },
        { "#     num_warmup = 2\n#     save_warmup = 1\n#     algorithm = fixed_param\n", 5 },
        { "# warmup=2\n# save_warmup=1\n# thin=1\n", 3 },                               /* rstan */
        { "# method = variational\n", 4 },                                              /* its first row is the mean */
    };

    (void)state;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char      text[3000];
        bm_draws *d;

        snprintf(text, sizeof text, "%s%s%s%s", STAN_HEAD, c[i].said, STAN_COLUMNS,
                 STAN_ROW(1) STAN_ROW(2) STAN_TUNED STAN_ROW(3) STAN_ROW(4) STAN_ROW(5));
        d = read_one(text);
        assert_int_equal(bm_draws_niter(d), c[i].draws);
        assert_true(value(d, 0, 0, c[i].draws - 1) == -5);
        bm_draws_free(d);
    }
    assert_refused(STAN_HEAD "# num_warmup = 9\n# save_warmup = 1\n" STAN_COLUMNS STAN_ROW(1) STAN_ROW(2),
                   "bad.csv: no draws: all its 2 rows are warm-up");
}

static void test_stan_csv_without_its_comments_is_known_by_its_columns(void **state)
{
    bm_draws *d = read_one(STAN_COLUMNS STAN_ROW(1));

    (void)state;
    assert_int_equal(bm_draws_nvar(d), 6);
    assert_string_equal(bm_draws_name(d, 2), "theta[1]");
    bm_draws_free(d);
}

static void test_one_stan_file_per_chain(void **state)
{
    const char *paths[] = { put("s1.csv", STAN_HEAD STAN_COLUMNS STAN_ROW(1) STAN_ROW(2)),
                            put("s2.csv", STAN_HEAD STAN_COLUMNS STAN_ROW(3) STAN_ROW(4)) };
    bm_draws   *d = read_all(paths, 2);

    (void)state;
    assert_true(bm_draws_nchain(d) == 2 && value(d, 0, 1, 0) == -3);
    bm_draws_free(d);
}

/* ---- what is refused ---- */

static void test_cell_that_is_no_number_is_named_by_line_and_column(void **state)
{
    (void)state;
    assert_refused("x,b_y\n1,2\n3,abc\n", "bad.csv:3:2: 'abc' in column 'b_y' is not a number");
    assert_refused("x,b_y\n1,2\n\n3,4\n5,1e999\n", "bad.csv:5:2: '1e999' in column 'b_y' is not a number");
    assert_refused("x,y\n1,0x10\n", "bad.csv:2:2: '0x10' in column 'y' is not a number");
    /* no escape codes to the terminal */
    assert_refused("x,y\n1,\"a\x1b[31m,\n\"\n", "bad.csv:2:2: 'a?[31m,?' in column 'y'");
    assert_refused("x\naaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee\n",
                   ":2:1: 'aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd...' in column 'x'");
    assert_refused("x,y\n1,\n", "bad.csv:2:2: the cell of column 'y' is empty");
    assert_refused(STAN_HEAD STAN_COLUMNS STAN_ROW(1) "-1,0.9,0.4,3,7,0,9.9,1,bad,2,3,4\n",
                   "bad.csv:9:9: 'bad' in column 'theta[1]' is not a number");
}

static void test_chain_and_iteration_must_be_whole_numbers(void **state)
{
    (void)state;
    assert_refused(".chain,x\none,2\n", "bad.csv:2:1: 'one' in column '.chain' is not a whole number from 0 to 9999");
    assert_refused(".chain,x\n10000,2\n", "bad.csv:2:1: '10000' in column '.chain'");
    assert_refused(".iteration,x\n1.5,2\n",
                   "bad.csv:2:1: '1.5' in column '.iteration' is not a whole number from 0 to 1000000000000");
}

static void test_row_of_another_length_is_named(void **state)
{
    (void)state;
    assert_refused("x,y\n1,2\n3,4,5\n", "bad.csv:3: the row has 3 cells, the header 2");
    assert_refused("x,y,z\n1,2,3\n3,4", "bad.csv:3: the row has 2 cells, the header 3; was the run stopped while writing it?");
}

static void test_header_must_name_variables_once(void **state)
{
    (void)state;
    assert_refused("x,y,x\n1,2,3\n", "bad.csv: two columns are called 'x'");
    assert_refused(".chain,x,.chain\n1,2,3\n", "bad.csv: two columns are called '.chain'");
    assert_refused("x,,y\n1,2,3\n", "bad.csv: column 2 has no name");
    assert_refused(".chain,.iteration,.draw\n1,1,1\n", "bad.csv: its header names no variable");
    assert_refused("x;y\n1;2\n", "bad.csv: the columns of draws must be separated by commas");
    assert_refused("x\ty\n1\t2\n", "bad.csv: the columns of draws must be separated by commas");
    assert_refused("# theta = 1\ntheta.1,theta[1]\n1,2\n", "bad.csv: two columns are called 'theta[1]'");
}

static void test_file_without_draws_says_so(void **state)
{
    const char *missing = "/nowhere/draws.csv";

    (void)state;
    assert_refused("", "bad.csv is empty");
    assert_refused("# nothing here\n# but comments\n", "bad.csv: there is no header, only comments");
    assert_refused("x,y\n", "bad.csv: no draws: there is nothing below the header");
    assert_refused_all(&missing, 1, BM_EIO, "/nowhere/draws.csv");
    assert_refused_all(NULL, 0, BM_EINVAL, "no draws to read: name an output directory");
}

static void test_missing_chain_is_named(void **state)
{
    (void)state;
    assert_refused(".chain,x\n1,1\n2,1\n4,1\n", "bad.csv: chain 3 is missing: .chain goes up to 4");
    assert_refused(".chain,x\n3,1\n2,1\n", "bad.csv: chain 1 is missing: .chain goes up to 3");
    assert_refused(".chain,x\n0,1\n2,1\n", "bad.csv: chain 1 is missing: .chain goes up to 2");
}

static void test_iterations_must_go_up(void **state)
{
    (void)state;
    assert_refused(".iteration,x\n1,1\n2,1\n1,1\n",
                   "bad.csv:4: .iteration 1 comes after 2; several chains in one file need a column .chain");
    assert_refused(".chain,.iteration,x\n1,1,1\n2,1,5\n1,1,1\n",
                   "bad.csv:4: .iteration 1 of chain 1 comes after 1; the rows of a chain must be in order");
}

static void test_chains_of_unequal_length_are_named(void **state)
{
    const char *paths[] = { put("long.csv", "x\n1\n2\n3\n"), put("short.csv", "x\n1\n2\n") };

    (void)state;
    assert_refused_all(paths, 2, BM_EPARSE, "short.csv has 2 draws, but ");
    assert_refused_all(paths, 2, BM_EPARSE, "long.csv has 3: chains must be equally long");
    assert_refused(".chain,x\n1,1\n1,2\n2,1\n", "chain 2 of ");
    assert_refused(".chain,x\n1,1\n1,2\n2,1\n", "bad.csv has 1 draws, but chain 1 of ");
}

static void test_chains_of_other_variables_are_named(void **state)
{
    const char *paths[] = { put("xy.csv", "x,y\n1,2\n"), put("xz.csv", "x,z\n1,2\n") };

    (void)state;
    assert_refused_all(paths, 2, BM_EPARSE, "xz.csv: variable 2 is 'z', but 'y' in ");
    put("xz.csv", "x\n1\n");
    assert_refused_all(paths, 2, BM_EPARSE, "xz.csv: 1 variables, but 2 in ");
}

static void test_file_given_twice_is_refused(void **state)
{
    const char *paths[] = { put("a.csv", "x\n1\n"), put("a.csv", "x\n1\n") };

    (void)state;
    assert_refused_all(paths, 2, BM_EINVAL, "a.csv is given twice: the same chain counts once");
}

/* ---- out of memory ---- */

/* Every allocation fails in turn: each time there is a message, no result, and (under valgrind) no leak. */
static void test_every_failing_allocation_leaves_a_message(void **state)
{
#ifdef CAN_FAIL_ALLOCATIONS
    const char *paths[] = { put("m1.csv", ".chain,.iteration,x,y\n1,1,1,2\n2,1,1,2\n1,2,3,4\n2,2,3,4\n"),
                            put("m2.csv", "# thin = 1\nlp__,x,y,t.1\n1,2,3,4\n1,2,3,4\n"), put("m3.csv", "x,y\n1,2\n3,4\n") };
    const char *sets[2][2] = { { paths[0], paths[2] }, { paths[1], NULL } };
    bm_draws   *d = NULL;
    bm_status   st;
    long        k;

    (void)state;
    for (int s = 0; s < 2; s++) {
        for (k = 0, st = BM_ENOMEM; st != BM_OK; k++) {
            bm_error err = { 0 };

            allocations_left = k;
            st = bm_draws_read(&d, sets[s], s == 0 ? 2 : 1, &err);
            allocations_left = -1;
            if (st == BM_OK) break;
            assert_int_equal(st, BM_ENOMEM);
            assert_null(d);
            bm_assert_says(err, "out of memory");
        }
        assert_true(k > 20);
        bm_draws_free(d);
    }
#else
    (void)state;
    skip();
#endif
}

static void test_every_failing_allocation_of_a_summary_leaves_a_message(void **state)
{
#ifdef CAN_FAIL_ALLOCATIONS
    const char     *name = "x";
    bm_draws       *d;
    bm_summary_row *r = NULL;
    bm_status       st = BM_ENOMEM;
    bm_error        none = { 0 };
    long            k;

    (void)state;
    bm_assert_ok(bm_draws_new(&d, &name, 1, 2, 1000, &none), none);
    /* so slow that the transform is wanted: without memory for it, it is done without */
    for (int i = 0; i < 2000; i++) d->x[i] = i % 1000;
    for (k = 0; st != BM_OK; k++) {
        bm_error err = { 0 };

        allocations_left = k;
        st = bm_summarise(&r, d, 1, &err);
        allocations_left = -1;
        if (st == BM_OK) break;
        assert_int_equal(st, BM_ENOMEM);
        bm_assert_says(err, "out of memory for the summary of 1 variables with 2000 draws each");
    }
    assert_true(k > 8);
    bm_assert_near(r->mean, 499.5, 1e-14);
    double with_sums = r->mcse_mean;
    free(r);
    bm_assert_ok(bm_summarise(&r, d, 1, &none), none);
    bm_assert_near(r->mcse_mean, with_sums, 1e-12);
    free(r);
    bm_draws_free(d);
#else
    (void)state;
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws_csv_comes_back_to_the_last_bit),
        cmocka_unit_test(test_columns_for_chains_may_be_missing),
        cmocka_unit_test(test_chains_may_be_interleaved_counted_from_0_and_have_row_names),
        cmocka_unit_test(test_infinite_and_missing_draws_are_read),
        cmocka_unit_test(test_sampler_columns_of_other_programs_are_left_out),
        cmocka_unit_test(test_quoted_hash_is_a_name_and_not_a_comment),
        cmocka_unit_test(test_several_files_are_chains_one_after_another),
        cmocka_unit_test(test_directory_gives_its_draws_csv),
        cmocka_unit_test(test_directory_of_stan_files_gives_the_names_of_its_labels),
        cmocka_unit_test(test_labels_that_cannot_be_read_say_so),
        cmocka_unit_test(test_directory_without_draws_csv_says_what_to_do),
        cmocka_unit_test(test_stan_csv_gives_variables_by_their_stan_names),
        cmocka_unit_test(test_saved_warmup_is_left_out),
        cmocka_unit_test(test_stan_csv_without_its_comments_is_known_by_its_columns),
        cmocka_unit_test(test_one_stan_file_per_chain),
        cmocka_unit_test(test_cell_that_is_no_number_is_named_by_line_and_column),
        cmocka_unit_test(test_chain_and_iteration_must_be_whole_numbers),
        cmocka_unit_test(test_row_of_another_length_is_named),
        cmocka_unit_test(test_header_must_name_variables_once),
        cmocka_unit_test(test_file_without_draws_says_so),
        cmocka_unit_test(test_missing_chain_is_named),
        cmocka_unit_test(test_iterations_must_go_up),
        cmocka_unit_test(test_chains_of_unequal_length_are_named),
        cmocka_unit_test(test_chains_of_other_variables_are_named),
        cmocka_unit_test(test_file_given_twice_is_refused),
        cmocka_unit_test(test_every_failing_allocation_leaves_a_message),
        cmocka_unit_test(test_every_failing_allocation_of_a_summary_leaves_a_message),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
