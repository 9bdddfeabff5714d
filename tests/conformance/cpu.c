/* SPDX-License-Identifier: Apache-2.0 */
/* CPU time and its budget. Nothing here asks how late a call may be stopped. */
#include "support.h"

#include <time.h>

#define SHORT (emulated() ? SECOND / 2 : SECOND / 50)

/* What the host function does with its thread. */
static enum { NOTHING, SLEEP, SPIN, NEST } way;
static uint64_t for_ns;
static struct box *caller;

static uint64_t cpu_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static int fn_pass(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    uint64_t begin = cpu_ns();

    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    if (way == SLEEP) {
        sleep_ms((unsigned)(for_ns / 1000000));
    }
    while (way == SPIN && cpu_ns() - begin < for_ns) {
    }
    if (way == NEST) {
        CHECK_CODE(box_call(caller, "spin", NO_ARGS, NULL), MOTE_ECPU);
    }
    result->of.u32 = 1;
    return 0;
}

static int fn_pending(void *user, mote_context *context, const mote_value *args, size_t nargs,
                      mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return MOTE_PENDING;
}

static void open_with(struct box *box, mote_option option, uint64_t value)
{
    box_open(box, "nested");
    set_option(box, option, value);
    grant(box, "down", "(u32)->u32", fn_pass, NULL);
    grant(box, "around", "(string)->string", fn_pass, NULL);
    grant(box, "act", "(u32)->void", fn_pass, NULL);
    grant(box, "wait", "(u32)->u32", fn_pending, NULL);
    grant(box, "wait_bytes", "(bytes,string)->bytes", fn_pending, NULL);
    grant(box, "wait_only", "()->void", fn_pending, NULL);
    box_start(box);
}

static int pass(struct box *box, int how, uint64_t ns)
{
    mote_value result;

    way = how;
    for_ns = ns;
    return box_call(box, "down", ARGS(v_u32(1)), &result);
}

/* ---- time ------------------------------------------------------------------ */

TEST(cpu, is_not_measured_unless_wanted)
{
    struct box box;

    open_with(&box, MOTE_OPT_CPU_TIME, 0);
    CHECK_CODE(pass(&box, SPIN, 1000000), MOTE_OK);
    CHECK_INT(mote_sandbox_report(box.sandbox)->cpu_ns, 0);
    box_close(&box);
}

TEST(cpu, is_measured)
{
    struct box box;
    const mote_report *report;
    uint64_t begin;

    open_with(&box, MOTE_OPT_CPU_TIME, 1);
    report = mote_sandbox_report(box.sandbox);
    begin = cpu_ns();
    CHECK_CODE(pass(&box, SPIN, 20000000), MOTE_OK);
    CHECK(report->cpu_ns >= 20000000 && (test_resident() || report->cpu_ns <= cpu_ns() - begin));
    CHECK_CODE(pass(&box, SLEEP, 50000000), MOTE_OK);
    CHECK(report->wall_ns >= 50000000 && report->cpu_ns < report->wall_ns);
    box_close(&box);
}

/* That of the guest is the thread's, too. */
TEST(cpu, of_the_guest)
{
    struct box box;
    uint64_t begin;
    uint64_t used;

    open_with(&box, MOTE_OPT_CPU_TIME, 1);
    begin = cpu_ns();
    CHECK_CODE(call_deadline(&box, "spin", 5 * SHORT, NO_ARGS, NULL), MOTE_EDEADLINE);
    used = mote_sandbox_report(box.sandbox)->cpu_ns;
    CHECK(used > 0 && (test_resident() || used <= cpu_ns() - begin));
    CHECK(used <= mote_sandbox_report(box.sandbox)->wall_ns + SECOND / 100);
    expect_alive(&box);
    box_close(&box);
}

/* ---- budget ------------------------------------------------------------------ */

TEST(cpu, budget_stops_a_loop)
{
    struct box box;

    open_with(&box, MOTE_OPT_CPU_BUDGET, SHORT);
    for (int i = 0; i < 3; i++) {
        int rc = box_call(&box, "spin", NO_ARGS, NULL);

        check_fault(&box, rc, MOTE_ECPU, MOTE_FAULT_CPU);
        CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "CPU budget");
        CHECK(mote_sandbox_report(box.sandbox)->cpu_ns >= SHORT);
        expect_alive(&box);
    }
    box_close(&box);
}

/* The wall clock passes, the processor's does not. */
TEST(cpu, sleep_is_free)
{
    struct box box;

    open_with(&box, MOTE_OPT_CPU_BUDGET, SHORT);
    for (int i = 0; i < 3; i++) {
        CHECK_CODE(pass(&box, SLEEP, 3 * SHORT), MOTE_OK);
        CHECK(mote_sandbox_report(box.sandbox)->wall_ns >= 3 * SHORT);
        CHECK(mote_sandbox_report(box.sandbox)->cpu_ns <= SHORT);
    }
    box_close(&box);
}

/* Each call has it anew; a host function that spins is not stopped, but its call fails. */
TEST(cpu, host_functions_count)
{
    struct box box;

    open_with(&box, MOTE_OPT_CPU_BUDGET, 4 * SHORT);
    for (int i = 0; i < 3; i++) {
        CHECK_CODE(pass(&box, SPIN, 2 * SHORT), MOTE_OK);
    }
    check_fault(&box, pass(&box, SPIN, 5 * SHORT), MOTE_ECPU, MOTE_FAULT_CPU);
    way = NOTHING;
    expect_alive(&box);
    box_close(&box);
}

/* That of nested calls is the outer call's. */
TEST(cpu, nested_calls_count)
{
    struct box box;

    open_with(&box, MOTE_OPT_CPU_BUDGET, SHORT);
    caller = &box;
    check_fault(&box, pass(&box, NEST, 0), MOTE_ECPU, MOTE_FAULT_CPU);
    way = NOTHING;
    expect_alive(&box);
    box_close(&box);
}

/* Before and after; not while it is suspended, whatever its thread does. */
TEST(cpu, adds_up_over_suspensions)
{
    struct box box;
    const mote_report *report;
    mote_value result;
    mote_value answer = v_u32(1);
    uint64_t begin;
    uint64_t before;
    uint64_t self = 0;

    open_with(&box, MOTE_OPT_CPU_BUDGET, 4 * SHORT);
    report = mote_sandbox_report(box.sandbox);
    CHECK_CODE(box_call(&box, "wait_often", ARGS(v_u32(3)), &result), MOTE_PENDING);
    for (int i = 1; i <= 3; i++) {
        before = report->cpu_ns;
        CHECK(before > 0);
        begin = cpu_ns();
        while (cpu_ns() - begin < 5 * SHORT) {
        }
        self = cpu_ns();
        CHECK_CODE(mote_resume(box.sandbox, NULL, &answer, &result, 1),
                   i < 3 ? MOTE_PENDING : MOTE_OK);
        CHECK(report->cpu_ns > before &&
              (test_resident() || report->cpu_ns <= before + cpu_ns() - self));
    }
    CHECK_INT(result.of.u32, 3);
    box_close(&box);
}
