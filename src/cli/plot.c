/* plot.c: `bmixed plot`: pictures of saved draws. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* "trace,rank" to words in one block that the list borrows from; the caller frees both. */
static bool split_kinds(cli_list *out, char **block, const cli_list *from)
{
    size_t size = 1;
    char  *p;

    for (size_t i = 0; i < from->n; i++) size += strlen(from->v[i]) + 1;
    if (!(*block = p = malloc(size))) {
        cli_error("out of memory");
        return false;
    }
    for (size_t i = 0; i < from->n; i++) {
        stpcpy(p, from->v[i]);
        for (char *rest = p, *word; (word = strsep(&rest, ","));)
            if (*word && !cli_list_add(out, word)) return false;
        p += strlen(from->v[i]) + 1;
    }
    return true;
}

static bool is_directory(const cli_args *a)
{
    struct stat sb;

    return a->files.n == 1 && stat(a->files.v[0], &sb) == 0 && S_ISDIR(sb.st_mode);
}

/* DIR/plots for a directory; pictures of a file of draws need -o. The caller frees it. */
static char *default_dir(const cli_args *a)
{
    static const char inside[] = "/plots";
    const char *dir = a->files.v[0];
    struct stat sb;
    char       *path;

    if (stat(dir, &sb) != 0) {
        cli_error("%s: %s", dir, strerror(errno));
        return NULL;
    }
    if (!is_directory(a)) {
        cli_error("-o says where the pictures of draws in files go");
        return NULL;
    }
    if (!(path = malloc(strlen(dir) + sizeof inside))) cli_error("out of memory");
    else stpcpy(stpcpy(path, dir), inside);
    return path;
}

static int draw(const cli_args *a, const bm_draws *draws, const bm_plot_options *opt, const char *dir)
{
    bm_plots *plots = NULL;
    bm_error  err = { 0 };
    bm_status st = bm_plot_run(&plots, draws, is_directory(a) ? a->files.v[0] : NULL, opt, &err);
    int       code = CLI_DONE;

    if (st == BM_INTERRUPTED) {
        cli_error("interrupted: no pictures were written");
        return CLI_SIGNAL + cli_stop_signal();
    }
    if (st != BM_OK) return cli_fail_running(st, &err);
    for (size_t i = 0; bm_plots_note(plots, i); i++) cli_note(a, "%s", bm_plots_note(plots, i));
    if ((st = bm_plots_write(plots, dir, a->force, &err)) != BM_OK) code = cli_fail_running(st, &err);
    for (size_t i = 0; code == CLI_DONE && i < bm_plots_count(plots); i++) printf("%s/%s\n", dir, bm_plots_file(plots, i));
    bm_plots_free(plots);
    return code;
}

static int read_and_draw(const cli_args *a, const bm_plot_options *opt, const char *dir)
{
    bm_draws *draws = NULL;
    bm_error  err = { 0 };
    bm_status st = bm_draws_read(&draws, a->files.v, a->files.n, &err);
    int       code = st == BM_OK ? draw(a, draws, opt, dir) : cli_fail_reading(st, &err);

    bm_draws_free(draws);
    return code;
}

static int run(const cli_args *a)
{
    bm_plot_options opt = BM_PLOT_OPTIONS_INIT;
    cli_list        kinds = { 0 };
    char           *block = NULL, *own = NULL;
    int             code = cli_rows_to_hold(a, &opt.hold_rows);

    if (code != CLI_DONE) return code;
    code = CLI_INPUT;
    if (a->files.n == 0) {
        cli_help_command(&cli_plot, stderr);
        return code;
    }
    if (!a->out && !(own = default_dir(a))) return CLI_INPUT;
    if (split_kinds(&kinds, &block, &a->kinds)) {
        opt.kinds = kinds.n ? kinds.v : NULL;
        opt.nkinds = kinds.n;
        opt.vars = a->vars.n ? a->vars.v : NULL;
        opt.nvars = a->vars.n;
        opt.format = (bm_plot_format)a->picture;
        opt.stop = cli_stop_on_signals();
        code = read_and_draw(a, &opt, a->out ? a->out : own);
    } else code = CLI_FAILED;
    cli_list_free(&kinds);
    free(block);
    free(own);
    return code;
}

static const cli_option own_options[] = {
    { .name = "kind", .arg = "KIND,...", .kind = CLI_LIST, .at = offsetof(cli_args, kinds),
      .help = "what to draw: trace, rank, density, intervals, caterpillar, lines, shrinkage, predictive, reml, pairs, qq, acf, "
      "or all; may be repeated",
      .def = CLI_DEFAULT_TEXT, .def_text = "the first eight, where they apply" },
    { .name = "vars", .arg = "NAME", .kind = CLI_LIST, .at = offsetof(cli_args, vars),
      .help = "parameters for trace, rank, density, intervals, pairs and acf, by name or shell pattern (b_*); may be repeated",
      .def = CLI_DEFAULT_TEXT, .def_text = "all but the single group effects" },
    { .name = "format", .arg = "svg|png|pdf", .kind = CLI_WORD, .at = offsetof(cli_args, picture), .help = "form of the pictures",
      .def = CLI_DEFAULT_TEXT, .def_text = "svg" },
    { .name = "out", .letter = 'o', .arg = "DIR", .kind = CLI_TEXT, .at = offsetof(cli_args, out),
      .help = "directory for the pictures, made if there is none", .def = CLI_DEFAULT_TEXT, .def_text = "plots inside the "
      "fit's directory" },
    { .name = "force", .kind = CLI_FLAG, .at = offsetof(cli_args, force), .help = "replace pictures of the same names" },
    { .name = NULL }
};

const cli_command cli_plot = {
    .name = "plot", .brief = "draw pictures of saved draws: chains, posteriors, group effects, checks",
    .usage = (const char *const[]){ "DIR [options]", "DRAWS.csv -o PICTURES [options]", "STAN1.csv STAN2.csv ... -o PICTURES "
                                   "[options]", NULL },
    .about = "Reads draws (an output directory of `bmixed fit', one CSV file in the layout of its draws.csv, or Stan CSV "
    "files, one per chain) and has "
             "gnuplot draw them; the names of the pictures go to standard output.\n\n"
             "trace, rank and acf show whether the chains agree; density lays the prior over the posterior; intervals has "
             "medians with 50 % and 95 % "
             "intervals; caterpillar the group effects in order, with REML's; lines the fitted lines per group over the data; "
             "shrinkage how far the model "
             "moves each group from its own estimate; predictive the data among data that the fit predicts; reml compares with "
             "REML; pairs shows the "
             "variance parameters two by two; qq residuals and group effects against the normal distribution.\n\n"
             "Kinds that need the data are left out with a note where the data file is gone or has changed.",
    .groups = (const cli_group[]){ { "Output", own_options }, { "Data", cli_data_options }, { "General", cli_general_options }, { NULL, NULL } },
    .examples = (const cli_example[]){
        { "the useful ones, into sleep/plots", "bmixed plot sleep" },
        { "two kinds as PNG into the directory figures", "bmixed plot sleep --kind caterpillar,reml --format png -o figures" },
        { NULL, NULL } },
    .run = run
};
