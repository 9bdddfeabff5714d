/* SPDX-License-Identifier: Apache-2.0 */
/* The executor as a whole: how it begins and ends, and what it tells. */
#include "executor/executor.h"

#include <string.h>

#include "error.h"
#include "options.h"

#define MOST_THREADS   256u
#define MOST_JOBS      500000u
#define MOST_SANDBOXES 4096u

void mote__executor_lock(mote_executor *executor)
{
    int cancel = mote__cancel_off();
    pthread_mutex_lock(&executor->lock);
    executor->cancel = cancel;
}

void mote__executor_unlock(mote_executor *executor)
{
    int cancel = executor->cancel;
    pthread_mutex_unlock(&executor->lock);
    mote__cancel_back(cancel);
}

int mote__executor_check(const mote_executor *executor, mote_error *error)
{
    if (!executor)
        return mote__fail_argument(error, "the executor is NULL");
    return mote__host_check(executor->host, error);
}

uint64_t mote__executor_live(const mote_executor *executor)
{
    return executor->use.queued + executor->use.running + executor->use.suspended;
}

void mote__executor_ended(mote_executor *executor)
{
    if (!executor->closed || mote__executor_live(executor))
        return;
    pthread_cond_broadcast(&executor->ends);
    pthread_cond_broadcast(&executor->work);
}

/* ---- the beginning ---- */

static int limit(uint32_t *value, uint32_t none, uint32_t most, const char *what, mote_error *error)
{
    if (*value == 0)
        *value = none;
    if (*value <= most)
        return 0;
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, 0, NULL,
                      "mote_executor_options.%s is %u; the most is %u", what, *value, most);
}

static int take_options(mote_executor_options *options, const mote_executor_options *given,
                        mote_error *error)
{
    uint32_t processors = mote__processors();
    int status = mote__options_copy(options, sizeof *options, given, sizeof *options,
                                    "mote_executor_options", error);
    if (processors > MOST_THREADS)
        processors = MOST_THREADS;
    if (!status)
        status = limit(&options->threads, processors, MOST_THREADS, "threads", error);
    if (!status)
        status = limit(&options->queue, 1024, MOST_JOBS, "queue", error);
    if (!status)
        status = limit(&options->sandboxes, 16, MOST_SANDBOXES, "sandboxes", error);
    return status ? status : limit(&options->suspended, 256, MOST_JOBS, "suspended", error);
}

/* A job has a slot while it waits, runs, is suspended, or waits to be taken. */
static int make_slots(mote_executor *executor, mote_error *error)
{
    const mote_executor_options *o = &executor->options;
    const mote_allocator *allocator = &executor->host->allocator;
    uint32_t count = o->queue + o->threads + o->suspended;
    _Static_assert(2 * MOST_JOBS + MOST_THREADS < 1u << MOTE__SLOT_BITS, "an id has room for it");
    executor->slots = mote__alloc_array(allocator, count, sizeof(struct mote__job *));
    executor->free_slots = mote__alloc_array(allocator, count, sizeof executor->free_slots[0]);
    if (!executor->slots || !executor->free_slots)
        return mote__fail_memory(error, "the executor's jobs");
    executor->nslots = executor->nfree = count;
    for (uint32_t i = 0; i < count; i++)
        executor->free_slots[i] = count - 1 - i;
    return 0;
}

static int start_worker(mote_executor *executor, struct mote__worker *worker, mote_error *error)
{
    worker->executor = executor;
    worker->kept = mote__alloc_array(&executor->host->allocator, executor->options.sandboxes,
                                     sizeof(struct mote__kept *));
    if (!worker->kept)
        return mote__fail_memory(error, "a worker");
    int status = mote__thread_start(&worker->thread, mote__worker_run, worker);
    if (status < 0)
        return mote__fail_system(error, status, "starting a worker thread");
    worker->started = true;
    return 0;
}

static int build(mote_executor *executor, mote_error *error)
{
    executor->event = mote__event_open();
    if (executor->event < 0)
        return mote__fail_system(error, executor->event, "eventfd");
    int status = make_slots(executor, error);
    for (uint32_t i = 0; !status && i < executor->options.threads; i++)
        status = start_worker(executor, &executor->workers[i], error);
    return status;
}

int mote_executor_new(mote_executor **out, mote_host *host, const mote_executor_options *given,
                      mote_error *error)
{
    mote_executor_options options;
    if (!out || !host)
        return mote__fail_argument(error, "mote_executor_new: executor or host is NULL");
    int status = mote__host_check(host, error);
    if (!status)
        status = take_options(&options, given, error);
    if (status)
        return status;
    mote_executor *executor = mote__alloc(
        &host->allocator, sizeof *executor + options.threads * sizeof executor->workers[0]);
    if (!executor)
        return mote__fail_memory(error, "the executor");
    executor->host = host;
    executor->options = options;
    mote__host_ref(host);
    pthread_mutex_init(&executor->lock, NULL);
    mote__condition_init(&executor->work);
    mote__condition_init(&executor->ends);
    status = build(executor, error);
    if (status)
        mote_executor_free(executor);
    else
        *out = executor;
    return status;
}

/* ---- the end ---- */

static bool is_worker(const mote_executor *executor)
{
    for (uint32_t i = 0; i < executor->options.threads; i++)
        if (executor->workers[i].started &&
            pthread_equal(executor->workers[i].thread, pthread_self()))
            return true;
    return false;
}

int mote_executor_drain(mote_executor *executor, uint64_t timeout_ns)
{
    int status = mote__executor_check(executor, NULL);
    if (status)
        return status;
    if (is_worker(executor))
        return MOTE_EBUSY;
    uint64_t now = mote__now_ns(), until = 0;
    if (timeout_ns)
        until = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
    mote__executor_lock(executor);
    executor->closed = true;
    int cancel = executor->cancel; /* others have the lock while this thread waits */
    while (mote__executor_live(executor) && (!until || mote__now_ns() < until))
        mote__condition_wait(&executor->ends, &executor->lock, until);
    executor->cancel = cancel;
    status = mote__executor_live(executor) ? MOTE_EDEADLINE : 0;
    mote__executor_unlock(executor);
    return status;
}

static void stop_workers(mote_executor *executor)
{
    mote__executor_lock(executor);
    executor->closed = executor->stop = true;
    for (uint32_t i = 0; i < executor->nslots; i++)
        if (executor->slots[i])
            mote__job_cancel(executor->slots[i]);
    pthread_cond_broadcast(&executor->work);
    mote__executor_unlock(executor);
    for (uint32_t i = 0; i < executor->options.threads; i++)
        if (executor->workers[i].started)
            pthread_join(executor->workers[i].thread, NULL);
}

/* In a forked child, too, where nobody knows what other threads were doing: by the tables alone,
 * not by the lists. */
static void release_jobs(mote_executor *executor)
{
    for (uint32_t i = 0; i < executor->nslots; i++)
        if (executor->slots[i]) {
            mote__kept_free(executor->slots[i]->kept);
            mote__job_free(executor->slots[i]);
        }
    for (uint32_t i = 0; i < MOTE__BUCKETS; i++)
        for (struct mote__tenant *t = executor->tenants[i], *next; t; t = next) {
            next = t->chain;
            mote__free(t);
        }
}

static void release_workers(mote_executor *executor)
{
    for (uint32_t i = 0; i < executor->options.threads; i++) {
        struct mote__worker *worker = &executor->workers[i];
        while (worker->nkept)
            mote__kept_free(worker->kept[--worker->nkept]);
        mote__free(worker->kept);
    }
}

int mote_executor_free(mote_executor *executor)
{
    if (!executor)
        return 0;
    if (!mote__host_forked(executor->host)) {
        if (is_worker(executor))
            return MOTE_EBUSY;
        stop_workers(executor);
        pthread_cond_destroy(&executor->ends);
        pthread_cond_destroy(&executor->work);
        pthread_mutex_destroy(&executor->lock);
    }
    release_jobs(executor);
    release_workers(executor);
    if (executor->event >= 0)
        mote__close(executor->event);
    mote__host_unref(executor->host);
    mote__free(executor->slots);
    mote__free(executor->free_slots);
    mote__free(executor);
    return 0;
}

/* ---- completions ---- */

int mote_executor_fd(const mote_executor *executor)
{
    int status = mote__executor_check(executor, NULL);
    return status ? status : executor->event;
}

static struct mote__job *take_ended(mote_executor *executor)
{
    struct mote__job *job = executor->ended.first;
    if (!job)
        return NULL;
    mote__jobs_remove(&executor->ended, job);
    executor->use.untaken--;
    mote__job_release_slot(job);
    if (!executor->ended.first)
        mote__event_clear(executor->event);
    return job;
}

int mote_executor_next(mote_executor *executor, mote_completion *completion)
{
    mote_completion all;
    int status = mote__executor_check(executor, NULL);
    if (status)
        return status;
    if (!completion || completion->size < sizeof all)
        return MOTE_EINVAL;
    mote__executor_lock(executor);
    struct mote__job *job = take_ended(executor);
    mote__executor_unlock(executor);
    if (!job)
        return 0;
    mote__job_describe(job, &all);
    all.size = completion->size;
    all.memory = job;
    memcpy(completion, &all, sizeof all);
    return 1;
}

void mote_completion_release(mote_completion *completion)
{
    if (!completion || !completion->memory)
        return;
    mote__job_free(completion->memory);
    completion->memory = NULL;
}

/* ---- figures ---- */

int mote_executor_describe(mote_executor *executor, const char *tenant, mote_executor_use *use)
{
    int status = mote__executor_check(executor, NULL);
    if (status)
        return status;
    if (!use || use->size < sizeof *use)
        return MOTE_EINVAL;
    size_t size = use->size;
    mote__executor_lock(executor);
    const struct mote__tenant *t = tenant ? mote__tenant_find(executor, tenant) : NULL;
    if (!tenant || t)
        *use = t ? t->use : executor->use;
    mote__executor_unlock(executor);
    use->size = size;
    return !tenant || t ? 0 : MOTE_ENOTFOUND;
}
