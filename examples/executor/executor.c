/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three tenants on a few threads. One submits hundreds of jobs at once, one a few of them later,
 * one jobs that never end by themselves. The executor lets them take turns, gives each job a fresh
 * sandbox that no other tenant ever had, and holds the last one to its CPU time.
 */
#include <mote_executor.h>
#include <poll.h>

#include "../example.h"

#define MANY        300u
#define FEW         3u
#define BAD         4u
#define DEADLINE_NS 20000000ull /* of a bad job */
#define CPU_NS      50000000ull /* that the bad tenant has for each second */

static mote_host *host;
static mote_image *image;
static mote_executor *executor;
static mote_func work, spin;

/* How its jobs ended. */
struct tenant {
    const char *name;
    uint32_t right, late;
};
static struct tenant many = {.name = "many"}, few = {.name = "few"}, bad = {.name = "bad"};

static void open_all(void)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_source source = MOTE_SOURCE_PATH(guest_path("worker"));
    mote_tenant_limits limits = {.size = sizeof limits, .concurrency = 1, .cpu_ns = CPU_NS};
    must(mote_host_new(&host, NULL, &error), &error);
    must(mote_image_open(&image, host, &source, NULL, &error), &error);
    must(mote_find(image, "work", "(u32)->u32", &work, &error), &error);
    must(mote_find(image, "spin", "()->void", &spin, &error), &error);
    must(mote_executor_new(&executor, host, NULL, &error), &error);
    must(mote_executor_tenant(executor, bad.name, &limits, &error), &error);
}

/* Jobs without a callback: their completions come to the loop below. */
static void submit(struct tenant *tenant, mote_func func, const mote_value *arg, uint64_t deadline)
{
    mote_error error = MOTE_ERROR_INIT;
    const mote_call_options call = {sizeof call, deadline};
    mote_job job = {.size = sizeof job,
                    .image = image,
                    .func = func,
                    .args = arg,
                    .nargs = arg != NULL,
                    .call = &call,
                    .tenant = tenant->name,
                    .user = tenant};
    must(mote_executor_submit(executor, &job, NULL, &error), &error);
}

static void submit_all(void)
{
    for (uint32_t i = 0; i < BAD; i++)
        submit(&bad, spin, NULL, DEADLINE_NS);
    for (uint32_t i = 0; i < MANY + FEW; i++) {
        mote_value arg = {.type = MOTE_U32, .of.u32 = i + 1};
        submit(i < MANY ? &many : &few, work, &arg, 0);
    }
}

static void take(const mote_completion *completion)
{
    struct tenant *tenant = completion->user;
    if (completion->status == MOTE_EDEADLINE)
        tenant->late++;
    else
        must(completion->status, completion->error);
    tenant->right += completion->status == 0 && completion->result.of.u32 != 0;
    if (tenant == &few && few.right == FEW)
        show(-1, "the few jobs, submitted last, were done when %u of the %u others were",
             many.right, MANY);
}

/* An event loop; the descriptor may stand in any poll or epoll. */
static void run(uint32_t jobs)
{
    struct pollfd fd = {.fd = mote_executor_fd(executor), .events = POLLIN};
    while (jobs > 0 && poll(&fd, 1, -1) > 0) {
        mote_completion completion = {.size = sizeof completion};
        while (mote_executor_next(executor, &completion) == 1) {
            take(&completion);
            mote_completion_release(&completion);
            jobs--;
        }
    }
}

int main(void)
{
    mote_executor_use use = {.size = sizeof use};
    mote_error error = MOTE_ERROR_INIT;
    open_all();
    double begin = now_us();
    submit_all();
    show(now_us() - begin, "%u jobs of three tenants are submitted", MANY + FEW + BAD);
    begin = now_us();
    run(MANY + FEW + BAD);
    show(now_us() - begin, "all have ended");
    show(-1, "%u jobs answered, each in a fresh sandbox; %u were stopped", many.right + few.right,
         bad.late);
    must(mote_executor_describe(executor, bad.name, &use), &error);
    show((double)use.cpu_ns / 1e3, "CPU time of the tenant that has %llu ms for each second",
         CPU_NS / 1000000);
    mote_executor_free(executor);
    mote_image_unref(image);
    mote_host_free(host);
    return many.right == MANY && few.right == FEW && bad.late == BAD ? 0 : 1;
}
