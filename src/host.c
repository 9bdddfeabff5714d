/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "error.h"
#include "options.h"

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

void mote__host_log(const mote_host *host, unsigned level, const char *format, ...)
{
    char text[512];
    if (!host->log)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    host->log(host->log_user, level, text);
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
    if (options->signal) {
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
        mote__pool_stop(&host->pool);
        mote__crowd_stop(&host->crowd);
        if (host->signal_is_ours)
            mote__signal_give_back(host->signal);
    }
    mote__pool_free(host);
    mote__published_stop(host);
    mote__hv_close(host->hv);
    mote__unmap(host->fork_mark, MOTE__PAGE);
    mote__free(host);
}

static int build(mote_host *host, const mote_host_options *options, mote_error *error)
{
    int status = take_signal(host, options, error);
    mote__crowd_start(&host->crowd);
    if (!status)
        status = mote__hv_open(&host->hv, &host->allocator, options->device, error);
    if (!status)
        status = mote__watchdog_start(&host->watchdog, error);
    if (!status)
        status = mote__pool_start(host, options, error);
    if (!status && options->publish)
        status = mote__published_start(host, error);
    return status;
}

static int check_allocator(const mote_allocator *a, mote_error *error)
{
    if (a->size && (!a->allocate || !a->resize || !a->release))
        return mote__fail_argument(error, "mote_allocator: one of its functions is NULL");
    return 0;
}

static int take_options(mote_host_options *options, mote_allocator *allocator,
                        const mote_host_options *given, mote_error *error)
{
    int status =
        mote__options_copy(options, sizeof *options, given,
                           MOTE__SIZE_UP_TO(mote_host_options, device), "mote_host_options", error);
    if (!status)
        status = mote__options_copy(allocator, sizeof *allocator, options->allocator,
                                    sizeof *allocator, "mote_allocator", error);
    return status ? status : check_allocator(allocator, error);
}

static int make(mote_host **out, const mote_host_options *options, const mote_allocator *allocator,
                mote_error *error)
{
    mote_host *host = mote__alloc(allocator, sizeof *host);
    if (!host)
        return mote__fail_memory(error, "the host");
    host->allocator = *allocator;
    host->log = options->log;
    host->log_user = options->log_user;
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

int mote_host_new(mote_host **out, const mote_host_options *given, mote_error *error)
{
    mote_host_options options;
    mote_allocator allocator;
    if (!out)
        return mote__fail_argument(error, "mote_host_new: host is NULL");
    int status = take_options(&options, &allocator, given, error);
    return status ? status : make(out, &options, &allocator, error);
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
