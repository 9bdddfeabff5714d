/* SPDX-License-Identifier: Apache-2.0 */
/* bench_large: memory that lies idle, and a table in memory as a database has it: a tree of
 * nodes of 4 KiB, searched from its root. */
#include <mote_guest.h>
#include <sys/mman.h>

enum { ENTRIES = 256, PAGE = 4096 };

struct entry {
    uint64_t key;
    uint64_t value; /* of an inner node: the number of the node below */
};

struct node {
    struct entry entries[ENTRIES];
};
_Static_assert(sizeof(struct node) == PAGE, "a node is a page");

static struct node *leaves, *inner, root;
static uint32_t nleaves, ninner;

static void *get(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static volatile const uint8_t *held;

/* Maps n MiB that nobody uses. */
static bool hold(uint32_t n)
{
    held = get((size_t)n << 20);
    return held != NULL;
}
MOTE_EXPORT(hold, bool, u32);

/* Reads a byte in every 2 MiB of the first n MiB of it; whether all were zero. */
static bool look(uint32_t n)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i += 2)
        sum += held[(size_t)i << 20];
    return sum == 0;
}
MOTE_EXPORT(look, bool, u32);

static void nothing(void)
{
}
MOTE_EXPORT(nothing, void);

/* One level from the one below it, of `count` nodes whose least keys are `step` apart. */
static void fill_level(struct node *nodes, uint32_t count, uint64_t step)
{
    for (uint32_t i = 0; i < count; i++)
        nodes[i / ENTRIES].entries[i % ENTRIES] = (struct entry){i * step, i};
}

/* A table of n nodes at the leaves, at most 65536. */
static bool fill(uint32_t n)
{
    ninner = (n + ENTRIES - 1) / ENTRIES;
    if (n == 0 || ninner > ENTRIES)
        return false;
    leaves = get((size_t)n * PAGE);
    inner = get((size_t)ninner * PAGE);
    if (!leaves || !inner)
        return false;
    nleaves = n;
    fill_level(leaves, n * ENTRIES, 1);
    fill_level(inner, n, ENTRIES);
    fill_level(&root, ninner, (uint64_t)ENTRIES * ENTRIES);
    return true;
}
MOTE_EXPORT(fill, bool, u32);

/* The last entry of the first `count` whose key is not above `key`. */
static struct entry *search(struct node *node, uint32_t count, uint64_t key)
{
    uint32_t low = 0, high = count;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (node->entries[middle].key <= key)
            low = middle;
        else
            high = middle;
    }
    return &node->entries[low];
}

static uint32_t count_in(uint32_t all, uint64_t node)
{
    uint64_t left = all - node * ENTRIES;
    return left < ENTRIES ? (uint32_t)left : ENTRIES;
}

static struct entry *find(uint64_t key)
{
    uint64_t at = search(&root, ninner, key)->value;
    at = search(&inner[at], count_in(nleaves, at), key)->value;
    return search(&leaves[at], ENTRIES, key);
}

/* n rows at random, of which one in 64 is changed; how many were found as they should be. */
static uint32_t query(uint32_t n)
{
    uint64_t random = 88172645463325252u;
    uint32_t found = 0;
    for (uint32_t i = 0; i < n; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint64_t key = random % ((uint64_t)nleaves * ENTRIES);
        struct entry *row = find(key);
        found += row->key == key;
        if (i % 64 == 0)
            row->value++;
    }
    return found;
}
MOTE_EXPORT(query, u32, u32);
