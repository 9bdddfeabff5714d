/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parked sandboxes. attach.parked: a call of a sandbox that gets a VM for it from the pool, against
 * the same call of one that has it. memory.parked: what a parked sandbox of a small guest adds
 * to this process. scale.parked.N: calls of N sandboxes in random order, of which 8 at a time have
 * a VM, so that nearly each parks another one first.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "library.h"
#include "measure.h"

#define US   1000.0
#define VMS  8
#define MANY 10000

static const mote_host_options pooled = {
    .size = sizeof pooled, .shells_high = VMS, .shells_most = VMS, .reuse = MOTE_REUSE_FREELY};

/* A host whose sandboxes share VMs, and the guest `echo`. */
static int open_pooled(struct library *library)
{
    if (library_open_with(library, "echo", 0, &pooled))
        return -1;
    return library_find(library, "echo_u32", "(u32)->u32");
}

static int64_t time_call(struct library *library)
{
    mote_value result;
    uint64_t begin = now_ns();
    if (library_call_u32(library, 7, &result, 1) || result.of.u32 != 7)
        return -1;
    return (int64_t)(now_ns() - begin);
}

/* ---- attach.parked ---- */

static int64_t time_attach(void *context)
{
    struct library *library = context;
    if (mote_sandbox_park(library->sandbox))
        return library_failed(library, "mote_sandbox_park");
    return time_call(library);
}

static int64_t time_warm(void *context)
{
    return time_call(context);
}

static int measure_attach(struct bench *bench, struct library *library)
{
    struct side sides[] = {{.run = time_warm, .context = library},
                           {.run = time_attach, .context = library}};
    int status = interleave("attach.parked", sides, 2, bench_samples(bench, 1000, 100), 1);
    if (!status) {
        struct row row = {.name = "attach.parked", .unit = "us", .goal = NAN};
        row_fill(&row, &sides[1], &sides[0], US);
        bench_add(bench, &row);
    }
    sides_free(sides, 2);
    return status;
}

int bench_attach_parked(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct library library;
    int status = open_pooled(&library);
    if (!status)
        status = library_new_sandbox(&library);
    if (!status)
        status = measure_attach(bench, &library);
    library_close(&library);
    return status;
}

/* ---- many ---- */

struct parked {
    struct library library;
    mote_sandbox *sandboxes[MANY];
    size_t count;
};

/* Each has had one call, and is parked when the next ones need its VM. */
static int add(struct parked *parked, size_t count)
{
    struct library *library = &parked->library;
    while (parked->count < count) {
        if (library_new_sandbox(library))
            return -1;
        parked->sandboxes[parked->count++] = library->sandbox;
        if (time_call(library) < 0)
            return -1;
        library->sandbox = NULL;
    }
    return 0;
}

static void free_all(struct parked *parked)
{
    for (size_t i = 0; i < parked->count; i++)
        mote_sandbox_free(parked->sandboxes[i]);
    parked->library.sandbox = NULL;
    library_close(&parked->library);
}

static int measure_memory(struct bench *bench, struct parked *parked, size_t count)
{
    if (add(parked, 100)) /* what is made once is there */
        return -1;
    long before = read_kib("/proc/self/status", "RssAnon");
    if (add(parked, 100 + count))
        return -1;
    long after = read_kib("/proc/self/status", "RssAnon");
    mote_memory_use use = {.size = sizeof use};
    if (mote_sandbox_memory(parked->sandboxes[0], &use))
        return -1;
    double each = (double)(after - before) / (double)count;
    bench_add(bench, &(struct row){.name = "memory.parked",
                                   .unit = "KiB",
                                   .n = count,
                                   .p50 = each,
                                   .p99 = NAN,
                                   .min = NAN,
                                   .floor = NAN,
                                   .floor_p99 = NAN,
                                   .floor_min = NAN,
                                   .ratio = NAN,
                                   .goal = NAN});
    bench_note(bench,
               "memory.parked: the goal is 48 KiB; %.1f KiB of it are what it keeps of its guest\n",
               (double)use.parked / 1024);
    return 0;
}

int bench_memory_parked(struct bench *bench, unsigned unused)
{
    (void)unused;
    static struct parked parked;
    parked = (struct parked){.count = 0};
    int status = open_pooled(&parked.library);
    if (!status)
        status = measure_memory(bench, &parked, bench_samples(bench, 2000, 500));
    free_all(&parked);
    return status;
}

static int64_t time_random(void *context)
{
    struct parked *parked = context;
    parked->library.sandbox = parked->sandboxes[(size_t)random() % parked->count];
    int64_t ns = time_call(&parked->library);
    parked->library.sandbox = NULL;
    return ns;
}

int bench_scale_parked(struct bench *bench, unsigned count)
{
    static struct parked parked;
    parked = (struct parked){.count = 0};
    struct side side = {.run = time_random, .context = &parked};
    int status = open_pooled(&parked.library);
    if (!status)
        status = add(&parked, count);
    if (!status)
        status = interleave("scale.parked", &side, 1, bench_samples(bench, 3000, 300), 1);
    if (!status) {
        struct row row = {.unit = "us", .goal = NAN};
        snprintf(row.name, sizeof row.name, "scale.parked.%u", count);
        row_fill(&row, &side, NULL, US);
        bench_add(bench, &row);
    }
    sides_free(&side, 1);
    free_all(&parked);
    return status;
}
