/* summary.c: `bmixed summary`: quantiles and diagnostics of saved draws, ours or anybody's. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

/* "0.05,0.95" to numbers; the caller frees *out. */
static int parse_probs(double **out, size_t *n, const char *text)
{
    char *end;

    *n = 0;
    if (!(*out = calloc(strlen(text) / 2 + 1, sizeof **out))) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    for (const char *p = text;; p = end + 1) {
        double x = strtod(p, &end);

        if (end == p || (*end != ',' && *end != '\0') || !(x >= 0 && x <= 1)) {
            cli_error("--probs: '%.*s' is not a probability between 0 and 1", (int)strcspn(p, ","), p);
            return CLI_INPUT;
        }
        (*out)[(*n)++] = x;
        if (!*end) return CLI_DONE;
    }
}

/* Where the first name of "b_*,r_Subject[308,Intercept],sigma" ends: commas within brackets belong to the name. */
static size_t name_length(const char *s)
{
    int    depth = 0;
    size_t i = 0;

    for (; s[i]; i++) {
        if (s[i] == '[' || s[i] == '(') depth++;
        else if ((s[i] == ']' || s[i] == ')') && depth > 0) depth--;
        else if (s[i] == ',' && depth == 0) break;
    }
    return i;
}

/* All names of all --vars, separated, into one block that the list borrows from; the caller frees both. */
static bool split_vars(cli_list *out, char **block, const cli_list *vars)
{
    size_t size = 1;
    char  *p;

    for (size_t i = 0; i < vars->n; i++) size += strlen(vars->v[i]) + 1;
    if (!(*block = p = malloc(size))) {
        cli_error("out of memory");
        return false;
    }
    for (size_t i = 0; i < vars->n; i++)
        for (const char *s = vars->v[i];;) {
            size_t len = name_length(s);

            if (len && !cli_list_add(out, p)) return false;
            memcpy(p, s, len);
            p += len;
            *p++ = '\0';
            if (!s[len]) break;
            s += len + 1;
        }
    return true;
}

static int print_summary(const cli_args *a, const bm_summary_options *sopt)
{
    bm_print_options popt = cli_print_options(a);
    bm_draws *draws = NULL;
    bm_error  err = { 0 };
    bm_status st = bm_draws_read(&draws, a->files.v, a->files.n, &err);
    int       code = CLI_DONE;

    if (st != BM_OK) code = cli_fail_reading(st, &err);
    else if ((st = bm_draws_print(draws, stdout, sopt, &popt, &err)) != BM_OK) code = cli_fail_running(st, &err);
    bm_draws_free(draws);
    return code;
}

static int run(const cli_args *a)
{
    bm_summary_options opt = BM_SUMMARY_OPTIONS_INIT;
    cli_list vars = { 0 };
    double  *probs = NULL;
    char    *block = NULL;
    int      code = CLI_DONE;

    if (a->files.n == 0) {
        cli_help_command(&cli_summary, stderr);
        return CLI_INPUT;
    }
    if (a->json && a->csv) {
        cli_error("--json and --csv exclude each other");
        return cli_usage(&cli_summary);
    }
    if (a->probs) code = parse_probs(&probs, &opt.nprobs, a->probs);
    if (code == CLI_DONE && !split_vars(&vars, &block, &a->vars)) code = CLI_FAILED;
    if (code == CLI_DONE) {
        opt.probs = probs;
        opt.vars = vars.n ? vars.v : NULL;
        opt.nvars = vars.n;
        opt.csv = a->csv;
        code = print_summary(a, &opt);
    }
    free(probs);
    free(block);
    cli_list_free(&vars);
    return code;
}

static const cli_option own_options[] = {
    { .name = "probs", .arg = "P,...", .kind = CLI_TEXT, .at = offsetof(cli_args, probs), .help = "quantiles to print",
      .def = CLI_DEFAULT_TEXT, .def_text = "0.05,0.95" },
    { .name = "vars", .arg = "NAME,...", .kind = CLI_LIST, .at = offsetof(cli_args, vars),
      .help = "variables to print, by name or shell pattern (b_*); may be repeated", .def = CLI_DEFAULT_TEXT, .def_text = "all" },
    { .name = "json", .kind = CLI_FLAG, .at = offsetof(cli_args, json), .help = "as JSON" },
    { .name = "csv", .kind = CLI_FLAG, .at = offsetof(cli_args, csv), .help = "as CSV, in the layout of summary.csv" },
    { .name = NULL }
};

const cli_command cli_summary = {
    .name = "summary", .brief = "summarise saved draws: ours, a draws.csv, or Stan CSV files",
    .usage = (const char *const[]){ "DIR [options]", "DRAWS.csv [options]", "STAN1.csv STAN2.csv ... [options]", NULL },
    .about = "Reads draws (an output directory of `bmixed fit', one CSV file in the layout of its draws.csv, or Stan CSV files, one per "
             "chain) and prints mean, sd, quantiles, rank-normalised R-hat, bulk and tail effective sample size of every variable "
             "(Vehtari et al. 2021).",
    .groups = (const cli_group[]){ { "Output", own_options }, { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "95 % intervals of the coefficients and the residual sd", "bmixed summary sleep --probs 0.025,0.975 --vars 'b_*,sigma'" },
        { "everything as CSV", "bmixed summary sleep/draws.csv --csv" },
        { NULL, NULL } },
    .run = run
};
