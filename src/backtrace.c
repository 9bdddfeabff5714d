/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a call ended. Registers and stack are the guest's and hostile: each word is read
 * through the region table, the walk is bounded, and only addresses of the image's code
 * are taken. Nothing of this runs for a call that succeeds.
 */
#include <string.h>

#include "resident.h"
#include "sandbox.h"

/* What `push %rbp; mov %rsp, %rbp` leaves where RBP points. */
struct frame {
    uint64_t caller; /* its frame */
    uint64_t back;   /* the return address */
};

/* A return address: the call before it is code, though the next instruction may not be. */
static bool is_return(const struct mote__elf *elf, uint64_t address)
{
    return mote__elf_is_code(elf, address - 1);
}

/* After a call to nowhere the return address is on top of the stack. */
static bool read_return(const struct mote__elf *elf, const struct mote__memory *memory,
                        uint64_t rsp, uint64_t *back)
{
    return !mote__memory_get(memory, rsp, back, sizeof *back) && is_return(elf, *back);
}

uint32_t mote__backtrace(const struct mote__elf *elf, const struct mote__memory *memory,
                         const struct mote__cpu_regs *regs, uint64_t *frames)
{
    uint32_t n = 0;
    frames[n++] = regs->rip;
    if (!mote__elf_is_code(elf, regs->rip) && read_return(elf, memory, regs->rsp, &frames[n]))
        n++;
    struct frame frame;
    uint64_t at = regs->rbp, last = 0;
    while (n < MOTE_FRAMES_MAX && at > last && at % sizeof at == 0 &&
           !mote__memory_get(memory, at, &frame, sizeof frame) && is_return(elf, frame.back)) {
        frames[n++] = frame.back;
        last = at;
        at = frame.caller;
    }
    return n;
}

/* ---- where the guest stands ---- */

/* A guest that waits at the doorbell of the gate page: as it returns. (kvm-pvm has RIP behind
 * the `out`, others at it.) One that rings elsewhere stands where it rings. */
static void leave_doorbell(const mote_sandbox *sandbox, struct mote__cpu_regs *regs)
{
    uint64_t at = regs->rip - sandbox->shell->layout->gate, back;
    bool waits = at - MOTE__GATE_DOORBELL <= MOTE__GATE_DOORBELL_RETURN - MOTE__GATE_DOORBELL ||
                 at - MOTE__GATE_RING < MOTE__GATE_RING_END - MOTE__GATE_RING;
    if (waits && read_return(&sandbox->image->elf, &sandbox->shell->memory, regs->rsp, &back)) {
        regs->rip = back;
        regs->rsp += sizeof back;
    }
}

static bool guest_registers(const mote_sandbox *sandbox, struct mote__cpu_regs *regs)
{
    const struct mote__shell *shell = sandbox->shell;
    const struct mote__cpu_regs *now = mote__vm_regs(shell->vm);
    /* On kvm-pvm a `syscall` comes to its entry at CPL3, and may be stopped there. */
    bool at_syscall = now->rip == shell->layout->monitor + MOTE__MONITOR_SYSCALL;
    if (shell->in_monitor || at_syscall)
        return mote__monitor_guest(regs, now, shell->layout->monitor,
                                   shell->layout->monitor_stack_top,
                                   mote__system_page(&shell->memory, MOTE__PAGE_MONITOR_STACK));
    *regs = *now;
    leave_doorbell(sandbox, regs);
    return true;
}

void mote__report_place(mote_sandbox *sandbox)
{
    mote_report *r = &sandbox->report;
    struct mote__cpu_regs regs;
    mote__resident_stand(sandbox);
    bool known = r->fault != MOTE_FAULT_NONE && sandbox->shell && !sandbox->broken &&
                 guest_registers(sandbox, &regs);
    if (!known)
        return;
    _Static_assert(sizeof r->registers == sizeof regs, "same registers");
    memcpy(&r->registers, &regs, sizeof r->registers);
    if (r->symbol[0] == '\0')
        mote__image_symbol(sandbox->image, regs.rip, r->symbol, sizeof r->symbol);
    r->nframes = mote__backtrace(&sandbox->image->elf, &sandbox->shell->memory, &regs, r->frames);
}
