/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_model.h"

#include <string.h>

#include "os/os.h"

/* Every page that was ever mapped; open addressing by page number. */
#define ROOM 0x8000u /* pages; a script ends when a quarter is full */

struct page {
    uint64_t address; /* with bit 0 set; 0: the place is empty */
    uint64_t word;
    unsigned access;
    bool mapped;
};

static struct page pages[ROOM];
static uint32_t touched[ROOM]; /* places in use */
static size_t ntouched, nmapped;

void model_clear(void)
{
    for (size_t i = 0; i < ntouched; i++)
        pages[touched[i]].address = 0;
    ntouched = nmapped = 0;
}

static struct page *find(uint64_t address)
{
    uint32_t at = (uint32_t)((address >> 12) * 0x9e3779b97f4a7c15ull >> 48) % ROOM;
    while (pages[at].address && pages[at].address != (address | 1))
        at = (at + 1) % ROOM;
    if (!pages[at].address) {
        fake_check(ntouched < ROOM / 2, "the model has room");
        pages[at] = (struct page){.address = address | 1};
        touched[ntouched++] = at;
    }
    return &pages[at];
}

static void set_mapped(struct page *page, bool mapped)
{
    nmapped += mapped - page->mapped;
    page->mapped = mapped;
}

void model_map(uint64_t start, uint64_t size, unsigned access)
{
    for (uint64_t at = start; at < start + size; at += MOTE__PAGE) {
        struct page *page = find(at);
        set_mapped(page, true);
        page->access = access;
        page->word = 0;
    }
}

bool model_is_full(void)
{
    return ntouched > ROOM / 4;
}

void model_unmap(uint64_t start, uint64_t size)
{
    for (size_t i = 0; i < ntouched; i++) {
        struct page *page = &pages[touched[i]];
        if (page->address >= start && page->address < start + size)
            set_mapped(page, false);
    }
}

void model_protect(uint64_t start, uint64_t size, unsigned access)
{
    for (uint64_t at = start; at < start + size; at += MOTE__PAGE)
        find(at)->access = access;
}

void model_move(uint64_t from, uint64_t size, uint64_t to, uint64_t new_size)
{
    unsigned access = find(from)->access;
    for (uint64_t at = 0; at < size || at < new_size; at += MOTE__PAGE) {
        uint64_t word = 0;
        if (at < size) {
            word = find(from + at)->word;
            set_mapped(find(from + at), false);
        }
        if (at >= new_size)
            continue;
        struct page *page = find(to + at);
        set_mapped(page, true);
        page->access = access;
        page->word = word;
    }
}

bool model_is_mapped(uint64_t start, uint64_t size)
{
    for (uint64_t at = start; at < start + size; at += MOTE__PAGE)
        if (!find(at)->mapped)
            return false;
    return true;
}

unsigned model_access(uint64_t address)
{
    const struct page *page = find(mote__align_down(address, MOTE__PAGE));
    return page->mapped ? page->access : 0;
}

void model_write(uint64_t address, uint64_t word)
{
    find(mote__align_down(address, MOTE__PAGE))->word = word;
}

static uint64_t word_of(const struct mote__memory *memory, const struct mote__region *r,
                        uint64_t address)
{
    uint64_t word = 0;
    if (r->offset != MOTE__UNBACKED)
        memcpy(&word, memory->ram.host + r->offset + (address - r->start), sizeof word);
    return word;
}

void model_take(const struct mote__memory *memory, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < ntouched; i++) {
        struct page *page = &pages[touched[i]];
        if (page->address >= start && page->address < end)
            set_mapped(page, false);
    }
    for (size_t i = 0; i < memory->regions.count; i++) {
        const struct mote__region *r = &memory->regions.list[i];
        for (uint64_t at = r->start; at < r->end; at += MOTE__PAGE) {
            if (at < start || at >= end)
                continue;
            struct page *page = find(at);
            set_mapped(page, true);
            page->access = r->access;
            page->word = word_of(memory, r, at);
        }
    }
}

/* ---- the region table ---- */

static uint8_t owners[0x4000]; /* of the pages of ram */

enum { NOBODY, ONE, READERS };

/* Pages of a granted file may be shown many times, unless one may have written them. */
static void own(const struct mote__memory *memory, size_t offset, uint64_t size, uint8_t owner)
{
    fake_check(offset % MOTE__PAGE == 0 && size % MOTE__PAGE == 0 && size, "memory is pages");
    fake_check(offset <= memory->ram.used && size <= memory->ram.used - offset,
               "memory was handed out");
    for (size_t i = offset / MOTE__PAGE; i < (offset + size) / MOTE__PAGE; i++) {
        fake_check(owners[i] == NOBODY || (owners[i] == READERS && owner == READERS),
                   "no memory is shared by two regions or free twice");
        owners[i] = owner;
    }
}

static void check_region(const struct mote__memory *memory, const struct mote__region *r)
{
    fake_check(r->start < r->end && r->start % MOTE__PAGE == 0 && r->end % MOTE__PAGE == 0,
               "a region is pages");
    fake_check(!(r->access & MOTE__WRITE && r->access & MOTE__EXECUTE),
               "no region is both writable and executable");
    if (r->offset == MOTE__UNBACKED) {
        fake_check(r->access == 0, "a region without memory has no access");
        return;
    }
    bool image = r->offset < memory->read_only;
    fake_check(!(image && r->access & MOTE__WRITE), "the image is not writable");
    bool file = r->offset >= memory->files && r->offset - memory->files < memory->files_used;
    fake_check(file == mote__region_is_file(r), "pages of files are in regions of files");
    fake_check(!(r->kind == MOTE__REGION_FILE && r->access & MOTE__WRITE), "shared, not written");
    if (!image)
        own(memory, r->offset, r->end - r->start, r->kind == MOTE__REGION_FILE ? READERS : ONE);
}

static void check_files(const struct mote__memory *memory)
{
    size_t private = 0;
    for (size_t i = 0; i < memory->regions.count; i++) {
        const struct mote__region *r = &memory->regions.list[i];
        private += r->kind == MOTE__REGION_FILE_PRIVATE ? (size_t)(r->end - r->start) : 0;
    }
    fake_check(private == memory->private_files, "what a guest may write of files is counted");
    fake_check(mote__memory_in_use(memory) <= memory->limit, "memory is within the limit");
}

void model_check_table(const struct mote__memory *memory)
{
    size_t used = memory->ram.used / MOTE__PAGE;
    fake_check(memory->ram.used <= memory->ram.reserved && used <= sizeof owners,
               "memory is within the limit");
    memset(owners, 0, used);
    for (size_t i = 0; i < memory->regions.count; i++) {
        const struct mote__region *r = &memory->regions.list[i];
        check_region(memory, r);
        fake_check(i == 0 || r[-1].end <= r->start, "regions are sorted and disjoint");
    }
    for (size_t i = 0; i < memory->free.count; i++) {
        const struct mote__extent *e = &memory->free.list[i];
        own(memory, e->offset, e->size, ONE);
        fake_check(i == 0 || e[-1].offset + e[-1].size < e->offset, "extents never touch");
    }
    for (size_t i = memory->read_only / MOTE__PAGE; i < used; i++) {
        size_t at = i * MOTE__PAGE;
        bool file = at >= memory->files && at - memory->files < memory->files_used;
        fake_check(file || owners[i], "no memory is lost");
    }
    check_files(memory);
}

/* ---- page tables ---- */

static unsigned count_leaves(const struct mote__arena *tables, uint64_t table, int level)
{
    fake_check(table % MOTE__PAGE == 0 && table < tables->used, "a table lies in the arena");
    const uint64_t *entries = (const uint64_t *)(const void *)(tables->host + table);
    unsigned n = 0;
    for (unsigned i = 0; i < 512; i++) {
        uint64_t e = entries[i];
        if (!(e & MOTE__PTE_PRESENT))
            continue;
        fake_check(level || !(e & MOTE__PTE_WRITE) || e & MOTE__PTE_NX,
                   "no page is both writable and executable");
        n += level ? count_leaves(tables, e & MOTE__PTE_ADDRESS, level - 1) : 1;
    }
    return n;
}

void model_check_leaves(const struct mote__memory *memory, unsigned ours)
{
    uint64_t expected = ours;
    for (size_t i = 0; i < memory->regions.count; i++) {
        const struct mote__region *r = &memory->regions.list[i];
        expected += r->access ? (r->end - r->start) / MOTE__PAGE : 0;
    }
    fake_check(count_leaves(&memory->tables, memory->root, 3) == expected,
               "there are no leaves but those of the regions");
}

static unsigned hardware_access(unsigned access)
{
    return access ? access | MOTE__READ : 0; /* there is no write-only page */
}

void model_check_pages(const struct mote__memory *memory, struct mote__vm *vm)
{
    uint64_t in_table = 0;
    for (size_t i = 0; i < memory->regions.count; i++)
        in_table += (memory->regions.list[i].end - memory->regions.list[i].start) / MOTE__PAGE;
    fake_check(in_table == nmapped, "the region table has the model's pages and no others");
    for (size_t i = 0; i < ntouched; i++) {
        const struct page *page = &pages[touched[i]];
        uint64_t address = page->address & ~1ull, word;
        unsigned access = page->mapped ? page->access : 0;
        fake_check(fake_access(vm, address) == hardware_access(access),
                   "the page tables say what the model says");
        if (access && fake_peek(vm, address, &word, sizeof word))
            fake_check(word == page->word, "a page holds what was written to it");
    }
}
