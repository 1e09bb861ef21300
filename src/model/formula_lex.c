/* formula_lex.c: the tokens of a formula, by R's lexical rules. */
#include "model/formula_priv.h"

#include <stdarg.h>
#include <string.h>

/* ---- messages ---- */

enum { SHOWN = 100 };                                /* bytes of a long formula that are shown around the place */

/* The start of the next character; bytes that go on with a character are 10xxxxxx. */
static size_t next_char(const char *s, size_t i)
{
    do i++;
    while (((unsigned char)s[i] & 0xc0) == 0x80);
    return i;
}

/* Two lines: the formula, or the part of it around pos, and the caret. */
static void add_place(bm_buf *b, const char *text, size_t pos)
{
    size_t n = strlen(text), from = 0, to = n, column = 0;

    if (pos > n) pos = n;
    if (n > SHOWN) {
        from = pos > SHOWN / 2 ? pos - SHOWN / 2 : 0;
        while (from > 0 && ((unsigned char)text[from] & 0xc0) == 0x80) from--;
        to = from + SHOWN < n ? from + SHOWN : n;
        while (to < n && ((unsigned char)text[to] & 0xc0) == 0x80) to++;
    }
    for (size_t i = from; i < pos; i = next_char(text, i)) column++;
    bm_buf_printf(b, "\n  %s%.*s%s\n  %s%*s^", from ? "..." : "", (int)(to - from), text + from, to < n ? "..." : "",
                  from ? "   " : "", (int)column, "");
}

bm_status bm_formula_fail(const bm_formula *f, size_t pos, bm_error *err, bm_status code, const char *fmt, ...)
{
    bm_buf  b = { 0 };
    va_list ap;
    char    msg[600];

    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    bm_buf_puts(&b, msg);
    add_place(&b, f->text, pos);
    bm_fail(err, code, "%s", b.failed ? msg : b.s);
    bm_buf_free(&b);
    return code;
}

/* ---- names ---- */

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_name(const char *s)
{
    return is_alpha(*s) || *s == '_' || (*s == '.' && !is_digit(s[1]));
}

static bool goes_on(char c)
{
    return is_alpha(c) || is_digit(c) || c == '.' || c == '_';
}

bool bm_is_syntactic(const char *name)
{
    static const char *const reserved[] = { "if", "else", "repeat", "while", "function", "for", "next", "break", "TRUE", "FALSE",
                                            "NULL", "Inf", "NaN", "NA", "NA_integer_", "NA_real_", "NA_character_", "in", ".", "..." };

    if (!starts_name(name) || *name == '_') return false;
    for (const char *s = name; *s; s++)
        if (!goes_on(*s)) return false;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(name, reserved[i]) == 0) return false;
    return true;
}

/* ---- tokens ---- */

static int hex_digit(char c)
{
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One escape, s just after the backslash; returns its length or 0. */
static size_t unescape(const char *s, bm_buf *out)
{
    static const char from[] = "nrt\\`'\"", to[] = "\n\r\t\\`'\"";
    const char       *p = *s ? strchr(from, *s) : NULL;

    if (p) {
        bm_buf_putc(out, to[p - from]);
        return 1;
    }
    if (*s == 'x' && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0 && (s[1] != '0' || s[2] != '0')) {
        bm_buf_putc(out, (char)(16 * hex_digit(s[1]) + hex_digit(s[2])));
        return 3;
    }
    return 0;
}

static bm_status lex_quoted(const bm_formula *f, bm_token *t, bm_error *err)
{
    const char *s = f->text + t->pos + 1;
    char        quote = s[-1];

    for (; *s && *s != quote; s++) {
        size_t n;

        if (*s != '\\') {
            bm_buf_putc(&t->text, *s);
            continue;
        }
        if (!(n = unescape(s + 1, &t->text)))
            return bm_formula_fail(f, (size_t)(s - f->text), err, BM_EPARSE,
                                   "formula: unknown escape; a backslash itself is written twice");
        s += n;
    }
    if (!*s)
        return bm_formula_fail(f, t->pos, err, BM_EPARSE, "formula: this %c has no partner", quote);
    if (quote == '`' && t->text.n == 0) return bm_formula_fail(f, t->pos, err, BM_EPARSE, "formula: an empty name");
    t->kind = quote == '`' ? BM_TOK_NAME : BM_TOK_STRING;
    t->quoted = true;
    t->end = (size_t)(s + 1 - f->text);
    return BM_OK;
}

static bm_status lex_number(const bm_formula *f, bm_token *t, bm_error *err)
{
    const char *s = f->text + t->pos, *e = s;

    while (is_digit(*e)) e++;
    if (*e == '.') e++;
    while (is_digit(*e)) e++;
    if ((*e == 'e' || *e == 'E') && (is_digit(e[1]) || ((e[1] == '+' || e[1] == '-') && is_digit(e[2])))) {
        e += 2;
        while (is_digit(*e)) e++;
    }
    t->kind = BM_TOK_NUM;
    t->end = (size_t)(e - f->text);
    if (goes_on(*e))
        return bm_formula_fail(f, t->pos, err, BM_EPARSE, "formula: a name that begins with a digit needs backquotes: `name`");
    if (!bm_parse_double(s, (size_t)(e - s), &t->num))
        return bm_formula_fail(f, t->pos, err, BM_EPARSE, "formula: this number is too large");
    return BM_OK;
}

/* Longer ones first. */
static const struct { const char *s; bm_tok_kind kind; bm_op op; } symbols[] = {
    { "%in%", BM_TOK_OP, BM_OP_IN }, { "%/%", BM_TOK_OP, BM_OP_INTDIV }, { "%%", BM_TOK_OP, BM_OP_MOD },
    { "||", BM_TOK_OP, BM_OP_OR2 }, { "&&", BM_TOK_OP, BM_OP_AND2 }, { "==", BM_TOK_OP, BM_OP_EQ }, { "!=", BM_TOK_OP, BM_OP_NE },
    { "<=", BM_TOK_OP, BM_OP_LE }, { ">=", BM_TOK_OP, BM_OP_GE }, { "**", BM_TOK_OP, BM_OP_POWER },
    { "|", BM_TOK_OP, BM_OP_OR }, { "&", BM_TOK_OP, BM_OP_AND }, { "<", BM_TOK_OP, BM_OP_LT }, { ">", BM_TOK_OP, BM_OP_GT },
    { "!", BM_TOK_OP, BM_OP_NOT }, { "~", BM_TOK_OP, BM_OP_TILDE }, { "+", BM_TOK_OP, BM_OP_PLUS }, { "-", BM_TOK_OP, BM_OP_MINUS },
    { "*", BM_TOK_OP, BM_OP_TIMES }, { "/", BM_TOK_OP, BM_OP_DIVIDE }, { ":", BM_TOK_OP, BM_OP_COLON }, { "^", BM_TOK_OP, BM_OP_POWER },
    { "(", BM_TOK_OPEN, 0 }, { ")", BM_TOK_CLOSE, 0 }, { ",", BM_TOK_COMMA, 0 }, { "=", BM_TOK_ASSIGN, 0 },
};

static bm_status lex_symbol(const bm_formula *f, bm_token *t, bm_error *err)
{
    const char *s = f->text + t->pos;

    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        size_t n = strlen(symbols[i].s);

        if (strncmp(s, symbols[i].s, n) != 0) continue;
        t->kind = symbols[i].kind;
        t->op = symbols[i].op;
        t->end = t->pos + n;
        return BM_OK;
    }
    if (*s == '%')
        return bm_formula_fail(f, t->pos, err, BM_EPARSE, "formula: of the operators with %% there are %%in%%, %%%% and %%/%%");
    return bm_formula_fail(f, t->pos, err, BM_EPARSE,
                           "formula: '%c' has no meaning here; a name with such characters needs backquotes: `name`", *s);
}

bm_status bm_lex(const bm_formula *f, bm_token *t, bm_error *err)
{
    const char *s = f->text + t->end;
    bm_status   st = BM_OK;

    while (*s == ' ') s++;
    t->pos = t->end = (size_t)(s - f->text);
    t->text.n = 0;
    t->quoted = false;
    bm_buf_add(&t->text, "", 0);
    if (!*s) t->kind = BM_TOK_END;
    else if (*s == '`' || *s == '"' || *s == '\'') st = lex_quoted(f, t, err);
    else if (is_digit(*s) || (*s == '.' && is_digit(s[1]))) st = lex_number(f, t, err);
    else if (starts_name(s)) {
        while (goes_on(f->text[t->end])) t->end++;
        bm_buf_add(&t->text, s, t->end - t->pos);
        t->kind = BM_TOK_NAME;
    } else st = lex_symbol(f, t, err);
    return st == BM_OK && t->text.failed ? bm_nomem(err) : st;
}
