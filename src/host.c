/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <errno.h>

#include "error.h"

bool mote__host_forked(const mote_host *host)
{
    return atomic_load_explicit(host->alive, memory_order_relaxed) == 0;
}

int mote__host_check(const mote_host *host, mote_error *error)
{
    if (!mote__host_forked(host))
        return 0;
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_EFORKED, 0,
                      "make a new host in the child process",
                      "the host belongs to the parent process");
}

void mote__host_ref(mote_host *host)
{
    atomic_fetch_add(&host->objects, 1);
}

void mote__host_unref(mote_host *host)
{
    atomic_fetch_sub(&host->objects, 1);
}

static int make_fork_mark(mote_host *host, mote_error *error)
{
    void *page;
    int status = mote__map_anonymous(&page, MOTE__PAGE);
    if (status < 0)
        return mote__fail_system(error, status, "mapping the fork mark");
    host->fork_mark = page;
    host->alive = page;
    atomic_store(host->alive, 1);
#if !defined(MOTE_CONTROL_NO_FORK)
    status = mote__wipe_in_child(page, MOTE__PAGE);
#endif
    return status < 0 ? mote__fail_system(error, status, "madvise(MADV_WIPEONFORK)") : 0;
}

static int take_signal(mote_host *host, const mote_host_options *options, mote_error *error)
{
    if (options && options->signal) {
        if (!mote__signal_is_handled(options->signal))
            return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, options->signal,
                              "install a handler that returns, or leave signal 0",
                              "mote_host_options.signal is %d, which has no handler",
                              options->signal);
        host->signal = options->signal;
        return 0;
    }
    int signal = mote__signal_take();
    if (signal < 0)
        return mote__fail(error, MOTE_DOMAIN_SYSTEM, MOTE_ESYSTEM, -signal,
                          "name one in mote_host_options.signal",
                          "no free real-time signal to stop guests with");
    host->signal = signal;
    host->signal_is_ours = true;
    return 0;
}

static void destroy(mote_host *host)
{
    if (!mote__host_forked(host)) {
        mote__watchdog_stop(&host->watchdog);
        if (host->signal_is_ours)
            mote__signal_give_back(host->signal);
    }
    mote__hv_close(host->hv);
    mote__unmap(host->fork_mark, MOTE__PAGE);
    mote__free(host);
}

static int build(mote_host *host, const mote_host_options *options, mote_error *error)
{
    int status = take_signal(host, options, error);
    if (!status)
        status = mote__hv_open(&host->hv, options ? options->device : NULL, error);
    if (!status)
        status = mote__watchdog_start(&host->watchdog, error);
    return status;
}

int mote_host_new(mote_host **out, const mote_host_options *options, mote_error *error)
{
    if (!out || (options && options->size < sizeof *options))
        return mote__fail_argument(error, "mote_host_new: host is NULL or options.size is wrong");
    mote_host *host = mote__alloc(sizeof *host);
    if (!host)
        return mote__fail_memory(error, "the host");
    int status = make_fork_mark(host, error);
    if (status) {
        if (host->alive)
            mote__unmap(host->fork_mark, MOTE__PAGE);
        mote__free(host);
        return status;
    }
    status = build(host, options, error);
    if (status) {
        destroy(host);
        return status;
    }
    *out = host;
    return 0;
}

int mote_host_free(mote_host *host)
{
    if (!host)
        return 0;
    if (atomic_load(&host->objects))
        return MOTE_EBUSY;
    destroy(host);
    return 0;
}
