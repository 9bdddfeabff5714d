/* SPDX-License-Identifier: Apache-2.0 */
/* What lies beside the plain call: its typed form, one that is suspended, a system call. */
#include <math.h>
#include <mote_call.h>

#include "bare.h"
#include "bench.h"
#include "library.h"
#include "measure.h"

#define US    1000.0
#define STORM 16 /* few: a longer one is interrupted where the machine is busy */

/* ---- call.typed: against mote_call, in the same sandbox ---- */

static int64_t time_plain(void *context)
{
    struct library *library = context;
    mote_value argument = {.type = MOTE_U32, .of.u32 = 7}, result;
    uint64_t start = now_ns();
    int status = mote_call(library->sandbox, library->func, NULL, &argument, 1, &result, 1);
    uint32_t answer = status ? 0 : result.of.u32;
    uint64_t end = now_ns();
    return answer == 7 ? (int64_t)(end - start) : library_failed(library, "mote_call");
}

static int64_t time_typed(void *context)
{
    struct library *library = context;
    uint32_t answer = 0;
    uint64_t start = now_ns();
    mote_invoke(library->sandbox, library->func, &answer, 7u);
    uint64_t end = now_ns();
    return answer == 7 ? (int64_t)(end - start) : library_failed(library, "mote_invoke");
}

int bench_typed(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct library library;
    if (library_start(&library, "echo", "echo_u32", "(u32)->u32"))
        return -1;
    struct side sides[] = {{.run = time_plain, .context = &library},
                           {.run = time_typed, .context = &library}};
    int status = interleave("call.typed", sides, 2, bench_samples(bench, 20000, 2000), 16);
    if (!status) {
        struct row row = {.name = "call.typed", .unit = "us", .goal = 1.02};
        row_fill(&row, &sides[1], &sides[0], US);
        bench_add(bench, &row);
    }
    sides_free(sides, 2);
    library_close(&library);
    return status;
}

/* ---- suspend+resume: against a host function that answers at once ---- */

static int64_t check_answer(const struct library *library, int status, const mote_value *answer,
                            uint64_t start)
{
    uint64_t end = now_ns();
    if (status == 0 && answer->of.u32 == 7)
        return (int64_t)(end - start);
    return library_failed(library, "ask");
}

static int64_t time_at_once(void *context)
{
    struct library *library = context;
    mote_value answer;
    library->suspend = false;
    uint64_t start = now_ns();
    int status = mote_call(library->sandbox, library->func, NULL, NULL, 0, &answer, 1);
    return check_answer(library, status, &answer, start);
}

static int64_t time_suspended(void *context)
{
    struct library *library = context;
    mote_value seven = {.type = MOTE_U32, .of.u32 = 7}, answer;
    library->suspend = true;
    uint64_t start = now_ns();
    int status = mote_call(library->sandbox, library->func, NULL, NULL, 0, &answer, 1);
    if (status == MOTE_PENDING)
        status = mote_resume(library->sandbox, NULL, &seven, &answer, 1);
    return check_answer(library, status, &answer, start);
}

/* The goal: the guest is entered twice on either side, so that leaving the sandbox and coming
 * back to it may cost what a call may cost above its doorbell. */
int bench_suspend(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct library library;
    if (library_start(&library, "bench_ops", "ask", "()->u32"))
        return -1;
    struct side sides[] = {{.run = time_at_once, .context = &library},
                           {.run = time_suspended, .context = &library}};
    int status = interleave("suspend+resume", sides, 2, bench_samples(bench, 5000, 500), 16);
    if (!status) {
        struct row row = {.name = "suspend+resume", .unit = "us", .goal = 1.05};
        row_fill(&row, &sides[1], &sides[0], US);
        bench_add(bench, &row);
    }
    sides_free(sides, 2);
    library_close(&library);
    return status;
}

/* ---- syscall: against the raw trap ---- */

static int64_t time_getpids(void *library)
{
    return library_time_storm(library, STORM);
}

static int64_t time_traps(void *vm)
{
    uint64_t start = now_ns();
    for (int i = 0; i < STORM; i++)
        if (bare_time_trap(vm) < 0)
            return -1;
    return (int64_t)(now_ns() - start);
}

static int measure_syscall(struct bench *bench, struct library *library, struct bare_vm *vm)
{
    struct side sides[] = {{.run = time_traps, .context = vm},
                           {.run = time_getpids, .context = library}};
    int status = interleave("syscall", sides, 2, bench_samples(bench, 2000, 200), 4);
    if (!status) {
        struct row row = {.name = "syscall", .unit = "us", .goal = 1.10};
        row_fill(&row, &sides[1], &sides[0], STORM * US);
        row.min = NAN; /* of a difference it means nothing */
        bench_add(bench, &row);
    }
    sides_free(sides, 2);
    return status;
}

int bench_syscall(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct library library;
    if (library_start(&library, "bench_ops", "getpids", "(u32)->u32"))
        return -1;
    struct bare_kvm *kvm = bare_open();
    struct bare_vm *vm = kvm ? bare_new_caller(kvm) : NULL;
    int status = vm ? measure_syscall(bench, &library, vm) : -1;
    bare_free(vm);
    bare_close(kvm);
    library_close(&library);
    return status;
}
