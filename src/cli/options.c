/* options.c: the options that several subcommands share, and the parsing of a command line by the tables of its subcommand. */
#include "cli/cli.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const cli_option cli_model_options[] = {
    { .name = "prior", .arg = "'TARGET ~ DIST'",
      .help = "prior of a parameter or a class of parameters (b, b_NAME, Intercept, sd, sd(GROUP), sd_GROUP__TERM, cor, cor(GROUP), "
              "cov(GROUP), sigma): normal(m,s), student_t(df,m,s), flat(), half_cauchy(0,s), half_normal(0,s), half_t(df,0,s), exponential(rate), "
              "gamma(shape,rate), lognormal(m,s), uniform(a,b), inv_gamma(a,b), constant(x), lkj(eta), inv_wishart(df,scale); "
              "may be repeated, the most specific target wins",
      .def = CLI_DEFAULT_TEXT, .def_text = "weakly informative, scaled to the data; `bmixed model' prints them" },
    { .name = "factor", .arg = "COL,...", .help = "columns to take as categorical though they look numeric",
      .def = CLI_DEFAULT_TEXT, .def_text = "text columns and grouping factors" },
    { .name = "levels", .arg = "COL=A,B,...", .help = "order of the levels of a factor; the first is the reference; may be repeated",
      .def = CLI_DEFAULT_TEXT, .def_text = "numbers by size, else text in byte order" },
    { .name = "contrasts", .arg = "KIND|COL=KIND", .help = "coding of factors: treatment, sum or helmert, for all or for one; may be repeated",
      .def = CLI_DEFAULT_TEXT, .def_text = "treatment" },
    { .name = "weights", .arg = "COL", .help = "precision weights: the residual variance of a row is sigma^2 / weight",
      .def = CLI_DEFAULT_TEXT, .def_text = "none: all alike" },
    { .name = "se", .arg = "COL", .help = "known standard errors of the response; there is no sigma then",
      .def = CLI_DEFAULT_TEXT, .def_text = "none: sigma is estimated" },
    { .name = "na", .arg = "omit|fail", .help = "rows with missing values: leave them out and count them, or refuse",
      .def = CLI_DEFAULT_TEXT, .def_text = "omit" },
    { .name = "na-strings", .arg = "TEXT,...", .help = "cells that mean a missing value", .def = CLI_DEFAULT_TEXT, .def_text = "NA and empty" },
    { .name = "delim", .arg = "CHAR", .help = "what separates the fields of the data", .def = CLI_DEFAULT_TEXT,
      .def_text = "comma, tab or semicolon, seen from the header" },
    { .name = NULL }
};

#define FROM_FIT(type, field) .def = CLI_DEFAULT_##type, .def_at = offsetof(cli_defaults, fit.field)

const cli_option cli_data_options[] = {
    { .name = "hold-rows", .arg = "N|all", .kind = CLI_TEXT, .at = offsetof(cli_args, hold_rows),
      .help = "rows of the data to keep in memory; of a longer file only cross-products are kept, if the model allows it (-v says so; the README lists what does not)",
      .def = CLI_DEFAULT_TEXT, .def_text = "250000" },
    { .name = NULL }
};

const cli_option cli_sampler_options[] = {
    { .name = "chains", .arg = "N", .help = "independent chains", FROM_FIT(INT, chains) },
    { .name = "warmup", .arg = "N", .help = "iterations of each chain that adapt the sampler and are thrown away, at most: half or a quarter of them where the proposal fits by then and is not to be used for long; as many again where none fits and Hamiltonian moves take over", FROM_FIT(INT, warmup) },
    { .name = "draws", .arg = "N", .help = "draws kept, per chain", FROM_FIT(INT, draws) },
    { .name = "thin", .arg = "N", .help = "keep every Nth iteration", FROM_FIT(INT, thin) },
    { .name = "seed", .arg = "N", .help = "same seed, data and build: same draws, whatever --threads is", FROM_FIT(U64, seed) },
    { .name = "threads", .arg = "N", .help = "threads: chains run side by side, and parts of very many groups where there are more threads than chains; the draws do not depend on their number", FROM_FIT(INT, threads), .def_text = "one per core" },
    { .name = "target-ess", .arg = "N", .help = "go on until every parameter but the single group effects has this effective sample size",
      FROM_FIT(DOUBLE, target_ess), .def_text = "off" },
    { .name = "sampler", .arg = "auto|collapsed|gibbs", .help = "how to sample; auto chooses by the design and a pilot, and says why",
      FROM_FIT(WORD, sampler) },
    { .name = "ranef-draws", .arg = "auto|all|none", .help = "keep draws of the single group effects; auto keeps up to 1000 effects; "
      "their summaries are written always, from their exact conditional distributions", FROM_FIT(WORD, ranef_draws) },
    { .name = NULL }
};

const cli_option cli_general_options[] = {
    { .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .at = offsetof(cli_args, quiet), .help = "no progress and no notes on standard error" },
    { .name = "verbose", .letter = 'v', .kind = CLI_FLAG, .at = offsetof(cli_args, verbose), .help = "say more" },
    { .name = "help", .letter = 'h', .kind = CLI_FLAG, .at = offsetof(cli_args, help), .help = "print this help" },
    { .name = NULL }
};

/* ---- walking the tables ---------------------------------------------------------------------------------------------- */

size_t cli_option_count(const cli_command *cmd)
{
    size_t n = 0;

    while (cli_option_at(cmd, n)) n++;
    return n;
}

const cli_option *cli_option_at(const cli_command *cmd, size_t i)
{
    for (const cli_group *g = cmd->groups; g->title; g++)
        for (const cli_option *o = g->options; o->name; o++)
            if (i-- == 0) return o;
    return NULL;
}

/* The i-th of the words "a|b|c"; its length in *n; NULL past the end. */
static const char *nth_word(const char *words, size_t i, size_t *n)
{
    for (; words; words = strchr(words, '|') ? strchr(words, '|') + 1 : NULL) {
        *n = strcspn(words, "|");
        if (i-- == 0) return words;
    }
    return NULL;
}

const char *cli_default_text(const cli_option *o, char *buf, size_t size)
{
    static const cli_defaults defaults = { BM_FIT_OPTIONS_INIT, BM_WRITE_OPTIONS_INIT, BM_COMPARE_OPTIONS_INIT, BM_SBC_OPTIONS_INIT, BM_GEWEKE_OPTIONS_INIT };
    const char *at = (const char *)&defaults + o->def_at, *word;
    double      value = 0;
    size_t      n;

    switch (o->def) {
    case CLI_NO_DEFAULT: return "";
    case CLI_DEFAULT_TEXT: return o->def_text;
    case CLI_DEFAULT_WORD:
        word = nth_word(o->arg, *(const unsigned *)(const void *)at, &n);
        snprintf(buf, size, "%.*s", word ? (int)n : 0, word ? word : "");
        return buf;
    case CLI_DEFAULT_INT: value = *(const int *)(const void *)at; break;
    case CLI_DEFAULT_U64: value = (double)*(const uint64_t *)(const void *)at; break;
    case CLI_DEFAULT_DOUBLE: value = *(const double *)(const void *)at; break;
    }
    if (!(value > 0) && o->def_text) return o->def_text;
    snprintf(buf, size, "%.15g", value);
    return buf;
}

/* ---- taking one option ------------------------------------------------------------------------------------------------ */

static int take_word(int *dst, const cli_option *o, const char *value)
{
    const char *word;
    size_t      n;

    for (size_t i = 0; (word = nth_word(o->arg, i, &n)); i++)
        if (strlen(value) == n && strncmp(word, value, n) == 0) {
            *dst = (int)i;
            return CLI_DONE;
        }
    cli_error("--%s: '%s' is none of %s", o->name, value, o->arg);
    return CLI_INPUT;
}

static int take(cli_args *a, const cli_option *o, const char *value)
{
    void *at = (char *)a + o->at;

    switch (o->kind) {
    case CLI_SPEC: return cli_list_add(&a->keys, o->name) && cli_list_add(&a->values, value) ? CLI_DONE : CLI_FAILED;
    case CLI_FLAG: *(bool *)at = true; return CLI_DONE;
    case CLI_TEXT: *(const char **)at = value; return CLI_DONE;
    case CLI_LIST: return cli_list_add(at, value) ? CLI_DONE : CLI_FAILED;
    case CLI_WORD: return take_word(at, o, value);
    }
    return CLI_FAILED;
}

/* ---- getopt_long ------------------------------------------------------------------------------------------------------- */

enum { LONG_BASE = 256 };                            /* above every letter */

typedef struct {
    struct option *longs;
    const char   **names;
    char          *shorts;
    size_t         n;
} getopt_tables;

static void tables_free(getopt_tables *t)
{
    free(t->longs);
    free(t->names);
    free(t->shorts);
}

static bool tables_new(getopt_tables *t, const cli_command *cmd)
{
    char *p;

    t->n = cli_option_count(cmd);
    t->longs = calloc(t->n + 1, sizeof *t->longs);
    t->names = calloc(t->n + 1, sizeof *t->names);
    t->shorts = p = calloc(t->n + 1, 2);
    if (!t->longs || !t->names || !t->shorts) return false;
    *p++ = ':';                                      /* tell a missing argument from an unknown option */
    for (size_t i = 0; i < t->n; i++) {
        const cli_option *o = cli_option_at(cmd, i);

        t->names[i] = o->name;
        t->longs[i] = (struct option){ o->name, o->arg ? required_argument : no_argument, NULL, LONG_BASE + (int)i };
        if (!o->letter) continue;
        *p++ = o->letter;
        if (o->arg) *p++ = ':';
    }
    return true;
}

static const cli_option *option_of(const cli_command *cmd, int c)
{
    if (c >= LONG_BASE) return cli_option_at(cmd, (size_t)(c - LONG_BASE));
    for (size_t i = 0; i < cli_option_count(cmd); i++)
        if (cli_option_at(cmd, i)->letter == c) return cli_option_at(cmd, i);
    return NULL;
}

/* getopt gives the same '?' for an unknown option, an abbreviation of several, and an argument where none is taken. */
static void say_refused(const getopt_tables *t, const cli_command *cmd, int opt, const char *typed)
{
    char        name[64] = "";
    const char *near;
    size_t      len, like = 0;

    if (opt >= LONG_BASE) {
        cli_error("--%s takes no argument", option_of(cmd, opt)->name);
        return;
    }
    if (opt) {
        cli_error("unknown option '-%c'", opt);
        return;
    }
    len = strcspn(typed + 2, "=");
    snprintf(name, sizeof name, "%.*s", (int)len, typed + 2);
    for (size_t i = 0; i < t->n; i++) like += strncmp(t->names[i], typed + 2, len) == 0;
    near = cli_closest(name, t->names, t->n);
    if (like > 1) cli_error("option '--%s' could be several; write more of it", name);
    else if (near) cli_error("unknown option '--%s'; did you mean '--%s'?", name, near);
    else cli_error("unknown option '--%s'", name);
}

static int parse_options(cli_args *a, const cli_command *cmd, const getopt_tables *t, int argc, char **argv)
{
    int c, code;

    optind = 0;                                      /* start anew (GNU) */
    opterr = 0;
    while ((c = getopt_long(argc, argv, t->shorts, t->longs, NULL)) != -1) {
        if (c == '?' || c == ':') {
            const cli_option *o = option_of(cmd, optopt);

            if (c == ':') cli_error("--%s needs an argument: --%s %s", o->name, o->name, o->arg);
            else say_refused(t, cmd, optopt, argv[optind - 1]);
            return cli_usage(cmd);
        }
        if ((code = take(a, option_of(cmd, c), optarg)) != CLI_DONE) return code;
    }
    for (int i = optind; i < argc; i++)
        if (!cli_list_add(&a->files, argv[i])) return CLI_FAILED;
    return CLI_DONE;
}

int cli_parse(cli_args *a, const cli_command *cmd, int argc, char **argv)
{
    getopt_tables t = { 0 };
    int           code = CLI_FAILED;

    *a = (cli_args){ .command = cmd, .line = cli_quote_line(argc, argv), .format = -1 };
    if (!a->line || !tables_new(&t, cmd)) cli_error("out of memory");
    else code = parse_options(a, cmd, &t, argc - 1, argv + 1);
    tables_free(&t);
    return code;
}

void cli_args_free(cli_args *a)
{
    free(a->line);
    cli_list_free(&a->files);
    cli_list_free(&a->keys);
    cli_list_free(&a->values);
    cli_list_free(&a->set);
    cli_list_free(&a->vars);
    cli_list_free(&a->kinds);
}

int cli_whole_number(const char *option, const char *text, int *out)
{
    char *end;
    long  v;

    if (!text) return CLI_DONE;
    v = strtol(text, &end, 10);
    if (end == text || *end || v < 1 || v > INT_MAX) {
        cli_error("--%s: '%s' is not a whole number above 0", option, text);
        return CLI_INPUT;
    }
    *out = (int)v;
    return CLI_DONE;
}
