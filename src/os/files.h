/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the seam that serves files by grant (files.h): the host's own
 * calls on files, as Linux has them. 0 (or a result >= 0) or a negative errno.
 * None of them raises SIGXFSZ: what RLIMIT_FSIZE forbids is EFBIG before.
 */
#ifndef MOTE_OS_FILES_H
#define MOTE_OS_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* The root of what is granted, O_PATH. */
int mote__open_root(const char *path);
/* openat2, beneath `dir` whatever symlinks say; close-on-exec. EXDEV: it would lead out. */
int mote__open_beneath(int dir, const char *path, int flags, unsigned mode);
/* Opens what an O_PATH fd stands for, itself and nothing that took its name since. */
int mote__open_again(int fd, int flags);
int mote__open_listing(int dir);

/* A folder that can be synced; and a new file in it, for writing, that only its owner can open. */
int mote__open_folder(const char *path);
int mote__create_at(int dir, const char *name);

/* An unnamed file with the first `size` bytes of another, padded with zeros to whole pages, that
 * nobody can change any more. EIO where the other is shorter. */
int mote__sealed_copy(int from, const char *name, uint64_t size);

int mote__fd_status(int fd, struct stat *status);
int mote__fd_access(int fd, int mode);
int mote__fd_chmod(int fd, unsigned mode); /* also O_PATH */
int mote__fd_times(int fd, const struct timespec times[2]);
int64_t mote__fd_readlink(int fd, char *target, size_t size);
int mote__fd_sync(int fd);
int mote__fd_truncate(int fd, uint64_t size);

/* Whatever comes at once; short where the host is. */
int64_t mote__fd_read(int fd, void *data, size_t size, uint64_t offset);
int64_t mote__fd_write(int fd, const void *data, size_t size, uint64_t offset);
/* At the end, wherever that is by then; `size_now` is where it was. */
int64_t mote__fd_append(int fd, const void *data, size_t size, uint64_t size_now);

/* `type` is F_RDLCK, F_WRLCK or F_UNLCK; of the open file description. `test`: the type that
 * is in the way. */
int mote__fd_lock(int fd, int type, uint64_t start, uint64_t size);
int mote__fd_lock_test(int fd, int type, uint64_t start, uint64_t size);

int64_t mote__fd_entries(int fd, void *buffer, size_t size); /* struct linux_dirent64 */
int mote__fd_seek(int fd, uint64_t offset);

/* `name` is one component. */
int mote__make_directory_at(int dir, const char *name, unsigned mode);
int mote__remove_at(int dir, const char *name, int flags);
int mote__rename_at(int from, const char *name, int to, const char *new_name, unsigned flags);

#endif
