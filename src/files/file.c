/* SPDX-License-Identifier: Apache-2.0 */
/* Open files. */
#include "files/files.h"

#include <stdio.h>

#include "files/internal.h"

/* ---- opening ---- */

static int new_file(struct mote__file **out, const struct mote__place *place,
                    enum mote__file_kind kind, unsigned flags)
{
    struct mote__file *file = mote__alloc(place->mounts->allocator, sizeof *file);
    if (!file)
        return -ENOMEM;
    *file = (struct mote__file){.mount = place->mount,
                                .mounts = place->mounts,
                                .fd = -1,
                                .kind = kind,
                                .references = 1,
                                .flags = flags &
                                         (MOTE__OPEN_READ | MOTE__OPEN_WRITE | MOTE__OPEN_APPEND)};
    if (kind == MOTE__KIND_DIRECTORY) {
        file->guest = mote__strdup(place->mounts->allocator, place->guest);
        if (!file->guest) {
            mote__free(file);
            return -ENOMEM;
        }
    }
    *out = file;
    return 0;
}

/* What needs no file of the host: a directory that leads to mounts, a granted file. */
static int open_ours(struct mote__file **out, const struct mote__place *place, unsigned flags)
{
    if (flags & MOTE__OPEN_EXCLUSIVE && flags & MOTE__OPEN_CREATE)
        return -EEXIST;
    if (!place->mount)
        return flags & MOTE__OPEN_WRITE ? -EISDIR
                                        : new_file(out, place, MOTE__KIND_DIRECTORY, flags);
    if (flags & MOTE__OPEN_DIRECTORY)
        return -ENOTDIR;
    if (flags & MOTE__OPEN_WRITE)
        return -EROFS;
    int status = new_file(out, place, MOTE__KIND_FILE, flags);
    if (!status)
        (*out)->fd = place->mount->fd;
    return status;
}

/* Appending is done for each write: the mode may be changed while the file is open. */
static int host_flags(unsigned flags)
{
    int access = !(flags & MOTE__OPEN_WRITE)  ? O_RDONLY
                 : !(flags & MOTE__OPEN_READ) ? O_WRONLY
                                              : O_RDWR;
    return access | (flags & MOTE__OPEN_WRITE && flags & MOTE__OPEN_TRUNCATE ? O_TRUNC : 0);
}

/* Opens what was found and is a regular file or a directory; nothing else. */
static int open_found(int found, const struct mote__place *place, unsigned flags,
                      enum mote__file_kind *kind)
{
    struct stat st;
    int status = mote__fd_status(found, &st);
    if (status < 0)
        return status;
    *kind = mote__files_kind(st.st_mode);
    switch (*kind) {
    case MOTE__KIND_FILE:
        if (flags & MOTE__OPEN_WRITE && !place->mount->writable)
            return -EROFS;
        return mote__open_again(found, host_flags(flags));
    case MOTE__KIND_DIRECTORY:
        return flags & (MOTE__OPEN_WRITE | MOTE__OPEN_CREATE) ? -EISDIR : mote__open_listing(found);
    case MOTE__KIND_SYMLINK:
        return -ELOOP;
    default:
        return -EACCES;
    }
}

static int open_existing(const struct mote__place *place, unsigned flags,
                         enum mote__file_kind *kind)
{
    int look = (flags & MOTE__OPEN_NOFOLLOW ? O_NOFOLLOW : 0) |
               (flags & MOTE__OPEN_DIRECTORY ? O_DIRECTORY : 0);
    int found = mote__files_look(place, look);
    if (found < 0)
        return found;
    int fd = open_found(found, place, flags, kind);
    mote__close(found);
    return fd;
}

/* Exclusively, so that what is opened is new and therefore regular. */
static int create(const struct mote__place *place, unsigned flags, unsigned mode, uint64_t *left,
                  enum mote__file_kind *kind)
{
    if (place->slash)
        return -EISDIR;
    if (!place->mount->writable)
        return -EROFS;
    int status = mote__files_charge(left, MOTE__NAME_COST);
    if (status)
        return status;
    *kind = MOTE__KIND_FILE;
    int fd = mote__open_beneath(place->directory, place->rest, host_flags(flags) | O_CREAT | O_EXCL,
                                mode & 0777);
    *left += fd < 0 ? MOTE__NAME_COST : 0;
    return fd == -EXDEV ? -EPERM : fd;
}

/* Between the two ways others may make or remove the file: a few turns, then ELOOP, which is
 * also the answer for a symlink to nothing. */
#define TURNS 8

static int open_host(const struct mote__place *place, unsigned flags, unsigned mode, uint64_t *left,
                     enum mote__file_kind *kind)
{
    bool may_create = flags & MOTE__OPEN_CREATE && *place->rest;
    bool exclusive = may_create && flags & MOTE__OPEN_EXCLUSIVE;
    for (int turn = 0; turn < TURNS; turn++) {
        int fd = exclusive ? -ENOENT : open_existing(place, flags, kind);
        if (fd != -ENOENT || !may_create)
            return fd;
        fd = create(place, flags, mode, left, kind);
        if (fd != -EEXIST || exclusive)
            return fd;
    }
    return -ELOOP;
}

int mote__file_open(struct mote__file **out, const struct mote__place *place, unsigned flags,
                    unsigned mode, uint64_t *left)
{
    if (!place->mount || place->mount->kind == MOTE__MOUNT_FILE)
        return open_ours(out, place, flags);
    enum mote__file_kind kind = MOTE__KIND_OTHER;
    int fd = open_host(place, flags, mode, left, &kind);
    if (fd < 0)
        return fd;
    int status = new_file(out, place, kind, flags);
    if (status)
        mote__close(fd);
    else
        (*out)->fd = fd;
    return status;
}

struct mote__file *mote__file_ref(struct mote__file *file)
{
    file->references++;
    return file;
}

static bool is_ours(const struct mote__file *file)
{
    return !file->mount || file->mount->kind == MOTE__MOUNT_FILE;
}

void mote__file_unref(struct mote__file *file)
{
    if (!file || --file->references)
        return;
    if (!is_ours(file))
        mote__close(file->fd);
    mote__free(file->listing);
    mote__free(file->guest);
    mote__free(file);
}

/* ---- contents ---- */

static int check_use(const struct mote__file *file, unsigned flag)
{
    if (file->kind == MOTE__KIND_DIRECTORY)
        return flag == MOTE__OPEN_READ ? -EISDIR : -EBADF;
    return file->flags & flag ? 0 : -EBADF;
}

int64_t mote__file_pread(const struct mote__file *file, void *data, size_t size, uint64_t offset)
{
    int status = check_use(file, MOTE__OPEN_READ);
    if (status)
        return status;
    if (offset > INT64_MAX)
        return -EINVAL;
    if (is_ours(file)) { /* its copy is padded to whole pages */
        if (offset >= file->mount->size)
            return 0;
        uint64_t rest = file->mount->size - offset;
        size = size < rest ? size : (size_t)rest;
    }
    return mote__fd_read(file->fd, data, size, offset);
}

int64_t mote__file_read(struct mote__file *file, void *data, size_t size)
{
    int64_t n = mote__file_pread(file, data, size, file->offset);
    if (n > 0)
        file->offset += (uint64_t)n;
    return n;
}

/* Cuts *size to what the budget has for a write that begins `hole` bytes behind the end. */
static int cut(size_t *size, uint64_t hole, uint64_t left)
{
    if (hole >= left)
        return -ENOSPC;
    *size = *size < left - hole ? *size : (size_t)(left - hole);
    return 0;
}

static int64_t write_at(const struct mote__file *file, const void *data, size_t size,
                        uint64_t offset, bool append, uint64_t *left)
{
    struct stat st;
    int status = check_use(file, MOTE__OPEN_WRITE);
    if (status || size == 0)
        return status;
    if (offset > INT64_MAX || size > INT64_MAX - offset)
        return -EFBIG;
    status = mote__fd_status(file->fd, &st);
    if (status)
        return status;
    uint64_t end = (uint64_t)st.st_size;
    uint64_t hole = !append && offset > end ? offset - end : 0;
    status = cut(&size, hole, *left);
    if (status)
        return status;
    int64_t n = append ? mote__fd_append(file->fd, data, size, end)
                       : mote__fd_write(file->fd, data, size, offset);
    if (n > 0)
        *left -= hole + (uint64_t)n;
    return n;
}

int64_t mote__file_pwrite(const struct mote__file *file, const void *data, size_t size,
                          uint64_t offset, uint64_t *left)
{
    return write_at(file, data, size, offset, false, left);
}

static int64_t append(struct mote__file *file, const void *data, size_t size, uint64_t *left)
{
    struct stat st;
    int64_t n = write_at(file, data, size, 0, true, left);
    if (n > 0 && mote__fd_status(file->fd, &st) == 0)
        file->offset = (uint64_t)st.st_size;
    return n;
}

int64_t mote__file_write(struct mote__file *file, const void *data, size_t size, uint64_t *left)
{
    if (file->flags & MOTE__OPEN_APPEND)
        return append(file, data, size, left);
    int64_t n = write_at(file, data, size, file->offset, false, left);
    if (n > 0)
        file->offset += (uint64_t)n;
    return n;
}

int mote__file_truncate(const struct mote__file *file, uint64_t size, uint64_t *left)
{
    struct stat st;
    int status = check_use(file, MOTE__OPEN_WRITE);
    if (status)
        return -EINVAL;
    if (size > INT64_MAX)
        return -EINVAL;
    status = mote__fd_status(file->fd, &st);
    if (status)
        return status;
    uint64_t now = (uint64_t)st.st_size, growth = size > now ? size - now : 0;
    status = mote__files_charge(left, growth);
    if (status)
        return status;
    status = mote__fd_truncate(file->fd, size);
    *left += status ? growth : 0;
    return status;
}

/* ---- offset ---- */

static int64_t base_of(const struct mote__file *file, enum mote__seek whence)
{
    struct mote__file_status status;
    if (whence != MOTE__SEEK_END)
        return whence == MOTE__SEEK_HERE ? (int64_t)file->offset : 0;
    int failed = mote__file_status(file, &status);
    return failed ? failed : (int64_t)status.size;
}

static int64_t seek_directory(struct mote__file *file, int64_t offset, enum mote__seek whence)
{
    if (whence == MOTE__SEEK_HERE && offset == 0)
        return (int64_t)file->offset;
    if (whence != MOTE__SEEK_START || offset < 0)
        return -EINVAL;
    int status = file->mount ? mote__fd_seek(file->fd, (uint64_t)offset) : 0;
    if (status)
        return status;
    mote__free(file->listing); /* what was read ahead */
    file->listing = NULL;
    file->offset = (uint64_t)offset;
    return offset;
}

int64_t mote__file_seek(struct mote__file *file, int64_t offset, enum mote__seek whence)
{
    if (file->kind == MOTE__KIND_DIRECTORY)
        return seek_directory(file, offset, whence);
    int64_t base = base_of(file, whence);
    if (base < 0)
        return base;
    if (offset > INT64_MAX - base)
        return -EOVERFLOW;
    if (base + offset < 0)
        return -EINVAL;
    file->offset = (uint64_t)(base + offset);
    return base + offset;
}

/* ---- the rest ---- */

int mote__file_status(const struct mote__file *file, struct mote__file_status *status)
{
    if (!file->mount)
        mote__files_virtual_status(file->guest, file->mounts->key, status);
    else if (is_ours(file))
        mote__files_granted_status(file->mount, status);
    else
        return mote__files_host_status(file->fd, file->mount->key, status);
    return 0;
}

int mote__file_sync(const struct mote__file *file)
{
    return is_ours(file) ? 0 : mote__fd_sync(file->fd);
}

int mote__file_chmod(const struct mote__file *file, unsigned mode)
{
    if (mode & ~0777u)
        return -EPERM;
    if (is_ours(file) || !file->mount->writable)
        return -EROFS;
    return mote__fd_chmod(file->fd, mode);
}

int mote__file_times(const struct mote__file *file, const struct mote__file_times *times)
{
    struct timespec host[2];
    if (is_ours(file) || !file->mount->writable)
        return -EROFS;
    mote__files_host_times(times, host);
    return mote__fd_times(file->fd, host);
}

/* ---- locks ---- */

static int host_lock(enum mote__lock_kind kind)
{
    return kind == MOTE__LOCK_NONE ? F_UNLCK : kind == MOTE__LOCK_SHARED ? F_RDLCK : F_WRLCK;
}

static int check_lock(const struct mote__file *file, enum mote__lock_kind kind, uint64_t start,
                      uint64_t size)
{
    if (start > INT64_MAX || size > INT64_MAX - start)
        return -EINVAL;
    if (file->kind == MOTE__KIND_DIRECTORY)
        return -EBADF;
    if (kind == MOTE__LOCK_NONE)
        return 0;
    return file->flags & (kind == MOTE__LOCK_SHARED ? MOTE__OPEN_READ : MOTE__OPEN_WRITE) ? 0
                                                                                          : -EBADF;
}

int mote__file_lock(const struct mote__file *file, enum mote__lock_kind kind, uint64_t start,
                    uint64_t size)
{
    int status = check_lock(file, kind, start, size);
    if (status || is_ours(file)) /* nobody can write it: nothing to wait for */
        return status;
    return mote__fd_lock(file->fd, host_lock(kind), start, size);
}

int mote__file_lock_test(const struct mote__file *file, enum mote__lock_kind kind, uint64_t start,
                         uint64_t size)
{
    int status = check_lock(file, kind, start, size);
    if (status || is_ours(file) || kind == MOTE__LOCK_NONE)
        return status ? status : MOTE__LOCK_NONE;
    status = mote__fd_lock_test(file->fd, host_lock(kind), start, size);
    if (status < 0)
        return status;
    return status == F_UNLCK   ? MOTE__LOCK_NONE
           : status == F_RDLCK ? MOTE__LOCK_SHARED
                               : MOTE__LOCK_EXCLUSIVE;
}
