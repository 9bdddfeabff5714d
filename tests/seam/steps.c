/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

mote_error error;

/* ---- how a step ends ---- */

static bool is_right(int status)
{
    switch (status) {
    case MOTE_ENOMEM:
    case MOTE_ESYSTEM:
    case MOTE_EBACKEND:
    case MOTE_EBOOT:
    case MOTE_ESTRANGE:
    case MOTE_EFILES:
        return true;
    default:
        return false;
    }
}

void check_failure(const char *step, int status, const mote_error *e)
{
    if (!seam_fired())
        seam_violation("%s failed though no call did: %s: %s", step, mote_error_name(status),
                       e->text);
    if (!is_right(status))
        seam_violation("%s: %s is not what happened: %s", step, mote_error_name(status), e->text);
    if (e->code != status || !e->text[0])
        seam_violation("%s: %s, but the error says %s: \"%s\"", step, mote_error_name(status),
                       mote_error_name(e->code), e->text);
    if (strcmp(seam_call(), "alloc") == 0 && status != MOTE_ENOMEM && status != MOTE_EBOOT)
        seam_violation("%s: %s for a failed allocation", step, mote_error_name(status));
}

void again(const char *step, int (*make)(void))
{
    int status = 1;
    for (int i = 0; status && i < TRIES; i++) {
        error = (mote_error)MOTE_ERROR_INIT;
        status = make();
        if (status)
            check_failure(step, status, &error);
    }
    if (status)
        seam_violation("%s fails for ever: %s: %s", step, mote_error_name(status), error.text);
}

void reset_at_last(mote_sandbox *s)
{
    int status = 1;
    for (int i = 0; status && i < TRIES; i++) {
        status = mote_reset(s);
        if (!status)
            return;
        check_failure("reset", status, mote_sandbox_error(s));
        if (mote_sandbox_state(s) != MOTE_STATE_POISONED)
            seam_violation("a reset failed and the sandbox is not poisoned");
    }
    seam_violation("reset fails for ever: %s: %s", mote_error_name(status),
                   mote_sandbox_error(s)->text);
}

void check_failed_call(const char *name, mote_sandbox *s, int status)
{
    mote_state state = mote_sandbox_state(s);
    check_failure(name, status, mote_sandbox_error(s));
    if (status == MOTE_ESTRANGE && state != MOTE_STATE_POISONED)
        seam_violation("%s: the VM is lost, the sandbox not poisoned", name);
    if (state != MOTE_STATE_READY)
        reset_at_last(s);
}

const char *guest_path(const char *name)
{
    static char path[4096];
    const char *dir = getenv("MOTE_GUEST_DIR");
    snprintf(path, sizeof path, "%s/%s", dir ? dir : ".", name);
    return path;
}

int open_guest(mote_image **image, mote_host *host, const char *name)
{
    const char *path = guest_path(name);
    mote_source source = MOTE_SOURCE_PATH(path);
    return mote_image_open(image, host, &source, NULL, &error);
}

/* ---- an allocator that counts ---- */

static atomic_long blocks;

static void *count_allocate(void *user, size_t size)
{
    (void)user;
    void *memory = malloc(size);
    atomic_fetch_add(&blocks, memory != NULL);
    return memory;
}

static void *count_resize(void *user, void *memory, size_t size)
{
    (void)user;
    return realloc(memory, size);
}

static void count_release(void *user, void *memory)
{
    (void)user;
    atomic_fetch_sub(&blocks, 1);
    free(memory);
}

int make_counting_host_with(mote_host **host, const mote_host_options *given)
{
    static const mote_allocator allocator = {sizeof allocator, count_allocate, count_resize,
                                             count_release, NULL};
    mote_host_options options = *given;
    options.size = sizeof options;
    options.allocator = &allocator;
    options.publish = true;
    return mote_host_new(host, &options, &error);
}

int make_counting_host(mote_host **host)
{
    static const mote_host_options none;
    return make_counting_host_with(host, &none);
}

void check_nothing_allocated(void)
{
    long left = atomic_load(&blocks);
    if (left)
        seam_violation("%ld allocations are left", left);
    atomic_store(&blocks, 0);
}
