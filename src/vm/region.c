/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/region.h"

#include <string.h>

#include "os/os.h"

/* Room for one more element of `size` bytes in a list that doubles. */
static int make_room(const mote_allocator *allocator, void **list, size_t count, size_t *room,
                     size_t size)
{
    if (count < *room)
        return 0;
    size_t more = *room ? 2 * *room : 16;
    void *grown = mote__realloc(allocator, *list, more * size);
    if (!grown)
        return MOTE_ENOMEM;
    *list = grown;
    *room = more;
    return 0;
}

static int copy_list(const mote_allocator *allocator, void **list, size_t *room, const void *from,
                     size_t count, size_t size)
{
    if (count > *room) {
        void *grown = mote__realloc(allocator, *list, count * size);
        if (!grown)
            return MOTE_ENOMEM;
        *list = grown;
        *room = count;
    }
    if (count)
        memcpy(*list, from, count * size);
    return 0;
}

/* ---- regions ---- */

int mote__regions_copy(struct mote__regions *to, const struct mote__regions *from)
{
    int status = copy_list(to->allocator, (void **)&to->list, &to->room, from->list, from->count,
                           sizeof *from->list);
    if (!status)
        to->count = from->count;
    return status;
}

void mote__regions_free(struct mote__regions *regions)
{
    mote__free(regions->list);
    *regions = (struct mote__regions){.allocator = regions->allocator};
}

size_t mote__regions_find(const struct mote__regions *regions, uint64_t address)
{
    size_t low = 0, high = regions->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (regions->list[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether b continues a, in the guest and in memory, and neither is the snapshot's. */
static bool continues(const struct mote__region *a, const struct mote__region *b)
{
    bool memory = a->offset == MOTE__UNBACKED
                      ? b->offset == MOTE__UNBACKED
                      : b->offset == a->offset + (size_t)(a->end - a->start);
    return a->changed && b->changed && a->end == b->start && memory && a->access == b->access &&
           a->kind == b->kind;
}

int mote__regions_insert(struct mote__regions *regions, struct mote__region region)
{
    size_t at = mote__regions_find(regions, region.start);
    if (at > 0 && continues(&regions->list[at - 1], &region)) {
        regions->list[at - 1].end = region.end;
        return 0;
    }
    if (regions->count >= MOTE__MAX_REGIONS + (regions->undoing ? MOTE__UNDO_REGIONS : 0))
        return MOTE_ELIMIT;
    int status = make_room(regions->allocator, (void **)&regions->list, regions->count,
                           &regions->room, sizeof region);
    if (status)
        return status;
    memmove(regions->list + at + 1, regions->list + at, (regions->count - at) * sizeof region);
    regions->list[at] = region;
    regions->count++;
    return 0;
}

void mote__regions_remove(struct mote__regions *regions, size_t index)
{
    regions->count--;
    memmove(regions->list + index, regions->list + index + 1,
            (regions->count - index) * sizeof *regions->list);
}

int mote__regions_split(struct mote__regions *regions, uint64_t address)
{
    size_t at = mote__regions_find(regions, address);
    if (at == regions->count || regions->list[at].start >= address)
        return 0;
    struct mote__region upper = regions->list[at];
    upper.start = address;
    if (upper.offset != MOTE__UNBACKED)
        upper.offset += (size_t)(address - regions->list[at].start);
    upper.changed = false; /* so that it is not joined again at once */
    regions->list[at].end = address;
    int status = mote__regions_insert(regions, upper);
    if (status) {
        regions->list[at].end = upper.end;
        return status;
    }
    regions->list[at].changed = regions->list[at + 1].changed = true;
    return 0;
}

uint64_t mote__regions_gap(const struct mote__regions *regions, uint64_t size, uint64_t low,
                           uint64_t high)
{
    for (size_t i = mote__regions_find(regions, low); i < regions->count; i++) {
        const struct mote__region *r = &regions->list[i];
        if (r->start >= high)
            break;
        if (r->start > low && r->start - low >= size)
            return low;
        low = r->end > low ? r->end : low;
    }
    return low < high && high - low >= size ? low : 0;
}

/* ---- extents ---- */

int mote__extents_copy(struct mote__extents *to, const struct mote__extents *from)
{
    int status = copy_list(to->allocator, (void **)&to->list, &to->room, from->list, from->count,
                           sizeof *from->list);
    if (!status)
        to->count = from->count;
    return status;
}

void mote__extents_free(struct mote__extents *extents)
{
    mote__free(extents->list);
    *extents = (struct mote__extents){.allocator = extents->allocator};
}

static void join_with_next(struct mote__extents *extents, size_t at)
{
    struct mote__extent *e = &extents->list[at];
    if (at + 1 >= extents->count || e->offset + e->size != e[1].offset)
        return;
    e->size += e[1].size;
    extents->count--;
    memmove(e + 1, e + 2, (extents->count - at - 1) * sizeof *e);
}

int mote__extents_give(struct mote__extents *extents, size_t offset, size_t size)
{
    int status = make_room(extents->allocator, (void **)&extents->list, extents->count,
                           &extents->room, sizeof *extents->list);
    if (status)
        return status;
    size_t at = 0;
    while (at < extents->count && extents->list[at].offset < offset)
        at++;
    struct mote__extent *e = &extents->list[at];
    memmove(e + 1, e, (extents->count - at) * sizeof *e);
    *e = (struct mote__extent){offset, size};
    extents->count++;
    join_with_next(extents, at);
    if (at > 0)
        join_with_next(extents, at - 1);
    return 0;
}

size_t mote__extents_take(struct mote__extents *extents, size_t size, size_t *offset)
{
    if (extents->count == 0)
        return 0;
    struct mote__extent *e = &extents->list[0];
    size_t taken = e->size < size ? e->size : size;
    *offset = e->offset;
    e->offset += taken;
    e->size -= taken;
    if (e->size == 0) {
        extents->count--;
        memmove(e, e + 1, extents->count * sizeof *e);
    }
    return taken;
}
