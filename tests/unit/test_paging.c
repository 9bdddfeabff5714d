/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_first.h"

#include "arch/x86_64/paging.h"
#include "os/os.h"

#define PAGE     ((size_t)MOTE__PAGE)
#define TABLE    (512 * PAGE) /* what one table of leaves covers */
#define PHYSICAL 0x100000000ull

static struct mote__arena tables;
static size_t root;

static int set_up(void **state)
{
    (void)state;
    int status = mote__arena_reserve(&tables, 64 * PAGE, 0, 0, NULL);
    return status ? status : mote__paging_init(&tables, &root, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    mote__arena_release(&tables);
    return 0;
}

static void map(uint64_t address, size_t pages, unsigned access)
{
    assert_int_equal(mote__paging_map(&tables, root, address, PHYSICAL, pages * PAGE, access, NULL),
                     0);
}

/* What the processor does on its way to a page: it marks each table that it uses. */
static void walk(uint64_t address)
{
    uint64_t *table = (uint64_t *)(void *)(tables.host + root);
    for (int level = 3; level > 0; level--) {
        uint64_t *entry = &table[address >> (12 + 9 * level) & 511];
        if (!(*entry & MOTE__PTE_PRESENT))
            return;
        *entry |= MOTE__PTE_ACCESSED;
        table = (uint64_t *)(void *)(tables.host + (*entry & MOTE__PTE_ADDRESS) - tables.physical);
    }
}

static uint64_t leaf(uint64_t address)
{
    walk(address);
    size_t count;
    const uint64_t *l = mote__paging_leaves(&tables, root, address, &count);
    return l ? *l : 0;
}

static void test_rights(void **state)
{
    (void)state;
    static const struct {
        unsigned access;
        uint64_t set, clear;
    } cases[] = {
        {MOTE__READ, MOTE__PTE_USER | MOTE__PTE_NX, MOTE__PTE_WRITE},
        {MOTE__READ | MOTE__WRITE, MOTE__PTE_USER | MOTE__PTE_NX | MOTE__PTE_WRITE, 0},
        {MOTE__READ | MOTE__EXECUTE, MOTE__PTE_USER, MOTE__PTE_NX | MOTE__PTE_WRITE},
        {MOTE__READ | MOTE__MONITOR, MOTE__PTE_NX, MOTE__PTE_USER},
        {MOTE__READ | MOTE__WRITE | MOTE__MONITOR, MOTE__PTE_DIRTY, MOTE__PTE_USER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        map(i * PAGE, 1, cases[i].access);
        uint64_t e = leaf(i * PAGE);
        assert_true(e & MOTE__PTE_PRESENT && e & MOTE__PTE_ACCESSED);
        assert_int_equal(e & cases[i].set, cases[i].set);
        assert_int_equal(e & cases[i].clear, 0);
        assert_int_equal(e & MOTE__PTE_ADDRESS, PHYSICAL);
    }
    assert_int_equal(leaf(0) & MOTE__PTE_DIRTY, 0);
    assert_int_equal(leaf(PAGE) & MOTE__PTE_DIRTY, 0);
}

static void test_nothing_is_mapped_at_first(void **state)
{
    (void)state;
    size_t count = 0;
    assert_null(mote__paging_leaves(&tables, root, 5 * PAGE, &count));
    assert_int_equal(count, (1u << 27) - 5); /* all that the root's entry covers */
}

static void test_what_was_never_used_is_skipped_whole(void **state)
{
    (void)state;
    size_t count = 0;
    uint64_t address = (3ull << 30) + 5 * PAGE;
    map(address, 1, MOTE__READ | MOTE__WRITE);
    assert_null(mote__paging_leaves(&tables, root, address, &count));
    walk(2ull << 30); /* the table of directories was used, not the directory */
    assert_null(mote__paging_leaves(&tables, root, address, &count));
    assert_int_equal(count, (1u << 18) - 5);
    walk(address + TABLE); /* the directory was used, not the table */
    assert_null(mote__paging_leaves(&tables, root, address, &count));
    assert_int_equal(count, 507);
    mote__paging_mark_dirty(&tables, root, address, 1);
    assert_non_null(mote__paging_leaves(&tables, root, address, &count));
}

static void test_map_across_tables(void **state)
{
    (void)state;
    uint64_t start = TABLE - 3 * PAGE;
    map(start, 520, MOTE__READ);
    for (size_t i = 0; i < 520; i++)
        assert_int_equal(leaf(start + i * PAGE) & MOTE__PTE_ADDRESS, PHYSICAL + i * PAGE);
    assert_int_equal(leaf(start - PAGE), 0);
    assert_int_equal(leaf(start + 520 * PAGE), 0);
}

static void test_map_across_every_level(void **state)
{
    (void)state;
    static const uint64_t borders[] = {1ull << 21, 1ull << 30, 1ull << 39};
    for (size_t i = 0; i < 3; i++) {
        map(borders[i] - PAGE, 2, MOTE__READ);
        assert_int_equal(leaf(borders[i] - PAGE) & MOTE__PTE_ADDRESS, PHYSICAL);
        assert_int_equal(leaf(borders[i]) & MOTE__PTE_ADDRESS, PHYSICAL + PAGE);
    }
}

static void test_unmap_across_tables(void **state)
{
    (void)state;
    map(0, 3 * 512, MOTE__READ);
    mote__paging_unmap(&tables, root, TABLE - 2 * PAGE, 516 * PAGE);
    for (size_t i = 0; i < 3 * 512; i++)
        assert_int_equal(leaf(i * PAGE) == 0, i >= 510 && i < 510 + 516);
}

static void test_unmap_where_there_are_no_tables(void **state)
{
    (void)state;
    size_t used = tables.used;
    mote__paging_unmap(&tables, root, 1ull << 40, 4 * TABLE);
    assert_int_equal(tables.used, used);
}

static void test_tables_are_reused(void **state)
{
    (void)state;
    map(0, 600, MOTE__READ);
    size_t used = tables.used;
    mote__paging_unmap(&tables, root, 0, 600 * PAGE);
    map(0, 600, MOTE__READ | MOTE__WRITE);
    assert_int_equal(tables.used, used);
}

static void test_a_new_mapping_replaces_and_is_clean(void **state)
{
    (void)state;
    map(0, 1, MOTE__READ | MOTE__WRITE);
    mote__paging_mark_dirty(&tables, root, 0, 1);
    assert_true(leaf(0) & MOTE__PTE_DIRTY);
    map(0, 1, MOTE__READ);
    assert_int_equal(leaf(0) & (MOTE__PTE_DIRTY | MOTE__PTE_WRITE), 0);
}

static void test_leaves_run_to_the_end_of_the_table(void **state)
{
    (void)state;
    size_t count;
    map(0, 1024, MOTE__READ);
    assert_null(mote__paging_leaves(&tables, root, 510 * PAGE, &count)); /* never used */
    walk(510 * PAGE);
    assert_non_null(mote__paging_leaves(&tables, root, 510 * PAGE, &count));
    assert_int_equal(count, 2);
    walk(TABLE);
    assert_non_null(mote__paging_leaves(&tables, root, TABLE, &count));
    assert_int_equal(count, 512);
}

static void check_dirty(size_t first, size_t last, size_t pages)
{
    for (size_t i = 0; i < pages; i++)
        assert_int_equal((leaf(i * PAGE) & MOTE__PTE_DIRTY) != 0, i >= first && i <= last);
}

static void test_mark_dirty_takes_whole_pages(void **state)
{
    (void)state;
    static const struct {
        uint64_t address;
        size_t size, first, last;
    } cases[] = {
        {3 * PAGE, 1, 3, 3},    {3 * PAGE + 4095, 1, 3, 3}, {3 * PAGE + 4095, 2, 3, 4},
        {3 * PAGE, PAGE, 3, 3}, {TABLE - 1, 2, 511, 512},   {PAGE, 600 * PAGE, 1, 600},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        map(0, 700, MOTE__READ | MOTE__WRITE); /* clean again */
        mote__paging_mark_dirty(&tables, root, cases[i].address, cases[i].size);
        check_dirty(cases[i].first, cases[i].last, 700);
    }
}

static void test_mark_dirty_marks_nothing_that_is_not_there(void **state)
{
    (void)state;
    map(0, 4, MOTE__READ | MOTE__WRITE);
    mote__paging_unmap(&tables, root, 2 * PAGE, PAGE);
    mote__paging_mark_dirty(&tables, root, 0, 4 * PAGE);
    assert_int_equal(leaf(2 * PAGE), 0);
    mote__paging_mark_dirty(&tables, root, 1ull << 40, PAGE); /* no table: no crash */
}

static void test_mark_dirty_of_no_bytes_is_nothing(void **state)
{
    (void)state;
    map(0, 2, MOTE__READ | MOTE__WRITE);
    mote__paging_mark_dirty(&tables, root, PAGE, 0);
    check_dirty(1, 0, 2);
}

static void test_full_tables_are_an_error(void **state)
{
    (void)state;
    mote_error error = MOTE_ERROR_INIT;
    int status = 0;
    for (uint64_t i = 0; !status && i < 100; i++)
        status = mote__paging_map(&tables, root, i * TABLE, PHYSICAL, PAGE, MOTE__READ, &error);
    assert_int_equal(status, MOTE_ELIMIT);
    assert_int_equal(error.code, MOTE_ELIMIT);
    assert_true(tables.used <= tables.reserved);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_rights),
        TEST(test_nothing_is_mapped_at_first),
        TEST(test_what_was_never_used_is_skipped_whole),
        TEST(test_map_across_tables),
        TEST(test_map_across_every_level),
        TEST(test_unmap_across_tables),
        TEST(test_unmap_where_there_are_no_tables),
        TEST(test_tables_are_reused),
        TEST(test_a_new_mapping_replaces_and_is_clean),
        TEST(test_leaves_run_to_the_end_of_the_table),
        TEST(test_mark_dirty_takes_whole_pages),
        TEST(test_mark_dirty_marks_nothing_that_is_not_there),
        TEST(test_mark_dirty_of_no_bytes_is_nothing),
        TEST(test_full_tables_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
