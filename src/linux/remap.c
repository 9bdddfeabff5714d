/* SPDX-License-Identifier: Apache-2.0 */
/* mremap and madvise. */
#include <sys/mman.h>

#include "error.h"
#include "linux/internal.h"

/* ---- mremap ---- */

/* One of the guest's own mappings, as far as it is to be resized. */
struct mapping {
    uint64_t start, size;
    unsigned access;
    bool is_file;
};

/* All of a range must be mapped alike, as one mapping of Linux is. */
static int64_t look(const mote_sandbox *sandbox, struct mapping *m)
{
    const struct mote__regions *regions = &sandbox->shell->memory.regions;
    size_t at = mote__regions_find(regions, m->start);
    for (uint64_t next = m->start; next < m->start + m->size; at++) {
        if (at == regions->count || regions->list[at].start > next)
            return -EFAULT;
        const struct mote__region *r = &regions->list[at];
        if (next == m->start) {
            m->access = r->access;
            m->is_file = mote__region_is_file(r);
        }
        if (r->access != m->access || mote__region_is_file(r) != m->is_file)
            return -EFAULT;
        next = r->end;
    }
    return 0;
}

static int64_t unmap(mote_sandbox *sandbox, uint64_t start, uint64_t size)
{
    mote_error error = MOTE_ERROR_INIT;
    return mote__linux_errno(
        sandbox, mote__memory_unmap(&sandbox->shell->memory, start, size, &error), &error);
}

/* More of the same behind it, at `start`. A file has no more. */
static int64_t add(mote_sandbox *sandbox, const struct mapping *m, uint64_t start, uint64_t size)
{
    mote_error error = MOTE_ERROR_INIT;
    if (m->is_file)
        return -ENOMEM;
    return mote__linux_errno(sandbox,
                             mote__memory_map(&sandbox->shell->memory, start, size, m->access,
                                              mote__linux_kind_at(sandbox, start), &error),
                             &error);
}

/* To where nothing is mapped, with what it grows by. What it shrinks by goes first, as on Linux:
 * that can fail, and nothing must have moved then. */
static int64_t move(mote_sandbox *sandbox, const struct mapping *m, uint64_t to, uint64_t new_size)
{
    mote_error error = MOTE_ERROR_INIT;
    uint64_t more = new_size > m->size ? new_size - m->size : 0;
    uint64_t kept = more ? m->size : new_size;
    int64_t status = 0;
    if (more)
        status = add(sandbox, m, to + m->size, more);
    else if (kept < m->size)
        status = unmap(sandbox, m->start + kept, m->size - kept);
    if (status)
        return status;
    status = mote__linux_errno(sandbox,
                               mote__memory_move(&sandbox->shell->memory, m->start, kept, to,
                                                 mote__linux_kind_at(sandbox, to), &error),
                               &error);
    if (status && more && !sandbox->error.code)
        unmap(sandbox, to + m->size, more);
    return status ? status : (int64_t)to;
}

/* Where it is, when what lies behind it lets it grow. */
static bool can_grow(const mote_sandbox *sandbox, const struct mapping *m, uint64_t new_size)
{
    uint64_t end = m->start + m->size, more = new_size - m->size;
    return !m->is_file && mote__linux_is_own(sandbox, m->start, new_size) &&
           mote__memory_is_free(&sandbox->shell->memory, end, more);
}

static int64_t resize(mote_sandbox *sandbox, const struct mapping *m, uint64_t new_size,
                      bool may_move)
{
    int64_t status = 0;
    uint64_t to;
    if (new_size < m->size)
        status = unmap(sandbox, m->start + new_size, m->size - new_size);
    if (new_size > m->size && !can_grow(sandbox, m, new_size))
        return may_move ? mote__linux_gap(sandbox, new_size, &to) ?: move(sandbox, m, to, new_size)
                        : -ENOMEM;
    if (new_size > m->size)
        status = add(sandbox, m, m->start + m->size, new_size - m->size);
    return status ? status : (int64_t)m->start;
}

static int64_t move_to(mote_sandbox *sandbox, const struct mapping *m, uint64_t to,
                       uint64_t new_size)
{
    if (!mote__linux_align(to, &new_size) || !mote__linux_is_own(sandbox, to, new_size) ||
        (to < m->start + m->size && m->start < to + new_size))
        return -EINVAL;
    return unmap(sandbox, to, new_size) ?: move(sandbox, m, to, new_size);
}

int64_t mote__linux_mremap(mote_sandbox *sandbox, struct mote__syscall *call)
{
    struct mapping m = {.start = call->args[0], .size = call->args[1]};
    uint64_t new_size = call->args[2], flags = call->args[3];
    bool fixed = flags & MREMAP_FIXED, may_move = flags & MREMAP_MAYMOVE;
    if (flags & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED) || (fixed && !may_move) ||
        !mote__linux_align(m.start, &m.size) || !mote__linux_align(0, &new_size))
        return -EINVAL;
    if (!mote__linux_is_own(sandbox, m.start, m.size))
        return -EFAULT;
    int64_t status = look(sandbox, &m);
    if (status)
        return status;
    return fixed ? move_to(sandbox, &m, call->args[4], new_size)
                 : resize(sandbox, &m, new_size, may_move);
}

/* ---- madvise ---- */

/* What only hints: taken, without effect. */
static bool is_hint(uint64_t advice)
{
    switch (advice) {
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_WILLNEED:
    case MADV_FREE:
    case MADV_DONTFORK:
    case MADV_DOFORK:
    case MADV_MERGEABLE:
    case MADV_UNMERGEABLE:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_DONTDUMP:
    case MADV_DODUMP:
    case MADV_COLD:
    case MADV_PAGEOUT:
        return true;
    default:
        return false;
    }
}

int64_t mote__linux_madvise(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t start = call->args[0], size = call->args[1], advice = call->args[2];
    mote_error error = MOTE_ERROR_INIT;
    if (advice != MADV_DONTNEED && !is_hint(advice))
        return -EINVAL;
    if (size == 0)
        return start % MOTE__PAGE ? -EINVAL : 0;
    if (!mote__linux_align(start, &size))
        return -EINVAL;
    if (is_hint(advice))
        return 0;
    int status = mote__memory_discard(&sandbox->shell->memory, start, size, &error);
    if (status == MOTE_EINVAL)
        return -EINVAL; /* not EACCES, as for protection */
    return mote__linux_errno(sandbox, status, &error);
}
