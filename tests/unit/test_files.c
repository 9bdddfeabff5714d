/* SPDX-License-Identifier: Apache-2.0 */
/* The file layer does what programs expect. */
#include "files_support.h"

#define READ   MOTE__OPEN_READ
#define WRITE  MOTE__OPEN_WRITE
#define CREATE (MOTE__OPEN_WRITE | MOTE__OPEN_CREATE)
#define ABSENT -ENOENT

static void test_read(void **state)
{
    struct world *w = *state;
    char data[32] = {0};
    struct mote__file *f = must_open(w, "hello", READ);
    assert_int_equal(f->kind, MOTE__KIND_FILE);
    assert_int_equal(mote__file_read(f, data, 5), 5);
    assert_string_equal(data, "hello");
    assert_int_equal(mote__file_read(f, data, sizeof data), 6);
    assert_int_equal(mote__file_read(f, data, sizeof data), 0);
    assert_int_equal(mote__file_pread(f, data, 4, 7), 4);
    assert_memory_equal(data, "file", 4);
    assert_int_equal(mote__file_pread(f, data, 4, UINT64_MAX), -EINVAL);
    assert_int_equal(mote__file_write(f, "x", 1, &w->left), -EBADF);
    mote__file_unref(f);
}

static void test_paths(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/data/hello", 0},
        {"//data/.//hello", 0},
        {"../data/hello", 0},
        {"/../../data/dir/../hello", 0},
        {"dir/deep/file", 0},
        {"./dir/./deep/../deep/file", 0},
        {"hello/", -ENOTDIR},
        {"hello/.", -ENOTDIR},
        {"hello/x", -ENOTDIR},
        {"dir/", 0},
        {"/", 0},
        {"/data", 0},
        {"", -ENOENT},
        {"/dat", -ENOENT},
        {"/database", -ENOENT},
        {"/etc/passwd", -ENOENT},
        {"missing", -ENOENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (try_open(w, cases[i].path, READ) != cases[i].status)
            fail_msg("%s: %d", cases[i].path, try_open(w, cases[i].path, READ));
}

static void test_relative_to_a_directory(void **state)
{
    struct world *w = *state;
    struct mote__place place;
    struct mote__file *dir = must_open(w, "dir", READ | MOTE__OPEN_DIRECTORY), *file;
    assert_string_equal(dir->guest, "/data/dir");
    /* Follows the directory where it goes, as long as the path does not leave it. */
    char *from = strdup(host_path(w, "in/dir"));
    assert_return_code(rename(from, host_path(w, "in/moved")), errno);
    free(from);
    assert_int_equal(mote__place_find(&place, &w->mounts, "/", dir, "deep/file", 9), 0);
    assert_int_equal(mote__file_open(&file, &place, READ, 0, &w->left), 0);
    mote__file_unref(file);
    assert_int_equal(mote__place_find(&place, &w->mounts, "/", dir, "../hello", 8), 0);
    assert_string_equal(place.guest, "/data/hello");
    assert_int_equal(mote__place_beneath(&place, &w->mounts, dir, "deep/file", 9), 0);
    assert_int_equal(mote__place_beneath(&place, &w->mounts, dir, "deep/../deep/file", 17), 0);
    assert_int_equal(mote__place_beneath(&place, &w->mounts, dir, "../hello", 8), -EPERM);
    assert_int_equal(mote__place_beneath(&place, &w->mounts, dir, "../dir/deep", 11), -EPERM);
    assert_int_equal(mote__place_beneath(&place, &w->mounts, dir, "/data/dir", 9), -EPERM);
    mote__file_unref(dir);
}

static void test_write(void **state)
{
    struct world *w = *state;
    struct mote__file *f = must_open(w, "new", CREATE | READ);
    assert_int_equal(mote__file_write(f, "one two", 7, &w->left), 7);
    assert_int_equal(mote__file_seek(f, 4, MOTE__SEEK_START), 4);
    assert_int_equal(mote__file_write(f, "2", 1, &w->left), 1);
    assert_int_equal(mote__file_pwrite(f, "1", 1, 0, &w->left), 1);
    assert_int_equal(mote__file_seek(f, 0, MOTE__SEEK_HERE), 5);
    assert_int_equal(mote__file_seek(f, -3, MOTE__SEEK_END), 4);
    assert_int_equal(mote__file_seek(f, -5, MOTE__SEEK_HERE), -EINVAL);
    assert_int_equal(mote__file_truncate(f, 5, &w->left), 0);
    assert_int_equal(mote__file_sync(f), 0);
    mote__file_unref(f);
    assert_host_text(w, "in/new", "1ne 2");
    assert_int_equal(BUDGET - w->left, 9 + MOTE__NAME_COST);
    assert_int_equal(try_open(w, "new", CREATE | MOTE__OPEN_EXCLUSIVE), -EEXIST);
    assert_int_equal(try_open(w, "new", CREATE | MOTE__OPEN_TRUNCATE), 0);
    assert_host_text(w, "in/new", "");
}

static void test_append(void **state)
{
    struct world *w = *state;
    struct mote__file *f = must_open(w, "hello", WRITE | MOTE__OPEN_APPEND);
    assert_int_equal(mote__file_write(f, "!", 1, &w->left), 1);
    assert_int_equal(mote__file_seek(f, 0, MOTE__SEEK_HERE), 12);
    assert_int_equal(mote__file_seek(f, 0, MOTE__SEEK_START), 0);
    assert_int_equal(mote__file_write(f, "!", 1, &w->left), 1);
    mote__file_unref(f);
    assert_host_text(w, "in/hello", "hello, file!!");
}

static void test_status(void **state)
{
    struct world *w = *state;
    struct mote__place place;
    struct mote__file_status by_path, by_file, other;
    struct stat st;
    assert_int_equal(find(w, &place, "hello"), 0);
    assert_int_equal(mote__place_status(&place, true, &by_path), 0);
    struct mote__file *f = must_open(w, "hello", READ);
    assert_int_equal(mote__file_status(f, &by_file), 0);
    mote__file_unref(f);
    assert_memory_equal(&by_path, &by_file, sizeof by_file);
    assert_int_equal(by_path.kind, MOTE__KIND_FILE);
    assert_int_equal(by_path.mode, 0644);
    assert_int_equal(by_path.size, 11);
    assert_return_code(stat(host_path(w, "in/hello"), &st), errno);
    assert_int_not_equal(by_path.inode, st.st_ino);
    assert_int_equal(find(w, &place, "/ro/kept"), 0);
    assert_int_equal(mote__place_status(&place, true, &by_path), 0);
    assert_int_equal(find(w, &place, "ro/kept"), 0);
    assert_int_equal(mote__place_status(&place, true, &other), 0);
    assert_int_equal(by_path.inode, other.inode);
    assert_int_not_equal(by_path.inode, by_file.inode);
}

/* Names of a directory, sorted by nothing: counted. */
static int list(struct mote__file *dir, const char *wanted)
{
    struct mote__dir_entry e;
    int status, n = 0;
    while ((status = mote__file_next(dir, &e)) == 1) {
        n += strcmp(e.name, wanted) == 0;
        mote__file_accept(dir, &e);
    }
    assert_int_equal(status, 0);
    return n;
}

static void test_directories(void **state)
{
    struct world *w = *state;
    struct mote__dir_entry first, again;
    struct mote__place place;
    struct mote__file *dir = must_open(w, "/data", READ);
    assert_int_equal(mote__file_next(dir, &first), 1);
    uint64_t inode = first.inode;
    mote__file_accept(dir, &first);
    list(dir, "hello");
    assert_int_equal(mote__file_seek(dir, 0, MOTE__SEEK_START), 0);
    assert_int_equal(list(dir, "hello"), 1);
    assert_int_equal(mote__file_seek(dir, 0, MOTE__SEEK_START), 0);
    assert_int_equal(mote__file_next(dir, &again), 1);
    assert_int_equal(again.inode, inode);
    mote__file_unref(dir);

    dir = must_open(w, "/", READ);
    assert_int_equal(list(dir, "data"), 1);
    assert_int_equal(mote__file_seek(dir, 0, MOTE__SEEK_START), 0);
    assert_int_equal(list(dir, ".."), 1);
    mote__file_unref(dir);

    assert_int_equal(find(w, &place, "made/"), 0);
    assert_int_equal(mote__place_mkdir(&place, 0700, &w->left), 0);
    assert_int_equal(mote__place_mkdir(&place, 0700, &w->left), -EEXIST);
    assert_int_equal(BUDGET - w->left, MOTE__NAME_COST);
    assert_int_equal(mote__place_unlink(&place), -ENOTDIR);
    assert_int_equal(mote__place_rmdir(&place), 0);
    assert_int_equal(find(w, &place, "dir"), 0);
    assert_int_equal(mote__place_rmdir(&place), -ENOTEMPTY);
    assert_int_equal(find(w, &place, "/data"), 0);
    assert_int_equal(mote__place_mkdir(&place, 0700, &w->left), -EEXIST);
    assert_int_equal(mote__place_rmdir(&place), -EBUSY);
    assert_int_equal(try_open(w, "dir", READ | WRITE), -EISDIR);
    assert_int_equal(try_open(w, "hello", READ | MOTE__OPEN_DIRECTORY), -ENOTDIR);
}

static int rename_guest(struct world *w, const char *from, const char *to, bool keep)
{
    struct mote__place a, b;
    assert_int_equal(find(w, &a, from), 0);
    assert_int_equal(find(w, &b, to), 0);
    return mote__place_rename(&a, &b, keep);
}

static void test_rename_and_unlink(void **state)
{
    struct world *w = *state;
    struct mote__place place;
    make_file(w, "in/other", "other");
    assert_int_equal(rename_guest(w, "other", "hello", true), -EEXIST);
    assert_int_equal(rename_guest(w, "other", "dir/hello", true), 0);
    assert_int_equal(rename_guest(w, "dir/hello", "hello", false), 0);
    assert_host_text(w, "in/hello", "other");
    assert_int_equal(rename_guest(w, "hello", "/ro/hello", false), -EROFS);
    assert_int_equal(rename_guest(w, "/ro/kept", "hello", false), -EROFS);
    assert_int_equal(rename_guest(w, "/data", "/data/dir/x", false), -EBUSY);
    assert_int_equal(rename_guest(w, "missing", "x", false), ABSENT);
    assert_int_equal(rename_guest(w, "hello/", "x", false), -ENOTDIR);
    assert_int_equal(find(w, &place, "hello"), 0);
    assert_int_equal(mote__place_unlink(&place), 0);
    assert_int_equal(mote__place_unlink(&place), ABSENT);
    assert_int_equal(find(w, &place, "dir"), 0);
    assert_int_equal(mote__place_unlink(&place), -EISDIR);
}

/* Under another name the outer grant's rights would hold for what is beneath. */
static void test_the_way_to_a_grant_stays(void **state)
{
    struct world *w = *state;
    struct mote__place place;
    mote_error e = MOTE_ERROR_INIT;
    assert_int_equal(mote__mounts_add_directory(&w->mounts, host_path(w, "in/dir/deep"),
                                                "/data/dir/deep", false, &e),
                     0);
    assert_int_equal(try_open(w, "dir/deep/file", WRITE), -EROFS);
    assert_int_equal(rename_guest(w, "dir", "way", false), -EBUSY);
    assert_int_equal(rename_guest(w, "dir/deep", "deep", false), -EROFS);
    assert_int_equal(find(w, &place, "dir"), 0);
    assert_int_equal(mote__place_rmdir(&place), -ENOTEMPTY);
    make_dir(w, "in/other");
    assert_int_equal(rename_guest(w, "other", "dir", false), -EBUSY);
    assert_int_equal(rename_guest(w, "other", "dirs", false), 0);
    assert_int_equal(rename_guest(w, "hello", "dir/hello", false), 0);
}

static void test_read_only(void **state)
{
    struct world *w = *state;
    struct mote__place place;
    struct mote__file_times times = {MOTE__TIME_NOW, MOTE__TIME_NOW, 0, 0};
    assert_int_equal(try_open(w, "/ro/kept", READ), 0);
    assert_int_equal(try_open(w, "/ro/kept", WRITE), -EROFS);
    assert_int_equal(try_open(w, "/ro/kept", READ | MOTE__OPEN_TRUNCATE), 0);
    assert_int_equal(try_open(w, "/ro/new", CREATE), -EROFS);
    assert_int_equal(find(w, &place, "/ro/kept"), 0);
    assert_int_equal(mote__place_unlink(&place), -EROFS);
    assert_int_equal(mote__place_truncate(&place, 0, &w->left), -EROFS);
    assert_int_equal(mote__place_chmod(&place, 0600), -EROFS);
    assert_int_equal(mote__place_times(&place, true, &times), -EROFS);
    assert_int_equal(mote__place_access(&place, MOTE__MAY_READ), 0);
    assert_int_equal(mote__place_access(&place, MOTE__MAY_WRITE), -EROFS);
    struct mote__file *f = must_open(w, "/ro/kept", READ);
    assert_int_equal(mote__file_chmod(f, 0600), -EROFS);
    assert_int_equal(mote__file_times(f, &times), -EROFS);
    assert_int_equal(mote__file_truncate(f, 0, &w->left), -EINVAL);
    mote__file_unref(f);
    assert_int_equal(find(w, &place, "/ro/x"), 0);
    assert_int_equal(mote__place_mkdir(&place, 0700, &w->left), -EROFS);
    assert_host_text(w, "in/ro/kept", "kept");
}

static void test_attributes(void **state)
{
    struct world *w = *state;
    struct mote__place place;
    struct mote__file_status status;
    struct mote__file_times times = {MOTE__TIME_KEEP, MOTE__TIME_SET, 0, -1500000000};
    assert_int_equal(find(w, &place, "hello"), 0);
    assert_int_equal(mote__place_chmod(&place, 0600), 0);
    assert_int_equal(mote__place_chmod(&place, 04600), -EPERM);
    assert_int_equal(mote__place_times(&place, true, &times), 0);
    assert_int_equal(mote__place_status(&place, true, &status), 0);
    assert_int_equal(status.mode, 0600);
    assert_int_equal(status.modified_ns, -1500000000);
    assert_int_equal(mote__place_truncate(&place, 5, &w->left), 0);
    assert_host_text(w, "in/hello", "hello");
    assert_int_equal(mote__place_access(&place, MOTE__MAY_READ | MOTE__MAY_WRITE), 0);
}

static void test_budget(void **state)
{
    struct world *w = *state;
    struct mote__place place;
    struct mote__file *f = must_open(w, "hello", READ | WRITE);
    w->left = 10;
    assert_int_equal(mote__file_write(f, "12345678", 8, &w->left), 8);
    assert_int_equal(mote__file_write(f, "12345678", 8, &w->left), 2);
    assert_int_equal(mote__file_write(f, "x", 1, &w->left), -ENOSPC);
    w->left = 100; /* the file has 11 bytes: holes count */
    assert_int_equal(mote__file_pwrite(f, "x", 1, 111, &w->left), -ENOSPC);
    assert_int_equal(mote__file_pwrite(f, "xyz", 3, 109, &w->left), 2);
    assert_int_equal(w->left, 0);
    w->left = 100;
    assert_int_equal(mote__file_truncate(f, 212, &w->left), -ENOSPC);
    assert_int_equal(mote__file_truncate(f, 211, &w->left), 0);
    assert_int_equal(w->left, 0);
    assert_int_equal(mote__file_truncate(f, 0, &w->left), 0);
    mote__file_unref(f);
    w->left = MOTE__NAME_COST - 1;
    assert_int_equal(try_open(w, "new", CREATE), -ENOSPC);
    assert_int_equal(find(w, &place, "new"), 0);
    assert_int_equal(mote__place_mkdir(&place, 0755, &w->left), -ENOSPC);
    assert_int_equal(w->left, MOTE__NAME_COST - 1);
}

static void test_locks(void **state)
{
    struct world *w = *state;
    struct mote__file *a = must_open(w, "hello", READ | WRITE);
    struct mote__file *b = must_open(w, "hello", READ);
    assert_int_equal(mote__file_lock(a, MOTE__LOCK_EXCLUSIVE, 10, 10), 0);
    assert_int_equal(mote__file_lock(b, MOTE__LOCK_SHARED, 0, 10), 0);
    assert_int_equal(mote__file_lock(b, MOTE__LOCK_SHARED, 0, 11), -EAGAIN);
    assert_int_equal(mote__file_lock_test(b, MOTE__LOCK_SHARED, 0, 0), MOTE__LOCK_EXCLUSIVE);
    assert_int_equal(mote__file_lock_test(b, MOTE__LOCK_SHARED, 0, 10), MOTE__LOCK_NONE);
    assert_int_equal(mote__file_lock(b, MOTE__LOCK_EXCLUSIVE, 0, 1), -EBADF);
    assert_int_equal(mote__file_lock(b, MOTE__LOCK_SHARED, INT64_MAX, 2), -EINVAL);
    mote__file_unref(a);
    assert_int_equal(mote__file_lock(b, MOTE__LOCK_SHARED, 0, 11), 0);
    mote__file_unref(b);
}

static void test_grants_are_checked(void **state)
{
    struct world *w = *state;
    mote_error e = MOTE_ERROR_INIT;
    struct mote__mounts *m = &w->mounts;
    assert_int_equal(mote__mounts_add_directory(m, w->top, "/data/", true, &e), MOTE_EINVAL);
    assert_int_equal(mote__mounts_add_directory(m, w->top, "", true, &e), MOTE_EINVAL);
    assert_int_equal(mote__mounts_add_directory(m, "/none", "/none", true, &e), MOTE_ESYSTEM);
    assert_int_equal(e.detail, ENOENT);
    assert_int_equal(mote__mounts_add_directory(m, host_path(w, "in/hello"), "/f", true, &e),
                     MOTE_ESYSTEM);
    assert_int_equal(m->count, 2);
    assert_int_equal(mote__mounts_add_directory(m, host_path(w, "outside"), "/", false, &e), 0);
    assert_int_equal(try_open(w, "/secret", READ), 0);
    assert_int_equal(try_open(w, "/data/hello", READ), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_read),
        T(test_paths),
        T(test_relative_to_a_directory),
        T(test_write),
        T(test_append),
        T(test_status),
        T(test_directories),
        T(test_rename_and_unlink),
        T(test_the_way_to_a_grant_stays),
        T(test_read_only),
        T(test_attributes),
        T(test_budget),
        T(test_locks),
        T(test_grants_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
