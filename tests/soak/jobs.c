/* SPDX-License-Identifier: Apache-2.0 */
/* An executor, and a thread that gives it jobs of all tenants: fresh calls, faults, late ones,
 * suspended and cancelled ones. Each completion is checked, and all of them come. */
#include <poll.h>
#include <string.h>

#include "soak.h"

enum kind { COUNT, FAULT, LATE, LATER, CANCELLED, KINDS };

struct work {
    mote_executor *executor;
    uint64_t random;
    uint64_t submitted, ended;
};

static const struct {
    const char *function;
    enum image image;
    int status;
} kinds[KINDS] = {
    [COUNT] = {"count", ECHO, 0},
    [FAULT] = {"ud2", FAULTS, MOTE_EFAULT},
    [LATE] = {"spin", FAULTS, MOTE_EDEADLINE},
    [LATER] = {"wait", NESTED, 0},
    [CANCELLED] = {"spin", FAULTS, MOTE_EINTERRUPTED},
};

static void finish(void *user, const mote_completion *c)
{
    enum kind kind = (enum kind)(uintptr_t)user;
    expect(kinds[kind].function, c->status, kinds[kind].status, c->error);
    if (kind == COUNT && c->result.of.u32 != 1)
        wrong("a job's sandbox was not fresh: count is %u", c->result.of.u32);
    if (kind == LATER && c->result.of.u32 != 7)
        wrong("a job's answer became %u", c->result.of.u32);
    atomic_fetch_add(&jobs, 1);
}

/* Whether a job is suspended tells nobody: its answer is offered until it is taken. */
static void answer(const struct work *work, uint64_t id)
{
    mote_value seven = {.type = MOTE_U32, .of.u32 = 7};
    for (int i = 0; mote_executor_resume(work->executor, id, &seven, NULL) == MOTE_ENOTFOUND; i++) {
        if (i == 60000)
            wrong("a job is never suspended");
        poll(NULL, 0, 1);
    }
}

static void submit(struct work *work)
{
    static const mote_call_options soon = {.size = sizeof soon, .deadline_ns = 3000000};
    mote_value arg = {.type = MOTE_U32, .of.u32 = 1};
    uint32_t dice = random_below(&work->random, 40);
    enum kind kind = dice < KINDS ? (enum kind)dice : COUNT;
    uint64_t id;
    mote_job job = {.size = sizeof job,
                    .image = images[kinds[kind].image],
                    .policy = policies[random_below(&work->random, POLICIES)],
                    .func = find(kinds[kind].image, kinds[kind].function),
                    .args = &arg,
                    .nargs = kind == LATER,
                    .call = kind == LATE ? &soon : NULL,
                    .tenant = tenants[random_below(&work->random, TENANTS)],
                    .done = random_below(&work->random, 2) ? finish : NULL,
                    .user = (void *)(uintptr_t)kind};
    int status = mote_executor_submit(work->executor, &job, &id, NULL);
    if (status == MOTE_ELIMIT)
        return;
    expect("submit", status, 0, NULL);
    work->submitted++;
    if (kind == LATER)
        answer(work, id);
    if (kind == CANCELLED)
        expect("executor_cancel", mote_executor_cancel(work->executor, id), 0, NULL);
}

static void take_ended(struct work *work)
{
    mote_completion c = {.size = sizeof c};
    while (mote_executor_next(work->executor, &c) == 1) {
        finish(c.user, &c);
        mote_completion_release(&c);
    }
}

static void check_counters(const struct work *work)
{
    mote_executor_use use = {.size = sizeof use};
    mote_executor_describe(work->executor, NULL, &use);
    uint64_t ended = use.completed + use.failed + use.cancelled;
    if (use.submitted != work->submitted || ended != work->submitted || use.untaken)
        wrong("of %llu jobs %llu were accepted, %llu ended, %llu are not taken",
              (unsigned long long)work->submitted, (unsigned long long)use.submitted,
              (unsigned long long)ended, (unsigned long long)use.untaken);
}

void *jobs_run(void *seed)
{
    mote_executor_options options = {
        .size = sizeof options, .threads = 2, .queue = 64, .sandboxes = 8};
    mote_error error = MOTE_ERROR_INIT;
    struct work work = {.random = *(uint64_t *)seed};
    expect("executor_new", mote_executor_new(&work.executor, host, &options, &error), 0, &error);
    struct pollfd fd = {.fd = mote_executor_fd(work.executor), .events = POLLIN};
    while (!atomic_load(&stop)) {
        for (int i = 0; i < 16; i++)
            submit(&work);
        poll(&fd, 1, 1);
        take_ended(&work);
    }
    expect("drain", mote_executor_drain(work.executor, 0), 0, NULL);
    take_ended(&work);
    check_counters(&work);
    expect("executor_free", mote_executor_free(work.executor), 0, NULL);
    return NULL;
}
