/* SPDX-License-Identifier: Apache-2.0 */
/* What sandboxes and a host take of the machine: counters, and the marks of the page tables. */
#include <stddef.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "park.h"
#include "sandbox.h"

/* Gives a caller as much of a structure as it knows. */
static int hand_out(void *to, size_t known, size_t least, const void *from, size_t size)
{
    if (known < least)
        return MOTE_EINVAL;
    memcpy(to, from, known < size ? known : size);
    return 0;
}

/* ---- a sandbox ---- */

/* Whether a page is the VM's own from its start on. */
static bool is_copied(const struct mote__snapshot *s, size_t offset)
{
    return offset >= s->read_only && offset < mote__snapshot_needs(s) &&
           mote__snapshot_page(s, offset);
}

struct count {
    size_t dirty; /* pages */
    size_t more;  /* of these, pages that were not there before they were written */
};

static void count_leaves(struct count *count, const struct mote__snapshot *s, const uint64_t *leaf,
                         size_t n, size_t offset)
{
    for (size_t i = 0; i < n; i++, offset += MOTE__PAGE) {
        if (!(leaf[i] & MOTE__PTE_DIRTY))
            continue;
        count->dirty++;
        count->more += !is_copied(s, offset);
    }
}

static void count_region(struct count *count, struct mote__memory *m,
                         const struct mote__snapshot *s, const struct mote__region *r)
{
    if (r->offset == MOTE__UNBACKED || r->offset < s->read_only)
        return;
    for (uint64_t at = r->start; at < r->end;) {
        size_t n;
        const uint64_t *leaf = mote__paging_leaves(&m->tables, m->root, at, &n);
        size_t left = (size_t)((r->end - at) / MOTE__PAGE);
        n = n < left ? n : left;
        if (leaf)
            count_leaves(count, s, leaf, n, r->offset + (size_t)(at - r->start));
        at += n * MOTE__PAGE;
    }
}

static size_t copied_bytes(const struct mote__snapshot *s)
{
    size_t bytes = 0;
    for (size_t i = 0; i < s->nruns; i++)
        bytes += s->runs[i].size;
    return bytes;
}

static void measure_shell(const mote_sandbox *sandbox, mote_memory_use *use)
{
    struct mote__memory *m = &sandbox->shell->memory;
    const struct mote__snapshot *s = sandbox->snapshot;
    struct count count = {0, 0};
    for (size_t i = 0; i < m->regions.count; i++)
        count_region(&count, m, s, &m->regions.list[i]);
    use->dirty = count.dirty * MOTE__PAGE;
    use->resident = copied_bytes(s) + count.more * MOTE__PAGE + m->tables.used +
                    mote__align_up(sandbox->init_size, MOTE__PAGE);
    use->shared = m->read_only + m->files_used;
}

int mote_sandbox_memory(mote_sandbox *sandbox, mote_memory_use *use)
{
    if (!use)
        return MOTE_EINVAL;
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    mote_memory_use all = {.size = use->size};
    if (sandbox->shell)
        measure_shell(sandbox, &all);
    if (sandbox->parked)
        all.parked = sizeof *sandbox->parked + mote__delta_bytes(&sandbox->parked->delta);
    mote__sandbox_leave(sandbox);
    return hand_out(use, use->size, MOTE__SIZE_UP_TO(mote_memory_use, parked), &all, sizeof all);
}

/* ---- a host ---- */

int mote_host_describe(mote_host *host, mote_host_use *use)
{
    if (!host || !use)
        return MOTE_EINVAL;
    if (mote__host_forked(host))
        return MOTE_EFORKED;
    mote_host_use all = {
        .size = use->size,
        .sandboxes = atomic_load(&host->crowd.sandboxes),
        .parked = atomic_load(&host->crowd.parked),
    };
    mote__pool_count(&host->pool, &all);
    return hand_out(use, use->size, MOTE__SIZE_UP_TO(mote_host_use, vms_reused), &all, sizeof all);
}
