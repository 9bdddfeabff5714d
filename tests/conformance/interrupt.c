/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts: the call in progress, that one, and nothing else. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

/* A sandbox that one thread calls and another one interrupts. */
struct actor {
    mote_sandbox *sandbox;
    mote_image *image;
    mote_handle *handle;
    const char *export;
    unsigned rounds;
    atomic_uint interrupted;
    int last;
    pthread_t thread;
};

static void actor_init(struct actor *actor, struct box *box, mote_sandbox *sandbox,
                       const char *export)
{
    memset(actor, 0, sizeof(*actor));
    actor->sandbox = sandbox;
    actor->image = box->image;
    actor->handle = mote_sandbox_handle(sandbox);
    actor->export = export;
    actor->rounds = 1;
    CHECK(actor->handle != NULL);
}

/* Calls, is interrupted, resets, again. */
static void *act(void *argument)
{
    struct actor *actor = argument;

    for (unsigned i = 0; i < actor->rounds; i++) {
        actor->last = call(actor->sandbox, actor->image, actor->export, NO_ARGS, NULL);
        CHECK_CODE(actor->last, MOTE_EINTERRUPTED);
        CHECK_INT(mote_sandbox_report(actor->sandbox)->fault, MOTE_FAULT_INTERRUPT);
        CHECK_INT(mote_sandbox_state(actor->sandbox), MOTE_STATE_POISONED);
        CHECK_CODE(mote_reset(actor->sandbox), MOTE_OK);
        atomic_fetch_add(&actor->interrupted, 1);
    }
    return NULL;
}

static void actor_start(struct actor *actor)
{
    CHECK(pthread_create(&actor->thread, NULL, act, actor) == 0);
}

/* Leaves the processor to the others: there may be fewer of them than threads. */
static void pause_briefly(void)
{
    const struct timespec time = {0, 20000};

    nanosleep(&time, NULL);
}

/* Interrupts until a call was in progress; then that call ends, and only that. */
static void interrupt_once(struct actor *actor, unsigned nth)
{
    int rc = mote_interrupt(actor->handle);

    while (rc == MOTE_ENOTFOUND) {
        pause_briefly();
        rc = mote_interrupt(actor->handle);
    }
    CHECK_CODE(rc, MOTE_OK);
    while (atomic_load(&actor->interrupted) < nth) {
        pause_briefly();
    }
}

static void actor_end(struct actor *actor)
{
    pthread_join(actor->thread, NULL);
    CHECK_INT(atomic_load(&actor->interrupted), actor->rounds);
    mote_handle_unref(actor->handle);
}

TEST(interrupt, stops_a_loop)
{
    struct box box;
    struct actor actor;

    box_run(&box, "faults");
    actor_init(&actor, &box, box.sandbox, "spin");
    actor.rounds = 5;
    actor_start(&actor);
    for (unsigned i = 1; i <= 5; i++) {
        sleep_ms(i);
        interrupt_once(&actor, i);
    }
    actor_end(&actor);
    expect_alive(&box);
    box_close(&box);
}

TEST(interrupt, stops_a_loop_of_system_calls)
{
    struct box box;
    struct actor actor;

    box_run(&box, "faults");
    actor_init(&actor, &box, box.sandbox, "spin_syscall");
    actor_start(&actor);
    sleep_ms(10);
    interrupt_once(&actor, 1);
    actor_end(&actor);
    expect_alive(&box);
    box_close(&box);
}

/* Between calls it does nothing, and nothing is kept for the next one. */
TEST(interrupt, before_call_is_discarded)
{
    struct box box;
    mote_handle *handle;
    mote_value result;

    box_run(&box, "faults");
    handle = mote_sandbox_handle(box.sandbox);
    CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
    for (unsigned i = 0; i < test_repeat(500); i++) {
        CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
        must_call(&box, "alive", NO_ARGS, &result);
        CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    mote_handle_unref(handle);
    box_close(&box);
}

/* The handle may outlive the sandbox. */
TEST(interrupt, after_the_sandbox)
{
    struct box box;
    mote_handle *handle;
    mote_sandbox *other;
    mote_value result;

    box_run(&box, "faults");
    handle = mote_sandbox_handle(box.sandbox);
    CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
    other = open_sandbox(box.image, box.policy); /* in the same place, perhaps */
    CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
    CHECK_CODE(call(other, box.image, "alive", NO_ARGS, &result), MOTE_OK);
    CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
    mote_handle_unref(handle);
    CHECK_CODE(mote_sandbox_free(other), MOTE_OK);
    box.sandbox = NULL;
    box_close(&box);
}

/* ---- host functions ------------------------------------------------------------------ */

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned inside;
    bool open;
};

static struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};

static int fn_wait(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    pthread_mutex_lock(&gate.mutex);
    gate.inside++;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.open) {
        pthread_cond_wait(&gate.changed, &gate.mutex);
    }
    pthread_mutex_unlock(&gate.mutex);
    *result = v_i32(args[0].of.i32 + 1);
    return 0;
}

static void gate_wait_for(unsigned inside)
{
    pthread_mutex_lock(&gate.mutex);
    while (gate.inside < inside) {
        pthread_cond_wait(&gate.changed, &gate.mutex);
    }
    pthread_mutex_unlock(&gate.mutex);
}

static void gate_open(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

static int fn_none(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    (void)user;
    (void)args;
    (void)nargs;
    (void)result;
    return mote_context_fail(context, 1, "not here");
}

static void open_waiting(struct box *box)
{
    box_open(box, "hostcalls");
    grant(box, "add", "(i32,i32)->i32", fn_none, NULL);
    grant(box, "greet", "(string)->string", fn_none, NULL);
    grant(box, "fail", "()->i32", fn_none, NULL);
    grant(box, "take", "(bytes)->void", fn_none, NULL);
    grant(box, "give", "(u32)->bytes", fn_none, NULL);
    grant(box, "mixed", "(i32,u32,i64,u64,f32,f64,bool,string,bytes,i32,f64)->f64", fn_none, NULL);
    grant(box, "maybe", "(i32)->i32", fn_wait, NULL);
    box_start(box);
}

static void *call_maybe(void *argument)
{
    struct actor *actor = argument;
    mote_value result = {.type = MOTE_VOID};

    actor->last = call(actor->sandbox, actor->image, "maybe", ARGS(v_i32(41)), &result);
    CHECK(actor->last != MOTE_OK || result.of.i32 == 42);
    return NULL;
}

TEST(interrupt, during_a_host_function)
{
    struct box box;
    struct actor actor;

    open_waiting(&box);
    actor_init(&actor, &box, box.sandbox, "maybe");
    CHECK(pthread_create(&actor.thread, NULL, call_maybe, &actor) == 0);
    gate_wait_for(1);
    CHECK_CODE(mote_interrupt(actor.handle), MOTE_OK);
    CHECK_CODE(mote_interrupt(actor.handle), MOTE_OK);
    gate_open();
    pthread_join(actor.thread, NULL);
    check_fault(&box, actor.last, MOTE_EINTERRUPTED, MOTE_FAULT_INTERRUPT);
    CHECK_CODE(mote_interrupt(actor.handle), MOTE_ENOTFOUND);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK(pthread_create(&actor.thread, NULL, call_maybe, &actor) == 0);
    pthread_join(actor.thread, NULL);
    CHECK_CODE(actor.last, MOTE_OK);
    mote_handle_unref(actor.handle);
    box_close(&box);
}

/* ---- the second of three ------------------------------------------------------------------ */

TEST(interrupt, second_of_three_500_times)
{
    struct box waiting;
    struct box spinning;
    struct actor first;
    struct actor second;
    struct actor third;
    mote_sandbox *other;

    open_waiting(&waiting);
    other = open_sandbox(waiting.image, waiting.policy);
    actor_init(&first, &waiting, waiting.sandbox, "maybe");
    actor_init(&third, &waiting, other, "maybe");
    box_run(&spinning, "faults");
    actor_init(&second, &spinning, spinning.sandbox, "spin");
    second.rounds = test_repeat(500);
    CHECK(pthread_create(&first.thread, NULL, call_maybe, &first) == 0);
    CHECK(pthread_create(&third.thread, NULL, call_maybe, &third) == 0);
    gate_wait_for(2);
    actor_start(&second);
    for (unsigned i = 1; i <= second.rounds; i++) {
        interrupt_once(&second, i);
    }
    actor_end(&second);
    gate_open();
    pthread_join(first.thread, NULL);
    pthread_join(third.thread, NULL);
    CHECK_CODE(first.last, MOTE_OK);
    CHECK_CODE(third.last, MOTE_OK);
    mote_handle_unref(first.handle);
    mote_handle_unref(third.handle);
    CHECK_CODE(mote_sandbox_free(other), MOTE_OK);
    box_close(&waiting);
    box_close(&spinning);
}

/* All three spin: each interrupt ends one of them. */
TEST(interrupt, each_of_three_spinning)
{
    struct actor actors[3];
    mote_sandbox *others[2];
    struct box box;

    box_run(&box, "faults");
    others[0] = open_sandbox(box.image, box.policy);
    others[1] = open_sandbox(box.image, box.policy);
    actor_init(&actors[0], &box, others[0], "spin");
    actor_init(&actors[1], &box, box.sandbox, "spin");
    actor_init(&actors[2], &box, others[1], "spin");
    for (int i = 0; i < 3; i++) {
        actors[i].rounds = test_repeat(20);
        actor_start(&actors[i]);
    }
    for (unsigned i = 1; i <= actors[0].rounds; i++) {
        interrupt_once(&actors[1], i);
        CHECK_INT(atomic_load(&actors[0].interrupted), i - 1);
        CHECK_INT(atomic_load(&actors[2].interrupted), i - 1);
        interrupt_once(&actors[2], i);
        interrupt_once(&actors[0], i);
    }
    for (int i = 0; i < 3; i++) {
        actor_end(&actors[i]);
    }
    CHECK_CODE(mote_sandbox_free(others[0]), MOTE_OK);
    CHECK_CODE(mote_sandbox_free(others[1]), MOTE_OK);
    expect_alive(&box);
    box_close(&box);
}

/* ---- threads and signals ------------------------------------------------------------------ */

static void *alive_on_a_thread(void *argument)
{
    struct actor *actor = argument;
    mote_value result;

    CHECK_CODE(call(actor->sandbox, actor->image, "alive", NO_ARGS, &result), MOTE_OK);
    return NULL;
}

/* A sandbox moves from thread to thread; an interrupt finds the one it runs on, and never one that
 * is gone. */
TEST(interrupt, after_moving_threads)
{
    struct box box;
    struct actor actor;

    box_run(&box, "faults");
    expect_alive(&box);
    actor_init(&actor, &box, box.sandbox, "spin");
    for (unsigned i = 1; i <= test_repeat(20); i++) {
        CHECK(pthread_create(&actor.thread, NULL, alive_on_a_thread, &actor) == 0);
        pthread_join(actor.thread, NULL);
        CHECK_CODE(mote_interrupt(actor.handle), MOTE_ENOTFOUND);
        actor_start(&actor);
        interrupt_once(&actor, i);
        pthread_join(actor.thread, NULL);
        CHECK_CODE(mote_interrupt(actor.handle), MOTE_ENOTFOUND);
        expect_alive(&box);
    }
    mote_handle_unref(actor.handle);
    box_close(&box);
}

/* ---- races ------------------------------------------------------------------ */

struct hammer {
    mote_handle *handle;
    atomic_bool stop;
    atomic_uint hits;
};

static void *hammer(void *argument)
{
    struct hammer *h = argument;

    while (!atomic_load(&h->stop)) {
        int rc = mote_interrupt(h->handle);

        CHECK(rc == MOTE_OK || rc == MOTE_ENOTFOUND);
        if (rc == MOTE_OK) {
            atomic_fetch_add(&h->hits, 1);
        }
    }
    return NULL;
}

/* Every call ends as a whole or interrupted, and none is interrupted that nobody hit. */
TEST(interrupt, races_with_short_calls)
{
    struct box box;
    struct hammer h = {.handle = NULL};
    pthread_t thread;
    mote_value result;
    unsigned interrupted = 0;

    box_run(&box, "faults");
    h.handle = mote_sandbox_handle(box.sandbox);
    CHECK(pthread_create(&thread, NULL, hammer, &h) == 0);
    for (unsigned i = 0; i < test_repeat(1000); i++) {
        int rc = box_call(&box, "alive", NO_ARGS, &result);

        if (rc == MOTE_EINTERRUPTED) {
            interrupted++;
            CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        } else {
            CHECK_CODE(rc, MOTE_OK);
            CHECK_INT(result.of.u32, 42);
        }
    }
    atomic_store(&h.stop, true);
    pthread_join(thread, NULL);
    CHECK(interrupted <= atomic_load(&h.hits));
    expect_alive(&box);
    mote_handle_unref(h.handle);
    box_close(&box);
}
