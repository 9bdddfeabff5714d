/* SPDX-License-Identifier: Apache-2.0 */
/* Answers for jobs that wait for one. */
#include <string.h>

#include "error.h"
#include "executor/executor.h"

static struct mote__answer *make(mote_executor *executor, const void *data, size_t size)
{
    struct mote__answer *answer;
    size_t bytes;
    if (__builtin_add_overflow(sizeof *answer, size, &bytes))
        return NULL;
    answer = mote__alloc(&executor->host->allocator, bytes);
    if (answer && size)
        memcpy(answer->bytes, data, size);
    return answer;
}

static int give(struct mote__job *job, struct mote__answer *answer, mote_error *error)
{
    enum mote__job_phase phase =
        job ? (enum mote__job_phase)atomic_load(&job->phase) : MOTE__JOB_ENDED;
    if (job && job->answer)
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_EBUSY, 0, NULL,
                          "the job has an answer already");
    if (phase != MOTE__JOB_PREPARED && phase != MOTE__JOB_CALLING && phase != MOTE__JOB_SUSPENDED)
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_ENOTFOUND, 0, NULL,
                          "no job of this id waits for an answer");
    job->answer = answer;
    if (phase != MOTE__JOB_SUSPENDED)
        return 0; /* its worker finds the answer */
    job->tenant->use.suspended--;
    job->executor->use.suspended--;
    mote__queue_add(job, true);
    return 0;
}

static int resume(mote_executor *executor, uint64_t id, struct mote__answer *answer,
                  mote_error *error)
{
    mote__executor_lock(executor);
    int status = give(mote__job_find(executor, id), answer, error);
    mote__executor_unlock(executor);
    if (status)
        mote__free(answer);
    return status;
}

int mote_executor_resume(mote_executor *executor, uint64_t id, const mote_value *value,
                         mote_error *error)
{
    int status = mote__executor_check(executor, error);
    if (status)
        return status;
    mote_value copy = value ? *value : (mote_value){.type = MOTE_VOID};
    bool counted = copy.type == MOTE_STRING || copy.type == MOTE_BYTES;
    size_t size = counted ? copy.of.bytes.size : 0;
    if (size && !copy.of.bytes.data)
        return mote__fail_argument(error, "mote_executor_resume: the data of the answer is NULL");
    struct mote__answer *answer = make(executor, size ? copy.of.bytes.data : NULL, size);
    if (!answer)
        return mote__fail_memory(error, "an answer");
    if (counted)
        copy.of.bytes.data = answer->bytes;
    answer->has_value = value != NULL;
    answer->value = copy;
    return resume(executor, id, answer, error);
}

int mote_executor_resume_fail(mote_executor *executor, uint64_t id, int code, const char *text,
                              mote_error *error)
{
    int status = mote__executor_check(executor, error);
    if (status)
        return status;
    struct mote__answer *answer = make(executor, text, text ? strlen(text) + 1 : 0);
    if (!answer)
        return mote__fail_memory(error, "an answer");
    answer->fails = true;
    answer->code = code;
    answer->text = text ? (const char *)answer->bytes : NULL;
    return resume(executor, id, answer, error);
}
