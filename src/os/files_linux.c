/* SPDX-License-Identifier: Apache-2.0 */
#include "os/files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/seam.h"

static int result(long value)
{
    return value < 0 ? -errno : (int)value;
}

/* A rename that goes on meanwhile can make the kernel unsure; not for ever. */
#define TRIES     100

#define COPY_STEP ((size_t)1 << 30)

int mote__open_root(const char *path)
{
    MOTE__SEAM("open");
    return result(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

int mote__open_beneath(int dir, const char *path, int flags, unsigned mode)
{
    MOTE__SEAM("openat2");
#if defined(MOTE_CONTROL_NO_BENEATH)
    return result(openat(dir, path, flags | O_CLOEXEC, mode));
#endif
    struct open_how how = {.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
                           .mode = flags & O_CREAT ? mode : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = -EAGAIN;
    for (int i = 0; i < TRIES && fd == -EAGAIN; i++)
        fd = result(syscall(SYS_openat2, dir, path, &how, sizeof how));
    return fd;
}

static void proc_path(char *path, size_t size, int fd)
{
    snprintf(path, size, "/proc/thread-self/fd/%d", fd);
}

int mote__open_again(int fd, int flags)
{
    MOTE__SEAM("open");
    char path[40];
    proc_path(path, sizeof path, fd);
    /* Without waiting: a lease that another process holds on the file is EAGAIN. */
    return result(open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

int mote__open_listing(int dir)
{
    MOTE__SEAM("open");
    return result(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

int mote__open_folder(const char *path)
{
    MOTE__SEAM("open");
    return result(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

int mote__create_at(int dir, const char *name)
{
    MOTE__SEAM("open");
    return result(openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

/* How far the host may write: beyond it the kernel sends SIGXFSZ. */
static uint64_t file_size_limit(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 ? limit.rlim_cur : INT64_MAX;
}

static int copy_whole(int to, int from, uint64_t size)
{
    off_t at = 0;
    while ((uint64_t)at < size) {
        size_t left = (size_t)(size - (uint64_t)at);
        ssize_t n = sendfile(to, from, &at, left < COPY_STEP ? left : COPY_STEP);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return -EIO;
    }
    return 0;
}

static int copy_and_seal(int to, int from, uint64_t size)
{
    int status = copy_whole(to, from, size);
    if (!status)
        status = result(ftruncate(to, (off_t)mote__align_up(size, MOTE__PAGE)));
    if (!status)
        status = result(
            fcntl(to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW));
    return status;
}

int mote__sealed_copy(int from, const char *name, uint64_t size)
{
    MOTE__SEAM("memfd_create");
    if (mote__align_up(size, MOTE__PAGE) > file_size_limit())
        return -EFBIG;
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int status = copy_and_seal(fd, from, size);
    if (!status)
        return fd;
    close(fd);
    return status;
}

int mote__fd_status(int fd, struct stat *status)
{
    MOTE__SEAM("fstat");
    return result(fstat(fd, status));
}

int mote__fd_access(int fd, int mode)
{
    MOTE__SEAM("faccessat2");
    return result(syscall(SYS_faccessat2, fd, "", mode, AT_EMPTY_PATH | AT_EACCESS));
}

int mote__fd_chmod(int fd, unsigned mode)
{
    MOTE__SEAM("chmod");
    char path[40];
    proc_path(path, sizeof path, fd);
    return result(chmod(path, mode));
}

int mote__fd_times(int fd, const struct timespec times[2])
{
    MOTE__SEAM("utimensat");
    return result(utimensat(fd, "", times, AT_EMPTY_PATH));
}

int64_t mote__fd_readlink(int fd, char *target, size_t size)
{
    MOTE__SEAM("readlinkat");
    return result(readlinkat(fd, "", target, size));
}

int mote__fd_sync(int fd)
{
    MOTE__SEAM("fsync");
    return result(fsync(fd));
}

int mote__fd_truncate(int fd, uint64_t size)
{
    MOTE__SEAM("ftruncate");
    if (size > file_size_limit())
        return -EFBIG;
    return result(ftruncate(fd, (off_t)size));
}

static int64_t result64(ssize_t n)
{
    return n < 0 ? -errno : n;
}

int64_t mote__fd_read(int fd, void *data, size_t size, uint64_t offset)
{
    MOTE__SEAM("pread");
    return result64(pread(fd, data, size, (off_t)offset));
}

int64_t mote__fd_write(int fd, const void *data, size_t size, uint64_t offset)
{
    MOTE__SEAM("pwrite");
    uint64_t limit = file_size_limit();
    if (size && offset >= limit)
        return -EFBIG;
    size = size < limit - offset ? size : (size_t)(limit - offset);
    return result64(pwrite(fd, data, size, (off_t)offset));
}

int64_t mote__fd_append(int fd, const void *data, size_t size, uint64_t size_now)
{
    /* Under a limit the file must not grow unseen between the question and the write. */
    if (file_size_limit() < INT64_MAX)
        return mote__fd_write(fd, data, size, size_now);
    MOTE__SEAM("pwrite");
    struct iovec vector = {(void *)(uintptr_t)data, size};
    return result64(pwritev2(fd, &vector, 1, 0, RWF_APPEND));
}

static struct flock whole_lock(int type, uint64_t start, uint64_t size)
{
    return (struct flock){
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = (off_t)start, .l_len = (off_t)size};
}

int mote__fd_lock(int fd, int type, uint64_t start, uint64_t size)
{
    MOTE__SEAM("fcntl");
    struct flock lock = whole_lock(type, start, size);
    return result(fcntl(fd, F_OFD_SETLK, &lock));
}

int mote__fd_lock_test(int fd, int type, uint64_t start, uint64_t size)
{
    MOTE__SEAM("fcntl");
    struct flock lock = whole_lock(type, start, size);
    return fcntl(fd, F_OFD_GETLK, &lock) < 0 ? -errno : lock.l_type;
}

int64_t mote__fd_entries(int fd, void *buffer, size_t size)
{
    MOTE__SEAM("getdents64");
    return result64(syscall(SYS_getdents64, fd, buffer, size));
}

int mote__fd_seek(int fd, uint64_t offset)
{
    MOTE__SEAM("lseek");
    return lseek(fd, (off_t)offset, SEEK_SET) < 0 ? -errno : 0;
}

int mote__make_directory_at(int dir, const char *name, unsigned mode)
{
    MOTE__SEAM("mkdirat");
    return result(mkdirat(dir, name, mode));
}

int mote__remove_at(int dir, const char *name, int flags)
{
    MOTE__SEAM("unlinkat");
    return result(unlinkat(dir, name, flags));
}

int mote__rename_at(int from, const char *name, int to, const char *new_name, unsigned flags)
{
    MOTE__SEAM("renameat2");
    return result(syscall(SYS_renameat2, from, name, to, new_name, flags));
}
