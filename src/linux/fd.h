/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptors of one sandbox. A descriptor is a number that refers to an
 * open stream or file; duplicates share what they refer to. The table begins
 * with the streams of the policy and comes back to them at each reset. It takes
 * its memory when the sandbox is made and none later.
 */
#ifndef MOTE_LINUX_FD_H
#define MOTE_LINUX_FD_H

#include "policy.h"

/* What a stream without a listener was given, until the reset. */
struct mote__capture {
    uint8_t *data;
    size_t room, used;
};

/* What the guest did with one stream of its policy since the last reset. */
struct mote__stream_state {
    uint64_t taken; /* bytes that it read */
    uint64_t given; /* bytes that it wrote */
    struct mote__capture capture;
};

enum mote__fd_kind {
    MOTE__FD_FREE,
    MOTE__FD_STREAM,
    MOTE__FD_FILE,  /* a file or directory beneath a grant */
    MOTE__FD_NULL,  /* /dev/null */
    MOTE__FD_RANDOM /* /dev/urandom */
};

/* What descriptors refer to. */
struct mote__open {
    enum mote__fd_kind kind;
    unsigned references; /* descriptors */
    unsigned flags;      /* O_ACCMODE, O_APPEND, O_NONBLOCK */
    size_t stream;       /* the number among the policy's streams */
    struct mote__file *file;
};

struct mote__descriptor {
    uint16_t number;
    uint16_t open; /* the number in fds->opens */
    bool close_on_exec;
};

struct mote__fds {
    const mote_policy *policy;     /* NULL: nothing is granted */
    struct mote__descriptor *list; /* sorted by number */
    struct mote__open *opens;
    size_t count, room; /* `room` is that of both lists */
    struct mote__stream_state *streams;
    char *cwd;                /* MOTE__PATH_MAX bytes; NULL where the policy grants no files */
    uint64_t file_bytes_left; /* of MOTE_OPT_FILE_BYTES */
    bool changed;             /* since the last reset */
};

/* MOTE_ENOMEM. `policy` may be NULL. */
int mote__fds_init(struct mote__fds *fds, const mote_policy *policy);
/* Closes what the guest opened, opens what it closed, forgets what streams carried. */
void mote__fds_reset(struct mote__fds *fds);
void mote__fds_free(struct mote__fds *fds);

/* NULL where it is not open. */
struct mote__descriptor *mote__fds_find(const struct mote__fds *fds, uint64_t number);
struct mote__open *mote__fds_open_of(const struct mote__fds *fds, uint64_t number);

/* Whether one more may be open. */
static inline bool mote__fds_has_room(const struct mote__fds *fds)
{
    return fds->count < fds->room;
}

/* The lowest free number from `lowest` on refers to something new, of which the caller fills
 * in what it is; its kind must not be FREE. The number, or -EMFILE. */
int mote__fds_add(struct mote__fds *fds, uint64_t lowest, bool close_on_exec,
                  struct mote__open **open);
/* A duplicate of `from` at the lowest free number from `lowest` on, or just at `lowest`, in the
 * place of what was there. The number, or a negative errno. */
int mote__fds_duplicate(struct mote__fds *fds, uint64_t from, uint64_t lowest, bool close_on_exec);
int mote__fds_replace(struct mote__fds *fds, uint64_t from, uint64_t to, bool close_on_exec);
/* 0 or -EBADF. */
int mote__fds_close(struct mote__fds *fds, uint64_t number);

/* stream.c: 0 or MOTE_ENOMEM. */
int mote__capture_append(const mote_allocator *allocator, struct mote__capture *capture,
                         const void *data, size_t size);
/* Leaves nothing of it in memory. */
void mote__capture_discard(struct mote__capture *capture);

#endif
