/* SPDX-License-Identifier: Apache-2.0 */
/* Host functions that answer later: the call is suspended, and any thread goes on with it. */
#include "census.h"
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the host function that waits was given; all of it lives until it is answered. */
static struct waiting {
    const mote_value *args;
    size_t nargs;
    unsigned calls;
    int give; /* what it returns: MOTE_PENDING, or something else at once */
} waiting;

static int fn_wait(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    struct waiting *w = user;

    (void)context;
    w->args = args;
    w->nargs = nargs;
    w->calls++;
    if (w->give == 0 && result->type == MOTE_U32) {
        result->of.u32 = 7;
    }
    return w->give;
}

static int fn_unused(void *user, mote_context *context, const mote_value *args, size_t nargs,
                     mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return 0;
}

static void open_with(struct box *box, uint64_t deadline)
{
    waiting = (struct waiting){.give = MOTE_PENDING};
    box_open(box, "nested");
    set_option(box, MOTE_OPT_DEADLINE, deadline);
    grant(box, "down", "(u32)->u32", fn_unused, NULL);
    grant(box, "around", "(string)->string", fn_unused, NULL);
    grant(box, "act", "(u32)->void", fn_unused, NULL);
    grant(box, "wait", "(u32)->u32", fn_wait, &waiting);
    grant(box, "wait_bytes", "(bytes,string)->bytes", fn_wait, &waiting);
    grant(box, "wait_only", "()->void", fn_wait, &waiting);
    box_start(box);
}

static void open_waiting(struct box *box)
{
    open_with(box, 0);
}

static void close_waiting(struct box *box)
{
    expect_alive(box);
    box_close(box);
}

/* Calls wait(value), which must be suspended. */
static void suspend(struct box *box, uint32_t value)
{
    mote_value result;

    CHECK_CODE(box_call(box, "wait", ARGS(v_u32(value)), &result), MOTE_PENDING);
    CHECK_INT(mote_sandbox_state(box->sandbox), MOTE_STATE_SUSPENDED);
    CHECK(waiting.nargs == 1 && waiting.args[0].type == MOTE_U32);
    CHECK_INT(waiting.args[0].of.u32, value);
}

static int resume(struct box *box, uint32_t answer, mote_value *result)
{
    mote_value value = v_u32(answer);

    return mote_resume(box->sandbox, NULL, &value, result, 1);
}

/* ---- the ways on ------------------------------------------------------------------ */

TEST(suspend, is_resumed_with_a_result)
{
    struct box box;
    mote_value result;

    open_waiting(&box);
    for (uint32_t i = 0; i < 20; i++) {
        suspend(&box, i);
        CHECK_CODE(resume(&box, i + 1, &result), MOTE_OK);
        CHECK(result.type == MOTE_U32);
        CHECK_INT(result.of.u32, i + 1);
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
        CHECK_INT(mote_sandbox_report(box.sandbox)->host_calls, 1);
        if (i % 3 == 0) {
            CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        }
    }
    close_waiting(&box);
}

TEST(suspend, again_and_again_in_one_call)
{
    struct box box;
    mote_value result;
    uint32_t times = test_repeat(50);

    open_waiting(&box);
    CHECK_CODE(box_call(&box, "wait_often", ARGS(v_u32(times)), &result), MOTE_PENDING);
    for (uint32_t i = 1; i < times; i++) {
        CHECK_INT(waiting.args[0].of.u32, i);
        CHECK_CODE(resume(&box, 2 * i, &result), MOTE_PENDING);
    }
    CHECK_CODE(resume(&box, 2 * times, &result), MOTE_OK);
    CHECK_INT(result.of.u32, times * (times + 1));
    CHECK_INT(waiting.calls, times);
    CHECK_INT(mote_sandbox_report(box.sandbox)->host_calls, times);
    close_waiting(&box);
}

/* The same host function may answer at once in between. */
TEST(suspend, sometimes)
{
    struct box box;
    mote_value result;

    open_waiting(&box);
    suspend(&box, 1);
    waiting.give = 0;
    CHECK_CODE(resume(&box, 5, &result), MOTE_OK);
    must_call(&box, "wait", ARGS(v_u32(1)), &result);
    CHECK_INT(result.of.u32, 7);
    close_waiting(&box);
}

TEST(suspend, bytes_both_ways)
{
    static char bytes[100000];
    const char text[] = "and a text";
    struct box box;
    mote_value result;
    mote_value answer = v_bytes(bytes, sizeof(bytes));

    memset(bytes, 'b', sizeof(bytes));
    open_waiting(&box);
    CHECK_CODE(
        box_call(&box, "wait_bytes", ARGS(v_bytes(bytes, 70000), mote_string(text)), &result),
        MOTE_PENDING);
    CHECK_INT(waiting.nargs, 2);
    CHECK_INT(waiting.args[0].of.bytes.size, 70000);
    CHECK_BYTES(waiting.args[0].of.bytes.data, bytes, 70000);
    CHECK_BYTES(waiting.args[1].of.bytes.data, text, strlen(text));
    CHECK_CODE(mote_resume(box.sandbox, NULL, &answer, &result, 1), MOTE_OK);
    CHECK_INT(result.of.bytes.size, sizeof(bytes));
    CHECK_BYTES(result.of.bytes.data, bytes, sizeof(bytes));
    close_waiting(&box);
}

/* The answer may be one of the arguments. */
TEST(suspend, answered_with_its_argument)
{
    struct box box;
    mote_value result;

    open_waiting(&box);
    CHECK_CODE(
        box_call(&box, "wait_bytes", ARGS(v_bytes("12345", 5), mote_string("text")), &result),
        MOTE_PENDING);
    CHECK_CODE(mote_resume(box.sandbox, NULL, &waiting.args[0], &result, 1), MOTE_OK);
    CHECK_INT(result.of.bytes.size, 5);
    CHECK_BYTES(result.of.bytes.data, "12345", 5);
    close_waiting(&box);
}

TEST(suspend, without_a_result)
{
    struct box box;

    open_waiting(&box);
    CHECK_CODE(box_call(&box, "wait_only", NO_ARGS, NULL), MOTE_PENDING);
    CHECK_CODE(mote_resume(box.sandbox, NULL, NULL, NULL, 0), MOTE_OK);
    close_waiting(&box);
}

TEST(suspend, is_resumed_with_a_failure)
{
    struct box box;
    mote_value result;

    open_waiting(&box);
    suspend(&box, 1);
    CHECK_CODE(mote_resume_fail(box.sandbox, NULL, 5, "no answer today", &result, 1), MOTE_EGUEST);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "no answer today");
    CHECK_INT(mote_sandbox_report(box.sandbox)->code, 1); /* MOTE_GUEST_EFAILED */
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    suspend(&box, 2);
    CHECK_CODE(mote_resume_fail(box.sandbox, NULL, 0, NULL, &result, 1), MOTE_EGUEST);
    close_waiting(&box);
}

TEST(suspend, of_a_program)
{
    struct box box;
    mote_value result;
    int status = -1;

    waiting = (struct waiting){.give = MOTE_PENDING};
    box_open(&box, "waiting_plain");
    grant(&box, "wait", "(u32)->u32", fn_wait, &waiting);
    box_start(&box);
    for (int i = 0; i < 2; i++) {
        CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_PENDING);
        CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_ESUSPENDED);
        CHECK_CODE(mote_resume(box.sandbox, NULL, &(mote_value){.type = MOTE_U32, .of.u32 = 40},
                               &result, 2),
                   MOTE_ETYPE);
        CHECK_CODE(resume(&box, 40, &result), MOTE_PENDING);
        CHECK_CODE(resume(&box, 2, &result), MOTE_OK);
        CHECK(result.type == MOTE_I32);
        CHECK_INT(result.of.i32, 42);
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_CLOSED);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    CHECK_INT(status, -1);
    box_close(&box);
}

/* ---- answers that do not fit --------------------------------------------------------- */

TEST(suspend, wrong_answers_leave_it_suspended)
{
    struct box box;
    mote_value result;
    mote_value wrong = v_i32(1);
    mote_value nowhere = v_bytes(NULL, 5);
    mote_value right = v_u32(9);
    mote_call_options old = {1, 0};

    open_waiting(&box);
    suspend(&box, 1);
    CHECK_CODE(mote_resume(box.sandbox, NULL, &wrong, &result, 1), MOTE_ETYPE);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "env.wait is u32, not i32");
    CHECK_CODE(mote_resume(box.sandbox, NULL, NULL, &result, 1), MOTE_ETYPE);
    CHECK_CODE(mote_resume(box.sandbox, NULL, &right, NULL, 0), MOTE_ETYPE);
    CHECK_CODE(mote_resume(box.sandbox, NULL, &right, &result, 2), MOTE_ETYPE);
    CHECK_CODE(mote_resume(box.sandbox, NULL, &right, NULL, 1), MOTE_EINVAL);
    CHECK_CODE(mote_resume(box.sandbox, &old, &right, &result, 1), MOTE_EINVAL);
    CHECK_CODE(mote_resume_fail(box.sandbox, NULL, 1, "text", NULL, 0), MOTE_ETYPE);
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_SUSPENDED);
    CHECK_CODE(mote_resume(box.sandbox, NULL, &right, &result, 1), MOTE_OK);
    CHECK_INT(result.of.u32, 9);
    CHECK_CODE(
        box_call(&box, "wait_bytes", ARGS(v_bytes("12345", 5), mote_string("text")), &result),
        MOTE_PENDING);
    CHECK_CODE(mote_resume(box.sandbox, NULL, &nowhere, &result, 1), MOTE_EINVAL);
    nowhere.of.bytes.size = 0;
    CHECK_CODE(mote_resume(box.sandbox, NULL, &nowhere, &result, 1), MOTE_OK);
    CHECK_CODE(box_call(&box, "wait_only", NO_ARGS, NULL), MOTE_PENDING);
    CHECK_CODE(mote_resume(box.sandbox, NULL, &right, NULL, 0), MOTE_ETYPE);
    CHECK_CODE(mote_resume(box.sandbox, NULL, NULL, NULL, 0), MOTE_OK);
    close_waiting(&box);
}

TEST(suspend, calls_wait)
{
    struct box box;
    mote_value result;
    unsigned char byte = 1;

    open_waiting(&box);
    suspend(&box, 3);
    CHECK_CODE(box_call(&box, "alive", NO_ARGS, &result), MOTE_ESUSPENDED);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->remedy, "mote_cancel");
    CHECK_INT(mote_sandbox_report(box.sandbox)->host_calls, 1);
    CHECK_CODE(mote_memory_read(box.sandbox, 0x400000, &byte, 1), MOTE_OK); /* nobody is inside */
    CHECK_CODE(resume(&box, 4, &result), MOTE_OK);
    CHECK_INT(result.of.u32, 4);
    close_waiting(&box);
}

TEST(suspend, only_what_is_suspended)
{
    struct box box;
    mote_value result;

    open_waiting(&box);
    CHECK_CODE(resume(&box, 1, &result), MOTE_EINVAL);
    CHECK_CODE(mote_cancel(box.sandbox), MOTE_EINVAL);
    CHECK_CODE(mote_resume(NULL, NULL, NULL, NULL, 0), MOTE_EINVAL);
    CHECK_CODE(mote_cancel(NULL), MOTE_EINVAL);
    CHECK(mote_sandbox_deadline(NULL) == 0);
    check_fault(&box, box_call(&box, "crash", NO_ARGS, NULL), MOTE_EFAULT, MOTE_FAULT_ILLEGAL);
    CHECK_CODE(resume(&box, 1, &result), MOTE_EPOISONED);
    close_waiting(&box);
}

/* ---- ends ------------------------------------------------------------------ */

TEST(suspend, cancelled)
{
    struct box box;
    mote_value result;
    mote_handle *handle;

    open_waiting(&box);
    handle = mote_sandbox_handle(box.sandbox);
    for (int i = 0; i < 3; i++) {
        suspend(&box, 1);
        CHECK_CODE(mote_cancel(box.sandbox), MOTE_OK);
        check_fault(&box, MOTE_EINTERRUPTED, MOTE_EINTERRUPTED, MOTE_FAULT_INTERRUPT);
        CHECK(test_resident() ||
              mote_sandbox_report(box.sandbox)->exits == 1); /* nothing ran since */
        CHECK_CODE(resume(&box, 1, &result), MOTE_EPOISONED);
        CHECK_CODE(mote_cancel(box.sandbox), MOTE_EPOISONED);
        CHECK_CODE(box_call(&box, "alive", NO_ARGS, &result), MOTE_EPOISONED);
        CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
        expect_alive(&box);
    }
    mote_handle_unref(handle);
    box_close(&box);
}

TEST(suspend, reset_ends_it)
{
    struct box box;
    mote_value result;
    mote_handle *handle;

    open_waiting(&box);
    handle = mote_sandbox_handle(box.sandbox);
    for (int i = 0; i < 3; i++) {
        suspend(&box, 1);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
        CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
        CHECK_CODE(resume(&box, 1, &result), MOTE_EINVAL);
        must_call(&box, "alive", NO_ARGS, &result);
    }
    mote_handle_unref(handle);
    close_waiting(&box);
}

TEST(suspend, freed_meanwhile)
{
    struct census before;
    struct box box;
    mote_handle *handle;

    open_waiting(&box);
    CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
    census_take(&before);
    for (unsigned i = 0; i < test_repeat(20); i++) {
        box.sandbox = open_sandbox(box.image, box.policy);
        handle = mote_sandbox_handle(box.sandbox);
        suspend(&box, i);
        CHECK_CODE(mote_interrupt(handle), MOTE_OK);
        CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
        CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
        mote_handle_unref(handle);
    }
    census_check(&before, "sandboxes freed while they are suspended");
    box.sandbox = NULL;
    box_close(&box);
}

/* ---- interrupts and deadlines --------------------------------------------------------- */

TEST(suspend, interrupt_is_latched)
{
    struct box box;
    mote_value result;
    mote_handle *handle;

    open_waiting(&box);
    handle = mote_sandbox_handle(box.sandbox);
    suspend(&box, 1);
    CHECK_CODE(mote_interrupt(handle), MOTE_OK);
    CHECK_CODE(mote_interrupt(handle), MOTE_OK);
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_SUSPENDED);
    check_fault(&box, resume(&box, 1, &result), MOTE_EINTERRUPTED, MOTE_FAULT_INTERRUPT);
    CHECK(test_resident() ||
          mote_sandbox_report(box.sandbox)->exits == 1); /* the guest did not run */
    CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
    expect_alive(&box);
    suspend(&box, 2); /* it is not kept for the next one */
    CHECK_CODE(resume(&box, 3, &result), MOTE_OK);
    mote_handle_unref(handle);
    close_waiting(&box);
}

static int fn_interrupt(void *user, mote_context *context, const mote_value *args, size_t nargs,
                        mote_value *result)
{
    mote_handle *handle = mote_sandbox_handle(mote_context_sandbox(context));

    (void)user;
    (void)args;
    (void)nargs;
    (void)result;
    CHECK_CODE(mote_interrupt(handle), MOTE_OK);
    mote_handle_unref(handle);
    return MOTE_PENDING;
}

/* Before it is suspended it ends the call at once. */
TEST(suspend, interrupt_of_the_host_function)
{
    struct box box;
    int status;

    box_open(&box, "waiting_plain");
    grant(&box, "wait", "(u32)->u32", fn_interrupt, NULL);
    box_start(&box);
    check_fault(&box, mote_run(box.sandbox, NULL, &status), MOTE_EINTERRUPTED,
                MOTE_FAULT_INTERRUPT);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    box_close(&box);
}

#define SHORT (emulated() ? SECOND / 2 : SECOND / 50)

TEST(suspend, deadline_goes_on)
{
    struct box box;
    mote_value result;
    uint64_t begin = now_ns();
    uint64_t deadline;

    open_with(&box, 100 * SECOND);
    CHECK_CODE(call_deadline(&box, "wait", SHORT, ARGS(v_u32(1)), &result), MOTE_PENDING);
    deadline = mote_sandbox_deadline(box.sandbox);
    CHECK(deadline > begin && deadline <= now_ns() + SHORT);
    while (now_ns() <= deadline) {
        sleep_ms(1);
    }
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_SUSPENDED);
    check_fault(&box, resume(&box, 1, &result), MOTE_EDEADLINE, MOTE_FAULT_DEADLINE);
    CHECK(mote_sandbox_report(box.sandbox)->wall_ns >= SHORT);
    CHECK(test_resident() || mote_sandbox_report(box.sandbox)->exits == 1);
    CHECK(mote_sandbox_deadline(box.sandbox) == 0);
    expect_alive(&box);
    suspend(&box, 1); /* under the policy's */
    CHECK(mote_sandbox_deadline(box.sandbox) > now_ns() + 50 * SECOND);
    CHECK_CODE(resume(&box, 2, &result), MOTE_OK);
    close_waiting(&box);
}

/* In a resume it can only become earlier; and it stops the guest that goes on. */
TEST(suspend, deadline_of_the_resume)
{
    struct box box;
    mote_value result;
    mote_value answer = v_u32(1);
    mote_call_options later = {sizeof(later), 200 * SECOND};
    mote_call_options sooner = {sizeof(sooner), 50 * SECOND};
    uint64_t first;

    open_waiting(&box);
    CHECK_CODE(call_deadline(&box, "wait_often", 100 * SECOND, ARGS(v_u32(3)), &result),
               MOTE_PENDING);
    first = mote_sandbox_deadline(box.sandbox);
    CHECK_CODE(mote_resume(box.sandbox, &later, &answer, &result, 1), MOTE_PENDING);
    CHECK(mote_sandbox_deadline(box.sandbox) == first);
    CHECK_CODE(mote_resume(box.sandbox, &sooner, &answer, &result, 1), MOTE_PENDING);
    CHECK(mote_sandbox_deadline(box.sandbox) < first);
    CHECK(mote_sandbox_deadline(box.sandbox) > now_ns());
    CHECK_CODE(mote_resume(box.sandbox, NULL, &answer, &result, 1), MOTE_OK);
    CHECK(mote_sandbox_deadline(box.sandbox) == 0);
    close_waiting(&box);
}

/* ---- threads ------------------------------------------------------------------ */

struct relay {
    struct box *box;
    uint32_t answer;
    int rc;
    mote_value result;
};

static void *resume_on_a_thread(void *argument)
{
    struct relay *r = argument;

    r->rc = resume(r->box, r->answer, &r->result);
    return NULL;
}

static void *suspend_on_a_thread(void *argument)
{
    struct relay *r = argument;

    r->rc = box_call(r->box, "wait_often", ARGS(v_u32(4)), &r->result);
    return NULL;
}

static void on_a_thread(void *(*run)(void *), struct relay *relay)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, run, relay) == 0);
    pthread_join(thread, NULL);
}

/* Each step on another thread, which is gone when the next one begins. */
TEST(suspend, any_thread_goes_on)
{
    struct box box;
    struct relay relay = {.box = &box};
    mote_handle *handle;

    open_waiting(&box);
    handle = mote_sandbox_handle(box.sandbox);
    on_a_thread(suspend_on_a_thread, &relay);
    for (uint32_t i = 1; i <= 4; i++) {
        CHECK_CODE(relay.rc, MOTE_PENDING);
        relay.answer = 10 * i;
        on_a_thread(resume_on_a_thread, &relay);
    }
    CHECK_CODE(relay.rc, MOTE_OK);
    CHECK_INT(relay.result.of.u32, 100);
    on_a_thread(suspend_on_a_thread, &relay);
    CHECK_CODE(mote_interrupt(handle), MOTE_OK); /* no signal: the thread is gone */
    CHECK_CODE(resume(&box, 1, &relay.result), MOTE_EINTERRUPTED);
    mote_handle_unref(handle);
    close_waiting(&box);
}

/* A thread that could not be stopped does not go on with it; another may. */
TEST(suspend, a_thread_that_blocks_the_signal)
{
    struct box box;
    mote_value result;
    mote_value answer = v_u32(8);
    mote_call_options sooner = {sizeof(sooner), SECOND};
    struct relay relay = {.box = &box, .answer = 7};
    uint64_t deadline;
    sigset_t all;
    sigset_t old;

    open_waiting(&box);
    CHECK_CODE(call_deadline(&box, "wait", 100 * SECOND, ARGS(v_u32(1)), &result), MOTE_PENDING);
    deadline = mote_sandbox_deadline(box.sandbox);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    on_a_thread(resume_on_a_thread, &relay); /* inherits what is blocked */
    CHECK_CODE(relay.rc, MOTE_EINVAL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_SUSPENDED);
    CHECK(mote_sandbox_deadline(box.sandbox) == deadline);
    CHECK_CODE(mote_resume(box.sandbox, &sooner, &answer, &result, 1), MOTE_OK);
    CHECK_INT(result.of.u32, 8);
    close_waiting(&box);
}

/* Of several that want to resume it one does; the others hear that it is busy or over. */
static void *race_to_resume(void *argument)
{
    struct relay *r = argument;

    do {
        r->rc = resume(r->box, r->answer, &r->result);
    } while (r->rc == MOTE_EBUSY);
    CHECK(r->rc == MOTE_OK || r->rc == MOTE_EINVAL);
    return NULL;
}

TEST(suspend, one_thread_wins)
{
    enum { RACERS = 4 };
    struct relay relays[RACERS];
    pthread_t threads[RACERS];
    struct box box;

    open_waiting(&box);
    for (unsigned round = 0; round < test_repeat(50); round++) {
        unsigned won = 0;

        suspend(&box, round);
        for (uint32_t i = 0; i < RACERS; i++) {
            relays[i] = (struct relay){.box = &box, .answer = i + 1};
            CHECK(pthread_create(&threads[i], NULL, race_to_resume, &relays[i]) == 0);
        }
        for (uint32_t i = 0; i < RACERS; i++) {
            pthread_join(threads[i], NULL);
            won += relays[i].rc == MOTE_OK;
            CHECK(relays[i].rc != MOTE_OK || relays[i].result.of.u32 == i + 1);
        }
        CHECK_INT(won, 1);
    }
    close_waiting(&box);
}

static void *keep_interrupting(void *argument)
{
    for (unsigned i = 0; i < 20000; i++) {
        int rc = mote_interrupt(argument);

        CHECK(rc == MOTE_OK || rc == MOTE_ENOTFOUND);
    }
    return NULL;
}

/* Whenever an interrupt comes, the call ends as a whole or interrupted, and never hangs. */
TEST(suspend, races_with_interrupts)
{
    struct box box;
    mote_value result;
    mote_handle *handle;
    pthread_t thread;

    open_waiting(&box);
    handle = mote_sandbox_handle(box.sandbox);
    CHECK(pthread_create(&thread, NULL, keep_interrupting, handle) == 0);
    for (unsigned i = 0; i < test_repeat(300); i++) {
        int rc = box_call(&box, "wait", ARGS(v_u32(i)), &result);

        if (rc == MOTE_PENDING) {
            rc = resume(&box, i + 1, &result);
        }
        CHECK(rc == MOTE_OK || rc == MOTE_EINTERRUPTED);
        CHECK(rc != MOTE_OK || result.of.u32 == i + 1);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    pthread_join(thread, NULL);
    mote_handle_unref(handle);
    close_waiting(&box);
}

/* All wait at once, on one thread, and are answered in another order. */
TEST(suspend, many_at_once)
{
    unsigned count = test_repeat(60);
    mote_sandbox **sandboxes = calloc(count, sizeof(*sandboxes));
    struct box box;
    mote_value result;
    mote_func wait;

    CHECK(sandboxes != NULL);
    open_waiting(&box);
    wait = find(box.image, "wait");
    for (unsigned i = 0; i < count; i++) {
        mote_value value = v_u32(i);

        sandboxes[i] = open_sandbox(box.image, box.policy);
        CHECK_CODE(mote_call(sandboxes[i], wait, NULL, &value, 1, &result, 1), MOTE_PENDING);
    }
    for (unsigned i = count; i-- > 0;) {
        mote_value answer = v_u32(i + 7);

        CHECK_CODE(mote_resume(sandboxes[i], NULL, &answer, &result, 1), MOTE_OK);
        CHECK_INT(result.of.u32, i + 7);
        CHECK_CODE(mote_sandbox_free(sandboxes[i]), MOTE_OK);
    }
    free(sandboxes);
    close_waiting(&box);
}

/* ---- fork ------------------------------------------------------------------ */

TEST(suspend, a_child_owns_nothing_of_it)
{
    struct box box;
    mote_value result;
    int status = 1;
    pid_t child;

    open_waiting(&box);
    suspend(&box, 1);
    child = fork();
    if (child == 0) {
        bool refused = resume(&box, 2, &result) == MOTE_EFORKED &&
                       mote_cancel(box.sandbox) == MOTE_EFORKED &&
                       mote_sandbox_free(box.sandbox) == MOTE_OK;
        _exit(refused ? 0 : 1);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    CHECK_CODE(resume(&box, 2, &result), MOTE_OK);
    CHECK_INT(result.of.u32, 2);
    close_waiting(&box);
}
