/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about places, and changes of what is there. */
#include <stdio.h>
#include <unistd.h>

#include "files/internal.h"

/* ---- what a guest is told ---- */

/* The finalizer of MurmurHash3: one to one. Numbers of the host tell how much it does; this keeps
 * them from being read off, no more. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdull;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ull;
    return x ^ (x >> 33);
}

uint64_t mote__files_inode(uint64_t key, uint64_t device, uint64_t inode)
{
    uint64_t scrambled = mix(inode ^ mix(device ^ key));
    return scrambled ? scrambled : key | 1; /* programs take 0 for none */
}

enum mote__file_kind mote__files_kind(unsigned mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return MOTE__KIND_FILE;
    case S_IFDIR:
        return MOTE__KIND_DIRECTORY;
    case S_IFLNK:
        return MOTE__KIND_SYMLINK;
    default:
        return MOTE__KIND_OTHER;
    }
}

int64_t mote__files_ns(struct timespec t)
{
    if (t.tv_sec > INT64_MAX / 1000000000 - 1)
        return INT64_MAX;
    if (t.tv_sec < INT64_MIN / 1000000000 + 1)
        return INT64_MIN;
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

int mote__files_host_status(int fd, uint64_t key, struct mote__file_status *status)
{
    struct stat st;
    int failed = mote__fd_status(fd, &st);
    if (failed < 0)
        return failed;
    *status = (struct mote__file_status){
        .kind = mote__files_kind(st.st_mode),
        .mode = st.st_mode & 0777,
        .size = (uint64_t)st.st_size,
        .inode = mote__files_inode(key, st.st_dev, st.st_ino),
        .links = st.st_nlink,
        .blocks = (uint64_t)st.st_blocks,
        .accessed_ns = mote__files_ns(st.st_atim),
        .modified_ns = mote__files_ns(st.st_mtim),
        .changed_ns = mote__files_ns(st.st_ctim),
    };
    return 0;
}

void mote__files_virtual_status(const char *guest, uint64_t key, struct mote__file_status *status)
{
    uint64_t hash = key;
    for (const char *c = guest; *c; c++)
        hash = mix(hash ^ (unsigned char)*c);
    *status = (struct mote__file_status){
        .kind = MOTE__KIND_DIRECTORY, .mode = 0555, .inode = hash | 1, .links = 1};
}

void mote__files_granted_status(const struct mote__mount *mount, struct mote__file_status *status)
{
    *status = (struct mote__file_status){.kind = MOTE__KIND_FILE,
                                         .mode = 0444,
                                         .size = mount->size,
                                         .inode = mount->inode,
                                         .links = 1,
                                         .blocks = (mount->size + 511) / 512,
                                         .accessed_ns = mount->time_ns,
                                         .modified_ns = mount->time_ns,
                                         .changed_ns = mount->time_ns};
}

/* ---- looking ---- */

static bool is_granted_file(const struct mote__place *place)
{
    return place->mount && place->mount->kind == MOTE__MOUNT_FILE;
}

static int open_beneath(int dir, const char *path, int flags, unsigned mode)
{
    int fd = mote__open_beneath(dir, *path ? path : ".", flags, mode);
    return fd == -EXDEV ? -EPERM : fd;
}

int mote__files_look(const struct mote__place *place, int flags)
{
    if (place->slash)
        flags = (flags | O_DIRECTORY) & ~O_NOFOLLOW;
    return open_beneath(place->directory, place->rest, O_PATH | flags, 0);
}

int mote__place_status(const struct mote__place *place, bool follow,
                       struct mote__file_status *status)
{
    if (!place->mount) {
        mote__files_virtual_status(place->guest, place->mounts->key, status);
        return 0;
    }
    if (is_granted_file(place)) {
        mote__files_granted_status(place->mount, status);
        return 0;
    }
    int fd = mote__files_look(place, follow ? 0 : O_NOFOLLOW);
    if (fd < 0)
        return fd;
    int failed = mote__files_host_status(fd, place->mount->key, status);
    mote__close(fd);
    return failed;
}

int mote__place_access(const struct mote__place *place, unsigned access)
{
    _Static_assert(MOTE__MAY_READ == R_OK && MOTE__MAY_WRITE == W_OK && MOTE__MAY_SEARCH == X_OK,
                   "the host's bits");
    bool write = access & MOTE__MAY_WRITE;
    if (!place->mount)
        return write ? -EROFS : 0;
    if (is_granted_file(place))
        return write ? -EROFS : access & MOTE__MAY_SEARCH ? -EACCES : 0;
    int fd = mote__files_look(place, 0);
    if (fd < 0)
        return fd;
    int status = mote__fd_access(fd, (int)access);
    mote__close(fd);
    return !status && write && !place->mount->writable ? -EROFS : status;
}

int64_t mote__place_readlink(const struct mote__place *place, char *target, size_t size)
{
    if (!place->mount || is_granted_file(place))
        return -EINVAL;
    struct stat st;
    int fd = mote__files_look(place, O_NOFOLLOW);
    if (fd < 0)
        return fd;
    int64_t n = mote__fd_status(fd, &st);
    if (!n)
        n = S_ISLNK(st.st_mode) ? mote__fd_readlink(fd, target, size) : -EINVAL;
    mote__close(fd);
    return n;
}

/* ---- changing ---- */

static int check_writable(const struct mote__place *place)
{
    return place->mount && place->mount->writable ? 0 : -EROFS;
}

/* The directory in which the place's last component is, and that component. */
static int open_parent(const struct mote__place *place, const char **leaf)
{
    const char *slash = strrchr(place->rest, '/');
    char parent[MOTE__PATH_MAX];
    size_t length = slash ? (size_t)(slash - place->rest) : 0;
    memcpy(parent, place->rest, length);
    parent[length] = '\0';
    *leaf = slash ? slash + 1 : place->rest;
    return open_beneath(place->directory, parent, O_PATH | O_DIRECTORY, 0);
}

int mote__place_mkdir(const struct mote__place *place, unsigned mode, uint64_t *left)
{
    const char *name;
    if (!place->mount || !*place->rest)
        return -EEXIST;
    int status = check_writable(place);
    int parent = status ? status : open_parent(place, &name);
    if (parent < 0)
        return parent;
    status = mote__files_charge(left, MOTE__NAME_COST);
    if (!status) {
        status = mote__make_directory_at(parent, name, mode & 0777);
        *left += status < 0 ? MOTE__NAME_COST : 0;
    }
    mote__close(parent);
    return status;
}

static int remove_place(const struct mote__place *place, int flags)
{
    const char *name;
    if (!place->mount || (!*place->rest && place->mount->kind == MOTE__MOUNT_DIRECTORY))
        return -EBUSY; /* what is granted stays */
    int status = check_writable(place);
    int parent = status ? status : open_parent(place, &name);
    if (parent < 0)
        return parent;
    status = mote__remove_at(parent, name, flags);
    mote__close(parent);
    return status;
}

int mote__place_rmdir(const struct mote__place *place)
{
    return remove_place(place, AT_REMOVEDIR);
}

int mote__place_unlink(const struct mote__place *place)
{
    return place->slash ? -ENOTDIR : remove_place(place, 0);
}

/* A symlink moved elsewhere means something else, perhaps something outside. */
static int check_movable(int parent, const char *name, bool directory)
{
    struct stat st;
    int fd = open_beneath(parent, name, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0)
        return fd;
    int status = mote__fd_status(fd, &st);
    mote__close(fd);
    if (status < 0)
        return status;
    if (S_ISLNK(st.st_mode))
        return -EPERM;
    return directory && !S_ISDIR(st.st_mode) ? -ENOTDIR : 0;
}

static int rename_between(const struct mote__place *from, const struct mote__place *to,
                          unsigned flags)
{
    const char *name, *new_name;
    int source = open_parent(from, &name);
    if (source < 0)
        return source;
    int target = open_parent(to, &new_name), status = target;
    if (target >= 0) {
        status = check_movable(source, name, from->slash || to->slash);
        if (!status)
            status = mote__rename_at(source, name, target, new_name, flags);
        mote__close(target);
    }
    mote__close(source);
    return status;
}

/* What is granted stays where it is, and so does the way to it: the same directory of the host by
 * another name would have the rights of the grant around it. */
static bool is_fixed(const struct mote__place *place)
{
    return !*place->rest || mote__files_lead_to_mount(place->mounts, place->guest);
}

int mote__place_rename(const struct mote__place *from, const struct mote__place *to, bool keep)
{
    int status = check_writable(from);
    if (!status)
        status = check_writable(to);
    if (status)
        return status;
    if (is_fixed(from) || is_fixed(to))
        return -EBUSY;
    return rename_between(from, to, keep ? RENAME_NOREPLACE : 0);
}

int mote__place_truncate(const struct mote__place *place, uint64_t size, uint64_t *left)
{
    struct mote__file *file;
    int status = mote__file_open(&file, place, MOTE__OPEN_WRITE, 0, left);
    if (status)
        return status;
    status = mote__file_truncate(file, size, left);
    mote__file_unref(file);
    return status;
}

/* Looks at what is to be changed: files and directories, and symlinks where they are not followed.
 */
static int look_to_change(const struct mote__place *place, bool follow)
{
    struct stat st;
    int status = check_writable(place);
    int fd = status ? status : mote__files_look(place, follow ? 0 : O_NOFOLLOW);
    if (fd < 0)
        return fd;
    status = mote__fd_status(fd, &st);
    if (!status && mote__files_kind(st.st_mode) == MOTE__KIND_OTHER)
        status = -EPERM;
    if (!status)
        return fd;
    mote__close(fd);
    return status;
}

int mote__place_chmod(const struct mote__place *place, unsigned mode)
{
    if (mode & ~0777u)
        return -EPERM;
    int fd = look_to_change(place, true);
    if (fd < 0)
        return fd;
    int status = mote__fd_chmod(fd, mode);
    mote__close(fd);
    return status;
}

static struct timespec host_time(enum mote__time_how how, int64_t ns)
{
    struct timespec t = {0, how == MOTE__TIME_KEEP ? UTIME_OMIT : UTIME_NOW};
    if (how == MOTE__TIME_SET) {
        t.tv_sec = ns / 1000000000;
        t.tv_nsec = ns % 1000000000;
        if (t.tv_nsec < 0) {
            t.tv_sec--;
            t.tv_nsec += 1000000000;
        }
    }
    return t;
}

void mote__files_host_times(const struct mote__file_times *times, struct timespec host[2])
{
    host[0] = host_time(times->access_how, times->accessed_ns);
    host[1] = host_time(times->modify_how, times->modified_ns);
}

int mote__place_times(const struct mote__place *place, bool follow,
                      const struct mote__file_times *times)
{
    struct timespec host[2];
    int fd = look_to_change(place, follow);
    if (fd < 0)
        return fd;
    mote__files_host_times(times, host);
    int status = mote__fd_times(fd, host);
    mote__close(fd);
    return status;
}
