/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on paths. A path is copied once, made a place by the file layer, and only then looked up on
 * the host, beneath a grant. Without grants these calls are refused. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>

#include "linux/internal.h"

#define PERMISSIONS 0777u

bool mote__linux_has_files(const mote_sandbox *sandbox)
{
    return sandbox->policy && sandbox->policy->mounts.count;
}

/* ---- from the guest's path to a place ---- */

/* Copies a path with its NUL; its length, or a negative errno. */
static int64_t get_path(const mote_sandbox *sandbox, uint64_t address, char path[MOTE__PATH_MAX])
{
    if (mote__linux_get_string(sandbox, address, path, MOTE__PATH_MAX))
        return -EFAULT;
    size_t length = strlen(path);
    return length < MOTE__PATH_MAX - 1 ? (int64_t)length : -ENAMETOOLONG;
}

/* The open directory that a relative path begins at; NULL: the working directory. */
static int64_t start_of(const mote_sandbox *sandbox, uint64_t directory, const char *path,
                        const struct mote__file **from)
{
    *from = NULL;
    if (path[0] == '/' || (int32_t)directory == AT_FDCWD)
        return 0;
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, (uint32_t)directory);
    if (!open)
        return -EBADF;
    *from = open->file;
    return open->kind == MOTE__FD_FILE && open->file->kind == MOTE__KIND_DIRECTORY ? 0 : -ENOTDIR;
}

static int64_t to_place(const mote_sandbox *sandbox, uint64_t directory, const char *path,
                        struct mote__place *place)
{
    const struct mote__file *from;
    int64_t status = start_of(sandbox, directory, path, &from);
    return status ? status
                  : mote__place_find(place, &sandbox->policy->mounts, sandbox->fds.cwd, from, path,
                                     strlen(path));
}

int64_t mote__linux_place(mote_sandbox *sandbox, struct mote__syscall *call, uint64_t directory,
                          uint64_t address, struct mote__place *place)
{
    char path[MOTE__PATH_MAX];
    if (!mote__linux_has_files(sandbox))
        return mote__linux_refuse(call);
    sandbox->fds.changed = true; /* what it does may cost of the budget */
    int64_t length = get_path(sandbox, address, path);
    return length < 0 ? length : to_place(sandbox, directory, path, place);
}

/* ---- opening ---- */

#define LARGE_FILE 0100000 /* the kernel's O_LARGEFILE; the libraries' is 0 */
#define IGNORED    (O_CLOEXEC | O_NONBLOCK | O_NOCTTY | LARGE_FILE | O_NOATIME | O_SYNC | O_DSYNC)

/* Everything else would promise what files here do not have. */
static int64_t to_flags(uint64_t flags, unsigned *wanted)
{
    const unsigned known =
        O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECTORY | O_NOFOLLOW | IGNORED;
    if (flags & ~(uint64_t)known || (flags & O_ACCMODE) == O_ACCMODE)
        return -EINVAL;
    unsigned access = flags & O_ACCMODE;
    *wanted =
        (access != O_WRONLY ? MOTE__OPEN_READ : 0) | (access != O_RDONLY ? MOTE__OPEN_WRITE : 0) |
        (flags & O_CREAT ? MOTE__OPEN_CREATE : 0) | (flags & O_EXCL ? MOTE__OPEN_EXCLUSIVE : 0) |
        (flags & O_TRUNC ? MOTE__OPEN_TRUNCATE : 0) | (flags & O_APPEND ? MOTE__OPEN_APPEND : 0) |
        (flags & O_DIRECTORY ? MOTE__OPEN_DIRECTORY : 0) |
        (flags & O_NOFOLLOW ? MOTE__OPEN_NOFOLLOW : 0);
    return 0;
}

/* The few devices that programs count on, by exactly these names. */
static enum mote__fd_kind device(const mote_sandbox *sandbox, const char *path)
{
    if (sandbox->policy && strcmp(path, "/dev/null") == 0)
        return MOTE__FD_NULL;
    bool random = strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/random") == 0;
    return random && mote__linux_has_random(sandbox) ? MOTE__FD_RANDOM : MOTE__FD_FREE;
}

/* There is room, and all numbers but those in use are free. */
static int64_t add(mote_sandbox *sandbox, enum mote__fd_kind kind, struct mote__file *file,
                   uint64_t flags)
{
    struct mote__open *open;
    int number = mote__fds_add(&sandbox->fds, 0, flags & O_CLOEXEC, &open);
    if (number < 0) {
        mote__file_unref(file);
        return number;
    }
    open->kind = kind;
    open->file = file;
    open->flags = (unsigned)flags & (O_ACCMODE | O_APPEND | O_NONBLOCK);
    return number;
}

static int64_t open_file(mote_sandbox *sandbox, uint64_t directory, const char *path,
                         uint64_t flags, uint64_t mode)
{
    struct mote__place place;
    struct mote__file *file;
    unsigned wanted;
    int64_t status = to_flags(flags, &wanted);
    if (!status)
        status = to_place(sandbox, directory, path, &place);
    if (!status)
        status = mote__file_open(&file, &place, wanted,
                                 (unsigned)mode & PERMISSIONS & ~sandbox->personality.umask,
                                 &sandbox->fds.file_bytes_left);
    return status ? status : add(sandbox, MOTE__FD_FILE, file, flags);
}

static int64_t open_path(mote_sandbox *sandbox, struct mote__syscall *call, uint64_t directory,
                         uint64_t address, uint64_t flags, uint64_t mode)
{
    char path[MOTE__PATH_MAX];
    int64_t length = get_path(sandbox, address, path);
    enum mote__fd_kind kind = length < 0 ? MOTE__FD_FREE : device(sandbox, path);
    if (kind == MOTE__FD_FREE && !mote__linux_has_files(sandbox))
        return mote__linux_refuse(call);
    if (length < 0)
        return length;
    if (!mote__fds_has_room(&sandbox->fds))
        return -EMFILE; /* before anything is made */
    return kind != MOTE__FD_FREE ? add(sandbox, kind, NULL, flags)
                                 : open_file(sandbox, directory, path, flags, mode);
}

int64_t mote__linux_open(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return open_path(sandbox, call, (uint64_t)AT_FDCWD, call->args[0], (uint32_t)call->args[1],
                     call->args[2]);
}

int64_t mote__linux_creat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return open_path(sandbox, call, (uint64_t)AT_FDCWD, call->args[0], O_CREAT | O_WRONLY | O_TRUNC,
                     call->args[1]);
}

int64_t mote__linux_openat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return open_path(sandbox, call, call->args[0], call->args[1], (uint32_t)call->args[2],
                     call->args[3]);
}

/* Resolution is confined already; a wish for more is not granted. */
int64_t mote__linux_openat2(mote_sandbox *sandbox, struct mote__syscall *call)
{
    struct open_how how;
    if (call->args[3] != sizeof how)
        return call->args[3] < sizeof how ? -EINVAL : -E2BIG;
    if (mote__linux_get(sandbox, call->args[2], &how, sizeof how))
        return -EFAULT;
    if (how.resolve & ~(uint64_t)RESOLVE_NO_MAGICLINKS)
        return -EINVAL;
    return open_path(sandbox, call, call->args[0], call->args[1], how.flags, how.mode);
}

/* ---- the working directory ---- */

static int64_t enter(mote_sandbox *sandbox, const char *guest)
{
    sandbox->fds.changed = true;
    snprintf(sandbox->fds.cwd, MOTE__PATH_MAX, "%s", guest);
    return 0;
}

int64_t mote__linux_chdir(mote_sandbox *sandbox, struct mote__syscall *call)
{
    struct mote__place place;
    struct mote__file_status st;
    int64_t status = mote__linux_place(sandbox, call, (uint64_t)AT_FDCWD, call->args[0], &place);
    if (!status)
        status = mote__place_status(&place, true, &st);
    if (!status && st.kind != MOTE__KIND_DIRECTORY)
        status = -ENOTDIR;
    if (!status)
        status = mote__place_access(&place, MOTE__MAY_SEARCH);
    return status ? status : enter(sandbox, place.guest);
}

int64_t mote__linux_fchdir(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[0]);
    if (!open)
        return -EBADF;
    bool directory = open->kind == MOTE__FD_FILE && open->file->kind == MOTE__KIND_DIRECTORY;
    return directory ? enter(sandbox, open->file->guest) : -ENOTDIR;
}

int64_t mote__linux_getcwd(mote_sandbox *sandbox, struct mote__syscall *call)
{
    if (!mote__linux_has_files(sandbox))
        return mote__linux_refuse(call);
    size_t size = strlen(sandbox->fds.cwd) + 1;
    if (call->args[1] < size)
        return -ERANGE;
    return mote__linux_put(sandbox, call->args[0], sandbox->fds.cwd, size) ?: (int64_t)size;
}

/* ---- names ---- */

static int64_t make_directory(mote_sandbox *sandbox, struct mote__syscall *call, uint64_t directory,
                              uint64_t path, uint64_t mode)
{
    struct mote__place place;
    int64_t status = mote__linux_place(sandbox, call, directory, path, &place);
    return status ? status
                  : mote__place_mkdir(&place,
                                      (unsigned)mode & PERMISSIONS & ~sandbox->personality.umask,
                                      &sandbox->fds.file_bytes_left);
}

int64_t mote__linux_mkdir(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return make_directory(sandbox, call, (uint64_t)AT_FDCWD, call->args[0], call->args[1]);
}

int64_t mote__linux_mkdirat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return make_directory(sandbox, call, call->args[0], call->args[1], call->args[2]);
}

static int64_t remove_name(mote_sandbox *sandbox, struct mote__syscall *call, uint64_t directory,
                           uint64_t path, int (*remove)(const struct mote__place *))
{
    struct mote__place place;
    return mote__linux_place(sandbox, call, directory, path, &place) ?: remove(&place);
}

int64_t mote__linux_unlink(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return remove_name(sandbox, call, (uint64_t)AT_FDCWD, call->args[0], mote__place_unlink);
}

int64_t mote__linux_rmdir(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return remove_name(sandbox, call, (uint64_t)AT_FDCWD, call->args[0], mote__place_rmdir);
}

int64_t mote__linux_unlinkat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    if (call->args[2] & ~(uint64_t)AT_REMOVEDIR)
        return -EINVAL;
    return remove_name(sandbox, call, call->args[0], call->args[1],
                       call->args[2] ? mote__place_rmdir : mote__place_unlink);
}

static int64_t rename_from(mote_sandbox *sandbox, struct mote__syscall *call, const uint64_t at[4],
                           uint64_t flags)
{
    struct mote__place from, to;
    if (flags & ~(uint64_t)RENAME_NOREPLACE)
        return -EINVAL;
    int64_t status = mote__linux_place(sandbox, call, at[0], at[1], &from);
    if (!status)
        status = mote__linux_place(sandbox, call, at[2], at[3], &to);
    return status ? status : mote__place_rename(&from, &to, flags != 0);
}

int64_t mote__linux_rename(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const uint64_t here = (uint64_t)AT_FDCWD;
    const uint64_t at[4] = {here, call->args[0], here, call->args[1]};
    return rename_from(sandbox, call, at, 0);
}

int64_t mote__linux_renameat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return rename_from(sandbox, call, call->args, 0);
}

int64_t mote__linux_renameat2(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return rename_from(sandbox, call, call->args, call->args[4]);
}

static int64_t read_link(mote_sandbox *sandbox, struct mote__syscall *call, const uint64_t at[4])
{
    struct mote__place place;
    char target[MOTE__PATH_MAX];
    if (!mote__linux_has_files(sandbox))
        return -ENOENT; /* /proc/self/exe, asked by glibc at its start: not refused */
    if ((int32_t)at[3] <= 0)
        return -EINVAL;
    size_t size = at[3] < sizeof target ? (size_t)at[3] : sizeof target;
    int64_t n = mote__linux_place(sandbox, call, at[0], at[1], &place);
    if (!n)
        n = mote__place_readlink(&place, target, size);
    return n > 0 && mote__linux_put(sandbox, at[2], target, (size_t)n) ? -EFAULT : n;
}

int64_t mote__linux_readlink(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const uint64_t at[4] = {(uint64_t)AT_FDCWD, call->args[0], call->args[1], call->args[2]};
    return read_link(sandbox, call, at);
}

int64_t mote__linux_readlinkat(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return read_link(sandbox, call, call->args);
}
