/* SPDX-License-Identifier: Apache-2.0 */
/* Many more sandboxes than VMs: the one that was used least lately is parked for the next. */
#include "census.h"
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mote_host *limited_host(size_t most, size_t high)
{
    mote_host_options options = {.size = sizeof(options),
                                 .shells_most = most,
                                 .shells_high = high,
                                 .reuse = MOTE_REUSE_FREELY};
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;

    if (mote_host_new(&host, &options, &error) != MOTE_OK) {
        FAIL("%s", error.text);
    }
    return host;
}

static unsigned vms_now(void)
{
    struct census census;

    census_take(&census);
    return census.vms;
}

/* ---- the rule ------------------------------------------------------------------ */

static int64_t counted(mote_sandbox *sandbox, mote_image *image)
{
    mote_value result;
    int status = call(sandbox, image, "count", NO_ARGS, &result);

    return status != MOTE_OK ? status : (int64_t)result.of.u32;
}

TEST(park_many, least_recently_used_makes_room)
{
    mote_host *host = limited_host(2, 0);
    mote_image *image = open_guest(host, "echo");
    mote_sandbox *boxes[3];
    unsigned alone;

    CHECK_CODE(mote_image_boot(image, NULL), MOTE_OK);
    alone = vms_now();
    for (size_t i = 0; i < COUNT(boxes); i++) {
        boxes[i] = open_sandbox(image, NULL);
        CHECK_INT(counted(boxes[i], image), 1);
    }
    CHECK_INT(vms_now() - alone, 2);
    for (uint32_t round = 2; round < 5; round++) {
        for (size_t i = 0; i < COUNT(boxes); i++) {
            CHECK_INT(counted(boxes[i], image), round);
            CHECK_INT(vms_now() - alone, 2);
        }
    }
    for (size_t i = 0; i < COUNT(boxes); i++) {
        CHECK_CODE(mote_sandbox_free(boxes[i]), MOTE_OK);
    }
    mote_image_unref(image);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}

/* ---- all are busy ------------------------------------------------------------------ */

struct inner {
    mote_image *image;
    mote_sandbox *other; /* it has no VM */
    int made;
    int called;
    mote_error error;
};

/* The only VM runs this very call. */
static int fn_needs_another(void *user, mote_context *context, const mote_value *args, size_t nargs,
                            mote_value *result)
{
    struct inner *inner = user;
    mote_sandbox *made = NULL;

    (void)context;
    (void)args;
    (void)nargs;
    inner->error = (mote_error)MOTE_ERROR_INIT;
    inner->made = mote_sandbox_new(&made, inner->image, NULL, NULL, &inner->error);
    inner->called = (int)counted(inner->other, inner->image);
    result->of.u32 = 3;
    return 0;
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

static void grant_nested(struct box *box, mote_host_fn fn, void *user)
{
    grant(box, "down", "(u32)->u32", fn_unused, NULL);
    grant(box, "around", "(string)->string", fn_unused, NULL);
    grant(box, "act", "(u32)->void", fn_unused, NULL);
    grant(box, "wait", "(u32)->u32", fn, user);
    grant(box, "wait_bytes", "(bytes,string)->bytes", fn_unused, NULL);
    grant(box, "wait_only", "()->void", fn_unused, NULL);
}

TEST(park_many, all_vms_are_busy)
{
    struct inner inner;
    struct box box = {.host = limited_host(1, 0)};
    mote_value result;

    box.image = open_guest(box.host, "nested");
    inner.image = open_guest(box.host, "echo");
    inner.other = open_sandbox(inner.image, NULL);
    CHECK_INT(counted(inner.other, inner.image), 1);
    CHECK_CODE(mote_policy_new(&box.policy, box.host, NULL), MOTE_OK);
    grant_nested(&box, fn_needs_another, &inner);
    box_start(&box);
    for (int i = 0; i < 2; i++) {
        must_call(&box, "wait", ARGS(v_u32(1)), &result);
        CHECK_CODE(inner.made, MOTE_ELIMIT);
        CHECK_HAS(inner.error.text, "all 1 VMs");
        CHECK_HAS(inner.error.remedy, "shells_most");
        CHECK_CODE(inner.called, MOTE_ELIMIT);
        CHECK_HAS(mote_sandbox_error(inner.other)->remedy, "shells_most");
        CHECK_INT(mote_sandbox_state(inner.other), MOTE_STATE_READY);
    }
    CHECK_INT(counted(inner.other, inner.image), 2); /* it lost nothing by being refused */
    CHECK_CODE(mote_sandbox_free(inner.other), MOTE_OK);
    mote_image_unref(inner.image);
    box_close(&box);
}

/* ---- ten thousand ------------------------------------------------------------------ */

static int fn_wait(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return MOTE_PENDING;
}

/* One in ten waits for an answer. */
static void use_many(size_t number, size_t high)
{
    struct box box = {.host = limited_host(8, high)};
    mote_image *echo = open_guest(box.host, "echo");
    mote_sandbox **boxes = calloc(number, sizeof(*boxes));
    mote_value result;
    unsigned alone;

    CHECK(boxes != NULL);
    box.image = open_guest(box.host, "nested");
    CHECK_CODE(mote_policy_new(&box.policy, box.host, NULL), MOTE_OK);
    grant_nested(&box, fn_wait, NULL);
    alone = vms_now();
    for (size_t i = 0; i < number; i++) {
        bool waits = i % 10 == 3;
        uint32_t state = (uint32_t)(i * 2654435761u);

        boxes[i] = open_sandbox(waits ? box.image : echo, waits ? box.policy : NULL);
        if (waits) {
            CHECK_CODE(call(boxes[i], box.image, "wait", ARGS(v_u32(state)), &result),
                       MOTE_PENDING);
        } else {
            CHECK_CODE(call(boxes[i], echo, "keep", ARGS(v_bytes(&state, sizeof(state))), NULL),
                       MOTE_OK);
        }
    }
    CHECK(vms_now() - alone <= 9); /* and the host's own idle one */
    for (size_t n = 0; n < number; n++) {
        size_t i = (n * 7919) % number;
        uint32_t state = (uint32_t)(i * 2654435761u);

        if (i % 10 == 3) {
            CHECK_INT(mote_sandbox_state(boxes[i]), MOTE_STATE_SUSPENDED);
            mote_value answer = v_u32(state);
            CHECK_CODE(mote_resume(boxes[i], NULL, &answer, &result, 1), MOTE_OK);
            CHECK_INT(result.of.u32, state);
        } else {
            CHECK_CODE(call(boxes[i], echo, "kept", NO_ARGS, &result), MOTE_OK);
            CHECK_INT(result.of.bytes.size, sizeof(state));
            CHECK_BYTES(result.of.bytes.data, &state, sizeof(state));
        }
    }
    for (size_t i = 0; i < number; i++) {
        CHECK_CODE(mote_sandbox_free(boxes[i]), MOTE_OK);
    }
    free(boxes);
    mote_image_unref(echo);
    box_close(&box);
}

TEST(park_many, ten_thousand)
{
    use_many(SANITIZED || emulated() || test_resident() ? 200 : 10000, 8);
}

TEST(park_many, without_a_pool)
{
    use_many(test_repeat(500), 0);
}

/* ---- threads ------------------------------------------------------------------ */

#define THREADS 6u
#define SHARED  40u

struct shared {
    mote_image *image;
    mote_sandbox *boxes[SHARED];
    atomic_uint calls[SHARED]; /* that succeeded */
    atomic_uint refused;
    unsigned rounds;
};

struct hammer {
    struct shared *shared;
    unsigned seed;
};

/* Another thread in the same sandbox is refused as ever; nothing else goes wrong. */
static void *hammer(void *argument)
{
    struct hammer *h = argument;
    struct shared *s = h->shared;

    for (unsigned n = 0; n < s->rounds; n++) {
        unsigned i = (unsigned)rand_r(&h->seed) % SHARED;
        int64_t count =
            n % 7 == 6 ? mote_sandbox_park(s->boxes[i]) : counted(s->boxes[i], s->image);

        if (count > 0) {
            atomic_fetch_add(&s->calls[i], 1);
        } else if (count == MOTE_EBUSY) {
            atomic_fetch_add(&s->refused, 1);
        } else {
            CHECK_INT(count, 0);
        }
    }
    return NULL;
}

TEST(park_many, threads)
{
    static struct shared shared;
    struct hammer hammers[THREADS];
    pthread_t threads[THREADS];
    mote_host *host = limited_host(THREADS, 2);

    shared.image = open_guest(host, "echo");
    shared.rounds = test_repeat(SANITIZED ? 300 : 2000);
    for (unsigned i = 0; i < SHARED; i++) {
        shared.boxes[i] = open_sandbox(shared.image, NULL);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        hammers[i] = (struct hammer){&shared, 77 + i};
        CHECK(pthread_create(&threads[i], NULL, hammer, &hammers[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    /* No call was lost, and none counted twice. */
    for (unsigned i = 0; i < SHARED; i++) {
        CHECK_INT(counted(shared.boxes[i], shared.image), atomic_load(&shared.calls[i]) + 1);
        CHECK_CODE(mote_sandbox_free(shared.boxes[i]), MOTE_OK);
    }
    mote_image_unref(shared.image);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}

/* Each thread has sandboxes of its own, makes and frees them: parking by others is never seen. */
static void *come_and_go(void *argument)
{
    struct hammer *h = argument;
    struct shared *s = h->shared;

    for (unsigned n = 0; n < s->rounds / 20; n++) {
        mote_sandbox *mine[4];

        for (unsigned i = 0; i < COUNT(mine); i++) {
            mine[i] = open_sandbox(s->image, NULL);
        }
        for (unsigned i = 0; i < 3 * COUNT(mine); i++) {
            CHECK_INT(counted(mine[i % COUNT(mine)], s->image), i / COUNT(mine) + 1);
        }
        CHECK_CODE(mote_reset(mine[0]), MOTE_OK);
        CHECK_INT(counted(mine[0], s->image), 1);
        for (unsigned i = 0; i < COUNT(mine); i++) {
            CHECK_CODE(mote_sandbox_free(mine[i]), MOTE_OK); /* never busy */
        }
    }
    return NULL;
}

TEST(park_many, owners_do_not_notice)
{
    static struct shared shared;
    struct hammer hammers[THREADS];
    pthread_t threads[THREADS];
    mote_host *host = limited_host(THREADS, 0);

    shared.image = open_guest(host, "echo");
    shared.rounds = test_repeat(SANITIZED ? 100 : 400);
    for (unsigned i = 0; i < THREADS; i++) {
        hammers[i] = (struct hammer){&shared, i};
        CHECK(pthread_create(&threads[i], NULL, come_and_go, &hammers[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    mote_image_unref(shared.image);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}
