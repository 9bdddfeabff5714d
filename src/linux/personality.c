/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/personality.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "linux/internal.h"

#define ARCH_SET_FS   0x1002 /* asm/prctl.h */
#define TIOCGWINSZ    0x5413
#define TCGETS        0x5401
#define AT_FDCWD      ((uint64_t)-100)
#define AT_EMPTY_PATH 0x1000u
#define ONLY_THREAD   1 /* process and thread id of every guest */

/* The FS base is set by the gate's stub, on the way back: no ioctl, and the same
 * on every backend. */
static void set_fs_base(mote_sandbox *sandbox, struct mote__cpu_regs *regs, uint64_t base)
{
    regs->rax = 0;
    regs->r11 = base;
    regs->rcx = regs->rip;
    regs->rip = sandbox->shell->layout->gate + MOTE__GATE_SET_FS;
}

static int64_t arch_prctl(mote_sandbox *sandbox, struct mote__cpu_regs *regs)
{
    if (regs->rdi != ARCH_SET_FS)
        return -EINVAL;
    if (regs->rsi >= MOTE__USER_TOP)
        return -EPERM;
    set_fs_base(sandbox, regs, regs->rsi);
    return 0;
}

static int64_t ioctl_on_stream(const mote_sandbox *sandbox, uint64_t fd)
{
    return mote__linux_has_stream(sandbox, fd) ? -ENOTTY : -EBADF;
}

/* fstat(fd) as newer libraries ask for it. */
static int64_t newfstatat(mote_sandbox *sandbox, const struct mote__syscall *call)
{
    char path;
    if (!(call->args[3] & AT_EMPTY_PATH) ||
        mote__memory_get(&sandbox->shell->memory, call->args[1], &path, 1) || path)
        return -ENOENT; /* there are no files */
    return mote__linux_fstat(sandbox, call->args[0], call->args[2]);
}

/* True advice need not be taken; what promises zeroed pages is not offered. */
static int64_t advise(uint64_t advice)
{
    return advice == MADV_DONTNEED || advice == MADV_REMOVE ? -EINVAL : 0;
}

/* No signal ever comes, so that none is ever blocked. */
static int64_t old_mask(mote_sandbox *sandbox, uint64_t address)
{
    static const uint64_t none;
    if (address && mote__memory_put(&sandbox->shell->memory, address, &none, sizeof none))
        return -EFAULT;
    return 0;
}

static int64_t refuse(mote_sandbox *sandbox)
{
    sandbox->report.refused++;
    return -ENOSYS;
}

static int64_t serve(mote_sandbox *sandbox, const struct mote__syscall *c)
{
    const uint64_t *a = c->args;
    switch (c->number) {
    case SYS_read:
        return mote__linux_read(sandbox, a[0], a[1], a[2]);
    case SYS_readv:
        return mote__linux_readv(sandbox, a[0], a[1], a[2]);
    case SYS_write:
        return mote__linux_write(sandbox, a[0], a[1], a[2]);
    case SYS_writev:
        return mote__linux_writev(sandbox, a[0], a[1], a[2]);
    case SYS_brk:
        return mote__linux_brk(sandbox, a[0]);
    case SYS_mmap:
        return mote__linux_mmap(sandbox, c);
    case SYS_munmap:
        return mote__linux_munmap(sandbox, a[0], a[1]);
    case SYS_mprotect:
        return mote__linux_mprotect(sandbox, a[0], a[1], a[2]);
    case SYS_mremap:
        return -ENOMEM; /* libraries copy instead */
    case SYS_fstat:
        return mote__linux_fstat(sandbox, a[0], a[1]);
    case SYS_newfstatat:
        return newfstatat(sandbox, c);
    case SYS_ioctl:
        return ioctl_on_stream(sandbox, a[0]);
    case SYS_lseek:
        return mote__linux_has_stream(sandbox, a[0]) ? -ESPIPE : -EBADF;
    case SYS_close:
        return mote__linux_has_stream(sandbox, a[0]) ? 0 : -EBADF;
    case SYS_readlink:
    case SYS_readlinkat:
        return -ENOENT; /* /proc/self/exe, asked by glibc at its start */
    case SYS_set_tid_address:
    case SYS_getpid:
    case SYS_gettid:
        return ONLY_THREAD;
    case SYS_madvise:
        return advise(a[2]);
    case SYS_rt_sigprocmask:
        return old_mask(sandbox, a[2]);
    case SYS_futex: /* nobody to wait for, nobody to wake */
    case SYS_tkill: /* signal 0; others end the guest */
    case SYS_kill:
    case SYS_tgkill:
        return 0;
    default:
        return refuse(sandbox);
    }
}

/* A signal that the guest sends itself ends it: abort(), raise(). */
static bool is_own_signal(const struct mote__syscall *c, uint64_t *signal)
{
    switch (c->number) {
    case SYS_tkill:
    case SYS_kill:
        *signal = c->args[1];
        return true;
    case SYS_tgkill:
        *signal = c->args[2];
        return true;
    default:
        return false;
    }
}

enum mote__syscall_outcome mote__linux_syscall(mote_sandbox *sandbox, struct mote__cpu_regs *regs)
{
    struct mote__syscall call = {regs->rax,
                                 {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9}};
    uint64_t signal;
    if (call.number == SYS_exit || call.number == SYS_exit_group)
        return MOTE__SYSCALL_EXIT;
    if (is_own_signal(&call, &signal) && signal) { /* 0 only asks whether one could */
        regs->rdi = signal & 0x7f;
        return MOTE__SYSCALL_ABORT;
    }
    if (call.number == SYS_arch_prctl) {
        int64_t result = arch_prctl(sandbox, regs);
        if (result)
            regs->rax = (uint64_t)result;
        return MOTE__SYSCALL_RETURN;
    }
    regs->rax = (uint64_t)serve(sandbox, &call);
    return sandbox->error.code ? MOTE__SYSCALL_FAILED : MOTE__SYSCALL_RETURN;
}
