/* SPDX-License-Identifier: Apache-2.0 */
/* Shells of several images in one VM: the page tables of each lead to its own memory alone. */
#include "cmocka_first.h"

#include <stdio.h>
#include <stdlib.h>

#include "sandbox.h"
#include "vm/machine.h"

#define PAGE ((uint64_t)MOTE__PAGE)

static const char *const guests[] = {"echo", "dirty", "taint", "taint_high", "probe"};
enum { GUESTS = sizeof guests / sizeof guests[0] };

static mote_host *host;
static mote_image *images[GUESTS];

static int set_up(void **state)
{
    (void)state;
    mote_host_options options = {
        .size = sizeof options, .shells_high = 1, .reuse = MOTE_REUSE_FREELY};
    mote_error e = MOTE_ERROR_INIT;
    if (mote_host_new(&host, &options, &e))
        fail_msg("%s", e.text);
    for (size_t i = 0; i < GUESTS; i++) {
        char path[4096];
        mote_source source = MOTE_SOURCE_PATH(path);
        snprintf(path, sizeof path, "%s/%s", getenv("MOTE_GUEST_DIR"), guests[i]);
        if (mote_image_open(&images[i], host, &source, NULL, &e))
            fail_msg("%s", e.text);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < GUESTS; i++)
        mote_image_unref(images[i]);
    assert_int_equal(mote_host_free(host), 0);
    return 0;
}

static mote_sandbox *start(size_t guest)
{
    static const char init[5000] = "init data";
    mote_sandbox_options options = {
        .size = sizeof options, .init_data = init, .init_data_size = sizeof init};
    mote_error e = MOTE_ERROR_INIT;
    mote_sandbox *sandbox = NULL;
    if (mote_sandbox_new(&sandbox, images[guest], NULL, &options, &e))
        fail_msg("%s", e.text);
    return sandbox;
}

/* `probe` maps memory of its own, so that tables and ram grow beyond the snapshot's. */
static void map_more(mote_sandbox *sandbox)
{
    mote_func func;
    mote_value size = {.type = MOTE_U64, .of.u64 = 3u << 20}, where;
    assert_int_equal(mote_find(sandbox->image, "map", NULL, &func, NULL), 0);
    assert_int_equal(mote_call(sandbox, func, NULL, &size, 1, &where, 1), 0);
    assert_true(where.of.i64 > 0);
}

static bool is_in(const struct mote__arena *arena, uint64_t physical, size_t size)
{
    return physical >= arena->physical && physical - arena->physical < size;
}

static void check_leaf(const struct mote__memory *m, uint64_t entry)
{
    uint64_t physical = entry & MOTE__PTE_ADDRESS;
    if (is_in(&m->ram, physical, m->ram.used))
        return;
    assert_true(is_in(&m->tables, physical, MOTE__SYSTEM_PAGES * PAGE));
    uint64_t page = (physical - m->tables.physical) / PAGE;
    bool ours = page == MOTE__PAGE_MONITOR || page == MOTE__PAGE_MONITOR_STACK;
    assert_int_equal(!(entry & MOTE__PTE_USER), ours);
    assert_true(ours || !(entry & MOTE__PTE_WRITE));
}

/* The number of leaves below a table. */
static size_t walk(const struct mote__memory *m, uint64_t table, int level)
{
    size_t leaves = 0;
    assert_true(is_in(&m->tables, table, m->tables.used));
    assert_true(table - m->tables.physical >= MOTE__SYSTEM_PAGES * PAGE);
    const uint64_t *entries = (const void *)(m->tables.host + (table - m->tables.physical));
    for (unsigned i = 0; i < 512; i++) {
        if (!(entries[i] & MOTE__PTE_PRESENT))
            continue;
        if (level == 0)
            check_leaf(m, entries[i]);
        leaves += level ? walk(m, entries[i] & MOTE__PTE_ADDRESS, level - 1) : 1;
    }
    return leaves;
}

static void check_seats(const struct mote__machine *machine)
{
    for (size_t i = 0; i < machine->count; i++) {
        const struct mote__memory *m = &machine->seats[i]->memory;
        assert_true(walk(m, m->tables.physical + m->root, 3) > 10);
        for (size_t j = 0; j < i; j++) {
            const struct mote__memory *other = &machine->seats[j]->memory;
            assert_false(is_in(&other->ram, m->ram.physical, other->ram.reserved));
            assert_false(is_in(&other->tables, m->tables.physical, other->tables.reserved));
            assert_false(is_in(&other->ram, m->tables.physical, other->ram.reserved));
        }
    }
}

static void test_tables_lead_to_their_own_memory(void **state)
{
    (void)state;
    struct mote__machine *machine = NULL;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < GUESTS; i++) {
            mote_sandbox *sandbox = start(i);
            assert_true(!machine || machine == sandbox->shell->machine);
            machine = sandbox->shell->machine;
            assert_ptr_equal(machine->chosen, sandbox->shell);
            assert_int_equal(sandbox->shell->memory.tables.physical,
                             (sandbox->shell->memory.ram.physical >> MOTE__SEAT_BITS)
                                 << MOTE__SEAT_BITS);
            if (i + 1 == GUESTS)
                map_more(sandbox);
            check_seats(machine);
            assert_int_equal(mote_sandbox_free(sandbox), 0);
            check_seats(machine);
        }
        assert_int_equal(machine->count, GUESTS);
    }
}

/* What is copied from one place to another and back is what it was. */
static void test_relocation_can_be_undone(void **state)
{
    (void)state;
    uint64_t table[512] = {0x1000 | MOTE__PTE_PRESENT, 0, MOTE__PTE_NX | 0x7000 | 0x67};
    mote__paging_relocate((uint8_t *)table, sizeof table, 5ull << MOTE__SEAT_BITS);
    assert_int_equal(table[0], (5ull << MOTE__SEAT_BITS) | 0x1001);
    assert_int_equal(table[1], 0);
    assert_int_equal(table[2], MOTE__PTE_NX | (5ull << MOTE__SEAT_BITS) | 0x7067);
    mote__paging_relocate((uint8_t *)table, sizeof table, -(5ull << MOTE__SEAT_BITS));
    assert_int_equal(table[0], 0x1001);
    assert_int_equal(table[2], MOTE__PTE_NX | 0x7067);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tables_lead_to_their_own_memory, set_up, tear_down),
        cmocka_unit_test(test_relocation_can_be_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
