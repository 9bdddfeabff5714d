/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.live: what an idle sandbox costs the machine, as a difference of the memory
 * that is available, against a bare VM with as many private pages, of which as many
 * are page tables. Nothing is freed until the end: what the kernel keeps of a VM that
 * is gone would pay for the next. Other programs move the figure too, so both sides
 * take turns and the median counts.
 */
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "bare.h"
#include "bench.h"
#include "library.h"
#include "measure.h"

#define STEP   200 /* VMs between two looks at the machine */
#define ROUNDS 7
#define MOST   ((ROUNDS + 1) * STEP)

struct crowd {
    struct library library;
    struct bare_kvm *kvm;
    size_t step;
    size_t pages;         /* that the guest of a bare VM writes to */
    double private_pages; /* of a sandbox, as the host counts them */
    uint64_t wrote;       /* pages that the call of a sandbox dirtied */
    mote_sandbox *sandboxes[MOST];
    struct bare_vm *vms[MOST];
    size_t nsandboxes, nvms;
};

static int add_sandboxes(struct crowd *crowd)
{
    struct library *l = &crowd->library;
    mote_value result;
    for (size_t i = 0; i < crowd->step; i++) {
        if (library_new_sandbox(l))
            return -1;
        crowd->sandboxes[crowd->nsandboxes++] = l->sandbox;
        if (library_call_u32(l, 7, &result, 1))
            return -1;
        l->sandbox = NULL;
    }
    return 0;
}

static int add_vms(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->step; i++) {
        struct bare_vm *vm = bare_new(crowd->kvm, crowd->pages);
        if (!vm)
            return -1;
        crowd->vms[crowd->nvms++] = vm;
        if (bare_ring(vm))
            return -1;
    }
    return 0;
}

static void disperse(struct crowd *crowd)
{
    crowd->library.sandbox = NULL; /* it is in the list */
    for (size_t i = 0; i < crowd->nsandboxes; i++)
        mote_sandbox_free(crowd->sandboxes[i]);
    for (size_t i = 0; i < crowd->nvms; i++)
        bare_free(crowd->vms[i]);
}

/* Bytes for each that was added; `run` of struct side, so never less than 0. */
static int64_t difference(struct crowd *crowd, int (*add)(struct crowd *))
{
    long before = available_kib();
    if (add(crowd))
        return -1;
    long after = available_kib();
    return before > after ? (before - after) * 1024 / (long)crowd->step : 0;
}

static int64_t sandbox_difference(void *crowd)
{
    return difference(crowd, add_sandboxes);
}

static int64_t bare_difference(void *crowd)
{
    return difference(crowd, add_vms);
}

/* Counts the private pages of a sandbox, and gives a bare VM as many. */
static int count_pages(struct crowd *crowd)
{
    long before = read_kib("/proc/self/status", "RssAnon");
    if (add_sandboxes(crowd))
        return -1;
    long after = read_kib("/proc/self/status", "RssAnon");
    if (mote_reset(crowd->sandboxes[0]))
        return -1;
    crowd->wrote = mote_sandbox_report(crowd->sandboxes[0])->reset_pages;
    crowd->private_pages = (double)(after - before) / 4 / (double)crowd->step;
    size_t pages = (size_t)(crowd->private_pages + 0.5);
    crowd->pages = pages > BARE_OWN_PAGES ? pages - BARE_OWN_PAGES : 0;
    return add_vms(crowd);
}

static int measure(struct bench *bench, struct crowd *crowd)
{
    struct side sides[] = {{.run = bare_difference, .context = crowd},
                           {.run = sandbox_difference, .context = crowd}};
    int status = count_pages(crowd); /* and fills what the kernel has left over */
    if (!status)
        status = interleave("memory.live", sides, 2, bench_samples(bench, ROUNDS, 3), 1);
    if (!status) {
        struct row row = {.name = "memory.live", .unit = "KiB", .goal = 1.10};
        row_fill(&row, &sides[1], &sides[0], 1024);
        row.min = row.floor_min = NAN; /* the least is when somebody else freed memory */
        bench_add(bench, &row);
        bench_note(bench,
                   "memory.live, steps of %zu each: %.1f private pages a sandbox, %llu of them "
                   "written by its call; %zu a bare VM\n",
                   crowd->step, crowd->private_pages, (unsigned long long)crowd->wrote,
                   crowd->pages + BARE_OWN_PAGES);
    }
    sides_free(sides, 2);
    return status;
}

/* A VM needs two descriptors. */
static size_t possible_step(size_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return wanted;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    size_t most = (size_t)(limit.rlim_cur - 64) / 2 / 2 / (ROUNDS + 1);
    return wanted < most ? wanted : most;
}

int bench_live(struct bench *bench, unsigned unused)
{
    (void)unused;
    static struct crowd crowd;
    crowd = (struct crowd){.step = possible_step(bench->quick ? STEP / 4 : STEP)};
    if (library_open(&crowd.library, "echo", 0))
        return -1;
    crowd.kvm = bare_open();
    int status = crowd.kvm ? library_find(&crowd.library, "echo_u32", "(u32)->u32") : -1;
    if (!status)
        status = measure(bench, &crowd);
    disperse(&crowd);
    bare_close(crowd.kvm);
    library_close(&crowd.library);
    return status;
}
