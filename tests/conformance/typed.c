/* SPDX-License-Identifier: Apache-2.0 */
/* The typed front: calls with C types, both ways, and types that do not fit. */
#include "mote_call.h"

#include "support.h"

#include <stdio.h>
#include <string.h>

#define ECHO(ctype, name, value)                                                                   \
    do {                                                                                           \
        ctype got;                                                                                 \
        memset(&got, 0x5a, sizeof(got));                                                           \
        CHECK_INT(mote_invoke(box.sandbox, find(box.image, name), &got, (ctype)(value)), MOTE_OK); \
        CHECK(got == (ctype)(value));                                                              \
    } while (0)

TEST(typed, numbers)
{
    struct box box;

    box_run(&box, "echo");
    ECHO(int32_t, "echo_i32", INT32_MIN);
    ECHO(uint32_t, "echo_u32", UINT32_MAX);
    ECHO(int64_t, "echo_i64", INT64_MIN);
    ECHO(uint64_t, "echo_u64", UINT64_MAX);
    ECHO(long long, "echo_i64", -3);
    ECHO(unsigned long long, "echo_u64", 3);
    ECHO(float, "echo_f32", 0.1f);
    ECHO(double, "echo_f64", -0.1);
    ECHO(bool, "echo_bool", 1);
    ECHO(bool, "echo_bool", 0);
    box_close(&box);
}

TEST(typed, text_and_bytes)
{
    char array[] = "array";
    const char *pointer = "pointer";
    mote_chars text;
    mote_blob bytes;
    struct box box;

    box_run(&box, "echo");
    mote_func echo_string = find(box.image, "echo_string");
    mote_func echo_bytes = find(box.image, "echo_bytes");
    CHECK_INT(mote_invoke(box.sandbox, echo_string, &text, "literal"), MOTE_OK);
    CHECK_INT(text.size, 7);
    CHECK_BYTES(text.data, "literal", 7);
    CHECK_INT(mote_invoke(box.sandbox, echo_string, &text, array), MOTE_OK);
    CHECK_BYTES(text.data, array, 5);
    CHECK_INT(mote_invoke(box.sandbox, echo_string, &text, pointer), MOTE_OK);
    CHECK_BYTES(text.data, pointer, 7);
    CHECK_INT(mote_invoke(box.sandbox, echo_string, &text, mote_chars_of("a\0b", 3)), MOTE_OK);
    CHECK_INT(text.size, 3);
    CHECK_BYTES(text.data, "a\0b", 3);
    CHECK_INT(mote_invoke(box.sandbox, echo_bytes, &bytes, mote_blob_of(array, 2)), MOTE_OK);
    CHECK_INT(bytes.size, 2);
    CHECK_BYTES(bytes.data, "ar", 2);
    CHECK_INT(mote_invoke(box.sandbox, echo_bytes, &bytes, v_bytes("xyz", 3)), MOTE_OK);
    CHECK_INT(bytes.size, 3);
    CHECK_INT(mote_invoke(box.sandbox, echo_bytes, &bytes, mote_blob_of(NULL, 0)), MOTE_OK);
    CHECK_INT(bytes.size, 0);
    box_close(&box);
}

TEST(typed, nothing_and_many)
{
    struct box box;
    mote_chars text;
    int once = 0;

    box_run(&box, "echo");
    CHECK_INT(mote_invoke(box.sandbox, find(box.image, "nothing"), NULL), MOTE_OK);
    CHECK_INT(mote_invoke(box.sandbox, find(box.image, "mixed11"), &text, -1, 2u, (int64_t)-3,
                          (uint64_t)4, 0.5f, 0.25, (bool)1, "text", mote_blob_of("\x7f", 1), ++once,
                          1.5),
              MOTE_OK);
    CHECK_INT(once, 1);
    CHECK_INT(text.size, strlen("-1 2 -3 4 0.5 0.25 1 text 1:7f 1 1.5"));
    CHECK_BYTES(text.data, "-1 2 -3 4 0.5 0.25 1 text 1:7f 1 1.5", text.size);
    box_close(&box);
}

TEST(typed, options)
{
    mote_call_options options = {sizeof(options), SECOND / 20};
    struct box box;

    box_run(&box, "faults");
    CHECK_CODE(mote_invoke_with(box.sandbox, find(box.image, "spin"), &options, NULL),
               MOTE_EDEADLINE);
    expect_alive(&box);
    box_close(&box);
}

/* What does not fit is named, and the guest does not run. */
static void expect_mismatch(struct box *box, int rc, const char *words)
{
    CHECK_CODE(rc, MOTE_ETYPE);
    CHECK_CODE(mote_sandbox_error(box->sandbox)->code, MOTE_ETYPE);
    CHECK_HAS(mote_sandbox_error(box->sandbox)->text, words);
    CHECK_INT(mote_sandbox_state(box->sandbox), MOTE_STATE_READY);
}

TEST(typed, mismatches)
{
    uint32_t number = 77;
    mote_chars text;
    struct box box;

    box_run(&box, "echo");
    mote_func count = find(box.image, "count");
    mote_func echo_i32 = find(box.image, "echo_i32");
    expect_mismatch(&box, mote_invoke(box.sandbox, count, NULL), "is u32, not void");
    expect_mismatch(&box, mote_invoke(box.sandbox, count, &text), "is u32, not string");
    expect_mismatch(&box, mote_invoke(box.sandbox, count, &number, 1), "takes 0 arguments");
    expect_mismatch(&box, mote_invoke(box.sandbox, echo_i32, &number, 1), "is i32, not u32");
    expect_mismatch(&box, mote_invoke(box.sandbox, echo_i32, (int32_t *)&number, 1u),
                    "argument 0 of echo_i32 is i32, not u32");
    expect_mismatch(&box, mote_invoke(box.sandbox, find(box.image, "nothing"), &number),
                    "is void, not u32");
    CHECK_INT(number, 77);
    CHECK_INT(mote_invoke(box.sandbox, count, &number), MOTE_OK);
    CHECK_INT(number, 1); /* none of the others has run */
    box_close(&box);
}

TEST(typed, wrong_arguments)
{
    int32_t number = 0;
    struct box box;
    mote_func none = {NULL, 0};

    box_run(&box, "echo");
    mote_func echo_i32 = find(box.image, "echo_i32");
    const mote_value one = v_i32(1);
    CHECK_CODE(mote_call_into(NULL, echo_i32, NULL, &one, 1, MOTE_I32, &number), MOTE_EINVAL);
    CHECK_CODE(mote_call_into(box.sandbox, echo_i32, NULL, &one, 1, MOTE_I32, NULL), MOTE_EINVAL);
    CHECK_CODE(mote_call_into(box.sandbox, none, NULL, &one, 1, MOTE_I32, &number), MOTE_EINVAL);
    CHECK_CODE(mote_call_into(box.sandbox, echo_i32, NULL, &one, 1, (mote_type)99, &number),
               MOTE_ETYPE);
    CHECK_INT(number, 0);
    box_close(&box);
}

/* ---- host functions -------------------------------------------------------------- */

static int typed_add(void *user, mote_context *context, const mote_value *args, size_t nargs,
                     mote_value *result)
{
    int32_t a, b, more;
    uint32_t wrong = 5;

    (void)user;
    (void)context;
    CHECK_CODE(mote_take(args, nargs, &a), MOTE_ETYPE);
    CHECK_CODE(mote_take(args, nargs, &a, &b, &more), MOTE_ETYPE);
    CHECK_CODE(mote_take(args, nargs, &a, &wrong), MOTE_ETYPE);
    CHECK_INT(wrong, 5);
    if (mote_take(args, nargs, &a, &b) != 0)
        return MOTE_ETYPE;
    *result = mote_value_of(a + b);
    return 0;
}

/* A nested call of another type is refused by name, too, and ends nothing. */
static int typed_nest(void *user, mote_context *context, const mote_value *args, size_t nargs,
                      mote_value *result)
{
    struct box *box = user;
    mote_sandbox *sandbox = mote_context_sandbox(context);
    mote_chars text;
    int32_t depth = 0;

    CHECK_INT(mote_take(args, nargs, &depth), 0);
    mote_func sink = find(box->image, "sink");
    CHECK_CODE(mote_invoke(sandbox, sink, &text, depth), MOTE_ETYPE);
    CHECK_HAS(mote_sandbox_error(sandbox)->text, "is i32, not string");
    CHECK_INT(mote_invoke(sandbox, sink, &depth, 0), MOTE_OK);
    *result = mote_value_of(depth + 5);
    return 0;
}

TEST(typed, nested)
{
    static const char *const types[] = {"i32", "u32",  "i64",    "u64",  "f32",
                                        "f64", "bool", "string", "bytes"};
    char name[32], signature[32];
    int32_t sum = 0;
    struct box box;

    box_open(&box, "abi_1_0");
    for (size_t i = 0; i < COUNT(types); i++) {
        snprintf(name, sizeof(name), "give_%s", types[i]);
        snprintf(signature, sizeof(signature), "(%s)->%s", types[i], types[i]);
        grant(&box, name, signature, typed_add, NULL);
    }
    grant(&box, "take", "(i32,u32,i64,u64,f32,f64,bool,string,bytes)->void", typed_add, NULL);
    grant(&box, "refuse", "()->i32", typed_add, NULL);
    grant(&box, "nest", "(i32)->i32", typed_nest, &box);
    box_start(&box);
    CHECK_INT(mote_invoke(box.sandbox, find(box.image, "sink"), &sum, 3), MOTE_OK);
    CHECK_INT(sum, 8);
    box_close(&box);
}

TEST(typed, host_function)
{
    int32_t sum = 0;
    struct box box;

    box_open(&box, "hostcalls");
    grant(&box, "add", "(i32,i32)->i32", typed_add, NULL);
    grant(&box, "greet", "(string)->string", typed_add, NULL);
    grant(&box, "fail", "()->i32", typed_add, NULL);
    grant(&box, "take", "(bytes)->void", typed_add, NULL);
    grant(&box, "give", "(u32)->bytes", typed_add, NULL);
    grant(&box, "mixed", "(i32,u32,i64,u64,f32,f64,bool,string,bytes,i32,f64)->f64", typed_add,
          NULL);
    box_start(&box);
    CHECK_INT(mote_invoke(box.sandbox, find(box.image, "add"), &sum, 40, 2), MOTE_OK);
    CHECK_INT(sum, 42);
    box_close(&box);
}
