/* SPDX-License-Identifier: Apache-2.0 */
/* What an embedder hands to its host: an allocator, a log, structures of an older or newer size. */
#include "support.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- the allocator ------------------------------------------------------------- */

struct heap {
    atomic_long blocks, asked;
    atomic_long fails_at; /* the allocation that fails, from 1; 0: none */
};

static bool may_allocate(struct heap *heap)
{
    return atomic_fetch_add(&heap->asked, 1) + 1 != atomic_load(&heap->fails_at);
}

static void *heap_allocate(void *user, size_t size)
{
    struct heap *heap = user;
    void *memory = may_allocate(heap) ? malloc(size) : NULL;

    if (memory != NULL) {
        memset(memory, 0xa5, size); /* nobody may count on zeroes */
        atomic_fetch_add(&heap->blocks, 1);
    }
    return memory;
}

static void *heap_resize(void *user, void *memory, size_t size)
{
    return may_allocate(user) ? realloc(memory, size) : NULL;
}

static void heap_release(void *user, void *memory)
{
    struct heap *heap = user;

    atomic_fetch_sub(&heap->blocks, 1);
    free(memory);
}

static mote_allocator allocator_of(struct heap *heap)
{
    return (mote_allocator){sizeof(mote_allocator), heap_allocate, heap_resize, heap_release, heap};
}

/* Makes everything that a host can have, uses it and releases it; the first failure ends it. */
static int whole_life(struct heap *heap)
{
    mote_allocator allocator = allocator_of(heap);
    mote_host_options options = {.size = sizeof(options), .allocator = &allocator};
    struct box box = {NULL, NULL, NULL, NULL};
    char path[512];
    mote_value result;

    guest_path("echo", path, sizeof(path));
    mote_source source = MOTE_SOURCE_PATH(path);
    int rc = mote_host_new(&box.host, &options, NULL);
    memset(&allocator, 0xff, sizeof(allocator)); /* it was copied */
    if (rc == MOTE_OK)
        rc = mote_image_open(&box.image, box.host, &source, NULL, NULL);
    if (rc == MOTE_OK)
        rc = mote_policy_new(&box.policy, box.host, NULL);
    if (rc == MOTE_OK)
        rc = mote_sandbox_new(&box.sandbox, box.image, box.policy, NULL, NULL);
    if (rc == MOTE_OK)
        rc = box_call(&box, "echo_string", ARGS(mote_string("hello")), &result);
    if (rc == MOTE_OK)
        rc = mote_reset(box.sandbox);
    CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
    mote_policy_unref(box.policy);
    mote_image_unref(box.image);
    CHECK_CODE(mote_host_free(box.host), MOTE_OK);
    return rc;
}

TEST(hooks, allocator_serves_everything)
{
    struct heap heap = {0};

    CHECK_CODE(whole_life(&heap), MOTE_OK);
    CHECK(atomic_load(&heap.asked) > 20);
    CHECK_INT(atomic_load(&heap.blocks), 0);
}

TEST(hooks, allocator_may_fail_anywhere)
{
    struct heap heap = {0};
    long failures = 0;

    for (long at = 1;; at += emulated() ? 7 : 1) {
        atomic_store(&heap.asked, 0);
        atomic_store(&heap.fails_at, at);
        int rc = whole_life(&heap);
        CHECK_INT(atomic_load(&heap.blocks), 0);
        if (rc == MOTE_OK)
            break;
        CHECK(rc == MOTE_ENOMEM || rc == MOTE_EBOOT);
        failures++;
    }
    CHECK(failures > (emulated() ? 3 : 20));
}

TEST(hooks, handle_outlives_its_allocator_s_host)
{
    struct heap heap = {0};
    mote_allocator allocator = allocator_of(&heap);
    mote_host_options options = {.size = sizeof(options), .allocator = &allocator};
    mote_host *host = NULL;

    CHECK_CODE(mote_host_new(&host, &options, NULL), MOTE_OK);
    mote_image *image = open_guest(host, "echo");
    mote_sandbox *sandbox = open_sandbox(image, NULL);
    mote_handle *handle = mote_sandbox_handle(sandbox);
    mote_sandbox_free(sandbox);
    mote_image_unref(image);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
    CHECK_INT(atomic_load(&heap.blocks), 1);
    CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
    mote_handle_unref(handle);
    CHECK_INT(atomic_load(&heap.blocks), 0);
}

TEST(hooks, allocator_without_functions)
{
    mote_allocator empty = {.size = sizeof(empty)};
    mote_host_options options = {.size = sizeof(options), .allocator = &empty};
    mote_host *host = NULL;

    CHECK_CODE(mote_host_new(&host, &options, NULL), MOTE_EINVAL);
}

/* ---- the log --------------------------------------------------------------------- */

struct heard {
    unsigned lines, level;
    char last[512];
};

static void hear(void *user, unsigned level, const char *text)
{
    struct heard *heard = user;

    heard->lines++;
    heard->level = level;
    CHECK(strlen(text) < sizeof(heard->last) && strchr(text, '\n') == NULL);
    strcpy(heard->last, text);
}

TEST(hooks, log_tells_of_a_boot)
{
    struct heard heard = {0};
    mote_host_options options = {.size = sizeof(options), .log = hear, .log_user = &heard};
    mote_host *host = NULL;

    CHECK_CODE(mote_host_new(&host, &options, NULL), MOTE_OK);
    mote_image *image = open_guest(host, "echo");
    CHECK_CODE(mote_image_boot(image, NULL), MOTE_OK);
    CHECK_INT(heard.lines, 1);
    CHECK_HAS(heard.last, "echo");
    CHECK_HAS(heard.last, "booted");
    CHECK_INT(heard.level, 1);
    mote_image_unref(image);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}

/* ---- structures of another version -------------------------------------------------- */

TEST(hooks, older_structures_are_taken)
{
    mote_host_options options;
    mote_host *host = NULL;

    memset(&options, 0xff, sizeof(options)); /* behind its size an old program has anything */
    options.size = offsetof(mote_host_options, allocator);
    options.signal = 0;
    options.device = NULL;
    CHECK_CODE(mote_host_new(&host, &options, NULL), MOTE_OK);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}

TEST(hooks, newer_structures_are_taken_when_nothing_new_is_set)
{
    struct {
        mote_host_options options;
        uint64_t of_the_future;
    } newer = {.options = {.size = sizeof(newer)}};
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;

    CHECK_CODE(mote_host_new(&host, &newer.options, &error), MOTE_OK);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
    newer.of_the_future = 1;
    CHECK_CODE(mote_host_new(&host, &newer.options, &error), MOTE_EINVAL);
    CHECK_HAS(error.text, "mote_host_options");
}

TEST(hooks, sizes_that_never_were_are_refused)
{
    static const size_t sizes[] = {0, 1, 8, (size_t)1 << 40, SIZE_MAX};
    struct box box;
    char path[512];

    box_open(&box, "echo");
    guest_path("echo", path, sizeof(path));
    for (size_t i = 0; i < COUNT(sizes); i++) {
        mote_host_options host_options = {.size = sizes[i]};
        mote_image_options image_options = {.size = sizes[i]};
        mote_sandbox_options sandbox_options = {.size = sizes[i]};
        mote_source source = MOTE_SOURCE_PATH(path);
        mote_source bad_source = {.size = sizes[i], .path = path, .fd = -1};
        mote_host *host = NULL;
        mote_image *image = NULL;

        CHECK_CODE(mote_host_new(&host, &host_options, NULL), MOTE_EINVAL);
        CHECK_CODE(mote_image_open(&image, box.host, &source, &image_options, NULL), MOTE_EINVAL);
        CHECK_CODE(mote_image_open(&image, box.host, &bad_source, NULL, NULL), MOTE_EINVAL);
        CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, NULL, &sandbox_options, NULL),
                   MOTE_EINVAL);
    }
    box_close(&box);
}
