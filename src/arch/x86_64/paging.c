/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86_64/paging.h"

#include "os/os.h"

#define ENTRIES 512u
#define LEVELS  4

static uint64_t *table_at(struct mote__arena *tables, uint64_t offset)
{
    return (uint64_t *)(void *)(tables->host + offset);
}

/* The next table below an entry; entries hold physical addresses. */
static uint64_t *table_of(struct mote__arena *tables, uint64_t entry)
{
    return table_at(tables, (entry & MOTE__PTE_ADDRESS) - tables->physical);
}

static unsigned index_of(uint64_t address, int level)
{
    return (unsigned)(address >> (12 + 9 * level)) % ENTRIES;
}

int mote__paging_init(struct mote__arena *tables, size_t *root, mote_error *error)
{
    return mote__arena_take(tables, MOTE__PAGE, root, error);
}

/* The entry of `address` at the leaf level; NULL without a table on the way. */
static uint64_t *find_leaf(struct mote__arena *tables, size_t root, uint64_t address)
{
    uint64_t *table = table_at(tables, root);
    for (int level = LEVELS - 1; level > 0; level--) {
        uint64_t entry = table[index_of(address, level)];
        if (!(entry & MOTE__PTE_PRESENT))
            return NULL;
        table = table_of(tables, entry);
    }
    return &table[index_of(address, 0)];
}

/* The same, making the tables that are missing. Rights are in the leaves alone. */
static int make_leaf(struct mote__arena *tables, size_t root, uint64_t address, uint64_t **leaf,
                     mote_error *error)
{
    uint64_t *table = table_at(tables, root);
    for (int level = LEVELS - 1; level > 0; level--) {
        uint64_t *entry = &table[index_of(address, level)];
        if (!(*entry & MOTE__PTE_PRESENT)) {
            size_t offset;
            int status = mote__arena_take(tables, MOTE__PAGE, &offset, error);
            if (status)
                return status;
            *entry =
                (tables->physical + offset) | MOTE__PTE_PRESENT | MOTE__PTE_WRITE | MOTE__PTE_USER;
        }
        table = table_of(tables, *entry);
    }
    *leaf = &table[index_of(address, 0)];
    return 0;
}

/* Accessed is preset, so that a walk has nothing to write for a page that is
 * only read, and KVM may fetch neighbours ahead. */
static uint64_t leaf_bits(unsigned access)
{
    uint64_t bits = MOTE__PTE_PRESENT | MOTE__PTE_ACCESSED;
    if (access & MOTE__WRITE)
        bits |= MOTE__PTE_WRITE;
    if (!(access & MOTE__EXECUTE))
        bits |= MOTE__PTE_NX;
    if (!(access & MOTE__MONITOR))
        bits |= MOTE__PTE_USER;
    else if (access & MOTE__WRITE)
        bits |= MOTE__PTE_DIRTY;
#if defined(MOTE_CONTROL_NO_NX)
    bits &= ~MOTE__PTE_NX;
#endif
#if defined(MOTE_CONTROL_NO_WRITE_PROTECT)
    bits |= MOTE__PTE_WRITE;
#endif
#if defined(MOTE_CONTROL_NO_SUPERVISOR)
    if (!(access & MOTE__EXECUTE)) /* with the code, too, not even `syscall` would work */
        bits |= MOTE__PTE_USER;
#endif
    return bits;
}

/* Entries from `leaf` to the end of its table, at most `pages`. */
static size_t run_length(uint64_t address, size_t pages)
{
    size_t rest = ENTRIES - index_of(address, 0);
    return rest < pages ? rest : pages;
}

int mote__paging_map(struct mote__arena *tables, size_t root, uint64_t address, uint64_t physical,
                     size_t size, unsigned access, mote_error *error)
{
    uint64_t bits = leaf_bits(access);
    for (size_t pages = size / MOTE__PAGE; pages;) {
        uint64_t *leaf;
        int status = make_leaf(tables, root, address, &leaf, error);
        if (status)
            return status;
        size_t run = run_length(address, pages);
        for (size_t i = 0; i < run; i++)
            leaf[i] = (physical + i * MOTE__PAGE) | bits;
        pages -= run;
        address += run * MOTE__PAGE;
        physical += run * MOTE__PAGE;
    }
    return 0;
}

void mote__paging_unmap(struct mote__arena *tables, size_t root, uint64_t address, size_t size)
{
    for (size_t pages = size / MOTE__PAGE; pages;) {
        size_t run = run_length(address, pages);
        uint64_t *leaf = find_leaf(tables, root, address);
        for (size_t i = 0; leaf && i < run; i++)
            leaf[i] = 0;
        pages -= run;
        address += run * MOTE__PAGE;
    }
}

/* Pages from `address` to the end of what one entry of this level covers. */
static size_t pages_under(uint64_t address, int level)
{
    uint64_t span = 1ull << (12 + 9 * level);
    return (size_t)((span - (address & (span - 1))) / MOTE__PAGE);
}

uint64_t *mote__paging_leaves(struct mote__arena *tables, size_t root, uint64_t address,
                              size_t *count)
{
    const uint64_t used = MOTE__PTE_PRESENT | MOTE__PTE_ACCESSED;
    uint64_t *table = table_at(tables, root);
    for (int level = LEVELS - 1; level > 0; level--) {
        uint64_t entry = table[index_of(address, level)];
        *count = pages_under(address, level);
        if ((entry & used) != used)
            return NULL; /* the processor marks a table before it marks what is in it */
        table = table_of(tables, entry);
    }
    *count = pages_under(address, 1);
    return &table[index_of(address, 0)];
}

/* Sets A in the entries above the leaf of `address`; the leaf, or NULL. */
static uint64_t *mark_path(struct mote__arena *tables, size_t root, uint64_t address)
{
    uint64_t *table = table_at(tables, root);
    for (int level = LEVELS - 1; level > 0; level--) {
        uint64_t *entry = &table[index_of(address, level)];
        if (!(*entry & MOTE__PTE_PRESENT))
            return NULL;
        *entry |= MOTE__PTE_ACCESSED;
        table = table_of(tables, *entry);
    }
    return &table[index_of(address, 0)];
}

void mote__paging_mark_dirty(struct mote__arena *tables, size_t root, uint64_t address, size_t size)
{
    uint64_t end = mote__align_up(address + size, MOTE__PAGE);
    address = mote__align_down(address, MOTE__PAGE);
    for (size_t pages = (size_t)(end - address) / MOTE__PAGE; pages;) {
        size_t run = run_length(address, pages);
        uint64_t *leaf = mark_path(tables, root, address);
        for (size_t i = 0; leaf && i < run; i++)
            leaf[i] |= leaf[i] & MOTE__PTE_PRESENT ? MOTE__PTE_DIRTY : 0;
        pages -= run;
        address += run * MOTE__PAGE;
    }
}

void mote__paging_relocate(uint8_t *tables, size_t size, uint64_t distance)
{
    uint64_t *entries = (uint64_t *)(void *)tables;
    for (size_t i = 0; distance && i < size / sizeof *entries; i++)
        if (entries[i] & MOTE__PTE_PRESENT)
            entries[i] += distance;
}
