/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.live: what an idle sandbox costs the machine, as a difference of
 * MemAvailable, against a bare VM with as many private pages, of which as many are
 * page tables. Other programs move MemAvailable too, so both sides take turns and
 * the median counts.
 */
#include <stdio.h>

#include "bare.h"
#include "bench.h"
#include "library.h"
#include "measure.h"

#define VMS 200

struct crowd {
    struct library library;
    struct bare_kvm *kvm;
    size_t count;
    size_t pages;         /* that the guest of a bare VM writes to */
    double private_pages; /* of a sandbox, as the host counts them */
    uint64_t wrote;       /* pages that the call of a sandbox dirtied */
    mote_sandbox *sandboxes[VMS];
    struct bare_vm *vms[VMS];
};

static void free_sandboxes(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++)
        mote_sandbox_free(crowd->sandboxes[i]);
}

static int make_sandboxes(struct crowd *crowd)
{
    struct library *l = &crowd->library;
    mote_value result;
    int status = 0;
    for (size_t i = 0; i < crowd->count; i++) {
        l->sandbox = crowd->sandboxes[i] = NULL;
        if (!status)
            status = library_new_sandbox(l);
        if (!status)
            status = library_call_u32(l, 7, &result, 1);
        crowd->sandboxes[i] = l->sandbox;
    }
    l->sandbox = NULL;
    return status;
}

static void free_vms(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++)
        bare_free(crowd->vms[i]);
}

static int make_vms(struct crowd *crowd)
{
    int status = 0;
    for (size_t i = 0; i < crowd->count; i++) {
        crowd->vms[i] = status ? NULL : bare_new(crowd->kvm, crowd->pages);
        if (!crowd->vms[i] || bare_ring(crowd->vms[i]))
            status = -1;
    }
    return status;
}

/* KiB for each of the crowd; `run` of struct side, so a negative one is a failure. */
static int64_t difference(struct crowd *crowd, int (*make)(struct crowd *),
                          void (*release)(struct crowd *))
{
    long before = settled_available_kib();
    int status = make(crowd);
    long after = settled_available_kib();
    release(crowd);
    if (status)
        return -1;
    return before > after ? (before - after) * 1000 / (long)crowd->count : 0;
}

static int64_t sandbox_difference(void *crowd)
{
    return difference(crowd, make_sandboxes, free_sandboxes);
}

static int64_t bare_difference(void *crowd)
{
    return difference(crowd, make_vms, free_vms);
}

/* Counts the private pages of a sandbox, and gives a bare VM as many. */
static int count_pages(struct crowd *crowd)
{
    long before = read_kib("/proc/self/status", "RssAnon");
    int status = make_sandboxes(crowd);
    long after = read_kib("/proc/self/status", "RssAnon");
    if (!status && mote_reset(crowd->sandboxes[0]) == 0)
        crowd->wrote = mote_sandbox_report(crowd->sandboxes[0])->reset_pages;
    free_sandboxes(crowd);
    crowd->private_pages = (double)(after - before) / 4 / (double)crowd->count;
    size_t pages = (size_t)(crowd->private_pages + 0.5);
    crowd->pages = pages > BARE_OWN_PAGES ? pages - BARE_OWN_PAGES : 0;
    return status;
}

static int measure(struct bench *bench, struct crowd *crowd)
{
    struct side sides[] = {{.run = bare_difference, .context = crowd},
                           {.run = sandbox_difference, .context = crowd}};
    int status = count_pages(crowd); /* and warms the kernel's caches */
    if (!status)
        status = interleave("memory.live", sides, 2, bench_samples(bench, 9, 3), 1);
    if (!status) {
        struct row row = {.name = "memory.live", .unit = "KiB", .goal = 1.10};
        row_fill(&row, &sides[1], &sides[0], 1000);
        bench_add(bench, &row);
        bench_note(bench,
                   "memory.live, of %zu each: %.1f private pages a sandbox, %llu of them written "
                   "by its call; %u a bare VM\n",
                   crowd->count, crowd->private_pages, (unsigned long long)crowd->wrote,
                   (unsigned)(crowd->pages + BARE_OWN_PAGES));
    }
    sides_free(sides, 2);
    return status;
}

int bench_live(struct bench *bench, unsigned unused)
{
    (void)unused;
    static struct crowd crowd;
    crowd = (struct crowd){.count = bench->quick ? VMS / 4 : VMS};
    if (library_open(&crowd.library, "echo", 0))
        return -1;
    crowd.kvm = bare_open();
    int status = crowd.kvm ? library_find(&crowd.library, "echo_u32", "(u32)->u32") : -1;
    if (!status)
        status = measure(bench, &crowd);
    bare_close(crowd.kvm);
    library_close(&crowd.library);
    return status;
}
