/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on descriptors as such: numbers, flags, what they are. */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

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
    default:
        return -EINVAL;
    }
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
    default:
        return -ENOTTY;
    }
}

/* ---- where and what ---- */

int64_t mote__linux_lseek(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[0]);
    if (!open)
        return -EBADF;
    return open->kind == MOTE__FD_STREAM ? -ESPIPE : 0;
}

static void describe(const struct mote__open *open, struct stat *st)
{
    memset(st, 0, sizeof *st);
    st->st_mode = open->kind == MOTE__FD_STREAM ? S_IFIFO | 0600 : S_IFCHR | 0666;
    st->st_nlink = 1;
    st->st_uid = st->st_gid = MOTE__LINUX_USER;
    st->st_blksize = 4096;
}

static int64_t put_stat(mote_sandbox *sandbox, uint64_t number, uint64_t address)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, number);
    struct stat st;
    if (!open)
        return -EBADF;
    describe(open, &st);
    return mote__linux_put(sandbox, address, &st, sizeof st);
}

int64_t mote__linux_fstat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return put_stat(sandbox, call->args[0], call->args[1]);
}

/* fstat as newer libraries ask for it. */
int64_t mote__linux_newfstatat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    char path;
    if (!(call->args[3] & AT_EMPTY_PATH) || mote__linux_get(sandbox, call->args[1], &path, 1) ||
        path)
        return mote__linux_refuse(call);
    return put_stat(sandbox, call->args[0], call->args[2]);
}

/* /proc/self/exe, asked by glibc at its start: there is no such file. */
int64_t mote__linux_readlink(mote_sandbox *sandbox, struct mote__syscall *call)
{
    (void)sandbox;
    (void)call;
    return -ENOENT;
}
