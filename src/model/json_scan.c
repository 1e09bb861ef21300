/* json_scan.c: where and why a text is not JSON (RFC 8259). cJSON reads it; this says what is wrong, which cJSON does not, and is stricter:
 * numbers as the grammar has them, no control characters and no NUL in strings. */
#include "model/spec_priv.h"

#include <string.h>

typedef struct { const char *s, *why; int depth; } scanner;

enum { DEEPEST = 100 };

static bool fail(scanner *c, const char *why)
{
    c->why = why;
    return false;
}

static void skip_blanks(scanner *c)
{
    c->s += strspn(c->s, " \t\r\n");
}

static bool hex4(const char *s, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdefABCDEF", *d = s[i] ? strchr(digits, s[i]) : NULL;

        if (!d) return false;
        *out = *out * 16 + (unsigned)(d - digits - (d - digits > 15 ? 6 : 0));
    }
    return true;
}

/* After the backslash. */
static bool escape(scanner *c)
{
    unsigned u, low;

    if (*c->s != 'u') {
        if (!*c->s || !strchr("\"\\/bfnrt", *c->s)) return fail(c, "no such escape; a backslash is written \\\\");
        c->s++;
        return true;
    }
    if (!hex4(c->s + 1, &u)) return fail(c, "\\u takes four hexadecimal digits");
    if (u == 0) return fail(c, "a string cannot contain \\u0000");
    if (u >= 0xdc00 && u < 0xe000) return fail(c, "half of a pair of \\u escapes");
    c->s += 5;
    if (u < 0xd800 || u >= 0xdc00) return true;
    if (c->s[0] != '\\' || c->s[1] != 'u' || !hex4(c->s + 2, &low) || low < 0xdc00 || low >= 0xe000) return fail(c, "half of a pair of \\u escapes");
    c->s += 6;
    return true;
}

static bool string(scanner *c)
{
    const char *open = c->s++;

    for (;;) {
        unsigned char ch = (unsigned char)*c->s;

        if (ch == '"') break;
        if (!ch || ch == '\n' || ch == '\r') {
            c->s = open;
            return fail(c, "this quote is not closed");
        }
        if (ch < 0x20) return fail(c, "a control character in a string; a tab is written \\t");
        c->s++;
        if (ch == '\\' && !escape(c)) return false;
    }
    c->s++;
    return true;
}

static bool digits(scanner *c)
{
    size_t n = strspn(c->s, "0123456789");

    c->s += n;
    return n > 0;
}

static bool number(scanner *c)
{
    const char *start = c->s;
    bool        good;

    c->s += *c->s == '-';
    good = *c->s == '0' ? (c->s++, !strchr("0123456789", *c->s) || !*c->s) : digits(c);
    if (good && *c->s == '.') good = (c->s++, digits(c));
    if (good && (*c->s == 'e' || *c->s == 'E')) {
        c->s++;
        c->s += *c->s == '+' || *c->s == '-';
        good = digits(c);
    }
    if (good) return true;
    c->s = start;
    return fail(c, "this is not a number as JSON has them");
}

static bool value(scanner *c);

static bool member(scanner *c)
{
    skip_blanks(c);
    if (*c->s == '\'') return fail(c, "strings need double quotes");
    if (*c->s == '/' || *c->s == '#') return fail(c, "JSON has no comments");
    if (!*c->s) return fail(c, "the file ends too early: a bracket is not closed");
    if (*c->s == '}') return fail(c, "a comma before the closing bracket");
    if (*c->s != '"') return fail(c, "expected a key in double quotes");
    if (!string(c)) return false;
    skip_blanks(c);
    if (*c->s != ':') return fail(c, "a colon is missing after the key");
    c->s++;
    return value(c);
}

/* Members or values up to the closing bracket. */
static bool container(scanner *c, char close)
{
    if (++c->depth > DEEPEST) return fail(c, "brackets are nested too deeply");
    c->s++;
    skip_blanks(c);
    if (*c->s == close) {
        c->s++;
        c->depth--;
        return true;
    }
    for (;;) {
        if (close == '}' ? !member(c) : !value(c)) return false;
        skip_blanks(c);
        if (*c->s == close) break;
        if (!*c->s) return fail(c, "the file ends too early: a bracket is not closed");
        if (*c->s == '}' || *c->s == ']') return fail(c, close == '}' ? "the wrong bracket: { is closed by }" : "the wrong bracket: [ is closed by ]");
        if (*c->s == '/' || *c->s == '#') return fail(c, "JSON has no comments");
        if (*c->s != ',') return fail(c, "a comma is missing before this");
        c->s++;
        skip_blanks(c);
        if (*c->s == close) return fail(c, "a comma before the closing bracket");
    }
    c->s++;
    c->depth--;
    return true;
}

static bool word(scanner *c)
{
    static const char *const words[] = { "true", "false", "null" };

    for (size_t i = 0; i < 3; i++)
        if (strncmp(c->s, words[i], strlen(words[i])) == 0) {
            c->s += strlen(words[i]);
            return true;
        }
    return fail(c, "expected a value: a string in double quotes, a number, true, false, null, a list or an object");
}

static bool value(scanner *c)
{
    skip_blanks(c);
    switch (*c->s) {
    case '{': return container(c, '}');
    case '[': return container(c, ']');
    case '"': return string(c);
    case '\'': return fail(c, "strings need double quotes");
    case '/':
    case '#': return fail(c, "JSON has no comments");
    case '}':
    case ']': return fail(c, "a value is missing");
    case '\0': return fail(c, "the file ends too early: a value is missing");
    default: return *c->s && strchr("-0123456789", *c->s) ? number(c) : word(c);
    }
}

const char *bm_json_scan(const char *text, size_t *at)
{
    scanner c = { .s = text };

    if (value(&c)) {
        skip_blanks(&c);
        if (*c.s) c.why = "nothing can follow the closing bracket";
    }
    *at = (size_t)(c.s - text);
    return c.why;
}
