/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmap of files, private. A file that was granted by itself shares its pages (vm/memory_file.c).
 * One in a granted directory is copied, as of the mmap: so it is only mapped where a copy is what
 * was asked for, MAP_PRIVATE. MAP_SHARED is ENODEV there; programs read instead.
 */
#include <sys/mman.h>

#include "error.h"
#include "linux/internal.h"

#define STEP ((size_t)1 << 20) /* bytes read between two looks at whether to stop */

static bool is_shared(const struct mote__syscall *call)
{
    return call->args[3] & MAP_SHARED; /* MAP_SHARED_VALIDATE has its bit, too */
}

static bool is_granted(const struct mote__file *file)
{
    return file->mount && file->mount->kind == MOTE__MOUNT_FILE;
}

int64_t mote__linux_mappable(const mote_sandbox *sandbox, const struct mote__syscall *call,
                             const struct mote__file **file)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[4]);
    uint64_t size = call->args[1], offset = call->args[5];
    if (!open)
        return -EBADF;
    if (open->kind != MOTE__FD_FILE || open->file->kind != MOTE__KIND_FILE)
        return -ENODEV;
    *file = open->file;
    if (!((*file)->flags & MOTE__OPEN_READ))
        return -EACCES;
    if (is_shared(call) && call->args[2] & PROT_WRITE && !((*file)->flags & MOTE__OPEN_WRITE))
        return -EACCES;
    if (is_shared(call) && !is_granted(*file))
        return -ENODEV;
    if (offset % MOTE__PAGE)
        return -EINVAL;
    return offset > INT64_MAX || size > INT64_MAX - offset ? -EOVERFLOW : 0;
}

/* Reads [offset, offset + size) of a file to zeroed memory of the guest, as far as it goes. */
static int64_t fill(mote_sandbox *sandbox, const struct mote__file *file, uint64_t start,
                    uint64_t size, uint64_t offset)
{
    struct mote__memory *memory = &sandbox->shell->memory;
    mote__paging_mark_dirty(&memory->tables, memory->root, start, size);
    for (uint64_t done = 0; done < size;) {
        size_t part = size - done < STEP ? (size_t)(size - done) : STEP;
        void *to = mote__memory_at(memory, start + done, &part, MOTE__WRITE);
        int64_t n = mote__file_pread(file, to, part, offset + done);
        if (n <= 0)
            return n;
        if (mote__linux_stopping(sandbox))
            return -EINTR;
        done += (uint64_t)n;
    }
    return 0;
}

/* Bytes of the file's pages from `offset` on. */
static int64_t pages_from(const struct mote__file *file, uint64_t offset, uint64_t *pages)
{
    struct mote__file_status status;
    int failed = mote__file_status(file, &status);
    uint64_t end = failed ? 0 : mote__align_up(status.size, MOTE__PAGE);
    *pages = offset < end ? end - offset : 0;
    return failed;
}

static int64_t map_copy(mote_sandbox *sandbox, const struct mote__file *file, uint64_t start,
                        uint64_t size, uint64_t offset, unsigned access,
                        enum mote__region_kind kind)
{
    struct mote__memory *memory = &sandbox->shell->memory;
    mote_error error = MOTE_ERROR_INIT;
    int status = mote__memory_map(memory, start, size, MOTE__READ | MOTE__WRITE, kind, &error);
    if (status)
        return mote__linux_errno(sandbox, status, &error);
    int64_t failed = fill(sandbox, file, start, size, offset);
    if (!failed && access != (MOTE__READ | MOTE__WRITE))
        status = mote__memory_protect(memory, start, size, access, &error);
    if (failed || status)
        mote__memory_undo(memory, start, size);
    return status ? mote__linux_errno(sandbox, status, &error) : failed;
}

static int64_t map_from_directory(mote_sandbox *sandbox, const struct mote__file *file,
                                  uint64_t start, uint64_t size, uint64_t offset, unsigned access,
                                  enum mote__region_kind kind)
{
    struct mote__memory *memory = &sandbox->shell->memory;
    mote_error error = MOTE_ERROR_INIT;
    uint64_t inside;
    int64_t failed = pages_from(file, offset, &inside);
    inside = inside < size ? inside : size;
    if (!failed && inside)
        failed = map_copy(sandbox, file, start, inside, offset, access, kind);
    if (failed || inside == size)
        return failed;
    int status = mote__memory_map(memory, start + inside, size - inside, 0, kind, &error);
    if (status && inside)
        mote__memory_undo(memory, start, inside);
    return mote__linux_errno(sandbox, status, &error);
}

int64_t mote__linux_map_file(mote_sandbox *sandbox, const struct mote__file *file, uint64_t start,
                             uint64_t size, uint64_t offset, unsigned access,
                             enum mote__region_kind kind)
{
    mote_error error = MOTE_ERROR_INIT;
    if (!is_granted(file))
        return map_from_directory(sandbox, file, start, size, offset, access, kind);
    int status = mote__memory_map_file(&sandbox->shell->memory, start, size, file->mount, offset,
                                       access, kind, &error);
    return mote__linux_errno(sandbox, status, &error);
}
