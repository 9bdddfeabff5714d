/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program of world.c: uses every service that a policy can grant. The host's system calls fail
 * in turn, and then the guest gets an error; each step is tried a few times, and is written such
 * that a step done twice is as one done once. The exit status is the number of the step that fails
 * for ever.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mote_guest.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

MOTE_IMPORT(env, wait, u32, u32)

enum { TRIES = 4, PAGE = 4096, LARGE = 600 << 20 };

#define STEP(number, action)       \
    do {                           \
        int tries_ = 0;            \
        while (!(action)) {        \
            if (++tries_ == TRIES) \
                return number;     \
        }                          \
    } while (0)

static int fd = -1;
static char buffer[PAGE];

/* ---- streams ---- */

static bool put(int to, const char *text)
{
    return write(to, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool expect(int from, const char *text)
{
    memset(buffer, 0, sizeof buffer);
    return read(from, buffer, sizeof buffer) == (ssize_t)strlen(text) && strcmp(buffer, text) == 0;
}

static bool wait_for(int from)
{
    struct pollfd one = {from, POLLIN, 0};
    return poll(&one, 1, 1000) == 1;
}

static int use_streams(void)
{
    STEP(1, expect(0, "what the policy gives"));
    STEP(2, put(1, "captured"));
    STEP(3, put(2, "to a callback"));
    STEP(4, expect(3, "from a callback"));
    STEP(5, put(5, "through a pipe"));
    STEP(6, wait_for(6));
    STEP(7, expect(6, "through a pipe"));
    STEP(8, put(7, "to a file"));
    return 0;
}

/* ---- files ---- */

static bool open_as(const char *path, int flags)
{
    fd = open(path, flags, 0600);
    return fd >= 0;
}

static bool closed(void)
{
    return close(fd) == 0;
}

static bool done(int status, int twice)
{
    return status == 0 || errno == twice;
}

static bool moved(const char *from, const char *to)
{
    struct stat st;
    return rename(from, to) == 0 || (errno == ENOENT && stat(to, &st) == 0);
}

static bool holds(const char *text)
{
    memset(buffer, 0, sizeof buffer);
    return pread(fd, buffer, sizeof buffer, 0) == (ssize_t)strlen(text) &&
           strcmp(buffer, text) == 0;
}

static bool is_size(off_t size)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_size == size;
}

static bool locked(short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    return fcntl(fd, F_SETLK, &lock) == 0;
}

static bool lock_is_free(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

static int write_file(void)
{
    STEP(10, open_as("/data/file", O_RDWR | O_CREAT | O_TRUNC));
    STEP(11, pwrite(fd, "0123456789", 10, 0) == 10);
    STEP(12, holds("0123456789"));
    STEP(13, ftruncate(fd, 5) == 0);
    STEP(14, is_size(5));
    STEP(15, fsync(fd) == 0);
    STEP(16, lseek(fd, 0, SEEK_END) == 5);
    STEP(17, locked(F_WRLCK) && lock_is_free() && locked(F_UNLCK));
    STEP(18, closed());
    STEP(19, open_as("/data/file", O_WRONLY | O_APPEND));
    STEP(20, put(fd, "abc"));
    STEP(21, closed());
    return 0;
}

static bool lists(const char *path, const char *name)
{
    bool found = false;
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    while (readdir(dir))
        continue;
    rewinddir(dir);
    for (struct dirent *e; (e = readdir(dir));)
        found |= strcmp(e->d_name, name) == 0;
    closedir(dir);
    return found;
}

static int move_file(void)
{
    const struct timespec times[2] = {{1000, 0}, {2000, 0}};
    STEP(30, done(mkdir("/data/dir", 0700), EEXIST));
    STEP(31, moved("/data/file", "/data/dir/moved"));
    STEP(32, lists("/data/dir", "moved"));
    STEP(33, access("/data/dir/moved", R_OK | W_OK) == 0);
    STEP(34, chmod("/data/dir/moved", 0400) == 0);
    STEP(35, utimensat(AT_FDCWD, "/data/dir/moved", times, 0) == 0);
    STEP(36, readlink("/data/link", buffer, sizeof buffer) == 9);
    STEP(37, open_as("/data/link", O_RDONLY));
    STEP(38, holds("01234abc"));
    STEP(39, closed());
    STEP(40, done(unlink("/data/dir/moved"), ENOENT));
    STEP(41, done(rmdir("/data/dir"), ENOENT));
    return 0;
}

/* ---- memory ---- */

static bool map(uint8_t **at, size_t size, int file)
{
    int flags = MAP_PRIVATE | (file < 0 ? MAP_ANONYMOUS : 0);
    *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, file, 0);
    return *at != MAP_FAILED;
}

static bool unmap(uint8_t *at, size_t size)
{
    return munmap(at, size) == 0 || errno == EINVAL;
}

static int use_memory(void)
{
    uint8_t *at;
    STEP(50, map(&at, LARGE, -1));
    at[0] = at[LARGE - 1] = 1;
    STEP(51, mprotect(at, LARGE / 2, PROT_READ) == 0);
    STEP(52, unmap(at, LARGE));
    STEP(53, open_as("/granted", O_RDONLY));
    STEP(54, map(&at, PAGE, fd));
    if (memcmp(at, "a granted file", 14) != 0)
        return 55;
    at[0] = 'A';
    STEP(56, holds("a granted file"));
    STEP(57, unmap(at, PAGE));
    STEP(58, closed());
    return 0;
}

/* ---- the rest ---- */

static bool answers(uint32_t wanted)
{
    uint32_t answer = 0;
    return env_wait(&answer, 1) == 0 && answer == wanted;
}

static bool is_refused(void)
{
    uint32_t answer = 0;
    return env_wait(&answer, 2) != 0;
}

static int use_rest(void)
{
    const struct timespec soon = {0, 1000};
    struct timespec now;
    STEP(60, clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec > 1000000);
    STEP(61, getrandom(buffer, 32, 0) == 32);
    STEP(62, nanosleep(&soon, NULL) == 0);
    STEP(63, answers(42));
    STEP(64, is_refused());
    if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
        return 65;
    return 0;
}

int main(void)
{
    int (*const parts[])(void) = {use_streams, write_file, move_file, use_memory, use_rest};
    int failed = 0;
    for (size_t i = 0; !failed && i < sizeof parts / sizeof parts[0]; i++)
        failed = parts[i]();
    return failed;
}
