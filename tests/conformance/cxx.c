/* SPDX-License-Identifier: Apache-2.0 */
/* A guest in C++: values, what its run-time library needs, and exceptions, which never leave it. */
#include "mote_call.h"

#include "support.h"

#include "mote_abi.h"

#include <string.h>

#define INVOKE(box, name, ...) mote_invoke((box)->sandbox, find((box)->image, name), __VA_ARGS__)

static int add(void *user, mote_context *context, const mote_value *args, size_t nargs,
               mote_value *result)
{
    int32_t a = 0, b = 0;

    (void)user;
    CHECK_INT(mote_take(args, nargs, &a, &b), 0);
    if (a == 0)
        return mote_context_fail(context, 1, "nothing to add");
    *result = mote_value_of(a + b);
    return 0;
}

static int greet(void *user, mote_context *context, const mote_value *args, size_t nargs,
                 mote_value *result)
{
    (void)user, (void)context;
    CHECK_INT(nargs, 1);
    *result = args[0];
    return 0;
}

static int tell(void *user, mote_context *context, const mote_value *args, size_t nargs,
                mote_value *result)
{
    mote_chars text = {0};
    mote_blob data = {0};
    int64_t c = 0;
    uint64_t d = 0;
    double f = 0;
    float e = 0;
    int32_t a = 0;
    uint32_t b = 0;
    bool g = false;

    (void)user, (void)context, (void)result;
    CHECK_INT(mote_take(args, nargs, &a, &b, &c, &d, &e, &f, &g, &text, &data), 0);
    CHECK(a == -1 && b == 2 && c == -3 && d == 4 && e == 0.5f && f == -0.25 && g);
    CHECK_INT(text.size, 4);
    CHECK_BYTES(text.data, "text", 4);
    CHECK_INT(data.size, 3);
    CHECK_BYTES(data.data, "\1\2\3", 3);
    return 0;
}

static void run(struct box *box)
{
    box_open(box, "cxx");
    grant(box, "add", "(i32,i32)->i32", add, NULL);
    grant(box, "greet", "(string)->string", greet, NULL);
    grant(box, "tell", "(i32,u32,i64,u64,f32,f64,bool,string,bytes)->void", tell, NULL);
    box_start(box);
}

#define ECHO(ctype, name, value)                                        \
    do {                                                                \
        ctype got;                                                      \
        memset(&got, 0x5a, sizeof(got));                                \
        CHECK_INT(INVOKE(&box, "echo_" name, &got, (ctype)(value)), 0); \
        CHECK(got == (ctype)(value));                                   \
    } while (0)

TEST(cxx, values)
{
    struct box box;
    mote_chars text = {0};
    mote_blob bytes = {0};

    run(&box);
    ECHO(int32_t, "i32", INT32_MIN);
    ECHO(uint32_t, "u32", UINT32_MAX);
    ECHO(int64_t, "i64", INT64_MIN);
    ECHO(uint64_t, "u64", UINT64_MAX);
    ECHO(float, "f32", -0.1f);
    ECHO(double, "f64", 1e300);
    ECHO(bool, "bool", 1);
    ECHO(bool, "bool", 0);
    CHECK_INT(INVOKE(&box, "echo_string", &text, "counted"), 0);
    CHECK_INT(text.size, 7);
    CHECK_BYTES(text.data, "counted", 7);
    CHECK_INT(INVOKE(&box, "echo_bytes", &bytes, mote_blob_of("\0\1", 2)), 0);
    CHECK_INT(bytes.size, 2);
    CHECK_BYTES(bytes.data, "\0\1", 2);
    CHECK_INT(INVOKE(&box, "nothing", NULL), 0);
    box_close(&box);
}

TEST(cxx, host_calls)
{
    struct box box;
    mote_chars text = {0};
    int32_t number = 0;

    run(&box);
    CHECK_INT(INVOKE(&box, "sum", &number, 40, 2), 0);
    CHECK_INT(number, 42);
    CHECK_INT(INVOKE(&box, "greet", &text, "hello"), 0);
    CHECK_INT(text.size, 5);
    CHECK_BYTES(text.data, "hello", 5);
    CHECK_INT(INVOKE(&box, "tell", &number), 0);
    CHECK_INT(number, 0);
    box_close(&box);
}

TEST(cxx, runtime)
{
    struct box box;
    mote_chars text = {0};
    uint64_t first = 0, second = 1;
    int32_t number = 0;

    run(&box);
    for (int32_t i = 0; i < 2; i++) {
        CHECK_INT(INVOKE(&box, "constructed", &number), 0);
        CHECK_INT(number, 42 + 41);
        CHECK_INT(INVOKE(&box, "look_up", &number, "three"), 0);
        CHECK_INT(number, 3);
        CHECK_INT(INVOKE(&box, "thread_data", &text, " local "), 0);
        CHECK_INT(INVOKE(&box, "thread_data", &text, "!"), 0);
        CHECK_INT(text.size, 16);
        CHECK_BYTES(text.data, "thread local 7!8", 16);
        CHECK_INT(INVOKE(&box, "sorted", &first, 20000u), 0);
        CHECK_INT(INVOKE(&box, "sorted", &second, 20000u), 0);
        CHECK_HEX(first, second);
        CHECK_INT(INVOKE(&box, "rtti", &number, (bool)1), 0);
        CHECK_INT(number, 14);
        CHECK_INT(INVOKE(&box, "rtti", &number, (bool)0), 0);
        CHECK_INT(number, 3);
        CHECK_INT(mote_reset(box.sandbox), 0);
    }
    box_close(&box);
}

TEST(cxx, exceptions_inside)
{
    struct box box;
    int32_t frames = 0;
    bool refused = false;

    run(&box);
    CHECK_INT(INVOKE(&box, "caught", &frames, 100), 0);
    CHECK_INT(frames, 101);
    CHECK_INT(INVOKE(&box, "no_memory", &refused), 0);
    CHECK(refused);
    CHECK_INT(INVOKE(&box, "caught", &frames, 3), 0);
    CHECK_INT(frames, 4);
    box_close(&box);
}

/* The call fails with the text, and the sandbox serves again after a reset. */
static void expect_abort(struct box *box, int rc, const char *text)
{
    int32_t frames = 0;

    check_fault(box, rc, MOTE_EABORTED, MOTE_FAULT_ABORT);
    if (strcmp(mote_sandbox_report(box->sandbox)->text, text) != 0)
        FAIL("\"%s\" instead of \"%s\"", mote_sandbox_report(box->sandbox)->text, text);
    CHECK_INT(mote_reset(box->sandbox), 0);
    CHECK_INT(INVOKE(box, "caught", &frames, 3), 0);
    CHECK_INT(frames, 4);
}

TEST(cxx, exceptions_that_escape)
{
    char longest[1025];
    struct box box;
    int32_t number = 0;

    run(&box);
    expect_abort(&box, INVOKE(&box, "escape", NULL, "of no use"),
                 "terminate: std::runtime_error: of no use");
    expect_abort(&box, INVOKE(&box, "escape_number", &number), "terminate: int");
    expect_abort(&box, INVOKE(&box, "escape_own", NULL), "terminate: (anonymous namespace)::Own");
    expect_abort(&box, INVOKE(&box, "break_noexcept", NULL),
                 "terminate: std::runtime_error: out of noexcept");
    expect_abort(&box, INVOKE(&box, "terminate", NULL), "terminate");
    expect_abort(&box, INVOKE(&box, "sum", &number, 0, 2),
                 "terminate: std::runtime_error: nothing to add");
    memset(longest, 'x', sizeof(longest));
    check_fault(&box, INVOKE(&box, "escape", NULL, mote_chars_of(longest, sizeof(longest))),
                MOTE_EABORTED, MOTE_FAULT_ABORT);
    CHECK_INT(strlen(mote_sandbox_report(box.sandbox)->text), MOTE_MAX_TEXT);
    box_close(&box);
}

TEST(cxx, exception_before_ready)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox *sandbox = NULL;
    struct box box;

    box_open(&box, "cxx_boot");
    CHECK_CODE(mote_sandbox_new(&sandbox, box.image, box.policy, NULL, &error), MOTE_EBOOT);
    CHECK_HAS(error.text, "terminate: std::invalid_argument: no beginning");
    box_close(&box);
}
