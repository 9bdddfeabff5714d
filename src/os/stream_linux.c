/* SPDX-License-Identifier: Apache-2.0 */
#include "os/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os/seam.h"

/* ---- opening ---- */

/* The same pipe or terminal with file status flags of our own. */
static int open_again(int fd, bool readable, bool writable)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/thread-self/fd/%d", fd);
    int access = !writable ? O_RDONLY : readable ? O_RDWR : O_WRONLY;
    return open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* To open a master again would make a new terminal. */
static bool is_terminal_slave(int fd)
{
    unsigned number;
    return isatty(fd) && ioctl(fd, TIOCGPTN, &number) < 0;
}

static bool is_null_device(const struct stat *st)
{
    struct stat null;
    return S_ISCHR(st->st_mode) && stat("/dev/null", &null) == 0 && null.st_rdev == st->st_rdev;
}

static int duplicate(struct mote__host_stream *stream, int fd, enum mote__host_kind kind)
{
    stream->kind = kind;
    stream->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return stream->fd < 0 ? -errno : 0;
}

static int check_access(int fd, bool readable, bool writable)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    int access = flags & O_ACCMODE;
    bool fits = flags & O_PATH
                    ? false
                    : !(readable && access == O_WRONLY) && !(writable && access == O_RDONLY);
    return fits ? 0 : -EBADF;
}

int mote__stream_open(struct mote__host_stream *stream, int fd, bool readable, bool writable)
{
    MOTE__SEAM("dup");
    struct stat st;
    int status = check_access(fd, readable, writable);
    if (status || fstat(fd, &st) < 0)
        return status ? status : -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (S_ISSOCK(st.st_mode))
        return duplicate(stream, fd, MOTE__HOST_SOCKET);
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) || is_null_device(&st))
        return duplicate(stream, fd, MOTE__HOST_INSTANT);
    bool can = S_ISFIFO(st.st_mode) || is_terminal_slave(fd);
    stream->fd = can ? open_again(fd, readable, writable) : -1;
    stream->kind = MOTE__HOST_INSTANT;
    return stream->fd >= 0 ? 0 : duplicate(stream, fd, MOTE__HOST_POLLED);
}

/* ---- reading and writing ---- */

static int64_t again_as_one(int64_t n)
{
    if (n >= 0)
        return n;
    return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
}

static bool is_ready(int fd, short events)
{
    struct pollfd one = {fd, events, 0};
    return poll(&one, 1, 0) > 0;
}

int64_t mote__stream_read(const struct mote__host_stream *stream, void *data, size_t size)
{
    MOTE__SEAM("read");
    if (stream->kind == MOTE__HOST_SOCKET)
        return again_as_one(recv(stream->fd, data, size, MSG_DONTWAIT));
    if (stream->kind == MOTE__HOST_POLLED && !is_ready(stream->fd, POLLIN))
        return -EAGAIN;
    return again_as_one(read(stream->fd, data, size));
}

/* Writes with the signals held back that a write can raise, and takes away the one that it did:
 * SIGPIPE, and SIGXFSZ where the process has a limit on the size of files. */
static int64_t write_quietly(int fd, const void *data, size_t size)
{
    sigset_t both, old, before;
    sigemptyset(&both);
    sigaddset(&both, SIGPIPE);
    sigaddset(&both, SIGXFSZ);
    sigpending(&before);
    pthread_sigmask(SIG_BLOCK, &both, &old);
    int64_t n = write(fd, data, size);
    int error = errno;
    int raised = n >= 0 ? 0 : error == EPIPE ? SIGPIPE : error == EFBIG ? SIGXFSZ : 0;
    if (raised && !sigismember(&before, raised)) {
        static const struct timespec now;
        sigemptyset(&both);
        sigaddset(&both, raised);
        while (sigtimedwait(&both, NULL, &now) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = error;
    return n;
}

int64_t mote__stream_write(const struct mote__host_stream *stream, const void *data, size_t size)
{
    MOTE__SEAM("write");
    if (stream->kind == MOTE__HOST_SOCKET)
        return again_as_one(send(stream->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (stream->kind == MOTE__HOST_POLLED) {
        if (!is_ready(stream->fd, POLLOUT))
            return -EAGAIN;
        size = size < PIPE_BUF ? size : PIPE_BUF; /* what a pipe that is ready takes at once */
    }
    return again_as_one(write_quietly(stream->fd, data, size));
}

/* ---- waiting ---- */

static int sleep_in_poll(struct pollfd *fds, size_t count, uint64_t ns, const sigset_t *mask)
{
    struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    int n = ppoll(fds, (nfds_t)count, ns == UINT64_MAX ? NULL : &t, mask);
    return n < 0 ? -errno : n;
}

int mote__wait(struct pollfd *fds, size_t count, uint64_t ns, int signal,
               bool (*stopped)(const void *user), const void *user)
{
    sigset_t one, old;
    sigemptyset(&one);
    sigaddset(&one, signal);
    pthread_sigmask(SIG_BLOCK, &one, &old);
    int status = stopped(user) ? -EINTR : sleep_in_poll(fds, count, ns, &old);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return status;
}
