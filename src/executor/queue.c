/* SPDX-License-Identifier: Apache-2.0 */
/* Which job is next. */
#include "executor/executor.h"

void mote__jobs_push(struct mote__jobs *jobs, struct mote__job *job)
{
    job->next = NULL;
    job->previous = jobs->last;
    *(jobs->last ? &jobs->last->next : &jobs->first) = job;
    jobs->last = job;
}

void mote__jobs_push_first(struct mote__jobs *jobs, struct mote__job *job)
{
    job->previous = NULL;
    job->next = jobs->first;
    *(jobs->first ? &jobs->first->previous : &jobs->last) = job;
    jobs->first = job;
}

void mote__jobs_remove(struct mote__jobs *jobs, struct mote__job *job)
{
    *(job->previous ? &job->previous->next : &jobs->first) = job->next;
    *(job->next ? &job->next->previous : &jobs->last) = job->previous;
    job->next = job->previous = NULL;
}

void mote__queue_add(struct mote__job *job, bool goes_on)
{
    mote_executor *executor = job->executor;
    atomic_store(&job->phase, MOTE__JOB_QUEUED);
    if (goes_on)
        mote__jobs_push_first(&job->tenant->waiting, job);
    else
        mote__jobs_push(&job->tenant->waiting, job);
    job->tenant->use.queued++;
    executor->use.queued++;
    mote__tenant_place(executor, job->tenant);
    mote__executor_wake(executor);
}

/* A job that is about to be ended counts as running, whatever limits say. */
static void count_running(struct mote__job *job, uint64_t *here, uint64_t *there)
{
    --*here;
    --*there;
    job->tenant->use.running++;
    job->executor->use.running++;
}

static void leave_queue(struct mote__job *job)
{
    mote__jobs_remove(&job->tenant->waiting, job);
    count_running(job, &job->tenant->use.queued, &job->executor->use.queued);
}

void mote__queue_cancel(struct mote__job *job)
{
    mote_executor *executor = job->executor;
    if (atomic_load(&job->phase) == MOTE__JOB_QUEUED)
        leave_queue(job);
    else
        count_running(job, &job->tenant->use.suspended, &executor->use.suspended);
    atomic_store(&job->cancelled, true);
    atomic_store(&job->phase, MOTE__JOB_CANCELLED);
    mote__jobs_push(&executor->cancelled, job);
    mote__tenant_place(executor, job->tenant);
    mote__executor_wake(executor);
}

/* Of the tenant whose turn it is, which goes to the end of the ring. */
static struct mote__job *take_in_turn(mote_executor *executor)
{
    struct mote__tenant *tenant = executor->ring.first;
    if (!tenant)
        return NULL;
    struct mote__job *job = tenant->waiting.first;
    leave_queue(job);
#if defined(MOTE_CONTROL_NO_JOB_TURNS)
    mote__tenant_place(executor, tenant);
#else
    mote__tenant_end_turn(executor, tenant);
#endif
    return job;
}

static struct mote__job *take(mote_executor *executor)
{
    struct mote__job *job = executor->cancelled.first;
    if (job)
        mote__jobs_remove(&executor->cancelled, job);
    else
        job = take_in_turn(executor);
    if (job)
        atomic_store(&job->phase, MOTE__JOB_PREPARED);
    return job;
}

/* Who is woken is not idle any more, though it may take a while until it runs: the next job
 * wakes another one, or nobody. */
void mote__executor_wake(mote_executor *executor)
{
    if (!executor->idle)
        return;
    executor->idle--;
    executor->woken++;
    pthread_cond_signal(&executor->work);
}

static void wait_for_work(mote_executor *executor, uint64_t due)
{
    executor->idle++;
    mote__condition_wait(&executor->work, &executor->lock, due);
    if (executor->woken)
        executor->woken--;
    else
        executor->idle--; /* it was too late for it, or it woke for no reason */
}

struct mote__job *mote__queue_take(mote_executor *executor)
{
    for (;;) {
        uint64_t due = mote__tenants_promote(executor);
        struct mote__job *job = take(executor);
        if (job && executor->ring.first)
            mote__executor_wake(executor);
        if (job || (executor->stop && mote__executor_live(executor) == 0))
            return job;
        wait_for_work(executor, due);
    }
}
