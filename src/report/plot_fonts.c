/* plot_fonts.c: letters that no font of this machine has. gnuplot's PNG and PDF terminals draw each of them over the whole picture (a fault of theirs with
 * Pango's boxes for unknown letters), so they become small boxes here. fontconfig's fc-list, which comes with those terminals, knows the fonts. */
#include "report/plot_priv.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { MAX_BLOCKS = 64 };
typedef struct { uint32_t block[MAX_BLOCKS]; bool has[MAX_BLOCKS]; size_t n; } fonts;

/* Latin, Greek, Cyrillic, punctuation, arrows and signs are in every font that gnuplot would use. */
static bool is_common(uint32_t c)
{
    return c < 0x530 || (c >= 0x1e00 && c < 0x2600);
}

/* Asks for one letter. Where fc-list is missing nothing is known, and the letter is left as it is. */
static bool some_font_has(uint32_t c)
{
    char  command[80], line[8];
    FILE *f;
    bool  any;
    int   status;

    snprintf(command, sizeof command, "exec fc-list ':charset=%x' file 2>/dev/null", (unsigned)c);
    if (!(f = popen(command, "re"))) return true;
    any = fgets(line, sizeof line, f) != NULL;
    while (fgets(line, sizeof line, f)) { }
    status = pclose(f);
    return any || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

/* Fonts come by scripts: one letter of 256, or of 4096 Chinese, Japanese and Korean ones, stands for its neighbours. */
static bool known(fonts *seen, uint32_t c)
{
    uint32_t block = c < 0x3000 ? c >> 8 : 0x1000 + (c >> 12);

    for (size_t i = 0; i < seen->n; i++)
        if (seen->block[i] == block) return seen->has[i];
    if (seen->n == MAX_BLOCKS) return false;
    seen->block[seen->n] = block;
    seen->has[seen->n] = some_font_has(c);
    return seen->has[seen->n++];
}

bool bm_box_unknown(bm_buf *text)
{
    fonts  seen = { 0 };
    bm_buf out = { 0 };
    bool   boxed = false;

    for (size_t i = 0, n; i < text->n; i += n) {
        uint32_t c = 0;

        n = bm_utf8(text->s + i, &c);
        if (!n) n = 1;
        if (is_common(c) || known(&seen, c)) bm_buf_add(&out, text->s + i, n);
        else {
            bm_buf_puts(&out, "\xe2\x96\xa1");       /* white square */
            boxed = true;
        }
    }
    out.failed |= text->failed;
    bm_buf_free(text);
    *text = out;
    return boxed;
}
