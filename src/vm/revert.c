/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/revert.h"

#include <string.h>

#include "error.h"

/* A dirty set beyond the allowance is given up instead of kept for the calls to come.
 * The allowance is 1 MiB, twice as much each time that the set soon comes back, and
 * 1 MiB again when it has not come back for a while. */
#define FIRST_ALLOWANCE 256u
#define LAST_ALLOWANCE  (1u << 20)
#define SOON            1024u

#define LINE            8u /* leaf entries in a cache line */

/* ---- mappings ---- */

/* Takes away what the guest mapped or changed. Memory behind the snapshot's end is
 * released at once, later. */
static int drop_changed(struct mote__memory *memory, size_t base, mote_error *error)
{
    for (size_t i = memory->regions.count; i-- > 0;) {
        struct mote__region r = memory->regions.list[i];
        if (!r.changed)
            continue;
        mote__paging_unmap(&memory->tables, memory->root, r.start, (size_t)(r.end - r.start));
        int status = 0;
        if (r.offset != MOTE__UNBACKED && r.offset < base)
            status = mote__memory_give_back(memory, r.offset, (size_t)(r.end - r.start), error);
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
    int status = mote__memory_give_back(memory, r->offset, size, error);
    if (status)
        return status;
    if (r->offset >= s->read_only)
        mote__snapshot_copy(s, r->offset, size, memory->ram.host + r->offset);
    return mote__memory_map_pages(memory, r, error);
}

static int revert_mappings(struct mote__memory *memory, const struct mote__snapshot *s, size_t base,
                           mote_error *error)
{
    int status = drop_changed(memory, base, error);
    for (size_t i = 0; !status && i < s->regions.count; i++)
        if (!has_region(&memory->regions, &s->regions.list[i]))
            status = restore_region(memory, s, &s->regions.list[i], error);
    if (!status && memory->ram.used > base)
        status = mote__memory_give_back(memory, base, memory->ram.used - base, error);
    if (status)
        return status;
    memory->ram.used = base;
    memory->private_files = 0;
    if (mote__extents_copy(&memory->free, &s->free))
        return mote__fail_memory(error, "the free extents");
    memory->changed = false;
    return 0;
}

/* ---- contents ---- */

/* One pass over the marks. */
struct pass {
    struct mote__memory *memory;
    const struct mote__snapshot *snapshot;
    size_t dirty; /* pages found marked */
    size_t most;  /* stop when there are more; giving up knows no limit */
    bool give_up; /* the pages instead of keeping them */
};

/* Releases what a region's marks span at once, however they are scattered. */
static int give_up_span(struct pass *pass, size_t first, size_t last, mote_error *error)
{
    if (first >= last)
        return 0;
    int status = mote__memory_give_back(pass->memory, first, last - first, error);
    mote__snapshot_copy(pass->snapshot, first, last - first, pass->memory->ram.host + first);
    return status;
}

static void copy_page(const struct pass *pass, size_t offset)
{
#if !defined(MOTE_CONTROL_NO_DIRTY_RESET)
    mote__snapshot_put_page(pass->snapshot, offset, pass->memory->ram.host + offset);
#endif
}

/* The first marked leaf from `i` on; `count`, or more, when there is none. Most are not: it looks
 * at a cache line at once. */
static size_t find_marked(const uint64_t *leaf, size_t i, size_t count)
{
    for (; i + LINE <= count; i += LINE) {
        uint64_t any = 0;
        for (size_t k = 0; k < LINE; k++)
            any |= leaf[i + k];
        if (any & MOTE__PTE_DIRTY)
            break;
    }
    while (i < count && !(leaf[i] & MOTE__PTE_DIRTY))
        i++;
    return i;
}

/* Marked leaves from `leaf` on, for pages from `start` on; first and last span those
 * that are given up. */
static void scan_leaves(struct pass *pass, uint64_t *leaf, size_t count, size_t start,
                        size_t *first, size_t *last)
{
    for (size_t i = find_marked(leaf, 0, count); i < count; i = find_marked(leaf, i + 1, count)) {
        size_t offset = start + i * MOTE__PAGE;
        pass->dirty++;
        if (!pass->give_up) {
            copy_page(pass, offset);
            continue;
        }
        leaf[i] &= ~MOTE__PTE_DIRTY; /* the page is zapped below: later writes mark it again */
        *first = offset < *first ? offset : *first;
        *last = offset + MOTE__PAGE;
    }
}

static int scan_region(struct pass *pass, const struct mote__region *r, mote_error *error)
{
    struct mote__memory *m = pass->memory;
    size_t first = SIZE_MAX, last = 0;
    for (uint64_t at = r->start; at < r->end && pass->dirty <= pass->most;) {
        size_t count;
        uint64_t *leaf = mote__paging_leaves(&m->tables, m->root, at, &count);
        size_t left = (size_t)((r->end - at) / MOTE__PAGE);
        count = count < left ? count : left;
        if (leaf)
            scan_leaves(pass, leaf, count, r->offset + (size_t)(at - r->start), &first, &last);
        at += count * MOTE__PAGE;
    }
    return give_up_span(pass, first, last, error);
}

static int scan(struct pass *pass, mote_error *error)
{
    const struct mote__regions *regions = &pass->memory->regions;
    pass->dirty = 0;
    int status = 0;
    for (size_t i = 0; !status && i < regions->count && pass->dirty <= pass->most; i++) {
        const struct mote__region *r = &regions->list[i];
        if (r->access & MOTE__WRITE && r->offset != MOTE__UNBACKED)
            status = scan_region(pass, r, error);
    }
    return status;
}

/* A set that was given up and soon is there again is worth keeping. */
static void learn(struct mote__keep *keep)
{
    if (keep->trimmed && keep->since_trim <= SOON && keep->allowance < LAST_ALLOWANCE)
        keep->allowance *= 2;
    keep->trimmed = true;
    keep->since_trim = 0;
}

static int put_pages_back(struct mote__shell *shell, const struct mote__snapshot *snapshot,
                          size_t *dirty, mote_error *error)
{
    struct mote__keep *keep = &shell->keep;
    if (!keep->allowance || keep->since_trim > SOON)
        *keep = (struct mote__keep){.allowance = FIRST_ALLOWANCE, .since_trim = keep->since_trim};
    struct pass pass = {.memory = &shell->memory, .snapshot = snapshot, .most = keep->allowance};
#if defined(MOTE_CONTROL_NO_TRIM)
    pass.most = SIZE_MAX;
#endif
    int status = scan(&pass, error);
    keep->since_trim++;
    if (!status && pass.dirty > pass.most) {
        if (shell->running)
            return MOTE__MUST_STAND;
        pass.most = SIZE_MAX;
        pass.give_up = true;
        status = scan(&pass, error);
        learn(keep);
    }
    *dirty = pass.dirty;
    return status;
}

/* ---- the whole ---- */

bool mote__shell_outgrown(const struct mote__shell *shell)
{
    const struct mote__arena *tables = &shell->memory.tables;
    return tables->used > tables->reserved / 2;
}

int mote__shell_revert(struct mote__shell *shell, const struct mote__snapshot *snapshot,
                       size_t base, size_t *dirty, mote_error *error)
{
    int status = 0;
    if (shell->memory.changed)
        status = revert_mappings(&shell->memory, snapshot, base, error);
    return status ? status : put_pages_back(shell, snapshot, dirty, error);
}

/* The sandbox's own: no reset takes it away. */
static void drop_init_data(struct mote__memory *memory)
{
    for (size_t i = 0; i < memory->regions.count; i++) {
        struct mote__region *r = &memory->regions.list[i];
        if (r->kind != MOTE__REGION_INIT)
            continue;
        r->changed = true;
        memory->changed = true;
    }
}

static int wipe(struct mote__shell *shell, mote_error *error)
{
    struct mote__memory *memory = &shell->memory;
    const struct mote__snapshot *s = shell->snapshot;
    size_t dirty;
    int status = mote__memory_displace_files(memory, error);
    if (status)
        return status;
    drop_init_data(memory);
    if (shell->keep.allowance > FIRST_ALLOWANCE) /* nobody waits for its memory now */
        shell->keep.allowance = FIRST_ALLOWANCE;
    status = mote__shell_revert(shell, s, mote__snapshot_needs(s), &dirty, error);
    memset(mote__system_page(memory, MOTE__PAGE_MONITOR_STACK), 0, MOTE__PAGE);
    return status;
}

int mote__shell_clean(struct mote__shell *shell, mote_error *error)
{
#if !defined(MOTE_CONTROL_NO_POOL_CLEAN)
    int status = wipe(shell, error);
    if (status)
        return status;
#endif
    mote__shell_go_clean(shell, shell->snapshot);
    return 0;
}
