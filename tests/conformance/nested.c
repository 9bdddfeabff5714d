/* SPDX-License-Identifier: Apache-2.0 */
/* Host functions that call back into the sandbox that called them. */
#include "support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

/* What the host functions of a test do, and what they saw. */
struct plan {
    struct box *box;
    int (*act)(struct plan *plan, uint32_t what); /* for env.act */
    unsigned calls;
    int rc; /* of the last nested call */
};

static struct plan plan;

static int fn_down(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    struct plan *p = user;

    CHECK(nargs == 1 && mote_context_sandbox(context) == p->box->sandbox);
    p->calls++;
    p->rc = box_call(p->box, "down", args, nargs, result);
    return p->rc == MOTE_EGUEST || p->rc == MOTE_ELIMIT
               ? mote_context_fail(context, p->rc, mote_sandbox_error(p->box->sandbox)->text)
               : p->rc;
}

/* Gives back what a nested call made of the argument, straight from the sandbox's memory. */
static int fn_around(void *user, mote_context *context, const mote_value *args, size_t nargs,
                     mote_value *result)
{
    struct plan *p = user;
    char *before;

    (void)context;
    CHECK(nargs == 1 && args[0].type == MOTE_STRING);
    before = malloc(args[0].of.bytes.size + 1);
    CHECK(before != NULL);
    memcpy(before, args[0].of.bytes.data, args[0].of.bytes.size);
    must_call(p->box, "echo", args, nargs, result);
    p->calls++;
    /* The arguments live until this returns, whatever was nested. */
    CHECK_BYTES(args[0].of.bytes.data, before, args[0].of.bytes.size);
    free(before);
    return 0;
}

static int fn_act(void *user, mote_context *context, const mote_value *args, size_t nargs,
                  mote_value *result)
{
    struct plan *p = user;

    (void)context;
    (void)nargs;
    (void)result;
    p->calls++;
    return p->act != NULL ? p->act(p, args[0].of.u32) : 0;
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

static void log_and_call(void *user, mote_sandbox *sandbox, unsigned level, const char *text,
                         size_t size)
{
    struct plan *p = user;
    mote_value result;

    (void)level;
    (void)text;
    (void)size;
    p->calls++;
    p->rc = call(sandbox, p->box->image, "alive", NO_ARGS, &result);
}

static int64_t write_and_call(void *user, mote_sandbox *sandbox, const void *data, size_t size)
{
    log_and_call(user, sandbox, 0, data, size);
    return (int64_t)size;
}

static void open_with_output(struct box *box, int (*act)(struct plan *, uint32_t),
                             const mote_stream *out)
{
    plan = (struct plan){.box = box, .act = act};
    box_open(box, "nested");
    grant(box, "down", "(u32)->u32", fn_down, &plan);
    grant(box, "around", "(string)->string", fn_around, &plan);
    grant(box, "act", "(u32)->void", fn_act, &plan);
    grant(box, "wait", "(u32)->u32", fn_pending, NULL);
    grant(box, "wait_bytes", "(bytes,string)->bytes", fn_pending, NULL);
    grant(box, "wait_only", "()->void", fn_pending, NULL);
    CHECK_CODE(mote_policy_log(box->policy, log_and_call, &plan, NULL), MOTE_OK);
    CHECK_CODE(mote_policy_stream(box->policy, 1, out, NULL), MOTE_OK);
    box_start(box);
}

static void open_nested(struct box *box, int (*act)(struct plan *, uint32_t))
{
    const mote_stream out = {.size = sizeof(out), .write = write_and_call, .user = &plan};

    open_with_output(box, act, &out);
}

static void expect_alive_again(struct box *box)
{
    plan.act = NULL;
    expect_alive(box);
}

/* ---- depth ------------------------------------------------------------------ */

TEST(nested, to_the_depth_that_is_promised)
{
    struct box box;
    mote_value result;

    open_nested(&box, NULL);
    for (uint32_t n = 0; n <= MOTE_MAX_DEPTH; n++) {
        must_call(&box, "down", ARGS(v_u32(n)), &result);
        CHECK_INT(result.of.u32, n + 1);
        CHECK_INT(mote_sandbox_report(box.sandbox)->host_calls, n);
        CHECK_INT(mote_sandbox_error(box.sandbox)->code, 0);
    }
    box_close(&box);
}

TEST(nested, deeper_is_refused_and_harmless)
{
    struct box box;
    mote_value result;
    int rc;

    open_nested(&box, NULL);
    rc = box_call(&box, "down", ARGS(v_u32(MOTE_MAX_DEPTH + 1)), &result);
    CHECK_CODE(rc, MOTE_EGUEST); /* each guest passes on what its host function told it */
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "nested in this sandbox already");
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    CHECK_INT(plan.calls, MOTE_MAX_DEPTH + 1);
    must_call(&box, "down", ARGS(v_u32(MOTE_MAX_DEPTH)), &result);
    CHECK_INT(result.of.u32, MOTE_MAX_DEPTH + 1);
    box_close(&box);
}

/* ---- what lives how long ---------------------------------------------------------- */

static void around(struct box *box, size_t size)
{
    char *text = malloc(size + 1);
    mote_value result;

    CHECK(text != NULL);
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)('a' + i % 26);
    }
    must_call(box, "around", ARGS(v_text(text, size)), &result);
    CHECK_INT(result.of.bytes.size, 2 * size + 1);
    CHECK_BYTES(result.of.bytes.data, text, size);
    CHECK_BYTES((const char *)result.of.bytes.data + size + 1, text, size);
    free(text);
}

TEST(nested, arguments_and_results_live)
{
    struct box box;

    open_nested(&box, NULL);
    around(&box, 0);
    around(&box, 5);
    around(&box, 60000); /* several mailboxes of 64 KiB */
    around(&box, 17);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    around(&box, 40000);
    box_close(&box);
}

/* Each `around` in an `around` in ... has its own arguments. */
static int go_around(struct plan *p, uint32_t depth)
{
    char text[64];
    mote_value result;
    int n = snprintf(text, sizeof(text), "at %u", depth);

    if (depth > 0) {
        must_call(p->box, "outer", ARGS(v_u32(depth - 1)), &result);
        CHECK_INT(result.of.u32, depth);
    }
    must_call(p->box, "around", ARGS(v_text(text, (size_t)n)), &result);
    CHECK_INT(result.of.bytes.size, 2 * n + 1);
    CHECK_BYTES(result.of.bytes.data, text, (size_t)n);
    return 0;
}

TEST(nested, each_level_has_its_own)
{
    struct box box;
    mote_value result;

    open_nested(&box, go_around);
    must_call(&box, "outer", ARGS(v_u32(5)), &result);
    CHECK_INT(result.of.u32, 6);
    box_close(&box);
}

/* Nothing is left behind by many of them. */
static int call_alive(struct plan *p, uint32_t what)
{
    mote_value result;

    (void)what;
    must_call(p->box, "alive", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 42);
    return 0;
}

TEST(nested, many_in_one_call)
{
    struct box box;
    mote_value result;
    unsigned times = test_repeat(500);

    open_nested(&box, call_alive);
    for (int i = 0; i < 3; i++) {
        must_call(&box, "storm", ARGS(v_u32(times)), &result);
        CHECK_INT(result.of.u32, times);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    CHECK_INT(plan.calls, 3 * times);
    box_close(&box);
}

/* ---- failures that are the host function's to deal with ------------------------------- */

static int fail_and_go_on(struct plan *p, uint32_t what)
{
    mote_value result;

    (void)what;
    CHECK_CODE(box_call(p->box, "fail_here", NO_ARGS, NULL), MOTE_EGUEST);
    CHECK_INT(mote_sandbox_report(p->box->sandbox)->code, 7);
    CHECK_HAS(mote_sandbox_error(p->box->sandbox)->text, "inner");
    CHECK_CODE(box_call(p->box, "down", NO_ARGS, &result), MOTE_ETYPE);
    CHECK_CODE(box_call(p->box, "alive", ARGS(v_u32(1)), &result), MOTE_ETYPE);
    CHECK_INT(mote_sandbox_state(p->box->sandbox), MOTE_STATE_READY);
    return 0;
}

TEST(nested, failures_of_the_guest_do_not_spread)
{
    struct box box;
    mote_value result;

    open_nested(&box, fail_and_go_on);
    must_call(&box, "outer", ARGS(v_u32(1)), &result);
    CHECK_INT(result.of.u32, 2);
    CHECK_INT(mote_sandbox_error(box.sandbox)->code, 0);
    CHECK_INT(mote_sandbox_report(box.sandbox)->code, 0);
    CHECK(mote_sandbox_report(box.sandbox)->text[0] == '\0');
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    box_close(&box);
}

/* And the outer call's own failure outlives them. */
TEST(nested, failure_of_the_outer_call_stays)
{
    struct box box;
    int rc;

    open_nested(&box, fail_and_go_on);
    rc = box_call(&box, "fail_around", ARGS(v_u32(1)), NULL);
    CHECK_CODE(rc, MOTE_EGUEST);
    CHECK_INT(mote_sandbox_report(box.sandbox)->code, 11);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "outer");
    expect_alive_again(&box);
    box_close(&box);
}

/* ---- failures that end everything ------------------------------------------------- */

struct ending {
    const char *export;
    int code;
    mote_fault_kind fault;
};

static const struct ending endings[] = {
    {"crash", MOTE_EFAULT, MOTE_FAULT_ILLEGAL},
    {"give_up", MOTE_EABORTED, MOTE_FAULT_ABORT},
    {"leave", MOTE_EEXITED, MOTE_FAULT_EXIT},
};

static int end_it(struct plan *p, uint32_t what)
{
    const struct ending *e = &endings[what / 10];
    mote_value result;

    if (what % 10 > 0) { /* deeper */
        p->rc = box_call(p->box, "outer", ARGS(v_u32(what - 1)), &result);
    } else {
        p->rc = box_call(p->box, e->export, NO_ARGS, NULL);
    }
    CHECK_CODE(p->rc, e->code);
    CHECK_CODE(mote_sandbox_error(p->box->sandbox)->code, e->code);
    CHECK_CODE(box_call(p->box, "alive", NO_ARGS, &result), MOTE_EPOISONED);
    CHECK_CODE(box_call(p->box, "alive", ARGS(v_u32(1)), &result), MOTE_EPOISONED);
    return 0; /* as if nothing had been */
}

TEST(nested, poison_ends_all_with_one_story)
{
    struct box box;
    mote_value result;

    open_nested(&box, NULL);
    for (uint32_t i = 0; i < COUNT(endings); i++) {
        for (uint32_t depth = 0; depth <= 3; depth++) {
            int rc;

            plan.act = end_it;
            rc = box_call(&box, "outer", ARGS(v_u32(10 * i + depth)), &result);
            check_fault(&box, rc, endings[i].code, endings[i].fault);
            CHECK_CODE(box_call(&box, "alive", NO_ARGS, &result), MOTE_EPOISONED);
            expect_alive_again(&box);
        }
    }
    box_close(&box);
}

static int end_and_fail(struct plan *p, uint32_t what)
{
    (void)what;
    p->rc = box_call(p->box, "crash", NO_ARGS, NULL);
    return -4711;
}

TEST(nested, the_story_is_that_of_the_guest)
{
    struct box box;
    mote_value result;
    int rc;

    open_nested(&box, end_and_fail);
    rc = box_call(&box, "outer", ARGS(v_u32(0)), &result);
    check_exception(&box, rc, MOTE_FAULT_ILLEGAL, 6);
    CHECK_HAS(mote_sandbox_report(box.sandbox)->symbol, "crash");
    expect_alive_again(&box);
    box_close(&box);
}

/* ---- deadlines ------------------------------------------------------------------ */

#define SHORT (emulated() ? SECOND / 2 : SECOND / 50)

static int spin_inside(struct plan *p, uint32_t what)
{
    p->rc = what == 0
                ? box_call(p->box, "spin", NO_ARGS, NULL)
                : call_deadline(p->box, "spin", what == 1 ? SHORT : 100 * SECOND, NO_ARGS, NULL);
    return 0;
}

/* Of the outer call, of the inner one, and of the outer one although the inner has a later one. */
TEST(nested, deadlines)
{
    struct box box;
    mote_value result;

    open_nested(&box, NULL);
    for (uint32_t what = 0; what < 3; what++) {
        uint64_t begin = now_ns();
        int rc;

        plan.act = spin_inside;
        rc = call_deadline(&box, "outer", what == 1 ? 100 * SECOND : SHORT, ARGS(v_u32(what)),
                           &result);
        check_fault(&box, rc, MOTE_EDEADLINE, MOTE_FAULT_DEADLINE);
        CHECK_CODE(plan.rc, MOTE_EDEADLINE);
        CHECK(now_ns() - begin >= SHORT);
        expect_alive_again(&box);
    }
    box_close(&box);
}

static int in_time_inside(struct plan *p, uint32_t what)
{
    mote_value result;

    (void)what;
    CHECK(mote_sandbox_deadline(p->box->sandbox) == 0);
    CHECK_CODE(call_deadline(p->box, "alive", 10 * SECOND, NO_ARGS, &result), MOTE_OK);
    CHECK(mote_sandbox_deadline(p->box->sandbox) == 0);
    return 0;
}

/* The deadline of a nested call ends with it. */
TEST(nested, a_deadline_ends_with_its_call)
{
    struct box box;
    mote_value result;

    open_nested(&box, in_time_inside);
    must_call(&box, "outer", ARGS(v_u32(1)), &result);
    CHECK(mote_sandbox_deadline(box.sandbox) == 0);
    box_close(&box);
}

/* ---- interrupts ------------------------------------------------------------------ */

static int interrupt_and_nest(struct plan *p, uint32_t what)
{
    mote_handle *handle = mote_sandbox_handle(p->box->sandbox);
    mote_value result;

    (void)what;
    CHECK_CODE(mote_interrupt(handle), MOTE_OK);
    mote_handle_unref(handle);
    p->rc = box_call(p->box, "alive", NO_ARGS, &result);
    return 0;
}

/* One that comes while a host function runs is not lost in a nested call, which it stops. */
TEST(nested, interrupt_before_a_nested_call)
{
    struct box box;
    mote_value result;
    int rc;

    open_nested(&box, interrupt_and_nest);
    rc = box_call(&box, "outer", ARGS(v_u32(1)), &result);
    check_fault(&box, rc, MOTE_EINTERRUPTED, MOTE_FAULT_INTERRUPT);
    CHECK_CODE(plan.rc, MOTE_EINTERRUPTED);
    expect_alive_again(&box);
    box_close(&box);
}

static void *interrupt_soon(void *argument)
{
    sleep_ms(20);
    CHECK_CODE(mote_interrupt(argument), MOTE_OK);
    return NULL;
}

static int spin_and_go_on(struct plan *p, uint32_t what)
{
    (void)what;
    p->rc = box_call(p->box, "spin", NO_ARGS, NULL);
    return 0;
}

TEST(nested, interrupt_of_a_nested_call)
{
    struct box box;
    mote_handle *handle;
    mote_value result;
    pthread_t thread;
    int rc;

    open_nested(&box, spin_and_go_on);
    handle = mote_sandbox_handle(box.sandbox);
    CHECK(pthread_create(&thread, NULL, interrupt_soon, handle) == 0);
    rc = box_call(&box, "outer", ARGS(v_u32(1)), &result);
    pthread_join(thread, NULL);
    check_fault(&box, rc, MOTE_EINTERRUPTED, MOTE_FAULT_INTERRUPT);
    CHECK_CODE(plan.rc, MOTE_EINTERRUPTED);
    CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
    expect_alive_again(&box);
    mote_handle_unref(handle);
    box_close(&box);
}

/* ---- who may ------------------------------------------------------------------ */

TEST(nested, not_from_logs_and_streams)
{
    struct box box;

    open_nested(&box, NULL);
    must_call(&box, "log_line", NO_ARGS, NULL);
    CHECK_INT(plan.calls, 1);
    CHECK_CODE(plan.rc, MOTE_EBUSY);
    plan.rc = 0;
    must_call(&box, "print_line", NO_ARGS, NULL);
    CHECK_INT(plan.calls, 2);
    CHECK_CODE(plan.rc, MOTE_EBUSY);
    box_close(&box);
}

static int log_inside(struct plan *p, uint32_t what)
{
    (void)what;
    must_call(p->box, "log_line", NO_ARGS, NULL);
    CHECK_CODE(p->rc, MOTE_EBUSY);
    p->act = NULL;
    return call_alive(p, 0); /* a host function again */
}

TEST(nested, logs_of_nested_calls)
{
    struct box box;
    mote_value result;

    open_nested(&box, log_inside);
    must_call(&box, "outer", ARGS(v_u32(1)), &result);
    box_close(&box);
}

static void *call_from_outside(void *argument)
{
    struct plan *p = argument;
    mote_value result;

    CHECK_CODE(box_call(p->box, "alive", NO_ARGS, &result), MOTE_EBUSY);
    return NULL;
}

static int let_another_call(struct plan *p, uint32_t what)
{
    pthread_t thread;

    (void)what;
    CHECK(pthread_create(&thread, NULL, call_from_outside, p) == 0);
    pthread_join(thread, NULL);
    return 0;
}

TEST(nested, not_from_another_thread)
{
    struct box box;
    mote_value result;

    open_nested(&box, let_another_call);
    must_call(&box, "outer", ARGS(v_u32(1)), &result);
    box_close(&box);
}

/* Through a second sandbox, and back into the first. */
static mote_sandbox *second;

static int by_way_of_another(struct plan *p, uint32_t what)
{
    mote_value result;

    if (what == 1) { /* in the first: ask the second */
        CHECK_CODE(call(second, p->box->image, "outer", ARGS(v_u32(2)), &result), MOTE_OK);
        CHECK_INT(result.of.u32, 3);
        return 0;
    }
    return call_alive(p, 0); /* in the second: the first again */
}

TEST(nested, by_way_of_another_sandbox)
{
    struct box box;
    mote_value result;

    open_nested(&box, by_way_of_another);
    second = open_sandbox(box.image, box.policy);
    must_call(&box, "outer", ARGS(v_u32(1)), &result);
    CHECK_INT(result.of.u32, 2);
    CHECK_CODE(mote_sandbox_free(second), MOTE_OK);
    box_close(&box);
}

/* ---- other orders ------------------------------------------------------------------ */

static int wait_inside(struct plan *p, uint32_t what)
{
    mote_value result;

    (void)what;
    p->rc = box_call(p->box, "wait", ARGS(v_u32(1)), &result);
    return 0;
}

TEST(nested, cannot_be_suspended)
{
    struct box box;
    mote_value result;
    int rc;

    open_nested(&box, wait_inside);
    rc = box_call(&box, "outer", ARGS(v_u32(1)), &result);
    check_fault(&box, rc, MOTE_EHOSTFN, MOTE_FAULT_HOST_FUNCTION);
    CHECK_CODE(plan.rc, MOTE_EHOSTFN);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "env.wait returned MOTE_PENDING");
    expect_alive_again(&box);
    box_close(&box);
}

/* A host function that leaves its nested call behind, on another stack. */
static ucontext_t on_main, on_other;
static char other_stack[256 * 1024];
static const char *left_in;
static int left_rc;

static void nest_on_the_other_stack(void)
{
    mote_value result;

    if (left_in == NULL) {
        left_rc = box_call(plan.box, "outer", ARGS(v_u32(2)), &result);
    } else {
        left_rc = box_call(plan.box, left_in, NO_ARGS, NULL);
    }
}

static int64_t leave_in_a_stream(void *user, mote_sandbox *sandbox, const void *data, size_t size)
{
    (void)user;
    (void)sandbox;
    (void)data;
    CHECK(swapcontext(&on_other, &on_main) == 0);
    return (int64_t)size;
}

static int leave_it_behind(struct plan *p, uint32_t what)
{
    if (what == 2) { /* the inner host function: away */
        CHECK(swapcontext(&on_other, &on_main) == 0);
        CHECK_CODE(box_call(p->box, "crash", NO_ARGS, NULL), MOTE_EBUSY);
        return 0;
    }
    CHECK(getcontext(&on_other) == 0);
    on_other.uc_stack.ss_sp = other_stack;
    on_other.uc_stack.ss_size = sizeof(other_stack);
    on_other.uc_link = &on_main;
    makecontext(&on_other, nest_on_the_other_stack, 0);
    CHECK(swapcontext(&on_main, &on_other) == 0);
    p->rc = 1;
    return 0;
}

/* The sandbox cannot go, nor be used, before the last one has left it. */
static void go_back_to_it(struct box *box)
{
    mote_value result;
    mote_handle *handle = mote_sandbox_handle(box->sandbox);

    CHECK_CODE(mote_reset(box->sandbox), MOTE_EBUSY);
    CHECK_CODE(mote_sandbox_free(box->sandbox), MOTE_EBUSY);
    CHECK_CODE(box_call(box, "alive", NO_ARGS, &result), MOTE_EBUSY);
    CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
    mote_handle_unref(handle);
    CHECK(swapcontext(&on_main, &on_other) == 0);
    CHECK_CODE(left_rc, MOTE_EHOSTFN);
    CHECK_CODE(box_call(box, "alive", NO_ARGS, &result), MOTE_EPOISONED);
}

static void leave_behind(const char *in)
{
    const mote_stream out = {.size = sizeof(out), .write = leave_in_a_stream};
    struct box box;
    mote_value result;
    int rc;

    left_in = in;
    open_with_output(&box, leave_it_behind, &out);
    rc = box_call(&box, "outer", ARGS(v_u32(1)), &result);
    CHECK_INT(plan.rc, 1);
    check_fault(&box, rc, MOTE_EHOSTFN, MOTE_FAULT_HOST_FUNCTION);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "before the call nested in it");
    go_back_to_it(&box);
    expect_alive_again(&box);
    must_call(&box, "down", ARGS(v_u32(MOTE_MAX_DEPTH)), &result);
    CHECK_INT(result.of.u32, MOTE_MAX_DEPTH + 1);
    box_close(&box);
}

TEST(nested, the_outer_host_function_returns_first)
{
    leave_behind(NULL);
}

/* The same with a callback of a stream left behind in the nested call. */
TEST(nested, the_outer_host_function_returns_before_a_stream)
{
    leave_behind("print_line");
}
