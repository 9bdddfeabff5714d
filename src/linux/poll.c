/* SPDX-License-Identifier: Apache-2.0 */
/* poll and select. What a descriptor of the host says is true now; everything else is ready, since
 * only trying could tell. The guest sleeps on the first kind only. */
#include <poll.h>
#include <string.h>
#include <sys/select.h>

#include "linux/internal.h"

#define MOST 256u /* descriptors in one call */

/* ---- one look and one sleep ---- */

static short look_at(const mote_sandbox *sandbox, const struct pollfd *p)
{
    if (p->fd < 0)
        return 0;
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, (uint64_t)p->fd);
    if (!open)
        return POLLNVAL;
    return open->kind == MOTE__FD_STREAM ? mote__stream_ready(sandbox, open, p->events)
                                         : p->events & (POLLIN | POLLOUT);
}

static int look(const mote_sandbox *sandbox, struct pollfd *list, size_t count)
{
    int ready = 0;
    for (size_t i = 0; i < count; i++) {
        list[i].revents = look_at(sandbox, &list[i]);
        ready += list[i].revents != 0;
    }
    return ready;
}

/* The host's descriptors behind the guest's; there is none behind a callback or a buffer (-1,
 * which poll passes over). */
static size_t to_host(const mote_sandbox *sandbox, const struct pollfd *list, size_t count,
                      struct pollfd *host)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct mote__open *open =
            list[i].fd < 0 ? NULL : mote__fds_open_of(&sandbox->fds, (uint64_t)list[i].fd);
        if (open)
            host[n++] = (struct pollfd){mote__stream_host_fd(sandbox, open), list[i].events, 0};
    }
    return n;
}

static int64_t wait_for(const mote_sandbox *sandbox, struct pollfd *list, size_t count, uint64_t ns)
{
    struct pollfd host[MOST];
    int ready = look(sandbox, list, count);
    if (ready || ns == 0)
        return ready;
    int woken = mote__linux_wait(sandbox, host, to_host(sandbox, list, count, host), ns);
    return woken < 0 ? woken : look(sandbox, list, count);
}

/* ---- times ---- */

/* NULL is for ever. */
static int64_t get_timeout(const mote_sandbox *sandbox, uint64_t address, uint64_t unit,
                           uint64_t *ns)
{
    *ns = UINT64_MAX;
    return address ? mote__linux_get_time(sandbox, address, unit, ns) : 0;
}

/* ---- poll ---- */

static int64_t poll_for(mote_sandbox *sandbox, struct mote__syscall *call, uint64_t ns)
{
    struct pollfd list[MOST];
    uint64_t count = call->args[1];
    if (count > MOST)
        return -EINVAL;
    size_t size = (size_t)count * sizeof list[0];
    if (mote__linux_get(sandbox, call->args[0], list, size))
        return -EFAULT;
    int64_t ready = wait_for(sandbox, list, (size_t)count, ns);
    if (ready < 0)
        return ready;
    return mote__linux_put(sandbox, call->args[0], list, size) ? -EFAULT : ready;
}

int64_t mote__linux_poll(mote_sandbox *sandbox, struct mote__syscall *call)
{
    int32_t ms = (int32_t)call->args[2];
    return poll_for(sandbox, call, ms < 0 ? UINT64_MAX : (uint64_t)ms * 1000000u);
}

int64_t mote__linux_ppoll(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t ns;
    int64_t status = get_timeout(sandbox, call->args[2], 1, &ns);
    return status ? status : poll_for(sandbox, call, ns);
}

/* ---- select: the same by sets ---- */

enum { READ, WRITE, EXCEPT, SETS };
static const short events_of[SETS] = {POLLIN, POLLOUT, POLLPRI};
static const short answers_of[SETS] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, POLLPRI};

static bool is_set(const fd_set *set, unsigned fd)
{
    return ((const uint64_t *)set)[fd / 64] >> fd % 64 & 1;
}

static int64_t get_sets(const mote_sandbox *sandbox, const struct mote__syscall *call,
                        fd_set sets[SETS], size_t size)
{
    memset(sets, 0, SETS * sizeof sets[0]);
    for (int i = 0; i < SETS; i++)
        if (call->args[1 + i] && mote__linux_get(sandbox, call->args[1 + i], &sets[i], size))
            return -EFAULT;
    return 0;
}

static int64_t to_list(const fd_set sets[SETS], unsigned end, struct pollfd *list)
{
    size_t n = 0;
    for (unsigned fd = 0; fd < end; fd++) {
        short events = 0;
        for (int i = 0; i < SETS; i++)
            events |= is_set(&sets[i], fd) ? events_of[i] : 0;
        if (events && n == MOST)
            return -EINVAL;
        if (events)
            list[n++] = (struct pollfd){(int)fd, events, 0};
    }
    return (int64_t)n;
}

/* The answer's sets; how many bits, or -EBADF. */
static int64_t from_list(const struct pollfd *list, size_t n, fd_set sets[SETS])
{
    int64_t bits = 0;
    memset(sets, 0, SETS * sizeof sets[0]);
    for (size_t k = 0; k < n; k++) {
        if (list[k].revents & POLLNVAL)
            return -EBADF;
        for (int i = 0; i < SETS; i++)
            if (list[k].events & events_of[i] && list[k].revents & answers_of[i]) {
                ((uint64_t *)&sets[i])[list[k].fd / 64] |= 1ull << list[k].fd % 64;
                bits++;
            }
    }
    return bits;
}

static int64_t select_for(mote_sandbox *sandbox, const struct mote__syscall *call, uint64_t ns)
{
    fd_set sets[SETS];
    struct pollfd list[MOST];
    if ((int32_t)call->args[0] < 0)
        return -EINVAL;
    unsigned end = call->args[0] < MOTE__FD_END ? (unsigned)call->args[0] : MOTE__FD_END;
    size_t size = mote__align_up(end, 64) / 8;
    int64_t n = get_sets(sandbox, call, sets, size);
    if (!n)
        n = to_list(sets, end, list);
    if (n < 0)
        return n;
    int64_t ready = wait_for(sandbox, list, (size_t)n, ns);
    if (ready >= 0)
        ready = from_list(list, (size_t)n, sets);
    for (int i = 0; ready >= 0 && i < SETS; i++)
        if (call->args[1 + i] && mote__linux_put(sandbox, call->args[1 + i], &sets[i], size))
            return -EFAULT;
    return ready;
}

int64_t mote__linux_select(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t ns;
    int64_t status = get_timeout(sandbox, call->args[4], 1000, &ns);
    return status ? status : select_for(sandbox, call, ns);
}

int64_t mote__linux_pselect(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint64_t ns;
    int64_t status = get_timeout(sandbox, call->args[4], 1, &ns);
    return status ? status : select_for(sandbox, call, ns);
}
