/* replay.c: runs a fuzz target without libFuzzer on every file of tests/fuzz/corpus/NAME, and on the beginnings of each: a plain test. The name is
 * that of the program, replay_NAME. Each file is one line of TAP. */
#include "fuzz.h"

#include <dirent.h>

enum { MOST = 1 << 20, BEGINNINGS = 64 };

static size_t read_file(const char *path, uint8_t *data)
{
    FILE  *f = fopen(path, "rb");
    size_t n;

    fuzz_must(f, "cannot read %s", path);
    n = fread(data, 1, MOST, f);
    fclose(f);
    return n;
}

/* Each in a block of its own size, so that a sanitizer sees a read beyond it. */
static void run(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);

    fuzz_must(copy, "out of memory");
    memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static void replay(const char *path, uint8_t *data)
{
    size_t n = read_file(path, data);

    for (size_t k = 0; k < BEGINNINGS && k < n; k++) run(data, n * k / BEGINNINGS);
    run(data, n);
}

int main(int argc, char **argv)
{
    const char     *name = strrchr(argv[0], '/');
    char            dir[300], path[900];
    uint8_t        *data = malloc(MOST);
    struct dirent **entry;
    int             count, test = 0;

    name = strchr(name ? name : argv[0], '_');
    fuzz_must(data && name, "%s", argv[0]);
    if (argc > 1) {
        for (int i = 1; i < argc; i++) replay(argv[i], data);
        free(data);
        return 0;
    }
    snprintf(dir, sizeof dir, "tests/fuzz/corpus/%.100s", name + 1);
    count = scandir(dir, &entry, NULL, alphasort);
    fuzz_must(count > 2, "no inputs in %s", dir);
    for (int i = 0; i < count; i++) {
        if (entry[i]->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", dir, entry[i]->d_name);
            fprintf(stderr, "# %s\n", path);
            replay(path, data);
            printf("ok %d - %s %s\n", ++test, name + 1, entry[i]->d_name);
            fflush(stdout);
        }
        free(entry[i]);
    }
    printf("1..%d\n", test);
    free(entry);
    free(data);
    return 0;
}
