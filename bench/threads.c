/* SPDX-License-Identifier: Apache-2.0 */
/* Fresh calls on threads: on two against one, and through an executor against a bare loop. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#include <mote_executor.h>

#include "bench.h"
#include "library.h"
#include "measure.h"

#define US    1000.0
#define CALLS 400u /* of each thread, in one sample */
#define MOST  2u   /* threads */

/* So many threads with a sandbox each, or an executor with so many workers. */
struct crew {
    struct library *library;
    unsigned threads;
    mote_sandbox *sandboxes[MOST];
    mote_executor *executor;
    atomic_uint left, failed;
    sem_t done;
};

/* ---- bare loops ---- */

struct loop {
    struct crew *crew;
    mote_sandbox *sandbox;
    pthread_t thread;
};

static void *run_loop(void *argument)
{
    struct loop *loop = argument;
    mote_value argument_value = {.type = MOTE_U32}, result;
    for (uint32_t i = 0; i < CALLS; i++) {
        argument_value.of.u32 = i;
        int status = mote_reset(loop->sandbox);
        if (!status)
            status = mote_call(loop->sandbox, loop->crew->library->func, NULL, &argument_value, 1,
                               &result, 1);
        if (status || result.of.u32 != i)
            atomic_fetch_add(&loop->crew->failed, 1);
    }
    return NULL;
}

/* Nanoseconds for each call of all. */
static int64_t time_loops(void *context)
{
    struct crew *crew = context;
    struct loop loops[MOST];
    uint64_t start = now_ns();
    for (unsigned i = 0; i < crew->threads; i++) {
        loops[i] = (struct loop){.crew = crew, .sandbox = crew->sandboxes[i]};
        if (pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]))
            return -1;
    }
    for (unsigned i = 0; i < crew->threads; i++)
        pthread_join(loops[i].thread, NULL);
    uint64_t end = now_ns();
    return atomic_load(&crew->failed)
               ? -1
               : (int64_t)((end - start) / ((uint64_t)crew->threads * CALLS));
}

/* ---- the executor ---- */

static void count_down(void *user, const mote_completion *completion)
{
    struct crew *crew = user;
    if (completion->status)
        atomic_fetch_add(&crew->failed, 1);
    if (atomic_fetch_sub(&crew->left, 1) == 1)
        sem_post(&crew->done);
}

/* All jobs are submitted while the workers run; each is a fresh call for one tenant. */
static int64_t time_jobs(void *context)
{
    struct crew *crew = context;
    unsigned calls = crew->threads * CALLS;
    if (!calls)
        return -1;
    mote_value argument = {.type = MOTE_U32};
    mote_job job = {.size = sizeof job,
                    .image = crew->library->image,
                    .policy = crew->library->policy,
                    .func = crew->library->func,
                    .args = &argument,
                    .nargs = 1,
                    .tenant = "bench",
                    .done = count_down,
                    .user = crew};
    atomic_store(&crew->left, calls);
    uint64_t start = now_ns();
    for (unsigned i = 0; i < calls; i++) {
        argument.of.u32 = i;
        if (mote_executor_submit(crew->executor, &job, NULL, NULL))
            return -1;
    }
    sem_wait(&crew->done);
    uint64_t end = now_ns();
    return atomic_load(&crew->failed) ? -1 : (int64_t)((end - start) / calls);
}

/* ---- crews ---- */

static void crew_close(struct crew *crew)
{
    mote_executor_free(crew->executor);
    for (unsigned i = 0; i < MOST; i++)
        mote_sandbox_free(crew->sandboxes[i]);
    sem_destroy(&crew->done);
}

static int crew_open(struct crew *crew, struct library *library, unsigned threads)
{
    mote_executor_options options = {
        .size = sizeof options, .threads = threads, .queue = MOST * CALLS};
    mote_error error = MOTE_ERROR_INIT;
    *crew = (struct crew){.library = library, .threads = threads};
    sem_init(&crew->done, 0, 0);
    int status = mote_executor_new(&crew->executor, library->host, &options, &error);
    for (unsigned i = 0; !status && i < threads; i++)
        status =
            mote_sandbox_new(&crew->sandboxes[i], library->image, library->policy, NULL, &error);
    if (status)
        fprintf(stderr, "\nmote_bench: %s %s\n", error.text, error.remedy);
    return status ? -1 : 0;
}

static void add_row(struct bench *bench, const char *name, struct side *ours, struct side *floor,
                    double goal)
{
    struct row row = {.unit = "us", .goal = goal, .at_least = true};
    snprintf(row.name, sizeof row.name, "%s", name);
    row_fill(&row, ours, floor, US);
    bench_add(bench, &row);
}

static int measure(struct bench *bench, struct crew *crews)
{
    struct side sides[] = {{.run = time_loops, .context = &crews[0]},
                           {.run = time_jobs, .context = &crews[0]},
                           {.run = time_loops, .context = &crews[1]},
                           {.run = time_jobs, .context = &crews[1]}};
    int status = interleave("threads", sides, 4, bench_samples(bench, 100, 10), 2);
    if (status) {
        fprintf(stderr, "\nmote_bench: a call on a thread failed\n");
    } else {
        add_row(bench, "scale.threads", &sides[2], &sides[0], 1.9);
        add_row(bench, "executor.1", &sides[1], &sides[0], 0.9);
        add_row(bench, "executor.2", &sides[3], &sides[2], 0.9);
    }
    sides_free(sides, 4);
    return status;
}

int bench_threads(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct library library;
    struct crew crews[MOST] = {{0}};
    unpin(); /* threads inherit where they may run */
    int status = library_open(&library, "echo", 0);
    if (status) {
        pin_to_cpu();
        return status;
    }
    status = library_find(&library, "echo_u32", "(u32)->u32");
    for (unsigned i = 0; !status && i < MOST; i++)
        status = crew_open(&crews[i], &library, i + 1);
    if (!status)
        status = measure(bench, crews);
    for (unsigned i = 0; i < MOST; i++)
        crew_close(&crews[i]);
    library_close(&library);
    pin_to_cpu();
    return status;
}
