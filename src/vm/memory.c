/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/memory.h"

#include <string.h>

#include "error.h"
#include "mote_abi.h"
#include "os/os.h"

/* Page tables for every page of the limit, in the sparsest layout that guests
 * have use for; they are reserved address space until used. */
static size_t tables_size(size_t limit)
{
    return (256 + 4 * (limit >> 21)) * MOTE__PAGE;
}

int mote__memory_reserve(struct mote__memory *memory, const mote_allocator *allocator, size_t limit,
                         size_t files, mote_error *error)
{
    memset(memory, 0, sizeof *memory);
    mote__memory_set_limit(memory, limit);
    size_t size = memory->limit + files;
    memory->regions.allocator = memory->free.allocator = allocator;
    int status =
        mote__arena_reserve(&memory->tables, tables_size(size), MOTE__TABLES_PHYSICAL, 0, error);
    if (!status)
        status =
            mote__arena_reserve(&memory->ram, size, MOTE__RAM_PHYSICAL, MOTE__ARENA_SLOTS, error);
    if (!status)
        memory->tables.used = MOTE__SYSTEM_PAGES * MOTE__PAGE;
    return status;
}

void mote__memory_stand(struct mote__memory *memory, unsigned seat)
{
    uint64_t base = (uint64_t)seat << MOTE__SEAT_BITS;
    memory->tables.physical = base + MOTE__TABLES_PHYSICAL;
    memory->ram.physical = base + MOTE__RAM_PHYSICAL;
    memory->tables.first_slot = seat * MOTE__SEAT_SLOTS;
    memory->ram.first_slot = seat * MOTE__SEAT_SLOTS + MOTE__ARENA_SLOTS;
}

bool mote__memory_is_narrow(size_t limit, size_t files)
{
    return mote__align_up(limit, MOTE_REGION_ALIGN) + files <=
           (1ull << MOTE__SEAT_BITS) - MOTE__RAM_PHYSICAL;
}

bool mote__memory_fits(const struct mote__memory *memory, size_t limit, size_t files)
{
    size_t size = (size_t)mote__align_up(limit, MOTE_REGION_ALIGN) + files;
    return size <= memory->ram.reserved && tables_size(size) <= memory->tables.reserved;
}

void mote__memory_set_limit(struct mote__memory *memory, size_t limit)
{
    memory->limit = (size_t)mote__align_up(limit, MOTE_REGION_ALIGN);
}

void mote__memory_release(struct mote__memory *memory)
{
    mote__arena_release(&memory->tables);
    mote__arena_release(&memory->ram);
    mote__regions_free(&memory->regions);
    mote__extents_free(&memory->free);
}

void mote__memory_abandon(struct mote__memory *memory)
{
    memory->tables.host = memory->ram.host = NULL;
}

int mote__memory_attach(struct mote__memory *memory, struct mote__vm *vm, mote_error *error)
{
    int status = mote__arena_attach(&memory->tables, vm, memory->tables.used, error);
    return status ? status : mote__arena_attach(&memory->ram, vm, memory->ram.used, error);
}

uint8_t *mote__system_page(const struct mote__memory *memory, enum mote__system_page page)
{
    return memory->tables.host + (size_t)page * MOTE__PAGE;
}

size_t mote__memory_in_use(const struct mote__memory *memory)
{
    size_t used = memory->ram.used - memory->files_used + memory->private_files;
    for (size_t i = 0; i < memory->free.count; i++)
        used -= memory->free.list[i].size;
    return used;
}

size_t mote__memory_room(const struct mote__memory *memory)
{
    size_t used = mote__memory_in_use(memory);
    return memory->limit > used ? memory->limit - used : 0;
}

int mote__memory_fail_limit(const struct mote__memory *memory, mote_error *error)
{
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_ELIMIT, 0,
                      "grant more memory: MOTE_OPT_MEMORY, mote run --memory",
                      "the guest needs more memory than its limit of %zu KiB", memory->limit >> 10);
}

/* ---- mapping ---- */

static int region_status(int status, mote_error *error)
{
    if (status == MOTE_ELIMIT)
        return mote__fail(error, MOTE_DOMAIN_GUEST, status, 0,
                          "map fewer and larger pieces, with the same access side by side",
                          "the guest has %u memory regions, which is the most", MOTE__MAX_REGIONS);
    return status ? mote__fail_memory(error, "the region table") : 0;
}

int mote__memory_map_pages(struct mote__memory *memory, const struct mote__region *r,
                           mote_error *error)
{
    if (r->offset == MOTE__UNBACKED || !r->access)
        return 0;
    return mote__paging_map(&memory->tables, memory->root, r->start,
                            memory->ram.physical + r->offset, r->end - r->start, r->access, error);
}

/* All or nothing: the region stands in the table only when its pages are mapped. */
static int add_region(struct mote__memory *memory, struct mote__region region, mote_error *error)
{
    region.changed = true;
    memory->changed = true;
    int status = mote__memory_map_pages(memory, &region, error);
    if (!status)
        status = region_status(mote__regions_insert(&memory->regions, region), error);
    if (status)
        mote__paging_unmap(&memory->tables, memory->root, region.start,
                           (size_t)(region.end - region.start));
    return status;
}

/* Memory for at most `size` bytes, from what came back or from the arena. */
static int take_memory(struct mote__memory *memory, size_t size, size_t *offset, size_t *taken,
                       mote_error *error)
{
    *taken = mote__extents_take(&memory->free, size, offset);
    if (*taken)
        return 0;
    *taken = size;
    return mote__arena_take(&memory->ram, size, offset, error);
}

static int back_range(struct mote__memory *memory, uint64_t start, uint64_t end, unsigned access,
                      enum mote__region_kind kind, mote_error *error)
{
    if (end - start > mote__memory_room(memory))
        return mote__memory_fail_limit(memory, error);
    while (start < end) {
        size_t offset, taken;
        int status = take_memory(memory, (size_t)(end - start), &offset, &taken, error);
        if (status)
            return status;
        struct mote__region region = {
            .start = start, .end = start + taken, .offset = offset, .access = access, .kind = kind};
        status = add_region(memory, region, error);
        if (status) {
            mote__extents_give(&memory->free, offset, taken);
            return status;
        }
        start += taken;
    }
    return 0;
}

int mote__memory_cut_off(struct mote__memory *memory, uint64_t start, uint64_t size,
                         mote_error *error)
{
    memory->regions.undoing = true;
    int status = mote__memory_unmap(memory, start, size, error);
    memory->regions.undoing = false;
    return status;
}

void mote__memory_undo(struct mote__memory *memory, uint64_t start, uint64_t size)
{
    if (mote__memory_cut_off(memory, start, size, NULL))
        memory->damaged = true;
}

int mote__memory_map(struct mote__memory *memory, uint64_t start, uint64_t size, unsigned access,
                     enum mote__region_kind kind, mote_error *error)
{
    if (!access)
        return mote__memory_map_at(memory, start, MOTE__UNBACKED, size, 0, kind, error);
    int status = back_range(memory, start, start + size, access, kind, error);
    if (status)
        mote__memory_undo(memory, start, size);
    return status;
}

int mote__memory_map_at(struct mote__memory *memory, uint64_t start, size_t offset, uint64_t size,
                        unsigned access, enum mote__region_kind kind, mote_error *error)
{
    struct mote__region region = {
        .start = start, .end = start + size, .offset = offset, .access = access, .kind = kind};
    return add_region(memory, region, error);
}

int mote__memory_give_back(struct mote__memory *memory, size_t offset, size_t size,
                           mote_error *error)
{
#if defined(MOTE_CONTROL_NO_REVOKE)
    return 0;
#elif defined(MOTE_CONTROL_NO_ZERO)
    return mote__zap_pages(memory->ram.host + offset, size);
#endif
    int status = mote__release_pages(memory->ram.host + offset, size);
    if (status >= 0)
        return 0;
    memory->damaged = true;
    return mote__fail_system(error, status, "releasing guest memory");
}

static int unmap_region(struct mote__memory *memory, size_t index, mote_error *error)
{
    struct mote__region r = memory->regions.list[index];
    mote__paging_unmap(&memory->tables, memory->root, r.start, (size_t)(r.end - r.start));
    int status = 0;
    if (r.offset != MOTE__UNBACKED)
        status = mote__memory_give_back(memory, r.offset, (size_t)(r.end - r.start), error);
    if (status)
        return status;
    mote__regions_remove(&memory->regions, index);
    if (r.kind == MOTE__REGION_FILE_PRIVATE)
        memory->private_files -= (size_t)(r.end - r.start);
    if (r.offset == MOTE__UNBACKED || r.offset < memory->read_only || mote__region_is_file(&r))
        return 0;
    return region_status(mote__extents_give(&memory->free, r.offset, (size_t)(r.end - r.start)),
                         error);
}

int mote__memory_cut_out(struct mote__memory *memory, uint64_t start, uint64_t end,
                         mote_error *error)
{
    memory->changed = true;
    int status = mote__regions_split(&memory->regions, start);
    if (!status)
        status = mote__regions_split(&memory->regions, end);
    return region_status(status, error);
}

int mote__memory_unmap(struct mote__memory *memory, uint64_t start, uint64_t size,
                       mote_error *error)
{
    int status = mote__memory_cut_out(memory, start, start + size, error);
    size_t at = mote__regions_find(&memory->regions, start);
    while (!status && at < memory->regions.count && memory->regions.list[at].start < start + size)
        status = unmap_region(memory, at, error);
    return status;
}

bool mote__memory_is_free(const struct mote__memory *memory, uint64_t start, uint64_t size)
{
    size_t at = mote__regions_find(&memory->regions, start);
    return at == memory->regions.count || memory->regions.list[at].start >= start + size;
}

/* ---- protection ---- */

static int check_protect(const struct mote__memory *memory, uint64_t start, uint64_t end,
                         unsigned access)
{
    size_t at = mote__regions_find(&memory->regions, start);
    for (; start < end; at++) {
        const struct mote__region *r = &memory->regions.list[at];
        if (at == memory->regions.count || r->start > start)
            return MOTE_ERANGE;
        bool image = r->offset != MOTE__UNBACKED && r->offset < memory->read_only;
        if ((access & MOTE__WRITE && image) || (access & MOTE__EXECUTE && !image))
            return MOTE_EINVAL;
        start = r->end;
    }
    return 0;
}

/* Gives memory to a region that had none. */
static int back_region(struct mote__memory *memory, size_t index, unsigned access,
                       mote_error *error)
{
    struct mote__region r = memory->regions.list[index];
    mote__regions_remove(&memory->regions, index);
    int status = back_range(memory, r.start, r.end, access, r.kind, error);
    if (!status)
        return 0;
    mote__memory_undo(memory, r.start, r.end - r.start);
    if (mote__memory_map(memory, r.start, r.end - r.start, 0, r.kind, NULL))
        memory->damaged = true;
    return status;
}

int mote__memory_zap(struct mote__memory *memory, const struct mote__region *r, mote_error *error)
{
#if defined(MOTE_CONTROL_NO_REVOKE)
    (void)memory;
    (void)r;
    (void)error;
    return 0;
#endif
    uint8_t *host = memory->ram.host + r->offset;
    size_t size = (size_t)(r->end - r->start);
    /* Pages of the image come back from its file. */
    int status = r->offset < memory->read_only ? mote__release_pages(host, size)
                                               : mote__zap_pages(host, size);
    if (status >= 0)
        return 0;
    memory->damaged = true;
    return mote__fail_system(error, status, "revoking guest memory");
}

static int protect_region(struct mote__memory *memory, size_t index, unsigned access,
                          mote_error *error)
{
    struct mote__region *r = &memory->regions.list[index];
    unsigned lost = r->access & ~access;
    if (access & MOTE__WRITE && r->kind == MOTE__REGION_FILE) {
        int refused = mote__memory_own_file(memory, r, error);
        if (refused)
            return refused;
    }
    r->access = access;
    r->changed = true;
    if (access) {
        int status = mote__memory_map_pages(memory, r, error);
        /* The D bits went with the old entries. */
        mote__paging_mark_dirty(&memory->tables, memory->root, r->start, r->end - r->start);
        if (status)
            return status;
    } else {
        mote__paging_unmap(&memory->tables, memory->root, r->start, r->end - r->start);
    }
    return lost ? mote__memory_zap(memory, r, error) : 0;
}

int mote__memory_protect(struct mote__memory *memory, uint64_t start, uint64_t size,
                         unsigned access, mote_error *error)
{
    uint64_t end = start + size;
    int status = check_protect(memory, start, end, access);
    if (!status)
        status = mote__memory_cut_out(memory, start, end, error);
    while (!status && start < end) {
        size_t at = mote__regions_find(&memory->regions, start);
        struct mote__region r = memory->regions.list[at];
        if (r.access != access)
            status = r.offset == MOTE__UNBACKED ? back_region(memory, at, access, error)
                                                : protect_region(memory, at, access, error);
        start = r.end;
    }
    return status;
}

/* ---- access ---- */

void *mote__memory_at(const struct mote__memory *memory, uint64_t address, size_t *size,
                      unsigned access)
{
    size_t at = mote__regions_find(&memory->regions, address);
    if (at == memory->regions.count || memory->damaged)
        return NULL;
    const struct mote__region *r = &memory->regions.list[at];
    if (address < r->start || r->offset == MOTE__UNBACKED || (r->access & access) != access)
        return NULL;
    uint64_t left = r->end - address;
    *size = *size < left ? *size : (size_t)left;
    return memory->ram.host + r->offset + (address - r->start);
}

bool mote__memory_check(const struct mote__memory *memory, uint64_t address, uint64_t size,
                        unsigned access)
{
#if defined(MOTE_CONTROL_NO_MAILBOX_RANGE) || defined(MOTE_CONTROL_NO_SYSCALL_RANGE)
    return true;
#endif
    if (size > UINT64_MAX - address)
        return false;
    while (size) {
        size_t part = size < SIZE_MAX ? (size_t)size : SIZE_MAX;
        if (!mote__memory_at(memory, address, &part, access))
            return false;
        address += part;
        size -= part;
    }
    return true;
}

int mote__memory_get(const struct mote__memory *memory, uint64_t address, void *to, size_t size)
{
    if (!mote__memory_check(memory, address, size, MOTE__READ))
        return MOTE_ERANGE;
    for (uint8_t *out = to; size;) {
        size_t part = size;
        const void *from = mote__memory_at(memory, address, &part, MOTE__READ);
        memcpy(out, from, part);
        out += part;
        address += part;
        size -= part;
    }
    return 0;
}

int mote__memory_put(struct mote__memory *memory, uint64_t address, const void *from, size_t size)
{
    if (!mote__memory_check(memory, address, size, MOTE__WRITE))
        return MOTE_ERANGE;
    mote__paging_mark_dirty(&memory->tables, memory->root, address, size);
    for (const uint8_t *in = from; size;) {
        size_t part = size;
        void *to = mote__memory_at(memory, address, &part, MOTE__WRITE);
        memcpy(to, in, part);
        in += part;
        address += part;
        size -= part;
    }
    return 0;
}
