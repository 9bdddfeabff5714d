/* SPDX-License-Identifier: Apache-2.0 */
/* Booting an image: run it once to ready, under its boot policy, and take the
 * snapshot from which every sandbox starts. */
#include "error.h"
#include "sandbox.h"

/* The memory that every guest starts with, besides its image. */
static int map_fixtures(mote_sandbox *sandbox, mote_error *error)
{
    struct mote__memory *memory = &sandbox->shell->memory;
    const struct mote__layout *l = sandbox->shell->layout;
#if defined(MOTE_CONTROL_NO_NULL_PAGE)
    mote__memory_map(memory, 0, MOTE__PAGE, MOTE__READ | MOTE__WRITE, MOTE__REGION_MMAP, NULL);
#endif
    uint64_t reserve = l->stack_top - l->stack_low;
    uint64_t stack = reserve < MOTE__STACK_FIRST ? reserve : MOTE__STACK_FIRST;
    int status = mote__memory_map(memory, l->stack_top - stack, stack, MOTE__READ | MOTE__WRITE,
                                  MOTE__REGION_STACK, error);
    return status ? status
                  : mote__memory_map(memory, l->mailbox, MOTE__MAILBOX_FIRST,
                                     MOTE__READ | MOTE__WRITE, MOTE__REGION_MAILBOX, error);
}

static int prepare(mote_sandbox *sandbox, mote_error *error)
{
    const mote_image *image = sandbox->image;
    int status = mote__shell_new(&sandbox->shell, &image->host->allocator, &image->layout,
                                 image->read_only_fd, image->read_only, image->boot_memory, error);
    if (!status)
        status = mote__image_load(image, &sandbox->shell->memory, error);
    if (!status)
        status = map_fixtures(sandbox, error);
    if (!status)
        status = mote__shell_start(sandbox->shell, image->host->hv, image->cpu, error);
    mote__linux_begin(&sandbox->personality, image->layout.heap);
    return status;
}

static int boot_failed(mote_sandbox *sandbox, int status, enum mote__stop stop, mote_error *error)
{
    if (!status && stop == MOTE__STOP_EXIT)
        return mote__fail(error, MOTE_DOMAIN_GUEST, MOTE_EBOOT, sandbox->report.code,
                          "a guest with exports must end its main with mote_serve()",
                          "%s ended with status %lld before it was ready", sandbox->image->name,
                          (long long)sandbox->report.code);
    return mote__fail(error, MOTE_DOMAIN_GUEST, MOTE_EBOOT, status,
                      "see mote_image_options for the limits of booting",
                      "%s failed before it was ready: %.300s", sandbox->image->name,
                      sandbox->error.text);
}

/* From the ELF entry to the first doorbell; exports wait there. */
static int run_to_ready(mote_sandbox *sandbox, mote_error *error)
{
    struct mote__cpu_regs regs = {.rip = sandbox->image->elf.entry};
    int status = mote__linux_start(sandbox, &regs, error);
    if (status)
        return status;
    enum mote__stop stop = MOTE__STOP_EXIT;
    mote__shell_go(sandbox->shell, &regs);
    status = mote__execute(sandbox, mote__deadline_in(sandbox->image->boot_deadline_ns), &stop);
    return status || stop != MOTE__STOP_READY ? boot_failed(sandbox, status, stop, error) : 0;
}

static int boot(mote_image *image, mote_sandbox *sandbox, mote_error *error)
{
    struct mote__snapshot *snapshot = NULL;
    int status = prepare(sandbox, error);
    if (status)
        return status;
    mote__sandbox_write_info(sandbox);
    bool program = mote__image_is_program(image);
    if (!program)
        status = run_to_ready(sandbox, error);
    struct mote__snapshot_source source = {.allocator = &image->host->allocator,
                                           .shell = sandbox->shell,
                                           .entry = program ? image->elf.entry : 0,
                                           .image = image,
                                           .read_only_fd = image->read_only_fd,
                                           .cpu = image->cpu,
                                           .personality = &sandbox->personality};
    if (!status)
        status = mote__snapshot_take(&snapshot, &source, error);
    if (status)
        return status;
    mote__host_log(image->host, 1, "%s: booted, needs %zu KiB to start", image->name,
                   mote__snapshot_needs(snapshot) >> 10);
    atomic_store(&image->snapshot, snapshot);
    return 0;
}

static int boot_locked(mote_image *image, mote_error *error)
{
    mote_sandbox *sandbox;
    if (atomic_load(&image->snapshot))
        return 0;
    int status = mote__sandbox_create(&sandbox, image, NULL, NULL, NULL, error);
    if (status)
        return status;
    status = boot(image, sandbox, error);
    mote__sandbox_destroy(sandbox);
    return status;
}

int mote__image_boot(mote_image *image, mote_error *error)
{
    if (atomic_load(&image->snapshot))
        return 0;
    int cancel = mote__cancel_off(); /* the lock would stay locked */
    pthread_mutex_lock(&image->boot_lock);
    int status = boot_locked(image, error);
    pthread_mutex_unlock(&image->boot_lock);
    mote__cancel_back(cancel);
    return status;
}
