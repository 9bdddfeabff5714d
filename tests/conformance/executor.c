/* SPDX-License-Identifier: Apache-2.0 */
/* The executor: jobs of many tenants on a few threads, each in a fresh sandbox. */
#include "census.h"
#include "support.h"

#include "mote_executor.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what the tests share ------------------------------------------------------------------ */

struct shop {
    struct box box;
    mote_executor *executor;
};

static void shop_start(struct shop *shop, const mote_executor_options *options)
{
    mote_error error = MOTE_ERROR_INIT;
    int status = mote_executor_new(&shop->executor, shop->box.host, options, &error);

    if (status) {
        FAIL("mote_executor_new: %s", error.text);
    }
}

static void shop_open(struct shop *shop, const char *guest, uint32_t threads, uint32_t queue)
{
    mote_executor_options options = {.size = sizeof(options), .threads = threads, .queue = queue};

    box_open(&shop->box, guest);
    shop_start(shop, &options);
}

static void shop_close(struct shop *shop)
{
    CHECK_CODE(mote_host_free(shop->box.host), MOTE_EBUSY);
    CHECK_CODE(mote_executor_free(shop->executor), MOTE_OK);
    box_close(&shop->box);
}

static mote_job job_of(struct shop *shop, const char *name, const mote_value *args, size_t nargs)
{
    return (mote_job){.size = sizeof(mote_job),
                      .image = shop->box.image,
                      .policy = shop->box.policy,
                      .func = find(shop->box.image, name),
                      .args = args,
                      .nargs = nargs};
}

static uint64_t submit(struct shop *shop, const mote_job *job)
{
    mote_error error = MOTE_ERROR_INIT;
    uint64_t id = 0;
    int status = mote_executor_submit(shop->executor, job, &id, &error);

    if (status) {
        FAIL("mote_executor_submit: %s", error.text);
    }
    CHECK(id != 0);
    return id;
}

static void drain(struct shop *shop)
{
    CHECK_CODE(mote_executor_drain(shop->executor, 0), MOTE_OK);
}

static mote_executor_use use_of(struct shop *shop, const char *tenant)
{
    mote_executor_use use = {.size = sizeof(use)};

    CHECK_CODE(mote_executor_describe(shop->executor, tenant, &use), MOTE_OK);
    CHECK_INT(use.submitted, use.queued + use.running + use.suspended + use.completed + use.failed +
                                 use.cancelled);
    return use;
}

/* Takes the next completion as soon as there is one. */
static mote_completion next(struct shop *shop)
{
    mote_completion c = {.size = sizeof(c)};
    struct pollfd fd = {.fd = mote_executor_fd(shop->executor), .events = POLLIN};

    CHECK(poll(&fd, 1, 60000) == 1);
    CHECK_INT(mote_executor_next(shop->executor, &c), 1);
    return c;
}

/* Nothing waits to be taken, and the descriptor says so. */
static void expect_nothing(struct shop *shop)
{
    mote_completion c = {.size = sizeof(c)};
    struct pollfd fd = {.fd = mote_executor_fd(shop->executor), .events = POLLIN};

    CHECK_INT(mote_executor_next(shop->executor, &c), 0);
    CHECK_INT(poll(&fd, 1, 0), 0);
}

/* All that were submitted have been taken from the queue, and one runs. */
static void until_one_runs(struct shop *shop)
{
    while (use_of(shop, NULL).running != 1 || use_of(shop, NULL).queued != 0) {
        sleep_ms(1);
    }
}

static int fn_never(void *user, mote_context *context, const mote_value *args, size_t nargs,
                    mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return 1000;
}

/* The guest that asks its host: `act` with outer(u32), `wait` with wait(u32). */
static void open_asking(struct box *box, mote_host_fn act, mote_host_fn wait)
{
    box_open(box, "nested");
    grant(box, "down", "(u32)->u32", fn_never, NULL);
    grant(box, "around", "(string)->string", fn_never, NULL);
    grant(box, "act", "(u32)->void", act, NULL);
    grant(box, "wait", "(u32)->u32", wait, NULL);
    grant(box, "wait_bytes", "(bytes,string)->bytes", fn_never, NULL);
    grant(box, "wait_only", "()->void", fn_never, NULL);
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct sum {
    atomic_uint calls, wrong;
} sum;

static void add_up(void *user, const mote_completion *c)
{
    uint32_t wanted = (uint32_t)(uintptr_t)user;

    CHECK_CODE(c->status, MOTE_OK);
    CHECK(c->error == NULL && c->sandbox != NULL && c->nresults == 1 && c->id != 0);
    CHECK(c->user == user && c->size == sizeof(*c) && c->wall_ns > 0);
    atomic_fetch_add(&sum.wrong, c->result.of.u32 != wanted);
    atomic_fetch_add(&sum.calls, 1);
}

TEST(executor, callbacks)
{
    struct shop shop;
    const unsigned count = test_repeat(400);

    sum = (struct sum){0};
    shop_open(&shop, "echo", 2, 0);
    for (uint32_t i = 1; i <= count; i++) {
        mote_value arg = v_u32(i);
        mote_job job = job_of(&shop, "echo_u32", &arg, 1);

        job.tenant = i % 2 ? "odd" : "even";
        job.done = add_up;
        job.user = (void *)(uintptr_t)i;
        submit(&shop, &job);
    }
    drain(&shop);
    CHECK_INT(atomic_load(&sum.calls), count);
    CHECK_INT(atomic_load(&sum.wrong), 0);
    CHECK_INT(use_of(&shop, NULL).completed, count);
    CHECK(use_of(&shop, NULL).sandboxes <= 4); /* two tenants on two workers */
    shop_close(&shop);
}

TEST(executor, completions_for_an_event_loop)
{
    struct shop shop;
    char text[3000];

    memset(text, 'x', sizeof(text));
    shop_open(&shop, "echo", 1, 0);
    expect_nothing(&shop);
    for (unsigned i = 0; i < 20; i++) {
        mote_value arg = v_bytes(text, sizeof(text) - i);
        mote_job job = job_of(&shop, "echo_bytes", &arg, 1);

        text[0] = (char)i;
        job.tenant = "t";
        job.user = &shop;
        submit(&shop, &job);
    }
    drain(&shop);
    CHECK_INT(use_of(&shop, NULL).untaken, 20);
    for (unsigned i = 0; i < 20; i++) {
        mote_completion c = next(&shop);

        text[0] = (char)i;
        CHECK_CODE(c.status, MOTE_OK);
        CHECK(c.user == &shop && c.sandbox == NULL && c.nresults == 1);
        CHECK_INT(c.result.of.bytes.size, sizeof(text) - i);
        CHECK_BYTES(c.result.of.bytes.data, text, sizeof(text) - i);
        mote_completion_release(&c);
        mote_completion_release(&c);
    }
    expect_nothing(&shop);
    shop_close(&shop);
}

/* What a completion points to may outlive the executor. */
TEST(executor, completion_outlives_it)
{
    struct shop shop;
    mote_value arg = v_text("stay", 4);
    mote_completion c;
    mote_job job;

    shop_open(&shop, "echo", 1, 0);
    job = job_of(&shop, "echo_string", &arg, 1);
    submit(&shop, &job);
    submit(&shop, &job); /* nobody takes this one */
    c = next(&shop);
    CHECK_CODE(mote_executor_free(shop.executor), MOTE_OK);
    CHECK_BYTES(c.result.of.bytes.data, "stay", 4);
    mote_completion_release(&c);
    box_close(&shop.box);
}

TEST(executor, programs)
{
    struct shop shop;
    mote_completion c;
    mote_job job = {.size = sizeof(job)};

    shop_open(&shop, "hello_plain", 1, 0);
    job.image = shop.box.image;
    job.tenant = "t";
    for (int i = 0; i < 3; i++) {
        submit(&shop, &job);
        c = next(&shop);
        CHECK_CODE(c.status, MOTE_OK);
        CHECK(c.nresults == 1 && c.result.type == MOTE_I32);
        CHECK_INT(c.result.of.i32, 0);
        mote_completion_release(&c);
    }
    shop_close(&shop);
}

/* ---- isolation ------------------------------------------------------------------------------- */

/* The guest counts its calls: each job sees a sandbox that nobody called before. */
TEST(executor, each_job_is_fresh)
{
    struct shop shop;
    const unsigned count = test_repeat(60);

    shop_open(&shop, "echo", 2, 0);
    for (unsigned i = 0; i < count; i++) {
        mote_job job = job_of(&shop, "count", NO_ARGS);

        job.tenant = i % 3 ? "a" : "b";
        submit(&shop, &job);
    }
    for (unsigned i = 0; i < count; i++) {
        mote_completion c = next(&shop);

        CHECK_CODE(c.status, MOTE_OK);
        CHECK_INT(c.result.of.u32, 1);
        mote_completion_release(&c);
    }
    shop_close(&shop);
}

static struct met {
    unsigned count;
    const char *who[16];
    mote_sandbox *sandbox[16];
} met;

static void meet(void *user, const mote_completion *c)
{
    CHECK_CODE(c->status, MOTE_OK);
    met.who[met.count] = user;
    met.sandbox[met.count++] = c->sandbox;
}

static void meet_as(struct shop *shop, const char *tenant)
{
    mote_job job = job_of(shop, "count", NO_ARGS);

    job.tenant = tenant;
    job.user = (void *)(uintptr_t)tenant;
    job.done = meet;
    submit(shop, &job);
}

/* One worker that keeps all: a sandbox comes again for its own tenant only. */
TEST(executor, tenants_share_no_sandbox)
{
    struct shop shop;

    met = (struct met){0};
    shop_open(&shop, "echo", 1, 0);
    for (int i = 0; i < 3; i++) {
        meet_as(&shop, "a");
        meet_as(&shop, "b");
        meet_as(&shop, "c");
    }
    drain(&shop);
    CHECK_INT(met.count, 9);
    for (unsigned i = 0; i < met.count; i++) {
        for (unsigned j = 0; j < i; j++) {
            bool same = strcmp(met.who[i], met.who[j]) == 0;

            CHECK_INT(met.sandbox[i] == met.sandbox[j], same);
        }
    }
    CHECK_INT(use_of(&shop, NULL).sandboxes, 3);
    shop_close(&shop);
}

/* More tenants than the worker may keep sandboxes; and jobs of nobody, which share none. */
TEST(executor, sandboxes_are_bounded)
{
    struct shop shop;
    mote_executor_options options = {.size = sizeof(options), .threads = 1, .sandboxes = 2};
    struct census before, after;

    met = (struct met){0};
    box_open(&shop.box, "echo");
    shop_start(&shop, &options);
    meet_as(&shop, "a");
    while (use_of(&shop, NULL).completed != 1) {
        sleep_ms(1);
    }
    census_take(&before);
    meet_as(&shop, "b");
    meet_as(&shop, "c");
    meet_as(&shop, "d");
    meet_as(&shop, NULL);
    meet_as(&shop, "");
    while (use_of(&shop, NULL).completed != 6) {
        sleep_ms(1);
    }
    census_take(&after);
    CHECK_INT(after.vms, before.vms + 1);
    CHECK_INT(use_of(&shop, NULL).sandboxes, 6);
    shop_close(&shop);
}

/* ---- failures -------------------------------------------------------------------------------- */

TEST(executor, failures_are_told)
{
    struct shop shop;
    mote_completion c;
    mote_value wrong = v_u64(1);
    mote_call_options soon = {.size = sizeof(soon), .deadline_ns = SECOND / 50};
    mote_job job;

    shop_open(&shop, "faults", 1, 0);
    job = job_of(&shop, "ud2", NO_ARGS);
    job.tenant = "t";
    submit(&shop, &job);
    c = next(&shop);
    CHECK_CODE(c.status, MOTE_EFAULT);
    CHECK_INT(c.fault, MOTE_FAULT_ILLEGAL);
    CHECK(c.nresults == 0 && c.error && c.error->code == MOTE_EFAULT && c.error->text[0]);
    mote_completion_release(&c);

    job = job_of(&shop, "spin", NO_ARGS);
    job.tenant = "t";
    job.call = &soon;
    submit(&shop, &job);
    c = next(&shop);
    CHECK_CODE(c.status, MOTE_EDEADLINE);
    mote_completion_release(&c);

    job = job_of(&shop, "alive", &wrong, 1);
    job.tenant = "t";
    submit(&shop, &job);
    c = next(&shop);
    CHECK_CODE(c.status, MOTE_ETYPE);
    mote_completion_release(&c);

    job = job_of(&shop, "alive", NO_ARGS);
    job.tenant = "t";
    submit(&shop, &job);
    c = next(&shop);
    CHECK_CODE(c.status, MOTE_OK);
    mote_completion_release(&c);
    CHECK_INT(use_of(&shop, NULL).failed, 3);
    CHECK_INT(use_of(&shop, NULL).sandboxes, 1);
    shop_close(&shop);
}

/* A guest that cannot have a sandbox: the job fails with the reason. */
TEST(executor, no_sandbox)
{
    struct shop shop;
    mote_completion c;
    mote_value arg = v_u32(1);
    mote_job job;

    shop_open(&shop, "nested", 1, 0); /* its imports are missing */
    job = job_of(&shop, "down", &arg, 1);
    submit(&shop, &job);
    c = next(&shop);
    CHECK_CODE(c.status, MOTE_EMISSING);
    CHECK(c.error && c.error->text[0] && c.sandbox == NULL && c.wall_ns == 0);
    mote_completion_release(&c);
    shop_close(&shop);
}

TEST(executor, wrong_arguments)
{
    struct shop shop;
    mote_error error = MOTE_ERROR_INIT;
    mote_executor *none = NULL;
    mote_executor_options many = {.size = sizeof(many), .threads = 257};
    mote_value args[MOTE_PARAMS_MAX + 1] = {{.type = MOTE_U32}};
    mote_value nowhere = v_bytes(NULL, 5);
    mote_completion c = {.size = 1};
    mote_executor_use use = {.size = 1};
    mote_job good, job;

    shop_open(&shop, "echo", 1, 0);
    CHECK_CODE(mote_executor_new(&none, NULL, NULL, &error), MOTE_EINVAL);
    CHECK_CODE(mote_executor_new(NULL, shop.box.host, NULL, &error), MOTE_EINVAL);
    CHECK_CODE(mote_executor_new(&none, shop.box.host, &many, &error), MOTE_EINVAL);
    CHECK_HAS(error.text, "threads is 257");
    CHECK(none == NULL);
    good = job_of(&shop, "echo_u32", args, 1);
    CHECK_CODE(mote_executor_submit(NULL, &good, NULL, &error), MOTE_EINVAL);
    CHECK_CODE(mote_executor_submit(shop.executor, NULL, NULL, &error), MOTE_EINVAL);
    job = good;
    job.size = 3;
    CHECK_CODE(mote_executor_submit(shop.executor, &job, NULL, &error), MOTE_EINVAL);
    job = good;
    job.image = NULL;
    CHECK_CODE(mote_executor_submit(shop.executor, &job, NULL, &error), MOTE_EINVAL);
    job = good;
    job.func.index = 100000;
    CHECK_CODE(mote_executor_submit(shop.executor, &job, NULL, &error), MOTE_EINVAL);
    job = good;
    job.args = NULL;
    CHECK_CODE(mote_executor_submit(shop.executor, &job, NULL, &error), MOTE_EINVAL);
    job = good;
    job.args = &nowhere;
    CHECK_CODE(mote_executor_submit(shop.executor, &job, NULL, &error), MOTE_EINVAL);
    job = good;
    job.nargs = MOTE_PARAMS_MAX + 1;
    CHECK_CODE(mote_executor_submit(shop.executor, &job, NULL, &error), MOTE_ETYPE);
    CHECK_CODE(mote_executor_cancel(shop.executor, 0), MOTE_ENOTFOUND);
    CHECK_CODE(mote_executor_cancel(shop.executor, UINT64_MAX), MOTE_ENOTFOUND);
    CHECK_CODE(mote_executor_cancel(NULL, 1), MOTE_EINVAL);
    CHECK_CODE(mote_executor_resume(shop.executor, 1, NULL, &error), MOTE_ENOTFOUND);
    CHECK_CODE(mote_executor_resume_fail(shop.executor, 1, 1, "text", &error), MOTE_ENOTFOUND);
    CHECK_CODE(mote_executor_next(shop.executor, &c), MOTE_EINVAL);
    CHECK_CODE(mote_executor_next(shop.executor, NULL), MOTE_EINVAL);
    CHECK_CODE(mote_executor_describe(shop.executor, NULL, &use), MOTE_EINVAL);
    use.size = sizeof(use);
    CHECK_CODE(mote_executor_describe(shop.executor, "nobody", &use), MOTE_ENOTFOUND);
    CHECK_CODE(mote_executor_fd(NULL), MOTE_EINVAL);
    CHECK_CODE(mote_executor_drain(NULL, 0), MOTE_EINVAL);
    CHECK_CODE(mote_executor_free(NULL), MOTE_OK);
    CHECK_INT(use_of(&shop, NULL).submitted, 0);
    shop_close(&shop);
}

/* ---- order and limits ------------------------------------------------------------------------ */

/* Holds the worker, so that a queue can build up: a guest that spins until it is cancelled. */
static uint64_t hold(struct shop *shop)
{
    mote_job job = job_of(shop, "spin", NO_ARGS);
    uint64_t id;

    job.tenant = "holder";
    id = submit(shop, &job);
    until_one_runs(shop);
    return id;
}

static void let_go(struct shop *shop, uint64_t id)
{
    CHECK_CODE(mote_executor_cancel(shop->executor, id), MOTE_OK);
}

static struct order {
    unsigned count;
    char names[64];
} order;

static void note_order(void *user, const mote_completion *c)
{
    CHECK_CODE(c->status, MOTE_OK);
    order.names[order.count++] = *(const char *)user;
}

static void submit_for(struct shop *shop, const char *tenant)
{
    mote_job job = job_of(shop, "alive", NO_ARGS);

    job.tenant = tenant;
    job.user = (void *)(uintptr_t)tenant;
    job.done = note_order;
    submit(shop, &job);
}

/* Whoever submitted a lot first does not keep the others waiting. */
TEST(executor, tenants_take_turns)
{
    struct shop shop;
    uint64_t id;

    order = (struct order){0};
    shop_open(&shop, "faults", 1, 0);
    id = hold(&shop);
    for (int i = 0; i < 8; i++) {
        submit_for(&shop, "a");
    }
    for (int i = 0; i < 3; i++) {
        submit_for(&shop, "b");
    }
    submit_for(&shop, "c");
    let_go(&shop, id);
    drain(&shop);
    order.names[order.count] = '\0';
    CHECK_INT(strcmp(order.names, "abcababaaaaa"), 0);
    shop_close(&shop);
}

TEST(executor, queues_are_bounded)
{
    struct shop shop;
    mote_error error = MOTE_ERROR_INIT;
    mote_tenant_limits limits = {.size = sizeof(limits), .queue = 2};
    mote_executor_use use;
    mote_job job;
    uint64_t id;

    order = (struct order){0};
    shop_open(&shop, "faults", 1, 4);
    CHECK_CODE(mote_executor_tenant(shop.executor, "a", &limits, &error), MOTE_OK);
    id = hold(&shop);
    submit_for(&shop, "a");
    submit_for(&shop, "a");
    job = job_of(&shop, "alive", NO_ARGS);
    job.tenant = "a";
    CHECK_CODE(mote_executor_submit(shop.executor, &job, NULL, &error), MOTE_ELIMIT);
    CHECK_HAS(error.text, "tenant's queue");
    submit_for(&shop, "b");
    submit_for(&shop, "b");
    job.tenant = "c";
    CHECK_CODE(mote_executor_submit(shop.executor, &job, NULL, &error), MOTE_ELIMIT);
    CHECK_HAS(error.text, "executor's queue");
    use = use_of(&shop, "a");
    CHECK(use.refused == 1 && use.queued == 2 && use.submitted == 2);
    CHECK_INT(use_of(&shop, NULL).refused, 2);
    let_go(&shop, id);
    drain(&shop);
    CHECK_INT(order.count, 4);
    CHECK_INT(use_of(&shop, "a").completed, 2);
    use.size = sizeof(use);
    CHECK_CODE(mote_executor_describe(shop.executor, "b", &use), MOTE_ENOTFOUND);
    CHECK_CODE(mote_executor_tenant(shop.executor, "a", NULL, &error), MOTE_OK);
    CHECK_CODE(mote_executor_describe(shop.executor, "a", &use), MOTE_ENOTFOUND);
    shop_close(&shop);
}

/* Completions that nobody takes fill the queue like jobs that wait. */
TEST(executor, untaken_completions_fill_the_queue)
{
    struct shop shop;
    mote_completion c;
    mote_job job;

    shop_open(&shop, "faults", 1, 2);
    job = job_of(&shop, "alive", NO_ARGS);
    submit(&shop, &job);
    submit(&shop, &job);
    while (use_of(&shop, NULL).untaken != 2) {
        sleep_ms(1);
    }
    CHECK_CODE(mote_executor_submit(shop.executor, &job, NULL, NULL), MOTE_ELIMIT);
    c = next(&shop);
    mote_completion_release(&c);
    submit(&shop, &job);
    shop_close(&shop);
}

static struct crowd {
    atomic_uint inside, most, calls;
} crowd;

static int fn_inside(void *user, mote_context *context, const mote_value *args, size_t nargs,
                     mote_value *result)
{
    unsigned now = atomic_fetch_add(&crowd.inside, 1) + 1, most = atomic_load(&crowd.most);

    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    while (now > most && !atomic_compare_exchange_weak(&crowd.most, &most, now)) {
    }
    sleep_ms(2);
    atomic_fetch_add(&crowd.calls, 1);
    atomic_fetch_sub(&crowd.inside, 1);
    return 0;
}

TEST(executor, concurrency_of_a_tenant)
{
    struct shop shop;
    mote_executor_options options = {
        .size = sizeof(options), .threads = 4, .tenant_concurrency = 2};

    crowd = (struct crowd){0};
    open_asking(&shop.box, fn_inside, fn_never);
    shop_start(&shop, &options);
    for (int i = 0; i < 30; i++) {
        mote_value args[] = {v_u32(1)};
        mote_job job = job_of(&shop, "outer", args, 1);

        job.tenant = "t";
        submit(&shop, &job);
    }
    drain(&shop);
    CHECK_INT(use_of(&shop, NULL).completed, 30);
    CHECK_INT(atomic_load(&crowd.calls), 30);
    CHECK(atomic_load(&crowd.most) <= 2);
    shop_close(&shop);
}

/* A tenant that used up its CPU time waits; another one does not. */
TEST(executor, cpu_time_of_a_tenant)
{
    struct shop shop;
    mote_error error = MOTE_ERROR_INIT;
    mote_tenant_limits limits = {.size = sizeof(limits), .cpu_ns = 1000};
    mote_call_options soon = {.size = sizeof(soon), .deadline_ns = SECOND / 20};
    mote_completion c;
    mote_job job;

    order = (struct order){0};
    shop_open(&shop, "faults", 1, 0);
    CHECK_CODE(mote_executor_tenant(shop.executor, "spender", &limits, &error), MOTE_OK);
    job = job_of(&shop, "spin", NO_ARGS);
    job.tenant = "spender";
    job.call = &soon;
    submit(&shop, &job);
    c = next(&shop);
    CHECK_CODE(c.status, MOTE_EDEADLINE);
    mote_completion_release(&c);
    submit_for(&shop, "spender");
    submit_for(&shop, "other");
    while (use_of(&shop, NULL).completed != 1) {
        sleep_ms(1);
    }
    CHECK_INT(order.names[0], 'o');
    CHECK(use_of(&shop, "spender").queued == 1 && use_of(&shop, "spender").cpu_ns > 1000);
    limits.cpu_ns = 0;
    CHECK_CODE(mote_executor_tenant(shop.executor, "spender", &limits, &error), MOTE_OK);
    drain(&shop);
    CHECK_INT(order.count, 2);
    shop_close(&shop);
}

/* ---- cancel, drain, free --------------------------------------------------------------------- */

TEST(executor, cancel)
{
    struct shop shop;
    mote_completion c;
    mote_job job;
    uint64_t spinning, queued;

    shop_open(&shop, "faults", 1, 0);
    for (int i = 0; i < 5; i++) {
        spinning = hold(&shop);
        job = job_of(&shop, "alive", NO_ARGS);
        job.tenant = "t";
        queued = submit(&shop, &job);
        CHECK_CODE(mote_executor_cancel(shop.executor, queued), MOTE_OK);
        CHECK_INT(use_of(&shop, NULL).queued, 0);
        let_go(&shop, spinning);
        c = next(&shop);
        CHECK(c.id == spinning && c.status == MOTE_EINTERRUPTED);
        mote_completion_release(&c);
        c = next(&shop);
        CHECK(c.id == queued && c.status == MOTE_EINTERRUPTED);
        CHECK(c.error && c.error->text[0] && c.fault == MOTE_FAULT_NONE);
        mote_completion_release(&c);
        CHECK_CODE(mote_executor_cancel(shop.executor, queued), MOTE_ENOTFOUND);
        CHECK_CODE(mote_executor_cancel(shop.executor, spinning), MOTE_ENOTFOUND);
    }
    drain(&shop);
    CHECK_INT(use_of(&shop, NULL).cancelled, 10);
    shop_close(&shop);
}

/* Whenever a cancel comes, the job ends. */
TEST(executor, cancel_at_any_moment)
{
    struct shop shop;

    shop_open(&shop, "faults", 2, 0);
    for (unsigned i = 0; i < test_repeat(200); i++) {
        mote_job job = job_of(&shop, "spin", NO_ARGS);
        mote_completion c;
        uint64_t id;

        job.tenant = "t";
        id = submit(&shop, &job);
        for (volatile unsigned wait = 0; wait < i * 100; wait++) {
        }
        CHECK_CODE(mote_executor_cancel(shop.executor, id), MOTE_OK);
        c = next(&shop);
        CHECK(c.id == id);
        CHECK_CODE(c.status, MOTE_EINTERRUPTED);
        mote_completion_release(&c);
    }
    shop_close(&shop);
}

TEST(executor, drain_refuses_and_waits)
{
    struct shop shop;
    mote_error error = MOTE_ERROR_INIT;
    mote_job job;
    uint64_t id;

    order = (struct order){0};
    shop_open(&shop, "faults", 1, 0);
    id = hold(&shop);
    submit_for(&shop, "a");
    CHECK_CODE(mote_executor_drain(shop.executor, SECOND / 100), MOTE_EDEADLINE);
    job = job_of(&shop, "alive", NO_ARGS);
    CHECK_CODE(mote_executor_submit(shop.executor, &job, NULL, &error), MOTE_EBUSY);
    CHECK_HAS(error.text, "drained");
    let_go(&shop, id);
    drain(&shop);
    CHECK_INT(order.count, 1);
    shop_close(&shop);
}

static atomic_uint ended_by_free;

static void count_cancelled(void *user, const mote_completion *c)
{
    (void)user;
    CHECK_CODE(c->status, MOTE_EINTERRUPTED);
    atomic_fetch_add(&ended_by_free, 1);
}

TEST(executor, free_cancels)
{
    struct shop shop;
    uint64_t id;

    atomic_store(&ended_by_free, 0);
    shop_open(&shop, "faults", 1, 0);
    id = hold(&shop);
    for (int i = 0; i < 10; i++) {
        mote_job job = job_of(&shop, i % 2 ? "alive" : "spin", NO_ARGS);

        job.tenant = "t";
        job.done = count_cancelled;
        submit(&shop, &job);
    }
    CHECK(id != 0);
    CHECK_CODE(mote_executor_free(shop.executor), MOTE_OK);
    CHECK_INT(atomic_load(&ended_by_free), 10);
    box_close(&shop.box);
}

/* Callbacks may submit and cancel; they cannot wait for themselves. */
static struct chain {
    struct shop shop;
    atomic_uint left;
} chain;

static void go_on(void *user, const mote_completion *c)
{
    mote_job job = job_of(&chain.shop, "alive", NO_ARGS);

    (void)user;
    CHECK_CODE(c->status, MOTE_OK);
    CHECK_CODE(mote_executor_drain(chain.shop.executor, 0), MOTE_EBUSY);
    CHECK_CODE(mote_executor_free(chain.shop.executor), MOTE_EBUSY);
    job.done = go_on;
    job.tenant = "t";
    if (atomic_load(&chain.left) > 0 && atomic_fetch_sub(&chain.left, 1) > 0) {
        submit(&chain.shop, &job);
    }
}

TEST(executor, callbacks_submit)
{
    mote_job job;

    atomic_store(&chain.left, 20);
    shop_open(&chain.shop, "faults", 1, 0);
    job = job_of(&chain.shop, "alive", NO_ARGS);
    job.done = go_on;
    job.tenant = "t";
    submit(&chain.shop, &job);
    while (use_of(&chain.shop, NULL).completed != 21) {
        sleep_ms(1);
    }
    shop_close(&chain.shop);
}

/* ---- jobs that are suspended ------------------------------------------------------------------
 */

static struct later {
    pthread_mutex_t lock;
    unsigned count;
    uint64_t ids[64];
    bool at_once; /* answered before the host function has returned */
} later = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int fn_later(void *user, mote_context *context, const mote_value *args, size_t nargs,
                    mote_value *result)
{
    const mote_job_info *info = mote_sandbox_user(mote_context_sandbox(context));
    mote_value answer = v_u32(args[0].of.u32 + 1);

    (void)user;
    (void)nargs;
    (void)result;
    CHECK(info->size == sizeof(*info) && info->id != 0 && info->user == &later);
    if (later.at_once) {
        CHECK_CODE(mote_executor_resume(info->executor, info->id, &answer, NULL), MOTE_OK);
        CHECK_CODE(mote_executor_resume(info->executor, info->id, &answer, NULL), MOTE_EBUSY);
    }
    pthread_mutex_lock(&later.lock);
    later.ids[later.count++] = info->id;
    pthread_mutex_unlock(&later.lock);
    return MOTE_PENDING;
}

static void later_open(struct shop *shop, uint32_t threads, uint32_t suspended)
{
    mote_executor_options options = {
        .size = sizeof(options), .threads = threads, .suspended = suspended};

    later.count = 0;
    later.at_once = false;
    open_asking(&shop->box, fn_never, fn_later);
    shop_start(shop, &options);
}

static uint64_t submit_later(struct shop *shop, uint32_t value)
{
    mote_value arg = v_u32(value);
    mote_job job = job_of(shop, "wait", &arg, 1);

    job.tenant = "t";
    job.user = &later;
    return submit(shop, &job);
}

static void until_suspended(struct shop *shop, unsigned count)
{
    while (use_of(shop, NULL).suspended != count) {
        sleep_ms(1);
    }
}

TEST(executor, suspended_jobs_leave_their_worker)
{
    struct shop shop;
    uint64_t ids[8];

    later_open(&shop, 2, 0);
    for (uint32_t i = 0; i < COUNT(ids); i++) {
        ids[i] = submit_later(&shop, 10 * i);
    }
    until_suspended(&shop, COUNT(ids));
    CHECK_INT(use_of(&shop, NULL).running, 0);
    CHECK_CODE(mote_executor_drain(shop.executor, SECOND / 100), MOTE_EDEADLINE);
    for (uint32_t i = 0; i < COUNT(ids); i++) {
        mote_value answer = v_u32(100 + i);
        mote_completion c;

        CHECK_CODE(mote_executor_resume(shop.executor, ids[i], &answer, NULL), MOTE_OK);
        c = next(&shop);
        CHECK_CODE(c.status, MOTE_OK);
        CHECK(c.id == ids[i]);
        CHECK_INT(c.result.of.u32, 100 + i);
        mote_completion_release(&c);
        CHECK_CODE(mote_executor_resume(shop.executor, ids[i], &answer, NULL), MOTE_ENOTFOUND);
    }
    drain(&shop);
    shop_close(&shop);
}

TEST(executor, answered_before_it_waits)
{
    struct shop shop;

    later_open(&shop, 1, 0);
    later.at_once = true;
    for (uint32_t i = 0; i < 10; i++) {
        mote_completion c;

        submit_later(&shop, i);
        c = next(&shop);
        CHECK_CODE(c.status, MOTE_OK);
        CHECK_INT(c.result.of.u32, i + 1);
        mote_completion_release(&c);
    }
    shop_close(&shop);
}

TEST(executor, suspended_jobs_end)
{
    struct shop shop;
    mote_value wrong = v_i64(1);
    mote_completion c;
    uint64_t id;

    later_open(&shop, 1, 1);
    id = submit_later(&shop, 1);
    until_suspended(&shop, 1);
    submit_later(&shop, 2); /* one more than there may be */
    c = next(&shop);
    CHECK_CODE(c.status, MOTE_ELIMIT);
    CHECK_HAS(c.error->remedy, "suspended");
    mote_completion_release(&c);
    CHECK_CODE(mote_executor_cancel(shop.executor, id), MOTE_OK);
    c = next(&shop);
    CHECK(c.id == id && c.status == MOTE_EINTERRUPTED);
    mote_completion_release(&c);

    id = submit_later(&shop, 1);
    until_suspended(&shop, 1);
    CHECK_CODE(mote_executor_resume(shop.executor, id, &wrong, NULL), MOTE_OK);
    c = next(&shop);
    CHECK_CODE(c.status, MOTE_ETYPE);
    mote_completion_release(&c);

    id = submit_later(&shop, 1);
    until_suspended(&shop, 1);
    CHECK_CODE(mote_executor_resume_fail(shop.executor, id, 5, "no answer today", NULL), MOTE_OK);
    c = next(&shop);
    CHECK_CODE(c.status, MOTE_EGUEST);
    CHECK_HAS(c.error->text, "no answer today");
    mote_completion_release(&c);

    submit_later(&shop, 1);
    until_suspended(&shop, 1);
    shop_close(&shop); /* ends the last one */
}

/* ---- threads and fork ------------------------------------------------------------------------ */

static void *submit_many(void *argument)
{
    struct shop *shop = argument;

    for (unsigned i = 0; i < test_repeat(200); i++) {
        mote_job job = job_of(shop, "count", NO_ARGS);
        int status;

        job.tenant = i % 2 ? "x" : "y";
        do {
            status = mote_executor_submit(shop->executor, &job, NULL, NULL);
            if (status == MOTE_ELIMIT) {
                sleep_ms(1);
            }
        } while (status == MOTE_ELIMIT);
        CHECK_CODE(status, MOTE_OK);
    }
    return NULL;
}

TEST(executor, many_threads_submit)
{
    const unsigned all = 4 * test_repeat(200);
    pthread_t threads[4];
    struct shop shop;

    shop_open(&shop, "echo", 2, 16);
    for (unsigned i = 0; i < COUNT(threads); i++) {
        CHECK(pthread_create(&threads[i], NULL, submit_many, &shop) == 0);
    }
    for (unsigned i = 0; i < all; i++) {
        mote_completion c = next(&shop);

        CHECK_CODE(c.status, MOTE_OK);
        CHECK_INT(c.result.of.u32, 1);
        mote_completion_release(&c);
    }
    for (unsigned i = 0; i < COUNT(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    expect_nothing(&shop);
    shop_close(&shop);
}

static void in_the_child(struct shop *shop)
{
    mote_job job = job_of(shop, "alive", NO_ARGS);
    mote_completion c = {.size = sizeof(c)};
    mote_executor_use use = {.size = sizeof(use)};
    mote_executor *none = NULL;

    CHECK_CODE(mote_executor_submit(shop->executor, &job, NULL, NULL), MOTE_EFORKED);
    CHECK_CODE(mote_executor_cancel(shop->executor, 1), MOTE_EFORKED);
    CHECK_CODE(mote_executor_resume(shop->executor, 1, NULL, NULL), MOTE_EFORKED);
    CHECK_CODE(mote_executor_resume_fail(shop->executor, 1, 1, NULL, NULL), MOTE_EFORKED);
    CHECK_CODE(mote_executor_next(shop->executor, &c), MOTE_EFORKED);
    CHECK_CODE(mote_executor_fd(shop->executor), MOTE_EFORKED);
    CHECK_CODE(mote_executor_tenant(shop->executor, "t", NULL, NULL), MOTE_EFORKED);
    CHECK_CODE(mote_executor_describe(shop->executor, NULL, &use), MOTE_EFORKED);
    CHECK_CODE(mote_executor_drain(shop->executor, 0), MOTE_EFORKED);
    CHECK_CODE(mote_executor_new(&none, shop->box.host, NULL, NULL), MOTE_EFORKED);
    CHECK_CODE(mote_executor_free(shop->executor), MOTE_OK);
    box_close(&shop->box);
}

TEST(executor, forked_child)
{
    struct shop shop;
    uint64_t id;
    pid_t child;
    int status = -1;

    order = (struct order){0};
    shop_open(&shop, "faults", 1, 0);
    submit_for(&shop, "a");
    while (use_of(&shop, NULL).completed != 1) {
        sleep_ms(1);
    }
    child = fork();
    if (child == 0) {
        alarm(10);
        in_the_child(&shop);
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    id = hold(&shop);
    let_go(&shop, id);
    submit_for(&shop, "b");
    drain(&shop);
    CHECK_INT(order.count, 2);
    shop_close(&shop);
}
