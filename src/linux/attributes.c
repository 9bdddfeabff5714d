/* SPDX-License-Identifier: Apache-2.0 */
/* What files are: status, access, permission bits, times, size; by path and by descriptor. */
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "linux/internal.h"

#define PERMISSIONS 07777u /* what is beyond 0777 the file layer refuses */

/* ---- status ---- */

static unsigned type_of(enum mote__file_kind kind)
{
    return kind == MOTE__KIND_FILE        ? S_IFREG
           : kind == MOTE__KIND_DIRECTORY ? S_IFDIR
           : kind == MOTE__KIND_SYMLINK   ? S_IFLNK
                                          : S_IFIFO;
}

static void describe_stream(const struct mote__open *open, struct mote__file_status *st,
                            unsigned *mode)
{
    *st = (struct mote__file_status){.links = 1};
    *mode = open->kind == MOTE__FD_STREAM ? S_IFIFO | 0600 : S_IFCHR | 0666;
}

/* Of the descriptor `number`; the mode with its type. */
static int64_t status_of(const mote_sandbox *sandbox, uint64_t number, struct mote__file_status *st,
                         unsigned *mode)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, number);
    if (!open)
        return -EBADF;
    if (open->kind != MOTE__FD_FILE) {
        describe_stream(open, st, mode);
        return 0;
    }
    int status = mote__file_status(open->file, st);
    *mode = status ? 0 : type_of(st->kind) | st->mode;
    return status;
}

/* Whether the path is "" and the flags say that then the descriptor itself is meant. */
static bool is_descriptor(const mote_sandbox *sandbox, uint64_t path, uint64_t flags)
{
    char first;
    return flags & AT_EMPTY_PATH && !mote__linux_get(sandbox, path, &first, 1) && !first;
}

/* Of a path from `directory` on, or of that descriptor. */
static int64_t status_at(mote_sandbox *sandbox, struct mote__syscall *call, uint64_t directory,
                         uint64_t path, uint64_t flags, struct mote__file_status *st,
                         unsigned *mode)
{
    struct mote__place place;
    if (is_descriptor(sandbox, path, flags) && (int32_t)directory != AT_FDCWD)
        return status_of(sandbox, (uint32_t)directory, st, mode);
    int64_t status = mote__linux_place(sandbox, call, directory, path, &place);
    if (!status)
        status = mote__place_status(&place, !(flags & AT_SYMLINK_NOFOLLOW), st);
    *mode = status ? 0 : type_of(st->kind) | st->mode;
    return status;
}

static struct timespec to_timespec(int64_t ns)
{
    int64_t rest = ns % MOTE__SECOND;
    return (struct timespec){ns / MOTE__SECOND - (rest < 0),
                             (long)(rest < 0 ? rest + MOTE__SECOND : rest)};
}

static int64_t put_stat(mote_sandbox *sandbox, const struct mote__file_status *from, unsigned mode,
                        uint64_t address)
{
    struct stat st;
    memset(&st, 0, sizeof st);
    st.st_dev = 1;
    st.st_ino = from->inode;
    st.st_mode = mode;
    st.st_nlink = from->links;
    st.st_uid = st.st_gid = MOTE__LINUX_USER;
    st.st_size = (off_t)from->size;
    st.st_blksize = 4096;
    st.st_blocks = (blkcnt_t)from->blocks;
    st.st_atim = to_timespec(from->accessed_ns);
    st.st_mtim = to_timespec(from->modified_ns);
    st.st_ctim = to_timespec(from->changed_ns);
    return mote__linux_put(sandbox, address, &st, sizeof st);
}

static int64_t stat_at(mote_sandbox *sandbox, struct mote__syscall *call, uint64_t directory,
                       uint64_t path, uint64_t flags, uint64_t address)
{
    struct mote__file_status st;
    unsigned mode;
    int64_t status = status_at(sandbox, call, directory, path, flags, &st, &mode);
    return status ? status : put_stat(sandbox, &st, mode, address);
}

int64_t mote__linux_stat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return stat_at(sandbox, call, (uint64_t)AT_FDCWD, call->args[0], 0, call->args[1]);
}

int64_t mote__linux_lstat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return stat_at(sandbox, call, (uint64_t)AT_FDCWD, call->args[0], AT_SYMLINK_NOFOLLOW,
                   call->args[1]);
}

int64_t mote__linux_newfstatat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return stat_at(sandbox, call, call->args[0], call->args[1], call->args[3], call->args[2]);
}

int64_t mote__linux_fstat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    struct mote__file_status st;
    unsigned mode;
    int64_t status = status_of(sandbox, call->args[0], &st, &mode);
    return status ? status : put_stat(sandbox, &st, mode, call->args[1]);
}

static struct statx_timestamp to_timestamp(int64_t ns)
{
    struct timespec t = to_timespec(ns);
    return (struct statx_timestamp){.tv_sec = t.tv_sec, .tv_nsec = (uint32_t)t.tv_nsec};
}

int64_t mote__linux_statx(mote_sandbox *sandbox, struct mote__syscall *call)
{
    struct mote__file_status st;
    unsigned mode;
    int64_t status =
        status_at(sandbox, call, call->args[0], call->args[1], call->args[2], &st, &mode);
    if (status)
        return status;
    struct statx x;
    memset(&x, 0, sizeof x);
    x.stx_mask = STATX_BASIC_STATS;
    x.stx_blksize = 4096;
    x.stx_nlink = (uint32_t)st.links;
    x.stx_uid = x.stx_gid = MOTE__LINUX_USER;
    x.stx_mode = (uint16_t)mode;
    x.stx_ino = st.inode;
    x.stx_size = st.size;
    x.stx_blocks = st.blocks;
    x.stx_atime = to_timestamp(st.accessed_ns);
    x.stx_mtime = to_timestamp(st.modified_ns);
    x.stx_ctime = to_timestamp(st.changed_ns);
    x.stx_dev_minor = 1;
    return mote__linux_put(sandbox, call->args[4], &x, sizeof x);
}

/* ---- access ---- */

static int64_t access_at(mote_sandbox *sandbox, struct mote__syscall *call, uint64_t directory,
                         uint64_t path, uint64_t wanted)
{
    struct mote__place place;
    if (wanted & ~(uint64_t)(MOTE__MAY_READ | MOTE__MAY_WRITE | MOTE__MAY_SEARCH))
        return -EINVAL;
    return mote__linux_place(sandbox, call, directory, path, &place)
               ?: mote__place_access(&place, (unsigned)wanted);
}

int64_t mote__linux_access(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return access_at(sandbox, call, (uint64_t)AT_FDCWD, call->args[0], call->args[1]);
}

/* And faccessat2: effective and real user are one. */
int64_t mote__linux_faccessat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return access_at(sandbox, call, call->args[0], call->args[1], call->args[2]);
}

/* ---- changes ---- */

/* The open file, or NULL with the errno. */
static struct mote__file *file_of(const mote_sandbox *sandbox, uint64_t number, int64_t *status)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, number);
    *status = !open ? -EBADF : open->kind == MOTE__FD_FILE ? 0 : -EINVAL;
    return *status ? NULL : open->file;
}

static int64_t chmod_at(mote_sandbox *sandbox, struct mote__syscall *call, uint64_t directory,
                        uint64_t path, uint64_t mode)
{
    struct mote__place place;
    return mote__linux_place(sandbox, call, directory, path, &place)
               ?: mote__place_chmod(&place, (unsigned)mode & PERMISSIONS);
}

int64_t mote__linux_chmod(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return chmod_at(sandbox, call, (uint64_t)AT_FDCWD, call->args[0], call->args[1]);
}

int64_t mote__linux_fchmodat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return chmod_at(sandbox, call, call->args[0], call->args[1], call->args[2]);
}

int64_t mote__linux_fchmod(mote_sandbox *sandbox, struct mote__syscall *call)
{
    int64_t status;
    const struct mote__file *file = file_of(sandbox, call->args[0], &status);
    return file ? mote__file_chmod(file, (unsigned)call->args[1] & PERMISSIONS) : status;
}

int64_t mote__linux_truncate(mote_sandbox *sandbox, struct mote__syscall *call)
{
    struct mote__place place;
    int64_t status = mote__linux_place(sandbox, call, (uint64_t)AT_FDCWD, call->args[0], &place);
    if (!status && (int64_t)call->args[1] < 0)
        status = -EINVAL;
    return status ? status
                  : mote__place_truncate(&place, call->args[1], &sandbox->fds.file_bytes_left);
}

int64_t mote__linux_ftruncate(mote_sandbox *sandbox, struct mote__syscall *call)
{
    int64_t status;
    const struct mote__file *file = file_of(sandbox, call->args[0], &status);
    if (file && (int64_t)call->args[1] < 0)
        return -EINVAL;
    return file ? mote__file_truncate(file, call->args[1], &sandbox->fds.file_bytes_left) : status;
}

/* And fdatasync. */
int64_t mote__linux_fsync(mote_sandbox *sandbox, struct mote__syscall *call)
{
    int64_t status;
    const struct mote__file *file = file_of(sandbox, call->args[0], &status);
    return file ? mote__file_sync(file) : status;
}

static int64_t get_time(const struct timespec *t, enum mote__time_how *how, int64_t *ns)
{
    *how = t->tv_nsec == UTIME_NOW    ? MOTE__TIME_NOW
           : t->tv_nsec == UTIME_OMIT ? MOTE__TIME_KEEP
                                      : MOTE__TIME_SET;
    *ns = 0;
    if (*how != MOTE__TIME_SET)
        return 0;
    if (t->tv_nsec < 0 || t->tv_nsec >= MOTE__SECOND || t->tv_sec > INT64_MAX / MOTE__SECOND - 1 ||
        t->tv_sec < INT64_MIN / MOTE__SECOND + 1)
        return -EINVAL;
    *ns = t->tv_sec * MOTE__SECOND + t->tv_nsec;
    return 0;
}

int64_t mote__linux_utimensat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    struct timespec t[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    struct mote__file_times times;
    struct mote__place place;
    if (call->args[2] && mote__linux_get(sandbox, call->args[2], t, sizeof t))
        return -EFAULT;
    int64_t status = get_time(&t[0], &times.access_how, &times.accessed_ns);
    if (!status)
        status = get_time(&t[1], &times.modify_how, &times.modified_ns);
    if (status)
        return status;
    if (!call->args[1]) {
        const struct mote__file *file = file_of(sandbox, call->args[0], &status);
        return file ? mote__file_times(file, &times) : status;
    }
    status = mote__linux_place(sandbox, call, call->args[0], call->args[1], &place);
    bool follow = !(call->args[3] & AT_SYMLINK_NOFOLLOW);
    return status ? status : mote__place_times(&place, follow, &times);
}
