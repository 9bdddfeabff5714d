/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/snapshot.h"

#include <string.h>

#include "arch/x86_64/monitor.h"
#include "error.h"
#include "os/os.h"
#include "vm/system_pages.h"

/* ---- what follows from regions and pages ---- */

static int find_runs(struct mote__snapshot *s, mote_error *error)
{
    size_t pages = s->ram_size / MOTE__PAGE, count = 0;
    for (size_t i = 0; i < pages; i++)
        count += s->pages[i] && (i == 0 || !s->pages[i - 1]);
    s->runs = mote__alloc_array(s->allocator, count, sizeof *s->runs);
    if (!s->runs)
        return mote__fail_memory(error, "a snapshot");
    for (size_t i = 0; i < pages; i++) {
        if (!s->pages[i])
            continue;
        if (i == 0 || !s->pages[i - 1])
            s->runs[s->nruns++].offset = s->read_only + i * MOTE__PAGE;
        s->runs[s->nruns - 1].size += MOTE__PAGE;
    }
    return 0;
}

/* Marks the pages that regions have, each once. */
static int mark_used(const struct mote__snapshot *s, uint8_t *used, mote_error *error)
{
    for (size_t i = 0; i < s->regions.count; i++) {
        const struct mote__region *r = &s->regions.list[i];
        if (r->offset == MOTE__UNBACKED || r->offset < s->read_only)
            continue;
        size_t first = (r->offset - s->read_only) / MOTE__PAGE;
        size_t count = (size_t)(r->end - r->start) / MOTE__PAGE;
        for (size_t page = first; page < first + count; page++)
            if (used[page]++)
                return mote__fail(error, MOTE_DOMAIN_IMAGE, MOTE_ESNAPSHOT, 0, NULL,
                                  "not a valid snapshot: two of its regions share memory");
    }
    return 0;
}

/* What is no region's will be handed out as it is: it must be zero. */
static int check_unused(const struct mote__snapshot *s, const uint8_t *used, mote_error *error)
{
    for (size_t i = 0; i < s->ram_size / MOTE__PAGE; i++)
        if (s->pages[i] && !used[i])
            return mote__fail(error, MOTE_DOMAIN_IMAGE, MOTE_ESNAPSHOT, 0, NULL,
                              "not a valid snapshot: it has a page that is no region's");
    return 0;
}

/* What no region has may be handed out again. */
static int find_free(struct mote__snapshot *s, mote_error *error)
{
    size_t pages = s->ram_size / MOTE__PAGE;
    uint8_t *used = mote__alloc(s->allocator, pages + 1);
    if (!used)
        return mote__fail_memory(error, "a snapshot");
    used[pages] = 1;
    int status = mark_used(s, used, error);
    if (!status)
        status = check_unused(s, used, error);
    for (size_t i = 0, first = 0; !status && i <= pages; i++) {
        if (!used[i])
            continue;
        if (i > first && mote__extents_give(&s->free, s->read_only + first * MOTE__PAGE,
                                            (i - first) * MOTE__PAGE))
            status = mote__fail_memory(error, "a snapshot");
        first = i + 1;
    }
    mote__free(used);
    return status;
}

/* ---- page tables ---- */

/* Tables of one level that cover the regions; they are sorted. */
static size_t count_tables(const struct mote__regions *regions, unsigned shift)
{
    size_t count = 0;
    uint64_t next = 0; /* the first table that is not counted */
    for (size_t i = 0; i < regions->count; i++) {
        const struct mote__region *r = &regions->list[i];
        if (r->offset == MOTE__UNBACKED || !r->access)
            continue;
        uint64_t first = r->start >> shift, end = ((r->end - 1) >> shift) + 1;
        first = first > next ? first : next;
        count += end > first ? (size_t)(end - first) : 0;
        next = end > next ? end : next;
    }
    return count;
}

static int map_regions(struct mote__arena *tables, const struct mote__snapshot *s,
                       mote_error *error)
{
    int status = 0;
    for (size_t i = 0; !status && i < s->regions.count; i++) {
        const struct mote__region *r = &s->regions.list[i];
        if (r->offset != MOTE__UNBACKED && r->access)
            status = mote__paging_map(tables, s->root, r->start, MOTE__RAM_PHYSICAL + r->offset,
                                      (size_t)(r->end - r->start), r->access, error);
    }
    return status;
}

/* Clean entries, as of a guest that has not run: dirty are the monitor's own pages alone, and no
 * table was used, so that a reset can leave out those that never will be. */
static int make_tables(struct mote__snapshot *s, mote_error *error)
{
    size_t count = MOTE__SYSTEM_PAGES + MOTE__SYSTEM_TABLES + count_tables(&s->regions, 21) +
                   count_tables(&s->regions, 30) + count_tables(&s->regions, 39);
    struct mote__arena tables = {.physical = MOTE__TABLES_PHYSICAL,
                                 .reserved = count * MOTE__PAGE,
                                 .used = MOTE__SYSTEM_PAGES * MOTE__PAGE};
    tables.host = s->tables = mote__alloc(s->allocator, tables.reserved);
    if (!s->tables)
        return mote__fail_memory(error, "a snapshot's page tables");
    int status = mote__system_map(&tables, &s->root, &s->layout, error);
    if (!status)
        status = map_regions(&tables, s, error);
    if (status)
        return status;
    s->tables_size = tables.used;
    mote__system_fill(&tables, &s->layout);
    uint8_t *scrub = s->tables + MOTE__PAGE_SCRUB * MOTE__PAGE;
    mote__scrub_build((struct mote__scrub_data *)(void *)scrub, s->resume, &s->special);
    return 0;
}

int mote__snapshot_complete(struct mote__snapshot *s, mote_error *error)
{
    int status = find_runs(s, error);
    if (!status)
        status = find_free(s, error);
    return status ? status : make_tables(s, error);
}

/* ---- its pages ---- */

const uint8_t *mote__snapshot_page_or_none(const struct mote__snapshot *s, size_t offset)
{
    return offset < mote__snapshot_needs(s) ? mote__snapshot_page(s, offset) : NULL;
}

void mote__snapshot_put_page(const struct mote__snapshot *s, size_t offset, uint8_t *to)
{
    const uint8_t *page = mote__snapshot_page(s, offset);
    if (page)
        memcpy(to, page, MOTE__PAGE);
    else
        memset(to, 0, MOTE__PAGE);
}

/* The first run that ends behind `offset`. */
static size_t find_run(const struct mote__snapshot *s, size_t offset)
{
    size_t low = 0, high = s->nruns;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->runs[middle].offset + s->runs[middle].size <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void mote__snapshot_copy(const struct mote__snapshot *s, size_t offset, size_t size, uint8_t *to)
{
    size_t end = offset + size;
    for (size_t i = find_run(s, offset); i < s->nruns && s->runs[i].offset < end; i++) {
        size_t low = s->runs[i].offset, high = low + s->runs[i].size;
        low = low > offset ? low : offset;
        high = high < end ? high : end;
        for (; low < high; low += MOTE__PAGE)
            memcpy(to + (low - offset), mote__snapshot_page(s, low), MOTE__PAGE);
    }
}

/* ---- life ---- */

struct mote__snapshot *mote__snapshot_ref(struct mote__snapshot *s)
{
    if (s)
        atomic_fetch_add(&s->references, 1);
    return s;
}

static void destroy(struct mote__snapshot *s)
{
    if (s->own)
        mote__unmap(s->own, s->own_size);
    mote__free(s->tables);
    mote__free(s->runs);
    mote__free(s->pages);
    mote__regions_free(&s->regions);
    mote__extents_free(&s->free);
    mote__free(s);
}

void mote__snapshot_unref(struct mote__snapshot *s)
{
    while (s && atomic_fetch_sub(&s->references, 1) == 1) {
        struct mote__snapshot *parent = s->parent;
        destroy(s);
        s = parent;
    }
}
