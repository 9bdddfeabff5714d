/* SPDX-License-Identifier: Apache-2.0 */
/* Values go to a guest and come back as they were. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEST(values, echo)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    must_call(&box, "echo_string", ARGS(mote_string("hello")), &result);
    CHECK_INT(result.type, MOTE_STRING);
    CHECK_INT(result.of.bytes.size, 5);
    CHECK_BYTES(result.of.bytes.data, "hello", 5);
    CHECK_INT(mote_sandbox_report(box.sandbox)->fault, MOTE_FAULT_NONE);
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    box_close(&box);
}

TEST(values, nothing)
{
    struct box box;

    box_run(&box, "echo");
    must_call(&box, "nothing", NO_ARGS, NULL);
    box_close(&box);
}

TEST(values, i32)
{
    const int32_t all[] = {0, 1, -1, INT32_MAX, INT32_MIN, 0x12345678};
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    for (size_t i = 0; i < COUNT(all); i++) {
        must_call(&box, "echo_i32", ARGS(v_i32(all[i])), &result);
        CHECK_INT(result.type, MOTE_I32);
        CHECK_INT(result.of.i32, all[i]);
    }
    box_close(&box);
}

TEST(values, u32)
{
    const uint32_t all[] = {0, 1, INT32_MAX, 0x80000000u, UINT32_MAX};
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    for (size_t i = 0; i < COUNT(all); i++) {
        must_call(&box, "echo_u32", ARGS(v_u32(all[i])), &result);
        CHECK_INT(result.type, MOTE_U32);
        CHECK_HEX(result.of.u32, all[i]);
    }
    box_close(&box);
}

TEST(values, i64)
{
    const int64_t all[] = {0, 1, -1, INT32_MIN, INT64_MAX, INT64_MIN};
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    for (size_t i = 0; i < COUNT(all); i++) {
        must_call(&box, "echo_i64", ARGS(v_i64(all[i])), &result);
        CHECK_INT(result.type, MOTE_I64);
        CHECK_INT(result.of.i64, all[i]);
    }
    box_close(&box);
}

TEST(values, u64)
{
    const uint64_t all[] = {0, 1, UINT32_MAX, 1ull << 32, 1ull << 63, UINT64_MAX};
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    for (size_t i = 0; i < COUNT(all); i++) {
        must_call(&box, "echo_u64", ARGS(v_u64(all[i])), &result);
        CHECK_INT(result.type, MOTE_U64);
        CHECK_HEX(result.of.u64, all[i]);
    }
    box_close(&box);
}

TEST(values, boolean)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    must_call(&box, "echo_bool", ARGS(v_bool(true)), &result);
    CHECK_INT(result.type, MOTE_BOOL);
    CHECK(result.of.boolean);
    must_call(&box, "echo_bool", ARGS(v_bool(false)), &result);
    CHECK(!result.of.boolean);
    box_close(&box);
}

/* ---- floats, bit for bit ---------------------------------------------------------- */

/* The union is written by its integer side, so that no copy quiets a signalling NaN. */
TEST(values, f32_bits)
{
    const uint32_t all[] = {0,          0x80000000u, 0x3f800000u, 0x7f800000u, 0xff800000u,
                            0x7fc00000, 0x7fc12345u, 0x7f800001u, 0xffa5a5a5u, 1};
    struct box box;

    box_run(&box, "echo");
    for (size_t i = 0; i < COUNT(all); i++) {
        mote_value value = {.type = MOTE_F32};
        mote_value result;

        value.of.u32 = all[i];
        must_call(&box, "echo_f32", ARGS(value), &result);
        CHECK_INT(result.type, MOTE_F32);
        CHECK_HEX(result.of.u32, all[i]);
        must_call(&box, "f32_bits", ARGS(value), &result);
        CHECK_HEX(result.of.u32, all[i]);
        must_call(&box, "bits_f32", ARGS(v_u32(all[i])), &result);
        CHECK_HEX(result.of.u32, all[i]);
    }
    box_close(&box);
}

TEST(values, f64_bits)
{
    const uint64_t all[] = {0,
                            1ull << 63,
                            0x3ff0000000000000ull,
                            0x7ff0000000000000ull,
                            0xfff0000000000000ull,
                            0x7ff8000000000000ull,
                            0x7ff8123456789abcull,
                            0x7ff0000000000001ull,
                            0xfff5a5a5a5a5a5a5ull,
                            1};
    struct box box;

    box_run(&box, "echo");
    for (size_t i = 0; i < COUNT(all); i++) {
        mote_value value = {.type = MOTE_F64};
        mote_value result;

        value.of.u64 = all[i];
        must_call(&box, "echo_f64", ARGS(value), &result);
        CHECK_INT(result.type, MOTE_F64);
        CHECK_HEX(result.of.u64, all[i]);
        must_call(&box, "f64_bits", ARGS(value), &result);
        CHECK_HEX(result.of.u64, all[i]);
        must_call(&box, "bits_f64", ARGS(v_u64(all[i])), &result);
        CHECK_HEX(result.of.u64, all[i]);
    }
    box_close(&box);
}

TEST(values, negative_zero)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    must_call(&box, "echo_f64", ARGS(v_f64(-0.0)), &result);
    CHECK(result.of.f64 == 0 && signbit(result.of.f64) != 0);
    must_call(&box, "echo_f32", ARGS(v_f32(-0.0f)), &result);
    CHECK(result.of.f32 == 0 && signbit(result.of.f32) != 0);
    must_call(&box, "echo_f64", ARGS(v_f64(DBL_MIN)), &result);
    CHECK(result.of.f64 == DBL_MIN);
    box_close(&box);
}

/* ---- many arguments ------------------------------------------------------------------ */

TEST(values, eleven_mixed)
{
    const char *expected = "-1 4000000000 -5000000000 18446744073709551615 0.5 -0.25 1 words 3:61 "
                           "2147483647 1e+30";
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    must_call(&box, "mixed11",
              ARGS(v_i32(-1), v_u32(4000000000u), v_i64(-5000000000), v_u64(UINT64_MAX),
                   v_f32(0.5f), v_f64(-0.25), v_bool(true), mote_string("words"), v_bytes("abc", 3),
                   v_i32(INT32_MAX), v_f64(1e30)),
              &result);
    CHECK_INT(result.of.bytes.size, strlen(expected));
    CHECK_BYTES(result.of.bytes.data, expected, strlen(expected));
    box_close(&box);
}

TEST(values, thirty_two_parameters)
{
    mote_value args[MOTE_PARAMS_MAX];
    int64_t sum = 0;
    struct box box;
    mote_value result;

    for (int i = 0; i < MOTE_PARAMS_MAX; i++) {
        args[i] = v_i32(i * 1000003 - 7);
        sum += (int64_t)(i + 1) * args[i].of.i32;
    }
    box_run(&box, "echo");
    must_call(&box, "sum32", args, COUNT(args), &result);
    CHECK_INT(result.of.i64, sum);
    box_close(&box);
}

/* ---- strings and bytes ------------------------------------------------------------------ */

static unsigned char *pattern(size_t size)
{
    unsigned char *bytes = malloc(size);

    CHECK(bytes != NULL);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(i * 31 + 7);
    }
    return bytes;
}

TEST(values, bytes_24k_in_8k_out)
{
    unsigned char *in = pattern(24 * KIB);
    struct box box;
    mote_value result;
    uint64_t sum = 0;

    for (size_t i = 0; i < 24 * KIB; i++) {
        sum += in[i];
    }
    box_run(&box, "echo");
    must_call(&box, "sum_bytes", ARGS(v_bytes(in, 24 * KIB)), &result);
    CHECK_INT(result.of.u64, sum);
    must_call(&box, "blob", ARGS(v_u32((uint32_t)(8 * KIB))), &result);
    CHECK_INT(result.of.bytes.size, 8 * KIB);
    CHECK_BYTES(result.of.bytes.data, in, 8 * KIB);
    box_close(&box);
    free(in);
}

/* Around every boundary that memory has. */
TEST(values, bytes_of_every_size)
{
    const size_t edges[] = {1, 8, 4096, 65536, 131072, 1048576, 2097152, 4194304};
    unsigned char *in = pattern(4194304 + 2);
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    for (size_t i = 0; i < COUNT(edges); i++) {
        for (size_t size = edges[i] - 1; size <= edges[i] + 1; size++) {
            must_call(&box, "copy", ARGS(v_bytes(in, size)), &result);
            CHECK_INT(result.of.bytes.size, size);
            CHECK_BYTES(result.of.bytes.data, in, size);
            CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        }
    }
    box_close(&box);
    free(in);
}

TEST(values, empty)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    must_call(&box, "echo_string", ARGS(mote_string("")), &result);
    CHECK_INT(result.type, MOTE_STRING);
    CHECK_INT(result.of.bytes.size, 0);
    must_call(&box, "copy", ARGS(v_bytes("", 0)), &result);
    CHECK_INT(result.of.bytes.size, 0);
    must_call(&box, "blob", ARGS(v_u32(0)), &result);
    CHECK_INT(result.type, MOTE_BYTES);
    CHECK_INT(result.of.bytes.size, 0);
    box_close(&box);
}

TEST(values, null_of_size_zero)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    must_call(&box, "echo_bytes", ARGS(v_bytes(NULL, 0)), &result);
    CHECK_INT(result.of.bytes.size, 0);
    must_call(&box, "echo_string", ARGS(v_text(NULL, 0)), &result);
    CHECK_INT(result.of.bytes.size, 0);
    CHECK_CODE(box_call(&box, "echo_bytes", ARGS(v_bytes(NULL, 1)), &result), MOTE_EINVAL);
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    box_close(&box);
}

/* Counted: NUL and bytes that are no UTF-8 are bytes like all others. */
TEST(values, string_with_any_byte)
{
    unsigned char all[256];
    struct box box;
    mote_value result;

    for (unsigned i = 0; i < sizeof(all); i++) {
        all[i] = (unsigned char)i;
    }
    box_run(&box, "echo");
    must_call(&box, "reverse", ARGS(v_text(all, sizeof(all))), &result);
    CHECK_INT(result.of.bytes.size, sizeof(all));
    for (unsigned i = 0; i < sizeof(all); i++) {
        CHECK_INT(((const unsigned char *)result.of.bytes.data)[i], 255 - i);
    }
    box_close(&box);
}

TEST(values, result_as_next_argument)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    must_call(&box, "reverse", ARGS(mote_string("drawer")), &result);
    must_call(&box, "reverse", ARGS(result), &result);
    CHECK_INT(result.of.bytes.size, 6);
    CHECK_BYTES(result.of.bytes.data, "drawer", 6);
    box_close(&box);
}

/* Other sandboxes' calls and questions about this one do not touch a result. */
TEST(values, readable_until_next_operation)
{
    struct box box;
    mote_value result;
    mote_value other;
    mote_sandbox *second;

    box_run(&box, "echo");
    second = open_sandbox(box.image, box.policy);
    must_call(&box, "blob", ARGS(v_u32(100000)), &result);
    for (int i = 0; i < 10; i++) {
        CHECK_CODE(call(second, box.image, "copy", ARGS(result), &other), MOTE_OK);
        CHECK_CODE(mote_reset(second), MOTE_OK);
    }
    CHECK_CODE(mote_sandbox_free(second), MOTE_OK);
    mote_sandbox_report(box.sandbox);
    unsigned char *expected = pattern(100000);
    CHECK_INT(result.of.bytes.size, 100000);
    CHECK_BYTES(result.of.bytes.data, expected, 100000);
    free(expected);
    box_close(&box);
}

/* ---- calls that do not fit ------------------------------------------------------------------ */

TEST(values, unknown_function)
{
    mote_error error = MOTE_ERROR_INIT;
    struct box box;
    mote_func func;

    box_open(&box, "echo");
    CHECK_CODE(mote_find(box.image, "echo_strin", NULL, &func, &error), MOTE_ENOTFOUND);
    CHECK_HAS(error.text, "\"echo_strin\"");
    CHECK(strstr(error.text, "echo_string") != NULL || strstr(error.remedy, "echo_string") != NULL);
    CHECK_CODE(mote_find(box.image, "", NULL, &func, &error), MOTE_ENOTFOUND);
    CHECK_CODE(mote_find(box.image, "nothing", NULL, &func, NULL), MOTE_OK);
    box_close(&box);
}

TEST(values, signature_of_find)
{
    mote_error error = MOTE_ERROR_INIT;
    struct box box;
    mote_func func;

    box_open(&box, "echo");
    CHECK_CODE(mote_find(box.image, "echo_i32", "(i32)->i32", &func, &error), MOTE_OK);
    CHECK_CODE(mote_find(box.image, "echo_i32", " ( i32 ) -> i32 ", &func, &error), MOTE_OK);
    CHECK_CODE(mote_find(box.image, "echo_i32", "(i32)->u32", &func, &error), MOTE_ETYPE);
    CHECK_HAS(error.text, "(i32)->i32");
    CHECK_HAS(error.text, "(i32)->u32");
    CHECK_CODE(mote_find(box.image, "echo_i32", "(i32", &func, &error), MOTE_EINVAL);
    box_close(&box);
}

TEST(values, wrong_type)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    CHECK_CODE(box_call(&box, "fail", ARGS(v_u32(1), v_bytes("x", 1)), &result), MOTE_ETYPE);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "string");
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "bytes");
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "argument 1");
    CHECK_CODE(box_call(&box, "echo_i32", ARGS(v_u32(1)), &result), MOTE_ETYPE);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "i32");
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "u32");
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    must_call(&box, "echo_i32", ARGS(v_i32(1)), &result);
    box_close(&box);
}

TEST(values, type_that_is_none)
{
    mote_value strange = {.type = (mote_type)77};
    mote_value nothing = {.type = MOTE_VOID};
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    CHECK_CODE(box_call(&box, "echo_i32", ARGS(strange), &result), MOTE_ETYPE);
    CHECK_CODE(box_call(&box, "echo_i32", ARGS(nothing), &result), MOTE_ETYPE);
    box_close(&box);
}

TEST(values, wrong_count)
{
    struct box box;
    mote_value results[2];
    mote_func echo;

    box_run(&box, "echo");
    echo = find(box.image, "echo_i32");
    CHECK_CODE(box_call(&box, "echo_i32", NO_ARGS, results), MOTE_ETYPE);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "1");
    CHECK_CODE(box_call(&box, "echo_i32", ARGS(v_i32(1), v_i32(2)), results), MOTE_ETYPE);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "2");
    CHECK_CODE(mote_call(box.sandbox, echo, NULL, ARGS(v_i32(1)), results, 2), MOTE_ETYPE);
    CHECK_CODE(box_call(&box, "nothing", NO_ARGS, results), MOTE_ETYPE);
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    box_close(&box);
}

TEST(values, function_of_another_image)
{
    struct box box;
    mote_value result;
    mote_image *other;
    mote_func none = {NULL, 0};
    mote_func far = {NULL, 100000};

    box_run(&box, "echo");
    other = open_guest(box.host, "dirty");
    far.image = box.image;
    CHECK_CODE(mote_call(box.sandbox, find(other, "nothing"), NULL, NO_ARGS, NULL, 0), MOTE_EINVAL);
    CHECK_CODE(mote_call(box.sandbox, none, NULL, NO_ARGS, &result, 1), MOTE_EINVAL);
    CHECK_CODE(mote_call(box.sandbox, far, NULL, NO_ARGS, &result, 1), MOTE_EINVAL);
    mote_image_unref(other);
    box_close(&box);
}

TEST(values, failure_of_the_function)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    CHECK_CODE(box_call(&box, "fail", ARGS(v_u32(77), mote_string("no luck")), &result),
               MOTE_EGUEST);
    CHECK_INT(mote_sandbox_error(box.sandbox)->domain, MOTE_DOMAIN_GUEST);
    CHECK_INT(mote_sandbox_error(box.sandbox)->detail, 77);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "no luck");
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    must_call(&box, "echo_i32", ARGS(v_i32(3)), &result);
    CHECK_INT(result.of.i32, 3);
    box_close(&box);
}
