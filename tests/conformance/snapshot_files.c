/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots in files: saved and opened, layered, and what is refused. */
#include "raw.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE   4096u
#define HEADER 400u /* bytes of the header: docs/abi.md */

/* ---- a folder of files ------------------------------------------------------------------ */

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/mote-snapshots-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
}

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % COUNT(paths)];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static unsigned files_in_folder(void)
{
    DIR *dir = opendir(folder);
    unsigned count = 0;

    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        count += entry->d_name[0] != '.' || entry->d_name[1] == 'm' ? 1 : 0;
    }
    closedir(dir);
    return count;
}

static void remove_folder(void)
{
    DIR *dir = opendir(folder);

    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    CHECK_INT(rmdir(folder), 0);
}

struct bytes {
    unsigned char *data;
    size_t size;
};

static struct bytes read_file(const char *path)
{
    struct bytes bytes;
    struct stat status;
    FILE *file = fopen(path, "rb");

    CHECK(file != NULL && fstat(fileno(file), &status) == 0);
    bytes.size = (size_t)status.st_size;
    bytes.data = malloc(bytes.size);
    CHECK(bytes.data != NULL && fread(bytes.data, 1, bytes.size, file) == bytes.size);
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    CHECK(file != NULL && fwrite(data, 1, size, file) == size);
    CHECK_INT(fclose(file), 0);
}

/* ---- snapshots ------------------------------------------------------------------ */

static mote_snapshot *take(mote_sandbox *sandbox)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_snapshot *snapshot = NULL;

    if (mote_snapshot_take(&snapshot, sandbox, &error) != 0) {
        FAIL("mote_snapshot_take: %s", error.text);
    }
    return snapshot;
}

static void save(mote_snapshot *snapshot, const char *name)
{
    mote_error error = MOTE_ERROR_INIT;

    if (mote_snapshot_save(snapshot, path_of(name), &error) != 0) {
        FAIL("mote_snapshot_save: %s", error.text);
    }
}

static mote_snapshot *open_it(mote_image *image, mote_snapshot *base, const char *name)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_snapshot *snapshot = NULL;

    if (mote_snapshot_open(&snapshot, image, base, path_of(name), &error) != 0) {
        FAIL("mote_snapshot_open: %s", error.text);
    }
    return snapshot;
}

static void refused(mote_image *image, mote_snapshot *base, const char *name, int code,
                    const char *text)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_snapshot *snapshot = NULL;

    CHECK_CODE(mote_snapshot_open(&snapshot, image, base, path_of(name), &error), code);
    CHECK(snapshot == NULL);
    CHECK_HAS(error.text, text);
}

static void start_from(struct box *box, mote_snapshot *snapshot)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox_options options = {.size = sizeof(options), .snapshot = snapshot};

    CHECK_CODE(mote_sandbox_free(box->sandbox), MOTE_OK);
    if (mote_sandbox_new(&box->sandbox, box->image, box->policy, &options, &error) != 0) {
        FAIL("mote_sandbox_new: %s", error.text);
    }
}

static void poke(struct box *box, uint64_t address, uint32_t value)
{
    must_call(box, "poke", ARGS(v_u64(address), v_u32(value)), NULL);
}

static uint32_t peek(struct box *box, uint64_t address)
{
    mote_value value;

    must_call(box, "peek", ARGS(v_u64(address)), &value);
    return value.of.u32;
}

static uint64_t map(struct box *box, uint64_t size)
{
    int64_t address =
        RAW(box, SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(address > 0);
    return (uint64_t)address;
}

/* A sandbox of `scratch`, and a file "one" of its snapshot, with marks in memory. */
struct saved {
    struct box box;
    uint64_t mapped;
};

static void save_one(struct saved *saved)
{
    struct box *box = &saved->box;

    make_folder();
    raw_open(box);
    raw_start(box);
    poke(box, at(0), 11);
    poke(box, at(9 * PAGE), 12);
    saved->mapped = map(box, 3 * PAGE);
    poke(box, saved->mapped + PAGE, 13);
    CHECK_INT(RAW(box, SYS_mprotect, saved->mapped + 2 * PAGE, PAGE, PROT_NONE), 0);
    CHECK_INT(RAW(box, SYS_umask, 0123), 022);
    mote_snapshot *snapshot = take(box->sandbox);
    save(snapshot, "one");
    mote_snapshot_unref(snapshot);
}

static void check_one(struct saved *saved)
{
    CHECK_INT(peek(&saved->box, at(0)), 11);
    CHECK_INT(peek(&saved->box, at(9 * PAGE)), 12);
    CHECK_INT(peek(&saved->box, at(5 * PAGE)), 0);
    CHECK_INT(peek(&saved->box, saved->mapped + PAGE), 13);
    CHECK_INT(RAW(&saved->box, SYS_umask, 0123), 0123);
}

static void close_saved(struct saved *saved)
{
    box_close(&saved->box);
    remove_folder();
}

/* ---- there and back ------------------------------------------------------------------ */

TEST(snapshot_files, saved_and_opened)
{
    struct saved saved;
    struct stat status;

    save_one(&saved);
    CHECK_INT(files_in_folder(), 1); /* and no temporary name */
    CHECK(stat(path_of("one"), &status) == 0);
    CHECK_INT(status.st_mode & 0777, 0600);
    mote_snapshot *snapshot = open_it(saved.box.image, NULL, "one");
    start_from(&saved.box, snapshot);
    for (unsigned i = 0; i < 3; i++) {
        check_one(&saved);
        poke(&saved.box, at(0), 99);
        poke(&saved.box, map(&saved.box, PAGE), 98);
        CHECK_CODE(mote_reset(saved.box.sandbox), MOTE_OK);
    }
    mote_value value;
    check_page_fault(&saved.box,
                     box_call(&saved.box, "peek", ARGS(v_u64(saved.mapped + 2 * PAGE)), &value),
                     MOTE_ACCESS_READ, saved.mapped + 2 * PAGE);
    mote_snapshot_unref(snapshot);
    close_saved(&saved);
}

/* Another host, as another process would have it; the image does not boot there. */
TEST(snapshot_files, in_another_host)
{
    struct saved saved;
    mote_error error = MOTE_ERROR_INIT;

    save_one(&saved);
    box_close(&saved.box);
    box_open(&saved.box, "scratch");
    mote_snapshot *snapshot = open_it(saved.box.image, NULL, "one");
    mote_sandbox_options options = {.size = sizeof(options), .snapshot = snapshot};
    CHECK_CODE(
        mote_sandbox_new(&saved.box.sandbox, saved.box.image, saved.box.policy, &options, &error),
        MOTE_OK);
    check_one(&saved);
    mote_snapshot_unref(snapshot);
    mote_snapshot *again = take(saved.box.sandbox);
    start_from(&saved.box, again); /* layered on what was opened */
    check_one(&saved);
    mote_snapshot_unref(again);
    close_saved(&saved);
}

/* The same snapshot is the same file each time; what it replaces stays good for who has it open. */
TEST(snapshot_files, a_file_is_replaced)
{
    struct saved saved;

    save_one(&saved);
    struct bytes first = read_file(path_of("one"));
    mote_snapshot *old = open_it(saved.box.image, NULL, "one");
    poke(&saved.box, at(0), 21);
    mote_snapshot *other = take(saved.box.sandbox);
    save(other, "one");
    start_from(&saved.box, old);
    check_one(&saved);
    save(old, "one");
    struct bytes again = read_file(path_of("one"));
    CHECK_INT(again.size, first.size);
    CHECK_BYTES(again.data, first.data, first.size);
    free(first.data);
    free(again.data);
    mote_snapshot_unref(old);
    mote_snapshot_unref(other);
    close_saved(&saved);
}

/* A program that has not run yet. */
TEST(snapshot_files, of_a_program)
{
    struct box box;
    int status;

    make_folder();
    box_run(&box, "hello_plain");
    mote_snapshot *snapshot = take(box.sandbox);
    save(snapshot, "program");
    mote_snapshot_unref(snapshot);
    snapshot = open_it(box.image, NULL, "program");
    start_from(&box, snapshot);
    CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
    mote_snapshot_unref(snapshot);
    box_close(&box);
    remove_folder();
}

/* ---- layers ------------------------------------------------------------------ */

TEST(snapshot_files, layers_have_what_differs)
{
    struct saved saved;
    struct stat one, two;

    save_one(&saved);
    mote_snapshot *base = open_it(saved.box.image, NULL, "one");
    start_from(&saved.box, base);
    poke(&saved.box, at(5 * PAGE), 31);
    mote_snapshot *child = take(saved.box.sandbox);
    save(child, "two");
    CHECK(stat(path_of("one"), &one) == 0 && stat(path_of("two"), &two) == 0);
    CHECK(two.st_size < one.st_size);
    mote_snapshot_unref(child);

    refused(saved.box.image, NULL, "two", MOTE_ESNAPSHOT, "open that first");
    refused(saved.box.image, base, "one", MOTE_ESNAPSHOT, "has no base, and one was given");
    mote_snapshot *unsaved = take(saved.box.sandbox);
    refused(saved.box.image, unsaved, "two", MOTE_ESNAPSHOT, "another base");
    save(unsaved, "three");
    refused(saved.box.image, unsaved, "two", MOTE_ESNAPSHOT, "another base");
    mote_snapshot_unref(unsaved);

    child = open_it(saved.box.image, base, "two");
    mote_snapshot_unref(base);
    start_from(&saved.box, child);
    CHECK_INT(peek(&saved.box, at(0)), 11);
    CHECK_INT(peek(&saved.box, at(5 * PAGE)), 31);
    CHECK_INT(peek(&saved.box, saved.mapped + PAGE), 13);
    mote_snapshot_unref(child);
    close_saved(&saved);
}

/* ---- refusals ------------------------------------------------------------------ */

/* The file with one number of its header changed. */
static void refused_with(struct saved *saved, const struct bytes *good, size_t offset,
                         unsigned char value, const char *text)
{
    unsigned char old = good->data[offset];

    CHECK(old != value);
    good->data[offset] = value;
    write_file(path_of("bad"), good->data, good->size);
    good->data[offset] = old;
    refused(saved->box.image, NULL, "bad", MOTE_ESNAPSHOT, text);
}

TEST(snapshot_files, other_formats_are_refused)
{
    struct saved saved;

    save_one(&saved);
    struct bytes good = read_file(path_of("one"));
    refused_with(&saved, &good, 0, 'X', "not a snapshot of mote");
    refused_with(&saved, &good, 8, 2, "version 2 of the format");
    refused_with(&saved, &good, 12, 183, "another architecture");
    refused_with(&saved, &good, 16, (unsigned char)(good.data[16] + 1), "truncated");
    refused_with(&saved, &good, 24, (unsigned char)~good.data[24], "checksum of its tables");
    refused_with(&saved, &good, good.size - 1, (unsigned char)~good.data[good.size - 1],
                 "checksum of its pages");
    write_file(path_of("bad"), good.data, 100);
    refused(saved.box.image, NULL, "bad", MOTE_ESNAPSHOT, "truncated");
    write_file(path_of("bad"), good.data, 0);
    refused(saved.box.image, NULL, "bad", MOTE_ESNAPSHOT, "truncated");
    for (size_t size = HEADER; size < good.size; size += PAGE - 7) {
        write_file(path_of("bad"), good.data, size);
        refused(saved.box.image, NULL, "bad", MOTE_ESNAPSHOT, "truncated");
    }
    good.data = realloc(good.data, good.size + 1);
    CHECK(good.data != NULL);
    good.data[good.size] = 0;
    write_file(path_of("bad"), good.data, good.size + 1);
    refused(saved.box.image, NULL, "bad", MOTE_ESNAPSHOT, "1 bytes more");
    free(good.data);
    close_saved(&saved);
}

/* Any byte of the tables, and some of each page. */
TEST(snapshot_files, no_byte_can_change)
{
    struct saved saved;
    mote_error error = MOTE_ERROR_INIT;

    save_one(&saved);
    struct bytes good = read_file(path_of("one"));
    write_file(path_of("bad"), good.data, good.size);
    FILE *file = fopen(path_of("bad"), "r+b");
    CHECK(file != NULL);
    setvbuf(file, NULL, _IONBF, 0);
    size_t step = PAGE / test_repeat(PAGE);
    for (size_t i = 0; i < good.size; i += i < PAGE ? step : 509 * step) {
        mote_snapshot *snapshot = NULL;
        unsigned char flipped = (unsigned char)(good.data[i] ^ 1u << i % 8);
        CHECK(fseek(file, (long)i, SEEK_SET) == 0 && fputc(flipped, file) == flipped);
        CHECK_CODE(mote_snapshot_open(&snapshot, saved.box.image, NULL, path_of("bad"), &error),
                   MOTE_ESNAPSHOT);
        CHECK(fseek(file, (long)i, SEEK_SET) == 0 && fputc(good.data[i], file) == good.data[i]);
    }
    fclose(file);
    mote_snapshot_unref(open_it(saved.box.image, NULL, "bad")); /* it is good again */
    free(good.data);
    close_saved(&saved);
}

TEST(snapshot_files, only_regular_files)
{
    struct saved saved;

    save_one(&saved);
    CHECK_INT(symlink("one", path_of("link")), 0);
    refused(saved.box.image, NULL, "link", MOTE_ESNAPSHOT, "symbolic link");
    CHECK_INT(mkfifo(path_of("fifo"), 0600), 0);
    refused(saved.box.image, NULL, "fifo", MOTE_ESNAPSHOT, "not a regular file");
    refused(saved.box.image, NULL, "", MOTE_ESNAPSHOT, "not a regular file");
    refused(saved.box.image, NULL, "nothing", MOTE_ESYSTEM, "nothing");
    close_saved(&saved);
}

TEST(snapshot_files, only_the_same_image)
{
    struct saved saved;
    char path[4096];
    mote_error error = MOTE_ERROR_INIT;
    mote_source source = MOTE_SOURCE_PATH(path);
    mote_image_options options = {.size = sizeof(options), .stack = MIB};
    mote_image *image = NULL;

    save_one(&saved);
    mote_image *other = open_guest(saved.box.host, "echo");
    refused(other, NULL, "one", MOTE_ESNAPSHOT, "another image");
    mote_image_unref(other);
    guest_path("scratch", path, sizeof(path));
    CHECK_CODE(mote_image_open(&image, saved.box.host, &source, &options, &error), MOTE_OK);
    refused(image, NULL, "one", MOTE_ESNAPSHOT, "another layout");
    mote_image_unref(image);
    close_saved(&saved);
}

/* ---- saving fails ------------------------------------------------------------------ */

static void save_fails(mote_snapshot *snapshot, const char *path, int code)
{
    mote_error error = MOTE_ERROR_INIT;

    CHECK_CODE(mote_snapshot_save(snapshot, path, &error), code);
    CHECK_CODE(error.code, code);
    CHECK(error.text[0] != '\0');
}

TEST(snapshot_files, nothing_is_left_of_a_save_that_failed)
{
    struct saved saved;
    struct rlimit limit;

    save_one(&saved);
    struct bytes good = read_file(path_of("one"));
    poke(&saved.box, at(0), 41);
    mote_snapshot *snapshot = take(saved.box.sandbox);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    struct rlimit small = {2 * PAGE, limit.rlim_max};
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
    save_fails(snapshot, path_of("one"), MOTE_ESYSTEM);
    save_fails(snapshot, path_of("new"), MOTE_ESYSTEM);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_INT(files_in_folder(), 1);
    struct bytes still = read_file(path_of("one"));
    CHECK(still.size == good.size && memcmp(still.data, good.data, good.size) == 0);

    CHECK_INT(mkdir(path_of("folder"), 0700), 0);
    save_fails(snapshot, path_of("folder"), MOTE_ESYSTEM);
    CHECK_INT(files_in_folder(), 2);
    CHECK_INT(rmdir(path_of("folder")), 0);
    save_fails(snapshot, path_of("no/where"), MOTE_ESYSTEM);
    save_fails(snapshot, path_of(""), MOTE_EINVAL);
    save_fails(snapshot, path_of(".."), MOTE_EINVAL);
    save_fails(snapshot, NULL, MOTE_EINVAL);
    save_fails(NULL, path_of("new"), MOTE_EINVAL);
    save(snapshot, "new");
    free(good.data);
    free(still.data);
    mote_snapshot_unref(snapshot);
    close_saved(&saved);
}
