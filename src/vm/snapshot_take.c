/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a snapshot. Its memory is that of the shell without what is the sandbox's own: init data
 * is left out, pages of granted files become ordinary memory, and what lies behind them in ram
 * moves up. So it starts like the parent, and pages that did not change are the parent's. The
 * shell is only read.
 */
#include <string.h>

#include "error.h"
#include "os/os.h"
#include "vm/shell.h"

/* A snapshot keeps those below it: with more of them it stands on the lowest alone, and copies
 * what the others have. */
#define MOST_LAYERS 8u

struct taking {
    const struct mote__snapshot_source *source;
    const struct mote__memory *memory;
    const struct mote__snapshot *base; /* whose pages are shared; NULL: nobody's */
    struct mote__snapshot *s;
};

static bool is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, MOTE__PAGE - 1) == 0;
}

static size_t size_of(const struct mote__region *r)
{
    return (size_t)(r->end - r->start);
}

/* ---- regions ---- */

static bool is_kept(const struct mote__region *r)
{
    return r->kind != MOTE__REGION_INIT;
}

/* Where a region's memory is in the snapshot's ram, whose end `*end` it may move. */
static size_t new_offset(const struct taking *t, const struct mote__region *r, size_t *end)
{
    const struct mote__snapshot *parent = t->source->parent;
    size_t offset = r->offset;
    if (offset == MOTE__UNBACKED)
        return offset;
    if (mote__region_is_file(r)) {
        offset = *end;
        *end += size_of(r);
    } else if (parent && offset >= t->source->base_used) {
        offset -= t->source->base_used - mote__snapshot_needs(parent);
    }
    return offset;
}

/* The end of ordinary memory; files come behind it. */
static size_t find_end(const struct taking *t)
{
    size_t end = t->memory->read_only;
    for (size_t i = 0; i < t->memory->regions.count; i++) {
        const struct mote__region *r = &t->memory->regions.list[i];
        if (!is_kept(r) || r->offset == MOTE__UNBACKED || mote__region_is_file(r))
            continue;
        size_t here = new_offset(t, r, &end) + size_of(r);
        end = here > end ? here : end;
    }
    return end;
}

static int take_regions(const struct taking *t, mote_error *error)
{
    struct mote__regions *regions = &t->s->regions;
    if (mote__regions_copy(regions, &t->memory->regions))
        return mote__fail_memory(error, "a snapshot's regions");
    size_t end = find_end(t), kept = 0;
    for (size_t i = 0; i < regions->count; i++) {
        struct mote__region r = regions->list[i];
        if (!is_kept(&r))
            continue;
        r.offset = new_offset(t, &r, &end);
        r.kind = mote__region_is_file(&r) ? MOTE__REGION_MMAP : r.kind;
        r.changed = false;
        regions->list[kept++] = r;
    }
    regions->count = kept;
    t->s->read_only = t->memory->read_only;
    t->s->ram_size = end - t->memory->read_only;
    return 0;
}

/* ---- pages ---- */

/* The page that stands for `now`; `from_parent` where that is known to be as in the parent. */
static const uint8_t *find_page(const struct taking *t, const uint8_t *now, size_t offset,
                                bool from_parent)
{
    const struct mote__snapshot *parent = t->source->parent;
    const uint8_t *before = parent ? mote__snapshot_page_or_none(parent, offset) : NULL;
    if (from_parent || (before && memcmp(before, now, MOTE__PAGE) == 0))
        return before;
    return is_zero(now) ? NULL : now;
}

/* `leaf`: the entry of the region's first page here, or NULL where none was ever used. */
static void take_run(const struct taking *t, const struct mote__region *r, size_t offset,
                     size_t first, size_t count, const uint64_t *leaf)
{
    const uint8_t *memory = t->memory->ram.host + r->offset;
    for (size_t i = 0; i < count; i++) {
        size_t at = (first + i) * MOTE__PAGE;
        bool clean = t->source->parent && !r->changed && !mote__region_is_file(r);
#if !defined(MOTE_CONTROL_NO_SNAPSHOT_DIRTY)
        clean = clean && !(leaf && leaf[i] & MOTE__PTE_DIRTY);
#endif
        t->s->pages[(offset + at - t->s->read_only) / MOTE__PAGE] =
            find_page(t, memory + at, offset + at, clean);
    }
}

static void take_region(const struct taking *t, const struct mote__region *r, size_t offset)
{
    struct mote__arena tables = t->memory->tables; /* only read */
    size_t pages = size_of(r) / MOTE__PAGE;
    for (size_t at = 0; at < pages;) {
        size_t count;
        const uint64_t *leaf = mote__paging_leaves(&tables, t->memory->root,
                                                   r->start + (uint64_t)at * MOTE__PAGE, &count);
        count = count < pages - at ? count : pages - at;
        take_run(t, r, offset, at, count, leaf);
        at += count;
    }
}

static void find_pages(const struct taking *t)
{
    const struct mote__region *to = t->s->regions.list;
    for (size_t i = 0; i < t->memory->regions.count; i++) {
        const struct mote__region *r = &t->memory->regions.list[i];
        if (!is_kept(r))
            continue;
        if (r->offset != MOTE__UNBACKED && r->offset >= t->memory->read_only)
            take_region(t, r, to->offset);
        to++;
    }
}

static bool is_own(const struct taking *t, size_t page)
{
    const uint8_t *now = t->s->pages[page];
    size_t offset = t->s->read_only + page * MOTE__PAGE;
    return now && (!t->base || mote__snapshot_page_or_none(t->base, offset) != now);
}

/* Makes copies of the pages that nobody else keeps. */
static int own_pages(const struct taking *t, mote_error *error)
{
    struct mote__snapshot *s = t->s;
    size_t pages = s->ram_size / MOTE__PAGE, size = 0;
    for (size_t i = 0; i < pages; i++)
        size += is_own(t, i) ? MOTE__PAGE : 0;
    if (!size)
        return 0;
    void *own;
    int status = mote__map_anonymous(&own, size);
    if (status < 0)
        return mote__fail_system(error, status, "mapping a snapshot");
    uint8_t *to = s->own = own;
    s->own_size = size;
    for (size_t i = 0; i < pages; i++) {
        if (!is_own(t, i))
            continue;
        memcpy(to, s->pages[i], MOTE__PAGE);
        s->pages[i] = to;
        to += MOTE__PAGE;
    }
    status = mote__seal_memory(s->own, s->own_size);
    return status < 0 ? mote__fail_system(error, status, "sealing a snapshot") : 0;
}

static int take_memory(const struct taking *t, mote_error *error)
{
    struct mote__snapshot *s = t->s;
    int status = take_regions(t, error);
    if (status)
        return status;
    s->pages = mote__alloc_array(s->allocator, s->ram_size / MOTE__PAGE, sizeof *s->pages);
    if (!s->pages)
        return mote__fail_memory(error, "a snapshot");
    find_pages(t);
    return own_pages(t, error);
}

/* ---- registers ---- */

/* What a program has at its entry: x86-64 psABI, section 3.4.1. */
static const struct mote__cpu_special at_entry = {.x87_control = 0x37f, .mxcsr = 0x1f80};

static int take_cpu(const struct taking *t, mote_error *error)
{
    struct mote__snapshot *s = t->s;
    const struct mote__snapshot *parent = t->source->parent;
    struct mote__resume now = {.special = at_entry, .at = t->source->entry};
    now.regs.rip = s->layout.gate + MOTE__GATE_SCRUB;
    now.regs.rflags = MOTE__FLAGS_FIXED;
    int status = 0;
    if (parent && t->source->shell->stand == MOTE__STAND_SNAPSHOT)
        now = (struct mote__resume){parent->regs, parent->special, parent->resume};
    else if (!t->source->entry)
        status = mote__shell_keep(t->source->shell, &now, error);
    s->regs = now.regs;
    s->special = now.special;
    s->resume = now.at;
    return status;
}

/* ---- the whole ---- */

/* The snapshot whose pages the new one may share, and which it keeps for that. */
static struct mote__snapshot *choose_base(struct mote__snapshot *parent)
{
    struct mote__snapshot *base = parent;
    if (parent && parent->layers + 1 > MOST_LAYERS)
        while (base->parent)
            base = base->parent;
    return base;
}

static void begin(struct mote__snapshot *s, const struct mote__snapshot_source *source)
{
    atomic_init(&s->references, 1);
    s->allocator = s->regions.allocator = s->free.allocator = source->allocator;
    s->layout = *source->shell->layout;
    s->image = source->image;
    s->cpu = source->cpu;
    s->personality = *source->personality;
    s->read_only_fd = source->read_only_fd;
    s->parent = mote__snapshot_ref(choose_base(source->parent));
    s->layers = s->parent ? s->parent->layers + 1 : 0;
}

int mote__snapshot_take(struct mote__snapshot **out, const struct mote__snapshot_source *source,
                        mote_error *error)
{
    struct mote__snapshot *s = mote__alloc(source->allocator, sizeof *s);
    if (!s)
        return mote__fail_memory(error, "a snapshot");
    begin(s, source);
    struct taking t = {
        .source = source, .memory = &source->shell->memory, .base = s->parent, .s = s};
    int status = take_cpu(&t, error);
    if (!status)
        status = take_memory(&t, error);
    if (!status)
        status = mote__snapshot_complete(s, error);
    if (status) {
        mote__snapshot_unref(s);
        return status;
    }
    *out = s;
    return 0;
}
