/* SPDX-License-Identifier: Apache-2.0 */
/* System calls of the guest: hostile arguments, what is not granted, streams, memory. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sink {
    char bytes[4096];
    size_t size;
    int64_t answer; /* when negative, what the stream says */
};

static int64_t sink_write(void *user, mote_sandbox *sandbox, const void *data, size_t size)
{
    struct sink *sink = user;
    size_t room = sizeof(sink->bytes) - 1 - sink->size;

    CHECK(sandbox != NULL);
    if (sink->answer < 0) {
        return sink->answer;
    }
    memcpy(sink->bytes + sink->size, data, size < room ? size : room);
    sink->size += size < room ? size : room;
    return (int64_t)size;
}

static void grant_stream(struct box *box, int fd, struct sink *sink)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_stream stream = {.size = sizeof(stream), .write = sink_write, .user = sink};

    CHECK_CODE(mote_policy_stream(box->policy, fd, &stream, &error), MOTE_OK);
}

/* ---- attacks ------------------------------------------------------------------ */

static void attack(struct box *box, uint32_t n)
{
    mote_value name;
    mote_value result = {.type = MOTE_VOID};
    char text[64];
    mote_call_options options = {sizeof(options), 5 * SECOND};
    int rc;

    must_call(box, "attack_name", ARGS(v_u32(n)), &name);
    snprintf(text, sizeof(text), "%.*s", (int)name.of.bytes.size, (const char *)name.of.bytes.data);
    rc = mote_call(box->sandbox, find(box->image, "attack"), &options, ARGS(v_u32(n)), &result, 1);
    if (rc == MOTE_ESTRANGE || rc == MOTE_EDEADLINE || rc == MOTE_ENOMEM || rc == MOTE_ESYSTEM) {
        FAIL("%s: %s: %s", text, mote_error_name(rc), mote_sandbox_error(box->sandbox)->text);
    }
    expect_alive(box);
}

TEST(syscalls, hostile_arguments)
{
    struct sink sink = {.size = 0};
    struct box box;
    mote_value count;

    box_open(&box, "syscalls");
    grant_stream(&box, 1, &sink);
    box_start(&box);
    must_call(&box, "attack_count", NO_ARGS, &count);
    CHECK(count.of.u32 > 50);
    for (uint32_t n = 0; n < count.of.u32; n++) {
        attack(&box, n);
    }
    box_close(&box);
}

static int64_t raw(struct box *box, uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    mote_value result;

    must_call(box, "raw",
              ARGS(v_u64(number), v_u64(a), v_u64(b), v_u64(c), v_u64(0), v_u64(0), v_u64(0)),
              &result);
    return result.of.i64;
}

/* Pointers that are not the guest's to read: EFAULT, and nothing reaches the stream. */
TEST(syscalls, hostile_pointers)
{
    const uint64_t all[] = {
        0, 8, 0x6fffdead0000, 1ull << 47, 1ull << 63, UINT64_MAX - 7, 0xffff800000001000};
    struct sink sink = {.size = 0};
    struct box box;

    box_open(&box, "syscalls");
    grant_stream(&box, 1, &sink);
    box_start(&box);
    for (size_t i = 0; i < COUNT(all); i++) {
        CHECK_INT(raw(&box, 1, 1, all[i], 16), -EFAULT); /* write */
        CHECK_INT(raw(&box, 20, 1, all[i], 1), -EFAULT); /* writev */
    }
    CHECK_INT(sink.size, 0);
    box_close(&box);
}

TEST(syscalls, unknown_are_refused_and_counted)
{
    struct box box;
    mote_value result;

    box_run(&box, "syscalls");
    must_call(&box, "unknown_calls", ARGS(v_u32(100)), &result);
    CHECK(result.of.boolean);
    CHECK_INT(mote_sandbox_report(box.sandbox)->syscalls, 100);
    CHECK_INT(mote_sandbox_report(box.sandbox)->refused, 100);
    CHECK_INT(raw(&box, 41, 2, 1, 0), -ENOSYS);  /* socket */
    CHECK_INT(raw(&box, 57, 0, 0, 0), -ENOSYS);  /* fork */
    CHECK_INT(raw(&box, 101, 0, 0, 0), -ENOSYS); /* ptrace */
    CHECK_INT(raw(&box, UINT64_MAX, 0, 0, 0), -ENOSYS);
    CHECK_INT(mote_sandbox_report(box.sandbox)->refused, 1);
    box_close(&box);
}

/* ---- streams ------------------------------------------------------------------ */

TEST(streams, written)
{
    struct sink out = {.size = 0};
    struct sink err = {.size = 0};
    struct box box;

    box_open(&box, "malloc_stdio");
    grant_stream(&box, 1, &out);
    grant_stream(&box, 2, &err);
    box_start(&box);
    must_call(&box, "print", ARGS(mote_string("to the one")), NULL);
    must_call(&box, "print_error", ARGS(mote_string("to the other")), NULL);
    must_call(&box, "print_all", ARGS(v_i32(-7), v_f64(0.5), mote_string("x")), NULL);
    CHECK(strcmp(out.bytes, "to the one\n-7 0.5 x\n") == 0);
    CHECK(strcmp(err.bytes, "to the other\n") == 0);
    box_close(&box);
}

TEST(streams, not_granted_are_closed)
{
    struct box box;
    mote_value result;

    box_run(&box, "malloc_stdio");
    must_call(&box, "print_lines", ARGS(v_u32(3)), &result);
    CHECK(!result.of.boolean);
    box_close(&box);
    box_run(&box, "syscalls");
    CHECK_INT(raw(&box, 1, 1, 0, 0), -EBADF);
    CHECK_INT(raw(&box, 1, 2, 0, 0), -EBADF);
    CHECK_INT(raw(&box, 1, 77, 0, 0), -EBADF);
    box_close(&box);
}

TEST(streams, error_of_the_callback)
{
    struct sink out = {.answer = -EIO};
    struct box box;
    mote_value result;

    box_open(&box, "malloc_stdio");
    grant_stream(&box, 1, &out);
    box_start(&box);
    must_call(&box, "print_lines", ARGS(v_u32(3)), &result);
    CHECK(!result.of.boolean);
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    box_close(&box);
}

/* What is left in the guest's buffer is gone with the reset. */
TEST(streams, unflushed_does_not_survive_reset)
{
    struct sink out = {.size = 0};
    struct box box;

    box_open(&box, "malloc_stdio");
    grant_stream(&box, 1, &out);
    box_start(&box);
    must_call(&box, "print_unflushed", ARGS(mote_string("secret")), NULL);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "print", ARGS(mote_string("public")), NULL);
    CHECK(strcmp(out.bytes, "public\n") == 0);
    box_close(&box);
}

TEST(streams, bytes_are_limited)
{
    struct sink out = {.size = 0};
    struct box box;
    mote_value result;

    box_open(&box, "malloc_stdio");
    grant_stream(&box, 1, &out);
    set_option(&box, MOTE_OPT_STREAM_BYTES, 100);
    box_start(&box);
    box_call(&box, "print_lines", ARGS(v_u32(1000)), &result);
    CHECK(out.size <= 100);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    out.size = 0;
    must_call(&box, "print_lines", ARGS(v_u32(2)), &result);
    CHECK(result.of.boolean);
    CHECK_INT(out.size, 14);
    box_close(&box);
}

/* ---- memory of libc ------------------------------------------------------------------ */

static void use_memory(const char *guest)
{
    struct box box;
    mote_value result;

    box_run(&box, guest);
    must_call(&box, "allocate", ARGS(v_u64(1)), &result);
    CHECK(result.of.boolean);
    must_call(&box, "allocate", ARGS(v_u64(8 * MIB)), &result);
    CHECK(result.of.boolean);
    must_call(&box, "grow", ARGS(v_u64(4 * MIB)), &result);
    CHECK(result.of.boolean);
    must_call(&box, "churn", ARGS(v_u32(test_repeat(2000))), &result);
    CHECK(result.of.boolean);
    must_call(&box, "open_file", ARGS(mote_string("/etc/passwd")), &result);
    CHECK(!result.of.boolean);
    box_close(&box);
}

TEST(memory, malloc_of_musl)
{
    use_memory("malloc_stdio");
}

TEST(memory, malloc_of_glibc)
{
    use_memory("malloc_stdio_glibc");
}

/* No memory is an answer, not an end, unless the guest makes it one. */
TEST(memory, limit_is_kept)
{
    struct box box;
    mote_value result;

    box_open(&box, "malloc_stdio");
    set_option(&box, MOTE_OPT_MEMORY, 32 * MIB);
    box_start(&box);
    must_call(&box, "exhaust", ARGS(v_u64(1 * MIB)), &result);
    CHECK(result.of.u64 > 4 * MIB && result.of.u64 < 32 * MIB);
    CHECK(mote_sandbox_report(box.sandbox)->memory <= 32 * MIB);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "allocate", ARGS(v_u64(4 * MIB)), &result);
    CHECK(result.of.boolean);
    must_call(&box, "allocate", ARGS(v_u64(32 * MIB)), &result);
    CHECK(!result.of.boolean);
    box_close(&box);
}

TEST(memory, too_small)
{
    mote_error error = MOTE_ERROR_INIT;
    struct box box;
    const char *digit;

    box_open(&box, "echo");
    set_option(&box, MOTE_OPT_MEMORY, 65536);
    CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, box.policy, NULL, &error), MOTE_ELIMIT);
    CHECK(box.sandbox == NULL);
    digit = strpbrk(error.text, "123456789"); /* what it needs */
    CHECK(digit != NULL || strpbrk(error.remedy, "123456789") != NULL);
    CHECK(error.remedy[0] != '\0');
    box_close(&box);
}

/* An argument that does not fit fails the call and nothing else. */
TEST(memory, argument_beyond_the_limit)
{
    size_t size = 48 * MIB;
    void *bytes = calloc(size, 1);
    struct box box;
    mote_value result;

    CHECK(bytes != NULL);
    box_open(&box, "echo");
    set_option(&box, MOTE_OPT_MEMORY, 32 * MIB);
    box_start(&box);
    CHECK_CODE(box_call(&box, "sum_bytes", ARGS(v_bytes(bytes, size)), &result), MOTE_ELIMIT);
    CHECK(mote_sandbox_error(box.sandbox)->text[0] != '\0');
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 1);
    free(bytes);
    box_close(&box);
}

/* ---- programs ------------------------------------------------------------------ */

static void run_program(const char *guest)
{
    const char *const args[] = {guest, "7", "two words", NULL};
    const char *const env[] = {"MOTE_TEST=yes", NULL};
    mote_sandbox_options options = {.size = sizeof(options), .args = args, .env = env};
    mote_error error = MOTE_ERROR_INIT;
    struct sink out = {.size = 0};
    struct box box;

    box_open(&box, guest);
    grant_stream(&box, 1, &out);
    CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, box.policy, &options, &error), MOTE_OK);
    for (int i = 0; i < 3; i++) {
        int status = -1;

        memset(&out, 0, sizeof(out));
        CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
        CHECK_INT(status, 7);
        CHECK(strcmp(out.bytes, "hello from a plain program\nargument 1: 7\n"
                                "argument 2: two words\nMOTE_TEST=yes\n") == 0);
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_CLOSED);
        CHECK(mote_run(box.sandbox, NULL, &status) != MOTE_OK);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    }
    box_close(&box);
}

TEST(programs, of_musl)
{
    run_program("hello_plain");
}

TEST(programs, of_glibc)
{
    run_program("hello_plain_glibc");
}

TEST(programs, without_arguments)
{
    struct box box;
    int status = -1;

    box_run(&box, "hello_plain");
    CHECK_INT(mote_image_exports(box.image), 0);
    CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
    CHECK_INT(status, 0);
    box_close(&box);
}

static int fn_greet(void *user, mote_context *context, const mote_value *args, size_t nargs,
                    mote_value *result)
{
    static char text[64];

    (void)user;
    (void)context;
    CHECK(nargs == 1 && args[0].type == MOTE_STRING && args[0].of.bytes.size < 50);
    snprintf(text, sizeof(text), "hello, %.*s", (int)args[0].of.bytes.size,
             (const char *)args[0].of.bytes.data);
    *result = v_text(text, args[0].of.bytes.size + 7);
    return 0;
}

/* Nothing has used the mailbox before a program's first question. */
static void first_answer(const char *guest)
{
    struct sink out = {.size = 0};
    struct box box;

    box_open(&box, guest);
    grant(&box, "greet", "(string)->string", fn_greet, NULL);
    grant_stream(&box, 1, &out);
    box_start(&box);
    CHECK_INT(mote_image_exports(box.image), 0);
    for (int i = 0; i < 3; i++) {
        int status = -1;

        memset(&out, 0, sizeof(out));
        CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
        CHECK_INT(status, 0);
        CHECK(strcmp(out.bytes, "hello, world\nhello, you\nhello, \n") == 0);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}

TEST(programs, first_answer_of_the_host)
{
    first_answer("asking_plain");
}

TEST(programs, first_answer_of_the_host_glibc)
{
    first_answer("asking_plain_glibc");
}

/* ---- all four kinds of guest ------------------------------------------------------------ */

static void every_kind(const char *guest)
{
    struct box box;
    mote_value result;

    box_run(&box, guest);
    must_call(&box, "reverse", ARGS(mote_string("stressed")), &result);
    CHECK_BYTES(result.of.bytes.data, "desserts", 8);
    must_call(&box, "count", NO_ARGS, &result);
    must_call(&box, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 2);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 1);
    must_call(&box, "log_format", ARGS(v_i32(5)), NULL);
    box_close(&box);
}

TEST(programs, echo_of_glibc)
{
    every_kind("echo_glibc");
}

TEST(programs, echo_position_independent)
{
    every_kind("echo_pie");
}

TEST(programs, echo_of_glibc_position_independent)
{
    every_kind("echo_glibc_pie");
}

/* ---- the most regions ---------------------------------------------------------------------- */

enum { READ_ONLY = 1, READ_WRITE = 3, PRIVATE_ANONYMOUS = 0x22, MOST_REGIONS = 1024 };
enum { CALL_MMAP = 9, CALL_MPROTECT = 10, CALL_MUNMAP = 11, CALL_BRK = 12 };

static int64_t raw4(struct box *box, uint64_t number, uint64_t a, uint64_t b, uint64_t c,
                    uint64_t d)
{
    mote_value result;

    must_call(
        box, "raw",
        ARGS(v_u64(number), v_u64(a), v_u64(b), v_u64(c), v_u64(d), v_u64(UINT64_MAX), v_u64(0)),
        &result);
    return result.of.i64;
}

/* Neighbours differ in what they allow, so that they stay regions of their own. */
static unsigned map_until_full(struct box *box, uint64_t *last)
{
    for (unsigned n = 0; n <= MOST_REGIONS; n++) {
        int64_t at =
            raw4(box, CALL_MMAP, 0, 4096, n % 2 == 0 ? READ_WRITE : READ_ONLY, PRIVATE_ANONYMOUS);

        if (at < 0) {
            CHECK_INT(at, -ENOMEM);
            return n;
        }
        *last = (uint64_t)at;
    }
    FAIL("more than %d regions", MOST_REGIONS);
}

/* A full table refuses what needs another region, and is put back like any other. */
TEST(memory, most_regions)
{
    struct box box;
    unsigned most = 0;

    box_run(&box, "syscalls");
    for (unsigned i = 0; i < 3; i++) {
        uint64_t last = 0;
        int64_t wide = raw4(&box, CALL_MMAP, 0, 3 * 4096, READ_ONLY, PRIVATE_ANONYMOUS);
        unsigned n = map_until_full(&box, &last);
        int64_t heap = raw4(&box, CALL_BRK, 0, 0, 0, 0);
        int64_t grown = raw4(&box, CALL_BRK, (uint64_t)heap + 3 * 4096, 0, 0, 0);
        mote_value result;

        CHECK(n > MOST_REGIONS / 2);
        CHECK(i == 0 || n == most); /* no reset may cost a region */
        most = n;
        CHECK(grown == heap || grown == heap + 3 * 4096);
        /* A hole in the middle takes one region, and there is none. */
        CHECK(wide > 0);
        CHECK_INT(raw4(&box, CALL_MUNMAP, (uint64_t)wide + 4096, 4096, 0, 0), -ENOMEM);
        if (i == 1) { /* now there is one, and a change of rights would take two */
            CHECK_INT(raw4(&box, CALL_MUNMAP, last, 4096, 0, 0), 0);
            CHECK_INT(raw4(&box, CALL_MPROTECT, (uint64_t)wide + 4096, 4096, READ_WRITE, 0),
                      -ENOMEM);
            CHECK(raw4(&box, CALL_BRK, (uint64_t)heap + 5 * 4096, 0, 0, 0) >= heap);
        }
        must_call(&box, "alive", NO_ARGS, &result);
        CHECK_INT(result.of.u32, 42);
        expect_alive(&box);
        CHECK_INT(raw4(&box, CALL_BRK, 0, 0, 0, 0), heap);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}
