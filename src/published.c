/* SPDX-License-Identifier: Apache-2.0 */
#include "published.h"

#include "error.h"
#include "host.h"

int mote__published_start(mote_host *host, mote_error *error)
{
    struct mote__published *p = &host->published;
    void *page = NULL;
    int status = p->fd = mote__sized_file(MOTE_USE_NAME, MOTE__PAGE);
    if (status < 0)
        return mote__fail_system(error, status, "making the file that publishes what is in use");
    status = mote__map_shared_fd(&page, MOTE__PAGE, p->fd);
    if (status >= 0)
        status = mote__not_in_child(page, MOTE__PAGE);
    if (status < 0) {
        if (page)
            mote__unmap(page, MOTE__PAGE);
        mote__close(p->fd);
        return mote__fail_system(error, status, "mapping what is published");
    }
    pthread_mutex_init(&p->lock, NULL);
    p->page = page;
    p->page->size = sizeof *p->page;
    __atomic_store_n(&p->page->magic, MOTE_USE_MAGIC, __ATOMIC_RELEASE);
    return 0;
}

void mote__published_stop(mote_host *host)
{
    struct mote__published *p = &host->published;
    if (!p->page)
        return;
    if (!mote__host_forked(host)) { /* the mapping is not there in a child */
        mote__unmap(p->page, MOTE__PAGE);
        pthread_mutex_destroy(&p->lock);
    }
    p->page = NULL;
    mote__close(p->fd);
}

#define PUT(to, value) __atomic_store_n(&(to), (value), __ATOMIC_RELAXED)

void mote__published_renew(mote_host *host)
{
    struct mote__published *p = &host->published;
    if (!p->page || mote__host_forked(host))
        return;
    mote_host_use now = {.size = sizeof now};
    pthread_mutex_lock(&p->lock);
    mote__pool_count(&host->pool, &now);
    PUT(p->page->vms_used, now.vms_used);
    PUT(p->page->vms_idle, now.vms_idle);
    PUT(p->page->vms_created, now.vms_created);
    PUT(p->page->vms_reused, now.vms_reused);
    PUT(p->page->sandboxes, atomic_load(&host->crowd.sandboxes));
    PUT(p->page->parked, atomic_load(&host->crowd.parked));
    pthread_mutex_unlock(&p->lock);
}
