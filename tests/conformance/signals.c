/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: interrupts from handlers, the embedder's own signals, and the library's one. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

static mote_handle *volatile signal_handle;
static atomic_int signal_answer;

static void on_signal(int number)
{
    (void)number;
    if (mote_interrupt(signal_handle) == MOTE_OK) {
        atomic_fetch_add(&signal_answer, 1);
    }
}

/* From a handler that runs on the calling thread itself. */
TEST(interrupt, from_a_signal_handler)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct itimerval timer = {{0, 20000}, {0, 20000}};
    struct box box;
    int rc;

    box_run(&box, "faults");
    signal_handle = mote_sandbox_handle(box.sandbox);
    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_PROF, &timer, NULL);
    for (int i = 0; i < 3; i++) {
        rc = box_call(&box, "spin", NO_ARGS, NULL);
        check_fault(&box, rc, MOTE_EINTERRUPTED, MOTE_FAULT_INTERRUPT);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    memset(&timer, 0, sizeof(timer));
    setitimer(ITIMER_PROF, &timer, NULL);
    CHECK(atomic_load(&signal_answer) >= 3);
    mote_handle_unref(signal_handle);
    box_close(&box);
}

static atomic_uint ticks;

static void on_tick(int number)
{
    (void)number;
    atomic_fetch_add(&ticks, 1);
}

/* Signals that are none of ours go by without the guest noticing. */
TEST(interrupt, foreign_signals_go_by)
{
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    struct itimerval timer = {{0, 1000}, {0, 1000}};
    struct box box;
    mote_value result;

    box_run(&box, "faults");
    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_PROF, &timer, NULL);
    for (unsigned i = 0; atomic_load(&ticks) < 20; i++) {
        must_call(&box, "count_to", ARGS(v_u64(20000000)), &result);
        CHECK_INT(result.of.u64, 20000000);
    }
    memset(&timer, 0, sizeof(timer));
    setitimer(ITIMER_PROF, &timer, NULL);
    box_close(&box);
}

/* An embedder's own signal. */
TEST(interrupt, with_a_signal_of_the_embedder)
{
    struct sigaction action = {.sa_handler = on_tick};
    mote_host_options options = {.size = sizeof(options), .signal = SIGUSR2};
    struct box box;
    mote_error error = MOTE_ERROR_INIT;
    int rc;

    sigaction(SIGUSR2, &action, NULL);
    memset(&box, 0, sizeof(box));
    CHECK_CODE(mote_host_new(&box.host, &options, &error), MOTE_OK);
    box.image = open_guest(box.host, "faults");
    box.sandbox = open_sandbox(box.image, NULL);
    rc = call_deadline(&box, "spin", SECOND / 50, NO_ARGS, NULL);
    check_fault(&box, rc, MOTE_EDEADLINE, MOTE_FAULT_DEADLINE);
    CHECK(atomic_load(&ticks) > 0);
    expect_alive(&box);
    box_close(&box);
    sigaction(SIGUSR2, NULL, &action);
    CHECK(action.sa_handler == on_tick);
}

static void refuse_signal(int number)
{
    mote_host_options options = {.size = sizeof(options), .signal = number};
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;
    char text[16];

    CHECK_CODE(mote_host_new(&host, &options, &error), MOTE_EINVAL);
    CHECK(host == NULL);
    CHECK_CODE(error.code, MOTE_EINVAL);
    snprintf(text, sizeof(text), "%d", number);
    CHECK_HAS(error.text, text);
    CHECK(error.remedy[0] != '\0');
}

static void open_with_signal(struct box *box, int number)
{
    struct sigaction action = {.sa_handler = on_tick};
    mote_host_options options = {.size = sizeof(options), .signal = number};
    mote_error error = MOTE_ERROR_INIT;

    sigaction(number, &action, NULL);
    memset(box, 0, sizeof(*box));
    CHECK_CODE(mote_host_new(&box->host, &options, &error), MOTE_OK);
    box->image = open_guest(box->host, "faults");
    box->sandbox = open_sandbox(box->image, NULL);
}

/* A signal whose arrival would end or stop the process, or that never arrives. */
TEST(interrupt, signal_without_a_handler)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    struct box box;
    int rc;

    refuse_signal(SIGKILL);
    refuse_signal(SIGSTOP);
    refuse_signal(-1);
    refuse_signal(1000);
    sigaction(SIGUSR2, &standard, NULL);
    refuse_signal(SIGUSR2);
    sigaction(SIGUSR2, &ignore, NULL);
    refuse_signal(SIGUSR2);
    open_with_signal(&box, SIGUSR2);
    rc = call_deadline(&box, "spin", SECOND / 50, NO_ARGS, NULL);
    check_fault(&box, rc, MOTE_EDEADLINE, MOTE_FAULT_DEADLINE);
    CHECK(atomic_load(&ticks) > 0);
    expect_alive(&box);
    box_close(&box);
}

static void block(int how, int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    CHECK(pthread_sigmask(how, &set, NULL) == 0);
}

static void *call_blocked_and_unblocked(void *argument)
{
    struct box *box = argument;
    mote_value result;
    char text[16];
    int rc;

    block(SIG_BLOCK, SIGUSR2);
    for (int i = 0; i < 2; i++) {
        CHECK_CODE(box_call(box, "alive", NO_ARGS, &result), MOTE_EINVAL);
        CHECK_CODE(mote_sandbox_error(box->sandbox)->code, MOTE_EINVAL);
        snprintf(text, sizeof(text), "signal %d", SIGUSR2);
        CHECK_HAS(mote_sandbox_error(box->sandbox)->text, text);
        CHECK_INT(mote_sandbox_state(box->sandbox), MOTE_STATE_READY);
    }
    block(SIG_UNBLOCK, SIGUSR2);
    must_call(box, "alive", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 42);
    rc = call_deadline(box, "spin", SECOND / 50, NO_ARGS, NULL);
    check_fault(box, rc, MOTE_EDEADLINE, MOTE_FAULT_DEADLINE);
    expect_alive(box);
    return NULL;
}

/* A thread that could not be stopped is not let in; the others do not notice. */
TEST(interrupt, blocked_signal)
{
    struct box box;
    pthread_t thread;

    open_with_signal(&box, SIGUSR2);
    expect_alive(&box);
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&thread, NULL, call_blocked_and_unblocked, &box) == 0);
        pthread_join(thread, NULL);
        expect_alive(&box);
    }
    box_close(&box);
}

/* The library's own signal is gone with the host. */
TEST(interrupt, disposition_is_put_back)
{
    struct sigaction before[65];
    struct sigaction after;
    struct box box;

    for (int i = SIGRTMIN; i <= SIGRTMAX; i++) {
        CHECK(sigaction(i, NULL, &before[i]) == 0);
    }
    box_run(&box, "faults");
    CHECK_CODE(call_deadline(&box, "spin", SECOND / 50, NO_ARGS, NULL), MOTE_EDEADLINE);
    box_close(&box);
    for (int i = SIGRTMIN; i <= SIGRTMAX; i++) {
        CHECK(sigaction(i, NULL, &after) == 0);
        CHECK(after.sa_handler == before[i].sa_handler);
    }
}
