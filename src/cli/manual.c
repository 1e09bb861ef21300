/* manual.c: the manual page, from the same tables as help. */
#include "cli/cli.h"

#include <string.h>

/* Text for roff: backslashes and hyphens kept as typed, no line that roff would take for a request, `word' in bold. */
static void put_roff(FILE *out, const char *s)
{
    bool start = true;

    for (; *s; s++) {
        if (start && (*s == '.' || *s == '\'')) fputs("\\&", out);
        start = *s == '\n';
        if (*s == '\\') fputs("\\e", out);
        else if (*s == '-') fputs("\\-", out);
        else if (*s == '`') fputs("\\fB", out);
        else if (*s == '\'') fputs("\\(aq", out);
        else if (*s == '~') fputs("\\(ti", out);
        else if (*s == '^') fputs("\\(ha", out);
        else fputc(*s, out);
    }
}

/* Help texts quote commands as `command': the closing quote ends the bold. */
static void put_text(FILE *out, const char *s)
{
    const char *open, *close;

    while ((open = strchr(s, '`')) && (close = strchr(open, '\''))) {
        char part[1024];

        snprintf(part, sizeof part, "%.*s", (int)(close - s), s);
        put_roff(out, part);
        fputs("\\fR", out);
        s = close + 1;
    }
    put_roff(out, s);
}

static void put_paragraphs(FILE *out, const char *s)
{
    const char *end;
    char        part[2048];

    for (; (end = strstr(s, "\n\n")); s = end + 2) {
        snprintf(part, sizeof part, "%.*s", (int)(end - s), s);
        put_text(out, part);
        fputs("\n.PP\n", out);
    }
    put_text(out, s);
    fputc('\n', out);
}

static void put_option(FILE *out, const cli_option *o)
{
    char        buf[64];
    const char *def = cli_default_text(o, buf, sizeof buf);

    fputs(".TP\n", out);
    if (o->letter) fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
    fputs("\\fB\\-\\-", out);
    put_roff(out, o->name);
    fputs("\\fR", out);
    if (o->arg) {
        fputs(" \\fI", out);
        put_roff(out, o->arg);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    put_text(out, o->help);
    if (*def) {
        fputs(" (default: ", out);
        put_text(out, def);
        fputc(')', out);
    }
    fputs(".\n", out);
}

/* Tables that several subcommands take are printed once, under their own heading. */
static const struct { const char *title, *about; const cli_option *options; } shared[] = {
    { "MODEL OPTIONS", "What is modelled; they override a model file.", cli_model_options },
    { "SAMPLING OPTIONS", "How it is sampled; they override a model file.", cli_sampler_options },
    { "GENERAL OPTIONS", "Taken by every subcommand.", cli_general_options },
};
enum { NSHARED = sizeof shared / sizeof *shared };

static const char *shared_title(const cli_option *options)
{
    for (size_t i = 0; i < NSHARED; i++)
        if (options == shared[i].options) return shared[i].title;
    return NULL;
}

static void put_command(FILE *out, const cli_command *cmd)
{
    const char *title;

    fprintf(out, ".SS bmixed %s\n", cmd->name);
    for (size_t i = 0; cmd->usage[i]; i++) {
        fprintf(out, ".B bmixed %s\n", cmd->name);
        put_roff(out, cmd->usage[i]);
        fputs("\n.br\n", out);
    }
    fputs(".PP\n", out);
    put_paragraphs(out, cmd->about);
    for (const cli_group *g = cmd->groups; g->title; g++) {
        if ((title = shared_title(g->options))) {
            if (g->options != cli_general_options) fprintf(out, ".PP\nAnd the options under\n.BR \"%s\" .\n", title);
            continue;
        }
        fprintf(out, ".PP\n%s:\n", g->title);
        for (const cli_option *o = g->options; o->name; o++) put_option(out, o);
    }
    fputs(".PP\nExamples:\n.PP\n.EX\n", out);
    for (const cli_example *e = cmd->examples; e->line; e++) {
        fputs("# ", out);
        put_roff(out, e->what);
        fputc('\n', out);
        put_roff(out, e->line);
        fputc('\n', out);
    }
    fputs(".EE\n", out);
}

void cli_write_manual(FILE *out)
{
    fprintf(out, ".TH BMIXED 1 \"\" \"bmixed %s\" \"User Commands\"\n"
                 ".SH NAME\nbmixed \\- Bayesian mixed models from the command line\n"
                 ".SH SYNOPSIS\n.B bmixed\n.I SUBCOMMAND\n[\\fIarguments\\fR] [\\fIoptions\\fR]\n"
                 ".br\n.B bmixed help\n[\\fISUBCOMMAND\\fR]\n.br\n.B bmixed \\-\\-version\n"
                 ".SH DESCRIPTION\n"
                 "Reads data (CSV) and a formula as R's lme4 takes it, or a model file (JSON), and draws from the posterior of the mixed\n"
                 "model y = o + X b + Z u + e with u and e normal. The result goes to standard output and, with\n"
                 ".BR \\-o ,\ninto a directory that appears whole or not at all; progress, notes and warnings go to standard error.\n"
                 ".SH SUBCOMMANDS\n", bm_version());
    for (const cli_command *const *c = cli_commands(); *c; c++) put_command(out, *c);
    for (size_t i = 0; i < NSHARED; i++) {
        fprintf(out, ".SH %s\n%s\n", shared[i].title, shared[i].about);
        for (const cli_option *o = shared[i].options; o->name; o++) put_option(out, o);
    }
    fputs(".SH EXIT STATUS\n"
          ".TP\n.B 0\nDone.\n"
          ".TP\n.B 1\nThe run failed.\n"
          ".TP\n.B 2\nThe input must change: usage, data, formula or model file; the message says where.\n"
          ".TP\n.B 3\nWith \\fB\\-\\-strict\\fR, and always from diagnose, sbc and geweke: done, but the diagnostics say not to trust the result.\n"
          ".TP\n.BR 129 \", \" 130 \", \" 143\nInterrupted by a closed terminal, Ctrl\\-C or kill; the draws so far are summarised and written, marked as interrupted.\n"
          ".SH ENVIRONMENT\n"
          ".TP\n.BR BMIXED_BLAS \", \" BMIXED_CHOLMOD\nThe shared libraries with BLAS and LAPACK, and CHOLMOD, that large models are fitted with, in place of\n"
          "OpenBLAS and the CHOLMOD that belongs to the program.\n"
          ".TP\n.B COLUMNS\nWidth of the tables where standard output is no terminal.\n"
          ".TP\n.B NO_COLOR\nIf set and not empty, no colours.\n", out);
}
