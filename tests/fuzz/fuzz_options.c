/* fuzz_options.c: lines of text as the words of a command line (a NUL byte stands for a line end within a word). The tables parse it and the subcommand
 * runs: an exit code that is documented, a message with every failure and then nothing on standard output, no control characters to the terminal.
 * Nothing is written (-o is taken away, plot and report are only parsed), a fit makes few draws, and of the files that exist only those of
 * tests/fuzz/files are read. */
#include "fuzz.h"

int bmixed_main(int argc, char **argv);
#define main bmixed_main
#include "cli/main.c"
#undef main

enum { MOST_WORDS = 40 };

static const char *const files[] = { "tests/fuzz/files/data.csv", "tests/fuzz/files/model.json", "tests/fuzz/files/draws.csv", "tests/fuzz/files/stan.csv" };
enum { NFILES = sizeof files / sizeof *files };

/* ---- the line as a shell would read it back ----------------------------------------------------------------------------- */

/* Undoes quotes and backslashes in place; the next word begins where the result says. NULL: that was the last. */
static char *shell_word(char *s, char **word)
{
    bool  quoted = false;
    char *to = s;

    *word = s;
    for (; *s && (quoted || *s != ' '); s++) {
        if (*s == '\'') quoted = !quoted;
        else if (*s == '\\' && !quoted && s[1]) *to++ = *++s;
        else *to++ = *s;
    }
    fuzz_must(!quoted, "a quote is left open");
    s = *s ? s + 1 : NULL;
    *to = '\0';
    return s;
}

static void check_line(int argc, char **argv)
{
    char *line = cli_quote_line(argc, argv), *rest = line, *word;

    fuzz_must(line, "out of memory");
    for (int i = 0; i < argc; i++) {
        fuzz_must(rest, "word %d is missing", i);
        rest = shell_word(rest, &word);
        fuzz_must(strcmp(word, argv[i]) == 0, "'%s' is quoted as '%s'", argv[i], word);
    }
    fuzz_must(!rest, "a word too many: '%s'", rest);
    free(line);
}

/* ---- running it, without harm ---------------------------------------------------------------------------------------------- */

static const char *safe_file(const char *word)
{
    for (size_t i = 0; i < NFILES; i++)
        if (strcmp(word, files[i]) == 0) return word;
    return access(word, F_OK) == 0 ? files[strlen(word) % NFILES] : word;
}

static void add(cli_args *a, const char *key, const char *value)
{
    fuzz_must(cli_list_add(&a->keys, key) && cli_list_add(&a->values, value), "out of memory");
}

/* False: this is not to be run. */
static bool make_safe(cli_args *a)
{
    static const cli_command *const harmless[] = { &cli_fit, &cli_reml, &cli_compare, &cli_model, &cli_summary, &cli_diagnose, &cli_simulate, &cli_help };
    bool known = false;

    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) known |= a->command == harmless[i];
    a->out = NULL;
    if (a->rows_from) a->rows_from = safe_file(a->rows_from);
    if (a->columns) a->columns = safe_file(a->columns);
    for (size_t i = 0; a->command != &cli_help && i < a->files.n; i++) a->files.v[i] = safe_file(a->files.v[i]);
    if (a->command == &cli_fit || a->command == &cli_compare) {
        add(a, "chains", "1");
        add(a, "warmup", "15");
        add(a, "draws", "8");
        add(a, "thin", "1");
        add(a, "threads", "1");
        add(a, "target-ess", "0");
    }
    return known;
}

static int run_safely(int argc, char **argv)
{
    const cli_command *cmd;
    cli_args           a;
    int                code;

    if (argc < 2 || argv[1][0] == '-') return dispatch(argc, argv);
    if (!(cmd = cli_find(argv[1]))) return CLI_INPUT;
    code = cli_parse(&a, cmd, argc, argv);
    if (code == CLI_DONE && a.help) cli_help_command(cmd, stdout);
    else if (code == CLI_DONE && make_safe(&a)) code = cmd->run(&a);
    cli_args_free(&a);
    return code;
}

/* ---- what came of it --------------------------------------------------------------------------------------------------------- */

static void check_shown(const char *where, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        fuzz_must(c == '\n' || c == '\t' || (c >= ' ' && c != 0x7f), "byte %d on %s: '%s'", c, where, s);
    }
}

static void run(int argc, char **argv)
{
    FILE  *real_out = stdout, *real_err = stderr;
    char  *out = NULL, *err = NULL;
    size_t nout, nerr;
    int    code;

    stdout = open_memstream(&out, &nout);
    stderr = open_memstream(&err, &nerr);
    fuzz_must(stdout && stderr, "out of memory");
    code = run_safely(argc, argv);
    fclose(stdout);
    fclose(stderr);
    stdout = real_out;
    stderr = real_err;
    fuzz_must(code >= CLI_DONE && code <= CLI_UNTRUSTED, "exit code %d", code);
    check_shown("standard error", err, nerr);
    check_shown("standard output", out, nout);
    if (code == CLI_FAILED || code == CLI_INPUT) {
        fuzz_must(nerr > 0, "exit code %d without a message", code);
        fuzz_must(nout == 0, "exit code %d after output: '%s'", code, out);
    }
    free(out);
    free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    char       *text = fuzz_text(data, size), *argv[MOST_WORDS + 2] = { (char[]){ "bmixed" } }, *word[MOST_WORDS + 2];
    int         argc = 1;

    if (!ready) {
        fuzz_must(freopen("/dev/null", "r", stdin), "no /dev/null");
        gsl_set_error_handler_off();
        ready = true;
    }
    for (size_t i = 0; i < size; i++)
        if (!text[i]) text[i] = '\n';
        else if (text[i] == '\n') text[i] = '\0';
    for (size_t at = 0; at < size && argc <= MOST_WORDS; at += strlen(text + at) + 1) argv[argc++] = text + at;
    argv[argc] = NULL;
    memcpy(word, argv, sizeof word);                 /* getopt reorders argv */
    check_line(argc, argv);
    run(argc, word);
    free(text);
    return 0;
}
