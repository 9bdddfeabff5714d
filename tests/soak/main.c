/* SPDX-License-Identifier: Apache-2.0 */
/*
 * soak [SECONDS [SEED]]: threads that do with sandboxes, snapshots and an executor whatever the
 * dice say, and check every answer. In rounds of 10 s (a fifth of shorter runs): between two of
 * them everything but host, images, policies and the pool's idle VMs is released, and the process
 * must hold what it held after the first ones.
 */
#include "soak.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "seam.h"

enum { WARM_UP = 2, IDLE = 4 };
#define SECOND 1000000000ull

mote_host *host;
mote_image *images[IMAGES];
mote_policy *policies[POLICIES];
const char *const tenants[TENANTS] = {"north", "east", "south", "west"};
atomic_bool stop, no_callers;
atomic_ullong calls, failures, resets, interrupts, suspensions, snapshots, parks, moves, jobs;
static uint64_t seed;

void wrong(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "\nsoak: ");
    vfprintf(stderr, format, list);
    fprintf(stderr, " (seed %" PRIu64 ")\n", seed);
    va_end(list);
    _Exit(1);
}

void expect(const char *what, int status, int wanted, const mote_error *error)
{
    if (status != wanted)
        wrong("%s: %s, not %s: %s", what, mote_error_name(status), mote_error_name(wanted),
              error ? error->text : "");
}

/* xorshift64* (Vigna 2016) */
uint32_t random_below(uint64_t *state, uint32_t end)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * 2685821657736338717u) >> 33) % end;
}

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

mote_func find(enum image image, const char *name)
{
    mote_func func = {NULL, 0};
    mote_error error = MOTE_ERROR_INIT;
    expect(name, mote_find(images[image], name, NULL, &func, &error), 0, &error);
    return func;
}

/* ---- what lives all the time ---- */

static void open_images(void)
{
    static const char *const names[IMAGES] = {"echo", "faults", "nested"};
    mote_error error = MOTE_ERROR_INIT;
    const char *dir = getenv("MOTE_GUEST_DIR");
    for (int i = 0; i < IMAGES; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", dir ? dir : "build/release/guests", names[i]);
        mote_source source = MOTE_SOURCE_PATH(path);
        expect(path, mote_image_open(&images[i], host, &source, NULL, &error), 0, &error);
    }
}

static void open_policy(mote_policy **policy, bool generous)
{
    static const struct {
        const char *name, *signature;
    } grants[] = {{"down", "(u32)->u32"},    {"around", "(string)->string"},
                  {"act", "(u32)->void"},    {"wait", "(u32)->u32"},
                  {"wait_only", "()->void"}, {"wait_bytes", "(bytes,string)->bytes"}};
    mote_error error = MOTE_ERROR_INIT;
    expect("policy_new", mote_policy_new(policy, host, &error), 0, &error);
    for (size_t i = 0; i < sizeof grants / sizeof grants[0]; i++)
        expect("policy_function",
               mote_policy_function(*policy, "env", grants[i].name, grants[i].signature, host_wait,
                                    NULL, NULL, &error),
               0, &error);
    if (!generous)
        return;
    expect("policy_set", mote_policy_set(*policy, MOTE_OPT_MEMORY, 128u << 20, &error), 0, &error);
    expect("policy_set", mote_policy_set(*policy, MOTE_OPT_CPU_TIME, 1, &error), 0, &error);
}

static void open_all(void)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_host_options options = {.size = sizeof options, .shells_low = 1, .shells_high = IDLE};
    expect("host_new", mote_host_new(&host, &options, &error), 0, &error);
    open_images();
    for (int i = 0; i < POLICIES; i++)
        open_policy(&policies[i], i == 1);
}

static void close_all(void)
{
    for (int i = 0; i < IMAGES; i++)
        mote_image_unref(images[i]);
    for (int i = 0; i < POLICIES; i++)
        mote_policy_unref(policies[i]);
    expect("host_free", mote_host_free(host), 0, NULL);
}

/* ---- rounds ---- */

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    if (pthread_create(thread, NULL, run, argument))
        wrong("no thread");
}

static void run_round(uint64_t ns)
{
    struct caller callers[CALLERS];
    pthread_t interrupter, submitter;
    uint64_t job_seed = seed | 1;
    static uint64_t rounds;
    atomic_store(&stop, false);
    atomic_store(&no_callers, false);
    rounds++;
    for (int i = 0; i < CALLERS; i++) {
        callers[i].random = (seed + rounds * CALLERS + (uint64_t)i) * 0x9e3779b97f4a7c15u | 1;
        start(&callers[i].thread, caller_run, &callers[i]);
    }
    job_seed = callers[0].random ^ 0xffff0000u;
    start(&submitter, jobs_run, &job_seed);
    start(&interrupter, interrupter_run, NULL);
    nanosleep(&(struct timespec){(time_t)(ns / SECOND), (long)(ns % SECOND)}, NULL);
    atomic_store(&stop, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i].thread, NULL);
    atomic_store(&no_callers, true);
    pthread_join(submitter, NULL);
    pthread_join(interrupter, NULL);
}

/* ---- what the process holds, less the pool's idle VMs ---- */

struct held {
    struct census census;
    uint64_t idle;
    long resident; /* KiB */
};

/* A sanitizer keeps what was freed. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static long resident(void)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

static bool settled(const struct held *held, const mote_host_use *use)
{
    /* the kernel's VMs are two descriptors each; one of the host's is always there */
    return use->vms_used == 0 && held->idle == use->vms_idle;
}

/* The pool works in the background: looks until two looks agree. */
static void look(struct held *held)
{
    mote_host_use use = {.size = sizeof use};
    for (int i = 0; i < 200; i++) {
        mote_host_describe(host, &use);
        held->idle = use.vms_idle;
        census_take(&held->census);
        held->resident = resident();
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        mote_host_describe(host, &use);
        if (settled(held, &use))
            return;
    }
    wrong("%" PRIu64 " VMs are in use though every sandbox is gone", use.vms_used);
}

static void check(const struct held *first, const struct held *now)
{
    const struct census *a = &first->census, *b = &now->census;
    long idle = (long)now->idle - (long)first->idle;
    if ((long)b->vms - 2 * idle != (long)a->vms || (long)b->fds - 2 * idle != (long)a->fds)
        wrong("%u descriptors, %u of VMs, %" PRIu64 " idle; were %u, %u, %" PRIu64, b->fds, b->vms,
              now->idle, a->fds, a->vms, first->idle);
    /* the kernel has a thread for a VM that has run, for a while after its end, too */
    if (b->threads > a->threads + IDLE)
        wrong("%u threads, were %u", b->threads, a->threads);
    if (b->mappings > a->mappings + IDLE * 4u)
        wrong("%u mappings of VMs and files, were %u", b->mappings, a->mappings);
    if (b->heap > a->heap + (2u << 20))
        wrong("%zu KiB of heap, were %zu", b->heap >> 10, a->heap >> 10);
    if (!SANITIZED && now->resident > first->resident + (24l << 10))
        wrong("%ld KiB resident, were %ld", now->resident, first->resident);
}

static void report(uint64_t seconds, const struct held *held)
{
    printf("%5" PRIu64 " s: %llu calls, %llu faults and late ones, %llu resets, %llu interrupts, "
           "%llu suspended, %llu snapshots, %llu parked, %llu residences, %llu jobs; %ld MiB, heap "
           "%zu KiB, "
           "%u fds, %u threads, %u mappings, %" PRIu64 " idle VMs\n",
           seconds, atomic_load(&calls), atomic_load(&failures), atomic_load(&resets),
           atomic_load(&interrupts), atomic_load(&suspensions), atomic_load(&snapshots),
           atomic_load(&parks), atomic_load(&moves), atomic_load(&jobs), held->resident >> 10,
           held->census.heap >> 10, held->census.fds, held->census.threads, held->census.mappings,
           held->idle);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 0) : 600;
    struct held first = {0}, now;
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : now_ns();
    uint64_t round = seconds >= 50 ? 10 * SECOND : seconds * SECOND / 5;
    uint64_t start_ns = now_ns(), end = start_ns + seconds * SECOND;
    printf("soak: %" PRIu64 " s, seed %" PRIu64 "\n", seconds, seed);
    open_all();
    for (unsigned n = 1; n <= WARM_UP || now_ns() < end; n++) {
        run_round(round);
        look(&now);
        report((now_ns() - start_ns) / SECOND, &now);
        if (n == WARM_UP)
            first = now;
        else if (n > WARM_UP)
            check(&first, &now);
    }
    close_all();
    printf("soak: every answer was right, and what the process holds is flat\n");
    return 0;
}
