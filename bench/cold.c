/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.cold: from a booted image to the first answer and back to nothing, against
 * the same cycle of a bare VM. Both sides run in this process, in turns, so that the
 * idle VM that a mote host keeps alive serves them alike.
 */
#include <stdio.h>

#include "bare.h"
#include "bench.h"
#include "library.h"
#include "measure.h"

#define US 1000.0

enum step { CREATE, CALL, DESTROY, STEPS };

struct cycle {
    struct library library;
    struct bare_kvm *kvm;
    struct samples ours[STEPS], bare[STEPS];
};

static int64_t add_steps(struct samples *steps, const uint64_t at[STEPS + 1])
{
    for (int i = 0; i < STEPS; i++)
        samples_add(&steps[i], (double)(at[i + 1] - at[i]));
    return (int64_t)(at[STEPS] - at[0]);
}

static int64_t time_sandbox(void *context)
{
    struct cycle *cycle = context;
    uint64_t at[STEPS + 1] = {now_ns()};
    mote_value result;
    if (library_new_sandbox(&cycle->library))
        return -1;
    at[1] = now_ns();
    if (library_call_u32(&cycle->library, 7, &result, 1) || result.of.u32 != 7)
        return -1;
    at[2] = now_ns();
    library_free_sandbox(&cycle->library);
    at[3] = now_ns();
    return add_steps(cycle->ours, at);
}

static int64_t time_bare(void *context)
{
    struct cycle *cycle = context;
    uint64_t at[STEPS + 1] = {now_ns()};
    struct bare_vm *vm = bare_new(cycle->kvm, 0);
    if (!vm)
        return -1;
    at[1] = now_ns();
    if (bare_ring(vm))
        return -1;
    at[2] = now_ns();
    bare_free(vm);
    at[3] = now_ns();
    return add_steps(cycle->bare, at);
}

/* Where the time goes, on both sides. */
static void note_steps(struct bench *bench, struct cycle *cycle)
{
    static const char *const names[STEPS] = {"create", "first call", "destroy"};
    bench_note(bench, "sandbox.cold, medians in us:");
    for (int i = 0; i < STEPS; i++) {
        samples_sort(&cycle->ours[i]);
        samples_sort(&cycle->bare[i]);
        bench_note(bench, " %s %.0f (bare %.0f)%s", names[i], samples_at(&cycle->ours[i], 0.5) / US,
                   samples_at(&cycle->bare[i], 0.5) / US, i + 1 < STEPS ? "," : "\n");
    }
}

static int measure(struct bench *bench, struct cycle *cycle)
{
    struct side sides[] = {{.run = time_bare, .context = cycle},
                           {.run = time_sandbox, .context = cycle}};
    int status = interleave("sandbox.cold", sides, 2, bench_samples(bench, 300, 50), 1);
    if (!status) {
        struct row row = {.name = "sandbox.cold", .unit = "us", .goal = 1.10};
        row_fill(&row, &sides[1], &sides[0], US);
        bench_add(bench, &row);
        note_steps(bench, cycle);
    }
    sides_free(sides, 2);
    return status;
}

int bench_cold(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct cycle cycle = {0};
    if (library_open(&cycle.library, "echo", 0))
        return -1;
    cycle.kvm = bare_open();
    int status = cycle.kvm ? library_find(&cycle.library, "echo_u32", "(u32)->u32") : -1;
    if (!status)
        status = measure(bench, &cycle);
    for (int i = 0; i < STEPS; i++) {
        samples_free(&cycle.ours[i]);
        samples_free(&cycle.bare[i]);
    }
    bare_close(cycle.kvm);
    library_close(&cycle.library);
    return status;
}
