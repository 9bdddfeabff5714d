/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the file layer only. */
#ifndef MOTE_FILES_INTERNAL_H
#define MOTE_FILES_INTERNAL_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "files/files.h"
#include "os/files.h"
#include "os/os.h"

/* What a guest is told in the place of the host's number. One to one on each device. */
uint64_t mote__files_inode(uint64_t key, uint64_t device, uint64_t inode);
int64_t mote__files_ns(struct timespec time);
enum mote__file_kind mote__files_kind(unsigned mode); /* of st_mode */
/* Of a directory that only leads to mounts. */
void mote__files_virtual_status(const char *guest, uint64_t key, struct mote__file_status *status);
void mote__files_granted_status(const struct mote__mount *mount, struct mote__file_status *status);
int mote__files_host_status(int fd, uint64_t key, struct mote__file_status *status);
/* Bytes of a directory's guest path in front of what lies beneath it: 0 for "/". */
size_t mote__files_prefix(const char *guest);
/* Whether `guest` is the directory whose prefix is given, or beneath it. */
bool mote__files_within(const char *guest, const char *directory, size_t prefix);
/* Whether a mount is at this guest path or beneath it. */
bool mote__files_lead_to_mount(const struct mote__mounts *mounts, const char *guest);

/* Looks a place in a directory mount up, O_PATH with `flags`; EPERM where it would lead out. */
int mote__files_look(const struct mote__place *place, int flags);

/* Takes `cost` from the budget; ENOSPC. */
static inline int mote__files_charge(uint64_t *left, uint64_t cost)
{
    if (cost > *left)
        return -ENOSPC;
    *left -= cost;
    return 0;
}

/* The flags and times of the host for ours. */
void mote__files_host_times(const struct mote__file_times *times, struct timespec host[2]);

#endif
