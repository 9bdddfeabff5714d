/* SPDX-License-Identifier: Apache-2.0 */
/* The phases of a handle: a kick acts on the call in progress and on nothing else. */
#include "cmocka_first.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "handle.h"
#include "hv/kvm/kvm.h"
#include "os/os.h"

#define KICKS   100000u
#define KICKERS 2

static struct kvm_run run_page;
static struct mote__vm vm = {.fd = -1, .vcpu = -1, .run = &run_page};
static mote_handle *handle;

/* Signals that came, and those that came while no call was in progress. */
static _Atomic uint32_t signals, strays;
static _Thread_local volatile sig_atomic_t in_call;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
    if (!in_call)
        atomic_fetch_add(&strays, 1);
}

static int set_up(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGRTMIN, &action, NULL);
    handle = mote__handle_new(NULL, SIGRTMIN);
    signals = strays = 0;
    in_call = 0;
    return handle ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mote_handle_unref(handle);
    return 0;
}

static void begin(uint64_t deadline)
{
    in_call = 1;
    mote__handle_begin(handle, &vm, (struct mote__limits){.deadline = deadline});
}

static enum mote__cause end(void)
{
    enum mote__cause cause = mote__handle_end(handle);
    in_call = 0;
    return cause;
}

static void test_nothing_between_calls(void **state)
{
    (void)state;
    assert_int_equal(mote_interrupt(handle), MOTE_ENOTFOUND);
    begin(0);
    assert_int_equal(end(), MOTE__CAUSE_NONE);
    assert_int_equal(mote_interrupt(handle), MOTE_ENOTFOUND);
    begin(0);
    assert_int_equal(end(), MOTE__CAUSE_NONE); /* the earlier ones are forgotten */
    assert_int_equal(signals, 0);
    assert_int_equal(mote_interrupt(NULL), MOTE_EINVAL);
}

static void test_a_running_guest_gets_the_signal(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(mote_interrupt(handle), 0);
    assert_int_equal(run_page.immediate_exit, 1);
    assert_int_equal(mote__handle_cause(handle), MOTE__CAUSE_INTERRUPT);
    assert_int_equal(end(), MOTE__CAUSE_INTERRUPT);
    assert_int_equal(signals, 1);
    begin(0);
    assert_int_equal(run_page.immediate_exit, 0);
    assert_int_equal(mote__handle_cause(handle), MOTE__CAUSE_NONE);
    end();
}

static void test_a_host_function_gets_none(void **state)
{
    (void)state;
    begin(0);
    mote__handle_move(handle, MOTE__PHASE_HOST);
    assert_int_equal(mote_interrupt(handle), 0);
    mote__handle_move(handle, MOTE__PHASE_GUEST);
    assert_int_equal(signals, 0);
    assert_int_equal(end(), MOTE__CAUSE_INTERRUPT);
}

static void test_the_first_cause_stays(void **state)
{
    (void)state;
    begin(1);
    assert_true(mote__handle_kick(handle, MOTE__CAUSE_DEADLINE, 2));
    assert_int_equal(mote_interrupt(handle), 0);
    assert_int_equal(end(), MOTE__CAUSE_DEADLINE);
}

/* The watchdog may have looked at the deadline of a call that has ended since. */
static void test_a_deadline_that_is_not_due(void **state)
{
    (void)state;
    begin(1000);
    assert_false(mote__handle_kick(handle, MOTE__CAUSE_DEADLINE, 999));
    assert_int_equal(end(), MOTE__CAUSE_NONE);
    begin(0);
    assert_false(mote__handle_kick(handle, MOTE__CAUSE_DEADLINE, 999));
    assert_int_equal(end(), MOTE__CAUSE_NONE);
    begin(1000);
    assert_true(mote__handle_kick(handle, MOTE__CAUSE_DEADLINE, 1000));
    assert_int_equal(end(), MOTE__CAUSE_DEADLINE);
}

/* ---- suspended ---- */

static bool resume(uint64_t deadline)
{
    in_call = 1;
    return mote__handle_resume(handle, &vm, (struct mote__limits){.deadline = deadline});
}

static enum mote__cause suspend(void)
{
    enum mote__cause cause = mote__handle_suspend(handle);
    in_call = 0;
    return cause;
}

static void test_suspended_and_resumed(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(suspend(), MOTE__CAUSE_NONE);
    assert_int_equal(atomic_load(&handle->phase), MOTE__PHASE_SUSPENDED);
    assert_true(resume(0));
    assert_int_equal(atomic_load(&handle->phase), MOTE__PHASE_GUEST);
    assert_int_equal(end(), MOTE__CAUSE_NONE);
}

/* No signal: no thread runs it. The cause is there when one does. */
static void test_an_interrupt_while_suspended_is_kept(void **state)
{
    (void)state;
    begin(0);
    suspend();
    assert_int_equal(mote_interrupt(handle), 0);
    assert_int_equal(mote_interrupt(handle), 0);
    assert_int_equal(atomic_load(&handle->phase), MOTE__PHASE_SUSPENDED);
    assert_int_equal(signals, 0);
    assert_int_equal(run_page.immediate_exit, 0);
    assert_true(resume(0));
    assert_int_equal(mote__handle_cause(handle), MOTE__CAUSE_INTERRUPT);
    assert_int_equal(end(), MOTE__CAUSE_INTERRUPT);
    begin(0);
    assert_int_equal(end(), MOTE__CAUSE_NONE);
}

static void test_an_interrupt_before_it_is_suspended(void **state)
{
    (void)state;
    begin(0);
    mote__handle_move(handle, MOTE__PHASE_HOST);
    assert_int_equal(mote_interrupt(handle), 0);
    mote__handle_move(handle, MOTE__PHASE_GUEST);
    assert_int_equal(suspend(), MOTE__CAUSE_INTERRUPT);
    assert_int_equal(mote__handle_end(handle), MOTE__CAUSE_INTERRUPT);
    assert_int_equal(mote_interrupt(handle), MOTE_ENOTFOUND);
}

/* Limits are looked at when it is resumed, and not before. */
static void test_limits_do_not_act_on_a_suspended_call(void **state)
{
    (void)state;
    in_call = 1;
    mote__handle_begin(handle, &vm, (struct mote__limits){.deadline = 1000, .cpu = 1});
    suspend();
    assert_false(mote__handle_is_running(handle));
    assert_false(mote__handle_kick(handle, MOTE__CAUSE_DEADLINE, 2000));
    assert_false(mote__handle_kick(handle, MOTE__CAUSE_CPU, 2000));
    assert_int_equal(mote__handle_cause(handle), MOTE__CAUSE_NONE);
    assert_true(resume(1000));
    assert_true(mote__handle_is_running(handle));
    assert_true(mote__handle_kick(handle, MOTE__CAUSE_DEADLINE, 2000));
    assert_int_equal(end(), MOTE__CAUSE_DEADLINE);
}

/* ---- processor time ---- */

static void test_processor_time(void **state)
{
    (void)state;
    in_call = 1;
    mote__handle_begin(handle, &vm, (struct mote__limits){.cpu = UINT64_MAX});
    assert_false(mote__handle_cpu_is_due(handle));
    assert_false(mote__handle_kick(handle, MOTE__CAUSE_CPU, 0));
    assert_int_equal(end(), MOTE__CAUSE_NONE);
    in_call = 1;
    mote__handle_begin(handle, &vm, (struct mote__limits){.cpu = 1});
    assert_true(mote__handle_cpu_is_due(handle));
    assert_true(mote__handle_kick(handle, MOTE__CAUSE_CPU, 0));
    assert_int_equal(end(), MOTE__CAUSE_CPU);
    begin(0);
    assert_false(mote__handle_cpu_is_due(handle));
    assert_int_equal(end(), MOTE__CAUSE_NONE);
}

/* ---- nested calls ---- */

static void test_the_deadline_of_a_nested_call(void **state)
{
    (void)state;
    begin(1000);
    mote__handle_move(handle, MOTE__PHASE_HOST);
    mote__handle_go_in(handle, 500);
    assert_int_equal(atomic_load(&handle->phase), MOTE__PHASE_GUEST);
    assert_false(mote__handle_kick(handle, MOTE__CAUSE_DEADLINE, 499));
    assert_int_equal(mote__handle_come_back(handle, 1000), MOTE__CAUSE_NONE);
    assert_int_equal(atomic_load(&handle->phase), MOTE__PHASE_HOST);
    assert_false(mote__handle_kick(handle, MOTE__CAUSE_DEADLINE, 600)); /* the inner one is over */
    mote__handle_go_in(handle, 700);
    assert_true(mote__handle_kick(handle, MOTE__CAUSE_DEADLINE, 700));
    assert_int_equal(mote__handle_come_back(handle, 1000), MOTE__CAUSE_DEADLINE);
    mote__handle_move(handle, MOTE__PHASE_GUEST);
    assert_int_equal(end(), MOTE__CAUSE_DEADLINE);
}

static void test_references(void **state)
{
    (void)state;
    mote_handle *h = mote__handle_new(NULL, SIGRTMIN);
    assert_non_null(h);
    atomic_fetch_add(&h->references, 1);
    mote_handle_unref(h);
    assert_int_equal(mote_interrupt(h), MOTE_ENOTFOUND);
    mote_handle_unref(h);
    mote_handle_unref(NULL);
}

/* ---- threads ---- */

struct race {
    _Atomic uint32_t kicks, acted, stop;
    uint32_t calls, stopped;
};

static void *kick(void *argument)
{
    struct race *race = argument;
    unsigned seed = 1;
    while (atomic_fetch_add(&race->kicks, 1) < KICKS) {
        if (mote_interrupt(handle) == 0)
            atomic_fetch_add(&race->acted, 1);
        if (rand_r(&seed) % 8 == 0)
            sched_yield();
    }
    atomic_store(&race->stop, 1);
    return NULL;
}

/* A moment; now and then the others get the processor. */
static void pass_time(unsigned *seed)
{
    for (int i = rand_r(seed) % 200; i > 0; i--)
        atomic_signal_fence(memory_order_seq_cst);
    if (rand_r(seed) % 8 == 0)
        sched_yield();
}

/* A time in the embedder, where no signal may come. */
static void wait_suspended(unsigned *seed)
{
    suspend();
    uint32_t came = atomic_load(&signals);
    pass_time(seed);
    assert_int_equal(atomic_load(&signals), came);
    resume(0);
}

/* One call: guest, perhaps a host function with a nested call, guest, perhaps suspended,
 * guest; then a time outside. */
static void one_call(struct race *race, unsigned *seed)
{
    begin(0);
    pass_time(seed);
    if (rand_r(seed) & 1) {
        mote__handle_move(handle, MOTE__PHASE_HOST);
        pass_time(seed);
        mote__handle_go_in(handle, 0);
        pass_time(seed);
        mote__handle_come_back(handle, 0);
        mote__handle_move(handle, MOTE__PHASE_GUEST);
    }
    if (rand_r(seed) & 1)
        wait_suspended(seed);
    race->calls++;
    race->stopped += end() != MOTE__CAUSE_NONE;
    assert_int_equal(atomic_load(&handle->phase), MOTE__PHASE_IDLE);
    uint32_t cause = atomic_load(&handle->cause), came = atomic_load(&signals);
    pass_time(seed);
    assert_int_equal(atomic_load(&handle->cause), cause); /* nothing acts out here */
    assert_int_equal(atomic_load(&signals), came);
}

static void test_kicks_never_act_outside_a_call(void **state)
{
    (void)state;
    static struct race race;
    pthread_t threads[KICKERS];
    unsigned seed = 7;
    for (int i = 0; i < KICKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, kick, &race), 0);
    while (!atomic_load(&race.stop))
        one_call(&race, &seed);
    for (int i = 0; i < KICKERS; i++)
        pthread_join(threads[i], NULL);
    print_message("%u calls, %u stopped, %u of %u kicks acted, %u signals\n", race.calls,
                  race.stopped, race.acted, KICKS, atomic_load(&signals));
    assert_int_equal(strays, 0);
    assert_true(race.stopped <= race.acted);
    assert_true(race.stopped > 0 && race.stopped < race.calls && signals > 0);
}

/* The caller moves from thread to thread, each ends behind its call: a signal to one
 * that is gone would crash. */
static void *call_and_go(void *argument)
{
    (void)argument;
    begin(0);
    mote__handle_move(handle, MOTE__PHASE_HOST);
    mote__handle_move(handle, MOTE__PHASE_GUEST);
    end();
    return NULL;
}

static void test_threads_that_go(void **state)
{
    (void)state;
    static struct race race;
    pthread_t kicker, caller;
    assert_int_equal(pthread_create(&kicker, NULL, kick, &race), 0);
    while (!atomic_load(&race.stop)) {
        assert_int_equal(pthread_create(&caller, NULL, call_and_go, NULL), 0);
        pthread_join(caller, NULL);
    }
    pthread_join(kicker, NULL);
    assert_int_equal(strays, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_nothing_between_calls),
        TEST(test_a_running_guest_gets_the_signal),
        TEST(test_a_host_function_gets_none),
        TEST(test_the_first_cause_stays),
        TEST(test_a_deadline_that_is_not_due),
        TEST(test_references),
        TEST(test_suspended_and_resumed),
        TEST(test_an_interrupt_while_suspended_is_kept),
        TEST(test_an_interrupt_before_it_is_suspended),
        TEST(test_limits_do_not_act_on_a_suspended_call),
        TEST(test_processor_time),
        TEST(test_the_deadline_of_a_nested_call),
        TEST(test_kicks_never_act_outside_a_call),
        TEST(test_threads_that_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
