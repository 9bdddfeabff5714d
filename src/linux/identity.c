/* SPDX-License-Identifier: Apache-2.0 */
/* Who and where the guest is, and what it may use: the same answers everywhere, save its own
 * limits. Nothing shows of the host. */
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/utsname.h>

#include "linux/internal.h"

/* Of the user and the group, real and effective; the auxiliary vector says the same. */
int64_t mote__linux_user(mote_sandbox *sandbox, struct mote__syscall *call)
{
    (void)sandbox;
    (void)call;
    return MOTE__LINUX_USER;
}

/* To become who one is. */
int64_t mote__linux_set_user(mote_sandbox *sandbox, struct mote__syscall *call)
{
    (void)sandbox;
    return (uint32_t)call->args[0] == MOTE__LINUX_USER ? 0 : -EPERM;
}

int64_t mote__linux_uname(mote_sandbox *sandbox, struct mote__syscall *call)
{
    static const struct utsname names = {
        .sysname = "Linux",
        .nodename = "mote",
        .release = "6.1.0",
        .version = "mote",
        .machine = "x86_64",
        .domainname = "(none)",
    };
    return mote__linux_put(sandbox, call->args[0], &names, sizeof names);
}

int64_t mote__linux_sysinfo(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const struct mote__memory *memory = &sandbox->shell->memory;
    struct sysinfo info;
    memset(&info, 0, sizeof info);
    if (mote__linux_has_clock(sandbox))
        info.uptime = (long)(mote__linux_monotonic_ns(sandbox) / MOTE__SECOND);
    info.totalram = memory->limit;
    info.freeram = memory->limit - mote__memory_in_use(memory);
    info.procs = 1;
    info.mem_unit = 1;
    return mote__linux_put(sandbox, call->args[0], &info, sizeof info);
}

/* ---- limits: to be read, not to be set ---- */

static struct rlimit limit_of(const mote_sandbox *sandbox, uint64_t resource)
{
    const struct mote__layout *l = sandbox->shell->layout;
    uint64_t limit = resource == RLIMIT_STACK    ? l->stack_top - l->stack_low
                     : resource == RLIMIT_AS     ? sandbox->shell->memory.limit
                     : resource == RLIMIT_NOFILE ? MOTE__FD_END
                     : resource == RLIMIT_NPROC  ? 1
                     : resource == RLIMIT_CORE   ? 0
                                                 : RLIM_INFINITY;
    return (struct rlimit){limit, limit};
}

static int64_t put_limit(mote_sandbox *sandbox, uint64_t resource, uint64_t address)
{
    if (resource >= RLIM_NLIMITS)
        return -EINVAL;
    struct rlimit limit = limit_of(sandbox, resource);
    return address ? mote__linux_put(sandbox, address, &limit, sizeof limit) : 0;
}

int64_t mote__linux_getrlimit(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return put_limit(sandbox, call->args[0], call->args[1]);
}

int64_t mote__linux_prlimit(mote_sandbox *sandbox, struct mote__syscall *call)
{
    if (call->args[0] > MOTE__LINUX_ID)
        return -ESRCH;
    return call->args[2] ? -EPERM : put_limit(sandbox, call->args[1], call->args[3]);
}

int64_t mote__linux_getrusage(mote_sandbox *sandbox, struct mote__syscall *call)
{
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    if (!mote__linux_has_clock(sandbox))
        return mote__linux_refuse(call);
    uint64_t ns = mote__linux_cpu_ns(sandbox);
    usage.ru_utime.tv_sec = (time_t)(ns / MOTE__SECOND);
    usage.ru_utime.tv_usec = (suseconds_t)(ns % MOTE__SECOND / 1000);
    usage.ru_maxrss = (long)(mote__memory_in_use(&sandbox->shell->memory) / 1024);
    return mote__linux_put(sandbox, call->args[1], &usage, sizeof usage);
}

/* ---- the processor ---- */

/* One, number 0; the answer is the size of the mask. */
int64_t mote__linux_getaffinity(mote_sandbox *sandbox, struct mote__syscall *call)
{
    static const uint64_t first = 1;
    if (call->args[1] < sizeof first || call->args[1] % sizeof first)
        return -EINVAL;
    return mote__linux_put(sandbox, call->args[2], &first, sizeof first) ?: (int64_t)sizeof first;
}

int64_t mote__linux_getcpu(mote_sandbox *sandbox, struct mote__syscall *call)
{
    static const uint32_t first;
    int64_t status = call->args[0] ? mote__linux_put(sandbox, call->args[0], &first, 4) : 0;
    return status || !call->args[1] ? status : mote__linux_put(sandbox, call->args[1], &first, 4);
}

/* ---- what a process knows of itself ---- */

int64_t mote__linux_umask(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint32_t old = sandbox->personality.umask;
    sandbox->personality.umask = (uint32_t)call->args[0] & 0777;
    return old;
}

int64_t mote__linux_prctl(mote_sandbox *sandbox, struct mote__syscall *call)
{
    char *name = sandbox->personality.name;
    switch (call->args[0]) {
    case PR_SET_NAME:
        if (mote__linux_get_string(sandbox, call->args[1], name, sizeof sandbox->personality.name))
            return -EFAULT;
        return 0;
    case PR_GET_NAME:
        return mote__linux_put(sandbox, call->args[1], name, sizeof sandbox->personality.name);
    default:
        return mote__linux_refuse(call);
    }
}
