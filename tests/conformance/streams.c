/* SPDX-License-Identifier: Apache-2.0 */
/* Streams at any descriptor: callbacks, descriptors of the host, buffers; their limits, and that
 * nobody waits beyond a deadline. */
#include "raw.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct counted {
    uint64_t written, largest;
    uint64_t given;
};

static int64_t count_write(void *user, mote_sandbox *sandbox, const void *data, size_t size)
{
    struct counted *counted = user;

    CHECK(sandbox != NULL && (size == 0 || data != NULL));
    counted->written += size;
    counted->largest = size > counted->largest ? size : counted->largest;
    return (int64_t)size;
}

static int64_t give_zeros(void *user, mote_sandbox *sandbox, void *data, size_t size)
{
    struct counted *counted = user;

    CHECK(sandbox != NULL);
    memset(data, 0, size);
    counted->given += size;
    return (int64_t)size;
}

static void grant_calls(struct box *box, int fd, struct counted *counted, uint64_t limit)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_stream stream = {.size = sizeof(stream),
                          .write = count_write,
                          .read = give_zeros,
                          .user = counted,
                          .limit = limit};

    CHECK_CODE(mote_policy_stream(box->policy, fd, &stream, &error), MOTE_OK);
}

static void grant_fd(struct box *box, int guest_fd, int host_fd, unsigned access)
{
    mote_error error = MOTE_ERROR_INIT;
    int rc = mote_policy_fd(box->policy, guest_fd, host_fd, access, 0, &error);

    if (rc != 0) {
        FAIL("%s", error.text);
    }
}

/* ---- callbacks ------------------------------------------------------------------ */

TEST(streams, at_any_descriptor)
{
    struct counted low = {0}, high = {0};
    struct box box;

    raw_open(&box);
    grant_calls(&box, 1, &low, 0);
    grant_calls(&box, 1023, &high, 0);
    raw_start(&box);
    CHECK_INT(RAW(&box, SYS_write, 1, at(0), 5), 5);
    CHECK_INT(RAW(&box, SYS_write, 1023, at(0), 7), 7);
    CHECK_INT(RAW(&box, SYS_write, 2, at(0), 7), -EBADF);
    CHECK_INT(RAW(&box, SYS_write, 1024, at(0), 7), -EBADF);
    CHECK_INT(low.written, 5);
    CHECK_INT(high.written, 7);
    CHECK_INT(RAW(&box, SYS_read, 1023, at(0), 9), 9);
    CHECK_INT(high.given, 9);
    box_close(&box);
}

TEST(streams, bad_grants)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_stream stream = {.size = sizeof(stream), .write = count_write};
    mote_stream neither = {.size = sizeof(neither)};
    mote_stream small = {.size = 8, .write = count_write};
    struct box box;

    raw_open(&box);
    CHECK_CODE(mote_policy_stream(box.policy, -1, &stream, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_stream(box.policy, 1024, &stream, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_stream(box.policy, 1, &neither, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_stream(box.policy, 1, &small, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_stream(box.policy, 1, NULL, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_fd(box.policy, 1, 9999, MOTE_GRANT_WRITE, 0, &error), MOTE_ESYSTEM);
    CHECK_CODE(mote_policy_fd(box.policy, 1, 1, 0, 0, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_fd(box.policy, 1, 1, 4, 0, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_input(box.policy, 0, NULL, 3, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_capture(box.policy, 2000, 0, &error), MOTE_EINVAL);
    box_close(&box);
}

/* All of it arrives, in pieces that the host can hold. */
TEST(streams, large_write_is_whole)
{
    struct counted out = {0};
    struct box box;

    raw_open(&box);
    grant_calls(&box, 1, &out, 0);
    raw_start(&box);
    CHECK_INT(RAW(&box, SYS_write, 1, at(0), 0x10000), 0x10000);
    CHECK_INT(out.written, 0x10000);
    CHECK_INT(out.largest, 0x4000);
    CHECK_INT(RAW(&box, SYS_write, 1, at(0), 0x10000000), -EFAULT);
    CHECK_INT(out.written, 0x10000);
    box_close(&box);
}

/* ---- limits ------------------------------------------------------------------ */

TEST(streams, own_limit)
{
    struct counted out = {0}, other = {0};
    struct box box;

    raw_open(&box);
    grant_calls(&box, 1, &out, 100);
    grant_calls(&box, 5, &other, 0);
    raw_start(&box);
    for (int i = 0; i < 2; i++) {
        out = other = (struct counted){0};
        CHECK_INT(RAW(&box, SYS_write, 1, at(0), 60), 60);
        CHECK_INT(RAW(&box, SYS_write, 1, at(0), 60), 40);
        CHECK_INT(RAW(&box, SYS_write, 1, at(0), 60), -ENOSPC);
        CHECK_INT(RAW(&box, SYS_write, 1, at(0), 0), 0);
        CHECK_INT(RAW(&box, SYS_read, 1, at(0), 80), 80);
        CHECK_INT(RAW(&box, SYS_read, 1, at(0), 80), 20);
        CHECK_INT(RAW(&box, SYS_read, 1, at(0), 80), -EFBIG);
        CHECK_INT(RAW(&box, SYS_write, 5, at(0), 60), 60);
        CHECK_INT(out.written, 100);
        CHECK_INT(out.given, 100);
        CHECK_INT(other.written, 60);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}

/* A guest that floods: what arrives is what the limit says. */
TEST(streams, flood)
{
    struct counted out = {0};
    struct box box;
    mote_value result;

    raw_open(&box);
    grant_calls(&box, 1, &out, 0);
    set_option(&box, MOTE_OPT_STREAM_BYTES, 10000);
    raw_start(&box);
    must_call(&box, "repeat",
              ARGS(v_u64(test_repeat(1000)), v_i64(-ENOSPC), v_u64(SYS_write), v_u64(1),
                   v_u64(at(0)), v_u64(4096)),
              &result);
    CHECK_INT(out.written, 10000);
    CHECK_INT(result.of.u64, test_repeat(1000) - 3);
    box_close(&box);
}

/* ---- buffers ------------------------------------------------------------------ */

TEST(streams, input_is_read_to_its_end)
{
    mote_error error = MOTE_ERROR_INIT;
    char text[] = "what the embedder has to say", read[64] = {0};
    struct box box;

    raw_open(&box);
    CHECK_CODE(mote_policy_input(box.policy, 0, text, strlen(text), &error), MOTE_OK);
    CHECK_CODE(mote_policy_input(box.policy, 7, NULL, 0, &error), MOTE_OK);
    memset(text, 0, 4); /* it was copied */
    raw_start(&box);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(RAW(&box, SYS_read, 0, at(0), 5), 5);
        CHECK_INT(RAW(&box, SYS_read, 0, at(5), 1000), 23);
        raw_get(&box, 0, read, 28);
        CHECK_BYTES(read, "what the embedder has to say", 28);
        CHECK_INT(RAW(&box, SYS_read, 0, at(0), 1000), 0);
        CHECK_INT(RAW(&box, SYS_read, 7, at(0), 1000), 0);
        CHECK_INT(RAW(&box, SYS_write, 0, at(0), 1), -EBADF);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}

static void expect_output(struct box *box, int fd, const char *text)
{
    const void *data = NULL;
    size_t size = 99;

    CHECK_CODE(mote_sandbox_output(box->sandbox, fd, &data, &size), MOTE_OK);
    CHECK_INT(size, strlen(text));
    CHECK(size == 0 || memcmp(data, text, size) == 0);
}

TEST(streams, captured)
{
    mote_error error = MOTE_ERROR_INIT;
    struct counted out = {0};
    const void *data;
    size_t size;
    struct box box;

    raw_open(&box);
    CHECK_CODE(mote_policy_capture(box.policy, 1, 10, &error), MOTE_OK);
    CHECK_CODE(mote_policy_capture(box.policy, 2, 0, &error), MOTE_OK);
    grant_calls(&box, 3, &out, 0);
    raw_start(&box);
    expect_output(&box, 1, "");
    raw_text(&box, 0, "hello, captured world");
    CHECK_INT(RAW(&box, SYS_write, 1, at(0), 5), 5);
    CHECK_INT(RAW(&box, SYS_write, 2, at(7), 8), 8);
    expect_output(&box, 1, "hello");
    CHECK_INT(RAW(&box, SYS_write, 1, at(5), 10), 5);
    CHECK_INT(RAW(&box, SYS_write, 1, at(5), 10), -ENOSPC);
    expect_output(&box, 1, "hello, cap");
    expect_output(&box, 2, "captured");
    CHECK_INT(RAW(&box, SYS_read, 1, at(0), 10), -EBADF);
    CHECK_CODE(mote_sandbox_output(box.sandbox, 3, &data, &size), MOTE_EINVAL);
    CHECK_CODE(mote_sandbox_output(box.sandbox, 4, &data, &size), MOTE_EINVAL);
    CHECK_CODE(mote_sandbox_output(box.sandbox, 1, NULL, &size), MOTE_EINVAL);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    expect_output(&box, 1, "");
    expect_output(&box, 2, "");
    box_close(&box);
}

/* Each sandbox of the policy has its own. */
TEST(streams, captured_apart)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox *first;
    struct box box;

    raw_open(&box);
    CHECK_CODE(mote_policy_capture(box.policy, 1, 0, &error), MOTE_OK);
    raw_start(&box);
    raw_text(&box, 0, "onetwo");
    CHECK_INT(RAW(&box, SYS_write, 1, at(0), 3), 3);
    first = box.sandbox;
    raw_start(&box);
    raw_text(&box, 0, "onetwo");
    CHECK_INT(RAW(&box, SYS_write, 1, at(3), 3), 3);
    expect_output(&box, 1, "two");
    CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
    box.sandbox = first;
    expect_output(&box, 1, "one");
    box_close(&box);
}

/* ---- descriptors of the host -------------------------------------------------------- */

TEST(streams, pipes)
{
    int in[2], out[2];
    char text[16] = {0};
    struct box box;

    CHECK(pipe(in) == 0 && pipe(out) == 0);
    raw_open(&box);
    grant_fd(&box, 0, in[0], MOTE_GRANT_READ);
    grant_fd(&box, 1, out[1], MOTE_GRANT_WRITE);
    CHECK(close(in[0]) == 0 && close(out[1]) == 0); /* the library has its own */
    raw_start(&box);
    CHECK_INT(write(in[1], "ping", 4), 4);
    CHECK_INT(RAW(&box, SYS_read, 0, at(0), 100), 4);
    CHECK_INT(RAW(&box, SYS_write, 1, at(0), 4), 4);
    CHECK_INT(read(out[0], text, sizeof(text)), 4);
    CHECK(strcmp(text, "ping") == 0);
    CHECK_INT(RAW(&box, SYS_write, 0, at(0), 4), -EBADF);
    CHECK_INT(RAW(&box, SYS_read, 1, at(0), 4), -EBADF);
    CHECK(close(in[1]) == 0);
    CHECK_INT(RAW(&box, SYS_read, 0, at(0), 100), 0);
    box_close(&box);
}

/* The embedder's own end keeps its flags. */
TEST(streams, flags_are_left_alone)
{
    int ends[2];
    struct box box;

    CHECK(pipe(ends) == 0);
    raw_open(&box);
    grant_fd(&box, 0, ends[0], MOTE_GRANT_READ);
    CHECK_INT(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
    box_close(&box);
}

static void fill(int fd)
{
    static const char zeros[4096];
    int flags = fcntl(fd, F_GETFL);

    CHECK(fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
    while (write(fd, zeros, sizeof(zeros)) > 0) {
    }
    while (write(fd, zeros, 1) > 0) {
    }
    CHECK(fcntl(fd, F_SETFL, flags) == 0);
}

TEST(streams, full_pipe_ends_with_the_deadline)
{
    int ends[2];
    struct box box;

    CHECK(pipe(ends) == 0);
    fill(ends[1]);
    raw_open(&box);
    grant_fd(&box, 1, ends[1], MOTE_GRANT_WRITE);
    raw_start(&box);
    CHECK_CODE(raw_fails(&box, SECOND / 10, SYS_write, 1, at(0), 100), MOTE_EDEADLINE);
    CHECK_INT(mote_sandbox_report(box.sandbox)->fault, MOTE_FAULT_DEADLINE);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_CODE(raw_fails(&box, SECOND / 10, SYS_write, 1, at(0), 0x10000), MOTE_EDEADLINE);
    expect_alive(&box);
    box_close(&box);
}

TEST(streams, empty_pipe_ends_with_the_deadline)
{
    int ends[2];
    struct box box;

    CHECK(pipe(ends) == 0);
    raw_open(&box);
    grant_fd(&box, 0, ends[0], MOTE_GRANT_READ);
    raw_start(&box);
    CHECK_CODE(raw_fails(&box, SECOND / 10, SYS_read, 0, at(0), 100), MOTE_EDEADLINE);
    expect_alive(&box);
    box_close(&box);
}

struct stopper {
    mote_handle *handle;
    unsigned after_ms;
};

static void *stop(void *argument)
{
    struct stopper *stopper = argument;

    sleep_ms(stopper->after_ms);
    while (mote_interrupt(stopper->handle) != 0) {
        sleep_ms(1);
    }
    return NULL;
}

/* However close the interrupt comes to the moment when the thread goes to sleep. */
static void interrupt_while(struct box *box, unsigned after_ms, uint64_t number, uint64_t a,
                            uint64_t b, uint64_t c)
{
    struct stopper stopper = {mote_sandbox_handle(box->sandbox), after_ms};
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, stop, &stopper) == 0);
    CHECK_CODE(raw_fails(box, 0, number, a, b, c), MOTE_EINTERRUPTED);
    pthread_join(thread, NULL);
    mote_handle_unref(stopper.handle);
    expect_alive(box);
}

TEST(streams, waiting_is_interrupted)
{
    int full[2], empty[2];
    struct box box;

    CHECK(pipe(full) == 0 && pipe(empty) == 0);
    fill(full[1]);
    raw_open(&box);
    grant_fd(&box, 0, empty[0], MOTE_GRANT_READ);
    grant_fd(&box, 1, full[1], MOTE_GRANT_WRITE);
    raw_start(&box);
    for (unsigned i = 0; i < test_repeat(20); i++) {
        interrupt_while(&box, i % 4 * 5, SYS_read, 0, at(0), 100);
        interrupt_while(&box, i % 4 * 5, SYS_write, 1, at(0), 100);
    }
    box_close(&box);
}

/* Nobody reads any more: EPIPE for the guest, and no signal for the host. */
TEST(streams, broken_pipe)
{
    sigset_t set;
    int ends[2], pair[2];
    struct box box;

    CHECK(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    signal(SIGPIPE, SIG_DFL);
    raw_open(&box);
    grant_fd(&box, 1, ends[1], MOTE_GRANT_WRITE);
    grant_fd(&box, 2, pair[0], MOTE_GRANT_READ | MOTE_GRANT_WRITE);
    raw_start(&box);
    CHECK_INT(RAW(&box, SYS_write, 2, at(0), 4), 4);
    CHECK(close(ends[0]) == 0 && close(pair[1]) == 0);
    CHECK_INT(RAW(&box, SYS_write, 1, at(0), 4), -EPIPE);
    CHECK_INT(RAW(&box, SYS_write, 2, at(0), 4), -EPIPE);
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &set) == 0 && !sigismember(&set, SIGPIPE));
    CHECK(sigpending(&set) == 0 && !sigismember(&set, SIGPIPE));
    box_close(&box);
}

TEST(streams, sockets_and_files)
{
    char path[] = "/tmp/mote-stream-XXXXXX", text[8] = {0};
    int pair[2], file = mkstemp(path);
    struct box box;

    CHECK(file >= 0 && unlink(path) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    raw_open(&box);
    grant_fd(&box, 3, pair[0], MOTE_GRANT_READ | MOTE_GRANT_WRITE);
    grant_fd(&box, 4, file, MOTE_GRANT_WRITE);
    raw_start(&box);
    raw_text(&box, 0, "abcdef");
    CHECK_INT(RAW(&box, SYS_write, 3, at(0), 6), 6);
    CHECK_INT(read(pair[1], text, 6), 6);
    CHECK_INT(write(pair[1], "xyz", 3), 3);
    CHECK_INT(RAW(&box, SYS_read, 3, at(0), 100), 3);
    CHECK_INT(RAW(&box, SYS_write, 4, at(0), 6), 6);
    CHECK_INT(pread(file, text, 6, 0), 6);
    CHECK_BYTES(text, "xyzdef", 6);
    CHECK_CODE(raw_fails(&box, SECOND / 10, SYS_read, 3, at(0), 100), MOTE_EDEADLINE);
    expect_alive(&box);
    box_close(&box);
}

/* O_NONBLOCK is the guest's own wish. */
TEST(streams, guest_need_not_wait)
{
    int ends[2];
    struct box box;

    CHECK(pipe(ends) == 0);
    raw_open(&box);
    grant_fd(&box, 0, ends[0], MOTE_GRANT_READ);
    raw_start(&box);
    CHECK_INT(RAW(&box, SYS_fcntl, 0, F_SETFL, O_NONBLOCK), 0);
    CHECK_INT(RAW(&box, SYS_read, 0, at(0), 100), -EAGAIN);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(RAW(&box, SYS_fcntl, 0, F_GETFL), O_RDONLY);
    box_close(&box);
}
