/* help.c: usage and help from the tables, and the subcommands that are about the program itself. */
#include "cli/cli.h"

#include <string.h>

enum { WIDTH = 80, COLUMN = 28 };                    /* of the page; where the texts of options begin */

/* Prints text in lines up to WIDTH, each after the first indented; the cursor stands at column `at`. An empty line separates paragraphs. */
static void fill(FILE *out, const char *text, int indent, int at)
{
    bool first = true;

    while (*text) {
        int len = (int)strcspn(text, " \n");

        if (len && !first && at + 1 + len > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
            first = true;
        }
        if (len && !first) fputc(' ', out);
        at += len + (len && !first);
        if (len) first = false;
        fprintf(out, "%.*s", len, text);
        text += len;
        if (strncmp(text, "\n\n", 2) == 0) {
            fprintf(out, "\n\n%*s", indent, "");
            at = indent;
            first = true;
            text += 2;
        } else if (*text) text++;
    }
    fputc('\n', out);
}

static void print_usage(const cli_command *cmd, FILE *out)
{
    for (size_t i = 0; cmd->usage[i]; i++)
        fprintf(out, "%s bmixed %s %s\n", i ? "      " : "Usage:", cmd->name, cmd->usage[i]);
}

static void print_option(const cli_option *o, FILE *out)
{
    char  left[80], def[64], text[1024];
    const char *word = cli_default_text(o, def, sizeof def);
    int   n, at;

    n = snprintf(left, sizeof left, "  %c%c%c --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ', o->letter ? ',' : ' ',
                 o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    fputs(left, out);
    at = n;
    if (n + 2 > COLUMN) {
        fputc('\n', out);
        at = 0;
    }
    fprintf(out, "%*s", COLUMN - at, "");
    if (*word) snprintf(text, sizeof text, "%s (default: %s)", o->help, word);
    else snprintf(text, sizeof text, "%s", o->help);
    fill(out, text, COLUMN, COLUMN);
}

void cli_help_command(const cli_command *cmd, FILE *out)
{
    print_usage(cmd, out);
    fputc('\n', out);
    fill(out, cmd->about, 0, 0);
    for (const cli_group *g = cmd->groups; g->title; g++) {
        fprintf(out, "\n%s:\n", g->title);
        for (const cli_option *o = g->options; o->name; o++) print_option(o, out);
    }
    fputs("\nExamples:\n", out);
    for (const cli_example *e = cmd->examples; e->line; e++) fprintf(out, "  # %s\n  %s\n", e->what, e->line);
}

void cli_help_main(FILE *out)
{
    fputs("bmixed: Bayesian mixed models from the command line\n\n"
          "Usage: bmixed SUBCOMMAND [arguments] [options]\n"
          "       bmixed help SUBCOMMAND\n"
          "       bmixed --version\n"
          "\nSubcommands:\n", out);
    for (const cli_command *const *c = cli_commands(); *c; c++) fprintf(out, "  %-12s%s\n", (*c)->name, (*c)->brief);
    fputs("\nExamples:\n", out);
    for (int i = 0; i < 2; i++) fprintf(out, "  # %s\n  %s\n", cli_fit.examples[i].what, cli_fit.examples[i].line);
    fputs("\nExit codes: 0 done; 1 the run failed; 2 the input must change (usage, data,\n"
          "formula, model file); 3 with --strict, and always from diagnose, sbc and geweke:\n"
          "done, but the diagnostics say not to trust it; 129, 130 or 143: interrupted by a\n"
          "closed terminal, Ctrl-C or kill, what there was is written.\n", out);
}

int cli_usage(const cli_command *cmd)
{
    print_usage(cmd, stderr);
    fprintf(stderr, "`bmixed help %s' lists the options.\n", cmd->name);
    return CLI_INPUT;
}

const cli_command *cli_find(const char *name)
{
    const char *names[64] = { "--help", "--version" }, *near;
    const char *kind = name[0] == '-' ? "option" : "subcommand";
    size_t      n = 2;

    for (const cli_command *const *c = cli_commands(); *c && n < 64; c++) {
        if (strcmp((*c)->name, name) == 0) return *c;
        names[n++] = (*c)->name;
    }
    if (strchr(name, '~')) cli_error("a formula where a subcommand is expected; did you mean 'bmixed fit'?");
    else if ((near = cli_closest(name, names, n))) cli_error("unknown %s '%s'; did you mean '%s'?", kind, name, near);
    else cli_error("unknown %s '%s'; `bmixed help' lists the subcommands", kind, name);
    return NULL;
}

/* ---- what completion of shells asks for ---- */

static int print_completion(const char *shell)
{
    if (strcmp(shell, "bash") == 0) cli_write_bash(stdout);
    else if (strcmp(shell, "zsh") == 0) cli_write_zsh(stdout);
    else {
        cli_error("--completion: '%s' is none of bash|zsh", shell);
        return CLI_INPUT;
    }
    return CLI_DONE;
}

/* Of a CSV file, or of the data that a model file or an output directory names. */
static int print_columns(const char *path)
{
    bm_spec  *spec = NULL;
    bm_error  err = { 0 };
    bm_status st = BM_OK;
    int       code = CLI_DONE;

    if (cli_is_model_file(path)) {
        if ((code = cli_read_model_file(&spec, path)) != CLI_DONE) return code;
        path = bm_spec_get(spec, "data");
    }
    if (path) st = bm_columns_print(path, stdout, &err);
    if (st != BM_OK) code = cli_fail_reading(st, &err);
    bm_spec_free(spec);
    return code;
}

static int run(const cli_args *a)
{
    const cli_command *cmd;

    if (a->files.n > 1) {
        cli_error("help explains one subcommand at a time");
        return cli_usage(&cli_help);
    }
    if (a->man) cli_write_manual(stdout);
    else if (a->completion) return print_completion(a->completion);
    else if (a->columns) return print_columns(a->columns);
    else if (a->files.n == 0) cli_help_main(stdout);
    else if ((cmd = cli_find(a->files.v[0]))) cli_help_command(cmd, stdout);
    else return CLI_INPUT;
    return CLI_DONE;
}

static const cli_option own_options[] = {
    { .name = "man", .kind = CLI_FLAG, .at = offsetof(cli_args, man), .help = "print the manual page (roff): `bmixed help --man | man -l -'" },
    { .name = "completion", .arg = "bash|zsh", .kind = CLI_TEXT, .at = offsetof(cli_args, completion),
      .help = "print completion for a shell: `source <(bmixed help --completion bash)'" },
    { .name = "columns", .arg = "FILE", .kind = CLI_TEXT, .at = offsetof(cli_args, columns),
      .help = "print the names of the columns of a data file, or of that of a model file or output directory, one a line" },
    { .name = NULL }
};

const cli_command cli_help = {
    .name = "help", .brief = "explain a subcommand",
    .usage = (const char *const[]){ "[SUBCOMMAND]", NULL },
    .about = "Prints what a subcommand does, its options with their defaults, and examples.",
    .groups = (const cli_group[]){ { "Options", own_options }, { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){ { "what fit can do", "bmixed help fit" },
                                       { "the manual page, for man -l bmixed.1", "bmixed help --man > bmixed.1" }, { NULL, NULL } },
    .run = run
};
