/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a resident sandbox, warm and fresh, against the raw doorbell that they do without. */
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "bare.h"
#include "bench.h"
#include "library.h"
#include "measure.h"

#define US    1000.0
#define BATCH 64
#define CALLS 20000
#define SPIN  1000000000ull /* nobody sleeps while the other side is measured */

struct pair {
    struct library library;
    struct bare_kvm *kvm;
    struct bare_vm *vm;
    uint32_t argument;
};

static void pair_close(struct pair *pair)
{
    bare_free(pair->vm);
    bare_close(pair->kvm);
    library_close(&pair->library);
}

/* The guest gets the next processor: this thread is kept on one of its own. */
static int make_resident(struct pair *pair)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int here = sched_getcpu();
    uint32_t next = processors < 2 || here < 0 ? 0 : (uint32_t)((here + 1) % processors) + 1;
    mote_resident_options options = {sizeof options, SPIN, SPIN, next};
    mote_error error = MOTE_ERROR_INIT;
    if (!mote_resident_start(pair->library.sandbox, &options, &error))
        return 0;
    fprintf(stderr, "mote_bench: mote_resident_start: %s\n", error.text);
    return -1;
}

static int pair_open(struct pair *pair, const char *guest, const char *function,
                     const char *signature)
{
    *pair = (struct pair){0};
    if (library_start(&pair->library, guest, function, signature))
        return -1;
    pair->kvm = bare_open();
    pair->vm = pair->kvm ? bare_new(pair->kvm, 0) : NULL;
    if (pair->vm && !make_resident(pair))
        return 0;
    pair_close(pair);
    return -1;
}

static int64_t time_echo(void *context)
{
    struct pair *pair = context;
    mote_value argument = {.type = MOTE_U32, .of.u32 = ++pair->argument}, result;
    uint64_t start = now_ns();
    int status =
        mote_call(pair->library.sandbox, pair->library.func, NULL, &argument, 1, &result, 1);
    uint64_t end = now_ns();
    if (status || result.of.u32 != pair->argument)
        return library_failed(&pair->library, "echo_u32");
    return (int64_t)(end - start);
}

static int64_t time_fresh(void *context)
{
    struct pair *pair = context;
    uint64_t start = now_ns();
    int status = mote_reset(pair->library.sandbox);
    if (!status)
        status = library_call_u32(&pair->library, pair->argument, NULL, 0);
    uint64_t end = now_ns();
    return status ? library_failed(&pair->library, "dirty") : (int64_t)(end - start);
}

static int compare(struct bench *bench, struct pair *pair, const char *name,
                   int64_t (*ours)(void *context), double goal)
{
    struct side sides[] = {{.run = bare_time_ring, .context = pair->vm},
                           {.run = ours, .context = pair}};
    int status = interleave(name, sides, 2, bench_samples(bench, CALLS, 2000), BATCH);
    if (!status) {
        struct row row = {.unit = "us", .goal = goal};
        snprintf(row.name, sizeof row.name, "%s", name);
        row_fill(&row, &sides[1], &sides[0], US);
        bench_add(bench, &row);
    }
    sides_free(sides, 2);
    pair_close(pair);
    return status;
}

int bench_exitless(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct pair pair;
    if (pair_open(&pair, "echo", "echo_u32", "(u32)->u32"))
        return -1;
    return compare(bench, &pair, "call.exitless", time_echo, 1.0 / 80);
}

int bench_exitless_fresh(struct bench *bench, unsigned pages)
{
    char name[32];
    struct pair pair;
    if (pair_open(&pair, "dirty", "dirty", "(u32)->void"))
        return -1;
    pair.argument = pages;
    snprintf(name, sizeof name, "call.exitless.fresh.%u", pages);
    double goal = pages == 4 ? 1.0 / 40 : pages == 16 ? 1.0 / 15 : NAN;
    return compare(bench, &pair, name, time_fresh, goal);
}
