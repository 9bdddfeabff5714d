/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: one sandbox for two of them, one image for many, and forked children. */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- one sandbox, two threads ------------------------------------------------------------ */

struct busy {
    struct box box;
    int last;
};

static void *spin_on_a_thread(void *argument)
{
    struct busy *busy = argument;

    do { /* the other one may be in while we try */
        busy->last = box_call(&busy->box, "spin", NO_ARGS, NULL);
    } while (busy->last == MOTE_EBUSY);
    return NULL;
}

TEST(threads, second_thread_is_refused)
{
    struct busy busy;
    pthread_t thread;
    mote_handle *handle;
    mote_value result;
    char byte;

    box_run(&busy.box, "faults");
    handle = mote_sandbox_handle(busy.box.sandbox);
    CHECK(pthread_create(&thread, NULL, spin_on_a_thread, &busy) == 0);
    do {
        sleep_ms(1); /* until the call is in progress */
    } while (mote_memory_read(busy.box.sandbox, 0, &byte, 1) != MOTE_EBUSY);
    CHECK_CODE(box_call(&busy.box, "alive", NO_ARGS, &result), MOTE_EBUSY);
    CHECK_CODE(mote_reset(busy.box.sandbox), MOTE_EBUSY);
    CHECK_CODE(mote_memory_write(busy.box.sandbox, 0, "x", 1), MOTE_EBUSY);
    CHECK_CODE(mote_sandbox_free(busy.box.sandbox), MOTE_EBUSY);
    CHECK_CODE(mote_interrupt(handle), MOTE_OK);
    pthread_join(thread, NULL);
    CHECK_CODE(busy.last, MOTE_EINTERRUPTED);
    mote_handle_unref(handle);
    expect_alive(&busy.box);
    box_close(&busy.box);
}

struct crossing {
    struct box box;
    atomic_uint taken;
    atomic_uint busy;
};

static void *cross(void *argument)
{
    struct crossing *crossing = argument;

    for (unsigned i = 0; i < test_repeat(500); i++) {
        mote_value result = {.type = MOTE_VOID};
        int rc = box_call(&crossing->box, "echo_u32", ARGS(v_u32(i)), &result);

        if (rc == MOTE_EBUSY) {
            atomic_fetch_add(&crossing->busy, 1);
        } else {
            CHECK_CODE(rc, MOTE_OK);
            CHECK_INT(result.of.u32, i);
            atomic_fetch_add(&crossing->taken, 1);
        }
    }
    return NULL;
}

/* Two threads at one sandbox without any order: each call is whole or refused. */
TEST(threads, two_at_one_sandbox)
{
    struct crossing crossing;
    pthread_t threads[2];

    memset(&crossing, 0, sizeof(crossing));
    box_run(&crossing.box, "echo");
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, cross, &crossing) == 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_INT(atomic_load(&crossing.taken) + atomic_load(&crossing.busy), 2 * test_repeat(500));
    CHECK(atomic_load(&crossing.taken) > 0);
    box_close(&crossing.box);
}

/* ---- first boot from many threads ------------------------------------------------------------ */

static void *make_one(void *argument)
{
    struct box *box = argument;
    mote_sandbox *sandbox = open_sandbox(box->image, box->policy);
    mote_value result;

    CHECK_CODE(call(sandbox, box->image, "count", NO_ARGS, &result), MOTE_OK);
    CHECK_INT(result.of.u32, 1);
    CHECK_CODE(mote_sandbox_free(sandbox), MOTE_OK);
    return NULL;
}

TEST(threads, boot_once_from_many)
{
    pthread_t threads[8];
    struct box box;

    box_open(&box, "echo");
    for (int i = 0; i < 8; i++) {
        CHECK(pthread_create(&threads[i], NULL, make_one, &box) == 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    box_close(&box);
}

/* ---- fork ------------------------------------------------------------------ */

static void child_is_refused(struct box *box, mote_handle *handle, mote_func alive)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox *sandbox = NULL;
    mote_policy *policy = NULL;
    mote_image *image = NULL;
    mote_source source = MOTE_SOURCE_DATA("\x7f"
                                          "ELF",
                                          4);
    mote_stream stream = {.size = sizeof(stream)};
    mote_value result;
    int status;
    char byte = 0;

    CHECK_CODE(mote_call(box->sandbox, alive, NULL, NO_ARGS, &result, 1), MOTE_EFORKED);
    CHECK_CODE(mote_run(box->sandbox, NULL, &status), MOTE_EFORKED);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_EFORKED);
    CHECK_CODE(mote_memory_read(box->sandbox, 0x400000, &byte, 1), MOTE_EFORKED);
    CHECK_CODE(mote_memory_write(box->sandbox, 0x400000, &byte, 1), MOTE_EFORKED);
    CHECK_CODE(mote_interrupt(handle), MOTE_EFORKED);
    CHECK_CODE(mote_sandbox_new(&sandbox, box->image, box->policy, NULL, &error), MOTE_EFORKED);
    CHECK_CODE(error.code, MOTE_EFORKED);
    CHECK(error.text[0] != '\0');
    CHECK_CODE(mote_image_open(&image, box->host, &source, NULL, &error), MOTE_EFORKED);
    CHECK_CODE(mote_image_boot(box->image, &error), MOTE_EFORKED);
    CHECK_CODE(mote_policy_new(&policy, box->host, &error), MOTE_EFORKED);
    CHECK_CODE(mote_policy_set(box->policy, MOTE_OPT_MEMORY, 64 * MIB, &error), MOTE_EFORKED);
    CHECK_CODE(mote_policy_stream(box->policy, 1, &stream, &error), MOTE_EFORKED);
}

static void wait_for(pid_t child)
{
    int status = 0;

    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
}

TEST(fork, child_is_refused)
{
    struct box box;
    mote_handle *handle;
    mote_func alive;
    pid_t child;

    box_run(&box, "faults");
    expect_alive(&box);
    alive = find(box.image, "alive");
    handle = mote_sandbox_handle(box.sandbox);
    child = fork();
    if (child == 0) {
        alarm(5);
        child_is_refused(&box, handle, alive);
        _exit(0);
    }
    wait_for(child);
    expect_alive(&box);
    mote_handle_unref(handle);
    box_close(&box);
}

/* The destructors work in the child, and the parent does not notice. */
TEST(fork, child_may_release)
{
    struct box box;
    pid_t child;

    box_run(&box, "faults");
    expect_alive(&box);
    child = fork();
    if (child == 0) {
        alarm(5);
        mote_sandbox_free(box.sandbox);
        mote_policy_unref(box.policy);
        mote_image_unref(box.image);
        mote_host_free(box.host);
        _exit(0);
    }
    wait_for(child);
    for (int i = 0; i < 10; i++) {
        expect_alive(&box);
    }
    CHECK_CODE(call_deadline(&box, "spin", SECOND / 50, NO_ARGS, NULL), MOTE_EDEADLINE);
    expect_alive(&box);
    box_close(&box);
}

/* A child may have a host of its own. */
TEST(fork, child_with_its_own_host)
{
    struct box box;
    pid_t child;

    box_run(&box, "faults");
    child = fork();
    if (child == 0) {
        struct box own;

        alarm(5);
        box_run(&own, "faults");
        CHECK_CODE(call_deadline(&own, "spin", SECOND / 50, NO_ARGS, NULL), MOTE_EDEADLINE);
        expect_alive(&own);
        box_close(&own);
        _exit(0);
    }
    expect_alive(&box);
    wait_for(child);
    expect_alive(&box);
    box_close(&box);
}

/* A fork while another thread's guest runs. */
TEST(fork, during_a_call)
{
    struct busy busy;
    pthread_t thread;
    mote_handle *handle;
    mote_func alive;
    pid_t child;

    box_run(&busy.box, "faults");
    alive = find(busy.box.image, "alive");
    handle = mote_sandbox_handle(busy.box.sandbox);
    CHECK(pthread_create(&thread, NULL, spin_on_a_thread, &busy) == 0);
    sleep_ms(20);
    child = fork();
    if (child == 0) {
        mote_value result;

        alarm(5);
        CHECK_CODE(mote_call(busy.box.sandbox, alive, NULL, NO_ARGS, &result, 1), MOTE_EFORKED);
        CHECK_CODE(mote_interrupt(handle), MOTE_EFORKED);
        _exit(0);
    }
    wait_for(child);
    CHECK_CODE(mote_interrupt(handle), MOTE_OK);
    pthread_join(thread, NULL);
    CHECK_CODE(busy.last, MOTE_EINTERRUPTED);
    mote_handle_unref(handle);
    expect_alive(&busy.box);
    box_close(&busy.box);
}

enum { MAPPED_FIRST = 64 };

static void map_all(unsigned char **all)
{
    for (unsigned i = 0; i < MAPPED_FIRST; i++) {
        all[i] = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(all[i] != MAP_FAILED);
        for (size_t at = 0; at < MIB; at += 4096) {
            all[i][at] = (unsigned char)(i + 1);
        }
    }
}

static void expect_all(unsigned char **all)
{
    for (unsigned i = 0; i < MAPPED_FIRST; i++) {
        for (size_t at = 0; at < MIB; at += 4096) {
            CHECK_INT(all[i][at], i + 1);
            all[i][at + 1] = 1;
        }
    }
}

/* What the child maps lies, perhaps, where the parent has memory that the child did not get:
 * a release must leave it alone. */
TEST(fork, release_after_mapping)
{
    struct box box;
    mote_handle *handle;
    pid_t child;

    box_run(&box, "faults");
    expect_alive(&box);
    handle = mote_sandbox_handle(box.sandbox);
    child = fork();
    if (child == 0) {
        unsigned char *all[MAPPED_FIRST];

        alarm(30);
        map_all(all);
        CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
        mote_handle_unref(handle);
        mote_policy_unref(box.policy);
        mote_image_unref(box.image);
        CHECK_CODE(mote_host_free(box.host), MOTE_OK);
        expect_all(all);
        _exit(0);
    }
    wait_for(child);
    expect_alive(&box);
    mote_handle_unref(handle);
    box_close(&box);
}

struct forker {
    pid_t child;
    unsigned calls;
};

static int fn_fork(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    struct forker *forker = user;

    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    forker->calls++;
    forker->child = fork();
    return 0;
}

/* Both return from the host function; only the parent has a guest to go back to. */
TEST(fork, in_a_host_function)
{
    struct forker forker = {-1, 0};
    struct box box;
    mote_value result;
    int rc;

    box_open(&box, "probe");
    grant(&box, "take", "(bytes)->void", fn_fork, &forker);
    box_start(&box);
    rc = box_call(&box, "take", ARGS(v_bytes("x", 1)), &result);
    if (forker.child == 0) {
        alarm(30);
        CHECK_CODE(rc, MOTE_EFORKED);
        CHECK_CODE(mote_sandbox_error(box.sandbox)->code, MOTE_EFORKED);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_EFORKED);
        CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
        mote_policy_unref(box.policy);
        mote_image_unref(box.image);
        CHECK_CODE(mote_host_free(box.host), MOTE_OK);
        _exit(0);
    }
    CHECK_CODE(rc, MOTE_OK);
    CHECK_INT(result.of.i32, 0);
    CHECK_INT(forker.calls, 1);
    wait_for(forker.child);
    must_call(&box, "map", ARGS(v_u64(MIB)), &result);
    CHECK(result.of.u64 != 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    box_close(&box);
}
