/* SPDX-License-Identifier: Apache-2.0 */
/* read and write in all their forms, on whatever a descriptor refers to. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>

#include "linux/internal.h"

#define AT_OFFSET UINT64_MAX /* where the file is, not at a place of the call's own */
#define MOST      0x100000u  /* bytes of a file at a time, between two looks at the deadline */

/* ---- streams and devices: in pieces that are copied once ---- */

static int64_t take_piece(mote_sandbox *sandbox, const struct mote__open *open, uint64_t address,
                          size_t size)
{
    uint8_t piece[MOTE__PIECE];
    size = size < sizeof piece ? size : sizeof piece;
    int64_t n = 0;
    if (open->kind == MOTE__FD_STREAM)
        n = mote__stream_take(sandbox, open, piece, size);
    else if (open->kind == MOTE__FD_RANDOM)
        n = mote__linux_random(sandbox, piece, size) ?: (int64_t)size;
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

/* ---- files: from and to the guest's memory as it lies ---- */

/* The host's copy of a part of the guest's buffer, and how much of it lies together. */
static void *part_of(mote_sandbox *sandbox, uint64_t address, uint64_t left, unsigned access,
                     size_t *size)
{
    struct mote__memory *memory = &sandbox->shell->memory;
    *size = left < MOST ? (size_t)left : MOST;
    void *at = mote__memory_at(memory, address, size, access);
    if (at && access & MOTE__WRITE)
        mote__paging_mark_dirty(&memory->tables, memory->root, address, *size);
    return at;
}

static int64_t file_read(mote_sandbox *sandbox, const struct mote__open *open, uint64_t address,
                         uint64_t left, uint64_t offset)
{
    size_t size;
    void *to = part_of(sandbox, address, left, MOTE__WRITE, &size);
    if (!to)
        return -EFAULT;
    return offset == AT_OFFSET ? mote__file_read(open->file, to, size)
                               : mote__file_pread(open->file, to, size, offset);
}

static int64_t file_write(mote_sandbox *sandbox, const struct mote__open *open, uint64_t address,
                          uint64_t left, uint64_t offset)
{
    size_t size;
    uint64_t *budget = &sandbox->fds.file_bytes_left;
    const void *from = part_of(sandbox, address, left, MOTE__READ, &size);
    if (!from)
        return -EFAULT;
    return offset == AT_OFFSET ? mote__file_write(open->file, from, size, budget)
                               : mote__file_pwrite(open->file, from, size, offset, budget);
}

/* ---- one buffer ---- */

/* Moves what it can of [address, address + left) at once; how much, or a negative errno. */
typedef int64_t move_fn(mote_sandbox *, const struct mote__open *, uint64_t, uint64_t, uint64_t);

static int64_t read_part(mote_sandbox *sandbox, const struct mote__open *open, uint64_t address,
                         uint64_t left, uint64_t offset)
{
    return open->kind == MOTE__FD_FILE ? file_read(sandbox, open, address, left, offset)
                                       : take_piece(sandbox, open, address, (size_t)left);
}

static int64_t write_part(mote_sandbox *sandbox, const struct mote__open *open, uint64_t address,
                          uint64_t left, uint64_t offset)
{
    return open->kind == MOTE__FD_FILE ? file_write(sandbox, open, address, left, offset)
                                       : give_piece(sandbox, open, address, (size_t)left);
}

/* A reader of a stream wants what there is now, and does not wait for more. */
static bool is_enough(const struct mote__open *open, move_fn *move)
{
    return move == read_part && open->kind == MOTE__FD_STREAM;
}

static int64_t move_all(mote_sandbox *sandbox, const struct mote__open *open, uint64_t address,
                        uint64_t size, uint64_t offset, move_fn *move)
{
    unsigned access = move == read_part ? MOTE__WRITE : MOTE__READ;
    uint64_t done = 0;
    if (!mote__memory_check(&sandbox->shell->memory, address, size, access))
        return -EFAULT;
    do {
        uint64_t at = offset == AT_OFFSET ? AT_OFFSET : offset + done;
        int64_t n = size ? move(sandbox, open, address + done, size - done, at) : 0;
        if (n <= 0)
            return done ? (int64_t)done : n;
        done += (uint64_t)n;
    } while (done < size && !is_enough(open, move) && !mote__linux_stopping(sandbox));
    return (int64_t)done;
}

/* The open file, for one direction; `offset` only where there are any. */
static int64_t check(const struct mote__open *open, move_fn *move, uint64_t offset)
{
    unsigned wrong = move == read_part ? O_WRONLY : O_RDONLY;
    if (!open || (open->flags & O_ACCMODE) == wrong)
        return -EBADF;
    if (offset != AT_OFFSET && open->kind != MOTE__FD_FILE)
        return -ESPIPE;
    return offset != AT_OFFSET && (int64_t)offset < 0 ? -EINVAL : 0;
}

static int64_t one_buffer(mote_sandbox *sandbox, const struct mote__syscall *call, uint64_t offset,
                          move_fn *move)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[0]);
    int64_t status = check(open, move, offset);
    return status ? status : move_all(sandbox, open, call->args[1], call->args[2], offset, move);
}

/* A place of the call's own; what would mean none is refused like any negative one. */
static uint64_t own_offset(const struct mote__syscall *call)
{
    return call->args[3] == AT_OFFSET ? AT_OFFSET - 1 : call->args[3];
}

int64_t mote__linux_read(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return one_buffer(sandbox, call, AT_OFFSET, read_part);
}

int64_t mote__linux_write(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return one_buffer(sandbox, call, AT_OFFSET, write_part);
}

int64_t mote__linux_pread(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return one_buffer(sandbox, call, own_offset(call), read_part);
}

int64_t mote__linux_pwrite(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return one_buffer(sandbox, call, own_offset(call), write_part);
}

/* ---- several buffers ---- */

/* One element after the other, as long as each goes whole. */
static int64_t each_element(mote_sandbox *sandbox, const struct mote__syscall *call,
                            uint64_t offset, move_fn *move)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[0]);
    uint64_t vector = call->args[1], count = call->args[2];
    int64_t total = 0, status = check(open, move, offset);
    if (status || count > IOV_MAX)
        return status ? status : -EINVAL;
    for (uint64_t i = 0; i < count && !mote__linux_stopping(sandbox); i++) {
        struct iovec element;
        if (mote__linux_get(sandbox, vector + i * sizeof element, &element, sizeof element))
            return total ? total : -EFAULT;
        if (element.iov_len == 0)
            continue;
        uint64_t at = offset == AT_OFFSET ? AT_OFFSET : offset + (uint64_t)total;
        int64_t n = move_all(sandbox, open, (uintptr_t)element.iov_base, element.iov_len, at, move);
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
    return each_element(sandbox, call, AT_OFFSET, read_part);
}

int64_t mote__linux_writev(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return each_element(sandbox, call, AT_OFFSET, write_part);
}

int64_t mote__linux_preadv(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return each_element(sandbox, call, own_offset(call), read_part);
}

int64_t mote__linux_pwritev(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return each_element(sandbox, call, own_offset(call), write_part);
}
