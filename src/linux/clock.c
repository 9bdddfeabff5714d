/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time as the policy grants it. Every clock begins with the guest's first look
 * at one, save CLOCK_REALTIME; so nothing shows of what was before, and a reset
 * needs no work; in a snapshot they stand still. The coarse kind rounds down, so that no clock is
 * ahead.
 */
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#include "linux/internal.h"
#include "os/os.h"

#define COARSE 10000000u /* nanoseconds */

bool mote__linux_has_clock(const mote_sandbox *sandbox)
{
    return sandbox->policy && sandbox->policy->clock != MOTE_CLOCK_NONE;
}

static uint64_t resolution(const mote_sandbox *sandbox)
{
    return sandbox->policy->clock == MOTE_CLOCK_REAL ? 1 : COARSE;
}

static uint64_t rounded(const mote_sandbox *sandbox, uint64_t ns)
{
    return ns - ns % resolution(sandbox);
}

static bool is_frozen(const mote_sandbox *sandbox)
{
    return sandbox->policy->clock == MOTE_CLOCK_FROZEN;
}

/* ---- the clocks ---- */

uint64_t mote__linux_monotonic_ns(mote_sandbox *sandbox)
{
    uint64_t *zero = &sandbox->personality.monotonic_zero;
    if (is_frozen(sandbox))
        return 0;
    uint64_t now = mote__now_ns();
    if (!*zero)
        *zero = now - sandbox->personality.monotonic_start;
    return rounded(sandbox, now - *zero);
}

static uint64_t realtime_ns(const mote_sandbox *sandbox)
{
    return is_frozen(sandbox) ? sandbox->policy->frozen_time_ns
                              : rounded(sandbox, mote__realtime_ns());
}

uint64_t mote__linux_cpu_ns(mote_sandbox *sandbox)
{
    struct mote__linux *p = &sandbox->personality;
    if (is_frozen(sandbox))
        return 0;
    uint64_t now = mote__handle_cpu_now(sandbox->handle);
    if (sandbox->cpu_seen && now > sandbox->cpu_seen)
        p->cpu_ns += now - sandbox->cpu_seen;
    sandbox->cpu_seen = now;
    return rounded(sandbox, p->cpu_ns);
}

/* False where there is no such clock. */
static bool read_clock(mote_sandbox *sandbox, uint64_t clock, uint64_t *ns)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        *ns = realtime_ns(sandbox);
        return true;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = mote__linux_monotonic_ns(sandbox);
        return true;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = mote__linux_cpu_ns(sandbox);
        return true;
    default:
        return false;
    }
}

static struct timespec to_timespec(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / MOTE__SECOND), (long)(ns % MOTE__SECOND)};
}

int64_t mote__linux_clock_gettime(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t ns;
    if (!mote__linux_has_clock(sandbox)) {
        mote__linux_refuse(call);
        return -EPERM; /* with ENOSYS musl would invent a time: it takes that for an old kernel */
    }
    if (!read_clock(sandbox, call->args[0], &ns))
        return -EINVAL;
    struct timespec t = to_timespec(ns);
    return mote__linux_put(sandbox, call->args[1], &t, sizeof t);
}

int64_t mote__linux_clock_getres(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t ns;
    if (!mote__linux_has_clock(sandbox))
        return mote__linux_refuse(call);
    if (!read_clock(sandbox, call->args[0], &ns))
        return -EINVAL;
    struct timespec t = to_timespec(resolution(sandbox));
    return call->args[1] ? mote__linux_put(sandbox, call->args[1], &t, sizeof t) : 0;
}

int64_t mote__linux_gettimeofday(mote_sandbox *sandbox, struct mote__syscall *call)
{
    static const struct timezone utc;
    if (!mote__linux_has_clock(sandbox))
        return mote__linux_refuse(call);
    uint64_t ns = realtime_ns(sandbox);
    struct timeval t = {(time_t)(ns / MOTE__SECOND), (suseconds_t)(ns % MOTE__SECOND / 1000)};
    int64_t status = call->args[0] ? mote__linux_put(sandbox, call->args[0], &t, sizeof t) : 0;
    return status || !call->args[1] ? status
                                    : mote__linux_put(sandbox, call->args[1], &utc, sizeof utc);
}

int64_t mote__linux_time(mote_sandbox *sandbox, struct mote__syscall *call)
{
    if (!mote__linux_has_clock(sandbox))
        return mote__linux_refuse(call);
    int64_t seconds = (int64_t)(realtime_ns(sandbox) / MOTE__SECOND);
    if (call->args[0] && mote__linux_put(sandbox, call->args[0], &seconds, sizeof seconds))
        return -EFAULT;
    return seconds;
}

/* In ticks of AT_CLKTCK, 100 in a second. */
int64_t mote__linux_times(mote_sandbox *sandbox, struct mote__syscall *call)
{
    if (!mote__linux_has_clock(sandbox))
        return mote__linux_refuse(call);
    struct tms t = {.tms_utime = (clock_t)(mote__linux_cpu_ns(sandbox) / COARSE)};
    if (call->args[0] && mote__linux_put(sandbox, call->args[0], &t, sizeof t))
        return -EFAULT;
    return (int64_t)(mote__linux_monotonic_ns(sandbox) / COARSE);
}

/* ---- sleeping ---- */

int64_t mote__linux_get_time(const mote_sandbox *sandbox, uint64_t address, uint64_t unit,
                             uint64_t *ns)
{
    int64_t t[2]; /* struct timespec or timeval */
    if (mote__linux_get(sandbox, address, t, sizeof t))
        return -EFAULT;
    if (t[0] < 0 || t[1] < 0 || (uint64_t)t[1] >= MOTE__SECOND / unit)
        return -EINVAL;
    uint64_t seconds = (uint64_t)t[0];
    *ns = seconds < UINT64_MAX / MOTE__SECOND - 1 ? seconds * MOTE__SECOND + (uint64_t)t[1] * unit
                                                  : UINT64_MAX;
    return 0;
}

/* With a clock that stands still all sleep is over at once. */
static int64_t sleep_ns(const mote_sandbox *sandbox, uint64_t ns)
{
    return is_frozen(sandbox) ? 0 : mote__linux_wait(sandbox, NULL, 0, ns);
}

int64_t mote__linux_nanosleep(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t ns;
    if (!mote__linux_has_clock(sandbox))
        return mote__linux_refuse(call);
    int64_t status = mote__linux_get_time(sandbox, call->args[0], 1, &ns);
    return status ? status : sleep_ns(sandbox, ns);
}

int64_t mote__linux_clock_nanosleep(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t ns, now;
    if (!mote__linux_has_clock(sandbox))
        return mote__linux_refuse(call);
    if (!read_clock(sandbox, call->args[0], &now))
        return -EINVAL;
    int64_t status = mote__linux_get_time(sandbox, call->args[2], 1, &ns);
    if (status)
        return status;
    if (call->args[1] & TIMER_ABSTIME)
        ns = ns > now ? ns - now : 0;
    return sleep_ns(sandbox, ns);
}
