/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: takes the job that is next, runs it, tells how it ended. */
#include <string.h>

#include "error.h"
#include "executor/executor.h"

/* ---- in the guest ---- */

static int start(struct mote__job *job)
{
    mote_sandbox *sandbox = job->kept->sandbox;
    int exit_status = 0;
    if (job->func.image)
        return mote_call(sandbox, job->func, &job->call, job->args, job->nargs, &job->result,
                         job->nresults);
    int status = mote_run(sandbox, &job->call, &exit_status);
    job->result = (mote_value){.type = MOTE_I32, .of.i32 = exit_status};
    return status;
}

/* The answer is used up, whatever comes of it. */
static int go_on(struct mote__job *job)
{
    struct mote__answer *a = job->using;
    mote_sandbox *sandbox = job->kept->sandbox;
    int status =
        a->fails ? mote_resume_fail(sandbox, NULL, a->code, a->text, &job->result, job->nresults)
                 : mote_resume(sandbox, NULL, a->has_value ? &a->value : NULL, &job->result,
                               job->nresults);
    mote__free(a);
    job->using = NULL;
    return status;
}

static int cancelled(struct mote__job *job)
{
    if (job->kept)
        mote_cancel(job->kept->sandbox); /* ends a suspended call; else it does nothing */
    return mote__fail(&job->error, MOTE_DOMAIN_API, MOTE_EINTERRUPTED, 0, NULL,
                      "the job was cancelled");
}

static void keep_error(struct mote__job *job, int status)
{
    job->error = *mote_sandbox_error(job->kept->sandbox);
    if (job->error.code != status) /* some say no more than their code */
        mote__describe(&job->error, MOTE_DOMAIN_API, status, 0, NULL, "%s",
                       mote_error_string(status));
}

/* One stay in the guest. Who cancels sees CALLING, or is seen here. */
static int visit(struct mote__job *job)
{
    int status = MOTE_EINTERRUPTED;
    atomic_store(&job->phase, MOTE__JOB_CALLING);
    bool stop = atomic_load(&job->cancelled);
    if (!stop)
        status = job->using ? go_on(job) : start(job);
    atomic_store(&job->phase, MOTE__JOB_PREPARED);
    if (stop)
        return cancelled(job);
    if (status < 0)
        keep_error(job, status);
    return status;
}

/* ---- between two stays ---- */

enum { LEFT = 2 }; /* the job is suspended, and no business of the worker any more */

/* What the job has cost since it was taken: CPU time, where its tenant pays for it. */
static void charge(struct mote__worker *worker)
{
    uint64_t used = worker->charged ? mote__thread_cpu_ns() - worker->cpu_started : 0;
    worker->tenant->account -= (double)used;
    worker->tenant->use.cpu_ns += used;
    worker->executor->use.cpu_ns += used;
    worker->executor->use.sandboxes += worker->made;
    worker->made = 0;
}

static void leave_suspended(struct mote__worker *worker, struct mote__job *job)
{
    mote_executor *executor = worker->executor;
    charge(worker);
    atomic_store(&job->phase, MOTE__JOB_SUSPENDED);
    worker->tenant->use.running--;
    executor->use.running--;
    worker->tenant->use.suspended++;
    executor->use.suspended++;
    mote__tenant_place(executor, worker->tenant);
}

/* The host function answers later, or has already. MOTE_PENDING: the job goes on at once. */
static int suspend(struct mote__worker *worker, struct mote__job *job)
{
    mote_executor *executor = worker->executor;
    int status = MOTE_PENDING;
    mote__executor_lock(executor);
    job->using = job->answer;
    job->answer = NULL;
    if (!job->using && !atomic_load(&job->cancelled)) {
        status = LEFT;
        if (executor->use.suspended >= executor->options.suspended)
            status = mote__fail(&job->error, MOTE_DOMAIN_API, MOTE_ELIMIT, 0,
                                "raise mote_executor_options.suspended",
                                "%u jobs are suspended already", executor->options.suspended);
        else
            leave_suspended(worker, job);
    }
    mote__executor_unlock(executor);
    return status;
}

/* ---- one job ---- */

static int prepare(struct mote__worker *worker, struct mote__job *job)
{
    if (job->kept)
        return 0;
    int status = mote__kept_take(worker, job);
    if (!status)
        job->kept->info = (mote_job_info){
            .size = sizeof(mote_job_info),
            .executor = job->executor,
            .id = job->id,
            .user = job->user,
        };
    return status;
}

static int run(struct mote__worker *worker, struct mote__job *job)
{
    if (atomic_load(&job->cancelled))
        return cancelled(job);
    int status = prepare(worker, job);
    if (status)
        return status;
    do {
        status = visit(job);
        if (status == MOTE_PENDING)
            status = suspend(worker, job);
    } while (status == MOTE_PENDING);
    return status;
}

/* ---- its end ---- */

/* Strings and bytes of the result go with the job, which outlives the sandbox's next call. */
static void keep_result(struct mote__job *job)
{
    bool counted = job->result.type == MOTE_STRING || job->result.type == MOTE_BYTES;
    if (job->status || !job->nresults || !counted || !job->result.of.bytes.size)
        return;
    job->result_bytes = mote__alloc(&job->executor->host->allocator, job->result.of.bytes.size);
    if (!job->result_bytes) {
        job->status = mote__fail_memory(&job->error, "a result");
        return;
    }
    memcpy(job->result_bytes, job->result.of.bytes.data, job->result.of.bytes.size);
    job->result.of.bytes.data = job->result_bytes;
}

static void publish(mote_executor *executor, struct mote__job *job)
{
    keep_result(job);
    mote__executor_lock(executor);
    atomic_store(&job->phase, MOTE__JOB_ENDED);
    if (!executor->ended.first)
        mote__event_set(executor->event);
    mote__jobs_push(&executor->ended, job);
    executor->use.untaken++;
    mote__executor_unlock(executor);
}

static void call_back(struct mote__job *job, const struct mote__kept *kept)
{
    mote_executor *executor = job->executor;
    mote_completion completion;
    mote__job_describe(job, &completion);
    completion.sandbox = kept ? kept->sandbox : NULL;
    job->done(job->user, &completion);
    if (mote__host_forked(executor->host))
        return;
    mote__executor_lock(executor);
    mote__job_release_slot(job);
    mote__executor_unlock(executor);
    mote__job_free(job);
}

static void tell(struct mote__job *job, const struct mote__kept *kept)
{
    if (kept) {
        const mote_report *report = mote_sandbox_report(kept->sandbox);
        job->fault = report->fault;
        job->wall_ns = report->wall_ns;
        job->cpu_ns = report->cpu_ns;
    }
    if (job->done)
        call_back(job, kept);
    else
        publish(job->executor, job);
}

static void count(struct mote__worker *worker, int status)
{
    mote_executor *executor = worker->executor;
    mote_executor_use *all = &executor->use, *one = &worker->tenant->use;
    bool was_cancelled = status == MOTE_EINTERRUPTED;
    charge(worker);
    all->running--;
    one->running--;
    ++*(status == 0 ? &all->completed : was_cancelled ? &all->cancelled : &all->failed);
    ++*(status == 0 ? &one->completed : was_cancelled ? &one->cancelled : &one->failed);
    mote__tenant_place(executor, worker->tenant);
    mote__tenant_drop(executor, worker->tenant);
    mote__executor_ended(executor);
}

/* With the lock. */
static void begin(struct mote__worker *worker, struct mote__job *job)
{
    worker->tenant = job->tenant;
    worker->charged = job->tenant->limits.cpu_ns != 0;
    worker->cpu_started = worker->charged ? mote__thread_cpu_ns() : 0;
    job->using = job->answer;
    job->answer = NULL;
}

/* Whoever cancels the job looks at it under the lock. */
static struct mote__kept *take_kept(struct mote__job *job)
{
    mote__executor_lock(job->executor);
    struct mote__kept *kept = job->kept;
    job->kept = NULL;
    mote__executor_unlock(job->executor);
    return kept;
}

/* False in a child that the job forked: nobody but this thread is there, and the lock may be
 * anybody's. */
static bool serve(struct mote__worker *worker, struct mote__job *job, int *status)
{
    mote_host *host = worker->executor->host;
    *status = run(worker, job);
    if (*status == LEFT)
        return true;
    if (mote__host_forked(host))
        return false;
    struct mote__kept *kept = take_kept(job);
    job->status = *status;
    tell(job, kept);
    if (mote__host_forked(host))
        return false;
    mote__kept_give(worker, kept);
    return true;
}

void *mote__worker_run(void *argument)
{
    struct mote__worker *worker = argument;
    mote_executor *executor = worker->executor;
    struct mote__job *job;
    int status;
    mote__signal_let_in(executor->host->signal);
    mote__executor_lock(executor);
    while ((job = mote__queue_take(executor))) {
        begin(worker, job);
        mote__executor_unlock(executor);
        if (!serve(worker, job, &status))
            return NULL;
        mote__executor_lock(executor);
        if (status != LEFT)
            count(worker, status);
    }
    mote__executor_unlock(executor);
    return NULL;
}
