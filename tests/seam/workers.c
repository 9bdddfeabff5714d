/* SPDX-License-Identifier: Apache-2.0 */
/* The executor: what fails fails one job, or one function, and leaves nothing behind. */
#include <mote.h>
#include <mote_executor.h>
#include <poll.h>
#include <string.h>

#include "explain.h"
#include "steps.h"

static mote_host *host;
static mote_image *image;
static mote_policy *policy;
static mote_executor *executor;
static uint64_t id; /* of the job that was submitted last */
static uint8_t payload[100000];

static int make_host(void)
{
    return make_counting_host(&host);
}

static int open_image(void)
{
    return open_guest(&image, host, "seam");
}

static int make_policy(void)
{
    return mote_policy_new(&policy, host, &error);
}

/* ---- host functions ---- */

static int unused(void *user, mote_context *context, const mote_value *args, size_t nargs,
                  mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return 1000;
}

static int echo(void *user, mote_context *context, const mote_value *args, size_t nargs,
                mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    *result = args[0];
    return 0;
}

static int later(void *user, mote_context *context, const mote_value *args, size_t nargs,
                 mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return MOTE_PENDING;
}

static int grant(const char *name, const char *signature, mote_host_fn fn)
{
    return mote_policy_function(policy, "env", name, signature, fn, NULL, NULL, &error);
}

static int grant_add(void)
{
    return grant("add", "(i32,i32)->i32", unused);
}

static int grant_echo(void)
{
    return grant("echo", "(bytes)->bytes", echo);
}

static int grant_nest(void)
{
    return grant("nest", "(u32)->u32", unused);
}

static int grant_later(void)
{
    return grant("later", "(bytes)->bytes", later);
}

/* ---- the executor ---- */

static int make_executor(void)
{
    mote_executor_options options = {.size = sizeof options, .threads = 1, .sandboxes = 1};
    return mote_executor_new(&executor, host, &options, &error);
}

static int limit_tenant(void)
{
    mote_tenant_limits limits = {.size = sizeof limits, .cpu_ns = 1000000000};
    return mote_executor_tenant(executor, "limited", &limits, &error);
}

static mote_job job_of(const char *name)
{
    static mote_value arg;
    mote_job job = {.size = sizeof job, .image = image, .policy = policy, .tenant = "limited"};
    arg = (mote_value){.type = MOTE_BYTES, .of.bytes = {payload, sizeof payload}};
    job.args = &arg;
    job.nargs = 1;
    if (mote_find(image, name, NULL, &job.func, NULL))
        seam_violation("no function %s", name);
    return job;
}

static int submit_echo(void)
{
    mote_job job = job_of("echo");
    return mote_executor_submit(executor, &job, &id, &error);
}

static int submit_for_others(void)
{
    mote_job job = job_of("echo");
    job.tenant = "others";
    return mote_executor_submit(executor, &job, &id, &error);
}

static int submit_later(void)
{
    mote_job job = job_of("later");
    return mote_executor_submit(executor, &job, &id, &error);
}

static int answer(void)
{
    mote_value value = {.type = MOTE_BYTES, .of.bytes = {payload, sizeof payload}};
    return mote_executor_resume(executor, id, &value, &error);
}

static int answer_not(void)
{
    return mote_executor_resume_fail(executor, id, 5, "no answer today", &error);
}

/* ---- how jobs end ---- */

static void check_bytes(const mote_completion *c)
{
    if (c->result.of.bytes.size != sizeof payload ||
        memcmp(c->result.of.bytes.data, payload, sizeof payload) != 0)
        seam_violation("a job gave %zu other bytes", c->result.of.bytes.size);
}

/* Waits for the end of the last job; false when it failed. */
static bool take(const char *name, int wanted)
{
    mote_completion c = {.size = sizeof c};
    struct pollfd fd = {.fd = mote_executor_fd(executor), .events = POLLIN};
    explain_outside(true);
    int ready = poll(&fd, 1, 60000);
    explain_outside(false);
    if (ready != 1 || mote_executor_next(executor, &c) != 1) {
        seam_violation("%s does not end", name);
        return true;
    }
    if (c.id != id)
        seam_violation("%s: another job ended", name);
    if (c.status != wanted)
        check_failure(name, c.status, c.error);
    else if (c.status == 0)
        check_bytes(&c);
    bool right = c.status == wanted;
    mote_completion_release(&c);
    return right;
}

static void run(const char *name, int (*submit)(void))
{
    bool done = false;
    for (int i = 0; !done && i < TRIES; i++) {
        again(name, submit);
        done = take(name, 0);
    }
    if (!done)
        seam_violation("%s fails for ever", name);
}

/* Whether the last job is suspended; else it has failed. */
static bool wait_until_suspended(void)
{
    mote_executor_use use = {.size = sizeof use};
    do {
        mote_executor_describe(executor, NULL, &use);
    } while (use.queued || use.running);
    return use.suspended;
}

/* A job that is suspended, then answered so, or cancelled, and ends so. */
static void run_later(int (*make_answer)(void), int wanted)
{
    bool done = false;
    for (int i = 0; !done && i < TRIES; i++) {
        again("submit later", submit_later);
        if (wait_until_suspended() && make_answer)
            again("resume", make_answer);
        else if (!make_answer)
            mote_executor_cancel(executor, id);
        done = take("later", wanted);
    }
    if (!done)
        seam_violation("later fails for ever");
}

static void take_down(void)
{
    if (mote_executor_drain(executor, 0) || mote_executor_free(executor))
        seam_violation("the executor stays");
    mote_image_unref(image);
    mote_policy_unref(policy);
    if (mote_host_free(host))
        seam_violation("objects are left behind");
    check_nothing_allocated();
}

void workers_run(void)
{
    memset(payload, 0x5a, sizeof payload);
    again("host_new", make_host);
    again("image_open", open_image);
    again("policy_new", make_policy);
    again("policy_function", grant_add);
    again("policy_function", grant_echo);
    again("policy_function", grant_nest);
    again("policy_function", grant_later);
    again("executor_new", make_executor);
    again("executor_tenant", limit_tenant);
    run("echo", submit_echo);
    run("echo again", submit_echo);
    run("echo for others", submit_for_others);
    run_later(answer, 0);
    run_later(answer_not, MOTE_EGUEST);
    run_later(NULL, MOTE_EINTERRUPTED);
    take_down();
}
