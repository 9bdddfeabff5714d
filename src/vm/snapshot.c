/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/snapshot.h"

#include <string.h>

#include "error.h"
#include "os/os.h"
#include "vm/shell.h"

static bool is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, MOTE__PAGE - 1) == 0;
}

/* Notes that a page is not zero; runs grow at their end. */
static int add_page(struct mote__snapshot *s, size_t *room, size_t offset, mote_error *error)
{
    struct mote__page_run *last = s->nruns ? &s->runs[s->nruns - 1] : NULL;
    if (last && last->offset + last->size == offset) {
        last->size += MOTE__PAGE;
        return 0;
    }
    if (!s->runs || s->nruns == *room) {
        *room = *room ? 2 * *room : 8;
        struct mote__page_run *runs = mote__realloc(s->allocator, s->runs, *room * sizeof *runs);
        if (!runs)
            return mote__fail_memory(error, "a snapshot");
        s->runs = runs;
    }
    s->runs[s->nruns++] = (struct mote__page_run){offset, MOTE__PAGE};
    return 0;
}

/* Notes where the pages are that are not zero; the others stay what a new mapping is. */
static int find_pages(struct mote__snapshot *s, const struct mote__memory *memory,
                      mote_error *error)
{
    size_t room = 0;
    int status = 0;
    for (size_t at = 0; !status && at < s->ram_size; at += MOTE__PAGE) {
        const uint8_t *page = memory->ram.host + s->read_only + at;
        if (is_zero(page))
            continue;
        s->pages[at / MOTE__PAGE] = page;
        s->own_size += MOTE__PAGE;
        status = add_page(s, &room, s->read_only + at, error);
    }
    return status;
}

/* Makes copies of the pages found, which the guest's memory still holds. */
static int own_pages(struct mote__snapshot *s, mote_error *error)
{
    void *own;
    if (!s->own_size)
        return 0;
    int status = mote__map_anonymous(&own, s->own_size);
    if (status < 0)
        return mote__fail_system(error, status, "mapping a snapshot");
    uint8_t *to = s->own = own;
    for (size_t i = 0; i < s->ram_size / MOTE__PAGE; i++) {
        if (!s->pages[i])
            continue;
        memcpy(to, s->pages[i], MOTE__PAGE);
        s->pages[i] = to;
        to += MOTE__PAGE;
    }
    status = mote__seal_memory(s->own, s->own_size);
    return status < 0 ? mote__fail_system(error, status, "sealing a snapshot") : 0;
}

static int take_ram(struct mote__snapshot *s, const struct mote__memory *memory, mote_error *error)
{
    s->read_only = memory->read_only;
    s->ram_size = memory->ram.used - memory->read_only;
    s->pages = mote__alloc_array(s->allocator, s->ram_size / MOTE__PAGE, sizeof *s->pages);
    if (!s->pages)
        return mote__fail_memory(error, "a snapshot");
    int status = find_pages(s, memory, error);
    return status ? status : own_pages(s, error);
}

/* Clean entries: leaves accessed, so that nothing needs writing for a read, and dirty
 * only where the monitor's own pages are; leaf tables not accessed, so that a reset
 * can leave out those that were never used. */
static void clean_leaves(struct mote__memory *memory)
{
    for (size_t i = 0; i < memory->regions.count; i++) {
        struct mote__region *r = &memory->regions.list[i];
        r->changed = false;
        mote__paging_forget_use(&memory->tables, memory->root, r->start,
                                (size_t)(r->end - r->start));
    }
}

static int take_tables(struct mote__snapshot *s, struct mote__memory *memory, mote_error *error)
{
    clean_leaves(memory);
    s->root = memory->root;
    s->tables_size = memory->tables.used;
    s->tables = mote__alloc(s->allocator, s->tables_size);
    if (!s->tables)
        return mote__fail_memory(error, "a snapshot's page tables");
    memcpy(s->tables, memory->tables.host, s->tables_size);
    int status = mote__regions_copy(&s->regions, &memory->regions);
    if (!status)
        status = mote__extents_copy(&s->free, &memory->free);
    return status ? mote__fail_memory(error, "a snapshot's regions") : 0;
}

/* What a program has at its entry: x86-64 psABI, section 3.4.1. */
static const struct mote__cpu_special at_entry = {.x87_control = 0x37f, .mxcsr = 0x1f80};

static int take_cpu(struct mote__snapshot *s, struct mote__shell *shell, uint64_t entry,
                    mote_error *error)
{
    struct mote__resume resume = {.special = at_entry, .at = entry};
    resume.regs.rip = s->layout.gate + MOTE__GATE_SCRUB;
    resume.regs.rflags = MOTE__FLAGS_FIXED;
    int status = entry ? 0 : mote__shell_keep(shell, &resume, error);
    if (status)
        return status;
    s->regs = resume.regs;
    uint8_t *page = s->tables + MOTE__PAGE_SCRUB * MOTE__PAGE;
    mote__scrub_build((struct mote__scrub_data *)(void *)page, resume.at, &resume.special);
    return 0;
}

int mote__snapshot_take(struct mote__snapshot **out, const mote_allocator *allocator,
                        struct mote__shell *shell, uint64_t entry, int read_only_fd, mote_cpu cpu,
                        const struct mote__linux *personality, mote_error *error)
{
    struct mote__snapshot *s = mote__alloc(allocator, sizeof *s);
    if (!s)
        return mote__fail_memory(error, "a snapshot");
    atomic_init(&s->references, 1);
    s->allocator = s->regions.allocator = s->free.allocator = allocator;
    s->layout = *shell->layout;
    s->cpu = cpu;
    s->personality = *personality;
    s->read_only_fd = read_only_fd;
    int status = take_tables(s, &shell->memory, error);
    if (!status)
        status = take_cpu(s, shell, entry, error);
    if (!status)
        status = take_ram(s, &shell->memory, error);
    if (status) {
        mote__snapshot_unref(s);
        return status;
    }
    *out = s;
    return 0;
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
