/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the personality only. */
#ifndef MOTE_LINUX_INTERNAL_H
#define MOTE_LINUX_INTERNAL_H

#include <errno.h>

#include "sandbox.h"

#define MOTE__LINUX_ID   1    /* of the process, its only thread, its group */
#define MOTE__LINUX_USER 1000 /* user and group */

#define MOTE__SECOND     1000000000 /* nanoseconds */

/* One system call while it is served. */
struct mote__syscall {
    uint64_t number;
    uint64_t args[6];            /* in the order of the x86-64 ABI */
    struct mote__cpu_regs *regs; /* what the guest goes on with */
    enum mote__syscall_outcome outcome;
    bool refused;
};

/* Serves a call; returns what the guest gets: a value, or a negative errno. */
typedef int64_t mote__syscall_fn(mote_sandbox *sandbox, struct mote__syscall *call);

/* A call of Linux; `serve` is NULL for those that no guest has. */
struct mote__syscall_row {
    const char *name;
    mote__syscall_fn *serve;
};

/* table.c: NULL for a number that Linux does not have. */
const struct mote__syscall_row *mote__linux_row(uint64_t number);

/* The answer to what the policy does not grant. */
static inline int64_t mote__linux_refuse(struct mote__syscall *call)
{
    call->refused = true;
    return -ENOSYS;
}

/* The call of the embedder is being stopped: what takes long ends soon. */
static inline bool mote__linux_stopping(const mote_sandbox *sandbox)
{
    return mote__handle_cause(sandbox->handle) != MOTE__CAUSE_NONE;
}

/* Structures of the guest, copied; 0 or -EFAULT. */
static inline int64_t mote__linux_get(const mote_sandbox *sandbox, uint64_t address, void *to,
                                      size_t size)
{
    return mote__memory_get(&sandbox->shell->memory, address, to, size) ? -EFAULT : 0;
}

static inline int64_t mote__linux_put(mote_sandbox *sandbox, uint64_t address, const void *from,
                                      size_t size)
{
    return mote__memory_put(&sandbox->shell->memory, address, from, size) ? -EFAULT : 0;
}

/* A string with its NUL, cut to `size`; 0 or -EFAULT. */
int64_t mote__linux_get_string(const mote_sandbox *sandbox, uint64_t address, char *to,
                               size_t size);

/* ---- stream.c: what the policy grants at a descriptor ---- */

#define MOTE__PIECE 0x4000u /* bytes that travel at a time: copied once, on the host's stack */

/* Up to MOTE__PIECE bytes; how many, or a negative errno. Waits where the stream does, unless
 * the descriptor is O_NONBLOCK, until the call is stopped: -EINTR. */
int64_t mote__stream_take(mote_sandbox *sandbox, const struct mote__open *open, void *data,
                          size_t size);
int64_t mote__stream_give(mote_sandbox *sandbox, const struct mote__open *open, const void *data,
                          size_t size);
/* What poll(2) would say now. */
short mote__stream_ready(const mote_sandbox *sandbox, const struct mote__open *open, short events);

/* -1 where there is none behind it. */
int mote__stream_host_fd(const mote_sandbox *sandbox, const struct mote__open *open);

/* Bytes that it has for the guest now; 0 also where nobody can tell. */
uint64_t mote__stream_readable(const mote_sandbox *sandbox, const struct mote__open *open);

/* ---- path.c ---- */

/* Whether the policy grants any. */
bool mote__linux_has_files(const mote_sandbox *sandbox);
/* The place that a path of the guest names, from an open directory or AT_FDCWD on. */
int64_t mote__linux_place(mote_sandbox *sandbox, struct mote__syscall *call, uint64_t directory,
                          uint64_t address, struct mote__place *place);

/* ---- file.c ---- */

/* F_GETLK and its like; `address` is that of a struct flock. */
int64_t mote__linux_record_lock(mote_sandbox *sandbox, const struct mote__open *open, int command,
                                uint64_t address);

/* ---- mm.c, mmap_file.c ---- */

/* What the memory layer says, as the guest hears it. Where the host itself failed,
 * the call ends: the guest's mappings may be half done. */
int64_t mote__linux_errno(mote_sandbox *sandbox, int status, const mote_error *error);
/* Rounds a size up; false where the start is not a page, the size 0, or the range not a user's. */
bool mote__linux_align(uint64_t start, uint64_t *size);
/* Whether a range belongs to the guest's own mappings and not to our fixtures. */
bool mote__linux_is_own(const mote_sandbox *sandbox, uint64_t start, uint64_t size);
enum mote__region_kind mote__linux_kind_at(const mote_sandbox *sandbox, uint64_t start);
/* The lowest place for a mapping; 0 or -ENOMEM. */
int64_t mote__linux_gap(const mote_sandbox *sandbox, uint64_t size, uint64_t *start);
/* Whether an mmap may map its descriptor; the file behind it. */
int64_t mote__linux_mappable(const mote_sandbox *sandbox, const struct mote__syscall *call,
                             const struct mote__file **file);
/* Maps it where nothing is mapped. */
int64_t mote__linux_map_file(mote_sandbox *sandbox, const struct mote__file *file, uint64_t start,
                             uint64_t size, uint64_t offset, unsigned access,
                             enum mote__region_kind kind);

/* ---- wait.c: the host's thread sleeps for the guest ---- */

struct pollfd;

/* Until a host descriptor is ready, `ns` have passed (UINT64_MAX: for ever), or the call is
 * stopped (-EINTR). The number of ready ones. */
int mote__linux_wait(const mote_sandbox *sandbox, struct pollfd *fds, size_t count, uint64_t ns);

/* ---- clock.c ---- */

/* A struct timespec (`unit` 1) or timeval (1000) of the guest, in nanoseconds; what is beyond all
 * deadlines is UINT64_MAX. -EINVAL where it is negative or its second part not below a second. */
int64_t mote__linux_get_time(const mote_sandbox *sandbox, uint64_t address, uint64_t unit,
                             uint64_t *ns);

/* Whether the policy grants one. */
bool mote__linux_has_clock(const mote_sandbox *sandbox);
/* Nanoseconds that the guest's calls have used of a processor. */
uint64_t mote__linux_cpu_ns(mote_sandbox *sandbox);
/* Since the guest first asked. */
uint64_t mote__linux_monotonic_ns(mote_sandbox *sandbox);

/* ---- random.c ---- */

/* MOTE__PIECE bytes at most; 0 or a negative errno. The policy must grant randomness. */
int64_t mote__linux_random(mote_sandbox *sandbox, void *data, size_t size);
/* The seeded stream, from its word `first` on. */
void mote__linux_seeded(uint64_t seed, uint64_t first, void *data, size_t size);
bool mote__linux_has_random(const mote_sandbox *sandbox);

/* ---- the calls, by file ---- */

/* mm.c */
mote__syscall_fn mote__linux_brk, mote__linux_mmap, mote__linux_munmap, mote__linux_mprotect;

/* remap.c */
mote__syscall_fn mote__linux_mremap, mote__linux_madvise;

/* io.c */
mote__syscall_fn mote__linux_read, mote__linux_readv, mote__linux_write, mote__linux_writev,
    mote__linux_pread, mote__linux_pwrite, mote__linux_preadv, mote__linux_pwritev;

/* descriptor.c */
mote__syscall_fn mote__linux_close, mote__linux_close_range, mote__linux_dup, mote__linux_dup2,
    mote__linux_dup3, mote__linux_fcntl, mote__linux_ioctl;

/* path.c */
mote__syscall_fn mote__linux_open, mote__linux_creat, mote__linux_openat, mote__linux_openat2,
    mote__linux_chdir, mote__linux_fchdir, mote__linux_getcwd, mote__linux_mkdir,
    mote__linux_mkdirat, mote__linux_unlink, mote__linux_rmdir, mote__linux_unlinkat,
    mote__linux_rename, mote__linux_renameat, mote__linux_renameat2, mote__linux_readlink,
    mote__linux_readlinkat;

/* attributes.c */
mote__syscall_fn mote__linux_stat, mote__linux_lstat, mote__linux_fstat, mote__linux_newfstatat,
    mote__linux_statx, mote__linux_access, mote__linux_faccessat, mote__linux_chmod,
    mote__linux_fchmod, mote__linux_fchmodat, mote__linux_truncate, mote__linux_ftruncate,
    mote__linux_fsync, mote__linux_utimensat;

/* file.c */
mote__syscall_fn mote__linux_lseek, mote__linux_getdents64, mote__linux_flock;

/* poll.c */
mote__syscall_fn mote__linux_poll, mote__linux_ppoll, mote__linux_select, mote__linux_pselect;

/* clock.c */
mote__syscall_fn mote__linux_clock_gettime, mote__linux_clock_getres, mote__linux_gettimeofday,
    mote__linux_time, mote__linux_times, mote__linux_nanosleep, mote__linux_clock_nanosleep;

/* random.c */
mote__syscall_fn mote__linux_getrandom;

/* identity.c */
mote__syscall_fn mote__linux_user, mote__linux_set_user, mote__linux_uname, mote__linux_sysinfo,
    mote__linux_prlimit, mote__linux_getrlimit, mote__linux_getrusage, mote__linux_getaffinity,
    mote__linux_getcpu, mote__linux_umask, mote__linux_prctl;

/* process.c */
mote__syscall_fn mote__linux_exit, mote__linux_only_thread, mote__linux_arch_prctl,
    mote__linux_nothing, mote__linux_unsupported;

/* signal.c */
mote__syscall_fn mote__linux_sigaction, mote__linux_sigprocmask, mote__linux_sigaltstack,
    mote__linux_sigpending, mote__linux_kill, mote__linux_tgkill;

#endif
