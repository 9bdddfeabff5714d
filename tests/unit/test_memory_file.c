/* SPDX-License-Identifier: Apache-2.0 */
/* Granted files in a guest's memory, without a VM: what is shared, what is copied, what counts. */
#include "cmocka_first.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/os.h"
#include "vm/memory.h"

#define PAGE  4096u
#define LIMIT (64u * PAGE)
#define AT    0x10000000ull
#define RW    (MOTE__READ | MOTE__WRITE)

/* Two files of the host: 3 pages and a bit, and one page and a bit. */
static struct mote__mounts mounts;
static struct mote__memory memory;

static void grant(const char *guest, char letter, size_t size)
{
    char path[] = "/tmp/mote-file-XXXXXX", *text = malloc(size);
    mote_error e = MOTE_ERROR_INIT;
    int fd = mkstemp(path);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(letter + i / PAGE);
    assert_int_equal(write(fd, text, size), size);
    if (mote__mounts_add_file(&mounts, path, guest, &e))
        fail_msg("%s", e.text);
    /* What happens to the host's file does not matter any more. */
    assert_return_code(ftruncate(fd, 0), 0);
    close(fd);
    unlink(path);
    free(text);
}

static int set_up(void **state)
{
    (void)state;
    mounts = (struct mote__mounts){0};
    grant("/a", 'a', 3 * PAGE + 5);
    grant("/x", 'x', PAGE + 1);
    assert_int_equal(mounts.file_pages, 6 * PAGE);
    assert_int_equal(mote__memory_reserve(&memory, NULL, LIMIT, mounts.file_pages, NULL), 0);
    assert_int_equal(mote__paging_init(&memory.tables, &memory.root, NULL), 0);
    memory.ram.used = 8 * PAGE; /* of a guest that is there already */
    assert_int_equal(mote__memory_place_files(&memory, &mounts, NULL), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mote__memory_release(&memory);
    mote__mounts_free(&mounts);
    return 0;
}

static int map(uint64_t page, size_t pages, unsigned file, size_t from, unsigned access)
{
    return mote__memory_map_file(&memory, AT + page * PAGE, pages * PAGE, &mounts.list[file],
                                 from * PAGE, access, MOTE__REGION_MMAP, NULL);
}

static char byte_at(uint64_t page, size_t offset)
{
    char c = '?';
    assert_int_equal(mote__memory_get(&memory, AT + page * PAGE + offset, &c, 1), 0);
    return c;
}

static int put(uint64_t page, char c)
{
    return mote__memory_put(&memory, AT + page * PAGE, &c, 1);
}

static const uint8_t *host_at(uint64_t page)
{
    size_t size = 1;
    return mote__memory_at(&memory, AT + page * PAGE, &size, MOTE__READ);
}

static void test_contents(void **state)
{
    (void)state;
    assert_int_equal(map(0, 4, 0, 0, MOTE__READ), 0);
    assert_int_equal(map(4, 2, 1, 0, MOTE__READ), 0);
    assert_int_equal(byte_at(0, 0), 'a');
    assert_int_equal(byte_at(2, PAGE - 1), 'c');
    assert_int_equal(byte_at(3, 4), 'd');
    assert_int_equal(byte_at(3, 5), 0);
    assert_int_equal(byte_at(4, 0), 'x');
    assert_int_equal(put(0, '!'), MOTE_ERANGE);
}

static void test_behind_the_end_there_is_no_access(void **state)
{
    (void)state;
    char c;
    assert_int_equal(map(0, 8, 0, 2, RW), 0);
    assert_int_equal(byte_at(1, 0), 'd');
    assert_int_equal(mote__memory_get(&memory, AT + 2 * PAGE, &c, 1), MOTE_ERANGE);
    assert_false(mote__memory_is_free(&memory, AT + 2 * PAGE, PAGE));
    assert_int_equal(map(8, 1, 0, 4, MOTE__READ), 0);
    assert_int_equal(map(9, 1, 0, ((size_t)1 << 62) / PAGE, MOTE__READ), 0);
    assert_int_equal(mote__memory_get(&memory, AT + 8 * PAGE, &c, 1), MOTE_ERANGE);
}

static void test_readers_share_and_cost_nothing(void **state)
{
    (void)state;
    size_t before = mote__memory_in_use(&memory), used = memory.ram.used;
    assert_int_equal(map(0, 4, 0, 0, MOTE__READ), 0);
    assert_int_equal(map(8, 2, 0, 1, MOTE__READ), 0);
    assert_ptr_equal(host_at(1), host_at(8));
    assert_int_equal(mote__memory_in_use(&memory), before);
    assert_int_equal(memory.ram.used, used);
}

static void test_the_first_writer_has_the_pages(void **state)
{
    (void)state;
    size_t before = mote__memory_in_use(&memory), used = memory.ram.used;
    assert_int_equal(map(0, 3, 0, 0, RW), 0);
    assert_int_equal(memory.ram.used, used);
    assert_int_equal(mote__memory_in_use(&memory), before + 3 * PAGE);
    assert_int_equal(put(1, 'B'), 0);
    assert_int_equal(byte_at(1, 0), 'B');
    assert_int_equal(byte_at(1, 1), 'b');
    /* Nobody else sees it. */
    char c;
    assert_int_equal(pread(mounts.list[0].fd, &c, 1, PAGE), 1);
    assert_int_equal(c, 'b');
    assert_int_equal(map(8, 4, 0, 0, MOTE__READ), 0);
    assert_int_equal(byte_at(9, 0), 'b');
    assert_int_equal(map(16, 4, 0, 0, RW), 0);
    assert_int_equal(byte_at(17, 0), 'b');
    assert_int_equal(put(17, 'C'), 0);
    assert_int_equal(byte_at(1, 0), 'B');
    /* When it is gone the pages are the file's again. */
    assert_int_equal(mote__memory_unmap(&memory, AT, 3 * PAGE, NULL), 0);
    assert_int_equal(memory.private_files, 0);
    assert_int_equal(map(0, 3, 0, 0, MOTE__READ), 0);
    assert_int_equal(byte_at(1, 0), 'b');
}

static void test_a_writer_after_readers_has_a_copy(void **state)
{
    (void)state;
    assert_int_equal(map(0, 4, 0, 0, MOTE__READ), 0);
    size_t before = mote__memory_in_use(&memory);
    assert_int_equal(map(8, 4, 0, 0, RW), 0);
    assert_int_equal(mote__memory_in_use(&memory), before + 4 * PAGE);
    assert_int_equal(put(8, 'A'), 0);
    assert_int_equal(byte_at(0, 0), 'a');
    assert_int_equal(byte_at(8, 0), 'A');
    assert_int_equal(byte_at(11, 4), 'd');
    /* Other pages of the file are nobody's concern. */
    assert_int_equal(mote__memory_unmap(&memory, AT + PAGE, 3 * PAGE, NULL), 0);
    assert_int_equal(map(16, 2, 0, 1, RW), 0);
    assert_true(host_at(16) == memory.ram.host + memory.files + PAGE);
}

static void test_protect(void **state)
{
    (void)state;
    assert_int_equal(map(0, 4, 0, 0, MOTE__READ), 0);
    assert_int_equal(map(8, 1, 0, 0, MOTE__READ), 0);
    assert_int_equal(mote__memory_protect(&memory, AT, PAGE, RW, NULL), MOTE_EINVAL);
    assert_int_equal(mote__memory_protect(&memory, AT + PAGE, PAGE, RW, NULL), 0);
    assert_int_equal(memory.private_files, PAGE);
    assert_int_equal(put(1, 'B'), 0);
    /* Narrowed again it keeps what was written, and stays its own. */
    assert_int_equal(mote__memory_protect(&memory, AT + PAGE, PAGE, MOTE__READ, NULL), 0);
    assert_int_equal(byte_at(1, 0), 'B');
    assert_int_equal(map(16, 1, 0, 1, MOTE__READ), 0);
    assert_int_equal(byte_at(16, 0), 'b');
    assert_int_equal(
        mote__memory_protect(&memory, AT + PAGE, PAGE, MOTE__READ | MOTE__EXECUTE, NULL),
        MOTE_EINVAL);
    assert_int_equal(map(24, 1, 0, 0, MOTE__READ | MOTE__EXECUTE), MOTE_EINVAL);
    /* From no access to some. */
    assert_int_equal(map(32, 1, 1, 0, 0), 0);
    assert_int_equal(mote__memory_protect(&memory, AT + 32 * PAGE, PAGE, MOTE__READ, NULL), 0);
    assert_int_equal(byte_at(32, 0), 'x');
}

static void test_the_limit(void **state)
{
    (void)state;
    size_t room = mote__memory_room(&memory) / PAGE;
    assert_int_equal(room, 64 - 8);
    assert_int_equal(mote__memory_map(&memory, AT, (room - 1) * PAGE, RW, MOTE__REGION_MMAP, NULL),
                     0);
    assert_int_equal(map(100, 4, 0, 0, MOTE__READ), 0); /* free */
    assert_int_equal(mote__memory_unmap(&memory, AT + 100 * PAGE, 4 * PAGE, NULL), 0);
    assert_int_equal(map(100, 2, 0, 0, RW), MOTE_ELIMIT);
    assert_true(mote__memory_is_free(&memory, AT + 100 * PAGE, 2 * PAGE));
    assert_int_equal(memory.private_files, 0);
    assert_int_equal(map(100, 1, 0, 0, RW), 0);
    assert_int_equal(map(101, 1, 0, 0, RW), MOTE_ELIMIT); /* a copy */
    assert_int_equal(mote__memory_map(&memory, AT + 200 * PAGE, PAGE, RW, MOTE__REGION_MMAP, NULL),
                     MOTE_ELIMIT);
}

static void test_files_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct mote__memory small;
    assert_int_equal(mote__memory_reserve(&small, NULL, 16 * PAGE, 0, NULL), 0);
    small.ram.used = 12 * PAGE;
    assert_int_equal(mote__memory_place_files(&small, &mounts, NULL), MOTE_ELIMIT);
    mote__memory_release(&small);
}

static void test_an_empty_file(void **state)
{
    (void)state;
    struct mote__mounts empty = {0};
    mote_error e = MOTE_ERROR_INIT;
    char c;
    assert_int_equal(mote__mounts_add_file(&empty, "/dev/null", "/e", &e), MOTE_EINVAL);
    assert_int_equal(mote__mounts_add_file(&empty, "/tmp", "/e", &e), MOTE_EINVAL);
    assert_int_equal(mote__mounts_add_file(&empty, "/none/none", "/e", &e), MOTE_ESYSTEM);
    assert_int_equal(empty.count, 0);
    mote__mounts_free(&empty);
    grant("/e", 'e', 0);
    assert_int_equal(map(0, 1, 2, 0, MOTE__READ), 0);
    assert_int_equal(mote__memory_get(&memory, AT, &c, 1), MOTE_ERANGE);
}

static void test_the_copy_is_sealed(void **state)
{
    (void)state;
    int fd = mounts.list[0].fd;
    assert_int_equal(pwrite(fd, "!", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 1 << 20), -1);
    assert_ptr_equal(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_contents),
        TEST(test_behind_the_end_there_is_no_access),
        TEST(test_readers_share_and_cost_nothing),
        TEST(test_the_first_writer_has_the_pages),
        TEST(test_a_writer_after_readers_has_a_copy),
        TEST(test_protect),
        TEST(test_the_limit),
        TEST(test_files_that_do_not_fit_are_refused),
        TEST(test_an_empty_file),
        TEST(test_the_copy_is_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
