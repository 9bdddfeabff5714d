/* SPDX-License-Identifier: Apache-2.0 */
/* How jobs come in, and how they are called off. */
#include "error.h"
#include "executor/executor.h"
#include "options.h"

static int refuse(mote_executor *executor, struct mote__tenant *tenant, mote_error *error,
                  const char *text)
{
    executor->use.refused++;
    if (tenant)
        tenant->use.refused++;
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_ELIMIT, 0, "submit the job again later", "%s",
                      text);
}

static int accept(struct mote__job *job, struct mote__tenant *tenant, mote_error *error)
{
    mote_executor *executor = job->executor;
    const mote_executor_use *use = &executor->use;
    if (executor->closed)
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_EBUSY, 0, NULL,
                          "the executor is being drained: it accepts no more jobs");
    if (use->queued + use->untaken >= executor->options.queue)
        return refuse(executor, tenant, error, "the executor's queue is full");
    if (tenant->limits.queue && tenant->use.queued >= tenant->limits.queue)
        return refuse(executor, tenant, error, "the tenant's queue is full");
    job->tenant = tenant;
    mote__job_take_slot(job);
    executor->use.submitted++;
    tenant->use.submitted++;
    return 0;
}

static int submit(struct mote__job *job, const char *name, uint64_t *id, mote_error *error)
{
    struct mote__tenant *tenant = mote__tenant_get(job->executor, name);
    if (!tenant)
        return mote__fail_memory(error, "a tenant");
    int status = accept(job, tenant, error);
    if (status) {
        mote__tenant_drop(job->executor, tenant);
        return status;
    }
    if (id)
        *id = job->id;
    mote__queue_add(job, false);
    return 0;
}

int mote_executor_submit(mote_executor *executor, const mote_job *given, uint64_t *id,
                         mote_error *error)
{
    mote_job options;
    struct mote__job *job = NULL;
    int status = mote__executor_check(executor, error);
    if (!status)
        status =
            mote__options_copy(&options, sizeof options, given, sizeof options, "mote_job", error);
    if (!status)
        status = mote__job_make(&job, executor, &options, error);
    if (status)
        return status;
    mote__executor_lock(executor);
    status = submit(job, options.tenant ? options.tenant : "", id, error);
    mote__executor_unlock(executor);
    if (status)
        mote__job_free(job);
    return status;
}

/* ---- cancel ---- */

/* The worker is between CALLING and the guest for a moment, in which an interrupt finds no call,
 * and again behind it. */
static void interrupt(struct mote__job *job)
{
    atomic_store(&job->cancelled, true);
    while (atomic_load(&job->phase) == MOTE__JOB_CALLING && mote_interrupt(job->kept->handle))
        mote__yield();
}

int mote__job_cancel(struct mote__job *job)
{
    switch (atomic_load(&job->phase)) {
    case MOTE__JOB_QUEUED:
    case MOTE__JOB_SUSPENDED:
        mote__queue_cancel(job);
        return 0;
    case MOTE__JOB_PREPARED:
    case MOTE__JOB_CALLING:
        interrupt(job);
        return 0;
    case MOTE__JOB_CANCELLED:
        return 0;
    default:
        return MOTE_ENOTFOUND;
    }
}

int mote_executor_cancel(mote_executor *executor, uint64_t id)
{
    int status = mote__executor_check(executor, NULL);
    if (status)
        return status;
    mote__executor_lock(executor);
    struct mote__job *job = mote__job_find(executor, id);
    status = job ? mote__job_cancel(job) : MOTE_ENOTFOUND;
    mote__executor_unlock(executor);
    return status;
}
