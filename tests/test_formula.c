/* Formulas: the grammar, printing that parses back, the place in every message, names, dots, expansion. */
#include "design_fixture.h"
#include "model/formula_priv.h"

/* ---- printing ---- */

static void assert_prints(const char *text, const char *want)
{
    bm_formula *f = parse(text);
    bm_buf      b = { 0 };
    bm_error    err = { 0 };

    bm_assert_ok(bm_formula_print(f, &b, &err), err);
    assert_string_equal(b.s, want);
    bm_buf_free(&b);
    bm_formula_free(f);
}

static void assert_round_trip(const char *text)
{
    bm_formula *f = parse(text), *g;
    bm_buf      b = { 0 };
    bm_error    err = { 0 };

    bm_assert_ok(bm_formula_print(f, &b, &err), err);
    g = parse(b.s);
    if (!bm_node_equal(f->tilde, g->tilde)) fail_msg("'%s' is printed as '%s', which is another formula", text, b.s);
    bm_formula_free(g);
    bm_buf_free(&b);
    bm_formula_free(f);
}

static const char *const formulas[] = {
    "Reaction ~ Days + (Days | Subject)", "y ~ 1", "y ~ 0", "y ~ -1 + x", "y ~ x - 1", "~ x + (1 | g)", "y ~ (x || g) + (0 + z | h)",
    "log(1 + total.fruits) ~ nutrient * amd + (1 | popu/gen/rack)", "y ~ a*b:c + d/e + f %in% g - a:b", "y ~ (a + b + c)^3 - a:b:c",
    "y ~ I(x^2) + I(-x^-2) + I((x + 1) * 2 / 3 - 4) + I(x %% 2 + x %/% 2)", "y ~ offset(log(n)) + x + offset(o)", "y ~ `odd name` * `2x` + (1 | `a b`:`c`)",
    "y ~ I(x > 1 & !(z <= 2) | f == \"a b\") + I(f != 'it''s')", "y ~ scale(x, center = FALSE) + scale(z, TRUE, 2) + log(x, base = 2) + log(x, 10)",
    "y ~ factor(k) * as.factor(x) + (factor(k) | factor(g):h)", "y ~ . + (. | g) - z", "y ~ .^2", "y ~ _x + .x + x.y_z + ..", "\xc3\xa9t\xc3\xa9 ~ na\xc3\xafve",
    "y ~ x ** 2 + (((x)))", "y ~ I(0.1234567890123456789 * x + 1e-300 + 1e300 + 100000)", "y ~ I(2^3^x) + I((2^3)^x) + I(-2:x)",
    "y~a+b+c+(1|g)", "y ~ x +\n\t(1 | g)", "y ~ `tick \\` back \\\\ tab \\t bell \\x07`", "y / 100 ~ +x", "y ~ - -x + z",
};

static void test_every_formula_printed_parses_back_to_an_equal_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof formulas / sizeof *formulas; i++) {
        bm_formula *f;
        bm_error    err = { 0 };

        if (strstr(formulas[i], "''") || strstr(formulas[i], "-2:x")) {      /* these two are not formulas */
            assert_int_not_equal(bm_formula_parse(&f, formulas[i], &err), BM_OK);
            assert_null(f);
        } else assert_round_trip(formulas[i]);
    }
}

static void test_formulas_print_as_r_prints_them(void **state)
{
    (void)state;
    assert_prints("y~x+z", "y ~ x + z");
    assert_prints("y ~ a*b + a : b + c/d", "y ~ a * b + a:b + c/d");
    assert_prints("y ~ (x|g)+(x||g)", "y ~ (x | g) + (x || g)");
    assert_prints("y~I(x ^ 2)+I(x / 2)+I(x*2)+x %in% z", "y ~ I(x^2) + I(x/2) + I(x * 2) + x %in% z");
    assert_prints("y ~ I(a%%b) + I( ! a > 1) + I(f=='a\"b')", "y ~ I(a%%b) + I(!a > 1) + I(f == \"a\\\"b\")");
    assert_prints("y ~ x**2", "y ~ x^2");
    assert_prints("y ~ `x` + `x y` + `if`", "y ~ x + `x y` + `if`");
    assert_prints("~ x", "~x");
    assert_prints("y ~ scale(x,scale=FALSE)", "y ~ scale(x, scale = FALSE)");
}

/* What R 4.2's deparse() prints. */
static void test_numbers_in_names_have_the_form_that_r_gives_them(void **state)
{
    static const struct { const char *number, *want; } cases[] = {
        { "100000", "1e+05" }, { "123456", "123456" }, { "0.0001", "1e-04" }, { "0.001", "0.001" }, { "100000.1", "100000.1" }, { "1e15", "1e+15" },
        { "1e-15", "1e-15" }, { "123456789012345678", "123456789012345680" }, { "0.30000000000000004", "0.3" }, { "0.33333333333333331", "0.333333333333333" },
        { "0.66666666666666663", "0.666666666666667" }, { "1e22", "1e+22" }, { "3.0", "3" }, { "1234567.1", "1234567.1" }, { "100", "100" },
        { "1e300", "1e+300" }, { "0.00012345", "0.00012345" }, { "9007199254740992", "9007199254740992" }, { "0", "0" }, { "00.50", "0.5" }, { ".5", "0.5" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char        text[100];
        bm_formula *f;
        bm_buf      b = { 0 };

        snprintf(text, sizeof text, "y ~ I(x + %s)", cases[i].number);
        f = parse(text);
        bm_node_print(f->rhs->kid[0]->kid[1], BM_PRINT_R, &b);
        assert_string_equal(b.s, cases[i].want);
        bm_buf_free(&b);
        bm_formula_free(f);
    }
}

/* ---- how operators bind ---- */

static void assert_same_tree(const char *text, const char *with_parentheses)
{
    bm_formula *f = parse(text), *g = parse(with_parentheses);
    bm_buf      a = { 0 }, b = { 0 };

    /* the same names, in the order of a walk over the tree without its parentheses */
    for (size_t i = 0; i < g->nall; i++)
        for (size_t k = 0; k < g->all[i]->nkid; k++)
            while (g->all[i]->kid[k]->kind == BM_NODE_PAREN) g->all[i]->kid[k] = g->all[i]->kid[k]->kid[0];
    bm_node_print(f->tilde, BM_PRINT_EXACT, &a);
    bm_node_print(g->tilde, BM_PRINT_EXACT, &b);
    if (!bm_node_equal(f->tilde, g->tilde)) fail_msg("'%s' is not '%s'", text, with_parentheses);
    bm_buf_free(&a);
    bm_buf_free(&b);
    bm_formula_free(f);
    bm_formula_free(g);
}

static void test_operators_bind_as_in_r(void **state)
{
    (void)state;
    assert_same_tree("y ~ a + b * c:d", "y ~ a + (b * (c:d))");
    assert_same_tree("y ~ a - b - c", "y ~ (a - b) - c");
    assert_same_tree("y ~ a / b / c", "y ~ (a / b) / c");
    assert_same_tree("y ~ a * b %in% c:d", "y ~ a * (b %in% (c:d))");
    assert_same_tree("y ~ -a:b + c", "y ~ ((-a):b) + c");
    assert_same_tree("y ~ I(-a^2)", "y ~ I(-(a^2))");
    assert_same_tree("y ~ I(a^b^c)", "y ~ I(a^(b^c))");
    assert_same_tree("y ~ I(a^-b * c)", "y ~ I((a^(-b)) * c)");
    assert_same_tree("y ~ I(!a == b & c | d)", "y ~ I(((!(a == b)) & c) | d)");
    assert_same_tree("y ~ I(a + b < c * d)", "y ~ I((a + b) < (c * d))");
    assert_same_tree("y ~ I(a %% b * c)", "y ~ I((a %% b) * c)");
}

/* ---- expansion ---- */

/* The terms of a formula's right side, as R's terms() labels them, with the intercept as 1 or 0. */
static void assert_terms(const char *rhs, const char *want)
{
    char        text[300];
    bm_formula *f;
    bm_terms    t;
    bm_buf      b = { 0 };
    bm_error    err = { 0 };

    snprintf(text, sizeof text, "y ~ %s", rhs);
    f = parse(text);
    bm_assert_ok(bm_terms_new(&t, f, f->rhs, &err), err);
    bm_buf_printf(&b, "%d", t.intercept);
    for (size_t i = 0; i < t.nterm; i++) {
        char sep = ' ';

        for (size_t k = 0; k < t.nvar; k++) {
            if (!bm_terms_has(&t, i, k)) continue;
            bm_buf_putc(&b, sep);
            bm_node_print(t.var[k], BM_PRINT_R, &b);
            sep = ':';
        }
    }
    assert_string_equal(b.s, want);
    bm_buf_free(&b);
    bm_terms_clear(&t);
    bm_formula_free(f);
}

/* Expected values: attr(terms(~ ...), "term.labels") in R 4.2. */
static void test_terms_expand_as_in_r(void **state)
{
    (void)state;
    assert_terms("a * b", "1 a b a:b");
    assert_terms("a:b + a", "1 a a:b");
    assert_terms("b:a + a + b", "1 a b b:a");
    assert_terms("(a + b + c)^2", "1 a b c a:b a:c b:c");
    assert_terms("(a + b + c)^2 - a:b - 1", "0 a b c a:c b:c");
    assert_terms("a * b * c - a:b:c", "1 a b c a:b a:c b:c");
    assert_terms("a / b", "1 a a:b");
    assert_terms("a / b / c", "1 a a:b a:b:c");
    assert_terms("a / (b + c)", "1 a a:b a:c");
    assert_terms("(a + b) / c", "1 a b a:b:c");
    assert_terms("a %in% b", "1 a:b");
    assert_terms("b + a %in% b", "1 b b:a");
    assert_terms("0 + a", "0 a");
    assert_terms("a - 0", "1 a");
    assert_terms("a + 0 + 1", "1 a");
    assert_terms("-1 + a", "0 a");
    assert_terms("a - (b + 1)", "0 a");
    assert_terms("a + a + a:a", "1 a");
    assert_terms("x^2", "1 x");
    assert_terms("a + (1 | g) + b + offset(o) + (x | h)", "1 a b");
    assert_terms("log(x) + log( x ) + log(x+1)", "1 log(x) log(x + 1)");
    assert_terms("(a + b)^100", "1 a b a:b");
    assert_terms("1", "1");
    assert_terms("a - a", "1");
}

/* ---- names ---- */

static void assert_names(const char *const *v, size_t n, const char *want)
{
    bm_buf b = { 0 };

    bm_buf_puts(&b, "");
    for (size_t i = 0; i < n; i++) bm_buf_printf(&b, "%s%s", i ? " " : "", v[i]);
    assert_string_equal(b.s, want);
    bm_buf_free(&b);
}

static void test_variables_come_once_in_order_and_groups_apart(void **state)
{
    bm_formula *f = parse("log(y) ~ x + I(z^2):x + offset(o) + (w + x | g/h) + (1 | x) + factor(k) + (1 | factor(m))");
    size_t      n;
    const char *const *v = bm_formula_vars(f, &n);

    (void)state;
    assert_names(v, n, "y x z o w g h k m");
    v = bm_formula_group_vars(f, &n);                 /* x is a predictor, and m is made a factor by the formula */
    assert_names(v, n, "g h");
    bm_formula_free(f);
}

static void test_formula_match_names_the_place_and_the_column_that_was_meant(void **state)
{
    static const char *const columns[] = { "Reaction", "Days", "Subject" };
    bm_formula *f = parse("Reaction ~ Dyas + (Days | Subject)");
    bm_error    err = { 0 };

    (void)state;
    assert_int_equal(bm_formula_match(f, columns, 3, &err), BM_EINVAL);
    bm_assert_says(err,
                   "the data have no column 'Dyas'; did you mean 'Days'?\n  Reaction ~ Dyas + (Days | Subject)\n             ^");
    bm_formula_free(f);
    f = parse("Reaction ~ Days");
    bm_assert_ok(bm_formula_match(f, columns, 3, &(bm_error){ 0 }), err);
    bm_formula_free(f);
}

/* ---- dots ---- */

static void assert_dot(const char *text, const char *want)
{
    static const char *const columns[] = { "y", "a", "b c", "g", "w" }, *const except[] = { "w" };
    bm_formula *f = parse(text);
    bm_buf      b = { 0 };
    bm_error    err = { 0 };

    bm_assert_ok(bm_formula_expand_dot(f, columns, 5, except, 1, &err), err);
    bm_assert_ok(bm_formula_print(f, &b, &err), err);
    assert_string_equal(b.s, want);
    assert_false(f->dot);
    assert_round_trip(b.s);
    bm_buf_free(&b);
    bm_formula_free(f);
}

static void test_a_dot_stands_for_the_columns_that_are_not_response_weight_or_group(void **state)
{
    (void)state;
    assert_dot("y ~ .", "y ~ a + `b c` + g");
    assert_dot("log(y) ~ . + z", "log(y) ~ a + `b c` + g + z");
    assert_dot("y ~ z + .", "y ~ z + (a + `b c` + g)");
    assert_dot("y ~ . + (1 | g)", "y ~ a + `b c` + (1 | g)");
    assert_dot("y ~ (. | g)", "y ~ (a + `b c` | g)");
    assert_dot("y ~ .^2 - a", "y ~ (a + `b c` + g)^2 - a");
    assert_dot("y ~ . - a", "y ~ a + `b c` + g - a");
    assert_dot("y ~ g + . + (1 | g)", "y ~ g + (a + `b c` + g) + (1 | g)");
    assert_dot("y ~ x", "y ~ x");
}

static void test_a_dot_that_stands_for_nothing_or_too_much_is_an_error(void **state)
{
    static char  names[5001][8];
    const char  *many[5001];
    bm_formula  *f = parse("y ~ x + .");
    bm_error     err = { 0 };

    (void)state;
    assert_int_equal(bm_formula_expand_dot(f, (const char *const[]){ "y" }, 1, NULL, 0, &err), BM_EINVAL);
    bm_assert_says(err, "no column left for '.' to stand for\n  y ~ x + .\n          ^");
    bm_formula_free(f);
    for (int i = 0; i < 5001; i++) {
        snprintf(names[i], sizeof names[i], "v%d", i);
        many[i] = names[i];
    }
    f = parse("y ~ .");
    err = (bm_error){ 0 };
    assert_int_equal(bm_formula_expand_dot(f, many, 5001, NULL, 0, &err), BM_EINVAL);
    bm_assert_says(err, "'.' would stand for 5001 columns; at most 4000");
    bm_formula_free(f);
    f = parse("y ~ .");
    err = (bm_error){ 0 };
    bm_assert_ok(bm_formula_expand_dot(f, many, 4000, NULL, 0, &err), err);
    bm_formula_free(f);
}

/* ---- messages ---- */

static void assert_refused(const char *text, const char *says, size_t caret)
{
    bm_formula *f;
    bm_error    err = { 0 };
    const char *line;

    assert_true(bm_formula_parse(&f, text, &err) < 0);
    assert_null(f);
    if (!strstr(err.msg, says)) fail_msg("'%s': message '%s' does not contain '%s'", text, err.msg, says);
    if (caret == SIZE_MAX) return;
    line = strrchr(err.msg, '\n');
    assert_non_null(line);
    if (strlen(line) != caret + 4 || line[strlen(line) - 1] != '^') fail_msg("caret not under column %zu:\n%s", caret, err.msg);
}

static void test_what_is_no_formula_is_refused_with_the_place(void **state)
{
    (void)state;
    assert_refused("", "it is empty", SIZE_MAX);
    assert_refused("  ", "it is empty", SIZE_MAX);
    assert_refused("y + x", "no '~'", 5);
    assert_refused("y = x", "'=' has no meaning here", 2);
    assert_refused("y ~", "a variable, a number, a function or '(' expected here", 3);
    assert_refused("y ~ x +", "expected here", 7);
    assert_refused("y ~ x z", "an operator expected here", 6);
    assert_refused("y ~ (x", "this parenthesis is not closed", 4);
    assert_refused("y ~ (x z)", "an operator or ')' expected here", 7);
    assert_refused("y ~ x)", "this parenthesis was never opened", 5);
    assert_refused("y ~ x ~ z", "one '~'", 6);
    assert_refused("y ~ (a ~ z)", "one '~'", 7);
    assert_refused("y ~ (~ z)", "one '~'", 5);
    assert_refused("y ~ I(~z)", "one '~'", 6);
    assert_refused("y ~ I((a ~ z))", "one '~'", 9);
    assert_refused("y ~ `x", "this ` has no partner", 4);
    assert_refused("y ~ I(f == 'a)", "this ' has no partner", 11);
    assert_refused("y ~ ``", "an empty name", 4);
    assert_refused("y ~ `a\\q`", "unknown escape", 6);
    assert_refused("y ~ 2x", "begins with a digit", 4);
    assert_refused("y ~ I(1e999 * x)", "this number is too large", 6);
    assert_refused("y ~ x $ z", "'$' has no meaning here", 6);
    assert_refused("y ~ x %o% z", "of the operators with % there are", 6);
    assert_refused("y ~ x[1]", "'[' has no meaning here", 5);
    assert_refused("y ~ x\x01", "a control character (code 1)", SIZE_MAX);
    assert_refused("y ~ \xff", "not UTF-8 at byte 5", SIZE_MAX);
    assert_refused("y ~ \xc3", "not UTF-8 at byte 6", SIZE_MAX);
    assert_refused("\xc3\xa9t\xc3\xa9 ~ x +", "expected here", 9);             /* columns, not bytes */
}

static void test_functions_that_do_not_exist_are_answered_with_those_that_do(void **state)
{
    (void)state;
    assert_refused("y ~ lgo(x)", "there is no function 'lgo'; did you mean 'log'?", 4);
    assert_refused("cbind(a, b) ~ x", "there is no function 'cbind'; there are: log log2 log10 log1p exp", 0);
    assert_refused("y ~ poly(x, 2)", "factor as.factor I offset", 4);
    assert_refused("y ~ x(2)", "no function 'x'", 4);
    assert_refused("y ~ log()", "log() needs an argument", 4);
    assert_refused("y ~ exp(x, 2)", "exp() takes 1 argument", 11);
    assert_refused("y ~ log(x, 2, 3)", "log() takes at most 2 arguments", 14);
    assert_refused("y ~ log(x, bse = 2)", "log() has no argument 'bse'", 11);
    assert_refused("y ~ log(x, base = 2, base = 3)", "log() takes at most 2", SIZE_MAX);
    assert_refused("y ~ scale(x, scale = 2, scale = 3)", "the argument 'scale' is given twice", 24);
    assert_refused("y ~ log(base = 2)", "log() needs an argument", 4);
    assert_refused("y ~ log(x z)", "',' or ')' expected here", 10);
    assert_refused("y ~ log(x,)", "an argument expected here", 10);
    assert_refused("y ~ log(x, z)", "a number, TRUE or FALSE expected here", 11);
}

static void test_operators_out_of_place_are_refused(void **state)
{
    (void)state;
    assert_refused("y ~ x + 2", "the only numbers among terms are 0 and 1", 8);
    assert_refused("y ~ 2 * x", "a number cannot be part of an interaction", 4);
    assert_refused("y ~ x:1", "a number cannot be part of an interaction", 6);
    assert_refused("y ~ x^z", "the power of terms is a whole number", 6);
    assert_refused("y ~ x^0", "the power of terms is a whole number", 6);
    assert_refused("y ~ x^2.5", "the power of terms is a whole number", 6);
    assert_refused("y ~ x > 1", "this operator is arithmetic", 6);
    assert_refused("y ~ x %% 2", "this operator is arithmetic", 6);
    assert_refused("y ~ !x", "'!' is arithmetic", 4);
    assert_refused("y ~ 'a'", "a variable expected here", 4);
    assert_refused("y ~ TRUE", "a variable expected here", 4);
    assert_refused("y ~ I(a:b)", "':' is no arithmetic", 7);
    assert_refused("y ~ I(a %in% b)", "'%in%' is no arithmetic", 8);
    assert_refused("y ~ I(a && b)", "write & and |", 8);
    assert_refused("y ~ I(a || b)", "write & and |", 8);
    assert_refused("y ~ I('a')", "a text can only be compared with a factor", 6);
    assert_refused("y ~ I(f + 'a')", "a text can only be compared with a factor", 10);
    assert_refused("y ~ log(.)", "'.' stands for several columns", 8);
    assert_refused(". ~ x", "'.' stands for several columns", 0);
    assert_refused("y ~ I(a < b < c)", "comparisons cannot be chained", 12);
    assert_refused("y:x ~ x", "':' is no arithmetic", 1);
    assert_refused("y ~ log(offset(x))", "offset() stands by itself", 8);
    assert_refused("y ~ x * offset(o)", "offset() can only be added", 8);
    assert_refused("y ~ x - offset(o)", "offset() can only be added", 8);
    assert_refused("y ~ (x + offset(o) | g)", "offset() can only be added", 9);
    assert_refused("offset(y) ~ x", "offset() stands by itself", 0);
}

static void test_random_terms_out_of_place_are_refused(void **state)
{
    (void)state;
    assert_refused("y ~ x | g", "a random term needs parentheses", 6);
    assert_refused("y ~ x + 1 | g", "a random term needs parentheses", 10);
    assert_refused("y ~ x * (1 | g)", "can only be added", 11);
    assert_refused("y ~ x - (1 | g)", "can only be added", 11);
    assert_refused("y ~ -(1 | g)", "can only be added", 8);
    assert_refused("y ~ (x | g | h)", "a random term has one bar", SIZE_MAX);
    assert_refused("y ~ (1 + (x | h) | g)", "cannot stand in another one", 12);
    assert_refused("y ~ (x | a * b)", "(1 | a) + (1 | b) + (1 | a:b)", 11);
    assert_refused("y ~ (x | a + b)", "write (1 | a) + (1 | b)", 11);
    assert_refused("y ~ (x | a - b)", "':' and '/' only", 11);
    assert_refused("y ~ (x | 1)", "a grouping variable expected", 9);
    assert_refused("y ~ (x | .)", "a grouping variable expected", 9);
    assert_refused("y ~ (x | -g)", "a grouping variable expected", 9);
}

static void test_nesting_and_length_are_bounded(void **state)
{
    enum { DEEP = 100000 };
    char       *text = malloc(2 * DEEP + 100), *s = text;
    bm_formula *f;
    bm_error    err = { 0 };

    (void)state;
    assert_non_null(text);
    s += sprintf(s, "y ~ ");
    memset(s, '(', 30000);
    strcpy(s + 30000, "x");
    assert_true(bm_formula_parse(&f, text, &err) < 0);
    bm_assert_says(err, "nested more than 200 deep\n  ...(((((");
    err = (bm_error){ 0 };
    memset(s, '-', 30000);
    assert_true(bm_formula_parse(&f, text, &err) < 0);
    bm_assert_says(err, "nested more than 200 deep");
    err = (bm_error){ 0 };
    for (int i = 0; i < 30000; i++) memcpy(s + 2 * i, "x+", 2);
    strcpy(s + 60000, "x");
    assert_true(bm_formula_parse(&f, text, &err) < 0);
    bm_assert_says(err, "more than 6000 operators in a row");
    err = (bm_error){ 0 };
    strcpy(s + 2 * 5900, "x");
    bm_assert_ok(bm_formula_parse(&f, text, &err), err);
    bm_formula_free(f);
    memset(s, 'x', 2 * DEEP);
    s[2 * DEEP] = '\0';
    assert_true(bm_formula_parse(&f, text, &err) < 0);
    bm_assert_says(err, "longer than 65536 characters");
    free(text);
}

static void test_an_expansion_without_end_is_stopped(void **state)
{
    bm_formula *f = parse("y ~ (a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p)^8");
    bm_terms    t;
    bm_error    err = { 0 };

    (void)state;
    assert_int_equal(bm_terms_new(&t, f, f->rhs, &err), BM_EINVAL);
    bm_assert_says(err, "more than 5000 terms");
    bm_formula_free(f);
    f = parse("y ~ x + y");
    err = (bm_error){ 0 };
    assert_int_equal(bm_terms_new(&t, f, f->rhs, &err), BM_EINVAL);
    bm_assert_says(err, "the response cannot be its own predictor\n  y ~ x + y\n          ^");
    bm_formula_free(f);
}

/* Pieces of formulas put together at random: refused with a message, or printed and read back as an equal formula. */
static void test_random_texts_are_refused_or_come_back(void **state)
{
    static const char *const pieces[] = { "y", "~", " ", "+", "-", "*", "/", ":", "^", "2", "(", ")", "|", "||", "I(", "log(", "x", "`a b`", "%in%", "0", "1",
                                          ".", ",", "'t'", "==", "!", "scale(", "center", "=", "TRUE", "\xc3\xa9", "g", "offset(", "1.5e3", "&", "%%", "\\", "`" };
    bm_rng       rng;
    size_t       good = 0;

    (void)state;
    bm_rng_key(&rng, 11, 0, 0);
    for (int i = 0; i < 200000; i++) {
        char        text[200] = "y~";
        int         n = (int)(bm_rng_u64(&rng) % 12);
        bm_formula *f;
        bm_error    err = { 0 };

        for (int k = 0; k < n; k++) strcat(text, pieces[bm_rng_u64(&rng) % (sizeof pieces / sizeof *pieces)]);
        if (bm_formula_parse(&f, text, &err) == BM_OK) {
            good++;
            bm_formula_free(f);
            assert_round_trip(text);
        } else assert_true(err.msg[0] != '\0' && !f);
    }
    assert_true(good > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_formula_printed_parses_back_to_an_equal_one),
        cmocka_unit_test(test_formulas_print_as_r_prints_them),
        cmocka_unit_test(test_numbers_in_names_have_the_form_that_r_gives_them),
        cmocka_unit_test(test_operators_bind_as_in_r),
        cmocka_unit_test(test_terms_expand_as_in_r),
        cmocka_unit_test(test_variables_come_once_in_order_and_groups_apart),
        cmocka_unit_test(test_formula_match_names_the_place_and_the_column_that_was_meant),
        cmocka_unit_test(test_a_dot_stands_for_the_columns_that_are_not_response_weight_or_group),
        cmocka_unit_test(test_a_dot_that_stands_for_nothing_or_too_much_is_an_error),
        cmocka_unit_test(test_what_is_no_formula_is_refused_with_the_place),
        cmocka_unit_test(test_functions_that_do_not_exist_are_answered_with_those_that_do),
        cmocka_unit_test(test_operators_out_of_place_are_refused),
        cmocka_unit_test(test_random_terms_out_of_place_are_refused),
        cmocka_unit_test(test_nesting_and_length_are_bounded),
        cmocka_unit_test(test_an_expansion_without_end_is_stopped),
        cmocka_unit_test(test_random_texts_are_refused_or_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
