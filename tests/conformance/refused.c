/* SPDX-License-Identifier: Apache-2.0 */
/* What is not granted: refused, counted, told to the embedder, and on demand a fault. */
#include "raw.h"

#include <string.h>

struct trace {
    unsigned count;
    mote_syscall_event events[64];
    char read[16]; /* of the guest's memory, from within */
};

static void keep_event(void *user, mote_sandbox *sandbox, const mote_syscall_event *event)
{
    struct trace *trace = user;

    CHECK(event->size >= sizeof(*event));
    CHECK(trace->count < COUNT(trace->events));
    trace->events[trace->count++] = *event;
    if (event->number == SYS_write) {
        CHECK_CODE(mote_memory_read(sandbox, event->args[1], trace->read, 5), MOTE_OK);
    }
}

static void trace_with(struct box *box, struct trace *trace)
{
    mote_error error = MOTE_ERROR_INIT;

    CHECK_CODE(mote_policy_trace(box->policy, keep_event, trace, &error), MOTE_OK);
}

TEST(trace, each_call)
{
    static struct trace trace;
    mote_error error = MOTE_ERROR_INIT;
    struct box box;

    raw_open(&box);
    CHECK_CODE(mote_policy_capture(box.policy, 1, 0, &error), MOTE_OK);
    trace_with(&box, &trace);
    raw_start(&box);
    raw_text(&box, 0, "hello");
    RAW(&box, SYS_write, 1, at(0), 5);
    RAW(&box, SYS_socket, 2, 1, 0, 4, 5, 6);
    RAW(&box, 12345, 1);
    RAW(&box, SYS_close, 99);
    CHECK_INT(trace.count, 4);
    CHECK(strcmp(trace.events[0].name, "write") == 0);
    CHECK_INT(trace.events[0].number, SYS_write);
    CHECK_INT(trace.events[0].args[0], 1);
    CHECK_HEX(trace.events[0].args[1], at(0));
    CHECK_INT(trace.events[0].args[2], 5);
    CHECK_INT(trace.events[0].result, 5);
    CHECK(!trace.events[0].refused);
    CHECK_BYTES(trace.read, "hello", 5);
    CHECK(strcmp(trace.events[1].name, "socket") == 0);
    CHECK_INT(trace.events[1].args[5], 6);
    CHECK_INT(trace.events[1].result, -ENOSYS);
    CHECK(trace.events[1].refused);
    CHECK(strcmp(trace.events[2].name, "?") == 0);
    CHECK_INT(trace.events[2].number, 12345);
    CHECK(trace.events[2].refused);
    CHECK_INT(trace.events[3].result, -EBADF);
    CHECK(!trace.events[3].refused);
    CHECK_CODE(mote_policy_trace(box.policy, NULL, NULL, &error), MOTE_EFROZEN);
    box_close(&box);
}

TEST(trace, exit_of_a_program)
{
    static struct trace trace;
    struct box box;
    int status = -1;

    box_open(&box, "hello_plain");
    trace_with(&box, &trace);
    box_start(&box);
    CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
    CHECK(trace.count > 2);
    CHECK(strcmp(trace.events[trace.count - 1].name, "exit_group") == 0);
    CHECK_INT(mote_sandbox_report(box.sandbox)->syscalls, trace.count);
    box_close(&box);
}

/* ---- a fault ------------------------------------------------------------------ */

static void refuse_with_fault(struct box *box)
{
    raw_open(box);
    set_option(box, MOTE_OPT_REFUSED, MOTE_REFUSED_FAULT);
    raw_start(box);
}

TEST(refused, is_a_fault_on_demand)
{
    struct box box;

    refuse_with_fault(&box);
    check_fault(&box, raw_fails(&box, 0, SYS_socket, 2, 1, 0), MOTE_EREFUSED, MOTE_FAULT_SYSCALL);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "socket");
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "41");
    CHECK_INT(mote_sandbox_report(box.sandbox)->code, SYS_socket);
    CHECK_INT(mote_sandbox_report(box.sandbox)->refused, 1);
    expect_alive(&box);
    check_fault(&box, raw_fails(&box, 0, 99999, 0, 0, 0), MOTE_EREFUSED, MOTE_FAULT_SYSCALL);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "99999");
    expect_alive(&box);
    CHECK_INT(RAW(&box, SYS_write, 1, at(0), 5),
              -EBADF); /* served, and what it asks is not there */
    CHECK_INT(RAW(&box, SYS_getpid), 1);
    box_close(&box);
}

/* What a policy could grant and does not, is refused as well. */
TEST(refused, clocks_and_randomness)
{
    struct box box;

    refuse_with_fault(&box);
    check_fault(&box, raw_fails(&box, 0, SYS_clock_gettime, 0, at(0), 0), MOTE_EREFUSED,
                MOTE_FAULT_SYSCALL);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "clock_gettime");
    expect_alive(&box);
    check_fault(&box, raw_fails(&box, 0, SYS_getrandom, at(0), 8, 0), MOTE_EREFUSED,
                MOTE_FAULT_SYSCALL);
    expect_alive(&box);
    box_close(&box);
}

static void start_of(const char *guest)
{
    struct box box;
    int status = -1;

    box_open(&box, guest);
    set_option(&box, MOTE_OPT_REFUSED, MOTE_REFUSED_FAULT);
    set_option(&box, MOTE_OPT_RANDOM, MOTE_RANDOM_SEEDED); /* the first malloc of glibc asks */
    box_start(&box);
    CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
    CHECK_INT(mote_sandbox_report(box.sandbox)->refused, 0);
    box_close(&box);
}

/* A library's own start asks for nothing that is refused. */
TEST(refused, start_of_musl)
{
    start_of("hello_plain");
}

TEST(refused, start_of_glibc)
{
    start_of("hello_plain_glibc");
}
