/* completion.c: completion for bash and zsh, from the same tables as help: subcommands, options, the words an option can be, and
 * for options that take a column the names in the header of the data, which `bmixed help --columns' tells. */
#include "cli/cli.h"

#include <string.h>

typedef enum { ARG_NONE, ARG_ANY, ARG_WORDS, ARG_KINDS, ARG_COLUMN, ARG_COLUMNS, ARG_LEVELS, ARG_FILE, ARG_DIR } arg_kind;

/* What an option's argument is, by how help writes it. */
static arg_kind kind_of(const cli_option *o)
{
    if (!o->arg) return ARG_NONE;
    if (strcmp(o->arg, "COL") == 0) return ARG_COLUMN;
    if (strcmp(o->arg, "COL,...") == 0) return ARG_COLUMNS;
    if (strstr(o->arg, "COL=")) return ARG_LEVELS;
    if (strcmp(o->arg, "KIND,...") == 0) return ARG_KINDS;
    if (strcmp(o->arg, "DIR") == 0) return ARG_DIR;
    if (strcmp(o->arg, "FILE") == 0 || strcmp(o->arg, "DATA") == 0) return ARG_FILE;
    return strchr(o->arg, '|') ? ARG_WORDS : ARG_ANY;
}

static void put_words(FILE *out, const cli_option *o)
{
    const char *kind;

    if (kind_of(o) == ARG_WORDS)
        for (const char *p = o->arg; *p; p++) fputc(*p == '|' ? ' ' : *p, out);
    else {
        fputs("all", out);
        for (size_t i = 0; (kind = bm_plot_kind(i, NULL, NULL)); i++) fprintf(out, " %s", kind);
    }
}

/* ---- bash ------------------------------------------------------------------------------------------------------------------ */

static const char bash_head[] =
    "# bash completion for bmixed; printed by `bmixed help --completion bash'\n"
    "\n"
    "# The columns of the data that the line names, each with $2 behind it, after what $1 holds up to its last comma.\n"
    "_bmixed_columns()\n{\n"
    "    local word last= data= name typed=${1##*,} before=\n"
    "    [[ $1 == *,* ]] && before=${1%,*},\n"
    "    for word in \"${COMP_WORDS[@]:2}\"; do\n"
    "        word=${word#[\\\"\\']} word=${word%[\\\"\\']} word=${word/#\\~\\//$HOME/}\n"
    "        [[ $last != -o && $last != --out ]] && { [ -f \"$word\" ] || [ -f \"$word/model.json\" ]; } && data=$word && break\n"
    "        last=$word\n"
    "    done\n"
    "    [ -n \"$data\" ] || return\n"
    "    while IFS= read -r name; do\n"
    "        [[ $name == \"$typed\"* ]] && COMPREPLY+=(\"$before$(printf %q \"$name\")$2\")\n"
    "    done < <(command bmixed help --columns \"$data\" 2>/dev/null)\n"
    "}\n"
    "\n"
    "_bmixed()\n{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} sub=${COMP_WORDS[1]} options= words= before=\n"
    "    COMPREPLY=()\n"
    "    [ \"$cur\" = = ] && cur=                           # --option=: the shell makes three words of it\n"
    "    [ \"$prev\" = = ] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    [[ ${COMP_WORDS[COMP_CWORD]} == = ]] && prev=${COMP_WORDS[COMP_CWORD-1]}\n";

static const char bash_tail[] =
    "    esac\n"
    "    if [ -n \"$words\" ]; then\n"
    "        [[ $cur == *,* ]] && before=${cur%,*},\n"
    "        mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$words\" -- \"${cur##*,}\")\n"
    "        return\n"
    "    fi\n"
    "    [[ $cur == -* ]] || return                       # file names\n"
    "    case \"$sub\" in\n";

/* One line of the shell's case for each option whose argument is known. */
static void put_bash_arguments(FILE *out, const cli_command *cmd)
{
    const cli_option *o;

    for (size_t i = 0; (o = cli_option_at(cmd, i)); i++) {
        arg_kind kind = kind_of(o);

        if (kind <= ARG_ANY || kind >= ARG_FILE) continue;
        fprintf(out, "        '%s --%s') ", cmd->name, o->name);
        if (kind == ARG_COLUMN || kind == ARG_COLUMNS) fputs("_bmixed_columns \"$cur\" ''; return ;;\n", out);
        else if (kind == ARG_LEVELS) fputs("compopt -o nospace 2>/dev/null; _bmixed_columns \"$cur\" =; return ;;\n", out);
        else {
            fputs("words='", out);
            put_words(out, o);
            fputs("' ;;\n", out);
        }
    }
}

static void put_bash_options(FILE *out, const cli_command *cmd)
{
    const cli_option *o;

    fprintf(out, "        %s) options='", cmd->name);
    for (size_t i = 0; (o = cli_option_at(cmd, i)); i++) fprintf(out, "%s--%s", i ? " " : "", o->name);
    fputs("' ;;\n", out);
}

void cli_write_bash(FILE *out)
{
    fprintf(out, "%s    local subcommands='", bash_head);
    for (const cli_command *const *c = cli_commands(); *c; c++) fprintf(out, "%s%s", c == cli_commands() ? "" : " ", (*c)->name);
    fputs("'\n    if [ \"$COMP_CWORD\" -eq 1 ] || { [ \"$sub\" = help ] && [ \"$COMP_CWORD\" -eq 2 ] && [[ $cur != -* ]]; }; then\n"
          "        [ \"$COMP_CWORD\" -eq 1 ] && subcommands+=' --help --version'\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$subcommands\" -- \"$cur\")\n        return\n    fi\n"
          "    case \"$sub $prev\" in\n", out);
    for (const cli_command *const *c = cli_commands(); *c; c++) put_bash_arguments(out, *c);
    fputs(bash_tail, out);
    for (const cli_command *const *c = cli_commands(); *c; c++) put_bash_options(out, *c);
    fputs("    esac\n    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n}\ncomplete -o default -F _bmixed bmixed\n", out);
}

/* ---- zsh ------------------------------------------------------------------------------------------------------------------- */

static const char zsh_head[] =
    "#compdef bmixed\n"
    "# zsh completion for bmixed; printed by `bmixed help --completion zsh'\n"
    "\n"
    "# The columns of the data that the line names: one, a list (,) or one before an equals sign (=).\n"
    "_bmixed_columns()\n{\n"
    "    local word last= data=\n"
    "    local -a names\n"
    "    for word in \"${(@Q)words[2,-1]}\"; do\n"
    "        word=${word/#\\~\\//$HOME/}\n"
    "        [[ $last != (-o|--out) && ( -f $word || -f $word/model.json ) ]] && data=$word && break\n"
    "        last=$word\n"
    "    done\n"
    "    [[ -n $data ]] || { _message 'name the data first'; return 1 }\n"
    "    names=(\"${(@f)$(command bmixed help --columns $data 2>/dev/null)}\")\n"
    "    case $1 in\n"
    "        ,) compset -P '*,'; compadd -S '' -a names ;;\n"
    "        =) compadd -S = -a names ;;\n"
    "        *) compadd -a names ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_bmixed()\n{\n"
    "    local curcontext=$curcontext\n"
    "    local -a subcommands kinds\n"
    "    subcommands=(\n";

static const char zsh_tail[] =
    "    esac\n"
    "}\n"
    "\n"
    "if [[ $funcstack[1] == _bmixed ]]; then _bmixed \"$@\"; else compdef _bmixed bmixed; fi\n";

/* Text within single quotes and, there, within the brackets or colons of a specification; up to n bytes. */
static void put_zsh(FILE *out, const char *s, size_t n)
{
    for (; *s && n > 0; s++, n--) {
        if (*s == '\'') fputs("'\\''", out);
        else if (strchr("[]:\\", *s)) fprintf(out, "\\%c", *s);
        else fputc(*s, out);
    }
}

/* The first clause of a help text says enough beside a name. */
static size_t clause(const char *help)
{
    size_t n = strcspn(help, ":;"), paren = (size_t)(strstr(help, " (") ? strstr(help, " (") - help : 1000);

    return n < paren ? n : paren;
}

static void put_zsh_action(FILE *out, const cli_option *o)
{
    switch (kind_of(o)) {
    case ARG_WORDS:
        fputs(":(", out);
        put_words(out, o);
        fputc(')', out);
        break;
    case ARG_KINDS: fputs(":_sequence compadd - $kinds", out); break;
    case ARG_COLUMN: fputs(": _bmixed_columns 1", out); break;
    case ARG_COLUMNS: fputs(": _bmixed_columns ,", out); break;
    case ARG_LEVELS: fputs(": _bmixed_columns =", out); break;
    case ARG_FILE: fputs(":_files", out); break;
    case ARG_DIR: fputs(":_files -/", out); break;
    default: fputs(": ", out);
    }
}

/* '*--prior=[what it is]:TARGET ~ DIST: ' */
static void put_zsh_option(FILE *out, const cli_option *o)
{
    const char *arg = o->arg;
    size_t      quoted = arg && *arg == '\'';

    if (o->letter) fprintf(out, "                '(-%c --%s)'{-%c%s,--%s%s}'[", o->letter, o->name, o->letter, arg ? "+" : "", o->name, arg ? "=" : "");
    else fprintf(out, "                '%s--%s%s[", strstr(o->help, "may be repeated") ? "*" : "", o->name, arg ? "=" : "");
    put_zsh(out, o->help, clause(o->help));
    fputc(']', out);
    if (arg) {
        fputc(':', out);
        put_zsh(out, arg + quoted, strlen(arg) - 2 * quoted);
        put_zsh_action(out, o);
    }
    fputs("' \\\n", out);
}

static void put_zsh_command(FILE *out, const cli_command *cmd)
{
    const cli_option *o;

    fprintf(out, "        %s)\n            _arguments -s \\\n", cmd->name);
    for (size_t i = 0; (o = cli_option_at(cmd, i)); i++) put_zsh_option(out, o);
    fputs(strcmp(cmd->name, "help") == 0 ? "                '1:subcommand:((${subcommands}))' ;;\n" : "                '*:file:_files' ;;\n", out);
}

void cli_write_zsh(FILE *out)
{
    const char *kind;

    fputs(zsh_head, out);
    for (const cli_command *const *c = cli_commands(); *c; c++) {
        fprintf(out, "        '%s:", (*c)->name);
        put_zsh(out, (*c)->brief, strlen((*c)->brief));
        fputs("'\n", out);
    }
    fputs("    )\n    kinds=(all", out);
    for (size_t i = 0; (kind = bm_plot_kind(i, NULL, NULL)); i++) fprintf(out, " %s", kind);
    fputs(")\n    if (( CURRENT == 2 )); then\n        _describe -t subcommands subcommand subcommands\n        return\n    fi\n"
          "    shift words\n    (( CURRENT-- ))\n    case $words[1] in\n", out);
    for (const cli_command *const *c = cli_commands(); *c; c++) put_zsh_command(out, *c);
    fputs(zsh_tail, out);
}
