/* SPDX-License-Identifier: Apache-2.0 */
/* brk, mmap, munmap, mprotect: memory within the limit, never executable; mmap_file.c has the
 * files. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "error.h"
#include "linux/internal.h"

int64_t mote__linux_errno(mote_sandbox *sandbox, int status, const mote_error *error)
{
    if (sandbox->shell->memory.damaged && status != MOTE_ENOMEM)
        status = MOTE_ESYSTEM;
    switch (status) {
    case 0:
        return 0;
    case MOTE_ELIMIT:
    case MOTE_ERANGE:
        return -ENOMEM;
    case MOTE_EINVAL:
        return -EACCES;
    default:
        sandbox->broken = true; /* half done: the next reset makes another VM */
        return mote__fault_end(sandbox, status, MOTE_FAULT_MEMORY, 0, "guest memory: %s",
                               error->text);
    }
}

bool mote__linux_align(uint64_t start, uint64_t *size)
{
    const uint64_t top = MOTE__USER_TOP;
    if (start % MOTE__PAGE || *size == 0 || *size > top || start > top - *size)
        return false;
    *size = mote__align_up(*size, MOTE__PAGE);
    return start <= top - *size;
}

/* ---- brk ---- */

static int64_t grow_heap(mote_sandbox *sandbox, uint64_t from, uint64_t to)
{
    mote_error error = MOTE_ERROR_INIT;
    if (from == to)
        return 0;
    return mote__linux_errno(sandbox,
                             mote__memory_map(&sandbox->shell->memory, from, to - from,
                                              MOTE__READ | MOTE__WRITE, MOTE__REGION_HEAP, &error),
                             &error);
}

static int64_t shrink_heap(mote_sandbox *sandbox, uint64_t from, uint64_t to)
{
    mote_error error = MOTE_ERROR_INIT;
    if (from == to)
        return 0;
    return mote__linux_errno(
        sandbox, mote__memory_cut_off(&sandbox->shell->memory, to, from - to, &error), &error);
}

int64_t mote__linux_brk(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t address = call->args[0];
    const struct mote__layout *l = sandbox->shell->layout;
    uint64_t now = sandbox->personality.brk;
    if (address < l->heap || address > l->heap_end)
        return (int64_t)now;
    uint64_t old_end = mote__align_up(now, MOTE__PAGE);
    uint64_t new_end = mote__align_up(address, MOTE__PAGE);
    int64_t status = new_end >= old_end ? grow_heap(sandbox, old_end, new_end)
                                        : shrink_heap(sandbox, old_end, new_end);
    if (!status)
        sandbox->personality.brk = address;
    return (int64_t)sandbox->personality.brk;
}

/* ---- mmap ---- */

static bool to_access(uint64_t protection, unsigned *access)
{
    if (protection & ~(uint64_t)(PROT_READ | PROT_WRITE | PROT_EXEC))
        return false;
    *access = (protection & PROT_READ ? MOTE__READ : 0) |
              (protection & PROT_WRITE ? MOTE__READ | MOTE__WRITE : 0) |
              (protection & PROT_EXEC ? MOTE__EXECUTE : 0);
    return true;
}

bool mote__linux_is_own(const mote_sandbox *sandbox, uint64_t start, uint64_t size)
{
    const struct mote__layout *l = sandbox->shell->layout;
    uint64_t end = start + size;
    return (start >= l->mmap && end <= l->mmap_end) || end <= l->window;
}

/* Image and heap pages, too, may change their access; the rest may not. */
static bool may_protect(const mote_sandbox *sandbox, uint64_t start, uint64_t size)
{
    const struct mote__layout *l = sandbox->shell->layout;
    return mote__linux_is_own(sandbox, start, size) ||
           (start >= sandbox->image->elf.low && start + size <= l->heap_end);
}

enum mote__region_kind mote__linux_kind_at(const mote_sandbox *sandbox, uint64_t start)
{
    return start < sandbox->shell->layout->window ? MOTE__REGION_WINDOW : MOTE__REGION_MMAP;
}

int64_t mote__linux_gap(const mote_sandbox *sandbox, uint64_t size, uint64_t *start)
{
    const struct mote__layout *l = sandbox->shell->layout;
    *start = mote__regions_gap(&sandbox->shell->memory.regions, size, l->mmap, l->mmap_end);
    return *start ? 0 : -ENOMEM;
}

/* Empties the place for MAP_FIXED. */
static int64_t clear_place(mote_sandbox *sandbox, uint64_t start, uint64_t size)
{
    mote_error error = MOTE_ERROR_INIT;
    return mote__linux_errno(
        sandbox, mote__memory_unmap(&sandbox->shell->memory, start, size, &error), &error);
}

/* A hint is taken where it can be: aligned, in the area for mappings, and free. */
static int64_t place(mote_sandbox *sandbox, uint64_t *start, uint64_t size, uint64_t flags)
{
    bool fits = mote__linux_align(*start, &size) && mote__linux_is_own(sandbox, *start, size);
    bool is_free = fits && mote__memory_is_free(&sandbox->shell->memory, *start, size);
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) && !fits)
        return -EINVAL;
    if (flags & MAP_FIXED_NOREPLACE)
        return is_free ? 0 : -EEXIST;
    if (flags & MAP_FIXED)
        return clear_place(sandbox, *start, size);
    bool is_hint = is_free && *start >= sandbox->shell->layout->mmap;
    return is_hint ? 0 : mote__linux_gap(sandbox, size, start);
}

/* What promises more than there is: other sizes of pages, a stack that grows by itself. */
#define NO_FLAGS ((uint64_t)(MAP_HUGETLB | MAP_GROWSDOWN | MAP_SYNC))

static bool are_good_flags(uint64_t flags)
{
    uint64_t type = flags & MAP_TYPE;
    return !(flags & NO_FLAGS) &&
           (type == MAP_PRIVATE || type == MAP_SHARED || type == MAP_SHARED_VALIDATE);
}

int64_t mote__linux_mmap(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t start = call->args[0], size = call->args[1], flags = call->args[3];
    const struct mote__file *file = NULL;
    unsigned access;
    if (size == 0 || size > MOTE__USER_TOP || !to_access(call->args[2], &access) ||
        !are_good_flags(flags))
        return -EINVAL;
    if (access & MOTE__EXECUTE)
        return -EACCES;
    int64_t status = flags & MAP_ANONYMOUS ? 0 : mote__linux_mappable(sandbox, call, &file);
    if (status)
        return status;
    size = mote__align_up(size, MOTE__PAGE);
    status = place(sandbox, &start, size, flags);
    if (status)
        return status;
    mote_error error = MOTE_ERROR_INIT;
    enum mote__region_kind kind = mote__linux_kind_at(sandbox, start);
    if (file) {
        status = mote__linux_map_file(sandbox, file, start, size, call->args[5], access, kind);
        return status ? status : (int64_t)start;
    }
    status = mote__linux_errno(
        sandbox, mote__memory_map(&sandbox->shell->memory, start, size, access, kind, &error),
        &error);
    return status ? status : (int64_t)start;
}

int64_t mote__linux_munmap(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t address = call->args[0], size = call->args[1];
    if (!mote__linux_align(address, &size) || !mote__linux_is_own(sandbox, address, size))
        return -EINVAL;
    mote_error error = MOTE_ERROR_INIT;
    return mote__linux_errno(
        sandbox, mote__memory_unmap(&sandbox->shell->memory, address, size, &error), &error);
}

int64_t mote__linux_mprotect(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t address = call->args[0], size = call->args[1], protection = call->args[2];
    unsigned access;
    if (size == 0)
        return 0;
    if (!mote__linux_align(address, &size) || !to_access(protection, &access))
        return -EINVAL;
    if (!may_protect(sandbox, address, size))
        return -EACCES;
    mote_error error = MOTE_ERROR_INIT;
    return mote__linux_errno(
        sandbox, mote__memory_protect(&sandbox->shell->memory, address, size, access, &error),
        &error);
}
