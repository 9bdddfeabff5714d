/* SPDX-License-Identifier: Apache-2.0 */
#include "crowd.h"

#include "error.h"
#include "park.h"
#include "sandbox.h"

void mote__crowd_start(struct mote__crowd *crowd)
{
    pthread_mutex_init(&crowd->lock, NULL);
    crowd->ready = true;
}

void mote__crowd_stop(struct mote__crowd *crowd)
{
    if (crowd->ready)
        pthread_mutex_destroy(&crowd->lock);
}

/* ---- the list ---- */

static void insert(struct mote__crowd *crowd, mote_sandbox *sandbox)
{
    struct mote__crowd_place *place = &sandbox->place;
    place->listed = true;
    place->previous = NULL;
    place->next = crowd->first;
    if (place->next)
        place->next->place.previous = sandbox;
    crowd->first = sandbox;
}

static void take_out(struct mote__crowd *crowd, mote_sandbox *sandbox)
{
    struct mote__crowd_place *place = &sandbox->place;
    place->listed = false;
    if (place->previous)
        place->previous->place.next = place->next;
    else
        crowd->first = place->next;
    if (place->next)
        place->next->place.previous = place->previous;
}

void mote__crowd_add(mote_sandbox *sandbox)
{
    struct mote__crowd *crowd = &sandbox->host->crowd;
    if (!sandbox->host->pool.most)
        return;
    atomic_store_explicit(&sandbox->place.used, mote__now_ns(), memory_order_relaxed);
    pthread_mutex_lock(&crowd->lock);
    if (!sandbox->place.listed)
        insert(crowd, sandbox);
    pthread_mutex_unlock(&crowd->lock);
}

void mote__crowd_remove(mote_sandbox *sandbox)
{
    struct mote__crowd *crowd = &sandbox->host->crowd;
    if (!sandbox->host->pool.most)
        return;
    pthread_mutex_lock(&crowd->lock);
    if (sandbox->place.listed)
        take_out(crowd, sandbox);
    pthread_mutex_unlock(&crowd->lock);
}

/* ---- parking one ---- */

static mote_sandbox *oldest_idle(const struct mote__crowd *crowd)
{
    mote_sandbox *oldest = NULL;
    uint64_t least = UINT64_MAX;
    for (mote_sandbox *s = crowd->first; s; s = s->place.next) {
        uint64_t used = atomic_load_explicit(&s->place.used, memory_order_relaxed);
        if (used < least && !atomic_load(&s->entered)) {
            oldest = s;
            least = used;
        }
    }
    return oldest;
}

/* Enters it in its owner's stead; what is in the list is not freed. */
static mote_sandbox *take_oldest(struct mote__crowd *crowd)
{
    mote_sandbox *oldest;
    uint32_t entered;
    pthread_mutex_lock(&crowd->lock);
    do {
        entered = 0;
        oldest = oldest_idle(crowd);
    } while (oldest &&
             !atomic_compare_exchange_strong(&oldest->entered, &entered, MOTE__BEING_PARKED));
    pthread_mutex_unlock(&crowd->lock);
    return oldest;
}

/* Its owner may go on from here, and may free it. */
static void let_go(mote_sandbox *sandbox)
{
    _Atomic uint32_t *entered = &sandbox->entered;
    atomic_store(entered, 0);
    mote__futex_wake(entered); /* an address, no more */
}

/* Somebody may come in and go out while the list is looked through: then it is no sign that all
 * are busy that none was found idle. */
static mote_sandbox *find_idle(struct mote__crowd *crowd)
{
    mote_sandbox *found = take_oldest(crowd);
    for (unsigned i = 0; !found && i < 100; i++) {
        mote__yield();
        found = take_oldest(crowd);
    }
    return found;
}

int mote__crowd_park_one(mote_host *host, mote_error *error)
{
    int cancel = mote__cancel_off(), status = MOTE_ELIMIT;
    mote_sandbox *sandbox = find_idle(&host->crowd);
    if (sandbox) {
        status = mote__sandbox_keep(sandbox, error);
        struct mote__left left = {NULL, false};
        if (!status)
            left = mote__sandbox_part(sandbox);
        let_go(sandbox);
        mote__shell_left(host, &left);
    }
    mote__cancel_back(cancel);
    return status;
}
