/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_first.h"

#include "arch/x86_64/paging.h"
#include "vm/region.h"

#define PAGE 0x1000u

static struct mote__region at(uint64_t start, uint64_t end, size_t offset)
{
    return (struct mote__region){.start = start,
                                 .end = end,
                                 .offset = offset,
                                 .access = MOTE__READ | MOTE__WRITE,
                                 .kind = MOTE__REGION_MMAP,
                                 .changed = true};
}

static void add(struct mote__regions *r, struct mote__region region)
{
    assert_int_equal(mote__regions_insert(r, region), 0);
}

static void test_insert_keeps_the_order(void **state)
{
    (void)state;
    struct mote__regions r = {0};
    for (uint64_t i = 0; i < 100; i++) /* 37 is prime to 100: every place once */
        add(&r, at(i * 37 % 100 * 2 * PAGE, (i * 37 % 100 * 2 + 1) * PAGE, i * PAGE));
    assert_int_equal(r.count, 100);
    for (size_t i = 0; i < r.count; i++)
        assert_int_equal(r.list[i].start, i * 2 * PAGE);
    mote__regions_free(&r);
    assert_int_equal(r.count, 0);
    assert_null(r.list);
}

static void test_find_gives_the_first_that_ends_behind(void **state)
{
    (void)state;
    struct mote__regions r = {0};
    assert_int_equal(mote__regions_find(&r, 0), 0);
    add(&r, at(2 * PAGE, 3 * PAGE, 0));
    add(&r, at(5 * PAGE, 7 * PAGE, 4 * PAGE));
    assert_int_equal(mote__regions_find(&r, 0), 0);
    assert_int_equal(mote__regions_find(&r, 3 * PAGE - 1), 0);
    assert_int_equal(mote__regions_find(&r, 3 * PAGE), 1);
    assert_int_equal(mote__regions_find(&r, 7 * PAGE - 1), 1);
    assert_int_equal(mote__regions_find(&r, 7 * PAGE), 2);
    assert_int_equal(mote__regions_find(&r, UINT64_MAX), 2);
    mote__regions_free(&r);
}

static void test_fresh_neighbours_join(void **state)
{
    (void)state;
    struct mote__regions r = {0};
    add(&r, at(0, PAGE, 0));
    add(&r, at(PAGE, 3 * PAGE, PAGE));
    assert_int_equal(r.count, 1);
    assert_int_equal(r.list[0].end, 3 * PAGE);
    mote__regions_free(&r);
}

static void test_what_does_not_continue_stays_apart(void **state)
{
    (void)state;
    struct mote__region other[5];
    for (size_t i = 0; i < 5; i++)
        other[i] = at(PAGE, 2 * PAGE, PAGE);
    other[0].offset = 2 * PAGE;
    other[1].access = MOTE__READ;
    other[2].kind = MOTE__REGION_HEAP;
    other[3].changed = false;
    other[4].offset = MOTE__UNBACKED;
    for (size_t i = 0; i < 5; i++) {
        struct mote__regions r = {0};
        add(&r, at(0, PAGE, 0));
        add(&r, other[i]);
        assert_int_equal(r.count, 2);
        mote__regions_free(&r);
    }
}

static void test_unbacked_neighbours_join(void **state)
{
    (void)state;
    struct mote__regions r = {0};
    struct mote__region a = at(0, PAGE, MOTE__UNBACKED), b = at(PAGE, 2 * PAGE, MOTE__UNBACKED);
    add(&r, a);
    add(&r, b);
    assert_int_equal(r.count, 1);
    mote__regions_free(&r);
}

static void test_the_limit_is_kept(void **state)
{
    (void)state;
    struct mote__regions r = {0};
    for (uint64_t i = 0; i < MOTE__MAX_REGIONS; i++)
        add(&r, at(2 * i * PAGE, (2 * i + 1) * PAGE, 0));
    assert_int_equal(mote__regions_insert(&r, at(1u << 30, (1u << 30) + PAGE, 0)), MOTE_ELIMIT);
    assert_int_equal(mote__regions_split(&r, PAGE / 2), MOTE_ELIMIT);
    assert_int_equal(r.count, MOTE__MAX_REGIONS);
    assert_int_equal(r.list[0].end, PAGE); /* as it was before the split that failed */
    mote__regions_free(&r);
}

static void test_split(void **state)
{
    (void)state;
    struct mote__regions r = {0};
    add(&r, at(0, 4 * PAGE, 8 * PAGE));
    assert_int_equal(mote__regions_split(&r, 3 * PAGE), 0);
    assert_int_equal(r.count, 2);
    assert_int_equal(r.list[0].end, 3 * PAGE);
    assert_int_equal(r.list[1].start, 3 * PAGE);
    assert_int_equal(r.list[1].offset, 11 * PAGE);
    assert_true(r.list[0].changed && r.list[1].changed);
    mote__regions_free(&r);
}

static void test_split_of_the_unbacked(void **state)
{
    (void)state;
    struct mote__regions r = {0};
    add(&r, at(0, 2 * PAGE, MOTE__UNBACKED));
    assert_int_equal(mote__regions_split(&r, PAGE), 0);
    assert_int_equal(r.count, 2);
    assert_true(r.list[1].offset == MOTE__UNBACKED);
    mote__regions_free(&r);
}

static void test_split_at_a_boundary_or_outside_is_nothing(void **state)
{
    (void)state;
    struct mote__regions r = {0};
    add(&r, at(PAGE, 2 * PAGE, 0));
    static const uint64_t places[] = {0, PAGE, 2 * PAGE, 9 * PAGE};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(mote__regions_split(&r, places[i]), 0);
    assert_int_equal(r.count, 1);
    mote__regions_free(&r);
}

static void test_remove(void **state)
{
    (void)state;
    struct mote__regions r = {0};
    for (uint64_t i = 0; i < 3; i++)
        add(&r, at(2 * i * PAGE, (2 * i + 1) * PAGE, 0));
    mote__regions_remove(&r, 1);
    assert_int_equal(r.count, 2);
    assert_int_equal(r.list[1].start, 4 * PAGE);
    mote__regions_remove(&r, 1);
    mote__regions_remove(&r, 0);
    assert_int_equal(r.count, 0);
    mote__regions_free(&r);
}

static void test_gap(void **state)
{
    (void)state;
    struct mote__regions r = {0};
    add(&r, at(4 * PAGE, 5 * PAGE, 0));
    add(&r, at(7 * PAGE, 8 * PAGE, 0));
    assert_int_equal(mote__regions_gap(&r, 2 * PAGE, 2 * PAGE, 20 * PAGE), 2 * PAGE);
    assert_int_equal(mote__regions_gap(&r, 2 * PAGE, 3 * PAGE, 20 * PAGE), 5 * PAGE);
    assert_int_equal(mote__regions_gap(&r, 3 * PAGE, 3 * PAGE, 20 * PAGE), 8 * PAGE);
    assert_int_equal(mote__regions_gap(&r, 12 * PAGE, 3 * PAGE, 20 * PAGE), 8 * PAGE);
    assert_int_equal(mote__regions_gap(&r, 13 * PAGE, 3 * PAGE, 20 * PAGE), 0);
    assert_int_equal(mote__regions_gap(&r, 2 * PAGE, 4 * PAGE, 6 * PAGE), 0);
    assert_int_equal(mote__regions_gap(&r, UINT64_MAX, PAGE, UINT64_MAX), 0);
    mote__regions_free(&r);
}

static void test_copy_replaces(void **state)
{
    (void)state;
    struct mote__regions a = {0}, b = {0}, empty = {0};
    add(&a, at(0, PAGE, 0));
    add(&b, at(2 * PAGE, 3 * PAGE, 0));
    add(&b, at(4 * PAGE, 5 * PAGE, 0));
    assert_int_equal(mote__regions_copy(&b, &a), 0);
    assert_int_equal(b.count, 1);
    assert_int_equal(b.list[0].start, 0);
    assert_int_equal(mote__regions_copy(&b, &empty), 0);
    assert_int_equal(b.count, 0);
    mote__regions_free(&a);
    mote__regions_free(&b);
}

/* ---- extents ---- */

static void give(struct mote__extents *e, size_t offset, size_t size)
{
    assert_int_equal(mote__extents_give(e, offset * PAGE, size * PAGE), 0);
}

static void test_extents_join_on_both_sides(void **state)
{
    (void)state;
    struct mote__extents e = {0};
    give(&e, 0, 1);
    give(&e, 4, 1);
    give(&e, 2, 1);
    assert_int_equal(e.count, 3);
    give(&e, 1, 1);
    assert_int_equal(e.count, 2);
    give(&e, 3, 1);
    assert_int_equal(e.count, 1);
    assert_int_equal(e.list[0].offset, 0);
    assert_int_equal(e.list[0].size, 5 * PAGE);
    mote__extents_free(&e);
}

static void test_take_is_bounded_and_empties(void **state)
{
    (void)state;
    struct mote__extents e = {0};
    size_t offset = 77;
    assert_int_equal(mote__extents_take(&e, PAGE, &offset), 0);
    assert_int_equal(offset, 77);
    give(&e, 8, 2);
    give(&e, 2, 3);
    assert_int_equal(mote__extents_take(&e, 2 * PAGE, &offset), 2 * PAGE);
    assert_int_equal(offset, 2 * PAGE);
    assert_int_equal(mote__extents_take(&e, 9 * PAGE, &offset), PAGE);
    assert_int_equal(offset, 4 * PAGE);
    assert_int_equal(mote__extents_take(&e, 9 * PAGE, &offset), 2 * PAGE);
    assert_int_equal(offset, 8 * PAGE);
    assert_int_equal(e.count, 0);
    mote__extents_free(&e);
}

static void test_all_that_is_given_can_be_taken(void **state)
{
    (void)state;
    struct mote__extents e = {0};
    size_t offset, taken, total = 0;
    for (size_t i = 0; i < 1000; i++)
        give(&e, i * 7 % 1000 * 2, 1);
    assert_int_equal(e.count, 1000);
    while ((taken = mote__extents_take(&e, PAGE, &offset)))
        total += taken;
    assert_int_equal(total, 1000 * PAGE);
    mote__extents_free(&e);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_insert_keeps_the_order),
        cmocka_unit_test(test_find_gives_the_first_that_ends_behind),
        cmocka_unit_test(test_fresh_neighbours_join),
        cmocka_unit_test(test_what_does_not_continue_stays_apart),
        cmocka_unit_test(test_unbacked_neighbours_join),
        cmocka_unit_test(test_the_limit_is_kept),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_of_the_unbacked),
        cmocka_unit_test(test_split_at_a_boundary_or_outside_is_nothing),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_copy_replaces),
        cmocka_unit_test(test_extents_join_on_both_sides),
        cmocka_unit_test(test_take_is_bounded_and_empties),
        cmocka_unit_test(test_all_that_is_given_can_be_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
