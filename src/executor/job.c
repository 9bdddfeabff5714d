/* SPDX-License-Identifier: Apache-2.0 */
/* A job: what was submitted, copied, and how it ended. */
#include <string.h>

#include "error.h"
#include "executor/executor.h"
#include "options.h"

/* ---- making ---- */

/* Image, function and number of arguments; gives the number of results. */
static int check(const mote_job *job, uint32_t *nresults, mote_error *error)
{
    mote_function_info info;
    if (!job->image)
        return mote__fail_argument(error, "mote_job: image is NULL");
    if (job->nargs && !job->args)
        return mote__fail_argument(error, "mote_job: args is NULL");
    if (job->nargs > MOTE_PARAMS_MAX)
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_ETYPE, 0, NULL,
                          "mote_job: %zu arguments are more than any function has", job->nargs);
    *nresults = 1;
    if (!job->func.image)
        return 0;
    if (job->func.image != job->image || mote_image_export(job->image, job->func.index, &info))
        return mote__fail_argument(error, "mote_job: func is not a function of image");
    *nresults = info.signature.nresults;
    return 0;
}

static bool has_bytes(const mote_value *value)
{
    return value->type == MOTE_STRING || value->type == MOTE_BYTES;
}

static int count_bytes(const mote_job *job, size_t *bytes, mote_error *error)
{
    *bytes = 0;
    for (size_t i = 0; i < job->nargs; i++) {
        if (!has_bytes(&job->args[i]))
            continue;
        size_t size = job->args[i].of.bytes.size;
        if (size && !job->args[i].of.bytes.data)
            return mote__fail_argument(error, "mote_job: the data of an argument is NULL");
        if (__builtin_add_overflow(*bytes, size, bytes))
            return mote__fail_memory(error, "a job");
    }
    return 0;
}

static void copy_args(struct mote__job *job, const mote_job *given)
{
    job->nargs = given->nargs;
    unsigned char *at = (unsigned char *)(job->args + job->nargs);
    for (size_t i = 0; i < job->nargs; i++) {
        mote_value *arg = &job->args[i];
        *arg = given->args[i];
        if (!has_bytes(arg))
            continue;
        if (arg->of.bytes.size)
            memcpy(at, arg->of.bytes.data, arg->of.bytes.size);
        arg->of.bytes.data = at;
        at += arg->of.bytes.size;
    }
}

static struct mote__job *build(mote_executor *executor, const mote_job *given, size_t bytes)
{
    struct mote__job *job;
    size_t size = sizeof *job + given->nargs * sizeof job->args[0];
    if (__builtin_add_overflow(size, bytes, &size))
        return NULL;
    job = mote__alloc(&executor->host->allocator, size);
    if (!job)
        return NULL;
    job->executor = executor;
    mote__error_clear(&job->error);
    job->image = mote_image_ref(given->image);
    job->policy = given->policy ? mote_policy_ref(given->policy) : NULL;
    job->func = given->func;
    job->done = given->done;
    job->user = given->user;
    copy_args(job, given);
    return job;
}

int mote__job_make(struct mote__job **job, mote_executor *executor, const mote_job *given,
                   mote_error *error)
{
    mote_call_options call;
    uint32_t nresults = 0;
    size_t bytes = 0;
    int status = check(given, &nresults, error);
    if (!status)
        status = mote__options_copy(&call, sizeof call, given->call, sizeof call,
                                    "mote_call_options", error);
    if (!status)
        status = count_bytes(given, &bytes, error);
    if (status)
        return status;
    *job = build(executor, given, bytes);
    if (!*job)
        return mote__fail_memory(error, "a job");
    (*job)->call = call;
    (*job)->call.size = sizeof call;
    (*job)->nresults = nresults;
    return 0;
}

void mote__job_free(struct mote__job *job)
{
    mote__free(job->answer);
    mote__free(job->result_bytes);
    mote_image_unref(job->image);
    mote_policy_unref(job->policy);
    mote__free(job);
}

/* ---- ids ---- */

#define SLOT_OF(id) ((uint32_t)(id) & ((1u << MOTE__SLOT_BITS) - 1))

struct mote__job *mote__job_find(const mote_executor *executor, uint64_t id)
{
    uint32_t slot = SLOT_OF(id);
    struct mote__job *job = slot < executor->nslots ? executor->slots[slot] : NULL;
    return job && job->id == id ? job : NULL;
}

void mote__job_take_slot(struct mote__job *job)
{
    mote_executor *executor = job->executor;
    uint32_t slot = executor->free_slots[--executor->nfree];
    job->id = ++executor->jobs << MOTE__SLOT_BITS | slot;
    executor->slots[slot] = job;
}

void mote__job_release_slot(struct mote__job *job)
{
    mote_executor *executor = job->executor;
    executor->slots[SLOT_OF(job->id)] = NULL;
    executor->free_slots[executor->nfree++] = SLOT_OF(job->id);
}

/* ---- the end ---- */

void mote__job_describe(const struct mote__job *job, mote_completion *completion)
{
    bool answers = job->status == 0 && job->nresults;
    *completion = (mote_completion){
        .size = sizeof *completion,
        .id = job->id,
        .user = job->user,
        .status = job->status,
        .nresults = answers ? 1 : 0,
        .error = job->status ? &job->error : NULL,
        .fault = job->fault,
        .wall_ns = job->wall_ns,
        .cpu_ns = job->cpu_ns,
    };
    if (answers)
        completion->result = job->result;
}
