/* SPDX-License-Identifier: Apache-2.0 */
/* Names of errors, types and faults: there is one for each, and for what there is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mote.h"

static void error_names(void **state)
{
    (void)state;
#define MOTE_X(name, number, text)                                    \
    assert_int_equal(MOTE_##name, -(number));                         \
    assert_string_equal(mote_error_name(MOTE_##name), "MOTE_" #name); \
    assert_string_equal(mote_error_string(MOTE_##name), text);
    MOTE_ERROR_MAP(MOTE_X)
#undef MOTE_X
    assert_string_equal(mote_error_name(MOTE_OK), "MOTE_OK");
}

static void unknown_errors(void **state)
{
    const int codes[] = {1, -999, INT32_MAX, INT32_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_non_null(mote_error_name(codes[i]));
        assert_non_null(mote_error_string(codes[i]));
    }
    assert_non_null(mote_error_string(MOTE_OK));
}

static void type_names(void **state)
{
    static const struct {
        mote_type type;
        const char *name;
    } all[] = {
        {MOTE_VOID, "void"},     {MOTE_I32, "i32"},     {MOTE_U32, "u32"}, {MOTE_I64, "i64"},
        {MOTE_U64, "u64"},       {MOTE_F32, "f32"},     {MOTE_F64, "f64"}, {MOTE_BOOL, "bool"},
        {MOTE_STRING, "string"}, {MOTE_BYTES, "bytes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_string_equal(mote_type_name(all[i].type), all[i].name);
    }
    assert_string_equal(mote_type_name((mote_type)99), "?");
    assert_string_equal(mote_type_name((mote_type)-1), "?");
}

static void fault_names(void **state)
{
    (void)state;
#define MOTE_X(number, name, words) assert_string_equal(mote_fault_name(MOTE_FAULT_##name), words);
    MOTE_FAULT_MAP(MOTE_X)
#undef MOTE_X
    assert_non_null(mote_fault_name((mote_fault_kind)12345));
}

static void version(void **state)
{
    char expected[32];

    (void)state;
    snprintf(expected, sizeof(expected), "%d.%d.%d", MOTE_VERSION_MAJOR, MOTE_VERSION_MINOR,
             MOTE_VERSION_PATCH);
    assert_string_equal(mote_version(), expected);
}

static void string_value(void **state)
{
    mote_value value = mote_string("abc");

    (void)state;
    assert_int_equal(value.type, MOTE_STRING);
    assert_int_equal(value.of.bytes.size, 3);
    assert_memory_equal(value.of.bytes.data, "abc", 3);
    assert_int_equal(mote_string("").of.bytes.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_names), cmocka_unit_test(unknown_errors),
        cmocka_unit_test(type_names),  cmocka_unit_test(fault_names),
        cmocka_unit_test(version),     cmocka_unit_test(string_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
