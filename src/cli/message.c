/* message.c: what goes to stderr. A message may quote file names and cells of the data, so control characters, which could move the
 * cursor or retitle a terminal, are shown and not sent. */
#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>

static void put_safely(const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;           /* U+0080 .. U+009F in UTF-8 */

        if (c1) fprintf(stderr, "\\x%02x", *++p);
        else if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f) fprintf(stderr, "\\x%02x", *p);
        else fputc(*p, stderr);
    }
}

static void say(const char *kind, const char *fmt, va_list ap)
{
    char msg[4096];

    vsnprintf(msg, sizeof msg, fmt, ap);
    fflush(stdout);                                  /* keeps the order where both go to one place */
    fputs("bmixed: ", stderr);
    fputs(kind, stderr);
    put_safely(msg);
    fputc('\n', stderr);
}

void cli_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say("", fmt, ap);
    va_end(ap);
}

void cli_warning(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say("warning: ", fmt, ap);
    va_end(ap);
}

void cli_note(const cli_args *a, const char *fmt, ...)
{
    va_list ap;

    if (a->quiet) return;
    va_start(ap, fmt);
    say("note: ", fmt, ap);
    va_end(ap);
}

/* The engine writes a message with every failure; should one lack it, the status still says something. */
static void say_failure(bm_status st, const bm_error *err)
{
    static const char *const words[] = { "", "out of memory", "this cannot be done", "this cannot be read",
                                         "the system refused to read or write", "the numbers do not work out" };

    if (err->msg[0]) cli_error("%s", err->msg);
    else if (st < 0 && (size_t)-st < sizeof words / sizeof *words) cli_error("%s", words[-st]);
    else cli_error("failed with status %d", (int)st);
}

int cli_fail_running(bm_status st, const bm_error *err)
{
    say_failure(st, err);
    return st == BM_EINVAL || st == BM_EPARSE ? CLI_INPUT : CLI_FAILED;
}

int cli_fail_writing(bm_status st, const char *dir, const bm_error *err)
{
    if (st != BM_INTERRUPTED) return cli_fail_running(st, err);
    cli_error("interrupted while the results were written: nothing of them is in '%s'", dir);
    return CLI_SIGNAL + cli_stop_signal();
}

int cli_fail_reading(bm_status st, const bm_error *err)
{
    say_failure(st, err);
    return st == BM_EINVAL || st == BM_EPARSE || st == BM_EIO ? CLI_INPUT : CLI_FAILED;
}
