/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back to the snapshot. The processor marks each page that the guest writes in
 * our own page tables (D bits), the host marks what it writes itself; a reset
 * reads the marks and copies those pages back, without a system call. Marks
 * stay set: clearing one would need the page to be zapped, or later writes go
 * unseen. Mappings that changed are put back, and a large growth of the marked
 * set is given up, with one system call for each contiguous range.
 */
#include <string.h>

#include "error.h"
#include "sandbox.h"

/* A dirty set beyond the allowance is given up instead of kept for the calls to come.
 * The allowance is 1 MiB, twice as much each time that the set soon comes back, and
 * 1 MiB again when it has not come back for a while. */
#define FIRST_ALLOWANCE 256u
#define LAST_ALLOWANCE  (1u << 20)
#define SOON            16u

/* ---- mappings ---- */

static int release_range(struct mote__memory *memory, size_t offset, size_t size, mote_error *error)
{
#if defined(MOTE_CONTROL_NO_REVOKE)
    (void)memory;
    (void)offset;
    (void)size;
    (void)error;
    return 0;
#endif
#if defined(MOTE_CONTROL_NO_ZERO)
    return mote__zap_pages(memory->ram.host + offset, size);
#endif
    int status = mote__release_pages(memory->ram.host + offset, size);
    return status < 0 ? mote__fail_system(error, status, "releasing guest memory") : 0;
}

/* Copies the snapshot's contents of [offset, offset + size) over memory that is zero. */
static void copy_runs(struct mote__memory *memory, const struct mote__snapshot *s, size_t offset,
                      size_t size)
{
    for (size_t i = 0; i < s->nruns; i++) {
        size_t low = s->runs[i].offset, high = low + s->runs[i].size;
        low = low > offset ? low : offset;
        high = high < offset + size ? high : offset + size;
        if (low < high)
            memcpy(memory->ram.host + low, mote__snapshot_at(s, low), high - low);
    }
}

/* Takes away what the guest mapped or changed. Memory behind the snapshot's end is
 * released at once, later. */
static int drop_fresh(struct mote__memory *memory, size_t base, mote_error *error)
{
    for (size_t i = memory->regions.count; i-- > 0;) {
        struct mote__region r = memory->regions.list[i];
        if (!r.fresh)
            continue;
        mote__paging_unmap(&memory->tables, memory->root, r.start, (size_t)(r.end - r.start));
        int status = 0;
        if (r.offset != MOTE__UNBACKED && r.offset < base)
            status = release_range(memory, r.offset, (size_t)(r.end - r.start), error);
        if (status)
            return status;
        mote__regions_remove(&memory->regions, i);
    }
    return 0;
}

static bool has_region(const struct mote__regions *regions, const struct mote__region *wanted)
{
    size_t i = mote__regions_find(regions, wanted->start);
    return i < regions->count && regions->list[i].start == wanted->start;
}

/* Maps a region of the snapshot again that the guest had unmapped or changed. */
static int restore_region(struct mote__memory *memory, const struct mote__snapshot *s,
                          const struct mote__region *r, mote_error *error)
{
    if (mote__regions_insert(&memory->regions, *r))
        return mote__fail_memory(error, "the region table");
    if (r->offset == MOTE__UNBACKED)
        return 0;
    size_t size = (size_t)(r->end - r->start);
    int status = release_range(memory, r->offset, size, error);
    if (status)
        return status;
    if (r->offset >= s->read_only)
        copy_runs(memory, s, r->offset, size);
    if (!r->access)
        return 0;
    return mote__paging_map(&memory->tables, memory->root, r->start,
                            memory->ram.physical + r->offset, size, r->access, error);
}

static int revert_mappings(mote_sandbox *sandbox, size_t base, mote_error *error)
{
    struct mote__memory *memory = &sandbox->shell->memory;
    const struct mote__snapshot *s = sandbox->snapshot;
    int status = drop_fresh(memory, base, error);
    for (size_t i = 0; !status && i < s->regions.count; i++)
        if (!has_region(&memory->regions, &s->regions.list[i]))
            status = restore_region(memory, s, &s->regions.list[i], error);
    if (!status && memory->ram.used > base)
        status = release_range(memory, base, memory->ram.used - base, error);
    if (status)
        return status;
    memory->ram.used = base;
    if (mote__extents_copy(&memory->free, &s->free))
        return mote__fail_memory(error, "the free extents");
    memory->changed = false;
    return 0;
}

/* ---- contents ---- */

/* What one pass over the marks found. */
struct pass {
    struct mote__memory *memory;
    const struct mote__snapshot *snapshot;
    size_t dirty;       /* pages that are marked */
    bool give_up;       /* give the marked pages up instead of keeping them */
    size_t first, last; /* ram offsets of the run of marked pages to give up */
};

static int give_up_run(struct pass *pass, mote_error *error)
{
    size_t size = pass->last - pass->first;
    if (size == 0)
        return 0;
    int status = release_range(pass->memory, pass->first, size, error);
    copy_runs(pass->memory, pass->snapshot, pass->first, size);
    pass->first = pass->last = 0;
    return status;
}

static int put_page_back(struct pass *pass, size_t offset, uint64_t *leaf, mote_error *error)
{
    pass->dirty++;
    if (!pass->give_up) {
#if !defined(MOTE_CONTROL_NO_DIRTY_RESET)
        memcpy(pass->memory->ram.host + offset, mote__snapshot_at(pass->snapshot, offset),
               MOTE__PAGE);
#endif
        return 0;
    }
    int status = offset == pass->last ? 0 : give_up_run(pass, error);
    if (pass->last == 0)
        pass->first = offset;
    pass->last = offset + MOTE__PAGE;
    *leaf &= ~MOTE__PTE_DIRTY;
    return status;
}

static int scan_region(struct pass *pass, const struct mote__region *r, mote_error *error)
{
    struct mote__memory *m = pass->memory;
    int status = 0;
    for (uint64_t at = r->start; !status && at < r->end;) {
        size_t count;
        uint64_t *leaf = mote__paging_leaves(&m->tables, m->root, at, &count);
        size_t left = (size_t)((r->end - at) / MOTE__PAGE);
        count = count < left ? count : left;
        size_t offset = r->offset + (size_t)(at - r->start);
        for (size_t i = 0; leaf && !status && i < count; i++)
            if (leaf[i] & MOTE__PTE_DIRTY)
                status = put_page_back(pass, offset + i * MOTE__PAGE, &leaf[i], error);
        at += count * MOTE__PAGE;
    }
    return status;
}

static int scan(struct pass *pass, mote_error *error)
{
    const struct mote__regions *regions = &pass->memory->regions;
    pass->dirty = 0;
    int status = 0;
    for (size_t i = 0; !status && i < regions->count; i++) {
        const struct mote__region *r = &regions->list[i];
        if (r->access & MOTE__WRITE && r->kind != MOTE__REGION_INIT)
            status = scan_region(pass, r, error);
    }
    return status ? status : give_up_run(pass, error);
}

/* How many marked pages this reset may keep. */
static size_t allowance(mote_sandbox *sandbox, size_t dirty)
{
    if (sandbox->allowance < FIRST_ALLOWANCE || sandbox->resets_since_trim > SOON)
        sandbox->allowance = FIRST_ALLOWANCE;
    else if (dirty > sandbox->allowance && sandbox->allowance < LAST_ALLOWANCE)
        sandbox->allowance *= 2;
    return sandbox->allowance;
}

static int put_pages_back(mote_sandbox *sandbox, mote_error *error)
{
    struct pass pass = {.memory = &sandbox->shell->memory, .snapshot = sandbox->snapshot};
    int status = scan(&pass, error);
    sandbox->report.reset_pages = pass.dirty;
    if (pass.dirty <= FIRST_ALLOWANCE || pass.dirty <= allowance(sandbox, pass.dirty)) {
        sandbox->resets_since_trim++;
        return status;
    }
#if !defined(MOTE_CONTROL_NO_TRIM)
    sandbox->resets_since_trim = 0;
    pass.give_up = true;
    status = status ? status : scan(&pass, error);
#endif
    return status;
}

/* ---- the whole ---- */

void mote__sandbox_retire(mote_sandbox *sandbox)
{
    mote__shell_free(sandbox->shell);
    sandbox->shell = NULL;
    sandbox->broken = false;
}

/* Tables only ever grow; a guest that spread its mappings far must not leave its
 * successor without room. */
static bool tables_overgrown(const mote_sandbox *sandbox)
{
    const struct mote__arena *tables = &sandbox->shell->memory.tables;
    return tables->used > tables->reserved / 2;
}

static int new_shell(mote_sandbox *sandbox, mote_error *error)
{
    mote__sandbox_retire(sandbox);
    sandbox->allowance = 0;
    return mote__sandbox_give_shell(sandbox, error);
}

static int restore(mote_sandbox *sandbox, mote_error *error)
{
    if (!sandbox->shell || tables_overgrown(sandbox))
        return new_shell(sandbox, error);
    struct mote__memory *memory = &sandbox->shell->memory;
    int status = 0;
    if (memory->changed)
        status = revert_mappings(sandbox, sandbox->base_used, error);
    if (!status)
        status = put_pages_back(sandbox, error);
    return status ? new_shell(sandbox, error) : 0;
}

int mote__sandbox_reset(mote_sandbox *sandbox, mote_error *error)
{
    mote__buffer_wipe(&sandbox->results);
    mote__buffer_wipe(&sandbox->arguments);
    int status = restore(sandbox, error);
    if (status) {
        sandbox->state = MOTE_STATE_POISONED;
        return status;
    }
    sandbox->personality = sandbox->snapshot->personality;
    sandbox->state = MOTE_STATE_READY;
    sandbox->report.resets++;
    mote__sandbox_write_info(sandbox);
    mote__shell_go_clean(sandbox->shell, sandbox->snapshot);
    return 0;
}
