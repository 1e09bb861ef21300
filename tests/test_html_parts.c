/* The parts of the HTML report: escaping, numbers, labels, densities. */
#include "testing.h"

#include "report/html_priv.h"

static void is(bm_buf *b, const char *want)
{
    assert_false(b->failed);
    assert_string_equal(b->s ? b->s : "", want);
    bm_buf_free(b);
}

static void test_text_cannot_become_markup(void **state)
{
    bm_buf b = { 0 };

    (void)state;
    bm_html_text(&b, "<a href=\"x\" onclick='y'>&amp;</a>");
    is(&b, "&lt;a href=&quot;x&quot; onclick=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
    bm_html_text(&b, "a\x01\n\xff\xe2\x80\xae");                 /* a control, a line end, no UTF-8, a mark that reverses text */
    is(&b, "a\\x01\\n\\xff\\u202e");
    bm_html_text(&b, NULL);
    is(&b, "");
}

static void test_formatted_html_escapes_its_strings_only(void **state)
{
    bm_buf b = { 0 };

    (void)state;
    bm_html(&b, "<b>%s</b>%S%c %d %zu %.*f 95 %%", "<", "<i>", '&', -3, (size_t)1234567, 2, -1.5);
    is(&b, "<b>&lt;</b><i>&amp; -3 1,234,567 −1.50 95 %");
    bm_html(&b, "%.*f %.2f %.0f %d", 3, 1.25, 0.25, 7.0, 5);
    is(&b, "1.250 0.25 7 5");
}

static void test_numbers_have_a_minus_sign_and_no_negative_zero(void **state)
{
    bm_buf b = { 0 };

    (void)state;
    bm_html_num(&b, -0.001, 2);
    bm_buf_putc(&b, ' ');
    bm_html_num(&b, NAN, 2);
    bm_buf_putc(&b, ' ');
    bm_html_num(&b, -INFINITY, 2);
    bm_buf_putc(&b, ' ');
    bm_html_num(&b, -12.345, 1);
    is(&b, "0.00 – −∞ −12.3");
    assert_int_equal(bm_html_decimals(123), 0);
    assert_int_equal(bm_html_decimals(12.3), 0);
    assert_int_equal(bm_html_decimals(1.23), 1);
    assert_int_equal(bm_html_decimals(0.0123), 3);
    assert_int_equal(bm_html_decimals(NAN), 2);
}

static void test_long_labels_are_cut_between_characters(void **state)
{
    char t[40];

    (void)state;
    bm_short_text(t, sizeof t, "short", 5);
    assert_string_equal(t, "short");
    bm_short_text(t, sizeof t, "abcdefghij", 5);
    assert_string_equal(t, "ab…ij");
    bm_short_text(t, sizeof t, "äöüßéèêëñç", 5);
    assert_string_equal(t, "äö…ñç");
}

static void test_a_variable_is_mentioned_as_a_word(void **state)
{
    (void)state;
    assert_true(bm_html_mentions("I(x^2)", "x"));
    assert_true(bm_html_mentions("a:x", "x"));
    assert_false(bm_html_mentions("x2", "x"));
    assert_false(bm_html_mentions("max", "x"));
    assert_true(bm_html_mentions("xx:x", "x"));
}

/* The area is 1, a normal sample's curve is near the normal density, and a bound keeps all mass inside. */
static void test_a_density_has_area_one_and_the_right_shape(void **state)
{
    enum { N = 40000 };
    static double v[N];
    double   x[BM_DENSITY], y[BM_DENSITY], area = 0;
    bm_error err = { 0 };
    bm_rng   r;

    (void)state;
    bm_rng_key(&r, 5, 5, 5);
    bm_rng_normals(&r, v, N);
    bm_assert_ok(bm_density(v, N, -5, 5, -INFINITY, INFINITY, x, y, &err), err);
    for (size_t i = 0; i < BM_DENSITY; i++) {
        area += y[i] * 10 / (BM_DENSITY - 1);
        assert_true(fabs(y[i] - exp(-0.5 * x[i] * x[i]) / sqrt(2 * M_PI)) < 0.02);
    }
    bm_assert_near(area, 1, 1e-3);
    for (size_t i = 0; i < N; i++) v[i] = fabs(v[i]);
    bm_assert_ok(bm_density(v, N, 0, 5, 0, INFINITY, x, y, &err), err);
    area = -0.5 * (y[0] + y[BM_DENSITY - 1]) * 5 / (BM_DENSITY - 1);
    for (size_t i = 0; i < BM_DENSITY; i++) area += y[i] * 5 / (BM_DENSITY - 1);
    bm_assert_near(area, 1, 1e-3);
    bm_assert_near(y[0], 2 / sqrt(2 * M_PI), 0.05);
}

static void test_values_that_are_all_the_same_have_a_density_too(void **state)
{
    double   v[30], x[BM_DENSITY], y[BM_DENSITY], lo, hi;
    bm_error err = { 0 };

    (void)state;
    for (size_t i = 0; i < 30; i++) v[i] = 7;
    bm_density_range(v, 30, &lo, &hi);
    assert_true(lo < 7 && hi > 7);
    bm_assert_ok(bm_density(v, 30, lo, hi, -INFINITY, INFINITY, x, y, &err), err);
    for (size_t i = 0; i < BM_DENSITY; i++) assert_true(isfinite(y[i]));
}

static void test_a_drawing_is_closed_and_its_ticks_are_round(void **state)
{
    const double x[] = { 0, 1, NAN, 3 }, y[] = { 0, 10, 5, 20 };
    bm_buf b = { 0 };
    bm_svg s;

    (void)state;
    bm_svg_open(&s, &b, 360, 200, "a < b");
    bm_svg_area(&s, 40, 10, 300, 150, 0, 3, 0, 20);
    bm_svg_axis_x(&s, 3, "x & y");
    bm_svg_line(&s, "post", x, y, 4);
    bm_svg_close(&s);
    assert_non_null(strstr(b.s, "aria-label=\"a &lt; b\"><title>a &lt; b</title>"));
    assert_non_null(strstr(b.s, ">x &amp; y</text>"));
    assert_non_null(strstr(b.s, ">2</text>"));
    assert_non_null(strstr(b.s, "M40 160L140 85M340 10\"/>"));               /* the gap is a gap */
    assert_non_null(strstr(b.s, "</svg>"));
    bm_buf_free(&b);
    bm_svg_open(&s, &b, 100, 100, "");
    bm_svg_area(&s, 0, 0, 100, 100, 4, 4, 1e-9, 1e-9);                         /* one value: no division by 0 */
    bm_svg_axis_x(&s, 5, NULL);
    bm_svg_axis_y(&s, 5, true);
    assert_null(strstr(b.s, "nan"));
    bm_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_cannot_become_markup),
        cmocka_unit_test(test_formatted_html_escapes_its_strings_only),
        cmocka_unit_test(test_numbers_have_a_minus_sign_and_no_negative_zero),
        cmocka_unit_test(test_long_labels_are_cut_between_characters),
        cmocka_unit_test(test_a_variable_is_mentioned_as_a_word),
        cmocka_unit_test(test_a_density_has_area_one_and_the_right_shape),
        cmocka_unit_test(test_values_that_are_all_the_same_have_a_density_too),
        cmocka_unit_test(test_a_drawing_is_closed_and_its_ticks_are_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
