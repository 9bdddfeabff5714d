/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a policy grants, through the guest's system calls. */
#include "raw.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define HERE AT_FDCWD

/* A directory of the host with a few things in it, made for one test. */
struct tree {
    char path[64];
};

static void put_file(const struct tree *tree, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", tree->path, name);
    file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void make_link(const struct tree *tree, const char *name, const char *target)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", tree->path, name);
    CHECK(symlink(target, path) == 0);
}

static void make_tree(struct tree *tree)
{
    char path[256];

    strcpy(tree->path, "/tmp/mote-files-XXXXXX");
    CHECK(mkdtemp(tree->path) != NULL);
    snprintf(path, sizeof(path), "%s/sub", tree->path);
    CHECK(mkdir(path, 0755) == 0);
    put_file(tree, "hello", "hello, file\n");
    put_file(tree, "sub/inner", "inside\n");
    make_link(tree, "inside", "sub/inner");
    make_link(tree, "outside", "/etc/passwd");
    make_link(tree, "up", "../..");
}

static void remove_tree(const struct tree *tree)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", tree->path);
    CHECK(system(command) == 0);
}

static void expect_file(const struct tree *tree, const char *name, const char *text)
{
    char path[256], read[256] = {0};
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", tree->path, name);
    file = fopen(path, "r");
    CHECK(file != NULL);
    CHECK_INT(fread(read, 1, sizeof(read) - 1, file), strlen(text));
    fclose(file);
    CHECK(strcmp(read, text) == 0);
}

static void grant_dir(struct box *box, const char *host, const char *guest, unsigned access)
{
    mote_error error = MOTE_ERROR_INIT;
    int rc = mote_policy_dir(box->policy, host, guest, access, &error);

    if (rc != 0) {
        FAIL("%s", error.text);
    }
}

static void open_tree(struct box *box, struct tree *tree, unsigned access)
{
    make_tree(tree);
    raw_open(box);
    grant_dir(box, tree->path, "/data", access);
    raw_start(box);
}

static void close_tree(struct box *box, struct tree *tree)
{
    box_close(box);
    remove_tree(tree);
}

static int64_t do_open(struct box *box, const char *path, int flags, int mode)
{
    return RAW(box, SYS_openat, HERE, raw_text(box, 0x8000, path), flags, mode);
}

#define BOTH (MOTE_GRANT_READ | MOTE_GRANT_WRITE)

/* ---- reading ------------------------------------------------------------------ */

TEST(files, not_granted_are_refused)
{
    struct box box;

    raw_open(&box);
    raw_start(&box);
    CHECK_INT(do_open(&box, "/etc/passwd", O_RDONLY, 0), -ENOSYS);
    CHECK_INT(mote_sandbox_report(box.sandbox)->refused, 1);
    CHECK_INT(RAW(&box, SYS_stat, at(0x8000), at(0)), -ENOSYS);
    CHECK_INT(RAW(&box, SYS_mkdir, at(0x8000), 0777), -ENOSYS);
    CHECK_INT(RAW(&box, SYS_getcwd, at(0), 100), -ENOSYS);
    CHECK_INT(RAW(&box, SYS_readlink, at(0x8000), at(0), 100), -ENOENT);
    box_close(&box);
}

TEST(files, read)
{
    struct tree tree;
    char text[32] = {0};
    struct stat st;
    struct box box;
    int64_t fd;

    open_tree(&box, &tree, MOTE_GRANT_READ);
    for (int i = 0; i < 2; i++) {
        fd = do_open(&box, "/data/hello", O_RDONLY, 0);
        CHECK_INT(fd, 0); /* the lowest */
        CHECK_INT(RAW(&box, SYS_read, fd, at(0), 5), 5);
        CHECK_INT(RAW(&box, SYS_read, fd, at(5), 100), 7);
        CHECK_INT(RAW(&box, SYS_read, fd, at(5), 100), 0);
        raw_get(&box, 0, text, 12);
        CHECK(strcmp(text, "hello, file\n") == 0);
        CHECK_INT(RAW(&box, SYS_pread64, fd, at(0), 4, 7), 4);
        raw_get(&box, 0, text, 4);
        CHECK_BYTES(text, "file", 4);
        CHECK_INT(RAW(&box, SYS_pread64, fd, at(0), 4, -1), -EINVAL);
        CHECK_INT(RAW(&box, SYS_lseek, fd, 3, SEEK_SET), 3);
        CHECK_INT(RAW(&box, SYS_lseek, fd, -2, SEEK_END), 10);
        CHECK_INT(RAW(&box, SYS_lseek, fd, 0, 9), -EINVAL);
        CHECK_INT(RAW(&box, SYS_ioctl, fd, FIONREAD, at(0)), 0);
        CHECK_INT(RAW(&box, SYS_ioctl, fd, TIOCGWINSZ, at(0)), -ENOTTY);
        CHECK_INT(RAW(&box, SYS_fstat, fd, at(0)), 0);
        raw_get(&box, 0, &st, sizeof(st));
        CHECK(S_ISREG(st.st_mode) && st.st_size == 12 && st.st_uid == 1000);
        CHECK_INT(RAW(&box, SYS_write, fd, at(0), 1), -EBADF);
        CHECK_INT(do_open(&box, "/data/hello", O_RDWR, 0), -EROFS);
        CHECK_INT(do_open(&box, "/data/none", O_RDONLY, 0), -ENOENT);
        CHECK_INT(do_open(&box, "/etc/passwd", O_RDONLY, 0), -ENOENT);
        CHECK_INT(do_open(&box, "/data/hello", O_PATH, 0), -EINVAL);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK_INT(RAW(&box, SYS_read, fd, at(0), 5), -EBADF);
    }
    close_tree(&box, &tree);
}

TEST(files, nothing_leads_out)
{
    const char *const out[] = {"/data/outside",       "/data/up/etc/passwd",
                               "/data/../etc/passwd", "/data/sub/../../etc/passwd",
                               "/../../etc/passwd",   "/data/up",
                               "/proc/self/exe",      "/data/sub/../../../../../etc/passwd"};
    struct tree tree;
    struct box box;

    open_tree(&box, &tree, BOTH);
    for (size_t i = 0; i < COUNT(out); i++) {
        int64_t fd = do_open(&box, out[i], O_RDONLY, 0);

        if (fd >= 0) {
            FAIL("%s was opened", out[i]);
        }
    }
    CHECK_INT(do_open(&box, "/data/inside", O_RDONLY, 0), 0);
    CHECK_INT(do_open(&box, "/data/inside", O_RDONLY | O_NOFOLLOW, 0), -ELOOP);
    close_tree(&box, &tree);
}

TEST(files, relative_paths)
{
    struct tree tree;
    struct box box;
    int64_t fd;

    open_tree(&box, &tree, MOTE_GRANT_READ);
    CHECK_INT(RAW(&box, SYS_getcwd, at(0), 100), 2);
    CHECK_INT(do_open(&box, "data/hello", O_RDONLY, 0), 0);
    CHECK_INT(RAW(&box, SYS_chdir, raw_text(&box, 0, "/data/sub")), 0);
    CHECK_INT(RAW(&box, SYS_getcwd, at(0), 100), 10);
    CHECK_INT(RAW(&box, SYS_getcwd, at(0), 9), -ERANGE);
    CHECK_INT(do_open(&box, "inner", O_RDONLY, 0), 1);
    CHECK_INT(do_open(&box, "../hello", O_RDONLY, 0), 2);
    CHECK_INT(RAW(&box, SYS_chdir, raw_text(&box, 0, "inner")), -ENOTDIR);
    CHECK_INT(RAW(&box, SYS_chdir, raw_text(&box, 0, "none")), -ENOENT);
    fd = do_open(&box, "/data", O_RDONLY | O_DIRECTORY, 0);
    CHECK_INT(fd, 3);
    CHECK_INT(RAW(&box, SYS_openat, fd, raw_text(&box, 0, "hello"), O_RDONLY), 4);
    CHECK_INT(RAW(&box, SYS_openat, 0, raw_text(&box, 0, "hello"), O_RDONLY), -ENOTDIR);
    CHECK_INT(RAW(&box, SYS_openat, 99, raw_text(&box, 0, "hello"), O_RDONLY), -EBADF);
    CHECK_INT(RAW(&box, SYS_fchdir, fd), 0);
    CHECK_INT(RAW(&box, SYS_fchdir, 0), -ENOTDIR);
    CHECK_INT(do_open(&box, "hello", O_RDONLY, 0), 5);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(do_open(&box, "hello", O_RDONLY, 0), -ENOENT); /* at the root again */
    close_tree(&box, &tree);
}

TEST(files, listed)
{
    struct tree tree;
    char buffer[4096];
    struct box box;
    int64_t fd, n;
    int found = 0;

    open_tree(&box, &tree, MOTE_GRANT_READ);
    fd = do_open(&box, "/data", O_RDONLY | O_DIRECTORY, 0);
    CHECK_INT(RAW(&box, SYS_getdents64, fd, at(0), 8), -EINVAL);
    while ((n = RAW(&box, SYS_getdents64, fd, at(0), 64)) > 0) {
        raw_get(&box, 0, buffer, (size_t)n);
        for (int64_t i = 0; i < n;) {
            struct dirent64 *entry = (struct dirent64 *)(void *)(buffer + i);

            found += strcmp(entry->d_name, "hello") == 0 && entry->d_type == DT_REG;
            found += strcmp(entry->d_name, "sub") == 0 && entry->d_type == DT_DIR;
            found += strcmp(entry->d_name, "up") == 0 && entry->d_type == DT_LNK;
            i += entry->d_reclen;
        }
    }
    CHECK_INT(n, 0);
    CHECK_INT(found, 3);
    CHECK_INT(RAW(&box, SYS_lseek, fd, 0, SEEK_SET), 0);
    CHECK(RAW(&box, SYS_getdents64, fd, at(0), 64) > 0);
    CHECK_INT(RAW(&box, SYS_getdents64, 99, at(0), 64), -EBADF);
    CHECK_INT(RAW(&box, SYS_read, fd, at(0), 64), -EISDIR);
    close_tree(&box, &tree);
}

TEST(files, status)
{
    struct tree tree;
    struct stat st;
    struct statx x;
    struct box box;
    uint64_t hello, link;

    open_tree(&box, &tree, MOTE_GRANT_READ);
    hello = raw_text(&box, 0x8000, "/data/hello");
    link = raw_text(&box, 0x8100, "/data/inside");
    CHECK_INT(RAW(&box, SYS_stat, hello, at(0)), 0);
    raw_get(&box, 0, &st, sizeof(st));
    CHECK(S_ISREG(st.st_mode) && st.st_size == 12 && st.st_mtim.tv_sec > 1600000000);
    CHECK_INT(RAW(&box, SYS_lstat, link, at(0)), 0);
    raw_get(&box, 0, &st, sizeof(st));
    CHECK(S_ISLNK(st.st_mode));
    CHECK_INT(RAW(&box, SYS_stat, link, at(0)), 0);
    raw_get(&box, 0, &st, sizeof(st));
    CHECK(S_ISREG(st.st_mode) && st.st_size == 7);
    CHECK_INT(RAW(&box, SYS_statx, HERE, hello, 0, 0x7ff, at(0)), 0);
    raw_get(&box, 0, &x, sizeof(x));
    CHECK(S_ISREG(x.stx_mode) && x.stx_size == 12);
    CHECK_INT(RAW(&box, SYS_newfstatat, HERE, raw_text(&box, 0x8200, "/"), at(0), 0), 0);
    raw_get(&box, 0, &st, sizeof(st));
    CHECK(S_ISDIR(st.st_mode));
    CHECK_INT(RAW(&box, SYS_stat, 8, at(0)), -EFAULT);
    CHECK_INT(RAW(&box, SYS_stat, hello, 8), -EFAULT);
    CHECK_INT(RAW(&box, SYS_access, hello, R_OK), 0);
    CHECK_INT(RAW(&box, SYS_access, hello, W_OK), -EROFS);
    CHECK_INT(RAW(&box, SYS_faccessat, HERE, hello, F_OK), 0);
    CHECK_INT(RAW(&box, SYS_access, hello, 8), -EINVAL);
    CHECK_INT(RAW(&box, SYS_readlink, link, at(0), 100), 9);
    CHECK_INT(RAW(&box, SYS_readlink, hello, at(0), 100), -EINVAL);
    close_tree(&box, &tree);
}

/* ---- writing ------------------------------------------------------------------ */

TEST(files, written)
{
    struct iovec parts[2];
    struct tree tree;
    struct box box;
    int64_t fd;

    open_tree(&box, &tree, BOTH);
    fd = do_open(&box, "/data/new", O_RDWR | O_CREAT | O_EXCL, 0666);
    CHECK_INT(fd, 0);
    CHECK_INT(do_open(&box, "/data/new", O_RDWR | O_CREAT | O_EXCL, 0666), -EEXIST);
    raw_text(&box, 0, "one two three");
    CHECK_INT(RAW(&box, SYS_write, fd, at(0), 4), 4);
    parts[0] = (struct iovec){(void *)(uintptr_t)at(4), 4};
    parts[1] = (struct iovec){(void *)(uintptr_t)at(8), 5};
    raw_put(&box, 256, parts, sizeof(parts));
    CHECK_INT(RAW(&box, SYS_writev, fd, at(256), 2), 9);
    expect_file(&tree, "new", "one two three");
    CHECK_INT(RAW(&box, SYS_pwrite64, fd, at(8), 3, 0), 3);
    CHECK_INT(RAW(&box, SYS_pwritev, fd, at(256), 1, 20), 4);
    CHECK_INT(RAW(&box, SYS_ftruncate, fd, 7), 0);
    CHECK_INT(RAW(&box, SYS_ftruncate, fd, -1), -EINVAL);
    CHECK_INT(RAW(&box, SYS_fsync, fd), 0);
    CHECK_INT(RAW(&box, SYS_fdatasync, fd), 0);
    expect_file(&tree, "new", "thr two");
    CHECK_INT(RAW(&box, SYS_close, fd), 0);
    fd = do_open(&box, "/data/new", O_WRONLY | O_APPEND, 0);
    CHECK_INT(RAW(&box, SYS_write, fd, at(3), 4), 4);
    expect_file(&tree, "new", "thr two two");
    CHECK_INT(RAW(&box, SYS_fcntl, fd, F_GETFL), O_WRONLY | O_APPEND);
    CHECK_INT(RAW(&box, SYS_close, fd), 0);
    fd = do_open(&box, "/data/new", O_WRONLY | O_TRUNC, 0);
    expect_file(&tree, "new", "");
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    expect_file(&tree, "new", ""); /* a reset closes, and undoes nothing */
    close_tree(&box, &tree);
}

TEST(files, names)
{
    struct tree tree;
    struct stat st;
    char path[128];
    struct box box;
    uint64_t a, b;

    open_tree(&box, &tree, BOTH);
    a = raw_text(&box, 0x8000, "/data/made");
    b = raw_text(&box, 0x8100, "/data/moved");
    CHECK_INT(RAW(&box, SYS_mkdir, a, 0777), 0);
    CHECK_INT(RAW(&box, SYS_mkdir, a, 0777), -EEXIST);
    CHECK_INT(RAW(&box, SYS_rename, a, b), 0);
    CHECK_INT(RAW(&box, SYS_rmdir, a), -ENOENT);
    CHECK_INT(RAW(&box, SYS_unlink, b), -EISDIR);
    CHECK_INT(RAW(&box, SYS_unlinkat, HERE, b, AT_REMOVEDIR), 0);
    CHECK_INT(RAW(&box, SYS_unlink, raw_text(&box, 0, "/data/hello")), 0);
    CHECK_INT(RAW(&box, SYS_renameat2, HERE, raw_text(&box, 0, "/data/sub/inner"), HERE, b, 1), 0);
    CHECK_INT(RAW(&box, SYS_chmod, b, 0600), 0);
    CHECK_INT(RAW(&box, SYS_chmod, b, 04755), -EPERM);
    snprintf(path, sizeof(path), "%s/moved", tree.path);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_INT(RAW(&box, SYS_symlink, a, b), -ENOSYS);
    CHECK_INT(RAW(&box, SYS_link, b, a), -ENOSYS);
    CHECK_INT(RAW(&box, SYS_unlink, raw_text(&box, 0, "/etc/passwd")), -ENOENT);
    CHECK_INT(RAW(&box, SYS_rename, b, raw_text(&box, 0, "/outside")), -ENOENT);
    close_tree(&box, &tree);
}

TEST(files, umask_and_times)
{
    struct timespec times[2] = {{1000000000, 5}, {1200000000, 7}};
    struct tree tree;
    struct stat st;
    char path[128];
    struct box box;

    open_tree(&box, &tree, BOTH);
    CHECK_INT(RAW(&box, SYS_umask, 077), 022);
    CHECK_INT(do_open(&box, "/data/private", O_WRONLY | O_CREAT, 0666), 0);
    snprintf(path, sizeof(path), "%s/private", tree.path);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    raw_put(&box, 0, times, sizeof(times));
    CHECK_INT(RAW(&box, SYS_utimensat, HERE, at(0x8000), at(0), 0), 0);
    CHECK(stat(path, &st) == 0 && st.st_mtim.tv_sec == 1200000000 && st.st_mtim.tv_nsec == 7);
    CHECK_INT(RAW(&box, SYS_utimensat, 0, 0, 0, 0), 0);
    CHECK(stat(path, &st) == 0 && st.st_mtim.tv_sec > 1600000000);
    times[0].tv_nsec = 2000000000;
    raw_put(&box, 0, times, sizeof(times));
    CHECK_INT(RAW(&box, SYS_utimensat, HERE, at(0x8000), at(0), 0), -EINVAL);
    close_tree(&box, &tree);
}

TEST(files, budget)
{
    struct tree tree;
    struct box box;
    int64_t fd;

    make_tree(&tree);
    raw_open(&box);
    grant_dir(&box, tree.path, "/", BOTH);
    set_option(&box, MOTE_OPT_FILE_BYTES, 100000);
    raw_start(&box);
    for (int i = 0; i < 2; i++) {
        fd = do_open(&box, "/hello", O_WRONLY | O_TRUNC, 0);
        CHECK_INT(RAW(&box, SYS_write, fd, at(0), 0x10000), 0x10000);
        CHECK_INT(RAW(&box, SYS_write, fd, at(0), 0x10000), 100000 - 0x10000);
        CHECK_INT(RAW(&box, SYS_write, fd, at(0), 0x10000), -ENOSPC);
        CHECK_INT(RAW(&box, SYS_mkdir, raw_text(&box, 0, "/more"), 0777), -ENOSPC);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    close_tree(&box, &tree);
}

TEST(files, open_ones_are_bounded)
{
    struct tree tree;
    struct box box;
    mote_value result;

    make_tree(&tree);
    raw_open(&box);
    grant_dir(&box, tree.path, "/", MOTE_GRANT_READ);
    set_option(&box, MOTE_OPT_OPEN_FILES, 10);
    raw_start(&box);
    for (int i = 0; i < 20; i++) {
        must_call(&box, "repeat",
                  ARGS(v_u64(50), v_i64(-EMFILE), v_u64(SYS_open),
                       v_u64(raw_text(&box, 0, "/hello")), v_u64(O_RDONLY), v_u64(0)),
                  &result);
        CHECK_INT(result.of.u64, 40);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    close_tree(&box, &tree);
}

/* ---- locks ------------------------------------------------------------------ */

static int64_t record_lock(struct box *box, int64_t fd, int command, int type, int64_t start,
                           int64_t length)
{
    struct flock l = {.l_type = (short)type, .l_start = start, .l_len = length};

    raw_put(box, 0, &l, sizeof(l));
    return RAW(box, SYS_fcntl, fd, command, at(0));
}

TEST(files, locks)
{
    struct tree tree;
    struct flock l;
    struct box box;
    int64_t first, second;

    open_tree(&box, &tree, BOTH);
    first = do_open(&box, "/data/hello", O_RDWR, 0);
    second = do_open(&box, "/data/hello", O_RDWR, 0);
    CHECK_INT(record_lock(&box, first, F_SETLK, F_WRLCK, 4, 4), 0);
    CHECK_INT(record_lock(&box, second, F_SETLK, F_RDLCK, 0, 5), -EAGAIN);
    CHECK_INT(record_lock(&box, second, F_SETLK, F_RDLCK, 0, 4), 0);
    CHECK_INT(record_lock(&box, second, F_GETLK, F_WRLCK, 0, 0), 0);
    raw_get(&box, 0, &l, sizeof(l));
    CHECK_INT(l.l_type, F_WRLCK);
    CHECK_INT(record_lock(&box, first, F_SETLK, F_UNLCK, 0, 0), 0);
    CHECK_INT(record_lock(&box, second, F_SETLK, F_WRLCK, 0, 0), 0);
    CHECK_INT(record_lock(&box, second, F_SETLK, 77, 0, 0), -EINVAL);
    CHECK_INT(record_lock(&box, second, F_SETLK, F_WRLCK, -5, 0), -EINVAL);
    CHECK_INT(record_lock(&box, second, F_SETLK, F_WRLCK, INT64_MAX, INT64_MAX), -EINVAL);
    /* who waits is stopped like any other */
    CHECK_CODE(raw_fails(&box, SECOND / 10, SYS_flock, (uint64_t)first, LOCK_EX, 0),
               MOTE_EDEADLINE);
    expect_alive(&box);
    close_tree(&box, &tree);
}

/* ---- devices ------------------------------------------------------------------ */

TEST(files, devices)
{
    unsigned char bytes[16];
    struct box box;

    raw_open(&box);
    set_option(&box, MOTE_OPT_RANDOM, MOTE_RANDOM_SEEDED);
    raw_start(&box);
    CHECK_INT(do_open(&box, "/dev/null", O_RDWR, 0), 0);
    CHECK_INT(RAW(&box, SYS_write, 0, at(0), 50000), 50000);
    CHECK_INT(RAW(&box, SYS_write, 0, 8, 16), -EFAULT);
    CHECK_INT(RAW(&box, SYS_read, 0, at(0), 100), 0);
    CHECK_INT(do_open(&box, "/dev/urandom", O_RDONLY, 0), 1);
    CHECK_INT(RAW(&box, SYS_read, 1, at(0), 16), 16);
    raw_get(&box, 0, bytes, 16);
    CHECK(memcmp(bytes, bytes + 8, 8) != 0);
    CHECK_INT(RAW(&box, SYS_write, 1, at(0), 16), -EBADF);
    CHECK_INT(do_open(&box, "/dev/zero", O_RDONLY, 0), -ENOSYS);
    box_close(&box);
}
