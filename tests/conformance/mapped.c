/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are mapped: shared by sandboxes until one writes, as of the grant, never executable.
 */
#include "raw.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define PAGE  4096u
#define PAGES 256u /* of the file; page i begins with the byte i */
#define RW    (PROT_READ | PROT_WRITE)
#define GRANT "/file"

/* ---- the host's file ------------------------------------------------------------------ */

struct source {
    char path[64];
};

static void make_source(struct source *source, unsigned pages)
{
    static char page[PAGE];

    strcpy(source->path, "/tmp/mote-mapped-XXXXXX");
    int fd = mkstemp(source->path);
    CHECK(fd >= 0);
    for (unsigned i = 0; i < pages; i++) {
        page[0] = (char)i;
        CHECK_INT(write(fd, page, PAGE), PAGE);
    }
    CHECK_INT(write(fd, "tail", 4), 4);
    close(fd);
}

static void open_file(struct box *box, unsigned pages, uint64_t limit)
{
    struct source source;
    mote_error error = MOTE_ERROR_INIT;

    make_source(&source, pages);
    raw_open(box);
    if (limit != 0) {
        set_option(box, MOTE_OPT_MEMORY, limit);
    }
    if (mote_policy_file(box->policy, source.path, GRANT, &error) != 0) {
        FAIL("%s", error.text);
    }
    /* What becomes of it is nobody's concern any more. */
    CHECK(truncate(source.path, 0) == 0 && unlink(source.path) == 0);
    raw_start(box);
}

static int64_t map(struct box *box, uint64_t size, int protection, int flags, uint64_t offset)
{
    int64_t fd = RAW(box, SYS_open, raw_text(box, 0x8000, GRANT), O_RDONLY, 0);

    CHECK(fd >= 0);
    int64_t address = RAW(box, SYS_mmap, 0, size, protection, flags, fd, offset);
    CHECK_INT(RAW(box, SYS_close, fd), 0);
    return address;
}

static int64_t map_all(struct box *box, int protection)
{
    int64_t address = map(box, PAGES * PAGE, protection, MAP_PRIVATE, 0);

    CHECK(address > 0);
    return address;
}

static uint32_t peek(struct box *box, int64_t address)
{
    mote_value value;

    must_call(box, "peek", ARGS(v_u64((uint64_t)address)), &value);
    return value.of.u32;
}

static void poke(struct box *box, int64_t address, uint32_t value)
{
    must_call(box, "poke", ARGS(v_u64((uint64_t)address), v_u32(value)), NULL);
}

static void check_sum(struct box *box, int64_t address)
{
    mote_value value;

    must_call(box, "sum_pages", ARGS(v_u64((uint64_t)address), v_u64(PAGES)), &value);
    CHECK_INT(value.of.u64, 255 * 256 / 2);
}

TEST(mapped, granted_files_are_not_the_guests_memory)
{
    struct sysinfo info;
    struct rlimit limit;
    struct box box;

    open_file(&box, PAGES, 0);
    CHECK_INT(RAW(&box, SYS_sysinfo, at(0)), 0);
    raw_get(&box, 0, &info, sizeof(info));
    CHECK_INT(info.totalram, 64 * MIB);
    CHECK_INT(RAW(&box, SYS_getrlimit, RLIMIT_AS, at(0)), 0);
    raw_get(&box, 0, &limit, sizeof(limit));
    CHECK_INT(limit.rlim_cur, 64 * MIB);
    box_close(&box);
}

/* ---- sharing ------------------------------------------------------------------ */

/* Bytes of this process that are no file's. */
static size_t anonymous_bytes(void)
{
    char line[128];
    size_t kib = 0;
    FILE *status = fopen("/proc/self/status", "r");

    CHECK(status != NULL);
    while (fgets(line, sizeof(line), status)) {
        sscanf(line, "RssAnon: %zu", &kib);
    }
    fclose(status);
    return kib * KIB;
}

TEST(mapped, two_sandboxes_share_what_they_read)
{
    struct box box;
    mote_sandbox *first, *second;

    open_file(&box, PAGES, 0);
    first = box.sandbox;
    second = open_sandbox(box.image, box.policy);
    CHECK(peek(&box, map_all(&box, PROT_READ) + 7 * PAGE) == 7);
    size_t before = anonymous_bytes();
    check_sum(&box, map_all(&box, PROT_READ));
    int64_t own = map_all(&box, RW); /* not yet shared: a copy, beside two readers */
    CHECK_CODE(mote_reset(first), MOTE_OK);
    own = map_all(&box, RW);
    check_sum(&box, own);
    box.sandbox = second;
    int64_t other = map_all(&box, RW);
    check_sum(&box, other);
    size_t shared = anonymous_bytes() - before;
    CHECK(SANITIZED || shared < PAGES * PAGE / 2); /* two megabytes were read */
    /* Writing is each one's own. */
    poke(&box, other, 99);
    CHECK_INT(peek(&box, other), 99);
    box.sandbox = first;
    CHECK_INT(peek(&box, own), 0);
    poke(&box, own + PAGE, 98);
    box.sandbox = second;
    CHECK_INT(peek(&box, other + PAGE), 1);
    CHECK_CODE(mote_sandbox_free(second), MOTE_OK);
    box.sandbox = first;
    box_close(&box);
}

TEST(mapped, one_writer_and_readers_in_one_guest)
{
    struct box box;

    open_file(&box, PAGES, 0);
    int64_t writer = map_all(&box, RW), reader = map_all(&box, PROT_READ);
    int64_t second = map_all(&box, RW);
    poke(&box, writer + 3 * PAGE, 77);
    poke(&box, second + 4 * PAGE, 78);
    CHECK_INT(peek(&box, reader + 3 * PAGE), 3);
    CHECK_INT(peek(&box, second + 3 * PAGE), 3);
    CHECK_INT(peek(&box, writer + 4 * PAGE), 4);
    int64_t fd = RAW(&box, SYS_open, raw_text(&box, 0x8000, GRANT), O_RDONLY, 0);
    CHECK_INT(RAW(&box, SYS_pread64, fd, at(0), 1, 3 * PAGE), 1);
    uint8_t byte;
    raw_get(&box, 0, &byte, 1);
    CHECK_INT(byte, 3);
    /* Unmapped and mapped again it is the file's page. */
    CHECK_INT(RAW(&box, SYS_munmap, writer, PAGES * PAGE), 0);
    CHECK_INT(peek(&box, map_all(&box, RW) + 3 * PAGE), 3);
    box_close(&box);
}

TEST(mapped, a_reset_brings_the_file_back)
{
    struct box box;

    open_file(&box, PAGES, 0);
    for (int i = 0; i < 3; i++) {
        int64_t address = map_all(&box, RW);
        check_sum(&box, address);
        poke(&box, address, 1);
        poke(&box, address + 255 * PAGE, 1);
        if (i == 1) { /* also what is narrowed afterwards */
            CHECK_INT(RAW(&box, SYS_mprotect, address, PAGE, PROT_READ), 0);
        }
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    int64_t address = map_all(&box, PROT_READ);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    int rc = box_call(&box, "peek", ARGS(v_u64((uint64_t)address)), &(mote_value){0});
    check_page_fault(&box, rc, MOTE_ACCESS_READ, (uint64_t)address);
    box_close(&box);
}

/* ---- rights ------------------------------------------------------------------ */

TEST(mapped, reading_is_not_writing)
{
    struct box box;

    open_file(&box, PAGES, 0);
    int64_t address = map_all(&box, PROT_READ);
    int rc = box_call(&box, "poke", ARGS(v_u64((uint64_t)address), v_u32(1)), NULL);
    check_page_fault(&box, rc, MOTE_ACCESS_WRITE, (uint64_t)address);
    box_close(&box);
}

TEST(mapped, behind_the_end_is_a_fault)
{
    struct box box;

    open_file(&box, PAGES, 0);
    int64_t address = map(&box, 4 * PAGE, PROT_READ, MAP_PRIVATE, (PAGES - 1) * PAGE);
    CHECK_INT(peek(&box, address), 255);
    CHECK_INT(peek(&box, address + PAGE), 't');
    CHECK_INT(peek(&box, address + PAGE + 4), 0);
    int rc = box_call(&box, "peek", ARGS(v_u64((uint64_t)address + 2 * PAGE)), &(mote_value){0});
    check_page_fault(&box, rc, MOTE_ACCESS_READ, (uint64_t)address + 2 * PAGE);
    box_close(&box);
}

TEST(mapped, never_executable)
{
    struct box box;

    open_file(&box, PAGES, 0);
    CHECK_INT(map(&box, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0), -EACCES);
    int64_t address = map_all(&box, PROT_READ);
    CHECK_INT(RAW(&box, SYS_mprotect, address, PAGE, PROT_READ | PROT_EXEC), -EACCES);
    box_close(&box);
}

TEST(mapped, protect)
{
    struct box box;

    open_file(&box, PAGES, 0);
    int64_t address = map_all(&box, PROT_NONE), second;
    CHECK_INT(RAW(&box, SYS_mprotect, address, 2 * PAGE, PROT_READ), 0);
    CHECK_INT(peek(&box, address + PAGE), 1);
    second = map(&box, PAGE, PROT_READ, MAP_PRIVATE, 0);
    CHECK_INT(RAW(&box, SYS_mprotect, address, PAGE, RW), -EACCES); /* shown twice */
    CHECK_INT(RAW(&box, SYS_mprotect, address + PAGE, PAGE, RW), 0);
    poke(&box, address + PAGE, 9);
    CHECK_INT(RAW(&box, SYS_mprotect, address + PAGE, PAGE, PROT_READ), 0);
    CHECK_INT(peek(&box, address + PAGE), 9);
    CHECK_INT(RAW(&box, SYS_munmap, second, PAGE), 0);
    CHECK_INT(RAW(&box, SYS_mprotect, address, PAGE, RW), 0);
    poke(&box, address, 8);
    CHECK_INT(peek(&box, address), 8);
    box_close(&box);
}

TEST(mapped, what_is_refused)
{
    struct box box;

    open_file(&box, PAGES, 0);
    CHECK_INT(map(&box, PAGE, RW, MAP_SHARED, 0), -EACCES);
    CHECK_INT(map(&box, PAGE, PROT_READ, MAP_PRIVATE, 100), -EINVAL);
    CHECK_INT(map(&box, PAGE, PROT_READ, MAP_PRIVATE, 1ull << 63), -EOVERFLOW);
    CHECK_INT(map(&box, 0, PROT_READ, MAP_PRIVATE, 0), -EINVAL);
    CHECK(map(&box, PAGE, PROT_READ, MAP_SHARED, 0) > 0);
    CHECK_INT(RAW(&box, SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, 99, 0), -EBADF);
    CHECK_INT(RAW(&box, SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), -EBADF);
    box_close(&box);
}

/* ---- the limit ------------------------------------------------------------------ */

TEST(mapped, only_what_may_be_written_counts)
{
    struct sysinfo info;
    struct rlimit space;
    struct box box;

    open_file(&box, 2048, 4 * MIB); /* 8 MiB */
    int64_t address = map(&box, 2048 * PAGE, PROT_READ, MAP_PRIVATE, 0);
    CHECK(address > 0);
    check_sum(&box, address);
    CHECK(mote_sandbox_report(box.sandbox)->memory < 4 * MIB);
    CHECK_INT(RAW(&box, SYS_sysinfo, at(0)), 0);
    raw_get(&box, 0, &info, sizeof(info));
    CHECK_INT(info.totalram, 4 * MIB);
    CHECK_INT(RAW(&box, SYS_getrlimit, RLIMIT_AS, at(0)), 0);
    raw_get(&box, 0, &space, sizeof(space));
    CHECK_INT(space.rlim_cur, 4 * MIB);
    CHECK_INT(RAW(&box, SYS_mprotect, address, 2048 * PAGE, RW), -ENOMEM);
    CHECK_INT(RAW(&box, SYS_munmap, address, 2048 * PAGE), 0);
    CHECK_INT(map(&box, 2048 * PAGE, RW, MAP_PRIVATE, 0), -ENOMEM);
    size_t before = mote_sandbox_report(box.sandbox)->memory;
    address = map(&box, 256 * PAGE, RW, MAP_PRIVATE, 0);
    CHECK(address > 0);
    poke(&box, address, 1);
    CHECK(mote_sandbox_report(box.sandbox)->memory == before + 256 * PAGE);
    CHECK_INT(RAW(&box, SYS_munmap, address, 256 * PAGE), 0);
    poke(&box, (int64_t)at(0), 1);
    CHECK(mote_sandbox_report(box.sandbox)->memory == before);
    box_close(&box);
}

TEST(mapped, files_do_not_take_from_the_limit)
{
    mote_error error = MOTE_ERROR_INIT;
    struct source source;
    struct box box;

    make_source(&source, PAGES);
    box_open(&box, "echo");
    set_option(&box, MOTE_OPT_MEMORY, 65536);
    CHECK_CODE(mote_policy_file(box.policy, source.path, GRANT, &error), MOTE_OK);
    CHECK_CODE(mote_policy_file(box.policy, source.path, GRANT, &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_file(box.policy, "/dev/null", "/null", &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_file(box.policy, "/", "/root", &error), MOTE_EINVAL);
    CHECK_CODE(mote_policy_file(box.policy, "/nonexistent", "/none", &error), MOTE_ESYSTEM);
    CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, box.policy, NULL, &error), MOTE_ELIMIT);
    CHECK_CODE(mote_policy_file(box.policy, source.path, "/other", &error), MOTE_EFROZEN);
    CHECK_CODE(mote_policy_dir(box.policy, "/", "/other", MOTE_GRANT_READ, &error), MOTE_EFROZEN);
    unlink(source.path);
    box_close(&box);
}

/* ---- the limit of regions ------------------------------------------------------------------ */

/* Maps single pages, each apart, until there are as many regions as there may be. */
static void use_up_regions(struct box *box, int64_t from)
{
    int64_t answer = 0;

    for (int i = 0; i < 1100 && answer >= 0; i++) {
        answer = RAW(box, SYS_mmap, from + i * 2 * PAGE, PAGE, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
    CHECK_INT(answer, -ENOMEM);
}

/* A file of one page that is asked for with two: its page joins the region in front of it, then
 * there is no region left for what lies behind the file, and the page must go again. */
static void map_at_the_limit(struct box *box, int64_t fd, int64_t next_to, int protection)
{
    use_up_regions(box, next_to + 64 * PAGE);
    CHECK_INT(
        RAW(box, SYS_mmap, next_to + PAGE, 2 * PAGE, protection, MAP_PRIVATE | MAP_FIXED, fd, 0),
        -ENOMEM);
    CHECK_INT(peek(box, next_to), 1); /* the guest goes on, and its host with it */
    int rc = box_call(box, "peek", ARGS(v_u64((uint64_t)next_to + PAGE)), &(mote_value){0});
    check_page_fault(box, rc, MOTE_ACCESS_READ, (uint64_t)next_to + PAGE);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
}

static void limit_of_directories(int protection)
{
    struct source source;
    struct box box;

    make_source(&source, 0);
    raw_open(&box);
    CHECK_CODE(mote_policy_dir(box.policy, "/tmp", "/tmp", MOTE_GRANT_READ, NULL), MOTE_OK);
    raw_start(&box);
    int64_t fd = RAW(&box, SYS_open, raw_text(&box, 0x8000, source.path), O_RDONLY, 0);
    int64_t address = RAW(&box, SYS_mmap, 0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(fd >= 0 && address > 0);
    poke(&box, address, 1);
    map_at_the_limit(&box, fd, address, protection);
    unlink(source.path);
    box_close(&box);
}

TEST(mapped, at_the_limit_of_regions)
{
    limit_of_directories(RW);
}

TEST(mapped, at_the_limit_of_regions_to_be_narrowed)
{
    limit_of_directories(PROT_READ);
}

TEST(mapped, granted_at_the_limit_of_regions)
{
    struct box box;

    open_file(&box, 2, 0);
    int64_t fd = RAW(&box, SYS_open, raw_text(&box, 0x8000, GRANT), O_RDONLY, 0);
    int64_t address =
        RAW(&box, SYS_mmap, 0, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(fd >= 0 && address > 0);
    CHECK_INT(RAW(&box, SYS_munmap, address, 8 * PAGE), 0);
    CHECK_INT(RAW(&box, SYS_mmap, address, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, PAGE),
              address);
    use_up_regions(&box, address + 64 * PAGE);
    /* The file's last page, behind the one before it, and what has no access. */
    CHECK_INT(RAW(&box, SYS_mmap, address + PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd,
                  2 * PAGE),
              -ENOMEM);
    CHECK_INT(peek(&box, address), 1);
    box_close(&box);
}

/* ---- files of a directory ------------------------------------------------------------------ */

TEST(mapped, a_file_of_a_directory_is_copied)
{
    struct source source;
    struct box box;

    make_source(&source, 3);
    raw_open(&box);
    CHECK_CODE(
        mote_policy_dir(box.policy, "/tmp", "/tmp", MOTE_GRANT_READ | MOTE_GRANT_WRITE, NULL),
        MOTE_OK);
    raw_start(&box);
    int64_t fd = RAW(&box, SYS_open, raw_text(&box, 0x8000, source.path), O_RDWR, 0);
    CHECK(fd >= 0);
    CHECK_INT(RAW(&box, SYS_mmap, 0, PAGE, PROT_READ, MAP_SHARED, fd, 0), -ENODEV);
    CHECK_INT(RAW(&box, SYS_mmap, 0, PAGE, RW, MAP_SHARED, fd, 0), -ENODEV);
    int64_t address = RAW(&box, SYS_mmap, 0, 5 * PAGE, RW, MAP_PRIVATE, fd, PAGE);
    CHECK(address > 0);
    int64_t readable = RAW(&box, SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(truncate(source.path, 0) == 0); /* nothing of it is needed any more */
    CHECK_INT(peek(&box, address), 1);
    CHECK_INT(peek(&box, address + 2 * PAGE), 't');
    CHECK_INT(peek(&box, address + 3 * PAGE - 1), 0);
    CHECK_INT(peek(&box, readable), 0);
    poke(&box, address, 9);
    CHECK_INT(peek(&box, address), 9);
    int rc = box_call(&box, "peek", ARGS(v_u64((uint64_t)address + 3 * PAGE)), &(mote_value){0});
    check_page_fault(&box, rc, MOTE_ACCESS_READ, (uint64_t)address + 3 * PAGE);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    fd = RAW(&box, SYS_open, raw_text(&box, 0x8000, source.path), O_WRONLY, 0);
    CHECK_INT(RAW(&box, SYS_mmap, 0, PAGE, RW, MAP_PRIVATE, fd, 0), -EACCES);
    fd = RAW(&box, SYS_open, raw_text(&box, 0x8000, "/tmp"), O_RDONLY, 0);
    CHECK_INT(RAW(&box, SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), -ENODEV);
    unlink(source.path);
    box_close(&box);
}
