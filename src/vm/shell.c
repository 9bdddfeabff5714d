/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/shell.h"

#include <string.h>

#include "error.h"
#include "mote_abi.h"
#include "os/os.h"
#include "vm/machine.h"
#include "vm/system_pages.h"

/* ---- building ---- */

/* The image's code and constants, shared by all its sandboxes. */
static int map_read_only(struct mote__memory *memory, int fd, size_t size, mote_error *error)
{
    memory->read_only = size;
    memory->ram.used = size;
    if (size == 0)
        return 0;
    if (size > memory->limit)
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_ELIMIT, 0,
                          "grant more memory: MOTE_OPT_MEMORY, mote run --memory",
                          "memory too small: the image alone is %zu KiB, the limit %zu KiB",
                          size >> 10, memory->limit >> 10);
    int status = mote__map_over(memory->ram.host, size, fd);
    if (status < 0)
        return mote__fail_system(error, status, "mapping the image");
    status = mote__not_in_child(memory->ram.host, size);
    return status < 0 ? mote__fail_system(error, status, "madvise(MADV_DONTFORK)") : 0;
}

int mote__shell_reserve(struct mote__shell **out, const mote_allocator *allocator,
                        const struct mote__layout *layout, size_t limit, size_t files,
                        mote_error *error)
{
    struct mote__shell *shell = mote__alloc(allocator, sizeof *shell);
    if (!shell)
        return mote__fail_memory(error, "a shell");
    shell->layout = layout;
    int status = mote__memory_reserve(&shell->memory, allocator, limit, files, error);
    if (status) {
        mote__shell_free(shell);
        return status;
    }
    *out = shell;
    return 0;
}

int mote__shell_new(struct mote__shell **out, const mote_allocator *allocator,
                    const struct mote__layout *layout, int read_only_fd, size_t read_only,
                    size_t limit, mote_error *error)
{
    struct mote__shell *shell = NULL;
    int status = mote__shell_reserve(&shell, allocator, layout, limit, 0, error);
    if (status)
        return status;
    status = map_read_only(&shell->memory, read_only_fd, read_only, error);
    if (!status)
        status = mote__system_map(&shell->memory.tables, &shell->memory.root, layout, error);
    if (status) {
        mote__shell_free(shell);
        return status;
    }
    mote__system_fill(&shell->memory.tables, layout);
    *out = shell;
    return 0;
}

void mote__shell_setup(const struct mote__shell *shell, mote_cpu cpu, struct mote__cpu_setup *setup)
{
    *setup = (struct mote__cpu_setup){.cpu_level = (int)cpu};
    mote__monitor_setup(setup, shell->layout->monitor);
    setup->page_tables = shell->memory.tables.physical + shell->memory.root;
}

int mote__shell_start(struct mote__shell *shell, struct mote__hv *hv, mote_cpu cpu,
                      mote_error *error)
{
    int status = mote__machine_new(shell, hv, cpu, error);
    return status ? status : mote__memory_attach(&shell->memory, shell->vm, error);
}

static int copy_ram(struct mote__memory *memory, const struct mote__snapshot *s, mote_error *error)
{
    memory->ram.used = mote__snapshot_needs(s);
    for (size_t i = 0; i < s->nruns; i++) {
        uint8_t *to = memory->ram.host + s->runs[i].offset;
        int status = mote__populate_pages(to, s->runs[i].size);
        if (status < 0)
            return mote__fail_system(error, status, "populating guest memory");
        mote__snapshot_copy(s, s->runs[i].offset, s->runs[i].size, to);
    }
    return 0;
}

static int copy_tables(struct mote__memory *memory, const struct mote__snapshot *s,
                       mote_error *error)
{
    if (s->tables_size > memory->tables.reserved)
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_ELIMIT, 0, NULL,
                          "memory too small for the image's page tables");
    memory->tables.used = s->tables_size;
    memory->root = s->root;
    int status = mote__populate_pages(memory->tables.host, s->tables_size);
    if (status < 0)
        return mote__fail_system(error, status, "populating page tables");
    memcpy(memory->tables.host, s->tables, s->tables_size);
    mote__paging_relocate(memory->tables.host + MOTE__SYSTEM_PAGES * MOTE__PAGE,
                          s->tables_size - MOTE__SYSTEM_PAGES * MOTE__PAGE,
                          memory->tables.physical);
    status = mote__regions_copy(&memory->regions, &s->regions);
    if (!status)
        status = mote__extents_copy(&memory->free, &s->free);
    return status ? mote__fail_memory(error, "the region table") : 0;
}

int mote__shell_check_limit(const struct mote__snapshot *s, size_t limit, mote_error *error)
{
    limit = (size_t)mote__align_up(limit, MOTE_REGION_ALIGN);
    if (mote__snapshot_needs(s) <= limit)
        return 0;
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_ELIMIT, 0,
                      "grant more memory: MOTE_OPT_MEMORY, mote run --memory",
                      "memory too small: the image needs %zu KiB to start, the limit is %zu KiB",
                      mote__snapshot_needs(s) >> 10, limit >> 10);
}

int mote__shell_fill(struct mote__shell *shell, struct mote__snapshot *s, mote_error *error)
{
    struct mote__memory *memory = &shell->memory;
    struct mote__snapshot *old = shell->snapshot;
    shell->snapshot = mote__snapshot_ref(s);
    shell->layout = &s->layout;
    shell->keep = (struct mote__keep){0};
    mote__snapshot_unref(old);
    int status = mote__shell_check_limit(s, memory->limit, error);
    if (!status)
        status = map_read_only(memory, s->read_only_fd, s->read_only, error);
    if (!status)
        status = copy_tables(memory, s, error);
    return status ? status : copy_ram(memory, s, error);
}

int mote__shell_from_snapshot(struct mote__shell **out, const mote_allocator *allocator,
                              struct mote__hv *hv, struct mote__snapshot *snapshot, size_t limit,
                              size_t files, mote_error *error)
{
    struct mote__shell *shell = NULL;
    int status = mote__shell_reserve(&shell, allocator, &snapshot->layout, limit, files, error);
    if (status)
        return status;
    status = mote__shell_fill(shell, snapshot, error);
    if (!status)
        status = mote__shell_start(shell, hv, snapshot->cpu, error);
    if (status) {
        mote__shell_free(shell);
        return status;
    }
    mote__shell_go_clean(shell, snapshot);
    *out = shell;
    return 0;
}

void mote__shell_release(struct mote__shell *shell)
{
    mote__memory_release(&shell->memory);
    mote__snapshot_unref(shell->snapshot);
    mote__free(shell);
}

void mote__shell_abandon(struct mote__shell *shell)
{
    if (shell->machine)
        mote__machine_abandon(shell->machine);
    else
        mote__memory_abandon(&shell->memory);
}

void mote__shell_free(struct mote__shell *shell)
{
    if (!shell)
        return;
    if (shell->machine)
        mote__machine_free(shell->machine);
    else
        mote__shell_release(shell);
}

/* ---- going on ---- */

void mote__shell_go(struct mote__shell *shell, const struct mote__cpu_regs *regs)
{
    struct mote__cpu_regs *r = mote__vm_regs(shell->vm);
    *r = *regs;
    if (shell->in_monitor)
        mote__monitor_return(r, shell->layout->monitor, shell->layout->monitor_stack_top,
                             mote__system_page(&shell->memory, MOTE__PAGE_MONITOR_STACK));
    else
        r->rflags = (r->rflags & MOTE__FLAGS_USER) | MOTE__FLAGS_FIXED;
    mote__vm_regs_changed(shell->vm);
}

static void *scrub_page(const struct mote__shell *shell)
{
    return mote__system_page(&shell->memory, MOTE__PAGE_SCRUB);
}

void mote__shell_go_clean(struct mote__shell *shell, const struct mote__snapshot *snapshot)
{
    struct mote__cpu_regs regs = snapshot->regs;
#if defined(MOTE_CONTROL_NO_FLAGS)
    regs.rflags = mote__vm_regs(shell->vm)->rflags;
#endif
#if !defined(MOTE_CONTROL_NO_PARK_SCRUB)
    if (shell->own_scrub) {
        memcpy(scrub_page(shell), snapshot->tables + MOTE__PAGE_SCRUB * MOTE__PAGE,
               sizeof(struct mote__scrub_data));
        mote__wipe(&shell->resume, sizeof shell->resume);
        shell->own_scrub = false;
    }
#endif
    mote__shell_go(shell, &regs);
    shell->stand = MOTE__STAND_SNAPSHOT;
}

/* ---- keeping where a guest waits ---- */

/* Only what the System V convention keeps across the call of the doorbell. */
static struct mote__cpu_regs callee_saved(const struct mote__cpu_regs *now)
{
    return (struct mote__cpu_regs){.rbx = now->rbx,
                                   .rbp = now->rbp,
                                   .rsp = now->rsp,
                                   .r12 = now->r12,
                                   .r13 = now->r13,
                                   .r14 = now->r14,
                                   .r15 = now->r15};
}

int mote__shell_keep(struct mote__shell *shell, struct mote__resume *resume, mote_error *error)
{
    if (shell->stand == MOTE__STAND_RESUME) {
        *resume = shell->resume;
        return 0;
    }
    *resume = (struct mote__resume){.at = shell->layout->gate + MOTE__GATE_DOORBELL_RETURN};
    int status = mote__vm_get_special(shell->vm, &resume->special, error);
    if (!status)
        status = mote__vm_get_controls(shell->vm, &resume->special, error);
    resume->regs = callee_saved(mote__vm_regs(shell->vm));
    resume->regs.rip = shell->layout->gate + MOTE__GATE_SCRUB;
    resume->regs.rflags = MOTE__FLAGS_FIXED;
    return status;
}

void mote__shell_go_resume(struct mote__shell *shell, const struct mote__resume *resume)
{
    shell->resume = *resume;
    shell->own_scrub = true;
    mote__scrub_build(scrub_page(shell), resume->at, &resume->special);
    mote__shell_go(shell, &resume->regs);
    shell->stand = MOTE__STAND_RESUME;
}
