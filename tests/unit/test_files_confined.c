/* SPDX-License-Identifier: Apache-2.0 */
/* The file layer lets nothing out, opens no special file, waits for nothing. Built once more
 * without RESOLVE_BENEATH (tests/controls), where these tests must fail. */
#include "files_support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define READ   MOTE__OPEN_READ
#define WRITE  MOTE__OPEN_WRITE
#define CREATE (MOTE__OPEN_WRITE | MOTE__OPEN_CREATE)

/* ---- symlinks and `..` ---- */

/* Nothing outside was made, changed or removed. */
static void assert_outside_untouched(const struct world *w)
{
    struct stat st;
    assert_host_text(w, "outside/secret", "secret");
    assert_return_code(stat(host_path(w, "outside/secret"), &st), errno);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_not_equal(st.st_mtime, 1);
    assert_return_code(stat(host_path(w, "outside"), &st), errno);
    assert_int_equal(st.st_nlink, 2);
    assert_int_not_equal(access(host_path(w, "outside/new"), F_OK), 0);
}

/* Everything that can be tried with a path to the secret; all must fail. */
static void assert_no_way(struct world *w, const char *path)
{
    static const struct mote__file_times times = {MOTE__TIME_SET, MOTE__TIME_SET, 1000000000,
                                                  1000000000};
    struct mote__place place, here;
    struct mote__file_status status;
    assert_true(try_open(w, path, READ) < 0);
    assert_true(try_open(w, path, READ | WRITE) < 0);
    assert_true(try_open(w, path, CREATE) < 0);
    assert_true(try_open(w, path, CREATE | MOTE__OPEN_TRUNCATE) < 0);
    if (find(w, &place, path))
        return; /* nothing is granted there */
    assert_true(mote__place_status(&place, true, &status) < 0);
    assert_true(mote__place_access(&place, 0) < 0);
    assert_true(mote__place_truncate(&place, 0, &w->left) < 0);
    assert_true(mote__place_chmod(&place, 0777) < 0);
    assert_true(mote__place_times(&place, true, &times) < 0);
    assert_true(mote__place_mkdir(&place, 0755, &w->left) < 0);
    assert_true(mote__place_rmdir(&place) < 0);
    assert_int_equal(find(w, &here, "taken"), 0);
    assert_true(mote__place_rename(&place, &here, false) < 0);
}

static void test_symlinks_lead_nowhere(void **state)
{
    struct world *w = *state;
    char secret[256];
    snprintf(secret, sizeof secret, "%s/outside/secret", w->top);
    make_link(w, "in/absolute", secret);
    make_link(w, "in/relative", "../outside/secret");
    make_link(w, "in/chain", "chain2");
    make_link(w, "in/chain2", "dir/chain3");
    make_link(w, "in/dir/chain3", "deep/../../../outside/secret");
    make_link(w, "in/loop", "loop");
    assert_no_way(w, "absolute");
    assert_no_way(w, "relative");
    assert_no_way(w, "chain");
    assert_no_way(w, "loop");
    assert_int_equal(try_open(w, "absolute", READ), -EPERM);
    assert_int_equal(try_open(w, "relative", READ), -EPERM);
    assert_int_equal(try_open(w, "chain", READ), -EPERM);
    assert_int_equal(try_open(w, "loop", READ), -ELOOP);
    assert_int_equal(try_open(w, "relative", READ | MOTE__OPEN_NOFOLLOW), -ELOOP);
    assert_outside_untouched(w);
}

static void test_directory_symlinks_lead_nowhere(void **state)
{
    struct world *w = *state;
    struct mote__place out, hello;
    make_link(w, "in/out", "../outside");
    make_link(w, "in/up", "..");
    make_link(w, "in/root", "/");
    assert_no_way(w, "out/secret");
    assert_no_way(w, "up/outside/secret");
    assert_no_way(w, "root/etc/passwd");
    assert_no_way(w, "out/new");
    assert_int_equal(find(w, &out, "out/secret"), 0);
    assert_int_equal(mote__place_unlink(&out), -EPERM);
    assert_int_equal(find(w, &out, "out/new"), 0);
    assert_int_equal(find(w, &hello, "hello"), 0);
    assert_int_equal(mote__place_rename(&hello, &out, false), -EPERM);
    assert_int_equal(try_open(w, "out", READ), -EPERM);
    assert_int_equal(try_open(w, "out/", READ), -EPERM);
    assert_outside_untouched(w);
}

static void test_dots_lead_nowhere(void **state)
{
    struct world *w = *state;
    static const char *const paths[] = {
        "../outside/secret",          "/data/../outside/secret",   "dir/../../outside/secret",
        "/data/dir/../../../outside", "../../../../etc/passwd",    "./.././outside/secret",
        "/data//..//outside/secret",  "dir/deep/../../../outside", "..",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths - 1; i++)
        assert_no_way(w, paths[i]);
    /* Of a directory that is open, beneath the mount, too. */
    struct mote__place place;
    struct mote__file *dir = must_open(w, "dir", READ), *file;
    int status = mote__place_find(&place, &w->mounts, "/", dir, "../../outside/secret", 20);
    assert_true(status || mote__file_open(&file, &place, READ, 0, &w->left));
    mote__file_unref(dir);
    assert_outside_untouched(w);
}

static void test_symlinks_within_work(void **state)
{
    struct world *w = *state;
    struct mote__place place;
    struct mote__file_status status;
    char target[8];
    make_link(w, "in/inner", "dir/deep");
    make_link(w, "in/dir/back", "../hello");
    assert_int_equal(try_open(w, "inner/file", READ), 0);
    assert_int_equal(try_open(w, "dir/back", READ | WRITE), 0);
    assert_int_equal(find(w, &place, "dir/back"), 0);
    assert_int_equal(mote__place_status(&place, true, &status), 0);
    assert_int_equal(status.kind, MOTE__KIND_FILE);
    assert_int_equal(mote__place_status(&place, false, &status), 0);
    assert_int_equal(status.kind, MOTE__KIND_SYMLINK);
    assert_int_equal(mote__place_readlink(&place, target, sizeof target), 8);
    assert_memory_equal(target, "../hello", 8);
    /* From the read-only mount it leads out of what is granted there. */
    make_link(w, "in/ro/back", "../hello");
    assert_int_equal(try_open(w, "/ro/back", READ), -EPERM);
}

static void test_symlinks_do_not_move(void **state)
{
    struct world *w = *state;
    struct mote__place from, to;
    make_link(w, "in/dir/back", "../hello");
    assert_int_equal(find(w, &from, "dir/back"), 0);
    assert_int_equal(find(w, &to, "back"), 0);
    assert_int_equal(mote__place_rename(&from, &to, false), -EPERM);
    assert_int_equal(mote__place_unlink(&from), 0);
}

static void test_nothing_is_made_through_a_dangling_symlink(void **state)
{
    struct world *w = *state;
    make_link(w, "in/dangling", "../outside/new");
    make_link(w, "in/within", "not-there");
    assert_int_equal(try_open(w, "dangling", CREATE), -EPERM);
    assert_int_equal(try_open(w, "dangling", CREATE | MOTE__OPEN_EXCLUSIVE), -EEXIST);
    assert_int_equal(try_open(w, "within", CREATE), -ELOOP);
    assert_outside_untouched(w);
}

/* ---- links of /proc ---- */

static void test_magic_links_are_refused(void **state)
{
    struct world *w = *state;
    mote_error e = MOTE_ERROR_INIT;
    assert_int_equal(mote__mounts_add_directory(&w->mounts, "/proc/self", "/proc", true, &e), 0);
    static const char *const paths[] = {"/proc/root/etc/passwd", "/proc/cwd", "/proc/exe",
                                        "/proc/fd/0", "/proc/task/../root"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(try_open(w, paths[i], READ), -ELOOP);
    make_link(w, "in/magic", "/proc/self/root/etc/passwd");
    make_link(w, "in/magic2", "/proc/self/fd/0");
    assert_no_way(w, "magic");
    assert_no_way(w, "magic2");
}

/* ---- special files ---- */

static void assert_never_opened(struct world *w, const char *path)
{
    struct mote__place place;
    struct mote__file_status status;
    assert_int_equal(try_open(w, path, READ), -EACCES);
    assert_int_equal(try_open(w, path, WRITE), -EACCES);
    assert_int_equal(try_open(w, path, READ | WRITE), -EACCES);
    assert_int_equal(try_open(w, path, CREATE | MOTE__OPEN_TRUNCATE), -EACCES);
    assert_int_equal(try_open(w, path, READ | MOTE__OPEN_DIRECTORY), -ENOTDIR);
    assert_int_equal(find(w, &place, path), 0);
    assert_int_equal(mote__place_status(&place, true, &status), 0);
    assert_int_equal(status.kind, MOTE__KIND_OTHER);
    assert_int_equal(mote__place_chmod(&place, 0777), -EPERM);
    assert_int_equal(mote__place_truncate(&place, 0, &w->left), -EACCES);
}

static void test_fifos_are_refused(void **state)
{
    struct world *w = *state;
    assert_return_code(mkfifo(host_path(w, "in/fifo"), 0666), errno);
    make_link(w, "in/to-fifo", "fifo");
    alarm(20); /* would end the test, were it to wait */
    assert_never_opened(w, "fifo");
    assert_int_equal(try_open(w, "to-fifo", READ), -EACCES);
    alarm(0);
    /* A reader that came and went would have been seen: */
    int reader = open(host_path(w, "in/fifo"), O_RDONLY | O_NONBLOCK);
    int writer = open(host_path(w, "in/fifo"), O_WRONLY | O_NONBLOCK);
    assert_never_opened(w, "fifo");
    assert_int_equal(write(writer, "x", 1), 1);
    char c;
    assert_int_equal(read(reader, &c, 1), 1);
    close(reader);
    close(writer);
}

static void test_devices_are_refused(void **state)
{
    struct world *w = *state;
    mote_error e = MOTE_ERROR_INIT;
    assert_int_equal(mote__mounts_add_directory(&w->mounts, "/dev", "/dev", true, &e), 0);
    assert_never_opened(w, "/dev/null");
    assert_never_opened(w, "/dev/zero");
}

static void test_sockets_are_refused(void **state)
{
    struct world *w = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", host_path(w, "in/socket"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof address), errno);
    assert_never_opened(w, "socket");
    close(fd);
}

/* ---- names ---- */

static void test_long_names(void **state)
{
    struct world *w = *state;
    struct mote__place place;
    char path[3 * MOTE__PATH_MAX];
    memset(path, 'n', sizeof path);
    assert_int_equal(mote__place_find(&place, &w->mounts, "/data", NULL, path, 255), 0);
    struct mote__file *file;
    assert_int_equal(mote__file_open(&file, &place, CREATE, 0644, &w->left), 0);
    mote__file_unref(file);
    assert_int_equal(mote__place_find(&place, &w->mounts, "/data", NULL, path, 256), -ENAMETOOLONG);
    for (size_t i = 0; i < sizeof path; i += 2)
        path[i] = '/';
    /* 2 bytes each behind "/data": 2045 components are the last that leave room for the NUL. */
    assert_int_equal(mote__place_find(&place, &w->mounts, "/data", NULL, path + 1, 2 * 2045 - 1),
                     0);
    assert_int_equal(mote__place_find(&place, &w->mounts, "/data", NULL, path + 1, 2 * 2046 - 1),
                     -ENAMETOOLONG);
    assert_int_equal(mote__place_find(&place, &w->mounts, "/data", NULL, path, sizeof path),
                     -ENAMETOOLONG);
    for (size_t i = 1; i < sizeof path; i += 2)
        path[i] = '.';
    assert_int_equal(mote__place_find(&place, &w->mounts, "/data", NULL, path, sizeof path), 0);
    assert_string_equal(place.guest, "/");
}

static void test_odd_names(void **state)
{
    struct world *w = *state;
    struct mote__place place;
    static const char *const names[] = {"...",      " ",    "a\nb", "\x1b[31m",
                                        "\xff\xfe", "a\\b", "..a",  "*"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(try_open(w, names[i], CREATE), 0);
        assert_int_equal(find(w, &place, names[i]), 0);
        assert_string_equal(place.rest, names[i]);
        assert_int_equal(mote__place_unlink(&place), 0);
    }
    assert_int_equal(mote__place_find(&place, &w->mounts, "/data", NULL, "hello\0x", 7), -EINVAL);
    assert_int_equal(mote__place_find(&place, &w->mounts, "/data", NULL, "\0", 1), -EINVAL);
    assert_int_equal(mote__place_find(&place, &w->mounts, "/data", NULL, "hello-and-more", 5), 0);
    assert_string_equal(place.rest, "hello");
}

/* ---- races ---- */

static struct {
    char one[512], other[512];
    pthread_t thread;
    bool runs;
    _Atomic bool stop;
} swapper;

static void *swap(void *argument)
{
    (void)argument;
    while (!atomic_load(&swapper.stop))
        syscall(SYS_renameat2, AT_FDCWD, swapper.one, AT_FDCWD, swapper.other,
                2 /* RENAME_EXCHANGE */);
    return NULL;
}

/* Lets two names exchange what they mean, again and again, until the test ends. */
static void swap_in(const struct world *w, const char *one, const char *other)
{
    snprintf(swapper.one, sizeof swapper.one, "%s", host_path(w, one));
    snprintf(swapper.other, sizeof swapper.other, "%s", host_path(w, other));
    atomic_store(&swapper.stop, false);
    assert_int_equal(pthread_create(&swapper.thread, NULL, swap, NULL), 0);
    swapper.runs = true;
}

/* Also when the test failed. */
static int race_teardown(void **state)
{
    atomic_store(&swapper.stop, true);
    if (swapper.runs)
        pthread_join(swapper.thread, NULL);
    swapper.runs = false;
    return world_teardown(state);
}

static void assert_decoy(struct mote__file *file)
{
    char text[16] = {0};
    assert_int_equal(mote__file_read(file, text, sizeof text - 1), 5);
    assert_string_equal(text, "decoy");
}

static void use_swapped(struct world *w, const char *path)
{
    struct mote__place place;
    struct mote__file *file;
    if (open_guest(w, &file, path, READ) == 0) {
        assert_decoy(file);
        mote__file_unref(file);
    }
    assert_int_equal(find(w, &place, "swapped/new"), 0);
    if (mote__file_open(&file, &place, CREATE, 0644, &w->left) == 0)
        mote__file_unref(file);
    mote__place_unlink(&place);
    if (mote__place_mkdir(&place, 0755, &w->left) == 0)
        mote__place_rmdir(&place);
    assert_int_equal(find(w, &place, "swapped/secret"), 0);
    mote__place_chmod(&place, 0644);
}

static void test_a_symlink_swapped_in_is_no_way(void **state)
{
    struct world *w = *state;
    make_dir(w, "in/swapped");
    make_file(w, "in/swapped/secret", "decoy");
    make_link(w, "in/link", "../outside");
    make_file(w, "outside/hello", "outer");
    swap_in(w, "in/swapped", "in/link");
    for (int i = 0; i < 3000; i++)
        use_swapped(w, i % 2 ? "swapped/secret" : "swapped/../swapped/./secret");
    assert_outside_untouched(w);
}

/* The same with a file: opened is what was found and checked, whatever has its name by then. */
static void test_a_fifo_swapped_in_is_not_opened(void **state)
{
    struct world *w = *state;
    make_file(w, "in/swapped", "decoy");
    assert_return_code(mkfifo(host_path(w, "in/fifo"), 0666), errno);
    swap_in(w, "in/swapped", "in/fifo");
    alarm(60);
    for (int i = 0; i < 3000; i++) {
        struct mote__file *file;
        int status = open_guest(w, &file, "swapped", READ);
        assert_true(status == 0 || status == -EACCES);
        if (!status)
            assert_decoy(file);
        mote__file_unref(file);
    }
    alarm(0);
}

/* ---- the host's own limits ---- */

static void test_the_limit_on_file_sizes_is_no_signal(void **state)
{
    struct world *w = *state;
    struct rlimit old, low = {100, RLIM_INFINITY};
    struct mote__file *f = must_open(w, "hello", READ | WRITE);
    struct mote__file *a = must_open(w, "hello", WRITE | MOTE__OPEN_APPEND);
    assert_return_code(getrlimit(RLIMIT_FSIZE, &old), errno);
    low.rlim_max = old.rlim_max;
    assert_return_code(setrlimit(RLIMIT_FSIZE, &low), errno);
    char data[64] = {0}; /* SIGXFSZ would end the test */
    assert_int_equal(mote__file_pwrite(f, data, 64, 100, &w->left), -EFBIG);
    assert_int_equal(mote__file_pwrite(f, data, 64, 60, &w->left), 40);
    assert_int_equal(mote__file_write(a, data, 1, &w->left), -EFBIG);
    assert_int_equal(mote__file_truncate(f, 101, &w->left), -EFBIG);
    assert_int_equal(mote__file_truncate(f, 90, &w->left), 0);
    assert_int_equal(mote__file_write(a, data, 64, &w->left), 10);
    assert_return_code(setrlimit(RLIMIT_FSIZE, &old), errno);
    mote__file_unref(a);
    mote__file_unref(f);
}

int main(void)
{
#define T(f)    cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
#define RACE(f) cmocka_unit_test_setup_teardown(f, world_setup, race_teardown)
    const struct CMUnitTest tests[] = {
        T(test_symlinks_lead_nowhere),
        T(test_directory_symlinks_lead_nowhere),
        T(test_dots_lead_nowhere),
        T(test_symlinks_within_work),
        T(test_symlinks_do_not_move),
        T(test_nothing_is_made_through_a_dangling_symlink),
        T(test_magic_links_are_refused),
        T(test_fifos_are_refused),
        T(test_devices_are_refused),
        T(test_sockets_are_refused),
        T(test_long_names),
        T(test_odd_names),
        RACE(test_a_symlink_swapped_in_is_no_way),
        RACE(test_a_fifo_swapped_in_is_not_opened),
        T(test_the_limit_on_file_sizes_is_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
