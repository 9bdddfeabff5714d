/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What memory costs a reset. call.fresh.page: each page more that a call writes. call.fresh.scan: a
 * GiB that lies idle, against 4 MiB; .read: the same after each 2 MiB of it was read once.
 * run.large: a guest that searches a table of 64 MiB, in a fresh state for each call, against the
 * same calls without resets.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "library.h"
#include "measure.h"

#define MIB     (1ull << 20)
#define PAGE    4096u
#define US      1000.0
#define MS      1e6
#define BATCH   16
#define FEW     16u
#define MANY    256u
#define LEAVES  16384u /* 64 MiB */
#define QUERIES 20000u

/* ---- call.fresh.page ---- */

/* Pages that were once written are put back at each reset: two sandboxes, so that one has few. */
struct pages {
    struct library few, many;
    uint8_t *from, *to; /* as many as one has more than the other */
};

static int64_t time_fresh(struct library *library, uint32_t argument)
{
    uint64_t start = now_ns();
    if (mote_reset(library->sandbox))
        return library_failed(library, "mote_reset");
    if (library_call_u32(library, argument, NULL, 0))
        return -1;
    return (int64_t)(now_ns() - start);
}

static int64_t time_few(void *pages)
{
    return time_fresh(&((struct pages *)pages)->few, FEW);
}

static int64_t time_many(void *pages)
{
    return time_fresh(&((struct pages *)pages)->many, MANY);
}

static int64_t time_copies(void *context)
{
    struct pages *pages = context;
    uint64_t start = now_ns();
    for (uint32_t i = 0; i < MANY - FEW; i++)
        memcpy(pages->to + (size_t)i * PAGE, pages->from + (size_t)i * PAGE, PAGE);
    __asm__ volatile("" : : "r"(pages->to) : "memory"); /* somebody may read them */
    return (int64_t)(now_ns() - start);
}

/* What a page more costs: the difference of the calls, for each page. */
static void add_page_row(struct bench *bench, struct side sides[3])
{
    struct row few, row = {.name = "call.fresh.page", .unit = "ns", .goal = 1.50};
    row_fill(&few, &sides[1], NULL, MANY - FEW);
    row_fill(&row, &sides[2], &sides[0], MANY - FEW);
    row.p50 -= few.p50;
    row.min -= few.min;
    row.p99 = NAN; /* of a difference it means nothing */
    row.ratio = row.p50 / row.floor;
    bench_add(bench, &row);
}

static int measure_pages(struct bench *bench, struct pages *pages)
{
    struct side sides[] = {{.run = time_copies, .context = pages},
                           {.run = time_few, .context = pages},
                           {.run = time_many, .context = pages}};
    int status = interleave("call.fresh.page", sides, 3, bench_samples(bench, 5000, 500), BATCH);
    if (!status)
        add_page_row(bench, sides);
    sides_free(sides, 3);
    return status;
}

static uint8_t *new_pages(int byte)
{
    size_t size = (size_t)(MANY - FEW) * PAGE;
    uint8_t *memory = aligned_alloc(PAGE, size);
    if (memory)
        memset(memory, byte, size);
    return memory;
}

int bench_fresh_page(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct pages pages = {.from = new_pages(1), .to = new_pages(2)};
    int status = pages.from && pages.to ? 0 : -1;
    if (!status)
        status = library_start(&pages.few, "dirty", "dirty", "(u32)->void");
    if (!status)
        status = library_start(&pages.many, "dirty", "dirty", "(u32)->void");
    if (!status)
        status = measure_pages(bench, &pages);
    library_close(&pages.few);
    library_close(&pages.many);
    free(pages.from);
    free(pages.to);
    return status;
}

/* ---- a sandbox that starts where another one has made something ---- */

static int call_bool(struct library *library, const char *name, uint32_t argument)
{
    mote_value done;
    if (library_find(library, name, "(u32)->bool") || library_call_u32(library, argument, &done, 1))
        return -1;
    if (done.of.boolean)
        return 0;
    fprintf(stderr, "\nmote_bench: the guest has no memory for %s\n", name);
    return -1;
}

/* Makes the sandbox's present state the one to which resets go back, in a new VM. */
static int start_from_here(struct library *library)
{
    mote_snapshot *snapshot = NULL;
    if (mote_snapshot_take(&snapshot, library->sandbox, NULL))
        return library_failed(library, "mote_snapshot_take");
    mote_sandbox_options options = {.size = sizeof options, .snapshot = snapshot};
    library_free_sandbox(library);
    int status =
        mote_sandbox_new(&library->sandbox, library->image, library->policy, &options, NULL);
    mote_snapshot_unref(snapshot);
    if (status)
        fprintf(stderr, "\nmote_bench: a clone: %s\n", mote_error_string(status));
    return status ? -1 : 0;
}

/* A sandbox whose first state is what `maker`(argument) of the guest left. */
static int open_made(struct library *library, const char *maker, uint32_t argument)
{
    if (library_open(library, "bench_large", 1280 * MIB))
        return -1;
    int status = library_new_sandbox(library);
    if (!status)
        status = call_bool(library, maker, argument);
    if (!status)
        status = start_from_here(library);
    if (status)
        library_close(library);
    return status;
}

/* ---- call.fresh.scan ---- */

static int64_t time_empty(void *context)
{
    struct library *library = context;
    uint64_t start = now_ns();
    if (mote_reset(library->sandbox) ||
        mote_call(library->sandbox, library->func, NULL, NULL, 0, NULL, 0))
        return library_failed(library, "nothing");
    return (int64_t)(now_ns() - start);
}

/* `look`: has the guest read some of it once, so that its page tables have been used. */
static int open_idle(struct library *library, uint32_t megabytes, bool look)
{
    if (open_made(library, "hold", megabytes))
        return -1;
    int status = look ? call_bool(library, "look", megabytes) : 0;
    if (!status)
        status = library_find(library, "nothing", "()->void");
    if (status)
        library_close(library);
    return status;
}

static int compare_idle(struct bench *bench, const char *name, bool look, double goal)
{
    struct library small, large;
    if (open_idle(&small, 4, look))
        return -1;
    if (open_idle(&large, 1024, look)) {
        library_close(&small);
        return -1;
    }
    struct side sides[] = {{.run = time_empty, .context = &small},
                           {.run = time_empty, .context = &large}};
    int status = interleave(name, sides, 2, bench_samples(bench, 5000, 500), BATCH);
    if (!status) {
        struct row row = {.unit = "us", .goal = goal};
        snprintf(row.name, sizeof row.name, "%s", name);
        row_fill(&row, &sides[1], &sides[0], US);
        bench_add(bench, &row);
    }
    sides_free(sides, 2);
    library_close(&large);
    library_close(&small);
    return status;
}

int bench_fresh_scan(struct bench *bench, unsigned unused)
{
    (void)unused;
    return compare_idle(bench, "call.fresh.scan", false, 1.05);
}

int bench_fresh_scan_read(struct bench *bench, unsigned unused)
{
    (void)unused;
    return compare_idle(bench, "call.fresh.scan.read", true, NAN);
}

/* ---- run.large ---- */

/* Of this thread: calls of milliseconds are interrupted wherever a machine is not idle. */
static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int64_t time_query(struct library *library, bool fresh)
{
    mote_value found;
    uint64_t start = cpu_ns();
    if (fresh && mote_reset(library->sandbox))
        return library_failed(library, "mote_reset");
    if (library_call_u32(library, QUERIES, &found, 1))
        return -1;
    uint64_t end = cpu_ns();
    return found.of.u32 == QUERIES ? (int64_t)(end - start) : -1;
}

static int64_t time_warm_query(void *context)
{
    return time_query(context, false);
}

static int64_t time_fresh_query(void *context)
{
    return time_query(context, true);
}

static int measure_large(struct bench *bench, struct library *library)
{
    struct side sides[] = {{.run = time_warm_query, .context = library},
                           {.run = time_fresh_query, .context = library}};
    int status = interleave("run.large", sides, 2, bench_samples(bench, 300, 30), 4);
    if (!status) {
        struct row row = {.name = "run.large", .unit = "ms", .goal = 0.95, .at_least = true};
        row_fill(&row, &sides[1], &sides[0], MS);
        bench_add(bench, &row);
        bench_note(bench, "run.large: %u rows of %u MiB, %llu pages put back\n", QUERIES,
                   LEAVES * PAGE >> 20,
                   (unsigned long long)mote_sandbox_report(library->sandbox)->reset_pages);
    }
    sides_free(sides, 2);
    return status;
}

int bench_large(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct library library;
    if (open_made(&library, "fill", LEAVES))
        return -1;
    int status = library_find(&library, "query", "(u32)->u32");
    if (!status)
        status = measure_large(bench, &library);
    library_close(&library);
    return status;
}
