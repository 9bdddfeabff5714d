/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_POLICY_H
#define MOTE_POLICY_H

#include "files.h"
#include "host.h"

#define MOTE__STREAMS              3 /* guest fds 0, 1, 2 */

#define MOTE__DEFAULT_MEMORY       (64ull << 20)
#define MOTE__DEFAULT_STREAM_BYTES (16ull << 20)
#define MOTE__DEFAULT_OPEN_FILES   64u
#define MOTE__DEFAULT_FILE_BYTES   (1ull << 30)
#define MOTE__LARGEST_MEMORY       (4ull << 30)

/* A host function that guests may call. */
struct mote__grant {
    char *module, *name;
    mote_signature signature;
    mote_host_fn fn;
    void *user;
    mote_free_fn free_user;
};

struct mote_policy {
    _Atomic uint32_t references;
    _Atomic uint32_t frozen;
    pthread_mutex_t lock; /* what is below changes under it, until frozen */
    mote_host *host;
    uint64_t memory, deadline_ns, stream_bytes;
    uint64_t cpu_budget_ns, cpu_time, call_bytes; /* call_bytes 0: the memory limit */
    uint64_t clock, random, random_seed, frozen_time_ns;
    uint64_t refused, open_files, file_bytes;
    struct mote__grant *grants;
    size_t ngrants;
    struct mote__mounts mounts; /* directories and files */
    mote_stream streams[MOTE__STREAMS];
    mote_log_fn log;
    void *log_user;
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

#endif
