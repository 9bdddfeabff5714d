/* SPDX-License-Identifier: Apache-2.0 */
/* Warm calls, calls into a fresh sandbox, host calls: all against the raw doorbell. */
#include <math.h>
#include <stdio.h>

#include "bare.h"
#include "bench.h"
#include "library.h"
#include "measure.h"

#define US    1000.0
#define BATCH 16
#define CALLS 5000

/* What is compared: one sandbox and one bare VM. */
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

static int pair_open(struct pair *pair, const char *guest, const char *function,
                     const char *signature)
{
    *pair = (struct pair){0};
    if (library_start(&pair->library, guest, function, signature))
        return -1;
    pair->kvm = bare_open();
    pair->vm = pair->kvm ? bare_new(pair->kvm, 0) : NULL;
    if (pair->vm)
        return 0;
    pair_close(pair);
    return -1;
}

static void add_row(struct bench *bench, const char *name, struct side *ours, struct side *floor,
                    double goal)
{
    struct row row = {.unit = "us", .goal = goal};
    snprintf(row.name, sizeof row.name, "%s", name);
    row_fill(&row, ours, floor, US);
    bench_add(bench, &row);
}

/* ---- call.exit ---- */

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

int bench_call_exit(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct pair pair;
    if (pair_open(&pair, "echo", "echo_u32", "(u32)->u32"))
        return -1;
    struct side sides[] = {{.run = bare_time_ring, .context = pair.vm},
                           {.run = time_echo, .context = &pair}};
    int status = interleave("call.exit", sides, 2, bench_samples(bench, CALLS, 500), BATCH);
    if (!status)
        add_row(bench, "call.exit", &sides[1], &sides[0], 1.05);
    sides_free(sides, 2);
    pair_close(&pair);
    return status;
}

/* ---- call.fresh ---- */

static int64_t time_dirty(struct pair *pair, bool fresh)
{
    uint64_t start = now_ns();
    int status = fresh ? mote_reset(pair->library.sandbox) : 0;
    if (!status)
        status = library_call_u32(&pair->library, pair->argument, NULL, 0);
    uint64_t end = now_ns();
    return status ? library_failed(&pair->library, "dirty") : (int64_t)(end - start);
}

static int64_t time_warm(void *context)
{
    return time_dirty(context, false);
}

static int64_t time_fresh(void *context)
{
    return time_dirty(context, true);
}

int bench_call_fresh(struct bench *bench, unsigned pages)
{
    char warm[32], fresh[32];
    snprintf(warm, sizeof warm, "call.warm.%u", pages);
    snprintf(fresh, sizeof fresh, "call.fresh.%u", pages);
    struct pair pair;
    if (pair_open(&pair, "dirty", "dirty", "(u32)->void"))
        return -1;
    pair.argument = pages;
    struct side sides[] = {{.run = bare_time_ring, .context = pair.vm},
                           {.run = time_warm, .context = &pair},
                           {.run = time_fresh, .context = &pair}};
    int status = interleave(fresh, sides, 3, bench_samples(bench, CALLS, 500), BATCH);
    if (!status) {
        add_row(bench, fresh, &sides[2], &sides[0], pages == 16 ? 1.10 : NAN);
        add_row(bench, warm, &sides[1], &sides[0], NAN);
    }
    sides_free(sides, 3);
    pair_close(&pair);
    return status;
}

/* ---- hostcall ---- */

#define STORM 16 /* few: a longer one is interrupted where the machine is busy */

static int64_t time_storm(void *context)
{
    struct pair *pair = context;
    return library_time_storm(&pair->library, STORM);
}

static int64_t time_rings(void *context)
{
    uint64_t start = now_ns();
    for (int i = 0; i < STORM; i++)
        if (bare_ring(context))
            return -1;
    return (int64_t)(now_ns() - start);
}

int bench_hostcall(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct pair pair;
    if (pair_open(&pair, "hostcalls", "storm", "(u32)->i32"))
        return -1;
    struct side sides[] = {{.run = time_rings, .context = pair.vm},
                           {.run = time_storm, .context = &pair}};
    int status = interleave("hostcall", sides, 2, bench_samples(bench, 2000, 200), 4);
    if (!status) {
        struct row row = {.name = "hostcall", .unit = "us", .goal = 1.05};
        row_fill(&row, &sides[1], &sides[0], STORM * US);
        row.min = NAN; /* of a difference it means nothing */
        bench_add(bench, &row);
    }
    sides_free(sides, 2);
    pair_close(&pair);
    return status;
}
