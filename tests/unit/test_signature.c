/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_first.h"

#include <string.h>

#include "signature.h"

static mote_signature parsed(const char *text)
{
    mote_signature s;
    mote_error e = MOTE_ERROR_INIT;
    if (mote_signature_parse(&s, text, &e))
        fail_msg("%s", e.text);
    return s;
}

static void test_all_types(void **state)
{
    (void)state;
    mote_signature s = parsed("(i32,u32,i64,u64,f32,f64,bool,string,bytes)->string");
    assert_int_equal(s.nparams, 9);
    for (uint32_t i = 0; i < 9; i++)
        assert_int_equal(s.params[i], (int)(MOTE_I32 + i));
    assert_int_equal(s.nresults, 1);
    assert_int_equal(s.result, MOTE_STRING);
}

static void test_nothing_in_nothing_out(void **state)
{
    (void)state;
    mote_signature s = parsed("()->void");
    assert_int_equal(s.nparams, 0);
    assert_int_equal(s.nresults, 0);
    assert_int_equal(s.result, MOTE_VOID);
}

static void test_spaces_are_allowed(void **state)
{
    (void)state;
    static const char *const texts[] = {" ( i32 , string ) -> bytes ", "(i32, string)->bytes",
                                        "(i32 ,string )  ->  bytes"};
    mote_signature plain = parsed("(i32,string)->bytes");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        mote_signature s = parsed(texts[i]);
        assert_true(mote__signature_equal(&s, &plain));
    }
}

static void write_params(char *text, unsigned n)
{
    strcpy(text, "(");
    for (unsigned i = 0; i < n; i++)
        strcat(text, i ? ",i64" : "i64");
    strcat(text, ")->void");
}

static void test_at_most_32_parameters(void **state)
{
    (void)state;
    char text[256];
    mote_signature s;
    write_params(text, 32);
    assert_int_equal(parsed(text).nparams, 32);
    write_params(text, 33);
    assert_int_equal(mote_signature_parse(&s, text, NULL), MOTE_EINVAL);
}

/* A wrong text and the byte that the error must name. */
static const struct {
    const char *text;
    int at;
} wrong[] = {
    {"", 0},
    {"i32", 0},
    {"(", 1},
    {"()", 2},
    {"()->", 4},
    {"()-void", 2},
    {"(i32", 1},
    {"(i32,)->void", 5},
    {"(,i32)->void", 1},
    {"(i33)->void", 1},
    {"(i32i32)->void", 1},
    {"(void)->void", 1},
    {"()->i32,i32", 4},
    {"()->voidx", 4},
    {"()->v128", 4},
    {"(I32)->void", 1},
    {"()->(i32)", 4},
    {"(i32)(i32)->void", 5},
    {"()->void junk", 4},
    {"(i3)->void", 1},
};

static void test_wrong_texts_are_refused_with_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        mote_signature s;
        mote_error e = MOTE_ERROR_INIT;
        assert_int_equal(mote_signature_parse(&s, wrong[i].text, &e), MOTE_EINVAL);
        assert_non_null(strstr(e.text, "is wrong at byte"));
        if (e.detail != wrong[i].at)
            fail_msg("\"%s\": byte %d, not %d", wrong[i].text, (int)e.detail, wrong[i].at);
    }
}

static void test_null_is_refused(void **state)
{
    (void)state;
    mote_signature s;
    assert_int_equal(mote_signature_parse(NULL, "()->void", NULL), MOTE_EINVAL);
    assert_int_equal(mote_signature_parse(&s, NULL, NULL), MOTE_EINVAL);
}

static void test_format_round_trip(void **state)
{
    (void)state;
    static const char text[] = "(i32,string,f64)->bytes";
    char out[64];
    mote_signature s = parsed(text);
    assert_int_equal(mote_signature_format(&s, out, sizeof out), sizeof text - 1);
    assert_string_equal(out, text);
}

static void test_format_cuts_and_terminates(void **state)
{
    (void)state;
    char out[8] = "#######";
    mote_signature s = parsed("(i32,string)->bytes");
    assert_int_equal(mote_signature_format(&s, out, 5), 19);
    assert_string_equal(out, "(i32");
    assert_int_equal(out[5], '#');
    assert_int_equal(mote_signature_format(&s, NULL, 0), 19);
}

static void test_equal_looks_at_everything(void **state)
{
    (void)state;
    static const char *const other[] = {"(i32)->i64", "(u32)->i32", "(i32,i32)->i32", "()->i32",
                                        "(i32)->void"};
    mote_signature a = parsed("(i32)->i32"), same = parsed("( i32 )->i32");
    assert_true(mote__signature_equal(&a, &same));
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        mote_signature b = parsed(other[i]);
        assert_false(mote__signature_equal(&a, &b));
    }
}

static void test_type_names(void **state)
{
    (void)state;
    assert_string_equal(mote_type_name(MOTE_VOID), "void");
    assert_string_equal(mote_type_name(MOTE_BYTES), "bytes");
    assert_string_equal(mote_type_name((mote_type)10), "?");
    assert_string_equal(mote_type_name((mote_type)-1), "?");
    assert_true(mote__type_is_bytes(MOTE_STRING) && mote__type_is_bytes(MOTE_BYTES));
    assert_false(mote__type_is_bytes(MOTE_F64));
}

static void test_strings_as_values(void **state)
{
    (void)state;
    mote_value v = mote_string("abc");
    assert_int_equal(v.type, MOTE_STRING);
    assert_int_equal(v.of.bytes.size, 3);
    v = mote_string(NULL);
    assert_int_equal(v.of.bytes.size, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_types),
        cmocka_unit_test(test_nothing_in_nothing_out),
        cmocka_unit_test(test_spaces_are_allowed),
        cmocka_unit_test(test_at_most_32_parameters),
        cmocka_unit_test(test_wrong_texts_are_refused_with_their_place),
        cmocka_unit_test(test_null_is_refused),
        cmocka_unit_test(test_format_round_trip),
        cmocka_unit_test(test_format_cuts_and_terminates),
        cmocka_unit_test(test_equal_looks_at_everything),
        cmocka_unit_test(test_type_names),
        cmocka_unit_test(test_strings_as_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
