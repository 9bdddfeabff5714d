/* SPDX-License-Identifier: Apache-2.0 */
/* What mremap and madvise need of the memory of a guest. */
#include "error.h"
#include "os/os.h"
#include "vm/memory.h"

static int not_mapped(mote_error *error)
{
    return mote__fail(error, MOTE_DOMAIN_GUEST, MOTE_ERANGE, 0, NULL,
                      "a part of the range is not mapped");
}

/* Calls `check` with each region of a range that is mapped whole. */
static int each_region(const struct mote__memory *memory, uint64_t start, uint64_t end,
                       bool (*check)(const struct mote__region *), mote_error *error)
{
    for (size_t at = mote__regions_find(&memory->regions, start); start < end; at++) {
        const struct mote__region *r = &memory->regions.list[at];
        if (at == memory->regions.count || r->start > start)
            return not_mapped(error);
        if (!check(r))
            return mote__fail(error, MOTE_DOMAIN_GUEST, MOTE_EINVAL, 0, NULL,
                              "this memory is not the guest's to change");
        start = r->end;
    }
    return 0;
}

/* ---- moving ---- */

static bool may_move(const struct mote__region *r)
{
    return r->kind == MOTE__REGION_MMAP || r->kind == MOTE__REGION_WINDOW ||
           mote__region_is_file(r);
}

static struct mote__region shifted(const struct mote__region *r, uint64_t from, uint64_t to,
                                   enum mote__region_kind kind)
{
    struct mote__region moved = *r;
    moved.start = r->start - from + to;
    moved.end = r->end - from + to;
    moved.kind = mote__region_is_file(r) ? r->kind : kind;
    moved.changed = true;
    return moved;
}

/* The entries at the new place, while the old ones stand: this may fail, and is undone then. */
static int map_there(struct mote__memory *memory, uint64_t from, uint64_t size, uint64_t to,
                     mote_error *error)
{
    int status = 0;
    size_t at = mote__regions_find(&memory->regions, from);
    for (; !status && at < memory->regions.count; at++) {
        if (memory->regions.list[at].start >= from + size)
            break;
        struct mote__region moved =
            shifted(&memory->regions.list[at], from, to, memory->regions.list[at].kind);
        status = mote__memory_map_pages(memory, &moved, error);
    }
    if (status)
        mote__paging_unmap(&memory->tables, memory->root, to, (size_t)size);
    return status;
}

/* Takes a region from its old place; there is room for it in the table at the new one. */
static int move_region(struct mote__memory *memory, size_t at, const struct mote__region *moved,
                       mote_error *error)
{
    struct mote__region r = memory->regions.list[at];
    mote__paging_unmap(&memory->tables, memory->root, r.start, (size_t)(r.end - r.start));
    mote__regions_remove(&memory->regions, at);
    if (mote__regions_insert(&memory->regions, *moved)) {
        memory->damaged = true;
        return mote__fail_memory(error, "the region table");
    }
    if (r.offset == MOTE__UNBACKED || !r.access)
        return 0;
    /* The D bits went with the old entries. */
    mote__paging_mark_dirty(&memory->tables, memory->root, moved->start, moved->end - moved->start);
    return mote__memory_zap(memory, &r, error);
}

int mote__memory_move(struct mote__memory *memory, uint64_t from, uint64_t size, uint64_t to,
                      enum mote__region_kind kind, mote_error *error)
{
    int status = each_region(memory, from, from + size, may_move, error);
    if (!status)
        status = mote__memory_cut_out(memory, from, from + size, error);
    if (!status)
        status = map_there(memory, from, size, to, error);
    while (!status) {
        size_t at = mote__regions_find(&memory->regions, from);
        if (at == memory->regions.count || memory->regions.list[at].start >= from + size)
            break;
        struct mote__region moved = shifted(&memory->regions.list[at], from, to, kind);
        status = move_region(memory, at, &moved, error);
    }
    return status;
}

/* ---- emptying ---- */

static bool may_discard(const struct mote__region *r)
{
    return may_move(r) || r->kind == MOTE__REGION_HEAP || r->kind == MOTE__REGION_STACK;
}

/* A reset looks for marks in what may be written; it puts the rest back where it changed. */
static int note_change(struct mote__memory *memory, uint64_t start, uint64_t end, mote_error *error)
{
    size_t at = mote__regions_find(&memory->regions, start);
    if (memory->regions.list[at].access & MOTE__WRITE) {
        mote__paging_mark_dirty(&memory->tables, memory->root, start, end - start);
        return 0;
    }
    int status = mote__memory_cut_out(memory, start, end, error);
    if (!status)
        memory->regions.list[mote__regions_find(&memory->regions, start)].changed = true;
    return status;
}

/* Within one region. */
static int discard(struct mote__memory *memory, uint64_t start, uint64_t end, mote_error *error)
{
    int status = note_change(memory, start, end, error);
    const struct mote__region *r =
        &memory->regions.list[mote__regions_find(&memory->regions, start)];
    if (status || r->offset == MOTE__UNBACKED)
        return status;
    return mote__memory_give_back(memory, r->offset + (size_t)(start - r->start),
                                  (size_t)(end - start), error);
}

int mote__memory_discard(struct mote__memory *memory, uint64_t start, uint64_t size,
                         mote_error *error)
{
    uint64_t end = start + size;
    int status = each_region(memory, start, end, may_discard, error);
    while (!status && start < end) {
        size_t at = mote__regions_find(&memory->regions, start);
        uint64_t stop = memory->regions.list[at].end;
        stop = stop < end ? stop : end;
        status = discard(memory, start, stop, error);
        start = stop;
    }
    return status;
}
