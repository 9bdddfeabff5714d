/* SPDX-License-Identifier: Apache-2.0 */
/* Two thousand sandboxes on two hundred threads, all alive at once, of two images that all share.
 */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { THREADS = 200, PER_THREAD = 10, ROUNDS = 3, FDS = 2 /* of a sandbox */ };
enum { LONGEST = 400 }; /* seconds; more than other tests have */

struct crowd {
    mote_host *host;
    mote_image *echo, *faults;
    unsigned threads;
    pthread_barrier_t all_made, all_used;
    mote_handle *handles[THREADS * PER_THREAD];
    atomic_uint interrupted;
    atomic_bool over;
};

struct member {
    struct crowd *crowd;
    unsigned number;
    pthread_t thread;
    mote_sandbox *sandboxes[PER_THREAD]; /* even: echo, odd: faults */
};

/* ---- what the machine must allow ------------------------------------------------------ */

/* The soft limit is the process's own to raise. */
static void need_files(unsigned count)
{
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_max < count) {
        FAIL("%u file descriptors are needed and %llu allowed: raise the hard limit "
             "(ulimit -Hn, LimitNOFILE=, docker --ulimit nofile)",
             count, (unsigned long long)limit.rlim_max);
    }
}

/* About 500 KiB of the kernel for each VM, and as much again for its memory and ours. */
static void need_memory(unsigned sandboxes)
{
    unsigned long needed = sandboxes * 1024ul, available = needed;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "r");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        sscanf(line, "MemAvailable: %lu kB", &available);
    }
    if (file != NULL) {
        fclose(file);
    }
    if (available < needed) {
        FAIL("%lu MiB of memory are needed and %lu free: free some, or run fewer sandboxes "
             "(--scale, MOTE_TEST_SCALE)",
             needed >> 10, available >> 10);
    }
}

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    int error = pthread_create(thread, NULL, run, argument);

    if (error != 0) {
        FAIL("a thread cannot be made: %s: raise RLIMIT_NPROC (ulimit -u) and pids.max of the "
             "cgroup (TasksMax=, docker --pids-limit); a sandbox takes one thread of the kernel",
             strerror(error));
    }
}

/* ---- the crowd ------------------------------------------------------------------ */

static mote_image *image_of(const struct crowd *crowd, unsigned i)
{
    return i % 2 == 0 ? crowd->echo : crowd->faults;
}

static mote_handle **handle_of(const struct member *member, unsigned i)
{
    return &member->crowd->handles[member->number * PER_THREAD + i];
}

static void make(struct member *member, unsigned i)
{
    member->sandboxes[i] = open_sandbox(image_of(member->crowd, i), NULL);
}

static void reset(struct member *member, unsigned i)
{
    int rc = mote_reset(member->sandboxes[i]);

    if (rc != MOTE_OK) {
        FAIL("%s; %s", mote_sandbox_error(member->sandboxes[i])->text,
             mote_sandbox_error(member->sandboxes[i])->remedy);
    }
}

/* The interrupter may come between at any time: then the call is lost, and nothing else. */
static void echo(struct member *member, unsigned i, unsigned number)
{
    mote_value result = {.type = MOTE_VOID};
    int rc = call(member->sandboxes[i], member->crowd->echo, "count", NO_ARGS, &result);

    if (rc == MOTE_OK) {
        CHECK_INT(result.of.u32, 1);
        rc = call(member->sandboxes[i], member->crowd->echo, "echo_u32", ARGS(v_u32(number)),
                  &result);
    }
    if (rc == MOTE_OK) {
        CHECK_INT(result.of.u32, number);
    } else {
        CHECK_CODE(rc, MOTE_EINTERRUPTED);
        atomic_fetch_add(&member->crowd->interrupted, 1);
    }
}

static void spin(struct member *member, unsigned i)
{
    CHECK_CODE(call(member->sandboxes[i], member->crowd->faults, "spin", NO_ARGS, NULL),
               MOTE_EINTERRUPTED);
    atomic_fetch_add(&member->crowd->interrupted, 1);
}

static void fault(struct member *member, unsigned i)
{
    int rc = call(member->sandboxes[i], member->crowd->faults, "wild_write", ARGS(v_u64(8)), NULL);

    CHECK(rc == MOTE_EFAULT || rc == MOTE_EINTERRUPTED);
}

static void use(struct member *member, unsigned round)
{
    for (unsigned i = 0; i < PER_THREAD; i++) {
        if (i % 2 == 0) {
            echo(member, i, member->number + round);
        } else if (i == 1) {
            spin(member, i);
        } else {
            fault(member, i);
        }
        reset(member, i);
    }
}

static void *one_of_the_crowd(void *argument)
{
    struct member *member = argument;
    struct crowd *crowd = member->crowd;

    for (unsigned i = 0; i < PER_THREAD; i++) {
        make(member, i);
        *handle_of(member, i) = mote_sandbox_handle(member->sandboxes[i]);
    }
    pthread_barrier_wait(&crowd->all_made); /* all of them live at once */
    for (unsigned round = 0; round < ROUNDS; round++) {
        use(member, round);
    }
    CHECK_CODE(mote_sandbox_free(member->sandboxes[0]), MOTE_OK);
    make(member, 0); /* while others free theirs; its handle is another's, and stays harmless */
    for (unsigned i = 0; i < PER_THREAD; i++) {
        CHECK_CODE(mote_sandbox_free(member->sandboxes[i]), MOTE_OK);
    }
    pthread_barrier_wait(&crowd->all_used);
    return NULL;
}

/* Interrupts whatever runs, again and again, handles of freed sandboxes too. */
static void *interrupt_all(void *argument)
{
    struct crowd *crowd = argument;

    pthread_barrier_wait(&crowd->all_made);
    while (!atomic_load(&crowd->over)) {
        for (unsigned i = 0; i < crowd->threads * PER_THREAD; i++) {
            int rc = mote_interrupt(crowd->handles[i]);

            CHECK(rc == MOTE_OK || rc == MOTE_ENOTFOUND);
        }
        sleep_ms(2);
    }
    return NULL;
}

static void run_crowd(struct crowd *crowd, struct member *members)
{
    pthread_t interrupter;

    pthread_barrier_init(&crowd->all_made, NULL, crowd->threads + 1);
    pthread_barrier_init(&crowd->all_used, NULL, crowd->threads + 1);
    start(&interrupter, interrupt_all, crowd);
    for (unsigned i = 0; i < crowd->threads; i++) {
        members[i].crowd = crowd;
        members[i].number = i;
        start(&members[i].thread, one_of_the_crowd, &members[i]);
    }
    pthread_barrier_wait(&crowd->all_used);
    atomic_store(&crowd->over, true);
    pthread_join(interrupter, NULL);
    for (unsigned i = 0; i < crowd->threads; i++) {
        pthread_join(members[i].thread, NULL);
    }
    for (unsigned i = 0; i < crowd->threads * PER_THREAD; i++) {
        mote_handle_unref(crowd->handles[i]);
    }
    pthread_barrier_destroy(&crowd->all_made);
    pthread_barrier_destroy(&crowd->all_used);
}

TEST(crowd, two_thousand_sandboxes_on_two_hundred_threads)
{
    static struct member members[THREADS];
    static struct crowd crowd;

    alarm(LONGEST);
    crowd.threads = test_repeat(THREADS);
    crowd.threads = crowd.threads < THREADS ? crowd.threads : THREADS;
    need_files(crowd.threads * PER_THREAD * FDS + 100);
    need_memory(crowd.threads * PER_THREAD);
    crowd.host = open_host();
    crowd.echo = open_guest(crowd.host, "echo");
    crowd.faults = open_guest(crowd.host, "faults");
    run_crowd(&crowd, members);
    CHECK(atomic_load(&crowd.interrupted) >= crowd.threads * ROUNDS);
    mote_image_unref(crowd.echo);
    mote_image_unref(crowd.faults);
    CHECK_CODE(mote_host_free(crowd.host), MOTE_OK);
}
