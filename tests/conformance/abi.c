/* SPDX-License-Identifier: Apache-2.0 */
/* A guest built for ABI 1.0, kept as a binary (tests/abi), works with the library as it is; and
 * which versions are refused. */
#include "mote_call.h"

#include "support.h"

#include "mote_abi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INVOKE(box, name, ...) mote_invoke((box)->sandbox, find((box)->image, name), __VA_ARGS__)

/* ---- host functions -------------------------------------------------------------- */

static int give_back(void *user, mote_context *context, const mote_value *args, size_t nargs,
                     mote_value *result)
{
    (void)user, (void)context;
    CHECK_INT(nargs, 1);
    *result = args[0];
    return 0;
}

static int take_all(void *user, mote_context *context, const mote_value *args, size_t nargs,
                    mote_value *result)
{
    int32_t a = 0;
    uint32_t b = 0;
    int64_t c = 0;
    uint64_t d = 0;
    float e = 0;
    double f = 0;
    bool g = false;
    mote_chars h = {0};
    mote_blob i = {0};

    (void)context, (void)result;
    CHECK_INT(mote_take(args, nargs, &a, &b, &c, &d, &e, &f, &g, &h, &i), 0);
    CHECK(a == -1 && b == 2 && c == -3 && d == 4 && e == 0.5f && f == -0.25 && g);
    CHECK_INT(h.size, 4);
    CHECK_BYTES(h.data, "text", 4);
    CHECK_INT(i.size, 3);
    CHECK_BYTES(i.data, "\0\1\2", 3);
    ++*(int *)user;
    return 0;
}

static int refuse(void *user, mote_context *context, const mote_value *args, size_t nargs,
                  mote_value *result)
{
    (void)user, (void)args, (void)nargs, (void)result;
    return mote_context_fail(context, 42, "not today");
}

/* Goes deeper: calls the export that called it. */
static int nest(void *user, mote_context *context, const mote_value *args, size_t nargs,
                mote_value *result)
{
    struct box *box = user;
    int32_t depth = 0, below = 0;

    CHECK_INT(mote_take(args, nargs, &depth), 0);
    if (mote_invoke(mote_context_sandbox(context), find(box->image, "sink"), &below, depth) != 0)
        return mote_context_fail(context, 1, "no deeper");
    *result = mote_value_of(below);
    return 0;
}

static void start(struct box *box, int *taken)
{
    static const char *const types[] = {"i32", "u32",  "i64",    "u64",  "f32",
                                        "f64", "bool", "string", "bytes"};
    char name[32], signature[32];

    box_open(box, "abi_1_0");
    for (size_t i = 0; i < COUNT(types); i++) {
        snprintf(name, sizeof(name), "give_%s", types[i]);
        snprintf(signature, sizeof(signature), "(%s)->%s", types[i], types[i]);
        grant(box, name, signature, give_back, NULL);
    }
    grant(box, "take", "(i32,u32,i64,u64,f32,f64,bool,string,bytes)->void", take_all, taken);
    grant(box, "refuse", "()->i32", refuse, NULL);
    grant(box, "nest", "(i32)->i32", nest, box);
}

static void run(struct box *box)
{
    start(box, NULL);
    box_start(box);
}

/* ---- what 1.0 promised ------------------------------------------------------------- */

#define BOTH(ctype, word, value)                                        \
    do {                                                                \
        ctype got;                                                      \
        CHECK_INT(INVOKE(&box, "echo_" word, &got, (ctype)(value)), 0); \
        CHECK(got == (ctype)(value));                                   \
        memset(&got, 0, sizeof(got));                                   \
        CHECK_INT(INVOKE(&box, "ask_" word, &got, (ctype)(value)), 0);  \
        CHECK(got == (ctype)(value));                                   \
    } while (0)

TEST(abi, numbers_of_1_0)
{
    struct box box;
    double weight = 0;

    run(&box);
    BOTH(int32_t, "i32", INT32_MIN);
    BOTH(uint32_t, "u32", UINT32_MAX);
    BOTH(int64_t, "i64", INT64_MIN);
    BOTH(uint64_t, "u64", UINT64_MAX);
    BOTH(float, "f32", -0.1f);
    BOTH(double, "f64", 1e300);
    BOTH(bool, "bool", 1);
    BOTH(bool, "bool", 0);
    CHECK_INT(INVOKE(&box, "nothing", NULL), 0);
    CHECK_INT(INVOKE(&box, "weigh", &weight, -1, 2u, (int64_t)-3, (uint64_t)4, 0.5f, 0.25, (bool)1,
                     "four", mote_blob_of("\1\2", 2)),
              0);
    CHECK(weight == -1 + 4 - 9 + 16 + 2.5 + 1.5 + 7 + 32 + 18);
    box_close(&box);
}

TEST(abi, payloads_of_1_0)
{
    static const char *const exports[] = {"echo_bytes", "ask_bytes"};
    const size_t sizes[] = {0, 1, 4096, 300000};
    unsigned char *data = malloc(300000);
    mote_chars text = {0};
    mote_blob bytes = {0};
    struct box box;

    run(&box);
    CHECK(data != NULL);
    for (size_t i = 0; i < 300000; i++)
        data[i] = (unsigned char)(i * 31 + 7);
    for (size_t i = 0; i < COUNT(sizes) * COUNT(exports); i++) {
        size_t size = sizes[i / COUNT(exports)];

        CHECK_INT(INVOKE(&box, exports[i % COUNT(exports)], &bytes, mote_blob_of(data, size)), 0);
        CHECK_INT(bytes.size, size);
        CHECK_BYTES(bytes.data, data, size);
    }
    CHECK_INT(INVOKE(&box, "echo_string", &text, "counted"), 0);
    CHECK_BYTES(text.data, "counted", text.size);
    CHECK_INT(INVOKE(&box, "ask_string", &text, "counted"), 0);
    CHECK_INT(text.size, 7);
    CHECK_BYTES(text.data, "counted", 7);
    free(data);
    box_close(&box);
}

TEST(abi, host_calls_of_1_0)
{
    struct box box;
    mote_chars text = {0};
    int32_t answer = 0;
    int taken = 0;

    start(&box, &taken);
    box_start(&box);
    CHECK_INT(INVOKE(&box, "tell", &answer, "text", mote_blob_of("\0\1\2", 3)), 0);
    CHECK_INT(answer, 0);
    CHECK_INT(taken, 1);
    CHECK_INT(INVOKE(&box, "ask_maybe", &answer), 0);
    CHECK_INT(answer, MOTE_GUEST_EMISSING);
    CHECK_INT(INVOKE(&box, "refusal", &text), 0);
    CHECK_INT(text.size, 9);
    CHECK_BYTES(text.data, "not today", 9);
    box_close(&box);
}

TEST(abi, nested_calls_of_1_0)
{
    struct box box;
    int32_t sum = 0;

    run(&box);
    CHECK_INT(INVOKE(&box, "sink", &sum, 0), 0);
    CHECK_INT(sum, 0);
    for (int32_t i = 0; i < 3; i++) {
        CHECK_INT(INVOKE(&box, "sink", &sum, MOTE_MAX_DEPTH - 1), 0);
        CHECK_INT(sum, (MOTE_MAX_DEPTH - 1) * MOTE_MAX_DEPTH / 2);
    }
    CHECK_CODE(INVOKE(&box, "sink", &sum, MOTE_MAX_DEPTH + 3), MOTE_EGUEST);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "not deeper");
    CHECK_INT(INVOKE(&box, "sink", &sum, 3), 0);
    CHECK_INT(sum, 6);
    box_close(&box);
}

TEST(abi, ends_of_1_0)
{
    struct box box;
    uint32_t calls = 0;

    run(&box);
    CHECK_CODE(INVOKE(&box, "fail", NULL, 7u, "out of tea"), MOTE_EGUEST);
    CHECK_INT(mote_sandbox_error(box.sandbox)->detail, 7);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "out of tea");
    CHECK_INT(INVOKE(&box, "count", &calls), 0);
    CHECK_INT(INVOKE(&box, "count", &calls), 0);
    CHECK_INT(calls, 2);
    check_fault(&box, INVOKE(&box, "abort", NULL, 8u, "gone"), MOTE_EABORTED, MOTE_FAULT_ABORT);
    CHECK_INT(mote_sandbox_report(box.sandbox)->code, 8);
    CHECK(strcmp(mote_sandbox_report(box.sandbox)->text, "gone") == 0);
    CHECK_INT(mote_reset(box.sandbox), 0);
    check_fault(&box, INVOKE(&box, "trap", NULL, "unreachable"), MOTE_EFAULT, MOTE_FAULT_TRAP);
    CHECK(strcmp(mote_sandbox_report(box.sandbox)->text, "unreachable") == 0);
    CHECK_INT(mote_reset(box.sandbox), 0);
    CHECK_INT(INVOKE(&box, "count", &calls), 0);
    CHECK_INT(calls, 1);
    box_close(&box);
}

static void keep_line(void *user, mote_sandbox *sandbox, unsigned level, const char *text,
                      size_t size)
{
    (void)sandbox;
    snprintf(user, 64, "%u %.*s", level, (int)size, text);
}

TEST(abi, what_the_host_tells_1_0)
{
    mote_sandbox_options options = {.size = sizeof(options)};
    uint64_t first = 0, second = 0, limit = 0;
    uint32_t version = 0;
    char line[64] = "";
    mote_blob data = {0};
    struct box box;

    start(&box, NULL);
    CHECK_INT(mote_policy_log(box.policy, keep_line, line, NULL), 0);
    set_option(&box, MOTE_OPT_MEMORY, 16 * MIB);
    options.init_data = "seed";
    options.init_data_size = 4;
    CHECK_INT(mote_sandbox_new(&box.sandbox, box.image, box.policy, &options, NULL), 0);
    CHECK_INT(INVOKE(&box, "init_data", &data), 0);
    CHECK_INT(data.size, 4);
    CHECK_BYTES(data.data, "seed", 4);
    CHECK_INT(INVOKE(&box, "log", NULL, 2u, "a line"), 0);
    CHECK(strcmp(line, "2 a line") == 0);
    CHECK_INT(INVOKE(&box, "generation", &first), 0);
    CHECK_INT(INVOKE(&box, "hook_generation", &second), 0);
    CHECK_HEX(second, first);
    CHECK_INT(mote_reset(box.sandbox), 0);
    CHECK_INT(INVOKE(&box, "generation", &second), 0);
    CHECK(second != first);
    CHECK_INT(INVOKE(&box, "hook_generation", &first), 0);
    CHECK_HEX(first, second);
    CHECK_INT(INVOKE(&box, "memory_limit", &limit), 0);
    CHECK_INT(limit, 16 * MIB);
    CHECK_INT(INVOKE(&box, "host_version", &version), 0);
    CHECK_HEX(version, MOTE_ABI_VERSION);
    box_close(&box);
}

/* ---- versions ------------------------------------------------------------------------ */

/* The place of the version in the first ABI note of a file. */
static size_t find_version(const unsigned char *file, size_t size)
{
    const unsigned char note[] = {5,   0,   0,   0,   4, 0, 0, 0, MOTE_NOTE_ABI, 0, 0, 0,
                                  'm', 'o', 't', 'e', 0, 0, 0, 0};

    for (size_t at = 0; at + sizeof(note) + 4 <= size; at++) {
        if (memcmp(file + at, note, sizeof(note)) == 0)
            return at + sizeof(note);
    }
    FAIL("the guest has no ABI note");
}

/* Opens the guest as if it had been built for another version. */
static int open_as(struct box *box, uint32_t version, mote_error *error)
{
    size_t size;
    unsigned char *file = guest_bytes("abi_1_0", &size);
    mote_image *image = NULL;

    memcpy(file + find_version(file, size), &version, sizeof(version));
    mote_source source = MOTE_SOURCE_DATA(file, size);
    int rc = mote_image_open(&image, box->host, &source, NULL, error);
    mote_image_unref(image);
    free(file);
    return rc;
}

TEST(abi, versions)
{
    struct box box = {0};
    mote_error error = MOTE_ERROR_INIT;
    char words[32];

    box.host = open_host();
    for (uint32_t minor = 0; minor <= MOTE_ABI_MINOR; minor++)
        CHECK_INT(open_as(&box, MOTE_ABI_MAJOR << 16 | minor, &error), 0);
    CHECK_CODE(open_as(&box, MOTE_ABI_VERSION + 1, &error), MOTE_EIMAGE);
    snprintf(words, sizeof(words), "%u.%u", MOTE_ABI_MAJOR, MOTE_ABI_MINOR + 1);
    CHECK_HAS(error.text, words);
    CHECK(error.remedy[0] != '\0');
    CHECK_CODE(open_as(&box, (MOTE_ABI_MAJOR + 1) << 16, &error), MOTE_EIMAGE);
    snprintf(words, sizeof(words), "%u.0", MOTE_ABI_MAJOR + 1);
    CHECK_HAS(error.text, words);
    CHECK_CODE(open_as(&box, 9, &error), MOTE_EIMAGE);
    CHECK_HAS(error.text, "0.9");
    CHECK_INT(mote_host_free(box.host), 0);
}
