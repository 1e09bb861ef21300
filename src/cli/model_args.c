/* model_args.c: which model the arguments of a subcommand name, the options on top of it, and the model made of them. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_formula(const char *s)
{
    return strchr(s, '~') && !(access(s, F_OK) == 0 && strlen(s) > 5 && strcmp(s + strlen(s) - 5, ".json") == 0);
}

static int set(bm_spec *s, const char *key, const char *value)
{
    bm_error  err = { 0 };
    bm_status st = bm_spec_set(s, key, value, &err);

    return st == BM_OK ? CLI_DONE : cli_fail_reading(st, &err);
}

static int from_formula(bm_spec **out, const char *formula, const char *data)
{
    bm_error  err = { 0 };
    bm_status st = bm_spec_new(out, &err);
    int       code;

    if (st != BM_OK) return cli_fail_reading(st, &err);
    if ((code = set(*out, "formula", formula)) != CLI_DONE) return code;
    return data ? set(*out, "data", data) : CLI_DONE;
}

int cli_read_model_file(bm_spec **out, const char *path)
{
    static const char inside[] = "/model.json";
    bm_error    err = { 0 };
    bm_status   st;
    struct stat sb;
    char       *file = malloc(strlen(path) + sizeof inside);

    if (!file) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    stpcpy(stpcpy(file, path), stat(path, &sb) == 0 && S_ISDIR(sb.st_mode) ? inside : "");
    st = bm_spec_read(out, file, &err);
    free(file);
    return st == BM_OK ? CLI_DONE : cli_fail_reading(st, &err);
}

bool cli_is_model_file(const char *path)
{
    struct stat sb;
    const char *dot = strrchr(path, '.');

    return (dot && strcmp(dot, ".json") == 0) || (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode));
}

static int wrong(const cli_args *a, const char *what)
{
    cli_error("%s", what);
    return cli_usage(a->command);
}

static int from_checkpoint(bm_spec **out, const bm_checkpoint *c)
{
    bm_error  err = { 0 };
    bm_status st = bm_checkpoint_spec(out, c, &err);

    return st == BM_OK ? CLI_DONE : cli_fail_reading(st, &err);
}

static int read_base(bm_spec **out, const cli_args *a)
{
    const char *const *f = a->files.v;
    size_t      n = a->files.n;
    int         code;

    if (a->resumed) return from_checkpoint(out, a->resumed);
    if (n == 0) {
        cli_help_command(a->command, stderr);
        return CLI_INPUT;
    }
    if (n > 2) return wrong(a, "too many arguments; a formula with blanks needs quotes around it");
    if (is_formula(f[0])) {
        if (n < 2 && !a->rows_from) return wrong(a, "a formula needs data: a CSV file, or - for standard input");
        return from_formula(out, f[0], n > 1 ? f[1] : NULL);
    }
    if (n == 2 && is_formula(f[1])) return from_formula(out, f[1], f[0]);
    if (!cli_is_model_file(f[0])) {
        cli_error("'%s' is neither a formula (no ~ in it) nor a model file (.json) or an output directory", f[0]);
        return cli_usage(a->command);
    }
    if ((code = cli_read_model_file(out, f[0])) != CLI_DONE) return code;
    return n == 2 ? set(*out, "data", f[1]) : CLI_DONE;
}

int cli_read_spec(bm_spec **out, const cli_args *a)
{
    int code = read_base(out, a);

    if (code == CLI_DONE && a->rows_from) code = set(*out, "data", a->rows_from);
    for (size_t i = 0; code == CLI_DONE && i < a->keys.n; i++) code = set(*out, a->keys.v[i], a->values.v[i]);
    if (code == CLI_DONE) return code;
    bm_spec_free(*out);
    *out = NULL;
    return code;
}

int cli_rows_to_hold(const cli_args *a, size_t *hold)
{
    unsigned long long n;
    char              *end;

    *hold = a->hold_rows ? 0 : BM_HOLD_ROWS;
    if (!a->hold_rows || strcmp(a->hold_rows, "all") == 0) return CLI_DONE;
    errno = 0;
    n = strtoull(a->hold_rows, &end, 10);
    if (a->hold_rows[0] < '0' || a->hold_rows[0] > '9' || *end || errno || n == 0 || n > SIZE_MAX) {
        cli_error("--hold-rows: '%s' is neither a number of rows, at least 1, nor 'all'", a->hold_rows);
        return CLI_INPUT;
    }
    *hold = (size_t)n;
    return CLI_DONE;
}

int cli_with_model(const cli_args *a, cli_model_use *use, void *self)
{
    bm_spec     *spec = NULL;
    bm_model    *model = NULL;
    cli_progress progress;
    bm_error     err = { 0 };
    bm_status    st;
    int          code = cli_read_spec(&spec, a);

    if (code != CLI_DONE) return code;
    cli_progress_start(&progress, a);
    bm_spec_on_progress(spec, cli_progress_step, &progress);
    st = a->hold ? bm_model_new_streamed(&model, spec, a->hold, &err) : bm_model_new(&model, spec, NULL, &err);
    cli_progress_end(&progress);
    if (st != BM_OK) code = cli_fail_reading(st, &err);
    else {
        if (a->verbose && *bm_model_reading(model)) cli_note(a, "data: %s", bm_model_reading(model));
        code = use(model, spec, a, self);
    }
    bm_model_free(model);
    bm_spec_free(spec);
    return code;
}
