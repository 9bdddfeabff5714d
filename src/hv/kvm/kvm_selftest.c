/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self-test of a host: a VM whose guest scrubs itself, runs instructions of
 * a feature level and rings the doorbell. It settles the type of TR with which
 * the I/O bitmap is obeyed (docs/platform.md) and the feature levels that
 * guests can have, whatever CPUID says.
 */
#include "arch/x86_64/monitor.h"
#include "arch/x86_64/paging.h"
#include "error.h"
#include "hv/kvm/kvm.h"
#include "os/os.h"

#include <string.h>

/* One page each, in the VM and, by the identity, in its address space. */
enum { MONITOR, STACK, GATE, SCRUB, CODE, TABLES, PAGES = 16 };

#define AT(page) ((uint64_t)(page)*MOTE__PAGE)

/* popcnt %eax,%eax; pcmpgtq %xmm0,%xmm0; out %al,$port */
static const uint8_t v2_code[] = {
    0xf3, 0x0f, 0xb8, 0xc0, 0x66, 0x0f, 0x38, 0x37, 0xc0, 0xe6, MOTE__DOORBELL_PORT};
/* vpaddd %ymm0,%ymm0,%ymm0; vfmadd213ps %ymm0,%ymm0,%ymm0; andn %eax,%eax,%eax; out */
static const uint8_t v3_code[] = {0xc5, 0xfd, 0xfe, 0xc0, 0xc4, 0xe2, 0x7d, 0xa8,
                                  0xc0, 0xc4, 0xe2, 0x78, 0xf2, 0xc0, 0xe6, MOTE__DOORBELL_PORT};

static int map_pages(struct mote__arena *arena, size_t *root, mote_error *error)
{
    static const unsigned access[TABLES] = {
        [MONITOR] = MOTE__READ | MOTE__EXECUTE | MOTE__MONITOR,
        [STACK] = MOTE__READ | MOTE__WRITE | MOTE__MONITOR,
        [GATE] = MOTE__READ | MOTE__EXECUTE,
        [SCRUB] = MOTE__READ,
        [CODE] = MOTE__READ | MOTE__EXECUTE,
    };
    int status = mote__paging_init(arena, root, error);
    for (int page = 0; !status && page < TABLES; page++)
        status =
            mote__paging_map(arena, *root, AT(page), AT(page), MOTE__PAGE, access[page], error);
    return status;
}

static int build(struct mote__arena *arena, struct mote__cpu_setup *setup, mote_error *error)
{
    static const struct mote__cpu_special initial = {.x87_control = 0x37f, .mxcsr = 0x1f80};
    bool v3 = setup->cpu_level == MOTE_CPU_V3;
    arena->used = AT(TABLES);
    mote__monitor_build(arena->host + AT(MONITOR), AT(MONITOR), AT(STACK + 1));
    mote__gate_build(arena->host + AT(GATE));
    mote__scrub_build((struct mote__scrub_data *)(void *)(arena->host + AT(SCRUB)), AT(CODE),
                      &initial);
    memcpy(arena->host + AT(CODE), v3 ? v3_code : v2_code, v3 ? sizeof v3_code : sizeof v2_code);
    mote__monitor_setup(setup, AT(MONITOR));
    setup->entry.rip = AT(GATE) + MOTE__GATE_SCRUB;
    setup->entry.rflags = MOTE__FLAGS_FIXED;
    size_t root;
    int status = map_pages(arena, &root, error);
    setup->page_tables = root;
    return status;
}

/* Runs the test of a level in a new VM; *exit tells how it went. */
static int ring(struct mote__hv *hv, mote_cpu level, struct mote__exit *exit, mote_error *error)
{
    struct mote__arena arena;
    struct mote__cpu_setup setup = {.cpu_level = (int)level};
    struct mote__vm *vm = NULL;
    int status = mote__arena_reserve(&arena, AT(PAGES), 0, 0, error);
    if (!status)
        status = build(&arena, &setup, error);
    if (!status)
        status = mote__vm_create(&vm, hv, &setup, error);
    if (!status)
        status = mote__arena_attach(&arena, vm, arena.reserved, error);
    if (!status)
        do
            mote__vm_run(vm, exit);
        while (exit->kind == MOTE__EXIT_INTERRUPTED);
    mote__vm_destroy(vm);
    mote__arena_release(&arena);
    return status;
}

/* Busy (11) is what the manual demands and Intel checks; available (9) is what
 * some hypervisors need: Intel SDM vol. 3, section 27.3.1.2. */
int mote__kvm_self_test(struct mote__hv *hv, mote_error *error)
{
    static const uint8_t types[] = {11, 9};
    struct mote__exit exit = {0};
    for (size_t i = 0; i < sizeof types; i++) {
        hv->tr_type = types[i];
        int status = ring(hv, MOTE_CPU_V2, &exit, error);
        if (status)
            return status;
        if (exit.kind == MOTE__EXIT_NO_THREAD)
            return mote__fail_system(error, -EAGAIN, "starting a VM's thread");
        if (exit.kind != MOTE__EXIT_DOORBELL)
            continue;
        status = ring(hv, MOTE_CPU_V3, &exit, error);
        hv->has_v3 = exit.kind == MOTE__EXIT_DOORBELL;
        return status;
    }
    return mote__fail(error, MOTE_DOMAIN_BACKEND, MOTE_EBACKEND, exit.kind,
                      exit.kind == MOTE__EXIT_STRANGE
                          ? "mote doctor tells more"
                          : "use a processor with SSE4.2, XSAVE and FSGSBASE (since 2012) and a "
                            "hypervisor that passes them on; mote doctor tells more",
                      "the self-test guest did not ring the doorbell here (%s)",
                      exit.text[0] ? exit.text : "it faulted");
}
