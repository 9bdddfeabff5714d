/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files by grant: what the Linux personality and WASI share. It knows nothing
 * of system call numbers, of sandboxes or of guest memory.
 *
 *   mount   a directory of the host, granted under a guest path, read-only or
 *           read-write; or a single file, copied once and granted read-only
 *   place   a guest path, resolved to a mount and a path beneath it; nothing of
 *           the host was touched yet
 *   file    an open regular file or directory
 *
 * Confinement. A guest path is made absolute and normal as text (`..` takes the
 * component before it away, as in a shell's `cd`), so that no `..` of a guest
 * reaches the host. The rest is looked up by openat2(RESOLVE_BENEATH |
 * RESOLVE_NO_MAGICLINKS) beneath the mount's directory, which was opened once,
 * at the grant: no symlink, chain of symlinks or race leads out, it is EPERM.
 * Only regular files and directories are ever opened: anything else was only
 * looked at (O_PATH), which has no side effect and never waits, and is EACCES.
 *
 * Not there, on purpose: making symlinks and hard links, and moving a symlink
 * (answer EPERM): a link that points out would mislead others, who follow it
 * unconfined. Nor owners: a guest is never told the host's users; and device
 * and inode numbers are told scrambled, which keeps them equal for the same
 * file and different for two.
 *
 * Budget. `left` is what a guest may still write, in bytes: what is written,
 * what a file grows by truncation or by a write behind its end, and
 * MOTE__NAME_COST for each file or directory that is made. ENOSPC when it is
 * used up; a write that fits in part is cut short.
 *
 * All functions return 0 (or a result >= 0) or a negative errno, save those
 * that take a mote_error: MOTE_E*. A file, and the directories that
 * places refer to, belong to one thread at a time; mounts are read by any.
 *
 * For mmap of a file: mote__memory_map_file (memory.h) for a granted file
 * (file->mount->kind is MOTE__MOUNT_FILE); for a file in a directory map
 * memory and fill it with mote__file_pread: a private copy, as of then.
 */
#ifndef MOTE_FILES_H
#define MOTE_FILES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mote.h"

#define MOTE__PATH_MAX      4096u /* bytes of a guest path, with a NUL */
#define MOTE__NAME_MAX      255u  /* bytes of one component */
#define MOTE__NAME_COST     4096u /* bytes of budget for a new name */

#define MOTE__LARGEST_FILES ((uint64_t)16 << 30) /* bytes of all granted files of a policy */

/* ---- mounts ---- */

enum mote__mount_kind { MOTE__MOUNT_DIRECTORY, MOTE__MOUNT_FILE };

struct mote__mount {
    enum mote__mount_kind kind;
    bool writable;
    char *guest;     /* absolute and normal: "/" or "/data/in" */
    size_t length;   /* of it, 0 for "/": what lies beneath begins behind it */
    int fd;          /* the directory (O_PATH), or the sealed copy of the file */
    uint64_t key;    /* scrambles inode numbers; the same for all mounts of a list */
    uint64_t inode;  /* of a file, scrambled */
    uint64_t size;   /* of a file, bytes */
    uint64_t offset; /* of a file, bytes: where it begins when all follow each other in pages */
    int64_t time_ns; /* of a file: modified, since the epoch */
};

struct mote__mounts {
    const mote_allocator *allocator; /* set by the owner; NULL: the C library's */
    struct mote__mount *list;
    size_t count;
    uint64_t key;
    uint64_t file_pages; /* bytes of all files, in whole pages */
};

/* Opens the host's directory for good. `guest` is absolute, or relative to "/". Errors: EINVAL
 * (granted already, not absolute, no directory), ESYSTEM, ENOMEM. */
int mote__mounts_add_directory(struct mote__mounts *mounts, const char *host, const char *guest,
                               bool writable, mote_error *error);
/* Copies the host's file: contents are as of now. EINVAL (no regular file, more than
 * MOTE__LARGEST_FILES with those before), ESYSTEM, ENOMEM. */
int mote__mounts_add_file(struct mote__mounts *mounts, const char *host, const char *guest,
                          mote_error *error);
void mote__mounts_free(struct mote__mounts *mounts);

/* ---- places ---- */

struct mote__file;

struct mote__place {
    const struct mote__mount *mount; /* NULL: a directory that only leads to mounts, as "/" may */
    const struct mote__mounts *mounts;
    int directory;              /* host fd beneath which `rest` is looked up */
    bool slash;                 /* the path ended in one: it must be a directory */
    const char *rest;           /* in `guest`; "" is the directory itself */
    char guest[MOTE__PATH_MAX]; /* the whole path, absolute and normal */
};

/* A path as Linux has it: absolute, or relative to `from` (an open directory) or, where
 * that is NULL, to `cwd` (an absolute, normal guest path). `path` need not end in a NUL.
 * ENOENT (empty, or nothing granted there), EINVAL (a NUL inside), ENAMETOOLONG, ENOTDIR. */
int mote__place_find(struct mote__place *place, const struct mote__mounts *mounts, const char *cwd,
                     const struct mote__file *from, const char *path, size_t length);
/* A path as WASI has it: relative, and never out of `from`: EPERM. */
int mote__place_beneath(struct mote__place *place, const struct mote__mounts *mounts,
                        const struct mote__file *from, const char *path, size_t length);

enum mote__file_kind {
    MOTE__KIND_FILE,
    MOTE__KIND_DIRECTORY,
    MOTE__KIND_SYMLINK,
    MOTE__KIND_OTHER /* device, FIFO, socket: may be seen and unlinked, never opened */
};

/* What a guest may know of a file. All are on one device. */
struct mote__file_status {
    enum mote__file_kind kind;
    unsigned mode; /* permission bits, at most 0777 */
    uint64_t size, inode, links;
    uint64_t blocks;                              /* of 512 bytes */
    int64_t accessed_ns, modified_ns, changed_ns; /* since the epoch */
};

/* Bits of a question about access. */
enum mote__file_access { MOTE__MAY_READ = 4, MOTE__MAY_WRITE = 2, MOTE__MAY_SEARCH = 1 };

/* How a time is to be set. */
enum mote__time_how { MOTE__TIME_KEEP, MOTE__TIME_NOW, MOTE__TIME_SET };

struct mote__file_times {
    enum mote__time_how access_how, modify_how;
    int64_t accessed_ns, modified_ns; /* since the epoch, where SET */
};

int mote__place_status(const struct mote__place *place, bool follow,
                       struct mote__file_status *status);
/* Whether it is there and the host lets us; EROFS, EACCES. `access` may be 0. */
int mote__place_access(const struct mote__place *place, unsigned access);
/* Bytes of the target, cut to `size`, without NUL. The text is the host's: it leads nowhere. */
int64_t mote__place_readlink(const struct mote__place *place, char *target, size_t size);
/* From here on the mount must be writable, else EROFS. */
int mote__place_mkdir(const struct mote__place *place, unsigned mode, uint64_t *left);
int mote__place_rmdir(const struct mote__place *place);
int mote__place_unlink(const struct mote__place *place);
/* Both in the same or two mounts of one filesystem (EXDEV); `keep`: EEXIST instead of replacing.
 * EPERM for a symlink. */
int mote__place_rename(const struct mote__place *from, const struct mote__place *to, bool keep);
int mote__place_truncate(const struct mote__place *place, uint64_t size, uint64_t *left);
/* Permission bits; others are EPERM. */
int mote__place_chmod(const struct mote__place *place, unsigned mode);
int mote__place_times(const struct mote__place *place, bool follow,
                      const struct mote__file_times *times);

/* ---- open files ---- */

enum mote__open_flags {
    MOTE__OPEN_READ = 1,
    MOTE__OPEN_WRITE = 2,
    MOTE__OPEN_CREATE = 4,
    MOTE__OPEN_EXCLUSIVE = 8,
    MOTE__OPEN_TRUNCATE = 16,
    MOTE__OPEN_APPEND = 32,
    MOTE__OPEN_DIRECTORY = 64, /* ENOTDIR for anything else */
    MOTE__OPEN_NOFOLLOW = 128  /* ELOOP when the last component is a symlink */
};

struct mote__listing; /* a directory's entries, as far as they were read */

struct mote__file {
    const struct mote__mount *mount; /* NULL: a directory that only leads to mounts */
    const struct mote__mounts *mounts;
    int fd;                    /* of the host; -1 where there is none */
    enum mote__file_kind kind; /* FILE or DIRECTORY */
    unsigned flags;            /* READ, WRITE, APPEND: APPEND may be changed by the owner */
    unsigned references;
    uint64_t offset;               /* where the next read or write is */
    char *guest;                   /* of a directory: its absolute guest path, when opened */
    struct mote__listing *listing; /* of a directory */
};

/* Opens; the file has one reference. `mode`: permission bits of a new one, less the host's
 * umask. Also EROFS, EACCES, EISDIR, ELOOP, EMFILE of the host. */
int mote__file_open(struct mote__file **file, const struct mote__place *place, unsigned flags,
                    unsigned mode, uint64_t *left);
struct mote__file *mote__file_ref(struct mote__file *file);
/* The last one closes it. NULL is fine. */
void mote__file_unref(struct mote__file *file);

int64_t mote__file_read(struct mote__file *file, void *data, size_t size);
int64_t mote__file_pread(const struct mote__file *file, void *data, size_t size, uint64_t offset);
int64_t mote__file_write(struct mote__file *file, const void *data, size_t size, uint64_t *left);
/* Of a file opened to append, too, at `offset`. */
int64_t mote__file_pwrite(const struct mote__file *file, const void *data, size_t size,
                          uint64_t offset, uint64_t *left);

enum mote__seek { MOTE__SEEK_START, MOTE__SEEK_HERE, MOTE__SEEK_END };

/* The new offset. A directory may only be sought to what mote__file_next gave, and to 0. */
int64_t mote__file_seek(struct mote__file *file, int64_t offset, enum mote__seek whence);
int mote__file_status(const struct mote__file *file, struct mote__file_status *status);
int mote__file_truncate(const struct mote__file *file, uint64_t size, uint64_t *left);
int mote__file_sync(const struct mote__file *file);
int mote__file_chmod(const struct mote__file *file, unsigned mode);
int mote__file_times(const struct mote__file *file, const struct mote__file_times *times);

enum mote__lock_kind { MOTE__LOCK_NONE, MOTE__LOCK_SHARED, MOTE__LOCK_EXCLUSIVE };

/* Advisory, of this open file, never waits: EAGAIN. `size` 0: to the end and what comes. SHARED
 * needs a file that was opened to read, EXCLUSIVE to write: EBADF. */
int mote__file_lock(const struct mote__file *file, enum mote__lock_kind kind, uint64_t start,
                    uint64_t size);
/* Which lock another holder has there that would be in the way of `kind`; NONE: none. */
int mote__file_lock_test(const struct mote__file *file, enum mote__lock_kind kind, uint64_t start,
                         uint64_t size);

struct mote__dir_entry {
    const char *name; /* NUL-terminated; valid until the file is used again */
    size_t length;
    uint64_t inode;
    uint64_t next; /* where to seek to continue behind it */
    enum mote__file_kind kind;
};

/* The entry at the directory's offset: 1, or 0 at the end. It stays the next one until
 * mote__file_accept goes behind it: a caller without room for it leaves it there. */
int mote__file_next(struct mote__file *file, struct mote__dir_entry *entry);
void mote__file_accept(struct mote__file *file, const struct mote__dir_entry *entry);

#endif
