/* SPDX-License-Identifier: Apache-2.0 */
/* The sandboxes that a worker keeps: each serves one image, one policy and one tenant. */
#include <string.h>

#include "error.h"
#include "executor/executor.h"

void mote__kept_free(struct mote__kept *kept)
{
    if (!kept)
        return;
    mote_handle_unref(kept->handle);
    mote_sandbox_free(kept->sandbox);
    mote__free(kept->tenant);
    mote__free(kept);
}

static int build(struct mote__kept *kept, struct mote__job *job)
{
    const mote_sandbox_options options = {.size = sizeof options,
                                          .user = &kept->info,
                                          .tenant =
                                              job->tenant->name[0] ? job->tenant->name : NULL};
    kept->image = job->image;
    kept->policy = job->policy;
    kept->tenant = mote__strdup(&job->executor->host->allocator, job->tenant->name);
    if (!kept->tenant)
        return mote__fail_memory(&job->error, "a sandbox");
    int status = mote_sandbox_new(&kept->sandbox, job->image, job->policy, &options, &job->error);
    if (!status)
        kept->handle = mote_sandbox_handle(kept->sandbox);
    return status;
}

static int make(struct mote__job *job)
{
    struct mote__kept *kept = mote__alloc(&job->executor->host->allocator, sizeof *kept);
    if (!kept)
        return mote__fail_memory(&job->error, "a sandbox");
    int status = build(kept, job);
    if (status)
        mote__kept_free(kept);
    else
        job->kept = kept;
    return status;
}

static bool fits(const struct mote__kept *kept, const struct mote__job *job)
{
    bool same = strcmp(kept->tenant, job->tenant->name) == 0;
#if defined(MOTE_CONTROL_NO_JOB_TENANT)
    same = true;
#endif
    return same && kept->image == job->image && kept->policy == job->policy;
}

static struct mote__kept *remove_at(struct mote__worker *worker, uint32_t i)
{
    struct mote__kept *kept = worker->kept[i];
    worker->kept[i] = worker->kept[--worker->nkept];
    return kept;
}

/* What is short may be what these hold: VMs, descriptors, threads, memory. */
static bool give_all_up(struct mote__worker *worker, int status)
{
    bool may_help = status == MOTE_ENOMEM || status == MOTE_EFILES || status == MOTE_EPROCESSES ||
                    status == MOTE_ELOCKED;
    if (!may_help || !worker->nkept)
        return false;
    while (worker->nkept)
        mote__kept_free(remove_at(worker, 0));
    return true;
}

int mote__kept_take(struct mote__worker *worker, struct mote__job *job)
{
    for (uint32_t i = 0; i < worker->nkept; i++)
        if (fits(worker->kept[i], job)) {
            job->kept = remove_at(worker, i);
            return 0;
        }
    int status = make(job);
    if (status && give_all_up(worker, status))
        status = make(job);
    worker->made += !status;
    return status;
}

static uint32_t oldest(const struct mote__worker *worker)
{
    uint32_t found = 0;
    for (uint32_t i = 1; i < worker->nkept; i++)
        if (worker->kept[i]->used < worker->kept[found]->used)
            found = i;
    return found;
}

void mote__kept_give(struct mote__worker *worker, struct mote__kept *kept)
{
    if (!kept)
        return;
    bool keep = kept->tenant[0] != '\0'; /* without a tenant it shares nothing */
#if !defined(MOTE_CONTROL_NO_JOB_RESET)
    keep = keep && mote_reset(kept->sandbox) == 0;
#endif
    if (!keep) {
        mote__kept_free(kept);
        return;
    }
    if (worker->nkept == worker->executor->options.sandboxes)
        mote__kept_free(remove_at(worker, oldest(worker)));
    kept->used = ++worker->jobs;
    worker->kept[worker->nkept++] = kept;
}
