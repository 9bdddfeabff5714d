/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile snapshot file, whose checksums are right, may not say. */
#include "cmocka_first.h"

#include <string.h>

#include "mote_abi.h"
#include "snapshot_file.h"
#include "tiny_elf.h"

#define PAGE 0x1000u
#define RW   (MOTE__READ | MOTE__WRITE)

enum { CODE, CONSTANTS, DATA, HEAP, STACK, MAILBOX, MAPPED, REGIONS };

static mote_image image;
static struct mote__snapshot_header h;
static struct mote__file_region r[REGIONS];
static struct mote__file_run runs[2];

static void region(int index, uint64_t start, uint64_t size, uint64_t offset, uint64_t access)
{
    r[index] = (struct mote__file_region){start, start + size, offset, access};
}

/* A right one, of an image with exports. */
static int make_right(void **state)
{
    (void)state;
    static struct tiny_elf elf;
    tiny_init(&elf);
    tiny_finish(&elf);
    memset(&image, 0, sizeof image);
    memset(&h, 0, sizeof h);
    assert_int_equal(mote__elf_parse(&image.elf, elf.bytes, sizeof elf.bytes, NULL), 0);
    mote__layout_make(&image.layout, &image.elf, 0, 8u << 20);
    image.read_only = 2 * PAGE;
    image.notes.exports.count = 1;
    const struct mote__layout *l = &image.layout;
    region(CODE, TINY_TEXT, PAGE, 0, MOTE__READ | MOTE__EXECUTE);
    region(CONSTANTS, TINY_TEXT + PAGE, PAGE, PAGE, MOTE__READ);
    region(DATA, TINY_DATA, 2 * PAGE, 2 * PAGE, RW);
    region(HEAP, l->heap, PAGE, 4 * PAGE, RW);
    region(STACK, l->stack_top - 0x40000, 0x40000, 5 * PAGE, RW);
    region(MAILBOX, l->mailbox, MOTE__MAILBOX_FIRST, 5 * PAGE + 0x40000, RW);
    region(MAPPED, l->mmap, PAGE, 5 * PAGE + 0x50000, RW);
    runs[0] = (struct mote__file_run){2 * PAGE, PAGE, MOTE__FILE_OWN};
    runs[1] = (struct mote__file_run){4 * PAGE, PAGE, MOTE__FILE_OWN};
    h.layout = *l;
    h.mxcsr = 0x1f80;
    h.x87_control = 0x37f;
    h.brk = l->heap + 5;
    h.read_only = 2 * PAGE;
    h.ram_size = 4 * PAGE + 0x50000;
    h.nregions = REGIONS;
    h.nruns = 2;
    h.file_size = mote__snapshot_tables_size(REGIONS, 2) + 2 * PAGE;
    return 0;
}

static int check(mote_error *error)
{
    return mote__snapshot_check(&h, r, runs, &image, "file", error);
}

static void test_a_right_one(void **state)
{
    (void)state;
    assert_int_equal(check(NULL), 0);
    r[CONSTANTS].access = r[DATA].access = 0; /* what mprotect can make of it */
    r[MAPPED].access = 0;
    r[MAPPED].offset = MOTE__FILE_UNBACKED;
    assert_int_equal(check(NULL), 0);
    h.at_entry = 1;
    image.notes.exports.count = 0;
    assert_int_equal(check(NULL), 0);
}

/* X(name, the text that tells it, what is made wrong) */
#define WRONGS(X)                                                                               \
    X(entry_of_a_guest, "at the doorbell", h.at_entry = 1)                                      \
    X(entry_unknown, "at the doorbell", h.at_entry = 2)                                         \
    X(doorbell_of_a_program, "at the doorbell", image.notes.exports.count = 0)                  \
    X(fs_base, "FS or GS base", h.fs_base = 1ull << 47)                                         \
    X(gs_base, "FS or GS base", h.gs_base = 0xfffe000000000000)                                 \
    X(mxcsr, "MXCSR", h.mxcsr = 0x10000)                                                        \
    X(x87, "x87 control word", h.x87_control = 0x10000)                                         \
    X(brk_low, "end of the heap", h.brk = h.layout.heap - 1)                                    \
    X(brk_high, "end of the heap", h.brk = h.layout.heap_end + 1)                               \
    X(heap_behind_brk, "where none may be", h.brk = h.layout.heap)                              \
    X(umask, "umask or name", h.umask = 01000)                                                  \
    X(name, "umask or name", memset(h.name, 'x', sizeof h.name))                                \
    X(read_only, "size of its memory", h.read_only = 3 * PAGE)                                  \
    X(ram_huge, "size of its memory", h.ram_size = 1ull << 62)                                  \
    X(ram_odd, "size of its memory", h.ram_size += 8)                                           \
    X(ram_small, "not the guest's", h.ram_size -= PAGE)                                         \
    X(start_odd, "whole pages", r[HEAP].start += 8)                                             \
    X(end_odd, "whole pages", r[HEAP].end += 8)                                                 \
    X(empty, "whole pages", r[HEAP].end = r[HEAP].start)                                        \
    X(backwards, "whole pages", r[HEAP].end -= 2 * PAGE)                                        \
    X(kernel_half, "whole pages", r[MAPPED].end = 0xffff800000000000)                           \
    X(access_unknown, "an access that there is not", r[HEAP].access = MOTE__MONITOR)            \
    X(access_high, "an access that there is not", r[HEAP].access |= 1ull << 32)                 \
    X(write_execute, "writable and executable", r[DATA].access = RW | MOTE__EXECUTE)            \
    X(code_writable, "not as the image has it", r[CODE].access = RW)                            \
    X(data_executable, "not as the image has it", r[DATA].access = MOTE__READ | MOTE__EXECUTE)  \
    X(code_moved, "not as the image has it", r[CODE].offset = PAGE)                             \
    X(code_replaced, "not as the image has it", r[CODE].offset = 4 * PAGE)                      \
    X(data_in_code, "not as the image has it", r[DATA].offset = 0)                              \
    X(beside_the_image, "not as the image has it", r[DATA].end += PAGE)                         \
    X(unbacked_with_access, "not the guest's", r[HEAP].offset = MOTE__FILE_UNBACKED)            \
    X(offset_odd, "not the guest's", r[HEAP].offset += 8)                                       \
    X(offset_huge, "not the guest's", r[HEAP].offset = 0xfffffffffffff000)                      \
    X(mapped_executable, "has the image's code", r[MAPPED].access = MOTE__READ | MOTE__EXECUTE) \
    X(mapped_code, "has the image's code", r[MAPPED].offset = 0)                                \
    X(null_page, "not as the image has it", (r[CODE].start = 0, r[CODE].end = PAGE))            \
    X(gate, "where none may be",                                                                \
      (r[MAILBOX].start = h.layout.gate, r[MAILBOX].end = r[MAILBOX].start + PAGE))             \
    X(monitor, "where none may be",                                                             \
      (r[MAILBOX].start = h.layout.monitor, r[MAILBOX].end = r[MAILBOX].start + PAGE))          \
    X(over_the_gate, "where none may be", r[STACK].end = h.layout.gate + PAGE)                  \
    X(below_the_stack, "where none may be",                                                     \
      (r[STACK].start = h.layout.stack_low - PAGE, r[STACK].end = h.layout.stack_low + PAGE))   \
    X(init_data, "where none may be",                                                           \
      (r[MAPPED].start = h.layout.init, r[MAPPED].end = h.layout.init + PAGE))                  \
    X(behind_the_mappings, "where none may be",                                                 \
      (r[MAPPED].start = h.layout.mmap_end, r[MAPPED].end = h.layout.mmap_end + PAGE))          \
    X(not_sorted, "overlap or are not sorted", (r[HEAP] = r[DATA]))                             \
    X(no_mailbox, "no mailbox", (r[MAILBOX] = r[MAPPED], h.nregions--))                         \
    X(small_mailbox, "no mailbox", r[MAILBOX].end -= PAGE)                                      \
    X(late_mailbox, "no mailbox", (r[MAILBOX].start += PAGE, r[MAILBOX].end += PAGE))           \
    X(read_only_mailbox, "no mailbox", r[MAILBOX].access = MOTE__READ)                          \
    X(no_regions, "no mailbox", h.nregions = 0)                                                 \
    X(run_odd, "runs of pages", runs[0].offset += 8)                                            \
    X(run_empty, "runs of pages", runs[0].size = 0)                                             \
    X(run_of_the_image, "runs of pages", runs[0].offset = 0)                                    \
    X(run_behind, "runs of pages", runs[1].offset = 0x7fffffff000)                              \
    X(run_long, "runs of pages", runs[1].size = 0xfffffffffffff000)                             \
    X(runs_overlap, "runs of pages", runs[1].offset = runs[0].offset)                           \
    X(run_of_nowhere, "from nowhere", runs[1].source = 3)                                       \
    X(run_of_no_base, "no base", runs[1].source = MOTE__FILE_BASE)                              \
    X(pages_missing, "number of its pages", runs[1].size += PAGE)                               \
    X(pages_left, "number of its pages", h.file_size += PAGE)

#define TEST(name, words, wrong)                         \
    static void test_##name(void **state)                \
    {                                                    \
        mote_error error = MOTE_ERROR_INIT;              \
        (void)state;                                     \
        wrong;                                           \
        assert_int_equal(check(&error), MOTE_ESNAPSHOT); \
        assert_non_null(strstr(error.text, words));      \
        assert_non_null(strstr(error.text, "file is"));  \
    }
WRONGS(TEST)

#define ENTRY(name, words, wrong) cmocka_unit_test_setup(test_##name, make_right),

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_a_right_one, make_right),
                                       WRONGS(ENTRY)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
