/* words.c: the word that was probably meant, lists of borrowed strings, and a command line quoted for a shell. */
#include "cli/cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 40 };                               /* letters; options and subcommands are shorter */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Edit distance in which swapping two neighbours counts once (optimal string alignment), case apart. */
static size_t distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b), d[LONGEST + 1][LONGEST + 1];

    if (na > LONGEST || nb > LONGEST) return SIZE_MAX;
    for (size_t i = 0; i <= na; i++) d[i][0] = i;
    for (size_t j = 0; j <= nb; j++) d[0][j] = j;
    for (size_t i = 1; i <= na; i++)
        for (size_t j = 1; j <= nb; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);

            d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) && cb == tolower((unsigned char)a[i - 2])
                && d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    return d[na][nb];
}

const char *cli_closest(const char *word, const char *const *candidates, size_t n)
{
    size_t      best = (strlen(word) + 1) / 3 + 1;   /* a distance below this is a plausible slip */
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, candidates[i]);

        if (d < best && d < strlen(candidates[i])) {
            best = d;
            found = candidates[i];
        }
    }
    return found;
}

bool cli_list_add(cli_list *l, const char *s)
{
    const char **v = realloc(l->v, (l->n + 1) * sizeof *v);

    if (!v) {
        cli_error("out of memory");
        return false;
    }
    l->v = v;
    l->v[l->n++] = s;
    return true;
}

void cli_list_free(cli_list *l)
{
    free(l->v);
    *l = (cli_list){ 0 };
}

static bool needs_quotes(const char *s)
{
    return !*s || s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%^")] != '\0';
}

/* Appends s at p, in single quotes where a shell would read more than text into it; returns the new end. */
static char *put_quoted(char *p, const char *s)
{
    if (!needs_quotes(s)) return stpcpy(p, s);
    *p++ = '\'';
    for (; *s; s++) {
        if (*s == '\'') p = stpcpy(p, "'\\''");
        else *p++ = *s;
    }
    *p++ = '\'';
    return p;
}

char *cli_quote_line(int argc, char *const *argv)
{
    size_t need = sizeof "bmixed";
    char  *line, *p;

    for (int i = 1; i < argc; i++) need += 4 * strlen(argv[i]) + 3;      /* a quote becomes four letters */
    if (!(line = malloc(need))) return NULL;
    p = stpcpy(line, "bmixed");
    for (int i = 1; i < argc; i++) {
        *p++ = ' ';
        p = put_quoted(p, argv[i]);
    }
    *p = '\0';
    return line;
}
