/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/delta.h"

#include <string.h>

#include "error.h"
#include "os/os.h"

#define NO_ADDRESS UINT64_MAX /* of memory that is mapped nowhere */

struct mote__delta_page {
    uint64_t address; /* in the guest, or NO_ADDRESS */
    size_t offset;    /* in ram */
    bool zero;        /* and no data stands for it */
};

/* ---- what differs ---- */

/* One search. */
struct search {
    struct mote__delta *delta;
    struct mote__memory *memory;
    const struct mote__snapshot *snapshot;
    size_t base;
    const struct mote__mounts *mounts;
    mote_error *error;
};

static bool is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, MOTE__PAGE - 1) == 0;
}

static int add_page(struct search *search, uint64_t address, size_t offset, bool zero)
{
    struct mote__delta *d = search->delta;
    if (d->npages == d->room) {
        size_t room = d->room ? 2 * d->room : 16;
        struct mote__delta_page *pages =
            mote__realloc(d->allocator, d->pages, room * sizeof *pages);
        if (!pages)
            return mote__fail_memory(search->error, "a parked sandbox");
        d->pages = pages;
        d->room = room;
    }
    d->pages[d->npages++] = (struct mote__delta_page){address, offset, zero};
    d->size += zero ? 0 : MOTE__PAGE;
    return 0;
}

static bool is_file(const struct search *search, size_t offset)
{
    const struct mote__memory *m = search->memory;
    return m->files_used && offset >= m->files && offset < m->files + m->files_used;
}

/* Whether a page of a granted file, at `offset` in ram, is what it is in the file. */
static int compare_file(struct search *search, size_t offset, bool *same)
{
    const struct mote__mounts *mounts = search->mounts;
    uint8_t page[4096];
    size_t at = offset - search->memory->files;
    *same = false;
    for (size_t i = 0; mounts && i < mounts->count; i++) {
        const struct mote__mount *f = &mounts->list[i];
        if (f->kind != MOTE__MOUNT_FILE || at < f->offset || at - f->offset >= f->size)
            continue;
        size_t left = (size_t)(f->size - (at - f->offset));
        size_t size = left < sizeof page ? left : sizeof page;
        memset(page, 0, sizeof page);
        int status = mote__read_at(f->fd, page, size, at - f->offset);
        if (status < 0)
            return mote__fail_system(search->error, status, "reading a granted file");
        *same = memcmp(page, search->memory->ram.host + offset, sizeof page) == 0;
        return 0;
    }
    return 0;
}

/* Notes a page unless a fresh shell has the same. Init data is nobody's to compare with. */
static int look_at(struct search *search, uint64_t address, size_t offset)
{
    const uint8_t *now = search->memory->ram.host + offset;
    const struct mote__snapshot *s = search->snapshot;
    if (is_file(search, offset)) {
        bool same;
        int status = compare_file(search, offset, &same);
        return status || same ? status : add_page(search, address, offset, false);
    }
    if (offset >= s->read_only && offset < mote__snapshot_needs(s)) {
        const uint8_t *then = mote__snapshot_page(s, offset);
        if (then && memcmp(now, then, MOTE__PAGE) == 0)
            return 0;
        bool zero = is_zero(now);
        return zero && !then ? 0 : add_page(search, address, offset, zero);
    }
    bool zero = is_zero(now);
    return zero && offset >= search->base ? 0 : add_page(search, address, offset, zero);
}

/* The pages of a region whose entries are marked; there is no other way to write them. */
static int search_marked(struct search *search, const struct mote__region *r)
{
    struct mote__memory *m = search->memory;
    int status = 0;
    for (uint64_t at = r->start; !status && at < r->end;) {
        size_t count;
        const uint64_t *leaf = mote__paging_leaves(&m->tables, m->root, at, &count);
        size_t left = (size_t)((r->end - at) / MOTE__PAGE);
        count = count < left ? count : left;
        for (size_t i = 0; leaf && !status && i < count; i++)
            if (leaf[i] & MOTE__PTE_DIRTY)
                status = look_at(search, at + i * MOTE__PAGE,
                                 r->offset + (size_t)(at - r->start) + i * MOTE__PAGE);
        at += count * MOTE__PAGE;
    }
    return status;
}

static int search_all(struct search *search, uint64_t address, size_t offset, size_t size)
{
    int status = 0;
    for (size_t at = 0; !status && at < size; at += MOTE__PAGE)
        status = look_at(search, address == NO_ADDRESS ? address : address + at, offset + at);
    return status;
}

static int search_region(struct search *search, const struct mote__region *r)
{
    bool writable = r->access & MOTE__WRITE;
    if (r->offset == MOTE__UNBACKED || r->offset < search->snapshot->read_only ||
        r->kind == MOTE__REGION_FILE)
        return 0;
    /* What was new when it was mapped here, zero or a file's, stays so until an entry is marked. */
    if (writable && (!r->changed || r->offset >= search->base || mote__region_is_file(r)))
        return search_marked(search, r);
    return r->changed ? search_all(search, r->start, r->offset, (size_t)(r->end - r->start)) : 0;
}

static int find_pages(struct search *search)
{
    const struct mote__memory *m = search->memory;
    int status = 0;
    for (size_t i = 0; !status && i < m->regions.count; i++)
        status = search_region(search, &m->regions.list[i]);
    /* What came back is zero; so it must be again where it was the snapshot's. */
    for (size_t i = 0; !status && m->changed && i < m->free.count; i++) {
        const struct mote__extent *e = &m->free.list[i];
        size_t end = e->offset + e->size < search->base ? e->offset + e->size : search->base;
        if (e->offset < end)
            status = search_all(search, NO_ADDRESS, e->offset, end - e->offset);
    }
    return status;
}

/* ---- taking ---- */

static int keep_contents(struct search *search)
{
    struct mote__delta *d = search->delta;
    if (!d->size)
        return 0;
    uint8_t *to = d->data = mote__alloc(d->allocator, d->size);
    if (!to)
        return mote__fail_memory(search->error, "a parked sandbox");
    for (size_t i = 0; i < d->npages; i++) {
        if (d->pages[i].zero)
            continue;
        memcpy(to, search->memory->ram.host + d->pages[i].offset, MOTE__PAGE);
        to += MOTE__PAGE;
    }
    return 0;
}

static int keep_mappings(struct search *search)
{
    struct mote__delta *d = search->delta;
    const struct mote__memory *m = search->memory;
    d->mappings = m->changed;
    if (!d->mappings)
        return 0;
    d->ram_used = m->ram.used;
    d->private_files = m->private_files;
    return mote__regions_copy(&d->regions, &m->regions) || mote__extents_copy(&d->free, &m->free)
               ? mote__fail_memory(search->error, "a parked sandbox")
               : 0;
}

int mote__delta_take(struct mote__delta *delta, struct mote__memory *memory,
                     const struct mote__snapshot *snapshot, size_t base,
                     const struct mote__mounts *mounts, mote_error *error)
{
    struct search search = {delta, memory, snapshot, base, mounts, error};
    delta->regions.allocator = delta->free.allocator = delta->allocator;
    int status = find_pages(&search);
    if (!status)
        status = keep_contents(&search);
    return status ? status : keep_mappings(&search);
}

/* ---- putting ---- */

static bool has_same(const struct mote__regions *regions, const struct mote__region *wanted)
{
    size_t i = mote__regions_find(regions, wanted->start);
    const struct mote__region *r = &regions->list[i];
    return i < regions->count && r->start == wanted->start && r->end == wanted->end &&
           r->offset == wanted->offset && r->access == wanted->access;
}

/* Takes a mapping of the snapshot away; the memory is the snapshot's all the same. */
static int drop_region(struct mote__memory *memory, const struct mote__snapshot *s,
                       const struct mote__region *r, mote_error *error)
{
    size_t size = (size_t)(r->end - r->start);
    mote__paging_unmap(&memory->tables, memory->root, r->start, size);
    if (r->offset == MOTE__UNBACKED)
        return 0;
    int status = mote__memory_give_back(memory, r->offset, size, error);
    if (!status && r->offset >= s->read_only && r->offset < mote__snapshot_needs(s))
        mote__snapshot_copy(s, r->offset, size, memory->ram.host + r->offset);
    return status;
}

static int put_regions(const struct mote__delta *d, struct mote__memory *memory,
                       const struct mote__snapshot *s, mote_error *error)
{
    struct mote__regions *now = &memory->regions;
    int status = 0;
    for (size_t i = 0; !status && i < now->count; i++)
        if (!has_same(&d->regions, &now->list[i]))
            status = drop_region(memory, s, &now->list[i], error);
    for (size_t i = 0; !status && i < d->regions.count; i++)
        if (!has_same(now, &d->regions.list[i]))
            status = mote__memory_map_pages(memory, &d->regions.list[i], error);
    return status;
}

static int put_mappings(const struct mote__delta *d, struct mote__memory *memory,
                        const struct mote__snapshot *s, mote_error *error)
{
    size_t offset;
    int status = 0;
    if (d->ram_used > memory->ram.used)
        status = mote__arena_take(&memory->ram, d->ram_used - memory->ram.used, &offset, error);
    if (!status)
        status = put_regions(d, memory, s, error);
    if (status)
        return status;
    memory->private_files = d->private_files;
    memory->changed = true;
    return mote__regions_copy(&memory->regions, &d->regions) ||
                   mote__extents_copy(&memory->free, &d->free)
               ? mote__fail_memory(error, "the region table")
               : 0;
}

/* The pages one behind the other from `i` on, in the guest and in ram. */
static size_t run_of(const struct mote__delta *d, size_t i)
{
    size_t n = 1;
    while (i + n < d->npages && d->pages[i].address != NO_ADDRESS &&
           d->pages[i + n].address == d->pages[i].address + n * MOTE__PAGE &&
           d->pages[i + n].offset == d->pages[i].offset + n * MOTE__PAGE)
        n++;
    return n;
}

static int put_run(const struct mote__delta *d, struct mote__memory *memory, size_t i, size_t n,
                   const uint8_t **from, mote_error *error)
{
    const struct mote__delta_page *pages = d->pages + i;
    int status = mote__populate_pages(memory->ram.host + pages->offset, n * MOTE__PAGE);
    if (status < 0)
        return mote__fail_system(error, status, "populating guest memory");
    for (size_t k = 0; k < n; k++) {
        uint8_t *to = memory->ram.host + pages[k].offset;
        if (pages[k].zero) {
            memset(to, 0, MOTE__PAGE);
        } else {
            memcpy(to, *from, MOTE__PAGE);
            *from += MOTE__PAGE;
        }
    }
#if !defined(MOTE_CONTROL_NO_PARK_DELTA)
    if (pages->address != NO_ADDRESS) /* so that a reset finds them */
        mote__paging_mark_dirty(&memory->tables, memory->root, pages->address, n * MOTE__PAGE);
#endif
    return 0;
}

int mote__delta_put(const struct mote__delta *delta, struct mote__memory *memory,
                    const struct mote__snapshot *snapshot, mote_error *error)
{
    const uint8_t *from = delta->data;
    int status = delta->mappings ? put_mappings(delta, memory, snapshot, error) : 0;
    for (size_t i = 0; !status && i < delta->npages;) {
        size_t n = run_of(delta, i);
        status = put_run(delta, memory, i, n, &from, error);
        i += n;
    }
    return status;
}

/* ---- the end ---- */

void mote__delta_free(struct mote__delta *delta)
{
    if (delta->data)
        mote__wipe(delta->data, delta->size);
    mote__free(delta->data);
    mote__free(delta->pages);
    mote__regions_free(&delta->regions);
    mote__extents_free(&delta->free);
    *delta = (struct mote__delta){.allocator = delta->allocator};
}

size_t mote__delta_bytes(const struct mote__delta *delta)
{
    return delta->room * sizeof *delta->pages + delta->size +
           delta->regions.room * sizeof *delta->regions.list +
           delta->free.room * sizeof *delta->free.list;
}
