/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox and a host say that they take. */
#include "support.h"

#include "mote_use.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096u

static mote_memory_use memory_of(mote_sandbox *sandbox)
{
    mote_memory_use use = {.size = sizeof(use)};

    CHECK_CODE(mote_sandbox_memory(sandbox, &use), MOTE_OK);
    CHECK_INT(use.size, sizeof(use));
    return use;
}

static mote_memory_use after_dirty(struct box *box, const char *name, uint32_t pages)
{
    must_call(box, name, ARGS(v_u32(pages)), NULL);
    return memory_of(box->sandbox);
}

/* A page more written is a page more counted; it takes memory where it was zero before. */
TEST(use, memory_is_exact)
{
    struct box box;
    mote_memory_use before;
    mote_memory_use now;

    box_run(&box, "dirty");
    before = after_dirty(&box, "dirty", 1);
    CHECK_INT(before.parked, 0);
    CHECK(before.shared > 0 && before.shared % PAGE == 0);
    CHECK(before.resident > before.dirty);
    now = after_dirty(&box, "dirty", 21); /* the first page was there, these 20 are zero */
    CHECK_INT(now.dirty - before.dirty, 20 * PAGE);
    CHECK_INT(now.resident - before.resident, 20 * PAGE);
    before = after_dirty(&box, "dirty_bss", 1);
    now = after_dirty(&box, "dirty_bss", 31);
    CHECK_INT(now.dirty - before.dirty, 30 * PAGE);
    CHECK_INT(now.resident - before.resident, 30 * PAGE);
    CHECK_INT(now.shared, before.shared);
    /* A reset keeps the pages that it puts back. */
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(memory_of(box.sandbox).dirty, now.dirty);
    CHECK_INT(memory_of(box.sandbox).resident, now.resident);
    box_close(&box);
}

TEST(use, large_set_is_given_back)
{
    struct box box;
    mote_memory_use before;

    box_run(&box, "dirty");
    before = after_dirty(&box, "dirty_bss", 1);
    CHECK(after_dirty(&box, "dirty_bss", 4000).dirty >= 4000 * PAGE);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK(memory_of(box.sandbox).dirty <= before.dirty);
    box_close(&box);
}

static uint64_t parked_after(struct box *box, uint32_t pages)
{
    mote_memory_use use;

    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    must_call(box, "dirty", ARGS(v_u32(pages)), NULL);
    CHECK_CODE(mote_sandbox_park(box->sandbox), MOTE_OK);
    use = memory_of(box->sandbox);
    CHECK(use.resident == 0 && use.dirty == 0 && use.shared == 0);
    return use.parked;
}

/* Only pages that differ are kept: those of a reset that are as in the snapshot are not. */
TEST(use, parked_is_exact)
{
    struct box box;
    uint64_t few;
    uint64_t many;

    box_run(&box, "dirty");
    many = parked_after(&box, 200);
    few = parked_after(&box, 20);
    CHECK(many - few >= 180 * PAGE && many - few < 182 * PAGE); /* with their addresses */
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK(memory_of(box.sandbox).parked < PAGE);
    must_call(&box, "nothing", NO_ARGS, NULL);
    CHECK_INT(memory_of(box.sandbox).parked, 0);
    box_close(&box);
}

static mote_host_use host_of(mote_host *host)
{
    mote_host_use use = {.size = sizeof(use)};

    CHECK_CODE(mote_host_describe(host, &use), MOTE_OK);
    return use;
}

TEST(use, host_is_exact)
{
    struct box box;
    mote_sandbox *more[3];
    mote_host_use use;

    box_open(&box, "echo");
    use = host_of(box.host);
    CHECK(use.vms_used == 0 && use.vms_idle == 0 && use.sandboxes == 0 && use.vms_created == 0);
    box_start(&box);
    for (size_t i = 0; i < COUNT(more); i++) {
        more[i] = open_sandbox(box.image, NULL);
    }
    use = host_of(box.host);
    CHECK_INT(use.vms_used, 4);
    CHECK_INT(use.sandboxes, 4);
    CHECK_INT(use.parked, 0);
    CHECK_INT(use.vms_created, 4);
    CHECK_CODE(mote_sandbox_park(more[0]), MOTE_OK);
    CHECK_CODE(mote_sandbox_park(more[1]), MOTE_OK);
    use = host_of(box.host);
    CHECK_INT(use.vms_used, 2);
    CHECK_INT(use.parked, 2);
    CHECK_INT(use.sandboxes, 4);
    CHECK_CODE(call(more[0], box.image, "nothing", NO_ARGS, NULL), MOTE_OK);
    CHECK_INT(host_of(box.host).parked, 1);
    CHECK_INT(host_of(box.host).vms_created, 5);
    for (size_t i = 0; i < COUNT(more); i++) {
        CHECK_CODE(mote_sandbox_free(more[i]), MOTE_OK);
    }
    use = host_of(box.host);
    CHECK(use.sandboxes == 1 && use.parked == 0 && use.vms_used == 1);
    CHECK_INT(use.vms_reused, 0);
    box_close(&box);
}

TEST(use, host_with_a_pool)
{
    mote_host_options options = {
        .size = sizeof(options), .shells_high = 2, .reuse = MOTE_REUSE_FREELY};
    struct box box = {NULL, NULL, NULL, NULL};
    mote_host_use use;

    CHECK_CODE(mote_host_new(&box.host, &options, NULL), MOTE_OK);
    box.image = open_guest(box.host, "echo");
    CHECK_CODE(mote_policy_new(&box.policy, box.host, NULL), MOTE_OK);
    box_start(&box);
    for (int i = 1; i < 4; i++) {
        CHECK_CODE(mote_sandbox_park(box.sandbox), MOTE_OK);
        use = host_of(box.host);
        CHECK(use.vms_used == 0 && use.vms_idle == 1 && use.parked == 1);
        must_call(&box, "nothing", NO_ARGS, NULL);
        use = host_of(box.host);
        CHECK(use.vms_used == 1 && use.vms_idle == 0 && use.parked == 0);
        CHECK_INT(use.vms_reused, i);
        CHECK_INT(use.vms_created, 1);
    }
    box_close(&box);
}

/* What this process itself finds where `mote top` looks; fails without it. */
static mote_use published(void)
{
    struct dirent *entry;
    mote_use use = {0};
    DIR *dir = opendir("/proc/self/fd");

    CHECK(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        char target[64] = "";

        if (readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) > 0 &&
            strcmp(target, "/memfd:" MOTE_USE_NAME " (deleted)") == 0) {
            int fd = atoi(entry->d_name);

            CHECK_INT(pread(fd, &use, sizeof(use), 0), sizeof(use));
            CHECK(ftruncate(fd, 0) != 0 && ftruncate(fd, 1 << 20) != 0); /* sealed */
        }
    }
    closedir(dir);
    return use;
}

TEST(use, published)
{
    mote_host_options options = {.size = sizeof(options), .publish = true};
    struct box box = {NULL, NULL, NULL, NULL};
    mote_use use;

    CHECK_CODE(mote_host_new(&box.host, &options, NULL), MOTE_OK);
    use = published();
    CHECK_HEX(use.magic, MOTE_USE_MAGIC);
    CHECK_INT(use.size, sizeof(use));
    CHECK(memcmp(&use, "moteuse1", 8) == 0);
    CHECK_INT(use.calls + use.sandboxes + use.vms_used, 0);
    box.image = open_guest(box.host, "echo");
    CHECK_CODE(mote_policy_new(&box.policy, box.host, NULL), MOTE_OK);
    box_start(&box);
    mote_sandbox *second = open_sandbox(box.image, NULL);
    for (int i = 0; i < 5; i++) {
        must_call(&box, "nothing", NO_ARGS, NULL);
    }
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    use = published();
    CHECK_INT(use.calls, 5);
    CHECK_INT(use.resets, 1);
    CHECK_INT(use.sandboxes, 2);
    CHECK_INT(use.vms_used, 2);
    CHECK_INT(use.parked, 0);
    CHECK_CODE(mote_sandbox_park(second), MOTE_OK);
    CHECK_INT(published().parked, 1);
    CHECK_INT(published().vms_used, 1);
    CHECK_CODE(call(second, box.image, "nothing", NO_ARGS, NULL), MOTE_OK);
    CHECK_INT(published().parked, 0);
    CHECK_INT(published().vms_created, 3);
    CHECK_CODE(mote_sandbox_park(second), MOTE_OK);
    CHECK_CODE(mote_sandbox_free(second), MOTE_OK);
    use = published();
    CHECK(use.parked == 0 && use.sandboxes == 1 && use.vms_used == 1);
    box_close(&box);
    CHECK_INT(published().magic, 0); /* it went with the host */
}

TEST(use, nothing_is_published_unasked)
{
    struct box box;

    box_run(&box, "echo");
    CHECK_INT(published().magic, 0);
    box_close(&box);
}

TEST(use, wrong_questions)
{
    struct box box;
    mote_memory_use memory = {.size = 8};
    mote_host_use use = {.size = 8};

    box_run(&box, "echo");
    CHECK_CODE(mote_sandbox_memory(box.sandbox, &memory), MOTE_EINVAL);
    CHECK_CODE(mote_sandbox_memory(box.sandbox, NULL), MOTE_EINVAL);
    CHECK_CODE(mote_sandbox_memory(NULL, &memory), MOTE_EINVAL);
    CHECK_CODE(mote_host_describe(box.host, &use), MOTE_EINVAL);
    CHECK_CODE(mote_host_describe(box.host, NULL), MOTE_EINVAL);
    CHECK_CODE(mote_host_describe(NULL, &use), MOTE_EINVAL);
    must_call(&box, "nothing", NO_ARGS, NULL);
    box_close(&box);
}
