/* SPDX-License-Identifier: Apache-2.0 */
/* Embedders that do what nobody should: the library answers, and stays whole. */
#include "raw.h"
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- threads that come and go ---------------------------------------------------------- */

static void run_thread(void *(*run)(void *), struct box *box)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, run, box) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void *call_once(void *argument)
{
    expect_alive(argument);
    return NULL;
}

static void *use_up_the_budget(void *argument)
{
    check_fault(argument, box_call(argument, "spin", NO_ARGS, NULL), MOTE_ECPU, MOTE_FAULT_CPU);
    return NULL;
}

/* The C library gives a new thread the pthread_t of one that has ended. */
TEST(careless, cpu_budget_of_a_thread_in_the_place_of_another)
{
    struct box box;

    box_open(&box, "faults");
    set_option(&box, MOTE_OPT_CPU_BUDGET, emulated() ? SECOND / 2 : SECOND / 50);
    box_start(&box);
    for (int i = 0; i < 2; i++) {
        run_thread(call_once, &box);
        run_thread(use_up_the_budget, &box);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}

static void *block_all_and_call(void *argument)
{
    struct box *box = argument;
    mote_value result;
    sigset_t all;

    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    CHECK_CODE(box_call(box, "alive", NO_ARGS, &result), MOTE_EINVAL);
    return NULL;
}

TEST(careless, blocked_signal_of_a_thread_in_the_place_of_another)
{
    struct box box;

    box_run(&box, "faults");
    run_thread(call_once, &box);
    run_thread(block_all_and_call, &box);
    run_thread(call_once, &box);
    box_close(&box);
}

/* ---- cancelled threads -------------------------------------------------------------------- */

static int cancelled_rc;

static void *spin_for_a_while(void *argument)
{
    cancelled_rc = call_deadline(argument, "spin", SECOND / 5, NO_ARGS, NULL);
    pthread_testcancel();
    return NULL;
}

static void *read_for_a_while(void *argument)
{
    cancelled_rc = raw_fails(argument, SECOND / 5, SYS_read, 5, at(0), 1);
    pthread_testcancel();
    return NULL;
}

/* It ends when its call has ended, and leaves the sandbox to others. */
static void cancel_in_a_call(void *(*run)(void *), struct box *box)
{
    pthread_t thread;
    void *end;
    char byte;

    cancelled_rc = 0;
    CHECK(pthread_create(&thread, NULL, run, box) == 0);
    while (mote_memory_read(box->sandbox, 0, &byte, 1) != MOTE_EBUSY) {
        sched_yield();
    }
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &end) == 0);
    CHECK(end == PTHREAD_CANCELED);
    CHECK_CODE(cancelled_rc, MOTE_EDEADLINE);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
}

TEST(careless, cancelled_while_the_guest_runs)
{
    struct box box;

    box_run(&box, "faults");
    cancel_in_a_call(spin_for_a_while, &box);
    expect_alive(&box);
    box_close(&box);
}

TEST(careless, cancelled_while_the_guest_waits)
{
    int ends[2];
    struct box box;

    CHECK(pipe(ends) == 0);
    raw_open(&box);
    CHECK_CODE(mote_policy_fd(box.policy, 5, ends[0], MOTE_GRANT_READ, 0, NULL), MOTE_OK);
    raw_start(&box);
    cancel_in_a_call(read_for_a_while, &box);
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK_INT(RAW(&box, SYS_read, 5, at(0), 10), 1);
    box_close(&box);
}

/* ---- children that release too early ------------------------------------------------------ */

struct releaser {
    struct box box;
    pid_t child;
};

static int fn_fork_and_release(void *user, mote_context *context, const mote_value *args,
                               size_t nargs, mote_value *result)
{
    struct releaser *r = user;
    mote_value inner;

    (void)context;
    (void)nargs;
    if (args[0].of.u32 > 0) { /* through a nested call */
        int rc = box_call(&r->box, "down", ARGS(v_u32(args[0].of.u32 - 1)), &inner);

        CHECK_CODE(rc, r->child == 0 ? MOTE_EFORKED : MOTE_OK);
    } else {
        r->child = fork();
    }
    if (r->child == 0) {
        CHECK_CODE(mote_sandbox_free(r->box.sandbox), MOTE_EBUSY);
    }
    result->of.u32 = 1;
    return 0;
}

static void release_in_the_child(struct releaser *r)
{
    alarm(30);
    CHECK_CODE(mote_sandbox_free(r->box.sandbox), MOTE_OK);
    mote_policy_unref(r->box.policy);
    mote_image_unref(r->box.image);
    CHECK_CODE(mote_host_free(r->box.host), MOTE_OK);
    _exit(0);
}

static int fn_none(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return 0;
}

static void open_releaser(struct releaser *r)
{
    box_open(&r->box, "nested");
    grant(&r->box, "down", "(u32)->u32", fn_fork_and_release, r);
    grant(&r->box, "around", "(string)->string", fn_none, NULL);
    grant(&r->box, "act", "(u32)->void", fn_none, NULL);
    grant(&r->box, "wait", "(u32)->u32", fn_none, NULL);
    grant(&r->box, "wait_bytes", "(bytes,string)->bytes", fn_none, NULL);
    grant(&r->box, "wait_only", "()->void", fn_none, NULL);
    box_start(&r->box);
}

/* A forked child is still inside the call when it is in the host function. */
TEST(careless, child_frees_in_a_host_function)
{
    struct releaser r;
    mote_value result;

    open_releaser(&r);
    for (uint32_t depth = 1; depth <= 3; depth++) {
        int status, rc;

        r.child = -1;
        rc = box_call(&r.box, "down", ARGS(v_u32(depth)), &result);
        CHECK_CODE(rc, r.child == 0 ? MOTE_EFORKED : MOTE_OK);
        if (r.child == 0) {
            release_in_the_child(&r);
        }
        CHECK(waitpid(r.child, &status, 0) == r.child);
        CHECK_INT(status, 0);
    }
    CHECK_CODE(mote_reset(r.box.sandbox), MOTE_OK);
    box_close(&r.box);
}
