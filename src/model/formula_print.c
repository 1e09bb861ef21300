/* formula_print.c: a tree as text, in the form of R's deparse, of which the names of coefficients are made. */
#include "model/formula_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* R's shape of a number: the fewest digits, at most 15, that give it to 15; fixed notation unless that is wider. */
static void print_number_r(double x, bm_buf *b)
{
    char   sci[40], fixed[400];
    int    digits = 0, decimals, exponent;
    size_t n;

    for (; digits < 14; digits++) {                  /* digits after the first */
        double y, z;
        char   all[40];

        snprintf(sci, sizeof sci, "%.*e", digits, x);
        snprintf(all, sizeof all, "%.14e", x);
        if (bm_parse_double(sci, strlen(sci), &y) && bm_parse_double(all, strlen(all), &z) && y == z) break;
    }
    snprintf(sci, sizeof sci, "%.*e", digits, x);
    exponent = (int)strtol(strchr(sci, 'e') + 1, NULL, 10);
    decimals = digits - exponent > 0 ? digits - exponent : 0;
    n = (size_t)snprintf(fixed, sizeof fixed, "%.*f", decimals, x);
    bm_buf_puts(b, n <= strlen(sci) ? fixed : sci);
}

static void print_number(double x, bm_print_style style, bm_buf *b)
{
    if (style == BM_PRINT_EXACT) bm_buf_num(b, x);
    else print_number_r(x, b);
}

/* Bytes of the character of UTF-8 at s that a formula may have as it is; 0: written \xNN. */
static size_t plain(const char *s)
{
    unsigned char c = (unsigned char)*s;
    size_t        n = c < 0x80 ? 1 : c < 0xc2 || c > 0xf4 ? 0 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    return c < 0x20 || c == 0x7f ? 0 : n;
}

static void print_quoted(const char *s, char quote, bm_buf *b)
{
    size_t n;

    bm_buf_putc(b, quote);
    for (; *s; s += n ? n : 1) {
        unsigned char c = (unsigned char)*s;

        n = plain(s);
        if (c == (unsigned char)quote || c == '\\') bm_buf_printf(b, "\\%c", c);
        else if (c == '\n' || c == '\t' || c == '\r') bm_buf_printf(b, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (n == 0) bm_buf_printf(b, "\\x%02x", c);
        else bm_buf_add(b, s, n);
    }
    bm_buf_putc(b, quote);
}

void bm_print_name(const char *name, bm_buf *b)
{
    size_t at = 0, n;

    while (name[at] && (n = plain(name + at)) > 0) at += n;
    if (bm_is_syntactic(name) && !name[at]) bm_buf_puts(b, name);
    else print_quoted(name, '`', b);
}

static const char *op_text(bm_op op)
{
    static const char *const text[] = {
        [BM_OP_TILDE] = " ~ ", [BM_OP_OR2] = " || ", [BM_OP_OR] = " | ", [BM_OP_AND2] = " && ", [BM_OP_AND] = " & ", [BM_OP_NOT] = "!",
        [BM_OP_EQ] = " == ", [BM_OP_NE] = " != ", [BM_OP_LT] = " < ", [BM_OP_LE] = " <= ", [BM_OP_GT] = " > ", [BM_OP_GE] = " >= ",
        [BM_OP_PLUS] = " + ", [BM_OP_MINUS] = " - ", [BM_OP_TIMES] = " * ", [BM_OP_DIVIDE] = "/", [BM_OP_IN] = " %in% ",
        [BM_OP_MOD] = "%%", [BM_OP_INTDIV] = "%/%", [BM_OP_COLON] = ":", [BM_OP_POWER] = "^",
    };

    return text[op];
}

static void print_call(const bm_node *n, bm_print_style style, bm_buf *b)
{
    bm_buf_printf(b, "%s(", n->fn->name);
    for (size_t k = 0; k < n->nkid; k++) {
        if (k) bm_buf_puts(b, ", ");
        if (n->arg[k]) bm_buf_printf(b, "%s = ", n->arg[k]);
        bm_node_print(n->kid[k], style, b);
    }
    bm_buf_putc(b, ')');
}

void bm_node_print(const bm_node *n, bm_print_style style, bm_buf *b)
{
    switch (n->kind) {
    case BM_NODE_NUM: print_number(n->num, style, b); break;
    case BM_NODE_STRING: print_quoted(n->text, '"', b); break;
    case BM_NODE_BOOL: bm_buf_puts(b, n->num != 0 ? "TRUE" : "FALSE"); break;
    case BM_NODE_NAME: bm_print_name(n->text, b); break;
    case BM_NODE_DOT: bm_buf_putc(b, '.'); break;
    case BM_NODE_CALL: print_call(n, style, b); break;
    case BM_NODE_PAREN:
        bm_buf_putc(b, '(');
        bm_node_print(n->kid[0], style, b);
        bm_buf_putc(b, ')');
        break;
    case BM_NODE_UNARY:
        bm_buf_putc(b, n->op == BM_OP_TILDE ? '~' : *(op_text(n->op) + (n->op != BM_OP_NOT)));
        bm_node_print(n->kid[0], style, b);
        break;
    case BM_NODE_BINARY:
        bm_node_print(n->kid[0], style, b);
        bm_buf_puts(b, op_text(n->op));
        bm_node_print(n->kid[1], style, b);
        break;
    }
}

bm_status bm_formula_print(const bm_formula *f, bm_buf *out, bm_error *err)
{
    bm_node_print(f->tilde, BM_PRINT_EXACT, out);
    return out->failed ? bm_nomem(err) : BM_OK;
}
