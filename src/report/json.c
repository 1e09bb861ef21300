/* json.c: JSON (RFC 8259) as a stream: what is written is always valid UTF-8, whatever the names in the data are. */
#include "report/report_priv.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void escape(bm_buf *b, unsigned char c)
{
    switch (c) {
    case '"':  bm_buf_puts(b, "\\\""); break;
    case '\\': bm_buf_puts(b, "\\\\"); break;
    case '\n': bm_buf_puts(b, "\\n"); break;
    case '\r': bm_buf_puts(b, "\\r"); break;
    case '\t': bm_buf_puts(b, "\\t"); break;
    default:   bm_buf_printf(b, "\\u%04x", c);
    }
}

void bm_json_quote(bm_buf *b, const char *s)
{
    const char *plain = s;

    bm_buf_putc(b, '"');
    while (*s) {
        unsigned char c = (unsigned char)*s;
        size_t        n = bm_utf8(s, NULL);

        if (n && c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) {
            s += n;
            continue;
        }
        bm_buf_add(b, plain, (size_t)(s - plain));
        if (n) escape(b, c);
        else bm_buf_puts(b, "\\ufffd");
        plain = ++s;
    }
    bm_buf_add(b, plain, (size_t)(s - plain));
    bm_buf_putc(b, '"');
}

/* Comma, line break and indentation, and the key of the value that follows. */
static void before_value(bm_json *j, const char *key)
{
    bool flat = j->flat && j->depth >= j->flat;

    if (j->depth) {
        if (j->any[j->depth - 1]) bm_buf_puts(j->b, flat ? ", " : ",");
        j->any[j->depth - 1] = true;
        if (!flat) bm_buf_printf(j->b, "\n%*s", 2 * j->depth, "");
    }
    if (!key) return;
    bm_json_quote(j->b, key);
    bm_buf_puts(j->b, ": ");
}

void bm_json_open(bm_json *j, const char *key, char bracket, bool one_line)
{
    assert(j->depth < BM_JSON_DEPTH);
    before_value(j, key);
    bm_buf_putc(j->b, bracket);
    j->any[j->depth++] = false;
    if (one_line && !j->flat) j->flat = j->depth;
}

void bm_json_close(bm_json *j, char bracket)
{
    bool flat = j->flat && j->depth >= j->flat;

    j->depth--;
    if (j->flat > j->depth) j->flat = 0;
    if (j->any[j->depth] && !flat) bm_buf_printf(j->b, "\n%*s", 2 * j->depth, "");
    bm_buf_putc(j->b, bracket);
    if (!j->depth) bm_buf_putc(j->b, '\n');
}

void bm_json_num(bm_json *j, const char *key, double x)
{
    before_value(j, key);
    if (isfinite(x)) bm_buf_num(j->b, x);
    else bm_buf_puts(j->b, "null");
}

void bm_json_int(bm_json *j, const char *key, unsigned long long x)
{
    before_value(j, key);
    bm_buf_printf(j->b, "%llu", x);
}

void bm_json_bool(bm_json *j, const char *key, bool x)
{
    before_value(j, key);
    bm_buf_puts(j->b, x ? "true" : "false");
}

void bm_json_str(bm_json *j, const char *key, const char *s)
{
    before_value(j, key);
    if (s) bm_json_quote(j->b, s);
    else bm_buf_puts(j->b, "null");
}

void bm_json_strv(bm_json *j, const char *key, const char *const *v, size_t n)
{
    bm_json_open(j, key, '[', true);
    for (size_t i = 0; i < n; i++) bm_json_str(j, NULL, v[i]);
    bm_json_close(j, ']');
}
