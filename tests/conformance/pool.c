/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: VMs that sandboxes leave serve the next, and nothing of the last guest is there. */
#include "pool_support.h"
#include "raw.h"
#include "taint_support.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const mote_host_options freely = {.shells_high = 4, .reuse = MOTE_REUSE_FREELY};
static const mote_host_options by_tenant = {.shells_high = 4};

/* ---- what is left behind ------------------------------------------------------------ */

TEST(pool, processor_is_clean_for_the_next_sandbox)
{
    struct box box;
    unsigned char *reference;
    uint32_t flags;

    pool_open(&box, "taint", freely);
    pool_start(&box, "first");
    flags = taint_capabilities(&box);
    reference = taint_look(box.sandbox, box.image, flags);
    pool_leave(&box);
    for (size_t i = 0; i < TAINT_ENDINGS; i++) {
        unsigned char *now;

        pool_start(&box, "a");
        taint_fill(&box, flags | taint_endings[i], 0);
        pool_leave(&box);
        pool_start(&box, "b");
        now = taint_look(box.sandbox, box.image, flags);
        CHECK_BYTES(now, reference, LOOK_SIZE);
        free(now);
        pool_leave(&box);
    }
    CHECK_INT(pool_log().fresh, 1);
    CHECK_INT(pool_log().reused, 2 * TAINT_ENDINGS);
    free(reference);
    box_close(&box);
}

TEST(pool, memory_is_clean_for_the_next_sandbox)
{
    const uint32_t counts[] = {0, 1, 2, 16, 64, 256};
    struct box box;
    mote_value result;

    pool_open(&box, "dirty", freely);
    for (size_t i = 0; i < COUNT(counts); i++) {
        pool_start(&box, "a");
        must_call(&box, "dirty", ARGS(v_u32(counts[i])), NULL);
        must_call(&box, "dirty_bss", ARGS(v_u32(counts[i] * 8)), NULL);
        must_call(&box, "dirty_mapped", ARGS(v_u32(counts[i] + 1)), &result);
        pool_leave(&box);
        pool_start(&box, "b");
        must_call(&box, "traces", NO_ARGS, &result);
        CHECK_INT(result.of.u64, 1);
        pool_leave(&box);
    }
    CHECK_INT(pool_log().fresh, 1);
    box_close(&box);
}

TEST(pool, mapped_memory_is_clean_for_the_next_sandbox)
{
    struct box box;
    mote_value base;
    mote_value result;

    pool_open(&box, "probe", freely);
    for (int i = 0; i < 5; i++) {
        pool_start(&box, "a");
        must_call(&box, "map", ARGS(v_u64(4 * MIB)), &base);
        must_call(&box, "nonzero", ARGS(base, v_u64(4 * MIB)), &result);
        CHECK_INT(result.of.u64, 0);
        must_call(&box, "fill", ARGS(base, v_u64(4 * MIB), v_u32(0xa5)), NULL);
        pool_leave(&box);
    }
    CHECK_INT(pool_log().fresh, 1);
    box_close(&box);
}

/* Init data is the sandbox's, whether the VM had one of other size before, or none. */
TEST(pool, init_data_is_of_this_sandbox)
{
    static const char *const data[] = {"secret of the first", "x", NULL, "another one, longer",
                                       NULL};
    struct box box;

    pool_open(&box, "echo", freely);
    for (size_t i = 0; i < COUNT(data); i++) {
        size_t size = data[i] != NULL ? strlen(data[i]) : 0;
        mote_sandbox_options options = {
            .size = sizeof(options), .init_data = data[i], .init_data_size = size};
        mote_value result;

        CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, box.policy, &options, NULL), MOTE_OK);
        for (int round = 0; round < 2; round++) {
            must_call(&box, "init_data", NO_ARGS, &result);
            CHECK_INT(result.of.bytes.size, size);
            CHECK(size == 0 || memcmp(result.of.bytes.data, data[i], size) == 0);
            CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        }
        pool_leave(&box);
    }
    CHECK_INT(pool_log().fresh, 1);
    box_close(&box);
}

/* A policy that grants one file of a page that begins with `letter`. */
static mote_policy *policy_with_file(mote_host *host, char letter)
{
    char path[] = "/tmp/mote-pool-XXXXXX";
    int fd = mkstemp(path);
    mote_policy *policy = NULL;

    CHECK(fd >= 0 && write(fd, &letter, 1) == 1 && ftruncate(fd, 4096) == 0);
    CHECK_CODE(mote_policy_new(&policy, host, NULL), MOTE_OK);
    CHECK_CODE(mote_policy_file(policy, path, "/file", NULL), MOTE_OK);
    close(fd);
    unlink(path);
    return policy;
}

/* What the guest of this policy finds in its file; it writes to its copy then. */
static char first_of_file(struct box *box, mote_policy *policy)
{
    struct box mine = {.host = box->host, .image = box->image, .policy = policy};
    char found = 0;
    int64_t fd;
    int64_t where;
    mote_value scratch;

    mine.sandbox = open_sandbox(mine.image, policy);
    must_call(&mine, "scratch", NO_ARGS, &scratch);
    CHECK_CODE(mote_memory_write(mine.sandbox, scratch.of.u64, "/file", 6), MOTE_OK);
    fd = RAW(&mine, SYS_open, scratch.of.u64, O_RDONLY, 0);
    if (fd >= 0) {
        where = RAW(&mine, SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        CHECK(where > 0);
        CHECK_CODE(mote_memory_read(mine.sandbox, (uint64_t)where, &found, 1), MOTE_OK);
        must_call(&mine, "poke", ARGS(v_u64((uint64_t)where), v_u32(0x21212121)), NULL);
    } else {
        where = RAW(&mine, SYS_mmap, 0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);
        CHECK(where > 0);
        must_call(&mine, "sum_pages", ARGS(v_u64((uint64_t)where), v_u64(16)), &scratch);
        CHECK_INT(scratch.of.u64, 0);
    }
    pool_leave(&mine);
    return found;
}

TEST(pool, files_are_of_this_sandbox)
{
    struct box box;
    mote_policy *a;
    mote_policy *b;

    pool_open(&box, "scratch", freely);
    a = policy_with_file(box.host, 'a');
    b = policy_with_file(box.host, 'b');
    for (int i = 0; i < 3; i++) {
        CHECK_INT(first_of_file(&box, a), 'a');
        CHECK_INT(first_of_file(&box, box.policy), 0);
        CHECK_INT(first_of_file(&box, b), 'b');
    }
    CHECK_INT(pool_log().fresh, 1);
    mote_policy_unref(a);
    mote_policy_unref(b);
    box_close(&box);
}

/* A sandbox with a smaller limit than the VM once had is held to its own. */
TEST(pool, limits_are_those_of_this_sandbox)
{
    struct box box;
    mote_policy *small;
    mote_value base;

    pool_open(&box, "probe", freely);
    CHECK_CODE(mote_policy_new(&small, box.host, NULL), MOTE_OK);
    CHECK_CODE(mote_policy_set(small, MOTE_OPT_MEMORY, 8 * MIB, NULL), MOTE_OK);
    for (int i = 0; i < 4; i++) {
        bool is_small = i % 2 != 0;

        box.sandbox = open_sandbox(box.image, is_small ? small : box.policy);
        must_call(&box, "map", ARGS(v_u64(16 * MIB)), &base);
        CHECK((base.of.i64 <= 0 && base.of.i64 > -4096) == is_small);
        pool_leave(&box);
    }
    CHECK_INT(pool_log().fresh, 1);
    mote_policy_unref(small);
    box_close(&box);
}

/* ---- who gets what ------------------------------------------------------------------ */

TEST(pool, tenants_never_share_a_vm)
{
    static const char *const tenants[] = {"a", "b", "c", "", "aa", NULL};
    struct box box;
    mote_value result;
    unsigned random = 12345;
    unsigned many = test_repeat(2000);

    pool_open(&box, "echo", by_tenant);
    for (unsigned i = 0; i < many; i++) {
        random = random * 1103515245 + 12345;
        pool_start(&box, tenants[(random >> 16) % (many < 500 ? 2 : COUNT(tenants))]);
        must_call(&box, "count", NO_ARGS, &result);
        CHECK_INT(result.of.u32, 1);
        must_call(&box, "keep", ARGS(v_bytes("secret", 6)), NULL);
        pool_leave(&box);
    }
    CHECK_INT(pool_log().mixed, 0);
    CHECK(pool_log().reused > 0);
    CHECK_INT(pool_log().reused + pool_log().fresh, many);
    box_close(&box);
}

TEST(pool, without_a_tenant_no_vm_is_used_again)
{
    struct box box;

    pool_open(&box, "echo", by_tenant);
    for (unsigned i = 0; i < 5; i++) {
        pool_start(&box, NULL);
        pool_leave(&box);
    }
    CHECK_INT(pool_log().fresh, 5);
    CHECK_INT(pool_log().reused, 0);
    box_close(&box);
}

/* Whoever frees faster than the pool's thread destroys has to do some of it. */
TEST(pool, little_waits_to_be_destroyed)
{
    enum { MANY = 60 };
    mote_sandbox *sandboxes[MANY];
    mote_host_use use = {.size = sizeof use};
    struct box box;

    pool_open(&box, "echo", (mote_host_options){.shells_high = 1});
    for (size_t i = 0; i < MANY; i++)
        CHECK_CODE(mote_sandbox_new(&sandboxes[i], box.image, box.policy, NULL, NULL), MOTE_OK);
    for (size_t i = 0; i < MANY; i++) {
        CHECK_CODE(mote_sandbox_free(sandboxes[i]), MOTE_OK);
        CHECK_CODE(mote_host_describe(box.host, &use), MOTE_OK);
        CHECK(use.vms_idle <= 1 + 1 + 4 + 1); /* kept, as many waiting, a few more, one at work */
    }
    box_close(&box);
}

TEST(pool, too_little_memory_costs_no_idle_vm)
{
    struct box box;
    mote_policy *small;
    mote_sandbox *sandbox;
    mote_host_use use = {.size = sizeof use};
    mote_error error = MOTE_ERROR_INIT;

    pool_open(&box, "echo", freely);
    pool_start(&box, "a");
    pool_leave(&box);
    CHECK_CODE(mote_policy_new(&small, box.host, NULL), MOTE_OK);
    CHECK_CODE(mote_policy_set(small, MOTE_OPT_MEMORY, 0x10000, NULL), MOTE_OK);
    for (int i = 0; i < 3; i++)
        CHECK_CODE(mote_sandbox_new(&sandbox, box.image, small, NULL, &error), MOTE_ELIMIT);
    CHECK(strstr(error.text, "memory too small") != NULL);
    CHECK_CODE(mote_host_describe(box.host, &use), MOTE_OK);
    CHECK_INT(use.vms_idle, 1);
    CHECK_INT(use.vms_reused, 0);
    mote_policy_unref(small);
    pool_start(&box, "b");
    CHECK_INT(pool_log().reused, 1);
    pool_leave(&box);
    box_close(&box);
}

TEST(pool, never_is_never)
{
    mote_host_options options = {.shells_high = 4, .reuse = MOTE_REUSE_NEVER};
    struct box box;

    pool_open(&box, "echo", options);
    for (unsigned i = 0; i < 5; i++) {
        pool_start(&box, "a");
        pool_leave(&box);
    }
    CHECK_INT(pool_log().fresh, 5);
    CHECK_INT(pool_log().reused, 0);
    box_close(&box);
}

TEST(pool, unknown_rules_are_refused)
{
    mote_host_options options = {.size = sizeof(options), .reuse = (mote_reuse)3};
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;

    CHECK_CODE(mote_host_new(&host, &options, &error), MOTE_EINVAL);
    CHECK_HAS(error.text, "reuse");
}

/* ---- how many there are ------------------------------------------------------------- */

TEST(pool, no_more_vms_than_allowed)
{
    for (size_t high = 0; high <= 2; high++) {
        mote_host_options options = {.shells_most = 2, .shells_high = high};
        mote_sandbox *first;
        struct box box;

        pool_open(&box, "echo", options);
        pool_start(&box, "a");
        first = box.sandbox;
        pool_start(&box, "b");
        CHECK_CODE(mote_sandbox_free(first), MOTE_OK);
        first = box.sandbox;
        pool_start(&box, "c"); /* the idle one of "a" makes place */
        pool_leave(&box);
        pool_start(&box, "d");
        pool_leave(&box);
        pool_start(&box, "e");
        CHECK_CODE(mote_sandbox_free(first), MOTE_OK);
        box_close(&box);
    }
}

TEST(pool, unused_vms_are_kept_ready)
{
    mote_host_options options = {.shells_low = 2};
    struct box box;
    mote_value result;

    pool_open(&box, "echo", options);
    pool_start(&box, NULL); /* nobody knew for which image */
    for (unsigned i = 0; i < 6; i++) {
        while (pool_log().ahead < i + 2) {
            sleep_ms(1);
        }
        pool_leave(&box);
        pool_start(&box, NULL);
        must_call(&box, "count", NO_ARGS, &result);
        CHECK_INT(result.of.u32, 1);
    }
    CHECK_INT(pool_log().reused, 0);
    box_close(&box);
}

/* An image takes its idle VMs along; those of others stay. */
TEST(pool, images_come_and_go)
{
    mote_host_options options = freely;
    struct box box;
    mote_image *echo;

    options.shells_low = 1;
    pool_open(&box, "echo", options);
    echo = box.image;
    for (int i = 0; i < 10; i++) {
        mote_value result;

        pool_start(&box, NULL);
        must_call(&box, "count", NO_ARGS, &result);
        pool_leave(&box);
        box.image = open_guest(box.host, i % 2 != 0 ? "dirty" : "taint");
        pool_start(&box, NULL);
        pool_leave(&box);
        mote_image_unref(box.image);
        box.image = echo;
    }
    CHECK(pool_log().reused >= 5);
    box_close(&box);
}

/* ---- threads and children ----------------------------------------------------------- */

struct crowd {
    struct box box;
    mote_image *other;
    char tenant[8];
};

static void *come_and_go(void *argument)
{
    struct crowd *crowd = argument;
    struct box mine = crowd->box;
    mote_value result;

    for (unsigned i = 0; i < test_repeat(100); i++) {
        bool other = i % 3 == 0;

        mine.image = other ? crowd->other : crowd->box.image;
        pool_start(&mine, i % 5 == 0 ? NULL : crowd->tenant);
        must_call(&mine, other ? "traces" : "count", NO_ARGS, &result);
        CHECK_INT(other ? result.of.u64 : result.of.u32, 1);
        if (other) {
            must_call(&mine, "dirty", ARGS(v_u32(3)), NULL);
        }
        pool_leave(&mine);
    }
    return NULL;
}

TEST(pool, many_threads)
{
    mote_host_options options = {.shells_low = 1, .shells_high = 4, .shells_most = 12};
    struct crowd crowds[4];
    pthread_t threads[4];
    struct box box;
    mote_image *other;

    pool_open(&box, "echo", options);
    other = open_guest(box.host, "dirty");
    for (unsigned i = 0; i < COUNT(crowds); i++) {
        crowds[i] = (struct crowd){.box = box, .other = other};
        snprintf(crowds[i].tenant, sizeof(crowds[i].tenant), "t%u", i);
        CHECK(pthread_create(&threads[i], NULL, come_and_go, &crowds[i]) == 0);
    }
    for (unsigned i = 0; i < COUNT(crowds); i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK_INT(pool_log().mixed, 0);
    mote_image_unref(other);
    box_close(&box);
}

TEST(pool, child_abandons_it)
{
    struct box box;
    mote_value result;
    pid_t child;
    int status = -1;

    pool_open(&box, "echo",
              (mote_host_options){.shells_low = 2, .reuse = MOTE_REUSE_FREELY, .shells_high = 4});
    pool_start(&box, NULL);
    pool_leave(&box);
    pool_start(&box, NULL);
    while (pool_log().ahead < 2) {
        sleep_ms(1);
    }
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_CODE(pool_start_for(&(struct box){.image = box.image}, NULL, NULL), MOTE_EFORKED);
        box_close(&box);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    must_call(&box, "count", NO_ARGS, &result);
    pool_leave(&box);
    pool_start(&box, NULL);
    must_call(&box, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 1);
    box_close(&box);
}
