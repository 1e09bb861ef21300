/* main.c: bmixed, Bayesian mixed models from the command line. Finds the subcommand in a table and runs it. */
#include "cli/cli.h"

#include <gsl/gsl_errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const cli_command *const commands[] = { &cli_fit, &cli_reml, &cli_compare, &cli_model, &cli_summary, &cli_diagnose, &cli_plot, &cli_report,
                                              &cli_simulate, &cli_sbc, &cli_geweke, &cli_help, NULL };

const cli_command *const *cli_commands(void)
{
    return commands;
}

static void print_version(void)
{
    printf("bmixed %s\n"
           "Copyright (C) 2026 the bmixed authors.\n"
           "License GPLv3+: GNU GPL version 3 or later <https://gnu.org/licenses/gpl.html>.\n"
           "This is free software: you are free to change and redistribute it.\n"
           "There is NO WARRANTY, to the extent permitted by law.\n", bm_version());
}

static int run_command(const cli_command *cmd, int argc, char **argv)
{
    cli_args a;
    int      code = cli_parse(&a, cmd, argc, argv);

    if (code == CLI_DONE) {
        if (a.help) cli_help_command(cmd, stdout);
        else code = cmd->run(&a);
    }
    cli_args_free(&a);
    return code;
}

static int dispatch(int argc, char **argv)
{
    const cli_command *cmd;
    const char        *word = argc > 1 ? argv[1] : "";

    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        print_version();
        return CLI_DONE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        cli_help_main(stdout);
        return CLI_DONE;
    }
    if (argc < 2) {
        cli_help_main(stderr);
        return CLI_INPUT;
    }
    if (!(cmd = cli_find(word))) return CLI_INPUT;
    return run_command(cmd, argc, argv);
}

int main(int argc, char **argv)
{
    cli_secure_standard_files();
    setenv("OPENBLAS_NUM_THREADS", "1", 1);          /* or it starts a thread per core when it is loaded, which wait in a loop for work that never comes */
    signal(SIGPIPE, SIG_IGN);                        /* a closed pipe is an error we report, not a death */
    gsl_set_error_handler_off();                     /* its default aborts; statuses are checked instead */
    return cli_close_stdout(dispatch(argc, argv));
}
