/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that measure, one kind after the other in slices of time, so that what else happens on
 * the machine hits all kinds alike. A thread keeps its times in a small array and counts them in
 * the shared histograms when it is full or the slice has ended: nothing else happens between two
 * calls. This thread shows meanwhile how far it is.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "progress.h"

enum { SLICE_NS = 50000000, TICK_NS = 250000000, TIMES = 2048 };

struct measuring {
    struct bench *bench;
    uint64_t start;
    uint64_t slice_ns;
    uint64_t rounds; /* of a slice of each kind */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned working; /* threads that have not ended */
    int code;         /* the first failure; ends all threads */
};

struct worker {
    struct measuring *all;
    pthread_t thread;
    mote_sandbox *sandbox;
    mote_error error; /* of a sandbox that could not be made */
    size_t count;
    uint64_t times[TIMES];
};

/* ---- what is measured; each returns 0 or a MOTE_E* ------------------------------- */

static int call(struct worker *worker)
{
    const struct run *run = &worker->all->bench->run;
    const mote_signature *signature = &run->function.signature;
    mote_value result;
    return mote_call(worker->sandbox, run->func, NULL, run->arguments.value, signature->nparams,
                     &result, signature->nresults);
}

/* All of one tenant, so that a pool gives the VM of one to the next. */
static int new_sandbox(struct run *run, mote_sandbox **sandbox, mote_error *error)
{
    mote_sandbox_options options = {
        .size = sizeof(options), .snapshot = run->snapshot, .tenant = "mote bench"};
    return mote_sandbox_new(sandbox, run->image, run->policy, &options, error);
}

static int make_sandbox(struct worker *worker)
{
    return new_sandbox(&worker->all->bench->run, &worker->sandbox, &worker->error);
}

static void free_sandbox(struct worker *worker)
{
    mote_sandbox_free(worker->sandbox);
    worker->sandbox = NULL;
}

static int call_fresh(struct worker *worker)
{
    int rc = mote_reset(worker->sandbox);
    return rc != 0 ? rc : call(worker);
}

static int call_new(struct worker *worker)
{
    int rc = make_sandbox(worker);
    rc = rc != 0 ? rc : call(worker);
    if (rc == 0)
        free_sandbox(worker);
    return rc;
}

static const struct {
    const char *name;
    int (*once)(struct worker *worker);
} kinds[BENCH_KINDS] = {
    [BENCH_WARM] = {"warm", call},
    [BENCH_FRESH] = {"fresh", call_fresh},
    [BENCH_NEW] = {"new", call_new},
};

const char *bench_name(enum bench_kind kind)
{
    return kinds[kind].name;
}

/* ---- a thread --------------------------------------------------------------------- */

/* Counts the times; the first failure, or that of another thread. */
static int flush(struct worker *worker, enum bench_kind kind, int rc)
{
    struct measuring *all = worker->all;
    struct run *run = &all->bench->run;
    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < worker->count; i++)
        histogram_record(&all->bench->of[kind], worker->times[i]);
    worker->count = 0;
    if (rc != 0 && all->code == 0) {
        all->code = rc;
        run->error = worker->error;
        run->sandbox = worker->sandbox; /* its report is told and then freed */
        worker->sandbox = NULL;
    }
    rc = all->code;
    pthread_mutex_unlock(&all->lock);
    return rc;
}

static int measure_slice(struct worker *worker, enum bench_kind kind, uint64_t end)
{
    uint64_t after = 0;
    /* The first is not counted: the processor's caches have the other kind in them. */
    int rc = kinds[kind].once(worker);
    while (rc == 0 && after < end) {
        uint64_t before = now_ns();
        rc = kinds[kind].once(worker);
        after = now_ns();
        if (rc == 0)
            worker->times[worker->count++] = after - before;
        if (worker->count == TIMES)
            rc = flush(worker, kind, rc);
    }
    return flush(worker, kind, rc);
}

static int measure_round(struct worker *worker, uint64_t round)
{
    const struct measuring *all = worker->all;
    uint64_t begin = all->start + round * BENCH_KINDS * all->slice_ns;
    int rc = worker->sandbox != NULL ? 0 : make_sandbox(worker);
    if (rc != 0)
        return flush(worker, BENCH_WARM, rc);
    rc = measure_slice(worker, BENCH_WARM, begin + all->slice_ns);
    rc = rc != 0 ? rc : measure_slice(worker, BENCH_FRESH, begin + 2 * all->slice_ns);
    if (rc != 0)
        return rc;
    free_sandbox(worker);
    return measure_slice(worker, BENCH_NEW, begin + 3 * all->slice_ns);
}

static void *work(void *user)
{
    struct worker *worker = user;
    struct measuring *all = worker->all;
    int rc = 0;
    for (uint64_t round = 0; round < all->rounds && rc == 0; round++)
        rc = measure_round(worker, round);
    free_sandbox(worker);
    pthread_mutex_lock(&all->lock);
    all->working--;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

/* ---- this thread ------------------------------------------------------------------- */

/* With the lock. */
static void show(const struct measuring *all)
{
    const struct histogram *of = all->bench->of;
    double seconds = (double)(now_ns() - all->start) / 1e9;
    double whole = (double)all->bench->options.duration_ns / 1e9;
    progress_line("measuring, %.1f of %.0f s; median: warm %.1f us, fresh %.1f us, new %.1f us",
                  seconds, whole, (double)histogram_at(&of[BENCH_WARM], 50) / 1e3,
                  (double)histogram_at(&of[BENCH_FRESH], 50) / 1e3,
                  (double)histogram_at(&of[BENCH_NEW], 50) / 1e3);
}

static void wait_for_all(struct measuring *all)
{
    bool terminal = isatty(STDERR_FILENO) != 0;
    pthread_mutex_lock(&all->lock);
    while (all->working > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&all->changed, &all->lock, &until);
        if (terminal && all->working > 0)
            show(all);
    }
    pthread_mutex_unlock(&all->lock);
    if (terminal)
        progress_line(NULL);
}

/* Starts as many as it can; how many. */
static unsigned start_all(struct measuring *all, struct worker *workers, unsigned count)
{
    unsigned started = 0;
    pthread_mutex_lock(&all->lock);
    for (; started < count; started++) {
        struct worker *worker = &workers[started];
        worker->all = all;
        worker->error.size = sizeof(worker->error);
        if (pthread_create(&worker->thread, NULL, work, worker) != 0)
            break;
    }
    if (started < count) {
        all->code = MOTE_EPROCESSES;
        all->rounds = 0;
    }
    all->working = started;
    all->start = now_ns();
    pthread_mutex_unlock(&all->lock);
    return started;
}

static void run_all(struct measuring *all, struct worker *workers, unsigned count)
{
    unsigned started = start_all(all, workers, count);
    wait_for_all(all);
    all->bench->elapsed_ns = now_ns() - all->start;
    for (unsigned i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
}

/* The image boots when its first sandbox is made. */
static int boot(struct bench *bench)
{
    struct run *run = &bench->run;
    mote_sandbox *sandbox = NULL;
    uint64_t start = now_ns();
    int rc = new_sandbox(run, &sandbox, &run->error);
    bench->boot_ns = now_ns() - start;
    mote_sandbox_free(sandbox);
    return rc;
}

/* The shortest of some looks. */
static uint64_t clock_cost(void)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t start = now_ns();
        uint64_t took = now_ns() - start;
        best = took < best ? took : best;
    }
    return best;
}

int bench_measure(struct bench *bench)
{
    unsigned count = bench->options.threads;
    uint64_t part = bench->options.duration_ns / BENCH_KINDS;
    struct measuring all = {.bench = bench, .rounds = (part + SLICE_NS - 1) / SLICE_NS};
    int rc = boot(bench);
    if (rc != 0)
        return rc;
    struct worker *workers = calloc(count, sizeof(*workers));
    if (workers == NULL)
        return MOTE_ENOMEM;
    bench->clock_ns = clock_cost();
    all.rounds = all.rounds > 0 ? all.rounds : 1;
    all.slice_ns = part / all.rounds;
    pthread_mutex_init(&all.lock, NULL);
    pthread_cond_init(&all.changed, NULL);
    run_all(&all, workers, count);
    pthread_cond_destroy(&all.changed);
    pthread_mutex_destroy(&all.lock);
    free(workers);
    return all.code;
}
