/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* ---- what descriptors refer to ---- */

static void drop(struct mote__fds *fds, size_t open)
{
    struct mote__open *o = &fds->opens[open];
    if (--o->references)
        return;
    mote__file_unref(o->file);
    *o = (struct mote__open){0};
}

/* There are as many as descriptors may be, so that one is free where a descriptor is. */
static size_t free_open(const struct mote__fds *fds)
{
    size_t i = 0;
    while (fds->opens[i].kind != MOTE__FD_FREE)
        i++;
    return i;
}

/* ---- numbers ---- */

/* The first descriptor that is not below `number`. */
static size_t position(const struct mote__fds *fds, uint64_t number)
{
    size_t low = 0, high = fds->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (fds->list[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct mote__descriptor *mote__fds_find(const struct mote__fds *fds, uint64_t number)
{
    size_t at = position(fds, number);
    return at < fds->count && fds->list[at].number == number ? &fds->list[at] : NULL;
}

struct mote__open *mote__fds_open_of(const struct mote__fds *fds, uint64_t number)
{
    const struct mote__descriptor *d = mote__fds_find(fds, number);
    return d ? &fds->opens[d->open] : NULL;
}

static uint64_t lowest_free(const struct mote__fds *fds, uint64_t number)
{
    for (size_t at = position(fds, number); at < fds->count; at++, number++)
        if (fds->list[at].number != number)
            break;
    return number;
}

/* There must be room. */
static void insert(struct mote__fds *fds, uint64_t number, size_t open, bool close_on_exec)
{
    size_t at = position(fds, number);
    struct mote__descriptor *d = &fds->list[at];
    memmove(d + 1, d, (fds->count - at) * sizeof *d);
    *d = (struct mote__descriptor){(uint16_t)number, (uint16_t)open, close_on_exec};
    fds->count++;
    fds->opens[open].references++;
    fds->changed = true;
}

static bool has_room(const struct mote__fds *fds, uint64_t number)
{
    return mote__fds_has_room(fds) && number < MOTE__FD_END;
}

int mote__fds_add(struct mote__fds *fds, uint64_t lowest, bool close_on_exec,
                  struct mote__open **open)
{
    uint64_t number = lowest_free(fds, lowest);
    if (!has_room(fds, number))
        return -EMFILE;
    size_t at = free_open(fds);
    insert(fds, number, at, close_on_exec);
    *open = &fds->opens[at];
    return (int)number;
}

int mote__fds_duplicate(struct mote__fds *fds, uint64_t from, uint64_t lowest, bool close_on_exec)
{
    const struct mote__descriptor *d = mote__fds_find(fds, from);
    if (!d)
        return -EBADF;
    if (lowest >= MOTE__FD_END)
        return -EINVAL;
    uint64_t number = lowest_free(fds, lowest);
    if (!has_room(fds, number))
        return -EMFILE;
    insert(fds, number, d->open, close_on_exec);
    return (int)number;
}

int mote__fds_replace(struct mote__fds *fds, uint64_t from, uint64_t to, bool close_on_exec)
{
    const struct mote__descriptor *d = mote__fds_find(fds, from);
    if (!d || to >= MOTE__FD_END)
        return -EBADF;
    size_t open = d->open;
    if (!mote__fds_find(fds, to) && !has_room(fds, to))
        return -EMFILE;
    mote__fds_close(fds, to);
    insert(fds, to, open, close_on_exec);
    return (int)to;
}

int mote__fds_close(struct mote__fds *fds, uint64_t number)
{
    struct mote__descriptor *d = mote__fds_find(fds, number);
    if (!d)
        return -EBADF;
    size_t open = d->open, at = (size_t)(d - fds->list);
    fds->count--;
    memmove(d, d + 1, (fds->count - at) * sizeof *d);
    drop(fds, open);
    fds->changed = true;
    return 0;
}

/* ---- life ---- */

static unsigned flags_of(const struct mote__stream *s)
{
    return s->readable ? s->writable ? O_RDWR : O_RDONLY : O_WRONLY;
}

static void open_first(struct mote__fds *fds)
{
    for (size_t i = 0; fds->policy && i < fds->policy->nstreams; i++) {
        const struct mote__stream *s = &fds->policy->streams[i];
        fds->opens[i] =
            (struct mote__open){.kind = MOTE__FD_STREAM, .flags = flags_of(s), .stream = i};
        insert(fds, (uint64_t)s->guest_fd, i, false);
    }
    if (fds->cwd)
        memcpy(fds->cwd, "/", 2);
    fds->file_bytes_left = fds->policy ? fds->policy->file_bytes : 0;
    fds->changed = false;
}

int mote__fds_init(struct mote__fds *fds, const mote_policy *policy)
{
    fds->policy = policy;
    if (!policy)
        return 0;
    const mote_allocator *allocator = &policy->host->allocator;
    fds->room = policy->open_files > policy->nstreams ? policy->open_files : policy->nstreams;
    fds->list = mote__alloc_array(allocator, fds->room, sizeof *fds->list);
    fds->opens = mote__alloc_array(allocator, fds->room, sizeof *fds->opens);
    fds->streams = mote__alloc_array(allocator, policy->nstreams, sizeof *fds->streams);
    if (policy->mounts.count)
        fds->cwd = mote__alloc(allocator, MOTE__PATH_MAX);
    if (!fds->list || !fds->opens || !fds->streams || (policy->mounts.count && !fds->cwd))
        return MOTE_ENOMEM;
    open_first(fds);
    return 0;
}

void mote__fds_reset(struct mote__fds *fds)
{
    for (size_t i = 0; fds->policy && i < fds->policy->nstreams; i++) {
        fds->streams[i].taken = fds->streams[i].given = 0;
        mote__capture_discard(&fds->streams[i].capture);
    }
    if (!fds->changed)
        return;
    while (fds->count)
        mote__fds_close(fds, fds->list[fds->count - 1].number);
    open_first(fds);
}

void mote__fds_free(struct mote__fds *fds)
{
    while (fds->count)
        mote__fds_close(fds, fds->list[fds->count - 1].number);
    for (size_t i = 0; fds->streams && i < fds->policy->nstreams; i++)
        mote__capture_discard(&fds->streams[i].capture);
    mote__free(fds->streams);
    mote__free(fds->cwd);
    mote__free(fds->opens);
    mote__free(fds->list);
}
