/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings that are moved, resized, emptied: what a guest reaches then, and after a reset. */
#include "raw.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE    4096u
#define RW      (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define IMAGE   (image_page()) /* a page that is not the guest's own mapping */

static int64_t image_page(void)
{
    return (int64_t)at(0);
}

static uint32_t peek(struct box *box, int64_t address)
{
    mote_value value;

    must_call(box, "peek", ARGS(v_u64((uint64_t)address)), &value);
    return value.of.u32;
}

static void poke(struct box *box, int64_t address, uint32_t byte)
{
    must_call(box, "poke", ARGS(v_u64((uint64_t)address), v_u32(byte)), NULL);
}

static int64_t map(struct box *box, uint64_t pages)
{
    int64_t at = RAW(box, SYS_mmap, 0, pages * PAGE, RW, PRIVATE, -1, 0);

    CHECK(at > 0);
    for (uint64_t i = 0; i < pages; i++) {
        poke(box, at + (int64_t)(i * PAGE), (uint32_t)i + 1);
    }
    return at;
}

static int64_t remap(struct box *box, int64_t at, uint64_t pages, uint64_t more, int flags,
                     int64_t to)
{
    return RAW(box, SYS_mremap, at, pages * PAGE, more * PAGE, flags, to);
}

static void check_pages(struct box *box, int64_t at, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++) {
        CHECK_INT(peek(box, at + (int64_t)(i * PAGE)), i + 1);
    }
}

static void faults(struct box *box, int64_t address)
{
    mote_value value;
    int rc = box_call(box, "peek", ARGS(v_u64((uint64_t)address)), &value);

    check_page_fault(box, rc, MOTE_ACCESS_READ, (uint64_t)address);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
}

/* ---- mremap ------------------------------------------------------------------ */

TEST(remap, shrinks)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    int64_t at = map(&box, 4);
    CHECK_INT(remap(&box, at, 4, 2, 0, 0), at);
    check_pages(&box, at, 2);
    faults(&box, at + 2 * PAGE);
    box_close(&box);
}

TEST(remap, grows_where_it_is)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    int64_t at = map(&box, 3);
    CHECK_INT(remap(&box, at, 3, 300, 0, 0), at);
    check_pages(&box, at, 3);
    CHECK_INT(peek(&box, at + 3 * PAGE), 0);
    poke(&box, at + 299 * PAGE, 7);
    CHECK_INT(peek(&box, at + 299 * PAGE), 7);
    box_close(&box);
}

/* The pages go along, and the old place is empty, though the guest has used it. */
TEST(remap, moves)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    for (int i = 0; i < 2; i++) {
        int64_t at = map(&box, 8);
        int64_t wall = map(&box, 1);

        CHECK_INT(wall, at + 8 * PAGE);
        CHECK_INT(remap(&box, at, 8, 20, 0, 0), -ENOMEM);
        int64_t moved = remap(&box, at, 8, 20, MREMAP_MAYMOVE, 0);
        CHECK(moved > wall);
        check_pages(&box, moved, 8);
        CHECK_INT(peek(&box, moved + 19 * PAGE), 0);
        poke(&box, moved, 99);
        CHECK_INT(peek(&box, moved), 99);
        CHECK_INT(peek(&box, wall), 1);
        faults(&box, at); /* and resets */
    }
    box_close(&box);
}

TEST(remap, to_a_place)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    int64_t at = map(&box, 4);
    int64_t to = map(&box, 8);
    CHECK_INT(remap(&box, at, 4, 4, MREMAP_FIXED, to), -EINVAL);
    CHECK_INT(remap(&box, at, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, at + PAGE), -EINVAL);
    CHECK_INT(remap(&box, at, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, (int64_t)at + 1), -EINVAL);
    CHECK_INT(remap(&box, at, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, IMAGE), -EINVAL);
    CHECK_INT(remap(&box, at, 4, 3, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE), to + PAGE);
    CHECK_INT(peek(&box, to), 1);
    check_pages(&box, to + PAGE, 3);
    CHECK_INT(peek(&box, to + 4 * PAGE), 5);
    faults(&box, at + 3 * PAGE);
    box_close(&box);
}

TEST(remap, wrong_questions)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    int64_t at = map(&box, 4);
    CHECK_INT(remap(&box, at, 4, 0, 0, 0), -EINVAL);
    CHECK_INT(remap(&box, at, 0, 4, 0, 0), -EINVAL);
    CHECK_INT(remap(&box, at + 1, 4, 4, 0, 0), -EINVAL);
    CHECK_INT(remap(&box, at, 4, 5, 64, 0), -EINVAL);
    CHECK_INT(remap(&box, at, 5, 6, MREMAP_MAYMOVE, 0), -EFAULT);
    CHECK_INT(remap(&box, IMAGE, 1, 2, MREMAP_MAYMOVE, 0), -EFAULT);
    CHECK_INT(remap(&box, at, 4, 1ull << 40, MREMAP_MAYMOVE, 0), -EINVAL);
    CHECK_INT(remap(&box, at, 4, 1ull << 20, MREMAP_MAYMOVE, 0), -ENOMEM);
    check_pages(&box, at, 4);
    CHECK_INT(RAW(&box, SYS_mprotect, at, PAGE, PROT_READ), 0);
    CHECK_INT(remap(&box, at, 4, 6, MREMAP_MAYMOVE, 0), -EFAULT); /* two mappings */
    CHECK_INT(remap(&box, at, 1, 1, MREMAP_MAYMOVE, 0), at);
    box_close(&box);
}

/* A mapping that never had memory, and one that lost its access. */
TEST(remap, without_access)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    int64_t at = RAW(&box, SYS_mmap, 0, 4 * PAGE, PROT_NONE, PRIVATE, -1, 0);
    CHECK(at > 0);
    int64_t used = map(&box, 2);
    CHECK_INT(used, at + 4 * PAGE);
    int64_t moved = remap(&box, at, 4, 64, MREMAP_MAYMOVE, 0);
    CHECK(moved > used);
    CHECK_INT(RAW(&box, SYS_mprotect, moved, PAGE, RW), 0);
    poke(&box, moved, 3);
    CHECK_INT(RAW(&box, SYS_mprotect, used, 2 * PAGE, PROT_NONE), 0);
    int64_t hidden = remap(&box, used, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, at + PAGE);
    CHECK_INT(hidden, at + PAGE);
    CHECK_INT(RAW(&box, SYS_mprotect, hidden, 2 * PAGE, RW), 0);
    check_pages(&box, hidden, 2);
    box_close(&box);
}

/* More is held than half of the limit: the memory itself is moved. */
TEST(remap, large_in_a_small_limit)
{
    struct box box;
    mote_value result;
    uint64_t pages = 40 * MIB / PAGE;

    raw_open(&box);
    raw_start(&box);
    int64_t at = RAW(&box, SYS_mmap, 0, pages * PAGE, RW, PRIVATE, -1, 0);
    CHECK(at > 0);
    int64_t wall = map(&box, 1);
    CHECK(wall == at + (int64_t)(pages * PAGE));
    poke(&box, at + 100 * PAGE, 5);
    int64_t moved = remap(&box, at, pages, pages + 100, MREMAP_MAYMOVE, 0);
    CHECK(moved > 0);
    must_call(&box, "sum_pages", ARGS(v_u64((uint64_t)moved), v_u64(pages)), &result);
    CHECK_INT(result.of.u64, 5);
    box_close(&box);
}

/* ---- madvise ------------------------------------------------------------------ */

TEST(remap, emptied)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    int64_t at = map(&box, 6);
    CHECK_INT(RAW(&box, SYS_madvise, at + PAGE, 3 * PAGE, MADV_DONTNEED), 0);
    CHECK_INT(peek(&box, at), 1);
    CHECK_INT(peek(&box, at + PAGE), 0);
    CHECK_INT(peek(&box, at + 3 * PAGE), 0);
    CHECK_INT(peek(&box, at + 4 * PAGE), 5);
    poke(&box, at + PAGE, 77);
    CHECK_INT(peek(&box, at + PAGE), 77);
    CHECK_INT(RAW(&box, SYS_mprotect, at, PAGE, PROT_READ), 0);
    CHECK_INT(RAW(&box, SYS_madvise, at, PAGE, MADV_DONTNEED), 0);
    CHECK_INT(peek(&box, at), 0);
    CHECK_INT(RAW(&box, SYS_madvise, at, 100 * PAGE, MADV_DONTNEED), -ENOMEM);
    CHECK_INT(RAW(&box, SYS_madvise, at + 1, PAGE, MADV_DONTNEED), -EINVAL);
    CHECK_INT(RAW(&box, SYS_madvise, at, PAGE, MADV_REMOVE), -EINVAL);
    CHECK_INT(RAW(&box, SYS_madvise, at, PAGE, 9999), -EINVAL);
    CHECK_INT(RAW(&box, SYS_madvise, at, PAGE, MADV_WILLNEED), 0);
    CHECK_INT(RAW(&box, SYS_madvise, IMAGE, PAGE, MADV_DONTNEED), -EINVAL); /* image */
    box_close(&box);
}

/* Memory of the snapshot that was emptied or moved is what it was, whether it could be written or
 * not. */
TEST(remap, undone_by_the_reset)
{
    struct box box;
    mote_value result;

    raw_open(&box);
    raw_start(&box);
    must_call(&box, "from_boot", NO_ARGS, &result);
    int64_t at = result.of.i64;
    CHECK(at > 0);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(peek(&box, at), 7);
        CHECK_INT(peek(&box, at + PAGE), 7);
        if (i % 2 == 0) {
            CHECK_INT(RAW(&box, SYS_madvise, at, 2 * PAGE, MADV_DONTNEED), 0);
            CHECK_INT(peek(&box, at), 0);
            CHECK_INT(peek(&box, at + PAGE), 0);
        } else {
            int64_t moved = remap(&box, at, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, at + 100 * PAGE);

            CHECK_INT(moved, at + 100 * PAGE);
            CHECK_INT(peek(&box, moved), 7);
            poke(&box, moved, 1);
        }
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    faults(&box, at + 100 * PAGE);
    box_close(&box);
}

/* ---- places ------------------------------------------------------------------ */

TEST(remap, hints_and_fixed_places)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    int64_t at = map(&box, 4);
    int64_t hint = at + 1000 * PAGE;
    CHECK_INT(RAW(&box, SYS_mmap, hint, PAGE, RW, PRIVATE, -1, 0), hint);
    CHECK(RAW(&box, SYS_mmap, hint, PAGE, RW, PRIVATE, -1, 0) != hint); /* taken */
    CHECK(RAW(&box, SYS_mmap, hint + 1, PAGE, RW, PRIVATE, -1, 0) > 0);
    CHECK_INT(RAW(&box, SYS_mmap, at, PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST);
    CHECK_INT(RAW(&box, SYS_mmap, hint + 9 * PAGE, PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0),
              hint + 9 * PAGE);
    check_pages(&box, at, 4);
    CHECK_INT(RAW(&box, SYS_mmap, at, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0), at);
    CHECK_INT(peek(&box, at), 0);
    CHECK_INT(RAW(&box, SYS_mmap, 0, PAGE, RW, PRIVATE | MAP_GROWSDOWN, -1, 0), -EINVAL);
    CHECK_INT(RAW(&box, SYS_mmap, 0, PAGE, RW, PRIVATE | MAP_HUGETLB, -1, 0), -EINVAL);
    CHECK_INT(RAW(&box, SYS_mmap, 0, PAGE, RW, MAP_ANONYMOUS, -1, 0), -EINVAL);
    CHECK(RAW(&box, SYS_mmap, 0, PAGE, RW, PRIVATE | MAP_POPULATE | MAP_NORESERVE | MAP_STACK, -1,
              0) > 0);
    box_close(&box);
}

/* A mapping that shrinks while it moves needs two more boundaries, and there is room for one. */
TEST(remap, at_the_limit_of_regions)
{
    struct box box;
    int64_t answer = 0;

    raw_open(&box);
    raw_start(&box);
    int64_t address = map(&box, 8), apart = address + 64 * PAGE, to = address + 16 * PAGE;
    for (int i = 0; i < 1100 && answer >= 0; i++) {
        answer =
            RAW(&box, SYS_mmap, apart + i * 2 * PAGE, PAGE, PROT_NONE, PRIVATE | MAP_FIXED, -1, 0);
    }
    CHECK_INT(answer, -ENOMEM);
    CHECK_INT(RAW(&box, SYS_munmap, apart, PAGE), 0);
    CHECK_INT(remap(&box, address, 6, 2, MREMAP_MAYMOVE | MREMAP_FIXED, to), -ENOMEM);
    check_pages(&box, address, 8);
    CHECK_INT(RAW(&box, SYS_munmap, apart + 2 * PAGE, PAGE), 0);
    CHECK_INT(remap(&box, address, 6, 2, MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
    check_pages(&box, to, 2);
    faults(&box, address);
    box_close(&box);
}
