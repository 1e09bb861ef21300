/* stan_csv.c: what is Stan's about a Stan CSV file: settings in comment lines, sampler columns, indices in names.
 * CmdStan Guide, chapter "Stan CSV File Format"; rstan writes the same keys without blanks ("# warmup=1000"). */
#include "draws/read_priv.h"

#include <ctype.h>
#include <string.h>

bool bm_whole_number(const char *s, size_t n, long long lo, long long hi, long long *out)
{
    char text[24];

    if (n >= sizeof text || memchr(s, 0, n)) return false;
    memcpy(text, s, n);
    text[n] = '\0';
    return bm_parse_int(text, lo, hi, out);
}

static bool is_word(const char *s, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(s, word, n) == 0;
}

static size_t trimmed(const char **s, size_t n)
{
    while (n > 0 && isspace((unsigned char)(*s)[0])) (*s)++, n--;
    while (n > 0 && isspace((unsigned char)(*s)[n - 1])) n--;
    return n;
}

/* "# key = value (Default)". */
void bm_stan_comment(bm_stan_settings *s, const char *line, size_t n)
{
    const char *eq = memchr(line, '=', n), *key = line + 1, *value;
    size_t      nkey, nvalue;
    long long   number;

    s->comments = true;
    if (!eq) return;
    nkey = trimmed(&key, (size_t)(eq - key));
    value = eq + 1;
    nvalue = trimmed(&value, (size_t)(line + n - value));
    for (size_t i = 0; i < nvalue; i++)
        if (isspace((unsigned char)value[i])) nvalue = i;
    if (is_word(key, nkey, "algorithm")) s->fixed_param = is_word(value, nvalue, "fixed_param");
    if (is_word(key, nkey, "method")) s->variational = is_word(value, nvalue, "variational");
    if (is_word(key, nkey, "save_warmup")) s->save_warmup = is_word(value, nvalue, "1") || is_word(value, nvalue, "true");
    if (!bm_whole_number(value, nvalue, 0, 1000000000, &number)) return;
    if (is_word(key, nkey, "num_warmup") || is_word(key, nkey, "warmup")) s->num_warmup = number;
    if (is_word(key, nkey, "thin") && number > 0) s->thin = number;
}

/* Saved warm-up is thinned like the draws, beginning with the first; a fixed_param run has none. A variational file begins
 * with the mean. */
size_t bm_stan_rows_to_skip(const bm_stan_settings *s)
{
    if (s->variational) return 1;
    if (!s->save_warmup || s->fixed_param || s->num_warmup <= 0) return 0;
    return (size_t)((s->num_warmup + s->thin - 1) / s->thin);
}

bool bm_stan_sampler_column(const char *name, bool stan)
{
    static const char *const known[] = { "accept_stat__", "stepsize__", "treedepth__", "n_leapfrog__", "divergent__",
                                         "energy__", "int_time__", "log_p__", "log_g__", "log_q__", "lp_approx__", "path__" };
    size_t n = strlen(name);

    if (strcmp(name, "lp__") == 0) return false;
    if (stan && n > 2 && strcmp(name + n - 2, "__") == 0) return true;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i]) == 0) return true;
    return false;
}

void bm_stan_name(bm_buf *b, const char *name)
{
    const char *dot = strchr(name, '.');
    bool        indices = dot && dot > name;

    for (const char *s = dot; indices && *s; s++) indices = isdigit((unsigned char)(*s == '.' ? s[1] : *s));
    if (!indices) {
        bm_buf_puts(b, name);
        return;
    }
    bm_buf_add(b, name, (size_t)(dot - name));
    for (const char *s = dot; *s; s++) bm_buf_putc(b, *s == '.' ? (s == dot ? '[' : ',') : *s);
    bm_buf_putc(b, ']');
}
