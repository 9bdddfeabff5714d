/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: VMs that sandboxes leave serve the next, and nothing of the last guest is there. */
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

#define MOST_VMS 4096

/* What the host's log tells of the VMs that sandboxes get. */
static struct {
    pthread_mutex_t lock;
    unsigned reused, fresh, ahead;
    unsigned last;              /* number of the VM that was last handed out */
    char tenants[MOST_VMS][16]; /* by number of VM: who has it, or had it last */
    unsigned mixed;             /* VMs that two tenants had */
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note(unsigned vm, bool used, const char *tenant)
{
    CHECK(vm < MOST_VMS && strlen(tenant) < sizeof(seen.tenants[0]));
    seen.reused += used;
    seen.fresh += !used;
    seen.last = vm;
    if (used && (strcmp(seen.tenants[vm], tenant) != 0 || tenant[0] == '(')) {
        seen.mixed++;
    }
    strcpy(seen.tenants[vm], tenant);
}

static void hear(void *user, unsigned level, const char *text)
{
    unsigned vm;
    char use[16];
    char whose[64] = "";

    (void)user;
    (void)level;
    pthread_mutex_lock(&seen.lock);
    if (sscanf(text, "VM %u, %15[^:]: for a sandbox of tenant %63s", &vm, use, whose) >= 2) {
        if (strstr(text, "of its own") != NULL) {
            strcpy(whose, "(nobody else)");
        }
        note(vm, strcmp(use, "used before") == 0, whose);
    } else if (strstr(text, "made ahead") != NULL) {
        seen.ahead++;
    }
    pthread_mutex_unlock(&seen.lock);
}

static unsigned look_at(const unsigned *number)
{
    unsigned value;

    pthread_mutex_lock(&seen.lock);
    value = *number;
    pthread_mutex_unlock(&seen.lock);
    return value;
}

/* ---- boxes with a pool -------------------------------------------------------------- */

static void open_pool(struct box *box, const char *guest, mote_host_options options)
{
    mote_error error = MOTE_ERROR_INIT;

    options.size = sizeof(options);
    options.log = hear;
    CHECK_CODE(mote_host_new(&box->host, &options, &error), MOTE_OK);
    box->image = open_guest(box->host, guest);
    box->sandbox = NULL;
    CHECK_CODE(mote_policy_new(&box->policy, box->host, &error), MOTE_OK);
}

static int start_for(struct box *box, const char *tenant, mote_error *error)
{
    mote_sandbox_options options = {.size = sizeof(options), .tenant = tenant};

    return mote_sandbox_new(&box->sandbox, box->image, box->policy, &options, error);
}

static void must_start_for(struct box *box, const char *tenant)
{
    mote_error error = MOTE_ERROR_INIT;

    if (start_for(box, tenant, &error) != MOTE_OK) {
        FAIL("mote_sandbox_new: %s (%s)", error.text, error.remedy);
    }
}

static void leave(struct box *box)
{
    CHECK_CODE(mote_sandbox_free(box->sandbox), MOTE_OK);
    box->sandbox = NULL;
}

static const mote_host_options freely = {.shells_high = 4, .reuse = MOTE_REUSE_FREELY};
static const mote_host_options by_tenant = {.shells_high = 4};

/* ---- what is left behind ------------------------------------------------------------ */

TEST(pool, processor_is_clean_for_the_next_sandbox)
{
    struct box box;
    unsigned char *reference;
    uint32_t flags;

    open_pool(&box, "taint", freely);
    must_start_for(&box, "first");
    flags = taint_capabilities(&box);
    reference = taint_look(box.sandbox, box.image, flags);
    leave(&box);
    for (size_t i = 0; i < TAINT_ENDINGS; i++) {
        unsigned char *now;

        must_start_for(&box, "a");
        taint_fill(&box, flags | taint_endings[i], 0);
        leave(&box);
        must_start_for(&box, "b");
        now = taint_look(box.sandbox, box.image, flags);
        CHECK_BYTES(now, reference, LOOK_SIZE);
        free(now);
        leave(&box);
    }
    CHECK_INT(seen.fresh, 1);
    CHECK_INT(seen.reused, 2 * TAINT_ENDINGS);
    free(reference);
    box_close(&box);
}

TEST(pool, memory_is_clean_for_the_next_sandbox)
{
    const uint32_t counts[] = {0, 1, 2, 16, 64, 256};
    struct box box;
    mote_value result;

    open_pool(&box, "dirty", freely);
    for (size_t i = 0; i < COUNT(counts); i++) {
        must_start_for(&box, "a");
        must_call(&box, "dirty", ARGS(v_u32(counts[i])), NULL);
        must_call(&box, "dirty_bss", ARGS(v_u32(counts[i] * 8)), NULL);
        must_call(&box, "dirty_mapped", ARGS(v_u32(counts[i] + 1)), &result);
        leave(&box);
        must_start_for(&box, "b");
        must_call(&box, "traces", NO_ARGS, &result);
        CHECK_INT(result.of.u64, 1);
        leave(&box);
    }
    CHECK_INT(seen.fresh, 1);
    box_close(&box);
}

TEST(pool, mapped_memory_is_clean_for_the_next_sandbox)
{
    struct box box;
    mote_value base;
    mote_value result;

    open_pool(&box, "probe", freely);
    for (int i = 0; i < 5; i++) {
        must_start_for(&box, "a");
        must_call(&box, "map", ARGS(v_u64(4 * MIB)), &base);
        must_call(&box, "nonzero", ARGS(base, v_u64(4 * MIB)), &result);
        CHECK_INT(result.of.u64, 0);
        must_call(&box, "fill", ARGS(base, v_u64(4 * MIB), v_u32(0xa5)), NULL);
        leave(&box);
    }
    CHECK_INT(seen.fresh, 1);
    box_close(&box);
}

/* Init data is the sandbox's, whether the VM had one of other size before, or none. */
TEST(pool, init_data_is_of_this_sandbox)
{
    static const char *const data[] = {"secret of the first", "x", NULL, "another one, longer",
                                       NULL};
    struct box box;

    open_pool(&box, "echo", freely);
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
        leave(&box);
    }
    CHECK_INT(seen.fresh, 1);
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
    leave(&mine);
    return found;
}

TEST(pool, files_are_of_this_sandbox)
{
    struct box box;
    mote_policy *a;
    mote_policy *b;

    open_pool(&box, "scratch", freely);
    a = policy_with_file(box.host, 'a');
    b = policy_with_file(box.host, 'b');
    for (int i = 0; i < 3; i++) {
        CHECK_INT(first_of_file(&box, a), 'a');
        CHECK_INT(first_of_file(&box, box.policy), 0);
        CHECK_INT(first_of_file(&box, b), 'b');
    }
    CHECK_INT(seen.fresh, 1);
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

    open_pool(&box, "probe", freely);
    CHECK_CODE(mote_policy_new(&small, box.host, NULL), MOTE_OK);
    CHECK_CODE(mote_policy_set(small, MOTE_OPT_MEMORY, 8 * MIB, NULL), MOTE_OK);
    for (int i = 0; i < 4; i++) {
        bool is_small = i % 2 != 0;

        box.sandbox = open_sandbox(box.image, is_small ? small : box.policy);
        must_call(&box, "map", ARGS(v_u64(16 * MIB)), &base);
        CHECK((base.of.i64 <= 0 && base.of.i64 > -4096) == is_small);
        leave(&box);
    }
    CHECK_INT(seen.fresh, 1);
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

    open_pool(&box, "echo", by_tenant);
    for (unsigned i = 0; i < many; i++) {
        random = random * 1103515245 + 12345;
        must_start_for(&box, tenants[(random >> 16) % (many < 500 ? 2 : COUNT(tenants))]);
        must_call(&box, "count", NO_ARGS, &result);
        CHECK_INT(result.of.u32, 1);
        must_call(&box, "keep", ARGS(v_bytes("secret", 6)), NULL);
        leave(&box);
    }
    CHECK_INT(seen.mixed, 0);
    CHECK(seen.reused > 0);
    CHECK_INT(seen.reused + seen.fresh, many);
    box_close(&box);
}

TEST(pool, without_a_tenant_no_vm_is_used_again)
{
    struct box box;

    open_pool(&box, "echo", by_tenant);
    for (unsigned i = 0; i < 5; i++) {
        must_start_for(&box, NULL);
        leave(&box);
    }
    CHECK_INT(seen.fresh, 5);
    CHECK_INT(seen.reused, 0);
    box_close(&box);
}

TEST(pool, never_is_never)
{
    mote_host_options options = {.shells_high = 4, .reuse = MOTE_REUSE_NEVER};
    struct box box;

    open_pool(&box, "echo", options);
    for (unsigned i = 0; i < 5; i++) {
        must_start_for(&box, "a");
        leave(&box);
    }
    CHECK_INT(seen.fresh, 5);
    CHECK_INT(seen.reused, 0);
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

        open_pool(&box, "echo", options);
        must_start_for(&box, "a");
        first = box.sandbox;
        must_start_for(&box, "b");
        CHECK_CODE(mote_sandbox_free(first), MOTE_OK);
        first = box.sandbox;
        must_start_for(&box, "c"); /* the idle one of "a" makes place */
        leave(&box);
        must_start_for(&box, "d");
        leave(&box);
        must_start_for(&box, "e");
        CHECK_CODE(mote_sandbox_free(first), MOTE_OK);
        box_close(&box);
    }
}

TEST(pool, unused_vms_are_kept_ready)
{
    mote_host_options options = {.shells_low = 2};
    struct box box;
    mote_value result;

    open_pool(&box, "echo", options);
    must_start_for(&box, NULL); /* nobody knew for which image */
    for (unsigned i = 0; i < 6; i++) {
        while (look_at(&seen.ahead) < i + 2) {
            sleep_ms(1);
        }
        leave(&box);
        must_start_for(&box, NULL);
        must_call(&box, "count", NO_ARGS, &result);
        CHECK_INT(result.of.u32, 1);
        CHECK(seen.last > 0); /* not the one that somebody had */
    }
    CHECK_INT(seen.reused, 0);
    box_close(&box);
}

/* An image takes its idle VMs along; those of others stay. */
TEST(pool, images_come_and_go)
{
    mote_host_options options = freely;
    struct box box;
    mote_image *echo;

    options.shells_low = 1;
    open_pool(&box, "echo", options);
    echo = box.image;
    for (int i = 0; i < 10; i++) {
        mote_value result;

        must_start_for(&box, NULL);
        must_call(&box, "count", NO_ARGS, &result);
        leave(&box);
        box.image = open_guest(box.host, i % 2 != 0 ? "dirty" : "taint");
        must_start_for(&box, NULL);
        leave(&box);
        mote_image_unref(box.image);
        box.image = echo;
    }
    CHECK(seen.reused >= 5);
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
        must_start_for(&mine, i % 5 == 0 ? NULL : crowd->tenant);
        must_call(&mine, other ? "traces" : "count", NO_ARGS, &result);
        CHECK_INT(other ? result.of.u64 : result.of.u32, 1);
        if (other) {
            must_call(&mine, "dirty", ARGS(v_u32(3)), NULL);
        }
        leave(&mine);
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

    open_pool(&box, "echo", options);
    other = open_guest(box.host, "dirty");
    for (unsigned i = 0; i < COUNT(crowds); i++) {
        crowds[i] = (struct crowd){.box = box, .other = other};
        snprintf(crowds[i].tenant, sizeof(crowds[i].tenant), "t%u", i);
        CHECK(pthread_create(&threads[i], NULL, come_and_go, &crowds[i]) == 0);
    }
    for (unsigned i = 0; i < COUNT(crowds); i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK_INT(seen.mixed, 0);
    mote_image_unref(other);
    box_close(&box);
}

TEST(pool, child_abandons_it)
{
    struct box box;
    mote_value result;
    pid_t child;
    int status = -1;

    open_pool(&box, "echo",
              (mote_host_options){.shells_low = 2, .reuse = MOTE_REUSE_FREELY, .shells_high = 4});
    must_start_for(&box, NULL);
    leave(&box);
    must_start_for(&box, NULL);
    while (look_at(&seen.ahead) < 2) {
        sleep_ms(1);
    }
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_CODE(start_for(&(struct box){.image = box.image}, NULL, NULL), MOTE_EFORKED);
        box_close(&box);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    must_call(&box, "count", NO_ARGS, &result);
    leave(&box);
    must_start_for(&box, NULL);
    must_call(&box, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 1);
    box_close(&box);
}
