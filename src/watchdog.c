/* SPDX-License-Identifier: Apache-2.0 */
#include "watchdog.h"

#include "error.h"
#include "handle.h"
#include "os/os.h"

#define TICK_NS    2000000u /* a call is late by this at most, plus the kick */
#define IDLE_TICKS 100      /* without a limit in sight, before it sleeps */

/* Stops the call if it is late; returns whether it has a limit. A suspended one is late
 * when it is resumed. */
static bool look_at(mote_handle *handle, uint64_t now)
{
    if (!mote__handle_is_running(handle))
        return false;
    uint64_t deadline = atomic_load(&handle->deadline);
    if (deadline && now >= deadline)
        mote__handle_kick(handle, MOTE__CAUSE_DEADLINE, now);
    if (mote__handle_cpu_is_due(handle)) /* looked at again before it is kicked */
        mote__handle_kick(handle, MOTE__CAUSE_CPU, now);
    return deadline || atomic_load(&handle->cpu);
}

/* Stops what is late; returns whether any limit is armed. */
static bool look(struct mote__watchdog *watchdog)
{
    bool armed = false;
    uint64_t now = mote__now_ns();
    pthread_mutex_lock(&watchdog->lock);
    for (mote_handle *h = watchdog->handles; h; h = h->next)
        armed |= look_at(h, now);
    pthread_mutex_unlock(&watchdog->lock);
    return armed;
}

static void sleep_until_armed(struct mote__watchdog *watchdog)
{
    atomic_store(&watchdog->asleep, 1);
    /* A call that did not see the flag has stored its deadline before. */
    if (look(watchdog) || atomic_load(&watchdog->stop))
        atomic_store(&watchdog->asleep, 0);
    while (atomic_load(&watchdog->asleep))
        mote__futex_wait(&watchdog->asleep, 1);
}

static void *run(void *argument)
{
    struct mote__watchdog *watchdog = argument;
    unsigned idle = 0;
    while (!atomic_load(&watchdog->stop)) {
        idle = look(watchdog) ? 0 : idle + 1;
        if (idle < IDLE_TICKS) {
            mote__sleep_ns(TICK_NS);
        } else {
            sleep_until_armed(watchdog);
            idle = 0;
        }
    }
    return NULL;
}

int mote__watchdog_start(struct mote__watchdog *watchdog, mote_error *error)
{
    pthread_mutex_init(&watchdog->lock, NULL);
    int status = mote__thread_start(&watchdog->thread, run, watchdog);
    if (status < 0)
        return mote__fail_system(error, status, "starting the watchdog thread");
    watchdog->started = true;
    return 0;
}

void mote__watchdog_armed(struct mote__watchdog *watchdog)
{
    if (atomic_load(&watchdog->asleep) && atomic_exchange(&watchdog->asleep, 0))
        mote__futex_wake(&watchdog->asleep);
}

void mote__watchdog_stop(struct mote__watchdog *watchdog)
{
    if (!watchdog->started)
        return;
    atomic_store(&watchdog->stop, 1);
    mote__watchdog_armed(watchdog);
    pthread_join(watchdog->thread, NULL);
    pthread_mutex_destroy(&watchdog->lock);
}

static void insert(struct mote__watchdog *watchdog, mote_handle *handle)
{
    handle->watched = true;
    handle->previous = NULL;
    handle->next = watchdog->handles;
    if (handle->next)
        handle->next->previous = handle;
    watchdog->handles = handle;
}

void mote__watchdog_add(struct mote__watchdog *watchdog, mote_handle *handle)
{
    pthread_mutex_lock(&watchdog->lock);
    if (!handle->watched)
        insert(watchdog, handle);
    pthread_mutex_unlock(&watchdog->lock);
}

static void take_out(struct mote__watchdog *watchdog, mote_handle *handle)
{
    handle->watched = false;
    if (handle->previous)
        handle->previous->next = handle->next;
    else
        watchdog->handles = handle->next;
    if (handle->next)
        handle->next->previous = handle->previous;
}

void mote__watchdog_remove(struct mote__watchdog *watchdog, mote_handle *handle)
{
    pthread_mutex_lock(&watchdog->lock);
    if (handle->watched)
        take_out(watchdog, handle);
    pthread_mutex_unlock(&watchdog->lock);
}
