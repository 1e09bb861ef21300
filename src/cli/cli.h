/* cli.h: what the subcommands share: the tables that describe them and their options, the parsed command line, messages, output.
 *
 * A subcommand is one file with one `const cli_command`, listed in main.c. Parsing, help, the man page and shell completion all come
 * from these tables, so that none of them can drift from what the program does. */
#ifndef BM_CLI_H
#define BM_CLI_H

#include <bmixed.h>

#if defined(__GNUC__)
#define CLI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define CLI_PRINTF(fmt, args)
#endif

/* Exit codes; a run that was interrupted by signal N exits with 128 + N, as the shell reports it. */
enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_INPUT = 2, CLI_UNTRUSTED = 3, CLI_SIGNAL = 128 };

/* ---- tables ------------------------------------------------------------------------------------------------------ */

typedef enum {
    CLI_SPEC,      /* goes to bm_spec_set under the option's own name */
    CLI_FLAG,      /* bool in cli_args */
    CLI_TEXT,      /* const char * in cli_args */
    CLI_LIST,      /* cli_list in cli_args: the option may be repeated */
    CLI_WORD       /* int in cli_args: which of the words of `arg`, separated by | */
} cli_kind;

/* What holds when nothing is asked for. The engine's initialisers are the only source of numbers. */
typedef struct {
    bm_fit_options   fit;
    bm_write_options write;
    bm_compare_options compare;
    bm_sbc_options   sbc;
    bm_geweke_options geweke;
} cli_defaults;

typedef enum { CLI_NO_DEFAULT, CLI_DEFAULT_TEXT, CLI_DEFAULT_INT, CLI_DEFAULT_U64, CLI_DEFAULT_DOUBLE, CLI_DEFAULT_WORD } cli_default_kind;

typedef struct {
    const char      *name;     /* long name; NULL ends a table */
    char             letter;   /* short name or 0 */
    const char      *arg;      /* name of the argument in help, or the words it can be (a|b|c); NULL: takes none */
    cli_kind         kind;
    size_t           at;       /* offsetof(cli_args, ...) but for CLI_SPEC */
    const char      *help;     /* a clause without a full stop */
    cli_default_kind def;
    size_t           def_at;   /* offsetof(cli_defaults, ...) for numbers and words */
    const char      *def_text; /* the default in words; for numbers: what 0 means, if that says more than "0" */
} cli_option;

typedef struct { const char *title; const cli_option *options; } cli_group;      /* title NULL ends a list */
typedef struct { const char *what, *line; } cli_example;                         /* line NULL ends a list */

typedef struct cli_args cli_args;
typedef struct cli_command cli_command;
struct cli_command {
    const char        *name, *brief;
    const char *const *usage;       /* what follows "bmixed NAME", one form per line; NULL ends it */
    const char        *about;       /* paragraphs separated by an empty line; lines are filled */
    const cli_group   *groups;
    const cli_example *examples;    /* run in order by the tests, in a directory with sleepstudy.csv */
    int              (*run)(const cli_args *a);                                  /* an exit code */
};

extern const cli_command cli_fit, cli_reml, cli_compare, cli_model, cli_summary, cli_diagnose, cli_plot, cli_report, cli_simulate, cli_sbc, cli_geweke, cli_help;
const cli_command *const *cli_commands(void);                                    /* NULL ends it (main.c) */

/* Tables that several subcommands list (options.c). */
extern const cli_option cli_model_options[], cli_data_options[], cli_sampler_options[], cli_general_options[];

/* ---- the parsed command line (options.c) -------------------------------------------------------------------------- */

typedef struct { const char **v; size_t n; } cli_list;      /* borrowed strings */

struct cli_args {
    const cli_command *command;
    char       *line;               /* the command line, quoted for a shell */
    cli_list    files;              /* what is not an option */
    cli_list    keys, values;       /* CLI_SPEC options in order */
    cli_list    set, vars, kinds;
    const bm_checkpoint *resumed;   /* whose model it is, instead of what files name; options come on top */
    const char *out, *checkpoint, *resume, *probs, *rows_from, *anova, *differ, *eps, *reps, *steps, *hold_rows;
    size_t      hold;               /* rows to keep in memory; 0: all */
    int         format;             /* bm_format; -1: not asked for */
    int         picture;            /* bm_plot_format */
    int         ci;                 /* 0: wald, 1: profile */
    int         compare_ci;         /* bm_compare_ci */
    bool        pooling, test_ranef;
    const char *completion, *columns;
    bool        ml, force, json, csv, strict, quiet, verbose, help, man;
};

/* CLI_DONE, or CLI_INPUT after a message. free with cli_args_free either way. */
int  cli_parse(cli_args *a, const cli_command *cmd, int argc, char **argv);
void cli_args_free(cli_args *a);
/* The number (above 0) that was given to a CLI_TEXT option; left alone without one. An exit code. */
int  cli_whole_number(const char *option, const char *text, int *out);
/* The default in words, or "" where there is none. */
const char *cli_default_text(const cli_option *o, char *buf, size_t size);
/* How many options the tables of a command have, and the i-th of them. */
size_t cli_option_count(const cli_command *cmd);
const cli_option *cli_option_at(const cli_command *cmd, size_t i);

/* ---- words (words.c) ------------------------------------------------------------------------------------------------ */

/* The candidate closest to a mistyped word, or NULL if none is close. */
const char *cli_closest(const char *word, const char *const *candidates, size_t n);
/* argv as one line that a shell reads back; the caller frees it. NULL: out of memory. */
char *cli_quote_line(int argc, char *const *argv);
bool  cli_list_add(cli_list *l, const char *s);             /* false: out of memory, said on stderr */
void  cli_list_free(cli_list *l);

/* ---- messages (message.c): stderr, control characters made visible ------------------------------------------------ */

void cli_error(const char *fmt, ...) CLI_PRINTF(1, 2);
void cli_warning(const char *fmt, ...) CLI_PRINTF(1, 2);
void cli_note(const cli_args *a, const char *fmt, ...) CLI_PRINTF(2, 3);         /* not under -q */
/* Says what failed and returns the exit code. A file that cannot be read is input that must change; one that cannot be written
 * is a run that failed. */
int  cli_fail_reading(bm_status st, const bm_error *err);
int  cli_fail_running(bm_status st, const bm_error *err);
int  cli_fail_writing(bm_status st, const char *dir, const bm_error *err);       /* files into dir: may have been interrupted */

/* ---- help (help.c), man page (manual.c), completion of shells (completion.c) ------------------------------------------ */

void cli_help_main(FILE *out);
void cli_help_command(const cli_command *cmd, FILE *out);
/* After a message: how it is used, on stderr; returns CLI_INPUT. */
int  cli_usage(const cli_command *cmd);
/* The subcommand of that name, or NULL after a message with the closest one. */
const cli_command *cli_find(const char *name);
void cli_write_manual(FILE *out);
void cli_write_bash(FILE *out);
void cli_write_zsh(FILE *out);

/* ---- the model that arguments name (model_args.c) ------------------------------------------------------------------- */

/* FORMULA DATA, MODEL.json [DATA] or DIR [DATA], then the options on top of it. An exit code; CLI_DONE: *out is the caller's. */
int cli_read_spec(bm_spec **out, const cli_args *a);
/* Whether this could be a model file: CSV given without a formula deserves a better message than a JSON error in line 1. */
bool cli_is_model_file(const char *path);
/* A directory stands for the model.json in it: an output directory repeats its fit. */
int cli_read_model_file(bm_spec **out, const char *path);
/* *hold: the rows that --hold-rows asks for, or its default; 0: all. An exit code. */
int cli_rows_to_hold(const cli_args *a, size_t *hold);
/* What a subcommand does with a model; self is what the caller of cli_with_model handed in. An exit code. */
typedef int cli_model_use(const bm_model *model, bm_spec *spec, const cli_args *a, void *self);
/* Reads the specification and the data, makes the model, uses it and frees it. An exit code. */
int cli_with_model(const cli_args *a, cli_model_use *use, void *self);

/* ---- terminal, standard output, files (output.c) ---------------------------------------------------------------------- */

bm_print_options cli_print_options(const cli_args *a);      /* width and colour of standard output */
int  cli_terminal_width(int fd);                            /* 0: unknown */
void cli_secure_standard_files(void);                       /* so that no file we open becomes descriptor 0, 1 or 2 */
int  cli_close_stdout(int code);                            /* code, or CLI_FAILED after a message if not all could be written */

/* A file that appears whole or not at all; path NULL or "-": standard output. */
typedef struct { FILE *f; const char *path; char *tmp; } cli_file;
int cli_file_open(cli_file *out, const char *path, bool force);                  /* an exit code */
int cli_file_close(cli_file *out, int code);                                     /* commits if code is CLI_DONE */

/* ---- long runs (progress.c, stop.c) ----------------------------------------------------------------------------------- */

typedef struct {
    bool        on, shown;
    double      start, phase_start, last;                   /* seconds */
    uint64_t    phase_done;
    const char *phase;
} cli_progress;
void cli_progress_start(cli_progress *p, const cli_args *a);
void cli_progress_step(void *self, const bm_progress *at);  /* for bm_fit_options */
void cli_progress_end(cli_progress *p);

/* The options of a run: what the specification asks for, with progress on the terminal and Ctrl-C. p must outlive the run; cli_progress_end ends it. */
bm_fit_options cli_run_options(cli_progress *p, const bm_spec *spec, const cli_args *a);
/* The warning where n parameters cannot be trusted, with the names of the first. CLI_UNTRUSTED under --strict. */
int cli_judge(const cli_args *a, size_t n, const char *(*name)(const void *self, size_t i), const void *self);

/* The first SIGINT, SIGTERM or SIGHUP asks to stop, the second kills. */
const volatile sig_atomic_t *cli_stop_on_signals(void);
int  cli_stop_signal(void);                                 /* the signal that came, or 0 */
/* A file to be removed if a signal ends the process; NULL: none any more. */
void cli_unfinished(const char *path);

#endif
