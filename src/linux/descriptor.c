/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on descriptors as such: numbers and flags. */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "linux/internal.h"

#define CLOSE_RANGE_CLOEXEC 4u /* linux/close_range.h */
#define SETTABLE            ((unsigned)(O_APPEND | O_NONBLOCK))

int64_t mote__linux_close(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return mote__fds_close(&sandbox->fds, call->args[0]);
}

int64_t mote__linux_close_range(mote_sandbox *sandbox, struct mote__syscall *call)
{
    struct mote__fds *fds = &sandbox->fds;
    uint64_t first = (uint32_t)call->args[0], last = (uint32_t)call->args[1];
    if (first > last || call->args[2] & ~(uint64_t)CLOSE_RANGE_CLOEXEC)
        return -EINVAL;
    for (uint64_t i = first; i <= last && i < MOTE__FD_END; i++) {
        struct mote__descriptor *d = mote__fds_find(fds, i);
        if (d && call->args[2])
            d->close_on_exec = fds->changed = true;
        else if (d)
            mote__fds_close(fds, i);
    }
    return 0;
}

int64_t mote__linux_dup(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return mote__fds_duplicate(&sandbox->fds, call->args[0], 0, false);
}

int64_t mote__linux_dup2(mote_sandbox *sandbox, struct mote__syscall *call)
{
    if (call->args[0] == call->args[1])
        return mote__fds_find(&sandbox->fds, call->args[0]) ? (int64_t)call->args[0] : -EBADF;
    return mote__fds_replace(&sandbox->fds, call->args[0], call->args[1], false);
}

int64_t mote__linux_dup3(mote_sandbox *sandbox, struct mote__syscall *call)
{
    if (call->args[0] == call->args[1] || call->args[2] & ~(uint64_t)O_CLOEXEC)
        return -EINVAL;
    return mote__fds_replace(&sandbox->fds, call->args[0], call->args[1], call->args[2] != 0);
}

/* ---- fcntl, ioctl ---- */

static int64_t set_flags(struct mote__fds *fds, struct mote__open *open, uint64_t flags)
{
    open->flags = (open->flags & ~SETTABLE) | ((unsigned)flags & SETTABLE);
    if (open->kind == MOTE__FD_FILE) {
        open->file->flags &= ~(unsigned)MOTE__OPEN_APPEND;
        open->file->flags |= flags & O_APPEND ? MOTE__OPEN_APPEND : 0;
    }
    fds->changed = true;
    return 0;
}

int64_t mote__linux_fcntl(mote_sandbox *sandbox, struct mote__syscall *call)
{
    struct mote__fds *fds = &sandbox->fds;
    uint64_t number = call->args[0], argument = call->args[2];
    struct mote__descriptor *d = mote__fds_find(fds, number);
    if (!d)
        return -EBADF;
    struct mote__open *open = &fds->opens[d->open];
    switch ((int)call->args[1]) {
    case F_DUPFD:
        return mote__fds_duplicate(fds, number, argument, false);
    case F_DUPFD_CLOEXEC:
        return mote__fds_duplicate(fds, number, argument, true);
    case F_GETFD:
        return d->close_on_exec ? FD_CLOEXEC : 0;
    case F_SETFD:
        d->close_on_exec = argument & FD_CLOEXEC;
        fds->changed = true;
        return 0;
    case F_GETFL:
        return open->flags;
    case F_SETFL:
        return set_flags(fds, open, argument);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return mote__linux_record_lock(sandbox, open, (int)call->args[1], argument);
    default:
        return -EINVAL;
    }
}

/* Bytes that a read would give now. */
static int64_t put_readable(mote_sandbox *sandbox, const struct mote__open *open, uint64_t address)
{
    struct mote__file_status st;
    uint64_t left = 0;
    if (open->kind == MOTE__FD_FILE && !mote__file_status(open->file, &st))
        left = st.size > open->file->offset ? st.size - open->file->offset : 0;
    else if (open->kind == MOTE__FD_STREAM)
        left = mote__stream_readable(sandbox, open);
    int32_t answer = left < INT32_MAX ? (int32_t)left : INT32_MAX;
    return mote__linux_put(sandbox, address, &answer, sizeof answer);
}

/* Nothing here is a terminal. */
int64_t mote__linux_ioctl(mote_sandbox *sandbox, struct mote__syscall *call)
{
    struct mote__descriptor *d = mote__fds_find(&sandbox->fds, call->args[0]);
    if (!d)
        return -EBADF;
    switch (call->args[1]) {
    case FIOCLEX:
    case FIONCLEX:
        d->close_on_exec = call->args[1] == FIOCLEX;
        sandbox->fds.changed = true;
        return 0;
    case FIONREAD:
        return put_readable(sandbox, &sandbox->fds.opens[d->open], call->args[2]);
    default:
        return -ENOTTY;
    }
}
