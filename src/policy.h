/* SPDX-License-Identifier: Apache-2.0 */
/* A policy: what guests are granted. It changes until its first sandbox freezes it. */
#ifndef MOTE_POLICY_H
#define MOTE_POLICY_H

#include "files/files.h"
#include "host.h"
#include "os/stream.h"

#define MOTE__FD_END               1024u /* numbers of guest descriptors are below it */

#define MOTE__DEFAULT_MEMORY       (64ull << 20)
#define MOTE__DEFAULT_STREAM_BYTES (16ull << 20)
#define MOTE__DEFAULT_OPEN_FILES   64u
#define MOTE__DEFAULT_FILE_BYTES   (1ull << 30)
#define MOTE__LARGEST_MEMORY       (16ull << 30) /* and as much of granted files: see arena.c */

/* A host function that guests may call. */
struct mote__grant {
    char *module, *name;
    mote_signature signature;
    mote_host_fn fn;
    void *user;
    mote_free_fn free_user;
};

enum mote__stream_kind {
    MOTE__STREAM_CALLBACK,
    MOTE__STREAM_FD,     /* a descriptor of the host */
    MOTE__STREAM_INPUT,  /* a buffer to read */
    MOTE__STREAM_CAPTURE /* what is written is kept for the embedder */
};

/* A stream that guests find at a descriptor. */
struct mote__stream {
    int guest_fd;
    enum mote__stream_kind kind;
    bool readable, writable;
    uint64_t limit; /* bytes in each direction between two resets; 0: none of its own */
    mote_stream calls;
    struct mote__host_stream host; /* ours */
    uint8_t *data;                 /* a copy */
    size_t size;
};

struct mote_policy {
    _Atomic uint32_t references;
    _Atomic uint32_t frozen;
    pthread_mutex_t lock; /* what is below changes under it, until frozen */
    int cancel;           /* state of cancellation of the thread that has it */
    mote_host *host;
    uint64_t memory, deadline_ns, stream_bytes;
    uint64_t cpu_budget_ns, cpu_time, call_bytes; /* call_bytes 0: the memory limit */
    uint64_t clock, random, random_seed, frozen_time_ns;
    uint64_t refused, open_files, file_bytes;
    struct mote__grant *grants;
    size_t ngrants;
    struct mote__mounts mounts;   /* directories and files */
    struct mote__stream *streams; /* sorted by guest_fd */
    size_t nstreams;
    mote_log_fn log;
    void *log_user;
    mote_trace_fn trace;
    void *trace_user;
};

/* Opens the policy for a change; where that succeeds mote__policy_close must follow, which gives
 * `status` back. */
int mote__policy_open(mote_policy *policy, mote_error *error);
int mote__policy_close(mote_policy *policy, int status);

/* NULL when nothing of that name was granted. */
const struct mote__grant *mote__policy_find(const mote_policy *policy, const char *module,
                                            const char *name);
/* From now on it cannot change. */
void mote__policy_freeze(mote_policy *policy);
/* policy_streams.c */
void mote__policy_free_streams(mote_policy *policy);

#endif
