/* SPDX-License-Identifier: Apache-2.0 */
/* read and write in all their forms, on whatever a descriptor refers to. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>

#include "linux/internal.h"

/* ---- pieces: copied once ---- */

/* Up to a piece from an open file or stream into the guest's memory. */
static int64_t take_piece(mote_sandbox *sandbox, const struct mote__open *open, uint64_t address,
                          size_t size)
{
    uint8_t piece[MOTE__PIECE];
    size = size < sizeof piece ? size : sizeof piece;
    int64_t n = 0;
    switch (open->kind) {
    case MOTE__FD_STREAM:
        n = mote__stream_take(sandbox, open, piece, size);
        break;
    case MOTE__FD_RANDOM:
        n = mote__linux_random(sandbox, piece, size) ?: (int64_t)size;
        break;
    default: /* /dev/null */
        break;
    }
    return n > 0 && mote__linux_put(sandbox, address, piece, (size_t)n) ? -EFAULT : n;
}

static int64_t give_piece(mote_sandbox *sandbox, const struct mote__open *open, uint64_t address,
                          size_t size)
{
    uint8_t piece[MOTE__PIECE];
    size = size < sizeof piece ? size : sizeof piece;
    if (mote__linux_get(sandbox, address, piece, size))
        return -EFAULT;
    return open->kind == MOTE__FD_STREAM ? mote__stream_give(sandbox, open, piece, size)
                                         : (int64_t)size;
}

/* ---- one buffer ---- */

static bool may(const struct mote__open *open, int refused)
{
    return open && (open->flags & O_ACCMODE) != (unsigned)refused;
}

/* What there is now: a stream's reader does not want to wait for more. */
static int64_t read_one(mote_sandbox *sandbox, const struct mote__open *open, uint64_t address,
                        uint64_t size)
{
    if (!mote__memory_check(&sandbox->shell->memory, address, size, MOTE__WRITE))
        return -EFAULT;
    return take_piece(sandbox, open, address, (size_t)size);
}

/* All of it, as long as each piece goes whole and nobody stops the call. */
static int64_t write_one(mote_sandbox *sandbox, const struct mote__open *open, uint64_t address,
                         uint64_t size)
{
    if (!mote__memory_check(&sandbox->shell->memory, address, size, MOTE__READ))
        return -EFAULT;
    uint64_t done = 0;
    do {
        int64_t n = give_piece(sandbox, open, address + done, (size_t)(size - done));
        if (n <= 0)
            return done ? (int64_t)done : n;
        done += (uint64_t)n;
    } while (done < size && !mote__linux_stopping(sandbox));
    return (int64_t)done;
}

typedef int64_t transfer_fn(mote_sandbox *, const struct mote__open *, uint64_t, uint64_t);

int64_t mote__linux_read(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[0]);
    return may(open, O_WRONLY) ? read_one(sandbox, open, call->args[1], call->args[2]) : -EBADF;
}

int64_t mote__linux_write(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[0]);
    return may(open, O_RDONLY) ? write_one(sandbox, open, call->args[1], call->args[2]) : -EBADF;
}

/* ---- several buffers ---- */

/* One element after the other, as long as each goes whole. */
static int64_t each_element(mote_sandbox *sandbox, const struct mote__open *open,
                            const struct mote__syscall *call, transfer_fn *one)
{
    uint64_t vector = call->args[1], count = call->args[2];
    int64_t total = 0;
    if (count > IOV_MAX)
        return -EINVAL;
    for (uint64_t i = 0; i < count && !mote__linux_stopping(sandbox); i++) {
        struct iovec element;
        if (mote__linux_get(sandbox, vector + i * sizeof element, &element, sizeof element))
            return total ? total : -EFAULT;
        if (element.iov_len == 0)
            continue;
        int64_t n = one(sandbox, open, (uintptr_t)element.iov_base, element.iov_len);
        if (n < 0)
            return total ? total : n;
        total += n;
        if ((uint64_t)n < element.iov_len)
            break;
    }
    return total;
}

int64_t mote__linux_readv(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[0]);
    return may(open, O_WRONLY) ? each_element(sandbox, open, call, read_one) : -EBADF;
}

int64_t mote__linux_writev(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[0]);
    return may(open, O_RDONLY) ? each_element(sandbox, open, call, write_one) : -EBADF;
}
