/* report.c: `bmixed report`: one self-contained HTML page about a fit. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *default_path(const char *dir)
{
    static const char name[] = "report.html";
    size_t n = strlen(dir);
    char  *path = malloc(n + sizeof name + 1);

    if (path) stpcpy(stpcpy(stpcpy(path, dir), n && dir[n - 1] == '/' ? "" : "/"), name);
    return path;
}

static int run(const cli_args *a)
{
    const char *dir = a->files.n ? a->files.v[0] : NULL;
    char       *inside = NULL;
    struct stat sb;
    cli_file    file;
    bm_error    err = { 0 };
    bm_status   st;
    size_t      hold;
    int         code = cli_rows_to_hold(a, &hold);

    if (code != CLI_DONE) return code;
    if (!dir) {
        cli_help_command(&cli_report, stderr);
        return CLI_INPUT;
    }
    if (a->files.n > 1) {
        cli_error("one report is about one output directory");
        return cli_usage(&cli_report);
    }
    if (stat(dir, &sb) != 0 || !S_ISDIR(sb.st_mode)) {
        cli_error("%s is not an output directory of bmixed fit: make one with `bmixed fit ... -o DIR'", dir);
        return CLI_INPUT;
    }
    if (!a->out && !(inside = default_path(dir))) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    /* The page in the directory is ours to replace; a file that was named is not. */
    if ((code = cli_file_open(&file, a->out ? a->out : inside, a->force || !a->out)) == CLI_DONE) {
        if ((st = bm_report_write_streamed(dir, hold, file.f, &err)) != BM_OK) code = st == BM_EIO && ferror(file.f) ? cli_fail_running(st, &err) : cli_fail_reading(st, &err);
        code = cli_file_close(&file, code);
        if (code == CLI_DONE && !(a->out && strcmp(a->out, "-") == 0)) cli_note(a, "written to %s", a->out ? a->out : inside);
    }
    free(inside);
    return code;
}

static const cli_option own_options[] = {
    { .name = "out", .letter = 'o', .arg = "FILE", .kind = CLI_TEXT, .at = offsetof(cli_args, out), .help = "where to write the page; - is standard output",
      .def = CLI_DEFAULT_TEXT, .def_text = "DIR/report.html" },
    { .name = "force", .kind = CLI_FLAG, .at = offsetof(cli_args, force), .help = "replace FILE if it exists; DIR/report.html always is" },
    { .name = NULL }
};

const cli_command cli_report = {
    .name = "report", .brief = "write a report of a fit as one HTML page",
    .usage = (const char *const[]){ "DIR [options]", NULL },
    .about = "Writes one self-contained HTML page about the fit in an output directory of `bmixed fit': the model in words, in lme4's notation and "
             "as equations; the data used and dropped; the results in plain sentences, tables and drawings, over their priors; group effects; "
             "fitted lines; a posterior predictive check; whether the computation can be trusted and what to do if not; the REML fit of the same "
             "model beside it; and how to reproduce it all. It needs no network and no scripts, can be read on a phone, and prints.\n\n"
             "The data must still be where model.json says, unchanged. Of more than 250,000 rows only cross-products are kept, and the page then is without "
             "fitted lines and the predictive check; --hold-rows all brings them back.",
    .groups = (const cli_group[]){ { "Output", own_options }, { "Data", cli_data_options }, { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "sleep/report.html, to be opened in a browser", "bmixed report sleep" },
        { "the page elsewhere", "bmixed report sleep -o sleep.html" },
        { NULL, NULL } },
    .run = run
};
