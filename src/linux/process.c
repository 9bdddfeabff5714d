/* SPDX-License-Identifier: Apache-2.0 */
/* The one process with its one thread: its end, its thread-local data, nobody to talk to. */
#include "linux/internal.h"

#define ARCH_SET_FS 0x1002 /* asm/prctl.h */

int64_t mote__linux_exit(mote_sandbox *sandbox, struct mote__syscall *call)
{
    (void)sandbox;
    call->outcome = MOTE__SYSCALL_EXIT;
    return 0;
}

int64_t mote__linux_only_thread(mote_sandbox *sandbox, struct mote__syscall *call)
{
    (void)sandbox;
    (void)call;
    return MOTE__LINUX_ID;
}

/* 0: nothing to do, nobody to wait for or to wake, no parent, no other groups. */
int64_t mote__linux_nothing(mote_sandbox *sandbox, struct mote__syscall *call)
{
    (void)sandbox;
    (void)call;
    return 0;
}

/* Asked by libraries and programs that do without: not counted as refused. */
int64_t mote__linux_unsupported(mote_sandbox *sandbox, struct mote__syscall *call)
{
    (void)sandbox;
    (void)call;
    return -ENOSYS;
}

/* The FS base is set by the gate's stub, on the way back: no ioctl, and the same
 * on every backend. The answer, 0, is left in rax as for any call. */
static int64_t set_fs_base(mote_sandbox *sandbox, struct mote__cpu_regs *regs, uint64_t base)
{
    if (base >= MOTE__USER_TOP)
        return -EPERM;
    regs->r11 = base;
    regs->rcx = regs->rip;
    regs->rip = sandbox->shell->layout->gate + MOTE__GATE_SET_FS;
    return 0;
}

int64_t mote__linux_arch_prctl(mote_sandbox *sandbox, struct mote__syscall *call)
{
    return call->args[0] == ARCH_SET_FS ? set_fs_base(sandbox, call->regs, call->args[1]) : -EINVAL;
}
